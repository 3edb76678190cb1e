//! `tables.yaml`: tables flows look things up in, their columns, and where their rows are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{Fields, Reader, Report};
use crate::csv::{self, Field};
use crate::diagnostic::{Finding, Severity, did_you_mean};
use crate::document::{Node, Place, Value as Written};
use crate::expression::{Type, Value};
use crate::table::{Column, HeldRows, Table};

/// Tables of one folder.
const TABLES_MAX: usize = 200;
/// Columns of one table.
const COLUMNS_MAX: usize = 100;
/// Mistakes of one CSV file that are told: whoever exported it wrongly has the same one in every row.
const MISTAKES_MAX: usize = 20;

/// The words for what a value can be.
pub(super) const TYPES: [(&str, Type); 3] =
    [("text", Type::Text), ("number", Type::Number), ("true_false", Type::Truth)];

impl Reader<'_> {
    pub(crate) fn tables(&mut self, root: &Node) -> BTreeMap<String, Arc<Table>> {
        let mut tables = BTreeMap::new();
        let Some(mut fields) = self.fields(root, "tables.yaml") else { return tables };
        self.version(&mut fields);
        let node = fields.require(self, "tables");
        if let Some(mut entries) = node.and_then(|node| self.fields(node, "`tables`")) {
            for (key, node) in entries.rest().into_iter().take(TABLES_MAX) {
                self.name(&key.text, key.place, "a table", true);
                if let Some(table) = self.table(node, &format!("table `{}`", key.text)) {
                    tables.insert(key.text.clone(), Arc::new(table));
                }
            }
        }
        fields.finish(self);
        tables
    }

    fn table(&mut self, node: &Node, what: &str) -> Option<Table> {
        let mut fields = self.fields(node, what)?;
        if let Some(node) = fields.take("about") {
            self.prose(node, "`about`");
        }
        let columns = fields.require(self, "columns").map(|node| self.columns(node)).unwrap_or_default();
        let key = fields.require(self, "key").map(|node| self.key(node, &columns)).unwrap_or_default();
        let rows = self.rows(&mut fields, what, (&columns, &key));
        fields.finish(self);
        Some(Table { columns, key, rows: rows? })
    }

    fn columns(&mut self, node: &Node) -> Vec<Column> {
        let Some(mut fields) = self.fields(node, "`columns`") else { return Vec::new() };
        let entries = fields.rest();
        if entries.is_empty() || entries.len() > COLUMNS_MAX {
            self.wrong_kind(node, "`columns`", &format!("a map of 1 to {COLUMNS_MAX} columns"));
        }
        entries.into_iter().filter_map(|(key, node)| self.column((&key.text, key.place), node)).collect()
    }

    /// `line: text`, or `mobile: { type: text, private: true }`.
    fn column(&mut self, named: (&str, Place), node: &Node) -> Option<Column> {
        let name = self.name(named.0, named.1, "a column", false)?;
        let Written::Map(_) = node.value else {
            let of = self.word(node, "a column", &TYPES)?;
            return Some(Column { name, of, is_private: false });
        };
        let mut fields = self.fields(node, "a column")?;
        let of = fields.require(self, "type").and_then(|node| self.word(node, "`type`", &TYPES));
        let is_private = fields.take("private").and_then(|node| self.truth(node, "`private`"));
        fields.finish(self);
        Some(Column { name, of: of?, is_private: is_private.unwrap_or(false) })
    }

    /// One column, or a list.
    fn key(&mut self, node: &Node, columns: &[Column]) -> Vec<Arc<str>> {
        let nodes = match &node.value {
            Written::List(nodes) if !nodes.is_empty() => nodes.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut key = Vec::new();
        for node in nodes {
            let Some(text) = self.text(node, "`key`") else { continue };
            let known = columns.iter().map(|column| &*column.name);
            if self.known((text, node.place), "flow/unknown-column", "column", known) {
                key.push(Arc::from(text));
            }
        }
        key
    }

    fn rows(
        &mut self,
        fields: &mut Fields<'_>,
        what: &str,
        (columns, key): (&[Column], &[Arc<str>]),
    ) -> Option<HeldRows> {
        let place = fields.place;
        let Some(node) = fields.take("file") else {
            self.error(Report {
                code: "flow/missing-key",
                place,
                message: format!("{what} needs `file`"),
                label: "where are its rows?",
                help: Some("`file: practices.csv`, beside this file".to_owned()),
            });
            return None;
        };
        let name = self.text(node, "`file`")?;
        let path = beside(self.path, name);
        let csvs = self.shared.csvs;
        let Some(source) = csvs.iter().find(|source| source.path == path) else {
            let known = csvs.iter().filter_map(|source| source.path.rsplit(['/', '\\']).next());
            self.known((name, node.place), "flow/unknown-file", "CSV file", known);
            return None;
        };
        let before = self.findings.len();
        let rows = self.held_rows(&source.path, &source.text, columns, key);
        (self.findings.len() == before).then_some(())?;
        Some(HeldRows::new(rows?, Sha256::digest(source.text.as_bytes()).into()))
    }

    fn held_rows(
        &mut self,
        path: &str,
        text: &str,
        columns: &[Column],
        key: &[Arc<str>],
    ) -> Option<HashMap<Vec<Value>, Vec<Value>>> {
        let rows = match csv::read(text) {
            Ok(rows) => rows,
            Err(wrong) => {
                let help = "save it as comma-separated values, UTF-8 (RFC 4180)";
                self.in_csv(path, "flow/csv", wrong.place, wrong.why, help.to_owned());
                return None;
            }
        };
        let mut rows = rows.into_iter();
        let header = rows.next().unwrap_or_default();
        let places = self.header(path, &header, columns)?;
        let mut held: HashMap<Vec<Value>, Vec<Value>> = HashMap::new();
        let mut lines: HashMap<Vec<Value>, usize> = HashMap::new();
        let before = self.findings.len();
        for row in rows {
            if self.findings.len() - before >= MISTAKES_MAX {
                return None;
            }
            let Some((values, place)) = self.row(path, &row, header.len(), columns, &places) else {
                continue;
            };
            let of_key = |name: &Arc<str>| {
                let at = columns.iter().position(|column| column.name == *name)?;
                values.get(at).cloned()
            };
            let Some(named) = key.iter().map(of_key).collect::<Option<Vec<_>>>() else { continue };
            if let Some(line) = lines.insert(named.clone(), place.line) {
                let message = format!("line {line} has the same key");
                let help = format!("one row for each {}", key.join(", "));
                self.in_csv(path, "flow/csv-key", place, message, help);
            }
            held.insert(named, values);
        }
        Some(held)
    }

    /// Where each column stands in the file. Columns nobody declared are not read.
    fn header(&mut self, path: &str, header: &[Field], columns: &[Column]) -> Option<Vec<usize>> {
        let place = header.first().map_or(Place { line: 1, column: 1, length: 1 }, |field| field.place);
        let mut places = Vec::new();
        for column in columns {
            match header.iter().position(|field| field.text == *column.name) {
                Some(at) => places.push(at),
                None => {
                    let names = header.iter().map(|field| field.text.as_str());
                    let help = match did_you_mean(&column.name, names.clone()) {
                        Some(near) => format!("is `{near}` meant? Both files must use one name"),
                        None => format!("its first line has: {}", names.collect::<Vec<_>>().join(", ")),
                    };
                    let message = format!("there is no column `{}`", column.name);
                    self.in_csv(path, "flow/csv", place, message, help);
                }
            }
        }
        (places.len() == columns.len()).then_some(places)
    }

    fn row(
        &mut self,
        path: &str,
        row: &[Field],
        width: usize,
        columns: &[Column],
        places: &[usize],
    ) -> Option<(Vec<Value>, Place)> {
        let place = row.first().map(|field| field.place)?;
        if row.len() != width {
            let message = format!("{} fields, where the first line has {width}", row.len());
            let help = "put text with commas in quotes".to_owned();
            self.in_csv(path, "flow/csv", place, message, help);
            return None;
        }
        let mut values = Vec::new();
        for (column, at) in columns.iter().zip(places) {
            let field = row.get(*at)?;
            match value_of(&field.text, column.of) {
                Some(value) => values.push(value),
                None => {
                    let message = format!("`{}` must be {}", column.name, column.of);
                    let help = match column.of {
                        Type::Truth => "`true` or `false`",
                        _ => "a whole number, without separators",
                    };
                    self.in_csv(path, "flow/csv-value", field.place, message, help.to_owned());
                }
            }
        }
        (values.len() == columns.len()).then_some((values, place))
    }

    /// A mistake in another file. Never with what stands there: it may be somebody's number.
    fn in_csv(&mut self, path: &str, code: &'static str, place: Place, message: String, help: String) {
        self.findings.push(Finding {
            severity: Severity::Error,
            code,
            message,
            path: path.to_owned(),
            place: Some((place.line, place.column, place.length)),
            label: "here".to_owned(),
            help: Some(help),
        });
    }
}

/// A value as a table writes it.
fn value_of(text: &str, of: Type) -> Option<Value> {
    Some(match (of, text) {
        (Type::Text, text) => Value::Text(text.into()),
        (Type::Number, text) => Value::Number(text.parse().ok()?),
        (Type::Truth, "true") => Value::Truth(true),
        (Type::Truth, "false") => Value::Truth(false),
        (Type::Truth, _) => return None,
    })
}

/// The path of a file that stands beside another. Only there: a name with a folder in it finds nothing.
fn beside(path: &str, name: &str) -> String {
    let at = path.rfind(['/', '\\']).map_or(0, |at| at + 1);
    format!("{}{name}", path.get(..at).unwrap_or_default())
}
