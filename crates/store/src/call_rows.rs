use audit::CallId;
use jiff::Timestamp;
use rusqlite::{Row, params};

use crate::database::{Database, DatabaseError};

/// A finished call, for reports. The caller's number is not in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallRow {
    /// Which call.
    pub call: CallId,
    /// When it came.
    pub started: Timestamp,
    /// When we answered.
    pub answered: Option<Timestamp>,
    /// When it ended.
    pub ended: Timestamp,
    /// The flow that answered it.
    pub flow: String,
    /// That flow's version.
    pub flow_digest: String,
    /// The last queue the caller waited in.
    pub queue: Option<String>,
    /// The urgency at the end.
    pub urgency: String,
    /// Why it ended.
    pub outcome: String,
    /// Who answered.
    pub agent: Option<String>,
    /// From joining the queue to the answer.
    pub waited_ms: Option<u64>,
    /// With agents and numbers outside, in all.
    pub talked_ms: u64,
}

/// Rows a report reads at most: three months of a busy line.
pub const CALL_ROWS_MAX: u32 = 1_000_000;

impl Database {
    /// Stores a finished call; again is once.
    pub fn save_call(&self, of: &CallRow) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
            .execute(params![
                of.call.to_string(),
                of.started.as_microsecond(),
                of.answered.map(Timestamp::as_microsecond),
                of.ended.as_microsecond(),
                of.flow,
                of.flow_digest,
                of.queue,
                of.urgency,
                of.outcome,
                of.agent,
                of.waited_ms,
                of.talked_ms,
            ])?;
        Ok(())
    }

    /// The calls that began from one moment up to, not including, another; at most [`CALL_ROWS_MAX`].
    pub fn calls_between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<CallRow>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT * FROM calls WHERE started_us >= ? AND started_us < ? ORDER BY started_us, call LIMIT ?",
        )?;
        let mut rows = statement.query(params![from.as_microsecond(), to.as_microsecond(), CALL_ROWS_MAX])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read_call(row)?);
        }
        Ok(found)
    }
}

fn read_call(row: &Row<'_>) -> Result<CallRow, DatabaseError> {
    let bad = |column| DatabaseError::Row { table: "calls", column };
    let time = |column| -> Result<Option<Timestamp>, DatabaseError> {
        let micros: Option<i64> = row.get(column)?;
        micros.map(|micros| Timestamp::from_microsecond(micros).map_err(|_| bad(column))).transpose()
    };
    let call: String = row.get("call")?;
    Ok(CallRow {
        call: call.parse().map_err(|_| bad("call"))?,
        started: time("started_us")?.ok_or_else(|| bad("started_us"))?,
        answered: time("answered_us")?,
        ended: time("ended_us")?.ok_or_else(|| bad("ended_us"))?,
        flow: row.get("flow")?,
        flow_digest: row.get("flow_digest")?,
        queue: row.get("queue")?,
        urgency: row.get("urgency")?,
        outcome: row.get("outcome")?,
        agent: row.get("agent")?,
        waited_ms: row.get("waited_ms")?,
        talked_ms: row.get("talked_ms")?,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use audit::CallId;
    use jiff::Timestamp;

    use super::CallRow;
    use crate::Database;

    #[test]
    fn finished_calls_are_read_back_by_when_they_began() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("careline.db")).unwrap();
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let answered = CallRow {
            call: CallId(u128::MAX),
            started: at("2026-11-23T14:00:00.000001Z"),
            answered: Some(at("2026-11-23T14:00:01Z")),
            ended: at("2026-11-23T14:09:00Z"),
            flow: "nurse-line".to_owned(),
            flow_digest: "ab".repeat(32),
            queue: Some("nurses".to_owned()),
            urgency: "emergent".to_owned(),
            outcome: "answered".to_owned(),
            agent: Some("ana".to_owned()),
            waited_ms: Some(12_345),
            talked_ms: 480_000,
        };
        let abandoned = CallRow {
            call: CallId(1),
            started: at("2026-11-24T00:00:00Z"),
            answered: None,
            queue: None,
            agent: None,
            waited_ms: None,
            ..answered.clone()
        };
        database.save_call(&abandoned).unwrap();
        database.save_call(&answered).unwrap();
        database.save_call(&answered).unwrap();
        let day = database.calls_between(at("2026-11-23T00:00:00Z"), at("2026-11-24T00:00:00Z")).unwrap();
        assert_eq!(day, [answered]);
        let next = database.calls_between(at("2026-11-24T00:00:00Z"), at("2026-11-25T00:00:00Z")).unwrap();
        assert_eq!(next, [abandoned]);
    }
}
