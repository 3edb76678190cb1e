//! The automatic call distributor: who answers whom (policy `triage-v1`).
//!
//! Urgency queues, agents and offers. Given the same inputs it makes the same offers, on every node.
//!
//! | File | What it decides |
//! |---|---|
//! | `urgency.rs` | six urgencies: three protected, three that age |
//! | `rank.rs` | who is served first |
//! | `agent.rs` | where an agent stands, and which change leads where |
//! | `queue.rs` | who waits, who could answer, how many agents are kept free |
//! | `dispatch.rs` | which caller is offered to which agent, and whose phone is taken back for whom |
//! | `offer.rs` | what becomes of a ringing phone |
//! | `estimate.rs` | places and expected waits, told to callers |
//! | `engine.rs` | joining, leaving, becoming more urgent, a new configuration |
//! | `timer.rs` | the one list of deadlines behind `poll_timeout` |
//!
//! Holds no socket and reads no clock. A caller's place and how long she has waited follow the calendar
//! (`Now::wall`), so that both survive a restart and a move to another node; timers follow `Now::mono`.

mod agent;
mod config;
mod dispatch;
mod engine;
mod estimate;
mod input;
mod offer;
mod output;
mod queue;
mod rank;
mod timer;
mod urgency;

pub use agent::{AgentChange, AgentState};
pub use config::{AgentConfig, Config, LocationConfirm, QueueConfig};
pub use engine::{EMPTY_GRACE_AGED, EMPTY_GRACE_PROTECTED, ENTRIES_MAX, Engine, SKILLS_MAX};
pub use estimate::{NEWS_EVERY, NEWS_SWEEP};
pub use input::{AgentId, Enqueue, EntryId, Input, OfferAnswer, OfferId, QueueId};
pub use offer::{AGAIN_AFTER_AGED, AGAIN_AFTER_LONE, AGAIN_AFTER_PROTECTED, BUSY_REST, REFUSALS_MAX};
pub use output::{Output, QueueExit, Withdrawal};
pub use rank::LICENCE_WAIVED_AFTER;
pub use urgency::Urgency;
