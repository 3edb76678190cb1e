//! What happened to a caller, sealed so that nobody can change it unnoticed.
//!
//! An [`Event`] (a [`Fact`] with its time, call and place in the flow) is sealed by [`Log`] into a
//! [`Record`]: one line of canonical JSON (RFC 8785) chained to the call's previous record. Records are
//! the leaves of an RFC 6962 tree ([`Tree`]) whose head is signed as a C2SP [`Checkpoint`]. [`verify`]
//! needs the exported files and the public key, nothing else: an auditor builds this crate anywhere.
//!
//! No file, socket or clock is touched here; `store` writes the files.

mod call_id;
pub mod canonical;
mod checkpoint;
mod fact;
mod log;
mod note;
pub mod proof;
mod record;
mod spelling;
pub mod tile;
mod tree;
mod verify;

pub use call_id::{CallId, CallIdError};
pub use checkpoint::{Checkpoint, CheckpointError, checkpoint_text, parse_text};
pub use fact::{Event, Fact, FlowRef};
pub use log::{Head, Identity, IdentityError, Log, OPEN_CALLS_MAX, OpenCall, OpenCalls};
pub use note::{KeyError, NOTE_BYTES_MAX, NoteError, SigningKey, VerifyingKey};
pub use proof::TreeHead;
pub use record::{Header, Record, RecordError, Refusal, read_header};
pub use tile::{Tile, TileKind, TilePath};
pub use tree::{EdgeError, Hash, Tree, empty_root, leaf_hash, level_count, node_hash, open_width, root_of};
pub use verify::{
    BadRecord, Broken, CALLS_FOLLOWED_MAX, Export, INCOMPLETE_LISTED_MAX, Incomplete, Missing, Verified,
    verify,
};
