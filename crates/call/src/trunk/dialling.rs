//! How a carrier writes numbers, and E.164, which is how careline does.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sip::uri::Telephone;

/// Shorter ones are service numbers (112, 911, 116117): they belong to a country and have no E.164 form.
const DIGITS_MIN: usize = 7;
/// Of the whole number with its country code (E.164 §6.2.1).
const DIGITS_MAX: usize = 15;

/// How a carrier writes numbers: the prefixes of the country it stands in.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dialling {
    /// The country code without `+`: `1`, `49`. Default none: national numbers are left as they are.
    pub country: String,
    /// What stands before a number of another country: `011`, `00`. Default none.
    pub international: String,
    /// What stands before a national number: `1`, `0`. Default none.
    pub national: String,
    /// How numbers are written to the carrier. Default `plus`.
    pub write: Written,
}

/// How numbers are written to a carrier.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Written {
    /// `+15550100190`.
    #[default]
    Plus,
    /// `15550100190`.
    Digits,
    /// As a telephone in its country dials it: `15550100190`, `0114930123456`.
    Dialled,
}

impl Dialling {
    /// A number this carrier wrote, in E.164; `None` for one that has no such form (a service number, a
    /// name, an extension), which is left as it is.
    ///
    /// Without a `+` the order is: the international prefix, the national prefix, our own country code, and
    /// what has none of them is national.
    pub fn to_e164(&self, written: &str) -> Option<String> {
        let visual = |c: &char| !matches!(c, ' ' | '-' | '.' | '(' | ')');
        let written: String = written.chars().filter(visual).collect();
        let number = if let Some(digits) = written.strip_prefix('+') {
            digits.to_owned()
        } else if written.len() < DIGITS_MIN {
            return None;
        } else if let Some(digits) = prefixed(&written, &self.international) {
            digits.to_owned()
        } else if self.country.is_empty() {
            return None;
        } else if let Some(national) = prefixed(&written, &self.national) {
            format!("{}{national}", self.country)
        } else if written.starts_with(&self.country) {
            written
        } else {
            format!("{}{written}", self.country)
        };
        let number = format!("+{number}");
        is_e164(&number).then_some(number)
    }

    /// A number in an address, in E.164. `phone-context` (RFC 3966 §5.1.5) says for which country, or for which
    /// block of numbers, a local one is meant; `npdi` and `rn` (RFC 4694) change nothing.
    pub fn telephone(&self, telephone: &Telephone) -> Option<String> {
        let digits = telephone.digits.expose();
        match telephone.context().as_deref().and_then(|context| context.strip_prefix('+')) {
            Some(context) if !digits.starts_with('+') => {
                // Written with the prefix its country dials: an own number all the same.
                let national = if context == self.country { prefixed(digits, &self.national) } else { None };
                let number = format!("+{context}{}", national.unwrap_or(digits));
                is_e164(&number).then_some(number)
            }
            _ => self.to_e164(digits),
        }
    }

    /// An E.164 number as this carrier wants it; anything else (a service number) is left as it is.
    pub fn write<'a>(&self, number: &'a str) -> Cow<'a, str> {
        if !is_e164(number) {
            return number.into();
        }
        let digits = number.trim_start_matches('+');
        match self.write {
            Written::Plus => number.into(),
            Written::Digits => digits.into(),
            Written::Dialled => match prefixed(digits, &self.country) {
                Some(national) => format!("{}{national}", self.national).into(),
                None => format!("{}{digits}", self.international).into(),
            },
        }
    }

    /// What types cannot say.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_digits = |text: &str| text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit());
        for (key, text) in
            [("country", &self.country), ("international", &self.international), ("national", &self.national)]
        {
            if !is_digits(text) {
                return Err(format!("`numbers.{key}` is `{text}`: write up to six digits, without `+`"));
            }
        }
        if self.write == Written::Dialled && (self.country.is_empty() || self.international.is_empty()) {
            return Err(
                "`numbers.write: dialled` needs `numbers.country` and `numbers.international`".to_owned()
            );
        }
        Ok(())
    }
}

/// What follows a prefix that is not empty.
fn prefixed<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    if prefix.is_empty() { None } else { text.strip_prefix(prefix) }
}

/// `+`, and 7 to 15 digits of which the first is not 0.
pub(super) fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0')
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::{Dialling, Written, is_e164};

    fn america(write: Written) -> Dialling {
        let [country, international, national] = ["1", "011", "1"].map(str::to_owned);
        Dialling { country, international, national, write }
    }

    fn germany(write: Written) -> Dialling {
        let [country, international, national] = ["49", "00", "0"].map(str::to_owned);
        Dialling { country, international, national, write }
    }

    #[test]
    fn every_spelling_of_a_number_is_one_number() {
        for written in ["+15550100190", "15550100190", "5550100190", "+1 (555) 010-0190"] {
            assert_eq!(america(Written::Plus).to_e164(written).as_deref(), Some("+15550100190"), "{written}");
        }
        for written in ["+4930123456", "004930123456", "030123456", "4930123456", "30123456"] {
            assert_eq!(germany(Written::Plus).to_e164(written).as_deref(), Some("+4930123456"), "{written}");
        }
        assert_eq!(america(Written::Plus).to_e164("0114930123456").as_deref(), Some("+4930123456"));
    }

    #[test]
    fn service_numbers_names_and_nonsense_are_left_as_they_are() {
        for written in
            ["911", "112", "116117", "nurse1", "", "+", "+0123456789", "anonymous", "+1555010019000000"]
        {
            assert_eq!(america(Written::Plus).to_e164(written), None, "{written}");
        }
        assert_eq!(Dialling::default().to_e164("5550100190"), None, "of no country");
        assert_eq!(america(Written::Dialled).write("911"), "911");
    }

    #[test]
    fn a_number_is_written_as_the_carrier_wants_it() {
        assert_eq!(america(Written::Plus).write("+15550100190"), "+15550100190");
        assert_eq!(america(Written::Digits).write("+15550100190"), "15550100190");
        assert_eq!(america(Written::Dialled).write("+15550100190"), "15550100190");
        assert_eq!(america(Written::Dialled).write("+4930123456"), "0114930123456");
        assert_eq!(germany(Written::Dialled).write("+4930123456"), "030123456");
    }

    proptest! {
        #[test]
        fn what_is_written_to_a_carrier_and_read_back_is_the_same_number(
            // A national part that begins with the prefix itself is nobody's number, and could not be told apart.
            digits in "[1-9][0-9]{1,2}[1-9][0-9]{7,9}".prop_filter("a prefix", |digits| {
                !digits.starts_with("10") && !digits.starts_with("11") && !digits.starts_with("490")
            }),
            write in prop_oneof![Just(Written::Plus), Just(Written::Dialled)],
        ) {
            let number = format!("+{digits}");
            for carrier in [america(write), germany(write)] {
                let written = carrier.write(&number).into_owned();
                prop_assert_eq!(carrier.to_e164(&written), Some(number.clone()));
            }
        }

        #[test]
        fn whatever_a_carrier_writes_becomes_a_number_or_nothing(written in ".{0,40}") {
            if let Some(number) = america(Written::Plus).to_e164(&written) {
                prop_assert!(is_e164(&number));
            }
        }
    }
}
