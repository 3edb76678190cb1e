//! The asking end: challenges, and what their answers are worth.

use std::fmt;
use std::time::Duration;

use primitives::{Now, Private, Seed};

use crate::guard::Source;
use crate::header::text::write_quoted;
use crate::message::Method;
use crate::uri::Uri;

use super::credentials::DigestResponse;
use super::nonce::{Nonces, same};
use super::{Algorithm, Proof};

/// What a proof is worth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is who it claims to be.
    Accepted,
    /// The nonce is not ours (any more), was issued to another source, is too old or used up: challenge again
    /// with `stale=true`, which a phone answers without asking anybody. The proof was not looked at, so that
    /// this says nothing of the secret.
    Stale,
    /// Wrong secret, unknown user, another realm or request, by a source that received the nonce from us:
    /// challenge again.
    Refused,
}

/// Whether a challenge says that only the nonce was too old.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Staleness {
    /// A first challenge, or after a wrong secret.
    Fresh,
    /// After [`Verdict::Stale`].
    Stale,
}

/// The asking end. Challenges cost no memory; of nonces that were used with the right secret it remembers
/// at most 16,384.
pub struct Authenticator {
    realm: String,
    /// What is asked for, in the order of the challenges; nothing else is accepted.
    asked_for: Vec<Algorithm>,
    nonces: Nonces,
}

impl Authenticator {
    /// `asked_for` is in the order of preference (RFC 8760 §2.4); `nonce_life` is how long a nonce is good
    /// for.
    pub fn new(realm: String, asked_for: Vec<Algorithm>, seed: &Seed, nonce_life: Duration) -> Self {
        Self { realm, asked_for, nonces: Nonces::new(seed, nonce_life) }
    }

    /// The values of the WWW-Authenticate headers of a 401, in the order of preference (RFC 8760 §2.4).
    /// Only that source can answer.
    pub fn challenge(&mut self, now: Now, source: Source, staleness: Staleness) -> Vec<String> {
        let nonce = self.nonces.issue(now, source);
        let stale = match staleness {
            Staleness::Fresh => "",
            Staleness::Stale => ", stale=true",
        };
        self.asked_for
            .iter()
            .map(|algorithm| {
                let mut value = String::from("Digest realm=");
                write_quoted(&self.realm, &mut value);
                value.push_str(&format!(
                    r#", nonce="{nonce}", algorithm={}, qop="auth"{stale}"#,
                    algorithm.token()
                ));
                value
            })
            .collect()
    }

    /// Judges one set of credentials for a request. `secret` is the named user's, `None` where there is no
    /// such user: that takes as long.
    ///
    /// Of the digest's own URI user and host must be the request's; parameters may differ, since phones
    /// and proxies add them.
    pub fn verify(
        &mut self,
        now: Now,
        source: Source,
        method: &Method,
        uri: &Uri,
        response: &DigestResponse,
        secret: Option<&Private<String>>,
    ) -> Verdict {
        let Some(serial) = self.nonces.opened(now, source, &response.nonce) else {
            return Verdict::Stale;
        };
        let Some(algorithm) = response.algorithm.filter(|algorithm| self.asked_for.contains(algorithm))
        else {
            return Verdict::Refused;
        };
        // Without `qop` only MD5: that is how RFC 2069 was, and nothing newer may fall back to it.
        let quality = match &response.quality {
            Some(quality) if quality.qop.eq_ignore_ascii_case("auth") => Some(quality),
            None if algorithm == Algorithm::Md5 => None,
            _ => return Verdict::Refused,
        };
        let count = quality.map(super::Quality::count);
        if response.realm != self.realm || count == Some(None) || !asks_for_same(&response.uri, uri) {
            return Verdict::Refused;
        }
        let Some(uses) = self.nonces.next_use(serial, count.flatten()) else {
            return Verdict::Stale;
        };
        let expected = Proof {
            algorithm,
            username: response.username.expose(),
            realm: &self.realm,
            nonce: &response.nonce,
            method,
            uri: response.uri.expose(),
            quality: quality.map(|quality| (quality.nc.as_str(), quality.cnonce.as_str())),
        }
        .response(secret.map_or("", |secret| secret.expose()));
        let proved = response.response.expose().to_ascii_lowercase();
        if !same(expected.as_bytes(), proved.as_bytes()) || secret.is_none() {
            return Verdict::Refused;
        }
        self.nonces.note(serial, uses);
        Verdict::Accepted
    }
}

fn asks_for_same(written: &Private<String>, uri: &Uri) -> bool {
    let Ok(hashed) = Uri::parse(written.expose()) else {
        return false;
    };
    match (hashed.host(), uri.host()) {
        (Some(one), Some(another)) => one.is_same(another) && hashed.user() == uri.user(),
        _ => hashed.is_equivalent(uri),
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("realm", &self.realm).finish_non_exhaustive()
    }
}
