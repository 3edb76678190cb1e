#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::{Attestation, Call, Flaw, Passport};
use crate::header::Identity;

/// RFC 8225 Appendix A.
const RFC_8225: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9j\
    ZXJ0LmV4YW1wbGUub3JnL3Bhc3Nwb3J0LmNlciJ9.\
    eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI6MTQ3MTM3NTQxOCwib3JpZyI6eyJ0biI6IjEyMTU1NTUxMjEyIn19.\
    VLBCIVDCaeK6M4hLJb6SHQvacAQVvoiiEOWQ_iUkqk79UD81fHQ0E1b3_GluIkba7UWYRM47ZbNFdOJquE35cw";
const INFO: &str = "https://cert.example.org/passport.cer";
/// The `iat` of RFC 8588's example.
const ISSUED: i64 = 1_443_208_345;

fn part(value: &serde_json::Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn identity(header: &serde_json::Value, payload: &serde_json::Value) -> Identity {
    let passport = format!("{}.{}.{}", part(header), part(payload), URL_SAFE_NO_PAD.encode([7; 64]));
    Identity { passport, info: INFO.to_owned(), algorithm: None, kind: Some("shaken".to_owned()) }
}

fn shaken_header() -> serde_json::Value {
    json!({ "alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": INFO })
}

/// The payload of RFC 8588 §5.
fn shaken_payload() -> serde_json::Value {
    json!({
        "attest": "A",
        "dest": { "tn": ["12155550131"] },
        "iat": ISSUED,
        "orig": { "tn": "12155550121" },
        "origid": "123e4567-e89b-12d3-a456-426655440000"
    })
}

const CALL: Call<'_> = Call { orig: Some("12155550121"), dest: &["12155550131"], date: None };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn the_example_of_rfc_8225_is_read() {
    let identity = Identity {
        passport: RFC_8225.to_owned(),
        info: INFO.to_owned(),
        algorithm: Some("ES256".to_owned()),
        kind: None,
    };
    let read = Passport::read(&identity, CALL).unwrap();
    assert_eq!(read.certificate, INFO);
    assert_eq!(read.claims.issued, 1_471_375_418);
    assert_eq!(read.claims.orig.unwrap().expose(), "12155551212");
    assert!(read.claims.dest.is_empty(), "an address is no number");
    assert_eq!(read.signing_input.expose(), RFC_8225.rsplit_once('.').unwrap().0);
}

#[test]
fn the_example_of_rfc_8588_holds_of_its_call_for_a_minute_each_way() {
    let read = Passport::read(&identity(&shaken_header(), &shaken_payload()), CALL).unwrap();
    assert_eq!(read.claims.attestation, Attestation::Full);
    for (second, expected) in [
        (ISSUED, Ok(())),
        (ISSUED + 60, Ok(())),
        (ISSUED + 61, Err(Flaw::Stale)),
        (ISSUED - 60, Ok(())),
        (ISSUED - 61, Err(Flaw::Stale)),
    ] {
        assert_eq!(read.claims.judge(at(second), CALL), expected, "{second}");
    }
}

#[test]
fn it_holds_of_no_other_caller_and_no_other_number_called() {
    let claims = Passport::read(&identity(&shaken_header(), &shaken_payload()), CALL).unwrap().claims;
    let judge = |orig, dest| claims.judge(at(ISSUED), Call { orig, dest, date: None });
    assert_eq!(judge(Some("12155550199"), &["12155550131"]), Err(Flaw::Orig));
    assert_eq!(judge(None, &["12155550131"]), Err(Flaw::Orig), "a caller without a number proves none");
    assert_eq!(judge(Some("12155550121"), &["12155550199"]), Err(Flaw::Dest));
    assert_eq!(judge(Some("12155550121"), &["12155550199", "12155550131"]), Ok(()));
    assert_eq!(judge(Some("12155550121"), &[]), Err(Flaw::Dest));
}

#[test]
fn a_statement_without_a_caller_proves_none_to_a_call_without_a_number() {
    let mut payload = shaken_payload();
    payload["orig"] = json!({ "uri": "sip:a@b" });
    let claims = Passport::read(&identity(&shaken_header(), &payload), CALL).unwrap().claims;
    assert_eq!(claims.judge(at(ISSUED), Call { orig: None, ..CALL }), Err(Flaw::Orig));
}

#[test]
fn the_compact_form_is_rebuilt_from_the_call() {
    let signature = URL_SAFE_NO_PAD.encode([7; 64]);
    let compact =
        Identity { passport: format!("..{signature}"), info: INFO.to_owned(), algorithm: None, kind: None };
    let read = Passport::read(&compact, Call { date: Some(at(ISSUED)), ..CALL }).unwrap();
    let (header, payload) = read.signing_input.expose().split_once('.').unwrap();
    let text = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    assert_eq!(text(header), format!(r#"{{"alg":"ES256","typ":"passport","x5u":"{INFO}"}}"#));
    assert_eq!(
        text(payload),
        r#"{"dest":{"tn":["12155550131"]},"iat":1443208345,"orig":{"tn":"12155550121"}}"#
    );
    assert_eq!(Passport::read(&compact, CALL), Err(Flaw::Malformed), "without Date nobody knows when");
    let shaken = Identity { kind: Some("shaken".to_owned()), ..compact };
    assert_eq!(Passport::read(&shaken, Call { date: Some(at(ISSUED)), ..CALL }), Err(Flaw::Kind));
}

#[test]
fn what_the_header_parameters_and_the_statement_say_must_agree() {
    let with = |name: &str, value: serde_json::Value| {
        let mut header = shaken_header();
        header[name] = value;
        Passport::read(&identity(&header, &shaken_payload()), CALL).map(|_| ())
    };
    assert_eq!(with("x5u", json!("https://other.example/c")), Err(Flaw::Malformed));
    assert_eq!(with("typ", json!("jwt")), Err(Flaw::Malformed));
    assert_eq!(with("ppt", json!("div")), Err(Flaw::Kind));
    assert_eq!(with("alg", json!("none")), Err(Flaw::Algorithm));
    assert_eq!(with("alg", json!("HS256")), Err(Flaw::Algorithm));
    let other = identity(&shaken_header(), &shaken_payload());
    let read = |identity: Identity| Passport::read(&identity, CALL).map(|_| ());
    assert_eq!(read(Identity { algorithm: Some("RS256".to_owned()), ..other.clone() }), Err(Flaw::Algorithm));
    assert_eq!(read(Identity { kind: Some("div".to_owned()), ..other }), Err(Flaw::Kind));
}

#[test]
fn claims_of_the_wrong_kind_are_malformed() {
    for (name, value) in [
        ("iat", json!("now")),
        ("orig", json!("12155550121")),
        ("orig", json!({ "tn": 12 })),
        ("dest", json!(["12155550131"])),
        ("dest", json!({ "tn": [1] })),
        ("attest", json!("D")),
    ] {
        let mut payload = shaken_payload();
        payload[name] = value;
        let read = Passport::read(&identity(&shaken_header(), &payload), CALL);
        assert_eq!(read, Err(Flaw::Malformed), "{name}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_as_a_statement_is_read_or_refused(
        passport in "[-A-Za-z0-9_.=]{0,200}", kind in proptest::option::of("[a-z]{0,8}"), json in ".{0,80}",
    ) {
        let of = |passport| Identity { passport, info: INFO.to_owned(), algorithm: None, kind: kind.clone() };
        let _ = Passport::read(&of(passport), CALL);
        let signature = URL_SAFE_NO_PAD.encode([7; 64]);
        let wrapped = format!("{}.{}.{signature}", part(&shaken_header()), URL_SAFE_NO_PAD.encode(json));
        let _ = Passport::read(&of(wrapped), CALL);
    }
}
