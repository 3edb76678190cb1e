//! Via (RFC 3261 §20.42, RFC 3581).

use std::net::{IpAddr, SocketAddr};

use crate::uri::Host;

use super::Params;

/// One hop of the way a request took.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Via {
    /// `UDP`, `TCP`, `TLS`, `WS`, `SCTP` or what else was written.
    pub transport: String,
    /// The sent-by host.
    pub host: Host,
    /// The sent-by port.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` and others.
    pub params: Params,
}

impl Via {
    /// What a branch of RFC 3261 begins with (§8.1.1.7).
    pub const MAGIC_COOKIE: &'static str = "z9hG4bK";

    /// The branch as written.
    pub fn branch(&self) -> Option<&str> {
        self.params.raw("branch").flatten()
    }

    /// The branch where it identifies a transaction by itself: cookie and something after it. Without,
    /// a transaction is matched the way RFC 2543 did (§17.2.3).
    pub fn rfc3261_branch(&self) -> Option<&str> {
        let branch = self.branch()?;
        let (cookie, rest) = branch.split_at_checked(Self::MAGIC_COOKIE.len())?;
        (cookie.eq_ignore_ascii_case(Self::MAGIC_COOKIE) && !rest.is_empty()).then_some(branch)
    }

    /// Whether the sender asks for a symmetric answer (RFC 3581 §3).
    pub fn asks_rport(&self) -> bool {
        self.params.has("rport")
    }

    /// The `received` parameter, where it is an address.
    pub fn received(&self) -> Option<IpAddr> {
        todo!()
    }

    /// Notes where the request really came from: `received` where it differs from sent-by or `rport` is
    /// asked for, and `rport` where it is asked for (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn stamp(&mut self, peer: SocketAddr) {
        let _ = peer;
        todo!()
    }

    /// As a header value.
    pub fn to_wire(&self) -> String {
        todo!()
    }
}
