//! Keys sent as tones in the audio itself (ITU-T Q.23), to peers that agree on no telephone-event.

use std::f32::consts::TAU;

use super::{HIGH_HZ, KEYS, LOW_HZ, SAMPLES_HZ};

/// Peak amplitudes: −9 dBm0 for the low tone and −7 dBm0 for the high one, which lines weaken more. Together they
/// stay below the −3 dBm0 that exchanges allow a key.
const LOW_PEAK: f32 = 7_914.0;
const HIGH_PEAK: f32 = 9_963.0;

/// The samples of a key, by its RFC 4733 event code, from a sample of its sound on.
pub(crate) fn tone(code: u8, from: usize) -> impl Iterator<Item = i16> {
    let rows = LOW_HZ.into_iter().zip(KEYS);
    let mut pairs =
        rows.flat_map(|(low, keys)| HIGH_HZ.into_iter().zip(keys).map(move |(high, key)| (low, high, key)));
    // A code that is no key sounds as silence.
    let (low, high) = pairs.find(|(_, _, key)| *key == code).map_or((0.0, 0.0), |(low, high, _)| (low, high));
    (from..).map(move |at| {
        let wave = |hz: f32, peak: f32| peak * (TAU * hz * at as f32 / SAMPLES_HZ).sin();
        (wave(low, LOW_PEAK) + wave(high, HIGH_PEAK)) as i16
    })
}

#[cfg(test)]
mod tests {
    use super::super::ToneReceiver;
    use super::tone;

    #[test]
    fn every_key_that_is_sent_as_a_tone_is_heard_as_that_key() {
        for code in 0..16 {
            let (mut receiver, mut heard) = (ToneReceiver::default(), Vec::new());
            let frames = (0..5).flat_map(|frame| tone(code, frame * 160).take(160));
            receiver.hear(frames.chain([0; 400]), |digit| heard.push(digit.event()));
            assert_eq!(heard, [code]);
        }
        assert!(tone(16, 0).take(800).all(|sample| sample == 0));
    }
}
