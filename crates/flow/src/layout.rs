//! One layout for every file: two spaces a level, one blank line at most, spaces in `{ a: b }` and none in `[a, b]`.
//!
//! Works line by line, so that comments stay where they are, and then reads both texts: where the new one would mean
//! anything else, the layout is left as it was.

use crate::document::{self, Node, Value};

/// The file in the one layout. A file that cannot be read, or that would read otherwise, comes back as it is.
///
/// Laying out twice changes nothing more.
pub fn lay_out(text: &str) -> String {
    let Ok(before) = document::read("", text) else { return text.to_owned() };
    let means_the_same = |after: &String| {
        document::read("", after).is_ok_and(|after| same(&before, &after)) && lines(after, true) == *after
    };
    let laid_out = lines(text, true);
    if means_the_same(&laid_out) { laid_out } else { text.to_owned() }
}

/// Whether two trees say the same, wherever it stands.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Null, Value::Null) => true,
        (Value::Scalar(a), Value::Scalar(b)) => a.text == b.text && a.is_quoted == b.is_quoted,
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((ka, a), (kb, b))| ka.text == kb.text && same(a, b))
        }
        _ => false,
    }
}

/// A level of nesting: where it stood, where it stands now, and whether it is a list.
#[derive(Clone, Copy, Debug)]
struct Level {
    was: usize,
    is: usize,
    is_list: bool,
}

/// What the lines so far leave open.
#[derive(Debug, Default)]
struct Open {
    /// Brackets, and the quote a text began with.
    depth: usize,
    quote: Option<char>,
    /// Indentation of the key a block text (`|`, `>`) belongs to.
    block: Option<(usize, usize)>,
}

// Long: what the lines before leave open decides about each; apart, every part would need all of it.
fn lines(text: &str, tidy: bool) -> String {
    let mut levels = vec![Level { was: 0, is: 0, is_list: false }];
    let mut open = Open::default();
    let mut out: Vec<String> = Vec::new();
    let mut waiting: Vec<&str> = Vec::new();
    let mut shift = 0_isize;
    let mut opens_level = false;
    for line in text.lines() {
        let content = line.trim();
        let was = line.len() - line.trim_start().len();
        if let Some((parent, moved)) = open.block {
            if content.is_empty() || was > parent {
                let kept = was.saturating_sub(parent) + moved;
                out.push(if content.is_empty() {
                    String::new()
                } else {
                    format!("{:kept$}{}", "", line.trim_start())
                });
                continue;
            }
            open.block = None;
        }
        if open.depth > 0 || open.quote.is_some() {
            // The rest of something begun above keeps its place beside it.
            let at = was.saturating_add_signed(shift);
            let _ = scan(content, &mut open);
            out.push(if content.is_empty() { String::new() } else { format!("{:at$}{content}", "") });
            continue;
        }
        if content.is_empty() || content.starts_with('#') {
            waiting.push(content);
            continue;
        }
        let is_item = content == "-" || content.starts_with("- ");
        while levels.len() > 1
            && levels.last().is_some_and(|top| top.was > was || (top.was == was && top.is_list && !is_item))
        {
            levels.pop();
        }
        let top = levels.last().copied().unwrap_or(Level { was: 0, is: 0, is_list: false });
        let is = if was > top.was || (is_item && !top.is_list && opens_level) {
            let is = if levels.len() == 1 && top.was == 0 && was == 0 && !is_item { 0 } else { top.is + 2 };
            levels.push(Level { was, is, is_list: is_item });
            is
        } else {
            top.is
        };
        push_waiting(&mut out, &mut waiting, is);
        shift = isize::try_from(is).unwrap_or_default() - isize::try_from(was).unwrap_or_default();
        let mut rest = content;
        let mut inner = (was, is);
        let mut begins = String::new();
        while let Some(item) = rest.strip_prefix("- ") {
            let item = item.trim_start();
            inner = (inner.0 + (rest.len() - item.len()), inner.1 + 2);
            begins.push_str("- ");
            rest = item;
            levels.push(Level { was: inner.0, is: inner.1, is_list: rest.starts_with("- ") });
        }
        let tidied = scan(rest, &mut open);
        let shown = if tidy && open.depth == 0 && open.quote.is_none() { tidied } else { rest.to_owned() };
        let bare = without_comment(rest);
        opens_level = bare.ends_with(':');
        let block = bare.rsplit(' ').next().unwrap_or_default();
        if block.starts_with(['|', '>']) && block.len() <= 3 && (bare.contains(": ") || !begins.is_empty()) {
            open.block = Some(inner);
        }
        out.push(format!("{:is$}{begins}{shown}", ""));
    }
    push_waiting(&mut out, &mut waiting, 0);
    while out.last().is_some_and(String::is_empty) {
        out.pop();
    }
    out.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Comments and blank lines before a line, where that line stands; never two blank lines, none at the top.
fn push_waiting(out: &mut Vec<String>, waiting: &mut Vec<&str>, is: usize) {
    for content in waiting.drain(..) {
        if !content.is_empty() {
            out.push(format!("{:is$}{content}", ""));
        } else if out.last().is_some_and(|last| !last.is_empty()) {
            out.push(String::new());
        }
    }
}

fn without_comment(content: &str) -> &str {
    content.find(" #").and_then(|at| content.get(..at)).unwrap_or(content).trim_end()
}

/// Reads one line, noting what it leaves open; returns it with its spaces in order.
// Long: one arm for each kind of character.
fn scan(content: &str, open: &mut Open) -> String {
    let mut out = String::new();
    let mut chars = content.char_indices().peekable();
    // Where a new word may begin: only there brackets and quotes mean something.
    let mut at_word = true;
    while let Some((at, c)) = chars.next() {
        if let Some(quote) = open.quote {
            out.push(c);
            if c == '\\' && quote == '"' {
                out.extend(chars.next().map(|(_, c)| c));
            } else if c == quote {
                if quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\'') {
                    out.extend(chars.next().map(|(_, c)| c));
                } else {
                    open.quote = None;
                }
            }
            at_word = false;
            continue;
        }
        match c {
            '"' | '\'' if at_word => {
                open.quote = Some(c);
                out.push(c);
            }
            '#' if out.is_empty() || content.get(..at).is_some_and(|before| before.ends_with(' ')) => {
                // Whoever lined comments up keeps them so.
                let spaces = content.get(..at).map_or(0, |before| before.len() - before.trim_end().len());
                let kept = out.trim_end().len();
                out.truncate(kept);
                out.extend(std::iter::repeat_n(' ', spaces));
                out.push_str(content.get(at..).unwrap_or_default());
                return out;
            }
            '{' | '[' if at_word => {
                open.depth += 1;
                out.push(c);
                while chars.next_if(|(_, next)| *next == ' ').is_some() {}
                if c == '{' && chars.peek().is_some_and(|(_, next)| *next != '}') {
                    out.push(' ');
                }
                continue;
            }
            '}' | ']' if open.depth > 0 => {
                open.depth -= 1;
                let kept = out.trim_end().len();
                out.truncate(kept);
                if c == '}' && !out.ends_with('{') {
                    out.push(' ');
                }
                out.push(c);
                at_word = false;
                continue;
            }
            ',' if open.depth > 0 => {
                let kept = out.trim_end().len();
                out.truncate(kept);
                out.push(c);
                while chars.next_if(|(_, next)| *next == ' ').is_some() {}
                if chars.peek().is_some() {
                    out.push(' ');
                }
                at_word = true;
                continue;
            }
            ' ' => {
                let is_after_key = out.ends_with(':') || out.ends_with(' ');
                if !(is_after_key && out.ends_with(' ')) || (open.depth == 0 && !out.ends_with(": ")) {
                    out.push(' ');
                }
                at_word = out.ends_with(": ") || open.depth > 0 && out.ends_with(", ");
                continue;
            }
            _ => out.push(c),
        }
        at_word = false;
    }
    out
}
