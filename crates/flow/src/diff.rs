//! What changes for callers from one version of the flows to another: not lines, but where keys lead, what is said, how
//! long it takes and what is still promised.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::flow::outline::Exit;
use crate::flow::{Flow, Library, Step};
use crate::{PromptTexts, Proof};

/// Below it two worst times are the same: nobody hears a tenth of a second.
const TIME_THAT_MATTERS: Duration = Duration::from_millis(100);

/// One version.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// Its flows.
    pub library: &'a Library,
    /// What its prompts say.
    pub texts: &'a PromptTexts,
    /// What is proved of it.
    pub proofs: &'a [Proof],
}

/// One thing that changes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Change {
    /// The flow.
    pub flow: String,
    /// The step, where it is about one.
    pub step: Option<String>,
    /// `flow`, `step`, `exit`, `prompt`, `text`, `urgency`, `time`, `promise`.
    pub kind: &'static str,
    /// In one line.
    pub what: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = self.step.as_ref().map(|step| format!("/{step}")).unwrap_or_default();
        write!(f, "{}{step}: {}", self.flow, self.what)
    }
}

/// Everything that changes for callers, by flow and step.
pub fn diff(old: Version<'_>, new: Version<'_>) -> Vec<Change> {
    let mut changes = Changes { flow: String::new(), all: Vec::new() };
    let names: BTreeSet<&str> =
        old.library.flows().chain(new.library.flows()).map(|flow| flow.name()).collect();
    for name in names {
        changes.flow = name.to_owned();
        match (old.library.flow(name), new.library.flow(name)) {
            (Some(before), Some(after)) => changes.of_flow(before, after),
            (None, Some(after)) => changes.add(None, "flow", format!("new: {}", after.about())),
            (Some(_), None) => changes.add(None, "flow", "is gone".to_owned()),
            (None, None) => {}
        }
    }
    changes.of_texts(old, new);
    changes.of_proofs(old, new);
    changes.all
}

struct Changes {
    flow: String,
    all: Vec<Change>,
}

impl Changes {
    fn add(&mut self, step: Option<&str>, kind: &'static str, what: String) {
        self.all.push(Change { flow: self.flow.clone(), step: step.map(str::to_owned), kind, what });
    }

    fn of_flow(&mut self, old: &Flow, new: &Flow) {
        if old.digest() == new.digest() {
            return;
        }
        let list = |numbers: &[String]| numbers.join(", ");
        self.differs(None, "flow", "answers", &list(old.answers()), &list(new.answers()));
        self.differs(None, "flow", "speaks", &old.languages().join(", "), &new.languages().join(", "));
        let named = |flow: &Flow, step| {
            let step: Option<crate::flow::StepId> = step;
            step.and_then(|id| flow.step(id)).map_or("nobody", |step| &*step.name).to_owned()
        };
        self.differs(None, "exit", "9 leads to", &named(old, old.emergency), &named(new, new.emergency));
        self.differs(None, "exit", "0 leads to", &named(old, old.operator), &named(new, new.operator));
        let of = |flow: &Flow, name: &str| flow.steps.iter().position(|step| &*step.name == name);
        for step in &old.steps {
            if of(new, &step.name).is_none() {
                self.add(Some(&step.name), "step", format!("is gone ({})", step.verb.word()));
            }
        }
        for after in &new.steps {
            match of(old, &after.name).and_then(|at| old.steps.get(at)) {
                Some(before) => self.of_step(old, new, before, after),
                None => self.add(Some(&after.name), "step", format!("new ({})", after.verb.word())),
            }
        }
    }

    fn of_step(&mut self, old: &Flow, new: &Flow, before: &Step, after: &Step) {
        let step = Some(&*after.name);
        self.differs(step, "step", "is a", before.verb.word(), after.verb.word());
        let whom = |step: &Step| step.verb.whom().unwrap_or_default();
        self.differs(step, "step", "is about", &whom(before), &whom(after));
        let urgency = |step: &Step| step.tag.urgency.map_or("as she was", crate::Urgency::word);
        self.differs(step, "urgency", "makes a caller", urgency(before), urgency(after));
        let leads = |flow: &Flow, step: &Step| -> BTreeMap<String, String> {
            step.exits(flow).iter().map(|exit| (exit.by.to_string(), destination(flow, exit))).collect()
        };
        let (left, right) = (leads(old, before), leads(new, after));
        for by in left.keys().chain(right.keys()).collect::<BTreeSet<_>>() {
            let word = if by.chars().count() == 1 { format!("key {by}") } else { by.clone() };
            match (left.get(by), right.get(by)) {
                (Some(from), Some(to)) => self.differs(step, "exit", &format!("{word} leads to"), from, to),
                (Some(from), None) => self.add(step, "exit", format!("{word} is gone (led to {from})")),
                (None, Some(to)) => self.add(step, "exit", format!("new: {word} leads to {to}")),
                (None, None) => {}
            }
        }
        let says = |step: &Step| -> BTreeMap<String, String> {
            let all = step.says().into_iter();
            all.map(|speech| (speech.at.to_string(), speech.prompts.join(", "))).collect()
        };
        let (left, right) = (says(before), says(after));
        for at in left.keys().chain(right.keys()).collect::<BTreeSet<_>>() {
            let word =
                |side: &BTreeMap<String, String>| side.get(at).map_or("nothing", String::as_str).to_owned();
            self.differs(step, "prompt", &format!("`{at}` plays"), &word(&left), &word(&right));
        }
    }

    fn differs(&mut self, step: Option<&str>, kind: &'static str, what: &str, old: &str, new: &str) {
        if old != new {
            self.add(step, kind, format!("{what} {new}, no longer {old}"));
        }
    }

    /// Prompts that say something else, where a flow of the new version plays them.
    fn of_texts(&mut self, old: Version<'_>, new: Version<'_>) {
        for flow in new.library.flows() {
            self.flow = flow.name().to_owned();
            for language in flow.languages() {
                let (Some(before), Some(after)) = (old.texts.get(&**language), new.texts.get(&**language))
                else {
                    continue;
                };
                for prompt in &flow.prompts {
                    let (Some(left), Some(right)) = (before.get(&**prompt), after.get(&**prompt)) else {
                        continue;
                    };
                    if left != right {
                        let what = format!("{language}/{prompt} says “{right}”, no longer “{left}”");
                        self.add(None, "text", what);
                    }
                }
            }
        }
    }

    /// Worst times, and what holds or no longer does.
    fn of_proofs(&mut self, old: Version<'_>, new: Version<'_>) {
        let key = |proof: &Proof| (proof.flow.clone(), proof.rule, proof.claim.clone());
        let before: BTreeMap<(Arc<str>, &str, String), &Proof> =
            old.proofs.iter().map(|proof| (key(proof), proof)).collect();
        let after: BTreeSet<_> = new.proofs.iter().map(key).collect();
        for proof in old.proofs.iter().filter(|proof| proof.rule == "promise" && !after.contains(&key(proof)))
        {
            self.flow = proof.flow.to_string();
            self.add(None, "promise", format!("no longer promised: {}", proof.claim));
        }
        for proof in new.proofs {
            self.flow = proof.flow.to_string();
            let step = proof.step.as_deref();
            let Some(was) = before.get(&key(proof)) else {
                if !proof.holds {
                    self.add(step, "promise", format!("does not hold: {} {}", proof.rule, proof.claim));
                } else if proof.rule == "promise" {
                    self.add(step, "promise", format!("new, and holds: {}", proof.claim));
                }
                continue;
            };
            if was.holds != proof.holds {
                let word = if proof.holds { "holds now" } else { "holds no longer" };
                self.add(step, "promise", format!("{word}: {} {}", proof.rule, proof.claim));
            }
            if let (Some(left), Some(right)) = (was.worst, proof.worst)
                && left.abs_diff(right) >= TIME_THAT_MATTERS
            {
                let (left, right) = (left.as_secs_f64(), right.as_secs_f64());
                let what =
                    format!("at worst {right:.1} s, no longer {left:.1} s: {} {}", proof.rule, proof.claim);
                self.add(step, "time", what);
            }
        }
    }
}

/// Where an exit leads, with what is done on the way.
pub(crate) fn destination(flow: &Flow, exit: &Exit<'_>) -> String {
    let to = exit.to.and_then(|id| flow.step(id)).map_or("the end", |step| &*step.name);
    let Some(go) = exit.go else { return to.to_owned() };
    let tag = go.tag.urgency.map(|urgency| format!(", {urgency}")).unwrap_or_default();
    let call = go.call.as_ref().map(|flow| format!("{flow}, then ")).unwrap_or_default();
    format!("{call}{to}{tag}")
}
