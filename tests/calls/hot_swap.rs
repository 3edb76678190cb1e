//! Other flows under live calls: changed, broken and dangerous ones, and the way back. No call is touched.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use harness::{Crowd, FlowsFolder, Options, Server, eventually};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(30);
/// On a machine with better things to do.
const AT_LAST: Duration = Duration::from_secs(120);
const CALLERS: u32 = 200;
const NURSE_LINE: &str = "8001";
const SCHEDULING: &str = "8002";
/// Two cores with six times too much to do left 0.11 s between two packets.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Half a second of audio.
const PACKETS: u64 = 25;

async fn server(folder: &FlowsFolder, calls: u16, more: &str) -> Server {
    let call_flows = folder.path().to_owned();
    Server::start(Options { call_flows, calls, more: more.to_owned(), ..Options::default() }).await.unwrap()
}

/// The nurse line as it ships, with one change.
fn nurse_line(folder: &FlowsFolder, from: &str, to: &str) {
    folder.edit("nurse-line.yaml", from, to).unwrap();
}

/// A command of careline beside the server: whether it succeeded, and what it printed.
async fn careline(server: &Server, arguments: &str) -> (bool, String) {
    let mut words: Vec<&str> = arguments.split_whitespace().collect();
    words.extend(["--config", "careline.yaml"]);
    server.command(&words).await.unwrap()
}

/// The versions there are, the one activated last first.
async fn versions(server: &Server) -> Vec<Value> {
    let (listed, printed) = careline(server, "flow versions --json").await;
    assert!(listed, "{printed}");
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn active(server: &Server) -> Value {
    versions(server).await.into_iter().find(|version| version["active"] == true).unwrap()
}

/// The version of its flow that every call is on.
async fn calls(server: &Server) -> BTreeMap<String, String> {
    let (_, body) = server.get("/api/v1/status").await.unwrap();
    let status: Value = serde_json::from_str(&body).unwrap();
    let word = |call: &Value, key: &str| call[key].as_str().unwrap().to_owned();
    status["calls"].as_array().unwrap().iter().map(|call| (word(call, "call"), word(call, "flow"))).collect()
}

/// Every one of them is sent audio, now.
async fn all_hear(crowd: &Crowd) {
    let before = crowd.streams();
    assert_eq!(before.len(), CALLERS as usize, "everybody hears something");
    let heard = eventually("more audio for everybody", SOON, async || {
        let now = crowd.streams();
        before.iter().all(|(from, stream)| now[from].sent >= stream.sent + PACKETS).then_some(())
    });
    heard.await.unwrap();
}

/// How a server is asked to reload.
#[derive(Clone, Copy, Debug)]
enum Through {
    Command,
    Signal,
    Api,
}
use Through::{Api, Command, Signal};

/// What is done to the flows, and whether callers get to hear it.
#[derive(Debug)]
enum Swap {
    Taken(Through, &'static str, &'static str),
    Refused(&'static str, &'static str, &'static str),
    Back,
}

const SWAPS: [Swap; 10] = [
    Swap::Taken(Command, "wait: 7s", "wait: 6s"),
    Swap::Refused("play: red_flags\n", "ply: red_flags\n", "`menu` needs `play`"),
    Swap::Refused("play: { prompts: dial_911_notice,", "play: { prompts: welcome_nurse_line,", "✗ S1 "),
    Swap::Taken(Signal, "wait: 7s", "wait: 5s"),
    Swap::Back,
    Swap::Refused("tries: 3 }", "tries: 3", "nurse-line.yaml"),
    Swap::Taken(Api, "wait: 7s", "wait: 8s"),
    Swap::Back,
    Swap::Back,
    Swap::Taken(Signal, "between: 4s", "between: 3s"),
];

/// Asks for a reload, and waits until another version is active: what brought it about, and who.
async fn reloaded(server: &Server, through: Through, before: &Value) -> Value {
    match through {
        Command => {
            let (taken, printed) = careline(server, "reload").await;
            assert!(taken, "{printed}");
        }
        Signal => server.signal("HUP").await.unwrap(),
        Api => {
            let (status, body) = server.post("/api/v1/reload", r#"{"by": "delivery 7"}"#).await.unwrap();
            assert_eq!(status, 200, "{body}");
        }
    }
    let changed = eventually("another version", AT_LAST, async || {
        let now = active(server).await;
        (now["version"] != *before).then_some(now)
    });
    let now = changed.await.unwrap();
    match through {
        Command => assert_eq!(now["origin"], "command"),
        Signal => assert_eq!(now["origin"], "signal"),
        Api => assert_eq!((&now["origin"], &now["by"]), (&"api".into(), &"delivery 7".into())),
    }
    now["version"].clone()
}

/// Does it, and sees what becomes of it.
async fn swapped(server: &Server, folder: &FlowsFolder, swap: &Swap, seen: &mut Vec<Value>) {
    let before = active(server).await["version"].clone();
    match *swap {
        Swap::Taken(through, from, to) => {
            nurse_line(folder, from, to);
            let now = reloaded(server, through, &before).await;
            assert!(!seen.contains(&now), "{now} is new");
            seen.push(now);
        }
        Swap::Refused(from, to, why) => {
            nurse_line(folder, from, to);
            let (taken, printed) = careline(server, "reload").await;
            assert!(!taken && printed.contains(why), "{printed}");
            assert_eq!(active(server).await["version"], before);
            assert_eq!(server.metric("careline_reload_refused").await.unwrap(), Some(1.0));
            assert_eq!(server.get("/readyz").await.unwrap().0, 200);
        }
        Swap::Back => {
            let (back, printed) = careline(server, "flow rollback").await;
            assert!(back, "{printed}");
            let at = seen.iter().position(|version| *version == before).unwrap();
            let now = active(server).await;
            assert_eq!(Some(&now["version"]), seen.get(at - 1));
            assert_eq!((&now["origin"], &now["rolled_back"]), (&"rollback".into(), &true.into()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_calls_go_on_while_flows_are_swapped_ten_times_and_each_keeps_its_version() {
    let folder = FlowsFolder::new().unwrap();
    // Swaps wait for the audit log, and its disk is shared with whatever else this machine does.
    let mut server = server(&folder, 210, "audit: { hold_ms_max: 60000 }\n").await;
    let began = Instant::now();
    assert!(careline(&server, "reload").await.0);
    // Ten swaps and what is looked at between them, on this machine as busy as it is.
    let stays = Duration::from_secs(30) + 30 * began.elapsed();
    let mut crowd = Crowd::call(server.sip(), NURSE_LINE, CALLERS, stays).unwrap();
    let all_up = eventually("two hundred calls", AT_LAST, async || {
        let is_up = server.metric("careline_calls_active").await.ok()? == Some(f64::from(CALLERS));
        (is_up && crowd.streams().len() == CALLERS as usize).then_some(())
    });
    all_up.await.unwrap();
    let at_first = calls(&server).await;
    let first = active(&server).await["version"].clone();

    let mut seen = vec![first.clone()];
    for swap in SWAPS {
        swapped(&server, &folder, &swap, &mut seen).await;
        all_hear(&crowd).await;
        let now = calls(&server).await;
        assert_eq!(now, at_first, "after {swap:?}: every call is on the version it began with");
    }
    let listed = versions(&server).await;
    let on_first = listed.iter().find(|version| version["version"] == first).unwrap();
    assert_eq!(on_first["calls"], CALLERS);
    assert_eq!(
        server.metric("careline_flow_versions").await.unwrap(),
        Some(2.0),
        "the first, and the active one"
    );

    let caller = server.caller("15550100124").await.unwrap();
    let call = caller.call(NURSE_LINE).await.unwrap();
    call.established().await.unwrap();
    assert_eq!(active(&server).await["calls"], 1, "a new caller is on the new version");
    call.hang_up().await.unwrap();

    crowd.succeeded(stays + AT_LAST).await.unwrap();
    let let_go = eventually("the first version let go", SOON, async || {
        (server.metric("careline_flow_versions").await.ok()? == Some(1.0)).then_some(())
    });
    let_go.await.unwrap();
    let ended = server.metric("careline_calls_total{outcome=\"caller_hung_up\"}").await.unwrap();
    assert_eq!(ended, Some(f64::from(CALLERS + 1)), "nobody was hung up on");
    all_were_served_throughout(&crowd, stays);
    assert!(server.stop().await.unwrap().success());
    every_hop_names_its_version(&server, &at_first);
}

/// Fifty packets a second from the first to the last, but for what a busy machine leaves out, and never a silence
/// that a caller would take for the end of her call.
fn all_were_served_throughout(crowd: &Crowd, stays: Duration) {
    let wanted = stays.as_secs() * 50 * 98 / 100;
    for (from, stream) in crowd.streams() {
        assert!(stream.sent >= wanted, "{from}: {} packets of {wanted}", stream.sent);
        assert!(stream.longest_pause < PAUSE_MAX, "{from}: silent for {:?}", stream.longest_pause);
    }
}

/// The audit log: a call's hops in one flow all name one version of it, and calls that began together the same.
fn every_hop_names_its_version(server: &Server, at_first: &BTreeMap<String, String>) {
    let mut hops = 0;
    let mut digests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for record in store::read_records(&server.data().join("audit"), 0) {
        let record: Value = serde_json::from_slice(&record.unwrap().1).unwrap();
        if record["call"].as_str().is_some_and(|call| at_first.contains_key(call)) {
            let place = &record["flow"];
            let [flow, digest] =
                ["id", "dig"].map(|key| place[key].as_str().unwrap_or_else(|| panic!("{record}")));
            digests.entry(flow.to_owned()).or_default().insert(digest.to_owned());
            hops += 1;
        }
    }
    assert!(hops > 4 * CALLERS, "{hops} hops");
    assert!(digests.values().all(|versions| versions.len() == 1), "{digests:?}");
}

#[tokio::test]
async fn a_number_whose_flow_was_deleted_is_answered_by_another_and_raises_an_alarm() {
    let folder = FlowsFolder::new().unwrap();
    let server = server(&folder, 10, "call_flow_fallback: nurse-line\n").await;
    let early = server.caller("15550100125").await.unwrap();
    let early = early.call(SCHEDULING).await.unwrap();
    early.established().await.unwrap();
    early.hears_speech(SOON).await.unwrap();
    fs::remove_file(folder.path().join("scheduling.yaml")).unwrap();
    let (taken, printed) = careline(&server, "reload").await;
    assert!(taken, "{printed}");
    assert_eq!(server.metric("careline_numbers_without_flow").await.unwrap(), Some(2.0));

    let late = server.caller("15550100126").await.unwrap();
    let late = late.call(SCHEDULING).await.unwrap();
    late.established().await.unwrap();
    late.hears_speech(SOON).await.unwrap();
    assert!(server.log().contains("no flow answers this number any more; nurse-line does instead"));
    let fell = server.metric("careline_fallback_calls_total{flow=\"nurse-line\"}").await.unwrap();
    assert_eq!(fell, Some(1.0));
    // The flow of the first caller is deleted; she goes on hearing it.
    early.hear();
    early.hears_speech(SOON).await.unwrap();
    assert!(early.is_established());
}

#[tokio::test]
async fn a_rollback_outlives_a_restart_until_the_files_change() {
    let folder = FlowsFolder::new().unwrap();
    let mut server = server(&folder, 10, "").await;
    let first = active(&server).await["version"].clone();
    nurse_line(&folder, "wait: 7s", "wait: 6s");
    assert!(careline(&server, "reload").await.0);
    assert!(careline(&server, "flow rollback").await.0);
    for _ in 0..2 {
        server.kill().await.unwrap();
        server.restart().await.unwrap();
        let now = active(&server).await;
        assert_eq!((&now["version"], &now["rolled_back"]), (&first, &true.into()));
    }
    let (back, printed) = careline(&server, "flow rollback").await;
    assert!(!back && printed.contains("nothing to go back to"), "{printed}");
    server.kill().await.unwrap();
    nurse_line(&folder, "wait: 7s", "wait: 5s");
    server.restart().await.unwrap();
    let now = active(&server).await;
    assert_eq!((&now["origin"], &now["rolled_back"]), (&"start".into(), &false.into()));
    assert_ne!(now["version"], first);
}

#[tokio::test]
async fn a_start_in_the_middle_of_an_edit_answers_with_the_version_before_and_raises_an_alarm() {
    let folder = FlowsFolder::new().unwrap();
    let mut server = server(&folder, 10, "").await;
    let first = active(&server).await["version"].clone();
    server.kill().await.unwrap();
    nurse_line(&folder, "tries: 3 }", "tries: 3");
    server.restart().await.unwrap();
    assert_eq!(active(&server).await["version"], first);
    assert_eq!(server.metric("careline_reload_refused").await.unwrap(), Some(1.0));
    let caller = server.caller("15550100127").await.unwrap();
    let call = caller.call(NURSE_LINE).await.unwrap();
    call.established().await.unwrap();
    call.hears_speech(SOON).await.unwrap();
}

#[tokio::test]
async fn a_watched_folder_is_activated_when_it_rests_and_a_dangerous_flow_only_if_somebody_answers_for_it() {
    let folder = FlowsFolder::new().unwrap();
    let overrides = |until: &str| {
        ["S1", "promise"].map(|rule| format!("  - {{ flow: nurse-line, rule: {rule}, by: Dr. Test, reason: nobody calls here, until: {until} }}\n")).concat()
    };
    let dangerous =
        || nurse_line(&folder, "play: { prompts: dial_911_notice,", "play: { prompts: welcome_nurse_line,");
    let server =
        server(&folder, 10, &format!("call_flows_watch: true\nflow_overrides:\n{}", overrides("2020-01-31")))
            .await;
    let first = active(&server).await["version"].clone();
    dangerous();
    let refused = eventually("the alarm", SOON, async || {
        (server.metric("careline_reload_refused").await.ok()? == Some(1.0)).then_some(())
    });
    refused.await.unwrap();
    assert!(server.log().contains("Dr. Test answered for it until 2020-01-31, which is over"));
    assert!(server.log().contains("hears en/welcome_nurse_line"), "the call that proves it");
    assert_eq!(active(&server).await["version"], first);

    let path = server.data().parent().unwrap().join("careline.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("2020-01-31", "2999-12-31")).unwrap();
    let (taken, printed) = careline(&server, "reload").await;
    assert!(taken, "{printed}");
    let metric = "careline_override_days_left{what=\"nurse-line S1\"}";
    assert!(server.metric(metric).await.unwrap().unwrap() > 300_000.0);
    assert!(server.log().contains("exception nurse-line S1 by Dr. Test until 2999-12-31 is in force"));

    nurse_line(&folder, "wait: 7s", "wait: 6s");
    let watched = eventually("the change to be seen", SOON, async || {
        (active(&server).await["origin"] == "watch").then_some(())
    });
    watched.await.unwrap();
    assert_eq!(server.metric(metric).await.unwrap(), None, "the safe flow needs no exception");
    assert_eq!(server.metric("careline_reload_refused").await.unwrap(), Some(0.0));
}
