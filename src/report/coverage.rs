//! Coverage, as text for people. Must not look for holes.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::verify::paragraph;
use crate::ops::coverage::{ConcernCoverage, Coverage};

/// Concern by concern, then the holes.
pub fn text(coverage: &Coverage, left_out: &[&'static str]) -> String {
    let mut out = String::new();
    for concern in &coverage.concerns {
        one(&mut out, concern);
        out.push('\n');
    }
    for key in left_out {
        let _ = writeln!(out, "{key}: not in this blueprint");
    }
    let red = AnsiColor::Red.on_default().bold();
    for hole in &coverage.holes {
        let what = hole.check.unwrap_or(hole.concern);
        paragraph(&mut out, &format!("{red}hole{red:#}     "), 9, &format!("{what}: {}", hole.because));
    }
    let checks: usize = coverage.concerns.iter().map(|concern| concern.checks.len()).sum();
    let drills: usize = coverage.concerns.iter().map(|concern| concern.drills.len()).sum();
    let (style, holes) = match coverage.holes.len() {
        0 => (AnsiColor::Green.on_default(), "no hole".to_owned()),
        1 => (red, "1 hole".to_owned()),
        more => (red, format!("{more} holes")),
    };
    let concerns = coverage.concerns.len();
    let _ = writeln!(out, "{style}{holes}{style:#}: {concerns} concerns, {checks} checks, {drills} drills");
    out
}

fn one(out: &mut String, concern: &ConcernCoverage) {
    let bold = Style::new().bold();
    let _ = writeln!(out, "{bold}{}{bold:#}", concern.concern);
    let listed = |items: &[String]| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
    paragraph(out, "files    ", 9, &listed(&concern.artifacts));
    for (at, check) in concern.checks.iter().enumerate() {
        let lead = if at == 0 { "checks   " } else { "         " };
        let reddens = match (check.drills.as_slice(), concern.no_drills) {
            ([], Some(because)) => format!("no drill, since {because}"),
            ([], None) => "no drill".to_owned(),
            ([one], _) => format!("1 drill ({one})"),
            (many, _) => format!("{} drills ({})", many.len(), many.join(", ")),
        };
        let subjects = if check.subjects == 1 { String::new() } else { format!(" on {} subjects", check.subjects) };
        paragraph(out, lead, 11, &format!("{}{subjects}: {reddens}", check.id));
    }
    let steps = concern.procedure;
    let procedure = format!("{} steps before, {} when red, {} to go back", steps.before, steps.when_red, steps.undo);
    paragraph(out, "people   ", 9, &procedure);
    let drills = match concern.no_drills {
        Some(because) => format!("none: {because}"),
        None => concern.drills.join(", "),
    };
    paragraph(out, "drills   ", 9, &drills);
}
