//! What is known of a caller's number: signed for by a carrier, or not (STIR/SHAKEN, RFC 8224 and RFC 8588).

/// What is known of a caller's number. It never decides whether a call is answered, nor how urgent it is: only
/// how far the number may stand for the person.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Verification {
    /// Nobody signed for it.
    #[default]
    None,
    /// Somebody did, and nothing is known of it: not yet, or the certificate cannot be had.
    Unverified,
    /// Somebody did, and it does not hold: another call, another time, another hand.
    Failed,
    /// Signed for by a carrier that knows the caller and that the number is his (`A`).
    PassedA,
    /// By one that knows the caller, not the number (`B`).
    PassedB,
    /// By one that knows only where the call came from (`C`).
    PassedC,
}

impl Verification {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::None, Self::Unverified, Self::Failed, Self::PassedA, Self::PassedB, Self::PassedC];

    /// The word of `caller.verification`, and of the log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unverified => "unverified",
            Self::Failed => "failed",
            Self::PassedA => "passed_a",
            Self::PassedB => "passed_b",
            Self::PassedC => "passed_c",
        }
    }
}
