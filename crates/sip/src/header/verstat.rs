//! `verstat`: what a carrier says came of verifying the caller's number (3GPP TS 24.229 §7.2A.20,
//! ATIS-1000074). Whoever sends it may have made it up: believe it of a trusted trunk only.

use super::NameAddr;

/// What a carrier's verification came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verstat {
    /// `TN-Validation-Passed`, or `-A` to it: the carrier knows the caller and that the number is his.
    PassedA,
    /// `TN-Validation-Passed-B`: it knows the caller, not the number.
    PassedB,
    /// `TN-Validation-Passed-C`: it knows only where the call came from.
    PassedC,
    /// `TN-Validation-Failed`, with a letter or without.
    Failed,
    /// `No-TN-Validation`.
    NotValidated,
}

impl Verstat {
    fn of_word(word: &str) -> Option<Self> {
        const WORDS: [(&str, Verstat); 9] = [
            ("TN-Validation-Passed", Verstat::PassedA),
            ("TN-Validation-Passed-A", Verstat::PassedA),
            ("TN-Validation-Passed-B", Verstat::PassedB),
            ("TN-Validation-Passed-C", Verstat::PassedC),
            ("TN-Validation-Failed", Verstat::Failed),
            ("TN-Validation-Failed-A", Verstat::Failed),
            ("TN-Validation-Failed-B", Verstat::Failed),
            ("TN-Validation-Failed-C", Verstat::Failed),
            ("No-TN-Validation", Verstat::NotValidated),
        ];
        WORDS.iter().find(|(own, _)| own.eq_ignore_ascii_case(word)).map(|(_, verstat)| *verstat)
    }

    /// Of From or P-Asserted-Identity. It belongs to the number; some carriers write it as a parameter of the SIP
    /// URI or of the header.
    pub fn of(address: &NameAddr) -> Option<Self> {
        let telephone = address.uri.telephone();
        let of_number = telephone.as_ref().and_then(|it| it.params.value("verstat"));
        let of_uri = || address.uri.as_sip().and_then(|uri| uri.params.value("verstat"));
        let word = of_number.or_else(of_uri).or_else(|| address.params.value("verstat"))?;
        Self::of_word(&word)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::Verstat;
    use crate::header::NameAddr;

    #[test]
    fn it_is_found_wherever_carriers_write_it() {
        for (address, expected) in [
            ("<sip:+15550123;verstat=TN-Validation-Passed@a.example;user=phone>", Some(Verstat::PassedA)),
            ("<tel:+15550123;verstat=TN-Validation-Passed-B>", Some(Verstat::PassedB)),
            ("<sip:+15550123@a.example;verstat=TN-Validation-Passed-C>", Some(Verstat::PassedC)),
            ("<sip:+15550123@a.example>;verstat=tn-validation-failed", Some(Verstat::Failed)),
            ("<tel:+15550123;verstat=No-TN-Validation>", Some(Verstat::NotValidated)),
            ("<tel:+15550123;verstat=Very-Good>", None),
            ("<sip:+15550123@a.example>", None),
        ] {
            assert_eq!(Verstat::of(&NameAddr::parse(address).unwrap()), expected, "{address}");
        }
    }
}
