//! What a caller keys in: which digits an entry may have, what they mean, and how they are read back.

use jiff::civil::{Date, Time};
use serde::Serialize;

use crate::expression::{Type, Value};
use crate::speech::{Form, YEARS};

/// What digits must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(crate) enum Kind {
    Digits,
    /// A whole number in a range.
    Number {
        from: i64,
        to: i64,
    },
    /// Tenths in a range, the last digit behind the point: `1012` is 101.2.
    Decimal {
        from: i64,
        to: i64,
    },
    Date(Order),
    /// `HHMM`, of 24 hours.
    Time,
    /// Cents in a range.
    Money {
        from: i64,
        to: i64,
    },
    /// Ten digits, as in North America.
    Phone,
    /// 1 or 2.
    YesNo,
    Zip,
}

/// In which order a date is keyed in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(crate) enum Order {
    MonthDayYear,
    DayMonthYear,
    YearMonthDay,
}

impl Kind {
    /// The type of a variable that holds such an entry.
    pub(crate) fn of_type(self) -> Type {
        match self {
            Self::Digits | Self::Date(_) | Self::Time | Self::Phone | Self::Zip => Type::Text,
            Self::Number { .. } | Self::Decimal { .. } | Self::Money { .. } => Type::Number,
            Self::YesNo => Type::Truth,
        }
    }

    /// How many digits it has at least and at most, where the kind alone says so.
    pub(crate) fn length(self) -> Option<(usize, usize)> {
        match self {
            Self::Digits => None,
            Self::Number { to, .. } | Self::Money { to, .. } | Self::Decimal { to, .. } => {
                Some((1, to.to_string().len()))
            }
            Self::Date(_) => Some((8, 8)),
            Self::Time => Some((4, 4)),
            Self::Phone => Some((10, 10)),
            Self::YesNo => Some((1, 1)),
            Self::Zip => Some((5, 5)),
        }
    }

    /// How it is read back.
    pub(crate) fn form(self) -> Form {
        match self {
            Self::Digits | Self::Phone | Self::Zip | Self::YesNo => Form::Digits,
            Self::Number { .. } => Form::Number,
            Self::Decimal { .. } => Form::Decimal,
            Self::Date(_) => Form::Date,
            Self::Time => Form::Time,
            Self::Money { .. } => Form::Money,
        }
    }

    /// What the digits mean, or nothing where they are impossible. Dates are kept as `2026-11-23` and times as
    /// `14:05`, whatever the order they were keyed in.
    pub(crate) fn meaning(self, digits: &str) -> Option<Value> {
        match self {
            Self::Digits | Self::Zip => Some(Value::Text(digits.into())),
            Self::Number { from, to } | Self::Decimal { from, to } | Self::Money { from, to } => {
                let number: i64 = digits.parse().ok()?;
                (from..=to).contains(&number).then_some(Value::Number(number))
            }
            Self::Date(order) => date(order, digits).map(|date| Value::Text(date.to_string().into())),
            Self::Time => {
                let (hour, minute) = digits.split_at_checked(2)?;
                Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
                Some(Value::Text(format!("{hour}:{minute}").into()))
            }
            // Neither an area code nor an exchange begins with 0 or 1.
            Self::Phone => {
                let begins = |at: usize| digits.as_bytes().get(at).is_some_and(|digit| *digit >= b'2');
                (begins(0) && begins(3)).then(|| Value::Text(digits.into()))
            }
            Self::YesNo => match digits {
                "1" => Some(Value::Truth(true)),
                "2" => Some(Value::Truth(false)),
                _ => None,
            },
        }
    }

    /// Digits that are accepted, of an entry with at least `min`.
    pub(crate) fn possible(self, min: usize) -> String {
        match self {
            Self::Digits | Self::Zip | Self::Phone => "5".repeat(min.max(1)),
            Self::Number { from, .. } | Self::Decimal { from, .. } | Self::Money { from, .. } => {
                // 911 is an emergency wherever it is keyed in.
                if from == 911 { "912".to_owned() } else { from.to_string() }
            }
            Self::Date(Order::YearMonthDay) => "20000101".to_owned(),
            Self::Date(_) => "01012000".to_owned(),
            Self::Time => "1200".to_owned(),
            Self::YesNo => "1".to_owned(),
        }
    }

    /// Digits that are not accepted, where there are any.
    pub(crate) fn impossible(self, min: usize) -> Option<String> {
        match self {
            Self::Digits | Self::Zip => (min > 1).then(|| "5".to_owned()),
            Self::Phone => Some("5".to_owned()),
            Self::Number { to, .. } | Self::Decimal { to, .. } | Self::Money { to, .. } => {
                let all_nines = "9".repeat(to.to_string().len());
                (all_nines != to.to_string()).then_some(all_nines)
            }
            Self::Date(_) => Some("99999999".to_owned()),
            Self::Time => Some("9999".to_owned()),
            Self::YesNo => Some("7".to_owned()),
        }
    }
}

/// A day there was or will be in a lifetime.
fn date(order: Order, digits: &str) -> Option<Date> {
    let (year, month, day) = match order {
        Order::MonthDayYear => (4, 0, 2),
        Order::DayMonthYear => (4, 2, 0),
        Order::YearMonthDay => (0, 4, 6),
    };
    let part = |from: usize, length: usize| digits.get(from..from + length);
    let year: i16 = part(year, 4)?.parse().ok()?;
    let date = Date::new(year, part(month, 2)?.parse().ok()?, part(day, 2)?.parse().ok()?).ok()?;
    YEARS.contains(&year).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_mean_what_their_kind_says_and_impossible_ones_nothing() {
        let text = |text: &str| Some(Value::Text(text.into()));
        for (kind, digits, expected) in [
            (Kind::Date(Order::MonthDayYear), "02291984", text("1984-02-29")),
            (Kind::Date(Order::MonthDayYear), "02291985", None),
            (Kind::Date(Order::DayMonthYear), "31121999", text("1999-12-31")),
            (Kind::Date(Order::DayMonthYear), "12311999", None),
            (Kind::Date(Order::YearMonthDay), "20261123", text("2026-11-23")),
            (Kind::Date(Order::YearMonthDay), "18991231", None),
            (Kind::Time, "1405", text("14:05")),
            (Kind::Time, "2400", None),
            (Kind::Time, "0060", None),
            (Kind::Number { from: 0, to: 10 }, "007", Some(Value::Number(7))),
            (Kind::Number { from: 0, to: 10 }, "11", None),
            (Kind::Money { from: 100, to: 5_000 }, "99", None),
            (Kind::Decimal { from: 900, to: 1_100 }, "1012", Some(Value::Number(1_012))),
            (Kind::Phone, "3125550100", text("3125550100")),
            (Kind::Phone, "1125550100", None),
            (Kind::Phone, "3121550100", None),
            (Kind::YesNo, "1", Some(Value::Truth(true))),
            (Kind::YesNo, "2", Some(Value::Truth(false))),
            (Kind::YesNo, "3", None),
            (Kind::Zip, "60601", text("60601")),
        ] {
            assert_eq!(kind.meaning(digits), expected, "{kind:?} {digits}");
        }
    }

    #[test]
    fn what_a_proof_keys_in_is_accepted_and_refused_as_it_believes() {
        for kind in [
            Kind::Digits,
            Kind::Number { from: 911, to: 999 },
            Kind::Number { from: 1, to: 10 },
            Kind::Decimal { from: 900, to: 1_100 },
            Kind::Date(Order::DayMonthYear),
            Kind::Date(Order::YearMonthDay),
            Kind::Time,
            Kind::Money { from: 0, to: 99_999 },
            Kind::Phone,
            Kind::YesNo,
            Kind::Zip,
        ] {
            let (min, max) = kind.length().unwrap_or((4, 8));
            let possible = kind.possible(min);
            assert!((min..=max).contains(&possible.len()) && possible != "911");
            assert!(kind.meaning(&possible).is_some(), "{kind:?} {possible}");
            if let Some(digits) = kind.impossible(min) {
                let fits = (min..=max).contains(&digits.len()) && kind.meaning(&digits).is_some();
                assert!(!fits, "{kind:?} {digits}");
            }
        }
    }
}
