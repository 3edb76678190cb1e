//! All transactions of an endpoint: finds the one a message belongs to, and is the only place that sends
//! what must arrive.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;

use super::key::{ClientKey, MergeKey, ServerKey};
use super::{Action, Class, Client, InviteClient, InviteServer, Server};
use crate::deadlines::Deadlines;
use crate::endpoint::SubscriptionId;
use crate::header::{CSeq, Name};
use crate::message::{Method, Request, Response};
use crate::{ConnectionId, LegId, Output, Path, Release, RequestId, Timers};

/// One transaction. Never used twice in one process.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct TransactionId(u64);

/// Whom a transaction's news are for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Owner {
    /// A leg, which knows the transaction by its number.
    Leg(LegId),
    /// A request of ours outside any dialog.
    Request(RequestId),
    /// A NOTIFY to a phone that watches somebody.
    Subscription(SubscriptionId),
    /// Nobody: an answer that was given and needs only be repeated.
    Nobody,
}

#[derive(Debug)]
enum Machine {
    /// With the INVITE's headers, from which its CANCEL and the ACK to its refusal are made.
    InviteClient(InviteClient, Box<Request>),
    InviteServer(InviteServer),
    Client(Client),
    Server(Server),
}

impl Machine {
    /// Whether this is a request of ours that nothing has answered.
    const fn is_unanswered(&self) -> bool {
        match self {
            Self::InviteClient(machine, _) => machine.is_calling(),
            Self::Client(machine) => machine.is_trying(),
            Self::InviteServer(_) | Self::Server(_) => false,
        }
    }
}

#[derive(Debug)]
struct Entry {
    machine: Machine,
    path: Path,
    owner: Owner,
    keys: Keys,
    /// The way a request of ours takes if nothing comes of this one (RFC 3261 §18.1.1).
    instead: Option<Box<(Path, Request)>>,
}

#[derive(Debug)]
enum Keys {
    Client(ClientKey),
    Server { key: ServerKey, merge: Option<MergeKey> },
}

/// What the transaction user has to hear of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum News {
    /// The response just taken is new.
    Deliver,
    /// Timer B, F or H.
    TimedOut,
}

/// All transactions.
#[derive(Debug)]
pub(crate) struct Layer {
    timers: Timers,
    last: u64,
    entries: BTreeMap<TransactionId, Entry>,
    by_server_key: BTreeMap<ServerKey, TransactionId>,
    by_client_key: BTreeMap<ClientKey, TransactionId>,
    by_merge_key: BTreeMap<MergeKey, TransactionId>,
    /// How many transactions each leg has; a leg without one is missing here.
    of_leg: BTreeMap<LegId, usize>,
    /// Our requests by the connection they were sent over.
    by_connection: BTreeSet<(ConnectionId, TransactionId)>,
    deadlines: Deadlines<TransactionId>,
}

impl Layer {
    pub(crate) const fn new(timers: Timers) -> Self {
        Self {
            timers,
            last: 0,
            entries: BTreeMap::new(),
            by_server_key: BTreeMap::new(),
            by_client_key: BTreeMap::new(),
            by_merge_key: BTreeMap::new(),
            of_leg: BTreeMap::new(),
            by_connection: BTreeSet::new(),
            deadlines: Deadlines::new(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether a leg has a transaction that is not over.
    pub(crate) fn has_any_of(&self, leg: LegId) -> bool {
        self.of_leg.contains_key(&leg)
    }

    /// When to call `take_timeout`.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.soonest()
    }

    /// Sends a request of ours. Its top Via is ours and names the transaction.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        owner: Owner,
        path: Path,
        request: Request,
        out: &mut Vec<Output>,
    ) -> TransactionId {
        let key = ClientKey::of(&request.headers, &request.method);
        let mut actions = Vec::new();
        let machine = self.begin(now, path, request, &mut actions);
        let id = self.insert(Entry { machine, path, owner, keys: Keys::Client(key), instead: None });
        self.perform(id, actions, Release::AfterFacts, out);
        id
    }

    fn begin(&self, now: Instant, path: Path, request: Request, actions: &mut Vec<Action>) -> Machine {
        let bytes = request.to_bytes();
        if request.method == Method::Invite {
            let machine = InviteClient::new(now, self.timers, path.transport, bytes, actions);
            Machine::InviteClient(machine, Box::new(Request { body: Bytes::new(), ..request }))
        } else {
            Machine::Client(Client::new(now, self.timers, path.transport, bytes, actions))
        }
    }

    /// Keeps another way for a request of ours: `take_instead` sends it there.
    pub(crate) fn keep_instead(&mut self, id: TransactionId, path: Path, request: Request) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.instead = Some(Box::new((path, request)));
        }
    }

    /// Sends what went over a connection, was not answered and has another way, that way. Says to whom.
    pub(crate) fn take_instead(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        out: &mut Vec<Output>,
    ) -> Option<SocketAddr> {
        let mut peer = None;
        for (id, _) in self.over(connection) {
            let unanswered = self.entries.get_mut(&id).filter(|entry| entry.machine.is_unanswered());
            if let Some((path, request)) = unanswered.and_then(|entry| entry.instead.take()).map(|way| *way) {
                peer = Some(path.peer);
                self.send_again(now, id, path, request, out);
            }
        }
        peer
    }

    /// Sends a request of ours from the beginning another way. Its branch is the same: whoever gets both has
    /// one transaction.
    pub(crate) fn send_again(
        &mut self,
        now: Instant,
        id: TransactionId,
        path: Path,
        request: Request,
        out: &mut Vec<Output>,
    ) {
        let mut actions = Vec::new();
        let machine = self.begin(now, path, request, &mut actions);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if let Some(connection) = entry.path.connection {
            self.by_connection.remove(&(connection, id));
        }
        (entry.machine, entry.path) = (machine, path);
        if let Some(connection) = path.connection {
            self.by_connection.insert((connection, id));
        }
        self.perform(id, actions, Release::AfterFacts, out);
    }

    /// The request of ours with this key, while nothing has answered it.
    pub(crate) fn unanswered(&self, key: &ClientKey) -> Option<(TransactionId, Owner)> {
        let id = *self.by_client_key.get(key)?;
        let entry = self.entries.get(&id)?;
        entry.machine.is_unanswered().then_some((id, entry.owner))
    }

    /// Sends the CANCEL of an INVITE of ours (§9.1), which must have had a provisional answer.
    pub(crate) fn cancel(
        &mut self,
        now: Instant,
        id: TransactionId,
        reason: Option<&str>,
        out: &mut Vec<Output>,
    ) {
        let Some(Entry { machine: Machine::InviteClient(_, invite), owner: Owner::Leg(leg), path, .. }) =
            self.entries.get(&id)
        else {
            return;
        };
        let mut cancel = companion(invite, Method::Cancel, invite.headers.first(&Name::To));
        if let Some(reason) = reason {
            cancel.headers.push(Name::Reason, reason.to_owned());
        }
        let (leg, path) = (*leg, *path);
        self.send(now, Owner::Leg(leg), path, cancel, out);
    }

    /// Opens the transaction of a request that came. Its answers go to `path`.
    pub(crate) fn open(
        &mut self,
        method: &Method,
        path: Path,
        key: ServerKey,
        merge: Option<MergeKey>,
    ) -> TransactionId {
        let machine = if *method == Method::Invite {
            Machine::InviteServer(InviteServer::new(self.timers, path.transport))
        } else {
            Machine::Server(Server::new(self.timers, path.transport))
        };
        self.insert(Entry {
            machine,
            path,
            owner: Owner::Nobody,
            keys: Keys::Server { key, merge },
            instead: None,
        })
    }

    /// The transaction of a request that came, if it is a repetition (or the INVITE of a CANCEL).
    pub(crate) fn find(&self, key: &ServerKey) -> Option<TransactionId> {
        self.by_server_key.get(key).copied()
    }

    /// Whether another copy of this request is being served (§8.2.2.2).
    pub(crate) fn is_merged(&self, key: &MergeKey) -> bool {
        self.by_merge_key.contains_key(key)
    }

    /// Whose it is.
    pub(crate) fn owner(&self, id: TransactionId) -> Owner {
        self.entries.get(&id).map_or(Owner::Nobody, |entry| entry.owner)
    }

    /// Makes a leg the owner of a request that came for it.
    pub(crate) fn assign(&mut self, id: TransactionId, leg: LegId) {
        if let Some(entry) = self.entries.get_mut(&id)
            && entry.owner == Owner::Nobody
        {
            entry.owner = Owner::Leg(leg);
            *self.of_leg.entry(leg).or_default() += 1;
        }
    }

    /// Gives a request of ours to another leg.
    pub(crate) fn reassign(&mut self, id: TransactionId, to: LegId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let before = std::mem::replace(&mut entry.owner, Owner::Leg(to));
        *self.of_leg.entry(to).or_default() += 1;
        self.let_go(before);
    }

    /// A transaction of this owner is its no longer.
    fn let_go(&mut self, owner: Owner) {
        if let Owner::Leg(leg) = owner
            && let Some(count) = self.of_leg.get_mut(&leg)
        {
            *count -= 1;
            if *count == 0 {
                self.of_leg.remove(&leg);
            }
        }
    }

    /// Takes a repetition of a request.
    pub(crate) fn repeat(&mut self, id: TransactionId, out: &mut Vec<Output>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let mut actions = Vec::new();
        match &mut entry.machine {
            Machine::InviteServer(machine) => machine.handle_request(&mut actions),
            Machine::Server(machine) => machine.handle_request(&mut actions),
            Machine::InviteClient(..) | Machine::Client(_) => {}
        }
        self.perform(id, actions, Release::AtOnce, out);
    }

    /// Takes an ACK with an INVITE's branch.
    pub(crate) fn acknowledge(
        &mut self,
        now: Instant,
        id: TransactionId,
        out: &mut Vec<Output>,
    ) -> Option<News> {
        let Some(Entry { machine: Machine::InviteServer(machine), .. }) = self.entries.get_mut(&id) else {
            return None;
        };
        let mut actions = Vec::new();
        machine.handle_ack(now, &mut actions);
        self.perform(id, actions, Release::AtOnce, out)
    }

    /// Answers a request that came.
    pub(crate) fn respond(&mut self, now: Instant, id: TransactionId, answer: Answer, out: &mut Vec<Output>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let mut actions = Vec::new();
        let Answer { status, response, release } = answer;
        match &mut entry.machine {
            Machine::InviteServer(machine) => {
                machine.respond(now, Class::of(status), response, &mut actions);
            }
            Machine::Server(machine) => machine.respond(now, Class::of(status), response, &mut actions),
            Machine::InviteClient(..) | Machine::Client(_) => {}
        }
        self.perform(id, actions, release, out);
    }

    /// Takes a response. `None`: it answers nothing we asked; otherwise whose it is, and whether it is
    /// news.
    pub(crate) fn handle_response(
        &mut self,
        now: Instant,
        key: &ClientKey,
        response: &Response,
        out: &mut Vec<Output>,
    ) -> Option<(TransactionId, Owner, Option<News>)> {
        let id = *self.by_client_key.get(key)?;
        let entry = self.entries.get_mut(&id)?;
        let owner = entry.owner;
        let class = Class::of(response.status);
        let mut actions = Vec::new();
        match &mut entry.machine {
            Machine::InviteClient(machine, invite) => {
                let ack = || companion(invite, Method::Ack, response.headers.first(&Name::To)).to_bytes();
                machine.handle_response(now, class, ack, &mut actions);
            }
            Machine::Client(machine) => machine.handle_response(now, class, &mut actions),
            Machine::InviteServer(_) | Machine::Server(_) => {}
        }
        let news = self.perform(id, actions, Release::AtOnce, out);
        Some((id, owner, news))
    }

    /// Lets the transaction that has waited longest past its deadline act. Says whose it is and whether it
    /// gave up; `None` when no deadline has passed.
    pub(crate) fn take_timeout(
        &mut self,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Option<(TransactionId, Owner, Option<News>)> {
        let id = self.deadlines.take_due(now)?;
        let entry = self.entries.get_mut(&id)?;
        let owner = entry.owner;
        let mut actions = Vec::new();
        match &mut entry.machine {
            Machine::InviteClient(machine, _) => machine.handle_timeout(now, &mut actions),
            Machine::InviteServer(machine) => machine.handle_timeout(now, &mut actions),
            Machine::Client(machine) => machine.handle_timeout(now, &mut actions),
            Machine::Server(machine) => machine.handle_timeout(now),
        }
        let news = self.perform(id, actions, Release::AtOnce, out);
        Some((id, owner, news))
    }

    /// Requests of ours that were sent over a connection and can no longer be answered there (§17.1.4).
    pub(crate) fn fail_connection(&mut self, connection: ConnectionId) -> Vec<(TransactionId, Owner)> {
        let lost = self.over(connection);
        for (id, _) in &lost {
            self.forget(*id);
        }
        lost
    }

    fn over(&self, connection: ConnectionId) -> Vec<(TransactionId, Owner)> {
        let (first, last) = (TransactionId(0), TransactionId(u64::MAX));
        let over = self.by_connection.range((connection, first)..=(connection, last));
        over.map(|(_, id)| (*id, self.owner(*id))).collect()
    }

    /// Ends a transaction whatever its state.
    pub(crate) fn forget(&mut self, id: TransactionId) {
        let Some(entry) = self.entries.remove(&id) else { return };
        self.deadlines.set(id, None);
        match entry.keys {
            Keys::Client(key) => {
                self.by_client_key.remove(&key);
                if let Some(connection) = entry.path.connection {
                    self.by_connection.remove(&(connection, id));
                }
            }
            Keys::Server { key, merge } => {
                self.by_server_key.remove(&key);
                if let Some(merge) = merge {
                    self.by_merge_key.remove(&merge);
                }
            }
        }
        self.let_go(entry.owner);
    }

    fn insert(&mut self, entry: Entry) -> TransactionId {
        self.last += 1;
        let id = TransactionId(self.last);
        match &entry.keys {
            Keys::Client(key) => {
                self.by_client_key.insert(key.clone(), id);
                if let Some(connection) = entry.path.connection {
                    self.by_connection.insert((connection, id));
                }
            }
            Keys::Server { key, merge } => {
                self.by_server_key.insert(key.clone(), id);
                if let Some(merge) = merge {
                    self.by_merge_key.insert(merge.clone(), id);
                }
            }
        }
        if let Owner::Leg(leg) = entry.owner {
            *self.of_leg.entry(leg).or_default() += 1;
        }
        self.entries.insert(id, entry);
        id
    }

    fn perform(
        &mut self,
        id: TransactionId,
        actions: Vec<Action>,
        release: Release,
        out: &mut Vec<Output>,
    ) -> Option<News> {
        let entry = self.entries.get(&id)?;
        let path = entry.path;
        let mut news = None;
        for action in actions {
            match action {
                Action::Send(bytes) => out.push(Output::Send { path, bytes, release }),
                Action::Repeat(bytes) => out.push(Output::Send { path, bytes, release: Release::AtOnce }),
                Action::Deliver => news = Some(News::Deliver),
                Action::TimedOut => news = Some(News::TimedOut),
            }
        }
        let (over, deadline) = match &entry.machine {
            Machine::InviteClient(machine, _) => (machine.is_terminated(), machine.poll_timeout()),
            Machine::InviteServer(machine) => (machine.is_terminated(), machine.poll_timeout()),
            Machine::Client(machine) => (machine.is_terminated(), machine.poll_timeout()),
            Machine::Server(machine) => (machine.is_terminated(), machine.poll_timeout()),
        };
        if over {
            self.forget(id);
        } else {
            self.deadlines.set(id, deadline);
        }
        news
    }
}

/// A request that goes the way of an INVITE of ours: its ACK (§17.1.1.3) or its CANCEL (§9.1). Both have
/// the INVITE's top Via, and so its branch.
fn companion(invite: &Request, method: Method, to: Option<&Bytes>) -> Request {
    let number = invite.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
    let mut request = Request::new(method.clone(), invite.uri.clone());
    let headers = &mut request.headers;
    for name in [Name::Via, Name::Route, Name::MaxForwards, Name::From] {
        for value in invite.headers.all(&name) {
            headers.push(name.clone(), value.clone());
        }
    }
    if let Some(to) = to {
        headers.push(Name::To, to.clone());
    }
    if let Some(call_id) = invite.headers.first(&Name::CallId) {
        headers.push(Name::CallId, call_id.clone());
    }
    headers.push(Name::CSeq, CSeq { number, method }.to_wire());
    request
}

/// A response of ours on its way into a transaction.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) response: Bytes,
    pub(crate) release: Release,
}
