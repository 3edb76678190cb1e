//! Packets by epoll: the kernel says which sockets hold something, each is read once, and read again in the next turn
//! if it holds more. So a flood at one port costs the others at most one packet's time a turn.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use media::PortId;
use rustix::event::{Timespec, epoll};

use super::{PACKET_BYTES_MAX, PACKETS_PER_TURN_MAX, quiet};

/// No port's number: ports count up from 0.
const WAKE: u64 = u64::MAX;

/// The sockets of one media thread.
pub struct Readiness {
    epoll: OwnedFd,
    event: Arc<OwnedFd>,
    sockets: HashMap<PortId, UdpSocket>,
}

impl Readiness {
    pub fn new(event: Arc<OwnedFd>) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &event, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        Ok(Self { epoll, event, sockets: HashMap::new() })
    }

    pub fn open(&mut self, port: PortId, socket: UdpSocket) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        epoll::add(&self.epoll, &socket, epoll::EventData::new_u64(port.0), epoll::EventFlags::IN)?;
        self.sockets.insert(port, socket);
        Ok(())
    }

    pub fn close(&mut self, port: PortId) -> io::Result<()> {
        match self.sockets.remove(&port) {
            Some(socket) => Ok(epoll::delete(&self.epoll, &socket)?),
            None => Ok(()),
        }
    }

    pub fn wait(
        &mut self,
        due: Instant,
        mut received: impl FnMut(PortId, SocketAddr, &mut [u8]),
    ) -> io::Result<()> {
        let left = due.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        let mut ready = [const { MaybeUninit::uninit() }; PACKETS_PER_TURN_MAX];
        let ready = match epoll::wait(&self.epoll, &mut ready, Some(&left)) {
            Ok((ready, _)) => ready,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let mut buffer = [0; PACKET_BYTES_MAX];
        for event in ready {
            let port = event.data.u64();
            if port == WAKE {
                quiet(&self.event);
                continue;
            }
            // An error is the far end's port that is closed (ICMP): what matters of it is seen as silence.
            if let Some(socket) = self.sockets.get(&PortId(port))
                && let Ok((length, from)) = socket.recv_from(&mut buffer)
            {
                received(PortId(port), from, buffer.get_mut(..length).unwrap_or_default());
            }
        }
        Ok(())
    }

    pub fn send(&self, port: PortId, to: SocketAddr, bytes: &[u8]) -> bool {
        self.sockets.get(&port).is_some_and(|socket| socket.send_to(bytes, to).is_ok())
    }
}
