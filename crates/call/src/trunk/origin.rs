//! Where a call comes from: a phone of ours, a trunk, or nobody we know. The most specific proof counts.

use std::cmp::Reverse;
use std::sync::Arc;

use sip::Invited;

use super::{Strangers, Trunk};
use crate::setup::Setup;

/// Where a call comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// An agent's phone that proved whose it is.
    Agent,
    /// A trunk, by name.
    Trunk(Arc<str>),
    /// Nobody we know.
    Stranger,
}

impl Origin {
    /// A certificate or a secret that only one has says more than an address that many send from; of two networks
    /// the narrower one. Of equals the first by name, so that a restart does not change it.
    pub(crate) fn of(setup: &Setup, invited: &Invited) -> Self {
        let of_trunk = |name: &str| Self::Trunk(name.into());
        if let Some((name, _)) = setup.trunks.iter().find(|(_, trunk)| has_certificate(trunk, invited)) {
            return of_trunk(name);
        }
        if let Some(user) = &invited.user {
            let trunk =
                setup.trunks.iter().find(|(_, trunk)| trunk.config.accept.user.as_ref() == Some(user));
            return trunk.map_or(Self::Agent, |(name, _)| of_trunk(name));
        }
        let peer = invited.path.peer.ip();
        let networks = setup.trunks.iter().flat_map(|(name, trunk)| {
            trunk.config.accept.from.iter().map(move |network| (name.as_str(), network))
        });
        let holding = networks.filter(|(_, network)| network.contains(peer));
        let narrowest = holding.min_by_key(|(name, network)| (Reverse(network.prefix_bits()), *name));
        narrowest.map_or(Self::Stranger, |(name, _)| of_trunk(name))
    }

    /// Whether it may cause calls out. Toll fraud is a stranger who makes somebody's telephone system call out.
    pub(crate) const fn may_call_out(&self) -> bool {
        match self {
            Self::Agent | Self::Trunk(_) => true,
            Self::Stranger => false,
        }
    }

    /// For the log: the trunk's name, or what else it is.
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::Agent => "phone",
            Self::Trunk(name) => name,
            Self::Stranger => "stranger",
        }
    }

    /// The trunk, where it is one.
    pub(crate) fn trunk<'s>(&self, setup: &'s Setup) -> Option<&'s Trunk> {
        match self {
            Self::Trunk(name) => setup.trunks.get(&**name),
            Self::Agent | Self::Stranger => None,
        }
    }

    /// Whether it may not come in.
    pub(crate) fn is_refused(&self, setup: &Setup) -> bool {
        *self == Self::Stranger && setup.strangers == Strangers::Refuse
    }
}

/// The names of a certificate are lower case; people write them as they like.
fn has_certificate(trunk: &Trunk, invited: &Invited) -> bool {
    let wanted = trunk.config.accept.certificate.iter();
    wanted.into_iter().any(|name| invited.certificate.iter().any(|has| has.eq_ignore_ascii_case(name)))
}
