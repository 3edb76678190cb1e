//! The answering end over several requests: which challenge is answered, how often a nonce was used, and when
//! to stop.

use primitives::Private;

use super::{Algorithm, DigestChallenge, answer};
use crate::account::Credentials;
use crate::header::Name;
use crate::message::{Request, Response};

/// Challenges answered for one request. A request that passes a proxy and its user agent meets two, either
/// of which may be stale once; a server that asks on after that would ask for ever.
const TRIES_MAX: u8 = 4;

/// Our credentials in one dialog, or for one request and its repetitions.
#[derive(Clone, Debug)]
pub(crate) struct Prover {
    credentials: Credentials,
    server: Option<Nonce>,
    proxy: Option<Nonce>,
    tries: u8,
    /// What the INVITE carried, for its ACK (RFC 3261 §13.2.2.4).
    last: Vec<(Name, Private<String>)>,
}

/// A challenge and how often its nonce was used.
#[derive(Clone, Debug)]
struct Nonce {
    challenge: DigestChallenge,
    uses: u32,
}

impl Prover {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self { credentials, server: None, proxy: None, tries: 0, last: Vec::new() }
    }

    /// Takes a 401 or 407. `true`: sign the request and send it again; `false`: the answer stands, because
    /// it refuses what we proved, or asks for what we cannot prove.
    pub(crate) fn is_challenged(&mut self, response: &Response) -> bool {
        let (challenges, before) = match response.status {
            401 => (response.headers.www_authenticate(), &mut self.server),
            407 => (response.headers.proxy_authenticate(), &mut self.proxy),
            _ => return false,
        };
        let Some(challenge) = challenges.ok().and_then(strongest) else { return false };
        let is_refusal = before.as_ref().is_some_and(|before| {
            // The same nonce again, or another after a fresh proof that was not merely late: the secret is
            // wrong. A nonce that had served before may have run out without a word.
            before.challenge.nonce == challenge.nonce || before.uses == 1 && !challenge.stale
        });
        self.tries += 1;
        if is_refusal || self.tries > TRIES_MAX {
            return false;
        }
        *before = Some(Nonce { challenge, uses: 0 });
        true
    }

    /// Adds what is known to be asked for. `cnonce` is random hexadecimal.
    pub(crate) fn sign(&mut self, request: &mut Request, cnonce: &str) {
        self.last.clear();
        let nonces = [(Name::Authorization, &mut self.server), (Name::ProxyAuthorization, &mut self.proxy)];
        for (name, nonce) in nonces {
            let Some(Nonce { challenge, uses }) = nonce else { continue };
            *uses = uses.saturating_add(1);
            let Credentials { user, password } = &self.credentials;
            let challenge = std::slice::from_ref(&*challenge);
            let value = answer(challenge, user, password, &request.method, &request.uri, cnonce, *uses);
            if let Some(value) = value {
                request.headers.push(name.clone(), value.expose().clone());
                self.last.push((name, value));
            }
        }
    }

    /// Adds the credentials of the request signed last.
    pub(crate) fn repeat(&self, ack: &mut Request) {
        for (name, value) in &self.last {
            ack.headers.push(name.clone(), value.expose().clone());
        }
    }

    /// The request was accepted: the next one starts to count anew.
    pub(crate) const fn accepted(&mut self) {
        self.tries = 0;
    }
}

/// The strongest challenge we can answer, whatever its place: an attacker in between who strikes out the
/// better ones gains nothing by their order.
fn strongest(challenges: Vec<DigestChallenge>) -> Option<DigestChallenge> {
    let rank = |challenge: &DigestChallenge| match challenge.algorithm {
        None => None,
        Some(Algorithm::Md5) => Some(1),
        Some(Algorithm::Sha256) => Some(2),
        Some(Algorithm::Sha512Trunc256) => Some(3),
    };
    let mut best: Option<(u8, DigestChallenge)> = None;
    for challenge in challenges {
        // Of equals the first: the server prefers it (RFC 8760 §2.4).
        if let Some(rank) = rank(&challenge)
            && best.as_ref().is_none_or(|(other, _)| rank > *other)
        {
            best = Some((rank, challenge));
        }
    }
    best.map(|(_, challenge)| challenge)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use primitives::Private;

    use super::Prover;
    use crate::account::Credentials;
    use crate::message::{Message, Method, Request, Response, parse};
    use crate::uri::Uri;

    fn prover() -> Prover {
        let [user, password] = ["careline", "the password"].map(|text| Private::new(text.to_owned()));
        Prover::new(Credentials { user, password })
    }

    fn challenge(status: u16, header: &str, values: &[&str]) -> Response {
        let mut text = format!("SIP/2.0 {status} Who\r\nVia: SIP/2.0/UDP a\r\nCSeq: 1 REGISTER\r\n");
        for value in values {
            text.push_str(&format!("{header}: Digest realm=\"r\", {value}\r\n"));
        }
        text.push_str("\r\n");
        match parse(&text.into_bytes().into()).unwrap() {
            Message::Response(response) => response,
            Message::Request(_) => unreachable!("a response"),
        }
    }

    fn signed(prover: &mut Prover) -> String {
        let mut request = Request::new(Method::Register, Uri::parse("sip:carrier.example").unwrap());
        prover.sign(&mut request, "c0ffee");
        String::from_utf8(request.to_bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_strongest_of_several_challenges_is_answered() {
        let mut prover = prover();
        let asked = challenge(
            401,
            "WWW-Authenticate",
            &[
                "nonce=\"m\", algorithm=MD5",
                "nonce=\"s\", algorithm=SHA-256, qop=\"auth\"",
                "nonce=\"x\", algorithm=NEW",
            ],
        );
        assert!(prover.is_challenged(&asked));
        let request = signed(&mut prover);
        assert!(request.contains("nonce=\"s\"") && request.contains("algorithm=SHA-256"), "{request}");
        assert!(request.contains("nc=00000001") && request.contains("qop=auth"), "{request}");
    }

    #[test]
    fn a_nonce_that_serves_on_is_counted_and_its_end_is_no_refusal() {
        let mut prover = prover();
        assert!(prover.is_challenged(&challenge(401, "WWW-Authenticate", &["nonce=\"1\", qop=\"auth\""])));
        signed(&mut prover);
        prover.accepted();
        assert!(signed(&mut prover).contains("nc=00000002"));
        assert!(prover.is_challenged(&challenge(401, "WWW-Authenticate", &["nonce=\"2\", qop=\"auth\""])));
        assert!(signed(&mut prover).contains("nc=00000001"));
    }

    #[test]
    fn a_refused_proof_is_not_tried_again_and_a_stale_one_is() {
        let mut refused = prover();
        assert!(refused.is_challenged(&challenge(407, "Proxy-Authenticate", &["nonce=\"1\""])));
        assert!(signed(&mut refused).contains("Proxy-Authorization"));
        assert!(!refused.is_challenged(&challenge(407, "Proxy-Authenticate", &["nonce=\"2\""])));

        let mut stale = prover();
        assert!(stale.is_challenged(&challenge(401, "WWW-Authenticate", &["nonce=\"1\""])));
        signed(&mut stale);
        assert!(stale.is_challenged(&challenge(401, "WWW-Authenticate", &["nonce=\"2\", stale=true"])));
        signed(&mut stale);
        assert!(!stale.is_challenged(&challenge(401, "WWW-Authenticate", &["nonce=\"2\", stale=true"])));
    }

    #[test]
    fn a_server_that_asks_for_ever_is_answered_four_times() {
        let mut prover = prover();
        let mut answered = 0;
        for round in 0..100 {
            let value = format!("nonce=\"{round}\", stale=true");
            if !prover.is_challenged(&challenge(401, "WWW-Authenticate", &[&value])) {
                break;
            }
            signed(&mut prover);
            answered += 1;
        }
        assert_eq!(answered, 4);
    }

    #[test]
    fn a_challenge_nobody_can_answer_is_a_refusal() {
        let mut prover = prover();
        assert!(!prover.is_challenged(&challenge(
            401,
            "WWW-Authenticate",
            &["nonce=\"1\", qop=\"auth-int\""]
        )));
        assert!(!prover.is_challenged(&challenge(401, "WWW-Authenticate", &[])));
        assert!(!prover.is_challenged(&challenge(403, "WWW-Authenticate", &["nonce=\"1\""])));
    }
}
