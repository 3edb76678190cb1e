//! G.711, a tone to send and a measure to find it again.
//!
//! Written from the recommendation and not shared with `media`: two implementations that agree are
//! worth more than one that is used twice.

use std::f64::consts::TAU;

/// Samples per second of every codec here.
pub const SAMPLE_RATE: u32 = 8_000;
/// Samples in one packet of 20 ms.
pub const FRAME_SAMPLES: usize = 160;

/// A speech codec of RFC 3551 §6, by its static payload type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Codec {
    /// G.711 A-law, payload type 8.
    Pcma,
    /// G.711 µ-law, payload type 0.
    Pcmu,
}

impl Codec {
    /// RTP payload type (RFC 3551 table 4).
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// Encoding name in `a=rtpmap`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    pub(crate) fn of_payload_type(payload_type: u8) -> Option<Self> {
        match payload_type {
            0 => Some(Self::Pcmu),
            8 => Some(Self::Pcma),
            _ => None,
        }
    }

    /// One linear sample to one octet.
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Pcmu => encode_mu(sample),
            Self::Pcma => encode_a(sample),
        }
    }

    /// One octet to one linear sample.
    pub fn decode(self, octet: u8) -> i16 {
        match self {
            Self::Pcmu => decode_mu(octet),
            Self::Pcma => decode_a(octet),
        }
    }
}

/// µ-law (G.711 table 2): sign, three bits of segment, four of interval, all inverted.
fn encode_mu(sample: i16) -> u8 {
    const BIAS: i32 = 0x84;
    const CLIP: i32 = 32_635;
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(CLIP) + BIAS;
    // The bias puts the leading one at bit 7 or above; its place is the segment.
    let segment = 24 - magnitude.leading_zeros();
    let interval = (magnitude >> (segment + 3)) & 0x0f;
    !(sign | ((segment as u8) << 4) | interval as u8)
}

fn decode_mu(octet: u8) -> i16 {
    let bits = !octet;
    let segment = (bits >> 4) & 0x07;
    let magnitude = (((i32::from(bits & 0x0f) << 3) + 0x84) << segment) - 0x84;
    (if bits & 0x80 == 0 { magnitude } else { -magnitude }) as i16
}

/// A-law (G.711 table 1): even bits inverted; the two lowest segments share one step size.
fn encode_a(sample: i16) -> u8 {
    // One's complement of negative values: -1 and 0 are the two smallest intervals.
    let (sign, magnitude) = if sample < 0 { (0, !i32::from(sample)) } else { (0x80u8, i32::from(sample)) };
    let segment = (24 - (magnitude | 0xff).leading_zeros()) as u8;
    let interval = if segment == 0 { magnitude >> 4 } else { magnitude >> (segment + 3) } & 0x0f;
    (sign | (segment << 4) | interval as u8) ^ 0x55
}

fn decode_a(octet: u8) -> i16 {
    let bits = octet ^ 0x55;
    let segment = (bits >> 4) & 0x07;
    let interval = i32::from(bits & 0x0f) << 4;
    let magnitude = if segment == 0 { interval + 8 } else { (interval + 0x108) << (segment - 1) };
    (if bits & 0x80 == 0 { -magnitude } else { magnitude }) as i16
}

/// A sine that goes on where the last frame stopped.
#[derive(Clone, Debug)]
pub struct Tone {
    step: f64,
    phase: f64,
}

/// Peak of a sent tone: a quarter of full scale (-12 dB), well above any noise and below any clipping.
const TONE_PEAK: f64 = 8_192.0;

impl Tone {
    /// A tone of this many hertz.
    pub fn new(hz: f64) -> Self {
        Self { step: TAU * hz / f64::from(SAMPLE_RATE), phase: 0.0 }
    }
}

impl Iterator for Tone {
    type Item = i16;

    fn next(&mut self) -> Option<i16> {
        let sample = (self.phase.sin() * TONE_PEAK) as i16;
        self.phase = (self.phase + self.step) % TAU;
        Some(sample)
    }
}

/// Root mean square of the samples, 0 for none. A full-scale sine has 23,170.
pub fn rms(samples: &[i16]) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let energy: f64 = samples.iter().map(|&s| f64::from(s).powi(2)).sum();
    (energy / samples.len() as f64).sqrt()
}

/// Share of the samples' energy that lies at `hz`, 0 to 1 (Goertzel).
///
/// A clean tone has nearly 1, speech and noise a few hundredths. The window decides the width: at 1,600
/// samples a tone 5 Hz away is a different tone.
pub fn tone_share(samples: &[i16], hz: f64) -> f64 {
    let energy: f64 = samples.iter().map(|&s| f64::from(s).powi(2)).sum();
    if samples.is_empty() || energy == 0.0 {
        return 0.0;
    }
    let omega = TAU * hz / f64::from(SAMPLE_RATE);
    let coefficient = 2.0 * omega.cos();
    let (mut last, mut before) = (0.0, 0.0);
    for &sample in samples {
        let next = f64::from(sample) + coefficient * last - before;
        before = last;
        last = next;
    }
    let power = last * last + before * before - coefficient * last * before;
    (2.0 * power / (samples.len() as f64 * energy)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_of_both_laws_survives_a_round_trip() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            for octet in 0..=u8::MAX {
                let sample = codec.decode(octet);
                // µ-law has two zeros (0x7f and 0xff); the positive one is sent.
                let expected = if codec == Codec::Pcmu && octet == 0x7f { 0xff } else { octet };
                assert_eq!(codec.encode(sample), expected, "{codec:?} {octet:#04x} = {sample}");
            }
        }
    }

    #[test]
    fn the_recommendation_s_corner_values_are_met() {
        assert_eq!(Codec::Pcmu.decode(0x80), 32_124);
        assert_eq!(Codec::Pcmu.decode(0x00), -32_124);
        assert_eq!(Codec::Pcmu.encode(0), 0xff);
        assert_eq!(Codec::Pcma.decode(0xaa), 32_256);
        assert_eq!(Codec::Pcma.decode(0x2a), -32_256);
        assert_eq!(Codec::Pcma.encode(0), 0xd5);
        assert_eq!(Codec::Pcma.encode(-1), 0x55);
    }

    #[test]
    fn no_sample_is_moved_by_more_than_its_segment_s_step() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            for sample in i16::MIN..=i16::MAX {
                let back = codec.decode(codec.encode(sample));
                let error = (i32::from(back) - i32::from(sample)).abs();
                let allowed = i32::from(sample).abs() / 16 + 16;
                assert!(error <= allowed.max(644), "{codec:?} {sample} became {back}");
                assert!(sample.abs_diff(0) > 32_000 || error <= allowed, "{codec:?} {sample} became {back}");
            }
        }
    }

    #[test]
    fn a_tone_is_found_at_its_own_frequency_and_at_no_other() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            let heard: Vec<i16> =
                Tone::new(440.0).take(1_600).map(|s| codec.decode(codec.encode(s))).collect();
            assert!(tone_share(&heard, 440.0) > 0.95);
            assert!(tone_share(&heard, 480.0) < 0.05);
            assert!(tone_share(&heard, 880.0) < 0.05);
            assert!((rms(&heard) - 5_793.0).abs() < 100.0, "{}", rms(&heard));
        }
        assert!(tone_share(&[0; 1_600], 440.0) < f64::EPSILON);
        assert!(tone_share(&[], 440.0) < f64::EPSILON);
    }
}
