//! RTP ports: their numbers, their addresses and the media thread each is on.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use media::PortId;

use super::{OpenPort, Switch};
use crate::leg::Owner;
use crate::output::Output;
use crate::port_pool::{EMERGENCY_PORTS_RESERVED, PortPool};
use crate::setup::Setup;

impl Switch {
    /// Opens an RTP port on a media thread; `None` when every number is taken.
    pub(crate) fn open_port(
        &mut self,
        owner: Owner,
        shard: u16,
        address: IpAddr,
        out: &mut Vec<Output>,
    ) -> Option<(PortId, SocketAddr)> {
        let udp = self.ports.take()?;
        Some(self.open(owner, shard, SocketAddr::new(address, udp), out))
    }

    /// The same for an emergency call, which may take the numbers kept for it.
    pub(crate) fn open_emergency_port(
        &mut self,
        owner: Owner,
        shard: u16,
        address: IpAddr,
        out: &mut Vec<Output>,
    ) -> Option<(PortId, SocketAddr)> {
        let udp = self.ports.take_for_emergency()?;
        Some(self.open(owner, shard, SocketAddr::new(address, udp), out))
    }

    fn open(
        &mut self,
        owner: Owner,
        shard: u16,
        local: SocketAddr,
        out: &mut Vec<Output>,
    ) -> (PortId, SocketAddr) {
        self.numbers.port += 1;
        let port = PortId(self.numbers.port);
        self.media.insert(port, OpenPort { owner: Some(owner), shard, udp: local.port() });
        out.push(Output::Media { shard, command: media::Command::Open { port, local } });
        (port, local)
    }

    /// Closes a port. Its number is free again when the media thread says so.
    pub(crate) fn close_port(&mut self, port: PortId, out: &mut Vec<Output>) {
        if let Some(open) = self.media.get_mut(&port) {
            open.owner = None;
            out.push(Output::Media { shard: open.shard, command: media::Command::Close { port } });
        }
    }

    /// The media thread of the next call: each in turn.
    pub(crate) fn next_shard(&mut self) -> u16 {
        let shard = self.numbers.shard;
        self.numbers.shard = (shard + 1) % self.setup.media.shards.max(1);
        shard
    }

    /// Our address for RTP beside a leg that came or goes this way.
    pub(crate) fn rtp_address(&self, path: Option<&sip::Path>) -> IpAddr {
        match path.map(|path| path.local.ip()) {
            Some(address) if !address.is_unspecified() => address,
            _ => self.setup.media.address,
        }
    }
}

/// The RTP numbers of a setup; where it has emergency calls some are theirs.
pub(super) fn port_pool(setup: &Setup, in_use: &BTreeSet<u16>) -> PortPool {
    let reserved = if setup.emergency.is_some() { EMERGENCY_PORTS_RESERVED } else { 0 };
    PortPool::new(setup.media.ports.clone(), in_use, reserved)
}
