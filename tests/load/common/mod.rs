//! What the load programs share: processor time from the kernel, and a folder with one flow.
#![allow(dead_code, reason = "each program uses its part")]

pub mod answerer;
pub mod callers;
pub mod far_end;
pub mod processor;
pub mod sink;
pub mod speakers;

use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;

use harness::Options;
use tempfile::TempDir;

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// A folder with this flow alone, and the prompts and queues of the repository.
pub fn folder(name: &str, flow: &str) -> Outcome<TempDir> {
    let folder = TempDir::new()?;
    let shipped = Options::default().call_flows;
    fs::write(folder.path().join(name), flow)?;
    for part in ["prompts", "queues.yaml"] {
        symlink(shipped.join(part), folder.path().join(part))?;
    }
    Ok(folder)
}

/// The middle one; nothing of nothing is 0.
pub fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or_default()
}
