//! Offline remarks on `[dns]`.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::records::{RecordKind, RecordSet};
use super::{Dns, RunBy, Zone};
use crate::blueprint::site::ZoneFacts;
use crate::blueprint::value::{OwnerName, why_not_public};
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::rules;
use crate::emit::octodns;
use crate::probe::RecordData;

/// Highest TTL in the hours of a launch, in seconds.
const LOWERED: u32 = 300;

/// Longest memory of a name that does not exist, in seconds.
const NEGATIVE: u32 = 3600;

pub fn findings(dns: &Dns, site: &Site) -> Vec<Finding> {
    let mut findings = ttls(dns);
    findings.extend(resolvers(dns));
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
        findings.extend(parent_servers(zone, &at.clone().key("parent_servers")));
        findings.extend(authorities(zone, &at.clone().key("certificate_authorities")));
        findings.extend(records(zone, site, &at.key("records")));
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
        findings.extend(not_public(server.address, at));
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

/// Resolvers that must be named for a verdict.
const RESOLVERS: usize = 3;

fn resolvers(dns: &Dns) -> Vec<Finding> {
    let at = KeyPath::of(["dns", "resolvers"]);
    let mut findings = Vec::new();
    let (mut names, mut addresses) = (HashSet::new(), HashSet::new());
    let own: HashSet<IpAddr> = dns.zones.iter().flat_map(|zone| &zone.servers).map(|server| server.address).collect();
    for (index, resolver) in dns.resolvers.iter().enumerate() {
        let at = at.clone().index(index);
        let name_is_new = names.insert(&resolver.name);
        let address_is_new = addresses.insert(resolver.address);
        if own.contains(&resolver.address) {
            findings.push(Finding::error(
                &rules::DNS_RESOLVERS,
                at.clone().key("address"),
                format!("{} is a name server of a zone, and no resolver of the public", resolver.address),
                "name a resolver that visitors use",
            ));
        } else if !(name_is_new && address_is_new) {
            let (key, twice) = match name_is_new {
                true => ("address", resolver.address.to_string()),
                false => ("name", resolver.name.to_string()),
            };
            findings.push(Finding::error(
                &rules::DNS_RESOLVERS,
                at.clone().key(key),
                format!("`{twice}` is there twice: this is no further resolver"),
                "list each resolver once, with its own name and address",
            ));
        }
        findings.extend(not_public(resolver.address, at));
    }
    if (1..RESOLVERS).contains(&dns.resolvers.len()) {
        findings.push(Finding::warning(
            &rules::DNS_RESOLVERS,
            at,
            format!("{} of the {RESOLVERS} resolvers that a verdict needs", dns.resolvers.len()),
            "name three or more, or none",
        ));
    }
    findings
}

fn parent_servers(zone: &Zone, at: &KeyPath) -> Vec<Finding> {
    let own: HashSet<IpAddr> = zone.servers.iter().map(|server| server.address).collect();
    let mut addresses = HashSet::new();
    let mut findings = Vec::new();
    for (index, server) in zone.parent_servers.iter().enumerate() {
        let at = at.clone().index(index);
        if own.contains(&server.address) || !addresses.insert(server.address) {
            findings.push(Finding::error(
                &rules::DNS_PARENT_SERVERS,
                at.clone().key("address"),
                format!("{} is listed before, and says nothing more here", server.address),
                "list the servers of the zone above, each once",
            ));
        }
        findings.extend(not_public(server.address, at));
    }
    findings
}

fn not_public(address: IpAddr, at: KeyPath) -> Option<Finding> {
    let why = why_not_public(address)?;
    Some(Finding::error(
        &rules::DNS_ADDRESS,
        at.key("address"),
        format!("nobody of the public can reach {address}: {why}"),
        "give its public address",
    ))
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

/// Linear in the number of sets: a zone may hold thousands.
fn records(zone: &Zone, site: &Site, at: &KeyPath) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut kinds_of: HashMap<&OwnerName, Vec<RecordKind>> = HashMap::new();
    for (index, set) in zone.records.iter().enumerate() {
        let at = at.clone().index(index);
        findings.extend(owner(set, zone, site, &at));
        let kinds = kinds_of.entry(&set.name).or_default();
        if kinds.contains(&set.kind) {
            findings.push(Finding::error(
                &rules::DNS_RECORD_TWICE,
                at.clone().key("name"),
                format!("the {} records of `{}` are there twice", set.kind.record_type().as_str(), set.name),
                "put all values of one name and type into one entry",
            ));
        } else if !kinds.is_empty() && (set.kind == RecordKind::Cname || kinds.contains(&RecordKind::Cname)) {
            findings.push(Finding::error(
                &rules::DNS_RECORD_ALIAS,
                at.clone().key("name"),
                format!("`{}` has a CNAME and other records", set.name),
                "keep the CNAME or the others",
            ));
        }
        kinds.push(set.kind);
        findings.extend(values(set, zone.run_by, &at));
    }
    findings
}

fn owner(set: &RecordSet, zone: &Zone, site: &Site, at: &KeyPath) -> Option<Finding> {
    let at = at.clone().key("name");
    if !set.name.is_within(&zone.name) {
        let message = format!("`{}` is not in the zone `{}`", set.name, zone.name);
        return Some(Finding::error(
            &rules::DNS_RECORD_OUTSIDE,
            at,
            message,
            "move it to the zone that holds the name",
        ));
    }
    let below = |other: &&ZoneFacts| {
        other.name != zone.name && other.name.is_within(&zone.name) && set.name.is_within(&other.name)
    };
    // At the cut itself the upper zone holds the name servers of the lower one.
    if let Some(other) = site.zones.iter().find(below)
        && !(set.kind == RecordKind::Ns && set.name.as_str() == other.name.as_str())
    {
        let message = format!("`{}` belongs to the zone `{}`", set.name, other.name);
        return Some(Finding::error(&rules::DNS_RECORD_OUTSIDE, at, message, "move it to that zone"));
    }
    let is_apex = set.name.as_str() == zone.name.as_str();
    let (rule, message, remedy) = match set.kind {
        RecordKind::Cname if is_apex => (
            &rules::DNS_RECORD_ALIAS,
            format!("`{}` is the top of its zone, beside whose SOA and NS no CNAME may stand", set.name),
            "give it addresses, or redirect it with `[redirects]`",
        ),
        RecordKind::Ns if is_apex => {
            (&rules::DNS_RECORD_TWICE, format!("the name servers of `{}` are in `servers`", set.name), "add them there")
        }
        RecordKind::Srv if !is_service(set.name.as_str()) => (
            &rules::DNS_RECORD_VALUE,
            format!("nobody asks `{}` for a service: its name begins with `_service._protocol`", set.name),
            "name it as clients ask for it, for example `_imaps._tcp.example.org`",
        ),
        _ => return None,
    };
    Some(Finding::error(rule, at, message, remedy))
}

/// Whether the name has the form of RFC 2782; a wildcard may stand for every service.
fn is_service(name: &str) -> bool {
    let mut labels = name.split('.');
    labels.next().is_some_and(|first| first.starts_with(['_', '*']))
        && labels.next().is_some_and(|next| next.starts_with('_'))
}

fn values(set: &RecordSet, run_by: RunBy, at: &KeyPath) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = HashSet::new();
    for (index, value) in set.values.iter().enumerate() {
        let at = at.clone().key("values").index(index);
        if !seen.insert(value) {
            findings.push(Finding::error(
                &rules::DNS_RECORD_TWICE,
                at.clone(),
                "this value is there twice: a set holds each record once",
                "keep one of the two",
            ));
        }
        match set.kind.data(value) {
            Err(why) => findings.push(Finding::error(
                &rules::DNS_RECORD_VALUE,
                at,
                format!("no {} record: {why}", set.kind.record_type().as_str()),
                "write the data as a zone file has it, without final dots and quotes",
            )),
            Ok(RecordData::Txt(text)) if run_by == RunBy::Octodns => {
                if let Some(why) = octodns::why_not(&text) {
                    findings.push(Finding::error(
                        &rules::DNS_RECORD_OCTODNS,
                        at,
                        format!("octoDNS would change this text: {why}"),
                        "write the text otherwise, or have the zone run by somebody else",
                    ));
                }
            }
            Ok(_) => {}
        }
    }
    if set.kind == RecordKind::Cname && set.values.len() > 1 {
        findings.push(Finding::error(
            &rules::DNS_RECORD_ALIAS,
            at.clone().key("values"),
            format!("`{}` has {} CNAMEs: a name stands for one other", set.name, set.values.len()),
            "keep one",
        ));
    }
    if set.values.is_empty() {
        findings.push(Finding::error(
            &rules::DNS_RECORD_VALUE,
            at.clone().key("values"),
            "the entry has no value, so no record",
            "give the data, or remove the entry",
        ));
    }
    findings
}

/// The grammar `issue-value` of RFC 8659, section 4.2.
pub fn is_issue_value(text: &str) -> bool {
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
