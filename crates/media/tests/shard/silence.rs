//! Peers that send nothing while they say nothing, with comfort noise (RFC 3389) or without.

use media::sdp::{Codec, Session};
use media::{Command, Conference, PortId};

use crate::support::{A, B, Bench, Peer, Sent, decode, session, tone_frame};

/// How far below the loudest a sound is, in decibels.
fn level(samples: &[f64]) -> f64 {
    let mean = samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len() as f64;
    -20.0 * (mean.sqrt() / 32_768.0).log10()
}

fn linear(sent: &[Sent]) -> Vec<f64> {
    let sample = |bytes: &[u8; 2]| f64::from(i16::from_be_bytes(*bytes));
    sent.iter().flat_map(|packet| packet.payload.as_chunks().0.iter().map(sample)).collect()
}

/// A speaks a second, is silent for two, of which it tells first if it has a level, and speaks a second more.
fn talk(bench: &mut Bench, told: Option<u8>) {
    let mut peer = Peer::new(A, Codec::Pcmu);
    let tone = tone_frame(Codec::Pcmu, 400.0);
    // A quiet room: the smallest steps of the law, some 72 dB below the loudest.
    let room = |n: usize| vec![if n.is_multiple_of(2) { 0xfe } else { 0x7e }; 160];
    peer.talk(bench, A, 50, |n| if n < 45 { tone(n) } else { room(n) });
    bench.run_ms(20);
    if let Some(told) = told {
        let packet = peer.packet(13, false, peer.timestamp, &[told]);
        bench.receive(A, peer.from, &packet);
        peer.sequence = peer.sequence.wrapping_add(1);
    }
    bench.run_ms(1_980);
    peer.timestamp = peer.timestamp.wrapping_add(100 * 160);
    peer.talk(bench, A, 50, tone);
}

fn bridged(b: Codec, agreed: [bool; 2]) -> Bench {
    let mut bench = Bench::with_ports(Codec::Pcmu, b);
    for (port, codec, comfort_noise) in [(A, Codec::Pcmu, agreed[0]), (B, b, agreed[1])] {
        let session = Session { comfort_noise, ..session(port, codec) };
        bench.command(Command::Apply { port, session });
    }
    bench.command(Command::Bridge { a: A, b: B });
    bench
}

#[test]
fn silence_is_heard_as_soft_noise_in_another_codec_and_is_no_loss() {
    for told in [Some(50), None] {
        let mut bench = bridged(Codec::L16, [told.is_some(), false]);
        talk(&mut bench, told);
        let sent = bench.take_sent(B);
        for pair in sent.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "{told:?}");
            let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
            assert!(step == 160 || (told.is_none() && step > 160), "{told:?}: {step}");
        }
        // Who does not tell of his silence may only be late, for a second.
        let packets = if told.is_some() { 197..=201 } else { 150..=165 };
        assert!(packets.contains(&sent.len()), "{told:?}: {} packets in four seconds", sent.len());
        let silence = level(&linear(&sent[60..95]));
        let expected = if told.is_some() { 48.0..52.0 } else { 60.0..85.0 };
        assert!(expected.contains(&silence), "{told:?}: {silence} dB");
        assert!(level(&linear(&sent[sent.len() - 40..])) < 30.0, "{told:?}: and the talk goes on");
        assert_eq!(bench.close(A).packets_lost, 0);
    }
}

#[test]
fn a_conference_hears_the_silence_of_one_who_tells_of_it() {
    let third = PortId(1_003);
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.open(third);
    bench.command(Command::Apply { port: third, session: session(third, Codec::Pcmu) });
    bench.command(Command::Confer { conference: Conference::of(&[A, B, third]).unwrap() });
    talk(&mut bench, Some(50));
    let sent = bench.take_sent(B);
    let silent: Vec<f64> = sent[70..140].iter().flat_map(|sent| decode(0, &sent.payload)).collect();
    assert!((47.0..53.0).contains(&level(&silent)), "{} dB", level(&silent));
}

#[test]
fn comfort_noise_crosses_a_bridge_of_two_who_agreed_on_it_and_no_other() {
    for (agreed, crosses) in [([true, true], true), ([true, false], false)] {
        let mut bench = bridged(Codec::Pcmu, agreed);
        talk(&mut bench, Some(50));
        let sent = bench.take_sent(B);
        let noise: Vec<&Sent> = sent.iter().filter(|packet| packet.payload_type == 13).collect();
        assert_eq!(noise.len(), usize::from(crosses), "{agreed:?}");
        assert!(noise.iter().all(|packet| packet.payload == [50]));
        for pair in sent.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "{agreed:?}: nothing looks lost");
        }
        let silent = sent.iter().filter(|packet| packet.payload_type == 0 && packet.is_silence()).count();
        assert_eq!(
            silent == 0,
            crosses,
            "a peer that makes the noise itself is sent nothing for ten seconds"
        );
    }
}

#[test]
fn a_line_that_died_is_not_filled_for_ever() {
    let mut bench = bridged(Codec::L16, [false, false]);
    talk(&mut bench, None);
    bench.run_ms(12_000);
    bench.take_sent(B);
    bench.run_ms(1_000);
    let sent = bench.take_sent(B);
    assert_eq!(sent.len(), 50);
    assert!(linear(&sent).iter().all(|sample| *sample == 0.0), "silence, as to anybody who hears nobody");
}
