//! Keys as `telephone-event` packets (RFC 4733), heard and sent.
//!
//! All packets of one key carry the timestamp of its start; a growing duration and, at last, the end bit,
//! three times. So any one packet that arrives is enough to hear a key, and none may be heard twice.

use std::time::Duration;

use super::Digit;
use crate::rtp::Place;

/// The longest a packet can say a key has lasted; a longer key goes on in a further segment whose timestamp
/// is later by this (RFC 4733 §2.5.1.3).
const SEGMENT: u32 = 0xffff;
/// How much less than a segment the last duration we saw may be when its last packets were lost.
const SEGMENT_SLACK: u32 = 0x1000;

/// The payload of one packet (RFC 4733 §2.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TelephoneEvent {
    /// Which key.
    pub code: u8,
    end: bool,
    /// In samples.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Reads a payload. What stands behind the first four bytes is not for us.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        match payload {
            [code, flags, high, low, ..] => Some(Self {
                code: *code,
                end: flags & 0x80 != 0,
                duration: u16::from_be_bytes([*high, *low]),
            }),
            _ => None,
        }
    }

    /// As it travels.
    pub(crate) fn bytes(self) -> [u8; 4] {
        /// How loud, in -dBm0: what phones send.
        const VOLUME: u8 = 10;
        let [high, low] = self.duration.to_be_bytes();
        [self.code, if self.end { 0x80 | VOLUME } else { VOLUME }, high, low]
    }
}

/// Hears keys: each once, by the first of its packets that arrives.
#[derive(Debug, Default)]
pub(crate) struct KeyReceiver {
    last: Option<Heard>,
}

/// The newest key.
#[derive(Debug)]
struct Heard {
    code: u8,
    stream: u32,
    /// The newest of its packets.
    sequence: u32,
    /// Of its start, or of its newest segment.
    timestamp: u32,
    duration: u16,
    ended: bool,
}

impl KeyReceiver {
    /// The key that this packet is the first to tell of.
    pub(crate) fn hear(
        &mut self,
        place: Place,
        timestamp: u32,
        marked: bool,
        event: TelephoneEvent,
    ) -> Option<Digit> {
        let is_new = match &mut self.last {
            Some(last) if last.stream == place.stream => match last.relation(place, timestamp, marked, event)
            {
                Relation::Same => {
                    last.follow(place, timestamp, event);
                    false
                }
                Relation::Older => false,
                Relation::New => true,
            },
            Some(_) | None => true,
        };
        if !is_new {
            return None;
        }
        self.last = Some(Heard {
            code: event.code,
            stream: place.stream,
            sequence: place.sequence,
            timestamp,
            duration: event.duration,
            ended: event.end,
        });
        // Codes from 16 on are no keys: flash, fax and line signals.
        Digit::from_event(event.code)
    }
}

enum Relation {
    Same,
    Older,
    New,
}

impl Heard {
    fn relation(&self, place: Place, timestamp: u32, marked: bool, event: TelephoneEvent) -> Relation {
        let is_newer = place.sequence > self.sequence;
        let later = timestamp.wrapping_sub(self.timestamp);
        if later == 0 {
            // Some senders start every key at the same timestamp. A key that goes on after its end is
            // another one; so is a different one.
            let restarts = is_newer && ((self.ended && !event.end) || event.code != self.code);
            return if restarts { Relation::New } else { Relation::Same };
        }
        // The sequence tells old from new, not the timestamp: a peer that is transferred behind our back may
        // set its clock back, and its keys must still be heard.
        if !is_newer {
            return Relation::Older;
        }
        let goes_on = event.code == self.code && !marked && !self.ended;
        let is_segment = (SEGMENT - SEGMENT_SLACK..=SEGMENT + 1).contains(&later)
            && u32::from(self.duration) + SEGMENT_SLACK > SEGMENT;
        // Some gateways move the timestamp with each packet of one key. No packet is missing between the
        // two and the key has lasted longer: it is the same.
        let is_moved = place.sequence == self.sequence + 1 && event.duration > self.duration;
        if goes_on && (is_segment || is_moved) { Relation::Same } else { Relation::New }
    }

    fn follow(&mut self, place: Place, timestamp: u32, event: TelephoneEvent) {
        self.ended |= event.end;
        if place.sequence > self.sequence {
            self.sequence = place.sequence;
            self.timestamp = timestamp;
            self.duration = event.duration;
        }
    }
}

/// From one packet of a key to the next.
pub(crate) const STEP: Duration = Duration::from_millis(20);
const STEP_SAMPLES: u16 = 160;
/// Packets before the key ends: it sounds for 100 ms, half as long again as the shortest key that ITU-T
/// Q.24 administrations accept anywhere.
const UPDATES: u8 = 4;
/// The end is said three times (RFC 4733 §2.5.1.4).
const ENDS: u8 = 3;
/// Steps of silence before the next key; with the repeated ends the keys are 100 ms apart.
const PAUSE: u8 = 3;
/// Keys waiting at most: a long account number with room to spare. Beyond it the newest is dropped, as on a
/// telephone whose buffer is full.
const KEYS_MAX: usize = 32;

/// Sends keys one after another.
#[derive(Debug)]
pub(crate) struct KeySender {
    /// A ring: `waiting` keys from `first` on.
    keys: [u8; KEYS_MAX],
    first: usize,
    waiting: usize,
    step: u8,
    started: u32,
}

/// What a key being sent needs next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeyStep {
    /// This packet.
    Packet {
        event: TelephoneEvent,
        /// Whether it is the first of its key.
        starts: bool,
        /// Whether it only says the end again: the key sounds no more.
        again: bool,
        timestamp: u32,
    },
    /// Silence, before the next key.
    Pause,
}

impl KeySender {
    pub(crate) fn new() -> Self {
        Self { keys: [0; KEYS_MAX], first: 0, waiting: 0, step: 0, started: 0 }
    }

    /// Puts a key behind those that wait.
    pub(crate) fn push(&mut self, digit: Digit) {
        if self.waiting < KEYS_MAX
            && let Some(place) = self.keys.get_mut((self.first + self.waiting) % KEYS_MAX)
        {
            *place = digit.event();
            self.waiting += 1;
        }
    }

    /// Forgets all keys: the peer no longer takes them.
    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Whether a key is being sent or waits.
    pub(crate) fn is_busy(&self) -> bool {
        self.waiting > 0
    }

    /// The next step, of 20 ms. `start` says at which timestamp a key begins.
    pub(crate) fn step(&mut self, start: impl FnOnce() -> u32) -> KeyStep {
        let step = self.step;
        self.step += 1;
        if step == 0 {
            self.started = start();
        }
        if step >= UPDATES + ENDS {
            if self.step == UPDATES + ENDS + PAUSE {
                self.step = 0;
                self.first = (self.first + 1) % KEYS_MAX;
                self.waiting = self.waiting.saturating_sub(1);
            }
            return KeyStep::Pause;
        }
        let event = TelephoneEvent {
            code: self.keys.get(self.first).copied().unwrap_or(0),
            end: step >= UPDATES,
            duration: STEP_SAMPLES * u16::from((step + 1).min(UPDATES + 1)),
        };
        KeyStep::Packet { event, starts: step == 0, again: step > UPDATES, timestamp: self.started }
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::{Digit, KEYS_MAX, KeyReceiver, KeySender, KeyStep, TelephoneEvent};
    use crate::rtp::Place;

    #[derive(Clone, Copy, Debug)]
    struct Packet {
        sequence: u32,
        timestamp: u32,
        marked: bool,
        code: u8,
        end: bool,
        duration: u16,
    }

    /// A key as a phone sends it: `updates` packets 20 ms apart, then three ends.
    fn key(code: u8, sequence: u32, timestamp: u32, updates: u16) -> Vec<Packet> {
        let packet = |n: u16, end| Packet {
            sequence: sequence + u32::from(n),
            timestamp,
            marked: n == 0,
            code,
            end,
            duration: 160 * (n.min(updates) + 1),
        };
        (0..updates)
            .map(|n| packet(n, false))
            .chain((updates..updates + 3).map(|n| packet(n, true)))
            .collect()
    }

    fn heard(packets: impl IntoIterator<Item = Packet>) -> String {
        let mut receiver = KeyReceiver::default();
        let hear = |p: Packet| {
            let event = TelephoneEvent { code: p.code, end: p.end, duration: p.duration };
            receiver.hear(Place { stream: 1, sequence: p.sequence }, p.timestamp, p.marked, event)
        };
        packets.into_iter().filter_map(hear).map(Digit::char).collect()
    }

    #[test]
    fn a_key_is_heard_once_by_whatever_packet_of_it_comes_first() {
        let packets = key(5, 100, 8_000, 4);
        for lost in 0..packets.len() {
            assert_eq!(heard(packets.iter().skip(lost).copied()), "5", "{lost} packets lost");
            assert_eq!(heard(packets.iter().skip(lost).take(1).copied()), "5", "only packet {lost} came");
        }
    }

    #[test]
    fn two_equal_keys_are_two_also_when_the_ends_of_the_first_are_lost() {
        let both = || key(7, 100, 8_000, 4).into_iter().chain(key(7, 120, 10_000, 4));
        assert_eq!(heard(both()), "77");
        assert_eq!(heard(both().filter(|p| p.timestamp != 8_000 || !p.end)), "77");
        assert_eq!(heard(both().filter(|p| p.timestamp != 10_000 || p.end)), "77");
    }

    #[test]
    fn a_sender_that_never_moves_its_timestamp_is_heard_too() {
        let packets = [key(7, 100, 8_000, 4), key(7, 120, 8_000, 4), key(8, 140, 8_000, 4)].concat();
        assert_eq!(heard(packets), "778");
    }

    #[test]
    fn a_sender_that_sets_its_clock_back_between_keys_is_heard_too() {
        let packets = [key(9, 100, 800_000, 4), key(1, 120, 8_000, 4), key(9, 105, 800_000, 1)].concat();
        assert_eq!(heard(packets), "91", "and a late packet of the first key is not another key");
    }

    #[test]
    fn a_gateway_that_moves_the_timestamp_with_every_packet_sends_one_key() {
        let mut packets = key(3, 100, 8_000, 6);
        packets.iter_mut().filter(|p| !p.end).for_each(|p| p.timestamp += u32::from(p.duration) - 160);
        packets.iter_mut().filter(|p| p.end).for_each(|p| p.timestamp += 6 * 160);
        assert_eq!(heard(packets), "3");
    }

    #[test]
    fn a_key_held_for_twenty_seconds_is_one_key() {
        let mut packets = Vec::new();
        for n in 0..1_000_u32 {
            let lasted = (n + 1) * 160;
            // A duration of exactly a segment still fits the segment before.
            let segment = (lasted - 1) / 0xffff;
            packets.push(Packet {
                sequence: 100 + n,
                timestamp: 8_000 + segment * 0xffff,
                marked: n == 0,
                code: 9,
                end: n > 996,
                duration: u16::try_from(lasted - segment * 0xffff).unwrap_or(u16::MAX),
            });
        }
        assert_eq!(heard(packets.iter().copied()), "9");
        assert_eq!(heard(packets.iter().filter(|p| p.sequence % 7 != 0).copied()), "9", "one in seven lost");
    }

    #[test]
    fn a_key_pressed_again_a_segment_later_is_another_key() {
        let first = key(7, 100, 8_000, 4).into_iter().take(2);
        let second = key(7, 400, 8_000 + 0xffff, 4).into_iter().skip(1);
        assert_eq!(heard(first.chain(second)), "77");
    }

    #[test]
    fn signals_that_are_no_keys_are_not_heard_and_keys_after_them_are() {
        assert_eq!(heard([key(16, 100, 8_000, 4), key(11, 120, 10_000, 4)].concat()), "#");
    }

    #[test]
    fn a_key_of_a_new_stream_is_heard_though_its_timestamp_is_older() {
        let mut receiver = KeyReceiver::default();
        let event = TelephoneEvent { code: 1, end: false, duration: 160 };
        assert!(receiver.hear(Place { stream: 1, sequence: 9 }, 90_000, true, event).is_some());
        assert!(receiver.hear(Place { stream: 2, sequence: 5 }, 100, true, event).is_some());
    }

    proptest! {
        /// Within a key packets may be lost, doubled and swapped; keys come in their order.
        #[test]
        fn keys_survive_loss_copies_and_reordering(
            codes in prop::collection::vec(0_u8..16, 1..8),
            chaos in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), any::<bool>()), 0..24),
            start in any::<u32>(),
        ) {
            let mut packets = Vec::new();
            for (n, code) in (0_u32..).zip(&codes) {
                let mut one = key(*code, 1_000 + n * 20, start.wrapping_add(n * 2_000), 5);
                for (index, copy, lose) in &chaos {
                    let at = index.index(one.len());
                    let packet = if *lose && one.len() > 1 { one.remove(at) } else { one[at] };
                    if *copy || !*lose {
                        one.insert(index.index(one.len()), packet);
                    }
                }
                packets.extend(one);
            }
            let expected: String = codes.iter().filter_map(|c| Digit::from_event(*c)).map(Digit::char).collect();
            prop_assert_eq!(heard(packets), expected);
        }
    }

    #[test]
    fn a_key_is_sent_as_start_updates_and_three_ends_and_the_next_after_a_pause() {
        let mut sender = KeySender::new();
        sender.push(Digit(5));
        sender.push(Digit(11));
        let mut start = 1_000;
        let mut steps = Vec::new();
        while sender.is_busy() {
            start += 160;
            steps.push(sender.step(|| start));
        }
        assert_eq!(steps.len(), 20);
        let packets: Vec<_> = steps[..7]
            .iter()
            .map(|step| match step {
                KeyStep::Packet { event, starts, timestamp, .. } => {
                    (event.code, event.duration, event.end, *starts, *timestamp)
                }
                KeyStep::Pause => (0, 0, false, false, 0),
            })
            .collect();
        assert_eq!(
            packets,
            [
                (5, 160, false, true, 1_160),
                (5, 320, false, false, 1_160),
                (5, 480, false, false, 1_160),
                (5, 640, false, false, 1_160),
                (5, 800, true, false, 1_160),
                (5, 800, true, false, 1_160),
                (5, 800, true, false, 1_160),
            ]
        );
        assert_eq!(steps[7..10], [KeyStep::Pause; 3]);
        let starts = matches!(steps[10], KeyStep::Packet { event, starts: true, timestamp: 2_760, .. } if event.code == 11);
        assert!(starts, "{:?}", steps[10]);
    }

    #[test]
    fn keys_beyond_the_bound_are_dropped_and_those_before_are_sent() {
        let mut sender = KeySender::new();
        for n in 0..100_u8 {
            sender.push(Digit(n % 10));
        }
        let mut sent = 0;
        while sender.is_busy() {
            sent += usize::from(matches!(sender.step(|| 0), KeyStep::Packet { starts: true, .. }));
        }
        assert_eq!(sent, KEYS_MAX);
    }
}
