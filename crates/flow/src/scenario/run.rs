//! Runs a test: the real interpreter, a caller who follows the script, queues that behave as the test says, and
//! a clock that jumps from one event to the next.

mod trial;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use primitives::{Now, Private};

use super::coverage::Visits;
use super::{Agents, Deed, Far, Goal, Paged, Scenario, Told};
use crate::compile::Environment;
use crate::expression::Value;
use crate::flow::Library;
use crate::inquiry::Wanted;
use crate::{
    Action, Caller, Event, Inquiry, InquiryNews, InquirySource, Interpreter, KeyClass, MessageNews, PageNews,
    Play, PromptRef, QueueNews, Recording, TransferNews, Urgency,
};
pub use trial::{Heard, PromptTexts, Trial};

/// A test that takes longer is stuck.
const TEST_TIME_MAX: Duration = Duration::from_mins(30);
/// And so is one in which more than this happens.
const EVENTS_MAX: usize = 20_000;
/// From the offer to the agent's answer.
const AGENT_ANSWERS_AFTER: Duration = Duration::from_secs(2);
/// From dialling to the other side's answer or refusal.
const FAR_ANSWERS_AFTER: Duration = Duration::from_secs(3);
/// A message, with the silence behind it.
const SPEAKS_FOR: Duration = Duration::from_secs(15);
/// From the first ring to the key that accepts.
const PAGE_ACCEPTS_AFTER: Duration = Duration::from_secs(10);
/// From asking something to its answer.
const ANSWERED_AFTER: Duration = Duration::from_millis(100);
/// Between the keys of one entry.
const BETWEEN_KEYS: Duration = Duration::from_millis(300);
/// From coming to a step to the caller's first key, where a script says nothing else.
pub(crate) const AFTER_DEED: Duration = Duration::from_secs(1);

/// What was seen, at a time since the answer.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) after: Duration,
    pub(super) goal: Goal,
}

/// How a test went.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) seen: Vec<Seen>,
    pub(super) urgency: Urgency,
    pub(super) reason: Option<Arc<str>>,
    pub(super) language: Arc<str>,
    pub(super) transcript: Vec<String>,
    pub(super) visits: Visits,
}

#[derive(Debug)]
enum Pending {
    Key(char),
    HangUp,
    /// Of the stay in a queue, or the transfer, with this number.
    Queue(u32, QueueNews),
    Transfer(u32, TransferNews),
    Message(MessageNews),
    Page(u32, PageNews),
    /// With the word of its exit.
    Inquiry(u32, InquiryNews, &'static str),
}

#[derive(Debug)]
struct Simulation<'a> {
    scenario: Scenario,
    environment: &'a Environment,
    library: Arc<Library>,
    interpreter: Interpreter,
    now: Now,
    start: Instant,
    answered: Option<Instant>,
    pending: Vec<(Instant, Pending)>,
    /// Prompts that play, with the moment each begins; and when the last ends.
    playing: Vec<(Instant, PromptRef)>,
    /// What was heard of it, for who wants to hear it again.
    sound: Vec<Heard>,
    /// What prompts say, where the transcript is to show it.
    texts: Option<&'a PromptTexts>,
    play_ends: Option<Instant>,
    /// Stays in queues and transfers are numbered, so that news of a former one is not heard.
    stay: u32,
    /// The exit of who waits too long for what was asked last.
    too_late: &'static str,
    queue: Option<(String, Instant)>,
    next_entry: usize,
    /// Every step she came to, and when. The last is where she is.
    came_to: Vec<(String, Instant)>,
    last_deed: Option<Instant>,
    is_over: bool,
    run: Run,
}

pub(super) fn run(
    library: &Arc<Library>,
    environment: &Environment,
    base: Now,
    scenario: &Scenario,
) -> Option<Run> {
    let mut simulation = begin(library, environment, base, scenario, None)?;
    simulation.event(Event::CallStarted);
    for _ in 0..EVENTS_MAX {
        if simulation.is_over || !simulation.next_event() {
            break;
        }
    }
    simulation.finish();
    Some(simulation.run)
}

/// A call that is there and has not begun.
fn begin<'a>(
    library: &Arc<Library>,
    environment: &'a Environment,
    base: Now,
    scenario: &Scenario,
    texts: Option<&'a PromptTexts>,
) -> Option<Simulation<'a>> {
    let flow = library.answering(&scenario.dialled).or_else(|| library.flow(&scenario.flow))?.clone();
    let zone = flow.calendar.as_ref().and_then(|name| library.calendars.get(name));
    let wall = scenario.at.or_else(|| ordinary_morning(zone.map(|calendar| &calendar.zone)))?;
    let caller = Caller { dialled: scenario.dialled.clone(), ..scenario.caller.clone() };
    let interpreter = Interpreter::new(library.clone(), flow, caller);
    Some(Simulation {
        scenario: scenario.clone(),
        environment,
        library: library.clone(),
        now: Now { mono: base.mono, wall },
        start: base.mono,
        answered: None,
        pending: Vec::new(),
        playing: Vec::new(),
        sound: Vec::new(),
        texts,
        play_ends: None,
        stay: 0,
        too_late: "failed",
        queue: None,
        next_entry: 0,
        came_to: Vec::new(),
        last_deed: None,
        is_over: false,
        run: Run {
            seen: Vec::new(),
            urgency: Urgency::Routine,
            reason: None,
            language: interpreter.language().clone(),
            transcript: Vec::new(),
            visits: Visits::default(),
        },
        interpreter,
    })
}

/// Wednesday 7 January 2026, 10:00 where the flow's calendar is.
fn ordinary_morning(zone: Option<&jiff::tz::TimeZone>) -> Option<Timestamp> {
    let zone = zone.cloned().unwrap_or(jiff::tz::TimeZone::UTC);
    let morning = jiff::civil::date(2026, 1, 7).at(10, 0, 0, 0);
    zone.to_ambiguous_zoned_datetime(morning).compatible().ok().map(|zoned| zoned.timestamp())
}

impl Simulation<'_> {
    /// Goes to the next moment at which anything happens. `false`: nothing will.
    fn next_event(&mut self) -> bool {
        let is_hers = |what: &Pending| matches!(what, Pending::Key(_) | Pending::HangUp);
        let pending =
            self.pending.iter().enumerate().min_by_key(|(at, (due, what))| (*due, is_hers(what), *at));
        let pending = pending.map(|(at, (due, _))| (*due, at));
        let timer = self.interpreter.poll_timeout();
        let moments = [timer, self.play_ends, pending.map(|(due, _)| due)];
        let Some(due) = moments.into_iter().flatten().min() else { return false };
        if due.saturating_duration_since(self.start) > TEST_TIME_MAX {
            self.note("… and so on");
            return false;
        }
        self.advance(due);
        // Everything else before the caller: who presses a key in the same moment was too late.
        if timer.is_some_and(|timer| timer <= due) {
            self.event(Event::Timeout);
        } else if self.play_ends.is_some_and(|end| end <= due) {
            self.play_ends = None;
            self.event(Event::PlayFinished);
        } else if let Some((_, at)) = pending {
            let (_, what) = self.pending.remove(at);
            self.happen(what);
        }
        true
    }

    /// When [`Simulation::next_event`] would go on.
    fn next_moment(&self) -> Option<Instant> {
        let pending = self.pending.iter().map(|(due, _)| *due).min();
        [self.interpreter.poll_timeout(), self.play_ends, pending].into_iter().flatten().min()
    }

    fn advance(&mut self, to: Instant) {
        let by = to.saturating_duration_since(self.now.mono);
        self.now.mono += by;
        if let Ok(by) = jiff::SignedDuration::try_from(by) {
            self.now.wall = self.now.wall.checked_add(by).unwrap_or(self.now.wall);
        }
    }

    fn happen(&mut self, what: Pending) {
        match what {
            Pending::Key(key) => {
                self.note(&format!("    presses {key}"));
                self.event(Event::Digit(Private::new(key)));
            }
            Pending::HangUp => {
                self.note("    hangs up");
                self.event(Event::CallerHungUp);
                self.is_over = true;
            }
            Pending::Queue(stay, news) if stay == self.stay => {
                let word = match news {
                    QueueNews::Connected => "an agent answers",
                    QueueNews::AgentLeft => "the agent hangs up",
                    QueueNews::AgentLost => "the agent's phone is lost",
                    QueueNews::TimedOut => "waited as long as the urgency allows",
                    QueueNews::Empty => "nobody is signed in",
                    QueueNews::Full => "the queue is full",
                    QueueNews::Closed => "the queue is closed",
                    QueueNews::Failed => "the queue cannot be served",
                    QueueNews::Position { .. } => "",
                };
                self.note(&format!("    {word}"));
                self.took(match news {
                    QueueNews::TimedOut => "on_timeout",
                    QueueNews::Empty => "on_empty",
                    QueueNews::Full => "on_full",
                    QueueNews::Closed => "on_closed",
                    QueueNews::Failed => "on_error",
                    _ => "",
                });
                let is_connected = news == QueueNews::Connected;
                self.event(Event::Queue(news));
                if is_connected {
                    self.talk(Pending::Queue(stay, QueueNews::AgentLeft));
                }
            }
            Pending::Transfer(stay, news) if stay == self.stay => {
                self.note(&format!("    the other side: {news:?}"));
                self.took(match news {
                    TransferNews::Busy => "on_busy",
                    TransferNews::NoAnswer => "on_no_answer",
                    TransferNews::Failed => "on_failed",
                    _ => "",
                });
                let is_connected = news == TransferNews::Connected;
                self.event(Event::Transfer(news));
                if is_connected {
                    self.talk(Pending::Transfer(stay, TransferNews::Ended));
                }
            }
            Pending::Message(news) => self.event(Event::Message(news)),
            Pending::Page(stay, news) if stay == self.stay => {
                let word = match news {
                    PageNews::Accepted => "somebody on call accepts",
                    PageNews::Ended => "who was on call hangs up",
                    PageNews::Exhausted => "nobody on call accepts",
                    PageNews::Failed => "nobody on call can be called",
                };
                self.note(&format!("    {word}"));
                self.event(Event::Page(news));
                if news == PageNews::Accepted {
                    self.talk(Pending::Page(stay, PageNews::Ended));
                }
            }
            Pending::Inquiry(number, news, exit) => self.answered(number, news, exit),
            Pending::Queue(..) | Pending::Transfer(..) | Pending::Page(..) => {}
        }
    }

    fn answered(&mut self, number: u32, news: InquiryNews, exit: &'static str) {
        self.note(&format!("    the answer: {}", exit.replace('_', " ")));
        self.took(exit);
        self.event(Event::Inquiry { number, news });
    }

    /// A caller of a test speaks until the beep is a while ago, or does what the script says.
    fn recording(&mut self, recording: &Recording) {
        let what = match recording {
            Recording::Start { one_party: None } => "is recorded from now on".to_owned(),
            Recording::Start { one_party: Some(why) } => format!("is recorded from now on: {why}"),
            Recording::Unasked => "would be recorded and was not asked".to_owned(),
            Recording::Pause { .. } => "is not recorded for a while".to_owned(),
            Recording::Resume { .. } => "is recorded again".to_owned(),
            Recording::Stop => "is not recorded any more".to_owned(),
            Recording::Consent { given: true } => "may be recorded".to_owned(),
            Recording::Consent { given: false } => "does not want to be recorded".to_owned(),
            Recording::Disclosed { prompts } => format!("was told {}", prompts.join(", ")),
            Recording::Message { .. } => {
                self.see(Goal::Voicemail);
                self.pending.push((self.now.mono + SPEAKS_FOR, Pending::Message(MessageNews::Hushed)));
                "speaks a message".to_owned()
            }
            Recording::MessageEnds => {
                let voiced = SPEAKS_FOR;
                self.pending.push((self.now.mono, Pending::Message(MessageNews::Ended { voiced })));
                "has spoken".to_owned()
            }
            Recording::Deliver { inbox, urgent, .. } => {
                format!("message for {inbox}{}", if *urgent { ", urgent" } else { "" })
            }
            Recording::Discard => "the message is forgotten".to_owned(),
        };
        self.note(&format!("    {what}"));
    }

    /// Both talk; the test is over unless it is the other side that leaves.
    fn talk(&mut self, end: Pending) {
        self.see(Goal::Human);
        match self.scenario.agent_leaves {
            Some(after) => self.pending.push((self.now.mono + after, end)),
            None => self.is_over = true,
        }
    }

    fn event(&mut self, event: Event) {
        let mut out = Vec::new();
        self.interpreter.handle(self.now, event, &mut out);
        for action in out {
            self.perform(action);
        }
        self.play_script();
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Entered { flow, step, verb, why } => {
                self.note(&format!("{flow}/{step}  {verb}, by {why}"));
                let name = format!("{flow}/{step}");
                self.see(Goal::Step(name.clone()));
                self.run.visits.steps.insert(name.clone());
                if let Some((from, _)) = self.came_to.last() {
                    self.run.visits.moves.insert((from.clone(), name, why));
                }
                self.came_to.push((format!("{flow}/{step}"), self.now.mono));
            }
            Action::Answer => self.answered = Some(self.now.mono),
            Action::Play(play) => self.play(&play),
            Action::Stop => self.silence(),
            Action::Key(KeyClass::Menu(key)) => self.took(&key.to_string()),
            Action::Key(_) => {}
            Action::Tagged { urgency, reason } => {
                self.note(&format!("    is {urgency}: {}", reason.as_deref().unwrap_or("no reason")));
            }
            Action::Noted(note) => {
                self.note(&format!("    is noted: {note}"));
                self.see(Goal::Noted(note.to_string()));
            }
            Action::Language(language) => self.note(&format!("    speaks {language}")),
            Action::Enqueue(entry) => {
                self.note(&format!("    waits in {} as {}", entry.queue, entry.urgency));
                self.see(Goal::Queue(entry.queue.to_string()));
                self.enqueue(&entry.queue, entry.urgency);
            }
            Action::Raise { urgency } => self.raise(urgency),
            Action::Dequeue | Action::CancelTransfer | Action::CancelPage => self.stay += 1,
            Action::Page { rota, .. } => self.page(&rota),
            Action::Inquire(inquiry) => self.inquire(&inquiry),
            Action::CancelInquiry { timed_out } => {
                self.pending.retain(|(_, what)| !matches!(what, Pending::Inquiry(..)));
                if timed_out {
                    self.note("    there is no answer in time");
                    self.took(self.too_late);
                }
            }
            Action::Transfer { number, ring } => {
                self.see(Goal::Transfer(number.to_string()));
                self.stay += 1;
                let far = self.scenario.numbers.get(&*number).copied().unwrap_or(Far::Answers);
                let (after, news) = match far {
                    Far::Answers => (FAR_ANSWERS_AFTER.min(ring), TransferNews::Connected),
                    Far::Busy => (FAR_ANSWERS_AFTER.min(ring), TransferNews::Busy),
                    Far::NoAnswer => (ring, TransferNews::NoAnswer),
                    Far::Failed => (FAR_ANSWERS_AFTER.min(ring), TransferNews::Failed),
                };
                self.pending.push((self.now.mono + after, Pending::Transfer(self.stay, news)));
            }
            Action::Recording(recording) => self.recording(&recording),
            Action::HangUp { cause } => {
                self.silence();
                self.note(&format!("    the call is ended: {cause:?}"));
                self.see(Goal::HangUp);
                self.is_over = true;
            }
        }
    }

    fn enqueue(&mut self, queue: &str, urgency: Urgency) {
        self.stay += 1;
        self.queue = Some((queue.to_owned(), self.now.mono));
        let (after, news) = match self.agents_of(queue) {
            Agents::Free => (AGENT_ANSWERS_AFTER, QueueNews::Connected),
            Agents::Busy => (self.environment.wait_max(queue, urgency), QueueNews::TimedOut),
            Agents::Nobody => (Duration::ZERO, QueueNews::Empty),
            Agents::Full => (Duration::ZERO, QueueNews::Full),
            Agents::Closed => (Duration::ZERO, QueueNews::Closed),
            Agents::Failed => (Duration::ZERO, QueueNews::Failed),
        };
        self.pending.push((self.now.mono + after, Pending::Queue(self.stay, news)));
    }

    fn page(&mut self, rota: &str) {
        self.note(&format!("    calls {rota}"));
        self.see(Goal::Page(rota.to_owned()));
        self.stay += 1;
        let (after, news) = match self.scenario.rotas.get(rota).copied().unwrap_or(Paged::Nobody) {
            Paged::Accepted => (PAGE_ACCEPTS_AFTER, PageNews::Accepted),
            Paged::Nobody => (self.library.page_max(rota), PageNews::Exhausted),
            Paged::Failed => (Duration::ZERO, PageNews::Failed),
        };
        self.pending.push((self.now.mono + after, Pending::Page(self.stay, news)));
    }

    fn inquire(&mut self, inquiry: &Inquiry) {
        let name = inquiry.source.name();
        self.note(&format!("    {} {name}", inquiry.source.verb()));
        let (told, too_late) = match &inquiry.source {
            InquirySource::Table(name) => (self.scenario.tables.get(&**name), "failed"),
            InquirySource::Endpoint(name) => (self.scenario.endpoints.get(&**name), "timeout"),
        };
        self.too_late = too_late;
        let news = match (told, &inquiry.source) {
            (Some(Told::Values(values)), _) => told_values(inquiry, values),
            (Some(Told::NotFound), _) => InquiryNews::NotFound,
            (Some(Told::Nothing), _) => return,
            (None, InquirySource::Table(name)) => {
                self.library.table(name).map_or(InquiryNews::Failed, |table| table.find(inquiry))
            }
            (Some(Told::Failed), _) | (None, InquirySource::Endpoint(_)) => InquiryNews::Failed,
        };
        let exit = inquiry.source.exit(&news);
        self.pending.push((self.now.mono + ANSWERED_AFTER, Pending::Inquiry(inquiry.number, news, exit)));
    }

    fn agents_of(&self, queue: &str) -> Agents {
        self.scenario.agents.get(queue).copied().unwrap_or(Agents::Nobody)
    }

    /// More urgent, so less patience; what she waited already counts.
    fn raise(&mut self, urgency: Urgency) {
        self.note(&format!("    is raised to {urgency} where she waits"));
        let Some((queue, since)) = &self.queue else { return };
        let due = (*since + self.environment.wait_max(queue, urgency)).max(self.now.mono);
        for (at, what) in &mut self.pending {
            if matches!(what, Pending::Queue(stay, QueueNews::TimedOut) if *stay == self.stay) {
                *at = due.min(*at);
            }
        }
    }

    fn play(&mut self, play: &Play) {
        self.silence();
        let mut at = self.now.mono + play.lead_in;
        for prompt in &play.prompts {
            self.playing.push((at, prompt.clone()));
            let known =
                self.environment.prompts.get(&*prompt.language).and_then(|all| all.get(&*prompt.name));
            at += known.map(|info| info.duration).unwrap_or_default();
        }
        let names: Vec<String> =
            play.prompts.iter().map(|prompt| format!("{}/{}", prompt.language, prompt.name)).collect();
        let time = at.saturating_duration_since(self.now.mono).as_secs_f64();
        match play.repeats {
            true => self.note(&format!("    hears {} over and over", names.join(", "))),
            false => self.note(&format!("    hears {} ({time:.1} s)", names.join(", "))),
        }
        if let Some(texts) = self.texts.filter(|_| !play.repeats) {
            for prompt in &play.prompts {
                let text = texts.get(&*prompt.language).and_then(|all| all.get(&*prompt.name));
                self.run.transcript.extend(text.map(|text| format!("              “{text}”")));
            }
        }
        self.play_ends = (!play.repeats).then_some(at);
    }

    /// What had begun before now was heard.
    fn silence(&mut self) {
        self.play_ends = None;
        let now = self.now.mono;
        let answered = self.answered.unwrap_or(self.start);
        let playing = std::mem::take(&mut self.playing);
        let ends = playing.iter().skip(1).map(|(begins, _)| *begins).chain([now]);
        for ((begins, prompt), ends) in playing.iter().zip(ends).filter(|((begins, _), _)| *begins < now) {
            let from = begins.saturating_duration_since(answered);
            self.run.seen.push(Seen { after: from, goal: Goal::Hears(prompt.name.to_string()) });
            let until = ends.min(now).saturating_duration_since(answered);
            self.sound.push(Heard { prompt: prompt.clone(), from, until });
        }
    }

    /// Does what the script says once the call is at the step the next entry waits for.
    fn play_script(&mut self) {
        while let (Some(entry), Some((step, since))) =
            (self.scenario.script.get(self.next_entry), self.came_to.last())
        {
            if !is_step(step, &entry.at) {
                return;
            }
            self.next_entry += 1;
            let base = self.last_deed.map_or(*since, |last| last.max(*since));
            let mut at = (base + entry.after).max(self.now.mono);
            match &entry.deed {
                Deed::HangUp => self.pending.push((at, Pending::HangUp)),
                Deed::Keys(keys) => {
                    for (count, key) in keys.iter().enumerate() {
                        if count > 0 {
                            at += BETWEEN_KEYS;
                        }
                        self.pending.push((at, Pending::Key(*key)));
                    }
                }
            }
            self.last_deed = Some(at);
        }
    }

    /// Which way out of her step she took, where that is certain.
    fn took(&mut self, word: &str) {
        if let Some((step, _)) = self.came_to.last().filter(|_| !word.is_empty()) {
            self.run.visits.ways.insert((step.clone(), word.to_owned()));
        }
    }

    fn see(&mut self, goal: Goal) {
        let after = self.now.mono.saturating_duration_since(self.answered.unwrap_or(self.now.mono));
        self.run.seen.push(Seen { after, goal });
    }

    fn note(&mut self, what: &str) {
        let line = format!("{} {what}", self.clock());
        self.run.transcript.push(line);
    }

    /// Minutes, seconds and tenths since the call came.
    fn clock(&self) -> String {
        let since = self.now.mono.saturating_duration_since(self.start);
        let (minutes, seconds) = (since.as_secs() / 60, since.as_millis() % 60_000);
        let tenths = seconds / 100;
        format!("{minutes:02}:{:02}.{}", tenths / 10, tenths % 10)
    }

    fn finish(&mut self) {
        self.silence();
        self.run.urgency = self.interpreter.urgency();
        self.run.reason = self.interpreter.reason().cloned();
        self.run.language = self.interpreter.language().clone();
    }
}

/// Whether a step, `flow/step`, is the one named, with or without its flow.
pub(super) fn is_step(step: &str, named: &str) -> bool {
    step == named || step.split_once('/').is_some_and(|(_, step)| step == named)
}

/// What a test lets somebody answer; what it does not name and need not be there is empty.
fn told_values(inquiry: &Inquiry, values: &[(Arc<str>, Private<Value>)]) -> InquiryNews {
    let lacking =
        |wanted: &&Wanted| wanted.is_optional && !values.iter().any(|(name, _)| *name == wanted.from);
    let unset = inquiry.wanted.iter().filter(lacking);
    let unset = unset.map(|wanted| (wanted.from.clone(), Private::new(Value::unset(wanted.of))));
    InquiryNews::Found(values.iter().cloned().chain(unset).collect())
}
