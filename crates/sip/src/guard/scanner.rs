//! Programs that look for telephone systems to abuse, by what they write into every message.

use crate::header::Name;
use crate::message::Headers;

/// Words in the User-Agent of programs no telephone is made of, in lower case. Whoever changes the word is
/// a stranger like any other, and learns as little.
const USER_AGENTS: [&str; 12] = [
    "friendly-scanner", // sipvicious
    "friendly-request",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sipscan",
    "sundayddr",
    "vaxsipuseragent",
    "vaxipuseragent",
    "pplsip",
    "sipptk",
    "smap ",
];

/// Hosts scanners call from: those of their examples, never of a telephone.
const FROM_HOSTS: [&str; 2] = ["1.1.1.1", "2.2.2.2"];

/// Whether a scanner wrote this.
pub(super) fn is_scanner(headers: &Headers) -> bool {
    let agent = headers.first(&Name::UserAgent).map(|agent| agent.to_ascii_lowercase()).unwrap_or_default();
    if USER_AGENTS.iter().any(|word| contains(&agent, word.as_bytes())) {
        return true;
    }
    headers.first(&Name::From).is_some_and(|from| {
        let lower = from.to_ascii_lowercase();
        contains(&lower, b"\"sipvicious\"")
            || FROM_HOSTS.iter().any(|host| is_at_host(&lower, host.as_bytes()))
    })
}

/// Whether an address is at this host and no longer one that begins with it.
fn is_at_host(from: &[u8], host: &[u8]) -> bool {
    let Some(at) = from.iter().position(|byte| *byte == b'@') else { return false };
    let Some(rest) = from.get(at + 1..).and_then(|rest| rest.strip_prefix(host)) else { return false };
    rest.first().is_none_or(|next| matches!(next, b'>' | b';' | b':' | b' '))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::is_scanner;
    use crate::header::Name;
    use crate::message::Headers;

    fn headers(agent: &'static str, from: &'static str) -> Headers {
        let mut headers = Headers::new();
        headers.push(Name::UserAgent, agent);
        headers.push(Name::From, from);
        headers
    }

    #[test]
    fn scanners_are_told_from_telephones() {
        let phone = "<sip:+15550100@192.0.2.7>;tag=1";
        for agent in
            ["friendly-scanner", "Friendly-Scanner/2", "sipcli/v1.8", "VaxSIPUserAgent/3.5", "pplsip"]
        {
            assert!(is_scanner(&headers(agent, phone)), "{agent}");
        }
        for from in ["\"sipvicious\"<sip:100@192.0.2.1>", "<sip:100@1.1.1.1>;tag=2", "sip:100@1.1.1.1:5060"] {
            assert!(is_scanner(&headers("x", from)), "{from}");
        }
        for agent in
            ["Yealink SIP-T46S 66.85.0.5", "baresip v1.1.0 (x86_64/linux)", "sipp", "Linphonec/5.0", ""]
        {
            assert!(!is_scanner(&headers(agent, phone)), "{agent}");
            assert!(!is_scanner(&headers(agent, "<sip:100@1.1.1.10>;tag=1.1.1.1")), "{agent}");
        }
        assert!(!is_scanner(&Headers::new()));
    }
}
