use std::net::SocketAddr;
use std::time::Duration;

use crate::Transport;
use crate::digest::Algorithm;
use crate::guard::Security;
use crate::registrar::User;

/// What an [`crate::Endpoint`] needs to know before its first message.
#[derive(Clone, Debug)]
pub struct Config {
    /// The digest realm and the domain of agents' addresses of record, e.g. `careline.invalid`.
    pub realm: String,
    /// The Server and User-Agent header.
    pub product: String,
    /// Our listeners: what Via and Contact name. The first of a transport and address family is used for
    /// requests we start.
    pub listeners: Vec<(Transport, SocketAddr)>,
    /// Who may register and place calls.
    pub users: Vec<User>,
    /// Who may place calls in the name of others, and not register: carriers that call as a digest user.
    pub carriers: Vec<User>,
    /// RFC 3261's timer constants.
    pub timers: Timers,
    /// Shortest registration granted; a shorter wish is answered 423 (RFC 3261 §10.3). Default 60 s.
    pub registration_min: Duration,
    /// Longest registration granted; a longer wish is shortened. Default 3,600 s.
    pub registration_max: Duration,
    /// The digest algorithms asked for, in the order of the challenges. Default SHA-256, then MD5, as RFC
    /// 8760 §2.4 has it; some phones older than it read the first challenge only.
    pub digest: Vec<Algorithm>,
    /// How long a session lasts without a refresh (RFC 4028 §4); a shorter wish of the far end counts.
    /// Default 1,800 s.
    pub session_expires: Duration,
    /// The shortest of such intervals that is taken; a shorter wish is answered 422. Default 90 s, and no
    /// more than that without need (§5).
    pub session_min: Duration,
    /// How long a message may take from its first byte to its last on a stream, and how long a peer that
    /// shows no certificate may say nothing after it connected. Default 10 s.
    pub message_within: Duration,
    /// How long a connection without a registration or a dialog may carry nothing before it is closed.
    /// Default 600 s.
    pub idle_max: Duration,
    /// How long a digest nonce is good for before `stale=true`. Default 300 s.
    pub nonce_life: Duration,
    /// How much is taken from whom.
    pub security: Security,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            realm: "careline".to_owned(),
            product: "careline".to_owned(),
            listeners: Vec::new(),
            users: Vec::new(),
            carriers: Vec::new(),
            timers: Timers::default(),
            registration_min: Duration::from_secs(60),
            registration_max: Duration::from_secs(3_600),
            digest: vec![Algorithm::Sha256, Algorithm::Md5],
            session_expires: Duration::from_secs(1_800),
            session_min: Duration::from_secs(90),
            message_within: Duration::from_secs(10),
            idle_max: Duration::from_secs(600),
            nonce_life: Duration::from_secs(300),
            security: Security::default(),
        }
    }
}

/// The constants of RFC 3261 §17.1.1.1 from which every interval follows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timers {
    /// Round-trip estimate, 500 ms unless configured.
    pub t1: Duration,
    /// Longest interval between repetitions of anything but an INVITE, 4 s.
    pub t2: Duration,
    /// Longest a message stays in the network, 5 s.
    pub t4: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}
