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
    /// What is given: key columns, or fields of a JSON object, each with its value.
    pub given: Vec<(Arc<str>, Private<Value>)>,
    /// What stands in the address that is asked: nothing private.
    pub query: Vec<(Arc<str>, Private<Value>)>,
    /// What is wanted of the answer, each once.
    pub wanted: Vec<Wanted>,
    /// How long the caller waits for it.
    pub within: Duration,
}

/// A part of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wanted {
    /// The column, or a JSON pointer (RFC 6901).
    pub from: Arc<str>,
    /// What it must be.
    pub of: Type,
    /// An answer without it is one all the same: it is empty then.
    pub is_optional: bool,
}

/// Who is asked.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum InquirySource {
    /// A table of `tables.yaml`; [`crate::Library::table`] has it.
    Table(Arc<str>),
    /// An endpoint of the configuration.
    Endpoint(Arc<str>),
}

impl InquirySource {
    /// Its name.
    pub const fn name(&self) -> &Arc<str> {
        match self {
            Self::Table(name) | Self::Endpoint(name) => name,
        }
    }

    /// `lookup`, `http`.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Table(_) => "lookup",
            Self::Endpoint(_) => "http",
        }
    }

    /// The word of the exit that news lead to.
    pub const fn exit(&self, news: &InquiryNews) -> &'static str {
        match (self, news) {
            (Self::Table(_), InquiryNews::Found(_)) => "found",
            (Self::Endpoint(_), InquiryNews::Found(_)) => "ok",
            (Self::Table(_), InquiryNews::NotFound) => "not_found",
            (Self::Endpoint(_), InquiryNews::NotFound) | (_, InquiryNews::Failed) => "failed",
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

impl Inquiry {
    /// What an answer in JSON says of what is wanted; `None`: it lacks a part, or has it in another type.
    pub fn read(&self, json: &serde_json::Value) -> Option<InquiryNews> {
        let one = |wanted: &Wanted| {
            let found = json.pointer(&wanted.from).filter(|found| !found.is_null());
            let value = match (wanted.of, found) {
                (of, None) if wanted.is_optional => Value::unset(of),
                (Type::Text, Some(found)) => Value::Text(found.as_str()?.into()),
                (Type::Number, Some(found)) => Value::Number(found.as_i64()?),
                (Type::Truth, Some(found)) => Value::Truth(found.as_bool()?),
                (_, None) => return None,
            };
            Some((wanted.from.clone(), Private::new(value)))
        };
        self.wanted.iter().map(one).collect::<Option<_>>().map(InquiryNews::Found)
    }
}
