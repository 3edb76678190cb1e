//! What must be true of a node whatever happens to it, checked while it runs on everything it puts out.
//!
//! | name | what |
//! |---|---|
//! | S6 | we never hang up on a caller who has heard nothing since her last key |
//! | R1 | no agent is rung for somebody while a protected, more urgent caller she could take waits |
//! | R2 | every `call.start` gets its `call.end`, and nothing of a call comes after it |
//! | facts first | hops stand before what follows from them; only repetitions leave ahead of their facts |
//! | one call | an agent is in one call at a time, and is not rung in it |
//! | never lower | a caller is never put into a queue as less urgent than she was |
//! | her place | a caller whose agent is lost waits on from when she first waited |
//! | private | no number of a caller and no digit she keyed stands in a fact |

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use acd::Urgency;
use call::{CallId, Hop, Output};
use media::{Command, Event, PlayEnd, PortId};
use primitives::Now;
use sip::Release;

/// Longer than any refusal is remembered by the queues.
const REFUSAL_MAX: Duration = Duration::from_secs(30);
/// How far two readings of the calendar may differ by rounding.
const ROUNDING_MS: u64 = 2;
/// Violations kept: the first one is what matters.
const VIOLATIONS_MAX: usize = 20;

/// Where one call is.
#[derive(Debug)]
struct Followed {
    has_ended: bool,
    /// The caller's own RTP port.
    port: Option<PortId>,
    /// A spoken prompt played to its end, or she talked with somebody, since her last key.
    was_spoken_to: bool,
    most_urgent: Option<Urgency>,
    waiting: Option<Waiting>,
    /// Since when she waits for a person, through every queue, until she has talked with one.
    waits_since: Option<jiff::Timestamp>,
    /// Her place while an agent has her.
    kept: Option<Waiting>,
    with: Option<String>,
}

impl Followed {
    /// Whose phone rings for her from now on.
    fn rings_at(&mut self, agent: &str) {
        if let Some(waiting) = &mut self.waiting {
            waiting.rung = Some(agent.to_owned());
        }
    }
}

/// A caller's place in a queue.
#[derive(Clone, Debug)]
struct Waiting {
    queue: String,
    urgency: Urgency,
    skills: Vec<String>,
    since: jiff::Timestamp,
    /// The batch of outputs in which she began to wait here.
    batch: u64,
    /// Whose phone rings for her.
    rung: Option<String>,
    refused_by: BTreeMap<String, Instant>,
}

/// Watches one node.
#[derive(Debug, Default)]
pub struct Monitor {
    agents: BTreeMap<String, acd::AgentConfig>,
    secrets: Vec<String>,
    calls: BTreeMap<CallId, Followed>,
    /// Who is in a call, and which.
    busy: BTreeMap<String, CallId>,
    /// Callers' ports, and what plays on each: its list, and whether it is spoken.
    ports: BTreeMap<PortId, (CallId, Option<(u64, bool)>)>,
    /// Messages that have left, by hash.
    left: BTreeSet<u64>,
    batch: u64,
    violations: Vec<String>,
    /// What happened since the last time somebody asked, in words.
    lines: Vec<String>,
    /// Calls that arrived.
    pub arrived: u64,
    /// Conversations that began.
    pub bridged: u64,
    /// Callers whose agent was lost.
    pub requeued: u64,
    /// Refused before they began.
    pub refused: u64,
}

impl Monitor {
    /// Watches a node with these agents, on whose log none of these texts may appear.
    pub fn new(agents: BTreeMap<String, acd::AgentConfig>) -> Self {
        Self { agents, ..Self::default() }
    }

    /// Agents were configured anew.
    pub fn set_agents(&mut self, agents: BTreeMap<String, acd::AgentConfig>) {
        self.agents = agents;
    }

    /// A text that must not appear in any fact.
    pub fn keep_private(&mut self, secret: String) {
        if !secret.is_empty() {
            self.secrets.push(secret);
        }
    }

    /// What was violated so far.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// The process died. What it was doing is nobody's any more.
    pub fn crash(&mut self) {
        self.calls.clear();
        self.busy.clear();
        self.ports.clear();
        self.left.clear();
    }

    /// What must be true when nothing is left to happen.
    pub fn finish(&mut self) {
        let open = self.calls.iter().filter(|(_, call)| !call.has_ended).map(|(id, _)| *id);
        for call in open.collect::<Vec<_>>() {
            self.violated(format!("R2: {call} never ended"));
        }
        let busy: Vec<_> = self.busy.keys().cloned().collect();
        for agent in busy {
            self.violated(format!("{agent} is in a call although nothing is left"));
        }
    }

    /// Something else a simulation found.
    pub fn violated(&mut self, what: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(what);
        }
    }

    /// What happened since the last time this was asked.
    pub(crate) fn take_lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    /// Everything one input led to.
    pub(crate) fn batch(&mut self, now: Now, outputs: &[Output]) {
        self.batch += 1;
        let first_other = outputs.iter().position(|output| !matches!(output, Output::Hop { .. }));
        let last_hop = outputs.iter().rposition(|output| matches!(output, Output::Hop { .. }));
        if first_other.is_some_and(|first| last_hop.is_some_and(|last| first < last)) {
            self.violated("facts first: a hop stands after what follows from it".to_owned());
        }
        let mut arrived = None;
        for output in outputs {
            match output {
                Output::Hop { call, hop, .. } => {
                    if matches!(hop, Hop::Arrived { .. } | Hop::Dialled { .. }) {
                        arrived = *call;
                    }
                    let whose = call.map_or_else(|| "node".to_owned(), short);
                    self.lines.push(format!("{whose}: {}", hop.tell(None)));
                    self.private(hop);
                    self.hop(now, *call, hop);
                }
                Output::Media { command, .. } => self.command(command, &mut arrived),
                Output::Sip(sip::Output::Send { bytes, release: Release::AtOnce, .. })
                    if follows_from_facts(bytes)
                        && !asks_for_help(bytes)
                        && !self.left.contains(&hash(bytes)) =>
                {
                    let line = first_line(bytes);
                    self.violated(format!("facts first: left at once and not repeated: {line}"));
                }
                _ => {}
            }
        }
    }

    /// A message was sent.
    pub(crate) fn left(&mut self, bytes: &[u8]) {
        if follows_from_facts(bytes) {
            self.left.insert(hash(bytes));
        }
    }

    /// A media thread tells something.
    pub(crate) fn media_event(&mut self, event: &Event) {
        let Event::PlayFinished { port, playlist, why: PlayEnd::Finished } = event else { return };
        let Some((call, playing)) = self.ports.get_mut(port) else { return };
        if *playing == Some((*playlist, true))
            && let Some(call) = self.calls.get_mut(call)
        {
            call.was_spoken_to = true;
        }
    }

    fn command(&mut self, command: &Command, arrived: &mut Option<CallId>) {
        match command {
            Command::Open { port, .. } => {
                // The first port opened with an arrival is the caller's.
                if let Some(call) = arrived.take()
                    && let Some(followed) = self.calls.get_mut(&call)
                {
                    followed.port = Some(*port);
                    self.ports.insert(*port, (call, None));
                }
            }
            Command::Play { port, playlist } => {
                if let Some((_, playing)) = self.ports.get_mut(port) {
                    let is_spoken = !playlist.repeats && !playlist.prompts.is_empty();
                    *playing = Some((playlist.id, is_spoken));
                }
            }
            Command::Close { port } => {
                self.ports.remove(port);
            }
            _ => {}
        }
    }

    fn private(&mut self, hop: &Hop) {
        let fact = hop.fact();
        let text = serde_json::Value::Object(fact.fields).to_string();
        if self.secrets.iter().any(|secret| text.contains(secret.as_str())) {
            self.violated(format!("private: a number or keyed digits stand in {}", fact.kind));
        }
    }

    fn hop(&mut self, now: Now, id: Option<CallId>, hop: &Hop) {
        match (id, hop) {
            (None, Hop::AgentNow { agent, state }) if state != "on_call" => {
                self.busy.remove(agent);
            }
            (None, Hop::Refused { .. }) => self.refused += 1,
            (None, _) => {}
            (Some(id), Hop::Arrived { .. } | Hop::Dialled { .. } | Hop::EmergencyCalled { .. }) => {
                self.arrive(id);
            }
            (Some(id), hop) => {
                let Some(mut call) = self.calls.remove(&id) else {
                    return self.violated(format!("R2: {id} speaks before its start: {}", hop.fact().kind));
                };
                if call.has_ended {
                    self.violated(format!("R2: {id} speaks after its end: {}", hop.fact().kind));
                }
                self.call_hop(now, id, &mut call, hop);
                self.calls.insert(id, call);
            }
        }
    }

    fn arrive(&mut self, id: CallId) {
        self.arrived += 1;
        let call = Followed {
            has_ended: false,
            port: None,
            was_spoken_to: false,
            most_urgent: None,
            waiting: None,
            waits_since: None,
            kept: None,
            with: None,
        };
        if self.calls.insert(id, call).is_some() {
            self.violated(format!("R2: {id} starts twice"));
        }
    }

    fn call_hop(&mut self, now: Now, id: CallId, call: &mut Followed, hop: &Hop) {
        match hop {
            Hop::Keyed { .. } => call.was_spoken_to = false,
            Hop::Queued { queue, urgency, skills, .. } => {
                let Some(urgency) = Urgency::from_word(urgency) else { return };
                self.never_lower(id, call, urgency);
                let since = *call.waits_since.get_or_insert(now.wall);
                call.waiting = Some(Waiting {
                    queue: queue.clone(),
                    urgency,
                    skills: skills.clone(),
                    since,
                    batch: self.batch,
                    rung: None,
                    refused_by: BTreeMap::new(),
                });
            }
            Hop::Tagged { urgency, .. } | Hop::Raised { urgency } => {
                let Some(urgency) = Urgency::from_word(urgency) else { return };
                self.never_lower(id, call, urgency);
                if let (Hop::Raised { .. }, Some(waiting)) = (hop, &mut call.waiting) {
                    waiting.urgency = urgency;
                    waiting.batch = self.batch;
                }
            }
            Hop::Offered { agent, .. } => {
                self.offered(now, id, call, agent);
                call.rings_at(agent);
            }
            Hop::TakenUp { by, .. } => call.rings_at(by),
            Hop::NotTaken { agent, why, .. } => {
                if let Some(waiting) = &mut call.waiting {
                    waiting.rung = None;
                    waiting.batch = self.batch;
                    if !matches!(why.as_str(), "caller_left" | "agent_left" | "overtaken") {
                        waiting.refused_by.insert(agent.clone(), now.mono);
                    }
                }
            }
            Hop::Accepted { agent, .. } => self.accepted(id, call, agent),
            Hop::Bridged { .. } => {
                self.bridged += 1;
                call.was_spoken_to = true;
            }
            Hop::Parted { why, .. } => self.parted(id, call, why),
            Hop::Requeued { waited_ms, .. } => self.requeued(now, id, call, *waited_ms),
            Hop::LeftQueue { .. } | Hop::Abandoned { .. } => {
                self.let_go(id, call);
                call.waiting = None;
            }
            Hop::Ended { cause, .. } => {
                let by_us = matches!(cause.as_str(), "completed" | "conversation_ended" | "failed");
                if by_us && !call.was_spoken_to {
                    self.violated(format!("S6: {id} hung up on in silence: {cause}"));
                }
                self.let_go(id, call);
                call.waiting = None;
                call.has_ended = true;
                if let Some(port) = call.port.take() {
                    self.ports.remove(&port);
                }
            }
            _ => {}
        }
    }

    fn parted(&mut self, id: CallId, call: &mut Followed, why: &str) {
        if why == "far_end_hung_up" {
            call.waits_since = None;
        }
        self.let_go(id, call);
    }

    fn never_lower(&mut self, id: CallId, call: &mut Followed, urgency: Urgency) {
        if call.most_urgent.is_some_and(|before| urgency > before) {
            self.violated(format!("never lower: {id} was {:?} and becomes {urgency}", call.most_urgent));
        }
        call.most_urgent = Some(urgency);
    }

    fn accepted(&mut self, id: CallId, call: &mut Followed, agent: &str) {
        if let Some(other) = self.busy.insert(agent.to_owned(), id) {
            self.violated(format!("one call: {agent} answers {id} while in {other}"));
        }
        call.with = Some(agent.to_owned());
        call.kept = call.waiting.take();
        if call.kept.is_none() {
            self.violated(format!("{agent} answers {id}, who does not wait"));
        }
    }

    fn requeued(&mut self, now: Now, id: CallId, call: &mut Followed, waited_ms: u64) {
        self.let_go(id, call);
        self.requeued += 1;
        let Some(place) = call.kept.take() else {
            return self.violated(format!("her place: {id} returns to a queue she was not in"));
        };
        let waited = now.wall.duration_since(place.since).as_millis();
        let waited = u64::try_from(waited).unwrap_or_default();
        if waited.abs_diff(waited_ms) > ROUNDING_MS {
            self.violated(format!("her place: {id} has waited {waited} ms and is said to have {waited_ms}"));
        }
        call.waiting = Some(Waiting { batch: self.batch, rung: None, ..place });
    }

    fn let_go(&mut self, id: CallId, call: &mut Followed) {
        if let Some(agent) = call.with.take()
            && self.busy.get(&agent) == Some(&id)
        {
            self.busy.remove(&agent);
        }
    }

    /// R1, and that an agent in a call is not rung.
    fn offered(&mut self, now: Now, id: CallId, call: &Followed, agent: &str) {
        if let Some(other) = self.busy.get(agent) {
            self.violated(format!("one call: {agent} is rung for {id} while in {other}"));
        }
        let Some(offered) = &call.waiting else {
            return self.violated(format!("{agent} is rung for {id}, who does not wait"));
        };
        let Some(config) = self.agents.get(agent) else {
            return self.violated(format!("{agent}, whom nobody configured, is rung for {id}"));
        };
        let waiting = self.calls.iter().filter_map(|(other, call)| Some((other, call.waiting.as_ref()?)));
        let overtaken = waiting.filter(|(_, waiting)| {
            waiting.urgency.is_protected()
                && waiting.urgency < offered.urgency
                && waiting.batch < self.batch
                && waiting.rung.is_none()
                && config.queues.contains(&waiting.queue)
                && waiting.skills.iter().all(|skill| config.skills.contains(skill))
                && waiting.refused_by.get(agent).is_none_or(|at| now.mono >= *at + REFUSAL_MAX)
        });
        let overtaken: Vec<String> = overtaken
            .map(|(other, waiting)| {
                format!(
                    "R1: {agent} is rung for {id} ({}) over {other} ({})",
                    offered.urgency, waiting.urgency
                )
            })
            .collect();
        for violation in overtaken {
            self.violated(violation);
        }
    }
}

/// Whether a message may only leave after the facts of the same breath: all but 100 Trying, ACK, and answers
/// no fact is made of.
fn follows_from_facts(bytes: &[u8]) -> bool {
    let is_request = |method: &[u8]| bytes.starts_with(method);
    if is_request(b"INVITE ") || is_request(b"BYE ") || is_request(b"CANCEL ") {
        return true;
    }
    let status = bytes.strip_prefix(b"SIP/2.0 ").and_then(|rest| rest.first_chunk::<3>());
    let is_progress_or_success = status.is_some_and(|status| matches!(status, b"180" | b"183" | b"200"));
    is_progress_or_success && bytes.windows(9).any(|text| text == b" INVITE\r\n")
}

/// The one INVITE that waits for no disk.
fn asks_for_help(bytes: &[u8]) -> bool {
    let priority = b"\r\nPriority: emergency\r\n";
    bytes.starts_with(b"INVITE ") && bytes.windows(priority.len()).any(|text| text == priority)
}

fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    // The request URI of an INVITE may hold a number.
    String::from_utf8_lossy(line).split('@').next().unwrap_or_default().chars().take(20).collect()
}

/// The end of a call's name: its beginning is the time, alike in all.
fn short(call: CallId) -> String {
    let name = call.to_string();
    name.get(26..).unwrap_or(&name).to_owned()
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
