//! What a peer says as samples, made only where somebody needs them: a listener with another codec, a recording, a
//! conference, or an ear for keys sent as tones.

use std::time::Duration;

use crate::codec::g711::{self, Law};
use crate::codec::halfband::Halver;
use crate::codec::{Codec, Decoder};
use crate::concealment::Concealer;
use crate::jitter::PieceKind;
use crate::noise::Noise;

/// Why the samples of a packet are needed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// By a listener with another codec: as they are.
    pub whole: bool,
    /// At 8 kHz.
    pub narrow: bool,
    /// In µ-law, for a recording.
    pub pcmu: bool,
}

impl Wanted {
    /// Whether anybody needs them.
    pub(crate) const fn is_any(self) -> bool {
        self.whole || self.narrow || self.pcmu
    }
}

/// The samples of one packet. One place for them serves a whole shard.
#[derive(Default)]
pub(crate) struct Sound {
    /// As the codec has them, `hz` a second. Empty where nobody wanted them.
    pub samples: Vec<i16>,
    pub hz: u32,
    narrow: Vec<i16>,
    pcmu: Vec<u8>,
}

impl Sound {
    /// Forgets the last packet.
    pub(crate) fn clear(&mut self) {
        self.samples.clear();
        self.narrow.clear();
        self.pcmu.clear();
    }

    /// The packet at 8 kHz.
    pub(crate) fn narrow(&self) -> &[i16] {
        if self.hz == 8_000 { &self.samples } else { &self.narrow }
    }

    /// The packet in µ-law, for a recording.
    pub(crate) fn pcmu(&self) -> &[u8] {
        &self.pcmu
    }
}

/// Understands one peer, packet after packet in the order they were said.
#[derive(Debug)]
pub(crate) struct Ear {
    decoder: Decoder,
    concealer: Concealer,
    noise: Noise,
    narrowing: Halver,
}

impl Ear {
    pub(crate) fn new(codec: Codec) -> Self {
        let hz = codec.sample_hz();
        Self {
            decoder: Decoder::new(codec, hz),
            concealer: Concealer::new(hz),
            noise: Noise::new(),
            narrowing: Halver::new(),
        }
    }

    pub(crate) fn codec(&self) -> Codec {
        self.decoder.codec()
    }

    /// Makes samples of what was said, or of what might have been where it never came.
    pub(crate) fn hear(&mut self, wanted: Wanted, kind: PieceKind, payload: &[u8], sound: &mut Sound) {
        let codec = self.codec();
        sound.hz = codec.sample_hz();
        match kind {
            PieceKind::Packet { late_ticks, .. } => {
                self.decoder.decode(payload, &mut sound.samples);
                let late = late_ticks as usize * sound.hz as usize / codec.clock_hz() as usize;
                sound.samples.drain(..late.min(sound.samples.len()));
                self.concealer.hear(&mut sound.samples);
                self.noise.hear(&sound.samples);
            }
            PieceKind::Noise { length, level } => {
                let missing = samples_of(length, sound.hz);
                self.noise.make(level, missing, &mut sound.samples);
                self.concealer.hear(&mut sound.samples);
            }
            PieceKind::Lost { length, .. } if codec == Codec::Opus => {
                self.decoder.conceal(length, payload, &mut sound.samples);
                self.concealer.hear(&mut sound.samples);
            }
            PieceKind::Lost { length, .. } => {
                self.concealer.conceal(samples_of(length, sound.hz), &mut sound.samples);
            }
            PieceKind::Key(_) | PieceKind::Withheld => {}
        }
        if (wanted.narrow || wanted.pcmu) && sound.hz != 8_000 {
            self.narrowing.halve(&sound.samples, &mut sound.narrow);
        }
        if wanted.pcmu {
            let Sound { pcmu, .. } = sound;
            let mut bytes = std::mem::take(pcmu);
            bytes.extend(sound.narrow().iter().map(|sample| g711::encode(Law::Mu, *sample)));
            sound.pcmu = bytes;
        }
    }
}

fn samples_of(length: Duration, hz: u32) -> usize {
    length.as_micros() as usize * (hz / 1_000) as usize / 1_000
}
