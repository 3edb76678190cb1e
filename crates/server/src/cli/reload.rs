use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::cli::{ConfigPath, Failure};
use crate::secrets::{Names, Secrets};

/// Make a running server take changed flows and configuration, all of them or none.
///
/// Exit status: 0 taken, 1 refused (the server keeps what it had), 2 the server was not reached.
#[derive(Debug, Args)]
pub struct Reload {
    #[command(flatten)]
    config: ConfigPath,
}

impl Reload {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let config = self.config.load()?;
        if config.http.certificate.is_some() {
            return Err(
                "the HTTP listener speaks TLS, which this command does not: send SIGHUP instead".into()
            );
        }
        let secrets = Secrets::open(&config.data, Names::default())?;
        let address = config.http.address;
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).map_err(|error| {
            format!("no server answers at {address}: {error}. Is it running, with this configuration?")
        })?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        write!(
            stream,
            "POST /api/v1/reload HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
             Connection: close\r\nContent-Length: 0\r\n\r\n",
            secrets.api_token.expose()
        )?;
        let mut answer = String::new();
        stream.take(1 << 20).read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("the server's answer is not HTTP")?;
        let body: BTreeMap<String, String> = serde_json::from_str(body)?;
        let said = |key| body.get(key).map_or(head, String::as_str);
        if head.starts_with("HTTP/1.1 200") {
            writeln!(out, "taken; flows are now version {}", said("flows"))?;
            return Ok(ExitCode::SUCCESS);
        }
        writeln!(out, "refused, the server keeps what it had:\n{}", said("error"))?;
        Ok(ExitCode::FAILURE)
    }
}
