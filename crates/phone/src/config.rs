//! What a phone is told before it starts.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::audio::Codec;

/// The hash of a digest answer (RFC 7616 §3.3, RFC 8760 §2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DigestAlgorithm {
    /// What phones older than RFC 8760 know.
    Md5,
    /// What every current phone should choose.
    Sha256,
}

/// Who a phone is and whom it talks to.
#[derive(Clone)]
pub struct PhoneConfig {
    /// Where every request outside a received call is sent.
    pub server: SocketAddr,
    /// User part of its address of record: an extension, or the caller's number on a trunk.
    pub user: String,
    /// Name shown to the called party. Default none.
    pub display_name: Option<String>,
    /// Password of its registration. Without one a challenge is a refusal.
    pub secret: Option<String>,
    /// Tried first when the server offers both. Default SHA-256.
    pub digest: DigestAlgorithm,
    /// Codecs offered and accepted, best first. Default µ-law, then A-law.
    pub codecs: Vec<Codec>,
    /// Address of its SIP and RTP sockets. Default 127.0.0.1; the ports are chosen by the system.
    pub local: IpAddr,
    /// Seconds a registration is asked to last. Default 300; renewed at half of what was granted.
    pub expires_secs: u32,
    /// How long a wait without a time of its own lasts. Default 30 s: longer than any step of a call
    /// flow that a test walks through.
    pub patience: Duration,
}

impl PhoneConfig {
    /// A phone without a password, with everything else at its default.
    pub fn new(server: SocketAddr, user: &str) -> Self {
        Self {
            server,
            user: user.to_owned(),
            display_name: None,
            secret: None,
            digest: DigestAlgorithm::Sha256,
            codecs: vec![Codec::Pcmu, Codec::Pcma],
            local: IpAddr::V4(Ipv4Addr::LOCALHOST),
            expires_secs: 300,
            patience: Duration::from_secs(30),
        }
    }

    /// The same phone with the password of its registration.
    pub fn with_secret(mut self, secret: &str) -> Self {
        self.secret = Some(secret.to_owned());
        self
    }
}

/// Shows neither number, name nor password: a phone's configuration ends up in test output and logs.
impl fmt::Debug for PhoneConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhoneConfig")
            .field("server", &self.server)
            .field("digest", &self.digest)
            .field("codecs", &self.codecs)
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}
