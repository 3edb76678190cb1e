//! A scripted SIP telephone, independent of careline's own SIP.
//!
//! It speaks through another author's parser (rsip) and its own small G.711 and RFC 4733 code, so that
//! a mistake in careline cannot hide behind the same mistake at the other end of the wire. The demo's
//! patient and nurse, the synthetic self-test call, the load generator and the end-to-end tests all
//! call with it.
//!
//! ```no_run
//! # async fn script() -> Result<(), phone::PhoneError> {
//! use phone::{Phone, PhoneConfig};
//! use std::time::Duration;
//!
//! let patient = Phone::start(PhoneConfig::new("127.0.0.1:5060".parse().unwrap(), "15550100")).await?;
//! let call = patient.call("nurse-line").await?;
//! call.established().await?;
//! call.hears_speech(Duration::from_secs(5)).await?;
//! call.press("1").await?;
//! call.hears_tone(440.0, Duration::from_secs(20)).await?;
//! call.hang_up().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Its peer is our own server on an IPv4 network, and nobody else: rsip is not fit for a stranger's
//! bytes. What it cannot read is dropped and counted, never shown, because rsip's errors quote the
//! whole message and with it the caller.
//!
//! Every wait has an end: those that take no `within` wait for [`PhoneConfig::patience`].

mod audio;
mod config;
mod digest;
mod dtmf;
mod error;
mod hearing;
mod line;
pub mod load;

mod media;
mod script;
mod sdp;
mod wire;

pub use audio::{Codec, Tone, rms, tone_share};
pub use config::{DigestAlgorithm, PhoneConfig};
pub use dtmf::Digit;
pub use error::{Ended, PhoneError};
pub use hearing::{HeardPacket, HeardPayload, Lateness, Recording};
pub use line::PhoneEvent;
pub use media::{Aim, Media, Sound};
pub use script::{Call, Phone, Ringing, Unanswered};
