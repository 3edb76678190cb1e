//! A talker whose packets are lost, late, doubled and overtaken on their way, and what is made of them for a listener
//! with another codec: a tone without holes, in time.

use std::f64::consts::TAU;
use std::time::Duration;

use media::codec::{Codec, Decoder, Encoder};
use media::{Command, Conference, PortId};
use primitives::Seed;
use testkit::link::{Faults, Link};

use crate::support::{A, B, Bench, Sent, home, session};

const PACKETS: u64 = 1_000;
const TONE: f64 = 440.0;

/// What came of a talk over such a line.
struct Heard {
    sent: Vec<Sent>,
    /// Pieces of 5 ms of the listener's sound in which nothing is heard, but for the first half second.
    holes: usize,
    /// The longest a sample took from the talker to being sent on, over what the line takes at least.
    latest: Duration,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Twenty seconds of a tone from A, over a line with these faults, to whoever hears it at B in another codec.
fn talk(bench: &mut Bench, (from, to): (Codec, Codec), seed: u64, faults: Faults) -> Heard {
    let mut link = Link::new(Seed::numbered(seed), faults);
    let mut encoder = Encoder::new(from, 8_000);
    let start = bench.now;
    let mut said = Vec::new();
    for n in 0..PACKETS {
        let wave = |n: u64| (8_000.0 * (TAU * TONE * n as f64 / 8_000.0).sin()) as i16;
        let mut payload = Vec::new();
        encoder.encode(&(n * 160..n * 160 + 160).map(wave).collect::<Vec<i16>>(), &mut payload);
        let ticks = from.clock_hz() / 50;
        let mut packet = vec![0x80, from.payload_type()];
        packet.extend((n as u16).wrapping_add(65_000).to_be_bytes());
        packet.extend((n as u32).wrapping_mul(ticks).wrapping_sub(99_000).to_be_bytes());
        packet.extend(77_u32.to_be_bytes());
        packet.extend(payload);
        link.send(start + ms(20) * n as u32, packet);
        said.push(start + ms(20) * n as u32);
    }
    for _ in 0..PACKETS * 20 + 500 {
        bench.run_ms(1);
        while let Some(packet) = link.receive(bench.now) {
            bench.receive(A, home(A), &packet);
        }
    }
    let end = said[said.len() - 1];
    let sent: Vec<Sent> = bench.take_sent(B).into_iter().filter(|sent| sent.at <= end).collect();
    let (mut decoder, mut sound) = (Decoder::new(to, 8_000), Vec::new());
    sent.iter().for_each(|packet| decoder.decode(&packet.payload, &mut sound));
    let pieces = sound.as_chunks::<40>().0.iter().skip(100);
    let holes = pieces.filter(|piece| piece.iter().all(|sample| sample.unsigned_abs() < 800)).count();
    let step = to.clock_hz() / 50;
    let late = sent.iter().map(|packet| {
        let number = packet.timestamp.wrapping_sub(sent[0].timestamp) / step;
        (packet.at - start).saturating_sub(faults.delay + ms(20) * number)
    });
    Heard { holes, latest: late.max().unwrap_or_default(), sent }
}

fn bridge(from: Codec, to: Codec) -> Bench {
    let mut bench = Bench::with_ports(from, to);
    for (port, codec) in [(A, from), (B, to)] {
        bench.command(Command::Apply { port, session: session(port, codec) });
    }
    bench.command(Command::Bridge { a: A, b: B });
    bench
}

#[test]
fn with_loss_up_to_a_twentieth_and_jitter_the_listener_of_another_codec_hears_no_hole() {
    let pairs = [(Codec::Pcmu, Codec::L16), (Codec::G722, Codec::Pcmu), (Codec::Opus, Codec::Pcma)];
    for (pair, loss, jitter) in pairs
        .into_iter()
        .flat_map(|pair| [(0.01, 5), (0.05, 5), (0.05, 40), (0.0, 90)].map(|(l, j)| (pair, l, j)))
    {
        let faults = Faults { loss, duplication: 0.03, delay: ms(30), jitter: ms(jitter) };
        let heard = talk(&mut bridge(pair.0, pair.1), pair, 11, faults);
        println!("{pair:?} {loss} {jitter} ms: {} holes, {:?} late", heard.holes, heard.latest);
        assert!(heard.sent.len() > 990, "{pair:?} {loss} {jitter}: {}", heard.sent.len());
        // 3,900 pieces of 5 ms. Three packets lost in a row have faded, and the buffer learns in the beginning.
        assert!(heard.holes <= 8, "{pair:?} {loss} {jitter}: {} holes", heard.holes);
        assert!(heard.latest <= ms(jitter) + ms(60), "{pair:?} {loss} {jitter}: {:?}", heard.latest);
        for pair in heard.sent.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "in order, each once");
        }
    }
}

#[test]
fn an_even_line_is_heard_without_delay_and_a_relay_of_equal_codecs_never_waits() {
    for (from, to, jitter) in [(Codec::G722, Codec::Pcmu, 0), (Codec::G722, Codec::G722, 90)] {
        let faults = Faults { delay: ms(30), jitter: ms(jitter), ..Faults::default() };
        let mut bench = bridge(from, to);
        let heard = talk(&mut bench, (from, to), 12, faults);
        assert!(heard.latest <= ms(jitter + 1), "{from:?} {to:?}: {:?}", heard.latest);
    }
}

#[test]
fn a_conference_hears_no_hole_where_packets_of_a_speaker_are_lost() {
    let third = PortId(1_003);
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.open(third);
    bench.command(Command::Apply { port: third, session: session(third, Codec::Pcmu) });
    bench.command(Command::Confer { conference: Conference::of(&[A, B, third]).unwrap() });
    let faults = Faults { loss: 0.05, duplication: 0.03, delay: ms(30), jitter: ms(40) };
    let heard = talk(&mut bench, (Codec::Pcmu, Codec::Pcmu), 13, faults);
    assert!(heard.holes <= 20, "{} holes of 5 ms in twenty seconds", heard.holes);
}
