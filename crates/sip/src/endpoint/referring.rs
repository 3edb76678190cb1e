//! Asking the far end of a leg to go on elsewhere: REFER from us (RFC 3515), and the news of it.

use primitives::Now;

use super::legs::{Established, Leg, State};
use super::reply::{Arrived, Reply};
use super::{Endpoint, Output};
use crate::event;
use crate::header::{Name, NameAddr};
use crate::leg::{LegEvent, LegId};
use crate::message::{Method, Response};
use crate::transaction::Class;
use crate::uri::Uri;

impl Endpoint {
    /// Sends a REFER. One to what is no URI is not sent: the call hears of it as of a refusal.
    pub(super) fn refer(
        &mut self,
        now: Now,
        leg: LegId,
        established: &mut Established,
        to: &str,
        out: &mut Vec<Output>,
    ) {
        let Ok(to) = Uri::parse(to) else {
            return out.push(Output::Leg { leg, event: LegEvent::ReferAnswered { status: 400 } });
        };
        let dialog = &mut established.dialog;
        let mut refer = dialog.request(Method::Refer);
        refer.headers.push(Name::Contact, dialog.contact().to_owned());
        refer.headers.push(Name::ReferTo, NameAddr::new(to).to_wire());
        established.has_referred = true;
        self.send_in_dialog(now, leg, dialog, refer, out);
    }

    /// Its answer.
    pub(super) fn refer_answered(&mut self, leg: LegId, answer: &Response, out: &mut Vec<Output>) {
        if Class::of(answer.status) != Class::Provisional {
            let event = LegEvent::ReferAnswered { status: answer.status };
            out.push(Output::Leg { leg, event });
        }
        self.legs.settle(leg, &self.transactions);
    }

    /// A NOTIFY inside a dialog: news of a REFER of ours, or of nothing we asked for.
    pub(super) fn receive_notify(&mut self, now: Now, leg: &Leg, notify: &Arrived, out: &mut Vec<Output>) {
        let has_referred = matches!(&leg.state, State::Established(it) if it.has_referred);
        let status = event::fragment_status(&notify.request.body);
        let reply = match (has_referred, event::package(&notify.request.headers).as_deref(), status) {
            (true, Some("refer"), Some(status)) => {
                out.push(Output::Leg { leg: leg.id, event: LegEvent::ReferNews { status } });
                Reply::after_facts(200)
            }
            (true, Some("refer"), None) => Reply::at_once(400),
            _ => Reply::at_once(481),
        };
        self.reply(now, notify, "", reply, out);
    }

    /// The Replaces (RFC 3891) that names a leg to whoever is at its other end.
    pub fn replaces(&self, leg: LegId) -> Option<String> {
        let id = self.legs.dialog_of(leg)?;
        Some(format!("{};to-tag={};from-tag={}", id.call_id, id.remote_tag, id.local_tag))
    }
}
