//! From, To, Contact, Route, Record-Route, P-Asserted-Identity, Refer-To: an address and its parameters
//! (RFC 3261 §20.10).

use std::fmt;

use crate::uri::Uri;

use super::Params;

/// A `name-addr` or `addr-spec` with header parameters.
#[derive(Clone, Eq, PartialEq)]
pub struct NameAddr {
    /// What a display shows, quotes and backslashes taken off; bytes that are not UTF-8 read as U+FFFD
    /// (the raw header keeps them).
    pub display_name: Option<String>,
    /// The address.
    pub uri: Uri,
    /// The header's parameters. Without angle brackets everything after `;` is one (§20).
    pub params: Params,
}

impl NameAddr {
    /// An address with neither name nor parameters.
    pub const fn new(uri: Uri) -> Self {
        Self { display_name: None, uri, params: Params::new() }
    }

    /// The tag of From and To (§19.3).
    pub fn tag(&self) -> Option<&str> {
        self.params.raw("tag").flatten()
    }

    /// The same address with this tag.
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }

    /// The `expires` of a Contact in seconds; what is not a number reads as 3,600 (§10.2.1.1).
    pub fn expires(&self) -> Option<u32> {
        todo!()
    }

    /// The `q` of a Contact in thousandths.
    pub fn preference(&self) -> Option<u16> {
        todo!()
    }

    /// As a header value. Always with angle brackets.
    pub fn to_wire(&self) -> String {
        todo!()
    }
}

/// Shows that there is an address, never whose.
impl fmt::Debug for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameAddr").field("uri", &self.uri).field("tag", &self.tag()).finish_non_exhaustive()
    }
}

/// What a REGISTER, an INVITE or a 3xx says in its Contact headers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Contacts {
    /// `Contact: *`: every binding (§10.2.2).
    All,
    /// These, in the order written; perhaps none.
    These(Vec<NameAddr>),
}

impl Contacts {
    /// The addresses; none for `*`.
    pub fn addresses(&self) -> &[NameAddr] {
        match self {
            Self::All => &[],
            Self::These(addresses) => addresses,
        }
    }
}
