//! What callers say is kept: messages and recorded conversations, sealed, and heard again only on purpose.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::time::Duration;

use harness::{FlowsFolder, Options, Server, eventually};
use phone::{rms, tone_share};

const SOON: Duration = Duration::from_secs(20);
const SECOND: usize = 8_000;

/// The flows that ship, and two of this test.
const FLOW: &str = "careline: 1
flow: keeps
about: \"what callers say is kept\"
approved_by: \"test\"
answers: [\"8100\"]
languages: [en]
calendar: clinic
emergency: nurse
operator: nurse
defaults: { goodbye: goodbye, emergency_advice: hang_up_and_dial_911, emergency_notice: dial_911_notice, hold_music: hold_music, give_up: nurse, on_error: nurse }
steps:
  ask:
    consent: { play: still_here, refuse_key: 8 }
  keep:
    record: start
  nurse:
    queue: { name: nurses, on_timeout: bye, on_empty: leave, on_full: bye, on_error: bye, on_closed: bye }
  leave:
    take_message: { play: still_here, deliver: inbox nurse1, silence: 5s }
  bye:
    hang_up: goodbye
";

/// Rules for patients that it breaks.
const UNPROVED: [(&str, &str); 2] = [("keeps", "S1"), ("keeps", "S11")];

async fn server() -> (FlowsFolder, Server) {
    let folder = FlowsFolder::new().unwrap();
    folder.write("keeps.yaml", FLOW).unwrap();
    let call_flows = folder.path().to_owned();
    let options = Options { call_flows, flow_overrides: &UNPROVED, ..Options::default() };
    (folder, Server::start(options).await.unwrap())
}

/// Waits until so many seconds of one channel are on the disk, a byte a sample.
async fn written(server: &Server, seconds: usize) {
    let folder = server.data().join("recordings");
    eventually("the recording on the disk", SOON, async || {
        let sizes = fs::read_dir(&folder).ok()?.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len()));
        (sizes.sum::<u64>() >= (seconds * SECOND) as u64).then_some(())
    })
    .await
    .unwrap();
}

/// The channels of the recording whose line of `recording list` says this.
async fn exported(server: &Server, purpose: &str) -> Vec<Vec<i16>> {
    let (done, list) = server.command(&["recording", "list", "--config", "careline.yaml"]).await.unwrap();
    assert!(done, "{list}");
    let line = list.lines().find(|line| line.contains(purpose)).unwrap();
    let name = line.split_whitespace().nth(1).unwrap();
    let wav = server.data().join("heard.wav");
    let arguments = [
        "recording",
        "export",
        name,
        "--to",
        wav.to_str().unwrap(),
        "--reason",
        "a test",
        "--config",
        "careline.yaml",
    ];
    let (done, said) = server.command(&arguments).await.unwrap();
    assert!(done, "{said}");
    let bytes = fs::read(&wav).unwrap();
    // Behind the header of a plain WAV file.
    let samples: Vec<i16> =
        bytes[44..].as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    fs::remove_file(wav).unwrap();
    let channels = if line.contains("2 channels") { 2 } else { 1 };
    (0..channels).map(|n| samples.iter().copied().skip(n).step_by(channels).collect()).collect()
}

/// How long a tone sounds in tenths of a second, and when it begins.
fn tone(samples: &[i16], hz: f64) -> (usize, usize) {
    let tenths: Vec<bool> = samples
        .chunks_exact(SECOND / 10)
        .map(|tenth| rms(tenth) > 500.0 && tone_share(tenth, hz) > 0.8)
        .collect();
    let first = tenths.iter().position(|is_tone| *is_tone).unwrap_or(tenths.len());
    (tenths.iter().filter(|is_tone| **is_tone).count(), first)
}

#[tokio::test]
async fn a_message_of_a_caller_who_hangs_up_waits_sealed_and_is_exported_with_its_tone() {
    let (_flows, server) = server().await;
    let patient = server.caller("15550100").await.unwrap();
    let call = patient.call("8100").await.unwrap();
    call.established().await.unwrap();
    eventually("the beep", SOON, async || {
        let (done, list) = server.command(&["recording", "list", "--config", "careline.yaml"]).await.ok()?;
        (done && list.contains("message")).then_some(())
    })
    .await
    .map_err(|error| format!("{error}\n{}", server.log()))
    .unwrap();
    call.play_tone(440.0);
    // Sleeps: for so long the caller speaks.
    tokio::time::sleep(Duration::from_secs(3)).await;
    call.hang_up().await.unwrap();
    eventually("a delivered message", SOON, async || {
        let (_, body) = server.get("/api/v1/messages?inbox=nurse1").await.ok()?;
        body.contains("\"state\":\"new\"").then_some(())
    })
    .await
    .unwrap();
    let channels = exported(&server, "message").await;
    assert_eq!(channels.len(), 1);
    let (length, first) = tone(&channels[0], 440.0);
    assert!(length >= 25 && first <= 15, "{length} tenths of the tone from tenth {first}");
    let (sound, said) = server.command(&["recording", "verify", "--config", "careline.yaml"]).await.unwrap();
    assert!(sound && said.contains("as the audit log says"), "{said}");
    nothing_plain(&server, &channels[0]);
}

/// No file of the data folder holds a piece of what was said, as µ-law or as samples.
fn nothing_plain(server: &Server, samples: &[i16]) {
    let middle = samples.len() / 2;
    let linear: Vec<u8> = samples[middle..middle + 16].iter().flat_map(|it| it.to_le_bytes()).collect();
    for folder in [server.data(), server.data().join("recordings")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let bytes = fs::read(&path).unwrap();
                assert!(!bytes.windows(4).any(|window| window == b"RIFF"), "{}", path.display());
                assert!(!bytes.windows(32).any(|window| window == linear), "{}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn a_bridged_call_with_consent_is_kept_on_two_channels_and_survives_a_killed_server() {
    let (_flows, mut server) = server().await;
    let nurse = server.agent_at_work("nurse1").await.unwrap();
    let patient = server.caller("15550100").await.unwrap();
    let call = patient.call("8100").await.unwrap();
    call.established().await.unwrap();
    call.play_tone(440.0);
    let talk = nurse.incoming_within(SOON).await.unwrap().answer().await.unwrap();
    talk.established().await.unwrap();
    talk.play_tone(620.0);
    call.hears_tone(620.0, SOON).await.unwrap();
    written(&server, 4 * 2).await;
    server.kill().await.unwrap();
    let channels = exported(&server, "2 channels").await;
    assert!(channels[0].len() >= 3 * SECOND, "{} samples", channels[0].len());
    assert!(tone(&channels[0], 440.0).0 >= 20, "the caller is on the left");
    assert!(tone(&channels[1], 620.0).0 >= 10, "the nurse is on the right");
    let (sound, said) = server.command(&["recording", "verify", "--config", "careline.yaml"]).await.unwrap();
    assert!(sound && said.contains("readable to its last second"), "{said}");
    server.restart().await.unwrap();
    assert_eq!(server.metric("careline_recordings_stored_total").await.unwrap(), Some(0.0));
}
