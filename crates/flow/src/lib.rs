//! Call flows (YAML): parse, check, compile, interpret, and run their `tests:`.
//!
//! [`compile`] turns the files of a folder into a [`Library`] or into findings with line, column and fix.
//! An [`Interpreter`] walks one caller through one [`Flow`] of it: events and time in, actions out.

mod action;
mod compile;
mod event;
mod interpreter;
mod urgency;

pub use action::{Action, Enqueue, HangUpCause, KeyClass, Play, PromptRef};
pub use compile::{Compiled, Digest, Environment, Finding, Flow, Library, PromptInfo, Severity, Source, compile};
pub use event::{Caller, Event, QueueNews, TransferNews};
pub use interpreter::Interpreter;
pub use urgency::Urgency;
