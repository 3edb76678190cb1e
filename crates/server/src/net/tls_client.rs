//! TLS connections of ours: whom we believe, and who we are.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError as Refused, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

use crate::config::TlsClient;
use crate::net::identity;
use crate::net::tls::{CertificateError, chain_and_key, provider, roots, unusable};

/// What connections of ours are set up with.
pub fn connector(config: &TlsClient) -> Result<TlsConnector, CertificateError> {
    let roots = match &config.roots {
        Some(path) => roots(path)?,
        None => system_roots(),
    };
    let provider = provider();
    let verifier = Arc::new(SipDomain { roots, provider: Arc::clone(&provider) });
    // Both versions are always there: the provider is ours.
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = builder.map(|builder| builder.dangerous().with_custom_certificate_verifier(verifier));
    let own = config.certificate.as_deref().zip(config.key.as_deref());
    let client = match own {
        None => client.map(|builder| builder.with_no_client_auth()),
        Some((certificate, key)) => {
            let (chain, private) = chain_and_key(certificate, key)?;
            client.and_then(|builder| builder.with_client_auth_cert(chain, private))
        }
    };
    let client = client.map_err(|cause| {
        let (certificate, key) = own.unwrap_or((Path::new("none"), Path::new("none")));
        unusable(certificate, key, cause)
    })?;
    Ok(TlsConnector::from(Arc::new(client)))
}

/// The authorities this machine believes. None is no mistake until somebody is called over TLS.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Believes a chain as everybody does, and a name as SIP does (RFC 5922 §7.2), which is stricter than the web.
#[derive(Debug)]
struct SipDomain {
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for SipDomain {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let algorithms = self.provider.signature_verification_algorithms.all;
        let parsed = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, algorithms)?;
        if identity::proves(end_entity, server_name) {
            return Ok(ServerCertVerified::assertion());
        }
        let presented = identity::names(end_entity);
        Err(Refused::NotValidForNameContext { expected: server_name.to_owned(), presented }.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
