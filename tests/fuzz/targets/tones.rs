//! libFuzzer's way into [`enemy::tones`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| enemy::tones(bytes));
