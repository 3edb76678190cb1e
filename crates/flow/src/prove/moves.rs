//! Everything that may happen to a caller at one place: the prompt ends, nothing is pressed, each key that means
//! something and one that does not, every answer of a queue and of a number outside.

use std::time::Duration;

use primitives::Private;

use super::Fault;
use crate::expression::Value;
use crate::interpreter::{Asked, Awaited, Situation, With};
use crate::{Event, InquiryNews, InquirySource, MessageNews, PageNews, QueueNews, TransferNews};

/// What happened, in words a reader of the flow knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Deed {
    Calls,
    /// What she hears comes to its end.
    Listens,
    /// She presses nothing as long as the question waits.
    Silence,
    /// A pause of the flow's own.
    Pauses,
    Keys(String),
    Queue(QueueNews),
    Transfer(TransferNews),
    /// Her message is long enough, or is none.
    Spoke {
        enough: bool,
    },
    Page(PageNews),
    /// What was asked is `found`, `ok`, `not_found`, `failed`, or there is no answer: `timeout`.
    Answered(&'static str),
}

/// Who brought it about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum By {
    /// Time, a queue, the network: she does nothing, or nothing that means anything.
    Nature,
    /// She pressed what nothing stands for.
    Mistake,
    /// She chose.
    Choice,
    /// She asked to hear it again.
    Again,
    /// She asked for help: 9, 911, `*9`.
    Emergency,
    /// She asked for a person: 0.
    Operator,
}

/// One thing that may happen.
#[derive(Debug)]
pub(super) struct Move {
    pub(super) deed: Deed,
    pub(super) by: By,
    pub(super) events: Vec<Event>,
    /// At the earliest and at the latest after she came here.
    pub(super) takes: (Duration, Duration),
    /// Only when this is wrong.
    pub(super) fault: Option<Fault>,
}

/// How long what plays and what listens still take at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Of the prompt, where one plays that ends.
    pub(super) sound: Option<Duration>,
    /// Until the interpreter's own deadline.
    pub(super) deadline: Option<Duration>,
    /// How long this queue lets her wait.
    pub(super) wait_max: Duration,
}

/// Everything that may happen at a place.
// Long: one arm for each situation.
pub(super) fn moves(situation: &Situation, times: Times) -> Vec<Move> {
    let mut moves = Vec::new();
    let open = times.sound.or(times.deadline).unwrap_or_default();
    match situation {
        Situation::Start => moves.push(exactly(Deed::Calls, Duration::ZERO, Event::CallStarted)),
        Situation::Hears { key_ends_it, advice } => {
            moves.push(exactly(Deed::Listens, open, Event::PlayFinished));
            moves.extend(key_ends_it.then(|| key('1', By::Choice, open)));
            asks_for_help(&mut moves, open, !advice);
        }
        Situation::Consents { refuse_key } => {
            passes(&mut moves, times);
            moves.push(key(*refuse_key, By::Choice, open));
            asks_for_help(&mut moves, open, true);
        }
        Situation::Speaks => {
            passes(&mut moves, times);
            moves.push(key('#', By::Choice, open));
            asks_for_help(&mut moves, open, true);
        }
        Situation::SpokeEnough => {
            spoke(&mut moves);
            asks_for_help(&mut moves, Duration::ZERO, true);
        }
        Situation::Pause => {
            moves.push(exactly(Deed::Pauses, open, Event::Timeout));
            asks_for_help(&mut moves, open, true);
        }
        Situation::Question { keys, .. } => {
            passes(&mut moves, times);
            moves.extend(keys.iter().map(|bound| key(*bound, By::Choice, open)));
            moves.push(key('*', By::Again, open));
            let wrong = "765432#1".chars().find(|wrong| !keys.contains(wrong));
            moves.extend(wrong.map(|wrong| key(wrong, By::Mistake, open)));
            asks_for_help(&mut moves, open, !keys.contains(&'0'));
        }
        Situation::Entry(asked) => {
            passes(&mut moves, times);
            entries(&mut moves, asked, open);
        }
        Situation::Queue { advice, leaving, .. } => {
            waits(&mut moves, times, *advice, *leaving);
            asks_for_help(&mut moves, times.wait_max, !advice);
        }
        Situation::Ringing { ring } => {
            rings(&mut moves, *ring);
            asks_for_help(&mut moves, *ring, true);
        }
        Situation::Talks { with: With::Agent } => {
            let at_once = (Duration::ZERO, Duration::ZERO);
            moves.push(queue(QueueNews::AgentLeft, at_once, None));
            moves.push(queue(QueueNews::AgentLost, at_once, Some(Fault::PhoneLost)));
        }
        Situation::Talks { with: With::Number } => {
            let ended = TransferNews::Ended;
            moves.push(exactly(Deed::Transfer(ended.clone()), Duration::ZERO, Event::Transfer(ended)));
        }
        Situation::Talks { with: With::OnCall } => {
            moves.push(page(PageNews::Ended, (Duration::ZERO, Duration::ZERO), None));
        }
        Situation::Page { longest, advice, leaving } => {
            paged(&mut moves, times, *longest, *advice, *leaving);
            asks_for_help(&mut moves, *longest, !advice);
        }
        Situation::Inquiry(awaited) => {
            answered(&mut moves, awaited);
            asks_for_help(&mut moves, awaited.within, true);
        }
        Situation::Goodbye => {
            moves.push(exactly(Deed::Listens, open, Event::PlayFinished));
            moves.push(Move { by: By::Emergency, ..key('9', By::Emergency, open) });
        }
        Situation::Ended => {}
    }
    moves
}

/// A message ended: long enough to be one, or not.
fn spoke(moves: &mut Vec<Move>) {
    for (enough, seconds) in [(true, 30), (false, 0)] {
        let news = MessageNews::Ended { voiced: Duration::from_secs(seconds) };
        moves.push(exactly(Deed::Spoke { enough }, Duration::ZERO, Event::Message(news)));
    }
}

/// What a number outside may say.
fn rings(moves: &mut Vec<Move>, ring: Duration) {
    use TransferNews::{Busy, Connected, Failed, NoAnswer};
    let news = |news: TransferNews, takes, fault| Move {
        deed: Deed::Transfer(news.clone()),
        by: By::Nature,
        events: vec![Event::Transfer(news)],
        takes,
        fault,
    };
    let soon = (Duration::ZERO, ring);
    moves.push(news(Connected, soon, None));
    moves.push(news(Busy, soon, None));
    moves.push(news(NoAnswer, (ring, ring), None));
    moves.push(news(Failed, soon, Some(Fault::TrunkDown)));
}

/// She does nothing: the prompt ends, or the question has waited long enough.
fn passes(moves: &mut Vec<Move>, times: Times) {
    match (times.sound, times.deadline) {
        (Some(sound), _) => moves.push(exactly(Deed::Listens, sound, Event::PlayFinished)),
        (None, Some(deadline)) => moves.push(exactly(Deed::Silence, deadline, Event::Timeout)),
        (None, None) => {}
    }
}

/// 9, 9-1-1, and 0 where it is not a choice of the flow's own.
fn asks_for_help(moves: &mut Vec<Move>, open: Duration, zero: bool) {
    moves.push(key('9', By::Emergency, open));
    moves.push(keys("911", By::Emergency, (Duration::ZERO, open)));
    if zero {
        moves.push(key('0', By::Operator, open));
    }
}

fn entries(moves: &mut Vec<Move>, asked: &Asked, open: Duration) {
    let typed = |digits: &str, by| {
        let digits = if digits.len() < asked.max { format!("{digits}#") } else { digits.to_owned() };
        let pauses = u32::try_from(digits.len().saturating_sub(1)).unwrap_or(u32::MAX);
        keys(&digits, by, (Duration::ZERO, open + asked.between.saturating_mul(pauses)))
    };
    moves.push(typed(&asked.valid, By::Choice));
    moves.extend(asked.invalid.iter().map(|digits| typed(digits, By::Mistake)));
    let by = if asked.is_optional { By::Choice } else { By::Mistake };
    moves.push(keys("#", by, (Duration::ZERO, open)));
    if asked.max >= 3 {
        moves.push(typed("911", By::Emergency));
    }
    let two = (Duration::ZERO, open + asked.between);
    moves.push(keys("*9", By::Emergency, two));
    moves.push(keys("*0", By::Operator, two));
}

/// What a queue may say. While the advice to dial 911 plays, whatever it says comes before the advice is over.
fn waits(moves: &mut Vec<Move>, times: Times, advice: bool, leaving: bool) {
    let sound = times.sound.unwrap_or_default();
    let longest = if advice { times.wait_max.min(sound) } else { times.wait_max };
    if advice {
        moves.push(exactly(Deed::Listens, sound, Event::PlayFinished));
    }
    let within = (Duration::ZERO, longest);
    moves.push(queue(QueueNews::Connected, within, None));
    if leaving {
        return;
    }
    let in_the_end = if advice { within } else { (longest, longest) };
    moves.push(queue(QueueNews::TimedOut, in_the_end, None));
    let at_once = (Duration::ZERO, Duration::ZERO);
    moves.push(queue(QueueNews::Empty, at_once, Some(Fault::NoAgents)));
    moves.push(queue(QueueNews::Full, at_once, Some(Fault::QueueFull)));
    moves.push(queue(QueueNews::Closed, at_once, Some(Fault::QueueClosed)));
    moves.push(queue(QueueNews::Failed, within, Some(Fault::QueueFailed)));
}

/// What may come of looking for somebody on call: the last of them can refuse at once, or let it ring to the end.
fn paged(moves: &mut Vec<Move>, times: Times, longest: Duration, advice: bool, leaving: bool) {
    let sound = times.sound.unwrap_or_default();
    let within = (Duration::ZERO, if advice { longest.min(sound) } else { longest });
    if advice {
        moves.push(exactly(Deed::Listens, sound, Event::PlayFinished));
    }
    if leaving {
        return;
    }
    moves.push(page(PageNews::Accepted, within, None));
    moves.push(page(PageNews::Exhausted, within, Some(Fault::NobodyAccepts)));
    moves.push(page(PageNews::Failed, within, Some(Fault::TrunkDown)));
}

/// What may be answered; the latest it can say it is when nobody waits for it any more.
fn answered(moves: &mut Vec<Move>, awaited: &Awaited) {
    let within = (Duration::ZERO, awaited.within);
    let values = awaited.wanted.iter();
    let values =
        values.map(|wanted| (wanted.from.clone(), Private::new(Value::Unknown(wanted.of)))).collect();
    let number = awaited.number;
    let mut one = |news: InquiryNews, fault| {
        let deed = Deed::Answered(awaited.source.exit(&news));
        let events = vec![Event::Inquiry { number, news }];
        moves.push(Move { deed, by: By::Nature, events, takes: within, fault });
    };
    let fault = Some(match awaited.source {
        InquirySource::Table(_) => Fault::TablesDown,
        InquirySource::Endpoint(_) => Fault::HttpDown,
    });
    one(InquiryNews::Found(values), None);
    if awaited.may_lack {
        one(InquiryNews::NotFound, None);
    }
    one(InquiryNews::Failed, fault);
    let too_late = exactly(Deed::Answered("timeout"), awaited.within, Event::Timeout);
    moves.push(Move { fault, ..too_late });
}

fn page(news: PageNews, takes: (Duration, Duration), fault: Option<Fault>) -> Move {
    Move { deed: Deed::Page(news), by: By::Nature, events: vec![Event::Page(news)], takes, fault }
}

fn exactly(deed: Deed, at: Duration, event: Event) -> Move {
    Move { deed, by: By::Nature, events: vec![event], takes: (at, at), fault: None }
}

fn queue(news: QueueNews, takes: (Duration, Duration), fault: Option<Fault>) -> Move {
    let events = vec![Event::Queue(news.clone())];
    Move { deed: Deed::Queue(news), by: By::Nature, events, takes, fault }
}

fn key(key: char, by: By, until: Duration) -> Move {
    keys(&key.to_string(), by, (Duration::ZERO, until))
}

fn keys(keys: &str, by: By, takes: (Duration, Duration)) -> Move {
    let events = keys.chars().map(|key| Event::Digit(Private::new(key))).collect();
    Move { deed: Deed::Keys(keys.to_owned()), by, events, takes, fault: None }
}
