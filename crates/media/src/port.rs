//! One RTP end point: the socket of one leg.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand_core::Rng;

use crate::bridge::Joined;
use crate::codec::Encoder;
use crate::command::Playlist;
use crate::conference::Seated;
use crate::dtmf::{Digit, KeyReceiver, KeySender, ToneReceiver};
use crate::event::{Event, PlayEnd};
use crate::hearing::{Listener, Watch};
use crate::jitter::Jitter;
use crate::listening::Ear;
use crate::playback::Playback;
use crate::recorder::{Recorder, RecordingPlan};
use crate::rtcp::{Reporter, mean_opinion_score};
use crate::rtp::{Receiver, Sender, Source};
use crate::sdp::Session;
use crate::shard::Slot;
use crate::speaking::Pace;
use crate::srtp::{Keys, Opener, Sealer};

/// One audio end point. The call core numbers them; never used twice in one process.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PortId(pub u64);

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "port-{}", self.0)
    }
}

/// What one port did, told when it closes (and, later, in RTCP).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PortStats {
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP packets accepted.
    pub packets_received: u64,
    /// Packets that never came, by sequence number (RFC 3550 A.3).
    pub packets_lost: u64,
    /// Packets not accepted: malformed, of another source, of an unknown payload type, or not sealed by the peer.
    pub packets_refused: u64,
    /// RTCP packets that came on the RTP port (RFC 5761).
    pub rtcp_received: u64,
    /// Interarrival jitter at the end, in microseconds.
    pub jitter_us: u32,
    /// Packets of ours that the peer says it missed, where it said so.
    pub far_lost: Option<u64>,
    /// There and back, in microseconds, where both sides tell.
    pub round_trip_us: Option<u32>,
    /// Mean opinion score by the E-model (ITU-T G.107), in hundredths, 100 to 450; `None` of a leg too short to
    /// be judged.
    pub score_hundredths: Option<u16>,
}

/// Ten seconds.
const SCORED_PACKETS_MIN: u64 = 500;

/// A port at work. How it hears is in `hearing`, how it speaks in `speaking`, how it hands on what the
/// other side of a bridge says in `bridge`.
#[derive(Debug)]
pub(crate) struct Port {
    pub id: PortId,
    /// Its part of the 20 ms.
    pub slot: Slot,
    /// What was agreed; nothing is heard or said before.
    pub session: Option<Session>,
    pub source: Option<Source>,
    pub receiver: Receiver,
    pub refused: u64,
    pub reporter: Reporter,
    pub watch: Watch,
    pub keys_heard: KeyReceiver,
    /// Of a peer that agreed on no telephone-event.
    pub tones_heard: ToneReceiver,
    /// Where somebody needs what it says as samples: what waits to be understood, and who understands it.
    pub jitter: Option<Box<Jitter>>,
    pub ear: Option<Box<Ear>>,
    /// Its last audio went no direct way, nor may its keys.
    pub is_held_back: bool,
    /// Where something but G.711 is made of samples: a conference, keys as tones.
    pub mouth: Option<Box<Encoder>>,
    /// Keys heard here stay here.
    pub digits_muted: bool,
    pub sender: Sender,
    /// Seals what is sent, and opens what is heard, where the leg is encrypted.
    pub sealer: Option<Box<Sealer>>,
    pub opener: Option<Box<Opener>>,
    pub keys: KeySender,
    pub playback: Option<Playback>,
    /// Something was said here once, so that silence is sent when nothing else is.
    pub has_spoken: bool,
    pub pace: Pace,
    /// Whom it hears over a bridge. Never with `seated`.
    pub joined: Option<Joined>,
    /// Its seat in a conference.
    pub seated: Option<Seated>,
    /// One word where nobody records it.
    pub recorder: Option<Box<Recorder>>,
}

impl Port {
    pub(crate) fn new(now: Instant, id: PortId, slot: Slot, random: &mut impl Rng) -> Self {
        Self {
            id,
            slot,
            session: None,
            source: None,
            receiver: Receiver::default(),
            refused: 0,
            reporter: Reporter::default(),
            watch: Watch::new(now),
            keys_heard: KeyReceiver::default(),
            tones_heard: ToneReceiver::default(),
            jitter: None,
            ear: None,
            is_held_back: false,
            mouth: None,
            digits_muted: false,
            sender: Sender::new(random),
            sealer: None,
            opener: None,
            keys: KeySender::new(),
            playback: None,
            has_spoken: false,
            pace: Pace::default(),
            joined: None,
            seated: None,
            recorder: None,
        }
    }

    /// Takes over what offer and answer agreed on.
    pub(crate) fn apply(&mut self, now: Instant, session: Session) {
        match &mut self.source {
            Some(source) => source.negotiate(now, session.remote),
            None => self.source = Some(Source::new(now, session.remote)),
        }
        if session.receives && !self.session.as_ref().is_some_and(|before| before.receives) {
            self.watch.restart(now);
        }
        if !session.sends {
            self.keys.clear();
        }
        self.sender.set_clock(now, session.codec.clock_hz());
        if self.mouth.as_ref().is_some_and(|mouth| mouth.codec() != session.codec) {
            self.mouth = None;
        }
        let is_usable = self.agree_on_keys(session.srtp.as_ref());
        // What cannot be sealed is never said in the clear.
        let (sends, receives) = (session.sends && is_usable, session.receives && is_usable);
        self.session = Some(Session { sends, receives, ..session });
    }

    /// A key that stays keeps its counters: beginning them anew would seal two packets alike.
    fn agree_on_keys(&mut self, keys: Option<&Keys>) -> bool {
        let Some(Keys { ours, theirs }) = keys else {
            (self.sealer, self.opener) = (None, None);
            return true;
        };
        if !self.sealer.as_ref().is_some_and(|sealer| sealer.is_of(ours)) {
            self.sealer = Sealer::new(ours).map(Box::new);
        }
        if !self.opener.as_ref().is_some_and(|opener| opener.is_of(theirs)) {
            self.opener = Opener::new(theirs).map(Box::new);
        }
        self.sealer.is_some() && self.opener.is_some()
    }

    /// Plays a list instead of whatever plays. On a bridged port it is heard instead of the other side
    /// until it ends.
    pub(crate) fn play(&mut self, playlist: Playlist, events: &mut Vec<Event>) {
        self.stop(events);
        self.playback = Some(Playback::new(playlist));
        self.has_spoken = true;
        self.sender.begin_talkspurt();
    }

    /// Ends what plays.
    pub(crate) fn stop(&mut self, events: &mut Vec<Event>) {
        if let Some(playback) = self.playback.take() {
            events.push(Event::PlayFinished {
                port: self.id,
                playlist: playback.id(),
                why: PlayEnd::Stopped,
            });
        }
    }

    /// From now on this port hears the port in `place` of the slab.
    pub(crate) fn join(&mut self, now: Instant, place: usize) {
        self.joined = Some(Joined::new(now, place));
        self.has_spoken = true;
    }

    /// From now on it hears the mix of a conference.
    pub(crate) fn sit(&mut self, seated: Seated) {
        self.seated = Some(seated);
        self.has_spoken = true;
    }

    /// Whether it is in a bridge or a conference.
    pub(crate) fn is_in_talk(&self) -> bool {
        self.joined.is_some() || self.seated.is_some()
    }

    /// Ends its part in a bridge or a conference.
    pub(crate) fn part(&mut self) {
        (self.joined, self.seated) = (None, None);
        self.sender.begin_talkspurt();
    }

    /// Records what is heard and said here; what was recorded before ends.
    pub(crate) fn record(&mut self, now: Instant, plan: RecordingPlan, events: &mut Vec<Event>) {
        self.stop_recording(now, events);
        self.recorder = Some(Box::new(Recorder::new(now, self.id, plan)));
    }

    pub(crate) fn stop_recording(&mut self, now: Instant, events: &mut Vec<Event>) {
        if let Some(recorder) = self.recorder.take() {
            recorder.end(now, events);
        }
    }

    /// Sends a key, after those that wait: as telephone-event, or as a tone where that is not agreed on. A peer
    /// on hold does not get it.
    pub(crate) fn press(&mut self, digit: Digit) {
        if self.session.as_ref().is_some_and(|session| session.sends) {
            self.keys.push(digit);
        }
    }

    /// As whom it hears the other side of a bridge.
    pub(crate) fn listener(&self) -> Option<Listener> {
        let session = self.session.as_ref()?;
        let (codec, ptime) = (session.codec, session.ptime);
        Some(Listener { codec, ptime, is_recorded: self.recorder.is_some() })
    }

    /// Where its packets go.
    pub(crate) fn target(&self) -> Option<SocketAddr> {
        self.source.as_ref().and_then(Source::target)
    }

    pub(crate) fn stats(&self) -> PortStats {
        PortStats {
            packets_sent: self.sender.packets(),
            packets_received: self.receiver.received(),
            packets_lost: self.receiver.lost(),
            packets_refused: self.refused,
            rtcp_received: self.reporter.received,
            jitter_us: self.receiver.jitter_us(),
            far_lost: self.reporter.far.map(|far| u64::from(far.lost)),
            round_trip_us: self.reporter.far.and_then(|far| far.round_trip_us),
            score_hundredths: self.score_hundredths(),
        }
    }

    /// What the caller hears of the other side goes by the same way as what we hear of her: one delay, half of the
    /// round trip, and what a jitter buffer needs, twice the jitter.
    fn score_hundredths(&self) -> Option<u16> {
        let received = self.receiver.received();
        let expected = received + self.receiver.lost();
        if received < SCORED_PACKETS_MIN {
            return None;
        }
        let round_trip = self.reporter.far.and_then(|far| far.round_trip_us).unwrap_or(0);
        let delay = u64::from(round_trip / 2) + 2 * u64::from(self.receiver.jitter_us());
        let lost = self.receiver.lost() as f64 / expected as f64;
        Some((mean_opinion_score(Duration::from_micros(delay), lost) * 100.0).round() as u16)
    }
}
