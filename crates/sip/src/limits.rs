//! How much of anything a message may hold, why no more, and what is answered: one table, walked by
//! `tests/limits.rs`. What many messages may hold together is bounded where it is kept.

use crate::endpoint::PARTS_MAX;
use crate::error::Answer;
use crate::header::PARAMS_MAX;
use crate::message::{
    CALL_ID_BYTES_MAX, HEAD_BYTES_MAX, HEADER_BYTES_MAX, HEADERS_MAX, LIST_MAX, MESSAGE_BYTES_MAX,
    METHOD_BYTES_MAX, URI_BYTES_MAX, VIAS_MAX,
};
use crate::uri::HOST_BYTES_MAX;

/// A bound on what one message holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limit {
    /// Of what.
    pub of: &'static str,
    /// The most that is read.
    pub max: usize,
    /// What becomes of a request with one more.
    pub answer: Answer,
    /// Why no more.
    pub reason: &'static str,
}

const fn limit(of: &'static str, max: usize, answer: Answer, reason: &'static str) -> Limit {
    Limit { of, max, answer, reason }
}

/// Every bound on one message. Nested comments and quotes need none: both are read by one pass without
/// recursion, however deep they are.
pub const LIMITS: [Limit; 12] = [
    limit(
        "bytes of a message",
        MESSAGE_BYTES_MAX,
        Answer::Drop,
        "what one datagram holds (RFC 3261 §18.1.1)",
    ),
    limit(
        "bytes of start line and headers",
        HEAD_BYTES_MAX,
        Answer::Status(513),
        "a leg keeps the headers of its INVITE, and there are 20,000 legs",
    ),
    limit("header fields", HEADERS_MAX, Answer::Status(400), "RFC 4475's longest message has 46"),
    limit(
        "bytes of a header field",
        HEADER_BYTES_MAX,
        Answer::Status(400),
        "a signed identity (RFC 8224) is the longest and takes 8,192",
    ),
    limit(
        "bytes of a method",
        METHOD_BYTES_MAX,
        Answer::Status(400),
        "the longest registered has nine letters",
    ),
    limit(
        "bytes of a request URI",
        URI_BYTES_MAX,
        Answer::Status(414),
        "it is kept, compared and written back",
    ),
    limit(
        "bytes of a host",
        HOST_BYTES_MAX,
        Answer::Status(400),
        "the longest name DNS has (RFC 1035 §2.3.4)",
    ),
    limit(
        "bytes of a Call-ID",
        CALL_ID_BYTES_MAX,
        Answer::Status(400),
        "it names calls in every table and on disk",
    ),
    limit("Via values", VIAS_MAX, Answer::Status(400), "Max-Forwards starts at 70 and each hop adds one"),
    limit(
        "values of another list",
        LIST_MAX,
        Answer::Status(400),
        "Route, Contact, option tags: a dozen at most",
    ),
    limit("parameters of a value", PARAMS_MAX, Answer::Status(400), "the longest seen in the field have ten"),
    limit(
        "parts of a multipart body looked at",
        PARTS_MAX,
        Answer::Status(415),
        "SDP is the first, or next to a picture or a location",
    ),
];
