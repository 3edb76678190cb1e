//! Who sent a request, by digest (RFC 3261 §22, RFC 8760).

use primitives::Now;

use super::Endpoint;
use super::reply::Reply;
use crate::Release;
use crate::digest::{Staleness, Verdict};
use crate::header::Name;
use crate::message::Request;

/// Sets of credentials looked at in one request. A phone sends one for each algorithm it was offered; more
/// is somebody making us hash.
const CREDENTIALS_MAX: usize = 4;

/// What a request says about its sender.
#[derive(Debug)]
pub(super) enum Sender {
    /// Nothing.
    Unknown,
    /// This user, proven.
    User(String),
    /// Something that is not true, or not any more.
    Unproven(Staleness),
}

impl Endpoint {
    /// Judges the credentials for our realm. An unknown user is refused in the same words, and takes as
    /// long, as a known one with a wrong secret.
    pub(super) fn sender(&mut self, now: Now, request: &Request) -> Sender {
        let credentials = match request.headers.authorization() {
            Ok(credentials) => credentials,
            Err(_) => return Sender::Unproven(Staleness::Fresh),
        };
        let mut sender = Sender::Unknown;
        let ours = credentials.into_iter().filter(|it| it.realm == self.config.realm);
        for given in ours.take(CREDENTIALS_MAX) {
            let user = given.username.expose();
            let secret = self.registrar.secret(user);
            match self.authenticator.verify(now, &request.method, &request.uri, &given, secret) {
                Verdict::Accepted => return Sender::User(given.username.into_exposed()),
                Verdict::Stale => sender = Sender::Unproven(Staleness::Stale),
                Verdict::Refused if matches!(sender, Sender::Unknown) => {
                    sender = Sender::Unproven(Staleness::Fresh);
                }
                Verdict::Refused => {}
            }
        }
        sender
    }

    /// 401 with a challenge for each algorithm, the strongest first.
    pub(super) fn challenge(&mut self, now: Now, staleness: Staleness, release: Release) -> Reply {
        let mut reply = Reply { release, ..Reply::at_once(401) };
        for challenge in self.authenticator.challenge(now, staleness) {
            reply = reply.with(Name::WwwAuthenticate, challenge);
        }
        reply
    }
}
