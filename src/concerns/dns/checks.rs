//! What must be observable when `[dns]` is live.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::{Dns, Zone};
use crate::blueprint::Site;
use crate::blueprint::value::{HostName, Seconds};
use crate::concerns::answer::{answered, authoritative, dns, listed};
use crate::concerns::ask::{dns_again, dns_at, dns_resolved, pause};
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
    for name in &names {
        if let Some(check) = ttl_lowered(name, dns, site) {
            rest.push(check);
        }
        rest.push(caa(name, dns, site));
    }
    OneOrMore(first, rest)
}

/// The names that the public will type or follow, and that a cut-over may have to move.
fn launched_names(site: &Site) -> Vec<HostName> {
    let mut names = vec![site.host.clone()];
    names.extend(site.redirected.iter().flat_map(|redirect| redirect.names.clone()));
    names
}

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
            if agree(&first) {
                return Judgement::pass(format!("{servers} servers hold serial {}", first[0].1.serial));
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

/// From `T - 24 h - steady TTL` (a copy taken at the steady TTL must be dead a day before) to `T + 24 h`.
fn window(announcement: Timestamp, steady: Seconds) -> (Timestamp, Timestamp) {
    let day = SignedDuration::from_hours(24);
    (announcement - day - SignedDuration::from_secs(steady.get().into()), announcement + day)
}

fn ttl_lowered(name: &HostName, dns: &Dns, site: &Site) -> Option<Check> {
    let zone = site.zone_of(name)?;
    let (opens, closes) = window(site.announcement, dns.steady_ttl_seconds);
    let lowered = dns.lowered_ttl_seconds.get();
    let owner = name.to_string();
    let ask: Vec<_> = zone.servers.iter().map(|(_, address)| dns_at(*address, &owner, RecordType::A)).collect();
    Some(Check {
        id: "dns.ttl.lowered",
        subject: owner.clone(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let mut highest: Option<(u32, &DnsAnswer)> = None;
            for observation in seen {
                let answer = answered!(authoritative(observation));
                for record in answer.answers.iter().filter(|record| record.name == owner) {
                    if highest.is_none_or(|(ttl, _)| record.ttl > ttl) {
                        highest = Some((record.ttl, answer));
                    }
                }
            }
            let Some((ttl, answer)) = highest else {
                return Judgement::unknown("the name has no record whose TTL could be read");
            };
            if ttl <= lowered {
                return Judgement::pass(format!("TTL {ttl} s at every server, {lowered} s or less was asked"));
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

/// CAA from the name upwards (RFC 8659, section 3): the first set found decides.
fn caa(name: &HostName, dns_table: &Dns, site: &Site) -> Check {
    let behind_cdn = site.is_behind_cdn(name);
    let needed: Vec<String> = if behind_cdn {
        cloudflare::CERTIFICATE_AUTHORITIES.iter().map(|ca| (*ca).to_owned()).collect()
    } else {
        site.zone_of(name)
            .and_then(|facts| dns_table.zones.iter().find(|zone| zone.name == facts.name))
            .map(|zone| zone.certificate_authorities.iter().map(|value| issuer(value.as_str())).collect())
            .unwrap_or_default()
    };
    let climb: Vec<String> =
        std::iter::successors(Some(name.clone()), HostName::parent).map(|name| name.to_string()).collect();
    Check {
        id: "dns.caa",
        subject: name.to_string(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: vec![dns_resolved(&climb[0], RecordType::Caa)],
        judge: Box::new(move |seen| {
            let Some(last) = seen.last() else { return Judgement::unknown("nothing was asked") };
            let answer = answered!(dns(last));
            let level = &climb[seen.len() - 1];
            match answer.rcode {
                Rcode::NoError | Rcode::NxDomain => {}
                rcode => {
                    return Judgement::fail(format!(
                        "CAA of {level} answers {}: an authority must then refuse to issue",
                        rcode.as_str()
                    ));
                }
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
                    None if seen.iter().all(|level| dns(level).is_ok_and(|level| level.rcode == Rcode::NxDomain)) => {
                        Judgement::unknown(format!(
                            "the resolver knows no name up to {level}: it sees another internet"
                        ))
                    }
                    None => Judgement::pass("no CAA record from the name upwards: every authority may issue"),
                };
            }
            if allowed.is_empty() {
                return Judgement::pass(format!("CAA of {level} does not restrict issuing"));
            }
            let missing: Vec<&String> = needed.iter().filter(|ca| !allowed.contains(*ca)).collect();
            let at = listed(&allowed.iter().collect::<Vec<_>>());
            if missing.is_empty() {
                Judgement::pass(format!("CAA of {level} allows {at}"))
            } else if behind_cdn && missing.len() < needed.len() {
                Judgement::warn(format!("CAA of {level} allows {at} but not {}", listed(&missing)))
            } else {
                Judgement::fail(format!("CAA of {level} allows only {at}, needed: {}", listed(&missing)))
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
