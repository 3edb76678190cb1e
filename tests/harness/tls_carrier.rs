//! A carrier behind OpenSSL's server: it says 200 to OPTIONS and 603 to an INVITE, over TLS that is not ours.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::authority::Issued;
use crate::trouble::Trouble;

/// Headers of a request that its answer repeats.
const REPEATED: [&str; 5] = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];

/// `openssl s_server` and what it heard; it ends when dropped.
pub struct TlsCarrier {
    _child: Child,
    answering: JoinHandle<()>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Drop for TlsCarrier {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

impl TlsCarrier {
    /// Listens at a port of 127.0.0.1, showing this certificate. `clients` are the authorities of those it lets in;
    /// `arguments` are OpenSSL's own, `-tls1_2`.
    pub fn listen(
        port: u16,
        shows: &Issued,
        clients: Option<&Path>,
        arguments: &[&str],
    ) -> Result<Self, Trouble> {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-quiet", "-accept", &format!("127.0.0.1:{port}")]).args(arguments);
        command.arg("-cert").arg(&shows.certificate).arg("-key").arg(&shows.key);
        if let Some(roots) = clients {
            command.args(["-Verify", "1", "-verify_return_error", "-CAfile"]).arg(roots);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child =
            command.spawn().map_err(|error| Trouble::new(format!("cannot start openssl: {error}")))?;
        let (Some(says), Some(hears)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Trouble::new("openssl has no pipes"));
        };
        let heard = Arc::new(Mutex::new(Vec::new()));
        let answering = tokio::spawn(answer(hears, says, Arc::clone(&heard)));
        Ok(Self { _child: child, answering, heard })
    }

    /// The requests it heard so far, whole heads.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(mut hears: ChildStdout, mut says: ChildStdin, heard: Arc<Mutex<Vec<String>>>) {
    let mut unread = Vec::new();
    while let Ok(1..) = hears.read_buf(&mut unread).await {
        while let Some(head) = take_request(&mut unread) {
            let status = match head.split(' ').next() {
                Some("OPTIONS") => Some("200 OK"),
                Some("INVITE") => Some("603 Decline"),
                _ => None,
            };
            let repeated = head.lines().filter(|line| REPEATED.iter().any(|name| line.starts_with(name)));
            let tagged = |line: &str| match line.starts_with("To:") && !line.contains(";tag=") {
                true => format!("{line};tag=far"),
                false => line.to_owned(),
            };
            let repeated = repeated.map(tagged).collect::<Vec<_>>().join("\r\n");
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
            if let Some(status) = status {
                let answer = format!("SIP/2.0 {status}\r\n{repeated}\r\nContent-Length: 0\r\n\r\n");
                if says.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The head of the first whole request, which is taken out with its body.
fn take_request(unread: &mut Vec<u8>) -> Option<String> {
    let end = unread.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(unread.get(..end)?).into_owned();
    let length =
        head.lines().find_map(|line| line.strip_prefix("Content-Length:")?.trim().parse::<usize>().ok());
    let whole = end + length.unwrap_or_default();
    if unread.len() < whole {
        return None;
    }
    unread.drain(..whole);
    Some(head.trim_start().to_owned())
}
