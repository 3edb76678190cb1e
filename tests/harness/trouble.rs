//! What went wrong, told so that a red test can be understood without running it again.

use std::error::Error;
use std::fmt;

/// The reason and the end of the log that belongs to it.
pub struct Trouble {
    what: String,
    log: String,
}

/// Bytes of a log quoted: its last screen.
const LOG_BYTES_MAX: usize = 4_000;

impl Trouble {
    /// Without a log.
    pub fn new(what: impl fmt::Display) -> Self {
        Self { what: what.to_string(), log: String::new() }
    }

    /// With the end of this log.
    pub fn with_log(what: impl fmt::Display, log: &str) -> Self {
        let start = log.len().saturating_sub(LOG_BYTES_MAX);
        let start = (start..=log.len()).find(|&at| log.is_char_boundary(at)).unwrap_or(log.len());
        Self { what: what.to_string(), log: log.get(start..).unwrap_or_default().to_owned() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if self.log.is_empty() { Ok(()) } else { write!(f, "\n--- log ---\n{}", self.log) }
    }
}

/// What `unwrap` in a test prints.
impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Trouble {}
