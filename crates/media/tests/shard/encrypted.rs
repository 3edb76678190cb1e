//! Legs whose audio is sealed (SRTP), against a second shard as the peer.

use std::sync::Arc;
use std::time::Duration;

use media::sdp::{Codec, Session};
use media::srtp::{Keys, MasterKey, SUITES, Suite};
use media::{Command, Digit, PortId, Prompt};
use primitives::Seed;

use crate::support::{A, B, Bench, Peer, Sent, session, share_at, sound};

/// The keys of both directions, as one side has them.
fn keys(suite: Suite, is_peer: bool) -> Keys {
    let key = |number| MasterKey::draw(suite, &mut Seed::numbered(number).generator());
    let (ours, theirs) = if is_peer { (2, 1) } else { (1, 2) };
    Keys { ours: key(ours), theirs: key(theirs) }
}

fn sealed(port: PortId, keys: Keys) -> Session {
    Session { srtp: Some(keys), ..session(port, Codec::Pcmu) }
}

/// A shard whose port A is sealed, as ours or as the peer's.
fn bench(suite: Suite, is_peer: bool) -> Bench {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Apply { port: A, session: sealed(A, keys(suite, is_peer)) });
    bench
}

/// A packet as it was on the wire.
fn raw(sent: &Sent) -> Vec<u8> {
    let mut peer = Peer::new(A, Codec::Pcmu);
    (peer.sequence, peer.ssrc) = (sent.sequence, sent.ssrc);
    peer.packet(sent.payload_type, sent.marked, sent.timestamp, &sent.payload)
}

fn tone(hz: f64) -> Arc<Prompt> {
    let second = Duration::from_secs(1);
    Arc::new(Prompt::tone(&[hz], second, Duration::ZERO, second))
}

/// What a peer with the right keys hears of some packets: it hands all on to its port B.
fn opened(suite: Suite, sent: &[Sent]) -> (Vec<Sent>, String) {
    let mut peer = bench(suite, true);
    peer.command(Command::Bridge { a: A, b: B });
    let from = crate::support::home(A);
    for packet in sent {
        peer.run_ms(20);
        peer.receive(A, from, &raw(packet));
    }
    let keys = peer.keys(A);
    (peer.take_sent(B), keys)
}

#[test]
fn a_prompt_and_keys_go_sealed_in_every_suite_and_only_the_peer_can_hear_them() {
    for suite in SUITES {
        let mut ours = bench(suite, false);
        ours.play(A, 1, vec![tone(400.0)]);
        ours.run_ms(990);
        ours.command(Command::SendDigit { port: A, digit: Digit::from_char('7').unwrap() });
        ours.run_ms(500);
        let sent = ours.take_sent(A);
        let (heard, keys) = opened(suite, &sent);
        assert_eq!(keys, "7");
        assert!(share_at(400.0, &sound(&heard[2..40])) > 0.95, "{suite:?}");
        let on_the_wire: Vec<f64> = sent[2..40]
            .iter()
            .flat_map(|packet| sound(&[Sent { payload: packet.payload[..160].to_vec(), ..packet.clone() }]))
            .collect();
        assert!(share_at(400.0, &on_the_wire) < 0.05, "{suite:?}: heard on the wire");
    }
}

#[test]
fn what_the_peer_did_not_seal_is_not_heard_and_does_not_move_the_call() {
    let suite = Suite::AesCm128HmacSha1_80;
    let mut ours = bench(suite, false);
    ours.command(Command::Bridge { a: A, b: B });
    let mut stranger = Peer::new(A, Codec::Pcmu);
    stranger.from.set_port(9_999);
    for _ in 0..20 {
        let plain = stranger.audio(&[1; 160]);
        ours.receive(A, stranger.from, &plain);
    }
    // Its own words played to it are not its peer's either.
    let mut same = bench(suite, false);
    same.play(A, 1, vec![tone(400.0)]);
    same.run_ms(400);
    for packet in same.take_sent(A) {
        ours.receive(A, crate::support::home(A), &raw(&packet));
    }
    assert!(ours.take_sent(B).is_empty());
    let stats = ours.close(A);
    assert_eq!((stats.packets_received, stats.packets_refused), (0, 40));
}

#[test]
fn a_re_invite_with_the_same_keys_goes_on_and_one_with_others_begins_anew() {
    let suite = Suite::AeadAes256Gcm;
    let mut ours = bench(suite, false);
    ours.play(A, 1, vec![tone(400.0), tone(400.0)]);
    ours.run_ms(500);
    ours.command(Command::Apply { port: A, session: sealed(A, keys(suite, false)) });
    ours.run_ms(500);
    let sent = ours.take_sent(A);
    assert!(sent.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    assert_eq!(opened(suite, &sent).0.len(), sent.len());
    let fresh =
        Keys { ours: MasterKey::draw(suite, &mut Seed::numbered(9).generator()), ..keys(suite, false) };
    ours.command(Command::Apply { port: A, session: sealed(A, fresh) });
    ours.run_ms(500);
    assert!(opened(suite, &ours.take_sent(A)).0.is_empty(), "the old key opens nothing more");
}

#[test]
fn a_bridge_between_a_sealed_leg_and_a_plain_one_carries_the_talk_both_ways() {
    let suite = Suite::AesCm128HmacSha1_32;
    let mut peer = bench(suite, true);
    peer.play(A, 1, vec![tone(400.0)]);
    peer.run_ms(1_000);
    let mut ours = bench(suite, false);
    ours.command(Command::Bridge { a: A, b: B });
    let mut nurse = Peer::new(B, Codec::Pcmu);
    let talk = crate::support::tone_frame(Codec::Pcmu, 600.0);
    for (n, packet) in peer.take_sent(A).iter().enumerate() {
        ours.run_ms(20);
        ours.receive(A, crate::support::home(A), &raw(packet));
        let packet = nurse.audio(&talk(n));
        ours.receive(B, nurse.from, &packet);
    }
    assert!(share_at(400.0, &sound(&ours.take_sent(B)[2..40])) > 0.95);
    let heard = opened(suite, &ours.take_sent(A)).0;
    assert!(share_at(600.0, &sound(&heard[2..40])) > 0.95);
}
