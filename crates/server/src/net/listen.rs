//! Opening listeners, with errors that say what to do.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

/// Why a listener did not start. All of these are for the operator: nothing is retried.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Somebody else has it.
    #[error("cannot listen on {what} {address}: the port is in use. `ss -lpn 'sport = :{port}'` names the process", port = .address.port())]
    PortInUse {
        /// `udp`, `tcp` …
        what: &'static str,
        /// Where.
        address: SocketAddr,
    },
    /// A low port.
    #[error(
        "cannot listen on {what} {address}: ports below 1024 need CAP_NET_BIND_SERVICE. Grant it, or choose a higher port"
    )]
    NotPermitted {
        /// `udp`, `tcp` …
        what: &'static str,
        /// Where.
        address: SocketAddr,
    },
    /// Not an address of this machine.
    #[error(
        "cannot listen on {what} {address}: this machine does not have that address. `ip addr` lists those it has"
    )]
    NotOurs {
        /// `udp`, `tcp` …
        what: &'static str,
        /// Where.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("cannot listen on {what} {address}: {cause}")]
    Other {
        /// `udp`, `tcp` …
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
}

impl ListenError {
    fn new(what: &'static str, address: SocketAddr, cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::AddrInUse => Self::PortInUse { what, address },
            io::ErrorKind::PermissionDenied => Self::NotPermitted { what, address },
            io::ErrorKind::AddrNotAvailable => Self::NotOurs { what, address },
            _ => Self::Other { what, address, cause },
        }
    }
}

/// Opens a UDP listener with room for a burst. An IPv6 one leaves IPv4 alone.
pub fn udp(address: SocketAddr) -> Result<UdpSocket, ListenError> {
    let open = || -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // The kernel grants no more than `net.core.rmem_max`. A flood of 20,000 small messages a second fills one
        // megabyte in 40 ms, and what is behind it is repeated half a second later.
        socket.set_recv_buffer_size(16 << 20)?;
        socket.bind(&address.into())?;
        Ok(socket.into())
    };
    open().map_err(|cause| ListenError::new("udp", address, cause))
}

/// Opens a TCP listener.
pub fn tcp(what: &'static str, address: SocketAddr) -> Result<TcpListener, ListenError> {
    let open = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // A restart finds its port free although old connections linger in TIME_WAIT.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(1_024)?;
        Ok(socket.into())
    };
    open().map_err(|cause| ListenError::new(what, address, cause))
}
