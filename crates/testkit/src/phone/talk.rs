//! The voice and ears of one call: RTP (RFC 3550) and keys (RFC 4733), written by hand so that the shard under
//! test is not its own measure.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use media::sdp::{self, Session};

use super::{Datagram, accept, local};
use crate::sim::Chance;

/// One packet of voice in so much time. A real phone sends ten times as many; the shard is as content with
/// these as with one that suppresses silence, and a simulation is ten times as fast.
const VOICE_EVERY: Duration = Duration::from_millis(200);

/// Packets of one key: so many of a growing duration, the last three of them its end.
pub(crate) const KEY_STEPS: u16 = 8;
/// Time between them.
pub(crate) const KEY_STEP: Duration = Duration::from_millis(20);
/// The first of the packets that say that the key was let go.
const KEY_END_FROM: u16 = KEY_STEPS - 2;

/// One call's audio.
#[derive(Debug)]
pub(crate) struct Talk {
    pub port: u16,
    /// Nothing is said.
    pub is_muted: bool,
    address: SocketAddr,
    session: Option<Session>,
    session_id: u64,
    version: u64,
    hold: bool,
    began: Instant,
    next_voice: Option<Instant>,
    sequence: u16,
    first_timestamp: u32,
    ssrc: u32,
}

impl Talk {
    pub(crate) fn new(now: Instant, address: SocketAddr, chance: &mut Chance) -> Self {
        let draw = |chance: &mut Chance| chance.below(1 << 32) as u32;
        Self {
            port: address.port(),
            is_muted: false,
            address,
            session: None,
            session_id: chance.below(1 << 40),
            version: 0,
            hold: false,
            began: now,
            next_voice: None,
            sequence: draw(chance) as u16,
            first_timestamp: draw(chance),
            ssrc: draw(chance),
        }
    }

    pub(crate) fn offer(&mut self, hold: bool) -> Bytes {
        self.version += 1;
        self.hold = hold;
        sdp::offer(local(self.address, self.session_id, self.version, hold))
    }

    /// The answer to an offer, or where there is none our own.
    pub(crate) fn answer(&mut self, offer: Option<&[u8]>) -> Option<Bytes> {
        let Some(offer) = offer else { return Some(self.offer(false)) };
        self.version += 1;
        let (answer, session) =
            sdp::answer(offer, local(self.address, self.session_id, self.version, self.hold)).ok()?;
        self.begin(session);
        Some(answer)
    }

    pub(crate) fn accept(&mut self, now: Instant, answer: &[u8]) {
        if let Some(session) = accept(answer, local(self.address, self.session_id, self.version, self.hold)) {
            self.begin(session);
            self.next_voice = self.next_voice.or(Some(now));
        }
    }

    fn begin(&mut self, session: Session) {
        self.next_voice = self.next_voice.or(Some(self.began));
        self.session = Some(session);
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.next_voice
    }

    /// The RTP clock.
    pub(crate) fn timestamp(&self, now: Instant) -> u32 {
        let samples = now.saturating_duration_since(self.began).as_millis() * 8;
        self.first_timestamp.wrapping_add(samples as u32)
    }

    /// A packet of voice, if it is time.
    pub(crate) fn speak(&mut self, now: Instant, voice: u8, out: &mut Vec<Datagram>) {
        let Some(session) = self.session.as_ref().filter(|_| self.next_voice.is_some_and(|at| at <= now))
        else {
            return;
        };
        // Each at a pace of its own, so that no two voices of a conference are heard at the same moments only.
        self.next_voice = Some(now + VOICE_EVERY + Duration::from_millis(10) * u32::from(voice & 0x0f));
        if !session.sends || self.is_muted {
            return;
        }
        let (to, payload_type, timestamp) = (session.remote, session.payload_type, self.timestamp(now));
        let bytes = self.packet(payload_type, timestamp, false, &[voice; 160]);
        out.push(Datagram { from: self.address, to, bytes });
    }

    /// One of the packets of a key.
    pub(crate) fn send_key(&mut self, code: u8, step: u16, timestamp: u32, out: &mut Vec<Datagram>) {
        let Some((to, payload_type)) =
            self.session.as_ref().and_then(|session| Some((session.remote, session.telephone_event?)))
        else {
            return;
        };
        let [high, low] = (step.min(KEY_END_FROM) * 160).to_be_bytes();
        let volume_and_end = if step >= KEY_END_FROM { 0x80 | 10 } else { 10 };
        let bytes = self.packet(payload_type, timestamp, step == 1, &[code, volume_and_end, high, low]);
        out.push(Datagram { from: self.address, to, bytes });
    }

    fn packet(&mut self, payload_type: u8, timestamp: u32, marked: bool, payload: &[u8]) -> Bytes {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = BytesMut::with_capacity(12 + payload.len());
        packet.put_u8(0x80);
        packet.put_u8(payload_type | if marked { 0x80 } else { 0 });
        packet.put_u16(self.sequence);
        packet.put_u32(timestamp);
        packet.put_u32(self.ssrc);
        packet.put_slice(payload);
        packet.freeze()
    }
}

/// What a packet of PCMU sounds like; `None` is silence, another codec, or no audio.
pub(crate) fn sound_of(packet: &[u8]) -> Option<u8> {
    let payload_type = packet.get(1)? & 0x7f;
    // In the middle: the first samples may still be the end of what was said before.
    let sound = *packet.get(12 + 80)?;
    (payload_type == 0 && !matches!(sound, 0xff | 0x7f)).then_some(sound)
}
