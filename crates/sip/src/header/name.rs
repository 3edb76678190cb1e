//! Header field names: known ones as an enum, compact forms included (RFC 3261 §7.3.3).

use std::fmt;
use std::hash::{Hash, Hasher};

use bytes::Bytes;

use super::text::is_token;

macro_rules! names {
    ($($variant:ident $long:literal $(compact $short:literal)?),+ $(,)?) => {
        /// The name of a header field. Names compare without regard to case, and a compact form is the
        /// long one.
        #[derive(Clone)]
        pub enum Name {
            $(#[doc = concat!("`", $long, "`")] $variant,)+
            /// Any other, as written.
            Other(Bytes),
        }

        impl Name {
            /// The canonical long form; for an unknown header what was written (ASCII always).
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $long,)+
                    Self::Other(written) => std::str::from_utf8(written).unwrap_or_default(),
                }
            }

            /// The known header of this name, long or compact, in any case.
            pub(crate) fn lookup(written: &[u8]) -> Option<Self> {
                $($(if written.len() == 1 && written.eq_ignore_ascii_case($short) {
                    return Some(Self::$variant);
                })?)+
                match written.len() {
                    0 | 1 => None,
                    $(length if length == $long.len() && written.eq_ignore_ascii_case($long.as_bytes()) => {
                        Some(Self::$variant)
                    })+
                    _ => None,
                }
            }
        }
    };
}

names! {
    Accept "Accept",
    AcceptEncoding "Accept-Encoding",
    AcceptLanguage "Accept-Language",
    AlertInfo "Alert-Info",
    Allow "Allow",
    AllowEvents "Allow-Events" compact b"u",
    AuthenticationInfo "Authentication-Info",
    Authorization "Authorization",
    CallId "Call-ID" compact b"i",
    CallInfo "Call-Info",
    Contact "Contact" compact b"m",
    ContentDisposition "Content-Disposition",
    ContentEncoding "Content-Encoding" compact b"e",
    ContentLanguage "Content-Language",
    ContentLength "Content-Length" compact b"l",
    ContentType "Content-Type" compact b"c",
    CSeq "CSeq",
    Date "Date",
    Diversion "Diversion",
    ErrorInfo "Error-Info",
    Event "Event" compact b"o",
    Expires "Expires",
    From "From" compact b"f",
    HistoryInfo "History-Info",
    Identity "Identity" compact b"y",
    InReplyTo "In-Reply-To",
    Join "Join",
    MaxForwards "Max-Forwards",
    MimeVersion "MIME-Version",
    MinExpires "Min-Expires",
    MinSe "Min-SE",
    Organization "Organization",
    PAssertedIdentity "P-Asserted-Identity",
    Path "Path",
    PPreferredIdentity "P-Preferred-Identity",
    Priority "Priority",
    Privacy "Privacy",
    ProxyAuthenticate "Proxy-Authenticate",
    ProxyAuthorization "Proxy-Authorization",
    ProxyRequire "Proxy-Require",
    RAck "RAck",
    Reason "Reason",
    RecordRoute "Record-Route",
    ReferTo "Refer-To" compact b"r",
    ReferredBy "Referred-By" compact b"b",
    Replaces "Replaces",
    RemotePartyId "Remote-Party-ID",
    ReplyTo "Reply-To",
    Require "Require",
    RetryAfter "Retry-After",
    Route "Route",
    RSeq "RSeq",
    Server "Server",
    ServiceRoute "Service-Route",
    SessionExpires "Session-Expires" compact b"x",
    Subject "Subject" compact b"s",
    SubscriptionState "Subscription-State",
    Supported "Supported" compact b"k",
    Timestamp "Timestamp",
    To "To" compact b"t",
    Unsupported "Unsupported",
    UserAgent "User-Agent",
    Via "Via" compact b"v",
    Warning "Warning",
    WwwAuthenticate "WWW-Authenticate",
}

impl Name {
    /// The name as written, known or not. Characters that no name may hold are left out.
    pub fn new(written: &str) -> Self {
        Self::lookup(written.as_bytes())
            .unwrap_or_else(|| Self::Other(written.bytes().filter(|byte| is_token(*byte)).collect()))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other(one), Self::Other(another)) => one.eq_ignore_ascii_case(another),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.as_str().bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
