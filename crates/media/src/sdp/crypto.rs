//! `a=crypto` (RFC 4568): how the two sides tell each other their keys.

use super::{Encryption, Local};
use crate::srtp::{Keys, MasterKey, OurKeys, SUITES, Suite};

/// Lines looked at in one stream; clients with every suite and key length send a dozen.
const LINES_MAX: usize = 32;
/// The longest tag, in digits (RFC 4568 §9.1).
const TAG_DIGITS_MAX: usize = 9;

/// The line that was chosen.
#[derive(Clone, Copy)]
pub(super) struct Chosen {
    /// Says which line it answers.
    pub tag: u32,
    pub keys: Keys,
}

/// One line the peer wrote.
struct Line {
    tag: u32,
    key: MasterKey,
}

impl Line {
    /// `1 AES_CM_128_HMAC_SHA1_80 inline:<key>|2^31 [parameters]`. `None` where we cannot do what it asks for.
    fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split_ascii_whitespace();
        let tag = parts.next().filter(|tag| tag.len() <= TAG_DIGITS_MAX)?.parse().ok()?;
        let suite = Suite::named(parts.next()?)?;
        let key = parts.next()?;
        // Two keys at once are told apart by an MKI, which we do not read.
        if key.contains(';') || !key.get(..7)?.eq_ignore_ascii_case("inline:") {
            return None;
        }
        let mut fields = key.get(7..)?.split('|');
        let key = MasterKey::parse(suite, fields.next()?)?;
        // A lifetime is longer than any call (2^31 packets are 497 days); an MKI has a colon in it.
        if fields.any(|field| field.contains(':')) {
            return None;
        }
        // How it hints at windows does not change a packet; everything else does (RFC 4568 §6.3).
        let is_plain = parts.all(|parameter| parameter.starts_with("WSH="));
        is_plain.then_some(Self { tag, key })
    }
}

/// The first of the peer's lines that we can do, in its order.
pub(super) fn chosen<'a>(lines: impl Iterator<Item = &'a str>, local: Local<'_>) -> Option<Chosen> {
    let (Encryption::Accepted(ours) | Encryption::Required(ours)) = local.encryption else { return None };
    let line = lines.take(LINES_MAX).find_map(Line::parse)?;
    Some(Chosen { tag: line.tag, keys: Keys { ours: ours.of(line.key.suite()), theirs: line.key } })
}

/// The value of a line of ours.
pub(super) fn line(tag: u32, key: MasterKey) -> String {
    format!("{tag} {} inline:{}", key.suite().name(), key.to_base64())
}

/// Every line of an offer of ours, best first.
pub(super) fn offered(ours: &OurKeys) -> impl Iterator<Item = String> {
    (1..).zip(SUITES).map(|(tag, suite)| line(tag, ours.of(suite)))
}
