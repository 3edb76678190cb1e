//! What is wrong with a prompt's recording, as callers would hear it on a telephone.

use std::time::Duration;

use crate::diagnostic::{Finding, Severity};

/// Loudness of speech, LUFS: an active level near -26 dBov (ITU-T P.56), integrated over the pauses between words.
const SPEECH_LUFS: f64 = -23.0;
/// How far a prompt may be from it: two decibels are heard as another loudness.
const SPEECH_WITHIN: f64 = 2.0;
/// Samples in a row at full scale that are heard as a crackle.
const CLIPPED: usize = 3;
/// Silence before the first word: callers take more for a dead line after a key.
const LEADING_MAX: Duration = Duration::from_millis(250);
/// Silence after the last word: a question's time to answer begins only behind it.
const TRAILING_MAX: Duration = Duration::from_millis(800);
/// Characters a second of speech a caller can follow, digits counted as the words they are.
const PACE: std::ops::RangeInclusive<f64> = 8.0..=23.0;
/// Shorter texts say nothing of a pace.
const PACE_CHARS_MIN: usize = 20;
/// Characters of a digit that is spoken: "nine", "cuatro".
const DIGIT_CHARS: usize = 4;

/// A prompt as it was found: its text, and what its file holds.
#[derive(Clone, Debug)]
pub struct Recorded<'r> {
    /// The file, whether it is there or not.
    pub path: &'r str,
    /// What it says, where somebody wrote it down. Empty for music and tones.
    pub text: Option<&'r str>,
    /// Whether it is music or a tone, made and not spoken.
    pub is_made: bool,
    /// What the file holds.
    pub audio: PromptAudio,
}

/// What a file holds.
#[derive(Clone, Debug)]
pub enum PromptAudio {
    /// There is no file.
    Missing,
    /// It cannot be played, and why.
    Unplayable(String),
    /// It can.
    Playable {
        /// How long it plays.
        duration: Duration,
        /// Integrated loudness in LUFS; `None`: silence.
        loudness: Option<f64>,
        /// The longest row of samples at full scale.
        clipped: usize,
        /// Silence before the first sound.
        leading: Duration,
        /// Silence after the last one.
        trailing: Duration,
    },
}

impl Recorded<'_> {
    /// Everything that is wrong with it.
    pub fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        if self.text.is_none() {
            let help = "write its text into prompts.yaml: it is what is approved, tested and printed";
            let message = "nobody wrote down what this prompt says".to_owned();
            found.push(self.finding(Severity::Warning, "flow/prompt-no-text", message, help));
        }
        let error = |code, message: String, help: &str| self.finding(Severity::Error, code, message, help);
        match &self.audio {
            PromptAudio::Missing => {
                let help = "render it with prompts/render.py, or record it: 16 kHz, mono, 16-bit PCM";
                let message = "this prompt has a text and no recording".to_owned();
                found.push(error("flow/prompt-no-audio", message, help));
            }
            PromptAudio::Unplayable(why) => {
                let help = "`sox in.wav -r 16000 -c 1 -b 16 out.wav`";
                found.push(error("flow/prompt-format", format!("this prompt cannot be played: {why}"), help));
            }
            PromptAudio::Playable { loudness: None, .. } => {
                let message = "nothing is heard of this prompt".to_owned();
                found.push(error(
                    "flow/prompt-silent",
                    message,
                    "record it anew, or take it out of the flows",
                ));
            }
            PromptAudio::Playable { duration, loudness: Some(loudness), clipped, leading, trailing } => {
                found.extend(self.of_level(*loudness, *clipped));
                found.extend(self.of_length(*duration, [*leading, *trailing]));
            }
        }
        found
    }

    fn of_level(&self, loudness: f64, clipped: usize) -> Vec<Finding> {
        let mut found = Vec::new();
        if clipped >= CLIPPED {
            let message = format!("{clipped} samples in a row are at full scale");
            let help = "record it anew with less gain: what is cut off is lost";
            found.push(self.finding(Severity::Warning, "flow/prompt-clipped", message, help));
        }
        let is_off = match self.is_made {
            true => loudness > SPEECH_LUFS + SPEECH_WITHIN,
            false => (loudness - SPEECH_LUFS).abs() > SPEECH_WITHIN,
        };
        if is_off {
            let message = format!("its loudness is {loudness:.1} LUFS, prompts have {SPEECH_LUFS}");
            let help = format!("change its level by {:+.1} dB", SPEECH_LUFS - loudness);
            found.push(self.finding(Severity::Warning, "flow/prompt-loudness", message, &help));
        }
        found
    }

    fn of_length(&self, duration: Duration, [leading, trailing]: [Duration; 2]) -> Vec<Finding> {
        let mut found = Vec::new();
        let ends = [
            (leading, LEADING_MAX, "before the first sound"),
            (trailing, TRAILING_MAX, "after the last sound"),
        ];
        for (silence, most, end) in ends {
            if silence > most && !self.is_made {
                let message = format!("{:.2} s of silence {end}", silence.as_secs_f64());
                let help = format!("cut it to {:.2} s", most.as_secs_f64());
                found.push(self.finding(Severity::Warning, "flow/prompt-silence", message, &help));
            }
        }
        let pace = self.text.and_then(|text| pace(text, duration));
        if let Some(pace) = pace.filter(|pace| !PACE.contains(pace)) {
            let message = format!("its text is {pace:.0} characters for each second of sound");
            let help = "is it the recording of this text, all of it and at a calm pace?";
            found.push(self.finding(Severity::Warning, "flow/prompt-pace", message, help));
        }
        found
    }

    fn finding(&self, severity: Severity, code: &'static str, message: String, help: &str) -> Finding {
        let (path, help) = (self.path.to_owned(), Some(help.to_owned()));
        Finding { severity, code, message, path, place: None, label: String::new(), help }
    }
}

/// Characters a second, where the text is long enough to say.
fn pace(text: &str, duration: Duration) -> Option<f64> {
    let chars = text.chars().filter(|c| c.is_alphanumeric() || *c == ' ');
    let count: usize = chars.map(|c| if c.is_ascii_digit() { DIGIT_CHARS } else { 1 }).sum();
    (count >= PACE_CHARS_MIN && !duration.is_zero()).then(|| count as f64 / duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Please stay on the line. A nurse will answer as soon as possible.";

    fn codes(text: Option<&str>, is_made: bool, audio: PromptAudio) -> Vec<&'static str> {
        let recorded = Recorded { path: "prompts/en/x.wav", text, is_made, audio };
        recorded.findings().iter().map(|finding| finding.code).collect()
    }

    fn playable(secs: f64, loudness: f64, clipped: usize, ends: [f64; 2]) -> PromptAudio {
        let [leading, trailing] = ends.map(Duration::from_secs_f64);
        let duration = Duration::from_secs_f64(secs);
        PromptAudio::Playable { duration, loudness: Some(loudness), clipped, leading, trailing }
    }

    #[test]
    fn each_thing_a_caller_would_hear_has_its_code() {
        let good = [0.08, 0.08];
        for (audio, expected) in [
            (playable(4.0, -23.4, 0, good), vec![]),
            (playable(4.0, -17.0, 0, good), vec!["flow/prompt-loudness"]),
            (playable(4.0, -29.0, 0, good), vec!["flow/prompt-loudness"]),
            (playable(4.0, -23.0, 9, good), vec!["flow/prompt-clipped"]),
            (playable(4.0, -23.0, 0, [0.6, 0.1]), vec!["flow/prompt-silence"]),
            (playable(4.0, -23.0, 0, [0.1, 1.5]), vec!["flow/prompt-silence"]),
            (playable(1.5, -23.0, 0, good), vec!["flow/prompt-pace"]),
            (playable(20.0, -23.0, 0, good), vec!["flow/prompt-pace"]),
            (PromptAudio::Missing, vec!["flow/prompt-no-audio"]),
            (PromptAudio::Unplayable("2 channels".to_owned()), vec!["flow/prompt-format"]),
        ] {
            assert_eq!(codes(Some(TEXT), false, audio.clone()), expected, "{audio:?}");
        }
        assert_eq!(codes(None, false, playable(4.0, -23.0, 0, good)), ["flow/prompt-no-text"]);
    }

    #[test]
    fn music_may_be_softer_than_speech_and_has_no_edges() {
        assert!(codes(Some(""), true, playable(32.0, -29.0, 0, [0.0, 2.0])).is_empty());
        assert_eq!(codes(Some(""), true, playable(32.0, -12.0, 0, [0.0, 0.0])), ["flow/prompt-loudness"]);
    }
}
