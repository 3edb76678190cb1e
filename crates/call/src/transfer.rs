//! A number outside is rung for a caller, who hears what her flow plays meanwhile.

use std::sync::Arc;
use std::time::Duration;

use flow::TransferNews;
use primitives::Now;
use sip::EndCause;

use crate::call::{Call, Far, FarState, Who};
use crate::hop::Hop;
use crate::leg::{Beyond, Owner};
use crate::output::Output;
use crate::switch::Switch;
use crate::trunk::Outward;

impl Switch {
    pub(crate) fn transfer(
        &mut self,
        now: Now,
        call: &mut Call,
        name: Arc<str>,
        ring: Duration,
        out: &mut Vec<Output>,
    ) {
        self.hop(now, Some(call), Hop::Transferring { number: name.to_string() }, out);
        if !self.may_call_out(now, call, &name, out) {
            return;
        }
        let number = call.setup.numbers.get(&*name).cloned();
        // The same interface as the caller's: the one calls come and go by.
        let address = call.party.local.ip();
        let opened = match (&number, &call.far) {
            (Some(_), None) => self.open_port(Owner::Far(call.id), call.shard, address, out),
            _ => None,
        };
        let (Some(number), Some((port, local))) = (number, opened) else {
            let failed = Hop::TransferFailed { number: name.to_string(), why: "failed".to_owned() };
            self.hop(now, Some(call), failed, out);
            let news = flow::Event::Transfer(TransferNews::Failed);
            return self.pending.push_back(crate::switch::Pending::Flow(call.id, news));
        };
        let who = Who::Number { name, to: Outward::new(number), ring_until: now.mono + ring };
        call.far = Some(Far::opening(now, who, self.party(port, local, Beyond::Trunk)));
    }

    pub(crate) fn cancel_transfer(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        if matches!(call.far, Some(Far { who: Who::Number { .. }, .. })) {
            self.transfer_failed(now, call, "given_up", out);
        }
    }

    /// It rang as long as the flow allows.
    pub(crate) fn give_up_transfer_when_due(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let ringing = call
            .far
            .as_ref()
            .filter(|far| matches!(far.state, FarState::Opening | FarState::Ringing) && !far.paged);
        if ringing.and_then(|far| far.who.ring_until()).is_some_and(|until| until <= now.mono) {
            self.transfer_failed(now, call, "no_answer", out);
            if call.transfer.as_ref().is_some_and(|transfer| transfer.leave_at.is_none()) {
                return self.transfer_came_to_nothing(now, call, 480, out);
            }
            self.run_flow(now, call, flow::Event::Transfer(TransferNews::NoAnswer), out);
        }
    }

    fn transfer_failed(&mut self, now: Now, call: &mut Call, why: &str, out: &mut Vec<Output>) {
        let number = call.far.as_ref().map(|far| far.who.name()).unwrap_or_default();
        self.drop_far(now, call, EndCause::OtherLegEnded, why, out);
        self.hop(now, Some(call), Hop::TransferFailed { number, why: why.to_owned() }, out);
    }
}
