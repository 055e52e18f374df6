//! Offline remarks on `[dns]`.

use std::collections::{HashMap, HashSet};

use super::{Dns, RunBy, Zone};
use crate::blueprint::value::why_not_public;
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::rules;

/// Highest TTL in the hours of a launch, in seconds.
const LOWERED: u32 = 300;

/// Longest memory of a name that does not exist, in seconds.
const NEGATIVE: u32 = 3600;

pub fn findings(dns: &Dns, site: &Site) -> Vec<Finding> {
    let mut findings = ttls(dns);
    for (index, host) in site.hosts.iter().enumerate().filter(|(_, host)| site.zone_of(&host.name).is_none()) {
        findings.push(Finding::error(
            &rules::DNS_HOST_WITHOUT_ZONE,
            Site::place_of_host(index),
            format!("no zone of `[[dns.zones]]` holds `{}`", host.name),
            "add the zone of this name, with whoever runs it",
        ));
    }
    let mut first_use = HashMap::new();
    for (index, zone) in dns.zones.iter().enumerate() {
        let at = KeyPath::of(["dns", "zones"]).index(index);
        if first_use.insert(&zone.name, index).is_some() {
            findings.push(Finding::error(
                &rules::DNS_DUPLICATE_ZONE,
                at.clone().key("name"),
                format!("the zone `{}` is described twice", zone.name),
                "keep one table, with the records of both",
            ));
        }
        findings.extend(one_zone(zone, &at));
        findings.extend(servers(zone, &at.clone().key("servers")));
        findings.extend(authorities(zone, &at.key("certificate_authorities")));
    }
    findings
}

fn ttls(dns: &Dns) -> Vec<Finding> {
    let at = KeyPath::of(["dns", "lowered_ttl_seconds"]);
    let lowered = dns.lowered_ttl_seconds.get();
    let mut findings = Vec::new();
    if lowered > dns.steady_ttl_seconds.get() {
        findings.push(Finding::error(
            &rules::DNS_TTL_ORDER,
            at.clone(),
            format!("the lowered TTL is {lowered} s, above the steady one of {} s", dns.steady_ttl_seconds),
            format!("take {LOWERED} or less, or raise `steady_ttl_seconds`"),
        ));
    }
    if lowered > LOWERED {
        findings.push(Finding::warning(
            &rules::DNS_LOWERED_TOO_HIGH,
            at,
            format!("on the day, a wrong record would live for {lowered} s"),
            format!("take {LOWERED} or less"),
        ));
    }
    findings
}

fn one_zone(zone: &Zone, at: &KeyPath) -> Vec<Finding> {
    let mut findings = Vec::new();
    if zone.run_by == RunBy::Ticket && zone.ticket_to.is_none() {
        findings.push(Finding::error(
            &rules::DNS_TICKET_TO,
            at.clone().key("run_by"),
            format!("the change request for `{}` has no addressee", zone.name),
            "add `ticket_to`, for example `ticket_to = \"the DNS team\"`",
        ));
    }
    if zone.serial == 0 {
        findings.push(Finding::error(
            &rules::DNS_SERIAL_ZERO,
            at.clone().key("serial"),
            "the serial is 0: servers may take that for `unset`",
            "take a date and a counter, for example `serial = 2020031801`",
        ));
    }
    if zone.negative_ttl_seconds.get() > NEGATIVE {
        findings.push(Finding::warning(
            &rules::DNS_NEGATIVE_TTL,
            at.clone().key("negative_ttl_seconds"),
            format!("who asks too early is told for {} s that there is no such name", zone.negative_ttl_seconds),
            "take 300",
        ));
    }
    findings
}

fn servers(zone: &Zone, at: &KeyPath) -> Vec<Finding> {
    let rule = &rules::DNS_SERVERS;
    let mut findings = Vec::new();
    let (mut names, mut addresses) = (HashSet::new(), HashSet::new());
    for (index, server) in zone.servers.iter().enumerate() {
        let at = at.clone().index(index);
        let name_is_new = names.insert(&server.name);
        let address_is_new = addresses.insert(server.address);
        if !(name_is_new && address_is_new) {
            let (key, twice) = match name_is_new {
                true => ("address", server.address.to_string()),
                false => ("name", server.name.to_string()),
            };
            findings.push(Finding::warning(
                rule,
                at.clone().key(key),
                format!("`{twice}` is there twice: this is no second server"),
                "list each server once, with its own name and address",
            ));
        }
        if let Some(why) = why_not_public(server.address) {
            findings.push(Finding::error(
                &rules::DNS_ADDRESS,
                at.key("address"),
                format!("resolvers cannot reach {}: {why}", server.address),
                "give the server's public address",
            ));
        }
    }
    let remedy = "list every authoritative server of the zone";
    match names.len().min(addresses.len()) {
        0 => {
            let message = format!("`{}` has no name server, so no check could ask one", zone.name);
            findings.push(Finding::error(rule, at.clone(), message, remedy));
        }
        1 if zone.servers.len() == 1 => {
            let message = format!("`{}` has a single name server: when it fails, the name is gone", zone.name);
            findings.push(Finding::warning(rule, at.clone(), message, remedy));
        }
        _ => {}
    }
    findings
}

fn authorities(zone: &Zone, at: &KeyPath) -> Vec<Finding> {
    let bad = zone.certificate_authorities.iter().enumerate().filter(|(_, value)| !is_issue_value(value.as_str()));
    bad.map(|(index, value)| {
        Finding::error(
            &rules::DNS_CAA_VALUE,
            at.clone().index(index),
            format!("`{value}` is not the value of a CAA `issue` record"),
            "write the authority's domain, then `; name=value` for each parameter, or `;` alone",
        )
    })
    .collect()
}

/// The grammar `issue-value` of RFC 8659, section 4.2.
fn is_issue_value(text: &str) -> bool {
    let (domain, parameters) = match text.split_once(';') {
        Some((domain, parameters)) => (domain, Some(parameters)),
        None => (text, None),
    };
    let white = [' ', '\t'];
    let domain = domain.trim_matches(white);
    let alphanumeric_with_hyphens = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let domain_is_good = match domain.is_empty() {
        true => parameters.is_some(),
        false => domain.split('.').all(alphanumeric_with_hyphens),
    };
    let parameters = parameters.map_or("", |text| text.trim_matches(white));
    let parameters_are_good = parameters.is_empty()
        || parameters.split(';').all(|parameter| {
            parameter.split_once('=').is_some_and(|(tag, value)| {
                alphanumeric_with_hyphens(tag.trim_matches(white))
                    && value.trim_matches(white).bytes().all(|b| (0x21..=0x7e).contains(&b))
            })
        });
    domain_is_good && parameters_are_good
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caa_values_follow_the_grammar() {
        for good in [
            ";",
            " ; ",
            "letsencrypt.org",
            "pki.goog; cansignhttpexchanges=yes",
            "ca1.example.net; account=230123",
            "ca.example.net;a=1;b-c=",
            "ca.example.net ; a = 1 ; b=2",
            "example",
        ] {
            assert!(is_issue_value(good), "{good}");
        }
        for bad in [
            "letsencrypt.org.",
            "https://letsencrypt.org",
            "lets encrypt.org",
            "letsencrypt.org;policy",
            "letsencrypt.org; a=b c",
            "-ca.example",
            "a;=1",
            "letsencrypt.org, ssl.com",
            "ca.example; a=1;; b=2",
        ] {
            assert!(!is_issue_value(bad), "{bad}");
        }
    }
}
