//! `[audience]`: how many come, in how long, and what they ask for; whether the plan bears it (JVA-1, DOC-1, ALT-1).
//! The arithmetic is [`crate::capacity`]'s.

mod checks;
mod drills;
mod findings;
mod fragments;
mod load;
mod procedure;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::blueprint::value::{Count, Day, Label, Percent, Tally, Text};
use crate::blueprint::{Finding, Site};
use crate::concerns::people::Role;
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};

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
    /// What load tests found, oldest first: of several of one thing the last counts.
    #[serde(default)]
    pub load_tests: Vec<LoadTest>,
    /// When a load test is broken off. Left out: nobody has said.
    #[serde(default)]
    pub stop_rule: Option<StopRule>,
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

/// The last and highest step of a load test: real journeys, mail to a sink, in steps of minutes each (JVA-9, JVA-10).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadTest {
    /// What was put under load: the name of a journey, or `redirects`.
    pub of: Label,
    /// The day. One of more than two weeks before the announcement was of another site.
    pub on: Day,
    /// How many a second in the step.
    pub per_second: Count,
    /// Minutes that it was held.
    pub minutes: Count,
    /// Answers that were errors or did not come, in the step.
    pub errors: Tally,
    /// 502, 503 and 504 of the platform's router, over the whole test; 0 where there is none.
    pub refused: Tally,
    /// How busy the busiest machine or container was, in per cent of its processors.
    pub busy_percent: Percent,
    /// How busy the database was, in per cent of its processors. Left out: it had no part.
    #[serde(default)]
    pub database_busy_percent: Option<Percent>,
    /// Where its figures can be read again.
    pub record: Text,
}

/// When a load test is broken off, in writing and before it starts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopRule {
    /// Share of errors, in per cent over 30 s; 1 at most.
    pub errors_percent: Percent,
    /// 95th percentile of the answer time, in milliseconds over a minute; 3,000 at most.
    pub p95_milliseconds: Count,
    /// How busy the database may be, in per cent of its processors; 85 at most.
    pub database_busy_percent: Percent,
    /// Who says stop. Anybody may ask for it.
    pub said_by: Role,
}

impl Audience {
    /// The same, of a launch so many days later.
    #[must_use]
    pub fn later_by(mut self, days: i64) -> Self {
        for test in &mut self.load_tests {
            test.on = test.on.later_by(days);
        }
        self
    }
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
    fn levers(&self, _: &Site) -> Vec<Lever> {
        Vec::new()
    }
}
