//! Trunks: the links to carriers and branch offices, by which calls come in and go out.
//!
//! | question | file |
//! |---|---|
//! | what people write down about a trunk | `config.rs` |
//! | where a name of `numbers:` leads | `number.rs` |
//! | how many calls one may bring in | `load.rs` |
//! | who is believed to call | `believed.rs` |
//! | what the signatures of carriers claim | `signed.rs` |
//! | all of that, for a call that comes in | `inbound.rs` |
//! | how the numbers of a carrier and E.164 become one another | `dialling.rs` |
//! | who a call is from, and whether it may cause another | `origin.rs` |
//! | what the called sees of the caller | `caller_id.rs` |
//! | whether a destination is there | `health.rs` |
//! | whether we are registered | `registration.rs` |
//! | how many calls it carries | `limits.rs` |
//! | which destination is called | `choice.rs` |
//! | what a failed attempt means | `failure.rs` |
//! | all trunks as they stand | `links.rs` |
//! | a number is called, way after way | `outward.rs` |

mod believed;
mod caller_id;
mod choice;
mod config;
mod dialling;
mod failure;
mod health;
mod inbound;
mod limits;
mod links;
mod load;
mod number;
mod origin;
mod outward;
mod registration;
mod signed;
#[cfg(test)]
mod tests;

pub use config::{
    Accept, CallerId, CallerIdHeader, CodecName, Identity, Network, Plaintext, Reach, Register, Shown,
    Strangers, TrunkConfig,
};
pub use dialling::{Dialling, Written};
pub(crate) use limits::Passage;
pub use links::{DestinationStatus, TrunkStatus};
pub(crate) use links::{Links, Way};
pub use number::{Number, TrunkNumber};
pub(crate) use origin::Origin;
pub(crate) use outward::Outward;

pub(crate) use inbound::Known;
pub(crate) use load::Arrivals;

use primitives::Private;

/// A trunk with its secrets: what [`crate::Setup`] holds by the trunk's name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trunk {
    /// As written in `careline.yaml`.
    pub config: TrunkConfig,
    /// The password of `user`: ours at the carrier. There whenever `config.user` is.
    pub password: Option<Private<String>>,
    /// The password of `accept.user`: the carrier's at us. There whenever `config.accept.user` is.
    pub accept_password: Option<Private<String>>,
}
