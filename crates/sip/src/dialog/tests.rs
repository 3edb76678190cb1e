//! `table.md` is the specification of the machines of a dialog; this walks it row by row, and then lets
//! anything happen to them in any order.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use primitives::{Generator, Seed};
use rand_core::Rng;

use super::early::Order;
use super::{Alarm, Overdue, Refreshes, Reliable, SessionTimer, Wish};
use crate::{Config, Path, Timers, Transport};

const TABLE: &str = include_str!("table.md");
const FIRST: u32 = 100;

enum Machine {
    Ours(Reliable),
    Theirs(Order),
    Timer(SessionTimer),
}

fn path() -> Path {
    let at = "192.0.2.1:5060".parse().unwrap();
    Path { transport: Transport::Udp, local: at, peer: at, connection: None }
}

impl Machine {
    fn new(table: &str) -> Self {
        match table {
            "Reliable responses of ours" => Self::Ours(Reliable::new(FIRST)),
            "Reliable responses of the far end" => Self::Theirs(Order::default()),
            "Session timer" => Self::Timer(SessionTimer::new(Wish::of(&Config::default()))),
            other => panic!("table.md has a table nobody implements: {other}"),
        }
    }

    fn bring_to(&mut self, state: &str, now: Instant) {
        let way: &[&str] = match state {
            "Idle" | "Silent" | "Off" => &[],
            "Waiting" => &["1xx"],
            "Answered" => &["1xx", "final"],
            "Ordered" => &["any RSeq"],
            "Refresher" => &["we refresh"],
            "Watcher" => &["they refresh"],
            "Refreshing" => &["we refresh", "after 45000 ms"],
            other => panic!("table.md names a state nobody has: {other}"),
        };
        // So that a row's times count from the machine's last start.
        let begin = if state == "Refreshing" { now - Duration::from_secs(45) } else { now };
        for input in way {
            self.feed(input, begin);
        }
        assert_eq!(self.state(), state, "the way to {state} leads elsewhere");
    }

    fn feed(&mut self, input: &str, now: Instant) -> &'static str {
        let after = input.strip_prefix("after ").map(milliseconds);
        match self {
            Self::Ours(machine) => match (input, after) {
                (_, Some(after)) => match machine.handle_timeout(now + after) {
                    Overdue::Nothing => "–",
                    Overdue::Repeat(..) => "repeat",
                    Overdue::GiveUp => "give up",
                },
                ("1xx" | "1xx+SDP", _) => {
                    let response = (path(), Bytes::from_static(b"180"));
                    machine.sent(now, Timers::default(), response, input.ends_with("SDP"));
                    "–"
                }
                ("final", _) => {
                    machine.finish();
                    "–"
                }
                ("PRACK", _) => taken(machine.acknowledge(FIRST)),
                ("other PRACK", _) => taken(machine.acknowledge(FIRST + 1)),
                _ => panic!("table.md has an input nobody takes: {input}"),
            },
            Self::Theirs(order) => taken(order.is_next(match input {
                "any RSeq" | "same RSeq" => FIRST,
                "next RSeq" => FIRST + 1,
                "lower RSeq" => FIRST - 1,
                "RSeq after next" => FIRST + 2,
                _ => panic!("table.md has an input nobody takes: {input}"),
            })),
            Self::Timer(timer) => match (input, after) {
                (_, Some(after)) => match timer.handle_timeout(now + after) {
                    Alarm::Nothing => "–",
                    Alarm::Refresh => "refresh",
                    Alarm::Over => "over",
                },
                ("we refresh", _) => {
                    timer.refreshed(now, 90, Refreshes::We);
                    "–"
                }
                ("they refresh", _) => {
                    timer.refreshed(now, 90, Refreshes::FarEnd);
                    "–"
                }
                ("postponed", _) => {
                    timer.postponed(now, Duration::from_secs(2));
                    "–"
                }
                _ => panic!("table.md has an input nobody takes: {input}"),
            },
        }
    }

    const fn state(&self) -> &'static str {
        match self {
            Self::Ours(machine) => machine.state(),
            Self::Theirs(order) => order.state(),
            Self::Timer(timer) => timer.state(),
        }
    }

    fn holds(&self) -> bool {
        matches!(self, Self::Ours(machine) if machine.holds_answer())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Ours(machine) => machine.poll_timeout(),
            Self::Theirs(_) => None,
            Self::Timer(timer) => timer.poll_timeout(),
        }
    }
}

const fn taken(taken: bool) -> &'static str {
    if taken { "taken" } else { "stray" }
}

fn milliseconds(text: &str) -> Duration {
    Duration::from_millis(text.strip_suffix(" ms").unwrap().parse().unwrap())
}

/// The rows of the tables: the table's heading and the row's cells.
fn rows() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut heading = "";
    let mut rows = Vec::new();
    for line in TABLE.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title;
        } else if line.starts_with("| ") && !line.starts_with("| State") {
            rows.push((heading, line.trim_matches('|').split('|').map(str::trim).collect()));
        }
    }
    rows
}

#[test]
fn every_row_of_the_tables_is_what_the_machines_do() {
    let rows = rows();
    assert_eq!(rows.len(), 34, "rows are read");
    for (table, cells) in rows {
        let [state, input, next, action, holds, wakes] = cells[..] else { panic!("{cells:?}") };
        let start = Instant::now() + Duration::from_secs(3_600);
        let mut machine = Machine::new(table);
        machine.bring_to(state, start);
        let before = machine.poll_timeout();
        let row = format!("{table}: {state}, {input}");
        // A machine that was brought to Refreshing began 45 s before.
        let began = if state == "Refreshing" && input.starts_with("after") {
            start - Duration::from_secs(45)
        } else {
            start
        };
        assert_eq!(machine.feed(input, began), action, "{row}");
        assert_eq!(machine.state(), next, "{row}");
        assert_eq!(machine.holds(), holds == "yes", "{row}");
        let at = input.strip_prefix("after ").map_or(start, |after| began + milliseconds(after));
        let expected = match wakes {
            "–" => None,
            "same" => before,
            wakes => Some(at + milliseconds(wakes)),
        };
        assert_eq!(machine.poll_timeout(), expected, "{row}");
    }
}

/// One of the inputs a table knows, at random.
fn any_input(random: &mut Generator, table: &str) -> &'static str {
    let inputs: Vec<&'static str> =
        rows().iter().filter(|(heading, _)| *heading == table).map(|(_, cells)| cells[1]).collect();
    inputs[usize::try_from(random.next_u64()).unwrap() % inputs.len()]
}

#[test]
fn whatever_happens_our_reliable_responses_are_one_at_a_time_and_end_within_32_seconds() {
    let mut random = Seed::numbered(7).generator();
    for _ in 0..500 {
        let mut now = Instant::now();
        let mut machine = Reliable::new(FIRST);
        let (mut out, mut sent_at, mut last) = (None, now, FIRST - 1);
        let mut finished = false;
        for _ in 0..60 {
            match random.next_u64() % 5 {
                0 => {
                    if let Some(rseq) = machine.next_rseq() {
                        assert!(out.is_none(), "one at a time");
                        assert_eq!(rseq, last + 1, "in order, without a gap");
                        let carries_sdp = random.next_u64().is_multiple_of(2);
                        machine.sent(now, Timers::default(), (path(), Bytes::new()), carries_sdp);
                        assert_eq!(machine.holds_answer(), carries_sdp);
                        (out, sent_at, last, finished) = (Some(rseq), now, rseq, false);
                    }
                }
                1 => {
                    let rseq = last.wrapping_add(u32::try_from(random.next_u64() % 3).unwrap()) - 1;
                    assert_eq!(machine.acknowledge(rseq), out == Some(rseq));
                    if out == Some(rseq) {
                        out = None;
                    }
                }
                2 if random.next_u64().is_multiple_of(4) => {
                    machine.finish();
                    finished = out.is_some();
                    assert!(!machine.holds_answer() && (!finished || machine.poll_timeout().is_none()));
                }
                _ => {
                    now = machine.poll_timeout().unwrap_or(now + Duration::from_secs(1)).max(now);
                    match machine.handle_timeout(now) {
                        Overdue::GiveUp => {
                            assert_eq!(now - sent_at, Duration::from_secs(32));
                            out = None;
                        }
                        Overdue::Repeat(..) => assert!(out.is_some() && !finished),
                        Overdue::Nothing => {}
                    }
                    assert!(
                        machine.poll_timeout().is_none_or(|at| at > now),
                        "a deadline that passed is dealt with"
                    );
                }
            }
        }
    }
}

#[test]
fn whatever_the_far_end_numbers_each_reliable_response_is_taken_once_and_in_order() {
    let mut random = Seed::numbered(8).generator();
    for _ in 0..500 {
        let mut order = Order::default();
        let mut taken: Vec<u32> = Vec::new();
        for _ in 0..60 {
            let rseq = match random.next_u64() % 8 {
                0 => u32::MAX,
                _ => FIRST + u32::try_from(random.next_u64() % 12).unwrap(),
            };
            if order.is_next(rseq) {
                taken.push(rseq);
            }
        }
        assert!(taken.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])), "{taken:?}");
    }
}

#[test]
fn whatever_happens_a_session_nobody_refreshes_is_over_before_its_interval_is() {
    let mut random = Seed::numbered(9).generator();
    for _ in 0..500 {
        let mut now = Instant::now();
        let mut machine = Machine::new("Session timer");
        let (mut lasts_until, mut asked) = (None, 0);
        for _ in 0..40 {
            let input = any_input(&mut random, "Session timer");
            if input.starts_with("after") {
                let Some(due) = machine.poll_timeout() else { continue };
                now = now.max(due);
                let action = machine.feed("after 0 ms", now);
                assert_ne!(action, "–", "a deadline is for something");
                asked += usize::from(action == "refresh");
                if action == "over" {
                    assert_eq!(now + Duration::from_secs(30), lasts_until.unwrap());
                    lasts_until = None;
                }
            } else {
                machine.feed(input, now);
                if input.ends_with("refresh") {
                    (lasts_until, asked) = (Some(now + Duration::from_secs(90)), 0);
                }
            }
            assert_eq!(machine.poll_timeout().is_some(), lasts_until.is_some());
            assert!(asked < 9, "a refused refresh is tried every two seconds at most");
        }
    }
}
