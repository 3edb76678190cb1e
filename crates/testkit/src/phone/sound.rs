//! Sounds that can be told apart: every prompt and every voice is one steady µ-law value.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Voices of phones, shared out in turn; below the prompts.
const VOICES: u8 = 15;
/// The first value a voice may have. The values beside it, 0x7f and 0xff, are silence.
const FIRST_VOICE: u8 = 0x70;

/// Knows every prompt of a world by its sound.
#[derive(Clone, Debug, Default)]
pub struct Ear {
    values: BTreeMap<Arc<str>, u8>,
    names: BTreeMap<u8, Arc<str>>,
}

impl Ear {
    /// Gives each name a sound of its own. Beyond 240 names the rest sound like silence.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut ear = Self::default();
        let mut free = (0x80..0xff).chain(0..FIRST_VOICE);
        for name in names {
            if !ear.values.contains_key(name) {
                let value = free.next().unwrap_or(0xff);
                let name: Arc<str> = name.into();
                ear.values.insert(Arc::clone(&name), value);
                ear.names.insert(value, name);
            }
        }
        ear
    }

    /// The value of the `number`th voice.
    pub const fn voice(number: usize) -> u8 {
        FIRST_VOICE + (number % VOICES as usize) as u8
    }

    /// The sample a prompt consists of.
    pub fn sample_of(&self, name: &str) -> i16 {
        self.values.get(name).map_or(0, |value| linear(*value))
    }

    /// What has this sound. Silence and voices are no prompts.
    pub fn name_of(&self, value: u8) -> Option<&Arc<str>> {
        self.names.get(&value)
    }
}

/// ITU-T G.711 µ-law to 16-bit linear.
fn linear(value: u8) -> i16 {
    let bits = !value;
    let magnitude = ((i16::from(bits & 0x0f) << 3) + 0x84) << ((bits >> 4) & 0x07);
    if bits & 0x80 == 0 { magnitude - 0x84 } else { 0x84 - magnitude }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use media::Prompt;

    use super::{Ear, linear};

    #[test]
    fn two_prompts_never_sound_alike() {
        let ear = Ear::new(["one", "two"]);
        assert_ne!(ear.sample_of("one"), ear.sample_of("two"));
        assert_eq!(ear.name_of(0x80).map(AsRef::as_ref), Some("one"));
        assert_eq!(linear(0xff), 0);
        assert_eq!(Prompt::from_pcm(&[linear(0x80); 80], 8_000).duration(), Duration::from_millis(10));
    }
}
