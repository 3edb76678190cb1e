//! Requests and responses in any order over any way, with connections that are lost: every transaction ends
//! (RFC 3261 §17), each request has one final answer.

use arbitrary::{Arbitrary, Unstructured};

use crate::happening::{Happening, Respond};
use crate::particulars::decorate;
use crate::wire::Ask;
use crate::world::{World, way};

/// Events of one run. More repeat what fewer have shown.
const EVENTS_MAX: usize = 64;

const METHODS: [&str; 16] = [
    "INVITE",
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "OPTIONS",
    "INFO",
    "UPDATE",
    "REGISTER",
    "PRACK",
    "REFER",
    "SUBSCRIBE",
    "NOTIFY",
    "MESSAGE",
    "PUBLISH",
    "WHATEVER",
];

/// What a proxy in between may have added, or asks for.
const NEIGHBOURS: [&str; 4] = [
    "Replaces: call-0;to-tag=a;from-tag=b",
    "Content-Encoding: gzip",
    "Route: <sip:192.0.2.1;lr>",
    "Proxy-Require: nothing",
];

#[derive(Arbitrary, Clone, Debug)]
enum Event {
    Request {
        method: u8,
        call: u8,
        branch: u8,
        cseq: u8,
        to_tag: u8,
        from_tag: u8,
        extra: u8,
        way: u8,
    },
    Respond(Respond),
    Happening(Happening),
    /// Anything at all.
    Bytes {
        way: u8,
        bytes: Vec<u8>,
    },
}

/// The bytes choose the events.
pub fn transaction(bytes: &[u8]) {
    let Ok(events) = Vec::<Event>::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    let mut world = World::new();
    let mut our_tag = String::new();
    for event in events.into_iter().take(EVENTS_MAX) {
        match event {
            Event::Request { method, call, branch, cseq, to_tag, from_tag, extra, way: number } => {
                let mut ask = Ask::new(METHODS[usize::from(method) % METHODS.len()], way(number));
                ask.branch = format!("{}", branch % 4);
                ask.call_id = format!("call-{}", call % 3);
                ask.cseq = u32::from(cseq % 4);
                ask.from_tag = format!("far{}", from_tag % 2);
                ask.to_tag = match to_tag % 4 {
                    0 if !our_tag.is_empty() => Some(our_tag.clone()),
                    1 => Some("nobody".to_owned()),
                    _ => None,
                };
                decorate(&mut ask, extra % 3 == 0, extra, &world);
                ask.extra.extend(NEIGHBOURS.get(usize::from(branch) / 4 % 8).map(|line| (*line).to_owned()));
                let said = world.receive(ask.path, ask.text().as_bytes());
                if let Some(sip::message::Message::Response(response)) = said.sent.first()
                    && let Ok(to) = response.headers.to()
                {
                    our_tag = to.tag().unwrap_or_default().to_owned();
                }
            }
            Event::Respond(respond) => respond.happen(&mut world),
            Event::Happening(happening) => happening.happen(&mut world),
            Event::Bytes { way: number, bytes } => drop(world.receive(way(number), &bytes)),
        }
    }
    world.end();
}
