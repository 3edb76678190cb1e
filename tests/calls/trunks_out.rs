//! Calls out by trunks, with sipp as the carrier: it registers us, challenges us, is full, says nothing, dies.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use harness::{
    AnsweringPoint, Carrier, FlowsFolder, Options, Server, SippCarrier, eventually, free_ports, sipp,
};
use phone::{Call, Ended, Phone};

const SOON: Duration = Duration::from_secs(15);
const NUMBER: &str = "+15550100190";

/// A trunk `carrier_a` with these lines of its own, and the number `outside` behind it.
fn by_carrier(trunk: &str) -> Options {
    let more = format!(
        "trunks:\n  local: {{ accept: {{ from: [\"127.0.0.0/8\"] }} }}\n  carrier_a:\n{trunk}\
         numbers:\n  outside: {{ trunk: carrier_a, number: \"{NUMBER}\" }}\n"
    );
    Options {
        more,
        secrets: "trunks: { carrier_a: \"given by the carrier\" }\n".to_owned(),
        ..Options::default()
    }
}

fn reach(ports: &[u16]) -> String {
    let one =
        |(priority, port)| format!("      - {{ uri: \"sip:127.0.0.1:{port}\", priority: {priority} }}\n");
    let all: String = (1..).zip(ports).map(one).collect();
    format!("    reach:\n{all}")
}

/// Waits until a metric has a value.
async fn metric_is(server: &Server, name: &str, value: f64) {
    let what = format!("{name} {value}");
    let came = eventually(&what, Duration::from_secs(30), async || {
        (server.metric(name).await.ok()? == Some(value)).then_some(())
    });
    came.await.unwrap();
}

/// An agent calls the number outside, hears that it is answered, and hangs up after a moment.
async fn agent_calls_outside(server: &Server) {
    let nurse = server.agent_phone("nurse1").await.unwrap();
    let call = nurse.call("outside").await.unwrap();
    call.established().await.unwrap();
    assert_eq!(call.hang_up().await.unwrap(), Ended::HungUpHere);
}

#[tokio::test]
async fn a_registrar_that_challenges_is_answered_and_registers_us() {
    let port = free_ports(1).unwrap();
    let mut carrier = SippCarrier::listen("carrier_registers", port, 1, &[]).unwrap();
    let trunk = format!(
        "    user: \"5550100100\"\n    register: {{ registrar: \"sip:127.0.0.1:{port}\", expires_secs: 300 }}\n"
    );
    let server =
        Server::start(by_carrier(&format!("{trunk}{}    check_secs: 0\n", reach(&[port])))).await.unwrap();
    carrier.succeeded().await.unwrap();
    metric_is(&server, "careline_trunk_registered{state=\"registered\",trunk=\"carrier_a\"}", 1.0).await;
    server.logged_none_of(&["given by the carrier"]).unwrap();
}

const CHALLENGE: &str =
    "401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"carrier.example\", nonce=\"n1\"";

/// A registrar's part: the REGISTER that asks for so many seconds, which must prove itself.
async fn registers(carrier: &AnsweringPoint, expires: &str) {
    loop {
        let (request, from) = carrier.request("REGISTER", SOON).await.unwrap();
        assert!(request.contains(&format!("\r\nExpires: {expires}\r\n")), "{request}");
        let is_proven = request.contains("\r\nAuthorization: Digest ");
        let answer = if is_proven { "200 OK" } else { CHALLENGE };
        carrier.respond(&request, from, answer, "").await.unwrap();
        if is_proven {
            return;
        }
    }
}

fn registering(carrier: &AnsweringPoint) -> Options {
    let address = carrier.address().unwrap();
    by_carrier(&format!(
        "    user: \"5550100100\"\n    register: {{ registrar: \"sip:{address}\" }}\n    check_secs: 0\n{}",
        reach(&[address.port()])
    ))
}

#[tokio::test]
async fn a_server_that_stops_ends_its_registration_and_waits_until_the_carrier_knows() {
    let carrier = AnsweringPoint::open().await.unwrap();
    let mut server = Server::start(registering(&carrier)).await.unwrap();
    registers(&carrier, "300").await;
    let (stopped, ()) = tokio::join!(server.stop(), registers(&carrier, "0"));
    assert!(stopped.unwrap().success());
    assert!(server.log().contains("registration at trunk carrier_a withdrawn"), "{}", server.log());
}

#[tokio::test]
async fn a_trunk_that_a_reload_removes_ends_its_registration() {
    let carrier = AnsweringPoint::open().await.unwrap();
    let options = registering(&carrier);
    let trunks = options.more.clone();
    let server = Server::start(options).await.unwrap();
    registers(&carrier, "300").await;
    let file = server.data().with_file_name("careline.yaml");
    let written = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, written.replace(&trunks, "")).unwrap();
    let reload = ["reload", "--config", "careline.yaml"];
    let ((is_taken, said), ()) =
        tokio::join!(async { server.command(&reload).await.unwrap() }, registers(&carrier, "0"));
    assert!(is_taken, "{said}");
}

#[tokio::test]
async fn a_trunk_without_the_carriers_password_is_not_started_and_says_where_it_belongs() {
    let options = by_carrier(&format!("    user: \"5550100100\"\n{}", reach(&[free_ports(1).unwrap()])));
    let trouble = Server::start(Options { secrets: String::new(), ..options }).await.err().unwrap();
    let text = trouble.to_string();
    assert!(text.contains("trunk `carrier_a` has a `user` but no password"), "{text}");
    assert!(text.contains("secrets.yaml under `trunks:`"), "{text}");
}

#[tokio::test]
async fn a_proxy_that_challenges_the_invite_is_answered_and_so_is_its_question_at_the_end() {
    let port = free_ports(1).unwrap();
    let mut carrier = SippCarrier::listen("carrier_asks", port, 1, &[]).unwrap();
    let trunk = "    user: \"5550100100\"\n    domain: carrier.example\n    check_secs: 0\n";
    let server = Server::start(by_carrier(&format!("{trunk}{}", reach(&[port])))).await.unwrap();
    agent_calls_outside(&server).await;
    carrier.succeeded().await.unwrap();
    server.logged_none_of(&["given by the carrier"]).unwrap();
}

#[tokio::test]
async fn a_destination_that_is_full_is_followed_by_the_next_and_left_alone_afterwards() {
    let ports = free_ports(2).unwrap();
    let mut full = SippCarrier::listen("carrier_full", ports, 1, &[]).unwrap();
    let mut carrier = SippCarrier::listen("carrier_answers", ports + 1, 2, &[]).unwrap();
    let trunk = format!("    check_secs: 0\n{}", reach(&[ports, ports + 1]));
    let server = Server::start(by_carrier(&trunk)).await.unwrap();
    agent_calls_outside(&server).await;
    full.succeeded().await.unwrap();
    // Nobody listens there any more: a call that went there would be noticed by its attempt.
    agent_calls_outside(&server).await;
    carrier.succeeded().await.unwrap();
    let attempts = server.metric("careline_trunk_attempts_total{trunk=\"carrier_a\"}").await.unwrap();
    assert_eq!(attempts, Some(3.0));
    let failures = "careline_trunk_failures_total{reason=\"503\",trunk=\"carrier_a\"}";
    assert_eq!(server.metric(failures).await.unwrap(), Some(1.0));
}

#[tokio::test]
async fn a_destination_that_never_answers_costs_the_caller_four_seconds() {
    let ports = free_ports(2).unwrap();
    let silent = UdpSocket::bind(("127.0.0.1", ports)).unwrap();
    let mut carrier = SippCarrier::listen("carrier_answers", ports + 1, 1, &[]).unwrap();
    let trunk = format!("    check_secs: 0\n{}", reach(&[ports, ports + 1]));
    let server = Server::start(by_carrier(&trunk)).await.unwrap();
    let nurse = server.agent_phone("nurse1").await.unwrap();
    let begun = Instant::now();
    let call = nurse.call("outside").await.unwrap();
    call.established().await.unwrap();
    let took = begun.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(9)).contains(&took), "{took:?}");
    assert_eq!(call.hang_up().await.unwrap(), Ended::HungUpHere);
    carrier.succeeded().await.unwrap();
    drop(silent);
}

#[tokio::test]
async fn a_carrier_that_dies_under_a_call_is_noticed_by_options_and_so_is_its_return() {
    let ports = free_ports(2).unwrap();
    let options = |times| SippCarrier::listen("carrier_options", ports, times, &[]).unwrap();
    let mut checked = options(1_000);
    let mut carrier = SippCarrier::listen("carrier_answers", ports + 1, 1, &[]).unwrap();
    let trunk = format!(
        "    check_secs: 2\n    first_response_secs: 1\n    reach:\n      \
         - {{ uri: \"sip:127.0.0.1:{ports}\", priority: 1 }}\n  carrier_b:\n    check_secs: 0\n{}",
        reach(&[ports + 1])
    );
    let options_of = by_carrier(&trunk);
    let more = options_of.more.replace("{ trunk: carrier_a,", "{ trunk: carrier_b,");
    let server = Server::start(Options { more, ..options_of }).await.unwrap();
    let state = |state: &str| format!("careline_trunk_destinations{{state=\"{state}\",trunk=\"carrier_a\"}}");
    metric_is(&server, &state("up"), 1.0).await;

    let nurse = server.agent_phone("nurse1").await.unwrap();
    let call = nurse.call("outside").await.unwrap();
    call.established().await.unwrap();
    checked.kill().await.unwrap();
    metric_is(&server, &state("down"), 1.0).await;
    assert!(call.is_established(), "another trunk's end is nothing to her");
    let _restored = options(1_000);
    metric_is(&server, &state("up"), 1.0).await;
    assert_eq!(call.hang_up().await.unwrap(), Ended::HungUpHere);
    carrier.succeeded().await.unwrap();
}

#[tokio::test]
async fn a_carrier_killed_in_a_call_loses_that_call_alone_and_the_next_goes_another_way() {
    let ports = free_ports(2).unwrap();
    let mut first = SippCarrier::listen("carrier_answers", ports, 1, &[]).unwrap();
    let mut second = SippCarrier::listen("carrier_answers", ports + 1, 1, &[]).unwrap();
    let trunk = format!("    check_secs: 0\n    first_response_secs: 1\n{}", reach(&[ports, ports + 1]));
    let server = Server::start(by_carrier(&trunk)).await.unwrap();
    let nurse = server.agent_phone("nurse1").await.unwrap();
    let lost = nurse.call("outside").await.unwrap();
    lost.established().await.unwrap();
    first.kill().await.unwrap();

    let other = server.agent_phone("nurse2").await.unwrap();
    let call = other.call("outside").await.unwrap();
    call.established().await.unwrap();
    assert!(lost.is_established(), "a silent line is asked first, and only then given up");
    assert_eq!(call.hang_up().await.unwrap(), Ended::HungUpHere);
    second.succeeded().await.unwrap();
    assert_eq!(lost.hang_up().await.unwrap(), Ended::HungUpHere);
    let gone = eventually("no call in the metrics", SOON, async || {
        (server.metric("careline_trunk_channels{trunk=\"carrier_a\"}").await.ok()? == Some(0.0)).then_some(())
    });
    gone.await.unwrap();
}

/// Calls in progress over a trunk when it dies.
const CALLS: usize = 20;
/// What each carrier says in its calls, in hertz.
const A_SAYS: f64 = 440.0;
const B_SAYS: f64 = 660.0;

/// Two trunks with a carrier each, asked every second; `outside` is behind both, and so many agents may call it.
fn by_either(ports: [u16; 2]) -> Options {
    let [a, b] = ports;
    let trunk = |name: &str, port: u16| {
        format!(
            "  carrier_{name}:\n    check_secs: 1\n    first_response_secs: 1\n    \
             reach: [{{ uri: \"sip:127.0.0.1:{port}\" }}]\n"
        )
    };
    let more = format!(
        "trunks:\n  local: {{ accept: {{ from: [\"127.0.0.0/8\"] }} }}\n{}{}numbers:\n  outside:\n    \
         - {{ trunk: carrier_a, number: \"{NUMBER}\" }}\n    - {{ trunk: carrier_b, number: \"{NUMBER}\" }}\n",
        trunk("a", a),
        trunk("b", b)
    );
    let agent =
        |n| format!("  nurse{n}: {{ name: Nurse {n}, queues: [nurses, on_call, scheduling, reception] }}\n");
    Options { agents: (1..=CALLS + 3).map(agent).collect(), more, ..Options::default() }
}

/// Nurse number so much calls the number outside and hears the carrier of this tone.
async fn hears_outside(server: &Server, nurse: usize, hz: f64) -> (Phone, Call) {
    let nurse = server.agent_phone(&format!("nurse{nurse}")).await.unwrap();
    let call = nurse.call("outside").await.unwrap();
    call.established().await.unwrap();
    call.hears_tone(hz, SOON).await.unwrap();
    (nurse, call)
}

#[tokio::test]
async fn a_trunk_that_dies_under_twenty_calls_drops_none_and_is_called_again_once_it_is_back() {
    let port = free_ports(2).unwrap();
    let mut a = Carrier::listen(port, A_SAYS).await.unwrap();
    let b = Carrier::listen(port + 1, B_SAYS).await.unwrap();
    let server = Server::start(by_either([port, port + 1])).await.unwrap();
    let destination =
        |state: &str| format!("careline_trunk_destinations{{state=\"{state}\",trunk=\"carrier_a\"}}");
    metric_is(&server, &destination("up"), 1.0).await;
    let mut calls = Vec::new();
    for nurse in 1..=CALLS {
        calls.push(hears_outside(&server, nurse, A_SAYS).await);
    }
    assert_eq!((a.calls(), b.calls()), (CALLS, 0));

    a.die();
    // Nobody may know yet; this one falls to the other trunk for want of a sign, the next at once.
    let meanwhile = hears_outside(&server, CALLS + 1, B_SAYS).await;
    metric_is(&server, &destination("down"), 1.0).await;
    let known = hears_outside(&server, CALLS + 2, B_SAYS).await;
    // Longer than careline listens to a silent line: what keeps the twenty is that they are not silent.
    let talked = eventually("a long talk meanwhile", Duration::from_secs(60), async || {
        (meanwhile.1.heard().samples().len() > 8_000 * 14).then_some(())
    });
    talked.await.unwrap();
    for (_, call) in &calls {
        assert!(call.is_established(), "{}", server.log());
        call.hears_tone(A_SAYS, SOON).await.unwrap();
    }

    a.restore().await.unwrap();
    metric_is(&server, &destination("up"), 1.0).await;
    calls.push(hears_outside(&server, CALLS + 3, A_SAYS).await);
    assert_eq!((a.calls(), b.calls()), (CALLS + 1, 2));
    for (_, call) in calls.iter().chain([&meanwhile, &known]) {
        assert_eq!(call.hang_up().await.unwrap(), Ended::HungUpHere);
    }
    metric_is(&server, "careline_trunk_channels{trunk=\"carrier_a\"}", 0.0).await;
    let told = eventually("a BYE for every call", SOON, async || (a.calls() + b.calls() == 0).then_some(()));
    told.await.unwrap();
}

/// Whoever calls is connected at once with the number outside whose trunk shows callers in this way.
const FLOW: &str = "\
careline: 1
flow: connects
about: Connects every caller with a number outside
answers: [\"+15550100171\", \"+15550100172\", \"+15550100173\", \"+15550100174\"]
languages: [en]
emergency: keep
operator: keep
defaults: { give_up: keep }
steps:
  which:
    when:
      - { if: dialled == \"+15550100172\", go: ours }
      - { if: dialled == \"+15550100173\", go: anonymous }
      - { if: dialled == \"+15550100174\", go: remote_party }
      - { else: keep }
  keep: { transfer: { number: keep, on_busy: bye, on_no_answer: bye, on_failed: bye } }
  ours: { transfer: { number: ours, on_busy: bye, on_no_answer: bye, on_failed: bye } }
  anonymous: { transfer: { number: anonymous, on_busy: bye, on_no_answer: bye, on_failed: bye } }
  remote_party: { transfer: { number: remote_party, on_busy: bye, on_no_answer: bye, on_failed: bye } }
  bye: { hang_up: goodbye }
";
/// Rules for patients that it breaks.
const UNPROVED: [(&str, &str); 2] = [("connects", "S1"), ("connects", "S11")];
const CALLER: &str = "15550100123";
/// What a carrier is not told of.
const NOBODY: &str = "sip:anonymous@anonymous.invalid";

fn connecting() -> FlowsFolder {
    FlowsFolder::alone("connects.yaml", FLOW).unwrap()
}

/// A trunk for each way to show a caller, all to one carrier.
fn shown_in_each_way(port: u16) -> String {
    let ways = [
        ("keep", "user: \"5550100100\"", "show: keep"),
        ("ours", "check_misses: 2", "show: \"+15550100100\", header: from_only"),
        ("anonymous", "check_misses: 2", "show: anonymous"),
        ("remote_party", "user: \"5550100100\"", "show: keep, header: remote_party_id"),
    ];
    let mut trunks = "trunks:\n  local:\n    accept: { from: [\"127.0.0.0/8\"] }\n    \
                      numbers: { country: \"1\", international: \"011\", national: \"1\" }\n"
        .to_owned();
    let mut numbers = "numbers:\n".to_owned();
    for (name, more, rules) in ways {
        trunks += &format!(
            "  {name}:\n    check_secs: 0\n    domain: ours.example\n    numbers: {{ write: digits }}\n    {more}\n    \
             caller_id: {{ {rules} }}\n    reach: [{{ uri: \"sip:127.0.0.1:{port}\" }}]\n"
        );
        numbers += &format!("  {name}: {{ trunk: {name}, number: \"{NUMBER}\" }}\n");
    }
    trunks + &numbers
}

/// From's address, P-Asserted-Identity, Remote-Party-ID and Privacy of an INVITE.
fn told(invite: &str) -> [String; 4] {
    let header = |name: &str| invite.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let from = header("From: ").split(['<', '>']).nth(1).unwrap_or_default();
    let [asserted, remote, privacy] = ["P-Asserted-Identity: ", "Remote-Party-ID: ", "Privacy: "].map(header);
    [from, asserted, remote, privacy].map(str::to_owned)
}

#[tokio::test]
async fn each_carrier_is_told_of_a_caller_what_its_trunk_says_and_never_who_withheld_her_number() {
    let (flows, port) = (connecting(), free_ports(1).unwrap());
    let carrier = Carrier::listen(port, A_SAYS).await.unwrap();
    let secrets = "trunks: { keep: \"given\", remote_party: \"given\" }\n".to_owned();
    let more = shown_in_each_way(port);
    let (call_flows, flow_overrides) = (flows.path().to_owned(), &UNPROVED);
    let options =
        Options { call_flows, flow_overrides, more, secrets, digest: "[md5]", ..Options::default() };
    let server = Server::start(options).await.unwrap();
    let (hers, ours) = ("sip:15550100123@ours.example", "sip:15550100100@ours.example");
    let (asserted, account) = ("<sip:15550100123@ours.example>", "<sip:5550100100@ours.example>");
    let known = format!("{asserted};party=calling;privacy=off;screen=yes");
    let hidden = format!("{account};party=calling;privacy=full;screen=yes");
    for (dialled, privacy, expected) in [
        ("15550100171", "none", [hers, asserted, "", ""]),
        ("15550100172", "none", [ours, "", "", ""]),
        ("15550100173", "none", [NOBODY, "", "", "id"]),
        ("15550100174", "none", [hers, "", &known, ""]),
        // Our account is who pays: the carrier may know it, and shows it to nobody.
        ("15550100171", "id", [NOBODY, account, "", "id"]),
        ("15550100172", "id", [ours, "", "", ""]),
        ("15550100173", "id", [NOBODY, "", "", "id"]),
        ("15550100174", "id", [NOBODY, "", &hidden, "id"]),
    ] {
        let before = carrier.invites().len();
        let privacy = format!("Privacy: {privacy}");
        let keys =
            [("number", dialled), ("caller", CALLER), ("one", privacy.as_str()), ("two", "Subject: none")];
        sipp("trunk_call", server.sip(), &keys).await.unwrap();
        let came =
            eventually("an INVITE at the carrier", SOON, async || carrier.invites().get(before).cloned());
        let invite = came.await.unwrap();
        assert_eq!(told(&invite), expected, "{dialled}, {privacy}");
        assert_eq!(invite.contains("0100123"), expected.concat().contains("0100123"), "{invite}");
    }
    server.logged_none_of(&[CALLER]).unwrap();
}

/// The address and the codecs of an offer.
fn audio(invite: &str) -> (&str, &str) {
    let line = |name| invite.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    (line("c=IN IP4 "), line("m=audio ").split_once("RTP/AVP ").map_or("", |(_, codecs)| codecs))
}

#[tokio::test]
async fn audio_of_each_trunk_comes_to_its_own_address_and_codecs_are_offered_in_its_order() {
    let (dead, port) = (free_ports(1).unwrap(), free_ports(1).unwrap());
    let carrier = Carrier::listen(port, 620.0).await.unwrap();
    let more = format!(
        "trunks:\n  local: {{ accept: {{ from: [\"127.0.0.0/8\"] }} }}\n  \
         carrier_a:\n    check_secs: 0\n    first_response_secs: 1\n    media_address: 127.0.0.2\n{}  \
         carrier_b:\n    check_secs: 0\n    media_address: 127.0.0.3\n    codecs: [pcma, pcmu]\n{}\
         numbers:\n  near: {{ trunk: carrier_b, number: \"{NUMBER}\" }}\n  \
         far: [{{ trunk: carrier_a, number: \"{NUMBER}\" }}, {{ trunk: carrier_b, number: \"{NUMBER}\" }}]\n",
        reach(&[dead]),
        reach(&[port]),
    );
    let server = Server::start(Options { more, ..Options::default() }).await.unwrap();
    let nurse = server.agent_phone("nurse1").await.unwrap();
    for number in ["near", "far"] {
        let call = nurse.call(number).await.unwrap();
        call.established().await.unwrap();
        call.hears_tone(620.0, SOON).await.unwrap();
        call.hang_up().await.unwrap();
        let invites = carrier.invites();
        let (address, codecs) = audio(invites.last().unwrap());
        assert_eq!(address, "127.0.0.3", "{number}");
        assert!(codecs.starts_with("8 0 "), "{number}: {codecs}");
    }
    assert_eq!(carrier.invites().len(), 2);
}

#[tokio::test]
async fn a_call_of_a_trunk_behind_a_router_is_answered_with_the_address_its_carrier_sees() {
    let more = "trunks:\n  carrier_a:\n    accept: { from: [\"127.0.0.0/8\"] }\n    \
                media_address: 127.0.0.2\n    media_advertised: 198.51.100.10\n"
        .to_owned();
    let server = Server::start(Options { more, ..Options::default() }).await.unwrap();
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let own = socket.local_addr().unwrap();
    let sdp =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";
    let invite = format!(
        "INVITE sip:8001@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKrouter;rport\r\nMax-Forwards: 70\r\n\
         From: <sip:+15550100177@{own}>;tag=1\r\nTo: <sip:8001@{to}>\r\nCall-ID: router\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:{own}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len(),
        to = server.sip(),
    );
    socket.send_to(invite.as_bytes(), server.sip()).await.unwrap();
    let mut buffer = [0; 4_096];
    let answered = async {
        loop {
            let length = socket.recv(&mut buffer).await.unwrap();
            let text = String::from_utf8_lossy(buffer.get(..length).unwrap()).into_owned();
            if !text.starts_with("SIP/2.0 1") {
                return text;
            }
        }
    };
    let answer = tokio::time::timeout(SOON, answered).await.unwrap();
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    assert_eq!(audio(&answer).0, "198.51.100.10", "{answer}");
}
