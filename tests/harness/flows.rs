//! A folder of call flows that people edit while calls run.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use crate::server::Options;
use crate::trouble::Trouble;

/// Flows made for a test, or a copy of those that ship.
pub struct FlowsFolder(TempDir);

/// The last step of a flow made for a test, which a rule asks for: callers wait for a nurse, and every way out of the
/// queue leads to the step `bye`.
pub const NURSES: &str = "  nurses:
    queue:
      name: nurses
      announce: { every: 60s, play: dial_911_notice }
      on_timeout: bye
      on_empty: bye
      on_full: bye
      on_error: bye
      on_closed: bye
";

impl FlowsFolder {
    /// As they ship.
    pub fn new() -> Result<Self, Trouble> {
        let folder = TempDir::new().map_err(Trouble::new)?;
        copy(&shipped(), folder.path())?;
        Ok(Self(folder))
    }

    /// With this flow alone, and the prompts and queues that ship.
    pub fn alone(file: &str, flow: &str) -> Result<Self, Trouble> {
        let folder = Self(TempDir::new().map_err(Trouble::new)?);
        folder.write(file, flow)?;
        for part in ["prompts", "queues.yaml"] {
            symlink(shipped().join(part), folder.path().join(part)).map_err(Trouble::new)?;
        }
        Ok(folder)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file as it ships with one change, whatever it said before.
    pub fn edit(&self, file: &str, from: &str, to: &str) -> Result<(), Trouble> {
        let text = fs::read_to_string(shipped().join(file)).map_err(Trouble::new)?;
        if !text.contains(from) {
            return Err(Trouble::with_log(format!("{file} has no {from}"), &text));
        }
        self.write(file, &text.replace(from, to))
    }

    /// Writes a file.
    pub fn write(&self, file: &str, text: &str) -> Result<(), Trouble> {
        fs::write(self.path().join(file), text).map_err(Trouble::new)
    }

    /// Fills in who approved each flow and part.
    pub fn approve_all(&self) -> Result<(), Trouble> {
        for folder in [self.path().to_owned(), self.path().join("parts")] {
            for entry in fs::read_dir(folder).map_err(Trouble::new)? {
                let path = entry.map_err(Trouble::new)?.path();
                if path.extension().is_some_and(|extension| extension == "yaml") {
                    let text = fs::read_to_string(&path).map_err(Trouble::new)?;
                    let approved = text.replace(NOT_APPROVED, "approved_by: \"Dr. Test, 2026-11-20\"");
                    fs::write(&path, approved).map_err(Trouble::new)?;
                }
            }
        }
        Ok(())
    }
}

/// What flows that ship say: they are templates.
const NOT_APPROVED: &str = "approved_by: \"\"";

fn shipped() -> std::path::PathBuf {
    Options::default().call_flows
}

fn copy(from: &Path, to: &Path) -> Result<(), Trouble> {
    for entry in fs::read_dir(from).map_err(Trouble::new)? {
        let path = entry.map_err(Trouble::new)?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            fs::create_dir(&target).map_err(Trouble::new)?;
            copy(&path, &target)?;
        } else {
            fs::copy(&path, target).map_err(Trouble::new)?;
        }
    }
    Ok(())
}
