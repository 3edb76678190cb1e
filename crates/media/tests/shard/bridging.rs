//! Two ports joined.

use std::sync::Arc;
use std::time::Duration;

use media::sdp::{Codec, Session};
use media::{Command, PlayEnd, Prompt};

use crate::support::{
    A, B, Bench, Peer, Sent, assert_continuous, home, session, share_at, sound, tone_frame,
};

#[test]
fn a_tone_passes_both_ways_between_any_two_codecs_and_at_once() {
    for (a, b) in [
        (Codec::Pcmu, Codec::Pcmu),
        (Codec::Pcma, Codec::Pcma),
        (Codec::Pcmu, Codec::Pcma),
        (Codec::Pcma, Codec::Pcmu),
    ] {
        let mut bench = Bench::with_ports(a, b);
        bench.command(Command::Bridge { a: A, b: B });
        let (mut caller, mut nurse) = (Peer::new(A, a), Peer::new(B, b));
        let (low, high) = (tone_frame(a, 400.0), tone_frame(b, 1_000.0));
        for n in 0..100 {
            bench.run_ms(20);
            let (packet, before) = (caller.audio(&low(n)), bench.sent.len());
            bench.receive(A, caller.from, &packet);
            assert_eq!(bench.sent.len(), before + 1, "relayed within receive");
            let packet = nurse.audio(&high(n));
            bench.receive(B, nurse.from, &packet);
        }
        let (to_caller, to_nurse) = (bench.take_sent(A), bench.take_sent(B));
        for (sent, hz, codec, port) in [(to_caller, 1_000.0, a, A), (to_nurse, 400.0, b, B)] {
            assert_eq!(sent.len(), 100);
            assert_continuous(&sent);
            assert!(share_at(hz, &sound(&sent)) > 0.98, "{a:?} {b:?}");
            let payload_type = session(port, codec).payload_type;
            assert!(sent.iter().all(|packet| packet.payload_type == payload_type && packet.to == home(port)));
            assert_eq!(sent.iter().filter(|packet| packet.marked).count(), 1, "one talkspurt");
        }
    }
}

#[test]
fn equal_codecs_are_relayed_byte_for_byte_in_packets_of_any_length() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Bridge { a: A, b: B });
    let mut caller = Peer::new(A, Codec::Pcmu);
    let mut at = None;
    for length in [160, 240, 480, 80, 1] {
        let payload: Vec<u8> = (0..length).map(|n: u32| (n * 7 % 256) as u8).collect();
        let packet = caller.audio(&payload);
        bench.receive(A, caller.from, &packet);
        let sent = bench.take_sent(B);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].payload, payload);
        if let Some(at) = at {
            assert_eq!(sent[0].timestamp, at);
        }
        at = Some(sent[0].timestamp.wrapping_add(length));
    }
}

#[test]
fn the_peer_hears_one_stream_through_prompt_bridge_prompt_and_bridge() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcma);
    let second = Duration::from_secs(1);
    let prompt = || Arc::new(Prompt::tone(&[700.0], second, Duration::ZERO, second));
    let mut nurse = Peer::new(B, Codec::Pcma);
    let talk = tone_frame(Codec::Pcma, 400.0);
    for round in 0..12 {
        bench.play(A, round, vec![prompt()]);
        nurse.talk(&mut bench, B, 31, &talk);
        // Each round the bridge begins elsewhere between two packets.
        bench.run_ms(round);
        bench.command(Command::Bridge { a: A, b: B });
        nurse.talk(&mut bench, B, 25, &talk);
        bench.command(Command::Unbridge { port: B });
        nurse.talk(&mut bench, B, 10, &talk);
    }
    assert_eq!(bench.finished(), (0..12).map(|n| (A, n, PlayEnd::Stopped)).collect::<Vec<_>>());
    let sent = bench.take_sent(A);
    assert_continuous(&sent);
    let begun = sent.iter().filter(|packet| packet.marked).count();
    assert_eq!(begun, 3 * 12, "each prompt, bridge and silence after it is marked");
    assert!(sent.iter().filter(|packet| packet.payload_type == 0).count() == sent.len());
    // However often it changes, what the peer is sent stays within a packet or so of real time.
    let (first, last) = (&sent[0], sent.last().unwrap());
    let real = last.at.duration_since(first.at).as_millis() as u32 * 8;
    let said = last.timestamp.wrapping_sub(first.timestamp);
    assert!(said.abs_diff(real) <= 400, "{said} samples in {real}");
}

#[test]
fn loss_and_reordering_stay_visible_to_the_receiver() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Bridge { a: A, b: B });
    let mut caller = Peer::new(A, Codec::Pcmu);
    let packets: Vec<Vec<u8>> = (0..10).map(|n| caller.audio(&[n; 160])).collect();
    for n in [0, 1, 4, 3, 5, 8, 9] {
        bench.receive(A, caller.from, &packets[n]);
    }
    let sent = bench.take_sent(B);
    let (sequence, timestamp) = (sent[0].sequence, sent[0].timestamp);
    let steps: Vec<(u16, u32)> = sent
        .iter()
        .map(|packet| {
            (packet.sequence.wrapping_sub(sequence), packet.timestamp.wrapping_sub(timestamp) / 160)
        })
        .collect();
    assert_eq!(steps, [(0, 0), (1, 1), (4, 4), (3, 3), (5, 5), (8, 8), (9, 9)]);
    assert_eq!(bench.close(A).packets_lost, 3);
}

#[test]
fn a_late_packet_of_the_time_before_the_bridge_takes_nobodys_number() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    let mut caller = Peer::new(A, Codec::Pcmu);
    let packets: Vec<Vec<u8>> = (0..5).map(|n| caller.audio(&[n; 160])).collect();
    bench.receive(A, caller.from, &packets[0]);
    bench.command(Command::Bridge { a: A, b: B });
    for n in [2, 1, 3] {
        bench.receive(A, caller.from, &packets[n]);
    }
    let sent = bench.take_sent(B);
    assert_eq!(sent.len(), 2);
    assert_continuous(&sent);
}

#[test]
fn keys_cross_the_bridge_with_the_other_sides_number_and_are_told_too() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcma);
    bench.command(Command::Apply {
        port: B,
        session: Session { telephone_event: Some(96), ..session(B, Codec::Pcma) },
    });
    bench.command(Command::Bridge { a: A, b: B });
    let mut caller = Peer::new(A, Codec::Pcmu);
    caller.talk(&mut bench, A, 5, |_| vec![0; 160]);
    for packet in caller.key('4') {
        bench.run_ms(20);
        bench.receive(A, caller.from, &packet);
    }
    caller.talk(&mut bench, A, 5, |_| vec![0; 160]);
    assert_eq!(bench.keys(A), "4");
    let sent = bench.take_sent(B);
    let keys: Vec<&Sent> = sent.iter().filter(|packet| packet.payload_type == 96).collect();
    assert_eq!((sent.len(), keys.len()), (17, 7));
    assert!(keys[0].marked && keys.iter().all(|packet| packet.timestamp == keys[0].timestamp));
    assert_eq!(keys[6].payload, [4, 0x8a, 3, 32]);
    for pair in sent.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
    }
}

#[test]
fn keys_of_a_secret_stay_here_and_leave_no_gap() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Bridge { a: A, b: B });
    bench.command(Command::MuteDigits { port: A, muted: true });
    let mut caller = Peer::new(A, Codec::Pcmu);
    for key in "1987".chars() {
        caller.talk(&mut bench, A, 5, |_| vec![0; 160]);
        for packet in caller.key(key) {
            bench.run_ms(20);
            bench.receive(A, caller.from, &packet);
        }
    }
    assert_eq!(bench.keys(A), "1987");
    let sent = bench.take_sent(B);
    assert!(sent.iter().all(|packet| packet.payload_type == 0));
    assert_eq!(sent.len(), 20);
    assert_continuous(&sent);
    assert_eq!(sent.iter().filter(|packet| packet.marked).count(), 1, "the talk goes on as if nothing were");

    bench.command(Command::MuteDigits { port: A, muted: false });
    for packet in caller.key('5') {
        bench.run_ms(20);
        bench.receive(A, caller.from, &packet);
    }
    assert_eq!(bench.take_sent(B).len(), 7);
}

#[test]
fn a_peer_on_hold_hears_nothing_and_then_goes_on_where_it_was() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Bridge { a: A, b: B });
    let mut caller = Peer::new(A, Codec::Pcmu);
    caller.talk(&mut bench, A, 10, |_| vec![1; 160]);
    let before = bench.take_sent(B);
    let on_hold = Session { sends: false, ..session(B, Codec::Pcmu) };
    bench.command(Command::Apply { port: B, session: on_hold });
    caller.talk(&mut bench, A, 100, |_| vec![1; 160]);
    assert!(bench.take_sent(B).is_empty());
    bench.command(Command::Apply { port: B, session: session(B, Codec::Pcmu) });
    caller.talk(&mut bench, A, 10, |_| vec![1; 160]);
    let after = bench.take_sent(B);
    let all: Vec<Sent> = before.into_iter().chain(after).filter(|packet| !packet.is_silence()).collect();
    assert_eq!(all.len(), 20);
    assert_continuous(&all);
    assert!(all[10].marked);
}

#[test]
fn a_peer_we_put_on_hold_is_not_heard() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Bridge { a: A, b: B });
    let held = Session { receives: false, ..session(A, Codec::Pcmu) };
    bench.command(Command::Apply { port: A, session: held });
    Peer::new(A, Codec::Pcmu).talk(&mut bench, A, 10, |_| vec![1; 160]);
    assert!(bench.take_sent(B).is_empty());
}

#[test]
fn a_bridge_whose_other_side_is_quiet_is_filled_with_silence_until_it_speaks() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Bridge { a: A, b: B });
    let mut caller = Peer::new(A, Codec::Pcmu);
    caller.talk(&mut bench, A, 10, |_| vec![1; 160]);
    bench.run_ms(3_000);
    caller.timestamp = caller.timestamp.wrapping_add(24_000);
    caller.talk(&mut bench, A, 10, |_| vec![1; 160]);
    let sent = bench.take_sent(B);
    assert_continuous(&sent);
    let quiet = sent.iter().filter(|packet| packet.is_silence()).count();
    assert!((99..=102).contains(&quiet), "{quiet} packets in the last 2 of 3 s");
    assert_eq!(sent.len() - quiet, 20);
}

#[test]
fn a_prompt_to_one_side_of_a_bridge_is_heard_instead_of_the_other_and_then_the_bridge_again() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Bridge { a: A, b: B });
    let (mut nurse, talk) = (Peer::new(B, Codec::Pcmu), tone_frame(Codec::Pcmu, 400.0));
    nurse.talk(&mut bench, B, 10, &talk);
    let half = Duration::from_millis(500);
    bench.play(A, 3, vec![Arc::new(Prompt::tone(&[1_000.0], half, Duration::ZERO, half))]);
    nurse.talk(&mut bench, B, 50, &talk);
    let sent = bench.take_sent(A);
    assert_continuous(&sent);
    assert!(share_at(400.0, &sound(&sent[..10])) > 0.95);
    assert!(share_at(1_000.0, &sound(&sent[10..35])) > 0.95);
    assert!(share_at(400.0, &sound(&sent[36..])) > 0.95);
    assert_eq!(bench.finished(), [(A, 3, PlayEnd::Finished)]);
}

#[test]
fn a_third_port_takes_a_bridge_over_and_the_one_left_lives_on() {
    let c = media::PortId(1_003);
    for (one, other) in [(c, A), (A, c)] {
        let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
        bench.open(c);
        bench.command(Command::Apply { port: c, session: session(c, Codec::Pcmu) });
        bench.command(Command::Bridge { a: A, b: B });
        bench.command(Command::Bridge { a: one, b: other });
        let mut caller = Peer::new(A, Codec::Pcmu);
        caller.talk(&mut bench, A, 10, |_| vec![1; 160]);
        assert_eq!(bench.take_sent(c).len(), 10);
        assert!(bench.take_sent(B).iter().all(Sent::is_silence), "left alone, in silence");
        Peer::new(B, Codec::Pcmu).talk(&mut bench, B, 10, |_| vec![1; 160]);
        assert!(bench.take_sent(A).iter().all(Sent::is_silence), "and not heard");
    }
}

#[test]
fn a_port_in_the_place_of_a_closed_one_does_not_hear_whom_that_heard() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    let (c, d) = (media::PortId(1_003), media::PortId(1_004));
    bench.command(Command::Bridge { a: A, b: B });
    bench.close(B);
    for port in [c, d] {
        bench.open(port);
        bench.command(Command::Apply { port, session: session(port, Codec::Pcmu) });
    }
    bench.command(Command::Bridge { a: c, b: d });
    Peer::new(A, Codec::Pcmu).talk(&mut bench, A, 10, |_| vec![1; 160]);
    assert!(bench.take_sent(A).iter().all(Sent::is_silence), "the one left lives on");
    assert!(bench.take_sent(c).is_empty() && bench.take_sent(d).is_empty());
}

#[test]
fn a_peer_that_restarts_its_stream_or_its_clock_is_one_stream_to_the_other_side() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Bridge { a: A, b: B });
    let mut caller = Peer::new(A, Codec::Pcmu);
    caller.talk(&mut bench, A, 10, |_| vec![1; 160]);
    (caller.ssrc, caller.sequence, caller.timestamp) = (5, 100, 9);
    caller.talk(&mut bench, A, 10, |_| vec![1; 160]);
    caller.timestamp = caller.timestamp.wrapping_add(1 << 30);
    caller.talk(&mut bench, A, 10, |_| vec![1; 160]);
    caller.sequence = 30_000;
    caller.talk(&mut bench, A, 11, |_| vec![1; 160]);
    let sent = bench.take_sent(B);
    assert_eq!(sent.len(), 40, "the first packet of the last restart is not believed yet");
    assert_continuous(&sent);
    let said = sent[39].timestamp.wrapping_sub(sent[0].timestamp);
    assert!(said.abs_diff(40 * 160) <= 160, "{said}");
}
