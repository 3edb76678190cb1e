//! Tells people of emergency calls (47 CFR 9.16(b)(2)): one POST of JSON for each notice, in order, repeated
//! until somebody takes it. The calls themselves wait for none of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode, Uri, header};
use call::{Notice, NoticeEvent};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::driver::inbox::{Inbox, Message};
use crate::metrics::Metrics;

/// Notices waiting. Four a call: more means a webhook that is down through a disaster; the newest is then not
/// sent and its hop says so.
const NOTICES_MAX: usize = 256;

/// Longest one attempt may take, connection included.
const ATTEMPT_MAX: Duration = Duration::from_secs(5);

/// Between the first attempts, and the longest between later ones.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A notice older than this alarms nobody any more.
const TRIED_FOR_MAX: Duration = Duration::from_secs(3_600);

/// Takes notices to those who are to be told.
#[derive(Clone)]
pub struct Notifier {
    waiting: mpsc::Sender<(Instant, Notice)>,
    inbox: Inbox,
}

/// Why nobody took a notice.
#[derive(Debug, Error)]
enum Refused {
    #[error("the address has no host")]
    NoHost,
    #[error("no answer within {ATTEMPT_MAX:?}")]
    TooLate,
    #[error("no connection: {0}")]
    Unreachable(#[from] std::io::Error),
    #[error("the request cannot be made: {0}")]
    Request(#[from] axum::http::Error),
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    #[error("answered {0}")]
    Status(StatusCode),
    #[error("the notice cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

impl Notifier {
    /// Starts the task that sends, on the runtime of the caller.
    pub fn start(inbox: Inbox, metrics: Arc<Metrics>) -> Self {
        let (waiting, mut due) = mpsc::channel::<(Instant, Notice)>(NOTICES_MAX);
        let answers = inbox.clone();
        tokio::spawn(async move {
            while let Some((since, notice)) = due.recv().await {
                metrics.emergency_notices_waiting.set(i64::try_from(due.len() + 1).unwrap_or(i64::MAX));
                deliver(since, &notice, &answers).await;
                metrics.emergency_notices_waiting.set(i64::try_from(due.len()).unwrap_or(i64::MAX));
            }
        });
        Self { waiting, inbox }
    }

    /// Takes one.
    pub fn send(&self, notice: Notice) {
        if let Err(refused) = self.waiting.try_send((Instant::now(), notice)) {
            let (_, notice) = match refused {
                mpsc::error::TrySendError::Full(notice) | mpsc::error::TrySendError::Closed(notice) => notice,
            };
            tracing::error!(call = notice.call, "too many emergency notices wait; this one is not sent");
            settle(&self.inbox, &notice, false);
        }
    }
}

/// Tries until somebody takes it. The log hears of the first failure, and of the success.
async fn deliver(since: Instant, notice: &Notice, inbox: &Inbox) {
    let mut pause = PAUSE_MIN;
    let mut has_failed = false;
    loop {
        let attempt = tokio::time::timeout(ATTEMPT_MAX, post(notice)).await;
        let why = match attempt.unwrap_or(Err(Refused::TooLate)) {
            Ok(()) => return settle(inbox, notice, true),
            Err(why) => why,
        };
        if !has_failed {
            has_failed = true;
            tracing::error!(call = notice.call, event = notice.event.word(), %why,
                "nobody takes the notice of an emergency call; it is tried again. Look at `emergency.notify.webhook`");
            settle(inbox, notice, false);
        }
        if since.elapsed() > TRIED_FOR_MAX {
            tracing::error!(call = notice.call, "the notice of an emergency call is given up");
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn settle(inbox: &Inbox, notice: &Notice, delivered: bool) {
    let (call, event): (String, NoticeEvent) = (notice.call.clone(), notice.event);
    inbox.send(Message::Noticed { call, event, delivered });
}

async fn post(notice: &Notice) -> Result<(), Refused> {
    let uri: Uri = notice.webhook.parse().map_err(axum::http::Error::from)?;
    let (host, authority) = uri.host().zip(uri.authority()).ok_or(Refused::NoHost)?;
    let port = uri.port_u16().unwrap_or(80);
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driven = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::post(path)
        .header(header::HOST, authority.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close")
        .body(Body::from(serde_json::to_vec(notice)?))?;
    let answered = sender.send_request(request).await;
    driven.abort();
    match answered?.status() {
        status if status.is_success() => Ok(()),
        status => Err(Refused::Status(status)),
    }
}
