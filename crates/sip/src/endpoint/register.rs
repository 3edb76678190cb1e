//! REGISTER (RFC 3261 §10.3): who is it, what does he want, what does he have now.

use std::time::Duration;

use primitives::Now;

use super::authenticate::Sender;
use super::reply::{Arrived, Reply};
use super::{Endpoint, Output, report};
use crate::Release;
use crate::digest::Staleness;
use crate::header::{Contacts, Name};
use crate::message::Request;
use crate::registrar::{CONTACTS_MAX, Registering, RegistrationChange, Wish};

impl Endpoint {
    /// Always asks who it is, also when only the list is wanted: where somebody can be reached is nobody
    /// else's business. Which domain the request URI names does not matter: there is one, and whoever
    /// knows a secret of it is in it.
    pub(super) fn receive_register(&mut self, now: Now, arrived: &Arrived, out: &mut Vec<Output>) {
        let request = &arrived.request;
        let user = match self.sender(now, request, arrived.came) {
            Sender::User(user) => user,
            Sender::Unknown => {
                let reply = self.challenge(now, arrived.came, Staleness::Fresh, Release::AtOnce);
                return self.turn_away(arrived, reply, out);
            }
            Sender::Unproven(staleness) => {
                let reply = self.challenge(now, arrived.came, staleness, Release::AtOnce);
                return self.turn_away(arrived, reply, out);
            }
        };
        let reply = match self.register(now, user, arrived, out) {
            Ok(reply) | Err(reply) => reply,
        };
        self.reply_outside(now, arrived, reply, out);
    }

    /// The answer to a REGISTER of a proven user; `Err` where it is refused.
    fn register(
        &mut self,
        now: Now,
        user: String,
        arrived: &Arrived,
        out: &mut Vec<Output>,
    ) -> Result<Reply, Reply> {
        let bad = |_| Reply::at_once(400);
        let request = &arrived.request;
        let owner = request.headers.to().map_err(bad)?.uri.user();
        if owner.is_none_or(|owner| *owner.expose() != user) || self.carrier(&user).is_some() {
            // One user registers for himself only (§10.3 step 4).
            return Err(Reply::at_once(403));
        }
        let register = Registering {
            user,
            path: arrived.came,
            sip_call_id: request.headers.call_id().map_err(bad)?.to_owned(),
            cseq: request.headers.cseq().map_err(bad)?.number,
        };
        let changes = match request.headers.contacts().map_err(bad)? {
            Contacts::All => {
                if request.headers.expires() != Ok(Some(0)) {
                    return Err(Reply::at_once(400));
                }
                self.registrar.remove_all(&register)
            }
            Contacts::These(_) => {
                let wishes = self.wishes(request)?;
                self.registrar.update(now, &register, wishes)
            }
        };
        let out_of_order = |_| Reply::at_once(500).retry_after(Duration::from_secs(1));
        let changes = changes.map_err(out_of_order)?;
        // Of a contact that holds on no fact is made.
        let is_fact = |change: &RegistrationChange| {
            !matches!(change, RegistrationChange::Bound { is_refresh: true, .. })
        };
        let release = if changes.iter().any(is_fact) { Release::AfterFacts } else { Release::AtOnce };
        report(changes, out);
        Ok(self.registered(now, &register.user, release))
    }

    /// What is wanted of each contact (§10.3 steps 6 and 7).
    fn wishes(&self, request: &Request) -> Result<Vec<Wish>, Reply> {
        let contacts = request.headers.contacts().map_err(|_| Reply::at_once(400))?;
        let contacts = contacts.addresses();
        if contacts.len() > CONTACTS_MAX {
            return Err(Reply::at_once(403));
        }
        let for_all = request.headers.expires().ok().flatten();
        let mut wishes = Vec::new();
        for contact in contacts {
            if contact.uri.as_sip().is_none() {
                return Err(Reply::at_once(400));
            }
            let asked = contact.expires().or(for_all).map(|secs| Duration::from_secs(secs.into()));
            let expires = asked.unwrap_or(self.config.registration_max);
            if !expires.is_zero() && expires < self.config.registration_min {
                let least = self.config.registration_min.as_secs().to_string();
                return Err(Reply::at_once(423).with(Name::MinExpires, least));
            }
            let preference = contact.preference().unwrap_or(1_000);
            wishes.push(Wish { contact: contact.uri.clone(), preference, expires });
        }
        Ok(wishes)
    }

    /// 200 with every contact the user has, and how long each still holds (§10.3 step 8).
    fn registered(&self, now: Now, user: &str, release: Release) -> Reply {
        let mut reply = Reply { release, ..Reply::at_once(200) };
        for binding in self.registrar.bindings(user) {
            let left = binding.expires.duration_since(now.wall).as_secs().max(0);
            let q = match binding.preference {
                1_000.. => String::new(),
                thousandths => format!(";q=0.{thousandths:03}"),
            };
            reply = reply.with(Name::Contact, format!("<{}>{q};expires={left}", binding.contact));
        }
        if let Ok(date) = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now.wall) {
            reply = reply.with(Name::Date, date);
        }
        reply
    }
}
