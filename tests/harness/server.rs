//! The `careline` binary with a configuration, a data folder and ports of its own.

/// How to start it.
#[derive(Clone, Debug, Default)]
pub struct Options {}

/// A running server.
#[derive(Debug)]
pub struct Server {}
