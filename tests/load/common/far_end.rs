//! Who is called: answers every INVITE at once, and whatever else is asked, on a thread of its own.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::Outcome;
use super::callers::media;

/// A carrier's other end.
pub struct FarEnd {
    pub address: SocketAddr,
    /// Where each call wants to hear it, in the order they came.
    pub called_from: Arc<Mutex<Vec<SocketAddr>>>,
}

impl FarEnd {
    /// Hears on `audio`.
    pub fn start(audio: SocketAddr) -> Outcome<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let address = socket.local_addr()?;
        let called_from = Arc::<Mutex<Vec<SocketAddr>>>::default();
        let calls = Arc::clone(&called_from);
        thread::spawn(move || {
            let mut buffer = [0; 8_192];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                let Ok(text) = std::str::from_utf8(buffer.get(..length).unwrap_or_default()) else {
                    continue;
                };
                if text.starts_with("ACK ") || text.starts_with("SIP/2.0 ") {
                    continue;
                }
                let is_invite = text.starts_with("INVITE ");
                if let Some(from) = media(text).filter(|_| is_invite) {
                    calls.lock().unwrap_or_else(PoisonError::into_inner).push(from);
                }
                let _ = socket.send_to(agree(text, address, is_invite.then_some(audio)).as_bytes(), peer);
            }
        });
        Ok(Self { address, called_from })
    }
}

/// 200 to a request, with a description where one is wanted.
fn agree(request: &str, local: SocketAddr, audio: Option<SocketAddr>) -> String {
    let names = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
    let head = request.split("\r\n").take_while(|line| !line.is_empty());
    let head = head.filter(|line| names.iter().any(|name| line.starts_with(name))).fold(
        String::new(),
        |all, line| {
            let tag = if line.starts_with("To:") && !line.contains(";tag=") { ";tag=far" } else { "" };
            all + line + tag + "\r\n"
        },
    );
    let sdp = audio.map_or(String::new(), |audio| {
        format!(
            "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP 0 101\r\n\
             a=rtpmap:101 telephone-event/8000\r\n",
            audio.ip(),
            audio.port()
        )
    });
    let kind = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "SIP/2.0 200 OK\r\n{head}Contact: <sip:far@{local}>\r\n{kind}Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}
