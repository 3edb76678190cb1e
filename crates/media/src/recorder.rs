//! What a port hears and says, written down by media time: two channels of one file, sample beside sample.
//!
//! Packets go where their timestamps put them, so that what came out of order is put in place and what never came is
//! silence. A second is handed over half a second after it ended: a packet later than that would be useless to
//! a listener as well.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::codec::g711::{self, Law};
use crate::event::{Audio, Event};
use crate::port::PortId;
use crate::rtp::{ahead, samples_in};

/// One recording; never used twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RecordingId(pub u64);

impl fmt::Display for RecordingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Whom a recording keeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Channels {
    /// What the port hears: a message.
    Heard,
    /// What it hears on the left, what it is told on the right: a conversation.
    Both,
}

impl Channels {
    /// How many.
    pub const fn count(self) -> u8 {
        match self {
            Self::Heard => 1,
            Self::Both => 2,
        }
    }
}

/// How a port is recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordingPlan {
    /// Its number.
    pub id: RecordingId,
    /// Whom it keeps.
    pub channels: Channels,
    /// After so much silence of the peer `Event::Hushed` is said, once until it speaks again. Zero: never.
    pub hush_after: Duration,
}

/// Samples of one chunk: a second.
pub const CHUNK_SAMPLES: u64 = 8_000;

/// What is kept open to packets that are late or early: the second being written and the next.
const WINDOW_SAMPLES: u64 = 2 * CHUNK_SAMPLES;

/// How long after its end a second is handed over (500 ms).
const LAG_SAMPLES: u64 = 4_000;

/// How far a peer's clock may be off ours before its packets are put by their arrival (400 ms): less than what the
/// window holds, more than the jitter of any usable line.
const DRIFT_MAX: u64 = 3_200;

/// Four hours, the longest recording: 230 MB. No call of a patient lasts so long; a forgotten line does.
const SAMPLES_MAX: u64 = 4 * 3_600 * 8_000;

/// A byte of µ-law from this magnitude on is a voice and not the noise of a line (650 of 32,124).
const LOUD: u8 = 0x28;

/// Where the peer's clock stands against ours.
#[derive(Debug)]
struct Anchor {
    stream: u32,
    timestamp: u32,
    at: u64,
}

/// The recording of one port, in µ-law.
pub(crate) struct Recorder {
    port: PortId,
    plan: RecordingPlan,
    started: Instant,
    /// The two seconds from `base` on, channels side by side; a sample's place is its number modulo the window.
    window: Box<[u8]>,
    /// The first sample not yet handed over.
    base: u64,
    /// Of what is heard, and of what is told by another's clock.
    anchors: [Option<Anchor>; 2],
    is_paused: bool,
    /// What was said before this sample is not to be kept, however late it comes.
    not_before: u64,
    /// Samples in packets in which somebody was heard.
    voiced: u64,
    last_voiced: u64,
    is_hushed: bool,
}

impl Recorder {
    pub(crate) fn new(now: Instant, port: PortId, plan: RecordingPlan) -> Self {
        let bytes = WINDOW_SAMPLES as usize * usize::from(plan.channels.count());
        Self {
            port,
            plan,
            started: now,
            window: vec![SILENCE; bytes].into_boxed_slice(),
            base: 0,
            anchors: [None, None],
            is_paused: false,
            not_before: 0,
            voiced: 0,
            last_voiced: 0,
            is_hushed: false,
        }
    }

    /// From now on nothing is kept, or again something is. Time goes on, in silence.
    pub(crate) fn pause(&mut self, now: Instant, paused: bool) {
        if self.is_paused && !paused {
            self.not_before = self.position(now);
        }
        self.is_paused = paused;
    }

    /// A packet of the peer.
    pub(crate) fn heard(
        &mut self,
        now: Instant,
        stream: u32,
        (timestamp, clock_hz): (u32, u32),
        law: Law,
        audio: &[u8],
    ) {
        let here = self.position(now);
        let at = self.place(0, here, stream, (timestamp, clock_hz));
        if self.write(0, at, law, audio) {
            let loud = audio.iter().filter(|byte| magnitude(law, **byte) >= LOUD).count();
            if loud * 16 >= audio.len() {
                self.voiced += audio.len() as u64;
                self.last_voiced = here;
                self.is_hushed = false;
            }
        }
    }

    /// What the peer was told of another, packet by packet as it came, by that one's clock. In µ-law.
    pub(crate) fn overheard(
        &mut self,
        now: Instant,
        stream: u32,
        (timestamp, clock_hz): (u32, u32),
        audio: &[u8],
    ) {
        if self.plan.channels == Channels::Both {
            let at = self.place(1, self.position(now), stream, (timestamp, clock_hz));
            self.write(1, at, Law::Mu, audio);
        }
    }

    /// What is sent to the peer; `lead` is how far its timestamp is ahead of our clock, in samples.
    pub(crate) fn told(&mut self, now: Instant, lead: i32, law: Law, audio: &[u8]) {
        if self.plan.channels == Channels::Both
            && let Some(at) = self.position(now).checked_add_signed(i64::from(lead))
        {
            self.write(1, at, law, audio);
        }
    }

    /// Hands over the seconds that are over. `false`: it is full, and ends.
    pub(crate) fn turn(&mut self, now: Instant, events: &mut Vec<Event>) -> bool {
        let here = self.position(now);
        while here >= self.base + CHUNK_SAMPLES + LAG_SAMPLES {
            self.hand_over(CHUNK_SAMPLES, events);
        }
        let hush_after = samples_in(self.plan.hush_after);
        if hush_after > 0 && !self.is_hushed && here.saturating_sub(self.last_voiced) >= hush_after {
            self.is_hushed = true;
            events.push(Event::Hushed { port: self.port, recording: self.plan.id });
        }
        here < SAMPLES_MAX
    }

    /// Hands over the rest.
    pub(crate) fn end(mut self, now: Instant, events: &mut Vec<Event>) {
        let here = self.position(now).min(SAMPLES_MAX);
        while here > self.base {
            self.hand_over(CHUNK_SAMPLES.min(here - self.base), events);
        }
        let (port, recording) = (self.port, self.plan.id);
        events.push(Event::RecordingEnded { port, recording, samples: self.base, voiced: self.voiced });
    }

    fn position(&self, now: Instant) -> u64 {
        samples_in(now.saturating_duration_since(self.started))
    }

    /// The sample at which a packet begins that came at sample `here`.
    fn place(&mut self, channel: usize, here: u64, stream: u32, (timestamp, clock_hz): (u32, u32)) -> u64 {
        let Some(anchor) = self.anchors.get_mut(channel) else { return here };
        let placed = anchor.as_ref().filter(|anchor| anchor.stream == stream).and_then(|anchor| {
            let ticks = ahead(timestamp, anchor.timestamp) / (clock_hz / 8_000).max(1).cast_signed();
            let at = anchor.at.checked_add_signed(i64::from(ticks))?;
            (at.abs_diff(here) <= DRIFT_MAX).then_some(at)
        });
        placed.unwrap_or_else(|| {
            *anchor = Some(Anchor { stream, timestamp, at: here });
            here
        })
    }

    /// Puts samples in their place; whether they are kept.
    fn write(&mut self, channel: usize, at: u64, law: Law, audio: &[u8]) -> bool {
        if self.is_paused {
            return false;
        }
        let from = self.base.max(self.not_before);
        let to = self.base + WINDOW_SAMPLES;
        let stride = usize::from(self.plan.channels.count());
        for (place, byte) in (at..).zip(audio) {
            let slot = (place % WINDOW_SAMPLES) as usize * stride + channel;
            if let Some(slot) = self.window.get_mut(slot).filter(|_| (from..to).contains(&place)) {
                *slot = pcmu(law, *byte);
            }
        }
        at >= from
    }

    fn hand_over(&mut self, samples: u64, events: &mut Vec<Event>) {
        let stride = usize::from(self.plan.channels.count());
        let from = (self.base % WINDOW_SAMPLES) as usize * stride;
        // Seconds begin at the first or the second half of the window, so none lies across its end.
        let second = self.window.get_mut(from..from + samples as usize * stride).unwrap_or_default();
        let audio = Audio(Bytes::copy_from_slice(second));
        second.fill(SILENCE);
        events.push(Event::Recorded { recording: self.plan.id, at: self.base, audio });
        self.base += samples;
    }
}

/// What is said is not for a log.
impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recorder({}, {} samples)", self.plan.id, self.base)
    }
}

const SILENCE: u8 = g711::silence(Law::Mu);

/// How loud a sample is, without its sign.
fn magnitude(law: Law, byte: u8) -> u8 {
    !pcmu(law, byte) & 0x7f
}

fn pcmu(law: Law, byte: u8) -> u8 {
    match law {
        Law::Mu => byte,
        Law::A => g711::transcoded(law, byte),
    }
}
