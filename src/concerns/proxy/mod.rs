//! `[proxy]`: the nginx between CDN and app, which adds the cache headers that the app does not send (JVA-6).

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::blueprint::value::{Seconds, Upstream, UrlPath};
use crate::blueprint::{Finding, Site};
use crate::concerns::fragment::RunsOn;
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};

/// The nginx between CDN and app, which adds the cache headers that the app does not send.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Where this nginx runs.
    pub runs_on: RunsOn,
    /// The app, reached over plain HTTP on a private network.
    pub upstream: Upstream,
    /// Answered by nginx itself, for the probes of the platform.
    #[serde(default = "health")]
    pub health_path: UrlPath,
    /// How long nginx waits for a connection to the app.
    #[serde(default = "three")]
    pub connect_timeout_seconds: Seconds,
    /// How long nginx waits for the app to send something; below the patience of the router before it (Scalingo: 30 s).
    #[serde(default = "twenty_five")]
    pub read_timeout_seconds: Seconds,
    /// Largest request body; Scalingo's router takes no larger one than 75 MiB.
    #[serde(default = "one")]
    #[schemars(title = "MiB", range(min = 1, max = findings::LARGEST_BODY))]
    pub body_limit_mib: u32,
}

fn health() -> UrlPath {
    "/__health".parse().expect("a constant path")
}

fn three() -> Seconds {
    Seconds::new(3)
}

fn twenty_five() -> Seconds {
    Seconds::new(25)
}

fn one() -> u32 {
    1
}

impl Concern for Proxy {
    fn key(&self) -> &'static str {
        "proxy"
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
