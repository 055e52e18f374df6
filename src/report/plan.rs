//! What a verification would send, before it does, as text and as JSON. Must not ask anything.

use std::fmt::Write;

use anstyle::Style;
use serde_json::json;

use super::verify::{labelled, paragraph};
use crate::ops::verify::Plan;
use crate::plain::plain;
use crate::world::{PER_SECOND, REQUESTS_A_RUN};

/// Who would be asked and how often, then check by check.
pub fn text(plan: &Plan) -> String {
    let mut out = String::new();
    let bold = Style::new().bold();
    let total: usize = plan.asked.values().map(|(count, _)| count).sum();
    let _ = writeln!(out, "{bold}{total} questions at first, each put once; answers may lead to more{bold:#}");
    let (requests, seconds) = (plan.requests, plan.requests.div_ceil(PER_SECOND as usize));
    let _ = writeln!(
        out,
        "{requests} of them HTTP and TLS: {seconds} s at {PER_SECOND} a second; a run puts {REQUESTS_A_RUN}"
    );
    let _ = writeln!(out, "before them one to a resolver, for a name that cannot exist: is the network here captive?");
    let _ = writeln!(
        out,
        "before certificates and signatures one GET of http://HOST/, for its Date: is the clock here right?"
    );
    for (whom, (count, safety)) in &plan.asked {
        let _ = writeln!(out, "{count:>5}  {:<3} {}", safety.as_str(), plain(whom));
    }
    out.push('\n');
    for check in &plan.checks {
        paragraph(
            &mut out,
            &format!("{:<3} ", check.safety.as_str()),
            4,
            &plain(&format!("{} {}", check.id, check.subject)),
        );
        match &check.refused {
            Some(because) => labelled(&mut out, "not", because),
            None => check.questions.iter().for_each(|question| labelled(&mut out, "ask", question)),
        }
    }
    let refused = plan.checks.iter().filter(|check| check.refused.is_some()).count();
    let _ = writeln!(out, "\n{} checks would be run, {refused} would not", plan.checks.len() - refused);
    out
}

/// `{"golive", "asked": [{"whom", "questions", "safety"}], "checks": [{"id", "concern", "subject", "safety", "refused",
/// "questions"}]}`, pretty-printed, one final newline.
pub fn json(plan: &Plan) -> String {
    let asked: Vec<_> = plan
        .asked
        .iter()
        .map(|(whom, (count, safety))| json!({ "whom": whom, "questions": count, "safety": safety.as_str() }))
        .collect();
    let checks: Vec<_> = plan
        .checks
        .iter()
        .map(|check| {
            json!({
                "id": check.id,
                "concern": check.concern,
                "subject": check.subject,
                "safety": check.safety.as_str(),
                "refused": check.refused,
                "questions": check.questions,
            })
        })
        .collect();
    format!("{:#}\n", json!({ "golive": env!("CARGO_PKG_VERSION"), "asked": asked, "checks": checks }))
}
