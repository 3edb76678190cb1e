//! A switch in bare hands: in which order an emergency call's outputs stand, and that no sequence of failures
//! leaves a destination untried.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use call::{Civic, Destination, EmergencyConfig, Hop, Input, Location, Notify, Output, Switch};
use primitives::{Now, Seed};
use proptest::prelude::*;
use sip::{Binding, Config, Path, Transport};
use testkit::phone::Ear;
use testkit::sim::World;

const US: &str = "192.0.2.1:5060";
const PHONE: &str = "10.1.0.1:5060";
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 10.1.0.1\r\ns=-\r\nc=IN IP4 10.1.0.1\r\nt=0 0\r\n\
                     m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";

/// What a destination does with its INVITE.
#[derive(Clone, Debug)]
enum Fate {
    Silent,
    TryingOnly,
    Rings(Duration),
    RingsThenRefuses(u16),
    Refuses(u16),
    EarlyMediaThenRefuses(u16),
    AnswersWithoutAudio,
}

struct Hands {
    switch: Switch,
    now: Now,
    /// INVITEs by destination, in order.
    rung: Vec<String>,
    fates: Vec<Fate>,
    /// Answers on their way.
    coming: Vec<(Instant, SocketAddr, String)>,
    hops: Vec<Hop>,
    /// Whether sockets can be bound.
    ports_open: bool,
}

impl Hands {
    fn new(fates: Vec<Fate>, change: impl FnOnce(&mut World)) -> Self {
        let mut world = World::small(1, 0);
        let address =
            [("country", "US"), ("A1", "CA"), ("A3", "Springfield"), ("RD", "Main"), ("HNO", "742")];
        let civic = Civic(address.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
        let reach = (0..fates.len().max(1)).map(|at| match at % 2 {
            0 => Destination::Sip(format!("sip:10.2.0.{}", at + 1)),
            _ => Destination::Esinet(format!("sip:10.2.0.{}", at + 1)),
        });
        world.emergency = Some(EmergencyConfig {
            reach: reach.collect(),
            test_reach: Vec::new(),
            callback: "+15550100100".to_owned(),
            locations: BTreeMap::from([("hq".to_owned(), Location { civic, callback: None })]),
            notify: Notify { webhook: "http://127.0.0.1:9/".to_owned(), roots: None },
        });
        for agent in world.agents.values_mut() {
            agent.location = Some("hq".to_owned());
        }
        change(&mut world);
        let ear = Ear::new(world.prompts.keys().map(|prompt| &*prompt.name));
        let setup = Arc::new(world.setup(&BTreeMap::new(), &ear).unwrap());
        let config = Config { listeners: vec![(Transport::Udp, US.parse().unwrap())], ..Config::default() };
        let now = Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH };
        let switch = Switch::new(setup, config, Seed::numbered(7));
        let mut hands = Self {
            switch,
            now,
            rung: Vec::new(),
            fates,
            coming: Vec::new(),
            hops: Vec::new(),
            ports_open: true,
        };
        let binding = Binding {
            contact: format!("sip:nurse1@{PHONE}"),
            path: path(PHONE),
            preference: 1_000,
            expires: jiff::Timestamp::MAX,
            sip_call_id: "r".to_owned(),
            cseq: 1,
        };
        hands.give(Input::Restore { user: "nurse1".to_owned(), binding });
        hands
    }

    fn give(&mut self, input: Input<'_>) -> Vec<Output> {
        let mut out = Vec::new();
        self.switch.handle(self.now, input, &mut out);
        out
    }

    /// 911, with an offer.
    fn dial(&mut self) -> Vec<Output> {
        let invite = format!(
            "INVITE sip:911@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {PHONE};branch=z9hG4bKa;rport\r\n\
             From: <sip:nurse1@192.0.2.1>;tag=a\r\nTo: <sip:911@192.0.2.1>\r\nCall-ID: help\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:nurse1@{PHONE}>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{OFFER}",
            OFFER.len()
        );
        self.give(Input::Sip(sip::Input::Received { path: path(PHONE), bytes: invite.as_bytes() }))
    }

    /// Does what outputs want, as far as destinations, ports and hops go.
    fn perform(&mut self, outputs: Vec<Output>) {
        let mut next = Vec::new();
        for output in outputs {
            match output {
                Output::Hop { hop, .. } => self.hops.push(hop),
                Output::Sip(sip::Output::Send { path, bytes, .. }) => {
                    let text = String::from_utf8(bytes.to_vec()).unwrap();
                    self.sent(path.peer, &text);
                }
                Output::Media { command: media::Command::Open { port, .. }, .. } => {
                    next.push(if self.ports_open {
                        media::Event::Opened { port }
                    } else {
                        media::Event::OpenFailed { port }
                    });
                }
                _ => {}
            }
        }
        for event in next {
            let outputs = self.give(Input::Media(event));
            self.perform(outputs);
        }
    }

    fn sent(&mut self, to: SocketAddr, text: &str) {
        if to == PHONE.parse().unwrap() {
            return;
        }
        let method = text.split(' ').next().unwrap_or_default();
        let answer = |status: &str, body: &str| respond(text, status, body);
        let soon = |ms: u64| self.now.mono + Duration::from_millis(ms);
        match method {
            "CANCEL" | "BYE" => self.coming.push((soon(5), to, answer("200 OK", ""))),
            "INVITE" => {
                let at =
                    usize::from(to.ip().to_string().rsplit('.').next().unwrap().parse::<u8>().unwrap()) - 1;
                if !self.rung.contains(&to.ip().to_string()) {
                    self.rung.push(to.ip().to_string());
                }
                let sdp = OFFER.replace("10.1.0.1", "10.2.0.1");
                let mut come = |ms, status: &str, body: &str| {
                    self.coming.push((soon(ms), to, answer(status, body)));
                };
                match self.fates[at].clone() {
                    Fate::Silent => {}
                    Fate::TryingOnly => come(10, "100 Trying", ""),
                    Fate::Rings(after) => {
                        come(u64::try_from(after.as_millis()).unwrap(), "180 Ringing", "");
                    }
                    Fate::RingsThenRefuses(status) => {
                        come(50, "180 Ringing", "");
                        come(900, &format!("{status} No"), "");
                    }
                    Fate::Refuses(status) => come(10, &format!("{status} No"), ""),
                    Fate::EarlyMediaThenRefuses(status) => {
                        come(50, "183 Progress", &sdp);
                        come(900, &format!("{status} No"), "");
                    }
                    Fate::AnswersWithoutAudio => {
                        come(50, "200 OK", &sdp.replace("RTP/AVP 0 101", "RTP/AVP 18"))
                    }
                }
            }
            _ => {}
        }
    }

    /// Lets time pass until nothing is to come, or so long.
    fn run_for(&mut self, time: Duration) {
        let until = self.now.mono + time;
        loop {
            let coming = self.coming.iter().map(|(at, ..)| *at).min();
            let Some(next) = [coming, self.switch.poll_timeout()].into_iter().flatten().min() else { return };
            if next > until {
                return;
            }
            self.now.mono = next.max(self.now.mono);
            let due = self.coming.iter().position(|(at, ..)| *at <= self.now.mono);
            let outputs = match due.map(|at| self.coming.remove(at)) {
                Some((_, from, text)) => self.give(Input::Sip(sip::Input::Received {
                    path: path(&from.to_string()),
                    bytes: text.as_bytes(),
                })),
                None => self.give(Input::Timeout),
            };
            self.perform(outputs);
        }
    }
}

fn path(peer: &str) -> Path {
    Path {
        transport: Transport::Udp,
        local: US.parse().unwrap(),
        peer: peer.parse().unwrap(),
        connection: None,
    }
}

/// A response to a request of ours.
fn respond(request: &str, status: &str, body: &str) -> String {
    let line = |name: &str| request.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    let tag = if status.starts_with("100") { "" } else { ";tag=far" };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "SIP/2.0 {status}\r\n{}\r\n{}\r\n{}{tag}\r\n{}\r\n{}\r\nContact: <sip:psap@10.2.0.1>\r\n{kind}\
         Content-Length: {}\r\n\r\n{body}",
        line("Via:"),
        line("From:"),
        line("To:"),
        line("Call-ID:"),
        line("CSeq:"),
        body.len()
    )
}

#[test]
fn the_call_stands_before_the_notice_and_waits_for_no_disk() {
    let mut hands = Hands::new(vec![Fate::Silent], |_| {});
    let outputs = hands.dial();
    let place = |is_it: &dyn Fn(&Output) -> bool| outputs.iter().position(is_it).unwrap();
    // With her location the INVITE is too long for a datagram: it goes by TCP, which is asked for at once.
    let carrier: SocketAddr = "10.2.0.1:5060".parse().unwrap();
    let call = place(
        &|output| matches!(output, Output::Sip(sip::Output::Connect { target, .. }) if target.address == carrier),
    );
    let notice = place(&|output| matches!(output, Output::Notice(_)));
    assert!(call < notice);
    assert_eq!(outputs.iter().filter(|output| matches!(output, Output::Notice(_))).count(), 1);
}

#[test]
fn a_notice_of_failure_stands_behind_the_last_attempt() {
    let mut hands = Hands::new(vec![Fate::Silent], |_| {});
    let outputs = hands.dial();
    hands.perform(outputs);
    let mut failed = Vec::new();
    while !failed.iter().any(|output| matches!(output, Output::Notice(_))) {
        hands.now.mono = hands.switch.poll_timeout().unwrap();
        failed = hands.give(Input::Timeout);
    }
    let answered = failed.iter().position(
        |output| matches!(output, Output::Sip(sip::Output::Send { bytes, .. }) if bytes.starts_with(b"SIP/2.0 200 ")),
    );
    let notice = failed.iter().position(|output| matches!(output, Output::Notice(_)));
    assert!(answered.unwrap() < notice.unwrap(), "she is told before others are");
}

fn fate() -> impl Strategy<Value = Fate> {
    let status = prop_oneof![Just(404u16), Just(480), Just(486), Just(500), Just(503), Just(603), Just(302)];
    prop_oneof![
        Just(Fate::Silent),
        Just(Fate::TryingOnly),
        (1u64..30_000).prop_map(|ms| Fate::Rings(Duration::from_millis(ms))),
        status.clone().prop_map(Fate::RingsThenRefuses),
        status.clone().prop_map(Fate::Refuses),
        status.prop_map(Fate::EarlyMediaThenRefuses),
        Just(Fate::AnswersWithoutAudio),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_sequence_of_failures_leaves_a_destination_untried(
        fates in prop::collection::vec(fate(), 1..6),
        ports in prop_oneof![Just(20_399u16), Just(20_001), Just(20_003)],
        (ports_open, drains, is_full) in any::<(bool, bool, bool)>(),
    ) {
        let count = fates.len();
        // Past us any codec will do: that destination helps.
        let fates: Vec<Fate> = fates
            .into_iter()
            .map(|fate| match fate {
                Fate::AnswersWithoutAudio if ports == 20_001 => Fate::Refuses(488),
                fate => fate,
            })
            .collect();
        let last_rings = matches!(fates.last(), Some(Fate::Rings(_)));
        let mut hands = Hands::new(fates, |world| {
            world.rtp_ports = 20_000..=ports;
            if is_full {
                world.limits.calls_max = 0;
            }
        });
        hands.ports_open = ports_open;
        if drains {
            hands.give(Input::Drain);
        }
        let outputs = hands.dial();
        hands.perform(outputs);
        hands.run_for(Duration::from_secs(600));
        prop_assert_eq!(hands.rung.len(), count, "{:?}", hands.hops);
        let failed = hands.hops.iter().any(|hop| matches!(hop, Hop::EmergencyFailed { .. }));
        prop_assert!(failed || last_rings, "she is told: {:?}", hands.hops);
    }
}
