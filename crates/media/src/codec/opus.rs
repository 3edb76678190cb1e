//! Opus (RFC 6716) as RFC 7587 carries it: decoded to 16 kHz mono whatever the peer sends, encoded as wideband
//! speech that tells of a lost packet in the next one.

use rusty_opus::{Application, OpusDecoder, OpusEncoder};

const HZ: i32 = 16_000;

/// Samples of the longest packet, 120 ms (RFC 6716 §3.4).
const PACKET_SAMPLES_MAX: usize = 1_920;

/// Samples of the shortest frame, 2.5 ms; all others are multiples of it.
const FRAME_SAMPLES_MIN: usize = 40;

/// Bits a second: what speech at 16 kHz needs to sound as it did (RFC 7587 §3.1.1: 16 to 20 kbit/s), and the
/// redundancy.
const BITS_PER_SECOND: i32 = 32_000;

/// The loss the redundancy is made for, in percent. Without any the encoder leaves it out.
const EXPECTED_LOSS_PERCENT: i32 = 5;

/// Of 10: above it a processor works twice as long for what no telephone lets hear.
const COMPLEXITY: i32 = 5;

/// The longest payload of one packet of 60 ms at our rate, with room for what the redundancy adds.
const PAYLOAD_BYTES_MAX: usize = 1_275;

/// `None` only where the library refuses its own rates; then the leg is silent.
pub(super) struct Decoder {
    decoder: Option<OpusDecoder>,
    work: Vec<f32>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { decoder: OpusDecoder::new(HZ, 1).ok(), work: vec![0.0; PACKET_SAMPLES_MAX] }
    }
}

impl Decoder {
    /// Puts the sound of a packet behind `out`; nothing of one that is not Opus.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) {
        let Some((decoder, length)) = self.decoder.as_mut().zip(samples_in(payload)) else { return };
        let work = self.work.get_mut(..length).unwrap_or_default();
        let decoded = decoder.decode(payload, length, work).unwrap_or(0);
        out.extend(work.iter().take(decoded).map(|sample| linear(*sample)));
    }

    /// Puts `missing` samples of sound that did not come behind `out`; `next` is the packet after it.
    pub(super) fn conceal(&mut self, missing: usize, next: &[u8], out: &mut Vec<i16>) {
        let length = missing.min(PACKET_SAMPLES_MAX);
        // The library panics where it shall make up what no frame can be.
        let missing = length / FRAME_SAMPLES_MIN * FRAME_SAMPLES_MIN;
        let Some(decoder) = self.decoder.as_mut() else { return };
        self.work.get_mut(..length).unwrap_or_default().fill(0.0);
        let work = self.work.get_mut(..missing).unwrap_or_default();
        // What it says of the packet before it, or what the sound so far makes likely.
        let told = samples_in(next) == Some(missing) && decoder.decode_fec(next, missing, work).is_ok();
        if !told && decoder.decode(&[], missing, work).is_err() {
            work.fill(0.0);
        }
        out.extend(self.work.iter().take(length).map(|sample| linear(*sample)));
    }
}

/// Samples at 16 kHz of a packet, by its first bytes (RFC 6716 §3.1, §3.2). `None` of what is no packet.
pub(super) fn samples_in(payload: &[u8]) -> Option<usize> {
    let first = *payload.first()?;
    let frame = match first >> 3 {
        // Each in halves of a millisecond at 16 kHz.
        config @ 0..=11 => [160, 320, 640, 960].get(usize::from(config & 3)),
        config @ 12..=15 => [160, 320].get(usize::from(config & 1)),
        config => [40, 80, 160, 320].get(usize::from(config & 3)),
    }?;
    let frames = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(payload.get(1)? & 0x3f),
    };
    let samples = frame * frames;
    (1..=PACKET_SAMPLES_MAX).contains(&samples).then_some(samples)
}

/// `None` as above.
pub(super) struct Encoder {
    encoder: Option<OpusEncoder>,
    work: Vec<f32>,
}

impl Default for Encoder {
    fn default() -> Self {
        let encoder = OpusEncoder::new(HZ, 1, Application::Voip).ok().map(|mut encoder| {
            encoder.bitrate_bps = BITS_PER_SECOND;
            encoder.complexity = COMPLEXITY;
            encoder.use_inband_fec = true;
            encoder.packet_loss_perc = EXPECTED_LOSS_PERCENT;
            encoder.lsb_depth = 16;
            encoder
        });
        Self { encoder, work: Vec::new() }
    }
}

impl Encoder {
    /// Puts a packet of 10, 20, 40 or 60 ms behind `out`; nothing of another length.
    pub(super) fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        let Some(encoder) = self.encoder.as_mut() else { return };
        self.work.clear();
        self.work.extend(samples.iter().map(|sample| f32::from(*sample) / 32_768.0));
        let start = out.len();
        out.resize(start + PAYLOAD_BYTES_MAX, 0);
        let room = out.get_mut(start..).unwrap_or_default();
        let written = encoder.encode(&self.work, samples.len(), room).unwrap_or(0);
        out.truncate(start + written);
    }
}

/// Full scale is one; what is louder is the loudest there is, and what is no number is silence.
fn linear(sample: f32) -> i16 {
    (sample * 32_768.0) as i16
}
