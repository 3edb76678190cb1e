//! Certificates: read at start and at reload, with errors that say what to do.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::config::{TlsClients, TlsListener};

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
    /// It is no authority's.
    #[error("{path} holds a certificate that can vouch for nobody: {cause}. It must be an authority's", path = .path.display())]
    Roots {
        /// Which file.
        path: PathBuf,
        /// What rustls says.
        cause: String,
    },
}

/// Something made of certificates that a reload replaces. What was set up with the last one goes on with it.
#[derive(Debug)]
pub struct Renewable<T>(Arc<RwLock<T>>);

impl<T> Clone for Renewable<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> Renewable<T> {
    /// With the first.
    pub fn new(first: T) -> Self {
        Self(Arc::new(RwLock::new(first)))
    }

    /// The one for what is set up now.
    pub fn current(&self) -> T {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on this one.
    pub fn renew(&self, next: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

/// The acceptors of the TLS listeners, by where they listen as configured.
pub type Acceptor = Renewable<TlsAcceptor>;

/// What connections of ours are set up with.
pub type Connector = Renewable<TlsConnector>;

/// A TLS 1.2 and 1.3 acceptor for a listener of SIP.
pub fn sip_acceptor(listener: &TlsListener) -> Result<TlsAcceptor, CertificateError> {
    let verifier = listener.clients.as_ref().map(client_verifier).transpose()?;
    acceptor(&listener.certificate, &listener.key, verifier)
}

/// A TLS 1.2 and 1.3 acceptor that asks clients for nothing.
pub fn http_acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, CertificateError> {
    acceptor(certificate, key, None)
}

fn acceptor(
    certificate: &Path,
    key: &Path,
    clients: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<TlsAcceptor, CertificateError> {
    let (chain, private) = chain_and_key(certificate, key)?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .and_then(|builder| match clients {
            Some(verifier) => builder.with_client_cert_verifier(verifier).with_single_cert(chain, private),
            None => builder.with_no_client_auth().with_single_cert(chain, private),
        });
    Ok(TlsAcceptor::from(Arc::new(config.map_err(|cause| unusable(certificate, key, cause))?)))
}

/// Believes clients whose certificate an authority of the file vouches for.
fn client_verifier(clients: &TlsClients) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
    let roots = Arc::new(roots(&clients.roots)?);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider());
    let builder = if clients.required { builder } else { builder.allow_unauthenticated() };
    builder
        .build()
        .map_err(|cause| CertificateError::Roots { path: clients.roots.clone(), cause: cause.to_string() })
}

/// The one provider of cryptography.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The authorities of a PEM file.
pub fn roots(path: &Path) -> Result<RootCertStore, CertificateError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|cause| CertificateError::Roots { path: path.to_owned(), cause: cause.to_string() })?;
    }
    Ok(roots)
}

/// A certificate chain and its key.
pub fn chain_and_key(
    certificate: &Path,
    key: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), CertificateError> {
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_reader(open(key)?)
        .map_err(|_| CertificateError::Empty { path: key.to_owned(), what: "private key" })?;
    Ok((chain, private))
}

/// What to say of a chain and a key that TLS does not take.
pub fn unusable(certificate: &Path, key: &Path, cause: rustls::Error) -> CertificateError {
    CertificateError::Unusable { certificate: certificate.to_owned(), key: key.to_owned(), cause }
}

/// The certificates of a PEM file, one at least.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let read = CertificateDer::pem_reader_iter(open(path)?).collect::<Result<Vec<_>, _>>();
    read.ok()
        .filter(|read| !read.is_empty())
        .ok_or_else(|| CertificateError::Empty { path: path.to_owned(), what: "certificate" })
}

fn open(path: &Path) -> Result<BufReader<File>, CertificateError> {
    File::open(path)
        .map(BufReader::new)
        .map_err(|cause| CertificateError::Unreadable { path: path.to_owned(), cause })
}
