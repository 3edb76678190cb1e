//! A port is recorded: both ways, by media time.

use std::time::Duration;

use media::sdp::Codec;
use media::{Channels, Command, Event, RecordingId, RecordingPlan};

use crate::support::{A, B, Bench, Peer, decode, share_at, tone_frame};

const SECOND: usize = 8_000;

fn plan(channels: Channels) -> RecordingPlan {
    RecordingPlan { id: RecordingId(7), channels, hush_after: Duration::ZERO }
}

/// The samples of each channel, in order and without a hole, once the recording has ended.
fn recorded(bench: &Bench, channels: usize) -> Vec<Vec<f64>> {
    let mut bytes: Vec<u8> = Vec::new();
    for event in &bench.events {
        if let Event::Recorded { at, audio, .. } = event {
            assert_eq!(*at as usize * channels, bytes.len(), "chunks follow one another");
            bytes.extend_from_slice(&audio.0);
        }
    }
    let channel = |n| bytes.iter().copied().skip(n).step_by(channels).collect::<Vec<u8>>();
    (0..channels).map(|n| decode(0, &channel(n))).collect()
}

fn energy(samples: &[f64]) -> f64 {
    samples.iter().map(|sample| sample * sample).sum()
}

#[test]
fn both_sides_of_a_bridge_are_in_their_own_channels_whatever_codecs_they_speak() {
    for (a, b) in [(Codec::Pcmu, Codec::Pcmu), (Codec::Pcma, Codec::Pcmu), (Codec::Pcmu, Codec::Pcma)] {
        let mut bench = Bench::with_ports(a, b);
        bench.command(Command::Bridge { a: A, b: B });
        bench.command(Command::Record { port: A, plan: plan(Channels::Both) });
        let (mut caller, mut nurse) = (Peer::new(A, a), Peer::new(B, b));
        let (low, high) = (tone_frame(a, 400.0), tone_frame(b, 1_000.0));
        for n in 0..150 {
            bench.run_ms(20);
            let packet = caller.audio(&low(n));
            bench.receive(A, caller.from, &packet);
            let packet = nurse.audio(&high(n));
            bench.receive(B, nurse.from, &packet);
        }
        bench.command(Command::StopRecording { port: A });
        let channels = recorded(&bench, 2);
        assert_eq!(channels[0].len(), 3 * SECOND, "three seconds, whatever came");
        for (channel, hz) in channels.iter().zip([400.0, 1_000.0]) {
            assert!(share_at(hz, &channel[SECOND..2 * SECOND]) > 0.98, "{a:?} {b:?} {hz}");
        }
    }
}

#[test]
fn swapped_packets_are_put_in_place_and_lost_ones_are_silence_of_their_length() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Record { port: A, plan: plan(Channels::Heard) });
    let mut caller = Peer::new(A, Codec::Pcmu);
    let tone = tone_frame(Codec::Pcmu, 400.0);
    let packets: Vec<Vec<u8>> = (0..100).map(|n| caller.audio(&tone(n))).collect();
    let mut order: Vec<usize> = (0..100).filter(|n| !(40..50).contains(n)).collect();
    for pair in [10, 30, 60, 80] {
        order.swap(pair, pair + 1);
    }
    for n in order {
        // Where it was lost time passes all the same.
        bench.run_ms(if n == 50 { 220 } else { 20 });
        bench.receive(A, caller.from, &packets[n]);
    }
    bench.command(Command::StopRecording { port: A });
    let channel = &recorded(&bench, 1)[0];
    let first = channel.iter().position(|sample| *sample != 0.0).unwrap();
    let lost = first + 40 * 160;
    assert_eq!(energy(&channel[lost + 1..lost + 10 * 160 - 1]), 0.0);
    assert!(share_at(400.0, &channel[first..lost]) > 0.98, "not one sample out of place");
    let rest = &channel[lost + 10 * 160..lost + 40 * 160];
    assert!(share_at(400.0, rest) > 0.98);
}

#[test]
fn what_is_said_while_it_is_paused_is_silence_also_when_it_comes_late() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Record { port: A, plan: plan(Channels::Heard) });
    let mut caller = Peer::new(A, Codec::Pcmu);
    let tone = tone_frame(Codec::Pcmu, 400.0);
    caller.talk(&mut bench, A, 50, &tone);
    bench.command(Command::PauseRecording { port: A, paused: true });
    caller.talk(&mut bench, A, 49, &tone);
    let late = caller.audio(&tone(1));
    bench.run_ms(20);
    bench.command(Command::PauseRecording { port: A, paused: false });
    bench.receive(A, caller.from, &late);
    caller.talk(&mut bench, A, 50, &tone);
    bench.command(Command::Close { port: A });
    let channel = &recorded(&bench, 1)[0];
    assert_eq!(channel.len(), 3 * SECOND);
    // The late packet ends where the pause does, and begins before.
    assert_eq!(energy(&channel[SECOND + 160..2 * SECOND - 1]), 0.0);
    assert!(share_at(400.0, &channel[200..SECOND]) > 0.95);
    assert!(share_at(400.0, &channel[2 * SECOND + 160..3 * SECOND - 160]) > 0.95);
}

#[test]
fn a_speaker_who_falls_silent_is_told_once_and_how_long_she_spoke_at_the_end() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    let plan = RecordingPlan { hush_after: Duration::from_secs(3), ..plan(Channels::Heard) };
    bench.command(Command::Record { port: A, plan });
    let mut caller = Peer::new(A, Codec::Pcmu);
    let tone = tone_frame(Codec::Pcmu, 400.0);
    let hushed =
        |bench: &Bench| bench.events.iter().filter(|event| matches!(event, Event::Hushed { .. })).count();
    caller.talk(&mut bench, A, 100, &tone);
    caller.talk(&mut bench, A, 140, |_| vec![0xff; 160]);
    assert_eq!(hushed(&bench), 0, "2.8 s of silence");
    caller.talk(&mut bench, A, 100, |_| vec![0xff; 160]);
    assert_eq!(hushed(&bench), 1);
    bench.command(Command::Close { port: A });
    let ended = bench.events.iter().find_map(|event| match event {
        Event::RecordingEnded { samples, voiced, .. } => Some((*samples, *voiced)),
        _ => None,
    });
    assert_eq!(ended, Some((340 * 160, 100 * 160)));
}

#[test]
fn a_peer_that_sends_nothing_or_jumps_its_clock_leaves_a_recording_as_long_as_the_time() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Record { port: A, plan: plan(Channels::Heard) });
    bench.run_ms(2_500);
    let mut caller = Peer::new(A, Codec::Pcmu);
    let tone = tone_frame(Codec::Pcmu, 400.0);
    caller.talk(&mut bench, A, 50, &tone);
    caller.timestamp = caller.timestamp.wrapping_add(3_000_000_000);
    caller.talk(&mut bench, A, 50, &tone);
    bench.stall_ms(10_000);
    bench.command(Command::StopRecording { port: A });
    let channel = &recorded(&bench, 1)[0];
    assert_eq!(channel.len(), 14_500 * 8);
    assert!(share_at(400.0, &channel[3_600 * 8..4_400 * 8]) > 0.95, "after the jump it goes on in its place");
}
