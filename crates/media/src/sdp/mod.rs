//! SDP offer and answer (RFC 3264) for one audio stream.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

/// An audio codec we speak.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Codec {
    /// G.711 µ-law, static payload type 0.
    Pcmu,
    /// G.711 A-law, static payload type 8.
    Pcma,
}

/// What both sides agreed on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// Where the peer wants its RTP. The port may lock onto another source later (symmetric RTP).
    pub remote: SocketAddr,
    /// The codec both have.
    pub codec: Codec,
    /// Its payload type towards the peer.
    pub payload_type: u8,
    /// Payload type of telephone-event towards the peer, where agreed (RFC 4733).
    pub telephone_event: Option<u8>,
    /// Audio per packet towards the peer, 20 ms unless it asks otherwise.
    pub ptime: Duration,
    /// Whether the peer wants to hear us (`sendonly`/`inactive` at its side says no).
    pub sends: bool,
    /// Whether the peer will be heard.
    pub receives: bool,
}

/// The offer that cannot be taken.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Unacceptable {
    /// Not SDP. Answer 400.
    #[error("the body is not SDP")]
    Malformed,
    /// No audio stream, or no codec, transport or keying in common. Answer 488.
    #[error("no audio codec in common")]
    NothingInCommon,
}

impl Unacceptable {
    /// The SIP status to refuse with.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::NothingInCommon => 488,
        }
    }
}

/// Our side of a session, the input of every offer and answer.
#[derive(Clone, Copy, Debug)]
pub struct Local<'a> {
    /// Where we receive RTP.
    pub address: SocketAddr,
    /// The codecs we offer or accept, best first.
    pub codecs: &'a [Codec],
    /// `o=` session id, the same for every SDP of a leg.
    pub session_id: u64,
    /// `o=` version, one more each time the SDP changes.
    pub version: u64,
    /// Whether we put the peer on hold (`sendonly`).
    pub hold: bool,
}

/// Answers an offer: the SDP to send and what was agreed.
pub fn answer(_offer: &[u8], _local: Local<'_>) -> Result<(Bytes, Session), Unacceptable> {
    Err(Unacceptable::NothingInCommon)
}

/// Makes an offer.
pub fn offer(_local: Local<'_>) -> Bytes {
    Bytes::new()
}

/// Reads the answer to an offer made with the same `local`.
pub fn accept(_answer: &[u8], _local: Local<'_>) -> Result<Session, Unacceptable> {
    Err(Unacceptable::NothingInCommon)
}
