//! As much SDP (RFC 8866) as one audio stream of a telephone needs.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use crate::audio::Codec;

/// Dynamic payload type this phone offers for telephone events.
const TELEPHONE_EVENT: u8 = 101;

/// What one side said about its audio stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Description {
    /// Where it wants to receive.
    pub address: SocketAddr,
    /// The codecs both sides could use, in its order.
    pub codecs: Vec<Codec>,
    /// Payload type of telephone events, if it takes them.
    pub telephone_event: Option<u8>,
    /// Whether it wants to receive: false on hold (`sendonly`, `inactive`).
    pub receives: bool,
    /// Whether it will send.
    pub sends: bool,
}

impl Description {
    /// What this phone offers.
    pub fn offer(address: SocketAddr, codecs: &[Codec]) -> Self {
        Self {
            address,
            codecs: codecs.to_vec(),
            telephone_event: Some(TELEPHONE_EVENT),
            receives: true,
            sends: true,
        }
    }

    /// This phone's answer to the offer: its own first choice among what was offered, and the offered
    /// payload type for events. Nothing if no codec is common.
    pub fn answer_to(&self, address: SocketAddr, codecs: &[Codec]) -> Option<Self> {
        let codec = codecs.iter().find(|c| self.codecs.contains(c))?;
        Some(Self {
            address,
            codecs: vec![*codec],
            telephone_event: self.telephone_event,
            receives: self.sends,
            sends: self.receives,
        })
    }

    /// The first audio stream that is not refused (port 0), or nothing.
    pub fn read(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let mut session_address: Option<IpAddr> = None;
        let mut session_direction = None;
        let mut stream: Option<Stream> = None;
        for line in text.lines() {
            let Some((kind, value)) = line.trim_end().split_once('=') else { continue };
            match (kind, &mut stream) {
                // Only the first usable audio stream; what follows it belongs to other streams.
                ("m", Some(_)) => break,
                ("m", None) => stream = Stream::read(value),
                ("c", None) => session_address = connection(value),
                ("c", Some(stream)) => stream.address = connection(value),
                ("a", None) => session_direction = direction(value).or(session_direction),
                ("a", Some(stream)) => stream.attribute(value),
                _ => {}
            }
        }
        let stream = stream?;
        let (receives, sends) = stream.direction.or(session_direction).unwrap_or((true, true));
        Some(Self {
            address: SocketAddr::new(stream.address.or(session_address)?, stream.port),
            codecs: stream.payload_types.iter().filter_map(|&p| Codec::of_payload_type(p)).collect(),
            telephone_event: stream.telephone_event,
            receives,
            sends,
        })
    }

    /// The body to send. `version` grows with every change in one dialog (RFC 3264 §8).
    pub fn write(&self, session: u32, version: u32) -> String {
        let (ip, port) = (self.address.ip(), self.address.port());
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let mut payload_types = String::new();
        let mut attributes = String::new();
        for codec in &self.codecs {
            let payload_type = codec.payload_type();
            _ = write!(payload_types, " {payload_type}");
            _ = write!(attributes, "a=rtpmap:{payload_type} {}/8000\r\n", codec.name());
        }
        if let Some(event) = self.telephone_event {
            _ = write!(payload_types, " {event}");
            _ = write!(attributes, "a=rtpmap:{event} telephone-event/8000\r\na=fmtp:{event} 0-15\r\n");
        }
        let direction = match (self.receives, self.sends) {
            (true, true) => "sendrecv",
            (true, false) => "recvonly",
            (false, true) => "sendonly",
            (false, false) => "inactive",
        };
        format!(
            "v=0\r\no=- {session} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP{payload_types}\r\n{attributes}a=ptime:20\r\na={direction}\r\n"
        )
    }
}

struct Stream {
    port: u16,
    payload_types: Vec<u8>,
    address: Option<IpAddr>,
    telephone_event: Option<u8>,
    direction: Option<(bool, bool)>,
}

impl Stream {
    /// An `m=` line of plain RTP audio with a port.
    fn read(value: &str) -> Option<Self> {
        let mut words = value.split(' ');
        let (media, port, protocol) = (words.next()?, words.next()?, words.next()?);
        let port: u16 = port.parse().ok()?;
        (media == "audio" && port != 0 && protocol.starts_with("RTP/AVP")).then(|| Self {
            port,
            payload_types: words.filter_map(|w| w.parse().ok()).collect(),
            address: None,
            telephone_event: None,
            direction: None,
        })
    }

    fn attribute(&mut self, value: &str) {
        if let Some(mapping) = value.strip_prefix("rtpmap:") {
            let event = mapping
                .split_once(' ')
                .filter(|(_, name)| name.to_ascii_lowercase().starts_with("telephone-event/8000"));
            if let Some(payload_type) = event.and_then(|(number, _)| number.parse().ok()) {
                self.telephone_event = Some(payload_type);
            }
        } else if let Some(direction) = direction(value) {
            self.direction = Some(direction);
        }
    }
}

fn connection(value: &str) -> Option<IpAddr> {
    value.split(' ').nth(2)?.parse().ok()
}

/// Whether the writer receives, and whether it sends.
fn direction(value: &str) -> Option<(bool, bool)> {
    match value {
        "sendrecv" => Some((true, true)),
        "recvonly" => Some((true, false)),
        "sendonly" => Some((false, true)),
        "inactive" => Some((false, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_offer_is_read_back_as_it_was_written() {
        let offer = Description::offer("127.0.0.1:4000".parse().unwrap(), &[Codec::Pcma, Codec::Pcmu]);
        assert_eq!(Description::read(offer.write(1, 2).as_bytes()), Some(offer));
    }

    #[test]
    fn an_answer_takes_the_own_first_choice_the_offered_event_type_and_mirrors_hold() {
        let offer = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
                     m=video 0 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 9 8 0 96\r\nc=IN IP4 10.0.0.2\r\n\
                     a=rtpmap:96 telephone-event/8000\r\na=sendonly\r\nm=audio 6000 RTP/AVP 18\r\na=sendrecv\r\n";
        let offer = Description::read(offer.as_bytes()).unwrap();
        assert_eq!(offer.address, "10.0.0.2:4000".parse().unwrap());
        assert_eq!(offer.codecs, [Codec::Pcma, Codec::Pcmu]);

        let own = "127.0.0.1:5000".parse().unwrap();
        let answer = offer.answer_to(own, &[Codec::Pcmu, Codec::Pcma]).unwrap();
        assert_eq!((answer.codecs.as_slice(), answer.telephone_event), ([Codec::Pcmu].as_slice(), Some(96)));
        assert!(answer.receives && !answer.sends, "a=sendonly is answered recvonly (RFC 3264 §6.1)");
    }

    #[test]
    fn a_body_without_usable_audio_is_nothing() {
        for body in ["", "v=0\r\nm=audio 0 RTP/AVP 0\r\n", "v=0\r\nm=audio 4000 RTP/AVP 0\r\n"] {
            assert_eq!(Description::read(body.as_bytes()), None);
        }
        assert_eq!(Description::read(&[0xff, 0xfe]), None);
    }
}
