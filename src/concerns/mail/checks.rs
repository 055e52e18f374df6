//! What must be observable when `[mail]` is live. All of it is read from the DNS: no message is sent.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::fragments::{selector_name, spf_policy};
use super::lookup::{Known, Stop, each, first_questions, replay};
use super::spf::{self, Mechanism, Outcome, Qualifier};
use super::{Domain, Mail, Policy, Selector, Sender, same_organisation};
use crate::blueprint::Site;
use crate::blueprint::value::{HostName, KeyKind, key_kind};
use crate::concerns::answer::{answered, authoritative, data_text, dns, listed};
use crate::concerns::ask::{dns_at, dns_resolved};
use crate::concerns::{Check, Judgement, OneOrMore, Safety, Verdict};
use crate::probe::{DnsAnswer, Observation, Probe, RecordData, RecordType, report_permission, reverse_name};

/// A pass about DNS is good for 15 minutes.
const VALID_FOR_SECONDS: u32 = 15 * 60;
/// From so many look-ups on, one more at a provider breaks the policy.
const MANY_LOOKUPS: usize = 9;

pub fn checks(mail: &Mail, site: &Site) -> OneOrMore<Check> {
    let mut all = mail.domains.iter().flat_map(|domain| of_domain(domain, site));
    // A table without domains is refused by `mail.no-domain` before it comes here.
    let first = all.next().unwrap_or_else(no_domain);
    OneOrMore(first, all.collect())
}

fn no_domain() -> Check {
    check("mail.spf.record", "mail".to_owned(), vec![], |_| Judgement::unknown("the blueprint names no domain"))
}

fn of_domain(domain: &Domain, site: &Site) -> Vec<Check> {
    let mut checks = vec![mx_intent(domain, site), spf_record(domain, site)];
    if domain.sends() {
        checks.push(spf_lookups(domain));
    }
    if !domain.senders.is_empty() {
        checks.push(spf_senders(domain));
    }
    checks.extend(domain.dkim.iter().map(|selector| dkim_key(selector, domain, site)));
    checks.push(dmarc_record(domain, site));
    if !domain.dmarc.report_to.is_empty() {
        checks.push(dmarc_rua(domain));
    }
    checks.extend(domain.senders.iter().map(ptr));
    checks
}

fn check(
    id: &'static str,
    subject: String,
    ask: Vec<Probe>,
    judge: impl Fn(&[Observation]) -> Judgement + Send + Sync + 'static,
) -> Check {
    Check {
        id,
        subject,
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask,
        judge: Box::new(judge),
        remedy: String::new(),
        source: "",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

impl Check {
    fn advised(self, remedy: impl Into<String>, source: &'static str) -> Self {
        Self { remedy: remedy.into(), source, ..self }
    }
}

/// A check whose questions follow from earlier answers.
fn climbing(
    id: &'static str,
    subject: String,
    judge: impl Fn(&Known<'_>) -> Result<Judgement, Stop> + Send + Sync + 'static,
) -> Check {
    let ask = first_questions(&judge);
    check(id, subject, ask, move |seen| replay(seen, &judge))
}

/// The same question to each server that answers for the name.
fn at_servers(site: &Site, zone_name: &HostName, name: &str, record_type: RecordType) -> Vec<Probe> {
    let servers = site.zone_of(zone_name).map(|zone| zone.servers.as_slice()).unwrap_or_default();
    servers.iter().map(|(_, address)| dns_at(*address, name, record_type)).collect()
}

fn texts(answer: &DnsAnswer) -> impl Iterator<Item = &str> {
    answer.answers.iter().filter_map(|record| match &record.data {
        RecordData::Txt(text) => Some(text.as_str()),
        _ => None,
    })
}

/// The worst of several judgements; of equals the first.
fn worst(judgements: impl IntoIterator<Item = (Verdict, String)>) -> Judgement {
    let rank = |verdict: Verdict| match verdict {
        Verdict::Fail => 0,
        Verdict::Unknown => 1,
        Verdict::Warn => 2,
        Verdict::Pass | Verdict::Waived => 3,
    };
    let found = judgements.into_iter().min_by_key(|(verdict, _)| rank(*verdict));
    found.map_or_else(
        || Judgement::unknown("no server could be asked"),
        |(verdict, because)| Judgement::Say(verdict, because),
    )
}

fn mx_intent(domain: &Domain, site: &Site) -> Check {
    let wanted: Vec<(String, BTreeSet<String>)> = domain
        .exchanges_of_names()
        .into_iter()
        .map(|(name, exchanges)| {
            let exchanges = exchanges.map(|all| all.into_iter().map(ToString::to_string).collect());
            (name.to_string(), exchanges.unwrap_or_else(|| BTreeSet::from([".".to_owned()])))
        })
        .collect();
    let (mut ask, mut whose) = (Vec::new(), Vec::new());
    for (position, (name, _)) in domain.exchanges_of_names().into_iter().enumerate() {
        let questions = at_servers(site, name, name.as_str(), RecordType::Mx);
        whose.extend(questions.iter().map(|_| position));
        ask.extend(questions);
    }
    let targets: Vec<String> =
        wanted.iter().flat_map(|(_, exchanges)| exchanges).filter(|name| *name != ".").cloned().collect();
    let expected = wanted
        .iter()
        .map(|(name, exchanges)| format!("{name} to {}", listed(&exchanges.iter().collect::<Vec<_>>())))
        .collect::<Vec<_>>();
    check("dns.mx.intent", domain.name.to_string(), ask, move |seen| {
        for (observation, position) in seen.iter().zip(&whose) {
            let answer = answered!(authoritative(observation));
            let (name, exchanges) = &wanted[*position];
            let found: BTreeSet<String> = answer
                .answers
                .iter()
                .filter_map(|record| match &record.data {
                    RecordData::Mx { exchange, .. } => Some(exchange.clone()),
                    _ => None,
                })
                .collect();
            if found != *exchanges {
                let found = listed(&found.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>());
                return Judgement::fail(format!("{}: mail for {name} goes to {found}", answer.server));
            }
        }
        if seen.len() == whose.len() && !targets.is_empty() {
            return Judgement::Ask(targets.iter().map(|name| dns_resolved(name, RecordType::A)).collect());
        }
        for (observation, target) in seen.iter().skip(whose.len()).zip(&targets) {
            let answer = answered!(dns(observation));
            if answer.answers.iter().any(|record| matches!(record.data, RecordData::Cname(_))) {
                return Judgement::fail(format!("the mail server {target} is an alias (RFC 5321, section 5.1)"));
            }
            if !answer.answers.iter().any(|record| matches!(record.data, RecordData::A(_))) {
                return Judgement::fail(format!("the mail server {target} has no address"));
            }
        }
        match targets.is_empty() {
            true => Judgement::pass("null MX: the name takes no mail, and says so"),
            false => Judgement::pass(format!("mail goes to {}", listed(&targets))),
        }
    })
    .advised(format!("publish the MX as the blueprint says: {}", listed(&expected)), "RFC 7505; RFC 5321 5.1")
}

fn spf_record(domain: &Domain, site: &Site) -> Check {
    let (mut ask, mut whose) = (Vec::new(), Vec::new());
    for name in domain.spf_names() {
        let questions = at_servers(site, name, name.as_str(), RecordType::Txt);
        whose.extend(questions.iter().map(|_| name.clone()));
        ask.extend(questions);
    }
    let helos: Vec<HostName> = domain.senders.iter().map(|sender| sender.helo.clone()).collect();
    let includes: Vec<String> = domain.spf_includes.iter().map(ToString::to_string).collect();
    let nobody_sends = !domain.receives;
    let names = domain.spf_names().count();
    check("mail.spf.record", domain.name.to_string(), ask, move |seen| {
        let mut all = Vec::new();
        for (observation, name) in seen.iter().zip(&whose) {
            let answer = answered!(authoritative(observation));
            let needed: &[String] = if helos.contains(name) { &[] } else { &includes };
            let (verdict, because) = judged_policy(answer, needed, nobody_sends);
            all.push((verdict, format!("{}: {name} {because}", answer.server)));
        }
        match worst(all) {
            Judgement::Say(Verdict::Pass, _) => {
                Judgement::pass(format!("one SPF record at each of {names} names, at every server"))
            }
            other => other,
        }
    })
    .advised(
        format!("have one TXT record that starts with v=spf1: \"{}\"", spf_policy(domain)),
        "RFC 7208 3.2, 4.5; Zonemaster zone11",
    )
}

fn judged_policy(answer: &DnsAnswer, includes: &[String], nobody_sends: bool) -> (Verdict, String) {
    let records: Vec<&str> = texts(answer).filter(|text| spf::is_policy(text)).collect();
    let record = match records.as_slice() {
        [record] => record,
        [] => return (Verdict::Fail, "has no SPF record".to_owned()),
        many => return (Verdict::Fail, format!("has {} SPF records: receivers then believe none", many.len())),
    };
    let policy = match spf::parse(record) {
        Ok(policy) => policy,
        Err(why) => return (Verdict::Fail, why),
    };
    let missing =
        includes.iter().find(|name| !policy.terms.contains(&(Qualifier::Pass, Mechanism::Include((*name).clone()))));
    if let Some(missing) = missing {
        return (Verdict::Fail, format!("does not include {missing}"));
    }
    if nobody_sends && policy.terms != [(Qualifier::Fail, Mechanism::All)] {
        return (Verdict::Fail, "lets somebody send, and nobody should".to_owned());
    }
    let others =
        policy.terms.iter().find(|(_, mechanism)| *mechanism == Mechanism::All).map(|(qualifier, _)| qualifier);
    match others {
        Some(Qualifier::Pass) => (Verdict::Fail, "lets everybody send (+all)".to_owned()),
        Some(Qualifier::Neutral) => (Verdict::Warn, "says nothing of everybody else (?all)".to_owned()),
        None if policy.redirect.is_none() => (Verdict::Warn, "says nothing of everybody else (no all)".to_owned()),
        _ if policy.terms.iter().any(|(_, mechanism)| *mechanism == Mechanism::Ptr) => {
            (Verdict::Warn, "uses `ptr`, which receivers may ignore (RFC 7208, section 5.5)".to_owned())
        }
        _ => (Verdict::Pass, "has one SPF record".to_owned()),
    }
}

fn spf_lookups(domain: &Domain) -> Check {
    let names: BTreeSet<String> = [domain.name.to_string(), domain.envelope().to_string()].into();
    let mut check = climbing("mail.spf.lookups", domain.name.to_string(), move |known| {
        let costs = each(&names, |name| Ok((name, spf::cost(known, name)?)))?;
        let judged = costs.into_iter().map(|(name, cost)| match cost {
            _ if cost.lookups > spf::LOOKUPS => {
                (Verdict::Fail, format!("{name} needs more than {} look-ups: {} or more", spf::LOOKUPS, cost.lookups))
            }
            spf::Cost { broken: Some(why), .. } => (Verdict::Fail, why),
            _ if cost.voids > spf::VOIDS => {
                (Verdict::Fail, format!("{} look-ups of {name} find nothing, {} may", cost.voids, spf::VOIDS))
            }
            _ if cost.lookups >= MANY_LOOKUPS => {
                (Verdict::Warn, format!("{name} needs {} look-ups of {}", cost.lookups, spf::LOOKUPS))
            }
            _ => (Verdict::Pass, format!("{name} needs {} look-ups of {}", cost.lookups, spf::LOOKUPS)),
        });
        Ok(worst(judged))
    })
    .advised("drop an include, or send under a sub-domain of its own", "RFC 7208 4.6.4");
    check.blocked_by = vec!["mail.spf.record"];
    check
}

fn spf_senders(domain: &Domain) -> Check {
    let cases: Vec<(IpAddr, String)> = domain
        .senders
        .iter()
        .flat_map(|sender| [domain.envelope(), &sender.helo].map(|name| (sender.address, name.to_string())))
        .collect();
    let count = domain.senders.len();
    climbing("mail.spf.senders", domain.name.to_string(), move |known| {
        let judged = each(&cases, |(address, name)| Ok((address, name, spf::check_host(known, *address, name)?)))?;
        let bad = judged.iter().find(|(_, _, outcome)| *outcome != Outcome::Pass);
        Ok(match bad {
            Some((address, name, outcome)) => {
                Judgement::fail(format!("mail from {address} for {name} gets SPF {}", outcome.text()))
            }
            None => Judgement::pass(format!("SPF passes for {count} dedicated addresses, envelope and HELO")),
        })
    })
    .advised(format!("add the address to the SPF record: \"{}\"", spf_policy(domain)), "JVA-13; RFC 7208 4")
}

fn dkim_key(selector: &Selector, domain: &Domain, site: &Site) -> Check {
    let name = selector_name(selector, domain);
    let wanted = selector.key.as_ref().map(ToString::to_string);
    let ask = match &wanted {
        Some(_) => at_servers(site, &domain.name, &name, RecordType::Txt),
        None => vec![dns_resolved(&name, RecordType::Txt)],
    };
    let own = wanted.is_some();
    check("mail.dkim.key", name, ask, move |seen| {
        let mut all = Vec::new();
        for observation in seen {
            let answer = answered!(if own { authoritative(observation) } else { dns(observation) });
            let (verdict, because) = judged_key(answer, wanted.as_deref());
            all.push((verdict, format!("{}: {because}", answer.server)));
        }
        worst(all)
    })
    .advised(
        "publish the whole key, cut into strings of 255 bytes and not off after the first; ask the provider for 2,048 bits",
        "RFC 6376 3.6.1; RFC 8301 3.2",
    )
}

fn judged_key(answer: &DnsAnswer, wanted: Option<&str>) -> (Verdict, String) {
    let records: Vec<&str> = texts(answer).collect();
    let [record] = records.as_slice() else {
        return (Verdict::Fail, format!("{} TXT records where one key should be", records.len()));
    };
    let tag = |name: &str| tags(record).into_iter().find_map(|(key, value)| (key == name).then_some(value));
    if tag("v").is_some_and(|version| version != "DKIM1") {
        return (Verdict::Fail, "the record is no DKIM key".to_owned());
    }
    let key: String = tag("p").unwrap_or_default().split_whitespace().collect();
    if key.is_empty() {
        return (Verdict::Fail, "`p=` is empty or absent: the key is revoked".to_owned());
    }
    let kind = match key_kind(&key) {
        Ok(kind) => kind,
        Err(why) => return (Verdict::Fail, why),
    };
    if wanted.is_some_and(|wanted| wanted != key) {
        return (Verdict::Fail, "another key than the blueprint's".to_owned());
    }
    if tag("t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y")) {
        return (Verdict::Warn, "`t=y`: receivers treat signed mail as unsigned".to_owned());
    }
    match kind {
        KeyKind::Ed25519 => (Verdict::Pass, "an Ed25519 key".to_owned()),
        KeyKind::Rsa { bits } if bits >= 2048 => (Verdict::Pass, format!("an RSA key of {bits} bits")),
        KeyKind::Rsa { bits } if bits >= 1024 => {
            (Verdict::Warn, format!("an RSA key of {bits} bits, 2,048 are recommended"))
        }
        KeyKind::Rsa { bits } => (Verdict::Fail, format!("an RSA key of {bits} bits: receivers ignore it")),
    }
}

/// `name=value` of a DKIM or DMARC record, in order.
fn tags(record: &str) -> Vec<(&str, &str)> {
    let pair = |part: &'_ str| -> Option<(usize, usize)> { part.find('=').map(|at| (at, at + 1)) };
    record
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| pair(part).map_or((part, ""), |(end, start)| (part[..end].trim(), part[start..].trim())))
        .collect()
}

fn dmarc_records(answer: &DnsAnswer) -> Vec<&str> {
    texts(answer).filter(|text| tags(text).first().is_some_and(|first| *first == ("v", "DMARC1"))).collect()
}

fn dmarc_record(domain: &Domain, site: &Site) -> Check {
    let name = domain.name.child("_dmarc");
    let ask = at_servers(site, &domain.name, &name, RecordType::Txt);
    let wanted = domain.dmarc.policy;
    check("mail.dmarc.record", domain.name.to_string(), ask, move |seen| {
        let mut all = Vec::new();
        for observation in seen {
            let answer = answered!(authoritative(observation));
            let (verdict, because) = judged_dmarc(&dmarc_records(answer), wanted);
            all.push((verdict, format!("{}: {because}", answer.server)));
        }
        worst(all)
    })
    .advised(format!("publish one TXT at {name}: \"{}\"", super::fragments::dmarc_record(domain)), "RFC 9989")
}

fn judged_dmarc(records: &[&str], wanted: Policy) -> (Verdict, String) {
    let record = match records {
        [record] => record,
        [] => return (Verdict::Fail, "no DMARC record".to_owned()),
        many => return (Verdict::Fail, format!("{} DMARC records: receivers then believe none", many.len())),
    };
    let tags = tags(record);
    let policy = tags.iter().find_map(|(name, value)| (*name == "p").then_some(*value));
    if policy != Some(wanted.as_str()) {
        let found = policy.map_or_else(|| "absent".to_owned(), |policy| format!("`{}`", policy.escape_debug()));
        return (Verdict::Fail, format!("the policy is {found}, not `{}`", wanted.as_str()));
    }
    if let Some((name, _)) = tags.iter().find(|(name, _)| matches!(*name, "pct" | "rf" | "ri")) {
        return (Verdict::Warn, format!("`{name}` is there, which RFC 9989 dropped"));
    }
    match wanted {
        Policy::None => (Verdict::Warn, "p=none asks receivers to do nothing".to_owned()),
        Policy::Quarantine | Policy::Reject => (Verdict::Pass, format!("one record, p={}", wanted.as_str())),
    }
}

fn dmarc_rua(domain: &Domain) -> Check {
    let name = domain.name.to_string();
    let wanted: Vec<String> = domain.dmarc.report_to.iter().map(ToString::to_string).collect();
    let expected = wanted.clone();
    let mut check = check(
        "mail.dmarc.rua",
        name.clone(),
        vec![dns_resolved(&domain.name.child("_dmarc"), RecordType::Txt)],
        move |seen| {
            let Some((first, permissions)) = seen.split_first() else { return Judgement::unknown("nothing was asked") };
            let answer = answered!(dns(first));
            let records = dmarc_records(answer);
            let mailboxes = records.first().map(|record| mailboxes(record)).unwrap_or_default();
            // The processors are whoever the record names: their number is bounded, as receivers bound it.
            let foreign: BTreeSet<&str> = mailboxes
                .iter()
                .filter_map(|mailbox| mailbox.rsplit_once('@').map(|(_, host)| host))
                .filter(|host| !same_organisation(&name, host))
                .take(10)
                .collect();
            if permissions.is_empty() && !foreign.is_empty() {
                let ask = foreign.iter().map(|host| dns_resolved(&report_permission(&name, host), RecordType::Txt));
                return Judgement::Ask(ask.collect());
            }
            for (host, observation) in foreign.iter().zip(permissions) {
                let answer = answered!(dns(observation));
                if dmarc_records(answer).is_empty() {
                    return Judgement::fail(format!(
                        "{host} has not agreed to take reports on {name}: there is no {}",
                        report_permission(&name, host)
                    ));
                }
            }
            match wanted.iter().find(|mailbox| !mailboxes.contains(&mailbox.as_str())) {
                Some(missing) => Judgement::fail(format!("no report goes to {missing}")),
                None => Judgement::pass(format!("reports go to {}", listed(&mailboxes))),
            }
        },
    )
    .advised(
        format!("send reports to {}; another domain's owner must publish the permission", listed(&expected)),
        "RFC 9990",
    );
    check.blocked_by = vec!["mail.dmarc.record"];
    check
}

/// The mailboxes of `rua`, without size limits.
fn mailboxes(record: &str) -> Vec<&str> {
    let uris = tags(record).into_iter().find_map(|(name, value)| (name == "rua").then_some(value)).unwrap_or_default();
    uris.split(',')
        .filter_map(|uri| uri.trim().strip_prefix("mailto:"))
        .map(|mailbox| mailbox.split('!').next().unwrap_or_default())
        .collect()
}

/// Forward-confirmed reverse DNS: address to name, and the name back to the address.
fn ptr(sender: &Sender) -> Check {
    let (address, helo) = (sender.address, sender.helo.to_string());
    let back = if address.is_ipv4() { RecordType::A } else { RecordType::Aaaa };
    climbing("mail.ptr", address.to_string(), move |known| {
        let names = known.records(&reverse_name(address), RecordType::Ptr)?;
        let names: Vec<String> = names.into_iter().map(data_text).collect();
        match names.as_slice() {
            [] => return Ok(Judgement::fail(format!("{address} has no name: large receivers refuse its mail"))),
            [name] if *name == helo => {}
            others => return Ok(Judgement::fail(format!("{address} is called {}, not {helo}", listed(others)))),
        }
        let addresses: Vec<String> = known.records(&helo, back)?.into_iter().map(data_text).collect();
        Ok(match addresses.contains(&address.to_string()) {
            true => Judgement::pass(format!("{address} is {helo}, in both directions")),
            false => Judgement::fail(format!("{address} is called {helo}, which leads to {}", listed(&addresses))),
        })
    })
    .advised(
        format!("ask the owner of the address for the PTR record {} (dns/requests/ptr.md)", sender.helo),
        "RFC 1912 2.1; Google and Yahoo, rules for bulk senders 2024",
    )
}
