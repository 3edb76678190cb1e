#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Guard, PROVEN_MAX, STRANGERS_MAX, Security};
use crate::Discarded;

const INVITE: &[u8] = b"INVITE sip:100@192.0.2.1 SIP/2.0\r\n";
const FOR_HELP: &[u8] = b"INVITE sip:911@192.0.2.1 SIP/2.0\r\n";
const BYE: &[u8] = b"BYE sip:100@192.0.2.1 SIP/2.0\r\n";

fn guard() -> Guard {
    Guard::new(Security { known: vec!["198.51.100.0/28".parse().unwrap()], ..Security::default() })
}

fn trunk() -> IpAddr {
    "198.51.100.7".parse().unwrap()
}

/// One of four thousand million strangers.
fn stranger(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(number | 0x8000_0000).into()
}

#[test]
fn one_stranger_is_let_in_at_his_rate_and_the_next_at_his() {
    let (mut guard, start) = (guard(), Instant::now());
    let mut let_in = [0, 0];
    for ms in 0..60_000 {
        let now = start + Duration::from_millis(ms);
        for (at, count) in let_in.iter_mut().enumerate() {
            // The first shouts a thousand times a second, the second asks once each 200 ms.
            if at == 0 || ms % 200 == 0 {
                let admitted = guard.admit(now, stranger(u32::try_from(at).unwrap()), INVITE);
                *count += u32::from(admitted.is_ok());
            }
        }
    }
    assert_eq!(let_in, [60 + 599, 300]);
}

#[test]
fn strangers_who_change_their_address_share_one_budget_and_fill_one_table() {
    let (mut guard, start) = (guard(), Instant::now());
    let mut let_in = 0;
    for number in 0..100_000 {
        let now = start + Duration::from_micros(u64::from(number) * 100);
        let_in += u32::from(guard.admit(now, stranger(number), INVITE).is_ok());
        assert_eq!(guard.admit(now, trunk(), INVITE), Ok(()));
    }
    // Ten seconds.
    assert!((5_000..=6_100).contains(&let_in), "{let_in}");
    assert_eq!(guard.strangers.len(), STRANGERS_MAX);
}

#[test]
fn no_stranger_takes_the_place_of_a_proven_source() {
    let (mut guard, now) = (guard(), Instant::now());
    for number in 0..u32::try_from(PROVEN_MAX).unwrap() {
        guard.prove(now, stranger(number));
    }
    for number in 0..100_000 {
        let _ = guard.admit(now, stranger(0x1000_0000 + number), INVITE);
    }
    for number in 0..u32::try_from(PROVEN_MAX).unwrap() {
        assert_eq!(guard.admit(now, stranger(number), INVITE), Ok(()));
    }
    guard.prove(now, stranger(0x2000_0000));
    assert_eq!(guard.proven.len(), PROVEN_MAX);
}

#[test]
fn a_barred_source_can_still_call_for_help_and_acknowledge_it() {
    let (mut guard, now) = (guard(), Instant::now());
    let mut headers = crate::message::Headers::new();
    headers.push(crate::header::Name::UserAgent, "friendly-scanner");
    let source = stranger(1);
    assert!(guard.is_scanner(now, source, &headers));
    assert_eq!(guard.admit(now, source, INVITE), Err(Discarded::Barred));
    assert_eq!(guard.admit(now, source, BYE), Err(Discarded::Barred));
    assert_eq!(guard.admit(now, source, FOR_HELP), Ok(()));
    assert_eq!(guard.admit(now, source, BYE), Ok(()));
    assert_eq!(guard.admit(now, source, INVITE), Err(Discarded::Barred));
    // Also after everybody else has called.
    for number in 0..100_000 {
        let _ = guard.admit(now, stranger(number), INVITE);
    }
    assert_eq!(guard.admit(now, source, FOR_HELP), Ok(()));
    // Not without end: nobody dials that often.
    let calls = (0..1_000).filter(|_| guard.admit(now, source, FOR_HELP).is_ok()).count();
    assert!(calls <= 10, "{calls}");
}

#[test]
fn whoever_writes_the_address_of_a_trunk_or_a_phone_on_a_scan_does_not_bar_it() {
    let (mut guard, now) = (guard(), Instant::now());
    let mut headers = crate::message::Headers::new();
    headers.push(crate::header::Name::UserAgent, "sipvicious");
    guard.prove(now, stranger(5));
    for source in [trunk(), stranger(5)] {
        assert!(guard.is_scanner(now, source, &headers));
        assert_eq!(guard.admit(now, source, INVITE), Ok(()));
    }
}

#[test]
fn an_offence_is_told_once_a_minute_with_how_often_it_happened() {
    let (mut guard, start) = (guard(), Instant::now());
    let mut told = Vec::new();
    for second in 0..130 {
        let now = start + Duration::from_secs(second);
        told.extend(guard.tell(now, Discarded::Flood).map(|shut_out| (second, shut_out.messages)));
    }
    assert_eq!(told, [(0, 1), (60, 60), (120, 60)]);
    assert_eq!(guard.tell(start, Discarded::KeepAlive), None);
}

proptest! {
    /// Whatever strangers, barred or not, send at whatever rate: a trunk and a registered phone get through,
    /// and no table grows beyond its bound.
    #[test]
    fn a_known_source_never_loses_a_request_however_many_strangers_shout(
        shouts in prop::collection::vec((any::<u32>(), 0_u8..4, 0_u64..3_000), 1..2_000),
        phone in any::<u32>(),
    ) {
        let mut guard = guard();
        let mut now = Instant::now();
        let phone = stranger(phone);
        guard.proof_succeeded(now, phone, "anna");
        let mut headers = crate::message::Headers::new();
        headers.push(crate::header::Name::UserAgent, "pplsip");
        for (number, kind, micros) in shouts {
            now += Duration::from_micros(micros);
            let source = stranger(number);
            // Who has the phone's own address shares its budget.
            if source != phone {
                match kind {
                    0 => { let _ = guard.admit(now, source, INVITE); }
                    1 => { let _ = guard.admit(now, source, FOR_HELP); }
                    2 => { guard.is_scanner(now, source, &headers); }
                    _ => { guard.proof_failed(now, source, Some("anna")); }
                }
            }
            prop_assert_eq!(guard.admit(now, trunk(), INVITE), Ok(()));
            if kind == 0 && micros > 2_000 {
                prop_assert_eq!(guard.admit(now, phone, INVITE), Ok(()));
                prop_assert!(guard.admit(now, phone, BYE).is_ok());
            }
        }
        prop_assert!(guard.strangers.len() <= STRANGERS_MAX);
    }
}
