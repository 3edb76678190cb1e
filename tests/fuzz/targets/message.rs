//! libFuzzer's way into [`enemy::message`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| enemy::message(bytes));
