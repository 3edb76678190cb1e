//! Which keys a text tells callers to press: "press 3", "oprima la tecla tres", "para citas, 4".
//!
//! Reading prose can only be right most of the time, so nothing is refused by it: what it finds is a warning.
//! A number of several digits, "dial 911", is not a key.

/// A key a text names, in the order of the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Announced {
    pub(crate) key: char,
    /// "Press 1 for a nurse": whoever listens must remember the key until she knows what it is for.
    pub(crate) is_before_its_choice: bool,
}

/// The words of one language.
struct Lexicon {
    press: &'static [&'static str],
    /// Words that may stand between the verb and the key.
    between: &'static [&'static str],
    keys: &'static [(&'static str, char)],
    and: &'static [&'static str],
    /// What a choice begins with: "for", "to".
    purpose: &'static [&'static str],
    /// Words before the verb that say nothing of the choice.
    polite: &'static [&'static str],
}

const ENGLISH: Lexicon = Lexicon {
    press: &["press", "dial", "push", "hit", "touch", "enter", "select", "choose", "option"],
    between: &["the", "key", "number", "digit", "button", "option"],
    keys: &[
        ("zero", '0'),
        ("one", '1'),
        ("two", '2'),
        ("three", '3'),
        ("four", '4'),
        ("five", '5'),
        ("six", '6'),
        ("seven", '7'),
        ("eight", '8'),
        ("nine", '9'),
        ("star", '*'),
        ("asterisk", '*'),
        ("pound", '#'),
        ("hash", '#'),
    ],
    and: &["or", "and"],
    purpose: &["for", "to", "if", "when"],
    polite: &["please", "or", "and", "you", "may", "can", "now"],
};

const SPANISH: Lexicon = Lexicon {
    press: &[
        "oprima",
        "oprime",
        "presione",
        "presiona",
        "marque",
        "marca",
        "pulse",
        "pulsa",
        "toque",
        "digite",
        "teclee",
        "apriete",
        "elija",
        "escoja",
        "seleccione",
        "opción",
    ],
    between: &["la", "el", "tecla", "número", "dígito", "botón", "opción"],
    keys: &[
        ("cero", '0'),
        ("uno", '1'),
        ("dos", '2'),
        ("tres", '3'),
        ("cuatro", '4'),
        ("cinco", '5'),
        ("seis", '6'),
        ("siete", '7'),
        ("ocho", '8'),
        ("nueve", '9'),
        ("asterisco", '*'),
        ("estrella", '*'),
        ("numeral", '#'),
        ("gato", '#'),
        ("almohadilla", '#'),
    ],
    and: &["o", "u", "y", "e"],
    purpose: &["para", "por", "si", "cuando"],
    polite: &["favor", "por", "o", "y", "puede", "ahora"],
};

/// The keys a text names. `None`: nobody wrote down how this language says it.
pub(crate) fn keys_named(language: &str, text: &str) -> Option<Vec<Announced>> {
    let lexicon = match language.split(['-', '_']).next()? {
        "en" => &ENGLISH,
        "es" => &SPANISH,
        _ => return None,
    };
    Some(Reading { tokens: tokens(text), lexicon, found: Vec::new() }.read())
}

#[derive(Debug, Eq, PartialEq)]
enum Token {
    Word(String),
    /// A number as written, of any length.
    Digits(String),
    Comma,
    /// The end of a sentence.
    Stop,
}

/// A point or comma inside a number belongs to it: `100.4`, `1,000`.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_inside = |at: usize, c: char| {
            let next = rest.get(at + c.len_utf8()..).and_then(|rest| rest.chars().next());
            matches!(c, '.' | ',') && at > 0 && next.is_some_and(|next| next.is_ascii_digit())
        };
        let length = if first.is_ascii_digit() {
            rest.char_indices().find(|(at, c)| !c.is_ascii_digit() && !is_inside(*at, *c))
        } else {
            rest.char_indices().find(|(_, c)| !c.is_alphabetic() && *c != '\'')
        };
        let length = length.map_or(rest.len(), |(at, _)| at).max(first.len_utf8());
        let (token, after) = rest.split_at(length);
        match first {
            _ if first.is_ascii_digit() => tokens.push(Token::Digits(token.to_owned())),
            _ if first.is_alphabetic() => tokens.push(Token::Word(token.to_lowercase())),
            ',' | ':' => tokens.push(Token::Comma),
            '.' | '!' | '?' | ';' => tokens.push(Token::Stop),
            '*' | '#' => tokens.push(Token::Digits(token.to_owned())),
            _ => {}
        }
        rest = after;
    }
    tokens
}

struct Reading<'l> {
    tokens: Vec<Token>,
    lexicon: &'l Lexicon,
    found: Vec<Announced>,
}

impl Reading<'_> {
    fn read(mut self) -> Vec<Announced> {
        let mut at = 0;
        let mut sentence = 0;
        while let Some(token) = self.tokens.get(at) {
            if *token == Token::Stop {
                sentence = at + 1;
            }
            let after_verb = if self.is_word(at, self.lexicon.press) { self.keys_at(at + 1) } else { None };
            let Some((keys, end)) = after_verb.or_else(|| self.without_verb(at)) else {
                at += 1;
                continue;
            };
            let is_first = (sentence..at).all(|before| self.is_word(before, self.lexicon.polite));
            let is_before_its_choice = is_first && self.is_word(end, self.lexicon.purpose);
            let announced = keys.into_iter().map(|key| Announced { key, is_before_its_choice });
            self.found.extend(announced);
            at = end.max(at + 1);
        }
        self.found
    }

    fn is_word(&self, at: usize, words: &[&str]) -> bool {
        matches!(self.tokens.get(at), Some(Token::Word(word)) if words.contains(&word.as_str()))
    }

    /// The key a token is, if it is one.
    fn key(&self, at: usize) -> Option<char> {
        match self.tokens.get(at)? {
            Token::Digits(digits) => {
                let mut each = digits.chars();
                each.next().filter(|_| each.next().is_none())
            }
            Token::Word(word) => {
                self.lexicon.keys.iter().find(|(known, _)| known == word).map(|(_, key)| *key)
            }
            Token::Comma | Token::Stop => None,
        }
    }

    fn is_number(&self, at: usize) -> bool {
        self.key(at).is_some() || matches!(self.tokens.get(at), Some(Token::Digits(_)))
    }

    /// The keys behind a verb, and where they end: `the 1 key`, `1, 2 or 3`, `la tecla de número`.
    fn keys_at(&self, mut at: usize) -> Option<(Vec<char>, usize)> {
        while self.is_word(at, self.lexicon.between) {
            if self.is_word(at + 1, &["sign"]) && self.is_word(at, &["number"]) {
                return Some((vec!['#'], at + 2));
            }
            at += 1;
            if self.is_word(at, &["de"]) && self.is_word(at + 1, &["número"]) {
                return Some((vec!['#'], at + 2));
            }
        }
        let mut keys = Vec::new();
        loop {
            keys.push(self.key(at)?);
            at += 1;
            // Digits one after the other are a number to dial.
            if self.is_number(at) {
                return None;
            }
            while self.is_word(at, &["key", "button", "sign"]) {
                at += 1;
            }
            let comma = usize::from(self.tokens.get(at) == Some(&Token::Comma));
            let and = usize::from(self.is_word(at + comma, self.lexicon.and));
            let next = at + comma + and;
            if comma + and == 0 || self.key(next).is_none() || self.is_word(next + 1, self.lexicon.purpose) {
                break;
            }
            at = next;
        }
        if self.counts_something(at) {
            return None;
        }
        let is_repeated = keys.iter().enumerate().any(|(at, key)| keys.iter().take(at).any(|k| k == key));
        (!is_repeated).then_some((keys, at))
    }

    /// "Enter eight digits": a number word before a thing is how many of it.
    fn counts_something(&self, at: usize) -> bool {
        let is_word = |at| matches!(self.tokens.get(at), Some(Token::Word(_)));
        let sayable =
            [self.lexicon.and, self.lexicon.purpose, self.lexicon.polite, &["on", "en", "at", "again"]];
        at > 0 && is_word(at - 1) && is_word(at) && !sayable.iter().any(|words| self.is_word(at, words))
    }

    /// Behind a first "press 1" the verb may be left out: "mild ones, 2." and "2 for appointments".
    fn without_verb(&self, at: usize) -> Option<(Vec<char>, usize)> {
        let follows_comma = at.checked_sub(1).is_some_and(|before| {
            self.tokens.get(before) == Some(&Token::Comma) || self.is_word(before, self.lexicon.and)
        });
        let key = self.key(at).filter(|_| follows_comma && !self.found.is_empty())?;
        let ends = matches!(self.tokens.get(at + 1), None | Some(Token::Stop));
        (ends || self.is_word(at + 1, self.lexicon.purpose)).then_some((vec![key], at + 1))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn named(language: &str, text: &str) -> String {
        keys_named(language, text).unwrap().iter().map(|named| named.key).collect()
    }

    #[test]
    fn keys_are_found_in_words_and_in_digits_of_both_languages() {
        for (text, keys) in [
            ("For English, press 1.", "1"),
            ("For a nurse press one, for the desk press two.", "12"),
            ("To go back, press star. To hear this again, press the pound key.", "*#"),
            ("For either, press 1, 2 or 3.", "123"),
            ("New or worse, press 1. Mild, 2. Operator, 0.", "120"),
            ("Press 1 for a nurse, 2 for the desk, or 3 to end this call.", "123"),
            ("For the desk, choose option three", "3"),
            ("To repeat, press the number sign.", "#"),
        ] {
            assert_eq!(named("en", text), keys, "{text}");
        }
        for (text, keys) in [
            ("Para español, oprima 2.", "2"),
            ("Para citas, presione tres; para la operadora, marque el cero.", "30"),
            ("Por síntomas nuevos, oprima 1. Leves, 2. Operadora, 0.", "120"),
            ("Para repetir, oprima la tecla de número. Para otros temas, oprima asterisco.", "#*"),
            ("Para enfermería, pulse la tecla número 4", "4"),
        ] {
            assert_eq!(named("es-US", text), keys, "{text}");
        }
    }

    #[test]
    fn what_is_dialled_or_pressed_otherwise_is_no_key() {
        for text in [
            "Hang up and dial 911.",
            "Hang up and dial nine one one, or 9 1 1.",
            "You can also call or text 988.",
            "For a cut, press with a clean cloth for ten minutes.",
            "Call Poison Control now: 1, 800, 222, 1222. Again: 1, 800, 222, 1222.",
            "Enter the eight digits of your date of birth.",
            "On a scale from 1 to 5, how was your call?",
            "",
        ] {
            assert_eq!(named("en", text), "", "{text}");
        }
        assert_eq!(named("es", "Cuelgue y marque el 911."), "");
        assert!(keys_named("fr", "appuyez sur 1").is_none());
    }

    #[test]
    fn a_key_before_its_choice_is_told_from_one_behind_it() {
        let first = |language, text| keys_named(language, text).unwrap().remove(0).is_before_its_choice;
        assert!(first("en", "Please press 1 for a nurse."));
        assert!(first("es", "Oprima 1 para enfermería."));
        assert!(!first("en", "For a nurse, press 1. For the desk, press 2."));
        assert!(!first("en", "To hear your results, press 1 when you are ready."));
        assert!(!first("es", "Para enfermería, oprima 1."));
    }
}
