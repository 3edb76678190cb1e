//! What one packet costs beside the system calls: `cargo bench -p careline-media`.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::print_stdout, reason = "a benchmark is read on the terminal")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::sdp::{Codec, Session};
use media::{Command, PacketBatch, Playlist, PortId, Prompt, Shard, Slot};
use primitives::Seed;

/// As many as a busy node has.
const PORTS: u64 = 1_000;
const SECONDS: u32 = 20;

fn main() {
    println!("played   {:7.1} ns a packet", played());
    println!("relayed  {:7.1} ns a packet, same codec", relayed(Codec::Pcmu));
    println!("relayed  {:7.1} ns a packet, PCMU to PCMA", relayed(Codec::Pcma));
}

fn home(port: u64) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 10_000 + (port & 0x3fff) as u16))
}

/// A shard whose odd ports speak `odd`.
fn shard(now: Instant, odd: Codec) -> Shard {
    let mut shard = Shard::new(Seed::numbered(1));
    let mut events = Vec::new();
    for port in (0..PORTS).map(PortId) {
        let codec = if port.0 % 2 == 1 { odd } else { Codec::Pcmu };
        let session = Session {
            remote: home(port.0),
            codec,
            payload_type: if codec == Codec::Pcmu { 0 } else { 8 },
            telephone_event: Some(101),
            ptime: Duration::from_millis(20),
            sends: true,
            receives: true,
            comfort_noise: false,
            rtcp_mux: false,
            srtp: None,
        };
        shard.command(now, Command::Open { port, local: home(port.0) }, &mut events);
        shard.command(now, Command::Apply { port, session }, &mut events);
    }
    shard
}

/// Nanoseconds a packet of hold music, ticks included.
fn played() -> f64 {
    let start = Instant::now();
    let mut shard = shard(start, Codec::Pcmu);
    let mut events = Vec::new();
    let prompt = Prompt::tone(&[440.0], Duration::from_secs(7), Duration::ZERO, Duration::from_secs(7));
    let prompts = vec![Arc::new(prompt)];
    for port in (0..PORTS).map(PortId) {
        let playlist = Playlist { prompts: prompts.clone(), repeats: true, lead_in: Duration::ZERO, id: 1 };
        shard.command(start, Command::Play { port, playlist }, &mut events);
    }
    let mut packets = PacketBatch::default();
    let mut sent = 0;
    let begun = Instant::now();
    for tick in 0..SECONDS * 1_000 {
        let now = start + Duration::from_millis(1) * tick;
        shard.tick(now, Slot::of_tick(tick.into()), &mut packets, &mut events);
        sent += black_box(&packets).iter().count();
        packets.clear();
    }
    begun.elapsed().as_nanos() as f64 / sent as f64
}

/// Nanoseconds a packet from one side of a bridge to the other.
fn relayed(odd: Codec) -> f64 {
    let start = Instant::now();
    let mut shard = shard(start, odd);
    let mut events = Vec::new();
    for port in (0..PORTS).step_by(2) {
        let bridge = Command::Bridge { a: PortId(port), b: PortId(port + 1) };
        shard.command(start, bridge, &mut events);
    }
    let mut packets = PacketBatch::default();
    let mut sent = 0;
    let mut packet = [0x55_u8; 172];
    let begun = Instant::now();
    for frame in 0..SECONDS * 50 {
        let now = start + Duration::from_millis(20) * frame;
        let [_, _, high, low] = frame.to_be_bytes();
        let timestamp = (frame * 160).to_be_bytes();
        let header = [[0x80, 0, high, low], timestamp, [0, 0, 0, 9]].concat();
        for port in (0..PORTS).step_by(2) {
            for (byte, header) in packet.iter_mut().zip(&header) {
                *byte = *header;
            }
            let from = home(port);
            shard.receive(now, PortId(port), from, black_box(&mut packet), &mut packets, &mut events);
        }
        sent += black_box(&packets).iter().count();
        packets.clear();
    }
    begun.elapsed().as_nanos() as f64 / sent as f64
}
