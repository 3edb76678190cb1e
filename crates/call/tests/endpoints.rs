//! Another system is asked for a caller: she goes on whatever becomes of it, one that fails is left alone, and the log
//! tells of both without what was sent or answered.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod quiet;

use call::{BreakerConfig, EndpointConfig, Hop, Method};
use flow::Source;
use quiet::{center_of, has, until_heard, until_over};
use testkit::sim::{Fate, Sim, World};

const FLOW: &str = r#"
careline: 1
flow: desk
about: "Answers for many practices"
answers: ["+15550100100"]
languages: [en]
emergency: people
operator: people
defaults:
  give_up: people
  on_error: people
steps:
  start:
    play: { prompts: [dial_911_notice], keys: keep }
  whose:
    http:
      endpoint: directory
      send: { caller: "${caller.number}" }
      take: { /mobile: { as: mobile, type: text } }
      within: 2s
      failed: unknown
      timeout: late
  known:
    when:
      - { if: 'mobile == "+15550199001"', go: told }
  unknown:
    play: nobody_there
    next: bye
  late:
    play: still_here
    next: bye
  told:
    play: stay_on_line
    next: bye
  people:
    queue: { name: nurses, on_timeout: bye, on_empty: bye, on_full: bye, on_error: bye, on_closed: bye }
  bye:
    hang_up: goodbye
"#;

fn desk(fates: Vec<Fate>) -> Sim {
    let mut world = World::small(1, 0);
    world.flows = vec![Source { path: "desk.yaml".to_owned(), text: FLOW.to_owned() }];
    let config = EndpointConfig {
        url: "https://directory.example/line".to_owned(),
        method: Method::Post,
        attempts: 1,
        breaker: BreakerConfig { failures: 2, open_secs: 60 },
        roots: None,
    };
    world.endpoints = [("directory".to_owned(), (config, fates))].into();
    center_of(world)
}

/// Calls, hears this, and is gone.
fn hears(sim: &mut Sim, prompt: &str) {
    let caller = sim.call();
    until_heard(sim, caller, prompt);
    until_over(sim, caller);
}

/// The states an endpoint came to, in order.
fn states(sim: &Sim) -> Vec<String> {
    let state = |hop: Hop| match hop {
        Hop::EndpointNow { state, .. } => Some(state),
        _ => None,
    };
    sim.hops().into_iter().filter_map(state).collect()
}

#[test]
fn an_answer_leads_the_caller_on_and_nothing_of_it_is_in_the_log() {
    let mut sim = desk(vec![Fate::Answers(serde_json::json!({ "mobile": "+15550199001" }))]);
    hears(&mut sim, "stay_on_line");
    assert!(has(
        &sim,
        |hop| matches!(hop, Hop::Inquired { verb, of } if verb == "http" && of == "directory")
    ));
    assert!(has(&sim, |hop| matches!(hop, Hop::InquiryOver { outcome, why: None, .. } if outcome == "ok")));
    assert!(!sim.hops().iter().any(|hop| format!("{hop:?}").contains("15550199001")));
    sim.finish().unwrap();
}

#[test]
fn one_that_fails_twice_is_left_alone_and_tried_again_a_minute_later() {
    let mut sim = desk(vec![
        Fate::Fails("unreachable"),
        Fate::Silence,
        Fate::Answers(serde_json::json!({ "mobile": "+15550199001" })),
    ]);
    hears(&mut sim, "nobody_there");
    hears(&mut sim, "still_here");
    assert_eq!(states(&sim), ["open"]);
    // Nobody is asked: the third fate is not used up.
    hears(&mut sim, "nobody_there");
    assert!(has(&sim, |hop| matches!(hop, Hop::InquiryOver { why: Some(why), .. } if why == "left_alone")));
    sim.run_for(quiet::SECOND * 60).unwrap();
    hears(&mut sim, "stay_on_line");
    assert_eq!(states(&sim), ["open", "half_open", "closed"]);
    sim.finish().unwrap();
}

#[test]
fn an_answer_without_what_is_wanted_is_a_failure_of_the_step_and_none_of_the_endpoint() {
    let empty = || Fate::Answers(serde_json::json!({}));
    let mut sim = desk(vec![empty(), empty(), empty()]);
    for _ in 0..3 {
        hears(&mut sim, "nobody_there");
    }
    assert_eq!(states(&sim), Vec::<String>::new());
    sim.finish().unwrap();
}
