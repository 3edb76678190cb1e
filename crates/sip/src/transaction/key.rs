//! What makes two messages belong to one transaction (RFC 3261 §17.1.3, §17.2.3, §8.2.2.2).

use std::fmt;

use crate::error::HeaderError;
use crate::header::Via;
use crate::message::{Headers, Method, Request};

/// Finds the transaction of a request that came.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum ServerKey {
    /// The branch begins with the cookie of RFC 3261: it alone names the transaction, together with who
    /// made it (two elements may draw the same) and the method (a CANCEL carries its INVITE's branch).
    Branch { branch: String, sent_by: String, method: String },
    /// An element of RFC 2543: the fields that do not change between a request and its repetition.
    Rfc2543 { call_id: String, from_tag: String, cseq: u32, uri: String, via: String, method: String },
}

impl ServerKey {
    /// The transaction of a request. An ACK is its INVITE's.
    pub(crate) fn of(request: &Request, via: &Via) -> Result<Self, HeaderError> {
        let method = match &request.method {
            Method::Ack => Method::Invite.as_str().to_owned(),
            method => method.as_str().to_owned(),
        };
        if let Some(branch) = via.rfc3261_branch() {
            let port = via.port.map(|port| format!(":{port}")).unwrap_or_default();
            let sent_by = format!("{}{port}", via.host).to_ascii_lowercase();
            return Ok(Self::Branch { branch: branch.to_owned(), sent_by, method });
        }
        let headers = &request.headers;
        Ok(Self::Rfc2543 {
            call_id: headers.call_id()?.to_owned(),
            from_tag: headers.from()?.tag().unwrap_or_default().to_owned(),
            cseq: headers.cseq()?.number,
            uri: request.uri.to_wire(),
            via: via.to_wire(),
            method,
        })
    }

    /// The same transaction under another method: the INVITE an ACK or a CANCEL speaks of.
    pub(crate) fn of_invite(&self) -> Self {
        let mut key = self.clone();
        match &mut key {
            Self::Branch { method, .. } | Self::Rfc2543 { method, .. } => "INVITE".clone_into(method),
        }
        key
    }
}

/// Finds the transaction of a response that came.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct ClientKey {
    pub(crate) branch: String,
    pub(crate) method: String,
}

impl ClientKey {
    /// The transaction of a request of ours, or of a response by the method in its CSeq. Without a Via
    /// it is one that no transaction has.
    pub(crate) fn of(headers: &Headers, method: &Method) -> Self {
        let branch = headers.top_via().ok().and_then(|via| via.branch().map(str::to_owned));
        Self { branch: branch.unwrap_or_default(), method: method.as_str().to_owned() }
    }
}

/// What two copies of one request have in common that took different ways to us (§8.2.2.2).
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct MergeKey {
    pub(crate) call_id: String,
    pub(crate) from_tag: String,
    pub(crate) cseq: u32,
    pub(crate) method: String,
}

impl MergeKey {
    /// `None` for a request inside a dialog: it has one way only.
    pub(crate) fn of(headers: &Headers) -> Result<Option<Self>, HeaderError> {
        if headers.to()?.tag().is_some() {
            return Ok(None);
        }
        let cseq = headers.cseq()?;
        Ok(Some(Self {
            call_id: headers.call_id()?.to_owned(),
            from_tag: headers.from()?.tag().unwrap_or_default().to_owned(),
            cseq: cseq.number,
            method: cseq.method.as_str().to_owned(),
        }))
    }
}

/// Keys hold what leads to a caller: Call-IDs, and of RFC 2543 whole URIs.
macro_rules! private_debug {
    ($($key:ident),+) => {
        $(impl fmt::Debug for $key {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($key), "(private)"))
            }
        })+
    };
}

private_debug!(ClientKey, MergeKey, ServerKey);
