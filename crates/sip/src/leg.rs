//! One party's dialog with us, as the call core sees it: commands to it and events from it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use primitives::Private;

use crate::header::Reason;
use crate::referral::{Referral, Replaced};
use crate::{Path, Presented};

/// One SIP dialog (or the attempt at one). Never used twice in one process.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LegId(pub u64);

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leg-{}", self.0)
    }
}

/// What the call wants of a leg. A command that does not fit the leg's state any more (it ended a moment
/// ago) is passed over: the event that says so is already on its way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LegCommand {
    /// Say that the other side rings: 180.
    Ring,
    /// Early media: 183 with our SDP, reliable where the far end knows how (RFC 3262).
    Progress {
        /// Our answer, or our offer where the INVITE had none.
        sdp: Bytes,
    },
    /// Accept the INVITE: 200 with our SDP (an answer, or an offer where the INVITE had none).
    Answer {
        /// Our answer or offer.
        sdp: Bytes,
    },
    /// Refuse the INVITE, or after `LegEvent::Reoffered` the new offer: then the session stays as it was and
    /// the leg lives.
    Reject(Refusal),
    /// Ask who it is before anything else happens: 401 with a digest challenge. A caller who proves it
    /// comes back as a new leg whose `Invited::user` is set.
    Challenge(Challenge),
    /// End it, whatever its state: CANCEL, BYE, or a refusal where we have not answered yet.
    /// `LegEvent::Ended` follows at once, with the same cause; what is still to be sent needs no call.
    HangUp {
        /// Goes into the Reason header (RFC 3326), and decides how an unanswered INVITE is refused: as the
        /// other leg was (`Refused`), with 487, 500, or with 480 for all else.
        cause: EndCause,
    },
    /// A new offer inside the dialog: hold, resume, a moved media address. By re-INVITE, or by UPDATE as
    /// long as the INVITE has no final answer and what was agreed before binds. One that meets another
    /// exchange waits for its turn; the latest counts. An offer the far end refuses is not reported: the
    /// session stays as it was.
    Offer {
        /// Our offer.
        sdp: Bytes,
    },
    /// The answer to a `LegEvent::Reoffered`; and to the `LegEvent::Progress` or `LegEvent::Answered` of an
    /// INVITE of ours without offer, whose PRACK or ACK waits for it.
    Accept {
        /// Our answer.
        sdp: Bytes,
    },
    /// Take on what `LegEvent::Referred` asks for: 202, and news of it unless its sender wants none.
    AcceptReferral,
    /// Do not.
    RefuseReferral(Refusal),
    /// Ask the far end to go on elsewhere: REFER to this URI. `LegEvent::ReferAnswered` and `ReferNews` tell
    /// what comes of it.
    Refer {
        /// Whole, with an escaped Replaces where it is to take the place of a dialog.
        to: String,
    },
    /// News of it: what the referred-to party answered. From 200 on it is the last.
    TellReferrer {
        /// 180, 200, 486 …
        status: u16,
    },
}

/// Why a leg is being asked who it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Challenge {
    /// It asks for something only our own phones may have.
    OwnPhonesOnly,
}

/// A final answer that is not a 2xx.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// 300 to 699.
    pub status: u16,
    /// For `503`: when to come back (§20.33).
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal with nothing but its number.
    pub const fn status(status: u16) -> Self {
        Self { status, retry_after: None }
    }
}

/// An INVITE that opens a dialog.
#[derive(Clone, Debug)]
pub struct Invited {
    /// The user part of the request URI, unescaped: the number dialled.
    pub dialled: Private<String>,
    /// The host part of the request URI.
    pub domain: String,
    /// The caller as From shows it (user part), `None` where it is anonymous.
    pub from: Option<Private<String>>,
    /// The caller's display name.
    pub display_name: Option<Private<String>>,
    /// P-Asserted-Identity's user part (RFC 3325). Believe it of a trusted trunk only.
    pub asserted: Option<Private<String>>,
    /// Who the headers say is calling, all of them.
    pub presented: Box<Presented>,
    /// The user who proved by digest to be the caller. The user part of From, or a carrier's: who proves to be
    /// another user than he calls as is refused with 403.
    pub user: Option<String>,
    /// Which way it came.
    pub path: Path,
    /// The domains and DNS names of the certificate that its connection was proven by, lower case; empty
    /// without one.
    pub certificate: Vec<String>,
    /// The SDP offer, `None` where we are to make it (late offer).
    pub offer: Option<Bytes>,
    /// The Call-ID header.
    pub sip_call_id: Private<String>,
    /// The dialog this call is to take the place of (RFC 3891).
    pub replaces: Option<Replaced>,
}

/// What happened on a leg.
#[derive(Clone, Debug)]
pub enum LegEvent {
    /// A new leg: somebody calls us. 100 Trying is already on its way.
    Invited(Box<Invited>),
    /// The far end rings (a 1xx without SDP). Told once.
    Ringing,
    /// The far end plays early media.
    Progress {
        /// Its SDP; of a forked INVITE that of the newest branch.
        sdp: Bytes,
    },
    /// The far end answered our INVITE; the ACK is sent, unless our INVITE had no offer.
    Answered {
        /// Its SDP: the answer, or the offer where our INVITE had none.
        sdp: Bytes,
    },
    /// The far end acknowledged our 200. Of an INVITE inside the dialog only where our 200 carried the offer.
    Confirmed {
        /// Its SDP, where our 200 carried the offer.
        sdp: Option<Bytes>,
    },
    /// The far end offers anew inside the dialog, also before the call is answered; answer with
    /// `LegCommand::Accept`.
    Reoffered {
        /// Its offer, `None` where we are to make it.
        sdp: Option<Bytes>,
    },
    /// The far end answered our `LegCommand::Offer`, the offer of our reliable `LegCommand::Progress`, or the
    /// unchanged offer of a session refresh (RFC 4028).
    OfferAnswered {
        /// Its answer.
        sdp: Bytes,
    },
    /// The far end wants whom it talks with to go on elsewhere; answer with `LegCommand::AcceptReferral` or
    /// `RefuseReferral`.
    Referred(Box<Referral>),
    /// The far end answered our REFER.
    ReferAnswered {
        /// 202, or why not.
        status: u16,
    },
    /// What came of our REFER so far.
    ReferNews {
        /// 100, 180, 200, 486 …
        status: u16,
    },
    /// A key by SIP INFO (`application/dtmf-relay` or `application/dtmf`), as typed: `0`–`9 * # A`–`D`.
    Info {
        /// The key.
        key: Private<char>,
    },
    /// The refusal that ends the leg next says when to come back, or where to try instead.
    Elsewhere {
        /// Retry-After.
        retry_after: Option<Duration>,
        /// URIs of a 3xx, best first.
        contacts: Vec<String>,
    },
    /// The leg is over and forgotten. Always the last event of a leg, and always sent, once, whoever
    /// ended it.
    Ended {
        /// Why.
        cause: EndCause,
        /// What the far end's BYE or CANCEL gave as its reason (RFC 3326).
        reason: Option<Reason>,
    },
}

/// Why a leg ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EndCause {
    /// The far end hung up after the answer (BYE).
    FarEndHungUp,
    /// The far end gave up before we answered (CANCEL).
    Cancelled,
    /// We hung up.
    WeHungUp,
    /// We refused it.
    WeRefused {
        /// With what.
        status: u16,
    },
    /// The far end refused our INVITE.
    Refused {
        /// With what: 486 busy, 603 declined, 480 not there …
        status: u16,
    },
    /// Nothing came back in time (Timer B, F or H, or no ACK).
    NoResponse,
    /// No way to reach it: DNS, connection or certificate.
    Unreachable,
    /// The other leg of the bridge ended first.
    OtherLegEnded,
    /// Another phone was answered: what rang here is no missed call.
    AnsweredElsewhere,
    /// A failure of our own; the log says which.
    InternalError,
}
