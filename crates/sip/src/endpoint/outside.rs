//! Requests of ours outside any dialog (RFC 3261 §8.1, §10.2, §11.1): REGISTER, OPTIONS and whatever else asks
//! once and wants one answer.
//!
//! They take the way an INVITE takes (RFC 3263), answer challenges, and end in one [`Outcome`].

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use primitives::Now;

use super::way::{Way, way_of};
use super::{Discarded, Endpoint, Output};
use crate::account::Account;
use crate::deadlines::Deadlines;
use crate::digest::Prover;
use crate::header::{CSeq, Contacts, Name, NameAddr};
use crate::message::{self, Headers, Method, Request};
use crate::path::{Path, ResolveId, Target};
use crate::transaction::Class;
use crate::transaction::layer::{Owner, TransactionId};
use crate::uri::Uri;

/// Requests under way at once: a registration and sixteen checks of each of sixty trunks. One more fails at
/// once and is asked again at its next turn.
const REQUESTS_MAX: usize = 1_024;

/// Targets tried for one request.
const TARGETS_MAX: usize = 4;

/// Routes a registrar may give us (RFC 3608); more is no route anybody has.
const SERVICE_ROUTES_MAX: usize = 8;

/// One request of ours outside any dialog. Never used twice in one process.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(pub u64);

/// A request outside any dialog.
#[derive(Clone, Debug)]
pub struct OutOfDialog {
    /// What. Never INVITE, ACK or CANCEL.
    pub method: Method,
    /// The request URI.
    pub uri: String,
    /// The way to it, where one is known; otherwise it follows from the Route or the URI (RFC 3263).
    pub path: Option<Path>,
    /// The URI of From.
    pub from: String,
    /// The URI of To. `None`: the request URI.
    pub to: Option<String>,
    /// Who we are to whom it passes.
    pub account: Account,
    /// Call-ID and CSeq of a request that goes on a series (§10.2: registrations of one boot). Each answer to
    /// a challenge counts one further; four at most. `None`: a series of its own.
    pub series: Option<(String, u32)>,
    /// Headers to add. Names and values without CR and LF.
    pub headers: Vec<(String, String)>,
    /// A body and its Content-Type.
    pub body: Option<(String, Bytes)>,
    /// How long an answer is waited for, DNS, connection and challenges included.
    pub patience: Duration,
}

/// How a request outside a dialog ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// A final answer.
    Final(Box<FinalResponse>),
    /// Nothing came back in time.
    NoResponse,
    /// No way to it: DNS, connection or certificate.
    Unreachable,
}

/// What a final answer says besides its number.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FinalResponse {
    /// 200 to 699.
    pub status: u16,
    /// How long our Contact is bound, in seconds: what the registrar wrote beside it, else Expires.
    pub expires_secs: Option<u32>,
    /// Of a 423 (§10.2.8).
    pub min_expires_secs: Option<u32>,
    /// When to come back (§20.33).
    pub retry_after_secs: Option<u32>,
    /// The Routes our calls take from now on (RFC 3608), nearest first.
    pub service_route: Vec<String>,
}

#[derive(Debug)]
struct Waiting {
    /// Without Via, Contact and credentials.
    request: Request,
    cseq: u32,
    account: Account,
    prover: Option<Box<Prover>>,
    /// Where it went last.
    path: Option<Path>,
    targets: VecDeque<Target>,
    asking: Asking,
    give_up_at: Instant,
}

#[derive(Clone, Copy, Debug)]
enum Asking {
    Name(ResolveId),
    Peer(TransactionId),
}

/// All of them.
#[derive(Debug)]
pub(super) struct Outside {
    waiting: BTreeMap<RequestId, Waiting>,
    questions: BTreeMap<ResolveId, RequestId>,
    deadlines: Deadlines<RequestId>,
    last: u64,
}

impl Outside {
    pub(super) const fn new() -> Self {
        Self { waiting: BTreeMap::new(), questions: BTreeMap::new(), deadlines: Deadlines::new(), last: 0 }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.soonest()
    }

    fn take(&mut self, id: RequestId) -> Option<Waiting> {
        let waiting = self.waiting.remove(&id)?;
        self.deadlines.set(id, None);
        if let Asking::Name(question) = waiting.asking {
            self.questions.remove(&question);
        }
        Some(waiting)
    }

    fn put(&mut self, id: RequestId, waiting: Waiting) {
        self.deadlines.set(id, Some(waiting.give_up_at));
        if let Asking::Name(question) = waiting.asking {
            self.questions.insert(question, id);
        }
        self.waiting.insert(id, waiting);
    }
}

impl Endpoint {
    pub(super) fn send_outside(
        &mut self,
        now: Now,
        request: OutOfDialog,
        out: &mut Vec<Output>,
    ) -> RequestId {
        self.outside.last += 1;
        let id = RequestId(self.outside.last);
        if self.outside.waiting.len() >= REQUESTS_MAX {
            out.push(Output::Dropped(Discarded::Full));
            out.push(answered(id, Outcome::Unreachable));
            return id;
        }
        let (path, give_up_at) = (request.path, now.mono + request.patience);
        let Some((request, cseq, account)) = self.write_outside(request) else {
            out.push(answered(id, Outcome::Unreachable));
            return id;
        };
        let way = way_of(&first_hop(&request));
        let prover = account.credentials.clone().map(|credentials| Box::new(Prover::new(credentials)));
        let asking = Asking::Name(self.legs.next_question());
        let targets = VecDeque::new();
        let mut waiting = Waiting { request, cseq, account, prover, path, targets, asking, give_up_at };
        match (path, way, asking) {
            (Some(path), _, _) => self.ask_peer(now, id, waiting, path, out),
            (None, Way::Target(target), _) => {
                waiting.targets.push_back(target);
                self.ask_next(now, id, waiting, Outcome::Unreachable, out);
            }
            (None, Way::Name(name), Asking::Name(question)) => {
                out.push(Output::Resolve { id: question, name });
                self.outside.put(id, waiting);
            }
            (None, _, _) => out.push(answered(id, Outcome::Unreachable)),
        }
        id
    }

    /// The request but for what depends on its way.
    fn write_outside(&mut self, asked: OutOfDialog) -> Option<(Request, u32, Account)> {
        if matches!(asked.method, Method::Invite | Method::Ack | Method::Cancel) {
            return None;
        }
        let uri = Uri::parse(&asked.uri).ok()?;
        let from = NameAddr::new(Uri::parse(&asked.from).ok()?).with_tag(&self.names.tag());
        let to = NameAddr::new(Uri::parse(asked.to.as_deref().unwrap_or(&asked.uri)).ok()?);
        let (call_id, cseq) = asked.series.unwrap_or_else(|| (self.names.call_id(), 1));
        let mut request = Request::new(asked.method.clone(), uri);
        super::place::push_routes(&mut request, &asked.account.routes);
        let headers = &mut request.headers;
        headers.push(Name::From, from.to_wire());
        headers.push(Name::To, to.to_wire());
        headers.push(Name::CallId, call_id);
        headers.push(Name::CSeq, CSeq { number: cseq, method: asked.method }.to_wire());
        super::place::push_foreign(headers, asked.headers);
        if let Some((kind, body)) = asked.body {
            headers.push(Name::ContentType, kind);
            request.body = body;
        }
        Some((request, cseq, asked.account))
    }

    /// DNS has answered a question that is none of a leg's.
    pub(super) fn outside_resolved(
        &mut self,
        now: Now,
        question: ResolveId,
        targets: &[Target],
        out: &mut Vec<Output>,
    ) {
        let Some(id) = self.outside.questions.get(&question).copied() else { return };
        let Some(mut waiting) = self.outside.take(id) else { return };
        waiting.targets.extend(targets.iter().take(TARGETS_MAX).cloned());
        self.ask_next(now, id, waiting, Outcome::Unreachable, out);
    }

    /// Asks the next target; when there is none, the request ends as at the last one.
    fn ask_next(
        &mut self,
        now: Now,
        id: RequestId,
        mut waiting: Waiting,
        outcome: Outcome,
        out: &mut Vec<Output>,
    ) {
        match waiting.targets.pop_front() {
            Some(target) => {
                let path = self.connections.route_to(self.path_to(&target), target.domain.as_deref(), out);
                self.ask_peer(now, id, waiting, path, out);
            }
            None => out.push(answered(id, outcome)),
        }
    }

    fn ask_peer(&mut self, now: Now, id: RequestId, mut waiting: Waiting, path: Path, out: &mut Vec<Output>) {
        let mut request = waiting.request.clone();
        let path = self.address(path, &mut request, out);
        let user = waiting.account.contact_user.as_deref();
        request.headers.push(Name::Contact, self.contact_as(path, &request.uri, user));
        if let Some(prover) = &mut waiting.prover {
            prover.sign(&mut request, &self.names.cnonce());
        }
        waiting.path = Some(path);
        let transaction = self.send_request(now, Owner::Request(id), path, request, out);
        waiting.asking = Asking::Peer(transaction);
        self.outside.put(id, waiting);
    }

    /// A response that is news.
    pub(super) fn request_answered(
        &mut self,
        now: Now,
        id: RequestId,
        response: &message::Response,
        out: &mut Vec<Output>,
    ) {
        if Class::of(response.status) == Class::Provisional {
            return;
        }
        let Some(mut waiting) = self.outside.take(id) else { return };
        let outcome = Outcome::Final(Box::new(read(response, waiting.account.contact_user.as_deref())));
        if waiting.prover.as_mut().is_some_and(|prover| prover.is_challenged(response))
            && let Some(path) = waiting.path
        {
            waiting.cseq += 1;
            let cseq = CSeq { number: waiting.cseq, method: waiting.request.method.clone() };
            waiting.request.headers.set(Name::CSeq, cseq.to_wire());
            return self.ask_peer(now, id, waiting, path, out);
        }
        if response.status == 503 && !waiting.targets.is_empty() {
            return self.ask_next(now, id, waiting, outcome, out);
        }
        out.push(answered(id, outcome));
    }

    /// Timer F, or the connection is gone.
    pub(super) fn request_failed(
        &mut self,
        now: Now,
        id: RequestId,
        outcome: Outcome,
        out: &mut Vec<Output>,
    ) {
        let Some(waiting) = self.outside.take(id) else { return };
        self.ask_next(now, id, waiting, outcome, out);
    }

    /// Requests whose patience is over.
    pub(super) fn outside_timeout(&mut self, now: Now, out: &mut Vec<Output>) {
        while let Some(id) = self.outside.deadlines.take_due(now.mono) {
            let Some(waiting) = self.outside.take(id) else { continue };
            if let Asking::Peer(transaction) = waiting.asking {
                self.transactions.forget(transaction);
            }
            out.push(answered(id, Outcome::NoResponse));
        }
    }
}

const fn answered(request: RequestId, outcome: Outcome) -> Output {
    Output::Answered { request, outcome }
}

/// Where a request goes first: its topmost Route, else its URI (§8.1.2).
pub(super) fn first_hop(request: &Request) -> Uri {
    let route = request.headers.routes().ok().and_then(|routes| routes.into_iter().next());
    route.map_or_else(|| request.uri.clone(), |route| route.uri)
}

/// What a final answer says. Of several bindings ours is the one with our user; another phone of the same
/// address may be registered beside us.
fn read(response: &message::Response, user: Option<&str>) -> FinalResponse {
    let headers = &response.headers;
    let contacts = match headers.contacts() {
        Ok(Contacts::These(contacts)) => contacts,
        Ok(Contacts::All) | Err(_) => Vec::new(),
    };
    let is_ours = |contact: &&NameAddr| {
        let theirs = contact.uri.as_sip().and_then(|uri| uri.user_unescaped());
        theirs.as_ref().map(|theirs| theirs.expose().as_str()) == user
    };
    let ours = contacts.iter().filter(is_ours);
    // Our own may be there with an old port; the longest is the one just made.
    let beside = ours.filter_map(|contact| contact.params.value("expires")?.trim().parse().ok()).max();
    FinalResponse {
        status: response.status,
        expires_secs: beside.or_else(|| headers.expires().ok().flatten()),
        min_expires_secs: headers.min_expires().ok().flatten(),
        retry_after_secs: headers.retry_after().ok().flatten(),
        service_route: service_route(headers),
    }
}

fn service_route(headers: &Headers) -> Vec<String> {
    let values = headers.list(&Name::ServiceRoute).take(SERVICE_ROUTES_MAX);
    values.map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}
