//! An agent on baresip: registers, answers by itself, speaks a tone, records what it hears.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::ports::free_ports;
use crate::prompts::wav_samples;
use crate::trouble::Trouble;
use crate::wait::eventually;

/// How long baresip may take to open its control port.
const START_MAX: Duration = Duration::from_secs(10);
/// A netstring of its control port is an event of some hundred bytes; more is not one.
const NETSTRING_BYTES_MAX: usize = 65_536;

/// Who the agent is.
#[derive(Clone, Debug)]
pub struct BaresipOptions {
    /// User part of the address of record.
    pub user: String,
    /// Where it registers, and with what password; without one it only takes calls.
    pub registrar: Option<(SocketAddr, String)>,
    /// How it registers: `udp` or `tcp`.
    pub transport: &'static str,
    /// The tone it speaks, in hertz. Whole numbers only.
    pub tone_hz: u32,
    /// Whether it answers by itself.
    pub answers: bool,
    /// Whose certificates it believes, PEM. Default nobody's.
    pub roots: Option<PathBuf>,
    /// Whether its audio is encrypted (SRTP), or no call comes about.
    pub encrypts: bool,
    /// What it speaks, best first, as baresip names it.
    pub codecs: &'static str,
    /// Whether it speaks IPv6 although it does not register. Default IPv4.
    pub ipv6: bool,
}

impl BaresipOptions {
    /// An agent that answers by itself and speaks this tone, not registered anywhere.
    pub fn new(user: &str, tone_hz: u32) -> Self {
        Self {
            user: user.to_owned(),
            registrar: None,
            transport: "udp",
            tone_hz,
            answers: true,
            roots: None,
            encrypts: false,
            codecs: "PCMU,PCMA",
            ipv6: false,
        }
    }
}

impl BaresipOptions {
    fn is_ipv6(&self) -> bool {
        self.ipv6 || self.registrar.as_ref().is_some_and(|(server, _)| server.is_ipv6())
    }
}

/// A running baresip with its control connection.
pub struct Baresip {
    child: Child,
    folder: TempDir,
    address: SocketAddr,
    control: TcpStream,
    unread: Vec<u8>,
}

impl Baresip {
    /// Writes its configuration, starts it and connects to its control port.
    pub async fn start(options: BaresipOptions) -> Result<Self, Trouble> {
        // SIP; TLS one above it, which baresip takes by itself; control; 20 for RTP.
        let ports = free_ports(24)?;
        let folder = TempDir::new().map_err(Trouble::new)?;
        write_configuration(folder.path(), &options, ports).map_err(Trouble::new)?;
        let screen = fs::File::create(folder.path().join("screen")).map_err(Trouble::new)?;
        let child = Command::new("baresip")
            .args([if options.is_ipv6() { "-6" } else { "-4" }, "-f"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stderr(screen.try_clone().map_err(Trouble::new)?)
            .stdout(screen)
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| Trouble::new(format!("cannot start baresip: {e}")))?;
        let control = eventually("baresip's control port", START_MAX, async || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, ports + 2)).await.ok()
        });
        let control =
            control.await.map_err(|trouble| Trouble::with_log(trouble, &screen_of(folder.path())))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports));
        Ok(Self { child, folder, address, control, unread: Vec::new() })
    }

    /// Its SIP address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it says on its screen that it is registered: the event may come before anybody listens.
    pub async fn registered(&self, within: Duration) -> Result<(), Trouble> {
        let said = eventually("baresip's registration", within, async || {
            screen_of(self.folder.path()).contains("200 OK").then_some(())
        });
        said.await.map_err(|trouble| self.trouble(&trouble.to_string()))
    }

    /// Waits for an event of this type, skipping others: `CALL_ESTABLISHED`, `CALL_CLOSED`.
    pub async fn event(&mut self, kind: &str, within: Duration) -> Result<Value, Trouble> {
        let found = async {
            loop {
                let message = self.message().await?;
                if message.get("type").and_then(Value::as_str) == Some(kind) {
                    return Ok::<Value, io::Error>(message);
                }
            }
        };
        match timeout(within, found).await {
            Ok(Ok(event)) => Ok(event),
            Ok(Err(error)) => Err(self.trouble(&format!("baresip's control port: {error}"))),
            Err(_) => Err(self.trouble(&format!("baresip reported no {kind} within {within:?}"))),
        }
    }

    /// Gives a command of its menu: `dial`, `hangup`, `accept`, `sndcode`.
    pub async fn command(&mut self, command: &str, parameters: &str) -> Result<(), Trouble> {
        let message = json!({ "command": command, "params": parameters, "token": "t" }).to_string();
        let netstring = format!("{}:{message},", message.len());
        self.control.write_all(netstring.as_bytes()).await.map_err(Trouble::new)
    }

    /// The next netstring (`12:{"event":…},`) of the control port.
    async fn message(&mut self) -> Result<Value, io::Error> {
        loop {
            let colon = self.unread.iter().position(|&b| b == b':');
            let length: Option<usize> =
                colon.and_then(|c| std::str::from_utf8(self.unread.get(..c)?).ok()?.parse().ok());
            if let (Some(colon), Some(length)) = (colon, length)
                && length < NETSTRING_BYTES_MAX
                && self.unread.len() > colon + 1 + length
            {
                let message = self.unread.drain(..colon + 2 + length).collect::<Vec<u8>>();
                let body = message.get(colon + 1..colon + 1 + length).unwrap_or_default();
                return serde_json::from_slice(body).map_err(io::Error::other);
            }
            if self.unread.len() > NETSTRING_BYTES_MAX {
                return Err(io::Error::other("not a netstring"));
            }
            if self.control.read_buf(&mut self.unread).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// What it heard in its calls so far, 8,000 samples per second. Complete once a call is closed.
    pub fn heard(&self) -> Result<Vec<i16>, Trouble> {
        let is_heard = |path: &PathBuf| path.to_string_lossy().ends_with("-dec.wav");
        let mut files: Vec<PathBuf> = fs::read_dir(self.folder.path())
            .map_err(Trouble::new)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(is_heard)
            .collect();
        files.sort();
        let mut samples = Vec::new();
        for file in files {
            samples.extend(wav_samples(&fs::read(file).map_err(Trouble::new)?));
        }
        Ok(samples)
    }

    /// What a wideband phone heard, as `heard`: samples, and how many of them a second has. The left of two channels.
    pub fn heard_wide(&self) -> Result<(Vec<i16>, u32), Trouble> {
        let files = fs::read_dir(self.folder.path()).map_err(Trouble::new)?.filter_map(Result::ok);
        let path = files
            .map(|entry| entry.path())
            .filter(|path| path.to_string_lossy().ends_with("-dec.wav"))
            .max()
            .ok_or_else(|| Trouble::new("baresip has recorded nothing"))?;
        let file = fs::read(path).map_err(Trouble::new)?;
        let number =
            |at: usize| file.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
        let channels = number(20).map_or(1, |number| (number >> 16).max(1));
        let samples = wav_samples(&file).into_iter().step_by(channels as usize).collect();
        Ok((samples, number(24).unwrap_or(16_000)))
    }

    /// Ends it.
    pub async fn stop(mut self) -> Result<(), Trouble> {
        self.command("quit", "").await?;
        match timeout(START_MAX, self.child.wait()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Trouble::new(error)),
            Err(_) => Err(self.trouble("baresip did not quit")),
        }
    }

    fn trouble(&self, what: &str) -> Trouble {
        Trouble::with_log(what, &screen_of(self.folder.path()))
    }
}

fn screen_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("screen")).unwrap_or_default()
}

fn write_configuration(folder: &Path, options: &BaresipOptions, ports: u16) -> io::Result<()> {
    let own: IpAddr = if options.is_ipv6() { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
    let roots = options.roots.as_ref().map(|path| format!("sip_cafile {}\n", path.display()));
    let roots = roots.unwrap_or_default();
    // ausine speaks 48 kHz stereo only; baresip resamples. No player: `sndfile` records what is decoded.
    let config = format!(
        "poll_method epoll\n\
         sip_listen {sip}\n\
         net_interface {interface}\n{roots}\
         call_max_calls 4\n\
         audio_source ausine,{tone}\n\
         audio_player nil,nil\n\
         audio_alert nil,nil\n\
         ausrc_srate 48000\n\
         ausrc_channels 2\n\
         auplay_srate {heard_hz}\n\
         auplay_channels 1\n\
         jitter_buffer_delay 0-0\n\
         rtp_ports {rtp}-{rtp_last}\n\
         module_path /usr/lib/baresip/modules\n\
         module g711.so\n\
         module g722.so\n\
         module opus.so\n\
         module ausine.so\n\
         module sndfile.so\n\
         module srtp.so\n\
         module_app account.so\n\
         module_app menu.so\n\
         module_app ctrl_tcp.so\n\
         ctrl_tcp_listen 127.0.0.1:{control}\n\
         snd_path {folder}\n",
        sip = SocketAddr::from((own, ports)),
        interface = own,
        tone = options.tone_hz,
        // What the sound is recorded at; G.711 has no more, and only a wideband phone hears more.
        heard_hz = if options.codecs.contains("PCM") { 8_000 } else { 16_000 },
        rtp = ports + 4,
        rtp_last = ports + 23,
        control = ports + 2,
        folder = folder.display(),
    );
    let answer = if options.answers { "auto" } else { "manual" };
    let account = match &options.registrar {
        Some((server, secret)) => format!(
            "<sip:{user}@{server};transport={transport}>;auth_user={user};auth_pass={secret};regint=60",
            user = options.user,
            transport = options.transport
        ),
        None => format!("<sip:{}@{}>;regint=0", options.user, SocketAddr::from((own, ports))),
    };
    fs::write(folder.join("config"), config)?;
    fs::write(folder.join("contacts"), "")?;
    let encryption = if options.encrypts { ";mediaenc=srtp-mand" } else { "" };
    let account = format!("{account};answermode={answer};audio_codecs={}{encryption}\n", options.codecs);
    fs::write(folder.join("accounts"), account)
}
