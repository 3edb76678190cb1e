//! Why a script did not go on.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

/// How a call came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// The caller gave up before an answer (CANCEL, RFC 3261 §9).
    Cancelled,
    /// This phone hung up.
    HungUpHere,
    /// The other side hung up.
    HungUpThere,
    /// Nobody answered our request, or nobody acknowledged our answer, within 64 × T1.
    NoReply,
    /// Refused with this status, by either side.
    Refused(u16),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("the caller gave up"),
            Self::HungUpHere => f.write_str("this side hung up"),
            Self::HungUpThere => f.write_str("the other side hung up"),
            Self::NoReply => f.write_str("no reply"),
            Self::Refused(status) => write!(f, "refused with {status}"),
        }
    }
}

/// What a script met instead of what it waited for. Holds no number, name or message text.
#[derive(Debug, Error)]
pub enum PhoneError {
    /// A SIP or RTP socket could not be opened.
    #[error("cannot open a socket on {local}: {source}")]
    Bind {
        /// The address that was asked for.
        local: std::net::IpAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The phone was stopped, or carries as many calls as it can.
    #[error("the phone is stopped or busy with {calls} calls")]
    Unavailable {
        /// The number of calls one phone carries at most.
        calls: usize,
    },
    /// The call ended while the script waited for something else.
    #[error("the call ended: {0}")]
    Ended(Ended),
    /// The server refused a registration.
    #[error("registration refused with {status}")]
    Refused {
        /// The final status.
        status: u16,
    },
    /// Not one of 0–9, *, #, A–D.
    #[error("not a key of a telephone")]
    NotADigit,
    /// Nothing of the kind came.
    #[error("{what} did not come within {within:?}{}", .heard.as_ref().map(|h| format!("; instead: {h}")).unwrap_or_default())]
    NotInTime {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        within: Duration,
        /// What was there in its place, in numbers.
        heard: Option<String>,
    },
    /// The system has no randomness for tags and branches.
    #[error("no randomness from the system")]
    Randomness,
}
