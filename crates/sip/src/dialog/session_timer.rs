//! Session timers (RFC 4028): who refreshes a session, when, and when it is over because nobody did. So an
//! end that is dead is noticed though no media ever flowed.
//!
//! `table.md` beside this file is the specification; `tests.rs` walks it.

use std::time::{Duration, Instant};

use crate::Config;
use crate::header::{Name, Refresher, SessionExpires};
use crate::message::Headers;

/// Longest interval kept to, a day: whoever asks for more asks for none.
const INTERVAL_MAX: u32 = 86_400;

/// The option tag.
const TIMER: &str = "timer";

/// What we ask for, in seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Wish {
    /// Session-Expires (§4).
    pub(crate) interval: u32,
    /// Min-SE: the shortest we take (§5).
    pub(crate) min: u32,
    /// How often a 422 has raised it.
    raised: u8,
}

/// 422s that are given way to: each proxy on the way may have a minimum of its own.
const RAISES_MAX: u8 = 4;

/// Who refreshes, seen from here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refreshes {
    /// We do.
    We,
    /// The far end does, and we look whether it does.
    FarEnd,
}

/// What a request of the far end and we agree on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Agreed {
    pub(crate) interval: u32,
    pub(crate) refreshes: Refreshes,
    /// Whether the far end knows session timers; if not, our refreshes ask it all the same whether it is
    /// there.
    pub(crate) is_known: bool,
}

/// It wants to refresh more often than we take: 422 (§6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TooBrief;

impl Wish {
    /// What the configuration says.
    pub(crate) fn of(config: &Config) -> Self {
        let seconds =
            |of: Duration| u32::try_from(of.as_secs()).unwrap_or(INTERVAL_MAX).clamp(1, INTERVAL_MAX);
        let min = seconds(config.session_min);
        Self { interval: seconds(config.session_expires).max(min), min, raised: 0 }
    }

    /// What we agree to of an INVITE or UPDATE that came (§9, Table 2).
    pub(crate) fn agree(self, request: &Headers) -> Result<Agreed, TooBrief> {
        let is_known = request.supported().is_ok_and(|tags| tags.iter().any(|tag| tag == TIMER))
            || request.require().is_ok_and(|tags| tags.iter().any(|tag| tag == TIMER));
        let asked = request.session_expires().ok().flatten();
        if is_known && asked.is_some_and(|asked| asked.interval < self.min) {
            return Err(TooBrief);
        }
        let floor = request.min_se().ok().flatten().unwrap_or(0).clamp(self.min, INTERVAL_MAX);
        let interval = asked.map_or(self.interval, |asked| asked.interval.min(self.interval)).max(floor);
        let refreshes = match asked.and_then(|asked| asked.refresher) {
            Some(Refresher::Uac) if is_known => Refreshes::FarEnd,
            // The choice is ours where it is left: what we send shows by itself whether anybody is there.
            Some(Refresher::Uac | Refresher::Uas) | None => Refreshes::We,
        };
        Ok(Agreed { interval, refreshes, is_known })
    }

    /// What the 2xx to our INVITE or UPDATE agrees to (§7.2). One without Session-Expires comes from an end
    /// that has no session timers: then we refresh by ourselves.
    pub(crate) fn agreed_by(self, response: &Headers) -> (u32, Refreshes) {
        let said = response.session_expires().ok().flatten();
        let interval = said.map_or(self.interval, |said| said.interval).clamp(self.min, INTERVAL_MAX);
        let refreshes = match said.and_then(|said| said.refresher) {
            Some(Refresher::Uas) => Refreshes::FarEnd,
            Some(Refresher::Uac) | None => Refreshes::We,
        };
        (interval, refreshes)
    }

    /// After a 422: the least the far end takes (§7.3). `None` where it says nothing new.
    pub(crate) fn raised_by(self, refusal: &Headers) -> Option<Self> {
        let min = refusal.min_se().ok().flatten()?;
        let helps = min > self.min && min <= INTERVAL_MAX && self.raised < RAISES_MAX;
        helps.then(|| Self { interval: self.interval.max(min), min, raised: self.raised + 1 })
    }

    /// What an INVITE or UPDATE of ours asks for (§7.1). `refreshes` as it was, in a dialog.
    pub(crate) fn write(self, refreshes: Option<Refreshes>, headers: &mut Headers) {
        let refresher = refreshes.map(|refreshes| match refreshes {
            Refreshes::We => Refresher::Uac,
            Refreshes::FarEnd => Refresher::Uas,
        });
        headers.push(Name::SessionExpires, SessionExpires { interval: self.interval, refresher }.to_wire());
        headers.push(Name::MinSe, self.min.to_string());
    }
}

impl Agreed {
    /// As our 2xx says it (§9).
    pub(crate) fn headers(self) -> Vec<(Name, String)> {
        let refresher = Some(match self.refreshes {
            Refreshes::We => Refresher::Uas,
            Refreshes::FarEnd => Refresher::Uac,
        });
        let expires = SessionExpires { interval: self.interval, refresher }.to_wire();
        let mut headers = vec![(Name::SessionExpires, expires)];
        if self.is_known {
            headers.push((Name::Require, TIMER.to_owned()));
        }
        headers
    }
}

/// What is to be done about a session now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Alarm {
    /// Nothing.
    Nothing,
    /// Half of the interval has passed: refresh (§7.4).
    Refresh,
    /// Nobody refreshed: BYE (§10).
    Over,
}

/// The timer of one session.
#[derive(Debug)]
pub(crate) struct SessionTimer {
    /// What our requests ask for.
    pub(crate) wish: Wish,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Not agreed yet.
    Off,
    /// We refresh at `refresh_at`.
    Refresher { refresh_at: Instant, over_at: Instant },
    /// Our refresh is out.
    Refreshing { over_at: Instant },
    /// The far end refreshes.
    Watcher { over_at: Instant },
}

impl SessionTimer {
    /// One that does not run yet.
    pub(crate) const fn new(wish: Wish) -> Self {
        Self { wish, state: State::Off }
    }

    /// A 2xx went over the wire: the session lasts for `interval` seconds from now.
    pub(crate) fn refreshed(&mut self, now: Instant, interval: u32, refreshes: Refreshes) {
        self.wish.interval = interval.max(self.wish.min);
        let interval = Duration::from_secs(interval.into());
        // Early enough for the BYE to arrive before the other side gives up (§10).
        let over_at = now + interval - (interval / 3).min(Duration::from_secs(32));
        self.state = match refreshes {
            Refreshes::We => State::Refresher { refresh_at: now + interval / 2, over_at },
            Refreshes::FarEnd => State::Watcher { over_at },
        };
    }

    /// Our refresh was refused for now, or could not be sent: again after `wait`.
    pub(crate) fn postponed(&mut self, now: Instant, wait: Duration) {
        if let State::Refreshing { over_at } = self.state {
            self.state = State::Refresher { refresh_at: now + wait, over_at };
        }
    }

    /// Who refreshes; `None` before anything was agreed.
    pub(crate) const fn refreshes(&self) -> Option<Refreshes> {
        match self.state {
            State::Off => None,
            State::Refresher { .. } | State::Refreshing { .. } => Some(Refreshes::We),
            State::Watcher { .. } => Some(Refreshes::FarEnd),
        }
    }

    /// When to call `handle_timeout`.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Off => None,
            State::Refresher { refresh_at, over_at } => Some(refresh_at.min(over_at)),
            State::Refreshing { over_at } | State::Watcher { over_at } => Some(over_at),
        }
    }

    /// Takes the passing of time.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Alarm {
        match self.state {
            State::Refresher { over_at, .. } | State::Refreshing { over_at } | State::Watcher { over_at }
                if now >= over_at =>
            {
                self.state = State::Off;
                Alarm::Over
            }
            State::Refresher { refresh_at, over_at } if now >= refresh_at => {
                self.state = State::Refreshing { over_at };
                Alarm::Refresh
            }
            _ => Alarm::Nothing,
        }
    }

    /// The state's name in `table.md`.
    #[cfg(test)]
    pub(crate) const fn state(&self) -> &'static str {
        match self.state {
            State::Off => "Off",
            State::Refresher { .. } => "Refresher",
            State::Refreshing { .. } => "Refreshing",
            State::Watcher { .. } => "Watcher",
        }
    }
}
