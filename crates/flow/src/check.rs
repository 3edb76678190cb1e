//! What only a whole flow, or all flows together, can show: where a caller could be lost.
//!
//! The names are those of the safety invariants (S1 to S22): S1 the 911 notice comes first and soon, S4 a person
//! is reachable, S6 nobody is hung up on in silence, S8 no endless loop, S20 no step that nothing leads to.

pub(crate) mod days;
mod ergonomics;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::diagnostic::Severity;
use crate::document::Place;
use crate::flow::{Flow, Go, Say, Step, StepId, Verb};
use crate::grammar::flow::Draft;
use crate::grammar::{Reader, Report};
use crate::scenario::Scenario;

/// From the answer to the end of the 911 notice in the last language (domain S1).
const NOTICE_WITHIN: Duration = Duration::from_secs(10);

/// What one flow shows on its own.
pub(crate) fn flow(reader: &mut Reader<'_>, draft: &Draft) {
    let flow = &draft.flow;
    let reached = reachable(flow);
    let unhelped = ergonomics::before_help(flow);
    for (at, step) in flow.steps.iter().enumerate() {
        let place = draft.steps.get(at).copied().unwrap_or_default();
        if !reached.contains(&StepId(at)) {
            reader.warning(Report {
                code: "flow/unreachable",
                place,
                message: format!("nothing leads to step `{}`", step.name),
                label: "never reached",
                help: Some("name it somewhere, or take it out".to_owned()),
            });
            continue;
        }
        goodbye_at_the_end(reader, flow, step, place);
        person_in_reach(reader, flow, StepId(at), step, place);
        loops(reader, flow, StepId(at), step, place);
        ergonomics::step(reader, flow, step, place, unhelped.contains(&StepId(at)));
    }
    emergency_leads_to_a_person(reader, draft);
    if !flow.answers.is_empty() {
        notice_comes_first(reader, draft);
    }
}

/// Where a step may lead, `None` being the end of the flow.
fn ways(flow: &Flow, step: &Step) -> Vec<Option<StepId>> {
    step.exits(flow).into_iter().map(|exit| exit.to).collect()
}

fn reachable(flow: &Flow) -> BTreeSet<StepId> {
    let engine = [flow.emergency, flow.operator, flow.give_up, flow.on_error];
    let mut to_see: Vec<StepId> = engine.into_iter().flatten().chain([StepId(0)]).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = to_see.pop() {
        let Some(step) = flow.step(id).filter(|_| seen.insert(id)) else { continue };
        to_see.extend(ways(flow, step).into_iter().flatten());
    }
    seen
}

/// S6: a flow that answers calls does not simply stop.
fn goodbye_at_the_end(reader: &mut Reader<'_>, flow: &Flow, step: &Step, place: Place) {
    if !flow.answers.is_empty() && ways(flow, step).contains(&None) {
        reader.error(Report {
            code: "flow/no-end",
            place,
            message: format!("after step `{}` the flow ends without a goodbye", step.name),
            label: "nothing follows",
            help: Some("end it with `hang_up: goodbye`, or say where it goes on with `next`".to_owned()),
        });
    }
}

/// S4: from every question there is a way to a person.
fn person_in_reach(reader: &mut Reader<'_>, flow: &Flow, id: StepId, step: &Step, place: Place) {
    if !step.verb.asks() || flow.answers.is_empty() {
        return;
    }
    let mut to_see: Vec<StepId> = [Some(id), flow.operator].into_iter().flatten().collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = to_see.pop() {
        let Some(step) = flow.step(id).filter(|_| seen.insert(id)) else { continue };
        if matches!(step.verb, Verb::Queue(_) | Verb::Transfer(_) | Verb::Page(_)) {
            return;
        }
        to_see.extend(ways(flow, step).into_iter().flatten());
    }
    reader.error(Report {
        code: "flow/no-person",
        place,
        message: format!("from step `{}` no way leads to a person", step.name),
        label: "neither a key, nor 0, nor silence",
        help: Some("let `operator:` or `defaults.give_up` name a step with `queue` or `transfer`".to_owned()),
    });
}

/// S8: steps that never wait must not lead back to themselves, nor a queue nobody serves to itself.
fn loops(reader: &mut Reader<'_>, flow: &Flow, id: StepId, step: &Step, place: Place) {
    let at_once =
        |(go, exit): (&Go, &'static str)| Some((go.to.or(step.next).filter(|_| go.call.is_none())?, exit));
    let starts: Vec<(StepId, &str)> = match &step.verb {
        Verb::Set(_) | Verb::Tag | Verb::Note(_) | Verb::Goto(_) | Verb::NotConfigured(_) => vec![(id, "")],
        Verb::Queue(queue) => [
            (&queue.on_empty, "on_empty"),
            (&queue.on_full, "on_full"),
            (&queue.on_error, "on_error"),
            (&queue.on_closed, "on_closed"),
        ]
        .into_iter()
        .filter_map(at_once)
        .collect(),
        Verb::Inquire(inquire) => {
            let rest = [("not_found", &inquire.not_found), ("found", &inquire.found)];
            let rest = rest.into_iter().filter_map(|(exit, go)| Some((go.as_ref()?, exit)));
            [(&inquire.failed, "failed")].into_iter().chain(rest).filter_map(at_once).collect()
        }
        Verb::Page(page) => [(&page.on_exhausted, "on_exhausted"), (&page.on_error, "on_error")]
            .into_iter()
            .filter_map(at_once)
            .collect(),
        _ => return,
    };
    for (start, exit) in starts {
        let mut at = start;
        let mut is_first = exit.is_empty();
        for _ in 0..=flow.steps.len() {
            if at == id && !is_first {
                reader.error(Report {
                    code: "flow/loop",
                    place,
                    message: match exit {
                        "" => format!("step `{}` leads back to itself and nothing waits between", step.name),
                        exit => format!("`{exit}` of `{}` leads back to the same step at once", step.name),
                    },
                    label: "an endless loop",
                    help: Some("let a prompt, a question or another person come between".to_owned()),
                });
                return;
            }
            is_first = false;
            let next = flow.step(at).and_then(|step| match &step.verb {
                Verb::Set(_) | Verb::Tag | Verb::Note(_) => step.next,
                Verb::Goto(to) => Some(*to),
                Verb::NotConfigured(not) => not.failed.to.or(step.next),
                _ => None,
            });
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
    }
}

/// The emergency key leads to a person or to 911 without another question.
fn emergency_leads_to_a_person(reader: &mut Reader<'_>, draft: &Draft) {
    let flow = &draft.flow;
    let Some(start) = flow.emergency else { return };
    let mut to_see = vec![Some(start)];
    let mut seen = BTreeSet::new();
    while let Some(at) = to_see.pop() {
        let Some(step) = at.and_then(|id| flow.step(id)) else {
            return not_a_person(reader, draft, "the end of the flow");
        };
        if at.is_some_and(|id| !seen.insert(id)) {
            continue;
        }
        match &step.verb {
            Verb::Queue(_) | Verb::Transfer(_) | Verb::Page(_) | Verb::Emergency(_) => {}
            Verb::Play { .. }
            | Verb::Say { .. }
            | Verb::Set(_)
            | Verb::Tag
            | Verb::Note(_)
            | Verb::When { .. }
            | Verb::Hours { .. }
            | Verb::Goto(_)
            | Verb::Record { .. }
            | Verb::Disclose(_)
            | Verb::NotConfigured(_)
            | Verb::Consent(_)
            | Verb::Inquire(_)
            | Verb::Wait(_) => to_see.extend(ways(flow, step)),
            Verb::Menu(_)
            | Verb::Collect(_)
            | Verb::Library(_)
            | Verb::Fail(_)
            | Verb::Judge(_)
            | Verb::Call(_)
            | Verb::Return
            | Verb::TakeMessage(_)
            | Verb::HangUp(_) => {
                return not_a_person(
                    reader,
                    draft,
                    &format!("`{}` in step `{}`", step.verb.word(), step.name),
                );
            }
        }
    }
}

fn not_a_person(reader: &mut Reader<'_>, draft: &Draft, first: &str) {
    reader.error(Report {
        code: "flow/emergency-not-a-person",
        place: draft.emergency,
        message: format!("the emergency key leads to {first} before any person"),
        label: "where 9 leads",
        help: Some(
            "it must come to a `queue`, `transfer` or `emergency` without another question".to_owned(),
        ),
    });
}

/// S1: the 911 notice, in every language, is over 10 s after the answer, before anything else is asked.
fn notice_comes_first(reader: &mut Reader<'_>, draft: &Draft) {
    let flow = &draft.flow;
    let severity = if reader.shared.environment.is_production { Severity::Error } else { Severity::Warning };
    let mut to_see = vec![(StepId(0), Duration::ZERO)];
    let mut seen = BTreeSet::new();
    while let Some((id, before)) = to_see.pop() {
        let Some(step) = flow.step(id).filter(|_| seen.insert(id)) else { continue };
        let place = draft.steps.get(id.0).copied().unwrap_or_default();
        match &step.verb {
            Verb::Play { say, .. } => {
                match say.prompts.iter().position(|name| *name == flow.emergency_notice) {
                    Some(at) if say.in_all_languages || flow.languages.len() == 1 => {
                        let over = before + duration(reader, flow, say, at + 1);
                        if over > NOTICE_WITHIN {
                            reader.report(
                                severity,
                                Report {
                                    code: "flow/911-notice-late",
                                    place,
                                    message: format!(
                                        "the 911 notice is over {:.1} s after the answer",
                                        over.as_secs_f64()
                                    ),
                                    label: "more than 10 s",
                                    help: Some("let it come first, and shorten it".to_owned()),
                                },
                            );
                        }
                    }
                    Some(_) | None => {
                        let over = before + duration(reader, flow, say, say.prompts.len());
                        to_see.extend(step.next.map(|next| (next, over)));
                    }
                }
            }
            Verb::Set(_)
            | Verb::Tag
            | Verb::Note(_)
            | Verb::When { .. }
            | Verb::Hours { .. }
            | Verb::Record { .. }
            | Verb::Goto(_) => {
                to_see.extend(ways(flow, step).into_iter().flatten().map(|next| (next, before)));
            }
            Verb::Wait(time) => to_see.extend(step.next.map(|next| (next, before + *time))),
            Verb::Emergency(_) => {}
            verb => {
                let notice = &flow.emergency_notice;
                let message = format!("`{}` comes before the 911 notice `{notice}`", verb.word());
                let help = format!("begin with `play: {{ prompts: {notice}, languages: all, keys: keep }}`");
                reader.report(
                    severity,
                    Report {
                        code: "flow/no-911-notice",
                        place,
                        message,
                        label: "reached without the notice in every language",
                        help: Some(help),
                    },
                );
            }
        }
    }
}

/// How long the first prompts of a place take, in the slowest language where it is the caller's alone.
fn duration(reader: &Reader<'_>, flow: &Flow, say: &Say, first: usize) -> Duration {
    let prompts = &reader.shared.environment.prompts;
    let in_language = |language: &str| -> Duration {
        let known = prompts.get(language);
        let of = |name: &str| known.and_then(|known| known.get(name)).map(|info| info.duration);
        say.prompts.iter().take(first).filter_map(|name| of(name)).sum()
    };
    let each = flow.languages.iter().map(|language| in_language(language));
    if say.in_all_languages { each.sum() } else { each.max().unwrap_or_default() }
}

/// The steps a test names exist, in any flow, and a person could be told to be there.
pub(crate) fn scenario(reader: &mut Reader<'_>, scenario: &Scenario, drafts: &[(&str, Draft)]) {
    let named = scenario.script.iter().map(|entry| (&entry.at, entry.place));
    let named = named.chain(scenario.expected.steps.iter().map(|(name, place)| (name, *place)));
    for (name, place) in named {
        let (flow, step) =
            name.split_once('/').map_or((None, name.as_str()), |(flow, step)| (Some(flow), step));
        let flows = drafts.iter().map(|(_, draft)| &draft.flow);
        let steps: Vec<&str> = flows
            .filter(|known| flow.is_none_or(|flow| *flow == *known.name))
            .flat_map(|flow| flow.steps.iter().filter(|step| step.verb.is_told()).map(|step| &*step.name))
            .collect();
        reader.known((step, place), "flow/unknown-step", "step", steps.iter().copied());
    }
}

/// What all flows show together.
pub(crate) fn among_flows(reader: &mut Reader<'_>, path: &str, draft: &Draft, drafts: &[(&str, Draft)]) {
    for test in &draft.scenarios {
        scenario(reader, test, drafts);
    }
    let name = &draft.flow.name;
    let stem = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let stem = stem.trim_end_matches(".yaml").trim_end_matches(".yml");
    if stem != &**name {
        reader.warning(Report {
            code: "flow/name-differs",
            place: draft.name,
            message: format!("flow `{name}` stands in a file called {stem}"),
            label: "another name",
            help: Some(format!("rename the file to {name}.yaml, or the flow")),
        });
    }
    let earlier = drafts.iter().take_while(|(other, _)| *other != path);
    for (other, before) in earlier {
        if before.flow.name == *name {
            reader.error(Report {
                code: "flow/duplicate-flow",
                place: draft.name,
                message: format!("there are two flows called `{name}`"),
                label: "the second one",
                help: Some(format!("the first is in {other}")),
            });
        }
        for (number, place) in draft.flow.answers.iter().zip(&draft.answers) {
            if before.flow.answers.contains(number) {
                reader.error(Report {
                    code: "flow/duplicate-answers",
                    place: *place,
                    message: format!("two flows answer {number}"),
                    label: "answered twice",
                    help: Some(format!("the other is `{}` in {other}", before.flow.name)),
                });
            }
        }
    }
    for (at, number) in draft.flow.answers.iter().enumerate() {
        if draft.flow.answers.iter().take(at).any(|other| other == number) {
            reader.error(Report {
                code: "flow/duplicate-answers",
                place: draft.answers.get(at).copied().unwrap_or_default(),
                message: format!("{number} stands twice in `answers`"),
                label: "the second one",
                help: None,
            });
        }
    }
    sub_flows(reader, draft, drafts);
    ergonomics::depth(reader, draft, drafts);
}

/// The flows this one calls: no circle, and every language.
fn sub_flows(reader: &mut Reader<'_>, draft: &Draft, drafts: &[(&str, Draft)]) {
    let of = |name: &str| drafts.iter().map(|(_, draft)| draft).find(|draft| &*draft.flow.name == name);
    for (callee, place) in &draft.calls {
        let Some(called) = of(callee) else { continue };
        calls_in_circles(reader, draft, called, *place, &of);
        let lacking: Vec<&str> = draft
            .flow
            .languages
            .iter()
            .filter(|language| !called.flow.languages.contains(language))
            .map(|language| &**language)
            .collect();
        if !lacking.is_empty() {
            reader.error(Report {
                code: "flow/sub-flow-language",
                place: *place,
                message: format!("flow `{callee}` does not speak: {}", lacking.join(", ")),
                label: "called from a flow that does",
                help: Some(format!("add them to `languages` of `{callee}`, with its prompts")),
            });
        }
    }
}

fn calls_in_circles<'d>(
    reader: &mut Reader<'_>,
    draft: &Draft,
    called: &'d Draft,
    place: Place,
    of: &impl Fn(&str) -> Option<&'d Draft>,
) {
    let mut to_see = vec![called];
    let mut seen = BTreeSet::new();
    while let Some(at) = to_see.pop() {
        if at.flow.name == draft.flow.name {
            reader.error(Report {
                code: "flow/call-cycle",
                place,
                message: format!("flow `{}` calls itself, by way of `{}`", draft.flow.name, called.flow.name),
                label: "part of a circle",
                help: Some("let one of them `return` instead".to_owned()),
            });
            return;
        }
        if seen.insert(at.flow.name.clone()) {
            to_see.extend(at.calls.iter().filter_map(|(name, _)| of(name)));
        }
    }
}
