//! A stream cut anywhere holds the same messages (RFC 3261 §18.3).

use bytes::Bytes;
use sip::error::Answer;
use sip::framer::{Frame, Framer};
use sip::message::{MESSAGE_BYTES_MAX, parse};

/// The first byte says how many chunk lengths follow it; a chunk is up to eight times its byte, and the
/// lengths are taken again and again until the stream, which is all the rest, is over.
pub fn framer(bytes: &[u8]) {
    let Some((count, rest)) = bytes.split_first() else { return };
    let (lengths, stream) = rest.split_at(usize::from(*count).min(rest.len()));
    let whole = read(std::iter::once(stream));
    let cut = read(chunks(stream, lengths).into_iter());
    assert_eq!(whole.0, cut.0, "a stream cut into {lengths:?} holds other messages");
    // Which limit an endless message hits depends on how it comes, that it hits one does not.
    assert_eq!(whole.1.is_some(), cut.1.is_some(), "a stream cut into {lengths:?} ends otherwise");
}

fn chunks<'a>(mut stream: &'a [u8], lengths: &[u8]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    let mut next = lengths.iter().cycle();
    while !stream.is_empty() {
        let length = next.next().map_or(1, |length| usize::from(*length) * 8 + 1);
        let (chunk, rest) = stream.split_at(length.min(stream.len()));
        chunks.push(chunk);
        stream = rest;
    }
    chunks
}

/// What a framer makes of these chunks, and how it broke if it did.
fn read<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> (Vec<Frame>, Option<Answer>) {
    let (mut framer, mut frames) = (Framer::new(), Vec::new());
    for chunk in chunks {
        framer.push(chunk);
        loop {
            match framer.next() {
                Ok(Some(frame)) => {
                    look_at(&frame);
                    frames.push(frame);
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(
                        matches!(error.answer, Answer::Status(_)),
                        error.echo.is_some(),
                        "what is answered has something to answer to"
                    );
                    framer.push(b"OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n");
                    assert_eq!(framer.next(), Ok(None), "no byte after an error has a meaning");
                    return (frames, Some(error.answer));
                }
            }
        }
    }
    (frames, None)
}

fn look_at(frame: &Frame) {
    let Frame::Message(message) = frame else { return };
    assert!(message.len() <= MESSAGE_BYTES_MAX, "a message of {} bytes", message.len());
    if let Ok(parsed) = parse(message) {
        let body: &Bytes = match &parsed {
            sip::message::Message::Request(request) => &request.body,
            sip::message::Message::Response(response) => &response.body,
        };
        assert!(message.ends_with(body), "the body ends where the frame ends");
    }
}
