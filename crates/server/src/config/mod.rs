//! `careline.yaml`: read, checked, with defaults that run on a machine with nothing but this binary.

mod diagnose;
mod dns;
mod flow_override;
mod listen;
mod media;
mod plaintext;
mod security;
mod stir;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use acd::{AgentConfig, LocationConfirm};
use call::{
    ConferenceConfig, EmergencyConfig, EndpointConfig, FeatureCode, Limits, Number, Strangers,
    SupervisionConfig, TrunkConfig,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use diagnose::explain;
pub use dns::Dns;
pub use flow_override::FlowOverride;
pub use listen::{Http, Sip, TlsClient, TlsClients, TlsListener};
pub use media::{Media, PacketsBy};
pub use plaintext::{Override, Plaintext, today};
pub use security::Security;
pub use stir::Stir;

/// The commented default, the same text as `config/careline.yaml`.
pub const DEFAULT: &str = include_str!("../../../../config/careline.yaml");

/// Each is registered and checked by messages of its own, and scanned at each turn.
const TRUNKS_MAX: usize = 64;

/// Each has a breaker and series of its own.
const ENDPOINTS_MAX: usize = 64;

/// `careline.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The name of this node in the audit log. Default `careline-1`.
    pub node: String,
    /// `test` or `production`. In production a flow needs `approved_by`. Default `test`.
    pub environment: Environment,
    /// Where everything is kept that must survive a restart; made at the first start, for its owner only.
    /// Relative to this file. Default `careline-data`.
    pub data: PathBuf,
    /// The folder of call flows, queues, calendars and prompts. Relative to this file. Default
    /// `../call-flows`.
    pub call_flows: PathBuf,
    /// Whether that folder is watched, and activated by itself when it changes. Default no: what patients hear
    /// changes when a person says so, and the log names her. Where a folder is delivered by a pipeline: yes.
    pub call_flows_watch: bool,
    /// The flow that answers a number whose own flow is gone. Default the one with the most numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_flow_fallback: Option<String>,
    /// Numbers flows once answered that are no longer ours: nothing answers them, and no alarm is raised. Default
    /// none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub numbers_given_up: Vec<String>,
    /// Safety rules that flows may break, by whom, why and until when. Default none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flow_overrides: Vec<FlowOverride>,
    /// SIP listeners.
    pub sip: Sip,
    /// The HTTP listener: metrics, health and the API.
    pub http: Http,
    /// How names of trunks are looked up.
    pub dns: Dns,
    /// RTP.
    pub media: Media,
    /// Agents, by the user name their phones register with.
    pub agents: BTreeMap<String, AgentConfig>,
    /// Where `transfer` steps lead, by name: a SIP URI, or a number behind one trunk or several.
    pub numbers: BTreeMap<String, Number>,
    /// Other systems that `http` steps ask, by name. Default none.
    pub endpoints: BTreeMap<String, EndpointConfig>,
    /// Links to carriers, by name. Default `local`, by which this machine may call.
    pub trunks: BTreeMap<String, TrunkConfig>,
    /// What happens to an INVITE of nobody we know. Default `refuse`.
    pub strangers: Strangers,
    /// How much SIP is taken from whom.
    pub security: Security,
    /// Signatures of carriers for callers' numbers.
    pub stir: Stir,
    /// Where 911 on an agent's phone leads. Default nowhere, which the start warns of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emergency: Option<EmergencyConfig>,
    /// What an agent can dial on her phone.
    pub feature_codes: BTreeMap<String, FeatureCode>,
    /// Whom agents may bring into their conversations, by which keys.
    pub conference: ConferenceConfig,
    /// Who may listen to agents' conversations, and what she dials.
    pub supervision: SupervisionConfig,
    /// The language agents are spoken to. Default `en`.
    pub agent_language: String,
    /// How much this node carries.
    pub limits: Limits,
    /// The audit log.
    pub audit: Audit,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            node: "careline-1".to_owned(),
            environment: Environment::Test,
            data: "careline-data".into(),
            call_flows: "../call-flows".into(),
            call_flows_watch: false,
            call_flow_fallback: None,
            numbers_given_up: Vec::new(),
            flow_overrides: Vec::new(),
            sip: Sip::default(),
            http: Http::default(),
            dns: Dns::default(),
            media: Media::default(),
            agents: BTreeMap::new(),
            numbers: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            trunks: BTreeMap::from([("local".to_owned(), TrunkConfig::local())]),
            strangers: Strangers::default(),
            security: Security::default(),
            stir: Stir::default(),
            emergency: None,
            conference: ConferenceConfig::default(),
            supervision: SupervisionConfig::default(),
            feature_codes: BTreeMap::from([
                ("*11".to_owned(), FeatureCode::SignIn),
                ("*12".to_owned(), FeatureCode::SignOut),
                ("*13".to_owned(), FeatureCode::Ready),
                ("*14".to_owned(), FeatureCode::Pause),
                ("*15".to_owned(), FeatureCode::ConfirmLocation),
            ]),
            agent_language: "en".to_owned(),
            limits: Limits::default(),
            audit: Audit::default(),
        }
    }
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Flows without `approved_by` are allowed.
    Test,
    /// They are not.
    Production,
}

/// `audit:` in `careline.yaml`.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// The log's name in its checkpoints, `<domain of the organisation>/ivr/<site>`. It never changes in
    /// a log's life. Default `careline.invalid/ivr/site-1`.
    pub origin: String,
    /// The file facts go to while the log's own disk refuses, so put it on another one. Default in the log's
    /// folder.
    pub spill: Option<PathBuf>,
    /// Longest anything waits for its record to be durable, in milliseconds. Past it care goes on, an
    /// alarm is raised and the gap is recorded. Default 50.
    pub hold_ms_max: u32,
}

impl Default for Audit {
    fn default() -> Self {
        Self { origin: "careline.invalid/ivr/site-1".to_owned(), spill: None, hold_ms_max: 50 }
    }
}

/// Why a configuration cannot be used. Every text ends with the next thing to do.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {cause}. Name another with --config, or leave it out for the defaults", path = .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A mistake in it, shown with line, column and caret.
    #[error("{0}")]
    Mistake(String),
}

impl Config {
    /// Reads a file; without one, the defaults, with paths from the current folder.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else {
            let mut config = Self::parse(DEFAULT, "careline.yaml (built in)")?;
            config.call_flows = "call-flows".into();
            return Ok(config);
        };
        let text = fs::read_to_string(path)
            .map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
        let mut config = Self::parse(&text, &path.display().to_string())?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for relative in [&mut config.data, &mut config.call_flows] {
            *relative = folder.join(&*relative);
        }
        for file in config.files_mut() {
            *file = folder.join(&*file);
        }
        Ok(config)
    }

    /// Reads and checks a text; `path` is for messages.
    pub fn parse(text: &str, path: &str) -> Result<Self, ConfigError> {
        let config: Self = serde_saphyr::from_str(text)
            .map_err(|error| ConfigError::Mistake(explain(&error, text, path)))?;
        config.check(path)?;
        Ok(config)
    }

    /// What types cannot say.
    fn check(&self, path: &str) -> Result<(), ConfigError> {
        let mistake = |text: String| Err(ConfigError::Mistake(format!("error: {text}\n  --> {path}")));
        if let Some(code) = self.feature_codes.keys().find(|code| !is_feature_code(code)) {
            return mistake(format!(
                "feature code `{code}` must be a star and one to four digits, so that no patient's number is one"
            ));
        }
        let is_party = |name: &str| self.agents.contains_key(name) || self.numbers.contains_key(name);
        if let Err(text) = self.conference.check(is_party) {
            return mistake(text);
        }
        let is_agent = |name: &str| self.agents.contains_key(name);
        if let Err(text) = self.supervision.check(is_agent, self.feature_codes.keys()) {
            return mistake(text);
        }
        let carriers = self.trunks.values().filter_map(|trunk| trunk.accept.user.as_ref());
        if let Some(user) = carriers.into_iter().find(|user| self.agents.contains_key(*user)) {
            return mistake(format!(
                "`{user}` is an agent and the `accept.user` of a trunk: give the trunk another name"
            ));
        }
        if let Some(text) = self.flow_overrides.iter().find_map(FlowOverride::mistake) {
            return mistake(text);
        }
        if let Err(text) = self.stir.check() {
            return mistake(text);
        }
        if let Some(text) = self.trunk_mistake() {
            return mistake(text);
        }
        if let Some(text) = self.endpoint_mistake() {
            return mistake(text);
        }
        if let Err(text) = self.security.check() {
            return mistake(text);
        }
        if let Err(text) = self.check_emergency() {
            return mistake(text);
        }
        let mut listeners =
            self.sip.udp.iter().chain(&self.sip.tcp).chain(self.sip.tls.iter().map(|tls| &tls.address));
        if listeners.any(|listener| listener.ip().is_unspecified())
            && (self.media.address.is_loopback() || self.media.address.is_unspecified())
        {
            return mistake(format!(
                "a SIP listener is a wildcard and `media.address` is {}, so callers elsewhere would hear nothing: \
                 write the address of this machine that phones reach",
                self.media.address
            ));
        }
        if self.sip.tls_client.certificate.is_some() != self.sip.tls_client.key.is_some() {
            return mistake(
                "`sip.tls_client` has one of `certificate` and `key`: write both, or neither".to_owned(),
            );
        }
        if self.http.certificate.is_some() != self.http.key.is_some() {
            return mistake("`http` has one of `certificate` and `key`: write both, or neither".to_owned());
        }
        if self.sip.digest.is_empty() {
            return mistake(
                "`sip.digest` is empty, so no phone could register: write `[sha_256, md5]`".to_owned(),
            );
        }
        if self.media.ports.count() < 4 {
            return mistake(
                "`media.ports` holds fewer than two calls: write a wider range, `20000-29999`".to_owned(),
            );
        }
        Ok(())
    }

    /// What is wrong with an endpoint.
    fn endpoint_mistake(&self) -> Option<String> {
        if self.endpoints.len() > ENDPOINTS_MAX {
            return Some(format!("more than {ENDPOINTS_MAX} endpoints: let one service ask the others"));
        }
        self.endpoints.iter().find_map(|(name, endpoint)| endpoint.check(name).err())
    }

    /// What is wrong with a trunk, or with a number that goes by one.
    fn trunk_mistake(&self) -> Option<String> {
        if self.trunks.len() > TRUNKS_MAX {
            return Some(format!("more than {TRUNKS_MAX} trunks: join those of one carrier"));
        }
        let has_way = |name: &str| self.trunks.get(name).is_some_and(|trunk| !trunk.reach.is_empty());
        let numbers = self.numbers.iter().find_map(|(name, number)| number.check(name, has_way).err());
        let trunks = || self.trunks.iter().find_map(|(name, trunk)| trunk.check(name).err());
        let unknown = |(name, trunk): (&String, &TrunkConfig)| {
            let codec = trunk.codecs.iter().find(|codec| !self.media.codecs.contains(codec))?;
            Some(format!("trunk `{name}`: codec `{codec:?}` is none of `media.codecs`: name it there too"))
        };
        let unencrypted = |(name, trunk): (&String, &TrunkConfig)| {
            let is_open = !trunk.is_encrypted() && trunk.plaintext.is_none();
            (is_open && self.environment == Environment::Production).then(|| {
                format!("trunk `{name}` goes out without TLS: write `;transport=tls`, or why not under `plaintext`")
            })
        };
        let rest =
            || self.trunks.iter().find_map(unknown).or_else(|| self.trunks.iter().find_map(unencrypted));
        numbers.or_else(trunks).or_else(rest)
    }

    fn check_emergency(&self) -> Result<(), String> {
        if let Some(emergency) = &self.emergency {
            let webhook = &emergency.notify.webhook;
            if webhook.parse::<axum::http::Uri>().ok().and_then(|uri| uri.into_parts().authority).is_none() {
                return Err(format!(
                    "`emergency.notify.webhook` is `{webhook}`, which is no address: write \
                     `https://desk.example/emergency`"
                ));
            }
            return emergency.check(&self.agents, &self.trunks);
        }
        let has_place =
            |its: &AgentConfig| its.location.is_some() || its.location_confirm != LocationConfirm::Never;
        if self.agents.values().any(has_place) {
            return Err(
                "agents have locations and `emergency:` is missing, so 911 from their phones would lead \
                        nowhere: write where it goes"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Every path of a file besides the two folders.
    fn files_mut(&mut self) -> Vec<&mut PathBuf> {
        let Self { sip, http, audit, stir, emergency, endpoints, .. } = self;
        let TlsClient { roots, certificate, key } = &mut sip.tls_client;
        let mut files: Vec<&mut PathBuf> = Vec::new();
        for listener in &mut sip.tls {
            files.extend([&mut listener.certificate, &mut listener.key]);
            files.extend(listener.clients.as_mut().map(|clients| &mut clients.roots));
        }
        files.extend([roots, certificate, key].into_iter().flatten());
        files.extend(endpoints.values_mut().filter_map(|endpoint| endpoint.roots.as_mut()));
        files.extend([&mut stir.authorities, &mut stir.https_roots].into_iter().flatten());
        files.extend(emergency.as_mut().and_then(|emergency| emergency.notify.roots.as_mut()));
        files.extend([&mut http.certificate, &mut http.key, &mut audit.spill].into_iter().flatten());
        files
    }
}

fn is_feature_code(code: &str) -> bool {
    code.strip_prefix('*')
        .is_some_and(|digits| (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::{Config, DEFAULT};

    #[test]
    fn the_shipped_file_says_the_defaults_and_agents_besides() {
        let shipped = Config::parse(DEFAULT, "careline.yaml").unwrap();
        let defaults = Config { agents: shipped.agents.clone(), ..Config::default() };
        assert_eq!(shipped, defaults, "config/careline.yaml and the defaults in code differ");
    }

    #[test]
    fn the_shipped_schema_is_the_one_of_these_structs() {
        let shipped: serde_json::Value =
            serde_json::from_str(include_str!("../../../../config/careline.schema.json")).unwrap();
        let fresh = serde_json::to_value(schemars::schema_for!(Config)).unwrap();
        assert_eq!(shipped, fresh, "run `careline config schema > config/careline.schema.json`");
    }

    #[test]
    fn an_unknown_key_is_shown_with_its_place_and_the_likely_one() {
        let error = Config::parse("sip:\n  udpp: [\"127.0.0.1:5060\"]\n", "careline.yaml").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("careline.yaml:2:3"), "{text}");
        assert!(text.contains("^^^^"), "{text}");
        assert!(text.contains("did you mean `udp`?"), "{text}");
    }

    #[test]
    fn an_emergency_call_that_would_lead_nowhere_or_from_nowhere_is_refused_with_what_to_write() {
        let file = |reach: &str, callback: &str, civic: &str, agent: &str| {
            format!(
                "trunks: {{ carrier: {{ reach: [{{ uri: \"sip:192.0.2.7\" }}] }}, inward: {{}} }}\nagents: {{ nurse1: {{ {agent} }} }}\n\
                 emergency: {{ reach: [{reach}], callback: \"{callback}\", locations: {{ hq: {{ civic: {{ {civic} }} }} }}, \
                 notify: {{ webhook: \"http://127.0.0.1:9911/\" }} }}\n"
            )
        };
        let parse = |text: &str| Config::parse(text, "careline.yaml").map_err(|error| error.to_string());
        let (sip, number) = ("{ sip: \"sip:192.0.2.10\" }", "+15550100100");
        let hq = "country: US, A1: CA, A3: Springfield, RD: Main, HNO: \"742\"";
        for reach in [sip, "{ trunk: carrier }", "{ esinet: \"sip:esrp.example\" }"] {
            parse(&file(reach, number, hq, "location: hq")).unwrap();
        }
        for (text, says) in [
            (file("", number, hq, "location: hq"), "write where 911 goes"),
            (file("{ sip: \"911\" }", number, hq, "location: hq"), "write a SIP URI"),
            (file("{ trunk: inward }", number, hq, "location: hq"), "trunk `inward`"),
            (file("{ trunk: carier }", number, hq, "location: hq"), "trunk `carier`"),
            (file(sip, "911", hq, "location: hq"), "`+15550100100`"),
            (file(sip, number, "country: US", "location: hq"), "lacks `A1`"),
            (file(sip, number, hq, "queues: []"), "has no location"),
            (file(sip, number, hq, "location: attic"), "these exist: hq"),
            ("agents: { nurse1: { location: hq } }\n".to_owned(), "`emergency:` is missing"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_feature_code_that_could_be_a_number_is_refused() {
        let error = Config::parse("feature_codes: { \"911\": pause }\n", "careline.yaml").unwrap_err();
        assert!(error.to_string().contains("must be a star"), "{error}");
    }
}
