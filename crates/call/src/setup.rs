//! What a switch works with until the next reload, swapped as one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use flow::{Library, PromptRef};
use media::Prompt;
use media::sdp::Codec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::emergency::EmergencyConfig;
use crate::endpoint::Endpoint;
use crate::leg::EncryptionPolicy;
use crate::supervision::SupervisionConfig;
use crate::third::ConferenceConfig;
use crate::trunk::{Network, Number, Strangers, Trunk};

/// What a switch works with until the next reload. Running calls keep the library they started on.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The call flows.
    pub library: Arc<Library>,
    /// Their audio.
    pub prompts: Arc<Prompts>,
    /// Queues and agents.
    pub acd: acd::Config,
    /// Who may register: the agents' phones.
    pub users: Vec<sip::User>,
    /// Where `transfer` leads, by name.
    pub numbers: BTreeMap<String, Number>,
    /// Other systems flows ask, by name.
    pub endpoints: BTreeMap<String, Arc<Endpoint>>,
    /// Links to carriers, by name.
    pub trunks: BTreeMap<String, Trunk>,
    /// What happens to a caller who comes by none of them.
    pub strangers: Strangers,
    /// How much SIP is taken from whom. Where trunks call from is known besides.
    pub security: sip::Security,
    /// Where certificates of carriers that sign numbers may be fetched: hosts in lower case, with a port where
    /// it is not 443. Empty: signatures are not checked.
    pub certificate_hosts: BTreeSet<String>,
    /// Where 911 on an agent's phone leads. `None`: nowhere, and she is told so.
    pub emergency: Option<Arc<EmergencyConfig>>,
    /// What an agent's phone can dial to sign in and out.
    pub feature_codes: BTreeMap<String, FeatureCode>,
    /// Who may listen to agents' conversations, and how.
    pub supervision: SupervisionConfig,
    /// Whom agents may bring into their conversations.
    pub conference: ConferenceConfig,
    /// The language agents are spoken to.
    pub agent_language: Arc<str>,
    /// Addresses, ports and codecs of RTP.
    pub media: MediaSetup,
    /// How much is carried before new calls are refused.
    pub limits: Limits,
    /// What becomes of numbers whose flow is gone.
    pub fallback: Fallback,
    /// What brought this about, for the log.
    pub loaded: Loaded,
}

/// Numbers that an earlier version answered and this one does not. Whoever still dials one is a patient who was
/// given it: she is answered all the same.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fallback {
    /// The flow that answers them. `None`: nobody, 404.
    pub flow: Option<Arc<str>>,
    /// As they stood under `answers:`.
    pub numbers: BTreeSet<String>,
}

/// What brought a setup about.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Loaded {
    /// `start`, `signal`, `command`, `api`, `watch`, `rollback`.
    pub origin: String,
    /// Who, as far as they said so.
    pub by: String,
}

impl Setup {
    /// How much SIP is taken from whom: the networks of trunks are never strangers.
    pub fn sip_security(&self) -> sip::Security {
        let mut security = self.security.clone();
        let accepted = self.trunks.values().flat_map(|trunk| &trunk.config.accept.from);
        security.known.extend(accepted.map(Network::net));
        security
    }

    /// The digest users of trunks.
    pub(crate) fn carriers(&self) -> Vec<sip::User> {
        let user = |trunk: &Trunk| {
            let (name, secret) = trunk.config.accept.user.clone().zip(trunk.accept_password.clone())?;
            Some(sip::User { name, secret })
        };
        self.trunks.values().filter_map(user).collect()
    }
}

/// Addresses, ports and codecs of RTP.
#[derive(Clone, Debug)]
pub struct MediaSetup {
    /// Our address in SDP where the signalling address does not say it (a wildcard listener).
    pub address: IpAddr,
    /// UDP ports of RTP.
    pub ports: RangeInclusive<u16>,
    /// Codecs offered and accepted, best first.
    pub codecs: Vec<Codec>,
    /// Media threads; a call stays on one.
    pub shards: u16,
    /// Whether audio is encrypted.
    pub encryption: Encryption,
}

/// Whether audio is encrypted, by what is beyond a leg.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Encryption {
    /// Agents' telephones: `off`, `accepted` or `required`. Default `accepted`.
    pub phones: EncryptionPolicy,
    /// Carriers, and whoever calls without one. Default `accepted`.
    pub trunks: EncryptionPolicy,
}

/// How much a node carries. Beyond it new calls get 503 with Retry-After; calls in progress are never shed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Calls at once. Default 1,000; `cargo bench -p careline-tests` shows what your machine carries.
    pub calls_max: u32,
    /// `Retry-After` of the refusal. Default 5 s.
    pub retry_after_secs: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls_max: 1_000, retry_after_secs: 5 }
    }
}

/// What a feature code does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureCode {
    /// Sign in to all queues the agent may serve, and be ready.
    SignIn,
    /// Sign out.
    SignOut,
    /// Ready for calls.
    Ready,
    /// Not ready.
    Pause,
    /// At the place her location says, and ready.
    ConfirmLocation,
}

impl FeatureCode {
    /// The prompt that confirms it.
    pub(crate) const fn prompt(self) -> &'static str {
        match self {
            Self::SignIn => "agent_signed_in",
            Self::SignOut => "agent_signed_out",
            Self::Ready | Self::ConfirmLocation => "agent_ready",
            Self::Pause => "agent_paused",
        }
    }
}

/// Audio by language and name.
#[derive(Debug, Default)]
pub struct Prompts(BTreeMap<PromptRef, Arc<Prompt>>);

impl Prompts {
    /// The audio of a prompt.
    pub fn find(&self, prompt: &PromptRef) -> Option<&Arc<Prompt>> {
        self.0.get(prompt)
    }

    /// The audio of a prompt by the words.
    pub fn named(&self, language: &Arc<str>, name: &str) -> Option<&Arc<Prompt>> {
        self.find(&PromptRef { language: Arc::clone(language), name: name.into() })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(PromptRef, Arc<Prompt>)> for Prompts {
    fn from_iter<I: IntoIterator<Item = (PromptRef, Arc<Prompt>)>>(prompts: I) -> Self {
        Self(prompts.into_iter().collect())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

    use std::collections::{BTreeMap, BTreeSet};
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use primitives::Now;

    use super::{Limits, MediaSetup, Prompts, Setup};
    use crate::trunk::{Strangers, Trunk};

    /// Trunks, and nothing else.
    pub(crate) fn with_trunks(trunks: BTreeMap<String, Trunk>) -> Setup {
        let environment = flow::Environment {
            queues: BTreeMap::new(),
            numbers: BTreeSet::new(),
            prompts: BTreeMap::new(),
            ..flow::Environment::default()
        };
        Setup {
            library: flow::compile(&[], &environment).library.unwrap(),
            prompts: Arc::new(Prompts::default()),
            acd: acd::Config::default(),
            users: Vec::new(),
            numbers: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            trunks,
            strangers: Strangers::Refuse,
            security: sip::Security::default(),
            certificate_hosts: BTreeSet::new(),
            emergency: None,
            feature_codes: BTreeMap::new(),
            supervision: super::SupervisionConfig::default(),
            conference: super::ConferenceConfig::default(),
            agent_language: "en".into(),
            media: MediaSetup {
                address: Ipv4Addr::LOCALHOST.into(),
                ports: 20_000..=20_999,
                codecs: Vec::new(),
                shards: 1,
                encryption: super::Encryption::default(),
            },
            limits: Limits::default(),
            fallback: super::Fallback::default(),
            loaded: super::Loaded::default(),
        }
    }

    /// A moment, in seconds since 1970.
    pub(crate) fn now_at(second: i64) -> Now {
        let wall = jiff::Timestamp::from_second(second).unwrap();
        Now { mono: std::time::Instant::now(), wall }
    }
}
