//! Feature codes: an agent signs in and out, is ready or pauses, from the keys of her phone.

use std::sync::Arc;
use std::time::Duration;

use acd::AgentChange;
use media::{PlayEnd, Playlist};
use primitives::Now;
use sip::{Challenge, EndCause, Invited, LegCommand, LegEvent, LegId, Refusal};

use crate::leg::{Beyond, Owner, Party};
use crate::output::Output;
use crate::setup::FeatureCode;
use crate::switch::Switch;

/// Silence before the confirmation, while the phone goes to her ear.
const BEFORE_CONFIRMATION: Duration = Duration::from_millis(300);

/// An agent's phone that dialled a feature code. It hears a confirmation and is hung up.
#[derive(Debug)]
pub(crate) struct FeatureCall {
    user: String,
    code: FeatureCode,
    shard: u16,
    party: Party,
    offer: Option<bytes::Bytes>,
    playlist: u64,
}

impl Switch {
    /// Only a phone of ours that proved whose it is has feature codes.
    pub(crate) fn feature(
        &mut self,
        now: Now,
        leg: LegId,
        code: FeatureCode,
        invited: Invited,
        out: &mut Vec<Output>,
    ) {
        let Some(user) = invited.user else {
            return self.leg(now, leg, LegCommand::Challenge(Challenge::OwnPhonesOnly), out);
        };
        if self.acd.agent(&user).is_none() {
            return self.refuse(now, leg, 403, "not_an_agent", out);
        }
        let shard = self.next_shard();
        let address = self.rtp_address(Some(&invited.path));
        let Some((port, local)) = self.open_port(Owner::Feature(leg), shard, address, out) else {
            return self.refuse(now, leg, 503, "no_rtp_port", out);
        };
        let party = self.party(port, local, Beyond::Phone);
        self.legs.insert(leg, Owner::Feature(leg));
        let offer = invited.offer;
        self.features.insert(leg, FeatureCall { user, code, shard, party, offer, playlist: 0 });
    }

    pub(crate) fn feature_media(&mut self, now: Now, leg: LegId, event: media::Event, out: &mut Vec<Output>) {
        match event {
            media::Event::Opened { .. } => self.answer_feature(now, leg, out),
            media::Event::OpenFailed { .. } => {
                self.features.remove(&leg);
                self.legs.remove(&leg);
                self.refuse(now, leg, 503, "no_rtp_port", out);
            }
            media::Event::PlayFinished { playlist, why: PlayEnd::Finished, .. } => {
                if self.features.get(&leg).is_some_and(|feature| feature.playlist == playlist) {
                    self.end_feature(now, leg, out);
                }
            }
            media::Event::PlayFinished { .. }
            | media::Event::Digit { .. }
            | media::Event::Heard { .. }
            | media::Event::Silent { .. }
            | media::Event::Recorded { .. }
            | media::Event::RecordingEnded { .. }
            | media::Event::Hushed { .. }
            | media::Event::Closed { .. } => {}
        }
    }

    fn answer_feature(&mut self, now: Now, leg: LegId, out: &mut Vec<Output>) {
        let codecs = self.setup().media.codecs.clone();
        let Some(feature) = self.features.get_mut(&leg) else { return };
        let sdp = match feature.offer.take() {
            Some(offer) => match feature.party.answer(&offer, &codecs) {
                Ok((sdp, session)) => {
                    let command = media::Command::Apply { port: feature.party.port, session };
                    out.push(Output::Media { shard: feature.shard, command });
                    sdp
                }
                Err(unacceptable) => {
                    let port = feature.party.port;
                    self.features.remove(&leg);
                    self.legs.remove(&leg);
                    self.close_port(port, out);
                    let refusal = Refusal::status(unacceptable.status());
                    return self.leg(now, leg, LegCommand::Reject(refusal), out);
                }
            },
            None => feature.party.offer(&codecs),
        };
        self.leg(now, leg, LegCommand::Answer { sdp }, out);
    }

    pub(crate) fn feature_event(&mut self, now: Now, leg: LegId, event: LegEvent, out: &mut Vec<Output>) {
        match event {
            LegEvent::Confirmed { sdp } => self.act_on_feature(now, leg, sdp.as_deref(), out),
            LegEvent::Ended { .. } => self.end_feature(now, leg, out),
            LegEvent::Reoffered { .. } => {
                self.leg(now, leg, LegCommand::Reject(Refusal::status(488)), out);
            }
            LegEvent::Invited(_)
            | LegEvent::Elsewhere { .. }
            | LegEvent::Ringing
            | LegEvent::Progress { .. }
            | LegEvent::Answered { .. }
            | LegEvent::OfferAnswered { .. }
            | LegEvent::ReferAnswered { .. }
            | LegEvent::ReferNews { .. }
            | LegEvent::Info { .. } => {}
            LegEvent::Referred(_) => {
                self.leg(now, leg, LegCommand::RefuseReferral(Refusal::status(603)), out);
            }
        }
    }

    /// What the code stands for is done once the call is up, so that the agent hears what she did.
    fn act_on_feature(&mut self, now: Now, leg: LegId, sdp: Option<&[u8]>, out: &mut Vec<Output>) {
        let setup = Arc::clone(self.setup());
        let id = self.next_playlist();
        let Some((user, code)) = self.features.get(&leg).map(|feature| (feature.user.clone(), feature.code))
        else {
            return;
        };
        let changes = match code {
            FeatureCode::SignIn => {
                vec![AgentChange::SignIn { queues: Vec::new() }, AgentChange::Ready]
            }
            FeatureCode::SignOut => vec![AgentChange::SignOut],
            FeatureCode::Ready | FeatureCode::ConfirmLocation => vec![AgentChange::Ready],
            FeatureCode::Pause => vec![AgentChange::Pause { reason: "feature code".to_owned() }],
        };
        let mut is_done = true;
        if code == FeatureCode::ConfirmLocation {
            is_done = self.confirm_location(now, &user, "phone", out);
        }
        for change in changes {
            is_done = is_done && self.agent_asked(now, &user, change, "phone", out);
        }
        let said = match code {
            _ if is_done => code.prompt(),
            // She is signed in, and ready as soon as she has said where she is.
            FeatureCode::SignIn | FeatureCode::Ready if self.must_confirm_location(&user) => {
                "agent_confirm_location"
            }
            _ => "agent_not_allowed",
        };
        let Some(feature) = self.features.get_mut(&leg) else { return };
        if let Some(Ok(session)) = sdp.map(|sdp| feature.party.accept(sdp, &setup.media.codecs)) {
            let command = media::Command::Apply { port: feature.party.port, session };
            out.push(Output::Media { shard: feature.shard, command });
        }
        let prompt = setup.prompts.named(&setup.agent_language, said).map(Arc::clone);
        feature.playlist = id;
        let playlist = Playlist {
            prompts: prompt.into_iter().collect(),
            repeats: false,
            lead_in: BEFORE_CONFIRMATION,
            id,
        };
        let command = media::Command::Play { port: feature.party.port, playlist };
        out.push(Output::Media { shard: feature.shard, command });
    }

    fn end_feature(&mut self, now: Now, leg: LegId, out: &mut Vec<Output>) {
        if let Some(feature) = self.features.remove(&leg) {
            self.close_port(feature.party.port, out);
            self.hang_up(now, leg, EndCause::WeHungUp, out);
        }
    }
}
