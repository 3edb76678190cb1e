//! A call comes in: from where, how much of it may, and what is believed of who calls.

use std::sync::Arc;

use flow::{Caller, Verification};
use primitives::Now;
use sip::passport::Passport;
use sip::{Challenge, Invited, LegCommand, LegId};

use super::Identity;
use super::believed::believed;
use super::origin::Origin;
use super::signed::{Signed, passed, signed};
use crate::CallId;
use crate::call::Call;
use crate::hop::Hop;
use crate::input::SignatureVerdict;
use crate::output::Output;
use crate::script::Script;
use crate::switch::Switch;

/// What is known of a caller when she arrives.
#[derive(Debug)]
pub(crate) struct Known {
    pub caller: Caller,
    /// Why her number is or is not verified, where anybody signed for it.
    pub why: Option<&'static str>,
    /// What is to be checked with a certificate.
    pub claimed: Option<Box<Passport>>,
}

impl Switch {
    /// Whether a call for a number may come in. If not, it has been refused or asked who it is.
    pub(crate) fn admit(
        &mut self,
        now: Now,
        leg: LegId,
        invited: &Invited,
        origin: &Origin,
        out: &mut Vec<Output>,
    ) -> bool {
        let setup = Arc::clone(self.setup());
        if origin.is_refused(&setup) {
            self.refuse_stranger(now, leg, invited, out);
            return false;
        }
        let (Origin::Trunk(name), Some(trunk)) = (origin, origin.trunk(&setup)) else { return true };
        // An emergency center that calls back is let in whatever else the trunk carries; anybody can write the
        // header, so it counts where the trunk vouches for what it sends.
        if invited.presented.is_emergency && trunk.config.identity == Identity::Trusted {
            return true;
        }
        if !self.arrivals.admit(now.mono, name, &trunk.config) {
            self.refuse_from(now, leg, (503, "trunk_rate"), origin, out);
            return false;
        }
        // What a contract counts refuses nobody who may be in danger, and every number that is answered here has
        // an emergency key. Such a call keeps calls out off the trunk instead, and the log says that it came.
        let channels_max = usize::try_from(trunk.config.channels_max).unwrap_or(usize::MAX);
        let under_way = self.calls_in(name) + self.links.channels_out(name);
        if channels_max > 0 && under_way >= channels_max {
            self.hop(now, None, Hop::TrunkOver { trunk: name.to_string() }, out);
        }
        true
    }

    /// Calls a trunk brought in that go on.
    pub(super) fn calls_in(&self, trunk: &str) -> usize {
        let by_it = |call: &&Call| matches!(&call.origin, Origin::Trunk(name) if **name == *trunk);
        self.calls.values().filter(by_it).count()
    }

    /// A phone of ours that is registered from there, and a carrier that calls as a digest user, must be asked to
    /// prove it. Where neither can be, the answer is no.
    fn refuse_stranger(&mut self, now: Now, leg: LegId, invited: &Invited, out: &mut Vec<Output>) {
        let may_be_ours = self.sip.registered_at(&invited.path, None).is_some()
            || self.setup().trunks.values().any(|trunk| trunk.config.accept.user.is_some());
        if may_be_ours && invited.user.is_none() {
            return self.leg(now, leg, LegCommand::Challenge(Challenge::OwnPhonesOnly), out);
        }
        self.refuse_from(now, leg, (403, "stranger"), &Origin::Stranger, out);
    }

    /// Who calls, as far as it is believed and signed for.
    pub(crate) fn known(&self, now: Now, invited: &Invited, origin: &Origin, dialled: &str) -> Known {
        let setup = self.setup();
        let trunk = origin.trunk(setup);
        let mut caller = believed(&invited.presented, trunk);
        caller.dialled = dialled.to_owned();
        caller.trunk = origin.word().to_owned();
        let number = caller.number.as_ref().map(|number| number.expose().as_str());
        let (verification, why, claimed) = match signed(now, &invited.presented, number, trunk, setup) {
            Signed::Not => (None, None, None),
            Signed::Judged(verification, why) => (Some(verification), Some(why), None),
            Signed::Claimed(passport) => (Some(Verification::Unverified), None, Some(passport)),
        };
        // A carrier of ours that says it checked knows more than we, who could not.
        let is_vouched = caller.verification != Verification::None;
        if let Some(own) = verification.filter(|own| *own != Verification::Unverified || !is_vouched) {
            caller.verification = own;
        }
        Known { caller, why, claimed }
    }

    /// A certificate came, or did not: now it is known what a signature is worth.
    pub(crate) fn verified(
        &mut self,
        now: Now,
        id: CallId,
        passport: &Passport,
        verdict: SignatureVerdict,
        out: &mut Vec<Output>,
    ) {
        let (verification, why) = match verdict {
            SignatureVerdict::Holds => (passed(passport.claims.attestation), "signature"),
            SignatureVerdict::Broken(why) => (Verification::Failed, why),
            // What was known stays.
            SignatureVerdict::Unknown(why) => (Verification::Unverified, why),
        };
        self.with_call(now, id, |switch, call| {
            let Script::Flow(interpreter) = &call.script else { return };
            let before = interpreter.caller().verification;
            let verification =
                if matches!(verdict, SignatureVerdict::Unknown(_)) { before } else { verification };
            let hop = Hop::Verified { verification: verification.word().to_owned(), why: why.to_owned() };
            switch.hop(now, Some(call), hop, out);
            switch.run_flow(now, call, flow::Event::Verified(verification), out);
        });
    }
}
