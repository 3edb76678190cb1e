//! Diversion (RFC 5806): who forwarded a call, and why. The newest stands first.

use primitives::Private;

use super::NameAddr;
use super::text::{number, text};
use crate::message::Headers;
use crate::uri::Telephone;

use super::Name;

/// Most redirections read of one call. Networks stop a call that was forwarded five times; a longer list is
/// not a caller's.
pub const DIVERSIONS_MAX: usize = 20;

/// Why a line was forwarded (RFC 5806 §8.1). A word nobody registered counts as unknown.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DiversionReason {
    /// `unconditional`: all calls of the line.
    Unconditional,
    /// `user-busy`.
    Busy,
    /// `no-answer`.
    NoAnswer,
    /// `unavailable`: the line cannot be reached.
    Unavailable,
    /// `time-of-day`: after hours.
    TimeOfDay,
    /// `do-not-disturb`.
    DoNotDisturb,
    /// `deflection`: by hand, while it rang.
    Deflection,
    /// `follow-me`.
    FollowMe,
    /// `out-of-service`.
    OutOfService,
    /// `away`.
    Away,
    /// Not said, or a word of somebody's own.
    #[default]
    Unknown,
}

impl DiversionReason {
    const ALL: [(&'static str, Self); 11] = [
        ("unconditional", Self::Unconditional),
        ("user-busy", Self::Busy),
        ("no-answer", Self::NoAnswer),
        ("unavailable", Self::Unavailable),
        ("time-of-day", Self::TimeOfDay),
        ("do-not-disturb", Self::DoNotDisturb),
        ("deflection", Self::Deflection),
        ("follow-me", Self::FollowMe),
        ("out-of-service", Self::OutOfService),
        ("away", Self::Away),
        ("unknown", Self::Unknown),
    ];

    /// Of a Diversion's `reason`.
    pub(super) fn of_token(token: &str) -> Self {
        let known = Self::ALL.iter().find(|(own, _)| own.eq_ignore_ascii_case(token));
        known.map_or(Self::Unknown, |(_, reason)| *reason)
    }

    /// Of the status that made a call be forwarded, or of RFC 4458's `cause` (§2), which uses the same numbers.
    pub(super) const fn of_status(status: u16) -> Self {
        match status {
            302 => Self::Unconditional,
            486 | 600 => Self::Busy,
            408 => Self::NoAnswer,
            480 | 487 => Self::Deflection,
            503 => Self::Unavailable,
            603 => Self::DoNotDisturb,
            _ => Self::Unknown,
        }
    }

    /// The word a flow compares with.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unconditional => "unconditional",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Unavailable => "unavailable",
            Self::TimeOfDay => "time_of_day",
            Self::DoNotDisturb => "do_not_disturb",
            Self::Deflection => "deflection",
            Self::FollowMe => "follow_me",
            Self::OutOfService => "out_of_service",
            Self::Away => "away",
            Self::Unknown => "unknown",
        }
    }
}

/// One forwarding of a call, by Diversion or by History-Info.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Redirection {
    /// The line that was forwarded; `None` where the address is no telephone number.
    pub from: Option<Telephone>,
    /// The user part of its address, where it is no number.
    pub user: Option<Private<String>>,
    /// Why.
    pub reason: DiversionReason,
    /// How many forwardings this one stands for: a network may leave out those between (RFC 5806 §5). One at
    /// least.
    pub count: u16,
}

impl Redirection {
    pub(super) fn of(address: &NameAddr, reason: DiversionReason, count: u16) -> Self {
        let from = address.uri.telephone();
        let user = if from.is_some() { None } else { address.uri.user() };
        Self { from, user, reason, count }
    }

    fn of_diversion(address: &NameAddr) -> Self {
        let value = |name| address.params.value(name);
        let reason = value("reason").map_or(DiversionReason::Unknown, |it| DiversionReason::of_token(&it));
        let count = value("counter").and_then(|it| number::<u16>(&it)).unwrap_or(1).max(1);
        Self::of(address, reason, count)
    }
}

impl Headers {
    /// Diversion, the newest first. One that cannot be read is passed over: it says nothing of the others.
    pub fn diversions(&self) -> Vec<Redirection> {
        self.list(&Name::Diversion)
            .take(DIVERSIONS_MAX)
            .filter_map(|item| NameAddr::parse(&text(item)).ok())
            .map(|address| Redirection::of_diversion(&address))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::{DIVERSIONS_MAX, DiversionReason};
    use crate::header::Name;
    use crate::message::Headers;

    fn headers(values: &[&str]) -> Headers {
        let mut headers = Headers::default();
        for value in values {
            headers.push(Name::Diversion, (*value).to_owned());
        }
        headers
    }

    #[test]
    fn the_newest_diversion_stands_first_whether_in_one_header_or_several() {
        let several = headers(&[
            "<sip:+15550100202@a.example>;reason=no-answer;counter=2;privacy=off",
            "\"Practice, Dr. A\" <tel:+1-555-010-0201>;reason=\"time-of-day\", <sip:front@b.example>;reason=odd",
        ]);
        let read = several.diversions();
        let reasons: Vec<_> = read.iter().map(|one| one.reason.word()).collect();
        assert_eq!(reasons, ["no_answer", "time_of_day", "unknown"]);
        assert_eq!(read[0].from.as_ref().unwrap().digits.expose(), "+15550100202");
        assert_eq!((read[0].count, read[1].count), (2, 1));
        assert_eq!(read[1].from.as_ref().unwrap().digits.expose(), "+15550100201");
        assert_eq!(read[2].user.as_ref().unwrap().expose(), "front");
    }

    #[test]
    fn one_that_cannot_be_read_does_not_hide_the_others_and_a_flood_is_cut() {
        let read = headers(&["<sip:broken", "<sip:+15550100201@a.example>"]).diversions();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].reason, DiversionReason::Unknown);
        let flood = vec!["<sip:1@a>"; 5 * DIVERSIONS_MAX].join(",");
        assert_eq!(headers(&[&flood]).diversions().len(), DIVERSIONS_MAX);
    }
}
