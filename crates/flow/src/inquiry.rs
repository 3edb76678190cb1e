//! What a flow asks a table or another system, and what it hears of it.

use std::sync::Arc;
use std::time::Duration;

use primitives::Private;
use serde::Serialize;

use crate::expression::{Type, Value};

/// Something asked. The caller hears what the flow plays meanwhile, and goes on without an answer when its time
/// is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Inquiry {
    /// Told apart from earlier ones of the same caller: what comes of those is not heard any more.
    pub number: u32,
    /// Who is asked.
    pub source: InquirySource,
    /// What is given: key columns, each with its value.
    pub given: Vec<(Arc<str>, Private<Value>)>,
    /// What is wanted of the answer, each once.
    pub wanted: Vec<(Arc<str>, Type)>,
    /// How long the caller waits for it.
    pub within: Duration,
}

/// Who is asked.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum InquirySource {
    /// A table of `tables.yaml`; [`crate::Library::table`] has it.
    Table(Arc<str>),
}

impl InquirySource {
    /// Its name.
    pub const fn name(&self) -> &Arc<str> {
        match self {
            Self::Table(name) => name,
        }
    }

    /// `lookup`.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Table(_) => "lookup",
        }
    }
}

/// What came of asking.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum InquiryNews {
    /// An answer: each thing wanted with its value. What lacks one of them, or has it in another type, is none.
    Found(Vec<(Arc<str>, Private<Value>)>),
    /// There is no such row.
    NotFound,
    /// Nobody could say.
    Failed,
}

impl InquiryNews {
    /// The word of the exit, for logs and tests.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Found(_) => "found",
            Self::NotFound => "not_found",
            Self::Failed => "failed",
        }
    }
}
