//! What happens to a switch.

use std::sync::Arc;

use acd::AgentChange;
use audit::CallId;
use sip::Binding;
use sip::passport::Passport;

use crate::emergency::{NoticeEvent, NoticeOutcome};
use crate::recording::RecordingNews;
use crate::setup::{Loaded, Setup};

/// What happens to a switch.
#[derive(Debug)]
pub enum Input<'a> {
    /// From the network, for the SIP endpoint.
    Sip(sip::Input<'a>),
    /// From a media thread.
    Media(media::Event),
    /// An agent's wish, by way of the HTTP API or as it was before a restart.
    Agent {
        /// Whose: the user name.
        agent: String,
        /// What.
        change: AgentChange,
        /// `api` or `restart`, for the log.
        by: &'static str,
    },
    /// A contact that was registered before a restart.
    Restore {
        /// Whose.
        user: String,
        /// What was stored.
        binding: Binding,
    },
    /// An agent says that she is where her location says, by way of the HTTP API.
    ConfirmLocation {
        /// Who.
        agent: String,
    },
    /// What became of an `Output::Notice`.
    Noticed {
        /// Its call.
        call: String,
        /// Its event.
        event: NoticeEvent,
        /// What became of it.
        outcome: NoticeOutcome,
    },
    /// Flows and configuration were checked and replace the ones before, all at once.
    Configured(Arc<Setup>),
    /// They were to be replaced and were not: what there was goes on.
    ConfigureRefused {
        /// What asked for it, and who.
        asked: Loaded,
        /// The first line of what is wrong.
        why: String,
    },
    /// What a certificate says of the signature for a caller's number.
    Verified {
        /// Whose call.
        call: CallId,
        /// What was signed.
        passport: Box<Passport>,
        /// Whether it holds.
        verdict: SignatureVerdict,
    },
    /// What came of something a flow asked.
    Inquired {
        /// Whose call.
        call: CallId,
        /// [`flow::Inquiry::number`].
        number: u32,
        /// What.
        news: flow::InquiryNews,
        /// What is behind a failure: `busy`, `unreachable`, `overloaded` …; else empty.
        why: &'static str,
    },
    /// What became of a recording.
    Recording(RecordingNews),
    /// The audit log fell behind its time limit, or caught up.
    Log(LogState),
    /// An exception to a rule of the configuration is made use of: told at the start, and when it ends.
    Override {
        /// Which key, or which rule of which flow.
        what: String,
        /// Who answers for it; may be empty.
        by: String,
        /// Why, as its author wrote it.
        reason: String,
        /// Its last day.
        until: String,
        /// Whether that day is over, and what it allowed still runs.
        ended: bool,
    },
    /// No new calls: the node is to stop. Calls in progress go on.
    Drain,
    /// End what is left, because the time given to draining is over.
    HangUpAll,
    /// `poll_timeout` has passed.
    Timeout,
}

/// Whether a signature holds, by the signer's certificate. The words are for the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignatureVerdict {
    /// It does, and somebody we trust vouches for the signer.
    Holds,
    /// It does not: `signature`, or `certificate`, whom nobody vouches for, or `not_its_number`, of which it may
    /// not speak.
    Broken(&'static str),
    /// The certificate cannot be had: `unreachable`, `too_big`, `busy` …; or does not say for whose numbers it may
    /// speak: `numbers_not_said`.
    Unknown(&'static str),
}

/// Whether facts are durable in time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogState {
    /// They are.
    Durable,
    /// They are not: care goes on, look-ups and changes of private data do not.
    Stalled,
}
