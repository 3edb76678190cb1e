//! Connections of ours over TLS, with OpenSSL at the other end: whom we believe and whom we do not (RFC 5922), and
//! how we prove to be ourselves.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::Ipv4Addr;
use std::time::Duration;

use harness::{Authority, Dns, Options, Record, Server, TlsCarrier, eventually, free_ports};
use phone::Ended;

const CARRIER: &str = "carrier.example";
const NUMBER: &str = "+15550100190";
const SOON: Duration = Duration::from_secs(30);

/// A careline that checks a carrier over TLS by its name, and the name server it asks.
async fn start(roots: &Authority, ours: Option<&Authority>, port: u16) -> (Server, Dns) {
    let dns = Dns::serve(vec![(CARRIER, Record::A(Ipv4Addr::LOCALHOST))]).await.unwrap();
    let shown = ours.map(|authority| {
        let own = authority.issue("careline.example").unwrap();
        format!(", certificate: {:?}, key: {:?}", own.certificate, own.key)
    });
    let sip = format!("  tls_client: {{ roots: {:?}{} }}\n", roots.roots(), shown.unwrap_or_default());
    let more = format!(
        "{}trunks:\n  local: {{ accept: {{ from: [\"127.0.0.0/8\"] }} }}\n  carrier_a:\n    check_secs: 2\n    \
         reach:\n      - {{ uri: \"sip:{CARRIER}:{port};transport=tls\" }}\n\
         numbers:\n  outside: {{ trunk: carrier_a, number: \"{NUMBER}\" }}\n",
        dns.configuration(2_000)
    );
    (Server::start(Options { sip, more, ..Options::default() }).await.unwrap(), dns)
}

/// Waits until the carrier is found up or down.
async fn is_found(server: &Server, state: &str) {
    let name = format!("careline_trunk_destinations{{state=\"{state}\",trunk=\"carrier_a\"}}");
    let found =
        eventually(&name, SOON, async || (server.metric(&name).await.ok()? == Some(1.0)).then_some(()));
    found.await.unwrap();
}

#[tokio::test]
async fn a_carrier_that_proves_its_name_is_reached_by_either_version_of_tls_and_called() {
    for version in ["-tls1_2", "-tls1_3"] {
        let (authority, port) = (Authority::new().unwrap(), free_ports(1).unwrap());
        let carrier =
            TlsCarrier::listen(port, &authority.issue_name(CARRIER).unwrap(), None, &[version]).unwrap();
        let (server, _dns) = start(&authority, None, port).await;
        is_found(&server, "up").await;
        let nurse = server.agent_phone("nurse1").await.unwrap();
        let call = nurse.call("outside").await.unwrap();
        assert!(matches!(call.ended().await.unwrap(), Ended::Refused(400..=699)), "{version}");
        let heard = carrier.heard();
        let invite = heard.iter().find(|head| head.starts_with("INVITE ")).unwrap();
        assert!(invite.contains("Via: SIP/2.0/TLS ") && invite.contains(";transport=tls"), "{invite}");
    }
}

#[tokio::test]
async fn a_carrier_with_another_name_or_of_another_authority_hears_nothing() {
    let (ours, theirs) = (Authority::new().unwrap(), Authority::new().unwrap());
    let of_another_name = ours.issue_name("other.example").unwrap();
    let of_another_authority = theirs.issue_name(CARRIER).unwrap();
    for shown in [of_another_name, of_another_authority] {
        let port = free_ports(1).unwrap();
        let carrier = TlsCarrier::listen(port, &shown, None, &[]).unwrap();
        let (server, _dns) = start(&ours, None, port).await;
        is_found(&server, "down").await;
        assert!(carrier.heard().is_empty());
        assert!(server.log().contains("a connection cannot be opened"), "{}", server.log());
    }
}

#[tokio::test]
async fn a_carrier_that_demands_our_certificate_is_shown_it_and_one_that_does_not_believe_it_hears_nothing() {
    let (authority, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    for (believed, state) in [(&authority, "up"), (&other, "down")] {
        let port = free_ports(1).unwrap();
        let shown = authority.issue_name(CARRIER).unwrap();
        let carrier = TlsCarrier::listen(port, &shown, Some(&believed.roots()), &[]).unwrap();
        let (server, _dns) = start(&authority, Some(&authority), port).await;
        is_found(&server, state).await;
        assert_eq!(carrier.heard().is_empty(), state == "down");
    }
}
