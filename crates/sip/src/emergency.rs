//! The numbers and URNs that ask for help (RFC 5031, RFC 6881 §9.1): who dials one is let through where
//! others are asked to wait, to come back, or to prove who they are.

use crate::uri::Uri;

/// What somebody asks for who dials an emergency number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EmergencyNumber {
    /// Help.
    Help,
    /// Whether help could be reached, and with which location: nobody is alarmed.
    Test,
}

impl EmergencyNumber {
    /// The number as dialled on a telephone: `911`, `9911` (the 9 some people are used to dial for an outside
    /// line) or `933` (test), and nothing else. A longer number that begins or ends with one is not one.
    pub fn of_number(dialled: &str) -> Option<Self> {
        match dialled {
            "911" | "9911" => Some(Self::Help),
            "933" => Some(Self::Test),
            _ => None,
        }
    }

    /// A request URI: one of the numbers, or `urn:service:sos` and its kinds (`sos.police`), which some
    /// telephones make of them by themselves.
    pub fn of_uri(uri: &Uri) -> Option<Self> {
        let Uri::Other(urn) = uri else { return Self::of_number(number(uri.user()?.expose())) };
        let service = (urn.scheme == "urn").then(|| urn.rest.to_ascii_lowercase())?;
        match service.strip_prefix("service:")? {
            "sos" => Some(Self::Help),
            "test.sos" => Some(Self::Test),
            service if service.starts_with("sos.") => Some(Self::Help),
            service if service.starts_with("test.sos.") => Some(Self::Test),
            _ => None,
        }
    }

    /// The number as a carrier knows it.
    pub const fn digits(self) -> &'static str {
        match self {
            Self::Help => "911",
            Self::Test => "933",
        }
    }

    /// The service as an emergency services network knows it (RFC 5031 §4.2, RFC 6881 §17.1).
    pub const fn urn(self) -> &'static str {
        match self {
            Self::Help => "urn:service:sos",
            Self::Test => "urn:service:test.sos",
        }
    }
}

/// Whether these digits are an emergency number.
pub fn is_emergency_number(dialled: &str) -> bool {
    EmergencyNumber::of_number(dialled).is_some()
}

/// The number without what carriers and phones append to the user part (`;phone-context=…`).
fn number(user: &str) -> &str {
    user.split(';').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::{EmergencyNumber, is_emergency_number};
    use crate::uri::Uri;

    #[test]
    fn only_the_three_numbers_themselves_are_emergency_numbers() {
        for number in ["911", "9911", "933"] {
            assert!(is_emergency_number(number), "{number}");
        }
        for number in
            ["", "9110", "0911", "912", "99911", "91", "11", "*911", "+911", "911#", "９１１", " 911"]
        {
            assert!(!is_emergency_number(number), "{number}");
        }
    }

    #[test]
    fn a_request_uri_asks_for_help_by_number_or_by_urn() {
        let of = |uri: &str| EmergencyNumber::of_uri(&Uri::parse(uri).unwrap());
        for uri in [
            "sip:911@careline.invalid",
            "sip:9911@192.0.2.1;user=phone",
            "sip:911;phone-context=+1@192.0.2.1",
            "tel:911;phone-context=+1",
            "urn:service:sos",
            "URN:service:SOS.police",
        ] {
            assert_eq!(of(uri), Some(EmergencyNumber::Help), "{uri}");
        }
        for uri in ["sip:933@careline.invalid", "urn:service:test.sos", "urn:service:test.sos.fire"] {
            assert_eq!(of(uri), Some(EmergencyNumber::Test), "{uri}");
        }
        for uri in ["sip:9110@192.0.2.1", "sip:192.0.2.1", "urn:service:counseling", "urn:service:sosa"] {
            assert_eq!(of(uri), None, "{uri}");
        }
    }
}
