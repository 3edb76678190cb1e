//! libFuzzer's way into [`enemy::packets`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| enemy::packets(bytes));
