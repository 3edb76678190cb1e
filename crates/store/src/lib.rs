//! SQLite and the audit files: what careline keeps.

mod audit_files;
mod audit_writer;
mod checkpointer;
mod committer;
mod counters;
mod disk;
mod integrator;
mod keys;
mod read;
mod releaser;
mod replay;
mod spill;
mod wal;

pub use audit_files::{AuditFiles, AuditPlace, OpenError, Recovered};
pub use audit_writer::{AuditWriter, AuditWriterConfig, LogState, Shutdown};
pub use counters::{AuditMetrics, COMMIT_MICROS_BOUNDS};
pub use disk::{AppendFile, Disk, LocalDisk};
pub use keys::{KeyFileError, load_or_generate_key};
pub use read::{
    CallRecords, DirExport, ReadError, Records, read_checkpoint_file, read_records, records_of_call, verify_dir,
};
