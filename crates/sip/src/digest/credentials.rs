//! Challenges and credentials as headers carry them (RFC 7616 §3.3, §3.4; RFC 3261 §25.1).

use primitives::Private;

use crate::header::PARAMS_MAX;
use crate::header::Params;
use crate::header::text::{Cursor, Expected};

use super::Algorithm;

/// One `Digest` challenge of a WWW-Authenticate or Proxy-Authenticate header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DigestChallenge {
    /// Who asks.
    pub realm: String,
    /// To be hashed in and sent back.
    pub nonce: String,
    /// To be sent back.
    pub opaque: Option<String>,
    /// `None` where it, or every quality of protection offered with it, is one we do not know: such a
    /// challenge is passed over.
    pub algorithm: Option<Algorithm>,
    /// Whether `auth` is among the offered qualities of protection.
    pub qop_auth: bool,
    /// The secret was right, only the nonce is too old.
    pub stale: bool,
}

impl DigestChallenge {
    /// Reads a whole header value; `None` is a scheme other than Digest.
    pub fn parse(text: &str) -> Result<Option<Self>, Expected> {
        let Some(params) = digest_params(text)? else {
            return Ok(None);
        };
        let qop = params.value("qop");
        let qop_auth = qop
            .as_deref()
            .is_some_and(|list| list.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")));
        let answerable = qop_auth || qop.is_none();
        Ok(Some(Self {
            realm: value(&params, "realm").ok_or("a realm")?,
            nonce: value(&params, "nonce").ok_or("a nonce")?,
            opaque: value(&params, "opaque"),
            algorithm: algorithm(&params).filter(|_| answerable),
            qop_auth,
            stale: params.value("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        }))
    }
}

/// One set of `Digest` credentials of an Authorization or Proxy-Authorization header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DigestResponse {
    /// Who claims to ask.
    pub username: Private<String>,
    /// Of which realm.
    pub realm: String,
    /// Ours, we hope.
    pub nonce: String,
    /// What was asked for, as hashed.
    pub uri: Private<String>,
    /// The proof, in hexadecimal.
    pub response: Private<String>,
    /// `None` where it is one we do not know.
    pub algorithm: Option<Algorithm>,
    /// `qop`, `cnonce` and `nc` where they were sent.
    pub quality: Option<Quality>,
}

/// The client's share in a proof with `qop`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Quality {
    /// `auth` or another.
    pub qop: String,
    /// The client's nonce.
    pub cnonce: String,
    /// How often the client has used the nonce: eight hexadecimal digits as written.
    pub nc: String,
}

impl Quality {
    /// `nc` as a number.
    pub fn count(&self) -> Option<u32> {
        let is_count = self.nc.len() == 8 && self.nc.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_count.then(|| u32::from_str_radix(&self.nc, 16).ok()).flatten()
    }
}

impl DigestResponse {
    /// Reads a whole header value; `None` is a scheme other than Digest.
    pub fn parse(text: &str) -> Result<Option<Self>, Expected> {
        let Some(params) = digest_params(text)? else {
            return Ok(None);
        };
        let quality = match value(&params, "qop") {
            Some(qop) => Some(Quality {
                qop,
                cnonce: value(&params, "cnonce").ok_or("a cnonce")?,
                nc: value(&params, "nc").ok_or("an nc")?,
            }),
            None => None,
        };
        Ok(Some(Self {
            username: Private::new(value(&params, "username").ok_or("a username")?),
            realm: value(&params, "realm").ok_or("a realm")?,
            nonce: value(&params, "nonce").ok_or("a nonce")?,
            uri: Private::new(value(&params, "uri").ok_or("a uri")?),
            response: Private::new(value(&params, "response").ok_or("a response")?),
            algorithm: algorithm(&params),
            quality,
        }))
    }
}

fn value(params: &Params, name: &str) -> Option<String> {
    params.value(name).map(std::borrow::Cow::into_owned)
}

/// MD5 unless something is said (RFC 7616 §3.3).
fn algorithm(params: &Params) -> Option<Algorithm> {
    match params.value("algorithm") {
        Some(token) => Algorithm::named(&token),
        None => Some(Algorithm::Md5),
    }
}

/// `Digest name=value, name="value"`; no parameter may come twice.
fn digest_params(text: &str) -> Result<Option<Params>, Expected> {
    let mut cursor = Cursor::new(text);
    cursor.skip_space();
    let scheme = cursor.token().ok_or("an authentication scheme")?;
    if !scheme.eq_ignore_ascii_case("Digest") {
        return Ok(None);
    }
    let mut params = Params::new();
    cursor.skip_space();
    loop {
        let name = cursor.token().ok_or("a parameter's name")?;
        if params.len() == PARAMS_MAX || params.has(name) {
            return Err("each parameter once");
        }
        if !cursor.eat_spaced('=') {
            return Err("`=` after a parameter's name");
        }
        let value = match cursor.peek() {
            Some(b'"') => cursor.quoted().ok_or("the closing quote of a parameter")?,
            _ => cursor.token().ok_or("a parameter's value")?,
        };
        params.push(name.to_owned(), Some(value.to_owned()));
        if !cursor.eat_spaced(',') {
            break;
        }
    }
    if cursor.is_end() { Ok(Some(params)) } else { Err("`,` between parameters") }
}
