//! A civic address as the presence document that travels with an emergency call (PIDF-LO: RFC 4119, RFC 5139,
//! carried by RFC 6442).

use std::collections::BTreeMap;
use std::fmt::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The elements of a civic address in the order its schema demands (RFC 5139 §5).
const ELEMENTS: [&str; 31] = [
    "country", "A1", "A2", "A3", "A4", "A5", "A6", "PRM", "PRD", "RD", "STS", "POD", "POM", "RDSEC", "RDBR",
    "RDSUBBR", "HNO", "HNS", "LMK", "LOC", "FLR", "NAM", "PC", "BLD", "UNIT", "ROOM", "SEAT", "PLC", "PCN",
    "POBOX", "ADDCODE",
];

/// Without these nobody can be sent: a street address is the least of a dispatchable location (47 CFR 9.3).
const NEEDED: [(&str, &str); 5] = [
    ("country", "the country, two letters"),
    ("A1", "the state"),
    ("A3", "the city"),
    ("RD", "the street"),
    ("HNO", "the house number"),
];

/// Longest element. The whole document goes into one INVITE, which UDP carries up to some 60 KiB.
const ELEMENT_CHARS_MAX: usize = 128;

/// A civic address, by element name.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Civic(pub BTreeMap<String, String>);

impl Civic {
    /// What is wrong with it, to be said behind its name.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(unknown) = self.0.keys().find(|name| !ELEMENTS.contains(&name.as_str())) {
            return Err(format!("has `{unknown}`: the elements of an address are {}", ELEMENTS.join(", ")));
        }
        if let Some((name, what)) = NEEDED.iter().find(|(name, _)| !self.0.contains_key(*name)) {
            return Err(format!("lacks `{name}`, {what}: without it nobody can be sent there"));
        }
        let is_country = |code: &String| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
        if !self.0.get("country").is_some_and(is_country) {
            return Err("has a country that is no two capital letters: write `US`".to_owned());
        }
        let is_text = |text: &str| {
            !text.trim().is_empty()
                && text.chars().count() <= ELEMENT_CHARS_MAX
                && !text.chars().any(char::is_control)
        };
        match self.0.iter().find(|(_, text)| !is_text(text)) {
            Some((name, _)) => Err(format!(
                "has a `{name}` that is empty, of several lines or over {ELEMENT_CHARS_MAX} characters"
            )),
            None => Ok(()),
        }
    }

    /// The document. `callback` reaches the place, `at` says when it was true.
    pub(crate) fn pidf_lo(&self, callback: &str, at: jiff::Timestamp) -> String {
        let mut civic = String::new();
        for (name, text) in ELEMENTS.iter().filter_map(|name| Some((name, self.0.get(*name)?))) {
            // Writing to a string does not fail.
            let _ = write!(civic, "<ca:{name}>{}</ca:{name}>", escaped(text));
        }
        let at = at.strftime("%Y-%m-%dT%H:%M:%SZ");
        let callback = escaped(callback);
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
             <presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
             xmlns:gp=\"urn:ietf:params:xml:ns:pidf:geopriv10\" \
             xmlns:gbp=\"urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy\" \
             xmlns:ca=\"urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr\" \
             entity=\"tel:{callback}\">\
             <tuple id=\"phone\"><status><gp:geopriv>\
             <gp:location-info><ca:civicAddress xml:lang=\"en\">{civic}</ca:civicAddress></gp:location-info>\
             <gp:usage-rules><gbp:retransmission-allowed>yes</gbp:retransmission-allowed></gp:usage-rules>\
             <gp:method>Manual</gp:method>\
             </gp:geopriv></status><contact>tel:{callback}</contact><timestamp>{at}</timestamp></tuple>\
             </presence>\r\n"
        )
    }
}

/// Text between tags or in a quoted attribute. What XML 1.0 has no place for is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::{Civic, ELEMENTS};

    fn hq() -> Civic {
        let elements = [
            ("country", "US"),
            ("A1", "CA"),
            ("A3", "Springfield"),
            ("RD", "Main <St> & \"Co\""),
            ("HNO", "742"),
            ("LOC", "2nd floor"),
            ("PC", "90001"),
        ];
        Civic(elements.map(|(name, text)| (name.to_owned(), text.to_owned())).into())
    }

    #[test]
    fn the_elements_stand_in_the_order_of_the_schema_and_are_escaped() {
        let document = hq().pidf_lo("+15550100100", jiff::Timestamp::UNIX_EPOCH);
        assert!(document.contains(
            "<ca:country>US</ca:country><ca:A1>CA</ca:A1><ca:A3>Springfield</ca:A3>\
             <ca:RD>Main &lt;St&gt; &amp; &quot;Co&quot;</ca:RD><ca:HNO>742</ca:HNO><ca:LOC>2nd floor</ca:LOC>\
             <ca:PC>90001</ca:PC>"
        ));
        assert!(document.contains("<timestamp>1970-01-01T00:00:00Z</timestamp>"));
        assert!(document.contains("entity=\"tel:+15550100100\""));
    }

    #[test]
    fn an_address_nobody_can_be_sent_to_is_refused_with_what_it_lacks() {
        assert_eq!(hq().check(), Ok(()));
        for (name, wrong) in [("A1", None), ("HNO", None), ("country", Some("usa")), ("RD", Some(" "))] {
            let mut civic = hq();
            match wrong {
                Some(wrong) => drop(civic.0.insert(name.to_owned(), wrong.to_owned())),
                None => drop(civic.0.remove(name)),
            }
            assert!(civic.check().unwrap_err().contains(name), "{name}");
        }
        let mut civic = hq();
        civic.0.insert("street".to_owned(), "Main".to_owned());
        assert!(civic.check().unwrap_err().contains("RD"), "the names that exist are told");
    }

    proptest! {
        #[test]
        fn no_text_of_an_address_breaks_out_of_its_element(text in any::<String>()) {
            let mut civic = hq();
            civic.0.insert("LMK".to_owned(), text);
            let document = civic.pidf_lo("+15550100100", jiff::Timestamp::UNIX_EPOCH);
            let opened = document.matches("<ca:").count();
            let closed = document.matches("</ca:").count();
            // The eight elements and the address itself.
            prop_assert_eq!((opened, closed), (9, 9));
            prop_assert_eq!(document.matches('<').count(), document.matches('>').count());
            let controls = document.chars().filter(|c| c.is_control() && !matches!(c, '\r' | '\n')).count();
            prop_assert_eq!(controls, 0);
        }
    }

    #[test]
    fn every_element_that_is_needed_exists() {
        assert!(super::NEEDED.iter().all(|(name, _)| ELEMENTS.contains(name)));
    }
}
