//! The `careline` binary with a configuration, a data folder and ports of its own.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use phone::{Ended, Phone, PhoneConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::authority::Issued;
use crate::ports::free_ports;
use crate::trouble::Trouble;
use crate::wait::eventually;

/// A start with a new data folder: on a busy machine it reads the prompts for a while.
const START_MAX: Duration = Duration::from_secs(60);
/// Starts, where others take its ports.
const STARTS: u32 = 3;
/// What the log of a server that serves HTTPS shows.
const READY: &str = "careline answers calls";
/// How long calls under way may take to end after SIGTERM.
const DRAIN_SECS: &str = "5";
/// A stop that lets them.
const STOP_MAX: Duration = Duration::from_secs(20);
/// One request of the HTTP listener.
const HTTP_MAX: Duration = Duration::from_secs(10);
/// UDP ports of a call with an agent: RTP and RTCP of two legs.
const PORTS_PER_CALL: u16 = 4;

/// How to start it.
#[derive(Clone, Debug)]
pub struct Options {
    /// `test` or `production`. Default `test`.
    pub environment: &'static str,
    /// The folder of call flows. Default the repository's own.
    pub call_flows: PathBuf,
    /// The YAML of `agents:`, indented by two. Default two nurses who also serve `on_call`, and a
    /// scheduler.
    pub agents: String,
    /// Calls with an agent it has RTP ports for.
    pub calls: u16,
    /// `sip.digest`: what phones are asked for.
    pub digest: &'static str,
    /// A TLS listener. Default none.
    pub tls: Option<Tls>,
    /// What HTTP shows; default it is plain.
    pub https: Option<Issued>,
    /// More of `sip:`, each line indented by two.
    pub sip: String,
    /// More of `media:`, each line indented by two.
    pub media: String,
    /// More of `careline.yaml`, at the top level.
    pub more: String,
    /// Safety rules that flows made for a test break, and that no patient needs: which flow, and which rule. Default
    /// none.
    pub flow_overrides: &'static [(&'static str, &'static str)],
    /// What people wrote into `secrets.yaml` before the first start. Default nothing.
    pub secrets: String,
}

/// A TLS listener.
#[derive(Clone, Debug)]
pub struct Tls {
    /// What it shows.
    pub own: Issued,
    /// Whose client certificates it believes, and whether it requires one.
    pub clients: Option<(PathBuf, bool)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            environment: "test",
            call_flows: repository().join("call-flows"),
            agents: "  nurse1: { name: Nurse One, queues: [nurses, on_call], skills: [\"lang:en\"] }\n  \
                     nurse2: { name: Nurse Two, queues: [nurses, on_call], skills: [\"lang:en\", \"lang:es\"] }\n  \
                     scheduler1: { name: Scheduler One, queues: [scheduling, reception] }\n"
                .to_owned(),
            calls: 50,
            digest: "[sha_256, md5]",
            tls: None,
            https: None,
            sip: String::new(),
            media: String::new(),
            more: String::new(),
            flow_overrides: &[],
            secrets: String::new(),
        }
    }
}

/// The root of the repository.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// A running server. Dropping it kills it.
pub struct Server {
    child: Child,
    folder: TempDir,
    sip: SocketAddr,
    http: SocketAddr,
    tls: Option<(SocketAddr, Issued)>,
    is_https: bool,
}

/// `careline.yaml` of a test: the one place that knows its keys.
fn configuration(options: &Options, sip: SocketAddr, http: SocketAddr, media: u16) -> String {
    let Options { environment, call_flows, agents, digest, sip: more_sip, media: more_media, more, .. } =
        options;
    let v6 = if has_ipv6() { format!(", \"[::1]:{}\"", sip.port()) } else { String::new() };
    format!(
        "node: test-1\n\
         environment: {environment}\n\
         data: data\n\
         call_flows: {flows:?}\n\
         sip:\n  udp: [\"{sip}\"{v6}]\n  tcp: [\"{sip}\"{v6}]\n  digest: {digest}\n{tls}{more_sip}\
         http:\n  address: \"{http}\"\n{https}\
         media:\n  address: 127.0.0.1\n  ports: {media}-{media_last}\n{more_media}\
         agents:\n{agents}\
         {overrides}{more}",
        overrides = flow_overrides(options.flow_overrides),
        https = options.https.as_ref().map_or(String::new(), |shown| format!(
            "  certificate: {:?}\n  key: {:?}\n",
            shown.certificate.display().to_string(),
            shown.key.display().to_string()
        )),
        tls = tls_listeners(options, SocketAddr::new(sip.ip(), sip.port() + 2)),
        flows = call_flows.display().to_string(),
        media_last = media + options.calls * PORTS_PER_CALL - 1,
    )
}

/// `flow_overrides:` of flows that only tests call.
fn flow_overrides(rules: &[(&str, &str)]) -> String {
    let answered_for = |(flow, rule): &(&str, &str)| {
        format!(
            "  - {{ flow: {flow}, rule: {rule}, by: tests, reason: no patient calls, until: 2999-12-31 }}\n"
        )
    };
    if rules.is_empty() {
        return String::new();
    }
    format!("flow_overrides:\n{}", rules.iter().map(answered_for).collect::<String>())
}

/// The same certificate on both loopbacks.
fn tls_listeners(options: &Options, address: SocketAddr) -> String {
    let Some(Tls { own, clients }) = &options.tls else { return String::new() };
    let clients = clients.as_ref().map(|(roots, required)| {
        format!(", clients: {{ roots: {:?}, required: {required} }}", roots.display().to_string())
    });
    let listener = |address: String| {
        format!(
            "    - {{ address: {address:?}, certificate: {:?}, key: {:?}{} }}\n",
            own.certificate.display().to_string(),
            own.key.display().to_string(),
            clients.as_deref().unwrap_or_default()
        )
    };
    let v6 = if has_ipv6() { listener(format!("[::1]:{}", address.port())) } else { String::new() };
    format!("  tls:\n{}{v6}", listener(address.to_string()))
}

/// Containers often have none.
fn has_ipv6() -> bool {
    UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

impl Server {
    /// Builds the binary if need be, starts it on free ports and waits until it says that it is ready. A program
    /// that is no test may take a port meanwhile; then others are tried.
    pub async fn start(options: Options) -> Result<Self, Trouble> {
        for _ in 1..STARTS {
            match Self::start_once(options.clone()).await {
                Err(trouble) if trouble.to_string().contains("the port is in use") => {}
                other => return other,
            }
        }
        Self::start_once(options).await
    }

    async fn start_once(options: Options) -> Result<Self, Trouble> {
        let folder = TempDir::new().map_err(Trouble::new)?;
        let ports = free_ports(options.calls * PORTS_PER_CALL + 4)?;
        let sip = SocketAddr::from((Ipv4Addr::LOCALHOST, ports));
        let http = SocketAddr::from((Ipv4Addr::LOCALHOST, ports + 1));
        let configuration = configuration(&options, sip, http, ports + 4);
        fs::write(folder.path().join("careline.yaml"), configuration).map_err(Trouble::new)?;
        if !options.secrets.is_empty() {
            let data = folder.path().join("data");
            fs::create_dir(&data).map_err(Trouble::new)?;
            fs::write(data.join("secrets.yaml"), &options.secrets).map_err(Trouble::new)?;
        }
        let child = run(folder.path()).await?;
        let tls = options.tls.map(|tls| (SocketAddr::from((Ipv4Addr::LOCALHOST, ports + 2)), tls.own));
        let is_https = options.https.is_some();
        let mut server = Self { child, folder, sip, http, tls, is_https };
        server.ready().await?;
        Ok(server)
    }

    /// The process, for whoever pins it to a core or measures it.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Where phones and trunks reach it, over UDP and TCP.
    pub fn sip(&self) -> SocketAddr {
        self.sip
    }

    /// Where it is reached over TLS, where it is.
    pub fn tls(&self) -> Option<SocketAddr> {
        self.tls.as_ref().map(|(address, _)| *address)
    }

    /// The certificate it shows there.
    pub fn certificate(&self) -> Option<&Issued> {
        self.tls.as_ref().map(|(_, own)| own)
    }

    /// The same over IPv6, on a machine that has it.
    pub fn sip_v6(&self) -> Option<SocketAddr> {
        has_ipv6().then(|| SocketAddr::from((Ipv6Addr::LOCALHOST, self.sip.port())))
    }

    /// Where its metrics, health and API are.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn ready(&mut self) -> Result<(), Trouble> {
        let (http, is_https) = (self.http, self.is_https);
        let log = self.folder.path().join("log");
        let child = &mut self.child;
        let found = eventually("a ready server", START_MAX, async || {
            if let Ok(Some(status)) = child.try_wait() {
                return Some(Err(Trouble::new(format!("careline ended with {status}"))));
            }
            if is_https {
                // Its tests ask by a client of TLS; here it is enough that it says so.
                return fs::read_to_string(&log).ok()?.contains(READY).then_some(Ok(()));
            }
            matches!(ask(http, "GET", "/readyz", (None, "")).await, Ok((200, _))).then_some(Ok(()))
        });
        match found.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(trouble)) | Err(trouble) => Err(Trouble::with_log(trouble, &self.log())),
        }
    }

    /// Everything it printed, over all its starts.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Fails if any of these words stands in the log: numbers, names, keys, secrets.
    pub fn logged_none_of(&self, private: &[&str]) -> Result<(), Trouble> {
        let log = self.log();
        match log.lines().find(|line| private.iter().any(|word| line.contains(word))) {
            Some(line) => Err(Trouble::with_log("the log shows what is private", line)),
            None => Ok(()),
        }
    }

    /// A value of the generated `secrets.yaml`: `api_token`, or an agent's name.
    pub fn secret(&self, name: &str) -> Result<String, Trouble> {
        let text = fs::read_to_string(self.data().join("secrets.yaml")).map_err(Trouble::new)?;
        let value = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
        let value = value.ok_or_else(|| Trouble::new(format!("secrets.yaml has no {name}")))?;
        Ok(value.trim().trim_matches(['"', '\'']).to_owned())
    }

    /// A request with the API's token: the status and the body.
    pub async fn get(&self, path: &str) -> Result<(u16, String), Trouble> {
        let token = self.secret("api_token").ok();
        ask(self.http, "GET", path, (token.as_deref(), "")).await
    }

    /// The same with a body of JSON.
    pub async fn post(&self, path: &str, body: &str) -> Result<(u16, String), Trouble> {
        let token = self.secret("api_token").ok();
        ask(self.http, "POST", path, (token.as_deref(), body)).await
    }

    /// The value of a metric with exactly these labels, `careline_agents{state="ready"}`.
    pub async fn metric(&self, name: &str) -> Result<Option<f64>, Trouble> {
        let (_, body) = self.get("/metrics").await?;
        let value = body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.and_then(|value| value.trim().parse().ok()))
    }

    /// A phone of the agent, registered with its generated password.
    pub async fn agent_phone(&self, agent: &str) -> Result<Phone, Trouble> {
        let config = PhoneConfig::new(self.sip, agent).with_secret(&self.secret(agent)?);
        let phone = Phone::start(config).await.map_err(Trouble::new)?;
        phone.register().await.map_err(|e| Trouble::with_log(e, &self.log()))?;
        Ok(phone)
    }

    /// A phone of the agent, registered and signed in to all her queues.
    pub async fn agent_at_work(&self, agent: &str) -> Result<Phone, Trouble> {
        let phone = self.agent_phone(agent).await?;
        self.dials(&phone, "*11").await?;
        Ok(phone)
    }

    /// The agent dials a feature code, hears the confirmation to its end and is hung up.
    pub async fn dials(&self, agent: &Phone, code: &str) -> Result<(), Trouble> {
        let dialled = async {
            let call = agent.call(code).await?;
            call.established().await?;
            call.ended().await
        };
        match dialled.await {
            Ok(Ended::HungUpThere) => Ok(()),
            Ok(how) => Err(Trouble::with_log(format!("after {code}: {how}"), &self.log())),
            Err(error) => Err(Trouble::with_log(error, &self.log())),
        }
    }

    /// A phone outside, on a trunk: not registered.
    pub async fn caller(&self, number: &str) -> Result<Phone, Trouble> {
        Phone::start(PhoneConfig::new(self.sip, number)).await.map_err(Trouble::new)
    }

    /// Sends it a signal: `HUP` makes it reload.
    pub async fn signal(&self, signal: &str) -> Result<(), Trouble> {
        let id = self.child.id().ok_or_else(|| Trouble::with_log("careline is not running", &self.log()))?;
        let asked = Command::new("kill").args([&format!("-{signal}"), &id.to_string()]).status().await;
        asked.map(drop).map_err(Trouble::new)
    }

    /// Asks it to stop (SIGTERM) and waits for its end.
    pub async fn stop(&mut self) -> Result<ExitStatus, Trouble> {
        self.signal("TERM").await?;
        match timeout(STOP_MAX, self.child.wait()).await {
            Ok(status) => status.map_err(Trouble::new),
            Err(_) => {
                Err(Trouble::with_log(format!("careline still runs {STOP_MAX:?} after SIGTERM"), &self.log()))
            }
        }
    }

    /// Ends it as a power failure would (SIGKILL).
    pub async fn kill(&mut self) -> Result<(), Trouble> {
        self.child.kill().await.map_err(Trouble::new)
    }

    /// Starts it again on the same data and ports.
    pub async fn restart(&mut self) -> Result<(), Trouble> {
        self.child = run(self.folder.path()).await?;
        self.ready().await
    }

    /// Runs another subcommand of the binary with the same configuration: its success and what it printed.
    pub async fn command(&self, arguments: &[&str]) -> Result<(bool, String), Trouble> {
        let output = Command::new(binary().await?)
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(Trouble::new)?;
        let printed = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&printed).into_owned()))
    }
}

async fn run(folder: &Path) -> Result<Child, Trouble> {
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).map_err(Trouble::new)?;
    Command::new(binary().await?)
        .args(["serve", "--config", "careline.yaml", "--drain-secs", DRAIN_SECS])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(Trouble::new)?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| Trouble::new(format!("cannot start careline: {e}")))
}

/// `CARELINE_BIN`, or the binary of the profile these tests were built with, built now if it is not fresh.
async fn binary() -> Result<&'static Path, Trouble> {
    static BINARY: OnceCell<PathBuf> = OnceCell::const_new();
    BINARY.get_or_try_init(build).await.map(PathBuf::as_path)
}

async fn build() -> Result<PathBuf, Trouble> {
    if let Some(path) = std::env::var_os("CARELINE_BIN") {
        return Ok(path.into());
    }
    // target/<profile>/deps/<this test>
    let test = std::env::current_exe().map_err(Trouble::new)?;
    let profile = test.ancestors().nth(2).ok_or_else(|| Trouble::new("no target folder above this test"))?;
    let target = profile.parent().ok_or_else(|| Trouble::new("no target folder above this test"))?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "careline", "--target-dir"]).arg(target);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(repository()).output().await.map_err(Trouble::new)?;
    if !built.status.success() {
        let errors = String::from_utf8_lossy(&built.stderr).into_owned();
        return Err(Trouble::with_log("cargo build -p careline failed", &errors));
    }
    Ok(profile.join("careline"))
}

/// One HTTP/1.1 request with a token and a body: the status and the body of the answer.
async fn ask(
    http: SocketAddr,
    method: &str,
    path: &str,
    (token, body): (Option<&str>, &str),
) -> Result<(u16, String), Trouble> {
    let request = async {
        let mut stream = TcpStream::connect(http).await?;
        let authorization = token.map(|t| format!("Authorization: Bearer {t}\r\n")).unwrap_or_default();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {http}\r\n{authorization}Connection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<Vec<u8>, std::io::Error>(answer)
    };
    let answer = match timeout(HTTP_MAX, request).await {
        Ok(answer) => answer.map_err(Trouble::new)?,
        Err(_) => return Err(Trouble::new(format!("{method} {path} took longer than {HTTP_MAX:?}"))),
    };
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer.as_str(), ""));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
    let status = status.ok_or_else(|| Trouble::with_log(format!("{method} {path}: not HTTP"), head))?;
    Ok((status, body.to_owned()))
}
