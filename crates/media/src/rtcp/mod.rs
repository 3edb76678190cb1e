//! RTCP on the RTP port (RFC 3550 §6, RFC 5761): what each side tells the other of how it is heard, and the quality
//! of a call that follows from it.
//!
//! Only where both agree on `rtcp-mux`; a port of its own for a few packets a minute would double the sockets.

mod quality;
mod report;

use std::time::{Duration, Instant};

pub(crate) use quality::mean_opinion_score;
use report::{Block, Report, SenderInfo};

use crate::rtp::{Receiver, Sender};

/// The mean time between two reports (RFC 3550 §6.2: five seconds at least).
const INTERVAL: Duration = Duration::from_secs(5);

/// What one port tells and is told.
#[derive(Debug, Default)]
pub(crate) struct Reporter {
    /// Time zero of our reports. Any clock that goes evenly will do (RFC 3550 §6.4.1).
    epoch: Option<Instant>,
    due: Option<Instant>,
    /// Packets sent when we last told.
    told: u64,
    /// Loss when we last told: expected and lost.
    before: (u64, u64),
    /// The peer's last sender report: the middle of its time, and when it came.
    heard: Option<(u32, Instant)>,
    /// From the last report that said so.
    pub far: Option<Far>,
    /// Reports that came.
    pub received: u64,
    /// Reports sent.
    pub sent: u64,
}

/// How the peer hears us.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Far {
    /// Packets of ours that never reached it.
    pub lost: u32,
    /// There and back, in microseconds; `None` until a report of ours has been answered.
    pub round_trip_us: Option<u32>,
}

impl Reporter {
    /// Writes the report that is due, if one is.
    pub(crate) fn speak(
        &mut self,
        now: Instant,
        sender: &mut Sender,
        receiver: &Receiver,
        out: &mut Vec<u8>,
    ) -> bool {
        // Spread by what differs from port to port, so that a thousand calls do not report at once: half to one
        // and a half times the interval (RFC 3550 §6.3.1), and the first one sooner.
        let part = |of: u32| INTERVAL / 2 + INTERVAL * (of & 0xff) / 256;
        let spread = sender
            .ssrc()
            .wrapping_mul(0x9e37_79b9)
            .wrapping_add((self.sent as u32).wrapping_mul(0x85eb_ca6b))
            >> 24;
        let due = *self.due.get_or_insert(now + part(spread) / 2);
        if now < due {
            return false;
        }
        self.due = Some(now + part(spread));
        let speaks = sender.packets() > self.told;
        self.told = sender.packets();
        let clock = self.clock(now);
        let info = speaks.then(|| SenderInfo {
            clock,
            timestamp: sender.timestamp_at(now),
            packets: sender.packets() as u32,
            octets: sender.octets() as u32,
        });
        let report = Report { ssrc: sender.ssrc(), info, block: self.block(now, receiver) };
        report.write(out);
        self.sent += 1;
        true
    }

    /// Takes a compound packet. Whatever cannot be read of it is passed over.
    pub(crate) fn hear(&mut self, now: Instant, ours: u32, packet: &[u8]) {
        self.received += 1;
        for report in report::read(packet) {
            if let Some(info) = report.info {
                self.heard = Some((middle(info.clock), now));
            }
            let Some(block) = report.block.filter(|block| block.ssrc == ours) else { continue };
            // RFC 3550 §6.4.1: now, less when our report was sent, less how long the peer kept it.
            let elapsed = middle(self.clock(now)).wrapping_sub(block.last_report).wrapping_sub(block.delay);
            let is_answer = block.last_report != 0 && elapsed < 1 << 31;
            let round_trip_us =
                is_answer.then(|| ((u64::from(elapsed) * 1_000_000) >> 16).min(60_000_000) as u32);
            let before = self.far.and_then(|far| far.round_trip_us);
            self.far = Some(Far { lost: block.lost, round_trip_us: round_trip_us.or(before) });
        }
    }

    fn block(&mut self, now: Instant, receiver: &Receiver) -> Option<Block> {
        let (ssrc, highest) = receiver.newest()?;
        let (expected, lost) = (receiver.received() + receiver.lost(), receiver.lost());
        let (expected_before, lost_before) = std::mem::replace(&mut self.before, (expected, lost));
        let step = expected.saturating_sub(expected_before).max(1);
        let fraction = (lost.saturating_sub(lost_before) * 256 / step).min(255) as u8;
        let kept = |(last, at): (u32, Instant)| {
            let delay = now.saturating_duration_since(at).as_micros() as u64;
            (last, ((delay << 16) / 1_000_000) as u32)
        };
        let (last_report, delay) = self.heard.map(kept).unwrap_or_default();
        let jitter = receiver.jitter();
        Some(Block { ssrc, fraction, lost: lost.min(0x7f_ffff) as u32, highest, jitter, last_report, delay })
    }

    /// Seconds and their 2^32nd parts.
    fn clock(&mut self, now: Instant) -> u64 {
        let epoch = *self.epoch.get_or_insert(now);
        // A report at zero would look like none.
        let since = now.saturating_duration_since(epoch) + Duration::from_secs(1);
        (since.as_secs() << 32) | ((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000)
    }
}

/// The middle 32 bits of a time, by which reports name one another.
fn middle(clock: u64) -> u32 {
    (clock >> 16 & 0xffff_ffff) as u32
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use primitives::Seed;

    use super::Reporter;
    use crate::rtp::{Receiver, Sender};

    struct Side {
        sender: Sender,
        receiver: Receiver,
        reporter: Reporter,
    }

    impl Side {
        fn new(seed: u64) -> Self {
            let sender = Sender::new(&mut Seed::numbered(seed).generator());
            Self { sender, receiver: Receiver::default(), reporter: Reporter::default() }
        }
    }

    /// Two sides talk for so long; every `lost`th packet of the first is lost, reports take `delay` each way.
    fn talk(seconds: u64, lost: u64, delay: Duration) -> (Side, Side) {
        let (mut a, mut b) = (Side::new(1), Side::new(2));
        let mut on_the_way: Vec<(Instant, bool, Vec<u8>)> = Vec::new();
        let start = Instant::now();
        for step in 0..seconds * 50 {
            let now = start + Duration::from_millis(20) * step as u32;
            let header = a.sender.audio(now, 0, 160);
            if step % lost != 3 {
                b.receiver.place(header.ssrc, header.sequence);
            }
            let header = b.sender.audio(now, 0, 160);
            a.receiver.place(header.ssrc, header.sequence);
            for (side, to_b) in [(&mut a, true), (&mut b, false)] {
                let mut report = Vec::new();
                if side.reporter.speak(now, &mut side.sender, &side.receiver, &mut report) {
                    on_the_way.push((now + delay, to_b, report));
                }
            }
            let (come, still): (Vec<_>, Vec<_>) = on_the_way.into_iter().partition(|(due, ..)| *due <= now);
            on_the_way = still;
            for (due, to_b, report) in come {
                let side = if to_b { &mut b } else { &mut a };
                side.reporter.hear(due, side.sender.ssrc(), &report);
            }
        }
        (a, b)
    }

    #[test]
    fn each_side_learns_how_it_is_heard_and_how_far_away_the_other_is() {
        let (a, b) = talk(60, 10, Duration::from_millis(40));
        assert!((8..=20).contains(&a.reporter.sent), "{} in a minute", a.reporter.sent);
        let far = a.reporter.far.unwrap_or_default();
        assert!((250..=300).contains(&far.lost), "{far:?} of 3,000");
        let round_trip = far.round_trip_us.unwrap_or_default();
        assert!((79_000..=81_000).contains(&round_trip), "{round_trip} us");
        assert_eq!(b.reporter.far.map(|far| far.lost), Some(0));
    }

    #[test]
    fn who_hears_nothing_and_says_nothing_still_reports() {
        let mut side = Side::new(1);
        let (now, mut report) = (Instant::now(), Vec::new());
        assert!(!side.reporter.speak(now, &mut side.sender, &side.receiver, &mut report));
        let later = now + Duration::from_secs(10);
        assert!(side.reporter.speak(later, &mut side.sender, &side.receiver, &mut report));
        assert_eq!(report.get(..2), Some(&[0x80, 201][..]), "a receiver report without a block");
    }
}
