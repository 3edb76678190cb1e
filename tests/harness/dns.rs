//! A name server of one zone on 127.0.0.1, written out by hand (RFC 1035): what careline asks and hears does not
//! pass through the library it asks with.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::trouble::Trouble;

const A: u16 = 1;
const SRV: u16 = 33;
const NAPTR: u16 = 35;

/// How long an answer may be kept, in seconds.
const TTL: u32 = 60;
/// No such name.
const NXDOMAIN: u8 = 3;

/// What a name has.
#[derive(Clone, Debug)]
pub enum Record {
    /// An address.
    A(Ipv4Addr),
    /// A server: priority, weight, port and name.
    Srv(u16, u16, u16, &'static str),
    /// A way to serve: order, preference, service (`SIP+D2U`) and the name of its servers.
    Naptr(u16, u16, &'static str, &'static str),
}

/// A running name server; it ends when dropped.
pub struct Dns {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Dns {
    /// Serves these names, and says of any other that it does not exist.
    pub async fn serve(zone: Vec<(&'static str, Record)>) -> Result<Self, Trouble> {
        Self::start(Some(zone)).await
    }

    /// Takes every question and answers none.
    pub async fn silent() -> Result<Self, Trouble> {
        Self::start(None).await
    }

    async fn start(zone: Option<Vec<(&'static str, Record)>>) -> Result<Self, Trouble> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Trouble::new)?;
        let address = socket.local_addr().map_err(Trouble::new)?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            let mut question = [0; 1_024];
            while let Ok((length, from)) = socket.recv_from(&mut question).await {
                let Some((name, kind, end)) = question.get(..length).and_then(read) else { continue };
                heard
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(format!("{} {name}", kind_name(kind)));
                if let (Some(zone), Some(bytes)) = (&zone, question.get(..end)) {
                    // A question that is lost is asked again.
                    let _ = socket.send_to(&answer(zone, bytes, &name, kind), from).await;
                }
            }
        });
        Ok(Self { address, asked, serving })
    }

    /// Lines for `careline.yaml`: it alone is asked, and this long.
    pub fn configuration(&self, lookup_ms_max: u32) -> String {
        format!("dns: {{ servers: [\"{}\"], lookup_ms_max: {lookup_ms_max} }}\n", self.address)
    }

    /// What it was asked so far, `SRV _sip._udp.carrier.example`.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn kind_name(kind: u16) -> &'static str {
    match kind {
        A => "A",
        SRV => "SRV",
        NAPTR => "NAPTR",
        _ => "other",
    }
}

/// The one question of a message: its name in lower case, its type, and where it ends.
fn read(message: &[u8]) -> Option<(String, u16, usize)> {
    let mut at = 12;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(message.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]);
    Some((labels.join("."), kind, at + 4))
}

/// The answer to a question, whose header and name it repeats.
fn answer(zone: &[(&'static str, Record)], question: &[u8], name: &str, kind: u16) -> Vec<u8> {
    let of_name = || zone.iter().filter(|(own, _)| *own == name);
    let data: Vec<Vec<u8>> =
        of_name().filter(|(_, record)| record.kind() == kind).map(|(_, it)| it.data()).collect();
    let code = if of_name().next().is_none() { NXDOMAIN } else { 0 };
    let count = u16::try_from(data.len()).unwrap_or_default();
    let mut message = question.get(..2).unwrap_or_default().to_vec();
    // An answer with authority, recursion asked for and available; one question, no authority, nothing more.
    message.extend([0x85, 0x80 | code, 0, 1]);
    message.extend(count.to_be_bytes());
    message.extend([0; 4]);
    message.extend(question.get(12..).unwrap_or_default());
    for data in data {
        // The name of the question, at byte 12.
        message.extend([0xc0, 12]);
        message.extend(kind.to_be_bytes());
        message.extend([0, 1]);
        message.extend(TTL.to_be_bytes());
        message.extend(u16::try_from(data.len()).unwrap_or_default().to_be_bytes());
        message.extend(data);
    }
    message
}

impl Record {
    fn kind(&self) -> u16 {
        match self {
            Self::A(_) => A,
            Self::Srv(..) => SRV,
            Self::Naptr(..) => NAPTR,
        }
    }

    fn data(&self) -> Vec<u8> {
        match self {
            Self::A(address) => address.octets().to_vec(),
            Self::Srv(priority, weight, port, host) => {
                let numbers = [priority, weight, port].map(|number| number.to_be_bytes()).concat();
                [numbers, name(host)].concat()
            }
            Self::Naptr(order, preference, service, replacement) => {
                let numbers = [order, preference].map(|number| number.to_be_bytes()).concat();
                [numbers, text("s"), text(service), text(""), name(replacement)].concat()
            }
        }
    }
}

fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap_or_default();
    [&[length], text.as_bytes()].concat()
}

fn name(name: &str) -> Vec<u8> {
    let mut wire: Vec<u8> = name.split('.').flat_map(text).collect();
    wire.push(0);
    wire
}
