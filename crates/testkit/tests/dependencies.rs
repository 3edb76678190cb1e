//! Dependencies point one way: `crates/README.md`, read back from what cargo resolves.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

const LEAVES: [&str; 5] =
    ["careline-sip", "careline-media", "careline-flow", "careline-acd", "careline-audit"];

/// What reaches the network, a disk, a database, a runtime or the operating system's randomness.
const OUTSIDE: [&str; 28] = [
    "async-io",
    "async-std",
    "axum",
    "curl",
    "diesel",
    "fastrand",
    "getrandom",
    "hyper",
    "io-uring",
    "libsqlite3-sys",
    "memmap2",
    "mio",
    "nix",
    "notify",
    "polling",
    "postgres",
    "quinn",
    "rand",
    "reqwest",
    "rusqlite",
    "rustix",
    "smol",
    "socket2",
    "sqlx",
    "tempfile",
    "tokio",
    "ureq",
    "walkdir",
];

const SQL: [&str; 6] = ["diesel", "libsqlite3-sys", "postgres", "rusqlite", "sqlx", "tokio-postgres"];

/// Which package is linked into which. Not what only tests, benches and build scripts use.
///
/// By package id, since two versions of a package need not need the same.
struct Dependencies {
    names: BTreeMap<String, String>,
    linked: BTreeMap<String, BTreeSet<String>>,
}

impl Dependencies {
    fn read() -> Self {
        let arguments = ["metadata", "--offline", "--format-version", "1", "--filter-platform", "host-tuple"];
        let output = Command::new(env!("CARGO")).args(arguments).output().unwrap();
        assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let packages = metadata["packages"].as_array().unwrap().iter();
        let names = packages.map(|package| (text(&package["id"]), text(&package["name"]))).collect();
        let is_linked = |dependency: &&Value| {
            dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null())
        };
        let linked = metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|node| {
            let dependencies = node["deps"].as_array().unwrap().iter().filter(is_linked);
            (text(&node["id"]), dependencies.map(|dependency| text(&dependency["pkg"])).collect())
        });
        Self { names, linked: linked.collect() }
    }

    /// Everything linked into one of ours, by name, with the way it is reached.
    fn closure(&self, package: &str) -> BTreeMap<String, String> {
        let (root, name) = self.names.iter().find(|(_, name)| *name == package).unwrap();
        let mut ways = BTreeMap::new();
        let mut next = vec![(root, name.clone())];
        while let Some((id, way)) = next.pop() {
            for dependency in &self.linked[id] {
                if !ways.contains_key(dependency) {
                    let way = format!("{way} → {}", self.names[dependency]);
                    ways.insert(dependency, way.clone());
                    next.push((dependency, way));
                }
            }
        }
        ways.into_iter().map(|(id, way)| (self.names[id].clone(), way)).collect()
    }

    /// Our packages, each with what it names itself.
    fn ours(&self) -> impl Iterator<Item = (&str, BTreeSet<&str>)> {
        let name = |id: &String| self.names[id].as_str();
        let ours = self.linked.iter().filter(move |(id, _)| name(id).starts_with("careline"));
        ours.map(move |(id, direct)| (name(id), direct.iter().map(name).collect()))
    }
}

/// What a package needs when it is built by itself. In the whole workspace, what the server asks of a library is
/// added for everybody who uses it.
fn linked_alone(package: &str) -> BTreeSet<String> {
    let arguments = ["tree", "--offline", "--edges", "normal", "--prefix", "none", "--package", package];
    let output = Command::new(env!("CARGO")).args(arguments).output().unwrap();
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.split(' ').next());
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    assert!(names.contains("careline-flow"), "cargo tree tells something else: {text}");
    names
}

#[test]
fn the_five_leaves_know_nothing_of_each_other() {
    let dependencies = Dependencies::read();
    for leaf in LEAVES {
        let ours: Vec<_> =
            dependencies.closure(leaf).into_keys().filter(|name| name.starts_with("careline")).collect();
        assert_eq!(ours, ["careline-primitives"], "{leaf}");
    }
}

#[test]
fn nothing_under_call_reaches_the_world_outside() {
    let closure = Dependencies::read().closure("careline-call");
    let alone = linked_alone("careline-call");
    let found: Vec<_> =
        OUTSIDE.iter().filter(|name| alone.contains(**name)).filter_map(|name| closure.get(*name)).collect();
    assert!(found.is_empty(), "{found:?}");
    let reached: Vec<_> = closure.keys().filter(|name| name.starts_with("careline")).collect();
    let below = ["acd", "audit", "flow", "media", "primitives", "sip"].map(|name| format!("careline-{name}"));
    assert_eq!(reached, below.iter().collect::<Vec<_>>());
}

#[test]
fn only_the_store_knows_sql() {
    for (name, direct) in Dependencies::read().ours() {
        let sql: Vec<_> = direct.iter().filter(|dependency| SQL.contains(*dependency)).collect();
        assert!(sql.is_empty() || name == "careline-store", "{name} depends on {sql:?}");
    }
}

#[test]
fn nothing_depends_on_the_server_and_only_tests_on_the_testkit() {
    for (name, direct) in Dependencies::read().ours() {
        assert!(!direct.contains("careline"), "{name} depends on the server");
        let may = name == "careline-tests" || !direct.contains("careline-testkit");
        assert!(may, "{name} ships the testkit");
    }
}

#[test]
fn the_telephone_is_independent_of_what_it_tests() {
    let closure = Dependencies::read().closure("careline-phone");
    let ours: Vec<_> = closure.into_keys().filter(|name| name.starts_with("careline")).collect();
    assert!(ours.is_empty(), "{ours:?}");
}

#[test]
fn the_store_knows_the_log_it_keeps_and_no_call() {
    let closure = Dependencies::read().closure("careline-store");
    let ours: Vec<_> = closure.into_keys().filter(|name| name.starts_with("careline")).collect();
    assert_eq!(ours, ["careline-audit", "careline-primitives"]);
}
