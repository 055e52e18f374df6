//! A verification, as text for a tired person at 80 columns, and as JSON for machines (`schema/verify.schema.json`);
//! [`super::page`] has the others.
//! Must not reorder what was run.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use serde::Serialize;

use crate::concerns::Verdict;
use crate::concerns::people::{Holder, Role};
use crate::plain::plain;
use crate::verify::{CheckResult, Outcome, Summary};

/// A verification and the blueprint it was made from.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// As the person gave it.
    pub blueprint_path: &'a str,
    /// Lower-case hexadecimal.
    pub blueprint_sha256: &'a str,
    /// Of the consent under which the live site was asked; `None`: it was only looked at, or rehearsed.
    pub consent_sha256: Option<&'a str>,
    /// Keys of the tables that the blueprint leaves out.
    pub left_out: &'a [&'static str],
    /// Who holds which role.
    pub holders: &'a [Holder],
    pub outcome: &'a Outcome,
}

/// Columns.
const WIDTH: usize = 80;
/// Evidence lines shown under one check; the JSON has them all.
const EVIDENCE_SHOWN: usize = 8;

/// Styled text, ending in a newline; whoever prints it strips the styles where nobody sees them.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    for result in &report.outcome.results {
        check(&mut out, result, report.holders);
    }
    if !report.outcome.results.is_empty() {
        out.push('\n');
    }
    if !report.outcome.rehearsal_only.is_empty() {
        let ids = report.outcome.rehearsal_only.join(", ");
        paragraph(&mut out, "", 2, &format!("only a rehearsal can check: {ids}"));
    }
    for key in report.left_out {
        let _ = writeln!(out, "{key}: not in this blueprint");
    }
    if let Some(reason) = &report.outcome.stopped {
        let style = style(Verdict::Fail);
        paragraph(&mut out, &format!("{style}stopped{style:#}: "), 9, &plain(reason));
    }
    if let Some(sha256) = report.consent_sha256 {
        let _ = writeln!(out, "consent: sha256 {sha256}");
    }
    out.push_str(&summary(&report.outcome.summary()));
    out
}

pub(super) fn check(out: &mut String, result: &CheckResult, holders: &[Holder]) {
    let style = style(result.verdict);
    let verdict = format!("{style}{:<8}{style:#}", result.verdict.as_str());
    let head = format!("{} {}: {}", result.id, result.subject, result.because);
    // The styled verdict has no width of its own in `paragraph`: nine columns with the space.
    paragraph(out, &format!("{verdict} "), 9, &plain(&head));
    // Of what could not be tested nothing is known to be wrong, so that a remedy would mislead; what was not asked at
    // all, because a parent is red or nobody consented, has seen nothing either.
    let is_red = result.verdict == Verdict::Fail;
    if is_red || result.verdict == Verdict::Unknown && !result.evidence.is_empty() {
        if is_red {
            labelled(out, "do", &result.remedy);
        }
        labelled(out, "who", &who(result.owner, holders));
        labelled(out, "why", result.source);
        if let Some(until) = result.old_until {
            labelled(out, "till", &format!("{until} resolvers may go on giving the old answer", until = second(until)));
        }
        for line in result.evidence.iter().take(EVIDENCE_SHOWN) {
            labelled(out, "seen", line);
        }
        if let Some(more) = result.evidence.len().checked_sub(EVIDENCE_SHOWN).filter(|more| *more > 0) {
            labelled(out, "seen", &format!("and {more} more answers (--format json shows all)"));
        }
    }
}

/// The role, and whose it is.
pub(super) fn who(role: Role, holders: &[Holder]) -> String {
    match holders.iter().find(|holder| holder.role == role) {
        Some(holder) => format!("{}: {}", role.as_str(), holder.who),
        None => role.as_str().to_owned(),
    }
}

pub(super) fn second(at: Timestamp) -> Timestamp {
    at.round(jiff::Unit::Second).unwrap_or(at)
}

pub(super) fn labelled(out: &mut String, label: &str, text: &str) {
    if !text.is_empty() {
        let dim = Style::new().dimmed();
        paragraph(out, &format!("{:9}{dim}{label:<5}{dim:#}", ""), 14, &plain(text));
    }
}

/// `lead`, as wide as `indent`, then the text, wrapped at words below where it starts. A word longer than the line
/// stays whole: it is an address that somebody may want to copy.
pub(super) fn paragraph(out: &mut String, lead: &str, indent: usize, text: &str) {
    out.push_str(lead);
    let mut column = if lead.is_empty() { 0 } else { indent };
    let mut first = true;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if !first && column + 1 + length > WIDTH {
            let _ = write!(out, "\n{:indent$}", "");
            column = indent;
        } else if !first {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
        first = false;
    }
    out.push('\n');
}

/// Go, no-go or untested, the verdict that this amounts to, and the counts.
pub(super) fn in_words(summary: &Summary) -> (&'static str, Verdict, String) {
    let Summary { pass, warn, fail, unknown, waived } = *summary;
    let (word, verdict) = match (fail, unknown) {
        (0, 0) => ("go", Verdict::Pass),
        (0, _) => ("untested", Verdict::Unknown),
        _ => ("no-go", Verdict::Fail),
    };
    let counts = [(fail, "failed"), (unknown, "unknown"), (warn, "warned"), (waived, "waived"), (pass, "passed")];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    (word, verdict, counts.join(", "))
}

/// One line.
fn summary(summary: &Summary) -> String {
    let (word, verdict, counts) = in_words(summary);
    let style = style(verdict);
    format!("{style}{word}{style:#}: {counts}\n")
}

fn style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Warn => AnsiColor::Yellow,
        Verdict::Fail => AnsiColor::Red,
        Verdict::Unknown => AnsiColor::Magenta,
        Verdict::Waived => AnsiColor::Cyan,
    };
    let style = colour.on_default();
    if verdict == Verdict::Pass { style } else { style.bold() }
}

#[derive(Serialize)]
struct Document<'a> {
    golive: &'static str,
    blueprint: BlueprintRef<'a>,
    started: String,
    finished: String,
    /// SHA-256 of the consent, in lower-case hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<&'a str>,
    /// Why the run was ended before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<&'a str>,
    summary: Counts,
    checks: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct BlueprintRef<'a> {
    path: &'a str,
    sha256: &'a str,
}

#[derive(Serialize)]
struct Counts {
    pass: usize,
    warn: usize,
    fail: usize,
    unknown: usize,
    waived: usize,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    concern: &'a str,
    subject: &'a str,
    verdict: &'a str,
    because: &'a str,
    evidence: &'a [String],
    remedy: &'a str,
    owner: &'a str,
    source: &'a str,
    safety: &'a str,
    expires: String,
    /// When the last old answer of a resolver runs out.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_until: Option<String>,
    ms: u64,
}

/// One JSON document, indented, ending in a newline.
///
/// # Errors
///
/// None that these types can cause; serde's are passed on.
pub fn json(report: &Report) -> serde_json::Result<String> {
    value(report).map(|value| format!("{value:#}\n"))
}

/// The document before it is written.
pub(super) fn value(report: &Report) -> serde_json::Result<serde_json::Value> {
    let Report { blueprint_path, blueprint_sha256, consent_sha256, left_out: _, holders: _, outcome } = report;
    let Summary { pass, warn, fail, unknown, waived } = outcome.summary();
    let document = Document {
        golive: env!("CARGO_PKG_VERSION"),
        blueprint: BlueprintRef { path: blueprint_path, sha256: blueprint_sha256 },
        started: outcome.started.to_string(),
        finished: outcome.finished.to_string(),
        consent: *consent_sha256,
        stopped: outcome.stopped.as_deref(),
        summary: Counts { pass, warn, fail, unknown, waived },
        checks: outcome.results.iter().map(row).collect(),
    };
    serde_json::to_value(&document)
}

fn row(result: &CheckResult) -> Row<'_> {
    let CheckResult {
        id,
        concern,
        subject,
        verdict,
        because,
        evidence,
        remedy,
        owner,
        source,
        safety,
        expires,
        old_until,
        milliseconds,
    } = result;
    Row {
        id,
        concern,
        subject,
        verdict: verdict.as_str(),
        because,
        evidence,
        remedy,
        owner: owner.as_str(),
        source,
        safety: safety.as_str(),
        expires: expires.to_string(),
        old_until: old_until.map(|until| until.to_string()),
        ms: *milliseconds,
    }
}
