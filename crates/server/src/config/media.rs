use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use call::{CodecName, Encryption};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `media:` in `careline.yaml`.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// Our address in SDP where a SIP listener is a wildcard and so does not say it. Default 127.0.0.1.
    pub address: IpAddr,
    /// UDP ports of RTP, two a leg. Default `20000-29999`.
    pub ports: PortRange,
    /// Codecs offered and accepted, best first: `pcmu`, `pcma`, `g722`, `opus`, `l16`, `l16_wide`. Default
    /// `[pcmu, pcma]`.
    pub codecs: Vec<CodecName>,
    /// Media threads. Default 0: one for each core.
    pub threads: u16,
    /// How packets get in and out of this machine. Default `auto`.
    pub packets: PacketsBy,
    /// Whether audio is encrypted (SRTP). Keys travel in SIP, so that only TLS keeps them secret.
    pub encryption: Encryption,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            ports: PortRange(20_000..=29_999),
            codecs: vec![CodecName::Pcmu, CodecName::Pcma],
            threads: 0,
            packets: PacketsBy::default(),
            encryption: Encryption::default(),
        }
    }
}

/// What moves packets between sockets and a media thread.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PacketsBy {
    /// io_uring where the kernel lets us, else epoll.
    #[default]
    Auto,
    /// io_uring, or no start.
    IoUring,
    /// epoll.
    Epoll,
}

/// UDP ports from and to, both included: `20000-29999`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PortRange(pub RangeInclusive<u16>);

impl PortRange {
    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl FromStr for PortRange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "expected two ports with a hyphen between, the smaller first: `20000-29999`";
        let (from, to) = text.split_once('-').ok_or(SHAPE)?;
        let (from, to) = (from.trim().parse().map_err(|_| SHAPE)?, to.trim().parse().map_err(|_| SHAPE)?);
        if from < 1_024 || from > to { Err(SHAPE) } else { Ok(Self(from..=to)) }
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for PortRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}-{}", self.0.start(), self.0.end()))
    }
}

impl JsonSchema for PortRange {
    fn schema_name() -> Cow<'static, str> {
        "PortRange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+-[0-9]+$" })
    }
}
