//! Messages out of a stream (RFC 3261 §18.3, RFC 5626 §4.4.1).

use bytes::{Bytes, BytesMut};

use crate::error::ParseError;

/// What a stream brought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Frame {
    /// One whole message, for [`crate::message::parse`].
    Message(Bytes),
    /// A double CRLF: answer with [`PONG`] (RFC 5626 §4.4.1).
    Ping,
}

/// The answer to a [`Frame::Ping`].
pub const PONG: &[u8] = b"\r\n";

/// The bytes of one stream connection that are not yet a message.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
}

impl Framer {
    /// For a connection just opened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream. Call [`Framer::next`] until it has no more before the next.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message or ping, `None` where more bytes are needed.
    ///
    /// After an error the stream has no next message: answer it if it can be, then close the connection.
    #[expect(clippy::should_implement_trait, reason = "an iterator would end at the first None")]
    pub fn next(&mut self) -> Result<Option<Frame>, ParseError> {
        todo!()
    }
}
