//! The audio of one call: a packet every 20 ms out, everything that comes in to the ear.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtp_rs::{RtpPacketBuilder, RtpReader, Seq};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

use crate::audio::{Codec, FRAME_SAMPLES, Tone};
use crate::dtmf::{Digit, Keying, TelephoneEvent};
use crate::error::PhoneError;
use crate::hearing::{Ear, HeardPacket, HeardPayload, Recording};
use crate::sdp::Description;

/// One packet per 20 ms (`a=ptime:20`).
pub const FRAME: Duration = Duration::from_millis(20);
/// The largest datagram read; an RTP packet of 20 ms has 172 octets.
const DATAGRAM_BYTES_MAX: usize = 2_048;
/// `press` calls waiting at once; one script presses one after the other.
const PRESSES_MAX: usize = 8;

/// What the microphone picks up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sound {
    /// Packets of digital silence, as every phone sends.
    Quiet,
    /// Nothing at all: a phone that lost its network.
    Still,
    /// A steady sine of this many hertz.
    Tone(f64),
}

/// Where and how to send, once both sides agreed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aim {
    /// Where the other side wants audio.
    pub to: SocketAddr,
    /// What both sides speak.
    pub codec: Codec,
    /// Payload type of the other side's telephone events, if it takes them.
    pub telephone_event: Option<u8>,
    /// False while the other side holds us.
    pub sends: bool,
}

impl Aim {
    /// Towards what the other side described, with the codec both agreed on.
    pub(crate) fn at(theirs: &Description, agreed: &Description) -> Option<Self> {
        Some(Self {
            to: theirs.address,
            codec: *agreed.codecs.first()?,
            telephone_event: theirs.telephone_event,
            sends: theirs.receives,
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Controls {
    aim: Option<Aim>,
    sound: Sound,
    is_open: bool,
}

pub(crate) struct Press {
    pub digits: Vec<Digit>,
    pub done: oneshot::Sender<()>,
}

/// The audio of one call: where it listens, what it says, what it heard.
///
/// A [`crate::Call`] brings its own. On its own it is the voice and the ear of a call whose signalling
/// somebody else does, sipp for example: put [`Media::local`] into its SDP and aim at the answer.
#[derive(Clone, Debug)]
pub struct Media {
    local: SocketAddr,
    ear: Arc<Ear>,
    controls: watch::Sender<Controls>,
    presses: mpsc::Sender<Press>,
}

impl Media {
    /// Opens a socket and starts to listen on it.
    pub async fn open(local: IpAddr) -> Result<Self, PhoneError> {
        let bind = async {
            let socket = UdpSocket::bind((local, 0)).await?;
            let address = socket.local_addr()?;
            Ok((socket, address))
        };
        let (socket, address) = bind.await.map_err(|source| PhoneError::Bind { local, source })?;
        let identity = getrandom::u64().map_err(|_| PhoneError::Randomness)?;
        let (presses, pressed) = mpsc::channel(PRESSES_MAX);
        let controls = watch::Sender::new(Controls { aim: None, sound: Sound::Quiet, is_open: true });
        let ear = Ear::new();
        let mouth = Mouth::new(identity);
        tokio::spawn(run(socket, mouth, controls.subscribe(), pressed, Arc::clone(&ear)));
        Ok(Self { local: address, ear, controls, presses })
    }

    /// Where it wants to receive.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// What is heard from now on.
    pub fn hear(&self) -> Recording {
        Recording::start(&self.ear)
    }

    /// What was heard since it was opened.
    pub fn heard(&self) -> Recording {
        Recording::whole(&self.ear)
    }

    /// Sends there from the next frame on, or to nobody.
    pub fn aim(&self, aim: Option<Aim>) {
        self.controls.send_modify(|c| c.aim = aim);
    }

    /// Picks this up from the next frame on.
    pub fn sound(&self, sound: Sound) {
        self.controls.send_modify(|c| c.sound = sound);
    }

    /// No more packets; the socket is closed with the next frame.
    pub fn close(&self) {
        self.controls.send_modify(|c| c.is_open = false);
    }

    /// Presses the keys one after the other; the receiver hears when the last one was released. Nothing
    /// if it is closed.
    pub async fn press(&self, digits: Vec<Digit>) -> Option<oneshot::Receiver<()>> {
        let (done, released) = oneshot::channel();
        self.presses.send(Press { digits, done }).await.ok()?;
        Some(released)
    }
}

async fn run(
    socket: UdpSocket,
    mut mouth: Mouth,
    controls: watch::Receiver<Controls>,
    mut presses: mpsc::Receiver<Press>,
    ear: Arc<Ear>,
) {
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    let mut ticks = tokio::time::interval(FRAME);
    // Late frames are sent at once and none is left out, as a sound card does it.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut pressing: Option<oneshot::Sender<()>> = None;
    loop {
        tokio::select! {
            biased;
            _ = ticks.tick() => {
                let current = *controls.borrow();
                if !current.is_open || controls.has_changed().is_err() {
                    return;
                }
                if let Some((to, packet)) = mouth.speak(&current) {
                    // A refused datagram is a lost packet: the other side may be gone already.
                    _ = socket.try_send_to(&packet, to);
                }
                if mouth.keying.is_idle() && let Some(done) = pressing.take() {
                    _ = done.send(());
                }
            }
            Ok((length, _)) = socket.recv_from(&mut buffer) => {
                if let Some(packet) = buffer.get(..length).and_then(|d| listen(d, &controls)) {
                    ear.hear(packet);
                }
            }
            Some(press) = presses.recv(), if pressing.is_none() => {
                mouth.keying.press(press.digits);
                pressing = Some(press.done);
            }
        }
    }
}

fn listen(datagram: &[u8], controls: &watch::Receiver<Controls>) -> Option<HeardPacket> {
    let at = Instant::now();
    let packet = RtpReader::new(datagram).ok()?;
    let payload_type = packet.payload_type();
    let telephone_event = controls.borrow().aim.and_then(|a| a.telephone_event);
    let payload = if Some(payload_type) == telephone_event {
        HeardPayload::Event(TelephoneEvent::read(packet.payload())?)
    } else if let Some(codec) = Codec::of_payload_type(payload_type) {
        HeardPayload::Audio(packet.payload().iter().map(|&octet| codec.decode(octet)).collect())
    } else {
        HeardPayload::Strange(payload_type)
    };
    Some(HeardPacket {
        at,
        sequence: packet.sequence_number().into(),
        timestamp: packet.timestamp(),
        source: packet.ssrc(),
        is_marked: packet.mark(),
        payload,
    })
}

/// The sending half: a clock, a sequence, and what to say.
struct Mouth {
    source: u32,
    sequence: u16,
    /// RTP timestamp of this frame; goes on while nothing is sent.
    timestamp: u32,
    was_silent: bool,
    tone: Option<(f64, Tone)>,
    keying: Keying,
}

impl Mouth {
    fn new(identity: u64) -> Self {
        Self {
            source: identity as u32,
            sequence: (identity >> 32) as u16,
            timestamp: (identity >> 40) as u32,
            was_silent: true,
            tone: None,
            keying: Keying::default(),
        }
    }

    /// The packet of the next frame, if anything is to be sent.
    fn speak(&mut self, controls: &Controls) -> Option<(SocketAddr, Vec<u8>)> {
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
        let timestamp = self.timestamp;
        let aim = controls.aim.filter(|a| a.sends)?;
        if let Some(payload_type) = aim.telephone_event
            && let Some(key) = self.keying.next(timestamp)
        {
            let payload = key.event.octets();
            return Some((aim.to, self.packet(payload_type, key.is_first, key.timestamp, &payload)?));
        }
        let frame: Vec<u8> = match controls.sound {
            Sound::Still => {
                self.was_silent = true;
                return None;
            }
            Sound::Quiet => vec![aim.codec.encode(0); FRAME_SAMPLES],
            Sound::Tone(hz) => {
                let fresh = || (hz, Tone::new(hz));
                let (_, tone) = match &mut self.tone {
                    Some(playing) if playing.0 == hz => playing,
                    slot => slot.insert(fresh()),
                };
                tone.take(FRAME_SAMPLES).map(|s| aim.codec.encode(s)).collect()
            }
        };
        let is_first = std::mem::take(&mut self.was_silent);
        Some((aim.to, self.packet(aim.codec.payload_type(), is_first, timestamp, &frame)?))
    }

    fn packet(
        &mut self,
        payload_type: u8,
        is_marked: bool,
        timestamp: u32,
        payload: &[u8],
    ) -> Option<Vec<u8>> {
        self.sequence = self.sequence.wrapping_add(1);
        RtpPacketBuilder::new()
            .payload_type(payload_type)
            .marked(is_marked)
            .sequence(Seq::from(self.sequence))
            .timestamp(timestamp)
            .ssrc(self.source)
            .payload(payload)
            .build()
            .ok()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    fn controls(sound: Sound) -> Controls {
        let to = "127.0.0.1:9".parse().unwrap();
        let aim = Aim { to, codec: Codec::Pcma, telephone_event: Some(101), sends: true };
        Controls { aim: Some(aim), sound, is_open: true }
    }

    #[test]
    fn a_key_takes_the_place_of_audio_and_the_clock_goes_on() {
        let mut mouth = Mouth::new(0x1234_5678_9abc_def0);
        let base = mouth.timestamp + 160;
        mouth.keying.press([Digit::new('5').unwrap()]);
        let mut kinds = Vec::new();
        for _ in 0..12 {
            let (_, bytes) = mouth.speak(&controls(Sound::Quiet)).unwrap();
            let packet = RtpReader::new(&bytes).unwrap();
            kinds.push((packet.payload_type(), packet.timestamp().wrapping_sub(base)));
        }
        assert_eq!(kinds[..8], [(101, 0); 8]);
        assert_eq!(kinds[8..], [(8, 8 * 160), (8, 9 * 160), (8, 10 * 160), (8, 11 * 160)]);
    }

    #[test]
    fn a_still_or_held_phone_sends_nothing_and_marks_its_first_packet_afterwards() {
        let mut mouth = Mouth::new(1);
        assert!(mouth.speak(&controls(Sound::Still)).is_none());
        let mut held = controls(Sound::Quiet);
        held.aim = held.aim.map(|a| Aim { sends: false, ..a });
        assert!(mouth.speak(&held).is_none());
        let marks: Vec<bool> = (0..3)
            .map(|_| mouth.speak(&controls(Sound::Tone(400.0))).unwrap().1)
            .map(|bytes| RtpReader::new(&bytes).unwrap().mark())
            .collect();
        assert_eq!(marks, [true, false, false]);
    }
}
