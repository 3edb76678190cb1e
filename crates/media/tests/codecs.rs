//! Every codec by itself: what goes in comes out, and whatever comes in, no packet harms.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::f64::consts::TAU;
use std::time::Duration;

use media::codec::{Codec, Decoder, Encoder, SAMPLES_MAX};
use proptest::prelude::{any, prop, proptest};

const HZ: u32 = 16_000;
/// 20 ms.
const FRAME: usize = 320;

fn tone(hz: f64, amplitude: f64, seconds: usize) -> Vec<i16> {
    let samples = 0..seconds * HZ as usize;
    samples.map(|n| (amplitude * (TAU * hz * n as f64 / f64::from(HZ)).sin()) as i16).collect()
}

/// How far everything else is below the tone, in decibels: noise and distortion together.
fn clarity(samples: &[i16], hz: f64) -> f64 {
    let settled = &samples[HZ as usize / 2..];
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in settled.iter().enumerate() {
        let angle = TAU * hz * n as f64 / f64::from(HZ);
        re += f64::from(*sample) * angle.cos();
        im += f64::from(*sample) * angle.sin();
    }
    let half = settled.len() as f64 / 2.0;
    let (re, im) = (re / half, im / half);
    let rest: f64 = settled
        .iter()
        .enumerate()
        .map(|(n, sample)| {
            let angle = TAU * hz * n as f64 / f64::from(HZ);
            (f64::from(*sample) - re * angle.cos() - im * angle.sin()).powi(2)
        })
        .sum();
    10.0 * ((re * re + im * im) * half / rest.max(1.0)).log10()
}

fn through(codec: Codec, samples: &[i16]) -> (Vec<i16>, usize) {
    let (mut encoder, mut decoder) = (Encoder::new(codec, HZ), Decoder::new(codec, HZ));
    let (mut out, mut bytes) = (Vec::new(), 0);
    for frame in samples.chunks_exact(FRAME) {
        let mut payload = Vec::new();
        encoder.encode(frame, &mut payload);
        bytes += payload.len();
        decoder.decode(&payload, &mut out);
    }
    (out, bytes)
}

/// The least clarity of a codec, in decibels: what was measured, less some 3 dB.
const fn bound(codec: Codec) -> f64 {
    match codec {
        Codec::Pcmu | Codec::Pcma => 36.0,
        Codec::G722 => 38.0,
        Codec::L16 | Codec::L16Wide => 74.0,
        Codec::Opus => 24.0,
    }
}

#[test]
fn a_tone_keeps_its_clarity_in_every_codec() {
    for codec in Codec::ALL {
        for hz in [400.0, 1_000.0, 3_000.0] {
            let (out, _) = through(codec, &tone(hz, 8_000.0, 3));
            let clarity = clarity(&out, hz);
            assert!(clarity > bound(codec), "{codec:?} at {hz} Hz: {clarity:.1} dB");
        }
    }
}

#[test]
fn wideband_codecs_keep_what_the_telephone_loses() {
    for codec in Codec::ALL {
        let (out, _) = through(codec, &tone(5_000.0, 8_000.0, 3));
        let clarity = clarity(&out, 5_000.0);
        let is_wide = codec.sample_hz() == HZ;
        assert!(if is_wide { clarity > 19.0 } else { clarity < -15.0 }, "{codec:?}: {clarity:.1} dB");
    }
}

#[test]
fn a_packet_has_the_length_of_its_sound_whatever_the_packet_length() {
    for codec in Codec::ALL {
        for ms in [10, 20, 40, 60] {
            for hz in [8_000, HZ] {
                let (mut encoder, mut decoder) = (Encoder::new(codec, hz), Decoder::new(codec, hz));
                let samples = vec![1_000; hz as usize / 1_000 * ms];
                let (mut payload, mut out) = (Vec::new(), Vec::new());
                encoder.encode(&samples, &mut payload);
                decoder.decode(&payload, &mut out);
                assert!(payload.len() <= 32 * ms, "{codec:?} {ms} ms: {} bytes", payload.len());
                assert_eq!(out.len(), samples.len(), "{codec:?} {ms} ms at {hz} Hz");
            }
        }
    }
}

#[test]
fn what_opus_lost_is_told_by_the_packet_behind_it() {
    let sound = tone(700.0, 8_000.0, 2);
    let (mut encoder, mut decoder) = (Encoder::new(Codec::Opus, HZ), Decoder::new(Codec::Opus, HZ));
    let mut packets: Vec<Vec<u8>> = Vec::new();
    for frame in sound.chunks_exact(FRAME) {
        let mut payload = Vec::new();
        encoder.encode(frame, &mut payload);
        packets.push(payload);
    }
    let mut out = Vec::new();
    for (n, packet) in packets.iter().enumerate() {
        if n % 10 == 5 {
            decoder.conceal(Duration::from_millis(20), &packets[n + 1], &mut out);
        } else {
            decoder.decode(packet, &mut out);
        }
    }
    assert_eq!(out.len(), sound.len());
    let level = |samples: &[i16]| samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / FRAME as f64;
    for (n, frame) in out.chunks_exact(FRAME).enumerate().filter(|(n, _)| n % 10 == 5) {
        let part = level(frame) / (8_000.0_f64.powi(2) / 2.0);
        assert!((0.1..2.0).contains(&part), "the place of packet {n} has {part:.2} of the energy");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_without_harm_and_within_bounds(
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1_488), 1..12),
        lost in prop::collection::vec(any::<bool>(), 12),
    ) {
        for codec in Codec::ALL {
            for hz in [8_000, HZ] {
                let mut decoder = Decoder::new(codec, hz);
                for (packet, lost) in packets.iter().zip(&lost) {
                    let mut out = Vec::new();
                    if *lost {
                        decoder.conceal(Duration::from_millis(20), packet, &mut out);
                    }
                    decoder.decode(packet, &mut out);
                    assert!(out.len() <= SAMPLES_MAX + FRAME, "{codec:?}: {} samples", out.len());
                }
            }
        }
    }

    #[test]
    fn any_sound_is_encoded_and_fits_a_packet(
        samples in prop::collection::vec(any::<i16>(), 960),
        ms in prop::sample::select(vec![10_usize, 20, 40, 60]),
    ) {
        for codec in Codec::ALL {
            let mut payload = Vec::new();
            Encoder::new(codec, HZ).encode(&samples[..16 * ms], &mut payload);
            assert!(!payload.is_empty() && payload.len() <= 32 * ms, "{codec:?}: {} bytes", payload.len());
        }
    }
}
