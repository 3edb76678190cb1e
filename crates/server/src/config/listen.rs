use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sip::digest::Algorithm;

use super::Plaintext;

/// `sip:` in `careline.yaml`. Everything listens on this machine alone until it is told otherwise.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sip {
    /// The digest realm, and the domain of the agents' addresses. Default `careline.invalid`.
    pub realm: String,
    /// UDP listeners. Default port 5060 of the IPv4 and IPv6 loopback.
    pub udp: Vec<SocketAddr>,
    /// TCP listeners. Default as `udp`.
    pub tcp: Vec<SocketAddr>,
    /// TLS listeners, each with its certificate. Default none.
    pub tls: Vec<TlsListener>,
    /// TLS connections of ours, to trunks.
    pub tls_client: TlsClient,
    /// Why UDP and TCP listen where other machines reach them, and until when. Default they may not.
    pub plaintext: Option<Plaintext>,
    /// Digest algorithms asked of phones, in the order of the challenges. Default `[sha_256, md5]` (RFC
    /// 8760). Phones older than it that read the first challenge only need `[md5, sha_256]` or `[md5]`.
    pub digest: Vec<DigestName>,
    /// Longest registration granted, in seconds. Default 3,600.
    pub registration_secs_max: u32,
    /// How long a call lasts without a sign of life of the far end (RFC 4028), in seconds: it is asked for
    /// one after half of them. Default 1,800.
    pub session_expires_secs: u32,
    /// The shortest such interval that is taken of a far end, in seconds. Default 90.
    pub session_min_secs: u32,
}

impl Default for Sip {
    fn default() -> Self {
        let loopback =
            vec![SocketAddr::from(([127, 0, 0, 1], 5060)), SocketAddr::from((Ipv6Addr::LOCALHOST, 5060))];
        Self {
            realm: "careline.invalid".to_owned(),
            udp: loopback.clone(),
            tcp: loopback,
            tls: Vec::new(),
            tls_client: TlsClient::default(),
            plaintext: None,
            digest: vec![DigestName::Sha256, DigestName::Md5],
            registration_secs_max: 3_600,
            session_expires_secs: 1_800,
            session_min_secs: 90,
        }
    }
}

/// A digest algorithm.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DigestName {
    /// SHA-256.
    #[serde(rename = "sha_256")]
    Sha256,
    /// MD5, for phones older than RFC 8760.
    #[serde(rename = "md5")]
    Md5,
}

impl DigestName {
    /// The algorithm.
    pub const fn algorithm(self) -> Algorithm {
        match self {
            Self::Sha256 => Algorithm::Sha256,
            Self::Md5 => Algorithm::Md5,
        }
    }
}

/// A TLS listener.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TlsListener {
    /// Where.
    pub address: SocketAddr,
    /// The certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Mutual TLS: whose certificates clients may show. Default nobody is asked for one.
    #[serde(default)]
    pub clients: Option<TlsClients>,
}

/// Whose certificates a TLS listener believes.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TlsClients {
    /// The authorities that vouch for them, PEM.
    pub roots: PathBuf,
    /// Whether a client without a certificate is turned away. Default true; false where phones and trunks
    /// share a listener.
    #[serde(default = "yes")]
    pub required: bool,
}

const fn yes() -> bool {
    true
}

/// `sip.tls_client` in `careline.yaml`: TLS connections of ours.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsClient {
    /// The authorities that vouch for those we call, PEM. Default those of the system.
    pub roots: Option<PathBuf>,
    /// With `key`: the certificate chain we show where we are asked, PEM. Default none.
    pub certificate: Option<PathBuf>,
    /// The certificate's private key, PEM.
    pub key: Option<PathBuf>,
}

/// `http:` in `careline.yaml`.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Where. Default port 8080 of the loopback.
    pub address: SocketAddr,
    /// With `key`: HTTPS by this certificate chain, PEM. Default plain HTTP.
    pub certificate: Option<PathBuf>,
    /// The certificate's private key, PEM.
    pub key: Option<PathBuf>,
    /// Why it is not HTTPS although other machines reach it, and until when. Default it may not.
    pub plaintext: Option<Plaintext>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            certificate: None,
            key: None,
            plaintext: None,
        }
    }
}
