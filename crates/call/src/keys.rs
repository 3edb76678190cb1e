//! Keys that come twice. Some telephones and gateways send each press in RTP (RFC 4733, or as a tone) and by SIP INFO as
//! well, so as to be understood by everybody: one press is one key all the same.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use primitives::{Now, Private};

use crate::call::{Call, FarState};
use crate::caller::Side;
use crate::output::Output;
use crate::switch::Switch;

/// A press that came by one way is waited for by the other so long: an INFO whose first datagram was lost comes
/// 500 ms later, one whose second was lost as well 1.5 s (RFC 3261 §17.1.2.1).
const TWIN_MAX: Duration = Duration::from_secs(2);

/// Presses whose twins may still come: twenty a second are more than fingers can do. Past it the oldest is forgotten.
const PRESSES_MAX: usize = 40;

/// How a key came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeyBy {
    /// RFC 4733, or a tone.
    Rtp,
    /// SIP INFO.
    Info,
}

/// The keys of one side that came by one way only so far.
#[derive(Debug, Default)]
pub(crate) struct KeysHeard {
    alone: VecDeque<(Instant, KeyBy, Private<char>)>,
}

impl KeysHeard {
    /// Whether this is a press of its own, and not the twin of one that came by the other way.
    pub(crate) fn is_press(&mut self, now: Instant, by: KeyBy, key: &Private<char>) -> bool {
        self.alone.retain(|(at, ..)| now.saturating_duration_since(*at) <= TWIN_MAX);
        let twin = self.alone.iter().position(|(_, way, other)| *way != by && other.expose() == key.expose());
        if let Some(twin) = twin {
            self.alone.remove(twin);
            return false;
        }
        if self.alone.len() == PRESSES_MAX {
            self.alone.pop_front();
        }
        self.alone.push_back((now, by, key.clone()));
        true
    }
}

impl Switch {
    /// A side of a call has pressed a key.
    pub(crate) fn key_pressed(
        &mut self,
        now: Now,
        call: &mut Call,
        (side, by): (Side, KeyBy),
        key: Private<char>,
        out: &mut Vec<Output>,
    ) {
        let [caller, far] = &mut call.keys_heard;
        let heard = if side == Side::Caller { caller } else { far };
        if !heard.is_press(now.mono, by, &key) {
            return;
        }
        // What comes by RTP the bridge has handed on already.
        let is_kept = side == Side::Far && call.keeps_agents_keys();
        if by == KeyBy::Info
            && !is_kept
            && let Some(far) = call.far.as_ref().filter(|far| far.state == FarState::Bridged)
            && let Some(digit) = media::Digit::from_char(*key.expose())
        {
            let port = if side == Side::Caller { far.party.port } else { call.party.port };
            let command = media::Command::SendDigit { port, digit };
            out.push(Output::Media { shard: call.shard, command });
        }
        self.agent_key(now, call, (side, *key.expose()), out);
        match side {
            Side::Caller => self.run_flow(now, call, flow::Event::Digit(key), out),
            Side::Far => self.page_key(now, call, *key.expose(), out),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "a moment to count from")]

    use super::*;

    /// Which of these presses, each so many milliseconds after the start, count.
    fn counted(presses: &[(u64, KeyBy, char)]) -> String {
        let (start, mut heard) = (Instant::now(), KeysHeard::default());
        let mut is_press = |&(ms, by, key): &(u64, KeyBy, char)| {
            heard.is_press(start + Duration::from_millis(ms), by, &Private::new(key)).then_some(key)
        };
        presses.iter().filter_map(&mut is_press).collect()
    }

    use KeyBy::{Info, Rtp};

    #[test]
    fn a_press_that_comes_by_both_ways_is_one_whichever_is_first() {
        assert_eq!(counted(&[(0, Rtp, '1'), (40, Info, '1')]), "1");
        assert_eq!(counted(&[(0, Info, '1'), (40, Rtp, '1')]), "1");
    }

    #[test]
    fn the_same_key_pressed_twice_is_two_by_one_way_and_by_both() {
        assert_eq!(counted(&[(0, Rtp, '1'), (120, Rtp, '1')]), "11");
        assert_eq!(counted(&[(0, Info, '1'), (120, Info, '1')]), "11");
        assert_eq!(counted(&[(0, Rtp, '1'), (10, Info, '1'), (120, Rtp, '1'), (130, Info, '1')]), "11");
        // The INFOs were held up.
        assert_eq!(counted(&[(0, Rtp, '1'), (120, Rtp, '1'), (510, Info, '1'), (520, Info, '1')]), "11");
    }

    #[test]
    fn keys_that_overtake_each_other_are_matched_by_what_they_are() {
        let mixed = [(0, Rtp, '1'), (100, Rtp, '2'), (110, Info, '2'), (600, Info, '1'), (700, Rtp, '3')];
        assert_eq!(counted(&mixed), "123");
    }

    #[test]
    fn a_press_by_the_other_way_long_after_is_a_press() {
        assert_eq!(counted(&[(0, Rtp, '1'), (2_001, Info, '1')]), "11");
    }

    #[test]
    fn a_flood_of_keys_is_bounded() {
        let presses: Vec<_> = (0..1_000).map(|at| (at, Rtp, '1')).collect();
        assert_eq!(counted(&presses).len(), 1_000);
        let mut heard = KeysHeard::default();
        let now = Instant::now();
        (0..1_000).for_each(|_| _ = heard.is_press(now, Rtp, &Private::new('1')));
        assert_eq!(heard.alone.len(), PRESSES_MAX);
    }
}
