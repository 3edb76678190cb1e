//! The answer to a digest challenge (RFC 7616, RFC 8760).
//!
//! Written by hand: rsip spells the algorithm `SHA256`, which is not the token of RFC 7616.

use std::collections::HashMap;

use md5::Md5;
use sha2::{Digest as _, Sha256};

use crate::config::DigestAlgorithm;

/// One `WWW-Authenticate` or `Proxy-Authenticate` value that this phone can answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenge {
    pub algorithm: DigestAlgorithm,
    pub realm: String,
    nonce: String,
    opaque: Option<String>,
    /// `qop=auth` is offered. Without it the answer is the one of RFC 2069.
    has_qop_auth: bool,
    /// The nonce was good once: the same password may be tried again.
    pub is_stale: bool,
}

/// What the digest is computed over.
pub struct Credentials<'a> {
    pub user: &'a str,
    pub secret: &'a str,
    pub method: &'a str,
    pub uri: &'a str,
    /// Our own nonce.
    pub cnonce: &'a str,
    /// How often the challenge's nonce was used, this time included.
    pub count: u32,
}

impl Challenge {
    /// Reads the value; anything but `Digest` with a known algorithm is nothing.
    pub fn read(value: &str) -> Option<Self> {
        let (scheme, rest) = value.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let parameters = parameters(rest);
        let algorithm = match parameters.get("algorithm").map(|a| a.to_ascii_uppercase()).as_deref() {
            None | Some("MD5") => DigestAlgorithm::Md5,
            Some("SHA-256") => DigestAlgorithm::Sha256,
            Some(_) => return None,
        };
        let qop = parameters.get("qop").map(String::as_str).unwrap_or_default();
        Some(Self {
            algorithm,
            realm: parameters.get("realm")?.clone(),
            nonce: parameters.get("nonce")?.clone(),
            opaque: parameters.get("opaque").cloned(),
            has_qop_auth: qop.split(',').any(|q| q.trim() == "auth"),
            is_stale: parameters.get("stale").is_some_and(|s| s.eq_ignore_ascii_case("true")),
        })
    }

    /// The challenge to answer: the preferred algorithm if it is offered, else the first that is known.
    pub fn choose(offered: Vec<Self>, preferred: DigestAlgorithm) -> Option<Self> {
        let best = offered.iter().position(|c| c.algorithm == preferred).unwrap_or(0);
        offered.into_iter().nth(best)
    }

    /// The value of `Authorization` or `Proxy-Authorization`.
    pub fn answer(&self, credentials: &Credentials<'_>) -> String {
        let Credentials { user, secret, method, uri, cnonce, count } = credentials;
        let a1 = self.hash(&format!("{user}:{}:{secret}", self.realm));
        let a2 = self.hash(&format!("{method}:{uri}"));
        let nonce = &self.nonce;
        let (response, qop) = if self.has_qop_auth {
            let response = self.hash(&format!("{a1}:{nonce}:{count:08x}:{cnonce}:auth:{a2}"));
            (response, format!(", qop=auth, nc={count:08x}, cnonce=\"{cnonce}\""))
        } else {
            (self.hash(&format!("{a1}:{nonce}:{a2}")), String::new())
        };
        let algorithm = match self.algorithm {
            DigestAlgorithm::Md5 => "MD5",
            DigestAlgorithm::Sha256 => "SHA-256",
        };
        let opaque = self.opaque.as_ref().map(|o| format!(", opaque=\"{o}\"")).unwrap_or_default();
        format!(
            "Digest username=\"{user}\", realm=\"{}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm={algorithm}{qop}{opaque}",
            self.realm
        )
    }

    fn hash(&self, text: &str) -> String {
        match self.algorithm {
            DigestAlgorithm::Md5 => hex::encode(Md5::digest(text.as_bytes())),
            DigestAlgorithm::Sha256 => hex::encode(Sha256::digest(text.as_bytes())),
        }
    }
}

/// `name=value, name="quoted, value"` with names in lower case.
fn parameters(text: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        found.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        rest = after.trim_start().trim_start_matches(',');
    }
    found
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// RFC 7616 §3.9.1, both algorithms of its example.
    #[test]
    fn the_rfc_s_own_example_is_answered_as_printed() {
        let cases = [
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ];
        for (algorithm, response) in cases {
            let challenge = Challenge::read(&format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            ))
            .unwrap();
            let answer = challenge.answer(&Credentials {
                user: "Mufasa",
                secret: "Circle of Life",
                method: "GET",
                uri: "/dir/index.html",
                cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                count: 1,
            });
            assert!(answer.contains(&format!("response=\"{response}\"")), "{algorithm}");
            assert!(answer.contains(&format!("algorithm={algorithm}, qop=auth, nc=00000001")));
        }
    }

    #[test]
    fn the_preferred_algorithm_is_chosen_and_an_unknown_one_ignored() {
        let offered = || {
            ["Digest realm=\"a\", nonce=\"n\", algorithm=SHA-512-256", "Digest realm=\"a\", nonce=\"n\""]
                .into_iter()
                .chain([
                    "Digest realm=\"a\", nonce=\"n\", algorithm=SHA-256, stale=TRUE",
                    "Basic realm=\"a\"",
                ])
                .filter_map(Challenge::read)
                .collect::<Vec<_>>()
        };
        let chosen = |preferred| Challenge::choose(offered(), preferred).unwrap();
        assert_eq!(chosen(DigestAlgorithm::Md5).algorithm, DigestAlgorithm::Md5);
        assert_eq!(chosen(DigestAlgorithm::Sha256).algorithm, DigestAlgorithm::Sha256);
        assert!(chosen(DigestAlgorithm::Sha256).is_stale);
        assert_eq!(Challenge::choose(Vec::new(), DigestAlgorithm::Md5), None);
    }
}
