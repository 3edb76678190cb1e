//! A flow after checking: immutable, names resolved, what the interpreter walks.

pub(crate) mod outline;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::calendar::Calendar;
use crate::document::Place;
use crate::entry::Kind;
use crate::expression::{Expression, Template, Type, Value};
use crate::inquiry::{InquirySource, Wanted};
use crate::not_configured::NotConfigured;
use crate::prove::Promise;
use crate::rota::Rota;
use crate::scenario::Scenario;
use crate::table::Table;
use crate::words::{Longest, Words};
use crate::{Note, Urgency};

/// SHA-256 of a flow's canonical compiled form and of the prompts it names.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// All flows of one version of a folder, swapped as one.
#[derive(Debug)]
pub struct Library {
    pub(crate) flows: BTreeMap<String, Arc<Flow>>,
    pub(crate) calendars: BTreeMap<String, Calendar>,
    pub(crate) rotas: BTreeMap<String, Rota>,
    pub(crate) tables: BTreeMap<String, Arc<Table>>,
    pub(crate) answering: BTreeMap<String, Arc<Flow>>,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) digest: Digest,
    pub(crate) places: Places,
}

/// Where every flow and every step of it was written: file and place. No part of a version.
#[derive(Debug, Default)]
pub(crate) struct Places(pub(crate) BTreeMap<String, FlowPlaces>);

/// Where one flow was written.
#[derive(Debug)]
pub(crate) struct FlowPlaces {
    pub(crate) path: String,
    /// The name at the top.
    pub(crate) name: Place,
    /// Each step's name.
    pub(crate) steps: Vec<Place>,
}

impl Library {
    /// The file and the place of a step, or of its flow where no step is named or known.
    pub(crate) fn place(&self, flow: &str, step: Option<&str>) -> Option<(&str, Place)> {
        let places = self.places.0.get(flow)?;
        let at = step.and_then(|step| self.flow(flow)?.steps.iter().position(|known| &*known.name == step));
        let place = at.and_then(|at| places.steps.get(at)).copied().unwrap_or(places.name);
        Some((&places.path, place))
    }

    /// The flow that answers a dialled number (E.164 with `+`, or an extension exactly as in `answers:`).
    pub fn answering(&self, dialled: &str) -> Option<&Arc<Flow>> {
        self.answering.get(dialled)
    }

    /// Every number a flow answers.
    pub fn numbers(&self) -> impl Iterator<Item = &str> {
        self.answering.keys().map(String::as_str)
    }

    /// The flow of a name.
    pub fn flow(&self, name: &str) -> Option<&Arc<Flow>> {
        self.flows.get(name)
    }

    /// The table of a name.
    pub fn table(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables.get(name)
    }

    /// Every flow, by name.
    pub fn flows(&self) -> impl Iterator<Item = &Arc<Flow>> {
        self.flows.values()
    }

    /// Of all flows and calendars, of the files beside them, and of every prompt: not of tests, and not of how a
    /// flow is laid out or commented.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// One flow, checked, immutable.
#[derive(Debug, Serialize)]
pub struct Flow {
    pub(crate) name: Arc<str>,
    pub(crate) about: String,
    pub(crate) approved_by: Option<String>,
    pub(crate) answers: Vec<String>,
    pub(crate) languages: Vec<Arc<str>>,
    pub(crate) calendar: Option<String>,
    pub(crate) emergency: Option<StepId>,
    pub(crate) operator: Option<StepId>,
    pub(crate) give_up: Option<StepId>,
    pub(crate) on_error: Option<StepId>,
    pub(crate) goodbye: Arc<str>,
    pub(crate) emergency_advice: Arc<str>,
    pub(crate) emergency_notice: Arc<str>,
    pub(crate) hold_music: Arc<str>,
    pub(crate) variables: BTreeMap<String, Type>,
    pub(crate) steps: Vec<Step>,
    pub(crate) promises: Vec<Promise>,
    /// Every prompt the flow may play.
    pub(crate) prompts: BTreeSet<Arc<str>>,
    #[serde(skip)]
    pub(crate) digest: Digest,
}

impl Flow {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Names exactly this version: its steps and the sound of its prompts.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The numbers of `answers:`.
    pub fn answers(&self) -> &[String] {
        &self.answers
    }

    /// What it is for, and whose.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Who approved it.
    pub fn approved_by(&self) -> Option<&str> {
        self.approved_by.as_deref()
    }

    /// Its languages, the one a call begins with first.
    pub fn languages(&self) -> &[Arc<str>] {
        &self.languages
    }

    /// Its steps in order: name and verb.
    pub fn steps(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.steps.iter().map(|step| (&*step.name, step.verb.word()))
    }

    /// The calendars its `hours` ask.
    pub(crate) fn calendars(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.verb {
            Verb::Hours { calendar, .. } => Some(calendar.as_str()),
            _ => None,
        })
    }

    /// The rotas its `page` steps call.
    pub(crate) fn rotas(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.verb {
            Verb::Page(page) => Some(&*page.rota),
            _ => None,
        })
    }

    /// The tables its `lookup` steps ask.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.verb {
            Verb::Inquire(inquire) => match &inquire.source {
                InquirySource::Table(name) => Some(&**name),
                InquirySource::Endpoint(_) => None,
            },
            _ => None,
        })
    }

    pub(crate) fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.get(id.0)
    }
}

/// A step's place in its flow.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct StepId(pub(crate) usize);

#[derive(Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) name: Arc<str>,
    pub(crate) tag: Tag,
    pub(crate) verb: Verb,
    /// `None`: the end of a sub-flow, which returns.
    pub(crate) next: Option<StepId>,
    pub(crate) on_error: Option<Go>,
    pub(crate) after_call: Option<Go>,
}

/// What becomes of the caller's urgency.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Tag {
    #[serde(serialize_with = "urgency_word")]
    pub(crate) urgency: Option<Urgency>,
    pub(crate) reason: Option<Arc<str>>,
}

#[expect(clippy::ref_option, reason = "the shape serde asks for")]
fn urgency_word<S: serde::Serializer>(urgency: &Option<Urgency>, serializer: S) -> Result<S::Ok, S::Error> {
    urgency.map(Urgency::word).serialize(serializer)
}

/// Where to go on, and what to do on the way.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Go {
    pub(crate) set: Vec<Assignment>,
    pub(crate) tag: Tag,
    /// A sub-flow on the way.
    pub(crate) call: Option<Arc<str>>,
    /// `None`: the step's `next`.
    pub(crate) to: Option<StepId>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Assignment {
    pub(crate) variable: Arc<str>,
    pub(crate) to: Assigned,
}

#[derive(Debug, Serialize)]
pub(crate) enum Assigned {
    Value(Value),
    Expression(Expression),
}

/// Prompts of one place.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Say {
    pub(crate) prompts: Vec<Arc<str>>,
    /// Each in every language of the flow, not in the caller's alone.
    pub(crate) in_all_languages: bool,
}

/// What a key does while prompts play.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(crate) enum Keys {
    #[default]
    Stop,
    Keep,
    Ignore,
}

#[derive(Debug, Serialize)]
pub(crate) enum Verb {
    Play {
        say: Say,
        keys: Keys,
    },
    /// Prompts with values of the call between them.
    Say {
        words: Words,
        keys: Keys,
    },
    Menu(Menu),
    Collect(Collect),
    Library(Topics),
    Set(Vec<Assignment>),
    /// A step that only tags.
    Tag,
    /// `measure`, `log`, `disposition`: something to be remembered.
    Note(Note),
    /// The step fails, on purpose, for a reason of the flow.
    Fail(Arc<str>),
    /// What a reading of `vitals` leads to.
    Judge(Judge),
    When {
        branches: Vec<(Expression, Go)>,
        otherwise: Option<Go>,
    },
    Hours {
        calendar: String,
        open: Go,
        closed: Go,
        holiday: Option<Go>,
    },
    Call(Arc<str>),
    Return,
    Goto(StepId),
    Queue(Box<Queue>),
    Transfer(Box<Transfer>),
    Page(Box<Page>),
    /// `lookup`, `http`: something is asked.
    Inquire(Box<Inquire>),
    /// A step whose system nobody has connected.
    NotConfigured(Box<NotConfigured>),
    Emergency(Say),
    Wait(Duration),
    Record {
        order: Order,
        /// Why it may be without asking everybody.
        one_party: Option<Arc<str>>,
    },
    Consent(Box<Consent>),
    Disclose(Say),
    TakeMessage(Arc<TakeMessage>),
    HangUp(Say),
}

impl Verb {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Play { .. } => "play",
            Self::Say { .. } => "say",
            Self::Menu(menu) => menu.word,
            Self::Collect(collect) => collect.word,
            Self::Library(_) => "library",
            Self::Set(_) => "set",
            Self::Tag => "tag",
            Self::Note(Note::Disposition(_)) => "disposition",
            Self::Note(Note::Logged(_)) => "log",
            Self::Note(_) => "measure",
            Self::Fail(_) => "fail",
            Self::Judge(_) => "vitals",
            Self::When { .. } => "when",
            Self::Hours { .. } => "hours",
            Self::Call(_) => "call",
            Self::Return => "return",
            Self::Goto(_) => "goto",
            Self::Queue(_) => "queue",
            Self::Transfer(_) => "transfer",
            Self::Page(_) => "page",
            Self::Inquire(inquire) => inquire.source.verb(),
            Self::NotConfigured(step) => step.word,
            Self::Emergency(_) => "emergency",
            Self::Wait(_) => "wait",
            Self::Record { .. } => "record",
            Self::Consent(_) => "consent",
            Self::Disclose(_) => "disclose",
            Self::TakeMessage(_) => "take_message",
            Self::HangUp(_) => "hang_up",
        }
    }

    /// Whether a person could later ask about it: it was heard, asked or decided by the clock.
    pub(crate) fn is_told(&self) -> bool {
        !matches!(
            self,
            Self::Set(_)
                | Self::Tag
                | Self::Note(_)
                | Self::Fail(_)
                | Self::Judge(_)
                | Self::When { .. }
                | Self::Goto(_)
                | Self::Return
                | Self::Wait(_)
        )
    }

    /// Whether it asks the caller something.
    pub(crate) fn asks(&self) -> bool {
        matches!(self, Self::Menu(_) | Self::Collect(_) | Self::Library(_))
    }
}

/// How long a question waits and how often it is asked.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Patience {
    /// From the prompt's end to the first key.
    pub(crate) wait: Duration,
    /// Between two digits.
    pub(crate) between: Duration,
    /// How often the prompt is played in all.
    pub(crate) tries: u8,
}

#[derive(Debug, Serialize)]
pub(crate) struct Menu {
    /// The verb it is written as: `menu`, `confirm`.
    pub(crate) word: &'static str,
    pub(crate) play: Say,
    pub(crate) again: Say,
    /// Instead of `play` and `again`: prompts with values between them.
    pub(crate) words: Option<Words>,
    /// A question of a survey: the answer is noted under these two names, the survey and what it measures.
    pub(crate) survey: Option<(Arc<str>, Arc<str>)>,
    pub(crate) keys: BTreeMap<char, Go>,
    pub(crate) no_input: Option<Go>,
    pub(crate) wrong_key: Option<Go>,
    pub(crate) give_up: Option<Go>,
    pub(crate) patience: Patience,
}

impl Default for Menu {
    fn default() -> Self {
        Self {
            word: "menu",
            play: Say::default(),
            again: Say::default(),
            words: None,
            survey: None,
            keys: BTreeMap::new(),
            no_input: None,
            wrong_key: None,
            give_up: None,
            patience: Patience { wait: Duration::ZERO, between: Duration::ZERO, tries: 0 },
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Collect {
    /// The verb it is written as: `collect`, `vitals`.
    pub(crate) word: &'static str,
    pub(crate) variable: Arc<str>,
    pub(crate) play: Say,
    pub(crate) again: Say,
    pub(crate) kind: Kind,
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) is_sensitive: bool,
    pub(crate) is_optional: bool,
    pub(crate) confirm: Option<Arc<str>>,
    /// What takes longest to read back.
    #[serde(skip)]
    pub(crate) longest: Longest,
    /// `#` ends an entry before its full length.
    pub(crate) ends_with_hash: bool,
    pub(crate) give_up: Option<Go>,
    pub(crate) patience: Patience,
}

/// Thresholds of a reading, in order: the first it is beyond decides.
#[derive(Debug, Serialize)]
pub(crate) struct Judge {
    /// What was read, for the note.
    pub(crate) vital: Arc<str>,
    pub(crate) variable: Arc<str>,
    pub(crate) thresholds: Vec<(Beyond, Go)>,
}

/// Which side of a threshold counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(crate) enum Beyond {
    Above(i64),
    Below(i64),
}

impl Beyond {
    pub(crate) fn holds(self, reading: i64) -> bool {
        match self {
            Self::Above(limit) => reading > limit,
            Self::Below(limit) => reading < limit,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Above(_) => "above",
            Self::Below(_) => "below",
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Topics {
    pub(crate) play: Say,
    pub(crate) again: Say,
    pub(crate) topics: BTreeMap<char, Say>,
    pub(crate) repeat: char,
    pub(crate) back: char,
    pub(crate) no_input: Option<Go>,
    pub(crate) give_up: Option<Go>,
    pub(crate) patience: Patience,
}

#[derive(Debug, Serialize)]
pub(crate) struct Queue {
    pub(crate) name: Arc<str>,
    pub(crate) skills: Vec<Template>,
    pub(crate) say_first: Option<Say>,
    pub(crate) music: Arc<str>,
    pub(crate) announce: Option<Announce>,
    pub(crate) on_timeout: Go,
    pub(crate) on_empty: Go,
    pub(crate) on_full: Go,
    pub(crate) on_error: Go,
    pub(crate) on_closed: Go,
}

#[derive(Debug, Serialize)]
pub(crate) struct Announce {
    pub(crate) every: Duration,
    pub(crate) play: Option<Say>,
    /// Say which band the expected wait is in.
    pub(crate) band: bool,
}

/// The prompts of `wait: band`, by the wait they still cover.
pub(crate) const WAIT_BANDS: [(Duration, &str); 4] = [
    (Duration::from_mins(2), "wait_under_2_minutes"),
    (Duration::from_mins(5), "wait_2_to_5_minutes"),
    (Duration::from_mins(15), "wait_5_to_15_minutes"),
    (Duration::MAX, "wait_over_15_minutes"),
];

#[derive(Debug, Serialize)]
pub(crate) struct Transfer {
    pub(crate) number: Arc<str>,
    pub(crate) ring: Duration,
    pub(crate) say_first: Option<Say>,
    pub(crate) music: Arc<str>,
    pub(crate) on_busy: Go,
    pub(crate) on_no_answer: Go,
    pub(crate) on_failed: Go,
}

/// What becomes of the recording of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(crate) enum Order {
    Start,
    Pause,
    Resume,
    Stop,
}

/// Asking a caller whether she may be recorded.
#[derive(Debug, Serialize)]
pub(crate) struct Consent {
    pub(crate) say: Say,
    pub(crate) refuse_key: char,
    pub(crate) on_refuse: Option<Go>,
}

/// A message for people who are not there.
#[derive(Debug, Serialize)]
pub(crate) struct TakeMessage {
    /// What she hears first, with the beep behind it; the second where she said nothing.
    pub(crate) play: Say,
    pub(crate) empty: Say,
    /// What she may do with it: 1 send, 2 again, 4 send as urgent.
    pub(crate) review: Option<Say>,
    pub(crate) sent: Option<Say>,
    pub(crate) inbox: Arc<str>,
    pub(crate) max: Duration,
    pub(crate) hush: Duration,
    pub(crate) least: Duration,
}

/// Somebody on call is looked for until one presses the key.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    pub(crate) rota: Arc<str>,
    /// What somebody who answered hears after the urgency and the reason: to press 1.
    pub(crate) ask: Arc<str>,
    pub(crate) say_first: Option<Say>,
    pub(crate) music: Arc<str>,
    pub(crate) while_waiting: Announce,
    pub(crate) on_exhausted: Go,
    pub(crate) on_error: Go,
}

/// Something is asked while the caller hears that it goes on.
#[derive(Debug, Serialize)]
pub(crate) struct Inquire {
    pub(crate) source: InquirySource,
    /// What is given: each by its name there.
    pub(crate) given: Vec<(Arc<str>, Assigned)>,
    /// What stands in the address.
    pub(crate) query: Vec<(Arc<str>, Assigned)>,
    pub(crate) takes: Vec<Take>,
    /// Where it takes a moment.
    pub(crate) play: Option<Say>,
    pub(crate) music: Arc<str>,
    pub(crate) within: Duration,
    /// `None`: `next`.
    pub(crate) found: Option<Go>,
    /// `None`: as `failed`.
    pub(crate) not_found: Option<Go>,
    pub(crate) failed: Go,
    /// `None`: as `failed`.
    pub(crate) timeout: Option<Go>,
}

impl Inquire {
    /// Where a caller goes who has waited long enough, and the word for it.
    pub(crate) fn too_late(&self) -> (&Go, &'static str) {
        self.timeout.as_ref().map_or((&self.failed, "failed"), |go| (go, "timeout"))
    }
}

/// What becomes of one part of an answer.
#[derive(Debug, Serialize)]
pub(crate) struct Take {
    /// The column, or the JSON pointer.
    pub(crate) from: Arc<str>,
    pub(crate) variable: Arc<str>,
    pub(crate) of: Type,
    pub(crate) is_optional: bool,
    /// The step does not say that everybody may hear it. What a table says of its columns comes beside it.
    pub(crate) is_private: bool,
}

impl Take {
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted { from: self.from.clone(), of: self.of, is_optional: self.is_optional }
    }
}
