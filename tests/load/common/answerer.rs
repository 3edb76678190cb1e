//! The floor of a call: a thread that answers with what it was sent, says goodbye at once, and does nothing else.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::thread;

use super::Outcome;
use super::processor::{pin_thread, this_thread};

/// Where it answers, and its thread in /proc.
pub struct BareAnswerer {
    pub address: SocketAddr,
    pub thread: String,
}

impl BareAnswerer {
    /// On the first core, as the server is.
    pub fn start() -> Outcome<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let address = socket.local_addr()?;
        let (found, thread) = mpsc::channel();
        thread::spawn(move || {
            let _ = found.send(this_thread().map_err(|error| error.to_string()));
            answer_all(&socket, address);
        });
        let (id, folder) = thread.recv()??;
        pin_thread(id, "0")?;
        Ok(Self { address, thread: folder })
    }
}

/// 200 to INVITE, BYE to its ACK.
fn answer_all(socket: &UdpSocket, local: SocketAddr) {
    let mut buffer = [0; 4_096];
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n",
        local.ip()
    );
    while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
        let Ok(text) = std::str::from_utf8(buffer.get(..length).unwrap_or_default()) else { continue };
        let kept = |names: &[&str]| {
            let lines = text.split("\r\n").take_while(|line| !line.is_empty());
            lines
                .filter(|line| names.iter().any(|name| line.starts_with(name)))
                .fold(String::new(), |all, line| all + line + "\r\n")
        };
        let answer = if text.starts_with("INVITE ") {
            let head = kept(&["Via:", "From:", "To:", "Call-ID:", "CSeq:"]).replacen(
                "\r\nCall-ID",
                ";tag=bare\r\nCall-ID",
                1,
            );
            format!(
                "SIP/2.0 200 OK\r\n{head}Contact: <sip:bare@{local}>\r\nContent-Type: application/sdp\r\n\
                 Content-Length: {}\r\n\r\n{sdp}",
                sdp.len()
            )
        } else if text.starts_with("ACK ") {
            let call = kept(&["Call-ID:"]);
            let ours = kept(&["To:"]).replacen("To:", "From:", 1);
            let theirs = kept(&["From:"]).replacen("From:", "To:", 1);
            format!(
                "BYE sip:load@{peer} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK-bare{}\r\nMax-Forwards: 70\r\n\
                 {ours}{theirs}{call}CSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
                call.trim_end().rsplit(' ').next().unwrap_or_default()
            )
        } else {
            continue;
        };
        if socket.send_to(answer.as_bytes(), peer).is_err() {
            return;
        }
    }
}
