//! One shard, its driver's loop on a virtual clock, and the peers at the far end of its ports.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::sdp::{Codec, Session};
use media::{Command, Digit, Event, PacketBatch, PlayEnd, Playlist, PortId, PortStats, Prompt, Shard, Slot};
use primitives::Seed;

pub const A: PortId = PortId(1_001);
pub const B: PortId = PortId(1_002);

/// Where the peer of a port is.
pub fn home(port: PortId) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port.0 as u16))
}

/// Both ways, keys at 101, 20 ms.
pub fn session(port: PortId, codec: Codec) -> Session {
    Session {
        remote: home(port),
        codec,
        payload_type: codec.payload_type(),
        telephone_event: Some(101),
        ptime: Duration::from_millis(20),
        sends: true,
        receives: true,
        comfort_noise: false,
        rtcp_mux: false,
        srtp: None,
    }
}

/// A packet the shard sent, read by the RFC and not by our own code.
#[derive(Clone, Debug)]
pub struct Sent {
    pub at: Instant,
    pub port: PortId,
    pub to: SocketAddr,
    pub payload_type: u8,
    pub marked: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: Vec<u8>,
}

impl Sent {
    fn read(at: Instant, port: PortId, to: SocketAddr, bytes: &[u8]) -> Self {
        assert_eq!(bytes[0], 0x80, "version 2, no padding, extension or contributors");
        Self {
            at,
            port,
            to,
            payload_type: bytes[1] & 0x7f,
            marked: bytes[1] & 0x80 != 0,
            sequence: u16::from_be_bytes([bytes[2], bytes[3]]),
            timestamp: u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            ssrc: u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
            payload: bytes[12..].to_vec(),
        }
    }

    pub fn is_silence(&self) -> bool {
        self.payload.iter().all(|byte| *byte == if self.payload_type == 0 { 0xff } else { 0xd5 })
    }
}

/// A shard and its driver.
pub struct Bench {
    pub shard: Shard,
    pub start: Instant,
    pub now: Instant,
    ticks: u64,
    pub sent: Vec<Sent>,
    pub events: Vec<Event>,
}

impl Bench {
    pub fn new() -> Self {
        let now = Instant::now();
        let shard = Shard::new(Seed::numbered(7));
        Self { shard, start: now, now, ticks: 0, sent: Vec::new(), events: Vec::new() }
    }

    /// Ports `A` and `B`, open and agreed.
    pub fn with_ports(a: Codec, b: Codec) -> Self {
        let mut bench = Self::new();
        for (port, codec) in [(A, a), (B, b)] {
            bench.open(port);
            bench.command(Command::Apply { port, session: session(port, codec) });
        }
        bench.events.clear();
        bench
    }

    pub fn open(&mut self, port: PortId) {
        self.command(Command::Open { port, local: SocketAddr::from(([127, 0, 0, 1], 40_000)) });
    }

    pub fn command(&mut self, command: Command) {
        self.shard.command(self.now, command, &mut self.events);
    }

    pub fn play(&mut self, port: PortId, id: u64, prompts: Vec<Arc<Prompt>>) {
        let playlist = Playlist { prompts, repeats: false, lead_in: Duration::ZERO, id };
        self.command(Command::Play { port, playlist });
    }

    /// Ticks each millisecond for so long.
    pub fn run_ms(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            self.now += Duration::from_millis(1);
            self.tick();
        }
    }

    /// Time goes by and the driver sleeps.
    pub fn stall_ms(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
    }

    pub fn tick(&mut self) {
        let mut packets = PacketBatch::default();
        self.shard.tick(self.now, Slot::of_tick(self.ticks), &mut packets, &mut self.events);
        self.ticks += 1;
        self.collect(&packets);
    }

    pub fn receive(&mut self, port: PortId, from: SocketAddr, packet: &[u8]) {
        let mut packets = PacketBatch::default();
        let mut bytes = packet.to_vec();
        self.shard.receive(self.now, port, from, &mut bytes, &mut packets, &mut self.events);
        self.collect(&packets);
    }

    fn collect(&mut self, packets: &PacketBatch) {
        let now = self.now;
        self.sent.extend(packets.iter().map(|(out, bytes)| Sent::read(now, out.port, out.to, bytes)));
    }

    /// What was sent from a port, and forgets it.
    pub fn take_sent(&mut self, port: PortId) -> Vec<Sent> {
        let (of_port, rest) = self.sent.drain(..).partition(|sent| sent.port == port);
        self.sent = rest;
        of_port
    }

    /// Keys heard at a port.
    pub fn keys(&self, port: PortId) -> String {
        let key = |event: &Event| match event {
            Event::Digit { port: at, digit } if *at == port => Some(digit.char()),
            _ => None,
        };
        self.events.iter().filter_map(key).collect()
    }

    pub fn finished(&self) -> Vec<(PortId, u64, PlayEnd)> {
        let finished = |event: &Event| match event {
            Event::PlayFinished { port, playlist, why } => Some((*port, *playlist, *why)),
            _ => None,
        };
        self.events.iter().filter_map(finished).collect()
    }

    pub fn close(&mut self, port: PortId) -> PortStats {
        self.command(Command::Close { port });
        match self.events.last() {
            Some(Event::Closed { port: closed, stats }) if *closed == port => *stats,
            other => unreachable!("closed, not {other:?}"),
        }
    }
}

/// The far end of a port.
pub struct Peer {
    pub from: SocketAddr,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub payload_type: u8,
}

impl Peer {
    pub fn new(port: PortId, codec: Codec) -> Self {
        let from = home(port);
        let payload_type = session(port, codec).payload_type;
        Self { from, ssrc: 77, sequence: 65_500, timestamp: u32::MAX - 5_000, payload_type }
    }

    pub fn packet(&self, payload_type: u8, marked: bool, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x80, payload_type | if marked { 0x80 } else { 0 }];
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend(self.ssrc.to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    /// The next packet of audio.
    pub fn audio(&mut self, payload: &[u8]) -> Vec<u8> {
        let packet = self.packet(self.payload_type, false, self.timestamp, payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(payload.len() as u32);
        packet
    }

    /// The packets of one key: start, updates, three ends, each 20 ms.
    pub fn key(&mut self, key: char) -> Vec<Vec<u8>> {
        let code = Digit::from_char(key).unwrap().event();
        let start = self.timestamp;
        let packets = (1..=7_u16)
            .map(|n| {
                let [high, low] = (160 * n.min(5)).to_be_bytes();
                let packet =
                    self.packet(101, n == 1, start, &[code, if n > 4 { 0x8a } else { 10 }, high, low]);
                self.sequence = self.sequence.wrapping_add(1);
                packet
            })
            .collect();
        self.timestamp = start.wrapping_add(160 * 10);
        packets
    }

    /// 20 ms of audio every 20 ms for so long, each packet made of what `frame` says of its number.
    pub fn talk(
        &mut self,
        bench: &mut Bench,
        port: PortId,
        packets: usize,
        frame: impl Fn(usize) -> Vec<u8>,
    ) {
        for n in 0..packets {
            bench.run_ms(20);
            let packet = self.audio(&frame(n));
            bench.receive(port, self.from, &packet);
        }
    }
}

/// A tone that goes on from packet to packet, as bytes on the wire.
pub fn tone_frame(codec: Codec, hz: f64) -> impl Fn(usize) -> Vec<u8> {
    tones_frame(codec, vec![hz])
}

/// The same of tones together, each the fainter the more there are.
pub fn tones_frame(codec: Codec, hz: Vec<f64>) -> impl Fn(usize) -> Vec<u8> {
    let mut bench = Bench::with_ports(codec, codec);
    let second = Duration::from_secs(1);
    bench.play(A, 1, vec![Arc::new(Prompt::tone(&hz, second, Duration::ZERO, second))]);
    bench.run_ms(999);
    let frames: Vec<Vec<u8>> = bench.take_sent(A).into_iter().map(|sent| sent.payload).collect();
    // A whole number of periods fits 20 ms for every multiple of 50 Hz: any frame may follow any other.
    move |n| frames[1 + n % (frames.len() - 2)].clone()
}

/// Samples of a G.711 payload, by the tables of the recommendation and not by our code.
pub fn decode(payload_type: u8, payload: &[u8]) -> Vec<f64> {
    let pcmu = |byte: u8| {
        let plain = !byte;
        let level = (((i32::from(plain & 0x0f) << 3) + 0x84) << ((plain >> 4) & 7)) - 0x84;
        if plain & 0x80 != 0 { -level } else { level }
    };
    let pcma = |byte: u8| {
        let plain = byte ^ 0x55;
        let (segment, step) = ((plain >> 4) & 7, i32::from(plain & 0x0f) << 4);
        let level = if segment == 0 { step + 8 } else { (step + 0x108) << (segment - 1) };
        if plain & 0x80 != 0 { level } else { -level }
    };
    payload.iter().map(|byte| f64::from(if payload_type == 0 { pcmu(*byte) } else { pcma(*byte) })).collect()
}

/// All audio of some packets.
pub fn sound(sent: &[Sent]) -> Vec<f64> {
    sent.iter().flat_map(|packet| decode(packet.payload_type, &packet.payload)).collect()
}

/// Goertzel's filter: how much of a sound's energy is at a frequency, 0 to 1.
pub fn share_at(hz: f64, samples: &[f64]) -> f64 {
    let coefficient = 2.0 * (std::f64::consts::TAU * hz / 8_000.0).cos();
    let (mut before, mut last) = (0.0, 0.0);
    for sample in samples {
        (before, last) = (last, sample + coefficient * last - before);
    }
    let power = before * before + last * last - coefficient * before * last;
    let energy: f64 = samples.iter().map(|sample| sample * sample).sum();
    if energy == 0.0 { 0.0 } else { 2.0 * power / (energy * samples.len() as f64) }
}

/// One stream: one source, no number left out or doubled, and timestamps that never go back over sound.
pub fn assert_continuous(sent: &[Sent]) {
    for pair in sent.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        assert_eq!(before.ssrc, after.ssrc, "one source");
        assert_eq!(after.sequence, before.sequence.wrapping_add(1), "one sequence: {before:?} {after:?}");
        let step = after.timestamp.wrapping_sub(before.timestamp).cast_signed();
        let is_key = |packet: &Sent| packet.payload_type == 101;
        let least = if is_key(before) || is_key(after) { 0 } else { before.payload.len() as i32 };
        assert!(step >= least, "timestamps go back by {step}: {before:?} {after:?}");
    }
}
