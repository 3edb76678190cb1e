//! From 8 kHz to 16 kHz and back while people talk: one half-band filter in two phases, one of which is the samples
//! themselves, so that each 20 ms cost a few microseconds. Recordings go through `resample`, which takes its time.

use std::sync::LazyLock;

use super::resample::{kaiser, sinc};

/// Taps of the phase that is computed. With the window below everything up to 3.4 kHz passes and what is above
/// 4.6 kHz is 70 dB down; what folds back in between stays above the telephone band.
const TAPS: usize = 30;

/// Kaiser's window shape: 70 dB of stop band.
const KAISER_BETA: f64 = 7.0;

/// Samples of the phase that is not computed, by which it waits for the other: 1.9 ms.
const DELAY: usize = TAPS / 2;

/// The odd taps of the half-band filter, with a gain of one at 0 Hz.
static FILTER: LazyLock<[f32; TAPS]> = LazyLock::new(|| {
    let half = TAPS as f64;
    let taps: [f64; TAPS] = std::array::from_fn(|tap| {
        let distance = 2.0 * tap as f64 - (half - 1.0);
        sinc(distance / 2.0) * kaiser(distance / half, KAISER_BETA)
    });
    let gain: f64 = taps.iter().sum();
    taps.map(|tap| (tap / gain) as f32)
});

/// What was heard last, behind which the next samples go.
#[derive(Clone, Debug)]
struct Line {
    samples: Vec<f32>,
}

impl Line {
    fn new() -> Self {
        Self { samples: vec![0.0; TAPS - 1] }
    }

    /// Forgets all but the last that the next ones need.
    fn forget(&mut self) {
        let done = self.samples.len().saturating_sub(TAPS - 1);
        self.samples.drain(..done);
    }

    /// Each `TAPS` samples in a row, filtered.
    fn filtered(&self) -> impl Iterator<Item = f32> {
        let taps = &*FILTER;
        self.samples.windows(TAPS).map(move |window| {
            // The filter is symmetric, so that its direction does not matter.
            window.iter().zip(taps).map(|(sample, tap)| sample * tap).sum()
        })
    }

    /// The sample in the middle of each of them, `later` than half of them.
    fn middles(&self, later: usize) -> impl Iterator<Item = f32> {
        self.samples.iter().skip(DELAY - 1 + later).copied()
    }
}

/// 8 kHz to 16 kHz.
#[derive(Clone, Debug)]
pub(super) struct Doubler(Line);

impl Doubler {
    pub(super) fn new() -> Self {
        Self(Line::new())
    }

    /// Puts two samples for each one behind `out`.
    pub(super) fn double(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        let line = &mut self.0;
        line.samples.extend(samples.iter().map(|sample| f32::from(*sample)));
        for (itself, between) in line.middles(0).zip(line.filtered()) {
            out.push(rounded(itself));
            out.push(rounded(between));
        }
        line.forget();
    }
}

/// 16 kHz to 8 kHz.
#[derive(Clone, Debug)]
pub(crate) struct Halver {
    even: Line,
    odd: Line,
    /// A sample whose other half is in the next packet.
    held: Option<i16>,
}

impl Halver {
    pub(crate) fn new() -> Self {
        Self { even: Line::new(), odd: Line::new(), held: None }
    }

    /// Puts one sample for each two behind `out`.
    pub(crate) fn halve(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        for sample in samples {
            match self.held.take() {
                None => self.held = Some(*sample),
                Some(first) => {
                    self.even.samples.push(f32::from(first));
                    self.odd.samples.push(f32::from(*sample));
                }
            }
        }
        for (itself, between) in self.even.middles(1).zip(self.odd.filtered()) {
            out.push(rounded((itself + between) / 2.0));
        }
        self.even.forget();
        self.odd.forget();
    }
}

/// The nearest sample. Not by `round`, which is a call for each sample on machines without an instruction for it.
fn rounded(sample: f32) -> i16 {
    let shifted = (sample + 32_768.5) as i32 - 32_768;
    shifted.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::{Doubler, Halver};

    fn tone(hz: f64, rate: f64, samples: usize) -> Vec<i16> {
        (0..samples).map(|n| (10_000.0 * (TAU * hz * n as f64 / rate).sin()) as i16).collect()
    }

    /// How loud a frequency is, in decibels below a tone of the amplitude above.
    fn decibels(samples: &[i16], hz: f64, rate: f64) -> f64 {
        let middle = samples.get(200..samples.len() - 200).unwrap_or_default();
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in middle.iter().enumerate() {
            let angle = TAU * hz * n as f64 / rate;
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
        }
        20.0 * (re.hypot(im) * 2.0 / middle.len() as f64 / 10_000.0).log10()
    }

    fn doubled(samples: &[i16]) -> Vec<i16> {
        let (mut doubler, mut out) = (Doubler::new(), Vec::new());
        samples.chunks(77).for_each(|chunk| doubler.double(chunk, &mut out));
        out
    }

    fn halved(samples: &[i16]) -> Vec<i16> {
        let (mut halver, mut out) = (Halver::new(), Vec::new());
        samples.chunks(77).for_each(|chunk| halver.halve(chunk, &mut out));
        out
    }

    #[test]
    fn the_telephone_band_passes_up_and_down_and_images_are_removed() {
        for hz in [100.0, 1_000.0, 3_000.0, 3_400.0] {
            let up = doubled(&tone(hz, 8_000.0, 8_000));
            assert_eq!(up.len(), 16_000);
            assert!(decibels(&up, hz, 16_000.0).abs() < 0.1, "{hz} Hz going up");
            assert!(decibels(&up, 8_000.0 - hz, 16_000.0) < -65.0, "the image of {hz} Hz");
            let down = halved(&tone(hz, 16_000.0, 16_000));
            assert_eq!(down.len(), 8_000);
            assert!(decibels(&down, hz, 8_000.0).abs() < 0.1, "{hz} Hz going down");
        }
    }

    #[test]
    fn what_does_not_fit_8_khz_is_removed_and_does_not_fold_back_into_the_telephone_band() {
        for hz in [4_600.0, 5_000.0, 7_000.0] {
            let down = halved(&tone(hz, 16_000.0, 16_000));
            assert!(decibels(&down, 8_000.0 - hz, 8_000.0) < -65.0, "{hz} Hz folds back");
        }
    }

    #[test]
    fn packets_of_any_length_are_cut_without_a_seam() {
        let whole = tone(700.0, 16_000.0, 4_000);
        let (mut halver, mut at_once) = (Halver::new(), Vec::new());
        halver.halve(&whole, &mut at_once);
        assert_eq!(halved(&whole), at_once);
    }

    #[test]
    fn the_loudest_square_wave_is_clipped_and_not_wrapped() {
        let square: Vec<i16> =
            (0..4_000).map(|n| if n / 40 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        for (n, sample) in halved(&square).iter().enumerate().skip(100) {
            // Half a period each, and half the filter's delay.
            let near_edge = (n + 40 - 15) % 20 < 3 || (n + 40 - 15) % 20 > 17;
            assert!(near_edge || sample.unsigned_abs() > 20_000, "{sample} at {n}");
        }
    }
}
