//! The SDP we send.

use bytes::Bytes;
use sdp_types::{Connection, Media, MediaType, Origin, TransportProto};

use super::read::Description;
use super::{COMFORT_NOISE, Codec, Direction, Encryption, Local, TELEPHONE_EVENT, Taken, crypto};

/// The keys we send and hear (RFC 4733 §2.4.1).
const KEYS: &str = "0-15";

/// An answer has a line for every line of the offer, in its order (RFC 3264 §6).
pub(super) fn answer(offer: &Description, taken: &Taken<'_>, ours: Direction, local: Local<'_>) -> Bytes {
    let lines = offer.streams().map(|stream| {
        if stream.place == taken.stream.place { accepted(taken, ours, local) } else { refused(stream.media) }
    });
    bytes(local, lines.collect())
}

/// An offer of one audio stream.
pub(super) fn offer(local: Local<'_>) -> Bytes {
    let mut numbers = PayloadTypes::default();
    let mut formats = Vec::new();
    for codec in local.codecs {
        // A codec that is named twice has its number already.
        if numbers.take(codec.payload_type()) {
            formats.push(Format { payload_type: codec.payload_type(), what: What::Codec(*codec) });
        }
    }
    let port = if formats.is_empty() { 0 } else { local.address.port() };
    if let Some(payload_type) = numbers.dynamic(TELEPHONE_EVENT) {
        formats.push(Format { payload_type, what: What::TelephoneEvent });
    }
    let required = match local.encryption {
        Encryption::Required(ours) => Some(ours),
        Encryption::Off | Encryption::Accepted(_) => None,
    };
    let mut media = audio(if required.is_some() { "RTP/SAVP" } else { "RTP/AVP" }, port, &formats);
    for line in required.into_iter().flat_map(crypto::offered) {
        media.add_attribute_with_value("crypto", line);
    }
    media.add_attribute_with_value("ptime", 20);
    media.add_attribute_from_str("rtcp-mux");
    media.add_attribute_from_str(Direction::new(true, !local.hold).attribute());
    bytes(local, vec![media])
}

fn accepted(taken: &Taken<'_>, ours: Direction, local: Local<'_>) -> Media {
    let session = &taken.session;
    let mut formats = vec![Format { payload_type: session.payload_type, what: What::Codec(session.codec) }];
    formats.extend(
        session.telephone_event.map(|payload_type| Format { payload_type, what: What::TelephoneEvent }),
    );
    if session.comfort_noise {
        formats.push(Format { payload_type: COMFORT_NOISE, what: What::ComfortNoise });
    }
    let mut media = audio(&taken.stream.media.proto, local.address.port(), &formats);
    if let Some(chosen) = taken.crypto {
        media.add_attribute_with_value("crypto", crypto::line(chosen.tag, chosen.keys.ours));
    }
    media.add_attribute_with_value("ptime", session.ptime.as_millis());
    if taken.stream.has("rtcp-mux") {
        media.add_attribute_from_str("rtcp-mux");
    }
    media.add_attribute_from_str(ours.attribute());
    media
}

/// The same line with port 0. Its formats mean nothing, but there must be one.
fn refused(offered: &Media) -> Media {
    let format = offered.fmt.split_ascii_whitespace().next().unwrap_or("0");
    let mut media = Media::new(MediaType::Audio, 0, TransportProto::RtpAvp, format);
    media.media.clone_from(&offered.media);
    media.proto.clone_from(&offered.proto);
    media
}

fn audio(proto: &str, port: u16, formats: &[Format]) -> Media {
    let numbers: Vec<String> = formats.iter().map(|format| format.payload_type.to_string()).collect();
    let mut media = Media::new(MediaType::Audio, port, TransportProto::RtpAvp, numbers.join(" "));
    proto.clone_into(&mut media.proto);
    for format in formats {
        let number = format.payload_type;
        match format.what {
            What::Codec(codec) => {
                media.add_attribute_with_value("rtpmap", format_args!("{number} {}", codec.mapping()));
                if codec == Codec::Opus {
                    // We hear what its packets tell of lost ones (RFC 7587 §6.1).
                    media.add_attribute_with_value("fmtp", format_args!("{number} useinbandfec=1"));
                }
            }
            What::ComfortNoise => {
                media.add_attribute_with_value("rtpmap", format_args!("{number} CN/8000"));
            }
            What::TelephoneEvent => {
                media.add_attribute_with_value("rtpmap", format_args!("{number} telephone-event/8000"));
                media.add_attribute_with_value("fmtp", format_args!("{number} {KEYS}"));
            }
        }
    }
    media
}

struct Format {
    payload_type: u8,
    what: What,
}

enum What {
    Codec(Codec),
    ComfortNoise,
    TelephoneEvent,
}

/// Hands out payload types, each once.
#[derive(Default)]
struct PayloadTypes {
    /// One bit a number.
    taken: u128,
}

impl PayloadTypes {
    /// This number; whether it was free.
    fn take(&mut self, number: u8) -> bool {
        let bit = 1_u128.checked_shl(u32::from(number)).unwrap_or(0);
        let free = bit != 0 && self.taken & bit == 0;
        self.taken |= bit;
        free
    }

    /// This dynamic number, or the first free one (RFC 3551 §3: 96 to 127).
    fn dynamic(&mut self, favourite: u8) -> Option<u8> {
        std::iter::once(favourite).chain(96..128).find(|number| self.take(*number))
    }
}

fn bytes(local: Local<'_>, media: Vec<Media>) -> Bytes {
    let ip = local.address.ip().to_canonical();
    let mut origin = Origin::with_ip_addr(local.session_id, local.version, ip);
    origin.set_username("careline");
    let mut sdp = sdp_types::Session::new(origin, "-");
    sdp.connection = Some(Connection::from_ip_addr(ip));
    sdp.add_time(sdp_types::Time::new(0, 0));
    sdp.medias = media;
    let mut out = Vec::with_capacity(512);
    let written = sdp.write(&mut out);
    debug_assert!(written.is_ok(), "writing to memory does not fail");
    out.into()
}

#[cfg(test)]
mod tests {
    use super::PayloadTypes;

    #[test]
    fn no_payload_type_is_handed_out_twice_and_none_when_all_are_gone() {
        let mut numbers = PayloadTypes::default();
        assert!(numbers.take(0) && !numbers.take(0) && numbers.take(127) && !numbers.take(128));
        let mut handed: Vec<u8> = std::iter::from_fn(|| numbers.dynamic(101)).collect();
        assert_eq!(handed.first(), Some(&101));
        assert_eq!(handed.len(), 31);
        handed.sort_unstable();
        handed.dedup();
        assert_eq!(handed.len(), 31);
    }
}
