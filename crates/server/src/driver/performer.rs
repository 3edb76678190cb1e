//! Does what a switch wants done. Both the signalling thread (what may leave at once) and the audit
//! writer (what waited for its record) have one.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use call::Output;
use sip::{Path, Transport};

use crate::driver::inbox::{Inbox, Message};
use crate::driver::media::MediaThread;
use crate::keeper::Keeper;
use crate::metrics::Metrics;
use crate::net::resolve::Resolver;
use crate::net::streams::Streams;
use crate::notifier::Notifier;

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
            Output::Registration(change) => self.keeper.registration(change),
            Output::AgentChanged { agent, change } => self.keeper.agent(agent, change),
            Output::Notice(notice) => self.notifier.send(*notice),
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
            (Transport::Udp, _) => {
                let listener =
                    self.udp.iter().find(|(local, _)| *local == path.local).or_else(|| {
                        self.udp.iter().find(|(local, _)| local.is_ipv4() == path.peer.is_ipv4())
                    });
                listener.is_some_and(|(_, socket)| socket.send_to(&bytes, path.peer).is_ok())
            }
            (Transport::Tcp | Transport::Tls, Some(connection)) => self.streams.send(connection, bytes),
            (Transport::Tcp | Transport::Tls, None) => false,
        };
        if !sent {
            // UDP is repeated; on a stream the loss of the connection is reported by itself.
            self.metrics.sip_unsent.inc();
        }
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
