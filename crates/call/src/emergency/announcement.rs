//! What a caller for help hears when nobody can be reached: words, and a tone where there are none.

use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use media::{Playlist, Prompt};
use primitives::Now;
use sip::LegCommand;

use super::{ANNOUNCING_MAX, Audio, EmergencyCall, Near, State};
use crate::output::Output;
use crate::switch::Switch;

/// Silence before the words, while the phone goes to her ear.
const BEFORE_WORDS: Duration = Duration::from_millis(300);

/// Samples a second of the tone.
const RATE: u32 = 8_000;

impl Switch {
    /// She is answered and told why: `not_configured` or `failed`.
    pub(super) fn announce(
        &mut self,
        now: Now,
        call: &mut EmergencyCall,
        why: &'static str,
        out: &mut Vec<Output>,
    ) {
        let playlist = self.next_playlist();
        call.state = State::Announcing { playlist, why, until: now.mono + ANNOUNCING_MAX };
        if let Audio::Direct = call.audio {
            // No port to speak from: her phone shows the refusal and plays its own tone.
            self.legs.remove(&call.leg);
            self.refuse(now, call.leg, 503, "emergency_unreachable", out);
            return self.end_emergency(now, call, cause(why), out);
        }
        let answer = match &mut call.near {
            Near::Invited { offer } => {
                let offer = offer.take();
                self.answer_to_agent(call, offer, &[], out)
            }
            Near::Early { sdp } => Some(sdp.clone()),
            Near::Answered => return self.speak(call, out),
        };
        call.near = Near::Answered;
        match answer {
            Some(sdp) => self.near(now, call, LegCommand::Answer { sdp }, out),
            None => self.end_emergency(now, call, cause(why), out),
        }
    }

    /// Says it, once she can hear: twice, with the tone between.
    pub(super) fn speak(&mut self, call: &mut EmergencyCall, out: &mut Vec<Output>) {
        let State::Announcing { playlist, why, .. } = &call.state else { return };
        let Audio::Relayed(relayed) = &call.audio else { return };
        let name = match *why {
            "not_configured" => "emergency_not_set_up",
            _ => "emergency_not_reached",
        };
        let words = call.setup.prompts.named(&call.setup.agent_language, name).map(Arc::clone);
        let tone = Arc::new(reorder_tone());
        let once = words.into_iter().chain([tone]);
        let list = Playlist {
            prompts: once.clone().chain(once).collect(),
            repeats: false,
            lead_in: BEFORE_WORDS,
            id: *playlist,
        };
        let (near, shard) = (relayed.near.port, relayed.shard);
        out.push(Output::Media { shard, command: media::Command::Unbridge { port: near } });
        out.push(Output::Media { shard, command: media::Command::Play { port: near, playlist: list } });
    }

    /// It was said to its end.
    pub(super) fn said(&mut self, now: Now, call: &mut EmergencyCall, finished: u64, out: &mut Vec<Output>) {
        if let State::Announcing { playlist, why, .. } = call.state
            && playlist == finished
        {
            self.end_emergency(now, call, cause(why), out);
        }
    }
}

/// Why the call ended, for the log.
fn cause(why: &str) -> &'static str {
    if why == "not_configured" { "emergency_not_configured" } else { "emergency_not_reached" }
}

/// 480 and 620 Hz, a quarter of a second on and off: the reorder tone every American knows for "not possible"
/// (Telcordia GR-506). Two seconds of it.
fn reorder_tone() -> Prompt {
    let samples: Vec<i16> = (0..RATE * 2)
        .map(|at| {
            let seconds = f64::from(at) / f64::from(RATE);
            let is_on = ((seconds * 4.0) as u32).is_multiple_of(2);
            let wave = (TAU * 480.0 * seconds).sin() + (TAU * 620.0 * seconds).sin();
            // Half of full scale in all, some −9 dBm0 each at the loudest.
            if is_on { (wave * 4_000.0) as i16 } else { 0 }
        })
        .collect();
    Prompt::from_pcm(&samples, RATE)
}
