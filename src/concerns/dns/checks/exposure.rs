//! Names that tell too much, and names that lead to nobody.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{SAMPLED_SETS, VALID_FOR_SECONDS};
use crate::blueprint::Site;
use crate::blueprint::site::ZoneFacts;
use crate::blueprint::value::HostName;
use crate::concerns::answer::{answered_or_later, authoritative, listed, resolved};
use crate::concerns::ask::{NONCE, dns_at, dns_resolved, get};
use crate::concerns::{Check, Judgement, Safety};
use crate::probe::{DnsAnswer, FailureKind, HttpAnswer, Observation, Probe, Rcode, RecordData, RecordType, Scheme};

/// Who is asked where a name leads.
#[derive(Clone, Copy)]
enum Whom {
    Servers,
    Resolvers,
}

/// What one answer may give away.
struct Clue {
    /// As people read it.
    name: String,
    /// The name at which the site may be asked for; a wildcard's has none.
    host: Option<HostName>,
    whom: Whom,
}

/// `dns.origin.leak`: nothing public says where the CDN finds the site, so that nobody comes past it. Names: the launched
/// ones as resolvers find them, the top of each zone, a name that nobody wrote, those to which the zone's own records give
/// addresses (up to 20 a zone), and the addresses of SPF policies. An address that redirects or sends mail too is public
/// anyway. A name that leads to an origin is asked for its home page, as visitors do.
pub(super) fn origins(site: &Site) -> Option<Check> {
    let cdn = site.cdn.as_ref()?;
    let public: BTreeSet<IpAddr> = site.redirected.iter().flat_map(|redirect| redirect.addresses.clone()).collect();
    let origins: Vec<IpAddr> = cdn.origins.iter().filter(|origin| !public.contains(origin)).copied().collect();
    let redirected: BTreeSet<&HostName> = site.redirected.iter().flat_map(|redirect| &redirect.names).collect();
    let kinds: Vec<RecordType> = [(true, RecordType::A), (false, RecordType::Aaaa)]
        .into_iter()
        .filter(|(v4, _)| origins.iter().any(|origin| origin.is_ipv4() == *v4))
        .map(|(_, kind)| kind)
        .collect();
    let mut asked: Vec<(Probe, Clue)> = Vec::new();
    for host in &site.hosts {
        for kind in &kinds {
            let clue = Clue { name: host.name.to_string(), host: Some(host.name.clone()), whom: Whom::Resolvers };
            asked.push((dns_resolved(host.name.as_str(), *kind), clue));
        }
    }
    for zone in &site.zones {
        let mut names = vec![(zone.name.to_string(), zone.name.to_string(), Some(zone.name.clone()))];
        names.push((format!("golive-{NONCE}.{}", zone.name), format!("*.{}", zone.name), None));
        names.extend(sampled(zone.addressed().collect()).into_iter().map(|name| {
            let host = name.parse().ok();
            (name.clone(), name, host)
        }));
        for (ask, name, host) in names {
            if host.as_ref().is_some_and(|host| redirected.contains(host)) {
                continue;
            }
            for (_, server) in &zone.servers {
                for kind in &kinds {
                    let clue = Clue { name: name.clone(), host: host.clone(), whom: Whom::Servers };
                    asked.push((dns_at(*server, &ask, *kind), clue));
                }
            }
        }
    }
    let policies = site.mail.iter().flat_map(|mail| &mail.names);
    for name in policies {
        for (_, server) in site.zone_of(name).iter().flat_map(|zone| &zone.servers) {
            let clue = Clue { name: format!("the SPF policy of {name}"), host: None, whom: Whom::Servers };
            asked.push((dns_at(*server, name.as_str(), RecordType::Txt), clue));
        }
    }
    let (ask, clues): (Vec<Probe>, Vec<Clue>) = asked.into_iter().unzip();
    Some(Check {
        id: "dns.origin.leak",
        subject: site.host.to_string(),
        safety: Safety::S1,
        blocked_by: vec![],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let mut untested = None;
            let mut leaks: BTreeSet<String> = BTreeSet::new();
            let mut hosts: BTreeSet<HostName> = BTreeSet::new();
            for (observation, clue) in seen.iter().zip(&clues) {
                let answer = match clue.whom {
                    Whom::Servers => authoritative(observation),
                    Whom::Resolvers => resolved(observation),
                };
                let answer = answered_or_later!(answer, untested);
                for origin in origins.iter().filter(|origin| gives_away(answer, **origin)) {
                    leaks.insert(format!("{} tells of {origin}", clue.name));
                    hosts.extend(clue.host.clone());
                }
            }
            if leaks.is_empty() {
                return untested.unwrap_or_else(|| Judgement::pass("no name and no SPF policy tells of an origin"));
            }
            let pages = &seen[clues.len().min(seen.len())..];
            if pages.is_empty() && !hosts.is_empty() {
                return Judgement::Ask(hosts.iter().map(|host| get(Scheme::Https, host, "/").into()).collect());
            }
            let leaks: Vec<&String> = leaks.iter().collect();
            let serves = |(_, page): &(&HostName, &Observation)| {
                matches!(page, Observation::Http(HttpAnswer { status: 200..=299, .. }))
            };
            match hosts.iter().zip(pages).find(serves) {
                Some((host, _)) => Judgement::fail(format!("{}, and {host} serves the site there", listed(&leaks))),
                None => Judgement::warn(listed(&leaks)),
            }
        }),
        remedy: "point the name to the CDN or remove it; then let the origins answer the CDN alone, as old addresses \
                 are kept in public archives"
            .to_owned(),
        source: "Cloudflare docs, fundamentals/security/protect-your-origin-server",
        valid_for_seconds: VALID_FOR_SECONDS,
    })
}

/// Whether an answer holds this address, or an SPF policy that does.
fn gives_away(answer: &DnsAnswer, origin: IpAddr) -> bool {
    answer.answers.iter().any(|record| match &record.data {
        RecordData::A(address) => IpAddr::V4(*address) == origin,
        RecordData::Aaaa(address) => IpAddr::V6(*address) == origin,
        RecordData::Txt(text) => text.starts_with("v=spf1") && text.split(' ').any(|term| holds(term, origin)),
        _ => false,
    })
}

/// `ip4:192.0.2.0/24` and the like (RFC 7208, section 5.6).
fn holds(term: &str, origin: IpAddr) -> bool {
    let term = term.trim_start_matches(['+', '-', '~', '?']).to_ascii_lowercase();
    let Some(network) = term.strip_prefix("ip4:").or_else(|| term.strip_prefix("ip6:")) else { return false };
    match network.parse::<IpNet>() {
        Ok(network) => network.contains(&origin),
        Err(_) => network.parse::<IpAddr>() == Ok(origin),
    }
}

/// What a vendor shows for a name that none of its customers has.
struct Sign {
    vendor: &'static str,
    /// Where it stands; `None`: in the page.
    header: Option<&'static str>,
    text: &'static str,
    worth: Worth,
}

/// How sure it is that this text is that page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worth {
    /// can-i-take-over-xyz lists it (EdOverflow, of 8 February 2025), and that strangers may take such a name, always or
    /// sometimes.
    Claimable,
    /// The same list, and that strangers may not.
    Kept,
    /// Nobody says so but golive.
    Guess,
}

/// Texts that no page of a site's own would have. Others of the list are left out, since their text is too common ("project
/// not found"), or the vendor's sign is that the name does not exist.
const SIGNS: [Sign; 10] = [
    Sign { vendor: "Amazon S3", header: None, text: "The specified bucket does not exist", worth: Worth::Claimable },
    Sign {
        vendor: "GitHub Pages",
        header: None,
        text: "There isn't a GitHub Pages site here.",
        worth: Worth::Claimable,
    },
    Sign { vendor: "Heroku", header: None, text: "No such app", worth: Worth::Claimable },
    Sign { vendor: "Netlify", header: None, text: "Not Found - Request ID:", worth: Worth::Claimable },
    Sign { vendor: "Pantheon", header: None, text: "404 error unknown site!", worth: Worth::Claimable },
    Sign {
        vendor: "Shopify",
        header: None,
        text: "Sorry, this shop is currently unavailable.",
        worth: Worth::Claimable,
    },
    Sign { vendor: "Vercel", header: None, text: "DEPLOYMENT_NOT_FOUND", worth: Worth::Claimable },
    Sign { vendor: "Fastly", header: None, text: "Fastly error: unknown domain", worth: Worth::Kept },
    // The list has Azure's names alone, which then do not exist.
    Sign { vendor: "Azure", header: None, text: "404 Web Site not found", worth: Worth::Guess },
    // Errors of its router carry a header (Scalingo docs, platform/networking/public/routing); of this one the text is made
    // up.
    Sign { vendor: "Scalingo", header: Some("x-scalingo-error"), text: "unknown application", worth: Worth::Guess },
];

/// `dns.dangling`: whatever the zone's own records and delegations lead to exists, and the vendor behind an alias knows
/// the name: else somebody else can claim it, and speak in ours. Up to 20 records a zone. The exchanges of mail domains
/// are looked at by `dns.mx.intent`, the CDN's names by `dns.host.target`. At an alias nothing may listen, as not every
/// service is a web page; where something speaks, its page must not be one that vendors show for unclaimed names.
pub(super) fn targets(zone: &ZoneFacts) -> Check {
    let servers = zone.servers.iter().map(|(name, _)| (zone.name.to_string(), name.to_string(), RecordType::Ns));
    let own = zone.records.iter().filter_map(|(name, data)| match data {
        RecordData::Cname(target) => Some((name.clone(), target.clone(), RecordType::Cname)),
        RecordData::Ns(target) => Some((name.clone(), target.clone(), RecordType::Ns)),
        RecordData::Mx { exchange, .. } if exchange != "." => Some((name.clone(), exchange.clone(), RecordType::Mx)),
        _ => None,
    });
    let leads: Vec<(String, String, RecordType)> = servers.chain(sampled(own.collect())).collect();
    let aliases: Vec<HostName> = leads
        .iter()
        .filter(|(.., kind)| *kind == RecordType::Cname)
        .filter_map(|(name, ..)| name.parse().ok())
        .collect();
    let types = [RecordType::A, RecordType::Aaaa];
    let mut ask: Vec<Probe> =
        leads.iter().flat_map(|(_, target, _)| types.map(|kind| dns_resolved(target, kind))).collect();
    let names = ask.len();
    ask.extend(aliases.iter().map(|name| get(Scheme::Https, name, "/").into()));
    Check {
        id: "dns.dangling",
        subject: zone.name.to_string(),
        safety: Safety::S1,
        blocked_by: vec![],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let (answers, pages) = seen.split_at(names.min(seen.len()));
            let mut untested = None;
            for ((name, target, kind), of_target) in leads.iter().zip(answers.chunks(types.len())) {
                let lead = format!("{name} {} leads to {target}", kind.as_str());
                let both: Result<Vec<&DnsAnswer>, Judgement> = of_target.iter().map(resolved).collect();
                let both = answered_or_later!(both, untested);
                if both.iter().any(|answer| answer.rcode == Rcode::ServFail) {
                    untested.get_or_insert(Judgement::unknown(format!("{lead}, of which resolvers say SERVFAIL")));
                } else if both.iter().any(|answer| answer.rcode == Rcode::NxDomain) {
                    return Judgement::fail(format!("{lead}, which does not exist"));
                } else if *kind != RecordType::Cname && both.iter().all(|answer| !has_address(answer)) {
                    return Judgement::fail(format!("{lead}, which has no address"));
                }
            }
            let mut other = None;
            for (name, page) in aliases.iter().zip(pages) {
                match page {
                    Observation::Http(answer) => {
                        let Some(Sign { vendor, worth, .. }) = unclaimed(answer) else { continue };
                        match worth {
                            Worth::Claimable => {
                                return Judgement::fail(format!("{vendor} knows no {name}: others may claim it there"));
                            }
                            Worth::Kept => return Judgement::fail(format!("{vendor} knows no {name}")),
                            Worth::Guess => {
                                other.get_or_insert(Judgement::warn(format!(
                                    "{name} shows what may be the page of {vendor} for names that it does not know"
                                )));
                            }
                        }
                    }
                    Observation::Failed(failure) => match failure.kind {
                        FailureKind::Tls => {
                            other.get_or_insert(Judgement::warn(format!("{name}: {}", failure.message)));
                        }
                        // Nobody speaks there, or no HTTP.
                        FailureKind::Refused | FailureKind::Closed | FailureKind::Garbage => {}
                        FailureKind::TimedOut
                        | FailureKind::Unresolved
                        | FailureKind::Unreachable
                        | FailureKind::Declined => {
                            untested.get_or_insert(Judgement::unknown(failure.message.clone()));
                        }
                    },
                    Observation::NotAsked { because } => {
                        untested.get_or_insert(Judgement::unknown(because.clone()));
                    }
                    _ => {}
                }
            }
            untested
                .or(other)
                .unwrap_or_else(|| Judgement::pass(format!("{} names that the zone leads to exist", leads.len())))
        }),
        remedy: "claim the name at the vendor again, or delete the record".to_owned(),
        source: "RFC 1034 3.6.2; EdOverflow, can-i-take-over-xyz",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

fn has_address(answer: &DnsAnswer) -> bool {
    answer.answers.iter().any(|record| matches!(record.data, RecordData::A(_) | RecordData::Aaaa(_)))
}

/// Whose page for names without a customer this is.
fn unclaimed(answer: &HttpAnswer) -> Option<&'static Sign> {
    SIGNS.iter().find(|sign| match sign.header {
        Some(header) => answer.header(header).is_some_and(|value| value.contains(sign.text)),
        None => answer.body.text.contains(sign.text),
    })
}

/// At most [`SAMPLED_SETS`], evenly spaced: a zone may hold thousands.
pub(super) fn sampled<T>(all: Vec<T>) -> Vec<T> {
    let every = all.len().div_ceil(SAMPLED_SETS).max(1);
    all.into_iter().step_by(every).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, failed, page, records, sample, verdict};

    const HOST: &str = "covid19.reserve-civique.gouv.fr";
    const ZONE: &str = "reserve-civique.gouv.fr";

    fn a(ip: [u8; 4]) -> Observation {
        records(Rcode::NoError, &[("made.up", 300, RecordData::A(ip.into()))])
    }

    #[test]
    fn an_origin_is_told_by_addresses_and_policies_alone() {
        for (record, wanted) in [
            (RecordData::A([203, 0, 113, 10].into()), true),
            (RecordData::A([203, 0, 113, 12].into()), false),
            (RecordData::Txt("v=spf1 ip4:203.0.113.0/28 -all".into()), true),
            (RecordData::Txt("v=spf1 -IP4:203.0.113.10 -all".into()), true),
            (RecordData::Txt("v=spf1 ip4:203.0.113.16/28 ip4:nonsense ip4: -all".into()), false),
            (RecordData::Txt("notes on ip4:203.0.113.10".into()), false),
        ] {
            let Observation::Dns(answer) = records(Rcode::NoError, &[("made.up", 300, record)]) else { panic!() };
            assert_eq!(gives_away(&answer, "203.0.113.10".parse().unwrap()), wanted, "{answer:?}");
        }
    }

    #[test]
    fn a_name_that_serves_the_site_fails_and_its_address_alone_warns() {
        let (blueprint, site) = sample(&[]);
        let check = check(&blueprint, &site, "dns.origin.leak", HOST);
        let of = |first: Observation| {
            let rest = (1..check.ask.len()).map(|_| a([104, 16, 0, 10]));
            std::iter::once(first).chain(rest).collect::<Vec<_>>()
        };
        let leak = || of(a([203, 0, 113, 11]));
        let with = |page: Observation| [leak(), vec![page]].concat();
        assert_eq!(verdict(&check, &of(a([104, 16, 0, 10]))), Some(Verdict::Pass));
        assert_eq!(verdict(&check, &of(failed(FailureKind::TimedOut))), Some(Verdict::Unknown));
        assert_eq!(verdict(&check, &leak()), None, "the page is asked for");
        assert_eq!(verdict(&check, &with(page(200, &[], "the site"))), Some(Verdict::Fail));
        assert_eq!(verdict(&check, &with(page(403, &[], ""))), Some(Verdict::Warn));
        assert_eq!(verdict(&check, &with(failed(FailureKind::Tls))), Some(Verdict::Warn));
    }

    #[test]
    fn targets_exist_and_vendors_know_us() {
        let (blueprint, site) = sample(&[]);
        let check = check(&blueprint, &site, "dns.dangling", ZONE);
        let targets = check.ask.len() - 1;
        let there = || a([192, 0, 2, 1]);
        let none = || records(Rcode::NoError, &[]);
        let fine = || page(200, &[], "help");
        let of = |place: usize, answers: [Observation; 2], page: Observation| {
            let mut seen: Vec<Observation> = (0..targets).map(|_| there()).collect();
            seen.splice(place..place + 2, answers);
            seen.push(page);
            seen
        };
        let (server, alias) = (0, targets - 2);
        let gone = || records(Rcode::NxDomain, &[]);
        for (seen, wanted) in [
            (of(server, [there(), none()], fine()), Verdict::Pass),
            (of(server, [none(), there()], fine()), Verdict::Pass),
            (of(server, [none(), none()], fine()), Verdict::Fail),
            (of(server, [gone(), gone()], fine()), Verdict::Fail),
            (of(server, [failed(FailureKind::TimedOut), there()], fine()), Verdict::Unknown),
            (of(server, [records(Rcode::ServFail, &[]), there()], fine()), Verdict::Unknown),
            // An alias may lead to what is no host.
            (of(alias, [none(), none()], failed(FailureKind::Refused)), Verdict::Pass),
            (of(alias, [gone(), gone()], failed(FailureKind::Unresolved)), Verdict::Fail),
            (of(server, [there(), there()], page(404, &[], "<h1>No such app</h1>")), Verdict::Fail),
            (
                of(server, [there(), there()], page(404, &[("x-scalingo-error", "unknown application")], "")),
                Verdict::Warn,
            ),
            (
                of(
                    server,
                    [there(), there()],
                    page(404, &[], "<Message>The specified bucket does not exist</Message>"),
                ),
                Verdict::Fail,
            ),
            (of(server, [there(), there()], page(500, &[], "Fastly error: unknown domain: a.example.")), Verdict::Fail),
            (of(server, [there(), there()], page(404, &[], "404 Web Site not found.")), Verdict::Warn),
            (of(server, [there(), there()], page(200, &[], "unknown application")), Verdict::Pass),
            (of(server, [there(), there()], page(404, &[], "not here")), Verdict::Pass),
            (of(server, [there(), there()], failed(FailureKind::Tls)), Verdict::Warn),
            (of(server, [there(), there()], failed(FailureKind::TimedOut)), Verdict::Unknown),
        ] {
            assert_eq!(verdict(&check, &seen), Some(wanted), "{seen:?}");
        }
    }
}
