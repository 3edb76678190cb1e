//! libFuzzer's way into [`enemy::flow`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| enemy::flow(bytes));
