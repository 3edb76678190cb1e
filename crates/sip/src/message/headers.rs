//! The headers of a message: order and bytes kept.

use std::fmt;

use bytes::Bytes;

use crate::header::Name;
use crate::header::text::CommaList;

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

    pub(crate) fn with_capacity(fields: usize) -> Self {
        Self { fields: Vec::with_capacity(fields) }
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
        self.all(name).flat_map(|value| CommaList::new(value))
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
        self.fields.push((name, one_line(value.into())));
    }

    /// Puts before all others, as a Via or Record-Route of our own.
    pub fn push_front(&mut self, name: Name, value: impl Into<Bytes>) {
        self.fields.insert(0, (name, one_line(value.into())));
    }

    /// Replaces the first of this name in its place and removes its others; appends where there is none.
    pub fn set(&mut self, name: Name, value: impl Into<Bytes>) {
        let mut value = Some(one_line(value.into()));
        self.fields.retain_mut(|(own, old)| {
            if *own != name {
                return true;
            }
            match value.take() {
                Some(new) => {
                    *old = new;
                    true
                }
                None => false,
            }
        });
        if let Some(value) = value {
            self.fields.push((name, value));
        }
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

    /// Appends what the parser found, which holds no CRLF.
    pub(super) fn push_as_read(&mut self, name: Name, value: Bytes) {
        self.fields.push((name, value));
    }

    /// Replaces the first field of this name, wherever it stands.
    pub(super) fn replace_first(&mut self, name: &Name, value: Bytes) {
        if let Some((_, old)) = self.fields.iter_mut().find(|(own, _)| own == name) {
            *old = one_line(value);
        }
    }
}

fn one_line(value: Bytes) -> Bytes {
    if !value.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return value;
    }
    value.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect()
}

/// Names only: values hold numbers, names and credentials.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Headers;
    use crate::header::Name;

    #[test]
    fn no_value_can_become_another_header() {
        let mut headers = Headers::new();
        headers.push(Name::Subject, "hello\r\nVia: SIP/2.0/UDP evil");
        assert_eq!(
            headers.first(&Name::Subject).map(AsRef::as_ref),
            Some(&b"hello  Via: SIP/2.0/UDP evil"[..])
        );
    }

    #[test]
    fn setting_keeps_the_place_of_the_first_and_removes_the_others() {
        let mut headers = Headers::new();
        for (name, value) in [(Name::To, "a"), (Name::Contact, "b"), (Name::CSeq, "c"), (Name::Contact, "d")]
        {
            headers.push(name, value);
        }
        headers.set(Name::Contact, "e");
        headers.set(Name::Expires, "60");
        let order: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(order, ["To", "Contact", "CSeq", "Expires"]);
    }
}
