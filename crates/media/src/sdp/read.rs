//! What an offer or an answer says of its audio, read as generously as a call is worth: a line we do not
//! need cannot make the body unreadable.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sdp_types::{Attribute, Connection, Media};

use super::{COMFORT_NOISE, Codec, Direction, Encryption, Local, Session, Taken, Unacceptable, crypto};

/// The longest body read. Offers of browsers with video have 8 KiB; SIP over UDP carries 64.
const BYTES_MAX: usize = 32_768;
/// Streams in one body. An answer has a line for each, so this bounds the answer too.
const STREAMS_MAX: usize = 16;
/// Formats looked at in one stream: there are no more payload types.
const FORMATS_MAX: usize = 128;

/// Packet lengths: below 10 ms headers outweigh sound, above 60 ms each lost packet loses a syllable.
const PTIME_MS: std::ops::RangeInclusive<u32> = 10..=60;
const PTIME_MS_DEFAULT: u32 = 20;

/// Payload types from here on mean what a mapping says (RFC 3551 §3).
const DYNAMIC_MIN: u8 = 96;

/// A session description.
pub(super) struct Description {
    sdp: sdp_types::Session,
}

impl Description {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Unacceptable> {
        if body.len() > BYTES_MAX {
            return Err(Unacceptable::Malformed);
        }
        let sdp =
            sdp_types::Session::parse(needed_lines(body).as_bytes()).map_err(|_| Unacceptable::Malformed)?;
        if sdp.medias.len() > STREAMS_MAX {
            return Err(Unacceptable::Malformed);
        }
        Ok(Self { sdp })
    }

    /// All streams, audio or not, in order.
    pub(super) fn streams(&self) -> impl Iterator<Item = Stream<'_>> {
        self.sdp.medias.iter().enumerate().map(|(place, media)| Stream { place, media, sdp: &self.sdp })
    }
}

/// The version and the lines that matter to us: connection, streams, attributes. Phones put text of any
/// encoding into session names, and dates and bandwidths no grammar knows.
fn needed_lines(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let mut needed = String::with_capacity(body.len());
    // Bare CR was a line end to somebody, and blanks at the end are to nobody.
    for line in body.split(['\r', '\n']).map(str::trim_end) {
        if matches!(line.as_bytes(), [b'v' | b'c' | b'm' | b'a', b'=', ..]) {
            needed.push_str(line);
            needed.push_str("\r\n");
        }
    }
    needed
}

/// One `m=` line and what belongs to it.
#[derive(Clone, Copy)]
pub(super) struct Stream<'a> {
    pub place: usize,
    pub media: &'a Media,
    sdp: &'a sdp_types::Session,
}

impl<'a> Stream<'a> {
    /// What we agree on in this stream, if we can take it.
    pub(super) fn session(self, local: Local<'_>) -> Option<Taken<'a>> {
        if !self.media.media.eq_ignore_ascii_case("audio") || self.media.port == 0 {
            return None;
        }
        let is =
            |protocols: [&str; 2]| protocols.iter().any(|ours| self.media.proto.eq_ignore_ascii_case(ours));
        let crypto = if is(["RTP/SAVP", "RTP/SAVPF"]) {
            let lines = self.attributes("crypto").filter_map(|attribute| attribute.value.as_deref());
            Some(crypto::chosen(lines, local)?)
        } else if is(["RTP/AVP", "RTP/AVPF"]) && !matches!(local.encryption, Encryption::Required(_)) {
            None
        } else {
            return None;
        };
        let remote = self.remote()?;
        // Hold by `0.0.0.0` comes from IPv6 phones too.
        let can_reach = remote.is_ipv4() == local.address.ip().to_canonical().is_ipv4();
        if !can_reach && !remote.ip().is_unspecified() {
            return None;
        }
        let spoken = |(payload_type, codec)| local.codecs.contains(&codec).then_some((payload_type, codec));
        let (payload_type, codec) = self.formats().filter_map(|pt| self.codec(pt)).find_map(spoken)?;
        let stated = Direction::stated(&self.media.attributes, &self.sdp.attributes);
        let session = Session {
            remote,
            codec,
            payload_type,
            telephone_event: self.formats().find(|pt| self.is_telephone_event(*pt)),
            comfort_noise: codec.clock_hz() == 8_000 && self.formats().any(|pt| self.is_comfort_noise(pt)),
            ptime: codec.ptime(self.ptime()),
            sends: stated.receives && !remote.ip().is_unspecified(),
            receives: stated.sends && !local.hold,
            rtcp_mux: self.has("rtcp-mux"),
            srtp: crypto.map(|chosen| chosen.keys),
        };
        Some(Taken { stream: self, session, crypto })
    }

    /// Whether the stream has this attribute, with or without a value.
    pub(super) fn has(self, name: &str) -> bool {
        self.attributes(name).next().is_some()
    }

    /// Where the peer hears. A name instead of an address is not looked up: no phone sends one, and a call
    /// cannot wait for DNS. To a multicast or broadcast address no call is sent either.
    fn remote(self) -> Option<SocketAddr> {
        let stated: &Connection = self.media.connections.first().or(self.sdp.connection.as_ref())?;
        let ip = stated.try_address().ok()?.ip;
        let is_one_peer = match ip {
            IpAddr::V4(ip) => !ip.is_multicast() && !ip.is_broadcast(),
            IpAddr::V6(ip) => !ip.is_multicast(),
        };
        is_one_peer.then(|| SocketAddr::new(ip.to_canonical(), self.media.port))
    }

    /// The payload types, the peer's favourite first.
    fn formats(self) -> impl Iterator<Item = u8> + 'a {
        let payload_type = |format: &str| format.parse().ok().filter(|number| *number < 128);
        self.media.fmt.split_ascii_whitespace().take(FORMATS_MAX).filter_map(payload_type)
    }

    fn codec(self, payload_type: u8) -> Option<(u8, Codec)> {
        let mut codecs = Codec::ALL.into_iter();
        let codec = match self.mapping(payload_type) {
            Some(mapping) => codecs.find(|codec| mapping.is(codec.mapping())),
            // Static numbers need no mapping (RFC 3551 table 4).
            None => codecs.find(|codec| codec.payload_type() == payload_type && payload_type < DYNAMIC_MIN),
        };
        codec.map(|codec| (payload_type, codec))
    }

    /// At 8 kHz, the clock of our audio (RFC 4733 §2.1); browsers offer it at 48 kHz beside that.
    fn is_telephone_event(self, payload_type: u8) -> bool {
        self.mapping(payload_type).is_some_and(|mapping| mapping.is("telephone-event/8000"))
    }

    /// The static number, unless a mapping makes something else of it.
    fn is_comfort_noise(self, payload_type: u8) -> bool {
        payload_type == COMFORT_NOISE
            && self.mapping(payload_type).is_none_or(|mapping| mapping.is("CN/8000"))
    }

    /// The first mapping of a number; a second one is nobody's meaning.
    fn mapping(self, payload_type: u8) -> Option<Mapping<'a>> {
        self.attributes("rtpmap")
            .filter_map(|a| Mapping::parse(a.value.as_deref()?))
            .find(|mapping| mapping.payload_type == payload_type)
    }

    fn ptime(self) -> Duration {
        let milliseconds = |name: &str| {
            let value = self.attributes(name).next()?.value.as_deref()?.trim();
            // Some write 20.0.
            value.split('.').next()?.parse::<u32>().ok().filter(|number| *number > 0)
        };
        let most = milliseconds("maxptime").unwrap_or(*PTIME_MS.end());
        let asked = milliseconds("ptime").unwrap_or(PTIME_MS_DEFAULT).min(most);
        // Whole tens: what a peer asks in between (G.723 has 30, iLBC 30, nobody 25) it can also play.
        let whole = (asked / 10 * 10).clamp(*PTIME_MS.start(), *PTIME_MS.end());
        Duration::from_millis(u64::from(whole))
    }

    fn attributes(self, name: &str) -> impl Iterator<Item = &'a Attribute> {
        self.media.attributes.iter().filter(move |attribute| attribute.attribute.eq_ignore_ascii_case(name))
    }
}

/// `a=rtpmap:<payload type> <encoding>/<clock rate>[/<channels>]` (RFC 8866 §6.6).
struct Mapping<'a> {
    payload_type: u8,
    encoding: &'a str,
    clock: &'a str,
    channels: Option<&'a str>,
}

impl<'a> Mapping<'a> {
    fn parse(value: &'a str) -> Option<Self> {
        let (payload_type, format) = value.trim().split_once([' ', '\t'])?;
        let mut parts = format.trim().split('/');
        Some(Self {
            payload_type: payload_type.parse().ok()?,
            encoding: parts.next()?,
            clock: parts.next()?,
            channels: parts.next(),
        })
    }

    /// Whether it is the same as ours; one channel need not be said.
    fn is(&self, ours: &str) -> bool {
        let mut parts = ours.split('/');
        parts.next().is_some_and(|encoding| self.encoding.eq_ignore_ascii_case(encoding))
            && parts.next() == Some(self.clock)
            && self.channels.unwrap_or("1") == parts.next().unwrap_or("1")
    }
}
