//! Who is in a conference and whom each of them hears, as a plain value: a nurse, a patient and an interpreter who all
//! hear one another; a supervisor who hears both and is heard by nobody, by the nurse alone, or by both.

mod mixer;
mod seating;
mod track;

use crate::port::PortId;
pub(crate) use mixer::{Mixer, Seated};

/// Ports in one conference at most: a caller, a nurse, an interpreter, a supervisor, and as many again. What
/// each of them hears is a bit in a byte. A conference of more is refused by [`Conference::of`].
pub const CONFERENCE_PORTS_MAX: usize = 8;

/// Who is in a conference, and a matrix of who hears whom. Nobody hears himself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Conference {
    ports: Vec<PortId>,
    /// One row a listener, one bit a speaker, both by their place in `ports`.
    rows: [u8; CONFERENCE_PORTS_MAX],
}

impl Conference {
    /// Everybody hears everybody else. `None`: there are too many, or one is named twice.
    pub fn of(ports: &[PortId]) -> Option<Self> {
        let is_twice = |(place, port): (usize, &PortId)| ports.iter().take(place).any(|other| other == port);
        if ports.len() > CONFERENCE_PORTS_MAX || ports.iter().enumerate().any(is_twice) {
            return None;
        }
        Some(Self { ports: ports.to_vec(), rows: [u8::MAX; CONFERENCE_PORTS_MAX] })
    }

    /// From now on `listener` does not hear `speaker`.
    pub fn keep_from(&mut self, speaker: PortId, listener: PortId) {
        let (speaker, listener) = (self.place(speaker), self.place(listener));
        if let (Some(speaker), Some(row)) = (speaker, listener.and_then(|place| self.rows.get_mut(place))) {
            *row &= !(1 << speaker);
        }
    }

    /// Whether one hears the other.
    pub fn hears(&self, listener: PortId, speaker: PortId) -> bool {
        let (listener, speaker) = (self.place(listener), self.place(speaker));
        let row = listener.filter(|listener| Some(*listener) != speaker).and_then(|at| self.rows.get(at));
        matches!((row, speaker), (Some(row), Some(speaker)) if row & (1 << speaker) != 0)
    }

    /// Who is in it.
    pub fn ports(&self) -> &[PortId] {
        &self.ports
    }

    fn place(&self, port: PortId) -> Option<usize> {
        self.ports.iter().position(|other| *other == port)
    }
}

#[cfg(test)]
mod tests {
    use super::{CONFERENCE_PORTS_MAX, Conference};
    use crate::port::PortId;

    #[test]
    fn everybody_hears_everybody_but_himself_until_somebody_is_kept_from_somebody() {
        let [patient, nurse, supervisor] = [PortId(7), PortId(9), PortId(8)];
        let Some(mut whispered) = Conference::of(&[patient, nurse, supervisor]) else { unreachable!() };
        whispered.keep_from(supervisor, patient);
        assert!(!whispered.hears(patient, supervisor) && whispered.hears(nurse, supervisor));
        assert!(whispered.hears(supervisor, patient) && whispered.hears(supervisor, nurse));
        assert!(whispered.hears(patient, nurse) && whispered.hears(nurse, patient));
        assert!(!whispered.hears(nurse, nurse) && !whispered.hears(PortId(1), nurse));
    }

    #[test]
    fn a_conference_of_too_many_or_of_one_twice_is_none() {
        let ports: Vec<PortId> = (0..=CONFERENCE_PORTS_MAX as u64).map(PortId).collect();
        assert!(Conference::of(&ports).is_none());
        assert!(ports.get(1..).is_some_and(|fewer| Conference::of(fewer).is_some()));
        assert!(Conference::of(&[PortId(1), PortId(2), PortId(1)]).is_none());
    }
}
