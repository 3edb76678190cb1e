//! Dialogs (RFC 3261 §12): what both ends remember of one another between requests.

mod acknowledgement;
mod id;
mod offer_answer;
mod route_set;

use bytes::Bytes;
use primitives::Private;

pub(crate) use acknowledgement::{Overdue, Unacknowledged};
pub(crate) use id::DialogId;
pub(crate) use offer_answer::{Confirms, Exchange, Offerer};
pub(crate) use route_set::RouteSet;

use crate::Path;
use crate::digest::Prover;
use crate::error::{HeaderError, HeaderProblem};
use crate::header::{CSeq, Name};
use crate::message::{Headers, Method, Request, Response};
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
    /// Our credentials, where the far end's side may ask for them.
    pub(crate) prover: Option<Box<Prover>>,
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
            local_cseq: 0,
            remote_cseq: Some(headers.cseq()?.number),
            contact,
            opener: Opener::FarEnd,
            way,
            prover: None,
        })
    }

    /// The dialog a 2xx opens at the side that asked (§12.1.2).
    pub(crate) fn of_response(response: &Response, contact: String, way: Path) -> Result<Self, HeaderError> {
        let headers = &response.headers;
        Ok(Self {
            id: DialogId::of_response(headers)?,
            local: required(headers, &Name::From)?.clone().into(),
            remote: required(headers, &Name::To)?.clone().into(),
            // A 2xx must have a Contact; where it has none, what we asked for is the best guess.
            remote_target: remote_target(headers).or_else(|_| headers.to().map(|to| to.uri))?,
            routes: RouteSet::of_response(headers)?,
            local_cseq: headers.cseq()?.number,
            remote_cseq: None,
            contact,
            opener: Opener::Us,
            way,
            prover: None,
        })
    }

    /// Our next request inside the dialog, without Via.
    pub(crate) fn request(&mut self, method: Method) -> Request {
        self.local_cseq += 1;
        let carries_contact = method == Method::Invite;
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
