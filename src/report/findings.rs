//! Findings as text, in the manner of rustc, and as JSON.
//!
//! Blueprints are other people's bytes: no control character of theirs reaches a terminal from here.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level as Shown, Renderer, Snippet, Title};
use serde_json::json;

use crate::blueprint::Level;
use crate::keys::Refusal;
use crate::ops::lint::{Lint, Remark};
use crate::plain::{plain, steers};

/// Longest line that is shown around a finding, in bytes; of a longer one the beginning of what is meant.
const LINE: usize = 2000;

/// Every remark with its line, then a summary. Styled: whoever prints it strips the styles where nobody sees them
/// ([`crate::cli::Ui::print`] does).
pub fn text(lint: &Lint) -> String {
    let lines = Lines::of(&lint.source.text);
    let renderer = Renderer::styled().decor_style(DecorStyle::Ascii);
    let path = plain(&lint.source.path);
    let mut text = String::new();
    for remark in &lint.remarks {
        text.push_str(&one(remark, &lines, &path, &renderer));
        text.push_str("\n\n");
    }
    text.push_str(&summary(lint, &path));
    text
}

fn one(remark: &Remark, lines: &Lines<'_>, path: &str, renderer: &Renderer) -> String {
    let finding = &remark.finding;
    let level = match finding.level {
        Level::Error => Shown::ERROR,
        Level::Warning => Shown::WARNING,
    };
    let message = plain(&finding.message);
    let title = level.primary_title(message.as_str()).id(finding.rule.id);
    with_caret(title, &remark.bytes, &finding.remedy, lines, path, renderer)
}

/// What is wrong with a file that people write beside the blueprint, each with its line.
pub fn refusals(path: &str, text: &str, refusals: &[Refusal]) -> String {
    let lines = Lines::of(text);
    let renderer = Renderer::styled().decor_style(DecorStyle::Ascii);
    let path = plain(path);
    let mut text = String::new();
    for refusal in refusals {
        let message = plain(&refusal.message);
        let title = Shown::ERROR.primary_title(message.as_str());
        text.push_str(&with_caret(title, &refusal.bytes, &refusal.remedy, &lines, &path, &renderer));
        text.push_str("\n\n");
    }
    text
}

fn with_caret(
    title: Title<'_>,
    bytes: &Range<usize>,
    remedy: &str,
    lines: &Lines<'_>,
    path: &str,
    renderer: &Renderer,
) -> String {
    let place = lines.place(bytes);
    let remedy = plain(remedy);
    // A mark of one column stands for what steers, so that the caret stays where it belongs.
    let harmless = |text: &str| text.replace(|c| steers(c) && c != '\t', "\u{fffd}");
    let before = harmless(&place.text[..place.within.start]);
    let meant = harmless(&place.text[place.within.clone()]);
    let after = harmless(&place.text[place.within.end..]);
    let snippet = Snippet::source(format!("{before}{meant}{after}"))
        .path(path)
        .line_start(place.line)
        .annotation(AnnotationKind::Primary.span(before.len()..before.len() + meant.len()));
    let groups = [title.element(snippet), Group::with_title(Shown::HELP.secondary_title(remedy.as_str()))];
    renderer.render(&groups)
}

fn summary(lint: &Lint, path: &str) -> String {
    let counted = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        more => Some(format!("{more} {word}s")),
    };
    let counts: Vec<String> =
        [counted(lint.count(Level::Error), "error"), counted(lint.count(Level::Warning), "warning")]
            .into_iter()
            .flatten()
            .collect();
    let mut text = match counts.is_empty() {
        true => format!("{path}: no finding\n"),
        false => format!("{path}: {}\n", counts.join(", ")),
    };
    for table in &lint.left_out {
        text.push_str(&format!("{table}: not in this blueprint\n"));
    }
    if let Some(remark) = lint.remarks.first() {
        text.push_str(&format!("Why a rule is there: golive explain {}\n", remark.finding.rule.id));
    }
    text
}

/// `{"golive", "blueprint": {"path", "sha256"}, "findings": [..]}`, pretty-printed, one final newline.
///
/// Lines and columns count from 1, columns and lengths in characters; what spans several lines ends with its
/// first.
pub fn json(lint: &Lint) -> String {
    let lines = Lines::of(&lint.source.text);
    let findings: Vec<serde_json::Value> = lint
        .remarks
        .iter()
        .map(|remark| {
            let finding = &remark.finding;
            let place = lines.place(&remark.bytes);
            json!({
                "rule": finding.rule.id,
                "level": finding.level.as_str(),
                "message": plain(&finding.message),
                "span": { "line": place.line, "column": place.column, "length": place.length },
                "remedy": plain(&finding.remedy),
                "source": finding.rule.source,
            })
        })
        .collect();
    let document = json!({
        "golive": env!("CARGO_PKG_VERSION"),
        "blueprint": { "path": lint.source.path, "sha256": lint.source.sha256 },
        "findings": findings,
    });
    format!("{document:#}\n")
}

/// Where the lines of a text begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

/// A stretch of one line.
struct Line<'a> {
    /// The line without its end; of a very long one, a window.
    text: &'a str,
    /// What is meant, in bytes of `text`.
    within: Range<usize>,
    line: usize,
    column: usize,
    length: usize,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The line of the first byte, and the part of `bytes` on it.
    fn place(&self, bytes: &Range<usize>) -> Line<'a> {
        let first = self.boundary(bytes.start);
        let number = self.starts.partition_point(|start| *start <= first).max(1);
        let start = self.starts[number - 1];
        let end = self.starts.get(number).map_or(self.text.len(), |next| next - 1);
        let line = self.text[start..end].trim_end_matches('\r');
        // A caret at the end of a file whose last line is complete points at nothing: show that line instead.
        let first = first.min(start + line.len());
        let last = self.boundary(bytes.end).clamp(first, start + line.len());
        let (before, meant) = (&line[..first - start], &line[first - start..last - start]);
        let (window, offset) = if line.len() <= LINE {
            (line, 0)
        } else {
            let until = self.boundary((first + LINE).min(start + line.len()));
            (&self.text[first..until], first - start)
        };
        let from = first - start - offset;
        Line {
            text: window,
            within: from..(from + meant.len()).min(window.len()),
            line: number,
            column: before.chars().count() + 1,
            length: meant.chars().count(),
        }
    }

    /// The nearest start of a character at or before this byte.
    fn boundary(&self, byte: usize) -> usize {
        self.text.floor_char_boundary(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_end_before_their_carriage_return() {
        let lines = Lines::of("a = 1\r\né = \"x\"\r\n");
        let place = lines.place(&(7..9));
        assert_eq!((place.text, place.line, place.column, place.length), ("é = \"x\"", 2, 1, 1));
        let place = lines.place(&(12..15));
        assert_eq!((place.line, place.column, place.length), (2, 5, 3));
    }

    #[test]
    fn several_lines_end_with_the_first_and_nothing_is_out_of_bounds() {
        let lines = Lines::of("a = [\n1,\n]\n");
        let place = lines.place(&(4..10));
        assert_eq!((place.line, place.column, place.length), (1, 5, 1));
        for (start, end) in [(11, 11), (99, 120), (5, 3)] {
            let place = lines.place(&(start..end));
            assert!(place.within.end <= place.text.len());
        }
        assert_eq!(Lines::of("").place(&(0..0)).line, 1);
    }

    #[test]
    fn of_a_very_long_line_a_window_is_shown() {
        let text = format!("a = \"{}\"", "é".repeat(5000));
        let lines = Lines::of(&text);
        let place = lines.place(&(4001..4005));
        assert!(place.text.len() <= LINE);
        assert!(text.is_char_boundary(4001) || place.within.start == 0);
    }
}
