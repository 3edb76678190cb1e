use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::agents::StoredAgent;
use crate::call_rows::CallRow;
use crate::database::{Database, DatabaseError};
use crate::notices::StoredNotice;
use crate::registrations::StoredRegistration;

/// Changes waiting for the database. A thousand phones that register at once fit four times; beyond it
/// the change is dropped and counted, since a phone registers again and a call's row is in the log too.
const CHANGES_MAX: usize = 4_096;

/// Changes stored as one at most, so that nobody else waits long for the database.
const GROUP_MAX: usize = 256;

/// A change to be stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DatabaseChange {
    /// An agent signed out.
    AgentRemoved(String),
    /// An agent signed in or changed something.
    AgentSaved(StoredAgent),
    /// A call ended.
    CallSaved(CallRow),
    /// Somebody is to be told of an emergency call.
    NoticeSaved(StoredNotice),
    /// Somebody was told, or never will be.
    NoticeSettled {
        /// Of which call.
        call: String,
        /// What.
        event: String,
    },
    /// A contact is gone.
    RegistrationRemoved {
        /// Whose.
        user: String,
        /// Which.
        contact: String,
    },
    /// A contact was made or refreshed.
    RegistrationSaved(StoredRegistration),
}

/// Stores changes on a thread of its own, in order, so that nobody waits for SQLite.
#[derive(Debug)]
pub struct DatabaseWriter {
    changes: Option<SyncSender<DatabaseChange>>,
    thread: Option<JoinHandle<()>>,
    dropped: Arc<AtomicU64>,
}

impl DatabaseWriter {
    /// Starts the thread. `failed` hears of every change the database refused.
    pub fn start(database: Database, failed: Box<dyn FnMut(DatabaseError) + Send>) -> std::io::Result<Self> {
        let (changes, waiting) = sync_channel(CHANGES_MAX);
        let thread = thread::Builder::new()
            .name("database".to_owned())
            .spawn(move || run(&database, &waiting, failed))?;
        Ok(Self { changes: Some(changes), thread: Some(thread), dropped: Arc::default() })
    }

    /// Hands in a change. Never blocks.
    pub fn submit(&self, change: DatabaseChange) {
        if let Some(changes) = &self.changes
            && changes.try_send(change).is_ok()
        {
            return;
        }
        self.dropped.fetch_add(1, Relaxed);
    }

    /// Changes dropped because too many were waiting, for metrics.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Stores what is waiting and closes the database.
    pub fn shutdown(mut self) {
        self.close();
    }

    fn close(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was already reported by its own thread.
            let _ = thread.join();
        }
    }
}

impl Drop for DatabaseWriter {
    fn drop(&mut self) {
        self.close();
    }
}

fn run(
    database: &Database,
    changes: &Receiver<DatabaseChange>,
    mut failed: Box<dyn FnMut(DatabaseError) + Send>,
) {
    while let Ok(first) = changes.recv() {
        // What gathered while the last group was stored is stored as one: a lone change waits for nothing.
        let mut group = vec![first];
        group.extend(changes.try_iter().take(GROUP_MAX - 1));
        store_together(database, &group, &mut failed);
    }
}

/// Stores changes as one transaction: one write to the disk for all of them. One that is refused takes no
/// other with it.
fn store_together(database: &Database, group: &[DatabaseChange], failed: &mut dyn FnMut(DatabaseError)) {
    let transaction = database.connection.unchecked_transaction();
    for change in group {
        if let Err(error) = store(database, change) {
            failed(error);
        }
    }
    if let Err(error) = transaction.and_then(rusqlite::Transaction::commit) {
        failed(error.into());
    }
}

fn store(database: &Database, change: &DatabaseChange) -> Result<(), DatabaseError> {
    match change {
        DatabaseChange::AgentRemoved(agent) => database.remove_agent(agent),
        DatabaseChange::AgentSaved(agent) => database.save_agent(agent),
        DatabaseChange::CallSaved(call) => database.save_call(call),
        DatabaseChange::NoticeSaved(notice) => database.save_notice(notice),
        DatabaseChange::NoticeSettled { call, event } => database.remove_notice(call, event),
        DatabaseChange::RegistrationRemoved { user, contact } => database.remove_registration(user, contact),
        DatabaseChange::RegistrationSaved(registration) => database.save_registration(registration),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{DatabaseChange, DatabaseWriter};
    use crate::agents::StoredAgent;
    use crate::database::Database;

    #[test]
    fn changes_are_stored_in_order_before_the_writer_closes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("careline.db");
        let failed = Box::new(|error| unreachable!("{error}"));
        let writer = DatabaseWriter::start(Database::open(&path).unwrap(), failed).unwrap();
        let agent = |name: &str| StoredAgent {
            agent: name.to_owned(),
            queues: Vec::new(),
            is_ready: true,
            paused_reason: None,
        };
        for at in 0..200 {
            writer.submit(DatabaseChange::AgentSaved(agent(&format!("agent-{at}"))));
            writer.submit(DatabaseChange::AgentRemoved(format!("agent-{at}")));
        }
        writer.submit(DatabaseChange::AgentSaved(agent("ana")));
        assert_eq!(writer.dropped(), 0);
        writer.shutdown();
        assert_eq!(Database::open(&path).unwrap().load_agents().unwrap(), [agent("ana")]);
    }
}
