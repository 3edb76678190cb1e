//! What a REFER asks for (RFC 3515), as the call core sees it.

use primitives::Private;

use crate::leg::LegId;

/// A REFER of the far end of a leg: it wants whom it talks with to go on elsewhere.
#[derive(Clone, Debug)]
pub struct Referral {
    /// The user part of Refer-To, unescaped; of a contact that is registered with us (a GRUU, RFC 5627, or
    /// the bare address of a phone), its user.
    pub to: Private<String>,
    /// The dialog the new call is to take the place of: an attended transfer. `None` is a blind one.
    pub replaces: Option<Replaced>,
    /// The user part of Referred-By (RFC 3892). Said, not proven.
    pub by: Option<Private<String>>,
}

/// What a Replaces header (RFC 3891) names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Replaced {
    /// A leg that is up.
    Confirmed(LegId),
    /// A leg we dialled, which rings. Only who dialled lets another take its place (§3), and only whom it rings
    /// for.
    Ringing(LegId),
    /// A leg that dialled us, not yet answered. Nothing takes its place (§3): 481.
    Dialling(LegId),
    /// A leg that is up, and was to be replaced only while it rang.
    TooLate,
    /// None of ours.
    Nobody,
}
