//! What a port does with a packet that came to it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rtp_rs::RtpReader;

use crate::bridge::{Way, way};
use crate::codec::g711::Law;
use crate::dtmf::{Digit, TelephoneEvent};
use crate::event::Event;
use crate::jitter::{Jitter, PieceKind};
use crate::listening::{Ear, Sound, Wanted};
use crate::port::Port;
use crate::rtp::{Admission, Place, is_rtcp};
use crate::sdp::{COMFORT_NOISE, Codec, Session, TELEPHONE_EVENT};
use crate::shard::Shard;

/// The longest packet taken, in bytes: what fits an Ethernet frame. G.711 at 60 ms has 492.
const PACKET_BYTES_MAX: usize = 1_500;

/// An accepted packet, and where it stands in the peer's stream.
pub(crate) struct Arrival<'p> {
    pub place: Place,
    pub timestamp: u32,
    pub marked: bool,
    /// The packet length the peer asks for.
    pub ptime: Duration,
    /// The key that begins with this packet.
    pub pressed: Option<Digit>,
    pub content: Content<'p>,
}

/// Who hears a port over a bridge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listener {
    pub codec: Codec,
    pub ptime: Duration,
    pub is_recorded: bool,
}

impl Listener {
    /// Whether packets of a codec, sent to it by somebody who asks for so long ones, must be decoded for it.
    fn wants_samples(self, codec: Codec, ptime: Duration) -> bool {
        codec != self.codec
            && way(codec, ptime, (self.codec, self.ptime)) == Way::Remade
            && (codec.law().is_none() || self.codec.law().is_none())
    }
}

/// What a packet brings.
#[derive(Clone, Copy)]
pub(crate) enum Content<'p> {
    Audio(Codec, &'p [u8]),
    /// How loud the silence is that begins (RFC 3389).
    Noise(&'p [u8]),
    Key(TelephoneEvent),
    /// A key that the other side of the bridge must not hear, or nothing that can be heard.
    Withheld,
}

/// Something that was due.
pub(crate) struct Played<'p> {
    pub arrival: Arrival<'p>,
    pub way: Onward,
}

/// Who else hears of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Onward {
    /// Nobody.
    Kept,
    /// The other side of a bridge, or the conference.
    Told,
    /// The other side has heard it already, when it came.
    WasTold,
}

impl Port {
    /// Checks and counts a packet, and holds it for whoever needs its samples. Gives it back if the other side of a
    /// bridge may hear it at once.
    pub(crate) fn hear<'p>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        packet: &'p mut [u8],
        listener: Option<Listener>,
        events: &mut Vec<Event>,
    ) -> Option<Arrival<'p>> {
        if is_rtcp(packet) {
            self.hear_report(now, packet);
            return None;
        }
        let packet: &[u8] = match &mut self.opener {
            Some(opener) => {
                let Some(packet) = opener.open(packet) else {
                    self.refused += 1;
                    return None;
                };
                packet
            }
            None => packet,
        };
        let Some(mut arrival) = self.admit(now, from, packet) else {
            self.refused += 1;
            return None;
        };
        if self.watch.hear(now) {
            events.push(Event::Heard { port: self.id });
        }
        match arrival.content {
            Content::Audio(codec, payload) => {
                self.receiver.hear(now, arrival.timestamp, codec.clock_hz());
                self.hold(now, &arrival, self.wanted(codec, listener));
                if let (Some(recorder), Some(law), false) =
                    (&mut self.recorder, codec.law(), self.session.as_ref().is_none_or(has_tones))
                {
                    let clock = (arrival.timestamp, codec.clock_hz());
                    recorder.heard(now, arrival.place.stream, clock, law, payload);
                }
            }
            Content::Key(event) => {
                // A peer that is not to be heard has no business sending keys; but if somebody pressed one, it counts.
                let pressed = self.keys_heard.hear(arrival.place, arrival.timestamp, arrival.marked, event);
                events.extend(pressed.map(|digit| Event::Digit { port: self.id, digit }));
                let content = if self.digits_muted { Content::Withheld } else { arrival.content };
                arrival = Arrival { content, pressed, ..arrival };
                self.hold_along(now, &arrival);
            }
            Content::Noise(_) | Content::Withheld => self.hold_along(now, &arrival),
        }
        if self.is_held_back { None } else { self.handed_on(arrival) }
    }

    /// Why samples of what it says are needed.
    fn wanted(&self, codec: Codec, listener: Option<Listener>) -> Wanted {
        let Some(session) = &self.session else { return Wanted::default() };
        let whole = listener.is_some_and(|listener| listener.wants_samples(codec, session.ptime));
        let tones = has_tones(session);
        let is_heard_made = codec.law().is_none() || tones;
        let is_told_made = codec.law().is_none() || whole;
        Wanted {
            whole,
            narrow: tones || self.seated.is_some(),
            pcmu: (self.recorder.is_some() && is_heard_made)
                || (listener.is_some_and(|listener| listener.is_recorded) && is_told_made),
        }
    }

    /// Holds a packet until it is due, if anybody needs its samples.
    fn hold(&mut self, now: Instant, arrival: &Arrival<'_>, wanted: Wanted) {
        // A key that sounds while keys are kept here is not sent on before it is known for one.
        let is_kept = self.digits_muted && self.session.as_ref().is_some_and(has_tones);
        self.is_held_back = wanted.whole || self.seated.is_some() || is_kept;
        if wanted.is_any() {
            let jitter = self.jitter.get_or_insert_with(|| Box::new(Jitter::new(now)));
            jitter.put(now, arrival, self.is_held_back);
        } else if self.jitter.is_some() {
            self.jitter = None;
        }
    }

    /// Holds what is no audio behind the audio it came after.
    fn hold_along(&mut self, now: Instant, arrival: &Arrival<'_>) {
        self.is_held_back &= self.jitter.is_some();
        if let Some(jitter) = &mut self.jitter {
            jitter.put(now, arrival, self.is_held_back);
        }
    }

    /// Understands the next thing that is due of what the peer said.
    pub(crate) fn play_out<'p>(
        &mut self,
        now: Instant,
        listener: Option<Listener>,
        payload: &'p mut Vec<u8>,
        sound: &mut Sound,
        events: &mut Vec<Event>,
    ) -> Option<Played<'p>> {
        sound.clear();
        let piece = self.jitter.as_mut()?.take(now, payload)?;
        let codec = match (piece.kind, &self.ear) {
            (PieceKind::Packet { codec, .. }, _) => Some(codec),
            (_, ear) => ear.as_ref().map(|ear| ear.codec()),
        };
        let wanted = codec.map(|codec| self.wanted(codec, listener)).unwrap_or_default();
        let content = match (piece.kind, codec) {
            (PieceKind::Packet { .. } | PieceKind::Lost { .. } | PieceKind::Noise { .. }, Some(codec)) => {
                if self.ear.as_ref().is_none_or(|ear| ear.codec() != codec) {
                    self.ear = Some(Box::new(Ear::new(codec)));
                }
                if let Some(ear) = &mut self.ear {
                    ear.hear(wanted, piece.kind, payload, sound);
                }
                let is_packet = matches!(piece.kind, PieceKind::Packet { .. });
                let audio = Content::Audio(codec, if is_packet { payload } else { &[] });
                self.hear_tones(sound.narrow(), events).unwrap_or(audio)
            }
            (PieceKind::Key(event), _) => Content::Key(event),
            _ => Content::Withheld,
        };
        let session = self.session.as_ref()?;
        if let (Some(recorder), Content::Audio(codec, _)) = (&mut self.recorder, content)
            && (codec.law().is_none() || has_tones(session))
        {
            let clock = (piece.timestamp, codec.clock_hz());
            recorder.heard(now, piece.place.stream, clock, Law::Mu, sound.pcmu());
        }
        // A stream that is made anew has what was made up in it.
        let sequence = if wanted.whole { piece.turn } else { piece.place.sequence };
        let arrival = Arrival {
            place: Place { sequence, ..piece.place },
            timestamp: piece.timestamp,
            marked: piece.marked,
            ptime: session.ptime,
            pressed: piece.pressed,
            content,
        };
        let is_made_up =
            matches!(piece.kind, PieceKind::Lost { .. } | PieceKind::Noise { .. }) && !wanted.whole;
        let way = match (session.receives, piece.is_held_back) {
            (false, _) => Onward::Kept,
            // The listener of a stream that goes as it is makes up what is missing.
            (true, true) if is_made_up && self.seated.is_none() => Onward::Kept,
            (true, true) => Onward::Told,
            (true, false) => Onward::WasTold,
        };
        Some(Played { arrival, way })
    }

    /// Listens for keys in audio, where the peer has no other way to send them. `Withheld` while one sounds that
    /// the other side of a bridge must not hear.
    fn hear_tones<'p>(&mut self, samples: &[i16], events: &mut Vec<Event>) -> Option<Content<'p>> {
        if !self.session.as_ref().is_some_and(has_tones) {
            return None;
        }
        let port = self.id;
        let samples = samples.iter().copied();
        self.tones_heard.hear(samples, |digit| events.push(Event::Digit { port, digit }));
        (self.digits_muted && self.tones_heard.is_pressed()).then_some(Content::Withheld)
    }

    /// Takes an RTCP packet. It is believed wherever it comes from: it changes nothing but numbers.
    fn hear_report(&mut self, now: Instant, packet: &mut [u8]) {
        let packet = match &mut self.opener {
            Some(opener) => opener.open_rtcp(packet),
            None => Some(packet),
        };
        match packet {
            Some(packet) => self.reporter.hear(now, self.sender.ssrc(), packet),
            None => self.refused += 1,
        }
    }

    /// Reads a packet, if it is RTP of the peer.
    fn admit<'p>(&mut self, now: Instant, from: SocketAddr, packet: &'p [u8]) -> Option<Arrival<'p>> {
        let rtp = RtpReader::new(packet).ok().filter(|_| packet.len() <= PACKET_BYTES_MAX)?;
        let session = self.session.as_ref()?;
        let ptime = session.ptime;
        let content = understood(session, rtp.payload_type(), rtp.payload())?;
        let sequence = u16::from(rtp.sequence_number());
        match self.source.as_mut()?.admit(now, from, sequence) {
            Admission::Admitted => {}
            Admission::Moved => self.receiver.restart(),
            Admission::Refused => return None,
        }
        let place = self.receiver.place(rtp.ssrc(), sequence)?;
        Some(Arrival { place, timestamp: rtp.timestamp(), marked: rtp.mark(), ptime, pressed: None, content })
    }

    fn handed_on<'p>(&self, arrival: Arrival<'p>) -> Option<Arrival<'p>> {
        self.session.as_ref().is_some_and(|session| session.receives).then_some(arrival)
    }
}

/// Whether keys are listened for in audio: the peer has no other way to send them.
const fn has_tones(session: &Session) -> bool {
    session.telephone_event.is_none()
}

/// What a payload is. G.711 is taken in both laws at its static number, whichever was agreed on: a peer that
/// offered both may use both (RFC 3264 §5.1). Keys are taken at the peer's number and at the one we offer,
/// which may differ (RFC 3264 §6.1).
fn understood<'p>(session: &Session, payload_type: u8, payload: &'p [u8]) -> Option<Content<'p>> {
    let audio = |codec| match payload {
        // Kept alive without sound (RFC 6263 §4.1).
        [] => Content::Withheld,
        payload => Content::Audio(codec, payload),
    };
    if payload_type == session.payload_type {
        return Some(audio(session.codec));
    }
    let is_key = session
        .telephone_event
        .is_some_and(|agreed| payload_type == agreed || payload_type == TELEPHONE_EVENT);
    if is_key {
        return TelephoneEvent::parse(payload).map(Content::Key);
    }
    match payload_type {
        0 => Some(audio(Codec::Pcmu)),
        8 => Some(audio(Codec::Pcma)),
        // The number we offered it at, where the answer has another (RFC 3264 §6.1).
        number if number == session.codec.payload_type() => Some(audio(session.codec)),
        // Agreed on or not: peers with silence suppression send it, and it shows that they live.
        COMFORT_NOISE => Some(Content::Noise(payload)),
        _ => None,
    }
}

/// Whether the peer's packets come at all.
#[derive(Debug)]
pub(crate) struct Watch {
    /// When the last came, or the wait for it began.
    since: Instant,
    is_heard: bool,
    is_silent: bool,
}

impl Watch {
    pub(crate) fn new(now: Instant) -> Self {
        Self { since: now, is_heard: false, is_silent: false }
    }

    /// The peer is to be heard from now on.
    pub(crate) fn restart(&mut self, now: Instant) {
        self.since = now;
        self.is_silent = false;
    }

    /// Counts a packet; whether it is news that one came.
    fn hear(&mut self, now: Instant) -> bool {
        let news = !self.is_heard || self.is_silent;
        *self = Self { since: now, is_heard: true, is_silent: false };
        news
    }

    /// Since when nothing came, once it has been too long.
    pub(crate) fn fall_silent(&mut self, now: Instant) -> Option<Instant> {
        if self.is_silent || now.saturating_duration_since(self.since) < Shard::SILENT_AFTER {
            return None;
        }
        self.is_silent = true;
        Some(self.since)
    }
}
