//! Registrations and callers who prove who they are (RFC 3261 §10.3, §22; RFC 8760), with a digest client
//! written from RFC 7616 for this test alone.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use std::time::Duration;

use bench::{Ask, Bench, Said, header, headers};
use md5::Md5;
use primitives::Private;
use sha2::{Digest, Sha256};
use sip::{
    Binding, ConnectionId, Discarded, Input, Invite, LegCommand, LegEvent, Path, RegistrationChange, Release,
    User,
};

const REGISTRAR: &str = "sip:careline.example";

#[derive(Clone, Copy, Debug)]
enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex::encode(Md5::digest(text)),
            Self::Sha256 => hex::encode(Sha256::digest(text)),
        }
    }
}

/// A parameter of a challenge.
fn parameter<'a>(challenge: &'a str, name: &str) -> &'a str {
    let (_, rest) =
        challenge.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("{name} in {challenge}"));
    let rest = rest
        .strip_prefix('"')
        .map_or_else(|| rest.split(',').next().unwrap(), |quoted| quoted.split('"').next().unwrap());
    rest.trim()
}

/// A phone that knows a secret.
struct Phone {
    user: &'static str,
    secret: &'static str,
    algorithm: Algorithm,
    nonce: Option<String>,
    uses: u32,
    cseq: u32,
    requests: u32,
}

impl Phone {
    fn new(user: &'static str, secret: &'static str) -> Self {
        Self { user, secret, algorithm: Algorithm::Sha256, nonce: None, uses: 0, cseq: 0, requests: 0 }
    }

    fn anna() -> Self {
        Self::new("anna", "correct horse")
    }

    fn authorization(&mut self, method: &str, uri: &str) -> Option<String> {
        let nonce = self.nonce.clone()?;
        self.uses += 1;
        let (user, realm, nc, cnonce) =
            (self.user, "careline.example", format!("{:08x}", self.uses), "c0ffee");
        let hash = |text: String| self.algorithm.hash(&text);
        let a1 = hash(format!("{user}:{realm}:{}", self.secret));
        let a2 = hash(format!("{method}:{uri}"));
        let proof = hash(format!("{a1}:{nonce}:{nc}:{cnonce}:auth:{a2}"));
        Some(format!(
            "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{proof}\", algorithm={}, cnonce=\"{cnonce}\", qop=auth, nc={nc}",
            self.algorithm.name()
        ))
    }

    /// Takes the nonce out of a 401.
    fn learn(&mut self, said: &Said) {
        let challenges = headers(said.message(0), "WWW-Authenticate");
        let ours = challenges.iter().find(|it| parameter(it, "algorithm") == self.algorithm.name()).unwrap();
        assert_eq!(parameter(ours, "realm"), "careline.example");
        assert_eq!(parameter(ours, "qop"), "auth");
        self.nonce = Some(parameter(ours, "nonce").to_owned());
        self.uses = 0;
    }

    fn register(&mut self, lines: &[&str]) -> String {
        self.cseq += 1;
        self.requests += 1;
        let user = self.user;
        let mut ask = Ask::new("REGISTER", "r").uri(REGISTRAR).cseq(self.cseq);
        ask.branch = format!("z9hG4bKreg{user}{}", self.requests);
        ask = ask.from(&format!("<sip:{user}@careline.example>;tag=f")).call_id(&format!("reg-{user}"));
        for line in lines {
            ask = ask.with(line);
        }
        if let Some(line) = self.authorization("REGISTER", REGISTRAR) {
            ask = ask.with(&line);
        }
        ask.text().replace("To: <sip:100@careline.example>", &format!("To: <sip:{user}@careline.example>"))
    }

    /// Registers with a challenge in between.
    fn registers(&mut self, bench: &mut Bench, lines: &[&str]) -> Said {
        self.registers_along(bench, bench::path(), lines)
    }

    fn registers_along(&mut self, bench: &mut Bench, path: Path, lines: &[&str]) -> Said {
        if self.nonce.is_none() {
            let said = bench.receive_on(path, &self.register(lines));
            assert_eq!(said.sends(), ["401"]);
            self.learn(&said);
        }
        bench.receive_on(path, &self.register(lines))
    }
}

const DESK: &str = "Contact: <sip:anna@10.0.0.5:5060>";

fn contacts(bench: &Bench, user: &str) -> Vec<String> {
    bench.endpoint.bindings(user).iter().map(|binding| binding.contact.clone()).collect()
}

#[test]
fn a_phone_registers_with_either_digest_and_is_reached_along_the_way_it_came() {
    for algorithm in [Algorithm::Sha256, Algorithm::Md5] {
        let mut bench = Bench::new();
        let mut anna = Phone { algorithm, ..Phone::anna() };
        let nat = Path { peer: "198.51.100.7:40000".parse().unwrap(), ..bench::path() };
        let said = anna.registers_along(&mut bench, nat, &[DESK, "Expires: 600"]);
        assert_eq!(said.sends(), ["200"], "{algorithm:?}");
        assert_eq!(said.sent[0].2, Release::AfterFacts);
        assert_eq!(header(said.message(0), "Contact"), "<sip:anna@10.0.0.5:5060>;expires=600");
        assert_eq!(header(said.message(0), "Date"), "Mon, 02 Mar 2026 03:15:00 GMT");
        let [RegistrationChange::Bound { user, binding, granted, is_refresh }] = &said.registrations[..]
        else {
            panic!()
        };
        assert_eq!((user.as_str(), *granted, *is_refresh), ("anna", Duration::from_secs(600), false));
        assert_eq!(binding.path, nat);
        assert_eq!(bench.endpoint.bindings("anna"), std::slice::from_ref(binding));
        assert!(bench.endpoint.bindings("ben").is_empty());
        bench.wait(Duration::from_secs(40));
        assert!(bench.endpoint.is_idle(), "a registration alone is no work");
    }
}

#[test]
fn a_refresh_is_answered_at_once_and_the_same_contact_by_another_way_is_none() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    anna.registers(&mut bench, &[DESK]);
    let refreshed = anna.registers(&mut bench, &[DESK]);
    assert_eq!(refreshed.sent[0].2, Release::AtOnce);
    assert!(matches!(refreshed.registrations[..], [RegistrationChange::Bound { is_refresh: true, .. }]));
    let nat = Path { peer: "192.0.2.10:40000".parse().unwrap(), ..bench::path() };
    let moved = anna.registers_along(&mut bench, nat, &[DESK]);
    assert_eq!(moved.sent[0].2, Release::AfterFacts);
    assert!(matches!(moved.registrations[..], [RegistrationChange::Bound { is_refresh: false, .. }]));
}

#[test]
fn an_unknown_user_and_a_wrong_secret_are_answered_in_the_same_words() {
    let answer = |mut phone: Phone| {
        let mut bench = Bench::new();
        let first = bench.receive(&phone.register(&[DESK]));
        phone.learn(&first);
        let said = bench.receive(&phone.register(&[DESK]));
        assert!(said.registrations.is_empty());
        let message = said.message(0).replace(phone.user, "USER");
        let mut lines: Vec<String> = message.lines().map(str::to_owned).collect();
        for line in &mut lines {
            // Names and nonces are drawn anew each time.
            for drawn in ["nonce=\"", ";tag="] {
                if let Some((before, _)) = line.split_once(drawn) {
                    *line = before.to_owned();
                }
            }
        }
        (said.sends(), lines)
    };
    let wrong = answer(Phone::new("anna", "wrong"));
    let unknown = answer(Phone::new("nora", "wrong"));
    assert_eq!(wrong.0, ["401"]);
    assert_eq!(wrong, unknown);
}

#[test]
fn one_user_cannot_register_for_another() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    let said = bench.receive(&anna.register(&[DESK]));
    anna.learn(&said);
    let text = anna.register(&[DESK]).replace("To: <sip:anna@", "To: <sip:ben@");
    let said = bench.receive(&text);
    assert_eq!((said.sends(), said.registrations.len()), (vec!["403".to_owned()], 0));
}

#[test]
fn a_proof_heard_on_the_wire_is_worth_nothing_a_second_time() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    anna.registers(&mut bench, &[DESK]);
    let used = anna.register(&[DESK]);
    assert_eq!(bench.receive(&used).sends(), ["200"]);
    let replayed = used.replace("z9hG4bKreg", "z9hG4bKreplay").replace("10.0.0.5", "203.0.113.66");
    let replayed = replayed.replace("CSeq: 3", "CSeq: 4");
    let said = bench.receive(&replayed);
    assert_eq!((said.sends(), said.registrations.len()), (vec!["401".to_owned()], 0));
}

#[test]
fn a_nonce_that_is_too_old_is_replaced_without_asking_the_user_for_his_secret() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    anna.registers(&mut bench, &[DESK]);
    bench.wait(Duration::from_secs(301));
    let said = bench.receive(&anna.register(&[DESK]));
    assert_eq!(said.sends(), ["401"]);
    assert!(header(said.message(0), "WWW-Authenticate").to_lowercase().contains("stale=true"));
    anna.learn(&said);
    assert_eq!(bench.receive(&anna.register(&[DESK])).sends(), ["200"]);
}

#[test]
fn contacts_are_added_refreshed_listed_and_removed() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    anna.registers(&mut bench, &[DESK, "Expires: 600"]);
    bench.wait(Duration::from_secs(100));
    let said = anna.registers(&mut bench, &["Contact: <sip:anna@10.0.0.6>;q=0.5;expires=300"]);
    assert_eq!(
        headers(said.message(0), "Contact"),
        ["<sip:anna@10.0.0.5:5060>;expires=500", "<sip:anna@10.0.0.6>;q=0.500;expires=300"]
    );
    assert_eq!(contacts(&bench, "anna"), ["sip:anna@10.0.0.5:5060", "sip:anna@10.0.0.6"]);

    let said = anna.registers(&mut bench, &[]);
    assert_eq!(headers(said.message(0), "Contact").len(), 2, "asking changes nothing");
    assert!(said.registrations.is_empty());
    assert_eq!(said.sent[0].2, Release::AtOnce);

    let said = anna.registers(&mut bench, &["Contact: <sip:anna@10.0.0.5:5060>;expires=0"]);
    let [RegistrationChange::Unbound { contact, left: 1, .. }] = &said.registrations[..] else { panic!() };
    assert_eq!(contact, "sip:anna@10.0.0.5:5060");

    let said = anna.registers(&mut bench, &["Contact: *", "Expires: 0"]);
    assert_eq!((said.sends(), said.registrations.len()), (vec!["200".to_owned()], 1));
    assert!(contacts(&bench, "anna").is_empty());
}

#[test]
fn all_contacts_are_removed_only_by_expires_zero() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    anna.registers(&mut bench, &[DESK]);
    assert_eq!(anna.registers(&mut bench, &["Contact: *", "Expires: 60"]).sends(), ["400"]);
    assert_eq!(anna.registers(&mut bench, &["Contact: *"]).sends(), ["400"]);
    assert_eq!(contacts(&bench, "anna").len(), 1);
}

#[test]
fn too_short_a_time_is_refused_with_the_least_and_too_long_a_one_is_shortened() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    let said = anna.registers(&mut bench, &[DESK, "Expires: 30"]);
    assert_eq!((said.sends(), header(said.message(0), "Min-Expires")), (vec!["423".to_owned()], "60"));
    let said = anna.registers(&mut bench, &[DESK, "Expires: 999999"]);
    assert!(header(said.message(0), "Contact").ends_with(";expires=3600"));
}

#[test]
fn an_older_register_of_the_same_phone_changes_nothing() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    anna.cseq = 10;
    anna.registers(&mut bench, &[DESK]);
    anna.cseq = 5;
    let said = anna.registers(&mut bench, &["Contact: <sip:anna@10.0.0.5:5060>;expires=0"]);
    assert_eq!((said.sends(), contacts(&bench, "anna").len()), (vec!["500".to_owned()], 1));
    let said = anna.registers(&mut bench, &["Contact: *", "Expires: 0"]);
    assert_eq!((said.sends(), contacts(&bench, "anna").len()), (vec!["500".to_owned()], 1));
}

#[test]
fn a_contact_lapses_when_its_time_is_over() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    anna.registers(&mut bench, &[DESK, "Expires: 60"]);
    assert!(bench.wait(Duration::from_secs(59)).registrations.is_empty());
    let said = bench.wait(Duration::from_secs(2));
    let [RegistrationChange::Unbound { user, left: 0, .. }] = &said.registrations[..] else { panic!() };
    assert_eq!(user, "anna");
    assert!(contacts(&bench, "anna").is_empty());
}

#[test]
fn a_ninth_contact_takes_the_place_of_the_one_that_would_lapse_first() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    for number in 1..=9 {
        let contact = format!("Contact: <sip:anna@10.0.0.{number}>;expires={}", 600 + number);
        let said = anna.registers(&mut bench, &[&contact]);
        assert_eq!(said.registrations.len(), if number == 9 { 2 } else { 1 });
    }
    assert_eq!(contacts(&bench, "anna").len(), 8);
    assert!(!contacts(&bench, "anna").contains(&"sip:anna@10.0.0.1".to_owned()));
}

#[test]
fn who_registered_over_a_connection_cannot_be_reached_when_it_is_gone() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    anna.registers_along(&mut bench, bench::stream(3), &[DESK]);
    assert_eq!(contacts(&bench, "anna").len(), 1);
    let said = bench.lost(ConnectionId(3));
    assert!(matches!(said.registrations[..], [RegistrationChange::Unbound { left: 0, .. }]));
    assert!(contacts(&bench, "anna").is_empty());
}

fn stored(bench: &Bench, secs: i64, path: Path) -> Binding {
    Binding {
        contact: "sip:anna@10.0.0.5".to_owned(),
        path,
        preference: 1_000,
        expires: bench.now.wall.checked_add(jiff::SignedDuration::from_secs(secs)).unwrap(),
        sip_call_id: "reg-anna".to_owned(),
        cseq: 7,
    }
}

#[test]
fn a_stored_contact_lives_on_after_a_restart_for_the_time_it_had_left() {
    let mut bench = Bench::new();
    let binding = stored(&bench, 100, bench::path());
    let said = bench.input(Input::Restore { user: "anna".to_owned(), binding });
    assert!(matches!(said.registrations[..], [RegistrationChange::Bound { .. }]));
    bench.wait(Duration::from_secs(99));
    assert_eq!(contacts(&bench, "anna").len(), 1);
    bench.wait(Duration::from_secs(2));
    assert!(contacts(&bench, "anna").is_empty());
}

#[test]
fn a_stored_contact_that_lapsed_or_was_on_a_connection_or_whose_user_is_gone_is_forgotten() {
    let mut bench = Bench::new();
    for (user, binding) in [
        ("anna", stored(&bench, -1, bench::path())),
        ("anna", stored(&bench, 100, bench::stream(1))),
        ("nora", stored(&bench, 100, bench::path())),
    ] {
        let said = bench.input(Input::Restore { user: user.to_owned(), binding });
        assert!(matches!(said.registrations[..], [RegistrationChange::Unbound { .. }]), "{user}");
    }
    assert!(contacts(&bench, "anna").is_empty());
}

#[test]
fn a_user_who_is_removed_loses_his_contacts_and_his_word() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    anna.registers(&mut bench, &[DESK]);
    let ben = User { name: "ben".to_owned(), secret: Private::new("battery staple".to_owned()) };
    let said = bench.input(Input::Users(vec![ben]));
    assert!(matches!(&said.registrations[..], [RegistrationChange::Unbound { user, .. }] if user == "anna"));
    assert_eq!(bench.receive(&anna.register(&[DESK])).sends(), ["401"]);
    assert_eq!(bench.endpoint.poll_timeout().map(|_| ()), Some(()), "transactions only");
    bench.runs_out();
    assert_eq!(bench.endpoint.poll_timeout(), None);
}

#[test]
fn a_caller_who_proves_to_be_a_user_is_one() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    let said = bench.receive(&anna.register(&[]));
    anna.learn(&said);
    let uri = "sip:100@192.0.2.1";
    let line = anna.authorization("INVITE", uri).unwrap();
    let ask = Ask::invite().from("<sip:anna@careline.example>;tag=a").with(&line);
    let said = bench.receive(&ask.text());
    let (_, LegEvent::Invited(invited)) = &said.events[0] else { panic!("{:?}", said.sends()) };
    assert_eq!(invited.user.as_deref(), Some("anna"));
}

#[test]
fn a_caller_who_proves_to_be_one_user_and_calls_as_another_is_refused() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    let said = bench.receive(&anna.register(&[]));
    anna.learn(&said);
    let line = anna.authorization("INVITE", "sip:100@192.0.2.1").unwrap();
    let ask = Ask::invite().from("<sip:ben@careline.example>;tag=a").with(&line);
    let said = bench.receive(&ask.text());
    assert_eq!((said.sends(), said.events.len()), (vec!["403".to_owned()], 0));
}

#[test]
fn a_caller_with_a_wrong_proof_is_challenged_again_and_is_no_leg() {
    let mut bench = Bench::new();
    let mut anna = Phone::new("anna", "wrong");
    let said = bench.receive(&anna.register(&[]));
    anna.learn(&said);
    let line = anna.authorization("INVITE", "sip:100@192.0.2.1").unwrap();
    let ask = Ask::invite().from("<sip:anna@careline.example>;tag=a").with(&line);
    let said = bench.receive(&ask.text());
    assert_eq!((said.sends(), said.events.len()), (vec!["401".to_owned()], 0));
}

#[test]
fn a_repeated_register_is_answered_with_the_same_words() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    let said = bench.receive(&anna.register(&[DESK]));
    anna.learn(&said);
    let text = anna.register(&[DESK]);
    let first = bench.receive(&text);
    let second = bench.receive(&text);
    assert_eq!(first.message(0), second.message(0));
    assert!(second.registrations.is_empty());
}

#[test]
fn messages_on_a_stream_may_come_in_pieces_or_together() {
    let mut bench = Bench::new();
    let way = bench::stream(1);
    let one = Ask::new("OPTIONS", "o1").text();
    let two = Ask::new("OPTIONS", "o2").call_id("second").text();
    let both = format!("{one}{two}\r\n\r\n");
    let mut sends = Vec::new();
    let mut dropped = Vec::new();
    for piece in both.as_bytes().chunks(7) {
        let said = bench.input(Input::Received { path: way, bytes: piece });
        dropped.extend(said.dropped.clone());
        sends.extend(said.sent.iter().map(|(path, text, _)| {
            assert_eq!(*path, way);
            text.lines().next().unwrap_or_default().to_owned()
        }));
    }
    assert_eq!(sends, ["SIP/2.0 200 OK", "SIP/2.0 200 OK", ""], "the last is the answer to a ping");
    assert_eq!(dropped, [Discarded::KeepAlive]);

    let mut bench = Bench::new();
    let said = bench.receive_on(way, &both);
    assert_eq!(said.sent.len(), 3);
}

#[test]
fn a_stream_that_cannot_be_framed_is_answered_and_closed() {
    let mut bench = Bench::new();
    let broken = Ask::new("OPTIONS", "o1").text().replace("Content-Length: 0", "Content-Length: many");
    let said = bench.receive_on(bench::stream(1), &broken);
    assert_eq!(said.sends(), ["400"]);
    assert!(matches!(said.others[..], [sip::Output::Disconnect { .. }]), "{:?}", said.others);
}

#[test]
fn a_carrier_calls_in_the_name_of_others_and_does_not_register() {
    let mut bench = Bench::new();
    let carrier = User { name: "carrier".to_owned(), secret: Private::new("tin can".to_owned()) };
    bench.input(Input::Carriers(vec![carrier]));
    let mut carrier = Phone { user: "carrier", secret: "tin can", ..Phone::anna() };
    let said = bench.receive(&carrier.register(&[]));
    carrier.learn(&said);
    let said = bench.receive(&carrier.register(&["Contact: <sip:192.0.2.9>"]));
    assert_eq!(said.sends(), ["403"], "calls are what it may bring");
    let line = carrier.authorization("INVITE", "sip:100@192.0.2.1").unwrap();
    let said = bench.receive(&Ask::invite().with(&line).text());
    let (_, LegEvent::Invited(invited)) = &said.events[0] else { panic!("{:?}", said.sends()) };
    assert_eq!(invited.user.as_deref(), Some("carrier"));
    assert_eq!(invited.from.as_ref().unwrap().expose(), "+15550100", "whoever calls by it");
}

#[test]
fn a_phone_whose_connection_was_lost_in_a_call_is_reached_over_the_one_it_registers_by_again() {
    let mut bench = Bench::new();
    let mut anna = Phone::anna();
    let desk = "sip:anna@10.0.0.5:5060;transport=tcp";
    let lines = [&format!("Contact: <{desk}>"), "Expires: 600"];
    anna.registers_along(&mut bench, bench::stream(1), &lines);
    let invite = Invite { path: Some(bench::stream(1)), ..bench::invite_to(desk) };
    let (leg, said) = bench.dial(invite);
    let ok = bench::response(said.message(0), "200 OK", "far", bench::ANSWER);
    let said = bench.receive_on(bench::stream(1), &ok.replace("sip:agent@192.0.2.10:5060", desk));
    assert_eq!(said.event_names(), ["Answered"]);
    bench.lost(ConnectionId(1));
    let again = Path { peer: "192.0.2.10:41000".parse().unwrap(), ..bench::stream(2) };
    anna.registers_along(&mut bench, again, &lines);
    let said = bench.command(leg, LegCommand::HangUp { cause: sip::EndCause::WeHungUp });
    assert_eq!((said.sends(), said.sent[0].0), (vec!["BYE".to_owned()], again));
}
