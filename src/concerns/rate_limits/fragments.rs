//! Configuration that `[rate_limits]` asks for: a limit each.

use super::RateLimits;
use crate::blueprint::Site;
use crate::concerns::Fragment;
use crate::concerns::fragment::RateLimit;

/// RFC 6585, section 4. nginx alone would say 503, which caches and monitors take for an outage.
const STATUS: u16 = 429;

pub fn fragments(limits: &RateLimits, site: &Site) -> Vec<Fragment> {
    let exempt = limits.exempt(site);
    let each = limits.limits.iter().map(|limit| {
        Fragment::RateLimit(RateLimit {
            name: limit.name.clone(),
            at: limit.at,
            paths: limit.paths.clone(),
            methods: limit.methods.iter().map(|method| method.as_str().to_owned()).collect(),
            requests: limit.requests,
            per: limit.per_seconds,
            burst: limit.burst.unwrap_or(0),
            status: STATUS,
            retry_after: limits.retry_after_seconds,
            exempt: exempt.clone(),
        })
    });
    each.collect()
}
