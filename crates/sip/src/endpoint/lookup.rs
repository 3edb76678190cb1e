//! The next hop of a dialog that is a host name (RFC 3261 §12.2.1.1, RFC 3263 §4): looked up while the dialog
//! lives, and before the ACK to a 2xx. Until DNS has answered, and where it knows nothing, requests go the way
//! the far end's messages came.

use primitives::Now;

use super::legs::{Leg, State};
use super::place::TARGETS_MAX;
use super::way::{Neighbour, Way, default_port, way_of};
use super::{Endpoint, Output};
use crate::dialog::Dialog;
use crate::message::Response;
use crate::path::{HostName, Path, ResolveId, Target};
use crate::transaction::layer::TransactionId;
use crate::uri::{SipUri, Uri};

/// A question of a leg to DNS.
#[derive(Debug)]
pub(super) struct Lookup {
    question: ResolveId,
    name: HostName,
    /// The 2xx whose ACK waits for the answer.
    waiting: Option<Box<(TransactionId, Response, Path)>>,
}

impl Endpoint {
    /// Points a dialog at its next hop, as far as that is known without DNS.
    pub(super) fn point(&self, dialog: &mut Dialog, neighbour: &Neighbour) {
        dialog.way = self.path_to_hop(dialog.next_hop(), neighbour);
        dialog.unresolved = name_of_hop(dialog.next_hop(), neighbour);
    }

    /// Whether a 2xx must wait until its sender's host name is looked up. Otherwise its dialog knows its way.
    pub(super) fn waits_for_lookup(
        &mut self,
        leg: &mut Leg,
        (asked, dialog): (&Uri, &mut Dialog),
        (transaction, response, came): (TransactionId, &Response, Path),
        out: &mut Vec<Output>,
    ) -> bool {
        let Some(name) = dialog.unresolved.take() else { return false };
        // It answers as whom we called, whose name was looked up for that.
        if host_and_port(asked) == host_and_port(dialog.next_hop()) {
            return false;
        }
        if let Some((known, way)) = &leg.known
            && *known == name
        {
            dialog.way = way.unwrap_or(dialog.way);
            return false;
        }
        if leg.lookup.is_none() {
            let waiting = Some(Box::new((transaction, response.clone(), came)));
            self.ask(leg, name, waiting, out);
        }
        true
    }

    /// Asks for the next hops that dialogs came to need. Called after everything else was done.
    pub(super) fn look_up_hops(&mut self, out: &mut Vec<Output>) {
        while let Some(mut leg) = self.legs.take_unresolved() {
            if let Some(name) = leg.unresolved().cloned()
                && leg.lookup.is_none()
            {
                self.ask(&mut leg, name, None, out);
            }
            self.legs.put(leg, &self.transactions);
        }
    }

    fn ask(
        &mut self,
        leg: &mut Leg,
        name: HostName,
        waiting: Option<Box<(TransactionId, Response, Path)>>,
        out: &mut Vec<Output>,
    ) {
        let question = self.legs.ask(leg.id);
        out.push(Output::Resolve { id: question, name: name.clone() });
        leg.lookup = Some(Lookup { question, name, waiting });
    }

    /// DNS has answered. `Some`: a question of the leg's own INVITE.
    pub(super) fn hop_resolved(
        &mut self,
        now: Now,
        mut leg: Leg,
        question: ResolveId,
        targets: &[Target],
        out: &mut Vec<Output>,
    ) -> Option<Leg> {
        let Some(lookup) = leg.lookup.take_if(|lookup| lookup.question == question) else { return Some(leg) };
        let target = targets.iter().take(TARGETS_MAX).next();
        let way = target
            .map(|target| self.connections.route_to(self.path_to(target), target.domain.as_deref(), out));
        if let Some(dialog) = leg.unresolved_dialog()
            && dialog.unresolved.take_if(|name| *name == lookup.name).is_some()
        {
            dialog.way = way.unwrap_or(dialog.way);
        }
        leg.known = Some((lookup.name, way));
        let id = leg.id;
        self.legs.put(leg, &self.transactions);
        if let Some(waiting) = lookup.waiting {
            let (transaction, response, came) = *waiting;
            self.invite_answered(now, id, transaction, &response, came, out);
        }
        None
    }
}

impl Leg {
    /// Takes out the 2xx whose ACK waits for DNS: nobody waits for that any more.
    pub(super) fn take_waiting(&mut self) -> Option<(TransactionId, Response, Path)> {
        self.lookup.as_mut()?.waiting.take().map(|waiting| *waiting)
    }

    /// The 2xx whose ACK waits for DNS.
    pub(super) fn waiting(&self) -> Option<&Response> {
        self.lookup.as_ref()?.waiting.as_ref().map(|waiting| &waiting.1)
    }

    fn unresolved_dialog(&mut self) -> Option<&mut Dialog> {
        match &mut self.state {
            State::Invited(invitation) => Some(&mut invitation.dialog),
            State::Established(established) => Some(&mut established.dialog),
            State::Resolving { .. } | State::Calling { .. } | State::Leaving(_) => None,
        }
    }

    /// The host name its dialog does not know the address of.
    pub(super) fn unresolved(&self) -> Option<&HostName> {
        match &self.state {
            State::Invited(invitation) => invitation.dialog.unresolved.as_ref(),
            State::Established(established) => established.dialog.unresolved.as_ref(),
            State::Resolving { .. } | State::Calling { .. } | State::Leaving(_) => None,
        }
    }
}

/// The host name of a next hop that is not the neighbour. A name under `invalid` stands for whoever has the
/// connection (RFC 7118 §5).
pub(super) fn name_of_hop(hop: &Uri, neighbour: &Neighbour) -> Option<HostName> {
    let uri = hop.as_sip()?;
    let port = |port: Option<u16>| port.unwrap_or(default_port(neighbour.path.transport));
    if uri.host.is_same(&neighbour.host) && port(uri.port) == port(neighbour.port) {
        return None;
    }
    match way_of(hop) {
        Way::Name(name) if !name.host.to_ascii_lowercase().ends_with(".invalid") => Some(name),
        Way::Name(_) | Way::Target(_) | Way::Nowhere => None,
    }
}

fn host_and_port(uri: &Uri) -> Option<(String, Option<u16>)> {
    uri.as_sip().map(|uri: &SipUri| (uri.host.to_string().to_ascii_lowercase(), uri.port))
}
