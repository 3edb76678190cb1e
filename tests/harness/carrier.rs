//! A carrier that takes every call and speaks in it, and whose signalling can die while its audio goes on: in a
//! carrier's network the two are different machines.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use phone::{Aim, Codec, Media, Sound};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::trouble::Trouble;
use crate::wait::eventually;

/// The longest datagram there is.
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// Headers of a request that its answer repeats.
const REPEATED: [&str; 6] = ["Via:", "From:", "To:", "Call-ID:", "CSeq:", "Record-Route:"];
/// Until the port of a socket that was closed is free again.
const CLOSED_MAX: Duration = Duration::from_secs(10);

/// It speaks UDP and PCMU; everything ends when it is dropped.
pub struct Carrier {
    address: SocketAddr,
    line: Arc<Line>,
    signalling: Option<JoinHandle<()>>,
}

/// What outlives its signalling.
struct Line {
    /// The tone in each of its calls, in hertz.
    hz: f64,
    calls: Mutex<BTreeMap<String, Media>>,
    invites: Mutex<Vec<String>>,
}

impl Carrier {
    /// Listens on a port of this machine and says a tone in every call.
    pub async fn listen(port: u16, hz: f64) -> Result<Self, Trouble> {
        let line = Line { hz, calls: Mutex::default(), invites: Mutex::default() };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut carrier = Self { address, line: Arc::new(line), signalling: None };
        carrier.restore().await?;
        Ok(carrier)
    }

    /// Closes its SIP socket; its calls go on speaking.
    pub fn die(&mut self) {
        if let Some(signalling) = self.signalling.take() {
            signalling.abort();
        }
    }

    /// Listens again, at the same place.
    pub async fn restore(&mut self) -> Result<(), Trouble> {
        // The socket that died is closed when its task is next looked at.
        let socket =
            eventually("the carrier's port", CLOSED_MAX, async || UdpSocket::bind(self.address).await.ok())
                .await?;
        let line = Arc::clone(&self.line);
        self.signalling = Some(tokio::spawn(async move { line.serve(&socket).await }));
        Ok(())
    }

    /// The INVITEs that began its calls, whole, in order.
    pub fn invites(&self) -> Vec<String> {
        whole(&self.line.invites).clone()
    }

    /// Calls it is in.
    pub fn calls(&self) -> usize {
        whole(&self.line.calls).len()
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.die();
        for media in whole(&self.line.calls).values() {
            media.close();
        }
    }
}

/// A panic of another holder leaves whole entries: nothing is half written under these locks.
fn whole<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    async fn serve(&self, socket: &UdpSocket) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        // An unreachable port of somebody else shows as an error of this socket, which is none of its end.
        loop {
            let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
            let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
            let body = match text.split(' ').next() {
                Some("INVITE") => match self.take(&text).await {
                    Some(port) => description(port),
                    None => continue,
                },
                Some("BYE") => {
                    if let Some(media) = whole(&self.calls).remove(header(&text, "Call-ID:")) {
                        media.close();
                    }
                    String::new()
                }
                Some("OPTIONS" | "CANCEL") => String::new(),
                _ => continue,
            };
            let answer = ok(&text, socket.local_addr().ok(), &body);
            let _ = socket.send_to(answer.as_bytes(), from).await;
        }
    }

    /// The port of a call's audio: of a new call, or of the one that is asked again.
    async fn take(&self, invite: &str) -> Option<u16> {
        let id = header(invite, "Call-ID:").to_owned();
        if let Some(media) = whole(&self.calls).get(&id) {
            return Some(media.local().port());
        }
        let line = |name| invite.lines().find_map(move |line| line.strip_prefix(name));
        let theirs = line("m=audio ")?.split(' ').next()?.parse().ok()?;
        let address = line("c=IN IP4 ")?.trim().parse::<Ipv4Addr>().ok()?;
        let media = Media::open(Ipv4Addr::LOCALHOST.into()).await.ok()?;
        let to = SocketAddr::new(address.into(), theirs);
        media.aim(Some(Aim { to, codec: Codec::Pcmu, telephone_event: None, sends: true }));
        media.sound(Sound::Tone(self.hz));
        let port = media.local().port();
        whole(&self.invites).push(invite.to_owned());
        whole(&self.calls).insert(id, media);
        Some(port)
    }
}

fn header<'a>(message: &'a str, name: &str) -> &'a str {
    message.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim()
}

fn description(port: u16) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n\
         a=rtpmap:0 PCMU/8000\r\n"
    )
}

/// 200 to a request; one tag serves every call, since each has a Call-ID of its own.
fn ok(request: &str, own: Option<SocketAddr>, body: &str) -> String {
    let tagged = |line: &str| match line.starts_with("To:") && !line.contains(";tag=") {
        true => format!("{line};tag=far\r\n"),
        false => format!("{line}\r\n"),
    };
    let head = request.lines().take_while(|line| !line.is_empty());
    let repeated: String =
        head.filter(|line| REPEATED.iter().any(|name| line.starts_with(name))).map(tagged).collect();
    let contact = own.map(|own| format!("Contact: <sip:{own}>\r\n")).unwrap_or_default();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!("SIP/2.0 200 OK\r\n{repeated}{contact}{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}
