#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use media::PortId;

use super::{Packets, Waker};
use crate::config::PacketsBy;

const SOON: Duration = Duration::from_secs(5);
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Each test runs on both; where the kernel has no io_uring, `Auto` is epoll.
const BOTH: [PacketsBy; 2] = [PacketsBy::Auto, PacketsBy::Epoll];

fn packets(by: PacketsBy) -> (Packets, Waker) {
    Packets::new(by).unwrap()
}

fn far_end(here: IpAddr) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((here, 0)).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn open(packets: &mut Packets, port: u64, here: IpAddr) -> SocketAddr {
    let socket = UdpSocket::bind((here, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    packets.open(PortId(port), socket).unwrap();
    address
}

/// Waits until so many packets came, and says where and from whom.
fn receive(packets: &mut Packets, count: usize) -> Vec<(PortId, SocketAddr, Vec<u8>)> {
    let (mut came, until) = (Vec::new(), Instant::now() + SOON);
    while came.len() < count && Instant::now() < until {
        packets.wait(until, |port, from, packet| came.push((port, from, packet.to_vec()))).unwrap();
    }
    assert_eq!(came.len(), count, "by {}", packets.name());
    came
}

/// Sends one packet and lets the kernel have it.
fn send(packets: &mut Packets, port: u64, to: SocketAddr, bytes: &[u8]) -> bool {
    let is_sent = match packets {
        Packets::Ring(ring) => ring.send(PortId(port), to, bytes),
        Packets::Readiness(readiness) => readiness.send(PortId(port), to, bytes),
    };
    packets.wait(Instant::now(), |_, _, _| {}).unwrap();
    is_sent
}

#[test]
fn packets_come_in_and_go_out_by_both_families() {
    for by in BOTH {
        let (mut packets, _) = packets(by);
        for (port, here) in [(7, HERE), (8, IpAddr::V6(Ipv6Addr::LOCALHOST))] {
            // Machines without IPv6 have only the first.
            if UdpSocket::bind((here, 0)).is_err() {
                continue;
            }
            let (far, from) = far_end(here);
            let at = open(&mut packets, port, here);
            far.send_to(b"hello", at).unwrap();
            assert_eq!(receive(&mut packets, 1), [(PortId(port), from, b"hello".to_vec())]);
            assert!(send(&mut packets, port, from, b"yes?"));
            let mut buffer = [0; 16];
            assert_eq!(far.recv_from(&mut buffer).unwrap(), (4, at));
        }
    }
}

#[test]
fn a_packet_that_is_too_long_is_cut_and_an_empty_one_is_a_packet() {
    for by in BOTH {
        let (mut packets, _) = packets(by);
        let (far, _) = far_end(HERE);
        let at = open(&mut packets, 1, HERE);
        far.send_to(&[7; 4_000], at).unwrap();
        far.send_to(&[], at).unwrap();
        let came = receive(&mut packets, 2);
        assert_eq!(came.iter().map(|(.., packet)| packet.len()).collect::<Vec<_>>(), [1_500, 0]);
    }
}

#[test]
fn more_than_the_kernel_can_put_down_at_once_comes_in_later_turns_and_in_order() {
    // Rounds, so that no socket overflows: what is tried is that buffers are given back.
    for by in BOTH {
        let (mut packets, _) = packets(by);
        let (far, _) = far_end(HERE);
        let at: Vec<SocketAddr> = (0..4).map(|port| open(&mut packets, port, HERE)).collect();
        for round in 0..60_u32 {
            for number in 0..20_u32 {
                at.iter().for_each(|to| _ = far.send_to(&(round * 20 + number).to_be_bytes(), to).unwrap());
            }
            let came = receive(&mut packets, 80);
            for port in 0..4 {
                let numbers = came.iter().filter(|(at, ..)| *at == PortId(port));
                let numbers = numbers.map(|(.., bytes)| u32::from_be_bytes(bytes[..].try_into().unwrap()));
                assert!(numbers.eq(round * 20..(round + 1) * 20), "by {}", packets.name());
            }
        }
    }
}

#[test]
fn a_closed_port_is_free_at_once_and_its_packets_are_nobodys() {
    for by in BOTH {
        let (mut packets, _) = packets(by);
        let (far, from) = far_end(HERE);
        let at = open(&mut packets, 1, HERE);
        far.send_to(b"late", at).unwrap();
        packets.close(PortId(1)).unwrap();
        let again = UdpSocket::bind(at).unwrap();
        packets.open(PortId(2), again).unwrap();
        assert!(!send(&mut packets, 1, from, b"nobody"));
        far.send_to(b"new", at).unwrap();
        let came = receive(&mut packets, 1);
        assert_eq!(came.first().unwrap().0, PortId(2), "by {}", packets.name());
        packets.close(PortId(1)).unwrap();
    }
}

#[test]
fn what_is_sent_before_a_port_is_closed_still_goes_out() {
    for by in BOTH {
        let (mut packets, _) = packets(by);
        let (far, to) = far_end(HERE);
        open(&mut packets, 1, HERE);
        let is_sent = match &mut packets {
            Packets::Ring(ring) => ring.send(PortId(1), to, b"bye"),
            Packets::Readiness(readiness) => readiness.send(PortId(1), to, b"bye"),
        };
        assert!(is_sent);
        packets.close(PortId(1)).unwrap();
        assert_eq!(far.recv(&mut [0; 8]).unwrap(), 3, "by {}", packets.name());
    }
}

#[test]
fn a_far_end_that_has_closed_its_port_costs_nobody_a_packet() {
    for by in BOTH {
        let (mut packets, _) = packets(by);
        let at = open(&mut packets, 1, HERE);
        let gone = far_end(HERE).1;
        for _ in 0..50 {
            send(&mut packets, 1, gone, b"anybody?");
        }
        let (far, _) = far_end(HERE);
        far.send_to(b"me", at).unwrap();
        assert_eq!(receive(&mut packets, 1).first().unwrap().2, b"me", "by {}", packets.name());
    }
}

#[test]
fn a_wake_from_another_thread_ends_the_wait_and_each_next_one() {
    for by in BOTH {
        let (mut packets, waker) = packets(by);
        for _ in 0..3 {
            let waker = waker.clone();
            let woken = thread::spawn(move || waker.wake());
            let begun = Instant::now();
            packets.wait(begun + SOON, |_, _, _| {}).unwrap();
            assert!(begun.elapsed() < SOON, "by {}", packets.name());
            assert!(woken.join().unwrap());
        }
    }
}

#[test]
fn a_wait_ends_when_it_is_due() {
    for by in BOTH {
        let (mut packets, _) = packets(by);
        let due = Instant::now() + Duration::from_millis(3);
        // A wait may end early, as one by a signal does; then it goes on.
        while Instant::now() < due {
            packets.wait(due, |_, _, _| {}).unwrap();
        }
    }
}
