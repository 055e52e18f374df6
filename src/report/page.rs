//! A verification as a page for people (Markdown, HTML) and as JUnit for CI servers. Must not reorder what was run.

use quick_junit::{NonSuccessKind, Report as JUnit, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use super::verify::{Report, in_words, second, who};
use crate::concerns::Verdict;
use crate::concerns::people::Holder;
use crate::emit::templates::{Syntax, render};
use crate::plain::plain;
use crate::verify::CheckResult;

#[derive(Serialize)]
struct Page {
    word: &'static str,
    /// That of the whole.
    verdict: &'static str,
    counts: String,
    path: String,
    sha256: String,
    started: String,
    finished: String,
    consent: Option<String>,
    stopped: Option<String>,
    /// Not green, worst first.
    open: Vec<Row>,
    checks: Vec<Row>,
    rehearsal_only: String,
    left_out: String,
}

#[derive(Serialize)]
struct Row {
    verdict: &'static str,
    id: &'static str,
    subject: String,
    because: String,
    /// Empty where nothing is known to be wrong.
    remedy: String,
    who: String,
    source: &'static str,
    evidence: Vec<String>,
}

fn row(result: &CheckResult, holders: &[Holder]) -> Row {
    let is_wrong = matches!(result.verdict, Verdict::Fail | Verdict::Warn);
    Row {
        verdict: result.verdict.as_str(),
        id: result.id,
        subject: plain(&result.subject),
        because: plain(&result.because),
        remedy: if is_wrong { plain(&result.remedy) } else { String::new() },
        who: plain(&who(result.owner, holders)),
        source: result.source,
        evidence: result.evidence.iter().map(|line| plain(line)).collect(),
    }
}

fn page(report: &Report) -> Page {
    let Report { blueprint_path, blueprint_sha256, consent_sha256, left_out, holders, outcome } = report;
    let (word, verdict, counts) = in_words(&outcome.summary());
    let mut open: Vec<&CheckResult> = outcome
        .results
        .iter()
        .filter(|result| matches!(result.verdict, Verdict::Fail | Verdict::Unknown | Verdict::Warn))
        .collect();
    open.sort_by_key(|result| match result.verdict {
        Verdict::Fail => 0,
        Verdict::Unknown => 1,
        _ => 2,
    });
    Page {
        word,
        verdict: verdict.as_str(),
        counts,
        path: plain(blueprint_path),
        sha256: (*blueprint_sha256).to_owned(),
        started: second(outcome.started).to_string(),
        finished: second(outcome.finished).to_string(),
        consent: consent_sha256.map(str::to_owned),
        stopped: outcome.stopped.as_deref().map(plain),
        open: open.into_iter().map(|result| row(result, holders)).collect(),
        checks: outcome.results.iter().map(|result| row(result, holders)).collect(),
        rehearsal_only: outcome.rehearsal_only.join(", "),
        left_out: left_out.join(", "),
    }
}

/// For a ticket or a chat.
pub fn markdown(report: &Report) -> String {
    render(Syntax::Markdown, "verify.md", &page(report))
}

/// One file that needs nothing else, for a phone.
pub fn html(report: &Report) -> String {
    render(Syntax::Html, "verify.html", &page(report))
}

/// A suite a concern, a case a check: `fail` is a failure, `unknown` an error, `waived` skipped; a warning passes and
/// says why.
///
/// # Errors
///
/// None that these types can cause; the writer's are passed on.
pub fn junit(report: &Report) -> anyhow::Result<String> {
    // A report counts the cases of a suite when it is added.
    let mut suites: Vec<TestSuite> = Vec::new();
    for result in &report.outcome.results {
        let mut status = match result.verdict {
            Verdict::Pass | Verdict::Warn => TestCaseStatus::success(),
            Verdict::Waived => TestCaseStatus::skipped(),
            Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
            Verdict::Unknown => TestCaseStatus::non_success(NonSuccessKind::Error),
        };
        status.set_message(result.because.as_str());
        if matches!(result.verdict, Verdict::Fail | Verdict::Unknown) {
            status.set_description(format!("do: {}\n{}", result.remedy, result.evidence.join("\n")));
        }
        let mut case = TestCase::new(format!("{} {}", result.id, result.subject).trim_end(), status);
        case.set_classname(result.concern);
        case.set_time(std::time::Duration::from_millis(result.milliseconds));
        if result.verdict == Verdict::Warn {
            case.set_system_out(format!("warn: {}", result.because));
        }
        if suites.last().is_none_or(|suite| suite.name.as_str() != result.concern) {
            suites.push(TestSuite::new(result.concern));
        }
        if let Some(suite) = suites.last_mut() {
            suite.add_test_case(case);
        }
    }
    let mut junit = JUnit::new("golive");
    junit.add_test_suites(suites);
    Ok(junit.to_string()?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::concerns::Safety;
    use crate::concerns::people::Role;
    use crate::verify::Outcome;

    const HOSTILE: &str = "<script>alert(1)</script> \"x\" 'y' | `z` ]]> & \u{1b}[31m*b* [l](http://h)";

    fn outcome() -> Outcome {
        let result = |id, verdict| CheckResult {
            id,
            concern: "dns",
            subject: HOSTILE.to_owned(),
            verdict,
            because: HOSTILE.to_owned(),
            evidence: vec![HOSTILE.to_owned()],
            remedy: HOSTILE.to_owned(),
            owner: Role::Dns,
            source: "JVA-1",
            safety: Safety::S0,
            expires: Timestamp::UNIX_EPOCH,
            old_until: None,
            milliseconds: 1500,
        };
        use Verdict::{Fail, Pass, Unknown, Waived, Warn};
        Outcome {
            started: Timestamp::UNIX_EPOCH,
            finished: Timestamp::UNIX_EPOCH,
            results: [("a", Pass), ("b", Warn), ("c", Unknown), ("d", Fail), ("e", Waived)]
                .map(|(id, verdict)| result(id, verdict))
                .to_vec(),
            rehearsal_only: vec!["cache.stale.error"],
            stopped: Some(HOSTILE.to_owned()),
        }
    }

    fn report(outcome: &Outcome) -> Report<'_> {
        Report {
            blueprint_path: HOSTILE,
            blueprint_sha256: "00",
            consent_sha256: Some("11"),
            left_out: &["static_routes"],
            holders: &[],
            outcome,
        }
    }

    #[test]
    fn nothing_that_was_seen_becomes_markup() {
        let outcome = outcome();
        let html = html(&report(&outcome));
        assert!(!html.contains("<script") && !html.contains('\u{1b}'), "{html}");
        assert_eq!(html.matches("<article").count(), 3 + 5, "what is open, then all");
        assert!(
            html.contains("static_routes") && html.contains("cache.stale.error") && html.contains("consent sha256")
        );
        let markdown = markdown(&report(&outcome));
        assert!(
            !markdown.contains("<script") && !markdown.contains(" | `z`") && !markdown.contains('\u{1b}'),
            "{markdown}"
        );
        assert!(!markdown.contains("m*b* "), "{markdown}");
        assert!(markdown.find("### fail: d") < markdown.find("### unknown: c"), "the worst first");
    }

    #[test]
    fn ci_servers_see_a_failure_an_error_and_a_skipped_case() {
        let outcome = outcome();
        let xml = junit(&report(&outcome)).expect("written");
        let read = JUnit::deserialize_from_str(&xml).expect("JUnit");
        assert_eq!((read.tests, read.failures, read.errors), (5, 1, 1));
        let suite = &read.test_suites[0];
        assert_eq!(suite.name.as_str(), "dns");
        assert!(matches!(suite.test_cases[4].status, TestCaseStatus::Skipped { .. }));
        assert_eq!(suite.test_cases[0].time, Some(Duration::from_millis(1500)));
        let name = suite.test_cases[3].name.as_str();
        assert!(name.contains("<script>alert(1)</script> \"x\" 'y'"), "read back as it was: {name}");
    }
}
