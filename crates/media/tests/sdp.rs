//! Offer and answer, as the phones, trunks and browsers of the field write them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::net::SocketAddr;
use std::time::Duration;

use media::sdp::{Codec, Encryption, Local, Session, Unacceptable, accept, answer, offer};
use proptest::prelude::{any, prop, prop_assert, proptest};

const BOTH: &[Codec] = &[Codec::Pcma, Codec::Pcmu];

fn local() -> Local<'static> {
    let address = SocketAddr::from(([198, 51, 100, 1], 40_000));
    Local { address, codecs: BOTH, session_id: 42, version: 3, hold: false, encryption: Encryption::Off }
}

fn answered(body: &str) -> (String, Session) {
    let (bytes, session) = answer(body.as_bytes(), local()).unwrap();
    (String::from_utf8(bytes.to_vec()).unwrap(), session)
}

fn lines<'a>(sdp: &'a str, kind: &str) -> Vec<&'a str> {
    sdp.split("\r\n").filter(|line| line.starts_with(kind)).collect()
}

/// A session with these media lines.
fn with(media: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\n{media}")
}

const PHONE: &str = "m=audio 5004 RTP/AVP 9 0 8 18 96\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:8 PCMA/8000\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n\
    a=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

#[test]
fn a_phones_offer_is_answered_with_its_own_favourite_among_ours() {
    let (sdp, session) = answered(&with(PHONE));
    assert_eq!(
        session,
        Session {
            remote: SocketAddr::from(([192, 0, 2, 5], 5004)),
            codec: Codec::Pcmu,
            payload_type: 0,
            telephone_event: Some(96),
            ptime: Duration::from_millis(20),
            sends: true,
            receives: true,
            comfort_noise: false,
            rtcp_mux: false,
            srtp: None,
        }
    );
    let expected = "v=0\r\no=careline 42 3 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n\
        m=audio 40000 RTP/AVP 0 96\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 telephone-event/8000\r\n\
        a=fmtp:96 0-15\r\na=ptime:20\r\na=sendrecv\r\n";
    assert_eq!(sdp, expected);
}

#[test]
fn a_codec_we_are_not_to_speak_is_passed_over() {
    let only_pcma = Local { codecs: &[Codec::Pcma], ..local() };
    let (_, session) = answer(with(PHONE).as_bytes(), only_pcma).unwrap();
    assert_eq!((session.codec, session.payload_type), (Codec::Pcma, 8));
    let none = Local { codecs: &[], ..local() };
    assert_eq!(answer(with(PHONE).as_bytes(), none), Err(Unacceptable::NothingInCommon));
}

#[test]
fn static_numbers_need_no_rtpmap_and_dynamic_ones_are_read() {
    let (_, session) = answered(&with("m=audio 5004 RTP/AVP 18 8\r\n"));
    assert_eq!((session.codec, session.payload_type, session.telephone_event), (Codec::Pcma, 8, None));
    let (sdp, session) = answered(&with("m=audio 5004 RTP/AVP 118\r\na=rtpmap:118 pcmu/8000/1\r\n"));
    assert_eq!((session.codec, session.payload_type), (Codec::Pcmu, 118));
    assert!(sdp.contains("a=rtpmap:118 PCMU/8000\r\n"));
    let remapped = with("m=audio 5004 RTP/AVP 0\r\na=rtpmap:0 L16/8000\r\n");
    assert_eq!(answer(remapped.as_bytes(), local()), Err(Unacceptable::NothingInCommon));
}

#[test]
fn of_several_telephone_events_the_one_at_our_clock_is_taken() {
    let browser = "m=audio 9000 RTP/AVPF 111 8 126 110\r\na=rtpmap:111 opus/48000/2\r\n\
        a=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n";
    let (sdp, session) = answered(&with(browser));
    assert_eq!(session.telephone_event, Some(126));
    assert_eq!(lines(&sdp, "m="), ["m=audio 40000 RTP/AVPF 8 126"]);
}

#[test]
fn streams_beside_the_first_audio_are_refused_in_their_places() {
    let many = "m=video 6000 RTP/AVP 96 97\r\na=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 0\r\n\
        m=audio 7000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n\
        m=audio 5004 RTP/AVP 8\r\nm=audio 5006 RTP/AVP 8\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
    let (sdp, session) = answered(&with(many));
    assert_eq!(session.remote.port(), 5004);
    assert_eq!(
        lines(&sdp, "m="),
        [
            "m=video 0 RTP/AVP 96",
            "m=audio 0 RTP/AVP 0",
            "m=audio 0 RTP/SAVP 0",
            "m=audio 40000 RTP/AVP 8",
            "m=audio 0 RTP/AVP 8",
            "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
        ]
    );
}

#[test]
fn what_cannot_be_spoken_is_refused_with_488_and_what_is_not_sdp_with_400() {
    for media in [
        "",
        "m=audio 5004 RTP/SAVP 0 8\r\n",
        "m=audio 5004 UDP/TLS/RTP/SAVPF 0\r\n",
        "m=audio 0 RTP/AVP 0\r\n",
        "m=audio 5004 RTP/AVP 9 18\r\n",
        "m=video 5004 RTP/AVP 0\r\n",
        "m=audio 5004 RTP/AVP 200\r\na=rtpmap:200 PCMU/8000\r\n",
        "m=audio 5004 RTP/AVP 0\r\nc=IN IP4 phone.example.org\r\n",
        "m=audio 5004 RTP/AVP 0\r\nc=IN IP4 224.2.1.1/127\r\n",
        "m=audio 5004 RTP/AVP 0\r\nc=IN IP4 255.255.255.255\r\n",
        "m=audio 5004 RTP/AVP 0\r\nc=IN IP6 2001:db8::5\r\n",
    ] {
        let refusal = answer(with(media).as_bytes(), local()).unwrap_err();
        assert_eq!((refusal, refusal.status()), (Unacceptable::NothingInCommon, 488), "{media}");
    }
    let no_address = "v=0\r\nm=audio 5004 RTP/AVP 0\r\n";
    assert_eq!(answer(no_address.as_bytes(), local()), Err(Unacceptable::NothingInCommon));
    for body in ["", "hello", "v=1\r\n", "m=audio 5004 RTP/AVP 0\r\n", "v=0\r\nm=audio\r\n"] {
        let refusal = answer(body.as_bytes(), local()).unwrap_err();
        assert_eq!((refusal, refusal.status()), (Unacceptable::Malformed, 400), "{body}");
    }
    let too_long = with(&"a=x\r\n".repeat(10_000));
    assert_eq!(answer(too_long.as_bytes(), local()), Err(Unacceptable::Malformed));
    let too_many = with(&"m=audio 5004 RTP/AVP 0\r\n".repeat(17));
    assert_eq!(answer(too_many.as_bytes(), local()), Err(Unacceptable::Malformed));
}

#[test]
fn missing_and_odd_lines_are_forgiven() {
    let (_, session) = answered("v=0\nm=audio 5004 RTP/AVP 0\nc=IN IP4 192.0.2.9\n");
    assert_eq!(session.remote, SocketAddr::from(([192, 0, 2, 9], 5004)));
    let odd =
        b"v=0\r\no=Praxis M\xfcller 1 1 IN IP4 x\r\ns=M\xfcller\r\nt=now later\r\nb=AS\r\nz=?\r\nk=\r\n\
        c=IN  IP4 192.0.2.5 \r\nr=1\r\nm=audio 5004 RTP/AVP 0\r\n\r\n";
    assert!(answer(odd, local()).is_ok());
}

#[test]
fn the_address_of_the_stream_goes_before_that_of_the_session() {
    let (_, session) = answered(&with("m=audio 5004 RTP/AVP 0\r\nc=IN IP4 192.0.2.77\r\n"));
    assert_eq!(session.remote, SocketAddr::from(([192, 0, 2, 77], 5004)));
}

#[test]
fn ipv6_is_answered_in_ipv6() {
    let address: SocketAddr = "[2001:db8::1]:40000".parse().unwrap();
    let body = "v=0\r\nc=IN IP6 2001:db8::5\r\nm=audio 5004 RTP/AVP 0\r\n";
    let (sdp, session) = answer(body.as_bytes(), Local { address, ..local() }).unwrap();
    let sdp = String::from_utf8(sdp.to_vec()).unwrap();
    assert_eq!(session.remote, "[2001:db8::5]:5004".parse().unwrap());
    assert_eq!(lines(&sdp, "c="), ["c=IN IP6 2001:db8::1"]);
    assert!(sdp.contains("IN IP6 2001:db8::1\r\ns="));
}

#[test]
fn directions_are_mirrored_from_the_stream_or_the_session() {
    // What the peer says, whether we hold, what we answer, whether we send and hear.
    for (theirs, hold, ours, sends, receives) in [
        ("sendrecv", false, "sendrecv", true, true),
        ("sendonly", false, "recvonly", false, true),
        ("recvonly", false, "sendonly", true, false),
        ("inactive", false, "inactive", false, false),
        ("sendrecv", true, "sendonly", true, false),
        ("sendonly", true, "inactive", false, false),
    ] {
        let stream = with(&format!("m=audio 5004 RTP/AVP 0\r\na={theirs}\r\n"));
        let session = with("m=audio 5004 RTP/AVP 0\r\n").replace("t=0 0", &format!("t=0 0\r\na={theirs}"));
        for body in [stream, session] {
            let (sdp, agreed) = answer(body.as_bytes(), Local { hold, ..local() }).unwrap();
            let sdp = String::from_utf8(sdp.to_vec()).unwrap();
            assert!(sdp.ends_with(&format!("a={ours}\r\n")), "{theirs} {hold}: {sdp}");
            assert_eq!((agreed.sends, agreed.receives), (sends, receives));
        }
    }
    let both = with("m=audio 5004 RTP/AVP 0\r\na=sendrecv\r\n").replace("t=0 0", "t=0 0\r\na=inactive");
    assert!(answered(&both).1.sends, "the stream's word goes before the session's");
}

#[test]
fn hold_as_old_phones_say_it_is_understood() {
    let (sdp, session) = answered(&with(PHONE).replace("c=IN IP4 192.0.2.5", "c=IN IP4 0.0.0.0"));
    assert_eq!((session.sends, session.receives), (false, true));
    assert!(sdp.ends_with("a=recvonly\r\n"));
    let address: SocketAddr = "[2001:db8::1]:40000".parse().unwrap();
    let body = "v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 5004 RTP/AVP 0\r\n";
    assert!(!answer(body.as_bytes(), Local { address, ..local() }).unwrap().1.sends);
}

#[test]
fn packet_lengths_are_what_the_peer_asks_within_reason() {
    for (asked, agreed) in [
        ("", 20),
        ("a=ptime:30\r\n", 30),
        ("a=ptime:20.0\r\n", 20),
        ("a=ptime:0\r\n", 20),
        ("a=ptime:x\r\n", 20),
        ("a=ptime:5\r\n", 10),
        ("a=ptime:4000000000\r\n", 60),
        ("a=ptime:40\r\na=maxptime:20\r\n", 20),
        ("a=maxptime:150\r\n", 20),
        ("a=maxptime:10\r\n", 10),
    ] {
        let (_, session) = answered(&with(&format!("m=audio 5004 RTP/AVP 0\r\n{asked}")));
        assert_eq!(session.ptime, Duration::from_millis(agreed), "{asked}");
    }
}

#[test]
fn comfort_noise_is_agreed_on_where_it_is_offered_with_the_clock_of_the_codec() {
    let (sdp, session) = answered(&with("m=audio 5004 RTP/AVP 0 8 13 101\r\na=rtpmap:13 CN/8000\r\n"));
    assert!(session.comfort_noise);
    assert_eq!(lines(&sdp, "m="), ["m=audio 40000 RTP/AVP 0 13"]);
    assert!(lines(&sdp, "a=rtpmap:13").contains(&"a=rtpmap:13 CN/8000"));
    for other in ["m=audio 5004 RTP/AVP 0\r\n", "m=audio 5004 RTP/AVP 0 13\r\na=rtpmap:13 CN/16000\r\n"] {
        let (sdp, session) = answered(&with(other));
        assert!(!session.comfort_noise && lines(&sdp, "m=") == ["m=audio 40000 RTP/AVP 0"], "{other}");
    }
}

#[test]
fn rtcp_mux_is_answered_only_where_it_is_offered_and_bundle_and_ice_never() {
    let browser = "v=0\r\nc=IN IP4 192.0.2.5\r\na=group:BUNDLE 0 1\r\na=ice-lite\r\n\
        m=audio 5004 RTP/AVPF 0\r\na=mid:0\r\na=rtcp-mux\r\na=candidate:1 1 UDP 1 192.0.2.5 5004 typ host\r\n\
        m=video 0 RTP/AVPF 96\r\na=mid:1\r\na=bundle-only\r\n";
    let (sdp, _) = answered(browser);
    assert!(sdp.contains("a=rtcp-mux\r\n"));
    for word in ["BUNDLE", "mid", "ice", "candidate"] {
        assert!(!sdp.contains(word), "{sdp}");
    }
    assert!(!answered(&with(PHONE)).0.contains("rtcp-mux"));
}

#[test]
fn an_offer_names_each_codec_once_and_is_taken_by_our_own_answer() {
    let twice = Local { codecs: &[Codec::Pcma, Codec::Pcmu, Codec::Pcma], ..local() };
    let sdp = String::from_utf8(offer(twice).to_vec()).unwrap();
    assert_eq!(lines(&sdp, "m="), ["m=audio 40000 RTP/AVP 8 0 101"]);
    let (reply, theirs) = answered(&sdp);
    let ours = accept(reply.as_bytes(), local()).unwrap();
    assert_eq!((theirs.codec, ours.codec, ours.telephone_event), (Codec::Pcma, Codec::Pcma, Some(101)));
    assert!(ours.sends && ours.receives);
    let hold = offer(Local { hold: true, ..local() });
    assert!(hold.ends_with(b"a=sendonly\r\n"));
    let silent = String::from_utf8(offer(Local { codecs: &[], ..local() }).to_vec()).unwrap();
    assert_eq!(lines(&silent, "m="), ["m=audio 0 RTP/AVP 101"]);
}

#[test]
fn an_answer_says_where_and_how_the_peer_wants_to_be_spoken_to() {
    let body = with(
        "m=audio 5004 RTP/AVP 0 8 97\r\na=rtpmap:97 telephone-event/8000\r\na=ptime:40\r\n\
        a=recvonly\r\n",
    );
    let session = accept(body.as_bytes(), local()).unwrap();
    assert_eq!((session.codec, session.telephone_event), (Codec::Pcmu, Some(97)));
    assert_eq!((session.sends, session.receives), (true, false));
    assert_eq!(session.ptime, Duration::from_millis(40));
    let held = accept(with(PHONE).as_bytes(), Local { hold: true, ..local() }).unwrap();
    assert_eq!((held.sends, held.receives), (true, false));
    for refused in ["m=audio 0 RTP/AVP 0\r\n", "m=video 5 RTP/AVP 0\r\nm=audio 5 RTP/AVP 0\r\n", ""] {
        assert_eq!(accept(with(refused).as_bytes(), local()), Err(Unacceptable::NothingInCommon));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_answered_or_refused(body in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = answer(&body, local());
        let _ = accept(&body, local());
    }

    #[test]
    fn arbitrary_lines_are_answered_or_refused(
        body in prop::collection::vec("[vosctamibkrz]=[ -~]{0,40}", 0..20),
    ) {
        let body = format!("v=0\r\n{}", body.join("\r\n"));
        let _ = answer(body.as_bytes(), local());
    }

    /// A mutated offer that is still taken gets an answer that can be read, with a line for each of its own.
    #[test]
    fn a_damaged_offer_gets_a_whole_answer_or_none(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 0..6),
    ) {
        let mut body = with(&format!("{PHONE}m=video 6000 RTP/AVP 96\r\na=rtcp-mux\r\n")).into_bytes();
        for (index, byte, how) in changes {
            let at = index.index(body.len());
            match how {
                0 => body[at] = byte,
                1 => body.insert(at, byte),
                _ => drop(body.remove(at)),
            }
        }
        if let Ok((reply, session)) = answer(&body, local()) {
            let text = String::from_utf8(reply.to_vec()).unwrap();
            let offered = String::from_utf8_lossy(&body);
            let streams = offered.split(['\r', '\n']).filter(|line| line.starts_with("m=")).count();
            prop_assert!(lines(&text, "m=").len() == streams);
            prop_assert!(session.payload_type < 128 && session.telephone_event != Some(session.payload_type));
            prop_assert!(accept(&reply, local()).is_ok() || !text.starts_with("v=0") || lines(&text, "m=")[0].contains(" 0 "));
        }
    }
}
