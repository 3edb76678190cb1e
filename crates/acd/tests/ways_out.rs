//! The ways out of a queue that no agent opened, and what is said on the way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "tests")]

mod desk;

use std::time::Duration;

use acd::{AgentChange, Config, Input, OfferAnswer, QueueConfig, QueueExit, Urgency, Withdrawal};
use desk::{Desk, Heard, agent, deeds, leaves, nurses, one_queue, rings, stops};

#[test]
fn each_urgency_waits_as_long_as_it_may_and_not_longer() {
    let cases = [
        (Urgency::Emergency, 30),
        (Urgency::Emergent, 30),
        (Urgency::Urgent, 180),
        (Urgency::Soon, 600),
        (Urgency::Routine, 900),
        (Urgency::Admin, 300),
    ];
    for (urgency, secs) in cases {
        let mut desk = Desk::staffed(nurses(&[("ana", &[])]), &["ana"]);
        desk.agent("ana", AgentChange::Engaged);
        desk.joins(1, urgency, &[]);
        assert_eq!(deeds(desk.step(Duration::from_millis(secs * 1000 - 1))), [], "{urgency}");
        assert_eq!(deeds(desk.step(Duration::from_millis(1))), [leaves(1, QueueExit::TimedOut)], "{urgency}");
        assert!(desk.engine.is_idle());
        assert_eq!(desk.engine.poll_timeout(), None);
    }
}

#[test]
fn the_longest_wait_ends_a_ringing_phone_too() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[])]), &["ana"]);
    desk.agent("ana", AgentChange::Engaged);
    desk.joins(1, Urgency::Emergent, &[]);
    desk.secs(20);
    desk.agent("ana", AgentChange::Freed);
    assert_eq!(deeds(desk.secs(10)), [stops("ana", Withdrawal::CallerLeft), leaves(1, QueueExit::TimedOut)]);
}

#[test]
fn a_caller_who_comes_back_keeps_her_place_and_is_given_the_full_time_again() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[])]), &["ana"]);
    desk.agent("ana", AgentChange::Engaged);
    desk.joins(1, Urgency::Soon, &[]);
    desk.joins_with_place(2, "nurses", Urgency::Soon, &[], 600);
    assert_eq!(deeds(desk.secs(599)), []);
    assert_eq!(deeds(desk.agent("ana", AgentChange::Freed)), [rings("ana", 2)]);
}

#[test]
fn becoming_more_urgent_never_lets_a_caller_wait_longer() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[])]), &["ana"]);
    desk.agent("ana", AgentChange::Engaged);
    desk.joins(1, Urgency::Admin, &[]);
    desk.joins(2, Urgency::Admin, &[]);
    desk.secs(250);
    desk.raise(1, Urgency::Routine);
    desk.raise(2, Urgency::Emergent);
    assert_eq!(deeds(desk.secs(30)), [leaves(2, QueueExit::TimedOut)]);
    assert_eq!(deeds(desk.secs(20)), [leaves(1, QueueExit::TimedOut)], "300 s, not 900");
}

#[test]
fn a_queue_nobody_is_signed_in_to_is_empty_at_once() {
    let cases: [(&str, &[AgentChange]); 3] = [
        ("nobody signed in", &[AgentChange::Reachable]),
        ("no phone to ring", &[AgentChange::SignIn { queues: Vec::new() }]),
        (
            "another queue",
            &[AgentChange::Reachable, AgentChange::SignIn { queues: vec!["doctors".to_owned()] }],
        ),
    ];
    for (why, changes) in cases {
        let mut desk = Desk::new(nurses(&[("ana", &[])]));
        for change in changes {
            desk.agent("ana", change.clone());
        }
        assert_eq!(desk.joins(1, Urgency::Emergent, &[]), [leaves(1, QueueExit::Empty)], "{why}");
    }
    let mut desk = Desk::staffed(nurses(&[("ana", &["lang:en"])]), &["ana"]);
    assert_eq!(
        desk.joins(1, Urgency::Urgent, &["lang:es"]),
        [leaves(1, QueueExit::Empty)],
        "nobody speaks it"
    );
    let many: Vec<String> = (0..=acd::SKILLS_MAX).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(desk.joins(1, Urgency::Urgent, &many), [leaves(1, QueueExit::Empty)], "nobody has so many");
}

#[test]
fn paused_and_busy_agents_keep_a_queue_from_being_empty() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[])]), &["ana"]);
    desk.agent("ana", AgentChange::Pause { reason: "lunch".to_owned() });
    desk.joins(1, Urgency::Soon, &[]);
    assert_eq!(deeds(desk.secs(599)), []);
}

#[test]
fn when_the_last_agent_signs_out_protected_callers_leave_first() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[])]), &["ana"]);
    desk.agent("ana", AgentChange::Engaged);
    desk.joins(1, Urgency::Soon, &[]);
    desk.joins(2, Urgency::Urgent, &[]);
    desk.joins(3, Urgency::Emergent, &[]);
    desk.agent("ana", AgentChange::SignOut);
    assert_eq!(deeds(desk.secs(4)), []);
    assert_eq!(deeds(desk.secs(1)), [leaves(3, QueueExit::Empty), leaves(2, QueueExit::Empty)]);
    assert_eq!(deeds(desk.secs(24)), []);
    assert_eq!(deeds(desk.secs(1)), [leaves(1, QueueExit::Empty)]);
    assert!(desk.engine.is_idle());
}

#[test]
fn an_agent_who_comes_back_in_time_keeps_them_all() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[])]), &["ana"]);
    desk.agent("ana", AgentChange::Engaged);
    desk.joins(1, Urgency::Urgent, &[]);
    desk.agent("ana", AgentChange::Unreachable);
    desk.secs(4);
    desk.agent("ana", AgentChange::Reachable);
    assert_eq!(deeds(desk.secs(100)), []);
    assert_eq!(deeds(desk.agent("ana", AgentChange::Freed)), [rings("ana", 1)]);
}

#[test]
fn a_caller_raised_where_nobody_is_left_does_not_wait_for_the_grace_of_others() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[])]), &["ana"]);
    desk.agent("ana", AgentChange::Engaged);
    desk.joins(1, Urgency::Soon, &[]);
    desk.agent("ana", AgentChange::SignOut);
    desk.secs(20);
    assert_eq!(desk.raise(1, Urgency::Emergent), [leaves(1, QueueExit::Empty)]);
}

#[test]
fn a_full_queue_refuses_those_who_age_and_nobody_else() {
    let config = one_queue(QueueConfig { waiting_max: 1, ..QueueConfig::default() }, &[("ana", &[])]);
    let mut desk = Desk::staffed(config, &["ana"]);
    desk.agent("ana", AgentChange::Engaged);
    desk.joins(1, Urgency::Admin, &[]);
    for (caller, urgency) in (2..).zip(Urgency::ALL) {
        let refused = deeds(desk.joins(caller, urgency, &[])) == [leaves(caller, QueueExit::Full)];
        assert_eq!(refused, !urgency.is_protected(), "{urgency}");
    }
}

#[test]
fn a_full_node_makes_room_for_a_protected_caller() {
    let config = one_queue(QueueConfig { waiting_max: u32::MAX, ..QueueConfig::default() }, &[("ana", &[])]);
    let mut desk = Desk::staffed(config, &["ana"]);
    desk.agent("ana", AgentChange::Engaged);
    let max = u64::try_from(acd::ENTRIES_MAX).unwrap();
    for caller in 1..=max {
        let urgency = if caller == 1 { Urgency::Admin } else { Urgency::Urgent };
        desk.joins(caller, urgency, &[]);
    }
    assert_eq!(desk.joins(max + 1, Urgency::Soon, &[]), [leaves(max + 1, QueueExit::Full)]);
    assert_eq!(deeds(desk.joins(max + 2, Urgency::Emergent, &[])), [leaves(1, QueueExit::Full)]);
    assert_eq!(desk.joins(max + 3, Urgency::Emergent, &[]), [leaves(max + 3, QueueExit::Failed)]);
}

#[test]
fn a_caller_who_hangs_up_stops_the_phone_that_rings_for_her() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[])]), &["ana"]);
    desk.joins(1, Urgency::Soon, &[]);
    desk.joins(2, Urgency::Soon, &[]);
    assert_eq!(deeds(desk.hangs_up(1)), [stops("ana", Withdrawal::CallerLeft), rings("ana", 2)]);
    assert_eq!(desk.hangs_up(1), [], "twice is once");
    desk.hangs_up(2);
    assert!(desk.engine.is_idle());
    assert_eq!(desk.engine.poll_timeout(), None, "and no timer is left");
}

#[test]
fn joining_a_second_queue_leaves_the_first() {
    let queues = ["nurses", "doctors"].map(|name| (name.to_owned(), QueueConfig::default()));
    let agents = [("ana".to_owned(), agent(&["nurses", "doctors"], &[]))];
    let mut desk = Desk::staffed(Config { queues: queues.into(), agents: agents.into() }, &["ana"]);
    desk.joins(1, Urgency::Soon, &[]);
    let heard = deeds(desk.joins_with_place(1, "doctors", Urgency::Soon, &[], 0));
    assert_eq!(heard, [stops("ana", Withdrawal::CallerLeft), rings("ana", 1)]);
    assert_eq!(desk.engine.waiting(desk.queue("nurses")), [0; 6]);
}

#[test]
fn every_caller_hears_of_her_place_each_half_minute() {
    let mut desk = Desk::staffed(nurses(&[("ana", &[])]), &["ana"]);
    desk.agent("ana", AgentChange::Engaged);
    desk.joins(1, Urgency::Soon, &[]);
    let told = desk.secs(95).iter().filter(|heard| matches!(heard, Heard::Told { ahead: 0, .. })).count();
    assert_eq!(told, 3);
}

#[test]
fn a_wait_is_foretold_after_five_were_served_and_never_to_an_emergent_caller() {
    let mut queue = QueueConfig { wrap_up_secs: 0, ..QueueConfig::default() };
    queue.wait_max_secs.insert("emergent".to_owned(), 1000);
    let mut desk = Desk::staffed(one_queue(queue, &[("ana", &[])]), &["ana"]);
    for caller in 1..=5 {
        desk.agent("ana", AgentChange::Engaged);
        desk.joins(caller, Urgency::Soon, &[]);
        desk.secs(100);
        desk.agent("ana", AgentChange::Freed);
        desk.answers("ana", OfferAnswer::Accepted);
        desk.agent("ana", AgentChange::ConversationEnded);
    }
    desk.agent("ana", AgentChange::Engaged);
    let told = |caller, estimate| [Heard::Told { caller, ahead: 0, estimate }];
    assert_eq!(desk.joins(6, Urgency::Soon, &[]), told(6, Some(Duration::from_secs(100))));
    assert_eq!(desk.joins(7, Urgency::Emergent, &[]), told(7, None));
    desk.hangs_up(6);
    assert_eq!(
        desk.joins_with_place(8, "nurses", Urgency::Soon, &[], 71),
        [Heard::Told { caller: 8, ahead: 1, estimate: None }],
        "29 s are not foretold"
    );
    desk.hangs_up(8);
    desk.secs(900);
    assert_eq!(desk.joins(9, Urgency::Urgent, &[]), [Heard::Told { caller: 9, ahead: 1, estimate: None }]);
    let heard = desk.joins(10, Urgency::Soon, &[]);
    assert_eq!(heard, [Heard::Told { caller: 10, ahead: 2, estimate: None }], "nobody was served for 15 min");
}

#[test]
fn a_new_configuration_keeps_callers_agents_and_numbers() {
    let mut config = nurses(&[("ana", &["lang:es"]), ("bea", &[])]);
    config.queues.insert("doctors".to_owned(), QueueConfig::default());
    for agent in config.agents.values_mut() {
        agent.queues.push("doctors".to_owned());
    }
    let mut desk = Desk::staffed(config.clone(), &["ana", "bea"]);
    let (nurses, ana) = (desk.queue("nurses"), desk.engine.agent("ana"));
    desk.agent("ana", AgentChange::Engaged);
    desk.joins(1, Urgency::Soon, &[]);
    desk.joins(2, Urgency::Soon, &["lang:es"]);
    desk.joins_with_place(3, "doctors", Urgency::Soon, &[], 0);
    assert_eq!(desk.ringing(), [("bea".to_owned(), 1)]);

    config.queues.remove("doctors");
    config.agents.remove("ana");
    config.agents.insert("abe".to_owned(), agent(&["nurses"], &["lang:es"]));
    let heard = deeds(desk.input(Input::Configure(config.clone())));
    assert_eq!(heard, [leaves(3, QueueExit::Failed)], "bea's phone rings on");
    assert_eq!(desk.engine.queue("nurses"), Some(nurses));
    assert_eq!(desk.engine.queue("doctors"), None);
    assert_eq!(desk.engine.agent("ana"), None);
    assert_eq!(deeds(desk.ready("abe")), [rings("abe", 2)]);
    assert_ne!(desk.engine.agent("abe"), ana, "a number is not used twice");

    config.agents.remove("bea");
    let heard = deeds(desk.input(Input::Configure(config)));
    assert_eq!(heard, [stops("gone", Withdrawal::AgentLeft)], "her caller waits on");
    assert_eq!(desk.engine.waiting(nurses), [0, 0, 0, 2, 0, 0]);
}

#[test]
fn callers_whose_last_agent_a_configuration_removed_leave_after_the_grace() {
    let mut config = nurses(&[("ana", &[]), ("bea", &["lang:es"])]);
    let mut desk = Desk::staffed(config.clone(), &["ana", "bea"]);
    desk.agent("bea", AgentChange::Engaged);
    desk.joins(1, Urgency::Urgent, &["lang:es"]);
    config.agents.remove("bea");
    assert_eq!(deeds(desk.input(Input::Configure(config))), []);
    assert_eq!(deeds(desk.secs(5)), [leaves(1, QueueExit::Empty)]);
}
