//! Who is told that somebody called for help (47 CFR 9.16(b)(2)): that it happened, a number that reaches her,
//! and the location that was conveyed. It follows the call and never goes before it.

use audit::CallId;
use primitives::Now;
use serde::Serialize;

use super::EmergencyCall;
use super::pidf_lo::Civic;
use crate::hop::Hop;
use crate::output::Output;
use crate::switch::Switch;

/// One notification, as the webhook gets it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Notice {
    /// What happened.
    pub event: NoticeEvent,
    /// Which call: the same in all its notices and in the audit log.
    pub call: String,
    /// When.
    pub at: jiff::Timestamp,
    /// What was dialled: `911`, `933`.
    pub number: &'static str,
    /// Whether it is a test call, and nobody is in danger.
    pub test: bool,
    /// Whose phone.
    pub agent: String,
    /// The number that reaches her place.
    pub callback: String,
    /// The location that was conveyed, by name.
    pub location: Option<String>,
    /// The same, as an address.
    pub civic: Option<Civic>,
    /// Who was called, or answered.
    pub destination: Option<String>,
}

/// What happened to an emergency call.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeEvent {
    /// It is on its way.
    Called,
    /// Somebody answered.
    Answered,
    /// Nobody could be reached: go there.
    Failed,
    /// It is over.
    Ended,
}

impl NoticeEvent {
    /// The word of metrics and the log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Called => "called",
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Ended => "ended",
        }
    }

    /// The event of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Called, Self::Answered, Self::Failed, Self::Ended].into_iter().find(|it| it.word() == word)
    }
}

/// What became of a notice.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum NoticeOutcome {
    /// Somebody took it.
    Delivered,
    /// Nobody took it yet; it is tried again.
    Undelivered,
    /// Nobody took it, and it is not tried any more.
    GivenUp,
}

impl Switch {
    /// Leaves a notice behind what it tells of.
    pub(super) fn tell(&mut self, now: Now, call: &EmergencyCall, event: NoticeEvent, out: &mut Vec<Output>) {
        let Some(place) = &call.place else { return };
        let (location, civic) = place.location.clone().unzip();
        out.push(Output::Notice(Box::new(Notice {
            event,
            call: call.id.to_string(),
            at: now.wall,
            number: call.number.digits(),
            test: call.is_test(),
            agent: call.agent.clone(),
            callback: place.callback.clone(),
            location,
            civic,
            destination: call.with(),
        })));
    }

    /// What became of a notice. The call may long be over, so it is named and not spoken for.
    pub(crate) fn notice_settled(
        &mut self,
        now: Now,
        (call, event): (String, NoticeEvent),
        outcome: NoticeOutcome,
        out: &mut Vec<Output>,
    ) {
        let what = event.word().to_owned();
        let hop = match outcome {
            NoticeOutcome::Delivered => Hop::EmergencyTold { call, what, delivered: true },
            NoticeOutcome::Undelivered => Hop::EmergencyTold { call, what, delivered: false },
            NoticeOutcome::GivenUp => Hop::EmergencyNeverTold { call, what },
        };
        out.push(Output::Hop { at: now, call: None::<CallId>, flow: None, hop });
    }
}
