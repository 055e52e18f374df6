//! `[cdn]`: the edge in front of the site: provider, plan, whose zone it is, settings, origins.

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;

use std::net::IpAddr;

use serde::Deserialize;

use crate::blueprint::value::{HostName, Seconds, Text};
use crate::blueprint::{Finding, Site};
use crate::concerns::{Check, Concern, Drills, Fragment, OneOrMore, Procedure};

/// `[cdn]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cdn {
    pub provider: Provider,
    pub plan: Plan,
    /// The zone as the CDN knows it.
    pub zone: HostName,
    pub setup: Setup,
    /// With `setup = "partial"`: the value of the TXT record that keeps the zone verified, for good.
    #[serde(default)]
    pub verification_key: Option<Text>,
    /// Addresses to which the CDN sends what it cannot answer.
    pub origins: Vec<IpAddr>,
    /// Pages from the Internet Archive when the origin is unreachable; cancels stale serving.
    #[serde(default)]
    pub always_online: bool,
    /// Lowest TLS version offered to visitors: "1.2" or "1.3".
    #[serde(default)]
    pub min_tls: MinTls,
    /// Strict-Transport-Security max-age on the site's own name. Seconds.
    pub hsts_max_age_seconds: Seconds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Cloudflare,
}

/// A Cloudflare plan, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    Free,
    Pro,
    Business,
    Enterprise,
}

/// Whether the CDN runs the zone's DNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Setup {
    /// Delegated: the registrar points at Cloudflare's name servers.
    Full,
    /// By CNAME: somebody else runs the zone and points names at the CDN.
    Partial,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
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
