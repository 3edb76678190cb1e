//! What both an enemy and a call may do next to an endpoint.

use std::time::Duration;

use arbitrary::Arbitrary;
use sip::header::Name;
use sip::message::Message;
use sip::{Challenge, ConnectionId, EndCause, Input, LegCommand, LegId, Refusal, Target};

use crate::wire::{SDP, response};
use crate::world::{World, way};

/// Statuses that mean something to somebody.
const STATUSES: [u16; 24] = [
    100, 180, 181, 183, 199, 200, 202, 204, 299, 302, 401, 407, 408, 420, 422, 481, 486, 487, 488, 491, 500,
    503, 603, 699,
];

/// A response of the far end to one of our requests.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Respond {
    pub request: u8,
    pub status: u8,
    pub tag: u8,
    pub sdp: bool,
    pub extra: u8,
}

/// Anything but a message.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Happening {
    Command { leg: u8, command: u8 },
    Dial(u8),
    Request(u8),
    Resolved { question: u8, targets: u8 },
    Opened(u8),
    Accepted(u8),
    Lost(u8),
    Wait { ms: u16 },
    Timers,
    Session,
}

pub fn choose<T>(list: &[T], number: u8) -> Option<&T> {
    list.get(usize::from(number).checked_rem(list.len())?)
}

impl Respond {
    pub fn happen(self, world: &mut World) {
        // Counted from the newest: an enemy answers what was just asked.
        let newest =
            world.requests.len().checked_sub(1 + usize::from(self.request) % world.requests.len().max(1));
        let Some((request, path)) = newest.and_then(|at| world.requests.get(at)).cloned() else { return };
        let status = *choose(&STATUSES, self.status).unwrap_or(&200);
        let tag = ["", "far", "far", "fork", "third"][usize::from(self.tag) % 5];
        let extra = extra(self.extra, status, tag);
        let body = if self.sdp { SDP } else { "" };
        let response = response(&request, status, tag, &extra, body);
        world.receive(path, &Message::Response(response).to_bytes());
    }
}

/// Headers a response may bring along.
fn extra(number: u8, status: u16, tag: &str) -> Vec<(Name, String)> {
    let challenge = if status == 407 { "Proxy-Authenticate" } else { "WWW-Authenticate" };
    let nonce = if tag == "far" { "once" } else { "twice" };
    let old = format!("Digest realm=\"carrier\", nonce=\"{nonce}\", stale=true");
    let headers: &[(&str, &str)] = match number % 16 {
        0 => &[("RSeq", "1"), ("Require", "100rel")],
        1 => &[("RSeq", "7"), ("Require", "100rel")],
        2 => &[("Record-Route", "<sip:proxy.example;lr>")],
        3 => &[("Session-Expires", "90;refresher=uac")],
        4 => &[("Min-SE", "120")],
        5 => &[("Retry-After", "3")],
        6 => &[(challenge, &old)],
        8 => &[("Require", "timer"), ("Session-Expires", "1800;refresher=uas")],
        9 => &[("Contact", "<sip:us@192.0.2.1:5060>;expires=60"), ("Expires", "30")],
        10 => &[("Min-Expires", "4000000000")],
        11 => &[("Service-Route", "<sip:192.0.2.9;lr>, junk")],
        12 => &[
            (challenge, "Digest realm=\"carrier\", nonce=\"n\", algorithm=NONE-sess"),
            (challenge, "Digest realm=\"carrier\", nonce=\"n\", algorithm=SHA-256, qop=\"auth,auth-int\""),
        ],
        13 => &[("RSeq", "2"), ("Require", "100rel")],
        _ => &[],
    };
    headers.iter().map(|(name, value)| (Name::new(name), (*value).to_owned())).collect()
}

impl Happening {
    pub fn happen(self, world: &mut World) {
        match self {
            Self::Command { leg, command: number } => {
                let legs: Vec<LegId> = world.legs.keys().copied().collect();
                let newest = legs.len().checked_sub(1 + usize::from(leg) % legs.len().max(1));
                if let Some(leg) = newest.and_then(|at| legs.get(at)) {
                    world.command(*leg, command(number));
                }
            }
            Self::Dial(number) => drop(world.dial(number)),
            Self::Request(number) => world.request(number),
            Self::Resolved { question, targets } => {
                let all = [0, 2, 3, 4].map(|n| Target {
                    transport: way(n).transport,
                    address: way(n).peer,
                    domain: None,
                });
                let some = all.get(..usize::from(targets) % 5).unwrap_or_default();
                if let Some(id) = choose(&world.questions, question).copied() {
                    world.input(Input::Resolved { id, targets: some });
                }
            }
            Self::Opened(number) => {
                let local = way(3).local;
                if let Some(id) = choose(&world.asked_for, number).copied() {
                    let change = sip::ConnectionChange::Opened { local, certificate: Vec::new() };
                    world.input(Input::Connection { id, change });
                }
            }
            Self::Accepted(number) => {
                let path = way(3 + number % 2);
                let certificate = vec!["trunk.example".to_owned()];
                let change = sip::ConnectionChange::Accepted {
                    transport: path.transport,
                    peer: path.peer,
                    certificate,
                };
                world.input(Input::Connection { id: ConnectionId(u64::from(number % 2)), change });
            }
            Self::Lost(number) => {
                let asked = choose(&world.asked_for, number).copied();
                let id = asked.filter(|_| number % 2 == 1).unwrap_or(ConnectionId(u64::from(number / 2 % 2)));
                world.lose(id);
            }
            Self::Wait { ms } => world.wait(Duration::from_millis(u64::from(ms))),
            // Timer B; and half a session and more (RFC 4028).
            Self::Timers => world.wait(Duration::from_secs(33)),
            Self::Session => world.wait(Duration::from_secs(950)),
        }
    }
}

/// Everything a call may want.
fn command(number: u8) -> LegCommand {
    let sdp = || SDP.to_owned().into();
    let hang_up = |cause| LegCommand::HangUp { cause };
    if number >= 192 {
        return transfer(number);
    }
    match number % 16 {
        0 => LegCommand::Ring,
        1 => LegCommand::Progress { sdp: sdp() },
        2..=4 => LegCommand::Answer { sdp: sdp() },
        5 => LegCommand::Reject(Refusal::status(486)),
        6 => LegCommand::Reject(Refusal { status: 503, retry_after: Some(Duration::from_secs(5)) }),
        7 => LegCommand::Challenge(Challenge::OwnPhonesOnly),
        8 | 9 => LegCommand::Offer { sdp: sdp() },
        10 | 11 => LegCommand::Accept { sdp: sdp() },
        12 => LegCommand::Reject(Refusal::status(488)),
        13 => hang_up(EndCause::OtherLegEnded),
        14 => hang_up(EndCause::Refused { status: u16::from(number) * 3 }),
        _ => hang_up(EndCause::WeHungUp),
    }
}

/// What a call may want of a transfer, asked for there or here.
fn transfer(number: u8) -> LegCommand {
    match number % 8 {
        0..=2 => LegCommand::AcceptReferral,
        3 => LegCommand::RefuseReferral(Refusal::status(603)),
        4 => LegCommand::TellReferrer { status: 180 },
        5 => LegCommand::TellReferrer { status: 200 },
        6 => LegCommand::Refer { to: "sip:ben@192.0.2.10?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc".to_owned() },
        _ => LegCommand::Refer { to: if number > 240 { "nowhere" } else { "sip:ben@192.0.2.10" }.to_owned() },
    }
}
