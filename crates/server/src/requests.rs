//! Asks other systems for flows, over HTTP and TLS: one connection for each request, one answer, no redirect.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{StatusCode, Uri, header};
use call::{EndpointConfig, Method, Request};
use flow::{InquiryNews, Value};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

use crate::driver::inbox::{Inbox, Message};
use crate::net::tls::{CertificateError, Renewable, provider, roots};
use crate::net::tls_client::system_roots;

/// Requests under way at once. Each is a connection and a task for five seconds at most; what comes beyond has failed,
/// and its caller goes on at once.
const REQUESTS_MAX: usize = 512;
/// Longest answer read, in bytes: a flow takes a few values of it.
const ANSWER_BYTES_MAX: usize = 256 * 1_024;

/// Whom each endpoint's certificate must be vouched for by, under the endpoint's name.
pub type Connectors = BTreeMap<String, TlsConnector>;

/// What connections to endpoints are set up with.
pub fn connectors(endpoints: &BTreeMap<String, EndpointConfig>) -> Result<Connectors, CertificateError> {
    let one = |(name, endpoint): (&String, &EndpointConfig)| {
        let believed = match &endpoint.roots {
            Some(path) => roots(path)?,
            None => system_roots(),
        };
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.map_err(|cause| CertificateError::Roots {
            path: endpoint.roots.clone().unwrap_or_default(),
            cause: cause.to_string(),
        })?;
        let client = builder.with_root_certificates(believed).with_no_client_auth();
        Ok((name.clone(), TlsConnector::from(Arc::new(client))))
    };
    endpoints.iter().map(one).collect()
}

/// Makes requests.
#[derive(Clone)]
pub struct Requester {
    connectors: Renewable<Arc<Connectors>>,
    under_way: Arc<Semaphore>,
    inbox: Inbox,
    runtime: tokio::runtime::Handle,
}

/// Why there is no answer, for the log; and whether it is worth asking again.
struct Refused(&'static str, bool);

impl Requester {
    /// One whose tasks run on the runtime of the caller; answers go to `inbox`.
    pub fn start(connectors: &Renewable<Arc<Connectors>>, inbox: &Inbox) -> Self {
        Self {
            connectors: connectors.clone(),
            under_way: Arc::new(Semaphore::new(REQUESTS_MAX)),
            inbox: inbox.clone(),
            runtime: tokio::runtime::Handle::current(),
        }
    }

    /// Asks. Never waits.
    pub fn ask(&self, request: Request) {
        let inbox = self.inbox.clone();
        let Ok(permit) = Arc::clone(&self.under_way).try_acquire_owned() else {
            return answer(&inbox, &request, InquiryNews::Failed, "busy");
        };
        let connector = self.connectors.current().get(&**request.inquiry.source.name()).cloned();
        self.runtime.spawn(async move {
            let _permit = permit;
            // Its caller has gone on when this is over, and her flow has said so.
            if let Ok(made) =
                tokio::time::timeout(request.inquiry.within, attempts(&request, connector)).await
            {
                match made {
                    Ok(news) => answer(&inbox, &request, news, ""),
                    Err(Refused(why, _)) => answer(&inbox, &request, InquiryNews::Failed, why),
                }
            }
        });
    }
}

fn answer(inbox: &Inbox, request: &Request, news: InquiryNews, why: &'static str) {
    let (call, number) = (request.call, request.inquiry.number);
    inbox.send(Message::Inquired { call, number, news, why });
}

async fn attempts(request: &Request, connector: Option<TlsConnector>) -> Result<InquiryNews, Refused> {
    let pauses = request.pauses.iter().copied().map(Some).chain([None]);
    let mut last = Refused("unreachable", false);
    for pause in pauses {
        match attempt(request, connector.as_ref()).await {
            Err(refused @ Refused(_, true)) => last = refused,
            settled => return settled,
        }
        let Some(pause) = pause else { break };
        tokio::time::sleep(pause).await;
    }
    Err(last)
}

async fn attempt(request: &Request, connector: Option<&TlsConnector>) -> Result<InquiryNews, Refused> {
    let malformed = Refused("malformed", false);
    let uri: Uri = request.endpoint.config.url.parse().map_err(|_| Refused("malformed", false))?;
    let (host, authority) = uri.host().zip(uri.authority()).ok_or(malformed)?;
    let host = host.trim_matches(['[', ']']).to_owned();
    let is_encrypted = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
    let unreachable = |_| Refused("unreachable", true);
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(unreachable)?;
    let message = message(request, &uri, authority.as_str())?;
    if !is_encrypted {
        return exchange(request, stream, message).await;
    }
    let connector = connector.ok_or(Refused("no_such_endpoint", false))?;
    let name = ServerName::try_from(host).map_err(|_| Refused("malformed", false))?;
    // A certificate nobody vouches for is none the second time either.
    let stream = connector.connect(name, stream).await.map_err(|_| Refused("tls", false))?;
    exchange(request, stream, message).await
}

fn message(request: &Request, uri: &Uri, authority: &str) -> Result<hyper::Request<Body>, Refused> {
    let inquiry = &request.inquiry;
    let mut path = uri.path().to_owned();
    for (at, (name, value)) in inquiry.query.iter().enumerate() {
        path.push(if at == 0 { '?' } else { '&' });
        encode(name, &mut path);
        path.push('=');
        encode(&value.expose().to_string(), &mut path);
    }
    let body = match request.endpoint.config.method {
        Method::Get => Vec::new(),
        Method::Post => serde_json::to_vec(&json(request)).unwrap_or_default(),
    };
    let builder = match request.endpoint.config.method {
        Method::Get => hyper::Request::get(path),
        Method::Post => hyper::Request::post(path).header(header::CONTENT_TYPE, "application/json"),
    };
    let builder = match &request.endpoint.token {
        Some(token) => builder.header(header::AUTHORIZATION, format!("Bearer {}", token.expose())),
        None => builder,
    };
    builder
        .header(header::HOST, authority)
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, concat!("careline/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close")
        .body(Body::from(body))
        .map_err(|_| Refused("malformed", false))
}

/// What is sent, as a JSON object.
fn json(request: &Request) -> serde_json::Value {
    let fields = request.inquiry.given.iter().map(|(name, value)| {
        let value = match value.expose() {
            Value::Text(text) => serde_json::Value::from(&**text),
            Value::Number(number) => serde_json::Value::from(*number),
            Value::Truth(truth) => serde_json::Value::from(*truth),
            Value::Unknown(_) => serde_json::Value::Null,
        };
        (name.to_string(), value)
    });
    serde_json::Value::Object(fields.collect())
}

/// Percent-encodes all but unreserved characters (RFC 3986 §2.3): no value can become another parameter.
fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push('%');
            into.push_str(&hex::encode_upper([byte]));
        }
    }
}

async fn exchange(
    request: &Request,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    message: hyper::Request<Body>,
) -> Result<InquiryNews, Refused> {
    let broken = |_| Refused("connection_broke", true);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let answered = async {
        let response = sender.send_request(message).await.map_err(broken)?;
        let status = response.status();
        if !status.is_success() {
            return Err(status_word(status));
        }
        let body = axum::body::to_bytes(Body::new(response.into_body()), ANSWER_BYTES_MAX).await;
        let body = body.map_err(|_| Refused("answer_too_long", false))?;
        if request.inquiry.wanted.is_empty() {
            return Ok(InquiryNews::Found(Vec::new()));
        }
        let json = serde_json::from_slice(&body).map_err(|_| Refused("no_json", false))?;
        request.inquiry.read(&json).ok_or(Refused("answer_lacks", false))
    };
    // Who closes when all is sent ends the connection before the answer is read to its end.
    let connection = async {
        let _ = connection.await;
        std::future::pending().await
    };
    tokio::select! {
        answered = answered => answered,
        never = connection => never,
    }
}

/// A status that is no success, as a word of a closed list: it becomes a label.
fn status_word(status: StatusCode) -> Refused {
    match status.as_u16() {
        401 | 403 => Refused("not_allowed", false),
        404 | 410 => Refused("not_there", false),
        429 => Refused("too_many", false),
        502..=504 => Refused("overloaded", true),
        500..=599 => Refused("server_error", false),
        300..=399 => Refused("redirect", false),
        _ => Refused("refused", false),
    }
}
