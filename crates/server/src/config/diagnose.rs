//! A YAML mistake with line, column, caret and the likely word.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_saphyr::Error;

/// Words nearer than this to one that exists are taken for a slip of the finger.
const SIMILAR_MIN: f64 = 0.7;

/// What is wrong and where, as rustc would print it.
pub fn explain(error: &Error, text: &str, path: &str) -> String {
    let error = error.without_snippet();
    let (wrong, expected) = match error {
        Error::SerdeUnknownField { field, expected, .. } => (Some(field.as_str()), expected.as_slice()),
        Error::SerdeUnknownVariant { variant, expected, .. } => (Some(variant.as_str()), expected.as_slice()),
        _ => (None, &[][..]),
    };
    let help = wrong.and_then(|wrong| {
        let near = |word: &&&str| strsim::jaro_winkler(wrong, word);
        let best = expected.iter().max_by(|a, b| near(a).total_cmp(&near(b)))?;
        Some(if near(&best) >= SIMILAR_MIN {
            format!("did you mean `{best}`?")
        } else {
            format!("these exist: {}", expected.join(", "))
        })
    });
    let title = match wrong {
        None if matches!(error, Error::DuplicateMappingKey { .. }) => {
            "this key stands here a second time".to_owned()
        }
        Some(wrong) => format!("there is no `{wrong}` here"),
        // Its own text repeats the place, which the caret shows.
        None => error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
    };
    let Some(span) = error.location().and_then(|location| {
        let line = usize::try_from(location.line()).ok()?.checked_sub(1)?;
        let column = usize::try_from(location.column()).ok()?.checked_sub(1)?;
        span(text, line, column, wrong)
    }) else {
        return format!("error: {title}\n  --> {path}");
    };
    let snippet = Snippet::source(text).path(path).annotation(AnnotationKind::Primary.span(span));
    let mut report: Vec<Group<'_>> = vec![Level::ERROR.primary_title(&title).element(snippet)];
    if let Some(help) = &help {
        report.push(Group::with_title(Level::HELP.secondary_title(help)));
    }
    Renderer::plain().render(&report)
}

/// The bytes of the word at a line and column: of the wrong word itself, where it stands on that line.
fn span(text: &str, line: usize, column: usize, wrong: Option<&str>) -> Option<std::ops::Range<usize>> {
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let content = text.get(start..)?.lines().next().unwrap_or_default();
    if let Some(wrong) = wrong
        && let Some(at) = content.find(wrong)
    {
        return Some(start + at..start + at + wrong.len());
    }
    let at = content.char_indices().nth(column).map_or(content.len(), |(at, _)| at);
    let rest = content.get(at..).unwrap_or_default();
    let word = rest.find([' ', ',', '}', ']']).unwrap_or(rest.len());
    Some(start + at..start + at + word)
}
