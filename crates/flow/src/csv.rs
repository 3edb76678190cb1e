//! Comma-separated values (RFC 4180), with the place of every field: what is wrong in a table is found when it is
//! loaded, by line and column.

use crate::document::Place;

/// Bytes of one file.
pub(crate) const FILE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Rows of one file: more belongs into a database.
pub(crate) const ROWS_MAX: usize = 200_000;
/// Fields of one row.
const FIELDS_MAX: usize = 200;

/// One value and where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Field {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// What makes a file no table, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Unreadable {
    pub(crate) place: Place,
    pub(crate) why: String,
}

/// Every row, the header first. Empty lines are none. Spaces around a field without quotes are no part of it.
pub(crate) fn read(text: &str) -> Result<Vec<Vec<Field>>, Unreadable> {
    let start = Place { line: 1, column: 1, length: 1 };
    if text.len() > FILE_BYTES_MAX {
        return Err(Unreadable {
            place: start,
            why: format!("the file is larger than {FILE_BYTES_MAX} bytes"),
        });
    }
    let mut reader = Reader {
        // A spreadsheet may put a byte order mark before its file.
        rest: text.trim_start_matches('\u{feff}').chars().peekable(),
        at: start,
    };
    let mut rows = Vec::new();
    while reader.rest.peek().is_some() {
        let row = reader.row()?;
        if row.len() == 1 && row.first().is_some_and(|field| field.text.is_empty()) {
            continue;
        }
        if rows.len() > ROWS_MAX {
            let why = format!("more than {ROWS_MAX} rows");
            return Err(Unreadable { place: reader.at, why });
        }
        rows.push(row);
    }
    Ok(rows)
}

struct Reader<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
    at: Place,
}

impl Reader<'_> {
    fn row(&mut self) -> Result<Vec<Field>, Unreadable> {
        let mut row = Vec::new();
        loop {
            if row.len() >= FIELDS_MAX {
                let why = format!("more than {FIELDS_MAX} columns");
                return Err(Unreadable { place: self.at, why });
            }
            row.push(self.field()?);
            match self.next() {
                Some(',') => {}
                _ => return Ok(row),
            }
        }
    }

    /// Up to the comma, the end of the line or of the file, which are left.
    fn field(&mut self) -> Result<Field, Unreadable> {
        while self.rest.next_if_eq(&' ').is_some() {
            self.at.column += 1;
        }
        let mut place = self.at;
        let (text, width) = if self.rest.peek() == Some(&'"') { self.quoted(place)? } else { self.plain()? };
        place.length = width.max(1);
        Ok(Field { text, place })
    }

    fn plain(&mut self) -> Result<(String, usize), Unreadable> {
        let mut text = String::new();
        loop {
            match self.rest.peek() {
                None | Some(',' | '\n') => break,
                Some('"') => {
                    let why = "a quote in the middle of a field: quote all of it, and write `\"\"` for each quote in it";
                    return Err(Unreadable { place: self.at, why: why.to_owned() });
                }
                Some(_) => text.extend(self.next()),
            }
        }
        let width = text.trim_end().chars().count();
        text.truncate(text.trim_end().len());
        Ok((text, width))
    }

    fn quoted(&mut self, opens: Place) -> Result<(String, usize), Unreadable> {
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None => {
                    let why = "a quote that does not end".to_owned();
                    return Err(Unreadable { place: opens, why });
                }
                Some('"') if self.rest.peek() == Some(&'"') => text.extend(self.next()),
                Some('"') => break,
                Some(c) => text.push(c),
            }
        }
        while matches!(self.rest.peek(), Some(' ' | '\r')) {
            self.next();
        }
        if !matches!(self.rest.peek(), None | Some(',' | '\n')) {
            let why = "text behind a closing quote: write `\"\"` for a quote in a field".to_owned();
            return Err(Unreadable { place: self.at, why });
        }
        let width = if self.at.line == opens.line { self.at.column - opens.column } else { 1 };
        Ok((text, width))
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.at.line += 1;
            self.at.column = 1;
        } else {
            self.at.column += 1;
        }
        Some(c)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use proptest::prelude::*;

    use super::read;

    fn texts(text: &str) -> Vec<Vec<String>> {
        let rows = read(text).unwrap();
        rows.into_iter().map(|row| row.into_iter().map(|field| field.text).collect()).collect()
    }

    #[test]
    fn rows_are_read_as_spreadsheets_write_them() {
        assert_eq!(
            texts("\u{feff}line,name\r\n+1555,\"Dr. \"\"Bo\"\" Li, MD\"\r\n\n +1556 , two\nlines,\"a\nb\""),
            [
                vec!["line", "name"],
                vec!["+1555", "Dr. \"Bo\" Li, MD"],
                vec!["+1556", "two"],
                vec!["lines", "a\nb"]
            ]
        );
        assert_eq!(texts(""), Vec::<Vec<String>>::new());
        assert_eq!(texts("a,\n,b"), [["a", ""], ["", "b"]]);
    }

    #[test]
    fn each_field_knows_where_it_stands() {
        let rows = read("a,b\n\"x\ny\",  über\n").unwrap();
        let place = |row: usize, at: usize| {
            let place = rows[row][at].place;
            (place.line, place.column, place.length)
        };
        assert_eq!((place(0, 1), place(1, 0), place(1, 1)), ((1, 3, 1), (2, 1, 1), (3, 6, 4)));
    }

    #[test]
    fn quotes_that_do_not_fit_are_told_with_their_place() {
        for (text, place) in [("a\n\"b", (2, 1)), ("a,b\"c", (1, 4)), ("\"a\"b", (1, 4))] {
            let wrong = read(text).unwrap_err();
            assert_eq!((wrong.place.line, wrong.place.column), place, "{}", wrong.why);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_with_quotes_is_read_again(
            rows in prop::collection::vec(prop::collection::vec("[a-z \",\n]{1,8}", 2..4), 1..6)
        ) {
            let line = |row: &Vec<String>| {
                let fields: Vec<String> =
                    row.iter().map(|text| format!("\"{}\"", text.replace('"', "\"\""))).collect();
                fields.join(",")
            };
            let text: Vec<String> = rows.iter().map(line).collect();
            prop_assert_eq!(texts(&text.join("\n")), rows);
        }

        #[test]
        fn no_text_is_too_strange_to_be_read_or_refused(text in "[\",\n\r a\u{feff}é]{0,60}") {
            let _ = read(&text);
        }
    }
}
