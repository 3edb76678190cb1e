//! American English.

use jiff::civil::{Date, Time};

use super::Rules;

#[derive(Debug)]
pub(super) struct English;

/// Below a hundred, one after the other: `twenty`, `one`.
fn below_hundred(number: u32, out: &mut Vec<String>) {
    match number {
        0..=20 => out.push(format!("number_{number}")),
        _ => {
            out.push(format!("number_{}", number / 10 * 10));
            if !number.is_multiple_of(10) {
                out.push(format!("number_{}", number % 10));
            }
        }
    }
}

fn below_thousand(number: u32, out: &mut Vec<String>) {
    if number >= 100 {
        out.push(format!("number_{}", number / 100));
        out.push("number_hundred".to_owned());
    }
    if number < 100 || !number.is_multiple_of(100) {
        below_hundred(number % 100, out);
    }
}

/// `nineteen eighty-four`, `nineteen oh five`, `two thousand six`, `twenty twenty-six`.
fn year(year: u32, out: &mut Vec<String>) {
    let (century, rest) = (year / 100, year % 100);
    match (century, rest) {
        (20, 0..=9) | (10, _) => English.number(year, out),
        (_, 0) => {
            below_hundred(century, out);
            out.push("number_hundred".to_owned());
        }
        (_, 1..=9) => {
            below_hundred(century, out);
            out.push("number_oh".to_owned());
            below_hundred(rest, out);
        }
        _ => {
            below_hundred(century, out);
            below_hundred(rest, out);
        }
    }
}

impl Rules for English {
    fn number(&self, number: u32, out: &mut Vec<String>) {
        if number >= 1_000 {
            below_thousand(number / 1_000, out);
            out.push("number_thousand".to_owned());
        }
        if number < 1_000 || !number.is_multiple_of(1_000) {
            below_thousand(number % 1_000, out);
        }
    }

    /// `November`, `twenty-third`, `twenty twenty-six`.
    fn date(&self, date: Date, out: &mut Vec<String>) {
        out.push(format!("month_{}", date.month()));
        out.push(format!("day_{}", date.day()));
        year(u32::from(date.year().unsigned_abs()), out);
    }

    /// `two`, `oh`, `five`, `p.m.`; `noon`, `midnight`.
    fn time(&self, time: Time, out: &mut Vec<String>) {
        match (time.hour(), time.minute()) {
            (0, 0) => return out.push("time_midnight".to_owned()),
            (12, 0) => return out.push("time_noon".to_owned()),
            _ => {}
        }
        let hour = match time.hour() % 12 {
            0 => 12,
            hour => hour,
        };
        out.push(format!("number_{hour}"));
        match u32::from(time.minute().unsigned_abs()) {
            0 => {}
            minute @ 1..=9 => {
                out.push("number_oh".to_owned());
                below_hundred(minute, out);
            }
            minute => below_hundred(minute, out),
        }
        out.push(if time.hour() < 12 { "time_am" } else { "time_pm" }.to_owned());
    }

    /// `twenty-one dollars and fifty cents`.
    fn money(&self, dollars: u32, cents: u32, out: &mut Vec<String>) {
        if dollars > 0 || cents == 0 {
            self.number(dollars, out);
            out.push(if dollars == 1 { "money_dollar" } else { "money_dollars" }.to_owned());
        }
        if cents > 0 {
            if dollars > 0 {
                out.push("money_and".to_owned());
            }
            self.number(cents, out);
            out.push(if cents == 1 { "money_cent" } else { "money_cents" }.to_owned());
        }
    }
}
