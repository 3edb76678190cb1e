//! What a message is, told by its first bytes: before it is worth reading.

use crate::emergency::is_emergency_number;

/// What a message is, as far as its first bytes tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A response, a keep-alive, or a request that belongs to something there already is: ACK, BYE, CANCEL …
    Within,
    /// Anything else: INVITE, REGISTER, OPTIONS, SUBSCRIBE and what is no SIP at all.
    Fresh,
    /// An INVITE for a number that help is called by.
    Emergency,
}

const WITHIN: [&[u8]; 9] =
    [b"SIP/2.0 ", b"ACK ", b"BYE ", b"CANCEL ", b"PRACK ", b"INFO ", b"UPDATE ", b"NOTIFY ", b"\r\n"];

/// What some telephones make of an emergency number (RFC 5031).
const SERVICES: [&[u8]; 2] = [b"urn:service:sos", b"urn:service:test.sos"];

impl Kind {
    pub(super) fn of(bytes: &[u8]) -> Self {
        if WITHIN.iter().any(|start| bytes.starts_with(start)) {
            return Self::Within;
        }
        if bytes.strip_prefix(b"INVITE ").is_some_and(asks_for_help) { Self::Emergency } else { Self::Fresh }
    }
}

fn asks_for_help(uri: &[u8]) -> bool {
    let is_number = |user: &[u8]| std::str::from_utf8(user).is_ok_and(is_emergency_number);
    user_part(uri).is_some_and(is_number)
        || SERVICES
            .iter()
            .any(|urn| uri.get(..urn.len()).is_some_and(|start| start.eq_ignore_ascii_case(urn)))
}

/// The user part of a `sip:`, `sips:` or `tel:` URI, without parameters.
fn user_part(uri: &[u8]) -> Option<&[u8]> {
    let scheme = uri.iter().take(5).position(|byte| *byte == b':')?;
    let user = uri.get(scheme + 1..)?;
    user.get(..user.iter().position(|byte| matches!(byte, b'@' | b';' | b' ' | b'\r'))?)
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn an_emergency_is_told_by_its_request_line_whatever_the_scheme() {
        let of = |text: &str| Kind::of(text.as_bytes());
        for text in [
            "INVITE sip:911@a SIP/2.0\r\n",
            "INVITE sips:9911;phone-context=x@a SIP",
            "INVITE tel:911 SIP/2.0",
            "INVITE urn:service:SOS.fire SIP/2.0",
        ] {
            assert_eq!(of(text), Kind::Emergency, "{text}");
        }
        for text in ["INVITE sip:9110@a SIP/2.0", "INVITE sip:911", "OPTIONS sip:911@a SIP/2.0", "\0\0", ""] {
            assert_eq!(of(text), Kind::Fresh, "{text}");
        }
        for text in ["BYE sip:911@a SIP/2.0", "SIP/2.0 200 OK", "ACK x", "\r\n\r\n"] {
            assert_eq!(of(text), Kind::Within, "{text}");
        }
    }
}
