//! Any order of messages and commands, sensible or not: nothing panics, every leg ends once and last, and
//! when everybody has hung up and time has passed, nothing remains.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use std::collections::BTreeMap;
use std::time::Duration;

use bench::{ANSWER, Ask, Bench, OFFER, Said, header, invite_to, response, sdp, tag};
use proptest::prelude::*;
use sip::{Challenge, EndCause, LegCommand, LegEvent, LegId, Refusal};

/// One thing that happens. Numbers choose among what is there.
#[derive(Clone, Debug)]
enum Step {
    /// A request of the far end: method, which call, which branch, how far its CSeq is.
    Request {
        method: usize,
        call: usize,
        branch: usize,
        cseq: u32,
        in_dialog: bool,
        sdp: bool,
    },
    /// A response to one of our requests.
    Respond {
        request: usize,
        status: u16,
        tag: usize,
        sdp: bool,
    },
    Command {
        leg: usize,
        command: usize,
    },
    Dial,
    Wait {
        ms: u64,
    },
}

const METHODS: [&str; 8] = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "REGISTER"];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..METHODS.len(), 0..3_usize, 0..4_usize, 1..5_u32, any::<bool>(), any::<bool>()).prop_map(
            |(method, call, branch, cseq, in_dialog, sdp)| Step::Request { method, call, branch, cseq, in_dialog, sdp }
        ),
        6 => (
            any::<prop::sample::Index>(),
            prop::sample::select(vec![100_u16, 180, 183, 200, 202, 302, 401, 408, 481, 486, 487, 491, 503, 603]),
            0..3_usize,
            any::<bool>()
        ).prop_map(|(request, status, tag, sdp)| Step::Respond { request: request.index(1 << 16), status, tag, sdp }),
        6 => (any::<prop::sample::Index>(), 0..9_usize)
            .prop_map(|(leg, command)| Step::Command { leg: leg.index(1 << 16), command }),
        2 => Just(Step::Dial),
        2 => (0..40_000_u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

fn command(number: usize) -> LegCommand {
    match number {
        0 => LegCommand::Ring,
        1 => LegCommand::Progress { sdp: sdp(ANSWER) },
        2 | 3 => LegCommand::Answer { sdp: sdp(ANSWER) },
        4 => LegCommand::Reject(Refusal::status(486)),
        5 => LegCommand::Challenge(Challenge::OwnPhonesOnly),
        6 => LegCommand::Offer { sdp: sdp(OFFER) },
        7 => LegCommand::Accept { sdp: sdp(ANSWER) },
        _ => LegCommand::HangUp { cause: EndCause::WeHungUp },
    }
}

#[derive(Default)]
struct Run {
    /// Whether each leg has ended.
    legs: BTreeMap<LegId, bool>,
    /// Our requests, to be answered.
    requests: Vec<String>,
    /// Our To tags by Call-ID.
    tags: BTreeMap<String, String>,
}

impl Run {
    fn note(&mut self, said: Said) {
        for (leg, event) in &said.events {
            let over = self.legs.entry(*leg).or_default();
            assert!(!*over, "{event:?} after the end of {leg}");
            *over = matches!(event, LegEvent::Ended { .. });
        }
        for (_, text, _) in said.sent {
            if text.starts_with("SIP/2.0") {
                let to = tag(header(&text, "To")).to_owned();
                self.tags.insert(header(&text, "Call-ID").to_owned(), to);
            } else if self.requests.last() != Some(&text) {
                self.requests.push(text);
            }
        }
    }

    fn take(&mut self, bench: &mut Bench, step: Step) {
        match step {
            Step::Request { method, call, branch, cseq, in_dialog, sdp } => {
                let call_id = format!("call-{call}");
                let mut ask =
                    Ask::new(METHODS[method], &format!("{call}-{branch}")).call_id(&call_id).cseq(cseq);
                if let Some(tag) = self.tags.get(&call_id).filter(|tag| in_dialog && !tag.is_empty()) {
                    ask = ask.in_dialog(tag);
                }
                if sdp {
                    ask = ask.body(OFFER);
                }
                self.note(bench.receive(&ask.text()));
            }
            Step::Respond { request, status, tag, sdp } => {
                if self.requests.is_empty() {
                    return;
                }
                let request = &self.requests[request % self.requests.len()];
                let body = if sdp { ANSWER } else { "" };
                let text = response(request, &format!("{status} Whatever"), &format!("far{tag}"), body);
                self.note(bench.receive(&text));
            }
            Step::Command { leg, command: number } => {
                if self.legs.is_empty() {
                    return;
                }
                let leg = *self.legs.keys().nth(leg % self.legs.len()).unwrap();
                self.note(bench.command(leg, command(number)));
            }
            Step::Dial => {
                let (leg, said) = bench.dial(invite_to("sip:agent@192.0.2.10"));
                self.legs.insert(leg, false);
                self.note(said);
            }
            Step::Wait { ms } => self.note(bench.wait(Duration::from_millis(ms))),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_in_whatever_order_ends_and_leaves_nothing(steps in prop::collection::vec(step(), 1..60)) {
        let mut bench = Bench::new();
        let mut run = Run::default();
        for step in steps {
            run.take(&mut bench, step);
            let under_way = run.legs.values().filter(|over| !**over).count();
            prop_assert_eq!(bench.endpoint.legs(), under_way, "legs() counts who has not been told the end");
        }
        let legs: Vec<LegId> = run.legs.keys().copied().collect();
        for leg in legs {
            let said = bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp });
            run.note(said);
        }
        run.note(bench.wait(Duration::from_secs(200)));
        prop_assert!(run.legs.values().all(|over| *over), "a leg was not told its end");
        prop_assert!(bench.endpoint.is_idle(), "something remains");
        prop_assert_eq!(bench.endpoint.poll_timeout(), None);
    }
}
