//! One media thread: the sockets of its ports, and the 20 ms grid their packets leave on.
//!
//! It only moves packets between sockets and its [`Shard`], which decides everything about them.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use media::{Command, Event, PacketBatch, PortId, Shard, Slot};
use mio::{Events, Interest, Poll, Token, Waker};
use primitives::Seed;

use crate::driver::inbox::{Inbox, Message};
use crate::driver::recorder::Recorder;
use crate::metrics::Metrics;

/// Commands waiting for one media thread. At 8,192 it is more than a second behind, and another call would
/// only make the calls it already carries worse.
const COMMANDS_MAX: usize = 8_192;

/// Packets read from one socket before the others have their turn.
const PACKETS_PER_TURN_MAX: usize = 64;

/// An RTP packet of a telephone fits an Ethernet frame; what is longer is cut and refused by the shard.
const PACKET_BYTES_MAX: usize = 1_500;

/// Ticks made up for after the thread was held up. What lies further back is left out: a burst of old audio
/// would only fill the far end's jitter buffer.
const CATCH_UP_TICKS_MAX: u64 = 60;

const WAKE: Token = Token(usize::MAX);

/// The other end of a media thread.
#[derive(Clone, Debug)]
pub struct MediaThread {
    commands: SyncSender<Command>,
    waker: Arc<Waker>,
}

impl MediaThread {
    /// Hands a command over. `false`: the thread is too far behind, or gone.
    pub fn send(&self, command: Command) -> bool {
        match self.commands.try_send(command) {
            Ok(()) => self.waker.wake().is_ok(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

/// Starts one media thread. It ends when every [`MediaThread`] to it is gone.
pub fn start(
    number: u16,
    seed: Seed,
    inbox: Inbox,
    recorder: Recorder,
    metrics: Arc<Metrics>,
) -> io::Result<(MediaThread, JoinHandle<()>)> {
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
    let (commands, received) = sync_channel(COMMANDS_MAX);
    let thread = Thread {
        poll,
        commands: received,
        shard: Shard::new(seed),
        sockets: HashMap::new(),
        again: Vec::new(),
        packets: PacketBatch::default(),
        events: Vec::new(),
        is_end_handed: false,
        inbox,
        recorder,
        metrics,
    };
    let handle = thread::Builder::new().name(format!("media-{number}")).spawn(move || thread.run())?;
    Ok((MediaThread { commands, waker }, handle))
}

struct Thread {
    poll: Poll,
    commands: Receiver<Command>,
    shard: Shard,
    sockets: HashMap<PortId, mio::net::UdpSocket>,
    /// Ports whose sockets may hold more than one turn's packets.
    again: Vec<PortId>,
    packets: PacketBatch,
    events: Vec<Event>,
    /// The first event that waits for the inbox is the end of a recording, and the recorder has it.
    is_end_handed: bool,
    inbox: Inbox,
    recorder: Recorder,
    metrics: Arc<Metrics>,
}

impl Thread {
    /// A tick is a millisecond: one slot of the 20 ms.
    fn run(mut self) {
        let start = Instant::now();
        let mut tick = 0_u64;
        let mut ready = Events::with_capacity(1_024);
        loop {
            let due = start + Duration::from_millis(tick);
            let wait = if self.again.is_empty() {
                due.saturating_duration_since(Instant::now())
            } else {
                Duration::ZERO
            };
            if let Err(error) = self.poll.poll(&mut ready, Some(wait))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "a media thread cannot wait for its sockets");
                return;
            }
            if !self.take_commands() {
                return;
            }
            let mut readable = std::mem::take(&mut self.again);
            readable.extend(
                ready
                    .iter()
                    .filter(|event| event.token() != WAKE)
                    .map(|event| PortId(event.token().0 as u64)),
            );
            // A port that both has more and was reported has one turn, not two.
            readable.sort_unstable();
            readable.dedup();
            for port in readable {
                self.read(port);
            }
            tick = self.ticks(start, tick);
            self.report();
        }
    }

    /// Hands events over; what the signalling thread has no room for waits for the next turn, in order.
    fn report(&mut self) {
        let mut handed = 0;
        for event in &self.events {
            match event {
                Event::Recorded { .. } => {
                    self.recorder.media(event.clone());
                    handed += 1;
                    continue;
                }
                // First to the disk: whoever leads the call may ask for it at once.
                Event::RecordingEnded { .. } if !self.is_end_handed => {
                    // Not lost as a second may be: a recording has one end.
                    if !self.recorder.media(event.clone()) {
                        break;
                    }
                    self.is_end_handed = true;
                }
                _ => {}
            }
            if !self.inbox.send(Message::Media(event.clone())) {
                self.metrics.media_events_delayed.inc();
                break;
            }
            self.is_end_handed = false;
            if let Event::Closed { stats, .. } = event {
                self.metrics.leg_ended(stats);
            }
            handed += 1;
        }
        self.events.drain(..handed);
    }

    /// Sends every tick that is due and says which is next.
    fn ticks(&mut self, start: Instant, mut tick: u64) -> u64 {
        let now = Instant::now();
        let reached = u64::try_from(now.duration_since(start).as_millis()).unwrap_or(u64::MAX);
        if reached > tick + CATCH_UP_TICKS_MAX {
            self.metrics.media_ticks_lost.inc_by(reached - tick - CATCH_UP_TICKS_MAX);
            tick = reached - CATCH_UP_TICKS_MAX;
        }
        while tick <= reached {
            let due = start + Duration::from_millis(tick);
            self.metrics.media_tick_late.observe(now.saturating_duration_since(due).as_secs_f64());
            self.shard.tick(now, Slot::of_tick(tick), &mut self.packets, &mut self.events);
            self.send_packets();
            tick += 1;
        }
        tick
    }

    /// `false` when nobody can send commands any more.
    fn take_commands(&mut self) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.command(command),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn command(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Open { port, local } => match self.bind(port, local) {
                Ok(socket) => {
                    self.sockets.insert(port, socket);
                    self.shard.command(now, command, &mut self.events);
                }
                Err(error) => {
                    tracing::warn!(%local, %error, "an RTP socket cannot be opened");
                    self.events.push(Event::OpenFailed { port });
                }
            },
            Command::Close { port } => {
                self.shard.command(now, command, &mut self.events);
                if let Some(mut socket) = self.sockets.remove(&port)
                    && let Err(error) = self.poll.registry().deregister(&mut socket)
                {
                    tracing::warn!(%error, "an RTP socket cannot be given up");
                }
            }
            other => self.shard.command(now, other, &mut self.events),
        }
    }

    fn bind(&self, port: PortId, local: SocketAddr) -> io::Result<mio::net::UdpSocket> {
        let socket = UdpSocket::bind(local)?;
        socket.set_nonblocking(true)?;
        let mut socket = mio::net::UdpSocket::from_std(socket);
        let token = Token(usize::try_from(port.0).map_err(io::Error::other)?);
        self.poll.registry().register(&mut socket, token, Interest::READABLE)?;
        Ok(socket)
    }

    fn read(&mut self, port: PortId) {
        let mut buffer = [0; PACKET_BYTES_MAX];
        for _ in 0..PACKETS_PER_TURN_MAX {
            let Some(socket) = self.sockets.get(&port) else { return };
            match socket.recv_from(&mut buffer) {
                Ok((length, from)) => {
                    let packet = buffer.get_mut(..length).unwrap_or_default();
                    let now = Instant::now();
                    self.shard.receive(now, port, from, packet, &mut self.packets, &mut self.events);
                    self.send_packets();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The far end's port is closed (ICMP): what matters of it is seen as silence.
                Err(_) => {}
            }
        }
        self.again.push(port);
    }

    fn send_packets(&mut self) {
        let mut sent = 0;
        for (outgoing, bytes) in self.packets.iter() {
            if let Some(socket) = self.sockets.get(&outgoing.port)
                && socket.send_to(bytes, outgoing.to).is_ok()
            {
                sent += 1;
            }
        }
        if sent > 0 {
            self.metrics.rtp_packets_sent.inc_by(sent);
        }
        self.packets.clear();
    }
}
