//! A third party in a conversation: while an agent talks she keys a code, and an interpreter or a colleague is rung
//! and hears and is heard by both.
//!
//! Keys of her phone, and no SIP: RFC 3911 (`Join`) and conference focuses are known to few phones, and a phone that
//! mixes by itself leaves no trace in the log. Every phone has keys; the caller does not hear them.
//!
//! | while | what comes | what follows |
//! |---|---|---|
//! | agent and caller talk | a code of `conference.parties` | its party is rung; both talk on |
//! | it rings | busy, no answer, `conference.let_go` | both talk on |
//! | it rings | an answer | all three hear one another; a recorded call tells the party first |
//! | all three talk | the party leaves, `conference.let_go` | both talk on |
//! | all three talk | the agent leaves | a colleague, or a number of `conference.may_stay`, goes on with the caller; any other is let go, and the caller is where she always is when an agent leaves |
//! | any | the caller leaves | the call ends |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use media::{PlayEnd, Playlist};
use primitives::Now;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sip::{LegCommand, LegEvent, LegId, Refusal};

use crate::call::{Call, Far, FarState, Who};
use crate::caller::Side;
use crate::hop::Hop;
use crate::leg::Owner;
use crate::output::Output;
use crate::switch::Switch;
use crate::target::Target;

/// How long a third party rings while the two talk on. Interpreters' lines answer within some 30 s.
const THIRD_RING: Duration = Duration::from_secs(45);

/// Keys of a code, its star included. What goes on longer is none.
const CODE_KEYS_MAX: usize = 5;

/// Third parties an agent may bring into her conversation by keys of her phone.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConferenceConfig {
    /// What she keys while she talks, and who is rung: an agent, or a name of `numbers:`. Default none.
    pub parties: BTreeMap<String, String>,
    /// What she keys to let the third party go. Default `*30`.
    pub let_go: String,
    /// Names of `numbers:` whose people are staff: when the agent leaves they go on with the caller. Agents do so
    /// always; all others are let go. Default none.
    pub may_stay: BTreeSet<String>,
}

impl Default for ConferenceConfig {
    fn default() -> Self {
        Self { parties: BTreeMap::new(), let_go: "*30".to_owned(), may_stay: BTreeSet::new() }
    }
}

impl ConferenceConfig {
    /// What is wrong with it, for its author.
    pub fn check(&self, is_party: impl Fn(&str) -> bool) -> Result<(), String> {
        if let Some(name) = self.parties.values().chain(&self.may_stay).find(|name| !is_party(name)) {
            return Err(format!("`conference:` names `{name}`, which is none of `agents:` or `numbers:`"));
        }
        let codes: Vec<&String> = self.parties.keys().chain([&self.let_go]).collect();
        let is_code = |code: &str| {
            code.len() <= CODE_KEYS_MAX
                && code
                    .strip_prefix('*')
                    .is_some_and(|keys| !keys.is_empty() && keys.bytes().all(|key| key.is_ascii_digit()))
        };
        if let Some(code) = codes.iter().find(|code| !is_code(code)) {
            return Err(format!("conference code `{code}` must be a star and one to four digits"));
        }
        let begins_another = |(at, code): (usize, &&String)| {
            codes.iter().enumerate().any(|(other, longer)| other != at && longer.starts_with(code.as_str()))
        };
        if let Some((_, code)) = codes.iter().enumerate().find(|pair| begins_another(*pair)) {
            return Err(format!(
                "conference code `{code}` is the beginning of another: nobody could key that one"
            ));
        }
        Ok(())
    }
}

impl Switch {
    /// A key of an agent who talks.
    pub(crate) fn agent_key(
        &mut self,
        now: Now,
        call: &mut Call,
        (side, key): (Side, char),
        out: &mut Vec<Output>,
    ) {
        let setup = Arc::clone(&call.setup);
        let config = &setup.conference;
        if config.parties.is_empty() || call.agent_at(side).is_none() || !call.is_talking() {
            return;
        }
        if key == '*' {
            call.keyed.clear();
        } else if call.keyed.is_empty() || call.keyed.len() >= CODE_KEYS_MAX {
            return call.keyed.clear();
        }
        call.keyed.push(key);
        if call.keyed == config.let_go {
            call.keyed.clear();
            self.drop_third(now, call, "let_go", out);
        } else if let Some(name) = config.parties.get(&call.keyed) {
            call.keyed.clear();
            self.call_in(now, call, (call.name_at(side), name), out);
        }
    }

    fn call_in(&mut self, now: Now, call: &mut Call, (by, name): (String, &str), out: &mut Vec<Output>) {
        let asked = Hop::CallingIn { by, to: name.to_owned() };
        self.hop(now, Some(call), asked, out);
        let target =
            self.target(name).filter(|to| matches!(to, Target::Agent { .. } | Target::Number { .. }));
        let failed = match target {
            _ if call.third.is_some() => Some("third_there"),
            None => Some("no_such_party"),
            Some(to) => {
                let far = call.far.take();
                let rung = self.ring_target(now, call, &to, THIRD_RING, out);
                call.third = std::mem::replace(&mut call.far, far);
                if let Some(third) = &mut call.third {
                    third.called_in = true;
                }
                match rung {
                    Ok(()) => None,
                    Err(486) => Some("busy"),
                    Err(503) => Some("no_rtp_port"),
                    Err(_) => Some("unreachable"),
                }
            }
        };
        if let Some(why) = failed {
            let failed = Hop::TransferFailed { number: name.to_owned(), why: why.to_owned() };
            return self.hop(now, Some(call), failed, out);
        }
        self.own_third(call);
    }

    /// Does what is done for a far side, for the third party in its place.
    fn with_third(
        &mut self,
        now: Now,
        call: &mut Call,
        out: &mut Vec<Output>,
        work: impl FnOnce(&mut Self, &mut Call, &mut Vec<Output>),
    ) {
        let hears = |call: &Call| call.third.as_ref().is_some_and(|third| third.state == FarState::Bridged);
        let heard = hears(call);
        std::mem::swap(&mut call.far, &mut call.third);
        work(self, call, out);
        std::mem::swap(&mut call.far, &mut call.third);
        self.own_third(call);
        if !heard && hears(call) {
            self.joined_in(now, call, out);
        }
    }

    fn joined_in(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let Some(who) = call.third.as_ref().map(|third| third.who.name()) else { return };
        self.hop(now, Some(call), Hop::JoinedIn { who }, out);
        self.talk(call, out);
    }

    /// Its port.
    pub(crate) fn third_media(
        &mut self,
        now: Now,
        call: &mut Call,
        event: &media::Event,
        out: &mut Vec<Output>,
    ) {
        let Some(third) = &call.third else { return };
        match (event, &third.state) {
            (media::Event::Opened { .. }, FarState::Opening) => {
                self.with_third(now, call, out, |switch, call, out| switch.ring(now, call, out));
            }
            (media::Event::OpenFailed { .. }, _) => {
                self.with_third(now, call, out, |switch, call, out| {
                    switch.far_failed(now, call, "no_rtp_port", out);
                });
            }
            (
                media::Event::PlayFinished { playlist, why: PlayEnd::Finished, .. },
                FarState::Whispering { playlist: notice },
            ) if playlist == notice => {
                self.with_third(now, call, out, |_, call, _| {
                    if let Some(third) = &mut call.far {
                        third.state = FarState::Bridged;
                    }
                });
            }
            (media::Event::Silent { .. }, FarState::Bridged) => {
                let setup = Arc::clone(&call.setup);
                let Some(third) = &mut call.third else { return };
                let sdp = third.party.offer(&setup.media.codecs);
                let leg = third.legs.first().copied();
                leg.into_iter()
                    .for_each(|leg| self.leg(now, leg, LegCommand::Offer { sdp: sdp.clone() }, out));
            }
            _ => {}
        }
    }

    /// A leg of it.
    pub(crate) fn third_event(
        &mut self,
        now: Now,
        call: &mut Call,
        (leg, event): (LegId, LegEvent),
        out: &mut Vec<Output>,
    ) {
        if call.third.is_none() {
            return;
        }
        match event {
            LegEvent::Referred(_) => {
                self.leg(now, leg, LegCommand::RefuseReferral(Refusal::status(603)), out);
            }
            LegEvent::Ringing | LegEvent::Progress { .. } => {
                self.with_third(now, call, out, |switch, call, out| switch.number_rings(now, call, out));
            }
            LegEvent::Info { .. } | LegEvent::ReferAnswered { .. } | LegEvent::ReferNews { .. } => {}
            event => {
                self.with_third(now, call, out, |switch, call, out| {
                    switch.far_event(now, call, leg, event, out);
                });
            }
        }
    }

    /// It answered: it joins, or is first told that the call is recorded.
    pub(crate) fn third_answered(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let is_recorded = call.recording.as_ref().is_some_and(|recording| !recording.is_message);
        let notice = call.setup.prompts.named(&call.setup.agent_language, "recording_notice").map(Arc::clone);
        let id = self.next_playlist();
        let Some(third) = &mut call.far else { return };
        third.since = now;
        third.state = FarState::Bridged;
        if let Some(notice) = notice.filter(|_| is_recorded) {
            third.state = FarState::Whispering { playlist: id };
            let playlist =
                Playlist { prompts: vec![notice], repeats: false, lead_in: Duration::from_millis(300), id };
            let command = media::Command::Play { port: third.party.port, playlist };
            out.push(Output::Media { shard: call.shard, command });
        }
    }

    /// It rang as long as it may.
    pub(crate) fn give_up_third_when_due(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        if call.third_rings_until().is_some_and(|until| until <= now.mono) {
            self.drop_third(now, call, "no_answer", out);
        }
    }

    /// Lets it go.
    pub(crate) fn drop_third(&mut self, now: Now, call: &mut Call, why: &str, out: &mut Vec<Output>) {
        let Some(third) = call.third.take() else { return };
        self.left(now, call, (&third, why), out);
        self.let_go(now, &third, out);
    }

    /// Told of one who is gone, or never came.
    pub(crate) fn left(&mut self, now: Now, call: &Call, (third, why): (&Far, &str), out: &mut Vec<Output>) {
        let (who, why) = (third.who.name(), why.to_owned());
        let hop = if third.state == FarState::Bridged {
            Hop::LeftConference { who, why }
        } else {
            Hop::TransferFailed { number: who, why }
        };
        self.hop(now, Some(call), hop, out);
    }

    /// The agent leaves: whether the third party goes on with the caller in her place.
    pub(crate) fn third_stays(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) -> bool {
        let Some(third) = call.third.take_if(|third| {
            let is_staff = match &third.who {
                Who::Number { name, .. } => call.setup.conference.may_stay.contains(&**name),
                Who::Agent { .. } | Who::Colleague { .. } => true,
            };
            is_staff && third.state == FarState::Bridged
        }) else {
            self.drop_third(now, call, "agent_left", out);
            return false;
        };
        self.hop(now, Some(call), Hop::Remained { who: third.who.name() }, out);
        self.hop(now, Some(call), Hop::Bridged { with: third.who.name() }, out);
        let third = Far { called_in: false, referred: true, since: now, ..third };
        if call.far.is_none() {
            call.far = Some(third);
        } else {
            call.take_as_caller(third);
        }
        self.own_sides(call);
        self.talk(call, out);
        true
    }

    /// An agent who made this call has left it: whether somebody goes on with whom she called.
    pub(crate) fn caller_is_replaced(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) -> bool {
        let Some(agent) = call.agent_at(Side::Caller).filter(|_| call.is_talking()) else { return false };
        let port = call.party.port;
        if !self.third_stays(now, call, out) {
            return false;
        }
        self.close_port(port, out);
        self.disengage(now, agent);
        true
    }

    fn own_third(&mut self, call: &Call) {
        if let Some(third) = &call.third {
            self.own(third, Owner::Third(call.id));
        }
    }

    /// Keys of an agent are for us while she may bring somebody in, and never for the caller's ear.
    pub(crate) fn keep_agents_keys(&self, call: &Call, out: &mut Vec<Output>) {
        if let Some(far) = call.far.as_ref().filter(|_| call.keeps_agents_keys()) {
            let command = media::Command::MuteDigits { port: far.party.port, muted: true };
            out.push(Output::Media { shard: call.shard, command });
        }
    }
}

impl Call {
    /// Whether what its agent keys is for us.
    pub(crate) fn keeps_agents_keys(&self) -> bool {
        let is_agents = self.far.as_ref().is_some_and(|far| far.who.agent().is_some());
        is_agents && self.script.flow().is_some() && !self.setup.conference.parties.is_empty()
    }

    /// When ringing the third party is given up.
    pub(crate) fn third_rings_until(&self) -> Option<std::time::Instant> {
        let ringing = |third: &&Far| matches!(third.state, FarState::Opening | FarState::Ringing);
        self.third.as_ref().filter(ringing).and_then(|third| third.who.ring_until())
    }

    /// The third party, once it hears the others.
    pub(crate) fn third_that_talks(&self) -> Option<&Far> {
        self.third.as_ref().filter(|third| third.state == FarState::Bridged)
    }
}

#[cfg(test)]
mod tests {
    use super::ConferenceConfig;

    #[test]
    fn codes_that_begin_alike_and_parties_nobody_knows_are_refused() {
        let of = |code: &str, name: &str| ConferenceConfig {
            parties: [(code.to_owned(), name.to_owned())].into(),
            ..ConferenceConfig::default()
        };
        let check = |config: &ConferenceConfig| config.check(|name| name == "interpreter");
        assert_eq!(check(&of("*31", "interpreter")), Ok(()));
        for code in ["31", "*", "*3", "*30", "*301", "*12345", "*3a"] {
            assert!(check(&of(code, "interpreter")).is_err(), "{code}");
        }
        assert!(check(&of("*31", "nobody")).is_err_and(|text| text.contains("nobody")));
    }
}
