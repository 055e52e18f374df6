//! `[database]`: the plan, its nodes, how far back it can be restored, and whether its connections suffice (JVA-5,
//! JVA-9).

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::blueprint::value::{Count, Day, Label};
use crate::blueprint::{Finding, Site};
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};

/// The database of the site.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// What it is.
    pub engine: Engine,
    /// The app of `[[apps.apps]]` that it belongs to.
    pub app: Label,
    /// How large it is.
    pub plan: Plan,
    /// Machines that hold the data, as the plan's class has them: 1 in `starter`, 2 in `business`.
    pub nodes: Count,
    /// How far back it can be put to any moment; shared plans keep 7 days.
    pub point_in_time_recovery_days: Count,
    /// Connections that one container opens at most: its pool times its processes.
    pub connections_per_container: Count,
    /// Connections kept for jobs, consoles and migrations.
    #[serde(default = "ten")]
    pub reserved_connections: Count,
    /// Day on which a backup was last restored, to somewhere else. Left out: never.
    #[serde(default)]
    pub restore_tried_on: Option<Day>,
}

fn ten() -> Count {
    Count::new(10)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Postgresql,
}

impl Engine {
    /// As the platform names its provider: another spelling may replace the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Engine::Postgresql => "postgresql",
        }
    }
}

/// `postgresql-CLASS-MB`: the class `starter` (one node) or `business` (two), the memory in MB a power of two from 512
/// to 262144.
// Dedicated plans (`postgresql-dr-...`) are another resource, ordered from the platform: not generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    !try_from,
    with = "String",
    title = "database plan",
    extend("pattern" = "^postgresql-(starter|business)-(512|1024|2048|4096|8192|16384|32768|65536|131072|262144)$")
)]
pub struct Plan {
    pub class: Class,
    /// Memory, in MB.
    pub megabytes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Starter,
    Business,
}

impl Class {
    fn as_str(self) -> &'static str {
        match self {
            Class::Starter => "starter",
            Class::Business => "business",
        }
    }

    /// Machines that hold the data (Scalingo, databases).
    pub fn nodes(self) -> u32 {
        match self {
            Class::Starter => 1,
            Class::Business => 2,
        }
    }
}

impl TryFrom<String> for Plan {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = |why: &str| {
            let text: String = text.chars().take(80).collect();
            Err(format!("`{}` is not a database plan: {why}", text.escape_debug()))
        };
        let Some(rest) = text.strip_prefix("postgresql-") else {
            return bad("write `postgresql-business-1024`: engine, class, memory in MB");
        };
        if rest.starts_with("dr-") {
            return bad("dedicated plans are ordered from the platform, golive generates the shared ones");
        }
        let Some((class, megabytes)) = rest.split_once('-') else { return bad("the memory in MB stands at its end") };
        let class = match class {
            "starter" => Class::Starter,
            "business" => Class::Business,
            "sandbox" => return bad("sandboxes are no longer sold"),
            _ => return bad("its class is `starter` or `business`"),
        };
        match megabytes.parse::<u32>() {
            Ok(size) if (512..=262_144).contains(&size) && size.is_power_of_two() && size.to_string() == megabytes => {
                Ok(Self { class, megabytes: size })
            }
            _ => bad("its memory is a power of two from 512 to 262144, in MB"),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgresql-{}-{}", self.class.as_str(), self.megabytes)
    }
}

/// Connections that a shared plan takes, for each GB of its memory (Scalingo, databases).
const CONNECTIONS_PER_GB: u32 = 60;

impl Plan {
    /// Connections that the plan takes.
    pub fn connections(self) -> u32 {
        self.megabytes.saturating_mul(CONNECTIONS_PER_GB) / 1024
    }
}

impl Database {
    /// The same, of a launch so many days later.
    #[must_use]
    pub fn later_by(mut self, days: i64) -> Self {
        self.restore_tried_on = self.restore_tried_on.map(|day| day.later_by(days));
        self
    }
}

impl Concern for Database {
    fn key(&self) -> &'static str {
        "database"
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans() {
        let plan: Plan = "postgresql-business-65536".parse().expect("a plan");
        assert_eq!(
            (plan.connections(), plan.class.nodes(), plan.to_string()),
            (3840, 2, "postgresql-business-65536".into())
        );
        for bad in [
            "postgresql-business",
            "postgresql-business-1000",
            "postgresql-sandbox",
            "mysql-business-512",
            "",
            "postgresql-dr-business-4096",
            "postgresql-business-+512",
            "postgresql-business-0512",
        ] {
            assert!(bad.parse::<Plan>().is_err(), "{bad}");
        }
    }
}
