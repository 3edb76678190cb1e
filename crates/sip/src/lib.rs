//! SIP (RFC 3261): messages, transactions, dialogs and registrations. Bytes and commands in, bytes and leg
//! events out; no socket, no clock, no randomness of its own.
//!
//! [`Endpoint`] is the whole of it for whoever drives calls: hand it an [`Input`] with the time, perform the
//! [`Output`]s in order, come back at [`Endpoint::poll_timeout`].

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test's clock starts at some instant"))]

mod account;
mod config;
mod deadlines;
mod dialog;
pub mod digest;
mod emergency;
mod endpoint;
pub mod error;
pub mod event;
pub mod framer;
mod guard;
pub mod header;
mod leg;
pub mod limits;
pub mod message;
mod names;
pub mod passport;
mod path;
mod presented;
mod recent;
mod referral;
mod registrar;
pub mod transaction;
pub mod uri;

pub use account::{Account, Credentials};
pub use config::{Config, Timers};
pub use emergency::{EmergencyNumber, is_emergency_number};
pub use endpoint::{
    Discarded, Endpoint, FinalResponse, Input, Invite, OutOfDialog, Outcome, Output, Release, RequestId,
    Unsent,
};
pub use guard::{Rate, Security, ShutOut, Source};
pub use leg::{Challenge, EndCause, Invited, LegCommand, LegEvent, LegId, Refusal};
pub use path::{ConnectionChange, ConnectionId, HostName, Path, ResolveId, Target, Transport};
pub use presented::{Presented, Privacy};
pub use referral::{Referral, Replaced};
pub use registrar::{Binding, RegistrationChange, User};
