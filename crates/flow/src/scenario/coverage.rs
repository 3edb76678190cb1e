//! Which steps and which ways out of them the tests of a folder come to, and which no test does.

use std::collections::BTreeSet;

use super::TestResult;
use crate::flow::{Flow, Library, Step};

/// What one test came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visits {
    /// `flow/step`.
    pub(crate) steps: BTreeSet<String>,
    /// `flow/step` and the word of a way out that was taken for certain: a key, what a queue said.
    pub(crate) ways: BTreeSet<(String, String)>,
    /// `flow/step`, the next step a person could ask about, and what led there.
    pub(crate) moves: BTreeSet<(String, String, &'static str)>,
}

/// What all tests came to.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Steps a person could ask about, and how many of them some test comes to.
    pub steps: (usize, usize),
    /// Ways out of these steps, and how many of them some test takes.
    pub exits: (usize, usize),
    /// What no test does, in the order of the files.
    pub missing: Vec<Missing>,
}

/// A step no test comes to, or a way out no test takes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Missing {
    /// The flow.
    pub flow: String,
    /// The step.
    pub step: String,
    /// The way out; `None`: the step itself.
    pub exit: Option<String>,
    /// The file, and line and column of the step from 1.
    pub place: Option<(String, usize, usize)>,
}

/// What the tests of a library came to, all of them together.
pub fn coverage(library: &Library, results: &[TestResult]) -> Coverage {
    let mut all = Visits::default();
    for result in results {
        all.steps.extend(result.visits.steps.iter().cloned());
        all.ways.extend(result.visits.ways.iter().cloned());
        all.moves.extend(result.visits.moves.iter().cloned());
    }
    let mut coverage = Coverage::default();
    for flow in library.flows() {
        for step in flow.steps.iter().filter(|step| step.verb.is_told()) {
            coverage.step(library, flow, step, &all);
        }
    }
    coverage
}

impl Coverage {
    fn step(&mut self, library: &Library, flow: &Flow, step: &Step, all: &Visits) {
        let name = format!("{}/{}", flow.name, step.name);
        let missing = |exit: Option<String>| Missing {
            flow: flow.name.to_string(),
            step: step.name.to_string(),
            exit,
            place: library
                .place(&flow.name, Some(&step.name))
                .map(|(path, place)| (path.to_owned(), place.line, place.column)),
        };
        self.steps.0 += 1;
        let exits = step.exits(flow);
        self.exits.0 += exits.len();
        if !all.steps.contains(&name) {
            self.missing.push(missing(None));
            return;
        }
        self.steps.1 += 1;
        for exit in &exits {
            let to = exit.to.and_then(|id| flow.step(id)).map(|step| format!("{}/{}", flow.name, step.name));
            let is_only_way = exits.iter().filter(|other| other.to == exit.to).count() == 1;
            let moved = all.moves.iter().filter(|(from, ..)| *from == name).any(|(_, next, why)| {
                *why == exit.by || (is_only_way && to.as_ref() == Some(next)) || exits.len() == 1
            });
            if moved || all.ways.contains(&(name.clone(), exit.by.to_string())) {
                self.exits.1 += 1;
            } else {
                self.missing.push(missing(Some(exit.by.to_string())));
            }
        }
    }
}
