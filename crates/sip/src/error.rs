//! Why a message, or one header of it, is refused, and what to answer. No error holds or prints anything
//! of the message's content.

use thiserror::Error;

use crate::header::Name;
use crate::message::Headers;

/// What a header's value has against being read.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{name}: {problem}")]
pub struct HeaderError {
    /// Which header.
    pub name: Name,
    /// What is wrong with it.
    pub problem: HeaderProblem,
}

/// See [`HeaderError`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum HeaderProblem {
    /// It must be there and is not.
    #[error("is missing")]
    Missing,
    /// It may be there once and is there more often.
    #[error("is there more than once")]
    Repeated,
    /// It does not follow its grammar.
    #[error("expected {expected}")]
    Malformed {
        /// The missing thing.
        expected: &'static str,
    },
    /// There are more values, or longer ones, than are read.
    #[error("is more than is read")]
    TooMuch,
}

/// Which layer refuses a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Layer {
    /// Where it ends, or what its lines are.
    Framing,
    /// The request line or status line.
    StartLine,
    /// One header.
    Header(Name),
}

/// What becomes of a message that is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Answer with this status: 400, 413, 414, 416, 505 …
    Status(u16),
    /// Nothing: a response, an ACK, or too little to answer to.
    Drop,
}

/// A message that is refused.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{layer:?}: expected {expected}")]
pub struct ParseError {
    /// Who refuses.
    pub layer: Layer,
    /// What to do about it.
    pub answer: Answer,
    /// What the message should have had there. Fit for a log and for a Warning; never holds content.
    pub expected: &'static str,
    /// The Via, From, To, Call-ID and CSeq headers the answer repeats (§8.2.6.2), as far as they were
    /// there. Present whenever `answer` is a status. There is a Via in it, which may be what is refused:
    /// then it is repeated as it came, and the answer goes where the request came from.
    pub echo: Option<Box<Headers>>,
}
