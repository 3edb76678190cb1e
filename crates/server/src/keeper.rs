//! What a restart finds again: registrations, who had signed in, what people are still to be told, and the rows of finished calls.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use acd::AgentChange;
use call::{CallRecord, Input};
use sip::{Binding, ConnectionId, RegistrationChange, Transport};
use store::{
    CallRow, Database, DatabaseChange, DatabaseWriter, StoredAgent, StoredNotice, StoredRegistration,
    StoredTransport,
};

use crate::node::NodeError;

/// Hands changes to the database's own thread.
#[derive(Clone, Debug)]
pub struct Keeper {
    writer: Arc<DatabaseWriter>,
    /// The queues each agent last signed in to: a pause does not name them again.
    queues: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
}

/// What the last run left.
pub struct Kept {
    /// The first inputs of the switch.
    pub inputs: Vec<Input<'static>>,
    /// What people are still to be told.
    pub notices: Vec<StoredNotice>,
}

impl Keeper {
    /// Opens the database and says what it kept.
    pub fn start(path: &Path) -> Result<(Self, Kept), NodeError> {
        let database = Database::open(path)?;
        let mut kept = Vec::new();
        let mut signed_in = BTreeMap::new();
        for agent in database.load_agents()? {
            let queues = agent.queues;
            signed_in.insert(agent.agent.clone(), queues.clone());
            kept.push((agent.agent.clone(), AgentChange::SignIn { queues }));
            kept.push((
                agent.agent,
                match (agent.is_ready, agent.paused_reason) {
                    (true, _) => AgentChange::Ready,
                    (false, reason) => AgentChange::Pause { reason: reason.unwrap_or_default() },
                },
            ));
        }
        let agents = kept.into_iter().map(|(agent, change)| Input::Agent { agent, change, by: "restart" });
        let registrations = database.load_registrations(jiff::Timestamp::now())?;
        let bindings = registrations
            .into_iter()
            .map(|stored| Input::Restore { user: stored.user.clone(), binding: binding(stored) });
        let inputs = agents.chain(bindings).collect();
        let kept = Kept { inputs, notices: database.load_notices()? };
        let failed = |error| tracing::error!(%error, "the database refuses; calls go on");
        let writer = DatabaseWriter::start(database, Box::new(failed))?;
        let queues = Arc::new(Mutex::new(signed_in));
        Ok((Self { writer: Arc::new(writer), queues }, kept))
    }

    /// Stores a registration, or forgets it.
    pub fn registration(&self, change: RegistrationChange) {
        self.writer.submit(match change {
            RegistrationChange::Bound { user, binding, .. } => {
                DatabaseChange::RegistrationSaved(stored(user, binding))
            }
            RegistrationChange::Unbound { user, contact, .. } => {
                DatabaseChange::RegistrationRemoved { user, contact }
            }
        });
    }

    /// Stores what an agent wished.
    pub fn agent(&self, agent: String, change: AgentChange) {
        let mut signed_in = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let AgentChange::SignIn { queues } = &change {
            signed_in.insert(agent.clone(), queues.clone());
        }
        let queues = signed_in.get(&agent).cloned().unwrap_or_default();
        let saved = |is_ready, paused_reason| {
            DatabaseChange::AgentSaved(StoredAgent { agent: agent.clone(), queues, is_ready, paused_reason })
        };
        self.writer.submit(match change {
            AgentChange::SignIn { .. } => saved(false, None),
            AgentChange::Ready => saved(true, None),
            AgentChange::Pause { reason } => saved(false, Some(reason)),
            AgentChange::SignOut => DatabaseChange::AgentRemoved(agent),
            AgentChange::Reachable
            | AgentChange::Unreachable
            | AgentChange::Engaged
            | AgentChange::Freed
            | AgentChange::ConversationEnded => return,
        });
    }

    /// Stores what people are to be told of an emergency call, until it is settled.
    pub fn notice(&self, notice: StoredNotice) {
        self.writer.submit(DatabaseChange::NoticeSaved(notice));
    }

    /// People were told, or never will be.
    pub fn notice_settled(&self, call: String, event: String) {
        self.writer.submit(DatabaseChange::NoticeSettled { call, event });
    }

    /// Stores a finished call's row.
    pub fn record(&self, record: CallRecord) {
        self.writer.submit(DatabaseChange::CallSaved(CallRow {
            call: record.call,
            started: record.started,
            answered: record.answered,
            ended: record.ended,
            flow: record.flow,
            flow_digest: record.flow_digest,
            queue: record.queue,
            urgency: record.urgency.to_owned(),
            outcome: record.outcome,
            agent: record.agent,
            waited_ms: record.waited_ms,
            talked_ms: record.talked_ms,
        }));
    }
}

fn stored(user: String, binding: Binding) -> StoredRegistration {
    StoredRegistration {
        user,
        contact: binding.contact,
        transport: match binding.path.transport {
            Transport::Udp => StoredTransport::Udp,
            Transport::Tcp => StoredTransport::Tcp,
            Transport::Tls => StoredTransport::Tls,
        },
        local: binding.path.local,
        peer: binding.path.peer,
        expires: binding.expires,
        sip_call_id: binding.sip_call_id,
        cseq: binding.cseq,
        preference: binding.preference,
    }
}

/// A binding on a stream names the connection it came over, which a restart has ended: the endpoint
/// says of such a one that it is gone.
fn binding(stored: StoredRegistration) -> Binding {
    let (transport, connection) = match stored.transport {
        StoredTransport::Udp => (Transport::Udp, None),
        StoredTransport::Tcp => (Transport::Tcp, Some(ConnectionId(u64::MAX))),
        StoredTransport::Tls => (Transport::Tls, Some(ConnectionId(u64::MAX))),
    };
    Binding {
        contact: stored.contact,
        path: sip::Path { transport, local: stored.local, peer: stored.peer, connection },
        preference: stored.preference,
        expires: stored.expires,
        sip_call_id: stored.sip_call_id,
        cseq: stored.cseq,
    }
}
