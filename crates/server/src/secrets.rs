//! What the first start generates: there are no default passwords.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use primitives::{Private, Seed};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::Config;

/// Letters and digits that cannot be mistaken for one another when a person types a password into a phone.
const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// `secrets.yaml` in the data folder: mode 0600, written by careline, read by people.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    api_token: String,
    agents: BTreeMap<String, String>,
    /// Of the digest users of `trunks.*.accept`; generated.
    accept: BTreeMap<String, String>,
    /// Ours at carriers, by trunk; written by people.
    trunks: BTreeMap<String, String>,
    /// Tokens of endpoints, by name; written by people.
    endpoints: BTreeMap<String, String>,
}

/// Passwords of the agents' phones and the token of the API.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// `Authorization: Bearer …` of the API.
    pub api_token: Private<String>,
    /// By agent.
    pub agents: BTreeMap<String, Private<String>>,
    /// Of the digest users by which carriers bring calls in.
    pub accept: BTreeMap<String, Private<String>>,
    /// Ours at carriers, by trunk.
    pub trunks: BTreeMap<String, Private<String>>,
    /// Tokens of endpoints, by name.
    pub endpoints: BTreeMap<String, Private<String>>,
    /// Where they are kept.
    pub path: PathBuf,
}

/// Whose passwords are generated.
#[derive(Clone, Debug, Default)]
pub struct Names {
    agents: Vec<String>,
    accept: Vec<String>,
}

impl Names {
    /// Of a configuration: its agents, and the users by which carriers bring calls in.
    pub fn of(config: &Config) -> Self {
        let accept = config.trunks.values().filter_map(|trunk| trunk.accept.user.clone());
        Self { agents: config.agents.keys().cloned().collect(), accept: accept.collect() }
    }
}

/// Why secrets cannot be kept.
#[derive(Debug, Error)]
pub enum SecretsError {
    /// The operating system said no.
    #[error("cannot keep secrets in {path}: {cause}. Make the folder writable for this user, or name another as `data:`", path = .path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What it said.
        cause: io::Error,
    },
    /// Somebody edited the file.
    #[error("{path} is not as careline wrote it. Restore it, or delete it to have new secrets generated", path = .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
}

/// Draws a seed from the operating system. The one place of the product that does.
pub fn system_seed() -> io::Result<Seed> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(Seed::new(bytes))
}

/// Makes the data folder, for its owner only.
pub fn make_data_folder(path: &Path) -> Result<(), SecretsError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        // One that was there before may be open to others.
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o700)))
        .map_err(|cause| SecretsError::Io { path: path.to_owned(), cause })
}

impl Secrets {
    /// Reads the secrets of a data folder and generates those that are missing: all of them at the first
    /// start, those of a new agent or carrier later.
    pub fn open(data: &Path, names: Names) -> Result<Self, SecretsError> {
        let path = data.join("secrets.yaml");
        let io = |cause| SecretsError::Io { path: path.clone(), cause };
        let mut file: File = match fs::read_to_string(&path) {
            Ok(text) => {
                serde_saphyr::from_str(&text).map_err(|_| SecretsError::Damaged { path: path.clone() })?
            }
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => File::default(),
            Err(cause) => return Err(io(cause)),
        };
        let mut generated = false;
        if file.api_token.is_empty() {
            file.api_token = generate(32).map_err(io)?;
            generated = true;
        }
        for (kept, named) in [(&mut file.agents, names.agents), (&mut file.accept, names.accept)] {
            for name in named {
                if let Entry::Vacant(without) = kept.entry(name) {
                    without.insert(generate(16).map_err(io)?);
                    generated = true;
                }
            }
        }
        if generated {
            write(&path, &file).map_err(io)?;
            tracing::info!(path = %path.display(), "generated agent passwords and an API token");
        }
        Ok(Self {
            api_token: file.api_token.into(),
            agents: private(file.agents),
            accept: private(file.accept),
            trunks: private(file.trunks),
            endpoints: private(file.endpoints),
            path,
        })
    }
}

fn private(secrets: BTreeMap<String, String>) -> BTreeMap<String, Private<String>> {
    secrets.into_iter().map(|(name, secret)| (name, secret.into())).collect()
}

/// Replaces the file whole, so that a crash leaves the old one or the new.
fn write(path: &Path, file: &File) -> io::Result<()> {
    let text = serde_saphyr::to_string(file).map_err(io::Error::other)?;
    let temporary = path.with_extension("tmp");
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    out.write_all(
        b"# Generated by careline: the token of the API, the password of each agent's phone (agents) and of each\n\
          # carrier that calls us (accept). What a carrier gave us stands under trunks, by the trunk's name, and\n\
          # is yours to write.\n",
    )?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(&temporary, path)
}

fn generate(letters: usize) -> io::Result<String> {
    let mut secret = String::with_capacity(letters);
    while secret.len() < letters {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        // Bytes beyond the last whole multiple are thrown away: every letter is equally likely.
        let fair = 256 / ALPHABET.len() * ALPHABET.len();
        let drawn = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        let letters_drawn = drawn.filter_map(|byte| ALPHABET.get(byte % ALPHABET.len()));
        secret.extend(letters_drawn.take(letters - secret.len()).map(|letter| char::from(*letter)));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]
    use std::os::unix::fs::PermissionsExt;

    use super::{Names, Secrets};

    fn agents(names: &[&str]) -> Names {
        Names { agents: names.iter().map(|&name| name.to_owned()).collect(), ..Names::default() }
    }

    #[test]
    fn secrets_are_made_once_kept_for_their_owner_only_and_a_new_agent_gets_one() {
        let folder = tempfile::tempdir().unwrap();
        let first = Secrets::open(folder.path(), agents(&["nurse1"])).unwrap();
        let mode = std::fs::metadata(&first.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let second = Secrets::open(folder.path(), agents(&["nurse1", "nurse2"])).unwrap();
        assert_eq!(second.api_token, first.api_token);
        assert_eq!(second.agents["nurse1"], first.agents["nurse1"]);
        assert_ne!(second.agents["nurse2"], first.agents["nurse1"]);
        assert!(!format!("{second:?}").contains(second.api_token.expose()));
    }

    #[test]
    fn what_a_carrier_gave_us_outlives_the_new_passwords_written_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.yaml");
        std::fs::write(&path, "trunks:\n  carrier_a: given by the carrier\n").unwrap();
        Secrets::open(folder.path(), agents(&["nurse1"])).unwrap();
        let later = Secrets::open(folder.path(), Names::default()).unwrap();
        assert_eq!(later.trunks["carrier_a"].expose(), "given by the carrier");
        assert!(later.agents.contains_key("nurse1"));
    }
}
