//! Which server of a domain is tried first: what NAPTR and SRV records mean (RFC 3263 §4.1, §4.2; RFC 2782).

use sip::Transport;

/// A way to serve SIP that a domain offers: how, and the name whose SRV records tell where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Offered {
    pub transport: Transport,
    pub srv: String,
}

/// A NAPTR record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Naptr {
    pub order: u16,
    pub preference: u16,
    pub flags: Vec<u8>,
    pub service: Vec<u8>,
    pub replacement: String,
}

/// An SRV record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Srv {
    pub priority: u16,
    pub weight: u16,
    pub port: u16,
    pub host: String,
}

/// What we speak of what a domain offers, its own favourite first.
pub fn offered(mut records: Vec<Naptr>) -> Vec<Offered> {
    records.sort_by_key(|record| (record.order, record.preference));
    let ours = records.into_iter().filter_map(|record| {
        let is = |service: &str| record.service.eq_ignore_ascii_case(service.as_bytes());
        let transport = if is("SIPS+D2T") {
            Transport::Tls
        } else if is("SIP+D2T") {
            Transport::Tcp
        } else if is("SIP+D2U") {
            Transport::Udp
        } else {
            return None;
        };
        // Any other flag does not lead to SRV records, and none is defined for SIP.
        let leads_to_srv = record.flags.eq_ignore_ascii_case(b"s") && !record.replacement.is_empty();
        leads_to_srv.then_some(Offered { transport, srv: record.replacement })
    });
    ours.collect()
}

/// Where a domain that says nothing may have its SRV records. TLS first: who publishes it can be reached by it.
pub fn usual(domain: &str, only: Option<Transport>) -> Vec<Offered> {
    [(Transport::Tls, "_sips._tcp"), (Transport::Udp, "_sip._udp"), (Transport::Tcp, "_sip._tcp")]
        .into_iter()
        .filter(|(transport, _)| only.is_none_or(|only| only == *transport))
        .map(|(transport, service)| Offered { transport, srv: format!("{service}.{domain}") })
        .collect()
}

/// The servers in the order to try them. Among those of one priority chance decides by weight; `random` gives
/// a number from zero to its argument, both included.
pub fn in_order(mut records: Vec<Srv>, mut random: impl FnMut(u32) -> u32) -> Vec<Srv> {
    // A server named "." is none (RFC 2782).
    records.retain(|record| !record.host.trim_end_matches('.').is_empty());
    // Those of weight zero come first among their equals, so that they are chosen only by zero.
    records.sort_by_key(|record| (record.priority, record.weight > 0));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let priority = first.priority;
        let equals = records.iter().take_while(|record| record.priority == priority);
        let sum = equals.clone().map(|record| u32::from(record.weight)).sum();
        let chosen = random(sum);
        let mut reached = 0;
        let at = equals.into_iter().position(|record| {
            reached += u32::from(record.weight);
            reached >= chosen
        });
        ordered.push(records.remove(at.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use proptest::prelude::*;
    use sip::Transport;

    use super::{Naptr, Srv, in_order, offered, usual};

    fn naptr(order: u16, preference: u16, service: &str, replacement: &str) -> Naptr {
        Naptr {
            order,
            preference,
            flags: b"s".to_vec(),
            service: service.as_bytes().to_vec(),
            replacement: replacement.to_owned(),
        }
    }

    fn srv(priority: u16, weight: u16, host: &str) -> Srv {
        Srv { priority, weight, port: 5060, host: host.to_owned() }
    }

    #[test]
    fn the_domains_favourite_comes_first_and_what_we_do_not_speak_is_passed_over() {
        let records = vec![
            naptr(90, 10, "SIP+D2U", "_sip._udp.example.com"),
            naptr(50, 60, "sips+d2t", "_sips._tcp.example.com"),
            naptr(50, 50, "SIPS+D2S", "_sips._sctp.example.com"),
            naptr(10, 10, "E2U+sip", "unrelated.example.com"),
            Naptr { flags: b"u".to_vec(), ..naptr(1, 1, "SIP+D2T", "x") },
        ];
        let ways = offered(records).into_iter().map(|way| (way.transport, way.srv)).collect::<Vec<_>>();
        assert_eq!(
            ways,
            [
                (Transport::Tls, "_sips._tcp.example.com".to_owned()),
                (Transport::Udp, "_sip._udp.example.com".to_owned())
            ]
        );
    }

    #[test]
    fn a_named_transport_asks_for_its_own_records_only() {
        let ways = usual("example.com", Some(Transport::Tcp));
        assert_eq!(ways.iter().map(|way| way.srv.as_str()).collect::<Vec<_>>(), ["_sip._tcp.example.com"]);
        assert_eq!(usual("example.com", None).len(), 3);
    }

    #[test]
    fn lower_priority_numbers_come_first_whatever_their_weight() {
        let records = vec![srv(20, 100, "c"), srv(10, 0, "a"), srv(10, 0, "b"), srv(5, 1, ".")];
        let hosts = in_order(records, |most| most).into_iter().map(|record| record.host).collect::<String>();
        assert_eq!(hosts, "abc", "a server named \".\" is none");
    }

    #[test]
    fn three_times_the_weight_is_three_times_the_calls() {
        let mut state = 1_u64;
        let mut random = |most: u32| {
            // Knuth's MMIX generator: enough for a count.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from((state >> 33) % (u64::from(most) + 1)).unwrap()
        };
        let heavy = (0..10_000)
            .filter(|_| {
                in_order(vec![srv(1, 10, "light"), srv(1, 30, "heavy")], &mut random)[0].host == "heavy"
            })
            .count();
        assert!((7_000..8_000).contains(&heavy), "{heavy} of 10,000");
    }

    proptest! {
        #[test]
        fn every_server_is_tried_once_by_rising_priority(
            records in prop::collection::vec((0_u16..4, 0_u16..9), 0..12),
            chance in any::<u32>(),
        ) {
            let records: Vec<Srv> = records.iter().map(|(p, w)| srv(*p, *w, &format!("h{p}{w}"))).collect();
            let ordered = in_order(records.clone(), |most| chance.checked_rem(most + 1).unwrap_or(0));
            prop_assert!(ordered.is_sorted_by_key(|record| record.priority));
            let sorted = |mut them: Vec<Srv>| {
                them.sort_by_key(|record| (record.priority, record.weight));
                them
            };
            prop_assert_eq!(sorted(ordered), sorted(records));
        }
    }
}
