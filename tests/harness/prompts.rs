//! Whether what was heard is a prompt of the repository, sample by sample.

use std::f32::consts::PI;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use phone::Recording;

use crate::trouble::Trouble;

/// Samples compared: half a second is unlike any other half second of speech.
const TEMPLATE_SAMPLES: usize = 4_000;
/// Samples of a second.
const SECOND: usize = 8_000;
/// The first search averages this many samples, the second looks at every sample around what it found.
const COARSE: usize = 4;
/// Places the first search hands to the second.
const CANDIDATES: usize = 8;

/// Samples of a 16-bit mono WAV file, whatever its header says about their number: some writers fill that
/// in at the end.
pub fn wav_samples(wav: &[u8]) -> Vec<i16> {
    let data = wav.windows(4).position(|w| w == b"data").map_or(wav.len(), |at| at + 8);
    let (samples, _) = wav.get(data..).unwrap_or_default().as_chunks::<2>();
    samples.iter().map(|&pair| i16::from_le_bytes(pair)).collect()
}

/// How well a prompt of `call-flows/prompts` (`en/dial_911_notice`) fits somewhere into what was heard: the
/// best correlation of half a second from its middle, 1 for the same samples, near 0 for others.
pub fn prompt_fits(heard: &[i16], prompt: &str) -> Result<f64, Trouble> {
    let samples = prompt_samples(prompt)?;
    let start = (samples.len() / 2).saturating_sub(TEMPLATE_SAMPLES / 2);
    let template = samples.get(start..start + TEMPLATE_SAMPLES);
    let template = template.ok_or_else(|| Trouble::new(format!("{prompt} is shorter than half a second")))?;
    let heard: Vec<f32> = heard.iter().map(|&s| f32::from(s)).collect();

    let (rough, rough_template) = (averages(&heard, COARSE), averages(template, COARSE));
    let mut places: Vec<(f32, usize)> = rough
        .windows(rough_template.len())
        .enumerate()
        .map(|(at, window)| (correlation(window, &rough_template), at * COARSE))
        .collect();
    places.sort_by(|a, b| b.0.total_cmp(&a.0));

    let mut best: f32 = 0.0;
    for (_, place) in places.into_iter().take(CANDIDATES) {
        for at in place.saturating_sub(COARSE)..=place + COARSE {
            if let Some(window) = heard.get(at..at + TEMPLATE_SAMPLES) {
                best = best.max(correlation(window, template));
            }
        }
    }
    Ok(f64::from(best))
}

/// What half a second of the same prompt has after a codec, and no other prompt comes near.
const FITS_MIN: f64 = 0.8;

/// Waits until a prompt is heard, looking once for every second of audio: the comparison is slow.
pub async fn hears_prompt(heard: &Recording, prompt: &str, within: Duration) -> Result<(), Trouble> {
    let (mut looked_at, mut best) = (0, Ok(0.0));
    let is_heard = heard.until(Instant::now() + within, |heard| {
        let samples = heard.samples();
        if samples.len() < looked_at + SECOND {
            return false;
        }
        // A prompt that was cut by the last look is whole in this one.
        let since = looked_at.saturating_sub(TEMPLATE_SAMPLES);
        looked_at = samples.len();
        let fit = prompt_fits(samples.get(since..).unwrap_or_default(), prompt);
        let is_over = fit.as_ref().map_or(true, |&fit| fit > FITS_MIN);
        best = match (&best, fit) {
            (Ok(best), Ok(fit)) => Ok(fit.max(*best)),
            (_, fit) => fit,
        };
        is_over
    });
    let is_heard = is_heard.await;
    match best {
        Ok(_) if is_heard => Ok(()),
        Ok(best) => {
            Err(Trouble::new(format!("{prompt} was not heard within {within:?}; the best fit is {best:.2}")))
        }
        Err(trouble) => Err(trouble),
    }
}

/// A prompt file at the 8,000 samples per second of a telephone.
fn prompt_samples(prompt: &str) -> Result<Vec<f32>, Trouble> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../call-flows/prompts");
    let file = folder.join(prompt).with_extension("wav");
    let wav = fs::read(&file).map_err(|e| Trouble::new(format!("{}: {e}", file.display())))?;
    let samples: Vec<f32> = wav_samples(&wav).into_iter().map(f32::from).collect();
    // The rate stands at octet 24 of the header.
    match wav.get(24..28) {
        Some([0x40, 0x1f, 0, 0]) => Ok(samples),
        Some([0x80, 0x3e, 0, 0]) => Ok(halved(&samples)),
        _ => Err(Trouble::new(format!("{} has neither 8,000 nor 16,000 samples per second", file.display()))),
    }
}

/// Every second sample of a signal without its upper half band (a windowed sinc of 31 taps).
fn halved(samples: &[f32]) -> Vec<f32> {
    const REACH: i32 = 15;
    let tap = |n: i32| {
        let window = 0.5 + 0.5 * (PI * n as f32 / (REACH + 1) as f32).cos();
        let sinc = if n == 0 { 0.5 } else { (PI * n as f32 / 2.0).sin() / (PI * n as f32) };
        window * sinc
    };
    let taps: Vec<f32> = (-REACH..=REACH).map(tap).collect();
    samples.windows(taps.len()).step_by(2).map(|w| w.iter().zip(&taps).map(|(s, t)| s * t).sum()).collect()
}

fn averages(samples: &[f32], of: usize) -> Vec<f32> {
    samples.chunks_exact(of).map(|chunk| chunk.iter().sum()).collect()
}

fn correlation(window: &[f32], template: &[f32]) -> f32 {
    let (mut product, mut energy, mut own) = (0.0, 0.0, 0.0);
    for (heard, wanted) in window.iter().zip(template) {
        product += heard * wanted;
        energy += heard * heard;
        own += wanted * wanted;
    }
    if energy > 0.0 && own > 0.0 { product / (energy * own).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use phone::Codec;

    #[test]
    fn a_prompt_is_found_after_mu_law_and_is_not_mistaken_for_another() {
        let samples = prompt_samples("en/dial_911_notice").unwrap();
        let through_mu_law = |&s: &f32| Codec::Pcmu.decode(Codec::Pcmu.encode(s as i16));
        let heard: Vec<i16> = samples.iter().skip(1_001).map(through_mu_law).collect();
        assert!(prompt_fits(&heard, "en/dial_911_notice").unwrap() > 0.95);
        assert!(prompt_fits(&heard, "en/welcome_nurse_line").unwrap() < 0.5);
    }
}
