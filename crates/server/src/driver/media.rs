//! One media thread: the sockets of its ports, and the 20 ms grid their packets leave on.
//!
//! It only moves packets between sockets and its [`Shard`], which decides everything about them.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use media::{Command, Event, PacketBatch, Shard, Slot};
use primitives::Seed;

use crate::config::PacketsBy;
use crate::driver::inbox::{Inbox, Message};
use crate::driver::packets::{Packets, Waker};
use crate::driver::recorder::Recorder;
use crate::metrics::Metrics;

/// Commands waiting for one media thread. At 8,192 it is more than a second behind, and another call would
/// only make the calls it already carries worse.
const COMMANDS_MAX: usize = 8_192;

/// Ticks made up for after the thread was held up. What lies further back is left out: a burst of old audio
/// would only fill the far end's jitter buffer.
const CATCH_UP_TICKS_MAX: u64 = 60;

/// The other end of a media thread.
#[derive(Clone, Debug)]
pub struct MediaThread {
    commands: SyncSender<Command>,
    waker: Waker,
}

impl MediaThread {
    /// Hands a command over. `false`: the thread is too far behind, or gone.
    pub fn send(&self, command: Command) -> bool {
        match self.commands.try_send(command) {
            Ok(()) => self.waker.wake(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

/// Starts one media thread. It ends when every [`MediaThread`] to it is gone.
pub fn start(
    number: u16,
    by: PacketsBy,
    seed: Seed,
    inbox: Inbox,
    recorder: Recorder,
    metrics: Arc<Metrics>,
) -> io::Result<(MediaThread, JoinHandle<()>)> {
    let (commands, received) = sync_channel(COMMANDS_MAX);
    let (made, result) = sync_channel(1);
    let run = move || {
        let packets = match Packets::new(by) {
            Ok((packets, waker)) => {
                _ = made.send(Ok((waker, packets.name())));
                packets
            }
            Err(error) => {
                _ = made.send(Err(error));
                return;
            }
        };
        let thread = Thread {
            packets,
            commands: received,
            shard: Shard::new(seed),
            batch: PacketBatch::default(),
            events: Vec::new(),
            is_end_handed: false,
            inbox,
            recorder,
            metrics,
        };
        thread.run();
    };
    let handle = thread::Builder::new().name(format!("media-{number}")).spawn(run)?;
    let (waker, name) = result.recv().map_err(io::Error::other)??;
    tracing::info!(thread = number, by = name, "packets get in and out");
    Ok((MediaThread { commands, waker }, handle))
}

struct Thread {
    packets: Packets,
    commands: Receiver<Command>,
    shard: Shard,
    /// What goes out next.
    batch: PacketBatch,
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
        loop {
            let due = start + Duration::from_millis(tick);
            let Self { packets, shard, batch, events, .. } = &mut self;
            let waited = packets.wait(due, |port, from, packet| {
                shard.receive(Instant::now(), port, from, packet, batch, events);
            });
            if let Err(error) = waited {
                tracing::error!(%error, "a media thread cannot wait for its sockets");
                return;
            }
            self.send_packets();
            if !self.take_commands() {
                return;
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
            self.shard.tick(now, Slot::of_tick(tick), &mut self.batch, &mut self.events);
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
            Command::Open { port, local } => {
                match UdpSocket::bind(local).and_then(|socket| self.packets.open(port, socket)) {
                    Ok(()) => self.shard.command(now, command, &mut self.events),
                    Err(error) => {
                        tracing::warn!(%local, %error, "an RTP socket cannot be opened");
                        self.events.push(Event::OpenFailed { port });
                    }
                }
            }
            Command::Close { port } => {
                self.shard.command(now, command, &mut self.events);
                if let Err(error) = self.packets.close(port) {
                    tracing::warn!(%error, "an RTP socket cannot be given up");
                }
            }
            other => self.shard.command(now, other, &mut self.events),
        }
    }

    fn send_packets(&mut self) {
        if !self.batch.is_empty() {
            self.metrics.rtp_packets_sent.inc_by(self.packets.send(&self.batch));
            self.batch.clear();
        }
    }
}
