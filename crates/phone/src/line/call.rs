//! One call of the line: its dialog (RFC 3261 §12) and what the script may do with it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rsip::{Header, Method, Request, Response};
use tokio::sync::watch;

use super::repeat::{Due, Repeat};
use super::{CALLS_MAX, Line, PhoneEvent, Placed, Progress, Purpose, branch, send, transaction_key};
use crate::error::{Ended, PhoneError};
use crate::media::{Aim, Media};
use crate::sdp::Description;
use crate::wire::{self, Heads, Outgoing, Reply};

/// A call and its dialog.
pub struct LineCall {
    /// From and To values as we write them: ours with our tag, theirs with theirs once it is known.
    pub ours: String,
    pub theirs: String,
    pub our_tag: String,
    /// Their Contact, or before it is known the URI that was dialled.
    pub target: String,
    /// Route set, first hop first.
    pub routes: Vec<String>,
    /// Where requests of this dialog go.
    pub peer: SocketAddr,
    /// CSeq of our last request.
    pub sequence: u32,
    pub stage: Stage,
    pub media: Option<Media>,
    pub progress: watch::Sender<Progress>,
    /// Version of our session description.
    pub version: u32,
    /// Our ACK of their 200, for its repetitions.
    pub ack: Option<Bytes>,
    /// Our 200 until their ACK.
    pub unacknowledged: Option<Repeat>,
    /// We made the offer in our 200; their ACK brings the answer (RFC 3264, §13.2.1).
    pub awaits_answer: bool,
}

/// How far a call is.
pub enum Stage {
    /// Our INVITE is out.
    Calling(Calling),
    /// Their INVITE waits for our final answer.
    Offered { invite: Box<Request>, branch: String },
    /// Both sides have a dialog.
    Talking,
    /// Our BYE is out; `was_told` once the script knows how the call ended.
    Leaving { was_told: bool },
}

/// Our INVITE transaction.
pub struct Calling {
    pub branch: String,
    pub challenged: u8,
    /// A CANCEL may only follow a provisional answer (§9.1).
    pub has_answer: bool,
    pub is_cancelled: bool,
}

impl LineCall {
    /// When its unacknowledged answer is due again.
    pub fn due_at(&self) -> Option<Instant> {
        self.unacknowledged.as_ref().map(Repeat::due_at)
    }

    /// Our description, its version counted up.
    fn describe(&mut self, description: &Description) -> String {
        self.version += 1;
        description.write(1, self.version)
    }

    /// Takes their tag, Contact and route set from the answer that makes the dialog (§12.1.2).
    pub fn confirm(&mut self, response: &Response, heads: &Heads) {
        self.theirs.clone_from(&heads.to);
        if let Some(contact) = wire::contact(response) {
            self.target = contact;
        }
        self.routes = wire::record_routes(response);
        self.routes.reverse();
    }

    /// Points our microphone where their answer to our offer says.
    pub fn agree(&self, their_answer: &[u8]) {
        if let (Some(media), Some(theirs)) = (&self.media, Description::read(their_answer)) {
            media.aim(Aim::at(&theirs, &theirs));
        }
    }
}

impl Line {
    /// Sends an INVITE to the server.
    pub fn place(&mut self, now: Instant, number: &str, media: Media) -> Result<Placed, PhoneError> {
        if self.calls.len() >= CALLS_MAX {
            return Err(PhoneError::Unavailable { calls: CALLS_MAX });
        }
        let call_id: Arc<str> = wire::token()?.into();
        let our_tag = wire::token()?;
        let uri = format!("sip:{number}@{}", self.config.server);
        let progress = watch::Sender::new(Progress::Trying);
        let watched = progress.subscribe();
        let call = LineCall {
            ours: format!("{};tag={our_tag}", self.identity()),
            theirs: format!("<{uri}>"),
            our_tag,
            target: uri,
            routes: Vec::new(),
            peer: self.config.server,
            sequence: 0,
            stage: Stage::Calling(Calling {
                branch: String::new(),
                challenged: 0,
                has_answer: false,
                is_cancelled: false,
            }),
            media: Some(media),
            progress,
            version: 0,
            ack: None,
            unacknowledged: None,
            awaits_answer: false,
        };
        self.calls.insert(Arc::clone(&call_id), call);
        self.send_invite(now, &call_id, None)?;
        self.tell(PhoneEvent::Calling);
        Ok(Placed { call: call_id, progress: watched })
    }

    pub fn send_invite(
        &mut self,
        now: Instant,
        call_id: &Arc<str>,
        authorization: Option<Header>,
    ) -> Result<(), PhoneError> {
        let branch = branch()?;
        let contact = self.contact();
        let Some(call) = self.calls.get_mut(call_id) else { return Ok(()) };
        call.sequence += 1;
        let offer = call.media.as_ref().map(|m| Description::offer(m.local(), &self.config.codecs));
        let sdp = offer.map(|o| call.describe(&o));
        let request = wire::request(Outgoing {
            method: Method::Invite,
            uri: &call.target,
            local: self.local,
            branch: &branch,
            from: &call.ours,
            to: &call.theirs,
            call_id,
            sequence: call.sequence,
            extra: authorization.into_iter().collect(),
            contact: Some(&contact),
            sdp,
        });
        if let Stage::Calling(calling) = &mut call.stage {
            calling.branch.clone_from(&branch);
        }
        let to = call.peer;
        match request {
            Some(bytes) => {
                self.transact(now, &branch, Method::Invite, bytes, to, Purpose::Invite(Arc::clone(call_id)))
            }
            // Not a number a SIP URI can carry: what a server would say to it.
            None => self.end(call_id, Ended::Refused(484)),
        }
        Ok(())
    }

    /// A provisional answer to their INVITE.
    pub fn answer_with(&mut self, now: Instant, call_id: &Arc<str>, status: u16) {
        let contact = self.contact();
        let Some(call) = self.calls.get(call_id) else { return };
        let Stage::Offered { invite, branch } = &call.stage else { return };
        let reply =
            Reply { request: invite, status, tag: Some(&call.our_tag), contact: Some(&contact), sdp: None };
        let (bytes, key, to) = (wire::response(reply), transaction_key(branch, Method::Invite), call.peer);
        self.reply(now, key, bytes, to, None);
    }

    /// Answers their INVITE with 200 and our half of the session.
    pub fn answer(&mut self, now: Instant, call_id: &Arc<str>, media: Media) {
        let contact = self.contact();
        let codecs = self.config.codecs.clone();
        let Some(call) = self.calls.get_mut(call_id) else { return media.close() };
        let Stage::Offered { invite, branch } = &call.stage else { return media.close() };
        let (invite, branch) = (invite.clone(), branch.clone());
        let ours = if invite.body.is_empty() {
            call.awaits_answer = true;
            Some(Description::offer(media.local(), &codecs))
        } else {
            let offer = Description::read(&invite.body);
            let answer = offer.as_ref().and_then(|o| o.answer_to(media.local(), &codecs));
            media.aim(offer.zip(answer.clone()).and_then(|(offer, answer)| Aim::at(&offer, &answer)));
            answer
        };
        let Some(ours) = ours else {
            media.close();
            return self.decline(now, call_id, 488);
        };
        call.media = Some(media);
        call.stage = Stage::Talking;
        let sdp = Some(call.describe(&ours));
        let reply =
            Reply { request: &invite, status: 200, tag: Some(&call.our_tag), contact: Some(&contact), sdp };
        let (bytes, to) = (wire::response(reply), call.peer);
        call.unacknowledged = Some(Repeat::other(now, bytes.clone(), to));
        self.reply(now, transaction_key(&branch, Method::Invite), bytes, to, None);
    }

    /// Refuses their INVITE.
    pub fn decline(&mut self, now: Instant, call_id: &Arc<str>, status: u16) {
        let Some(call) = self.calls.get(call_id) else { return };
        let Stage::Offered { invite, branch } = &call.stage else { return };
        let reply = Reply { request: invite, status, tag: Some(&call.our_tag), contact: None, sdp: None };
        let (bytes, key, to) = (wire::response(reply), transaction_key(branch, Method::Invite), call.peer);
        let repeat = Repeat::other(now, bytes.clone(), to);
        self.reply(now, key, bytes, to, Some(repeat));
        self.end(call_id, Ended::Refused(status));
    }

    /// BYE, CANCEL or a refusal: whatever the stage of the call allows.
    pub fn hang_up(&mut self, now: Instant, call_id: &Arc<str>) {
        let Some(call) = self.calls.get_mut(call_id) else { return };
        match &mut call.stage {
            Stage::Calling(calling) => {
                calling.is_cancelled = true;
                if calling.has_answer {
                    self.cancel(now, call_id);
                }
            }
            Stage::Offered { .. } => self.decline(now, call_id, 603),
            Stage::Talking => {
                call.stage = Stage::Leaving { was_told: false };
                self.send_bye(now, call_id);
            }
            Stage::Leaving { .. } => {}
        }
    }

    /// CANCEL of our INVITE: same branch, same CSeq number (§9.1).
    pub fn cancel(&mut self, now: Instant, call_id: &Arc<str>) {
        let Some(call) = self.calls.get(call_id) else { return };
        let Stage::Calling(Calling { branch, .. }) = &call.stage else { return };
        let request = wire::request(Outgoing {
            method: Method::Cancel,
            uri: &call.target,
            local: self.local,
            branch,
            from: &call.ours,
            to: &call.theirs,
            call_id,
            sequence: call.sequence,
            extra: Vec::new(),
            contact: None,
            sdp: None,
        });
        let (branch, to) = (branch.clone(), call.peer);
        if let Some(pending) = self.pending.get_mut(&transaction_key(&branch, Method::Invite)) {
            pending.repeat.is_cancelled(now);
        }
        if let Some(bytes) = request {
            self.transact(now, &branch, Method::Cancel, bytes, to, Purpose::Cancel);
        }
    }

    pub fn send_bye(&mut self, now: Instant, call_id: &Arc<str>) {
        let Ok(branch) = branch() else { return self.end(call_id, Ended::HungUpHere) };
        let Some(call) = self.calls.get_mut(call_id) else { return };
        call.unacknowledged = None;
        if let Some(media) = &call.media {
            media.aim(None);
        }
        call.sequence += 1;
        let request = in_dialog(call, call_id, Method::Bye, &branch, self.local, call.sequence);
        let to = call.peer;
        match request {
            Some(bytes) => {
                self.transact(now, &branch, Method::Bye, bytes, to, Purpose::Bye(Arc::clone(call_id)))
            }
            None => self.end(call_id, Ended::HungUpHere),
        }
    }

    /// ACK of their 200: a request of its own with a branch of its own (§13.2.2.4).
    pub fn acknowledge(&mut self, call_id: &Arc<str>, sequence: u32) {
        let Ok(branch) = branch() else { return };
        let Some(call) = self.calls.get_mut(call_id) else { return };
        if let Some(bytes) = in_dialog(call, call_id, Method::Ack, &branch, self.local, sequence) {
            send(&self.socket, &bytes, call.peer);
            call.ack = Some(bytes);
        }
    }

    /// Our half of a session that they change or ask for (re-INVITE, UPDATE); nothing if no codec is
    /// common.
    pub fn renegotiate(&mut self, call_id: &Arc<str>, body: &[u8]) -> Option<String> {
        let call = self.calls.get_mut(call_id)?;
        let media = call.media.as_ref()?;
        let ours = if body.is_empty() {
            call.awaits_answer = true;
            Description::offer(media.local(), &self.config.codecs)
        } else {
            let offer = Description::read(body)?;
            let answer = offer.answer_to(media.local(), &self.config.codecs)?;
            media.aim(Aim::at(&offer, &answer));
            answer
        };
        Some(call.describe(&ours))
    }

    /// Our 200s that nobody acknowledged yet (§13.3.1.4).
    pub fn repeat_unacknowledged(&mut self, now: Instant) {
        let mut given_up = Vec::new();
        for (call_id, call) in &mut self.calls {
            let Some(repeat) = &mut call.unacknowledged else { continue };
            match repeat.due(now) {
                Due::Nothing => {}
                Due::Send(to) => send(&self.socket, &repeat.bytes, to),
                Due::GiveUp => given_up.push(Arc::clone(call_id)),
            }
        }
        for call_id in given_up {
            if let Some(call) = self.calls.get_mut(&call_id) {
                call.progress.send_replace(Progress::Ended(Ended::NoReply));
                call.stage = Stage::Leaving { was_told: true };
                self.tell(PhoneEvent::Ended(Ended::NoReply));
                self.send_bye(now, &call_id);
            }
        }
    }
}

/// A request inside the dialog.
fn in_dialog(
    call: &LineCall,
    call_id: &str,
    method: Method,
    branch: &str,
    local: SocketAddr,
    sequence: u32,
) -> Option<Bytes> {
    wire::request(Outgoing {
        method,
        uri: &call.target,
        local,
        branch,
        from: &call.ours,
        to: &call.theirs,
        call_id,
        sequence,
        extra: call.routes.iter().map(|r| Header::Route(r.clone().into())).collect(),
        contact: None,
        sdp: None,
    })
}
