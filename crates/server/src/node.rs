//! A running node: every part started in order, reloaded as one, and stopped without dropping a call.

mod reload;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use call::{Input, Output, Switch};
use primitives::{Private, Seed};
use sip::Transport;
use store::{AuditFiles, AuditPlace, AuditWriter, AuditWriterConfig, Shutdown, load_or_generate_key};
use thiserror::Error;

use crate::config::{Config, ConfigError, PacketsBy, today};
use crate::content::ContentError;
use crate::driver::inbox::{Inbox, Message};
use crate::driver::media;
use crate::driver::performer::Performer;
use crate::driver::recorder::Recorder;
use crate::driver::signalling::{Ended, Signalling, Waiting, now};
use crate::driver::snapshot::Snapshot;
use crate::exceptions::Exceptions;
use crate::flows::{self, Archive, ArchiveError, Audio, First, Flows};
use crate::http::{self, Service};
use crate::keeper::Keeper;
use crate::lookups::Lookups;
use crate::metrics::Metrics;
use crate::net::certificates::Certificates;
use crate::net::listen::{self, ListenError};
use crate::net::resolve::Resolver;
use crate::net::seats::Seats;
use crate::net::streams::Streams;
use crate::net::tls::CertificateError;
use crate::notifier::Notifier;
use crate::requests::Requester;
use crate::secrets::{Names, Secrets, SecretsError, make_data_folder, system_seed};
use crate::stir::Verifier;

/// How long a stop waits for carriers to answer the end of our registrations: three repetitions and a challenge.
const WITHDRAWN_WITHIN: Duration = Duration::from_secs(4);

/// A running node.
pub struct Node {
    /// The way to the signalling thread.
    pub inbox: Inbox,
    /// Every metric.
    pub metrics: Arc<Metrics>,
    /// How things stood a moment ago.
    pub snapshot: Snapshot,
    /// The audit log.
    pub writer: Arc<AuditWriter<Vec<Output>>>,
    /// Where it listens.
    pub addresses: Addresses,
    /// The folder of the audit log.
    pub audit_folder: PathBuf,
    /// Who keeps recordings.
    pub recorder: Recorder,
    /// The database, for whoever lists messages.
    pub database: PathBuf,
    certificates: Certificates,
    flows: Flows,
    seats: Seats,
    config_path: Option<PathBuf>,
    /// What runs now; one reload at a time.
    running: Mutex<Config>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Where a node listens, as bound.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Addresses {
    /// SIP over UDP.
    pub udp: Vec<SocketAddr>,
    /// SIP over TCP.
    pub tcp: Vec<SocketAddr>,
    /// SIP over TLS.
    pub tls: Vec<SocketAddr>,
    /// HTTP.
    pub http: Option<SocketAddr>,
}

/// Why a node did not start, or kept what it had. Every text ends with the next thing to do.
#[derive(Debug, Error)]
pub enum NodeError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Flows, queues or prompts.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// Versions of the flows.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Secrets or the data folder.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] store::OpenError),
    /// The key of the audit log.
    #[error(transparent)]
    Key(#[from] store::KeyFileError),
    /// The database.
    #[error(transparent)]
    Database(#[from] store::DatabaseError),
    /// Recordings.
    #[error(transparent)]
    Recording(#[from] store::RecordingError),
    /// The log's name in the configuration.
    #[error("`node` in careline.yaml cannot name a node of the audit log: {0}")]
    Name(String),
    /// Metrics that contradict one another.
    #[error("metrics cannot be declared: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The audit log is not durable: nothing is changed that it would have to witness.
    #[error(
        "the audit log cannot be written ({why}): configuration is not changed until it can. Free the disk it is on"
    )]
    Stalled {
        /// What the disk says.
        why: String,
    },
    /// The signalling thread is too far behind.
    #[error("the signalling thread is too far behind to take a reload: try again")]
    Busy,
    /// The operating system.
    #[error("the operating system refuses: {0}")]
    System(#[from] std::io::Error),
}

/// Held by the signalling thread. A process without that thread answers nobody and looks alive: it ends
/// instead, whoever supervises it starts it anew, and the log and the registrations are found again.
struct Alive;

impl Drop for Alive {
    fn drop(&mut self) {
        tracing::error!("the signalling thread ended; careline stops so that it can be started anew");
        std::process::exit(70);
    }
}

/// Everything bound and opened, before anything runs.
struct Opened {
    waiting: Waiting,
    inbox: Inbox,
    udp: Vec<(SocketAddr, std::net::UdpSocket)>,
    streams: Streams,
    seats: Seats,
    http: std::net::TcpListener,
    certificates: Certificates,
    addresses: Addresses,
}

impl Node {
    /// Starts a node on a running tokio runtime.
    pub fn start(config: Config, config_path: Option<PathBuf>) -> Result<Arc<Self>, NodeError> {
        let exceptions = config.overrides(config_path.as_deref(), today())?;
        let seed = system_seed()?;
        let metrics = Arc::new(Metrics::new()?);
        make_data_folder(&config.data)?;
        let secrets = Secrets::open(&config.data, Names::of(&config))?;
        let (archive, audio) = (Archive::open(&config.data)?, Audio::default());
        let first = First::choose(&config, &secrets, (&archive, &audio), today())?;
        let setup = Arc::clone(&first.setup);
        let opened = open(&config, setup.sip_security(), &metrics)?;
        let (keeper, kept) = Keeper::start(&config.data.join("careline.db"))?;
        let recorder = Recorder::start(&config.data, opened.inbox.clone(), Arc::clone(&metrics))?;
        let carriers = (setup.media.shards, config.media.packets);
        let (media, mut threads) = start_media(carriers, &seed, (&opened.inbox, &recorder), &metrics)?;
        let (desk, runtime) = (&opened.certificates.desk, tokio::runtime::Handle::current());
        let performer = Performer {
            resolver: Resolver::new(&config.dns, &seed, &opened.addresses.udp)?,
            udp: Arc::new(opened.udp),
            streams: opened.streams,
            media,
            recorder: recorder.clone(),
            lookups: Lookups::start(opened.inbox.clone())?,
            requester: Requester::start(&opened.certificates.endpoints, &opened.inbox),
            notifier: Notifier::start(desk, &keeper, (&opened.inbox, &metrics), kept.notices),
            inbox: opened.inbox.clone(),
            metrics: Arc::clone(&metrics),
            runtime: runtime.clone(),
            keeper,
        };
        let writer = Arc::new(start_writer(&config, seed, performer.clone())?);
        let mut switch = Switch::new(Arc::clone(&setup), sip_config(&config, &opened.addresses), seed);
        let mut out = Vec::new();
        for input in [Input::Configured(setup)].into_iter().chain(kept.inputs) {
            switch.handle(now(), input, &mut out);
        }
        let snapshot = Snapshot::default();
        let signalling = Signalling {
            waiting: opened.waiting,
            switch,
            performer,
            writer: Arc::clone(&writer),
            verifier: Verifier::new(opened.certificates.stir.clone(), opened.inbox.clone(), runtime),
            metrics: Arc::clone(&metrics),
            snapshot: snapshot.clone(),
        };
        threads.push(start_signalling(signalling, out)?);
        let exceptions = Exceptions::new(exceptions, opened.inbox.clone(), Arc::clone(&metrics));
        let flows = Flows::new(archive, audio, exceptions);
        let node = Arc::new(Self {
            inbox: opened.inbox,
            flows,
            metrics,
            snapshot,
            writer,
            addresses: opened.addresses,
            audit_folder: config.data.join("audit"),
            recorder,
            database: config.data.join("careline.db"),
            certificates: opened.certificates,
            seats: opened.seats,
            config_path,
            running: Mutex::new(config),
            threads: Mutex::new(threads),
        });
        let service = Service { node: Arc::clone(&node), token: Private::clone(&secrets.api_token) };
        node.began(first);
        tokio::spawn(http::serve(opened.http, node.certificates.http.clone(), service));
        Ok(node)
    }

    /// The signalling thread is one of the threads, the others carry media.
    fn media_threads(&self) -> usize {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).len().saturating_sub(1)
    }

    /// Takes no new calls, waits for those under way, and writes everything down. `hurry` says when the
    /// operator will not wait any longer.
    pub async fn stop(&self, patience: Duration, mut hurry: impl FnMut() -> bool) -> Shutdown {
        self.tell(|| Message::Drain).await;
        let until = Instant::now() + patience;
        // No answer means too much to do, not nothing to do.
        while self.inbox.status().await.is_none_or(|status| !status.calls.is_empty())
            && Instant::now() < until
            && !hurry()
        {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.until_carriers_know().await;
        self.tell(|| Message::HangUpAll).await;
        // Answered after the last hang-up has been handed to the writer.
        self.inbox.status().await;
        self.writer.flush(Duration::from_secs(5));
        self.tell(|| Message::Stop).await;
        self.writer.shutdown(Duration::from_secs(5))
    }
}

impl Node {
    /// Waits until every carrier we were registered with has answered that we are gone, for as long as an answer
    /// is worth waiting for.
    async fn until_carriers_know(&self) {
        let until = Instant::now() + WITHDRAWN_WITHIN;
        let is_leaving = |status: call::Status| status.trunks.iter().any(|it| it.registration == "leaving");
        while self.inbox.status().await.is_none_or(is_leaving) && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The flows it starts with are active: what follows from that, and an alarm where they are not the folder's.
    fn began(self: &Arc<Self>, first: First) {
        self.flows.tries(&first.files);
        self.now_active(&first.setup, &first.activation, first.exceptions);
        self.metrics.reload_refused.set(first.refused.is_some().into());
        if let Some(error) = &first.refused {
            self.tell_refused(&first.setup.loaded, error);
        }
        tokio::spawn(self.flows.exceptions.clone().watch());
        tokio::spawn(flows::watch(Arc::clone(self)));
    }

    /// Counts the versions in memory, for whoever asks.
    pub fn count_versions(&self) {
        let versions = self.flows.in_memory().len();
        self.metrics.flow_versions.set(i64::try_from(versions).unwrap_or(i64::MAX));
    }

    /// Leaves a message that must not be lost, trying again while the inbox is full.
    async fn tell(&self, message: impl Fn() -> Message) {
        for _ in 0..100 {
            if self.inbox.send(message()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Starts the signalling thread, which first performs what the start asked for.
fn start_signalling(mut signalling: Signalling, mut out: Vec<Output>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("signalling".to_owned()).spawn(move || {
        let alive = Alive;
        signalling.perform(&mut out);
        if signalling.run() == Ended::Asked {
            std::mem::forget(alive);
        }
    })
}

/// Starts the media threads.
fn start_media(
    (shards, by): (u16, PacketsBy),
    seed: &Seed,
    (inbox, recorder): (&Inbox, &Recorder),
    metrics: &Arc<Metrics>,
) -> Result<(Vec<media::MediaThread>, Vec<JoinHandle<()>>), NodeError> {
    let start = |number| {
        let seed = seed.part(&format!("media-{number}"));
        media::start(number, by, seed, inbox.clone(), recorder.clone(), Arc::clone(metrics))
    };
    let started = (0..shards).map(start).collect::<Result<Vec<_>, _>>()?;
    Ok(started.into_iter().unzip())
}

/// Binds every listener. The first that cannot be bound ends the start, with nothing running.
fn open(config: &Config, security: sip::Security, metrics: &Arc<Metrics>) -> Result<Opened, NodeError> {
    let (mut waiting, inbox) = Waiting::new()?;
    let seats = Seats::default();
    seats.keep_for(security);
    let certificates = Certificates::read(config)?;
    let streams = Streams::new(
        inbox.clone(),
        certificates.client.clone(),
        Arc::clone(metrics),
        seats.clone(),
        tokio::runtime::Handle::current(),
    );
    let mut addresses = Addresses::default();
    let mut udp = Vec::new();
    for address in &config.sip.udp {
        let (local, socket) = waiting.listen(listen::udp(*address)?)?;
        addresses.udp.push(local);
        udp.push((local, socket));
    }
    for address in &config.sip.tcp {
        let listener = listen::tcp("tcp", *address)?;
        addresses.tcp.push(listener.local_addr()?);
        streams.listen(listener, None)?;
    }
    for (address, acceptor) in &certificates.sip {
        let listener = listen::tcp("tls", *address)?;
        addresses.tls.push(listener.local_addr()?);
        streams.listen(listener, Some(acceptor.clone()))?;
    }
    let http = listen::tcp("http", config.http.address)?;
    addresses.http = Some(http.local_addr()?);
    Ok(Opened { waiting, inbox, udp, streams, seats, http, certificates, addresses })
}

fn sip_config(config: &Config, addresses: &Addresses) -> sip::Config {
    let of = |transport, list: &[SocketAddr]| list.iter().map(move |at| (transport, *at)).collect::<Vec<_>>();
    sip::Config {
        realm: config.sip.realm.clone(),
        product: concat!("careline/", env!("CARGO_PKG_VERSION")).to_owned(),
        listeners: [
            of(Transport::Udp, &addresses.udp),
            of(Transport::Tcp, &addresses.tcp),
            of(Transport::Tls, &addresses.tls),
        ]
        .concat(),
        digest: config.sip.digest.iter().map(|digest| digest.algorithm()).collect(),
        registration_max: Duration::from_secs(config.sip.registration_secs_max.into()),
        session_expires: Duration::from_secs(config.sip.session_expires_secs.into()),
        session_min: Duration::from_secs(config.sip.session_min_secs.into()),
        ..sip::Config::default()
    }
}

fn start_writer(
    config: &Config,
    seed: Seed,
    performer: Performer,
) -> Result<AuditWriter<Vec<Output>>, NodeError> {
    use rand_core::Rng;
    let key = load_or_generate_key(&config.data.join("audit.key"), &config.audit.origin)?;
    let mut boot = seed.part("boot").generator();
    let boot = u128::from(boot.next_u64()) << 64 | u128::from(boot.next_u64());
    let identity =
        audit::Identity::new(&config.node, boot).map_err(|error| NodeError::Name(error.to_string()))?;
    let mut place = AuditPlace::new(&config.data.join("audit"), key, identity);
    if let Some(spill) = &config.audit.spill {
        place.spill.clone_from(spill);
    }
    let (files, recovered) = AuditFiles::open(&place)?;
    if recovered.dropped_bytes > 0 || !recovered.open_calls.is_empty() {
        tracing::warn!(
            records = recovered.size,
            dropped_bytes = recovered.dropped_bytes,
            calls_cut_off = recovered.open_calls.len(),
            "the last run did not end in order; its log was recovered"
        );
    }
    let inbox = performer.inbox.clone();
    let settings = AuditWriterConfig {
        hold_max: Duration::from_millis(config.audit.hold_ms_max.into()),
        ..AuditWriterConfig::default()
    };
    let release =
        Box::new(move |held: Vec<Output>| held.into_iter().for_each(|output| performer.perform(output)));
    let notify = Box::new(move |state| {
        let state = match state {
            store::LogState::Durable => call::LogState::Durable,
            store::LogState::Stalled { .. } => {
                tracing::error!(
                    "the audit log cannot be written in time; calls go on, changes of configuration wait. Look at its disk"
                );
                call::LogState::Stalled
            }
        };
        inbox.send(Message::Log(state));
    });
    Ok(AuditWriter::start(files, recovered, settings, release, notify)?)
}
