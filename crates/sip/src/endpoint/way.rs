//! Where a request of ours goes: listener, target and connection (RFC 3263, RFC 3261 §12.2.1.1, §18.1).

use std::net::{IpAddr, SocketAddr};

use super::Endpoint;
use crate::header::Via;
use crate::path::{HostName, Path, Target, Transport};
use crate::uri::{Host, Scheme, SipUri, Uri, escape_user};

/// Where a URI leads by itself.
#[derive(Debug)]
pub(super) enum Way {
    /// An address.
    Target(Target),
    /// A name: DNS knows.
    Name(HostName),
    /// Not a SIP URI, or a transport we do not speak.
    Nowhere,
}

/// The element at the other end of a path, by the name it gives itself. Behind NAT that name leads nowhere
/// while the path does.
#[derive(Clone, Debug)]
pub(super) struct Neighbour {
    /// The way its message came.
    pub(super) path: Path,
    /// Host and port as it wrote them: its Via's sent-by, or the contact it registered.
    pub(super) host: Host,
    /// Without one, the transport's own.
    pub(super) port: Option<u16>,
}

/// The port of a transport where nobody names one (RFC 3261 §19.1.2).
pub(super) const fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Udp | Transport::Tcp => 5060,
        Transport::Tls => 5061,
    }
}

/// Where a URI leads, before DNS (RFC 3263 §4.1).
pub(super) fn way_of(uri: &Uri) -> Way {
    let Some(uri) = uri.as_sip() else { return Way::Nowhere };
    let transport = match transport_of(uri) {
        Ok(transport) => transport,
        Err(UnknownTransport) => return Way::Nowhere,
    };
    let host = maddr(uri).unwrap_or_else(|| uri.host.clone());
    let Some(ip) = host.ip() else {
        return Way::Name(HostName { host: host.to_string(), port: uri.port, transport });
    };
    let transport = transport.unwrap_or(Transport::Udp);
    let port = uri.port.unwrap_or(default_port(transport));
    Way::Target(Target { transport, address: SocketAddr::new(ip, port), domain: None })
}

struct UnknownTransport;

/// The transport a URI demands; `None` where it leaves the choice.
fn transport_of(uri: &SipUri) -> Result<Option<Transport>, UnknownTransport> {
    let named = match uri.params.value("transport") {
        None => None,
        Some(name) if name.eq_ignore_ascii_case("udp") => Some(Transport::Udp),
        Some(name) if name.eq_ignore_ascii_case("tcp") => Some(Transport::Tcp),
        Some(name) if name.eq_ignore_ascii_case("tls") => Some(Transport::Tls),
        Some(_) => return Err(UnknownTransport),
    };
    match (uri.scheme, named) {
        (Scheme::Sip, named) => Ok(named),
        // `sips:…;transport=tcp` is TLS over TCP (RFC 5630 §3.1.1); over UDP there is none.
        (Scheme::Sips, Some(Transport::Udp)) => Err(UnknownTransport),
        (Scheme::Sips, _) => Ok(Some(Transport::Tls)),
    }
}

fn maddr(uri: &SipUri) -> Option<Host> {
    let address: IpAddr = uri.params.value("maddr")?.parse().ok()?;
    Some(address.into())
}

impl Endpoint {
    /// The path to a target from the listener of its transport and address family. A stream's connection
    /// is found or asked for when something is sent.
    pub(super) fn path_to(&self, target: &Target) -> Path {
        let Target { transport, address: peer, domain: _ } = *target;
        let unspecified = if peer.is_ipv4() { [0, 0, 0, 0].into() } else { IpAddr::from([0u16; 8]) };
        let local = self.listener(transport, peer).unwrap_or(SocketAddr::new(unspecified, 0));
        Path { transport, local, peer, connection: None }
    }

    /// The address Via and Contact name for what goes along a path: the listener it came in at, or the
    /// first of its transport and address family.
    pub(super) fn advertised(&self, path: Path) -> SocketAddr {
        if self.config.listeners.contains(&(path.transport, path.local)) {
            return path.local;
        }
        self.listener(path.transport, path.peer).unwrap_or(path.local)
    }

    fn listener(&self, transport: Transport, peer: SocketAddr) -> Option<SocketAddr> {
        let mut listeners = self.config.listeners.iter();
        listeners
            .find(|(own, address)| *own == transport && address.is_ipv4() == peer.is_ipv4())
            .map(|(_, at)| *at)
    }

    /// Our Contact for a dialog along a path. `sips` where the far end asked by `sips` (§8.1.1.8).
    pub(super) fn contact(&self, path: Path, asked: &Uri) -> String {
        self.contact_as(path, asked, None)
    }

    /// The same with a user part, by which a carrier's requests find us.
    pub(super) fn contact_as(&self, path: Path, asked: &Uri, user: Option<&str>) -> String {
        let user = user.map(|user| format!("{}@", escape_user(user))).unwrap_or_default();
        let at = format!("{user}{}", self.advertised(path));
        let scheme = match asked.as_sip().map(|uri| uri.scheme) {
            Some(Scheme::Sips) => "sips",
            _ => "sip",
        };
        match path.transport {
            Transport::Udp => format!("<{scheme}:{at}>"),
            Transport::Tcp => format!("<{scheme}:{at};transport=tcp>"),
            Transport::Tls => format!("<{scheme}:{at};transport=tls>"),
        }
    }

    /// Our Via for a request along a path, with a new branch. Asks for a symmetric answer (RFC 3581).
    pub(super) fn via(&mut self, path: Path) -> String {
        let at = self.advertised(path);
        let branch = self.names.branch();
        format!("SIP/2.0/{} {at};rport;branch={branch}", path.transport.via_token())
    }

    /// The path to the next hop of a dialog (§12.2.1.1).
    ///
    /// Where the next hop is the element that `neighbour` names, its own path is taken, whatever address
    /// it believes to have. A host name leads along `neighbour.path`, from where its messages come, until
    /// it is looked up.
    pub(super) fn path_to_hop(&self, hop: &Uri, neighbour: &Neighbour) -> Path {
        let Some(uri) = hop.as_sip() else { return neighbour.path };
        let transport = neighbour.path.transport;
        let port = |port: Option<u16>| port.unwrap_or(default_port(transport));
        if uri.host.is_same(&neighbour.host) && port(uri.port) == port(neighbour.port) {
            return neighbour.path;
        }
        match way_of(hop) {
            Way::Target(target) => {
                let same_host = target.address.ip() == neighbour.path.peer.ip();
                let same = same_host && (transport.is_reliable() || target.address == neighbour.path.peer);
                // Who came by TLS is not talked to in the clear because his Contact forgets to say so.
                let is_there = same && (target.transport == transport || transport == Transport::Tls);
                if is_there { neighbour.path } else { self.path_to(&target) }
            }
            Way::Name(_) | Way::Nowhere => neighbour.path,
        }
    }
}

/// Where the answer to a request goes: back over its stream, and on UDP to where it came from if it asked
/// for that (RFC 3581 §4), else to the port its Via names (RFC 3261 §18.2.2).
pub(super) fn answer_path(came: Path, via: &Via) -> Path {
    if came.transport.is_reliable() || via.asks_rport() {
        return came;
    }
    let port = via.port.unwrap_or(default_port(came.transport));
    Path { peer: SocketAddr::new(came.peer.ip(), port), ..came }
}
