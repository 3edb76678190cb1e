//! Where a call came from, as far as it is proven: what it may cause follows from that.
//!
//! Toll fraud is a stranger who makes somebody's telephone system call out. So a call of a stranger never causes
//! one: its transfers fail, and the log says why.

use std::sync::Arc;

use sip::Invited;

use crate::setup::Setup;

/// Where a call came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// An agent's phone that proved whose it is.
    Agent,
    /// A trunk that accepts whoever sent it.
    Trunk(Arc<str>),
    /// Nobody we know.
    Stranger,
}

impl Origin {
    /// Of an INVITE: by digest, by certificate, by source address.
    pub(crate) fn of(setup: &Setup, invited: &Invited) -> Self {
        if invited.user.is_some() {
            return Self::Agent;
        }
        let source = invited.path.peer.ip();
        let accepts = |trunk: &crate::Trunk| {
            let accept = &trunk.config.accept;
            let is_named = |name: &String| invited.certificate.contains(&name.to_ascii_lowercase());
            accept.certificate.iter().any(is_named) || accept.from.iter().any(|net| net.contains(source))
        };
        let found = setup.trunks.iter().find(|(_, trunk)| accepts(trunk));
        found.map_or(Self::Stranger, |(name, _)| Self::Trunk(name.as_str().into()))
    }

    /// Whether it may cause calls out.
    pub(crate) const fn may_call_out(&self) -> bool {
        match self {
            Self::Agent | Self::Trunk(_) => true,
            Self::Stranger => false,
        }
    }
}
