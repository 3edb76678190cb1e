#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::time::{Duration, Instant};

use primitives::{Now, Private, Seed};

use super::{Algorithm, Authenticator, DigestChallenge, DigestResponse, Proof, Staleness, Verdict, answer};
use crate::guard::Source;
use crate::message::Method;
use crate::uri::Uri;

const HERE: Source = Source::V4([192, 0, 2, 10]);

fn at(seconds: i64) -> Now {
    Now { mono: Instant::now(), wall: jiff::Timestamp::from_second(1_700_000_000 + seconds).unwrap() }
}

fn authenticator() -> Authenticator {
    Authenticator::new(
        "careline".to_owned(),
        vec![Algorithm::Sha256, Algorithm::Md5],
        &Seed::numbered(1),
        Duration::from_secs(300),
    )
}

fn registrar() -> Uri {
    Uri::parse("sip:careline.invalid").unwrap()
}

fn secret() -> Private<String> {
    Private::new("zanzibar".to_owned())
}

/// What a phone sends for the challenge of this number (0 is SHA-256, 1 is MD5).
fn phone(challenges: &[String], which: usize, nc: u32) -> DigestResponse {
    let challenge = DigestChallenge::parse(&challenges[which]).unwrap().unwrap();
    let user = Private::new("agent-7".to_owned());
    let value =
        answer(&[challenge], &user, &secret(), &Method::Register, &registrar(), "0a4f113b", nc).unwrap();
    DigestResponse::parse(value.expose()).unwrap().unwrap()
}

fn judge(authenticator: &mut Authenticator, now: Now, response: &DigestResponse) -> Verdict {
    authenticator.verify(now, HERE, &Method::Register, &registrar(), response, Some(&secret()))
}

#[test]
fn the_example_of_rfc_7616_section_3_9_1_is_computed_as_printed() {
    let proof = |algorithm| {
        Proof {
            algorithm,
            username: "Mufasa",
            realm: "http-auth@example.org",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            method: &Method::new("GET"),
            uri: "/dir/index.html",
            quality: Some(("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
        }
        .response("Circle of Life")
    };
    assert_eq!(proof(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
    assert_eq!(proof(Algorithm::Sha256), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

#[test]
fn sha_256_is_asked_for_first_and_either_answer_is_accepted() {
    let mut authenticator = authenticator();
    let challenges = authenticator.challenge(at(0), HERE, Staleness::Fresh);
    assert!(challenges[0].contains("algorithm=SHA-256") && challenges[1].contains("algorithm=MD5"));
    for which in [0, 1] {
        let challenges = authenticator.challenge(at(0), HERE, Staleness::Fresh);
        assert_eq!(judge(&mut authenticator, at(1), &phone(&challenges, which, 1)), Verdict::Accepted);
        assert_eq!(judge(&mut authenticator, at(2), &phone(&challenges, which, 2)), Verdict::Accepted);
    }
}

#[test]
fn the_same_proof_twice_is_stale() {
    let mut authenticator = authenticator();
    let challenges = authenticator.challenge(at(0), HERE, Staleness::Fresh);
    let proof = phone(&challenges, 0, 1);
    assert_eq!(judge(&mut authenticator, at(1), &proof), Verdict::Accepted);
    assert_eq!(judge(&mut authenticator, at(1), &proof), Verdict::Stale);
}

#[test]
fn a_nonce_is_stale_after_its_life_and_before_its_making() {
    let mut authenticator = authenticator();
    let challenges = authenticator.challenge(at(0), HERE, Staleness::Fresh);
    assert_eq!(judge(&mut authenticator, at(301), &phone(&challenges, 0, 1)), Verdict::Stale);
    assert_eq!(judge(&mut authenticator, at(-1), &phone(&challenges, 0, 1)), Verdict::Stale);
    assert_eq!(judge(&mut authenticator, at(300), &phone(&challenges, 0, 1)), Verdict::Accepted);
    assert!(
        authenticator
            .challenge(at(301), HERE, Staleness::Stale)
            .iter()
            .all(|value| value.ends_with(", stale=true"))
    );
}

#[test]
fn a_phone_from_before_a_restart_is_asked_again_and_not_turned_away() {
    let challenges = authenticator().challenge(at(0), HERE, Staleness::Fresh);
    let mut restarted = Authenticator::new(
        "careline".to_owned(),
        vec![Algorithm::Sha256, Algorithm::Md5],
        &Seed::numbered(2),
        Duration::from_secs(300),
    );
    assert_eq!(judge(&mut restarted, at(1), &phone(&challenges, 0, 1)), Verdict::Stale);
}

#[test]
fn a_proof_for_anything_else_is_refused() {
    let mut authenticator = authenticator();
    let challenges = authenticator.challenge(at(0), HERE, Staleness::Fresh);
    let good = phone(&challenges, 0, 1);
    let elsewhere = Uri::parse("sip:911@careline.invalid").unwrap();
    let wrong = Private::new("zanzibaz".to_owned());
    let verify = |authenticator: &mut Authenticator, method, uri, secret| {
        authenticator.verify(at(1), HERE, method, uri, &good, secret)
    };
    let (uri, right) = (registrar(), secret());
    assert_eq!(verify(&mut authenticator, &Method::Invite, &uri, Some(&right)), Verdict::Refused);
    assert_eq!(verify(&mut authenticator, &Method::Register, &elsewhere, Some(&right)), Verdict::Refused);
    assert_eq!(verify(&mut authenticator, &Method::Register, &uri, Some(&wrong)), Verdict::Refused);
    assert_eq!(verify(&mut authenticator, &Method::Register, &uri, None), Verdict::Refused);
    let other_realm = DigestResponse { realm: "other".to_owned(), ..good.clone() };
    assert_eq!(judge(&mut authenticator, at(1), &other_realm), Verdict::Refused);
    // Refusals used nothing up.
    assert_eq!(judge(&mut authenticator, at(1), &good), Verdict::Accepted);
}

#[test]
fn an_empty_secret_does_not_stand_for_an_unknown_user() {
    let mut authenticator = authenticator();
    let challenges = authenticator.challenge(at(0), HERE, Staleness::Fresh);
    let challenge = DigestChallenge::parse(&challenges[0]).unwrap().unwrap();
    let nobody = Private::new("nobody".to_owned());
    let value =
        answer(&[challenge], &nobody, &Private::new(String::new()), &Method::Register, &registrar(), "1", 1)
            .unwrap();
    let response = DigestResponse::parse(value.expose()).unwrap().unwrap();
    assert_eq!(
        authenticator.verify(at(1), HERE, &Method::Register, &registrar(), &response, None),
        Verdict::Refused
    );
}

#[test]
fn a_phone_without_qop_is_accepted_once_a_nonce_with_md5_and_never_with_sha_256() {
    let mut authenticator = authenticator();
    let challenges: Vec<_> = authenticator
        .challenge(at(0), HERE, Staleness::Fresh)
        .iter()
        .map(|value| value.replace(r#", qop="auth""#, ""))
        .collect();
    let legacy = phone(&challenges, 1, 1);
    assert!(legacy.quality.is_none());
    assert_eq!(judge(&mut authenticator, at(1), &legacy), Verdict::Accepted);
    assert_eq!(judge(&mut authenticator, at(2), &legacy), Verdict::Stale);
    assert_eq!(judge(&mut authenticator, at(2), &phone(&challenges, 0, 1)), Verdict::Refused);
}

#[test]
fn challenges_we_cannot_answer_are_passed_over() {
    let parse = |text: &str| DigestChallenge::parse(text).unwrap();
    assert!(parse("Bearer realm=\"x\"").is_none());
    let unknown = parse(r#"Digest realm="x", nonce="n", algorithm=SHA-3, qop="auth""#).unwrap();
    let integrity = parse(r#"Digest realm="x", nonce="n", qop="auth-int""#).unwrap();
    let known =
        parse(r#"Digest realm="x\"y", nonce="n", algorithm=SHA-256, qop="auth,auth-int", opaque="o""#)
            .unwrap();
    assert_eq!(known.realm, "x\"y");
    let (user, uri) = (Private::new("u".to_owned()), registrar());
    let give =
        |challenges: &[DigestChallenge]| answer(challenges, &user, &secret(), &Method::Invite, &uri, "c", 1);
    assert!(give(&[unknown.clone(), integrity.clone()]).is_none());
    let value = give(&[unknown, integrity, known]).unwrap();
    assert!(value.expose().contains(r#"realm="x\"y""#) && value.expose().contains(r#"opaque="o""#));
    assert!(value.expose().contains("nc=00000001"));
}

#[test]
fn credentials_that_say_something_twice_or_not_at_all_are_malformed() {
    for text in [
        "Digest",
        "Digest username",
        r#"Digest username="a""#,
        r#"Digest username="a", username="b", realm="r", nonce="n", uri="u", response="x""#,
        r#"Digest username="a" realm="r""#,
        r#"Digest username="a, realm="r""#,
        r#"Digest username="a", realm="r", nonce="n", uri="u", response="x", qop=auth"#,
    ] {
        assert!(DigestResponse::parse(text).is_err(), "{text}");
    }
    assert_eq!(DigestResponse::parse("NoOneKnowsThisScheme opaque-data=here"), Ok(None));
}
