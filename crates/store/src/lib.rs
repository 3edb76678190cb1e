//! SQLite and the audit files: what careline keeps.

mod agents;
mod audit_files;
mod audit_index;
mod audit_writer;
mod call_rows;
mod checkpointer;
mod committer;
mod counters;
mod database;
mod database_writer;
mod disk;
mod integrator;
mod keys;
mod messages;
mod notices;
mod read;
mod recording;
mod registrations;
mod releaser;
mod replay;
mod spill;
mod wal;

pub use agents::StoredAgent;
pub use audit_files::{AuditFiles, AuditPlace, OpenError, Recovered};
pub use audit_index::CallSpan;
pub use audit_writer::{AuditWriter, AuditWriterConfig, LogState, Shutdown};
pub use call_rows::{CALL_ROWS_MAX, CallRow};
pub use counters::{AuditMetrics, COMMIT_MICROS_BOUNDS};
pub use database::{Database, DatabaseError};
pub use database_writer::{DatabaseChange, DatabaseWriter};
pub use disk::{AppendFile, Disk, LocalDisk};
pub use keys::{KeyFileError, load_or_generate_key};
pub use messages::{Message, MessageState};
pub use notices::StoredNotice;
pub use read::{
    CallRecords, DirExport, ReadError, Records, read_checkpoint_file, read_records, records_of_call,
    verify_dir,
};
pub use recording::{
    MasterKeys, OpenedRecording, RecordingError, RecordingHeader, RecordingSummary, RecordingWriter,
    StoredRecording, list_recordings, open_recording, remove_recording, shred_recording,
};
pub use registrations::{StoredRegistration, StoredTransport};
