//! What becomes of a ringing phone, and where it leaves the agent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "tests")]

mod desk;

use acd::AgentState::{Available, Offered, Offline, OnCall, Paused, Unreachable, WrapUp};
use acd::{AgentChange, Input, OfferAnswer, OfferId, QueueConfig, QueueExit, Urgency, Withdrawal};
use desk::{Desk, deeds, leaves, nurses, one_queue, rings, stops};

const BOTH: [&str; 2] = ["ana", "bea"];

fn two() -> Desk {
    Desk::staffed(nurses(&[("ana", &[]), ("bea", &[])]), &BOTH)
}

fn one() -> Desk {
    Desk::staffed(nurses(&[("ana", &[])]), &["ana"])
}

fn pause() -> AgentChange {
    AgentChange::Pause { reason: String::new() }
}

#[test]
fn a_phone_rings_twenty_seconds_then_the_next_agent_is_asked_and_the_first_is_paused() {
    let mut desk = two();
    desk.joins(1, Urgency::Soon, &[]);
    assert_eq!(deeds(desk.secs(19)), []);
    assert_eq!(deeds(desk.secs(1)), [stops("ana", Withdrawal::NoAnswer), rings("bea", 1)]);
    assert_eq!(desk.state("ana"), Paused);
    desk.agent("ana", AgentChange::Ready);
    assert_eq!(desk.state("ana"), Available);
}

#[test]
fn where_nobody_is_paused_for_not_answering_the_agent_goes_to_the_end() {
    let queue = QueueConfig { pause_on_no_answer: false, reserve: Some(0), ..QueueConfig::default() };
    let mut desk =
        Desk::staffed(one_queue(queue, &[("ana", &[]), ("bea", &[]), ("cy", &[])]), &["ana", "bea", "cy"]);
    desk.joins(1, Urgency::Soon, &[]);
    desk.secs(20);
    assert_eq!(desk.ringing(), [("bea".to_owned(), 1)]);
    assert_eq!(desk.state("ana"), Available);
    assert_eq!(deeds(desk.joins(2, Urgency::Soon, &[])), [rings("cy", 2)]);
}

#[test]
fn a_declined_caller_is_offered_to_others_first_and_keeps_her_place() {
    let mut desk = two();
    desk.agent("bea", AgentChange::Engaged);
    desk.joins(1, Urgency::Soon, &[]);
    desk.secs(1);
    desk.joins(2, Urgency::Soon, &[]);
    assert_eq!(deeds(desk.answers("ana", OfferAnswer::Declined)), [rings("ana", 2)], "she may take others");
    assert_eq!(deeds(desk.agent("bea", AgentChange::Freed)), [rings("bea", 1)]);
}

#[test]
fn who_declined_is_asked_again_after_a_while_and_sooner_for_a_protected_caller() {
    for (urgency, after) in
        [(Urgency::Soon, acd::AGAIN_AFTER_AGED), (Urgency::Urgent, acd::AGAIN_AFTER_PROTECTED)]
    {
        let mut desk = two();
        desk.agent("bea", AgentChange::Engaged);
        desk.joins(1, urgency, &[]);
        assert_eq!(deeds(desk.answers("ana", OfferAnswer::Declined)), []);
        assert_eq!(deeds(desk.step(after - std::time::Duration::from_millis(1))), []);
        assert_eq!(deeds(desk.step(std::time::Duration::from_millis(1))), [rings("ana", 1)], "{urgency}");
    }
}

#[test]
fn the_only_agent_who_declines_is_asked_again_in_a_moment() {
    let mut desk = one();
    desk.joins(1, Urgency::Soon, &[]);
    assert_eq!(deeds(desk.answers("ana", OfferAnswer::Declined)), []);
    assert_eq!(deeds(desk.secs(2)), []);
    assert_eq!(deeds(desk.secs(1)), [rings("ana", 1)]);
}

#[test]
fn a_busy_phone_is_left_alone_for_ten_seconds() {
    let mut desk = two();
    desk.joins(1, Urgency::Soon, &[]);
    assert_eq!(deeds(desk.answers("ana", OfferAnswer::Busy)), [rings("bea", 1)]);
    assert_eq!(desk.state("ana"), OnCall);
    assert_eq!(deeds(desk.joins(2, Urgency::Soon, &[])), []);
    assert_eq!(deeds(desk.secs(9)), []);
    assert_eq!(deeds(desk.secs(1)), [rings("ana", 2)]);
}

#[test]
fn a_phone_that_cannot_be_reached_is_not_rung_until_it_registers() {
    let mut desk = two();
    desk.joins(1, Urgency::Soon, &[]);
    assert_eq!(deeds(desk.answers("ana", OfferAnswer::Failed)), [rings("bea", 1)]);
    assert_eq!(desk.state("ana"), Unreachable);
    desk.joins(2, Urgency::Soon, &[]);
    assert_eq!(deeds(desk.agent("ana", AgentChange::Reachable)), [rings("ana", 2)]);
}

#[test]
fn the_last_reachable_phone_failing_empties_the_queue() {
    let mut desk = one();
    desk.joins(1, Urgency::Urgent, &[]);
    desk.answers("ana", OfferAnswer::Failed);
    assert_eq!(deeds(desk.secs(5)), [leaves(1, QueueExit::Empty)]);
}

#[test]
fn after_a_conversation_there_is_time_for_notes() {
    let mut desk = one();
    desk.joins(1, Urgency::Soon, &[]);
    desk.answers("ana", OfferAnswer::Accepted);
    assert_eq!(desk.state("ana"), OnCall);
    desk.joins(2, Urgency::Soon, &[]);
    desk.secs(300);
    desk.agent("ana", AgentChange::ConversationEnded);
    assert_eq!(desk.state("ana"), WrapUp);
    assert_eq!(deeds(desk.secs(29)), []);
    assert_eq!(deeds(desk.secs(1)), [rings("ana", 2)]);
}

#[test]
fn ready_ends_the_notes_early_and_a_pause_said_during_the_call_begins_after_it() {
    let mut desk = one();
    desk.joins(1, Urgency::Soon, &[]);
    desk.answers("ana", OfferAnswer::Accepted);
    desk.joins(2, Urgency::Soon, &[]);
    desk.agent("ana", AgentChange::ConversationEnded);
    assert_eq!(deeds(desk.agent("ana", AgentChange::Ready)), [rings("ana", 2)]);
    desk.answers("ana", OfferAnswer::Accepted);
    desk.agent("ana", pause());
    assert_eq!(desk.state("ana"), OnCall);
    desk.agent("ana", AgentChange::ConversationEnded);
    assert_eq!(desk.state("ana"), Paused);
}

/// How ana got to where the row begins.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    SignedIn,
    Reachable,
    ReachableAndSignedIn,
    Ready,
    Engaged,
    EngagedAndPaused,
    Ringing,
    OnCall,
    Notes,
}

impl Before {
    fn desk(self) -> Desk {
        let mut desk = Desk::new(nurses(&[("ana", &[])]));
        let all = AgentChange::SignIn { queues: Vec::new() };
        match self {
            Self::Nothing => return desk,
            Self::SignedIn => return after(desk, all),
            Self::Reachable => return after(desk, AgentChange::Reachable),
            Self::ReachableAndSignedIn => return after(after(desk, AgentChange::Reachable), all),
            _ => desk.ready("ana"),
        };
        match self {
            Self::Engaged => return after(desk, AgentChange::Engaged),
            Self::EngagedAndPaused => return after(after(desk, AgentChange::Engaged), pause()),
            Self::Ringing | Self::OnCall | Self::Notes => desk.joins(1, Urgency::Soon, &[]),
            _ => return desk,
        };
        if let Self::OnCall | Self::Notes = self {
            desk.answers("ana", OfferAnswer::Accepted);
        }
        if let Self::Notes = self { after(desk, AgentChange::ConversationEnded) } else { desk }
    }
}

fn after(mut desk: Desk, change: AgentChange) -> Desk {
    desk.agent("ana", change);
    desk
}

#[test]
fn every_change_leads_an_agent_where_the_table_says() {
    let all = AgentChange::SignIn { queues: Vec::new() };
    let to_doctors = AgentChange::SignIn { queues: vec!["doctors".to_owned()] };
    let table = [
        (Before::Nothing, all.clone(), Unreachable),
        (Before::Reachable, all.clone(), Paused),
        (Before::Reachable, to_doctors, Offline),
        (Before::Reachable, AgentChange::Ready, Offline),
        (Before::SignedIn, AgentChange::Ready, Unreachable),
        (Before::ReachableAndSignedIn, AgentChange::Ready, Available),
        (Before::Ready, AgentChange::SignOut, Offline),
        (Before::Ready, all, Available),
        (Before::Ready, pause(), Paused),
        (Before::Ready, AgentChange::Unreachable, Unreachable),
        (Before::Ready, AgentChange::Engaged, OnCall),
        (Before::Ready, AgentChange::ConversationEnded, Available),
        (Before::Engaged, AgentChange::Freed, Available),
        (Before::EngagedAndPaused, AgentChange::Freed, Paused),
        (Before::Ringing, pause(), Paused),
        (Before::Ringing, AgentChange::SignOut, Offline),
        (Before::Ringing, AgentChange::Unreachable, Unreachable),
        (Before::Ringing, AgentChange::Engaged, OnCall),
        (Before::Ringing, AgentChange::Ready, Offered),
        (Before::OnCall, AgentChange::SignOut, OnCall),
        (Before::OnCall, AgentChange::Unreachable, OnCall),
        (Before::Notes, pause(), Paused),
        (Before::Notes, AgentChange::SignOut, Offline),
        (Before::Notes, AgentChange::Engaged, OnCall),
    ];
    for (before, change, state) in table {
        let mut desk = before.desk();
        desk.agent("ana", change.clone());
        assert_eq!(desk.state("ana"), state, "{before:?}, then {change:?}");
        assert_eq!(desk.ringing().len(), usize::from(state == Offered), "{before:?}, then {change:?}");
    }
}

#[test]
fn a_signed_out_agent_is_offline_when_her_call_ends() {
    let mut desk = one();
    desk.joins(1, Urgency::Soon, &[]);
    desk.answers("ana", OfferAnswer::Accepted);
    desk.agent("ana", AgentChange::SignOut);
    desk.agent("ana", AgentChange::ConversationEnded);
    assert_eq!(desk.state("ana"), Offline);
    assert_eq!(desk.engine.poll_timeout(), None);
}

#[test]
fn answers_to_offers_nobody_knows_change_nothing() {
    let mut desk = one();
    for answer in [OfferAnswer::Accepted, OfferAnswer::Declined, OfferAnswer::Busy, OfferAnswer::Failed] {
        assert_eq!(desk.input(Input::Answer { offer: OfferId(77), answer }), []);
    }
    assert_eq!(desk.state("ana"), Available);
}

#[test]
fn an_answer_in_the_last_moment_is_an_answer() {
    let mut desk = one();
    desk.agent("ana", AgentChange::Engaged);
    desk.joins(1, Urgency::Emergent, &[]);
    desk.secs(29);
    desk.agent("ana", AgentChange::Freed);
    let offer = desk.offers.first().unwrap().0;
    desk.now.mono += std::time::Duration::from_secs(1);
    assert_eq!(deeds(desk.input(Input::Answer { offer, answer: OfferAnswer::Accepted })), []);
    assert!(desk.engine.is_idle());
    assert_eq!(desk.state("ana"), OnCall);
}

fn take_up(desk: &mut Desk, by: &str) -> Vec<desk::Heard> {
    let by = desk.engine.agent(by).unwrap();
    let (offer, ..) = *desk.offers.last().unwrap();
    desk.input(Input::TakeUp { offer, by })
}

#[test]
fn what_rings_at_a_colleagues_phone_is_taken_up_and_the_colleague_has_the_next_caller() {
    let mut desk = two();
    desk.agent("bea", pause());
    desk.joins(1, Urgency::Soon, &[]);
    desk.joins(2, Urgency::Soon, &[]);
    assert_eq!(desk.ringing(), [("ana".to_owned(), 1)]);
    let (offer, ..) = *desk.offers.last().unwrap();
    assert_eq!(deeds(take_up(&mut desk, "bea")), [rings("ana", 2)]);
    desk.input(Input::Answer { offer, answer: OfferAnswer::Accepted });
    assert_eq!((desk.state("ana"), desk.state("bea")), (Offered, OnCall));
    desk.agent("bea", AgentChange::ConversationEnded);
    assert_eq!(desk.state("bea"), Paused, "as she was before");
}

#[test]
fn nothing_is_taken_up_by_who_has_not_the_skill_is_not_signed_in_or_has_a_call() {
    let mut desk =
        Desk::staffed(nurses(&[("ana", &["lang:es"]), ("bea", &[]), ("cy", &["lang:es"])]), &["ana", "bea"]);
    desk.joins(1, Urgency::Soon, &["lang:es"]);
    for who in ["bea", "cy"] {
        assert_eq!(take_up(&mut desk, who), [], "{who}");
    }
    desk.ready("cy");
    desk.agent("cy", AgentChange::Engaged);
    assert_eq!(take_up(&mut desk, "cy"), [], "in a call");
    desk.agent("cy", AgentChange::Freed);
    assert!(!take_up(&mut desk, "cy").is_empty());
}
