//! Virtual clock, faulty link, simulator and RFC corpora for tests.

pub mod rfc4475;
