//! What stands between a file somebody wrote and a patient: approval in production, exceptions in the audit log, and
//! versions that live as long as their last call.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::time::Duration;

use harness::{FlowsFolder, Options, Server, eventually};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(60);
const NURSE_LINE: &str = "8001";
const SCHEDULING: &str = "8002";
/// A caller of the nurse line who has not heard the 911 notice when she must have.
const DANGEROUS: (&str, &str) = ("play: { prompts: dial_911_notice,", "play: { prompts: welcome_nurse_line,");

async fn server(folder: &FlowsFolder, more: &str) -> Server {
    let call_flows = folder.path().to_owned();
    Server::start(Options { call_flows, calls: 10, more: more.to_owned(), ..Options::default() })
        .await
        .unwrap()
}

/// Asks the API: whether it did so, and what it says of it.
async fn asked(server: &Server, path: &str) -> (bool, Value) {
    let (status, body) = server.post(path, r#"{"by": "Dr. Test"}"#).await.unwrap();
    (status == 200, serde_json::from_str(&body).unwrap())
}

/// The versions there were, the one activated last first.
async fn versions(server: &Server) -> Vec<Value> {
    let (_, body) = server.get("/api/v1/flows").await.unwrap();
    let mut body: Value = serde_json::from_str(&body).unwrap();
    serde_json::from_value(body["versions"].take()).unwrap()
}

async fn active(server: &Server) -> Value {
    versions(server).await.into_iter().find(|version| version["active"] == true).unwrap()
}

/// Records of one kind in the audit log, once there are so many.
async fn records(server: &Server, kind: &str, count: usize) -> Vec<Value> {
    let folder = server.data().join("audit");
    let found = eventually(kind, SOON, async || {
        let records = store::read_records(&folder, 0).filter_map(Result::ok);
        let of_kind: Vec<Value> = records
            .filter_map(|(_, bytes)| serde_json::from_slice(&bytes).ok())
            .filter(|record: &Value| record["type"] == kind)
            .collect();
        (of_kind.len() >= count).then_some(of_kind)
    });
    found.await.unwrap()
}

#[tokio::test]
async fn in_production_a_flow_nobody_approved_is_refused_by_reload_rollback_and_start() {
    let folder = FlowsFolder::new().unwrap();
    let mut server = server(&folder, "").await;
    let of_trials = active(&server).await["version"].clone();
    folder.approve_all().unwrap();
    let path = server.data().parent().unwrap().join("careline.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("environment: test", "environment: production")).unwrap();
    let (done, said) = asked(&server, "/api/v1/reload").await;
    assert!(done, "{said}");
    let approved = active(&server).await["version"].clone();
    assert_ne!(approved, of_trials, "approval is part of a version");

    let caller = server.caller("15550100131").await.unwrap();
    let call = caller.call(NURSE_LINE).await.unwrap();
    call.established().await.unwrap();
    let (done, said) = asked(&server, "/api/v1/flows/rollback").await;
    assert!(!done && said["error"].as_str().unwrap().contains("nobody has approved this flow"), "{said}");
    folder.edit("nurse-line.yaml", "wait: 7s", "wait: 6s").unwrap();
    let (done, said) = asked(&server, "/api/v1/reload").await;
    let error = said["error"].as_str().unwrap();
    assert!(!done && error.contains("nurse-line.yaml:9") && error.contains("nobody has approved"), "{error}");
    assert_eq!(server.metric("careline_reload_refused").await.unwrap(), Some(1.0));
    assert_eq!(active(&server).await["version"], approved);
    let refused = records(&server, "setup.refused", 2).await;
    let origins: Vec<&Value> = refused.iter().map(|record| &record["fields"]["origin"]).collect();
    assert_eq!(origins, ["rollback", "api"]);
    for record in &refused {
        assert_eq!(record["fields"]["by"], "Dr. Test");
        assert!(
            record["fields"]["why"].as_str().unwrap().contains("nobody has approved this flow"),
            "{record}"
        );
    }
    call.hears_speech(SOON).await.unwrap();
    call.hang_up().await.unwrap();

    // A node that starts with such files answers with what it had; one that had nothing does not start.
    server.kill().await.unwrap();
    server.restart().await.unwrap();
    assert_eq!(active(&server).await["version"], approved);
    assert_eq!(server.metric("careline_reload_refused").await.unwrap(), Some(1.0));
    let call_flows = folder.path().to_owned();
    let first = Server::start(Options { call_flows, environment: "production", ..Options::default() }).await;
    assert!(first.err().unwrap().to_string().contains("nobody has approved this flow"));
}

#[tokio::test]
async fn an_exception_stands_in_the_audit_log_with_who_answers_for_it_and_until_when() {
    let folder = FlowsFolder::new().unwrap();
    let exception = |rule: &str| {
        format!(
            "  - {{ flow: nurse-line, rule: {rule}, by: Dr. Test, reason: nobody calls here, until: 2999-12-31 }}\n"
        )
    };
    let server =
        server(&folder, &format!("flow_overrides:\n{}{}", exception("S1"), exception("promise"))).await;
    folder.edit("nurse-line.yaml", DANGEROUS.0, DANGEROUS.1).unwrap();
    let (done, said) = asked(&server, "/api/v1/reload").await;
    assert!(done, "{said}");
    let told = records(&server, "config.override", 2).await;
    let mut rules: Vec<&str> = told.iter().map(|record| record["fields"]["what"].as_str().unwrap()).collect();
    rules.sort_unstable();
    assert_eq!(rules, ["nurse-line S1", "nurse-line promise"]);
    for record in &told {
        let fields = &record["fields"];
        let said = ["by", "reason", "until", "state"].map(|key| fields[key].as_str().unwrap());
        assert_eq!(said, ["Dr. Test", "nobody calls here", "2999-12-31", "in_force"]);
    }
    let loaded = records(&server, "setup.loaded", 2).await;
    let last = &loaded.last().unwrap()["fields"];
    assert_eq!((&last["origin"], &last["by"]), (&"api".into(), &"Dr. Test".into()));
    assert_eq!(last["flows"], active(&server).await["version"]);
}

#[tokio::test]
async fn a_caller_in_a_flow_that_is_deleted_still_presses_her_way_through_it_to_a_nurse() {
    let folder = FlowsFolder::new().unwrap();
    let server = server(&folder, "").await;
    let nurse = server.agent_at_work("nurse1").await.unwrap();
    let caller = server.caller("15550100132").await.unwrap();
    let call = caller.call(SCHEDULING).await.unwrap();
    call.established().await.unwrap();
    call.hears_speech(SOON).await.unwrap();
    fs::remove_file(folder.path().join("scheduling.yaml")).unwrap();
    let (done, said) = asked(&server, "/api/v1/reload").await;
    assert!(done, "{said}");
    assert_eq!(server.metric("careline_flow_versions").await.unwrap(), Some(2.0));

    call.press("9").await.unwrap();
    let rings = nurse.incoming_within(SOON).await.unwrap();
    let conversation = rings.answer().await.unwrap();
    conversation.established().await.unwrap();
    call.play_tone(440.0);
    conversation.hears_tone(440.0, SOON).await.unwrap();
    assert!(call.is_established());
    call.hang_up().await.unwrap();
}

#[tokio::test]
async fn an_old_version_leaves_memory_with_its_last_call_and_not_before() {
    let folder = FlowsFolder::new().unwrap();
    let server = server(&folder, "").await;
    let old = active(&server).await["version"].clone();
    let mut callers = Vec::new();
    let mut calls = Vec::new();
    for number in ["15550100133", "15550100134"] {
        let caller = server.caller(number).await.unwrap();
        let call = caller.call(NURSE_LINE).await.unwrap();
        call.established().await.unwrap();
        callers.push(caller);
        calls.push(call);
    }
    folder.edit("nurse-line.yaml", "wait: 7s", "wait: 6s").unwrap();
    let (done, said) = asked(&server, "/api/v1/reload").await;
    assert!(done, "{said}");
    for (ends, left) in calls.into_iter().zip([1, 0]) {
        let in_memory = server.metric("careline_flow_versions").await.unwrap();
        assert_eq!(in_memory, Some(2.0), "a call is on the old one");
        ends.hang_up().await.unwrap();
        let counted = eventually("a call fewer on the old version", SOON, async || {
            let all = versions(&server).await;
            all.into_iter().find(|it| it["version"] == old && it["calls"] == left)
        });
        let listed = counted.await.unwrap();
        assert_eq!((&listed["active"], &listed["kept"]), (&false.into(), &true.into()));
    }
    let let_go = eventually("the old version let go", SOON, async || {
        (server.metric("careline_flow_versions").await.ok()? == Some(1.0)).then_some(())
    });
    let_go.await.unwrap();
    // Out of memory, and still there to go back to.
    assert!(asked(&server, "/api/v1/flows/rollback").await.0);
    assert_eq!(active(&server).await["version"], old);
}

#[tokio::test]
async fn a_kept_version_that_somebody_edited_is_not_what_it_is_named_for_and_is_refused() {
    let folder = FlowsFolder::new().unwrap();
    let server = server(&folder, "").await;
    let first = active(&server).await["version"].as_str().unwrap().to_owned();
    folder.edit("nurse-line.yaml", "wait: 7s", "wait: 6s").unwrap();
    assert!(asked(&server, "/api/v1/reload").await.0);
    let second = active(&server).await["version"].clone();
    let kept = server.data().join("flows").join(&first).join("nurse-line.yaml");
    let text = fs::read_to_string(&kept).unwrap();
    fs::remove_file(&kept).unwrap();
    fs::write(&kept, text.replace("wait: 7s", "wait: 9s")).unwrap();
    let (done, said) = asked(&server, "/api/v1/flows/rollback").await;
    assert!(
        !done && said["error"].as_str().unwrap().contains("no longer the version they are named for"),
        "{said}"
    );
    assert_eq!(active(&server).await["version"], second);
}
