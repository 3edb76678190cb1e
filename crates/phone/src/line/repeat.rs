//! Repetition over UDP by the timers of RFC 3261 (table 4).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// T1, the round-trip estimate.
const T1: Duration = Duration::from_millis(500);
/// T2, the longest interval of anything but an INVITE.
const T2: Duration = Duration::from_secs(4);
/// 64 × T1: Timers B, F and H, and how long answers are remembered (Timer J).
pub const TIMER_H: Duration = Duration::from_secs(32);
/// How long an INVITE may ring. Longer than any queue offers a call to one phone.
const TIMER_C: Duration = Duration::from_secs(180);

/// A message that goes out again until it is answered.
pub struct Repeat {
    pub bytes: Bytes,
    pub to: SocketAddr,
    next: Option<Instant>,
    interval: Duration,
    interval_max: Duration,
    give_up_at: Instant,
}

/// What to do now.
#[derive(Debug, Eq, PartialEq)]
pub enum Due {
    Nothing,
    Send(SocketAddr),
    GiveUp,
}

impl Repeat {
    /// An INVITE: doubles without a ceiling (Timer A) until Timer B.
    pub fn invite(now: Instant, bytes: Bytes, to: SocketAddr) -> Self {
        Self::new(now, bytes, to, TIMER_H)
    }

    /// Any other request (Timers E, F), or a final answer to an INVITE (Timers G, H).
    pub fn other(now: Instant, bytes: Bytes, to: SocketAddr) -> Self {
        Self::new(now, bytes, to, T2)
    }

    fn new(now: Instant, bytes: Bytes, to: SocketAddr, interval_max: Duration) -> Self {
        Self { bytes, to, next: Some(now + T1), interval: T1, interval_max, give_up_at: now + TIMER_H }
    }

    /// A provisional answer to an INVITE: no more repetition, and it may ring.
    pub fn rings(&mut self, now: Instant) {
        self.next = None;
        self.give_up_at = now + TIMER_C;
    }

    /// The INVITE was cancelled: its final answer is due within Timer B (§9.1).
    pub fn is_cancelled(&mut self, now: Instant) {
        self.give_up_at = now + TIMER_H;
    }

    pub fn due_at(&self) -> Instant {
        self.next.map_or(self.give_up_at, |next| next.min(self.give_up_at))
    }

    pub fn due(&mut self, now: Instant) -> Due {
        if now >= self.give_up_at {
            return Due::GiveUp;
        }
        if self.next.is_none_or(|next| next > now) {
            return Due::Nothing;
        }
        self.interval = (self.interval * 2).min(self.interval_max);
        self.next = Some(now + self.interval);
        Due::Send(self.to)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn sent_at_ms(mut repeat: Repeat, start: Instant) -> (Vec<u128>, u128) {
        let mut sent = Vec::new();
        loop {
            let now = repeat.due_at();
            match repeat.due(now) {
                Due::Send(_) => sent.push((now - start).as_millis()),
                Due::GiveUp => return (sent, (now - start).as_millis()),
                Due::Nothing => {}
            }
        }
    }

    #[test]
    fn an_invite_doubles_without_ceiling_and_another_request_stops_doubling_at_four_seconds() {
        let (now, to) = (Instant::now(), "127.0.0.1:9".parse().unwrap());
        let (sent, end) = sent_at_ms(Repeat::invite(now, Bytes::new(), to), now);
        assert_eq!((sent, end), (vec![500, 1_500, 3_500, 7_500, 15_500, 31_500], 32_000));
        let (sent, _) = sent_at_ms(Repeat::other(now, Bytes::new(), to), now);
        assert_eq!(sent, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    }

    #[test]
    fn a_ringing_invite_is_not_repeated() {
        let now = Instant::now();
        let mut repeat = Repeat::invite(now, Bytes::new(), "127.0.0.1:9".parse().unwrap());
        repeat.rings(now);
        assert_eq!(repeat.due(now + Duration::from_secs(60)), Due::Nothing);
        assert_eq!(repeat.due(now + TIMER_C), Due::GiveUp);
    }
}
