//! From what travels to linear samples and back: one decoder and one encoder for every codec, at the rate their
//! user works with. Whoever mixes, records, listens for tones or joins two legs that differ needs nothing else.

pub(crate) mod g711;
mod g722;
pub(crate) mod halfband;
mod opus;
pub(crate) mod resample;

use std::fmt;
use std::time::Duration;

use g711::Law;
use halfband::{Doubler, Halver};

/// An audio codec we speak.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Codec {
    /// G.711 µ-law, static payload type 0.
    Pcmu,
    /// G.711 A-law, static payload type 8.
    Pcma,
    /// G.722 at 64 kbit/s, static payload type 9: 16 kHz sound, though its RTP clock says 8,000 (RFC 3551 §4.5.2).
    G722,
    /// Linear samples at 8 kHz (RFC 3551 §4.5.11).
    L16,
    /// Linear samples at 16 kHz.
    L16Wide,
    /// Opus (RFC 6716, RFC 7587), which we encode at 16 kHz and relay at any rate.
    Opus,
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Pcmu, Self::Pcma, Self::G722, Self::L16, Self::L16Wide, Self::Opus];

    /// Ticks a second of its RTP timestamps.
    pub const fn clock_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 | Self::L16 => 8_000,
            Self::L16Wide => 16_000,
            Self::Opus => 48_000,
        }
    }

    /// Samples a second of its sound, as we decode it.
    pub const fn sample_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::L16 => 8_000,
            Self::G722 | Self::L16Wide | Self::Opus => 16_000,
        }
    }

    /// Bytes in a millisecond of it; `None` where packets have the length they need.
    pub const fn bytes_per_ms(self) -> Option<usize> {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => Some(8),
            Self::L16 => Some(16),
            Self::L16Wide => Some(32),
            Self::Opus => None,
        }
    }

    /// How long a packet is, on its clock.
    pub(crate) fn ticks_of(self, payload: &[u8]) -> u32 {
        match self.bytes_per_ms() {
            Some(per_ms) => (payload.len() * self.clock_hz() as usize / 1_000 / per_ms) as u32,
            // Three ticks for each sample at 16 kHz.
            None => 3 * opus::samples_in(payload).unwrap_or(0) as u32,
        }
    }

    /// Which law of G.711 it is; between the two a table goes byte by byte.
    pub(crate) const fn law(self) -> Option<Law> {
        match self {
            Self::Pcmu => Some(Law::Mu),
            Self::Pcma => Some(Law::A),
            Self::G722 | Self::L16 | Self::L16Wide | Self::Opus => None,
        }
    }

    /// The packet length we send where the peer asks for `asked`, which is whole tens of milliseconds.
    pub fn ptime(self, asked: Duration) -> Duration {
        let most = match self {
            // 60 ms would not fit an Ethernet frame.
            Self::L16Wide => 40,
            _ => 60,
        };
        let asked = (asked.as_millis() as u64 / 10 * 10).clamp(10, most);
        Duration::from_millis(match (self, asked) {
            // What one Opus frame can have (RFC 6716 §2.1.4).
            (Self::Opus, 30) => 20,
            (Self::Opus, 50) => 40,
            (_, asked) => asked,
        })
    }
}

/// Samples one packet can hold: 120 ms of Opus at 16 kHz are 1,920, and the largest packet taken has 3,000 of G.722.
pub const SAMPLES_MAX: usize = 3_000;

/// Understands one stream of packets, in their order.
pub struct Decoder {
    codec: Codec,
    state: Decoding,
    rate: Rate,
    /// Samples at the codec's own rate, on their way to another.
    work: Vec<i16>,
}

enum Decoding {
    Table(Law),
    Linear,
    G722(Box<g722::Decoder>),
    Opus(Box<opus::Decoder>),
}

impl Decoder {
    /// For packets of `codec`, whose sound is wanted at `hz`: 8,000 or 16,000 samples a second.
    pub fn new(codec: Codec, hz: u32) -> Self {
        let state = match codec {
            Codec::Pcmu => Decoding::Table(Law::Mu),
            Codec::Pcma => Decoding::Table(Law::A),
            Codec::L16 | Codec::L16Wide => Decoding::Linear,
            Codec::G722 => Decoding::G722(Box::default()),
            Codec::Opus => Decoding::Opus(Box::default()),
        };
        Self { codec, state, rate: Rate::new(codec.sample_hz(), hz), work: Vec::new() }
    }

    /// What it understands.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Puts the sound of one packet behind `samples`: at most `SAMPLES_MAX` for each 8,000 Hz. What cannot be
    /// understood is silent or short, never an error: the call goes on.
    pub fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) {
        let Self { codec: _, state, rate, work } = self;
        rate.convert(work, samples, |out| match state {
            Decoding::Table(law) => out.extend(payload.iter().map(|byte| g711::decode(*law, *byte))),
            Decoding::Linear => {
                out.extend(payload.as_chunks().0.iter().map(|bytes| i16::from_be_bytes(*bytes)));
            }
            Decoding::G722(decoder) => decoder.decode(payload, out),
            Decoding::Opus(decoder) => decoder.decode(payload, out),
        });
    }

    /// Puts something in place of a packet of `length` that never came, knowing the packet behind it. Opus tells of it
    /// in that packet, or guesses; the others are silent.
    pub fn conceal(&mut self, length: Duration, next: &[u8], samples: &mut Vec<i16>) {
        let Self { codec, state, rate, work } = self;
        let missing = length.as_micros() as usize * codec.sample_hz() as usize / 1_000_000;
        let missing = missing.min(SAMPLES_MAX);
        rate.convert(work, samples, |out| match state {
            Decoding::Opus(decoder) => decoder.conceal(missing, next, out),
            Decoding::Table(_) | Decoding::Linear | Decoding::G722(_) => out.resize(out.len() + missing, 0),
        });
    }
}

/// Makes one stream of packets.
pub struct Encoder {
    codec: Codec,
    state: Encoding,
    rate: Rate,
    work: Vec<i16>,
}

enum Encoding {
    Table(Law),
    Linear,
    G722(Box<g722::Encoder>),
    Opus(Box<opus::Encoder>),
}

impl Encoder {
    /// For packets of `codec`, of sound that has `hz`, 8,000 or 16,000, samples a second.
    pub fn new(codec: Codec, hz: u32) -> Self {
        let state = match codec {
            Codec::Pcmu => Encoding::Table(Law::Mu),
            Codec::Pcma => Encoding::Table(Law::A),
            Codec::L16 | Codec::L16Wide => Encoding::Linear,
            Codec::G722 => Encoding::G722(Box::default()),
            Codec::Opus => Encoding::Opus(Box::default()),
        };
        Self { codec, state, rate: Rate::new(hz, codec.sample_hz()), work: Vec::new() }
    }

    /// What it makes.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Puts the payload of one packet behind `payload`. The sound of a packet has 10 to 60 ms, in whole tens; Opus
    /// has no 30 and 50.
    pub fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) {
        let Self { codec: _, state, rate, work } = self;
        let samples = rate.converted(samples, work);
        match state {
            Encoding::Table(law) => payload.extend(samples.iter().map(|sample| g711::encode(*law, *sample))),
            Encoding::Linear => payload.extend(samples.iter().flat_map(|sample| sample.to_be_bytes())),
            Encoding::G722(encoder) => encoder.encode(samples, payload),
            Encoding::Opus(encoder) => encoder.encode(samples, payload),
        }
    }
}

/// The change of rate between a codec and its user.
enum Rate {
    Same,
    Up(Doubler),
    Down(Halver),
}

impl Rate {
    fn new(from: u32, to: u32) -> Self {
        match from.cmp(&to) {
            std::cmp::Ordering::Less => Self::Up(Doubler::new()),
            std::cmp::Ordering::Equal => Self::Same,
            std::cmp::Ordering::Greater => Self::Down(Halver::new()),
        }
    }

    /// Has `write` put samples behind `out`, at the other rate.
    fn convert(&mut self, work: &mut Vec<i16>, out: &mut Vec<i16>, write: impl FnOnce(&mut Vec<i16>)) {
        if matches!(self, Self::Same) {
            return write(out);
        }
        work.clear();
        write(work);
        self.change(work, out);
    }

    /// The samples at the other rate.
    fn converted<'s>(&mut self, samples: &'s [i16], work: &'s mut Vec<i16>) -> &'s [i16] {
        if matches!(self, Self::Same) {
            return samples;
        }
        work.clear();
        self.change(samples, work);
        work
    }

    fn change(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        match self {
            Self::Same => out.extend_from_slice(samples),
            Self::Up(doubler) => doubler.double(samples, out),
            Self::Down(halver) => halver.halve(samples, out),
        }
    }
}

/// What is said is not for a log.
impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoder({:?})", self.codec)
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoder({:?})", self.codec)
    }
}
