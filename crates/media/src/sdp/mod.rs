//! SDP offer and answer (RFC 3264) for one audio stream.
//!
//! The decisions: the first audio stream we can take is taken and every other stream refused with port 0.
//! Its codec is the first of the *offerer's* list that we speak, because he knows his network; the answer names
//! that codec alone, so that nobody changes codec in the middle of a call. An encrypted stream is taken before one in
//! the clear, and `RTP/SAVP` whose keys we cannot use is refused and not answered in the clear. ICE, BUNDLE and feedback attributes are left out of
//! the answer, which by their RFCs declines them.

mod crypto;
mod direction;
mod read;
mod write;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crypto::Chosen;
use direction::Direction;
use read::{Description, Stream};

pub use crate::codec::Codec;
use crate::srtp::{Keys, OurKeys};

/// The payload type we give telephone-event where we choose: the one most phones use.
pub(crate) const TELEPHONE_EVENT: u8 = 101;

/// Comfort noise with the clock of the telephone network; a static number (RFC 3389 §4, RFC 3551 table 4).
pub(crate) const COMFORT_NOISE: u8 = 13;

/// A codec as SDP writes it.
impl Codec {
    /// Its number where we offer it: the static one (RFC 3551 table 4), or one of our own that nothing else has.
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
            Self::L16 => 97,
            Self::L16Wide => 98,
            Self::Opus => 111,
        }
    }

    /// Its name in `a=rtpmap`, with the clock and the channels that tell it from others of that name. Opus always
    /// says two channels, whatever is sent (RFC 7587 §4.1).
    pub(crate) const fn mapping(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU/8000",
            Self::Pcma => "PCMA/8000",
            Self::G722 => "G722/8000",
            Self::L16 => "L16/8000",
            Self::L16Wide => "L16/16000",
            Self::Opus => "opus/48000/2",
        }
    }
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
    /// Whether the peer may be told how loud a silence is instead of being sent it (RFC 3389), at payload type 13. We
    /// never offer it, and make none ourselves.
    pub comfort_noise: bool,
    /// Audio per packet towards the peer, 20 ms unless it asks otherwise.
    pub ptime: Duration,
    /// Whether the peer wants to hear us (`sendonly`/`inactive` at its side says no).
    pub sends: bool,
    /// Whether the peer will be heard.
    pub receives: bool,
    /// Whether RTCP goes on the same port (RFC 5761).
    pub rtcp_mux: bool,
    /// What packets are sealed with; `None` in the clear.
    pub srtp: Option<Keys>,
}

/// Whether a leg's audio is encrypted (SRTP, RFC 3711), with our keys for it.
#[derive(Clone, Copy, Debug)]
pub enum Encryption<'a> {
    /// Never: an encrypted offer is refused.
    Off,
    /// When the peer offers it.
    Accepted(&'a OurKeys),
    /// Always: we offer nothing else and refuse audio in the clear.
    Required(&'a OurKeys),
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
    /// Whether audio is encrypted.
    pub encryption: Encryption<'a>,
}

/// Answers an offer: the SDP to send and what was agreed.
pub fn answer(offer: &[u8], local: Local<'_>) -> Result<(Bytes, Session), Unacceptable> {
    let offer = Description::parse(offer)?;
    let mut taken = offer.streams().filter_map(|stream| stream.session(local));
    let first = taken.next().ok_or(Unacceptable::NothingInCommon)?;
    let stream = match first.crypto {
        Some(_) => first,
        None => taken.find(|stream| stream.crypto.is_some()).unwrap_or(first),
    };
    let ours = Direction::new(stream.session.sends, stream.session.receives);
    Ok((write::answer(&offer, &stream, ours, local), stream.session))
}

/// Makes an offer of all our codecs, best first. Without any it offers a stream that is switched off.
pub fn offer(local: Local<'_>) -> Bytes {
    write::offer(local)
}

/// Reads the answer to an offer made with the same `local`.
pub fn accept(answer: &[u8], local: Local<'_>) -> Result<Session, Unacceptable> {
    let answer = Description::parse(answer)?;
    // Streams are answered in the order they were offered (RFC 3264 §6), and we offer one.
    let stream = answer.streams().next().ok_or(Unacceptable::NothingInCommon)?;
    // What we offered in the clear cannot be answered with a key.
    let encryption = match local.encryption {
        Encryption::Required(_) => local.encryption,
        Encryption::Off | Encryption::Accepted(_) => Encryption::Off,
    };
    let taken = stream.session(Local { encryption, ..local });
    taken.map(|taken| taken.session).ok_or(Unacceptable::NothingInCommon)
}

/// A stream we take, by its place among those offered.
struct Taken<'a> {
    stream: Stream<'a>,
    session: Session,
    crypto: Option<Chosen>,
}
