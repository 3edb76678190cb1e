//! SIP, SIPS and tel URIs, and any other kept as written (RFC 3261 §19.1, RFC 3966).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use primitives::Private;
use thiserror::Error;

use crate::header::Params;

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
        let _ = text;
        todo!()
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
        todo!()
    }

    /// The host of a SIP URI.
    pub fn host(&self) -> Option<&Host> {
        self.as_sip().map(|uri| &uri.host)
    }

    /// Whether both name the same resource (RFC 3261 §19.1.4, RFC 3966 §4).
    pub fn is_equivalent(&self, other: &Self) -> bool {
        let _ = other;
        todo!()
    }

    /// As on the wire.
    pub fn to_wire(&self) -> String {
        todo!()
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

impl SipUri {
    /// `sip:host` with neither user nor parameters.
    pub const fn new(host: Host, port: Option<u16>) -> Self {
        Self { scheme: Scheme::Sip, user: None, password: None, host, port, params: Params::new(), headers: Vec::new() }
    }

    /// The user part with escapes resolved.
    pub fn user_unescaped(&self) -> Option<Private<String>> {
        todo!()
    }
}

impl From<SipUri> for Uri {
    fn from(uri: SipUri) -> Self {
        Self::Sip(Box::new(uri))
    }
}

/// A text as the user part of a SIP URI may hold it: what may not stand there is escaped.
pub fn escape_user(text: &str) -> String {
    let _ = text;
    todo!()
}
