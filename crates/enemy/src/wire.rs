//! Requests and responses as a far end writes them.

use sip::Path;
use sip::header::{Name, NameAddr};
use sip::message::{Request, Response};

/// What somebody offers or answers.
pub const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// A request of a far end.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: &'static str,
    pub path: Path,
    pub branch: String,
    pub call_id: String,
    pub from_tag: String,
    pub to_tag: Option<String>,
    pub cseq: u32,
    pub extra: Vec<String>,
    pub body: &'static str,
    pub kind: &'static str,
}

impl Ask {
    /// Whom everybody asks.
    pub const URI: &'static str = "sip:100@192.0.2.1";

    /// Without a body.
    pub fn new(method: &'static str, path: Path) -> Self {
        Self {
            method,
            path,
            branch: String::new(),
            call_id: String::new(),
            from_tag: "far".to_owned(),
            to_tag: None,
            cseq: 1,
            extra: Vec::new(),
            body: "",
            kind: "application/sdp",
        }
    }

    /// As it is on the wire.
    pub fn text(&self) -> String {
        let to_tag = self.to_tag.as_ref().map(|tag| format!(";tag={tag}")).unwrap_or_default();
        // Who registers does so for himself.
        let to = if self.method == "REGISTER" { "pat" } else { "100" };
        let mut lines = vec![
            format!("{} {} SIP/2.0", self.method, Self::URI),
            format!(
                "Via: SIP/2.0/{} {};branch=z9hG4bK{};rport",
                self.path.transport.via_token(),
                self.path.peer,
                self.branch
            ),
            format!("From: <sip:pat@192.0.2.10>;tag={}", self.from_tag),
            format!("To: <sip:{to}@careline.example>{to_tag}"),
            format!("Call-ID: {}", self.call_id),
            format!("CSeq: {} {}", self.cseq, self.method),
            format!("Contact: <sip:pat@{}>", self.path.peer),
            "Max-Forwards: 70".to_owned(),
        ];
        lines.extend(self.extra.iter().cloned());
        if !self.body.is_empty() {
            lines.push(format!("Content-Type: {}", self.kind));
        }
        lines.push(format!("Content-Length: {}", self.body.len()));
        format!("{}\r\n\r\n{}", lines.join("\r\n"), self.body)
    }
}

/// A far end's response to a request of ours.
pub fn response(request: &Request, status: u16, tag: &str, extra: &[(Name, String)], body: &str) -> Response {
    let mut response = Response::answering(&request.headers, status);
    if let Ok(to) = response.headers.to()
        && to.tag().is_none()
        && !tag.is_empty()
    {
        response.headers.set(Name::To, NameAddr::with_tag(to, tag).to_wire());
    }
    response.headers.push(Name::Contact, "<sip:agent@192.0.2.10:5060>");
    for (name, value) in extra {
        response.headers.push(name.clone(), value.clone());
    }
    if !body.is_empty() {
        response.headers.push(Name::ContentType, "application/sdp");
        response.body = body.to_owned().into();
    }
    response
}
