//! What comes as a call flow.

use flow::{Environment, Finding, Source, compile};

/// A file of any bytes is a library or has errors, and each error can be shown with its place.
pub fn flow(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let sources = [Source { path: "x.yaml".to_owned(), text }];
    let compiled = compile(&sources, &Environment::default());
    assert!(compiled.library.is_some() != compiled.findings.iter().any(Finding::is_error));
    for finding in &compiled.findings {
        let shown = finding.render(sources.first().map(|source| source.text.as_str()));
        assert!(shown.len() < 20_000, "an error is read by a person");
    }
}
