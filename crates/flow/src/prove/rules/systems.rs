//! What systems outside a call may do to it: S13 and S14, what is kept and told of her, and S18, what fails.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Rules, helped};
use crate::flow::{Assigned, Flow, Inquire, Library, Verb};
use crate::inquiry::InquirySource;
use crate::interpreter::Situation;
use crate::prove::Proof;
use crate::prove::bound::{Search, Worst};
use crate::prove::moves::{By, Deed};
use crate::prove::space::Edge;
use crate::words::{Word, Words};

/// S18: longest a caller waits for a system that may never answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Adds those that are about something in the flows.
pub(super) fn all(rules: &Rules<'_>, proofs: &mut Vec<Proof>) {
    if super::flow_records(rules.library) {
        proofs.push(secrets_are_not_recorded(rules));
    }
    let private = telling_steps(rules.library);
    if !private.is_empty() {
        proofs.push(nothing_of_hers_is_told_to_others(rules, &private));
    }
    if rules.happens(|way| matches!(way.deed, Deed::Answered(_))) {
        proofs.push(a_system_that_fails_ends_no_call(rules));
    }
}

/// S13.
fn secrets_are_not_recorded(rules: &Rules<'_>) -> Proof {
    let claim = "nothing secret is recorded while it is keyed in".to_owned();
    let is_kept = |at: &usize| {
        let place = rules.space.places.get(*at);
        place.is_some_and(|place| place.caller.records_a_secret())
    };
    match rules.places().find(is_kept) {
        Some(at) => rules.broken("S13", claim, at, &[], "let the recording pause: `record: pause`"),
        None => rules.holds("S13", claim),
    }
}

/// S14: no step of this version makes sure who calls, so nobody is told what a table keeps private.
fn nothing_of_hers_is_told_to_others(rules: &Rules<'_>, telling: &BTreeSet<(Arc<str>, Arc<str>)>) -> Proof {
    let claim = "nothing private of a table is told to a caller nobody has identified".to_owned();
    for at in rules.places() {
        let tells = |way: &Edge| way.happened.entered.iter().any(|step| telling.contains(step));
        if let Some(number) = rules.space.ways_from(at).iter().position(tells) {
            let change = "let a nurse tell her, who has asked who she is";
            return rules.broken("S14", claim, at, &[(at, number)], change);
        }
    }
    rules.holds("S14", claim)
}

/// S18.
fn a_system_that_fails_ends_no_call(rules: &Rules<'_>) -> Proof {
    let claim = format!(
        "who asks a system goes on within {} s, and one that fails never ends a call",
        ANSWER_WITHIN.as_secs()
    );
    let asks: Vec<usize> =
        rules.places().filter(|at| matches!(rules.situation(*at), Situation::Inquiry(_))).collect();
    for at in &asks {
        let ways = rules.space.ways_from(*at);
        if let Some(late) =
            ways.iter().position(|way| matches!(way.deed, Deed::Answered(_)) && way.takes.1 > ANSWER_WITHIN)
        {
            return rules.broken("S18", claim, *at, &[(*at, late)], "`within: 5s` at most");
        }
    }
    let goal = |way: &Edge| helped(way).filter(|_| !way.happened.hung_up);
    let may = |way: &Edge| match way.deed {
        Deed::Answered(answer) => matches!(answer, "failed" | "timeout"),
        _ => matches!(way.by, By::Nature | By::Mistake),
    };
    let search = Search { space: rules.space, goal: &goal, may: &may, choices_restart: true };
    match search.worst(&asks) {
        Worst::Missed(path) => {
            let at = path.first().map_or(0, |(at, _)| *at);
            rules.broken("S18", claim, at, &path, "let `failed` lead to a person")
        }
        Worst::Within(..) | Worst::Loops(_) | Worst::Nobody => rules.holds("S18", claim),
    }
}

/// Steps that say something which a table keeps private.
fn telling_steps(library: &Library) -> BTreeSet<(Arc<str>, Arc<str>)> {
    let flows = library.flows();
    flows.flat_map(|flow| telling(library, flow)).collect()
}

fn telling(library: &Library, flow: &Flow) -> Vec<(Arc<str>, Arc<str>)> {
    let mut private: BTreeSet<&str> = BTreeSet::new();
    for step in &flow.steps {
        if let Verb::Inquire(inquire) = &step.verb {
            private.extend(taken(library, inquire));
        }
    }
    // What is made of it is private too, through as many variables as there are.
    loop {
        let known = private.len();
        for step in &flow.steps {
            let Verb::Set(assignments) = &step.verb else { continue };
            for assignment in assignments {
                let names = match &assignment.to {
                    Assigned::Expression(expression) => expression.names(),
                    Assigned::Value(_) => &[],
                };
                if names.iter().any(|name| private.contains(name.as_str())) {
                    private.insert(&assignment.variable);
                }
            }
        }
        if private.len() == known {
            break;
        }
    }
    let says = |words: &Words| {
        words.0.iter().any(|word| match word {
            Word::Value { text, .. } => text.names().any(|name| private.contains(name)),
            Word::Prompt(_) => false,
        })
    };
    let tells = flow.steps.iter().filter(|step| match &step.verb {
        Verb::Say { words, .. } => says(words),
        Verb::Menu(menu) => menu.words.as_ref().is_some_and(says),
        _ => false,
    });
    tells.map(|step| (flow.name.clone(), step.name.clone())).collect()
}

/// Variables that hold a private column, or a private part of an answer.
fn taken<'f>(library: &'f Library, inquire: &'f Inquire) -> impl Iterator<Item = &'f str> {
    let table = match &inquire.source {
        InquirySource::Table(name) => library.table(name),
        InquirySource::Endpoint(_) => None,
    };
    let is_private = move |column: &str| {
        table
            .is_some_and(|table| table.columns.iter().any(|known| known.is_private && *known.name == *column))
    };
    inquire
        .takes
        .iter()
        .filter(move |take| take.is_private || is_private(&take.from))
        .map(|take| &*take.variable)
}
