//! Session-Expires (RFC 4028 §4) and Replaces (RFC 3891 §3).

/// Who refreshes a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refresher {
    /// Whoever sent the request.
    Uac,
    /// Whoever answers it.
    Uas,
}

impl Refresher {
    /// The parameter's value.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Uac => "uac",
            Self::Uas => "uas",
        }
    }
}

/// How long a session lasts without a refresh.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionExpires {
    /// Seconds.
    pub interval: u32,
    /// Who refreshes, where it is said.
    pub refresher: Option<Refresher>,
}

/// Which dialog a new INVITE takes the place of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: String,
    /// The tag at the far end of the INVITE's sender: ours.
    pub to_tag: String,
    /// The other tag.
    pub from_tag: String,
    /// Only while it has not been answered.
    pub early_only: bool,
}
