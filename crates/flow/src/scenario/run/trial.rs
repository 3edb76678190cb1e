//! A call somebody makes by hand: keys and silence as lines of text in, what happens as lines of text out, on a
//! clock that waits for her.
//!
//! What queues and numbers do is written in the words of `tests:`, read by the same grammar, so that whatever a
//! test can set a trial can set too, and a trial can be saved as a test.

mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use primitives::{Now, Private};

use super::{AFTER_DEED, BETWEEN_KEYS, EVENTS_MAX, Simulation, begin};
use crate::compile::Environment;
use crate::flow::Library;
use crate::grammar::{Reader, Shared};
use crate::interpreter::Situation;
use crate::scenario::{Goal, Scenario};
use crate::{Event, PromptRef, document};

/// Lines one trial may print, keys one line may press: more is no telephone call.
const KEYS_MAX: usize = 40;

/// What prompts say: language, then name.
pub type PromptTexts = BTreeMap<String, BTreeMap<String, String>>;

/// A prompt that was heard in a trial.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Heard {
    /// Which.
    pub prompt: PromptRef,
    /// From the answer to its beginning.
    pub from: Duration,
    /// From the answer to its end, or to the key that ended it.
    pub until: Duration,
}

/// A call under way, or over.
#[derive(Debug)]
pub struct Trial<'a> {
    library: Arc<Library>,
    environment: &'a Environment,
    texts: &'a PromptTexts,
    base: Now,
    flow: Arc<str>,
    /// What a test would say of it: `agents`, `numbers`, `at` …, each as it would be written there.
    settings: BTreeMap<String, Setting>,
    simulation: Simulation<'a>,
    /// Lines already shown.
    shown: usize,
    /// Stops at every prompt, not only where something waits for her.
    at_every_prompt: bool,
    script: Vec<String>,
    last_press: Option<Duration>,
    /// Where the last entry of the script found its step, among those she came to.
    matched: usize,
}

/// One key of a test.
#[derive(Clone, Debug)]
enum Setting {
    /// `at: "…"`
    Text(String),
    /// `agents: { nurses: 1 }`
    Map(BTreeMap<String, String>),
    /// `faults: [http_down]`
    List(BTreeSet<String>),
}

impl Setting {
    fn yaml(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Map(map) => {
                let entries: Vec<String> =
                    map.iter().map(|(name, value)| format!("{name}: {value}")).collect();
                format!("{{ {} }}", entries.join(", "))
            }
            Self::List(list) => format!("[{}]", list.iter().cloned().collect::<Vec<_>>().join(", ")),
        }
    }
}

impl<'a> Trial<'a> {
    /// A call to a flow, answered, as far as it goes by itself.
    pub fn new(
        library: &Arc<Library>,
        environment: &'a Environment,
        texts: &'a PromptTexts,
        flow: &str,
        base: Now,
    ) -> Result<Self, String> {
        let settings = BTreeMap::new();
        let scenario = scenario_of(library, environment, flow, &settings)?;
        let simulation =
            begin(library, environment, base, &scenario, Some(texts)).ok_or("the call cannot begin")?;
        let mut trial = Self {
            library: library.clone(),
            environment,
            texts,
            base,
            flow: flow.into(),
            settings,
            simulation,
            shown: 0,
            at_every_prompt: false,
            script: Vec::new(),
            last_press: None,
            matched: 0,
        };
        trial.simulation.event(Event::CallStarted);
        trial.go_on();
        Ok(trial)
    }

    /// Whether the call has ended, or she talks with a person.
    pub fn is_over(&self) -> bool {
        self.simulation.is_over
    }

    /// What happened since this was last asked.
    pub fn news(&mut self) -> Vec<String> {
        let news = self.simulation.run.transcript.get(self.shown..).unwrap_or_default().to_vec();
        self.shown = self.simulation.run.transcript.len();
        news
    }

    /// Clock and step, for the beginning of a line.
    pub fn cursor(&self) -> String {
        let (flow, step) = self.simulation.interpreter.position();
        format!("{} {flow}/{step}", self.simulation.clock())
    }

    /// One line: keys, nothing for silence, or a command. What it prints besides [`Trial::news`].
    pub fn line(&mut self, line: &str) -> Vec<String> {
        let line = line.trim();
        let said = match line.strip_prefix(':') {
            Some(command) => self.command(command),
            None if line.eq_ignore_ascii_case("hang_up") => self.command("hang_up"),
            None if self.is_over() => {
                Err("the call is over; `:again` calls again, `:save NAME` keeps it".to_owned())
            }
            None if line.is_empty() || line == "silence" => {
                self.listen();
                Ok(Vec::new())
            }
            None => self.press(line).map(|()| Vec::new()),
        };
        said.unwrap_or_else(|wrong| vec![wrong])
    }

    /// What was heard, in order.
    pub fn heard(&self) -> Vec<Heard> {
        self.simulation.sound.clone()
    }

    /// Steps the call came to, in order.
    pub fn path(&self) -> Vec<&str> {
        let steps = self.simulation.run.seen.iter().filter_map(|seen| match &seen.goal {
            Goal::Step(step) => Some(step.as_str()),
            _ => None,
        });
        steps.collect()
    }

    /// Lets time pass until something happens that she notices.
    fn listen(&mut self) {
        let before = self.simulation.run.transcript.len();
        for _ in 0..EVENTS_MAX {
            let is_new = self.simulation.run.transcript.len() > before;
            if is_new || self.is_over() || !self.simulation.next_event() {
                break;
            }
        }
        self.go_on();
    }

    /// Goes on until something waits for her.
    fn go_on(&mut self) {
        for _ in 0..EVENTS_MAX {
            let passes_by_itself = matches!(
                self.simulation.interpreter.situation(),
                Situation::Start | Situation::Hears { .. } | Situation::Pause | Situation::Goodbye
            );
            let stops = self.at_every_prompt || !passes_by_itself;
            if stops || self.is_over() || !self.simulation.next_event() {
                return;
            }
        }
    }

    /// Presses keys, the first a second from now.
    fn press(&mut self, keys: &str) -> Result<(), String> {
        let are_keys =
            keys.len() <= KEYS_MAX && keys.chars().all(|key| key.is_ascii_digit() || "*#".contains(key));
        if !are_keys {
            return Err(format!("`{keys}` is no key: 0 to 9, * and #; `:help` tells the rest"));
        }
        let begins = self.begins();
        let mut pressed = String::new();
        let mut after = AFTER_DEED;
        for key in keys.chars() {
            self.pass(after);
            if self.is_over() {
                break;
            }
            self.simulation.note(&format!("    presses {key}"));
            self.simulation.event(Event::Digit(Private::new(key)));
            pressed.push(key);
            after = BETWEEN_KEYS;
        }
        if let (Some(begins), false) = (begins, pressed.is_empty()) {
            let word = if pressed.len() == 1 { "key" } else { "keys" };
            self.script.push(begins.entry(&format!("{word}: \"{pressed}\"")));
            let more = u32::try_from(pressed.len() - 1).unwrap_or_default();
            self.matched = begins.matched;
            self.last_press = Some(begins.at + BETWEEN_KEYS.saturating_mul(more));
        }
        self.settle_digits();
        self.go_on();
        Ok(())
    }

    /// A 1 after a 9 is held back for a moment: it may become 9,1,1.
    fn settle_digits(&mut self) {
        let due = self.simulation.interpreter.poll_timeout();
        let soon = self.simulation.now.mono + Duration::from_secs(2);
        if self.simulation.play_ends.is_none() && due.is_some_and(|due| due <= soon) {
            self.simulation.next_event();
        }
    }

    /// Lets exactly so much time pass.
    fn pass(&mut self, time: Duration) {
        let until = self.simulation.now.mono + time;
        for _ in 0..EVENTS_MAX {
            if self.is_over() || self.simulation.next_moment().is_none_or(|due| due > until) {
                break;
            }
            self.simulation.next_event();
        }
        self.simulation.advance(until.max(self.simulation.now.mono));
    }

    /// What she does now, as a test would say when and where it begins.
    fn begins(&self) -> Option<Begins> {
        let at = self.simulation.now.mono.saturating_duration_since(self.simulation.start) + AFTER_DEED;
        let came_to = &self.simulation.came_to;
        let (step, _) = came_to.last()?;
        // A test waits for a step from where its last entry found its own, and takes the first time she comes there.
        let mut since_then = came_to.iter().enumerate().skip(self.matched);
        let (matched, since) = since_then.find(|(_, (name, _))| name == step).map(|(n, (_, at))| (n, *at))?;
        let since = since.saturating_duration_since(self.simulation.start);
        let after = at.saturating_sub(self.last_press.map_or(since, |last| last.max(since)));
        Some(Begins { step: step.clone(), matched, after, at })
    }

    /// Begins the call again, with everything set so far.
    fn again(&mut self) -> Result<(), String> {
        let scenario = scenario_of(&self.library, self.environment, &self.flow, &self.settings)?;
        let begun = begin(&self.library, self.environment, self.base, &scenario, Some(self.texts));
        self.simulation = begun.ok_or("the call cannot begin")?;
        (self.shown, self.last_press, self.matched) = (0, None, 0);
        self.script.clear();
        self.simulation.event(Event::CallStarted);
        self.go_on();
        Ok(())
    }

    /// Sets a key of the test; what is wrong with it is told, and nothing changed.
    fn set(&mut self, key: &str, setting: Option<Setting>) -> Result<(), String> {
        let mut settings = self.settings.clone();
        match setting {
            Some(setting) => settings.insert(key.to_owned(), setting),
            None => settings.remove(key),
        };
        self.simulation.scenario = scenario_of(&self.library, self.environment, &self.flow, &settings)?;
        self.settings = settings;
        Ok(())
    }
}

/// Where and when a deed begins.
#[derive(Debug)]
struct Begins {
    step: String,
    /// Which of the steps she came to it is.
    matched: usize,
    after: Duration,
    /// Since the call came.
    at: Duration,
}

impl Begins {
    /// As an entry of a test's script.
    fn entry(&self, deed: &str) -> String {
        let Self { step, after, .. } = self;
        let after =
            if *after == AFTER_DEED { String::new() } else { format!(", after: {}ms", after.as_millis()) };
        format!("{{ at: {step}, {deed}{after} }}")
    }
}

/// Settings as a test of the flow, read by the grammar of tests.
fn scenario_of(
    library: &Arc<Library>,
    environment: &Environment,
    flow: &str,
    settings: &BTreeMap<String, Setting>,
) -> Result<Scenario, String> {
    let known = library.flow(flow).ok_or_else(|| format!("there is no flow `{flow}`"))?;
    let lines: String =
        settings.iter().map(|(key, setting)| format!("  {key}: {}\n", setting.yaml())).collect();
    let text = format!("- name: a trial\n{lines}  expect: {{}}\n");
    let wrong = |finding: &crate::Finding| match &finding.help {
        Some(help) => format!("{}: {help}", finding.message),
        None => finding.message.clone(),
    };
    let root = document::read("trial", &text).map_err(|finding| wrong(&finding))?;
    let flows = library.flows.keys().cloned().collect();
    let dispositions = BTreeMap::new();
    let calendars = Some(&library.calendars);
    let shared = Shared {
        environment,
        calendars,
        rotas: Some(&library.rotas),
        tables: Some(&library.tables),
        csvs: &[],
        flows: &flows,
        dispositions: &dispositions,
    };
    let mut reader = Reader::new("trial", &shared);
    let scenarios = reader.scenarios(&root, &known.name, known.answers());
    if let Some(finding) = reader.findings.first() {
        return Err(wrong(finding));
    }
    scenarios.into_iter().next().ok_or_else(|| "nothing to try".to_owned())
}
