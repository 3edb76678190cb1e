//! `a=crypto` (RFC 4568) in offers and answers, read and written.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::net::SocketAddr;

use media::sdp::{Codec, Encryption, Local, Session, Unacceptable, accept, answer, offer};
use media::srtp::{OurKeys, Suite};
use primitives::Seed;

/// The key of RFC 4568's own example, and one of 28 bytes for AES-128-GCM.
const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
const KEY_GCM: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==";

fn keys(number: u64) -> OurKeys {
    OurKeys::draw(&mut Seed::numbered(number).generator())
}

fn local(encryption: Encryption<'_>) -> Local<'_> {
    let address = SocketAddr::from(([198, 51, 100, 1], 40_000));
    Local { address, codecs: &[Codec::Pcmu], session_id: 42, version: 3, hold: false, encryption }
}

fn body(streams: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\n{streams}")
}

fn savp(lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("a=crypto:{line}\r\n")).collect();
    body(&format!("m=audio 5004 RTP/SAVP 0\r\n{lines}"))
}

fn answered(offer: &str, encryption: Encryption<'_>) -> Result<(String, Session), Unacceptable> {
    let (sdp, session) = answer(offer.as_bytes(), local(encryption))?;
    Ok((String::from_utf8(sdp.to_vec()).unwrap(), session))
}

fn crypto_lines(sdp: &str) -> Vec<&str> {
    sdp.lines().filter(|line| line.starts_with("a=crypto")).collect()
}

#[test]
fn the_first_line_we_can_do_is_answered_with_its_tag_and_a_key_of_ours() {
    let ours = keys(1);
    let offer = savp(&[
        &format!("3 F8_128_HMAC_SHA1_80 inline:{KEY}"),
        &format!("7 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"),
        &format!("8 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
        "9 AES_CM_128_HMAC_SHA1_80 inline:dG9vIHNob3J0",
        &format!("10 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^31 WSH=64"),
        &format!("11 AEAD_AES_128_GCM inline:{KEY_GCM}"),
    ]);
    let (sdp, session) = answered(&offer, Encryption::Accepted(&ours)).unwrap();
    let keys = session.srtp.unwrap();
    assert_eq!(
        (keys.ours.suite(), keys.theirs.suite()),
        (Suite::AesCm128HmacSha1_32, Suite::AesCm128HmacSha1_32)
    );
    assert_eq!(crypto_lines(&sdp).len(), 1);
    assert!(crypto_lines(&sdp)[0].starts_with("a=crypto:10 AES_CM_128_HMAC_SHA1_32 inline:"), "{sdp}");
    assert!(!sdp.contains(KEY) && sdp.contains("m=audio 40000 RTP/SAVP 0"));
    assert!(!format!("{session:?}").contains(KEY));
}

#[test]
fn an_encrypted_stream_is_taken_before_one_in_the_clear_and_never_answered_in_the_clear() {
    let ours = keys(1);
    let both = body(&format!(
        "m=audio 5004 RTP/AVP 0\r\nm=audio 5006 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"
    ));
    let (sdp, session) = answered(&both, Encryption::Accepted(&ours)).unwrap();
    assert_eq!((session.remote.port(), session.srtp.is_some()), (5_006, true));
    assert!(sdp.contains("m=audio 0 RTP/AVP 0") && sdp.contains("m=audio 40000 RTP/SAVP 0"));
    let (sdp, session) = answered(&both, Encryption::Off).unwrap();
    assert_eq!((session.remote.port(), session.srtp), (5_004, None));
    assert!(crypto_lines(&sdp).is_empty());
    let unusable = savp(&[&format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}")]);
    assert_eq!(answered(&unusable, Encryption::Accepted(&ours)), Err(Unacceptable::NothingInCommon));
    assert_eq!(answered(&savp(&[]), Encryption::Accepted(&ours)), Err(Unacceptable::NothingInCommon));
}

#[test]
fn where_encryption_is_required_we_offer_nothing_else_and_take_nothing_else() {
    let (ours, theirs) = (keys(1), keys(2));
    let plain = body("m=audio 5004 RTP/AVP 0\r\n");
    assert_eq!(answered(&plain, Encryption::Required(&ours)), Err(Unacceptable::NothingInCommon));
    let sdp = offer(local(Encryption::Required(&ours)));
    let offered = String::from_utf8(sdp.to_vec()).unwrap();
    assert_eq!(crypto_lines(&offered).len(), 4);
    assert!(offered.contains("m=audio 40000 RTP/SAVP 0"));
    let (reply, far) = answered(&offered, Encryption::Accepted(&theirs)).unwrap();
    let near = accept(reply.as_bytes(), local(Encryption::Required(&ours))).unwrap();
    let (near, far) = (near.srtp.unwrap(), far.srtp.unwrap());
    assert_eq!((near.ours, near.theirs), (far.theirs, far.ours));
    assert_eq!(near.ours.suite(), Suite::AeadAes256Gcm);
    assert_eq!(
        accept(plain.as_bytes(), local(Encryption::Required(&ours))),
        Err(Unacceptable::NothingInCommon)
    );
}

#[test]
fn a_key_in_answer_to_an_offer_in_the_clear_is_refused() {
    let ours = keys(1);
    let reply = savp(&[&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")]);
    let accepted = accept(reply.as_bytes(), local(Encryption::Accepted(&ours)));
    assert_eq!(accepted, Err(Unacceptable::NothingInCommon));
}
