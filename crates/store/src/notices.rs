use jiff::Timestamp;
use rusqlite::params;

use crate::database::{Database, DatabaseError};

/// A notice of an emergency call that nobody has taken yet (47 CFR 9.16(b)(2)).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredNotice {
    /// Its call.
    pub call: String,
    /// What happened to it: `called`, `answered`, `failed`, `ended`. Each once in a call.
    pub event: String,
    /// When it happened.
    pub at: Timestamp,
    /// What is posted.
    pub body: String,
}

impl Database {
    /// Stores a notice until it is settled; again is once.
    pub fn save_notice(&self, of: &StoredNotice) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO notices VALUES (?, ?, ?, ?)")?
            .execute(params![of.call, of.event, of.at.as_microsecond(), of.body])?;
        Ok(())
    }

    /// Forgets a notice somebody took, or that was given up.
    pub fn remove_notice(&self, call: &str, event: &str) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached("DELETE FROM notices WHERE call = ? AND event = ?")?
            .execute([call, event])?;
        Ok(())
    }

    /// The notices nobody took, those of a call in the order in which they happened.
    pub fn load_notices(&self) -> Result<Vec<StoredNotice>, DatabaseError> {
        let mut statement = self.connection.prepare_cached("SELECT * FROM notices ORDER BY at_us, rowid")?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let at = Timestamp::from_microsecond(row.get("at_us")?);
            found.push(StoredNotice {
                call: row.get("call")?,
                event: row.get("event")?,
                at: at.map_err(|_| DatabaseError::Row { table: "notices", column: "at_us" })?,
                body: row.get("body")?,
            });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::StoredNotice;
    use crate::Database;

    #[test]
    fn notices_nobody_took_are_found_again_in_the_order_in_which_they_happened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("careline.db");
        let notice = |call: &str, event: &str, second: i64| StoredNotice {
            call: call.to_owned(),
            event: event.to_owned(),
            at: jiff::Timestamp::from_second(1_700_000_000 + second).unwrap(),
            body: format!("{{\"event\":\"{event}\"}}"),
        };
        let kept = [notice("a", "called", 1), notice("b", "called", 2), notice("a", "ended", 3)];
        let database = Database::open(&path).unwrap();
        for one in &kept {
            database.save_notice(one).unwrap();
        }
        database.save_notice(&notice("b", "answered", 2)).unwrap();
        database.remove_notice("b", "answered").unwrap();
        drop(database);
        assert_eq!(Database::open(&path).unwrap().load_notices().unwrap(), kept);
    }
}
