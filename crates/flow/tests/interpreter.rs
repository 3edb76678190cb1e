//! What a caller hears and where she comes, on virtual time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod harness;

use std::time::Duration;

use flow::{Event, QueueNews, TransferNews, Urgency};
use harness::Phone;

fn at_main() -> Phone {
    let mut phone = Phone::call();
    phone.finish();
    phone.keys("1");
    phone.happened();
    phone
}

#[test]
fn the_call_is_answered_before_the_first_prompt_and_the_notice_comes_in_every_language_first() {
    let mut phone = Phone::call();
    assert_eq!(
        phone.happened(),
        [
            "enter clinic/start play (start)",
            "answer",
            "play en/dial_911_notice es/dial_911_notice en/welcome es/welcome",
        ]
    );
    phone.finish();
    assert_eq!(
        phone.happened(),
        ["enter clinic/language menu (next)", "play en/choose_language es/choose_language"]
    );
}

#[test]
fn a_key_in_a_menu_stops_the_prompt_and_leads_on() {
    let mut phone = Phone::call();
    phone.finish();
    phone.happened();
    phone.keys("2");
    assert_eq!(
        phone.happened(),
        [
            "stop",
            "key Menu('2')",
            "language es",
            "enter clinic/main menu (key)",
            "play es/main_menu after 500ms"
        ]
    );
}

#[test]
fn silence_is_asked_again_and_then_a_person_answers() {
    let mut phone = at_main();
    phone.finish();
    phone.secs(6);
    assert!(phone.happened().is_empty());
    phone.secs(1);
    assert_eq!(phone.happened(), ["play en/main_menu_short"]);
    phone.finish();
    phone.secs(7);
    assert_eq!(phone.happened(), ["play en/main_menu_short"]);
    phone.finish();
    phone.secs(7);
    assert_eq!(
        phone.happened(),
        [
            "enter clinic/nurses queue (give_up)",
            "enqueue nurses routine [\"lang:en\"] en",
            "play en/hold_music repeated",
        ]
    );
}

#[test]
fn wrong_keys_count_as_tries_and_a_star_does_not() {
    let mut phone = at_main();
    phone.keys("**77");
    let happened = phone.happened();
    assert_eq!(happened.iter().filter(|line| *line == "play en/main_menu after 500ms").count(), 2);
    assert_eq!(phone.interpreter.position(), ("clinic", "main"));
    phone.keys("7");
    assert_eq!(phone.interpreter.position(), ("clinic", "nurses"));
}

#[test]
fn keys_pressed_during_the_notice_wait_for_the_menus() {
    let mut phone = Phone::call();
    phone.keys("21");
    phone.finish();
    // 2 chose Spanish, 1 the red flag; neither menu was spoken.
    assert_eq!(
        phone.happened()[3..],
        [
            "enter clinic/language menu (next)",
            "key Menu('2')",
            "language es",
            "enter clinic/main menu (key)",
            "key Menu('1')",
            "enter clinic/red_flag queue (key)",
            "tag emergent red_flag",
            "enqueue nurses emergent [] es",
            "play es/stay_on_line",
        ]
    );
}

#[test]
fn nine_leads_to_the_emergency_step_from_any_prompt() {
    let mut phone = Phone::call();
    phone.happened();
    phone.keys("9");
    assert_eq!(
        phone.happened(),
        [
            "key Emergency",
            "tag emergent emergency_key",
            "stop",
            "enter clinic/red_flag queue (emergency_key)",
            "tag emergent red_flag",
            "enqueue nurses emergent [] en",
            "play en/stay_on_line after 500ms",
        ]
    );
}

#[test]
fn nine_one_one_speaks_the_advice_and_keeps_the_place_in_the_queue() {
    let mut phone = at_main();
    phone.keys("91");
    phone.wait(Duration::from_secs(1));
    phone.happened();
    phone.keys("1");
    assert_eq!(
        phone.happened(),
        [
            "key Emergency",
            "tag emergency red_flag",
            "raise emergency",
            "play en/hang_up_and_dial_911 after 500ms"
        ]
    );
    // The advice is not cut short by the queue's own limit.
    phone.event(Event::Queue(QueueNews::TimedOut));
    assert!(phone.happened().is_empty());
    phone.finish();
    assert_eq!(
        phone.happened(),
        ["enter clinic/advice emergency (on_timeout)", "play en/hang_up_and_dial_911"]
    );
}

#[test]
fn zero_neither_cuts_the_911_advice_nor_gives_up_a_place_already_gone() {
    let mut phone = at_main();
    phone.keys("911");
    phone.event(Event::Queue(QueueNews::TimedOut));
    phone.happened();
    phone.keys("09");
    assert_eq!(phone.happened(), ["key Emergency"], "no `dequeue`, no `raise`");
    phone.finish();
    assert_eq!(phone.interpreter.position(), ("clinic", "advice"));
}

#[test]
fn a_single_one_after_nine_is_no_emergency() {
    let mut phone = at_main();
    phone.keys("91");
    phone.secs(3);
    phone.keys("1");
    assert_eq!(phone.interpreter.urgency(), Urgency::Emergent);
}

#[test]
fn nine_in_a_queue_raises_and_zero_goes_to_the_operator() {
    let mut phone = at_main();
    phone.keys("2");
    phone.finish();
    phone.keys("01021980");
    assert_eq!(phone.interpreter.position(), ("clinic", "nurses"));
    phone.happened();
    phone.keys("9");
    assert_eq!(phone.happened(), ["key Emergency", "tag emergent emergency_key", "raise emergent"]);
    phone.keys("0");
    assert_eq!(
        phone.happened(),
        [
            "key Operator",
            "dequeue",
            "stop",
            "enter clinic/reception queue (operator_key)",
            "enqueue reception emergent [] en",
            "play en/hold_music repeated after 500ms",
        ]
        .map(|line| line.replace(" after 500ms", ""))
    );
    // Already with the operator: 0 does not cost her the place.
    phone.keys("0");
    assert!(phone.happened().is_empty());
}

#[test]
fn private_digits_leave_no_trace_and_911_in_an_entry_is_an_emergency() {
    let mut phone = at_main();
    phone.keys("2");
    phone.happened();
    phone.keys("02301980");
    assert_eq!(phone.happened(), ["stop", "key PrivateData", "play en/enter_dob after 500ms"], "30 February");
    phone.keys("911");
    phone.secs(4);
    assert_eq!(
        phone.happened(),
        ["stop", "key Emergency", "tag emergency emergency_key", "play en/hang_up_and_dial_911"]
    );
    phone.finish();
    assert_eq!(phone.interpreter.position(), ("clinic", "red_flag"));
    assert!(!format!("{:?}", phone.interpreter).contains("0230"));
}

#[test]
fn star_nine_and_star_zero_work_inside_an_entry() {
    let mut phone = at_main();
    phone.keys("20102*0");
    assert_eq!(phone.interpreter.position(), ("clinic", "reception"));
    let mut phone = at_main();
    phone.keys("2*9");
    assert_eq!(phone.interpreter.position(), ("clinic", "red_flag"));
    assert_eq!(phone.interpreter.urgency(), Urgency::Emergent);
}

#[test]
fn an_optional_entry_is_skipped_and_the_next_is_read_back() {
    let mut phone = at_main();
    phone.keys("2#");
    assert_eq!(phone.interpreter.position(), ("clinic", "zip"));
    phone.happened();
    phone.keys("91101");
    assert_eq!(
        phone.happened(),
        ["stop", "play en/digit_9 en/digit_1 en/digit_1 en/digit_0 en/digit_1 en/is_that_right after 500ms"]
    );
    phone.finish();
    phone.keys("1");
    assert_eq!(phone.interpreter.position(), ("clinic", "nurses"));
    assert_eq!(phone.happened()[..2], ["key Menu('1')", "key Data(5)"]);
}

#[test]
fn while_she_waits_announcements_interrupt_the_music() {
    let mut phone = at_main();
    phone.keys("2#60601");
    phone.keys("1");
    phone.event(Event::Queue(QueueNews::Position { ahead: 2, estimate: Some(Duration::from_secs(200)) }));
    phone.happened();
    phone.secs(60);
    assert_eq!(phone.happened(), ["play en/still_here en/wait_2_to_5_minutes"]);
    phone.finish();
    assert_eq!(phone.happened(), ["play en/hold_music repeated"]);
    phone.event(Event::Queue(QueueNews::Connected));
    assert_eq!(phone.happened(), ["stop"]);
    phone.secs(600);
    assert!(phone.happened().is_empty());
    phone.event(Event::Queue(QueueNews::AgentLeft));
    phone.finish();
    assert_eq!(phone.happened(), ["play en/goodbye", "hang up ConversationEnded"]);
    assert_eq!(phone.interpreter.poll_timeout(), None);
}

#[test]
fn an_empty_queue_is_told_911_and_never_hung_up_on() {
    let mut phone = at_main();
    phone.keys("1");
    phone.happened();
    phone.event(Event::Queue(QueueNews::Empty));
    phone.finish();
    assert_eq!(
        phone.happened(),
        [
            "stop",
            "enter clinic/advice emergency (on_empty)",
            "play en/hang_up_and_dial_911",
            "enter clinic/nurses queue (next)",
            "enqueue nurses emergent [\"lang:en\"] en",
            "play en/hold_music repeated",
        ]
    );
}

#[test]
fn a_sub_flow_returns_to_where_it_was_called_and_zero_leaves_it() {
    let mut phone = at_main();
    phone.keys("3");
    assert_eq!(phone.interpreter.position(), ("health-library", "topics"));
    phone.keys("1#");
    phone.finish();
    phone.happened();
    phone.keys("*");
    assert_eq!(phone.interpreter.position(), ("clinic", "main"));
    assert_eq!(phone.happened()[2], "enter clinic/main menu (return)");
    phone.keys("30");
    assert_eq!(phone.interpreter.position(), ("clinic", "reception"));
    phone.keys("9");
    assert_eq!(phone.interpreter.urgency(), Urgency::Emergent);
}

#[test]
fn a_transfer_rings_with_music_and_comes_back_when_nobody_answers() {
    let mut phone = at_main();
    phone.keys("4");
    phone.finish();
    assert_eq!(
        phone.happened()[2..],
        [
            "enter clinic/prescriptions transfer (key)",
            "transfer pharmacy 20s",
            "play en/connecting after 500ms",
            "play en/hold_music repeated",
        ]
    );
    phone.event(Event::Transfer(TransferNews::NoAnswer));
    assert_eq!(
        phone.happened(),
        [
            "stop",
            "enter clinic/opening hours (on_no_answer)",
            "enter clinic/reception queue (hours)",
            "tag admin -",
            "enqueue reception admin [] en",
            "play en/hold_music repeated",
        ]
    );
    let mut phone = at_main();
    phone.keys("4");
    phone.event(Event::Transfer(TransferNews::Connected));
    phone.event(Event::Transfer(TransferNews::Ended));
    phone.finish();
    assert_eq!(phone.happened().last().unwrap(), "hang up Completed");
    let mut phone = at_main();
    phone.keys("4");
    phone.happened();
    phone.keys("9");
    assert_eq!(phone.happened()[2..4], ["cancel transfer", "stop"]);
}

#[test]
fn outside_hours_the_other_branch_is_taken() {
    let mut phone = Phone::call_at("2026-01-07T03:00:00Z");
    phone.finish();
    phone.keys("14");
    phone.event(Event::Transfer(TransferNews::Busy));
    assert_eq!(phone.interpreter.position(), ("clinic", "shut"));
}

/// The clinic with one text replaced, at its menu.
fn at_main_with(right: &str, wrong: &str) -> Phone {
    let mut sources = harness::clinic_sources();
    assert!(sources[0].text.contains(right));
    sources[0].text = sources[0].text.replacen(right, wrong, 1);
    let library = harness::library_of(&sources);
    let flow = library.flow("clinic").unwrap().clone();
    let mut phone = Phone::start(library, flow, "2026-01-07T16:00:00Z");
    phone.finish();
    phone.keys("1");
    phone.happened();
    phone
}

#[test]
fn branches_that_lead_back_to_themselves_end_with_a_person() {
    let mut phone = at_main_with("go: nurses }\n      - else: zip", "go: nurses }\n      - else: known");
    phone.keys("2#");
    assert_eq!(phone.interpreter.position(), ("clinic", "nurses"));
    assert!(phone.happened().contains(&"enter clinic/nurses queue (on_error)".to_owned()));
}

#[test]
fn a_condition_that_cannot_be_worked_out_takes_the_steps_own_way_out() {
    let condition = "'dob != \"\" && caller.known'";
    let mut phone = at_main_with(condition, "'1 / size(dob) > 0'");
    phone.keys("2#");
    assert_eq!(phone.interpreter.position(), ("clinic", "nurses"));
    let mut phone = at_main_with("  known:\n    when:", "  known:\n    on_error: bye\n    when:");
    phone.keys("2#");
    assert_eq!(phone.interpreter.position(), ("clinic", "zip"));
    let wrong = "  known:\n    on_error: bye\n    when:\n      - { if: '1 % size(dob) > 0', go: nurses }";
    let mut phone = at_main_with("  known:\n    when:", wrong);
    phone.keys("2#");
    assert_eq!(phone.interpreter.position(), ("clinic", "bye"));
}

#[test]
fn a_caller_whose_agent_vanished_hears_the_music_again() {
    let mut phone = at_main();
    phone.keys("1");
    phone.event(Event::Queue(QueueNews::Connected));
    phone.happened();
    phone.event(Event::Queue(QueueNews::AgentLost));
    assert_eq!(phone.happened(), ["play en/hold_music repeated"]);
    phone.event(Event::Queue(QueueNews::Connected));
    phone.event(Event::Queue(QueueNews::AgentLeft));
    assert_eq!(phone.happened(), ["stop", "play en/goodbye"]);
}

#[test]
fn a_sub_flow_on_its_own_ends_with_a_goodbye() {
    let library = harness::library_of(&harness::clinic_sources());
    let flow = library.flow("health-library").unwrap().clone();
    let mut phone = Phone::start(library, flow, "2026-01-07T16:00:00Z");
    for _ in 0..3 {
        phone.finish();
        phone.secs(7);
    }
    phone.finish();
    assert_eq!(phone.happened().last().unwrap(), "hang up Failed");
}

#[test]
fn nothing_is_heard_of_a_caller_who_hung_up() {
    let mut phone = at_main();
    phone.keys("91");
    phone.event(Event::CallerHungUp);
    phone.happened();
    phone.keys("9111");
    phone.event(Event::PlayFinished);
    phone.secs(3_600);
    assert!(phone.happened().is_empty());
    assert_eq!(phone.interpreter.poll_timeout(), None);
}

#[test]
fn a_library_may_cross_threads() {
    fn may_cross<T: Send + Sync>() {}
    may_cross::<flow::Library>();
    fn may_move<T: Send>() {}
    may_move::<flow::Interpreter>();
}
