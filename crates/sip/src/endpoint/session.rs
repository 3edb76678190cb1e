//! Session timers at work (RFC 4028): agreeing on them, refreshing, and ending what nobody refreshes.

use std::time::Duration;

use primitives::Now;

use super::legs::{Established, Leg, State};
use super::reply::Reply;
use super::{Endpoint, Output};
use crate::dialog::{Agreed, Alarm, Exchange, Refreshes, Wish};
use crate::header::Name;
use crate::leg::LegId;
use crate::message::{Headers, Method, Response};
use crate::transaction::Class;

/// When a refresh that was refused, or that met another exchange, is tried again.
pub(super) const AGAIN_AFTER: Duration = Duration::from_secs(2);

impl Reply {
    /// With what was agreed of the session's refreshes.
    pub(super) fn with_session(mut self, agreed: Agreed) -> Self {
        for (name, value) in agreed.headers() {
            self = self.with(name, value);
        }
        self
    }
}

impl Endpoint {
    /// The refusal of a request that wants to refresh more often than we take (§6).
    pub(super) fn too_brief(&self, request: &Headers) -> Option<Reply> {
        let wish = Wish::of(&self.config);
        wish.agree(request).is_err().then(|| Reply::at_once(422).with(Name::MinSe, wish.min.to_string()))
    }

    /// What we agree to of a request that is not too brief.
    pub(super) fn agreed(&self, request: &Headers) -> Agreed {
        let wish = Wish::of(&self.config);
        wish.agree(request).unwrap_or(Agreed {
            interval: wish.interval,
            refreshes: Refreshes::We,
            is_known: false,
        })
    }

    /// The session's own deadline has passed.
    pub(super) fn session_alarm(&mut self, now: Now, leg: &mut Leg, out: &mut Vec<Output>) {
        let id = leg.id;
        let State::Established(established) = &mut leg.state else { return };
        match established.timer.handle_timeout(now.mono) {
            Alarm::Nothing => {}
            Alarm::Refresh => self.refresh(now, id, established, out),
            Alarm::Over => self.lose_dialog(now, leg, out),
        }
    }

    /// Refreshes: by UPDATE without SDP where the far end takes it, otherwise by an INVITE that offers what
    /// was agreed (§7.4).
    fn refresh(&mut self, now: Now, leg: LegId, established: &mut Established, out: &mut Vec<Output>) {
        if established.dialog.allows_update() {
            let mut update = established.dialog.request(Method::Update);
            update.headers.push(Name::Supported, super::reply::SUPPORTED);
            established.timer.wish.write(Some(Refreshes::We), &mut update.headers);
            let transaction = self.send_in_dialog(now, leg, &mut established.dialog, update, out);
            established.refreshing = Some(transaction);
            return;
        }
        established.queued = established.queued.take().or_else(|| established.sdp.clone());
        if !matches!(established.exchange, Exchange::Idle) || established.queued.is_none() {
            // What is under way refreshes it too.
            return established.timer.postponed(now.mono, AGAIN_AFTER);
        }
        self.offer_queued(now, leg, established, out);
    }

    /// The answer to our UPDATE that refreshes (§7.2, §7.3).
    pub(super) fn refresh_answered(
        &mut self,
        now: Now,
        leg: &mut Leg,
        response: &Response,
        out: &mut Vec<Output>,
    ) {
        let id = leg.id;
        let State::Established(established) = &mut leg.state else { return };
        match Class::of(response.status) {
            Class::Provisional => {}
            Class::Success => {
                established.dialog.refresh_target(&response.headers);
                let (interval, refreshes) = established.timer.wish.agreed_by(&response.headers);
                established.timer.refreshed(now.mono, interval, refreshes);
            }
            Class::Refusal => match response.status {
                408 | 481 => self.lose_dialog(now, leg, out),
                // It says that it takes UPDATE, and does not.
                405 | 501 => {
                    established.dialog.without_update();
                    self.refresh(now, id, established, out);
                }
                422 if self.raise(established, response) => self.refresh(now, id, established, out),
                _ => established.timer.postponed(now.mono, AGAIN_AFTER),
            },
        }
    }

    /// Takes note of a 422. `false`: it says nothing that helps.
    pub(super) fn raise(&self, established: &mut Established, response: &Response) -> bool {
        let raised = established.timer.wish.raised_by(&response.headers);
        if let Some(wish) = raised {
            established.timer.wish = wish;
        }
        raised.is_some()
    }
}
