//! What each plan of Cloudflare holds, as data (its plan tables; last checked: 2026-11-22). Add-ons are named where they
//! decide. Must not know a site.

use crate::concerns::cdn::Plan;

/// One row of the tables.
#[derive(Debug)]
pub struct Entitlement {
    /// What is counted, measured or had: `custom WAF rules`.
    pub what: &'static str,
    pub limit: Limit,
    /// What to leave out in order to stay on a smaller plan.
    pub drop: &'static str,
    /// Paid beside the plan; empty: nothing.
    pub add_on: &'static str,
    /// Page of the Cloudflare docs.
    pub source: &'static str,
}

/// By plan: free, pro, business, enterprise.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// So many of them.
    Count([u32; 4]),
    /// No greater value.
    AtMost([u32; 4]),
    /// No smaller value.
    AtLeast([u32; 4]),
    /// From this plan on.
    From(Plan),
}

const PLANS: [Plan; 4] = [Plan::Free, Plan::Pro, Plan::Business, Plan::Enterprise];

impl Entitlement {
    /// Whether the plan holds so many, or such a value; for a thing to be had, 1.
    pub fn is_held_by(&self, plan: Plan, wanted: u32) -> bool {
        match self.limit {
            Limit::Count(_) | Limit::AtMost(_) => wanted <= self.bound(plan),
            Limit::AtLeast(_) => wanted >= self.bound(plan),
            Limit::From(first) => wanted == 0 || plan >= first,
        }
    }

    /// The number of this plan; of a thing to be had 1 or 0.
    pub fn bound(&self, plan: Plan) -> u32 {
        match self.limit {
            Limit::Count(bounds) | Limit::AtMost(bounds) | Limit::AtLeast(bounds) => match plan {
                Plan::Free => bounds[0],
                Plan::Pro => bounds[1],
                Plan::Business => bounds[2],
                Plan::Enterprise => bounds[3],
            },
            Limit::From(first) => u32::from(plan >= first),
        }
    }

    /// The cheapest plan that holds it; `None`: no plan does.
    pub fn cheapest(&self, wanted: u32) -> Option<Plan> {
        PLANS.into_iter().find(|plan| self.is_held_by(*plan, wanted))
    }
}

macro_rules! entitlements {
    ($($name:ident { what: $what:literal, limit: $limit:expr, drop: $drop:literal, add_on: $add_on:literal, source: $source:literal })*) => {
        $(
            #[doc = $what]
            pub static $name: Entitlement =
                Entitlement { what: $what, limit: $limit, drop: $drop, add_on: $add_on, source: $source };
        )*

        /// Every row.
        pub static ALL: &[&Entitlement] = &[$(&$name),*];
    };
}

entitlements! {
    PARTIAL_ZONE {
        what: "a partial zone", limit: Limit::From(Plan::Business),
        drop: "delegate the zone and take `setup = \"full\"`", add_on: "", source: "dns/zone-setups/partial-setup"
    }
    CACHE_RULES {
        what: "cache rules", limit: Limit::Count([10, 25, 50, 300]),
        drop: "merge classes of `[cache]`", add_on: "", source: "cache/how-to/cache-rules"
    }
    EDGE_TTL {
        what: "seconds of edge TTL", limit: Limit::AtLeast([7200, 3600, 1, 1]),
        drop: "leave `edge_ttl_seconds` out", add_on: "", source: "cache/how-to/edge-browser-cache-ttl"
    }
    CUSTOM_RULES {
        what: "custom WAF rules", limit: Limit::Count([5, 20, 100, 1000]),
        drop: "merge or remove `[[waf.rules]]`", add_on: "", source: "waf/custom-rules"
    }
    LOG_ACTION {
        what: "the action `log`", limit: Limit::From(Plan::Enterprise),
        drop: "challenge instead, or remove the rule", add_on: "", source: "waf/custom-rules"
    }
    MANAGED_RULES {
        what: "the managed and OWASP rulesets", limit: Limit::From(Plan::Pro),
        drop: "take `managed = []`: the free set runs by itself", add_on: "", source: "waf/managed-rules"
    }
    RATE_RULES {
        // 100 with Advanced Rate Limiting.
        what: "rate limits at the edge", limit: Limit::Count([1, 2, 5, 5]),
        drop: "count the others at the proxy, `at = \"proxy\"`", add_on: "", source: "waf/rate-limiting-rules"
    }
    RATE_PERIOD {
        what: "seconds over which a limit counts", limit: Limit::AtMost([10, 60, 600, 65_535]),
        drop: "count over a shorter time", add_on: "", source: "waf/rate-limiting-rules"
    }
    RATE_BLOCK {
        what: "seconds for which a limit keeps out", limit: Limit::AtMost([10, 3600, 86_400, 86_400]),
        drop: "let visitors come back sooner", add_on: "", source: "waf/rate-limiting-rules"
    }
    RATE_FIELDS {
        what: "limits that look at methods or addresses", limit: Limit::From(Plan::Business),
        drop: "leave methods and exemptions out", add_on: "", source: "waf/rate-limiting-rules"
    }
    WAITING_ROOM {
        what: "a waiting room", limit: Limit::From(Plan::Business),
        drop: "remove `[waiting_room]`", add_on: "", source: "waiting-room/plans"
    }
    ROOM_METHODS {
        what: "a room that lets in otherwise than first come, first served", limit: Limit::From(Plan::Enterprise),
        drop: "take `method = \"fifo\"`", add_on: "the advanced waiting room", source: "waiting-room/plans"
    }
    ROOM_EVENTS {
        what: "events of a waiting room", limit: Limit::From(Plan::Enterprise),
        drop: "remove the events, and open the suspended room by hand", add_on: "the advanced waiting room", source: "waiting-room/plans"
    }
    ROOM_JSON {
        what: "answers of a waiting room in JSON", limit: Limit::From(Plan::Enterprise),
        drop: "remove `json = true`, and tell the makers of programs to expect the page", add_on: "the advanced waiting room", source: "waiting-room/plans"
    }
    ROOM_BYPASS {
        what: "visitors who never wait", limit: Limit::From(Plan::Enterprise),
        drop: "remove `bypass`, and give the room the path of the pages alone", add_on: "the advanced waiting room", source: "waiting-room/plans"
    }
    YEAR_CERTIFICATE {
        what: "a certificate for 365 days", limit: Limit::From(Plan::Enterprise),
        drop: "take `validity_days = 90`", add_on: "", source: "ssl/reference/certificate-validity-periods"
    }
    MONITOR_INTERVAL {
        what: "seconds between two questions to an origin", limit: Limit::AtLeast([15, 15, 15, 10]),
        drop: "ask every 15 s or less often", add_on: "load balancing", source: "load-balancing/reference/limitations"
    }
    POOL_ORIGINS {
        what: "origins in a pool", limit: Limit::Count([20, 20, 20, 20]),
        drop: "put a balancer of your own before some of them", add_on: "load balancing", source: "load-balancing/reference/limitations"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_plan_never_holds_less() {
        for row in ALL {
            for pair in PLANS.windows(2) {
                let (low, high) = (row.bound(pair[0]), row.bound(pair[1]));
                let good = if matches!(row.limit, Limit::AtLeast(_)) { high <= low } else { high >= low };
                assert!(good, "{}: {low} on {:?}, {high} on {:?}", row.what, pair[0], pair[1]);
            }
        }
    }

    #[test]
    fn the_cheapest_plan_is_found() {
        assert_eq!(CUSTOM_RULES.cheapest(5), Some(Plan::Free));
        assert_eq!(CUSTOM_RULES.cheapest(6), Some(Plan::Pro));
        assert_eq!(CUSTOM_RULES.cheapest(1001), None);
        assert_eq!(EDGE_TTL.cheapest(3600), Some(Plan::Pro));
        assert_eq!(WAITING_ROOM.cheapest(1), Some(Plan::Business));
    }
}
