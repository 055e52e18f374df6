//! `[static_routes]`: pages that a back office makes and that the public is given as files (ALT-5, ALT-6).
//!
//! Election results, figures, a list that changes each half minute: built once in a back office that nobody outside
//! reaches, kept by a Varnish behind the proxy (ALT-3), given to everybody as one copy. The copy stays while the back
//! office is away, and is replaced in one step when somebody publishes.
//!
//! Must not know how Varnish is told: that is [`crate::emit`]'s, which alone quotes.

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::blueprint::value::{Label, Network, PathPrefix, Seconds, Upstream, UrlPath};
use crate::blueprint::{Finding, Site};
use crate::concerns::fragment::StaticRoute;
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};

/// Dynamic pages that are published as static ones: made by a back office, kept by Varnish.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StaticRoutes {
    /// Where Varnish listens, as the proxy reaches it; left out: 127.0.0.1:6081, on nginx's own machine. Not a public name:
    /// whoever reaches it may publish.
    #[serde(default = "beside_the_proxy")]
    pub cache: Upstream,
    /// What is published, and by which back office.
    #[schemars(length(min = 1))]
    pub routes: Vec<Route>,
}

/// Pages of one back office.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// What the runbook calls it.
    pub name: Label,
    /// Starts of the paths that are published, under every name of the site. What stands behind a question mark is
    /// taken off: one path is one page.
    #[schemars(length(min = 1))]
    pub paths: Vec<PathPrefix>,
    /// Who makes the pages, as the machine of Varnish reaches it, over plain http; it is asked with the site's name as Host.
    pub back_office: Upstream,
    /// How old a page gets before it is made anew, at least 1. Edge and browsers keep it as long.
    pub refreshed_every_seconds: Seconds,
    /// How long after that the last good page is served while the back office is away; longer than
    /// `refreshed_every_seconds`.
    #[serde(default = "a_day")]
    pub grace_seconds: Seconds,
    /// Who may publish (REFRESH) and remove (PURGE), directly at the site's machines: ranges, /16 or narrower (IPv6: /48).
    #[schemars(length(min = 1))]
    pub publishers: Vec<Network>,
    /// Real paths of the route; checks ask for them.
    #[serde(default)]
    pub samples: Vec<UrlPath>,
}

fn beside_the_proxy() -> Upstream {
    Upstream { host: "127.0.0.1".to_owned(), port: 6081 }
}

fn a_day() -> Seconds {
    Seconds::new(86_400)
}

impl Route {
    /// What is asked of Varnish and nginx.
    fn fragment(&self) -> StaticRoute {
        StaticRoute {
            name: self.name.clone(),
            paths: self.paths.clone(),
            back_office: self.back_office.clone(),
            fresh: self.refreshed_every_seconds,
            grace: self.grace_seconds,
            publishers: self.publishers.iter().map(|network| network.get()).collect(),
        }
    }
}

impl Concern for StaticRoutes {
    fn key(&self) -> &'static str {
        "static_routes"
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
