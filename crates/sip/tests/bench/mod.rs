//! One endpoint under a test's hands: messages as text in, messages as text out, time as told.

#![allow(
    dead_code,
    clippy::disallowed_methods,
    reason = "each test file uses its part; its clock starts at some instant"
)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use primitives::{Now, Private, Seed};
use sip::{
    Config, ConnectionChange, ConnectionId, Discarded, Endpoint, Input, Invite, LegCommand, LegEvent, LegId,
    OutOfDialog, Output, Path, RegistrationChange, Release, Security, Target, Transport, User,
};

pub const OFFER: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
pub const ANSWER: &str =
    "v=0\r\no=- 2 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n";

pub fn us() -> SocketAddr {
    "192.0.2.1:5060".parse().unwrap()
}

pub fn peer() -> SocketAddr {
    "192.0.2.10:5060".parse().unwrap()
}

pub fn path() -> Path {
    Path { transport: Transport::Udp, local: us(), peer: peer(), connection: None }
}

pub fn stream(number: u64) -> Path {
    Path { transport: Transport::Tcp, connection: Some(ConnectionId(number)), ..path() }
}

pub fn config() -> Config {
    Config {
        realm: "careline.example".to_owned(),
        listeners: vec![(Transport::Udp, us()), (Transport::Tcp, us())],
        users: vec![
            User { name: "anna".to_owned(), secret: Private::new("correct horse".to_owned()) },
            User { name: "ben".to_owned(), secret: Private::new("battery staple".to_owned()) },
        ],
        // The far end is a trunk; what becomes of strangers is tested beside the guard.
        security: Security { known: vec!["192.0.2.0/24".parse().unwrap()], ..Security::default() },
        ..Config::default()
    }
}

/// Everything an endpoint said in answer to one input.
#[derive(Debug, Default)]
pub struct Said {
    pub sent: Vec<(Path, String, Release)>,
    pub events: Vec<(LegId, LegEvent)>,
    pub registrations: Vec<RegistrationChange>,
    pub dropped: Vec<Discarded>,
    pub others: Vec<Output>,
}

impl Said {
    fn of(outputs: Vec<Output>) -> Self {
        let mut said = Self::default();
        for output in outputs {
            match output {
                Output::Send { path, bytes, release } => {
                    said.sent.push((path, String::from_utf8(bytes.to_vec()).unwrap(), release));
                }
                Output::Leg { leg, event } => said.events.push((leg, event)),
                Output::Registration(change) => said.registrations.push(change),
                Output::Dropped(why) => said.dropped.push(why),
                other => said.others.push(other),
            }
        }
        said
    }

    /// The first lines of what was sent.
    pub fn lines(&self) -> Vec<&str> {
        self.sent.iter().map(|(_, text, _)| text.lines().next().unwrap_or_default()).collect()
    }

    /// What was sent starts like this: status and methods, in order.
    pub fn sends(&self) -> Vec<String> {
        self.lines()
            .iter()
            .map(|line| {
                let mut words = line.split(' ');
                match words.next() {
                    Some("SIP/2.0") => words.next().unwrap().to_owned(),
                    method => method.unwrap_or_default().to_owned(),
                }
            })
            .collect()
    }

    pub fn message(&self, at: usize) -> &str {
        &self.sent[at].1
    }

    /// The connection asked for.
    pub fn connects(&self) -> Option<(ConnectionId, Target)> {
        self.others.iter().find_map(|output| match output {
            Output::Connect { id, target } => Some((*id, target.clone())),
            _ => None,
        })
    }

    pub fn event_names(&self) -> Vec<String> {
        self.events.iter().map(|(_, event)| event_name(event)).collect()
    }
}

/// `Ended(NoResponse)`, `Ringing`: the variant, without the SDP.
pub fn event_name(event: &LegEvent) -> String {
    match event {
        LegEvent::Ended { cause, .. } => format!("Ended({cause:?})"),
        LegEvent::Invited(_) => "Invited".to_owned(),
        LegEvent::Info { key } => format!("Info({})", key.expose()),
        LegEvent::Confirmed { sdp } => format!("Confirmed({})", if sdp.is_some() { "sdp" } else { "" }),
        LegEvent::Reoffered { sdp } => format!("Reoffered({})", if sdp.is_some() { "sdp" } else { "" }),
        LegEvent::Ringing => "Ringing".to_owned(),
        LegEvent::Progress { .. } => "Progress".to_owned(),
        LegEvent::Answered { .. } => "Answered".to_owned(),
        LegEvent::Elsewhere { .. } => "Elsewhere".to_owned(),
        LegEvent::OfferAnswered { .. } => "OfferAnswered".to_owned(),
        LegEvent::ReferAnswered { status } => format!("ReferAnswered({status})"),
        LegEvent::ReferNews { status } => format!("ReferNews({status})"),
        LegEvent::Referred(referral) => format!("Referred({})", referral.to.expose()),
    }
}

pub struct Bench {
    pub endpoint: Endpoint,
    pub now: Now,
    start: Instant,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(config())
    }

    pub fn with(config: Config) -> Self {
        let mono = Instant::now();
        let wall = "2026-03-02T03:15:00Z".parse().unwrap();
        Self { endpoint: Endpoint::new(config, Seed::numbered(1)), now: Now { mono, wall }, start: mono }
    }

    pub fn input(&mut self, input: Input<'_>) -> Said {
        let mut out = Vec::new();
        self.endpoint.handle(self.now, input, &mut out);
        Said::of(out)
    }

    pub fn receive(&mut self, text: &str) -> Said {
        self.receive_on(path(), text)
    }

    pub fn receive_on(&mut self, path: Path, text: &str) -> Said {
        self.input(Input::Received { path, bytes: text.as_bytes() })
    }

    pub fn command(&mut self, leg: LegId, command: LegCommand) -> Said {
        self.input(Input::Command { leg, command })
    }

    /// A connection that was asked for is there.
    pub fn opened(&mut self, id: ConnectionId) -> Said {
        let change = ConnectionChange::Opened { local: us(), certificate: Vec::new() };
        self.input(Input::Connection { id, change })
    }

    pub fn lost(&mut self, id: ConnectionId) -> Said {
        self.input(Input::Connection { id, change: ConnectionChange::Lost })
    }

    pub fn dial(&mut self, invite: Invite) -> (LegId, Said) {
        let mut out = Vec::new();
        let leg = self.endpoint.dial(self.now, invite, &mut out);
        (leg, Said::of(out))
    }

    pub fn request(&mut self, request: OutOfDialog) -> Said {
        let mut out = Vec::new();
        self.endpoint.request(self.now, request, &mut out);
        Said::of(out)
    }

    pub fn advance(&mut self, by: Duration) {
        self.now.mono += by;
        self.now.wall = self.now.wall.checked_add(by).unwrap();
    }

    /// Lets time pass, waking the endpoint whenever it wants to be, and gathers all it says.
    pub fn wait(&mut self, duration: Duration) -> Said {
        let end = self.now.mono + duration;
        let mut all = Said::default();
        while let Some(due) = self.endpoint.poll_timeout().filter(|due| *due <= end) {
            self.advance(due.saturating_duration_since(self.now.mono));
            let said = self.input(Input::Timeout);
            assert!(self.endpoint.poll_timeout() != Some(due), "a deadline that passed must be dealt with");
            all.sent.extend(said.sent);
            all.events.extend(said.events);
            all.registrations.extend(said.registrations);
            all.dropped.extend(said.dropped);
            all.others.extend(said.others);
        }
        self.advance(end - self.now.mono);
        all
    }

    /// Everything must be over and forgotten at some time.
    pub fn runs_out(&mut self) {
        self.wait(Duration::from_secs(200));
        assert!(self.endpoint.is_idle(), "something remains");
        assert_eq!(self.endpoint.legs(), 0);
    }

    /// Milliseconds since the bench was set up.
    pub fn at_ms(&self) -> u128 {
        (self.now.mono - self.start).as_millis()
    }
}

/// The first value of a header.
pub fn header<'a>(message: &'a str, name: &str) -> &'a str {
    headers(message, name).first().copied().unwrap_or_default()
}

/// All values of a header.
pub fn headers<'a>(message: &'a str, name: &str) -> Vec<&'a str> {
    message
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .filter(|(own, _)| own.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .collect()
}

pub fn body(message: &str) -> &str {
    message.split_once("\r\n\r\n").unwrap().1
}

pub fn tag(value: &str) -> &str {
    value.split_once(";tag=").map_or("", |(_, tag)| tag)
}

/// A request as a phone at `peer` writes it.
pub struct Ask {
    pub method: &'static str,
    pub uri: String,
    pub branch: String,
    pub to_tag: Option<String>,
    pub cseq: u32,
    pub cseq_method: Option<&'static str>,
    pub call_id: String,
    pub from: String,
    pub extra: Vec<String>,
    pub body: String,
    pub kind: &'static str,
}

impl Ask {
    pub fn new(method: &'static str, branch: &str) -> Self {
        Self {
            method,
            uri: "sip:100@192.0.2.1".to_owned(),
            branch: format!("z9hG4bK{branch}"),
            to_tag: None,
            cseq: 1,
            cseq_method: None,
            call_id: "call-1@phone".to_owned(),
            from: "\"Pat\" <sip:+15550100@192.0.2.10>;tag=from1".to_owned(),
            extra: Vec::new(),
            body: String::new(),
            kind: "application/sdp",
        }
    }

    pub fn invite() -> Self {
        Self::new("INVITE", "inv1").body(OFFER)
    }

    pub fn body(mut self, body: &str) -> Self {
        self.body = body.to_owned();
        self
    }

    pub fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    pub fn with(mut self, line: &str) -> Self {
        self.extra.push(line.to_owned());
        self
    }

    pub fn in_dialog(mut self, tag: &str) -> Self {
        self.to_tag = Some(tag.to_owned());
        self
    }

    pub fn cseq(mut self, cseq: u32) -> Self {
        self.cseq = cseq;
        self
    }

    pub fn uri(mut self, uri: &str) -> Self {
        self.uri = uri.to_owned();
        self
    }

    pub fn call_id(mut self, call_id: &str) -> Self {
        self.call_id = call_id.to_owned();
        self
    }

    pub fn from(mut self, from: &str) -> Self {
        self.from = from.to_owned();
        self
    }

    pub fn text(&self) -> String {
        let to_tag = self.to_tag.as_ref().map(|tag| format!(";tag={tag}")).unwrap_or_default();
        let mut lines = vec![
            format!("{} {} SIP/2.0", self.method, self.uri),
            format!("Via: SIP/2.0/UDP 192.0.2.10:5060;branch={};rport", self.branch),
            format!("From: {}", self.from),
            format!("To: <sip:100@careline.example>{to_tag}"),
            format!("Call-ID: {}", self.call_id),
            format!("CSeq: {} {}", self.cseq, self.cseq_method.unwrap_or(self.method)),
        ];
        if self.method == "INVITE" {
            lines.push("Contact: <sip:pat@192.0.2.10:5060>".to_owned());
        }
        if !self.extra.iter().any(|line| line.starts_with("Max-Forwards")) {
            lines.push("Max-Forwards: 70".to_owned());
        }
        lines.extend(self.extra.iter().cloned());
        if !self.body.is_empty() {
            lines.push(format!("Content-Type: {}", self.kind));
        }
        lines.push(format!("Content-Length: {}", self.body.len()));
        format!("{}\r\n\r\n{}", lines.join("\r\n"), self.body)
    }
}

/// A response of the far end to a request of ours.
pub fn response(request: &str, status: &str, to_tag: &str, body: &str) -> String {
    let mut lines = vec![format!("SIP/2.0 {status}")];
    for via in headers(request, "Via") {
        lines.push(format!("Via: {via}"));
    }
    lines.push(format!("From: {}", header(request, "From")));
    let to = header(request, "To");
    let tagged = to.contains(";tag=") || to_tag.is_empty();
    lines.push(if tagged { format!("To: {to}") } else { format!("To: {to};tag={to_tag}") });
    lines.push(format!("Call-ID: {}", header(request, "Call-ID")));
    lines.push(format!("CSeq: {}", header(request, "CSeq")));
    lines.push("Contact: <sip:agent@192.0.2.10:5060>".to_owned());
    if !body.is_empty() {
        lines.push("Content-Type: application/sdp".to_owned());
    }
    lines.push(format!("Content-Length: {}", body.len()));
    format!("{}\r\n\r\n{body}", lines.join("\r\n"))
}

pub fn sdp(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// An INVITE of ours to the phone at `peer`.
pub fn invite_to(uri: &str) -> Invite {
    Invite {
        uri: uri.to_owned(),
        path: None,
        from: Some(Private::new("+15550199".to_owned())),
        display_name: "Nurse line".to_owned(),
        offer: sdp(OFFER),
        headers: vec![("Alert-Info".to_owned(), "<urn:alert:source:internal>".to_owned())],
        ..Invite::default()
    }
}

/// A leg that was called, rang, was answered and acknowledged. Gives the leg and our To tag.
pub fn answered_leg(bench: &mut Bench) -> (LegId, String) {
    let said = bench.receive(&Ask::invite().text());
    let leg = said.events[0].0;
    bench.command(leg, LegCommand::Ring);
    let said = bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) });
    let our_tag = tag(header(said.message(0), "To")).to_owned();
    let said = bench.receive(&Ask::new("ACK", "ack1").in_dialog(&our_tag).text());
    assert_eq!(said.event_names(), ["Confirmed()"]);
    (leg, our_tag)
}
