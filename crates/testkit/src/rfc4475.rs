//! The torture messages of RFC 4475, byte for byte as its notation spells them out: `<allOneLine>` joined,
//! `<hex>` and `<repeat>` expanded, lines ended by CRLF. They are the IETF's test data.

/// One message of the RFC.
#[derive(Clone, Copy, Debug)]
pub struct Torture {
    /// The RFC's short name, e.g. `wsinv`.
    pub name: &'static str,
    /// The RFC's section, e.g. `3.1.1.1`.
    pub section: &'static str,
    /// The datagram.
    pub bytes: &'static [u8],
}

macro_rules! torture {
    ($($name:literal $section:literal),+ $(,)?) => {
        &[$(Torture { name: $name, section: $section, bytes: include_bytes!(concat!("rfc4475/", $name, ".dat")) }),+]
    };
}

/// All of them, in the RFC's order.
pub const ALL: &[Torture] = torture![
    "wsinv" "3.1.1.1",
    "intmeth" "3.1.1.2",
    "esc01" "3.1.1.3",
    "escnull" "3.1.1.4",
    "esc02" "3.1.1.5",
    "lwsdisp" "3.1.1.6",
    "longreq" "3.1.1.7",
    "dblreq" "3.1.1.8",
    "semiuri" "3.1.1.9",
    "transports" "3.1.1.10",
    "mpart01" "3.1.1.11",
    "unreason" "3.1.1.12",
    "noreason" "3.1.1.13",
    "badinv01" "3.1.2.1",
    "clerr" "3.1.2.2",
    "ncl" "3.1.2.3",
    "scalar02" "3.1.2.4",
    "scalarlg" "3.1.2.5",
    "quotbal" "3.1.2.6",
    "ltgtruri" "3.1.2.7",
    "lwsruri" "3.1.2.8",
    "lwsstart" "3.1.2.9",
    "trws" "3.1.2.10",
    "escruri" "3.1.2.11",
    "baddate" "3.1.2.12",
    "regbadct" "3.1.2.13",
    "badaspec" "3.1.2.14",
    "baddn" "3.1.2.15",
    "badvers" "3.1.2.16",
    "mismatch01" "3.1.2.17",
    "mismatch02" "3.1.2.18",
    "bigcode" "3.1.2.19",
    "badbranch" "3.2.1",
    "insuf" "3.3.1",
    "unkscm" "3.3.2",
    "novelsc" "3.3.3",
    "unksm2" "3.3.4",
    "bext01" "3.3.5",
    "invut" "3.3.6",
    "regaut01" "3.3.7",
    "multi01" "3.3.8",
    "mcl01" "3.3.9",
    "bcast" "3.3.10",
    "zeromf" "3.3.11",
    "cparam01" "3.3.12",
    "cparam02" "3.3.13",
    "regescrt" "3.3.14",
    "sdp01" "3.3.15",
    "inv2543" "3.4.1",
];

/// The message of this name.
#[expect(clippy::panic, reason = "a test that names a message the RFC does not have must fail")]
pub fn message(name: &str) -> &'static [u8] {
    match ALL.iter().find(|torture| torture.name == name) {
        Some(torture) => torture.bytes,
        None => panic!("RFC 4475 has no message `{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_message_of_the_rfc_is_here_once() {
        assert_eq!(ALL.len(), 49);
        let names: std::collections::BTreeSet<_> = ALL.iter().map(|torture| torture.name).collect();
        assert_eq!(names.len(), 49);
    }
}
