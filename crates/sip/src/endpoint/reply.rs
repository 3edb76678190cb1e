//! Answers to requests that came (RFC 3261 §8.2.6).

use std::time::Duration;

use bytes::Bytes;
use primitives::Now;

use super::Endpoint;
use crate::dialog::with_tag;
use crate::header::Name;
use crate::message::{Headers, Request, Response};
use crate::path::Path;
use crate::transaction::layer::{Answer, TransactionId};
use crate::{Output, Release};

/// The methods we take, as Allow has them.
pub(super) const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, REGISTER, PRACK, UPDATE, REFER, SUBSCRIBE, NOTIFY";

/// The extensions we know, as Supported has them: RFC 3262, 4028, 3891, 4488.
pub(super) const SUPPORTED: &str = "100rel, timer, replaces, norefersub";

/// A request that came and its transaction.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) transaction: TransactionId,
    pub(crate) request: Request,
    /// The way it came.
    pub(crate) came: Path,
    /// The way its answers go.
    pub(crate) answers: Path,
}

/// An answer of ours, before it is fitted to its request.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(Name, Bytes)>,
    pub(super) body: Bytes,
    pub(super) release: Release,
}

impl Reply {
    /// An answer of which no fact is made.
    pub(super) const fn at_once(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), release: Release::AtOnce }
    }

    /// An answer somebody could ask about.
    pub(super) fn after_facts(status: u16) -> Self {
        Self { release: Release::AfterFacts, ..Self::at_once(status) }
    }

    /// With this header.
    pub(super) fn with(mut self, name: Name, value: impl Into<Bytes>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With an SDP body.
    pub(super) fn with_sdp(mut self, sdp: Bytes) -> Self {
        self.headers.push((Name::ContentType, Bytes::from_static(b"application/sdp")));
        self.body = sdp;
        self
    }

    /// With what we can do (§20.5).
    pub(super) fn with_allow(self) -> Self {
        self.with(Name::Allow, ALLOW)
    }

    /// With the extensions we know (§20.37).
    pub(super) fn with_supported(self) -> Self {
        self.with(Name::Supported, SUPPORTED)
    }

    /// With a Retry-After (§20.33), at least one second.
    pub(super) fn retry_after(self, wait: Duration) -> Self {
        self.with(Name::RetryAfter, wait.as_secs().max(1).to_string())
    }

    /// What a dialog is made of: the proxies that stay in the way, and where we are (§12.1.1).
    pub(super) fn opening_dialog(mut self, request: &Request, contact: &str) -> Self {
        for route in request.headers.all(&Name::RecordRoute) {
            self.headers.push((Name::RecordRoute, route.clone()));
        }
        self.with(Name::Contact, contact.to_owned())
    }
}

impl Endpoint {
    /// Answers through the request's transaction. `tag` is the To tag where the request has none. The
    /// bytes are given back for a 2xx, which the dialog repeats.
    pub(super) fn reply(
        &mut self,
        now: Now,
        arrived: &Arrived,
        tag: &str,
        reply: Reply,
        out: &mut Vec<Output>,
    ) -> Bytes {
        let (status, release) = (reply.status, reply.release);
        let response = self.response(&arrived.request.headers, tag, reply).to_bytes();
        let answer = Answer { status, response: response.clone(), release };
        self.transactions.respond(now.mono, arrived.transaction, answer, out);
        response
    }

    /// Answers a request outside any dialog, with a To tag of its own.
    pub(super) fn reply_outside(&mut self, now: Now, arrived: &Arrived, reply: Reply, out: &mut Vec<Output>) {
        let tag = self.names.tag();
        self.reply(now, arrived, &tag, reply, out);
    }

    /// Answers at the door and forgets the request: every repetition is answered anew (§8.2.7). Who floods
    /// us with what we refuse anyway fills no table, and makes us repeat nothing to an address he may have
    /// made up.
    pub(super) fn turn_away(&mut self, arrived: &Arrived, reply: Reply, out: &mut Vec<Output>) {
        self.transactions.forget(arrived.transaction);
        self.reply_stateless(arrived.answers, &arrived.request.headers, reply, out);
    }

    /// Answers without a transaction, always with the same To tag.
    pub(super) fn reply_stateless(
        &mut self,
        path: Path,
        request: &Headers,
        reply: Reply,
        out: &mut Vec<Output>,
    ) {
        let part = |name: &Name| request.first(name).map_or(&b""[..], Bytes::as_ref);
        let tag = self.names.stateless_tag(&[part(&Name::Via), part(&Name::CallId), part(&Name::From)]);
        let bytes = self.response(request, &tag, reply).to_bytes();
        out.push(Output::Send { path, bytes, release: Release::AtOnce });
    }

    fn response(&self, request: &Headers, tag: &str, reply: Reply) -> Response {
        let mut response = Response::answering(request, reply.status);
        let tagless = response.headers.to().is_ok_and(|to| to.tag().is_none());
        if reply.status > 100
            && tagless
            && let Some(to) = response.headers.first(&Name::To).map(|to| with_tag(to, tag))
        {
            response.headers.set(Name::To, to);
        }
        for (name, value) in reply.headers {
            response.headers.push(name, value);
        }
        response.headers.push(Name::Server, self.config.product.clone());
        response.body = reply.body;
        response
    }
}
