//! `src/transaction/table.md` is the specification of the transactions; this walks it row by row.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod machine;

use std::time::{Duration, Instant};

use machine::{Machine, TABLE, action_names, wakes_after};
use sip::Transport;

/// When a timer fires after the state it belongs to was entered.
fn timer_after(letter: &str) -> Duration {
    match letter {
        "A" | "E" | "G" => Duration::from_millis(500),
        "B" | "D" | "F" | "H" | "J" | "L" | "M" => Duration::from_secs(32),
        "I" | "K" => Duration::from_secs(5),
        other => panic!("no such timer: {other}"),
    }
}

/// One row on one transport.
fn walk(table: &str, state: &str, input: &str, transport: Transport, expected: &[&str]) {
    let row = format!("{table}: {state}, {input}, on {transport}");
    let [next, actions, wakes] = expected else { panic!("{row}: three cells a transport") };
    if *next == "–" {
        return; // The state does not exist on this transport.
    }
    let mut now = Instant::now();
    let mut out = Vec::new();
    let mut machine = Machine::new(table, transport, now, &mut out);
    let mut before = None;
    if state != "(new)" {
        machine.bring_to(state, now);
        out.clear();
        before = machine.poll_timeout();
        if let Some(letter) = input.strip_prefix("Timer ") {
            now += timer_after(letter);
        } else {
            now += Duration::from_millis(10);
        }
        machine.feed(input, now, &mut out);
    }

    assert_eq!(machine.state(), *next, "{row}: next state");
    assert_eq!(action_names(&out), *actions, "{row}: actions");
    let expected_wake = match *wakes {
        "–" => None,
        "same" => before,
        cell => Some(now + wakes_after(cell)),
    };
    assert_eq!(machine.poll_timeout(), expected_wake, "{row}: next deadline");
}

#[test]
fn every_row_of_the_table_holds_on_udp_and_on_tcp() {
    let mut table = "";
    let mut rows = 0;
    for line in TABLE.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            table = heading;
        }
        let Some(line) = line.strip_prefix("| ") else { continue };
        let cells: Vec<&str> = line.trim_end_matches('|').split('|').map(str::trim).collect();
        if cells[0] == "State" {
            continue;
        }
        assert_eq!(cells.len(), 8, "{line}");
        walk(table, cells[0], cells[1], Transport::Udp, &cells[2..5]);
        walk(table, cells[0], cells[1], Transport::Tcp, &cells[5..8]);
        rows += 1;
    }
    assert!(rows > 55, "only {rows} rows were found: the table is not read any more");
}

/// Everything that never appears in a row changes nothing.
#[test]
fn what_has_no_row_changes_nothing() {
    let inputs = ["1xx from the user", "2xx from the user", "300–699 from the user", "INVITE", "ACK"];
    for state in ["Completed", "Confirmed", "Accepted"] {
        for input in inputs {
            let row = format!("| {state} | {input} |");
            if TABLE.contains(&row) {
                continue;
            }
            let now = Instant::now();
            let mut machine = Machine::new("INVITE server", Transport::Udp, now, &mut Vec::new());
            machine.bring_to(state, now);
            let before = machine.poll_timeout();
            let mut out = Vec::new();
            machine.feed(input, now, &mut out);
            assert_eq!((machine.state(), machine.poll_timeout(), out), (state, before, vec![]), "{row}");
        }
    }
}

/// The times at which a machine repeats itself until it gives up, in milliseconds.
fn repetitions(table: &str, bring_to: Option<&str>) -> (Vec<u128>, u128) {
    let start = Instant::now();
    let mut machine = Machine::new(table, Transport::Udp, start, &mut Vec::new());
    if let Some(state) = bring_to {
        machine.bring_to(state, start);
    }
    let mut at_ms = Vec::new();
    loop {
        let now = machine.poll_timeout().unwrap();
        let mut out = Vec::new();
        machine.handle_timeout(now, &mut out);
        let ms = (now - start).as_millis();
        match action_names(&out).as_str() {
            "repeat" => at_ms.push(ms),
            "timed out" => return (at_ms, ms),
            other => panic!("{table} did {other} at {ms} ms"),
        }
    }
}

/// §17.1.1.2: Timer A doubles without a ceiling, Timer B ends it at 64 × T1.
#[test]
fn an_unanswered_invite_is_repeated_at_doubling_intervals_then_given_up() {
    assert_eq!(repetitions("INVITE client", None), (vec![500, 1_500, 3_500, 7_500, 15_500, 31_500], 32_000));
}

/// §17.1.2.2: Timer E doubles up to T2, Timer F ends it at 64 × T1.
#[test]
fn an_unanswered_bye_is_repeated_at_intervals_of_at_most_t2_then_given_up() {
    assert_eq!(
        repetitions("Non-INVITE client", None),
        (vec![500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500], 32_000)
    );
}

/// §17.2.1: Timer G doubles up to T2, Timer H ends it at 64 × T1.
#[test]
fn an_unacknowledged_refusal_is_repeated_at_intervals_of_at_most_t2_then_given_up() {
    assert_eq!(
        repetitions("INVITE server", Some("Completed")),
        (vec![500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500], 32_000)
    );
}
