//! Does what a switch wants done. Both the signalling thread (what may leave at once) and the audit
//! writer (what waited for its record) have one.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use call::Output;
use sip::{Path, Transport, Unsent};

use crate::driver::inbox::{Inbox, Message};
use crate::driver::media::MediaThread;
use crate::driver::recorder::Recorder;
use crate::keeper::Keeper;
use crate::lookups::Lookups;
use crate::metrics::Metrics;
use crate::net::resolve::Resolver;
use crate::net::streams::Streams;
use crate::notifier::Notifier;
use crate::requests::Requester;

/// Linux's number for a datagram that is too long for its way.
const EMSGSIZE: i32 = 90;

/// Does what a switch wants done.
#[derive(Clone)]
pub struct Performer {
    /// The UDP listeners, by the address they are bound to.
    pub udp: Arc<Vec<(SocketAddr, UdpSocket)>>,
    /// What names stand for.
    pub resolver: Resolver,
    /// The stream connections.
    pub streams: Streams,
    /// The media threads.
    pub media: Vec<MediaThread>,
    /// The database.
    pub keeper: Keeper,
    /// Who is told of emergency calls.
    pub notifier: Notifier,
    /// Who looks things up.
    pub lookups: Lookups,
    /// Who asks other systems.
    pub requester: Requester,
    /// Who keeps recordings.
    pub recorder: Recorder,
    /// For answers that come later.
    pub inbox: Inbox,
    /// For counting.
    pub metrics: Arc<Metrics>,
    /// Where look-ups run.
    pub runtime: tokio::runtime::Handle,
}

impl Performer {
    /// Does one thing.
    pub fn perform(&self, output: Output) {
        match output {
            Output::Sip(output) => self.sip(output),
            Output::Media { shard, command } => self.media(shard, command),
            Output::Registration(change) => {
                self.streams.registered(&change);
                self.keeper.registration(change);
            }
            Output::AgentChanged { agent, change } => self.keeper.agent(agent, change),
            Output::Notice(notice) => self.notifier.send(*notice),
            Output::Recording(order) => self.recorder.order(order),
            Output::LookUp(look_up) => self.lookups.ask(*look_up),
            Output::Request(request) => self.requester.ask(*request),
            Output::Record(record) => self.keeper.record(record),
            // Told to the log, the metrics, the audit writer and the verifier before this.
            Output::Hop { .. } | Output::Verify { .. } => {}
        }
    }

    fn sip(&self, output: sip::Output) {
        match output {
            sip::Output::Send { path, bytes, .. } => self.send(&path, bytes),
            sip::Output::Resolve { id, name } => {
                let (resolver, inbox) = (self.resolver.clone(), self.inbox.clone());
                self.runtime.spawn(async move {
                    let targets = resolver.resolve(&name).await;
                    inbox.send(Message::Resolved { id, targets });
                });
            }
            sip::Output::Connect { id, target } => self.streams.connect(id, target),
            sip::Output::Disconnect { id } => self.streams.close(id),
            sip::Output::Dropped(why) => self.metrics.sip_dropped.with_label_values(&[why.name()]).inc(),
            // A switch keeps these to itself.
            sip::Output::Leg { .. }
            | sip::Output::Registration(_)
            | sip::Output::Watched { .. }
            | sip::Output::Unwatched { .. }
            | sip::Output::Answered { .. }
            | sip::Output::ShutOut(_) => {}
        }
    }

    fn send(&self, path: &Path, bytes: bytes::Bytes) {
        let sent = match (path.transport, path.connection) {
            (Transport::Udp, _) => self.send_datagram(path, &bytes),
            (Transport::Tcp | Transport::Tls, Some(connection)) => {
                self.streams.send(connection, bytes.clone())
            }
            (Transport::Tcp | Transport::Tls, None) => false,
        };
        if !sent {
            // Told to the endpoint, or repeated; on a stream the loss of the connection is reported by itself.
            self.metrics.sip_unsent.inc();
        }
    }

    fn send_datagram(&self, path: &Path, bytes: &bytes::Bytes) -> bool {
        let own = self.udp.iter().find(|(local, _)| *local == path.local);
        let listener =
            own.or_else(|| self.udp.iter().find(|(local, _)| local.is_ipv4() == path.peer.is_ipv4()));
        let why = match listener.map(|(_, socket)| socket.send_to(bytes, path.peer)) {
            Some(Ok(_)) => return true,
            Some(Err(error)) => unsent(&error),
            None => Some(Unsent::NoWay),
        };
        if let Some(why) = why {
            self.inbox.send(Message::Unsent { path: *path, bytes: bytes.clone(), why });
        }
        false
    }

    fn media(&self, shard: u16, command: media::Command) {
        let open = match &command {
            media::Command::Open { port, .. } => Some(*port),
            _ => None,
        };
        let sent = self.media.get(usize::from(shard)).is_some_and(|thread| thread.send(command));
        if sent {
            return;
        }
        self.metrics.media_commands_lost.inc();
        // A port that is not there is refused now, rather than a caller left in silence.
        if let Some(port) = open {
            self.inbox.send(Message::Media(media::Event::OpenFailed { port }));
        }
    }
}

/// What an error says of a datagram that time alone does not change. All else is as good as lost on the way.
fn unsent(error: &io::Error) -> Option<Unsent> {
    match error.kind() {
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => Some(Unsent::NoWay),
        _ if error.raw_os_error() == Some(EMSGSIZE) => Some(Unsent::TooLong),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::net::UdpSocket;

    use sip::Unsent;

    use super::unsent;

    #[test]
    fn a_datagram_that_no_network_takes_is_told_from_one_that_is_lost() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let error = socket.send_to(&[b'x'; 65_508], socket.local_addr().unwrap()).unwrap_err();
        assert_eq!(unsent(&error), Some(Unsent::TooLong), "{error}");
        socket.set_nonblocking(true).unwrap();
        let error = socket.recv(&mut [0]).unwrap_err();
        assert_eq!(unsent(&error), None, "{error}");
    }
}
