//! What many visitors' resolvers still say of the launched names.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use super::VALID_FOR_SECONDS;
use crate::blueprint::Site;
use crate::blueprint::value::HostName;
use crate::concerns::answer::{answered, authoritative, circle, dns, leading, listed};
use crate::concerns::ask::{dns_again, dns_named, pause};
use crate::concerns::dns::Dns;
use crate::concerns::{Check, Judgement, Safety};
use crate::probe::{DnsAnswer, Observation, Rcode, RecordData, RecordType};

/// Resolvers that must have answered for a verdict.
const ENOUGH: usize = 3;

/// Time between two looks, in seconds.
const BETWEEN: u32 = 20;

const TYPES: [RecordType; 2] = [RecordType::A, RecordType::Aaaa];

/// What the records of one name may be.
struct Published {
    owner: String,
    /// The CDN answers from any of these, and changes its mind.
    ranges: Option<Vec<IpNet>>,
    /// Longest TTL that the blueprint ever gives these records, in seconds.
    longest: u32,
    /// Longest that a miss may be remembered, in seconds.
    negative: u32,
}

/// What one resolver's answer is worth.
enum Finding {
    Agrees,
    /// Right, or of before, and kept until then.
    Old(String),
    /// Nothing that was ever published.
    Wrong(String),
    NotReached,
}

/// `dns.prop`: the resolvers that the blueprint names say of a launched name what the first server of its zone says; the
/// other servers may be behind, which `dns.soa.sync` tells. A difference is looked at again after 20 s, as the catalogue's
/// three samples are needed only then. An old answer is a warning as long as it may be a copy; nobody can have a copy that
/// lives longer than any that was published.
pub(super) fn at_resolvers(name: &HostName, dns_table: &Dns, site: &Site) -> Option<Check> {
    let zone = site.zone_of(name).filter(|_| !site.resolvers.is_empty())?;
    let table = dns_table.zones.iter().find(|table| table.name == zone.name)?;
    let own = table.records.iter().filter(|set| set.name.as_str() == name.as_str()).filter_map(|set| set.ttl_seconds);
    let usual = [dns_table.steady_ttl_seconds, dns_table.lowered_ttl_seconds];
    let cdn_answers = site.is_behind_cdn(name) && zone.is_run_by_cdn();
    let published = Published {
        owner: name.to_string(),
        ranges: site.cdn.as_ref().filter(|_| cdn_answers).map(|cdn| cdn.ranges.clone()),
        longest: own.chain(usual).map(|ttl| ttl.get()).max().unwrap_or_default(),
        negative: table.negative_ttl_seconds.get(),
    };
    let resolvers = site.resolvers.clone();
    let (_, first) = *zone.servers.first()?;
    let round = {
        let (owner, resolvers) = (name.to_string(), resolvers.clone());
        move |nth| {
            let at_server = TYPES.map(|kind| dns_again(first, &owner, kind, nth));
            let at_resolvers = resolvers.iter().flat_map(|(_, at)| TYPES.map(|kind| dns_named(*at, &owner, kind, nth)));
            at_server.into_iter().chain(at_resolvers).collect::<Vec<_>>()
        }
    };
    let asked = round(0).len();
    Some(Check {
        id: "dns.prop",
        subject: name.to_string(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: round(0),
        judge: Box::new(move |seen| {
            let again = asked + 1;
            let looked = seen.get(again..).filter(|second| !second.is_empty());
            let Some((at_server, at_resolvers)) = looked.unwrap_or(seen).split_first_chunk::<{ TYPES.len() }>() else {
                return Judgement::unknown("nothing was asked");
            };
            let right = at_server.iter().map(|observation| leading(authoritative(observation)?, &published.owner));
            let right: Result<Vec<&DnsAnswer>, Judgement> = right.collect();
            let right = answered!(right);
            let (mut old, mut wrong, mut reached) = (Vec::new(), Vec::new(), 0);
            for ((whose, _), answers) in resolvers.iter().zip(at_resolvers.chunks(TYPES.len())) {
                match look(&published, &right, answers) {
                    Finding::NotReached => continue,
                    Finding::Agrees => {}
                    Finding::Old(text) => old.push(format!("{whose} {text}")),
                    Finding::Wrong(text) => wrong.push(format!("{whose} {text}")),
                }
                reached += 1;
            }
            let all = resolvers.len();
            if !(old.is_empty() && wrong.is_empty()) && looked.is_none() {
                let mut questions = vec![pause(BETWEEN)];
                questions.extend(round(1));
                return Judgement::Ask(questions);
            }
            if !wrong.is_empty() {
                return Judgement::fail(listed(&wrong));
            }
            if reached < ENOUGH {
                return Judgement::unknown(format!("{reached} of {all} resolvers answered, {ENOUGH} are needed"));
            }
            if !old.is_empty() {
                return Judgement::warn(listed(&old));
            }
            Judgement::pass(format!("{reached} of {all} resolvers say what the zone's servers say"))
        }),
        remedy: format!("wait until the old copies of {name} are dead; purge them at the resolvers that offer it"),
        source: "RFC 1035 7.4; RFC 2308 5; RFC 8767",
        valid_for_seconds: VALID_FOR_SECONDS,
    })
}

fn own<'a>(answer: &'a DnsAnswer, owner: &str) -> (BTreeSet<&'a RecordData>, Option<u32>) {
    let of_name = || {
        let records = answer.answers.iter().filter(|record| record.name == owner);
        records.filter(|record| !matches!(record.data, RecordData::Dnssec(_)))
    };
    (of_name().map(|record| &record.data).collect(), of_name().map(|record| record.ttl).max())
}

fn look(published: &Published, right: &[&DnsAnswer], answers: &[Observation]) -> Finding {
    let mut worst = Finding::Agrees;
    for (right, observation) in right.iter().zip(answers) {
        let answer = match dns(observation) {
            Ok(answer) if answer.rcode == Rcode::ServFail => {
                return Finding::Wrong("answers SERVFAIL".to_owned());
            }
            Ok(answer) if matches!(answer.rcode, Rcode::NoError | Rcode::NxDomain) => answer,
            _ => return Finding::NotReached,
        };
        // The zone's servers know their own aliases alone; the resolver followed them all.
        if let Some(circle) = circle(answer, &published.owner) {
            return Finding::Wrong(format!("finds that {circle}"));
        }
        match one(published, right, answer) {
            wrong @ Finding::Wrong(_) => return wrong,
            old @ Finding::Old(_) => worst = old,
            Finding::Agrees | Finding::NotReached => {}
        }
    }
    worst
}

fn one(published: &Published, right: &DnsAnswer, answer: &DnsAnswer) -> Finding {
    let until = |seconds: u32| answer.at + SignedDuration::from_secs(seconds.into());
    let ((wanted, _), (found, ttl)) = (own(right, &published.owner), own(answer, &published.owner));
    let is_cdn = |data: &&RecordData| match (&published.ranges, data) {
        (Some(ranges), RecordData::A(ip)) => ranges.iter().any(|range| range.contains(&IpAddr::V4(*ip))),
        (Some(ranges), RecordData::Aaaa(ip)) => ranges.iter().any(|range| range.contains(&IpAddr::V6(*ip))),
        _ => false,
    };
    let both_lead_to_cdn = !found.is_empty() && found.iter().chain(&wanted).all(is_cdn);
    let longest = published.longest;
    match ttl {
        Some(ttl) if found == wanted || both_lead_to_cdn => match ttl > longest && published.ranges.is_none() {
            true => Finding::Old(format!("is right, and would keep a mistake for {ttl} s; {longest} s were declared")),
            false => Finding::Agrees,
        },
        Some(ttl) if ttl > longest => Finding::Wrong(format!(
            "says {} for {ttl} s: no copy of ours, which lives for {longest} s at most",
            data(&found)
        )),
        Some(ttl) => Finding::Old(format!("keeps {} until {}", data(&found), second(until(ttl)))),
        None if wanted.is_empty() => Finding::Agrees,
        None => {
            let kept = answer.authority.iter().find(|record| matches!(record.data, RecordData::Soa(_)));
            match kept.map(|record| record.ttl) {
                Some(ttl) if ttl > published.negative => Finding::Wrong(format!(
                    "knows of no such record for {ttl} s: the zone lets that be remembered for {} s",
                    published.negative
                )),
                Some(ttl) => Finding::Old(format!("knows of no such record until {}", second(until(ttl)))),
                None => Finding::Wrong("knows of no such record, and does not say for how long".to_owned()),
            }
        }
    }
}

fn data(found: &BTreeSet<&RecordData>) -> String {
    listed(&found.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn second(at: Timestamp) -> Timestamp {
    at.round(jiff::Unit::Second).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, failed, records, sample, verdict};
    use crate::probe::{DnsRecord, FailureKind, Soa};

    const NAME: &str = "www.jeveuxaider.gouv.fr";

    /// The answers for both types of address.
    fn a(last: &[u8], ttl: u32) -> [Observation; 2] {
        let set: Vec<_> = last.iter().map(|last| (NAME, ttl, RecordData::A([198, 51, 100, *last].into()))).collect();
        [records(Rcode::NoError, &set), records(Rcode::NoError, &[])]
    }

    fn missing(kept: u32) -> [Observation; 2] {
        let miss = || {
            let Observation::Dns(mut answer) = records(Rcode::NxDomain, &[]) else { panic!("an answer") };
            let soa = Soa { primary: "ns1".into(), serial: 1, refresh: 1, retry: 1, expire: 1, minimum: kept };
            answer.authority = vec![DnsRecord { name: "gouv.fr".into(), ttl: kept, data: RecordData::Soa(soa) }];
            Observation::Dns(answer)
        };
        [miss(), miss()]
    }

    fn both(one: impl Fn() -> Observation) -> [Observation; 2] {
        [one(), one()]
    }

    #[test]
    fn old_copies_are_told_from_what_nobody_published() {
        let (blueprint, site) = sample(&[]);
        let check = check(&blueprint, &site, "dns.prop", NAME);
        let right = || a(&[22, 21], 300);
        let servfail = || both(|| records(Rcode::ServFail, &[]));
        let refused = || both(|| records(Rcode::Refused, &[]));
        let silent = || both(|| failed(FailureKind::TimedOut));
        let round = |third: [Observation; 2]| [right(), right(), right(), third].concat();
        assert_eq!(verdict(&check, &round(right())), Some(Verdict::Pass));
        assert_eq!(verdict(&check, &round(a(&[99], 200))), None, "looked at again");
        for (third, wanted) in [
            (right(), Verdict::Pass),
            (a(&[99], 200), Verdict::Warn),
            (a(&[99], 3600), Verdict::Warn),
            (a(&[99], 3601), Verdict::Fail),
            (a(&[21, 22], 86_400), Verdict::Warn),
            (missing(300), Verdict::Warn),
            (missing(301), Verdict::Fail),
            (both(|| records(Rcode::NxDomain, &[])), Verdict::Fail),
            (servfail(), Verdict::Fail),
            (both(|| records(Rcode::NoError, &[(NAME, 300, RecordData::Cname(NAME.into()))])), Verdict::Fail),
            (refused(), Verdict::Unknown),
            (silent(), Verdict::Unknown),
        ] {
            let seen = [round(a(&[99], 200)), vec![Observation::Done], round(third)].concat();
            assert_eq!(verdict(&check, &seen), Some(wanted), "{seen:?}");
        }
    }

    #[test]
    fn without_the_name_server_there_is_nothing_to_compare_with() {
        let (blueprint, site) = sample(&[]);
        let check = check(&blueprint, &site, "dns.prop", NAME);
        let seen = |first: Observation| {
            let right = a(&[21, 22], 300);
            [[first, records(Rcode::NoError, &[])], right.clone(), right.clone(), right].concat()
        };
        assert_eq!(verdict(&check, &seen(failed(FailureKind::TimedOut))), Some(Verdict::Unknown));
        assert_eq!(verdict(&check, &seen(records(Rcode::Refused, &[]))), Some(Verdict::Fail));
    }
}
