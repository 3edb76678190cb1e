//! What answers to our requests mean (RFC 3261 §13.2.2, §17.1).

use std::sync::Arc;
use std::time::Instant;

use rsip::{Method, Response};

use super::call::{Calling, Stage};
use super::register::CHALLENGES_MAX;
use super::{Line, PhoneEvent, Progress, Purpose, repeat, send, transaction_key};
use crate::digest::Challenge;
use crate::error::Ended;
use crate::wire::{self, Heads, Outgoing};

impl Line {
    pub fn on_response(&mut self, now: Instant, response: &Response, heads: &Heads) {
        let status = response.status_code.code();
        let key = transaction_key(&heads.branch, heads.method);
        let Some(purpose) = self.pending.get(&key).map(|p| p.purpose.clone()) else {
            return self.on_repeated_response(status, heads);
        };
        if status < 200 {
            if let Purpose::Invite(call) = purpose {
                self.on_provisional(now, &call, response, &key);
            }
            return;
        }
        self.pending.remove(&key);
        match purpose {
            Purpose::Register => self.on_register_response(now, response),
            Purpose::Invite(call) if status < 300 => self.on_answer(now, &call, response, heads),
            Purpose::Invite(call) => self.on_refusal(now, &call, response, heads),
            Purpose::Bye(call) => self.end(&call, Ended::HungUpHere),
            Purpose::Cancel => {}
        }
    }

    /// A final answer that came before: its ACK was lost.
    fn on_repeated_response(&mut self, status: u16, heads: &Heads) {
        if heads.method != Method::Invite {
            return;
        }
        if let Some((ack, _)) = self.acknowledged.get(&heads.branch) {
            send(&self.socket, ack, self.config.server);
        } else if let (200..=299, Some(call)) = (status, self.calls.get(heads.call_id.as_str()))
            && let Some(ack) = &call.ack
        {
            send(&self.socket, ack, call.peer);
        }
    }

    fn on_provisional(&mut self, now: Instant, call_id: &Arc<str>, response: &Response, key: &str) {
        if let Some(pending) = self.pending.get_mut(key) {
            pending.repeat.rings(now);
        }
        let Some(call) = self.calls.get_mut(call_id) else { return };
        let Stage::Calling(calling) = &mut call.stage else { return };
        let is_first = !std::mem::replace(&mut calling.has_answer, true);
        let is_cancelled = calling.is_cancelled;
        if response.status_code.code() > 100 && *call.progress.borrow() == Progress::Trying {
            call.progress.send_replace(Progress::Ringing);
            // Early media: an announcement before the answer is heard too.
            call.agree(&response.body);
            self.tell(PhoneEvent::Ringing);
        }
        if is_cancelled && is_first {
            self.cancel(now, call_id);
        }
    }

    fn on_answer(&mut self, now: Instant, call_id: &Arc<str>, response: &Response, heads: &Heads) {
        let Some(call) = self.calls.get_mut(call_id) else { return };
        let Stage::Calling(Calling { is_cancelled, .. }) = call.stage else { return };
        call.confirm(response, heads);
        call.agree(&response.body);
        call.stage = Stage::Talking;
        if !is_cancelled {
            call.progress.send_replace(Progress::Established);
            self.tell(PhoneEvent::Answered);
        }
        self.acknowledge(call_id, heads.sequence);
        if is_cancelled {
            // The answer crossed our CANCEL (§9.1): the call exists and is hung up.
            self.hang_up(now, call_id);
        }
    }

    fn on_refusal(&mut self, now: Instant, call_id: &Arc<str>, response: &Response, heads: &Heads) {
        let status = response.status_code.code();
        self.acknowledge_refusal(now, call_id, heads);
        let Some(call) = self.calls.get_mut(call_id) else { return };
        let Stage::Calling(calling) = &mut call.stage else { return };
        let is_cancelled = calling.is_cancelled;
        if matches!(status, 401 | 407) && calling.challenged < CHALLENGES_MAX && !is_cancelled {
            calling.challenged += 1;
            calling.has_answer = false;
            let offered = wire::challenges(response).into_iter().filter_map(Challenge::read).collect();
            let uri = call.target.clone();
            let authorization = Challenge::choose(offered, self.config.digest)
                .and_then(|challenge| self.authorization(&challenge, 1, Method::Invite, &uri, status));
            if authorization.is_some() {
                if self.send_invite(now, call_id, authorization).is_err() {
                    self.end(call_id, Ended::NoReply);
                }
                return;
            }
        }
        self.end(call_id, if is_cancelled { Ended::Cancelled } else { Ended::Refused(status) });
    }

    /// ACK of a refusal: part of the INVITE's own transaction, so the same branch (§17.1.1.3).
    fn acknowledge_refusal(&mut self, now: Instant, call_id: &Arc<str>, heads: &Heads) {
        let Some(call) = self.calls.get(call_id) else { return };
        let ack = wire::request(Outgoing {
            method: Method::Ack,
            uri: &call.target,
            local: self.local,
            branch: &heads.branch,
            from: &call.ours,
            to: &heads.to,
            call_id,
            sequence: heads.sequence,
            extra: Vec::new(),
            contact: None,
            sdp: None,
        });
        if let Some(ack) = ack {
            send(&self.socket, &ack, call.peer);
            self.acknowledged.insert(heads.branch.clone(), (ack, now + repeat::TIMER_H));
        }
    }
}
