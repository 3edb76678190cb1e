//! What other machines can reach must be encrypted, unless somebody says why not and until when.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Config, ConfigError, DEFAULT};

/// `plaintext:` of `sip` or `http`: an exception, with its reason and its end.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Plaintext {
    /// Why there is no encryption. It stands in the audit log.
    pub reason: String,
    /// The last day it holds, `2027-01-31`. Afterwards careline neither starts with it nor takes it at a
    /// reload; what runs goes on and an alarm is raised.
    #[schemars(with = "String")]
    pub until: Date,
}

/// An exception that is made use of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Override {
    /// `sip.plaintext`, `http.plaintext`, or `trunks.NAME.plaintext`; or which rule of which flow: `nurse-line S5`.
    pub what: String,
    /// Who answers for it; empty where nobody is named.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Its last day.
    pub until: Date,
    /// What it leads to, for the log.
    pub effect: &'static str,
}

impl Override {
    /// Days it still holds; below zero it has ended.
    pub fn days_left(&self, today: Date) -> i32 {
        (self.until - today).get_days()
    }
}

/// The day it is, by UTC.
pub fn today() -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date()
}

/// A listener without encryption that other machines can reach.
struct Exposed {
    /// `UDP`, `TCP`, `HTTP`.
    protocol: &'static str,
    address: SocketAddr,
    /// The key it stands under.
    key: &'static str,
}

impl Config {
    /// The exceptions that are made use of, or the first listener that has none. `path` is the file this was
    /// read from.
    pub fn overrides(&self, path: Option<&Path>, today: Date) -> Result<Vec<Override>, ConfigError> {
        let sip = exposed("UDP", "udp", &self.sip.udp).or_else(|| exposed("TCP", "tcp", &self.sip.tcp));
        let http = match self.http.certificate {
            Some(_) => None,
            None => exposed("HTTP", "address", std::slice::from_ref(&self.http.address)),
        };
        let mut overrides = Vec::new();
        for (what, exposed, exception) in
            [("sip.plaintext", sip, &self.sip.plaintext), ("http.plaintext", http, &self.http.plaintext)]
        {
            let Some(exposed) = exposed else { continue };
            match exception {
                Some(it) if it.reason.trim().len() >= REASON_CHARS_MIN && it.until >= today => {
                    overrides.push(Override {
                        what: what.to_owned(),
                        by: String::new(),
                        reason: it.reason.clone(),
                        until: it.until,
                        effect: "other machines reach careline without encryption",
                    });
                }
                it => return Err(refusal(&exposed, what, it.as_ref(), path, today)),
            }
        }
        let links = self.trunks.iter().filter(|(_, trunk)| !trunk.is_encrypted());
        for (name, exception) in links.filter_map(|(name, trunk)| Some((name, trunk.plaintext.as_ref()?))) {
            let what = format!("trunks.{name}.plaintext");
            if exception.reason.trim().len() < REASON_CHARS_MIN || exception.until < today {
                return Err(ended_link(name, &what, exception, path, today));
            }
            overrides.push(Override {
                what,
                by: String::new(),
                reason: exception.reason.clone(),
                until: exception.until,
                effect: "calls go by a trunk without encryption",
            });
        }
        Ok(overrides)
    }
}

/// A reason shorter than this tells nobody anything.
const REASON_CHARS_MIN: usize = 8;

/// How far ahead the suggested end lies, in days: long enough to get a certificate.
const SUGGESTED_DAYS: i32 = 90;

fn exposed(protocol: &'static str, key: &'static str, addresses: &[SocketAddr]) -> Option<Exposed> {
    let reachable = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
    reachable.map(|address| Exposed { protocol, address: *address, key })
}

fn refusal(
    exposed: &Exposed,
    what: &str,
    exception: Option<&Plaintext>,
    path: Option<&Path>,
    today: Date,
) -> ConfigError {
    let Exposed { protocol, address, key } = exposed;
    let section = what.split('.').next().unwrap_or_default();
    let (title, word) = match exception {
        None => (
            format!("{protocol} on {address} is not encrypted, and other machines can reach it"),
            address.to_string(),
        ),
        Some(it) if it.until < today => (
            format!("`{what}` ended on {}, and {protocol} on {address} is not encrypted", it.until),
            it.until.to_string(),
        ),
        Some(_) => (format!("`{what}` gives no reason that somebody could follow"), "reason".to_owned()),
    };
    let until = suggested_end(today);
    let encrypted = match section {
        "sip" => "listen in `sip.tls`, and here on 127.0.0.1 only",
        _ => "give `http` a `certificate` and a `key`, or the address 127.0.0.1:8080",
    };
    let help = format!(
        "{encrypted}; or say why not and until when:\n{section}:\n  plaintext: {{ reason: \"why it cannot be encrypted yet\", until: {until} }}"
    );
    mistake(&title, &help, path, section, &[&word, key])
}

/// A trunk's link whose exception holds no more, or says nothing.
fn ended_link(
    name: &str,
    what: &str,
    exception: &call::Plaintext,
    path: Option<&Path>,
    today: Date,
) -> ConfigError {
    let title = if exception.until < today {
        format!("`{what}` ended on {}, and trunk `{name}` goes out without TLS", exception.until)
    } else {
        format!("`{what}` gives no reason that somebody could follow")
    };
    let until = suggested_end(today);
    let help = format!(
        "write `;transport=tls` behind its URIs; or say why not and until when:\n\
         plaintext: {{ reason: \"why it cannot be encrypted yet\", until: {until} }}"
    );
    mistake(&title, &help, path, "trunks", &[&exception.until.to_string(), name])
}

fn suggested_end(today: Date) -> Date {
    today.saturating_add(SUGGESTED_DAYS.days())
}

fn mistake(title: &str, help: &str, path: Option<&Path>, section: &str, words: &[&str]) -> ConfigError {
    let (text, path) = match path {
        Some(path) => (fs::read_to_string(path).unwrap_or_default(), path.display().to_string()),
        None => (DEFAULT.to_owned(), "careline.yaml".to_owned()),
    };
    ConfigError::Mistake(render(title, help, &text, &path, section, words))
}

/// The message with a caret under the first of `words` that stands in its section, else under the section.
fn render(title: &str, help: &str, text: &str, path: &str, section: &str, words: &[&str]) -> String {
    let heading = format!("{section}:");
    let start = text
        .match_indices(&heading)
        .map(|(at, _)| at)
        .find(|at| text.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with('\n')));
    let span = start.map(|start| {
        let body = text.get(start..).unwrap_or_default();
        let found = words.iter().find_map(|word| Some((body.find(word)?, word.len())));
        let (at, length) = found.unwrap_or((0, section.len()));
        start + at..start + at + length
    });
    let Some(span) = span else {
        return format!("error: {title}\n  --> {path}\nhelp: {help}");
    };
    let snippet = Snippet::source(text).path(path).annotation(AnnotationKind::Primary.span(span));
    let report: [Group<'_>; 2] = [
        Level::ERROR.primary_title(title).element(snippet),
        Group::with_title(Level::HELP.secondary_title(help)),
    ];
    Renderer::plain().render(&report)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use std::fs;

    use jiff::civil::{Date, date};

    use super::Config;

    const TODAY: Date = date(2026, 11, 23);

    fn checked(text: &str) -> Result<Vec<super::Override>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("careline.yaml");
        fs::write(&path, text).unwrap();
        let config = Config::parse(text, "careline.yaml").unwrap();
        config
            .overrides(Some(&path), TODAY)
            .map_err(|error| error.to_string().replace(&folder.path().display().to_string(), "/etc/careline"))
    }

    const REACHABLE: &str = "media: { address: 192.0.2.1 }\nsip:\n  udp: [\"0.0.0.0:5060\"]\n";

    #[test]
    fn the_defaults_need_no_exception() {
        assert_eq!(Config::default().overrides(None, TODAY).unwrap(), []);
    }

    #[test]
    fn plain_udp_that_others_can_reach_is_refused_with_its_place_and_what_to_write() {
        let error = checked(REACHABLE).unwrap_err();
        assert_eq!(
            error,
            "\
error: UDP on 0.0.0.0:5060 is not encrypted, and other machines can reach it
 --> /etc/careline/careline.yaml:3:10
  |
3 |   udp: [\"0.0.0.0:5060\"]
  |          ^^^^^^^^^^^^
  |
help: listen in `sip.tls`, and here on 127.0.0.1 only; or say why not and until when:
      sip:
        plaintext: { reason: \"why it cannot be encrypted yet\", until: 2027-02-21 }"
        );
    }

    #[test]
    fn an_exception_holds_to_the_end_of_its_last_day_and_no_longer() {
        let with = |until: &str| {
            format!("{REACHABLE}  plaintext: {{ reason: \"carrier has no TLS\", until: {until} }}\n")
        };
        let overrides = checked(&with("2026-11-23")).unwrap();
        assert_eq!((overrides[0].what.as_str(), overrides[0].days_left(TODAY)), ("sip.plaintext", 0));
        let error = checked(&with("2026-11-22")).unwrap_err();
        assert!(error.starts_with("error: `sip.plaintext` ended on 2026-11-22"), "{error}");
        assert!(error.contains("careline.yaml:4:53"), "{error}");
    }

    #[test]
    fn a_trunks_exception_holds_to_the_end_of_its_last_day_and_only_where_it_is_needed() {
        let with = |uri: &str, until: &str| {
            format!(
                "trunks:\n  carrier_a:\n    reach: [{{ uri: \"{uri}\" }}]\n    \
                 plaintext: {{ reason: \"WireGuard to their SBC\", until: {until} }}\n"
            )
        };
        let overrides = checked(&with("sip:192.0.2.9", "2026-11-30")).unwrap();
        assert_eq!(
            (overrides[0].what.as_str(), overrides[0].days_left(TODAY)),
            ("trunks.carrier_a.plaintext", 7)
        );
        let error = checked(&with("sip:192.0.2.9", "2026-11-22")).unwrap_err();
        assert!(error.starts_with("error: `trunks.carrier_a.plaintext` ended on 2026-11-22"), "{error}");
        assert!(error.contains("careline.yaml:4:59"), "{error}");
        let encrypted = with("sip:192.0.2.9;transport=tls", "2026-11-22");
        assert_eq!(checked(&encrypted).unwrap(), [], "nobody makes use of it");
    }

    #[test]
    fn an_exception_without_a_reason_is_none() {
        let error = checked(&format!("{REACHABLE}  plaintext: {{ reason: \" \", until: 2027-01-31 }}\n"));
        assert!(error.unwrap_err().contains("gives no reason"));
    }

    #[test]
    fn plain_http_that_others_can_reach_is_refused_and_https_is_not() {
        let error = checked("http:\n  address: \"192.0.2.1:8080\"\n").unwrap_err();
        assert!(error.contains("HTTP on 192.0.2.1:8080 is not encrypted"), "{error}");
        assert!(error.contains("careline.yaml:2:13"), "{error}");
        let https = "http: { address: \"192.0.2.1:8080\", certificate: c.pem, key: k.pem }\n";
        assert_eq!(checked(https).unwrap(), []);
    }
}
