//! Reason (RFC 3326): why the far end hangs up or takes its INVITE back.

use std::fmt;

use super::text::{Cursor, Expected, number};

/// Why, as a number. The text that may stand beside it is the far end's and never kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// A SIP status.
    Sip(u16),
    /// A cause of ITU-T Q.850, from the telephone network.
    Q850(u16),
}

impl Reason {
    /// Reads one value. `None`: of a protocol that is neither.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, Expected> {
        let mut cursor = Cursor::new(text);
        cursor.skip_space();
        let protocol = cursor.token().ok_or("a protocol")?;
        let make: fn(u16) -> Self = if protocol.eq_ignore_ascii_case("SIP") {
            Self::Sip
        } else if protocol.eq_ignore_ascii_case("Q.850") {
            Self::Q850
        } else {
            return Ok(None);
        };
        let cause = cursor.params_to_end()?.raw("cause").flatten().and_then(number::<u16>);
        cause.filter(|cause| *cause < 1_000).map(make).map(Some).ok_or("a cause below 1000")
    }

    /// What such a number means: one of a few words, fit for a log and a metric.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Sip(200..=299) => "answered_elsewhere",
            Self::Sip(486 | 600) | Self::Q850(17) => "busy",
            Self::Sip(603 | 403) | Self::Q850(21) => "declined",
            Self::Sip(408 | 480 | 487) | Self::Q850(18..=20) => "no_answer",
            Self::Sip(404 | 410 | 484 | 604) | Self::Q850(1..=3 | 22 | 28) => "no_such_number",
            Self::Sip(500..=599) | Self::Q850(34 | 38 | 41 | 42 | 44 | 47) => "network_trouble",
            Self::Sip(488 | 606) | Self::Q850(65 | 79 | 88) => "no_common_media",
            Self::Q850(102) => "timer_expired",
            Self::Q850(16 | 31) => "normal",
            Self::Sip(_) | Self::Q850(_) => "other",
        }
    }
}

/// `Q.850 16 normal`.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (protocol, cause) = match self {
            Self::Sip(cause) => ("SIP", cause),
            Self::Q850(cause) => ("Q.850", cause),
        };
        write!(f, "{protocol} {cause} {}", self.class())
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn the_number_is_kept_and_the_text_is_not() {
        let reason = Reason::parse("Q.850 ;cause=16 ;text=\"Pat Doe hung up\"");
        assert_eq!(reason, Ok(Some(Reason::Q850(16))));
        assert_eq!(Reason::Q850(16).to_string(), "Q.850 16 normal");
        assert_eq!(Reason::parse("sip;cause=200;text=\"x\""), Ok(Some(Reason::Sip(200))));
        assert_eq!(Reason::parse("preemption;cause=1"), Ok(None));
        for text in ["", "SIP", "SIP;cause=", "SIP;cause=x", "SIP;cause=99999", ";cause=1"] {
            assert!(Reason::parse(text).is_err(), "{text}");
        }
    }
}
