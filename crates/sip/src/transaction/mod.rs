//! Transactions (RFC 3261 §17, RFC 6026): one request and its answers, and what is repeated when one of
//! them is lost.
//!
//! Four machines, each in its own file. None holds a socket or reads a clock: each is told what came and
//! what time it is, and says what to do as a list of [`Action`]s and when to be woken. `layer` matches
//! what arrives to them (§17.1.3, §17.2.3). `table.md` beside this file is their specification.

mod client;
mod invite_client;
mod invite_server;
pub(crate) mod key;
pub(crate) mod layer;
mod server;
pub(crate) mod timers;

use bytes::Bytes;

pub use client::Client;
pub use invite_client::InviteClient;
pub use invite_server::InviteServer;
pub use server::Server;

/// What a transaction wants done, in this order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Send this for the first time.
    Send(Bytes),
    /// Send this again.
    Repeat(Bytes),
    /// Hand what came to the transaction user.
    Deliver,
    /// Tell the transaction user that nothing came in time: Timer B, F or H.
    TimedOut,
}

/// What a status code means to a transaction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// 1xx.
    Provisional,
    /// 2xx.
    Success,
    /// 3xx to 6xx.
    Refusal,
}

impl Class {
    /// The class of a status code.
    pub const fn of(status: u16) -> Self {
        match status {
            0..=199 => Self::Provisional,
            200..=299 => Self::Success,
            _ => Self::Refusal,
        }
    }
}
