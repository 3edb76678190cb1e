//! Soft noise where a peer says nothing (RFC 3389), so that a listener does not think that the line is dead.

/// The loudest silence that is believed, in decibels below the loudest there is.
const LEVEL_LOUDEST: u8 = 40;

/// The silence of a peer who never said how loud his is, until he has been heard.
const LEVEL_USUAL: u8 = 68;

/// Makes the silence of one peer.
#[derive(Debug)]
pub(crate) struct Noise {
    /// Of the generator: a shift register (Marsaglia 2003). It decides nothing.
    state: u32,
    last: i32,
    /// The root of the mean square of the quietest sound lately, in samples.
    floor: f32,
}

impl Noise {
    pub(crate) fn new() -> Self {
        Self { state: 0x2545_f491, last: 0, floor: loudness(LEVEL_USUAL) }
    }

    /// Learns how quiet a peer is when he does not speak.
    pub(crate) fn hear(&mut self, samples: &[i16]) {
        if samples.is_empty() {
            return;
        }
        let squares: i64 = samples.iter().map(|sample| i64::from(*sample) * i64::from(*sample)).sum();
        let heard = (squares as f32 / samples.len() as f32).sqrt();
        // Down at once, and up by a tenth a second.
        self.floor = heard.min(self.floor * 1.002 + 0.01).min(loudness(LEVEL_LOUDEST));
    }

    /// Puts so many samples of silence behind `samples`, as loud as `level` says, in decibels below the loudest, or
    /// as the peer was when he did not speak.
    pub(crate) fn make(&mut self, level: Option<u8>, count: usize, samples: &mut Vec<i16>) {
        let loud = level.map_or(self.floor, |level| loudness(level.max(LEVEL_LOUDEST)));
        // Evenly spread numbers are as loud as their limit less the root of three, and the mean of two of them less
        // the root of two.
        let limit = loud * 6_f32.sqrt();
        samples.extend((0..count).map(|_| {
            let new = (self.next() * limit) as i32;
            let sample = (self.last + new) / 2;
            self.last = new;
            sample as i16
        }));
    }

    /// From -1 to 1.
    fn next(&mut self) -> f32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state.cast_signed() as f32 / i32::MAX as f32
    }
}

/// The root of the mean square of what is so many decibels below the loudest there is.
fn loudness(level: u8) -> f32 {
    32_768.0 * 10_f32.powf(-f32::from(level) / 20.0)
}

#[cfg(test)]
mod tests {
    use super::Noise;

    fn level(noise: &mut Noise, told: Option<u8>) -> f64 {
        let mut samples = Vec::new();
        noise.make(told, 8_000, &mut samples);
        let squares: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        -20.0 * ((squares / 8_000.0).sqrt() / 32_768.0).log10()
    }

    #[test]
    fn silence_is_as_loud_as_the_peer_says_and_never_loud() {
        let mut noise = Noise::new();
        for told in [45, 55, 65] {
            let made = level(&mut noise, Some(told));
            assert!((made - f64::from(told)).abs() < 1.5, "{told}: {made}");
        }
        assert!(level(&mut noise, Some(0)) > 38.0, "nobody shouts by a level");
        assert!(level(&mut noise, Some(127)) > 70.0);
    }

    #[test]
    fn who_says_nothing_of_his_silence_is_as_quiet_as_he_was() {
        let mut noise = Noise::new();
        let quiet: Vec<i16> = (0..160).map(|n| if n % 2 == 0 { 10 } else { -10 }).collect();
        let loud: Vec<i16> = (0..160).map(|n| if n % 2 == 0 { 9_000 } else { -9_000 }).collect();
        noise.hear(&quiet);
        (0..50).for_each(|_| noise.hear(&loud));
        let made = level(&mut noise, None);
        assert!((67.0..73.0).contains(&made), "{made} dB below the loudest; -10 to 10 is 70");
    }
}
