//! What somebody who is none of ours learns of our people's names by asking for them: nothing.
#![allow(clippy::unwrap_used, reason = "tests")]

mod quiet;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use acd::AgentConfig;
use call::{Input, Output, Setup, Strangers, Switch, Trunk};
use primitives::Seed;
use quiet::center_of;
use sip::{Path, Transport};
use testkit::clock::Clock;
use testkit::sim::World;

/// A name there is, and one of the same length there is not.
const NAMES: [(&str, &str); 2] = [("1001", "1009"), ("nurse1", "nurse9")];

/// A center with an agent whose name is a number.
fn setup(strangers: Strangers, trunks: BTreeMap<String, Trunk>) -> Setup {
    let mut world = World::small(2, 1);
    world.agents.insert("1001".to_owned(), AgentConfig::default());
    let setup = Setup::clone(center_of(world).setup());
    Setup { strangers, trunks, ..setup }
}

/// The trunk of the simulation: every network.
fn everybody() -> BTreeMap<String, Trunk> {
    center_of(World::small(1, 1)).setup().trunks.clone()
}

fn request(method: &str, name: &str, lines: &str) -> String {
    format!(
        "{method} sip:{name}@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK1\r\n\
         From: <sip:{name}@203.0.113.9>;tag=1\r\nTo: <sip:{name}@192.0.2.1>\r\nCall-ID: a\r\n\
         CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:203.0.113.9:5060>\r\n{lines}Content-Length: 0\r\n\r\n"
    )
}

/// Everything a center of its own says to this request. Its randomness is the same each time, so that nonces are
/// too.
fn said(setup: &Setup, is_draining: bool, request: &str) -> Vec<String> {
    let local: SocketAddr = "192.0.2.1:5060".parse().unwrap();
    let config = sip::Config { listeners: vec![(Transport::Udp, local)], ..sip::Config::default() };
    let mut switch = Switch::new(Arc::new(setup.clone()), config, Seed::numbered(1));
    let peer = "203.0.113.9:5060".parse().unwrap();
    let path = Path { transport: Transport::Udp, local, peer, connection: None };
    let now = Clock::new().now();
    let mut out = Vec::new();
    if is_draining {
        switch.handle(now, Input::Drain, &mut out);
    }
    switch.handle(now, Input::Sip(sip::Input::Received { path, bytes: request.as_bytes() }), &mut out);
    out.into_iter()
        .filter_map(|output| match output {
            Output::Sip(sip::Output::Send { bytes, .. }) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
            _ => None,
        })
        .collect()
}

/// Our tag is made of what was asked where no state is kept, name and all.
fn without_tag(message: &str) -> String {
    let tagless = |line: &str| match line.strip_prefix("To: ").and_then(|to| to.split_once(";tag=")) {
        Some((to, _)) => format!("To: {to}"),
        None => line.to_owned(),
    };
    message.split("\r\n").map(tagless).collect::<Vec<_>>().join("\n")
}

/// The status of what is said last, where all of it is the same for a name there is and for one there is not.
fn status(setup: &Setup, is_draining: bool, (method, lines): (&str, &str), names: (&str, &str)) -> String {
    let [there, not_there] = [names.0, names.1].map(|name| {
        let said = said(setup, is_draining, &request(method, name, &lines.replace("NAME", name)));
        said.into_iter().map(|message| without_tag(&message.replace(name, "NAME"))).collect::<Vec<_>>()
    });
    assert_eq!(there, not_there, "{method} {names:?} draining: {is_draining}");
    there.last().unwrap().split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn a_name_that_exists_and_one_that_does_not_get_the_same_answer_also_while_we_leave() {
    let strangers = |strangers| setup(strangers, BTreeMap::new());
    let trunk = setup(Strangers::Refuse, everybody());
    for is_draining in [false, true] {
        let invited = |setup: &Setup| NAMES.map(|names| status(setup, is_draining, ("INVITE", ""), names));
        assert_eq!(invited(&strangers(Strangers::Answer)), ["401", "401"], "one who may be of ours is asked");
        assert_eq!(invited(&strangers(Strangers::Refuse)), ["403", "401"]);
        assert_eq!(invited(&trunk), ["404", "401"], "a carrier's wrong number is one");
    }
}

#[test]
fn no_other_request_tells_a_name_that_exists_from_one_that_does_not() {
    let setup = setup(Strangers::Answer, BTreeMap::new());
    let wrong = "Authorization: Digest username=\"NAME\", realm=\"careline\", nonce=\"n\", uri=\"sip:a\", \
                 response=\"00000000000000000000000000000000\", algorithm=MD5\r\n";
    let replaces = "Replaces: a;to-tag=b;from-tag=c\r\n";
    for names in NAMES {
        for (method, lines, expected) in [
            ("OPTIONS", "", "200"),
            ("REGISTER", "", "401"),
            ("REGISTER", wrong, "401"),
            ("SUBSCRIBE", "Event: dialog\r\n", "401"),
            ("SUBSCRIBE", "Event: message-summary\r\n", "401"),
            ("INVITE", wrong, "401"),
            ("INVITE", replaces, "401"),
        ] {
            assert_eq!(status(&setup, false, (method, lines), names), expected, "{method} {lines}");
        }
    }
}

#[test]
fn while_we_leave_strangers_who_are_refused_hear_the_same_of_a_right_number_and_a_wrong_one() {
    let setup = setup(Strangers::Refuse, BTreeMap::new());
    for is_draining in [false, true] {
        let numbers = ("+15550100100", "+15550199999");
        assert_eq!(status(&setup, is_draining, ("INVITE", ""), numbers), "403");
    }
}
