//! The ports of one media thread. Both ports of a bridge are in the same shard, so audio never crosses
//! threads.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use primitives::Seed;

use crate::port::{Digit, PortId, PortStats};
use crate::prompt::Prompt;
use crate::sdp::Session;

/// What the call core wants of the media.
#[derive(Clone, Debug)]
pub enum Command {
    /// Make a port. The driver binds its socket first; a shard never sees a port without one.
    Open {
        /// Its number.
        port: PortId,
        /// The local UDP port number of its socket.
        udp: u16,
    },
    /// What offer and answer agreed on; again after each re-INVITE.
    Apply {
        /// Which port.
        port: PortId,
        /// What was agreed.
        session: Session,
    },
    /// Play these, one after the other, from now on, instead of whatever plays.
    Play {
        /// Which port.
        port: PortId,
        /// What.
        playlist: Playlist,
    },
    /// Stop what plays. Comfort silence goes on, so that NAT bindings and phones stay content.
    Stop {
        /// Which port.
        port: PortId,
    },
    /// Join two ports: each hears the other. What played on them stops.
    Bridge {
        /// One.
        a: PortId,
        /// The other.
        b: PortId,
    },
    /// Part the bridge this port is in; both ports live on.
    Unbridge {
        /// Either side of it.
        port: PortId,
    },
    /// Send a key to the peer (RFC 4733).
    SendDigit {
        /// Which port.
        port: PortId,
        /// Which key.
        digit: Digit,
    },
    /// Whether keys heard here are kept from the other side of a bridge (while a secret is keyed).
    MuteDigits {
        /// Which port.
        port: PortId,
        /// Whether they are.
        muted: bool,
    },
    /// Forget the port.
    Close {
        /// Which port.
        port: PortId,
    },
}

/// Prompts to play in order.
#[derive(Clone, Debug)]
pub struct Playlist {
    /// What to play, first to last.
    pub prompts: Vec<Arc<Prompt>>,
    /// Whether to start again after the last: hold music, ringing.
    pub repeats: bool,
    /// Silence before the first (0.5 s after a key, domain practice for older callers).
    pub lead_in: Duration,
    /// Comes back in `Event::PlayFinished`, so that a late end of an older list is not taken for this one.
    pub id: u64,
}

/// What happened to a port.
#[derive(Clone, Debug)]
pub enum Event {
    /// The socket is bound; SDP may name it.
    Opened {
        /// Which port.
        port: PortId,
        /// Its local address.
        local: SocketAddr,
    },
    /// The socket could not be bound, or the shard is full. The port does not exist.
    OpenFailed {
        /// Which port.
        port: PortId,
    },
    /// The peer pressed a key: once a key, at its start (RFC 4733 §2.5.1.5: by the first packet that arrives).
    Digit {
        /// Which port.
        port: PortId,
        /// Which key.
        digit: Digit,
    },
    /// The list came to its end, or was stopped or replaced.
    PlayFinished {
        /// Which port.
        port: PortId,
        /// Which list.
        playlist: u64,
        /// Why.
        why: PlayEnd,
    },
    /// The first RTP packet of the peer was accepted.
    Heard {
        /// Which port.
        port: PortId,
    },
    /// No RTP has come for `Shard::SILENT_AFTER`; said once until it comes again.
    Silent {
        /// Which port.
        port: PortId,
        /// When the last came.
        since: Instant,
    },
    /// The port is closed and its socket free.
    Closed {
        /// Which port.
        port: PortId,
        /// What it did.
        stats: PortStats,
    },
}

/// Why a list no longer plays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PlayEnd {
    /// It played to its end.
    Finished,
    /// It was stopped, replaced, bridged over or closed.
    Stopped,
}

/// One of the `Slot::COUNT` parts of the 20 ms between packets: calls are spread over them so that
/// packets do not leave in one burst.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Slot(u8);

impl Slot {
    /// Slots in 20 ms: one a millisecond.
    pub const COUNT: u8 = 20;

    /// The slot of a tick counted from the driver's start.
    pub const fn of_tick(tick: u64) -> Self {
        Self((tick % Self::COUNT as u64) as u8)
    }
}

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
        self.packets.iter().map(|packet| (packet, self.bytes.get(packet.start..packet.end).unwrap_or_default()))
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
}

/// The ports of one media thread.
pub struct Shard {}

#[expect(clippy::todo, unused_variables, missing_docs, reason = "the contract, before its implementation")]
impl Shard {
    /// How long a peer may be silent before `Event::Silent`.
    pub const SILENT_AFTER: Duration = Duration::from_secs(10);

    pub fn new(seed: Seed) -> Self {
        todo!()
    }
    pub fn command(&mut self, now: Instant, command: Command, events: &mut Vec<Event>) {
        todo!()
    }
    /// Takes one packet. Locks onto the source, and for a bridge puts the rewritten packet into `packets`
    /// at once: a relayed packet never waits for a tick. Keeps no reference to `packet`.
    pub fn receive(
        &mut self,
        now: Instant,
        port: PortId,
        from: SocketAddr,
        packet: &mut [u8],
        packets: &mut PacketBatch,
        events: &mut Vec<Event>,
    ) {
        todo!()
    }
    /// Fills `packets` with this frame of every port that speaks and belongs to `slot` of the 20 ms.
    pub fn tick(&mut self, now: Instant, slot: Slot, packets: &mut PacketBatch, events: &mut Vec<Event>) {
        todo!()
    }
    /// Ports open.
    pub fn ports(&self) -> usize {
        todo!()
    }
}
