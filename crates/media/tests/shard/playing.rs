//! Prompts, silence and the time between packets.

use std::sync::Arc;
use std::time::Duration;

use media::sdp::Codec;
use media::{Command, Event, PORTS_MAX, PlayEnd, Playlist, PortId, Prompt};

use crate::support::{A, B, Bench, assert_continuous, home, session, share_at, sound};

fn tone(hz: f64, milliseconds: u64) -> Arc<Prompt> {
    let duration = Duration::from_millis(milliseconds);
    Arc::new(Prompt::tone(&[hz], duration, Duration::ZERO, duration))
}

#[test]
fn a_prompt_is_heard_whole_in_either_codec_and_ends_once() {
    for (codec, payload_type) in [(Codec::Pcmu, 0), (Codec::Pcma, 8)] {
        let mut bench = Bench::with_ports(codec, codec);
        bench.play(A, 5, vec![tone(440.0, 1_000)]);
        bench.run_ms(1_200);
        let sent = bench.take_sent(A);
        let spoken: Vec<_> = sent.iter().filter(|packet| !packet.is_silence()).cloned().collect();
        assert_eq!(spoken.len(), 50);
        assert!(sent.iter().all(|packet| packet.payload_type == payload_type && packet.to == home(A)));
        assert!(share_at(440.0, &sound(&spoken)) > 0.98, "{}", share_at(440.0, &sound(&spoken)));
        assert!(share_at(600.0, &sound(&spoken)) < 0.01);
        assert_continuous(&sent);
        assert_eq!(bench.finished(), [(A, 5, PlayEnd::Finished)]);
    }
}

#[test]
fn packets_leave_every_20_ms_and_their_timestamps_follow_though_ticks_come_unevenly() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.play(A, 1, vec![tone(440.0, 60_000)]);
    for round in 0..500_u64 {
        // Each tick of A's slot comes up to 6 ms late.
        let late = (round + 1) * 6 % 7;
        bench.stall_ms(late);
        bench.tick();
        bench.stall_ms(20 - late);
        (0..19).for_each(|_| bench.tick());
    }
    let sent = bench.take_sent(A);
    assert!((499..=501).contains(&sent.len()), "{} packets in 10 s", sent.len());
    let steps = sent.windows(2).map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp));
    assert!(steps.into_iter().all(|step| step == 160));
    assert_eq!(sent.iter().filter(|packet| packet.marked).count(), 1);
    assert!(sent.windows(2).all(|pair| pair[0].at < pair[1].at), "one a tick");
}

#[test]
fn the_ports_of_a_shard_are_spread_over_the_20_ms() {
    let mut bench = Bench::new();
    let open = |bench: &mut Bench, ports: std::ops::Range<u64>| {
        for port in ports.map(PortId) {
            bench.open(port);
            bench.command(Command::Apply { port, session: session(port, Codec::Pcmu) });
            bench.play(port, 1, vec![tone(440.0, 1_000)]);
        }
    };
    open(&mut bench, 0..40);
    // Half of them close, and those that come fill the gaps.
    (0..40)
        .filter(|port| port % 20 >= 10)
        .map(PortId)
        .for_each(|port| bench.command(Command::Close { port }));
    open(&mut bench, 100..120);
    bench.run_ms(20);
    for milliseconds in 1..=20 {
        let at = bench.start + Duration::from_millis(milliseconds);
        assert_eq!(bench.sent.iter().filter(|packet| packet.at == at).count(), 2);
    }
}

#[test]
fn after_a_stall_no_word_is_lost_and_no_burst_is_sent() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.play(A, 1, vec![tone(440.0, 2_000)]);
    bench.run_ms(500);
    bench.stall_ms(700);
    bench.run_ms(2_500);
    let sent = bench.take_sent(A);
    assert_eq!(sent.iter().filter(|packet| !packet.is_silence()).count(), 100);
    let burst = sent.chunk_by(|a, b| a.at == b.at).map(<[_]>::len).max();
    assert_eq!(burst, Some(4));
    assert_continuous(&sent);
    // Real time, to the frame: 3.7 s from first to last.
    let passed = sent.last().unwrap().timestamp.wrapping_sub(sent[0].timestamp);
    let real = sent.last().unwrap().at.duration_since(sent[0].at).as_millis() as u32 * 8;
    assert!(passed.abs_diff(real) <= 160, "{passed} samples in {real}");
    assert_eq!(sent.iter().filter(|packet| packet.marked).count(), 2, "the start and the end of the pause");
}

#[test]
fn a_short_stall_is_caught_up_without_a_gap() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.play(A, 1, vec![tone(440.0, 2_000)]);
    bench.run_ms(500);
    bench.stall_ms(50);
    bench.run_ms(500);
    let sent = bench.take_sent(A);
    let steps = sent.windows(2).map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp));
    assert!(steps.into_iter().all(|step| step == 160));
    assert!((51..=53).contains(&sent.len()), "{}", sent.len());
}

#[test]
fn lead_in_prompts_and_silence_follow_one_another_in_one_stream() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    let playlist = Playlist {
        prompts: vec![tone(400.0, 300), tone(1_000.0, 300)],
        repeats: false,
        lead_in: Duration::from_millis(500),
        id: 9,
    };
    bench.command(Command::Play { port: A, playlist });
    bench.run_ms(2_000);
    let sent = bench.take_sent(A);
    assert_continuous(&sent);
    assert!(sent[..25].iter().all(crate::support::Sent::is_silence));
    assert!(share_at(400.0, &sound(&sent[25..40])) > 0.95);
    assert!(share_at(1_000.0, &sound(&sent[40..55])) > 0.95);
    assert!(sent[56..].iter().all(crate::support::Sent::is_silence));
    assert_eq!(sent.len(), 100, "silence goes on");
}

#[test]
fn a_repeated_list_goes_on_until_it_is_stopped_and_silence_follows() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    let playlist =
        Playlist { prompts: vec![tone(400.0, 330)], repeats: true, lead_in: Duration::ZERO, id: 9 };
    bench.command(Command::Play { port: A, playlist });
    bench.run_ms(5_000);
    assert!(bench.take_sent(A).iter().all(|packet| !packet.is_silence()));
    assert!(bench.finished().is_empty());
    bench.command(Command::Stop { port: A });
    bench.command(Command::Stop { port: A });
    assert_eq!(bench.finished(), [(A, 9, PlayEnd::Stopped)]);
    bench.run_ms(1_000);
    let sent = bench.take_sent(A);
    assert!(sent.len() == 50 && sent.iter().all(crate::support::Sent::is_silence));
}

#[test]
fn each_list_finishes_exactly_once_however_it_ends() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.play(A, 1, vec![tone(440.0, 100)]);
    bench.play(A, 2, vec![tone(440.0, 100)]);
    bench.run_ms(300);
    bench.play(A, 3, Vec::new());
    bench.run_ms(40);
    bench.play(A, 4, vec![tone(440.0, 10_000)]);
    bench.command(Command::Bridge { a: A, b: B });
    bench.play(B, 5, vec![tone(440.0, 10_000)]);
    bench.close(B);
    bench.close(A);
    let ends = [
        (A, 1, PlayEnd::Stopped),
        (A, 2, PlayEnd::Finished),
        (A, 3, PlayEnd::Finished),
        (A, 4, PlayEnd::Stopped),
        (B, 5, PlayEnd::Stopped),
    ];
    assert_eq!(bench.finished(), ends);
}

#[test]
fn nothing_is_said_before_the_session_or_the_first_prompt() {
    let mut bench = Bench::new();
    bench.open(A);
    bench.play(A, 1, vec![tone(440.0, 200)]);
    bench.run_ms(500);
    assert!(bench.sent.is_empty() && bench.finished().is_empty());
    bench.command(Command::Apply { port: A, session: session(A, Codec::Pcmu) });
    bench.run_ms(210);
    assert_eq!(bench.sent.iter().filter(|packet| !packet.is_silence()).count(), 10, "the list waited");

    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.run_ms(500);
    assert!(bench.sent.is_empty());
}

#[test]
fn a_peer_on_hold_gets_nothing_while_its_list_goes_on() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.play(A, 1, vec![tone(440.0, 2_000)]);
    bench.run_ms(500);
    let before = bench.take_sent(A);
    bench.command(Command::Apply {
        port: A,
        session: media::sdp::Session { sends: false, ..session(A, Codec::Pcmu) },
    });
    bench.run_ms(1_000);
    assert!(bench.sent.is_empty());
    bench.command(Command::Apply { port: A, session: session(A, Codec::Pcmu) });
    bench.run_ms(1_000);
    let after = bench.take_sent(A);
    assert_eq!(after[0].sequence, before.last().unwrap().sequence.wrapping_add(1));
    assert_eq!(after[0].timestamp.wrapping_sub(before.last().unwrap().timestamp), 8_160);
    assert!(after[0].marked);
    assert_eq!(after.iter().filter(|packet| !packet.is_silence()).count(), 25);
    assert_eq!(bench.finished(), [(A, 1, PlayEnd::Finished)]);
}

#[test]
fn a_change_of_codec_in_the_middle_of_a_prompt_goes_on_in_the_other() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.play(A, 1, vec![tone(400.0, 1_000)]);
    bench.run_ms(500);
    bench.command(Command::Apply { port: A, session: session(A, Codec::Pcma) });
    bench.run_ms(480);
    let sent = bench.take_sent(A);
    assert_continuous(&sent);
    assert_eq!((sent[0].payload_type, sent[48].payload_type), (0, 8));
    assert!(share_at(400.0, &sound(&sent)) > 0.98);
}

#[test]
fn the_peer_chooses_how_much_audio_a_packet_has() {
    for (milliseconds, packets) in [(10, 200), (20, 100), (30, 67), (40, 50), (60, 34)] {
        let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
        let ptime = Duration::from_millis(milliseconds);
        bench.command(Command::Apply {
            port: A,
            session: media::sdp::Session { ptime, ..session(A, Codec::Pcmu) },
        });
        bench.play(A, 1, vec![tone(440.0, 10_000)]);
        bench.run_ms(2_000);
        let sent = bench.take_sent(A);
        assert!(sent.len().abs_diff(packets) <= 1, "{} packets of {milliseconds} ms in 2 s", sent.len());
        assert!(sent.iter().all(|packet| packet.payload.len() == milliseconds as usize * 8));
        assert_continuous(&sent);
    }
}

#[test]
fn a_full_shard_refuses_a_port_and_takes_it_when_another_closed() {
    let mut bench = Bench::new();
    for port in (0..PORTS_MAX as u64).map(PortId) {
        bench.open(port);
    }
    assert!(bench.events.iter().all(|event| matches!(event, Event::Opened { .. })));
    let late = PortId(1_000_000);
    bench.open(late);
    assert!(matches!(bench.events.last(), Some(Event::OpenFailed { port }) if *port == late));
    assert_eq!(bench.shard.ports(), PORTS_MAX);
    bench.close(PortId(17));
    bench.open(late);
    assert!(matches!(bench.events.last(), Some(Event::Opened { port }) if *port == late));
}

#[test]
fn commands_for_ports_that_are_gone_do_nothing() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.close(A);
    bench.events.clear();
    bench.play(A, 1, vec![tone(440.0, 100)]);
    bench.command(Command::Bridge { a: A, b: B });
    bench.command(Command::Bridge { a: B, b: B });
    bench.command(Command::Unbridge { port: A });
    bench.command(Command::Close { port: A });
    bench.run_ms(100);
    assert!(bench.events.is_empty() && bench.sent.is_empty());
    assert_eq!(bench.shard.ports(), 1);
}
