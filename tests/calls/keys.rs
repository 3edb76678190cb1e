//! Keys by every way telephones send them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use harness::{FlowsFolder, NURSES, Options, Server, SippCall, eventually};
use phone::Digit;

const SOON: Duration = Duration::from_secs(20);

/// Who has keyed 112 comes to `right`, all others to `wrong`.
const FLOW: &str = "\
careline: 1
flow: keys
about: Says by its steps what was keyed
answers: [\"+15550100177\"]
languages: [en]
emergency: nurses
operator: nurses
defaults: { give_up: nurses }
steps:
  ask:
    collect: { as: keyed, play: dial_911_notice, kind: digits, min: 1, max: 12, terminator: \"#\" }
  what:
    when:
      - { if: keyed == \"112\", go: right }
      - { else: wrong }
  right: { play: dial_911_notice, next: nurses }
  wrong: { play: dial_911_notice, next: nurses }
  bye: { hang_up: goodbye }
";

/// No patient calls it.
const UNPROVED: [(&str, &str); 2] = [("keys", "S1"), ("keys", "S11")];

/// A call whose keys come by INFO, and by RTP as well if these are given; the step it comes to.
async fn keyed(by_rtp: &[Digit]) -> String {
    let folder = FlowsFolder::alone("keys.yaml", &[FLOW, NURSES].concat()).unwrap();
    let call_flows = folder.path().to_owned();
    let options = Options { call_flows, flow_overrides: &UNPROVED, ..Options::default() };
    let mut server = Server::start(options).await.unwrap();
    let (number, caller) = ("+15550100177", "15550100123");
    let mut call =
        SippCall::place("keys_by_info", server.sip(), number, caller, Duration::ZERO).await.unwrap();
    call.answered(SOON).await.unwrap();
    call.media().press(by_rtp.to_vec()).await;
    let found = eventually("a step", SOON, async || {
        ["right", "wrong"].into_iter().find(|step| server.log().contains(&format!("keys/{step} (")))
    });
    let step = found.await.unwrap().to_owned();
    call.succeeded().await.unwrap();
    server.stop().await.unwrap();
    step
}

#[tokio::test]
async fn keys_by_sip_info_are_understood_in_both_forms() {
    assert_eq!(keyed(&[]).await, "right");
}

#[tokio::test]
async fn a_telephone_that_sends_each_key_by_info_and_by_rtp_has_pressed_it_once() {
    let keys = ['1', '1', '2', '#'].map(|key| Digit::new(key).unwrap());
    assert_eq!(keyed(&keys).await, "right");
}
