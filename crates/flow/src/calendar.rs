//! When a place is open: weekly hours, holidays, closures, in its own time zone.
//!
//! Everything is wall-clock time of that zone: an hour that daylight saving time repeats is open twice, one it
//! skips is never. Every instant is exactly one of open, closed and holiday.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

/// One calendar of `calendars.yaml`.
#[derive(Debug, Serialize)]
pub(crate) struct Calendar {
    #[serde(serialize_with = "zone_name")]
    pub(crate) zone: TimeZone,
    /// Monday first.
    pub(crate) weekly: [Vec<Hours>; 7],
    pub(crate) holidays: Vec<Holiday>,
    pub(crate) closures: Vec<Closure>,
}

pub(crate) fn zone_name<S: serde::Serializer>(zone: &TimeZone, serializer: S) -> Result<S::Ok, S::Error> {
    zone.iana_name().serialize(serializer)
}

/// A time range of a day, in minutes from its midnight; `to` is exclusive and lies beyond 24:00 for a range
/// that runs into the next day.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Hours {
    pub(crate) from: u16,
    pub(crate) to: u16,
}

const DAY_MINUTES: u16 = 24 * 60;

impl Hours {
    /// `08:00-17:00`, `00:00-24:00`, `22:00-06:00`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let (from, mut to) = (minutes(from.trim())?, minutes(to.trim())?);
        if from >= DAY_MINUTES || from == to {
            return None;
        }
        if to < from {
            to += DAY_MINUTES;
        }
        Some(Self { from, to })
    }

    fn holds(self, minute: u16) -> bool {
        (self.from..self.to).contains(&minute)
    }
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |part: &str| (part.len() == 2).then(|| part.parse::<u16>().ok()).flatten();
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (minutes < 60 && hours * 60 + minutes <= DAY_MINUTES).then_some(hours * 60 + minutes)
}

/// A day unlike others.
#[derive(Debug, Serialize)]
pub(crate) struct Holiday {
    pub(crate) day: Day,
    /// Open in these all the same.
    pub(crate) hours: Vec<Hours>,
}

#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) enum Day {
    Once(Date),
    /// Month and day.
    EveryYear(i8, i8),
}

impl Day {
    /// `2026-11-26`, `12-25`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.len() == 10 {
            return text.parse().ok().map(Self::Once);
        }
        let (month, day) = text.split_once('-')?;
        let (month, day) = (month.parse().ok()?, day.parse().ok()?);
        // 2028 is a leap year: 02-29 is a day.
        Date::new(2028, month, day).ok().map(|date| Self::EveryYear(date.month(), date.day()))
    }

    pub(crate) fn is(&self, date: Date) -> bool {
        match self {
            Self::Once(day) => *day == date,
            Self::EveryYear(month, day) => (*month, *day) == (date.month(), date.day()),
        }
    }
}

/// From and to, `to` exclusive.
#[derive(Debug, Serialize)]
pub(crate) struct Closure {
    pub(crate) from: DateTime,
    pub(crate) to: DateTime,
}

/// What a moment is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(crate) enum Opening {
    Open,
    Closed,
    Holiday,
}

impl Calendar {
    /// What a moment is in this calendar.
    pub(crate) fn opening(&self, at: Timestamp) -> Opening {
        let local = self.zone.to_datetime(at);
        if self.closures.iter().any(|closure| (closure.from..closure.to).contains(&local)) {
            return Opening::Closed;
        }
        let minute = minute_of(local.time());
        let today = local.date();
        if self.hours_of(today).iter().any(|hours| hours.holds(minute)) {
            return Opening::Open;
        }
        let night_before = today
            .checked_sub(1.day())
            .is_ok_and(|day| self.hours_of(day).iter().any(|hours| hours.holds(minute + DAY_MINUTES)));
        if night_before {
            return Opening::Open;
        }
        if self.holidays.iter().any(|holiday| holiday.day.is(today)) {
            Opening::Holiday
        } else {
            Opening::Closed
        }
    }

    pub(crate) fn hours_of(&self, date: Date) -> &[Hours] {
        match self.holidays.iter().find(|holiday| holiday.day.is(date)) {
            Some(holiday) => &holiday.hours,
            None => {
                let day = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
                self.weekly.get(day).map_or(&[], Vec::as_slice)
            }
        }
    }
}

fn minute_of(time: Time) -> u16 {
    let number = |n: i8| u16::try_from(n).unwrap_or(0);
    number(time.hour()) * 60 + number(time.minute())
}

/// The words of `weekly:`, in its order.
pub(crate) const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn clinic() -> Calendar {
        let day = vec![Hours::read("08:00-17:00").unwrap()];
        Calendar {
            zone: TimeZone::get("America/Chicago").unwrap(),
            weekly: [
                day.clone(),
                day.clone(),
                day.clone(),
                day.clone(),
                day,
                vec![Hours::read("22:00-00:30").unwrap()],
                vec![Hours::read("01:00-02:00").unwrap()],
            ],
            holidays: vec![
                Holiday { day: Day::read("2026-11-26").unwrap(), hours: vec![] },
                Holiday {
                    day: Day::read("12-25").unwrap(),
                    hours: vec![Hours::read("09:00-10:00").unwrap()],
                },
            ],
            closures: vec![Closure {
                from: "2026-12-01 12:00".parse().unwrap(),
                to: "2026-12-01 17:00".parse().unwrap(),
            }],
        }
    }

    fn opening(utc: &str) -> Opening {
        clinic().opening(utc.parse().unwrap())
    }

    #[test]
    fn weekly_hours_are_those_of_the_clinics_own_clock() {
        assert_eq!(opening("2026-01-07T14:00:00Z"), Opening::Open, "08:00 standard time");
        assert_eq!(opening("2026-01-07T13:59:59Z"), Opening::Closed);
        assert_eq!(opening("2026-07-08T13:00:00Z"), Opening::Open, "08:00 daylight time");
        assert_eq!(opening("2026-07-08T22:00:00Z"), Opening::Closed, "17:00 is the first moment closed");
    }

    #[test]
    fn an_hour_that_happens_twice_is_open_twice_and_one_that_is_skipped_never() {
        // 1 November 2026, a Sunday: 01:00 to 02:00 happens at 06:00 and again at 07:00 UTC.
        assert_eq!(opening("2026-11-01T06:30:00Z"), Opening::Open);
        assert_eq!(opening("2026-11-01T07:30:00Z"), Opening::Open);
        assert_eq!(opening("2026-11-01T08:00:00Z"), Opening::Closed);
    }

    #[test]
    fn a_range_may_run_into_the_next_day() {
        // Saturday 22:00 to Sunday 00:30.
        assert_eq!(opening("2026-01-11T04:00:00Z"), Opening::Open);
        assert_eq!(opening("2026-01-11T06:29:00Z"), Opening::Open);
        assert_eq!(opening("2026-01-11T06:30:00Z"), Opening::Closed);
    }

    #[test]
    fn holidays_and_closures_override_the_week() {
        assert_eq!(opening("2026-11-26T16:00:00Z"), Opening::Holiday);
        assert_eq!(opening("2026-12-25T15:30:00Z"), Opening::Open, "its own hours");
        assert_eq!(opening("2026-12-25T18:00:00Z"), Opening::Holiday);
        assert_eq!(opening("2026-12-01T19:00:00Z"), Opening::Closed, "staff meeting");
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for text in ["8:00-17:00", "08:00-08:00", "24:00-25:00", "08:60-09:00", "08:00", ""] {
            assert!(Hours::read(text).is_none(), "{text}");
        }
        assert!(Day::read("02-30").is_none());
        assert!(Day::read("02-29").is_some());
    }
}
