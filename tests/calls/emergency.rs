//! 911 from an agent's phone: what an answering point receives, that both hear one another, and who is told.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use harness::{AnsweringPoint, Options, Server, hears_prompt};
use phone::{Call, Ended, Sound};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_secs(10);

/// A server whose nurse sits at `hq` and whose 911 leads to these, in order.
async fn server(reach: &[String], webhook: &str) -> Server {
    server_with(reach, webhook, "").await
}

/// The same with more of its configuration.
async fn server_with(reach: &[String], webhook: &str, besides: &str) -> Server {
    let agents = "  nurse1: { queues: [nurses], location: hq }\n".to_owned();
    let more = format!(
        "emergency:\n  reach: [{}]\n  callback: \"+15550100100\"\n  locations:\n    hq: {{ civic: {{ country: US, A1: CA, \
         A3: Springfield, RD: \"Main & 1st\", HNO: \"742\", LOC: \"2nd floor\", PC: \"90001\" }} }}\n  \
         notify: {{ webhook: \"{webhook}\" }}\n{besides}",
        reach.join(", ")
    );
    Server::start(Options { agents, more, calls: 10, ..Options::default() }).await.unwrap()
}

fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    let value = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_default().trim()
}

/// The parts of a multipart body: heads and contents.
fn parts(message: &str) -> Vec<(String, String)> {
    let boundary = header(message, "Content-Type").split("boundary=").nth(1).unwrap_or_default();
    let body = message.split_once("\r\n\r\n").unwrap().1;
    let delimiter = format!("--{boundary}");
    let between = body.split(&delimiter).skip(1).filter(|part| !part.starts_with("--"));
    between
        .map(|part| part.split_once("\r\n\r\n").unwrap())
        .map(|(head, content)| (head.trim().to_owned(), content.trim().to_owned()))
        .collect()
}

/// One notice: answers it with this status.
async fn notice(listener: &TcpListener, status: &str) -> serde_json::Value {
    let (mut stream, _) = tokio::time::timeout(SOON, listener.accept()).await.unwrap().unwrap();
    let mut request = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let length = stream.read(&mut buffer).await.unwrap();
        request.extend_from_slice(buffer.get(..length).unwrap());
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Some(wanted) = head
                .to_lowercase()
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
            && body.len() >= wanted
        {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            return serde_json::from_str(body).unwrap();
        }
    }
}

/// Who calls for help and who answers speak a tone each, and each hears the other's.
async fn hear_each_other(call: &Call, help: &AnsweringPoint) {
    call.established().await.unwrap();
    help.media().sound(Sound::Tone(620.0));
    call.play_tone(440.0);
    call.hears_tone(620.0, SOON).await.unwrap();
    let heard = help.media().hear();
    assert!(
        heard.until(Instant::now() + SOON, |heard| heard.ends_in_tone(440.0)).await,
        "help hears nothing"
    );
}

#[tokio::test]
async fn help_receives_the_location_both_hear_one_another_and_the_front_desk_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhook = format!("http://{}/emergency", listener.local_addr().unwrap());
    let help = AnsweringPoint::open().await.unwrap();
    let reach = [format!("{{ sip: \"sip:{}\" }}", help.address().unwrap())];
    let server = server(&reach, &webhook).await;
    let nurse = server.agent_phone("nurse1").await.unwrap();
    let dialled = Instant::now();
    let call = nurse.call("9911").await.unwrap();
    let (invite, from) = help.request("INVITE", SOON).await.unwrap();
    assert!(dialled.elapsed() < Duration::from_secs(2), "{:?}", dialled.elapsed());

    assert!(
        invite.starts_with(&format!("INVITE sip:911@{} SIP/2.0\r\n", help.address().unwrap())),
        "{invite}"
    );
    assert!(header(&invite, "From").starts_with("<sip:+15550100100@"), "{invite}");
    assert_eq!(header(&invite, "P-Asserted-Identity"), "<tel:+15550100100>");
    assert_eq!(header(&invite, "Priority"), "emergency");
    assert_eq!(header(&invite, "Geolocation-Routing"), "yes");
    assert_eq!(header(&invite, "Privacy"), "");
    let cid =
        header(&invite, "Geolocation").trim_matches(['<', '>']).strip_prefix("cid:").unwrap().to_owned();
    let parts = parts(&invite);
    let [(sdp_head, sdp), (location_head, location)] = &parts[..] else { unreachable!("{parts:?}") };
    assert!(sdp_head.contains("application/sdp") && sdp.starts_with("v=0"));
    assert!(location_head.contains("application/pidf+xml"));
    assert!(location_head.contains(&format!("Content-ID: <{cid}>")));
    let document = roxmltree::Document::parse(location).unwrap();
    let civic = "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr";
    let element = |name: &str| document.descendants().find(|node| node.has_tag_name((civic, name)));
    let said =
        ["country", "A1", "A3", "RD", "HNO", "LOC", "PC"].map(|name| element(name).unwrap().text().unwrap());
    assert_eq!(said, ["US", "CA", "Springfield", "Main & 1st", "742", "2nd floor", "90001"]);
    assert_eq!(element("civicAddress").unwrap().children().count(), 7);

    help.answer(&invite, from).await.unwrap();
    hear_each_other(&call, &help).await;
    assert_eq!(call.hang_up().await.unwrap(), Ended::HungUpHere);
    let (bye, from) = help.request("BYE", SOON).await.unwrap();
    help.respond(&bye, from, "200 OK", "").await.unwrap();

    let called = notice(&listener, "200 OK").await;
    assert_eq!((&called["event"], &called["agent"]), (&"called".into(), &"nurse1".into()));
    assert_eq!((&called["callback"], &called["location"]), (&"+15550100100".into(), &"hq".into()));
    assert_eq!(called["civic"]["LOC"], "2nd floor");
    assert_eq!(notice(&listener, "200 OK").await["event"], "answered");
    assert_eq!(notice(&listener, "200 OK").await["event"], "ended");
    server.logged_none_of(&["15550100100", "Springfield"]).unwrap();
    assert_eq!(server.metric("careline_emergency_calls_total{number=\"911\"}").await.unwrap(), Some(1.0));
}

#[tokio::test]
async fn a_dead_destination_gives_way_to_the_network_and_a_webhook_that_refuses_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhook = format!("http://{}/", listener.local_addr().unwrap());
    let dead = AnsweringPoint::open().await.unwrap();
    let help = AnsweringPoint::open().await.unwrap();
    let reach = [
        format!("{{ sip: \"sip:{}\" }}", dead.address().unwrap()),
        format!("{{ esinet: \"sip:{}\" }}", help.address().unwrap()),
    ];
    let server = server(&reach, &webhook).await;
    let nurse = server.agent_phone("nurse1").await.unwrap();
    let dialled = Instant::now();
    let call = nurse.call("911").await.unwrap();
    assert_eq!(notice(&listener, "503 Service Unavailable").await["event"], "called");
    let (invite, from) = help.request("INVITE", SOON).await.unwrap();
    let after = dialled.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(7)).contains(&after), "{after:?}");
    assert!(invite.starts_with("INVITE urn:service:sos SIP/2.0\r\n"), "{invite}");
    assert!(header(&invite, "Route").contains(";lr>"), "{invite}");
    help.answer(&invite, from).await.unwrap();
    call.established().await.unwrap();
    assert_eq!(notice(&listener, "200 OK").await["event"], "called", "again");
    assert_eq!(notice(&listener, "200 OK").await["event"], "answered");
    call.hang_up().await.unwrap();
}

#[tokio::test]
async fn a_carrier_is_asked_for_911_itself_and_everything_else_is_written_as_it_wants_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhook = format!("http://{}/", listener.local_addr().unwrap());
    let help = AnsweringPoint::open().await.unwrap();
    let trunk = format!(
        "trunks:\n  carrier_a:\n    reach: [{{ uri: \"sip:{}\" }}]\n    codecs: [pcma, pcmu]\n    media_address: 127.0.0.2\n    \
         numbers: {{ country: \"1\", international: \"011\", write: digits }}\n",
        help.address().unwrap()
    );
    let server = server_with(&["{ trunk: carrier_a }".to_owned()], &webhook, &trunk).await;
    let nurse = server.agent_phone("nurse1").await.unwrap();
    let call = nurse.call("911").await.unwrap();
    let (invite, from) = help.request("INVITE", SOON).await.unwrap();
    assert!(
        invite.starts_with(&format!("INVITE sip:911@{} SIP/2.0\r\n", help.address().unwrap())),
        "{invite}"
    );
    assert!(header(&invite, "From").starts_with("<sip:15550100100@"), "{invite}");
    assert!(header(&invite, "P-Asserted-Identity").starts_with("<sip:15550100100@"), "{invite}");
    let audio = invite.lines().find_map(|line| line.strip_prefix("m=audio ")).unwrap();
    assert!(audio.contains(" RTP/AVP 8 0 "), "its codecs in its order: {audio}");
    assert!(invite.contains("\r\nc=IN IP4 127.0.0.2\r\n"), "and where it sees us: {invite}");
    help.answer(&invite, from).await.unwrap();
    call.established().await.unwrap();
    call.hang_up().await.unwrap();
}

/// Of an offer: where its audio is to come.
fn audio_at(invite: &str) -> &str {
    invite.lines().find_map(|line| line.strip_prefix("c=IN IP4 ")).unwrap_or_default().trim()
}

#[tokio::test]
async fn help_by_a_second_carrier_hears_and_is_heard_where_that_one_sees_us() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhook = format!("http://{}/", listener.local_addr().unwrap());
    let full = AnsweringPoint::open_at(Ipv4Addr::new(127, 0, 0, 2)).await.unwrap();
    let silent = AnsweringPoint::open_at(Ipv4Addr::new(127, 0, 0, 3)).await.unwrap();
    let help = AnsweringPoint::open_at(Ipv4Addr::new(127, 0, 0, 4)).await.unwrap();
    let trunk = |name: &str, point: &AnsweringPoint, media: &str| {
        let address = point.address().unwrap();
        format!(
            "  {name}:\n    check_secs: 0\n    media_address: {media}\n    reach: [{{ uri: \"sip:{address}\" }}]\n    \
             numbers: {{ country: \"1\", international: \"011\", write: digits }}\n"
        )
    };
    let trunks = format!(
        "trunks:\n{}{}{}",
        trunk("carrier_a", &full, "127.0.0.12"),
        trunk("carrier_b", &silent, "127.0.0.13"),
        trunk("carrier_c", &help, "127.0.0.14"),
    );
    let reach = ["carrier_a", "carrier_b", "carrier_c"].map(|name| format!("{{ trunk: {name} }}"));
    let server = server_with(&reach, &webhook, &trunks).await;
    let nurse = server.agent_phone("nurse1").await.unwrap();
    let call = nurse.call("911").await.unwrap();
    let (invite, from) = full.request("INVITE", SOON).await.unwrap();
    assert_eq!(audio_at(&invite), "127.0.0.12", "{invite}");
    full.respond(&invite, from, "503 Service Unavailable", "").await.unwrap();
    let (invite, _) = silent.request("INVITE", SOON).await.unwrap();
    assert_eq!(audio_at(&invite), "127.0.0.13", "{invite}");
    let (invite, from) = help.request("INVITE", SOON).await.unwrap();
    assert_eq!(audio_at(&invite), "127.0.0.14", "{invite}");
    help.answer(&invite, from).await.unwrap();
    hear_each_other(&call, &help).await;
    call.hang_up().await.unwrap();
}

#[tokio::test]
async fn without_emergency_calls_configured_the_phone_says_so() {
    let server = Server::start(Options { calls: 10, ..Options::default() }).await.unwrap();
    assert!(server.log().contains("911 FROM AN AGENT'S PHONE LEADS NOWHERE"));
    let nurse = server.agent_phone("nurse1").await.unwrap();
    let call = nurse.call("911").await.unwrap();
    call.established().await.unwrap();
    hears_prompt(&call.heard(), "en/emergency_not_set_up", SOON).await.unwrap();
}
