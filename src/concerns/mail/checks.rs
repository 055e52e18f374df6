//! What must be observable when `[mail]` is live. All of it is read from the DNS: no message is sent.

mod sending;
mod transport;

pub use sending::{KEY_DAYS, WARM_DAYS};

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::fragments::{selector_name, spf_policy};
use super::lookup::{Known, Stop, each, first_questions, replay};
use super::spf::{self, Mechanism, Outcome, Qualifier};
use super::{Domain, Mail, Policy, Selector, Sender, dkim, dmarc};
use crate::blueprint::Site;
use crate::blueprint::value::{HostName, KeyKind};
use crate::concerns::answer::{answered, authoritative, data_text, dns, listed};
use crate::concerns::ask::{dns_at, dns_resolved};
use crate::concerns::unverified::Unverified;
use crate::concerns::{Check, Judgement, OneOrMore, Safety, Verdict};
use crate::probe::{DnsAnswer, Observation, Probe, RecordData, RecordType, report_permission, reverse_name};

/// A pass about DNS is good for 15 minutes.
const VALID_FOR_SECONDS: u32 = 15 * 60;
/// From so many look-ups on, one more at a provider breaks the policy.
const MANY_LOOKUPS: usize = 9;

pub fn checks(mail: &Mail, site: &Site) -> OneOrMore<Check> {
    // As a drill left it.
    let mail = site.mail.as_ref().map_or(mail, |facts| &facts.table);
    let of_domains = mail.domains.iter().flat_map(|domain| of_domain(domain, site));
    let mut all = of_domains.chain(sending::checks(mail, site));
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
    checks.extend(domain.transport.as_ref().and_then(|declared| transport::coherent(domain, declared)));
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
            let both = |name: &String| [RecordType::A, RecordType::Aaaa].map(|kind| dns_resolved(name, kind));
            return Judgement::Ask(targets.iter().flat_map(both).collect());
        }
        for (both, target) in seen[whose.len().min(seen.len())..].chunks(2).zip(&targets) {
            let answers: Result<Vec<&DnsAnswer>, Judgement> = both.iter().map(dns).collect();
            let records: Vec<&RecordData> =
                answered!(answers).into_iter().flat_map(|answer| &answer.answers).map(|record| &record.data).collect();
            if records.iter().any(|data| matches!(data, RecordData::Cname(_))) {
                return Judgement::fail(format!("the mail server {target} is an alias (RFC 5321, section 5.1)"));
            }
            if !records.iter().any(|data| matches!(data, RecordData::A(_) | RecordData::Aaaa(_))) {
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
        "publish the whole key, divided into strings of 255 bytes and not off after the first; ask the provider for 2,048 bits",
        "RFC 6376 3.6.1; RFC 8301 3.2; RFC 8463",
    )
}

fn judged_key(answer: &DnsAnswer, wanted: Option<&str>) -> (Verdict, String) {
    let records: Vec<&str> = texts(answer).collect();
    let [record] = records.as_slice() else {
        return (Verdict::Fail, format!("{} TXT records where one key should be", records.len()));
    };
    let key = match dkim::read(record) {
        Ok(key) => key,
        Err(why) => return (Verdict::Fail, why),
    };
    if wanted.is_some_and(|wanted| wanted != key.text) {
        return (Verdict::Fail, "another key than the blueprint's".to_owned());
    }
    if key.is_test {
        return (Verdict::Warn, "`t=y`: receivers treat signed mail as unsigned".to_owned());
    }
    match key.kind {
        KeyKind::Ed25519 => (Verdict::Pass, "an Ed25519 key".to_owned()),
        KeyKind::Rsa { bits } if bits >= 2048 => (Verdict::Pass, format!("an RSA key of {bits} bits")),
        KeyKind::Rsa { bits } if bits >= 1024 => {
            let told = format!("an RSA key of {bits} bits, 2,048 are recommended ({})", Unverified::KeySize.said());
            (Verdict::Warn, told)
        }
        KeyKind::Rsa { bits } => (Verdict::Fail, format!("an RSA key of {bits} bits: receivers ignore it")),
    }
}

/// `mail.dmarc.record`: the domain's own record at each name server, and what receivers make of it on their walk up the
/// tree.
fn dmarc_record(domain: &Domain, site: &Site) -> Check {
    let name = domain.name.to_string();
    let mut ask = at_servers(site, &domain.name, &domain.name.child("_dmarc"), RecordType::Txt);
    let servers = ask.len();
    let wanted = domain.dmarc.policy;
    let envelope = domain.sends().then(|| domain.envelope().to_string());
    let is_signed = !domain.dkim.is_empty();
    let walks = {
        let names: Vec<String> = [name.clone()].into_iter().chain(envelope.clone()).collect();
        move |known: &Known<'_>| each(&names, |name| dmarc::walk(known, name))
    };
    ask.extend(first_questions(|known| walks(known).map(|_| Judgement::unknown("walked"))));
    let subject = name.clone();
    check("mail.dmarc.record", subject, ask, move |seen| {
        let (own, walked) = seen.split_at(servers.min(seen.len()));
        let mut all = Vec::new();
        let mut kept = None;
        for observation in own {
            let answer = answered!(authoritative(observation));
            let (verdict, because, record) = judged_dmarc(answer, wanted);
            all.push((verdict, format!("{}: {because}", answer.server)));
            kept = kept.or(record);
        }
        replay(walked, |known| {
            let walks = walks(known)?;
            let Some(walk) = walks.first() else { return Ok(worst(all.clone())) };
            let Some(record) = &kept else {
                let instead = walk.applied().filter(|(whose, _)| *whose != name).map_or_else(
                    || "receivers find none above it".to_owned(),
                    |(whose, record)| {
                        let asks = record.asks_below(true).map_or("nothing", Policy::as_str);
                        format!("receivers do what {whose} asks for: {asks}")
                    },
                );
                let told = all.iter().map(|(verdict, because)| (*verdict, format!("{because}; {instead}")));
                return Ok(worst(told));
            };
            let organisation = walk.organizational();
            let mut all = all.clone();
            all.extend(judged_below(record, organisation == name));
            if let (Some(envelope), Some(of_envelope)) = (&envelope, walks.get(1)) {
                let is_same =
                    if record.strict_spf { *envelope == name } else { organisation == of_envelope.organizational() };
                if !is_same && !is_signed {
                    all.push((
                        Verdict::Fail,
                        format!("no mail passes: {envelope} is not aligned, and nothing is signed"),
                    ));
                } else if !is_same {
                    let because = format!("{envelope} is not aligned with {name}: only DKIM lets mail pass");
                    all.push((Verdict::Warn, because));
                }
            }
            Ok(match worst(all) {
                Judgement::Say(Verdict::Pass, because) => {
                    Judgement::pass(format!("{because}; its organisation is {organisation}"))
                }
                other => other,
            })
        })
    })
    .advised(
        format!("publish one TXT at _dmarc.{}: \"{}\"", domain.name, super::fragments::dmarc_record(domain)),
        "RFC 9989 4.7, 4.10",
    )
}

/// One name server's answer; also the record, if it is one that counts.
fn judged_dmarc(answer: &DnsAnswer, wanted: Policy) -> (Verdict, String, Option<dmarc::Record>) {
    let records: Vec<&str> = texts(answer).filter(|text| dmarc::is_record(text)).collect();
    let record = match records.as_slice() {
        [record] => dmarc::read(record),
        [] => return (Verdict::Fail, "no DMARC record".to_owned(), None),
        many => {
            return (Verdict::Fail, format!("{} DMARC records: receivers then believe none", many.len()), None);
        }
    };
    let (verdict, because) = if let Some(fault) = record.faults.first() {
        (Verdict::Fail, fault.clone())
    } else if record.policy != Some(wanted) {
        let found = record.policy.map_or("absent", Policy::as_str);
        (Verdict::Fail, format!("the policy is `{found}`, not `{}`", wanted.as_str()))
    } else if record.asks() != Some(wanted) {
        let asks = record.asks().map_or("nothing", Policy::as_str);
        (Verdict::Fail, format!("`t=y`: receivers do what `{asks}` asks for, not `{}`", wanted.as_str()))
    } else if record.suffix == dmarc::Suffix::Yes {
        (Verdict::Fail, "`psd=y`: receivers take the name for one below which others register".to_owned())
    } else if let Some(what) = record.ignored.first() {
        (Verdict::Warn, what.clone())
    } else if wanted == Policy::None {
        (Verdict::Warn, "p=none asks receivers to do nothing".to_owned())
    } else {
        (Verdict::Pass, format!("one record, p={}", wanted.as_str()))
    };
    (verdict, because, Some(record))
}

/// What a record lets happen in names below; of a name within an organisation that has a record, it says nothing.
fn judged_below(record: &dmarc::Record, is_organisation: bool) -> Option<(Verdict, String)> {
    let asks_something = record.asks().is_some_and(|policy| policy != Policy::None);
    let open = |exists| is_organisation && asks_something && record.asks_below(exists) == Some(Policy::None);
    match (open(true), open(false)) {
        (true, _) => Some((Verdict::Warn, "`sp=none`: names below may be forged".to_owned())),
        (_, true) => Some((Verdict::Warn, "`np=none`: names below that do not exist may be forged".to_owned())),
        _ => None,
    }
}

/// Most other organisations that are asked whether they agree: the record names them, and receivers bound it too.
const PROCESSORS: usize = 10;

/// `mail.dmarc.rua`: the declared mailboxes are in the record that applies, and whoever is another organisation, by the
/// walk up the tree, has agreed.
fn dmarc_rua(domain: &Domain) -> Check {
    let name = domain.name.to_string();
    let wanted: Vec<String> = domain.dmarc.report_to.iter().map(ToString::to_string).collect();
    let expected = wanted.clone();
    let mut check = climbing("mail.dmarc.rua", name.clone(), move |known| {
        let walk = dmarc::walk(known, &name)?;
        let Some((whose, record)) = walk.applied() else { return Ok(Judgement::fail("no DMARC record")) };
        let hosts: BTreeSet<String> = record
            .reports_to
            .iter()
            .filter_map(|mailbox| mailbox.rsplit_once('@').map(|(_, host)| host.to_ascii_lowercase()))
            .take(PROCESSORS)
            .collect();
        let organisation = if *whose == name {
            walk.organizational().to_owned()
        } else {
            dmarc::walk(known, whose)?.organizational().to_owned()
        };
        let foreign = each(&hosts, |host| Ok((host, dmarc::walk(known, host)?.organizational() != organisation)))?;
        let foreign = foreign.into_iter().filter_map(|(host, is_foreign)| is_foreign.then_some(host));
        let agreed = each(foreign, |host| {
            let permission = report_permission(whose, host);
            let found = known.records(&permission, RecordType::Txt)?;
            let agrees = found.iter().any(|data| matches!(data, RecordData::Txt(text) if dmarc::is_record(text)));
            Ok((host, permission, agrees))
        })?;
        if let Some((host, permission, _)) = agreed.iter().find(|(_, _, agrees)| !agrees) {
            return Ok(Judgement::fail(format!(
                "{host} has not agreed to take reports on {whose}: there is no {permission}"
            )));
        }
        let is_there = |mailbox: &&String| record.reports_to.iter().any(|found| found.eq_ignore_ascii_case(mailbox));
        Ok(match wanted.iter().find(|mailbox| !is_there(mailbox)) {
            Some(missing) => Judgement::fail(format!("no report goes to {missing}")),
            None => Judgement::pass(format!("reports go to {}", listed(&record.reports_to))),
        })
    })
    .advised(
        format!("send reports to {}; another organisation must publish the permission", listed(&expected)),
        "RFC 9989 4.10; RFC 9990 4",
    );
    check.blocked_by = vec!["mail.dmarc.record"];
    check
}

const PTR_SOURCE: &str = "RFC 1912 2.1; Google and Yahoo, rules for bulk senders 2024; Microsoft 2025";

/// `mail.ptr`: forward-confirmed reverse DNS, address to name, and the name back to the address.
fn ptr(sender: &Sender) -> Check {
    let judged = sender.clone();
    climbing("mail.ptr", sender.address.to_string(), move |known| {
        Ok(match faults_of_ptr(known, &judged)? {
            Some(fault) => Judgement::fail(fault),
            None if is_generic(judged.address, judged.helo.as_str()) => Judgement::warn(format!(
                "{} is {}, in both directions, and is called by its numbers, as the lines of households are",
                judged.address, judged.helo
            )),
            None => Judgement::pass(format!("{} is {}, in both directions", judged.address, judged.helo)),
        })
    })
    .advised(
        format!("ask the owner of the address for the PTR record {} (dns/requests/ptr.md)", sender.helo),
        PTR_SOURCE,
    )
}

/// Whether a name spells the address, forwards or backwards, as providers call addresses that nobody named.
fn is_generic(address: IpAddr, name: &str) -> bool {
    let IpAddr::V4(v4) = address else { return false };
    let numbers: Vec<u32> = name.split(|c: char| !c.is_ascii_digit()).filter_map(|text| text.parse().ok()).collect();
    let forwards = v4.octets().map(u32::from);
    let mut backwards = forwards;
    backwards.reverse();
    numbers.windows(forwards.len()).any(|four| four == forwards || four == backwards)
}

/// What is wrong with the name of an address, if anything.
fn faults_of_ptr(known: &Known<'_>, sender: &Sender) -> Result<Option<String>, Stop> {
    let (address, helo) = (sender.address, sender.helo.as_str());
    let back = if address.is_ipv4() { RecordType::A } else { RecordType::Aaaa };
    let names: Vec<String> =
        known.records(&reverse_name(address), RecordType::Ptr)?.into_iter().map(data_text).collect();
    match names.as_slice() {
        [] => return Ok(Some(format!("{address} has no name: large receivers refuse its mail"))),
        [name] if name == helo => {}
        others => return Ok(Some(format!("{address} is called {}, not {helo}", listed(others)))),
    }
    let addresses: Vec<String> = known.records(helo, back)?.into_iter().map(data_text).collect();
    Ok(match addresses.contains(&address.to_string()) {
        true => None,
        false => Some(format!("{address} is called {helo}, which leads to {}", listed(&addresses))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::answer::made_up::{check, records, sample, verdict};
    use crate::probe::Rcode;

    #[test]
    fn a_mail_server_may_have_addresses_of_one_kind_alone() {
        let (blueprint, site) = sample(&[]);
        let check = check(&blueprint, &site, "dns.mx.intent", "courriel.reserve-civique.gouv.fr");
        let first: Vec<Observation> = check
            .ask
            .iter()
            .map(|probe| {
                let Probe::Dns(asked) = probe else { panic!("{probe:?}") };
                let facts = site.mail.as_ref().expect("mail");
                let domain = facts.table.domains.iter().find(|domain| domain.name.as_str() == check.subject);
                let wanted = domain.expect("a domain").exchanges_of_names();
                let (_, exchanges) = wanted.into_iter().find(|(name, _)| name.as_str() == asked.name).expect("a name");
                let exchanges: Vec<String> = exchanges
                    .map_or_else(|| vec![".".to_owned()], |all| all.into_iter().map(ToString::to_string).collect());
                let set: Vec<_> = exchanges
                    .into_iter()
                    .map(|exchange| (asked.name.as_str(), 300, RecordData::Mx { preference: 10, exchange }))
                    .collect();
                records(Rcode::NoError, &set)
            })
            .collect();
        let Judgement::Ask(more) = (check.judge)(&first) else { panic!("the servers are asked for") };
        let v4 = || records(Rcode::NoError, &[("mx.example", 300, RecordData::A([192, 0, 2, 25].into()))]);
        let v6 = || records(Rcode::NoError, &[("mx.example", 300, RecordData::Aaaa("2001:db8::25".parse().unwrap()))]);
        let none = || records(Rcode::NoError, &[]);
        let alias = || records(Rcode::NoError, &[("mx.example", 300, RecordData::Cname("a.example".to_owned()))]);
        for (both, wanted) in [
            ([v4(), v6()], Verdict::Pass),
            ([v4(), none()], Verdict::Pass),
            ([none(), v6()], Verdict::Pass),
            ([none(), none()], Verdict::Fail),
            ([alias(), alias()], Verdict::Fail),
        ] {
            let answers = (0..more.len() / 2).flat_map(|_| both.clone());
            let seen: Vec<Observation> = first.iter().cloned().chain(answers).collect();
            assert_eq!(verdict(&check, &seen), Some(wanted), "{both:?}");
        }
    }

    #[test]
    fn names_that_spell_the_address_are_generic() {
        let address = "203.0.113.25".parse().expect("an address");
        for (name, wanted) in [
            ("203-0-113-25.dynamic.example.net", true),
            ("host25.113.0.203.example.net", true),
            ("static.203.0.113.25.example.net", true),
            ("mail1.example.net", false),
            ("mail-203-25.example.net", false),
        ] {
            assert_eq!(is_generic(address, name), wanted, "{name}");
        }
    }
}
