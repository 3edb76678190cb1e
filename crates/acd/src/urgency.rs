use std::fmt;

/// How much a caller matters (U0 to U5), from most to least urgent, so that the smaller is
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

    /// The urgency a word of the language stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|urgency| urgency.word() == word)
    }

    /// Whether she is served strictly before everyone less urgent, is never refused for want of room,
    /// and has agents kept free for her.
    pub const fn is_protected(self) -> bool {
        matches!(self, Self::Emergency | Self::Emergent | Self::Urgent)
    }

    /// Whether an agent without the licence may answer her in the end, and a phone that rings for someone
    /// less urgent may be taken for her.
    pub(crate) const fn is_emergency(self) -> bool {
        matches!(self, Self::Emergency | Self::Emergent)
    }

    /// How fast she gains on others by waiting (Kleinrock's accumulating priority). Nothing among
    /// protected callers depends on it.
    pub(crate) const fn aging_rate(self) -> u128 {
        match self {
            Self::Emergency | Self::Emergent | Self::Urgent | Self::Soon => 4,
            Self::Routine => 2,
            Self::Admin => 1,
        }
    }

    /// The longest wait before the flow decides again, unless the queue says otherwise (domain 4.3).
    pub(crate) const fn wait_max_secs(self) -> u32 {
        match self {
            Self::Emergency | Self::Emergent => 30,
            Self::Urgent => 180,
            Self::Soon => 600,
            Self::Routine => 900,
            Self::Admin => 300,
        }
    }
}

/// One value for each urgency.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ByUrgency<T>([T; 6]);

impl<T> ByUrgency<T> {
    pub(crate) const fn of(&self, urgency: Urgency) -> &T {
        let [emergency, emergent, urgent, soon, routine, admin] = &self.0;
        match urgency {
            Urgency::Emergency => emergency,
            Urgency::Emergent => emergent,
            Urgency::Urgent => urgent,
            Urgency::Soon => soon,
            Urgency::Routine => routine,
            Urgency::Admin => admin,
        }
    }

    pub(crate) const fn of_mut(&mut self, urgency: Urgency) -> &mut T {
        let [emergency, emergent, urgent, soon, routine, admin] = &mut self.0;
        match urgency {
            Urgency::Emergency => emergency,
            Urgency::Emergent => emergent,
            Urgency::Urgent => urgent,
            Urgency::Soon => soon,
            Urgency::Routine => routine,
            Urgency::Admin => admin,
        }
    }

    /// Most urgent first.
    pub(crate) const fn all(&self) -> &[T; 6] {
        &self.0
    }
}

impl fmt::Display for Urgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
