//! Audio prepared once and sent from shared memory: no sample is touched while it plays.

use std::f64::consts::TAU;
use std::fmt;
use std::time::Duration;

use std::sync::OnceLock;

use crate::codec::g711::{self, Law};
use crate::codec::resample::{TELEPHONE_HZ, resampled};
use crate::codec::{Codec, Encoder};

/// Samples a second of wideband telephones.
const WIDE_HZ: u32 = 16_000;

/// 20 ms at 8 kHz: what one packet of Opus holds.
pub(crate) const OPUS_SAMPLES: usize = 160;

/// A recording, encoded for every codec a leg may have: for G.711 ahead of time, for the others once, where `prepare`
/// or the first leg asks for it.
pub struct Prompt {
    // 8 kHz, one byte a sample; both of equal length.
    pcmu: Box<[u8]>,
    pcma: Box<[u8]>,
    /// What the other codecs are made of: 16 kHz where there is more to hear than 8 kHz carry.
    master: Box<[i16]>,
    master_hz: u32,
    g722: OnceLock<Box<[u8]>>,
    l16: OnceLock<Box<[u8]>>,
    l16_wide: OnceLock<Box<[u8]>>,
    opus: OnceLock<Box<[Box<[u8]>]>>,
}

impl Prompt {
    /// From the samples of a mono master of any rate, in samples a second.
    ///
    /// A rate other than 8 kHz is brought there through a filter that keeps all the telephone network
    /// carries. A rate of zero has no sound and makes an empty prompt: whoever reads the file refuses it.
    pub fn from_pcm(samples: &[i16], sample_rate: u32) -> Self {
        let narrow = resampled(samples, sample_rate, TELEPHONE_HZ);
        let encoded = |law| narrow.iter().map(|sample| g711::encode(law, *sample)).collect();
        let (pcmu, pcma) = (encoded(Law::Mu), encoded(Law::A));
        let is_wide = sample_rate > TELEPHONE_HZ;
        let mut master = narrow;
        if is_wide {
            // One sample more or less is what two roundings make of it.
            let length = 2 * master.len();
            master = resampled(samples, sample_rate, WIDE_HZ);
            master.resize(length, 0);
        }
        Self {
            pcmu,
            pcma,
            master: master.into_boxed_slice(),
            master_hz: if is_wide { WIDE_HZ } else { TELEPHONE_HZ },
            g722: OnceLock::new(),
            l16: OnceLock::new(),
            l16_wide: OnceLock::new(),
            opus: OnceLock::new(),
        }
    }

    /// Encodes it for these codecs now, so that no media thread has to when the first leg asks for it.
    pub fn prepare(&self, codecs: &[Codec]) {
        for codec in codecs {
            match codec {
                Codec::Opus => _ = self.opus_packets(),
                codec => _ = self.encoded(*codec),
            }
        }
    }

    /// Nothing to hear for so long.
    pub fn silence(duration: Duration) -> Self {
        Self::from_pcm(&vec![0; samples_in(duration)], TELEPHONE_HZ)
    }

    /// Sine tones sounding together, `on` and `off` in turn, until `duration` is over. With `off` zero the
    /// tone is steady.
    ///
    /// North American ringing is `&[440.0, 480.0]`, 2 s on, 4 s off; busy is `&[480.0, 620.0]`, 0.5 s each;
    /// a beep is `&[1000.0]`. All tones together peak at -10 dB of full scale, as loud as a loud voice.
    /// Each burst begins and ends within 5 ms instead of at once, so that it does not click.
    pub fn tone(hz: &[f64], on: Duration, off: Duration, duration: Duration) -> Self {
        const PEAK: f64 = 0.316 * i16::MAX as f64;
        const EDGE: f64 = 40.0; // 5 ms
        let (on, off) = (samples_in(on), samples_in(off));
        let total = samples_in(duration);
        let burst_of = |at: usize| if off == 0 { (at, total) } else { (at % (on + off), on) };
        let samples: Vec<i16> = (0..total)
            .map(|at| {
                let (within, burst) = burst_of(at);
                let left = burst.saturating_sub(within).min(total - at);
                let to_edge = left.min(within + 1);
                let loudness = PEAK * (to_edge as f64 / EDGE).min(1.0) / hz.len().max(1) as f64;
                let sum: f64 =
                    hz.iter().map(|hz| (TAU * hz * at as f64 / f64::from(TELEPHONE_HZ)).sin()).sum();
                (sum * loudness) as i16
            })
            .collect();
        Self::from_pcm(&samples, TELEPHONE_HZ)
    }

    /// How long it plays.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.pcmu.len() as u64 * 125)
    }

    /// How long it plays, in samples at 8 kHz.
    pub(crate) fn samples(&self) -> usize {
        self.pcmu.len()
    }

    /// As it travels: of equal length for equal time. Opus has packets instead.
    pub(crate) fn encoded(&self, codec: Codec) -> &[u8] {
        let whole = || {
            let mut bytes = Vec::with_capacity(codec.bytes_per_ms().unwrap_or(1) * self.pcmu.len() / 8);
            Encoder::new(codec, self.master_hz).encode(&self.master, &mut bytes);
            bytes.into_boxed_slice()
        };
        match codec {
            Codec::Pcmu => &self.pcmu,
            Codec::Pcma => &self.pcma,
            Codec::G722 => self.g722.get_or_init(whole),
            Codec::L16 => self.l16.get_or_init(whole),
            Codec::L16Wide => self.l16_wide.get_or_init(whole),
            Codec::Opus => &[],
        }
    }

    /// As Opus travels: packets of 20 ms, the last filled with silence.
    pub(crate) fn opus_packets(&self) -> &[Box<[u8]>] {
        self.opus.get_or_init(|| {
            let mut encoder = Encoder::new(Codec::Opus, self.master_hz);
            let length = OPUS_SAMPLES * (self.master_hz / TELEPHONE_HZ) as usize;
            let mut frame = Vec::with_capacity(length);
            let packet = |samples: &[i16]| {
                frame.clear();
                frame.extend_from_slice(samples);
                frame.resize(length, 0);
                let mut packet = Vec::new();
                encoder.encode(&frame, &mut packet);
                packet.into_boxed_slice()
            };
            self.master.chunks(length).map(packet).collect()
        })
    }
}

/// A minute of audio is 960,000 bytes nobody wants to read.
impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prompt({:?})", self.duration())
    }
}

/// Samples at 8 kHz, rounded down.
fn samples_in(duration: Duration) -> usize {
    (duration.as_secs() * u64::from(TELEPHONE_HZ) + u64::from(duration.subsec_nanos()) / 125_000) as usize
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Prompt;
    use crate::sdp::Codec;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_prompt_is_as_long_as_its_master_and_equally_long_in_both_codecs() {
        for rate in [8_000, 16_000, 48_000] {
            let prompt = Prompt::from_pcm(&vec![100; rate as usize * 3 / 2], rate);
            assert_eq!(prompt.duration(), Duration::from_millis(1_500));
            assert_eq!(prompt.encoded(Codec::Pcmu).len(), prompt.encoded(Codec::Pcma).len());
        }
        assert_eq!(Prompt::from_pcm(&[], 8_000).duration(), Duration::ZERO);
    }

    #[test]
    fn silence_is_the_silence_of_each_law() {
        let prompt = Prompt::silence(SECOND);
        assert_eq!(prompt.duration(), SECOND);
        assert!(prompt.encoded(Codec::Pcmu).iter().all(|byte| *byte == 0xff));
        assert!(prompt.encoded(Codec::Pcma).iter().all(|byte| *byte == 0xd5));
    }

    #[test]
    fn a_tone_sounds_only_in_its_cadence_and_does_not_click() {
        let busy = Prompt::tone(&[480.0, 620.0], SECOND / 2, SECOND / 2, SECOND * 2);
        assert_eq!(busy.duration(), SECOND * 2);
        let quiet = |from: usize| busy.encoded(Codec::Pcmu).iter().skip(from).take(4_000).all(|b| *b == 0xff);
        assert!(!quiet(0) && quiet(4_000) && !quiet(8_000) && quiet(12_000));
    }

    #[test]
    fn a_prompt_prints_its_length_and_not_its_bytes() {
        assert_eq!(format!("{:?}", Prompt::silence(SECOND)), "Prompt(1s)");
    }
}
