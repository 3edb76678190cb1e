//! An INVITE or a CANCEL comes (RFC 3261 §9.2, §13.3).

use std::collections::VecDeque;

use bytes::Bytes;
use primitives::{Now, Private};

use super::authenticate::Sender;
use super::legs::{Invitation, Leg, Over, Reliability, State};
use super::receive::RETRY_AFTER;
use super::reply::{Arrived, Reply};
use super::way::Neighbour;
use super::{Discarded, Endpoint, Output};
use crate::EmergencyNumber;
use crate::Release;
use crate::dialog::{Dialog, EarlyExchange, Exchange, Offerer};
use crate::header::{ContentType, Name, Reason};
use crate::leg::{EndCause, Invited, LegEvent};
use crate::message::{Headers, Request};
use crate::presented::{Presented, is_anonymous};
use crate::referral::Replaced;
use crate::transaction::key::ServerKey;
use crate::transaction::layer::Owner;
use crate::uri::{Host, Uri};

/// Parts of a multipart body looked at. SDP is the first of them, or next to a picture or a location.
pub(crate) const PARTS_MAX: usize = 16;

impl Endpoint {
    /// An INVITE outside any dialog: a new leg, unless it cannot be one.
    pub(super) fn receive_invite(&mut self, now: Now, arrived: Arrived, out: &mut Vec<Output>) {
        let emergency = EmergencyNumber::of_uri(&arrived.request.uri);
        if !self.legs.has_room(emergency.is_some()) {
            out.push(Output::Dropped(Discarded::Full));
            return self.turn_away(&arrived, Reply::at_once(503).retry_after(RETRY_AFTER), out);
        }
        let Ok(offer) = sdp(&arrived.request.headers, &arrived.request.body) else {
            let reply = Reply::at_once(415).with(Name::Accept, "application/sdp");
            return self.turn_away(&arrived, reply, out);
        };
        if !accepts_sdp(&arrived.request.headers) {
            return self.turn_away(&arrived, Reply::at_once(406), out);
        }
        let user = match self.sender(now, &arrived.request, arrived.came) {
            Sender::Unknown => None,
            Sender::User(user) if is_from(&arrived.request, &user) || emergency.is_some() => Some(user),
            // Whoever asks for help from where a phone of ours is registered need not prove it: her password
            // may be wrong since yesterday, her nonce stale. From elsewhere she is asked.
            Sender::Unproven(_) if emergency.is_some() && self.comes_from_a_phone_of_ours(&arrived) => None,
            // A carrier brings the calls of others.
            Sender::User(user) if self.carrier(&user).is_some() => Some(user),
            // Proven to be one user and calling as another.
            Sender::User(_) => return self.reply_outside(now, &arrived, Reply::at_once(403), out),
            Sender::Unproven(staleness) => {
                let reply = self.challenge(now, arrived.came, staleness, Release::AtOnce);
                return self.turn_away(&arrived, reply, out);
            }
        };
        if let Some(brief) = self.too_brief(&arrived.request.headers) {
            return self.turn_away(&arrived, brief, out);
        }
        let tag = self.names.tag();
        let Some(dialog) = self.dialog_of_request(&arrived, &tag) else {
            return self.turn_away(&arrived, Reply::at_once(400).with(Name::Warning, NO_CONTACT), out);
        };
        let certificate = self.connections.certificate(arrived.came);
        let Ok(replaces) = arrived.request.headers.replaces() else {
            return self.turn_away(&arrived, Reply::at_once(400), out);
        };
        let replaces = replaces.map(|replaces| self.find_replaced(&replaces));
        let Some(invited) = invited(&arrived, offer.clone(), (user, replaces), certificate) else {
            return self.turn_away(&arrived, Reply::at_once(400), out);
        };
        self.reply(now, &arrived, &tag, Reply::at_once(100), out);
        let id = self.legs.next_id();
        self.transactions.assign(arrived.transaction, id);
        let invitation = Invitation {
            reliability: Reliability::of(&arrived.request.headers),
            arrived,
            dialog,
            offerer: Offerer::of_invite(offer.as_ref()),
            remind_at: None,
            provisional: self.reliable(),
            held: VecDeque::new(),
            answer: None,
            exchange: EarlyExchange::Open,
            sdp: None,
            queued: None,
        };
        let leg = Leg::new(id, State::Invited(Box::new(invitation)));
        self.legs.put(leg, &self.transactions);
        out.push(Output::Leg { leg: id, event: LegEvent::Invited(Box::new(invited)) });
    }

    fn comes_from_a_phone_of_ours(&self, arrived: &Arrived) -> bool {
        let from = arrived.request.headers.from().ok().and_then(|from| from.uri.user());
        self.registered_at(&arrived.came, from.as_ref().map(|from| from.expose().as_str())).is_some()
    }

    pub(super) fn dialog_of_request(&self, arrived: &Arrived, tag: &str) -> Option<Dialog> {
        let request = &arrived.request;
        let contact = self.contact(arrived.came, &request.uri);
        let mut dialog = Dialog::of_request(request, tag, contact, arrived.came).ok()?;
        let via = request.headers.top_via().ok()?;
        let neighbour = Neighbour { path: arrived.came, host: via.host, port: via.port };
        self.point(&mut dialog, &neighbour);
        Some(dialog)
    }

    /// A CANCEL: takes back an INVITE that has no final answer, changes nothing otherwise (§9.2).
    pub(super) fn receive_cancel(
        &mut self,
        now: Now,
        invite: &ServerKey,
        cancel: &Arrived,
        out: &mut Vec<Output>,
    ) {
        let Some(transaction) = self.transactions.find(invite) else {
            self.turn_away(cancel, Reply::at_once(481), out);
            return out.push(Output::Dropped(Discarded::StrayRequest));
        };
        let leg = match self.transactions.owner(transaction) {
            Owner::Leg(leg) => self.legs.take(leg),
            Owner::Request(_) | Owner::Subscription(_) | Owner::Nobody => None,
        };
        let Some(mut leg) = leg else {
            // An INVITE that was refused as it came, or whose leg is gone.
            return self.reply_outside(now, cancel, Reply::at_once(200), out);
        };
        let tag = leg.local_tag().map_or_else(|| self.names.tag(), str::to_owned);
        self.reply(now, cancel, &tag, Reply::at_once(200), out);
        self.cancel(now, &mut leg, cancel.request.headers.reason(), out);
        self.legs.put(leg, &self.transactions);
    }

    fn cancel(&mut self, now: Now, leg: &mut Leg, reason: Option<Reason>, out: &mut Vec<Output>) {
        match &mut leg.state {
            State::Invited(invitation) => {
                self.decline(now, invitation, Reply::after_facts(487), out);
                leg.leave_for(EndCause::Cancelled, reason, Over::nothing(), out);
            }
            // The re-INVITE is taken back, the session stays as it was (§14.2).
            State::Established(established) => {
                if let Exchange::Offered { request } = &established.exchange {
                    self.reply(now, request, "", Reply::after_facts(487), out);
                    established.exchange = Exchange::Idle;
                    self.offer_queued(now, leg.id, established, out);
                }
            }
            State::Resolving { .. } | State::Calling { .. } | State::Leaving(_) => {}
        }
    }
}

impl Leg {
    /// Our tag in its dialog.
    fn local_tag(&self) -> Option<&str> {
        match &self.state {
            State::Invited(invitation) => Some(&invitation.dialog.id.local_tag),
            State::Established(established) => Some(&established.dialog.id.local_tag),
            _ => None,
        }
    }
}

const NO_CONTACT: &str = "399 careline \"expected a Contact with a SIP URI\"";

/// What the call core learns of an INVITE. `None`: a header that was checked before cannot be read.
fn invited(
    arrived: &Arrived,
    offer: Option<Bytes>,
    (user, replaces): (Option<String>, Option<Replaced>),
    certificate: Vec<String>,
) -> Option<Invited> {
    let headers = &arrived.request.headers;
    let from = headers.from().ok()?;
    let is_anonymous = is_anonymous(&from);
    let display_name = from.display_name.clone().filter(|name| !is_anonymous && !name.is_empty());
    let asserted = headers.asserted().unwrap_or_default();
    Some(Invited {
        dialled: dialled(&arrived.request.uri),
        domain: arrived.request.uri.host().map(Host::to_string).unwrap_or_default(),
        from: from.uri.user().filter(|_| !is_anonymous),
        display_name: display_name.map(Private::new),
        asserted: asserted.iter().find_map(|address| address.uri.user()),
        presented: Box::new(Presented::of(&arrived.request)?),
        user,
        path: arrived.came,
        certificate,
        offer,
        sip_call_id: Private::new(headers.call_id().ok()?.to_owned()),
        replaces,
    })
}

/// The number dialled; a service that was asked for by its URN has one too.
fn dialled(uri: &Uri) -> Private<String> {
    let of_urn = || EmergencyNumber::of_uri(uri).map(|number| Private::new(number.digits().to_owned()));
    uri.user().or_else(of_urn).unwrap_or_default()
}

/// Whether From names this user.
fn is_from(request: &Request, user: &str) -> bool {
    let from = request.headers.from().ok().and_then(|from| from.uri.user());
    from.is_some_and(|from| from.expose() == user)
}

/// Whether the far end can take the SDP of our answers: where Accept does not say, it can (§20.1).
fn accepts_sdp(headers: &Headers) -> bool {
    if !headers.has(&Name::Accept) {
        return true;
    }
    headers.list(&Name::Accept).any(|range| {
        let range = range.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        [&b"application/sdp"[..], b"application/*", b"*/*"]
            .iter()
            .any(|ours| range.eq_ignore_ascii_case(ours))
    })
}

/// A body that is neither SDP nor holds any.
#[derive(Debug)]
pub(super) struct NotSdp;

/// The SDP of a message: its body, or the part of a multipart body that is SDP (RFC 5621 §3.1). `None`
/// where there is no body.
pub(super) fn sdp(headers: &Headers, body: &Bytes) -> Result<Option<Bytes>, NotSdp> {
    if body.is_empty() {
        return Ok(None);
    }
    let kind = headers.content_type().map_err(|_| NotSdp)?.ok_or(NotSdp)?;
    if kind.is("application/sdp") {
        return Ok(Some(body.clone()));
    }
    if kind.kind != "multipart" {
        return Err(NotSdp);
    }
    sdp_part(&kind, body).map(Some).ok_or(NotSdp)
}

fn sdp_part(kind: &ContentType, body: &Bytes) -> Option<Bytes> {
    let delimiter = format!("--{}", kind.params.value("boundary")?);
    let mut rest = after(body, 0, delimiter.as_bytes())?;
    for _ in 0..PARTS_MAX {
        let end = find(body, rest, delimiter.as_bytes())?;
        let head_end = find(body, rest, b"\r\n\r\n").filter(|at| *at < end)?;
        let head = body.get(rest..head_end)?;
        if String::from_utf8_lossy(head).lines().any(is_sdp_type) {
            // The line end before the delimiter is the delimiter's.
            let part = body.slice(head_end + 4..end.max(head_end + 4));
            return Some(part.strip_suffix(b"\r\n").map_or(part.clone(), |without| part.slice_ref(without)));
        }
        rest = end + delimiter.len();
    }
    None
}

fn is_sdp_type(line: &str) -> bool {
    let Some((name, value)) = line.split_once(':') else { return false };
    let value = value.split(';').next().unwrap_or_default();
    Name::new(name.trim()) == Name::ContentType && value.trim().eq_ignore_ascii_case("application/sdp")
}

fn find(body: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let at = body.get(from..)?.windows(what.len().max(1)).position(|window| window == what)?;
    Some(from + at)
}

fn after(body: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    find(body, from, what).map(|at| at + what.len())
}
