//! Who has offered what inside a dialog (RFC 3264, RFC 3261 §14): at most one INVITE is under way.

use std::time::Instant;

use bytes::Bytes;

use super::Unacknowledged;
use crate::endpoint::Arrived;
use crate::transaction::layer::TransactionId;

/// The INVITE that is under way inside a dialog.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// None.
    Idle,
    /// Ours is out. Once the far end has said that it works on it, no timer of the transaction's runs, and
    /// this one ends it (RFC 3261 §16.6 timer C).
    Offering { transaction: TransactionId, offer: Bytes, give_up_at: Option<Instant> },
    /// Ours met the far end's and both were refused with 491; we try again (§14.1).
    Glared { offer: Bytes, again_at: Instant },
    /// The far end's waits for the call's answer: an INVITE, or an UPDATE or PRACK with an offer.
    Offered { request: Box<Arrived> },
    /// The far end's 2xx to an INVITE of ours without offer has one; the ACK waits for the call's answer.
    OwingAck { transaction: TransactionId, cseq: u32 },
    /// We accepted the far end's and wait for its ACK.
    Accepted { awaiting: Unacknowledged, confirms: Confirms },
}

/// What the ACK to our 2xx confirms, and who made the offer: where it was us, the ACK has the answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Confirms {
    /// The INVITE that opened the dialog.
    Dialog(Offerer),
    /// An INVITE inside it.
    Reinvite(Offerer),
}

/// Whose SDP is the offer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Offerer {
    /// Ours, in the 2xx: the INVITE had none.
    Us,
    /// The far end's, in its INVITE.
    FarEnd,
}

impl Offerer {
    /// Who makes the offer of an INVITE that came.
    pub(crate) const fn of_invite(offer: Option<&Bytes>) -> Self {
        if offer.is_some() { Self::FarEnd } else { Self::Us }
    }
}

impl Exchange {
    /// When something is to be done about it.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Glared { again_at, .. } => Some(*again_at),
            Self::Accepted { awaiting, .. } => Some(awaiting.poll_timeout()),
            Self::Offering { give_up_at, .. } => *give_up_at,
            Self::Idle | Self::Offered { .. } | Self::OwingAck { .. } => None,
        }
    }
}
