//! Trunks: the links to carriers and branch offices, by which calls come in and go out.
//!
//! | question | file |
//! |---|---|
//! | what people write down about a trunk | `config.rs` |
//! | how the numbers of a carrier and E.164 become one another | `dialling.rs` |

mod config;
mod dialling;

pub use config::{
    Accept, CallerId, CallerIdHeader, CodecName, Identity, Network, Plaintext, Reach, Register, Shown,
    Strangers, TrunkConfig,
};
pub use dialling::{Dialling, Written};

use primitives::Private;

/// A trunk with its secrets: what [`crate::Setup`] holds by the trunk's name.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// As written in `careline.yaml`.
    pub config: TrunkConfig,
    /// The password of `user`: ours at the carrier. There whenever `config.user` is.
    pub password: Option<Private<String>>,
    /// The password of `accept.user`: the carrier's at us. There whenever `config.accept.user` is.
    pub accept_password: Option<Private<String>>,
}
