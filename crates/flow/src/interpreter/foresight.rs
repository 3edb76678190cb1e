//! What a proof puts in the place of what nobody knows before the call.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::calendar::Opening;
use crate::expression::Value;

/// Where a real call has one answer, a proof follows each in turn: which hour it is, what the caller keys in,
/// who she is.
#[derive(Clone, Debug, Default)]
pub(crate) enum Foresight {
    /// A real call, or a test: everything is known.
    #[default]
    None,
    /// A proof.
    Proof(Box<Foreseen>),
}

/// The answers of a proof.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foreseen {
    /// To give next, then the first of each.
    answers: Vec<usize>,
    /// How many answers each question had since.
    asked: Vec<usize>,
    /// What each calendar said last, and whether it may still change: a call sees a clinic open or close once.
    openings: BTreeMap<Arc<str>, (Opening, bool)>,
}

impl Foresight {
    /// Gives these answers first.
    pub(super) fn answer(&mut self, answers: Vec<usize>) {
        match self {
            Self::None => *self = Self::Proof(Box::new(Foreseen { answers, ..Foreseen::default() })),
            Self::Proof(foreseen) => {
                foreseen.answers = answers;
                foreseen.asked.clear();
            }
        }
    }

    /// The answers to give next, so that every combination has its turn; `None` when all had theirs.
    pub(crate) fn next(&self) -> Option<Vec<usize>> {
        let Self::Proof(foreseen) = self else { return None };
        let mut answers = foreseen.answers.clone();
        answers.resize(foreseen.asked.len(), 0);
        while let (Some(answer), Some(of)) = (answers.pop(), foreseen.asked.get(answers.len())) {
            if answer + 1 < *of {
                answers.push(answer + 1);
                return Some(answers);
            }
        }
        None
    }

    /// One of so many answers.
    pub(super) fn choose(&mut self, of: usize) -> usize {
        let Self::Proof(foreseen) = self else { return 0 };
        foreseen.asked.push(of);
        foreseen.answers.get(foreseen.asked.len() - 1).copied().unwrap_or(0)
    }

    /// What a calendar says now.
    pub(super) fn opening(&mut self, calendar: &str, real: Option<Opening>) -> Option<Opening> {
        let last = match self {
            Self::None => return real,
            Self::Proof(foreseen) => foreseen.openings.get(calendar).copied(),
        };
        real?;
        let opening = match last {
            Some((last, false)) => last,
            _ => match self.choose(3) {
                0 => Opening::Open,
                1 => Opening::Closed,
                _ => Opening::Holiday,
            },
        };
        let may_change = last.is_none_or(|(last, may_change)| may_change && last == opening);
        if let Self::Proof(foreseen) = self {
            foreseen.openings.insert(calendar.into(), (opening, may_change));
        }
        Some(opening)
    }

    /// What the calendars said.
    pub(super) fn openings(&self) -> Vec<(Arc<str>, Opening, bool)> {
        match self {
            Self::None => Vec::new(),
            Self::Proof(foreseen) => {
                foreseen.openings.iter().map(|(name, (last, may))| (name.clone(), *last, *may)).collect()
            }
        }
    }

    /// A value of the call that no proof knows.
    pub(super) fn value(&self, real: Value) -> Value {
        match self {
            Self::None => real,
            Self::Proof(_) => Value::Unknown(real.of_type()),
        }
    }
}
