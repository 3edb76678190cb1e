//! The commands of a trial, and the trial as a test.

use super::{Setting, Trial};
use crate::Event;
use crate::scenario::Goal;

const HELP: &str = "\
1 12# 911            press these keys, the first after a second
(an empty line)      say and press nothing until something happens; also `silence`
hang_up              she hangs up; also :hang_up
:agents QUEUE WORD   a number, or busy, full, closed, failed: who serves a queue
:numbers NAME WORD   answers, busy, no_answer, failed: what the other side of a transfer does
:rotas NAME WORD     accepts, nobody, failed: what becomes of looking for somebody on call
:tables NAME WORD    not_found, failed, timeout, or { column: value }: what a table says
:endpoints NAME WORD failed, timeout, or { /pointer: value }: what another system answers
:fault NAME          something fails from now on; again, and it works
:at MOMENT           call again at 2026-11-26 03:00 America/Chicago
:caller NUMBER       call again from +15550123456, or anonymous
:set KEY YAML        any key of a test: :set agent_leaves 60s
:step                stop at every prompt, so that keys can be pressed while it plays; again, and not
:path                the steps so far
:again               call again
:save NAME           print this call as a test
:quit                leave";

impl Trial<'_> {
    /// What a line after `:` does. `Err`: what is wrong with it.
    pub(super) fn command(&mut self, line: &str) -> Result<Vec<String>, String> {
        let (word, rest) = line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim()));
        match word {
            "help" | "h" | "?" => return Ok(HELP.lines().map(str::to_owned).collect()),
            "agents" | "numbers" | "rotas" | "tables" | "endpoints" => self.set_named(word, rest)?,
            "fault" | "faults" => self.toggle_fault(rest)?,
            "at" | "caller" => {
                let value = match word {
                    "caller" if rest != "anonymous" => {
                        format!("{{ number: \"{}\" }}", rest.trim_matches('"'))
                    }
                    _ => format!("\"{}\"", rest.trim_matches('"')),
                };
                self.set(word, Some(Setting::Text(value)))?;
                self.again()?;
            }
            "set" => {
                let (key, value) = rest.split_once(' ').ok_or("`:set KEY VALUE`, as in a test")?;
                self.set(key, Some(Setting::Text(value.to_owned())))?;
            }
            "step" => self.at_every_prompt = !self.at_every_prompt,
            "path" => return Ok(vec![self.path().join(" → ")]),
            "again" => self.again()?,
            "save" => return Ok(self.as_test(rest)),
            "hang_up" if !self.is_over() => {
                let begins = self.begins();
                self.pass(super::AFTER_DEED);
                if self.is_over() {
                    return Ok(Vec::new());
                }
                self.script.extend(begins.map(|begins| begins.entry("hang_up: true")));
                self.simulation.note("    hangs up");
                self.simulation.event(Event::CallerHungUp);
                self.simulation.is_over = true;
            }
            "hang_up" => {}
            _ => return Err(format!("`:{word}` is no command; `:help` lists them")),
        }
        Ok(Vec::new())
    }

    fn set_named(&mut self, key: &str, rest: &str) -> Result<(), String> {
        let (name, value) = rest.split_once(' ').ok_or_else(|| format!("`:{key} NAME WORD`"))?;
        let mut map = match self.settings.get(key) {
            Some(Setting::Map(map)) => map.clone(),
            _ => Default::default(),
        };
        map.insert(name.to_owned(), value.trim().to_owned());
        self.set(key, Some(Setting::Map(map)))
    }

    fn toggle_fault(&mut self, fault: &str) -> Result<(), String> {
        let mut list = match self.settings.get("faults") {
            Some(Setting::List(list)) => list.clone(),
            _ => Default::default(),
        };
        if !list.remove(fault) {
            list.insert(fault.to_owned());
        }
        self.set("faults", (!list.is_empty()).then_some(Setting::List(list)))
    }

    /// The call so far as an entry of `tests:`, which passes as the flow is now.
    fn as_test(&self, name: &str) -> Vec<String> {
        let name = if name.is_empty() { "a call somebody tried" } else { name };
        let mut lines = vec![format!("  - name: \"{}\"", name.replace('"', "'"))];
        lines.extend(self.settings.iter().map(|(key, setting)| format!("    {key}: {}", setting.yaml())));
        let mut script = self.script.clone();
        if !self.is_over() {
            script.extend(self.begins().map(|begins| begins.entry("hang_up: true")));
        }
        match script.as_slice() {
            [] => lines.push("    script: [silence]".to_owned()),
            entries => {
                lines.push("    script:".to_owned());
                lines.extend(entries.iter().map(|entry| format!("      - {entry}")));
            }
        }
        lines.push("    expect:".to_owned());
        let mut hears: Vec<&str> = Vec::new();
        let mut reaches = None;
        for seen in &self.simulation.run.seen {
            match &seen.goal {
                Goal::Hears(prompt) if hears.last() != Some(&prompt.as_str()) => hears.push(prompt),
                Goal::Queue(_) | Goal::Transfer(_) => reaches = Some(seen.goal.to_string()),
                Goal::HangUp => reaches = reaches.or_else(|| Some("hang_up".to_owned())),
                _ => {}
            }
        }
        if !hears.is_empty() {
            lines.push(format!("      hears: [{}]", hears.join(", ")));
        }
        lines.extend(reaches.map(|goal| format!("      reaches: {goal}")));
        let caller = &self.simulation.interpreter;
        lines.push(format!("      urgency: {}", caller.urgency()));
        lines.extend(caller.reason().map(|reason| format!("      reason: {reason}")));
        lines.push(format!("      language: {}", caller.language()));
        lines
    }
}
