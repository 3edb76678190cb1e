//! Virtual clock, faulty link, simulator and RFC corpora for tests.

pub mod clock;
pub mod invariants;
pub mod link;
pub mod phone;
pub mod rfc4475;
pub mod rfc5118;
pub mod sim;
