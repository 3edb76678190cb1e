//! Keys, heard and sent.

use std::sync::Arc;
use std::time::Duration;

use media::sdp::{Codec, Session};
use media::{Command, Digit, Prompt};

use crate::support::{A, B, Bench, Peer, Sent, assert_continuous, session, share_at, sound, tone_frame};

fn press(bench: &mut Bench, keys: &str) {
    for key in keys.chars() {
        bench.command(Command::SendDigit { port: A, digit: Digit::from_char(key).unwrap() });
    }
}

/// Keys in packets the shard sent, as its peer hears them: by a second shard.
fn heard(sent: &[Sent]) -> String {
    let mut other = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    let mut peer = Peer::new(A, Codec::Pcmu);
    for packet in sent {
        (peer.sequence, peer.ssrc) = (packet.sequence, packet.ssrc);
        let bytes = peer.packet(packet.payload_type, packet.marked, packet.timestamp, &packet.payload);
        other.receive(A, peer.from, &bytes);
    }
    other.keys(A)
}

#[test]
fn every_key_is_heard_once_at_its_first_packet() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    let mut peer = Peer::new(A, Codec::Pcmu);
    for (n, key) in "0123456789*#ABCD11".chars().enumerate() {
        let packets = peer.key(key);
        bench.receive(A, peer.from, &packets[0]);
        assert_eq!(bench.keys(A).len(), n + 1, "at the first packet");
        packets[1..].iter().for_each(|packet| bench.receive(A, peer.from, packet));
    }
    assert_eq!(bench.keys(A), "0123456789*#ABCD11");
}

#[test]
fn keys_are_heard_under_loss_copies_and_reordering() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    let mut peer = Peer::new(A, Codec::Pcmu);
    for (n, key) in "9110228001".chars().enumerate() {
        let mut packets = peer.key(key);
        match n % 4 {
            0 => drop(packets.drain(..4)),        // only the ends came
            1 => packets.reverse(),               // the last first
            2 => packets.truncate(1),             // only the start
            _ => packets.extend(packets.clone()), // everything twice
        }
        for packet in packets {
            bench.receive(A, peer.from, &packet);
        }
    }
    assert_eq!(bench.keys(A), "9110228001");
}

#[test]
fn a_key_is_heard_at_the_number_we_offered_also_where_the_peer_took_another() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Apply {
        port: A,
        session: Session { telephone_event: Some(96), ..session(A, Codec::Pcmu) },
    });
    let mut peer = Peer::new(A, Codec::Pcmu);
    let packets = peer.key('9');
    bench.receive(A, peer.from, &packets[0]);
    assert_eq!(bench.keys(A), "9");
    press(&mut bench, "1");
    bench.run_ms(100);
    assert!(bench.take_sent(A).iter().all(|packet| packet.payload_type == 96));
}

#[test]
fn keys_are_sent_in_order_within_a_prompt_of_which_nothing_is_lost() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    let second = Duration::from_secs(1);
    bench.play(A, 1, vec![Arc::new(Prompt::tone(&[400.0], second, Duration::ZERO, second))]);
    bench.run_ms(210);
    press(&mut bench, "911#");
    bench.run_ms(2_500);
    let sent = bench.take_sent(A);
    assert_continuous(&sent);
    assert_eq!(heard(&sent), "911#");
    let spoken: Vec<Sent> =
        sent.iter().filter(|packet| packet.payload_type == 0 && !packet.is_silence()).cloned().collect();
    assert_eq!(spoken.len(), 50);
    assert!(share_at(400.0, &sound(&spoken)) > 0.98);
    let keys: Vec<&Sent> = sent.iter().filter(|packet| packet.payload_type == 101).collect();
    assert_eq!(keys.len(), 4 * 7);
    for key in keys.chunks(7) {
        assert!(key[0].marked && key[1..].iter().all(|packet| !packet.marked));
        assert!(key.iter().all(|packet| packet.timestamp == key[0].timestamp));
        let ends = key.iter().filter(|packet| packet.payload[1] & 0x80 != 0).count();
        assert_eq!(ends, 3);
    }
    let starts = keys.chunks(7).map(|key| key[0].at).collect::<Vec<_>>();
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(180)));
}

#[test]
fn a_key_is_sent_also_where_nothing_was_said_yet_and_nothing_follows_it() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    press(&mut bench, "5");
    bench.run_ms(1_000);
    assert_eq!(heard(&bench.sent), "5");
    assert_eq!(bench.sent.iter().filter(|packet| packet.payload_type == 101).count(), 7);
}

#[test]
fn a_key_for_a_peer_on_hold_is_dropped_and_not_sent_later() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    press(&mut bench, "12");
    bench.command(Command::Apply { port: A, session: Session { sends: false, ..session(A, Codec::Pcmu) } });
    press(&mut bench, "34");
    bench.command(Command::Apply { port: A, session: session(A, Codec::Pcmu) });
    bench.run_ms(1_000);
    assert!(bench.sent.is_empty());
}

#[test]
fn a_key_sent_into_a_bridge_is_not_mixed_with_the_talk() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Bridge { a: A, b: B });
    let mut nurse = Peer::new(B, Codec::Pcmu);
    let talk = tone_frame(Codec::Pcmu, 400.0);
    nurse.talk(&mut bench, B, 20, &talk);
    press(&mut bench, "42");
    nurse.talk(&mut bench, B, 50, &talk);
    let sent = bench.take_sent(A);
    assert_continuous(&sent);
    assert_eq!(heard(&sent), "42");
    let (first, last) = (
        sent.iter().position(|packet| packet.payload_type == 101).unwrap(),
        sent.iter().rposition(|packet| packet.payload_type == 101).unwrap(),
    );
    let between = sent[first..last].iter().filter(|packet| packet.payload_type == 0);
    assert!(between.clone().count() == 3 && between.into_iter().all(Sent::is_silence));
    assert!(sent[last + 4..].iter().all(|packet| !packet.is_silence()));
}
