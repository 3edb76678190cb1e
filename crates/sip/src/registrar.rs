//! Registrations (RFC 3261 §10.3): who may be reached where, and for how long.

use std::time::Duration;

use primitives::Private;

use crate::Path;

/// Somebody who may register and place calls: an agent's phone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    /// The user part of the address of record and the digest username.
    pub name: String,
    /// The shared secret.
    pub secret: Private<String>,
}

/// One contact a user has registered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Binding {
    /// The contact's URI, where an INVITE for the user goes.
    pub contact: String,
    /// The way the REGISTER came, and so the way to reach a phone behind NAT.
    pub path: Path,
    /// `q` in thousandths, 1000 unless given.
    pub preference: u16,
    /// When it lapses, on the calendar, so that a restart keeps it.
    pub expires: jiff::Timestamp,
    /// The Call-ID and CSeq of the REGISTER that made it (§10.3 step 7: an older CSeq is refused).
    pub sip_call_id: String,
    /// See `sip_call_id`.
    pub cseq: u32,
}

/// What changed; the driver stores it, the call core learns whether an agent can be reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RegistrationChange {
    /// Made or refreshed.
    Bound {
        /// Whose.
        user: String,
        /// The contact as it now stands.
        binding: Binding,
        /// For the log: how long it was granted.
        granted: Duration,
    },
    /// Removed by the phone, or lapsed.
    Unbound {
        /// Whose.
        user: String,
        /// Which.
        contact: String,
        /// How many contacts this user still has.
        left: usize,
    },
}
