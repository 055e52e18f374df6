//! Filters as Cloudflare takes them: lists, custom rules, managed rules, limits, response headers.

use serde_json::{Map, Value, json};

use super::Ruleset;
use crate::blueprint::value::{PathPrefix, Seconds};
use crate::concerns::cdn::Plan;
use crate::concerns::fragment::{
    AddressList, CustomRule, Expression, LimitedAt, ManagedRules, RateLimit, ResponseHeader, RuleAction, under_any,
};
use crate::emit::{Asked, Clash, expression};
use crate::providers::cloudflare::{BLOCK_SECONDS, COUNTED_SECONDS};

pub fn list(list: &AddressList) -> Value {
    let mut items: Vec<String> = list.items.iter().map(|range| expression::address(*range)).collect();
    items.sort();
    items.dedup();
    let items: Vec<Value> = items.into_iter().map(|ip| json!({ "ip": ip })).collect();
    json!({ "kind": "ip", "name": list.name, "description": list.description, "items": items })
}

/// Whoever is let through comes first: a rule before it would stop them.
pub fn custom(asked: &[Asked<CustomRule>], plan: Option<Plan>) -> Ruleset {
    let mut rules: Vec<&CustomRule> = asked.iter().map(|asked| &asked.what).collect();
    rules.sort_by_key(|rule| rule.action != RuleAction::Skip);
    Ruleset {
        phase: "http_request_firewall_custom",
        resource: "waf_custom",
        rules: rules.iter().map(|rule| custom_rule(rule, plan)).collect(),
    }
}

fn custom_rule(rule: &CustomRule, plan: Option<Plan>) -> Value {
    let mut value = json!({
        "ref": rule.name,
        "description": rule.description,
        "expression": expression::write(&rule.expression),
        "action": rule.action.as_str(),
    });
    if rule.action == RuleAction::Skip {
        let mut phases = vec!["http_ratelimit", "http_request_firewall_managed"];
        // The super bot fight is no part of the smallest plan, where naming its phase is refused.
        if plan != Some(Plan::Free) {
            phases.push("http_request_sbfm");
        }
        value["action_parameters"] =
            json!({ "ruleset": "current", "phases": phases, "products": ["bic", "securityLevel"] });
    }
    if !rule.enabled {
        value["enabled"] = json!(false);
    }
    value
}

pub fn managed(asked: &[Asked<ManagedRules>]) -> Ruleset {
    let rule = |rules: &ManagedRules| {
        json!({
            "ref": format!("managed_{}", rules.which.as_str()),
            "description": format!("The managed ruleset {}", rules.which.as_str()),
            "expression": expression::write(&rules.expression),
            "action": "execute",
            "action_parameters": { "id": rules.which.id() },
        })
    };
    Ruleset {
        phase: "http_request_firewall_managed",
        resource: "waf_managed",
        rules: asked.iter().map(|asked| rule(&asked.what)).collect(),
    }
}

/// The limits that are counted at the edge. `spared`: starts of the paths of which no limit on everything speaks.
///
/// # Errors
///
/// A period that Cloudflare does not count over, a status that the plan cannot give.
pub fn limits(
    asked: &[Asked<RateLimit>],
    site: &Expression,
    plan: Option<Plan>,
    spared: &[PathPrefix],
) -> (Ruleset, Vec<Clash>) {
    let mut clashes = Vec::new();
    let at_edge: Vec<_> = asked.iter().filter(|asked| asked.what.at == LimitedAt::Edge).collect();
    for Asked { by, what } in &at_edge {
        if !COUNTED_SECONDS.contains(&what.per.get()) {
            let known = COUNTED_SECONDS.map(|seconds| seconds.to_string()).join(", ");
            clashes.push(Clash(format!(
                "{by}: the limit {} counts over {} s, and Cloudflare over {known} s alone",
                what.name, what.per
            )));
        }
        if plan == Some(Plan::Free) && what.status != 429 {
            clashes.push(Clash(format!(
                "{by}: the limit {} answers {}, and on the plan \"free\" Cloudflare's own page with 429 is all there is",
                what.name, what.status
            )));
        }
    }
    let rules = at_edge.iter().map(|asked| limit(&asked.what, site, plan, spared)).collect();
    (Ruleset { phase: "http_ratelimit", resource: "rate_limits", rules }, clashes)
}

/// How long Cloudflare keeps a client out who was stopped: its next step from what was asked.
pub fn blocks_for(retry_after: Seconds) -> u32 {
    BLOCK_SECONDS
        .into_iter()
        .find(|seconds| *seconds >= retry_after.get())
        .unwrap_or(BLOCK_SECONDS[BLOCK_SECONDS.len() - 1])
}

fn limit(limit: &RateLimit, site: &Expression, plan: Option<Plan>, spared: &[PathPrefix]) -> Value {
    let mut conditions = Vec::new();
    // Limits of the smallest plan know paths alone, and so count for every host of the zone.
    if plan != Some(Plan::Free) {
        conditions.push(site.clone());
    }
    match (limit.paths.as_slice(), spared) {
        ([], []) => {}
        ([], spared) => conditions.push(Expression::Not(Box::new(under_any(spared)))),
        (paths, _) => conditions.push(under_any(paths)),
    }
    if !limit.methods.is_empty() {
        conditions.push(Expression::MethodIn(limit.methods.clone()));
    }
    if !limit.exempt.is_empty() {
        conditions.push(Expression::Not(Box::new(Expression::SourceIn(limit.exempt.clone()))));
    }
    let mut value = json!({
        "ref": limit.name.identifier(),
        "description": format!("{}: {} requests in {} s", limit.name, limit.requests, limit.per),
        "expression": expression::write(&Expression::All(conditions)),
        "action": "block",
    });
    if plan != Some(Plan::Free) {
        let content = format!("Too many requests: try again in {} seconds.\n", blocks_for(limit.retry_after));
        value["action_parameters"] = json!({
            "response": { "status_code": limit.status, "content_type": "text/plain", "content": content }
        });
    }
    value["ratelimit"] = json!({
        "characteristics": ["cf.colo.id", "ip.src"],
        "period": limit.per.get(),
        "requests_per_period": limit.requests,
        // Left out it becomes 0, which is another action and another plan.
        "mitigation_timeout": blocks_for(limit.retry_after),
        "requests_to_origin": false,
    });
    value
}

/// One rule for all headers.
///
/// # Errors
///
/// Two wishes for one header.
pub fn headers(asked: &[Asked<ResponseHeader>], site: &Expression) -> (Ruleset, Vec<Clash>) {
    let mut clashes = Vec::new();
    let mut headers = Map::new();
    for Asked { by, what } in asked {
        let change = match &what.value {
            Some(value) => json!({ "operation": "set", "value": value.as_str() }),
            None => json!({ "operation": "remove" }),
        };
        if headers.keys().any(|known| known.eq_ignore_ascii_case(what.name.as_str())) {
            clashes.push(Clash(format!("{by}: the response header {} is asked for twice", what.name)));
        }
        headers.insert(what.name.as_str().to_owned(), change);
    }
    let rule = json!({
        "ref": "headers",
        "description": "Headers of every answer of the site",
        "expression": expression::write(site),
        "action": "rewrite",
        "action_parameters": { "headers": headers },
    });
    let rules = if asked.is_empty() { vec![] } else { vec![rule] };
    (Ruleset { phase: "http_response_headers_transform", resource: "response_headers", rules }, clashes)
}
