//! What must be observable when `[database]` is live: the plan, its nodes, its backups, and room for every connection.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Database;
use crate::blueprint::Site;
use crate::capacity::{self, grouped, percent_of};
use crate::concerns::answer::{answered, api};
use crate::concerns::attest::{self, Question};
use crate::concerns::{Check, Judgement, OneOrMore, Safety};
use crate::probe::{ApiAnswer, ApiProbe, ApiProvider, Observation, Probe};

const VALID_FOR_SECONDS: u32 = 3600;
/// A backup a day (Scalingo, databases).
const OLDEST_BACKUP: SignedDuration = SignedDuration::from_hours(24);
/// Share of the plan's connections that may be taken, in per cent.
const CONNECTIONS_PERCENT: u64 = 80;

pub fn checks(database: &Database, site: &Site) -> OneOrMore<Check> {
    let database = site.database.as_ref().unwrap_or(database);
    let subject = format!("{} of {}", database.engine.as_str(), database.app);
    let index =
        attest::human(Question::DatabaseIndex, subject, site, "JVA-9: at 75 sign-ups a second for want of an index");
    OneOrMore(
        plan(database),
        [nodes(database), backup(database), recovery(database), connections(database, site)]
            .into_iter()
            .chain(index)
            .collect(),
    )
}

fn check(id: &'static str, database: &Database, path: Option<String>) -> Check {
    let ask = path.map(|path| Probe::Api(ApiProbe { provider: ApiProvider::Scalingo, path, nth: 0 }));
    Check {
        id,
        subject: format!("{} of {}", database.engine.as_str(), database.app),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: ask.into_iter().collect(),
        judge: Box::new(|_| Judgement::unknown("nothing was asked")),
        remedy: String::new(),
        source: "JVA-5; Scalingo docs, databases",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// In the database API, `APP.ENGINE` stands for the add-on's id.
fn path(database: &Database, what: &str) -> Option<String> {
    Some(format!("/databases/{}.{}/{what}", database.app, database.engine.as_str()))
}

/// When the answer came, and its body.
fn answer(observation: &Observation) -> Result<(Timestamp, &Value), Judgement> {
    let body = api(observation)?;
    let at = if let Observation::Api(ApiAnswer { at, .. }) = observation { *at } else { Timestamp::UNIX_EPOCH };
    Ok((at, body))
}

/// `db.plan`
fn plan(database: &Database) -> Check {
    let (want, engine) = (database.plan.to_string(), database.engine.as_str());
    Check {
        judge: Box::new(move |seen| {
            let addons = answered!(api(&seen[0]))["addons"].as_array().cloned().unwrap_or_default();
            let Some(addon) = addons.iter().find(|addon| addon["addon_provider"]["id"] == engine) else {
                return Judgement::fail(format!("the app has no {engine}"));
            };
            let plan = addon["plan"]["name"].as_str().unwrap_or("unknown");
            let status = addon["status"].as_str().unwrap_or("unknown");
            match (plan == want, status) {
                (true, "running") => Judgement::pass(format!("{plan}, running")),
                (true, status) => Judgement::fail(format!("{plan} is {status}")),
                (false, _) => Judgement::fail(format!("the plan is {plan}, wanted {want}")),
            }
        }),
        remedy: format!("change the plan to {}", database.plan),
        ..check("db.plan", database, Some(format!("/apps/{}/addons", database.app)))
    }
}

/// `db.nodes`: as many as the plan promises, one of them leading.
fn nodes(database: &Database) -> Check {
    let want = database.nodes.get();
    Check {
        judge: Box::new(move |seen| {
            let body = answered!(api(&seen[0]));
            let all = body.as_array().or_else(|| body["instances_status"].as_array()).cloned().unwrap_or_default();
            let is = |node: &&Value, role: &str| {
                node["role"] == role && node["status"].as_str().is_none_or(|s| s == "running")
            };
            let leaders = all.iter().filter(|node| is(node, "leader")).count();
            let up = leaders + all.iter().filter(|node| is(node, "follower")).count();
            let text = format!("{up} of {want} nodes up, {leaders} leading");
            match leaders == 1 && u32::try_from(up).is_ok_and(|up| up >= want) {
                true => Judgement::pass(text),
                false => Judgement::fail(text),
            }
        }),
        remedy: "ask the platform's support: the next fault would stop the site".to_owned(),
        ..check("db.nodes", database, path(database, "instances_status"))
    }
}

/// `db.backup`: made within a day, and restored once by somebody.
fn backup(database: &Database) -> Check {
    let tried = database.restore_tried_on;
    Check {
        judge: Box::new(move |seen| {
            let (now, body) = answered!(answer(&seen[0]));
            let all = body["database_backups"].as_array().cloned().unwrap_or_default();
            let done = all
                .iter()
                .filter(|backup| backup["status"] == "done")
                .filter_map(|backup| moment(&backup["created_at"]));
            let Some(last) = done.max() else { return Judgement::fail("no backup was ever finished") };
            let age = now.duration_since(last);
            if age > OLDEST_BACKUP {
                return Judgement::fail(format!("the last backup is {} hours old", age.as_hours()));
            }
            match tried {
                Some(day) => Judgement::pass(format!(
                    "the last backup is {} hours old; one was restored on {day}",
                    age.as_hours()
                )),
                None => Judgement::warn("there are backups, and nobody has ever restored one"),
            }
        }),
        remedy: "make a backup now, restore it elsewhere, and note the day as `restore_tried_on`".to_owned(),
        ..check("db.backup", database, path(database, "backups"))
    }
}

/// `db.pitr`: any moment of the last day can be gone back to.
fn recovery(database: &Database) -> Check {
    Check {
        judge: Box::new(|seen| {
            let (now, body) = answered!(answer(&seen[0]));
            let window = body.get("recovery_window").unwrap_or(body);
            let mut moments: Vec<Timestamp> =
                window.as_object().into_iter().flatten().filter_map(|(_, value)| moment(value)).collect();
            moments.sort();
            let (Some(start), Some(end)) = (moments.first(), moments.last()) else {
                return Judgement::fail("no moment can be gone back to");
            };
            let hours = end.duration_since(*start).as_hours();
            if hours < 24 {
                return Judgement::fail(format!("only the last {hours} hours can be gone back to"));
            }
            let behind = now.duration_since(*end).as_hours();
            if behind >= 1 {
                return Judgement::fail(format!("the last {behind} hours cannot be gone back to"));
            }
            Judgement::pass(format!("any moment of the last {} days", hours / 24))
        }),
        remedy: "switch point-in-time recovery on; its first base copy may take a day".to_owned(),
        ..check("db.pitr", database, path(database, "pitr/recovery_window"))
    }
}

fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// `db.conns`: every container's pool fits, while a deployment has old and new containers up.
fn connections(database: &Database, site: &Site) -> Check {
    let needed = capacity::connections(site);
    Check {
        judge: Box::new(move |_| {
            let Some(needed) = &needed else {
                return Judgement::unknown("the blueprint does not hold the database's app");
            };
            let text = format!(
                "{} connections, {} while deploying, of {}",
                grouped(needed.steady),
                grouped(needed.deploying),
                grouped(needed.limit)
            );
            if needed.deploying > needed.limit || percent_of(needed.steady, needed.limit) > CONNECTIONS_PERCENT {
                return Judgement::fail(text);
            }
            if percent_of(needed.deploying, needed.limit) > CONNECTIONS_PERCENT {
                return Judgement::warn(text);
            }
            Judgement::pass(text)
        }),
        remedy: "lower the pool of each container, or take a larger plan".to_owned(),
        source: "Scalingo docs, databases: 60 connections a GB; JVA-5",
        ..check("db.conns", database, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check as found, sample, verdict};
    use serde_json::json;

    const SUBJECT: &str = "postgresql of jeveuxaider";

    fn said(body: Value) -> Observation {
        Observation::Api(ApiAnswer { at: "2020-03-21T12:00:00Z".parse().expect("an instant"), status: 200, body })
    }

    #[test]
    fn backups_have_an_age() {
        let (blueprint, site) = sample(&[]);
        let backup = found(&blueprint, &site, "db.backup", SUBJECT);
        for (created, status, wanted) in [
            ("2020-03-21T06:00:00Z", "done", Verdict::Pass),
            ("2020-03-20T06:00:00Z", "done", Verdict::Fail),
            ("2020-03-21T06:00:00Z", "error", Verdict::Fail),
            ("soon", "done", Verdict::Fail),
        ] {
            let seen = said(json!({ "database_backups": [{ "created_at": created, "status": status }] }));
            assert_eq!(verdict(&backup, &[seen]), Some(wanted), "{created} {status}");
        }
    }

    #[test]
    fn recovery_reaches_a_day_back_and_up_to_now() {
        let (blueprint, site) = sample(&[]);
        let recovery = found(&blueprint, &site, "db.pitr", SUBJECT);
        for (start, end, wanted) in [
            ("2020-03-14T12:00:00Z", "2020-03-21T11:50:00Z", Verdict::Pass),
            ("2020-03-21T11:50:00Z", "2020-03-21T11:50:00Z", Verdict::Fail),
            ("2020-03-14T12:00:00Z", "2020-03-21T09:50:00Z", Verdict::Fail),
        ] {
            let seen = said(json!({ "recovery_window": { "start": start, "end": end } }));
            assert_eq!(verdict(&recovery, &[seen]), Some(wanted), "{start} {end}");
        }
        assert_eq!(verdict(&recovery, &[said(json!({}))]), Some(Verdict::Fail));
    }

    #[test]
    fn one_leader_and_enough_followers() {
        let (blueprint, site) = sample(&[]);
        let nodes = found(&blueprint, &site, "db.nodes", SUBJECT);
        let of = |roles: &[&str]| said(roles.iter().map(|role| json!({ "role": role, "status": "running" })).collect());
        for (roles, wanted) in [
            (&["leader", "follower"][..], Verdict::Pass),
            (&["leader"], Verdict::Fail),
            (&["follower", "follower"], Verdict::Fail),
            (&["leader", "leader"], Verdict::Fail),
        ] {
            assert_eq!(verdict(&nodes, &[of(roles)]), Some(wanted), "{roles:?}");
        }
    }

    #[test]
    fn connections_while_deploying() {
        for (pool, wanted) in [(20, Verdict::Pass), (28, Verdict::Warn), (31, Verdict::Fail), (100, Verdict::Fail)] {
            let edit = format!("connections_per_container = {pool}");
            let (blueprint, site) = sample(&[("connections_per_container = 20", &edit)]);
            let connections = found(&blueprint, &site, "db.conns", SUBJECT);
            assert_eq!(verdict(&connections, &[]), Some(wanted), "{pool}");
        }
    }
}
