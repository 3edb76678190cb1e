//! What comes out of the buffer, on lines that pause, drift, stand still and lose.
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::unevenness::DELAY_MAX;
use super::{Jitter, Piece, PieceKind};
use crate::codec::Codec;
use crate::hearing::{Arrival, Content};
use crate::rtp::Place;

const FRAME: Duration = Duration::from_millis(20);

/// A peer and the line to it.
struct Line {
    jitter: Jitter,
    start: Instant,
    /// What came out, and when.
    out: Vec<(Duration, Piece)>,
}

impl Line {
    fn new() -> Self {
        let start = Instant::now();
        Self { jitter: Jitter::new(start), start, out: Vec::new() }
    }

    fn packet(&mut self, at: Duration, (stream, sequence): (u32, u32), timestamp: u32) {
        let arrival = Arrival {
            place: Place { stream, sequence },
            timestamp,
            marked: false,
            ptime: FRAME,
            pressed: None,
            content: Content::Audio(Codec::Pcmu, &[0; 160]),
        };
        self.jitter.put(self.start + at, &arrival, true);
        self.turn(at);
    }

    fn turn(&mut self, at: Duration) {
        let mut payload = Vec::new();
        while let Some(piece) = self.jitter.take(self.start + at, &mut payload) {
            self.out.push((at, piece));
        }
    }

    fn packets(&self) -> usize {
        let is_heard =
            |kind: PieceKind| matches!(kind, PieceKind::Packet { late_ticks, .. } if late_ticks < 160);
        self.out.iter().filter(|(_, piece)| is_heard(piece.kind)).count()
    }

    fn made_up(&self) -> usize {
        self.out.iter().filter(|(_, piece)| matches!(piece.kind, PieceKind::Lost { .. })).count()
    }
}

#[test]
fn who_pauses_is_missed_for_60_ms_and_heard_at_once_when_he_goes_on() {
    let mut line = Line::new();
    for n in (0..50_u32).chain(100..150) {
        let sequence = if n < 50 { n } else { n - 50 };
        line.packet(FRAME * n, (1, sequence), n * 160);
        if n == 49 {
            (50..100).for_each(|n| line.turn(FRAME * n + FRAME / 2));
        }
    }
    assert_eq!((line.packets(), line.made_up()), (100, 3));
    assert_eq!(line.out.last().map(|(at, _)| *at), Some(FRAME * 149));
}

#[test]
fn a_clock_that_drifts_or_is_set_anew_and_another_source_cost_no_word() {
    let mut line = Line::new();
    let mut at = Duration::ZERO;
    for n in 0..6_000_u32 {
        // 200 ppm slow; set back by a second after a minute, and another source after a minute more.
        at += FRAME + Duration::from_micros(4);
        let stream = n / 4_000;
        let timestamp = n * 160 - if n >= 2_000 { 8_000 } else { 0 };
        line.packet(at, (stream, n + 7), timestamp);
        line.turn(at + FRAME / 2);
    }
    assert!(line.packets() >= 5_998, "{} of 6,000", line.packets());
    assert!(line.made_up() < 6, "{}", line.made_up());
    assert!(line.jitter.delay() <= Duration::from_millis(2), "{:?}", line.jitter.delay());
}

#[test]
fn a_line_that_stood_still_is_heard_again_within_a_tenth_of_a_second_of_talk() {
    for stall in [100, 400, 900, 5_000] {
        let mut line = Line::new();
        for n in 0..500_u32 {
            let later = Duration::from_millis(if n < 250 { 0 } else { stall });
            line.packet(FRAME * n + later, (1, n), n * 160);
            line.turn(FRAME * n + later + FRAME * 2 / 3);
        }
        assert!(line.packets() >= 490, "{stall} ms: {} of 500", line.packets());
    }
}

proptest! {
    #[test]
    fn whatever_a_line_does_each_packet_is_heard_once_in_order_and_none_waits_too_long(
        faults in prop::collection::vec((0_u64..150, prop::bool::weighted(0.1), prop::bool::weighted(0.1)), 50..300)
    ) {
        let mut arrivals: Vec<(Duration, u32)> = Vec::new();
        for (n, (delay, is_lost, is_doubled)) in faults.iter().enumerate() {
            let at = FRAME * n as u32 + Duration::from_millis(*delay);
            arrivals.extend((!is_lost).then_some((at, n as u32)));
            arrivals.extend(is_doubled.then_some((at + FRAME, n as u32)));
        }
        arrivals.sort();
        let mut line = Line::new();
        for (at, n) in &arrivals {
            line.packet(*at, (1, *n + 100), (*n * 160).wrapping_sub(9_000));
        }
        (0..30).for_each(|n| line.turn(FRAME * (faults.len() as u32 + n)));
        let mut heard_to = None;
        for (at, piece) in &line.out {
            let said = piece.timestamp.wrapping_add(9_000).cast_signed();
            let length = match piece.kind {
                PieceKind::Packet { late_ticks, .. } => 160 - late_ticks.cast_signed(),
                PieceKind::Lost { length, .. } | PieceKind::Noise { length, .. } => length.as_micros() as i32 * 8 / 1_000,
                PieceKind::Key(_) | PieceKind::Withheld => 0,
            };
            prop_assert!(heard_to.is_none_or(|heard_to| said >= heard_to), "{piece:?} before {heard_to:?}");
            heard_to = Some(said + length);
            let late = at.saturating_sub(Duration::from_micros(said.max(0).unsigned_abs().into()) * 125);
            prop_assert!(late <= DELAY_MAX + Duration::from_millis(200), "{piece:?} {late:?}");
        }
        let mut turns: Vec<u32> = line.out.iter().map(|(_, piece)| piece.turn).collect();
        let all = turns.len();
        turns.dedup();
        prop_assert_eq!(turns.len(), all);
        let mut numbers: Vec<u32> = line.out.iter().map(|(_, piece)| piece).filter(|piece| {
            matches!(piece.kind, PieceKind::Packet { .. })
        }).map(|piece| piece.place.sequence).collect();
        let count = numbers.len();
        numbers.dedup();
        prop_assert_eq!(numbers.len(), count, "each once");
    }
}
