//! What the other side asks of this phone (RFC 3261 §8.2, §12.2.2).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rsip::{Method, Request};
use tokio::sync::watch;

use super::call::{LineCall, Stage};
use super::repeat::Repeat;
use super::{Arrival, CALLS_MAX, Line, PhoneEvent, Progress, transaction_key};
use crate::error::Ended;
use crate::wire::{self, Heads, Reply};

impl Line {
    pub fn on_request(&mut self, now: Instant, from: SocketAddr, request: Request, heads: Heads) {
        let key = transaction_key(&heads.branch, heads.method);
        if let Some(answered) = self.answered.get(&key) {
            return super::send(&self.socket, &answered.bytes, answered.to);
        }
        let call_id: Arc<str> = heads.call_id.as_str().into();
        let is_known = self.calls.contains_key(&call_id);
        match heads.method {
            Method::Ack => self.on_ack(&call_id, &request, &heads),
            Method::Cancel => self.on_cancel(now, from, &call_id, &request, &heads),
            Method::Invite if heads.to_tag().is_none() => self.on_invite(now, from, call_id, request, heads),
            Method::Invite if is_known => self.on_reinvite(now, from, &call_id, &request, key),
            Method::Update if is_known => {
                let sdp = if request.body.is_empty() {
                    Ok(None)
                } else {
                    self.renegotiate(&call_id, &request.body).map(Some).ok_or(())
                };
                match sdp {
                    Ok(sdp) => self.say(now, from, key, &request, 200, sdp),
                    Err(()) => self.say(now, from, key, &request, 488, None),
                }
            }
            Method::Bye if is_known => {
                self.say(now, from, key, &request, 200, None);
                self.end(&call_id, Ended::HungUpThere);
            }
            Method::Options | Method::Notify => self.say(now, from, key, &request, 200, None),
            Method::Info if is_known => self.say(now, from, key, &request, 200, None),
            Method::Invite | Method::Update | Method::Bye | Method::Info => {
                self.say(now, from, key, &request, 481, None);
            }
            Method::Message
            | Method::PRack
            | Method::Publish
            | Method::Refer
            | Method::Register
            | Method::Subscribe => self.say(now, from, key, &request, 405, None),
        }
    }

    /// A final answer that needs no ACK.
    fn say(
        &mut self,
        now: Instant,
        to: SocketAddr,
        key: String,
        request: &Request,
        status: u16,
        sdp: Option<String>,
    ) {
        let contact = self.contact();
        let tag = wire::token().ok();
        let reply = Reply { request, status, tag: tag.as_deref(), contact: Some(&contact), sdp };
        self.reply(now, key, wire::response(reply), to, None);
    }

    fn on_ack(&mut self, call_id: &Arc<str>, request: &Request, heads: &Heads) {
        if let Some(answered) = self.answered.get_mut(&transaction_key(&heads.branch, Method::Invite)) {
            // The ACK of a refusal comes in the INVITE's own transaction.
            answered.repeat = None;
        }
        let Some(call) = self.calls.get_mut(call_id) else { return };
        call.unacknowledged = None;
        if std::mem::take(&mut call.awaits_answer) {
            call.agree(&request.body);
        }
        if matches!(call.stage, Stage::Talking) && *call.progress.borrow() != Progress::Established {
            call.progress.send_replace(Progress::Established);
            self.tell(PhoneEvent::Answered);
        }
    }

    fn on_cancel(
        &mut self,
        now: Instant,
        from: SocketAddr,
        call_id: &Arc<str>,
        request: &Request,
        heads: &Heads,
    ) {
        let invite_key = transaction_key(&heads.branch, Method::Invite);
        let status = if self.answered.contains_key(&invite_key) { 200 } else { 481 };
        self.say(now, from, transaction_key(&heads.branch, Method::Cancel), request, status, None);
        let Some(call) = self.calls.get(call_id) else { return };
        let Stage::Offered { invite, branch } = &call.stage else { return };
        if *branch != heads.branch {
            return;
        }
        let reply =
            Reply { request: invite, status: 487, tag: Some(&call.our_tag), contact: None, sdp: None };
        let bytes = wire::response(reply);
        let repeat = Repeat::other(now, bytes.clone(), from);
        self.reply(now, invite_key, bytes, from, Some(repeat));
        self.end(call_id, Ended::Cancelled);
    }

    fn on_invite(
        &mut self,
        now: Instant,
        from: SocketAddr,
        call_id: Arc<str>,
        invite: Request,
        heads: Heads,
    ) {
        let key = transaction_key(&heads.branch, Method::Invite);
        if self.calls.contains_key(&call_id) {
            // The same call by another path (§8.2.2.2).
            return self.refuse(now, from, key, &invite, 482);
        }
        let (Ok(our_tag), true) = (wire::token(), self.calls.len() < CALLS_MAX) else {
            return self.refuse(now, from, key, &invite, 486);
        };
        let progress = watch::Sender::new(Progress::Trying);
        let arrival = Arrival {
            call: Arc::clone(&call_id),
            caller: wire::user_of(wire::uri_of(&heads.from)).to_owned(),
            replaces: format!(
                "{call_id};to-tag={};from-tag={our_tag}",
                heads.their_tag().unwrap_or_default()
            ),
            progress: progress.subscribe(),
        };
        if self.arrivals.try_send(arrival).is_err() {
            return self.refuse(now, from, key, &invite, 486);
        }
        let call = LineCall {
            ours: format!("{};tag={our_tag}", heads.to),
            target: wire::contact(&invite).unwrap_or_else(|| wire::uri_of(&heads.from).to_owned()),
            theirs: heads.from,
            our_tag,
            routes: wire::record_routes(&invite),
            peer: from,
            sequence: 0,
            stage: Stage::Offered { invite: Box::new(invite), branch: heads.branch },
            media: None,
            progress,
            version: 0,
            ack: None,
            unacknowledged: None,
            awaits_answer: false,
        };
        self.calls.insert(Arc::clone(&call_id), call);
        // At once, so that the other side stops repeating while the script makes up its mind.
        self.answer_with(now, &call_id, 100);
        self.tell(PhoneEvent::IncomingCall);
    }

    /// A refusal of an INVITE, repeated until its ACK.
    fn refuse(&mut self, now: Instant, to: SocketAddr, key: String, invite: &Request, status: u16) {
        let tag = wire::token().ok();
        let reply = Reply { request: invite, status, tag: tag.as_deref(), contact: None, sdp: None };
        let bytes = wire::response(reply);
        let repeat = Repeat::other(now, bytes.clone(), to);
        self.reply(now, key, bytes, to, Some(repeat));
    }

    fn on_reinvite(
        &mut self,
        now: Instant,
        from: SocketAddr,
        call_id: &Arc<str>,
        request: &Request,
        key: String,
    ) {
        let Some(sdp) = self.renegotiate(call_id, &request.body) else {
            return self.refuse(now, from, key, request, 488);
        };
        let contact = self.contact();
        let reply = Reply { request, status: 200, tag: None, contact: Some(&contact), sdp: Some(sdp) };
        let bytes = wire::response(reply);
        if let Some(call) = self.calls.get_mut(call_id) {
            call.unacknowledged = Some(Repeat::other(now, bytes.clone(), from));
            if let Some(target) = wire::contact(request) {
                call.target = target;
            }
        }
        self.reply(now, key, bytes, from, None);
    }
}
