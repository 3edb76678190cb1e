//! Everything an enemy ever sent that taught something: the targets on what is kept in
//! `corpus/` and `regressions/` of `tests/fuzz`, and on the torture messages, without a fuzzer.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests read their cases from files and name the one that fails"
)]

use std::fs;
use std::path::{Path, PathBuf};

use enemy::TARGETS;
use proptest::collection::vec;
use proptest::prelude::*;
use testkit::{rfc4475, rfc5118};

/// The files of one target, in the order of their names.
fn kept(folder: &str, target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz").join(folder).join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.retain(|file| !file.ends_with(".gitkeep"));
    files.sort();
    files
}

fn replay(folder: &str, at_least: usize) {
    for (name, target) in TARGETS {
        let files = kept(folder, name);
        assert!(files.len() >= at_least, "{folder}/{name} has only {} files", files.len());
        for file in files {
            // Where one fails, its name is the last one printed.
            println!("{}", file.display());
            target(&fs::read(&file).unwrap());
        }
    }
}

#[test]
fn what_broke_something_once_breaks_it_no_more() {
    replay("regressions", 0);
}

#[test]
fn what_is_kept_of_every_target_holds() {
    replay("corpus", 5);
}

#[test]
fn every_target_takes_every_torture_message() {
    let messages =
        rfc4475::ALL.iter().map(|torture| torture.bytes).chain(rfc5118::ALL.iter().map(|it| it.bytes));
    for message in messages {
        for (_, target) in TARGETS {
            target(message);
        }
        enemy::framer(&[&[2, 7, 40], message].concat());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_at_all_are_a_sequence_of_events_that_ends_well(bytes in vec(any::<u8>(), 0..900)) {
        enemy::transaction(&bytes);
        enemy::dialog(&bytes);
        enemy::packets(&bytes);
        enemy::sdp(&bytes);
    }
}
