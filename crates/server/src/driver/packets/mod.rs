//! How the packets of one media thread get in and out of its sockets: by io_uring where the kernel has it, else by
//! epoll. Both do the same; the tests here run on both.
//!
//! Every port has a socket of its own, so `sendmmsg` and `recvmmsg`, which batch over one socket, have nothing to batch.
//! io_uring batches over all of them: what a turn sends goes out with the one system call that waits for the next turn,
//! and a packet that came needs none at all. Measured on a 2-core virtual machine (kernel 6.18) at 400 bridged calls:
//! 5.9 us of processor a relayed packet, 6.8 by epoll that reports what is there and one receive and one send for
//! each, 7.7 by epoll that reports changes only, because that needs a second receive to learn that nothing is left.

mod readiness;
mod ring;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use media::{PacketBatch, PortId};
use rustix::event::{EventfdFlags, eventfd};

use readiness::Readiness;
use ring::Ring;

use crate::config::PacketsBy;

/// An RTP packet of a telephone fits an Ethernet frame; what is longer is cut and refused by the shard.
const PACKET_BYTES_MAX: usize = 1_500;

/// Packets taken before the ticks have their turn.
const PACKETS_PER_TURN_MAX: usize = 1_024;

/// Sockets of ports, and a way to wait for all of them.
pub enum Packets {
    /// By io_uring.
    Ring(Box<Ring>),
    /// By epoll.
    Readiness(Readiness),
}

impl Packets {
    /// To be used by the thread that makes it, and by no other. The second is what others wake it with.
    pub fn new(by: PacketsBy) -> io::Result<(Self, Waker)> {
        let event = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        let waker = Waker(Arc::clone(&event));
        let ring = match by {
            PacketsBy::Epoll => None,
            PacketsBy::IoUring => Some(Ring::new(Arc::clone(&event))?),
            PacketsBy::Auto => Ring::new(Arc::clone(&event))
                .inspect_err(|error| tracing::info!(%error, "this kernel lets us have no io_uring"))
                .ok(),
        };
        let packets = match ring {
            Some(ring) => Self::Ring(Box::new(ring)),
            None => Self::Readiness(Readiness::new(event)?),
        };
        Ok((packets, waker))
    }

    /// What it is, for the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ring(_) => "io_uring",
            Self::Readiness(_) => "epoll",
        }
    }

    /// Takes the socket of a port.
    pub fn open(&mut self, port: PortId, socket: UdpSocket) -> io::Result<()> {
        match self {
            Self::Ring(ring) => ring.open(port, socket),
            Self::Readiness(readiness) => readiness.open(port, socket),
        }
    }

    /// Lets go of a port's socket: its address is free again on return.
    pub fn close(&mut self, port: PortId) -> io::Result<()> {
        match self {
            Self::Ring(ring) => ring.close(port),
            Self::Readiness(readiness) => readiness.close(port),
        }
    }

    /// Waits until packets came, somebody woke us or `due` is reached, and hands over what came, at most a turn's worth.
    pub fn wait(
        &mut self,
        due: Instant,
        received: impl FnMut(PortId, SocketAddr, &mut [u8]),
    ) -> io::Result<()> {
        match self {
            Self::Ring(ring) => ring.wait(due, received),
            Self::Readiness(readiness) => readiness.wait(due, received),
        }
    }

    /// Sends a batch, and says how many of it the kernel takes; by io_uring with the next `wait` at the latest.
    pub fn send(&mut self, batch: &PacketBatch) -> u64 {
        let packets = batch.iter().map(|(outgoing, bytes)| (outgoing.port, outgoing.to, bytes));
        match self {
            Self::Ring(ring) => {
                packets.filter(|&(port, to, bytes)| ring.send(port, to, bytes)).count() as u64
            }
            Self::Readiness(readiness) => {
                packets.filter(|&(port, to, bytes)| readiness.send(port, to, bytes)).count() as u64
            }
        }
    }
}

/// Ends a wait of [`Packets`] from another thread.
#[derive(Clone, Debug)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// The wait under way, or the next, ends at once. `false`: it cannot be told.
    pub fn wake(&self) -> bool {
        match rustix::io::write(&self.0, &1_u64.to_ne_bytes()) {
            // Full after 2^64 - 1 wakes nobody saw: it is awake enough.
            Ok(_) | Err(rustix::io::Errno::AGAIN) => true,
            Err(_) => false,
        }
    }
}

/// Takes all wakes so far.
fn quiet(event: &OwnedFd) {
    // Nothing to take is as good.
    _ = rustix::io::read(event, &mut [0_u8; 8][..]);
}
