//! The load generator against a switchboard of phones, and the floor against itself.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use phone::load::{FloorPlan, LoadPlan, floor, run};
use phone::{Phone, PhoneConfig};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_placed_held_measured_and_hung_up() {
    let server = Phone::start(PhoneConfig::new("127.0.0.1:9".parse().unwrap(), "nurse")).await.unwrap();
    let mut plan = LoadPlan::new(server.address(), "nurse", 12);
    plan.hold = Duration::from_secs(1);
    let running = tokio::task::spawn_blocking(move || run(plan));
    let mut calls = Vec::new();
    for n in 0..12 {
        let ringing = server.incoming().await.unwrap();
        if n % 6 == 5 {
            ringing.decline(486).await.unwrap();
        } else {
            let call = ringing.answer().await.unwrap();
            call.play_tone(440.0);
            calls.push(call);
        }
    }
    for call in &calls {
        call.ended().await.unwrap();
        assert!(call.heard().ends_in_silence(), "every call sends 50 quiet packets per second");
    }
    let summary = running.await.unwrap().unwrap();
    assert_eq!((summary.placed, summary.answered, summary.heard), (12, 10, 10));
    assert_eq!(summary.refused.get(&486), Some(&2));
    assert_eq!((summary.unanswered, summary.ended_early), (0, 0));
    // One second of ten calls; a busy machine may start one frame late.
    assert!((450..=550).contains(&summary.lateness.packets), "{summary}");
    assert!(summary.answer_p50_us > 0 && summary.answer_p50_us <= summary.answer_max_us);
}

#[test]
fn the_floor_hears_every_packet_it_sends() {
    let mut plan = FloorPlan::new(20);
    plan.hold = Duration::from_millis(500);
    let summary = floor(plan).unwrap();
    assert_eq!(summary.packets_lost, 0);
    assert!((480..=520).contains(&summary.lateness.packets), "{summary}");
}

#[test]
fn a_plan_without_calls_or_with_too_many_is_refused() {
    let server = "127.0.0.1:9".parse().unwrap();
    assert!(run(LoadPlan::new(server, "nurse", 0)).is_err());
    assert!(run(LoadPlan::new(server, "nurse", 1_000_000)).is_err());
    assert!(floor(FloorPlan::new(0)).is_err());
}
