use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use call::Loaded;
use clap::Args;
use store::Shutdown;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::cli::{ConfigPath, Failure};
use crate::config::Config;
use crate::node::Node;

/// Answer calls until told to stop.
///
/// SIGHUP reloads flows and configuration. SIGTERM or SIGINT stops: no new calls, those under way end by
/// themselves; a second signal ends them now.
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    config: ConfigPath,
    /// Longest the calls under way may take to end after SIGTERM, in seconds.
    #[arg(long, default_value_t = 600)]
    drain_secs: u64,
    /// Log lines as JSON, one object each.
    #[arg(long)]
    log_json: bool,
}

impl Serve {
    pub fn run(self) -> Result<ExitCode, Failure> {
        start_logging(self.log_json);
        let config = self.config.load()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.serve(config))
    }

    async fn serve(self, config: Config) -> Result<ExitCode, Failure> {
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let node = Node::start(config, self.config.config.clone())?;
        // One line on standard output, for whoever started it and must know the ports.
        let listening = serde_json::to_string(&node.addresses)?;
        writeln!(io::stdout(), "{listening}")?;
        tracing::info!(udp = ?node.addresses.udp, tcp = ?node.addresses.tcp, tls = ?node.addresses.tls,
            http = ?node.addresses.http, audit = %node.audit_folder.display(), "careline answers calls");
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hang_up.recv() => {
                    let reloading = Arc::clone(&node);
                    // Reading and checking take a while; calls are not kept waiting for it.
                    let asked = Loaded { origin: "signal".to_owned(), by: String::new() };
                    let _ = tokio::task::spawn_blocking(move || reloading.reload(&asked)).await;
                }
            }
        }
        tracing::info!("no new calls are taken; waiting for those under way");
        let hurry = Arc::new(AtomicBool::new(false));
        let second = Arc::clone(&hurry);
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            second.store(true, Ordering::Relaxed);
        });
        let ended = node.stop(Duration::from_secs(self.drain_secs), || hurry.load(Ordering::Relaxed)).await;
        Ok(match ended {
            Shutdown::Clean => ExitCode::SUCCESS,
            Shutdown::TimedOut => {
                tracing::error!("the audit log was not closed in time; the next start repairs it");
                ExitCode::FAILURE
            }
        })
    }
}

/// Structured lines on standard error; `RUST_LOG` chooses how much.
pub fn start_logging(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if json { lines.json().init() } else { lines.with_ansi(false).init() }
}
