use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `stir:` in `careline.yaml`: the signatures of carriers for callers' numbers (STIR/SHAKEN, RFC 8224).
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stir {
    /// The authorities that vouch for carriers, PEM: the policy administrator's list. Default none: signatures
    /// are not checked.
    pub authorities: Option<PathBuf>,
    /// The hosts carriers' certificates are fetched from, over HTTPS; with a port where it is not 443. Nothing is
    /// fetched from anywhere else. Default none.
    pub repositories: Vec<String>,
    /// The authorities that vouch for those hosts, PEM. Default those of the system.
    pub https_roots: Option<PathBuf>,
}

impl Stir {
    /// The hosts as they are compared.
    pub fn hosts(&self) -> BTreeSet<String> {
        self.repositories.iter().map(|host| host.to_ascii_lowercase()).collect()
    }

    /// What types cannot say.
    pub fn check(&self) -> Result<(), String> {
        if self.authorities.is_some() == self.repositories.is_empty() {
            return Err("`stir` needs both `authorities`, the file of those who vouch for carriers, and \
                        `repositories`, the hosts their certificates are fetched from: write both or neither"
                .to_owned());
        }
        let is_host = |host: &String| {
            !host.is_empty() && !host.contains(['/', '@', ' ', '\\', '%']) && !host.ends_with(":443")
        };
        match self.repositories.iter().find(|host| !is_host(host)) {
            Some(host) => Err(format!(
                "`stir.repositories` has `{host}`: write a host, `certificates.carrier.example`, with a port only \
                 where it is not 443"
            )),
            None => Ok(()),
        }
    }
}
