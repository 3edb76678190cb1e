//! What people write down about a trunk in `careline.yaml`.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use jiff::civil::Date;
use media::sdp::Codec;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::dialling::Dialling;

/// Destinations of a trunk: a carrier has two to eight, and each is asked by OPTIONS.
const REACH_MAX: usize = 16;
/// Calls a second that are counted one by one.
const RATE_MAX: u32 = 1_000;
/// Networks and names by which one trunk is recognised.
const ACCEPT_MAX: usize = 256;

/// One trunk of `trunks:`. Every part may be left out: without `accept` no call comes in by it, without
/// `reach` none goes out.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrunkConfig {
    /// Who may bring calls in by it. Default nobody.
    pub accept: Accept,
    /// Where our calls go. Default nowhere.
    pub reach: Vec<Reach>,
    /// Our user name at the carrier, for 401 and 407, and the user of our Contact. Its password stands in
    /// `secrets.yaml` under `trunks:`, by the trunk's name. Default none.
    pub user: Option<String>,
    /// The domain of our addresses at the carrier (From, P-Asserted-Identity). Default the registrar's host,
    /// else the destination's.
    pub domain: Option<String>,
    /// The outbound proxy: a SIP URI that every request of ours to the carrier passes first. Default none.
    pub proxy: Option<String>,
    /// A registration to be kept up, so that the carrier's calls find us. Default none.
    pub register: Option<Register>,
    /// Seconds between two OPTIONS to each destination; 0: none, and a destination is judged by its calls.
    /// Default 30.
    pub check_secs: u32,
    /// OPTIONS without an answer after which a destination is down. Default 2.
    pub check_misses: u32,
    /// Longest wait for a first sign (any 1xx) of a call out before the next destination is tried, in
    /// seconds, 1 to 32. RFC 3261's own patience is 32 s, which no caller has. Default 4.
    pub first_response_secs: u32,
    /// Calls at once by this trunk, in and out counted together; beyond, calls out go elsewhere. Calls in are
    /// let in all the same, as long as there is room for their audio: a caller may be in danger. The log and
    /// `careline_trunk_failures_total{reason="channels_over"}` count them. 0: no limit. Default 0.
    pub channels_max: u32,
    /// New calls in a second, those in and those out each for themselves; beyond, calls in get 503 with
    /// Retry-After. 0: no limit. Default 0.
    pub calls_per_second_max: u32,
    /// Codecs on this trunk, best first, each one of `media.codecs`. Empty: all of those but Opus, which costs much
    /// to turn into what carriers speak. Default empty.
    pub codecs: Vec<CodecName>,
    /// Where the audio of this trunk is received: an address of this machine, where the carrier stands on another
    /// network than the rest. Default the one its SIP comes to, else `media.address`.
    pub media_address: Option<IpAddr>,
    /// What SDP says instead, where a router between us and the carrier translates it one to one. Default the
    /// same.
    pub media_advertised: Option<IpAddr>,
    /// How this carrier writes numbers. Default with `+`, as E.164.
    pub numbers: Dialling,
    /// What the called sees of the caller.
    pub caller_id: CallerId,
    /// Whether what it says about a caller (P-Asserted-Identity, verstat, Diversion) is believed. Default
    /// `untrusted`.
    pub identity: Identity,
    /// Why this link is allowed to be without TLS, and until when. Default none.
    pub plaintext: Option<Plaintext>,
}

impl Default for TrunkConfig {
    fn default() -> Self {
        Self {
            accept: Accept::default(),
            reach: Vec::new(),
            user: None,
            domain: None,
            proxy: None,
            register: None,
            check_secs: 30,
            check_misses: 2,
            first_response_secs: 4,
            channels_max: 0,
            calls_per_second_max: 0,
            codecs: Vec::new(),
            media_address: None,
            media_advertised: None,
            numbers: Dialling::default(),
            caller_id: CallerId::default(),
            identity: Identity::Untrusted,
            plaintext: None,
        }
    }
}

impl TrunkConfig {
    /// The trunk `local` of the shipped configuration: this machine, and nothing else.
    pub fn local() -> Self {
        let from = ["127.0.0.0/8", "::1/128"].into_iter().filter_map(|net| net.parse().ok()).collect();
        Self { accept: Accept { from, ..Accept::default() }, ..Self::default() }
    }

    /// What it speaks, best first, of what everybody does: its own choice, or all but Opus.
    pub(crate) fn codecs(&self, everybodys: &[Codec]) -> Vec<Codec> {
        if self.codecs.is_empty() {
            return everybodys.iter().copied().filter(|codec| *codec != Codec::Opus).collect();
        }
        self.codecs.iter().map(|codec| codec.codec()).collect()
    }

    /// What types cannot say; the text of a mistake says what to do. `name` is the trunk's.
    pub fn check(&self, name: &str) -> Result<(), String> {
        if !is_name(name) {
            return Err(format!("trunk `{name}`: write a name of lower-case letters, digits and `_`"));
        }
        let uris = self.reach.iter().map(|reach| ("reach", &reach.uri));
        let uris =
            uris.chain(self.register.iter().map(|register| ("register.registrar", &register.registrar)));
        for (key, uri) in uris.chain(self.proxy.iter().map(|proxy| ("proxy", proxy))) {
            if !matches!(sip::uri::Uri::parse(uri), Ok(sip::uri::Uri::Sip(_))) {
                return Err(format!(
                    "trunk `{name}`: `{key}` is `{uri}`: write a SIP URI, `sip:sbc1.carrier.example`"
                ));
            }
        }
        if self.reach.len() > REACH_MAX {
            return Err(format!(
                "trunk `{name}`: more than {REACH_MAX} destinations in `reach`: name a domain whose SRV records list them"
            ));
        }
        if self.accept.from.len() + self.accept.certificate.len() > ACCEPT_MAX {
            return Err(format!(
                "trunk `{name}`: more than {ACCEPT_MAX} entries in `accept`: write wider networks"
            ));
        }
        if self.reach.iter().any(|reach| reach.weight == 0) {
            return Err(format!(
                "trunk `{name}`: a weight of 0 is never chosen: leave the destination out, or give it a higher `priority`"
            ));
        }
        if self.register.is_some() && self.user.is_none() {
            return Err(format!(
                "trunk `{name}` registers but has no `user`: write the name the carrier knows us by"
            ));
        }
        if self.register.as_ref().is_some_and(|register| register.expires_secs < 30) {
            return Err(format!(
                "trunk `{name}`: `register.expires_secs` below 30 would only be refused: write 300"
            ));
        }
        if !(1..=32).contains(&self.first_response_secs) {
            return Err(format!("trunk `{name}`: `first_response_secs` must be 1 to 32: write 4"));
        }
        if self.calls_per_second_max > RATE_MAX {
            return Err(format!("trunk `{name}`: `calls_per_second_max` above {RATE_MAX} is none: write 0"));
        }
        if self.check_misses == 0 {
            return Err(format!(
                "trunk `{name}`: `check_misses` must be at least 1; `check_secs: 0` checks never"
            ));
        }
        let addresses = self.media_address.into_iter().chain(self.media_advertised);
        if let Some(address) = addresses.into_iter().find(|it| it.is_unspecified() || it.is_multicast()) {
            return Err(format!(
                "trunk `{name}`: its audio cannot be received at `{address}`: write one address, `192.0.2.10`"
            ));
        }
        self.numbers.check().map_err(|mistake| format!("trunk `{name}`: {mistake}"))
    }

    /// Whether every way out by it is encrypted.
    pub fn is_encrypted(&self) -> bool {
        let uris = self.reach.iter().map(|reach| &reach.uri);
        uris.chain(self.register.iter().map(|register| &register.registrar)).all(|uri| {
            let uri = uri.to_ascii_lowercase();
            uri.starts_with("sips:") || uri.contains(";transport=tls")
        })
    }
}

/// Names of trunks are metric labels and keys of `secrets.yaml`.
fn is_name(name: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(is_letter)
}

/// Who may bring calls in by a trunk: whoever any of these names.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Accept {
    /// Source addresses: networks (`192.0.2.0/28`) or single addresses.
    pub from: Vec<Network>,
    /// Names in a verified client certificate (mutual TLS): a DNS name of its subjectAltName, RFC 5922.
    pub certificate: Vec<String>,
    /// A digest user; the password is generated and kept in `secrets.yaml` under `accept:`.
    pub user: Option<String>,
}

/// A network by its prefix; a lone address is a network of one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network(IpNet);

impl Network {
    /// The network itself.
    pub const fn net(&self) -> IpNet {
        self.0
    }

    /// Whether an address is in it. An IPv4 address that a socket of both families writes as IPv6 is IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// How narrow it is, of networks that hold the same address: the length of its prefix.
    pub(super) fn prefix_bits(&self) -> u8 {
        self.0.prefix_len()
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lone = |text: &str| text.parse::<IpAddr>().ok().map(IpNet::from);
        let net = text.parse().ok().or_else(|| lone(text));
        net.map(Self).ok_or_else(|| {
            format!("`{text}` is no network: write an address and the length of its prefix, `192.0.2.0/28`")
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Network {
    fn schema_name() -> Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-fA-F.:]+(/[0-9]{1,3})?$" })
    }
}

/// One destination of our calls.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// Where: `sip:sbc1.carrier.example`, with `;transport=tls` or `sips:` for TLS.
    pub uri: String,
    /// Lower is tried first. Default 1.
    #[serde(default = "one")]
    pub priority: u16,
    /// Its share among those of the same priority, 1 to 65535. Default 1.
    #[serde(default = "one")]
    pub weight: u16,
}

const fn one() -> u16 {
    1
}

/// A registration at the carrier (RFC 3261 §10).
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Whom we register with: `sip:carrier.example`.
    pub registrar: String,
    /// How long a registration is asked for, at least 30 s. The registrar's own answer counts. Default 300.
    #[serde(default = "five_minutes")]
    pub expires_secs: u32,
}

const fn five_minutes() -> u32 {
    300
}

/// What the called sees of the caller.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallerId {
    /// Whose number. Default `keep`.
    pub show: Shown,
    /// Where the carrier reads it. Default `p_asserted_identity`.
    pub header: CallerIdHeader,
}

/// Whose number the called sees. A caller who withheld hers stays unknown whatever stands here, unless it is
/// a number of our own.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Shown {
    /// The caller's: `keep`.
    #[default]
    Keep,
    /// Always this one of ours, in E.164: `+15550100100`.
    Number(String),
    /// Nobody's: `anonymous` (RFC 3323).
    Anonymous,
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match &*Cow::<'de, str>::deserialize(deserializer)? {
            "keep" => Ok(Self::Keep),
            "anonymous" => Ok(Self::Anonymous),
            number if super::dialling::is_e164(number) => Ok(Self::Number(number.to_owned())),
            _ => Err(de::Error::custom(
                "write `keep`, `anonymous`, or a number of yours as `\"+15550100100\"`",
            )),
        }
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Keep => "keep",
            Self::Number(number) => number,
            Self::Anonymous => "anonymous",
        })
    }
}

impl JsonSchema for Shown {
    fn schema_name() -> Cow<'static, str> {
        "Shown".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`keep` (the caller's), `anonymous`, or a number of ours in E.164",
            "type": "string",
            "pattern": "^(keep|anonymous|\\+[1-9][0-9]{6,14})$"
        })
    }
}

/// Where the carrier reads the caller's number.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerIdHeader {
    /// P-Asserted-Identity (RFC 3325), besides From.
    #[default]
    PAssertedIdentity,
    /// Remote-Party-ID, which older carriers read, besides From.
    RemotePartyId,
    /// From alone.
    FromOnly,
}

/// Whether what a trunk says about callers is believed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// It is: the trunk is in our trust domain (RFC 3324).
    Trusted,
    /// It is not.
    #[default]
    Untrusted,
}

/// Why a link is without TLS, and how long that may last.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Plaintext {
    /// For the auditor: `WireGuard to the carrier's SBC`.
    pub reason: String,
    /// The last day it is allowed: `2027-01-31`. Afterwards careline neither starts with it nor takes it at a
    /// reload; `careline_override_days_left` counts down to it. What runs goes on.
    #[schemars(with = "String", extend("format" = "date"))]
    pub until: Date,
}

/// What happens to an INVITE of nobody we know: of no trunk and of no agent's phone.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strangers {
    /// 403, and a hop.
    #[default]
    Refuse,
    /// The flow of the dialled number, which may lead to agents but never to a number outside.
    Answer,
}

/// A codec by its SDP name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CodecName {
    /// G.711 µ-law: North America, Japan.
    Pcmu,
    /// G.711 A-law: everywhere else.
    Pcma,
    /// G.722: wideband in the bits of G.711, which desk phones have.
    G722,
    /// Linear samples at 8 kHz: twice the bits of G.711.
    L16,
    /// Linear samples at 16 kHz: four times the bits of G.711.
    L16Wide,
    /// Opus: wideband in a third of the bits, which softphones have. To trunks only where they name it.
    Opus,
}

impl CodecName {
    /// The codec.
    pub const fn codec(self) -> Codec {
        match self {
            Self::Pcmu => Codec::Pcmu,
            Self::Pcma => Codec::Pcma,
            Self::G722 => Codec::G722,
            Self::L16 => Codec::L16,
            Self::L16Wide => Codec::L16Wide,
            Self::Opus => Codec::Opus,
        }
    }
}
