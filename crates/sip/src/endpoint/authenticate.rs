//! Who sent a request, by digest (RFC 3261 §22, RFC 8760).

use primitives::Now;

use super::Endpoint;
use super::reply::Reply;
use crate::digest::{Staleness, Verdict};
use crate::guard::Source;
use crate::header::Name;
use crate::message::Request;
use crate::registrar::User;
use crate::{Path, Release};

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
    /// Judges the credentials for our realm. An unknown user, and one whose proofs are not looked at for a
    /// while, is refused in the same words, and takes as long, as a known one with a wrong secret.
    pub(super) fn sender(&mut self, now: Now, request: &Request, came: Path) -> Sender {
        let peer = came.peer.ip();
        let credentials = match request.headers.authorization() {
            Ok(credentials) => credentials,
            Err(_) => return Sender::Unproven(Staleness::Fresh),
        };
        let mut sender = Sender::Unknown;
        let mut refused = None;
        let ours = credentials.into_iter().filter(|it| it.realm == self.config.realm);
        for given in ours.take(CREDENTIALS_MAX) {
            let user = given.username.expose();
            let is_heard = self.guard.hears(now.mono, peer, user);
            // Without a secret it is hashed all the same, and refused.
            let secret = self.registrar.secret(user).or_else(|| {
                // Field by field: the authenticator is changed beside it.
                self.config.carriers.iter().find(|carrier| carrier.name == *user).map(|it| &it.secret)
            });
            let secret = secret.filter(|_| is_heard);
            let source = Source::of(peer);
            match self.authenticator.verify(now, source, &request.method, &request.uri, &given, secret) {
                Verdict::Accepted => {
                    self.guard.proof_succeeded(now.mono, peer, user);
                    return Sender::User(given.username.into_exposed());
                }
                Verdict::Stale => sender = Sender::Unproven(Staleness::Stale),
                Verdict::Refused => {
                    refused = is_heard.then_some(given.username).or(refused);
                    if matches!(sender, Sender::Unknown) {
                        sender = Sender::Unproven(Staleness::Fresh);
                    }
                }
            }
        }
        if let Some(user) = &refused {
            let user = Some(user.expose().as_str()).filter(|user| self.registrar.secret(user).is_some());
            self.guard.proof_failed(now.mono, peer, user);
        }
        sender
    }

    /// The carrier of this name. A user of ours of the same name goes before it.
    pub(super) fn carrier(&self, name: &str) -> Option<&User> {
        self.config.carriers.iter().find(|carrier| carrier.name == name)
    }

    /// 401 with a challenge for each algorithm, the strongest first.
    pub(super) fn challenge(
        &mut self,
        now: Now,
        came: Path,
        staleness: Staleness,
        release: Release,
    ) -> Reply {
        let mut reply = Reply { release, ..Reply::at_once(401) };
        for challenge in self.authenticator.challenge(now, Source::of(came.peer.ip()), staleness) {
            reply = reply.with(Name::WwwAuthenticate, challenge);
        }
        reply
    }
}
