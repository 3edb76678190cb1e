//! Names of trunks to addresses: NAPTR, SRV, then A and AAAA (RFC 3263 §4), with the system's hosts file and
//! a cache that keeps what DNS says as long as DNS says.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use primitives::{Generator, Seed};
use rand_core::Rng;
use sip::{HostName, Target, Transport};
use tokio::time::{Instant, timeout_at};

use crate::config::Dns;
use crate::net::service::{Naptr, Offered, Srv, in_order, offered, usual};

/// Servers of a domain whose addresses are asked for. A call tries four targets and then nobody waits any
/// more.
const SERVERS_MAX: usize = 6;

/// Targets handed to a call.
const TARGETS_MAX: usize = 8;

/// Longest a wrong "there is no such name" is believed. A zone that was just mended is called again soon.
const NEGATIVE_TTL_MAX: Duration = Duration::from_secs(30);

/// Responses kept. A trunk takes some five.
const CACHED_MAX: u64 = 1_024;

/// The default port of SIP, and of SIP over TLS (RFC 3261 §19.1.2).
const fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Udp | Transport::Tcp => 5060,
        Transport::Tls => 5061,
    }
}

/// Answers what names stand for.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    dns: TokioResolver,
    random: Mutex<Generator>,
    limit: Duration,
    /// Families a UDP listener sends from: IPv4, IPv6.
    udp: (bool, bool),
}

impl Resolver {
    /// With the servers of the configuration, or else the system's. `udp` are the UDP listeners.
    pub fn new(config: &Dns, seed: &Seed, udp: &[SocketAddr]) -> std::io::Result<Self> {
        let limit = Duration::from_millis(config.lookup_ms_max.into());
        let provider = TokioRuntimeProvider::default();
        let mut builder = if config.servers.is_empty() {
            TokioResolver::builder(provider.clone()).unwrap_or_else(|error| {
                tracing::warn!(%error, "the system names no DNS server; only the hosts file is asked. `dns.servers` can name some");
                TokioResolver::builder_with_config(ResolverConfig::default(), provider)
            })
        } else {
            let servers = config.servers.iter().map(name_server).collect();
            TokioResolver::builder_with_config(ResolverConfig::from_name_servers(servers), provider)
        };
        let options = builder.options_mut();
        // Twice within the half of the time that records of services may take.
        options.timeout = limit / 4;
        options.attempts = 1;
        options.cache_size = CACHED_MAX;
        options.negative_max_ttl = Some(NEGATIVE_TTL_MAX);
        // IPv4 first: nearly every trunk has it, and a broken IPv6 would cost each call half a minute.
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        let dns = builder.build().map_err(std::io::Error::other)?;
        let random = Mutex::new(seed.part("dns").generator());
        let udp = (udp.iter().any(SocketAddr::is_ipv4), udp.iter().any(SocketAddr::is_ipv6));
        Ok(Self(Arc::new(Inner { dns, random, limit, udp })))
    }

    /// Where to send what is for a name, in the order to try. Empty when there is nothing, or no answer in
    /// time: the leg that asked is then unreachable.
    pub async fn resolve(&self, name: &HostName) -> Vec<Target> {
        let end = Instant::now() + self.0.limit;
        let mut targets = Vec::new();
        if name.port.is_none() {
            // Half of the time is left for the addresses of the name itself.
            let services = self.services(&name.host, name.transport, end - self.0.limit / 2).await;
            let lookups = services.into_iter().map(|(transport, server)| {
                let (resolver, host) = (self.clone(), server.host.clone());
                (transport, server.port, tokio::spawn(async move { resolver.addresses(&host, end).await }))
            });
            // All are asked before the first is waited for.
            for (transport, port, lookup) in lookups.collect::<Vec<_>>() {
                let addresses = lookup.await.unwrap_or_default();
                targets.extend(addresses.into_iter().map(|ip| (transport, SocketAddr::new(ip, port))));
            }
        }
        if targets.is_empty() {
            let transport = name.transport.unwrap_or(Transport::Udp);
            let port = name.port.unwrap_or(default_port(transport));
            let addresses = self.addresses(&name.host, end).await;
            targets.extend(addresses.into_iter().map(|ip| (transport, SocketAddr::new(ip, port))));
        }
        let targets = targets.into_iter().filter(|(transport, address)| self.reaches(*transport, *address));
        let domain = Some(name.host.clone());
        let targets: Vec<Target> = targets
            .take(TARGETS_MAX)
            .map(|(transport, address)| Target { transport, address, domain: domain.clone() })
            .collect();
        if targets.is_empty() {
            tracing::warn!(
                host = name.host,
                "a name leads nowhere: DNS has no server for it, or did not answer"
            );
        }
        targets
    }

    /// The servers of a domain, in the order to try them.
    async fn services(&self, host: &str, only: Option<Transport>, end: Instant) -> Vec<(Transport, Srv)> {
        let asks_naptr = only.is_none();
        let usual = usual(host, only);
        // Asked together: most domains have either, and the caller waits.
        let likely: Vec<_> = usual.into_iter().map(|way| self.ask_srv(way, end)).collect();
        let named = if asks_naptr { offered(self.naptr(host, end).await) } else { Vec::new() };
        let questions = if named.is_empty() {
            likely
        } else {
            named.into_iter().map(|way| self.ask_srv(way, end)).collect()
        };
        let mut servers = Vec::new();
        for question in questions {
            let Ok((transport, records)) = question.await else { continue };
            let ordered = in_order(records, |most| self.random(most));
            servers.extend(ordered.into_iter().map(|record| (transport, record)));
        }
        servers.truncate(SERVERS_MAX);
        servers
    }

    fn ask_srv(&self, way: Offered, end: Instant) -> tokio::task::JoinHandle<(Transport, Vec<Srv>)> {
        let resolver = self.clone();
        tokio::spawn(async move {
            let records = resolver.records(&way.srv, RecordType::SRV, end).await;
            let servers = records.into_iter().filter_map(|record| match record {
                RData::SRV(record) => Some(Srv {
                    priority: record.priority,
                    weight: record.weight,
                    port: record.port,
                    host: record.target.to_ascii(),
                }),
                _ => None,
            });
            (way.transport, servers.collect())
        })
    }

    async fn naptr(&self, host: &str, end: Instant) -> Vec<Naptr> {
        let records = self.records(host, RecordType::NAPTR, end).await.into_iter();
        let records = records.filter_map(|record| match record {
            RData::NAPTR(record) => Some(Naptr {
                order: record.order,
                preference: record.preference,
                flags: record.flags.to_vec(),
                service: record.services.to_vec(),
                replacement: record.replacement.to_ascii(),
            }),
            _ => None,
        });
        records.collect()
    }

    async fn records(&self, host: &str, kind: RecordType, end: Instant) -> Vec<RData> {
        let Some(name) = whole(host) else { return Vec::new() };
        match timeout_at(end, self.0.dns.lookup(name, kind)).await {
            Ok(Ok(lookup)) => lookup.answers().iter().map(|record| record.data.clone()).collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }

    async fn addresses(&self, host: &str, end: Instant) -> Vec<IpAddr> {
        let Some(name) = whole(host) else { return Vec::new() };
        match timeout_at(end, self.0.dns.lookup_ip(name)).await {
            Ok(Ok(lookup)) => {
                let mut addresses: Vec<IpAddr> = lookup.iter().collect();
                addresses.sort_by_key(IpAddr::is_ipv6);
                addresses
            }
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }

    fn reaches(&self, transport: Transport, address: SocketAddr) -> bool {
        let (v4, v6) = self.0.udp;
        transport.is_reliable() || if address.is_ipv4() { v4 } else { v6 }
    }

    /// From zero to `most`, both included.
    fn random(&self, most: u32) -> u32 {
        let drawn = self.0.random.lock().unwrap_or_else(PoisonError::into_inner).next_u64();
        u32::try_from(drawn % (u64::from(most) + 1)).unwrap_or(most)
    }
}

/// A name with a dot in it is whole; a single word may be one of the machine's own domain.
fn whole(host: &str) -> Option<Name> {
    let mut name = Name::from_ascii(host).ok()?;
    if host.contains('.') {
        name.set_fqdn(true);
    }
    Some(name)
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].into_iter().map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.collect())
}
