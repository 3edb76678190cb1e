//! Typed reading of a message's headers. Every function names the header it reads; RFC 3261 §20 unless
//! said otherwise.

use crate::digest::{DigestChallenge, DigestResponse};
use crate::error::HeaderError;
use crate::header::{CSeq, Contacts, ContentType, NameAddr, RAck, Replaces, SessionExpires, Via};

use super::{Headers, Method};

impl Headers {
    /// Via, all of them, nearest hop first.
    pub fn vias(&self) -> Result<Vec<Via>, HeaderError> {
        todo!()
    }
    /// The nearest Via.
    pub fn top_via(&self) -> Result<Via, HeaderError> {
        todo!()
    }
    /// Replaces the first Via value by this one, leaving the others as they are.
    pub fn set_top_via(&mut self, via: &Via) {
        let _ = via;
        todo!()
    }
    /// From.
    pub fn from(&self) -> Result<NameAddr, HeaderError> {
        todo!()
    }
    /// To.
    pub fn to(&self) -> Result<NameAddr, HeaderError> {
        todo!()
    }
    /// Call-ID.
    pub fn call_id(&self) -> Result<&str, HeaderError> {
        todo!()
    }
    /// CSeq.
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        todo!()
    }
    /// Contact; none is an empty list.
    pub fn contacts(&self) -> Result<Contacts, HeaderError> {
        todo!()
    }
    /// Route, topmost first.
    pub fn routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        todo!()
    }
    /// Record-Route, topmost first.
    pub fn record_routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        todo!()
    }
    /// P-Asserted-Identity (RFC 3325 §9.1).
    pub fn asserted(&self) -> Result<Vec<NameAddr>, HeaderError> {
        todo!()
    }
    /// Refer-To (RFC 3515 §2.1).
    pub fn refer_to(&self) -> Result<Option<NameAddr>, HeaderError> {
        todo!()
    }
    /// Max-Forwards.
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        todo!()
    }
    /// Expires, in seconds; what is not a number of 32 bits is none (§10.2.1.1, §20.19).
    pub fn expires(&self) -> Result<Option<u32>, HeaderError> {
        todo!()
    }
    /// Min-Expires, in seconds.
    pub fn min_expires(&self) -> Result<Option<u32>, HeaderError> {
        todo!()
    }
    /// Retry-After, in seconds, comment and parameters passed over.
    pub fn retry_after(&self) -> Result<Option<u32>, HeaderError> {
        todo!()
    }
    /// RSeq (RFC 3262 §7.1).
    pub fn rseq(&self) -> Result<Option<u32>, HeaderError> {
        todo!()
    }
    /// RAck (RFC 3262 §7.2).
    pub fn rack(&self) -> Result<Option<RAck>, HeaderError> {
        todo!()
    }
    /// Session-Expires (RFC 4028 §4).
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, HeaderError> {
        todo!()
    }
    /// Min-SE, in seconds (RFC 4028 §5).
    pub fn min_se(&self) -> Result<Option<u32>, HeaderError> {
        todo!()
    }
    /// Replaces (RFC 3891 §3).
    pub fn replaces(&self) -> Result<Option<Replaces>, HeaderError> {
        todo!()
    }
    /// Content-Type.
    pub fn content_type(&self) -> Result<Option<ContentType>, HeaderError> {
        todo!()
    }
    /// Require: option tags.
    pub fn require(&self) -> Result<Vec<String>, HeaderError> {
        todo!()
    }
    /// Proxy-Require: option tags.
    pub fn proxy_require(&self) -> Result<Vec<String>, HeaderError> {
        todo!()
    }
    /// Supported: option tags.
    pub fn supported(&self) -> Result<Vec<String>, HeaderError> {
        todo!()
    }
    /// Allow.
    pub fn allow(&self) -> Result<Vec<Method>, HeaderError> {
        todo!()
    }
    /// Privacy (RFC 3323 §4.2): `id`, `header`, `none` …, in lower case.
    pub fn privacy(&self) -> Result<Vec<String>, HeaderError> {
        todo!()
    }
    /// Authorization: the Digest credentials, other schemes passed over.
    pub fn authorization(&self) -> Result<Vec<DigestResponse>, HeaderError> {
        todo!()
    }
    /// Proxy-Authorization, likewise.
    pub fn proxy_authorization(&self) -> Result<Vec<DigestResponse>, HeaderError> {
        todo!()
    }
    /// WWW-Authenticate of a 401: the Digest challenges, other schemes passed over.
    pub fn www_authenticate(&self) -> Result<Vec<DigestChallenge>, HeaderError> {
        todo!()
    }
    /// Proxy-Authenticate of a 407, likewise.
    pub fn proxy_authenticate(&self) -> Result<Vec<DigestChallenge>, HeaderError> {
        todo!()
    }
}
