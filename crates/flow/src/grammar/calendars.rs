//! `calendars.yaml`.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Reader, Report};
use crate::calendar::{Calendar, Closure, Day, Holiday, Hours, WEEKDAYS};
use crate::check::days::{self, On, Written};
use crate::document::{Node, Place, Value};

/// Hours, and where they were written.
pub(super) type WrittenHours = (Hours, Place);

/// The hours without their places.
pub(super) fn alone(written: &[WrittenHours]) -> Vec<Hours> {
    written.iter().map(|(hours, _)| *hours).collect()
}

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
                    days::openings(self, &calendar, &key.text, key.place);
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
        let zone = zone?;
        let (days, special): (Vec<(Day, Place)>, Vec<Vec<WrittenHours>>) = holidays.into_iter().unzip();
        days::holidays(self, &zone, &days);
        let (days, _): (Vec<Day>, Vec<Place>) = days.into_iter().unzip();
        self.clock_changes(&zone, &days, &weekly, &special);
        for (closure, (from, to)) in &closures {
            days::moment(self, &zone, closure.from, *from);
            days::moment(self, &zone, closure.to, *to);
        }
        let special = special.iter().map(|hours| alone(hours));
        let holidays = days.into_iter().zip(special).map(|(day, hours)| Holiday { day, hours }).collect();
        let closures = closures.into_iter().map(|(closure, _)| closure).collect();
        Some(Calendar { zone, weekly: weekly.map(|hours| alone(&hours)), holidays, closures })
    }

    /// What the change of clocks does to the hours of a week, and to those of holidays.
    pub(super) fn clock_changes(
        &mut self,
        zone: &TimeZone,
        holidays: &[Day],
        weekly: &[Vec<WrittenHours>; 7],
        special: &[Vec<WrittenHours>],
    ) {
        let of_week = weekly.iter().enumerate().map(|(day, hours)| (On::Weekday(day), hours));
        let of_holidays = holidays.iter().zip(special).map(|(day, hours)| (On::Day(day), hours));
        let written: Vec<Written<'_>> = of_week
            .chain(of_holidays)
            .flat_map(|(on, hours)| {
                hours.iter().map(move |(hours, place)| Written { on, hours: *hours, place: *place })
            })
            .collect();
        days::hours(self, zone, holidays, &written);
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

    pub(super) fn week(&mut self, node: &Node) -> [Vec<WrittenHours>; 7] {
        let mut week: [Option<Vec<WrittenHours>>; 7] = Default::default();
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

    fn hours_of_day(&mut self, node: &Node) -> Vec<WrittenHours> {
        match &node.value {
            Value::List(nodes) => nodes.iter().filter_map(|node| self.time_range(node)).collect(),
            Value::Scalar(scalar) if scalar.text == "closed" => Vec::new(),
            _ => self.time_range(node).into_iter().collect(),
        }
    }

    fn time_range(&mut self, node: &Node) -> Option<WrittenHours> {
        let text = self.text(node, "opening hours")?;
        let hours = Hours::read(text);
        if hours.is_none() {
            self.bad_time(node.place, text, "opening hours", "\"08:00-17:00\", or `closed`");
        }
        Some((hours?, node.place))
    }

    fn holiday(&mut self, node: &Node) -> Option<((Day, Place), Vec<WrittenHours>)> {
        let mut fields = self.fields(node, "a holiday")?;
        let day = fields.require(self, "date").and_then(|node| {
            let text = self.text(node, "`date`")?;
            let day = Day::read(text);
            if day.is_none() {
                self.bad_time(node.place, text, "a date", "\"2026-11-26\", or \"12-25\" for every year");
            }
            Some((day?, node.place))
        });
        if let Some(node) = fields.take("name") {
            self.prose(node, "`name`");
        }
        let hours = fields.take("hours").map(|node| self.hours_of_day(node)).unwrap_or_default();
        fields.finish(self);
        Some((day?, hours))
    }

    fn closure(&mut self, node: &Node) -> Option<(Closure, (Place, Place))> {
        let mut fields = self.fields(node, "a closure")?;
        let place = fields.place;
        let mut moment = |reader: &mut Self, key| {
            let node = fields.require(reader, key)?;
            Some((reader.local_time(node)?, node.place))
        };
        let (from, to) = (moment(self, "from"), moment(self, "to"));
        if let Some(node) = fields.take("reason") {
            self.prose(node, "`reason`");
        }
        fields.finish(self);
        let ((from, from_place), (to, to_place)) = (from?, to?);
        if from >= to {
            self.bad_time(place, "from … to", "a closure", "`to` lies after `from`");
        }
        Some((Closure { from, to }, (from_place, to_place)))
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
