//! The legs of an endpoint and the state each is in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Arrived;
use super::lookup::Lookup;
use super::refer::Refer;
use crate::Output;
use crate::account::Account;
use crate::deadlines::Deadlines;
use crate::dialog::{
    Dialog, DialogId, EarlyDialogs, EarlyExchange, Exchange, Offerer, Reliable, SessionTimer, Unacknowledged,
    Wish,
};
use crate::digest::Prover;
use crate::header::Reason;
use crate::leg::{EndCause, LegEvent, LegId};
use crate::message::Request;
use crate::path::{ConnectionId, HostName, Path, ResolveId, Target};
use crate::referral::Replaced;
use crate::transaction::layer::{Layer, TransactionId};

/// Legs under way at once, arriving or placed. Each costs some 10 KiB here and far more in the media
/// threads; a caller beyond that is told to come back (503), so that those who are in keep their quality.
/// Those that are leaving have a transaction each, and so are bounded by `TRANSACTIONS_MAX`.
pub(super) const LEGS_MAX: usize = 20_000;

/// Legs on top of that for emergency calls, two each.
const EMERGENCY_LEGS_RESERVED: usize = 1_024;

/// ACKs a leg remembers, one for each 2xx it may see again: of the branches of a forked INVITE and of its
/// latest re-INVITEs. The oldest is forgotten first; its 2xx then stays unanswered and its sender hangs up.
const ACKS_MAX: usize = 8;

/// One party's dialog with us, or the attempt at one.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: LegId,
    pub(super) state: State,
    /// ACKs that were sent, to be repeated when their 2xx is (RFC 3261 §13.2.2.4).
    pub(super) acks: VecDeque<SentAck>,
    /// Its question to DNS about its next hop.
    pub(super) lookup: Option<Lookup>,
    /// The answer to the latest; without a way DNS knew none.
    pub(super) known: Option<(HostName, Option<Path>)>,
}

/// The ACK to one 2xx.
#[derive(Debug)]
pub(super) struct SentAck {
    pub(super) transaction: TransactionId,
    /// Which branch of a forked INVITE it went to.
    pub(super) remote_tag: String,
    pub(super) path: Path,
    pub(super) ack: Bytes,
}

#[derive(Debug)]
pub(super) enum State {
    /// The name in an INVITE of ours is being looked up.
    Resolving { placed: Box<Placed>, question: ResolveId },
    /// Our INVITE is out.
    Calling { placed: Box<Placed>, transaction: TransactionId, heard: Heard },
    /// An INVITE came and has no final answer.
    Invited(Box<Invitation>),
    /// The INVITE was answered with 2xx, by us or by the far end.
    Established(Box<Established>),
    /// `LegEvent::Ended` was given; what is left to do without the call.
    Leaving(Leaving),
}

/// An INVITE of ours and where it may go.
#[derive(Debug)]
pub(super) struct Placed {
    /// Without Via and Contact: they depend on the path.
    pub(super) invite: Request,
    /// What names the leg until somebody answers.
    pub(super) id: DialogId,
    /// Where it went last.
    pub(super) path: Option<Path>,
    /// Whether the path was known from a registration, and so leads to the contact whatever its address.
    pub(super) registered: bool,
    /// Where it may go next (RFC 3263 §4.3).
    pub(super) targets: VecDeque<Target>,
    /// Who we are to whoever is between.
    pub(super) account: Account,
    pub(super) prover: Option<Box<Prover>>,
    /// How long a target may say nothing.
    pub(super) first_response: Option<Duration>,
    /// The session timer it asks for.
    pub(super) wish: Wish,
}

/// What came back for an INVITE of ours.
#[derive(Debug)]
pub(super) enum Heard {
    /// Nothing. It must not be cancelled yet (§9.1). Given up at an instant, where the call has not the
    /// patience of Timer B.
    Nothing { until: Option<Instant> },
    /// A provisional response: 100, or what the call knows by now.
    Provisional(Box<Progress>),
}

/// What the provisional responses to an INVITE of ours said.
#[derive(Debug)]
pub(super) struct Progress {
    /// Whether the call knows that it rings.
    pub(super) rings: bool,
    /// The newest SDP the call was told.
    pub(super) sdp: Option<Bytes>,
    /// The branches that have said something.
    pub(super) early: EarlyDialogs,
    /// Timer C: nothing else ends an INVITE that was answered provisionally (§16.6 step 11).
    pub(super) give_up_at: Instant,
}

/// An INVITE that came.
#[derive(Debug)]
pub(super) struct Invitation {
    pub(super) arrived: Arrived,
    pub(super) dialog: Dialog,
    /// Who makes the offer.
    pub(super) offerer: Offerer,
    /// When to say again that it rings, once we have said so.
    pub(super) remind_at: Option<Instant>,
    /// What the caller's phone knows of reliable responses.
    pub(super) reliability: Reliability,
    /// Our reliable responses.
    pub(super) provisional: Reliable,
    /// Provisional responses that wait for the PRACK to the one before.
    pub(super) held: VecDeque<Held>,
    /// The call's answer, waiting for a PRACK or for the end of an exchange.
    pub(super) answer: Option<Bytes>,
    pub(super) exchange: EarlyExchange,
    /// Our SDP that is part of what was agreed.
    pub(super) sdp: Option<Bytes>,
    /// See `Established::queued`.
    pub(super) queued: Option<Bytes>,
}

/// Whether provisional responses are to be reliable (RFC 3262 §3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reliability {
    /// The caller's phone does not know how.
    Unknown,
    /// It does: what matters is, early media.
    Supported,
    /// It wants all of them so.
    Required,
}

/// A provisional response that waits.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) status: u16,
    pub(super) sdp: Option<Bytes>,
}

/// A confirmed dialog.
#[derive(Debug)]
pub(super) struct Established {
    pub(super) dialog: Dialog,
    pub(super) exchange: Exchange,
    /// An offer of the call that waits until no other INVITE is under way. The latest only: it says where
    /// media goes now.
    pub(super) queued: Option<Bytes>,
    /// Our SDP as it was last sent: a refresh says it again.
    pub(super) sdp: Option<Bytes>,
    pub(super) timer: SessionTimer,
    /// Our UPDATE that refreshes the session.
    pub(super) refreshing: Option<TransactionId>,
    /// A reliable response that was out when the INVITE got its 2xx: its PRACK may still come.
    pub(super) provisional: Option<Reliable>,
    /// A REFER under way.
    pub(super) refer: Option<Box<Refer>>,
    /// Whether we sent one, so that a NOTIFY may come of it.
    pub(super) has_referred: bool,
    /// Since when there is no way to the far end.
    pub(super) unreachable_since: Option<Instant>,
}

impl Established {
    /// A dialog that was just confirmed.
    pub(super) const fn new(
        dialog: Dialog,
        exchange: Exchange,
        sdp: Option<Bytes>,
        timer: SessionTimer,
    ) -> Self {
        Self {
            dialog,
            exchange,
            queued: None,
            sdp,
            timer,
            refreshing: None,
            provisional: None,
            refer: None,
            has_referred: false,
            unreachable_since: None,
        }
    }
}

#[derive(Debug)]
pub(super) enum Leaving {
    /// Our 2xx waits for its ACK; a BYE follows (§15).
    AwaitingAck { dialog: Box<Dialog>, awaiting: Unacknowledged, cause: EndCause },
    /// Our INVITE waits for a provisional response; a CANCEL follows (§9.1).
    AwaitingProvisional { transaction: TransactionId, id: DialogId, cause: EndCause },
    /// Our CANCEL is out and the INVITE waits for its final response, which may still be a 2xx.
    AwaitingFinal { transaction: TransactionId, id: DialogId, give_up_at: Instant },
    /// Only transactions that run out.
    Over(Box<Over>),
}

/// What is kept of a leg while its transactions run out.
#[derive(Debug, Default)]
pub(super) struct Over {
    /// Answers what the far end sent before it knew.
    pub(super) dialog: Option<Dialog>,
    /// Our re-INVITE, which the far end may never answer now: an INVITE that had a provisional response
    /// has no timer of its own.
    pub(super) unfinished: Option<(TransactionId, Instant)>,
}

impl Over {
    /// With a dialog and nothing else.
    pub(super) fn with(dialog: Dialog) -> Leaving {
        Leaving::Over(Box::new(Self { dialog: Some(dialog), unfinished: None }))
    }

    /// With nothing.
    pub(super) fn nothing() -> Leaving {
        Leaving::Over(Box::default())
    }
}

impl Leg {
    pub(super) const fn new(id: LegId, state: State) -> Self {
        Self { id, state, acks: VecDeque::new(), lookup: None, known: None }
    }

    /// Remembers an ACK.
    pub(super) fn remember(&mut self, ack: SentAck) {
        if self.acks.len() >= ACKS_MAX {
            self.acks.pop_front();
        }
        self.acks.push_back(ack);
    }

    /// Takes the state out to make the next one of it.
    pub(super) fn take_state(&mut self) -> State {
        mem::replace(&mut self.state, State::Leaving(Over::nothing()))
    }

    /// Tells the call that the leg is over. The one place that does, and only ever called of a leg that was
    /// not leaving yet.
    pub(super) fn leave(&mut self, cause: EndCause, leaving: Leaving, out: &mut Vec<Output>) {
        self.leave_for(cause, None, leaving, out);
    }

    /// `leave` because of a message that says why.
    pub(super) fn leave_for(
        &mut self,
        cause: EndCause,
        reason: Option<Reason>,
        leaving: Leaving,
        out: &mut Vec<Output>,
    ) {
        out.push(Output::Leg { leg: self.id, event: LegEvent::Ended { cause, reason } });
        self.state = State::Leaving(leaving);
    }

    /// `leave` with nothing left but transactions that run out.
    pub(super) fn leave_at_once(&mut self, cause: EndCause, out: &mut Vec<Output>) {
        self.leave(cause, Over::nothing(), out);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Established(established) => {
                [established.exchange.poll_timeout(), established.timer.poll_timeout()]
                    .into_iter()
                    .flatten()
                    .min()
            }
            State::Calling { heard: Heard::Provisional(progress), .. } => Some(progress.give_up_at),
            State::Leaving(Leaving::AwaitingAck { awaiting, .. }) => Some(awaiting.poll_timeout()),
            State::Leaving(Leaving::AwaitingFinal { give_up_at, .. }) => Some(*give_up_at),
            State::Leaving(Leaving::Over(over)) => over.unfinished.map(|(_, give_up_at)| give_up_at),
            State::Calling { heard: Heard::Nothing { until }, .. } => *until,
            State::Invited(invitation) => {
                [invitation.remind_at, invitation.provisional.poll_timeout()].into_iter().flatten().min()
            }
            State::Resolving { .. } | State::Leaving(_) => None,
        }
    }

    /// What requests of the far end name it by.
    fn dialog_id(&self) -> Option<&DialogId> {
        match &self.state {
            State::Resolving { placed, .. } | State::Calling { placed, .. } => Some(&placed.id),
            State::Invited(invitation) => Some(&invitation.dialog.id),
            State::Established(established) => Some(&established.dialog.id),
            State::Leaving(leaving) => match leaving {
                Leaving::AwaitingAck { dialog, .. } => Some(&dialog.id),
                Leaving::AwaitingProvisional { id, .. } | Leaving::AwaitingFinal { id, .. } => Some(id),
                Leaving::Over(over) => over.dialog.as_ref().map(|dialog| &dialog.id),
            },
        }
    }
}

/// All legs. One that is being worked on is taken out and put back, so that nothing else can change it
/// meanwhile and its deadline and names are brought up to date in one place.
#[derive(Debug)]
pub(super) struct Legs {
    table: BTreeMap<LegId, Leg>,
    by_dialog: BTreeMap<DialogId, LegId>,
    questions: BTreeMap<ResolveId, LegId>,
    /// Legs whose next hop is to be looked up.
    unresolved: BTreeSet<LegId>,
    deadlines: Deadlines<LegId>,
    last: u64,
    last_question: u64,
    leaving: usize,
}

impl Legs {
    pub(super) const fn new() -> Self {
        Self {
            table: BTreeMap::new(),
            by_dialog: BTreeMap::new(),
            questions: BTreeMap::new(),
            unresolved: BTreeSet::new(),
            deadlines: Deadlines::new(),
            last: 0,
            last_question: 0,
            leaving: 0,
        }
    }

    pub(super) fn next_id(&mut self) -> LegId {
        self.last += 1;
        LegId(self.last)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Whether another leg may begin. Calls for help have room of their own.
    pub(super) fn has_room(&self, is_emergency: bool) -> bool {
        let reserved = if is_emergency { EMERGENCY_LEGS_RESERVED } else { 0 };
        self.under_way() < LEGS_MAX + reserved
    }

    /// Legs whose end was not told yet.
    pub(super) fn under_way(&self) -> usize {
        self.table.len() - self.leaving
    }

    /// Whether anything came back for an INVITE of ours.
    pub(super) fn has_heard_from(&self, id: LegId) -> bool {
        match self.table.get(&id).map(|leg| &leg.state) {
            Some(State::Calling { heard, .. }) => !matches!(heard, Heard::Nothing { .. }),
            Some(State::Established(_)) => true,
            _ => false,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.soonest()
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<LegId> {
        self.deadlines.take_due(now)
    }

    /// Numbers a question to DNS.
    pub(super) fn next_question(&mut self) -> ResolveId {
        self.last_question += 1;
        ResolveId(self.last_question)
    }

    /// Numbers a question of a leg's.
    pub(super) fn ask(&mut self, leg: LegId) -> ResolveId {
        let question = self.next_question();
        self.questions.insert(question, leg);
        question
    }

    /// Whose question it was. Every question is answered once.
    pub(super) fn answered(&mut self, question: ResolveId) -> Option<LegId> {
        self.questions.remove(&question)
    }

    pub(super) fn of_dialog(&self, id: &DialogId) -> Option<LegId> {
        self.by_dialog.get(id).copied()
    }

    /// What names a leg's dialog at the far end: of one that we dialled and that rings, its first answer's.
    pub(super) fn dialog_of(&self, leg: LegId) -> Option<DialogId> {
        let leg = self.table.get(&leg)?;
        let id = leg.dialog_id()?.clone();
        match &leg.state {
            State::Calling { heard: Heard::Provisional(progress), .. } => progress.early.first_id().cloned(),
            _ => Some(id),
        }
    }

    /// What a Replaces header with this dialog means.
    pub(super) fn stage(&self, id: &DialogId) -> Option<Replaced> {
        let leg = self.of_dialog(id).or_else(|| self.of_dialog(&id.unanswered()))?;
        self.table.get(&leg)?.stage(id)
    }

    /// Takes out a leg whose next hop is to be looked up.
    pub(super) fn take_unresolved(&mut self) -> Option<Leg> {
        loop {
            // One that is gone needs no way any more.
            let id = self.unresolved.pop_first()?;
            if let Some(leg) = self.take(id) {
                return Some(leg);
            }
        }
    }

    /// Whether a leg that is not leaving sends its requests over a connection. Looked for among all legs: it is
    /// asked once for each connection that was idle for minutes.
    pub(super) fn go_over(&self, id: ConnectionId) -> bool {
        self.table.values().any(|leg| match &leg.state {
            State::Calling { placed, .. } => placed.path.is_some_and(|path| path.connection == Some(id)),
            State::Invited(invitation) => invitation.arrived.came.connection == Some(id),
            State::Established(established) => established.dialog.way.connection == Some(id),
            State::Resolving { .. } | State::Leaving(_) => false,
        })
    }

    /// Takes a leg out to work on it.
    pub(super) fn take(&mut self, id: LegId) -> Option<Leg> {
        let leg = self.table.remove(&id)?;
        if matches!(leg.state, State::Leaving(_)) {
            self.leaving -= 1;
        }
        if let Some(dialog) = leg.dialog_id() {
            self.by_dialog.remove(dialog);
        }
        Some(leg)
    }

    /// Puts a leg back, or forgets it when nothing is left to do for it.
    pub(super) fn put(&mut self, leg: Leg, transactions: &Layer) {
        let is_over = matches!(leg.state, State::Leaving(Leaving::Over(_)));
        if is_over && !transactions.has_any_of(leg.id) {
            self.deadlines.set(leg.id, None);
            return;
        }
        self.deadlines.set(leg.id, leg.poll_timeout());
        if leg.unresolved().is_some() && leg.lookup.is_none() {
            self.unresolved.insert(leg.id);
        }
        if matches!(leg.state, State::Leaving(_)) {
            self.leaving += 1;
        }
        if let Some(dialog) = leg.dialog_id() {
            self.by_dialog.insert(dialog.clone(), leg.id);
        }
        self.table.insert(leg.id, leg);
    }

    /// Forgets a leg if nothing is left to do for it: one of its transactions has run out.
    pub(super) fn settle(&mut self, id: LegId, transactions: &Layer) {
        if let Some(leg) = self.take(id) {
            self.put(leg, transactions);
        }
    }
}
