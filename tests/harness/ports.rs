//! Ports that nobody uses.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::trouble::Trouble;

/// Below the range from which the system hands out ports to everybody else (32,768 on Linux).
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Where this process looks next, so that two tests of one process never try the same ports.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// The first of `count` consecutive ports, free for UDP and TCP on 127.0.0.1 just now, on an even number
/// as RTP wants it.
pub fn free_ports(count: u16) -> Result<u16, Trouble> {
    // Test binaries run one after another, but a leftover of the last one may still hold its ports.
    let offset = (process::id() % 60) as u16 * 200;
    for _ in 0..COUNT {
        let start = NEXT.fetch_add(count.next_multiple_of(2), Ordering::Relaxed);
        let first = FIRST + offset.wrapping_add(start) % (COUNT - count) / 2 * 2;
        let is_free = |port| {
            UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
                && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        };
        if (first..first + count).all(is_free) {
            return Ok(first);
        }
    }
    Err(Trouble::new(format!("no {count} free ports from {FIRST} on")))
}
