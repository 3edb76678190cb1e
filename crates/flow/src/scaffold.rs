//! A new flow to begin with: it passes check, test and prove in the folder that ships.

/// What kind of line a new flow is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FlowKind {
    /// Danger signs, then a nurse.
    Nurse,
    /// Appointments.
    Desk,
    /// By a calendar: a desk, or a nurse.
    AfterHours,
}

impl FlowKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Nurse, Self::Desk, Self::AfterHours];

    /// A flow of this name that answers this number (E.164, or an extension).
    pub fn scaffold(self, name: &str, number: &str) -> String {
        let text = match self {
            Self::Nurse => include_str!("scaffold/nurse.yaml"),
            Self::Desk => include_str!("scaffold/desk.yaml"),
            Self::AfterHours => include_str!("scaffold/after-hours.yaml"),
        };
        text.replacen("flow: NAME", &format!("flow: {name}"), 1).replacen("NUMBER", number, 1)
    }
}
