//! Ports that nobody uses, and that no other test is given while this process lives.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::process;
use std::sync::{Mutex, PoisonError};

use crate::trouble::Trouble;

/// Below the range from which the system hands out ports to everybody else (32,768 on Linux).
const FIRST: u16 = 10_000;
/// Ports go in blocks, so that a lock file stands for several.
const BLOCK: u16 = 8;
const BLOCKS: u16 = 22_700 / BLOCK;
/// The locks of the blocks this process was given, and the block it looks at next. The system lets go of them when
/// the process ends, however it ends.
static HELD: Mutex<Held> = Mutex::new(Held { next: None, locks: Vec::new() });

struct Held {
    next: Option<u16>,
    locks: Vec<File>,
}

/// The first of `count` consecutive ports, free for UDP and TCP on 127.0.0.1, on an even number as RTP wants it.
/// Nobody else is given them before this process ends.
pub fn free_ports(count: u16) -> Result<u16, Trouble> {
    let folder = std::env::temp_dir().join("careline-test-ports");
    fs::create_dir_all(&folder).map_err(Trouble::new)?;
    let needed = count.div_ceil(BLOCK);
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    // Two processes begin at different places, so that they seldom meet.
    let mut next = held.next.unwrap_or((process::id().wrapping_mul(97) % u32::from(BLOCKS)) as u16);
    for _ in 0..BLOCKS {
        let start = if next + needed > BLOCKS { 0 } else { next };
        next = start + 1;
        if let Some(locks) = lock(&folder, start, needed) {
            held.next = Some(start + needed);
            held.locks.extend(locks);
            return Ok(FIRST + start * BLOCK);
        }
    }
    Err(Trouble::new(format!("no {count} free ports from {FIRST} on")))
}

/// Locks some blocks in a row, if nobody has one of them and no port of them is in use.
fn lock(folder: &Path, start: u16, needed: u16) -> Option<Vec<File>> {
    let lock = |block: u16| {
        let file =
            File::options().create(true).truncate(false).write(true).open(folder.join(block.to_string()));
        let file = file.ok()?;
        file.try_lock().ok()?;
        (0..BLOCK).all(|port| is_free(FIRST + block * BLOCK + port)).then_some(file)
    };
    (start..start + needed).map(lock).collect()
}

fn is_free(port: u16) -> bool {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;
    use std::thread;

    use super::free_ports;

    #[test]
    fn ports_that_were_given_are_given_to_nobody_else() {
        let ask = || (0..8).map(|_| free_ports(20).unwrap()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(ask)).collect();
        let given: Vec<u16> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let ports: BTreeSet<u16> = given.iter().flat_map(|first| *first..first + 20).collect();
        assert_eq!(ports.len(), given.len() * 20);
        assert!(given.iter().all(|first| first % 2 == 0));
    }
}
