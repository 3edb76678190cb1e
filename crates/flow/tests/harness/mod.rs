//! A caller on a virtual clock.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "shared by several test files"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use flow::{
    Action, Caller, Environment, Event, Interpreter, Library, PromptInfo, QueueInfo, Source, compile,
};
use primitives::{Now, Private};

pub const CLINIC: &str = include_str!("clinic.yaml");
pub const LIBRARY: &str = include_str!("health-library.yaml");
pub const CALENDARS: &str = include_str!("calendars.yaml");

/// All prompts of the test flows, two seconds each.
pub fn environment() -> Environment {
    let names = [
        "dial_911_notice",
        "welcome",
        "choose_language",
        "main_menu",
        "main_menu_short",
        "stay_on_line",
        "hang_up_and_dial_911",
        "enter_dob",
        "goodbye",
        "hold_music",
        "still_here",
        "closed_message",
        "wait_under_2_minutes",
        "wait_2_to_5_minutes",
        "wait_5_to_15_minutes",
        "wait_over_15_minutes",
        "library_menu",
        "library_menu_short",
        "topic_fever",
        "topic_flu",
        "connecting",
        "enter_zip",
        "is_that_right",
        "digit_0",
        "digit_1",
        "digit_2",
        "digit_3",
        "digit_4",
        "digit_5",
        "digit_6",
        "digit_7",
        "digit_8",
        "digit_9",
    ];
    let prompts: BTreeMap<String, PromptInfo> = names
        .iter()
        .map(|name| ((*name).to_owned(), PromptInfo { duration: Duration::from_secs(2), checksum: [7; 32] }))
        .collect();
    Environment {
        queues: ["nurses", "reception"].map(|name| (name.to_owned(), QueueInfo::default())).into(),
        numbers: ["pharmacy"].map(str::to_owned).into(),
        prompts: [("en".to_owned(), prompts.clone()), ("es".to_owned(), prompts)].into(),
        ..Environment::default()
    }
}

pub fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

pub fn clinic_sources() -> Vec<Source> {
    vec![
        source("clinic.yaml", CLINIC),
        source("health-library.yaml", LIBRARY),
        source("calendars.yaml", CALENDARS),
    ]
}

pub fn library_of(sources: &[Source]) -> Arc<Library> {
    let compiled = compile(sources, &environment());
    match compiled.library {
        Some(library) => library,
        None => {
            let all: Vec<String> = compiled
                .findings
                .iter()
                .map(|finding| {
                    let text = sources.iter().find(|source| source.path == finding.path);
                    finding.render(text.map(|source| &*source.text))
                })
                .collect();
            panic!("the flows have mistakes:\n{}", all.join("\n"));
        }
    }
}

pub struct Phone {
    pub interpreter: Interpreter,
    pub now: Now,
    /// Everything since the last look.
    pub heard: Vec<Action>,
    pub all: Vec<Action>,
}

impl Phone {
    /// A call to the clinic, Wednesday 10:00 in Chicago.
    pub fn call() -> Self {
        Self::call_at("2026-01-07T16:00:00Z")
    }

    pub fn call_at(wall: &str) -> Self {
        static CLINIC: OnceLock<Arc<Library>> = OnceLock::new();
        let library = CLINIC.get_or_init(|| library_of(&clinic_sources())).clone();
        let flow = library.answering("+15550100100").unwrap().clone();
        Self::start(library, flow, wall)
    }

    pub fn start(library: Arc<Library>, flow: Arc<flow::Flow>, wall: &str) -> Self {
        let caller = Caller {
            number: Some(Private::new("+15550123456".to_owned())),
            dialled: "+15550100100".to_owned(),
            ..Caller::default()
        };
        let now = Now { mono: Instant::now(), wall: wall.parse().unwrap() };
        let mut phone = Self {
            interpreter: Interpreter::new(library, flow, caller),
            now,
            heard: Vec::new(),
            all: Vec::new(),
        };
        phone.event(Event::CallStarted);
        phone
    }

    pub fn event(&mut self, event: Event) {
        let mut out = Vec::new();
        self.interpreter.handle(self.now, event, &mut out);
        self.all.extend(out.iter().cloned());
        self.heard.extend(out);
    }

    pub fn keys(&mut self, keys: &str) {
        for key in keys.chars() {
            self.event(Event::Digit(Private::new(key)));
        }
    }

    pub fn finish(&mut self) {
        self.event(Event::PlayFinished);
    }

    /// Lets time pass; every timer that is due fires.
    pub fn wait(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some(due) = self.interpreter.poll_timeout().filter(|due| *due <= end) {
            self.advance(due.saturating_duration_since(self.now.mono));
            self.event(Event::Timeout);
        }
        self.advance(end.saturating_duration_since(self.now.mono));
    }

    fn advance(&mut self, by: Duration) {
        self.now.mono += by;
        self.now.wall += jiff::SignedDuration::try_from(by).unwrap();
    }

    pub fn secs(&mut self, secs: u64) {
        self.wait(Duration::from_secs(secs));
    }

    /// What happened since the last look, in words.
    pub fn happened(&mut self) -> Vec<String> {
        std::mem::take(&mut self.heard).iter().map(words).collect()
    }
}

pub fn words(action: &Action) -> String {
    match action {
        Action::Entered { flow, step, verb, why } => format!("enter {flow}/{step} {verb} ({why})"),
        Action::Answer => "answer".to_owned(),
        Action::Play(play) => {
            let prompts: Vec<String> =
                play.prompts.iter().map(|prompt| format!("{}/{}", prompt.language, prompt.name)).collect();
            let again = if play.repeats { " repeated" } else { "" };
            let lead_in =
                if play.lead_in.is_zero() { String::new() } else { format!(" after {:?}", play.lead_in) };
            format!("play {}{again}{lead_in}", prompts.join(" "))
        }
        Action::Stop => "stop".to_owned(),
        Action::Key(class) => format!("key {class:?}"),
        Action::Tagged { urgency, reason } => {
            format!("tag {urgency} {}", reason.as_deref().unwrap_or("-"))
        }
        Action::Noted(note) => format!("note {note}"),
        Action::Language(language) => format!("language {language}"),
        Action::Enqueue(entry) => {
            format!("enqueue {} {} {:?} {}", entry.queue, entry.urgency, entry.skills, entry.language)
        }
        Action::Raise { urgency } => format!("raise {urgency}"),
        Action::Dequeue => "dequeue".to_owned(),
        Action::Transfer { number, ring } => format!("transfer {number} {ring:?}"),
        Action::CancelTransfer => "cancel transfer".to_owned(),
        Action::Recording(recording) => format!("{recording:?}"),
        Action::Page { rota, ask } => format!("page {rota}, asking {ask}"),
        Action::CancelPage => "cancel page".to_owned(),
        Action::Inquire(inquiry) => format!("{} {}", inquiry.source.verb(), inquiry.source.name()),
        Action::CancelInquiry { timed_out } => format!("cancel inquiry {timed_out}"),
        Action::HangUp { cause } => format!("hang up {cause:?}"),
    }
}
