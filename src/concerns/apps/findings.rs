//! Offline remarks on `[apps]`: what the platform refuses, undoes or drops, and Terraform does not see.

use std::collections::{HashMap, HashSet};

use super::{App, Apps, Container, DrainKind, Stack};
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::rules;

/// Shortest name of an app, in characters (Scalingo, apps).
const SHORTEST_NAME: usize = 6;
/// Names that one app may have (Scalingo, limits).
const MOST_DOMAINS: usize = 20;
/// Fewest containers that an autoscaler keeps (Scalingo, autoscaler).
const FEWEST: u32 = 2;

pub fn findings(apps: &Apps, site: &Site) -> Vec<Finding> {
    let at = KeyPath::of(["apps", "apps"]);
    if apps.apps.is_empty() {
        return vec![Finding::error(
            &rules::APPS_NONE,
            at,
            "no app is named, so there is nothing to run",
            "name an app, or remove the table",
        )];
    }
    let mut findings = Vec::new();
    let (mut names, mut domains) = (HashSet::new(), HashSet::new());
    for (index, app) in apps.apps.iter().enumerate() {
        let at = at.clone().index(index);
        if app.name.as_str().len() < SHORTEST_NAME {
            findings.push(Finding::error(
                &rules::APPS_NAME,
                at.clone().key("name"),
                format!("`{}` is shorter than {SHORTEST_NAME} characters", app.name),
                "take a longer name",
            ));
        }
        if !names.insert(&app.name) {
            findings.push(Finding::error(
                &rules::APPS_TWICE,
                at.clone().key("name"),
                format!("two apps are called `{}`", app.name),
                "give each app a name of its own",
            ));
        }
        for (index, domain) in app.domains.iter().enumerate() {
            if !domains.insert(domain) {
                findings.push(Finding::error(
                    &rules::APPS_DOMAIN,
                    at.clone().key("domains").index(index),
                    format!("`{domain}` is named twice, and the router can send it to one app"),
                    "give each name to one app",
                ));
            }
        }
        if app.domains.len() > MOST_DOMAINS {
            findings.push(Finding::error(
                &rules::APPS_DOMAIN,
                at.clone().key("domains"),
                format!("{} names, and an app may have {MOST_DOMAINS}", app.domains.len()),
                "spread the names over several apps",
            ));
        }
        findings.extend(containers(app, &at));
        findings.extend(variables(app, &at));
        findings.extend(proxies(app, &at, site));
        findings.extend(health(app, &at, site));
        findings.extend(logged_in(app, &at, site));
        findings.extend(watching(app, &at));
        if app.stack == Stack::Scalingo22 {
            findings.push(Finding::warning(
                &rules::APPS_STACK,
                at.clone().key("stack"),
                "the stack `scalingo-22` ends on 1 June 2027",
                "take `scalingo-24` or `scalingo-26`, and test the app on it",
            ));
        }
    }
    let fronts: Vec<usize> =
        apps.apps.iter().enumerate().filter(|(_, app)| app.front).map(|(index, _)| index).collect();
    if let [_, second, ..] = fronts.as_slice() {
        findings.push(Finding::error(
            &rules::APPS_FRONT,
            at.clone().index(*second).key("front"),
            "two apps would be golive's nginx",
            "let one app be the front",
        ));
    }
    if let ([front, ..], false) = (fronts.as_slice(), site.has_proxy) {
        findings.push(Finding::error(
            &rules::APPS_FRONT,
            at.index(*front).key("front"),
            "the front runs golive's nginx, and there is no [proxy] to say what it does",
            "add [proxy], or remove the app",
        ));
    }
    findings
}

fn containers(app: &App, at: &KeyPath) -> Vec<Finding> {
    let at = at.clone().key("containers");
    if app.containers.is_empty() {
        return vec![Finding::error(
            &rules::APPS_NO_CONTAINER,
            at,
            format!("nothing of `{}` runs", app.name),
            "name a type of container, `web` first",
        )];
    }
    let mut findings = Vec::new();
    let mut kinds = HashSet::new();
    for (index, container) in app.containers.iter().enumerate() {
        let at = at.clone().index(index);
        if !kinds.insert(&container.kind) {
            findings.push(Finding::error(
                &rules::APPS_CONTAINER_TWICE,
                at.clone().key("type"),
                format!("`{}` is named twice", container.kind),
                "name each type once",
            ));
        }
        if container.most() > app.containers_allowed.get() {
            findings.push(Finding::error(
                &rules::APPS_QUOTA,
                at.clone().key("count"),
                format!(
                    "{} containers at most, and the platform allows {}: it refuses the others",
                    container.most(),
                    app.containers_allowed
                ),
                format!("ask its support for {}, then set `containers_allowed`", container.most()),
            ));
        }
        findings.extend(autoscale(container, &at.key("autoscale")));
    }
    findings
}

fn autoscale(container: &Container, at: &KeyPath) -> Vec<Finding> {
    let Some(autoscale) = &container.autoscale else { return Vec::new() };
    let (min, max, count) = (autoscale.min.get(), autoscale.max.get(), container.count.get());
    let mut findings = Vec::new();
    let mut bad = |key: &str, message: String, remedy: String| {
        findings.push(Finding::error(&rules::APPS_AUTOSCALE, at.clone().key(key), message, remedy));
    };
    if min < FEWEST {
        bad(
            "min",
            format!("an autoscaler keeps {FEWEST} containers at least"),
            format!("set `min` to {FEWEST} or more"),
        );
    }
    if min > max {
        bad("max", format!("between {min} and {max} there is no number"), "let `max` be above `min`".to_owned());
    } else if !(min..=max).contains(&count) {
        bad(
            "min",
            format!("`count` is {count}, and the autoscaler keeps {min} to {max}"),
            format!("let {count} be between `min` and `max`"),
        );
    }
    if autoscale.metric.is_share() && autoscale.target.get() > 100 {
        bad(
            "target",
            format!("`{}` is a share, and {} per cent is more than all", autoscale.metric.as_str(), autoscale.target),
            "give per cent, 90 for example".to_owned(),
        );
    }
    findings
}

fn variables(app: &App, at: &KeyPath) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: HashMap<&str, &str> = HashMap::new();
    let plain = app.environment.iter().enumerate().map(|(index, variable)| {
        (variable.name.as_str(), at.clone().key("environment").index(index).key("name"), "environment")
    });
    let secret = app
        .secrets
        .iter()
        .enumerate()
        .map(|(index, name)| (name.as_str(), at.clone().key("secrets").index(index), "secrets"));
    let proxies = app
        .trusted_proxies_variable
        .iter()
        .map(|name| (name.as_str(), at.clone().key("trusted_proxies_variable"), "trusted_proxies"));
    for (name, place, by) in plain.chain(secret).chain(proxies) {
        if let Some(other) = seen.insert(name, by) {
            findings.push(Finding::error(
                &rules::APPS_VARIABLE,
                place.clone(),
                format!("`{name}` would have two values, by `{other}` and by `{by}`"),
                "name each variable once",
            ));
        }
        if name == "PORT"
            || name.starts_with("SCALINGO_")
            || (app.front && (matches!(name, "BUILDPACK_URL" | "STATIC_UPSTREAM") || name.starts_with("APP_UPSTREAM")))
        {
            findings.push(Finding::error(
                &rules::APPS_VARIABLE,
                place,
                format!("`{name}` is set by the platform or by golive"),
                "leave it out",
            ));
        }
    }
    for (index, variable) in app.environment.iter().enumerate() {
        let at = at.clone().key("environment").index(index);
        let upper = variable.name.as_str().to_ascii_uppercase();
        let is_secret = ["_KEY", "SECRET", "PASSWORD", "TOKEN", "_DSN"].iter().any(|word| upper.contains(word))
            && !variable.value.as_str().is_empty();
        if is_secret {
            findings.push(Finding::error(
                &rules::APPS_SECRET_IN_PLAIN,
                at.clone().key("name"),
                format!("`{}` looks like a secret, and its value would stand in files", variable.name),
                "move the name to `secrets`, and give the value to Terraform through the environment",
            ));
        }
        let is_on = matches!(variable.value.as_str().to_ascii_lowercase().as_str(), "true" | "1" | "on" | "yes" | "*");
        if upper.ends_with("DEBUG") && is_on {
            findings.push(Finding::warning(
                &rules::APPS_DEBUG,
                at.key("value"),
                format!("`{}` is on: every error page shows code, and sometimes secrets", variable.name),
                "set it to `false`",
            ));
        }
    }
    findings
}

fn proxies(app: &App, at: &KeyPath, site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    let place = at.clone().key("trusted_proxies");
    if app.trusted_proxies.is_empty() != app.trusted_proxies_variable.is_none() {
        findings.push(Finding::error(
            &rules::APPS_PROXIES,
            place.clone(),
            "of `trusted_proxies` and `trusted_proxies_variable` one stands alone, and says nothing",
            "give both, or neither",
        ));
    } else if app.trusted_proxies.is_empty() && !app.front && site.has_proxy {
        findings.push(Finding::warning(
            &rules::APPS_PROXIES,
            place.clone(),
            format!("`{}` stands behind proxies and trusts none: to its limiter all visitors are one", app.name),
            "give `trusted_proxies`, and the variable in which the app reads them",
        ));
    }
    for (index, network) in
        app.trusted_proxies.iter().enumerate().filter(|(_, network)| network.get().prefix_len() == 0)
    {
        findings.push(Finding::error(
            &rules::APPS_PROXIES,
            place.clone().index(index),
            format!("`{}` is everybody: each visitor could claim to be another", network.get()),
            "give the networks of the proxies alone",
        ));
    }
    findings
}

fn health(app: &App, at: &KeyPath, site: &Site) -> Vec<Finding> {
    let Some(path) = &app.health_path else {
        if app.front {
            return Vec::new();
        }
        return vec![Finding::warning(
            &rules::APPS_HEALTH,
            at.clone(),
            format!("`{}` has no health page: up means that its port is open", app.name),
            "add `health_path`, a page that asks the database",
        )];
    };
    let is_private = site.private_paths.iter().any(|start| path.as_str().starts_with(start.as_str()));
    if is_private || (site.cdn.is_none() && !site.has_proxy) {
        return Vec::new();
    }
    vec![Finding::warning(
        &rules::APPS_HEALTH,
        at.clone().key("health_path"),
        format!("`{path}` belongs to no class with `store = false`: a stored answer says how the app was"),
        "add it to such a class of [cache]",
    )]
}

fn logged_in(app: &App, at: &KeyPath, site: &Site) -> Vec<Finding> {
    let Some(path) = &app.logged_in_path else { return Vec::new() };
    let at = at.clone().key("logged_in_path");
    let mut findings = Vec::new();
    if site.session_cookie.is_none() {
        findings.push(Finding::error(
            &rules::APPS_LOGGED_IN,
            at.clone(),
            "nobody says by which cookie the app knows a visitor",
            "name it as `session_cookie` of [cache]",
        ));
    }
    let is_private = site.private_paths.iter().any(|start| path.as_str().starts_with(start.as_str()));
    if site.cdn.is_some() && !is_private {
        findings.push(Finding::error(
            &rules::APPS_LOGGED_IN,
            at,
            format!("`{path}` belongs to no class with `store = false`: one visitor's page would be everybody's"),
            "add it to such a class of [cache]",
        ));
    }
    findings
}

fn watching(app: &App, at: &KeyPath) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut names = HashSet::new();
    for (index, notifier) in app.notify.iter().enumerate().filter(|(_, notifier)| !names.insert(&notifier.name)) {
        findings.push(Finding::error(
            &rules::APPS_ALERT,
            at.clone().key("notify").index(index).key("name"),
            format!("two notifiers are called `{}`", notifier.name),
            "give each a name of its own",
        ));
    }
    for (index, alert) in app.alerts.iter().enumerate() {
        let at = at.clone().key("alerts").index(index);
        if app.notify.is_empty() {
            findings.push(Finding::error(
                &rules::APPS_ALERT,
                at.clone(),
                "nobody hears of this alert",
                "add a `notify`",
            ));
        }
        if app.container(&alert.container).is_none() {
            findings.push(Finding::error(
                &rules::APPS_ALERT,
                at.clone().key("container"),
                format!("`{}` has no containers `{}`", app.name, alert.container),
                "name a type of its `containers`",
            ));
        }
        if alert.metric.is_share() && alert.limit.get() > 100 {
            findings.push(Finding::error(
                &rules::APPS_ALERT,
                at.key("limit"),
                format!("`{}` is a share, and {} per cent is more than all", alert.metric.as_str(), alert.limit),
                "give per cent, 90 for example",
            ));
        }
    }
    if let Some(drain) = &app.log_drain {
        let (host, port) = match drain.kind {
            DrainKind::Syslog => (true, true),
            DrainKind::OvhGraylog => (true, false),
            DrainKind::Elk | DrainKind::Datadog | DrainKind::Betterstack => (false, false),
        };
        if drain.host.is_some() != host || drain.port.is_some() != port {
            findings.push(Finding::error(
                &rules::APPS_DRAIN,
                at.clone().key("log_drain").key("type"),
                format!(
                    "a drain to `{}` has {} host and {} port",
                    drain.kind.as_str(),
                    if host { "a" } else { "no" },
                    if port { "a" } else { "no" }
                ),
                "give what this kind of drain takes, and no more",
            ));
        }
    }
    findings
}
