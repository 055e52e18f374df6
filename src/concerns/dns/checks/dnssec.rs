//! Signed or not, as declared, and believed by resolvers that check.

use std::net::IpAddr;

use jiff::SignedDuration;

use super::exposure::sampled;
use super::{VALID_FOR_SECONDS, launched_names};
use crate::blueprint::Site;
use crate::blueprint::value::HostName;
use crate::concerns::answer::{answered, answered_or_later, authoritative, listed, resolved};
use crate::concerns::ask::dns_signed;
use crate::concerns::dns::Zone;
use crate::concerns::{Check, Judgement, Safety};
use crate::probe::{DnsAnswer, DnsServer, Dnssec, Observation, Rcode, RecordData, RecordType, Signatures};

/// Signatures that end sooner are a warning: a signer that stopped is noticed while there is time.
const LEFT: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Algorithms of keys that sign with SHA-1 or MD5 (IANA, DNS security algorithm numbers; RFC 9905).
const WEAK_ALGORITHMS: [u8; 5] = [1, 3, 5, 6, 7];
/// SHA-1 (IANA, DS record digest algorithms).
const WEAK_DIGEST: u8 = 1;

/// `dns.dnssec`: a zone is signed or not as declared, and what the zone above vouches for is there. The resolvers of this
/// run are asked with their checks and without, for the zone and for its launched names (up to 20): what only those without
/// can answer has bad signatures, mostly a DS record left behind, or a record that was changed and not signed again. Whether
/// absent names are proven absent is not looked at.
pub(super) fn signed(zone: &Zone, site: &Site) -> Check {
    let servers: Vec<IpAddr> = zone.servers.iter().map(|server| server.address).collect();
    let owner = zone.name.to_string();
    let ask = |server, kind, how| dns_signed(server, &owner, kind, how);
    let mut questions = vec![
        ask(DnsServer::Resolver, RecordType::Soa, Signatures::Asked),
        ask(DnsServer::Resolver, RecordType::Soa, Signatures::Unchecked),
        ask(DnsServer::Resolver, RecordType::Ds, Signatures::Unchecked),
    ];
    let holds = |name: &HostName| site.zone_of(name).is_some_and(|facts| facts.name == zone.name);
    let launched = sampled(launched_names(site).into_iter().filter(holds).collect());
    for name in &launched {
        let of_name = |how| dns_signed(DnsServer::Resolver, name.as_str(), RecordType::A, how);
        questions.extend([Signatures::Asked, Signatures::Unchecked].map(of_name));
    }
    let mut of_servers = Vec::new();
    for kind in [RecordType::Dnskey, RecordType::Soa] {
        let at = servers.iter().map(|server| DnsServer::Authoritative(*server));
        of_servers.extend(at.map(|server| ask(server, kind, Signatures::Asked)));
    }
    let (count, is_signed) = (servers.len(), zone.signed);
    // Of an unsigned zone the servers are asked only where somebody vouches for its keys.
    if is_signed {
        questions.append(&mut of_servers);
    }
    Check {
        id: "dns.dnssec",
        subject: owner,
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: questions,
        judge: Box::new(move |seen| {
            let [checked, unchecked, above, rest @ ..] = seen else {
                return Judgement::unknown("nothing was asked");
            };
            let (of_names, at_servers) = rest.split_at((launched.len() * 2).min(rest.len()));
            let (checked, unchecked) = (answered!(resolved(checked)), answered!(resolved(unchecked)));
            let above = answered!(resolved(above));
            if checked.rcode == Rcode::ServFail {
                return match unchecked.rcode {
                    Rcode::ServFail => Judgement::unknown("resolvers answer SERVFAIL, whether they check or not"),
                    _ => Judgement::fail(format!(
                        "resolvers that check signatures answer SERVFAIL{}",
                        match delegations(above).is_empty() {
                            true => "",
                            false => ": the zone above vouches for a key that does not sign this one",
                        }
                    )),
                };
            }
            let mut untested = None;
            for (name, answers) in launched.iter().zip(of_names.chunks_exact(2)) {
                let with_checks = answered_or_later!(resolved(&answers[0]), untested);
                if with_checks.rcode == Rcode::ServFail
                    && answered_or_later!(resolved(&answers[1]), untested).rcode != Rcode::ServFail
                {
                    return Judgement::fail(format!("resolvers that check signatures answer SERVFAIL for {name}"));
                }
            }
            if above.rcode == Rcode::ServFail {
                return Judgement::unknown("what the zone above vouches for cannot be seen: SERVFAIL");
            }
            let vouched = delegations(above);
            let (keys, soas) = at_servers.split_at(count.min(at_servers.len()));
            if !is_signed && vouched.is_empty() {
                return untested.unwrap_or_else(|| Judgement::pass("not signed, as declared"));
            }
            if at_servers.is_empty() {
                return Judgement::Ask(of_servers.clone());
            }
            let sound = match sound(&vouched, keys, soas) {
                Ok(sound) => sound,
                Err(judgement) => return judgement,
            };
            if !is_signed {
                return Judgement::warn("the zone is signed and the blueprint does not say so: `signed = true`");
            }
            if !checked.authenticated {
                return Judgement::unknown(format!("the resolver {} does not check signatures", checked.server));
            }
            untested.unwrap_or(sound)
        }),
        remedy: match is_signed {
            true => "have the DS at the registrar and the zone's keys compared; let the signer run again".to_owned(),
            false => {
                "have the DS removed at the registrar, and wait for its TTL, before the name servers move".to_owned()
            }
        },
        source: "RFC 4035 4.3, 5; RFC 9905; Zonemaster dnssec02, 07-11",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// Key tag, algorithm, digest type, digest.
type Vouched = (u16, u8, u8, String);

fn delegations(answer: &DnsAnswer) -> Vec<Vouched> {
    let each = answer.answers.iter().filter_map(|record| match &record.data {
        RecordData::Dnssec(Dnssec::Delegation { key_tag, algorithm, digest_type, digest }) => {
            Some((*key_tag, *algorithm, *digest_type, digest.clone()))
        }
        _ => None,
    });
    each.collect()
}

/// Whether each server has a key that is vouched for, and living signatures.
///
/// # Errors
///
/// What decides at once.
fn sound(vouched: &[Vouched], keys: &[Observation], soas: &[Observation]) -> Result<Judgement, Judgement> {
    if vouched.is_empty() {
        return Err(Judgement::fail("declared signed, and the zone above vouches for no key"));
    }
    match every_server(vouched, keys, soas) {
        fail @ Judgement::Say(crate::concerns::Verdict::Fail | crate::concerns::Verdict::Unknown, _) => Err(fail),
        other => Ok(other),
    }
}

fn every_server(vouched: &[Vouched], keys: &[Observation], soas: &[Observation]) -> Judgement {
    let mut untested = None;
    let mut weak = vouched.iter().all(|(.., digest_type, _)| *digest_type == WEAK_DIGEST);
    let mut tags = Vec::new();
    for observation in keys {
        let answer = answered_or_later!(authoritative(observation), untested);
        let signing = answer.answers.iter().filter_map(|record| match &record.data {
            RecordData::Dnssec(Dnssec::Key { key_tag, algorithm, signs: true, digests }) => {
                Some((*key_tag, *algorithm, digests))
            }
            _ => None,
        });
        let signing: Vec<_> = signing.collect();
        let is_vouched_for = signing.iter().any(|(key_tag, algorithm, digests)| {
            vouched.iter().any(|(tag, of, digest_type, digest)| {
                (tag, of) == (key_tag, algorithm) && digests.get(digest_type) == Some(digest)
            })
        });
        if !is_vouched_for {
            let tags: Vec<String> = vouched.iter().map(|(tag, ..)| tag.to_string()).collect();
            return Judgement::fail(format!("{} has no key for the DS of {} above", answer.server, listed(&tags)));
        }
        weak |= signing.iter().any(|(_, algorithm, _)| WEAK_ALGORITHMS.contains(algorithm));
        tags.extend(signing.iter().map(|(key_tag, ..)| *key_tag));
    }
    let mut soonest: Option<SignedDuration> = None;
    for observation in soas {
        let answer = answered_or_later!(authoritative(observation), untested);
        let lives = answer.answers.iter().filter_map(|record| match &record.data {
            RecordData::Dnssec(Dnssec::Signature { covers, key_tag, ends, .. })
                if covers == "SOA" && tags.contains(key_tag) =>
            {
                Some(left(*ends, answer))
            }
            _ => None,
        });
        let Some(longest) = lives.max() else {
            return Judgement::fail(format!("{} has no signature of the zone's keys", answer.server));
        };
        if longest <= SignedDuration::ZERO {
            return Judgement::fail(format!("the signatures at {} have ended", answer.server));
        }
        soonest = Some(soonest.map_or(longest, |soonest| soonest.min(longest)));
    }
    if let Some(untested) = untested {
        return untested;
    }
    let hours = soonest.map_or(0, |left| left.as_hours());
    match soonest {
        Some(soonest) if soonest < LEFT => Judgement::warn(format!("the signatures end in {hours} h")),
        _ if weak => Judgement::warn("SHA-1: some resolvers take that for unsigned"),
        _ => Judgement::pass(format!("signed and vouched for; the signatures last {hours} h more")),
    }
}

/// Serial number arithmetic (RFC 4034, section 3.1.5; RFC 1982): the nearer of the two readings.
fn left(ends: u32, answer: &DnsAnswer) -> SignedDuration {
    let now = u32::try_from(answer.at.as_second().rem_euclid(1 << 32)).unwrap_or_default();
    SignedDuration::from_secs(ends.wrapping_sub(now).cast_signed().into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, failed, records, sample, verdict};
    use crate::probe::FailureKind;

    const ZONE: &str = "jeveuxaider.gouv.fr";
    const HOUR: u32 = 3600;

    fn answer(rcode: Rcode, data: &[Dnssec]) -> Observation {
        let set: Vec<_> = data.iter().map(|data| (ZONE, 3600, RecordData::Dnssec(data.clone()))).collect();
        records(rcode, &set)
    }

    fn soa(rcode: Rcode, authenticated: bool) -> Observation {
        let Observation::Dns(mut answer) = answer(rcode, &[]) else { panic!("an answer") };
        answer.authenticated = authenticated;
        Observation::Dns(answer)
    }

    fn ds(digest_type: u8, digest: &str) -> Observation {
        let digest = digest.to_owned();
        answer(Rcode::NoError, &[Dnssec::Delegation { key_tag: 7, algorithm: 13, digest_type, digest }])
    }

    fn key() -> Observation {
        let digests = BTreeMap::from([(1, "aa".to_owned()), (2, "bb".to_owned())]);
        answer(Rcode::NoError, &[Dnssec::Key { key_tag: 7, algorithm: 13, signs: true, digests }])
    }

    /// Made-up answers come at the beginning of 1970.
    fn signature(ends: u32) -> Observation {
        answer(Rcode::NoError, &[Dnssec::Signature { covers: "SOA".into(), algorithm: 13, key_tag: 7, ends }])
    }

    fn none() -> Observation {
        answer(Rcode::NoError, &[])
    }

    #[test]
    fn an_unsigned_zone_has_nobody_who_vouches_for_it() {
        let (blueprint, site) = sample(&[]);
        let check = check(&blueprint, &site, "dns.dnssec", ZONE);
        let fine = || soa(Rcode::NoError, false);
        let broken = || soa(Rcode::ServFail, false);
        // With checks and without, for each of the two launched names.
        let names = |last: [Observation; 2]| [vec![fine(), fine()], last.to_vec()].concat();
        let fine_names = || names([fine(), fine()]);
        let silent = || failed(FailureKind::TimedOut);
        let unsigned = || vec![none(), none(), none(), none()];
        let signed = || vec![key(), key(), signature(100 * HOUR), signature(100 * HOUR)];
        for (first, names, at_servers, wanted) in [
            ([fine(), fine(), none()], fine_names(), vec![], Verdict::Pass),
            ([broken(), fine(), ds(2, "bb")], fine_names(), vec![], Verdict::Fail),
            ([broken(), broken(), ds(2, "bb")], fine_names(), vec![], Verdict::Unknown),
            // The resolver does not check; those of visitors do.
            ([fine(), fine(), ds(2, "bb")], fine_names(), unsigned(), Verdict::Fail),
            ([fine(), fine(), ds(2, "bb")], fine_names(), signed(), Verdict::Warn),
            ([fine(), fine(), broken()], fine_names(), vec![], Verdict::Unknown),
            ([silent(), fine(), none()], fine_names(), vec![], Verdict::Unknown),
            // One name's own signature.
            ([fine(), fine(), none()], names([broken(), fine()]), vec![], Verdict::Fail),
            // That is no matter of signatures.
            ([fine(), fine(), none()], names([broken(), broken()]), vec![], Verdict::Pass),
            ([fine(), fine(), none()], names([silent(), fine()]), vec![], Verdict::Unknown),
            ([fine(), fine(), none()], names([broken(), silent()]), vec![], Verdict::Unknown),
        ] {
            let seen = [first.to_vec(), names, at_servers].concat();
            assert_eq!(verdict(&check, &seen), Some(wanted), "{seen:?}");
        }
        let seen = [vec![fine(), fine(), ds(2, "bb")], fine_names()].concat();
        assert_eq!(verdict(&check, &seen), None, "the servers are asked");
    }

    #[test]
    fn a_signed_zone_is_vouched_for_and_its_signatures_live() {
        let (blueprint, site) = sample(&[("serial = 2020032101", "serial = 2020032101\nsigned = true")]);
        let check = check(&blueprint, &site, "dns.dnssec", ZONE);
        let checked = || soa(Rcode::NoError, true);
        let long = || signature(100 * HOUR);
        let ended = || signature(0_u32.wrapping_sub(HOUR));
        let silent = || failed(FailureKind::TimedOut);
        for (above, at_servers, wanted) in [
            (ds(2, "bb"), [key(), key(), long(), long()], Verdict::Pass),
            (ds(2, "bb"), [key(), key(), long(), signature(71 * HOUR)], Verdict::Warn),
            (ds(2, "bb"), [key(), key(), long(), ended()], Verdict::Fail),
            (ds(2, "bb"), [key(), key(), long(), none()], Verdict::Fail),
            (ds(2, "bb"), [key(), none(), long(), long()], Verdict::Fail),
            (ds(2, "cc"), [key(), key(), long(), long()], Verdict::Fail),
            (ds(1, "aa"), [key(), key(), long(), long()], Verdict::Warn),
            (none(), [key(), key(), long(), long()], Verdict::Fail),
            (ds(2, "bb"), [silent(), key(), long(), long()], Verdict::Unknown),
            (ds(2, "bb"), [silent(), none(), long(), long()], Verdict::Fail),
        ] {
            let names = vec![checked(); 4];
            let seen = [vec![checked(), checked(), above], names, at_servers.to_vec()].concat();
            assert_eq!(verdict(&check, &seen), Some(wanted), "{seen:?}");
        }
        let at_servers = [key(), key(), long(), long()];
        let seen = |checks: Observation, names: [Observation; 4]| {
            [vec![checks, checked(), ds(2, "bb")], names.to_vec(), at_servers.to_vec()].concat()
        };
        let believed_unchecked = seen(soa(Rcode::NoError, false), [checked(), checked(), checked(), checked()]);
        assert_eq!(verdict(&check, &believed_unchecked), Some(Verdict::Unknown));
        let changed_and_not_signed = seen(checked(), [soa(Rcode::ServFail, false), checked(), checked(), checked()]);
        assert_eq!(verdict(&check, &changed_and_not_signed), Some(Verdict::Fail));
    }
}
