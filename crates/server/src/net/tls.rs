//! Certificates: read at start and at reload, with errors that say what to do.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// Why a certificate cannot be used.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// The file cannot be read.
    #[error("cannot read {path}: {cause}. It must be readable by the user careline runs as", path = .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It holds no certificate, or no key.
    #[error("{path} holds no {what} in PEM. `openssl x509 -in FILE -noout -text` shows a certificate, `openssl pkey -in FILE -noout` checks a key", path = .path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
        /// `certificate` or `private key`.
        what: &'static str,
    },
    /// The two do not belong together, or are of a kind TLS does not take.
    #[error("certificate {certificate} and key {key} cannot be used: {cause}", certificate = .certificate.display(), key = .key.display())]
    Unusable {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// What rustls says.
        cause: rustls::Error,
    },
}

/// A TLS 1.2 and 1.3 acceptor for a certificate chain and its key.
pub fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, CertificateError> {
    let chain = CertificateDer::pem_reader_iter(open(certificate)?).collect::<Result<Vec<_>, _>>();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let empty = |path: &Path, what| CertificateError::Empty { path: path.to_owned(), what };
    let chain = chain.ok_or_else(|| empty(certificate, "certificate"))?;
    let private = PrivateKeyDer::from_pem_reader(open(key)?).map_err(|_| empty(key, "private key"))?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private));
    let config = config.map_err(|cause| CertificateError::Unusable {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        cause,
    })?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn open(path: &Path) -> Result<BufReader<File>, CertificateError> {
    File::open(path)
        .map(BufReader::new)
        .map_err(|cause| CertificateError::Unreadable { path: path.to_owned(), cause })
}
