//! An agent on linphone, without a sound card: registers, answers by itself, speaks a tone from a file.

use std::f64::consts::TAU;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::ports::free_ports;
use crate::trouble::Trouble;
use crate::wait::eventually;

/// How long it may take to end.
const STOP_MAX: Duration = Duration::from_secs(10);
/// Samples a second of its files.
const RATE: u32 = 8_000;
/// How long its tone lasts before it begins anew.
const TONE_SECS: u32 = 60;

/// Who the agent is.
#[derive(Clone, Debug)]
pub struct LinphoneOptions {
    /// User part of the address of record.
    pub user: String,
    /// Her password.
    pub secret: String,
    /// Where it registers.
    pub registrar: SocketAddr,
    /// `udp`, `tcp` or `tls`.
    pub transport: &'static str,
    /// Whose certificates it believes over TLS. It knows this machine by its name then, `localhost`, since it
    /// compares no addresses with a certificate.
    pub roots: Option<PathBuf>,
    /// The tone it speaks, in hertz.
    pub tone_hz: u32,
}

/// A running linphonec.
pub struct Linphone {
    child: Child,
    keyboard: ChildStdin,
    folder: TempDir,
    /// How much of its screen was looked at.
    read: usize,
}

impl Linphone {
    /// Writes its configuration and its tone and starts it.
    pub async fn start(options: LinphoneOptions) -> Result<Self, Trouble> {
        let ports = free_ports(12)?;
        let folder = TempDir::new().map_err(Trouble::new)?;
        write_configuration(folder.path(), &options, ports).map_err(Trouble::new)?;
        let tone = folder.path().join("tone.wav");
        fs::write(&tone, tone_file(options.tone_hz)).map_err(Trouble::new)?;
        let screen = fs::File::create(folder.path().join("screen")).map_err(Trouble::new)?;
        let mut child = Command::new("linphonec")
            .arg("-c")
            .arg(folder.path().join("rc"))
            .arg("-a")
            .arg("-l")
            .arg(folder.path().join("log"))
            .env("HOME", folder.path())
            .stdin(Stdio::piped())
            .stderr(screen.try_clone().map_err(Trouble::new)?)
            .stdout(screen)
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| Trouble::new(format!("cannot start linphonec: {e}")))?;
        let keyboard = child.stdin.take().ok_or_else(|| Trouble::new("linphonec has no keyboard"))?;
        let mut phone = Self { child, keyboard, folder, read: 0 };
        phone.types("soundcard use files").await?;
        phone.types(&format!("play {}", tone.display())).await?;
        Ok(phone)
    }

    /// Types a line: `call`, `pause`, `resume`, `terminate`.
    pub async fn types(&mut self, line: &str) -> Result<(), Trouble> {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).await.map_err(Trouble::new)
    }

    /// Asks until it says that it is registered.
    pub async fn registered(&mut self, within: Duration) -> Result<(), Trouble> {
        let mut asked = Ok(());
        let folder = self.folder.path().to_owned();
        let keyboard = &mut self.keyboard;
        let said = eventually("linphone's registration", within, async || {
            if asked.is_ok() {
                asked = keyboard.write_all(b"status register\n").await;
            }
            screen_of(&folder).contains("registered, identity").then_some(())
        });
        said.await.map_err(|trouble| self.trouble(&trouble.to_string()))?;
        self.read = screen_of(self.folder.path()).len();
        Ok(())
    }

    /// Waits until its screen shows this, after what was waited for before.
    pub async fn shows(&mut self, what: &str, within: Duration) -> Result<(), Trouble> {
        let (folder, read) = (self.folder.path().to_owned(), self.read);
        let wanted = format!("linphone's `{what}`");
        let found = eventually(&wanted, within, async || {
            let screen = screen_of(&folder);
            let at = screen.get(read..)?.find(what)?;
            Some(read + at + what.len())
        });
        self.read = found.await.map_err(|trouble| self.trouble(&trouble.to_string()))?;
        Ok(())
    }

    /// Ends it.
    pub async fn stop(mut self) -> Result<(), Trouble> {
        self.types("quit").await?;
        match timeout(STOP_MAX, self.child.wait()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Trouble::new(error)),
            Err(_) => Err(self.trouble("linphone did not quit")),
        }
    }

    fn trouble(&self, what: &str) -> Trouble {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        Trouble::with_log(what, &format!("{}\n{log}", screen_of(self.folder.path())))
    }
}

fn screen_of(folder: &Path) -> String {
    let screen = fs::read(folder.join("screen")).unwrap_or_default();
    String::from_utf8_lossy(&screen).into_owned()
}

fn write_configuration(folder: &Path, options: &LinphoneOptions, ports: u16) -> io::Result<()> {
    let LinphoneOptions { user, secret, registrar: address, transport, .. } = options;
    let ipv6 = u8::from(address.is_ipv6());
    let registrar = match &options.roots {
        Some(_) => format!("localhost:{}", address.port()),
        None => address.to_string(),
    };
    let believes = options
        .roots
        .as_ref()
        .map(|roots| format!("root_ca={}\nverify_server_certs=1\nverify_server_cn=1\n", roots.display()));
    // The answer to a challenge is chosen by realm; this one takes any.
    let config = format!(
        "[sip]\nsip_port={ports}\nsip_tcp_port={ports}\nsip_tls_port={tls}\n{believes}default_proxy=0\n\
         use_ipv6={ipv6}\nregister_only_when_network_is_up=0\nauto_net_state_mon=0\nguess_hostname=0\n\
         [rtp]\naudio_rtp_port={rtp}\n\
         [video]\nenabled=0\ncapture=0\ndisplay=0\n\
         [proxy_0]\nreg_proxy=<sip:{registrar};transport={transport}>\n\
         reg_identity=\"Nurse\" <sip:{user}@{registrar}>\nreg_expires=60\nreg_sendregister=1\npublish=0\n\
         [auth_info_0]\nusername={user}\nuserid={user}\npasswd={secret}\n",
        rtp = ports + 2,
        // One it need not open where nothing goes over TLS.
        tls = options.roots.as_ref().map_or(0, |_| ports + 1),
        believes = believes.unwrap_or_default(),
    );
    // It keeps its database there and does without calls where it cannot.
    fs::create_dir_all(folder.join(".local/share/linphone"))?;
    fs::create_dir_all(folder.join(".config/linphone"))?;
    fs::write(folder.join("rc"), config)
}

/// A WAV file of a tone, 16 bits mono.
fn tone_file(hz: u32) -> Vec<u8> {
    let samples = (0..RATE * TONE_SECS).map(|n| {
        let phase = TAU * f64::from(hz) * f64::from(n) / f64::from(RATE);
        (phase.sin() * 8_000.0) as i16
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let bytes = data.len() as u32;
    let mut wav = Vec::with_capacity(data.len() + 44);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(bytes + 36).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&RATE.to_le_bytes());
    wav.extend_from_slice(&(RATE * 2).to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&bytes.to_le_bytes());
    wav.extend_from_slice(&data);
    wav
}
