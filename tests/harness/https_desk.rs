//! A front desk that takes notices by HTTPS: OpenSSL's server, which speaks TLS that is not ours.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::authority::Issued;
use crate::trouble::Trouble;

/// `openssl s_server` and what was posted to it; it ends when dropped.
pub struct HttpsDesk {
    _child: Child,
    answering: JoinHandle<()>,
    posted: Arc<Mutex<Vec<Value>>>,
}

impl Drop for HttpsDesk {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

impl HttpsDesk {
    /// Listens at a port of 127.0.0.1, showing this certificate, and answers every POST with 200.
    pub fn listen(port: u16, shows: &Issued) -> Result<Self, Trouble> {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-quiet", "-accept", &format!("127.0.0.1:{port}")]);
        command.arg("-cert").arg(&shows.certificate).arg("-key").arg(&shows.key);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child =
            command.spawn().map_err(|error| Trouble::new(format!("cannot start openssl: {error}")))?;
        let (Some(says), Some(hears)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Trouble::new("openssl has no pipes"));
        };
        let posted = Arc::new(Mutex::new(Vec::new()));
        let answering = tokio::spawn(answer(hears, says, Arc::clone(&posted)));
        Ok(Self { _child: child, answering, posted })
    }

    /// What was posted so far.
    pub fn posted(&self) -> Vec<Value> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(mut hears: ChildStdout, mut says: ChildStdin, posted: Arc<Mutex<Vec<Value>>>) {
    let mut unread = Vec::new();
    while let Ok(1..) = hears.read_buf(&mut unread).await {
        while let Some(body) = take_post(&mut unread) {
            posted.lock().unwrap_or_else(PoisonError::into_inner).push(body);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            if says.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

/// The body of the first whole request, which is taken out.
fn take_post(unread: &mut Vec<u8>) -> Option<Value> {
    let end = unread.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(unread.get(..end)?).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let whole = end + length.unwrap_or(0);
    let body = serde_json::from_slice(unread.get(end..whole)?).unwrap_or_default();
    unread.drain(..whole);
    Some(body)
}
