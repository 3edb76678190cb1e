//! Which packet this is: the 16 bits of its sequence number and the rollovers before them (RFC 3711 §3.3.1 and
//! appendix A), and whether it came before (§3.3.2).

/// How far behind the newest a packet may still be new. RFC 3711 §3.3.2 asks for 64 at least.
const WINDOW: u64 = 128;

/// The packets of one source, seen or sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    /// The highest index, once there is one.
    newest: Option<u64>,
    /// Bit n: the packet n before the newest.
    seen: u128,
}

impl Window {
    /// The index of an RTP packet, guessed from the newest: whichever is nearest.
    pub(super) fn index_of(&self, sequence: u16) -> u64 {
        let Some(newest) = self.newest else { return u64::from(sequence) };
        let step = i64::from(sequence.wrapping_sub((newest & 0xffff) as u16).cast_signed());
        // Before the first packet there was none: it is one of the next round.
        newest.checked_add_signed(step).unwrap_or(newest + 0x1_0000 - step.unsigned_abs())
    }

    /// Whether a packet was not seen before. It is noted once it has been found genuine.
    pub(super) fn is_new(&self, index: u64) -> bool {
        match self.newest {
            Some(newest) if index <= newest => {
                let behind = newest - index;
                behind < WINDOW && self.seen >> behind & 1 == 0
            }
            Some(_) | None => true,
        }
    }

    pub(super) fn note(&mut self, index: u64) {
        let newest = *self.newest.get_or_insert(index);
        if index > newest {
            let step = u32::try_from(index - newest).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(step).unwrap_or(0);
            self.newest = Some(index);
        }
        let behind = self.newest.unwrap_or(index) - index;
        self.seen |= u32::try_from(behind).ok().and_then(|behind| 1_u128.checked_shl(behind)).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Window;

    #[test]
    fn the_index_goes_on_past_65535_also_when_packets_there_are_swapped() {
        let mut window = Window::default();
        for (sequence, index) in
            [(0xfffe, 0xfffe), (1, 0x1_0001), (0xffff, 0xffff), (0, 0x1_0000), (2, 0x1_0002)]
        {
            assert_eq!(window.index_of(sequence), index);
            assert!(window.is_new(index));
            window.note(index);
            assert!(!window.is_new(index), "{index:x} is known now");
        }
    }

    proptest! {
        #[test]
        fn every_packet_is_new_once_however_they_are_shuffled(start in 0_u64..70_000, order in Just((0_u64..100).collect::<Vec<_>>()).prop_shuffle()) {
            let mut window = Window::default();
            window.note(start + 200);
            for offset in order {
                let index = start + 200 + offset;
                prop_assert_eq!(window.index_of((index & 0xffff) as u16), index);
                prop_assert_eq!(window.is_new(index), offset != 0);
                window.note(index);
                prop_assert!(!window.is_new(index));
            }
            prop_assert!(!window.is_new(start + 200 + 99 - 128));
        }
    }
}
