//! Typed header fields (RFC 3261 §20). A message keeps raw values; these are read from them on demand, so
//! that a malformed header nobody asks for disturbs nobody.

mod address;
mod content;
mod cseq;
mod name;
mod params;
pub(crate) mod session;
pub(crate) mod text;
mod via;

pub use address::{Contacts, NameAddr};
pub use content::ContentType;
pub use cseq::{CSeq, RAck};
pub use name::Name;
pub use params::{Param, Params};
pub use session::{Refresher, Replaces, SessionExpires};
pub use via::Via;

/// Most parameters of one header value or URI; the longest seen in the field have about ten.
pub const PARAMS_MAX: usize = 64;
