//! libFuzzer's way into [`enemy::sdp`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| enemy::sdp(bytes));
