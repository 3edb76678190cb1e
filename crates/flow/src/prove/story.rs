//! A path told as a call: when, at which step, what happens.

use std::time::Duration;

use super::bound::Step;
use super::moves::Deed;
use super::space::{Edge, Space};
use crate::{PageNews, QueueNews, TransferNews};

/// Lines one story has at most; a longer one is cut in the middle.
const LINES_MAX: usize = 24;

/// A path told as a call, on the latest times.
pub(super) fn tell(space: &Space, path: &[Step]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut clock = Duration::ZERO;
    for (at, number) in path {
        let (Some(place), Some(way)) = (space.places.get(*at), space.ways_from(*at).get(*number)) else {
            continue;
        };
        let (flow, step) = place.caller.position();
        if way.deed == Deed::Calls {
            continue;
        }
        let sound: Vec<String> = place
            .sound
            .prompts
            .iter()
            .map(|(prompt, _)| format!("{}/{}", prompt.language, prompt.name))
            .collect();
        let hears = match sound.is_empty() {
            true => String::new(),
            false => format!("hears {}, ", sound.join(", ")),
        };
        lines.push(format!(
            "{} {:<28} {hears}{}{}",
            at_clock(clock),
            format!("{flow}/{step}"),
            deed(way),
            lasts(way.takes.1),
        ));
        clock += way.takes.1;
    }
    lines.push(format!("{} …", at_clock(clock)));
    if lines.len() > LINES_MAX {
        let cut = lines.len() - LINES_MAX;
        let half = LINES_MAX / 2;
        lines.splice(half..half + cut, [format!("      … {cut} more …")]);
    }
    lines
}

fn at_clock(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    format!("{:02}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

fn lasts(time: Duration) -> String {
    if time.is_zero() { String::new() } else { format!(" ({:.1} s)", time.as_secs_f64()) }
}

fn deed(way: &Edge) -> String {
    match &way.deed {
        Deed::Calls => "calls".to_owned(),
        Deed::Listens => "to the end".to_owned(),
        Deed::Silence => "presses nothing".to_owned(),
        Deed::Pauses => "waits".to_owned(),
        Deed::Keys(keys) => format!("presses {keys}"),
        Deed::Spoke { enough: true } => "has spoken".to_owned(),
        Deed::Spoke { enough: false } => "has said nothing".to_owned(),
        Deed::Queue(news) => match news {
            QueueNews::Connected => "an agent answers",
            QueueNews::AgentLeft => "the agent hangs up",
            QueueNews::AgentLost => "the agent's phone is lost",
            QueueNews::TimedOut => "waits as long as her urgency allows",
            QueueNews::Empty => "nobody is signed in",
            QueueNews::Full => "the queue is full",
            QueueNews::Closed => "the queue is closed",
            QueueNews::Failed => "the queue cannot be served",
            QueueNews::Position { .. } => "waits",
        }
        .to_owned(),
        Deed::Page(news) => match news {
            PageNews::Accepted => "somebody on call accepts",
            PageNews::Ended => "who was on call hangs up",
            PageNews::Exhausted => "nobody on call accepts",
            PageNews::Failed => "nobody on call can be called",
        }
        .to_owned(),
        Deed::Answered("timeout") => "there is no answer in time".to_owned(),
        Deed::Answered(word) => format!("the answer: {}", word.replace('_', " ")),
        Deed::Transfer(news) => match news {
            TransferNews::Connected => "the other side answers",
            TransferNews::Ended => "the other side hangs up",
            TransferNews::Busy => "the other side is busy",
            TransferNews::NoAnswer => "the other side does not answer",
            TransferNews::Failed => "the other side cannot be reached",
        }
        .to_owned(),
    }
}
