//! The arithmetic of a launch, as text for people. Must not compute.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::capacity::Capacity;
use crate::language::Language;
use crate::plain::plain;

/// Section by section, in columns; then whether it suffices.
pub fn text(capacity: &Capacity) -> String {
    let mut out = String::new();
    let bold = Style::new().bold();
    for section in capacity.shown(Language::En) {
        let _ = writeln!(out, "{bold}{}{bold:#}", section.title);
        let width = |of: fn(&crate::capacity::Line) -> &str| {
            section.lines.iter().map(|line| plain(of(line)).chars().count()).max().unwrap_or(0)
        };
        let (what, is) = (width(|line| &line.what), width(|line| &line.is));
        for line in &section.lines {
            let (left, middle, right) = (plain(&line.what), plain(&line.is), plain(&line.how));
            let _ = writeln!(out, "  {left:what$}  {middle:>is$}  = {right}");
        }
        out.push('\n');
    }
    let (style, word) = match capacity.is_enough() {
        true => (AnsiColor::Green.on_default(), "enough"),
        false => (AnsiColor::Red.on_default().bold(), "short"),
    };
    let _ = writeln!(out, "{style}{word}{style:#}: what is planned, against what the busiest second needs");
    out
}
