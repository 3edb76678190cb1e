//! A flow asks another system over HTTP: what it is sent, what becomes of its answer, and of callers where it is slow
//! or down.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::{FlowsFolder, Options, Server, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_secs(60);
const CALLER: &str = "+15550100177";

const FLOW: &str = "careline: 1
flow: practices
about: \"whose line it is\"
approved_by: \"test\"
answers: [\"8101\"]
languages: [en]
emergency: nurse
operator: nurse
defaults: { give_up: nurse, on_error: nurse }
steps:
  start:
    play: { prompts: dial_911_notice, keys: keep }
  whose:
    http:
      endpoint: directory
      send: { caller: \"${caller.number}\" }
      query: { line: \"${dialled}\", what: \"a b&c\" }
      take: { /practice/mobile: { as: mobile, type: text } }
      within: 3s
      ok: bye
      failed: nurse
      timeout: nurse
  nurse:
    queue: { name: nurses, on_timeout: advice, on_empty: advice, on_full: advice, on_error: advice, on_closed: advice }
  advice:
    emergency: hang_up_and_dial_911
  bye:
    hang_up: goodbye
";

/// A system that keeps every request and answers the first with a practice, the second never, all others with 503.
async fn directory() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let count = {
                let mut kept = kept.lock().unwrap();
                kept.push(String::from_utf8_lossy(&request).into_owned());
                kept.len()
            };
            let answer = match count {
                1 => {
                    let body = r#"{"practice":{"mobile":"+15550199001"}}"#;
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
                }
                2 => {
                    held.push(stream);
                    continue;
                }
                _ => "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_owned(),
            };
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (port, asked)
}

/// Calls, and waits until so many requests came to this.
async fn comes_to(server: &Server, outcome: &str, count: f64) {
    let caller = server.caller(CALLER).await.unwrap();
    let call = caller.call("8101").await.unwrap();
    call.established().await.unwrap();
    let series =
        format!("careline_inquiry_seconds_count{{of=\"directory\",outcome=\"{outcome}\",verb=\"http\"}}");
    eventually(&series, SOON, async || (server.metric(&series).await.ok()? == Some(count)).then_some(()))
        .await
        .map_err(|error| format!("{error}\n{}", server.log()))
        .unwrap();
    call.hang_up().await.unwrap();
}

#[tokio::test]
async fn callers_are_served_by_an_endpoint_that_answers_is_slow_is_down_and_is_left_alone() {
    let (port, asked) = directory().await;
    let folder = FlowsFolder::new().unwrap();
    folder.write("practices.yaml", FLOW).unwrap();
    let more = format!(
        "endpoints:\n  directory: {{ url: \"http://127.0.0.1:{port}/v1/line\", attempts: 2, \
         breaker: {{ failures: 2, open_secs: 3600 }} }}\n"
    );
    let secrets = "endpoints:\n  directory: token-of-the-directory\n".to_owned();
    let call_flows = folder.path().to_owned();
    let server = Server::start(Options { call_flows, more, secrets, ..Options::default() }).await.unwrap();

    comes_to(&server, "ok", 1.0).await;
    let request = asked.lock().unwrap().first().unwrap().to_lowercase();
    assert!(request.starts_with("post /v1/line?line=8101&what=a%20b%26c http/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: bearer token-of-the-directory"), "{request}");
    assert!(request.ends_with("{\"caller\":\"+15550100177\"}"), "{request}");

    comes_to(&server, "timeout", 1.0).await;
    comes_to(&server, "failed", 1.0).await;
    // It was asked twice for the third caller, and nobody asks it for the fourth.
    assert_eq!(asked.lock().unwrap().len(), 4);
    assert_eq!(
        server.metric("careline_endpoint_left_alone{endpoint=\"directory\"}").await.unwrap(),
        Some(1.0)
    );
    comes_to(&server, "failed", 2.0).await;
    assert_eq!(asked.lock().unwrap().len(), 4);
    server.logged_none_of(&["15550199001", "token-of-the-directory", "15550100177"]).unwrap();
}
