//! Call flows (YAML): parse, check, compile, interpret, and run their `tests:`.
//!
//! [`compile`] turns the files of a folder into a [`Library`] or into findings with line, column and fix.
//! An [`Interpreter`] walks one caller through one [`Flow`] of it: events and time in, actions out.
//! `language.md` beside the sources is the grammar.

mod action;
mod announced;
mod calendar;
mod check;
mod compile;
mod csv;
mod diagnostic;
mod diff;
mod doc;
mod document;
mod entry;
mod event;
mod explain;
mod expression;
mod flow;
mod grammar;
mod graph;
mod inquiry;
mod interpreter;
mod layout;
mod not_configured;
mod note;
mod prove;
mod recorded;
mod recording;
mod rota;
mod scaffold;
mod scenario;
mod schema;
mod speech;
mod table;
mod urgency;
mod verification;
mod words;

pub use action::{Action, Enqueue, HangUpCause, KeyClass, Play, PromptRef};
pub use compile::{Compiled, EndpointInfo, Environment, PromptInfo, QueueInfo, Source, compile};
pub use diagnostic::{Finding, Severity};
pub use diff::{Change, Version, diff};
pub use doc::Script;
pub use event::{Caller, Diverted, Event, PageNews, QueueNews, TransferNews};
pub use explain::{explain, explained, nearest_code};
pub use expression::{Type, Value};
pub use flow::{Digest, Flow, Library};
pub use graph::{Counts, Graph};
pub use inquiry::{Inquiry, InquiryNews, InquirySource, Wanted};
pub use interpreter::Interpreter;
pub use layout::lay_out;
pub use note::Note;
pub use prove::{Proof, ProvedAt, RULES, prove};
pub use recorded::{PromptAudio, Recorded};
pub use recording::{MessageNews, Recording};
pub use rota::{Contact, Ladder, ROUND_MIN};
pub use scaffold::FlowKind;
pub use scenario::{Coverage, Heard, Missing, PromptTexts, TestResult, Trial, coverage, run_tests};
pub use schema::flow_schema;
pub use table::{Column, HeldRows, Table};
pub use urgency::Urgency;
pub use verification::Verification;
