//! Walks the table of `src/limits.rs`: as much as is read is read, one more is answered as it says.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use bench::{Ask, Bench, OFFER};
use sip::Discarded;
use sip::error::Answer;
use sip::limits::LIMITS;

/// An INVITE that holds so much of it.
fn holding(of: &str, count: usize) -> String {
    let invite = Ask::invite;
    let repeated = |item: &str, separator: &str| vec![item; count].join(separator);
    let head_bytes = |text: &str| text.find("\r\n\r\n").unwrap() + 4;
    match of {
        "bytes of a message" => {
            let head = invite().body("").text().replace("Content-Length: 0\r\n", "Content-Length: 00000\r\n");
            let body = count - head.len();
            head.replace("00000", &format!("{body:05}")) + &" ".repeat(body)
        }
        "bytes of start line and headers" => {
            let text = invite().with("X: ").with("X: ").with("X: ").with("X: ").text();
            let each = (count - head_bytes(&text)) / 4;
            let rest = (count - head_bytes(&text)) % 4;
            let text = text.replace("X: \r\n", &format!("X: {}\r\n", "x".repeat(each)));
            text.replacen("X: ", &format!("X: {}", "x".repeat(rest)), 1)
        }
        "header fields" => {
            let others = invite().text().split("\r\n\r\n").next().unwrap().lines().count() - 1;
            (others..count).fold(invite(), |ask, _| ask.with("X: x")).text()
        }
        "bytes of a header field" => invite().with(&format!("X: {}", "x".repeat(count - 3))).text(),
        "bytes of a method" => invite().text().replace("INVITE", &"M".repeat(count)),
        "bytes of a request URI" => {
            let start = "sip:100@192.0.2.1;x=";
            invite().uri(&format!("{start}{}", "x".repeat(count - start.len()))).text()
        }
        "bytes of a host" => {
            let name = format!("{}.x", vec!["a"; count].join("")[..count - 2].to_owned());
            invite().uri(&format!("sip:100@{name}")).text()
        }
        "bytes of a Call-ID" => invite().call_id(&"c".repeat(count)).text(),
        "Via values" => {
            (1..count).fold(invite(), |ask, _| ask.with("Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx")).text()
        }
        "values of another list" => {
            invite().with(&format!("Route: {}", repeated("<sip:192.0.2.1;lr>", ", "))).text()
        }
        "parameters of a value" => {
            let params: String = (0..count).map(|at| format!(";p{at}")).collect();
            invite().with(&format!("Route: <sip:192.0.2.1;lr>{params}")).text()
        }
        "parts of a multipart body looked at" => {
            let others = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(count - 1);
            let body = format!("{others}--b\r\nContent-Type: application/sdp\r\n\r\n{OFFER}\r\n--b--\r\n");
            invite().body(&body).kind("multipart/mixed;boundary=b").text()
        }
        other => panic!("the table has `{other}`, and no test of it"),
    }
}

#[test]
fn as_much_as_is_read_is_read_and_one_more_is_answered_as_the_table_says() {
    for limit in LIMITS {
        let answered = |count: usize| {
            let said = Bench::new().receive(&holding(limit.of, count));
            let is_dropped = said.dropped.contains(&Discarded::Malformed);
            (said.sends().first().cloned().unwrap_or_default(), is_dropped)
        };
        let (within, beyond) = (answered(limit.max), answered(limit.max + 1));
        let refusal = match limit.answer {
            Answer::Status(status) => (status.to_string(), false),
            Answer::Drop => (String::new(), true),
        };
        assert_eq!(beyond, refusal, "{limit:?}");
        assert_ne!(within, refusal, "{limit:?}");
        assert!(!limit.reason.is_empty());
    }
}
