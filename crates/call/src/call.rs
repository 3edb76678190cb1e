//! Everything of one caller: her leg, her place in the flow, in the queue, and whom she talks with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use acd::{AgentId, EntryId, OfferId};
use audit::CallId;
use bytes::Bytes;
use flow::{Enqueue, Urgency};
use media::Playlist;
use primitives::{Now, Private};
use sip::LegId;

use crate::inquiry::Asked;
use crate::keys::KeysHeard;
use crate::leg::Party;
use crate::page::Page;
use crate::recording::Running;
use crate::referral::Transfer;
use crate::script::Script;
use crate::setup::Setup;
use crate::trunk::{Origin, Outward};

/// Longest a media thread may take to open a port. It takes microseconds; after seconds its answer is lost.
pub(crate) const OPENING_MAX: Duration = Duration::from_secs(2);

/// One caller's call, from INVITE to end.
#[derive(Debug)]
pub(crate) struct Call {
    pub id: CallId,
    /// The flows and prompts it started with; a reload does not change a running call.
    pub setup: Arc<Setup>,
    /// The media thread that carries both its legs.
    pub shard: u16,
    pub arrived: Now,
    pub answered: Option<Now>,
    pub leg: LegId,
    pub party: Party,
    pub progress: Progress,
    /// Where it came from, as far as that is proven.
    pub origin: Origin,
    /// The caller's number, `None` where it is withheld.
    pub number: Option<Private<String>>,
    pub script: Script,
    /// The flow and step she is at, for the log.
    pub at: (Arc<str>, Arc<str>),
    pub language: Arc<str>,
    pub urgency: Urgency,
    pub reason: Option<Arc<str>>,
    /// What plays, to tell its end from the end of an older list.
    pub playlist: u64,
    pub waiting: Option<Waiting>,
    /// Since when she waits for a person, whatever queues she is led through.
    pub waits_since: Option<jiff::Timestamp>,
    /// The place she had, kept while an agent talks with her, in case that agent's phone is lost.
    pub served: Option<Waiting>,
    /// Whether anybody else may hear her: she agreed to be recorded or heard a disclosure; `Some(false)`: she
    /// declined.
    pub may_be_heard: Option<bool>,
    /// What records it.
    pub recording: Option<Running>,
    pub far: Option<Far>,
    /// Whom the agent has brought in.
    pub third: Option<Far>,
    /// Keys of the agent that may become a code.
    pub keyed: String,
    /// Somebody on call is looked for.
    pub page: Option<Page>,
    /// Something is asked for the flow.
    pub inquiry: Option<Asked>,
    /// Whether the agent who made this call has put the other side on hold.
    pub held: bool,
    /// A transfer by the agent, under way or just done.
    pub transfer: Option<Transfer>,
    /// When a side that is silent is asked again whether anybody is there: the caller's, the far one's.
    pub probe_again: [Option<Instant>; 2],
    /// Keys that may come a second time by another way: the caller's, the far side's.
    pub keys_heard: [KeysHeard; 2],
    /// The place in the switch's timer list.
    pub scheduled: Option<Instant>,
    /// Set once; the call is forgotten as soon as its turn is over.
    pub over: bool,
    pub summary: Summary,
}

/// How far the caller's leg is.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Her port is being opened. The offer waits.
    Opening { offer: Option<Bytes> },
    /// Open; the flow has not answered yet.
    Arrived {
        offer: Option<Bytes>,
        /// Our answer, where she hears early media.
        said: Option<Bytes>,
    },
    /// 200 is sent; what the flow wants played waits for the ACK, so that she misses nothing of it.
    Answered { then: Option<Playlist> },
    /// Both sides agree that the call is up.
    Confirmed,
}

/// Her place in a queue.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub entry: EntryId,
    pub request: Enqueue,
    /// Since when she waits, also across a lost agent.
    pub since: jiff::Timestamp,
}

/// The other side of the call.
#[derive(Debug)]
pub(crate) struct Far {
    pub who: Who,
    pub party: Party,
    /// Legs that ring, or the one that answered.
    pub legs: Vec<LegId>,
    pub state: FarState,
    pub since: Now,
    /// Whether the other side has put us on hold.
    pub held: bool,
    /// Whether an agent has led the caller here: her flow still stands where that agent answered.
    pub referred: bool,
    /// Somebody on call was looked for, and this is who is asked, or who accepted.
    pub paged: bool,
    /// Whether it is the third party of a conversation.
    pub called_in: bool,
    /// The worst answer of the legs that ended, for the engine and the flow.
    pub refused: Option<u16>,
}

/// Whom the call leads to.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    /// An agent of a queue.
    Agent { offer: OfferId, agent: AgentId, name: String, waited_ms: u64 },
    /// An agent, rung by a colleague or for one who transfers.
    Colleague { agent: AgentId, name: String, ring_until: Instant },
    /// A number of `numbers:`.
    Number { name: Arc<str>, to: Outward, ring_until: Instant },
}

impl Who {
    /// For the log.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Agent { name, .. } | Self::Colleague { name, .. } => name.clone(),
            Self::Number { name, .. } => name.to_string(),
        }
    }

    /// Which agent, if it is one.
    pub(crate) const fn agent(&self) -> Option<AgentId> {
        match self {
            Self::Agent { agent, .. } | Self::Colleague { agent, .. } => Some(*agent),
            Self::Number { .. } => None,
        }
    }

    /// When ringing is given up. The queues themselves say so of their offers.
    pub(crate) const fn ring_until(&self) -> Option<Instant> {
        match self {
            Self::Agent { .. } => None,
            Self::Colleague { ring_until, .. } | Self::Number { ring_until, .. } => Some(*ring_until),
        }
    }
}

/// How far the other side is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum FarState {
    /// Its port is being opened.
    Opening,
    /// Its phones ring.
    Ringing,
    /// The agent answered and hears the whisper; the caller still hears music.
    Whispering { playlist: u64 },
    /// Somebody on call, or a mailbox, answered and hears what the call is about and which key accepts it.
    Asking { until: Instant, playlist: u64, ask: Arc<str> },
    /// Both hear one another.
    Bridged,
}

/// For the call record.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub queue: Option<String>,
    pub agent: Option<String>,
    pub waited_ms: Option<u64>,
    pub talked_ms: u64,
}

impl Call {
    /// When this call must be looked at again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let ringing =
            self.far.as_ref().filter(|far| matches!(far.state, FarState::Opening | FarState::Ringing));
        let ring = ringing.and_then(|far| far.who.ring_until());
        let asked = self.far.as_ref().and_then(|far| match far.state {
            FarState::Asking { until, .. } => Some(until),
            _ => None,
        });
        let resumes = self.page.as_ref().and_then(Page::resume_at);
        let opened = match self.progress {
            Progress::Opening { .. } => Some(self.arrived.mono + OPENING_MAX),
            _ => None,
        };
        let [caller, far] = self.probe_again;
        let leaves = self.transfer.as_ref().and_then(|transfer| transfer.leave_at);
        [
            self.third_rings_until(),
            self.script.poll_timeout(),
            ring,
            asked,
            resumes,
            opened,
            leaves,
            caller,
            far,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Milliseconds since it arrived.
    pub(crate) fn age_ms(&self, now: Now) -> u64 {
        millis(now.mono.saturating_duration_since(self.arrived.mono))
    }
}

/// A duration in the log's unit.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
