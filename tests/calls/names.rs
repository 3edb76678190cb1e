//! Carriers that have a name: NAPTR, SRV and addresses asked of a name server (RFC 3263), sipp behind them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use harness::{Dns, Options, Record, Server, SippCarrier, free_ports};
use phone::Ended;

const NUMBER: &str = "+15550100190";
const HOME: Record = Record::A(Ipv4Addr::LOCALHOST);
/// More than a lookup may take in these tests, and less than Timer B.
const BOUNDED: Duration = Duration::from_secs(15);

/// The number `outside` behind a trunk that leads to these URIs, one after the other.
fn by_names(dns: &Dns, uris: &[&str]) -> Options {
    let one = |(priority, uri)| format!("      - {{ uri: \"{uri}\", priority: {priority} }}\n");
    let reach: String = (1..).zip(uris).map(one).collect();
    let more = format!(
        "{}trunks:\n  local: {{ accept: {{ from: [\"127.0.0.0/8\"] }} }}\n  carrier_a:\n    check_secs: 0\n    \
         first_response_secs: 1\n    reach:\n{reach}numbers:\n  outside: {{ trunk: carrier_a, number: \"{NUMBER}\" }}\n",
        dns.configuration(1_000)
    );
    Options { more, ..Options::default() }
}

/// An agent calls the number outside: how long it took to be answered.
async fn agent_calls_outside(server: &Server) -> Duration {
    let nurse = server.agent_phone("nurse1").await.unwrap();
    let begun = Instant::now();
    let call = nurse.call("outside").await.unwrap();
    call.established().await.unwrap();
    let took = begun.elapsed();
    assert_eq!(call.hang_up().await.unwrap(), Ended::HungUpHere);
    took
}

#[tokio::test]
async fn a_carriers_name_is_walked_from_naptr_by_srv_to_its_address() {
    let port = free_ports(1).unwrap();
    let mut carrier = SippCarrier::listen("carrier_answers", port, 1, &[]).unwrap();
    let dns = Dns::serve(vec![
        ("carrier.example", Record::Naptr(20, 10, "SIP+D2T", "_sip._tcp.carrier.example")),
        ("carrier.example", Record::Naptr(10, 10, "SIP+D2U", "servers.carrier.example")),
        ("carrier.example", Record::Naptr(5, 10, "E2U+sip", "elsewhere.example")),
        ("servers.carrier.example", Record::Srv(10, 0, port, "sbc.carrier.example")),
        ("sbc.carrier.example", HOME),
    ]);
    let dns = dns.await.unwrap();
    let server = Server::start(by_names(&dns, &["sip:carrier.example"])).await.unwrap();
    agent_calls_outside(&server).await;
    carrier.succeeded().await.unwrap();
    let asked = dns.asked();
    for question in ["NAPTR carrier.example", "SRV servers.carrier.example", "A sbc.carrier.example"] {
        assert!(asked.iter().any(|it| it == question), "{question}: {asked:?}");
    }
    assert!(!asked.iter().any(|it| it.contains("elsewhere")), "{asked:?}");
}

/// The zone of a domain without NAPTR that has two servers.
fn two_servers(first: (u16, u16, u16), second: (u16, u16, u16)) -> Vec<(&'static str, Record)> {
    let srv = |(priority, weight, port)| {
        ("_sip._udp.carrier.example", Record::Srv(priority, weight, port, "sbc.carrier.example"))
    };
    vec![srv(second), srv(first), ("sbc.carrier.example", HOME)]
}

#[tokio::test]
async fn a_server_that_is_full_is_followed_by_the_one_of_the_next_priority() {
    let ports = free_ports(2).unwrap();
    let mut full = SippCarrier::listen("carrier_full", ports, 1, &[]).unwrap();
    let mut second = SippCarrier::listen("carrier_answers", ports + 1, 1, &[]).unwrap();
    let dns = Dns::serve(two_servers((10, 0, ports), (20, 0, ports + 1))).await.unwrap();
    let server = Server::start(by_names(&dns, &["sip:carrier.example"])).await.unwrap();
    agent_calls_outside(&server).await;
    full.succeeded().await.unwrap();
    second.succeeded().await.unwrap();
}

#[tokio::test]
async fn a_server_that_says_nothing_is_followed_by_the_next_after_the_trunks_patience() {
    let ports = free_ports(2).unwrap();
    let silent = UdpSocket::bind(("127.0.0.1", ports)).unwrap();
    let mut second = SippCarrier::listen("carrier_answers", ports + 1, 1, &[]).unwrap();
    let dns = Dns::serve(two_servers((10, 0, ports), (20, 0, ports + 1))).await.unwrap();
    let server = Server::start(by_names(&dns, &["sip:carrier.example"])).await.unwrap();
    let took = agent_calls_outside(&server).await;
    assert!((Duration::from_secs(1)..BOUNDED).contains(&took), "{took:?}");
    second.succeeded().await.unwrap();
    silent.set_nonblocking(true).unwrap();
    assert!(silent.recv(&mut [0; 2_048]).is_ok(), "it was asked first");
}

#[tokio::test]
async fn of_servers_of_one_priority_the_one_with_all_the_weight_is_called() {
    let ports = free_ports(2).unwrap();
    let unwanted = UdpSocket::bind(("127.0.0.1", ports)).unwrap();
    let mut wanted = SippCarrier::listen("carrier_answers", ports + 1, 3, &[]).unwrap();
    let dns = Dns::serve(two_servers((10, 0, ports), (10, 65_535, ports + 1))).await.unwrap();
    let server = Server::start(by_names(&dns, &["sip:carrier.example"])).await.unwrap();
    for _ in 0..3 {
        agent_calls_outside(&server).await;
    }
    wanted.succeeded().await.unwrap();
    unwanted.set_nonblocking(true).unwrap();
    assert!(unwanted.recv(&mut [0; 2_048]).is_err());
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_followed_by_the_next_destination() {
    let port = free_ports(1).unwrap();
    let mut carrier = SippCarrier::listen("carrier_answers", port, 1, &[]).unwrap();
    let dns = Dns::serve(Vec::new()).await.unwrap();
    let next = format!("sip:127.0.0.1:{port}");
    let server = Server::start(by_names(&dns, &["sip:nowhere.example", &next])).await.unwrap();
    let took = agent_calls_outside(&server).await;
    assert!(took < BOUNDED, "{took:?}");
    carrier.succeeded().await.unwrap();
    let failures = "careline_trunk_failures_total{reason=\"unreachable\",trunk=\"carrier_a\"}";
    assert_eq!(server.metric(failures).await.unwrap(), Some(1.0));
}

#[tokio::test]
async fn a_name_server_that_is_dead_costs_a_call_its_bound_and_the_next_destination_takes_it() {
    let port = free_ports(1).unwrap();
    let mut carrier = SippCarrier::listen("carrier_answers", port, 1, &[]).unwrap();
    let dns = Dns::silent().await.unwrap();
    let next = format!("sip:127.0.0.1:{port}");
    let server = Server::start(by_names(&dns, &["sip:carrier.example", &next])).await.unwrap();
    let took = agent_calls_outside(&server).await;
    assert!((Duration::from_millis(500)..BOUNDED).contains(&took), "{took:?}");
    carrier.succeeded().await.unwrap();
    assert!(!dns.asked().is_empty());
}

#[tokio::test]
async fn where_the_only_way_is_a_name_and_dns_is_dead_the_caller_hears_so_in_time() {
    let dns = Dns::silent().await.unwrap();
    let server = Server::start(by_names(&dns, &["sip:carrier.example"])).await.unwrap();
    let nurse = server.agent_phone("nurse1").await.unwrap();
    let begun = Instant::now();
    let call = nurse.call("outside").await.unwrap();
    let ended = call.ended().await.unwrap();
    assert!(begun.elapsed() < BOUNDED, "{:?}", begun.elapsed());
    assert!(matches!(ended, Ended::Refused(400..=699)), "{ended}");
    assert!(server.log().contains("a name leads nowhere"), "{}", server.log());
}
