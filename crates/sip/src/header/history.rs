//! History-Info (RFC 7044): every address a call was sent to, oldest first, with an index of where it branched.
//!
//! An address counts as a line that was forwarded where a later entry says so: by `mp`, its index, or by a
//! `cause` in its URI (RFC 4458); or where its own URI carries the Reason of the answer that made it go on.

use super::diversion::{DIVERSIONS_MAX, DiversionReason, Redirection};
use super::text::{number, text, trimmed};
use super::{Name, NameAddr};
use crate::message::Headers;
use crate::uri::unescaped;

/// One `hi-entry`.
struct Entry {
    address: NameAddr,
    index: String,
}

impl Entry {
    fn parse(item: &[u8]) -> Option<Self> {
        let address = NameAddr::parse(&text(item)).ok()?;
        // Without an index an entry has no place in the history; §5.1 demands it.
        let index = address.params.value("index")?.into_owned();
        Some(Self { address, index })
    }

    /// The number RFC 4458 puts into the address a call was forwarded to.
    fn cause(&self) -> Option<u16> {
        self.address.uri.as_sip()?.params.value("cause").and_then(|cause| number(&cause))
    }

    /// `?Reason=SIP%3Bcause%3D486`: what this address answered.
    fn answered(&self) -> Option<u16> {
        let headers = &self.address.uri.as_sip()?.headers;
        let (_, reason) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Reason"))?;
        let reason = unescaped(reason);
        let mut parts = reason.split(';').map(str::trim);
        parts.next().filter(|protocol| protocol.eq_ignore_ascii_case("SIP"))?;
        let cause = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("cause").then(|| value.trim().to_owned())
        })?;
        number(&cause)
    }
}

impl Headers {
    /// The forwardings History-Info tells, the newest first, as Diversion has them.
    pub fn history_redirections(&self) -> Vec<Redirection> {
        let entries: Vec<Entry> = self
            .list(&Name::HistoryInfo)
            .filter(|item| !trimmed(item).is_empty())
            .take(DIVERSIONS_MAX)
            .filter_map(Entry::parse)
            .collect();
        // Why each was forwarded, where it was.
        let mut reasons: Vec<Option<DiversionReason>> = entries.iter().map(|_| None).collect();
        for (at, entry) in entries.iter().enumerate() {
            if let Some(status) = entry.answered()
                && let Some(reason) = reasons.get_mut(at)
            {
                *reason = Some(DiversionReason::of_status(status));
            }
            let cause = entry.cause();
            let from = match entry.address.params.value("mp") {
                Some(mapped) => entries.iter().take(at).position(|other| other.index == *mapped),
                None => cause.and(at.checked_sub(1)),
            };
            if let Some(reason) = from.and_then(|from| reasons.get_mut(from)) {
                let told = cause.map(DiversionReason::of_status);
                *reason = told.or(*reason).or(Some(DiversionReason::Unknown));
            }
        }
        let forwarded = entries.iter().zip(reasons).filter_map(|(entry, reason)| Some((entry, reason?)));
        let mut found: Vec<_> =
            forwarded.map(|(entry, reason)| Redirection::of(&entry.address, reason, 1)).collect();
        found.reverse();
        found
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use crate::header::Name;
    use crate::message::Headers;

    /// Number and reason of each forwarding, newest first.
    fn read(values: &[&str]) -> Vec<(String, &'static str)> {
        let mut headers = Headers::default();
        for value in values {
            headers.push(Name::HistoryInfo, (*value).to_owned());
        }
        let of = |one: &super::Redirection| {
            (one.from.as_ref().unwrap().digits.expose().clone(), one.reason.word())
        };
        headers.history_redirections().iter().map(of).collect()
    }

    #[test]
    fn a_cause_in_the_next_address_says_why_the_one_before_was_forwarded() {
        let history = [
            "<sip:+15550100201@a.example>;index=1, <sip:+15550100202@a.example;cause=302>;index=1.1;mp=1",
            "<sip:+15550100100@b.example;cause=408>;index=1.1.1;mp=1.1",
        ];
        let expected =
            [("+15550100202".to_owned(), "no_answer"), ("+15550100201".to_owned(), "unconditional")];
        assert_eq!(read(&history), expected);
    }

    #[test]
    fn the_reason_in_an_address_says_what_it_answered() {
        let history = ["<sip:+15550100201@a.example?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%22>;index=1, \
             <sip:+15550100100@b.example>;index=1.1"];
        assert_eq!(read(&history), [("+15550100201".to_owned(), "busy")]);
    }

    #[test]
    fn a_call_that_only_went_through_proxies_was_not_forwarded() {
        let history = ["<sip:+15550100100@a.example>;index=1, <sip:+15550100100@b.example>;index=1.1;np=1"];
        assert_eq!(read(&history), []);
        assert_eq!(read(&["<sip:+15550100100@a.example>;index=1"]), []);
        assert_eq!(read(&["", "<sip:broken", "<sip:a@b>;mp=9"]), []);
    }
}
