//! libFuzzer's way into [`enemy::transaction`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| enemy::transaction(bytes));
