//! Many callers at once: one sipp that makes the calls, and an ear that tells their audio apart by where it comes from.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::ports::free_ports;
use crate::trouble::Trouble;

/// New calls of a second.
const RATE: u32 = 25;
/// Streams told apart: a call has one, and a crowd is no larger than a server's calls.
const STREAMS_MAX: usize = 1_000;
/// How long the ear waits before it looks whether anybody still listens.
const LOOK: Duration = Duration::from_millis(200);
/// More than the longest RTP packet of 20 ms.
const PACKET_BYTES_MAX: usize = 512;

/// One caller's audio.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Packets the server sent since the first that was heard, by its own sequence numbers: what a busy machine
    /// drops on the way to the ear counts.
    pub sent: u64,
    /// Packets that were heard.
    pub heard: u64,
    /// Longest time between two of them.
    pub longest_pause: Duration,
    last: Instant,
    ssrc: u32,
    sequence: u16,
}

type Streams = Arc<Mutex<BTreeMap<SocketAddr, Stream>>>;

/// Callers who are up together.
pub struct Crowd {
    child: Child,
    folder: TempDir,
    streams: Streams,
}

impl Crowd {
    /// Lets so many people call a number, by `caller_hangs_up`, each for so long.
    pub fn call(server: SocketAddr, number: &str, calls: u32, stays: Duration) -> Result<Self, Trouble> {
        let folder = TempDir::new().map_err(Trouble::new)?;
        let ear = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Trouble::new)?;
        let port = ear.local_addr().map_err(Trouble::new)?.port().to_string();
        let streams = hear(ear)?;
        let control = free_ports(2)?;
        let scenario = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sipp/caller_hangs_up.xml");
        let mut command = Command::new("sipp");
        command
            .arg(server.to_string())
            .arg("-sf")
            .arg(scenario)
            .args(["-m", &calls.to_string(), "-l", &calls.to_string(), "-r", &RATE.to_string()])
            .args(["-i", "127.0.0.1", "-p", &control.to_string(), "-cp", &(control + 1).to_string()])
            .args(["-d", &stays.as_millis().to_string(), "-nostdin", "-trace_err"])
            .args(["-key", "number", number, "-key", "caller", "15550100123", "-key", "their_port", &port])
            .arg("-error_file")
            .arg(folder.path().join("errors"));
        let screen = fs::File::create(folder.path().join("screen")).map_err(Trouble::new)?;
        command.stdin(Stdio::null()).stdout(screen).stderr(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().map_err(|e| Trouble::new(format!("cannot start sipp: {e}")))?;
        Ok(Self { child, folder, streams })
    }

    /// Everybody's audio so far.
    pub fn streams(&self) -> BTreeMap<SocketAddr, Stream> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until every call came to its end as it was written.
    pub async fn succeeded(&mut self, within: Duration) -> Result<(), Trouble> {
        let errors = || fs::read_to_string(self.folder.path().join("errors")).unwrap_or_default();
        match timeout(within, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Trouble::with_log(format!("sipp ended with {status}"), &errors())),
            Ok(Err(error)) => Err(Trouble::new(error)),
            Err(_) => Err(Trouble::with_log(format!("sipp still ran after {within:?}"), &errors())),
        }
    }
}

/// What is heard between two packets of silence: one a second.
const HEARD_BETWEEN: u64 = 50;

/// A packet of silence, as a phone sends now and then that does not transmit a listener's: without any, the server
/// would ask whether she is still there.
fn silence(from: SocketAddr, heard: u64) -> [u8; 172] {
    let mut packet = [0xFF; 172];
    let sequence = (heard / HEARD_BETWEEN) as u32;
    let head = [0x8000 << 16 | (sequence & 0xFFFF), sequence.wrapping_mul(8_000), from.port().into()];
    for (place, word) in packet.chunks_exact_mut(4).zip(head) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    packet
}

/// Listens until nobody asks any more.
fn hear(ear: UdpSocket) -> Result<Streams, Trouble> {
    ear.set_read_timeout(Some(LOOK)).map_err(Trouble::new)?;
    let streams = Streams::default();
    let kept = Arc::downgrade(&streams);
    thread::spawn(move || {
        let mut packet = [0; PACKET_BYTES_MAX];
        while let Some(streams) = kept.upgrade() {
            let Ok((_, from)) = ear.recv_from(&mut packet) else { continue };
            let [_, _, high, low, _, _, _, _, a, b, c, d, ..] = packet;
            let (sequence, ssrc) = (u16::from_be_bytes([high, low]), u32::from_be_bytes([a, b, c, d]));
            let now = Instant::now();
            let mut streams = streams.lock().unwrap_or_else(PoisonError::into_inner);
            if streams.len() < STREAMS_MAX {
                let pause = Duration::ZERO;
                let first = Stream { sent: 1, heard: 0, longest_pause: pause, last: now, ssrc, sequence };
                streams.entry(from).or_insert(first);
            }
            if let Some(stream) = streams.get_mut(&from).filter(|stream| stream.ssrc == ssrc) {
                stream.heard += 1;
                if stream.heard.is_multiple_of(HEARD_BETWEEN) {
                    // One that is lost is followed by another.
                    let _ = ear.send_to(&silence(from, stream.heard), from);
                }
                stream.longest_pause = stream.longest_pause.max(now.duration_since(stream.last));
                stream.last = now;
                // Loopback keeps the order.
                stream.sent += u64::from(sequence.wrapping_sub(stream.sequence));
                stream.sequence = sequence;
            }
        }
    });
    Ok(streams)
}
