//! The IPv6 torture messages of RFC 5118 §4, byte for byte but for one thing: the Content-Length of the three
//! with a body is the body's, where the RFC prints another number. It calls all three well formed.

use crate::rfc4475::Torture;

macro_rules! torture {
    ($($name:literal $section:literal),+ $(,)?) => {
        &[$(Torture { name: $name, section: $section, bytes: include_bytes!(concat!("rfc5118/", $name, ".dat")) }),+]
    };
}

/// All of them, in the RFC's order.
pub const ALL: &[Torture] = torture![
    "ipv6-good" "4.1",
    "ipv6-bad" "4.2",
    "port-ambiguous" "4.3",
    "port-unambiguous" "4.4",
    "via-received-param-with-delim" "4.5",
    "via-received-param-no-delim" "4.5",
    "ipv6-in-sdp" "4.6",
    "mult-ip-in-header" "4.7",
    "mult-ip-in-sdp" "4.8",
    "ipv4-mapped-ipv6" "4.9",
    "ipv6-bug-abnf-3-colons" "4.10",
    "ipv6-correct-abnf-2-colons" "4.10",
];
