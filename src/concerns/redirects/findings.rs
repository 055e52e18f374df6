//! Offline remarks on `[redirects]`. Linear in the number of names: a site may redirect thousands.

use std::collections::{HashMap, HashSet};

use super::{Redirects, Server};
use crate::blueprint::value::{HostName, UrlPath, why_not_public};
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::rules;

pub fn findings(redirects: &Redirects, site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = HashSet::new();
    for (index, server) in redirects.servers.iter().enumerate() {
        let at = KeyPath::of(["redirects", "servers"]).index(index);
        findings.extend(one_server(server, &at));
        for (index, name) in server.names.iter().enumerate() {
            let at = at.clone().key("names").index(index);
            if !seen.insert(name) {
                findings.push(Finding::error(
                    &rules::REDIRECTS_DUPLICATE_NAME,
                    at.clone(),
                    format!("`{name}` is redirected twice"),
                    "keep one of the two",
                ));
            }
            findings.extend(one_name(name, &at, site));
        }
    }
    findings.extend(hops(redirects));
    findings.extend(announced(&seen, site));
    findings.extend(moved_paths(redirects, site));
    if redirects.servers.is_empty() && redirects.paths.is_empty() {
        findings.push(Finding::error(
            &rules::REDIRECTS_NOTHING,
            KeyPath::of(["redirects"]),
            "neither a name nor a path is redirected",
            "add `[[redirects.servers]]` or `[[redirects.paths]]`, or remove the table",
        ));
    }
    findings
}

/// What people type leads nowhere unless it is the site's or redirected.
fn announced(redirected: &HashSet<&HostName>, site: &Site) -> Option<Finding> {
    let at = || match site.announced == site.host {
        true => Site::place_of_host(0),
        false => KeyPath::of(["site", "announced"]),
    };
    let is_served = |name: &HostName| redirected.contains(name) || site.hosts.iter().any(|host| host.name == *name);
    let name = &site.announced;
    if !is_served(name) {
        return Some(Finding::error(
            &rules::REDIRECTS_ANNOUNCED,
            at(),
            format!("`{name}` is neither a name of the site nor redirected to it"),
            "add it to `[[redirects.servers]]`",
        ));
    }
    let www = name.child("www").parse().ok()?;
    let is_apex = site.zone_of(name).is_some_and(|zone| zone.name == *name);
    (is_apex && !is_served(&www)).then(|| {
        Finding::warning(
            &rules::REDIRECTS_WWW,
            at(),
            format!("some will type `{www}`, which leads nowhere"),
            "add it to the names of the same `[[redirects.servers]]`",
        )
    })
}

/// Linear in the number of paths.
fn moved_paths(redirects: &Redirects, site: &Site) -> Vec<Finding> {
    let at = |index: usize, key: &str| KeyPath::of(["redirects", "paths"]).index(index).key(key);
    let mut findings = Vec::new();
    if !redirects.paths.is_empty() && !site.has_proxy {
        findings.push(Finding::error(
            &rules::REDIRECTS_PATHS_WITHOUT_PROXY,
            KeyPath::of(["redirects", "paths"]).index(0).key("from"),
            "no nginx of golive's stands before the app, so nothing would answer for these paths",
            "add `[proxy]`, or let the app redirect",
        ));
    }
    // As nginx compares: decoded, and without regard to case.
    let compared = |path: &UrlPath| path.decoded().map(|decoded| decoded.to_ascii_lowercase());
    let keys: Vec<Option<String>> = redirects.paths.iter().map(|moved| compared(&moved.from)).collect();
    let pages: HashSet<Option<String>> = site.sampled_paths.iter().map(compared).collect();
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (index, (moved, key)) in redirects.paths.iter().zip(&keys).enumerate() {
        let Some(key) = key.as_deref().filter(|key| is_asked(key)) else {
            findings.push(Finding::error(
                &rules::REDIRECTS_PATH_NEVER_ASKED,
                at(index, "from"),
                format!("no request ever has the path `{}` when nginx compares it", moved.from),
                "write the path as browsers show it: UTF-8, without `//`, dot segments, control characters and `<%`",
            ));
            continue;
        };
        if pages.contains(&Some(key.to_owned())) {
            findings.push(Finding::error(
                &rules::REDIRECTS_PATH_OF_PAGE,
                at(index, "from"),
                format!("`{}` is a page of this blueprint, and would no longer be shown", moved.from),
                "take it out of the pages and samples, or do not move it",
            ));
        }
        if first.insert(key, index).is_some() {
            findings.push(Finding::error(
                &rules::REDIRECTS_DUPLICATE_PATH,
                at(index, "from"),
                format!("`{}` is there twice: nginx compares decoded and without regard to case", moved.from),
                "keep one of the two",
            ));
        }
    }
    let targets: Vec<Option<usize>> = redirects
        .paths
        .iter()
        .map(|moved| compared(&moved.to).and_then(|to| first.get(to.as_str()).copied()))
        .collect();
    for (index, circle) in on_circles(&targets).into_iter().enumerate() {
        let Some(next) = targets[index] else { continue };
        let to = &redirects.paths[index].to;
        if circle {
            findings.push(Finding::error(
                &rules::REDIRECTS_PATH_LOOP,
                at(index, "to"),
                format!("`{to}` leads back to `{}`: a browser gives up", redirects.paths[index].from),
                "break the circle: let one of them answer",
            ));
        } else {
            findings.push(Finding::warning(
                &rules::REDIRECTS_PATH_CHAIN,
                at(index, "to"),
                format!("`{to}` has moved too, to `{}`: visitors would hop twice or more", redirects.paths[next].to),
                format!("send it straight to `{}`", redirects.paths[next].to),
            ));
        }
    }
    findings
}

/// Whether nginx can have this decoded path in `$uri`, and the buildpack leaves it alone.
fn is_asked(decoded: &str) -> bool {
    let dotted = decoded.split('/').any(|segment| matches!(segment, "." | ".."));
    !(dotted || decoded.contains("//") || decoded.contains("<%") || decoded.chars().any(char::is_control))
}

/// Of each element, whether following `next` comes back to it.
fn on_circles(next: &[Option<usize>]) -> Vec<bool> {
    let mut circles = vec![false; next.len()];
    // For each element, the walk that first reached it: each is walked once.
    let mut walked_in: Vec<Option<usize>> = vec![None; next.len()];
    for start in 0..next.len() {
        let mut at = Some(start);
        while let Some(element) = at.filter(|element| walked_in[*element].is_none()) {
            walked_in[element] = Some(start);
            at = next[element];
        }
        let mut back = at.filter(|element| walked_in[*element] == Some(start));
        while let Some(element) = back.filter(|element| !circles[*element]) {
            circles[element] = true;
            back = next[element];
        }
    }
    circles
}

fn one_server(server: &Server, at: &KeyPath) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !matches!(server.status, 301 | 308) {
        findings.push(Finding::error(
            &rules::REDIRECTS_STATUS,
            at.clone().key("status"),
            format!("{} is not a permanent redirect", server.status),
            "take 308, which keeps the method, or 301",
        ));
    }
    if server.names.is_empty() {
        findings.push(Finding::error(
            &rules::REDIRECTS_NO_NAME,
            at.clone().key("names"),
            "this server redirects no name",
            "give the names, or remove the table",
        ));
    }
    if server.addresses.is_empty() {
        findings.push(Finding::error(
            &rules::REDIRECTS_NO_ADDRESS,
            at.clone().key("addresses"),
            "no address answers for these names",
            "give the addresses of the servers that redirect",
        ));
    }
    for (index, address) in server.addresses.iter().enumerate() {
        if let Some(why) = why_not_public(*address) {
            findings.push(Finding::error(
                &rules::REDIRECTS_ADDRESS,
                at.clone().key("addresses").index(index),
                format!("visitors cannot reach {address}: {why}"),
                "give the address that the hosting shows to the Internet",
            ));
        }
    }
    findings
}

fn one_name(name: &HostName, at: &KeyPath, site: &Site) -> Option<Finding> {
    if site.hosts.iter().any(|host| host.name == *name) {
        return Some(Finding::error(
            &rules::REDIRECTS_SHADOWS_SITE,
            at.clone(),
            format!("`{name}` is the site itself"),
            "remove it here, or give the site another host",
        ));
    }
    site.zone_of(name).is_none().then(|| {
        Finding::error(
            &rules::REDIRECTS_NAME_WITHOUT_ZONE,
            at.clone(),
            format!("no zone of `[[dns.zones]]` holds `{name}`"),
            "add the zone of this name, with whoever runs it",
        )
    })
}

/// Where redirects lead: each name to one other, so a walk from each server either ends or comes back.
fn hops(redirects: &Redirects) -> Vec<Finding> {
    let mut redirected_by: HashMap<&HostName, usize> = HashMap::new();
    for (index, server) in redirects.servers.iter().enumerate() {
        for name in &server.names {
            redirected_by.entry(name).or_insert(index);
        }
    }
    let next = |server: usize| redirected_by.get(&redirects.servers[server].to).copied();

    let mut findings = Vec::new();
    // For each server, the walk that first reached it: each server is walked once.
    let mut walked_in: Vec<Option<usize>> = vec![None; redirects.servers.len()];
    let mut on_a_circle = HashSet::new();
    for start in 0..redirects.servers.len() {
        let mut at = Some(start);
        while let Some(server) = at {
            match walked_in[server] {
                None => {
                    walked_in[server] = Some(start);
                    at = next(server);
                }
                Some(walk) if walk == start => {
                    let circle = circle_from(server, next);
                    findings.push(circle_finding(redirects, &circle));
                    on_a_circle.extend(circle);
                    break;
                }
                Some(_) => break,
            }
        }
    }
    for (index, server) in redirects.servers.iter().enumerate() {
        if !on_a_circle.contains(&index) && redirected_by.contains_key(&server.to) {
            findings.push(Finding::warning(
                &rules::REDIRECTS_CHAIN,
                KeyPath::of(["redirects", "servers"]).index(index).key("to"),
                format!("`{}` is itself redirected: visitors would hop twice or more", server.to),
                "send these names straight to the last one",
            ));
        }
    }
    findings
}

fn circle_from(first: usize, next: impl Fn(usize) -> Option<usize>) -> Vec<usize> {
    let mut circle = vec![first];
    let mut at = next(first);
    while let Some(server) = at.filter(|server| *server != first) {
        circle.push(server);
        at = next(server);
    }
    circle
}

fn circle_finding(redirects: &Redirects, circle: &[usize]) -> Finding {
    /// Names shown of a longer circle.
    const SHOWN: usize = 5;
    let mut targets: Vec<String> =
        circle.iter().take(SHOWN).map(|server| format!("`{}`", redirects.servers[*server].to)).collect();
    if circle.len() > SHOWN {
        targets.push("...".to_owned());
    }
    // The circle is closed by the table that stands last in the file.
    let last = circle.iter().copied().max().unwrap_or_default();
    let message = match circle {
        [own] => format!("`{}` is redirected to itself", redirects.servers[*own].to),
        _ => format!("these redirects lead in a circle: {}, and again", targets.join(", ")),
    };
    let at = KeyPath::of(["redirects", "servers"]).index(last).key("to");
    Finding::error(&rules::REDIRECTS_CYCLE, at, message, "send every name straight to the site's own")
}
