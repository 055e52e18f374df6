//! Offline remarks on `[redirects]`. Linear in the number of names: a site may redirect thousands.

use std::collections::{HashMap, HashSet};

use super::{Redirects, Server};
use crate::blueprint::value::{HostName, why_not_public};
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
    findings
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
