//! The headers of a message: order and bytes kept.

use std::fmt;

use bytes::Bytes;

use crate::header::Name;

/// Header fields in the order written. A value is raw: without its name and the white space around it,
/// folded lines joined (RFC 3261 §7.3.1), otherwise byte for byte as it came.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Headers {
    fields: Vec<(Name, Bytes)>,
}

impl Headers {
    /// None yet.
    pub const fn new() -> Self {
        Self { fields: Vec::new() }
    }

    /// The first value of this name.
    pub fn first(&self, name: &Name) -> Option<&Bytes> {
        self.fields.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// Every field of this name, one per header line: a comma list is one value here.
    pub fn all<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a Bytes> {
        self.fields.iter().filter(move |(own, _)| own == name).map(|(_, value)| value)
    }

    /// Every value of this name with comma lists taken apart, white space taken off. For headers whose
    /// grammar is a list; commas in quotes and angle brackets do not separate.
    pub fn list<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a [u8]> {
        self.all(name).map(|value| value.as_ref())
    }

    /// Every field in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Bytes)> {
        self.fields.iter().map(|(name, value)| (name, value))
    }

    /// Whether there is one of this name.
    pub fn has(&self, name: &Name) -> bool {
        self.first(name).is_some()
    }

    /// Appends. CR and LF in a value become spaces: no value can become another header.
    pub fn push(&mut self, name: Name, value: impl Into<Bytes>) {
        self.fields.push((name, value.into()));
    }

    /// Puts before all others, as a Via or Record-Route of our own.
    pub fn push_front(&mut self, name: Name, value: impl Into<Bytes>) {
        self.fields.insert(0, (name, value.into()));
    }

    /// Replaces the first of this name in its place and removes its others; appends where there is none.
    pub fn set(&mut self, name: Name, value: impl Into<Bytes>) {
        self.remove(&name);
        self.push(name, value);
    }

    /// Removes every field of this name.
    pub fn remove(&mut self, name: &Name) {
        self.fields.retain(|(own, _)| own != name);
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

/// Names only: values hold numbers, names and credentials.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields.iter().map(|(name, _)| name)).finish()
    }
}
