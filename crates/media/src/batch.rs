//! Packets on their way out.

use std::net::SocketAddr;

use rtp_rs::{RtpPacketBuilder, RtpReader, Seq};

use crate::port::PortId;
use crate::rtp::Header;
use crate::srtp::Sealer;

/// One packet on its way out of a port's socket.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing {
    /// Whose socket.
    pub port: PortId,
    /// To whom.
    pub to: SocketAddr,
    /// Where the packet stands in the batch's bytes.
    start: usize,
    end: usize,
}

/// Packets to send, in one buffer that is used again for every batch.
#[derive(Debug, Default)]
pub struct PacketBatch {
    bytes: Vec<u8>,
    packets: Vec<Outgoing>,
}

impl PacketBatch {
    /// The packets, in the order to send them.
    pub fn iter(&self) -> impl Iterator<Item = (&Outgoing, &[u8])> {
        self.packets
            .iter()
            .map(|packet| (packet, self.bytes.get(packet.start..packet.end).unwrap_or_default()))
    }

    /// Whether nothing is to be sent.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Forgets the packets and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.packets.clear();
    }

    /// Adds a packet: its header, and what `payload` puts behind it, sealed where the leg is encrypted. What
    /// cannot be sealed is left out.
    pub(crate) fn push(
        &mut self,
        port: PortId,
        to: SocketAddr,
        header: &Header,
        sealer: Option<&mut Sealer>,
        payload: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.bytes.len();
        self.bytes.resize(start + RtpReader::MIN_HEADER_LEN, 0);
        let written = RtpPacketBuilder::new()
            .payload_type(header.payload_type & 0x7f)
            .marked(header.marked)
            .sequence(Seq::from(header.sequence))
            .timestamp(header.timestamp)
            .ssrc(header.ssrc)
            .build_into(self.bytes.get_mut(start..).unwrap_or_default());
        debug_assert!(written.is_ok(), "there is room and the payload type has seven bits");
        payload(&mut self.bytes);
        if sealer.is_some_and(|sealer| !sealer.seal(&mut self.bytes, start)) {
            self.bytes.truncate(start);
            return;
        }
        self.packets.push(Outgoing { port, to, start, end: self.bytes.len() });
    }

    /// Adds an RTCP packet, if `write` has one to send.
    pub(crate) fn push_rtcp(
        &mut self,
        port: PortId,
        to: SocketAddr,
        sealer: Option<&mut Sealer>,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) {
        let start = self.bytes.len();
        let is_due = write(&mut self.bytes);
        if !is_due || sealer.is_some_and(|sealer| !sealer.seal_rtcp(&mut self.bytes, start)) {
            self.bytes.truncate(start);
            return;
        }
        self.packets.push(Outgoing { port, to, start, end: self.bytes.len() });
    }
}
