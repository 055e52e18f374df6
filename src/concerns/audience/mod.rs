//! `[audience]`: how many come, in how long, and what they ask for; whether the plan bears it (JVA-1, DOC-1, ALT-1).
//! The arithmetic is [`crate::capacity`]'s.

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::blueprint::value::{Count, Label, Percent, Text};
use crate::blueprint::{Finding, Site};
use crate::concerns::{Check, Concern, Drills, Fragment, OneOrMore, Procedure};

/// Who comes on the night, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    /// Visitors within the window: the high end of the estimate, which all is planned for.
    pub visitors: Count,
    /// The low end of the estimate.
    #[serde(default)]
    pub low: Option<Count>,
    /// Minutes within which they come.
    pub window_minutes: Count,
    /// The busiest second against the mean of the window, in per cent: 150 or more. A mean is no peak.
    pub peak_percent: Count,
    /// Where the estimate and the peak come from, and when.
    pub source: Text,
    /// Minutes that a visitor stays.
    #[serde(default = "five")]
    pub stay_minutes: Count,
    /// From how many hours before the announcement every container runs; 2 or more.
    #[serde(default = "two")]
    pub prescale_hours_before: Count,
    /// Until how many hours after it no container is taken away; 24 or more.
    #[serde(default = "a_day")]
    pub prescale_hours_after: Count,
    /// The line before machines of your own, in Mbit/s. Left out: that of the platform's containers, 160 each.
    #[serde(default)]
    pub link_megabits_per_second: Option<Count>,
    /// What each visit loads.
    pub pages: Pages,
    /// What some visitors do that no cache can answer: sign up, book, pay.
    #[serde(default)]
    pub journeys: Vec<Journey>,
}

fn five() -> Count {
    Count::new(5)
}

fn two() -> Count {
    Count::new(2)
}

fn a_day() -> Count {
    Count::new(24)
}

fn full() -> Percent {
    Percent::new(100)
}

/// What each visit loads, mostly from the CDN.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pages {
    /// Requests of one visit: pages and their assets.
    pub requests: Count,
    /// Mean size of an answer on the wire, in kB.
    pub kilobytes: Count,
    /// Share of the requests that the CDN answers from its store, in per cent.
    pub hit_percent: Percent,
    /// The app that answers the others.
    pub app: Label,
    /// Its containers that do.
    pub container: Label,
    /// Such requests that one container was measured to answer, in a second.
    pub measured_per_second: Count,
    /// How busy it was then, in per cent. 100: no more would have gone through.
    #[serde(default = "full")]
    pub measured_busy_percent: Percent,
}

/// Something that visitors do, which the app itself must answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Journey {
    /// What it is called.
    pub name: Label,
    /// How many of it in the busiest second.
    pub per_second: Count,
    /// Requests that one of it takes.
    pub requests: Count,
    /// Mean size of their answers on the wire, in kB.
    pub kilobytes: Count,
    /// The app that answers.
    pub app: Label,
    /// Its containers that do.
    pub container: Label,
    /// Journeys that one container was measured to bear, in a second.
    pub measured_per_second: Count,
    /// How busy it was then, in per cent. 100: no more would have gone through.
    #[serde(default = "full")]
    pub measured_busy_percent: Percent,
}

impl Concern for Audience {
    fn key(&self) -> &'static str {
        "audience"
    }
    fn findings(&self, site: &Site) -> Vec<Finding> {
        findings::findings(self, site)
    }
    fn fragments(&self, site: &Site) -> Vec<Fragment> {
        fragments::fragments(site)
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
