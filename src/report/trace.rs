//! A trace, as text for people. Must not follow a request.

use super::verify::{labelled, paragraph};
use crate::ops::trace::{Answer, Trace};
use crate::plain::plain;

/// A line a step, in order, then what the visitor gets.
pub fn text(trace: &Trace) -> String {
    let mut out = String::new();
    for step in &trace.steps {
        paragraph(&mut out, &format!("{:<9}", step.at), 9, &plain(&format!("{}: {}", step.rule, step.what)));
        labelled(&mut out, "from", step.source.as_deref().unwrap_or_default());
    }
    out.push('\n');
    paragraph(&mut out, "answer   ", 9, &plain(&answer(&trace.answer)));
    out
}

fn answer(answer: &Answer) -> String {
    let Answer { by, status, location, cache_control, cache_control_otherwise, cf_cache_status } = answer;
    let by = if *by == "redirect" { "redirect machine" } else { by };
    let mut parts = vec![match status {
        Some(status) => format!("{status} by the {by}"),
        None => format!("by the {by}, whose status golive does not know"),
    }];
    parts.extend(location.iter().map(|location| format!("Location {location}")));
    parts.extend(cache_control.iter().map(|text| match cache_control_otherwise {
        Some(other) if other != text => format!("Cache-Control `{text}` if it is good, else `{other}`"),
        _ => format!("Cache-Control `{text}`"),
    }));
    parts.extend(cf_cache_status.iter().map(|[first, next]| match first == next {
        true => format!("cf-cache-status {first} each time"),
        false => format!("cf-cache-status {first}, then {next}"),
    }));
    parts.join("; ")
}
