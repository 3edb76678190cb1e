//! Proofs: what holds for every caller of a flow, whatever she presses, however long she is silent, whoever is
//! signed in, and whatever fails.
//!
//! The proof walks the interpreter itself, so it cannot be about another program than the one that answers
//! calls: `space` feeds it with everything that `moves` says may happen, until no new place is found. `bound`
//! finds the longest way through it, with the real lengths of the prompts. `rules` says what must hold, with the
//! names of the safety invariants (S1 to S22), and `story` tells a counter-example as a call.

mod bound;
mod moves;
mod promise;
mod rules;
mod space;
mod story;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use promise::{Hope, Promise};
use space::Explorer;

use crate::compile::Environment;
use crate::flow::Library;

/// Something that can go wrong, so that a promise holds in spite of it or is not made for it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fault {
    /// Nobody is signed in.
    NoAgents,
    QueueFull,
    QueueClosed,
    /// A queue that cannot be served, for a reason of our own.
    QueueFailed,
    /// An agent's phone vanishes.
    PhoneLost,
    /// A number outside cannot be reached.
    TrunkDown,
    /// Nobody on call presses the key.
    NobodyAccepts,
    /// A table cannot be asked, or does not answer in time.
    TablesDown,
    /// Another system fails, or does not answer in time.
    HttpDown,
    /// The caller presses nothing.
    NoInput,
    /// The caller presses what nothing stands for.
    WrongKeys,
}

impl Fault {
    pub(crate) const ALL: [(&str, Self); 11] = [
        ("no_agents", Self::NoAgents),
        ("queue_full", Self::QueueFull),
        ("queue_closed", Self::QueueClosed),
        ("queue_failed", Self::QueueFailed),
        ("phone_lost", Self::PhoneLost),
        ("one_trunk_down", Self::TrunkDown),
        ("nobody_accepts_page", Self::NobodyAccepts),
        ("tables_down", Self::TablesDown),
        ("http_down", Self::HttpDown),
        ("no_input", Self::NoInput),
        ("wrong_keys", Self::WrongKeys),
    ];
}

/// What proofs are about: the safety invariants, and `promise` for those of a flow's own.
pub const RULES: [&str; 15] =
    ["S1", "S2", "S4", "S5", "S6", "S7", "S8", "S10", "S11", "S12", "S13", "S14", "S18", "S20", "promise"];

/// What was to be shown of one flow, and whether it holds.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The flow.
    pub flow: Arc<str>,
    /// `S1` … `S22`, or `promise` for one of the flow's own.
    pub rule: &'static str,
    /// What holds or does not, in one line.
    pub claim: String,
    /// Whether it holds for every caller.
    pub holds: bool,
    /// The longest it can take, where it is about time and ends.
    pub worst: Option<Duration>,
    /// The step it is about, where it is about one.
    pub step: Option<Arc<str>>,
    /// Where that step, or else the flow, was written.
    pub at: Option<ProvedAt>,
    /// Where it does not hold: the shortest call that shows it, line by line.
    pub story: Vec<String>,
    /// Where it does not hold: changes any one of which would make it true.
    pub changes: Vec<String>,
}

/// Where what a proof is about was written. The step may be in a flow the proved one calls.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProvedAt {
    /// The flow the step is in.
    pub flow: Arc<str>,
    /// Its file.
    pub path: String,
    /// Line and column from 1, and the length of the name in characters.
    pub place: (usize, usize, usize),
}

impl ProvedAt {
    fn of(library: &Library, flow: &Arc<str>, step: Option<&str>) -> Option<Self> {
        let (path, place) = library.place(flow, step)?;
        let place = (place.line, place.column, place.length);
        Some(Self { flow: flow.clone(), path: path.to_owned(), place })
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.holds { '✓' } else { '✗' };
        write!(f, "  {mark} {:<7} {}", self.rule, self.claim)?;
        if let Some(worst) = self.worst {
            write!(f, "  (worst {:.1} s)", worst.as_secs_f64())?;
        }
        if let Some(ProvedAt { path, place: (line, column, _), .. }) =
            self.at.as_ref().filter(|_| !self.holds)
        {
            write!(f, "\n      --> {path}:{line}:{column}")?;
        }
        for line in &self.story {
            write!(f, "\n      {line}")?;
        }
        if !self.changes.is_empty() {
            write!(f, "\n    any one of these makes it true:  {}", self.changes.join("  ·  "))?;
        }
        Ok(())
    }
}

/// Proves every flow that answers calls, and with it the flows it calls.
///
/// `base` is where the virtual clock begins; any instant will do.
pub fn prove(library: &Arc<Library>, environment: &Environment, base: Instant) -> Vec<Proof> {
    let mut proofs = Vec::new();
    let mut seen: BTreeSet<(Arc<str>, Arc<str>)> = BTreeSet::new();
    let entries: Vec<_> = library.flows().filter(|flow| !flow.answers().is_empty()).collect();
    for flow in &entries {
        match Explorer::explore(library, environment, base, flow) {
            Ok(space) => {
                seen.extend(space.ways.iter().flatten().flat_map(|way| way.happened.entered.iter().cloned()));
                rules::all(library, flow, &space, &mut proofs);
            }
            Err(space::TooLarge) => proofs.push(Proof {
                flow: flow.name().into(),
                rule: "S8",
                claim: "too many places a caller could be at to follow them all".to_owned(),
                holds: false,
                worst: None,
                step: None,
                at: None,
                story: Vec::new(),
                changes: vec!["cut it into flows that answer calls of their own".to_owned()],
            }),
        }
    }
    if !entries.is_empty() {
        proofs.extend(rules::every_step_is_reached(library, &seen));
    }
    for proof in proofs.iter_mut().filter(|proof| proof.at.is_none()) {
        proof.at = ProvedAt::of(library, &proof.flow, proof.step.as_deref());
    }
    proofs
}
