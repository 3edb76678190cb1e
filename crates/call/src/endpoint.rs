//! Other systems that flows ask over HTTP, as the configuration names them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use audit::CallId;
use flow::Inquiry;
use primitives::{Generator, Private};
use rand_core::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::breaker::BreakerConfig;

/// Before the second attempt, at least; twice that before the third.
const PAUSE: Duration = Duration::from_millis(150);
/// Attempts of one request: a caller waits five seconds at most.
const ATTEMPTS_MAX: u32 = 3;

/// One endpoint of `endpoints:`.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointConfig {
    /// `https://host:port/path`, without a query. A flow can change nothing of it. `http://` only to this machine.
    pub url: String,
    /// How it is asked. Default `post`.
    #[serde(default)]
    pub method: Method,
    /// How often one request is made, in all, while its caller waits: again after a connection that failed, and
    /// after 502, 503 and 504. 1 to 3. Default 1; more only where asking twice does no harm.
    #[serde(default = "once")]
    pub attempts: u32,
    /// When it is left alone.
    #[serde(default)]
    pub breaker: BreakerConfig,
    /// The authorities that vouch for it, PEM. Default those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<PathBuf>,
}

/// How an endpoint is asked.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By its URL alone.
    Get,
    /// With a JSON object.
    #[default]
    Post,
}

const fn once() -> u32 {
    1
}

impl EndpointConfig {
    /// What types cannot say.
    pub fn check(&self, name: &str) -> Result<(), String> {
        if !(1..=ATTEMPTS_MAX).contains(&self.attempts) {
            return Err(format!("endpoint `{name}`: `attempts` is 1 to {ATTEMPTS_MAX}"));
        }
        self.breaker.check().map_err(|text| format!("endpoint `{name}`: {text}"))?;
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("", ""));
        let authority = rest.split('/').next().unwrap_or_default();
        let host = host_of(authority);
        let is_whole = !host.is_empty()
            && !self.url.contains(['?', '#', '@', '\\'])
            && self.url.chars().all(|c| c.is_ascii_graphic());
        match scheme {
            "https" if is_whole => Ok(()),
            "http" if is_whole && ["127.0.0.1", "[::1]", "localhost"].contains(&host) => Ok(()),
            "http" if is_whole => Err(format!(
                "endpoint `{name}`: `{host}` is another machine, and what callers say must be encrypted on the way: \
                 write `https://`"
            )),
            _ => Err(format!(
                "endpoint `{name}`: `{}` is no address: write `https://host/path`, without `?` and `@`",
                self.url
            )),
        }
    }
}

/// A host without its port; brackets belong to it.
fn host_of(authority: &str) -> &str {
    match authority.rfind(']') {
        Some(end) => authority.get(..=end).unwrap_or(authority),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

/// An endpoint with its secret.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// As configured.
    pub config: EndpointConfig,
    /// `Authorization: Bearer …`, of `secrets.yaml`.
    pub token: Option<Private<String>>,
}

/// A request to be made.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose call.
    pub call: CallId,
    /// Whom to ask.
    pub endpoint: Arc<Endpoint>,
    /// What is asked.
    pub inquiry: Inquiry,
    /// How long to wait before each further attempt. None is begun behind [`Inquiry::within`].
    pub pauses: Vec<Duration>,
}

/// The pauses of a request: each twice the one before, and up to half of it more by chance, so that many calls that
/// failed together do not come again together.
pub(crate) fn pauses(attempts: u32, generator: &mut Generator) -> Vec<Duration> {
    let pause = |attempt: u32| {
        let least = PAUSE * (1 << attempt.min(8));
        let half = u64::try_from(least.as_millis() / 2).unwrap_or(1).max(1);
        least + Duration::from_millis(generator.next_u64() % half)
    };
    (0..attempts.min(ATTEMPTS_MAX).saturating_sub(1)).map(pause).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use std::time::Duration;

    use primitives::Seed;

    use super::{BreakerConfig, EndpointConfig, Method, pauses};

    fn config(url: &str) -> EndpointConfig {
        let (method, breaker) = (Method::Post, BreakerConfig::default());
        EndpointConfig { url: url.to_owned(), method, attempts: 1, breaker, roots: None }
    }

    #[test]
    fn an_endpoint_on_another_machine_is_encrypted_and_its_address_is_whole() {
        for url in
            ["https://a.example/x", "https://a.example:8443", "http://127.0.0.1:9/x", "http://[::1]:9/"]
        {
            config(url).check("it").unwrap();
        }
        for (url, says) in [
            ("http://a.example/x", "must be encrypted"),
            ("http://127.0.0.1.a.example/x", "must be encrypted"),
            ("https://user@a.example/", "is no address"),
            ("https://a.example/x?who=", "is no address"),
            ("a.example", "is no address"),
            ("https:///x", "is no address"),
            ("ftp://a.example", "is no address"),
            ("https://a.example/a b", "is no address"),
        ] {
            let text = config(url).check("it").unwrap_err();
            assert!(text.contains(says), "{url}: {text}");
        }
        assert!(EndpointConfig { attempts: 4, ..config("https://a.example/") }.check("it").is_err());
    }

    #[test]
    fn attempts_are_further_apart_each_time_and_never_at_the_same_moment() {
        let all: Vec<Vec<Duration>> =
            (0..50).map(|seed| pauses(3, &mut Seed::numbered(seed).generator())).collect();
        for each in &all {
            assert!((150..225).contains(&each[0].as_millis()) && (300..450).contains(&each[1].as_millis()));
        }
        let mut first: Vec<Duration> = all.iter().map(|each| each[0]).collect();
        first.sort_unstable();
        first.dedup();
        assert!(first.len() > 20, "{first:?}");
        assert_eq!(pauses(1, &mut Seed::numbered(1).generator()), []);
    }
}
