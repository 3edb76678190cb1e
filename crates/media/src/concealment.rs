//! What is heard in place of sound that never came: the last pitch period again and again, ever softer, as in
//! appendix I of ITU-T G.711. For every codec that has nothing better of its own.

use std::fmt;

use crate::jitter::MADE_UP_MAX;

/// The pitch of voices: 66 to 200 Hz. A period has so many tenths of a millisecond.
const PERIOD_TENTHS: std::ops::RangeInclusive<usize> = 50..=150;

/// How much of the last sound is compared with what was before it (20 ms).
const COMPARED_MS: usize = 20;

/// How long what is made up stays as loud as it was (10 ms); from there it fades until `MADE_UP_MAX`.
const LOUD_MS: usize = 10;

/// How long it goes on beside what comes again, so that no edge is heard (5 ms).
const BLENDED_MS: usize = 5;

/// Remembers the last sound of one speaker.
pub(crate) struct Concealer {
    /// Samples a millisecond.
    per_ms: usize,
    /// The last samples heard, oldest first.
    history: Vec<i16>,
    /// One period of it, while something is missing.
    period: Vec<i16>,
    /// Samples made up since.
    made_up: usize,
}

impl Concealer {
    pub(crate) fn new(hz: u32) -> Self {
        let per_ms = hz as usize / 1_000;
        let kept = per_ms * (COMPARED_MS + PERIOD_TENTHS.end() / 10);
        Self { per_ms, history: vec![0; kept], period: Vec::with_capacity(kept), made_up: 0 }
    }

    /// Remembers what came. Behind something made up its beginning is blended with what that would have become.
    pub(crate) fn hear(&mut self, samples: &mut [i16]) {
        if self.made_up > 0 {
            let length = (self.per_ms * BLENDED_MS).min(samples.len());
            for (place, sample) in samples.iter_mut().take(length).enumerate() {
                let (old, new) = (self.sample(self.made_up + place), i32::from(*sample));
                let part = place as i32 + 1;
                *sample = ((old * (length as i32 + 1 - part) + new * part) / (length as i32 + 1)) as i16;
            }
            self.made_up = 0;
            self.period.clear();
        }
        self.remember(samples);
    }

    /// Puts so many samples of what might have been said behind `samples`.
    pub(crate) fn conceal(&mut self, missing: usize, samples: &mut Vec<i16>) {
        if self.made_up == 0 {
            self.find_period();
        }
        let start = samples.len();
        samples.extend((self.made_up..self.made_up + missing).map(|place| self.sample(place) as i16));
        self.made_up += missing;
        self.remember(samples.get(start..).unwrap_or_default());
    }

    /// A sample made up, by its place behind the last that was heard.
    fn sample(&self, place: usize) -> i32 {
        let Some(sample) = self.period.get(place % self.period.len().max(1)) else { return 0 };
        let (loud, silent) = (self.per_ms * LOUD_MS, self.per_ms * MADE_UP_MAX.as_millis() as usize);
        let part = silent.saturating_sub(place.max(loud)) as i32;
        i32::from(*sample) * part / (silent - loud).max(1) as i32
    }

    fn remember(&mut self, samples: &[i16]) {
        let kept = self.history.len();
        let new = samples.get(samples.len().saturating_sub(kept)..).unwrap_or_default();
        self.history.copy_within(new.len().., 0);
        if let Some(end) = self.history.get_mut(kept - new.len()..) {
            end.copy_from_slice(new);
        }
    }

    /// The distance at which the last sound is most like what was before it.
    fn find_period(&mut self) {
        let lags = PERIOD_TENTHS.start() * self.per_ms / 10..=PERIOD_TENTHS.end() * self.per_ms / 10;
        let from = self.history.len().saturating_sub(COMPARED_MS * self.per_ms);
        let newest = self.history.get(from..).unwrap_or_default();
        let likeness = |lag: usize| {
            let before = self.history.get(from.saturating_sub(lag)..).unwrap_or_default();
            let (mut product, mut energy) = (0_i64, 1_i64);
            for (new, old) in newest.iter().zip(before) {
                product += i64::from(*new) * i64::from(*old);
                energy += i64::from(*old) * i64::from(*old);
            }
            product as f64 / (energy as f64).sqrt()
        };
        let best = lags.map(|lag| (lag, likeness(lag))).max_by(|a, b| a.1.total_cmp(&b.1));
        let lag = best.map_or(1, |(lag, _)| lag);
        let end = self.history.len();
        self.period.clear();
        self.period.extend_from_slice(self.history.get(end - lag..).unwrap_or_default());
        // The end of the period becomes what was before its beginning, so that it can follow itself.
        let length = lag / 4;
        for place in 0..length {
            let before = self.history.get(end + place - lag - length).copied().unwrap_or_default();
            if let Some(sample) = self.period.get_mut(lag - length + place) {
                let part = place as i32 + 1;
                let (old, new) = (i32::from(*sample), i32::from(before));
                *sample = ((old * (length as i32 + 1 - part) + new * part) / (length as i32 + 1)) as i16;
            }
        }
    }
}

/// What is said is not for a log.
impl fmt::Debug for Concealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Concealer({} samples made up)", self.made_up)
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::Concealer;

    fn tone(from: usize, to: usize, hz: f64, per_second: u32) -> Vec<i16> {
        let wave = |n: usize| (8_000.0 * (TAU * hz * n as f64 / f64::from(per_second)).sin()) as i16;
        (from..to).map(wave).collect()
    }

    #[test]
    fn a_lost_packet_of_a_tone_sounds_on_and_its_edges_are_not_heard() {
        for (rate, hz) in
            [(8_000, 100.0), (8_000, 150.0), (8_000, 1_000.0), (16_000, 400.0), (16_000, 5_000.0)]
        {
            let (frame, mut concealer) = (rate as usize / 50, Concealer::new(rate));
            let mut heard = tone(0, 10 * frame, hz, rate);
            heard.chunks_mut(frame).for_each(|frame| concealer.hear(frame));
            concealer.conceal(frame, &mut heard);
            let mut after = tone(11 * frame, 14 * frame, hz, rate);
            after.chunks_mut(frame).for_each(|frame| concealer.hear(frame));
            heard.extend(after);
            let step = |pair: &[i16]| match pair {
                [before, after] => (i32::from(*before) - i32::from(*after)).abs(),
                _ => 0,
            };
            let usual = heard.iter().take(9 * frame).copied().collect::<Vec<_>>();
            let usual = usual.windows(2).map(step).max().unwrap_or(0);
            let largest = heard.windows(2).map(step).max().unwrap_or(0);
            assert!(largest <= usual * 3 / 2 + 400, "{rate} {hz}: a step of {largest}, usually {usual}");
            let loudest = heard.iter().skip(10 * frame).take(frame / 2).max().copied().unwrap_or(0);
            assert!(loudest > 7_500, "{rate} {hz}: {loudest}");
        }
    }

    #[test]
    fn what_is_made_up_fades_to_nothing_in_60_ms_and_silence_stays_silence() {
        let mut concealer = Concealer::new(8_000);
        let mut samples = Vec::new();
        concealer.conceal(160, &mut samples);
        assert!(samples.iter().all(|sample| *sample == 0));
        concealer.hear(&mut tone(0, 800, 200.0, 8_000));
        samples.clear();
        for _ in 0..5 {
            concealer.conceal(160, &mut samples);
        }
        let loudest: Vec<i16> =
            samples.chunks(80).map(|part| part.iter().max().copied().unwrap_or(0)).collect();
        assert!(loudest.is_sorted_by(|a, b| a >= b), "{loudest:?}");
        assert!(samples.iter().skip(480).all(|sample| *sample == 0));
    }
}
