//! Datagrams the kernel threw away because nobody read them in time: their senders repeat them half a second
//! later (T1 of RFC 3261), which is all that anybody else ever sees of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where Linux tells it, for each socket of either family.
const TABLES: [&str; 2] = ["/proc/net/udp", "/proc/net/udp6"];

/// How many since these listeners were opened. Where the system does not tell, none.
pub fn datagrams_lost(listeners: &[SocketAddr]) -> u64 {
    TABLES.iter().filter_map(|table| std::fs::read_to_string(table).ok()).map(|it| lost(&it, listeners)).sum()
}

fn lost(table: &str, listeners: &[SocketAddr]) -> u64 {
    let drops = |line: &str| {
        let local = address(line.split_whitespace().nth(1)?)?;
        if listeners.contains(&local) {
            line.split_whitespace().next_back()?.parse::<u64>().ok()
        } else {
            None
        }
    };
    table.lines().skip(1).filter_map(drops).sum()
}

/// `0100007F:13C4`: words of four bytes as the machine keeps them, and the port as people write it.
fn address(text: &str) -> Option<SocketAddr> {
    let (words, port) = text.split_once(':')?;
    let bytes = hex::decode(words).ok()?;
    let ordered: Vec<u8> = bytes.chunks_exact(4).flat_map(native).collect();
    let ip: IpAddr = match ordered.len() {
        4 => Ipv4Addr::from(<[u8; 4]>::try_from(ordered).ok()?).into(),
        16 => Ipv6Addr::from(<[u8; 16]>::try_from(ordered).ok()?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

fn native(word: &[u8]) -> [u8; 4] {
    let word: [u8; 4] = word.try_into().unwrap_or_default();
    u32::from_be_bytes(word).to_ne_bytes()
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::net::UdpSocket;

    use super::{address, datagrams_lost, lost};

    const TABLE: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n  \
        101: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 21567 2 0000000000000000 17\n  \
        102: 0200007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 21568 2 0000000000000000 5\n";

    #[test]
    fn the_loss_of_our_own_listeners_counts_and_no_other() {
        assert_eq!(lost(TABLE, &["127.0.0.1:5060".parse().unwrap()]), 17);
        assert_eq!(lost(TABLE, &["127.0.0.1:5061".parse().unwrap()]), 0);
        assert_eq!(address("00000000000000000000000001000000:13C4"), Some("[::1]:5060".parse().unwrap()));
        for broken in ["", "0100007F", "0100007:13C4", "0100007F:", "xx00007F:13C4", "01:13C4"] {
            assert_eq!(address(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_socket_that_nobody_reads_loses_what_does_not_fit() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let own = [socket.local_addr().unwrap()];
        assert_eq!(datagrams_lost(&own), 0);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..2_000 {
            let _ = sender.send_to(&[0; 1_000], own[0]);
        }
        assert!(datagrams_lost(&own) > 0);
    }
}
