//! Who is called when nobody is signed in: a ladder of steps, each with whom it calls at which time.
//!
//! A rota says for every moment who is on call and in which order; nothing of it dials. Whoever performs a
//! [`crate::Action::Page`] asks it at the beginning of every round, so that a shift that changes in the middle of
//! the night changes whom the next round calls.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::calendar::{Calendar, Opening, zone_name};
use crate::flow::Library;

/// A round takes at least so long once a telephone has rung: a line that is busy is not called again at once.
pub const ROUND_MIN: Duration = Duration::from_secs(20);

/// One rota of `rotas.yaml`.
#[derive(Debug, Serialize)]
pub(crate) struct Rota {
    /// Of the local times of its shifts.
    #[serde(serialize_with = "zone_name")]
    pub(crate) zone: TimeZone,
    /// How long each telephone rings.
    pub(crate) ring: Duration,
    /// How long somebody who answered may take to press the key.
    pub(crate) accept: Duration,
    /// How often all steps are gone through.
    pub(crate) rounds: u32,
    pub(crate) steps: Vec<Rung>,
}

/// One step: the first shift that is on now, or whom it calls otherwise.
#[derive(Debug, Serialize)]
pub(crate) struct Rung {
    pub(crate) shifts: Vec<Shift>,
    pub(crate) otherwise: Vec<Contact>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Shift {
    pub(crate) on: Duty,
    pub(crate) call: Vec<Contact>,
}

/// When a shift is on.
#[derive(Debug, Serialize)]
pub(crate) enum Duty {
    /// While a calendar says so.
    Calendar(Arc<str>, Opening),
    /// From and to, `to` exclusive, in the rota's local time.
    Dates(DateTime, DateTime),
    /// Every week, as a calendar without holidays.
    Weekly(Box<Calendar>),
}

/// Whose telephone is called.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Contact {
    /// An agent's registered telephones, whether or not she is signed in.
    Agent(Arc<str>),
    /// A name of `numbers:` in the configuration.
    Number(Arc<str>),
}

impl Contact {
    /// For the log: names, never numbers.
    pub fn name(&self) -> &Arc<str> {
        match self {
            Self::Agent(name) | Self::Number(name) => name,
        }
    }
}

/// Who is on call now, in the order in which they are called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ladder {
    /// Whom to call, with the number of the step from 1.
    pub contacts: Vec<(usize, Contact)>,
    /// How long each telephone rings.
    pub ring: Duration,
    /// How long somebody who answered may take to press the key.
    pub accept: Duration,
    /// How often all of them are called.
    pub rounds: u32,
}

impl Library {
    /// Who is on call at a moment; `None`: there is no such rota.
    pub fn on_call(&self, rota: &str, at: Timestamp) -> Option<Ladder> {
        let rota = self.rotas.get(rota)?;
        let steps = rota.steps.iter().zip(1..);
        let contacts = steps.flat_map(|(step, number)| {
            let on = step.shifts.iter().find(|shift| self.is_on(rota, &shift.on, at));
            let call = on.map_or(&step.otherwise, |shift| &shift.call);
            call.iter().map(move |contact| (number, contact.clone()))
        });
        let Rota { ring, accept, rounds, .. } = *rota;
        Some(Ladder { contacts: contacts.collect(), ring, accept, rounds })
    }

    /// How long a rota can take at most until nobody is left, whoever is on call.
    pub(crate) fn page_max(&self, rota: &str) -> Duration {
        self.rotas.get(rota).map_or(Duration::ZERO, Rota::longest)
    }

    fn is_on(&self, rota: &Rota, duty: &Duty, at: Timestamp) -> bool {
        match duty {
            Duty::Calendar(name, opening) => {
                self.calendars.get(&**name).is_some_and(|calendar| calendar.opening(at) == *opening)
            }
            Duty::Dates(from, to) => (*from..*to).contains(&rota.zone.to_datetime(at)),
            Duty::Weekly(calendar) => calendar.opening(at) == Opening::Open,
        }
    }
}

impl Rota {
    fn longest(&self) -> Duration {
        let most = |step: &Rung| {
            step.shifts.iter().map(|shift| shift.call.len()).chain([step.otherwise.len()]).max().unwrap_or(0)
        };
        let contacts = u32::try_from(self.steps.iter().map(most).sum::<usize>()).unwrap_or(u32::MAX);
        (self.ring + self.accept).saturating_mul(contacts).max(ROUND_MIN).saturating_mul(self.rounds)
    }
}
