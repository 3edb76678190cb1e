//! From a tree of nodes to steps: what every key means, with everything found on the way.
//!
//! `language.md` beside the sources is the reference. A reader never stops at the first mistake: what cannot be
//! read is reported and replaced by something harmless, and the file is refused at the end.

pub(crate) mod calendars;
mod entries;
mod fields;
pub(crate) mod flow;
mod http;
mod inquiry;
mod not_configured;
mod notes;
mod page;
mod people;
mod promises;
mod questions;
mod recording;
mod rotas;
mod say;
mod step;
mod tables;
pub(crate) mod tests;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) use fields::Fields;

use crate::calendar::Calendar;
use crate::compile::{Environment, Source};
use crate::diagnostic::{Finding, Severity};
use crate::document::Place;
use crate::expression::Types;
use crate::flow::{Patience, Step, Verb};
use crate::rota::Rota;
use crate::table::Table;

/// What all files of a folder know of one another.
#[derive(Debug)]
pub(crate) struct Shared<'a> {
    pub(crate) environment: &'a Environment,
    /// `None`: `calendars.yaml` could not be read, so that nothing can be said about their names.
    pub(crate) calendars: Option<&'a BTreeMap<String, Calendar>>,
    /// `None`: not read yet, or could not be read.
    pub(crate) rotas: Option<&'a BTreeMap<String, Rota>>,
    /// `None`: not read yet, or could not be read.
    pub(crate) tables: Option<&'a BTreeMap<String, Arc<Table>>>,
    /// The CSV files of the folder.
    pub(crate) csvs: &'a [&'a Source],
    pub(crate) flows: &'a BTreeSet<String>,
    /// The codes of `dispositions.yaml`, with what each means.
    pub(crate) dispositions: &'a BTreeMap<String, String>,
}

/// Reads one file.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) shared: &'a Shared<'a>,
    path: &'a str,
    pub(crate) findings: Vec<Finding>,
    /// The step names of the flow, in order.
    steps: Vec<Arc<str>>,
    /// Verbs a step consists of besides its first, in order: they follow it as steps of their own.
    following: Vec<Verb>,
    /// Those steps, which stand behind all that have a name in the file.
    further: Vec<Step>,
    languages: Vec<Arc<str>>,
    types: Types,
    /// Variables whose type nobody can tell, because of another mistake.
    untyped: BTreeSet<String>,
    /// Variables whose value nobody but the flow may see.
    private: BTreeSet<String>,
    /// Prompts the flow may play, and which of them are already reported as missing.
    prompts: BTreeSet<Arc<str>>,
    missing: BTreeSet<Arc<str>>,
    patience: Patience,
    hold_music: Arc<str>,
    calendar: Option<String>,
    /// Sub-flows called, and where.
    calls: Vec<(String, Place)>,
    /// Steps a test looks for, to be compared with all flows.
    steps_looked_for: Vec<(String, Place)>,
    is_music_needed: bool,
}

/// Something known by a code, said in one line, with what is under the caret.
pub(crate) struct Report<'r> {
    pub(crate) code: &'static str,
    pub(crate) place: Place,
    pub(crate) message: String,
    pub(crate) label: &'r str,
    pub(crate) help: Option<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(path: &'a str, shared: &'a Shared<'a>) -> Self {
        Self {
            shared,
            path,
            findings: Vec::new(),
            steps: Vec::new(),
            following: Vec::new(),
            further: Vec::new(),
            languages: Vec::new(),
            types: Types::new(),
            untyped: BTreeSet::new(),
            private: BTreeSet::new(),
            prompts: BTreeSet::new(),
            missing: BTreeSet::new(),
            patience: values::PATIENCE,
            hold_music: "hold_music".into(),
            calendar: None,
            calls: Vec::new(),
            steps_looked_for: Vec::new(),
            is_music_needed: false,
        }
    }

    pub(crate) fn error(&mut self, report: Report<'_>) {
        self.report(Severity::Error, report);
    }

    pub(crate) fn warning(&mut self, report: Report<'_>) {
        self.report(Severity::Warning, report);
    }

    pub(crate) fn report(&mut self, severity: Severity, report: Report<'_>) {
        let Report { code, place, message, label, help } = report;
        self.findings.push(Finding {
            severity,
            code,
            message,
            path: self.path.to_owned(),
            place: (place.line > 0).then_some((place.line, place.column, place.length)),
            label: label.to_owned(),
            help,
        });
    }
}
