//! libFuzzer's way into [`enemy::dialog`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| enemy::dialog(bytes));
