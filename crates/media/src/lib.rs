//! The media of one thread: RTP (RFC 3550) ports that play prompts, hear digits (RFC 4733) and are bridged,
//! and the SDP (RFC 8866, RFC 3264) that sets them up. No socket and no clock: packets and time come in,
//! packets and events go out.

mod port;
mod prompt;
pub mod sdp;
mod shard;

pub use port::{Digit, PortId, PortStats};
pub use prompt::Prompt;
pub use shard::{Command, Event, Outgoing, PacketBatch, PlayEnd, Playlist, Shard, Slot};
