//! What a switch wants done.

use acd::AgentChange;
use audit::{CallId, FlowRef};
use primitives::Now;
use sip::RegistrationChange;
use sip::passport::Passport;

use crate::emergency::Notice;
use crate::endpoint::Request;
use crate::hop::Hop;
use crate::inquiry::LookUp;
use crate::recording::RecordingOrder;

/// What a switch wants done, in this order. Hops come first: they are durable before what follows is sent.
#[derive(Debug)]
pub enum Output {
    /// Something a person could later ask about: a trace line, a metric and a fact of the log.
    Hop {
        /// When.
        at: Now,
        /// Whose call, where it is one's.
        call: Option<CallId>,
        /// The flow, its version and the step the caller is at.
        flow: Option<FlowRef>,
        /// What.
        hop: Hop,
    },
    /// For the network. Never a leg event or a registration: those stay inside.
    Sip(sip::Output),
    /// For a media thread.
    Media {
        /// Which.
        shard: u16,
        /// What.
        command: media::Command,
    },
    /// A registration to be stored, or forgotten, so that a restart finds it.
    Registration(RegistrationChange),
    /// An agent's wish to be stored, so that a restart finds it.
    AgentChanged {
        /// Whose.
        agent: String,
        /// What.
        change: AgentChange,
    },
    /// The signature for a caller's number is to be checked: fetch the certificate, and come back with
    /// [`crate::Input::Verified`]. The call goes on meanwhile.
    Verify {
        /// Whose call.
        call: CallId,
        /// What was signed, by whom it says.
        passport: Box<Passport>,
    },
    /// A row is to be looked up, off this thread; come back with [`crate::Input::Inquired`].
    LookUp(Box<LookUp>),
    /// Another system is to be asked; come back with [`crate::Input::Inquired`].
    Request(Box<Request>),
    /// Somebody is to be told of an emergency call. Always behind the call itself.
    Notice(Box<Notice>),
    /// What is to be done with a recording.
    Recording(RecordingOrder),
    /// A call is over: its row for reports.
    Record(CallRecord),
}

/// A finished call, for reports. The caller's number is not in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallRecord {
    /// Its id.
    pub call: CallId,
    /// When it came.
    pub started: jiff::Timestamp,
    /// When we answered.
    pub answered: Option<jiff::Timestamp>,
    /// When it ended.
    pub ended: jiff::Timestamp,
    /// The flow that answered it.
    pub flow: String,
    /// That flow's version.
    pub flow_digest: String,
    /// The last queue she waited in.
    pub queue: Option<String>,
    /// Her urgency at the end.
    pub urgency: &'static str,
    /// Why it ended.
    pub outcome: String,
    /// Who answered.
    pub agent: Option<String>,
    /// From joining the queue to the answer.
    pub waited_ms: Option<u64>,
    /// With agents and numbers outside, in all.
    pub talked_ms: u64,
}
