//! Placing a call: the INVITE, and the targets it is sent to one after the other (RFC 3261 §8.1.1, §13.2.1;
//! RFC 3263 §4).

use std::collections::VecDeque;

use primitives::Now;

use super::legs::{Heard, Leg, Placed, State};
use super::outside::first_hop;
use super::overdue::Failure;
use super::way::{Way, way_of};
use super::{Discarded, Endpoint, Invite, Output};
use crate::EmergencyNumber;
use crate::account::Account;
use crate::dialog::{DialogId, RouteSet, Wish};
use crate::digest::Prover;
use crate::header::{CSeq, Name, NameAddr};
use crate::leg::{EndCause, LegEvent, LegId};
use crate::message::{Headers, Method, Request};
use crate::path::{Path, ResolveId, Target};
use crate::transaction::layer::Owner;
use crate::uri::{Host, SipUri, Uri, escape_user};

/// Targets tried for one INVITE. Each may take Timer B, 32 s, to be given up; after four of them nobody
/// waits any more.
pub(super) const TARGETS_MAX: usize = 4;

/// The number of our first request in a dialog. Any below 2³¹ would do (§8.1.1.5).
const CSEQ_FIRST: u32 = 1;

/// Headers of an INVITE that are ours to write.
const OURS: [Name; 18] = [
    Name::Via,
    Name::Route,
    Name::RecordRoute,
    Name::From,
    Name::To,
    Name::CallId,
    Name::CSeq,
    Name::Contact,
    Name::MaxForwards,
    Name::ContentLength,
    Name::ContentEncoding,
    Name::Allow,
    Name::Supported,
    Name::Require,
    Name::SessionExpires,
    Name::MinSe,
    Name::RSeq,
    Name::UserAgent,
];

impl Endpoint {
    pub(super) fn place(&mut self, now: Now, invite: Invite, out: &mut Vec<Output>) -> LegId {
        let id = self.legs.next_id();
        let Ok(uri) = Uri::parse(&invite.uri) else {
            out.push(ended(id, EndCause::Unreachable));
            return id;
        };
        if !self.legs.has_room(EmergencyNumber::of_uri(&uri).is_some()) {
            out.push(Output::Dropped(Discarded::Full));
            out.push(ended(id, EndCause::InternalError));
            return id;
        }
        let path = invite.path;
        let account = invite.account.clone();
        let mut placed = Box::new(Placed {
            id: DialogId {
                call_id: self.names.call_id(),
                local_tag: self.names.tag(),
                remote_tag: String::new(),
            },
            invite: Request::new(Method::Invite, uri),
            path: None,
            registered: path.is_some(),
            targets: VecDeque::new(),
            prover: account.credentials.clone().map(|credentials| Box::new(Prover::new(credentials))),
            account,
            first_response: invite.first_response,
            wish: Wish::of(&self.config),
        });
        self.compose(&mut placed, invite);
        let way = way_of(&first_hop(&placed.invite));
        match (path, way) {
            (Some(path), _) => self.call_registered(now, id, placed, path, out),
            (None, Way::Target(target)) => {
                placed.targets.push_back(target);
                self.call_next(now, id, placed, Failure::Unreachable, out);
            }
            (None, Way::Name(name)) => {
                let question = self.legs.ask(id);
                out.push(Output::Resolve { id: question, name });
                self.legs.put(Leg::new(id, State::Resolving { placed, question }), &self.transactions);
            }
            (None, Way::Nowhere) => out.push(ended(id, EndCause::Unreachable)),
        }
        id
    }

    /// The INVITE but for Via and Contact, which depend on the way.
    fn compose(&self, placed: &mut Placed, invite: Invite) {
        let mut from = match &invite.from {
            Some(user) => {
                let mut uri = SipUri::new(self.our_host(&placed.account), None);
                uri.user = Some(escape_user(user.expose()));
                NameAddr::new(uri.into())
            }
            None => {
                let mut uri = SipUri::new(Host::Name("anonymous.invalid".to_owned()), None);
                uri.user = Some("anonymous".to_owned());
                NameAddr::new(uri.into())
            }
        };
        from.display_name = Some(invite.display_name).filter(|name| !name.is_empty());
        let to = NameAddr::new(placed.invite.uri.clone());
        let cseq = CSeq { number: CSEQ_FIRST, method: Method::Invite };
        push_routes(&mut placed.invite, &placed.account.routes);
        let headers = &mut placed.invite.headers;
        headers.push(Name::From, from.with_tag(&placed.id.local_tag).to_wire());
        headers.push(Name::To, to.to_wire());
        headers.push(Name::CallId, placed.id.call_id.clone());
        headers.push(Name::CSeq, cseq.to_wire());
        headers.push(Name::Allow, super::reply::ALLOW);
        headers.push(Name::Supported, super::reply::SUPPORTED);
        push_foreign(headers, invite.headers);
        if !invite.offer.is_empty() {
            if !headers.has(&Name::ContentType) {
                headers.push(Name::ContentType, "application/sdp");
            }
            placed.invite.body = invite.offer;
        }
    }

    /// The host of our addresses.
    fn our_host(&self, account: &Account) -> Host {
        let domain = account.domain.as_deref().and_then(|domain| {
            let uri = Uri::parse(&format!("sip:{domain}")).ok()?;
            uri.as_sip().map(|uri| uri.host.clone())
        });
        domain.unwrap_or_else(|| Host::Name(self.config.realm.clone()))
    }

    /// A Call-ID and tag of its own for what is called next, while the INVITE before may still be answered.
    pub(super) fn rename(&mut self, placed: &mut Placed) {
        placed.id.call_id = self.names.call_id();
        placed.id.local_tag = self.names.tag();
        let headers = &mut placed.invite.headers;
        headers.set(Name::CallId, placed.id.call_id.clone());
        if let Ok(from) = headers.from() {
            headers.set(Name::From, from.with_tag(&placed.id.local_tag).to_wire());
        }
    }

    /// To a phone that has registered, along the way its REGISTER came.
    fn call_registered(
        &mut self,
        now: Now,
        id: LegId,
        placed: Box<Placed>,
        path: Path,
        out: &mut Vec<Output>,
    ) {
        if path.connection.is_some_and(|connection| !self.connections.is_known(connection)) {
            // Only the phone could open it again.
            return out.push(ended(id, EndCause::Unreachable));
        }
        self.call(now, id, placed, path, out);
    }

    /// DNS has answered.
    pub(super) fn resolved(
        &mut self,
        now: Now,
        question: ResolveId,
        targets: &[Target],
        out: &mut Vec<Output>,
    ) {
        if self.answer_resolved(question, targets, out) {
            return;
        }
        let Some(id) = self.legs.answered(question) else {
            return self.outside_resolved(now, question, targets, out);
        };
        let Some(leg) = self.legs.take(id) else { return };
        let Some(mut leg) = self.hop_resolved(now, leg, question, targets, out) else { return };
        match leg.take_state() {
            State::Resolving { mut placed, question: asked } if asked == question => {
                placed.targets.extend(targets.iter().take(TARGETS_MAX).cloned());
                self.call_next(now, leg.id, placed, Failure::Unreachable, out);
            }
            state => {
                leg.state = state;
                self.legs.put(leg, &self.transactions);
            }
        }
    }

    /// Calls the next target; when there is none, the leg ends for what the last one failed of.
    pub(super) fn call_next(
        &mut self,
        now: Now,
        id: LegId,
        mut placed: Box<Placed>,
        failure: Failure,
        out: &mut Vec<Output>,
    ) {
        match placed.targets.pop_front() {
            Some(target) => {
                let path = self.connections.route_to(self.path_to(&target), target.domain.as_deref(), out);
                self.call(now, id, placed, path, out);
            }
            None => out.push(ended(id, failure.cause())),
        }
    }

    /// The same INVITE anew, with the next number (§8.1.3.5).
    pub(super) fn call_again(&mut self, now: Now, id: LegId, mut placed: Box<Placed>, out: &mut Vec<Output>) {
        let number = placed.invite.headers.cseq().map_or(CSEQ_FIRST, |cseq| cseq.number);
        let cseq = CSeq { number: number + 1, method: Method::Invite };
        placed.invite.headers.set(Name::CSeq, cseq.to_wire());
        match placed.path {
            Some(path) => self.call(now, id, placed, path, out),
            None => out.push(ended(id, EndCause::InternalError)),
        }
    }

    pub(super) fn call(
        &mut self,
        now: Now,
        id: LegId,
        mut placed: Box<Placed>,
        path: Path,
        out: &mut Vec<Output>,
    ) {
        let mut invite = placed.invite.clone();
        let path = self.address(path, &mut invite, out);
        let user = placed.account.contact_user.as_deref();
        invite.headers.push(Name::Contact, self.contact_as(path, &invite.uri, user));
        placed.wish.write(None, &mut invite.headers);
        if let Some(prover) = &mut placed.prover {
            prover.sign(&mut invite, &self.names.cnonce());
        }
        placed.path = Some(path);
        let until = placed.first_response.map(|patience| now.mono + patience);
        let transaction = self.send_request(now, Owner::Leg(id), path, invite, out);
        let state = State::Calling { placed, transaction, heard: Heard::Nothing { until } };
        self.legs.put(Leg::new(id, state), &self.transactions);
    }
}

/// Routes a request starts with. What is no address is passed over.
pub(super) fn push_routes(request: &mut Request, routes: &[String]) {
    let routes = routes.iter().filter_map(|route| {
        let bare = Uri::parse(route).map(NameAddr::new);
        bare.or_else(|_| NameAddr::parse(route)).ok().filter(|route| route.uri.as_sip().is_some())
    });
    let routes = RouteSet::preloaded(routes.collect());
    let (uri, routes) = routes.apply(&request.uri);
    request.uri = uri;
    for route in routes {
        request.headers.push(Name::Route, route);
    }
}

/// Headers somebody else wrote, but for those that are ours to write.
pub(super) fn push_foreign(headers: &mut Headers, foreign: Vec<(String, String)>) {
    for (name, value) in foreign {
        let name = Name::new(&name);
        let is_token = !name.as_str().is_empty() && name.as_str().bytes().all(is_token_byte);
        if is_token && !OURS.contains(&name) {
            headers.push(name, value);
        }
    }
}

fn ended(leg: LegId, cause: EndCause) -> Output {
    Output::Leg { leg, event: LegEvent::Ended { cause, reason: None } }
}

/// RFC 3261 §25.1 `token`.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}
