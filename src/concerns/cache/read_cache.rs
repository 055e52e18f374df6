//! `cache.app.toggle`: the cache inside the app exists, was tried, and does what it is for. A cache that is ready and that
//! nobody remembers was there on the night (DOC-4).

use super::ReadCache;
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::answer::{answered, api, http};
use crate::concerns::ask::{get, pause};
use crate::concerns::attest::days_before;
use crate::concerns::{Check, Drill, Judgement, Safety, rules};
use crate::probe::{ApiProbe, ApiProvider, HttpAnswer, Probe, Scheme};

/// How long before the announcement the practice may be, in days.
const PRACTISED_WITHIN: i32 = 30;
/// Between two looks at an answer that must be the same, in seconds; less where it is kept for less.
const APART: u32 = 10;

pub fn findings(cache: &ReadCache, site: &Site) -> Vec<Finding> {
    let at = |key: &str| KeyPath::of(["cache", "read_cache"]).key(key);
    let mut findings = Vec::new();
    for (index, app) in cache.apps.iter().enumerate().filter(|(_, app)| !site.apps.iter().any(|one| one.name == **app))
    {
        findings.push(Finding::error(
            &rules::CACHE_READ_CACHE,
            at("apps").index(index),
            format!("`[[apps.apps]]` has no `{app}`"),
            "name the apps that read the variable",
        ));
    }
    if !site.private_paths.iter().any(|start| cache.path.as_str().starts_with(start.as_str())) {
        findings.push(Finding::error(
            &rules::CACHE_READ_CACHE,
            at("path"),
            format!("`{}` belongs to no class with `store = false`: the CDN's copy would hide the app's", cache.path),
            "name an answer of the app itself",
        ));
    }
    if cache.on == cache.off {
        findings.push(Finding::error(
            &rules::CACHE_READ_CACHE,
            at("off"),
            "the switch has one position",
            "give `on` and `off` different values",
        ));
    }
    if cache.drilled_on.is_none_or(|day| days_before(site, day) > PRACTISED_WITHIN) {
        findings.push(Finding::warning(
            &rules::CACHE_READ_CACHE,
            at("variable"),
            "nobody has switched it on lately: on the night nobody will",
            "switch it on and off for practice, and note the day as `drilled_on`",
        ));
    }
    findings
}

pub fn check(cache: &ReadCache, site: &Site) -> Check {
    let variables =
        |app| Probe::Api(ApiProbe { provider: ApiProvider::Scalingo, path: format!("/apps/{app}/variables"), nth: 0 });
    let ask: Vec<Probe> = cache.apps.iter().map(variables).collect();
    let (page, count) = (get(Scheme::Https, &site.host, cache.path.as_str()), ask.len());
    let practised = cache.drilled_on.map(|day| (day, days_before(site, day)));
    let remedy = format!(
        "write how {} is switched where everybody looks, and switch it on and off for practice",
        cache.variable
    );
    let (cache, apart) = (cache.clone(), APART.min(cache.seconds.get() / 2));
    Check {
        id: "cache.app.toggle",
        subject: cache.variable.to_string(),
        safety: Safety::S1,
        blocked_by: vec![],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let mut is_on = None;
            for (observation, app) in seen.iter().zip(&cache.apps) {
                let body = answered!(api(observation));
                let all = body["variables"].as_array().into_iter().flatten();
                let value = all.into_iter().find(|one| one["name"] == cache.variable.as_str());
                let value = value.and_then(|one| one["value"].as_str()).unwrap_or("missing");
                let says = match value {
                    value if value == cache.on.as_str() => true,
                    value if value == cache.off.as_str() => false,
                    other => {
                        return Judgement::fail(format!(
                            "{} of {app} is {other}, which is neither on nor off",
                            cache.variable
                        ));
                    }
                };
                if is_on.is_some_and(|other| other != says) {
                    return Judgement::fail(format!("{} is on in one app and off in another", cache.variable));
                }
                is_on = Some(says);
            }
            if is_on != Some(true) {
                return match practised {
                    None => Judgement::unknown("off, and never tried"),
                    Some((day, days)) if days > PRACTISED_WITHIN => {
                        Judgement::unknown(format!("off, and last tried on {day}, {days} days before the announcement"))
                    }
                    Some((day, _)) => Judgement::pass(format!("off, ready, tried on {day}")),
                };
            }
            if seen.len() == count {
                return Judgement::Ask(vec![page.clone().into(), pause(apart), page.clone().again(1).into()]);
            }
            let looks: Vec<&HttpAnswer> =
                answered!(seen[count..].iter().step_by(2).map(http).collect::<Result<Vec<_>, _>>());
            match looks.as_slice() {
                [first, second] if first.status == 200 && second.status == 200 => {
                    if first.body.text == second.body.text {
                        Judgement::pass(format!("on: the same answer after {apart} s"))
                    } else {
                        Judgement::fail(format!(
                            "on, and the answer changes within {apart} s: nothing reads the switch"
                        ))
                    }
                }
                _ => Judgement::unknown(format!("on, and {} does not answer 200 each time", cache.path)),
            }
        }),
        remedy,
        source: "DOC-4: ready, and forgotten",
        valid_for_seconds: 3600,
    }
}

pub fn drill(cache: &ReadCache) -> Drill {
    let (variable, on) = (cache.variable.to_string(), cache.on.to_string());
    let apps: Vec<String> = cache.apps.iter().map(ToString::to_string).collect();
    Drill {
        number: Some(37),
        id: "read-cache-unwired",
        fault: "the app's own cache is switched on, and nothing reads the switch",
        reddens: vec!["cache.app.toggle"],
        inject: Box::new(move |staging| {
            staging.app.read_cache_unwired = true;
            for app in &apps {
                staging.edit_api(ApiProvider::Scalingo, &format!("/apps/{app}/variables"), |body| {
                    let all = body["variables"].as_array_mut().ok_or("no variables")?;
                    let one = all.iter_mut().find(|one| one["name"] == variable.as_str());
                    one.ok_or_else(|| format!("no {variable}"))?["value"] = on.as_str().into();
                    Ok(())
                })?;
            }
            Ok(())
        }),
    }
}
