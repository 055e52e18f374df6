//! Checks on TLS that several concerns make of their own names: the end of a certificate, and HSTS.
//!
//! They live here since concerns must not import each other.

use jiff::{SignedDuration, Timestamp};

use crate::blueprint::value::{HostName, Seconds};
use crate::concerns::answer::{answered, http, tls};
use crate::concerns::ask::handshake;
use crate::concerns::{Check, Judgement, Safety};
use crate::probe::{HttpProbe, Target};

/// A pass about TLS is good for 6 hours.
pub const VALID_FOR_SECONDS: u32 = 6 * 3600;

/// Where certification authorities look for their proof, over plain http (RFC 8555, section 8.3).
pub const ACME_PATH: &str = "/.well-known/acme-challenge/";

const A_YEAR: u64 = 365 * 86_400;

/// `tls.hsts`: the answer carries Strict-Transport-Security with the declared max-age. Below a year, declared or not,
/// is a warning: the catalogue's six months are no better founded than five.
pub fn hsts(subject: String, ask: HttpProbe, declared: Seconds, blocked_by: Vec<&'static str>) -> Check {
    let remedy = format!("send `Strict-Transport-Security: max-age={declared}` on https of {subject}");
    Check {
        id: "tls.hsts",
        subject,
        safety: Safety::S1,
        blocked_by,
        disturbs: false,
        ask: vec![ask.into()],
        judge: Box::new(move |seen| {
            let answer = answered!(http(&seen[0]));
            let lines: Vec<&str> = answer.headers_named("strict-transport-security").collect();
            let Some(line) = lines.first() else {
                return Judgement::fail("no Strict-Transport-Security header over https");
            };
            let directives: Vec<String> = line.split(';').map(|part| part.trim().to_ascii_lowercase()).collect();
            let max_age = directives
                .iter()
                .find_map(|part| part.strip_prefix("max-age=").and_then(|n| n.trim_matches('"').parse::<u64>().ok()));
            let declared = u64::from(declared.get());
            match max_age {
                None => Judgement::fail(format!("`{line}` has no readable max-age: browsers ignore it")),
                Some(_) if directives.iter().any(|part| part == "preload") => {
                    Judgement::fail(format!("`{line}` asks for preloading, which the blueprint does not declare"))
                }
                Some(found) if found != declared => {
                    Judgement::fail(format!("max-age is {found}, the blueprint declares {declared}"))
                }
                Some(0) => Judgement::warn("max-age is 0 as declared: browsers are told to forget"),
                Some(_) if lines.len() > 1 => Judgement::warn("the header is sent twice: browsers read the first"),
                Some(_) if directives.iter().any(|part| part == "includesubdomains") => {
                    Judgement::warn(format!("`{line}` binds every name below, which the blueprint does not declare"))
                }
                Some(found) if found < A_YEAR => Judgement::warn(format!("max-age is {found}, less than a year")),
                Some(found) => Judgement::pass(format!("max-age is {found} as declared")),
            }
        }),
        remedy,
        source: "RFC 6797 6.1, 7.2; Internet.nl",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `tls.expiry`: the certificate outlives the launch by a week and has a quarter of its life left. Shares of a life and not
/// days: public certificates shrink to 47 days by 2029 (CA/Browser Forum ballot SC-081).
pub fn expiry(
    name: &HostName,
    to: Target,
    subject: String,
    announcement: Timestamp,
    blocked_by: Vec<&'static str>,
) -> Check {
    Check {
        id: "tls.expiry",
        subject,
        safety: Safety::S1,
        blocked_by,
        disturbs: false,
        ask: vec![handshake(name, to, 0)],
        judge: Box::new(move |seen| {
            let answer = answered!(tls(&seen[0]));
            let Some(leaf) = &answer.leaf else {
                return Judgement::fail(format!("{} sends a certificate that cannot be read", answer.connected));
            };
            let Ok(ends) = Timestamp::from_second(leaf.not_after) else {
                return Judgement::fail("the certificate's end is no date");
            };
            let now = answer.at;
            let needed = announcement.max(now) + SignedDuration::from_hours(7 * 24);
            let days = ends.duration_since(now).as_hours() / 24;
            if ends < needed {
                return Judgement::fail(format!("{days} days left: it ends {ends}, needed until {needed}"));
            }
            let life = (leaf.not_after - leaf.not_before).max(1);
            let left = leaf.not_after - now.as_second();
            if left * 4 < life {
                return Judgement::warn(format!("{days} days left, less than a quarter of its life"));
            }
            Judgement::pass(format!("{days} days left, until {ends}"))
        }),
        remedy: format!("renew the certificate of {name} before the announcement"),
        source: "CA/Browser Forum SC-081; JVA-2",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}
