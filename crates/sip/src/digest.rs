//! Digest authentication (RFC 7616 as RFC 8760 fits it to SIP): both ends of it.

use std::time::Duration;

use primitives::{Now, Private, Seed};

use crate::message::Method;
use crate::uri::Uri;

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

/// One `Digest` challenge of a WWW-Authenticate or Proxy-Authenticate header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DigestChallenge {
    /// Who asks.
    pub realm: String,
    /// To be hashed in and sent back.
    pub nonce: String,
    /// To be sent back.
    pub opaque: Option<String>,
    /// `None` where it is one we do not know: such a challenge is passed over.
    pub algorithm: Option<Algorithm>,
    /// Whether `auth` is among the offered qualities of protection.
    pub qop_auth: bool,
    /// The secret was right, only the nonce is too old.
    pub stale: bool,
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
    pub uri: String,
    /// The proof, in hexadecimal.
    pub response: String,
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
    /// How often the client has used the nonce, eight hexadecimal digits.
    pub nc: u32,
}

/// What a proof is worth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is who it claims to be.
    Accepted,
    /// The secret is right but the nonce is too old or used up: challenge again with `stale=true`.
    Stale,
    /// Wrong secret, unknown user, a nonce not ours, a replay: challenge again.
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

/// The asking end.
#[derive(Debug)]
pub struct Authenticator {}

impl Authenticator {
    /// `nonce_life` is how long a nonce is good for.
    pub fn new(realm: String, seed: &Seed, nonce_life: Duration) -> Self {
        let _ = (realm, seed, nonce_life);
        todo!()
    }

    /// The values of the WWW-Authenticate headers of a 401, strongest first (RFC 8760 §2.4).
    pub fn challenge(&mut self, now: Now, staleness: Staleness) -> Vec<String> {
        let _ = (now, staleness);
        todo!()
    }

    /// Judges one set of credentials for a request. `secret` is the named user's, `None` where there is no
    /// such user: that takes as long.
    pub fn verify(&mut self, now: Now, method: &Method, uri: &Uri, response: &DigestResponse, secret: Option<&Private<String>>) -> Verdict {
        let _ = (now, method, uri, response, secret);
        todo!()
    }
}

/// The answering end: the Authorization value for the strongest challenge we know, `None` where we know
/// none. `cnonce` is random; `nc` counts this nonce's uses from 1.
pub fn answer(
    challenges: &[DigestChallenge],
    username: &Private<String>,
    secret: &Private<String>,
    method: &Method,
    uri: &Uri,
    cnonce: &str,
    nc: u32,
) -> Option<Private<String>> {
    let _ = (challenges, username, secret, method, uri, cnonce, nc);
    todo!()
}
