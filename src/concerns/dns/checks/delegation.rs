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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, failed, records, sample, verdict};
    use crate::probe::{FailureKind, Observation};

    const ZONE: &str = "jeveuxaider.gouv.fr";
    const OURS: [&str; 2] = ["ns1.dns.example.net", "ns2.dns.example.net"];

    fn lists(names: &[&str]) -> Observation {
        records(Rcode::NoError, &names.iter().map(|ns| (ZONE, 3600, RecordData::Ns((*ns).into()))).collect::<Vec<_>>())
    }

    /// As a server above refers to the zone, with these addresses.
    fn refers(names: &[&str], glue: &[(&str, [u8; 4])]) -> Observation {
        let Observation::Dns(mut answer) = lists(names) else { panic!("an answer") };
        (answer.authoritative, answer.authority) = (false, std::mem::take(&mut answer.answers));
        let record = |(name, ip): &(&str, [u8; 4])| DnsRecord {
            name: (*name).to_owned(),
            ttl: 3600,
            data: RecordData::A((*ip).into()),
        };
        answer.additional = glue.iter().map(record).collect();
        Observation::Dns(answer)
    }

    fn lame(rcode: Rcode, authoritative: bool) -> Observation {
        let Observation::Dns(mut answer) = records(rcode, &[]) else { panic!("an answer") };
        answer.authoritative = authoritative;
        Observation::Dns(answer)
    }

    #[test]
    fn every_list_is_the_blueprints() {
        let (blueprint, site) = sample(&[]);
        let check = check(&blueprint, &site, "dns.deleg.ns", ZONE);
        let good = || lists(&OURS);
        let above = || refers(&OURS, &[]);
        let silent = || failed(FailureKind::TimedOut);
        let retired = ["ns1.dns.example.net", "ns-retired.example"];
        for (seen, wanted) in [
            ([good(), good(), above(), above()], Verdict::Pass),
            // A server that holds both zones answers for the lower one.
            ([good(), good(), good(), above()], Verdict::Pass),
            ([good(), lists(&retired), above(), above()], Verdict::Fail),
            ([good(), good(), above(), refers(&retired, &[])], Verdict::Fail),
            ([good(), good(), above(), refers(&OURS[..1], &[])], Verdict::Fail),
            ([good(), good(), above(), lame(Rcode::NxDomain, true)], Verdict::Fail),
            ([good(), lame(Rcode::Refused, false), above(), above()], Verdict::Fail),
            ([good(), lame(Rcode::NoError, false), above(), above()], Verdict::Fail),
            ([good(), good(), lame(Rcode::Refused, false), above()], Verdict::Unknown),
            ([silent(), good(), above(), above()], Verdict::Unknown),
            ([silent(), lists(&retired), above(), above()], Verdict::Fail),
            ([good(), good(), above(), silent()], Verdict::Unknown),
        ] {
            assert_eq!(verdict(&check, &seen), Some(wanted), "{seen:?}");
        }
    }

    #[test]
    fn what_was_not_compared_is_a_warning() {
        let above = "parent_servers = [\n  { name = \"a.above.example.net\", address = \"192.0.2.54\" },\n  \
                     { name = \"b.above.example.net\", address = \"198.51.100.54\" },\n]\n";
        let (blueprint, site) = sample(&[(above, "")]);
        let unnamed = check(&blueprint, &site, "dns.deleg.ns", ZONE);
        assert_eq!(verdict(&unnamed, &[lists(&OURS), lists(&OURS)]), Some(Verdict::Warn));
        assert_eq!(verdict(&unnamed, &[lists(&OURS), lists(&OURS[..1])]), Some(Verdict::Fail));
    }

    #[test]
    fn an_address_of_the_zone_above_that_is_not_ours_is_a_warning() {
        let inside =
            [("ns1.dns.example.net", "ns1.jeveuxaider.gouv.fr"), ("ns2.dns.example.net", "ns2.jeveuxaider.gouv.fr")];
        let (blueprint, site) = sample(&inside);
        let check = check(&blueprint, &site, "dns.deleg.ns", ZONE);
        let ours = inside.map(|(_, name)| name);
        let with = |last| refers(&ours, &[(ours[0], [192, 0, 2, 53]), (ours[1], [198, 51, 100, last])]);
        for (last, wanted) in [(53, Verdict::Pass), (54, Verdict::Warn)] {
            let seen = [lists(&ours), lists(&ours), with(53), with(last)];
            assert_eq!(verdict(&check, &seen), Some(wanted), "{last}");
        }
    }
}
