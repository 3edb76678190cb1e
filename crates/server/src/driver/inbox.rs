//! What reaches the signalling thread from other threads.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use acd::AgentChange;
use bytes::Bytes;
use call::{
    CallId, Loaded, LogState, NoticeEvent, NoticeOutcome, Passport, RecordingNews, Setup, SignatureVerdict,
    Status,
};
use mio::{Registry, Token, Waker};
use sip::{ConnectionChange, ConnectionId, Path, ResolveId, Target, Unsent};
use tokio::sync::oneshot;

use crate::config::Override;

/// Messages waiting for the signalling thread. At 16,384 it is seconds behind: what comes then is dropped
/// and counted, and its sender repeats it or hears of it.
const MESSAGES_MAX: usize = 16_384;

/// Something for the signalling thread.
#[derive(Debug)]
pub enum Message {
    /// Bytes of a stream.
    Stream {
        /// Which.
        path: Path,
        /// What came.
        bytes: Bytes,
    },
    /// A stream was opened or lost.
    Connection {
        /// Which.
        id: ConnectionId,
        /// What became of it.
        change: ConnectionChange,
    },
    /// What the network did not take.
    Unsent {
        /// Where it was to go.
        path: Path,
        /// What it was.
        bytes: Bytes,
        /// Why not.
        why: Unsent,
    },
    /// DNS answered.
    Resolved {
        /// Which question.
        id: ResolveId,
        /// What it said.
        targets: Vec<Target>,
    },
    /// From a media thread.
    Media(media::Event),
    /// A certificate came, or did not.
    Verified {
        /// Whose call waited for it.
        call: CallId,
        /// What was signed.
        passport: Box<Passport>,
        /// What the signature is worth.
        verdict: SignatureVerdict,
    },
    /// From the API.
    Agent {
        /// Whose.
        agent: String,
        /// What.
        change: AgentChange,
    },
    /// From the API: an agent is where her location says.
    ConfirmLocation {
        /// Who.
        agent: String,
    },
    /// What became of a notice of an emergency call.
    Noticed {
        /// Its call.
        call: String,
        /// Its event.
        event: NoticeEvent,
        /// What became of it.
        outcome: NoticeOutcome,
    },
    /// What came of something a flow asked.
    Inquired {
        /// Whose call.
        call: CallId,
        /// Its number.
        number: u32,
        /// What.
        news: flow::InquiryNews,
        /// What is behind a failure.
        why: &'static str,
    },
    /// What became of a recording.
    Recording(RecordingNews),
    /// How do things stand?
    Status(oneshot::Sender<Status>),
    /// Flows and configuration were read anew.
    Configured(Arc<Setup>),
    /// They were to be replaced, and were not.
    ConfigureRefused {
        /// What asked for it, and who.
        asked: Loaded,
        /// The first line of what is wrong.
        why: String,
    },
    /// The audit log fell behind or caught up.
    Log(LogState),
    /// An exception of the configuration is made use of, or has ended meanwhile.
    Override {
        /// Which.
        exception: Override,
        /// Whether its last day is over.
        ended: bool,
    },
    /// No new calls.
    Drain,
    /// End what is left.
    HangUpAll,
    /// End the thread.
    Stop,
}

/// Where other threads leave messages.
#[derive(Clone, Debug)]
pub struct Inbox {
    messages: SyncSender<Message>,
    waker: Arc<Waker>,
}

impl Inbox {
    /// An inbox whose messages wake the poll of `registry` with `token`.
    pub fn new(registry: &Registry, token: Token) -> io::Result<(Self, Receiver<Message>)> {
        let (messages, received) = sync_channel(MESSAGES_MAX);
        Ok((Self { messages, waker: Arc::new(Waker::new(registry, token)?) }, received))
    }

    /// Leaves a message. `false`: the thread is too far behind, or gone.
    pub fn send(&self, message: Message) -> bool {
        self.messages.try_send(message).is_ok() && self.waker.wake().is_ok()
    }

    /// Asks how things stand; `None` when the signalling thread does not answer any more.
    pub async fn status(&self) -> Option<Status> {
        let (reply, answer) = oneshot::channel();
        if !self.send(Message::Status(reply)) {
            return None;
        }
        tokio::time::timeout(std::time::Duration::from_secs(2), answer).await.ok()?.ok()
    }
}
