//! `rotas.yaml`: who is on call, and in which order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::calendars::alone;
use super::values::secs;
use super::{Reader, Report};
use crate::calendar::{Calendar, Opening};
use crate::check::days;
use crate::document::{Node, Value};
use crate::rota::{Contact, Duty, Rota, Rung, Shift};

/// Steps of one rota: a caller who hears music while ten groups of people do not answer has waited too long.
const STEPS_MAX: usize = 10;
/// Shifts of one step; a year of days.
const SHIFTS_MAX: usize = 400;
/// Telephones of one step.
const CONTACTS_MAX: usize = 8;
/// Rounds: then something else is to be done for the caller.
const ROUNDS_MAX: usize = 5;

impl Reader<'_> {
    pub(crate) fn rotas(&mut self, root: &Node) -> BTreeMap<String, Rota> {
        let mut rotas = BTreeMap::new();
        let Some(mut fields) = self.fields(root, "rotas.yaml") else { return rotas };
        self.version(&mut fields);
        let node = fields.require(self, "rotas");
        if let Some(mut entries) = node.and_then(|node| self.fields(node, "`rotas`")) {
            for (key, node) in entries.rest() {
                self.name(&key.text, key.place, "a rota", true);
                if let Some(rota) = self.rota(node, &format!("rota `{}`", key.text)) {
                    rotas.insert(key.text.clone(), rota);
                }
            }
        }
        fields.finish(self);
        rotas
    }

    fn rota(&mut self, node: &Node, what: &str) -> Option<Rota> {
        let mut fields = self.fields(node, what)?;
        if let Some(node) = fields.take("about") {
            self.prose(node, "`about`");
        }
        let zone = fields.require(self, "time_zone").and_then(|node| self.zone(node));
        let ring = fields.take("ring").and_then(|node| self.duration(node, "`ring`", secs(5, 60)));
        let accept = fields.take("accept").and_then(|node| self.duration(node, "`accept`", secs(5, 30)));
        let rounds =
            fields.require(self, "rounds").and_then(|node| self.number(node, "`rounds`", 1..=ROUNDS_MAX));
        let steps = fields.require(self, "steps").map(|node| self.rungs(node, zone.as_ref()));
        fields.finish(self);
        Some(Rota {
            zone: zone?,
            ring: ring.unwrap_or(Duration::from_secs(20)),
            accept: accept.unwrap_or(Duration::from_secs(12)),
            rounds: u32::try_from(rounds?).unwrap_or(1),
            steps: steps?,
        })
    }

    fn rungs(&mut self, node: &Node, zone: Option<&TimeZone>) -> Vec<Rung> {
        let Value::List(nodes) = &node.value else {
            self.wrong_kind(node, "`steps`", &format!("a list of 1 to {STEPS_MAX}"));
            return Vec::new();
        };
        if !(1..=STEPS_MAX).contains(&nodes.len()) {
            self.wrong_kind(node, "`steps`", &format!("a list of 1 to {STEPS_MAX}"));
        }
        let rungs: Vec<Rung> = nodes.iter().filter_map(|node| self.rung(node, zone)).collect();
        if rungs.len() == nodes.len() && rungs.iter().all(|rung| rung.otherwise.is_empty()) {
            self.error(Report {
                code: "flow/rota-gap",
                place: node.place,
                message: "nobody is on call between these shifts".to_owned(),
                label: "no step calls somebody at every time",
                help: Some("give one step an `otherwise:`, or a `call:` without a shift".to_owned()),
            });
        }
        rungs
    }

    fn rung(&mut self, node: &Node, zone: Option<&TimeZone>) -> Option<Rung> {
        let mut fields = self.fields(node, "a step of a rota")?;
        let call = fields.take("call").map(|node| self.contacts(node));
        let shifts = fields.take("shifts").map(|node| self.shifts(node, zone));
        let otherwise = fields.take("otherwise").map(|node| self.contacts(node));
        let place = fields.place;
        fields.finish(self);
        if call.is_some() == shifts.is_some() || (call.is_some() && otherwise.is_some()) {
            self.error(Report {
                code: "flow/rota-step",
                place,
                message: "a step of a rota has `call`, or `shifts` and perhaps `otherwise`".to_owned(),
                label: "one of the two",
                help: Some("`call:` calls at every time, `shifts:` by the clock".to_owned()),
            });
        }
        let otherwise = call.or(otherwise).unwrap_or_default();
        Some(Rung { shifts: shifts.unwrap_or_default(), otherwise })
    }

    fn shifts(&mut self, node: &Node, zone: Option<&TimeZone>) -> Vec<Shift> {
        match &node.value {
            Value::List(nodes) if (1..=SHIFTS_MAX).contains(&nodes.len()) => {
                nodes.iter().filter_map(|node| self.shift(node, zone)).collect()
            }
            _ => {
                self.wrong_kind(node, "`shifts`", &format!("a list of 1 to {SHIFTS_MAX}"));
                Vec::new()
            }
        }
    }

    fn shift(&mut self, node: &Node, zone: Option<&TimeZone>) -> Option<Shift> {
        let mut fields = self.fields(node, "a shift")?;
        let place = fields.place;
        let call = fields.require(self, "call").map(|node| self.contacts(node));
        let calendar = fields.take("calendar").and_then(|node| self.calendar_at(node));
        let words = [("open", Opening::Open), ("closed", Opening::Closed), ("holiday", Opening::Holiday)];
        let opening = fields.take("while").and_then(|node| self.word(node, "`while`", &words));
        let weekly = fields.take("weekly").map(|node| self.week(node));
        let [from, to] = ["from", "to"].map(|key| {
            let node = fields.take(key)?;
            let at = self.local_time(node)?;
            zone.into_iter().for_each(|zone| days::moment(self, zone, at, node.place));
            Some(at)
        });
        fields.finish(self);
        let on = match (calendar, weekly, from, to) {
            (Some(calendar), None, None, None) => {
                Some(Duty::Calendar(calendar.as_str().into(), opening.unwrap_or(Opening::Open)))
            }
            (None, Some(weekly), None, None) => zone.map(|zone| {
                let (holidays, closures) = (Vec::new(), Vec::new());
                self.clock_changes(zone, &[], &weekly, &[]);
                let weekly = weekly.map(|hours| alone(&hours));
                Duty::Weekly(Box::new(Calendar { zone: zone.clone(), weekly, holidays, closures }))
            }),
            (None, None, Some(from), Some(to)) if from < to => Some(Duty::Dates(from, to)),
            _ => {
                self.error(Report {
                    code: "flow/rota-shift",
                    place,
                    message: "a shift is on by a `calendar`, by `weekly` hours, or `from` … `to`".to_owned(),
                    label: "exactly one of them",
                    help: Some(
                        "`from: \"2026-12-24 18:00\", to: \"2026-12-25 08:00\"`, `to` after `from`"
                            .to_owned(),
                    ),
                });
                None
            }
        };
        Some(Shift { on: on?, call: call? })
    }

    /// `number night_nurse`, `agent anna`; one, or a list of them.
    fn contacts(&mut self, node: &Node) -> Vec<Contact> {
        let nodes = match &node.value {
            Value::List(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(node),
        };
        if !(1..=CONTACTS_MAX).contains(&nodes.len()) {
            self.wrong_kind(node, "`call`", &format!("1 to {CONTACTS_MAX} telephones"));
        }
        nodes.iter().filter_map(|node| self.contact(node)).collect()
    }

    fn contact(&mut self, node: &Node) -> Option<Contact> {
        let text = self.text(node, "whom to call")?;
        match text.split_once(' ').map(|(kind, name)| (kind, name.trim())) {
            Some(("agent", name)) => Some(Contact::Agent(Arc::from(name))),
            Some(("number", name)) => {
                let numbers = &self.shared.environment.numbers;
                let known = numbers.iter().map(String::as_str);
                self.known((name, node.place), "flow/unknown-number", "number", known);
                Some(Contact::Number(Arc::from(name)))
            }
            _ => {
                self.wrong_kind(node, "whom to call", "`number NAME` or `agent NAME`");
                None
            }
        }
    }
}
