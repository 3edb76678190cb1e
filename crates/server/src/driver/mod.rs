//! Drivers move values between the cores and the world. If one holds an `if` about telephony, the `if`
//! belongs in a core.

pub mod inbox;
pub mod media;
pub mod packets;
pub mod performer;
pub mod recorder;
pub mod signalling;
pub mod snapshot;
