//! What callers can bear of menus (domain 3.6, rule S17): few choices, in order, said before their keys, the keys that
//! are said and no others, and a person not many menus away.
//!
//! What is known exactly and out of bounds is an error. What is read out of the prompts' words is a warning.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::duration;
use crate::announced::{Announced, keys_named};
use crate::document::Place;
use crate::flow::outline::Speech;
use crate::flow::{Flow, Menu, Say, Step, StepId, Verb};
use crate::grammar::flow::Draft;
use crate::grammar::{Reader, Report};

/// How often a question is heard: again for who did not understand, and a person before who cannot press despairs.
const TRIES: std::ops::RangeInclusive<u8> = 2..=3;
/// A question longer than this has a short form for whoever hears it again.
const LONG_QUESTION: Duration = Duration::from_secs(12);
/// Menus before a person: what is good, and what callers still bear.
const DEPTH_GOOD: u32 = 2;
const DEPTH_MAX: u32 = 3;

/// Steps a caller comes to before anybody talked with her.
pub(super) fn before_help(flow: &Flow) -> BTreeSet<StepId> {
    let engine = [flow.emergency, flow.operator, flow.give_up, flow.on_error];
    let mut to_see: Vec<StepId> = engine.into_iter().flatten().chain([StepId(0)]).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = to_see.pop() {
        let Some(step) = flow.step(id).filter(|_| seen.insert(id)) else { continue };
        let exits = step.exits(flow).into_iter().filter(|exit| exit.by != "after_call");
        to_see.extend(exits.filter_map(|exit| exit.to));
    }
    seen
}

/// What one step asks of its callers. `is_unhelped`: nobody may have talked with them yet.
pub(super) fn step(reader: &mut Reader<'_>, flow: &Flow, step: &Step, place: Place, is_unhelped: bool) {
    let name = &step.name;
    match &step.verb {
        Verb::Menu(menu) => {
            in_order(reader, menu, name, place);
            re_prompts(reader, flow, (&menu.play, &menu.again, menu.patience.tries), name, place);
        }
        Verb::Collect(collect) => {
            re_prompts(reader, flow, (&collect.play, &collect.again, collect.patience.tries), name, place);
        }
        Verb::Library(topics) => {
            re_prompts(reader, flow, (&topics.play, &topics.again, topics.patience.tries), name, place);
        }
        _ => {}
    }
    // A survey is asked of who was served: she may say nothing.
    let is_survey = matches!(&step.verb, Verb::Menu(menu) if menu.survey.is_some());
    if step.verb.asks() && is_unhelped && !is_survey {
        silence_does_not_end(reader, flow, step, place);
    }
    if let Some(meant) = Meant::of(&step.verb) {
        for language in &flow.languages {
            words_name_the_keys(reader, flow, step, place, &meant, language);
        }
    }
}

/// The choices are 1, 2, 3 without a gap: callers hear the fourth and press 4.
fn in_order(reader: &mut Reader<'_>, menu: &Menu, name: &str, place: Place) {
    let bound: Vec<char> = menu.keys.keys().copied().filter(|key| ('1'..='8').contains(key)).collect();
    let skipped = ('1'..='8').zip(&bound).find(|(expected, key)| expected != *key);
    if let (Some((expected, key)), true) = (skipped, bound.len() > 1) {
        reader.error(Report {
            code: "flow/key-gap",
            place,
            message: format!("the choices of `{name}` go on with {key} where {expected} comes next"),
            label: "a gap between its keys",
            help: Some("number the choices 1, 2, 3 in the order they are said".to_owned()),
        });
    }
}

/// Asked again, at most twice, and shorter (domain 3.6).
fn re_prompts(
    reader: &mut Reader<'_>,
    flow: &Flow,
    (play, again, tries): (&Say, &Say, u8),
    name: &str,
    place: Place,
) {
    if !TRIES.contains(&tries) {
        reader.warning(Report {
            code: "flow/re-prompts",
            place,
            message: match tries {
                1 => format!("`{name}` is asked once and not again"),
                tries => format!("`{name}` is asked {tries} times"),
            },
            label: "asked again once or twice is what helps",
            help: Some("`tries: 3`, then a person".to_owned()),
        });
    }
    let length = |say: &Say| duration(reader, flow, say, say.prompts.len());
    let (first, second) = (length(play), length(again));
    let message = match () {
        () if again != play && second > first => {
            format!("`{name}` takes {:.1} s the first time and {:.1} s again", secs(first), secs(second))
        }
        () if again == play && first > LONG_QUESTION && tries > 1 => {
            format!("`{name}` is asked again with all its {:.1} s", secs(first))
        }
        () => return,
    };
    reader.warning(Report {
        code: "flow/long-again",
        place,
        message,
        label: "heard again, it should be shorter",
        help: Some("a short form under `again:`, or fewer words".to_owned()),
    });
}

fn secs(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// Silence and wrong keys never end a call: 28 CFR 36.303(d), relay operators and slow hands need the time.
fn silence_does_not_end(reader: &mut Reader<'_>, flow: &Flow, step: &Step, place: Place) {
    for exit in step.exits(flow) {
        let Some(word) = ["give_up", "no_input", "wrong_key"].into_iter().find(|word| exit.by == *word)
        else {
            continue;
        };
        if exit.go.is_some_and(|go| go.call.is_some()) {
            continue;
        }
        let mut to_see: Vec<StepId> = exit.to.into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = to_see.pop() {
            let Some(at) = flow.step(id).filter(|_| seen.insert(id)) else { continue };
            match &at.verb {
                Verb::HangUp(_) => {
                    reader.error(Report {
                        code: "flow/silence-hangs-up",
                        place,
                        message: format!("`{word}` of `{}` ends the call, in step `{}`", step.name, at.name),
                        label: "a caller who presses nothing is hung up on",
                        help: Some("let it lead to a `queue`, and to a person".to_owned()),
                    });
                    break;
                }
                Verb::Play { .. }
                | Verb::Say { .. }
                | Verb::Set(_)
                | Verb::Tag
                | Verb::Note(_)
                | Verb::Goto(_)
                | Verb::Wait(_) => to_see.extend(at.exits(flow).into_iter().filter_map(|exit| exit.to)),
                _ => {}
            }
        }
    }
}

/// Which keys mean something at a step, and which of them its words must name.
struct Meant {
    /// These and the engine's own, 0 and 9.
    keys: BTreeSet<char>,
    must_be_named: Vec<char>,
    /// Whether a place's words are spoken to who presses them there.
    is_asked_at: fn(&str) -> bool,
}

impl Meant {
    fn of(verb: &Verb) -> Option<Self> {
        let anywhere: fn(&str) -> bool = |at| !matches!(at, "music" | "ask");
        let meant = |keys: &str, must: &str| Self {
            keys: keys.chars().collect(),
            must_be_named: must.chars().collect(),
            is_asked_at: anywhere,
        };
        Some(match verb {
            Verb::Menu(menu) => {
                let must = match menu.survey {
                    // "From 1 to 5" names no key.
                    Some(_) => Vec::new(),
                    None => menu.keys.keys().copied().filter(|key| ('1'..='8').contains(key)).collect(),
                };
                let keys = menu.keys.keys().copied().chain(['*']).collect();
                Self { keys, must_be_named: must, is_asked_at: anywhere }
            }
            Verb::Library(topics) => {
                let keys = topics.topics.keys().copied().chain([topics.repeat, topics.back]).collect();
                Self { keys, must_be_named: topics.topics.keys().copied().collect(), is_asked_at: anywhere }
            }
            Verb::Consent(consent) => {
                let key = consent.refuse_key.to_string();
                meant(&key, &key)
            }
            // Any key ends what is spoken; only what she may do with it afterwards has keys of its own.
            Verb::TakeMessage(_) => Self { is_asked_at: |at| at == "review", ..meant("124", "") },
            Verb::Queue(_) | Verb::Transfer(_) | Verb::Page(_) | Verb::Disclose(_) | Verb::HangUp(_) => {
                meant("", "")
            }
            _ => return None,
        })
    }
}

/// "Press 3" where 3 means nothing, a choice nobody hears of, and the order in which they are said.
fn words_name_the_keys(
    reader: &mut Reader<'_>,
    flow: &Flow,
    step: &Step,
    place: Place,
    meant: &Meant,
    language: &str,
) {
    let name = &step.name;
    let mut named = BTreeSet::new();
    let mut is_all_known = true;
    for speech in step.says().iter().filter(|speech| (meant.is_asked_at)(&speech.at)) {
        let Some(keys) = keys_in(reader, flow, speech, language) else {
            is_all_known = false;
            continue;
        };
        let at = &speech.at;
        named.extend(keys.iter().map(|announced| announced.key));
        let unbound =
            keys.iter().find(|said| !meant.keys.contains(&said.key) && !['0', '9'].contains(&said.key));
        let mut warn = |code, message: String, label, help: &str| {
            reader.warning(Report { code, place, message, label, help: Some(help.to_owned()) });
        };
        if let Some(Announced { key, .. }) = unbound {
            let message =
                format!("`{at}` of `{name}` says in {language} to press {key}, which does nothing here");
            warn("flow/unbound-key", message, "no such key", "bind the key, or change the prompt's words");
        }
        if keys.iter().any(|said| said.is_before_its_choice) {
            let message = format!("`{at}` of `{name}` says in {language} the key before what it is for");
            let help = "\"for a nurse, press 1\": callers keep the last thing they heard in mind";
            warn("flow/key-before-choice", message, "the key comes first", help);
        }
        let digits = keys.iter().map(|said| said.key).filter(|key| ('1'..='8').contains(key));
        let mut seen = BTreeSet::new();
        let is_fallen = |key: char, seen: &BTreeSet<char>| seen.last().is_some_and(|last| *last > key);
        for key in digits {
            if !seen.contains(&key) && is_fallen(key, &seen) {
                let message = format!("`{at}` of `{name}` says in {language} key {key} behind a higher one");
                warn("flow/key-order", message, "not in order", "say the choices in the order of their keys");
                break;
            }
            seen.insert(key);
        }
    }
    let unnamed = meant.must_be_named.iter().find(|key| is_all_known && !named.contains(key));
    if let Some(key) = unnamed {
        reader.warning(Report {
            code: "flow/unnamed-key",
            place,
            message: format!("no words of `{name}` say in {language} what key {key} is for"),
            label: "a choice nobody hears of",
            help: Some("let the prompt say it, or take the key out".to_owned()),
        });
    }
}

/// The keys a place's words name, as a caller of this language hears them. `None`: not all of it is known.
fn keys_in(reader: &Reader<'_>, flow: &Flow, speech: &Speech<'_>, language: &str) -> Option<Vec<Announced>> {
    let texts = &reader.shared.environment.texts;
    let in_language = |language: &str, name: &str| {
        let text = texts.get(language)?.get(name).filter(|text| !text.trim().is_empty())?;
        keys_named(language, text)
    };
    let mut keys = Vec::new();
    for prompt in &speech.prompts {
        if !speech.in_all_languages {
            keys.extend(in_language(language, prompt)?);
            continue;
        }
        for language in &flow.languages {
            keys.extend(in_language(language, prompt)?);
        }
    }
    Some(keys)
}

/// From the answer, a caller who presses the right keys comes to a person through few menus.
pub(super) fn depth(reader: &mut Reader<'_>, draft: &Draft, drafts: &[(&str, Draft)]) {
    let flows: BTreeMap<&str, &Flow> =
        drafts.iter().map(|(_, draft)| (&*draft.flow.name, &draft.flow)).collect();
    let Some(menus) = fewest(&draft.flow, &flows, &mut BTreeSet::new()).person else { return };
    if menus <= DEPTH_GOOD || draft.flow.answers.is_empty() {
        return;
    }
    let report = Report {
        code: "flow/deep-menu",
        place: draft.name,
        message: format!("a person is {menus} menus away in `{}`, on the shortest way", draft.flow.name),
        label: "many menus before a person",
        help: Some(format!("at most {DEPTH_GOOD}: let a menu nearer to the answer lead to a `queue`")),
    };
    if menus > DEPTH_MAX { reader.error(report) } else { reader.warning(report) }
}

/// The fewest menus to a person, and to the end of a sub-flow.
#[derive(Clone, Copy, Default)]
struct Fewest {
    person: Option<u32>,
    back: Option<u32>,
}

impl Fewest {
    fn person(&mut self, menus: u32) {
        self.person = Some(self.person.map_or(menus, |known| known.min(menus)));
    }

    fn back(&mut self, menus: u32) {
        self.back = Some(self.back.map_or(menus, |known| known.min(menus)));
    }
}

fn fewest<'f>(flow: &'f Flow, flows: &BTreeMap<&str, &'f Flow>, calling: &mut BTreeSet<&'f str>) -> Fewest {
    let mut found = Fewest::default();
    // A circle of flows is a mistake of its own.
    if !calling.insert(&flow.name) {
        return found;
    }
    let mut through: BTreeMap<&str, Fewest> = BTreeMap::new();
    let mut known: BTreeMap<StepId, u32> = BTreeMap::new();
    let mut to_see = vec![(StepId(0), 0)];
    while let Some((id, menus)) = to_see.pop() {
        let Some(step) = flow.step(id).filter(|_| known.get(&id).is_none_or(|known| *known > menus)) else {
            continue;
        };
        known.insert(id, menus);
        if matches!(step.verb, Verb::Queue(_) | Verb::Transfer(_) | Verb::Page(_)) {
            found.person(menus);
            continue;
        }
        let is_menu = matches!(&step.verb, Verb::Menu(menu) if menu.survey.is_none() && menu.words.is_none());
        let menus = menus + u32::from(is_menu || matches!(step.verb, Verb::Library(_)));
        let own = match &step.verb {
            Verb::Call(name) => Some(name),
            _ => None,
        };
        for exit in step.exits(flow) {
            // Who knows her way presses a key.
            if is_menu && exit.by.chars().count() != 1 {
                continue;
            }
            let mut menus = menus;
            for called in own.into_iter().chain(exit.go.and_then(|go| go.call.as_ref())) {
                let Some(callee) = flows.get(&**called) else { continue };
                if !through.contains_key(&*callee.name) {
                    let inside = fewest(callee, flows, calling);
                    through.insert(&callee.name, inside);
                }
                let inside = through.get(&*callee.name).copied().unwrap_or_default();
                inside.person.into_iter().for_each(|more| found.person(menus + more));
                menus = menus.saturating_add(inside.back.unwrap_or(NEVER));
            }
            match exit.to {
                _ if menus >= NEVER => {}
                Some(to) => to_see.push((to, menus)),
                None => found.back(menus),
            }
        }
        if matches!(step.verb, Verb::Return) {
            found.back(menus);
        }
    }
    calling.remove(&*flow.name);
    found
}

/// More menus than a call can have: a sub-flow that does not come back.
const NEVER: u32 = 1_000_000;
