//! The call flows that ship, with a crowd in front of them that presses whatever it likes, over a bad network.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use acd::{AgentConfig, QueueConfig};
use flow::{PromptRef, Source};
use testkit::sim::{Conditions, Crowd, Failure, Sim, World, agent_habit};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Keys two spaces in: the names of `queues.yaml` and `numbers.yaml`.
fn names(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let is_name =
        |line: &&str| line.starts_with("  ") && !line.starts_with("   ") && !line.starts_with("  #");
    text.lines().filter(is_name).filter_map(|line| Some(line.trim().split_once(':')?.0.to_owned())).collect()
}

/// The prompts play as long as the recordings that ship.
fn length(wav: &Path) -> Duration {
    let bytes = std::fs::read(wav).unwrap();
    // Bytes per second stand at 28 of a WAV header of 44.
    let per_second = u32::from_le_bytes(*bytes.get(28..).unwrap().first_chunk().unwrap());
    Duration::from_secs_f64((bytes.len() - 44) as f64 / f64::from(per_second))
}

/// The folder as it ships, its queues with agents who ring short and write no notes.
fn shipped() -> World {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../call-flows");
    let files = files(&root);
    let ending = |wanted: &'static str| {
        files.iter().filter(move |path| path.extension().is_some_and(|ending| ending == wanted))
    };
    let queues: Vec<String> = names(&root.join("queues.yaml"));
    let prompts: BTreeMap<PromptRef, Duration> = ending("wav")
        .map(|wav| {
            let language = wav.parent().unwrap().file_name().unwrap().to_str().unwrap().into();
            (PromptRef { language, name: wav.file_stem().unwrap().to_str().unwrap().into() }, length(wav))
        })
        .collect();
    let agent = |queues: &[&str], skills: &[&str]| AgentConfig {
        queues: queues.iter().map(|queue| (*queue).to_owned()).collect(),
        skills: skills.iter().map(|skill| (*skill).to_owned()).collect(),
        ..AgentConfig::default()
    };
    World {
        flows: ending("yaml")
            .chain(ending("csv"))
            .map(|path| Source {
                path: path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(),
                text: std::fs::read_to_string(path).unwrap(),
            })
            .collect(),
        queues: queues
            .into_iter()
            .map(|name| (name, QueueConfig { ring_secs: 8, wrap_up_secs: 2, ..QueueConfig::default() }))
            .collect(),
        agents: [
            ("anna".to_owned(), agent(&["nurses", "on_call"], &["lang:es"])),
            ("bea".to_owned(), agent(&["nurses"], &[])),
            ("carla".to_owned(), agent(&["reception", "scheduling"], &[])),
        ]
        .into(),
        prompts,
        numbers: names(&root.join("numbers.yaml")).into_iter().map(|name| (name.clone(), name)).collect(),
        ..World::small(0, 0)
    }
}

fn run(seed: u64, world: &World) -> Result<[u64; 2], Failure> {
    let mut sim = Sim::new(seed, world.clone(), Conditions::lossy(15)).unwrap();
    for agent in sim.agents() {
        let phone = sim.phone(&agent).unwrap();
        sim.set_habit(phone, agent_habit);
        sim.sign_in(&agent);
    }
    for number in world.numbers.keys() {
        let phone = sim.phone(number).unwrap();
        sim.set_habit(phone, agent_habit);
    }
    Crowd { calls: 10, within: Duration::from_secs(90), patience: Duration::from_secs(150) }.call(&mut sim);
    sim.finish()?;
    Ok([sim.monitor().arrived, sim.monitor().bridged])
}

#[test]
fn whatever_callers_press_the_flows_that_ship_keep_every_promise_of_the_node() {
    let world = shipped();
    let [arrived, bridged] =
        common::run_all(common::seeds("shipped_flows", 3_000..3_016), |seed| run(seed, &world));
    println!("{arrived} calls arrived, {bridged} conversations");
    assert!(common::is_replay() || bridged > 20, "{bridged} conversations");
}
