//! What calendars and rotas say of the next 400 days (rule S19): clocks that go forward and back, weeks in which
//! nothing is ever open, lists of holidays that have run out.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::calendar::{Calendar, Day, Hours};
use crate::document::Place;
use crate::grammar::{Reader, Report};

/// A year, and the autumn in which somebody writes the next one down.
const DAYS: i32 = 400;
/// Days in a row without an opening that somebody should look at.
const CLOSED_DAYS: i32 = 7;

/// Hours as written, and the days they hold on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written<'d> {
    pub(crate) on: On<'d>,
    pub(crate) hours: Hours,
    pub(crate) place: Place,
}

/// On which days.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On<'d> {
    /// From Monday, 0.
    Weekday(usize),
    Day(&'d Day),
}

/// Local times that do not exist, or come twice, because the clocks are changed.
struct Change {
    from: DateTime,
    to: DateTime,
    is_twice: bool,
}

impl Change {
    /// Those of the days to come.
    fn all(zone: &TimeZone, now: Timestamp) -> Vec<Self> {
        let Ok(end) = now.checked_add((i64::from(DAYS) * 24).hours()) else { return Vec::new() };
        let of = |at: Timestamp| {
            let before = zone.to_offset(at.checked_sub(1.second()).ok()?).to_datetime(at);
            let after = zone.to_offset(at).to_datetime(at);
            let (from, to) = (before.min(after), before.max(after));
            (from != to).then_some(Self { from, to, is_twice: after < before })
        };
        zone.following(now)
            .map(|transition| transition.timestamp())
            .take_while(|at| *at <= end)
            .filter_map(of)
            .collect()
    }

    /// Whether something that begins or ends then is moved by the change.
    fn moves(&self, at: DateTime) -> bool {
        self.from < at && at < self.to
    }

    /// Whether nothing is left of a time range.
    fn swallows(&self, from: DateTime, to: DateTime) -> bool {
        !self.is_twice && self.from <= from && to <= self.to
    }

    fn report(&self, at: DateTime, place: Place) -> Report<'static> {
        let clock = |at: DateTime| at.strftime("%H:%M").to_string();
        let (date, at, from, to) = (self.from.date(), clock(at), clock(self.from), clock(self.to));
        let (message, help) = if self.is_twice {
            (
                format!("{at} comes twice on {date}: the clocks go back from {to} to {from}"),
                "it holds both times: what opens then opens, closes, and opens again",
            )
        } else {
            (
                format!("{at} does not exist on {date}: the clocks go from {from} to {to}"),
                "what begins or ends then does so when the clocks change",
            )
        };
        let help = Some(format!("{help}; take a time before {from} or after {to} if that is not meant"));
        Report { code: "flow/clock-change", place, message, label: "moved by the change of clocks", help }
    }
}

/// Hours that begin or end while the clocks are changed; each is said once.
pub(crate) fn hours(reader: &mut Reader<'_>, zone: &TimeZone, holidays: &[Day], written: &[Written<'_>]) {
    let Some(now) = reader.shared.environment.now else { return };
    let changes = Change::all(zone, now);
    for written in written {
        let moved = changes.iter().find_map(|change| {
            let days = [Some(change.from.date()), change.from.date().yesterday().ok()];
            let found =
                days.into_iter().flatten().filter(|day| written.holds_on(*day, holidays)).find_map(|day| {
                    let (from, to) = (minute(day, written.hours.from)?, minute(day, written.hours.to)?);
                    let is_moved = change.moves(from) || change.swallows(from, to);
                    if is_moved { Some(from) } else { change.moves(to).then_some(to) }
                });
            Some((change, found?))
        });
        if let Some((change, at)) = moved {
            reader.warning(change.report(at, written.place));
        }
    }
}

/// A moment written as a local time.
pub(crate) fn moment(reader: &mut Reader<'_>, zone: &TimeZone, at: DateTime, place: Place) {
    let Some(now) = reader.shared.environment.now else { return };
    let change = Change::all(zone, now).into_iter().find(|change| change.moves(at));
    if let Some(change) = change {
        reader.warning(change.report(at, place));
    }
}

impl Written<'_> {
    fn holds_on(&self, date: Date, holidays: &[Day]) -> bool {
        match self.on {
            On::Day(day) => day.is(date),
            On::Weekday(day) => {
                usize::try_from(date.weekday().to_monday_zero_offset()) == Ok(day)
                    && !holidays.iter().any(|holiday| holiday.is(date))
            }
        }
    }
}

fn minute(day: Date, minutes: u16) -> Option<DateTime> {
    day.to_datetime(Time::midnight()).checked_add(i64::from(minutes).minutes()).ok()
}

/// A week in which a calendar never opens, as its weekly hours and holidays have it. Closures are meant.
pub(crate) fn openings(reader: &mut Reader<'_>, calendar: &Calendar, name: &str, place: Place) {
    let Some(now) = reader.shared.environment.now else { return };
    let today = calendar.zone.to_datetime(now).date();
    let mut first: Option<Date> = None;
    let mut longest: Option<(Date, i32)> = None;
    for ahead in 0..DAYS {
        let Ok(date) = today.checked_add(ahead.days()) else { break };
        if !calendar.hours_of(date).is_empty() {
            first = None;
            continue;
        }
        let begun = *first.get_or_insert(date);
        let days = begun.until(date).map_or(0, |span| span.get_days()) + 1;
        if longest.is_none_or(|(_, known)| known < days) {
            longest = Some((begun, days));
        }
    }
    let Some((begun, days)) = longest.filter(|(_, days)| *days >= CLOSED_DAYS) else { return };
    let message = if days >= DAYS {
        format!("calendar `{name}` is never open in the next {DAYS} days")
    } else {
        format!("calendar `{name}` is closed for {days} days from {begun}")
    };
    reader.warning(Report {
        code: "flow/closed-week",
        place,
        message,
        label: "callers of a whole week are told it is closed",
        help: Some("if that is meant, say why under `closures:`".to_owned()),
    });
}

/// Holidays of a year that is over: a list that ended, and days that are long past.
pub(crate) fn holidays(reader: &mut Reader<'_>, zone: &TimeZone, days: &[(Day, Place)]) {
    let Some(now) = reader.shared.environment.now else { return };
    let today = zone.to_datetime(now).date();
    let dated: Vec<(Date, Place)> = days
        .iter()
        .filter_map(|(day, place)| match day {
            Day::Once(date) => Some((*date, *place)),
            Day::EveryYear(..) => None,
        })
        .collect();
    if let Some((last, place)) = dated.iter().max_by_key(|(date, _)| *date).filter(|(date, _)| *date < today)
    {
        reader.warning(Report {
            code: "flow/holidays-over",
            place: *place,
            message: format!("the last of the holidays with a year was {last}"),
            label: "no day after this one",
            help: Some("write down those of the year to come".to_owned()),
        });
    }
    let long_past = today.checked_sub(DAYS.days()).ok();
    let past = dated.iter().filter(|(date, _)| long_past.is_some_and(|limit| *date < limit));
    if let Some((date, place)) = past.min_by_key(|(date, _)| *date) {
        reader.warning(Report {
            code: "flow/past-holiday",
            place: *place,
            message: format!("{date} is more than {DAYS} days past"),
            label: "comes no more",
            help: Some("take it out; a day of every year is written without one: \"12-25\"".to_owned()),
        });
    }
}
