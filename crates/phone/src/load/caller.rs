//! The signalling of a load run: one socket, one task, one row per call.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rtp_rs::{RtpPacketBuilder, Seq};
use tokio::net::UdpSocket;
use tokio::time::MissedTickBehavior;

use super::listener::Listeners;
use super::message::{Dialog, Message, Start};
use super::{LoadPlan, LoadSummary};
use crate::audio::{Codec, FRAME_SAMPLES};
use crate::error::PhoneError;
use crate::hearing::Lateness;
use crate::sdp::Description;
use crate::wire;

/// T1 and 64 × T1 of RFC 3261 §17.1.1.2.
const T1: Duration = Duration::from_millis(500);
const TIMER_B: Duration = Duration::from_secs(32);
/// How long hanging up may take before the rest of the calls is given up.
const GOODBYE: Duration = Duration::from_secs(5);
/// Repetitions and phases are looked at this often.
const TICK: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// INVITE sent and not finally answered; repeated while `repeats`.
    Calling {
        repeats: bool,
    },
    Talking,
    /// BYE sent.
    Leaving,
    /// Refused, unanswered or hung up.
    Over,
}

struct Row {
    call_id: String,
    stage: Stage,
    sent_at: Instant,
    repeat_at: Instant,
    interval: Duration,
    /// To with their tag, and their Contact, once known.
    to: String,
    target: String,
    media: Option<SocketAddr>,
    /// Of INVITE or BYE, whichever waits.
    request: String,
}

/// Where each call's audio goes, shared with the task that speaks.
type Targets = Arc<Mutex<Vec<Option<SocketAddr>>>>;

struct Load {
    plan: LoadPlan,
    run: String,
    socket: UdpSocket,
    local: SocketAddr,
    listeners: Listeners,
    rows: Vec<Row>,
    targets: Targets,
    answer_us: Vec<u32>,
    summary: LoadSummary,
}

/// Where the run is.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Placing,
    Holding { until: Instant },
    Leaving { until: Instant },
}

pub async fn place_all(plan: LoadPlan) -> Result<LoadSummary, PhoneError> {
    let local_ip = plan.local;
    let bind = async {
        let socket = UdpSocket::bind((local_ip, 0)).await?;
        let local = socket.local_addr()?;
        Ok((socket, local))
    };
    let (socket, local) = bind.await.map_err(|source| PhoneError::Bind { local: local_ip, source })?;
    let listeners = Listeners::open(plan.local, plan.sockets).await?;
    let targets = Targets::new(Mutex::new(vec![None; plan.calls]));
    let speaking = plan.speaks.then(|| tokio::spawn(speak(listeners.sockets.clone(), Arc::clone(&targets))));
    let load = Load {
        run: wire::token()?,
        socket,
        local,
        listeners,
        rows: Vec::with_capacity(plan.calls),
        targets,
        answer_us: Vec::new(),
        summary: LoadSummary::default(),
        plan,
    };
    let summary = load.run().await;
    if let Some(speaking) = speaking {
        speaking.abort();
    }
    Ok(summary)
}

impl Load {
    async fn run(mut self) -> LoadSummary {
        let start = Instant::now();
        let mut phase = Phase::Placing;
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut buffer = vec![0; 65_535];
        loop {
            tokio::select! {
                biased;
                Ok((length, _)) = self.socket.recv_from(&mut buffer) => {
                    if let Some(message) = buffer.get(..length).and_then(Message::read) {
                        self.on_message(Instant::now(), &message);
                    }
                }
                _ = ticks.tick() => {
                    let now = Instant::now();
                    self.repeat(now);
                    match self.step(now, start, phase) {
                        Some(next) => phase = next,
                        None => break,
                    }
                }
            }
        }
        self.finish().await
    }

    /// The phase after this tick; nothing when the run is over.
    fn step(&mut self, now: Instant, start: Instant, phase: Phase) -> Option<Phase> {
        match phase {
            Phase::Placing => {
                let due = (now - start).as_secs_f64() * self.plan.calls_per_sec;
                while self.rows.len() < self.plan.calls && (self.rows.len() as f64) <= due {
                    self.place(now);
                }
                let are_all_placed = self.rows.len() == self.plan.calls;
                let is_settled = !self.rows.iter().any(|r| matches!(r.stage, Stage::Calling { .. }));
                if are_all_placed && is_settled {
                    self.listeners.measure(true);
                    return Some(Phase::Holding { until: now + self.plan.hold });
                }
            }
            Phase::Holding { until } if now >= until => {
                self.listeners.measure(false);
                for index in 0..self.rows.len() {
                    self.hang_up(now, index);
                }
                return Some(Phase::Leaving { until: now + GOODBYE });
            }
            Phase::Leaving { until } if now >= until || self.rows.iter().all(|r| r.stage == Stage::Over) => {
                return None;
            }
            Phase::Holding { .. } | Phase::Leaving { .. } => {}
        }
        Some(phase)
    }

    fn place(&mut self, now: Instant) {
        let index = self.rows.len();
        let call_id = format!("{}-{index}", self.run);
        let request = self.dialog(&call_id).invite(&self.offer(index));
        self.send(&request);
        self.summary.placed += 1;
        self.rows.push(Row {
            call_id,
            stage: Stage::Calling { repeats: true },
            sent_at: now,
            repeat_at: now + T1,
            interval: T1,
            to: format!("<sip:{}@{}>", self.plan.number, self.plan.server),
            target: format!("sip:{}@{}", self.plan.number, self.plan.server),
            media: None,
            request,
        });
    }

    fn hang_up(&mut self, now: Instant, index: usize) {
        let Some(row) = self.rows.get(index).filter(|r| r.stage == Stage::Talking) else { return };
        let request = self.dialog(&row.call_id).bye(&row.target, &row.to);
        self.send(&request);
        if let Some(row) = self.rows.get_mut(index) {
            row.stage = Stage::Leaving;
            (row.sent_at, row.repeat_at, row.interval) = (now, now + T1, T1);
            row.request = request;
        }
        self.aim(index, None);
    }

    fn repeat(&mut self, now: Instant) {
        let mut unanswered = 0;
        let server = self.plan.server;
        for row in &mut self.rows {
            let repeats = matches!(row.stage, Stage::Calling { repeats: true } | Stage::Leaving);
            if matches!(row.stage, Stage::Calling { .. }) && now > row.sent_at + TIMER_B {
                row.stage = Stage::Over;
                unanswered += 1;
            } else if repeats && now >= row.repeat_at {
                row.interval *= 2;
                row.repeat_at = now + row.interval;
                // A full buffer is a lost datagram: the next repetition is for that.
                _ = self.socket.try_send_to(row.request.as_bytes(), server);
            }
        }
        self.summary.unanswered += unanswered;
    }

    fn on_message(&mut self, now: Instant, message: &Message<'_>) {
        let of_this_run = message.call_id.strip_prefix(&self.run).and_then(|rest| rest.strip_prefix('-'));
        let Some(index) = of_this_run.and_then(|i| i.parse().ok()) else { return };
        match message.start {
            Start::Response(status) => self.on_response(now, index, status, message),
            Start::Request("ACK") => {}
            Start::Request(method) => {
                let sdp = matches!(method, "INVITE" | "UPDATE").then(|| self.offer(index));
                self.send(&message.agree(sdp.as_deref()));
                if method == "BYE" {
                    self.on_bye(index);
                }
            }
        }
    }

    fn on_bye(&mut self, index: usize) {
        let Some(row) = self.rows.get_mut(index) else { return };
        if row.stage == Stage::Talking {
            self.summary.ended_early += 1;
        }
        row.stage = Stage::Over;
        self.aim(index, None);
    }

    fn on_response(&mut self, now: Instant, index: usize, status: u16, message: &Message<'_>) {
        let Some(row) = self.rows.get_mut(index) else { return };
        match (message.method, status, row.stage) {
            ("INVITE", 100..=199, Stage::Calling { .. }) => row.stage = Stage::Calling { repeats: false },
            ("INVITE", 200..=299, stage) => {
                message.to.clone_into(&mut row.to);
                if let Some(contact) = message.contact {
                    contact.clone_into(&mut row.target);
                }
                if matches!(stage, Stage::Calling { .. }) {
                    row.stage = Stage::Talking;
                    row.media = message.media;
                    self.answer_us.push((now - row.sent_at).as_micros() as u32);
                    self.summary.answered += 1;
                    self.aim(index, message.media);
                }
                self.acknowledge(index, false);
            }
            ("INVITE", 300.., stage) => {
                message.to.clone_into(&mut row.to);
                if matches!(stage, Stage::Calling { .. }) {
                    row.stage = Stage::Over;
                    *self.summary.refused.entry(status).or_default() += 1;
                }
                self.acknowledge(index, true);
            }
            ("BYE", 200.., Stage::Leaving) => row.stage = Stage::Over,
            _ => {}
        }
    }

    fn acknowledge(&self, index: usize, is_refusal: bool) {
        if let Some(row) = self.rows.get(index) {
            self.send(&self.dialog(&row.call_id).ack(&row.target, &row.to, is_refusal));
        }
    }

    fn aim(&self, index: usize, media: Option<SocketAddr>) {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = targets.get_mut(index) {
            *target = media;
        }
    }

    fn dialog<'a>(&'a self, call_id: &'a str) -> Dialog<'a> {
        Dialog { number: &self.plan.number, server: self.plan.server, local: self.local, call_id }
    }

    fn offer(&self, index: usize) -> String {
        let addresses = &self.listeners.addresses;
        let address = addresses.get(index % addresses.len()).copied().unwrap_or(self.local);
        Description::offer(address, &[Codec::Pcmu]).write(1, 1)
    }

    fn send(&self, text: &str) {
        // A full buffer is a lost datagram, which the timers repeat.
        _ = self.socket.try_send_to(text.as_bytes(), self.plan.server);
    }

    async fn finish(self) -> LoadSummary {
        let Self { listeners, rows, answer_us, mut summary, .. } = self;
        let heard = listeners.finish().await;
        summary.heard =
            rows.iter().filter(|r| r.media.is_some_and(|media| heard.sources.contains(&media))).count();
        summary.packets_lost = heard.lost;
        summary.lateness = heard.lateness();
        let answer = Lateness::of(answer_us);
        summary.answer_p50_us = answer.p50_us;
        summary.answer_p99_us = answer.p99_us;
        summary.answer_max_us = answer.max_us;
        summary
    }
}

/// The packets are spread over this many slots of each 20 ms.
const SLOTS: usize = 20;

/// Sends silence for every call that has somewhere to send it, until aborted.
async fn speak(sockets: Vec<Arc<UdpSocket>>, targets: Targets) {
    let payload = [Codec::Pcmu.encode(0); FRAME_SAMPLES];
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    // Late slots are made up for, so that the rate stays 50 per second.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for slot in 0_u32.. {
        ticks.tick().await;
        let frame = slot / SLOTS as u32;
        let targets = targets.lock().unwrap_or_else(PoisonError::into_inner);
        let due = targets.iter().enumerate().skip(slot as usize % SLOTS).step_by(SLOTS);
        for (call, to) in due.filter_map(|(call, to)| Some((call, (*to)?))) {
            let packet = RtpPacketBuilder::new()
                .payload_type(Codec::Pcmu.payload_type())
                .sequence(Seq::from(frame as u16))
                .timestamp(frame.wrapping_mul(FRAME_SAMPLES as u32))
                .ssrc(call as u32)
                .payload(&payload)
                .build();
            if let (Ok(packet), Some(socket)) = (packet, sockets.get(call % sockets.len())) {
                _ = socket.try_send_to(&packet, to);
            }
        }
    }
}
