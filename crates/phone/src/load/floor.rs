//! The floor: one plain thread, one `send` per packet, nothing else.

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use rtp_rs::{RtpPacketBuilder, Seq};

use super::listener::Listeners;
use super::{LOAD_CALLS_MAX, LOAD_SOCKETS_MAX, on_one_core};
use crate::audio::{Codec, FRAME_SAMPLES};
use crate::error::PhoneError;
use crate::hearing::Lateness;
use crate::media::FRAME;

/// The packets are spread over this many slots of each 20 ms, as a server does it.
const SLOTS: u32 = 20;

/// How much to send.
#[derive(Clone, Debug)]
pub struct FloorPlan {
    /// Streams of 50 packets per second.
    pub calls: usize,
    /// For how long.
    pub hold: Duration,
    /// Listening sockets.
    pub sockets: usize,
    /// Address of all sockets.
    pub local: IpAddr,
}

impl FloorPlan {
    /// This many streams for 10 s to 8 sockets, the defaults of a [`super::LoadPlan`].
    pub fn new(calls: usize) -> Self {
        Self { calls, hold: Duration::from_secs(10), sockets: 8, local: IpAddr::V4(Ipv4Addr::LOCALHOST) }
    }
}

/// What the machine does at best.
#[derive(Clone, Copy, Debug, Default)]
pub struct FloorSummary {
    /// How late the packets came.
    pub lateness: Lateness,
    /// Packets that did not come.
    pub packets_lost: u64,
    /// Processor time of the sending thread per packet, in microseconds, where the system tells it.
    pub cpu_us_per_packet: Option<f64>,
}

impl fmt::Display for FloorSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} lost", self.lateness, self.packets_lost)?;
        match self.cpu_us_per_packet {
            Some(cpu) => write!(f, ", {cpu:.2} us of processor per packet"),
            None => Ok(()),
        }
    }
}

/// Sends and listens; takes `hold`.
pub fn floor(plan: FloorPlan) -> Result<FloorSummary, PhoneError> {
    if plan.calls == 0 || plan.calls > LOAD_CALLS_MAX || plan.sockets == 0 || plan.sockets > LOAD_SOCKETS_MAX
    {
        return Err(PhoneError::Unavailable { calls: LOAD_CALLS_MAX });
    }
    on_one_core(plan.local, move || measure(plan))
}

async fn measure(plan: FloorPlan) -> Result<FloorSummary, PhoneError> {
    let listeners = Listeners::open(plan.local, plan.sockets).await?;
    listeners.measure(true);
    let addresses = listeners.addresses.clone();
    let sender = tokio::task::spawn_blocking(move || send_all(&plan, &addresses));
    let sent = sender.await.unwrap_or(Err(PhoneError::Unavailable { calls: LOAD_CALLS_MAX }))?;
    let heard = listeners.finish().await;
    let packets_lost = heard.lost;
    let lateness = heard.lateness();
    let cpu_us_per_packet = sent.cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / sent.packets.max(1) as f64);
    Ok(FloorSummary { lateness, packets_lost, cpu_us_per_packet })
}

struct Sent {
    packets: u64,
    cpu: Option<Duration>,
}

fn send_all(plan: &FloorPlan, listeners: &[SocketAddr]) -> Result<Sent, PhoneError> {
    let local = plan.local;
    let connect = |to: &SocketAddr| {
        let socket = UdpSocket::bind((local, 0))?;
        socket.connect(to)?;
        Ok(socket)
    };
    let sockets: Vec<UdpSocket> = listeners
        .iter()
        .map(connect)
        .collect::<Result<_, _>>()
        .map_err(|source| PhoneError::Bind { local, source })?;
    let payload = [Codec::Pcmu.encode(0); FRAME_SAMPLES];
    let (start, before) = (Instant::now(), cpu_of_thread());
    let (mut packets, mut frame) = (0, 0_u32);
    while start.elapsed() < plan.hold {
        for slot in 0..SLOTS {
            let due = start + FRAME * frame + FRAME / SLOTS * slot;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            for call in (slot as usize..plan.calls).step_by(SLOTS as usize) {
                let packet = RtpPacketBuilder::new()
                    .payload_type(Codec::Pcmu.payload_type())
                    .marked(frame == 0)
                    .sequence(Seq::from(frame as u16))
                    .timestamp(frame.wrapping_mul(FRAME_SAMPLES as u32))
                    .ssrc(call as u32)
                    .payload(&payload)
                    .build();
                if let (Ok(packet), Some(socket)) = (packet, sockets.get(call % sockets.len())) {
                    // A full buffer is a lost packet, and shows as one.
                    _ = socket.send(&packet);
                    packets += 1;
                }
            }
        }
        frame += 1;
    }
    let cpu = before.zip(cpu_of_thread()).map(|(before, after)| after.saturating_sub(before));
    Ok(Sent { packets, cpu })
}

/// Time this thread ran, where Linux keeps scheduler statistics.
fn cpu_of_thread() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
