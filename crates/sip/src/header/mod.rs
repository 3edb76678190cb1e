//! Typed header fields (RFC 3261 §20). A message keeps raw values; these are read from them on demand, so
//! that a malformed header nobody asks for disturbs nobody.

mod address;
mod content;
mod cseq;
mod diversion;
mod history;
mod identity;
mod name;
mod params;
mod reason;
mod remote_party;
pub(crate) mod session;
pub(crate) mod text;
mod verstat;
mod via;

pub use address::{Contacts, NameAddr};
pub use content::ContentType;
pub use cseq::{CSeq, RAck};
pub use diversion::{DIVERSIONS_MAX, DiversionReason, Redirection};
pub use identity::{IDENTITIES_MAX, IDENTITY_BYTES_MAX, Identity};
pub use name::Name;
pub use params::{Param, Params};
pub use reason::Reason;
pub use remote_party::RemoteParty;
pub use session::{Refresher, Replaces, SessionExpires};
pub use verstat::Verstat;
pub use via::Via;

/// Most parameters of one header value or URI; the longest seen in the field have about ten.
pub const PARAMS_MAX: usize = 64;
