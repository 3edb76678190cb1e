//! The `tests:` of a flow: what a caller does, and what must come of it.

mod coverage;
mod run;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use primitives::{Now, Private};

use crate::compile::Environment;
use crate::document::Place;
use crate::expression::Value;
use crate::flow::Library;
use crate::{Caller, Urgency};
pub use coverage::{Coverage, Missing, coverage};
pub use run::{Heard, PromptTexts, Trial};
use run::{Run, Seen, is_step};

/// How one test went.
#[derive(Clone, Debug)]
pub struct TestResult {
    /// The flow it tests.
    pub flow: Arc<str>,
    /// Its sentence.
    pub name: String,
    /// The first thing that came out other than expected; `None`: it passed.
    pub failure: Option<String>,
    /// What happened, line by line, each with its minute, second and tenth.
    pub transcript: Vec<String>,
    pub(crate) visits: coverage::Visits,
}

impl TestResult {
    /// Whether everything came as expected.
    pub fn has_passed(&self) -> bool {
        self.failure.is_none()
    }
}

/// Its name and, where it failed, the first difference and the call as it went.
impl fmt::Display for TestResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            None => write!(f, "ok      {}: {}", self.flow, self.name),
            Some(failure) => {
                writeln!(f, "FAILED  {}: {}", self.flow, self.name)?;
                writeln!(f, "        {failure}")?;
                self.transcript.iter().try_for_each(|line| writeln!(f, "        {line}"))
            }
        }
    }
}

/// Runs every test of a library, on a clock that starts at `now` and moves as fast as it can.
///
/// `environment` must be the one the library was compiled with: it knows how long prompts play.
pub fn run_tests(library: &Arc<Library>, environment: &Environment, now: Now) -> Vec<TestResult> {
    let test = |scenario: &Scenario| {
        let (failure, transcript, visits) = match run::run(library, environment, now, scenario) {
            Some(run) => (scenario.expected.difference(&run), run.transcript, run.visits),
            None => (Some("its moment does not exist".to_owned()), Vec::new(), coverage::Visits::default()),
        };
        TestResult { flow: scenario.flow.clone(), name: scenario.name.clone(), failure, transcript, visits }
    };
    library.scenarios.iter().map(test).collect()
}

/// One test.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) flow: Arc<str>,
    pub(crate) name: String,
    pub(crate) at: Option<Timestamp>,
    /// Who calls; the number dialled is `dialled`.
    pub(crate) caller: Caller,
    pub(crate) dialled: String,
    pub(crate) script: Vec<ScriptEntry>,
    pub(crate) agents: BTreeMap<String, Agents>,
    pub(crate) numbers: BTreeMap<String, Far>,
    /// Rotas that are not here have nobody who accepts.
    pub(crate) rotas: BTreeMap<String, Paged>,
    /// Tables that are not here say what is in them; a database then says nothing.
    pub(crate) tables: BTreeMap<String, Told>,
    /// Endpoints that are not here fail.
    pub(crate) endpoints: BTreeMap<String, Told>,
    pub(crate) agent_leaves: Option<Duration>,
    pub(crate) expected: Expected,
}

/// What the caller does once the call is at a step.
#[derive(Clone, Debug)]
pub(crate) struct ScriptEntry {
    /// `step`, or `flow/step`.
    pub(crate) at: String,
    pub(crate) place: Place,
    pub(crate) deed: Deed,
    /// Since the call came to the step.
    pub(crate) after: Duration,
}

#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Keys(Vec<char>),
    HangUp,
}

/// Who serves a queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Agents {
    Nobody,
    Free,
    Busy,
    Full,
    Closed,
    Failed,
}

/// What the other side of a transfer does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Far {
    Answers,
    Busy,
    NoAnswer,
    Failed,
}

/// What becomes of calling everybody of a rota.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Paged {
    Accepted,
    /// Every telephone rings as long as it may, or an answering machine takes it.
    Nobody,
    Failed,
}

/// What a test lets somebody say who is asked.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Values(Vec<(Arc<str>, Private<Value>)>),
    NotFound,
    Failed,
    /// Nothing, as long as anybody waits.
    Nothing,
}

/// What must, or must not, come about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Goal {
    Human,
    HangUp,
    /// A machine that takes a message.
    Voicemail,
    Queue(String),
    Step(String),
    Transfer(String),
    Page(String),
    Hears(String),
    /// Remembered of the call: `milestone triaged`.
    Noted(String),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    pub(crate) hears: Vec<String>,
    /// What must be remembered of the call, in any order.
    pub(crate) notes: Vec<Goal>,
    pub(crate) reaches: Option<Goal>,
    pub(crate) never: Vec<Goal>,
    /// Where steps are named as goals.
    pub(crate) steps: Vec<(String, Place)>,
    pub(crate) before: Option<Duration>,
    pub(crate) urgency: Option<Urgency>,
    pub(crate) reason: Option<String>,
    pub(crate) language: Option<String>,
}

impl Expected {
    /// The first thing that came out other than expected.
    fn difference(&self, run: &Run) -> Option<String> {
        self.not_heard(run)
            .or_else(|| self.not_reached(run))
            .or_else(|| self.not_noted(run))
            .or_else(|| self.wrongly_seen(run))
            .or_else(|| differs("urgency", self.urgency.map(Urgency::word), Some(run.urgency.word())))
            .or_else(|| differs("reason", self.reason.as_deref(), run.reason.as_deref()))
            .or_else(|| differs("language", self.language.as_deref(), Some(&run.language)))
    }

    fn not_heard(&self, run: &Run) -> Option<String> {
        let mut heard = run.seen.iter().filter_map(|seen| match &seen.goal {
            Goal::Hears(name) => Some(name),
            _ => None,
        });
        let mut before = None;
        for prompt in &self.hears {
            if !heard.any(|name| name == prompt) {
                return Some(match before {
                    None => format!("`{prompt}` was never heard"),
                    Some(before) => format!("`{prompt}` was not heard after `{before}`"),
                });
            }
            before = Some(prompt);
        }
        None
    }

    fn not_noted(&self, run: &Run) -> Option<String> {
        let lacking = self.notes.iter().find(|note| !run.seen.iter().any(|seen| seen.is(note)))?;
        Some(format!("{lacking} was never made"))
    }

    fn not_reached(&self, run: &Run) -> Option<String> {
        let goal = self.reaches.as_ref()?;
        let Some(seen) = run.seen.iter().filter(|seen| seen.is(goal)).min_by_key(|seen| seen.after) else {
            return Some(format!("{goal} was not reached"));
        };
        let limit = self.before.filter(|limit| seen.after > *limit)?;
        Some(format!(
            "{goal} was reached after {:.1} s, not within {} s",
            seen.after.as_secs_f64(),
            limit.as_secs()
        ))
    }

    fn wrongly_seen(&self, run: &Run) -> Option<String> {
        self.never.iter().find_map(|goal| {
            let seen = run.seen.iter().find(|seen| seen.is(goal))?;
            Some(format!("{goal} was to happen never, and did after {:.1} s", seen.after.as_secs_f64()))
        })
    }
}

impl Seen {
    fn is(&self, goal: &Goal) -> bool {
        match (&self.goal, goal) {
            (Goal::Step(step), Goal::Step(named)) => is_step(step, named),
            (seen, goal) => seen == goal,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Human => f.write_str("a human"),
            Self::HangUp => f.write_str("hang_up"),
            Self::Voicemail => f.write_str("voicemail"),
            Self::Queue(name) => write!(f, "queue {name}"),
            Self::Step(name) => write!(f, "step {name}"),
            Self::Transfer(name) => write!(f, "transfer {name}"),
            Self::Page(name) => write!(f, "page {name}"),
            Self::Hears(name) => write!(f, "prompt {name}"),
            Self::Noted(note) => write!(f, "note {note}"),
        }
    }
}

fn differs(what: &str, expected: Option<&str>, was: Option<&str>) -> Option<String> {
    let expected = expected.filter(|expected| Some(*expected) != was)?;
    Some(format!("{what} is {} at the end, not {expected}", was.unwrap_or("not set")))
}
