//! Who stands on which side of a call, and how the sides of two calls become one.

use primitives::Now;

use acd::{AgentChange, AgentId};

use crate::call::{Call, Far, FarState, Progress, Who};
use crate::caller::Side;
use crate::direct::Direct;
use crate::script::Script;
use crate::switch::Switch;

impl Switch {
    /// Turns an agent's own call round, whoever is on its other side. An agent a queue has led here is from
    /// then on in a call outside the queues. `false` where there is nobody.
    pub(crate) fn turn_round(&mut self, now: Now, call: &mut Call) -> bool {
        let Some(far) = &mut call.far else { return false };
        if let Who::Agent { agent, name, .. } = &far.who {
            let (agent, name) = (*agent, name.clone());
            far.who = Who::Colleague { agent, name, ring_until: now.mono };
            call.served = None;
            self.engage(now, agent);
            let change = AgentChange::ConversationEnded;
            self.acd_input(now, acd::Input::Agent { agent, change });
        }
        call.swap_sides()
    }
}

impl Call {
    /// The agent on a side: proven by digest where she called, by her registration where she was rung.
    pub(crate) fn agent_at(&self, side: Side) -> Option<AgentId> {
        match side {
            Side::Caller => self.script.direct()?.agent,
            Side::Far => self.far.as_ref()?.who.agent(),
        }
    }

    /// Who is on a side, for the log: never a caller's number.
    pub(crate) fn name_at(&self, side: Side) -> String {
        match side {
            Side::Caller => self.script.direct().map_or("caller", |direct| &direct.user).to_owned(),
            Side::Far => self.far.as_ref().map(|far| far.who.name()).unwrap_or_default(),
        }
    }

    /// Whether its far side talks, and nothing else is under way.
    pub(crate) fn is_settled(&self) -> bool {
        self.third.is_none() && self.is_talking()
    }

    /// Whether both sides have been joined and nobody is being transferred.
    pub(crate) fn is_talking(&self) -> bool {
        self.transfer.is_none() && self.far.as_ref().is_some_and(|far| far.state == FarState::Bridged)
    }

    /// Turns an agent's own call round: whom she called becomes the caller and she the far side. `false`
    /// where that cannot be: somebody a queue has led here is the queue's to let go of first.
    fn swap_sides(&mut self) -> bool {
        if !self.far.as_ref().is_some_and(Far::may_lead) {
            return false;
        }
        let (Some(agent), Some(called)) = (self.caller_as_far(), self.far.take()) else { return false };
        self.take_as_caller(called);
        self.far = Some(agent);
        true
    }

    /// The caller's side of an agent's own call, as it would be had she been called. Her place must be taken
    /// by somebody else, or the call is over.
    pub(crate) fn caller_as_far(&self) -> Option<Far> {
        let direct = self.script.direct()?;
        let agent = direct.agent?;
        let who = Who::Colleague { agent, name: direct.user.clone(), ring_until: self.arrived.mono };
        let since = self.answered.unwrap_or(self.arrived);
        let far = Far::opening(since, who, self.party.clone());
        Some(Far { legs: vec![self.leg], state: FarState::Bridged, held: self.held, referred: true, ..far })
    }

    /// Puts somebody who was called into the caller's place.
    pub(crate) fn take_as_caller(&mut self, called: Far) {
        let Some(leg) = called.legs.first() else { return };
        self.leg = *leg;
        self.held = called.held;
        self.progress = Progress::Confirmed;
        self.probe_again = [None; 2];
        let user = called.who.name();
        self.script = Script::Direct(Direct { agent: called.who.agent(), user, to: None });
        self.party = called.party;
    }

    /// The far side of somebody who has just been led here.
    pub(crate) fn joined(now: Now, far: Far) -> Far {
        Far { since: now, referred: true, held: false, ..far }
    }
}

impl Far {
    /// Whether it can take the caller's place: nobody a queue has led here, who is the queue's to let go of.
    pub(crate) const fn may_lead(&self) -> bool {
        matches!(self.who, Who::Colleague { .. } | Who::Number { .. })
    }
}
