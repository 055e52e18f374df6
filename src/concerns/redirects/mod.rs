//! `[redirects]`: names that are sent elsewhere, on addresses of their own, with TLS (JVA-16).

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::blueprint::value::{Address, HostName, Seconds, UrlPath};
use crate::blueprint::{Finding, Site};
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};

/// Names that are sent elsewhere, on addresses of their own, with TLS.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redirects {
    /// One entry for each set of names with its own addresses.
    #[serde(default)]
    pub servers: Vec<Server>,
    /// Pages of the announced name that have moved within it, answered 308 by the nginx of `[proxy]`.
    #[serde(default)]
    pub paths: Vec<MovedPath>,
}

/// One path of the announced name and where it is now. The query is left out, so that a cache may answer for everybody.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MovedPath {
    /// The former path, whole; compared as decoded, without regard to case.
    pub from: UrlPath,
    /// The path that answers now.
    pub to: UrlPath,
}

/// Names answered by a redirect on these addresses, without a CDN.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The names to send elsewhere; each in a zone of `[dns]`.
    #[schemars(length(min = 1))]
    pub names: Vec<HostName>,
    /// Where the names lead; addresses that the public can reach.
    #[schemars(length(min = 1), with = "Vec<Address>")]
    pub addresses: Vec<IpAddr>,
    /// Where visitors are sent, path and query kept byte for byte.
    pub to: HostName,
    /// HTTP status: 308 keeps the method of the request, 301 need not.
    #[serde(default = "permanent")]
    #[schemars(extend("enum" = [301, 308]))]
    pub status: u16,
    /// For how long browsers insist on https for these names (Strict-Transport-Security); 0 withdraws it.
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
    fn levers(&self, _: &Site) -> Vec<Lever> {
        Vec::new()
    }
}
