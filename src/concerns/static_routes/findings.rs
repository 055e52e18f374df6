//! Offline remarks on `[static_routes]`.

use std::collections::HashSet;
use std::net::IpAddr;

use regex::Regex;

use super::{Route, StaticRoutes};
use crate::blueprint::value::{PathPrefix, Upstream};
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::fragment::{REFUSED_BY_STATIC, RunsOn, is_under};
use crate::concerns::rules;

/// Widest ranges of publishers, as lengths of prefixes: an organisation's, not a country's.
const WIDEST_V4: u8 = 16;
const WIDEST_V6: u8 = 48;

fn at(index: usize) -> KeyPath {
    KeyPath::of(["static_routes", "routes"]).index(index)
}

pub fn findings(table: &StaticRoutes, site: &Site) -> Vec<Finding> {
    let mut findings = cache(table, site);
    if table.routes.is_empty() {
        findings.push(Finding::error(
            &rules::STATIC_NOTHING,
            KeyPath::of(["static_routes", "routes"]),
            "nothing is published",
            "name a route, or leave the table out",
        ));
    }
    let mut names = HashSet::new();
    for (index, route) in table.routes.iter().enumerate() {
        if !names.insert(&route.name) {
            findings.push(Finding::error(
                &rules::STATIC_DUPLICATE_NAME,
                at(index).key("name"),
                format!("two routes are called `{}`", route.name),
                "rename one",
            ));
        }
        findings.extend(paths(table, index, site));
        findings.extend(back_office(table, route, index, site));
        findings.extend(lifetimes(route, index));
        findings.extend(publishers(route, index));
        findings.extend(samples(table, index));
    }
    findings
}

/// Where Varnish is.
fn cache(table: &StaticRoutes, site: &Site) -> Vec<Finding> {
    let place = KeyPath::of(["static_routes", "cache"]);
    let mut findings = Vec::new();
    let is_loopback = table.cache.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match site.proxy_runs_on {
        None => findings.push(Finding::error(
            &rules::STATIC_NEEDS_PROXY,
            KeyPath::of(["static_routes"]).key("routes"),
            "this blueprint has no [proxy]: nobody sends these paths to Varnish",
            "add [proxy]",
        )),
        Some(RunsOn::Scalingo) if is_loopback => findings.push(Finding::error(
            &rules::STATIC_IN_CONTAINER,
            place.clone(),
            format!(
                "nginx runs in a container of the platform, in which nobody listens on {}:{}",
                table.cache.host, table.cache.port
            ),
            "name the machine or the app on which Varnish runs, as the container reaches it",
        )),
        Some(_) => {}
    }
    if is_public(&table.cache.host, site) {
        findings.push(Finding::error(
            &rules::STATIC_PUBLIC,
            place,
            format!("`{}` is where the public goes: anybody could publish and remove pages there", table.cache.host),
            "let Varnish listen where the proxy alone reaches it",
        ));
    }
    findings
}

/// Whether the blueprint sends visitors there.
fn is_public(host: &str, site: &Site) -> bool {
    let names = site.hosts.iter().map(|host| &host.name);
    let names = names.chain(site.redirected.iter().flat_map(|redirected| &redirected.names));
    let addresses = site.cdn.iter().flat_map(|cdn| &cdn.origins);
    let addresses = addresses.chain(site.redirected.iter().flat_map(|redirected| &redirected.addresses));
    match host.parse::<IpAddr>() {
        Ok(address) => addresses.into_iter().any(|public| *public == address),
        Err(_) => names.into_iter().any(|name| name.as_str() == host),
    }
}

fn paths(table: &StaticRoutes, index: usize, site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    let route = &table.routes[index];
    if route.paths.is_empty() {
        findings.push(Finding::error(
            &rules::STATIC_NOTHING,
            at(index).key("paths"),
            format!("`{}` publishes nothing", route.name),
            "name the starts of its paths",
        ));
    }
    for (number, path) in route.paths.iter().enumerate() {
        let place = at(index).key("paths").index(number);
        let taken = table.routes[..index].iter().find(|other| is_under(&other.paths, path.as_str()));
        if let Some(other) = taken {
            findings.push(Finding::error(
                &rules::STATIC_UNREACHABLE,
                place.clone(),
                format!("`{path}` never reaches `{}`: the route `{}` above takes it first", route.name, other.name),
                format!("put `{}` above `{}`", route.name, other.name),
            ));
        }
        if let Some(other) = also_wanted(path, site) {
            findings.push(Finding::error(
                &rules::STATIC_TAKES_OTHERS,
                place,
                format!("`{path}` would give everybody one copy of what is under `{other}` too"),
                "make the path of the route longer",
            ));
        }
    }
    findings
}

/// What another table promises of a path of the route: that nobody keeps it, that its name says what is in it, that it
/// says how the proxy is, or that it has the header of a class.
fn also_wanted(path: &PathPrefix, site: &Site) -> Option<String> {
    let path = path.as_str();
    let overlaps = |other: &str| other.starts_with(path) || path.starts_with(other);
    let starts = site.private_paths.iter().chain(&site.fingerprinted_paths).map(PathPrefix::as_str);
    let starts = starts.filter(|other| overlaps(other));
    let exact = site.health_path.iter().chain(site.health_paths()).chain(&site.classed_paths);
    let exact = exact.map(|page| page.as_str()).filter(|page| page.starts_with(path));
    starts.chain(exact).next().map(str::to_owned)
}

fn back_office(table: &StaticRoutes, route: &Route, index: usize, site: &Site) -> Option<Finding> {
    let Upstream { host, port } = &route.back_office;
    let message = if route.back_office == table.cache {
        format!("`{host}:{port}` is Varnish itself, which would ask itself")
    } else if is_public(host, site) {
        format!("`{host}` is where visitors go: Varnish would ask the site for what the site asks of it")
    } else {
        return None;
    };
    Some(Finding::error(
        &rules::STATIC_OFFICE_PUBLIC,
        at(index).key("back_office"),
        message,
        "name the back office where Varnish alone reaches it",
    ))
}

fn lifetimes(route: &Route, index: usize) -> Vec<Finding> {
    let (fresh, grace) = (route.refreshed_every_seconds, route.grace_seconds);
    let mut findings = Vec::new();
    if fresh.get() == 0 {
        findings.push(Finding::error(
            &rules::STATIC_LIFETIME,
            at(index).key("refreshed_every_seconds"),
            "a page that is old at once is built for one visitor after the other",
            "give at least 1",
        ));
    }
    if grace <= fresh {
        findings.push(Finding::error(
            &rules::STATIC_LIFETIME,
            at(index).key("grace_seconds"),
            format!("{grace} s of grace end before a page of {fresh} s has missed two refreshes"),
            format!("give more than {fresh}: as long as a back office may be away, 86400 for a day"),
        ));
    }
    findings
}

fn publishers(route: &Route, index: usize) -> Vec<Finding> {
    let place = at(index).key("publishers");
    if route.publishers.is_empty() {
        return vec![Finding::error(
            &rules::STATIC_PUBLISHERS,
            place,
            format!("nobody may publish `{}`: a wrong page would stay until it is old", route.name),
            "name the addresses from which it is published",
        )];
    }
    let ranges = route.publishers.iter().enumerate();
    let is_wide = |range: &ipnet::IpNet| match range {
        ipnet::IpNet::V4(range) => range.prefix_len() < WIDEST_V4,
        ipnet::IpNet::V6(range) => range.prefix_len() < WIDEST_V6,
    };
    ranges
        .filter(|(_, range)| is_wide(&range.get()))
        .map(|(number, range)| {
            Finding::error(
                &rules::STATIC_PUBLISHERS,
                place.clone().index(number),
                format!("`{range}` lets strangers publish and remove pages"),
                format!("name the publishers' own addresses; /{WIDEST_V4} at most, /{WIDEST_V6} of IPv6"),
            )
        })
        .collect()
}

fn samples(table: &StaticRoutes, index: usize) -> Vec<Finding> {
    let route = &table.routes[index];
    if route.samples.is_empty() {
        return vec![Finding::warning(
            &rules::STATIC_NO_SAMPLES,
            at(index).key("name"),
            format!("no check can ask `{}`: it has no sample", route.name),
            "add `samples` with one or two real paths",
        )];
    }
    let refused = Regex::new(REFUSED_BY_STATIC).ok();
    let mut findings = Vec::new();
    for (number, sample) in route.samples.iter().enumerate() {
        let path = sample.as_str();
        let holder = table.routes.iter().find(|other| is_under(&other.paths, path));
        let message = match holder {
            Some(_) if refused.as_ref().is_some_and(|refused| refused.is_match(path)) => {
                format!("Varnish refuses `{sample}`: it could mean another path to the back office")
            }
            Some(holder) if std::ptr::eq(holder, route) => continue,
            Some(holder) => format!("`{sample}` is no path of `{}`: it belongs to `{}`", route.name, holder.name),
            None => format!("`{sample}` is no path of `{}`", route.name),
        };
        findings.push(Finding::error(
            &rules::STATIC_SAMPLE,
            at(index).key("samples").index(number),
            message,
            "correct the sample, or the paths",
        ));
    }
    findings
}
