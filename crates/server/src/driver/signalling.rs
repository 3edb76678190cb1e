//! The signalling thread: it owns the [`Switch`] and reads the UDP listeners itself.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use call::{Input, Output, Switch};
use mio::{Events, Interest, Poll, Token};
use primitives::Now;
use sip::{Path, Release, Transport};
use store::AuditWriter;

use crate::driver::inbox::{Inbox, Message};
use crate::driver::performer::Performer;
use crate::driver::snapshot::{PUBLISH_EVERY, Snapshot};
use crate::metrics::Metrics;
use crate::stir::Verifier;
use crate::trail;

/// The longest UDP datagram there is.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Datagrams read from one listener before timers and the others have their turn.
const DATAGRAMS_PER_TURN_MAX: usize = 64;

/// Messages taken from other threads in one turn.
const MESSAGES_PER_TURN_MAX: usize = 512;

const WAKE: Token = Token(usize::MAX);

/// Everything the thread waits on, made before the switch so that others can already reach it.
pub struct Waiting {
    poll: Poll,
    messages: Receiver<Message>,
    sockets: Vec<(SocketAddr, mio::net::UdpSocket)>,
    /// Listeners that may hold more than one turn's datagrams.
    again: Vec<usize>,
    /// Whether more messages wait than one turn takes.
    has_more: bool,
}

impl Waiting {
    /// The poll, and the inbox that wakes it.
    pub fn new() -> io::Result<(Self, Inbox)> {
        let poll = Poll::new()?;
        let (inbox, messages) = Inbox::new(poll.registry(), WAKE)?;
        Ok((Self { poll, messages, sockets: Vec::new(), again: Vec::new(), has_more: false }, inbox))
    }

    /// Whether more has come than the last turn took.
    fn is_behind(&self) -> bool {
        self.has_more || !self.again.is_empty()
    }

    /// Adds a UDP listener; the returned socket sends from it.
    pub fn listen(&mut self, socket: UdpSocket) -> io::Result<(SocketAddr, UdpSocket)> {
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        let sender = socket.try_clone()?;
        let mut socket = mio::net::UdpSocket::from_std(socket);
        self.poll.registry().register(&mut socket, Token(self.sockets.len()), Interest::READABLE)?;
        self.sockets.push((local, socket));
        Ok((local, sender))
    }
}

/// Why the signalling thread ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// It was told to.
    Asked,
    /// It cannot go on: without it no call is answered.
    Unasked,
}

/// When the last snapshot was published.
struct Published(Option<Instant>);

impl Published {
    /// How long until the next.
    fn left(&self) -> Duration {
        self.0.map_or(Duration::ZERO, |at| PUBLISH_EVERY.saturating_sub(at.elapsed()))
    }
}

/// The signalling thread.
pub struct Signalling {
    /// What it waits on.
    pub waiting: Waiting,
    /// What it owns.
    pub switch: Switch,
    /// What may leave at once.
    pub performer: Performer,
    /// What waits for its record.
    pub writer: Arc<AuditWriter<Vec<Output>>>,
    /// What checks signatures of carriers.
    pub verifier: Verifier,
    /// For counting.
    pub metrics: Arc<Metrics>,
    /// For whoever polls.
    pub snapshot: Snapshot,
}

impl Signalling {
    /// Runs until `Message::Stop`; returns earlier only when it cannot go on.
    pub fn run(mut self) -> Ended {
        let mut ready = Events::with_capacity(64);
        let mut out = Vec::with_capacity(256);
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        // The switch learns what time it is: trunks register before anybody has called.
        self.switch.handle(now(), Input::Timeout, &mut out);
        let mut published = Published(None);
        loop {
            let is_behind = self.waiting.is_behind();
            let wait = if is_behind { Duration::ZERO } else { self.until_due().min(published.left()) };
            if let Err(error) = self.waiting.poll.poll(&mut ready, Some(wait))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "the signalling thread cannot wait for its sockets");
                return Ended::Unasked;
            }
            // Timers before datagrams: under a flood, repetitions and hang-ups still happen.
            if self.switch.poll_timeout().is_some_and(|due| due <= Instant::now()) {
                self.switch.handle(now(), Input::Timeout, &mut out);
            }
            let mut readable = std::mem::take(&mut self.waiting.again);
            readable
                .extend(ready.iter().map(|event| event.token()).filter(|token| *token != WAKE).map(|t| t.0));
            readable.sort_unstable();
            readable.dedup();
            for listener in readable {
                self.read(listener, &mut buffer, &mut out);
            }
            let go_on = self.take_messages(&mut out);
            if is_behind != self.waiting.is_behind() {
                let input = sip::Input::Behind(!is_behind);
                self.switch.handle(now(), Input::Sip(input), &mut out);
            }
            self.metrics.calls_active.set(i64::try_from(self.switch.calls()).unwrap_or(i64::MAX));
            self.perform(&mut out);
            if published.left().is_zero() {
                let now = Instant::now();
                self.snapshot.publish(now, self.switch.status());
                published = Published(Some(now));
            }
            if !go_on {
                return Ended::Asked;
            }
        }
    }

    fn until_due(&self) -> Duration {
        let due = self.switch.poll_timeout();
        due.map_or(Duration::MAX, |due| due.saturating_duration_since(Instant::now()))
    }

    fn read(&mut self, listener: usize, buffer: &mut [u8], out: &mut Vec<Output>) {
        for _ in 0..DATAGRAMS_PER_TURN_MAX {
            let Some((local, socket)) = self.waiting.sockets.get(listener) else { return };
            match socket.recv_from(buffer) {
                Ok((length, peer)) => {
                    let path = Path { transport: Transport::Udp, local: *local, peer, connection: None };
                    let bytes = buffer.get(..length).unwrap_or_default();
                    self.switch.handle(now(), Input::Sip(sip::Input::Received { path, bytes }), out);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // A port that was closed at the far end (ICMP); its transaction times out.
                Err(_) => {}
            }
        }
        self.waiting.again.push(listener);
    }

    /// `false` when the thread is to end.
    fn take_messages(&mut self, out: &mut Vec<Output>) -> bool {
        for _ in 0..MESSAGES_PER_TURN_MAX {
            let Ok(message) = self.waiting.messages.try_recv() else {
                self.waiting.has_more = false;
                return true;
            };
            let input = match &message {
                Message::Stop => return false,
                Message::Status(_) => None,
                Message::Stream { path, bytes } => {
                    Some(Input::Sip(sip::Input::Received { path: *path, bytes }))
                }
                Message::Connection { id, change } => {
                    Some(Input::Sip(sip::Input::Connection { id: *id, change: change.clone() }))
                }
                Message::Unsent { path, bytes, why } => {
                    Some(Input::Sip(sip::Input::Unsent { path: *path, bytes: bytes.clone(), why: *why }))
                }
                Message::Resolved { id, targets } => {
                    Some(Input::Sip(sip::Input::Resolved { id: *id, targets }))
                }
                Message::Verified { call, passport, verdict } => {
                    Some(Input::Verified { call: *call, passport: passport.clone(), verdict: *verdict })
                }
                Message::Media(event) => Some(Input::Media(event.clone())),
                Message::Agent { agent, change } => {
                    Some(Input::Agent { agent: agent.clone(), change: change.clone(), by: "api" })
                }
                Message::ConfirmLocation { agent } => Some(Input::ConfirmLocation { agent: agent.clone() }),
                Message::Noticed { call, event, outcome } => {
                    Some(Input::Noticed { call: call.clone(), event: *event, outcome: *outcome })
                }
                Message::Inquired { call, number, news, why } => {
                    Some(Input::Inquired { call: *call, number: *number, news: news.clone(), why })
                }
                Message::Recording(news) => Some(Input::Recording(news.clone())),
                Message::Configured(setup) => Some(Input::Configured(Arc::clone(setup))),
                Message::ConfigureRefused { asked, why } => {
                    Some(Input::ConfigureRefused { asked: asked.clone(), why: why.clone() })
                }
                Message::Log(state) => Some(Input::Log(*state)),
                Message::Override { exception, ended } => Some(Input::Override {
                    what: exception.what.clone(),
                    by: exception.by.clone(),
                    reason: exception.reason.clone(),
                    until: exception.until.to_string(),
                    ended: *ended,
                }),
                Message::Drain => Some(Input::Drain),
                Message::HangUpAll => Some(Input::HangUpAll),
            };
            if let Some(input) = input {
                self.switch.handle(now(), input, out);
            } else if let Message::Status(reply) = message {
                // Whoever asked may have given up waiting.
                let _ = reply.send(self.switch.status());
            }
        }
        self.waiting.has_more = true;
        true
    }

    /// What may leave at once leaves; the rest goes by way of the audit writer, which lets it go in order
    /// as soon as the facts before it are durable.
    pub fn perform(&mut self, out: &mut Vec<Output>) {
        let mut facts = Vec::new();
        let mut held = Vec::new();
        let mut verdicts = Vec::new();
        for output in out.drain(..) {
            match output {
                Output::Hop { at, call, flow, hop } => {
                    trail::trace(call, flow.as_ref(), &hop);
                    self.metrics.hop(&hop);
                    facts.push(audit::Event { at, call, flow, fact: hop.fact() });
                }
                // A connection or a name says nothing of a call yet; an emergency call waits for them.
                Output::Sip(
                    sip::Output::Send { release: Release::AtOnce, .. }
                    | sip::Output::Connect { .. }
                    | sip::Output::Resolve { .. }
                    | sip::Output::Dropped(_),
                ) => {
                    self.performer.perform(output);
                }
                // Before anything waits for a disk: with the certificate at hand it is known before the flow begins.
                Output::Verify { call, passport } => {
                    let verdict = self.verifier.check(call, passport);
                    verdicts.extend(verdict.map(|(passport, verdict)| (call, passport, verdict)));
                }
                other => held.push(other),
            }
        }
        for (call, passport, verdict) in verdicts {
            self.switch.handle(now(), Input::Verified { call, passport, verdict }, out);
        }
        self.submit(facts, held);
        if !out.is_empty() {
            // A verdict asks for nothing to be checked, so this ends.
            self.perform(out);
        }
    }

    fn submit(&self, facts: Vec<audit::Event>, held: Vec<Output>) {
        if facts.is_empty() && held.is_empty() {
            return;
        }
        // Given back: the writer holds all it can, the log has stalled, and care goes on.
        for output in self.writer.submit(facts, held).into_iter().flatten() {
            self.performer.perform(output);
        }
    }
}

/// The time, read once for each input.
pub fn now() -> Now {
    Now { mono: Instant::now(), wall: jiff::Timestamp::now() }
}
