//! Drills, as text for people and as JSON. Must not decide whether a drill was caught.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::verify::{Report, paragraph};
use crate::concerns::people::Holder;
use crate::ops::rehearse::Drilled;
use crate::plain::plain;

/// The matrix: a line a drill; what was missed or came unexpected below it.
pub fn text(drilled: &[Drilled]) -> String {
    let mut out = String::new();
    for drill in drilled {
        line(&mut out, drill);
    }
    let caught = drilled.iter().filter(|drill| drill.is_caught()).count();
    let missed: usize = drilled.iter().map(|drill| drill.missed.len()).sum();
    let unexpected: usize = drilled.iter().map(|drill| drill.unexpected.len()).sum();
    let style = style(caught == drilled.len());
    let _ = writeln!(
        out,
        "{style}{caught} of {} drills caught{style:#}; {missed} checks missed their fault, {unexpected} turned red for \
         nothing",
        drilled.len()
    );
    out
}

/// One drill, with the rows that turned red, for somebody who watches a single one.
pub fn detailed(drill: &Drilled, holders: &[Holder]) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "fault: {}", plain(drill.fault));
    for row in &drill.rows {
        super::verify::check(&mut out, row, holders);
    }
    line(&mut out, drill);
    out
}

fn line(out: &mut String, drill: &Drilled) {
    let word = if drill.is_caught() { "caught" } else { "missed" };
    let style = style(drill.is_caught());
    let number = drill.number.map(|number| format!(" ({number})")).unwrap_or_default();
    let red = if drill.red.is_empty() { "nothing turned red".to_owned() } else { drill.red.join(" ") };
    let head = format!("{}{number}: {}", drill.id, red);
    paragraph(out, &format!("{style}{word:<8}{style:#} "), 9, &plain(&head));
    for (what, ids) in [("stayed green", &drill.missed), ("red for nothing", &drill.unexpected)] {
        if !ids.is_empty() {
            paragraph(out, &format!("{:9}", ""), 9, &format!("{what}: {}", ids.join(" ")));
        }
    }
}

fn style(good: bool) -> Style {
    let colour = if good { AnsiColor::Green } else { AnsiColor::Red };
    colour.on_default().bold()
}

/// The report of a healthy run, or its head alone, with the drills beside.
///
/// # Errors
///
/// When the report cannot be written as JSON.
pub fn json(report: &Report, drilled: &[Drilled]) -> serde_json::Result<String> {
    let mut value = super::verify::value(report)?;
    let drills: Vec<Value> = drilled
        .iter()
        .map(|drill| {
            json!({
                "id": drill.id,
                "expected": drill.expected,
                "red": drill.red,
                "missed": drill.missed,
                "unexpected": drill.unexpected,
            })
        })
        .collect();
    value["drills"] = Value::Array(drills);
    Ok(format!("{value:#}\n"))
}
