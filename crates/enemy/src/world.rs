//! One endpoint in an enemy's hands, and what is looked at after each of its answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use primitives::{Now, Private, Seed};
use sip::digest::DigestChallenge;
use sip::message::{Message, Method, Request, Response, parse, validate};
use sip::{
    Account, Config, ConnectionChange, ConnectionId, Credentials, Discarded, Endpoint, Input, Invite,
    LegCommand, LegEvent, LegId, OutOfDialog, Output, Path, RequestId, ResolveId, Security, Transport, User,
};

use crate::calls::Calls;
use crate::wire::SDP;

/// Requests of ours an enemy remembers to answer. More teach it nothing.
const REQUESTS_MAX: usize = 32;

/// Time after which nothing may remain once everybody has hung up: every timer of RFC 3261 runs out within
/// 64 × T1, one after the other at most a handful of times.
const ALL_TIMERS: Duration = Duration::from_secs(300);

/// After them, the time in which a connection that nobody needs any more is found idle and closed.
const IDLE_CONNECTIONS: Duration = Duration::from_secs(1_200);

/// The endpoint, its clock and what was noted of it.
pub struct World {
    endpoint: Endpoint,
    now: Now,
    /// Whether each leg has ended.
    pub legs: BTreeMap<LegId, bool>,
    /// Legs that came to us and ring.
    pub invited: Vec<LegId>,
    /// Our requests and the way they went.
    pub requests: Vec<(Request, Path)>,
    /// Our responses since somebody took them.
    pub responses: Vec<Response>,
    /// Questions to DNS that are open.
    pub questions: Vec<ResolveId>,
    /// Whether each of our requests outside calls has its answer.
    asked: BTreeMap<RequestId, bool>,
    /// How many there were.
    asked_outside: u32,
    /// What we challenged somebody with last.
    pub challenges: Vec<DigestChallenge>,
    /// Connections we asked for.
    pub asked_for: Vec<ConnectionId>,
    /// What is promised of each call.
    pub calls: Calls,
}

/// What came of one input.
#[derive(Debug, Default)]
pub struct Said {
    pub sent: Vec<Message>,
    pub events: Vec<(LegId, LegEvent)>,
    pub dropped: Vec<Discarded>,
    /// Whether a name is to be looked up first.
    pub asks_dns: bool,
}

/// The ways an enemy reaches us by: as a trunk, as a stranger and by IPv6 in datagrams, and by two streams.
pub fn way(number: u8) -> Path {
    let address = |text: &str| -> SocketAddr { text.parse().expect("an address") };
    let (transport, local, peer, connection) = match number % 5 {
        0 => (Transport::Udp, "192.0.2.1:5060", "192.0.2.10:5060", None),
        1 => (Transport::Udp, "192.0.2.1:5060", "198.51.100.7:5060", None),
        2 => (Transport::Udp, "[2001:db8::1]:5060", "[2001:db8::10]:5060", None),
        3 => (Transport::Tcp, "192.0.2.1:5060", "192.0.2.10:40000", Some(ConnectionId(0))),
        _ => (Transport::Tls, "192.0.2.1:5061", "192.0.2.10:40001", Some(ConnectionId(1))),
    };
    Path { transport, local: address(local), peer: address(peer), connection }
}

/// The one user who is known, and what he proves it with.
pub fn password() -> (Private<String>, Private<String>) {
    (Private::new("pat".to_owned()), Private::new("correct horse".to_owned()))
}

/// Who we are to a carrier: somebody with a password, or nobody.
fn account(number: u8) -> Account {
    let user = Private::new("us".to_owned());
    let credentials = Credentials { user, password: Private::new("secret".to_owned()) };
    let routes = if number.is_multiple_of(5) { vec!["sip:192.0.2.10;lr".to_owned()] } else { Vec::new() };
    Account { credentials: number.is_multiple_of(2).then_some(credentials), routes, ..Account::default() }
}

fn start() -> Now {
    Now { mono: Instant::now(), wall: "2026-03-02T03:15:00Z".parse().expect("a time") }
}

impl World {
    pub fn new() -> Self {
        let listeners = [0, 2, 3, 4].map(|number| (way(number).transport, way(number).local));
        let (user, secret) = password();
        let users = vec![User { name: user.into_exposed(), secret }];
        // Most of what comes is a trunk's, so that it is read; the stranger is at another address.
        let known = ["192.0.2.0/24", "2001:db8::/32"].map(|network| network.parse().expect("a network"));
        let security = Security { known: known.to_vec(), ..Security::default() };
        let config = Config { listeners: listeners.to_vec(), users, security, ..Config::default() };
        Self {
            endpoint: Endpoint::new(config, Seed::numbered(1)),
            now: start(),
            legs: BTreeMap::new(),
            invited: Vec::new(),
            requests: Vec::new(),
            responses: Vec::new(),
            questions: Vec::new(),
            asked: BTreeMap::new(),
            asked_outside: 0,
            challenges: Vec::new(),
            asked_for: Vec::new(),
            calls: Calls::default(),
        }
    }

    pub fn input(&mut self, input: Input<'_>) -> Said {
        let mut out = Vec::new();
        self.endpoint.handle(self.now, input, &mut out);
        self.note(out)
    }

    /// Bytes of an enemy.
    pub fn receive(&mut self, path: Path, bytes: &[u8]) -> Said {
        if path.connection.is_none()
            && let Ok(message) = parse(&Bytes::copy_from_slice(bytes))
        {
            self.calls.comes(&message);
        }
        let said = self.input(Input::Received { path, bytes });
        self.calls.answered(&said);
        said
    }

    pub fn command(&mut self, leg: LegId, command: LegCommand) -> Said {
        self.input(Input::Command { leg, command })
    }

    pub fn lose(&mut self, id: ConnectionId) -> Said {
        self.input(Input::Connection { id, change: ConnectionChange::Lost })
    }

    /// Calls a phone at `192.0.2.10`, or one of an unlikely address.
    pub fn dial(&mut self, number: u8) -> LegId {
        let (uri, path) = match number % 8 {
            0..=2 => ("sip:agent@192.0.2.10", None),
            3 => ("sip:agent@192.0.2.10;transport=tcp", None),
            4 => ("sip:agent@phones.example", None),
            5 => ("sip:agent@[2001:db8::10]", None),
            6 => ("sip:agent@10.0.0.7:5070", Some(way(3))),
            _ => ("tel:+15550100", None),
        };
        let invite = Invite {
            uri: uri.to_owned(),
            path,
            from: Some(Private::new("+15550199".to_owned())),
            display_name: "Nurse line".to_owned(),
            offer: if number.is_multiple_of(7) { Bytes::new() } else { SDP.to_owned().into() },
            account: account(number / 8),
            first_response: number.is_multiple_of(3).then_some(Duration::from_secs(4)),
            ..Invite::default()
        };
        let mut out = Vec::new();
        let leg = self.endpoint.dial(self.now, invite, &mut out);
        self.legs.insert(leg, false);
        self.note(out);
        leg
    }

    /// The Replaces that names a leg, counted from the newest.
    pub fn replaces(&self, number: usize) -> Option<String> {
        let leg = self.legs.keys().rev().nth(number % self.legs.len().max(1))?;
        self.endpoint.replaces(*leg)
    }

    /// Asks a carrier something outside any call: registrations go on a series, checks stand alone, and what
    /// can only open a call is none of these.
    pub fn request(&mut self, number: u8) {
        let method = match number / 64 {
            0 | 1 if number.is_multiple_of(2) => Method::Register,
            0 | 1 => Method::Options,
            2 => [Method::Subscribe, Method::Notify][usize::from(number % 2)].clone(),
            _ => [Method::Message, Method::Invite][usize::from(number % 2)].clone(),
        };
        self.asked_outside += 1;
        let is_register = method == Method::Register;
        let series = is_register.then(|| ("series@192.0.2.1".to_owned(), self.asked_outside * 10));
        let body = (number / 64 == 3).then(|| ("text/plain".to_owned(), Bytes::from_static(b"hello")));
        let request = OutOfDialog {
            method,
            uri: ["sip:192.0.2.10", "sip:carrier.example", "sip:[2001:db8::10]", "tel:+1"]
                [usize::from(number / 2 % 4)]
            .to_owned(),
            path: (number / 32 == 3).then(|| way(3)),
            from: "sip:us@carrier.example".to_owned(),
            to: None,
            account: account(number / 8),
            series,
            headers: vec![("Event".to_owned(), "refer".to_owned())],
            body,
            patience: Duration::from_secs(if number.is_multiple_of(3) { 20 } else { 120 }),
        };
        let mut out = Vec::new();
        let id = self.endpoint.request(self.now, request, &mut out);
        let is_answered = self.asked.get(&id).copied().unwrap_or_default();
        self.asked.insert(id, is_answered);
        self.note(out);
    }

    /// Lets time pass, waking the endpoint whenever it wants to be.
    pub fn wait(&mut self, duration: Duration) {
        let end = self.now.mono + duration;
        while let Some(due) = self.endpoint.poll_timeout().filter(|due| *due <= end) {
            self.advance(due.saturating_duration_since(self.now.mono));
            self.input(Input::Timeout);
            let next = self.endpoint.poll_timeout();
            assert!(
                next.is_none_or(|next| next > self.now.mono),
                "a deadline that passed must be dealt with"
            );
        }
        self.advance(end.saturating_duration_since(self.now.mono));
    }

    fn advance(&mut self, by: Duration) {
        self.now.mono += by;
        self.now.wall = self.now.wall.checked_add(by).expect("within the calendar");
    }

    /// Everybody is hung up on and time passes: every leg was told its end, and nothing remains.
    pub fn end(mut self) {
        for leg in self.legs.keys().copied().collect::<Vec<_>>() {
            self.command(leg, LegCommand::HangUp { cause: sip::EndCause::WeHungUp });
        }
        // Bindings outlive every call.
        self.input(Input::Users(Vec::new()));
        self.wait(ALL_TIMERS + IDLE_CONNECTIONS);
        assert!(self.legs.values().all(|over| *over), "a leg was not told its end");
        assert!(self.asked.values().all(|over| *over), "a request of ours was not told its end");
        assert!(self.endpoint.is_idle(), "something remains");
        assert_eq!(self.endpoint.poll_timeout(), None, "it wants to be woken for nothing");
        self.calls.end();
    }

    fn note(&mut self, out: Vec<Output>) -> Said {
        let mut said = Said::default();
        for output in out {
            match output {
                Output::Send { path, bytes, .. } => {
                    if bytes.as_ref() == sip::framer::PONG {
                        continue;
                    }
                    let message = parse(&bytes).expect("what we send can be read");
                    self.sends(path, &message);
                    said.sent.push(message);
                }
                Output::Leg { leg, event } => {
                    self.happens(leg, &event);
                    said.events.push((leg, event));
                }
                Output::Resolve { id, .. } => {
                    said.asks_dns = true;
                    self.questions.push(id);
                }
                Output::Connect { id, .. } => self.asked_for.push(id),
                Output::Dropped(why) => said.dropped.push(why),
                Output::Answered { request, .. } => {
                    let over = self.asked.entry(request).or_default();
                    assert!(!*over, "one request of ours is answered twice");
                    *over = true;
                }
                Output::Disconnect { .. }
                | Output::Registration(_)
                | Output::Watched { .. }
                | Output::Unwatched { .. }
                | Output::ShutOut(_) => {}
            }
        }
        let under_way = self.legs.values().filter(|over| !**over).count();
        assert_eq!(self.endpoint.legs(), under_way, "legs() counts who has not been told the end");
        said
    }

    fn sends(&mut self, path: Path, message: &Message) {
        if path.connection.is_none() {
            self.calls.sends(self.now.mono, message);
        }
        let request = match message {
            Message::Request(request) => request,
            Message::Response(response) => {
                if response.status == 401 {
                    self.challenges = response.headers.www_authenticate().expect("a challenge");
                }
                return self.responses.push(response.clone());
            }
        };
        validate(message).expect("our requests are valid");
        if self.requests.last().is_none_or(|(last, _)| last != request) {
            self.requests.push((request.clone(), path));
        }
        if self.requests.len() > REQUESTS_MAX {
            self.requests.remove(0);
        }
    }

    fn happens(&mut self, leg: LegId, event: &LegEvent) {
        let over = self.legs.entry(leg).or_default();
        assert!(!*over, "{event:?} after the end of {leg}");
        *over = matches!(event, LegEvent::Ended { .. });
        if matches!(event, LegEvent::Invited(_)) {
            self.invited.push(leg);
        }
    }
}
