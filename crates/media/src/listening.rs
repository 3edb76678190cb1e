//! What a peer says as samples, made only where somebody needs them: a listener with another codec, a recording, a
//! conference, or an ear for keys sent as tones.

use std::time::Duration;

use crate::codec::g711::{self, Law};
use crate::codec::halfband::Halver;
use crate::codec::{Codec, Decoder};
use crate::rtp::Place;

/// Packets in a row that are made up when they never came; after more the listener hears the gap.
const CONCEALED_MAX: u32 = 3;

/// Why the samples of a packet are needed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// By a listener with another codec: as they are.
    pub whole: bool,
    /// At 8 kHz.
    pub narrow: bool,
}

/// The samples of one packet. One place for them serves a whole shard.
#[derive(Default)]
pub(crate) struct Sound {
    /// As the codec has them, `hz` a second. Empty where nobody wanted them.
    pub samples: Vec<i16>,
    pub hz: u32,
    /// How many of them stand for packets before this one, which never came.
    pub concealed: usize,
    narrow: Vec<i16>,
    pcmu: Vec<u8>,
}

impl Sound {
    /// Forgets the last packet.
    pub(crate) fn clear(&mut self) {
        self.samples.clear();
        self.narrow.clear();
        self.pcmu.clear();
        self.concealed = 0;
    }

    /// The packet at 8 kHz, without what was made up before it.
    pub(crate) fn narrow(&self) -> &[i16] {
        let (all, per) = if self.hz == 8_000 { (&self.samples, 1) } else { (&self.narrow, 2) };
        all.get(self.concealed / per..).unwrap_or_default()
    }

    /// The packet in µ-law, for a recording.
    pub(crate) fn pcmu(&self) -> &[u8] {
        &self.pcmu
    }
}

/// Understands one peer.
#[derive(Debug)]
pub(crate) struct Ear {
    decoder: Decoder,
    narrowing: Halver,
    /// Where the newest packet stands, and how long it was.
    newest: Option<(Place, Duration)>,
}

impl Ear {
    pub(crate) fn new(codec: Codec) -> Self {
        Self { decoder: Decoder::new(codec, codec.sample_hz()), narrowing: Halver::new(), newest: None }
    }

    pub(crate) fn codec(&self) -> Codec {
        self.decoder.codec()
    }

    /// Makes samples of a packet. None of one that comes too late.
    pub(crate) fn hear(&mut self, wanted: Wanted, place: Place, payload: &[u8], sound: &mut Sound) {
        let codec = self.codec();
        sound.hz = codec.sample_hz();
        let before = self.newest.filter(|(newest, _)| newest.stream == place.stream);
        let missing = before.map_or(Some(0), |(newest, _)| {
            place.sequence.checked_sub(newest.sequence).and_then(|step| step.checked_sub(1))
        });
        // A decoder with a memory cannot go back.
        let Some(missing) = missing.or(codec.is_memoryless().then_some(0)) else { return };
        if let (Codec::Opus, 1..=CONCEALED_MAX, Some((_, length))) = (codec, missing, before) {
            for packet in (0..missing).rev() {
                // Only the packet right behind it tells of a lost one.
                let next = if packet == 0 { payload } else { &[] };
                self.decoder.conceal(length, next, &mut sound.samples);
            }
            sound.concealed = sound.samples.len();
        }
        self.decoder.decode(payload, &mut sound.samples);
        let own = sound.samples.len().saturating_sub(sound.concealed);
        let newest = before
            .map_or(place, |(newest, _)| Place { sequence: newest.sequence.max(place.sequence), ..place });
        self.newest = Some((newest, Duration::from_micros(own as u64 * 1_000_000 / u64::from(sound.hz))));
        if wanted.narrow {
            if sound.hz != 8_000 {
                self.narrowing.halve(&sound.samples, &mut sound.narrow);
            }
            let Sound { pcmu, .. } = sound;
            let mut bytes = std::mem::take(pcmu);
            bytes.extend(sound.narrow().iter().map(|sample| g711::encode(Law::Mu, *sample)));
            sound.pcmu = bytes;
        }
    }

    /// A packet that was no audio, and so is not missing.
    pub(crate) fn pass(&mut self, place: Place) {
        if let Some((newest, _)) = &mut self.newest
            && newest.stream == place.stream
        {
            newest.sequence = newest.sequence.max(place.sequence);
        }
    }
}
