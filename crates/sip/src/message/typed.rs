//! Typed reading of a message's headers. Every function names the header it reads; RFC 3261 §20 unless
//! said otherwise.

use bytes::Bytes;

use crate::digest::{DigestChallenge, DigestResponse};
use crate::error::{HeaderError, HeaderProblem};
use crate::header::session::seconds;
use crate::header::text::{CommaList, Cursor, Expected, is_word, number, text, trimmed};
use crate::header::{
    CSeq, Contacts, ContentType, Name, NameAddr, RAck, Reason, Replaces, SessionExpires, Via,
};

use super::{Headers, Method};

/// Most Via values read: a request starts with Max-Forwards 70 and every hop adds one.
pub const VIAS_MAX: usize = 80;

/// Longest Call-ID read; the longest of RFC 4475 has 141 bytes.
pub const CALL_ID_BYTES_MAX: usize = 512;

/// Most values read of any other list: contacts of a REGISTER, routes, option tags.
pub const LIST_MAX: usize = 64;

impl Headers {
    /// Via, all of them, nearest hop first.
    pub fn vias(&self) -> Result<Vec<Via>, HeaderError> {
        let vias = self.read_list(Name::Via, VIAS_MAX, Via::parse)?;
        if vias.is_empty() { Err(missing(Name::Via)) } else { Ok(vias) }
    }

    /// The nearest Via.
    pub fn top_via(&self) -> Result<Via, HeaderError> {
        let value = self.first(&Name::Via).ok_or_else(|| missing(Name::Via))?;
        let item = CommaList::new(value).next().unwrap_or_default();
        Via::parse(&text(item)).map_err(|expected| malformed(Name::Via, expected))
    }

    /// Replaces the first Via value by this one, leaving the others as they are.
    pub fn set_top_via(&mut self, via: &Via) {
        let mut value = via.to_wire().into_bytes();
        if let Some(old) = self.first(&Name::Via) {
            for other in CommaList::new(old).skip(1) {
                value.extend_from_slice(b", ");
                value.extend_from_slice(other);
            }
            self.replace_first(&Name::Via, Bytes::from(value));
        }
    }

    /// From.
    pub fn from(&self) -> Result<NameAddr, HeaderError> {
        self.required(Name::From, NameAddr::parse)
    }

    /// To.
    pub fn to(&self) -> Result<NameAddr, HeaderError> {
        self.required(Name::To, NameAddr::parse)
    }

    /// Call-ID.
    pub fn call_id(&self) -> Result<&str, HeaderError> {
        let value = trimmed(self.only(Name::CallId)?.ok_or_else(|| missing(Name::CallId))?);
        let is_call_id = (1..=CALL_ID_BYTES_MAX).contains(&value.len())
            && value.iter().all(|byte| is_word(*byte) || *byte == b'@');
        match std::str::from_utf8(value) {
            Ok(call_id) if is_call_id => Ok(call_id),
            _ => Err(malformed(Name::CallId, "a Call-ID")),
        }
    }

    /// CSeq.
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        self.required(Name::CSeq, CSeq::parse)
    }

    /// Contact; none is an empty list.
    pub fn contacts(&self) -> Result<Contacts, HeaderError> {
        if self.list(&Name::Contact).any(|item| item == b"*") {
            return match self.list(&Name::Contact).nth(1) {
                None => Ok(Contacts::All),
                Some(_) => Err(malformed(Name::Contact, "`*` alone")),
            };
        }
        self.addresses(Name::Contact).map(Contacts::These)
    }

    /// Route, topmost first.
    pub fn routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.addresses(Name::Route)
    }

    /// Record-Route, topmost first.
    pub fn record_routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.addresses(Name::RecordRoute)
    }

    /// P-Asserted-Identity (RFC 3325 §9.1).
    pub fn asserted(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.addresses(Name::PAssertedIdentity)
    }

    /// P-Preferred-Identity (RFC 3325 §9.2).
    pub fn preferred(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.addresses(Name::PPreferredIdentity)
    }

    /// Refer-To (RFC 3515 §2.1).
    pub fn refer_to(&self) -> Result<Option<NameAddr>, HeaderError> {
        self.optional(Name::ReferTo, NameAddr::parse)
    }

    /// Max-Forwards.
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        self.optional(Name::MaxForwards, |value| number(value.trim()).ok_or("a number from 0 to 255"))
    }

    /// Expires, in seconds; what is not a number of 32 bits is none (§10.2.1.1, §20.19).
    pub fn expires(&self) -> Result<Option<u32>, HeaderError> {
        Ok(self.optional(Name::Expires, |value| Ok(number(value.trim())))?.flatten())
    }

    /// Min-Expires, in seconds.
    pub fn min_expires(&self) -> Result<Option<u32>, HeaderError> {
        self.seconds(Name::MinExpires)
    }

    /// Retry-After, in seconds, comment and parameters passed over.
    pub fn retry_after(&self) -> Result<Option<u32>, HeaderError> {
        self.seconds(Name::RetryAfter)
    }

    /// Reason (RFC 3326 §2): the first that is a SIP status or a Q.850 cause. What cannot be read says
    /// nothing.
    pub fn reason(&self) -> Option<Reason> {
        self.list(&Name::Reason).take(LIST_MAX).find_map(|item| Reason::parse(&text(item)).ok().flatten())
    }

    /// RSeq (RFC 3262 §7.1).
    pub fn rseq(&self) -> Result<Option<u32>, HeaderError> {
        self.optional(Name::RSeq, |value| number(value.trim()).ok_or("a number of 32 bits"))
    }

    /// RAck (RFC 3262 §7.2).
    pub fn rack(&self) -> Result<Option<RAck>, HeaderError> {
        self.optional(Name::RAck, RAck::parse)
    }

    /// Session-Expires (RFC 4028 §4).
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, HeaderError> {
        self.optional(Name::SessionExpires, SessionExpires::parse)
    }

    /// Min-SE, in seconds (RFC 4028 §5).
    pub fn min_se(&self) -> Result<Option<u32>, HeaderError> {
        self.seconds(Name::MinSe)
    }

    /// Replaces (RFC 3891 §3).
    pub fn replaces(&self) -> Result<Option<Replaces>, HeaderError> {
        self.optional(Name::Replaces, Replaces::parse)
    }

    /// Content-Type.
    pub fn content_type(&self) -> Result<Option<ContentType>, HeaderError> {
        self.optional(Name::ContentType, ContentType::parse)
    }

    /// Content-Length, in bytes.
    pub fn content_length(&self) -> Result<Option<usize>, HeaderError> {
        self.optional(Name::ContentLength, |value| number(value.trim()).ok_or("a number of bytes"))
    }

    /// Require: option tags.
    pub fn require(&self) -> Result<Vec<String>, HeaderError> {
        self.tokens(Name::Require)
    }

    /// Proxy-Require: option tags.
    pub fn proxy_require(&self) -> Result<Vec<String>, HeaderError> {
        self.tokens(Name::ProxyRequire)
    }

    /// Supported: option tags.
    pub fn supported(&self) -> Result<Vec<String>, HeaderError> {
        self.tokens(Name::Supported)
    }

    /// Allow.
    pub fn allow(&self) -> Result<Vec<Method>, HeaderError> {
        Ok(self.tokens(Name::Allow)?.iter().map(|token| Method::new(token)).collect())
    }

    /// Privacy (RFC 3323 §4.2): `id`, `header`, `none` …, in lower case.
    pub fn privacy(&self) -> Result<Vec<String>, HeaderError> {
        let mut values = Vec::new();
        for value in self.all(&Name::Privacy) {
            // The grammar separates by `;`, some senders by `,`.
            for item in value.split(|byte| matches!(byte, b';' | b',')) {
                if values.len() == LIST_MAX {
                    return Err(HeaderError { name: Name::Privacy, problem: HeaderProblem::TooMuch });
                }
                let value = token(&text(item)).map(str::to_ascii_lowercase);
                values.push(value.map_err(|expected| malformed(Name::Privacy, expected))?);
            }
        }
        Ok(values)
    }

    /// Authorization: the Digest credentials, other schemes passed over.
    pub fn authorization(&self) -> Result<Vec<DigestResponse>, HeaderError> {
        self.digests(Name::Authorization, DigestResponse::parse)
    }

    /// Proxy-Authorization, likewise.
    pub fn proxy_authorization(&self) -> Result<Vec<DigestResponse>, HeaderError> {
        self.digests(Name::ProxyAuthorization, DigestResponse::parse)
    }

    /// WWW-Authenticate of a 401: the Digest challenges, other schemes passed over.
    pub fn www_authenticate(&self) -> Result<Vec<DigestChallenge>, HeaderError> {
        self.digests(Name::WwwAuthenticate, DigestChallenge::parse)
    }

    /// Proxy-Authenticate of a 407, likewise.
    pub fn proxy_authenticate(&self) -> Result<Vec<DigestChallenge>, HeaderError> {
        self.digests(Name::ProxyAuthenticate, DigestChallenge::parse)
    }

    /// The one value of a header that may be there once.
    fn only(&self, name: Name) -> Result<Option<&Bytes>, HeaderError> {
        let mut values = self.iter().filter(|(own, _)| **own == name).map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() {
            return Err(HeaderError { name, problem: HeaderProblem::Repeated });
        }
        Ok(value)
    }

    fn optional<T>(
        &self,
        name: Name,
        read: impl FnOnce(&str) -> Result<T, Expected>,
    ) -> Result<Option<T>, HeaderError> {
        let Some(value) = self.only(name.clone())? else {
            return Ok(None);
        };
        read(&text(value)).map(Some).map_err(|expected| malformed(name, expected))
    }

    fn required<T>(
        &self,
        name: Name,
        read: impl FnOnce(&str) -> Result<T, Expected>,
    ) -> Result<T, HeaderError> {
        self.optional(name.clone(), read)?.ok_or_else(|| missing(name))
    }

    fn read_list<T>(
        &self,
        name: Name,
        max: usize,
        read: impl Fn(&str) -> Result<T, Expected>,
    ) -> Result<Vec<T>, HeaderError> {
        let mut values = Vec::new();
        for item in self.list(&name) {
            if values.len() == max {
                return Err(HeaderError { name: name.clone(), problem: HeaderProblem::TooMuch });
            }
            values.push(read(&text(item)).map_err(|expected| malformed(name.clone(), expected))?);
        }
        Ok(values)
    }

    fn addresses(&self, name: Name) -> Result<Vec<NameAddr>, HeaderError> {
        self.read_list(name, LIST_MAX, NameAddr::parse)
    }

    /// A list of tokens; a header without any value is an empty one (§20.37).
    fn tokens(&self, name: Name) -> Result<Vec<String>, HeaderError> {
        if self.all(&name).all(|value| value.is_empty()) {
            return Ok(Vec::new());
        }
        self.read_list(name, LIST_MAX, |item| token(item).map(str::to_owned))
    }

    fn seconds(&self, name: Name) -> Result<Option<u32>, HeaderError> {
        self.optional(name, |value| seconds(&mut Cursor::new(value)))
    }

    fn digests<T>(
        &self,
        name: Name,
        read: fn(&str) -> Result<Option<T>, Expected>,
    ) -> Result<Vec<T>, HeaderError> {
        let mut digests = Vec::new();
        for value in self.all(&name) {
            if digests.len() == LIST_MAX {
                return Err(HeaderError { name: name.clone(), problem: HeaderProblem::TooMuch });
            }
            digests.extend(read(&text(value)).map_err(|expected| malformed(name.clone(), expected))?);
        }
        Ok(digests)
    }
}

fn token(item: &str) -> Result<&str, Expected> {
    let mut cursor = Cursor::new(item);
    cursor.skip_space();
    let token = cursor.token().ok_or("a token")?;
    if cursor.is_end() { Ok(token) } else { Err("one token") }
}

const fn missing(name: Name) -> HeaderError {
    HeaderError { name, problem: HeaderProblem::Missing }
}

const fn malformed(name: Name, expected: Expected) -> HeaderError {
    HeaderError { name, problem: HeaderProblem::Malformed { expected } }
}
