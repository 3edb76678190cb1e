//! Two endpoints call one another over a link that loses, doubles and overtakes (RFC 3261 §12 to §15).
//! Whatever happens on the way, every leg ends once and nothing remains.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod bench;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bench::{ANSWER, OFFER, event_name, sdp};
use bytes::Bytes;
use primitives::{Generator, Now, Private, Seed};
use rand_core::Rng;
use sip::{
    Challenge, Config, EndCause, Endpoint, Input, Invite, LegCommand, LegEvent, LegId, Output, Path, Refusal,
    Transport,
};

/// What the link does to a datagram, in hundredths.
#[derive(Clone, Copy, Debug)]
struct Faults {
    lost: u64,
    doubled: u64,
    /// Each datagram takes 1 ms and up to this much more: the later may arrive first.
    jitter_ms: u64,
}

const SIDES: [&str; 2] = ["192.0.2.1:5060", "192.0.2.2:5060"];

/// Something that is going to happen.
enum Coming {
    Datagram { to: usize, from: SocketAddr, bytes: Bytes },
    Command { side: usize, leg: LegId, command: LegCommand },
    Dial,
}

struct World {
    sides: [Endpoint; 2],
    /// What each leg was told, by side.
    told: [BTreeMap<LegId, Vec<String>>; 2],
    coming: BTreeMap<(Instant, u64), Coming>,
    number: u64,
    now: Now,
    start: Instant,
    faults: Faults,
    random: Generator,
}

impl World {
    fn new(seed: u64, faults: Faults) -> Self {
        let start = Instant::now();
        let seed = Seed::numbered(seed);
        let endpoint = |at: usize| {
            let listeners = vec![(Transport::Udp, SIDES[at].parse().unwrap())];
            Endpoint::new(Config { listeners, ..Config::default() }, seed.part(SIDES[at]))
        };
        Self {
            sides: [endpoint(0), endpoint(1)],
            told: [BTreeMap::new(), BTreeMap::new()],
            coming: BTreeMap::new(),
            number: 0,
            now: Now { mono: start, wall: "2026-03-02T03:15:00Z".parse().unwrap() },
            start,
            faults,
            random: seed.part("link").generator(),
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random.next_u64() % end
    }

    fn plan(&mut self, after: Duration, coming: Coming) {
        self.number += 1;
        self.coming.insert((self.now.mono + after, self.number), coming);
    }

    fn command(&mut self, after_ms: u64, side: usize, leg: LegId, command: LegCommand) {
        self.plan(Duration::from_millis(after_ms), Coming::Command { side, leg, command });
    }

    /// Lets the next thing happen; `false` when there is none.
    fn step(&mut self) -> bool {
        let planned = self.coming.first_key_value().map(|(at, _)| at.0);
        let due =
            self.sides.iter().enumerate().filter_map(|(at, side)| Some((side.poll_timeout()?, at))).min();
        let mut out = Vec::new();
        match (planned, due) {
            (None, None) => return false,
            (planned, Some((due, side))) if planned.is_none_or(|planned| due <= planned) => {
                self.advance_to(due);
                self.sides[side].handle(self.now, Input::Timeout, &mut out);
                self.perform(side, out);
            }
            _ => {
                let ((at, _), coming) = self.coming.pop_first().unwrap();
                self.advance_to(at);
                self.happen(coming);
            }
        }
        true
    }

    fn advance_to(&mut self, at: Instant) {
        let by = at.saturating_duration_since(self.now.mono);
        self.now = Now { mono: self.now.mono + by, wall: self.now.wall.checked_add(by).unwrap() };
    }

    fn happen(&mut self, coming: Coming) {
        let mut out = Vec::new();
        let side = match coming {
            Coming::Datagram { to, from, bytes } => {
                let path = Path {
                    transport: Transport::Udp,
                    local: SIDES[to].parse().unwrap(),
                    peer: from,
                    connection: None,
                };
                self.sides[to].handle(self.now, Input::Received { path, bytes: &bytes }, &mut out);
                to
            }
            Coming::Command { side, leg, command } => {
                self.sides[side].handle(self.now, Input::Command { leg, command }, &mut out);
                side
            }
            Coming::Dial => {
                let invite = Invite {
                    uri: format!("sip:100@{}", SIDES[1]),
                    path: None,
                    from: Some(Private::new("+15550100".to_owned())),
                    display_name: String::new(),
                    offer: sdp(OFFER),
                    headers: Vec::new(),
                    ..Invite::default()
                };
                let leg = self.sides[0].dial(self.now, invite, &mut out);
                self.told[0].entry(leg).or_default();
                let hang_up = LegCommand::HangUp { cause: EndCause::WeHungUp };
                if self.below(2) == 0 {
                    let after = self.below(3_000);
                    self.command(after, 0, leg, hang_up.clone());
                }
                // An INVITE that rings has no timer of its own (RFC 3261 §17.1.1.2): patience is the call's.
                self.command(90_000, 0, leg, hang_up);
                0
            }
        };
        self.perform(side, out);
    }

    fn perform(&mut self, side: usize, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Send { path, bytes, .. } => self.send(side, path, bytes),
                Output::Leg { leg, event } => self.tell(side, leg, event),
                Output::Dropped(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn send(&mut self, side: usize, path: Path, bytes: Bytes) {
        let Some(to) = SIDES.iter().position(|address| *address == path.peer.to_string()) else {
            panic!("sent to {}", path.peer)
        };
        let copies = if self.below(100) < self.faults.doubled { 2 } else { 1 };
        for _ in 0..copies {
            if self.below(100) >= self.faults.lost {
                let after = Duration::from_millis(1 + self.below(self.faults.jitter_ms + 1));
                let datagram =
                    Coming::Datagram { to, from: SIDES[side].parse().unwrap(), bytes: bytes.clone() };
                self.plan(after, datagram);
            }
        }
    }

    /// Notes what a leg was told, and plays the call core: whims, drawn from the seed.
    fn tell(&mut self, side: usize, leg: LegId, event: LegEvent) {
        let told = self.told[side].entry(leg).or_default();
        let is_over = told.last().is_some_and(|last| last.starts_with("Ended"));
        assert!(!is_over, "{event:?} after the end of {leg} at side {side}: {told:?}");
        told.push(event_name(&event));
        let hang_up = || LegCommand::HangUp { cause: EndCause::WeHungUp };
        match event {
            LegEvent::Invited(_) => self.treat_invitation(side, leg),
            LegEvent::Answered { .. } | LegEvent::Confirmed { .. } => {
                let lasts = self.below(20_000);
                if self.below(3) > 0 {
                    self.command(lasts, side, leg, hang_up());
                }
                for _ in 0..self.below(3) {
                    let after = self.below(10_000);
                    self.command(after, side, leg, LegCommand::Offer { sdp: sdp(OFFER) });
                }
                // Nobody talks for ever.
                self.command(60_000, side, leg, hang_up());
            }
            LegEvent::Reoffered { .. } => {
                let after = self.below(200);
                let command = match self.below(4) {
                    0 => LegCommand::Reject(Refusal::status(488)),
                    _ => LegCommand::Accept { sdp: sdp(ANSWER) },
                };
                self.command(after, side, leg, command);
            }
            LegEvent::Ringing
            | LegEvent::Progress { .. }
            | LegEvent::OfferAnswered { .. }
            | LegEvent::Info { .. }
            | LegEvent::Elsewhere { .. }
            | LegEvent::Referred(_)
            | LegEvent::ReferAnswered { .. }
            | LegEvent::ReferNews { .. }
            | LegEvent::Ended { .. } => {}
        }
    }

    fn treat_invitation(&mut self, side: usize, leg: LegId) {
        let rings = self.below(1_000);
        if self.below(2) == 0 {
            self.command(rings / 2, side, leg, LegCommand::Ring);
        }
        let command = match self.below(8) {
            0 => LegCommand::Reject(Refusal::status(486)),
            1 => LegCommand::Challenge(Challenge::OwnPhonesOnly),
            2 => LegCommand::HangUp { cause: EndCause::InternalError },
            3 => LegCommand::Progress { sdp: sdp(ANSWER) },
            _ => LegCommand::Answer { sdp: sdp(ANSWER) },
        };
        self.command(rings, side, leg, command);
        self.command(30_000, side, leg, LegCommand::HangUp { cause: EndCause::NoResponse });
    }

    /// Runs until nothing is left to happen.
    fn run(&mut self, seed: u64) {
        for _ in 0..200_000 {
            if !self.step() {
                return;
            }
        }
        panic!("seed {seed}: no end after {:?}", self.now.mono - self.start);
    }
}

fn calls_end_and_leave_nothing(seeds: std::ops::Range<u64>, faults: Faults) {
    let mut answered = 0;
    let mut refused = 0;
    for seed in seeds {
        let mut world = World::new(seed, faults);
        for _ in 0..6 {
            let after = Duration::from_millis(world.below(5_000));
            world.plan(after, Coming::Dial);
        }
        world.run(seed);
        for (side, endpoint) in world.sides.iter().enumerate() {
            assert!(endpoint.is_idle(), "seed {seed}: side {side} is not idle");
            assert_eq!(endpoint.legs(), 0, "seed {seed}: side {side}");
            assert_eq!(endpoint.poll_timeout(), None, "seed {seed}: side {side}");
            for (leg, told) in &world.told[side] {
                let ends = told.iter().filter(|name| name.starts_with("Ended")).count();
                assert_eq!(ends, 1, "seed {seed}: {leg} of side {side}: {told:?}");
                answered += usize::from(told.iter().any(|name| name == "Answered"));
                refused += usize::from(told.iter().any(|name| name.starts_with("Ended(Refused")));
            }
        }
        assert_eq!(world.told[0].len(), 6, "seed {seed}");
    }
    assert!(answered > 20 && refused > 5, "{answered} answered, {refused} refused: the test tests nothing");
}

#[test]
fn calls_over_a_good_link_end_and_leave_nothing() {
    calls_end_and_leave_nothing(0..60, Faults { lost: 0, doubled: 0, jitter_ms: 0 });
}

#[test]
fn calls_over_a_link_that_overtakes_and_doubles_end_and_leave_nothing() {
    calls_end_and_leave_nothing(100..200, Faults { lost: 0, doubled: 30, jitter_ms: 400 });
}

#[test]
fn calls_over_a_link_that_loses_a_third_end_and_leave_nothing() {
    calls_end_and_leave_nothing(300..450, Faults { lost: 33, doubled: 5, jitter_ms: 100 });
}

#[test]
fn calls_over_a_link_that_loses_most_end_and_leave_nothing() {
    calls_end_and_leave_nothing(500..560, Faults { lost: 70, doubled: 10, jitter_ms: 800 });
}

#[test]
fn the_same_seed_makes_the_same_calls() {
    let faults = Faults { lost: 20, doubled: 20, jitter_ms: 300 };
    let told = |seed| {
        let mut world = World::new(seed, faults);
        world.plan(Duration::ZERO, Coming::Dial);
        world.plan(Duration::from_secs(1), Coming::Dial);
        world.run(seed);
        world.told
    };
    assert_eq!(told(7), told(7));
}
