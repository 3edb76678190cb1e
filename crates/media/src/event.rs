//! What a media thread tells.

use std::fmt;
use std::time::Instant;

use bytes::Bytes;

use crate::dtmf::Digit;
use crate::port::{PortId, PortStats};
use crate::recorder::RecordingId;

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
    /// A second of a recording, or its shorter rest. For the disk, not for whoever leads the call.
    Recorded {
        /// Which recording.
        recording: RecordingId,
        /// The number of its first sample.
        at: u64,
        /// µ-law at 8 kHz, the channels side by side.
        audio: Audio,
    },
    /// A recording is whole: everything of it was handed over.
    RecordingEnded {
        /// Of which port.
        port: PortId,
        /// Which recording.
        recording: RecordingId,
        /// Its length.
        samples: u64,
        /// How much of it somebody spoke.
        voiced: u64,
    },
    /// A port that is recorded has heard nobody for as long as its plan says.
    Hushed {
        /// Which port.
        port: PortId,
        /// Which recording.
        recording: RecordingId,
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

/// Recorded audio, shared and not copied. It is what a patient says: its length is all a log sees.
#[derive(Clone, Eq, PartialEq)]
pub struct Audio(pub Bytes);

impl fmt::Debug for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audio({} bytes)", self.0.len())
    }
}
