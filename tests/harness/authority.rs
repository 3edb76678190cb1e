//! Certificates of an authority that exists for one test, made by OpenSSL.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::trouble::Trouble;

/// An authority and the folder of what it issued.
pub struct Authority {
    folder: TempDir,
}

/// A certificate and its key, PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

impl Authority {
    /// A new one.
    pub fn new() -> Result<Self, Trouble> {
        let folder = TempDir::new().map_err(Trouble::new)?;
        openssl(folder.path(), "-keyout roots.key -out roots.pem -subj /CN=tests")?;
        Ok(Self { folder })
    }

    /// Its own certificate, for those who believe it.
    pub fn roots(&self) -> PathBuf {
        self.folder.path().join("roots.pem")
    }

    /// A certificate for a name and for this machine. One of the same name replaces the last.
    pub fn issue(&self, name: &str) -> Result<Issued, Trouble> {
        self.issue_for(name, ",IP:127.0.0.1,IP:::1")
    }

    /// The same for a name alone.
    pub fn issue_name(&self, name: &str) -> Result<Issued, Trouble> {
        self.issue_for(name, "")
    }

    fn issue_for(&self, name: &str, besides: &str) -> Result<Issued, Trouble> {
        let request = format!(
            "-keyout {name}.key -out {name}.pem -subj /CN={name} -CA roots.pem -CAkey roots.key \
             -addext subjectAltName=DNS:{name}{besides} -addext basicConstraints=critical,CA:FALSE"
        );
        openssl(self.folder.path(), &request)?;
        let file = |kind: &str| self.folder.path().join(format!("{name}.{kind}"));
        Ok(Issued { certificate: file("pem"), key: file("key") })
    }
}

/// `openssl req -x509` with a new key on the curve P-256.
fn openssl(folder: &Path, arguments: &str) -> Result<(), Trouble> {
    let made = Command::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2".split(' '))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .map_err(|error| Trouble::new(format!("cannot start openssl: {error}")))?;
    if made.status.success() {
        return Ok(());
    }
    Err(Trouble::with_log("openssl made no certificate", &String::from_utf8_lossy(&made.stderr)))
}
