//! Dialogs (RFC 3261 §12): what both ends remember of one another between requests.

mod acknowledgement;
mod early;
mod id;
mod offer_answer;
mod reliable;
mod route_set;
mod session_timer;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use primitives::Private;

pub(crate) use acknowledgement::{Overdue, Unacknowledged};
pub(crate) use early::{EarlyDialogs, EarlyExchange, NotNow};
pub(crate) use id::DialogId;
pub(crate) use offer_answer::{Confirms, Exchange, Offerer};
pub(crate) use reliable::{RSEQ_FIRST_END, Reliable};
pub(crate) use route_set::RouteSet;
pub(crate) use session_timer::{Agreed, Alarm, Refreshes, SessionTimer, Wish};

use crate::digest::Prover;
use crate::error::{HeaderError, HeaderProblem};
use crate::header::{CSeq, Name};
use crate::message::{Headers, Method, Request, Response};
use crate::path::{HostName, Path};
use crate::uri::Uri;

/// One dialog, early or confirmed.
#[derive(Debug)]
pub(crate) struct Dialog {
    pub(crate) id: DialogId,
    /// Our From, tag included, as we wrote it.
    local: Private<Bytes>,
    /// Our To, tag included, as the far end wrote it.
    remote: Private<Bytes>,
    /// Where the far end is, by its Contact.
    remote_target: Uri,
    routes: RouteSet,
    /// The number of the INVITE that opens it.
    invited_cseq: u32,
    /// The number of our last request.
    local_cseq: u32,
    /// The number of the far end's last request, if it made one.
    remote_cseq: Option<u32>,
    /// Our Contact, for requests that have one.
    contact: String,
    /// Who opened it.
    opener: Opener,
    /// The way to the next hop.
    pub(crate) way: Path,
    /// The host name of its next hop, as long as nobody has looked it up.
    pub(crate) unresolved: Option<HostName>,
    /// Our credentials, where the far end's side may ask for them.
    pub(crate) prover: Option<Box<Prover>>,
    /// Whether the far end takes UPDATE (RFC 3311 §5.1), by the newest Allow of it.
    allows_update: bool,
}

/// Who sent the INVITE that opened a dialog.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Opener {
    Us,
    FarEnd,
}

impl Dialog {
    /// The dialog an INVITE opens at the side that was asked (§12.1.1). `local_tag` is the To tag of our
    /// answers.
    pub(crate) fn of_request(
        request: &Request,
        local_tag: &str,
        contact: String,
        way: Path,
    ) -> Result<Self, HeaderError> {
        let headers = &request.headers;
        let remote_tag = headers.from()?.tag().unwrap_or_default().to_owned();
        let id =
            DialogId { call_id: headers.call_id()?.to_owned(), local_tag: local_tag.to_owned(), remote_tag };
        Ok(Self {
            id,
            local: Private::new(with_tag(required(headers, &Name::To)?, local_tag)),
            remote: required(headers, &Name::From)?.clone().into(),
            // An element of RFC 2543 may leave Contact out; then From is where it is.
            remote_target: match headers.has(&Name::Contact) {
                true => remote_target(headers)?,
                false => headers.from()?.uri,
            },
            routes: RouteSet::of_request(headers)?,
            invited_cseq: headers.cseq()?.number,
            local_cseq: 0,
            remote_cseq: Some(headers.cseq()?.number),
            contact,
            opener: Opener::FarEnd,
            way,
            unresolved: None,
            prover: None,
            allows_update: allows_update(headers).unwrap_or(false),
        })
    }

    /// The dialog a response opens at the side that asked (§12.1.2).
    pub(crate) fn of_response(response: &Response, contact: String, way: Path) -> Result<Self, HeaderError> {
        let headers = &response.headers;
        Ok(Self {
            id: DialogId::of_response(headers)?,
            local: required(headers, &Name::From)?.clone().into(),
            remote: required(headers, &Name::To)?.clone().into(),
            // It must have a Contact; where it has none, what we asked for is the best guess.
            remote_target: remote_target(headers).or_else(|_| headers.to().map(|to| to.uri))?,
            routes: RouteSet::of_response(headers)?,
            invited_cseq: headers.cseq()?.number,
            local_cseq: headers.cseq()?.number,
            remote_cseq: None,
            contact,
            opener: Opener::Us,
            way,
            unresolved: None,
            prover: None,
            allows_update: allows_update(headers).unwrap_or(false),
        })
    }

    /// Our next request inside the dialog, without Via.
    pub(crate) fn request(&mut self, method: Method) -> Request {
        self.local_cseq += 1;
        let carries_contact = matches!(method, Method::Invite | Method::Update);
        let mut request = self.numbered(method, self.local_cseq);
        if carries_contact {
            request.headers.push(Name::Contact, self.contact.clone());
        }
        request
    }

    /// The ACK to a 2xx of our INVITE with this number (§13.2.2.4), without Via.
    pub(crate) fn ack(&self, cseq: u32) -> Request {
        let mut ack = self.numbered(Method::Ack, cseq);
        if let Some(prover) = &self.prover {
            prover.repeat(&mut ack);
        }
        ack
    }

    /// Where our next request goes first.
    pub(crate) fn next_hop(&self) -> &Uri {
        self.routes.next_hop(&self.remote_target)
    }

    /// The number of the INVITE that opened it, whoever sent it.
    pub(crate) const fn invited_cseq(&self) -> u32 {
        self.invited_cseq
    }

    /// Whether we made its Call-ID.
    pub(crate) fn is_ours(&self) -> bool {
        self.opener == Opener::Us
    }

    /// Our Contact.
    pub(crate) fn contact(&self) -> &str {
        &self.contact
    }

    /// Takes note of the number of a request that came; `false` when it is out of order (§12.2.2).
    pub(crate) fn is_next(&mut self, cseq: u32) -> bool {
        if self.remote_cseq.is_some_and(|last| cseq <= last) {
            return false;
        }
        self.remote_cseq = Some(cseq);
        true
    }

    /// Takes note of where the far end says it is now: a target refresh (§12.2.1.2, §12.2.2).
    pub(crate) fn refresh_target(&mut self, headers: &Headers) {
        if let Ok(target) = remote_target(headers) {
            self.remote_target = target;
        }
    }

    /// Goes on where the same dialog was when it was early: its numbers, and what was learnt of the far end.
    pub(crate) fn continue_from(&mut self, early: &Self) {
        self.local_cseq = early.local_cseq;
        self.remote_cseq = early.remote_cseq;
        self.allows_update |= early.allows_update;
    }

    /// Takes note of what the far end says it takes.
    pub(crate) fn learn(&mut self, headers: &Headers) {
        if let Some(allows_update) = allows_update(headers) {
            self.allows_update = allows_update;
        }
    }

    /// Whether the far end takes UPDATE.
    pub(crate) const fn allows_update(&self) -> bool {
        self.allows_update
    }

    /// It said that it does and refused it all the same.
    pub(crate) const fn without_update(&mut self) {
        self.allows_update = false;
    }

    fn numbered(&self, method: Method, number: u32) -> Request {
        let (uri, routes) = self.routes.apply(&self.remote_target);
        let cseq = CSeq { number, method: method.clone() };
        let mut request = Request::new(method, uri);
        for route in routes {
            request.headers.push(Name::Route, route);
        }
        request.headers.push(Name::From, self.local.expose().clone());
        request.headers.push(Name::To, self.remote.expose().clone());
        request.headers.push(Name::CallId, self.id.call_id.clone());
        request.headers.push(Name::CSeq, cseq.to_wire());
        request
    }
}

/// The value of a To header with a tag, otherwise byte for byte as it came.
pub(crate) fn with_tag(value: &Bytes, tag: &str) -> Bytes {
    let mut tagged = value.to_vec();
    tagged.extend_from_slice(b";tag=");
    tagged.extend_from_slice(tag.as_bytes());
    tagged.into()
}

/// What an Allow header says of UPDATE; `None` without one.
fn allows_update(headers: &Headers) -> Option<bool> {
    headers.has(&Name::Allow).then(|| headers.allow().is_ok_and(|allowed| allowed.contains(&Method::Update)))
}

fn required<'a>(headers: &'a Headers, name: &Name) -> Result<&'a Bytes, HeaderError> {
    headers.first(name).ok_or_else(|| HeaderError { name: name.clone(), problem: HeaderProblem::Missing })
}

/// The one Contact of an INVITE or of its 2xx (§8.1.1.8, §12.1).
fn remote_target(headers: &Headers) -> Result<Uri, HeaderError> {
    let contacts = headers.contacts()?;
    let contact = contacts
        .addresses()
        .first()
        .ok_or(HeaderError { name: Name::Contact, problem: HeaderProblem::Missing })?;
    if contact.uri.as_sip().is_none() {
        let problem = HeaderProblem::Malformed { expected: "a SIP URI" };
        return Err(HeaderError { name: Name::Contact, problem });
    }
    Ok(contact.uri.clone())
}
