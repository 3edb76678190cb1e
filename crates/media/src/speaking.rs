//! What a port sends on its own time: prompts, keys, and silence when there is nothing else.

use std::time::{Duration, Instant};

use crate::batch::PacketBatch;
use crate::codec::g711::{self, Law};
use crate::codec::{Codec, Encoder};
use crate::conference::Mixer;
use crate::dtmf::{KeyStep, STEP, TelephoneEvent, tone};
use crate::event::{Event, PlayEnd};
use crate::playback::silence;
use crate::port::Port;
use crate::sdp::Session;

/// Samples in the longest frame, 60 ms.
pub(crate) const FRAME_SAMPLES_MAX: usize = 480;

/// Packets a port may send in one tick. After a stall of the driver the peer's jitter buffer takes some 80 ms
/// at once; of a longer stall the rest is a pause, and no word of the prompt is lost.
const PACKETS_PER_TICK_MAX: u8 = 4;

/// A packet due this soon is sent now. Ticks come when the machine lets them, and half a frame early is
/// nearer than half a frame late.
const EARLY_MAX: Duration = Duration::from_millis(10);

/// When the next packet of a port is due. Due times are a whole number of frames apart whatever the ticks
/// do, so that timestamps advance with real time and evenly.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    due: Option<Instant>,
}

impl Pace {
    /// The time of the packet of `length` that is due by now. The first is due at once.
    fn take(&mut self, now: Instant, length: Duration) -> Option<Instant> {
        let due = *self.due.get_or_insert(now);
        if due > now + EARLY_MAX {
            return None;
        }
        self.due = Some(due + length);
        Some(due)
    }

    /// Gives up the packets that are due by now, in whole steps, so that timestamps stay even.
    fn skip(&mut self, now: Instant) {
        if let Some(due) = &mut self.due {
            while *due <= now {
                *due += STEP;
            }
        }
    }

    fn stop(&mut self) {
        self.due = None;
    }
}

/// What a port says next.
enum Turn {
    Key,
    Prompt,
    Mix,
    Silence,
}

impl Port {
    /// Sends what is due, and tells of a peer that is no longer heard.
    pub(crate) fn speak(
        &mut self,
        now: Instant,
        mut mixer: Option<&mut Mixer>,
        packets: &mut PacketBatch,
        events: &mut Vec<Event>,
    ) {
        let Some(session) = &self.session else { return };
        if session.receives
            && let Some(since) = self.watch.fall_silent(now)
        {
            events.push(Event::Silent { port: self.id, since });
        }
        let frame = frame_of(session);
        self.report(now, packets);
        for _ in 0..PACKETS_PER_TICK_MAX {
            let Some(turn) = self.turn(now) else {
                self.pace.stop();
                return;
            };
            let length = if matches!(turn, Turn::Key) { STEP } else { frame };
            let Some(at) = self.pace.take(now, length) else { return };
            match turn {
                Turn::Key => self.say_key(at, packets),
                Turn::Prompt => self.say_prompt(now, at, packets, events),
                Turn::Mix => self.say_mix(now, at, mixer.as_deref_mut(), packets),
                Turn::Silence => self.say_silence(at, packets),
            }
        }
        self.pace.skip(now);
    }

    /// Tells the peer how it is heard.
    fn report(&mut self, now: Instant, packets: &mut PacketBatch) {
        let is_agreed = self.session.as_ref().is_some_and(|session| session.rtcp_mux);
        let (true, Some(to)) = (is_agreed, self.target()) else { return };
        let Self { reporter, sender, receiver, .. } = self;
        packets.push_rtcp(self.id, to, self.sealer.as_deref_mut(), |bytes| {
            reporter.speak(now, sender, receiver, bytes)
        });
    }

    fn turn(&self, now: Instant) -> Option<Turn> {
        let sends = self.session.as_ref().is_some_and(|session| session.sends);
        let is_relayed = |joined: &crate::bridge::Joined| joined.is_relayed(now);
        if sends && self.keys.is_busy() {
            Some(Turn::Key)
        } else if self.playback.is_some() {
            Some(Turn::Prompt)
        } else if sends && self.seated.is_some() {
            Some(Turn::Mix)
        } else if sends && self.has_spoken && !self.joined.as_ref().is_some_and(is_relayed) {
            Some(Turn::Silence)
        } else {
            None
        }
    }

    /// A key takes the place of audio for its 140 ms; a prompt goes on behind it where it was.
    fn say_key(&mut self, at: Instant, packets: &mut PacketBatch) {
        let sender = &mut self.sender;
        match self.keys.step(|| sender.key_start(at)) {
            KeyStep::Packet { event, starts, again, timestamp } => {
                let (Some(session), Some(to)) = (&self.session, self.target()) else { return };
                let Some(payload_type) = session.telephone_event else {
                    return if again {
                        self.say_silence_for(at, STEP, packets)
                    } else {
                        self.say_tone(at, event, packets)
                    };
                };
                let header = self.sender.key(payload_type, timestamp, u32::from(event.duration), starts);
                packets.push(self.id, to, &header, self.sealer.as_deref_mut(), |bytes| {
                    bytes.extend_from_slice(&event.bytes())
                });
            }
            KeyStep::Pause => self.say_silence_for(at, STEP, packets),
        }
    }

    /// One step of a key as a tone, for a peer that takes no telephone-event.
    fn say_tone(&mut self, at: Instant, event: TelephoneEvent, packets: &mut PacketBatch) {
        let (Some(session), Some(to)) = (&self.session, self.target()) else { return };
        let samples = samples_of(STEP);
        let from = usize::from(event.duration).saturating_sub(samples);
        let header = self.sender.audio(at, session.payload_type, samples as u32);
        let mut frame = [0; FRAME_SAMPLES_MAX];
        let frame = frame.get_mut(..samples).unwrap_or_default();
        frame.iter_mut().zip(tone(event.code, from)).for_each(|(sample, tone)| *sample = tone);
        let (mouth, sender) = (&mut self.mouth, &mut self.sender);
        packets.push(self.id, to, &header, self.sealer.as_deref_mut(), |bytes| {
            sender.carried(voice(mouth, session.codec, frame, bytes));
        });
    }

    /// Towards a peer on hold the list goes on unheard, as music does.
    fn say_prompt(&mut self, now: Instant, at: Instant, packets: &mut PacketBatch, events: &mut Vec<Event>) {
        let target = self.target();
        let (Some(session), Some(playback)) = (&self.session, &mut self.playback) else { return };
        let samples = samples_of(frame_of(session));
        if let Some(to) = target.filter(|_| session.sends) {
            let header = self.sender.audio(at, session.payload_type, samples as u32);
            let mut lead = self.sender.lead(now, header.timestamp);
            let mut recorder = self.recorder.as_deref_mut();
            let sender = &mut self.sender;
            packets.push(self.id, to, &header, self.sealer.as_deref_mut(), |bytes| {
                playback.fill(session.codec, samples, |run, pcmu| {
                    bytes.extend_from_slice(run);
                    sender.carried(run.len());
                    if let Some(recorder) = &mut recorder {
                        recorder.told(now, lead, Law::Mu, pcmu);
                        lead = lead.saturating_add_unsigned(pcmu.len() as u32);
                    }
                });
            });
        } else {
            playback.fill(session.codec, samples, |_, _| {});
        }
        if playback.is_over() {
            let playlist = playback.id();
            self.playback = None;
            events.push(Event::PlayFinished { port: self.id, playlist, why: PlayEnd::Finished });
        }
    }

    /// What the others of a conference say.
    fn say_mix(&mut self, now: Instant, at: Instant, mixer: Option<&mut Mixer>, packets: &mut PacketBatch) {
        let (Some(session), Some(mixer), Some(seated)) = (&self.session, mixer, self.seated) else { return };
        let mut mixed = [0; FRAME_SAMPLES_MAX];
        let samples = samples_of(frame_of(session));
        let mixed = mixed.get_mut(..samples).unwrap_or_default();
        mixer.mix(at, seated.seat, mixed);
        let Some(to) = self.target() else { return };
        let header = self.sender.audio(at, session.payload_type, samples as u32);
        if let Some(recorder) = &mut self.recorder {
            let mut bytes = [0; FRAME_SAMPLES_MAX];
            let bytes = bytes.get_mut(..samples).unwrap_or_default();
            bytes.iter_mut().zip(&*mixed).for_each(|(byte, sample)| *byte = g711::encode(Law::Mu, *sample));
            recorder.told(now, self.sender.lead(now, header.timestamp), Law::Mu, bytes);
        }
        let (mouth, sender) = (&mut self.mouth, &mut self.sender);
        packets.push(self.id, to, &header, self.sealer.as_deref_mut(), |packet| {
            sender.carried(voice(mouth, session.codec, mixed, packet));
        });
    }

    fn say_silence(&mut self, at: Instant, packets: &mut PacketBatch) {
        let frame = self.session.as_ref().map_or(STEP, frame_of);
        self.say_silence_for(at, frame, packets);
    }

    fn say_silence_for(&mut self, at: Instant, length: Duration, packets: &mut PacketBatch) {
        let (Some(session), Some(to)) = (&self.session, self.target()) else { return };
        let samples = samples_of(length);
        let header = self.sender.audio(at, session.payload_type, samples as u32);
        let silence = silence(session.codec, samples);
        self.sender.carried(silence.len());
        packets
            .push(self.id, to, &header, self.sealer.as_deref_mut(), |bytes| bytes.extend_from_slice(silence));
    }
}

/// Puts samples at 8 kHz behind `bytes` as they travel, and says how many bytes those are. What speaks a codec with
/// a memory is made with its first packet.
fn voice(mouth: &mut Option<Box<Encoder>>, codec: Codec, samples: &[i16], bytes: &mut Vec<u8>) -> usize {
    let start = bytes.len();
    match codec.law() {
        Some(law) => bytes.extend(samples.iter().map(|sample| g711::encode(law, *sample))),
        None => mouth.get_or_insert_with(|| Box::new(Encoder::new(codec, 8_000))).encode(samples, bytes),
    }
    bytes.len() - start
}

/// Audio per packet: what was agreed, kept to what a peer can mean.
fn frame_of(session: &Session) -> Duration {
    match session.codec {
        // Prompts are kept in packets of 20 ms, and whoever takes Opus takes any length.
        Codec::Opus => STEP,
        codec => codec.ptime(session.ptime),
    }
}

fn samples_of(length: Duration) -> usize {
    (length.as_millis() as usize * 8).min(FRAME_SAMPLES_MAX)
}
