use jiff::Timestamp;
use rusqlite::params;

use crate::database::{Database, DatabaseError};

/// A message a caller left. What she said is in the recording of that name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// Its recording.
    pub recording: String,
    /// Of which call.
    pub call: String,
    /// Whose.
    pub inbox: String,
    /// Whether the caller marked it so.
    pub is_urgent: bool,
    /// When she left it.
    pub arrived: Timestamp,
    /// How long it is.
    pub length_ms: u64,
    /// What was done about it.
    pub state: MessageState,
}

/// What was done about a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MessageState {
    /// Nobody heard it.
    New,
    /// Somebody did.
    Heard,
    /// Nothing is left to do.
    Done,
}

impl MessageState {
    /// Its word in the database and the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Heard => "heard",
            Self::Done => "done",
        }
    }

    /// The state of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::New, Self::Heard, Self::Done].into_iter().find(|state| state.word() == word)
    }
}

/// Messages a list shows at most.
const LISTED_MAX: u32 = 10_000;

impl Database {
    /// Stores a message; again is once.
    pub fn save_message(&self, of: &Message) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)")?
            .execute(params![
                of.recording,
                of.call,
                of.inbox,
                of.is_urgent,
                of.arrived.as_microsecond(),
                of.length_ms,
                of.state.word(),
            ])?;
        Ok(())
    }

    /// Sets what was done about a message. `None`: there is none of that name; else its inbox.
    pub fn mark_message(
        &self,
        recording: &str,
        state: MessageState,
    ) -> Result<Option<String>, DatabaseError> {
        let mut statement = self
            .connection
            .prepare_cached("UPDATE messages SET state = ? WHERE recording = ? RETURNING inbox")?;
        let mut rows = statement.query(params![state.word(), recording])?;
        Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
    }

    /// Messages of all inboxes or of one: the urgent ones first, then the oldest.
    pub fn messages(&self, inbox: Option<&str>) -> Result<Vec<Message>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT * FROM messages WHERE ?1 IS NULL OR inbox = ?1 \
             ORDER BY state = 'done', is_urgent DESC, arrived_us, recording LIMIT ?2",
        )?;
        let mut rows = statement.query(params![inbox, LISTED_MAX])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let bad = |column| DatabaseError::Row { table: "messages", column };
            let state: String = row.get("state")?;
            let arrived = Timestamp::from_microsecond(row.get("arrived_us")?);
            found.push(Message {
                recording: row.get("recording")?,
                call: row.get("call")?,
                inbox: row.get("inbox")?,
                is_urgent: row.get("is_urgent")?,
                arrived: arrived.map_err(|_| bad("arrived_us"))?,
                length_ms: row.get("length_ms")?,
                state: MessageState::of_word(&state).ok_or_else(|| bad("state"))?,
            });
        }
        Ok(found)
    }

    /// Of each inbox how many messages nobody heard, and how many somebody did that are not done with.
    pub fn message_counts(&self) -> Result<Vec<(String, u32, u32)>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT inbox, SUM(state = 'new'), SUM(state = 'heard') FROM messages GROUP BY inbox ORDER BY inbox",
        )?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push((row.get(0)?, row.get(1)?, row.get(2)?));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Message, MessageState};
    use crate::Database;

    #[test]
    fn messages_are_listed_the_urgent_first_and_counted_by_what_was_done_about_them() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("careline.db")).unwrap();
        let message = |recording: &str, minute: i64, is_urgent| Message {
            recording: recording.to_owned(),
            call: "0af3".to_owned(),
            inbox: "nurse1".to_owned(),
            is_urgent,
            arrived: jiff::Timestamp::from_second(1_700_000_000 + 60 * minute).unwrap(),
            length_ms: 12_000,
            state: MessageState::New,
        };
        for one in [message("b", 2, false), message("a", 1, false), message("c", 3, true)] {
            database.save_message(&one).unwrap();
        }
        let names = |inbox| -> Vec<String> {
            database.messages(inbox).unwrap().into_iter().map(|one| one.recording).collect()
        };
        assert_eq!(names(Some("nurse1")), ["c", "a", "b"]);
        assert_eq!(names(Some("nurse2")), [""; 0]);
        assert_eq!(database.mark_message("c", MessageState::Done).unwrap().as_deref(), Some("nurse1"));
        assert_eq!(database.mark_message("a", MessageState::Heard).unwrap().as_deref(), Some("nurse1"));
        assert_eq!(database.mark_message("z", MessageState::Heard).unwrap(), None);
        assert_eq!(names(None), ["a", "b", "c"]);
        assert_eq!(database.message_counts().unwrap(), [("nurse1".to_owned(), 1, 1)]);
    }
}
