//! Requests of ours inside a dialog.

use bytes::Bytes;
use primitives::Now;

use super::legs::{Leaving, Leg, SentAck, State};
use super::way::Neighbour;
use super::{Endpoint, Output, Release};
use crate::dialog::Dialog;
use crate::header::Name;
use crate::leg::{EndCause, LegId};
use crate::message::{Method, Request, Response};
use crate::path::Path;
use crate::transaction::layer::{Owner, TransactionId};

impl Endpoint {
    /// Finishes a request for its way: a connection where the way is a stream, Via, Max-Forwards and who
    /// we are.
    pub(super) fn address(&mut self, way: Path, request: &mut Request, out: &mut Vec<Output>) -> Path {
        let path = self.connections.route(way, out);
        request.headers.push_front(Name::Via, self.via(path));
        request.headers.push(Name::MaxForwards, "70");
        request.headers.push(Name::UserAgent, self.config.product.clone());
        path
    }

    /// Sends the next request of a dialog.
    pub(super) fn send_in_dialog(
        &mut self,
        now: Now,
        leg: LegId,
        dialog: &mut Dialog,
        mut request: Request,
        out: &mut Vec<Output>,
    ) -> TransactionId {
        if let Some(prover) = &mut dialog.prover {
            prover.sign(&mut request, &self.names.cnonce());
        }
        self.regain_way(dialog);
        dialog.way = self.address(dialog.way, &mut request, out);
        self.send_request(now, Owner::Leg(leg), dialog.way, request, out)
    }

    /// Ends a dialog.
    pub(super) fn send_bye(
        &mut self,
        now: Now,
        leg: LegId,
        dialog: &mut Dialog,
        cause: EndCause,
        out: &mut Vec<Output>,
    ) {
        let mut bye = dialog.request(Method::Bye);
        bye.headers.push(Name::Reason, reason(cause));
        self.send_in_dialog(now, leg, dialog, bye, out);
    }

    /// The far end's side asks who hangs up (§22.2).
    pub(super) fn bye_challenged(&mut self, now: Now, id: LegId, response: &Response, out: &mut Vec<Output>) {
        let Some(mut leg) = self.legs.take(id) else { return };
        if let State::Leaving(Leaving::Over(over)) = &mut leg.state
            && let Some(dialog) = &mut over.dialog
            && dialog.prover.as_mut().is_some_and(|prover| prover.is_challenged(response))
        {
            self.send_bye(now, id, dialog, EndCause::WeHungUp, out);
        }
        self.legs.put(leg, &self.transactions);
    }

    /// Acknowledges the 2xx of an INVITE of this number (§13.2.2.4), with our answer where the 2xx had the
    /// offer, and remembers the ACK for when the 2xx comes again.
    pub(super) fn acknowledge(
        &mut self,
        leg: &mut Leg,
        transaction: TransactionId,
        dialog: &mut Dialog,
        (cseq, answer): (u32, Option<Bytes>),
        out: &mut Vec<Output>,
    ) {
        let mut ack = dialog.ack(cseq);
        if let Some(answer) = answer {
            ack.headers.push(Name::ContentType, "application/sdp");
            ack.body = answer;
        }
        self.regain_way(dialog);
        dialog.way = self.address(dialog.way, &mut ack, out);
        let (path, bytes) = self.write_ack(dialog.way, ack, out);
        let remote_tag = dialog.id.remote_tag.clone();
        leg.remember(SentAck { transaction, remote_tag, path, ack: bytes.clone() });
        out.push(Output::Send { path, bytes, release: Release::AtOnce });
    }

    /// The dialog a 2xx to an INVITE of ours opens, along the way the INVITE took.
    pub(super) fn dialog_of(
        &self,
        response: &Response,
        neighbour: &Neighbour,
        contact: String,
    ) -> Option<Dialog> {
        let mut dialog = Dialog::of_response(response, contact, neighbour.path).ok()?;
        self.point(&mut dialog, neighbour);
        Some(dialog)
    }
}

/// The Reason of a BYE or CANCEL (RFC 3326 §2): for whoever reads a trace at the far end. `cause` is a SIP
/// status or a Q.850 number.
pub(super) fn reason(cause: EndCause) -> &'static str {
    match cause {
        EndCause::FarEndHungUp
        | EndCause::WeHungUp
        | EndCause::OtherLegEnded
        | EndCause::WeRefused { .. }
        | EndCause::Refused { .. } => "Q.850;cause=16;text=\"Normal call clearing\"",
        EndCause::AnsweredElsewhere => "SIP;cause=200;text=\"Call completed elsewhere\"",
        EndCause::Cancelled => "SIP;cause=487;text=\"Request Terminated\"",
        EndCause::NoResponse => "SIP;cause=408;text=\"Request Timeout\"",
        EndCause::Unreachable => "Q.850;cause=38;text=\"Network out of order\"",
        EndCause::InternalError => "SIP;cause=500;text=\"Server Internal Error\"",
    }
}

/// The SDP of a body; `None` where there is none.
pub(super) fn sdp_of(response: &Response) -> Option<Bytes> {
    super::invited::sdp(&response.headers, &response.body).ok().flatten()
}
