//! What one port says, heard at another: at once, with a new header, and no sample touched unless the two
//! legs speak different codecs or want packets of different lengths.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::batch::PacketBatch;
use crate::codec::{Codec, g711};
use crate::hearing::{Arrival, Content};
use crate::listening::Sound;
use crate::port::Port;
use crate::remaking::Remake;
use crate::rtp::{Header, Place, Sender};
use crate::sdp::COMFORT_NOISE;

/// How far a relayed clock may drift from ours, in samples (5 s), before we no longer believe it: two clocks
/// that differ by 100 ppm take 14 hours, a peer that restarts its clock a moment.
pub(crate) const DRIFT_MAX: u32 = 40_000;

/// A bridge without a packet for this long is filled with silence: the other side is on hold, suppresses
/// silence or has vanished, and neither NAT bindings nor phones like to hear nothing.
const QUIET: Duration = Duration::from_secs(1);

/// So long a peer makes the silence itself that it was told of: then NAT bindings want a packet, which is silence.
const NOISE_LASTS: Duration = Duration::from_secs(10);

/// One side of a bridge: whom this port hears.
#[derive(Debug)]
pub(crate) struct Joined {
    /// The place of the other port in the slab.
    pub place: usize,
    /// When a packet last came across, or would have.
    pub relayed_at: Instant,
    /// That told how loud the silence is which now is.
    is_noise: bool,
    relay: Relay,
    /// Where packets do not go as they are.
    remake: Option<Box<Remake>>,
    /// The packet being made.
    made: Vec<u8>,
}

impl Joined {
    pub(crate) fn new(now: Instant, place: usize) -> Self {
        Self {
            place,
            relayed_at: now,
            is_noise: false,
            relay: Relay::default(),
            remake: None,
            made: Vec::new(),
        }
    }

    /// Whether what came across last still says what is to be heard.
    pub(crate) fn is_relayed(&self, now: Instant) -> bool {
        let lasts = if self.is_noise { NOISE_LASTS } else { QUIET };
        now.saturating_duration_since(self.relayed_at) < lasts
    }

    fn pause(&mut self) {
        self.is_noise = false;
        self.relay.pause();
        if let Some(remake) = &mut self.remake {
            remake.pause();
        }
    }
}

impl Port {
    /// Sends what the other side of the bridge said. Nothing while this port is on hold, or hears a prompt
    /// or is sent a key instead.
    pub(crate) fn relay(
        &mut self,
        now: Instant,
        arrival: &Arrival<'_>,
        sound: &Sound,
        packets: &mut PacketBatch,
    ) {
        let target = self.target();
        let (Some(joined), Some(session)) = (&mut self.joined, &self.session) else { return };
        let Some(to) = target.filter(|_| session.sends && self.playback.is_none() && !self.keys.is_busy())
        else {
            joined.pause();
            joined.relayed_at = now;
            return;
        };
        let payload_type = match arrival.content {
            Content::Audio(..) => Some(session.payload_type),
            Content::Noise(_) => session.comfort_noise.then_some(COMFORT_NOISE),
            Content::Key(_) => session.telephone_event,
            Content::Withheld => None,
        };
        let Some(payload_type) = payload_type else {
            joined.relay.skip(arrival.place);
            // To a peer without telephone-event the key goes as a tone.
            if let (Content::Key(_), Some(digit)) = (arrival.content, arrival.pressed) {
                self.press(digit);
            }
            return;
        };
        let way = match arrival.content {
            Content::Audio(codec, _) => way(codec, arrival.ptime, (session.codec, session.ptime)),
            // Keys go the way the audio goes, so that both are one stream.
            Content::Key(_) if joined.remake.is_some() => Way::Remade,
            // What is made anew has its silence in it.
            Content::Noise(_) if joined.remake.is_some() => return,
            Content::Noise(_) | Content::Key(_) | Content::Withheld => Way::AsItIs,
        };
        match (way, arrival.content) {
            (Way::Remade, Content::Audio(codec, payload)) => {
                self.remake(now, arrival, (codec, payload), sound, packets);
            }
            (Way::Remade, _) => self.remake_key(now, arrival, (to, payload_type), packets),
            (Way::AsItIs | Way::ByTable, _) => {
                joined.remake = None;
                self.hand_on(now, arrival, (to, payload_type), packets);
            }
        }
    }

    /// Records the sound of what was handed on as it came, once it is understood.
    pub(crate) fn record_relayed(&mut self, now: Instant, arrival: &Arrival<'_>, sound: &Sound) {
        let is_told = self.session.as_ref().is_some_and(|session| session.sends)
            && self.playback.is_none()
            && !self.keys.is_busy();
        if let (true, Some(recorder), Content::Audio(codec, _)) =
            (is_told, &mut self.recorder, arrival.content)
            && codec.law().is_none()
        {
            let clock = (arrival.timestamp, codec.clock_hz());
            recorder.overheard(now, arrival.place.stream, clock, sound.pcmu());
        }
    }

    /// Sends a packet as it came, with a header of ours.
    fn hand_on(
        &mut self,
        now: Instant,
        arrival: &Arrival<'_>,
        (to, payload_type): (SocketAddr, u8),
        packets: &mut PacketBatch,
    ) {
        let (Some(joined), Some(session)) = (&mut self.joined, &self.session) else { return };
        let is_audio = matches!(arrival.content, Content::Audio(..));
        let carried = joined.relay.carry(now, &mut self.sender, arrival.place, arrival.timestamp, is_audio);
        let Some((sequence, timestamp, begins)) = carried else { return };
        let marked = arrival.marked || (begins && is_audio);
        let header = Header { payload_type, marked, sequence, timestamp, ssrc: 0 };
        joined.relayed_at = now;
        joined.is_noise = matches!(arrival.content, Content::Noise(_));
        match arrival.content {
            Content::Noise(level) => {
                let header = self.sender.relayed(header, 0);
                packets.push(self.id, to, &header, self.sealer.as_deref_mut(), |bytes| {
                    bytes.extend_from_slice(level)
                });
            }
            Content::Audio(codec, payload) => {
                let ticks = codec.ticks_of(payload);
                let header = self.sender.relayed(header, ticks);
                self.sender.carried(payload.len());
                let lead = self.sender.lead(now, header.timestamp);
                if let (Some(recorder), Some(law)) = (&mut self.recorder, codec.law()) {
                    recorder.told(now, lead, law, payload);
                }
                let table = codec.law().filter(|_| codec != session.codec);
                packets.push(self.id, to, &header, self.sealer.as_deref_mut(), |bytes| match table {
                    Some(law) => bytes.extend(payload.iter().map(|byte| g711::transcoded(law, *byte))),
                    None => bytes.extend_from_slice(payload),
                });
            }
            Content::Key(event) => {
                let duration = u32::from(event.duration) * (session.codec.clock_hz() / 8_000);
                let header = self.sender.relayed(header, duration);
                packets.push(self.id, to, &header, self.sealer.as_deref_mut(), |bytes| {
                    bytes.extend_from_slice(&event.bytes())
                });
            }
            Content::Withheld => {}
        }
    }

    /// Sends what was said in other packets than it came in.
    fn remake(
        &mut self,
        now: Instant,
        arrival: &Arrival<'_>,
        (codec, payload): (Codec, &[u8]),
        sound: &Sound,
        packets: &mut PacketBatch,
    ) {
        let target = self.target();
        let (Some(to), Some(joined), Some(session)) = (target, &mut self.joined, &self.session) else {
            return;
        };
        if !joined.remake.as_ref().is_some_and(|remake| remake.is_for(codec, session.codec, session.ptime)) {
            joined.remake = Some(Box::new(Remake::new(codec, session.codec, session.ptime)));
        }
        let Some(remake) = joined.remake.as_deref_mut() else { return };
        let Some(there) = remake.carry(now, &mut self.sender, arrival.place, arrival.timestamp) else {
            return;
        };
        joined.is_noise = false;
        joined.relayed_at = now;
        if let Some(recorder) = &mut self.recorder {
            let lead = self.sender.lead(now, there.timestamp);
            match codec.law().filter(|_| sound.pcmu().is_empty()) {
                Some(law) => recorder.told(now, lead, law, payload),
                None => recorder.told(now, lead, g711::Law::Mu, sound.pcmu()),
            }
        }
        remake.take(there, payload, sound, &mut self.sender);
        let mut marked = arrival.marked || there.begins;
        let made = &mut joined.made;
        made.clear();
        while let Some((timestamp, ticks)) = remake.packet(made) {
            let sequence = self.sender.next_sequence();
            let header = Header { payload_type: session.payload_type, marked, sequence, timestamp, ssrc: 0 };
            let header = self.sender.relayed(header, ticks);
            self.sender.carried(made.len());
            remake.sent(sequence);
            packets.push(self.id, to, &header, self.sealer.as_deref_mut(), |bytes| {
                bytes.extend_from_slice(made)
            });
            made.clear();
            marked = false;
        }
    }

    /// Sends a key among packets that are remade.
    fn remake_key(
        &mut self,
        now: Instant,
        arrival: &Arrival<'_>,
        (to, payload_type): (SocketAddr, u8),
        packets: &mut PacketBatch,
    ) {
        let (Some(joined), Content::Key(event)) = (&mut self.joined, arrival.content) else { return };
        let Some(remake) = joined.remake.as_deref_mut() else { return };
        let Some(there) = remake.carry(now, &mut self.sender, arrival.place, arrival.timestamp) else {
            return;
        };
        joined.relayed_at = now;
        let sequence = self.sender.next_sequence();
        let (marked, timestamp) = (arrival.marked, there.timestamp);
        let header = Header { payload_type, marked, sequence, timestamp, ssrc: 0 };
        let header = self.sender.relayed(header, 0);
        remake.sent(sequence);
        packets.push(self.id, to, &header, self.sealer.as_deref_mut(), |bytes| {
            bytes.extend_from_slice(&event.bytes())
        });
    }
}

/// How a packet goes from one side of a bridge to the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// Every byte of it.
    AsItIs,
    /// From one law to the other, byte by byte.
    ByTable,
    /// In another codec, or in packets of another length.
    Remade,
}

/// The way of a packet to a listener. `ptime` is what the speaker is sent: who asks for that length sends it.
pub(crate) fn way(codec: Codec, ptime: Duration, (to, wanted): (Codec, Duration)) -> Way {
    let is_as_long = to.ptime(ptime) == to.ptime(wanted);
    match (codec.law(), to.law()) {
        // Whoever takes Opus takes it in packets of any length (RFC 7587 §4.2), and it suffers from every decoding.
        _ if codec == to && (is_as_long || codec == Codec::Opus) => Way::AsItIs,
        (Some(_), Some(_)) if is_as_long => Way::ByTable,
        _ => Way::Remade,
    }
}

/// Moves the numbers of a relayed stream so that it continues ours. Loss and reordering stay visible to the
/// receiver, whose jitter buffer must know of them; what we withhold does not look like loss.
#[derive(Debug, Default)]
struct Relay {
    shift: Option<Shift>,
}

#[derive(Debug)]
struct Shift {
    stream: u32,
    /// Packets before this are late for the time before the shift, whose numbers are taken.
    first: u32,
    newest: u32,
    sequence: u16,
    timestamp: u32,
}

impl Relay {
    /// Something else is sent for a while.
    fn pause(&mut self) {
        self.shift = None;
    }

    /// Leaves out one packet of the stream.
    fn skip(&mut self, place: Place) {
        if let Some(shift) = self.shift.as_mut().filter(|shift| shift.stream == place.stream)
            && place.sequence > shift.newest
        {
            shift.sequence = shift.sequence.wrapping_sub(1);
            shift.newest = place.sequence;
            shift.first = place.sequence + 1;
        }
    }

    /// The sequence and timestamp of a packet in our stream, and whether a new shift begins with it. `None`
    /// for a packet that comes too late, or while our own last frame still sounds.
    fn carry(
        &mut self,
        now: Instant,
        sender: &mut Sender,
        place: Place,
        timestamp: u32,
        is_audio: bool,
    ) -> Option<(u16, u32, bool)> {
        if let Some(shift) = self.shift.as_mut().filter(|shift| shift.goes_on(place, sender)) {
            if place.sequence < shift.first {
                return None;
            }
            let moved = timestamp.wrapping_add(shift.timestamp);
            // The packets of a long key all carry the time of its start.
            let drift = sender.lead(now, moved).unsigned_abs();
            if !is_audio || drift <= DRIFT_MAX {
                shift.newest = shift.newest.max(place.sequence);
                return Some((low(place.sequence).wrapping_add(shift.sequence), moved, false));
            }
        }
        let (sequence, start) = sender.relay_start(now)?;
        self.shift = Some(Shift {
            stream: place.stream,
            first: place.sequence,
            newest: place.sequence,
            sequence: sequence.wrapping_sub(low(place.sequence)),
            timestamp: start.wrapping_sub(timestamp),
        });
        Some((sequence, start, true))
    }
}

impl Shift {
    /// Whether the packet is of the same stream and nothing else was sent since the last.
    fn goes_on(&self, place: Place, sender: &Sender) -> bool {
        self.stream == place.stream
            && low(self.newest).wrapping_add(self.sequence).wrapping_add(1) == sender.next_sequence()
    }
}

fn low(sequence: u32) -> u16 {
    (sequence & 0xffff) as u16
}
