//! SIP, SIPS and tel URIs, and any other kept as written (RFC 3261 §19.1, RFC 3966).

mod escape;
mod sip;
mod tel;
mod telephone;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use primitives::Private;
use thiserror::Error;

use crate::header::text::{Cursor, Expected, number};
use crate::header::{PARAMS_MAX, Params};

pub use escape::escape_user;
pub(crate) use escape::unescaped;
pub use telephone::Telephone;

/// Longest host name (RFC 1035 §2.3.4).
pub(crate) const HOST_BYTES_MAX: usize = 255;

/// An address of somebody or something.
#[derive(Clone, Eq, PartialEq)]
pub enum Uri {
    /// `sip:` or `sips:`.
    Sip(Box<SipUri>),
    /// `tel:`.
    Tel(TelUri),
    /// `urn:service:sos`, `http:…`, a scheme nobody knows: kept, not understood.
    Other(OtherUri),
}

/// `sip:user:password@host:port;params?headers`.
#[derive(Clone, Eq, PartialEq)]
pub struct SipUri {
    /// `sip` or `sips`.
    pub scheme: Scheme,
    /// As written, escapes included.
    pub user: Option<String>,
    /// As written, escapes included.
    pub password: Option<String>,
    /// Where.
    pub host: Host,
    /// The port, where it is given.
    pub port: Option<u16>,
    /// `transport`, `lr`, `user`, `maddr` …, names and values as written.
    pub params: Params,
    /// After `?`: header names and values as written, escapes included (`Replaces=…`).
    pub headers: Vec<(String, String)>,
}

/// Whether TLS is demanded at every hop (§26.2.2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scheme {
    /// `sip`.
    Sip,
    /// `sips`.
    Sips,
}

/// A telephone number (RFC 3966).
#[derive(Clone, Eq, PartialEq)]
pub struct TelUri {
    /// As written, with visual separators and, where it is global, `+`.
    pub number: String,
    /// `phone-context`, `ext`, `isub` …
    pub params: Params,
}

/// A URI of another scheme.
#[derive(Clone, Eq, PartialEq)]
pub struct OtherUri {
    /// In lower case.
    pub scheme: String,
    /// Everything after the colon, as written.
    pub rest: String,
}

/// The host part of a URI or Via.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Host {
    /// A name, as written; names compare without regard to case.
    Name(String),
    /// A dotted quad.
    V4(Ipv4Addr),
    /// In brackets.
    V6(Ipv6Addr),
}

impl Host {
    /// The address, where it is one.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(address) => Some(IpAddr::V4(*address)),
            Self::V6(address) => Some(IpAddr::V6(*address)),
        }
    }

    /// Whether both are the same host.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(one), Self::Name(another)) => one.eq_ignore_ascii_case(another),
            _ => self == other,
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

/// As in a URI: IPv6 in brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// Why a text is not a URI. Says what was expected, never what was there.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("expected {expected} in a URI")]
pub struct UriError {
    /// The missing thing.
    pub expected: &'static str,
}

impl Uri {
    /// Reads a whole text as one URI.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let (scheme, rest) = text.split_once(':').ok_or(UriError { expected: "a scheme and `:`" })?;
        if scheme.eq_ignore_ascii_case("sip") {
            SipUri::parse(Scheme::Sip, rest).map(Self::from)
        } else if scheme.eq_ignore_ascii_case("sips") {
            SipUri::parse(Scheme::Sips, rest).map(Self::from)
        } else if scheme.eq_ignore_ascii_case("tel") {
            TelUri::parse(rest).map(Self::Tel)
        } else {
            OtherUri::parse(scheme, rest).map(Self::Other)
        }
    }

    /// The SIP or SIPS URI.
    pub fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Self::Sip(uri) => Some(uri),
            _ => None,
        }
    }

    /// The user part of a SIP URI with escapes resolved, or the number of a tel URI without visual
    /// separators.
    pub fn user(&self) -> Option<Private<String>> {
        match self {
            Self::Sip(uri) => uri.user_unescaped(),
            Self::Tel(uri) => Some(Private::new(uri.digits())),
            Self::Other(_) => None,
        }
    }

    /// The host of a SIP URI.
    pub fn host(&self) -> Option<&Host> {
        self.as_sip().map(|uri| &uri.host)
    }

    /// Whether both name the same resource (RFC 3261 §19.1.4, RFC 3966 §4).
    pub fn is_equivalent(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sip(one), Self::Sip(another)) => one.is_equivalent(another),
            (Self::Tel(one), Self::Tel(another)) => one.is_equivalent(another),
            (Self::Other(one), Self::Other(another)) => one == another,
            _ => false,
        }
    }

    /// As on the wire.
    pub fn to_wire(&self) -> String {
        let mut out = String::with_capacity(48);
        self.write(&mut out);
        out
    }

    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Sip(uri) => uri.write(out),
            Self::Tel(uri) => {
                out.push_str("tel:");
                out.push_str(&uri.number);
                uri.params.write(out);
            }
            Self::Other(uri) => {
                out.push_str(&uri.scheme);
                out.push(':');
                out.push_str(&uri.rest);
            }
        }
    }
}

/// Shows scheme and host, never the user.
impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sip(uri) => uri.fmt(f),
            Self::Tel(_) => f.write_str("tel:(private)"),
            Self::Other(uri) => write!(f, "{}:(private)", uri.scheme),
        }
    }
}

impl fmt::Debug for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
        };
        let user = if self.user.is_some() { "(private)@" } else { "" };
        write!(f, "{scheme}:{user}{}", self.host)
    }
}

impl From<SipUri> for Uri {
    fn from(uri: SipUri) -> Self {
        Self::Sip(Box::new(uri))
    }
}

impl OtherUri {
    fn parse(scheme: &str, rest: &str) -> Result<Self, UriError> {
        let mut letters = scheme.bytes();
        let is_scheme = letters.next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && letters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        if !is_scheme {
            return Err(UriError { expected: "a scheme and `:`" });
        }
        let is_rest = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"');
        if rest.is_empty() || !rest.bytes().all(is_rest) {
            return Err(UriError { expected: "what a URI may hold" });
        }
        Ok(Self { scheme: scheme.to_ascii_lowercase(), rest: rest.to_owned() })
    }
}

/// A host at the front: of a URI, or of a Via's sent-by.
pub(crate) fn host(cursor: &mut Cursor<'_>) -> Result<Host, Expected> {
    if cursor.eat('[') {
        let address = cursor.take_until(']').ok_or("`]` after an IPv6 address")?;
        // RFC 3261's own grammar makes three colons where an IPv4 address follows two (RFC 5118 §4.10).
        let address = address.parse().or_else(|_| address.replacen(":::", "::", 1).parse());
        return address.map(Host::V6).map_err(|_| "an IPv6 address");
    }
    // `_` is in no host name and in many configurations.
    let name = cursor
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        .filter(|name| name.len() <= HOST_BYTES_MAX)
        .ok_or("a host")?;
    match name.parse() {
        Ok(address) => Ok(Host::V4(address)),
        // A name whose last label is a number would be read as an address by some and not by others.
        Err(_) if name.trim_end_matches('.').rsplit('.').next().is_none_or(is_number) => Err("a host"),
        Err(_) => Ok(Host::Name(name.to_owned())),
    }
}

/// A port at the front, its colon taken.
pub(crate) fn port(cursor: &mut Cursor<'_>) -> Result<u16, Expected> {
    cursor.take_while(|byte| byte.is_ascii_digit()).and_then(number).ok_or("a port")
}

fn is_number(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_digit())
}

const fn is_uri_param(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b';' | b'?' | b'=' | b'<' | b'>' | b'"' | b'@' | b',' | b'\\')
}

fn uri_params(cursor: &mut Cursor<'_>) -> Result<Params, UriError> {
    let mut params = Params::new();
    while cursor.eat(';') {
        if params.len() == PARAMS_MAX {
            return Err(UriError { expected: "fewer parameters" });
        }
        let name = cursor.take_while(is_uri_param).ok_or(UriError { expected: "a parameter after `;`" })?;
        // §19.1.1: of two one element would take the first and another the last.
        if params.has(name) {
            return Err(UriError { expected: "each parameter once" });
        }
        let value = if cursor.eat('=') {
            Some(
                cursor
                    .take_while(|byte| is_uri_param(byte) || byte == b'=')
                    .ok_or(UriError { expected: "a value after `=`" })?,
            )
        } else {
            None
        };
        params.push(name.to_owned(), value.map(str::to_owned));
    }
    Ok(params)
}
