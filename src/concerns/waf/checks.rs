//! What must be observable when `[waf]` is live: attacks stop, programs and partners do not, countries are those that
//! were meant.

use std::collections::{BTreeMap, BTreeSet};

use hyper::HeaderMap;
use serde_json::Value;

use super::Waf;
use super::fragments::{COUNTRIES, PARTNERS, custom_rule, list_name};
use crate::blueprint::Site;
use crate::concerns::answer::{answered, cloudflare, http, listed};
use crate::concerns::ask::{cloudflare_entrypoint, cloudflare_list, get, pause};
use crate::concerns::{Check, Judgement, OneOrMore, Safety};
use crate::emit::condition_text;
use crate::probe::{HttpAnswer, Scheme};
use crate::providers::cloudflare::language::{Condition, Facts};
use crate::providers::countries;

/// A pass about the filter is good for an hour.
const VALID_FOR_SECONDS: u32 = 3600;

const CUSTOM: &str = "http_request_firewall_custom";
const MANAGED: &str = "http_request_firewall_managed";

/// What every signature-based filter stops: a script, an always-true condition of SQL, a way out of the folder.
const ATTACKS: [&str; 3] = ["%3Cscript%3Ealert(1)%3C/script%3E", "%27%20OR%201=1--", "../../etc/passwd"];

pub fn checks(waf: &Waf, site: &Site) -> OneOrMore<Check> {
    let home = site.pages.first().map_or("/", |page| page.as_str());
    let mut rest: Vec<Check> = waf
        .clean_paths
        .iter()
        .map(|start| {
            let sample = site.sampled_paths.iter().find(|path| path.as_str().starts_with(start.as_str()));
            clean(sample.map_or(start.as_str(), |path| path.as_str()), true, site)
        })
        .collect();
    if !waf.managed.is_empty() {
        rest.push(signature(home, site));
    }
    if !waf.block_countries.is_empty() || !waf.allow_countries.is_empty() {
        rest.push(geo(waf, site));
    }
    if !site.partners.is_empty() {
        rest.push(partner(site));
    }
    if !waf.rules.is_empty() {
        rest.push(own_rules(waf, site));
    }
    OneOrMore(clean(home, false, site), rest)
}

fn is_stopped(answer: &HttpAnswer) -> bool {
    answer.status == 403 || answer.header("cf-mitigated").is_some()
}

/// `waf.clean`: a program that asks for JSON is not given a challenge, which is always a page; a visitor of the home
/// page is not given one either.
fn clean(path: &str, for_programs: bool, site: &Site) -> Check {
    let accept = if for_programs { "application/json" } else { "text/html" };
    Check {
        id: "waf.clean",
        subject: path.to_owned(),
        safety: Safety::S1,
        blocked_by: vec!["dns.host.target", "tls.chain"],
        ask: vec![get(Scheme::Https, &site.host, path).header("accept", accept).into()],
        judge: Box::new(move |seen| {
            let answer = answered!(http(&seen[0]));
            if let Some(mitigated) = answer.header("cf-mitigated") {
                return Judgement::fail(format!("the edge puts a {mitigated} before it: no program passes one"));
            }
            if answer.status == 403 {
                return Judgement::fail("403: somebody on the way refuses it");
            }
            let kind = answer.header("content-type").unwrap_or("no type");
            match (answer.status, for_programs && kind.starts_with("text/html")) {
                (200..=299, false) => Judgement::pass(format!("{} {kind}, no challenge", answer.status)),
                (200..=299, true) => Judgement::fail(format!("a program that asks for JSON gets {kind}")),
                (status, _) => Judgement::fail(format!("{status}, and not a good answer")),
            }
        }),
        remedy: format!("let the filter skip challenges on {path}"),
        source: "Cloudflare docs, cloudflare-challenges; JVA-14",
        disturbs: false,
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `waf.signature`.
fn signature(home: &str, site: &Site) -> Check {
    let attack = |text: &str| get(Scheme::Https, &site.host, &format!("{home}?g={text}")).into();
    let mut ask = Vec::new();
    for text in ATTACKS {
        if !ask.is_empty() {
            ask.push(pause(10));
        }
        ask.push(attack(text));
    }
    let first_round = ask.len();
    let readback = cloudflare_entrypoint(site, MANAGED);
    Check {
        id: "waf.signature",
        subject: site.host.to_string(),
        safety: Safety::S2,
        blocked_by: vec!["dns.host.target", "tls.chain"],
        ask,
        judge: Box::new(move |seen| {
            let (mut through, mut untold) = (Vec::new(), None);
            for (answer, attack) in seen.iter().step_by(2).zip(ATTACKS) {
                let answer = answered!(http(answer));
                match answer.status {
                    _ if is_stopped(answer) => {}
                    // A limit, and an origin that is ill, answer the best of visitors so.
                    429 | 500.. => untold = Some(answer.status),
                    status => through.push(format!("{attack} ({status})")),
                }
            }
            match (through.is_empty(), untold) {
                (true, None) => return Judgement::pass("a script, SQL and a way out of the folder are stopped"),
                (true, Some(status)) => {
                    return Judgement::unknown(format!("{status} does not tell whether an attack is stopped"));
                }
                (false, _) => {}
            }
            let told = format!("let through: {}", listed(&through));
            let Some(readback) = seen.get(first_round) else { return Judgement::Ask(readback.clone()) };
            let only_logs = cloudflare(readback).is_ok_and(|ruleset| {
                let rules = ruleset["rules"].as_array().into_iter().flatten();
                rules.map(|rule| &rule["action_parameters"]["overrides"]["action"]).any(|action| action == "log")
            });
            match only_logs {
                true => Judgement::warn(format!("{told}; the managed rules only log")),
                false => Judgement::fail(told),
            }
        }),
        remedy: "apply the managed rules without an override that only logs".to_owned(),
        source: "JVA-2; Cloudflare docs, waf/managed-rules",
        disturbs: false,
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// The rule of a phase with this `ref`, if it is switched on, with its place.
fn rule_named<'a>(ruleset: &'a Value, name: &str) -> Result<(usize, &'a Value), Judgement> {
    let rules = ruleset["rules"].as_array().into_iter().flatten().enumerate();
    let found = rules.into_iter().find(|(_, rule)| rule["ref"] == name);
    let (at, rule) = found.ok_or_else(|| Judgement::fail(format!("the zone has no rule {name}")))?;
    if rule["enabled"] == Value::Bool(false) {
        return Err(Judgement::fail(format!("the rule {name} is switched off")));
    }
    Ok((at, rule))
}

/// `waf.geo`: by what the rule means and not by its text, which the API may write in another way.
fn geo(waf: &Waf, site: &Site) -> Check {
    let host = site.host.to_string();
    let texts = |codes: &[crate::blueprint::value::Country]| -> BTreeSet<String> {
        codes.iter().map(ToString::to_string).collect()
    };
    let (blocked, allowed) = (texts(&waf.block_countries), texts(&waf.allow_countries));
    let wanted = move |code: &str| if allowed.is_empty() { blocked.contains(code) } else { !allowed.contains(code) };
    let mut codes: Vec<&'static str> = countries::codes().into_iter().collect();
    // Tor, and what Cloudflare cannot place.
    codes.extend(["T1", "XX"]);
    Check {
        id: "waf.geo",
        subject: site.host.to_string(),
        safety: Safety::S0,
        blocked_by: vec![],
        ask: cloudflare_entrypoint(site, CUSTOM),
        judge: Box::new(move |seen| {
            let ruleset = answered!(cloudflare(&seen[0]));
            let (_, rule) = answered!(rule_named(ruleset, COUNTRIES));
            if rule["action"] != "block" {
                return Judgement::fail(format!("the rule about countries does {} and not block", rule["action"]));
            }
            let text = rule["expression"].as_str().unwrap_or_default();
            let condition = match Condition::parse(text) {
                Ok(condition) => condition,
                Err(error) => return Judgement::unknown(format!("golive cannot read `{text}`: {error}")),
            };
            let (mut shut, mut open) = (Vec::new(), Vec::new());
            for code in &codes {
                match (condition.holds(&visit(&host, code)), wanted(code)) {
                    (true, false) => shut.push(*code),
                    (false, true) => open.push(*code),
                    _ => {}
                }
            }
            if !shut.is_empty() {
                let overseas: Vec<&str> =
                    shut.iter().copied().filter(|code| countries::OVERSEAS_FRANCE.contains(code)).collect();
                let france = match overseas.is_empty() {
                    true => String::new(),
                    false => format!(", parts of France ({}) among them", listed(&overseas)),
                };
                return Judgement::fail(format!("shut out without being meant: {}{france}", some(&shut)));
            }
            match open.is_empty() {
                true => Judgement::pass("the countries that come in are those of the blueprint"),
                false => Judgement::fail(format!("still let in: {}", some(&open))),
            }
        }),
        remedy: format!("let the rule {COUNTRIES} name the countries of the blueprint"),
        source: "JVA-2; Cloudflare docs, ruleset-engine/rules-language/fields, ip.src.country",
        disturbs: false,
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// At most eight, and how many more.
fn some(codes: &[&str]) -> String {
    match codes.get(8..).unwrap_or_default() {
        [] => listed(codes),
        more => format!("{} and {} more", codes[..8].join(", "), more.len()),
    }
}

/// A visit of the home page from a country; the address says nothing.
fn visit<'a>(host: &'a str, country: &'a str) -> Facts<'a> {
    static NO_HEADERS: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);
    Facts {
        method: "GET",
        https: true,
        host,
        path: "/",
        query: None,
        headers: &NO_HEADERS,
        client: std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        country,
    }
}

/// `waf.partner`: the read-back half of the catalogue's row. That they do not filter us stands in their letter.
fn partner(site: &Site) -> Check {
    let list = list_name(site);
    let mut wanted: BTreeMap<String, String> = BTreeMap::new();
    for partner in &site.partners {
        for range in &partner.addresses {
            wanted.insert(crate::emit::address_text(*range), partner.name.to_string());
        }
    }
    let mut ask = cloudflare_entrypoint(site, CUSTOM);
    ask.extend(cloudflare_list(site, &list));
    Check {
        id: "waf.partner",
        subject: list_name(site),
        safety: Safety::S0,
        blocked_by: vec![],
        ask,
        judge: Box::new(move |seen| {
            let ruleset = answered!(cloudflare(&seen[0]));
            let (at, rule) = answered!(rule_named(ruleset, PARTNERS));
            if at != 0 || rule["action"] != "skip" {
                return Judgement::fail(format!("the rule {PARTNERS} is not the first, or does not skip"));
            }
            let items = answered!(cloudflare(&seen[1])).as_array().cloned().unwrap_or_default();
            let held: BTreeSet<&str> = items.iter().filter_map(|item| item["ip"].as_str()).collect();
            let missing: Vec<String> = wanted
                .iter()
                .filter(|(range, _)| !held.contains(range.as_str()))
                .map(|(range, name)| format!("{range} of {name}"))
                .collect();
            match missing.is_empty() {
                true => Judgement::pass(format!("{} ranges are let past filters and limits", wanted.len())),
                false => Judgement::fail(format!("not on the list: {}", listed(&missing))),
            }
        }),
        remedy: format!("put the missing ranges on the list {list}, and the rule {PARTNERS} first"),
        source: "DOC-6",
        disturbs: false,
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `waf.rules`: each rule of one's own is there, does what it should, and means the same.
fn own_rules(waf: &Waf, site: &Site) -> Check {
    let wanted: Vec<(String, &'static str, String)> = waf
        .rules
        .iter()
        .map(|rule| custom_rule(rule, waf, site))
        .map(|rule| (rule.name, rule.action.as_str(), condition_text(&rule.expression)))
        .collect();
    Check {
        id: "waf.rules",
        subject: site.host.to_string(),
        safety: Safety::S0,
        blocked_by: vec![],
        ask: cloudflare_entrypoint(site, CUSTOM),
        judge: Box::new(move |seen| {
            let ruleset = answered!(cloudflare(&seen[0]));
            let mut last = None;
            for (name, action, expression) in &wanted {
                let (at, rule) = answered!(rule_named(ruleset, name));
                if rule["action"] != *action {
                    return Judgement::fail(format!("the rule {name} does {}, not {action}", rule["action"]));
                }
                if rule["expression"] != expression.as_str() {
                    return Judgement::fail(format!("the rule {name} has another condition: {}", rule["expression"]));
                }
                if last.is_some_and(|last| at < last) {
                    return Judgement::fail(format!("the rule {name} stands before rules that should be tried first"));
                }
                last = Some(at);
            }
            Judgement::pass(format!("{} rules stand as generated", wanted.len()))
        }),
        remedy: "apply terraform/ again, and find out who changed the rule by hand".to_owned(),
        source: "JVA-2; DOC-7",
        disturbs: false,
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

#[cfg(test)]
mod tests {
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, page, sample, verdict};
    use crate::probe::Observation;

    #[test]
    fn an_attack_is_stopped_goes_through_or_is_not_told_apart() {
        let (blueprint, site) = sample(&[]);
        let signature = check(&blueprint, &site, "waf.signature", "covid19.reserve-civique.gouv.fr");
        let stopped = || page(403, &[], "");
        let challenged = || page(503, &[("cf-mitigated", "challenge")], "");
        for (second, wanted) in [
            (stopped(), Some(Verdict::Pass)),
            (challenged(), Some(Verdict::Pass)),
            (page(429, &[], ""), Some(Verdict::Unknown)),
            (page(522, &[], ""), Some(Verdict::Unknown)),
            // Then the rules are read back, to tell a missing one from one that only logs.
            (page(200, &[], ""), None),
            (page(404, &[], ""), None),
        ] {
            let seen = [stopped(), Observation::Done, second, Observation::Done, stopped()];
            assert_eq!(verdict(&signature, &seen), wanted, "{seen:?}");
        }
    }
}
