//! The proof is checked from outside: random callers go through the flows that ship, by the interpreter that answers
//! calls, and nobody ever waits longer than the proof said she could.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

#[path = "harness/shipped.rs"]
mod shipped;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::{
    Action, Caller, Environment, Event, Flow, Inquiry, InquiryNews, Interpreter, Library, MessageNews,
    PageNews, Play, Proof, QueueNews, Recording, TransferNews, Type, Urgency, Value, compile, prove,
};
use primitives::{Now, Private, Seed};
use proptest::prelude::RngExt as _;

type Generator = primitives::Generator;

/// Calls of one run.
const CALLS: u64 = 4_000;
/// Steps in which every key that means something is a choice, and leads nowhere else.
const TOPICS: [&str; 2] = ["health-library/illness", "health-library/safety"];
/// What asks whether what was keyed in is right: an entry that came so far is a choice, and so is to take it back.
const IS_THAT_RIGHT: &str = "is_that_right";
/// Longest a search for somebody on call may last: the shorter of the rotas that ship.
const PAGE_MAX: Duration = Duration::from_secs(64);
/// What one call may bring before it is left alone.
const EVENTS_MAX: usize = 400;

/// What may happen next.
#[derive(Clone, Debug)]
enum Next {
    Queue(QueueNews),
    Transfer(TransferNews),
    Page(PageNews),
    Inquiry(u32, InquiryNews),
    Message(MessageNews),
    Key(char),
}

/// Longest times seen from something to something.
#[derive(Debug, Default)]
struct Longest {
    /// From the answer to the end of the 911 notice in the last language, of callers who asked for nobody.
    notice: Duration,
    /// From the last key to a person, a queue, a number that rings, the advice, or the end.
    person: Duration,
    /// From the step of a promise to what it promises, by the promise's words.
    promises: BTreeMap<String, Duration>,
}

/// A promise, read from the words of its proof: `start → hears dial_911_notice ≤ 8 s`.
#[derive(Clone, Debug)]
struct Promised {
    words: String,
    from: String,
    hope: String,
}

impl Promised {
    fn of(proof: &Proof) -> Self {
        let (from, rest) = proof.claim.split_once(" → ").unwrap();
        let (hope, _) = rest.split_once(" ≤ ").unwrap();
        Self { words: proof.claim.clone(), from: from.to_owned(), hope: hope.to_owned() }
    }
}

/// One random caller, and the world around her.
struct Call<'a> {
    environment: &'a Environment,
    flow: &'a Flow,
    promises: &'a [Promised],
    random: Generator,
    interpreter: Interpreter,
    now: Instant,
    /// Keys she still presses before she says nothing more.
    keys_left: u32,
    pending: Vec<(Instant, Next)>,
    playing: Vec<(Instant, String, String)>,
    play_ends: Option<Instant>,
    answered: Option<Instant>,
    /// The key of the moment led to a step that was no answer to a mistake.
    chose: bool,
    /// What she keyed in is read back to her.
    confirms: bool,
    urgency: Urgency,
    asked_for_help: bool,
    notice_heard: bool,
    /// When her time began, until she is helped.
    alone_since: Option<Instant>,
    /// Promises she is owed, with the moment she came to their step; a key of hers ends them.
    owed: Vec<(usize, Instant)>,
    waits: Option<(String, Instant)>,
    is_over: bool,
}

impl<'a> Call<'a> {
    fn event(&mut self, event: Event, longest: &mut Longest) {
        let mut out = Vec::new();
        self.interpreter.handle(Now { mono: self.now, wall: jiff::Timestamp::UNIX_EPOCH }, event, &mut out);
        for action in out {
            self.perform(action, longest);
        }
    }

    fn perform(&mut self, action: Action, longest: &mut Longest) {
        match action {
            Action::Entered { flow, step, why, .. } => {
                self.chose |= !["no_input", "wrong_key", "give_up"].contains(&why);
                if *flow != *self.flow.name() {
                    return;
                }
                let comes = |promise: &Promised| promise.from == *step;
                let owed = (0..self.promises.len()).filter(|at| comes(&self.promises[*at]));
                self.owed.extend(owed.map(|at| (at, self.now)));
            }
            Action::Answer => {
                self.answered = Some(self.now);
                self.alone_since = Some(self.now);
            }
            Action::Play(play) => self.play(&play),
            Action::Stop => self.play_ends = None,
            Action::Enqueue(entry) => {
                self.helped(longest);
                self.waits = Some((entry.queue.to_string(), self.now));
                self.news_of_queue(&entry.queue, entry.urgency);
            }
            Action::Raise { urgency } => {
                if let Some((queue, _)) = self.waits.clone() {
                    self.pending.retain(|(_, next)| !matches!(next, Next::Queue(_)));
                    self.news_of_queue(&queue, urgency);
                }
            }
            Action::Dequeue => {
                self.waits = None;
                self.pending.retain(|(_, next)| !matches!(next, Next::Queue(_)));
            }
            Action::Transfer { ring, .. } => {
                self.helped(longest);
                self.news_of_number(ring);
            }
            Action::Page { .. } => {
                self.helped(longest);
                let news = [PageNews::Accepted, PageNews::Exhausted, PageNews::Failed];
                let news = news[self.random.random_range(0..news.len())];
                let after = self.part_of(PAGE_MAX);
                self.pending.push((self.now + after, Next::Page(news)));
            }
            Action::Inquire(inquiry) => self.news_of_inquiry(&inquiry),
            Action::CancelInquiry { .. } => {
                self.pending.retain(|(_, next)| !matches!(next, Next::Inquiry(..)))
            }
            Action::Tagged { urgency, .. } => self.urgency = urgency,
            // For who can wait it is help.
            Action::Recording(Recording::Message { .. }) if self.urgency >= Urgency::Routine => {
                self.helped(longest);
            }
            Action::Recording(Recording::MessageEnds) => {
                let voiced = Duration::from_secs(self.random.random_range(0..30));
                self.pending.push((self.now, Next::Message(MessageNews::Ended { voiced })));
            }
            Action::CancelPage => self.pending.retain(|(_, next)| !matches!(next, Next::Page(_))),
            Action::CancelTransfer => self.pending.retain(|(_, next)| !matches!(next, Next::Transfer(_))),
            Action::HangUp { .. } => {
                self.helped(longest);
                self.is_over = true;
            }
            _ => {}
        }
    }

    /// Her time begins anew with a choice, with what she asks to hear again, and in a list of topics. What was
    /// promised holds for who does nothing more, or waits.
    fn press(&mut self, key: char, longest: &mut Longest) {
        let since = self.alone_since.map(|_| self.now);
        let in_topics = self.flow_and_step();
        self.owed.clear();
        self.chose = self.confirms && key == '2';
        self.event(Event::Digit(Private::new(key)), longest);
        if self.alone_since.is_some() && (self.chose || key == '*' || TOPICS.contains(&in_topics.as_str())) {
            self.alone_since = since;
        }
    }

    fn flow_and_step(&self) -> String {
        let (flow, step) = self.interpreter.position();
        format!("{flow}/{step}")
    }

    /// What a queue says: an agent at any moment, or one of its exits.
    fn news_of_queue(&mut self, queue: &str, urgency: Urgency) {
        let known = self.environment.queues.get(queue).and_then(|queue| queue.wait_max.get(&urgency));
        let wait_max = known.copied().unwrap_or(urgency.wait_max());
        let news = [
            (QueueNews::Connected, self.part_of(wait_max)),
            (QueueNews::TimedOut, wait_max),
            (QueueNews::TimedOut, wait_max),
            (QueueNews::Empty, Duration::ZERO),
            (QueueNews::Full, Duration::ZERO),
            (QueueNews::Closed, Duration::ZERO),
            (QueueNews::Failed, self.part_of(wait_max)),
        ];
        let (news, after) = news[self.random.random_range(0..news.len())].clone();
        self.pending.push((self.now + after, Next::Queue(news)));
    }

    /// What a number outside says.
    fn news_of_number(&mut self, ring: Duration) {
        let news = [
            (TransferNews::Connected, self.part_of(ring)),
            (TransferNews::Busy, self.part_of(ring)),
            (TransferNews::NoAnswer, ring),
            (TransferNews::Failed, self.part_of(ring)),
        ];
        let (news, after) = news[self.random.random_range(0..news.len())].clone();
        self.pending.push((self.now + after, Next::Transfer(news)));
    }

    fn part_of(&mut self, whole: Duration) -> Duration {
        whole.mul_f64(self.random.random_range(0.0..1.0))
    }

    fn play(&mut self, play: &Play) {
        let mut at = self.now + play.lead_in;
        self.playing.clear();
        for prompt in &play.prompts {
            at += self.environment.prompts[&*prompt.language][&*prompt.name].duration;
            self.playing.push((at, prompt.name.to_string(), prompt.language.to_string()));
        }
        self.play_ends = (!play.repeats).then_some(at);
        let confirms = self.playing.iter().any(|(_, name, _)| name == IS_THAT_RIGHT);
        if confirms && !self.confirms {
            self.alone_since = self.alone_since.map(|_| self.now);
        }
        self.confirms = confirms;
    }

    /// What a table says: anything it could, at any moment it may.
    fn news_of_inquiry(&mut self, inquiry: &Inquiry) {
        let value = |random: &mut Generator, of| match of {
            Type::Text => Value::Text(["pediatrics", "north", ""][random.random_range(0..3)].into()),
            Type::Number => Value::Number(random.random_range(0..200)),
            Type::Truth => Value::Truth(random.random_range(0..2) == 1),
        };
        let wanted = inquiry.wanted.iter();
        let found =
            wanted.map(|it| (it.from.clone(), Private::new(value(&mut self.random, it.of)))).collect();
        let news = [InquiryNews::Found(found), InquiryNews::NotFound, InquiryNews::Failed];
        let news = news[self.random.random_range(0..news.len())].clone();
        let after = self.part_of(inquiry.within);
        self.pending.push((self.now + after, Next::Inquiry(inquiry.number, news)));
    }

    /// She waits for nothing more: a person, a queue for one, the advice, or the end has come.
    fn helped(&mut self, longest: &mut Longest) {
        if let Some(since) = self.alone_since.take() {
            longest.person = longest.person.max(self.now - since);
        }
    }

    /// What was promised has come.
    fn kept(&mut self, hopes: &[&str], then: Instant, longest: &mut Longest) {
        let promises = self.promises;
        self.owed.retain(|(at, since)| {
            let promise = &promises[*at];
            let is_kept = hopes.contains(&promise.hope.as_str());
            if is_kept {
                let seen = longest.promises.entry(promise.words.clone()).or_default();
                *seen = (*seen).max(then - *since);
            }
            !is_kept
        });
    }

    fn talks(&mut self, longest: &mut Longest) {
        self.helped(longest);
        self.kept(&["reaches a_human_or_911_advice", "reaches a_human"], self.now, longest);
        self.is_over = true;
    }

    fn prompts_end(&mut self, longest: &mut Longest) {
        let prompts = std::mem::take(&mut self.playing);
        for (at, (ended, name, language)) in prompts.iter().enumerate() {
            let is_said_again = prompts.iter().skip(at + 1).any(|(_, later, _)| later == name);
            if !is_said_again {
                self.kept(&[&format!("hears {name}")], *ended, longest);
            }
            if name == "hang_up_and_dial_911" {
                self.helped(longest);
                self.kept(&["reaches a_human_or_911_advice"], *ended, longest);
            }
            let is_last = Some(&**language) == self.flow.languages().last().map(|last| &**last);
            if name == "dial_911_notice" && is_last && !std::mem::replace(&mut self.notice_heard, true) {
                let since = self.answered.unwrap();
                if !self.asked_for_help {
                    longest.notice = longest.notice.max(*ended - since);
                }
            }
        }
    }

    /// She presses something, now or while she listens, until she has pressed all she wants to.
    fn thinks_of_a_key(&mut self) {
        let is_due = self.pending.iter().any(|(_, next)| matches!(next, Next::Key(_)));
        if self.keys_left == 0 || is_due {
            return;
        }
        self.keys_left -= 1;
        let keys = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '*', '#', '1', '1'];
        let key = keys[self.random.random_range(0..keys.len())];
        let after = Duration::from_millis(self.random.random_range(0..12_000));
        self.pending.push((self.now + after, Next::Key(key)));
    }

    fn goes_on(&mut self, longest: &mut Longest) -> bool {
        self.thinks_of_a_key();
        let pending = self.pending.iter().enumerate().min_by_key(|(at, (due, _))| (*due, *at));
        let pending = pending.map(|(at, (due, _))| (*due, at));
        let timer = self.interpreter.poll_timeout();
        let Some(due) = [timer, self.play_ends, pending.map(|(due, _)| due)].into_iter().flatten().min()
        else {
            return false;
        };
        self.now = due.max(self.now);
        if timer.is_some_and(|timer| timer <= due) {
            self.event(Event::Timeout, longest);
        } else if self.play_ends.is_some_and(|end| end <= due) {
            self.play_ends = None;
            self.prompts_end(longest);
            self.event(Event::PlayFinished, longest);
        } else if let Some((_, at)) = pending {
            match self.pending.remove(at).1 {
                Next::Key(key) => {
                    self.asked_for_help |= key == '9' || key == '0';
                    self.press(key, longest);
                }
                Next::Queue(news) => {
                    let is_connected = news == QueueNews::Connected;
                    self.waits = None;
                    self.event(Event::Queue(news), longest);
                    if is_connected {
                        self.talks(longest);
                    }
                }
                Next::Page(news) => {
                    self.event(Event::Page(news), longest);
                    if news == PageNews::Accepted {
                        self.talks(longest);
                    }
                }
                Next::Inquiry(number, news) => self.event(Event::Inquiry { number, news }, longest),
                Next::Message(news) => self.event(Event::Message(news), longest),
                Next::Transfer(news) => {
                    let is_connected = news == TransferNews::Connected;
                    self.event(Event::Transfer(news), longest);
                    if is_connected {
                        self.talks(longest);
                    }
                }
            }
        }
        !self.is_over
    }
}

/// One caller, from the first ring to a person or the end.
fn call(
    library: &Arc<Library>,
    environment: &Environment,
    flow: &Arc<Flow>,
    promises: &[Promised],
    seed: u64,
    longest: &mut Longest,
) {
    let mut random = Seed::numbered(seed).generator();
    let keys_left = random.random_range(0..12);
    let caller = Caller { dialled: flow.answers()[0].clone(), ..Caller::default() };
    let mut call = Call {
        environment,
        flow,
        promises,
        random,
        interpreter: Interpreter::new(library.clone(), flow.clone(), caller),
        now: Instant::now(),
        keys_left,
        pending: Vec::new(),
        playing: Vec::new(),
        play_ends: None,
        answered: None,
        chose: false,
        confirms: false,
        urgency: Urgency::Routine,
        asked_for_help: false,
        notice_heard: false,
        alone_since: None,
        owed: Vec::new(),
        waits: None,
        is_over: false,
    };
    call.event(Event::CallStarted, longest);
    for _ in 0..EVENTS_MAX {
        if !call.goes_on(longest) {
            break;
        }
    }
}

#[test]
fn no_random_caller_waits_longer_than_the_proof_says() {
    let (sources, environment) = shipped::shipped();
    let library = compile(&sources, &environment).library.unwrap();
    let proofs = prove(&library, &environment, Instant::now());
    let seed = std::env::var("CARELINE_SEED").map_or(1, |seed| seed.parse().unwrap());
    for flow in library.flows().filter(|flow| !flow.answers().is_empty()) {
        let of_flow: Vec<&Proof> = proofs.iter().filter(|proof| *proof.flow == *flow.name()).collect();
        let promised = of_flow.iter().filter(|proof| proof.rule == "promise");
        let promises: Vec<Promised> = promised.map(|proof| Promised::of(proof)).collect();
        let mut longest = Longest::default();
        for number in 0..CALLS {
            call(&library, &environment, flow, &promises, seed * CALLS + number, &mut longest);
        }
        let bound = |rule, words: &str| {
            let found = of_flow.iter().find(|proof| proof.rule == rule && proof.claim.contains(words));
            found.and_then(|proof| proof.worst).unwrap()
        };
        let mut seen = vec![
            ("the 911 notice".to_owned(), longest.notice, bound("S1", "has heard")),
            ("a person, a queue or the advice".to_owned(), longest.person, bound("S5", "within")),
        ];
        for (words, time) in &longest.promises {
            seen.push((words.clone(), *time, bound("promise", words)));
        }
        assert_eq!(longest.promises.len(), promises.len(), "a promise nobody was owed: {:?}", flow.name());
        for (what, time, bound) in seen {
            println!("{}: {what}: seen {time:.1?}, proved {bound:.1?}", flow.name());
            assert!(time <= bound, "seed {seed}: {}: {what} took {time:?}, proved {bound:?}", flow.name());
            // A bound nobody comes near would be no bound, and a test that sees nothing no test. A promise is proved of
            // who presses 0 and 9 on her way too, and measured here of who does nothing more.
            let near = if what.contains('→') { 8 } else { 2 };
            assert!(time * near > bound, "seed {seed}: {}: {what}: {time:?} of {bound:?}", flow.name());
        }
    }
}
