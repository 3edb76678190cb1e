//! Early dialogs (RFC 3261 §12.1): the branches of an INVITE of ours that have said something, and how far
//! offer and answer are before the final response (RFC 3262 §5, RFC 3311 §5).

use bytes::Bytes;

use super::Dialog;
use super::DialogId;
use crate::endpoint::Arrived;
use crate::transaction::layer::TransactionId;

/// Branches of a forked INVITE whose early dialogs are told apart. A fork rings a handful of phones.
const EARLY_MAX: usize = 16;

/// One branch of an INVITE of ours.
#[derive(Debug)]
pub(crate) struct Early {
    pub(crate) dialog: Dialog,
    pub(crate) exchange: EarlyExchange,
    /// The far end's SDP as it stands: a preview until the exchange is settled.
    pub(crate) sdp: Option<Bytes>,
    /// Ours, where it is not the offer of the INVITE any more.
    pub(crate) ours: Option<Bytes>,
    /// What came last of its reliable responses.
    pub(crate) order: Order,
}

/// The order of a branch's reliable responses (RFC 3262 §4).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Order(Option<u32>);

impl Order {
    /// Takes the RSeq of a reliable response. `false`: a repetition, or one that overtook another, which
    /// will be sent again.
    pub(crate) fn is_next(&mut self, rseq: u32) -> bool {
        let is_next = match self.0 {
            None => true,
            Some(last) => last.checked_add(1) == Some(rseq),
        };
        if is_next {
            self.0 = Some(rseq);
        }
        is_next
    }

    /// The state's name in `table.md`.
    #[cfg(test)]
    pub(crate) const fn state(self) -> &'static str {
        if self.0.is_none() { "Silent" } else { "Ordered" }
    }
}

/// How far offer and answer are in an early dialog.
#[derive(Debug)]
pub(crate) enum EarlyExchange {
    /// Nobody has offered, or the offer of the INVITE has no answer that binds.
    Open,
    /// Our offer is in a reliable response of ours; the answer comes with its PRACK.
    AwaitingPrack,
    /// The first offer is in the far end's reliable response of this RSeq; our PRACK waits for the call's
    /// answer.
    OwingPrack { rseq: u32 },
    /// Agreed: either side may offer anew by UPDATE.
    Settled,
    /// Our UPDATE with an offer is out.
    Offering { transaction: TransactionId, offer: Bytes },
    /// An UPDATE or PRACK of the far end with an offer waits for the call's answer.
    Offered { request: Box<Arrived> },
}

/// Why an offer cannot be taken now (RFC 3311 §5.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotNow {
    /// An offer of ours is out: 491.
    OursIsOut,
    /// The far end's earlier one has no answer yet: 500 with Retry-After.
    TheirsIsOpen,
}

impl EarlyExchange {
    /// Why another offer of the far end cannot be taken now. `offered_by_us`: who made the INVITE's offer.
    pub(crate) const fn not_now(&self, offered_by_us: bool) -> Option<NotNow> {
        match self {
            Self::Settled => None,
            Self::Open if offered_by_us => Some(NotNow::OursIsOut),
            Self::AwaitingPrack | Self::Offering { .. } => Some(NotNow::OursIsOut),
            Self::Open | Self::OwingPrack { .. } | Self::Offered { .. } => Some(NotNow::TheirsIsOpen),
        }
    }

    /// Whether the INVITE may get its 2xx: no offer hangs in the air.
    pub(crate) const fn is_quiet(&self) -> bool {
        matches!(self, Self::Open | Self::Settled)
    }

    /// Whether the session is agreed, so that the 2xx need not say it.
    pub(crate) const fn is_settled(&self) -> bool {
        matches!(self, Self::Settled | Self::Offering { .. } | Self::Offered { .. })
    }
}

/// The early dialogs of one INVITE of ours, the newest last.
#[derive(Debug, Default)]
pub(crate) struct EarlyDialogs(Vec<Early>);

impl EarlyDialogs {
    /// The one with this tag of the far end.
    pub(crate) fn of(&mut self, tag: &str) -> Option<&mut Early> {
        self.0.iter_mut().find(|early| early.dialog.id.remote_tag == tag)
    }

    /// Whether there is one with this tag.
    pub(crate) fn has(&self, tag: &str) -> bool {
        self.0.iter().any(|early| early.dialog.id.remote_tag == tag)
    }

    /// Remembers a branch. When full the newest is not: its responses count as those of a stranger.
    pub(crate) fn add(&mut self, dialog: Dialog) {
        if self.0.len() < EARLY_MAX {
            let (exchange, order) = (EarlyExchange::Open, Order::default());
            self.0.push(Early { dialog, exchange, sdp: None, ours: None, order });
        }
    }

    /// Takes out the branch that answered.
    pub(crate) fn take(&mut self, tag: &str) -> Option<Early> {
        let at = self.0.iter().position(|early| early.dialog.id.remote_tag == tag)?;
        Some(self.0.remove(at))
    }

    /// The newest for which this holds.
    pub(crate) fn newest(&mut self, is_it: impl Fn(&Early) -> bool) -> Option<&mut Early> {
        self.0.iter_mut().rev().find(|early| is_it(early))
    }

    /// What names the one that spoke first.
    pub(crate) fn first_id(&self) -> Option<&DialogId> {
        self.0.first().map(|early| &early.dialog.id)
    }

    /// All of them.
    pub(crate) fn into_iter(self) -> impl Iterator<Item = Early> {
        self.0.into_iter()
    }
}
