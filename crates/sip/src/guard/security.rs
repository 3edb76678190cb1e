//! How much is taken from whom.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::Rate;

/// How much is taken from whom. Four kinds of sources, and each kind is served from buckets of its own, so
/// that whoever is known loses nothing to those who are not:
///
/// * **known** networks: trunks, and what the operator lists;
/// * **proven** sources: of somebody who knew a secret, or who received what we sent in a dialog or an answer
///   to our request (both show that the address is not made up);
/// * **strangers**, each of them;
/// * strangers **together**: who makes up a new address for each message gets no further than that.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Security {
    /// Networks of trunks, and whatever else is never a stranger.
    pub known: Vec<IpNet>,
    /// Messages of one source in a known network. More than a trunk at 500 calls a second sends.
    pub known_messages: Rate,
    /// Messages of one proven source: an office of a few hundred phones behind one address.
    pub proven_messages: Rate,
    /// Messages of one stranger.
    pub stranger_messages: Rate,
    /// Of these, what may begin something: everything but ACK, BYE, CANCEL, other requests of a dialog and
    /// responses.
    pub stranger_requests: Rate,
    /// What may begin something, of all strangers together.
    pub strangers_requests: Rate,
    /// All else, of all strangers together.
    pub strangers_messages: Rate,
    /// Wrong proofs of one source before it is barred for a while.
    pub failures: Rate,
    /// Wrong proofs for one user, from wherever, before he is believed only where he was seen before.
    pub user_failures: Rate,
    /// The first bar; each one soon after another is twice as long.
    pub penalty_min: Duration,
    /// The longest bar, and the time without offence after which the next is short again.
    pub penalty_max: Duration,
}

impl Security {
    /// Whether an address is in a known network.
    pub fn knows(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.known.iter().any(|network| network.contains(&peer))
    }
}

impl Default for Security {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            known_messages: Rate::per_sec(20_000, 40_000),
            proven_messages: Rate::per_sec(500, 2_000),
            stranger_messages: Rate::per_sec(50, 200),
            stranger_requests: Rate::per_sec(10, 60),
            strangers_requests: Rate::per_sec(500, 1_000),
            strangers_messages: Rate::per_sec(1_000, 2_000),
            failures: Rate { every: Duration::from_secs(30), burst: 10 },
            user_failures: Rate { every: Duration::from_secs(30), burst: 30 },
            penalty_min: Duration::from_secs(10),
            penalty_max: Duration::from_secs(600),
        }
    }
}
