//! As much of DER (X.690) as finds one extension of a certificate. Nothing is copied, and what does not fit is
//! refused: a length beyond its element, one written longer than it need be, or an element over 65,535 bytes.

/// A SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// An OBJECT IDENTIFIER.
pub const OID: u8 = 0x06;
/// An OCTET STRING.
pub const OCTETS: u8 = 0x04;
/// An INTEGER.
pub const INTEGER: u8 = 0x02;
/// An IA5String.
pub const IA5: u8 = 0x16;

/// An element of the context, which says what its number means: explicitly tagged.
pub const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// Elements that follow one another.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The elements of these bytes.
    pub const fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether none is left.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tag and content of the next.
    pub fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81 => {
                let (length, rest) = rest.split_first()?;
                (usize::from(*length), rest)
            }
            0x82 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            _ => return None,
        };
        let is_shortest = match first {
            0x81 => length > 0x7f,
            0x82 => length > 0xff,
            _ => true,
        };
        let (content, rest) = rest.split_at_checked(length).filter(|_| is_shortest)?;
        self.0 = rest;
        Some((*tag, content))
    }

    /// The content of the next, which must be of this kind.
    pub fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// The elements of the next, which must be of this kind.
    pub fn enter(&mut self, tag: u8) -> Option<Self> {
        self.expect(tag).map(Self)
    }

    /// The next must be of this kind and the last.
    pub fn only(&mut self, tag: u8) -> Option<&'a [u8]> {
        let content = self.expect(tag)?;
        self.is_empty().then_some(content)
    }
}
