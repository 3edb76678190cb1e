//! Names of trunks to addresses.

use sip::{HostName, Target, Transport};

/// The default port of SIP, and of SIP over TLS (RFC 3261 §19.1.2).
const fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Udp | Transport::Tcp => 5060,
        Transport::Tls => 5061,
    }
}

/// The addresses a name stands for, in the order the resolver gives them (A and AAAA). Empty when there
/// are none: the leg that asked is then unreachable.
pub async fn resolve(name: &HostName) -> Vec<Target> {
    let transport = name.transport.unwrap_or(Transport::Udp);
    let port = name.port.unwrap_or(default_port(transport));
    match tokio::net::lookup_host((name.host.as_str(), port)).await {
        Ok(addresses) => {
            addresses.map(|address| Target { transport, address, domain: Some(name.host.clone()) }).collect()
        }
        Err(error) => {
            tracing::warn!(%error, "a name cannot be looked up");
            Vec::new()
        }
    }
}
