//! `[cdn]`: the edge in front of the site: provider, plan, whose zone it is, settings, origins.

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::blueprint::value::{Address, HostName, Seconds, Text};
use crate::blueprint::{Finding, Site};
use crate::concerns::{Check, Concern, Drills, Fragment, OneOrMore, Procedure};

/// The edge in front of the site.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cdn {
    /// Who runs the edge.
    pub provider: Provider,
    /// What is paid for; it decides which settings exist.
    pub plan: Plan,
    /// The zone as the CDN knows it; holds `site.host`.
    pub zone: HostName,
    /// How names of the zone come to the CDN.
    pub setup: Setup,
    /// Value of the TXT record that keeps the zone verified, for good; required with `setup = "partial"`.
    #[serde(default)]
    pub verification_key: Option<Text>,
    /// Where the CDN sends what it cannot answer itself; addresses that it can reach.
    #[schemars(length(min = 1), with = "Vec<Address>")]
    pub origins: Vec<IpAddr>,
    /// Pages from the Internet Archive when the origin cannot be reached; cancels stale serving.
    #[serde(default)]
    pub always_online: bool,
    /// Lowest TLS version offered to visitors.
    #[serde(default)]
    pub min_tls: MinTls,
    /// For how long browsers insist on https for `site.host` (Strict-Transport-Security); 0 withdraws it.
    pub hsts_max_age_seconds: Seconds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Cloudflare,
}

/// A Cloudflare plan, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    Free,
    Pro,
    Business,
    Enterprise,
}

/// Whether the CDN runs the DNS of the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Setup {
    /// Delegated: the registrar points at Cloudflare's name servers.
    Full,
    /// By CNAME: somebody else runs the zone and points names at the CDN.
    Partial,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
pub enum MinTls {
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

impl Concern for Cdn {
    fn key(&self) -> &'static str {
        "cdn"
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
}
