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
