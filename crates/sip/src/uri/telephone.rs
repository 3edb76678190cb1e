//! The telephone number in an address (RFC 3966 §3; in a SIP URI, RFC 3261 §19.1.6).

use primitives::Private;

use crate::header::Params;
use crate::header::text::Cursor;

use super::escape::unescaped;
use super::{Uri, uri_params};

/// Longest number read, in digits. E.164 has fifteen; a prefix to dial out and an access code come on top.
const DIGITS_MAX: usize = 40;

/// A telephone number as an address has it, whoever's numbering it follows.
#[derive(Clone, Eq, PartialEq)]
pub struct Telephone {
    /// Digits, `*` and `#`, visual separators taken off; `+` in front where it is global.
    pub digits: Private<String>,
    /// `phone-context` (§5.1.5), `npdi` and `rn` (RFC 4694), `verstat` … What they say of a ported number
    /// does not change which number was dialled.
    pub params: Params,
}

impl Telephone {
    /// `phone-context`: within which numbers this one is meant, `+1` or a domain.
    pub fn context(&self) -> Option<String> {
        self.params.value("phone-context").map(|context| unescaped(&context))
    }
}

/// Shows that there is a number, never which.
impl std::fmt::Debug for Telephone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Telephone(private)")
    }
}

impl Uri {
    /// The number of a tel URI, or of a SIP URI whose user part is one. `user=phone` is not asked for: hardly a
    /// trunk sends it, and nobody's name consists of digits.
    pub fn telephone(&self) -> Option<Telephone> {
        let (number, params) = match self {
            Self::Tel(uri) => (uri.number.clone(), uri.params.clone()),
            Self::Sip(uri) => {
                let user = unescaped(uri.user.as_deref()?);
                let (number, rest) = user.split_at_checked(user.find(';').unwrap_or(user.len()))?;
                // Parameters that cannot be read are none; the number stands all the same.
                let mut params = uri_params(&mut Cursor::new(rest)).unwrap_or_default();
                if let Some(context) =
                    uri.params.raw("phone-context").filter(|_| !params.has("phone-context"))
                {
                    params.set("phone-context", context);
                }
                (number.to_owned(), params)
            }
            Self::Other(_) => return None,
        };
        let digits: String = number.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')' | ' ')).collect();
        let national = digits.strip_prefix('+').unwrap_or(&digits);
        let is_number = !national.is_empty()
            && digits.len() <= DIGITS_MAX
            && national.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'#'));
        is_number.then(|| Telephone { digits: Private::new(digits), params })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use crate::uri::Uri;

    #[test]
    fn numbers_are_found_in_tel_and_sip_uris() {
        for (uri, digits, context) in [
            ("tel:+1-555-010-0100", Some("+15550100100"), None),
            ("tel:555(0100)100;phone-context=+1", Some("5550100100"), Some("+1")),
            ("sip:+15550100100;npdi;rn=+15550199999@a.example;user=phone", Some("+15550100100"), None),
            ("sip:8001;phone-context=clinic.example@a.example", Some("8001"), Some("clinic.example")),
            ("sip:8001@a.example;phone-context=+1", Some("8001"), Some("+1")),
            ("sip:%2B15550100100@a.example", Some("+15550100100"), None),
            ("sip:*11@a.example", Some("*11"), None),
            ("sip:nurse1@a.example", None, None),
            ("sip:a.example", None, None),
            ("urn:service:sos", None, None),
            ("sip:+@a.example", None, None),
            ("sip:1234567890123456789012345678901234567890123@a.example", None, None),
        ] {
            let found = Uri::parse(uri).unwrap().telephone();
            let read = found.as_ref().map(|it| it.digits.expose().as_str());
            assert_eq!(read, digits, "{uri}");
            assert_eq!(found.and_then(|it| it.context()).as_deref(), context, "{uri}");
        }
    }
}
