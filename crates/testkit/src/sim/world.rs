//! What a simulated node is set up with: flows, queues, agents, and prompts that can be told apart by ear.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use acd::{AgentConfig, QueueConfig};
use call::{
    ConferenceConfig, EmergencyConfig, Endpoint, EndpointConfig, Fallback, FeatureCode, Limits, Loaded,
    MediaSetup, Method, Prompts, Setup, SupervisionConfig,
};
use flow::{Environment, PromptInfo, PromptRef, Source};
use media::Prompt;
use media::sdp::Codec;
use primitives::Private;
use thiserror::Error;

use crate::phone::Ear;
use crate::sim::node::SHARDS;

/// The address of the node, for SIP and RTP.
pub const NODE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// The number of the small flow.
pub const FRONT_DOOR: &str = "+15550100100";

/// The small flow. One of everything a caller can meet: a notice, a menu, data that is private, two queues, a
/// number outside, advice, a goodbye.
const SMALL_FLOW: &str = include_str!("small.yaml");

/// Prompts the small flow and the switch itself play, with their length in milliseconds.
const SMALL_PROMPTS: [(&str, u64); 25] = [
    ("dial_911_notice", 1_500),
    ("main_menu", 2_000),
    ("enter_record", 1_000),
    ("stay_on_line", 800),
    ("stay_on_line_emergent", 800),
    ("still_here", 600),
    ("connecting", 700),
    ("nobody_there", 900),
    ("hang_up_and_dial_911", 1_500),
    ("goodbye", 600),
    ("hold_music", 4_000),
    ("agent_signed_in", 500),
    ("agent_signed_out", 500),
    ("agent_ready", 500),
    ("agent_paused", 500),
    ("agent_confirm_location", 500),
    ("emergency_not_reached", 1_500),
    ("emergency_not_set_up", 1_500),
    ("whisper_emergency", 400),
    ("whisper_emergent", 400),
    ("whisper_urgent", 400),
    ("whisper_soon", 400),
    ("whisper_routine", 400),
    ("whisper_admin", 400),
    ("reason_symptoms", 300),
];

/// What a simulated node is set up with.
#[derive(Clone, Debug)]
pub struct World {
    /// Call flows and calendars, by path.
    pub flows: Vec<Source>,
    /// `queues.yaml`.
    pub queues: BTreeMap<String, QueueConfig>,
    /// Agents, whose phones register with the secret [`World::secret`] makes of their name.
    pub agents: BTreeMap<String, AgentConfig>,
    /// How long each prompt of each language plays. They sound each like nothing else; see [`Ear`].
    pub prompts: BTreeMap<PromptRef, Duration>,
    /// Numbers flows transfer to, and the user name of the phone that stands there.
    pub numbers: BTreeMap<String, String>,
    /// Systems that flows ask, and what becomes of one request after the other; nothing, of those beyond the last.
    pub endpoints: BTreeMap<String, (EndpointConfig, Vec<Fate>)>,
    /// Where 911 on an agent's phone leads.
    pub emergency: Option<EmergencyConfig>,
    /// Whom agents may bring in.
    pub conference: ConferenceConfig,
    /// Who supervises.
    pub supervision: SupervisionConfig,
    /// UDP ports of RTP.
    pub rtp_ports: RangeInclusive<u16>,
    /// How much the node carries.
    pub limits: Limits,
}

/// What becomes of one request to another system.
#[derive(Clone, Debug)]
pub enum Fate {
    /// It answers at once, with this.
    Answers(serde_json::Value),
    /// It fails at once, for this reason.
    Fails(&'static str),
    /// Nothing comes.
    Silence,
}

/// The flows of a world have mistakes.
#[derive(Debug, Error)]
#[error("the flows of this world do not compile:\n{0}")]
pub struct FlowsBroken(String);

impl FlowsBroken {
    pub(crate) fn because(what: &str) -> Self {
        Self(what.to_owned())
    }
}

impl World {
    /// One flow, two queues, and this many nurses and receptionists.
    pub fn small(nurses: usize, receptionists: usize) -> Self {
        let queue = |ring_secs: u32| QueueConfig { ring_secs, wrap_up_secs: 2, ..QueueConfig::default() };
        let agents = |role: &'static str, queues: &'static [&str], count: usize| {
            (1..=count).map(move |number| {
                let queues = queues.iter().map(|queue| (*queue).to_owned()).collect();
                (format!("{role}{number}"), AgentConfig { queues, ..AgentConfig::default() })
            })
        };
        Self {
            flows: vec![Source { path: "small.yaml".to_owned(), text: SMALL_FLOW.to_owned() }],
            queues: [("nurses".to_owned(), queue(8)), ("reception".to_owned(), queue(10))].into(),
            agents: agents("nurse", &["nurses"], nurses)
                .chain(agents("desk", &["reception", "nurses"], receptionists))
                .collect(),
            prompts: SMALL_PROMPTS
                .iter()
                .map(|(name, ms)| {
                    let prompt = PromptRef { language: "en".into(), name: (*name).into() };
                    (prompt, Duration::from_millis(*ms))
                })
                .collect(),
            numbers: [("partner".to_owned(), "partner".to_owned())].into(),
            endpoints: BTreeMap::new(),
            emergency: None,
            conference: ConferenceConfig::default(),
            supervision: SupervisionConfig::default(),
            rtp_ports: 20_000..=20_399,
            limits: Limits::default(),
        }
    }

    pub(crate) fn fates(&self) -> BTreeMap<String, VecDeque<Fate>> {
        self.endpoints.iter().map(|(name, (_, fates))| (name.clone(), fates.clone().into())).collect()
    }

    /// The secret of an agent's phone.
    pub fn secret(agent: &str) -> Private<String> {
        Private::new(format!("secret of {agent}"))
    }

    /// Everything a switch works with. `numbers` are SIP URIs by the user name of the phone they lead to.
    // Long: one line for each of its parts.
    pub fn setup(&self, numbers: &BTreeMap<String, String>, ear: &Ear) -> Result<Setup, FlowsBroken> {
        let mut lengths: BTreeMap<String, BTreeMap<String, PromptInfo>> = BTreeMap::new();
        for (prompt, duration) in &self.prompts {
            let info = PromptInfo { duration: *duration, checksum: [0; 32] };
            lengths.entry(prompt.language.to_string()).or_default().insert(prompt.name.to_string(), info);
        }
        let environment = Environment {
            queues: self.queues.keys().map(|name| (name.clone(), flow::QueueInfo::default())).collect(),
            numbers: self.numbers.keys().cloned().collect(),
            endpoints: self
                .endpoints
                .iter()
                .map(|(name, (config, _))| {
                    let takes_body = config.method == Method::Post;
                    (name.clone(), flow::EndpointInfo { takes_body })
                })
                .collect(),
            prompts: lengths,
            ..Environment::default()
        };
        let compiled = flow::compile(&self.flows, &environment);
        let Some(library) = compiled.library else {
            let findings = compiled.findings.iter().filter(|finding| finding.is_error());
            let shown = findings.map(|finding| {
                let source = self.flows.iter().find(|source| source.path == finding.path);
                finding.render(source.map(|source| source.text.as_str()))
            });
            return Err(FlowsBroken(shown.collect::<Vec<_>>().join("\n")));
        };
        let audio = |(prompt, duration): (&PromptRef, &Duration)| {
            let samples = usize::try_from(duration.as_millis() * 8).unwrap_or_default();
            let sound = vec![ear.sample_of(&prompt.name); samples];
            (prompt.clone(), Arc::new(Prompt::from_pcm(&sound, 8_000)))
        };
        let prompts: Prompts = self.prompts.iter().map(audio).collect();
        Ok(Setup {
            library,
            prompts: Arc::new(prompts),
            acd: acd::Config { queues: self.queues.clone(), agents: self.agents.clone() },
            users: self
                .agents
                .keys()
                .map(|name| sip::User { name: name.clone(), secret: Self::secret(name) })
                .collect(),
            numbers: self
                .numbers
                .iter()
                .filter_map(|(name, user)| Some((name.clone(), numbers.get(user)?.clone().into())))
                .collect(),
            trunks: everybody(),
            strangers: call::Strangers::Answer,
            certificate_hosts: std::collections::BTreeSet::new(),
            // Patients come by a trunk; agents' phones are strangers until they have registered.
            security: sip::Security {
                known: vec![ipnet::Ipv4Net::new_assert(Ipv4Addr::new(10, 3, 0, 0), 16).into()],
                ..sip::Security::default()
            },
            emergency: self.emergency.clone().map(Arc::new),
            feature_codes: [
                ("*61", FeatureCode::SignIn),
                ("*62", FeatureCode::SignOut),
                ("*63", FeatureCode::Ready),
                ("*64", FeatureCode::Pause),
                ("*65", FeatureCode::ConfirmLocation),
            ]
            .map(|(code, does)| (code.to_owned(), does))
            .into(),
            supervision: self.supervision.clone(),
            conference: self.conference.clone(),
            endpoints: self
                .endpoints
                .iter()
                .map(|(name, (config, _))| {
                    (name.clone(), Arc::new(Endpoint { config: config.clone(), token: None }))
                })
                .collect(),
            agent_language: "en".into(),
            media: MediaSetup {
                address: NODE,
                ports: self.rtp_ports.clone(),
                codecs: vec![Codec::Pcmu, Codec::Pcma],
                shards: SHARDS,
                encryption: call::Encryption::default(),
            },
            limits: self.limits,
            fallback: Fallback::default(),
            loaded: Loaded::default(),
        })
    }
}

/// A trunk by which every phone of the simulation may call.
fn everybody() -> BTreeMap<String, call::Trunk> {
    let from = ["0.0.0.0/0", "::/0"].into_iter().filter_map(|net| net.parse().ok()).collect();
    let accept = call::Accept { from, ..call::Accept::default() };
    let config = call::TrunkConfig { accept, ..call::TrunkConfig::default() };
    let trunk = call::Trunk { config, password: None, accept_password: None };
    BTreeMap::from([("everybody".to_owned(), trunk)])
}
