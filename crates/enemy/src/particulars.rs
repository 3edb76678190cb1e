//! What a request of a far end brings along: what its method is made of, mostly right, and what nobody expects.

use sip::digest;
use sip::message::Method;
use sip::uri::Uri;

use crate::wire::{Ask, SDP};
use crate::world::{World, password};

/// Headers that surprise.
const SURPRISES: [&str; 24] = [
    "Supported: 100rel, timer, replaces",
    "Require: 100rel",
    "RAck: 1 1 INVITE",
    "Refer-To: <sip:8002@careline.example>",
    "Session-Expires: 90;refresher=uac",
    "Session-Expires: 90;refresher=uas",
    "Min-SE: 90",
    "Subscription-State: terminated",
    "Event: refer",
    "Record-Route: <sip:192.0.2.9;lr>",
    "Require: nothing",
    "Session-Expires: 1800",
    "Expires: 0",
    "Refer-Sub: false",
    "Require: timer, replaces",
    "Referred-By: <sip:anna@careline.example>",
    "Subscription-State: active;expires=60",
    "Supported: timer",
    "Contact: *",
    "Session-Expires: 10",
    "Max-Forwards: 0",
    "Event: presence",
    "Reason: SIP;cause=200;text=\"Call completed elsewhere\"",
    "Content-Disposition: session;handling=optional",
];

/// Whom somebody is referred to, in an escaped URI where a dialog is to be replaced.
const REFERRED_TO: [&str; 6] = [
    "<sip:8002@careline.example>",
    "<tel:+15550100>",
    "<sip:ben@careline.example;method=MESSAGE>",
    "<sip:ben@careline.example?Replaces=nothing>",
    "<sip:careline.example>",
    "ben",
];

const FRAGMENTS: [&str; 4] =
    ["SIP/2.0 100 Trying\r\n", "SIP/2.0 200 OK\r\n", "SIP/2.0 486 Busy Here\r\n", "SIP/2.0 9"];

/// The bytes choose one surprise, then how the method's own headers look.
pub fn decorate(ask: &mut Ask, sdp: bool, number: u8, world: &World) {
    if sdp {
        ask.body = SDP;
    }
    let (surprise, form) = (usize::from(number) % 32, usize::from(number) / 32);
    ask.extra.extend(SURPRISES.get(surprise).map(|line| (*line).to_owned()));
    match ask.method {
        "REFER" => {
            let to = match (form, world.replaces(surprise)) {
                (6.., Some(dialog)) => format!("<sip:ben@careline.example?Replaces={}>", escaped(&dialog)),
                _ => REFERRED_TO.get(form).copied().unwrap_or("<sip:anna@192.0.2.10>").to_owned(),
            };
            ask.extra.push(format!("Refer-To: {to}"));
        }
        "NOTIFY" => {
            ask.extra.extend(["Event: refer".to_owned(), "Subscription-State: active".to_owned()]);
            (ask.kind, ask.body) = ("message/sipfrag;version=2.0", FRAGMENTS[form % FRAGMENTS.len()]);
        }
        "SUBSCRIBE" => ask.extra.push("Event: refer".to_owned()),
        "INFO" if !sdp => {
            let body = if form == 0 { "Signal=\r\n" } else { "Signal=5\r\nDuration=160\r\n" };
            (ask.kind, ask.body) = ("application/dtmf-relay", body);
        }
        "INVITE" if form == 7 => {
            ask.extra.extend(world.replaces(surprise).map(|dialog| format!("Replaces: {dialog}")));
        }
        _ => {}
    }
    if matches!(form, 4 | 5) || ask.method == "REGISTER" {
        ask.extra.extend(proof(ask, world));
    }
}

/// The answer to our last challenge.
fn proof(ask: &Ask, world: &World) -> Option<String> {
    let (user, password) = password();
    let method = Method::new(ask.method);
    let uri = Uri::parse(Ask::URI).ok()?;
    // A count of its own for each request; one that comes again was used before.
    let count = ask.cseq.saturating_add(1);
    let value = digest::answer(&world.challenges, &user, &password, &method, &uri, "c0ffee", count)?;
    Some(format!("Authorization: {}", value.expose()))
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace(';', "%3B").replace('=', "%3D").replace('@', "%40")
}

#[cfg(test)]
mod tests {
    use sip::message::Message;
    use sip::{LegCommand, LegEvent, LegId};

    use super::*;
    use crate::world::{Said, way};

    fn ask(world: &mut World, call: &str, method: &'static str, cseq: u32, number: u8) -> Said {
        let mut ask = Ask::new(method, way(0));
        (ask.cseq, ask.branch, ask.call_id) = (cseq, format!("{call}{cseq}"), call.to_owned());
        let ours = world.responses.last().filter(|_| cseq > 1 && method != "REGISTER");
        ask.to_tag = ours.and_then(|ours| Some(ours.headers.to().ok()?.tag()?.to_owned()));
        decorate(&mut ask, method == "INVITE", number, world);
        world.receive(ask.path, ask.text().as_bytes())
    }

    fn answered(world: &mut World, call: &str) -> LegId {
        ask(world, call, "INVITE", 1, 31);
        let leg = *world.invited.last().expect("a call");
        world.command(leg, LegCommand::Answer { sdp: SDP.into() });
        leg
    }

    fn status(said: &Said) -> Option<u16> {
        said.sent.iter().find_map(|message| match message {
            Message::Response(response) => Some(response.status),
            Message::Request(_) => None,
        })
    }

    #[test]
    fn an_enemy_who_knows_the_password_gets_in() {
        let mut world = World::new();
        assert_eq!(status(&ask(&mut world, "home", "REGISTER", 1, 31)), Some(401));
        assert_eq!(status(&ask(&mut world, "home", "REGISTER", 2, 31)), Some(200));
        world.end();
    }

    #[test]
    fn an_enemy_can_refer_us_in_a_call_and_replace_one() {
        let mut world = World::new();
        let (first, second) = (answered(&mut world, "first"), answered(&mut world, "second"));
        let blind = ask(&mut world, "second", "REFER", 2, 31);
        assert!(matches!(blind.events[0].1, LegEvent::Referred(_)));
        let refused = world.command(second, LegCommand::RefuseReferral(sip::Refusal::status(603)));
        assert_eq!(status(&refused), Some(603));
        // Attended: the call before the newest is to be replaced.
        let attended = ask(&mut world, "second", "REFER", 3, 7 * 32 + 31);
        let LegEvent::Referred(referral) = &attended.events[0].1 else { panic!("{attended:?}") };
        assert_eq!(referral.replaces, Some(sip::Replaced::Confirmed(first)));
        assert_eq!(world.command(second, LegCommand::AcceptReferral).sent.len(), 2, "202 and the first news");
        world.end();
    }
}
