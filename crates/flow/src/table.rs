//! Tables that flows look things up in: the rows of CSV files, which are part of a version.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use primitives::Private;
use serde::{Serialize, Serializer};

use crate::expression::{Type, Value};
use crate::inquiry::{Inquiry, InquiryNews};

/// One table of `tables.yaml`.
#[derive(Debug, Serialize)]
pub struct Table {
    /// Its columns, in the order they were declared.
    pub columns: Vec<Column>,
    /// The columns that together name one row.
    pub key: Vec<Arc<str>>,
    /// Its rows.
    pub rows: HeldRows,
}

/// A column of a table.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: Arc<str>,
    /// What its values are.
    pub of: Type,
    /// Whether they may be seen by nobody but the flow.
    pub is_private: bool,
}

/// Rows of a CSV file.
pub struct HeldRows {
    rows: HashMap<Vec<Value>, Vec<Value>>,
    checksum: [u8; 32],
}

impl HeldRows {
    pub(crate) const fn new(rows: HashMap<Vec<Value>, Vec<Value>>, checksum: [u8; 32]) -> Self {
        Self { rows, checksum }
    }
}

/// How many, and nothing of what is in them.
impl fmt::Debug for HeldRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.rows.len())
    }
}

/// For a version it is enough which file it was.
impl Serialize for HeldRows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.checksum.serialize(serializer)
    }
}

impl Table {
    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| &*column.name == name)
    }

    /// Whether anything in it is private.
    pub fn is_private(&self) -> bool {
        self.columns.iter().any(|column| column.is_private)
    }

    /// What its rows say.
    pub fn find(&self, inquiry: &Inquiry) -> InquiryNews {
        let given = |name: &Arc<str>| inquiry.given.iter().find(|(known, _)| known == name);
        let key: Option<Vec<Value>> =
            self.key.iter().map(|name| given(name).map(|(_, value)| value.expose().clone())).collect();
        let Some(key) = key else { return InquiryNews::Failed };
        let Some(row) = self.rows.rows.get(&key) else { return InquiryNews::NotFound };
        let value = |wanted: &Arc<str>| {
            let at = self.columns.iter().position(|column| column.name == *wanted)?;
            Some((Arc::clone(wanted), Private::new(row.get(at)?.clone())))
        };
        match inquiry.wanted.iter().map(|wanted| value(&wanted.from)).collect() {
            Some(values) => InquiryNews::Found(values),
            None => InquiryNews::Failed,
        }
    }
}
