//! The longest a caller can take from a place to a goal: a longest path over the ways of a [`Space`].
//!
//! A caller who asks to hear something again, or goes back by her own choice (from a topic to the list of
//! topics), is where she was before, and her time begins anew: such a way is left out of the path, and the place it
//! leads to is a beginning of its own. What is left can only go round where nobody chose to: that is a loop.

use std::time::Duration;

use super::moves::By;
use super::space::{Edge, Space};

/// One way of a path: the place, and which of its ways.
pub(super) type Step = (usize, usize);

/// How long it takes at worst.
#[derive(Debug)]
pub(super) enum Worst {
    /// So long, along this path.
    Within(Duration, Vec<Step>),
    /// There is a path that ends without the goal.
    Missed(Vec<Step>),
    /// There is a path that goes round without the goal.
    Loops(Vec<Step>),
    /// No such caller exists.
    Nobody,
}

/// When a way reaches the goal, from its beginning; `None` where it does not.
pub(super) type Goal<'a> = &'a dyn Fn(&Edge) -> Option<Duration>;

/// The search for the worst way from any of some places to a goal.
pub(super) struct Search<'a> {
    pub(super) space: &'a Space,
    pub(super) goal: Goal<'a>,
    /// Ways that are looked at.
    pub(super) may: &'a dyn Fn(&Edge) -> bool,
    /// Whether her time begins anew with every choice, not only with one that leads back.
    pub(super) choices_restart: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mark {
    New,
    Open,
    /// How long at worst, by which way; `None` where a path ends or goes round without the goal.
    Done(Option<Duration>, Option<usize>),
}

impl Search<'_> {
    pub(super) fn worst(&self, from: &[usize]) -> Worst {
        let back = self.components(from);
        let mut marks = vec![Mark::New; self.space.places.len()];
        let mut worst = Worst::Nobody;
        let mut missed = None;
        let mut beginnings: Vec<usize> = from.to_vec();
        let mut next = 0;
        while let Some(start) = beginnings.get(next).copied() {
            next += 1;
            if let Some(round) = self.mark(start, &back, &mut marks, &mut beginnings) {
                return Worst::Loops(round);
            }
            match (&worst, marks.get(start)) {
                (_, Some(Mark::Done(None, _))) => {
                    missed.get_or_insert_with(|| self.path(start, &marks));
                }
                (Worst::Within(longest, _), Some(Mark::Done(Some(time), _))) if time <= longest => {}
                (_, Some(Mark::Done(Some(time), _))) => {
                    worst = Worst::Within(*time, self.path(start, &marks));
                }
                _ => {}
            }
        }
        missed.map_or(worst, Worst::Missed)
    }

    /// Whether her time begins anew behind a way.
    fn restarts(&self, at: usize, way: &Edge, components: &[usize]) -> bool {
        match way.by {
            By::Nature | By::Mistake => false,
            By::Again => true,
            By::Choice | By::Emergency | By::Operator => {
                self.choices_restart
                    || components.get(at).is_some_and(|own| components.get(way.to) == Some(own))
            }
        }
    }

    /// Marks everything behind a place, the furthest first. Returns a path that goes round.
    fn mark(
        &self,
        start: usize,
        components: &[usize],
        marks: &mut [Mark],
        beginnings: &mut Vec<usize>,
    ) -> Option<Vec<Step>> {
        if marks.get(start) != Some(&Mark::New) {
            return None;
        }
        let mut open: Vec<Step> = vec![(start, 0)];
        set(marks, start, Mark::Open);
        while let Some((at, number)) = open.last().copied() {
            let Some(way) = self.space.ways_from(at).get(number) else {
                let done = self.done(at, components, marks);
                set(marks, at, done);
                open.pop();
                continue;
            };
            if let Some(top) = open.last_mut() {
                top.1 += 1;
            }
            if !(self.may)(way) || (self.goal)(way).is_some() {
                continue;
            }
            if self.restarts(at, way, components) {
                if way.to != at && marks.get(way.to) == Some(&Mark::New) && !beginnings.contains(&way.to) {
                    beginnings.push(way.to);
                }
                continue;
            }
            match marks.get(way.to) {
                Some(Mark::New) => {
                    set(marks, way.to, Mark::Open);
                    open.push((way.to, 0));
                }
                Some(Mark::Open) => {
                    let round = open.iter().map(|(at, next)| (*at, next.saturating_sub(1)));
                    return Some(round.collect());
                }
                Some(Mark::Done(..)) | None => {}
            }
        }
        None
    }

    fn done(&self, at: usize, components: &[usize], marks: &[Mark]) -> Mark {
        let mut longest: Option<(Duration, usize)> = None;
        for (number, way) in self.space.ways_from(at).iter().enumerate() {
            if !(self.may)(way) {
                continue;
            }
            let time = match (self.goal)(way) {
                Some(after) => Some(after),
                None if self.restarts(at, way, components) => continue,
                None => match marks.get(way.to) {
                    Some(Mark::Done(Some(rest), _)) => Some(way.takes.1 + *rest),
                    _ => None,
                },
            };
            match (time, longest) {
                (None, _) => return Mark::Done(None, Some(number)),
                (Some(time), Some((before, _))) if time <= before => {}
                (Some(time), _) => longest = Some((time, number)),
            }
        }
        match longest {
            Some((time, number)) => Mark::Done(Some(time), Some(number)),
            None => Mark::Done(None, None),
        }
    }

    fn path(&self, start: usize, marks: &[Mark]) -> Vec<Step> {
        let mut path = Vec::new();
        let mut at = start;
        while let Some(Mark::Done(_, Some(number))) = marks.get(at) {
            path.push((at, *number));
            let Some(way) = self.space.ways_from(at).get(*number) else { break };
            if (self.goal)(way).is_some() || path.len() > marks.len() {
                break;
            }
            at = way.to;
        }
        path
    }

    /// Which places lead to one another, without a way that reaches the goal (Tarjan 1972, without recursion).
    fn components(&self, from: &[usize]) -> Vec<usize> {
        let count = self.space.places.len();
        let mut tarjan = Tarjan {
            index: vec![usize::MAX; count],
            low: vec![usize::MAX; count],
            component: vec![usize::MAX; count],
            waiting: Vec::new(),
            next: 0,
            components: 0,
        };
        for start in from {
            self.connect(*start, &mut tarjan);
        }
        tarjan.component
    }

    fn connect(&self, start: usize, tarjan: &mut Tarjan) {
        if tarjan.index.get(start) != Some(&usize::MAX) {
            return;
        }
        tarjan.open(start);
        let mut open: Vec<Step> = vec![(start, 0)];
        while let Some((at, number)) = open.last().copied() {
            if let Some(top) = open.last_mut() {
                top.1 += 1;
            }
            let Some(way) = self.space.ways_from(at).get(number) else {
                open.pop();
                tarjan.close(at, open.last().map(|(before, _)| *before));
                continue;
            };
            if !(self.may)(way) || (self.goal)(way).is_some() {
                continue;
            }
            match tarjan.index.get(way.to) {
                Some(&usize::MAX) => {
                    tarjan.open(way.to);
                    open.push((way.to, 0));
                }
                Some(index) if tarjan.component.get(way.to) == Some(&usize::MAX) => {
                    let index = *index;
                    tarjan.lower(at, index);
                }
                _ => {}
            }
        }
    }
}

#[derive(Debug)]
struct Tarjan {
    index: Vec<usize>,
    low: Vec<usize>,
    component: Vec<usize>,
    waiting: Vec<usize>,
    next: usize,
    components: usize,
}

impl Tarjan {
    fn open(&mut self, at: usize) {
        set(&mut self.index, at, self.next);
        set(&mut self.low, at, self.next);
        self.next += 1;
        self.waiting.push(at);
    }

    fn lower(&mut self, at: usize, to: usize) {
        if let Some(low) = self.low.get_mut(at) {
            *low = (*low).min(to);
        }
    }

    fn close(&mut self, at: usize, before: Option<usize>) {
        let low = self.low.get(at).copied().unwrap_or_default();
        if let Some(before) = before {
            self.lower(before, low);
        }
        if self.index.get(at) != Some(&low) {
            return;
        }
        while let Some(one) = self.waiting.pop() {
            set(&mut self.component, one, self.components);
            if one == at {
                break;
            }
        }
        self.components += 1;
    }
}

fn set<T>(list: &mut [T], at: usize, to: T) {
    if let Some(slot) = list.get_mut(at) {
        *slot = to;
    }
}
