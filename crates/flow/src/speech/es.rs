//! Spanish of the Americas.

use jiff::civil::{Date, Time};

use super::Rules;

#[derive(Debug)]
pub(super) struct Spanish;

/// Whether a noun follows: `uno` alone, `un` before it, and so `veintiún`, `treinta y un`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ending {
    Alone,
    BeforeNoun,
}

fn below_hundred(number: u32, ending: Ending, out: &mut Vec<String>) {
    match (number, ending) {
        (1 | 21, Ending::BeforeNoun) => out.push(format!("number_{number}_short")),
        (0..=29, _) => out.push(format!("number_{number}")),
        _ => {
            out.push(format!("number_{}", number / 10 * 10));
            if !number.is_multiple_of(10) {
                out.push("number_and".to_owned());
                below_hundred(number % 10, ending, out);
            }
        }
    }
}

/// `cien`, `ciento uno`, `doscientos`.
fn below_thousand(number: u32, ending: Ending, out: &mut Vec<String>) {
    let (hundreds, rest) = (number / 100, number % 100);
    match (hundreds, rest) {
        (0, _) => {}
        (1, 1..) => out.push("number_100_and".to_owned()),
        _ => out.push(format!("number_{}", hundreds * 100)),
    }
    if hundreds == 0 || rest > 0 {
        below_hundred(rest, ending, out);
    }
}

/// `mil`, `dos mil`, `veintiún mil`, `treinta y un mil`.
fn whole(number: u32, ending: Ending, out: &mut Vec<String>) {
    let (thousands, rest) = (number / 1_000, number % 1_000);
    if thousands > 1 {
        below_thousand(thousands, Ending::BeforeNoun, out);
    }
    if thousands > 0 {
        out.push("number_1000".to_owned());
    }
    if thousands == 0 || rest > 0 {
        below_thousand(rest, ending, out);
    }
}

impl Rules for Spanish {
    fn number(&self, number: u32, out: &mut Vec<String>) {
        whole(number, Ending::Alone, out);
    }

    /// `veintitrés de noviembre de dos mil veintiséis`, `primero de enero de …`.
    fn date(&self, date: Date, out: &mut Vec<String>) {
        match date.day().unsigned_abs() {
            1 => out.push("day_1".to_owned()),
            day => below_hundred(u32::from(day), Ending::Alone, out),
        }
        out.push("date_of".to_owned());
        out.push(format!("month_{}", date.month()));
        out.push("date_of".to_owned());
        self.number(u32::from(date.year().unsigned_abs()), out);
    }

    /// `la una y cinco de la tarde`, `las dos de la mañana`; `mediodía`, `medianoche`.
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
        out.push(format!("hour_{hour}"));
        if time.minute() > 0 {
            out.push("number_and".to_owned());
            below_hundred(u32::from(time.minute().unsigned_abs()), Ending::Alone, out);
        }
        let part = match time.hour() {
            1..=11 => "time_morning",
            12..=19 => "time_afternoon",
            _ => "time_night",
        };
        out.push(part.to_owned());
    }

    /// `veintiún dólares con cincuenta centavos`, `un dólar`.
    fn money(&self, dollars: u32, cents: u32, out: &mut Vec<String>) {
        if dollars > 0 || cents == 0 {
            whole(dollars, Ending::BeforeNoun, out);
            out.push(if dollars == 1 { "money_dollar" } else { "money_dollars" }.to_owned());
        }
        if cents > 0 {
            if dollars > 0 {
                out.push("money_and".to_owned());
            }
            whole(cents, Ending::BeforeNoun, out);
            out.push(if cents == 1 { "money_cent" } else { "money_cents" }.to_owned());
        }
    }
}
