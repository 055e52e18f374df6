//! Offline remarks on `[database]`.

use super::{Class, Database};
use crate::blueprint::{Finding, KeyPath, Site};
use crate::capacity::{self, grouped, percent_of};
use crate::concerns::rules;

/// Days of recovery that a shared plan keeps (Scalingo, databases).
const RECOVERY_DAYS: u32 = 7;

pub fn findings(database: &Database, site: &Site) -> Vec<Finding> {
    let at = |key: &str| KeyPath::of(["database"]).key(key);
    let mut findings = Vec::new();
    if !site.apps.iter().any(|app| app.name == database.app) {
        findings.push(Finding::error(
            &rules::DATABASE_APP,
            at("app"),
            format!("no app of `[[apps.apps]]` is called `{}`", database.app),
            "name the app that the database belongs to",
        ));
    }
    let nodes = database.plan.class.nodes();
    if database.nodes.get() != nodes {
        findings.push(Finding::error(
            &rules::DATABASE_NODES,
            at("nodes"),
            format!("`{}` has {nodes}, not {}", database.plan, database.nodes),
            "take the class that has as many nodes as you want",
        ));
    }
    if database.plan.class == Class::Starter {
        findings.push(Finding::warning(
            &rules::DATABASE_ONE_NODE,
            at("plan"),
            "one machine holds all data: when it fails the site is down until somebody restores it",
            "take the class `business` for the launch",
        ));
    }
    if database.point_in_time_recovery_days.get() > RECOVERY_DAYS {
        findings.push(Finding::error(
            &rules::DATABASE_RECOVERY,
            at("point_in_time_recovery_days"),
            format!("{} days, and a shared plan keeps {RECOVERY_DAYS}", database.point_in_time_recovery_days),
            "keep copies of your own for longer",
        ));
    }
    if database.restore_tried_on.is_none() {
        findings.push(Finding::warning(
            &rules::DATABASE_RESTORE,
            at("plan"),
            "nobody has ever restored a backup",
            "restore one elsewhere, and note the day as `restore_tried_on`",
        ));
    }
    if let Some(needed) = capacity::connections(site) {
        let text = format!(
            "{} connections, {} while a deployment has old and new containers up, and the plan takes {}",
            grouped(needed.steady),
            grouped(needed.deploying),
            grouped(needed.limit)
        );
        let remedy = "lower `connections_per_container`, or take a larger plan";
        let place = at("connections_per_container");
        if needed.deploying > needed.limit {
            findings.push(Finding::error(&rules::DATABASE_CONNECTIONS, place, text, remedy));
        } else if percent_of(needed.deploying, needed.limit) > 80 {
            findings.push(Finding::warning(&rules::DATABASE_CONNECTIONS, place, text, remedy));
        }
    }
    findings
}
