//! ITU-T G.722 at 64 kbit/s: two bands of 4 kHz, one byte for two samples.
//!
//! The arithmetic is a library's; here are its bounds. Every byte is a code, so that no packet is malformed.

use audio_codec::g722::{G722Decoder, G722Encoder};
use audio_codec::{Decoder as _, Encoder as _};

use super::SAMPLES_MAX;

#[derive(Default)]
pub(super) struct Decoder(G722Decoder);

impl Decoder {
    /// Puts two samples for each byte behind `out`.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) {
        let payload = payload.get(..SAMPLES_MAX / 2).unwrap_or(payload);
        let start = out.len();
        out.resize(start + 2 * payload.len(), 0);
        let decoded = self.0.decode_into(payload, out.get_mut(start..).unwrap_or_default());
        debug_assert!(decoded.is_ok(), "there is room for two samples a byte");
    }
}

#[derive(Default)]
pub(super) struct Encoder(G722Encoder);

impl Encoder {
    /// Puts one byte for each two samples behind `out`.
    pub(super) fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        let pairs = samples.len() / 2;
        let start = out.len();
        out.resize(start + pairs, 0);
        let samples = samples.get(..2 * pairs).unwrap_or_default();
        let encoded = self.0.encode_into(samples, out.get_mut(start..).unwrap_or_default());
        debug_assert!(encoded.is_ok(), "there is room for a byte each two samples");
    }
}
