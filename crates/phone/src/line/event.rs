//! What a phone tells whoever watches it, without a number, a name or a key.

use std::fmt;

use crate::error::Ended;

/// One thing that happened to a phone. The demo prints them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PhoneEvent {
    /// The other side answered and it was acknowledged.
    Answered,
    /// It calls somebody.
    Calling,
    /// A call is over.
    Ended(Ended),
    /// A script heard what it waited for: speech.
    HeardSpeech,
    /// A script heard what it waited for: a tone of this many hertz.
    HeardTone(f64),
    /// Somebody calls it.
    IncomingCall,
    /// It pressed this many keys.
    Pressed(usize),
    /// Registered for this many seconds.
    Registered {
        /// As the registrar granted.
        expires_secs: u32,
    },
    /// A registration or its renewal failed; with a status if one came.
    RegistrationFailed(Option<u16>),
    /// The other side rings.
    Ringing,
    /// It gave its registration back.
    Unregistered,
}

impl fmt::Display for PhoneEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered => f.write_str("the call is answered"),
            Self::Calling => f.write_str("calls"),
            Self::Ended(how) => write!(f, "the call is over: {how}"),
            Self::HeardSpeech => f.write_str("hears a voice"),
            Self::HeardTone(hz) => write!(f, "hears a tone of {hz} Hz"),
            Self::IncomingCall => f.write_str("is called"),
            Self::Pressed(1) => f.write_str("pressed a key"),
            Self::Pressed(keys) => write!(f, "pressed {keys} keys"),
            Self::Registered { expires_secs } => write!(f, "is registered for {expires_secs} s"),
            Self::RegistrationFailed(Some(status)) => write!(f, "was refused registration with {status}"),
            Self::RegistrationFailed(None) => f.write_str("got no answer to its registration"),
            Self::Ringing => f.write_str("hears it ring"),
            Self::Unregistered => f.write_str("gave its registration back"),
        }
    }
}
