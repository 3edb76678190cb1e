//! Keys heard as tones in the audio itself (ITU-T Q.23), of peers that agree on no telephone-event.
//!
//! Each block of 102 samples is measured at the eight frequencies (Goertzel 1958). A key counts once two blocks in
//! a row show the same pair, strong enough against everything else and with a lawful twist (ITU-T Q.24), and once
//! the phase has turned between them as only these frequencies do: that measures each frequency to a few hertz
//! from 25 ms of sound, which a bank of filters cannot, and is what keeps speech from being taken for keys
//! (talk-off).

use std::f32::consts::TAU;

use super::{Digit, HIGH_HZ, KEYS, LOW_HZ, SAMPLES_HZ as HZ};

/// Samples of a block, 12.75 ms at 8 kHz. 40 ms of tone, the shortest Q.24 wants heard, always hold two whole
/// blocks; 20 ms never do.
const BLOCK: usize = 102;

/// The weakest tone taken, as peak amplitude: −36 dBm0, where 0 dBm0 has a peak of 22,304.
const PEAK_MIN: f32 = 353.0;
/// How much of a block's energy the two tones have. Noise 10 dB below them leaves 0.9; a block that the tone
/// fills by half, 0.5.
const SHARE_MIN: f32 = 0.63;
/// The high tone against the low one, as ratio of energies. Q.24 asks for −8 to +4 dB; what one tone leaks into the
/// block of the other may look like 2 dB more.
const TWIST_MIN: f32 = 0.09;
const TWIST_MAX: f32 = 4.0;
/// A tone against the next strongest of its group: 8 dB.
const OTHERS_MAX: f32 = 0.16;
/// How far a frequency may be off: heard up to 1.5 % and 2 Hz, never beyond 3.5 % (Q.24, table A-1).
const DEVIATION_MAX: f32 = 0.025;
/// Blocks without the key that end it. Dropouts of 10 ms spoil two at most, pauses of 40 ms three at least.
const MISSES_MAX: u8 = 3;

/// Listens for keys in one peer's audio.
#[derive(Clone, Debug)]
pub(crate) struct ToneReceiver {
    low: [Bin; 4],
    high: [Bin; 4],
    samples: usize,
    energy: f32,
    /// The key of the block before, with the phases of its two tones.
    last: Option<Pair>,
    /// The key that is being pressed, and blocks since it was last there.
    pressed: Option<(Digit, u8)>,
}

/// Two tones of one block.
#[derive(Clone, Copy, Debug)]
struct Pair {
    digit: Digit,
    low: Tone,
    high: Tone,
}

/// One tone of one block: where it points, as a complex number, and the frequency it was measured at.
#[derive(Clone, Copy, Debug)]
struct Tone {
    hz: f32,
    re: f32,
    im: f32,
}

impl Tone {
    /// Energy, in the unit of the sum of squared samples.
    fn energy(self) -> f32 {
        (self.re * self.re + self.im * self.im) * 2.0 / BLOCK as f32
    }

    /// How far from its nominal frequency it is, as a part of it, by what its phase turned since the block
    /// before. Unambiguous within ±39 Hz.
    fn deviation(self, before: Self) -> f32 {
        let turn = TAU * self.hz * BLOCK as f32 / HZ;
        let (re, im) = (self.re * before.re + self.im * before.im, self.im * before.re - self.re * before.im);
        let (sin, cos) = turn.sin_cos();
        let rest = (im * cos - re * sin).atan2(re * cos + im * sin);
        (rest / TAU * HZ / BLOCK as f32 / self.hz).abs()
    }
}

/// A Goertzel filter.
#[derive(Clone, Copy, Debug)]
struct Bin {
    hz: f32,
    coefficient: f32,
    s1: f32,
    s2: f32,
}

impl Bin {
    fn new(hz: f32) -> Self {
        Self { hz, coefficient: 2.0 * (TAU * hz / HZ).cos(), s1: 0.0, s2: 0.0 }
    }

    fn hear(&mut self, sample: f32) {
        let s0 = self.coefficient.mul_add(self.s1, sample) - self.s2;
        self.s2 = self.s1;
        self.s1 = s0;
    }

    /// What the block held, and ready for the next.
    fn take(&mut self) -> Tone {
        let (sin, cos) = (TAU * self.hz / HZ).sin_cos();
        let tone = Tone { hz: self.hz, re: self.s1 - self.s2 * cos, im: self.s2 * sin };
        (self.s1, self.s2) = (0.0, 0.0);
        tone
    }
}

impl Default for ToneReceiver {
    fn default() -> Self {
        Self {
            low: LOW_HZ.map(Bin::new),
            high: HIGH_HZ.map(Bin::new),
            samples: 0,
            energy: 0.0,
            last: None,
            pressed: None,
        }
    }
}

impl ToneReceiver {
    /// Listens to some samples. A key is told once, some 26 to 38 ms after it begins.
    pub(crate) fn hear(&mut self, samples: impl IntoIterator<Item = i16>, mut tell: impl FnMut(Digit)) {
        for sample in samples {
            let sample = f32::from(sample);
            self.energy = sample.mul_add(sample, self.energy);
            for bin in self.low.iter_mut().chain(&mut self.high) {
                bin.hear(sample);
            }
            self.samples += 1;
            if self.samples == BLOCK {
                self.samples = 0;
                if let Some(digit) = self.block() {
                    tell(digit);
                }
            }
        }
    }

    /// Whether a key sounds now, or may: what the other side of a bridge should not hear of a secret.
    pub(crate) fn is_pressed(&self) -> bool {
        self.pressed.is_some() || self.last.is_some()
    }

    fn block(&mut self) -> Option<Digit> {
        let energy = std::mem::take(&mut self.energy);
        let pair = pair(self.low.each_mut().map(Bin::take), self.high.each_mut().map(Bin::take), energy);
        let before = std::mem::replace(&mut self.last, pair);
        let heard =
            pair.zip(before).filter(|(pair, before)| pair.goes_on(*before)).map(|(pair, _)| pair.digit);
        match (heard, &mut self.pressed) {
            (Some(digit), Some((pressed, misses))) if digit == *pressed => *misses = 0,
            (Some(digit), _) => {
                self.pressed = Some((digit, 0));
                return Some(digit);
            }
            (None, Some((pressed, misses))) => {
                // One block of it is not enough to begin a key, but it goes on by it.
                let is_there = pair.is_some_and(|pair| pair.digit == *pressed);
                *misses = if is_there { 0 } else { *misses + 1 };
                if *misses >= MISSES_MAX {
                    self.pressed = None;
                }
            }
            (None, None) => {}
        }
        None
    }
}

impl Pair {
    fn goes_on(self, before: Self) -> bool {
        self.digit == before.digit
            && self.low.deviation(before.low) <= DEVIATION_MAX
            && self.high.deviation(before.high) <= DEVIATION_MAX
    }
}

/// The key a block holds, by the tones alone.
fn pair(low: [Tone; 4], high: [Tone; 4], energy: f32) -> Option<Pair> {
    let (row, low) = strongest(low)?;
    let (column, high) = strongest(high)?;
    let twist = high.energy() / low.energy();
    let is_key =
        low.energy() + high.energy() >= SHARE_MIN * energy && (TWIST_MIN..=TWIST_MAX).contains(&twist);
    let digit = KEYS.get(row).and_then(|keys| keys.get(column)).copied().and_then(Digit::from_event)?;
    is_key.then_some(Pair { digit, low, high })
}

/// The tone that stands out in its group.
fn strongest(tones: [Tone; 4]) -> Option<(usize, Tone)> {
    let (at, tone) =
        tones.into_iter().enumerate().max_by(|(_, a), (_, b)| a.energy().total_cmp(&b.energy()))?;
    let energy = tone.energy();
    let mut others = tones.iter().enumerate().filter(|(other, _)| *other != at);
    let stands_out = others.all(|(_, other)| other.energy() <= OTHERS_MAX * energy);
    let is_loud = energy >= PEAK_MIN * PEAK_MIN * BLOCK as f32 / 2.0;
    (stands_out && is_loud).then_some((at, tone))
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::{Digit, HIGH_HZ, HZ, KEYS, LOW_HZ, ToneReceiver};

    /// 0 dBm0 as peak amplitude.
    const DBM0: f32 = 22_304.0;

    #[derive(Clone, Copy)]
    struct Press {
        key: u8,
        ms: f32,
        /// Level of the low tone, in dBm0.
        level: f32,
        /// How much louder the high tone is, in dB.
        twist: f32,
        /// How far both frequencies are off, as a part.
        off: f32,
    }

    const PLAIN: Press = Press { key: 5, ms: 60.0, level: -12.0, twist: 0.0, off: 0.0 };

    fn samples(ms: f32) -> usize {
        (ms * HZ / 1_000.0) as usize
    }

    fn tone(press: Press) -> Vec<f32> {
        let (row, column) =
            (0..16).map(|at| (at / 4, at % 4)).find(|(r, c)| KEYS[*r][*c] == press.key).unwrap();
        let peak = |db: f32| DBM0 * 10_f32.powf(db / 20.0);
        let wave = |hz: f32, level: f32, at: usize| {
            peak(level) * (std::f32::consts::TAU * hz * (1.0 + press.off) * at as f32 / HZ).sin()
        };
        (0..samples(press.ms))
            .map(|at| {
                wave(LOW_HZ[row], press.level, at) + wave(HIGH_HZ[column], press.level + press.twist, at)
            })
            .collect()
    }

    fn silence(ms: f32) -> Vec<f32> {
        vec![0.0; samples(ms)]
    }

    /// Even noise of a level in dBm0, from a generator of the test's own.
    fn noise(count: usize, level: f32) -> Vec<f32> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let peak = DBM0 * 10_f32.powf(level / 20.0) * (1.5_f32).sqrt();
        (0..count)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                ((state >> 40) as f32 / 8_388_608.0 - 1.0) * peak
            })
            .collect()
    }

    fn heard(audio: &[f32]) -> String {
        let mut receiver = ToneReceiver::default();
        let mut keys = String::new();
        let audio = audio.iter().map(|sample| sample.clamp(-32_768.0, 32_767.0) as i16);
        receiver.hear(audio, |digit| keys.push(digit.char()));
        keys
    }

    /// A press somewhere in silence: 37 offsets against the blocks.
    fn hits(press: Press) -> usize {
        let at = |offset: usize| [vec![0.0; offset * 3], tone(press), silence(80.0)].concat();
        let key = Digit::from_event(press.key).unwrap().char().to_string();
        (0..37).filter(|offset| heard(&at(*offset)) == key).count()
    }

    #[test]
    fn every_key_is_heard_once_at_the_shortest_tone_and_pause_of_q24() {
        for key in 0..16 {
            assert_eq!(hits(Press { key, ms: 40.0, ..PLAIN }), 37, "key {key}");
        }
        let twice = [tone(Press { ms: 40.0, ..PLAIN }), silence(40.0)].concat();
        for offset in 0..102 {
            let audio = [vec![0.0; offset], twice.clone(), twice.clone(), twice.clone()].concat();
            assert_eq!(heard(&audio), "555", "offset {offset}");
        }
    }

    #[test]
    fn levels_twists_and_frequencies_are_taken_up_to_the_limits_of_q24_and_not_far_beyond() {
        let cases: [(Press, bool); 14] = [
            (Press { level: 0.0, ..PLAIN }, true),
            (Press { level: -35.0, ..PLAIN }, true),
            (Press { level: -42.0, ..PLAIN }, false),
            (Press { twist: 4.0, ..PLAIN }, true),
            (Press { twist: -8.0, ..PLAIN }, true),
            (Press { twist: 8.0, ..PLAIN }, false),
            (Press { twist: -12.0, ..PLAIN }, false),
            (Press { off: 0.015, ..PLAIN }, true),
            (Press { off: -0.015, ..PLAIN }, true),
            (Press { off: 0.035, ..PLAIN }, false),
            (Press { off: -0.035, ..PLAIN }, false),
            (Press { ms: 16.0, ..PLAIN }, false),
            (Press { ms: 40.0, off: 0.015, level: -30.0, ..PLAIN }, true),
            (Press { ms: 2_000.0, ..PLAIN }, true),
        ];
        let mut wrong = Vec::new();
        for (number, (press, is_key)) in cases.into_iter().enumerate() {
            let expected = if is_key { 37 } else { 0 };
            let counts = (0..16).map(|key| (key, hits(Press { key, ..press })));
            wrong.extend(counts.filter(|(_, count)| *count != expected).map(|counted| (number, counted)));
        }
        assert_eq!(wrong, [], "case, key and hits of 37");
    }

    #[test]
    fn a_tone_with_a_dropout_of_ten_milliseconds_is_one_key() {
        let half = tone(Press { ms: 80.0, ..PLAIN });
        for offset in 0..102 {
            let audio =
                [vec![0.0; offset], half.clone(), silence(10.0), half.clone(), silence(60.0)].concat();
            assert_eq!(heard(&audio), "5", "offset {offset}");
        }
    }

    #[test]
    fn keys_are_heard_through_noise_ten_decibels_below_and_noise_alone_is_no_key() {
        let pressed = tone(PLAIN);
        // Both tones together are 3 dB over one.
        let loud = noise(pressed.len(), PLAIN.level + 3.0 - 10.0);
        let mixed: Vec<f32> = pressed.iter().zip(&loud).map(|(tone, noise)| tone + noise).collect();
        let heard_of =
            (0..100).filter(|n| heard(&[vec![0.0; *n], mixed.clone(), silence(60.0)].concat()) == "5");
        assert!(heard_of.count() >= 98);
        assert_eq!(heard(&noise(8_000 * 120, -10.0)), "", "two minutes of noise");
    }

    proptest! {
        #[test]
        fn any_audio_is_survived(audio in prop::collection::vec(any::<i16>(), 0..4_000)) {
            let mut receiver = ToneReceiver::default();
            let mut count = 0_usize;
            receiver.hear(audio.iter().copied(), |_| count += 1);
            prop_assert!(count * 204 <= audio.len());
        }
    }
}
