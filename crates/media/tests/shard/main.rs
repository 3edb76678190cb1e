//! A shard from outside: commands and packets in, packets and events out, on a clock the test moves.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests"
)]

mod bridging;
mod conferring;
mod encrypted;
mod faults;
mod hearing;
mod keys;
mod playing;
mod recording;
mod robustness;
mod silence;
mod support;
mod tones;
mod transcoding;
