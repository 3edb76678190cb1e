//! Sockets, names and certificates.

pub mod certificates;
pub mod identity;
pub mod listen;
pub mod overflow;
pub mod resolve;
pub mod seats;
pub mod service;
pub mod streams;
pub mod tls;
pub mod tls_client;
