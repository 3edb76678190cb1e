//! Findings: what is wrong, where, and what to do next; printed as rustc prints.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// Characters of one line a rendered finding shows at most, so that a file of one endless line stays readable.
const LINE_CHARS_MAX: usize = 400;

/// A mistake, or something that looks like one.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// A stable code: `flow/unknown-step`.
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// The file.
    pub path: String,
    /// Line and column from 1, and the marked text's length in characters; `None` for the whole file.
    pub place: Option<(usize, usize, usize)>,
    /// Under the caret.
    pub label: String,
    /// The next thing to do.
    pub help: Option<String>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// The flows cannot be used.
    Error,
    /// They can, and somebody should look.
    Warning,
}

impl Finding {
    /// Whether the flows cannot be used.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// As rustc would print it, with the line of `source` and a caret. Plain text: no colours.
    pub fn render(&self, source: Option<&str>) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let group = Group::with_title(level.primary_title(&*self.message).id(self.code));
        let marked = self.place.and_then(|place| Some((place, marked_line(source?, place)?)));
        let group = match (&marked, self.place) {
            (Some(((line, ..), marked)), _) => group.element(
                Snippet::source(&*marked.text)
                    .line_start(*line)
                    .path(&*self.path)
                    .annotation(AnnotationKind::Primary.span(marked.span.clone()).label(&*self.label)),
            ),
            (None, Some((line, column, _))) => {
                group.element(Origin::path(&*self.path).line(line).char_column(column))
            }
            (None, None) => group.element(Origin::path(&*self.path)),
        };
        let group = match &self.help {
            Some(help) => group.element(Level::HELP.message(&**help)),
            None => group,
        };
        Renderer::plain().decor_style(DecorStyle::Ascii).render(&[group])
    }
}

struct Marked {
    text: String,
    span: std::ops::Range<usize>,
}

/// The line a place is on, cut to size, and the marked bytes in it.
fn marked_line(source: &str, (line, column, length): (usize, usize, usize)) -> Option<Marked> {
    let whole = source.lines().nth(line.checked_sub(1)?)?;
    let text: String = whole.chars().take(LINE_CHARS_MAX).collect();
    let byte = |chars: usize| text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    let start = byte(column.saturating_sub(1));
    let end = byte(column.saturating_sub(1).saturating_add(length.max(1))).max(start);
    Some(Marked { span: start..end, text })
}

/// The one of `known` somebody who wrote `word` most likely meant.
pub(crate) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // Nobody mistypes a word this long so that an edit distance would find it.
    const WORD_CHARS_MAX: usize = 60;
    if word.len() > WORD_CHARS_MAX {
        return None;
    }
    known
        .into_iter()
        .filter(|known| known.len() <= WORD_CHARS_MAX)
        .map(|known| (strsim::damerau_levenshtein(word, known), known))
        .filter(|(distance, known)| *distance <= 1 + known.chars().count().min(word.chars().count()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
