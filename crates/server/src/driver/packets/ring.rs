//! Packets by io_uring: every socket has one receive that stands until it is closed and fills buffers of a common
//! store; what is sent is put beside and goes out with the system call that waits.
//!
//! The one file with `unsafe`: the kernel reads and writes memory it is told of while we do other things. What it is told
//! of lives in three boxes that neither move nor shrink while the ring lives (`store`, `header`, `outgoing`); a place of
//! them is used again only after the kernel has said that it is done with it; and before they go, the ring has ended all
//! it was asked to do.
#![allow(unsafe_code, reason = "io_uring has no safe form: the kernel shares memory with us")]

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use io_uring::types::{CancelBuilder, Fd, RecvMsgOut, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use media::PortId;
use socket2::SockAddr;

use super::{PACKET_BYTES_MAX, PACKETS_PER_TURN_MAX, quiet};

/// Requests that wait for the next system call; full, one is made for them.
const REQUESTS: u32 = 1_024;
/// Answers of the kernel that wait for us: all packets of a turn, and what was sent in it. Beyond, the kernel keeps them.
const ANSWERS: u32 = 8_192;
/// Packets the kernel can put down before we have looked: 13 ms of 1,300 bridged calls. With none free it keeps
/// them in the sockets.
const RECEIVED_MAX: u16 = 2_048;
/// A received packet with its head: the kernel writes lengths (16 bytes) and the sender's name before it.
const RECEIVED_BYTES: usize = 16 + NAME_BYTES + PACKET_BYTES_MAX;
/// `sockaddr_in6`, the longer of the two, and room so that each packet begins on a multiple of four.
const NAME_BYTES: usize = 28;
/// Packets on their way to the kernel: a tick of 6,000 calls, and some. Beyond, a packet is lost as on any full link.
const OUTGOING_MAX: u16 = 4_096;
/// Buffers of received packets, as the kernel calls them.
const GROUP: u16 = 0;

/// What an answer of the kernel is about: the upper byte of its mark. The rest is a port, or a place.
const RECEIVED: u64 = 0;
const SENT: u64 = 1 << 56;
const WOKEN: u64 = 2 << 56;
const OTHER: u64 = 3 << 56;
const KIND: u64 = 0xff << 56;

/// A packet the kernel has not taken yet.
struct Outgoing {
    bytes: [u8; PACKET_BYTES_MAX],
    to: SockAddr,
}

/// The sockets of one media thread.
pub struct Ring {
    ring: IoUring,
    event: Arc<OwnedFd>,
    sockets: HashMap<PortId, UdpSocket>,
    /// `RECEIVED_MAX` buffers of `RECEIVED_BYTES`.
    store: Box<[u8]>,
    /// Says how long names are; all receives share it.
    header: Box<libc::msghdr>,
    outgoing: Box<[Outgoing]>,
    /// Places of `outgoing` the kernel has no use of.
    free: Vec<u16>,
    answers: Vec<(u64, i32, u32)>,
}

impl Ring {
    pub fn new(event: Arc<OwnedFd>) -> io::Result<Self> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_cqsize(ANSWERS)
            .build(REQUESTS)?;
        // SAFETY: all zeroes is a message header with no names, no buffers and no control data.
        let mut header: Box<libc::msghdr> = Box::new(unsafe { std::mem::zeroed() });
        header.msg_namelen = NAME_BYTES as u32;
        let nowhere = SockAddr::from(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        let outgoing = || Outgoing { bytes: [0; PACKET_BYTES_MAX], to: nowhere.clone() };
        let mut made = Self {
            ring,
            event,
            sockets: HashMap::new(),
            store: vec![0; usize::from(RECEIVED_MAX) * RECEIVED_BYTES].into(),
            header,
            outgoing: (0..OUTGOING_MAX).map(|_| outgoing()).collect(),
            free: (0..OUTGOING_MAX).collect(),
            answers: Vec::with_capacity(PACKETS_PER_TURN_MAX),
        };
        made.provide(0, RECEIVED_MAX)?;
        made.listen_for_wakes()?;
        made.ring.submit()?;
        Ok(made)
    }

    pub fn open(&mut self, port: PortId, socket: UdpSocket) -> io::Result<()> {
        let fd = socket.as_raw_fd();
        self.sockets.insert(port, socket);
        self.receive(port, fd)
    }

    pub fn close(&mut self, port: PortId) -> io::Result<()> {
        let Some(socket) = self.sockets.remove(&port) else { return Ok(()) };
        // What is to go out by it goes first; then the receive, which holds on to the socket.
        self.ring.submit()?;
        let all_of_it = CancelBuilder::fd(Fd(socket.as_raw_fd())).all();
        match self.ring.submitter().register_sync_cancel(None, all_of_it) {
            Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
            // Only now the kernel lets go of the socket.
            _ => self.enter(Duration::ZERO),
        }
    }

    /// Hands the kernel what we ask, and waits for an answer.
    fn enter(&self, left: Duration) -> io::Result<()> {
        let left = Timespec::from(left);
        match self.ring.submitter().submit_with_args(1, &SubmitArgs::new().timespec(&left)) {
            Ok(_) => Ok(()),
            // Nothing came; or a signal did; or the kernel has answers for us before it takes more.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR | libc::EBUSY)) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    pub fn wait(
        &mut self,
        due: Instant,
        mut received: impl FnMut(PortId, SocketAddr, &mut [u8]),
    ) -> io::Result<()> {
        self.enter(due.saturating_duration_since(Instant::now()))?;
        let mut answers = std::mem::take(&mut self.answers);
        let taken = self.ring.completion().take(PACKETS_PER_TURN_MAX);
        answers.extend(taken.map(|answer| (answer.user_data(), answer.result(), answer.flags())));
        let mut done = Ok(());
        for (mark, result, flags) in answers.drain(..) {
            match mark & KIND {
                RECEIVED => done = done.and(self.received(PortId(mark), result, flags, &mut received)),
                SENT => self.free.push((mark & 0xffff) as u16),
                WOKEN => {
                    quiet(&self.event);
                    if !cqueue::more(flags) {
                        done = done.and(self.listen_for_wakes());
                    }
                }
                _ => {}
            }
        }
        self.answers = answers;
        done
    }

    pub fn send(&mut self, port: PortId, to: SocketAddr, bytes: &[u8]) -> bool {
        let Some(fd) = self.sockets.get(&port).map(AsRawFd::as_raw_fd) else { return false };
        let Some(place) = self.free.pop() else { return false };
        let Some(outgoing) = self.outgoing.get_mut(usize::from(place)) else { return false };
        let Some(room) = outgoing.bytes.get_mut(..bytes.len()) else {
            self.free.push(place);
            return false;
        };
        room.copy_from_slice(bytes);
        outgoing.to = SockAddr::from(to);
        let request = opcode::Send::new(Fd(fd), outgoing.bytes.as_ptr(), bytes.len() as u32)
            .dest_addr(outgoing.to.as_ptr().cast())
            .dest_addr_len(outgoing.to.len())
            .flags(libc::MSG_DONTWAIT)
            .build()
            .user_data(SENT | u64::from(place));
        // SAFETY: bytes and name stand in a place of `outgoing` that was free and is taken until the kernel answers.
        let is_asked = unsafe { self.ask(&request) }.is_ok();
        if !is_asked {
            self.free.push(place);
        }
        is_asked
    }

    /// A packet came, or the receive of a port has ended.
    fn received(
        &mut self,
        port: PortId,
        result: i32,
        flags: u32,
        to: &mut impl FnMut(PortId, SocketAddr, &mut [u8]),
    ) -> io::Result<()> {
        let mut done = Ok(());
        if let Some(buffer) = cqueue::buffer_select(flags) {
            let start = usize::from(buffer) * RECEIVED_BYTES;
            let length = usize::try_from(result).unwrap_or_default();
            if let Some(bytes) = self.store.get_mut(start..start + length)
                && self.sockets.contains_key(&port)
                && let Some((from, packet)) = read(bytes, &self.header)
            {
                to(port, from, packet);
            }
            done = self.provide(buffer, 1);
        }
        // It ends where a buffer was missing or the far end's port is closed (ICMP), and begins anew; not where the
        // port was closed here, or where there is nothing to read from.
        let is_over = matches!(-result, libc::ECANCELED | libc::EBADF | libc::EINVAL | libc::EOPNOTSUPP);
        if !cqueue::more(flags)
            && !is_over
            && let Some(fd) = self.sockets.get(&port).map(AsRawFd::as_raw_fd)
        {
            done = done.and(self.receive(port, fd));
        }
        done
    }

    fn receive(&mut self, port: PortId, fd: RawFd) -> io::Result<()> {
        let request = opcode::RecvMsgMulti::new(Fd(fd), &raw const *self.header, GROUP)
            .build()
            .user_data(RECEIVED | port.0);
        // SAFETY: `header` and the buffers of the group live until the ring has ended.
        unsafe { self.ask(&request) }
    }

    /// Gives buffers to the kernel.
    fn provide(&mut self, first: u16, count: u16) -> io::Result<()> {
        let start = usize::from(first) * RECEIVED_BYTES;
        let Some(bytes) = self.store.get_mut(start..start + usize::from(count) * RECEIVED_BYTES) else {
            return Err(io::Error::other("no such buffer"));
        };
        let request =
            opcode::ProvideBuffers::new(bytes.as_mut_ptr(), RECEIVED_BYTES as i32, count, GROUP, first)
                .build()
                .flags(squeue::Flags::SKIP_SUCCESS)
                .user_data(OTHER);
        // SAFETY: the bytes are of `store`, and nobody reads them until the kernel hands them back.
        unsafe { self.ask(&request) }
    }

    fn listen_for_wakes(&mut self) -> io::Result<()> {
        let request = opcode::PollAdd::new(Fd(self.event.as_raw_fd()), libc::POLLIN as u32)
            .multi(true)
            .build()
            .user_data(WOKEN);
        // SAFETY: it names no memory.
        unsafe { self.ask(&request) }
    }

    /// # Safety
    /// The memory a request names must live, and be left alone, until the kernel has answered it.
    unsafe fn ask(&mut self, request: &squeue::Entry) -> io::Result<()> {
        // SAFETY: as the caller promises.
        if unsafe { self.ring.submission().push(request) }.is_ok() {
            return Ok(());
        }
        self.ring.submit()?;
        // SAFETY: as the caller promises.
        unsafe { self.ring.submission().push(request) }.map_err(io::Error::other)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // Without it the kernel may still write into a buffer that is somebody else's by then.
        let ended = self.ring.submitter().register_sync_cancel(None, CancelBuilder::any());
        if ended.is_err_and(|error| error.raw_os_error() != Some(libc::ENOENT)) {
            // Rather a leak, at the end of the process, than that.
            std::mem::forget(std::mem::take(&mut self.store));
            std::mem::forget(std::mem::take(&mut self.outgoing));
        }
    }
}

/// Who sent a packet, and the packet.
fn read<'a>(bytes: &'a mut [u8], header: &libc::msghdr) -> Option<(SocketAddr, &'a mut [u8])> {
    let message = RecvMsgOut::parse(bytes, header).ok()?;
    let from = name(message.name_data())?;
    let length = message.payload_data().len();
    // What comes before it: lengths and name, as the kernel was told.
    let start = bytes.len().checked_sub(length)?;
    Some((from, bytes.get_mut(start..)?))
}

/// `sockaddr_in` or `sockaddr_in6`: the family as this machine counts, port and address as networks do.
fn name(bytes: &[u8]) -> Option<SocketAddr> {
    let (family, rest) = bytes.split_first_chunk()?;
    let (port, rest) = rest.split_first_chunk()?;
    let port = u16::from_be_bytes(*port);
    let address = match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => IpAddr::from(Ipv4Addr::from(*rest.first_chunk::<4>()?)),
        libc::AF_INET6 => IpAddr::from(Ipv6Addr::from(*rest.get(4..)?.first_chunk::<16>()?)),
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}
