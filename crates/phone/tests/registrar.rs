//! A phone registers with a registrar that challenges and forgets its nonces, and answers a challenged call.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::time::Duration;

use phone::{DigestAlgorithm, Ended, Phone, PhoneConfig, PhoneError};
use sha2::{Digest as _, Sha256};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// What the registrar saw of one REGISTER.
#[derive(Debug, Eq, PartialEq)]
enum Seen {
    Challenged,
    Accepted { algorithm: &'static str, count: u32, expires: u32 },
    Refused,
}

fn line<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "))
}

fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = value.split_once(&format!("{name}="))?;
    after.trim_start_matches('"').split(['"', ',']).next()
}

/// The digest as RFC 7616 §3.4.1 writes it, for the secret `correct horse`.
fn is_right(method: &str, authorization: &str) -> bool {
    let of = |name| parameter(authorization, name).unwrap_or_default();
    let hash = |text: String| match of("algorithm") {
        "SHA-256" => hex::encode(Sha256::digest(text)),
        _ => hex::encode(md5::Md5::digest(text)),
    };
    let a1 = hash(format!("{}:{}:correct horse", of("username"), of("realm")));
    let a2 = hash(format!("{method}:{}", of("uri")));
    let (nonce, nc, cnonce) = (of("nonce"), of("nc"), of("cnonce"));
    of("response") == hash(format!("{a1}:{nonce}:{nc}:{cnonce}:auth:{a2}"))
}

/// Grants `granted` seconds. Each accepted REGISTER makes its nonce stale.
async fn registrar(granted: u32) -> (SocketAddr, mpsc::Receiver<Seen>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (report, seen) = mpsc::channel(100);
    tokio::spawn(async move {
        let (mut buffer, mut nonce) = (vec![0; 65_535], 0_u32);
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let request = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
            let expires: u32 = line(&request, "Expires").unwrap().parse().unwrap();
            let authorization = line(&request, "Authorization");
            let current = format!("nonce-{nonce}");
            let verdict = match authorization {
                Some(a) if parameter(a, "nonce") == Some(current.as_str()) && is_right("REGISTER", a) => {
                    Seen::Accepted {
                        algorithm: if a.contains("algorithm=SHA-256") { "SHA-256" } else { "MD5" },
                        count: u32::from_str_radix(parameter(a, "nc").unwrap(), 16).unwrap(),
                        expires,
                    }
                }
                Some(a) if parameter(a, "nonce") == Some(current.as_str()) => Seen::Refused,
                _ => Seen::Challenged,
            };
            let mut answer = match &verdict {
                Seen::Accepted { .. } => "SIP/2.0 200 OK\r\n".to_owned(),
                Seen::Refused => "SIP/2.0 403 Forbidden\r\n".to_owned(),
                Seen::Challenged => "SIP/2.0 401 Unauthorized\r\n".to_owned(),
            };
            for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
                answer.push_str(&format!("{name}: {}\r\n", line(&request, name).unwrap()));
            }
            match &verdict {
                Seen::Accepted { expires, .. } => {
                    let contact = line(&request, "Contact").unwrap();
                    answer.push_str(&format!("Contact: {contact};expires={}\r\n", granted.min(*expires)));
                    nonce += 1;
                }
                Seen::Challenged => {
                    for algorithm in ["MD5", "SHA-256"] {
                        answer.push_str(&format!(
                            "WWW-Authenticate: Digest realm=\"careline\", nonce=\"{current}\", \
                             algorithm={algorithm}, qop=\"auth\", stale=true\r\n"
                        ));
                    }
                }
                Seen::Refused => {}
            }
            answer.push_str("Content-Length: 0\r\n\r\n");
            socket.send_to(answer.as_bytes(), from).await.unwrap();
            report.send(verdict).await.unwrap();
        }
    });
    (address, seen)
}

async fn next(seen: &mut mpsc::Receiver<Seen>) -> Seen {
    tokio::time::timeout(Duration::from_secs(5), seen.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_phone_registers_with_sha_256_renews_at_half_time_and_takes_it_back() {
    let (server, mut seen) = registrar(1).await;
    let phone = Phone::start(PhoneConfig::new(server, "nurse").with_secret("correct horse")).await.unwrap();
    assert_eq!(phone.register().await.unwrap(), 1);
    assert_eq!(next(&mut seen).await, Seen::Challenged);
    assert_eq!(next(&mut seen).await, Seen::Accepted { algorithm: "SHA-256", count: 1, expires: 300 });
    // The renewal reuses the nonce first and is told that it is stale.
    assert_eq!(next(&mut seen).await, Seen::Challenged);
    assert_eq!(next(&mut seen).await, Seen::Accepted { algorithm: "SHA-256", count: 1, expires: 300 });
    phone.unregister().await.unwrap();
    assert_eq!(next(&mut seen).await, Seen::Challenged);
    assert_eq!(next(&mut seen).await, Seen::Accepted { algorithm: "SHA-256", count: 1, expires: 0 });
}

#[tokio::test]
async fn an_old_phone_registers_with_md5() {
    let (server, mut seen) = registrar(300).await;
    let mut config = PhoneConfig::new(server, "nurse").with_secret("correct horse");
    config.digest = DigestAlgorithm::Md5;
    let phone = Phone::start(config).await.unwrap();
    assert_eq!(phone.register().await.unwrap(), 300);
    assert_eq!(next(&mut seen).await, Seen::Challenged);
    assert_eq!(next(&mut seen).await, Seen::Accepted { algorithm: "MD5", count: 1, expires: 300 });
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_no_password_is_not_even_tried() {
    let (server, mut seen) = registrar(300).await;
    let phone = Phone::start(PhoneConfig::new(server, "nurse").with_secret("wrong")).await.unwrap();
    assert!(matches!(phone.register().await, Err(PhoneError::Refused { status: 403 })));
    assert_eq!((next(&mut seen).await, next(&mut seen).await), (Seen::Challenged, Seen::Refused));

    let phone = Phone::start(PhoneConfig::new(server, "nurse")).await.unwrap();
    assert!(matches!(phone.register().await, Err(PhoneError::Refused { status: 401 })));
    assert_eq!(next(&mut seen).await, Seen::Challenged);
}

#[tokio::test]
async fn a_challenged_call_is_acknowledged_and_placed_again_with_the_answer() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = socket.local_addr().unwrap();
    let phone = Phone::start(PhoneConfig::new(server, "nurse").with_secret("correct horse")).await.unwrap();
    let call = phone.call("*11").await.unwrap();

    let mut buffer = vec![0; 65_535];
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let receive = tokio::time::timeout(Duration::from_secs(5), socket.recv_from(&mut buffer));
        let (length, from) = receive.await.unwrap().unwrap();
        let request = String::from_utf8_lossy(buffer.get(..length).unwrap()).into_owned();
        let method = request.split(' ').next().unwrap().to_owned();
        let is_authorised = line(&request, "Authorization").is_some_and(|a| is_right("INVITE", a));
        if method == "INVITE" {
            let status = if is_authorised { "486 Busy Here" } else { "401 Unauthorized" };
            let mut answer = format!("SIP/2.0 {status}\r\n");
            for name in ["Via", "From", "Call-ID", "CSeq"] {
                answer.push_str(&format!("{name}: {}\r\n", line(&request, name).unwrap()));
            }
            answer.push_str(&format!("To: {};tag=t\r\n", line(&request, "To").unwrap()));
            if !is_authorised {
                answer.push_str(
                    "WWW-Authenticate: Digest realm=\"careline\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\"\r\n",
                );
            }
            answer.push_str("Content-Length: 0\r\n\r\n");
            socket.send_to(answer.as_bytes(), from).await.unwrap();
        }
        let via = line(&request, "Via").unwrap();
        let branch = parameter(via, "branch").unwrap().split(';').next().unwrap().to_owned();
        seen.push((method, branch, is_authorised));
    }
    let [first, first_ack, second, second_ack] = seen.try_into().unwrap();
    assert_eq!((first.0.as_str(), first.2), ("INVITE", false));
    assert_eq!((first_ack.0.as_str(), &first_ack.1), ("ACK", &first.1), "an ACK of a refusal has its branch");
    assert_eq!((second.0.as_str(), second.2), ("INVITE", true));
    assert_ne!(second.1, first.1);
    assert_eq!((second_ack.0.as_str(), &second_ack.1), ("ACK", &second.1));
    assert_eq!(call.ended().await.unwrap(), Ended::Refused(486));
}
