//! What happened to a caller, sealed so that nobody can change it unnoticed.
//!
//! An [`Event`] (a [`Fact`] with its time, call and place in the flow) is sealed by [`Log`] into a
//! [`Record`]: one line of canonical JSON (RFC 8785) chained to the call's previous record. Records are
//! the leaves of an RFC 6962 tree ([`Tree`]) whose head is signed as a C2SP [`Checkpoint`]. [`verify`]
//! needs the exported files and the public key, nothing else: an auditor builds this crate anywhere.
//!
//! No file, socket or clock is touched here; `store` writes the files.

mod call_id;
mod fact;

pub use call_id::{CallId, CallIdError};
pub use fact::{Event, Fact, FlowRef};
