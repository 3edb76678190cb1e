//! Checks the signatures of carriers for callers' numbers (RFC 8224 §6.2 steps 2 and 3).
//!
//! | question | file |
//! |---|---|
//! | whether a certificate is vouched for, and a signature its | `certificate.rs` |
//! | for whose numbers it may speak | `tn_auth_list.rs`, which reads with `der.rs` |
//! | how a certificate comes to us | `fetch.rs` |
//! | which are at hand, and who waits for one | `verifier.rs` |
//!
//! A chain is checked by `rustls-webpki`, which verifies the signature too: one library for both, and the one TLS
//! already stands on. It is not in a core because its arithmetic is not Rust.

mod certificate;
mod der;
mod fetch;
mod tn_auth_list;
mod verifier;

pub use verifier::{Trust, Verifier};
