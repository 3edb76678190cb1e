//! The automatic call distributor: who answers whom (policy `triage-v1`).
//!
//! Urgency queues, agents and offers. Given the same inputs it makes the same offers, on every node.

mod agent;
mod config;
mod engine;
mod urgency;

pub use agent::{AgentChange, AgentState};
pub use config::{AgentConfig, Config, QueueConfig};
pub use engine::{
    AgentId, Engine, EntryId, Enqueue, Input, OfferAnswer, OfferId, Output, QueueExit, QueueId, Withdrawal,
};
pub use urgency::Urgency;
