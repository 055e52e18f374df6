//! What must be observable when `[dns]` is live.

mod delegation;
mod dnssec;
mod exposure;
mod propagation;

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp, Unit};

use super::records::RecordKind;
use super::{Dns, Zone};
use crate::blueprint::Site;
use crate::blueprint::value::{HostName, Seconds};
use crate::concerns::answer::{answered, answered_or_later, authoritative, circle, dns, leading, listed, resolved};
use crate::concerns::ask::{NONCE, dns_again, dns_at, dns_resolved, pause};
use crate::concerns::{Check, Judgement, OneOrMore, Safety};
use crate::probe::{DnsAnswer, Observation, Rcode, RecordData, RecordType, Soa};
use crate::providers::cloudflare;

/// A pass about DNS is good for 15 minutes.
const VALID_FOR_SECONDS: u32 = 15 * 60;

pub fn checks(dns: &Dns, site: &Site) -> OneOrMore<Check> {
    let mut zones = dns.zones.iter().map(soa_sync);
    // A blueprint without zones is refused by `dns.servers` and `dns.host-without-zone` before it comes here;
    // the host alone still gives one check.
    let names = launched_names(site);
    let mut rest: Vec<Check> = Vec::new();
    let first = match zones.next() {
        Some(check) => check,
        None => caa(&site.host, dns, site),
    };
    rest.extend(zones);
    rest.extend(dns.zones.iter().filter(|zone| !zone.records.is_empty()).map(|zone| applied(zone, dns, site)));
    rest.extend(dns.zones.iter().map(delegation::servers));
    rest.extend(dns.zones.iter().map(|zone| dnssec::signed(zone, site)));
    rest.extend(dns.zones.iter().map(|zone| wildcard(zone, site)));
    rest.extend(site.zones.iter().map(exposure::targets));
    rest.extend(exposure::origins(site));
    for name in &names {
        rest.extend(negative(name, site));
        if let Some(check) = ttl_lowered(name, dns, site) {
            rest.push(check);
        }
        rest.extend(ttl_raised(name, dns, site));
        rest.extend(propagation::at_resolvers(name, dns, site));
        rest.push(caa(name, dns, site));
    }
    OneOrMore(first, rest)
}

/// The names that the public will type or follow, and that a cut-over may have to move.
fn launched_names(site: &Site) -> Vec<HostName> {
    let mut names: Vec<HostName> = site.hosts.iter().map(|host| host.name.clone()).collect();
    names.extend(site.redirected.iter().flat_map(|redirect| redirect.names.clone()));
    names
}

/// `dns.soa.sync`. The catalogue's second look is taken only where the first one disagrees: agreement needs no other.
fn soa_sync(zone: &Zone) -> Check {
    let addresses: Vec<IpAddr> = zone.servers.iter().map(|server| server.address).collect();
    let name = zone.name.to_string();
    let ask_round = {
        let (addresses, name) = (addresses.clone(), name.clone());
        move |nth| -> Vec<_> {
            addresses.iter().map(|address| dns_again(*address, &name, RecordType::Soa, nth)).collect()
        }
    };
    let servers = addresses.len();
    Check {
        id: "dns.soa.sync",
        subject: name,
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: ask_round(0),
        judge: Box::new(move |seen| {
            let first = answered!(soas(&seen[..servers]));
            if let Some((_, soa)) = first.first()
                && agree(&first)
            {
                return Judgement::pass(format!("{servers} servers hold serial {}", soa.serial));
            }
            let Some(second) = seen.get(servers + 1..) else {
                // A transfer may be under way: look again after a minute.
                let mut again = vec![pause(60)];
                again.extend(ask_round(1));
                return Judgement::Ask(again);
            };
            let second = answered!(soas(second));
            let serials = |round: &[(String, Soa)]| {
                let each: Vec<String> =
                    round.iter().map(|(server, soa)| format!("{server} has serial {}", soa.serial)).collect();
                listed(&each)
            };
            if agree(&second) {
                return Judgement::warn(format!("{}; a minute later they agree", serials(&first)));
            }
            Judgement::fail(format!("{}, still after a minute", serials(&second)))
        }),
        remedy: "check the zone transfer: every server must hold the same serial and timers".to_owned(),
        source: "RFC 1034 4.3.5; Zonemaster consistency01-03, 06",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

fn soas(observations: &[Observation]) -> Result<Vec<(String, Soa)>, Judgement> {
    observations
        .iter()
        .map(|observation| {
            let answer = authoritative(observation)?;
            answer
                .answers
                .iter()
                .find_map(|record| match &record.data {
                    RecordData::Soa(soa) => Some((answer.server.clone(), soa.clone())),
                    _ => None,
                })
                .ok_or_else(|| Judgement::fail(format!("{} has no SOA record for the zone", answer.server)))
        })
        .collect()
}

fn agree(round: &[(String, Soa)]) -> bool {
    round.windows(2).all(|pair| pair[0].1 == pair[1].1)
}

/// Sets of a zone that `dns.change.applied` looks at: a zone may hold thousands, and servers are asked politely.
const SAMPLED_SETS: usize = 20;

/// `dns.change.applied`: what the zone's own records say, at every server. Other records of the same name and type may
/// stand beside them: mail and others ask for theirs. A delegation is not looked at, since its servers stand in no
/// answer but in a referral.
fn applied(zone: &Zone, dns: &Dns, site: &Site) -> Check {
    let sets: Vec<_> = zone.records.iter().filter(|set| set.kind != RecordKind::Ns).collect();
    let every = sets.len().div_ceil(SAMPLED_SETS).max(1);
    let sample: Vec<(String, RecordKind, Vec<RecordData>)> = sets
        .iter()
        .step_by(every)
        .map(|set| {
            // Data that cannot be read is a finding, and nothing is asked for it.
            (set.name.to_string(), set.kind, set.values.iter().filter_map(|value| set.kind.data(value).ok()).collect())
        })
        .collect();
    let (sampled, all) = (sample.len(), sets.len());
    let mut ask = Vec::new();
    let mut wants = Vec::new();
    for (name, kind, data) in sample {
        for server in &zone.servers {
            ask.push(dns_at(server.address, &name, kind.record_type()));
            wants.push((name.clone(), data.clone()));
        }
    }
    let due = window(site.announcement, dns.steady_ttl_seconds).0
        + SignedDuration::from_secs(dns.steady_ttl_seconds.get().into());
    let apex = zone.name.to_string();
    Check {
        id: "dns.change.applied",
        subject: apex.clone(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let mut untested = None;
            let mut missing = BTreeSet::new();
            let mut is_late = false;
            for (observation, (name, data)) in seen.iter().zip(&wants) {
                let answer = answered_or_later!(authoritative(observation), untested);
                is_late |= answer.at >= due;
                for data in data {
                    if !answer.answers.iter().any(|record| record.name == *name && record.data == *data) {
                        let slip = slip(data, answer, &apex);
                        missing.insert(format!("{name} {data}{slip} at {}", answer.server));
                    }
                }
            }
            if !missing.is_empty() {
                let missing: Vec<String> = missing.into_iter().collect();
                let text = format!("missing: {}", listed(&missing));
                return if is_late { Judgement::fail(text) } else { Judgement::warn(format!("{text}; due {due}")) };
            }
            untested.unwrap_or_else(|| match seen.len() {
                0 => Judgement::unknown("the zone's records are delegations, which this check does not follow"),
                _ => Judgement::pass(format!("{sampled} of {all} sets are as listed at every server")),
            })
        }),
        remedy: format!("have the missing records of {} published: dns/ holds them line by line", zone.name),
        source: "JVA-11; RFC 1034 4.3.2",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// What went wrong with a record that is there in another form, where that can be told.
fn slip(wanted: &RecordData, answer: &DnsAnswer, apex: &str) -> &'static str {
    let found = || answer.answers.iter().map(|record| &record.data);
    match wanted {
        RecordData::Txt(text) if found().any(|data| *data == RecordData::Txt(format!("\"{text}\""))) => {
            " (the quotes became part of the text)"
        }
        wanted => match (aim(wanted), found().find_map(aim)) {
            (Some(wanted), Some(found)) if found == format!("{wanted}.{apex}") => " (a final dot was lost)",
            _ => "",
        },
    }
}

/// The name that a record leads to.
fn aim(data: &RecordData) -> Option<&str> {
    match data {
        RecordData::Cname(name)
        | RecordData::Ns(name)
        | RecordData::Ptr(name)
        | RecordData::Mx { exchange: name, .. }
        | RecordData::Srv { target: name, .. } => Some(name),
        _ => None,
    }
}

/// `dns.wildcard`: names that nobody has written do not exist, below the zone and below its launched names.
fn wildcard(zone: &Zone, site: &Site) -> Check {
    let launched = launched_names(site);
    let below = launched.iter().filter(|name| site.zone_of(name).is_some_and(|facts| facts.name == zone.name));
    let mut parents: Vec<String> = below.map(ToString::to_string).collect();
    parents.insert(0, zone.name.to_string());
    parents.dedup();
    let declared: Vec<String> =
        zone.records.iter().filter_map(|set| Some(set.name.to_string().strip_prefix("*.")?.to_owned())).collect();
    let asked: Vec<(String, IpAddr)> = parents
        .iter()
        .flat_map(|parent| zone.servers.iter().map(move |server| (parent.clone(), server.address)))
        .collect();
    Check {
        id: "dns.wildcard",
        subject: zone.name.to_string(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: asked
            .iter()
            .map(|(parent, server)| dns_at(*server, &format!("golive-{NONCE}.{parent}"), RecordType::A))
            .collect(),
        judge: Box::new(move |seen| {
            let mut untested = None;
            let mut warned = None;
            for (observation, (parent, _)) in seen.iter().zip(&asked) {
                let answer = answered_or_later!(authoritative(observation), untested);
                // No data is no surprise either: the name is a step to others (RFC 4592, section 2.2.2).
                let Some(record) = answer.answers.first() else { continue };
                let found = format!("*.{parent} answers {} at {}", record.data, answer.server);
                if declared.iter().any(|declared| parent == declared || parent.ends_with(&format!(".{declared}"))) {
                    warned.get_or_insert(format!("{found}, as declared: every slip of the keyboard is a name"));
                } else {
                    return Judgement::fail(found);
                }
            }
            match (untested, warned) {
                (Some(untested), _) => untested,
                (None, Some(warned)) => Judgement::warn(warned),
                (None, None) => Judgement::pass("a name that nobody wrote does not exist"),
            }
        }),
        remedy: format!("remove the wildcard from {}, or declare it in dns.zones.records", zone.name),
        source: "RFC 4592",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// Longest that a miss may be remembered while the name is not there yet, in seconds, and before it is refused.
const MISS: (u32, u32) = (300, 3600);

/// `dns.negttl`: a launched name exists, or who asks too early soon asks again. Only authoritative servers are asked: a
/// resolver would remember our own question. While the zone above does not delegate the zone, it is that one's servers who
/// say that the name does not exist, and for how long.
fn negative(name: &HostName, site: &Site) -> Option<Check> {
    let zone = site.zone_of(name)?;
    let day_before = site.announcement - SignedDuration::from_hours(24);
    let owner = name.to_string();
    let own = zone.servers.len();
    let asked = zone.servers.iter().chain(&zone.parent_servers);
    Some(Check {
        id: "dns.negttl",
        subject: owner.clone(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: asked.map(|(_, address)| dns_at(*address, &owner, RecordType::A)).collect(),
        judge: Box::new(move |seen| {
            let mut untested = None;
            let mut missing: Option<(u32, &DnsAnswer)> = None;
            for (position, observation) in seen.iter().enumerate() {
                // Those above refer to the zone, and are no authority for what is in it.
                let answer = if position < own { authoritative(observation) } else { dns(observation) };
                let answer = answered_or_later!(answer.and_then(|answer| leading(answer, &owner)), untested);
                if answer.rcode != Rcode::NxDomain {
                    continue;
                }
                // RFC 2308, section 5; without an SOA record each resolver has its own idea.
                let soa = answer.authority.iter().find_map(|record| match &record.data {
                    RecordData::Soa(soa) => Some(soa.minimum.min(record.ttl)),
                    _ => None,
                });
                let kept = soa.unwrap_or(u32::MAX);
                if missing.is_none_or(|(longest, _)| kept > longest) {
                    missing = Some((kept, answer));
                }
            }
            let Some((kept, answer)) = missing else {
                return untested.unwrap_or_else(|| Judgement::pass("the name exists at every server"));
            };
            let seen = match kept {
                u32::MAX => format!("{} does not know the name, and not for how long", answer.server),
                kept => format!("{} does not know the name, and lets that be remembered for {kept} s", answer.server),
            };
            if kept <= MISS.0 {
                untested.unwrap_or_else(|| Judgement::pass(seen))
            } else if kept <= MISS.1 || answer.at < day_before {
                Judgement::warn(seen)
            } else {
                Judgement::fail(seen)
            }
        }),
        remedy: format!(
            "have {name} created now: whoever asks before is told for that long that there is no such name"
        ),
        source: "RFC 2308 5; RFC 8020; Zonemaster zone06",
        valid_for_seconds: VALID_FOR_SECONDS,
    })
}

/// From `T - 24 h - steady TTL` (a copy taken at the steady TTL must be dead a day before) to `T + 24 h`.
fn window(announcement: Timestamp, steady: Seconds) -> (Timestamp, Timestamp) {
    let day = SignedDuration::from_hours(24);
    (announcement - day - SignedDuration::from_secs(steady.get().into()), announcement + day)
}

/// `dns.ttl.lowered`. Whether the low TTL has been there for as long as the old one lived, which the catalogue warns
/// about, only somebody who looked before could know.
fn ttl_lowered(name: &HostName, dns: &Dns, site: &Site) -> Option<Check> {
    let zone = site.zone_of(name)?;
    // Where the CDN answers for a proxied name, the TTL is the CDN's, and so is each switch behind it.
    if site.is_behind_cdn(name) && zone.is_run_by_cdn() {
        return None;
    }
    let (opens, closes) = window(site.announcement, dns.steady_ttl_seconds);
    let lowered = dns.lowered_ttl_seconds.get();
    let owner = name.to_string();
    let ask: Vec<_> = zone
        .servers
        .iter()
        .flat_map(|(_, address)| [RecordType::A, RecordType::Aaaa].map(|kind| dns_at(*address, &owner, kind)))
        .collect();
    Some(Check {
        id: "dns.ttl.lowered",
        subject: owner.clone(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let mut highest: Option<(u32, &DnsAnswer)> = None;
            let mut untested = None;
            for observation in seen {
                let answer = authoritative(observation).and_then(|answer| leading(answer, &owner));
                let answer = answered_or_later!(answer, untested);
                for record in answer.answers.iter().filter(|record| record.name == owner) {
                    if highest.is_none_or(|(ttl, _)| record.ttl > ttl) {
                        highest = Some((record.ttl, answer));
                    }
                }
            }
            let Some((ttl, answer)) = highest else {
                if let Some(untested) = untested {
                    return untested;
                }
                return Judgement::unknown("the name has no record whose TTL could be read");
            };
            if ttl <= lowered {
                return untested
                    .unwrap_or_else(|| Judgement::pass(format!("TTL {ttl} s at most, {lowered} s or less was asked")));
            }
            let seen = format!("{} gives {ttl} s, {lowered} s was asked", answer.server);
            if answer.at > closes {
                Judgement::pass(format!("{seen}; the launch window closed at {closes}, so it may be high again"))
            } else if answer.at < opens {
                Judgement::warn(format!("{seen} from {opens} on"))
            } else {
                Judgement::fail(format!("{seen}: a wrong answer will live that long after you correct it"))
            }
        }),
        remedy: format!(
            "have the TTL lowered to {lowered} s; copies taken before live on for the old TTL, so do it by {opens}"
        ),
        source: "JVA-11; RFC 1035 3.2.1",
        valid_for_seconds: VALID_FOR_SECONDS,
    })
}

/// `dns.ttl.raised`: a day after the announcement the records have their usual TTL again; low ones make every visitor
/// ask the zone's servers anew, and a failure of those is felt within minutes. Before, it says when that is due.
fn ttl_raised(name: &HostName, dns: &Dns, site: &Site) -> Option<Check> {
    let zone = site.zone_of(name)?;
    if site.is_behind_cdn(name) && zone.is_run_by_cdn() {
        return None;
    }
    let (_, due) = window(site.announcement, dns.steady_ttl_seconds);
    let due = due.round(Unit::Minute).unwrap_or(due);
    let steady = dns.steady_ttl_seconds.get();
    let owner = name.to_string();
    Some(Check {
        id: "dns.ttl.raised",
        subject: owner.clone(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: zone
            .servers
            .iter()
            .flat_map(|(_, address)| [RecordType::A, RecordType::Aaaa].map(|kind| dns_at(*address, &owner, kind)))
            .collect(),
        judge: Box::new(move |seen| {
            let mut lowest: Option<(u32, &DnsAnswer)> = None;
            let mut untested = None;
            for observation in seen {
                let answer = authoritative(observation).and_then(|answer| leading(answer, &owner));
                let answer = answered_or_later!(answer, untested);
                for record in answer.answers.iter().filter(|record| record.name == owner) {
                    if lowest.is_none_or(|(ttl, _)| record.ttl < ttl) {
                        lowest = Some((record.ttl, answer));
                    }
                }
            }
            match (lowest, untested) {
                (Some((ttl, answer)), _) if answer.at > due && ttl < steady => {
                    let server = &answer.server;
                    Judgement::warn(format!("{server} still gives {ttl} s; {steady} s were due on {due}"))
                }
                (_, Some(untested)) => untested,
                (None, None) => Judgement::unknown("the name has no record whose TTL could be read"),
                (Some((ttl, answer)), None) if answer.at > due => Judgement::pass(format!("TTL {ttl} s at least")),
                (Some(_), None) => Judgement::pass(format!("due on {due}: {steady} s again")),
            }
        }),
        remedy: format!("have the TTL of {name} raised to {steady} s; then lower TTLs again before the next change"),
        source: "JVA-11; RFC 1035 3.2.1",
        valid_for_seconds: VALID_FOR_SECONDS,
    })
}

/// Properties whose meaning an authority knows (IANA, CAA properties); one that it does not, marked critical, forbids
/// it to issue (RFC 8659, section 4.1).
const KNOWN_TAGS: [&str; 7] = ["issue", "issuewild", "issuemail", "issuevmc", "iodef", "contactemail", "contactphone"];

/// `dns.caa`: CAA from the name upwards to the top-level domain (RFC 8659, section 3): the first set found decides. A resolver
/// follows aliases on its own, as authorities do.
fn caa(name: &HostName, dns_table: &Dns, site: &Site) -> Check {
    let edge: Vec<String> = match site.is_behind_cdn(name) {
        true => cloudflare::CERTIFICATE_AUTHORITIES.iter().map(|ca| (*ca).to_owned()).collect(),
        false => Vec::new(),
    };
    // The owner's, of an origin behind the CDN too.
    let own: Vec<String> = site
        .zone_of(name)
        .and_then(|facts| dns_table.zones.iter().find(|zone| zone.name == facts.name))
        .map(|zone| zone.certificate_authorities.iter().map(|value| issuer(value.as_str())))
        .into_iter()
        .flatten()
        // `;` names nobody.
        .filter(|authority| !authority.is_empty())
        .collect();
    let climb: Vec<String> =
        std::iter::successors(Some(name.as_str()), |name| Some(name.split_once('.')?.1)).map(str::to_owned).collect();
    Check {
        id: "dns.caa",
        subject: name.to_string(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: vec![dns_resolved(&climb[0], RecordType::Caa)],
        judge: Box::new(move |seen| {
            let Some(last) = seen.last() else { return Judgement::unknown("nothing was asked") };
            let answer = answered!(resolved(last));
            let level = &climb[seen.len() - 1];
            match answer.rcode {
                // No authority could validate it; the parents' records would pass a name that nobody published.
                Rcode::NxDomain if seen.len() == 1 => {
                    return Judgement::unknown(format!("{level} does not exist: publish it first"));
                }
                Rcode::NoError | Rcode::NxDomain => {}
                rcode => {
                    return Judgement::fail(format!(
                        "CAA of {level} answers {}: an authority must then refuse to issue",
                        rcode.as_str()
                    ));
                }
            }
            if let Some(circle) = circle(answer, level) {
                return Judgement::fail(format!("{circle}: an authority finds no CAA and must then refuse to issue"));
            }
            let strange = answer.answers.iter().find_map(|record| match &record.data {
                RecordData::Caa { critical: true, tag, .. } if !KNOWN_TAGS.contains(&tag.as_str()) => Some(tag),
                _ => None,
            });
            if let Some(tag) = strange {
                return Judgement::fail(format!("CAA of {level} has the critical property `{tag}`, which forbids all"));
            }
            let allowed: BTreeSet<String> = answer
                .answers
                .iter()
                .filter_map(|record| match &record.data {
                    RecordData::Caa { tag, value, .. } if tag == "issue" => Some(issuer(value)),
                    _ => None,
                })
                .collect();
            let any_caa = answer.answers.iter().any(|record| matches!(record.data, RecordData::Caa { .. }));
            if !any_caa {
                return match climb.get(seen.len()) {
                    Some(parent) => Judgement::Ask(vec![dns_resolved(parent, RecordType::Caa)]),
                    None => Judgement::pass("no CAA record from the name upwards: every authority may issue"),
                };
            }
            if allowed.is_empty() {
                return Judgement::pass(format!("CAA of {level} does not restrict issuing"));
            }
            if allowed.iter().all(String::is_empty) {
                return Judgement::fail(format!("CAA of {level} forbids every authority to issue"));
            }
            let missing_of =
                |needed: &[String]| needed.iter().filter(|ca| !allowed.contains(*ca)).cloned().collect::<Vec<_>>();
            let (own_missing, edge_missing) = (missing_of(&own), missing_of(&edge));
            let at = listed(&allowed.iter().collect::<Vec<_>>());
            if own.is_empty() && edge.is_empty() {
                Judgement::warn(format!("CAA of {level} allows only {at}; the blueprint names no authority to compare"))
            } else if !own_missing.is_empty() {
                Judgement::fail(format!("CAA of {level} allows only {at}, needed: {}", listed(&own_missing)))
            } else if edge_missing.is_empty() {
                Judgement::pass(format!("CAA of {level} allows {at}"))
            } else if edge_missing.len() < edge.len() {
                Judgement::warn(format!("CAA of {level} allows {at} but not {}", listed(&edge_missing)))
            } else {
                Judgement::fail(format!("CAA of {level} allows only {at}, needed: {}", listed(&edge_missing)))
            }
        }),
        remedy: format!("add the missing authorities as `CAA 0 issue` at the zone of {name}"),
        source: "RFC 8659 3; Cloudflare docs, ssl/reference/certificate-authorities",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// The authority's domain of a CAA value: `pki.goog; cansignhttpexchanges=yes` is `pki.goog`.
fn issuer(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, failed, records, sample, verdict};
    use crate::probe::FailureKind;

    fn caa_record(critical: bool, tag: &str, value: &str) -> (&'static str, u32, RecordData) {
        ("jeveuxaider.gouv.fr", 300, RecordData::Caa { critical, tag: tag.to_owned(), value: value.to_owned() })
    }

    #[test]
    fn caa_passes_only_what_may_be_issued() {
        let (blueprint, site) = sample(&[]);
        let declared = check(&blueprint, &site, "dns.caa", "jeveuxaider.gouv.fr");
        let (blueprint, site) = sample(&[("certificate_authorities = [\"letsencrypt.org\"]", "")]);
        let undeclared = check(&blueprint, &site, "dns.caa", "jeveuxaider.gouv.fr");
        let answer = |set: &[(&'static str, u32, RecordData)]| records(Rcode::NoError, set);
        let none = || records(Rcode::NoError, &[]);
        let alias = |from: &'static str, to: &str| (from, 300, RecordData::Cname(to.to_owned()));
        const HOST: &str = "jeveuxaider.gouv.fr";
        let good = || caa_record(false, "issue", "LetsEncrypt.org; validationmethods=http-01");
        for (check, seen, wanted) in [
            (&declared, vec![answer(&[good()])], Some(Verdict::Pass)),
            (&declared, vec![answer(&[caa_record(false, "issue", "other.example")])], Some(Verdict::Fail)),
            (&declared, vec![answer(&[caa_record(false, "issue", ";")])], Some(Verdict::Fail)),
            (&undeclared, vec![answer(&[caa_record(false, "issue", ";")])], Some(Verdict::Fail)),
            (&undeclared, vec![answer(&[good()])], Some(Verdict::Warn)),
            (&declared, vec![answer(&[caa_record(false, "iodef", "mailto:a@example.org")])], Some(Verdict::Pass)),
            (&declared, vec![answer(&[good(), caa_record(true, "tbs", "x")])], Some(Verdict::Fail)),
            (&declared, vec![records(Rcode::ServFail, &[])], Some(Verdict::Fail)),
            (&declared, vec![records(Rcode::Refused, &[])], Some(Verdict::Unknown)),
            (&declared, vec![failed(FailureKind::TimedOut)], Some(Verdict::Unknown)),
            (&declared, vec![records(Rcode::NxDomain, &[])], Some(Verdict::Unknown)),
            (&declared, vec![none()], None),
            (&declared, vec![none(), answer(&[caa_record(false, "issue", "other.example")])], Some(Verdict::Fail)),
            (&declared, vec![none(), none(), none()], Some(Verdict::Pass)),
            // Aliases that end somewhere, without a record there; and in circles of one and of two.
            (&declared, vec![answer(&[alias(HOST, "a.example.net")])], None),
            (&declared, vec![answer(&[alias(HOST, HOST)])], Some(Verdict::Fail)),
            (
                &declared,
                vec![answer(&[alias(HOST, "a.example.net"), alias("a.example.net", HOST)])],
                Some(Verdict::Fail),
            ),
        ] {
            assert_eq!(verdict(check, &seen), wanted, "{seen:?}");
        }
    }

    #[test]
    fn behind_a_cdn_some_of_its_authorities_and_all_of_the_owners_may_issue() {
        const HOST: &str = "covid19.reserve-civique.gouv.fr";
        const OWN: &str = "  \"letsencrypt.org\",\n  \"pki.goog; cansignhttpexchanges=yes\",\n  \"ssl.com\",\n  \
                           \"sectigo.com\",\n";
        let said = |own: &str, allowed: &[&str]| {
            let (blueprint, site) = sample(&[(OWN, own)]);
            let set: Vec<_> = allowed.iter().map(|ca| caa_record(false, "issue", ca)).collect();
            verdict(&check(&blueprint, &site, "dns.caa", HOST), &[records(Rcode::NoError, &set)])
        };
        let all = ["letsencrypt.org", "pki.goog", "ssl.com", "sectigo.com"];
        for (own, allowed, wanted) in [
            (OWN, &all[..], Verdict::Pass),
            (OWN, &all[..3], Verdict::Fail),
            ("\"letsencrypt.org\",\n", &all[..3], Verdict::Warn),
            ("\"letsencrypt.org\",\n", &all[1..], Verdict::Fail),
            ("\"origin-ca.example\",\n", &all[..], Verdict::Fail),
            ("", &all[..1], Verdict::Warn),
            ("", &["origin-ca.example"], Verdict::Fail),
        ] {
            assert_eq!(said(own, allowed), Some(wanted), "{own} {allowed:?}");
        }
    }

    #[test]
    fn a_miss_is_remembered_as_the_zone_that_answers_says() {
        let (blueprint, site) = sample(&[]);
        let check = check(&blueprint, &site, "dns.negttl", "www.jeveuxaider.gouv.fr");
        let there = || records(Rcode::NoError, &[]);
        let miss = |ttl: u32, minimum: u32| {
            let Observation::Dns(mut answer) = records(Rcode::NxDomain, &[]) else { panic!("an answer") };
            let soa = Soa { primary: "ns1".into(), serial: 1, refresh: 1, retry: 1, expire: 1, minimum };
            let data = RecordData::Soa(soa);
            answer.authority = vec![crate::probe::DnsRecord { name: "gouv.fr".into(), ttl, data }];
            Observation::Dns(answer)
        };
        let referral = || {
            let Observation::Dns(mut answer) = records(Rcode::NoError, &[]) else { panic!("an answer") };
            answer.authoritative = false;
            Observation::Dns(answer)
        };
        // Two servers of the zone, two above.
        for (seen, wanted) in [
            ([there(), there(), referral(), referral()], Verdict::Pass),
            ([there(), miss(300, 300), referral(), referral()], Verdict::Pass),
            // Made-up answers come long before the day: no failure yet.
            ([there(), miss(86_400, 86_400), referral(), referral()], Verdict::Warn),
            ([there(), miss(300, 86_400), referral(), referral()], Verdict::Pass),
            // Not delegated yet: the zone above answers.
            ([there(), there(), miss(900, 86_400), referral()], Verdict::Warn),
            ([there(), there(), referral(), failed(FailureKind::TimedOut)], Verdict::Unknown),
        ] {
            assert_eq!(verdict(&check, &seen), Some(wanted), "{seen:?}");
        }
    }

    #[test]
    fn a_name_that_leads_in_a_circle_passes_nowhere() {
        const NAME: &str = "www.jeveuxaider.gouv.fr";
        let (blueprint, site) = sample(&[]);
        let alias = |from: &'static str, to: &str| (from, 300, RecordData::Cname(to.to_owned()));
        let ends = || records(Rcode::NoError, &[alias(NAME, "a.example.net")]);
        let circle = || records(Rcode::NoError, &[alias(NAME, "a.example.net"), alias("a.example.net", NAME)]);
        for id in ["dns.negttl", "dns.ttl.lowered", "dns.ttl.raised", "dns.prop"] {
            let check = check(&blueprint, &site, id, NAME);
            let seen = |first: Observation| {
                let rest = std::iter::repeat_with(ends).take(check.ask.len() - 1);
                std::iter::once(first).chain(rest).collect::<Vec<_>>()
            };
            assert_eq!(verdict(&check, &seen(ends())), Some(Verdict::Pass), "{id}");
            assert_eq!(verdict(&check, &seen(circle())), Some(Verdict::Unknown), "{id}");
        }
    }

    #[test]
    fn slips_of_those_who_publish_are_told() {
        let of = |data: RecordData| match records(Rcode::NoError, &[("a.example", 300, data)]) {
            Observation::Dns(answer) => answer,
            other => panic!("{other:?}"),
        };
        let (text, alias) = (RecordData::Txt("v=1".into()), RecordData::Cname("b.example.net".into()));
        for (wanted, found, told) in [
            (&text, RecordData::Txt("\"v=1\"".into()), " (the quotes became part of the text)"),
            (&text, RecordData::Txt("v=2".into()), ""),
            (&alias, RecordData::Cname("b.example.net.z.example".into()), " (a final dot was lost)"),
            (&alias, RecordData::Cname("c.example.net".into()), ""),
        ] {
            assert_eq!(slip(wanted, &of(found.clone()), "z.example"), told, "{found:?}");
        }
    }

    #[test]
    fn the_ttl_of_a_name_that_the_cdn_answers_for_is_the_cdns() {
        let subjects = |edits: &[(&str, &str)]| -> Vec<String> {
            let (blueprint, site) = sample(edits);
            let all = super::checks(&blueprint.dns, &site).into_vec();
            all.into_iter().filter(|check| check.id == "dns.ttl.lowered").map(|check| check.subject).collect()
        };
        let redirected = ["jeveuxaider.gouv.fr", "www.jeveuxaider.gouv.fr"];
        assert_eq!(subjects(&[])[0], "covid19.reserve-civique.gouv.fr");
        assert_eq!(subjects(&[])[1..], redirected);
        assert_eq!(subjects(&[("run_by = \"ticket\"", "run_by = \"cloudflare\"")]), redirected);
    }
}
