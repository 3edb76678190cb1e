//! Where a `transfer` step leads: a SIP URI, or a number behind one trunk or several.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dialling::is_e164;

/// Ways of one number, tried in order. Each may ring for seconds; nobody waits for a fifth.
const WAYS_MAX: usize = 4;

/// Where a name of `numbers:` leads.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(
    untagged,
    expecting = "a SIP URI, `{ trunk: …, number: \"+…\" }`, or a list of these, the first to be tried first"
)]
pub enum Number {
    /// A SIP URI, rung as it stands.
    Uri(String),
    /// A number behind a trunk.
    Trunk(TrunkNumber),
    /// The same person by several trunks, in the order to try.
    Trunks(Vec<TrunkNumber>),
}

/// A number behind a trunk.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrunkNumber {
    /// The trunk's name.
    pub trunk: String,
    /// The number, in E.164: `+15550100190`; or a service number as the carrier knows it: `116117`.
    pub number: String,
}

impl Number {
    /// The ways by trunks, in order; none for a URI.
    pub fn ways(&self) -> &[TrunkNumber] {
        match self {
            Self::Uri(_) => &[],
            Self::Trunk(way) => std::slice::from_ref(way),
            Self::Trunks(ways) => ways,
        }
    }

    /// What types cannot say; the text of a mistake says what to do. `name` is the number's.
    pub fn check(&self, name: &str, has_trunk: impl Fn(&str) -> bool) -> Result<(), String> {
        if let Self::Uri(uri) = self {
            let is_sip = uri.starts_with("sip:") || uri.starts_with("sips:");
            return if is_sip {
                Ok(())
            } else {
                Err(format!(
                    "number `{name}` leads to `{uri}`: write a SIP URI, `sip:+15550100190@192.0.2.10`, or a trunk, \
                     `{{ trunk: carrier_a, number: \"+15550100190\" }}`"
                ))
            };
        }
        let ways = self.ways();
        if ways.is_empty() || ways.len() > WAYS_MAX {
            return Err(format!("number `{name}` has {} ways: write 1 to {WAYS_MAX}", ways.len()));
        }
        for TrunkNumber { trunk, number } in ways {
            if !has_trunk(trunk) {
                return Err(format!(
                    "number `{name}` goes by trunk `{trunk}`, which has no `reach`: describe it under `trunks:`"
                ));
            }
            let is_service = (2..=8).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
            if !is_e164(number) && !is_service {
                return Err(format!(
                    "number `{name}` is `{number}` behind trunk `{trunk}`: write it in E.164, `\"+15550100190\"`"
                ));
            }
        }
        Ok(())
    }
}

impl From<String> for Number {
    fn from(uri: String) -> Self {
        Self::Uri(uri)
    }
}
