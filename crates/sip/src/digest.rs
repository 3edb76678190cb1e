//! Digest authentication (RFC 7616 as RFC 8760 fits it to SIP): both ends of it.
//!
//! [`Authenticator`] asks and judges, [`answer`] answers. SHA-256 is offered first and MD5 after it, for
//! phones older than RFC 8760.

mod authenticator;
mod credentials;
mod nonce;
mod prover;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use md5::Md5;
use primitives::Private;
use sha2::{Digest as _, Sha256, Sha512_256};

use crate::header::text::write_quoted;
use crate::message::Method;
use crate::uri::Uri;

pub use authenticator::{Authenticator, Staleness, Verdict};
pub use credentials::{DigestChallenge, DigestResponse, Quality};
pub(crate) use prover::Prover;

/// A hash of RFC 7616 §6.1 and RFC 8760 §2.1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Algorithm {
    /// For phones older than RFC 8760.
    Md5,
    /// What every newer one understands.
    Sha256,
    /// Answered as a client, never asked for.
    Sha512Trunc256,
}

impl Algorithm {
    /// The token of the `algorithm` parameter.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512Trunc256 => "SHA-512-256",
        }
    }

    fn named(token: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256, Self::Sha512Trunc256]
            .into_iter()
            .find(|known| known.token().eq_ignore_ascii_case(token))
    }

    /// `H()` of RFC 7616 §3.3 over these parts with colons between, in hexadecimal.
    fn hash(self, parts: &[&str]) -> String {
        let joined = parts.join(":");
        match self {
            Self::Md5 => hex::encode(Md5::digest(joined)),
            Self::Sha256 => hex::encode(Sha256::digest(joined)),
            Self::Sha512Trunc256 => hex::encode(Sha512_256::digest(joined)),
        }
    }
}

/// What a proof is made of besides the secret.
struct Proof<'a> {
    algorithm: Algorithm,
    username: &'a str,
    realm: &'a str,
    nonce: &'a str,
    method: &'a Method,
    uri: &'a str,
    /// `nc` as written, and `cnonce`; none is the way of RFC 2069, without `qop`.
    quality: Option<(&'a str, &'a str)>,
}

impl Proof<'_> {
    /// RFC 7616 §3.4.1 with `qop=auth`, or without `qop` as RFC 2617 §3.2.2.1 kept it.
    fn response(&self, secret: &str) -> String {
        let ha1 = self.algorithm.hash(&[self.username, self.realm, secret]);
        let ha2 = self.algorithm.hash(&[self.method.as_str(), self.uri]);
        match self.quality {
            Some((nc, cnonce)) => self.algorithm.hash(&[&ha1, self.nonce, nc, cnonce, "auth", &ha2]),
            None => self.algorithm.hash(&[&ha1, self.nonce, &ha2]),
        }
    }
}

/// The answering end: the Authorization value for the first challenge we know (a server lists what it
/// prefers first, RFC 8760 §2.4), `None` where we know none. `cnonce` is random hexadecimal; `nc` counts
/// this nonce's uses from 1.
pub fn answer(
    challenges: &[DigestChallenge],
    username: &Private<String>,
    secret: &Private<String>,
    method: &Method,
    uri: &Uri,
    cnonce: &str,
    nc: u32,
) -> Option<Private<String>> {
    let (challenge, algorithm) =
        challenges.iter().find_map(|challenge| Some((challenge, challenge.algorithm?)))?;
    let (uri, nc) = (uri.to_wire(), format!("{nc:08x}"));
    let response = Proof {
        algorithm,
        username: username.expose(),
        realm: &challenge.realm,
        nonce: &challenge.nonce,
        method,
        uri: &uri,
        quality: challenge.qop_auth.then_some((nc.as_str(), cnonce)),
    }
    .response(secret.expose());

    let mut out = String::from("Digest ");
    let quoted = [
        ("username", username.expose()),
        ("realm", &challenge.realm),
        ("nonce", &challenge.nonce),
        ("uri", &uri),
        ("response", &response),
    ];
    for (at, (name, value)) in quoted.into_iter().enumerate() {
        out.push_str(if at == 0 { "" } else { ", " });
        out.push_str(name);
        out.push('=');
        write_quoted(value, &mut out);
    }
    // Writing to a string cannot fail.
    let _ = write!(out, ", algorithm={}", algorithm.token());
    if let Some(opaque) = &challenge.opaque {
        out.push_str(", opaque=");
        write_quoted(opaque, &mut out);
    }
    if challenge.qop_auth {
        let _ = write!(out, ", qop=auth, nc={nc}, cnonce=");
        write_quoted(cnonce, &mut out);
    }
    Some(Private::new(out))
}
