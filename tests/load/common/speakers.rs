//! Everybody speaks at once: fifty packets a second to each of many addresses, from one socket for each side, with the
//! moment of sending in each packet; and how long each was under way, by the kernel's clock of its arrival.

use std::collections::HashMap;
use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg, setsockopt, sockopt,
};
use phone::Lateness;

use super::Outcome;

/// RTP header and 20 ms of G.711.
const PACKET_BYTES: usize = 172;
const HEADER_BYTES: usize = 12;
/// A millisecond's share of the 20 ms.
const SLOTS: usize = 20;
/// Packets of one system call.
const BATCH: usize = 128;

/// What was sent and what arrived while it was measured.
#[derive(Debug, Default)]
pub struct Spoken {
    pub sent: u64,
    pub arrived: u64,
    pub under_way: Lateness,
}

/// A packet that came.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// By the kernel's clock.
    at: Duration,
    source: u32,
    timestamp: u32,
    /// When it was sent, if it says so.
    sent: Duration,
}

/// One side's socket, and the thread that takes what it hears.
pub struct Listener {
    pub address: SocketAddr,
    socket: Arc<UdpSocket>,
    measures: Arc<AtomicBool>,
    arrived: Arc<AtomicU64>,
    thread: JoinHandle<Vec<Arrived>>,
    ends: Arc<AtomicBool>,
}

impl Listener {
    pub fn open() -> Outcome<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&socket, sockopt::RcvBuf, &(4 << 20))?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        let address = socket.local_addr()?;
        let socket = Arc::new(socket);
        let (measures, ends, arrived) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let thread = {
            let (socket, measures, ends, arrived) =
                (Arc::clone(&socket), Arc::clone(&measures), Arc::clone(&ends), Arc::clone(&arrived));
            thread::spawn(move || listen(&socket, &measures, &ends, &arrived))
        };
        Ok(Self { address, socket, measures, arrived, thread, ends })
    }
}

/// Everything that arrived while it was measured, until it is told to end.
fn listen(socket: &UdpSocket, measures: &AtomicBool, ends: &AtomicBool, arrived: &AtomicU64) -> Vec<Arrived> {
    let mut all = Vec::new();
    let mut buffers = vec![[0_u8; 2_048]; BATCH];
    let mut headers =
        MultiHeaders::<SockaddrIn>::preallocate(BATCH, Some(nix::cmsg_space!(nix::sys::time::TimeSpec)));
    while !ends.load(Ordering::Relaxed) {
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        let flags = MsgFlags::MSG_WAITFORONE;
        let received = recvmmsg(socket.as_raw_fd(), &mut headers, slices.iter_mut(), flags, None);
        let Ok(received) = received else { continue };
        if !measures.load(Ordering::Relaxed) {
            continue;
        }
        for message in received {
            arrived.fetch_add(1, Ordering::Relaxed);
            let at = message.cmsgs().into_iter().flatten().find_map(|part| match part {
                ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
                _ => None,
            });
            let packet = message.iovs().next().unwrap_or_default();
            let number = |start: usize| packet.get(start..start + 4).and_then(|bytes| bytes.try_into().ok());
            let sent = packet.get(HEADER_BYTES..HEADER_BYTES + 8).and_then(|bytes| bytes.try_into().ok());
            if let (Some(at), Some(timestamp), Some(source), Some(sent)) = (at, number(4), number(8), sent) {
                let [timestamp, source] = [timestamp, source].map(u32::from_be_bytes);
                all.push(Arrived {
                    at,
                    source,
                    timestamp,
                    sent: Duration::from_nanos(u64::from_le_bytes(sent)),
                });
            }
        }
    }
    all
}

/// How late each packet came after the earliest of its stream's grid: the time its clock says, at its best.
fn lateness(all: &[Arrived]) -> Lateness {
    let due = |packet: &Arrived| packet.at.as_micros() as i64 - i64::from(packet.timestamp) * 125;
    let mut best: HashMap<u32, i64> = HashMap::new();
    for packet in all {
        best.entry(packet.source).and_modify(|best| *best = due(packet).min(*best)).or_insert(due(packet));
    }
    let late = all.iter().map(|packet| due(packet) - best.get(&packet.source).copied().unwrap_or_default());
    Lateness::of(late.map(|micros| u32::try_from(micros).unwrap_or(u32::MAX)).collect())
}

impl Listener {
    /// Measures for so long what others send, and calls `measured` when that begins and when it has ended.
    pub fn measure(
        self,
        lasts: Duration,
        mut measured: impl FnMut() -> Outcome<()>,
    ) -> Outcome<(u64, Lateness)> {
        self.measures.store(true, Ordering::Relaxed);
        measured()?;
        // Sleeps: others send meanwhile.
        thread::sleep(lasts);
        measured()?;
        self.measures.store(false, Ordering::Relaxed);
        self.ends.store(true, Ordering::Relaxed);
        let all = self.thread.join().map_err(|_| "a listener ended")?;
        Ok((self.arrived.load(Ordering::Relaxed), lateness(&all)))
    }
}

/// Speaks from each side to its addresses for `warm` unmeasured and `lasts` measured, on the calling thread.
/// `measured` is called when the measured part begins and when it has ended.
pub fn speak(
    sides: [(Listener, Vec<SocketAddr>); 2],
    warm: Duration,
    lasts: Duration,
    mut measured: impl FnMut() -> Outcome<()>,
) -> Outcome<Spoken> {
    let [sent, slots] = [0_u64, SLOTS as u64];
    let mut sent = sent;
    let mut sides_packets: Vec<_> =
        sides.iter().map(|(listener, to)| Side::new(&listener.socket, to)).collect();
    let (start, mut is_measured) = (Instant::now(), false);
    for tick in 0_u64.. {
        let due = start + Duration::from_millis(tick);
        // Sleeps: the pace of speech is what is produced here.
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let since = start.elapsed();
        if since >= warm && !is_measured {
            is_measured = true;
            sides.iter().for_each(|(listener, _)| listener.measures.store(true, Ordering::Relaxed));
            measured()?;
        }
        if since >= warm + lasts {
            break;
        }
        for side in &mut sides_packets {
            let now = side.speak((tick % slots) as usize, tick / slots)?;
            sent += if is_measured { now } else { 0 };
        }
    }
    measured()?;
    // Sleeps: what is under way arrives.
    thread::sleep(Duration::from_millis(20));
    let mut spoken = Spoken { sent, ..Spoken::default() };
    let mut under_way = Vec::new();
    for (listener, _) in sides {
        listener.ends.store(true, Ordering::Relaxed);
        let all = listener.thread.join().map_err(|_| "a listener ended")?;
        under_way.extend(all.iter().map(|packet| packet.at.saturating_sub(packet.sent).as_micros() as u32));
        spoken.arrived += listener.arrived.load(Ordering::Relaxed);
    }
    spoken.under_way = Lateness::of(under_way);
    Ok(spoken)
}

/// The packets of one side.
struct Side {
    socket: Arc<UdpSocket>,
    to: Vec<Option<SockaddrIn>>,
    packets: Vec<[u8; PACKET_BYTES]>,
    headers: MultiHeaders<SockaddrIn>,
}

impl Side {
    fn new(socket: &Arc<UdpSocket>, to: &[SocketAddr]) -> Self {
        let name = |to: &SocketAddr| match to {
            SocketAddr::V4(to) => Some(SockaddrIn::from(*to)),
            SocketAddr::V6(_) => None,
        };
        Self {
            socket: Arc::clone(socket),
            to: to.iter().map(name).collect(),
            packets: vec![[0; PACKET_BYTES]; to.len()],
            headers: MultiHeaders::preallocate(to.len().div_ceil(SLOTS).max(1), None),
        }
    }

    /// One slot of the 20 ms; says how many packets that were.
    fn speak(&mut self, slot: usize, frame: u64) -> Outcome<u64> {
        let share = self.to.len().div_ceil(SLOTS);
        let range = (slot * share).min(self.to.len())..((slot + 1) * share).min(self.to.len());
        if range.is_empty() {
            return Ok(0);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
        let packets = self.packets.get_mut(range.clone()).unwrap_or_default();
        for (stream, packet) in range.clone().zip(packets.iter_mut()) {
            let (number, stamp, source) = (frame as u16, (frame as u32).wrapping_mul(160), stream as u32);
            let head = [
                &[0x80, 0][..],
                &number.to_be_bytes(),
                &stamp.to_be_bytes(),
                &source.to_be_bytes(),
                &now.to_le_bytes(),
            ];
            let head = head.concat();
            packet.iter_mut().zip(head).for_each(|(to, from)| *to = from);
        }
        let slices: Vec<[IoSlice<'_>; 1]> = packets.iter().map(|packet| [IoSlice::new(packet)]).collect();
        let to = self.to.get(range).unwrap_or_default();
        let sent = sendmmsg(self.socket.as_raw_fd(), &mut self.headers, &slices, to, [], MsgFlags::empty())?;
        Ok(sent.count() as u64)
    }
}
