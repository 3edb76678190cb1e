use primitives::Now;
use serde_json::{Map, Value};

use crate::CallId;

/// Something a person could later ask about: `queue.enter`, `offer.made`, `call.end`.
///
/// Values are strings, booleans, whole numbers up to 2^53 − 1, and lists and objects of these. A
/// fraction is refused when the fact is sealed (two programs print it differently): use milliseconds or
/// thousandths. Nothing private may be in a fact: no number, name, keyed digit or free text of a caller.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Dotted words of `a-z`, `0-9` and `_`, at most [`Fact::KIND_BYTES_MAX`] bytes.
    pub kind: String,
    /// What there is to know, by name.
    pub fields: Map<String, Value>,
}

impl Fact {
    /// Longest [`Fact::kind`]. A kind is a word of the product, never text from outside.
    pub const KIND_BYTES_MAX: usize = 64;

    /// The kind that ends a call: its record carries how many records the call has, and the call's
    /// chain is closed.
    pub const CALL_END: &'static str = "call.end";

    /// A fact without fields.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), fields: Map::new() }
    }

    /// The fact with one more field.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }
}

/// Where in which call flow a fact came about. The digest makes the hop explainable years later
/// against the exact text of the flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FlowRef {
    /// The flow's name.
    pub name: String,
    /// SHA-256 of the compiled flow, 64 hexadecimal digits.
    pub digest_hex: String,
    /// The step the caller was in.
    pub step: String,
}

/// One fact to be sealed.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it came about.
    pub at: Now,
    /// Whose call it belongs to; `None` for facts of the node itself.
    pub call: Option<CallId>,
    /// The place in the call flow, if a flow decided it.
    pub flow: Option<FlowRef>,
    /// What happened.
    pub fact: Fact,
}
