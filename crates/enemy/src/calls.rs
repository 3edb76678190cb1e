//! What is promised of every call that is made by datagrams: one final answer to each request, an ACK to
//! each 2xx, and a BYE to each session. On a stream that may be lost nobody can keep these promises.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use sip::LegEvent;
use sip::header::Name;
use sip::message::{Headers, Message, Method, Request, Response};

use crate::world::Said;

/// How long a server transaction repeats its answer (Timers H, J and L).
const REPEATS: Duration = Duration::from_secs(32);

/// What names a request: the top Via's branch, CSeq, Call-ID and From.
type Exchange = [Vec<u8>; 4];

/// A Call-ID and the far end's tag.
type Session = (Vec<u8>, String);

#[derive(Default)]
pub struct Calls {
    /// The final answer each request had.
    finals: BTreeMap<Exchange, (Instant, u16, String)>,
    /// What the far end asked last under each name.
    asked: BTreeMap<Exchange, Request>,
    /// Names an enemy gave to different requests. Where the first was turned away without a transaction, the
    /// second is judged anew.
    ambiguous: BTreeSet<Exchange>,
    /// INVITEs that were told to wait, and REFERs the call was told of, without final answer yet.
    waiting: BTreeSet<Exchange>,
    /// The REFER that was just received.
    refer: Option<Exchange>,
    /// Sessions with a 2xx and without a BYE.
    sessions: BTreeSet<Session>,
    /// All that ever were.
    begun: BTreeSet<Session>,
    /// INVITEs of ours, by branch, that were refused: their 2xx is too late.
    refused: BTreeSet<Vec<u8>>,
    /// The 2xx that was just received and must be acknowledged.
    owed: Option<(Vec<u8>, Response)>,
    /// INVITEs of ours without an offer, by branch: their ACK carries the answer and waits for the call.
    offerless: BTreeSet<Vec<u8>>,
    /// 2xx to those that have no ACK yet.
    unacknowledged: BTreeSet<Session>,
    /// 2xx whose ACK waits until DNS knows where its sender is, and the branch of their INVITE.
    looked_up: BTreeMap<Session, Vec<u8>>,
    /// 2xx that were acknowledged, by branch and tag.
    acknowledged: BTreeSet<(Vec<u8>, String)>,
}

fn part(headers: &Headers, name: &Name) -> Vec<u8> {
    headers.first(name).map(|value| value.to_vec()).unwrap_or_default()
}

fn exchange(headers: &Headers) -> Exchange {
    [branch(headers), part(headers, &Name::CSeq), part(headers, &Name::CallId), part(headers, &Name::From)]
}

fn branch(headers: &Headers) -> Vec<u8> {
    headers
        .top_via()
        .ok()
        .and_then(|via| via.branch().map(|branch| branch.as_bytes().to_vec()))
        .unwrap_or_default()
}

fn tag(headers: &Headers, name: &Name) -> String {
    let address = if *name == Name::To { headers.to() } else { headers.from() };
    address.ok().and_then(|address| address.tag().map(str::to_owned)).unwrap_or_default()
}

impl Calls {
    /// Something comes by datagram.
    pub fn comes(&mut self, message: &Message) {
        (self.owed, self.refer) = (None, None);
        let response = match message {
            Message::Request(request) => {
                let key = exchange(&request.headers);
                if self.asked.get(&key).is_some_and(|asked| asked != request) {
                    self.ambiguous.insert(key.clone());
                }
                if request.method == Method::Refer {
                    self.refer = Some(key.clone());
                }
                self.asked.insert(key, request.clone());
                return;
            }
            Message::Response(response) => response,
        };
        let Ok(cseq) = response.headers.cseq() else { return };
        if cseq.method != Method::Invite || !response.is_final() {
            return;
        }
        let branch = branch(&response.headers);
        let known = (branch.clone(), tag(&response.headers, &Name::To));
        if response.status >= 300 {
            if !self.acknowledged.iter().any(|(acknowledged, _)| *acknowledged == branch) {
                self.refused.insert(branch);
            }
        } else if !self.refused.contains(&branch) && !self.acknowledged.contains(&known) {
            self.owed = Some((branch, response.clone()));
        }
    }

    /// What was said to it: a 2xx that belongs to something is acknowledged the first time it comes.
    pub fn answered(&mut self, said: &Said) {
        // What comes by a stream next may be the same REFER, of which nothing is promised.
        let refer = self.refer.take();
        if said.events.iter().any(|(_, event)| matches!(event, LegEvent::Referred(_))) {
            self.waiting.extend(refer);
        }
        let Some((branch, ok)) = self.owed.take() else { return };
        if !said.dropped.is_empty() {
            return;
        }
        let wanted = tag(&ok.headers, &Name::To);
        let number = ok.headers.cseq().map(|cseq| cseq.number).ok();
        let acks = said.sent.iter().filter_map(|message| match message {
            Message::Request(ack) if ack.method == Method::Ack => Some(&ack.headers),
            _ => None,
        });
        let numbered = acks.filter(|headers| headers.cseq().map(|cseq| cseq.number).ok() == number);
        let tags: Vec<String> = numbered.map(|headers| tag(headers, &Name::To)).collect();
        // Who took the call without a tag, as RFC 2543 let him, has none, whatever he writes later.
        if tags.iter().any(String::is_empty) && !wanted.is_empty() {
            return;
        }
        let acknowledged = tags.contains(&wanted);
        let session = (part(&ok.headers, &Name::CallId), wanted.clone());
        if !acknowledged && (said.asks_dns || self.looked_up.contains_key(&session)) {
            self.looked_up.insert(session, branch);
            return;
        }
        if !acknowledged {
            assert!(self.offerless.contains(&branch), "a 2xx with the tag {wanted} was not acknowledged");
            self.unacknowledged.insert(session.clone());
        }
        let left = said.sent.iter().any(|message| {
            matches!(message, Message::Request(bye) if bye.method == Method::Bye
                && tag(&bye.headers, &Name::To) == wanted)
        });
        // Of a re-INVITE after the end there is no new session.
        let is_first = self.begun.insert(session.clone());
        self.acknowledged.insert((branch, wanted));
        if !left && is_first {
            self.sessions.insert(session);
        }
    }

    /// Something is sent by datagram.
    pub fn sends(&mut self, now: Instant, message: &Message) {
        match message {
            Message::Request(request) => self.asks(request),
            Message::Response(response) => self.answers(now, response),
        }
    }

    fn asks(&mut self, request: &Request) {
        let session = (part(&request.headers, &Name::CallId), tag(&request.headers, &Name::To));
        match request.method {
            Method::Bye => {
                self.sessions.remove(&session);
            }
            Method::Ack => {
                if let Some(branch) = self.looked_up.remove(&session) {
                    self.acknowledged.insert((branch, session.1.clone()));
                    self.begun.insert(session.clone());
                    self.sessions.insert(session.clone());
                }
                self.unacknowledged.remove(&session);
            }
            Method::Invite if request.body.is_empty() => {
                self.offerless.insert(branch(&request.headers));
            }
            _ => {}
        }
    }

    fn answers(&mut self, now: Instant, response: &Response) {
        let Ok(cseq) = response.headers.cseq() else { return };
        let key = exchange(&response.headers);
        if !response.is_final() {
            if cseq.method == Method::Invite && !self.finals.contains_key(&key) {
                self.waiting.insert(key);
            }
            return;
        }
        self.waiting.remove(&key);
        let session = (part(&response.headers, &Name::CallId), tag(&response.headers, &Name::From));
        if (200..300).contains(&response.status) {
            match cseq.method {
                Method::Invite => {
                    self.sessions.insert(session);
                }
                Method::Bye => {
                    self.sessions.remove(&session);
                }
                _ => {}
            }
        }
        // What is turned away is judged anew each time: a CANCEL whose INVITE has come meanwhile, a copy
        // (482) whose original is over.
        if cseq.method == Method::Cancel || response.status == 482 {
            return;
        }
        let answer = (now, response.status, tag(&response.headers, &Name::To));
        match self.finals.get(&key) {
            Some((at, status, tag)) if now < *at + REPEATS => {
                let is_same = (*status, tag) == (answer.1, &answer.2);
                assert!(is_same || self.ambiguous.contains(&key), "{status}, then {}", answer.1);
            }
            _ => drop(self.finals.insert(key, answer)),
        }
    }

    /// Everybody has hung up and time has passed.
    pub fn end(self) {
        assert!(self.waiting.is_empty(), "an INVITE or REFER has no final answer: {:?}", self.waiting);
        assert!(self.unacknowledged.is_empty(), "a 2xx without ACK: {:?}", self.unacknowledged);
        assert!(self.sessions.is_empty(), "a session nobody ended: {:?}", self.sessions);
    }
}
