//! From bytes to the transaction or leg they are for, and the refusals that need neither (RFC 3261 §8.2,
//! §18.1.2, §18.2.1).

use std::time::Duration;

use bytes::Bytes;
use primitives::Now;

use super::connections::Owes;
use super::reply::{ALLOW, Arrived, Reply, SUPPORTED};
use super::way::answer_path;
use super::{Discarded, Endpoint, Output, Release, report};
use crate::EmergencyNumber;
use crate::dialog::DialogId;
use crate::error::{self, ParseError};
use crate::framer::{Frame, PONG};
use crate::header::Name;
use crate::message::{self, Message, Method, Request, Response};
use crate::path::{ConnectionChange, ConnectionId, Path};
use crate::transaction::key::{ClientKey, MergeKey, ServerKey};
use crate::transaction::layer::{News, Owner};
use crate::uri::Uri;

/// Transactions under way at once, from where on new work is refused with 503 (§21.5.4). Each call has
/// some four within its first half minute, so that this is what `LEGS_MAX` legs arriving at 500 a second
/// need.
const TRANSACTIONS_MAX: usize = 80_000;

/// Transactions on top of that for what belongs to legs under way: hang-ups are never shed.
const TRANSACTIONS_RESERVED: usize = 40_000;

/// When a caller refused for overload may try again. Long enough for a burst to pass.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(10);

impl Endpoint {
    pub(super) fn receive(&mut self, now: Now, path: Path, bytes: &[u8], out: &mut Vec<Output>) {
        let Some(connection) = path.connection else {
            if let Err(why) = self.guard.admit(now.mono, path.peer.ip(), bytes) {
                return self.shut_out(now, why, out);
            }
            if message::is_keep_alive(bytes) {
                return out.push(Output::Dropped(Discarded::KeepAlive));
            }
            return self.receive_message(now, path, &Bytes::copy_from_slice(bytes), out);
        };
        self.connections.opened(now.mono, connection, out);
        let Some(mut framer) = self.connections.take_framer(now.mono, connection, path) else {
            out.push(Output::Disconnect { id: connection });
            return out.push(Output::Dropped(Discarded::Full));
        };
        framer.push(bytes);
        let mut is_new = false;
        loop {
            match framer.next() {
                Ok(Some(Frame::Message(message))) => {
                    is_new = true;
                    match self.guard.admit(now.mono, path.peer.ip(), &message) {
                        Ok(()) => self.receive_message(now, path, &message, out),
                        Err(why) => self.shut_out(now, why, out),
                    }
                }
                Ok(Some(Frame::Ping)) => {
                    is_new = true;
                    let bytes = Bytes::from_static(PONG);
                    out.push(Output::Send { path, bytes, release: Release::AtOnce });
                    out.push(Output::Dropped(Discarded::KeepAlive));
                }
                Ok(None) => {
                    return self.connections.put_framer(now.mono, connection, framer, is_new);
                }
                Err(error) => {
                    self.refuse_broken(path, error, out);
                    // The answer goes before the end; nothing can follow what could not be framed.
                    out.push(Output::Disconnect { id: connection });
                    self.connections.disconnect(connection);
                    return self.connection_lost(now, connection, out);
                }
            }
        }
    }

    pub(super) fn connection_changed(
        &mut self,
        now: Now,
        id: ConnectionId,
        change: ConnectionChange,
        out: &mut Vec<Output>,
    ) {
        match change {
            ConnectionChange::Accepted { transport, peer, certificate } => {
                if !self.connections.accepted(now.mono, id, transport, peer, certificate) {
                    out.push(Output::Disconnect { id });
                    out.push(Output::Dropped(Discarded::Full));
                }
            }
            // It took too long, and what it was for has gone another way.
            ConnectionChange::Opened { .. } if !self.connections.is_known(id) => {
                out.push(Output::Disconnect { id });
            }
            ConnectionChange::Opened { local: _, certificate } => {
                self.connections.proven(id, certificate);
                self.connections.opened(now.mono, id, out);
            }
            ConnectionChange::Lost => {
                self.connections.lost(id);
                self.connection_lost(now, id, out);
            }
        }
    }

    /// A connection whose peer did not send the rest of a message in time, or that has carried nothing for
    /// long. One that a registration or a dialog needs may be idle.
    pub(super) fn connection_due(&mut self, now: Now, id: ConnectionId, owes: Owes, out: &mut Vec<Output>) {
        if owes == Owes::Message {
            out.push(Output::Dropped(Discarded::Slow));
        } else if owes == Owes::Nothing && (self.registrar.is_over(id) || self.legs.go_over(id)) {
            return self.connections.keep(now.mono, id);
        }
        out.push(Output::Disconnect { id });
        self.connections.disconnect(id);
        self.connection_lost(now, id, out);
    }

    /// What went over a connection that is gone has no answer any more, and who registered over it cannot
    /// be reached until he registers again.
    fn connection_lost(&mut self, now: Now, id: ConnectionId, out: &mut Vec<Output>) {
        self.fall_back(now, id, out);
        for (transaction, owner) in self.transactions.fail_connection(id) {
            self.undeliverable(now, transaction, owner, out);
        }
        report(self.registrar.lose_connection(id), out);
    }

    /// Counts what is dropped at the door, and tells it once a minute.
    fn shut_out(&mut self, now: Now, why: Discarded, out: &mut Vec<Output>) {
        out.push(Output::Dropped(why));
        out.extend(self.guard.tell(now.mono, why).map(Output::ShutOut));
    }

    fn receive_message(&mut self, now: Now, path: Path, bytes: &Bytes, out: &mut Vec<Output>) {
        let read = message::parse(bytes);
        if let Ok(Message::Request(request)) = &read
            && self.guard.is_scanner(now.mono, path.peer.ip(), &request.headers)
        {
            return self.shut_out(now, Discarded::Scanner, out);
        }
        let checked = read.and_then(|message| {
            message::validate(&message)?;
            Ok(message)
        });
        match checked {
            Ok(Message::Request(request)) => {
                if self.receive_request(now, path, request, out).is_none() {
                    out.push(Output::Dropped(Discarded::Malformed));
                }
            }
            Ok(Message::Response(response)) => self.receive_response(now, response, path, out),
            Err(error) => self.refuse_broken(path, error, out),
        }
    }

    /// Answers a request that cannot be understood, where enough of it can be.
    fn refuse_broken(&mut self, path: Path, error: ParseError, out: &mut Vec<Output>) {
        let (error::Answer::Status(status), Some(mut echo)) = (error.answer, error.echo) else {
            return out.push(Output::Dropped(Discarded::Malformed));
        };
        // A Via that cannot be read is given back as it came, to where it came from.
        let answers = echo.top_via().map_or(path, |mut via| {
            let answers = answer_path(path, &via);
            via.stamp(path.peer);
            echo.set_top_via(&via);
            answers
        });
        let warning = format!("399 careline \"expected {}\"", error.expected.replace(['"', '\\'], "'"));
        let reply = Reply::at_once(status).with(Name::Warning, warning);
        self.reply_stateless(answers, &echo, reply, out);
    }

    fn receive_response(&mut self, now: Now, response: Response, path: Path, out: &mut Vec<Output>) {
        let Ok(cseq) = response.headers.cseq() else {
            return out.push(Output::Dropped(Discarded::Malformed));
        };
        let key = ClientKey::of(&response.headers, &cseq.method);
        let found = self.transactions.handle_response(now.mono, &key, &response, out);
        let Some((transaction, owner, news)) = found else {
            return out.push(Output::Dropped(Discarded::StrayResponse));
        };
        // Who knows a branch of ours received it.
        self.guard.prove(now.mono, path.peer.ip());
        let leg = match owner {
            Owner::Leg(leg) => leg,
            Owner::Request(request) if news == Some(News::Deliver) => {
                return self.request_answered(now, request, &response, out);
            }
            Owner::Subscription(id) if news == Some(News::Deliver) => {
                return self.watcher_heard(now, id, transaction, Some(&response), out);
            }
            Owner::Request(_) | Owner::Subscription(_) | Owner::Nobody => return,
        };
        if news == Some(News::Deliver) && cseq.method == Method::Invite {
            self.invite_answered(now, leg, transaction, &response, path, out);
        } else if news == Some(News::Deliver) && cseq.method == Method::Update {
            self.update_answered(now, leg, transaction, &response, out);
        } else if news == Some(News::Deliver) && cseq.method == Method::Refer {
            self.refer_answered(leg, &response, out);
        } else if news == Some(News::Deliver) && cseq.method == Method::Notify {
            self.notify_answered(now, leg, transaction, Some(&response), out);
        } else if news == Some(News::Deliver) {
            if cseq.method == Method::Bye && matches!(response.status, 401 | 407) {
                self.bye_challenged(now, leg, &response, out);
            }
            self.legs.settle(leg, &self.transactions);
        }
    }

    /// `None`: a header that validation should have refused could not be read.
    fn receive_request(
        &mut self,
        now: Now,
        came: Path,
        mut request: Request,
        out: &mut Vec<Output>,
    ) -> Option<()> {
        let mut via = request.headers.top_via().ok()?;
        let answers = answer_path(came, &via);
        via.stamp(came.peer);
        request.headers.set_top_via(&via);
        let key = ServerKey::of(&request, &via).ok()?;
        let dialog = DialogId::of_request(&request.headers).ok()?;
        if dialog.as_ref().is_some_and(|dialog| self.legs.of_dialog(dialog).is_some()) {
            // Who knows a tag of ours received it.
            self.guard.prove(now.mono, came.peer.ip());
        }

        if request.method == Method::Ack {
            self.receive_ack(now, &key, dialog.as_ref(), &request, out);
            return Some(());
        }
        if let Some(transaction) = self.transactions.find(&key) {
            self.transactions.repeat(transaction, out);
            return Some(());
        }
        if !self.has_room(&request, dialog.as_ref()) {
            if request.method == Method::Invite {
                let reply = Reply::at_once(503).retry_after(RETRY_AFTER);
                self.reply_stateless(answers, &request.headers, reply, out);
            }
            out.push(Output::Dropped(Discarded::Full));
            return Some(());
        }
        if is_new_call(&request, dialog.as_ref()) && !self.guard.overload.lets_in(now.mono) {
            // Without Retry-After, which would keep a carrier from us for all its calls (§21.5.4); it tries elsewhere.
            self.reply_stateless(answers, &request.headers, Reply::at_once(503), out);
            self.shut_out(now, Discarded::Overload, out);
            return Some(());
        }
        let merge = MergeKey::of(&request.headers).ok()?;
        let is_merged = merge.as_ref().is_some_and(|merge| self.transactions.is_merged(merge));
        let merge = if is_merged { None } else { merge };
        let invite = key.of_invite();
        let transaction = self.transactions.open(&request.method, answers, key, merge);
        let arrived = Arrived { transaction, request, came, answers };
        if is_merged {
            self.turn_away(&arrived, Reply::at_once(482), out);
        } else if arrived.request.method == Method::Cancel {
            self.receive_cancel(now, &invite, &arrived, out);
        } else if let Some(reply) = unacceptable(&arrived.request) {
            self.turn_away(&arrived, reply, out);
        } else {
            self.dispatch(now, dialog, arrived, out);
        }
        Some(())
    }

    /// Whether another transaction may be opened for a request. Who has a dialog keeps being served, and who
    /// calls for help is.
    fn has_room(&self, request: &Request, dialog: Option<&DialogId>) -> bool {
        let reserved = match dialog {
            Some(dialog) if self.legs.of_dialog(dialog).is_some() => TRANSACTIONS_RESERVED,
            _ if request.method == Method::Cancel => TRANSACTIONS_RESERVED,
            _ if EmergencyNumber::of_uri(&request.uri).is_some() => TRANSACTIONS_RESERVED,
            _ => 0,
        };
        self.transactions.len() < TRANSACTIONS_MAX + reserved
    }

    /// A request that is whole and that we understand.
    fn dispatch(&mut self, now: Now, dialog: Option<DialogId>, arrived: Arrived, out: &mut Vec<Output>) {
        if arrived.request.method == Method::Register {
            return self.receive_register(now, &arrived, out);
        }
        if let Some(dialog) = dialog {
            if arrived.request.method == Method::Subscribe
                && let Some(subscription) = self.subscriptions.of_dialog(&dialog)
            {
                return self.resubscribe(now, subscription, &arrived, out);
            }
            return self.receive_in_dialog(now, &dialog, arrived, out);
        }
        match arrived.request.method {
            Method::Invite => self.receive_invite(now, arrived, out),
            Method::Options => self.turn_away(&arrived, capabilities(), out),
            Method::Subscribe => self.receive_subscribe(now, arrived, out),
            // Nobody makes us call somebody but from a call that he is in.
            Method::Refer => self.turn_away(&arrived, Reply::at_once(403), out),
            // BYE, INFO, PRACK and UPDATE belong to a dialog and have none (§15.1.2, RFC 6086 §4.2.2).
            _ => self.turn_away(&arrived, Reply::at_once(481), out),
        }
    }
}

/// Whether a request begins a call, and not one for help: that is let in whatever else there is.
fn is_new_call(request: &Request, dialog: Option<&DialogId>) -> bool {
    request.method == Method::Invite && dialog.is_none() && EmergencyNumber::of_uri(&request.uri).is_none()
}

/// What a request is refused for whoever sends it, in the order of §8.2.
fn unacceptable(request: &Request) -> Option<Reply> {
    match &request.method {
        Method::Invite | Method::Bye | Method::Options | Method::Info | Method::Register => {}
        Method::Prack | Method::Update | Method::Refer | Method::Subscribe | Method::Notify => {}
        Method::Ack | Method::Cancel => return None,
        Method::Message | Method::Publish => {
            return Some(Reply::at_once(405).with_allow());
        }
        Method::Extension(_) => return Some(Reply::at_once(501).with_allow()),
    }
    match &request.uri {
        Uri::Sip(_) => {}
        Uri::Tel(_) if request.method == Method::Invite => {}
        urn if request.method == Method::Invite && EmergencyNumber::of_uri(urn).is_some() => {}
        Uri::Tel(_) | Uri::Other(_) => return Some(Reply::at_once(416)),
    }
    let mut unknown = request.headers.require().unwrap_or_default();
    unknown.retain(|tag| !SUPPORTED.split(", ").any(|known| known == tag));
    if !unknown.is_empty() {
        return Some(Reply::at_once(420).with(Name::Unsupported, unknown.join(", ")));
    }
    // An OPTIONS that can go no further is asking who is here (§11, §16.3 step 3).
    if request.headers.max_forwards() == Ok(Some(0)) && request.method != Method::Options {
        return Some(Reply::at_once(483));
    }
    let is_encoded =
        request.headers.list(&Name::ContentEncoding).any(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    (is_encoded && !request.body.is_empty())
        .then(|| Reply::at_once(415).with(Name::AcceptEncoding, "identity"))
}

/// What we can do (§11.2).
pub(super) fn capabilities() -> Reply {
    Reply::at_once(200)
        .with(Name::Allow, ALLOW)
        .with(Name::Accept, "application/sdp")
        .with(Name::AcceptEncoding, "identity")
        .with(Name::AcceptLanguage, "en")
        .with_supported()
}
