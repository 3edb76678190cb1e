//! What an enemy may send to the SIP core, and what must hold whatever he sends.
//!
//! Each target is a plain function of bytes that panics when something does not hold. libFuzzer calls it
//! from `tests/fuzz`, and the tests of the crate `sip` with everything kept there in `corpus/` and
//! `regressions/`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken promise is a panic here: that is what a fuzzer sees"
)]

mod calls;
mod dialog;
mod framer;
mod happening;
mod message;
mod particulars;
mod transaction;
mod wire;
mod world;

pub use dialog::dialog;
pub use framer::framer;
pub use message::message;
pub use transaction::transaction;

/// A target's name and body.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 4] =
    [("framer", framer), ("message", message), ("transaction", transaction), ("dialog", dialog)];
