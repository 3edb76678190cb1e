//! `torture.md` beside this file says of each torture message of RFC 4475 and RFC 5118 who objects and what
//! is answered; this walks it row by row.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use bench::Bench;
use bytes::Bytes;
use sip::error::Layer;
use sip::message::{Message, parse, validate};
use sip::{Input, Output};
use testkit::rfc4475::{self, Torture};
use testkit::rfc5118;

const TABLE: &str = include_str!("torture.md");

/// The rows under a heading: section, message, the RFC, objects, answer, why.
fn rows(heading: &str) -> Vec<[&'static str; 6]> {
    let (_, table) = TABLE.split_once(&format!("## {heading}\n")).unwrap();
    let rows = table.lines().take_while(|line| !line.starts_with('#'));
    let rows = rows.filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        cells.try_into().unwrap_or_else(|_| panic!("six cells: {row}"))
    })
    .collect()
}

fn named(layer: &Layer) -> String {
    match layer {
        Layer::Framing => "framing".to_owned(),
        Layer::StartLine => "start line".to_owned(),
        Layer::Header(name) => name.to_string(),
    }
}

/// What a request that nobody below the endpoint objects to is refused for.
fn refusal_of(status: u16) -> &'static str {
    match status {
        405 | 501 => "endpoint: method",
        406 => "endpoint: Accept",
        415 => "endpoint: Content-Type",
        416 => "endpoint: Request-URI",
        420 => "endpoint: Require",
        _ => "–",
    }
}

/// The status of the first answer an endpoint gives.
fn answer(torture: &Torture) -> Option<u16> {
    let mut bench = Bench::new();
    let mut out = Vec::new();
    bench.endpoint.handle(bench.now, Input::Received { path: bench::path(), bytes: torture.bytes }, &mut out);
    out.into_iter().find_map(|output| match output {
        Output::Send { bytes, .. } => match parse(&bytes) {
            Ok(Message::Response(response)) => Some(response.status),
            other => panic!("{}: not a response: {other:?}", torture.name),
        },
        _ => None,
    })
}

fn objects(torture: &Torture, status: Option<u16>) -> String {
    match parse(&Bytes::from_static(torture.bytes)) {
        Err(error) => format!("parser: {}", named(&error.layer)),
        Ok(message) => match validate(&message) {
            Err(error) => format!("validator: {}", named(&error.layer)),
            Ok(()) => status.map_or("–", refusal_of).to_owned(),
        },
    }
}

fn walk(heading: &str, messages: &[Torture]) {
    let rows = rows(heading);
    assert_eq!(rows.len(), messages.len(), "{heading}: a row for each message");
    let mut wrong = Vec::new();
    for ([section, name, rfc, who, what, why], torture) in rows.into_iter().zip(messages) {
        assert_eq!((section, name), (torture.section, torture.name));
        let status = answer(torture);
        let found = (objects(torture, status), status.map_or("–".to_owned(), |status| status.to_string()));
        if (found.0.as_str(), found.1.as_str()) != (who, what) {
            wrong.push(format!("{section} {name}: {found:?}, the table says {who}, {what}"));
        }
        let is_refusal_wanted = rfc.split([' ', ',', ';', ':']).next().unwrap().parse::<u16>().is_ok();
        if is_refusal_wanted && !rfc.contains(what) {
            assert!(!why.is_empty(), "{name} deviates from the RFC, and the table does not say why");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_torture_message_of_rfc_4475_is_answered_as_the_table_says() {
    walk("RFC 4475", rfc4475::ALL);
}

#[test]
fn every_ipv6_torture_message_of_rfc_5118_is_answered_as_the_table_says() {
    walk("RFC 5118", rfc5118::ALL);
}

#[test]
fn a_port_inside_the_brackets_is_part_of_the_address() {
    let uri = |name: &str| {
        let torture = rfc5118::ALL.iter().find(|torture| torture.name == name).unwrap();
        match parse(&Bytes::from_static(torture.bytes)) {
            Ok(Message::Request(request)) => request.uri.as_sip().unwrap().clone(),
            other => panic!("{name}: {other:?}"),
        }
    };
    let (inside, outside) = (uri("port-ambiguous"), uri("port-unambiguous"));
    assert_eq!((inside.host.to_string().as_str(), inside.port), ("[2001:db8::10:5070]", None));
    assert_eq!((outside.host.to_string().as_str(), outside.port), ("[2001:db8::10]", Some(5070)));
    assert_eq!(uri("ipv6-bug-abnf-3-colons").host, uri("ipv6-correct-abnf-2-colons").host);
}

#[test]
fn a_received_parameter_is_read_with_and_without_brackets() {
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        let torture = rfc5118::ALL.iter().find(|torture| torture.name == name).unwrap();
        let Ok(message) = parse(&Bytes::from_static(torture.bytes)) else { panic!("{name}") };
        let via = message.headers().top_via().unwrap();
        assert_eq!(via.received(), Some("2001:db8::9:255".parse().unwrap()), "{name}");
    }
}
