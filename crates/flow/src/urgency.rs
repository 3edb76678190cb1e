use std::fmt;
use std::time::Duration;

/// How soon a caller must be helped (domain: U0 to U5), from most to least urgent, so that the smaller is
/// served first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Urgency {
    /// U0: life-threatening; told to dial 911.
    Emergency,
    /// U1: a red flag or the emergency key.
    Emergent,
    /// U2: symptoms, today.
    Urgent,
    /// U3: symptoms, stable.
    Soon,
    /// U4: advice, refills, results.
    Routine,
    /// U5: scheduling, billing, directions.
    Admin,
}

impl Urgency {
    /// Every urgency, most urgent first.
    pub const ALL: [Self; 6] =
        [Self::Emergency, Self::Emergent, Self::Urgent, Self::Soon, Self::Routine, Self::Admin];

    /// The word of the language.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Emergent => "emergent",
            Self::Urgent => "urgent",
            Self::Soon => "soon",
            Self::Routine => "routine",
            Self::Admin => "admin",
        }
    }

    /// How long it waits in a queue before `on_timeout`, where the queue says nothing else (domain 4.3).
    pub const fn wait_max(self) -> Duration {
        Duration::from_secs(match self {
            Self::Emergency | Self::Emergent => 30,
            Self::Urgent => 180,
            Self::Soon => 600,
            Self::Routine => 900,
            Self::Admin => 300,
        })
    }

    /// How it is drawn: fill and line, `#rrggbb`, told apart by lightness too.
    pub(crate) const fn colours(self) -> (&'static str, &'static str) {
        match self {
            Self::Emergency => ("#f4a3a3", "#9b1c1c"),
            Self::Emergent => ("#fbc9a7", "#b45309"),
            Self::Urgent => ("#fbe6a2", "#a16207"),
            Self::Soon => ("#d6ecc2", "#4d7c0f"),
            Self::Routine => ("#cfe3f7", "#1d4ed8"),
            Self::Admin => ("#e3e3e8", "#52525b"),
        }
    }

    /// The urgency a word of the language stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|urgency| urgency.word() == word)
    }
}

impl fmt::Display for Urgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
