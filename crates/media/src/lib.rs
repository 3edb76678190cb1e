//! The media of one thread: RTP (RFC 3550) ports that play prompts, hear digits (RFC 4733) and are bridged,
//! and the SDP (RFC 8866, RFC 3264) that sets them up. No socket and no clock: packets and time come in,
//! packets and events go out.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test's clock starts at some instant"))]

mod batch;
mod bridge;
pub mod codec;
mod command;
mod concealment;
mod conference;
mod dtmf;
mod event;
mod hearing;
mod jitter;
mod listening;
mod loudness;
mod noise;
mod playback;
mod port;
mod prompt;
mod recorder;
mod remaking;
mod rtcp;
mod rtp;
pub mod sdp;
mod shard;
mod speaking;
pub mod srtp;

pub use batch::{Outgoing, PacketBatch};
pub use command::{Command, Playlist};
pub use conference::{CONFERENCE_PORTS_MAX, Conference};
pub use dtmf::Digit;
pub use event::{Audio, Event, PlayEnd};
pub use loudness::Sound;
pub use port::{PortId, PortStats};
pub use prompt::Prompt;
pub use recorder::{CHUNK_SAMPLES, Channels, RecordingId, RecordingPlan};
pub use shard::{PORTS_MAX, Shard, Slot};
