//! Sockets, names and certificates.

pub mod listen;
pub mod resolve;
pub mod streams;
pub mod tls;
