//! Where bytes came from and where they go: listener, peer and, on a stream, its connection.

use std::fmt;
use std::net::SocketAddr;

/// How SIP travels (RFC 3261 §18).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Transport {
    /// One message a datagram; we repeat what is lost.
    Udp,
    /// A stream; messages are framed by Content-Length.
    Tcp,
    /// A stream inside TLS.
    Tls,
}

impl Transport {
    /// Whether the transport itself repeats what is lost.
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// The token of a Via header's sent-protocol: `UDP`, `TCP`, `TLS`.
    pub const fn via_token(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        })
    }
}

/// One stream connection. The driver numbers the ones it accepts from zero upwards, the endpoint the ones
/// it asks for from `ConnectionId::ASKED_FOR_MIN` upwards, so that the two never meet.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// The first number of connections the endpoint itself asked for.
    pub const ASKED_FOR_MIN: u64 = 1 << 63;
}

/// The way one message came, and the way its answer goes back (RFC 3581: symmetric).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Path {
    /// The transport.
    pub transport: Transport,
    /// Our address: the listener's.
    pub local: SocketAddr,
    /// The peer's address as the socket saw it, whatever a Via header says.
    pub peer: SocketAddr,
    /// On a stream, which one.
    pub connection: Option<ConnectionId>,
}

/// What became of a stream connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ConnectionChange {
    /// A peer connected to us. Told before its first bytes.
    Accepted {
        /// Over TCP or TLS.
        transport: Transport,
        /// From where.
        peer: SocketAddr,
        /// The names of its verified certificate; empty where it showed none.
        certificate: Vec<String>,
    },
    /// One that was asked for with `Output::Connect` is up, from this local address.
    Opened {
        /// Our end of it.
        local: SocketAddr,
        /// The names of the far end's verified certificate; empty without TLS.
        certificate: Vec<String>,
    },
    /// It could not be opened, or it was and is gone.
    Lost,
}

/// A question to DNS that is under way.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ResolveId(pub u64);

/// A host name to look up, with what the URI fixed of RFC 3263's choices.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostName {
    /// The name as the URI has it.
    pub host: String,
    /// The port, where the URI names one (then no SRV is asked for).
    pub port: Option<u16>,
    /// The transport, where the URI names one (then no NAPTR is asked for).
    pub transport: Option<Transport>,
}

/// One place a name stands for, in the order to try them (RFC 3263 §4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// How.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
    /// The name that was looked up, not what DNS made of it: over TLS the far end must prove to be it (RFC
    /// 5922 §7.2). Without one it must prove to be the address.
    pub domain: Option<String>,
}
