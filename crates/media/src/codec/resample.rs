//! A recording at any rate, brought to the 8 kHz of the telephone network: a windowed-sinc low-pass filter
//! in polyphase form, one set of taps for each place an output sample can have between two input samples.

use std::f64::consts::PI;

/// Samples a second of the telephone network.
pub(crate) const TELEPHONE_HZ: u32 = 8_000;

/// Half loudness, as a part of the lower rate: 3.7 kHz of 8. With the width below, 3.38 kHz passes untouched and
/// 4.02 kHz is 80 dB down: the telephone band (300 to 3,400 Hz) is whole and nothing folds back into it.
const CUTOFF: f64 = 3_700.0 / 8_000.0;

/// Zero crossings of the sinc on each side, at the lower of the two rates.
const HALF_WIDTH: f64 = 32.0;

/// Kaiser's window shape: 80 dB of stop band.
const KAISER_BETA: f64 = 8.0;

/// The same sound at 8 kHz, or at the 16 kHz of wideband telephones. Empty for a rate of zero.
///
/// A filter rings at steep edges, so a master that reaches full scale may leave it louder than a sample can
/// be. Then the whole recording is made that little softer, and nothing is clipped.
pub(crate) fn resampled(samples: &[i16], rate: u32, to: u32) -> Vec<i16> {
    if rate == to {
        return samples.to_vec();
    }
    if rate == 0 || samples.is_empty() {
        return Vec::new();
    }
    let filtered = Polyphase::new(rate, to).filter(samples);
    let peak = filtered.iter().fold(0.0_f64, |peak, sample| peak.max(sample.abs()));
    let gain = (f64::from(i16::MAX) / peak.max(1.0)).min(1.0);
    // The cast saturates, and rounding cannot leave the range after the gain.
    filtered.into_iter().map(|sample| (sample * gain).round() as i16).collect()
}

struct Polyphase {
    /// Input samples for every `down` …
    up: usize,
    /// … steps of `1 / up` input samples.
    down: usize,
    /// Taps on each side of the output sample.
    half: usize,
    /// Relative to the input rate, 0 to 0.5.
    cutoff: f64,
}

impl Polyphase {
    fn new(rate: u32, to: u32) -> Self {
        let common = common_divisor(rate, to);
        let lower = f64::from(rate.min(to));
        Self {
            up: (to / common) as usize,
            down: (rate / common) as usize,
            half: (HALF_WIDTH * f64::from(rate) / lower).ceil() as usize,
            cutoff: CUTOFF * lower / f64::from(rate),
        }
    }

    fn filter(&self, samples: &[i16]) -> Vec<f64> {
        let length = (samples.len() * self.up).div_ceil(self.down);
        let phases: Vec<Vec<f64>> = (0..self.up.min(length)).map(|phase| self.taps(phase)).collect();
        let mut out = vec![0.0; length];
        for (first, taps) in phases.iter().enumerate() {
            // Output samples `first`, `first + up`, … stand at the same place between two input samples.
            for (nth, output) in out.iter_mut().skip(first).step_by(self.up).enumerate() {
                let centre = first * self.down / self.up + nth * self.down;
                *output = self.apply(taps, samples, centre);
            }
        }
        out
    }

    /// The taps around `centre`, which reach from `centre + 1 - half` to `centre + half`.
    fn apply(&self, taps: &[f64], samples: &[i16], centre: usize) -> f64 {
        let (before, start) = match (centre + 1).checked_sub(self.half) {
            Some(start) => (0, start),
            None => (self.half - centre - 1, 0),
        };
        let taps = taps.get(before..).unwrap_or_default();
        let samples = samples.get(start..).unwrap_or_default();
        taps.iter().zip(samples).map(|(tap, sample)| tap * f64::from(*sample)).sum()
    }

    /// The filter for the `phase`th output sample, with a gain of one at 0 Hz.
    fn taps(&self, phase: usize) -> Vec<f64> {
        let fraction = ((phase * self.down) % self.up) as f64 / self.up as f64;
        let half = self.half as f64;
        let mut taps: Vec<f64> = (0..2 * self.half)
            .map(|tap| {
                let distance = tap as f64 - (half - 1.0) - fraction;
                sinc(2.0 * self.cutoff * distance) * kaiser(distance / half, KAISER_BETA)
            })
            .collect();
        let gain: f64 = taps.iter().sum();
        taps.iter_mut().for_each(|tap| *tap /= gain);
        taps
    }
}

pub(super) fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// Kaiser's window of a shape at `x`, -1 to 1.
pub(super) fn kaiser(x: f64, beta: f64) -> f64 {
    bessel_i0(beta * (1.0 - x * x).max(0.0).sqrt()) / bessel_i0(beta)
}

/// The modified Bessel function of order zero, by its series; for our arguments 30 terms leave nothing.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..30 {
        term *= quarter / f64::from(n * n);
        sum += term;
    }
    sum
}

fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    fn to_telephone(samples: &[i16], rate: u32) -> Vec<i16> {
        super::resampled(samples, rate, 8_000)
    }

    fn tone(hz: f64, rate: u32, amplitude: f64) -> Vec<i16> {
        (0..rate)
            .map(|n| (amplitude * (TAU * hz * f64::from(n) / f64::from(rate)).sin()).round() as i16)
            .collect()
    }

    /// Away from the ends, where the filter has all it reaches for.
    fn level(samples: &[i16]) -> f64 {
        let middle = samples.get(500..samples.len() - 500).unwrap_or_default();
        (middle.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / middle.len() as f64).sqrt()
    }

    fn decibels(hz: f64, rate: u32) -> f64 {
        20.0 * (level(&to_telephone(&tone(hz, rate, 10_000.0), rate)) / (10_000.0 / 2.0_f64.sqrt())).log10()
    }

    #[test]
    fn the_telephone_band_passes_untouched_from_every_usual_rate() {
        for rate in [11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] {
            for hz in [100.0, 1_000.0, 3_000.0, 3_350.0] {
                let change = decibels(hz, rate);
                assert!(change.abs() < 0.05, "{hz} Hz from {rate} changed by {change:.3} dB");
            }
        }
    }

    #[test]
    fn what_the_telephone_cannot_carry_is_removed_and_does_not_fold_back() {
        for rate in [11_025, 16_000, 44_100, 48_000] {
            for hz in [4_100.0, 4_600.0, 5_000.0] {
                let change = decibels(hz, rate);
                assert!(change < -70.0, "{hz} Hz from {rate} is only {change:.1} dB down");
            }
        }
    }

    #[test]
    fn a_recording_keeps_its_length_whatever_its_rate() {
        for rate in [7_999, 8_000, 11_025, 16_000, 44_100, 44_101, 48_000] {
            assert_eq!(to_telephone(&vec![0; rate as usize], rate).len(), 8_000, "from {rate}");
        }
        assert!(to_telephone(&[1, 2, 3], 0).is_empty());
        assert_eq!(to_telephone(&[7], 16_000).len(), 1);
        assert!(to_telephone(&[], 16_000).is_empty());
    }

    #[test]
    fn a_click_stays_where_it_was_at_the_beginning_in_the_middle_and_at_the_end() {
        for rate in [16_000, 48_000] {
            for output in [0, 5, 500, 999] {
                let at = output * (rate / 8_000) as usize;
                let mut click = vec![0; rate as usize / 8];
                click.iter_mut().skip(at).take(1).for_each(|sample| *sample = 30_000);
                let out = to_telephone(&click, rate);
                let loudest = (0..out.len()).max_by_key(|n| out.get(*n).copied().unwrap_or(0));
                assert_eq!(loudest, Some(output), "from {rate}");
            }
        }
    }

    #[test]
    fn a_full_scale_square_wave_is_made_softer_rather_than_clipped() {
        let square: Vec<i16> =
            (0..16_000).map(|n| if n / 40 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let out = to_telephone(&square, 16_000);
        let at_limit = out.iter().filter(|s| s.unsigned_abs() >= 32_767).count();
        // One peak of one phase may touch; a clipped wave would touch at every edge of 200 periods.
        assert!(at_limit < 450, "{at_limit} samples at full scale");
        assert!(level(&out) > 24_000.0 && level(&out) < 31_000.0, "level {}", level(&out));
    }

    #[test]
    fn a_slower_recording_is_brought_up_without_images() {
        let out = to_telephone(&tone(1_000.0, 6_000, 10_000.0), 6_000);
        let change = 20.0 * (level(&out) / (10_000.0 / 2.0_f64.sqrt())).log10();
        assert!(change.abs() < 0.05, "{change:.3} dB");
    }
}
