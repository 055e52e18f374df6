//! What the blueprint asks of Cloudflare, held against what its plan holds: counted on the fragments of all concerns,
//! since several of them may share one limit.
//!
//! Must not hold a limit itself: those are rows of [`entitlements`].

use crate::blueprint::{Blueprint, Finding, KeyPath, Site};
use crate::concerns::cdn::Plan;
use crate::concerns::fragment::{LimitedAt, QueueingMethod, RateLimit, RuleAction};
use crate::concerns::rules;
use crate::emit::{Asked, Slots, blocks_for};
use crate::providers::cloudflare::COUNTED_SECONDS;
use crate::providers::cloudflare::entitlements::{self, Entitlement, Limit};

/// What is asked of one row.
struct Usage {
    of: &'static Entitlement,
    wanted: u32,
    at: KeyPath,
}

/// Every limit of the plan that the blueprint exceeds. Rows about cache classes and the setup of the zone are raised
/// by their concerns.
pub fn findings(blueprint: &Blueprint, site: &Site) -> Vec<Finding> {
    let Some(cdn) = &site.cdn else { return Vec::new() };
    let slots = Slots::of(&blueprint.concerns(), site);
    let exceeded = usages(&slots).into_iter().filter(|usage| !usage.of.is_held_by(cdn.plan, usage.wanted));
    let mut findings: Vec<Finding> = exceeded.map(|usage| finding(&usage, cdn.plan)).collect();
    findings.extend(uncounted(&slots));
    findings
}

fn usages(slots: &Slots) -> Vec<Usage> {
    let mut all = Vec::new();
    let mut use_of =
        |of, wanted: usize, at| all.push(Usage { of, wanted: u32::try_from(wanted).unwrap_or(u32::MAX), at });

    use_of(&entitlements::CUSTOM_RULES, slots.custom_rules.len(), KeyPath::of(["waf", "rules"]));
    use_of(&entitlements::MANAGED_RULES, slots.managed_rules.len(), KeyPath::of(["waf", "managed"]));
    let logs = slots.custom_rules.iter().filter(|asked| asked.what.action == RuleAction::Log);
    use_of(&entitlements::LOG_ACTION, logs.count(), KeyPath::of(["waf", "rules"]));

    let limits = edge_limits(slots);
    use_of(&entitlements::RATE_RULES, limits.len(), KeyPath::of(["rate_limits", "limits"]));
    for (place, limit) in limits {
        let seconds = |seconds: u32| usize::try_from(seconds).unwrap_or(usize::MAX);
        use_of(&entitlements::RATE_PERIOD, seconds(limit.per.get()), place.clone());
        use_of(&entitlements::RATE_BLOCK, seconds(blocks_for(limit.retry_after)), place.clone());
        let looks = !limit.methods.is_empty() || !limit.exempt.is_empty();
        use_of(&entitlements::RATE_FIELDS, usize::from(looks), place);
    }

    use_of(&entitlements::WAITING_ROOM, slots.waiting_rooms.len(), KeyPath::of(["waiting_room", "name"]));
    for Asked { what: room, .. } in &slots.waiting_rooms {
        let other_method = usize::from(room.method != QueueingMethod::Fifo);
        use_of(&entitlements::ROOM_METHODS, other_method, KeyPath::of(["waiting_room", "method"]));
        use_of(&entitlements::ROOM_EVENTS, room.events.len(), KeyPath::of(["waiting_room", "events"]));
        use_of(&entitlements::ROOM_JSON, usize::from(room.json), KeyPath::of(["waiting_room", "json"]));
        use_of(&entitlements::ROOM_BYPASS, usize::from(room.bypass.is_some()), KeyPath::of(["waiting_room", "bypass"]));
    }
    for Asked { what: pack, .. } in &slots.certificate_packs {
        let year = usize::from(pack.validity_days > 90);
        use_of(&entitlements::YEAR_CERTIFICATE, year, KeyPath::of(["cdn", "certificate", "validity_days"]));
    }
    for Asked { what: balancer, .. } in &slots.load_balancers {
        let interval = usize::try_from(balancer.interval_seconds).unwrap_or(usize::MAX);
        use_of(&entitlements::MONITOR_INTERVAL, interval, KeyPath::of(["cdn", "load_balancer", "interval_seconds"]));
        use_of(&entitlements::POOL_ORIGINS, balancer.origins.len(), KeyPath::of(["cdn", "origins"]));
    }
    all
}

/// The limits that the edge counts, each with its place in the blueprint.
fn edge_limits(slots: &Slots) -> Vec<(KeyPath, &RateLimit)> {
    let limits = slots.rate_limits.iter().enumerate().map(|(index, asked)| (index, &asked.what));
    limits
        .filter(|(_, limit)| limit.at == LimitedAt::Edge)
        .map(|(index, limit)| (KeyPath::of(["rate_limits", "limits"]).index(index), limit))
        .collect()
}

fn finding(usage: &Usage, plan: Plan) -> Finding {
    let Usage { of, wanted, at } = usage;
    let (what, bound, plan) = (of.what, of.bound(plan), plan.as_str());
    let (rule, message) = match of.limit {
        Limit::Count(_) => (&rules::PLAN_COUNT, format!("{wanted} {what}, and the plan \"{plan}\" holds {bound}")),
        Limit::AtMost(_) => {
            (&rules::PLAN_VALUE, format!("{wanted} {what}, and the plan \"{plan}\" has {bound} at most"))
        }
        Limit::AtLeast(_) => {
            (&rules::PLAN_VALUE, format!("{wanted} {what}, and the plan \"{plan}\" has {bound} at least"))
        }
        Limit::From(_) => (&rules::PLAN_FEATURE, format!("the plan \"{plan}\" does not have {what}")),
    };
    let with = if of.add_on.is_empty() { String::new() } else { format!(" with {}", of.add_on) };
    let remedy = match of.cheapest(*wanted) {
        Some(cheapest) => format!("take `plan = \"{}\"`{with}, or {}", cheapest.as_str(), of.drop),
        None => format!("no plan has that: {}", of.drop),
    };
    Finding::error(rule, at.clone(), message, remedy)
}

/// Cloudflare counts over a few lengths of time alone.
fn uncounted(slots: &Slots) -> Vec<Finding> {
    let limits = edge_limits(slots).into_iter().filter(|(_, limit)| !COUNTED_SECONDS.contains(&limit.per.get()));
    limits
        .map(|(at, limit)| {
            let known = COUNTED_SECONDS.map(|seconds| seconds.to_string()).join(", ");
            Finding::error(
                &rules::EDGE_PERIOD,
                at,
                format!("`{}` counts over {} s, and the edge over {known} s alone", limit.name, limit.per),
                "take one of these times, or count at the proxy",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::load;
    use crate::ops::lint::judge;

    const SAMPLE: &str = include_str!("../../blueprints/jeveuxaider.toml");

    /// Messages and remedies of the three rules on a blueprint.
    fn remarks(toml: &str) -> Vec<(&'static str, String)> {
        let lint = judge(load::read("site.toml".to_owned(), toml.as_bytes()));
        let of_plan = ["cdn.plan-count", "cdn.plan-value", "cdn.plan-feature", "cdn.edge-period"];
        let found = lint.remarks.into_iter().map(|remark| remark.finding);
        found
            .filter(|finding| of_plan.contains(&finding.rule.id))
            .map(|finding| (finding.rule.id, format!("{}; {}", finding.message, finding.remedy)))
            .collect()
    }

    /// The sample as a whole zone of a plan, its tables replaced by these.
    fn on(plan: &str, add: &str) -> String {
        let mut table: toml::Table = SAMPLE.parse().expect("TOML");
        for key in ["waf", "waiting_room", "rate_limits"] {
            table.remove(key);
        }
        let cdn = table.get_mut("cdn").and_then(toml::Value::as_table_mut).expect("a table");
        for key in ["verification_key", "certificate", "load_balancer", "response_headers"] {
            cdn.remove(key);
        }
        cdn.insert("plan".to_owned(), plan.into());
        cdn.insert("setup".to_owned(), "full".into());
        let more: toml::Table = add.parse().expect("TOML");
        for (key, value) in more {
            match (table.get_mut(&key).and_then(toml::Value::as_table_mut), value) {
                (Some(held), toml::Value::Table(new)) => held.extend(new),
                (_, value) => {
                    table.insert(key, value);
                }
            }
        }
        toml::to_string(&table).expect("TOML")
    }

    fn limits(count: usize, retry_after: u32, more: &str) -> String {
        let limit = |n| {
            format!("[[rate_limits.limits]]\nname = 'l{n}'\nat = 'edge'\npaths = ['/l{n}']\nrequests = 20\n{more}\n")
        };
        let all: String = (0..count).map(limit).collect();
        format!("[rate_limits]\nexempt_partners = false\nretry_after_seconds = {retry_after}\n{all}")
    }

    /// Each row that is raised here, a blueprint that exceeds it, and what is advised.
    fn cases() -> Vec<(&'static Entitlement, String, &'static str)> {
        let rules = |count: usize, action: &str| -> String {
            let rule = |n| format!("[[waf.rules]]\nname = 'r{n}'\npaths = ['/r{n}/']\naction = '{action}'\n");
            format!("[waf]\nmanaged = []\n{}", (0..count).map(rule).collect::<String>())
        };
        let room = |more: &str| {
            format!(
                "[waiting_room]\nname = 'r'\ntotal_active_users = 400\nnew_users_per_minute = 300\n\
                 suspended = false\n{more}"
            )
        };
        let origins: Vec<String> = (0..21).map(|n| format!("'203.0.113.{n}'")).collect();
        let origins = format!("[cdn]\norigins = [{}]\n[cdn.load_balancer]\n", origins.join(", "));
        let event = "[[waiting_room.events]]\nname = 'e'\nstart = 2020-03-22T20:00:00+01:00\n\
                     end = 2020-03-22T23:00:00+01:00\ntotal_active_users = 400\nnew_users_per_minute = 300\n";
        vec![
            // Beside the lever, and the rule for partners.
            (
                &entitlements::CUSTOM_RULES,
                on("free", &rules(4, "block")),
                "6 custom WAF rules, and the plan \"free\" holds 5; take `plan = \"pro\"`",
            ),
            (&entitlements::LOG_ACTION, on("business", &rules(1, "log")), "take `plan = \"enterprise\"`"),
            (&entitlements::MANAGED_RULES, on("free", "[waf]\nmanaged = ['owasp']\n"), "take `plan = \"pro\"`"),
            (
                &entitlements::RATE_RULES,
                on("free", &limits(2, 10, "per_seconds = 10")),
                "2 rate limits at the edge, and the plan \"free\" holds 1; take `plan = \"pro\"`",
            ),
            (&entitlements::RATE_PERIOD, on("free", &limits(1, 10, "per_seconds = 60")), "take `plan = \"pro\"`"),
            (&entitlements::RATE_BLOCK, on("free", &limits(1, 11, "per_seconds = 10")), "take `plan = \"pro\"`"),
            (
                &entitlements::RATE_FIELDS,
                on("pro", &limits(1, 10, "per_seconds = 10\nmethods = ['POST']")),
                "take `plan = \"business\"`",
            ),
            (&entitlements::WAITING_ROOM, on("pro", &room("")), "take `plan = \"business\"`"),
            (
                &entitlements::ROOM_METHODS,
                on("business", &room("method = 'random'\n")),
                "take `plan = \"enterprise\"` with the advanced waiting room",
            ),
            (
                &entitlements::ROOM_EVENTS,
                on("business", &room(event)),
                "take `plan = \"enterprise\"` with the advanced waiting room",
            ),
            (
                &entitlements::ROOM_JSON,
                on("business", &room("json = true\n")),
                "take `plan = \"enterprise\"` with the advanced waiting room",
            ),
            (
                &entitlements::ROOM_BYPASS,
                on("business", &room("[waiting_room.bypass]\npaths = ['/api/']\n")),
                "take `plan = \"enterprise\"`",
            ),
            (
                &entitlements::YEAR_CERTIFICATE,
                on("business", "[cdn.certificate]\nauthority = 'ssl_com'\nvalidity_days = 365\n"),
                "take `plan = \"enterprise\"`",
            ),
            (
                &entitlements::MONITOR_INTERVAL,
                on("business", "[cdn.load_balancer]\ninterval_seconds = 10\n"),
                "take `plan = \"enterprise\"`",
            ),
            (&entitlements::POOL_ORIGINS, on("enterprise", &origins), "no plan has that"),
        ]
    }

    #[test]
    fn each_row_names_the_cheapest_plan_and_what_to_drop() {
        // Raised by the concerns whose key it is; `tests/lint.rs` has their cases.
        let of_concerns = [&entitlements::PARTIAL_ZONE, &entitlements::CACHE_RULES, &entitlements::EDGE_TTL];
        let rows = cases().into_iter().map(|(row, ..)| row.what).chain(of_concerns.map(|row| row.what));
        let visited: std::collections::BTreeSet<&str> = rows.collect();
        assert_eq!(visited, entitlements::ALL.iter().map(|row| row.what).collect());
        for (row, toml, advice) in cases() {
            let remarks = remarks(&toml);
            let found = remarks.iter().any(|(_, text)| text.contains(row.what) && text.contains(advice));
            assert!(found, "{}: {remarks:?}", row.what);
            assert!(remarks.iter().all(|(_, text)| text.contains(row.drop)), "{}: {remarks:?}", row.what);
        }
    }

    #[test]
    fn a_time_that_the_edge_does_not_count_over_is_named() {
        let remarks = remarks(&on("business", &limits(1, 10, "per_seconds = 45")));
        assert!(remarks.iter().any(|(rule, text)| *rule == "cdn.edge-period" && text.contains("45 s")), "{remarks:?}");
    }

    #[test]
    fn the_sample_fits_its_plan() {
        assert_eq!(remarks(SAMPLE), []);
    }
}
