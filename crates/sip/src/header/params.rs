//! `;name=value` parameters of URIs and headers (RFC 3261 §25.1, generic-param).

use std::borrow::Cow;
use std::fmt;

/// One parameter as written: a quoted value keeps its quotes.
#[derive(Clone, Eq, PartialEq)]
pub struct Param {
    /// The name as written; names compare without regard to case.
    pub name: String,
    /// What follows `=`, quotes included.
    pub value: Option<String>,
}

/// Parameters in the order written.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Params(Vec<Param>);

impl Params {
    /// None yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The parameter of this name, whatever its case. `Some(None)` is one without a value.
    pub fn raw(&self, name: &str) -> Option<Option<&str>> {
        let param = self.0.iter().find(|param| param.name.eq_ignore_ascii_case(name))?;
        Some(param.value.as_deref())
    }

    /// The value of this name with quotes and backslashes taken off; `None` where it has no value.
    pub fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        self.raw(name).flatten().map(super::text::unquoted)
    }

    /// Whether there is such a parameter, with or without value.
    pub fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Replaces or appends a parameter. The value is written as given: a token, or already quoted.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self.0.iter_mut().find(|param| param.name.eq_ignore_ascii_case(name)) {
            Some(param) => param.value = value,
            None => self.0.push(Param { name: name.to_owned(), value }),
        }
    }

    /// Removes the parameter of this name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|param| !param.name.eq_ignore_ascii_case(name));
    }

    /// In the order written.
    pub fn iter(&self) -> impl Iterator<Item = &Param> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, name: String, value: Option<String>) {
        self.0.push(Param { name, value });
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn write(&self, out: &mut String) {
        for Param { name, value } in &self.0 {
            out.push(';');
            out.push_str(name);
            if let Some(value) = value {
                out.push('=');
                out.push_str(value);
            }
        }
    }
}

/// Names only: values may hold numbers and names.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|param| &param.name)).finish()
    }
}

/// The name only: the value may hold a number or a name.
impl fmt::Debug for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
