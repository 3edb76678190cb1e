//! A number outside is called: over the trunks it is written down with, destination after destination, until
//! somebody rings or nothing is left. The caller hears what her flow plays meanwhile, and is told nothing of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use flow::Urgency;
use primitives::{Now, Private};
use sip::uri::Uri;
use sip::{EndCause, Invite, LegId};

use super::caller_id::{Presentation, present};
use super::failure::{Verdict, reason, verdict};
use super::links::Way;
use super::number::{Number, TrunkNumber};
use super::{Origin, Passage};
use crate::call::{Call, Far, FarState, Who};
use crate::hop::Hop;
use crate::leg::{Beyond, Owner};
use crate::output::Output;
use crate::switch::{Pending, Switch};

/// A number that is being called.
#[derive(Clone, Debug)]
pub(crate) struct Outward {
    number: Number,
    tried: BTreeSet<Way>,
    /// The attempt under way.
    at: Option<Way>,
    /// The next one, while a port is opened where its carrier sees it.
    chosen: Option<(Way, TrunkNumber)>,
    /// Whether somebody's telephone rings.
    rang: bool,
    /// What the last refusal said of when and where.
    elsewhere: (Option<Duration>, Vec<String>),
}

impl Outward {
    pub(crate) const fn new(number: Number) -> Self {
        Self {
            number,
            tried: BTreeSet::new(),
            at: None,
            chosen: None,
            rang: false,
            elsewhere: (None, Vec::new()),
        }
    }
}

impl Call {
    /// The number that is being called, where one is.
    fn outward(&mut self) -> Option<&mut Outward> {
        match &mut self.far {
            Some(Far { who: Who::Number { to, .. }, .. }) => Some(to),
            _ => None,
        }
    }
}

impl Switch {
    /// The number's port is open: its first way.
    pub(crate) fn ring_number(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let Some(to) = call.outward() else { return };
        if let Number::Uri(uri) = &to.number {
            let invite =
                Invite { uri: uri.clone(), display_name: "careline".to_owned(), ..Invite::default() };
            self.dial_number(now, call, invite, None, out);
        } else if !self.ring_next_way(now, call, out) {
            self.far_failed(now, call, "no_way", out);
        }
    }

    /// Calls the next destination; `false` when none is left.
    fn ring_next_way(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) -> bool {
        // Of these two no call may be blocked: a full trunk is a reason to wait for nobody in danger.
        let passage = match call.urgency {
            Urgency::Emergency | Urgency::Emergent => Passage::Emergency,
            _ => Passage::Ordinary,
        };
        let origin = call.origin.clone();
        let Some(to) = call.outward() else { return false };
        if let Some((way, number)) = to.chosen.take() {
            return self.ring_way(now, call, way, &number, out);
        }
        let mut full = Vec::new();
        // The call that is worked on is not among the others.
        let calls = &self.calls;
        let calls_in = |trunk: &str| {
            let by_it = |from: &&Origin| matches!(from, Origin::Trunk(name) if **name == *trunk);
            calls.values().map(|call| &call.origin).chain([&origin]).filter(by_it).count()
        };
        let heeded = (passage, &calls_in as &dyn Fn(&str) -> usize);
        let found = self.links.way(now.mono, to.number.ways(), &to.tried, heeded, &mut full);
        for (trunk, limit) in full {
            let full = Hop::TrunkFull { trunk: trunk.to_string(), why: limit.word().to_owned() };
            self.hop(now, Some(call), full, out);
        }
        let Some((way, number)) = found else { return false };
        if self.moves_port(now, call, &way, out) {
            if let Some(to) = call.outward() {
                to.chosen = Some((way, number));
            }
            return true;
        }
        self.ring_way(now, call, way, &number, out)
    }

    /// Opens another port for the far side, where this trunk's audio comes to another address than the one it
    /// has. `false`: it stays, or there is no other.
    fn moves_port(&mut self, now: Now, call: &mut Call, way: &Way, out: &mut Vec<Output>) -> bool {
        let Some(entry) = self.links.entry(way) else { return false };
        let address = entry.trunk.config.media_address.unwrap_or(call.party.local.ip());
        let Some(old) = call.far.as_ref().map(|far| &far.party).filter(|party| party.local.ip() != address)
        else {
            return false;
        };
        let old = old.port;
        let Some((port, local)) = self.open_port(Owner::Far(call.id), call.shard, address, out) else {
            return false;
        };
        self.close_port(old, out);
        let party = self.party(port, local, Beyond::Trunk);
        let Some(far) = call.far.take() else { return false };
        call.far = Some(Far { party, state: FarState::Opening, since: now, ..far });
        true
    }

    fn ring_way(
        &mut self,
        now: Now,
        call: &mut Call,
        way: Way,
        number: &TrunkNumber,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some((invite, destination)) = self.invite_by(call, &way, number) else { return false };
        let Some(to) = call.outward() else { return false };
        to.tried.insert(way.clone());
        to.at = Some(way.clone());
        to.rang = false;
        to.elsewhere = (None, Vec::new());
        let attempt = u32::try_from(to.tried.len()).unwrap_or(u32::MAX);
        let called = Hop::TrunkCalled { trunk: way.trunk.to_string(), destination, attempt };
        self.hop(now, Some(call), called, out);
        self.dial_number(now, call, invite, Some(&way), out);
        true
    }

    /// The INVITE of a way, without its offer, and the destination for the log.
    fn invite_by(&self, call: &Call, way: &Way, number: &TrunkNumber) -> Option<(Invite, String)> {
        let entry = self.links.entry(way)?;
        let config = &entry.trunk.config;
        let Ok(Uri::Sip(mut uri)) = Uri::parse(entry.uri) else { return None };
        uri.user = Some(config.numbers.write(&number.number).into_owned());
        let account = config.user.clone().map(Private::new);
        let caller = match call.origin {
            Origin::Agent => account.as_ref(),
            Origin::Trunk(_) | Origin::Stranger => call.number.as_ref(),
        };
        let user = config.user.as_deref();
        let Presentation { from, headers } =
            present(&config.caller_id, &config.numbers, caller, user, &entry.domain);
        let headers = headers.into_iter().map(|(name, value)| (name, value.into_exposed()));
        let invite = Invite {
            uri: Uri::Sip(uri).to_wire(),
            from,
            headers: headers.collect(),
            account: entry.account,
            first_response: Some(entry.first_response),
            ..Invite::default()
        };
        Some((invite, entry.uri.to_owned()))
    }

    fn dial_number(
        &mut self,
        now: Now,
        call: &mut Call,
        invite: Invite,
        way: Option<&Way>,
        out: &mut Vec<Output>,
    ) {
        let trunk = way.and_then(|way| call.setup.trunks.get(&*way.trunk));
        let Some(far) = &mut call.far else { return };
        // Another trunk than the last may want other things.
        let codecs = &call.setup.media.codecs;
        far.party.go_by_trunk(trunk.map(|trunk| &trunk.config), codecs);
        let invite = Invite { offer: far.party.offer(codecs), ..invite };
        let leg = self.dial(now, invite, Owner::Far(call.id), out);
        if let Some(way) = way {
            self.links.begun(now.mono, leg, way);
        }
        if let Some(far) = &mut call.far {
            far.refused = None;
            far.legs.push(leg);
        }
    }

    /// Somebody at the other end takes care of the call.
    pub(crate) fn number_rings(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let Some(to) = call.outward() else { return };
        to.rang = true;
        if let Some(hop) = to.at.as_ref().and_then(|way| self.links.works(way)) {
            self.hop(now, None, hop, out);
        }
    }

    /// The refusal that comes next says when, or where.
    pub(crate) fn number_is_elsewhere(call: &mut Call, retry_after: Option<Duration>, contacts: Vec<String>) {
        if let Some(to) = call.outward() {
            to.elsewhere = (retry_after, contacts);
        }
    }

    /// An attempt failed before anybody answered. `true`: another is under way.
    pub(crate) fn ring_on(
        &mut self,
        now: Now,
        call: &mut Call,
        cause: EndCause,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some(to) = call.outward() else { return false };
        let Some(way) = to.at.take() else { return false };
        let (retry_after, contacts) = std::mem::take(&mut to.elsewhere);
        let verdict = verdict(cause, to.rang);
        let news = match verdict {
            Verdict::DestinationDown => self.links.fails(now.mono, &way, retry_after),
            Verdict::Final | Verdict::NextDestination | Verdict::NextTrunk => self.links.works(&way),
        };
        if let Some(hop) = news {
            self.hop(now, None, hop, out);
        }
        if verdict == Verdict::Final {
            return false;
        }
        let failed = Hop::TrunkNotReached { trunk: way.trunk.to_string(), why: reason(cause) };
        self.hop(now, Some(call), failed, out);
        if verdict == Verdict::NextTrunk {
            let rest: Vec<Way> = self.links.ways_of(&way.trunk).collect();
            if let Some(to) = call.outward() {
                to.tried.extend(rest);
            }
        }
        self.follow(now, call, &way, &contacts, out) || self.ring_next_way(now, call, out)
    }

    /// Goes where a redirection points, if that is a destination of the same trunk that was not tried.
    fn follow(
        &mut self,
        now: Now,
        call: &mut Call,
        from: &Way,
        contacts: &[String],
        out: &mut Vec<Output>,
    ) -> bool {
        let Some(to) = call.outward() else { return false };
        let mut named = contacts.iter().filter_map(|contact| self.links.redirected(from, contact));
        let Some(way) = named.find(|way| !to.tried.contains(way)) else { return false };
        let number = to.number.ways().iter().find(|number| *number.trunk == *way.trunk).cloned();
        number.is_some_and(|number| self.ring_way(now, call, way, &number, out))
    }

    /// Sends what is due to carriers: registrations and checks.
    pub(crate) fn ask_carriers(&mut self, now: Now, out: &mut Vec<Output>) {
        while let Some((ask, request)) = self.links.take_due(now.mono) {
            let id = self.request(now, request, out);
            self.links.sent(ask, id);
        }
    }

    /// A carrier's answer, or its silence.
    pub(crate) fn carrier_answered(
        &mut self,
        now: Now,
        request: sip::RequestId,
        outcome: &sip::Outcome,
        out: &mut Vec<Output>,
    ) {
        if let Some(hop) = self.links.answered(now.mono, request, outcome) {
            self.hop(now, None, hop, out);
        }
    }

    /// Whether a call may cause another; if not, its transfer fails and the log says why.
    pub(crate) fn may_call_out(
        &mut self,
        now: Now,
        call: &Call,
        name: &Arc<str>,
        out: &mut Vec<Output>,
    ) -> bool {
        if call.origin.may_call_out() {
            return true;
        }
        let failed = Hop::TransferFailed { number: name.to_string(), why: "caller_unproven".to_owned() };
        self.hop(now, Some(call), failed, out);
        let news = flow::Event::Transfer(flow::TransferNews::Failed);
        self.pending.push_back(Pending::Flow(call.id, news));
        false
    }

    /// A leg is gone, whatever it was.
    pub(crate) fn forget_leg(&mut self, leg: LegId) -> Option<Owner> {
        self.links.ended(leg);
        self.legs.remove(&leg)
    }
}
