use rusqlite::params;

use crate::database::{Database, DatabaseError};

/// An agent who is signed in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredAgent {
    /// The user name.
    pub agent: String,
    /// The queues signed in to; empty: all the agent may serve.
    pub queues: Vec<String>,
    /// Ready for calls.
    pub is_ready: bool,
    /// Why not, if the agent said so.
    pub paused_reason: Option<String>,
}

impl Database {
    /// Stores that an agent is signed in, and how.
    pub fn save_agent(&self, of: &StoredAgent) -> Result<(), DatabaseError> {
        // Writing a list of strings cannot fail.
        let queues = serde_json::to_string(&of.queues).unwrap_or_default();
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO agents VALUES (?, ?, ?, ?)")?
            .execute(params![of.agent, queues, of.is_ready, of.paused_reason])?;
        Ok(())
    }

    /// Forgets an agent who signed out.
    pub fn remove_agent(&self, agent: &str) -> Result<(), DatabaseError> {
        self.connection.prepare_cached("DELETE FROM agents WHERE agent = ?")?.execute([agent])?;
        Ok(())
    }

    /// The agents who were signed in.
    pub fn load_agents(&self) -> Result<Vec<StoredAgent>, DatabaseError> {
        let mut statement = self.connection.prepare_cached("SELECT * FROM agents ORDER BY agent")?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let queues: String = row.get("queues")?;
            let queues = serde_json::from_str(&queues)
                .map_err(|_| DatabaseError::Row { table: "agents", column: "queues" })?;
            found.push(StoredAgent {
                agent: row.get("agent")?,
                queues,
                is_ready: row.get("is_ready")?,
                paused_reason: row.get("paused_reason")?,
            });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::StoredAgent;
    use crate::Database;

    #[test]
    fn an_agent_is_found_as_she_left_until_she_signs_out() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("careline.db")).unwrap();
        let ready = StoredAgent {
            agent: "ana".to_owned(),
            queues: vec!["nurses".to_owned(), "night \"desk\"".to_owned()],
            is_ready: true,
            paused_reason: None,
        };
        database.save_agent(&ready).unwrap();
        database.save_agent(&StoredAgent { agent: "bo".to_owned(), ..ready.clone() }).unwrap();
        let paused = StoredAgent { is_ready: false, paused_reason: Some("lunch".to_owned()), ..ready };
        database.save_agent(&paused).unwrap();
        database.remove_agent("bo").unwrap();
        assert_eq!(database.load_agents().unwrap(), [paused]);
    }
}
