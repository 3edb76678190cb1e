//! A call at the phone's end, from the first ring to the end.

use std::time::Duration;

use bytes::Bytes;
use primitives::Now;
use sip::{EndCause, LegCommand, LegEvent, LegId, Refusal};

use super::{Datagram, Deed, Phase, Phone, PhoneLeg, Reaction, Wish};

/// How long a phone rings before it gives up by itself.
const RINGS_MAX: Duration = Duration::from_secs(90);

impl Phone {
    pub(super) fn leg_event(&mut self, now: Now, id: LegId, event: LegEvent, out: &mut Vec<Datagram>) {
        match event {
            LegEvent::Invited(invited) => self.invited(now, id, invited.offer, out),
            LegEvent::Answered { sdp } => {
                if let Some(leg) = self.legs.get_mut(&id) {
                    leg.talk.accept(now.mono, &sdp);
                }
                self.up(now, id);
            }
            LegEvent::Confirmed { sdp } => {
                if let (Some(leg), Some(sdp)) = (self.legs.get_mut(&id), sdp) {
                    leg.talk.accept(now.mono, &sdp);
                }
                self.up(now, id);
            }
            LegEvent::Reoffered { sdp } => {
                let answer = self.legs.get_mut(&id).and_then(|leg| leg.talk.answer(sdp.as_deref()));
                let command = match answer {
                    Some(sdp) => LegCommand::Accept { sdp },
                    None => LegCommand::Reject(Refusal::status(488)),
                };
                self.command(now, id, command, out);
            }
            LegEvent::OfferAnswered { sdp } => {
                if let Some(leg) = self.legs.get_mut(&id) {
                    leg.talk.accept(now.mono, &sdp);
                }
            }
            LegEvent::Ended { cause, .. } => self.ended(now, id, cause, out),
            LegEvent::ReferAnswered { status } => self.referrals.push(status),
            // As phones do: once she has arrived there, it hangs up.
            LegEvent::ReferNews { status } => {
                self.referrals.push(status);
                if status == 200 {
                    self.command(now, id, LegCommand::HangUp { cause: EndCause::WeHungUp }, out);
                }
            }
            LegEvent::Elsewhere { .. }
            | LegEvent::Ringing
            | LegEvent::Progress { .. }
            | LegEvent::Referred(_)
            | LegEvent::Info { .. } => {}
        }
    }

    fn invited(&mut self, now: Now, id: LegId, offer: Option<Bytes>, out: &mut Vec<Datagram>) {
        let talk = self.new_talk(now.mono);
        let leg = PhoneLeg {
            phase: Phase::Ringing,
            dialled: None,
            is_proven: true,
            replaces: None,
            offer,
            talk,
            then: Vec::new(),
        };
        self.legs.insert(id, leg);
        self.current = Some(id);
        let drawn = self.reactions.pop_front().or_else(|| self.habit.map(|habit| habit(&mut self.chance)));
        self.command(now, id, LegCommand::Ring, out);
        // A caller who died sends no CANCEL: nobody lets a phone ring for ever.
        self.put(now.mono + RINGS_MAX, Deed::Refuse(id, 480));
        match drawn.unwrap_or(Reaction::LetRing) {
            Reaction::Answer { after, then } => self.put(now.mono + after, Deed::Answer(id, then)),
            Reaction::Refuse { after, status } => self.put(now.mono + after, Deed::Refuse(id, status)),
            Reaction::LetRing => {}
            Reaction::Vanish { after, back_after } => {
                self.put(now.mono + after, Deed::Wish(Some(id), Wish::Vanish(back_after)));
            }
        }
    }

    fn up(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.phase == Phase::Ringing) else { return };
        leg.phase = Phase::Up;
        for (after, wish) in std::mem::take(&mut leg.then) {
            self.put(now.mono + after, Deed::Wish(Some(id), wish));
        }
    }

    fn ended(&mut self, now: Now, id: LegId, cause: EndCause, out: &mut Vec<Datagram>) {
        let Some(leg) = self.legs.remove(&id) else { return };
        self.last_over = Some(Phase::Over(cause));
        if self.current == Some(id) {
            self.current = self.legs.keys().next_back().copied();
        }
        let EndCause::Refused { status } = cause else { return };
        self.refusals.push(status);
        let Some(number) = leg.dialled.filter(|_| status == 401 && !leg.is_proven) else { return };
        if let Some(credentials) = self.credentials(&number) {
            let authorization = ("Authorization".to_owned(), credentials.into_exposed());
            let headers = [authorization].into_iter().chain(leg.replaces).collect();
            self.dial(now, number, headers, out);
        }
    }
}
