//! One running conference: what each of its ports hears is the sum of what those he may hear said.

use std::time::Instant;

use super::track::Track;
use super::{CONFERENCE_PORTS_MAX, Conference};
use crate::hearing::{Arrival, Content};
use crate::port::PortId;
use crate::rtp::samples_in;
use crate::speaking::FRAME_SAMPLES_MAX;

/// The first sample of a conference has this number, so that a listener who is behind reads none below zero.
const FIRST: u64 = 8_192;

/// How early a frame may be asked for (10 ms), in samples; see `speaking::EARLY_MAX`.
const EARLY: u64 = 80;

/// A frame of 20 ms, which most listeners have.
const FRAME_USUAL: usize = 160;

/// Where a port is in a conference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Seated {
    /// Which conference of the shard.
    pub mixer: usize,
    /// Which of its seats.
    pub seat: usize,
}

/// One who speaks and listens.
#[derive(Debug)]
struct Seat {
    port: PortId,
    /// The port's place in the slab.
    place: usize,
    said: Track,
    /// One bit a seat.
    hears: u8,
}

/// A conference whose ports hear a mix.
#[derive(Debug)]
pub(crate) struct Mixer {
    started: Instant,
    seats: [Option<Seat>; CONFERENCE_PORTS_MAX],
    /// Samples of the longest frame a listener has asked for.
    frame: usize,
}

impl Mixer {
    pub(crate) fn new(now: Instant) -> Self {
        Self { started: now, seats: Default::default(), frame: FRAME_USUAL }
    }

    /// Gives a port a seat; nobody hears it yet. `None`: all are taken.
    pub(crate) fn sit(&mut self, port: PortId, place: usize) -> Option<usize> {
        let (seat, free) = self.seats.iter_mut().enumerate().find(|(_, seat)| seat.is_none())?;
        *free = Some(Seat { port, place, said: Track::new(), hears: 0 });
        Some(seat)
    }

    pub(crate) fn leave(&mut self, seat: usize) {
        if let Some(seat) = self.seats.get_mut(seat) {
            *seat = None;
        }
    }

    /// Who is in it: ports and their places in the slab.
    pub(crate) fn present(&self) -> impl Iterator<Item = (PortId, usize)> {
        self.seats.iter().flatten().map(|seat| (seat.port, seat.place))
    }

    /// Who hears whom from now on.
    pub(crate) fn arrange(&mut self, conference: &Conference) {
        let speakers: Vec<(usize, PortId)> = self.seated().map(|(at, seat)| (at, seat.port)).collect();
        for seat in self.seats.iter_mut().flatten() {
            let heard = speakers.iter().filter(|(_, speaker)| conference.hears(seat.port, *speaker));
            seat.hears = heard.fold(0, |row, (at, _)| row | 1 << at);
        }
    }

    /// The two places, if there are just two who hear one another.
    pub(crate) fn pair(&self) -> Option<(usize, usize)> {
        let mut seated = self.seated();
        let ((a, first), (b, second), None) = (seated.next()?, seated.next()?, seated.next()) else {
            return None;
        };
        (hears(first, b) && hears(second, a)).then_some((first.place, second.place))
    }

    /// The places of those who hear a seat.
    pub(crate) fn listeners(&self, speaker: usize) -> impl Iterator<Item = usize> {
        let listens = move |(at, seat): &(usize, &Seat)| *at != speaker && hears(seat, speaker);
        self.seated().filter(listens).map(|(_, seat)| seat.place)
    }

    /// A packet of a speaker.
    pub(crate) fn hear(&mut self, now: Instant, speaker: usize, arrival: &Arrival<'_>, sound: &[i16]) {
        let here = (self.position(now), self.frame as u64 + EARLY);
        if let (Content::Audio(codec, _), Some(Some(seat))) = (arrival.content, self.seats.get_mut(speaker)) {
            let clock = (arrival.timestamp, codec.clock_hz());
            seat.said.write(here, arrival.place, clock, sound.iter().copied());
        }
    }

    /// What a listener hears from `at` on. Two loud speakers together are as loud as a sample can be and no louder.
    pub(crate) fn mix(&mut self, at: Instant, listener: usize, frame: &mut [i16]) {
        self.frame = self.frame.max(frame.len());
        let from = self.position(at);
        let mut sum = [0_i32; FRAME_SAMPLES_MAX];
        let sum = sum.get_mut(..frame.len()).unwrap_or_default();
        if let Some(Some(seat)) = self.seats.get(listener) {
            let heard = self.seated().filter(|(at, _)| *at != listener && hears(seat, *at));
            heard.for_each(|(_, speaker)| speaker.said.add(from, sum));
        }
        for (sample, sum) in frame.iter_mut().zip(sum) {
            *sample = (*sum).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
    }

    fn seated(&self) -> impl Iterator<Item = (usize, &Seat)> {
        self.seats.iter().enumerate().filter_map(|(at, seat)| Some((at, seat.as_ref()?)))
    }

    fn position(&self, at: Instant) -> u64 {
        let before = samples_in(self.started.saturating_duration_since(at));
        (FIRST + samples_in(at.saturating_duration_since(self.started))).saturating_sub(before)
    }
}

const fn hears(listener: &Seat, speaker: usize) -> bool {
    listener.hears & (1 << speaker) != 0
}
