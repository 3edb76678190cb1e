//! Where notices go, and one POST of HTTP or HTTPS.

use std::sync::Arc;

use axum::body::Body;
use axum::http::uri::Scheme;
use axum::http::{Request, StatusCode, Uri, header};
use bytes::Bytes;
use call::EmergencyConfig;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::net::tls::{CertificateError, provider, roots};
use crate::net::tls_client::system_roots;

/// Who is told of emergency calls. A reload names another, who gets what the last did not take.
pub struct Desk {
    webhook: Option<Uri>,
    tls: TlsConnector,
}

/// Why nobody took a notice.
#[derive(Debug, Error)]
pub enum Refused {
    /// It is not configured any more.
    #[error("`emergency.notify.webhook` names nobody")]
    Nobody,
    /// In time.
    #[error("no answer within {0:?}")]
    TooLate(std::time::Duration),
    /// No connection.
    #[error("no connection: {0}")]
    Unreachable(std::io::Error),
    /// No TLS: its certificate is not believed, or names another.
    #[error("no TLS: {0}")]
    Tls(std::io::Error),
    /// The address makes no request.
    #[error("the request cannot be made: {0}")]
    Request(#[from] axum::http::Error),
    /// It broke.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// It does not want it.
    #[error("answered {0}")]
    Status(StatusCode),
}

impl Desk {
    /// As configured.
    pub fn read(config: Option<&EmergencyConfig>) -> Result<Self, CertificateError> {
        let notify = config.map(|emergency| &emergency.notify);
        let path = notify.and_then(|notify| notify.roots.as_deref());
        let trusted = match path {
            Some(path) => roots(path)?,
            None if notify.is_some() => system_roots(),
            None => rustls::RootCertStore::empty(),
        };
        let client = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let client = client.map_err(|cause| CertificateError::Roots {
            path: path.map(Into::into).unwrap_or_default(),
            cause: cause.to_string(),
        })?;
        let client = client.with_root_certificates(trusted).with_no_client_auth();
        Ok(Self {
            webhook: notify.and_then(|notify| notify.webhook.parse().ok()),
            tls: TlsConnector::from(Arc::new(client)),
        })
    }

    /// Posts one, and is content with an answer 2xx. A redirect is a refusal: it would take an address of a
    /// person in need where nobody said it may go.
    pub async fn post(&self, body: Bytes) -> Result<(), Refused> {
        let uri = self.webhook.as_ref().ok_or(Refused::Nobody)?;
        let (host, authority) = uri.host().zip(uri.authority()).ok_or(Refused::Nobody)?;
        let host = host.trim_matches(['[', ']']);
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let request = Request::post(uri.path_and_query().map_or("/", |path| path.as_str()))
            .header(header::HOST, authority.as_str())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .body(Body::from(body))?;
        let stream = TcpStream::connect((host, port)).await.map_err(Refused::Unreachable)?;
        let status = if is_tls {
            let name = ServerName::try_from(host.to_owned()).map_err(|_| Refused::Nobody)?;
            exchange(self.tls.connect(name, stream).await.map_err(Refused::Tls)?, request).await?
        } else {
            exchange(stream, request).await?
        };
        if status.is_success() { Ok(()) } else { Err(Refused::Status(status)) }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Body>,
) -> Result<StatusCode, Refused> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Who closes when all is sent ends the connection before the answer is read.
    let connection = async {
        let _ = connection.await;
        std::future::pending().await
    };
    tokio::select! {
        answer = sender.send_request(request) => Ok(answer?.status()),
        never = connection => never,
    }
}
