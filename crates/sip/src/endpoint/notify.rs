//! NOTIFYs to watching phones (RFC 6665 §4.2.2).

use primitives::Now;

use super::subscribe::{SubscriptionId, subscription_state};
use super::{Endpoint, Output};
use crate::event::{Due, Happening};
use crate::header::Name;
use crate::message::{Method, Response};
use crate::transaction::Class;
use crate::transaction::layer::{Owner, TransactionId};
use crate::uri::escape_user;

impl Endpoint {
    /// Sends the state as it is now.
    pub(super) fn notify_watcher(&mut self, now: Now, id: SubscriptionId, due: Due, out: &mut Vec<Output>) {
        let Some(mut subscription) = self.subscriptions.table.remove(&id) else { return };
        let dialog = &mut subscription.dialog;
        let mut notify = dialog.request(Method::Notify);
        notify.headers.push(Name::Contact, dialog.contact().to_owned());
        notify.headers.push(Name::Event, subscription.event.clone());
        notify.headers.push(Name::SubscriptionState, subscription_state(now, subscription.expires_at, due));
        if let Some(told) = subscription.told {
            let entity = format!("sip:{}@{}", escape_user(&subscription.user), self.config.realm);
            notify.headers.push(Name::ContentType, subscription.package.media_type());
            notify.body = told.body(&entity, subscription.version);
            subscription.version = subscription.version.wrapping_add(1);
        }
        self.regain_way(dialog);
        dialog.way = self.address(dialog.way, &mut notify, out);
        let (owner, way) = (Owner::Subscription(id), dialog.way);
        subscription.notify = Some(self.send_request(now, owner, way, notify, out));
        self.subscriptions.table.insert(id, subscription);
    }

    /// A NOTIFY was answered; `None`, it was not in time. Whoever does not take one is told nothing more.
    pub(super) fn watcher_heard(
        &mut self,
        now: Now,
        id: SubscriptionId,
        transaction: TransactionId,
        answer: Option<&Response>,
        out: &mut Vec<Output>,
    ) {
        let Some(subscription) = self.subscriptions.table.get_mut(&id) else { return };
        if subscription.notify != Some(transaction) {
            return;
        }
        let happening = match answer.map(|response| Class::of(response.status)) {
            Some(Class::Provisional) => return,
            Some(Class::Success) => Happening::Accepted,
            Some(Class::Refusal) | None => Happening::Refused,
        };
        subscription.notify = None;
        self.subscription_happens(now, id, happening, out);
    }
}
