//! What names a dialog (RFC 3261 §12): Call-ID and both tags.

use std::fmt;

use crate::error::HeaderError;
use crate::message::Headers;

/// One dialog, seen from our side.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct DialogId {
    pub(crate) call_id: String,
    pub(crate) local_tag: String,
    /// Empty where the far end has none: it speaks RFC 2543 (§12.1.1), or has not answered us yet.
    pub(crate) remote_tag: String,
}

impl DialogId {
    /// The dialog a request that came speaks of; `None` where it speaks of none.
    pub(crate) fn of_request(headers: &Headers) -> Result<Option<Self>, HeaderError> {
        let to = headers.to()?;
        let Some(local_tag) = to.tag() else { return Ok(None) };
        let from = headers.from()?;
        Ok(Some(Self {
            call_id: headers.call_id()?.to_owned(),
            local_tag: local_tag.to_owned(),
            remote_tag: from.tag().unwrap_or_default().to_owned(),
        }))
    }

    /// The dialog a response that came makes or belongs to.
    pub(crate) fn of_response(headers: &Headers) -> Result<Self, HeaderError> {
        Ok(Self {
            call_id: headers.call_id()?.to_owned(),
            local_tag: headers.from()?.tag().unwrap_or_default().to_owned(),
            remote_tag: headers.to()?.tag().unwrap_or_default().to_owned(),
        })
    }

    /// The same attempt of ours before anybody answered it.
    pub(crate) fn unanswered(&self) -> Self {
        Self { remote_tag: String::new(), ..self.clone() }
    }
}

/// A Call-ID and tags lead to a caller.
impl fmt::Debug for DialogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DialogId(private)")
    }
}
