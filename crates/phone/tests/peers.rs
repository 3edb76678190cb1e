//! Two phones call each other without a server between them, over a good link and over a bad one.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use phone::{Call, Codec, Ended, Phone, PhoneConfig, PhoneError, PhoneEvent};
use tokio::net::UdpSocket;

const SOON: Duration = Duration::from_secs(5);

/// Nobody answers there: for a phone that only takes calls.
fn nowhere() -> SocketAddr {
    "127.0.0.1:9".parse().unwrap()
}

async fn nurse() -> Phone {
    Phone::start(PhoneConfig::new(nowhere(), "nurse")).await.unwrap()
}

async fn patient(server: SocketAddr) -> Phone {
    Phone::start(PhoneConfig::new(server, "15550100")).await.unwrap()
}

async fn talk(patient: &Phone, nurse: &Phone) -> (Call, Call) {
    let calling = patient.call("nurse").await.unwrap();
    let ringing = nurse.incoming().await.unwrap();
    assert_eq!(ringing.caller(), "15550100");
    ringing.ring().await.unwrap();
    calling.ringing().await.unwrap();
    let answered = ringing.answer().await.unwrap();
    calling.established().await.unwrap();
    answered.established().await.unwrap();
    (calling, answered)
}

#[tokio::test]
async fn a_tone_is_heard_both_ways_and_the_caller_hangs_up() {
    let nurse = nurse().await;
    let patient = patient(nurse.address()).await;
    let mut events = patient.events();
    let (calling, answered) = talk(&patient, &nurse).await;

    calling.play_tone(440.0);
    answered.play_tone(620.0);
    let (at_nurse, at_patient) =
        tokio::join!(answered.hears_tone(440.0, SOON), calling.hears_tone(620.0, SOON));
    at_nurse.unwrap();
    at_patient.unwrap();
    calling.silence();
    answered.hears_silence(SOON).await.unwrap();

    assert_eq!(calling.hang_up().await.unwrap(), Ended::HungUpHere);
    assert_eq!(answered.ended().await.unwrap(), Ended::HungUpThere);
    let mut seen = Vec::new();
    while let Ok(event) = events.try_recv() {
        seen.push(event);
    }
    assert_eq!(
        seen,
        [
            PhoneEvent::Calling,
            PhoneEvent::Ringing,
            PhoneEvent::Answered,
            PhoneEvent::HeardTone(620.0),
            PhoneEvent::Ended(Ended::HungUpHere)
        ]
    );
}

#[tokio::test]
async fn a_law_is_spoken_when_only_one_side_prefers_it_and_keys_are_heard_once_each() {
    let mut config = PhoneConfig::new(nowhere(), "nurse");
    config.codecs = vec![Codec::Pcma];
    let nurse = Phone::start(config).await.unwrap();
    let patient = patient(nurse.address()).await;
    let (calling, answered) = talk(&patient, &nurse).await;

    answered.play_tone(620.0);
    calling.hears_tone(620.0, SOON).await.unwrap();
    calling.press("0119#*d").await.unwrap();
    answered.hears_keys("0119#*D", SOON).await.unwrap();
    assert_eq!(answered.heard().digits(), "0119#*D");
    assert!(matches!(calling.press("1x").await, Err(PhoneError::NotADigit)));

    assert_eq!(answered.hang_up().await.unwrap(), Ended::HungUpHere);
    assert_eq!(calling.ended().await.unwrap(), Ended::HungUpThere);
    assert!(matches!(calling.press("1").await, Err(PhoneError::Ended(Ended::HungUpThere))));
}

#[tokio::test]
async fn a_busy_phone_refuses_and_the_caller_learns_the_status() {
    let nurse = nurse().await;
    let patient = patient(nurse.address()).await;
    let calling = patient.call("nurse").await.unwrap();
    let ringing = nurse.incoming().await.unwrap();
    assert!(!format!("{ringing:?}").contains("15550100"), "Debug shows the number");
    ringing.decline(486).await.unwrap();
    assert!(matches!(calling.established().await, Err(PhoneError::Ended(Ended::Refused(486)))));
}

#[tokio::test]
async fn a_caller_who_gives_up_ends_a_call_that_nobody_answers() {
    let nurse = nurse().await;
    let patient = patient(nurse.address()).await;
    let calling = patient.call("nurse").await.unwrap();
    let mut unanswered = nurse.incoming().await.unwrap().ignore();
    assert_eq!(calling.hang_up().await.unwrap(), Ended::Cancelled);
    assert_eq!(unanswered.ended().await.unwrap(), Ended::Cancelled);
}

#[tokio::test]
async fn dropping_a_call_hangs_it_up_and_dropping_a_ringing_one_refuses_it() {
    let nurse = nurse().await;
    let patient = patient(nurse.address()).await;
    let (calling, answered) = talk(&patient, &nurse).await;
    drop(calling);
    assert_eq!(answered.ended().await.unwrap(), Ended::HungUpThere);

    let calling = patient.call("nurse").await.unwrap();
    drop(nurse.incoming().await.unwrap());
    assert_eq!(calling.ended().await.unwrap(), Ended::Refused(603));
}

#[tokio::test]
async fn without_a_common_codec_the_call_is_refused_with_488() {
    let mut config = PhoneConfig::new(nowhere(), "nurse");
    config.codecs = vec![Codec::Pcma];
    let nurse = Phone::start(config).await.unwrap();
    let mut config = PhoneConfig::new(nurse.address(), "15550100");
    config.codecs = vec![Codec::Pcmu];
    let patient = Phone::start(config).await.unwrap();
    let calling = patient.call("nurse").await.unwrap();
    let answered = nurse.incoming().await.unwrap().answer().await.unwrap();
    assert_eq!(calling.ended().await.unwrap(), Ended::Refused(488));
    assert_eq!(answered.ended().await.unwrap(), Ended::Refused(488));
}

#[tokio::test]
async fn what_does_not_come_is_said_in_time_and_without_a_number() {
    let nurse = nurse().await;
    let patient = patient(nurse.address()).await;
    let (calling, _answered) = talk(&patient, &nurse).await;
    let error = calling.hears_tone(440.0, Duration::from_millis(300)).await.unwrap_err().to_string();
    assert!(error.contains("the tone did not come within 300ms"), "{error}");
    assert!(!error.contains("15550100"));
    assert!(!format!("{patient:?}").contains("15550100"), "Debug shows the number");
}

/// Passes datagrams between two phones and loses the first copy of each.
async fn lossy_link(far: SocketAddr) -> SocketAddr {
    let link = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = link.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut near, mut seen, mut buffer) = (None, HashSet::new(), vec![0; 65_535]);
        while let Ok((length, from)) = link.recv_from(&mut buffer).await {
            if from != far {
                near = Some(from);
            }
            let datagram = buffer.get(..length).unwrap_or_default();
            let to = if from == far { near } else { Some(far) };
            if let (false, Some(to)) = (seen.insert(datagram.to_vec()), to) {
                link.send_to(datagram, to).await.unwrap();
            }
        }
    });
    address
}

#[tokio::test]
async fn a_call_survives_a_link_that_loses_every_first_copy() {
    let nurse = nurse().await;
    let patient = patient(lossy_link(nurse.address()).await).await;
    let calling = patient.call("nurse").await.unwrap();
    let answered = nurse.incoming().await.unwrap().answer().await.unwrap();
    calling.established().await.unwrap();
    answered.established().await.unwrap();
    calling.play_tone(440.0);
    answered.hears_tone(440.0, SOON).await.unwrap();
    assert_eq!(answered.hang_up().await.unwrap(), Ended::HungUpHere);
    assert_eq!(calling.ended().await.unwrap(), Ended::HungUpThere);

    let calling = patient.call("nurse").await.unwrap();
    nurse.incoming().await.unwrap().decline(486).await.unwrap();
    assert_eq!(calling.ended().await.unwrap(), Ended::Refused(486));
}
