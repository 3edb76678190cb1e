//! Joins `sip`, `media`, `flow`, `acd` and `audit` into calls: the product's behaviour.
//!
//! A [`Switch`] is the deterministic heart of a node. It owns a SIP endpoint, the queues and every call, and is
//! driven like each of its parts: [`Switch::handle`] takes the time and one [`Input`] and appends
//! [`Output`]s to be performed in order; [`Switch::poll_timeout`] says when to come back.
//!
//! The path of a call, and the file that owns each stretch of it:
//!
//! | stretch | file |
//! |---|---|
//! | a leg or a media event arrives | `switch.rs` |
//! | where a dialled number leads | `route.rs` |
//! | the caller's leg, its port and its SDP | `caller.rs` |
//! | what her flow wants done | `steps.rs` |
//! | an agent's phone rings, is answered, and both are joined | `offer.rs` |
//! | a number outside is rung | `transfer.rs` |
//! | an agent's phone calls a colleague, a queue or a number | `direct.rs` |
//! | whom an agent may reach by name | `target.rs` |
//! | an agent transfers whom she talks with | `referral.rs`, `attended.rs`, `sides.rs` |
//! | what colleagues' phones show of an agent | `watch.rs` |
//! | what is recorded, with whose leave, and messages | `recording.rs` |
//! | an agent signs in by feature code | `feature.rs` |
//! | an agent brings in an interpreter or a colleague | `third.rs` |
//! | a supervisor listens, whispers, is heard by both | `supervision/` |
//! | links to carriers: what is known of them, how numbers are written | `trunk/` |
//! | 911 from an agent's phone, before everything else | `emergency/` |
//! | everything a person could later ask about | `hop.rs` |

mod attended;
mod breaker;
mod call;
mod caller;
mod direct;
mod emergency;
mod endpoint;
mod feature;
mod hop;
mod input;
mod inquiry;
mod keys;
mod leg;
mod offer;
mod output;
mod page;
mod port_pool;
mod recording;
mod referral;
mod route;
mod script;
mod setup;
mod sides;
mod status;
mod steps;
mod supervision;
mod switch;
mod taken_up;
mod target;
mod third;
mod transfer;
mod trunk;
mod watch;

pub use audit::CallId;
pub use breaker::BreakerConfig;
pub use emergency::{
    Civic, Destination, EmergencyConfig, Location, Notice, NoticeEvent, NoticeOutcome, Notify,
};
pub use endpoint::{Endpoint, EndpointConfig, Method, Request};
pub use hop::{Hop, UnknownHop};
pub use input::{Input, LogState, SignatureVerdict};
pub use inquiry::LookUp;
pub use leg::EncryptionPolicy;
pub use output::{CallRecord, Output};
pub use recording::{RecordingNews, RecordingOrder};
pub use setup::{Encryption, Fallback, FeatureCode, Limits, Loaded, MediaSetup, Prompts, Setup};
pub use sip::passport::Passport;
pub use status::{AgentStatus, CallStatus, QueueStatus, Status, VersionStatus};
pub use supervision::SupervisionConfig;
pub use switch::Switch;
pub use third::ConferenceConfig;
pub use trunk::{
    Accept, CallerId, CallerIdHeader, CodecName, DestinationStatus, Dialling, Identity, Network, Number,
    Plaintext, Reach, Register, Shown, Strangers, Trunk, TrunkConfig, TrunkNumber, TrunkStatus, Written,
};
