//! Calls that a far end makes and takes sensibly, and then not: duplicates, glare, CANCEL against 200, BYE
//! against everything. Every leg ends once, every 2xx has its ACK, every session its BYE.

use std::mem;

use arbitrary::{Arbitrary, Unstructured};

use sip::message::{Message, Response};

use crate::happening::{Happening, Respond, choose};
use crate::particulars::decorate;
use crate::wire::{Ask, SDP};
use crate::world::{Said, World, way};

/// Events of one run.
const EVENTS_MAX: usize = 96;
/// Calls of a far end at once.
const CALLS: usize = 3;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Event {
    /// A new call, or the next INVITE of one that is there.
    Invite {
        call: u8,
        way: u8,
        sdp: bool,
        extra: u8,
    },
    /// To the last 2xx of a call.
    Ack {
        call: u8,
        sdp: bool,
    },
    /// Of the last INVITE of a call.
    Cancel {
        call: u8,
    },
    /// Anything else in a call: a key, a question, a transfer and news of one.
    Request {
        call: u8,
        method: u8,
        sdp: bool,
        extra: u8,
    },
    /// Inside a call that we made: the far end asks.
    Asks {
        request: u8,
        method: u8,
        sdp: bool,
        extra: u8,
    },
    /// A message of the far end once more, as it was.
    Again {
        sent: u8,
    },
    /// The same, with a number that was used before.
    Old {
        call: u8,
        method: u8,
    },
    Respond(Respond),
    Happening(Happening),
}

const METHODS: [&str; 12] = [
    "BYE",
    "PRACK",
    "OPTIONS",
    "INFO",
    "UPDATE",
    "PRACK",
    "REFER",
    "NOTIFY",
    "UPDATE",
    "WHATEVER",
    "SUBSCRIBE",
    "REFER",
];

/// What a far end asks inside a call of ours.
const ASKED_OF_US: [&str; 12] = [
    "INVITE",
    "INVITE",
    "BYE",
    "UPDATE",
    "INFO",
    "OPTIONS",
    "NOTIFY",
    "REFER",
    "SUBSCRIBE",
    "PRACK",
    "NOTIFY",
    "REFER",
];

/// One call as the far end sees it.
#[derive(Clone, Default)]
struct Call {
    /// How often it was begun anew.
    life: u32,
    cseq: u32,
    invite: Option<Ask>,
    our_tag: Option<String>,
    /// The RAck of our last reliable provisional response.
    rack: Option<String>,
    way: u8,
}

struct FarEnd {
    world: World,
    calls: [Call; CALLS],
    sent: Vec<Ask>,
    /// Where it is in the calls that we made.
    cseq: u32,
    branches: u32,
}

/// The bytes choose the events.
pub fn dialog(bytes: &[u8]) {
    let Ok(events) = Vec::<Event>::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    let mut far =
        FarEnd { world: World::new(), calls: Default::default(), sent: Vec::new(), cseq: 100, branches: 0 };
    for event in events.into_iter().take(EVENTS_MAX) {
        far.take(event);
        far.learn();
    }
    far.world.end();
}

impl FarEnd {
    fn take(&mut self, event: Event) {
        match event {
            Event::Invite { call, way, sdp, extra } => self.invite(call, way, sdp, extra),
            Event::Ack { call, sdp } => {
                if let Some(mut ask) = self.in_call(call, "ACK") {
                    ask.cseq = self.call(call).invite.as_ref().map_or(1, |invite| invite.cseq);
                    ask.body = if sdp { SDP } else { "" };
                    self.send(ask);
                }
            }
            Event::Cancel { call } => {
                if let Some(invite) = self.call(call).invite.clone() {
                    self.send(Ask { method: "CANCEL", body: "", extra: Vec::new(), ..invite });
                }
            }
            Event::Request { call, method, sdp, extra } => {
                let method = METHODS[usize::from(method) % METHODS.len()];
                self.call(call).cseq += 1;
                if let Some(mut ask) = self.in_call(call, method) {
                    decorate(&mut ask, sdp, extra, &self.world);
                    let rack = self.call(call).rack.as_ref().filter(|_| method == "PRACK");
                    ask.extra.extend(rack.map(|rack| format!("RAck: {rack}")));
                    let said = self.send(ask);
                    if method == "BYE" && said.sent.iter().any(is_ok) {
                        self.call(call).invite = None;
                    }
                }
            }
            Event::Asks { request, method, sdp, extra } => self.ask(request, method, sdp, extra),
            Event::Again { sent } => {
                if let Some(ask) = choose(&self.sent, sent).cloned() {
                    self.world.receive(ask.path, ask.text().as_bytes());
                }
            }
            Event::Old { call, method } => {
                if let Some(mut ask) = self.in_call(call, METHODS[usize::from(method) % METHODS.len()]) {
                    ask.cseq = ask.cseq.saturating_sub(1);
                    self.send(ask);
                }
            }
            Event::Respond(respond) => respond.happen(&mut self.world),
            Event::Happening(happening) => happening.happen(&mut self.world),
        }
    }

    fn call(&mut self, number: u8) -> &mut Call {
        &mut self.calls[usize::from(number) % CALLS]
    }

    /// A call that has no INVITE begins; one that has offers anew.
    fn invite(&mut self, number: u8, way: u8, sdp: bool, extra: u8) {
        let call = self.call(number);
        if call.invite.is_none() {
            *call = Call { life: call.life + 1, way, ..Call::default() };
        }
        call.cseq += 1;
        let mut ask = self.request(number, "INVITE");
        decorate(&mut ask, sdp, extra, &self.world);
        self.call(number).invite = Some(ask.clone());
        self.send(ask);
    }

    /// A request inside a call, where there is one.
    fn in_call(&mut self, number: u8, method: &'static str) -> Option<Ask> {
        self.call(number).invite.is_some().then(|| self.request(number, method))
    }

    fn request(&mut self, number: u8, method: &'static str) -> Ask {
        self.branches += 1;
        let branch = self.branches.to_string();
        let call = self.call(number);
        let mut ask = Ask::new(method, way(call.way));
        ask.branch = branch;
        ask.call_id = format!("call-{}-{}", usize::from(number) % CALLS, call.life);
        ask.to_tag.clone_from(&call.our_tag);
        ask.cseq = call.cseq;
        ask
    }

    /// Inside a call we made: From and To are those of our request, turned round.
    fn ask(&mut self, number: u8, method: u8, sdp: bool, extra: u8) {
        let Some((request, path)) = choose(&self.world.requests, number).cloned() else { return };
        let (Ok(from), Ok(to), Ok(call_id)) =
            (request.headers.from(), request.headers.to(), request.headers.call_id())
        else {
            return;
        };
        self.cseq += 1;
        self.branches += 1;
        let mut ask = Ask::new(ASKED_OF_US[usize::from(method) % ASKED_OF_US.len()], path);
        ask.branch = self.branches.to_string();
        ask.call_id = call_id.to_owned();
        ask.from_tag = to.tag().unwrap_or("far").to_owned();
        ask.to_tag = from.tag().map(str::to_owned);
        ask.cseq = self.cseq;
        decorate(&mut ask, sdp, extra, &self.world);
        self.send(ask);
    }

    fn send(&mut self, ask: Ask) -> Said {
        let said = self.world.receive(ask.path, ask.text().as_bytes());
        self.sent.push(ask);
        said
    }

    /// Takes over our tags and numbers from what we answered.
    fn learn(&mut self) {
        for response in mem::take(&mut self.world.responses) {
            let call_id = response.headers.call_id().unwrap_or_default();
            let numbered = call_id.strip_prefix("call-").and_then(|rest| rest.split_once('-'));
            let Some(number) = numbered.and_then(|(number, _)| number.parse::<usize>().ok()) else {
                continue;
            };
            let tag = response.headers.to().ok().and_then(|to| to.tag().map(str::to_owned));
            let Some(call) = self.calls.get_mut(number) else { continue };
            if tag.is_some() {
                call.our_tag = tag;
            }
            if let (Ok(Some(rseq)), Ok(cseq)) = (response.headers.rseq(), response.headers.cseq()) {
                call.rack = Some(format!("{rseq} {} INVITE", cseq.number));
            }
        }
    }
}

fn is_ok(message: &Message) -> bool {
    matches!(message, Message::Response(Response { status: 200, .. }))
}
