//! Event notification (RFC 6665), our side of it: we tell, phones listen.
//!
//! `notifier` is the machine of one subscription and `table.md` its specification. What `dialog` (RFC 4235) and
//! `message-summary` (RFC 3842) tell are values of the call core, written in `package`; `refer` (RFC 3515) tells a
//! `sipfrag`.

mod notifier;
mod package;
mod sipfrag;

pub use notifier::{Due, Happening, Notifier};
pub use package::{Package, Told};
pub(crate) use sipfrag::{fragment_status, sipfrag};

use crate::header::Name;
use crate::message::Headers;

/// The package an Event header names, without parameters.
pub(crate) fn package(headers: &Headers) -> Option<String> {
    let value = headers.first(&Name::Event)?;
    let package = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    std::str::from_utf8(package).ok().map(str::to_owned)
}
