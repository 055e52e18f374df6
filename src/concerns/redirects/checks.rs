//! What must be observable when `[redirects]` is live.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use super::{Redirects, Server};
use crate::blueprint::Site;
use crate::blueprint::value::HostName;
use crate::concerns::answer::{self, answered, answered_or_later, authoritative, data_text, http, listed};
use crate::concerns::ask::{dns_at, get, handshake};
use crate::concerns::{Check, Judgement, OneOrMore, Safety, tls};
use crate::probe::{
    FailureKind, HttpAnswer, HttpProbe, Observation, Probe, RecordData, RecordType, Sample, SamplesProbe, Scheme,
    Target,
};

/// A pass about DNS is good for 15 minutes, about redirects for an hour.
const DNS_VALID_FOR_SECONDS: u32 = 15 * 60;
const VALID_FOR_SECONDS: u32 = 3600;

/// A name that no blueprint can hold (RFC 2606), to see whether a server follows the client's Host.
const ALIEN: &str = "golive-alien.invalid";

pub fn checks(redirects: &Redirects, site: &Site) -> OneOrMore<Check> {
    let mut all: Vec<Check> = Vec::new();
    for server in &redirects.servers {
        for name in &server.names {
            all.push(addresses(name, server, site));
        }
        all.push(certificates(server));
        for address in &server.addresses {
            if let Some(name) = server.names.first() {
                let subject = format!("{name} at {address}");
                let at = Target::Pinned(*address);
                all.push(tls::versions(name, at, subject.clone(), vec![]));
                all.push(tls::ocsp(name, at, subject.clone(), vec![]));
                all.push(tls::expiry(name, at, subject, site.announcement, vec![]));
            }
        }
        for name in &server.names {
            // Each machine has a configuration of its own to forget it in.
            for address in &server.addresses {
                let ask = get(Scheme::Https, name, "/").pinned(*address);
                let subject = format!("{name} at {address}");
                all.push(tls::hsts(subject, ask, server.hsts_max_age_seconds, vec!["tls.redirect.ips"]));
            }
            all.push(every_address(name, server));
            all.push(shape(name, server));
            all.push(hops(name, server, site));
        }
        all.extend(latencies(server));
    }
    if !redirects.servers.is_empty() {
        all.extend(announced(site));
    }
    if !redirects.paths.is_empty() {
        all.push(moved(redirects, site));
    }
    let mut all = all.into_iter();
    match all.next() {
        Some(first) => OneOrMore(first, all.collect()),
        None => OneOrMore(nothing_to_redirect(site), vec![]),
    }
}

/// Moved paths that `redir.shape` asks for: a table may hold thousands.
const SAMPLED_PATHS: usize = 8;

/// `redir.shape` of the table of moved paths, as visitors meet it.
fn moved(redirects: &Redirects, site: &Site) -> Check {
    let every = redirects.paths.len().div_ceil(SAMPLED_PATHS);
    let sample = redirects.paths.iter().step_by(every);
    let ask = sample.clone().map(|moved| get(Scheme::Https, &site.host, moved.from.as_str()).into()).collect();
    let wants: Vec<(String, String)> =
        sample.map(|moved| (moved.from.to_string(), own_https(&site.host, moved.to.as_str()))).collect();
    let all = redirects.paths.len();
    Check {
        id: "redir.shape",
        subject: format!("{}, moved paths", site.host),
        safety: Safety::S1,
        blocked_by: vec!["dns.host.target", "tls.chain"],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let mut bad = Vec::new();
            let mut untested = None;
            for (observation, (from, wanted)) in seen.iter().zip(&wants) {
                let answer = answered_or_later!(http(observation), untested);
                let location = answer.header("location").unwrap_or("nowhere");
                if !is_redirect(answer) || location != wanted {
                    bad.push(format!("{from}: {} to {location}, wanted {wanted}", answer.status));
                }
            }
            if !bad.is_empty() {
                return Judgement::fail(bad.join("; "));
            }
            untested
                .unwrap_or_else(|| Judgement::pass(format!("{} of {all} paths lead where they should", wants.len())))
        }),
        remedy: "deploy the proxy with its table of moved paths, and purge old copies at the CDN".to_owned(),
        source: "RFC 9110 15.4; nginx, map",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// For a table without servers and paths, which `redirects.nothing` has already refused.
fn nothing_to_redirect(site: &Site) -> Check {
    Check {
        id: "redir.ips",
        subject: site.name.to_string(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: vec![],
        judge: Box::new(|_| Judgement::unknown("the blueprint's [redirects] names no server")),
        remedy: "add a [[redirects.servers]] table or remove [redirects]".to_owned(),
        source: "JVA-16",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `dns.apex.a`: these addresses and nothing else, at every authoritative server.
fn addresses(name: &HostName, server: &Server, site: &Site) -> Check {
    const TYPES: [RecordType; 4] = [RecordType::A, RecordType::Aaaa, RecordType::Cname, RecordType::Https];
    let owner = name.to_string();
    let name_servers: Vec<IpAddr> =
        site.zone_of(name).map(|zone| zone.servers.iter().map(|(_, ip)| *ip).collect()).unwrap_or_default();
    let ask: Vec<_> = name_servers
        .iter()
        .flat_map(|address| TYPES.map(|record_type| dns_at(*address, &owner, record_type)))
        .collect();
    let expected: BTreeSet<IpAddr> = server.addresses.iter().copied().collect();
    let wanted = listed(&expected.iter().map(ToString::to_string).collect::<Vec<_>>());
    let want = wanted.clone();
    Check {
        id: "dns.apex.a",
        subject: owner.clone(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let mut untested = None;
            for per_server in seen.chunks(TYPES.len()) {
                let answers: Result<Vec<_>, _> = per_server.iter().map(authoritative).collect();
                let answers = answered_or_later!(answers, untested);
                let mut found: BTreeSet<IpAddr> = BTreeSet::new();
                let mut strangers: BTreeSet<String> = BTreeSet::new();
                let mut who = String::new();
                for answer in answers {
                    who.clone_from(&answer.server);
                    for record in answer.answers.iter().filter(|record| record.name == owner) {
                        match &record.data {
                            RecordData::A(ip) => drop(found.insert(IpAddr::V4(*ip))),
                            RecordData::Aaaa(ip) => drop(found.insert(IpAddr::V6(*ip))),
                            other => drop(strangers.insert(data_text(other))),
                        }
                    }
                }
                if found != expected || !strangers.is_empty() {
                    let mut texts: Vec<String> = found.iter().map(ToString::to_string).collect();
                    texts.extend(strangers);
                    return Judgement::fail(format!("{who} answers {}; wanted {want} only", listed(&texts)));
                }
            }
            untested.unwrap_or_else(|| {
                Judgement::pass(format!("{} servers answer {want} and nothing else", seen.len() / TYPES.len()))
            })
        }),
        remedy: format!("have the records of {name} made exactly {wanted}: no other address, no AAAA, no alias"),
        source: "JVA-16; RFC 1034 3.6.2",
        valid_for_seconds: DNS_VALID_FOR_SECONDS,
    }
}

/// `tls.redirect.ips`: every name on every address, three times, since certificates are often issued on one
/// machine first.
fn certificates(server: &Server) -> Check {
    let mut ask = Vec::new();
    let mut labels = Vec::new();
    for address in &server.addresses {
        for name in &server.names {
            for nth in 0..3 {
                ask.push(handshake(name, Target::Pinned(*address), nth));
                labels.push((name.to_string(), *address));
            }
        }
    }
    let names: Vec<&str> = server.names.iter().map(HostName::as_str).collect();
    Check {
        id: "tls.redirect.ips",
        subject: listed(&names),
        safety: Safety::S1,
        blocked_by: vec![],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let mut bad: BTreeSet<String> = BTreeSet::new();
            let mut untested = None;
            for (observation, (name, address)) in seen.iter().zip(&labels) {
                match answer::tls(observation) {
                    Ok(answer) => {
                        if let Some(error) = &answer.verify_error {
                            bad.insert(format!("{address} for {name}: {error}"));
                        }
                    }
                    Err(Judgement::Say(crate::concerns::Verdict::Fail, because)) => {
                        bad.insert(format!("{address} for {name}: {because}"));
                    }
                    Err(other) => untested = Some(other),
                }
            }
            if !bad.is_empty() {
                return Judgement::fail(bad.into_iter().collect::<Vec<_>>().join("; "));
            }
            untested.unwrap_or_else(|| Judgement::pass(format!("{} handshakes verified", seen.len())))
        }),
        remedy: format!("install one certificate for {} on every redirect address", listed(&names)),
        source: "JVA-16",
        valid_for_seconds: tls::VALID_FOR_SECONDS,
    }
}

/// Whether browsers follow it (RFC 9110, section 15.4).
fn is_redirect(answer: &HttpAnswer) -> bool {
    matches!(answer.status, 301 | 302 | 303 | 307 | 308)
}

fn own_https(name: &HostName, path: &str) -> String {
    format!("https://{name}{path}")
}

/// `redir.ips`: http and https on each address, each with the right Location.
fn every_address(name: &HostName, server: &Server) -> Check {
    let mut ask = Vec::new();
    let mut wants = Vec::new();
    for address in &server.addresses {
        for (scheme, location) in [(Scheme::Http, own_https(name, "/")), (Scheme::Https, own_https(&server.to, "/"))] {
            ask.push(get(scheme, name, "/").pinned(*address).into());
            wants.push((*address, scheme, location));
        }
    }
    Check {
        id: "redir.ips",
        subject: name.to_string(),
        safety: Safety::S1,
        blocked_by: vec![],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let mut bad = Vec::new();
            let mut untested = None;
            for (observation, (address, scheme, wanted)) in seen.iter().zip(&wants) {
                let at = format!("{address} {}", scheme.as_str());
                match http(observation) {
                    Ok(answer) => {
                        let location = answer.header("location").unwrap_or("nowhere");
                        if !is_redirect(answer) || location != wanted {
                            bad.push(format!("{at}: {} to {location}, wanted {wanted}", answer.status));
                        }
                    }
                    Err(Judgement::Say(crate::concerns::Verdict::Fail, because)) => {
                        bad.push(format!("{at}: {because}"))
                    }
                    Err(other) => untested = Some(other),
                }
            }
            if !bad.is_empty() {
                return Judgement::fail(bad.join("; "));
            }
            untested.unwrap_or_else(|| {
                Judgement::pass(format!("{} of {} answers redirect as declared", seen.len(), wants.len()))
            })
        }),
        remedy: format!("start the redirect of {name} on each address, http and https"),
        source: "JVA-16, JVA-17",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `redir.shape`: path and query byte for byte, and never where the client's bytes say. Of each name's first address
/// alone: what every machine must do, `redir.ips` asks, and a run has 300 requests.
fn shape(name: &HostName, server: &Server) -> Check {
    const KEPT: &str = "/a%20b/c?x=1&y=%26";
    const SLASHES: &str = "//evil.example/x";
    let target = server.to.to_string();
    let own = name.to_string();
    let pinned = |probe: HttpProbe| match server.addresses.first() {
        Some(address) => probe.pinned(*address),
        None => probe,
    };
    let ask = vec![
        pinned(get(Scheme::Https, name, KEPT)).into(),
        pinned(get(Scheme::Https, name, SLASHES)).into(),
        pinned(get(Scheme::Http, name, "/")).with_host_header(ALIEN).into(),
    ];
    Check {
        id: "redir.shape",
        subject: own.clone(),
        safety: Safety::S1,
        blocked_by: vec!["tls.redirect.ips"],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| judge_shape(seen, &own, &target, KEPT)),
        remedy: "redirect to the written name with the request's own path and query, unknown Host refused".to_owned(),
        source: "RFC 9110 15.4; nginx, return with $request_uri",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

fn judge_shape(seen: &[Observation], own: &str, target: &str, kept: &str) -> Judgement {
    let first = answered!(http(&seen[0]));
    let location = first.header("location").unwrap_or_default();
    let wanted = format!("https://{target}{kept}");
    if !is_redirect(first) {
        return Judgement::fail(format!("{kept} answers {} and no redirect", first.status));
    }
    if location != wanted {
        return Judgement::fail(format!("Location is `{location}`, wanted `{wanted}`"));
    }
    let slashes = answered!(http(&seen[1]));
    if let Some(location) = slashes.header("location")
        && !location.starts_with(&format!("https://{target}/"))
    {
        return Judgement::fail(format!("an open redirect: `//evil.example` leads to `{location}`"));
    }
    match &seen[2] {
        Observation::Http(answer) => {
            if let Some(location) = answer.header("location")
                && !location.starts_with(&format!("https://{target}/"))
                && !location.starts_with(&format!("https://{own}/"))
            {
                return Judgement::fail(format!("follows the client's Host: `{location}`"));
            }
        }
        // Closing the connection is a fine answer to an unknown name; silence is none.
        Observation::Failed(failure) if matches!(failure.kind, FailureKind::Refused | FailureKind::Closed) => {}
        other => drop(answered!(http(other))),
    }
    match first.status {
        301 | 308 => Judgement::pass(format!("{} with path and query byte for byte", first.status)),
        status => Judgement::warn(format!("{status} is temporary: browsers ask again each time")),
    }
}

/// Names that a walk may go through.
fn known_names(site: &Site) -> Vec<HostName> {
    let redirected = site.redirected.iter().flat_map(|redirect| redirect.names.iter().cloned());
    site.hosts.iter().map(|host| host.name.clone()).chain(redirected).collect()
}

/// `redir.hops`: https reaches the target in one hop, http in two through its own https (or HSTS is unlearnt). A
/// target that is not the site's is where the walk ends: it is somebody else's to probe.
fn hops(name: &HostName, server: &Server, site: &Site) -> Check {
    let known = known_names(site);
    let walk = {
        let foreign = (!known.contains(&server.to)).then(|| own_https(&server.to, "/"));
        move |first: HttpProbe, seen: &[Observation]| walk(&known, foreign.as_deref(), first, seen)
    };
    let own = name.clone();
    let target = server.to.clone();
    Check {
        id: "redir.hops",
        subject: name.to_string(),
        safety: Safety::S1,
        blocked_by: vec!["dns.apex.a", "tls.redirect.ips", "dns.host.target", "tls.chain"],
        disturbs: false,
        ask: vec![get(Scheme::Https, name, "/").into()],
        judge: Box::new(move |seen| {
            let lands = |urls: &[String]| urls.last().is_some_and(|url| url.starts_with(&own_https(&target, "/")));
            // First the walk from https, then the walk from http; each asks the next hop until it lands.
            let (secure, answers) = match walk(get(Scheme::Https, &own, "/"), seen) {
                Walk::More(next) => return Judgement::Ask(vec![next.into()]),
                Walk::Say(judgement) => return judgement,
                Walk::Landed { urls, answers } => (urls, answers),
            };
            if !lands(&secure) {
                return Judgement::fail(format!("ends elsewhere than {target}: {}", secure.join(" -> ")));
            }
            if secure.len() > 2 {
                return Judgement::fail(format!("{} hops from https: {}", secure.len() - 1, secure.join(" -> ")));
            }
            let rest = &seen[answers..];
            if rest.is_empty() {
                return Judgement::Ask(vec![get(Scheme::Http, &own, "/").again(1).into()]);
            }
            let plain = match walk(get(Scheme::Http, &own, "/").again(1), rest) {
                Walk::More(next) => return Judgement::Ask(vec![next.into()]),
                Walk::Say(judgement) => return judgement,
                Walk::Landed { urls, answers: _ } => urls,
            };
            let chain = plain.join(" -> ");
            if !lands(&plain) {
                return Judgement::fail(format!("ends elsewhere than {target}: {chain}"));
            }
            match plain.len() - 1 {
                2 if plain[1] == own_https(&own, "/") => Judgement::pass(chain),
                1 => Judgement::warn(format!("http goes straight to the target, so HSTS is not learnt: {chain}")),
                n => Judgement::fail(format!("{n} hops: {chain}")),
            }
        }),
        remedy: "redirect http to the same name under https, and that to the target: no hop between".to_owned(),
        source: "RFC 6797 7.2; Internet.nl; JVA-16",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `redir.target`: what people type arrives, however they type it: with and without www, in capitals, with a final dot.
/// Browsers tidy capitals and https libraries the dot, but not all of them, and no app that opens a link does.
fn announced(site: &Site) -> Vec<Check> {
    let known = known_names(site);
    let bare = &site.announced;
    let www = format!("www.{bare}");
    let written = |scheme, host: &str| get(scheme, bare, "/").with_host_header(host);
    let mut typed = vec![get(Scheme::Http, bare, "/"), get(Scheme::Https, bare, "/")];
    typed.extend(known.iter().find(|name| name.as_str() == www).map(|name| get(Scheme::Http, name, "/")));
    typed.push(written(Scheme::Http, &bare.as_str().to_ascii_uppercase()));
    typed.extend([Scheme::Http, Scheme::Https].map(|scheme| written(scheme, &format!("{bare}."))));
    typed.into_iter().map(|typed| target(typed, known.clone(), bare)).collect()
}

fn target(typed: HttpProbe, known: Vec<HostName>, announced: &HostName) -> Check {
    Check {
        id: "redir.target",
        subject: format!("{}://{}/", typed.scheme.as_str(), typed.host_header.as_ref().unwrap_or(&typed.host)),
        safety: Safety::S1,
        blocked_by: vec!["dns.apex.a", "tls.redirect.ips", "dns.host.target", "tls.chain", "gate.leftover"],
        disturbs: false,
        ask: vec![typed.clone().into()],
        judge: Box::new(move |seen| {
            let urls = match walk(&known, None, typed.clone(), seen) {
                Walk::More(next) => return Judgement::Ask(vec![next.into()]),
                Walk::Say(judgement) => return judgement,
                Walk::Landed { urls, answers: _ } => urls,
            };
            let chain = urls.join(" -> ");
            match seen.last() {
                Some(Observation::Http(answer)) if answer.status == 200 => Judgement::pass(chain),
                Some(Observation::Http(answer)) => Judgement::fail(format!("{} at the end of {chain}", answer.status)),
                _ => Judgement::fail(format!("nothing at the end of {chain}")),
            }
        }),
        remedy: format!(
            "have {announced} lead to the site in DNS, certificate and redirect, whatever its case and final dot"
        ),
        source: "JVA-16, JVA-17; RFC 9110 4.2.3; RFC 1034 3.1",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// GETs of one address from which its latency is judged: with 30, the second slowest is what 95 of 100 keep to.
const SAMPLES: usize = 30;
/// The fewest that tell something.
const FEWEST_SAMPLES: usize = 10;
/// What all addresses of a redirect share: a run puts 300 requests.
const SAMPLES_OF_SERVER: usize = 90;
/// A connection over TLS 1.3 and its first answer take three round trips, which say how far away golive is.
const ROUND_TRIPS: u32 = 3;
/// What visitors do not notice, and what they still bear.
const QUICK: Duration = Duration::from_millis(300);
const BEARABLE: Duration = Duration::from_secs(1);

/// `redir.latency` of each address.
fn latencies(server: &Server) -> Vec<Check> {
    let Some(name) = server.names.first() else { return Vec::new() };
    let each = (SAMPLES_OF_SERVER / server.addresses.len().max(1)).clamp(FEWEST_SAMPLES, SAMPLES);
    let asked = SAMPLES_OF_SERVER / each;
    let of = |(position, address): (usize, &IpAddr)| {
        let request = get(Scheme::Https, name, "/").pinned(*address);
        let count = u16::try_from(each).unwrap_or(u16::MAX);
        let ask = if position < asked { vec![Probe::Samples(SamplesProbe { request, count })] } else { vec![] };
        Check {
            id: "redir.latency",
            subject: format!("{name} at {address}"),
            safety: Safety::S1,
            blocked_by: vec!["tls.redirect.ips"],
            // Its times must not be those of other checks.
            disturbs: true,
            ask,
            judge: Box::new(move |seen| match seen.first() {
                None => {
                    Judgement::unknown(format!("a run measures {asked} addresses of a redirect, and this is another"))
                }
                Some(observation) => latency(&answered!(answer::samples(observation)).samples),
            }),
            remedy: "add machines, or take the slow one out of DNS; look at its TLS handshakes first".to_owned(),
            source: "JVA-16",
            valid_for_seconds: VALID_FOR_SECONDS,
        }
    };
    server.addresses.iter().enumerate().map(of).collect()
}

/// Judges what 95 of 100 answers keep to, golive's own distance taken off.
fn latency(samples: &[Sample]) -> Judgement {
    let failed: Vec<&FailureKind> = samples.iter().filter_map(|sample| sample.outcome.as_ref().err()).collect();
    let is_silence = |kind: &&&FailureKind| matches!(kind, FailureKind::TimedOut | FailureKind::Unreachable);
    if failed.len() == samples.len() && failed.iter().any(|kind| is_silence(&kind)) {
        return Judgement::unknown("no connection came about; the network may be golive's own");
    }
    let errors = failed.len() + samples.iter().filter(|sample| matches!(sample.outcome, Ok(500..))).count();
    if errors * 100 > samples.len() {
        return Judgement::fail(format!("{errors} of {} new connections had no answer, or an error", samples.len()));
    }
    let own = samples.iter().map(|sample| sample.connect).min().unwrap_or_default();
    let mut times: Vec<Duration> =
        samples.iter().map(|sample| sample.total.saturating_sub(own * ROUND_TRIPS)).collect();
    times.sort();
    let nearest = (times.len() * 95).div_ceil(100).saturating_sub(1);
    let Some(p95) = times.get(nearest) else { return Judgement::unknown("nothing was measured") };
    let told =
        format!("95 of 100 new connections are answered within {} ms, {} ms away", p95.as_millis(), own.as_millis());
    match *p95 {
        p95 if p95 <= QUICK => Judgement::pass(told),
        p95 if p95 <= BEARABLE => Judgement::warn(format!("{told}; {} ms are wanted", QUICK.as_millis())),
        _ => Judgement::fail(format!("{told}; {} ms are wanted", QUICK.as_millis())),
    }
}

enum Walk {
    More(HttpProbe),
    /// Every URL of the walk, the first one asked included, and how many answers it took.
    Landed {
        urls: Vec<String>,
        answers: usize,
    },
    Say(Judgement),
}

/// Follows at most five redirects through the answers seen so far.
fn walk(known: &[HostName], foreign: Option<&str>, first: HttpProbe, seen: &[Observation]) -> Walk {
    let mut urls = vec![first.url()];
    let mut probe = first;
    for (at, observation) in seen.iter().enumerate() {
        let answer = match http(observation) {
            Ok(answer) => answer,
            Err(judgement) => return Walk::Say(judgement),
        };
        if !is_redirect(answer) {
            return Walk::Landed { urls, answers: at + 1 };
        }
        let location = answer.header("location").unwrap_or_default().to_owned();
        if urls.contains(&location) {
            return Walk::Say(Judgement::fail(format!("a loop: {} -> {location}", urls.join(" -> "))));
        }
        urls.push(location.clone());
        if urls.len() > 6 {
            return Walk::Say(Judgement::fail(format!("more than 5 hops: {}", urls.join(" -> "))));
        }
        if foreign.is_some_and(|start| location.starts_with(start)) {
            return Walk::Landed { urls, answers: at + 1 };
        }
        let Some(next) = follow(known, &location, probe.nth) else {
            return Walk::Say(Judgement::fail(format!(
                "leads to `{location}`, which is no name of the blueprint: {}",
                urls.join(" -> ")
            )));
        };
        probe = next;
    }
    Walk::More(probe)
}

fn follow(known: &[HostName], location: &str, nth: u8) -> Option<HttpProbe> {
    let (scheme, rest) = match location.split_once("://")? {
        ("https", rest) => (Scheme::Https, rest),
        ("http", rest) => (Scheme::Http, rest),
        _ => return None,
    };
    let (host, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let name = host.strip_suffix('.').unwrap_or(host);
    let known = known.iter().find(|known| known.as_str().eq_ignore_ascii_case(name))?;
    let probe = get(scheme, known, path).again(nth);
    // As it was written: the next machine must understand it too.
    Some(if known.as_str() == host { probe } else { probe.with_host_header(host) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, failed, page, records, sample, verdict};
    use crate::probe::Rcode;

    const TARGET: &str = "https://covid19.reserve-civique.gouv.fr";

    fn to(location: &str) -> Observation {
        page(308, &[("location", location)], "")
    }

    #[test]
    fn a_foreign_host_that_hears_nothing_is_not_a_pass() {
        let (blueprint, site) = sample(&[]);
        let shape = check(&blueprint, &site, "redir.shape", "jeveuxaider.gouv.fr");
        for (alien, wanted) in [
            (page(421, &[], ""), Verdict::Pass),
            (failed(FailureKind::Closed), Verdict::Pass),
            (failed(FailureKind::Refused), Verdict::Pass),
            (to("https://golive-alien.invalid/"), Verdict::Fail),
            (failed(FailureKind::TimedOut), Verdict::Unknown),
            (failed(FailureKind::Unreachable), Verdict::Unknown),
        ] {
            let kept = to(&format!("{TARGET}/a%20b/c?x=1&y=%26"));
            let seen = [kept, to(&format!("{TARGET}//evil.example/x")), alien];
            assert_eq!(verdict(&shape, &seen), Some(wanted), "{seen:?}");
        }
    }

    #[test]
    fn one_silent_server_does_not_hide_what_another_says() {
        let (blueprint, site) = sample(&[]);
        let apex = check(&blueprint, &site, "dns.apex.a", "jeveuxaider.gouv.fr");
        let of = |last: [u8; 2]| {
            let a = |last: u8| ("jeveuxaider.gouv.fr", 300, RecordData::A([198, 51, 100, last].into()));
            let none = || records(Rcode::NoError, &[]);
            vec![records(Rcode::NoError, &last.map(a)), none(), none(), none()]
        };
        let silent = || (0..4).map(|_| failed(FailureKind::TimedOut)).collect::<Vec<_>>();
        for (seen, wanted) in [
            ([of([21, 22]), of([22, 21])], Verdict::Pass),
            ([silent(), of([21, 22])], Verdict::Unknown),
            ([silent(), of([21, 99])], Verdict::Fail),
            ([of([21, 99]), silent()], Verdict::Fail),
        ] {
            assert_eq!(verdict(&apex, &seen.concat()), Some(wanted), "{seen:?}");
        }
    }

    #[test]
    fn hops_are_counted_from_both_schemes() {
        let (blueprint, site) = sample(&[]);
        let hops = check(&blueprint, &site, "redir.hops", "jeveuxaider.gouv.fr");
        let (own, www) = ("https://jeveuxaider.gouv.fr/", "https://www.jeveuxaider.gouv.fr/");
        let target = format!("{TARGET}/");
        let landed = || page(200, &[], "");
        for (seen, wanted) in [
            (vec![to(&target), landed(), to(own), to(&target), landed()], Some(Verdict::Pass)),
            (vec![to(&target), landed(), to(&target), landed()], Some(Verdict::Warn)),
            (vec![to(&target), landed(), to(own), to(www), to(&target), landed()], Some(Verdict::Fail)),
            // Decided by the first walk: the second is not begun.
            (vec![to(www), to(&target), landed()], Some(Verdict::Fail)),
            (vec![landed()], Some(Verdict::Fail)),
            (vec![to(own)], Some(Verdict::Fail)),
            (vec![to("https://elsewhere.example/")], Some(Verdict::Fail)),
            (vec![to(&target), landed(), to(own), to(&target)], None),
        ] {
            assert_eq!(verdict(&hops, &seen), wanted, "{seen:?}");
        }
    }

    #[test]
    fn whatever_is_typed_arrives() {
        let (blueprint, site) = sample(&[]);
        let typed: Vec<String> = checks(blueprint.redirects.as_ref().expect("redirects"), &site)
            .into_vec()
            .into_iter()
            .filter(|check| check.id == "redir.target")
            .map(|check| check.subject)
            .collect();
        let name = "jeveuxaider.gouv.fr";
        assert_eq!(
            typed,
            [
                format!("http://{name}/"),
                format!("https://{name}/"),
                format!("http://www.{name}/"),
                "http://JEVEUXAIDER.GOUV.FR/".to_owned(),
                format!("http://{name}./"),
                format!("https://{name}./"),
            ]
        );
        let target = check(&blueprint, &site, "redir.target", &format!("http://{name}./"));
        // The dot is kept, and asked for again.
        let (dotted, site) = (format!("https://{name}./"), format!("{TARGET}/"));
        match (target.judge)(&[to(&dotted)]) {
            Judgement::Ask(next) => assert_eq!(
                next,
                [get(Scheme::Https, &name.parse().expect("a name"), "/").with_host_header(&format!("{name}.")).into()]
            ),
            other => panic!("{other:?}"),
        }
        for (seen, wanted) in [
            (vec![to(&dotted), to(&site), page(200, &[], "")], Some(Verdict::Pass)),
            (vec![to(&dotted), to(&site)], None),
            (vec![to(&dotted), to(&site), page(503, &[], "")], Some(Verdict::Fail)),
            (vec![page(400, &[], "")], Some(Verdict::Fail)),
            (vec![to("https://elsewhere.example/")], Some(Verdict::Fail)),
            (vec![failed(FailureKind::Unresolved)], Some(Verdict::Fail)),
            (vec![failed(FailureKind::TimedOut)], Some(Verdict::Unknown)),
        ] {
            assert_eq!(verdict(&target, &seen), wanted, "{seen:?}");
        }
    }

    #[test]
    fn latencies_are_judged_by_the_second_slowest_of_thirty() {
        let samples = |slow: &[u64], connect: u64| -> Vec<Sample> {
            let quick = std::iter::repeat_n(&100, SAMPLES - slow.len());
            let of = |total: &u64| Sample {
                connect: Duration::from_millis(connect),
                total: Duration::from_millis(*total),
                outcome: Ok(308),
            };
            quick.chain(slow).map(of).collect()
        };
        let said = |samples: &[Sample]| match latency(samples) {
            Judgement::Say(verdict, _) => verdict,
            Judgement::Ask(_) => panic!("it asks"),
        };
        for (slow, connect, wanted) in [
            (vec![], 1, Verdict::Pass),
            (vec![5000], 1, Verdict::Pass),
            (vec![303, 5000], 1, Verdict::Pass),
            (vec![304, 5000], 1, Verdict::Warn),
            (vec![900, 900], 1, Verdict::Warn),
            (vec![1004, 1004], 1, Verdict::Fail),
            // From the other side of the world.
            (vec![900, 900], 200, Verdict::Pass),
        ] {
            assert_eq!(said(&samples(&slow, connect)), wanted, "{slow:?} {connect}");
        }
        let with = |outcome: Result<u16, FailureKind>, count: usize| {
            let mut all = samples(&[], 1);
            all.iter_mut().take(count).for_each(|sample| sample.outcome = outcome);
            said(&all)
        };
        assert_eq!(with(Err(FailureKind::TimedOut), 1), Verdict::Fail);
        assert_eq!(with(Ok(503), 1), Verdict::Fail);
        assert_eq!(with(Err(FailureKind::Refused), SAMPLES), Verdict::Fail);
        assert_eq!(with(Err(FailureKind::Unreachable), SAMPLES), Verdict::Unknown);
    }

    #[test]
    fn many_addresses_share_what_a_run_may_ask() {
        let many: Vec<String> = (1..=12).map(|last| format!("\"198.51.100.{last}\"")).collect();
        let (blueprint, site) = sample(&[("\"198.51.100.21\", \"198.51.100.22\"", &many.join(", "))]);
        let all = checks(blueprint.redirects.as_ref().expect("redirects"), &site).into_vec();
        let latencies: Vec<usize> = all
            .iter()
            .filter(|check| check.id == "redir.latency")
            .map(|check| check.ask.iter().map(Probe::requests).sum())
            .collect();
        assert_eq!(latencies, [[10; 9].as_slice(), &[0; 3]].concat());
    }

    #[test]
    fn a_target_of_somebody_else_is_not_probed() {
        let (blueprint, site) = sample(&[("to = \"covid19.reserve-civique.gouv.fr\"", "to = \"www.example.org\"")]);
        let hops = check(&blueprint, &site, "redir.hops", "jeveuxaider.gouv.fr");
        let target = || to("https://www.example.org/");
        assert_eq!(verdict(&hops, &[target()]), None, "the walk from http is still to come");
        assert_eq!(verdict(&hops, &[target(), to("https://jeveuxaider.gouv.fr/"), target()]), Some(Verdict::Pass));
    }
}
