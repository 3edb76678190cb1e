//! Playing, relaying, hearing keys and sending them allocates nothing once the buffers have grown.
#![expect(unsafe_code, reason = "an allocator that counts can only be had by implementing GlobalAlloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::sdp::{Codec, Session};
use media::{
    Channels, Command, Conference, Digit, Event, PacketBatch, Playlist, PortId, Prompt, RecordingId,
    RecordingPlan, Shard, Slot,
};
use primitives::Seed;

thread_local! {
    /// Of this thread: the test runner's own threads allocate when they like.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

/// The system's allocator, counted.
struct Counting;

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the promises of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `GlobalAlloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the promises of `GlobalAlloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

struct Node {
    shard: Shard,
    now: Instant,
    ticks: u64,
    packets: PacketBatch,
    events: Vec<Event>,
    sent: u64,
    keys: u64,
    chunks: u64,
}

impl Node {
    /// One second of a caller on each even port who talks and presses a key, all that is played, and keys
    /// sent.
    fn second(&mut self, ports: u64, sequence: &mut u16) {
        for frame in 0..50_u32 {
            for _ in 0..20 {
                self.now += Duration::from_millis(1);
                self.shard.tick(self.now, Slot::of_tick(self.ticks), &mut self.packets, &mut self.events);
                self.ticks += 1;
                self.drain();
            }
            *sequence = sequence.wrapping_add(1);
            for port in (0..ports).step_by(2) {
                self.talk(port, *sequence, frame);
            }
            if frame == 10 {
                let digit = Digit::from_event(5).unwrap();
                self.shard.command(self.now, Command::SendDigit { port: PortId(3), digit }, &mut self.events);
            }
        }
    }

    /// The first four bridges become two conferences.
    fn confer(&mut self) {
        for first in [0, 4] {
            let ports: Vec<PortId> = (first..first + 4).map(PortId).collect();
            let conference = Conference::of(&ports).unwrap();
            self.shard.command(self.now, Command::Confer { conference }, &mut self.events);
        }
    }

    fn talk(&mut self, port: u64, sequence: u16, frame: u32) {
        let mut packet = [0x55_u8; 172];
        let is_key = frame >= 40;
        packet[0] = 0x80;
        packet[1] = if is_key { 101 } else { 0 };
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        let timestamp = u32::from(sequence) * 160 - if is_key { (frame - 40) * 160 } else { 0 };
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&9_u32.to_be_bytes());
        let length = if is_key { 16 } else { 172 };
        packet[12..16].copy_from_slice(&[7, 10, 0, 200]);
        let from = home(port);
        let packet = &mut packet[..length];
        self.shard.receive(self.now, PortId(port), from, packet, &mut self.packets, &mut self.events);
        self.drain();
    }

    fn drain(&mut self) {
        self.sent += self.packets.iter().count() as u64;
        self.packets.clear();
        let is_chunk = |event: &&Event| matches!(event, Event::Recorded { .. });
        self.chunks += self.events.iter().filter(is_chunk).count() as u64;
        let is_key = |event: &&Event| matches!(event, Event::Digit { .. });
        self.keys += self.events.iter().filter(is_key).count() as u64;
        self.events.clear();
    }
}

fn home(port: u64) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 10_000 + port as u16))
}

#[test]
fn a_packet_played_relayed_or_heard_allocates_nothing() {
    const PORTS: u64 = 200;
    let mut node = Node {
        shard: Shard::new(Seed::numbered(1)),
        now: Instant::now(),
        ticks: 0,
        packets: PacketBatch::default(),
        events: Vec::new(),
        sent: 0,
        keys: 0,
        chunks: 0,
    };
    let tone =
        Arc::new(Prompt::tone(&[440.0], Duration::from_secs(1), Duration::ZERO, Duration::from_secs(1)));
    for port in (0..PORTS).map(PortId) {
        // Every other bridge speaks two codecs.
        let (codec, payload_type) = if port.0 % 4 == 1 { (Codec::Pcma, 8) } else { (Codec::Pcmu, 0) };
        let session = Session {
            remote: home(port.0),
            codec,
            payload_type,
            telephone_event: Some(101),
            ptime: Duration::from_millis(20),
            sends: true,
            receives: true,
            comfort_noise: false,
            rtcp_mux: false,
            srtp: None,
        };
        let playlist = Playlist {
            prompts: vec![tone.clone()],
            repeats: true,
            lead_in: Duration::from_millis(500),
            id: 1,
        };
        let local = home(port.0);
        node.shard.command(node.now, Command::Open { port, local }, &mut node.events);
        node.shard.command(node.now, Command::Apply { port, session }, &mut node.events);
        node.shard.command(node.now, Command::Play { port, playlist }, &mut node.events);
    }
    // Every tenth call is recorded: a second of it is handed over in a piece of its own.
    for port in (0..PORTS).step_by(10).map(PortId) {
        let plan =
            RecordingPlan { id: RecordingId(port.0), channels: Channels::Both, hush_after: Duration::ZERO };
        node.shard.command(node.now, Command::Record { port, plan }, &mut node.events);
    }
    for port in (0..PORTS / 2).step_by(2) {
        let bridge = Command::Bridge { a: PortId(port), b: PortId(port + 1) };
        node.shard.command(node.now, bridge, &mut node.events);
    }
    node.confer();
    let mut sequence = 0;
    // In the second second the callers, who hear nobody, begin to be sent silence: the fullest tick.
    node.second(PORTS, &mut sequence);
    node.second(PORTS, &mut sequence);
    (node.sent, node.keys, node.chunks) = (0, 0, 0);
    let before = ALLOCATIONS.get();
    node.second(PORTS, &mut sequence);
    node.second(PORTS, &mut sequence);
    let allocations = ALLOCATIONS.get() - before;
    assert!(node.sent > 14_000 && node.keys == PORTS, "{} packets, {} keys", node.sent, node.keys);
    assert_eq!(node.chunks, 2 * PORTS / 10);
    // `Bytes` of a copy: the audio, and now and then the list of events that grows.
    assert!(
        allocations <= node.chunks + 4,
        "{allocations} in {} packets, {} seconds",
        node.sent,
        node.chunks
    );
}
