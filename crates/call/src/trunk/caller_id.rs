//! What the called sees of the caller (RFC 3323, RFC 3325; draft-ietf-sip-privacy-04 for Remote-Party-ID).

use primitives::Private;

use super::config::{CallerId, CallerIdHeader, Shown};
use super::dialling::Dialling;

/// Who calls, as a request to a carrier says it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Presentation {
    /// The user part of From; `None` is anonymous.
    pub(crate) from: Option<Private<String>>,
    /// Headers besides. Values are as private as the number in them.
    pub(crate) headers: Vec<(String, Private<String>)>,
}

/// The caller of a call out. `number` is hers in E.164 or as it came, `None` where it is withheld; `account` is
/// our user name at the carrier, which it may want to see asserted, and `domain` the host of our addresses.
pub(crate) fn present(
    rules: &CallerId,
    dialling: &Dialling,
    number: Option<&Private<String>>,
    account: Option<&str>,
    domain: &str,
) -> Presentation {
    let shown = match &rules.show {
        Shown::Keep => number.map(|number| number.expose().as_str()),
        Shown::Number(ours) => Some(ours.as_str()),
        Shown::Anonymous => None,
    };
    // One that holds more than digits could end an address and begin another header.
    let is_plain =
        |number: &&str| number.bytes().all(|b| b.is_ascii_digit() || b == b'+') && !number.is_empty();
    let shown = shown.filter(is_plain).map(|number| dialling.write(number).into_owned());
    // Withheld from the called, not from the carrier: it bills by who asserts.
    let asserted = shown.as_deref().or(account.filter(is_plain));
    let address = asserted.map(|user| format!("<sip:{user}@{domain}>"));
    let is_private = shown.is_none();
    let mut headers = Vec::new();
    match (rules.header, address) {
        (CallerIdHeader::PAssertedIdentity, Some(address)) => {
            headers.push(("P-Asserted-Identity".to_owned(), Private::new(address)));
        }
        (CallerIdHeader::RemotePartyId, Some(address)) => {
            let privacy = if is_private { "full" } else { "off" };
            let value = format!("{address};party=calling;privacy={privacy};screen=yes");
            headers.push(("Remote-Party-ID".to_owned(), Private::new(value)));
        }
        (CallerIdHeader::FromOnly, _) | (_, None) => {}
    }
    if is_private {
        headers.push(("Privacy".to_owned(), Private::new("id".to_owned())));
    }
    Presentation { from: shown.map(Private::new), headers }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use primitives::Private;

    use super::{Presentation, present};
    use crate::trunk::{CallerId, CallerIdHeader, Dialling, Shown, Written};

    const HERS: &str = "+15550100177";

    fn shown(show: Shown, header: CallerIdHeader, number: Option<&str>) -> Presentation {
        let number = number.map(|number| Private::new(number.to_owned()));
        let dialling = Dialling { write: Written::Digits, ..Dialling::default() };
        present(&CallerId { show, header }, &dialling, number.as_ref(), Some("5550100100"), "carrier.example")
    }

    fn header<'a>(presentation: &'a Presentation, name: &str) -> Option<&'a str> {
        let (_, value) = presentation.headers.iter().find(|(own, _)| own == name)?;
        Some(value.expose())
    }

    #[test]
    fn a_kept_number_stands_in_from_and_is_asserted_as_the_carrier_writes_it() {
        let it = shown(Shown::Keep, CallerIdHeader::PAssertedIdentity, Some(HERS));
        assert_eq!(it.from.as_ref().unwrap().expose(), "15550100177");
        assert_eq!(header(&it, "P-Asserted-Identity"), Some("<sip:15550100177@carrier.example>"));
        assert_eq!(header(&it, "Privacy"), None);
    }

    #[test]
    fn who_withheld_her_number_stays_unknown_and_the_carrier_knows_whom_to_bill() {
        let it = shown(Shown::Keep, CallerIdHeader::PAssertedIdentity, None);
        assert_eq!((it.from.as_ref(), header(&it, "Privacy")), (None, Some("id")));
        assert_eq!(header(&it, "P-Asserted-Identity"), Some("<sip:5550100100@carrier.example>"));

        let old = shown(Shown::Anonymous, CallerIdHeader::RemotePartyId, Some(HERS));
        assert!(header(&old, "Remote-Party-ID").unwrap().contains("privacy=full"));
        assert!(
            !format!("{:?}", old.headers.iter().map(|(_, v)| v.expose()).collect::<Vec<_>>())
                .contains("0177")
        );
    }

    #[test]
    fn a_number_of_ours_stands_for_every_caller_and_from_only_says_it_once() {
        let it = shown(Shown::Number("+15550100100".to_owned()), CallerIdHeader::FromOnly, None);
        assert_eq!(it.from.as_ref().unwrap().expose(), "15550100100");
        assert!(it.headers.is_empty());
    }

    #[test]
    fn a_caller_whose_number_is_no_number_is_unknown() {
        let it = shown(Shown::Keep, CallerIdHeader::PAssertedIdentity, Some("x@evil>\r\nVia: y"));
        assert_eq!(it.from, None);
        assert!(it.headers.iter().all(|(_, value)| !value.expose().contains("evil")));
    }
}
