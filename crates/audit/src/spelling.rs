use crate::canonical::{DEPTH_MAX, INTEGER_MAX};

/// Whether a text is the one canonical spelling of its value ([`crate::canonical`]). Duplicate names,
/// spaces, other escapes and other orders are not.
///
/// One pass without building the value: an auditor does this for every record of seven years.
pub fn is_canonical(text: &[u8]) -> bool {
    // The strings' bytes are looked at one by one below, so UTF-8 is checked here for all of them.
    if std::str::from_utf8(text).is_err() {
        return false;
    }
    let mut spelling = Spelling { text, at: 0 };
    spelling.value(0).is_some() && spelling.at == text.len()
}

/// `Some` as long as what was read is canonical.
struct Spelling<'a> {
    text: &'a [u8],
    at: usize,
}

/// A member's name as it stands between its quotes.
struct Name<'a> {
    raw: &'a [u8],
    /// ASCII without escapes: its bytes are in the order of its UTF-16 code units.
    is_plain: bool,
}

impl<'a> Spelling<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, word: &[u8]) -> Option<()> {
        let end = self.at + word.len();
        if self.text.get(self.at..end)? != word {
            return None;
        }
        self.at = end;
        Some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b't' => self.expect(b"true"),
            b'f' => self.expect(b"false"),
            b'[' if depth < DEPTH_MAX => self.list(depth + 1),
            b'{' if depth < DEPTH_MAX => self.object(depth + 1),
            b'-' | b'0'..=b'9' => self.integer(),
            _ => None,
        }
    }

    fn integer(&mut self) -> Option<()> {
        let is_negative = self.peek() == Some(b'-');
        self.at += usize::from(is_negative);
        let digits = self.at;
        let mut size: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            self.at += 1;
            size = size.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        }
        let count = self.at - digits;
        let has_leading_zero = self.text.get(digits) == Some(&b'0') && (count > 1 || is_negative);
        (count > 0 && !has_leading_zero && size <= INTEGER_MAX).then_some(())
    }

    fn list(&mut self, depth: usize) -> Option<()> {
        self.expect(b"[")?;
        if self.peek()? == b']' {
            return self.expect(b"]");
        }
        loop {
            self.value(depth)?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.expect(b"{")?;
        if self.peek()? == b'}' {
            return self.expect(b"}");
        }
        let mut before: Option<Name<'a>> = None;
        loop {
            let name = self.string()?;
            if !before.as_ref().is_none_or(|before| before.is_before(&name)) {
                return None;
            }
            before = Some(name);
            self.expect(b":")?;
            self.value(depth)?;
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn string(&mut self) -> Option<Name<'a>> {
        self.expect(b"\"")?;
        let start = self.at;
        let mut is_plain = true;
        loop {
            match self.next()? {
                b'"' => {
                    let raw = self.text.get(start..self.at - 1)?;
                    return Some(Name { raw, is_plain });
                }
                b'\\' => {
                    is_plain = false;
                    self.escape()?;
                }
                0x00..=0x1f => return None,
                0x80.. => is_plain = false,
                _ => {}
            }
        }
    }

    /// The escapes of RFC 8785 §3.2.2.2; a control character that has a short one has no other.
    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r' => Some(()),
            b'u' => {
                self.expect(b"00")?;
                let (high, low) = (self.next()?, self.next()?);
                let is_hex = low.is_ascii_digit() || (b'a'..=b'f').contains(&low);
                let has_short = high == b'0' && matches!(low, b'8' | b'9' | b'a' | b'c' | b'd');
                (matches!(high, b'0' | b'1') && is_hex && !has_short).then_some(())
            }
            _ => None,
        }
    }
}

impl Name<'_> {
    fn is_before(&self, other: &Self) -> bool {
        if self.is_plain && other.is_plain {
            return self.raw < other.raw;
        }
        match (self.units(), other.units()) {
            (Some(one), Some(two)) => one < two,
            _ => false,
        }
    }

    fn units(&self) -> Option<Vec<u16>> {
        let quoted = [b"\"", self.raw, b"\""].concat();
        let name: String = serde_json::from_slice(&quoted).ok()?;
        Some(name.encode_utf16().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::is_canonical;
    use crate::canonical::write;

    /// The definition: what is read and written again is the same.
    fn is_canonical_by_definition(text: &[u8]) -> bool {
        let Ok(value) = serde_json::from_slice::<Value>(text) else { return false };
        let mut again = Vec::new();
        write(&value, &mut again).is_ok() && again == text
    }

    fn value() -> impl Strategy<Value = Value> {
        let name = || prop_oneof!["[a-c]{0,2}", "\\PC{0,3}", "[\u{0}-\u{1f}\"\\\\/\u{e000}\u{1f600}]{0,3}"];
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1_000_i64..1_000).prop_map(Value::from),
            name().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map(name(), inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn one_pass_finds_what_reading_and_writing_again_finds(
            value in value(),
            at in any::<prop::sample::Index>(),
            byte in prop_oneof![any::<u8>(), prop::sample::select(b" \"\\{}[]:,-0123456789abtnfrue.".to_vec())],
        ) {
            let mut text = Vec::new();
            let is_writable = write(&value, &mut text).is_ok();
            prop_assert_eq!(is_canonical(&text), is_canonical_by_definition(&text));
            if is_writable {
                prop_assert!(is_canonical(&text));
                let place = at.index(text.len());
                if let Some(changed) = text.get_mut(place) {
                    *changed = byte;
                }
                let text_of = String::from_utf8_lossy(&text).into_owned();
                prop_assert_eq!(is_canonical(&text), is_canonical_by_definition(&text), "{}", text_of);
            }
        }
    }
}
