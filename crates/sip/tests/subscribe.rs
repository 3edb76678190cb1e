//! SUBSCRIBE to `dialog` and `message-summary` (RFC 6665, RFC 4235, RFC 3842).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use std::time::Duration;

use bench::{Ask, Bench, Said, body, header, response, tag};
use sip::digest::{self, DigestChallenge};
use sip::event::{Package, Told};
use sip::message::Method;
use sip::{Input, Output};

/// A SUBSCRIBE of anna's phone, with her proof.
fn subscribe(bench: &mut Bench, branch: &str, user: &str, lines: &[&str]) -> Said {
    let uri = format!("sip:{user}@careline.example");
    let ask = |branch: String, more: Option<String>| {
        let mut ask = Ask::new("SUBSCRIBE", &branch)
            .uri(&uri)
            .call_id(&format!("watch-{branch}"))
            .from("<sip:anna@careline.example>;tag=w1")
            .with("Contact: <sip:anna@192.0.2.10:5060>");
        for line in lines {
            ask = ask.with(line);
        }
        match more {
            Some(line) => ask.with(&line).text(),
            None => ask.text(),
        }
    };
    let said = bench.receive(&ask(format!("{branch}a"), None));
    if said.sends() != ["401"] {
        return said;
    }
    let challenge = DigestChallenge::parse(header(said.message(0), "WWW-Authenticate")).unwrap().unwrap();
    let (name, secret) = ("anna".to_owned().into(), "correct horse".to_owned().into());
    let uri = sip::uri::Uri::parse(&uri).unwrap();
    let proof = digest::answer(&[challenge], &name, &secret, &Method::Subscribe, &uri, "cnonce", 1).unwrap();
    bench.receive(&ask(format!("{branch}b"), Some(format!("Authorization: {}", proof.into_exposed()))))
}

fn tell(bench: &mut Bench, told: Told) -> Said {
    bench.input(Input::Tell { user: "ben".to_owned(), told })
}

#[test]
fn a_lamp_shows_a_colleague_and_never_with_whom_she_talks() {
    let mut bench = Bench::new();
    let said = subscribe(&mut bench, "s1", "ben", &["Event: dialog;id=7", "Expires: 600"]);
    assert_eq!(said.sends(), ["200"]);
    assert_eq!(header(said.message(0), "Expires"), "600");
    let [Output::Watched { package: Package::Dialog, user }] = said.others.as_slice() else {
        panic!("{said:?}")
    };
    assert_eq!(user, "ben");
    let first = tell(&mut bench, Told::Free).message(0).to_owned();
    assert_eq!(header(&first, "Event"), "dialog;id=7");
    assert_eq!(header(&first, "Subscription-State"), "active;expires=600");
    assert!(
        body(&first)
            .contains("version=\"0\" state=\"full\" entity=\"sip:ben@careline.example\"></dialog-info>")
    );
    assert!(tell(&mut bench, Told::Rings).sent.is_empty(), "one at a time");
    assert!(tell(&mut bench, Told::Talks).sent.is_empty());
    let said = bench.receive(&response(&first, "200 OK", "", ""));
    assert!(body(said.message(0)).contains("version=\"1\""));
    assert!(body(said.message(0)).contains("<state>confirmed</state>"), "as it is now");
    bench.receive(&response(said.message(0), "200 OK", "", ""));
    assert!(tell(&mut bench, Told::Talks).sent.is_empty(), "nothing new");
}

#[test]
fn messages_waiting_are_their_owners_business() {
    let mut bench = Bench::new();
    assert_eq!(subscribe(&mut bench, "s1", "ben", &["Event: message-summary"]).sends(), ["403"]);
    let said = subscribe(&mut bench, "s2", "anna", &["Event: message-summary"]);
    assert_eq!(header(said.message(0), "Expires"), "3600");
    let said = bench.input(Input::Tell { user: "anna".to_owned(), told: Told::Messages { new: 0, old: 0 } });
    assert_eq!(header(said.message(0), "Content-Type"), "application/simple-message-summary");
    let expected =
        "Messages-Waiting: no\r\nMessage-Account: sip:anna@careline.example\r\nVoice-Message: 0/0\r\n";
    assert_eq!(body(said.message(0)), expected);
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let mut bench = Bench::new();
    let said = subscribe(&mut bench, "s1", "ben", &["Event: presence"]);
    assert_eq!(said.sends(), ["489"]);
    assert_eq!(header(said.message(0), "Allow-Events"), "dialog, message-summary, refer");
    assert_eq!(subscribe(&mut bench, "s2", "nobody", &["Event: dialog"]).sends(), ["404"]);
    let said = subscribe(&mut bench, "s3", "ben", &["Event: dialog", "Expires: 5"]);
    assert_eq!(said.sends(), ["423"]);
    assert_eq!(header(said.message(0), "Min-Expires"), "60");
    let stranger = Ask::new("SUBSCRIBE", "s4").uri("sip:ben@careline.example").with("Event: dialog");
    assert_eq!(bench.receive(&stranger.text()).sends(), ["401"]);
}

#[test]
fn a_subscription_ends_by_its_phone_its_time_or_a_notify_nobody_takes() {
    for how in ["unsubscribe", "lapse", "481", "silence"] {
        let mut bench = Bench::new();
        let said = subscribe(&mut bench, "s1", "ben", &["Event: dialog", "Expires: 60"]);
        let our_tag = tag(header(said.message(0), "To")).to_owned();
        let first = tell(&mut bench, Told::Free).message(0).to_owned();
        let mut said = match how {
            "481" => bench.receive(&response(&first, "481 Gone", "", "")),
            "silence" => bench.wait(Duration::from_secs(33)),
            _ => bench.receive(&response(&first, "200 OK", "", "")),
        };
        if how == "unsubscribe" {
            let stop = Ask::new("SUBSCRIBE", "stop")
                .in_dialog(&our_tag)
                .cseq(2)
                .call_id("watch-s1b")
                .from("<sip:anna@careline.example>;tag=w1")
                .with("Event: dialog")
                .with("Expires: 0");
            said = bench.receive(&stop.text());
            assert_eq!(said.sends(), ["200", "NOTIFY"]);
        } else if how == "lapse" {
            said = bench.wait(Duration::from_secs(61));
        }
        if let Some((_, last, _)) =
            said.sent.iter().find(|(_, text, _)| text.contains("terminated;reason=timeout"))
        {
            said = bench.receive(&response(last, "200 OK", "", ""));
        }
        let ended = said.others.iter().any(|other| matches!(other, Output::Unwatched { .. }));
        assert!(ended, "{how}: {said:?}");
        assert!(tell(&mut bench, Told::Talks).sent.is_empty(), "{how}");
    }
}
