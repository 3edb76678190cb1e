//! The signalling of one phone: one task that owns the SIP socket, its transactions and its calls.
//!
//! Handles send it commands over one bounded channel and watch the progress of their call; nothing
//! else is shared. Requests are repeated by the timers of RFC 3261 §17, answers to them by §13.3.1.4.

mod call;
mod event;
mod register;
mod repeat;
mod requests;
mod responses;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rsip::{Header, Method, SipMessage};
use tokio::net::UdpSocket;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use self::call::{LineCall, Stage};
pub use self::event::PhoneEvent;
use self::register::Registration;
use self::repeat::{Due, Repeat};
use crate::config::PhoneConfig;
use crate::digest::{Challenge, Credentials};
use crate::error::{Ended, PhoneError};
use crate::media::Media;
use crate::wire;

/// Calls one phone carries: a queue of scripted callers may share one. Past it an incoming call is busy.
pub const CALLS_MAX: usize = 64;
/// Commands waiting for the line; a script waits when it is full.
pub const COMMANDS_MAX: usize = 64;
/// Incoming calls nobody has looked at; the next one is answered 486.
pub const ARRIVALS_MAX: usize = CALLS_MAX;
/// Answers remembered against repeated requests for 32 s: some ten per call. Past it a repetition is
/// answered anew.
const ANSWERED_MAX: usize = 16 * CALLS_MAX;
/// The largest SIP datagram read.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Where a call is, as its script sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// No answer of any kind, or only 100.
    Trying,
    /// The other side rings (180, 183).
    Ringing,
    /// Answered and acknowledged.
    Established,
    /// Over.
    Ended(Ended),
}

/// What a handle asks of the line. Calls are named by their Call-ID.
pub enum Command {
    Register { expires_secs: u32, reply: oneshot::Sender<Result<u32, PhoneError>> },
    Call { number: String, media: Media, reply: oneshot::Sender<Result<Placed, PhoneError>> },
    Ring { call: Arc<str> },
    Answer { call: Arc<str>, media: Media },
    Decline { call: Arc<str>, status: u16 },
    HangUp { call: Arc<str> },
}

/// A call that was placed.
pub struct Placed {
    pub call: Arc<str>,
    pub progress: watch::Receiver<Progress>,
}

/// A call that came in.
pub struct Arrival {
    pub call: Arc<str>,
    /// User part of the caller's URI.
    pub caller: String,
    /// What a Replaces header says to name it.
    pub replaces: String,
    pub progress: watch::Receiver<Progress>,
}

/// Why a request was sent: what its answer means.
#[derive(Clone, Debug)]
enum Purpose {
    Register,
    Invite(Arc<str>),
    Bye(Arc<str>),
    Cancel,
}

/// A client transaction (RFC 3261 §17.1).
struct Pending {
    repeat: Repeat,
    purpose: Purpose,
}

/// A server transaction (§17.2): the answer goes out again when the request does.
struct Answered {
    bytes: Bytes,
    to: SocketAddr,
    forget_at: Instant,
    /// A refused INVITE is refused again until its ACK (Timer G).
    repeat: Option<Repeat>,
}

pub struct Line {
    config: PhoneConfig,
    socket: UdpSocket,
    local: SocketAddr,
    commands: mpsc::Receiver<Command>,
    arrivals: mpsc::Sender<Arrival>,
    events: broadcast::Sender<PhoneEvent>,
    registration: Registration,
    /// By branch and method.
    pending: HashMap<String, Pending>,
    answered: HashMap<String, Answered>,
    /// ACKs of refused INVITEs by branch, for the refusal's repetitions (Timer D).
    acknowledged: HashMap<String, (Bytes, Instant)>,
    calls: HashMap<Arc<str>, LineCall>,
}

impl Line {
    pub fn new(
        config: PhoneConfig,
        socket: UdpSocket,
        local: SocketAddr,
        commands: mpsc::Receiver<Command>,
        arrivals: mpsc::Sender<Arrival>,
        events: broadcast::Sender<PhoneEvent>,
    ) -> Result<Self, PhoneError> {
        Ok(Self {
            registration: Registration::new()?,
            config,
            socket,
            local,
            commands,
            arrivals,
            events,
            pending: HashMap::new(),
            answered: HashMap::new(),
            acknowledged: HashMap::new(),
            calls: HashMap::new(),
        })
    }

    /// Runs until every handle is gone.
    pub async fn run(mut self) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        // Until the runtime knows that the socket takes something, it takes nothing: what is sent first would be
        // lost, and a call half a second late.
        _ = self.socket.writable().await;
        loop {
            let due = self.poll_timeout();
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(command) => self.command(Instant::now(), command),
                    None => return,
                },
                () = tokio::time::sleep_until(due.into()) => self.timeout(Instant::now()),
                Ok((length, from)) = self.socket.recv_from(&mut buffer) => {
                    if let Some(datagram) = buffer.get(..length) {
                        self.receive(Instant::now(), from, datagram);
                    }
                }
            }
        }
    }

    fn command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Register { expires_secs, reply } => self.register(now, expires_secs, Some(reply)),
            Command::Call { number, media, reply } => _ = reply.send(self.place(now, &number, media)),
            Command::Ring { call } => self.answer_with(now, &call, 180),
            Command::Answer { call, media } => self.answer(now, &call, media),
            Command::Decline { call, status } => self.decline(now, &call, status),
            Command::HangUp { call } => self.hang_up(now, &call),
        }
    }

    fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        match wire::read(datagram) {
            Some((SipMessage::Request(request), heads)) => self.on_request(now, from, request, heads),
            Some((SipMessage::Response(response), heads)) => self.on_response(now, &response, &heads),
            None => {}
        }
    }

    /// The next moment anything is due; an idle line looks once an hour.
    fn poll_timeout(&self) -> Instant {
        let idle = Instant::now() + Duration::from_secs(3_600);
        let pending = self.pending.values().map(|p| p.repeat.due_at());
        let answered = self.answered.values().map(|a| a.repeat.as_ref().map_or(a.forget_at, Repeat::due_at));
        let acknowledged = self.acknowledged.values().map(|(_, forget_at)| *forget_at);
        let calls = self.calls.values().filter_map(LineCall::due_at);
        pending
            .chain(answered)
            .chain(acknowledged)
            .chain(calls)
            .chain(self.registration.renew_at)
            .fold(idle, Instant::min)
    }

    fn timeout(&mut self, now: Instant) {
        let mut given_up = Vec::new();
        for (key, pending) in &mut self.pending {
            match pending.repeat.due(now) {
                Due::Nothing => {}
                Due::Send(to) => send(&self.socket, &pending.repeat.bytes, to),
                Due::GiveUp => given_up.push(key.clone()),
            }
        }
        for key in given_up {
            if let Some(pending) = self.pending.remove(&key) {
                self.on_no_reply(&pending.purpose);
            }
        }
        for answered in self.answered.values_mut() {
            match answered.repeat.as_mut().map(|r| r.due(now)) {
                Some(Due::Send(to)) => send(&self.socket, &answered.bytes, to),
                Some(Due::GiveUp) => answered.repeat = None,
                Some(Due::Nothing) | None => {}
            }
        }
        self.answered.retain(|_, a| a.forget_at > now || a.repeat.is_some());
        self.acknowledged.retain(|_, (_, forget_at)| *forget_at > now);
        self.repeat_unacknowledged(now);
        if self.registration.renew_at.is_some_and(|at| at <= now) {
            self.register(now, self.config.expires_secs, None);
        }
    }

    /// Sends a request and repeats it until something answers.
    fn transact(
        &mut self,
        now: Instant,
        branch: &str,
        method: Method,
        bytes: Bytes,
        to: SocketAddr,
        purpose: Purpose,
    ) {
        send(&self.socket, &bytes, to);
        let repeat = match method {
            Method::Invite => Repeat::invite(now, bytes, to),
            _ => Repeat::other(now, bytes, to),
        };
        self.pending.insert(transaction_key(branch, method), Pending { repeat, purpose });
    }

    /// Remembers an answer and sends it.
    fn reply(&mut self, now: Instant, key: String, bytes: Bytes, to: SocketAddr, repeat: Option<Repeat>) {
        send(&self.socket, &bytes, to);
        if self.answered.len() < ANSWERED_MAX {
            let forget_at = now + repeat::TIMER_H;
            self.answered.insert(key, Answered { bytes, to, forget_at, repeat });
        }
    }

    fn tell(&self, event: PhoneEvent) {
        // Nobody has to listen.
        _ = self.events.send(event);
    }

    /// Ends a call for its script and forgets it.
    fn end(&mut self, call_id: &Arc<str>, how: Ended) {
        if let Some(call) = self.calls.remove(call_id) {
            if let Some(media) = &call.media {
                media.close();
            }
            if !matches!(call.stage, Stage::Leaving { was_told: true }) {
                call.progress.send_replace(Progress::Ended(how));
                self.tell(PhoneEvent::Ended(how));
            }
        }
    }

    fn on_no_reply(&mut self, purpose: &Purpose) {
        match purpose {
            Purpose::Register => self.registration_failed(PhoneError::NotInTime {
                what: "an answer to REGISTER",
                within: repeat::TIMER_H,
                heard: None,
            }),
            Purpose::Invite(call) => self.end(call, Ended::NoReply),
            Purpose::Bye(call) => self.end(call, Ended::HungUpHere),
            // The INVITE's own transaction is still there and ends the call.
            Purpose::Cancel => {}
        }
    }

    /// The header that answers a challenge, if this phone has a password.
    fn authorization(
        &self,
        challenge: &Challenge,
        count: u32,
        method: Method,
        uri: &str,
        status: u16,
    ) -> Option<Header> {
        let value = challenge.answer(&Credentials {
            user: &self.config.user,
            secret: self.config.secret.as_deref()?,
            method: &method.to_string(),
            uri,
            cnonce: &wire::token().ok()?,
            count,
        });
        Some(if status == 407 {
            Header::ProxyAuthorization(value.into())
        } else {
            Header::Authorization(value.into())
        })
    }

    /// Its own address of record with a display name, without a tag.
    fn identity(&self) -> String {
        let uri = format!("<sip:{}@{}>", self.config.user, self.config.server.ip());
        match &self.config.display_name {
            Some(name) => format!("\"{name}\" {uri}"),
            None => uri,
        }
    }

    fn contact(&self) -> String {
        format!("sip:{}@{}", self.config.user, self.local)
    }
}

fn transaction_key(branch: &str, method: Method) -> String {
    format!("{branch} {method}")
}

/// A datagram the system does not take is a lost datagram: the timers send it again.
fn send(socket: &UdpSocket, bytes: &[u8], to: SocketAddr) {
    _ = socket.try_send_to(bytes, to);
}

/// RFC 3261 §8.1.1.7: the cookie says that the branch is unique.
fn branch() -> Result<String, PhoneError> {
    Ok(format!("z9hG4bK{}", wire::token()?))
}
