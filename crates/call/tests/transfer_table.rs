//! The table of transfers, walked row by row on a whole node.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod quiet;

use std::time::Duration;

use call::Hop;
use quiet::{SECOND, answers, center_of, hang_up, has, press, sign_in, until, until_heard, until_talking};
use testkit::phone::{Reaction, Wish};
use testkit::sim::{PhoneId, Sim, World};

#[test]
fn every_row_of_the_table_is_so() {
    let mut rows = 0;
    for line in include_str!("../src/referral.md").lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [agent, colleague, place, news] = cells.as_slice() else { panic!("{line}") };
        walk(line, agent, colleague, place, news);
        rows += 1;
    }
    assert_eq!(rows, 14);
}

fn walk(line: &str, agent: &str, colleague: &str, place: &str, news: &str) {
    let mut sim = center_of(World::small(2, 2));
    let nurse = sign_in(&mut sim, "nurse1");
    let [other, third] = ["nurse2", "desk2"].map(|name| sim.phone(name).unwrap());
    answers(&mut sim, nurse);
    let caller = sim.call();
    until_heard(&mut sim, caller, "main_menu");
    press(&mut sim, caller, "1");
    until_talking(&mut sim, caller, nurse);
    let to = prepare(&mut sim, colleague, other, third);
    sim.wish(nurse, Duration::ZERO, Wish::Transfer(to.to_owned()));
    sim.run_for(SECOND).unwrap();
    match agent {
        "hangs up" => hang_up(&mut sim, nurse),
        "vanishes" => sim.wish(nurse, Duration::ZERO, Wish::Vanish(None)),
        "stays" => {}
        other => panic!("{line}: who {other}?"),
    }
    if let Ok(news) = news.parse::<u16>() {
        until(&mut sim, 60, line, |sim| sim.referrals(nurse).last() == Some(&news));
    }
    for phone in [caller, nurse, other] {
        sim.forget_heard(phone);
    }
    match place {
        "with the colleague" => until_talking(&mut sim, caller, other),
        "with the agent" => until_talking(&mut sim, caller, nurse),
        "at her place" => {
            let waits = |hop: &Hop| matches!(hop, Hop::Requeued { .. });
            let desk = sim.phone("desk1").unwrap();
            answers(&mut sim, desk);
            sim.sign_in("desk1");
            until(&mut sim, 60, line, |sim| has(sim, waits));
            until_talking(&mut sim, caller, desk);
        }
        other => panic!("{line}: where is {other}?"),
    }
    for phone in [caller, third] {
        hang_up(&mut sim, phone);
    }
    sim.finish().unwrap_or_else(|failure| panic!("{line}: {failure:?}"));
}

/// The colleague behaves so when rung; whom the agent names.
fn prepare(sim: &mut Sim, colleague: &str, other: PhoneId, third: PhoneId) -> &'static str {
    let after = SECOND * 4;
    match colleague {
        "answers" => sim.react(other, Reaction::Answer { after, then: Vec::new() }),
        "is busy" => sim.react(other, Reaction::Refuse { after, status: 486 }),
        "declines" => sim.react(other, Reaction::Refuse { after, status: 603 }),
        "does not answer" => sim.react(other, Reaction::LetRing),
        "vanishes" => sim.react(other, Reaction::Vanish { after, back_after: None }),
        "is in another call" => {
            answers(sim, other);
            sim.wish(third, Duration::ZERO, Wish::Dial("nurse2".to_owned()));
            until_talking(sim, third, other);
        }
        "does not exist" => return "nurse9",
        other => panic!("what is {other}?"),
    }
    "nurse2"
}
