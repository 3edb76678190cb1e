//! `calendars.yaml`.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Reader, Report};
use crate::calendar::{Calendar, Closure, Day, Holiday, Hours, WEEKDAYS};
use crate::document::{Node, Place, Value};

/// Holidays, or closures, of one calendar.
const DAYS_MAX: usize = 500;

impl Reader<'_> {
    pub(crate) fn calendars(&mut self, root: &Node) -> BTreeMap<String, Calendar> {
        let mut calendars = BTreeMap::new();
        let Some(mut fields) = self.fields(root, "calendars.yaml") else { return calendars };
        self.version(&mut fields);
        let node = fields.require(self, "calendars");
        if let Some(mut entries) = node.and_then(|node| self.fields(node, "`calendars`")) {
            for (key, node) in entries.rest() {
                self.name(&key.text, key.place, "a calendar", true);
                if let Some(calendar) = self.calendar(node, &format!("calendar `{}`", key.text)) {
                    calendars.insert(key.text.clone(), calendar);
                }
            }
        }
        fields.finish(self);
        calendars
    }

    fn calendar(&mut self, node: &Node, what: &str) -> Option<Calendar> {
        let mut fields = self.fields(node, what)?;
        if let Some(node) = fields.take("about") {
            self.prose(node, "`about`");
        }
        let zone = fields.require(self, "time_zone").and_then(|node| self.zone(node));
        let weekly = fields.require(self, "weekly").map(|node| self.week(node)).unwrap_or_default();
        let holidays = self.days(fields.take("holidays"), "`holidays`", Self::holiday);
        let closures = self.days(fields.take("closures"), "`closures`", Self::closure);
        fields.finish(self);
        Some(Calendar { zone: zone?, weekly, holidays, closures })
    }

    pub(super) fn zone(&mut self, node: &Node) -> Option<TimeZone> {
        let text = self.text(node, "`time_zone`")?;
        let zone = TimeZone::get(text).ok();
        if zone.is_none() {
            let help = "an IANA name: America/Chicago, America/New_York";
            self.bad_time(node.place, text, "a time zone", help);
        }
        zone
    }

    fn days<T>(
        &mut self,
        node: Option<&Node>,
        what: &str,
        read: fn(&mut Self, &Node) -> Option<T>,
    ) -> Vec<T> {
        match node.map(|node| (node, &node.value)) {
            None => Vec::new(),
            Some((_, Value::List(nodes))) if nodes.len() <= DAYS_MAX => {
                nodes.iter().filter_map(|node| read(self, node)).collect()
            }
            Some((node, _)) => {
                self.wrong_kind(node, what, &format!("a list of at most {DAYS_MAX}"));
                Vec::new()
            }
        }
    }

    pub(super) fn week(&mut self, node: &Node) -> [Vec<Hours>; 7] {
        let mut week: [Option<Vec<Hours>>; 7] = Default::default();
        let Some(mut fields) = self.fields(node, "`weekly`") else { return Default::default() };
        for (key, node) in fields.rest() {
            let hours = self.hours_of_day(node);
            let Some((first, last)) = self.days_named(&key.text, key.place) else { continue };
            for (day, name) in week.iter_mut().zip(WEEKDAYS).take(last + 1).skip(first) {
                if day.replace(hours.clone()).is_some() {
                    self.error(Report {
                        code: "flow/duplicate-key",
                        place: key.place,
                        message: format!("{name} stands twice in `weekly`"),
                        label: "again here",
                        help: None,
                    });
                }
            }
        }
        week.map(Option::unwrap_or_default)
    }

    /// `monday`, `monday-friday`.
    fn days_named(&mut self, text: &str, place: Place) -> Option<(usize, usize)> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let mut day = |word: &str| {
            self.known((word, place), "flow/unknown-word", "day", WEEKDAYS);
            WEEKDAYS.iter().position(|day| *day == word)
        };
        let (first, last) = (day(first)?, day(last)?);
        if first > last {
            self.bad_time(place, text, "a range of days", "Monday is the first day: write two ranges");
            return None;
        }
        Some((first, last))
    }

    fn hours_of_day(&mut self, node: &Node) -> Vec<Hours> {
        match &node.value {
            Value::List(nodes) => nodes.iter().filter_map(|node| self.time_range(node)).collect(),
            Value::Scalar(scalar) if scalar.text == "closed" => Vec::new(),
            _ => self.time_range(node).into_iter().collect(),
        }
    }

    fn time_range(&mut self, node: &Node) -> Option<Hours> {
        let text = self.text(node, "opening hours")?;
        let hours = Hours::read(text);
        if hours.is_none() {
            self.bad_time(node.place, text, "opening hours", "\"08:00-17:00\", or `closed`");
        }
        hours
    }

    fn holiday(&mut self, node: &Node) -> Option<Holiday> {
        let mut fields = self.fields(node, "a holiday")?;
        let day = fields.require(self, "date").and_then(|node| {
            let text = self.text(node, "`date`")?;
            let day = Day::read(text);
            if day.is_none() {
                self.bad_time(node.place, text, "a date", "\"2026-11-26\", or \"12-25\" for every year");
            }
            day
        });
        if let Some(node) = fields.take("name") {
            self.prose(node, "`name`");
        }
        let hours = fields.take("hours").map(|node| self.hours_of_day(node)).unwrap_or_default();
        fields.finish(self);
        Some(Holiday { day: day?, hours })
    }

    fn closure(&mut self, node: &Node) -> Option<Closure> {
        let mut fields = self.fields(node, "a closure")?;
        let place = fields.place;
        let from = fields.require(self, "from").and_then(|node| self.local_time(node));
        let to = fields.require(self, "to").and_then(|node| self.local_time(node));
        if let Some(node) = fields.take("reason") {
            self.prose(node, "`reason`");
        }
        fields.finish(self);
        let (from, to) = (from?, to?);
        if from >= to {
            self.bad_time(place, "from … to", "a closure", "`to` lies after `from`");
        }
        Some(Closure { from, to })
    }

    pub(super) fn local_time(&mut self, node: &Node) -> Option<DateTime> {
        let text = self.text(node, "a local time")?;
        let time = text.parse().ok();
        if time.is_none() {
            self.bad_time(node.place, text, "a local time", "\"2026-12-01 12:00\"");
        }
        time
    }

    pub(super) fn bad_time(&mut self, place: Place, text: &str, what: &str, help: &str) {
        self.error(Report {
            code: "flow/time",
            place,
            message: format!("`{text}` is not {what}"),
            label: "cannot be read",
            help: Some(help.to_owned()),
        });
    }
}
