//! What is accepted, counted and told of a peer's packets.

use std::net::SocketAddr;
use std::time::Duration;

use media::sdp::{Codec, Session};
use media::{Command, Event, Shard};

use crate::support::{A, B, Bench, Peer, home, session};

fn news(bench: &Bench) -> String {
    let word = |event: &Event| match event {
        Event::Heard { .. } => Some("heard"),
        Event::Silent { .. } => Some("silent"),
        _ => None,
    };
    bench.events.iter().filter_map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_first_packet_is_told_and_silence_once_until_it_comes_again() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.close(B);
    let mut peer = Peer::new(A, Codec::Pcmu);
    peer.talk(&mut bench, A, 100, |_| vec![0; 160]);
    let last = bench.now;
    bench.run_ms(9_900);
    assert_eq!(news(&bench), "heard");
    bench.run_ms(60_000);
    assert_eq!(news(&bench), "heard silent");
    let silent = bench.events.iter().find_map(|event| match event {
        Event::Silent { since, .. } => Some(*since),
        _ => None,
    });
    assert_eq!(silent, Some(last));
    peer.talk(&mut bench, A, 100, |_| vec![0; 160]);
    bench.run_ms(20_000);
    assert_eq!(news(&bench), "heard silent heard silent");
}

#[test]
fn a_peer_that_never_speaks_is_silent_and_one_on_hold_is_not() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.close(B);
    let on_hold = Session { receives: false, ..session(A, Codec::Pcmu) };
    bench.command(Command::Apply { port: A, session: on_hold });
    bench.run_ms(60_000);
    assert_eq!(news(&bench), "");
    bench.command(Command::Apply { port: A, session: session(A, Codec::Pcmu) });
    bench.run_ms(Shard::SILENT_AFTER.as_millis() as u64 - 100);
    assert_eq!(news(&bench), "");
    bench.run_ms(200);
    assert_eq!(news(&bench), "silent");
}

#[test]
fn noise_without_sound_shows_that_the_peer_lives_and_is_not_relayed() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Bridge { a: A, b: B });
    let mut peer = Peer::new(A, Codec::Pcmu);
    for (n, payload_type) in [13, 0, 13, 13, 13].into_iter().enumerate() {
        bench.run_ms(5_000);
        let packet =
            peer.packet(payload_type, false, n as u32 * 40_000, &[40; 1][..usize::from(payload_type / 13)]);
        peer.sequence = peer.sequence.wrapping_add(1);
        bench.receive(A, peer.from, &packet);
    }
    assert!(!bench.events.iter().any(|event| matches!(event, Event::Silent { port, .. } if *port == A)));
    assert!(bench.take_sent(B).iter().all(|packet| packet.is_silence()));
}

#[test]
fn what_is_not_the_peers_rtp_is_refused_counted_and_changes_nothing() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Bridge { a: A, b: B });
    let mut peer = Peer::new(A, Codec::Pcmu);
    peer.talk(&mut bench, A, 10, |_| vec![1; 160]);
    bench.take_sent(B);
    let stranger = SocketAddr::from(([203, 0, 113, 9], 9));
    let audio = peer.packet(0, false, peer.timestamp, &[1; 160]);
    bench.receive(A, stranger, &audio);
    bench.receive(A, peer.from, &[]);
    bench.receive(A, peer.from, &audio[..11]);
    bench.receive(A, peer.from, &[&[0x00], &audio[1..]].concat());
    bench.receive(A, peer.from, &peer.packet(97, false, peer.timestamp, &[1; 160]));
    bench.receive(A, peer.from, &peer.packet(101, true, peer.timestamp, &[1, 2]));
    bench.receive(A, peer.from, &peer.packet(0, false, peer.timestamp, &[1; 1_600]));
    bench.receive(A, peer.from, &[0x80, 200, 0, 1, 0, 0, 0, 0]);
    assert!(bench.take_sent(B).is_empty());
    assert_eq!(bench.keys(A), "");
    let stats = bench.close(A);
    assert_eq!((stats.packets_received, stats.packets_refused, stats.rtcp_received), (10, 7, 1));
    assert_eq!(stats.packets_lost, 0);
}

#[test]
fn header_extensions_contributors_and_padding_are_read_and_left_behind() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Bridge { a: A, b: B });
    let mut packet = vec![0x80 | 0x20 | 0x10 | 2, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7];
    packet.extend([0; 8]); // two contributors
    packet.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]); // an extension of one word
    packet.extend([5; 160]);
    packet.extend([0, 0, 0, 4]); // padding
    bench.receive(A, home(A), &packet);
    let sent = bench.take_sent(B);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].payload, [5; 160]);
}

#[test]
fn we_answer_to_where_the_peer_really_is() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Bridge { a: A, b: B });
    let behind_nat = SocketAddr::from(([198, 51, 100, 4], 55_555));
    let mut peer = Peer { from: behind_nat, ..Peer::new(A, Codec::Pcmu) };
    peer.talk(&mut bench, A, 3, |_| vec![1; 160]);
    let mut nurse = Peer::new(B, Codec::Pcmu);
    nurse.talk(&mut bench, B, 3, |_| vec![1; 160]);
    assert!(bench.take_sent(A).iter().all(|packet| packet.to == behind_nat));
    let moved = SocketAddr::from(([192, 0, 2, 200], 6_000));
    bench.command(Command::Apply { port: A, session: Session { remote: moved, ..session(A, Codec::Pcmu) } });
    nurse.talk(&mut bench, B, 3, |_| vec![1; 160]);
    assert!(bench.take_sent(A).iter().all(|packet| packet.to == moved));
}

#[test]
fn a_peer_that_appears_at_its_negotiated_address_is_heard_from_its_first_packet() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Bridge { a: A, b: B });
    let elsewhere = SocketAddr::from(([198, 51, 100, 4], 55_555));
    let mut peer = Peer { from: elsewhere, ..Peer::new(A, Codec::Pcmu) };
    peer.talk(&mut bench, A, 3, |_| vec![1; 160]);
    let mut same_source = Peer { sequence: 30_000, ..Peer::new(A, Codec::Pcmu) };
    same_source.talk(&mut bench, A, 3, |_| vec![1; 160]);
    assert_eq!(bench.take_sent(B).len(), 6);
    assert_eq!(bench.close(A).packets_lost, 0);
}

#[test]
fn nothing_is_sent_to_an_address_of_zero() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.close(A);
    bench.open(A);
    let nowhere = SocketAddr::from(([0, 0, 0, 0], 4_000));
    bench
        .command(Command::Apply { port: A, session: Session { remote: nowhere, ..session(A, Codec::Pcmu) } });
    bench.play(A, 1, vec![std::sync::Arc::new(media::Prompt::silence(Duration::from_secs(1)))]);
    bench.run_ms(1_500);
    assert!(bench.sent.is_empty());
    assert_eq!(bench.finished().len(), 1);
}

#[test]
fn jitter_and_loss_are_told_when_the_port_closes() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    let mut peer = Peer::new(A, Codec::Pcmu);
    for n in 0..400 {
        let packet = peer.audio(&[0; 160]);
        bench.run_ms(if n % 2 == 0 { 12 } else { 28 });
        if n % 20 != 7 {
            bench.receive(A, peer.from, &packet);
        }
    }
    let stats = bench.close(A);
    assert_eq!((stats.packets_received, stats.packets_lost), (380, 20));
    assert!((5_000..9_000).contains(&stats.jitter_us), "{} us", stats.jitter_us);
}
