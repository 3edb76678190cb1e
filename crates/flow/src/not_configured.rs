//! Steps that need a system nobody has connected: each is known by its keys and exits, so that a flow can be written,
//! read and tried before the system is there; whoever comes to one goes on by its `failed` at once.

use std::collections::BTreeSet;

use crate::expression::Type;
use crate::flow::{Flow, Go, Say, Step, StepId, Verb};

/// What a key of such a step takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    /// PROMPTS.
    Prompts,
    /// The prompt that is repeated while she waits.
    Music,
    /// A duration between so many seconds.
    Secs(u64, u64),
    /// A whole number.
    Whole(usize, usize),
    Truth,
    Name,
    Word(&'static [&'static str]),
    /// Text, or `"${CEL}"` that is text.
    Text,
    /// At least so many of these names (of any names where there are none), each with a [`Takes::Text`].
    Map(usize, &'static [&'static str]),
    /// A variable of the flow, whose value nobody else may see.
    Variable(Type),
    /// GO. `next` where it is the step's first one and not written.
    Go,
}

/// One key: its word, what it takes, whether it must be there.
pub(crate) type KeySpec = (&'static str, Takes, bool);

/// One verb.
#[derive(Debug)]
pub(crate) struct VerbSpec {
    pub(crate) word: &'static str,
    /// The line an editor shows.
    pub(crate) about: &'static str,
    /// What must be connected for it.
    pub(crate) needs: &'static str,
    /// The way out where all went well: GO, default `next`.
    pub(crate) well: &'static str,
    /// The other keys. The one called `failed` is where everybody goes as long as nothing is connected.
    pub(crate) keys: &'static [KeySpec],
}

/// What may be given to find a patient: two of it at least, or the first name in the book would do.
const FACTORS: [&str; 4] = ["telephone", "date_of_birth", "record_number", "zip"];
const APPOINTMENT_DEEDS: [&str; 7] =
    ["find", "offer", "book", "reschedule", "cancel", "waitlist", "expedite"];
const GRAMMARS: [&str; 5] = ["yes_no", "digits", "date", "choice", "anything"];
const WAYS: [&str; 4] = ["sms", "e_mail", "secure_message", "webhook"];

/// How long a caller may wait for a system outside (domain S18), in seconds.
const WITHIN: Takes = Takes::Secs(1, 5);

pub(crate) const VERBS: [VerbSpec; 6] = [
    VerbSpec {
        word: "identify",
        about: "Who is calling, by two things only she knows. Needs a register of patients.",
        needs: "a register of patients (FHIR `Patient`)",
        well: "found",
        keys: &[
            ("keys", Takes::Map(2, &FACTORS), true),
            ("as", Takes::Variable(Type::Text), true),
            ("tries", Takes::Whole(1, 5), false),
            ("play", Takes::Prompts, false),
            ("music", Takes::Music, false),
            ("within", WITHIN, false),
            ("not_found", Takes::Go, true),
            ("locked", Takes::Go, true),
            ("failed", Takes::Go, true),
        ],
    },
    VerbSpec {
        word: "register",
        about: "What she has told is registered before her visit. Needs a register of patients.",
        needs: "a register of patients that takes new ones (FHIR `Patient`, `Coverage`, `QuestionnaireResponse`)",
        well: "done",
        keys: &[
            ("form", Takes::Name, true),
            ("answers", Takes::Map(1, &[]), true),
            ("patient", Takes::Text, false),
            ("resume", Takes::Truth, false),
            ("play", Takes::Prompts, false),
            ("music", Takes::Music, false),
            ("within", WITHIN, false),
            ("incomplete", Takes::Go, true),
            ("failed", Takes::Go, true),
        ],
    },
    VerbSpec {
        word: "appointment",
        about: "An appointment is found, booked, moved or cancelled. Needs a system of appointments.",
        needs: "a system of appointments (FHIR `Slot` and `Appointment`)",
        well: "done",
        keys: &[
            ("do", Takes::Word(&APPOINTMENT_DEEDS), true),
            ("patient", Takes::Text, true),
            ("service", Takes::Name, true),
            ("as", Takes::Variable(Type::Text), false),
            ("play", Takes::Prompts, false),
            ("music", Takes::Music, false),
            ("within", WITHIN, false),
            ("none", Takes::Go, true),
            ("failed", Takes::Go, true),
        ],
    },
    VerbSpec {
        word: "dial_out",
        about: "Somebody is called from here. Needs a link for calls out and its call windows.",
        needs: "a link for calls that begin here, with call windows and what law asks of them",
        well: "answered",
        keys: &[
            ("to", Takes::Text, true),
            ("window", Takes::Name, true),
            ("attempts", Takes::Whole(1, 10), false),
            ("ring", Takes::Secs(5, 120), false),
            ("amd", Takes::Truth, false),
            ("leave_message", Takes::Prompts, false),
            ("no_answer", Takes::Go, true),
            ("machine", Takes::Go, false),
            ("failed", Takes::Go, true),
        ],
    },
    VerbSpec {
        word: "listen",
        about: "What she says is understood. Needs a recogniser of speech.",
        needs: "a recogniser of speech for every language of the flow",
        well: "heard",
        keys: &[
            ("as", Takes::Variable(Type::Text), true),
            ("play", Takes::Prompts, true),
            ("again", Takes::Prompts, false),
            ("for", Takes::Word(&GRAMMARS), true),
            ("wait", Takes::Secs(5, 15), false),
            ("tries", Takes::Whole(1, 5), false),
            ("no_input", Takes::Go, true),
            ("failed", Takes::Go, true),
        ],
    },
    VerbSpec {
        word: "notify",
        about: "A message is sent to her, or to a system. Needs a way out for messages.",
        needs: "a way out for messages (SMS, mail or a webhook)",
        well: "sent",
        keys: &[
            ("by", Takes::Word(&WAYS), true),
            ("to", Takes::Text, true),
            ("message", Takes::Name, true),
            ("failed", Takes::Go, true),
        ],
    },
];

/// Such a step of a flow.
#[derive(Debug, serde::Serialize)]
pub(crate) struct NotConfigured {
    pub(crate) word: &'static str,
    /// What it would say, by key.
    pub(crate) says: Vec<(&'static str, Say)>,
    /// Where it would lead, by key, in the order of the language; without `failed`.
    pub(crate) exits: Vec<(&'static str, Go)>,
    /// Whether the first of these is not written, so that `next` stands for it.
    pub(crate) goes_next: bool,
    pub(crate) failed: Go,
}

impl Flow {
    /// Steps behind those that need a system nobody has connected: callers come to them when it is.
    pub(crate) fn written_ahead(&self) -> BTreeSet<StepId> {
        let behind = |step: &Step| -> Vec<StepId> {
            step.exits(self).into_iter().filter_map(|exit| exit.to).collect()
        };
        let waiting = self.steps.iter().filter(|step| matches!(step.verb, Verb::NotConfigured(_)));
        let mut to_see: Vec<StepId> = waiting.flat_map(behind).collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = to_see.pop() {
            let Some(step) = self.step(id).filter(|_| seen.insert(id)) else { continue };
            to_see.extend(behind(step));
        }
        seen
    }
}
