//! libFuzzer's way into [`enemy::framer`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| enemy::framer(bytes));
