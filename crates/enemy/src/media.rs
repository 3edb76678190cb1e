//! What comes to the media: descriptions of sessions (SDP), and packets on ports that speak, are bridged, in a
//! conference and recorded.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arbitrary::Unstructured;
use media::codec::Codec;
use media::sdp::{Encryption, Local, Session, accept, answer};
use media::{
    Channels, Command, Conference, Digit, Event, PacketBatch, PortId, RecordingId, RecordingPlan, Shard, Slot,
};
use primitives::Seed;

const CODECS: [Codec; 6] = [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus, Codec::L16, Codec::L16Wide];

/// A description, as an offer and as an answer. What we answer can be read by who offered, and says the same to him.
pub fn sdp(bytes: &[u8]) {
    let address = SocketAddr::from(([192, 0, 2, 1], 20_000));
    let local = Local {
        address,
        codecs: &CODECS,
        session_id: 1,
        version: 1,
        hold: false,
        encryption: Encryption::Off,
    };
    if let Ok((ours, session)) = answer(bytes, local) {
        let read = accept(&taken_alone(&ours), local).expect("our answer can be read");
        assert_eq!(read.codec, session.codec, "both sides agree on a codec");
        assert!(session.ptime >= Duration::from_millis(10) && session.ptime <= Duration::from_millis(60));
    }
    let _ = accept(bytes, local);
}

/// The answer as who offered the one stream that was taken would see it: we offer one stream and so read one.
fn taken_alone(answer: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(answer);
    let mut sections = text.split("\r\nm=");
    let beginning = sections.next().unwrap_or_default();
    let is_taken = |section: &&str| section.split(' ').nth(1) != Some("0");
    let taken = sections.find(is_taken).expect("one stream was taken");
    format!("{beginning}\r\nm={}\r\n", taken.trim_end()).into_bytes()
}

/// Audio that may hold keys as tones: each byte a sample of µ-law, in packets of which some never come. Nobody can press
/// more keys than a telephone can send (ITU-T Q.24: 40 ms of tone at least, and a pause).
pub fn tones(bytes: &[u8]) {
    const PORT: PortId = PortId(0);
    let Some((settings, audio)) = bytes.split_first() else { return };
    let start = Instant::now();
    let mut shard = Shard::new(Seed::numbered(1));
    let (mut events, mut out) = (Vec::new(), PacketBatch::default());
    let mut random = Unstructured::new(&[]);
    let session =
        Session { payload_type: 0, telephone_event: None, ..session(PORT.0, Codec::Pcmu, &mut random) };
    let remote = session.remote;
    shard.command(start, Command::Open { port: PORT, local: remote }, &mut events);
    shard.command(start, Command::Apply { port: PORT, session }, &mut events);
    let mut played = 0;
    for (number, samples) in audio.chunks(160).enumerate().take(2_000) {
        let now = start + Duration::from_millis(20) * number as u32;
        shard.tick(now, Slot::of_tick(0), &mut out, &mut events);
        out.clear();
        if settings & 1 == 1 && number % 16 == usize::from(settings >> 4) {
            continue;
        }
        let mut packet = vec![0x80, 0];
        packet.extend((number as u16).to_be_bytes());
        packet.extend((number as u32 * 160).to_be_bytes());
        packet.extend([0, 0, 0, 9]);
        packet.extend(samples);
        shard.receive(now, PORT, remote, &mut packet, &mut out, &mut events);
        played = number as u64 + 1;
    }
    let keys = events.iter().filter(|event| matches!(event, Event::Digit { .. })).count() as u64;
    assert!(keys <= 1 + played * 20 / 50, "{keys} keys in {played} packets");
}

/// Ports of a run.
const PORTS: u64 = 4;
/// Bytes sealed into one datagram at most.
const PACKET_BYTES_MAX: usize = 1_500;

/// Packets, keys, joins and parts in any order, at any pace. Every packet that comes is counted once; what goes out
/// fits a datagram; a port that is closed says so once.
pub fn packets(bytes: &[u8]) {
    let mut random = Unstructured::new(bytes);
    let start = Instant::now();
    let (mut now, mut tick) = (start, 0_u64);
    let mut shard = Shard::new(Seed::numbered(1));
    let (mut events, mut out) = (Vec::new(), PacketBatch::default());
    for port in 0..PORTS {
        let codec = random.choose(&CODECS).copied().unwrap_or(Codec::Pcmu);
        let (port, session) = (PortId(port), session(port, codec, &mut random));
        shard.command(now, Command::Open { port, local: session.remote }, &mut events);
        shard.command(now, Command::Apply { port, session }, &mut events);
    }
    let mut came = [0_u64; PORTS as usize];
    while !random.is_empty() {
        let port = PortId(random.int_in_range(0..=PORTS - 1).unwrap_or_default());
        match random.int_in_range(0..=9).unwrap_or(0_u8) {
            0..=5 => {
                let mut packet = packet(&mut random);
                let from = home(port.0, random.ratio(1, 8).unwrap_or(false));
                shard.receive(now, port, from, &mut packet, &mut out, &mut events);
                came[port.0 as usize] += 1;
            }
            6 => {
                for _ in 0..random.int_in_range(0..=60).unwrap_or(0_u64) {
                    tick += 1;
                    now = start + Duration::from_millis(tick);
                    shard.tick(now, Slot::of_tick(tick), &mut out, &mut events);
                }
            }
            kind => shard.command(now, command(kind, port, &mut random), &mut events),
        }
        assert!(
            out.iter().all(|(_, bytes)| bytes.len() <= PACKET_BYTES_MAX),
            "what goes out fits a datagram"
        );
        out.clear();
    }
    for port in (0..PORTS).map(PortId) {
        shard.command(now, Command::Close { port }, &mut events);
    }
    assert_eq!(shard.ports(), 0, "nothing is left");
    let closed = events.iter().filter_map(|event| match event {
        Event::Closed { port, stats } => Some((port.0 as usize, stats)),
        _ => None,
    });
    let closed: Vec<_> = closed.collect();
    assert_eq!(closed.len(), PORTS as usize, "each port says once that it is closed");
    for (port, stats) in closed {
        let counted = stats.packets_received + stats.packets_refused + stats.rtcp_received;
        assert_eq!(counted, came[port], "every packet of port {port} is counted once");
    }
}

fn home(port: u64, is_stranger: bool) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, if is_stranger { 99 } else { 7 }], 30_000 + port as u16))
}

fn session(port: u64, codec: Codec, random: &mut Unstructured<'_>) -> Session {
    Session {
        remote: home(port, false),
        codec,
        payload_type: 96,
        telephone_event: random.ratio(1, 2).unwrap_or(false).then_some(101),
        ptime: Duration::from_millis(random.int_in_range(1..=6).unwrap_or(2) * 10),
        sends: true,
        receives: true,
        comfort_noise: false,
        rtcp_mux: true,
        srtp: None,
    }
}

/// An RTP packet that could be one, RTCP that could be, or bytes.
fn packet(random: &mut Unstructured<'_>) -> Vec<u8> {
    let mut bytes = match random.int_in_range(0..=3).unwrap_or(0_u8) {
        0 => Vec::new(),
        1 => vec![0x81, 200, 0, 12],
        _ => {
            let kind = *random.choose(&[0_u8, 8, 96, 101, 13, 72]).unwrap_or(&0);
            let number: u16 = random.int_in_range(0..=40).unwrap_or_default();
            let mut head = vec![0x80, kind];
            head.extend(number.to_be_bytes());
            head.extend((u32::from(number) * 160).to_be_bytes());
            head.extend(random.int_in_range(1..=2).unwrap_or(1_u32).to_be_bytes());
            head
        }
    };
    let length = random.int_in_range(0..=400).unwrap_or(0_usize);
    bytes.extend(random.bytes(length.min(random.len())).unwrap_or_default());
    bytes
}

fn command(kind: u8, port: PortId, random: &mut Unstructured<'_>) -> Command {
    let other = PortId((port.0 + 1) % PORTS);
    match (kind, random.int_in_range(0..=3).unwrap_or(0_u8)) {
        (7, 0) => Command::Unbridge { port },
        (7, 1) => {
            let conference =
                Conference::of(&[PortId(0), PortId(1), PortId(2)]).expect("three are not too many");
            Command::Confer { conference }
        }
        (7, _) => Command::Bridge { a: port, b: other },
        (8, 0) => Command::StopRecording { port },
        (8, 1) => Command::PauseRecording { port, paused: random.ratio(1, 2).unwrap_or(false) },
        (8, _) => {
            let plan = RecordingPlan {
                id: RecordingId(1),
                channels: Channels::Both,
                hush_after: Duration::from_millis(200),
            };
            Command::Record { port, plan }
        }
        (_, 0) => Command::MuteDigits { port, muted: random.ratio(1, 2).unwrap_or(false) },
        (_, 1) => Command::Stop { port },
        _ => {
            let digit = Digit::from_char(*random.choose(&['1', '9', '#']).unwrap_or(&'1'));
            digit.map_or(Command::Stop { port }, |digit| Command::SendDigit { port, digit })
        }
    }
}
