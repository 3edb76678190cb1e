//! The way from a command to the running server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::cli::{ConfigPath, Failure};
use crate::secrets::{Names, Secrets};

/// Longest the server may take: it proves every flow before it answers.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Bytes of an answer: a thousand versions.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// The server's answer.
pub struct Answered {
    /// Whether it did what it was asked.
    pub done: bool,
    /// What it says.
    pub body: Value,
}

impl Answered {
    /// A word of the answer.
    pub fn said(&self, key: &str) -> &str {
        self.body.get(key).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Asks the server that runs with this configuration.
pub fn ask(config: &ConfigPath, method: &str, path: &str, body: &Value) -> Result<Answered, Failure> {
    let config = config.load()?;
    if config.http.certificate.is_some() {
        return Err("the HTTP listener speaks TLS, which this command does not: send SIGHUP to reload, or ask the API \
                    yourself"
            .into());
    }
    let secrets = Secrets::open(&config.data, Names::default())?;
    let address = config.http.address;
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).map_err(|error| {
        format!("no server answers at {address}: {error}. Is it running, with this configuration?")
    })?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    let body = if body.is_null() { String::new() } else { body.to_string() };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        secrets.api_token.expose(),
        body.len()
    )?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the server's answer is not HTTP")?;
    let body = serde_json::from_str(body).map_err(|_| format!("the server answers: {head}"))?;
    Ok(Answered { done: head.starts_with("HTTP/1.1 200"), body })
}

/// Who is at the keyboard, for the log.
pub fn operator() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    named.unwrap_or_default()
}
