//! The ports of one media thread. Both ports of a bridge are in the same shard, so audio never crosses
//! threads.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use primitives::{Generator, Seed};
use slab::Slab;

use crate::batch::PacketBatch;
use crate::command::Command;
use crate::conference::Mixer;
use crate::event::Event;
use crate::hearing::{Listener, Onward, Played};
use crate::listening::Sound;
use crate::port::{Port, PortId};

/// One of the `Slot::COUNT` parts of the 20 ms between packets: calls are spread over them so that
/// packets do not leave in one burst.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Slot(u8);

impl Slot {
    /// Slots in 20 ms: one a millisecond.
    pub const COUNT: u8 = 20;

    /// The slot of a tick counted from the driver's start.
    pub const fn of_tick(tick: u64) -> Self {
        Self((tick % Self::COUNT as u64) as u8)
    }
}

/// Ports of one shard at most. One core relays some 3,500 streams of 50 packets a second (5.6 us each), so
/// more ports than this could not be served in time. Beyond it `Event::OpenFailed`.
pub const PORTS_MAX: usize = 4_096;

/// The ports of one media thread.
pub struct Shard {
    pub(crate) ports: Slab<Port>,
    /// The conferences that are mixed: fewer than there are ports.
    pub(crate) mixers: Slab<Mixer>,
    /// Where in the slab a port is.
    places: HashMap<PortId, usize, BuildHasherDefault<PortIdHasher>>,
    /// The ports of each slot of the 20 ms, by place.
    slots: [Vec<usize>; Slot::COUNT as usize],
    random: Generator,
    /// The packet that is being understood, and its samples.
    payload: Vec<u8>,
    pub(crate) sound: Sound,
}

impl Shard {
    /// How long a peer may be silent before `Event::Silent`.
    pub const SILENT_AFTER: Duration = Duration::from_secs(10);

    /// A shard without ports. SSRCs and the first sequence numbers and timestamps come from `seed`.
    pub fn new(seed: Seed) -> Self {
        Self {
            ports: Slab::new(),
            mixers: Slab::new(),
            places: HashMap::default(),
            slots: Default::default(),
            random: seed.part("media").generator(),
            payload: Vec::new(),
            sound: Sound::default(),
        }
    }

    /// Does what the call core wants. What it wants of a port that does not exist is passed over: the port
    /// was closed, and the command crossed the event that says so.
    pub fn command(&mut self, now: Instant, command: Command, events: &mut Vec<Event>) {
        match command {
            Command::Open { port, local: _ } => self.open(now, port, events),
            Command::Apply { port, session } => self.with(port, |port| port.apply(now, session)),
            Command::Play { port, playlist } => self.with(port, |port| port.play(playlist, events)),
            Command::Stop { port } => self.with(port, |port| port.stop(events)),
            Command::Bridge { a, b } => self.bridge(now, a, b, events),
            Command::Confer { conference } => self.confer(now, &conference, events),
            Command::Unbridge { port } => self.unbridge(now, port),
            Command::SendDigit { port, digit } => self.with(port, |port| port.press(digit)),
            Command::MuteDigits { port, muted } => self.with(port, |port| port.digits_muted = muted),
            Command::Record { port, plan } => self.with(port, |port| port.record(now, plan, events)),
            Command::PauseRecording { port, paused } => self.with(port, |port| {
                if let Some(recorder) = &mut port.recorder {
                    recorder.pause(now, paused);
                }
            }),
            Command::StopRecording { port } => self.with(port, |port| port.stop_recording(now, events)),
            Command::Close { port } => self.close(now, port, events),
        }
    }

    /// Takes one packet. Locks onto the source, and for a bridge puts the rewritten packet into `packets`
    /// at once: a relayed packet never waits for a tick. Keeps no reference to `packet`.
    pub fn receive(
        &mut self,
        now: Instant,
        port: PortId,
        from: SocketAddr,
        packet: &mut [u8],
        packets: &mut PacketBatch,
        events: &mut Vec<Event>,
    ) {
        let Some(place) = self.place(port) else { return };
        let listener = self.listener(place);
        let Some(speaker) = self.ports.get_mut(place) else { return };
        let arrival = speaker.hear(now, from, packet, listener, events);
        let (holds, listener) =
            (speaker.jitter.is_some(), speaker.joined.as_ref().map(|joined| joined.place));
        self.sound.clear();
        if let (Some(arrival), Some(listener)) =
            (arrival, listener.and_then(|place| self.ports.get_mut(place)))
        {
            listener.relay(now, &arrival, &self.sound, packets);
        }
        if holds {
            self.play_out(now, place, packets, events);
        }
    }

    /// Understands what is due of what a port said, for those who cannot be handed it as it came.
    fn play_out(&mut self, now: Instant, place: usize, packets: &mut PacketBatch, events: &mut Vec<Event>) {
        let mut payload = std::mem::take(&mut self.payload);
        let listener = self.listener(place);
        while let Some(speaker) = self.ports.get_mut(place) {
            let (seated, joined) = (speaker.seated, speaker.joined.as_ref().map(|joined| joined.place));
            let played = speaker.play_out(now, listener, &mut payload, &mut self.sound, events);
            let Some(Played { arrival, way }) = played else { break };
            if let Some(seated) = seated.filter(|_| way != Onward::Kept) {
                self.tell_conference(now, seated, &arrival);
            }
            let Some(listener) = joined.and_then(|place| self.ports.get_mut(place)) else { continue };
            match way {
                Onward::Kept => {}
                Onward::Told => listener.relay(now, &arrival, &self.sound, packets),
                Onward::WasTold => listener.record_relayed(now, &arrival, &self.sound),
            }
        }
        self.payload = payload;
    }

    /// Who hears a port over a bridge.
    fn listener(&self, place: usize) -> Option<Listener> {
        let joined = self.ports.get(place)?.joined.as_ref()?;
        self.ports.get(joined.place)?.listener()
    }

    /// Fills `packets` with this frame of every port that speaks and belongs to `slot` of the 20 ms.
    ///
    /// A driver that falls behind may leave ticks out or make them up: each port sends what is due by `now`,
    /// at most 80 ms of it at once, and takes the rest of a longer stall for a pause.
    pub fn tick(&mut self, now: Instant, slot: Slot, packets: &mut PacketBatch, events: &mut Vec<Event>) {
        for at in 0..self.slots.get(usize::from(slot.0)).map_or(0, Vec::len) {
            let Some(place) = self.slots.get(usize::from(slot.0)).and_then(|places| places.get(at)) else {
                continue;
            };
            let place = *place;
            if self.ports.get(place).is_some_and(|port| port.jitter.is_some()) {
                self.play_out(now, place, packets, events);
            }
            if let Some(port) = self.ports.get_mut(place) {
                let mixer = port.seated.and_then(|seated| self.mixers.get_mut(seated.mixer));
                port.speak(now, mixer, packets, events);
                if port.recorder.as_mut().is_some_and(|recorder| !recorder.turn(now, events)) {
                    port.stop_recording(now, events);
                }
            }
        }
    }

    /// Ports open.
    pub fn ports(&self) -> usize {
        self.ports.len()
    }

    fn open(&mut self, now: Instant, id: PortId, events: &mut Vec<Event>) {
        if self.ports.len() >= PORTS_MAX || self.places.contains_key(&id) {
            events.push(Event::OpenFailed { port: id });
            return;
        }
        let emptiest = (0..Slot::COUNT).zip(&mut self.slots).min_by_key(|(_, places)| places.len());
        let Some((slot, places)) = emptiest else { return };
        let place = self.ports.insert(Port::new(now, id, Slot(slot), &mut self.random));
        places.push(place);
        self.places.insert(id, place);
        events.push(Event::Opened { port: id });
    }

    fn close(&mut self, now: Instant, id: PortId, events: &mut Vec<Event>) {
        self.unbridge(now, id);
        let Some(place) = self.places.remove(&id) else { return };
        let Some(mut port) = self.ports.try_remove(place) else { return };
        if let Some(places) = self.slots.get_mut(usize::from(port.slot.0)) {
            places.retain(|other| *other != place);
        }
        port.stop(events);
        port.stop_recording(now, events);
        events.push(Event::Closed { port: id, stats: port.stats() });
    }

    /// A bridge either side is in already is parted first. A port cannot be joined to itself.
    pub(crate) fn bridge(&mut self, now: Instant, a: PortId, b: PortId, events: &mut Vec<Event>) {
        let (Some(at), Some(bt)) = (self.place(a), self.place(b)) else { return };
        if at == bt {
            return;
        }
        self.unbridge(now, a);
        self.unbridge(now, b);
        for (port, other) in [(a, bt), (b, at)] {
            self.with(port, |port| {
                port.stop(events);
                port.join(now, other);
            });
        }
    }

    pub(crate) fn unbridge(&mut self, now: Instant, id: PortId) {
        let Some(place) = self.place(id) else { return };
        self.leave_conference(now, place);
        let Some(port) = self.ports.get_mut(place) else { return };
        let Some(other) = port.joined.as_ref().map(|joined| joined.place) else { return };
        port.part();
        if let Some(other) = self.ports.get_mut(other) {
            other.part();
        }
    }

    /// Where in the slab a port is.
    pub(crate) fn place(&self, id: PortId) -> Option<usize> {
        self.places.get(&id).copied()
    }

    fn with(&mut self, id: PortId, change: impl FnOnce(&mut Port)) {
        if let Some(port) = self.places.get(&id).and_then(|place| self.ports.get_mut(*place)) {
            change(port);
        }
    }
}

/// A shard holds what people key and say; its size is all a log needs.
impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shard({} ports)", self.ports.len())
    }
}

/// One multiplication: every packet looks its port up, and port numbers are ours, so nobody can choose them
/// to collide.
#[derive(Default)]
struct PortIdHasher(u64);

impl Hasher for PortIdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        // 2^64 over the golden ratio (Knuth, 6.4): neighbours end up far apart, in the upper bits too, by
        // which the table tells its entries from one another.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }
}
