//! The machine of one subscription (RFC 6665 §4.2.2); its table is `table.md`.

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Notifier {
    /// All that is to tell was told.
    #[default]
    Idle,
    /// A NOTIFY is out.
    Notifying,
    /// A NOTIFY is out, and something has changed since.
    Due,
    /// A NOTIFY is out, and the last one follows.
    LastDue,
    /// The last NOTIFY is out.
    Closing,
    /// Nothing more is told.
    Over,
}

/// What happens to a subscription.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Happening {
    /// There is something to tell.
    Changed,
    /// There is, and nothing more will be.
    Last,
    /// The NOTIFY was answered with 2xx.
    Accepted,
    /// With anything else, or not at all.
    Refused,
}

/// The NOTIFY to send now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Due {
    /// One of several.
    Notify,
    /// With `Subscription-State: terminated`.
    NotifyLast,
}

impl Notifier {
    /// Takes what happened and says which NOTIFY is to be sent, if any.
    pub const fn handle(&mut self, happening: Happening) -> Option<Due> {
        use Happening::{Accepted, Changed, Last, Refused};
        let (next, due) = match (&*self, happening) {
            (Self::Idle, Changed) => (Self::Notifying, Some(Due::Notify)),
            (Self::Idle, Last) => (Self::Closing, Some(Due::NotifyLast)),
            (Self::Idle, Accepted | Refused) | (Self::Notifying, Accepted) => (Self::Idle, None),
            (Self::Notifying | Self::Due, Changed) => (Self::Due, None),
            (Self::Notifying | Self::Due, Last) | (Self::LastDue, Changed | Last) => (Self::LastDue, None),
            (Self::Due, Accepted) => (Self::Notifying, Some(Due::Notify)),
            (Self::LastDue, Accepted) => (Self::Closing, Some(Due::NotifyLast)),
            (Self::Closing, Changed | Last) => (Self::Closing, None),
            (Self::Closing, Accepted)
            | (Self::Notifying | Self::Due | Self::LastDue | Self::Closing, Refused)
            | (Self::Over, _) => (Self::Over, None),
        };
        *self = next;
        due
    }

    /// Whether nothing more is told.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Over)
    }
}
