//! What one INVITE of about 1,000 bytes costs to read, check and print.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and prints, and its message is good"
)]

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use sip::message::{parse, validate};

const ROUNDS: u32 = 200_000;

const INVITE: &str = "INVITE sip:+15550123456@careline.example.org;user=phone SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK776asdhds;rport\r\n\
    Via: SIP/2.0/TCP proxy.example.net;branch=z9hG4bKaa77\r\n\
    Record-Route: <sip:proxy.example.net;lr>\r\n\
    Max-Forwards: 69\r\n\
    From: \"Example Clinic\" <sip:+15550199@example.net;user=phone>;tag=1928301774\r\n\
    To: <sip:+15550123456@careline.example.org;user=phone>\r\n\
    Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\n\
    CSeq: 314159 INVITE\r\n\
    Contact: <sip:+15550199@192.0.2.10:5060;transport=udp>\r\n\
    P-Asserted-Identity: <tel:+15550199>\r\n\
    Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, UPDATE, PRACK\r\n\
    Supported: replaces, timer, 100rel\r\n\
    Session-Expires: 1800\r\n\
    User-Agent: Example SBC 9.2\r\n\
    Content-Type: application/sdp\r\n";

fn main() {
    let body = "v=0\r\n".repeat(50);
    let bytes = Bytes::from(format!("{INVITE}Content-Length: {}\r\n\r\n{body}", body.len()));
    let message = parse(&bytes).unwrap();
    println!("{} bytes", bytes.len());
    time("parse", || drop(black_box(parse(black_box(&bytes)))));
    time("validate", || black_box(validate(black_box(&message))).unwrap());
    time("print", || drop(black_box(message.to_bytes())));
}

fn time(what: &str, round: impl Fn()) {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        round();
    }
    println!("{what:9} {:?}", start.elapsed() / ROUNDS);
}
