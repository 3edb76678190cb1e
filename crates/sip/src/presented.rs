//! Who an INVITE says is calling, in every header that says it. Nothing here is true until somebody who knows the
//! trunk it came over believes it.

use jiff::Timestamp;

use crate::header::{Identity, Name, NameAddr, Redirection, RemoteParty, Verstat};
use crate::message::{Headers, Request};
use crate::uri::{Host, Uri};

/// Who an INVITE says is calling.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The address in From; `None` where From hides who calls.
    pub from: Option<Uri>,
    /// P-Asserted-Identity (RFC 3325 §9.1): the number of it where there is one, else its first address.
    pub asserted: Option<Uri>,
    /// P-Preferred-Identity (§9.2): what a phone would like to be asserted. Word of a phone, never of a network.
    pub preferred: Option<Uri>,
    /// Remote-Party-ID of the caller.
    pub remote_party: Option<RemoteParty>,
    /// Privacy.
    pub privacy: Privacy,
    /// `verstat` of P-Asserted-Identity, or of From.
    pub verstat: Option<Verstat>,
    /// Who forwarded the call, the newest first: Diversion, or without it History-Info.
    pub redirections: Vec<Redirection>,
    /// The Identity headers that can be read, at most [`crate::header::IDENTITIES_MAX`].
    pub identities: Vec<Identity>,
    /// Identity headers that cannot.
    pub identities_unreadable: usize,
    /// Date: when the caller's side says it signed a compact PASSporT.
    pub date: Option<Timestamp>,
    /// The request URI.
    pub request: Uri,
    /// The address in To.
    pub to: Uri,
    /// `Priority: emergency`, or `psap-callback` (RFC 7090 §5): an emergency, or an emergency center that calls back.
    pub is_emergency: bool,
}

/// What Privacy asks for (RFC 3323 §4.2, RFC 3325 §9.3).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Privacy {
    /// The caller does not want his number shown: `id`, `user`, or `header`, and no `none` beside it.
    pub is_withheld: bool,
}

impl Privacy {
    fn of(headers: &Headers) -> Self {
        // One that cannot be read was put there by somebody who wanted privacy.
        let Ok(values) = headers.privacy() else { return Self { is_withheld: true } };
        let has = |wanted: &[&str]| values.iter().any(|value| wanted.contains(&value.as_str()));
        Self { is_withheld: has(&["id", "user", "header"]) && !has(&["none"]) }
    }
}

impl Presented {
    /// Everything an INVITE says. `None`: From or To cannot be read.
    pub fn of(request: &Request) -> Option<Self> {
        let headers = &request.headers;
        let from = headers.from().ok()?;
        let asserted = headers.asserted().unwrap_or_default();
        let of_asserted = asserted.iter().find_map(Verstat::of);
        let identities = headers.identities();
        let unreadable = identities.iter().filter(|identity| identity.is_err()).count();
        let redirections = match headers.diversions() {
            none if none.is_empty() => headers.history_redirections(),
            diversions => diversions,
        };
        Some(Self {
            verstat: of_asserted.or_else(|| Verstat::of(&from)),
            from: Some(from).filter(|from| !is_anonymous(from)).map(|from| from.uri),
            asserted: number_first(asserted),
            preferred: number_first(headers.preferred().unwrap_or_default()),
            remote_party: headers.remote_party(),
            privacy: Privacy::of(headers),
            redirections,
            identities: identities.into_iter().flatten().collect(),
            identities_unreadable: unreadable,
            date: date(headers),
            request: request.uri.clone(),
            to: headers.to().ok()?.uri,
            is_emergency: is_emergency(headers),
        })
    }
}

/// A caller may be asserted by a SIP URI and a tel URI at once (RFC 3325 §9.1).
fn number_first(addresses: Vec<NameAddr>) -> Option<Uri> {
    let at = addresses.iter().position(|address| address.uri.telephone().is_some()).unwrap_or(0);
    addresses.into_iter().nth(at).map(|address| address.uri)
}

/// RFC 1123 in GMT (RFC 3261 §20.17).
fn date(headers: &Headers) -> Option<Timestamp> {
    let value = std::str::from_utf8(headers.first(&Name::Date)?).ok()?;
    let parsed = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value.trim());
    parsed.ok()
}

fn is_emergency(headers: &Headers) -> bool {
    let priority = headers.first(&Name::Priority).map(|value| value.trim_ascii());
    priority.is_some_and(|value| {
        value.eq_ignore_ascii_case(b"emergency") || value.eq_ignore_ascii_case(b"psap-callback")
    })
}

/// Whether From hides who calls (RFC 3261 §8.1.1.3, RFC 3323 §4.1.1.3).
pub(crate) fn is_anonymous(from: &NameAddr) -> bool {
    let user = from.uri.user();
    let named = user.as_ref().map(|user| user.expose().as_str());
    named.is_none_or(|user| user.is_empty() || user.eq_ignore_ascii_case("anonymous"))
        || from.uri.host().is_some_and(|host| host.is_same(&Host::Name("anonymous.invalid".to_owned())))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use bytes::Bytes;

    use super::Presented;
    use crate::message::{Message, parse};

    fn presented(lines: &str) -> Presented {
        let text = format!(
            "INVITE sip:+15550100100@careline.example SIP/2.0\r\n\
             Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1\r\n\
             To: <sip:+15550100201@careline.example>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n\
             Max-Forwards: 70\r\nContact: <sip:192.0.2.10>\r\n{}Content-Length: 0\r\n\r\n",
            lines.replace('\n', "\r\n")
        );
        let Message::Request(request) = parse(&Bytes::from(text)).unwrap() else { panic!("no request") };
        Presented::of(&request).unwrap()
    }

    fn user(uri: Option<crate::uri::Uri>) -> String {
        uri.unwrap().user().unwrap().into_exposed()
    }

    #[test]
    fn each_header_says_its_own_and_the_number_is_preferred_to_the_name() {
        let all = presented(
            "From: <sip:+15550111@a.example>;tag=1\n\
             P-Asserted-Identity: <sip:pat@a.example>, <tel:+15550123;verstat=TN-Validation-Passed-B>\n\
             P-Preferred-Identity: <sip:+15550199@a.example>\n\
             Privacy: id;critical\n\
             Date: Mon, 23 Nov 2026 16:36:22 GMT\n\
             Priority: Emergency\n",
        );
        assert_eq!(user(all.from), "+15550111");
        assert_eq!(user(all.asserted), "+15550123");
        assert_eq!(user(all.preferred), "+15550199");
        assert_eq!(all.verstat, Some(crate::header::Verstat::PassedB));
        assert!(all.privacy.is_withheld && all.is_emergency);
        assert_eq!(all.date.unwrap().as_second(), 1_795_451_782);
    }

    #[test]
    fn privacy_none_and_an_open_caller_withhold_nothing() {
        let from = "From: <sip:+15550111@a.example>;tag=1\n";
        assert!(!presented(from).privacy.is_withheld);
        assert!(!presented(&format!("{from}Privacy: none\n")).privacy.is_withheld);
        assert!(!presented(&format!("{from}Privacy: history;session\n")).privacy.is_withheld);
        assert!(presented(&format!("{from}Privacy: user\n")).privacy.is_withheld);
        assert!(presented(&format!("{from}Privacy: (\n")).privacy.is_withheld, "in doubt, private");
    }

    #[test]
    fn diversion_goes_before_history_and_an_anonymous_from_is_nobody() {
        let both = presented(
            "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1\n\
             Diversion: <sip:+15550100201@a.example>;reason=time-of-day\n\
             History-Info: <sip:+15550100299@a.example>;index=1,<sip:+1@a.example;cause=486>;index=1.1;mp=1\n",
        );
        assert!(both.from.is_none());
        assert_eq!(both.redirections.len(), 1);
        assert_eq!(both.redirections.first().unwrap().reason.word(), "time_of_day");
    }
}
