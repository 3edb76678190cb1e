//! As little SIP as a load needs: text in, text out, no parse of what nobody looks at.

use std::net::SocketAddr;

/// The lines of a message a caller acts on.
pub struct Message<'a> {
    pub start: Start<'a>,
    pub call_id: &'a str,
    pub to: &'a str,
    /// Method of CSeq.
    pub method: &'a str,
    pub contact: Option<&'a str>,
    /// Where the other side wants audio.
    pub media: Option<SocketAddr>,
    text: &'a str,
}

pub enum Start<'a> {
    Request(&'a str),
    Response(u16),
}

impl<'a> Message<'a> {
    pub fn read(datagram: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(datagram).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let first = lines.next()?;
        let start = match first.strip_prefix("SIP/2.0 ") {
            Some(rest) => Start::Response(rest.get(..3)?.parse().ok()?),
            None => Start::Request(first.split(' ').next()?),
        };
        let (mut call_id, mut to, mut method, mut contact) = (None, None, None, None);
        for (name, value) in lines.filter_map(|l| l.split_once(':')) {
            let value = value.trim();
            match name {
                "Call-ID" => call_id = Some(value),
                "To" => to = Some(value),
                "CSeq" => method = value.split(' ').nth(1),
                "Contact" => contact = Some(crate::wire::uri_of(value)),
                _ => {}
            }
        }
        Some(Self { start, call_id: call_id?, to: to?, method: method?, contact, media: media(body), text })
    }

    /// 200 to a request of the server, with our description if it asks for one.
    pub fn agree(&self, sdp: Option<&str>) -> String {
        let mut answer = String::from("SIP/2.0 200 OK\r\n");
        for line in self.text.split("\r\n").take_while(|l| !l.is_empty()) {
            if ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|n| line.starts_with(n)) {
                answer.push_str(line);
                answer.push_str("\r\n");
            }
        }
        answer.push_str(&with_body(sdp));
        answer
    }
}

fn media(body: &str) -> Option<SocketAddr> {
    let ip = body.lines().find_map(|l| l.strip_prefix("c=IN IP4 "))?;
    let port = body.lines().find_map(|l| l.strip_prefix("m=audio "))?.split(' ').next()?;
    Some(SocketAddr::new(ip.trim().parse().ok()?, port.parse().ok()?))
}

/// One call's own words.
pub struct Dialog<'a> {
    pub number: &'a str,
    pub server: SocketAddr,
    pub local: SocketAddr,
    pub call_id: &'a str,
}

impl Dialog<'_> {
    pub fn invite(&self, sdp: &str) -> String {
        let to = format!("<sip:{}@{}>", self.number, self.server);
        self.request("INVITE", &format!("sip:{}@{}", self.number, self.server), &to, 1, Some(sdp))
    }

    /// ACK of a 200 has a branch of its own; of a refusal, the INVITE's.
    pub fn ack(&self, target: &str, to: &str, is_refusal: bool) -> String {
        let ack = self.request("ACK", target, to, 1, None);
        if is_refusal { ack.replace("-ACK;", "-INVITE;") } else { ack }
    }

    pub fn bye(&self, target: &str, to: &str) -> String {
        self.request("BYE", target, to, 2, None)
    }

    fn request(&self, method: &str, uri: &str, to: &str, sequence: u32, sdp: Option<&str>) -> String {
        let Self { local, call_id, server, .. } = self;
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK-{call_id}-{method};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:load@{}>;tag={call_id}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {sequence} {method}\r\nContact: <sip:load@{local}>\r\n{}",
            server.ip(),
            with_body(sdp)
        )
    }
}

fn with_body(sdp: Option<&str>) -> String {
    match sdp {
        Some(sdp) => {
            format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len())
        }
        None => "Content-Length: 0\r\n\r\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_a_caller_acts_on_is_read_and_a_request_is_agreed_to() {
        let dialog = Dialog {
            number: "nurse-line",
            server: "127.0.0.1:5060".parse().unwrap(),
            local: "127.0.0.1:5070".parse().unwrap(),
            call_id: "run-7",
        };
        let invite = dialog.invite("c=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n");
        let read = Message::read(invite.as_bytes()).unwrap();
        assert!(matches!(read.start, Start::Request("INVITE")));
        assert_eq!((read.call_id, read.method), ("run-7", "INVITE"));
        assert_eq!(read.media, Some("127.0.0.1:4000".parse().unwrap()));
        assert_eq!(read.contact, Some("sip:load@127.0.0.1:5070"));

        let answer = read.agree(None);
        let answer = Message::read(answer.as_bytes()).unwrap();
        assert!(matches!(answer.start, Start::Response(200)));
        assert_eq!((answer.call_id, answer.media), ("run-7", None));
        assert!(dialog.ack("sip:a@b", "<sip:a@b>", true).contains("branch=z9hG4bK-run-7-INVITE;"));
        assert!(dialog.ack("sip:a@b", "<sip:a@b>", false).contains("branch=z9hG4bK-run-7-ACK;"));
    }

    #[test]
    fn noise_is_not_a_message() {
        for noise in [&b""[..], b"SIP/2.0 2", b"SIP/2.0 \xc3\xa9\r\n\r\n", b"INVITE x SIP/2.0\r\n\r\n"] {
            assert!(Message::read(noise).is_none());
        }
    }
}
