//! Who is served first, and by whom (domain 5.2).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "tests")]

mod desk;

use std::time::Duration;

use acd::{AgentChange, Config, OfferAnswer, QueueConfig, Urgency, Withdrawal};
use desk::{Desk, Heard, agent, deeds, nurses, one_queue, rings, stops};

const BOTH: [&str; 2] = ["ana", "bea"];

fn served_order(desk: &mut Desk, agent: &str) -> Vec<u64> {
    let mut order = Vec::new();
    while let Some((_, caller)) = desk.ringing().first().cloned() {
        order.push(caller);
        desk.answers(agent, OfferAnswer::Accepted);
        desk.agent(agent, AgentChange::ConversationEnded);
        desk.agent(agent, AgentChange::Ready);
    }
    order
}

#[test]
fn protected_callers_are_served_by_urgency_then_by_waiting() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[])]), &["ana"]);
    desk.agent("ana", AgentChange::Engaged);
    desk.joins(1, Urgency::Urgent, &[]);
    desk.secs(1);
    desk.joins(2, Urgency::Urgent, &[]);
    desk.joins(3, Urgency::Emergent, &[]);
    desk.secs(1);
    desk.joins(4, Urgency::Emergent, &[]);
    desk.joins(5, Urgency::Emergency, &[]);
    assert_eq!(deeds(desk.agent("ana", AgentChange::Freed)), [rings("ana", 5)]);
    assert_eq!(served_order(&mut desk, "ana"), [5, 3, 4, 1, 2]);
    assert!(desk.engine.is_idle());
}

#[test]
fn callers_who_age_gain_by_waiting_but_never_overtake_an_urgent_one() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[])]), &["ana"]);
    desk.agent("ana", AgentChange::Engaged);
    // Weighed waits: admin 1 × 250, routine 2 × 120, soon 4 × 50.
    desk.joins_with_place(1, "nurses", Urgency::Admin, &[], 250);
    desk.joins_with_place(2, "nurses", Urgency::Routine, &[], 120);
    desk.joins_with_place(3, "nurses", Urgency::Soon, &[], 50);
    desk.joins_with_place(4, "nurses", Urgency::Urgent, &[], 0);
    desk.agent("ana", AgentChange::Freed);
    assert_eq!(served_order(&mut desk, "ana"), [4, 1, 2, 3]);
}

#[test]
fn the_agent_with_the_fewest_skills_is_asked_then_the_longest_idle_then_the_first() {
    let all: [(&str, &[&str]); 4] = [("ana", &["a", "b"]), ("bea", &["a"]), ("cy", &["a"]), ("di", &[])];
    let mut desk = Desk::new(nurses(&all));
    for name in ["ana", "cy", "bea", "di"] {
        desk.ready(name);
        desk.step(Duration::from_millis(1));
    }
    assert_eq!(
        deeds(desk.joins(1, Urgency::Soon, &["a"])),
        [rings("cy", 1)],
        "idle the longest of one-skilled"
    );
    assert_eq!(deeds(desk.joins(2, Urgency::Soon, &["a"])), [rings("bea", 2)]);
    assert_eq!(deeds(desk.joins(3, Urgency::Soon, &["a"])), [rings("ana", 3)]);
    assert_eq!(deeds(desk.joins(4, Urgency::Soon, &["a"])), [], "di has not the skill");

    let mut same = Desk::new(nurses(&[("ana", &[]), ("bea", &[])]));
    same.ready("bea");
    same.ready("ana");
    assert_eq!(deeds(same.joins(1, Urgency::Soon, &[])), [rings("ana", 1)], "equally idle: the lower number");
}

#[test]
fn an_emergent_caller_is_answered_without_the_licence_after_thirty_seconds() {
    let mut queue = QueueConfig::default();
    queue.wait_max_secs.insert("emergent".to_owned(), 60);
    let config = one_queue(queue, &[("ana", &["rn:NV"]), ("bea", &["rn:CA"])]);
    let mut desk = Desk::staffed(config, &BOTH);
    desk.agent("bea", AgentChange::Engaged);
    assert_eq!(deeds(desk.joins(1, Urgency::Emergent, &["rn:CA"])), []);
    desk.joins(2, Urgency::Urgent, &["rn:CA"]);
    assert_eq!(deeds(desk.step(Duration::from_millis(29_999))), []);
    assert_eq!(
        deeds(desk.step(Duration::from_millis(1))),
        [rings("ana", 1)],
        "emergency duty, and only for her"
    );
}

#[test]
fn a_place_kept_from_another_queue_counts_towards_the_licence_waiver() {
    let mut desk = Desk::staffed(nurses(&[("ana", &["rn:NV", "lang:es"])]), &["ana"]);
    let heard = desk.joins_with_place(1, "nurses", Urgency::Emergent, &["rn:CA", "lang:es"], 30);
    assert_eq!(deeds(heard), [rings("ana", 1)]);
}

#[test]
fn a_language_is_needed_whatever_the_wait() {
    let mut queue = QueueConfig::default();
    queue.wait_max_secs.insert("emergent".to_owned(), 100);
    let mut desk = Desk::staffed(one_queue(queue, &[("ana", &[]), ("bea", &["lang:es"])]), &BOTH);
    desk.agent("bea", AgentChange::Engaged);
    desk.joins(1, Urgency::Emergent, &["lang:es"]);
    assert_eq!(deeds(desk.secs(99)), []);
}

#[test]
fn from_four_staffed_one_agent_is_kept_for_protected_callers() {
    let agents: [(&str, &[&str]); 4] = [("ana", &[]), ("bea", &[]), ("cy", &[]), ("di", &[])];
    let mut desk = Desk::staffed(one_queue(QueueConfig::default(), &agents), &["ana", "bea", "cy", "di"]);
    for caller in 1..=3 {
        assert_eq!(deeds(desk.joins(caller, Urgency::Routine, &[])).len(), 1);
    }
    assert_eq!(deeds(desk.joins(4, Urgency::Routine, &[])), [], "the fourth agent is kept free");
    assert_eq!(deeds(desk.joins(5, Urgency::Urgent, &[])), [rings("di", 5)]);
    desk.hangs_up(5);
    assert_eq!(desk.ringing().len(), 3, "and kept free again");
    let heard = deeds(desk.agent("ana", AgentChange::Pause { reason: String::new() }));
    let withdrawn = stops("ana", Withdrawal::AgentLeft);
    assert_eq!(heard, [withdrawn, rings("di", 1)], "three staffed cannot afford a reserve");
}

#[test]
fn an_agent_kept_free_takes_anyone_when_too_few_are_staffed_to_keep_her() {
    let agents: [(&str, &[&str]); 4] = [("ana", &[]), ("bea", &[]), ("cy", &[]), ("di", &[])];
    let mut desk = Desk::staffed(one_queue(QueueConfig::default(), &agents), &["ana", "bea", "cy", "di"]);
    for agent in ["ana", "bea", "cy"] {
        desk.agent(agent, AgentChange::Engaged);
    }
    assert_eq!(deeds(desk.joins(1, Urgency::Routine, &[])), []);
    assert_eq!(deeds(desk.agent("ana", AgentChange::Pause { reason: String::new() })), [rings("di", 1)]);
}

#[test]
fn a_reserve_never_keeps_the_last_agent_from_everybody_else() {
    let config = one_queue(QueueConfig { reserve: Some(5), ..QueueConfig::default() }, &[("ana", &[])]);
    let mut desk = Desk::staffed(config, &["ana"]);
    assert_eq!(deeds(desk.joins(1, Urgency::Admin, &[])), [rings("ana", 1)]);
}

#[test]
fn an_agent_of_two_queues_is_not_taken_from_the_reserve_of_one_by_the_other() {
    let queues = [
        ("nurses".to_owned(), QueueConfig { reserve: Some(1), ..QueueConfig::default() }),
        ("reception".to_owned(), QueueConfig { reserve: Some(0), ..QueueConfig::default() }),
    ];
    let agents = [
        ("ana".to_owned(), agent(&["nurses", "reception"], &[])),
        ("bea".to_owned(), agent(&["nurses"], &["more"])),
    ];
    let mut desk = Desk::staffed(Config { queues: queues.into(), agents: agents.into() }, &BOTH);
    desk.joins(1, Urgency::Urgent, &["more"]);
    assert_eq!(desk.ringing(), [("bea".to_owned(), 1)]);
    assert_eq!(deeds(desk.joins_with_place(2, "reception", Urgency::Admin, &[], 0)), []);
    assert_eq!(deeds(desk.joins(3, Urgency::Urgent, &[])), [rings("ana", 3)]);
    let heard = deeds(desk.answers("bea", OfferAnswer::Accepted));
    assert_eq!(heard, []);
}

#[test]
fn an_emergent_caller_takes_the_phone_that_rings_for_the_least_urgent() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[]), ("bea", &[])]), &BOTH);
    desk.joins(1, Urgency::Admin, &[]);
    desk.joins(2, Urgency::Urgent, &[]);
    let heard = deeds(desk.joins(3, Urgency::Emergent, &[]));
    assert_eq!(heard, [stops("ana", Withdrawal::Overtaken), rings("ana", 3)]);
    let heard = deeds(desk.joins(4, Urgency::Emergency, &[]));
    assert_eq!(heard, [stops("bea", Withdrawal::Overtaken), rings("bea", 4)]);
    assert_eq!(
        deeds(desk.joins(5, Urgency::Emergency, &[])),
        [],
        "an emergent caller's phone is never taken"
    );
    assert_eq!(
        desk.engine.waiting(desk.queue("nurses")),
        [2, 1, 1, 0, 0, 1],
        "both others are back at their places"
    );
}

#[test]
fn an_urgent_caller_takes_no_ringing_phone_and_nobody_does_while_an_agent_is_idle() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[]), ("bea", &[])]), &BOTH);
    desk.joins(1, Urgency::Admin, &[]);
    assert_eq!(deeds(desk.joins(2, Urgency::Emergent, &[])), [rings("bea", 2)]);
    assert_eq!(deeds(desk.joins(3, Urgency::Urgent, &[])), []);
}

#[test]
fn a_raised_caller_moves_up_at_once_and_nobody_is_ever_lowered() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[])]), &["ana"]);
    desk.joins(1, Urgency::Routine, &[]);
    desk.joins(2, Urgency::Routine, &[]);
    let heard = deeds(desk.raise(2, Urgency::Emergent));
    assert_eq!(heard, [stops("ana", Withdrawal::Overtaken), rings("ana", 2)]);
    assert_eq!(desk.raise(2, Urgency::Admin), [], "only a clinician lowers");
    assert_eq!(desk.engine.waiting(desk.queue("nurses")), [0, 1, 0, 0, 1, 0]);
}

#[test]
fn places_are_those_of_the_order_of_service() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[])]), &["ana"]);
    desk.agent("ana", AgentChange::Engaged);
    let told = |heard: Vec<Heard>| match heard.as_slice() {
        [Heard::Told { ahead, .. }] => *ahead,
        other => unreachable!("one piece of news, not {other:?}"),
    };
    assert_eq!(told(desk.joins(1, Urgency::Admin, &[])), 0);
    desk.secs(1);
    assert_eq!(told(desk.joins(2, Urgency::Admin, &[])), 1);
    assert_eq!(told(desk.joins(3, Urgency::Urgent, &[])), 0);
    assert_eq!(
        told(desk.joins_with_place(4, "nurses", Urgency::Soon, &[], 10)),
        1,
        "4 × 10 s before 1 × 1 s"
    );
    let places: Vec<_> = desk
        .secs(5)
        .into_iter()
        .filter_map(|heard| match heard {
            Heard::Told { caller, ahead, .. } => Some((caller, ahead)),
            _ => None,
        })
        .collect();
    assert_eq!(places, [(1, 2), (2, 3)], "only those whose place changed, at the next look");
}
