//! For whose numbers a carrier's certificate may speak: its TNAuthList (RFC 8226 §9).

use super::der::{Elements, IA5, INTEGER, OCTETS, OID, SEQUENCE, context};

/// id-pe-TNAuthList, 1.3.6.1.5.5.7.1.26.
const TN_AUTH_LIST: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 26];

/// Extensions of a certificate that are looked at. One of a carrier has about ten.
const EXTENSIONS_MAX: usize = 64;

/// Entries of one list. A delegate's certificate (RFC 9060) has a handful of ranges; one with more is not
/// believed, since we did not read all of it.
const ENTRIES_MAX: usize = 1_024;

/// Digits of a number, `*` and `#` in it too (RFC 8226 §9).
const NUMBER_MAX: usize = 15;

/// What a certificate says it may speak for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Authority {
    /// It has no list in it: it may be elsewhere (RFC 8226 §10.2.2), where nobody looks.
    NotSaid,
    /// It has one that cannot be read.
    Unreadable,
    /// For these.
    Entries(Vec<Entry>),
}

/// One entry of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Entry {
    /// All numbers of a provider, by its code. Whose a number is, a directory says that carriers alone have.
    Provider(String),
    /// So many numbers from the first on, as long as it is.
    Range {
        /// The first.
        start: String,
        /// How many.
        count: u64,
    },
    /// One.
    One(String),
}

impl Authority {
    /// What a certificate says, DER. It is malformed in no way that matters elsewhere: `webpki` has read it too.
    pub fn of_certificate(certificate: &[u8]) -> Self {
        match extension(certificate) {
            None => Self::Unreadable,
            Some(None) => Self::NotSaid,
            Some(Some(list)) => entries(list).map_or(Self::Unreadable, Self::Entries),
        }
    }

    /// Whether it may speak for a caller's number: digits, country code first.
    pub fn covers(&self, number: &str) -> bool {
        match self {
            Self::NotSaid | Self::Unreadable => false,
            Self::Entries(entries) => entries.iter().any(|entry| entry.covers(number)),
        }
    }
}

impl Entry {
    fn covers(&self, number: &str) -> bool {
        match self {
            Self::Provider(_) => true,
            Self::One(one) => one == number,
            Self::Range { start, count } => {
                let (Ok(first), Ok(asked)) = (start.parse::<u64>(), number.parse::<u64>()) else {
                    return false;
                };
                start.len() == number.len() && asked >= first && asked - first < *count
            }
        }
    }
}

/// The content of the extension; `None` inside where there is none, outside where there is no certificate.
fn extension(certificate: &[u8]) -> Option<Option<&[u8]>> {
    let mut signed = Elements::of(certificate).enter(SEQUENCE)?.enter(SEQUENCE)?;
    let mut found = None;
    while let Some((tag, content)) = signed.next() {
        if tag != context(3) {
            continue;
        }
        let mut extensions = Elements::of(content).enter(SEQUENCE)?;
        for _ in 0..EXTENSIONS_MAX {
            if extensions.is_empty() {
                break;
            }
            let mut extension = extensions.enter(SEQUENCE)?;
            let is_it = extension.expect(OID)? == TN_AUTH_LIST;
            let (mut tag, mut content) = extension.next()?;
            if tag != OCTETS {
                // `critical` stands between.
                (tag, content) = extension.next()?;
            }
            if tag != OCTETS || (is_it && found.is_some()) {
                return None;
            }
            if is_it {
                found = Some(content);
            }
        }
        if !extensions.is_empty() {
            return None;
        }
    }
    signed.is_empty().then_some(found)
}

fn entries(list: &[u8]) -> Option<Vec<Entry>> {
    let mut list = Elements::of(Elements::of(list).only(SEQUENCE)?);
    let mut entries = Vec::new();
    while !list.is_empty() {
        if entries.len() >= ENTRIES_MAX {
            return None;
        }
        let (tag, content) = list.next()?;
        let mut inside = Elements::of(content);
        entries.push(match tag {
            tag if tag == context(0) => Entry::Provider(text(inside.only(IA5)?)?),
            tag if tag == context(1) => {
                let mut range = Elements::of(inside.only(SEQUENCE)?);
                let start = number(range.expect(IA5)?)?;
                Entry::Range { start, count: integer(range.only(INTEGER)?).filter(|count| *count >= 2)? }
            }
            tag if tag == context(2) => Entry::One(number(inside.only(IA5)?)?),
            _ => return None,
        });
    }
    (!entries.is_empty()).then_some(entries)
}

fn text(content: &[u8]) -> Option<String> {
    let is_plain = !content.is_empty() && content.iter().all(u8::is_ascii_graphic);
    is_plain.then(|| content.iter().map(|byte| char::from(*byte)).collect())
}

fn number(content: &[u8]) -> Option<String> {
    text(content).filter(|number| {
        number.len() <= NUMBER_MAX && number.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'*' | b'#'))
    })
}

/// One that is not negative. More than there are numbers is as many as there are.
fn integer(content: &[u8]) -> Option<u64> {
    let first = *content.first()?;
    if first > 0x7f {
        return None;
    }
    let digits = content.iter().skip_while(|byte| **byte == 0).count();
    let value = || content.iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
    Some(if digits > 8 { u64::MAX } else { value() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;
    use rcgen::{CertificateParams, CustomExtension, KeyPair, PKCS_ECDSA_P256_SHA256};

    use super::{Authority, Entry, entries};

    /// An element.
    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        let long = (length > 0x7f).then_some(0x81);
        [tag].into_iter().chain(long).chain([length]).chain(content.iter().copied()).collect()
    }

    fn provider(code: &str) -> Vec<u8> {
        der(0xa0, &der(0x16, code.as_bytes()))
    }

    fn one(number: &str) -> Vec<u8> {
        der(0xa2, &der(0x16, number.as_bytes()))
    }

    fn range(start: &str, count: &[u8]) -> Vec<u8> {
        der(0xa1, &der(0x30, &[der(0x16, start.as_bytes()), der(0x02, count)].concat()))
    }

    fn list(entries: &[Vec<u8>]) -> Vec<u8> {
        der(0x30, &entries.concat())
    }

    /// A certificate with these extensions of this kind.
    fn certificate(lists: &[Vec<u8>]) -> Vec<u8> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::new(vec!["carrier.example".to_owned()]).unwrap();
        let oid = [1, 3, 6, 1, 5, 5, 7, 1, 26];
        let extension = |list: &Vec<u8>| {
            let mut extension = CustomExtension::from_oid_content(&oid, list.clone());
            extension.set_criticality(list.len().is_multiple_of(2));
            extension
        };
        params.custom_extensions = lists.iter().map(extension).collect();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_providers_code_covers_every_number_of_which_only_carriers_know_whose_it_is() {
        let authority = Authority::of_certificate(&certificate(&[list(&[provider("709J")])]));
        assert_eq!(authority, Authority::Entries(vec![Entry::Provider("709J".to_owned())]));
        assert!(authority.covers("15550100123"));
    }

    #[test]
    fn numbers_and_ranges_cover_themselves_to_their_last() {
        let lists = list(&[one("15550100123"), range("15550100200", &[0, 200])]);
        let authority = Authority::of_certificate(&certificate(&[lists]));
        for (number, is_covered) in [
            ("15550100123", true),
            ("15550100124", false),
            ("15550100199", false),
            ("15550100200", true),
            ("15550100399", true),
            ("15550100400", false),
            ("015550100200", false),
            ("1555010020", false),
            ("", false),
        ] {
            assert_eq!(authority.covers(number), is_covered, "{number}");
        }
    }

    #[test]
    fn a_certificate_without_a_list_says_nothing_and_one_with_two_or_a_broken_one_is_not_believed() {
        assert_eq!(Authority::of_certificate(&certificate(&[])), Authority::NotSaid);
        let two = [list(&[one("1")]), list(&[one("22")])];
        assert_eq!(Authority::of_certificate(&certificate(&two)), Authority::Unreadable);
        for broken in [
            list(&[]),
            vec![],
            list(&[one("")]),
            list(&[one("1555010012345678")]),
            list(&[one("+15550100123")]),
            list(&[provider("")]),
            list(&[range("15550100200", &[1])]),
            list(&[range("15550100200", &[0x80])]),
            list(&[range("15550100200", &[])]),
            list(&[der(0xa3, b"x")]),
            [list(&[one("1")]), vec![0]].concat(),
            vec![0x30, 0x81, 0x05, 0xa2, 0x03, 0x16, 0x01, b'1'],
            vec![0x30, 0x84, 0, 0, 0, 5, 0xa2, 0x03, 0x16, 0x01, b'1'],
        ] {
            assert_eq!(
                Authority::of_certificate(&certificate(std::slice::from_ref(&broken))),
                Authority::Unreadable,
                "{broken:x?}"
            );
        }
    }

    #[test]
    fn a_count_beyond_all_numbers_is_all_of_them() {
        let read = entries(&list(&[range("15550100200", &[0x7f; 12])])).unwrap();
        assert_eq!(read, [Entry::Range { start: "15550100200".to_owned(), count: u64::MAX }]);
    }

    proptest! {
        #[test]
        fn whatever_a_repository_sends_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let authority = Authority::of_certificate(&bytes);
            prop_assert!(!authority.covers("15550100123") || matches!(authority, Authority::Entries(_)));
            let _ = entries(&bytes);
        }

        #[test]
        fn a_certificate_somebody_tampered_with_is_read_or_refused(
            at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = certificate(&[list(&[one("15550100123"), range("15550100200", &[0, 200])])]);
            let at = at.index(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = to;
            }
            let _ = Authority::of_certificate(&bytes);
            let cut = bytes.get(..cut.index(bytes.len())).unwrap_or_default();
            prop_assert!(!Authority::of_certificate(cut).covers("15550100123"));
        }
    }
}
