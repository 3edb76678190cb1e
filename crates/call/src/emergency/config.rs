//! What people write down about emergency calls in `careline.yaml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use acd::AgentConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sip::uri::Uri;

use super::pidf_lo::Civic;
use crate::trunk::TrunkConfig;

/// Destinations of one list. Each may take [`super::SILENT_MAX`] to be given up; after eight of them a caller
/// has long taken another phone.
const REACH_MAX: usize = 8;

/// `emergency:` in `careline.yaml`: where 911 dialled on an agent's phone leads, and what is said of her place
/// (47 CFR 9.16).
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EmergencyConfig {
    /// Where the call goes, in order; the next is tried at once when one refuses, and after 4 s without a
    /// sign of life.
    pub reach: Vec<Destination>,
    /// Where 933 goes, the test call that reads back what arrived. Default as `reach`.
    #[serde(default)]
    pub test_reach: Vec<Destination>,
    /// The number by which the public safety answering point calls back, E.164: `+15550100100`.
    pub callback: String,
    /// Dispatchable locations, by name. Each agent has one: `location: hq`.
    pub locations: BTreeMap<String, Location>,
    /// Who is told that somebody called for help (47 CFR 9.16(b)(2)).
    pub notify: Notify,
}

/// Where an emergency call may go.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// A trunk: 911 is dialled at its destinations, one after the other.
    Trunk(String),
    /// A SIP URI. Without a user part 911 is dialled there: `sip:192.0.2.10` is called as
    /// `sip:911@192.0.2.10`.
    Sip(String),
    /// The entry of an emergency services network (ESInet), by a SIP URI: it is asked for
    /// `urn:service:sos` and routes by the location.
    Esinet(String),
}

/// A place help can be sent to.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// The address, by the element names of RFC 5139: country, A1 (state), A3 (city), RD (street), HNO
    /// (house number), LOC (floor, suite, desk), PC (postal code) …
    pub civic: Civic,
    /// The number that reaches this place, where it is not `callback` of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<String>,
}

/// Who is told of emergency calls.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// An HTTPS or HTTP address that takes a POST of JSON for each: the front desk's screen, the security
    /// office. Each is repeated until an answer 2xx, for an hour, over a restart too.
    pub webhook: String,
    /// The authorities that vouch for an HTTPS address, PEM. Default those this machine believes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<PathBuf>,
}

impl EmergencyConfig {
    /// What types cannot say. The text says what to do.
    pub fn check(
        &self,
        agents: &BTreeMap<String, AgentConfig>,
        trunks: &BTreeMap<String, TrunkConfig>,
    ) -> Result<(), String> {
        if self.reach.is_empty() {
            return Err("`emergency.reach` is empty, so nobody would be called: write where 911 goes, \
                        `reach: [{ sip: \"sip:192.0.2.10\" }]`"
                .to_owned());
        }
        if let Some(many) = [&self.reach, &self.test_reach].into_iter().find(|list| list.len() > REACH_MAX) {
            return Err(format!(
                "an emergency list has {} destinations: keep the best {REACH_MAX}",
                many.len()
            ));
        }
        for destination in self.reach.iter().chain(&self.test_reach) {
            destination.check(trunks)?;
        }
        let callbacks = self.locations.values().filter_map(|location| location.callback.as_ref());
        if let Some(wrong) = callbacks.chain([&self.callback]).find(|number| !is_e164(number)) {
            return Err(format!(
                "emergency callback `{wrong}` is no number help can call back: write it as `+15550100100`"
            ));
        }
        for (name, location) in &self.locations {
            location.civic.check().map_err(|wrong| format!("emergency location `{name}` {wrong}"))?;
        }
        if !["https://", "http://"].iter().any(|scheme| self.notify.webhook.starts_with(scheme)) {
            return Err(format!(
                "`emergency.notify.webhook` is `{}`: write an https:// address, \
                 `https://desk.example/emergency`",
                self.notify.webhook
            ));
        }
        agents.iter().try_for_each(|(agent, its)| self.check_agent(agent, its))
    }

    fn check_agent(&self, agent: &str, its: &AgentConfig) -> Result<(), String> {
        let known = || self.locations.keys().cloned().collect::<Vec<_>>().join(", ");
        match &its.location {
            None => Err(format!(
                "agent `{agent}` has no location, so help would not find her: write `location:` with one of {}",
                known()
            )),
            Some(location) if !self.locations.contains_key(location) => Err(format!(
                "agent `{agent}` is at `{location}`, which `emergency.locations` does not have: these exist: {}",
                known()
            )),
            Some(_) => Ok(()),
        }
    }

    /// The location of a name and the number that reaches it.
    pub(crate) fn place(&self, name: Option<&str>) -> Place {
        let known = name.and_then(|name| self.locations.get_key_value(name));
        let callback = known.and_then(|(_, location)| location.callback.clone());
        Place {
            callback: callback.unwrap_or_else(|| self.callback.clone()),
            location: known.map(|(name, location)| (name.clone(), location.civic.clone())),
        }
    }
}

/// What help is told of where a phone is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub callback: String,
    /// Its name and address. `None`: not configured any more since a reload. No location is better than a
    /// wrong one.
    pub location: Option<(String, Civic)>,
}

impl Destination {
    fn check(&self, trunks: &BTreeMap<String, TrunkConfig>) -> Result<(), String> {
        let uri = match self {
            Self::Trunk(name) if trunks.get(name).is_some_and(|trunk| !trunk.reach.is_empty()) => {
                return Ok(());
            }
            Self::Trunk(name) => {
                return Err(format!(
                    "an emergency call cannot go by trunk `{name}`: name one of `trunks:` that has a `reach`"
                ));
            }
            Self::Sip(uri) | Self::Esinet(uri) => uri,
        };
        match Uri::parse(uri) {
            Ok(Uri::Sip(_)) => Ok(()),
            _ => Err(format!("an emergency call cannot go to `{uri}`: write a SIP URI, `sip:192.0.2.10`")),
        }
    }
}

/// For the log: the host of a URI, and no number.
pub(super) fn host(uri: &str) -> String {
    let host = Uri::parse(uri).ok().and_then(|uri| uri.host().map(ToString::to_string));
    host.unwrap_or_else(|| "nowhere".to_owned())
}

fn is_e164(number: &str) -> bool {
    number
        .strip_prefix('+')
        .is_some_and(|digits| (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
}
