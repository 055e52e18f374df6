//! Offline remarks on `[waf]`.

use std::collections::HashSet;

use super::{Action, Rule, Waf};
use crate::blueprint::value::Country;
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::answer::listed;
use crate::concerns::rules;
use crate::providers::countries;

pub fn findings(waf: &Waf, site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(needs_cdn(site));
    findings.extend(two_lists(waf));
    findings.extend(unknown_countries(waf));
    findings.extend(france(waf));
    let mut names = HashSet::new();
    for (index, rule) in waf.rules.iter().enumerate() {
        let at = KeyPath::of(["waf", "rules"]).index(index);
        if !names.insert(rule.name.identifier()) {
            findings.push(Finding::error(
                &rules::WAF_DUPLICATE_NAME,
                at.clone().key("name"),
                format!("two rules are called `{}`", rule.name),
                "rename one",
            ));
        }
        findings.extend(takes_all(rule, &at));
        findings.extend(outside_hosts(rule, &at, site));
        findings.extend(wholly_spared(rule, &at, waf));
    }
    findings
}

fn needs_cdn(site: &Site) -> Option<Finding> {
    site.cdn.is_none().then(|| {
        Finding::error(
            &rules::WAF_NEEDS_CDN,
            KeyPath::of(["waf"]),
            "there is no CDN whose filter this could be",
            "add `[cdn]`, or remove `[waf]`",
        )
        .on_key()
    })
}

fn two_lists(waf: &Waf) -> Option<Finding> {
    (!waf.block_countries.is_empty() && !waf.allow_countries.is_empty()).then(|| {
        Finding::error(
            &rules::WAF_TWO_COUNTRY_LISTS,
            KeyPath::of(["waf", "block_countries"]),
            "countries are both blocked and allowed: what of those in neither list?",
            "keep one of the two lists",
        )
    })
}

fn unknown_countries(waf: &Waf) -> Vec<Finding> {
    let assigned = countries::codes();
    let mut findings = Vec::new();
    let mut look = |at: KeyPath, listed: &[Country]| {
        for (index, country) in listed.iter().enumerate() {
            if country.as_str() != "T1" && !assigned.contains(country.as_str()) {
                findings.push(Finding::error(
                    &rules::WAF_UNKNOWN_COUNTRY,
                    at.clone().index(index),
                    format!("`{country}` is the code of no country"),
                    if country.as_str() == "UK" {
                        "the United Kingdom is GB"
                    } else {
                        "take the code of ISO 3166-1 alpha-2, for example FR; T1 is the Tor network"
                    },
                ));
            }
        }
    };
    look(KeyPath::of(["waf", "block_countries"]), &waf.block_countries);
    look(KeyPath::of(["waf", "allow_countries"]), &waf.allow_countries);
    for (index, rule) in waf.rules.iter().enumerate() {
        look(KeyPath::of(["waf", "rules"]).index(index).key("countries"), &rule.countries);
    }
    findings
}

/// To Cloudflare, FR is the mainland and Corsica alone.
fn france(waf: &Waf) -> Option<Finding> {
    let has = |listed: &[Country], code: &str| listed.iter().any(|country| country.as_str() == code);
    let overseas = countries::OVERSEAS_FRANCE;
    if has(&waf.allow_countries, "FR") {
        let missing: Vec<&str> = overseas.into_iter().filter(|code| !has(&waf.allow_countries, code)).collect();
        return (!missing.is_empty()).then(|| {
            Finding::error(
                &rules::WAF_FRANCE_OVERSEAS,
                KeyPath::of(["waf", "allow_countries"]),
                format!("FR is allowed, and {} stay outside: overseas France has codes of its own", listed(&missing)),
                format!("add {}", missing.join(", ")),
            )
        });
    }
    let blocked: Vec<&str> = overseas.into_iter().filter(|code| has(&waf.block_countries, code)).collect();
    (!blocked.is_empty() && !has(&waf.block_countries, "FR")).then(|| {
        Finding::warning(
            &rules::WAF_FRANCE_OVERSEAS,
            KeyPath::of(["waf", "block_countries"]),
            format!("{} are parts of France, and blocked while FR is not", listed(&blocked)),
            format!("take {} off the list, unless it is meant", blocked.join(", ")),
        )
    })
}

fn takes_all(rule: &Rule, at: &KeyPath) -> Option<Finding> {
    let Rule { name, action, paths, methods, countries, addresses, user_agent_contains, hosts: _ } = rule;
    let narrow = !paths.is_empty()
        || !methods.is_empty()
        || !countries.is_empty()
        || !addresses.is_empty()
        || !user_agent_contains.is_empty();
    let everything = !narrow
        || (methods.is_empty()
            && paths.iter().any(|path| path.as_str() == "/")
            && countries.is_empty()
            && addresses.is_empty()
            && user_agent_contains.is_empty());
    (everything && *action != Action::Log).then(|| {
        Finding::error(
            &rules::WAF_RULE_TAKES_ALL,
            at.clone().key("name"),
            format!("`{name}` takes every request: nobody would see the site"),
            "give it a condition that some requests do not fit: `paths`, `countries`, `addresses`, ...",
        )
    })
}

fn outside_hosts(rule: &Rule, at: &KeyPath, site: &Site) -> Vec<Finding> {
    let Some(cdn) = &site.cdn else { return Vec::new() };
    let outside = rule.hosts.iter().enumerate().filter(|(_, host)| !host.is_within(&cdn.zone));
    outside
        .map(|(index, host)| {
            Finding::error(
                &rules::WAF_HOST_OUTSIDE,
                at.clone().key("hosts").index(index),
                format!("`{host}` is not in the CDN's zone `{}`: the rule would never fit", cdn.zone),
                "name hosts of that zone",
            )
        })
        .collect()
}

/// A challenge that its own exceptions leave nothing of.
fn wholly_spared(rule: &Rule, at: &KeyPath, waf: &Waf) -> Option<Finding> {
    let spared = |path: &str| waf.clean_paths.iter().any(|clean| path.starts_with(clean.as_str()));
    let nothing_left = !rule.paths.is_empty() && rule.paths.iter().all(|path| spared(path.as_str()));
    (rule.action == Action::Challenge && nothing_left).then(|| {
        Finding::error(
            &rules::WAF_CHALLENGE_ON_CLEAN,
            at.clone().key("paths"),
            format!("`{}` challenges paths of `clean_paths` alone, which are never challenged", rule.name),
            "block instead, or take the path out of `clean_paths`",
        )
    })
}
