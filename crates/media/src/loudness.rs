//! How a recording sounds before anybody hears it: loudness (ITU-R BS.1770-5), peak, clipping, silence at its ends.

use std::f64::consts::PI;
use std::time::Duration;

/// What is below this is silence at the ends of a recording, dBFS: the hiss of a good microphone.
const SILENCE_DBFS: f64 = -50.0;
/// Samples of full scale are 32767; what a converter holds there, and nobody speaks.
const FULL_SCALE: u16 = 32_700;

/// What was measured of one mono recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sound {
    /// How long it plays.
    pub duration: Duration,
    /// Integrated loudness in LUFS; `None`: silence.
    pub loudness: Option<f64>,
    /// The highest sample, dBFS.
    pub peak_dbfs: f64,
    /// The longest row of samples at full scale: three and more are audible.
    pub clipped: usize,
    /// Before the first sound.
    pub leading: Duration,
    /// After the last sound.
    pub trailing: Duration,
}

impl Sound {
    /// Measures samples of so many a second. A rate of zero has no sound.
    pub fn of(samples: &[i16], rate: u32) -> Self {
        let secs = |samples: usize| match rate {
            0 => Duration::ZERO,
            rate => Duration::from_secs_f64(samples as f64 / f64::from(rate)),
        };
        let highest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        let limit = 10_f64.powf(SILENCE_DBFS / 20.0) * 32_768.0;
        let is_heard = |sample: &i16| f64::from(sample.unsigned_abs()) > limit;
        let leading = samples.iter().position(is_heard).unwrap_or(samples.len());
        let trailing = samples.iter().rev().position(is_heard).unwrap_or(samples.len());
        let rows = samples.split(|sample| sample.unsigned_abs() < FULL_SCALE);
        Self {
            duration: secs(samples.len()),
            loudness: loudness(samples, rate),
            peak_dbfs: 20.0 * (f64::from(highest) / 32_768.0).log10(),
            clipped: rows.map(<[i16]>::len).max().unwrap_or(0),
            leading: secs(leading),
            trailing: secs(trailing),
        }
    }
}

/// A filter of second order, direct form I.
struct Biquad {
    b: [f64; 3],
    a: [f64; 2],
    x: [f64; 2],
    y: [f64; 2],
}

impl Biquad {
    /// The head's shelf of +4 dB above 1.7 kHz (BS.1770 annex 1, stage 1), at any rate.
    fn shelf(rate: f64) -> Self {
        let (gain, quality) = (3.999_843_853_973_347_f64, 0.707_175_236_955_419_6);
        let k = (PI * 1_681.974_450_955_533 / rate).tan();
        let high = 10_f64.powf(gain / 20.0);
        let band = high.powf(0.499_666_774_154_541_6);
        let whole = 1.0 + k / quality + k * k;
        let b = [high + band * k / quality + k * k, 2.0 * (k * k - high), high - band * k / quality + k * k];
        Self::new(b.map(|b| b / whole), [2.0 * (k * k - 1.0), 1.0 - k / quality + k * k].map(|a| a / whole))
    }

    /// What is below 38 Hz is not heard (stage 2).
    fn high_pass(rate: f64) -> Self {
        let quality = 0.500_327_037_323_877_3;
        let k = (PI * 38.135_470_876_024_44 / rate).tan();
        let whole = 1.0 + k / quality + k * k;
        let a = [2.0 * (k * k - 1.0), 1.0 - k / quality + k * k];
        Self::new([1.0, -2.0, 1.0], a.map(|a| a / whole))
    }

    fn new(b: [f64; 3], a: [f64; 2]) -> Self {
        Self { b, a, x: [0.0; 2], y: [0.0; 2] }
    }

    fn next(&mut self, x: f64) -> f64 {
        let ([b0, b1, b2], [a1, a2]) = (self.b, self.a);
        let ([x1, x2], [y1, y2]) = (self.x, self.y);
        let y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2;
        (self.x, self.y) = ([x, x1], [y, y1]);
        y
    }
}

/// Integrated loudness of one channel. What is shorter than the gate needs is measured several times in a row.
fn loudness(samples: &[i16], rate: u32) -> Option<f64> {
    /// A tenth of a second: blocks of 400 ms that overlap by three quarters.
    const STEPS: usize = 4;
    const LEAST_SECS: usize = 2;
    const ABSOLUTE: f64 = -70.0;
    const RELATIVE: f64 = -10.0;
    let step = usize::try_from(rate / 10).ok().filter(|step| *step > 0)?;
    if samples.is_empty() {
        return None;
    }
    let (mut shelf, mut high_pass) = (Biquad::shelf(f64::from(rate)), Biquad::high_pass(f64::from(rate)));
    let repeats = (LEAST_SECS * 10 * step).div_ceil(samples.len()).max(1);
    let mut steps = vec![0.0];
    let mut left = step;
    for sample in samples.iter().cycle().take(samples.len() * repeats) {
        let weighted = high_pass.next(shelf.next(f64::from(*sample) / 32_768.0));
        if left == 0 {
            steps.push(0.0);
            left = step;
        }
        left -= 1;
        if let Some(last) = steps.last_mut() {
            *last += weighted * weighted / step as f64;
        }
    }
    if left > 0 {
        steps.pop();
    }
    let blocks: Vec<f64> =
        steps.windows(STEPS).map(|block| block.iter().sum::<f64>() / STEPS as f64).collect();
    let gated = |gate: f64| {
        let loud: Vec<f64> = blocks.iter().copied().filter(|power| lufs(*power) > gate).collect();
        (!loud.is_empty()).then(|| lufs(loud.iter().sum::<f64>() / loud.len() as f64))
    };
    gated((gated(ABSOLUTE)? + RELATIVE).max(ABSOLUTE))
}

fn lufs(power: f64) -> f64 {
    -0.691 + 10.0 * power.log10()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn sine(hz: f64, dbfs: f64, secs: f64, rate: u32) -> Vec<i16> {
        let peak = 10_f64.powf(dbfs / 20.0) * 32_767.0;
        let angle = |at: usize| 2.0 * PI * hz * at as f64 / f64::from(rate);
        (0..(secs * f64::from(rate)) as usize).map(|at| (peak * angle(at).sin()).round() as i16).collect()
    }

    #[test]
    fn a_tone_of_997_hz_at_full_scale_is_three_below_zero_at_every_rate() {
        // BS.1770: a 997 Hz sine of 0 dBFS in one channel reads -3.01 LKFS.
        for rate in [8_000, 16_000, 48_000] {
            let measured = Sound::of(&sine(997.0, 0.0, 5.0, rate), rate).loudness.unwrap();
            assert!((measured + 3.01).abs() < 0.15, "{rate}: {measured}");
            let softer = Sound::of(&sine(997.0, -20.0, 5.0, rate), rate).loudness.unwrap();
            assert!((softer - measured + 20.0).abs() < 0.02, "{rate}: {softer}");
        }
    }

    #[test]
    fn a_pause_does_not_make_speech_softer() {
        let spoken = sine(997.0, -20.0, 3.0, 16_000);
        let with_pause = [spoken.clone(), vec![0; 48_000], spoken.clone()].concat();
        let [alone, paused] =
            [spoken, with_pause].map(|samples| Sound::of(&samples, 16_000).loudness.unwrap());
        assert!((alone - paused).abs() < 0.6, "{alone} {paused}");
    }

    #[test]
    fn silence_at_the_ends_and_samples_at_full_scale_are_counted() {
        let mut samples = vec![0; 1_600];
        samples.extend(sine(440.0, -6.0, 1.0, 16_000));
        samples.extend([i16::MAX; 4]);
        samples.extend(vec![0; 3_200]);
        let sound = Sound::of(&samples, 16_000);
        assert!((sound.leading.as_secs_f64() - 0.1).abs() < 0.001, "{sound:?}");
        assert!((sound.trailing.as_secs_f64() - 0.2).abs() < 0.001, "{sound:?}");
        assert_eq!(sound.clipped, 4);
        assert!(sound.peak_dbfs > -0.01, "{sound:?}");
    }

    #[test]
    fn nothing_has_no_loudness_and_any_rate_is_measured() {
        assert_eq!(Sound::of(&[], 16_000).loudness, None);
        assert_eq!(Sound::of(&[0; 16_000], 16_000).loudness, None);
        assert_eq!(Sound::of(&[1_000; 10], 0).loudness, None);
        assert!(Sound::of(&[1_000, -1_000], 16_000).loudness.is_some());
    }
}
