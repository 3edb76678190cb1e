//! Who is told what: each event of the parts goes to the call, or whatever else, it belongs to.

use std::mem;
use std::time::Instant;

use acd::{AgentChange, AgentState};
use audit::CallId;
use flow::QueueNews;
use primitives::Now;
use sip::{LegEvent, LegId, RegistrationChange};

use super::{Pending, Switch};
use crate::call::Call;
use crate::emergency::EmergencySide;
use crate::hop::Hop;
use crate::leg::Owner;
use crate::output::Output;
use crate::referral::referrer_media;
use crate::script::Script;

impl Switch {
    pub(super) fn leg_event(&mut self, now: Now, leg: LegId, event: LegEvent, out: &mut Vec<Output>) {
        let owner = if matches!(event, LegEvent::Ended { .. }) {
            self.forget_leg(leg)
        } else {
            self.legs.get(&leg).copied()
        };
        match (owner, event) {
            (None, LegEvent::Invited(invited)) => self.invited(now, leg, *invited, out),
            (Some(Owner::Caller(id)), event) => {
                self.with_call(now, id, |switch, call| switch.caller_event(now, call, event, out));
            }
            (Some(Owner::Far(id)), event) => {
                self.with_call(now, id, |switch, call| switch.far_event(now, call, leg, event, out));
            }
            (Some(Owner::Referrer(id)), event) => {
                self.with_call(now, id, |switch, call| switch.referrer_event(now, call, leg, event, out));
            }
            (Some(Owner::Feature(_)), event) => self.feature_event(now, leg, event, out),
            (Some(Owner::Third(id)), event) => {
                self.with_call(now, id, |switch, call| switch.third_event(now, call, (leg, event), out));
            }
            (Some(Owner::Supervisor(_)), event) => self.supervisor_event(now, leg, event, out),
            (Some(Owner::Emergency(id, side)), event) => {
                self.with_emergency(now, id, |switch, call| match side {
                    EmergencySide::Near => switch.emergency_near(now, call, event, out),
                    EmergencySide::Far => switch.emergency_far(now, call, event, out),
                });
            }
            // The call let go of this leg a moment ago.
            (None, _) => {}
        }
    }

    pub(super) fn media_event(&mut self, now: Now, event: media::Event, out: &mut Vec<Output>) {
        let port = match &event {
            media::Event::Opened { port }
            | media::Event::OpenFailed { port }
            | media::Event::Digit { port, .. }
            | media::Event::PlayFinished { port, .. }
            | media::Event::Heard { port }
            | media::Event::Silent { port, .. }
            | media::Event::RecordingEnded { port, .. }
            | media::Event::Hushed { port, .. }
            | media::Event::Closed { port, .. } => *port,
            // For the disk: the driver keeps it from here.
            media::Event::Recorded { .. } => return,
        };
        let Some(open) = self.media.get(&port).copied() else { return };
        if matches!(event, media::Event::Closed { .. } | media::Event::OpenFailed { .. }) {
            self.media.remove(&port);
            self.ports.give_back(open.udp);
        }
        match open.owner {
            Some(Owner::Caller(id)) => {
                self.with_call(now, id, |switch, call| switch.caller_media(now, call, event, out));
            }
            Some(Owner::Far(id)) => {
                self.with_call(now, id, |switch, call| switch.far_media(now, call, event, out));
            }
            Some(Owner::Referrer(id)) => {
                self.with_call(now, id, |_, call| referrer_media(call, &event));
            }
            Some(Owner::Feature(leg)) => self.feature_media(now, leg, event, out),
            Some(Owner::Third(id)) => {
                self.with_call(now, id, |switch, call| switch.third_media(now, call, &event, out));
            }
            Some(Owner::Supervisor(leg)) => self.supervisor_media(now, leg, &event, out),
            Some(Owner::Emergency(id, side)) => {
                self.with_emergency(now, id, |switch, call| {
                    switch.emergency_media(now, call, side, event, out);
                });
            }
            None => {}
        }
    }

    pub(super) fn acd_output(&mut self, now: Now, output: acd::Output, out: &mut Vec<Output>) {
        match output {
            acd::Output::Offer { offer, entry, agent, waited } => {
                let Some(id) = self.entries.get(&entry).copied() else { return };
                self.with_call(now, id, |switch, call| {
                    switch.offer(now, call, (offer, agent), waited, out);
                });
            }
            acd::Output::Withdraw { offer, why } => self.withdraw(now, offer, why, out),
            acd::Output::News { entry, ahead, estimate } => {
                if let Some(id) = self.entries.get(&entry).copied() {
                    let news = flow::Event::Queue(QueueNews::Position { ahead, estimate });
                    self.pending.push_back(Pending::Flow(id, news));
                }
            }
            acd::Output::Exit { entry, exit, waited } => {
                if let Some(id) = self.entries.remove(&entry) {
                    self.with_call(now, id, |switch, call| switch.exit(now, call, exit, waited, out));
                }
            }
            acd::Output::Agent { agent, state } => {
                let name = self.agent_name(agent);
                self.hop(now, None, Hop::AgentNow { agent: name, state: state.word().to_owned() }, out);
            }
        }
    }

    pub(super) fn registration(&mut self, now: Now, change: RegistrationChange, out: &mut Vec<Output>) {
        let (user, contacts) = match &change {
            RegistrationChange::Bound { user, .. } => (user.clone(), self.sip.bindings(user).len()),
            RegistrationChange::Unbound { user, left, .. } => (user.clone(), *left),
        };
        let Some(agent) = self.acd.agent(&user) else { return };
        // Stored, so that a restart knows how long it holds; nobody will ask about each of them.
        if matches!(change, RegistrationChange::Bound { is_refresh: true, .. }) {
            return out.push(Output::Registration(change));
        }
        let reachable = if contacts == 0 { AgentChange::Unreachable } else { AgentChange::Reachable };
        self.acd_input(now, acd::Input::Agent { agent, change: reachable });
        let contacts = u32::try_from(contacts).unwrap_or(u32::MAX);
        self.hop(now, None, Hop::Registered { agent: user, contacts }, out);
        out.push(Output::Registration(change));
    }

    /// An agent's wish. `false`: not while she is not signed in.
    pub(crate) fn agent_asked(
        &mut self,
        now: Now,
        name: &str,
        change: AgentChange,
        by: &'static str,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some(agent) = self.acd.agent(name) else { return false };
        // Whoever is not signed in is neither ready nor pausing; nothing of it is kept for a restart.
        if matches!(change, AgentChange::Ready | AgentChange::Pause { .. })
            && self.acd.agent_state(agent) == Some(AgentState::Offline)
        {
            return false;
        }
        if self.waits_for_location(now, name, &change, by, out) {
            return false;
        }
        let what = match &change {
            AgentChange::SignIn { .. } => "sign_in",
            AgentChange::SignOut => "sign_out",
            AgentChange::Ready => "ready",
            AgentChange::Pause { .. } => "pause",
            _ => "other",
        };
        let asked = Hop::AgentAsked { agent: name.to_owned(), what: what.to_owned(), by: by.to_owned() };
        self.hop(now, None, asked, out);
        out.push(Output::AgentChanged { agent: name.to_owned(), change: change.clone() });
        self.acd_input(now, acd::Input::Agent { agent, change });
        true
    }

    pub(crate) fn flow_event(&mut self, now: Now, id: CallId, event: flow::Event, out: &mut Vec<Output>) {
        self.with_call(now, id, |switch, call| switch.run_flow(now, call, event, out));
    }

    /// Tells the flow what happened and does what it wants.
    pub(crate) fn run_flow(&mut self, now: Now, call: &mut Call, event: flow::Event, out: &mut Vec<Output>) {
        if call.over {
            return;
        }
        let Script::Flow(interpreter) = &mut call.script else {
            return self.direct_event(now, call, &event, out);
        };
        let mut actions = mem::take(&mut self.actions);
        interpreter.handle(now, event, &mut actions);
        for action in actions.drain(..) {
            if !call.over {
                self.perform(now, call, action, out);
            }
        }
        self.actions = actions;
    }

    /// Takes a call out while it is worked on, so that it and the switch can both be changed, and puts it
    /// back with its next deadline unless it is over.
    pub(crate) fn with_call(&mut self, now: Now, id: CallId, work: impl FnOnce(&mut Self, &mut Call)) {
        let Some(mut call) = self.calls.remove(&id) else { return };
        work(self, &mut call);
        // A deadline in the past is met at the next wake-up, not never.
        let due = if call.over { None } else { call.deadline().map(|due| due.max(now.mono)) };
        self.reschedule(id, &mut call.scheduled, due);
        if !call.over {
            self.calls.insert(id, call);
        }
    }

    /// Moves a call's place in the list of timers.
    pub(crate) fn reschedule(&mut self, id: CallId, scheduled: &mut Option<Instant>, due: Option<Instant>) {
        if *scheduled == due {
            return;
        }
        if let Some(before) = *scheduled {
            self.timers.remove(&(before, id));
        }
        if let Some(due) = due {
            self.timers.insert((due, id));
        }
        *scheduled = due;
    }
}
