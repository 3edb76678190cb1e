//! A playlist being played: which byte of which prompt is next.

use std::sync::LazyLock;
use std::time::Duration;

use crate::codec::Codec;
use crate::codec::g711::{self, Law};
use crate::command::Playlist;
use crate::prompt::{OPUS_SAMPLES, Prompt};
use crate::rtp::samples_in;
use crate::speaking::FRAME_SAMPLES_MAX;

static PCMU_SILENCE: [u8; FRAME_SAMPLES_MAX] = [g711::silence(Law::Mu); FRAME_SAMPLES_MAX];
static PCMA_SILENCE: [u8; FRAME_SAMPLES_MAX] = [g711::silence(Law::A); FRAME_SAMPLES_MAX];

/// The longest frame of nothing, for the other codecs.
static SILENCE: LazyLock<Prompt> = LazyLock::new(|| Prompt::silence(Duration::from_millis(60)));

/// Up to a frame of silence, its length in samples at 8 kHz. Of Opus one packet, whose length is its own.
pub(crate) fn silence(codec: Codec, samples: usize) -> &'static [u8] {
    let frame = match codec {
        Codec::Pcmu => PCMU_SILENCE.as_slice(),
        Codec::Pcma => PCMA_SILENCE.as_slice(),
        // The second: the first still tells of a beginning.
        Codec::Opus => return SILENCE.opus_packets().get(1).map_or(&[], |packet| packet),
        codec => SILENCE.encoded(codec),
    };
    frame.get(..bytes(codec, samples)).unwrap_or(frame)
}

/// Bytes of so many samples at 8 kHz.
fn bytes(codec: Codec, samples: usize) -> usize {
    samples * codec.bytes_per_ms().unwrap_or(0) / 8
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
        playlist.repeats &= playlist.prompts.iter().any(|prompt| prompt.samples() > 0);
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

    /// Puts out the next `samples` at 8 kHz, prompt joined to prompt, and silence behind the last: as they travel, and
    /// as a recording keeps them, in µ-law. Of Opus one packet, which holds 20 ms.
    pub(crate) fn fill(&mut self, codec: Codec, samples: usize, mut put: impl FnMut(&[u8], &[u8])) {
        if codec == Codec::Opus {
            return self.fill_packet(put);
        }
        let mut left = samples;
        while left > 0 && !self.is_over() {
            let (run, pcmu) = self.advance(codec, left);
            left -= pcmu.len().min(left);
            put(run, pcmu);
        }
        put(silence(codec, left), silence(Codec::Pcmu, left));
    }

    /// A prompt begins with a packet of its own, behind the silence that fills the one before.
    fn fill_packet(&mut self, mut put: impl FnMut(&[u8], &[u8])) {
        let quiet = (silence(Codec::Opus, OPUS_SAMPLES), silence(Codec::Pcmu, OPUS_SAMPLES));
        if self.lead_in > 0 {
            self.lead_in = self.lead_in.saturating_sub(OPUS_SAMPLES as u64);
            return put(quiet.0, quiet.1);
        }
        let (prompt, from) = (self.prompt, self.played);
        self.played = self.length(prompt).min(from + OPUS_SAMPLES);
        let to = self.played;
        self.pass_ended_prompts();
        let prompt = self.playlist.prompts.get(prompt);
        let packet = prompt.and_then(|prompt| prompt.opus_packets().get(from / OPUS_SAMPLES));
        let pcmu = prompt.and_then(|prompt| prompt.encoded(Codec::Pcmu).get(from..to));
        put(packet.map_or(quiet.0, |packet| packet), pcmu.unwrap_or(quiet.1));
    }

    /// The next samples, at most `most` and at least one: as they travel, and in µ-law.
    fn advance(&mut self, codec: Codec, most: usize) -> (&[u8], &[u8]) {
        if self.lead_in > 0 {
            let samples = most.min(usize::try_from(self.lead_in).unwrap_or(most)).min(FRAME_SAMPLES_MAX);
            self.lead_in -= samples as u64;
            return (silence(codec, samples), silence(Codec::Pcmu, samples));
        }
        let (prompt, from) = (self.prompt, self.played);
        let length = self.length(prompt);
        self.played = length.min(from + most);
        let to = self.played;
        self.pass_ended_prompts();
        let prompt = self.playlist.prompts.get(prompt);
        let run = |codec| {
            let whole = prompt.map(|prompt| prompt.encoded(codec)).unwrap_or_default();
            whole.get(bytes(codec, from)..bytes(codec, to)).unwrap_or_default()
        };
        (run(codec), run(Codec::Pcmu))
    }

    fn length(&self, prompt: usize) -> usize {
        self.playlist.prompts.get(prompt).map_or(0, |prompt| prompt.samples())
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
        playback.fill(Codec::Pcmu, 160, |run, _| frame.extend_from_slice(run));
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
