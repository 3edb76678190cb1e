//! SIP, SIPS and tel URIs, and any other kept as written (RFC 3261 §19.1, RFC 3966).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use primitives::Private;
use thiserror::Error;

use crate::header::text::{Cursor, Expected, number};
use crate::header::{PARAMS_MAX, Params};

/// Longest host name (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 255;

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

impl SipUri {
    /// `sip:host` with neither user nor parameters.
    pub const fn new(host: Host, port: Option<u16>) -> Self {
        Self { scheme: Scheme::Sip, user: None, password: None, host, port, params: Params::new(), headers: Vec::new() }
    }

    fn parse(scheme: Scheme, rest: &str) -> Result<Self, UriError> {
        // The first `@` ends the user: it may hold `;`, `?` and `/`, but never a bare `@` (§25.1).
        let (userinfo, rest) = match rest.split_once('@') {
            // `sip:host?Replaces=id@host` is how some write what ought to be escaped: no user, a header.
            Some((before, _)) if looks_like_headers(before) => (None, rest),
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, rest),
        };
        let (user, password) = match userinfo.map(|info| info.split_once(':').unwrap_or((info, ""))) {
            Some((user, password)) => (Some(checked_user(user)?), Some(password).filter(|text| !text.is_empty())),
            None => (None, None),
        };
        let mut cursor = Cursor::new(rest);
        let (host, port) = host_and_port(&mut cursor).map_err(|expected| UriError { expected })?;
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
    fn is_equivalent(&self, other: &Self) -> bool {
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

    fn write(&self, out: &mut String) {
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

impl From<SipUri> for Uri {
    fn from(uri: SipUri) -> Self {
        Self::Sip(Box::new(uri))
    }
}

impl TelUri {
    fn parse(rest: &str) -> Result<Self, UriError> {
        let mut cursor = Cursor::new(rest);
        let number = cursor.take_while(is_phone_digit).ok_or(UriError { expected: "a telephone number" })?;
        let digits = number.strip_prefix('+').unwrap_or(number);
        // A global number has decimal digits only; a local one also `*`, `#` and A to F (RFC 3966 §3).
        let is_digit: fn(u8) -> bool = if number.starts_with('+') {
            |byte| byte.is_ascii_digit()
        } else {
            |byte| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#')
        };
        if digits.contains('+')
            || !digits.bytes().any(is_digit)
            || !digits.bytes().all(|byte| is_digit(byte) || is_visual_separator(byte))
        {
            return Err(UriError { expected: "a telephone number" });
        }
        let params = uri_params(&mut cursor)?;
        if !cursor.rest().is_empty() {
            return Err(UriError { expected: "nothing after a telephone number" });
        }
        Ok(Self { number: number.to_owned(), params })
    }

    /// The number without visual separators, `+` kept.
    pub fn digits(&self) -> String {
        self.number.chars().filter(|digit| !matches!(digit, '-' | '.' | '(' | ')')).collect()
    }

    /// RFC 3966 §4.
    fn is_equivalent(&self, other: &Self) -> bool {
        let counts = |one: &Params, another: &Params| {
            one.iter().all(|param| {
                another.raw(&param.name).is_some_and(|value| match (&param.value, value) {
                    (Some(one), Some(another)) => one.eq_ignore_ascii_case(another),
                    (None, None) => true,
                    _ => false,
                })
            })
        };
        self.digits().eq_ignore_ascii_case(&other.digits())
            && counts(&self.params, &other.params)
            && counts(&other.params, &self.params)
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

/// A text as the user part of a SIP URI may hold it: what may not stand there is escaped.
pub fn escape_user(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        // §25.1: unreserved and user-unreserved; the rest by its number.
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
            out.push('%');
            for nibble in [byte >> 4, byte & 0x0f] {
                out.push(HEX.get(usize::from(nibble)).copied().unwrap_or('0'));
            }
        }
    }
    out
}

/// A text with its escapes resolved once, never twice (RFC 3986 §2.4); bytes that make no UTF-8 read as
/// U+FFFD.
fn unescaped(written: &str) -> String {
    if !written.contains('%') {
        return written.to_owned();
    }
    let mut plain = Vec::with_capacity(written.len());
    let mut bytes = written.as_bytes();
    while let [first, rest @ ..] = bytes {
        match (first, rest) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                plain.push(nibble(*high) << 4 | nibble(*low));
                bytes = after;
            }
            _ => {
                plain.push(*first);
                bytes = rest;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
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

/// Whether a text before an `@` is `host?name=…`: a `?` after what can only be a host, and a `=` after it.
fn looks_like_headers(before: &str) -> bool {
    before.split_once('?').is_some_and(|(host, headers)| {
        let mut cursor = Cursor::new(host);
        host.contains('.')
            && headers.contains('=')
            && host_and_port(&mut cursor).is_ok()
            && (cursor.rest().is_empty() || cursor.peek() == Some(b';'))
    })
}

/// `host[:port]` at the front, white space around `:` allowed as Via has it.
pub(crate) fn host_and_port(cursor: &mut Cursor<'_>) -> Result<(Host, Option<u16>), Expected> {
    let host = if cursor.eat('[') {
        let address = cursor.take_until(']').ok_or("`]` after an IPv6 address")?;
        Host::V6(address.parse().map_err(|_| "an IPv6 address")?)
    } else {
        // `_` is in no host name and in many configurations.
        let name = cursor
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
            .filter(|name| name.len() <= HOST_BYTES_MAX)
            .ok_or("a host")?;
        match name.parse() {
            Ok(address) => Host::V4(address),
            // A name whose last label is a number would be read as an address by some and not by others.
            Err(_) if name.trim_end_matches('.').rsplit('.').next().is_none_or(is_number) => return Err("a host"),
            Err(_) => Host::Name(name.to_owned()),
        }
    };
    if !cursor.eat_spaced(':') {
        return Ok((host, None));
    }
    let port = cursor.take_while(|byte| byte.is_ascii_digit()).and_then(number).ok_or("a port")?;
    Ok((host, Some(port)))
}

fn is_number(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_digit())
}

const fn is_uri_param(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b';' | b'?' | b'=' | b'<' | b'>' | b'"' | b'@' | b',' | b'\\')
}

const fn is_uri_header(byte: u8) -> bool {
    // `@`, `;` and `=` ought to be escaped in a value and are not always (`?Replaces=id@host;to-tag=1`).
    byte.is_ascii_graphic() && !matches!(byte, b'&' | b'?' | b'<' | b'>' | b'"' | b',' | b'\\')
}

const fn is_visual_separator(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'(' | b')')
}

const fn is_phone_digit(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || is_visual_separator(byte) || matches!(byte, b'+' | b'*' | b'#')
}

fn uri_params(cursor: &mut Cursor<'_>) -> Result<Params, UriError> {
    let mut params = Params::new();
    while cursor.eat(';') {
        if params.len() == PARAMS_MAX {
            return Err(UriError { expected: "fewer parameters" });
        }
        let name = cursor.take_while(is_uri_param).ok_or(UriError { expected: "a parameter after `;`" })?;
        let value = if cursor.eat('=') {
            Some(cursor.take_while(|byte| is_uri_param(byte) || byte == b'=').ok_or(UriError { expected: "a value after `=`" })?)
        } else {
            None
        };
        params.push(name.to_owned(), value.map(str::to_owned));
    }
    Ok(params)
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

#[cfg(test)]
mod tests;
