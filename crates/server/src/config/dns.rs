use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `dns:` in `careline.yaml`: how names of trunks are looked up.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// Servers asked, `192.0.2.53:53`. Default those of the system (`/etc/resolv.conf`). The hosts file of the
    /// system counts in either case.
    pub servers: Vec<SocketAddr>,
    /// Longest a look-up may take in all, in milliseconds. Past it the call goes on without. Default 2,000.
    pub lookup_ms_max: u32,
}

impl Default for Dns {
    fn default() -> Self {
        Self { servers: Vec::new(), lookup_ms_max: 2_000 }
    }
}
