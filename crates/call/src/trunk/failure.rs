//! What a call that was not answered says of the destination, and whether the next is tried.

use sip::EndCause;

/// What follows an attempt that failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// The called person, or the number, said no: no other way leads to another answer.
    Final,
    /// The destination is out of order: down, and the next one is tried.
    DestinationDown,
    /// The destination is there and could not do it: the next one is tried.
    NextDestination,
    /// The carrier does not want our call: another trunk is tried, no other door of this one.
    NextTrunk,
}

/// What an end before the answer means. `rang` once somebody's telephone did.
pub(crate) const fn verdict(cause: EndCause, rang: bool) -> Verdict {
    match cause {
        EndCause::NoResponse if !rang => Verdict::DestinationDown,
        EndCause::Unreachable => Verdict::DestinationDown,
        EndCause::Refused { status } => match status {
            503 => Verdict::DestinationDown,
            // After ringing, it is a person who did not answer.
            408 if !rang => Verdict::NextDestination,
            // A redirection that leads nowhere we go.
            300..=399 | 500..=599 => Verdict::NextDestination,
            // Credentials, credit, a route the carrier does not sell.
            401 | 402 | 403 | 407 => Verdict::NextTrunk,
            _ => Verdict::Final,
        },
        EndCause::NoResponse
        | EndCause::FarEndHungUp
        | EndCause::Cancelled
        | EndCause::WeHungUp
        | EndCause::WeRefused { .. }
        | EndCause::OtherLegEnded
        | EndCause::AnsweredElsewhere
        | EndCause::InternalError => Verdict::Final,
    }
}

/// The word of a failed attempt, for the log and the metrics.
pub(crate) fn reason(cause: EndCause) -> String {
    match cause {
        EndCause::Refused { status } => status.to_string(),
        EndCause::NoResponse => "no_response".to_owned(),
        EndCause::Unreachable => "unreachable".to_owned(),
        _ => "failed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use sip::EndCause;

    use super::{Verdict, verdict};

    #[test]
    fn a_person_who_says_no_is_not_asked_by_another_way() {
        for status in [404, 410, 480, 484, 486, 487, 488, 600, 603, 604] {
            assert_eq!(verdict(EndCause::Refused { status }, false), Verdict::Final, "{status}");
        }
        assert_eq!(verdict(EndCause::Refused { status: 408 }, true), Verdict::Final);
    }

    #[test]
    fn a_destination_out_of_order_is_down_and_one_that_could_not_is_passed_by() {
        for cause in [EndCause::NoResponse, EndCause::Unreachable, EndCause::Refused { status: 503 }] {
            assert_eq!(verdict(cause, false), Verdict::DestinationDown, "{cause:?}");
        }
        for status in [302, 408, 500, 502, 504, 580] {
            assert_eq!(verdict(EndCause::Refused { status }, false), Verdict::NextDestination, "{status}");
        }
        assert_eq!(verdict(EndCause::Refused { status: 403 }, false), Verdict::NextTrunk);
    }
}
