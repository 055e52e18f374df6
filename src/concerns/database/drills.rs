//! Faults that `[database]` must catch.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Database;
use crate::blueprint::Site;
use crate::blueprint::value::Count;
use crate::concerns::attest::{self, Question};
use crate::concerns::drill::Inject;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::probe::ApiProvider;

pub fn drills(database: &Database, site: &Site) -> Drills {
    let path = |what: &str| format!("/databases/{}.{}/{what}", database.app, database.engine.as_str());
    let engine = database.engine.as_str();
    let mut rest = vec![
        drill(
            Some(71),
            "backup-thirty-hours-old",
            "the last night's backup failed",
            "db.backup",
            edit(path("backups"), |body| {
                body["database_backups"][0]["created_at"] = json!(ago(30));
                Ok(())
            }),
        ),
        drill(
            None,
            "recovery-window-empty",
            "point-in-time recovery was ordered this morning, and has no base copy yet",
            "db.pitr",
            edit(path("pitr/recovery_window"), |body| {
                body["recovery_window"]["start"] = body["recovery_window"]["end"].clone();
                Ok(())
            }),
        ),
        drill(
            None,
            "database-on-starter",
            "the plan of the tests is still in use",
            "db.plan",
            edit(format!("/apps/{}/addons", database.app), move |body| {
                let addons = body["addons"].as_array_mut().ok_or("no add-ons")?;
                let addon = addons.iter_mut().find(|addon| addon["addon_provider"]["id"] == engine);
                addon.ok_or("no such add-on")?["plan"]["name"] = json!("postgresql-starter-512");
                Ok(())
            }),
        ),
        drill(
            None,
            "database-node-down",
            "a node of the database has failed, and nobody saw it",
            "db.nodes",
            edit(path("instances_status"), |body| {
                body.as_array_mut().and_then(Vec::pop).map(drop).ok_or_else(|| "no node".to_owned())
            }),
        ),
    ];
    rest.extend(attest::drill(
        site,
        Question::DatabaseIndex,
        Some(70),
        "index-missing",
        "an insert takes longer with every row there is",
        vec!["db.index"],
    ));
    rest.push(drill(
        None,
        "backup-never-restored",
        "nobody has ever restored a backup",
        "db.backup",
        Box::new(|staging| {
            let database = staging.site.database.as_mut().ok_or("no database")?;
            database.restore_tried_on.take().map(drop).ok_or_else(|| "nobody tried it anyway".to_owned())
        }),
    ));
    Drills::Run(OneOrMore(
        drill(
            Some(69),
            "pool-too-large",
            "each container opens a pool of 500 connections",
            "db.conns",
            Box::new(|staging| {
                staging.site.database.as_mut().ok_or("no database")?.connections_per_container = Count::new(5000);
                Ok(())
            }),
        ),
        rest,
    ))
}

fn ago(hours: i64) -> String {
    (Timestamp::now() - SignedDuration::from_hours(hours)).to_string()
}

fn edit(path: String, change: impl Fn(&mut Value) -> Result<(), String> + Send + Sync + 'static) -> Inject {
    Box::new(move |staging| staging.edit_api(ApiProvider::Scalingo, &path, |body| change(body)))
}

fn drill(number: Option<u16>, id: &'static str, fault: &'static str, reddens: &'static str, inject: Inject) -> Drill {
    Drill { number, id, fault, reddens: vec![reddens], inject }
}
