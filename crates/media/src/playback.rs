//! A playlist being played: which byte of which prompt is next.

use crate::codec::g711::{self, Law};
use crate::command::Playlist;
use crate::rtp::samples_in;
use crate::sdp::Codec;
use crate::speaking::FRAME_SAMPLES_MAX;

static PCMU_SILENCE: [u8; FRAME_SAMPLES_MAX] = [g711::silence(Law::Mu); FRAME_SAMPLES_MAX];
static PCMA_SILENCE: [u8; FRAME_SAMPLES_MAX] = [g711::silence(Law::A); FRAME_SAMPLES_MAX];

/// Up to a frame of silence.
pub(crate) fn silence(codec: Codec, samples: usize) -> &'static [u8] {
    let frame = match codec.law() {
        Some(Law::A) => &PCMA_SILENCE,
        Some(Law::Mu) | None => &PCMU_SILENCE,
    };
    frame.get(..samples).unwrap_or(frame)
}

/// A playlist and the place in it.
#[derive(Debug)]
pub(crate) struct Playback {
    playlist: Playlist,
    /// Samples of silence still to come before the first prompt.
    lead_in: u64,
    prompt: usize,
    /// Samples of that prompt already played.
    played: usize,
}

impl Playback {
    pub(crate) fn new(mut playlist: Playlist) -> Self {
        // A list without a sound would repeat for ever within one frame.
        playlist.repeats &= playlist.prompts.iter().any(|prompt| !prompt.encoded(Codec::Pcmu).is_empty());
        let mut playback = Self { lead_in: samples_in(playlist.lead_in), prompt: 0, played: 0, playlist };
        playback.pass_ended_prompts();
        playback
    }

    /// The number its owner gave it.
    pub(crate) fn id(&self) -> u64 {
        self.playlist.id
    }

    /// Whether all was played.
    pub(crate) fn is_over(&self) -> bool {
        self.lead_in == 0 && self.prompt >= self.playlist.prompts.len()
    }

    /// Puts out the next `samples`, prompt joined to prompt, and silence behind the last.
    pub(crate) fn fill(&mut self, codec: Codec, samples: usize, mut put: impl FnMut(&[u8])) {
        let mut left = samples;
        while left > 0 && !self.is_over() {
            let run = self.advance(codec, left);
            left -= run.len().min(left);
            put(run);
        }
        put(silence(codec, left));
    }

    /// The next samples, at most `most` and at least one.
    fn advance(&mut self, codec: Codec, most: usize) -> &[u8] {
        if self.lead_in > 0 {
            let samples = most.min(usize::try_from(self.lead_in).unwrap_or(most));
            let run = silence(codec, samples);
            self.lead_in -= run.len() as u64;
            return run;
        }
        let (prompt, from) = (self.prompt, self.played);
        let length = self.length(prompt);
        self.played = length.min(from + most);
        let to = self.played;
        self.pass_ended_prompts();
        let prompt = self.playlist.prompts.get(prompt);
        prompt.and_then(|prompt| prompt.encoded(codec).get(from..to)).unwrap_or_default()
    }

    fn length(&self, prompt: usize) -> usize {
        self.playlist.prompts.get(prompt).map_or(0, |prompt| prompt.encoded(Codec::Pcmu).len())
    }

    fn pass_ended_prompts(&mut self) {
        while self.prompt < self.playlist.prompts.len() && self.played >= self.length(self.prompt) {
            self.played = 0;
            self.prompt += 1;
            if self.prompt == self.playlist.prompts.len() && self.playlist.repeats {
                self.prompt = 0;
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::Playback;
    use crate::command::Playlist;
    use crate::prompt::Prompt;
    use crate::sdp::Codec;

    /// A prompt of `samples` equal bytes that are not silence.
    fn prompt(level: i16, samples: usize) -> Arc<Prompt> {
        Arc::new(Prompt::from_pcm(&vec![level; samples], 8_000))
    }

    fn playback(prompts: Vec<Arc<Prompt>>, repeats: bool, lead_in: Duration) -> Playback {
        Playback::new(Playlist { prompts, repeats, lead_in, id: 1 })
    }

    fn frame(playback: &mut Playback) -> Vec<u8> {
        let mut frame = Vec::new();
        playback.fill(Codec::Pcmu, 160, |run| frame.extend_from_slice(run));
        frame
    }

    #[test]
    fn prompts_are_joined_without_a_gap_and_the_last_frame_is_filled_with_silence() {
        let mut playback = playback(vec![prompt(1_000, 100), prompt(-1_000, 200)], false, Duration::ZERO);
        let first = frame(&mut playback);
        assert!(first[..100].iter().all(|b| *b == first[0]) && first[100..].iter().all(|b| *b == first[100]));
        assert!(!playback.is_over());
        let last = frame(&mut playback);
        assert!(last[..140].iter().all(|b| *b == first[100]) && last[140..].iter().all(|b| *b == 0xff));
        assert!(playback.is_over());
    }

    #[test]
    fn a_list_that_fills_its_last_frame_is_over_with_that_frame() {
        let mut playback = playback(vec![prompt(1_000, 320)], false, Duration::ZERO);
        frame(&mut playback);
        assert!(!playback.is_over());
        frame(&mut playback);
        assert!(playback.is_over());
    }

    #[test]
    fn a_repeated_list_never_ends_and_one_without_sound_ends_at_once() {
        let mut music = playback(vec![prompt(1_000, 3), prompt(0, 0)], true, Duration::ZERO);
        for _ in 0..100 {
            assert!(frame(&mut music).iter().all(|byte| *byte != 0xff));
            assert!(!music.is_over());
        }
        assert!(playback(vec![prompt(0, 0); 3], true, Duration::ZERO).is_over());
        assert!(playback(Vec::new(), true, Duration::ZERO).is_over());
    }

    #[test]
    fn the_lead_in_is_heard_once_also_before_a_repeated_list() {
        let mut playback = playback(vec![prompt(1_000, 160)], true, Duration::from_millis(30));
        assert!(frame(&mut playback).iter().all(|byte| *byte == 0xff));
        let second = frame(&mut playback);
        assert!(second[..80].iter().all(|b| *b == 0xff) && second[80..].iter().all(|b| *b != 0xff));
        assert!(frame(&mut playback).iter().all(|byte| *byte != 0xff));
    }
}
