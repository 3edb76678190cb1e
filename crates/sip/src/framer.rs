//! Messages out of a stream (RFC 3261 §18.3, RFC 5626 §4.4.1).

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use crate::error::{Answer, Layer, ParseError};
use crate::header::Name;
use crate::message::{MESSAGE_BYTES_MAX, head_end, read_head};

/// What a stream brought.
#[derive(Clone, Eq, PartialEq)]
pub enum Frame {
    /// One whole message, for [`crate::message::parse`].
    Message(Bytes),
    /// A double CRLF: answer with [`PONG`] (RFC 5626 §4.4.1).
    Ping,
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(bytes) => write!(f, "Message({} bytes)", bytes.len()),
            Self::Ping => f.write_str("Ping"),
        }
    }
}

/// The answer to a [`Frame::Ping`].
pub const PONG: &[u8] = b"\r\n";

/// The bytes of one stream connection that are not yet a message: never more than one message and one
/// `push` of them.
#[derive(Default)]
pub struct Framer {
    buffer: BytesMut,
    waiting: Waiting,
}

/// What the buffer lacks.
#[derive(Clone, Copy, Debug)]
enum Waiting {
    /// The end of a head; up to here there is none.
    Head { searched: usize },
    /// Bytes up to the end of a message of this length.
    Body { total: usize },
    /// Nothing any more: no byte after a framing error has a meaning.
    Broken,
}

impl Default for Waiting {
    fn default() -> Self {
        Self::Head { searched: 0 }
    }
}

impl Framer {
    /// For a connection just opened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing of a next message has come.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Takes the next bytes of the stream. Call [`Framer::next`] until it has no more before the next.
    pub fn push(&mut self, bytes: &[u8]) {
        if !matches!(self.waiting, Waiting::Broken) {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next message or ping, `None` where more bytes are needed.
    ///
    /// After an error the stream has no next message: answer it if it can be, then close the connection.
    #[expect(clippy::should_implement_trait, reason = "an iterator would end at the first None")]
    pub fn next(&mut self) -> Result<Option<Frame>, ParseError> {
        let next = self.advance();
        if next.is_err() {
            self.waiting = Waiting::Broken;
            self.buffer = BytesMut::new();
        }
        next
    }

    fn advance(&mut self) -> Result<Option<Frame>, ParseError> {
        if let Waiting::Head { searched } = self.waiting {
            if searched == 0 {
                match self.skip_crlf() {
                    Between::Ping => return Ok(Some(Frame::Ping)),
                    Between::Unclear => return Ok(None),
                    Between::Message => {}
                }
            }
            let Some(end) = head_end(&self.buffer, searched) else {
                if self.buffer.len() > MESSAGE_BYTES_MAX {
                    return Err(endless());
                }
                // The last three bytes may be the beginning of the empty line.
                self.waiting = Waiting::Head { searched: self.buffer.len().saturating_sub(3) };
                return Ok(None);
            };
            self.waiting = Waiting::Body { total: self.message_length(end)? };
        }
        match self.waiting {
            Waiting::Body { total } if self.buffer.len() >= total => {
                self.waiting = Waiting::default();
                Ok(Some(Frame::Message(self.buffer.split_to(total).freeze())))
            }
            _ => Ok(None),
        }
    }

    /// Passes over CRLFs between messages: two are a ping, one is a pong or an old habit.
    fn skip_crlf(&mut self) -> Between {
        loop {
            match self.buffer.as_ref() {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.buffer.advance(4);
                    return Between::Ping;
                }
                [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return Between::Unclear,
                [b'\r', b'\n', ..] => self.buffer.advance(2),
                _ => return Between::Message,
            }
        }
    }

    /// The length of the message whose head ends here.
    fn message_length(&self, head_end: usize) -> Result<usize, ParseError> {
        let head = self.buffer.get(..head_end).unwrap_or_default();
        let head = read_head(&Bytes::copy_from_slice(head))?;
        let length = match head.headers.content_length() {
            Ok(Some(length)) => length,
            Ok(None) => {
                let layer = Layer::Header(Name::ContentLength);
                return Err(head.refusal(layer, 400, "Content-Length on a stream"));
            }
            Err(error) => return Err(head.header_refusal(error)),
        };
        match head_end.checked_add(length) {
            Some(total) if total <= MESSAGE_BYTES_MAX => Ok(total),
            _ => Err(head.refusal(
                Layer::Header(Name::ContentLength),
                413,
                "a message of at most 65,535 bytes",
            )),
        }
    }
}

/// What stands where a message may begin.
enum Between {
    Ping,
    Unclear,
    Message,
}

const fn endless() -> ParseError {
    ParseError {
        layer: Layer::Framing,
        answer: Answer::Drop,
        expected: "the end of the headers within 65,535 bytes",
        echo: None,
    }
}

impl fmt::Debug for Framer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Framer").field("bytes", &self.buffer.len()).field("waiting", &self.waiting).finish()
    }
}
