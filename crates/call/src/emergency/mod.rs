//! Emergency calls of agents' phones (47 CFR 9.16: Kari's Law and RAY BAUM's Act): 911, 9911 and the test call
//! 933, dialled like that and in no other way.
//!
//! | question | file |
//! |---|---|
//! | who may call, and how it begins | `begin.rs` |
//! | destinations in order, until one answers | `target.rs`, `reach.rs` |
//! | the agent's leg and the far one, their audio, the end | `legs.rs` |
//! | what is said when nobody can be reached | `announcement.rs` |
//! | the INVITE, and the location in it | `invite.rs`, `pidf_lo.rs` |
//! | who is told | `notice.rs` |
//! | agents who say at each sign-in that their location is right | `confirm.rs` |
//! | what people write down | `config.rs` |
//!
//! **Nothing stands before it.** The number is looked at before feature codes and flows; neither draining, nor
//! `limits.calls_max`, nor a full range of RTP ports refuses it: ports are kept for it, and past those the
//! agent's own SDP goes to the far end. Queues, flows and names are not asked. Its INVITE does not wait for the
//! audit log's disk.
//!
//! **Who may call.** The law speaks of every station of the system, so a phone that is registered is believed
//! by where it calls from, whatever became of its password; and so is whoever proves by digest to be an agent.
//! An INVITE from anywhere else is asked who it is (401) and never refused in silence: it is no station of ours,
//! our location would be wrong for it, and without the question anybody who can send us a datagram could send
//! police and ambulances to our door.
//!
//! **One after the other.** Each destination is rung until it refuses, gives no sign of life for
//! [`SILENT_MAX`], does not ring within [`TRYING_MAX`], or rings longer than [`RINGING_MAX`] while there is
//! another. The caller hears what the far end plays. When all have failed she is told so, in words.

mod announcement;
mod begin;
mod config;
mod confirm;
mod invite;
mod legs;
mod notice;
mod pidf_lo;
mod reach;
mod target;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::CallId;
use bytes::Bytes;
use primitives::Now;
use sip::{EmergencyNumber, LegId};

pub use config::{Destination, EmergencyConfig, Location, Notify};
pub use notice::{Notice, NoticeEvent, NoticeOutcome};
pub use pidf_lo::Civic;

use crate::call::millis;
use crate::leg::{Beyond, Party};
use crate::setup::Setup;
use config::Place;
use target::Target;

/// Longest an address may give no sign of life, not even 100 Trying.
pub(crate) const SILENT_MAX: Duration = Duration::from_secs(4);

/// The same for a destination that is a name: to look it up and to try two of its addresses.
pub(crate) const LOOKED_UP_MAX: Duration = Duration::from_secs(8);

/// Longest a destination that has given one may take to ring: a gateway looks for a free line meanwhile.
pub(crate) const TRYING_MAX: Duration = Duration::from_secs(20);

/// Longest a destination is rung while there is another: answering points answer 95 % within 20 s (NENA).
pub(crate) const RINGING_MAX: Duration = Duration::from_secs(60);

/// Longest an announcement may take, its repetition included.
pub(crate) const ANNOUNCING_MAX: Duration = Duration::from_secs(60);

/// Emergency calls at once. No center has as many telephones in danger; beyond, 503.
const EMERGENCY_CALLS_MAX: usize = 256;

/// Emergency calls of one agent at once: she dials again while the first still rings. A phone gone mad does
/// not occupy every call taker of a county.
const EMERGENCY_CALLS_PER_AGENT_MAX: usize = 4;

/// Ports tried for one side when the operating system refuses some.
const PORT_TRIES_MAX: u8 = 4;

/// One emergency call, from INVITE to end.
#[derive(Debug)]
pub(crate) struct EmergencyCall {
    pub id: CallId,
    setup: Arc<Setup>,
    number: EmergencyNumber,
    agent: String,
    place: Option<Place>,
    arrived: Now,
    /// The agent's leg.
    leg: LegId,
    near: Near,
    audio: Audio,
    /// Destinations not tried yet.
    left: VecDeque<Target>,
    tried: u32,
    state: State,
    pub scheduled: Option<Instant>,
    pub over: bool,
}

/// How far the agent's leg is.
#[derive(Debug)]
enum Near {
    /// She waits for an answer.
    Invited { offer: Option<Bytes> },
    /// She hears the far end or us already; this is what she was answered.
    Early { sdp: Bytes },
    /// She was answered with 200.
    Answered,
}

/// How sound goes from one to the other.
#[derive(Debug)]
enum Audio {
    /// By way of us.
    Relayed(Box<Relayed>),
    /// From one to the other: there is no port left for it, or no codec both of us speak. What one offers, the
    /// other is offered.
    Direct,
}

#[derive(Debug)]
struct Relayed {
    shard: u16,
    near: Party,
    far: Party,
    /// Sockets refused by the operating system: hers, the far one's.
    refused: [u8; 2],
    /// The far end was offered a port that could not be opened: once it answers it is offered another.
    far_moved: bool,
}

/// How far the call is.
#[derive(Debug)]
enum State {
    /// A destination is rung.
    Reaching { far: LegId, name: String, since: Instant, rings: bool, give_up_at: Instant },
    /// Both hear one another.
    Talking { far: LegId, name: String, since: Now },
    /// She is told that it did not work.
    Announcing { playlist: u64, why: &'static str, until: Instant },
}

/// One of its two sides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum EmergencySide {
    Near,
    Far,
}

impl EmergencySide {
    const fn beyond(self) -> Beyond {
        match self {
            Self::Near => Beyond::EmergencyPhone,
            Self::Far => Beyond::Trunk,
        }
    }
}

impl EmergencyCall {
    fn age_ms(&self, now: Now) -> u64 {
        millis(now.mono.saturating_duration_since(self.arrived.mono))
    }

    fn is_test(&self) -> bool {
        self.number == EmergencyNumber::Test
    }

    /// When it must be looked at again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Reaching { give_up_at: due, .. } | State::Announcing { until: due, .. } => Some(*due),
            State::Talking { .. } => None,
        }
    }

    /// For who looks at the calls under way.
    pub(crate) fn with(&self) -> Option<String> {
        match &self.state {
            State::Reaching { name, .. } | State::Talking { name, .. } => Some(name.clone()),
            State::Announcing { .. } => None,
        }
    }
}
