//! Session-Expires (RFC 4028 §4) and Replaces (RFC 3891 §3).

use primitives::Private;

use super::text::{Cursor, Expected, is_word, number};

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

impl SessionExpires {
    /// Reads a whole header value.
    pub fn parse(text: &str) -> Result<Self, Expected> {
        let mut cursor = Cursor::new(text);
        let interval = seconds(&mut cursor)?;
        let params = cursor.params_to_end()?;
        let refresher = match params.raw("refresher").flatten() {
            Some(token) if token.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(token) if token.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            Some(_) => return Err("`uac` or `uas`"),
            None => None,
        };
        Ok(Self { interval, refresher })
    }

    /// As a header value.
    pub fn to_wire(&self) -> String {
        match self.refresher {
            Some(refresher) => format!("{};refresher={}", self.interval, refresher.token()),
            None => self.interval.to_string(),
        }
    }
}

/// A number of seconds at the front of a value; parameters or a comment may follow.
pub(crate) fn seconds(cursor: &mut Cursor<'_>) -> Result<u32, Expected> {
    cursor.skip_space();
    cursor.take_while(|byte| byte.is_ascii_digit()).and_then(number).ok_or("a number of seconds of 32 bits")
}

/// Which dialog a new INVITE takes the place of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: Private<String>,
    /// The tag at the far end of the INVITE's sender: ours.
    pub to_tag: String,
    /// The other tag.
    pub from_tag: String,
    /// Only while it has not been answered.
    pub early_only: bool,
}

impl Replaces {
    /// Reads a whole header value.
    pub fn parse(text: &str) -> Result<Self, Expected> {
        let mut cursor = Cursor::new(text);
        cursor.skip_space();
        let call_id = cursor.take_while(|byte| is_word(byte) || byte == b'@').ok_or("a Call-ID")?;
        let params = cursor.params_to_end()?;
        let tag = |name| params.raw(name).flatten().map(str::to_owned);
        Ok(Self {
            call_id: Private::new(call_id.to_owned()),
            to_tag: tag("to-tag").ok_or("a to-tag")?,
            from_tag: tag("from-tag").ok_or("a from-tag")?,
            early_only: params.has("early-only"),
        })
    }
}
