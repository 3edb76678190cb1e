//! Something is looked up for a caller: her flow goes on with what was found, and the log says that it was asked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod quiet;

use call::Hop;
use flow::Source;
use quiet::{center_of, has, until_heard, until_over};
use testkit::sim::{Sim, World};

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
    lookup:
      table: practices
      keys: { line: "${dialled}" }
      take: { mobile: mobile }
      found: known
      not_found: unknown
      failed: people
  known:
    when:
      - { if: 'mobile == "+15550199001"', go: told }
  unknown:
    play: nobody_there
    next: bye
  told:
    play: stay_on_line
    next: bye
  people:
    queue: { name: nurses, on_timeout: bye, on_empty: bye, on_full: bye, on_error: bye, on_closed: bye }
  bye:
    hang_up: goodbye
"#;

const TABLES: &str = "careline: 1
tables:
  practices:
    file: practices.csv
    key: line
    columns: { line: text, mobile: { type: text, private: true } }
";

fn desk(csv: &str) -> Sim {
    let mut world = World::small(1, 0);
    world.flows = [("desk.yaml", FLOW), ("tables.yaml", TABLES), ("practices.csv", csv)]
        .map(|(path, text)| Source { path: path.to_owned(), text: text.to_owned() })
        .into();
    center_of(world)
}

#[test]
fn a_row_that_is_found_leads_the_caller_on_and_nothing_of_it_is_in_the_log() {
    let mut sim = desk("line,mobile\n+15550100100,+15550199001\n");
    let caller = sim.call();
    until_heard(&mut sim, caller, "stay_on_line");
    until_over(&mut sim, caller);
    assert!(has(
        &sim,
        |hop| matches!(hop, Hop::Inquired { verb, of } if verb == "lookup" && of == "practices")
    ));
    assert!(has(
        &sim,
        |hop| matches!(hop, Hop::InquiryOver { outcome, why: None, .. } if outcome == "found")
    ));
    assert!(!sim.hops().iter().any(|hop| format!("{hop:?}").contains("15550199001")));
    sim.finish().unwrap();
}

#[test]
fn a_row_that_is_not_there_leads_elsewhere() {
    let mut sim = desk("line,mobile\n+15550100109,+15550199001\n");
    let caller = sim.call();
    until_heard(&mut sim, caller, "nobody_there");
    until_over(&mut sim, caller);
    assert!(has(&sim, |hop| matches!(hop, Hop::InquiryOver { outcome, .. } if outcome == "not_found")));
    sim.finish().unwrap();
}
