use std::borrow::Cow;

use serde::Deserialize;
use thiserror::Error;

use crate::canonical::NotCanonical;
use crate::tree::Hash;
use crate::{CallId, OpenCall, canonical};

/// A sealed fact: one leaf of the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Position in the log, from 0, without gaps.
    pub seq: u64,
    /// The call it belongs to.
    pub call: Option<CallId>,
    /// Position within the call, from 1.
    pub cseq: Option<u64>,
    /// What happened, as in [`crate::Fact::kind`].
    pub kind: String,
    /// Canonical JSON (RFC 8785): exactly what is stored and hashed.
    pub bytes: Vec<u8>,
    /// Leaf hash of `bytes` (RFC 6962 §2.1).
    pub leaf: Hash,
    /// Set if the fact could not be sealed as given. The record then keeps its kind, call and time and
    /// says why its fields are missing: an incident in the log, not a hole.
    pub refused: Option<Refusal>,
}

impl Record {
    /// Longest record. A fact is a few hundred bytes; more is free text, which does not belong here.
    pub const BYTES_MAX: usize = 8_192;

    /// The link this record is in the chain of its call.
    pub fn open_call(&self) -> Option<OpenCall> {
        let (call, cseq) = (self.call?, self.cseq?);
        Some(OpenCall { call, cseq, previous: self.leaf, last_seq: self.seq })
    }
}

/// Why a fact's fields are not in its record.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Refusal {
    /// A value outside the JSON of the log.
    #[error("{0}")]
    Value(#[from] NotCanonical),
    /// The record would exceed [`Record::BYTES_MAX`].
    #[error("longer than 8,192 bytes")]
    TooLong,
    /// The kind is not dotted words of `a-z`, `0-9` and `_`.
    #[error("not a kind of fact")]
    Kind,
    /// Name, digest or step of the flow is not what [`crate::FlowRef`] says.
    #[error("not a place in a call flow")]
    Flow,
}

/// What every record says about itself; its fact's fields are left unread.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Header<'a> {
    /// Format, 1.
    pub v: u64,
    /// Position in the log.
    pub seq: u64,
    /// RFC 3339, UTC, microseconds.
    #[serde(borrow)]
    pub ts: Cow<'a, str>,
    /// Nanoseconds on the node's own steady clock since its first record of this run.
    pub mono: u64,
    /// The node's run, new at each start.
    #[serde(borrow)]
    pub boot: Cow<'a, str>,
    /// The node.
    #[serde(borrow)]
    pub node: Cow<'a, str>,
    /// What happened.
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    /// The call, 32 hexadecimal digits.
    #[serde(borrow, default)]
    pub call: Option<Cow<'a, str>>,
    /// Position within the call, from 1.
    #[serde(default)]
    pub cseq: Option<u64>,
    /// Leaf hash of the call's previous record, `sha256:` and 64 digits.
    #[serde(borrow, default)]
    pub cprev: Option<Cow<'a, str>>,
    /// How many records the call has; only where it ends.
    #[serde(default)]
    pub n: Option<u64>,
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RecordError {
    /// Not canonical JSON: changed by hand, or by another program.
    #[error("not canonical JSON")]
    NotCanonical,
    /// JSON, but without what every record has.
    #[error("not a record of this log's format")]
    Malformed,
    /// Longer than any record.
    #[error("longer than 8,192 bytes")]
    TooLong,
}

/// Reads what a record says about itself and checks that it is written canonically.
pub fn read_header(bytes: &[u8]) -> Result<Header<'_>, RecordError> {
    if bytes.len() > Record::BYTES_MAX {
        return Err(RecordError::TooLong);
    }
    if !canonical::is_canonical(bytes) {
        return Err(RecordError::NotCanonical);
    }
    let header: Header<'_> = serde_json::from_slice(bytes).map_err(|_| RecordError::Malformed)?;
    if header.v == 1 { Ok(header) } else { Err(RecordError::Malformed) }
}

impl Header<'_> {
    /// The call, if the record belongs to one and names it properly.
    pub fn call_id(&self) -> Option<CallId> {
        self.call.as_ref().and_then(|call| call.parse().ok())
    }

    /// The link this record, whose leaf hash is given, is in the chain of its call.
    pub fn open_call(&self, leaf: Hash) -> Option<OpenCall> {
        let (call, cseq) = (self.call_id()?, self.cseq?);
        Some(OpenCall { call, cseq, previous: leaf, last_seq: self.seq })
    }

    /// The hash of the call's previous record.
    pub fn previous(&self) -> Option<Hash> {
        let digits = self.cprev.as_ref()?.strip_prefix("sha256:")?;
        let mut hash = [0; 32];
        hex::decode_to_slice(digits, &mut hash).ok()?;
        Some(hash)
    }
}
