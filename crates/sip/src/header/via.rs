//! Via (RFC 3261 §20.42, RFC 3581).

use std::net::{IpAddr, SocketAddr};

use crate::uri::{Host, host, port};

use super::Params;
use super::text::{Cursor, Expected};

/// One hop of the way a request took.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Via {
    /// `UDP`, `TCP`, `TLS`, `WS`, `SCTP` or what else was written.
    pub transport: String,
    /// The sent-by host.
    pub host: Host,
    /// The sent-by port.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` and others.
    pub params: Params,
}

impl Via {
    /// What a branch of RFC 3261 begins with (§8.1.1.7).
    pub const MAGIC_COOKIE: &'static str = "z9hG4bK";

    /// Reads one item of a Via list.
    pub fn parse(text: &str) -> Result<Self, Expected> {
        let mut cursor = Cursor::new(text);
        cursor.skip_space();
        let protocol = cursor.token().ok_or("`SIP` in a Via")?;
        let version = cursor.eat_spaced('/').then(|| cursor.token()).flatten().ok_or("a version in a Via")?;
        if !protocol.eq_ignore_ascii_case("SIP") || version != "2.0" {
            return Err("`SIP/2.0` in a Via");
        }
        let transport =
            cursor.eat_spaced('/').then(|| cursor.token()).flatten().ok_or("a transport in a Via")?;
        if !cursor.peek().is_some_and(super::text::is_space) {
            return Err("a space before a Via's sent-by");
        }
        cursor.skip_space();
        let host = host(&mut cursor)?;
        let port = cursor.eat_spaced(':').then(|| port(&mut cursor)).transpose()?;
        Ok(Self { transport: transport.to_owned(), host, port, params: cursor.params_to_end()? })
    }

    /// The branch as written.
    pub fn branch(&self) -> Option<&str> {
        self.params.raw("branch").flatten()
    }

    /// The branch where it identifies a transaction by itself: cookie and something after it. Without,
    /// a transaction is matched the way RFC 2543 did (§17.2.3).
    pub fn rfc3261_branch(&self) -> Option<&str> {
        let branch = self.branch()?;
        let (cookie, rest) = branch.split_at_checked(Self::MAGIC_COOKIE.len())?;
        (cookie.eq_ignore_ascii_case(Self::MAGIC_COOKIE) && !rest.is_empty()).then_some(branch)
    }

    /// Whether the sender asks for a symmetric answer (RFC 3581 §3).
    pub fn asks_rport(&self) -> bool {
        self.params.has("rport")
    }

    /// The `received` parameter, where it is an address.
    pub fn received(&self) -> Option<IpAddr> {
        let written = self.params.raw("received").flatten()?;
        // IPv6 comes with brackets and without (RFC 5118 §4.5).
        let bare = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(written);
        bare.parse().ok()
    }

    /// Notes where the request really came from: `received` where it differs from sent-by or `rport` is
    /// asked for, and `rport` where it is asked for (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn stamp(&mut self, peer: SocketAddr) {
        let address = peer.ip().to_canonical();
        // What a sender claims of itself here is not to be believed.
        self.params.remove("received");
        if self.asks_rport() {
            self.params.set("rport", Some(&peer.port().to_string()));
        }
        if self.asks_rport() || self.host.ip() != Some(address) {
            self.params.set("received", Some(&address.to_string()));
        }
    }

    /// As a header value.
    pub fn to_wire(&self) -> String {
        let mut out = format!("SIP/2.0/{} {}", self.transport, self.host);
        if let Some(port) = self.port {
            out.push(':');
            out.push_str(&port.to_string());
        }
        self.params.write(&mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::Via;

    #[test]
    fn white_space_around_every_separator_is_passed_over() {
        let via =
            Via::parse("SIP  / 2.0  / UDP     spindle.example.com : 5062  ;  branch  =   z9hG4bK9ikj8  ")
                .unwrap();
        assert_eq!(via.to_wire(), "SIP/2.0/UDP spindle.example.com:5062;branch=z9hG4bK9ikj8");
    }

    #[test]
    fn a_stamped_via_says_where_the_request_came_from() {
        let mut via =
            Via::parse("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff;received=6.6.6.6").unwrap();
        via.stamp("192.0.2.1:9988".parse().unwrap());
        assert_eq!(
            via.to_wire(),
            "SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.1"
        );
        let mut plain = Via::parse("SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3").unwrap();
        plain.stamp("[2001:db8::9:1]:5060".parse().unwrap());
        assert_eq!(plain.to_wire(), "SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3");
        plain.stamp("[2001:db8::9:255]:5060".parse().unwrap());
        assert_eq!(plain.received(), Some("2001:db8::9:255".parse().unwrap()));
    }

    #[test]
    fn a_cookie_alone_identifies_no_transaction() {
        let via = |branch: &str| Via::parse(&format!("SIP/2.0/UDP a;branch={branch}")).unwrap();
        assert_eq!(via("z9hG4bK").rfc3261_branch(), None);
        assert_eq!(via("z9hG4bK1").rfc3261_branch(), Some("z9hG4bK1"));
        assert_eq!(via("390skdjuw").rfc3261_branch(), None);
    }

    #[test]
    fn what_is_not_a_via_is_refused() {
        for text in [
            "",
            "SIP/2.0/UDP",
            "SIP/7.0/UDP a",
            "SIP/2.0/UDP 192.0.2.15;;",
            "SIP/2.0/UDPa",
            "SIP/2.0/UDP a:99999",
        ] {
            assert!(Via::parse(text).is_err(), "{text}");
        }
    }
}
