//! `[redirects]`: names that are sent elsewhere, on addresses of their own, with TLS (JVA-16).

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;

use std::net::IpAddr;

use serde::Deserialize;

use crate::blueprint::value::{HostName, Seconds};
use crate::blueprint::{Finding, Site};
use crate::concerns::{Check, Concern, Drills, Fragment, OneOrMore, Procedure};

/// `[redirects]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirects {
    pub servers: Vec<Server>,
}

/// `[[redirects.servers]]`: names answered by a redirect on these addresses, without a CDN.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub names: Vec<HostName>,
    pub addresses: Vec<IpAddr>,
    /// Where visitors are sent, path and query kept byte for byte.
    pub to: HostName,
    /// 301 or 308; 308 keeps the method.
    #[serde(default = "permanent")]
    pub status: u16,
    /// Strict-Transport-Security max-age of these names. Seconds.
    pub hsts_max_age_seconds: Seconds,
}

fn permanent() -> u16 {
    308
}

impl Concern for Redirects {
    fn key(&self) -> &'static str {
        "redirects"
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
