//! Codecs and packet lengths in offer and answer.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::net::SocketAddr;
use std::time::Duration;

use media::sdp::{Codec, Encryption, Local, Session, Unacceptable, accept, answer, offer};

fn local(codecs: &[Codec]) -> Local<'_> {
    let address = SocketAddr::from(([198, 51, 100, 1], 40_000));
    Local { address, codecs, session_id: 42, version: 3, hold: false, encryption: Encryption::Off }
}

fn with(media: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\n{media}")
}

fn answered(media: &str, codecs: &[Codec]) -> Result<(String, Session), Unacceptable> {
    let (bytes, session) = answer(with(media).as_bytes(), local(codecs))?;
    Ok((String::from_utf8(bytes.to_vec()).unwrap(), session))
}

#[test]
fn every_codec_is_offered_in_the_order_of_the_configuration_with_its_mapping() {
    let codecs = [Codec::Opus, Codec::G722, Codec::L16Wide, Codec::L16, Codec::Pcma, Codec::Pcmu];
    let sdp = String::from_utf8(offer(local(&codecs)).to_vec()).unwrap();
    assert!(sdp.contains("m=audio 40000 RTP/AVP 111 9 98 97 8 0 101\r\n"), "{sdp}");
    for line in [
        "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n",
        "a=rtpmap:9 G722/8000\r\n",
        "a=rtpmap:98 L16/16000\r\n",
        "a=rtpmap:97 L16/8000\r\n",
    ] {
        assert!(sdp.contains(line), "{line} in {sdp}");
    }
}

#[test]
fn what_we_offer_is_what_we_take_and_the_other_way_round() {
    for codec in Codec::ALL {
        let codecs = [codec];
        let offered = offer(local(&codecs));
        let (answered, theirs) = answer(&offered, local(&codecs)).unwrap();
        let ours = accept(&answered, local(&codecs)).unwrap();
        assert_eq!((ours.codec, theirs.codec), (codec, codec));
        assert_eq!((ours.payload_type, theirs.payload_type), (codec.payload_type(), codec.payload_type()));
        assert_eq!(ours.telephone_event, Some(101));
    }
}

#[test]
fn a_dynamic_number_is_the_peers_to_choose() {
    let media = "m=audio 5004 RTP/AVP 107 96 0\r\na=rtpmap:107 Opus/48000/2\r\n\
        a=fmtp:107 maxplaybackrate=16000;stereo=0\r\na=rtpmap:96 l16/16000/1\r\n";
    let (sdp, session) = answered(media, &[Codec::Pcmu, Codec::Opus]).unwrap();
    assert_eq!((session.codec, session.payload_type), (Codec::Opus, 107));
    assert!(sdp.contains("a=rtpmap:107 opus/48000/2\r\n"), "{sdp}");
    let (_, session) = answered(media, &[Codec::Pcmu, Codec::L16Wide]).unwrap();
    assert_eq!((session.codec, session.payload_type), (Codec::L16Wide, 96));
}

#[test]
fn a_number_without_its_mapping_or_with_another_clock_is_not_taken_for_a_codec() {
    let all = Codec::ALL;
    for media in [
        "m=audio 5004 RTP/AVP 111 97 98\r\n",
        "m=audio 5004 RTP/AVP 96\r\na=rtpmap:96 opus/48000\r\n",
        "m=audio 5004 RTP/AVP 96\r\na=rtpmap:96 G722/16000\r\n",
        "m=audio 5004 RTP/AVP 96\r\na=rtpmap:96 L16/44100/2\r\n",
        "m=audio 5004 RTP/AVP 96\r\na=rtpmap:96 L16/16000/2\r\n",
    ] {
        assert_eq!(answered(media, &all).unwrap_err(), Unacceptable::NothingInCommon, "{media}");
    }
    let (_, session) = answered("m=audio 5004 RTP/AVP 9\r\n", &all).unwrap();
    assert_eq!(session.codec, Codec::G722, "a static number needs none");
}

#[test]
fn the_packet_length_a_peer_asks_for_is_kept_as_far_as_its_codec_goes() {
    let sdp = |codec: Codec, ask: &str| {
        let mapping = match codec {
            Codec::Pcmu => "96 PCMU/8000",
            Codec::G722 => "96 G722/8000",
            Codec::L16Wide => "96 L16/16000",
            _ => "96 opus/48000/2",
        };
        format!("m=audio 5004 RTP/AVP 96\r\na=rtpmap:{mapping}\r\n{ask}")
    };
    for (codec, ask, ms) in [
        (Codec::Pcmu, "", 20),
        (Codec::Pcmu, "a=ptime:10\r\n", 10),
        (Codec::G722, "a=ptime:60\r\n", 60),
        (Codec::G722, "a=ptime:30\r\na=maxptime:60\r\n", 30),
        (Codec::Pcmu, "a=ptime:60\r\na=maxptime:40\r\n", 40),
        (Codec::Pcmu, "a=maxptime:10\r\n", 10),
        (Codec::Pcmu, "a=ptime:5\r\n", 10),
        (Codec::Pcmu, "a=ptime:200\r\n", 60),
        (Codec::L16Wide, "a=ptime:60\r\n", 40),
        (Codec::Opus, "a=ptime:30\r\n", 20),
        (Codec::Opus, "a=ptime:60\r\n", 60),
    ] {
        let (answer, session) = answered(&sdp(codec, ask), &[codec]).unwrap();
        assert_eq!(session.ptime, Duration::from_millis(ms), "{codec:?} {ask}");
        assert!(answer.contains(&format!("a=ptime:{ms}\r\n")), "{answer}");
    }
}
