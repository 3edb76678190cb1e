//! What one port says, heard at another: at once, with a new header, and no sample touched unless the two
//! legs speak different laws.

use std::time::{Duration, Instant};

use crate::batch::PacketBatch;
use crate::codec::g711;
use crate::hearing::{Arrival, Content};
use crate::port::Port;
use crate::rtp::{Header, Place, Sender, ahead};

/// How far a relayed clock may drift from ours, in samples (5 s), before we no longer believe it: two clocks
/// that differ by 100 ppm take 14 hours, a peer that restarts its clock a moment.
const DRIFT_MAX: u32 = 40_000;

/// A bridge without a packet for this long is filled with silence: the other side is on hold, suppresses
/// silence or has vanished, and neither NAT bindings nor phones like to hear nothing.
pub(crate) const QUIET: Duration = Duration::from_secs(1);

/// One side of a bridge: whom this port hears.
#[derive(Debug)]
pub(crate) struct Joined {
    /// The place of the other port in the slab.
    pub place: usize,
    /// When a packet last came across, or would have.
    pub relayed_at: Instant,
    relay: Relay,
}

impl Joined {
    pub(crate) fn new(now: Instant, place: usize) -> Self {
        Self { place, relayed_at: now, relay: Relay::default() }
    }
}

impl Port {
    /// Sends what the other side of the bridge said. Nothing while this port is on hold, or hears a prompt
    /// or is sent a key instead.
    pub(crate) fn relay(&mut self, now: Instant, arrival: &Arrival<'_>, packets: &mut PacketBatch) {
        let target = self.target();
        let (Some(joined), Some(session)) = (&mut self.joined, &self.session) else { return };
        let Some(to) = target.filter(|_| session.sends && self.playback.is_none() && !self.keys.is_busy())
        else {
            joined.relay.pause();
            joined.relayed_at = now;
            return;
        };
        let payload_type = match arrival.content {
            Content::Audio(..) => Some(session.payload_type),
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
        let is_audio = matches!(arrival.content, Content::Audio(..));
        let carried = joined.relay.carry(now, &mut self.sender, arrival.place, arrival.timestamp, is_audio);
        let Some((sequence, timestamp, begins)) = carried else { return };
        let marked = arrival.marked || (begins && is_audio);
        let header = Header { payload_type, marked, sequence, timestamp, ssrc: 0 };
        joined.relayed_at = now;
        match arrival.content {
            Content::Audio(codec, payload) => {
                let header = self.sender.relayed(header, payload.len() as u32);
                if let Some(recorder) = &mut self.recorder {
                    let lead = ahead(header.timestamp, self.sender.timestamp_at(now));
                    recorder.told(now, lead, codec, payload);
                }
                packets.push(self.id, to, &header, self.sealer.as_deref_mut(), |bytes| {
                    if codec == session.codec {
                        bytes.extend_from_slice(payload);
                    } else {
                        bytes.extend(
                            payload
                                .iter()
                                .map(|byte| g711::transcoded(codec.law().unwrap_or(g711::Law::Mu), *byte)),
                        );
                    }
                });
            }
            Content::Key(event) => {
                let header = self.sender.relayed(header, u32::from(event.duration));
                packets.push(self.id, to, &header, self.sealer.as_deref_mut(), |bytes| {
                    bytes.extend_from_slice(&event.bytes())
                });
            }
            Content::Withheld => {}
        }
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
            let drift = ahead(moved, sender.timestamp_at(now)).unsigned_abs();
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
