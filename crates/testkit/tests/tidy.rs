//! What a reviewer should not have to look for. Relies on the formatting `cargo fmt` gives: a function ends
//! at the first brace that stands where it began.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

/// A function that does not fit a screen and a half has more than one idea.
const FUNCTION_LINES_MAX: usize = 70;

/// A file beyond this says at its top, after `Long:`, why it is one file.
const FILE_LINES_MAX: usize = 900;

/// What no file a person reads contains: work left undone, and paths of one person's machine.
const FORBIDDEN: [&str; 6] = ["TODO", "FIXME", "XXX", "/home/", "/root/", "/Users/"];

/// In code, not in comments: what it looks like, and what to do instead.
const FORBIDDEN_CODE: [(&str, &str); 6] = [
    ("unbounded", "every queue has a bound, a reason for it and a decision for when it is full"),
    ("todo!(", "do it"),
    ("unimplemented!(", "do it"),
    ("fn get_", "name what it is: `state`, not `get_state`"),
    ("fn process_", "say what is done, or `handle`"),
    ("dbg!(", "print nothing"),
];

/// File names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 9] =
    ["util", "utils", "helper", "helpers", "common", "misc", "manager", "types", "stuff"];

/// Kinds of files people write, and folders they do not.
const WRITTEN: [&str; 9] = ["rs", "md", "yaml", "yml", "toml", "sql", "sh", "html", "js"];
const MADE: [&str; 6] = ["target", "node_modules", ".git", "corpus", "artifacts", "results"];

struct Source {
    /// From the top of the repository.
    path: PathBuf,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.iter().any(|part| part == "tests" || part == "testkit") || self.path.ends_with("tests.rs")
    }

    /// Line number and code of each line, without comments; and whether it is in a test.
    fn code(&self) -> impl Iterator<Item = (usize, &str, bool)> {
        let mut is_test = self.is_test();
        (1..).zip(self.text.lines()).map(move |(number, line)| {
            is_test |= line.trim() == "#[cfg(test)]";
            (number, line.split_once("//").map_or(line, |(code, _)| code), is_test)
        })
    }

    /// Whether the comment above a line gives the reason for an exception.
    fn is_excused(&self, line: usize, word: &str) -> bool {
        let above = self.text.lines().take(line.saturating_sub(1)).collect::<Vec<_>>();
        let comment = above.iter().rev().take_while(|line| line.trim().starts_with(['/', '#']));
        comment.into_iter().any(|line| line.contains(word))
    }

    fn at(&self, number: usize, line: &str, what: &str) -> String {
        format!("{}:{number}: {}: {what}", self.path.display(), line.trim())
    }
}

/// Every file people write, in the order of its path.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (mut folders, mut sources) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.extend((!MADE.contains(&name.as_str())).then_some(path));
            } else if WRITTEN.contains(&name.rsplit('.').next().unwrap())
                && name != "tidy.rs"
                && let Ok(text) = fs::read_to_string(&path)
            {
                sources.push(Source { path: path.strip_prefix(&root).unwrap().to_owned(), text });
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(sources.len() > 100, "only {} files were found", sources.len());
    sources
}

fn rust() -> impl Iterator<Item = Source> {
    sources().into_iter().filter(|source| source.path.extension().is_some_and(|kind| kind == "rs"))
}

#[track_caller]
fn none(findings: Vec<String>) {
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

#[test]
fn nothing_is_left_undone_and_nothing_names_one_machine() {
    let mut findings = Vec::new();
    for source in sources() {
        for (number, line) in (1..).zip(source.text.lines()) {
            let found = FORBIDDEN.iter().filter(|bad| line.contains(**bad));
            findings.extend(found.map(|bad| source.at(number, line, bad)));
        }
    }
    none(findings);
}

#[test]
fn code_has_no_unbounded_queue_and_no_empty_verb() {
    let mut findings = Vec::new();
    for source in rust() {
        for (number, code, _) in source.code() {
            let found = FORBIDDEN_CODE.iter().filter(|(bad, _)| code.contains(bad));
            findings.extend(found.map(|(_, instead)| source.at(number, code, instead)));
        }
    }
    none(findings);
}

/// A comment `Sleeps:` above says why a test must.
#[test]
fn no_test_sleeps() {
    let mut findings = Vec::new();
    for source in rust() {
        for (number, code, _) in
            source.code().filter(|(_, code, is_test)| *is_test && code.contains("sleep("))
        {
            let is_excused = source.is_excused(number, "Sleeps:");
            findings.extend((!is_excused).then(|| source.at(number, code, "wait for what happens")));
        }
    }
    none(findings);
}

/// A comment `Long:` above says why a function must be.
#[test]
fn functions_fit_a_screen_and_a_half() {
    let mut findings = Vec::new();
    for source in rust() {
        let mut open: Option<(usize, &str, usize)> = None;
        for (number, line) in (1..).zip(source.text.lines()) {
            let indent = line.len() - line.trim_start().len();
            if open.is_none() && starts_function(line) {
                open = Some((number, line, indent));
            }
            let Some((start, name, column)) = open else { continue };
            if indent == column && (line.trim() == "}" || line.ends_with(';') || line.ends_with('}')) {
                open = None;
                let lines = number - start + 1;
                if lines > FUNCTION_LINES_MAX && !source.is_excused(start, "Long:") {
                    findings.push(source.at(start, name, &format!("{lines} lines")));
                }
            }
        }
    }
    none(findings);
}

fn starts_function(line: &str) -> bool {
    let is_qualifier =
        |word: &str| word.starts_with("pub") || ["const", "async", "unsafe", "in", "crate)"].contains(&word);
    line.trim_start().split_once("fn ").is_some_and(|(before, _)| before.split_whitespace().all(is_qualifier))
}

#[test]
fn long_files_say_why_and_names_say_what() {
    let mut findings = Vec::new();
    for source in rust() {
        let (lines, path) = (source.text.lines().count(), source.path.display());
        let says_why = source.text.lines().take(20).any(|line| line.starts_with("//! Long:"));
        if lines > FILE_LINES_MAX && !says_why {
            findings.push(format!("{path}: {lines} lines, and no `//! Long:` says why"));
        }
        let stem = source.path.file_stem().unwrap().to_string_lossy().into_owned();
        findings.extend(EMPTY_NAMES.contains(&stem.as_str()).then(|| format!("{path}: what is in it?")));
    }
    none(findings);
}

#[test]
fn every_source_file_is_compiled() {
    let all: Vec<Source> = rust().collect();
    let is_root =
        |path: &Path| ["lib", "main", "mod", "build"].iter().any(|stem| path.file_stem().unwrap() == *stem);
    let in_src =
        all.iter().filter(|source| source.path.iter().any(|part| part == "src") && !is_root(&source.path));
    let dead = in_src.filter(|source| {
        let declared = format!("mod {};", source.path.file_stem().unwrap().to_string_lossy());
        let near = |other: &Source| {
            source.path.starts_with(other.path.parent().unwrap()) && other.text.contains(&declared)
        };
        !all.iter().any(near) && !source.path.iter().any(|part| part == "bin")
    });
    none(dead.map(|source| format!("{}: nothing declares it", source.path.display())).collect());
}
