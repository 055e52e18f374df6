//! `[rate_limits]`: how often one visitor may ask, at the CDN, at the proxy before the app, and at the machines that
//! redirect (JVA-6, JVA-8).
//!
//! A visitor is an address, of IPv6 the /64 that a household has: whose it is, nginx is told by the CDN alone
//! (`$client_ip`), so that neither the proxy before it nor a forged header is counted in its place.

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::blueprint::value::{Label, Network, PathPrefix, Seconds};
use crate::blueprint::{Finding, Site};
use crate::concerns::fragment::LimitedAt;
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};
use crate::probe::Method;

/// Longest that a check waits for a limit to refill. Seconds.
const LONGEST_REFILL: f64 = 2.0;

/// How often one visitor may ask. Who asks more is answered 429 with Retry-After (RFC 6585, section 4).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimits {
    /// Every limit that takes a request must let it pass.
    #[schemars(length(min = 1))]
    pub limits: Vec<Limit>,
    /// After how long a refused visitor is told to come back.
    #[serde(default = "ten")]
    pub retry_after_seconds: Seconds,
    /// Whether the addresses of partners are not counted.
    #[serde(default = "yes")]
    pub exempt_partners: bool,
    /// Further ranges that are not counted, those of load injectors for instance.
    #[serde(default)]
    pub exempt: Vec<Network>,
}

/// One limit.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// What reports, nginx and the CDN call the limit; each name once.
    pub name: Label,
    /// Who counts.
    pub at: LimitedAt,
    /// Starts of the paths that count. Left out: all paths, but files that carry a hash of their content in the name.
    #[serde(default)]
    pub paths: Vec<PathPrefix>,
    /// Methods that count; left out: all.
    #[serde(default)]
    pub methods: Vec<Method>,
    /// How many requests one visitor may send in `per_seconds`, on average.
    #[schemars(range(min = 1, max = findings::MOST))]
    pub requests: u32,
    /// At the proxy and at redirects 1 or 60; at the edge as the CDN's plan has it.
    pub per_seconds: Seconds,
    /// How many above that pass at once, after a pause; at least twice the rate. At the edge there is none.
    #[serde(default)]
    #[schemars(range(min = 0, max = findings::MOST))]
    pub burst: Option<u32>,
}

fn ten() -> Seconds {
    Seconds::new(10)
}

fn yes() -> bool {
    true
}

impl Limit {
    /// How many requests a check sends, a machine, to see that the limit has refilled, and after how many seconds; `None`
    /// where that takes too long, or too few would show nothing.
    fn refill(&self) -> Option<(u32, f64)> {
        let requests = self.burst.unwrap_or(0).min(4);
        let seconds = f64::from(requests + 1) * f64::from(self.per_seconds.get()) / f64::from(self.requests.max(1));
        (requests >= 3 && seconds <= LONGEST_REFILL).then_some((requests, seconds))
    }
}

impl RateLimits {
    /// Who is not counted.
    fn exempt(&self, site: &Site) -> Vec<IpNet> {
        let partners = site.partners.iter().filter(|_| self.exempt_partners).flat_map(|partner| &partner.addresses);
        let mut all: Vec<IpNet> =
            partners.map(IpNet::trunc).chain(self.exempt.iter().map(|range| range.get())).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Concern for RateLimits {
    fn key(&self) -> &'static str {
        "rate_limits"
    }
    fn findings(&self, site: &Site) -> Vec<Finding> {
        findings::findings(self, site)
    }
    fn fragments(&self, site: &Site) -> Vec<Fragment> {
        fragments::fragments(self, site)
    }
    fn checks(&self, site: &Site) -> OneOrMore<Check> {
        checks::checks(self, site)
    }
    fn procedure(&self, site: &Site) -> Procedure {
        procedure::procedure(self, site)
    }
    fn drills(&self, site: &Site) -> Drills {
        drills::drills(self, site)
    }
    fn levers(&self, _: &Site) -> Vec<Lever> {
        Vec::new()
    }
}
