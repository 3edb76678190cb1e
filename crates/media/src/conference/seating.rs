//! Ports come to a conference and leave it. Two who hear one another are a bridge, whose packets are relayed
//! untouched and at once; only with a third, or when one does not hear the other, is there a mix.

use std::time::Instant;

use super::{Conference, Mixer, Seated};
use crate::event::Event;
use crate::hearing::{Arrival, Content};
use crate::port::PortId;
use crate::shard::Shard;

impl Shard {
    /// These ports are a conference from now on, whatever they were in; who was in it and is not named leaves
    /// it. Ports that are not here are passed over.
    pub(crate) fn confer(&mut self, now: Instant, conference: &Conference, events: &mut Vec<Event>) {
        let named = conference.ports().iter().copied();
        let here: Vec<(PortId, usize)> = named.filter_map(|id| Some((id, self.place(id)?))).collect();
        let running = here.iter().find_map(|(_, place)| Some(self.seated(*place)?.mixer));
        let Some(mixer) = running else {
            return self.begin_conference(now, conference, &here, events);
        };
        let present: Vec<(PortId, usize)> =
            self.mixers.get(mixer).into_iter().flat_map(Mixer::present).collect();
        for (_, place) in present.iter().filter(|port| !here.contains(port)) {
            self.stand_up(*place);
        }
        let new = here.into_iter().filter(|port| !present.contains(port)).collect::<Vec<_>>();
        self.seat(now, (mixer, &new), conference, events);
    }

    fn begin_conference(
        &mut self,
        now: Instant,
        conference: &Conference,
        here: &[(PortId, usize)],
        events: &mut Vec<Event>,
    ) {
        match *here {
            [] => {}
            [(alone, _)] => self.unbridge(now, alone),
            [(a, at), (b, bt)] if conference.hears(a, b) && conference.hears(b, a) => {
                let joined = self.ports.get(at).and_then(|port| port.joined.as_ref());
                if joined.is_none_or(|joined| joined.place != bt) {
                    self.bridge(now, a, b, events);
                }
            }
            _ => {
                let mixer = self.mixers.insert(Mixer::new(now));
                self.seat(now, (mixer, here), conference, events);
            }
        }
    }

    /// Gives newcomers their seats. What plays at a port that was alone stops; who comes from a bridge or another
    /// conference hears his prompt to its end.
    fn seat(
        &mut self,
        now: Instant,
        (mixer, new): (usize, &[(PortId, usize)]),
        conference: &Conference,
        events: &mut Vec<Event>,
    ) {
        for (_, place) in new {
            if let Some(port) = self.ports.get_mut(*place).filter(|port| !port.is_in_talk()) {
                port.stop(events);
            }
        }
        for (id, place) in new {
            self.unbridge(now, *id);
            let seat = self.mixers.get_mut(mixer).and_then(|mixer| mixer.sit(*id, *place));
            if let (Some(seat), Some(port)) = (seat, self.ports.get_mut(*place)) {
                port.sit(Seated { mixer, seat });
            }
        }
        if let Some(mixer) = self.mixers.get_mut(mixer) {
            mixer.arrange(conference);
        }
        self.settle(now, mixer);
    }

    /// Takes a port out of its conference; the others go on.
    pub(crate) fn leave_conference(&mut self, now: Instant, place: usize) {
        if let Some(seated) = self.seated(place) {
            self.stand_up(place);
            self.settle(now, seated.mixer);
        }
    }

    /// A packet of one of a conference. A key is sent anew to those who hear him, as each of them takes keys.
    pub(crate) fn tell_conference(&mut self, now: Instant, seated: Seated, arrival: &Arrival<'_>) {
        let Some(mixer) = self.mixers.get_mut(seated.mixer) else { return };
        mixer.hear(now, seated.seat, arrival, self.sound.narrow());
        if let (Content::Key(_), Some(digit)) = (arrival.content, arrival.pressed) {
            for place in mixer.listeners(seated.seat) {
                if let Some(listener) = self.ports.get_mut(place) {
                    listener.press(digit);
                }
            }
        }
    }

    fn stand_up(&mut self, place: usize) {
        let Some(port) = self.ports.get_mut(place) else { return };
        let Some(Seated { mixer, seat }) = port.seated else { return };
        port.part();
        if let Some(mixer) = self.mixers.get_mut(mixer) {
            mixer.leave(seat);
        }
    }

    /// A conference that is no longer one: two who hear one another become a bridge, and one alone is alone.
    fn settle(&mut self, now: Instant, key: usize) {
        let Some(mixer) = self.mixers.get(key) else { return };
        if let Some((a, b)) = mixer.pair() {
            for (place, other) in [(a, b), (b, a)] {
                if let Some(port) = self.ports.get_mut(place) {
                    port.part();
                    port.join(now, other);
                }
            }
        } else if mixer.present().nth(1).is_none() {
            let alone = mixer.present().next();
            if let Some(port) = alone.and_then(|(_, place)| self.ports.get_mut(place)) {
                port.part();
            }
        } else {
            return;
        }
        self.mixers.remove(key);
    }

    fn seated(&self, place: usize) -> Option<Seated> {
        self.ports.get(place).and_then(|port| port.seated)
    }
}
