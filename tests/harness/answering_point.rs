//! A public safety answering point: a SIP listener of its own that answers one call and keeps its INVITE.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use phone::{Aim, Codec, Media};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::trouble::Trouble;

/// The longest datagram there is.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// An answering point.
pub struct AnsweringPoint {
    socket: UdpSocket,
    media: Media,
}

impl AnsweringPoint {
    /// Opens its sockets.
    pub async fn open() -> Result<Self, Trouble> {
        Self::open_at(Ipv4Addr::LOCALHOST).await
    }

    /// The same at an address of its own.
    pub async fn open_at(ip: Ipv4Addr) -> Result<Self, Trouble> {
        let socket = UdpSocket::bind((ip, 0)).await.map_err(Trouble::new)?;
        let ip = socket.local_addr().map_err(Trouble::new)?.ip();
        Ok(Self { socket, media: Media::open(ip).await.map_err(Trouble::new)? })
    }

    /// Where it is called.
    pub fn address(&self) -> Result<SocketAddr, Trouble> {
        self.socket.local_addr().map_err(Trouble::new)
    }

    /// Its voice and ear.
    pub fn media(&self) -> &Media {
        &self.media
    }

    async fn receive(&self, within: Duration) -> Result<(String, SocketAddr), Trouble> {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        let (length, from) = timeout(within, self.socket.recv_from(&mut buffer))
            .await
            .map_err(|_| Trouble::new("the answering point was sent nothing"))?
            .map_err(Trouble::new)?;
        let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
        Ok((text, from))
    }

    /// Waits for a request of this method and says from where it came.
    pub async fn request(&self, method: &str, within: Duration) -> Result<(String, SocketAddr), Trouble> {
        loop {
            let (text, from) = self.receive(within).await?;
            if text.split(' ').next() == Some(method) {
                return Ok((text, from));
            }
        }
    }

    /// Rings, answers, and waits for the ACK.
    pub async fn answer(&self, invite: &str, to: SocketAddr) -> Result<(), Trouble> {
        let port = self.media.local().port();
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n\
             a=rtpmap:101 telephone-event/8000\r\n",
            ip = self.media.local().ip(),
        );
        let line = |name| invite.lines().find_map(move |line| line.strip_prefix(name));
        let theirs = line("m=audio ").and_then(|audio| audio.split(' ').next()?.parse().ok());
        let theirs = theirs.ok_or_else(|| Trouble::new("the INVITE offers no audio"))?;
        let address = line("c=IN IP4 ").and_then(|address| address.trim().parse::<Ipv4Addr>().ok());
        let address = address.ok_or_else(|| Trouble::new("the INVITE says no address"))?;
        let aim = Aim {
            to: SocketAddr::new(address.into(), theirs),
            codec: Codec::Pcmu,
            telephone_event: Some(101),
            sends: true,
        };
        self.media.aim(Some(aim));
        self.respond(invite, to, "180 Ringing", "").await?;
        self.respond(invite, to, "200 OK", &sdp).await?;
        self.request("ACK", Duration::from_secs(5)).await.map(|_| ())
    }

    /// Answers a request with this.
    pub async fn respond(
        &self,
        request: &str,
        to: SocketAddr,
        status: &str,
        sdp: &str,
    ) -> Result<(), Trouble> {
        let line = |name: &str| request.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        let kind = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let tag = if line("To:").contains(";tag=") { "" } else { ";tag=help" };
        let text = format!(
            "SIP/2.0 {status}\r\n{}\r\n{}\r\n{}{tag}\r\n{}\r\n{}\r\nContact: <sip:help@{}>\r\n{kind}\
             Content-Length: {}\r\n\r\n{sdp}",
            line("Via:"),
            line("From:"),
            line("To:"),
            line("Call-ID:"),
            line("CSeq:"),
            self.address()?,
            sdp.len()
        );
        self.socket.send_to(text.as_bytes(), to).await.map(|_| ()).map_err(Trouble::new)
    }
}
