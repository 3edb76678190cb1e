//! What a media thread tells.

use std::time::Instant;

use crate::dtmf::Digit;
use crate::port::{PortId, PortStats};

/// What happened to a port.
#[derive(Clone, Debug)]
pub enum Event {
    /// The shard has the port; SDP may name its address.
    Opened {
        /// Which port.
        port: PortId,
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
    /// The first RTP packet of the peer was accepted, or the first after `Silent`.
    Heard {
        /// Which port.
        port: PortId,
    },
    /// No RTP has come for `Shard::SILENT_AFTER`; said once until it comes again.
    Silent {
        /// Which port.
        port: PortId,
        /// When the last came; if none ever did, when the peer was first to be heard.
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
