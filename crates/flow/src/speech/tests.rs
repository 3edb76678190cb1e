#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

/// What the recordings say, to read a row of the tables as a listener would.
fn said(form: Form, language: &str, value: &str) -> String {
    let word = |piece: &Arc<str>| {
        piece
            .trim_start_matches("number_")
            .trim_start_matches("digit_")
            .trim_start_matches("letter_")
            .trim_start_matches("money_")
            .trim_start_matches("time_")
            .to_owned()
    };
    match pieces(form, language, value) {
        Ok(pieces) => pieces.iter().map(word).collect::<Vec<_>>().join(" "),
        Err(Misfit) => "-".to_owned(),
    }
}

#[test]
fn english_says_numbers_dates_times_and_money_as_people_do() {
    for (form, value, expected) in [
        (Form::Number, "0", "0"),
        (Form::Number, "13", "13"),
        (Form::Number, "20", "20"),
        (Form::Number, "21", "20 1"),
        (Form::Number, "100", "1 hundred"),
        (Form::Number, "101", "1 hundred 1"),
        (Form::Number, "999", "9 hundred 90 9"),
        (Form::Number, "1000", "1 thousand"),
        (Form::Number, "21001", "20 1 thousand 1"),
        (Form::Number, "999999", "9 hundred 90 9 thousand 9 hundred 90 9"),
        (Form::Number, "-3", "minus 3"),
        (Form::Number, "1000000", "-"),
        (Form::Number, "", "-"),
        (Form::Number, "+5", "-"),
        (Form::Decimal, "1012", "1 hundred 1 point 2"),
        (Form::Decimal, "370", "30 7 point 0"),
        (Form::Decimal, "37.2", "-"),
        (Form::Date, "2026-11-23", "month_11 day_23 20 20 6"),
        (Form::Date, "1984-01-01", "month_1 day_1 19 80 4"),
        (Form::Date, "1905-07-31", "month_7 day_31 19 oh 5"),
        (Form::Date, "1900-02-02", "month_2 day_2 19 hundred"),
        (Form::Date, "2000-02-29", "month_2 day_29 2 thousand"),
        (Form::Date, "2006-06-06", "month_6 day_6 2 thousand 6"),
        (Form::Date, "2026-02-29", "-"),
        (Form::Time, "00:00", "midnight"),
        (Form::Time, "12:00", "noon"),
        (Form::Time, "00:05", "12 oh 5 am"),
        (Form::Time, "13:30", "1 30 pm"),
        (Form::Time, "23:59", "11 50 9 pm"),
        (Form::Time, "24:00", "-"),
        (Form::Time, "9:00", "-"),
        (Form::Money, "0", "0 dollars"),
        (Form::Money, "1", "1 cent"),
        (Form::Money, "100", "1 dollar"),
        (Form::Money, "2150", "20 1 dollars and 50 cents"),
        (Form::Money, "-5", "-"),
        (Form::Digits, "+1 555-0100", "1 5 5 5 0 1 0 0"),
        (Form::Digits, "7F", "-"),
        (Form::Letters, "7f3K", "7 f 3 k"),
        (Form::Letters, "ñ", "-"),
        (Form::Letters, " ", "-"),
    ] {
        assert_eq!(said(form, "en", value), expected, "{form:?} {value}");
    }
}

#[test]
fn spanish_shortens_uno_before_a_noun_and_joins_tens_from_thirty_on() {
    for (form, value, expected) in [
        (Form::Number, "1", "1"),
        (Form::Number, "21", "21"),
        (Form::Number, "29", "29"),
        (Form::Number, "30", "30"),
        (Form::Number, "31", "30 and 1"),
        (Form::Number, "100", "100"),
        (Form::Number, "101", "100_and 1"),
        (Form::Number, "200", "200"),
        (Form::Number, "555", "500 50 and 5"),
        (Form::Number, "1000", "1000"),
        (Form::Number, "1001", "1000 1"),
        (Form::Number, "2000", "2 1000"),
        (Form::Number, "21000", "21_short 1000"),
        (Form::Number, "31031", "30 and 1_short 1000 30 and 1"),
        (Form::Number, "101000", "100_and 1_short 1000"),
        (Form::Number, "100000", "100 1000"),
        (Form::Decimal, "385", "30 and 8 point 5"),
        (Form::Date, "2026-11-23", "23 date_of month_11 date_of 2 1000 26"),
        (Form::Date, "1984-01-01", "day_1 date_of month_1 date_of 1000 900 80 and 4"),
        (Form::Date, "2000-12-31", "30 and 1 date_of month_12 date_of 2 1000"),
        (Form::Time, "01:00", "hour_1 morning"),
        (Form::Time, "13:05", "hour_1 and 5 afternoon"),
        (Form::Time, "14:31", "hour_2 and 30 and 1 afternoon"),
        (Form::Time, "20:21", "hour_8 and 21 night"),
        (Form::Time, "00:10", "hour_12 and 10 night"),
        (Form::Time, "12:00", "noon"),
        (Form::Money, "100", "1_short dollar"),
        (Form::Money, "2150", "21_short dollars and 50 cents"),
        (Form::Money, "3101", "30 and 1_short dollars and 1_short cent"),
        (Form::Money, "10000", "100 dollars"),
    ] {
        assert_eq!(said(form, "es", value), expected, "{form:?} {value}");
    }
}

#[test]
fn a_language_without_rules_says_nothing_rather_than_something_wrong() {
    assert_eq!(pieces(Form::Number, "fr", "7"), Err(Misfit));
    assert!(needed(Form::Number, "fr").is_none());
}

/// Lengths that differ from piece to piece.
fn uneven(piece: &str) -> Duration {
    Duration::from_millis(300 + piece.bytes().map(u64::from).sum::<u64>() * 37 % 700)
}

fn any_value() -> impl Strategy<Value = (Form, String)> {
    prop_oneof![
        (-999_999_i64..1_000_000).prop_map(|n| (Form::Number, n.to_string())),
        (-999_999_i64..1_000_000).prop_map(|tenths| (Form::Decimal, tenths.to_string())),
        (1900_i16..=2100, 1_i8..=12, 1_i8..=31)
            .prop_map(|(year, month, day)| (Form::Date, format!("{year}-{month:02}-{day:02}"))),
        (0..24, 0..60).prop_map(|(hour, minute)| (Form::Time, format!("{hour:02}:{minute:02}"))),
        (0_u32..99_999_999).prop_map(|cents| (Form::Money, cents.to_string())),
        "[0-9]{1,20}".prop_map(|digits| (Form::Digits, digits)),
        "[A-Za-z0-9]{1,20}".prop_map(|letters| (Form::Letters, letters)),
    ]
}

proptest! {
    #[test]
    fn whatever_is_said_is_made_of_pieces_that_were_asked_for_and_is_no_longer_than_the_longest(
        (form, value) in any_value()
    ) {
        for language in LANGUAGES {
            let Ok(pieces) = pieces(form, language, &value) else {
                prop_assert!(form == Form::Date, "{value} is not said");
                continue;
            };
            prop_assert!(!pieces.is_empty());
            let needed = needed(form, language).unwrap();
            for piece in &pieces {
                prop_assert!(needed.contains(piece), "{piece} of {value} in {language}");
            }
            let length = |pieces: &[Arc<str>]| pieces.iter().map(|piece| uneven(piece)).sum::<Duration>();
            prop_assert!(length(&pieces) <= length(&longest(form, language, &uneven)), "{value} in {language}");
        }
    }

    #[test]
    fn no_text_can_make_it_panic(text in ".{0,40}") {
        for (_, form) in Form::WORDS {
            for language in LANGUAGES {
                let _ = pieces(form, language, &text);
            }
        }
    }
}
