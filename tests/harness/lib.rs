//! Starts the real binary on free ports and drives it with real telephones.
//!
//! [`Server`] runs `careline` with a configuration and a data folder of its own; [`SippCall`],
//! [`Baresip`] and [`Linphone`] are other people's telephones beside our own `phone`. Every wait ends: with what was
//! waited for, or with a [`Trouble`] that says what was missing and quotes the log.

mod answering_point;
mod ask;
mod authority;
mod baresip;
mod carrier;
mod conversation;
mod crowd;
mod dns;
mod flows;
mod https_desk;
mod linphone;
mod ports;
mod prompts;
mod server;
mod sipp;
mod tls_carrier;
mod trouble;
mod wait;

pub use answering_point::AnsweringPoint;
pub use ask::Ask;
pub use authority::{Authority, Issued};
pub use baresip::{Baresip, BaresipOptions};
pub use carrier::Carrier;
pub use conversation::talk;
pub use crowd::{Crowd, Stream};
pub use dns::{Dns, Record};
pub use flows::{FlowsFolder, NURSES};
pub use https_desk::HttpsDesk;
pub use linphone::{Linphone, LinphoneOptions};
pub use ports::free_ports;
pub use prompts::{hears_prompt, prompt_fits};
pub use server::{Options, Server, Tls};
pub use sipp::{SippCall, SippCarrier, SippRun, sipp};
pub use tls_carrier::TlsCarrier;
pub use trouble::Trouble;
pub use wait::eventually;
