//! Fetches a carrier's certificate over HTTPS: one GET, no redirect, bounded in time and size.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Longest answer read, in bytes. A chain of three certificates is about 3,000.
const BODY_BYTES_MAX: usize = 64 * 1_024;

/// What a repository sends, or the word for why it did not. The host was compared with those people named before.
///
/// A redirect is not followed: it would lead where nobody said we may go.
pub async fn fetch(connector: &TlsConnector, url: &str) -> Result<Bytes, &'static str> {
    let uri: Uri = url.parse().map_err(|_| "malformed")?;
    let host = uri.host().ok_or("malformed")?.trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(443);
    let unreachable = "unreachable";
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|_| unreachable)?;
    let name = ServerName::try_from(host).map_err(|_| "malformed")?;
    let stream = connector.connect(name, stream).await.map_err(|_| "https")?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| unreachable)?;
    let request = Request::get(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header("host", uri.authority().map_or("", |authority| authority.as_str()))
        .header("user-agent", concat!("careline/", env!("CARGO_PKG_VERSION")))
        .header("accept", "application/pem-certificate-chain, application/x-pem-file, application/pkix-cert")
        .body(Empty::<Bytes>::new())
        .map_err(|_| "malformed")?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|_| unreachable)?;
        if response.status() != StatusCode::OK {
            return Err("not_there");
        }
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        body.map(|body| body.to_bytes())
            .map_err(|error| if error.is::<LengthLimitError>() { "too_big" } else { unreachable })
    };
    // Who closes when all is sent ends the connection before the answer is read to its end.
    let connection = async {
        let _ = connection.await;
        std::future::pending().await
    };
    tokio::select! {
        answer = answer => answer,
        never = connection => never,
    }
}
