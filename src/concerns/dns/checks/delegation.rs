//! Who answers for a zone, as the zone above says it, the zone itself, and the blueprint.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::VALID_FOR_SECONDS;
use crate::concerns::answer::{answered_or_later, authoritative, dns, listed};
use crate::concerns::ask::dns_at;
use crate::concerns::dns::Zone;
use crate::concerns::{Check, Judgement, Safety};
use crate::probe::{DnsRecord, Rcode, RecordData, RecordType};

/// `dns.deleg.ns`: the zone above, each authoritative server and the blueprint name the same servers, two or more. A
/// blueprint that does not name the servers above gets a warning and not an unknown: what it has named was tested and
/// holds, nothing else may be asked, and a person can read the rest at the registrar's.
pub(super) fn servers(zone: &Zone) -> Check {
    let own: BTreeSet<String> = zone.servers.iter().map(|server| server.name.to_string()).collect();
    let inside: BTreeSet<(String, IpAddr)> = zone
        .servers
        .iter()
        .filter(|server| server.name.is_within(&zone.name))
        .map(|server| (server.name.to_string(), server.address))
        .collect();
    let owner = zone.name.to_string();
    let (at_zone, above) = (zone.servers.len(), zone.parent_servers.len());
    let ask = zone.servers.iter().chain(&zone.parent_servers);
    Check {
        id: "dns.deleg.ns",
        subject: owner.clone(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: ask.map(|server| dns_at(server.address, &owner, RecordType::Ns)).collect(),
        judge: Box::new(move |seen| {
            let (of_zone, of_parent) = seen.split_at(at_zone.min(seen.len()));
            let differs = |whose: &str, named: &BTreeSet<String>| {
                let named: Vec<&String> = named.iter().collect();
                let own: Vec<&String> = own.iter().collect();
                Judgement::fail(format!("{whose} names {}, the blueprint {}", listed(&named), listed(&own)))
            };
            let mut untested = None;
            let mut extra = BTreeSet::new();
            for observation in of_zone {
                let answer = answered_or_later!(authoritative(observation), untested);
                let named = name_servers(&answer.answers, &owner);
                if named != own {
                    return differs(&answer.server, &named);
                }
            }
            for observation in of_parent {
                let answer = answered_or_later!(dns(observation), untested);
                if !matches!(answer.rcode, Rcode::NoError | Rcode::NxDomain) {
                    let text = format!("{} above answers {}", answer.server, answer.rcode.as_str());
                    untested.get_or_insert(Judgement::unknown(text));
                    continue;
                }
                // One server may hold both zones, and then answers for the lower one.
                let referral: Vec<DnsRecord> = answer.authority.iter().chain(&answer.answers).cloned().collect();
                let named = name_servers(&referral, &owner);
                if named.is_empty() {
                    return Judgement::fail(format!("{} above does not delegate the zone", answer.server));
                }
                if named != own {
                    return differs(&format!("{} above", answer.server), &named);
                }
                extra.extend(answer.additional.iter().filter_map(|record| {
                    let address = address(&record.data)?;
                    let is_ours = own.contains(&record.name) && inside.iter().any(|(name, _)| *name == record.name);
                    let is_known = inside.contains(&(record.name.clone(), address));
                    (is_ours && !is_known).then(|| format!("{} {address} at {}", record.name, answer.server))
                }));
            }
            if let Some(untested) = untested {
                return untested;
            }
            if own.len() < 2 {
                return Judgement::warn("one name server: when it fails, the zone is gone");
            }
            if !extra.is_empty() {
                let extra: Vec<&String> = extra.iter().collect();
                return Judgement::warn(format!("the zone above has addresses of its own: {}", listed(&extra)));
            }
            if above == 0 {
                return Judgement::warn(format!(
                    "{at_zone} servers agree; what the zone above says was not compared, as parent_servers names nobody"
                ));
            }
            Judgement::pass(format!("{above} servers above, {at_zone} of the zone and the blueprint name the same"))
        }),
        remedy: format!(
            "have the registrar's list of name servers for {}, the zone's NS records and dns.zones.servers made equal",
            zone.name
        ),
        source: "RFC 1034 4.2.2; Zonemaster delegation01-07, consistency04-05",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

fn name_servers(records: &[DnsRecord], owner: &str) -> BTreeSet<String> {
    let named = records.iter().filter(|record| record.name == owner).filter_map(|record| match &record.data {
        RecordData::Ns(name) => Some(name.clone()),
        _ => None,
    });
    named.collect()
}

fn address(data: &RecordData) -> Option<IpAddr> {
    match data {
        RecordData::A(address) => Some((*address).into()),
        RecordData::Aaaa(address) => Some((*address).into()),
        _ => None,
    }
}
