//! What a media thread is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::conference::Conference;
use crate::dtmf::Digit;
use crate::port::PortId;
use crate::prompt::Prompt;
use crate::recorder::RecordingPlan;
use crate::sdp::Session;

/// What the call core wants of the media.
#[derive(Clone, Debug)]
pub enum Command {
    /// Make a port. The driver binds its socket first; a shard never sees a port without one.
    Open {
        /// Its number.
        port: PortId,
        /// Where its socket is bound.
        local: SocketAddr,
    },
    /// What offer and answer agreed on; again after each re-INVITE.
    Apply {
        /// Which port.
        port: PortId,
        /// What was agreed.
        session: Session,
    },
    /// Play these, one after the other, from now on, instead of whatever plays. A bridged port hears them
    /// instead of the other side, until they end. Before `Apply` the list waits; towards a peer on hold its
    /// time goes by unheard.
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
    /// These ports are a conference from now on; named again it is changed, and who is left out leaves it. A port
    /// that was in no bridge or conference hears no more of what played on it. Two who hear one another are
    /// bridged.
    Confer {
        /// Who, and who hears whom.
        conference: Conference,
    },
    /// Part the bridge this port is in, or take it out of its conference, where the others go on; all ports live on.
    Unbridge {
        /// Either side of it.
        port: PortId,
    },
    /// Send a key to the peer, behind those not yet sent: as telephone-event (RFC 4733), or as a tone where that
    /// is not agreed on. It is dropped if the peer is on hold, or 32 keys wait already.
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
    /// Record the port from now on; a recording of it that runs ends.
    Record {
        /// Which port.
        port: PortId,
        /// How.
        plan: RecordingPlan,
    },
    /// Whether what is said is kept from its recording: time goes on in it, in silence.
    PauseRecording {
        /// Which port.
        port: PortId,
        /// Whether it is.
        paused: bool,
    },
    /// End the recording of a port. Closing it does so as well.
    StopRecording {
        /// Which port.
        port: PortId,
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
