//! Somebody on call is looked for: only a person who presses 1 is joined with the caller.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod quiet;

use std::time::Duration;

use call::Hop;
use flow::{PromptRef, Source};
use quiet::{SECOND, answers, center_of, hang_up, has, until, until_heard, until_over, until_talking};
use testkit::phone::{Reaction, Wish};
use testkit::sim::{PhoneId, Sim, World};

const FLOW: &str = r#"
careline: 1
flow: night
about: "Somebody on call"
answers: ["+15550100100"]
languages: [en]
emergency: on_call
operator: on_call
defaults:
  give_up: on_call
  on_error: advice
steps:
  start:
    play: { prompts: [dial_911_notice], keys: keep }
  on_call:
    tag: { urgency: urgent, reason: symptoms }
    page:
      rota: nurse_on_call
      say_first: stay_on_line
      while_waiting: { play: still_here, every: 10s }
      ask: page_accept
      on_accepted: connect
      on_exhausted: advice
      on_error: advice
  advice:
    play: nobody_there
  bye:
    hang_up: goodbye
"#;

const ROTAS: &str = r#"
careline: 1
rotas:
  nurse_on_call:
    time_zone: America/Chicago
    ring: 8s
    accept: 10s
    rounds: 2
    steps:
      - call: agent nurse1
      - call: [agent nurse2, number partner]
"#;

/// Two nurses at home, a partner outside, and nobody signed in.
fn night() -> Sim {
    let mut world = World::small(2, 0);
    world.flows = vec![
        Source { path: "night.yaml".to_owned(), text: FLOW.to_owned() },
        Source { path: "rotas.yaml".to_owned(), text: ROTAS.to_owned() },
    ];
    for (name, ms) in [("page_accept", 2_000), ("still_here", 1_500)] {
        let prompt = PromptRef { language: "en".into(), name: name.into() };
        world.prompts.insert(prompt, Duration::from_millis(ms));
    }
    center_of(world)
}

fn phone(sim: &Sim, name: &str) -> PhoneId {
    sim.phone(name).unwrap()
}

/// Answers after a second and presses these keys, as a person would who has heard what it is about.
fn answers_and_presses(sim: &mut Sim, phone: PhoneId, keys: &str) {
    let then = keys.chars().map(|key| (SECOND * 3, Wish::Press(key))).collect();
    sim.react(phone, Reaction::Answer { after: SECOND, then });
}

/// Whom the log says was called, in order.
fn called(sim: &Sim) -> Vec<(String, u32, u32)> {
    let hops = sim.hops();
    hops.iter()
        .filter_map(|hop| match hop {
            Hop::PageCalling { to, step, round, .. } => Some((to.clone(), *step, *round)),
            _ => None,
        })
        .collect()
}

fn refusals(sim: &Sim) -> Vec<(String, String)> {
    let hops = sim.hops();
    hops.iter()
        .filter_map(|hop| match hop {
            Hop::PageNotAccepted { to, why } => Some((to.clone(), why.clone())),
            _ => None,
        })
        .collect()
}

#[test]
fn who_presses_1_is_joined_with_the_caller_and_hears_only_how_urgent_it_is_and_why() {
    let mut sim = night();
    let nurse = phone(&sim, "nurse1");
    answers_and_presses(&mut sim, nurse, "1");
    let caller = sim.call();
    until_talking(&mut sim, caller, nurse);
    assert_eq!(sim.heard(nurse)[..3], ["whisper_urgent", "reason_symptoms", "page_accept"]);
    assert!(!sim.heard(caller).iter().any(|heard| heard.starts_with("whisper") || heard == "page_accept"));
    assert_eq!(called(&sim), [("nurse1".to_owned(), 1, 1)]);
    assert!(has(&sim, |hop| matches!(hop, Hop::PageAccepted { to, attempts: 1, .. } if to == "nurse1")));
    hang_up(&mut sim, nurse);
    until_over(&mut sim, caller);
    assert_eq!(sim.heard(caller).last().unwrap(), "goodbye");
    sim.finish().unwrap();
}

#[test]
fn an_answering_machine_is_never_connected_and_the_next_is_called() {
    let mut sim = night();
    let (machine, person) = (phone(&sim, "nurse1"), phone(&sim, "nurse2"));
    answers(&mut sim, machine);
    answers_and_presses(&mut sim, person, "1");
    let caller = sim.call();
    until_talking(&mut sim, caller, person);
    assert!(!sim.heard_voice(machine, caller) && !sim.heard_voice(caller, machine));
    assert_eq!(refusals(&sim), [("nurse1".to_owned(), "no_key".to_owned())]);
    assert!(sim.heard(machine).iter().filter(|heard| *heard == "page_accept").count() >= 2, "asked again");
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn any_other_key_accepts_nothing() {
    let mut sim = night();
    let (wrong, person) = (phone(&sim, "nurse1"), phone(&sim, "nurse2"));
    answers_and_presses(&mut sim, wrong, "25");
    answers_and_presses(&mut sim, person, "1");
    let caller = sim.call();
    until_talking(&mut sim, caller, person);
    assert!(!sim.heard_voice(wrong, caller));
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn a_round_in_which_nobody_accepts_is_followed_by_the_next_and_then_by_the_flows_way_out() {
    let mut sim = night();
    let partner = phone(&sim, "partner");
    sim.set_habit(partner, |_| Reaction::Refuse { after: SECOND, status: 486 });
    let caller = sim.call();
    until_heard_late(&mut sim, caller, "nobody_there");
    let everybody = [("nurse1", 1), ("nurse2", 2), ("partner", 2)];
    let expected: Vec<_> =
        (1..=2).flat_map(|round| everybody.map(|(to, step)| (to.to_owned(), step, round))).collect();
    assert_eq!(called(&sim), expected);
    assert_eq!(refusals(&sim)[2], ("partner".to_owned(), "busy".to_owned()));
    assert!(has(&sim, |hop| matches!(hop, Hop::PageOver { why, attempts: 6, .. } if why == "exhausted")));
    let heard = sim.heard(caller);
    assert!(heard.iter().filter(|heard| *heard == "still_here").count() >= 2, "{heard:?}");
    until_over(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn a_caller_who_hangs_up_stops_the_telephone_that_rings() {
    let mut sim = night();
    let caller = sim.call();
    until(&mut sim, 30, "the first is called", |sim| !called(sim).is_empty());
    hang_up(&mut sim, caller);
    until_over(&mut sim, caller);
    assert_eq!(called(&sim).len(), 1);
    sim.finish().unwrap();
}

#[test]
fn a_caller_who_hangs_up_while_somebody_is_asked_lets_go_of_him() {
    let mut sim = night();
    let nurse = phone(&sim, "nurse1");
    answers(&mut sim, nurse);
    let caller = sim.call();
    until_heard(&mut sim, nurse, "page_accept");
    hang_up(&mut sim, caller);
    until_over(&mut sim, nurse);
    sim.finish().unwrap();
}

fn until_heard_late(sim: &mut Sim, phone: PhoneId, prompt: &str) {
    until(sim, 180, prompt, |sim| sim.heard(phone).iter().any(|heard| heard == prompt));
}
