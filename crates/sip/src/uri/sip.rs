//! `sip:` and `sips:` (RFC 3261 §19.1, §25.1).

use primitives::Private;

use crate::header::text::Cursor;
use crate::header::{PARAMS_MAX, Params};

use super::escape::unescaped;
use super::{Host, Scheme, SipUri, UriError, host, port, uri_params};

impl SipUri {
    /// `sip:host` with neither user nor parameters.
    pub const fn new(host: Host, port: Option<u16>) -> Self {
        Self {
            scheme: Scheme::Sip,
            user: None,
            password: None,
            host,
            port,
            params: Params::new(),
            headers: Vec::new(),
        }
    }

    pub(super) fn parse(scheme: Scheme, rest: &str) -> Result<Self, UriError> {
        // The first `@` ends the user: it may hold `;`, `?` and `/`, but never a bare `@` (§25.1).
        let (userinfo, rest) = match rest.split_once('@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, rest),
        };
        let (user, password) = match userinfo.map(|info| info.split_once(':').unwrap_or((info, ""))) {
            Some((user, password)) => {
                (Some(checked_user(user)?), Some(password).filter(|text| !text.is_empty()))
            }
            None => (None, None),
        };
        let mut cursor = Cursor::new(rest);
        let in_uri = |expected| UriError { expected };
        let host = host(&mut cursor).map_err(in_uri)?;
        let port = cursor.eat(':').then(|| port(&mut cursor)).transpose().map_err(in_uri)?;
        let params = uri_params(&mut cursor)?;
        let headers = uri_headers(&mut cursor)?;
        if !cursor.rest().is_empty() {
            return Err(UriError { expected: "nothing after a URI" });
        }
        Ok(Self {
            scheme,
            user: user.map(str::to_owned),
            password: password.map(checked_user).transpose()?.map(str::to_owned),
            host,
            port,
            params,
            headers,
        })
    }

    /// The user part with escapes resolved.
    pub fn user_unescaped(&self) -> Option<Private<String>> {
        self.user.as_deref().map(|user| Private::new(unescaped(user)))
    }

    /// RFC 3261 §19.1.4.
    pub(super) fn is_equivalent(&self, other: &Self) -> bool {
        let same_text = |one: &Option<String>, another: &Option<String>| {
            one.as_deref().map(unescaped) == another.as_deref().map(unescaped)
        };
        self.scheme == other.scheme
            && same_text(&self.user, &other.user)
            && same_text(&self.password, &other.password)
            && self.host.is_same(&other.host)
            && self.port == other.port
            && same_params(&self.params, &other.params)
            && same_headers(&self.headers, &other.headers)
    }

    pub(super) fn write(&self, out: &mut String) {
        out.push_str(match self.scheme {
            Scheme::Sip => "sip:",
            Scheme::Sips => "sips:",
        });
        if let Some(user) = &self.user {
            out.push_str(user);
            if let Some(password) = &self.password {
                out.push(':');
                out.push_str(password);
            }
            out.push('@');
        }
        out.push_str(&self.host.to_string());
        if let Some(port) = self.port {
            out.push(':');
            out.push_str(&port.to_string());
        }
        self.params.write(out);
        for (at, (name, value)) in self.headers.iter().enumerate() {
            out.push(if at == 0 { '?' } else { '&' });
            out.push_str(name);
            out.push('=');
            out.push_str(value);
        }
    }
}

/// A user or password as written: escapes whole, nothing that ends a URI elsewhere. `#` and bytes beyond
/// ASCII ought to be escaped and often are not; they mislead nobody, so they pass.
fn checked_user(user: &str) -> Result<&str, UriError> {
    let error = UriError { expected: "a user part" };
    if user.is_empty() {
        return Err(error);
    }
    let mut bytes = user.as_bytes();
    while let [first, rest @ ..] = bytes {
        bytes = match (first, rest) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            (b'%' | b'<' | b'>' | b'"' | b'\\' | b'@', _) => return Err(error),
            (byte, _) if byte.is_ascii_graphic() || !byte.is_ascii() => rest,
            _ => return Err(error),
        };
    }
    Ok(user)
}

const fn is_uri_header(byte: u8) -> bool {
    // `@`, `;` and `=` ought to be escaped in a value and are not always (`?Replaces=id@host;to-tag=1`).
    byte.is_ascii_graphic() && !matches!(byte, b'&' | b'?' | b'<' | b'>' | b'"' | b',' | b'\\')
}

fn uri_headers(cursor: &mut Cursor<'_>) -> Result<Vec<(String, String)>, UriError> {
    let mut headers = Vec::new();
    if !cursor.eat('?') {
        return Ok(headers);
    }
    loop {
        if headers.len() == PARAMS_MAX {
            return Err(UriError { expected: "fewer headers" });
        }
        let field = cursor.take_while(is_uri_header).and_then(|field| field.split_once('='));
        let (name, value) = field.ok_or(UriError { expected: "`name=value` after `?`" })?;
        if name.is_empty() {
            return Err(UriError { expected: "`name=value` after `?`" });
        }
        headers.push((name.to_owned(), value.to_owned()));
        if !cursor.eat('&') {
            return Ok(headers);
        }
    }
}

/// A parameter in both must match; in one only, these decide (§19.1.4), any other is passed over.
fn same_params(one: &Params, another: &Params) -> bool {
    const DECIDING: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
    let agrees = |one: &Params, another: &Params| {
        one.iter().all(|param| match another.raw(&param.name) {
            Some(value) => match (&param.value, value) {
                (Some(one), Some(another)) => unescaped(one).eq_ignore_ascii_case(&unescaped(another)),
                (None, None) => true,
                _ => false,
            },
            None => !DECIDING.iter().any(|deciding| param.name.eq_ignore_ascii_case(deciding)),
        })
    };
    agrees(one, another) && agrees(another, one)
}

/// Headers count always, in any order (§19.1.4).
fn same_headers(one: &[(String, String)], another: &[(String, String)]) -> bool {
    let sorted = |headers: &[(String, String)]| {
        let mut plain: Vec<_> =
            headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), unescaped(value))).collect();
        plain.sort_unstable();
        plain
    };
    one.len() == another.len() && sorted(one) == sorted(another)
}
