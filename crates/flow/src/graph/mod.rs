//! A flow as a picture: steps and the ways between them, whatever their verbs.

mod layout;
mod mermaid;
mod svg;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::Urgency;
use crate::flow::outline::Exit;
use crate::flow::{Flow, Go, Library, Step, Verb};

/// Steps and ways of one flow and of the flows it calls.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The flow itself, then those it calls, each once.
    clusters: Vec<Cluster>,
}

/// One flow.
#[derive(Clone, Debug)]
struct Cluster {
    flow: Arc<str>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

/// One step.
#[derive(Clone, Debug)]
struct Node {
    step: Arc<str>,
    verb: &'static str,
    /// What it says or whom it leads to, in one short line.
    what: String,
    /// What it makes of a caller, where it says so.
    urgency: Option<Urgency>,
    /// A person, or the advice to dial 911.
    helps: bool,
    /// It is over in no time and nothing is heard.
    computes: bool,
    /// A way out of it ends the flow: in a sub-flow it goes back.
    returns: bool,
    /// Flows it calls, by number of their cluster.
    calls: Vec<usize>,
    /// How many calls came here, where that is known.
    count: Option<u64>,
}

/// Every way from one step to another, drawn as one line.
#[derive(Clone, Debug)]
struct Edge {
    from: usize,
    /// `None`: the end of the flow.
    to: Option<usize>,
    words: Vec<String>,
    /// Every way out of its step.
    is_all: bool,
    /// The most urgent a caller becomes on the way.
    urgency: Option<Urgency>,
}

/// How many calls came to a step: flow, step, how often.
pub type Counts = BTreeMap<(String, String), u64>;

impl Graph {
    /// Of a flow and everything it calls.
    pub fn of(library: &Library, flow: &str, counts: Option<&Counts>) -> Option<Self> {
        let mut flows: Vec<&Arc<Flow>> = vec![library.flow(flow)?];
        let mut known: BTreeSet<&str> = flows.iter().map(|flow| flow.name()).collect();
        let mut next = 0;
        while let Some(flow) = flows.get(next).copied() {
            next += 1;
            let called = flow.steps.iter().flat_map(|step| step.calls(flow));
            for callee in called.filter_map(|name| library.flow(name)) {
                if known.insert(callee.name()) {
                    flows.push(callee);
                }
            }
        }
        let numbers: BTreeMap<&str, usize> =
            flows.iter().enumerate().map(|(at, flow)| (flow.name(), at)).collect();
        let clusters = flows.iter().map(|flow| cluster(flow, &numbers, counts)).collect();
        Some(Self { clusters })
    }
}

fn cluster(flow: &Flow, numbers: &BTreeMap<&str, usize>, counts: Option<&Counts>) -> Cluster {
    let node = |step: &Step| Node {
        step: step.name.clone(),
        verb: step.verb.word(),
        what: step.verb.whom().or_else(|| said(step)).unwrap_or_default(),
        urgency: step.tag.urgency,
        helps: step.verb.helps(),
        computes: !step.verb.is_told(),
        returns: flow.answers.is_empty()
            && (matches!(step.verb, Verb::Return) || step.exits(flow).iter().any(|exit| exit.to.is_none())),
        calls: step.calls(flow).into_iter().filter_map(|name| numbers.get(&**name).copied()).collect(),
        count: counts.map(|counts| {
            counts.get(&(flow.name().to_owned(), step.name.to_string())).copied().unwrap_or_default()
        }),
    };
    let mut edges: Vec<Edge> = Vec::new();
    for (from, step) in flow.steps.iter().enumerate() {
        for exit in step.exits(flow) {
            let to = exit.to.map(|step| step.0);
            let urgency = exit.go.and_then(|go| go.tag.urgency);
            let word = word_of(&exit);
            match edges.iter_mut().find(|edge| edge.from == from && edge.to == to) {
                Some(edge) => {
                    edge.words.push(word);
                    edge.urgency = edge.urgency.into_iter().chain(urgency).min();
                }
                None => edges.push(Edge { from, to, words: vec![word], is_all: false, urgency }),
            }
        }
    }
    let ways_from = |from: usize| edges.iter().filter(move |edge| edge.from == from).count();
    let are_all: Vec<bool> =
        edges.iter().map(|edge| edge.words.len() > 1 && ways_from(edge.from) == 1).collect();
    edges.iter_mut().zip(are_all).for_each(|(edge, is_all)| edge.is_all = is_all);
    Cluster { flow: flow.name.clone(), nodes: flow.steps.iter().map(node).collect(), edges }
}

/// The first prompt it says; music is no words.
fn said(step: &Step) -> Option<String> {
    let first = step.says().into_iter().find(|speech| speech.at != "music")?;
    let name = first.prompts.first()?;
    let more = if first.prompts.len() > 1 { " …" } else { "" };
    let all = if first.in_all_languages { ", every language" } else { "" };
    Some(format!("{name}{more}{all}"))
}

/// An exit's word, with the flow called on the way.
fn word_of(exit: &Exit<'_>) -> String {
    match exit.go {
        Some(Go { call: Some(flow), .. }) => format!("{} via {flow}", exit.by),
        _ => exit.by.to_string(),
    }
}

impl Edge {
    /// What stands at the line: nothing where the step simply goes on.
    fn label(&self) -> String {
        // Beyond three words a line is not read any more, and all of a queue's exits are one thing to a reader.
        const WORDS_MAX: usize = 3;
        match self.words.as_slice() {
            [next] if next == "next" => String::new(),
            _ if self.is_all => "any exit".to_owned(),
            words if words.len() > WORDS_MAX => {
                let first = words.first().map_or("", String::as_str);
                format!("{first} and {} more", words.len() - 1)
            }
            words => words.join(", "),
        }
    }
}
