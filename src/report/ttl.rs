//! Lifetimes, as text for people. Must not compute one.

use std::fmt::Write;

use anstyle::Style;

use super::verify::{labelled, paragraph};
use crate::ops::ttl::{Lifetimes, NameLifetime, RouteLifetime};
use crate::plain::plain;

/// Every class with its layers, then the names.
pub fn text(lifetimes: &Lifetimes) -> String {
    let mut out = String::new();
    for route in &lifetimes.routes {
        one_route(&mut out, route);
        out.push('\n');
    }
    for name in &lifetimes.names {
        one_name(&mut out, name);
    }
    let moments = &lifetimes.moments;
    paragraph(&mut out, "", 2, &format!("TTLs are low from {} at the latest", moments.lower_by));
    paragraph(&mut out, "", 2, &format!("records are published by {}", moments.publish_by));
    paragraph(&mut out, "", 2, &format!("TTLs may go up again from {}", moments.raise_from));
    out
}

fn one_route(out: &mut String, route: &RouteLifetime) {
    let bold = Style::new().bold();
    let class = route.class.as_deref().unwrap_or("unmarked");
    paragraph(out, &format!("{bold}{class}{bold:#} "), class.chars().count() + 1, &plain(&route.routes));
    for layer in &route.layers {
        let lives: Vec<String> = [
            ("", layer.fresh),
            ("stale-while-revalidate ", layer.stale_while_revalidate.filter(|seconds| *seconds > 0)),
            ("stale-if-error ", layer.stale_if_error.filter(|seconds| *seconds > 0)),
        ]
        .into_iter()
        .filter_map(|(what, seconds)| seconds.map(|seconds| format!("{what}{}", life(seconds))))
        .collect();
        let lives = if lives.is_empty() { "?".to_owned() } else { lives.join(" + ") };
        paragraph(out, &format!("{:<9}", layer.layer), 9, &plain(&format!("{lives}: {}", layer.because)));
        labelled(out, "from", layer.source.unwrap_or_default());
    }
    let oldest = &route.oldest;
    let shown = |seconds: Option<u64>| seconds.map_or_else(|| "unknown".to_owned(), life);
    let text = format!(
        "{} normally, {} while a copy is refreshed, {} when the app is down ({})",
        shown(oldest.normal),
        shown(oldest.while_refreshing),
        shown(oldest.app_down),
        oldest.because
    );
    paragraph(out, "oldest   ", 9, &text);
    if let Some(temporary) = &route.temporary {
        let text = format!(
            "made for the launch; somebody takes it back at {}: {} from then on",
            temporary.until,
            life(temporary.afterwards.into())
        );
        labelled(out, "ends", &text);
    }
    for way in &route.shorten {
        labelled(out, "do", way);
    }
}

fn one_name(out: &mut String, name: &NameLifetime) {
    let bold = Style::new().bold();
    paragraph(out, &format!("{bold}{}{bold:#} ", name.name), 2, &format!("-> {}", name.leads_to));
    let text = format!(
        "{} s, lowered to {} s for the launch: {}. An old answer is dead {} s after a change; {} s if the TTL was not \
         lowered {} s before it",
        name.steady, name.lowered, name.because, name.lowered, name.steady, name.steady
    );
    paragraph(out, "ttl      ", 9, &plain(&text));
    let negative = match name.negative {
        Some(seconds) => {
            format!("{seconds} s: so long do resolvers that asked before the name existed believe that it does not")
        }
        None => "as Cloudflare sets it: golive does not write the zone's SOA".to_owned(),
    };
    paragraph(out, "negative ", 9, &negative);
    labelled(out, "from", &name.source);
    out.push('\n');
}

/// Seconds, and the same in words from a minute on.
fn life(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let parts: Vec<String> = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    match parts.len() {
        0 => "0 s".to_owned(),
        _ if seconds < 60 => parts.join(" "),
        _ => {
            let mut out = String::new();
            let _ = write!(out, "{seconds} s ({})", parts.join(" "));
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_in_seconds_and_in_words() {
        let cases = [
            (0, "0 s"),
            (30, "30 s"),
            (90, "90 s (1 min 30 s)"),
            (86_430, "86430 s (1 d 30 s)"),
            (31_536_000, "31536000 s (365 d)"),
        ];
        for (seconds, words) in cases {
            assert_eq!(life(seconds), words);
        }
    }
}
