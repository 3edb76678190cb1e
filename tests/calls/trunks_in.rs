//! Calls that come in by trunks: who is let in, who is believed to call, and what flows make of it. The log
//! has a line for every step a caller comes to.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::{Authority, FlowsFolder, Issued, NURSES, Options, Server, Tls, eventually, free_ports, sipp};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);
const NUMBER: &str = "15550100177";
const CALLER: &str = "15550100123";
const NOTHING: &str = "Subject: none";

/// Each caller comes to the step that says what is known of her.
const FLOW: &str = "\
careline: 1
flow: who-calls
about: Says by its steps who calls
answers: [\"+15550100177\"]
languages: [en]
emergency: nurses
operator: nurses
defaults: { give_up: nurses }
steps:
  who:
    when:
      - { if: caller.verification == \"passed_a\", go: signed }
      - { if: caller.verification == \"failed\", go: forged }
      - { if: call.diverted_from == \"+15550100201\" && call.diversion_reason == \"time_of_day\", go: practice_a }
      - { if: call.diverted_from == \"+15550100202\", go: practice_b }
      - { if: caller.number == \"+15550100999\" && caller.withheld, go: asserted_and_withheld }
      - { if: caller.number == \"+15550100999\", go: asserted }
      - { else: from_alone }
  signed: { play: beep, next: notice }
  forged: { play: beep, next: notice }
  practice_a: { play: beep, next: notice }
  practice_b: { play: beep, next: notice }
  asserted_and_withheld: { play: beep, next: notice }
  asserted: { play: beep, next: notice }
  from_alone: { play: beep, next: notice }
  notice: { play: dial_911_notice }
  bye: { hang_up: goodbye }
";

/// Rules for patients that it breaks.
const UNPROVED: [(&str, &str); 2] = [("who-calls", "S1"), ("who-calls", "S11")];

fn flows() -> FlowsFolder {
    FlowsFolder::alone("who-calls.yaml", &[FLOW, NURSES].concat()).unwrap()
}

/// A server with one trunk, and what it says about numbers.
async fn server(flows: &Path, trunk: &str, more: &str) -> Server {
    let numbers = "numbers: { country: \"1\", international: \"011\", national: \"1\" }";
    let more = format!("trunks:\n  carrier_a:\n    {numbers}\n    {trunk}\n{more}");
    let call_flows = flows.to_owned();
    let options =
        Options { call_flows, flow_overrides: &UNPROVED, more, digest: "[md5]", ..Options::default() };
    Server::start(options).await.unwrap()
}

const ACCEPT: &str = "accept: { from: [\"127.0.0.0/8\"] }";

/// A call by sipp, which must come to its end as written.
async fn call(scenario: &str, server: &Server, one: &str, two: &str) {
    let keys = [("number", NUMBER), ("caller", CALLER), ("one", one), ("two", two)];
    sipp(scenario, server.sip(), &keys).await.unwrap();
}

/// Waits until the log has a line with this.
async fn logged(server: &Server, what: &str) {
    let found = eventually(what, SOON, async || server.log().contains(what).then_some(()));
    found.await.unwrap_or_else(|trouble| panic!("{trouble:?}\n{}", server.log()));
}

#[tokio::test]
async fn a_trunk_is_known_by_its_address_and_a_stranger_is_refused() {
    let flows = flows();
    let known = server(flows.path(), ACCEPT, "").await;
    call("trunk_call", &known, NOTHING, NOTHING).await;
    logged(&known, "from carrier_a").await;
    let elsewhere = server(flows.path(), "accept: { from: [\"192.0.2.0/24\"] }", "").await;
    call("stranger", &elsewhere, NOTHING, NOTHING).await;
    logged(&elsewhere, "call from stranger refused with 403").await;
    elsewhere.logged_none_of(&[CALLER]).unwrap();
}

#[tokio::test]
async fn a_carrier_that_proves_itself_by_digest_brings_the_calls_of_others() {
    let flows = flows();
    let server = server(flows.path(), "accept: { user: carrier_user }", "").await;
    let secret = server.secret("carrier_user").unwrap();
    let proof = [("user", "carrier_user"), ("password", secret.as_str()), ("asks_for", NUMBER)];
    let keys = [&[("number", NUMBER), ("caller", CALLER)], &proof[..]].concat();
    sipp("trunk_digest", server.sip(), &keys).await.unwrap();
    logged(&server, "from carrier_a").await;
}

#[tokio::test]
async fn an_asserted_identity_leads_a_flow_only_where_the_trunk_is_trusted() {
    let flows = flows();
    let asserted = "P-Asserted-Identity: <tel:+15550100999>";
    let trusted = server(flows.path(), &format!("{ACCEPT}\n    identity: trusted"), "").await;
    call("trunk_call", &trusted, asserted, NOTHING).await;
    logged(&trusted, "who-calls/asserted (").await;
    call("trunk_call", &trusted, asserted, "Privacy: id").await;
    logged(&trusted, "who-calls/asserted_and_withheld (").await;
    logged(&trusted, "number known_and_withheld").await;
    trusted.logged_none_of(&["5550100999"]).unwrap();
    let untrusted = server(flows.path(), ACCEPT, "").await;
    call("trunk_call", &untrusted, asserted, NOTHING).await;
    logged(&untrusted, "who-calls/from_alone (").await;
}

#[tokio::test]
async fn what_a_trusted_carrier_says_of_a_signature_leads_a_flow_and_what_another_says_does_not() {
    let flows = flows();
    let trusted = server(flows.path(), &format!("{ACCEPT}\n    identity: trusted"), "").await;
    let says = |verstat: &str| format!("P-Asserted-Identity: <tel:+15550100999;verstat={verstat}>");
    call("trunk_call", &trusted, &says("TN-Validation-Passed-A"), NOTHING).await;
    logged(&trusted, "who-calls/signed (").await;
    call("trunk_call", &trusted, &says("TN-Validation-Failed"), NOTHING).await;
    logged(&trusted, "who-calls/forged (").await;
    let untrusted = server(flows.path(), ACCEPT, "").await;
    call("trunk_call", &untrusted, &says("TN-Validation-Passed-A"), NOTHING).await;
    logged(&untrusted, "who-calls/from_alone (").await;
}

#[tokio::test]
async fn the_line_that_forwarded_a_call_leads_a_flow() {
    let flows = flows();
    let server = server(flows.path(), &format!("{ACCEPT}\n    identity: trusted"), "").await;
    call("trunk_call", &server, "Diversion: <sip:5550100201@a.example>;reason=time-of-day", NOTHING).await;
    logged(&server, "who-calls/practice_a (").await;
    let history = "History-Info: <sip:+15550100202@a.example>;index=1, \
                   <sip:+15550100177@b.example;cause=408>;index=1.1;mp=1";
    call("trunk_call", &server, history, NOTHING).await;
    logged(&server, "who-calls/practice_b (").await;
}

#[tokio::test]
async fn a_caller_beyond_a_trunks_channels_is_let_in_since_she_may_be_in_danger_and_is_counted() {
    let flows = flows();
    let server = server(flows.path(), &format!("{ACCEPT}\n    channels_max: 1"), "").await;
    let caller = server.caller(CALLER).await.unwrap();
    let first = caller.call(NUMBER).await.unwrap();
    first.established().await.unwrap();
    call("trunk_call", &server, NOTHING, NOTHING).await;
    logged(&server, "trunk carrier_a brings in a call beyond its channels_max, which is let in").await;
    let over = "careline_trunk_failures_total{reason=\"channels_over\",trunk=\"carrier_a\"}";
    assert_eq!(server.metric(over).await.unwrap(), Some(1.0));
    first.hang_up().await.unwrap();
}

#[tokio::test]
async fn a_trunk_that_floods_is_told_to_come_later_and_a_moment_later_it_may() {
    let flows = flows();
    let server = server(flows.path(), &format!("{ACCEPT}\n    calls_per_second_max: 1"), "").await;
    // Whatever this machine is busy with, of several at once within a second one at most is let in.
    let caller = server.caller(CALLER).await.unwrap();
    let many = (0..4).map(|_| caller.call(NUMBER));
    for one in many {
        one.await.unwrap();
    }
    logged(&server, "call from carrier_a refused with 503: trunk_rate").await;
    let keys = [("number", NUMBER), ("caller", CALLER), ("one", NOTHING), ("two", NOTHING)];
    let let_in = eventually("a call is let in again", SOON, async || {
        sipp("trunk_call", server.sip(), &keys).await.ok()
    });
    let_in.await.unwrap();
}

#[tokio::test]
async fn a_trunk_with_one_codec_is_answered_in_it_alone() {
    let flows = flows();
    let server = server(flows.path(), &format!("{ACCEPT}\n    codecs: [pcma]"), "").await;
    sipp("trunk_codecs", server.sip(), &[("number", NUMBER), ("caller", CALLER)]).await.unwrap();
}

/// An INVITE of this Call-ID over TLS that shows this certificate: what OpenSSL hears up to the final answer, or to the end of the
/// connection.
async fn invites_by_openssl(
    server: &Server,
    authority: &Authority,
    shows: Option<&Issued>,
    id: &str,
) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-quiet", "-verify_return_error", "-connect"]);
    command.arg(server.tls().unwrap().to_string()).arg("-CAfile").arg(authority.roots());
    if let Some(Issued { certificate, key }) = shows {
        command.arg("-cert").arg(certificate).arg("-key").arg(key);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut client = command.spawn().unwrap();
    let (mut says, mut hears) = (client.stdin.take().unwrap(), client.stdout.take().unwrap());
    let sdp =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";
    let invite = format!(
        "INVITE sip:{NUMBER}@careline.example;transport=tls SIP/2.0\r\n\
         Via: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK{id};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:{CALLER}@carrier.example>;tag=1\r\nTo: <sip:{NUMBER}@careline.example>\r\n\
         Call-ID: {id}\r\nCSeq: 1 INVITE\r\nContact: <sip:127.0.0.1:9;transport=tls>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    );
    says.write_all(invite.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    // Answers come in pieces: a final one is whole with its body, whose last line is of the audio.
    let is_final = |heard: &[u8]| {
        let text = String::from_utf8_lossy(heard);
        let refused = text.split_once("SIP/2.0 4").is_some_and(|(_, rest)| rest.contains("\r\n\r\n"));
        let answered = text.split_once("SIP/2.0 2").and_then(|(_, rest)| rest.split_once("m=audio "));
        refused || answered.is_some_and(|(_, rest)| rest.contains("\r\n"))
    };
    let listens =
        async { while !is_final(&heard) && hears.read_buf(&mut heard).await.is_ok_and(|n| n > 0) {} };
    timeout(SOON, listens).await.unwrap();
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test]
async fn a_trunk_is_known_by_its_certificate_and_who_shows_another_or_none_is_a_stranger() {
    let (flows, ours, theirs) = (flows(), Authority::new().unwrap(), Authority::new().unwrap());
    let tls = Tls { own: ours.issue("careline.example").unwrap(), clients: Some((ours.roots(), false)) };
    let more = "trunks:\n  carrier_a:\n    accept: { certificate: [\"SBC.carrier.example\"] }\n    \
                numbers: { country: \"1\", international: \"011\", national: \"1\" }\n";
    let options = Options {
        call_flows: flows.path().to_owned(),
        flow_overrides: &UNPROVED,
        more: more.to_owned(),
        tls: Some(tls),
        ..Options::default()
    };
    let server = Server::start(options).await.unwrap();
    let carrier = ours.issue("sbc.carrier.example").unwrap();
    let heard = invites_by_openssl(&server, &ours, Some(&carrier), "carrier").await;
    assert!(heard.contains("SIP/2.0 200 ") && heard.contains("m=audio "), "{heard}");
    logged(&server, "from carrier_a").await;
    // A customer of the same authority, and nobody in particular: let in to TLS, and strangers.
    let customer = ours.issue("customer.example").unwrap();
    for (shows, id) in [(Some(&customer), "customer"), (None, "nobody")] {
        let heard = invites_by_openssl(&server, &ours, shows, id).await;
        assert!(heard.contains("SIP/2.0 403 ") && !heard.contains("SIP/2.0 200 "), "{heard}");
    }
    // The carrier's name, said by an authority that is not believed.
    let forged = theirs.issue("sbc.carrier.example").unwrap();
    let heard = invites_by_openssl(&server, &ours, Some(&forged), "forged").await;
    assert_eq!(heard, "", "its connection is not let in");
    server.logged_none_of(&[CALLER]).unwrap();
}

/// A carrier's authority, its certificate and a repository over HTTPS, made by `openssl`.
struct Repository {
    folder: TempDir,
    port: u16,
    _child: tokio::process::Child,
}

async fn openssl(folder: &Path, arguments: &[&str]) {
    let run = Command::new("openssl").args(arguments).current_dir(folder).output().await.unwrap();
    assert!(run.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
}

impl Repository {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let at = folder.path();
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
        let root =
            [&["req", "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=STI-CA"], &key[..]];
        openssl(at, &root.concat()).await;
        let leaf = ["-keyout", "leaf.key", "-out", "leaf.pem", "-subj", "/CN=SHAKEN 709J"];
        let by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"];
        // TNAuthList (RFC 8226 §9): the code of a provider.
        let speaks_for = ["-addext", "1.3.6.1.5.5.7.1.26=DER:30:08:a0:06:16:04:37:30:39:4a"];
        openssl(at, &[&["req", "-x509"], &leaf[..], &by[..], &speaks_for[..], &key[..]].concat()).await;
        let web = ["-keyout", "web.key", "-out", "web.pem", "-subj", "/CN=localhost"];
        let name =
            ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"];
        let by = ["-CA", "ca.pem", "-CAkey", "ca.key"];
        openssl(at, &[&["req", "-x509"], &web[..], &by[..], &name[..], &key[..]].concat()).await;
        let port = free_ports(2).unwrap();
        let child = Command::new("openssl")
            .args(["s_server", "-WWW", "-quiet", "-cert", "web.pem", "-key", "web.key"])
            .args(["-accept", &port.to_string()])
            .current_dir(at)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { folder, port, _child: child }
    }

    fn configuration(&self) -> String {
        let authorities = self.folder.path().join("ca.pem");
        let authorities = authorities.display();
        let port = self.port;
        format!(
            "stir:\n  authorities: {authorities}\n  repositories: [\"localhost:{port}\"]\n  https_roots: {authorities}\n"
        )
    }

    /// An Identity header that says so, signed now.
    async fn signs(&self, orig: &str, dest: &str) -> String {
        let url = format!("https://localhost:{}/leaf.pem", self.port);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let header = format!(r#"{{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"{url}"}}"#);
        let payload = format!(
            r#"{{"attest":"A","dest":{{"tn":["{dest}"]}},"iat":{now},"orig":{{"tn":"{orig}"}},"origid":"0"}}"#
        );
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let at = self.folder.path();
        fs::write(at.join("text"), &text).unwrap();
        openssl(at, &["dgst", "-sha256", "-sign", "leaf.key", "-out", "signature", "text"]).await;
        let signature = URL_SAFE_NO_PAD.encode(plain(&fs::read(at.join("signature")).unwrap()));
        format!("Identity: {text}.{signature};info=<{url}>;alg=ES256;ppt=shaken")
    }
}

/// The two numbers of a DER signature, 32 bytes each.
fn plain(der: &[u8]) -> Vec<u8> {
    let (_, mut rest) = der.split_at(2);
    let mut signature = Vec::new();
    for _ in 0..2 {
        let (head, after) = rest.split_at(2);
        let (digits, next) = after.split_at(head.last().copied().unwrap().into());
        let skipped = digits.len().saturating_sub(32);
        signature.extend(std::iter::repeat_n(0, 32_usize.saturating_sub(digits.len())));
        signature.extend(digits.iter().skip(skipped));
        rest = next;
    }
    signature
}

/// What was signed, and the signature with what follows. The URL in `info` has dots of its own, so the signature is cut before it.
fn halves(identity: &str) -> (String, String) {
    let (passport, info) = identity.split_once(";info").unwrap();
    let (text, signature) = passport.rsplit_once('.').unwrap();
    (text.to_owned(), format!("{signature};info{info}"))
}

#[tokio::test]
async fn a_carriers_signature_is_checked_by_its_certificate_and_nobody_is_refused_for_it() {
    let (flows, repository) = (flows(), Repository::start().await);
    let server = server(flows.path(), ACCEPT, &repository.configuration()).await;
    let signed = repository.signs(CALLER, NUMBER).await;
    call("trunk_call", &server, &signed, NOTHING).await;
    logged(&server, "signature of the caller's number passed_a: signature").await;
    // The certificate is at hand now, so the flow knows before its first step.
    call("trunk_call", &server, &repository.signs(CALLER, NUMBER).await, NOTHING).await;
    logged(&server, "who-calls/signed (").await;
    let overheard = repository.signs(CALLER, "15550199999").await;
    call("trunk_call", &server, &overheard, NOTHING).await;
    logged(&server, "signature of the caller's number failed: dest").await;
    logged(&server, "who-calls/forged (").await;
    let (text, signature) = halves(&repository.signs(CALLER, NUMBER).await);
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    let broken = format!("{text}.{first}{}", signature.get(1..).unwrap());
    call("trunk_call", &server, &broken, NOTHING).await;
    logged(&server, "signature of the caller's number failed: signature").await;
    server.logged_none_of(&[CALLER]).unwrap();
}
