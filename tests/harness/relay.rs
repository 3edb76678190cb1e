//! A wire between one old telephone and the server that takes the SHA-256 challenge away.
//!
//! Telephones older than RFC 8760 (baresip 1 and sipp 3.6 of Debian among them) look at the first challenge
//! only and give up when it is not MD5, although the RFC tells them to take the first they know. With this
//! in between they still prove everything else.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::trouble::Trouble;

/// The largest SIP datagram.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Runs until it is dropped.
pub struct Md5Relay {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Md5Relay {
    /// In front of this server.
    pub async fn start(server: SocketAddr) -> Result<Self, Trouble> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Trouble::new)?;
        let address = socket.local_addr().map_err(Trouble::new)?;
        Ok(Self { address, task: tokio::spawn(relay(socket, server)) })
    }

    /// What the telephone takes for its server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Md5Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(socket: UdpSocket, server: SocketAddr) {
    let mut phone = None;
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let datagram = buffer.get(..length).unwrap_or_default();
        // A lost datagram is sent again by whoever misses the answer.
        if from != server {
            phone = Some(from);
            _ = socket.send_to(datagram, server).await;
        } else if let Some(phone) = phone {
            _ = socket.send_to(&without_sha256(datagram), phone).await;
        }
    }
}

fn without_sha256(datagram: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(datagram);
    let is_kept = |line: &&str| !(line.starts_with("WWW-Authenticate:") && line.contains("SHA-256"));
    text.split_inclusive("\r\n").filter(is_kept).collect::<String>().into_bytes()
}
