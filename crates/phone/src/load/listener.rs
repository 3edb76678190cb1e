//! Sockets that take audio of many calls and measure when it came.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rtp_rs::RtpReader;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::LOAD_CALLS_MAX;
use crate::error::PhoneError;
use crate::hearing::{Grid, Lateness};

/// Streams of one socket: a server may start a new one with every prompt. Past it the rest of the audio
/// is received and not measured.
const STREAMS_MAX: usize = 8 * LOAD_CALLS_MAX;
/// Datagrams taken from one socket before the others have their turn.
const DRAIN_MAX: usize = 256;

/// All sockets of a run.
pub struct Listeners {
    pub sockets: Vec<Arc<UdpSocket>>,
    pub addresses: Vec<SocketAddr>,
    measures: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<Heard>>,
}

/// What one socket, or all together, heard.
#[derive(Default)]
pub struct Heard {
    late_us: Vec<u32>,
    pub lost: u64,
    pub sources: HashSet<SocketAddr>,
}

impl Heard {
    pub fn lateness(self) -> Lateness {
        Lateness::of(self.late_us)
    }
}

impl Listeners {
    pub async fn open(local: IpAddr, count: usize) -> Result<Self, PhoneError> {
        let mut listeners = Self {
            sockets: Vec::new(),
            addresses: Vec::new(),
            measures: Arc::default(),
            stop: watch::Sender::new(false),
            tasks: Vec::new(),
        };
        for _ in 0..count {
            let socket =
                UdpSocket::bind((local, 0)).await.map_err(|source| PhoneError::Bind { local, source })?;
            let address = socket.local_addr().map_err(|source| PhoneError::Bind { local, source })?;
            let socket = Arc::new(socket);
            let (measures, stop) = (Arc::clone(&listeners.measures), listeners.stop.subscribe());
            listeners.tasks.push(tokio::spawn(listen(Arc::clone(&socket), measures, stop)));
            listeners.sockets.push(socket);
            listeners.addresses.push(address);
        }
        Ok(listeners)
    }

    /// From now on, or no longer, packets count.
    pub fn measure(&self, measures: bool) {
        self.measures.store(measures, Ordering::Relaxed);
    }

    /// Closes the sockets and adds up what they heard.
    pub async fn finish(self) -> Heard {
        self.stop.send_replace(true);
        let mut all = Heard::default();
        for task in self.tasks {
            // A listener that panicked heard nothing; the packet count of the summary shows it.
            let heard = task.await.unwrap_or_default();
            all.late_us.extend(heard.late_us);
            all.lost += heard.lost;
            all.sources.extend(heard.sources);
        }
        all
    }
}

#[derive(Default)]
struct Stream {
    grid: Grid,
    last: Option<u16>,
    lost: u64,
}

impl Stream {
    fn arrive(&mut self, at: Instant, packet: &RtpReader<'_>) {
        let sequence: u16 = packet.sequence_number().into();
        let step = self.last.map_or(1, |last| sequence.wrapping_sub(last));
        // A step backwards is a reordered packet; it was counted as lost when the next one came.
        if step >= 0x8000 || step == 0 {
            self.lost = self.lost.saturating_sub(1);
        } else {
            self.lost += u64::from(step - 1);
            self.last = Some(sequence);
        }
        self.grid.arrive(at, packet.ssrc(), packet.timestamp(), packet.mark());
    }
}

async fn listen(socket: Arc<UdpSocket>, measures: Arc<AtomicBool>, mut stop: watch::Receiver<bool>) -> Heard {
    let mut streams: HashMap<(SocketAddr, u32), Stream> = HashMap::new();
    let mut heard = Heard::default();
    let mut buffer = [0; 2_048];
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            Ok(()) = socket.readable() => {}
        }
        for _ in 0..DRAIN_MAX {
            let Ok((length, from)) = socket.try_recv_from(&mut buffer) else { break };
            let at = Instant::now();
            let Some(Ok(packet)) = buffer.get(..length).map(RtpReader::new) else { continue };
            if !measures.load(Ordering::Relaxed) {
                heard.sources.insert(from);
                continue;
            }
            let is_room = streams.len() < STREAMS_MAX;
            match streams.get_mut(&(from, packet.ssrc())) {
                Some(stream) => stream.arrive(at, &packet),
                None if is_room => {
                    heard.sources.insert(from);
                    streams.entry((from, packet.ssrc())).or_default().arrive(at, &packet);
                }
                None => {}
            }
        }
        // Other sockets and the signalling have their turn under a flood too.
        tokio::task::yield_now().await;
    }
    for stream in streams.into_values() {
        heard.lost += stream.lost;
        heard.late_us.extend(stream.grid.into_late());
    }
    heard
}
