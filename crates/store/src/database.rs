//! The SQLite file: what a restart needs and what reports read. Losing it loses no evidence: that is in
//! the audit log's files.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use thiserror::Error;

use crate::disk::{create_private_dir, next_step};

/// Each file takes the schema one version further, in order. One that was released is never changed.
const MIGRATIONS: [&str; 3] = [
    include_str!("../migrations/sqlite/0001_calls_agents_registrations.sql"),
    include_str!("../migrations/sqlite/0002_messages.sql"),
    include_str!("../migrations/sqlite/0003_notices.sql"),
];

/// How long a statement waits for another process, a backup or `careline calls`, to let go.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);

/// What an operator can do about a database that refuses.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// The file cannot be created or opened.
    #[error("database {}: {error}; {}", .path.display(), next_step(.error))]
    File {
        /// The database.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// SQLite refused.
    #[error("database: {error}; {}", advice(.error))]
    Sqlite {
        /// What it said. Its messages name tables and columns, never values.
        #[from]
        error: rusqlite::Error,
    },
    /// A later careline wrote it.
    #[error("database {} was written by a later careline (schema {found}, this one knows {known}): run that version, or restore the backup made before the upgrade", .path.display())]
    TooNew {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// A row does not hold what we write.
    #[error(
        "database: a row of `{table}` is not as careline writes it (`{column}`): it was edited by hand. Delete the row or restore a backup"
    )]
    Row {
        /// Where.
        table: &'static str,
        /// What.
        column: &'static str,
    },
    /// The audit log could not be read for its index.
    #[error("audit log {}: {error}; {}", .path.display(), next_step(.error))]
    Log {
        /// The log's folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

fn advice(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            "the disk is full: free space or move the database to a larger disk (`df -h` names the full one)"
        }
        Some(ErrorCode::ReadOnly) => {
            "file or disk is read-only: check its owner, and `dmesg` for disk errors"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process holds it (`fuser` on the file names it); careline tries again with the next change"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the file is damaged: move it away and restore a backup, or start without it (phones register again, reports begin anew, the audit log is untouched)"
        }
        Some(ErrorCode::SystemIoFailure) => "the disk failed: see `dmesg`",
        _ => "if it persists, move the file away and restore a backup",
    }
}

/// An open database. For one thread; [`crate::DatabaseWriter`] is its way to the others.
#[derive(Debug)]
pub struct Database {
    pub(crate) connection: Connection,
}

impl Database {
    /// Opens or creates a database and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        create_private_file(path).map_err(|error| DatabaseError::File { path: path.to_owned(), error })?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // A power cut may lose the last changes, never the file: what must survive is in the audit log.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "trusted_schema", "OFF")?;
        migrate(&mut connection, path)?;
        Ok(Self { connection })
    }
}

/// Owner only from the first byte; SQLite gives its `-wal` and `-shm` files the same permissions.
fn create_private_file(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        create_private_dir(parent)?;
    }
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), DatabaseError> {
    let found: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.len();
    if found > known {
        return Err(DatabaseError::TooNew { path: path.to_owned(), found, known });
    }
    for (at, statements) in MIGRATIONS.iter().enumerate().skip(found) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(statements)?;
        transaction.pragma_update(None, "user_version", at + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use rusqlite::Connection;

    use super::{Database, DatabaseError};

    #[test]
    fn a_database_is_private_and_opened_again_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data/careline.db");
        let first = Database::open(&path).unwrap();
        for name in ["careline.db", "careline.db-wal"] {
            let mode = fs::metadata(dir.path().join("data").join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        drop(first);
        Database::open(&path).unwrap();
    }

    #[test]
    fn a_database_of_a_later_version_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("careline.db");
        Database::open(&path).unwrap();
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(Database::open(&path), Err(DatabaseError::TooNew { found: 99, .. })));
    }

    #[test]
    fn a_damaged_file_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("careline.db");
        fs::write(&path, "this is no database, and long enough not to be taken for an empty one".repeat(20))
            .unwrap();
        let message = Database::open(&path).unwrap_err().to_string();
        assert!(message.contains("restore a backup"), "{message}");
    }
}
