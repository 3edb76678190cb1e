//! What a finding means, for whoever meets its code for the first time: `findings.md` beside the sources.

const FINDINGS: &str = include_str!("../findings.md");

/// What a code means: what is wrong, why it matters to a caller, an example, what to do. Plain text.
///
/// A code of the checker may be given without its `flow/`.
pub fn explain(code: &str) -> Option<&'static str> {
    let code = code.trim();
    sections()
        .find(|(known, _)| *known == code || known.strip_prefix("flow/") == Some(code))
        .map(|(_, text)| text)
}

/// Every code that has an explanation, in the order of the file.
pub fn explained() -> impl Iterator<Item = &'static str> {
    sections().map(|(code, _)| code)
}

/// The code somebody who wrote `code` most likely meant.
pub fn nearest_code(code: &str) -> Option<&'static str> {
    let near = |code: &str| crate::diagnostic::did_you_mean(code, explained());
    near(code).or_else(|| near(&format!("flow/{code}")))
}

fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    FINDINGS
        .split("\n## ")
        .skip(1)
        .filter_map(|section| section.split_once('\n'))
        .map(|(code, text)| (code, text.trim()))
}
