//! What happened, in words and as one number.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

/// Lines kept for the reader of a failure.
const LINES_MAX: usize = 80;

/// What happened, in words and as one number.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    lines: VecDeque<String>,
    hasher: DefaultHasher,
    count: u64,
}

impl Trace {
    /// Adds a line.
    pub fn line(&mut self, at: Duration, text: &str) {
        let line = format!("{:>9.3} s  {text}", at.as_secs_f64());
        self.hasher.write(line.as_bytes());
        self.count += 1;
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Adds bytes that were sent, to the number only.
    pub fn packet(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
        self.count += 1;
    }

    /// The last lines.
    pub fn last(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }

    /// The same for the same run, and hardly ever for another.
    pub fn fingerprint(&self) -> u64 {
        self.hasher.finish().wrapping_add(self.count)
    }
}
