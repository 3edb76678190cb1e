//! Remote-Party-ID: what came before P-Asserted-Identity and never became an RFC
//! (draft-ietf-sip-privacy-04). Read only; careline never sends it.

use super::text::text;
use super::{Name, NameAddr};
use crate::message::Headers;

/// Most of them read: caller and called, each perhaps twice.
const REMOTE_PARTIES_MAX: usize = 8;

/// Who calls, as an older network says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RemoteParty {
    /// The address.
    pub address: NameAddr,
    /// `privacy` of anything but `off`: known, and to be shown to nobody.
    pub is_withheld: bool,
    /// `screen=yes`: the network checked it.
    pub is_screened: bool,
}

impl Headers {
    /// Remote-Party-ID of the calling party.
    pub fn remote_party(&self) -> Option<RemoteParty> {
        let values = self.list(&Name::RemotePartyId);
        let addresses = values.take(REMOTE_PARTIES_MAX).filter_map(|item| NameAddr::parse(&text(item)).ok());
        let is = |address: &NameAddr, name: &str, word: &str| {
            address.params.value(name).map(|value| value.eq_ignore_ascii_case(word))
        };
        // Without `party` an INVITE's is the caller's.
        let address = addresses.into_iter().find(|it| is(it, "party", "calling").unwrap_or(true))?;
        let is_withheld = is(&address, "privacy", "off") == Some(false);
        let is_screened = is(&address, "screen", "yes") == Some(true);
        Some(RemoteParty { address, is_withheld, is_screened })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use crate::header::Name;
    use crate::message::Headers;

    #[test]
    fn the_calling_party_is_found_beside_the_called_one() {
        let mut headers = Headers::default();
        let value = "<sip:+15550100100@a.example>;party=called, \
             \"Pat\" <sip:+15550123@a.example>;party=calling;screen=yes;privacy=full";
        headers.push(Name::RemotePartyId, value.to_owned());
        let party = headers.remote_party().unwrap();
        assert_eq!(party.address.uri.user().unwrap().expose(), "+15550123");
        assert!(party.is_withheld && party.is_screened);
    }

    #[test]
    fn without_parameters_it_is_the_caller_unscreened_and_open() {
        let mut headers = Headers::default();
        headers.push(Name::RemotePartyId, "<sip:+15550123@a.example>;privacy=off".to_owned());
        let party = headers.remote_party().unwrap();
        assert!(!party.is_withheld && !party.is_screened);
        assert!(Headers::default().remote_party().is_none());
    }
}
