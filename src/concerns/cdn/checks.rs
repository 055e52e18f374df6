//! What must be observable when `[cdn]` is live: the name leads to the edge, and the edge speaks TLS well.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Cdn, Setup};
use crate::blueprint::Site;
use crate::blueprint::value::HostName;
use crate::concerns::answer::{
    self, answered, answered_or_later, authoritative, cache_status, cloudflare, http, is_hit, listed, resolved,
};
use crate::concerns::ask::{NONCE, cloudflare_account, cloudflare_zone, dns_at, dns_resolved, get, handshake};
use crate::concerns::fragment::pool_name;
use crate::concerns::tls;
use crate::concerns::{Check, Judgement, OneOrMore, Safety, Verdict};
use crate::probe::{DnsAnswer, DnsRecord, Observation, Rcode, RecordData, RecordType, Scheme, Target};
use crate::providers::cloudflare;
use ipnet::IpNet;
use jiff::SignedDuration;

/// A pass about DNS is good for 15 minutes.
const DNS_VALID_FOR_SECONDS: u32 = 15 * 60;

pub fn checks(cdn: &Cdn, site: &Site) -> OneOrMore<Check> {
    let mut more = Vec::new();
    if cdn.load_balancer.is_some() {
        more.push(pool(cdn, site));
    }
    if !cdn.response_headers.is_empty() {
        more.push(headers(cdn, site));
    }
    let further = site.hosts.iter().map(|host| &host.name).filter(|name| **name != site.host);
    let mut rest = of_served(&site.host, cdn, site);
    rest.extend(zone_mode(cdn, site));
    for name in further {
        rest.push(host_target(name, site));
        rest.extend(of_served(name, cdn, site));
    }
    rest.extend(more);
    OneOrMore(host_target(&site.host, site), rest)
}

/// Codes by which the edge says that it reached an origin and did not believe it (Cloudflare docs,
/// support/troubleshooting/http-status-codes/cloudflare-5xx-errors).
const NOT_BELIEVED: [u16; 2] = [525, 526];

/// `tls.origin.strict`: the edge believes an origin by its certificate alone, each origin has one, and the edge does not say
/// that it had to refuse one.
fn origin_strict(name: &HostName, cdn: &Cdn, site: &Site) -> Check {
    let mut ask = cloudflare_zone(site, "/settings/ssl");
    ask.extend(cdn.origins.iter().map(|origin| handshake(name, Target::Pinned(*origin), 0)));
    ask.push(get(Scheme::Https, name, "/").into());
    let host = name.to_string();
    Check {
        id: "tls.origin.strict",
        subject: host.clone(),
        // Straight to the origins.
        safety: Safety::S2,
        blocked_by: vec![],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let [setting, handshakes @ .., page] = seen else {
                return Judgement::unknown("nothing was asked");
            };
            // What else the page may be, other checks say.
            let mut untested = match http(page) {
                Ok(page) if NOT_BELIEVED.contains(&page.status) => {
                    return Judgement::fail(format!(
                        "the edge answers {}: it does not believe the origin",
                        page.status
                    ));
                }
                Ok(_) => None,
                Err(Judgement::Say(_, because)) => Some(Judgement::unknown(because)),
                Err(asks) => Some(asks),
            };
            let mode = &answered!(cloudflare(setting))["value"];
            if mode != "strict" {
                return Judgement::fail(format!(
                    "the edge's mode is {mode}: anybody between edge and origin is believed"
                ));
            }
            for observation in handshakes {
                let answer = answered_or_later!(answer::tls(observation), untested);
                if let Some(error) = &answer.verify_error {
                    return Judgement::fail(format!(
                        "{} has no good certificate for {host}: {error}",
                        answer.connected
                    ));
                }
            }
            let origins = handshakes.len();
            untested
                .unwrap_or_else(|| Judgement::pass(format!("strict, and {origins} origins have a good certificate")))
        }),
        remedy: format!("install a certificate for {name} on each origin, then set the mode to strict"),
        source: "Cloudflare docs, ssl/origin-configuration/ssl-modes/full-strict",
        valid_for_seconds: tls::VALID_FOR_SECONDS,
    }
}

/// `tls.preissued`: the ordered certificate is there before the first visitor.
fn preissued(host: &HostName, site: &Site) -> Check {
    let day_before = site.announcement - SignedDuration::from_hours(24);
    let host = host.to_string();
    Check {
        id: "tls.preissued",
        subject: host.clone(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: cloudflare_zone(site, "/ssl/certificate_packs?status=all"),
        judge: Box::new(move |seen| {
            let packs = answered!(cloudflare(&seen[0])).as_array().map(Vec::as_slice).unwrap_or_default();
            let parent = host.split_once('.').map(|(_, parent)| format!("*.{parent}")).unwrap_or_default();
            let covers = |name: &serde_json::Value| name == host.as_str() || name == parent.as_str();
            let of_host = packs.iter().filter(|pack| pack["hosts"].as_array().into_iter().flatten().any(covers));
            let states: Vec<&str> = of_host.filter_map(|pack| pack["status"].as_str()).collect();
            if states.contains(&"active") {
                return Judgement::pass(format!("a certificate for {host} is active"));
            }
            let is_late = matches!(&seen[0], Observation::Api(answer) if answer.at >= day_before);
            match states.as_slice() {
                [] => Judgement::fail(format!("no certificate was ordered for {host}")),
                states if is_late => Judgement::fail(format!("the certificate is not there yet: {}", listed(states))),
                states => Judgement::warn(format!(
                    "the certificate is not there yet: {}; due {day_before}, a day before the announcement",
                    listed(states)
                )),
            }
        }),
        remedy: "publish the validation record that the order shows, or the first visitors see TLS errors".to_owned(),
        source: "JVA-2; Cloudflare docs, ssl/edge-certificates/changing-dcv-method",
        valid_for_seconds: tls::VALID_FOR_SECONDS,
    }
}

/// `origin.pool`: the load balancer knows every origin, and none is switched off.
fn pool(cdn: &Cdn, site: &Site) -> Check {
    let name = pool_name(site.host.as_str());
    let wanted: Vec<String> = cdn.origins.iter().map(ToString::to_string).collect();
    let path = format!("/load_balancers/pools/{name}");
    Check {
        id: "origin.pool",
        subject: name,
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: cloudflare_account(site, &path),
        judge: Box::new(move |seen| {
            let pool = answered!(cloudflare(&seen[0]));
            if pool["enabled"] == false {
                return Judgement::fail("the pool is switched off");
            }
            let held = pool["origins"].as_array().map(Vec::as_slice).unwrap_or_default();
            for origin in &wanted {
                match held.iter().find(|held| held["address"] == origin.as_str()) {
                    None => return Judgement::fail(format!("{origin} is not in the pool")),
                    Some(held) if held["enabled"] == false || held["weight"] == 0 => {
                        return Judgement::fail(format!("{origin} is switched off in the pool"));
                    }
                    Some(_) => {}
                }
            }
            match held.len() == wanted.len() {
                true => Judgement::pass(format!("{} origins, all switched on", wanted.len())),
                false => Judgement::fail(format!("{} origins, {} are ours", held.len(), wanted.len())),
            }
        }),
        remedy: "switch the origin on again, or apply terraform/".to_owned(),
        source: "JVA-2, JVA-12",
        valid_for_seconds: DNS_VALID_FOR_SECONDS,
    }
}

/// `cdn.headers`.
fn headers(cdn: &Cdn, site: &Site) -> Check {
    let home = site.pages.first().map_or("/", |page| page.as_str());
    let wanted: Vec<(String, Option<String>)> = cdn
        .response_headers
        .iter()
        .map(|header| (header.name.as_str().to_ascii_lowercase(), header.set.as_ref().map(ToString::to_string)))
        .collect();
    Check {
        id: "cdn.headers",
        subject: site.host.to_string(),
        safety: Safety::S1,
        blocked_by: vec!["dns.host.target", "tls.chain", "waf.clean"],
        disturbs: false,
        ask: vec![get(Scheme::Https, &site.host, home).into()],
        judge: Box::new(move |seen| {
            let answer = answered!(http(&seen[0]));
            for (name, value) in &wanted {
                match (answer.header(name), value) {
                    (Some(found), None) => return Judgement::fail(format!("{name} is still sent: {found}")),
                    (None, Some(_)) => return Judgement::fail(format!("{name} is missing")),
                    (Some(found), Some(value)) if found != value => {
                        return Judgement::fail(format!("{name} is `{found}`, not `{value}`"));
                    }
                    _ => {}
                }
            }
            Judgement::pass(format!("{} headers as declared", wanted.len()))
        }),
        remedy: "apply the response headers ruleset".to_owned(),
        source: "Cloudflare docs, rules/transform/response-header-modification",
        valid_for_seconds: tls::VALID_FOR_SECONDS,
    }
}

/// What holds once the name leads to the edge.
fn of_served(host: &HostName, cdn: &Cdn, site: &Site) -> Vec<Check> {
    let (leads, speaks) = ("dns.host.target", "tls.chain");
    let home = get(Scheme::Https, host, "/");
    let mut all = vec![
        chain(host),
        tls::expiry(host, Target::Resolved, host.to_string(), site.announcement, vec![leads]),
        tls::versions(host, Target::Resolved, host.to_string(), vec![leads]),
        tls::ocsp(host, Target::Resolved, host.to_string(), vec![leads]),
        tls::hsts(host.to_string(), home, cdn.hsts_max_age_seconds, vec![leads, speaks]),
        upgrade(host),
        acme_path(host),
        origin_strict(host, cdn, site),
    ];
    if cdn.certificate.is_some() {
        all.push(preissued(host, site));
    }
    all
}

/// Below this domain are the name servers that the CDN assigns (Cloudflare docs, dns/nameservers).
const CDN_SERVERS: &str = ".ns.cloudflare.com";

/// `dns.zone.mode`: the zone is the CDN's or somebody else's, as declared, at its servers and at the CDN itself. Of a
/// partial zone the record stays that shows whose it is: without it the CDN lets the zone go. Of a full zone the servers
/// are those that the CDN assigned, which it alone can tell, as they may have names of the owner's.
fn zone_mode(cdn: &Cdn, site: &Site) -> Option<Check> {
    let zone = site.zones.iter().find(|zone| zone.name == cdn.zone)?;
    let servers = zone.servers.len();
    let owner = zone.name.to_string();
    let key = match cdn.setup {
        Setup::Full => None,
        Setup::Partial => Some(cdn.verification_key.as_ref()?.to_string()),
    };
    let verification = cloudflare::verification_name(&cdn.zone);
    let at_each = |name: &str, kind| -> Vec<_> { zone.servers.iter().map(|(_, ip)| dns_at(*ip, name, kind)).collect() };
    let mut ask = at_each(&owner, RecordType::Ns);
    if key.is_some() {
        ask.extend(at_each(&verification, RecordType::Txt));
    }
    ask.extend(cloudflare_zone(site, ""));
    let subject = owner.clone();
    Some(Check {
        id: "dns.zone.mode",
        subject,
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let Some((at_cdn, at_servers)) = seen.split_last() else {
                return Judgement::unknown("nothing was asked");
            };
            let (delegations, keys) = at_servers.split_at(servers.min(at_servers.len()));
            let mut untested = None;
            let mut names = BTreeSet::new();
            for observation in delegations {
                let answer = answered_or_later!(authoritative(observation), untested);
                let of_zone = answer.answers.iter().filter(|record| record.name == owner);
                names.extend(of_zone.filter_map(|record| match &record.data {
                    RecordData::Ns(name) => Some(name.clone()),
                    _ => None,
                }));
            }
            if let Some(key) = &key {
                if let Some(assigned) = names.iter().find(|name| name.ends_with(CDN_SERVERS)) {
                    return Judgement::fail(format!("declared partial, and the zone lists the CDN's {assigned}"));
                }
                for observation in keys {
                    let answer = answered_or_later!(authoritative(observation), untested);
                    let is_there = |record: &DnsRecord| record.data == RecordData::Txt(key.clone());
                    if !answer.answers.iter().any(is_there) {
                        return Judgement::fail(format!(
                            "{verification} is not the verification key at {}",
                            answer.server
                        ));
                    }
                }
            }
            let told = match answer::cloudflare(at_cdn) {
                Ok(told) => told,
                Err(Judgement::Say(Verdict::Unknown, why)) => {
                    let of_cdn = format!("the servers answer as declared; of the CDN's side: {why}");
                    return untested.unwrap_or_else(|| Judgement::unknown(of_cdn));
                }
                Err(judgement) => return judgement,
            };
            let declared = if key.is_some() { "partial" } else { "full" };
            if told["type"] != declared {
                return Judgement::fail(format!("the CDN holds the zone as {}, declared is {declared}", told["type"]));
            }
            if told["status"] != "active" || told["paused"] == true {
                let state = if told["paused"] == true { "paused".to_owned() } else { told["status"].to_string() };
                return Judgement::fail(format!("at the CDN the zone is {state}, not active"));
            }
            if key.is_none() {
                let assigned = |list: &str| told[list].as_array().cloned().unwrap_or_default();
                let assigned: BTreeSet<String> = [assigned("name_servers"), assigned("vanity_name_servers")]
                    .concat()
                    .iter()
                    .filter_map(|name| Some(name.as_str()?.to_ascii_lowercase()))
                    .collect();
                if let Some(other) = names.iter().find(|name| !assigned.contains(*name)) {
                    return Judgement::fail(format!("the zone lists {other}, which the CDN did not assign"));
                }
            }
            untested.unwrap_or_else(|| Judgement::pass(format!("{declared} and active, at the CDN and at the servers")))
        }),
        remedy: "partial: have the verification TXT published and kept (Business plan or higher); full: have the zone \
                 delegated to the servers that the CDN shows"
            .to_owned(),
        source: "JVA-16; Cloudflare docs, dns/zone-setups/partial-setup",
        valid_for_seconds: DNS_VALID_FOR_SECONDS,
    })
}

/// `dns.host.target`. At every authoritative server, and through the resolvers of this run; the catalogue's other
/// public resolvers can be given with `--resolver`.
fn host_target(name: &HostName, site: &Site) -> Check {
    let host = name.to_string();
    let servers: Vec<IpAddr> =
        site.zone_of(name).map(|zone| zone.servers.iter().map(|(_, ip)| *ip).collect()).unwrap_or_default();
    const TYPES: [RecordType; 2] = [RecordType::A, RecordType::Aaaa];
    let mut ask: Vec<_> =
        servers.iter().flat_map(|server| TYPES.map(|record_type| dns_at(*server, &host, record_type))).collect();
    ask.extend(TYPES.map(|record_type| dns_resolved(&host, record_type)));
    let target = site.cdn.as_ref().filter(|cdn| cdn.setup == Setup::Partial).map(|_| cloudflare::partial_target(name));
    let ranges = site.cdn.as_ref().map(|cdn| cdn.ranges.clone()).unwrap_or_default();
    let wanted =
        target.clone().map_or_else(|| "the addresses of the CDN".to_owned(), |target| format!("CNAME {target}"));
    let want = wanted.clone();
    let owner = host.clone();
    Check {
        id: "dns.host.target",
        subject: host,
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let Some((at_servers, at_resolvers)) = seen.split_last_chunk::<{ TYPES.len() }>() else {
                return Judgement::unknown("nothing was asked");
            };
            let mut untested = None;
            for of_server in at_servers.chunks(TYPES.len()) {
                let of_server: Result<Vec<_>, _> = of_server.iter().map(authoritative).collect();
                let of_server = answered_or_later!(of_server, untested);
                if let Err(seen) = leads_to_cdn(&of_server, &owner, target.as_deref(), &ranges) {
                    let server = of_server.first().map_or("nobody", |answer| &answer.server);
                    return Judgement::fail(format!("{server} answers {seen}; wanted {want}"));
                }
            }
            let mut addresses = BTreeSet::new();
            let mut aliases = 0;
            for observation in at_resolvers {
                let answer = answered!(resolved(observation));
                if answer.rcode != Rcode::NoError {
                    return Judgement::fail(format!("resolvers answer {} for {owner}", answer.rcode.as_str()));
                }
                addresses.extend(addresses_of(answer));
                aliases = answer.answers.iter().filter(|r| matches!(r.data, RecordData::Cname(_))).count();
            }
            let outside: Vec<String> =
                addresses.iter().filter(|ip| !within(**ip, &ranges)).map(ToString::to_string).collect();
            if addresses.is_empty() {
                return Judgement::fail(format!("resolvers find no address for {owner}"));
            }
            if !outside.is_empty() {
                return Judgement::fail(format!("{} is not an address of the CDN", listed(&outside)));
            }
            if let Some(untested) = untested {
                return untested;
            }
            if aliases > 3 {
                return Judgement::warn(format!("the name passes through {aliases} aliases before the CDN"));
            }
            let found: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            Judgement::pass(format!(
                "{} servers and the resolvers lead to {}",
                at_servers.len() / TYPES.len(),
                listed(&found)
            ))
        }),
        remedy: format!("have {name} pointed to {wanted}: as it is, visitors bypass the CDN"),
        source: "JVA-2, JVA-11; Cloudflare docs, dns/zone-setups/partial-setup",
        valid_for_seconds: DNS_VALID_FOR_SECONDS,
    }
}

/// What one authoritative server says of the host, type by type: `Err` with the answers in words when they miss the
/// CDN.
fn leads_to_cdn(answers: &[&DnsAnswer], host: &str, target: Option<&str>, ranges: &[IpNet]) -> Result<(), String> {
    let of_host = |answer: &DnsAnswer| -> Vec<RecordData> {
        answer.answers.iter().filter(|record| record.name == host).map(|record| record.data.clone()).collect()
    };
    let good = match target {
        Some(target) => {
            let alias = [RecordData::Cname(target.to_owned())];
            answers.iter().all(|answer| of_host(answer) == alias)
        }
        None => {
            let found: Vec<IpAddr> = answers.iter().flat_map(|answer| addresses_of(answer)).collect();
            !found.is_empty() && found.iter().all(|ip| within(*ip, ranges))
        }
    };
    if good {
        return Ok(());
    }
    let texts: BTreeSet<String> =
        answers.iter().flat_map(|answer| of_host(answer)).map(|data| answer::data_text(&data)).collect();
    match answers.first() {
        Some(answer) if texts.is_empty() => Err(format!("nothing ({})", answer.rcode.as_str())),
        _ => Err(listed(&texts.iter().collect::<Vec<_>>())),
    }
}

fn addresses_of(answer: &DnsAnswer) -> impl Iterator<Item = IpAddr> {
    answer.answers.iter().filter_map(|record| match &record.data {
        RecordData::A(ip) => Some(IpAddr::V4(*ip)),
        RecordData::Aaaa(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    })
}

fn within(ip: IpAddr, ranges: &[IpNet]) -> bool {
    ranges.iter().any(|range| range.contains(&ip))
}

fn chain(host: &HostName) -> Check {
    let name = host.to_string();
    let owner = name.clone();
    Check {
        id: "tls.chain",
        subject: name,
        safety: Safety::S1,
        blocked_by: vec!["dns.host.target"],
        disturbs: false,
        ask: vec![handshake(host, Target::Resolved, 0)],
        judge: Box::new(move |seen| {
            let answer = answered!(answer::tls(&seen[0]));
            match &answer.verify_error {
                None => Judgement::pass(format!(
                    "{} certificates over {} verify for {owner}",
                    answer.chain_length, answer.protocol
                )),
                Some(error) => Judgement::fail(format!("{} presents a chain that fails: {error}", answer.connected)),
            }
        }),
        remedy: format!("serve a certificate that covers {host} together with its intermediates"),
        source: "RFC 5280 6; RFC 9525; JVA-2",
        valid_for_seconds: tls::VALID_FOR_SECONDS,
    }
}

fn upgrade(host: &HostName) -> Check {
    // With a path and a query, which a redirect to the home page would lose.
    const KEPT: &str = "/golive/upgrade?x=1&y=%26";
    let plain = get(Scheme::Http, host, KEPT);
    let secure = get(Scheme::Https, host, KEPT);
    let expected = secure.url();
    let plain_url = plain.url();
    Check {
        id: "tls.upgrade",
        subject: host.to_string(),
        safety: Safety::S1,
        blocked_by: vec!["dns.host.target", "tls.chain"],
        disturbs: false,
        ask: vec![plain.into()],
        judge: Box::new(move |seen| {
            let answer = answered!(http(&seen[0]));
            let location = answer.header("location").unwrap_or_default();
            if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                return Judgement::fail(format!("{plain_url} answers {} over plain http", answer.status));
            }
            if location != expected {
                return Judgement::fail(format!("{plain_url} leads to `{location}`, not to {expected}"));
            }
            let Some(second) = seen.get(1) else { return Judgement::Ask(vec![secure.clone().into()]) };
            let landed = answered!(http(second));
            let next = landed.header("location").unwrap_or_default();
            if (300..400).contains(&landed.status) && (next == expected || next.starts_with("http://")) {
                return Judgement::fail(format!("a loop: {expected} sends back to {next}"));
            }
            // The edge's own answers carry no cache status (Cloudflare docs, cache/concepts/cache-responses).
            if cache_status(answer).is_some() {
                return Judgement::warn("the origin redirects, not the edge: each plain request costs the app one");
            }
            match answer.status {
                301 | 308 => Judgement::pass(format!("http answers {} to {expected}", answer.status)),
                status => Judgement::warn(format!("http answers {status}, which browsers do not remember: use 301")),
            }
        }),
        remedy: "redirect http to https at the edge, host, path and query kept".to_owned(),
        source: "JVA-2; RFC 9110 15.4",
        valid_for_seconds: tls::VALID_FOR_SECONDS,
    }
}

fn acme_path(host: &HostName) -> Check {
    let path = format!("/.well-known/acme-challenge/golive-{NONCE}");
    let same_under_https = format!("https://{host}/.well-known/acme-challenge/");
    Check {
        id: "tls.acme.path",
        subject: host.to_string(),
        safety: Safety::S1,
        blocked_by: vec!["dns.host.target"],
        disturbs: false,
        ask: vec![get(Scheme::Http, host, &path).into()],
        judge: Box::new(move |seen| {
            let answer = answered!(http(&seen[0]));
            if answer.header("cf-mitigated").is_some() {
                return Judgement::fail("the edge challenges the path: the origin's certificate cannot renew");
            }
            if is_hit(answer) {
                return Judgement::fail("the edge answers from its cache: a renewal would read an old token");
            }
            match answer.status {
                404 => Judgement::pass("an unknown token gets the origin's 404 over plain http"),
                301 | 302 | 307 | 308 => {
                    let location = answer.header("location").unwrap_or("nowhere");
                    let text = format!("plain http is redirected to {location}");
                    if location.starts_with(&same_under_https) {
                        Judgement::warn(format!("{text}: some hosts' renewals do not follow"))
                    } else {
                        Judgement::fail(format!("{text}: no token would be found there"))
                    }
                }
                status => Judgement::fail(format!("an unknown token gets {status}, not the origin's 404")),
            }
        }),
        remedy: "let plain http through for /.well-known/acme-challenge/, or the origin's certificate cannot renew"
            .to_owned(),
        source: "RFC 8555 8.3; Scalingo docs, platform/networking/public",
        valid_for_seconds: tls::VALID_FOR_SECONDS,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::concerns::answer::made_up::{check, failed, page, records, sample, verdict};
    use crate::probe::{ApiAnswer, FailureKind, TlsAnswer};

    const ZONE: &str = "reserve-civique.gouv.fr";

    fn told(result: serde_json::Value) -> Observation {
        let body = json!({ "success": true, "result": result });
        Observation::Api(ApiAnswer { at: Timestamp::UNIX_EPOCH, status: 200, body })
    }

    fn lists(server: &str) -> Observation {
        records(Rcode::NoError, &[(ZONE, 3600, RecordData::Ns(server.to_owned()))])
    }

    #[test]
    fn a_partial_zone_keeps_its_key_and_is_active() {
        let (blueprint, site) = sample(&[]);
        let check = check(&blueprint, &site, "dns.zone.mode", ZONE);
        let key = |text: &str| {
            records(Rcode::NoError, &[("cloudflare-verify.made.up", 3600, RecordData::Txt(text.to_owned()))])
        };
        let (ours, good) = (|| lists("ns1.dns.example.net"), || key("284344499-1084221259"));
        let active = || told(json!({ "type": "partial", "status": "active", "paused": false }));
        let silent = || failed(FailureKind::TimedOut);
        let no_token = || Observation::NotAsked { because: "no token".to_owned() };
        for (seen, wanted) in [
            ([ours(), ours(), good(), good(), active()], Verdict::Pass),
            ([ours(), ours(), good(), key("another"), active()], Verdict::Fail),
            ([ours(), ours(), good(), records(Rcode::NxDomain, &[]), active()], Verdict::Fail),
            ([ours(), lists("amy.ns.cloudflare.com"), good(), good(), active()], Verdict::Fail),
            ([ours(), ours(), good(), good(), told(json!({ "type": "full", "status": "active" }))], Verdict::Fail),
            ([ours(), ours(), good(), good(), told(json!({ "type": "partial", "status": "pending" }))], Verdict::Fail),
            (
                [
                    ours(),
                    ours(),
                    good(),
                    good(),
                    told(json!({ "type": "partial", "status": "active", "paused": true })),
                ],
                Verdict::Fail,
            ),
            ([ours(), ours(), good(), good(), no_token()], Verdict::Unknown),
            ([ours(), ours(), key("another"), good(), no_token()], Verdict::Fail),
            ([ours(), silent(), good(), good(), active()], Verdict::Unknown),
            ([silent(), silent(), silent(), silent(), no_token()], Verdict::Unknown),
        ] {
            assert_eq!(verdict(&check, &seen), Some(wanted), "{seen:?}");
        }
    }

    const HOST: &str = "covid19.reserve-civique.gouv.fr";

    #[test]
    fn an_origin_that_the_edge_refuses_fails_whatever_the_mode() {
        let (blueprint, site) = sample(&[]);
        let check = check(&blueprint, &site, "tls.origin.strict", HOST);
        let mode = |mode: &str| told(json!({ "id": "ssl", "value": mode }));
        let shown = |error: Option<&str>| {
            Observation::Tls(TlsAnswer {
                at: Timestamp::UNIX_EPOCH,
                connected: "203.0.113.10:443".to_owned(),
                protocol: "TLSv1.3".to_owned(),
                verify_error: error.map(str::to_owned),
                leaf: None,
                chain_length: 2,
                staple: None,
            })
        };
        let fine = || page(200, &[], "");
        let no_token = || Observation::NotAsked { because: "no token".to_owned() };
        for (seen, wanted) in [
            ([mode("strict"), shown(None), shown(None), fine()], Verdict::Pass),
            ([mode("strict"), shown(None), shown(None), failed(FailureKind::TimedOut)], Verdict::Unknown),
            ([mode("strict"), shown(None), shown(Some("expired")), failed(FailureKind::TimedOut)], Verdict::Fail),
            ([mode("full"), shown(None), shown(None), fine()], Verdict::Fail),
            ([mode("strict"), shown(None), shown(Some("expired")), fine()], Verdict::Fail),
            ([mode("strict"), shown(None), shown(None), page(526, &[], "")], Verdict::Fail),
            ([no_token(), shown(None), shown(None), page(525, &[], "")], Verdict::Fail),
            ([no_token(), shown(None), shown(None), fine()], Verdict::Unknown),
        ] {
            assert_eq!(verdict(&check, &seen), Some(wanted), "{seen:?}");
        }
    }

    #[test]
    fn a_certificate_may_be_pending_until_the_day_before() {
        let (blueprint, site) = sample(&[]);
        let check = check(&blueprint, &site, "tls.preissued", HOST);
        let seen = |status: &str, hours_before: i64| {
            let body = json!({ "success": true, "result": [{ "hosts": [HOST], "status": status }] });
            let at = site.announcement - SignedDuration::from_hours(hours_before);
            [Observation::Api(ApiAnswer { at, status: 200, body })]
        };
        for (status, hours_before, wanted) in [
            ("active", 1, Verdict::Pass),
            ("pending_validation", 25, Verdict::Warn),
            ("pending_validation", 24, Verdict::Fail),
        ] {
            assert_eq!(verdict(&check, &seen(status, hours_before)), Some(wanted), "{status} {hours_before}");
        }
        assert_eq!(verdict(&check, &[told(json!([]))]), Some(Verdict::Fail), "nothing was ordered");
    }

    #[test]
    fn a_full_zone_has_the_servers_that_were_assigned() {
        let (blueprint, site) =
            sample(&[("setup = \"partial\"\nverification_key = \"284344499-1084221259\"\n", "setup = \"full\"\n")]);
        let check = check(&blueprint, &site, "dns.zone.mode", ZONE);
        let assigned =
            |list: &str| told(json!({ "type": "full", "status": "active", list: ["Amy.ns.cloudflare.com"] }));
        let listed = |server: &str| lists(server);
        for (server, list, wanted) in [
            ("amy.ns.cloudflare.com", "name_servers", Verdict::Pass),
            ("amy.ns.cloudflare.com", "vanity_name_servers", Verdict::Pass),
            ("amy.ns.cloudflare.com", "others", Verdict::Fail),
            ("ns1.dns.example.net", "name_servers", Verdict::Fail),
        ] {
            let seen = [listed(server), listed(server), assigned(list)];
            assert_eq!(verdict(&check, &seen), Some(wanted), "{server} {list}");
        }
    }
}
