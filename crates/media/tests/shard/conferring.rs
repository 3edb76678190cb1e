//! Three and more ports joined: who hears whom, how loud, and what becomes of the bridge a third comes to.

use std::sync::Arc;
use std::time::Duration;

use media::sdp::{Codec, Session};
use media::{
    CONFERENCE_PORTS_MAX, Channels, Command, Conference, Event, PlayEnd, PortId, Prompt, RecordingId,
    RecordingPlan,
};
use proptest::prelude::*;

use crate::support::{
    Bench, Peer, Sent, assert_continuous, decode, home, session, share_at, sound, tone_frame, tones_frame,
};

const PATIENT: PortId = PortId(1_001);
const NURSE: PortId = PortId(1_002);
const SUPERVISOR: PortId = PortId(1_003);

/// What each port's peer says: a tone nobody else's has, of whole periods in 20 ms and no harmonic of another.
const TONES: [f64; CONFERENCE_PORTS_MAX] = [400.0, 650.0, 950.0, 1_250.0, 1_550.0, 1_850.0, 2_150.0, 2_450.0];

/// A tone this faint beside one of its own is not heard.
const UNHEARD: f64 = 0.02;

type Frames = Box<dyn Fn(usize) -> Vec<u8>>;

/// Ports whose peers all talk at once, each in its own tone.
struct Room {
    bench: Bench,
    peers: Vec<(PortId, Codec, Peer, Frames)>,
    frames: usize,
}

impl Room {
    /// The first peers speak µ-law and A-law in turn.
    fn of(ports: usize) -> Self {
        let mut bench = Bench::new();
        let mut peers = Vec::new();
        for (number, hz) in TONES.into_iter().enumerate().take(ports) {
            let port = PortId(1_001 + number as u64);
            let codec = if number % 2 == 0 { Codec::Pcmu } else { Codec::Pcma };
            bench.open(port);
            bench.command(Command::Apply { port, session: session(port, codec) });
            peers.push((port, codec, Peer::new(port, codec), Box::new(tone_frame(codec, hz)) as Frames));
        }
        bench.events.clear();
        Self { bench, peers, frames: 0 }
    }

    fn ports(&self) -> Vec<PortId> {
        self.peers.iter().map(|(port, ..)| *port).collect()
    }

    fn confer(&mut self, conference: &Conference) {
        self.bench.command(Command::Confer { conference: conference.clone() });
    }

    /// All of them talk for so many packets of 20 ms.
    fn talk(&mut self, packets: usize) {
        for _ in 0..packets {
            self.bench.run_ms(20);
            for (port, _, peer, frame) in &mut self.peers {
                let packet = peer.audio(&frame(self.frames));
                self.bench.receive(*port, peer.from, &packet);
            }
            self.frames += 1;
        }
    }

    /// What each port is sent in the next second, once the change before it has been heard through.
    fn hear(&mut self) -> Vec<(PortId, Vec<f64>)> {
        self.talk(15);
        self.bench.sent.clear();
        self.talk(50);
        self.ports().into_iter().map(|port| (port, sound(&self.bench.take_sent(port)))).collect()
    }
}

/// How large a tone is in a sound.
fn level_at(hz: f64, samples: &[f64]) -> f64 {
    let mean = samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len().max(1) as f64;
    (2.0 * share_at(hz, samples) * mean).sqrt()
}

/// How large every peer's tone is where nothing else sounds.
fn plain_level() -> f64 {
    let frame = tone_frame(Codec::Pcmu, 400.0);
    level_at(400.0, &(0..40).flat_map(|n| decode(0, &frame(n))).collect::<Vec<f64>>())
}

fn conference(ports: &[PortId]) -> Conference {
    Conference::of(ports).unwrap()
}

/// Each listener hears all he may, as loud as it was said, and nothing else.
fn assert_heard(heard: &[(PortId, Vec<f64>)], conference: &Conference) {
    let plain = plain_level();
    for (listener, sound) in heard {
        for (speaker, hz) in heard.iter().map(|(speaker, _)| *speaker).zip(TONES) {
            let level = level_at(hz, sound) / plain;
            if conference.hears(*listener, speaker) {
                assert!(
                    (0.93..1.07).contains(&level),
                    "{listener} hears {speaker} at {level}: {conference:?}"
                );
            } else {
                assert!(level < UNHEARD, "{listener} hears {speaker} at {level}: {conference:?}");
            }
        }
    }
}

#[test]
fn a_supervisor_listens_whispers_and_barges_in_and_an_interpreter_is_heard_by_all() {
    let trio = conference(&[PATIENT, NURSE, SUPERVISOR]);
    let mut listen = trio.clone();
    listen.keep_from(SUPERVISOR, PATIENT);
    listen.keep_from(SUPERVISOR, NURSE);
    let mut whisper = trio.clone();
    whisper.keep_from(SUPERVISOR, PATIENT);
    let mut room = Room::of(3);
    room.bench.command(Command::Bridge { a: PATIENT, b: NURSE });
    room.talk(50);
    for mode in [&listen, &whisper, &trio, &listen, &trio, &whisper] {
        room.confer(mode);
        assert_heard(&room.hear(), mode);
    }
}

#[test]
fn a_conference_of_as_many_as_there_may_be_is_heard_by_each_without_himself() {
    let mut room = Room::of(CONFERENCE_PORTS_MAX);
    // A quarter as loud, so that all of them together are no louder than a sample can be.
    for ((_, codec, _, frame), hz) in room.peers.iter_mut().zip(TONES) {
        *frame = Box::new(tones_frame(*codec, vec![hz, 0.0, 0.0, 0.0]));
    }
    room.confer(&conference(&room.ports()));
    for (listener, sound) in room.hear() {
        for (speaker, hz) in room.ports().into_iter().zip(TONES) {
            let level = 4.0 * level_at(hz, &sound) / plain_level();
            let is_right = if speaker == listener { level < 0.05 } else { (0.9..1.1).contains(&level) };
            assert!(is_right, "{listener} hears {speaker} at {level}");
        }
    }
}

#[test]
fn two_loud_speakers_are_as_loud_as_a_sample_can_be_and_never_wrap_round() {
    let mut room = Room::of(3);
    let loud: [Frames; 3] =
        [Box::new(|_| vec![0x80; 160]), Box::new(|_| vec![0xaa; 160]), Box::new(|_| vec![0xff; 160])];
    for ((_, _, _, frame), loud) in room.peers.iter_mut().zip(loud) {
        *frame = loud;
    }
    room.confer(&conference(&[PATIENT, NURSE, SUPERVISOR]));
    let heard = room.hear();
    assert!(heard[2].1.iter().all(|sample| *sample == 32_124.0), "{:?}", &heard[2].1[..10]);
}

#[test]
fn a_bridge_is_a_relay_until_a_third_comes_and_again_when_she_leaves_and_each_hears_one_stream() {
    let mut room = Room::of(3);
    room.confer(&conference(&[PATIENT, NURSE]));
    for round in 0..5 {
        room.bench.run_ms(round);
        let before = room.bench.sent.len();
        let (port, _, peer, frame) = &mut room.peers[0];
        let packet = peer.audio(&frame(room.frames));
        room.bench.receive(*port, peer.from, &packet);
        room.bench.run_ms(20);
        room.frames += 1;
        let relayed: Vec<&Sent> =
            room.bench.sent[before..].iter().filter(|sent| sent.port == NURSE).collect();
        assert_eq!(relayed.len(), 1, "within receive");
        room.talk(25);
        room.confer(&conference(&[PATIENT, NURSE, SUPERVISOR]));
        room.talk(25);
        let leave = Command::Unbridge { port: SUPERVISOR };
        let smaller = Command::Confer { conference: conference(&[PATIENT, NURSE]) };
        room.bench.command(if round % 2 == 0 { leave } else { smaller });
        room.talk(25);
    }
    for port in room.ports() {
        let sent = room.bench.take_sent(port);
        assert_continuous(&sent);
        let (first, last) = (&sent[0], sent.last().unwrap());
        let real = last.at.duration_since(first.at).as_millis() as u32 * 8;
        let said = last.timestamp.wrapping_sub(first.timestamp);
        assert!(said.abs_diff(real) <= 560, "{port}: {said} samples in {real}");
    }
}

#[test]
fn whoever_leaves_or_closes_leaves_the_others_talking_and_the_last_one_in_silence() {
    let mut room = Room::of(4);
    let ports = room.ports();
    room.confer(&conference(&ports));
    room.talk(10);
    let mut left = conference(&ports);
    for gone in [1, 3, 0] {
        room.bench.close(ports[gone]);
        ports.iter().for_each(|port| left.keep_from(ports[gone], *port));
        ports.iter().for_each(|port| left.keep_from(*port, ports[gone]));
        assert_heard(&room.hear(), &left);
    }
    let sent = room.bench.take_sent(ports[2]);
    assert!(sent.iter().all(Sent::is_silence));
    room.talk(100);
    assert!(!room.bench.take_sent(ports[2]).is_empty(), "silence keeps the way open");
}

#[test]
fn one_who_is_lost_or_uneven_disturbs_nobody_and_is_heard_whole_where_nothing_of_hers_is_lost() {
    let mut room = Room::of(3);
    room.confer(&conference(&room.ports()));
    room.peers[2].3 = Box::new(|_| vec![0xff; 160]);
    let tone = tone_frame(Codec::Pcmu, TONES[2]);
    let mut uneven = Peer::new(SUPERVISOR, Codec::Pcmu);
    // Her packets come up to 60 ms late, in any order; then one in three never comes.
    let (mut chance, mut late) = (1_u32, Vec::new());
    let mut run = |room: &mut Room, packets: usize, lost: u32| {
        room.bench.sent.clear();
        for n in 0..packets {
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let packet = uneven.audio(&tone(n));
            if (chance >> 8) % 100 >= lost {
                late.push((n as u32 * 20 + (chance >> 16) % 60, packet));
            }
            for at in 0..20 {
                room.bench.run_ms(1);
                let now = n as u32 * 20 + at;
                late.retain(|(due, packet)| {
                    if *due <= now {
                        room.bench.receive(SUPERVISOR, uneven.from, packet);
                    }
                    *due > now
                });
            }
            for (port, _, peer, frame) in &mut room.peers[..2] {
                let packet = peer.audio(&frame(room.frames));
                room.bench.receive(*port, peer.from, &packet);
            }
            room.frames += 1;
        }
        late.clear();
        [PATIENT, NURSE].map(|port| sound(&room.bench.take_sent(port)))
    };
    run(&mut room, 100, 0);
    let plain = plain_level();
    for (heard, other) in run(&mut room, 250, 0).iter().zip([TONES[1], TONES[0]]) {
        for hz in [other, TONES[2]] {
            let level = level_at(hz, &heard[1_600..]) / plain;
            assert!((0.93..1.07).contains(&level), "{hz} Hz at {level}");
        }
    }
    for (heard, other) in run(&mut room, 250, 34).iter().zip([TONES[1], TONES[0]]) {
        let level = level_at(other, heard) / plain;
        assert!((0.9..1.1).contains(&level), "{level}");
        let whole = heard.chunks_exact(800).all(|part| level_at(other, part) / plain > 0.8);
        assert!(whole, "no tenth of a second of the other is broken");
    }
}

#[test]
fn keys_reach_those_who_hear_him_who_pressed_them_and_nobody_while_they_are_muted() {
    let mut room = Room::of(3);
    let mut whisper = conference(&room.ports());
    whisper.keep_from(SUPERVISOR, PATIENT);
    room.confer(&whisper);
    room.talk(10);
    let press = |room: &mut Room, who: usize, key: char| {
        room.bench.sent.clear();
        let (port, _, peer, _) = &mut room.peers[who];
        for packet in peer.key(key) {
            room.bench.run_ms(20);
            room.bench.receive(*port, peer.from, &packet);
        }
        room.bench.run_ms(300);
        [PATIENT, NURSE, SUPERVISOR].map(|port| {
            let sent = room.bench.take_sent(port);
            sent.iter().filter(|packet| packet.payload_type == 101).count()
        })
    };
    assert_eq!(press(&mut room, 2, '3').map(|keys| keys > 0), [false, true, false]);
    assert_eq!(press(&mut room, 0, '4').map(|keys| keys > 0), [false, true, true]);
    room.bench.command(Command::MuteDigits { port: PATIENT, muted: true });
    assert_eq!(press(&mut room, 0, '7'), [0, 0, 0]);
    room.bench.command(Command::MuteDigits { port: PATIENT, muted: false });
    assert_eq!(press(&mut room, 0, '8').map(|keys| keys > 0), [false, true, true]);
    assert_eq!(room.bench.keys(PATIENT), "478");
    assert_eq!(room.bench.keys(SUPERVISOR), "3");
}

#[test]
fn a_recording_goes_on_through_bridge_conference_and_bridge_and_keeps_what_its_port_hears() {
    let mut room = Room::of(3);
    let duo = conference(&[PATIENT, NURSE]);
    let trio = conference(&room.ports());
    let id = RecordingId(7);
    let plan = RecordingPlan { id, channels: Channels::Both, hush_after: Duration::ZERO };
    room.confer(&duo);
    room.bench.command(Command::Record { port: PATIENT, plan });
    room.talk(100);
    room.confer(&trio);
    room.talk(100);
    room.confer(&duo);
    room.talk(100);
    room.bench.command(Command::StopRecording { port: PATIENT });
    let mut bytes: Vec<u8> = Vec::new();
    for event in &room.bench.events {
        if let Event::Recorded { at, audio, .. } = event {
            assert_eq!(*at as usize * 2, bytes.len(), "chunks follow one another");
            bytes.extend_from_slice(&audio.0);
        }
    }
    assert_eq!(bytes.len(), 6 * 8_000 * 2, "six seconds");
    let channel = |n| decode(0, &bytes.iter().copied().skip(n).step_by(2).collect::<Vec<u8>>());
    let (said, told, plain) = (channel(0), channel(1), plain_level());
    for (second, third) in [(0, false), (1, false), (2, true), (3, true), (4, false), (5, false)] {
        let part = second * 8_000 + 800..(second + 1) * 8_000 - 160;
        let level = |hz, channel: &[f64]| level_at(hz, &channel[part.clone()]) / plain;
        assert!((0.9..1.1).contains(&level(TONES[0], &said)), "second {second}");
        assert!((0.9..1.1).contains(&level(TONES[1], &told)), "second {second}");
        assert_eq!(level(TONES[2], &told) > 0.9, third, "second {second}: {}", level(TONES[2], &told));
    }
}

#[test]
fn a_prompt_to_one_of_a_conference_is_heard_by_her_alone_and_goes_on_when_others_come() {
    let mut room = Room::of(3);
    room.confer(&conference(&[PATIENT, NURSE]));
    let second = Duration::from_secs(1);
    room.bench.play(NURSE, 5, vec![Arc::new(Prompt::tone(&[3_000.0], second, Duration::ZERO, second))]);
    room.bench.play(SUPERVISOR, 6, vec![Arc::new(Prompt::silence(second))]);
    room.talk(10);
    room.confer(&conference(&room.ports()));
    assert_eq!(
        room.bench.finished(),
        [(SUPERVISOR, 6, PlayEnd::Stopped)],
        "who comes hears the others at once"
    );
    room.bench.sent.clear();
    room.talk(35);
    let [patient, nurse] = [PATIENT, NURSE].map(|port| sound(&room.bench.take_sent(port)));
    assert!(share_at(3_000.0, &nurse) > 0.95, "{}", share_at(3_000.0, &nurse));
    assert!(share_at(3_000.0, &patient) < UNHEARD);
    assert!(level_at(TONES[1], &patient) > 0.8 * plain_level());
    room.talk(10);
    assert!(room.bench.finished().contains(&(NURSE, 5, PlayEnd::Finished)));
}

#[test]
fn one_on_hold_is_sent_nothing_one_we_hold_is_not_heard_and_the_others_talk_on() {
    let mut room = Room::of(3);
    let mut all = conference(&room.ports());
    room.confer(&all);
    let held = Session { sends: false, receives: false, ..session(SUPERVISOR, Codec::Pcmu) };
    room.bench.command(Command::Apply { port: SUPERVISOR, session: held });
    for port in [PATIENT, NURSE] {
        all.keep_from(SUPERVISOR, port);
        all.keep_from(port, SUPERVISOR);
    }
    assert_heard(&room.hear(), &all);
    room.bench.command(Command::Apply { port: SUPERVISOR, session: session(SUPERVISOR, Codec::Pcmu) });
    room.talk(20);
    assert_heard(&room.hear(), &conference(&room.ports()));
}

#[test]
fn each_is_sent_frames_of_the_length_she_agreed_on() {
    let mut room = Room::of(4);
    for (port, ms) in room.ports().into_iter().zip([10, 20, 30, 60]) {
        let codec = if port.0 % 2 == 1 { Codec::Pcmu } else { Codec::Pcma };
        let session = Session { ptime: Duration::from_millis(ms), ..session(port, codec) };
        room.bench.command(Command::Apply { port, session });
    }
    let all = conference(&room.ports());
    room.confer(&all);
    room.talk(300);
    for (port, ms) in room.ports().into_iter().zip([10, 20, 30, 60]) {
        let sent = room.bench.take_sent(port);
        assert!(sent.iter().all(|packet| packet.payload.len() == ms * 8 && packet.to == home(port)));
        assert_continuous(&sent);
    }
    assert_heard(&room.hear(), &all);
}

#[test]
fn a_driver_that_stalled_makes_up_for_it_and_the_conference_goes_on() {
    let mut room = Room::of(3);
    let all = conference(&room.ports());
    room.confer(&all);
    for stall in [30, 70, 500, 3_000] {
        room.talk(20);
        room.bench.stall_ms(stall);
        room.talk(100);
        assert_heard(&room.hear(), &all);
    }
}

/// What may happen to a conference.
#[derive(Clone, Debug)]
enum Change {
    /// These ports, and who is kept from whom.
    Confer(Vec<usize>, Vec<(usize, usize)>),
    Leave(usize),
    Bridge(usize, usize),
}

fn changes(ports: usize) -> impl Strategy<Value = Vec<Change>> {
    let kept = prop::collection::vec((0..ports, 0..ports), 0..6);
    let named = prop::sample::subsequence((0..ports).collect::<Vec<_>>(), 1..=ports);
    let change = prop_oneof![
        5 => (named, kept).prop_map(|(named, kept)| Change::Confer(named, kept)),
        2 => (0..ports).prop_map(Change::Leave),
        1 => (0..ports, 0..ports).prop_map(|(a, b)| Change::Bridge(a, b)),
    ];
    prop::collection::vec(change, 1..6)
}

/// Who is together, and who is kept from whom.
type Group = (Vec<usize>, Vec<(usize, usize)>);

/// Whom each port hears, by the words of the commands and nothing else.
struct Model {
    groups: Vec<Group>,
}

impl Model {
    fn leave(&mut self, port: usize) {
        for (group, _) in &mut self.groups {
            group.retain(|other| *other != port);
        }
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Confer(named, kept) => {
                // The conference that goes on is the one of the first who is in one: whoever is left out leaves it.
                let is_pair = |group: &[usize], kept: &[(usize, usize)]| {
                    let hears = |a, b| !kept.contains(&(a, b));
                    matches!(group, [a, b] if hears(*a, *b) && hears(*b, *a))
                };
                let in_talk = |port: &usize| self.groups.iter().position(|(group, _)| group.contains(port));
                let mixed = |at: &usize| !is_pair(&self.groups[*at].0, &self.groups[*at].1);
                if let Some(at) = named.iter().filter_map(in_talk).find(mixed) {
                    self.groups.remove(at);
                }
                named.iter().for_each(|port| self.leave(*port));
                self.groups.push((named.clone(), kept.clone()));
            }
            Change::Leave(port) => self.leave(*port),
            Change::Bridge(a, b) if a != b => {
                self.leave(*a);
                self.leave(*b);
                self.groups.push((vec![*a, *b], Vec::new()));
            }
            Change::Bridge(..) => {}
        }
        // One alone is in none, and a bridge that lost a side is none.
        self.groups.retain(|(group, _)| group.len() > 1);
    }

    fn hears(&self, listener: usize, speaker: usize) -> bool {
        let both = |group: &[usize]| group.contains(&listener) && group.contains(&speaker);
        let may = |(group, kept): &Group| both(group) && !kept.contains(&(speaker, listener));
        listener != speaker && self.groups.iter().any(may)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whoever_comes_and_goes_each_hears_just_those_he_may_in_one_unbroken_stream(changes in changes(5)) {
        let mut room = Room::of(5);
        let ports = room.ports();
        let mut model = Model { groups: Vec::new() };
        let mut whole: Vec<Vec<Sent>> = vec![Vec::new(); ports.len()];
        let plain = plain_level();
        for change in &changes {
            match change {
                Change::Confer(named, kept) => {
                    let mut wanted = conference(&named.iter().map(|at| ports[*at]).collect::<Vec<_>>());
                    kept.iter().for_each(|(speaker, listener)| wanted.keep_from(ports[*speaker], ports[*listener]));
                    room.confer(&wanted);
                }
                Change::Leave(at) => room.bench.command(Command::Unbridge { port: ports[*at] }),
                Change::Bridge(a, b) => room.bench.command(Command::Bridge { a: ports[*a], b: ports[*b] }),
            }
            model.apply(change);
            room.talk(15);
            let before: Vec<Vec<Sent>> = ports.iter().map(|port| room.bench.take_sent(*port)).collect();
            room.talk(20);
            for (listener, before) in before.into_iter().enumerate() {
                let sent = room.bench.take_sent(ports[listener]);
                let heard = sound(&sent);
                for (speaker, hz) in TONES.into_iter().enumerate().take(ports.len()) {
                    let level = level_at(hz, &heard) / plain;
                    if model.hears(listener, speaker) {
                        prop_assert!((0.85..1.15).contains(&level), "{listener} hears {speaker} at {level}");
                    } else {
                        prop_assert!(level < 0.05, "{listener} hears {speaker} at {level}");
                    }
                }
                whole[listener].extend(before);
                whole[listener].extend(sent);
            }
        }
        whole.iter().for_each(|sent| assert_continuous(sent));
    }
}
