//! A socket whose packets are taken and forgotten, until the program ends.

use std::net::{SocketAddr, UdpSocket};
use std::thread;

use super::Outcome;

/// Its address.
pub fn sink() -> Outcome<SocketAddr> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let address = socket.local_addr()?;
    thread::spawn(move || {
        let mut buffer = [0; 2_048];
        while socket.recv(&mut buffer).is_ok() {}
    });
    Ok(address)
}
