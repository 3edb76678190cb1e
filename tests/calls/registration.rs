//! Agents' phones register, and nobody else's.
#![expect(clippy::unwrap_used, reason = "tests")]

use harness::{Options, Server, sipp};
use phone::{DigestAlgorithm, Ended, Phone, PhoneConfig, PhoneError};

#[tokio::test]
async fn phones_register_with_sha_256_and_old_ones_with_md5() {
    let server = Server::start(Options::default()).await.unwrap();
    let secret = server.secret("nurse1").unwrap();
    for digest in [DigestAlgorithm::Sha256, DigestAlgorithm::Md5] {
        let mut config = PhoneConfig::new(server.sip(), "nurse1").with_secret(&secret);
        config.digest = digest;
        let phone = Phone::start(config).await.unwrap();
        assert!(phone.register().await.unwrap() > 0);
        phone.unregister().await.unwrap();
    }
    sipp("register_challenged", server.sip(), &[("agent", "nurse1")]).await.unwrap();
    server.logged_none_of(&[&secret]).unwrap();
}

#[tokio::test]
async fn a_wrong_password_and_a_strange_name_are_refused() {
    let server = Server::start(Options::default()).await.unwrap();
    for user in ["nurse1", "stranger"] {
        let phone =
            Phone::start(PhoneConfig::new(server.sip(), user).with_secret("not-the-secret")).await.unwrap();
        assert!(matches!(phone.register().await, Err(PhoneError::Refused { status: 401 | 403 })), "{user}");
    }
    server.logged_none_of(&["not-the-secret"]).unwrap();
}

#[tokio::test]
async fn a_stranger_who_dials_a_feature_code_is_refused() {
    let server = Server::start(Options::default()).await.unwrap();
    let stranger = server.caller("15550100666").await.unwrap();
    let call = stranger.call("*11").await.unwrap();
    assert!(matches!(call.ended().await.unwrap(), Ended::Refused(401 | 403 | 407)));
}
