//! A monitor that never complains watches nothing: each rule is broken once.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use acd::AgentConfig;
use bytes::Bytes;
use call::{CallId, Hop, Output};
use media::{Playlist, PortId, Prompt};
use primitives::Now;
use sip::{Path, Release, Transport};

use super::Monitor;
use crate::clock::Clock;

/// A monitor that is told a story, a batch at a time.
struct Story {
    clock: Clock,
    monitor: Monitor,
}

impl Story {
    fn new() -> Self {
        let nurse = AgentConfig { queues: vec!["nurses".to_owned()], ..AgentConfig::default() };
        let agents = [("anna".to_owned(), nurse.clone()), ("bea".to_owned(), nurse)];
        Self { clock: Clock::new(), monitor: Monitor::new(agents.into()) }
    }

    fn now(&mut self) -> Now {
        self.clock.advance(Duration::from_millis(100));
        self.clock.now()
    }

    fn hop(&mut self, call: u128, hop: Hop) {
        let at = self.now();
        self.monitor.batch(at, &[Output::Hop { at, call: Some(CallId(call)), flow: None, hop }]);
    }

    fn arrives(&mut self, call: u128) {
        let [dialled, caller, transport] = ["1", "known", "udp"].map(str::to_owned);
        let [trunk, verification] = ["local", "none"].map(str::to_owned);
        let hop = Hop::Arrived { dialled, caller, transport, trunk, verification };
        let at = self.now();
        let local = "192.0.2.1:20000".parse().unwrap();
        let port = PortId(u64::try_from(call).unwrap());
        let open = Output::Media { shard: 0, command: media::Command::Open { port, local } };
        let arrived = Output::Hop { at, call: Some(CallId(call)), flow: None, hop };
        self.monitor.batch(at, &[arrived, open]);
    }

    fn waits(&mut self, call: u128, urgency: &str) {
        let (queue, urgency) = ("nurses".to_owned(), urgency.to_owned());
        self.hop(call, Hop::Queued { queue, urgency, reason: None, skills: Vec::new() });
    }

    fn is_rung(&mut self, call: u128, agent: &str) {
        let (queue, agent) = ("nurses".to_owned(), agent.to_owned());
        self.hop(call, Hop::Offered { queue, agent, waited_ms: 0 });
    }

    fn answers(&mut self, call: u128, agent: &str) {
        self.hop(
            call,
            Hop::Accepted {
                agent: agent.to_owned(),
                queue: "nurses".to_owned(),
                urgency: "urgent".to_owned(),
                rang_ms: 0,
                waited_ms: 0,
            },
        );
    }

    fn ends(&mut self, call: u128, cause: &str) {
        self.hop(call, Hop::Ended { cause: cause.to_owned(), lasted_ms: None });
    }

    /// The first word of each violation.
    fn found(&self) -> Vec<&str> {
        self.monitor.violations().iter().filter_map(|found| found.split(':').next()).collect()
    }
}

#[test]
fn an_urgent_caller_passed_over_is_noticed_unless_a_phone_rings_for_her() {
    let mut story = Story::new();
    story.arrives(1);
    story.arrives(2);
    story.waits(1, "urgent");
    story.waits(2, "routine");
    story.is_rung(1, "bea");
    story.is_rung(2, "anna");
    assert!(story.found().is_empty());
    story.hop(1, Hop::NotTaken { agent: "bea".into(), why: "no_answer".into(), rang_ms: 0 });
    story.hop(2, Hop::NotTaken { agent: "anna".into(), why: "agent_left".into(), rang_ms: 0 });
    story.is_rung(2, "bea");
    assert!(story.found().is_empty(), "bea did not take the urgent one a moment ago");
    story.is_rung(2, "anna");
    assert_eq!(story.found(), ["R1"]);
}

#[test]
fn a_hang_up_in_silence_is_noticed_and_one_after_a_goodbye_is_not() {
    let mut story = Story::new();
    for call in [1, 2] {
        story.arrives(call);
        story.hop(call, Hop::Keyed { class: "menu".into(), key: Some('5'), digits: None });
    }
    let prompts = vec![Arc::new(Prompt::silence(Duration::from_millis(20)))];
    let playlist = Playlist { prompts, repeats: false, lead_in: Duration::ZERO, id: 9 };
    let port = PortId(1);
    let at = story.now();
    let command = media::Command::Play { port, playlist };
    story.monitor.batch(at, &[Output::Media { shard: 0, command }]);
    let why = media::PlayEnd::Finished;
    story.monitor.media_event(&media::Event::PlayFinished { port, playlist: 9, why });
    story.ends(1, "completed");
    assert!(story.found().is_empty());
    story.ends(2, "completed");
    assert_eq!(story.found(), ["S6"]);
}

#[test]
fn an_agent_in_two_calls_is_noticed() {
    let mut story = Story::new();
    for call in [1, 2] {
        story.arrives(call);
        story.waits(call, "urgent");
        story.is_rung(call, if call == 1 { "anna" } else { "bea" });
    }
    story.answers(1, "anna");
    story.answers(2, "anna");
    assert_eq!(story.found(), ["one call"]);
}

#[test]
fn a_call_without_an_end_is_noticed_and_so_is_one_that_goes_on_after_it() {
    let mut story = Story::new();
    story.arrives(1);
    story.arrives(2);
    story.ends(2, "caller_hung_up");
    story.hop(2, Hop::Answered { after_ms: 1 });
    assert_eq!(story.found(), ["R2"]);
    story.monitor.finish();
    assert_eq!(story.found(), ["R2", "R2"]);
}

#[test]
fn a_place_lost_or_lowered_is_noticed() {
    let mut story = Story::new();
    story.arrives(1);
    story.waits(1, "urgent");
    story.is_rung(1, "anna");
    story.answers(1, "anna");
    story.hop(1, Hop::Requeued { queue: "nurses".into(), waited_ms: 0 });
    assert_eq!(story.found(), ["her place"]);
    story.waits(1, "routine");
    assert_eq!(story.found(), ["her place", "never lower"]);
}

#[test]
fn a_secret_in_a_fact_and_a_message_ahead_of_its_facts_are_noticed() {
    let mut story = Story::new();
    story.monitor.keep_private("5550123".to_owned());
    story.arrives(1);
    story.hop(1, Hop::Transferring { number: "+15550123".into() });
    assert_eq!(story.found(), ["private"]);
    let address = "192.0.2.1:5060".parse().unwrap();
    let path = Path { transport: Transport::Udp, local: address, peer: address, connection: None };
    let bytes = Bytes::from_static(b"BYE sip:x@y SIP/2.0\r\n");
    let send = |release| Output::Sip(sip::Output::Send { path, bytes: bytes.clone(), release });
    let at = story.now();
    story.monitor.batch(at, &[send(Release::AfterFacts)]);
    assert_eq!(story.found(), ["private"]);
    story.monitor.batch(at, &[send(Release::AtOnce)]);
    assert_eq!(story.found(), ["private", "facts first"]);
    story.monitor.left(&bytes);
    story.monitor.batch(at, &[send(Release::AtOnce)]);
    assert_eq!(story.found().len(), 2, "a repetition");
}
