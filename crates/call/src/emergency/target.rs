//! The destinations of a list, one by one: a trunk of it stands for all of its own.

use std::collections::{BTreeSet, VecDeque};
use std::slice;

use primitives::Now;
use sip::uri::Uri;
use sip::{Account, EmergencyNumber};

use super::config::{Destination, host};
use crate::switch::Switch;
use crate::trunk::{Passage, TrunkConfig, TrunkNumber, Way};

/// One INVITE's worth of a list.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Where it goes, as written down.
    pub to: Destination,
    /// For the log: the host, and no number.
    pub name: String,
    /// Who we are there.
    pub account: Account,
    /// The trunk it goes by, and how its carrier wants things.
    pub carrier: Option<Carrier>,
}

/// What a carrier wants.
#[derive(Clone, Debug)]
pub(super) struct Carrier {
    pub way: Way,
    /// The host of our addresses there.
    pub domain: String,
    /// How it writes numbers, its codecs, and where its audio comes to.
    pub config: TrunkConfig,
}

impl Switch {
    /// Every destination of a list, in order. Of a trunk those that work come first, but the others are tried
    /// too; that it is full keeps no call for help away.
    pub(super) fn emergency_targets(
        &mut self,
        now: Now,
        list: &[Destination],
        number: EmergencyNumber,
    ) -> VecDeque<Target> {
        let mut targets = VecDeque::new();
        for to in list {
            let trunk = match to {
                Destination::Trunk(trunk) => trunk,
                Destination::Sip(uri) | Destination::Esinet(uri) => {
                    let (name, account) = (host(uri), Account::default());
                    targets.push_back(Target { to: to.clone(), name, account, carrier: None });
                    continue;
                }
            };
            let number = TrunkNumber { trunk: trunk.clone(), number: number.digits().to_owned() };
            let mut tried = BTreeSet::new();
            let ways = slice::from_ref(&number);
            while let Some((way, _)) =
                self.links.way(now.mono, ways, &tried, (Passage::Emergency, &|_| 0), &mut Vec::new())
            {
                tried.insert(way.clone());
                let Some(entry) = self.links.entry(&way) else { continue };
                let Ok(Uri::Sip(mut uri)) = Uri::parse(entry.uri) else { continue };
                let config = &entry.trunk.config;
                // A service number is written as it is by every rule.
                uri.user = Some(config.numbers.write(&number.number).into_owned());
                targets.push_back(Target {
                    to: Destination::Sip(Uri::Sip(uri).to_wire()),
                    name: host(entry.uri),
                    account: entry.account,
                    carrier: Some(Carrier { way, domain: entry.domain, config: config.clone() }),
                });
            }
        }
        targets
    }
}
