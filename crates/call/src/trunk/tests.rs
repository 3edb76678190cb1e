//! Where calls come from and who is believed to call, header by header.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use flow::Verification;
use primitives::Private;
use sip::message::{Message, parse};
use sip::{Invited, Path, Presented, Transport};

use super::believed::believed;
use super::origin::Origin;
use super::signed::{Signed, signed};
use super::{Accept, Dialling, Identity, Trunk, TrunkConfig, Written};

const FROM: &str = "From: <sip:+15550111@a.example>;tag=1\n";
/// 2026-11-23T16:36:22Z
const NOW: i64 = 1_795_451_782;

fn presented(lines: &str) -> Presented {
    let text = format!(
        "INVITE sip:+15550100100@careline.example SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1\n\
         To: <sip:+15550100201@careline.example>\nCall-ID: a\nCSeq: 1 INVITE\nMax-Forwards: 70\n\
         Contact: <sip:192.0.2.10>\n{lines}Content-Length: 0\n\n"
    );
    let message = parse(&Bytes::from(text.replace('\n', "\r\n"))).unwrap();
    let Message::Request(request) = message else { panic!("no request") };
    Presented::of(&request).unwrap()
}

fn trunk(config: TrunkConfig) -> Trunk {
    Trunk { config, password: None, accept_password: None }
}

fn carrier(identity: Identity) -> Trunk {
    let [country, international, national] = ["1", "011", "1"].map(str::to_owned);
    let numbers = Dialling { country, international, national, write: Written::Plus };
    trunk(TrunkConfig { identity, numbers, ..TrunkConfig::default() })
}

fn number(lines: &str, trunk: Option<&Trunk>) -> Option<String> {
    believed(&presented(lines), trunk).number.map(Private::into_exposed)
}

#[test]
fn an_asserted_identity_counts_from_a_trusted_trunk_only() {
    let lines = format!(
        "{FROM}P-Asserted-Identity: <tel:5550100123;phone-context=+1;verstat=TN-Validation-Passed>\n"
    );
    let trusted = believed(&presented(&lines), Some(&carrier(Identity::Trusted)));
    assert_eq!(trusted.number.unwrap().expose(), "+15550100123");
    assert_eq!(trusted.verification, Verification::PassedA);
    for trunk in [Some(&carrier(Identity::Untrusted)), None] {
        let untrusted = believed(&presented(&lines), trunk);
        assert_eq!(untrusted.number.unwrap().expose(), "+15550111");
        assert_eq!(untrusted.verification, Verification::None, "verstat is stripped");
    }
}

#[test]
fn a_caller_who_withholds_is_known_to_a_trusted_network_and_to_nobody_else() {
    let anonymous = "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1\nPrivacy: id\n\
                     P-Asserted-Identity: <sip:+15550100123@a.example>\n";
    let trusted = believed(&presented(anonymous), Some(&carrier(Identity::Trusted)));
    assert_eq!(trusted.number.unwrap().expose(), "+15550100123", "known for care");
    assert!(trusted.is_withheld, "and shown to nobody");
    let stranger = believed(&presented(anonymous), None);
    assert!(stranger.number.is_none() && stranger.is_withheld);
    let remote = format!("{FROM}Remote-Party-ID: <sip:+15550100123@a.example>;party=calling;privacy=full\n");
    let trusted = believed(&presented(&remote), Some(&carrier(Identity::Trusted)));
    assert_eq!((trusted.number.unwrap().expose().as_str(), trusted.is_withheld), ("+15550100123", true));
    assert!(!believed(&presented(FROM), None).is_withheld);
}

#[test]
fn a_preferred_identity_is_a_phones_word_and_never_counts() {
    let lines = format!("{FROM}P-Preferred-Identity: <sip:+15550100123@a.example>\n");
    assert_eq!(number(&lines, Some(&carrier(Identity::Trusted))).as_deref(), Some("+15550111"));
}

#[test]
fn who_forwarded_the_call_is_believed_of_a_trusted_trunk_only() {
    let lines = format!(
        "{FROM}Diversion: <sip:5550100202@a.example>;reason=no-answer;counter=2,<tel:+15550100201>;reason=time-of-day\n"
    );
    let diverted = believed(&presented(&lines), Some(&carrier(Identity::Trusted))).diverted.unwrap();
    assert_eq!(diverted.from.expose(), "+15550100202", "the line that led to us");
    assert_eq!(diverted.reason, "no_answer");
    assert_eq!(diverted.first_from.expose(), "+15550100201", "the line she dialled");
    assert_eq!(diverted.count, 3);
    assert!(believed(&presented(&lines), Some(&carrier(Identity::Untrusted))).diverted.is_none());
}

#[test]
fn numbers_are_one_number_however_a_network_writes_them() {
    let carrier = carrier(Identity::Untrusted);
    for (uri, expected) in [
        ("sip:+15550100123@a.example;user=phone", "+15550100123"),
        ("sip:15550100123@a.example", "+15550100123"),
        ("sip:5550100123@a.example", "+15550100123"),
        ("sip:0114930123456@a.example", "+4930123456"),
        ("tel:+1-555-010-0123", "+15550100123"),
        ("tel:555-010-0123;phone-context=+1", "+15550100123"),
        ("tel:1-555-010-0123;phone-context=+1", "+15550100123"),
        ("tel:30123456;phone-context=+49", "+4930123456"),
        ("tel:0100123;phone-context=+1555", "+15550100123"),
        ("sip:+15550100123;npdi;rn=+15550199999@a.example", "+15550100123"),
        ("sip:5550100123;phone-context=a.example@a.example;user=phone", "+15550100123"),
        ("sip:8001@a.example", "8001"),
        ("sip:116117@a.example", "116117"),
        ("sip:pat@a.example", "pat"),
    ] {
        let lines = format!("From: <{uri}>;tag=1\n");
        assert_eq!(number(&lines, Some(&carrier)).as_deref(), Some(expected), "{uri}");
    }
}

fn invited(user: Option<&str>, certificate: &[&str], from: &str) -> Invited {
    let peer = format!("{from}:5060").parse().unwrap();
    let local = "192.0.2.1:5060".parse().unwrap();
    Invited {
        dialled: Private::new("+15550100100".to_owned()),
        domain: "careline.example".to_owned(),
        from: None,
        display_name: None,
        asserted: None,
        presented: Box::new(presented(FROM)),
        user: user.map(str::to_owned),
        path: Path { transport: Transport::Udp, local, peer, connection: None },
        certificate: certificate.iter().map(|name| (*name).to_owned()).collect(),
        offer: None,
        replaces: None,
        sip_call_id: Private::default(),
    }
}

fn accepting(from: &[&str], certificate: &[&str], user: Option<&str>) -> Trunk {
    let from = from.iter().map(|network| network.parse().unwrap()).collect();
    let certificate = certificate.iter().map(|name| (*name).to_owned()).collect();
    let accept = Accept { from, certificate, user: user.map(str::to_owned) };
    trunk(TrunkConfig { accept, ..TrunkConfig::default() })
}

#[test]
fn the_most_specific_proof_says_which_trunk_it_is() {
    let trunks = BTreeMap::from([
        ("by_address".to_owned(), accepting(&["198.51.100.7"], &[], None)),
        ("by_network".to_owned(), accepting(&["198.51.100.0/24", "2001:db8::/32"], &[], None)),
        ("by_certificate".to_owned(), accepting(&[], &["SBC.carrier.example"], None)),
        ("by_user".to_owned(), accepting(&[], &[], Some("carrier"))),
    ]);
    let setup = crate::setup::tests::with_trunks(trunks);
    for (user, certificate, from, expected) in [
        (None, vec![], "198.51.100.7", "by_address"),
        (None, vec![], "198.51.100.8", "by_network"),
        (Some("carrier"), vec![], "198.51.100.7", "by_user"),
        (Some("carrier"), vec!["sbc.carrier.example"], "198.51.100.7", "by_certificate"),
        (None, vec!["sbc.carrier.example"], "203.0.113.9", "by_certificate"),
        (None, vec!["other.example"], "203.0.113.9", "stranger"),
        (Some("nurse1"), vec![], "198.51.100.7", "phone"),
        (None, vec![], "203.0.113.9", "stranger"),
    ] {
        let origin = Origin::of(&setup, &invited(user, &certificate, from));
        assert_eq!(origin.word(), expected, "{user:?} {certificate:?} {from}");
    }
}

/// An Identity header by a signer at `host` who says that +15550111 called `dest` at `issued`.
fn identity(host: &str, dest: &str, issued: i64, attest: &str) -> String {
    let url = format!("https://{host}/passport.cer");
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let header = part(format!(r#"{{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"{url}"}}"#));
    let payload = part(format!(
        r#"{{"attest":"{attest}","dest":{{"tn":["{dest}"]}},"iat":{issued},"orig":{{"tn":"15550111"}},"origid":"x"}}"#
    ));
    let signature = URL_SAFE_NO_PAD.encode([7; 64]);
    format!("Identity: {header}.{payload}.{signature};info=<{url}>;alg=ES256;ppt=shaken\n")
}

fn judged(lines: &str, trunk: Option<&Trunk>) -> (Verification, String) {
    let mut setup = crate::setup::tests::with_trunks(BTreeMap::new());
    setup.certificate_hosts = BTreeSet::from(["cert.example.org".to_owned(), "localhost:8443".to_owned()]);
    let now = crate::setup::tests::now_at(NOW);
    let presented = presented(&format!("{FROM}{lines}"));
    let number = believed(&presented, trunk).number;
    let number = number.as_ref().map(|number| number.expose().as_str());
    match signed(now, &presented, number, trunk, &setup) {
        Signed::Not => (Verification::None, String::new()),
        Signed::Judged(verification, why) => (verification, why.to_owned()),
        Signed::Claimed(passport) => (Verification::Unverified, passport.certificate),
    }
}

#[test]
fn a_statement_about_this_call_waits_for_its_certificate_and_any_other_is_judged_at_once() {
    let here = "15550100100";
    let cert = "https://cert.example.org/passport.cer";
    for (lines, verification, why) in [
        (identity("cert.example.org", here, NOW, "A"), Verification::Unverified, cert),
        (
            identity("localhost:8443", here, NOW, "A"),
            Verification::Unverified,
            "https://localhost:8443/passport.cer",
        ),
        (identity("cert.example.org", here, NOW - 61, "A"), Verification::Failed, "stale"),
        (identity("cert.example.org", "15550199999", NOW, "A"), Verification::Failed, "dest"),
        (identity("evil.example", here, NOW, "A"), Verification::Unverified, "unknown_host"),
        (identity("cert.example.org@evil.example", here, NOW, "A"), Verification::Failed, "malformed"),
        (identity("cert.example.org:8443", here, NOW, "A"), Verification::Unverified, "unknown_host"),
        (identity("cert.example.org", here, NOW, "Z"), Verification::Failed, "malformed"),
        (format!("Identity: {}\n", "a".repeat(9_000)), Verification::Failed, "malformed"),
        ("Identity: a.b.c;info=<https://a.example/>;ppt=div\n".to_owned(), Verification::Unverified, "kind"),
        (String::new(), Verification::None, ""),
    ] {
        assert_eq!(judged(&lines, None), (verification, why.to_owned()), "{lines:.60}");
    }
}

#[test]
fn of_several_statements_one_that_fits_is_enough_and_eight_are_looked_at() {
    let good = identity("cert.example.org", "15550100100", NOW, "A");
    let bad = identity("cert.example.org", "15550199999", NOW, "A");
    assert_eq!(judged(&format!("{bad}{good}"), None).0, Verification::Unverified);
    assert_eq!(judged(&format!("{}{good}", bad.repeat(7)), None).0, Verification::Unverified);
    assert_eq!(judged(&format!("{}{good}", bad.repeat(8)), None), (Verification::Failed, "dest".to_owned()));
}

#[test]
fn a_statement_about_the_number_in_to_counts_where_a_trusted_network_forwarded_the_call() {
    let about_to = identity("cert.example.org", "15550100201", NOW, "A");
    assert_eq!(judged(&about_to, Some(&carrier(Identity::Trusted))).0, Verification::Unverified);
    let untrusted = judged(&about_to, Some(&carrier(Identity::Untrusted)));
    assert_eq!(untrusted, (Verification::Failed, "dest".to_owned()), "overheard, and repeated to us");
}
