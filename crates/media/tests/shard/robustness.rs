//! Whatever comes, nothing breaks.

use std::net::SocketAddr;
use std::time::Duration;

use media::sdp::Codec;
use media::{Command, Digit, Prompt};
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_oneof, proptest};

use crate::support::{A, B, Bench, Peer, assert_continuous, session};

/// Bytes that are nearly RTP.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let header = prop_oneof![Just(0x80_u8), Just(0x90), Just(0xa0), Just(0xb3), any::<u8>()];
    let kind = prop_oneof![Just(0_u8), Just(8), Just(13), Just(101), Just(0x80), Just(200), any::<u8>()];
    (header, kind, prop::collection::vec(any::<u8>(), 0..64)).prop_map(|(first, second, mut rest)| {
        rest.splice(0..0, [first, second]);
        rest
    })
}

#[derive(Clone, Debug)]
enum Step {
    Packet { to_a: bool, from: u8, bytes: Vec<u8> },
    Talk(u8),
    Key(u8),
    Run(u64),
    Stall(u64),
    Play { repeats: bool },
    Bridge,
    Unbridge,
    Hold { a: bool, sends: bool },
    Send(u8),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), 0_u8..3, packet()).prop_map(|(to_a, from, bytes)| Step::Packet { to_a, from, bytes }),
        4 => (1_u8..30).prop_map(Step::Talk),
        2 => (0_u8..16).prop_map(Step::Key),
        4 => (1_u64..200).prop_map(Step::Run),
        1 => (1_u64..20_000).prop_map(Step::Stall),
        2 => any::<bool>().prop_map(|repeats| Step::Play { repeats }),
        2 => Just(Step::Bridge),
        1 => Just(Step::Unbridge),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(a, sends)| Step::Hold { a, sends }),
        2 => (0_u8..16).prop_map(Step::Send),
        1 => Just(Step::Reopen),
    ]
}

fn perform(bench: &mut Bench, caller: &mut Peer, step: Step) {
    match step {
        Step::Packet { to_a, from, bytes } => {
            let from = SocketAddr::from(([192, 0, 2, from], 1_001));
            bench.receive(if to_a { A } else { B }, from, &bytes);
        }
        Step::Talk(packets) => caller.talk(bench, A, usize::from(packets), |n| vec![(n % 100) as u8; 160]),
        Step::Key(code) => {
            let key = Digit::from_event(code).map_or('0', Digit::char);
            for packet in caller.key(key) {
                bench.receive(A, caller.from, &packet);
            }
        }
        Step::Run(milliseconds) => bench.run_ms(milliseconds),
        Step::Stall(milliseconds) => bench.stall_ms(milliseconds),
        Step::Play { repeats } => {
            let prompt = std::sync::Arc::new(Prompt::from_pcm(&[9_000; 777], 8_000));
            let lead_in = Duration::from_millis(33);
            let playlist = media::Playlist { prompts: vec![prompt; 2], repeats, lead_in, id: 1 };
            bench.command(Command::Play { port: B, playlist });
        }
        Step::Bridge => bench.command(Command::Bridge { a: A, b: B }),
        Step::Unbridge => bench.command(Command::Unbridge { port: A }),
        Step::Hold { a, sends } => {
            let port = if a { A } else { B };
            let session = media::sdp::Session { sends, ..session(port, Codec::Pcma) };
            bench.command(Command::Apply { port, session });
        }
        Step::Send(code) => {
            let digit = Digit::from_event(code).unwrap();
            bench.command(Command::SendDigit { port: B, digit });
        }
        Step::Reopen => {
            bench.command(Command::Close { port: A });
            bench.open(A);
            bench.command(Command::Apply { port: A, session: session(A, Codec::Pcmu) });
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_break_a_port_and_are_all_counted(packets in prop::collection::vec(packet(), 0..64)) {
        let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcma);
        bench.command(Command::Bridge { a: A, b: B });
        for bytes in &packets {
            bench.receive(A, SocketAddr::from(([192, 0, 2, 1], 1_001)), bytes);
        }
        let stats = bench.close(A);
        let counted = stats.packets_received + stats.packets_refused + stats.rtcp_received;
        prop_assert!(counted == packets.len() as u64);
    }

    /// Whatever is done to B, and whatever A's peer sends: B's peer hears one stream without a gap in its
    /// numbers, as long as none comes in.
    #[test]
    fn a_port_sends_one_stream_whatever_happens(steps in prop::collection::vec(step(), 0..40)) {
        let mut bench = Bench::with_ports(Codec::Pcmu, Codec::Pcma);
        let mut caller = Peer::new(A, Codec::Pcmu);
        let disturbed = steps.iter().any(|step| matches!(step, Step::Packet { to_a: true, .. }));
        for step in steps {
            perform(&mut bench, &mut caller, step);
        }
        let sent = bench.take_sent(B);
        prop_assert!(sent.windows(2).all(|pair| pair[0].ssrc == pair[1].ssrc));
        if !disturbed {
            assert_continuous(&sent);
        }
    }
}
