//! Two ports joined that speak different codecs, or want packets of different lengths.

use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use media::codec::{Codec, Decoder, Encoder};
use media::sdp::Session;
use media::{Command, PortId, Prompt};
use proptest::prelude::{any, prop, proptest};

use crate::support::{A, B, Bench, Sent, home, session};

const HZ: u32 = 16_000;

/// A telephone that says a tone in its codec.
struct Phone {
    port: PortId,
    codec: Codec,
    ms: u64,
    encoder: Encoder,
    sequence: u16,
    timestamp: u32,
    said: usize,
}

impl Phone {
    fn new(port: PortId, codec: Codec, ms: u64) -> Self {
        let encoder = Encoder::new(codec, HZ);
        Self { port, codec, ms, encoder, sequence: 65_500, timestamp: u32::MAX - 9_000, said: 0 }
    }

    /// The next packet of a tone.
    fn packet(&mut self, hz: f64) -> Vec<u8> {
        let length = (u64::from(HZ) / 1_000 * self.ms) as usize;
        let samples: Vec<i16> = (self.said..self.said + length)
            .map(|n| (8_000.0 * (TAU * hz * n as f64 / f64::from(HZ)).sin()) as i16)
            .collect();
        self.said += length;
        let mut payload = Vec::new();
        self.encoder.encode(&samples, &mut payload);
        let mut packet = vec![0x80, self.codec.payload_type()];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(77_u32.to_be_bytes());
        packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(ticks(self.codec, self.ms));
        packet
    }
}

fn ticks(codec: Codec, ms: u64) -> u32 {
    codec.clock_hz() / 1_000 * ms as u32
}

fn bench((a, a_ms): (Codec, u64), (b, b_ms): (Codec, u64)) -> Bench {
    let mut bench = Bench::with_ports(a, b);
    for (port, codec, ms) in [(A, a, a_ms), (B, b, b_ms)] {
        let session = Session { ptime: Duration::from_millis(ms), ..session(port, codec) };
        bench.command(Command::Apply { port, session });
    }
    bench.command(Command::Bridge { a: A, b: B });
    bench
}

/// What B is sent of two seconds of a tone that A says.
fn through(bench: &mut Bench, phone: &mut Phone, hz: f64) -> Vec<Sent> {
    for _ in 0..2_000 / phone.ms {
        bench.run_ms(phone.ms);
        let packet = phone.packet(hz);
        bench.receive(phone.port, home(phone.port), &packet);
    }
    bench.take_sent(B)
}

fn decoded(codec: Codec, sent: &[Sent]) -> Vec<i16> {
    let (mut decoder, mut out) = (Decoder::new(codec, HZ), Vec::new());
    sent.iter().for_each(|packet| decoder.decode(&packet.payload, &mut out));
    out
}

/// How far everything else is below the tone, in decibels: noise and distortion together.
fn clarity(samples: &[i16], hz: f64) -> f64 {
    let settled = &samples[HZ as usize / 2..];
    let wave = |n: usize| (TAU * hz * n as f64 / f64::from(HZ)).sin_cos();
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in settled.iter().enumerate() {
        re += f64::from(*sample) * wave(n).1;
        im += f64::from(*sample) * wave(n).0;
    }
    let half = settled.len() as f64 / 2.0;
    let (re, im) = (re / half, im / half);
    let rest = |(n, sample): (usize, &i16)| (f64::from(*sample) - re * wave(n).1 - im * wave(n).0).powi(2);
    let rest: f64 = settled.iter().enumerate().map(rest).sum();
    10.0 * ((re * re + im * im) * half / rest.max(1.0)).log10()
}

/// The least clarity of a codec alone, in decibels: what was measured, less some 3 dB.
const fn bound(codec: Codec) -> f64 {
    match codec {
        Codec::Pcmu | Codec::Pcma => 34.0,
        Codec::G722 => 36.0,
        Codec::L16 | Codec::L16Wide => 60.0,
        Codec::Opus => 22.0,
    }
}

fn assert_continuous(codec: Codec, ms: u64, sent: &[Sent]) {
    for pair in sent.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(ticks(codec, ms)), "{codec:?}");
        assert!(!pair[1].marked);
    }
}

#[test]
fn a_tone_passes_through_every_pair_of_codecs_as_clear_as_the_poorer_of_the_two() {
    for from in Codec::ALL {
        for to in Codec::ALL {
            let mut bench = bench((from, 20), (to, 20));
            let sent = through(&mut bench, &mut Phone::new(A, from, 20), 1_000.0);
            assert_eq!(sent.len(), 100, "{from:?} to {to:?}: each packet at once");
            assert_continuous(to, 20, &sent);
            assert!(sent.iter().all(|packet| packet.payload_type == to.payload_type()));
            let clarity = clarity(&decoded(to, &sent), 1_000.0);
            // Two that are equally poor are 3 dB poorer together.
            let least = bound(from).min(bound(to)) - 3.0;
            assert!(clarity > least, "{from:?} to {to:?}: {clarity:.1} dB, at least {least:.1}");
            println!("{from:?} to {to:?}: {clarity:.1} dB of {least:.1}");
        }
    }
}

#[test]
fn between_wideband_codecs_what_the_telephone_loses_is_kept() {
    for from in [Codec::G722, Codec::L16Wide, Codec::Opus] {
        for to in [Codec::G722, Codec::L16Wide, Codec::Opus] {
            let mut bench = bench((from, 20), (to, 20));
            let sent = through(&mut bench, &mut Phone::new(A, from, 20), 5_000.0);
            let clarity = clarity(&decoded(to, &sent), 5_000.0);
            assert!(clarity > 16.0, "{from:?} to {to:?}: {clarity:.1} dB");
        }
    }
}

#[test]
fn equal_codecs_with_equal_packets_are_relayed_byte_for_byte() {
    for codec in Codec::ALL {
        let mut bench = bench((codec, 20), (codec, 20));
        let mut phone = Phone::new(A, codec, 20);
        for _ in 0..50 {
            bench.run_ms(20);
            let packet = phone.packet(700.0);
            bench.receive(A, home(A), &packet);
            let sent = bench.take_sent(B);
            assert_eq!(sent.len(), 1);
            assert_eq!(sent[0].payload, packet[12..], "{codec:?}");
        }
    }
}

#[test]
fn packets_of_10_ms_become_packets_of_60_and_the_other_way_round() {
    for codec in Codec::ALL.into_iter().filter(|codec| *codec != Codec::Opus) {
        for (from, to) in [(10, 60), (60, 10), (20, 30), (30, 20), (40, 50)] {
            // Packets of 60 ms of 16 kHz samples would fit no Ethernet frame.
            let [from, to_ms] =
                [from, to].map(|ms| codec.ptime(Duration::from_millis(ms)).as_millis() as u64);
            let mut bench = bench((codec, from), (codec, to));
            let sent = through(&mut bench, &mut Phone::new(A, codec, from), 1_000.0);
            let per_ms = codec.bytes_per_ms().unwrap();
            assert!(sent.iter().all(|packet| packet.payload.len() == per_ms * to_ms as usize), "{codec:?}");
            assert_continuous(codec, to_ms, &sent);
            let whole = (2_000 / from * from / to_ms) as usize;
            assert!(sent.len() == whole, "{codec:?} {from} to {to}: {} of {whole}", sent.len());
            let clarity = clarity(&decoded(codec, &sent), 1_000.0);
            assert!(clarity > bound(codec), "{codec:?} {from} to {to} ms: {clarity:.1} dB");
        }
    }
}

#[test]
fn a_lost_packet_is_made_up_in_a_remade_stream_whose_numbers_have_no_gap() {
    for from in [Codec::Pcmu, Codec::G722, Codec::L16, Codec::L16Wide, Codec::Opus] {
        let to = if from == Codec::Pcmu { Codec::G722 } else { Codec::Pcmu };
        let mut bench = bench((from, 20), (to, 20));
        let mut phone = Phone::new(A, from, 20);
        for n in 0..50 {
            bench.run_ms(20);
            let packet = phone.packet(700.0);
            if n != 25 {
                bench.receive(A, home(A), &packet);
            }
        }
        let sent = bench.take_sent(B);
        assert_eq!(sent.len(), 50);
        assert_continuous(to, 20, &sent);
        let heard = decoded(to, &sent);
        let loudest = |frame: usize| heard[frame * 320..][..320].iter().max().copied().unwrap_or(0);
        assert!((23..29).all(|frame| loudest(frame) > 6_000), "{from:?}: no hole where it was lost");
    }
}

#[test]
fn a_key_among_packets_that_are_remade_is_a_key_on_the_other_side() {
    let mut bench = bench((Codec::G722, 20), (Codec::Pcmu, 20));
    let mut phone = Phone::new(A, Codec::G722, 20);
    through(&mut bench, &mut phone, 700.0);
    for n in 1..=7_u16 {
        bench.run_ms(20);
        let mut packet = vec![0x80, if n == 1 { 101 | 0x80 } else { 101 }];
        packet.extend(phone.sequence.to_be_bytes());
        packet.extend(phone.timestamp.to_be_bytes());
        packet.extend(77_u32.to_be_bytes());
        let [high, low] = (160 * n.min(5)).to_be_bytes();
        packet.extend([5, if n > 4 { 0x8a } else { 10 }, high, low]);
        phone.sequence = phone.sequence.wrapping_add(1);
        bench.receive(A, home(A), &packet);
    }
    phone.timestamp = phone.timestamp.wrapping_add(7 * 160);
    let keys = bench.take_sent(B);
    assert_eq!(keys.len(), 7);
    assert!(keys.iter().all(|key| key.payload_type == 101 && key.timestamp == keys[0].timestamp));
    assert_eq!(keys[6].payload, [5, 0x8a, 3, 32]);
    let sent = through(&mut bench, &mut phone, 700.0);
    assert_eq!(sent[0].sequence, keys[6].sequence.wrapping_add(1));
    assert_eq!(sent[0].timestamp, keys[0].timestamp.wrapping_add(7 * 160), "nothing of it is lost");
}

#[test]
fn a_prompt_is_heard_in_every_codec_and_a_wideband_one_keeps_its_master() {
    let second = Duration::from_secs(3);
    let master: Vec<i16> =
        (0..48_000).map(|n| (8_000.0 * (TAU * 5_000.0 * f64::from(n) / 16_000.0).sin()) as i16).collect();
    let wide = Arc::new(Prompt::from_pcm(&master, HZ));
    let plain = Arc::new(Prompt::tone(&[1_000.0], second, Duration::ZERO, second));
    for codec in Codec::ALL {
        for (prompt, hz) in [(&plain, 1_000.0), (&wide, 5_000.0)] {
            let mut bench = Bench::with_ports(codec, codec);
            bench.play(A, 1, vec![prompt.clone()]);
            bench.run_ms(2_000);
            let sent = bench.take_sent(A);
            assert_continuous(codec, 20, &sent);
            let clarity = clarity(&decoded(codec, &sent), hz);
            let is_kept = hz < 4_000.0 || codec.sample_hz() == HZ;
            assert!(clarity > 16.0 || !is_kept, "{codec:?} {hz} Hz: {clarity:.1} dB");
        }
    }
}

#[test]
fn keys_are_heard_and_sent_as_tones_in_every_codec() {
    for codec in Codec::ALL {
        let mut bench = Bench::with_ports(codec, codec);
        for port in [A, B] {
            let session = Session { telephone_event: None, ..session(port, codec) };
            bench.command(Command::Apply { port, session });
        }
        for key in "159#".chars() {
            let digit = media::Digit::from_char(key).unwrap();
            bench.command(Command::SendDigit { port: A, digit });
        }
        bench.run_ms(1_500);
        for sent in bench.take_sent(A) {
            bench.run_ms(20);
            let mut packet = vec![0x80, codec.payload_type()];
            packet.extend(sent.sequence.to_be_bytes());
            packet.extend(sent.timestamp.to_be_bytes());
            packet.extend(7_u32.to_be_bytes());
            packet.extend(sent.payload);
            bench.receive(B, home(B), &packet);
        }
        assert_eq!(bench.keys(B), "159#", "{codec:?}");
    }
}

proptest! {
    #[test]
    fn hostile_packets_in_any_codec_harm_nobody_and_what_is_sent_fits_a_packet(
        packets in prop::collection::vec(
            (any::<u16>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..1_488), any::<bool>()), 1..30),
        from in prop::sample::select(Codec::ALL.to_vec()),
        to in prop::sample::select(Codec::ALL.to_vec()),
        ptime in prop::sample::select(vec![10_u64, 20, 30, 40, 50, 60]),
    ) {
        let mut bench = bench((from, 20), (to, ptime));
        let mut sequence = 0_u16;
        for (jump, timestamp, payload, is_wild) in packets {
            bench.run_ms(7);
            sequence = if is_wild { jump } else { sequence.wrapping_add(1) };
            let mut packet = vec![0x80, from.payload_type()];
            packet.extend(sequence.to_be_bytes());
            packet.extend(timestamp.to_be_bytes());
            packet.extend(77_u32.to_be_bytes());
            packet.extend(payload);
            bench.receive(A, home(A), &packet);
        }
        let sent = bench.take_sent(B);
        assert!(sent.iter().all(|packet| packet.payload.len() <= 1_500), "{from:?} to {to:?}");
        assert!(sent.len() < 30 * 60, "{} packets", sent.len());
    }
}
