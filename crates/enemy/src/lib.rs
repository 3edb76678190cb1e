//! What an enemy may send to the cores that read what strangers write (SIP, media, call flows), and what must hold
//! whatever he sends.
//!
//! Each target is a plain function of bytes that panics when something does not hold. libFuzzer calls it
//! from `tests/fuzz`, and the tests of this crate with everything kept there in `corpus/` and `regressions/`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken promise is a panic here: that is what a fuzzer sees"
)]

mod calls;
mod dialog;
mod flow;
mod framer;
mod happening;
mod media;
mod message;
mod particulars;
mod transaction;
mod wire;
mod world;

pub use dialog::dialog;
pub use flow::flow;
pub use framer::framer;
pub use media::{packets, sdp, tones};
pub use message::message;
pub use transaction::transaction;

/// A target's name and body.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 8] = [
    ("framer", framer),
    ("message", message),
    ("transaction", transaction),
    ("dialog", dialog),
    ("sdp", sdp),
    ("packets", packets),
    ("tones", tones),
    ("flow", flow),
];
