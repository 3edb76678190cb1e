//! Callers and agents with habits drawn from the seed.

use std::time::Duration;

use super::{Chance, FRONT_DOOR, PhoneId, Sim};
use crate::phone::{Reaction, Wish};

/// A crowd of patients who call one after another.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// How many call.
    pub calls: usize,
    /// Within what time they all begin.
    pub within: Duration,
    /// The longest any of them stays after the answer.
    pub patience: Duration,
}

/// Digits a patient keys as her record number. Nobody else's digits look like them.
const RECORD: &str = "73914628";

impl Crowd {
    /// Lets all of them call, each with whims of her own.
    pub fn call(self, sim: &mut Sim) -> Vec<PhoneId> {
        let mut chance = Chance::new(&sim.seed, "crowd");
        sim.keep_private(RECORD);
        (0..self.calls)
            .map(|_| {
                let patient = sim.patient();
                let begins = chance.ms(0, millis(self.within));
                sim.script(patient, self.script(&mut chance));
                sim.wish(patient, begins, Wish::Dial(FRONT_DOOR.to_owned()));
                if chance.percent(8) {
                    // Perhaps before we answer: then it is a CANCEL.
                    sim.wish(patient, begins + chance.ms(1, 3_000), Wish::HangUp);
                }
                // An INVITE nobody answers has no timer of its own (RFC 3261 §17.1.1.2): patience has.
                let gives_up = begins + self.patience + Duration::from_secs(60);
                sim.wish(patient, gives_up, Wish::HangUp);
                patient
            })
            .collect()
    }

    /// What one patient does after the answer.
    fn script(self, chance: &mut Chance) -> Vec<(Duration, Wish)> {
        let mut script = Vec::new();
        let mut at = chance.ms(300, 6_000);
        let mut press = |at: Duration, key: char| script.push((at, Wish::Press(key)));
        match chance.below(12) {
            0 | 1 => press(at, '1'),
            2 | 3 => press(at, '2'),
            4 => {
                press(at, '3');
                for key in RECORD.chars() {
                    at += chance.ms(250, 900);
                    press(at + Duration::from_millis(800), key);
                }
            }
            5 => press(at, '4'),
            6 => press(at, '5'),
            7 => press(at, '9'),
            8 => {
                for key in ['9', '1', '1'] {
                    press(at, key);
                    at += chance.ms(250, 600);
                }
            }
            9 => press(at, '0'),
            10 => {
                for _ in 0..chance.below(5) {
                    let key = chance.below(10);
                    press(at, char::from(b'0' + key as u8));
                    at += chance.ms(200, 4_000);
                }
            }
            _ => {}
        }
        if chance.percent(15) {
            // Worse while she waits.
            press(at + chance.ms(3_000, 20_000), '9');
        }
        let leaves = chance.ms(1_000, millis(self.patience));
        let leaves = if chance.percent(30) { leaves } else { self.patience };
        let wish = if chance.percent(15) { Wish::Vanish(None) } else { Wish::HangUp };
        script.push((leaves, wish));
        script
    }
}

/// What an agent's phone does when it rings: mostly it is answered.
pub fn agent_habit(chance: &mut Chance) -> Reaction {
    let after = chance.ms(300, 6_000);
    match chance.below(100) {
        0..60 => Reaction::Answer { after, then: conversation(chance) },
        60..70 => Reaction::Refuse { after, status: 603 },
        70..76 => Reaction::Refuse { after, status: 486 },
        76..84 => Reaction::LetRing,
        84..90 => Reaction::Vanish { after, back_after: Some(chance.ms(2_000, 20_000)) },
        _ => {
            let vanishes = (chance.ms(200, 9_000), Wish::Vanish(Some(chance.ms(2_000, 20_000))));
            Reaction::Answer { after, then: vec![vanishes] }
        }
    }
}

fn conversation(chance: &mut Chance) -> Vec<(Duration, Wish)> {
    let lasts = chance.ms(500, 12_000);
    let mut then = Vec::new();
    if chance.percent(20) {
        let hold = chance.ms(300, 4_000);
        then.push((hold, Wish::Hold));
        then.push((hold + chance.ms(200, 4_000), Wish::Resume));
    }
    then.push((lasts, Wish::HangUp));
    then
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
