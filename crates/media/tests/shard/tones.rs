//! Keys as tones in the audio: heard from peers that agree on no telephone-event, sent to them, kept from the other
//! side of a bridge, and not taken for speech or speech for them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use media::sdp::{Codec, Session};
use media::{Command, Digit, Prompt};

use crate::support::{A, B, Bench, Peer, Sent, session, share_at, sound, tone_frame};

const KEYS: &str = "0123456789*#ABCD";
const RATE: u32 = 16_000;

fn without_events(port: media::PortId, codec: Codec) -> Session {
    Session { telephone_event: None, ..session(port, codec) }
}

/// A bench whose port A speaks to somebody who knows no telephone-event.
fn bench(codec: Codec) -> Bench {
    let mut bench = Bench::with_ports(codec, codec);
    bench.command(Command::Apply { port: A, session: without_events(A, codec) });
    bench
}

/// A key as a telephone of the last century sends it, at 16 kHz.
fn pressed(key: char, ms: u32) -> Vec<f64> {
    let at = KEYS.find(key).unwrap();
    let (low, high) = match key {
        '0' => (941.0, 1_336.0),
        '*' => (941.0, 1_209.0),
        '#' => (941.0, 1_477.0),
        'A'..='D' => ([697.0, 770.0, 852.0, 941.0][at - 12], 1_633.0),
        _ => ([697.0, 770.0, 852.0][(at - 1) / 3], [1_209.0, 1_336.0, 1_477.0][(at - 1) % 3]),
    };
    let wave =
        |hz: f64, n: u32| 5_000.0 * (std::f64::consts::TAU * hz * f64::from(n) / f64::from(RATE)).sin();
    (0..RATE * ms / 1_000).map(|n| wave(low, n) + wave(high, n)).collect()
}

fn as_samples(audio: &[f64]) -> Vec<i16> {
    audio.iter().map(|sample| sample.clamp(-32_768.0, 32_767.0) as i16).collect()
}

/// What a peer would send of some audio at 16 kHz: G.711, packet by packet.
fn on_the_wire(codec: Codec, audio: &[i16]) -> Vec<Vec<u8>> {
    let prompt = Prompt::from_pcm(audio, RATE);
    let milliseconds = prompt.duration().as_millis() as u64;
    let mut bench = Bench::with_ports(codec, codec);
    bench.play(A, 1, vec![Arc::new(prompt)]);
    bench.run_ms(milliseconds + 40);
    bench.take_sent(A).into_iter().map(|packet| packet.payload).collect()
}

/// Keys heard in some audio by a port without telephone-event.
fn heard(codec: Codec, audio: &[i16]) -> String {
    let mut bench = bench(codec);
    let mut peer = Peer::new(A, codec);
    for payload in on_the_wire(codec, audio) {
        bench.run_ms(20);
        let packet = peer.audio(&payload);
        bench.receive(A, peer.from, &packet);
    }
    bench.keys(A)
}

fn heard_as_tones(sent: &[Sent]) -> String {
    let mut bench = bench(Codec::Pcmu);
    let mut peer = Peer::new(A, Codec::Pcmu);
    for packet in sent {
        let packet = peer.audio(&packet.payload);
        bench.receive(A, peer.from, &packet);
    }
    bench.keys(A)
}

/// Every recording that ships, in every language: 16-bit mono at 16 kHz behind 44 bytes of header.
fn recordings() -> Vec<Vec<i16>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../call-flows/prompts");
    let folders =
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files =
        folders.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "wav")).collect();
    files.sort();
    let samples = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    };
    files.iter().map(samples).collect()
}

#[test]
fn every_key_is_heard_as_a_tone_in_both_laws() {
    for codec in [Codec::Pcmu, Codec::Pcma] {
        let pause = vec![0.0; 800];
        let audio: Vec<f64> =
            KEYS.chars().flat_map(|key| [pressed(key, 50), pause.clone()].concat()).collect();
        assert_eq!(heard(codec, &as_samples(&audio)), KEYS);
    }
}

#[test]
fn a_key_for_a_peer_without_telephone_event_goes_as_a_tone_and_the_prompt_goes_on_behind_it() {
    let mut bench = bench(Codec::Pcmu);
    for key in "49#".chars() {
        bench.command(Command::SendDigit { port: A, digit: Digit::from_char(key).unwrap() });
    }
    let second = Duration::from_secs(1);
    bench.play(A, 1, vec![Arc::new(Prompt::tone(&[500.0], second, Duration::ZERO, second))]);
    bench.run_ms(2_000);
    let sent = bench.take_sent(A);
    assert!(sent.iter().all(|packet| packet.payload_type == 0));
    assert_eq!(heard_as_tones(&sent), "49#");
    let behind = sound(&sent[40..70]);
    assert!(share_at(500.0, &behind) > 0.95, "{}", share_at(500.0, &behind));
    assert_eq!(bench.finished().len(), 1);
}

#[test]
fn a_key_of_one_side_as_event_is_heard_by_the_other_as_tone() {
    let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcmu);
    bench.command(Command::Apply { port: B, session: without_events(B, Codec::Pcmu) });
    bench.command(Command::Bridge { a: A, b: B });
    let mut caller = Peer::new(A, Codec::Pcmu);
    let talk = tone_frame(Codec::Pcmu, 400.0);
    for key in "17*".chars() {
        for packet in caller.key(key) {
            bench.run_ms(20);
            bench.receive(A, caller.from, &packet);
        }
        caller.talk(&mut bench, A, 10, &talk);
    }
    bench.run_ms(1_000);
    assert_eq!(heard_as_tones(&bench.take_sent(B)), "17*");
    assert_eq!(bench.keys(A), "17*");
}

#[test]
fn a_secret_keyed_as_a_tone_is_told_to_us_and_not_heard_across_a_bridge() {
    let audio = as_samples(
        &[vec![0.0; 1_600], pressed('7', 80), vec![0.0; 3_200], pressed('3', 80), vec![0.0; 3_200]].concat(),
    );
    let packets = on_the_wire(Codec::Pcmu, &audio);
    let across = |muted: bool| {
        let mut bench = bench(Codec::Pcmu);
        bench.command(Command::Bridge { a: A, b: B });
        bench.command(Command::MuteDigits { port: A, muted });
        let mut caller = Peer::new(A, Codec::Pcmu);
        for payload in &packets {
            bench.run_ms(20);
            let packet = caller.audio(payload);
            bench.receive(A, caller.from, &packet);
        }
        assert_eq!(bench.keys(A), "73");
        heard_as_tones(&bench.take_sent(B))
    };
    assert_eq!(across(false), "73");
    assert_eq!(across(true), "");
}

#[test]
fn speech_is_not_taken_for_keys() {
    let recordings = recordings();
    let minutes = recordings.iter().map(Vec::len).sum::<usize>() as f64 / f64::from(RATE) / 60.0;
    let wrong: Vec<String> =
        recordings.iter().map(|audio| heard(Codec::Pcmu, audio)).filter(|keys| !keys.is_empty()).collect();
    println!(
        "{minutes:.1} minutes of speech in two languages: {} keys heard that nobody pressed",
        wrong.concat().len()
    );
    assert!(minutes > 10.0);
    // Bellcore's talk-off tape allows 10 to 15 in its half an hour of speech picked to provoke them.
    assert!(wrong.concat().len() <= 1, "{wrong:?}");
}

#[test]
fn keys_are_heard_while_somebody_speaks_beside_the_telephone() {
    let (mut pressed_keys, mut right) = (0, 0);
    for recording in recordings().iter().filter(|audio| audio.len() > 3 * RATE as usize).take(30) {
        // Loud speech has peaks of 32,767; at a tenth of it, it is 10 to 20 dB below the keys.
        let mut audio: Vec<f64> = recording.iter().map(|sample| f64::from(*sample) * 0.1).collect();
        let keys: Vec<char> = KEYS.chars().take(12).collect();
        for (n, key) in keys.iter().enumerate() {
            let at = 1_600 + n * 3_200;
            for (sample, tone) in audio[at..].iter_mut().zip(pressed(*key, 80)) {
                *sample += tone;
            }
        }
        let heard = heard(Codec::Pcma, &as_samples(&audio));
        pressed_keys += keys.len();
        right += keys.iter().filter(|key| heard.matches(**key).count() == 1).count();
    }
    println!("{right} of {pressed_keys} keys heard over speech");
    assert!(right * 100 >= pressed_keys * 98, "{right} of {pressed_keys}");
}
