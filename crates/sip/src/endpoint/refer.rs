//! REFER inside a dialog (RFC 3515), and how its sender hears what comes of it: an implicit subscription to
//! the event `refer`, which RFC 4488 lets him do without.

use bytes::Bytes;
use primitives::{Now, Private};

use super::legs::{Established, Heard, Leg, State};
use super::reply::{Arrived, Reply};
use super::{Endpoint, Output};
use crate::dialog::DialogId;
use crate::event::{self, Due, Happening, Notifier, sipfrag};
use crate::header::{Name, NameAddr, Replaces};
use crate::leg::{LegEvent, LegId};
use crate::message::{Method, Request, Response};
use crate::referral::{Referral, Replaced};
use crate::transaction::Class;
use crate::transaction::layer::TransactionId;

/// Header fields a Refer-To URI may hold. Only Replaces counts; a phone adds one or two beside it.
const EMBEDDED_MAX: usize = 8;

/// Bytes of an embedded Replaces, unescaped: a Call-ID and two tags.
const REPLACES_BYTES_MAX: usize = 512;

/// How long its sender may expect news of a referral, in seconds. Whoever is rung for it is given up before.
const REFERRAL_SECS: u64 = 180;

/// A REFER under way on a leg. One at a time: what a second one asks for depends on the first.
#[derive(Debug)]
pub(super) struct Refer {
    /// Until the call has answered it.
    asked: Option<Box<Arrived>>,
    /// `id` of the Event header: the number of the REFER.
    cseq: u32,
    /// Whether its sender wants to hear of it.
    is_told: bool,
    notifier: Notifier,
    /// What the referred-to party answered last.
    status: u16,
    notify: Option<TransactionId>,
}

impl Endpoint {
    /// A REFER in order inside a dialog.
    pub(super) fn receive_refer(&mut self, now: Now, leg: &mut Leg, refer: Arrived, out: &mut Vec<Output>) {
        let id = leg.id;
        let State::Established(established) = &mut leg.state else {
            // Nothing to refer anybody from: the call is not up, or over.
            self.reply(now, &refer, "", Reply::at_once(481), out);
            return;
        };
        if established.refer.is_some() {
            self.reply(now, &refer, "", Reply::at_once(491), out);
            return;
        }
        let referral = match self.referral(&refer.request) {
            Ok(referral) => referral,
            Err(reply) => {
                self.reply(now, &refer, "", reply, out);
                return;
            }
        };
        let cseq = refer.request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        let is_told = !declines_news(&refer.request);
        self.transactions.assign(refer.transaction, id);
        established.refer = Some(Box::new(Refer {
            asked: Some(Box::new(refer)),
            cseq,
            is_told,
            notifier: Notifier::default(),
            status: 100,
            notify: None,
        }));
        out.push(Output::Leg { leg: id, event: LegEvent::Referred(Box::new(referral)) });
    }

    /// What it asks for, or how it is refused.
    fn referral(&self, request: &Request) -> Result<Referral, Reply> {
        let bad = |_| Reply::at_once(400);
        let to = request.headers.refer_to().map_err(bad)?.ok_or(Reply::at_once(400))?.uri;
        let Some(uri) = to.as_sip() else {
            let number = to.user().ok_or(Reply::at_once(416))?;
            return Ok(Referral { to: number, replaces: None, by: referred_by(request) });
        };
        // Only a call can be made of it (RFC 3515 §2.1: any method may be asked for).
        if uri.params.value("method").is_some_and(|method| *method != *Method::Invite.as_str()) {
            return Err(Reply::at_once(501));
        }
        if uri.headers.len() > EMBEDDED_MAX {
            return Err(Reply::at_once(400));
        }
        let mut embedded =
            uri.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(Name::Replaces.as_str()));
        let replaces = match (embedded.next(), embedded.next()) {
            (None, _) => None,
            (Some((_, value)), None) => Some(self.replaced(value).ok_or(Reply::at_once(400))?),
            (Some(_), Some(_)) => return Err(Reply::at_once(400)),
        };
        let user = self
            .registrar
            .user_of_contact(&to)
            .map(|user| Private::new(user.to_owned()))
            .or_else(|| to.user());
        let to = match user {
            Some(user) => user,
            // The address of a dialog of ours names nobody and needs not to: Replaces does.
            None if replaces.is_some() => Private::new(String::new()),
            None => return Err(Reply::at_once(404)),
        };
        Ok(Referral { to, replaces, by: referred_by(request) })
    }

    /// The leg an escaped Replaces names; `None` where it cannot be read.
    fn replaced(&self, escaped: &str) -> Option<Replaced> {
        let value = crate::uri::unescaped(escaped);
        if value.len() > REPLACES_BYTES_MAX {
            return None;
        }
        Some(self.find_replaced(&Replaces::parse(&value).ok()?))
    }

    /// The leg a Replaces header names (RFC 3891 §3). Its to-tag is ours; some phones that refer write their
    /// own there, so that the other way round counts too.
    pub(super) fn find_replaced(&self, replaces: &Replaces) -> Replaced {
        let dialog = |local: &str, remote: &str| DialogId {
            call_id: replaces.call_id.expose().clone(),
            local_tag: local.to_owned(),
            remote_tag: remote.to_owned(),
        };
        let ids =
            [dialog(&replaces.to_tag, &replaces.from_tag), dialog(&replaces.from_tag, &replaces.to_tag)];
        let stage = ids.iter().find_map(|id| self.legs.stage(id));
        match stage.unwrap_or(Replaced::Nobody) {
            Replaced::Confirmed(_) if replaces.early_only => Replaced::TooLate,
            stage => stage,
        }
    }

    /// The call takes the REFER on: 202, and the first news.
    pub(super) fn accept_refer(
        &mut self,
        now: Now,
        leg: LegId,
        established: &mut Established,
        out: &mut Vec<Output>,
    ) {
        let Some(mut refer) = established.refer.take() else { return };
        let Some(asked) = refer.asked.take() else {
            established.refer = Some(refer);
            return;
        };
        let accepted = Reply::after_facts(202).with(Name::Contact, established.dialog.contact().to_owned());
        if refer.is_told {
            self.reply(now, &asked, "", accepted, out);
            established.refer = Some(refer);
            return self.tell_referrer(now, leg, established, 100, out);
        }
        self.reply(now, &asked, "", accepted.with(REFER_SUB, "false"), out);
    }

    /// The call does not.
    pub(super) fn refuse_refer(
        &mut self,
        now: Now,
        established: &mut Established,
        reply: Reply,
        out: &mut Vec<Output>,
    ) {
        if let Some(asked) = established.refer.take_if(|refer| refer.asked.is_some()).and_then(|it| it.asked)
        {
            self.reply(now, &asked, "", reply, out);
        }
    }

    /// What the referred-to party answered: 1xx, or the final status, after which nothing follows.
    pub(super) fn tell_referrer(
        &mut self,
        now: Now,
        leg: LegId,
        established: &mut Established,
        status: u16,
        out: &mut Vec<Output>,
    ) {
        let Some(refer) = &mut established.refer else { return };
        refer.status = status;
        let happening = if status >= 200 { Happening::Last } else { Happening::Changed };
        let due = refer.notifier.handle(happening);
        self.notify_referrer(now, leg, established, due, out);
    }

    /// A NOTIFY of ours was answered, or was not in time.
    pub(super) fn referrer_heard(
        &mut self,
        now: Now,
        leg: LegId,
        established: &mut Established,
        transaction: TransactionId,
        answer: Option<&Response>,
        out: &mut Vec<Output>,
    ) {
        let Some(refer) = established.refer.as_mut().filter(|it| it.notify == Some(transaction)) else {
            return;
        };
        let class = answer.map(|response| Class::of(response.status));
        let happening = match class {
            Some(Class::Provisional) => return,
            Some(Class::Success) => Happening::Accepted,
            Some(Class::Refusal) | None => Happening::Refused,
        };
        refer.notify = None;
        let due = refer.notifier.handle(happening);
        if refer.notifier.is_over() {
            established.refer = None;
            return;
        }
        self.notify_referrer(now, leg, established, due, out);
    }

    /// A NOTIFY of ours inside a leg's dialog was answered.
    pub(super) fn notify_answered(
        &mut self,
        now: Now,
        id: LegId,
        transaction: TransactionId,
        answer: Option<&Response>,
        out: &mut Vec<Output>,
    ) {
        let Some(mut leg) = self.legs.take(id) else { return };
        if let State::Established(established) = &mut leg.state {
            self.referrer_heard(now, id, established, transaction, answer, out);
        }
        self.legs.put(leg, &self.transactions);
    }

    /// SUBSCRIBE of a referrer who wants to hear longer, or no more (RFC 3515 §2.4.6).
    pub(super) fn resubscribe_referrer(
        &mut self,
        now: Now,
        leg: &mut Leg,
        subscribe: &Arrived,
        out: &mut Vec<Output>,
    ) {
        let id = leg.id;
        let is_refer = event::package(&subscribe.request.headers).as_deref() == Some("refer");
        let State::Established(established) = &mut leg.state else {
            self.reply(now, subscribe, "", Reply::at_once(481), out);
            return;
        };
        let Some(refer) = established.refer.as_mut().filter(|refer| is_refer && refer.asked.is_none()) else {
            self.reply(now, subscribe, "", Reply::at_once(481), out);
            return;
        };
        let is_end = subscribe.request.headers.expires() == Ok(Some(0));
        let granted = if is_end { 0 } else { REFERRAL_SECS };
        let happening = if is_end { Happening::Last } else { Happening::Changed };
        let due = refer.notifier.handle(happening);
        let reply = Reply::at_once(200).with(Name::Expires, granted.to_string());
        self.reply(now, subscribe, "", reply, out);
        self.notify_referrer(now, id, established, due, out);
    }

    fn notify_referrer(
        &mut self,
        now: Now,
        leg: LegId,
        established: &mut Established,
        due: Option<Due>,
        out: &mut Vec<Output>,
    ) {
        let (Some(due), Some(refer)) = (due, &mut established.refer) else { return };
        let dialog = &mut established.dialog;
        let mut notify = dialog.request(Method::Notify);
        notify.headers.push(Name::Contact, dialog.contact().to_owned());
        notify.headers.push(Name::Event, format!("refer;id={}", refer.cseq));
        let state = match due {
            Due::Notify => format!("active;expires={REFERRAL_SECS}"),
            Due::NotifyLast => "terminated;reason=noresource".to_owned(),
        };
        notify.headers.push(Name::SubscriptionState, state);
        notify.headers.push(Name::ContentType, "message/sipfrag;version=2.0");
        notify.body = sipfrag(refer.status);
        refer.notify = Some(self.send_in_dialog(now, leg, dialog, notify, out));
    }

    /// We end the dialog while the last news waits its turn: it goes at once, or never.
    pub(super) fn tell_the_last(
        &mut self,
        now: Now,
        leg: LegId,
        established: &mut Established,
        out: &mut Vec<Output>,
    ) {
        let waits = established.refer.as_ref().is_some_and(|refer| refer.notifier == Notifier::LastDue);
        if waits {
            self.notify_referrer(now, leg, established, Some(Due::NotifyLast), out);
        }
    }

    /// The dialog ends and with it what was asked in it.
    pub(super) fn drop_refer(&mut self, now: Now, refer: Option<Box<Refer>>, out: &mut Vec<Output>) {
        if let Some(asked) = refer.and_then(|refer| refer.asked) {
            self.reply(now, &asked, "", Reply::after_facts(481), out);
        }
    }
}

/// RFC 4488 §4.
const REFER_SUB: Name = Name::Other(Bytes::from_static(b"Refer-Sub"));

/// Whether the sender of a REFER wants no news of it: `Refer-Sub: false`.
fn declines_news(request: &Request) -> bool {
    request.headers.first(&REFER_SUB).is_some_and(|value| {
        let value = value.split(|byte| *byte == b';').next().unwrap_or_default();
        value.trim_ascii().eq_ignore_ascii_case(b"false")
    })
}

/// RFC 3892 §2. One that cannot be read says nothing; it is no proof in any case.
fn referred_by(request: &Request) -> Option<Private<String>> {
    let value = request.headers.first(&Name::ReferredBy)?;
    NameAddr::parse(&String::from_utf8_lossy(value)).ok()?.uri.user().filter(|user| !user.expose().is_empty())
}

impl Leg {
    /// What a Replaces header that names this dialog of the leg means. An INVITE of ours that a branch has not
    /// answered yet has no dialog with it.
    pub(super) fn stage(&self, id: &DialogId) -> Option<Replaced> {
        match &self.state {
            State::Established(_) => Some(Replaced::Confirmed(self.id)),
            State::Calling { heard: Heard::Provisional(progress), .. }
                if progress.early.has(&id.remote_tag) =>
            {
                Some(Replaced::Ringing(self.id))
            }
            State::Calling { .. } => None,
            State::Invited(_) => Some(Replaced::Dialling(self.id)),
            State::Resolving { .. } | State::Leaving(_) => None,
        }
    }
}
