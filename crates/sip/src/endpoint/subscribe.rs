//! SUBSCRIBE from agents' phones (RFC 6665 §4.2.1): who may watch whom, and for how long.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use primitives::Now;

use super::authenticate::Sender;
use super::reply::{Arrived, Reply};
use super::{Endpoint, Output, Release};
use crate::deadlines::Deadlines;
use crate::dialog::{Dialog, DialogId};
use crate::digest::Staleness;
use crate::event::{self, Due, Happening, Notifier, Package, Told};
use crate::header::Name;
use crate::transaction::layer::TransactionId;

/// Subscriptions at once: two hundred phones that watch forty colleagues each.
const SUBSCRIPTIONS_MAX: usize = 8_192;

/// Subscriptions of one agent: a phone with two side cars of keys has a hundred lamps.
const PER_WATCHER_MAX: usize = 128;

/// Shortest subscription granted; a shorter one is answered 423.
const EXPIRES_MIN: Duration = Duration::from_secs(60);

/// Longest, and what is granted where nothing is asked for.
const EXPIRES_MAX: Duration = Duration::from_secs(3_600);

/// One subscription. Never used twice in one process.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct SubscriptionId(u64);

/// A phone that watches somebody.
#[derive(Debug)]
pub(super) struct Subscription {
    /// Who watches.
    pub(super) watcher: String,
    /// Whom.
    pub(super) user: String,
    pub(super) package: Package,
    /// The Event header as it came, with its `id`.
    pub(super) event: Bytes,
    pub(super) dialog: Dialog,
    pub(super) notifier: Notifier,
    pub(super) notify: Option<TransactionId>,
    /// Of the next body.
    pub(super) version: u32,
    /// `None` until the call core has said it once.
    pub(super) told: Option<Told>,
    pub(super) expires_at: Instant,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Subscriptions {
    pub(super) table: BTreeMap<SubscriptionId, Subscription>,
    by_dialog: BTreeMap<DialogId, SubscriptionId>,
    deadlines: Deadlines<SubscriptionId>,
    last: u64,
}

impl Subscriptions {
    pub(super) const fn new() -> Self {
        Self { table: BTreeMap::new(), by_dialog: BTreeMap::new(), deadlines: Deadlines::new(), last: 0 }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.soonest()
    }

    pub(super) fn of_dialog(&self, dialog: &DialogId) -> Option<SubscriptionId> {
        self.by_dialog.get(dialog).copied()
    }

    fn has_room_for(&self, watcher: &str) -> bool {
        self.table.len() < SUBSCRIPTIONS_MAX
            && self.table.values().filter(|it| it.watcher == watcher).count() < PER_WATCHER_MAX
    }

    fn add(&mut self, subscription: Subscription) -> SubscriptionId {
        self.last += 1;
        let id = SubscriptionId(self.last);
        self.by_dialog.insert(subscription.dialog.id.clone(), id);
        self.deadlines.set(id, Some(subscription.expires_at));
        self.table.insert(id, subscription);
        id
    }

    /// Whether anybody still watches this.
    fn is_watched(&self, package: Package, user: &str) -> bool {
        self.table.values().any(|it| it.package == package && it.user == user)
    }
}

impl Endpoint {
    /// A SUBSCRIBE outside any dialog.
    pub(super) fn receive_subscribe(&mut self, now: Now, arrived: Arrived, out: &mut Vec<Output>) {
        let Some(package) = event::package(&arrived.request.headers).and_then(|name| Package::named(&name))
        else {
            let reply = Reply::at_once(489).with(Name::AllowEvents, Package::ALL);
            return self.turn_away(&arrived, reply, out);
        };
        let watcher = match self.sender(now, &arrived.request, arrived.came) {
            Sender::User(user) => user,
            Sender::Unknown => {
                let reply = self.challenge(now, arrived.came, Staleness::Fresh, Release::AtOnce);
                return self.turn_away(&arrived, reply, out);
            }
            Sender::Unproven(staleness) => {
                let reply = self.challenge(now, arrived.came, staleness, Release::AtOnce);
                return self.turn_away(&arrived, reply, out);
            }
        };
        let user = arrived.request.uri.user().map(primitives::Private::into_exposed).unwrap_or_default();
        let refusal = if self.registrar.secret(&watcher).is_none() {
            // A carrier watches nobody, and learns nobody's name.
            Some(Reply::at_once(403))
        } else if self.registrar.secret(&user).is_none() {
            Some(Reply::at_once(404))
        } else if package == Package::MessageSummary && user != watcher {
            // Whose messages wait is her own business.
            Some(Reply::at_once(403))
        } else if !self.subscriptions.has_room_for(&watcher) {
            Some(Reply::at_once(503).retry_after(super::receive::RETRY_AFTER))
        } else {
            None
        };
        if let Some(reply) = refusal {
            return self.reply_outside(now, &arrived, reply, out);
        }
        let granted = match granted(&arrived) {
            Ok(granted) => granted,
            Err(reply) => return self.reply_outside(now, &arrived, reply, out),
        };
        let tag = self.names.tag();
        let Some(dialog) = self.dialog_of_request(&arrived, &tag) else {
            return self.reply_outside(now, &arrived, Reply::at_once(400), out);
        };
        let reply = subscribed(granted, dialog.contact());
        self.reply(now, &arrived, &tag, reply, out);
        let event = arrived.request.headers.first(&Name::Event).cloned().unwrap_or_default();
        self.subscriptions.add(Subscription {
            watcher,
            user: user.clone(),
            package,
            event,
            dialog,
            notifier: Notifier::default(),
            notify: None,
            version: 0,
            told: None,
            expires_at: now.mono + granted,
        });
        out.push(Output::Watched { package, user });
    }

    /// One inside the dialog of a subscription: longer, or no more.
    pub(super) fn resubscribe(
        &mut self,
        now: Now,
        id: SubscriptionId,
        arrived: &Arrived,
        out: &mut Vec<Output>,
    ) {
        let granted = granted(arrived);
        let Some(subscription) = self.subscriptions.table.get_mut(&id) else { return };
        let cseq = arrived.request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        let reply = match granted {
            _ if !subscription.dialog.is_next(cseq) => {
                Reply::at_once(500).retry_after(Duration::from_secs(1))
            }
            Err(reply) => reply,
            Ok(granted) => {
                subscription.dialog.refresh_target(&arrived.request.headers);
                subscription.expires_at = now.mono + granted;
                self.subscriptions.deadlines.set(id, Some(now.mono + granted));
                let reply = subscribed(granted, subscription.dialog.contact());
                self.reply(now, arrived, "", reply, out);
                let happening = if granted.is_zero() { Happening::Last } else { Happening::Changed };
                return self.subscription_happens(now, id, happening, out);
            }
        };
        self.reply(now, arrived, "", reply, out);
    }

    /// What is to be told of somebody: at once to a new subscriber, to others where it is news.
    pub(super) fn tell(&mut self, now: Now, user: &str, told: Told, out: &mut Vec<Output>) {
        let concerned: Vec<SubscriptionId> = self
            .subscriptions
            .table
            .iter()
            .filter(|(_, it)| it.user == user && it.package.tells(told) && it.told != Some(told))
            .map(|(id, _)| *id)
            .collect();
        for id in concerned {
            let Some(subscription) = self.subscriptions.table.get_mut(&id) else { continue };
            subscription.told = Some(told);
            // A fetch asks once (RFC 6665 §4.4.3).
            let is_fetch = subscription.expires_at <= now.mono;
            let happening = if is_fetch { Happening::Last } else { Happening::Changed };
            self.subscription_happens(now, id, happening, out);
        }
    }

    /// Subscriptions run out.
    pub(super) fn subscriptions_lapse(&mut self, now: Now, out: &mut Vec<Output>) {
        while let Some(id) = self.subscriptions.deadlines.take_due(now.mono) {
            self.subscription_happens(now, id, Happening::Last, out);
        }
    }

    /// Who is no user any more watches nobody.
    pub(super) fn end_subscriptions_of_the_gone(&mut self, now: Now, out: &mut Vec<Output>) {
        let is_gone = |it: &Subscription| {
            [&it.watcher, &it.user].iter().any(|user| self.registrar.secret(user).is_none())
        };
        let gone: Vec<SubscriptionId> =
            self.subscriptions.table.iter().filter(|(_, it)| is_gone(it)).map(|(id, _)| *id).collect();
        for id in gone {
            self.subscription_happens(now, id, Happening::Last, out);
        }
    }

    /// Lets the notifier take its step and sends what it wants sent.
    pub(super) fn subscription_happens(
        &mut self,
        now: Now,
        id: SubscriptionId,
        happening: Happening,
        out: &mut Vec<Output>,
    ) {
        let Some(subscription) = self.subscriptions.table.get_mut(&id) else { return };
        match subscription.notifier.handle(happening) {
            Some(due) => self.notify_watcher(now, id, due, out),
            None if subscription.notifier.is_over() => self.forget_subscription(id, out),
            None => {}
        }
    }

    fn forget_subscription(&mut self, id: SubscriptionId, out: &mut Vec<Output>) {
        let Some(subscription) = self.subscriptions.table.remove(&id) else { return };
        self.subscriptions.by_dialog.remove(&subscription.dialog.id);
        self.subscriptions.deadlines.set(id, None);
        let Subscription { package, user, .. } = subscription;
        if !self.subscriptions.is_watched(package, &user) {
            out.push(Output::Unwatched { package, user });
        }
    }
}

/// How long it is granted, or how it is refused.
fn granted(arrived: &Arrived) -> Result<Duration, Reply> {
    let asked = arrived.request.headers.expires().map_err(|_| Reply::at_once(400))?;
    let asked = asked.map_or(EXPIRES_MAX, |secs| Duration::from_secs(secs.into()));
    if !asked.is_zero() && asked < EXPIRES_MIN {
        return Err(Reply::at_once(423).with(Name::MinExpires, EXPIRES_MIN.as_secs().to_string()));
    }
    Ok(asked.min(EXPIRES_MAX))
}

fn subscribed(granted: Duration, contact: &str) -> Reply {
    Reply::at_once(200)
        .with(Name::Expires, granted.as_secs().to_string())
        .with(Name::Contact, contact.to_owned())
}

/// What the Subscription-State of a NOTIFY says.
pub(super) fn subscription_state(now: Now, expires_at: Instant, due: Due) -> String {
    match due {
        Due::Notify => {
            let left = expires_at.saturating_duration_since(now.mono).as_secs();
            format!("active;expires={left}")
        }
        Due::NotifyLast => "terminated;reason=timeout".to_owned(),
    }
}
