//! Offline remarks on `[rate_limits]`.

use std::collections::HashSet;

use super::{Limit, RateLimits};
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::fragment::LimitedAt;
use crate::concerns::rules;

/// Most requests, and largest burst, of one limit. Above it nothing is limited, and nginx counts in thousandths.
pub const MOST: u32 = 100_000;

/// nginx counts in thousandths of a request a second and cuts the rest off; an error of a hundredth is worth a word.
const ONE_PERCENT: u32 = 100;

pub fn findings(limits: &RateLimits, site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    if limits.limits.is_empty() {
        findings.push(Finding::error(
            &rules::RATE_LIMITS_NONE,
            KeyPath::of(["rate_limits", "limits"]),
            "no limit is given",
            "give a [[rate_limits.limits]], or remove the table",
        ));
    }
    let mut names = HashSet::new();
    for (index, limit) in limits.limits.iter().enumerate() {
        let at = KeyPath::of(["rate_limits", "limits"]).index(index);
        if !names.insert(&limit.name) {
            findings.push(Finding::error(
                &rules::RATE_LIMITS_DUPLICATE_NAME,
                at.clone().key("name"),
                format!("two limits are called `{}`", limit.name),
                "rename one",
            ));
        }
        findings.extend(place(limit, &at, site));
        if !(1..=MOST).contains(&limit.requests) {
            findings.push(Finding::error(
                &rules::RATE_LIMITS_REQUESTS,
                at.clone().key("requests"),
                format!("{} is not a number of requests from 1 to {MOST}", limit.requests),
                "give what one visitor needs, with a margin",
            ));
        }
        match limit.at {
            LimitedAt::Edge => findings.extend(no_burst(limit, &at)),
            LimitedAt::Proxy | LimitedAt::Redirects => findings.extend(counted_by_nginx(limits, limit, &at)),
        }
    }
    findings
}

/// Whether anybody is there to count.
fn place(limit: &Limit, at: &KeyPath, site: &Site) -> Option<Finding> {
    let (is_there, table) = match limit.at {
        LimitedAt::Proxy => (site.has_proxy, "proxy"),
        LimitedAt::Edge => (site.cdn.is_some(), "cdn"),
        LimitedAt::Redirects => (!site.redirected.is_empty(), "redirects"),
    };
    (!is_there).then(|| {
        Finding::error(
            &rules::RATE_LIMITS_NOBODY_COUNTS,
            at.clone().key("at"),
            format!("this blueprint has no [{table}], so nobody counts for `{}`", limit.name),
            format!("add [{table}], or let somebody else count"),
        )
    })
}

fn no_burst(limit: &Limit, at: &KeyPath) -> Option<Finding> {
    limit.burst.map(|burst| {
        Finding::error(
            &rules::RATE_LIMITS_EDGE_BURST,
            at.clone().key("burst"),
            format!("the CDN has no burst: {burst} would be ignored"),
            "remove it; the edge counts whole periods",
        )
    })
}

fn counted_by_nginx(limits: &RateLimits, limit: &Limit, at: &KeyPath) -> Vec<Finding> {
    let mut findings = Vec::new();
    let per = limit.per_seconds.get();
    if !matches!(per, 1 | 60) {
        findings.push(Finding::error(
            &rules::RATE_LIMITS_PERIOD,
            at.clone().key("per_seconds"),
            format!("nginx counts requests a second or a minute, not in {per} s"),
            "take 1 or 60, and as many requests as belong to it",
        ));
        return findings;
    }
    // As nginx has it: a rate of r/m is truncated to thousandths a second.
    let exact = limit.requests.saturating_mul(1000);
    let (kept, lost) = (exact / per, exact % per);
    if limit.requests > 0 && lost.saturating_mul(ONE_PERCENT) >= exact {
        let slot = f64::from(1000) / f64::from(kept.max(1));
        findings.push(Finding::warning(
            &rules::RATE_LIMITS_TRUNCATED,
            at.clone().key("requests"),
            format!("nginx rounds the rate down: one request in {slot:.1} s"),
            "take a number of which 60 seconds give whole thousandths, 3 or 6 for instance",
        ));
    }
    let slot = per.div_ceil(limit.requests.max(1));
    if limits.retry_after_seconds.get() < slot {
        findings.push(Finding::warning(
            &rules::RATE_LIMITS_RETRY_AFTER,
            KeyPath::of(["rate_limits", "retry_after_seconds"]),
            format!("who waits {} s may be refused again by `{}`", limits.retry_after_seconds, limit.name),
            format!("take at least {slot}"),
        ));
    }
    let least = limit.requests.saturating_mul(2).div_ceil(per);
    match limit.burst {
        None => findings.push(Finding::error(
            &rules::RATE_LIMITS_NO_BURST,
            at.clone().key("name"),
            format!("`{}` has no burst: two requests at once, and the second is refused", limit.name),
            format!("give `burst`, at least {least}"),
        )),
        Some(burst) if burst > MOST => findings.push(Finding::error(
            &rules::RATE_LIMITS_REQUESTS,
            at.clone().key("burst"),
            format!("{burst} is more than {MOST}: such a burst is no limit"),
            "give what one visitor needs at once",
        )),
        Some(burst) if burst < least => findings.push(Finding::warning(
            &rules::RATE_LIMITS_SMALL_BURST,
            at.clone().key("burst"),
            format!(
                "a page and its pictures come at once: {burst} above {} a second is little",
                limit.requests.div_ceil(per)
            ),
            format!("take at least {least}, twice the rate"),
        )),
        Some(_) => {}
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::Level;
    use crate::concerns::answer::made_up::sample;

    fn of(limit: &str) -> Vec<(&'static str, Level)> {
        let (blueprint, site) = sample(&[]);
        let source = format!("retry_after_seconds = 10\n[[limits]]\nname = 'a'\n{limit}");
        let limits: RateLimits = toml::from_str(&source).expect("a table");
        drop(blueprint);
        findings(&limits, &site).into_iter().map(|finding| (finding.rule.id, finding.level)).collect()
    }

    #[test]
    fn the_arithmetic_of_nginx() {
        let good = "at = 'proxy'\nrequests = 10\nper_seconds = 60\nburst = 5";
        assert_eq!(of(good), []);
        assert_eq!(of("at = 'proxy'\nrequests = 10\nper_seconds = 1\nburst = 20"), []);
        let warned = |limit| of(limit).into_iter().filter(|(_, level)| *level == Level::Warning).collect::<Vec<_>>();
        // 16/1000 a second: one in 62.5 s; and a visitor told to come back after 10 s would be refused again.
        let ids: Vec<_> =
            warned("at = 'proxy'\nrequests = 1\nper_seconds = 60\nburst = 5").iter().map(|f| f.0).collect();
        assert_eq!(ids, ["rate_limits.truncated", "rate_limits.retry-after"]);
        let ids: Vec<_> =
            warned("at = 'proxy'\nrequests = 10\nper_seconds = 1\nburst = 19").iter().map(|f| f.0).collect();
        assert_eq!(ids, ["rate_limits.small-burst"]);
    }

    #[test]
    fn what_nobody_can_count_is_refused() {
        for (limit, rule) in [
            ("at = 'proxy'\nrequests = 0\nper_seconds = 1\nburst = 5", "rate_limits.requests"),
            ("at = 'proxy'\nrequests = 9\nper_seconds = 10\nburst = 50", "rate_limits.period"),
            ("at = 'proxy'\nrequests = 9\nper_seconds = 1", "rate_limits.no-burst"),
            ("at = 'proxy'\nrequests = 9\nper_seconds = 1\nburst = 4294967295", "rate_limits.requests"),
            ("at = 'edge'\nrequests = 9\nper_seconds = 10\nburst = 1", "rate_limits.edge-burst"),
        ] {
            assert!(of(limit).contains(&(rule, Level::Error)), "{limit}: {:?}", of(limit));
        }
    }
}
