//! What the endpoint answers to each of RFC 4475's torture messages.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod bench;

use bench::Bench;
use sip::Input;
use testkit::rfc4475;

/// The message's name and the status of our first answer. Zero: none, it is a response of somebody.
const ANSWERS: &[(&str, u16)] = &[
    ("wsinv", 481), // It has a To tag, of no dialog of ours.
    ("intmeth", 501),
    ("esc01", 100),
    ("escnull", 401),
    ("esc02", 501),
    ("lwsdisp", 200),
    ("longreq", 100),
    ("dblreq", 401),
    ("semiuri", 200),
    ("transports", 200),
    ("mpart01", 405),
    ("unreason", 0),
    ("noreason", 0),
    ("badinv01", 400),
    ("clerr", 400),
    ("ncl", 400),
    ("scalar02", 400),
    ("scalarlg", 0),
    ("quotbal", 400),
    ("ltgtruri", 400),
    ("lwsruri", 400),
    ("lwsstart", 400),
    ("trws", 400),
    ("escruri", 400),
    ("baddate", 100), // A Date matters to nobody here.
    ("regbadct", 400),
    ("badaspec", 400),
    ("baddn", 400),
    ("badvers", 505),
    ("mismatch01", 400),
    ("mismatch02", 501), // The RFC leaves the choice between 400 and 501.
    ("bigcode", 0),
    ("badbranch", 200),
    ("insuf", 400),
    ("unkscm", 416),
    ("novelsc", 416),
    ("unksm2", 401),
    ("bext01", 420),
    ("invut", 415),
    ("regaut01", 401),
    ("multi01", 400),
    ("mcl01", 400),
    ("bcast", 0),
    ("zeromf", 200),
    ("cparam01", 401),
    ("cparam02", 401),
    ("regescrt", 401),
    ("sdp01", 406),
    ("inv2543", 100),
];

#[test]
fn every_torture_message_is_answered_as_it_should_be() {
    let mut wrong = Vec::new();
    for torture in rfc4475::ALL {
        let (_, expected) = ANSWERS.iter().find(|(name, _)| *name == torture.name).unwrap();
        let mut bench = Bench::new();
        let mut out = Vec::new();
        bench.endpoint.handle(
            bench.now,
            Input::Received { path: bench::path(), bytes: torture.bytes },
            &mut out,
        );
        let sent = out.iter().find_map(|output| match output {
            sip::Output::Send { bytes, .. } => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        });
        let status = sent.map_or(0, |text| text.split(' ').nth(1).unwrap().parse().unwrap());
        if status != *expected {
            wrong.push(format!("§{} {}: {status}, not {expected}", torture.section, torture.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(rfc4475::ALL.len(), ANSWERS.len());
}
