//! `[degraded_mode]`: an environment variable that leaves the site with what must live, and cuts the rest (JVA-18,
//! JVA-19).
//!
//! The app reads it for what only the app knows (a sign-up that ends on `activated within two days`); the nginx before
//! it reads it too, and answers the cut journeys itself, so that they cost nothing. Nothing reads a variable by itself:
//! it is set, then what reads it is restarted.

mod checks;
mod drills;
mod findings;
mod fragments;
mod levers;
mod procedure;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::blueprint::site::DegradedFacts;
use crate::blueprint::value::{Label, OwnHeader, PathPrefix, Seconds, UrlPath, VariableName, Word};
use crate::blueprint::{Finding, Site};
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};

/// A switch that leaves the site with what must live, and cuts the rest.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DegradedMode {
    /// Apps of the platform that read the variable: the site's, and its nginx where that is an app too.
    #[serde(default)]
    pub apps: Vec<Label>,
    /// The environment variable.
    #[serde(default = "variable")]
    pub variable: VariableName,
    /// Its value in the degraded mode.
    #[serde(default = "one")]
    pub on: Word,
    /// Its value otherwise.
    #[serde(default = "zero")]
    pub off: Word,
    /// The header that says, on every answer of a degraded nginx, that it is one.
    #[serde(default = "marker")]
    pub marker: OwnHeader,
    /// Within what time of the decision every visitor meets the other mode, restarts and copies of the CDN included.
    pub takes_effect_within_seconds: Seconds,
    /// Paths that must live in either mode.
    #[schemars(length(min = 1))]
    pub essential: Vec<UrlPath>,
    /// Starts of the paths that are cut: answered 503, with Retry-After, by nginx itself.
    #[schemars(length(min = 1))]
    pub cut: Vec<PathPrefix>,
    /// After how long a visitor of a cut path is told to come back.
    #[serde(default = "ten_minutes")]
    pub retry_after_seconds: Seconds,
    /// Who may decide it, by role; two, so that one may be asleep.
    #[serde(default)]
    pub decided_by: Vec<Label>,
}

fn variable() -> VariableName {
    "DEGRADED_MODE".parse().expect("a constant name")
}

fn one() -> Word {
    "1".parse().expect("a constant word")
}

fn zero() -> Word {
    "0".parse().expect("a constant word")
}

fn marker() -> OwnHeader {
    "X-Degraded-Mode".parse().expect("a constant header")
}

fn ten_minutes() -> Seconds {
    Seconds::new(600)
}

impl DegradedMode {
    /// What other concerns and the rehearsal need to know.
    pub fn facts(&self) -> DegradedFacts {
        DegradedFacts {
            variable: self.variable.clone(),
            on: self.on.clone(),
            off: self.off.clone(),
            apps: self.apps.clone(),
            decided_by: self.decided_by.clone(),
        }
    }
}

impl Concern for DegradedMode {
    fn key(&self) -> &'static str {
        "degraded_mode"
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
    fn levers(&self, site: &Site) -> Vec<Lever> {
        levers::levers(self, site)
    }
}
