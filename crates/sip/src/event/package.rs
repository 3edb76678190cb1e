//! The event packages of agents' phones and what each tells: `dialog` (RFC 4235), whether a colleague talks,
//! and `message-summary` (RFC 3842), how many messages wait.

use bytes::Bytes;

/// An event package.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Package {
    /// RFC 4235: the lamp beside a colleague's name.
    Dialog,
    /// RFC 3842: messages waiting.
    MessageSummary,
}

/// What is told of somebody. Nothing in it says with whom she talks: a phone's display is read by whoever
/// stands beside it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Told {
    /// Her phone is free.
    Free,
    /// It rings.
    Rings,
    /// She talks.
    Talks,
    /// Voice messages for her.
    Messages {
        /// Not heard yet.
        new: u32,
        /// Heard.
        old: u32,
    },
}

impl Package {
    /// All of them, as Allow-Events has them.
    pub(crate) const ALL: &'static str = "dialog, message-summary, refer";

    /// The package of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "dialog" => Some(Self::Dialog),
            "message-summary" => Some(Self::MessageSummary),
            _ => None,
        }
    }

    /// The media type of its bodies.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Dialog => "application/dialog-info+xml",
            Self::MessageSummary => "application/simple-message-summary",
        }
    }

    /// Whether this is one of the things it tells.
    pub(crate) const fn tells(self, told: Told) -> bool {
        matches!(told, Told::Messages { .. }) == matches!(self, Self::MessageSummary)
    }
}

impl Told {
    /// The body, about the user at `entity`. `version` counts the bodies of one subscription from zero.
    pub(crate) fn body(self, entity: &str, version: u32) -> Bytes {
        let dialog = |state: &str| format!("<dialog id=\"line\"><state>{state}</state></dialog>");
        let dialog = match self {
            Self::Free => String::new(),
            Self::Rings => dialog("early"),
            Self::Talks => dialog("confirmed"),
            Self::Messages { new, old } => {
                let waiting = if new > 0 { "yes" } else { "no" };
                let account = format!("Message-Account: {entity}\r\n");
                return format!("Messages-Waiting: {waiting}\r\n{account}Voice-Message: {new}/{old}\r\n")
                    .into();
            }
        };
        let entity = escaped(entity);
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
             <dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"{version}\" state=\"full\" \
             entity=\"{entity}\">{dialog}</dialog-info>\r\n"
        )
        .into()
    }
}

/// A text as an XML attribute may hold it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
