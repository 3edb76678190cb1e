//! Streams: where messages begin and end (RFC 3261 §18.3, RFC 5626 §4.4.1).
#![expect(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use sip::error::{Answer, Layer};
use sip::framer::{Frame, Framer};
use sip::header::Name;
use sip::message::{MESSAGE_BYTES_MAX, Message, Response, parse};

fn options(lines: &str) -> String {
    format!(
        "OPTIONS sip:careline.example.org SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n{lines}\r\n"
    )
}

#[test]
fn messages_and_pings_of_one_read_come_one_after_another() {
    let first = options("Content-Length: 5\r\n") + "\r\n\r\n.";
    let second = options("l: 0\r\n");
    let mut framer = Framer::new();
    framer.push(format!("\r\n\r\n{first}\r\n\r\n\r\n{second}\r").as_bytes());
    let mut frames = Vec::new();
    while let Some(frame) = framer.next().unwrap() {
        frames.push(frame);
    }
    let message = |text: &str| Frame::Message(Bytes::copy_from_slice(text.as_bytes()));
    assert_eq!(frames, [Frame::Ping, message(&first), Frame::Ping, message(&second)]);
}

#[test]
fn a_pong_is_passed_over() {
    let mut framer = Framer::new();
    framer.push(b"\r\n");
    assert_eq!(framer.next(), Ok(None));
    framer.push(options("l: 0\r\n").as_bytes());
    assert!(matches!(framer.next(), Ok(Some(Frame::Message(_)))));
    assert_eq!(framer.next(), Ok(None));
}

#[test]
fn what_a_length_promises_beyond_the_bound_is_answered_413_before_it_comes() {
    for length in [MESSAGE_BYTES_MAX, usize::MAX] {
        let mut framer = Framer::new();
        framer.push(options(&format!("Content-Length: {length}\r\n")).as_bytes());
        let error = framer.next().unwrap_err();
        assert_eq!((error.layer, error.answer), (Layer::Header(Name::ContentLength), Answer::Status(413)));
        let answer = Response::answering(&error.echo.unwrap(), 413).to_bytes();
        assert!(matches!(parse(&answer), Ok(Message::Response(Response { status: 413, .. }))));
    }
}

#[test]
fn a_stream_of_something_else_is_given_up_at_its_first_line() {
    let mut framer = Framer::new();
    framer.push(b"GET / HTTP/1.1\r\nHost: careline\r\n\r\n");
    assert_eq!(framer.next().unwrap_err().answer, Answer::Drop);
    let mut binary = Framer::new();
    binary.push(b"\x16\x03\x01\x02\x00\x01\n\r\n\r\n");
    assert_eq!(binary.next().unwrap_err().answer, Answer::Drop);
}

#[test]
fn the_largest_message_passes_and_one_byte_more_does_not() {
    let head = options("Content-Length: 00000\r\n");
    let room = MESSAGE_BYTES_MAX - head.len();
    for (length, passes) in [(room, true), (room + 1, false)] {
        let mut framer = Framer::new();
        framer.push(options(&format!("Content-Length: {length:05}\r\n")).as_bytes());
        for chunk in vec![b'x'; length].chunks(1_460) {
            framer.push(chunk);
        }
        assert_eq!(framer.next().is_ok_and(|frame| frame.is_some()), passes);
    }
}
