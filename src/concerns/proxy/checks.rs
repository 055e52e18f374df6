//! What must be observable when `[proxy]` is live: the origin serves the CDN alone, under its own name alone.

use std::net::IpAddr;
use std::time::Duration;

use super::Proxy;
use crate::blueprint::Site;
use crate::concerns::answer::{answered, burst, http, listed};
use crate::concerns::ask::{NONCE, get};
use crate::concerns::{Check, Judgement, OneOrMore, Safety, Unverified};
use crate::probe::{BurstProbe, FailureKind, HttpProbe, Method, NTH, Observation, Probe, Scheme, Visitor};

const VALID_FOR_SECONDS: u32 = 3600;

/// A name that no blueprint can hold (RFC 2606).
const ALIEN: &str = "golive-alien.invalid";

pub fn checks(_proxy: &Proxy, site: &Site) -> OneOrMore<Check> {
    let origins: Vec<IpAddr> = site.cdn.as_ref().map(|cdn| cdn.origins.clone()).unwrap_or_default();
    let mut each: Vec<Check> = origins
        .iter()
        .map(|address| lock(get(Scheme::Https, &site.host, "/").pinned(*address), address.to_string()))
        .collect();
    // Of a single one the pages tell.
    if origins.len() > 1 {
        each.extend(origins.iter().map(|address| healthy(site, *address)));
    }
    // The addresses are the app's own.
    if site.front.is_some() {
        each = each.into_iter().map(|check| check.resting_on(Unverified::DEDICATED_ADDRESSES)).collect();
    }
    if let (Some(name), Some(_)) = (site.platform_name(), &site.cdn) {
        each.push(lock(get(Scheme::Https, &name, "/"), name.to_string()));
    }
    // Between addresses the CDN's pool decides, which `origin.pool` reads.
    if let (true, Some(path)) = (site.is_spread(), &site.health_path) {
        each.push(spread(site, path.as_str()));
    }
    OneOrMore(host(site, &origins), each)
}

/// `origin.lock`: asked directly, past the CDN, the origin refuses: at its address, and under the platform's own name for
/// the app, which leads there too.
fn lock(ask: HttpProbe, subject: String) -> Check {
    Check {
        id: "origin.lock",
        subject,
        safety: Safety::S2,
        blocked_by: vec![],
        disturbs: false,
        ask: vec![ask.into()],
        judge: Box::new(|seen| match &seen[0] {
            Observation::Failed(failure) if failure.kind == FailureKind::Refused => {
                Judgement::pass("refuses the connection")
            }
            // A bad certificate, or a handshake that fails, says nothing about who may enter. Nor does silence: a
            // firewall that drops looks like a network that is down.
            Observation::Failed(failure) if failure.kind == FailureKind::Tls => {
                Judgement::unknown(failure.message.clone())
            }
            other => {
                let answer = answered!(http(other));
                match answer.status {
                    403 | 421 => Judgement::pass(format!("answers {} to a visitor past the CDN", answer.status)),
                    429 => Judgement::warn("answers 429: limited, but not closed"),
                    500.. => Judgement::unknown(format!(
                        "answers {}: whether a visitor past the CDN would be served does not show",
                        answer.status
                    )),
                    status => Judgement::fail(format!("lets a visitor past the CDN in: {status}")),
                }
            }
        }),
        remedy: "let the proxy refuse whoever does not come from the CDN's ranges".to_owned(),
        source: "Cloudflare docs, fundamentals/security/protect-your-origin-server; Scalingo nginx buildpack",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// New connections to one address.
const CONNECTIONS: u8 = 10;

/// `origin.ips.health`: each connection to the address is answered. A refusal to who comes past the CDN is an answer: it
/// is what `origin.lock` asks for. The CDN tries another address when one does not answer, so that visitors say nothing
/// until that one is gone too.
fn healthy(site: &Site, address: IpAddr) -> Check {
    let path = site.health_path.as_ref().map_or("/", |path| path.as_str());
    let ask = (0..CONNECTIONS).map(|nth| get(Scheme::Https, &site.host, path).pinned(address).again(nth).into());
    Check {
        id: "origin.ips.health",
        subject: address.to_string(),
        safety: Safety::S2,
        blocked_by: vec![],
        disturbs: false,
        ask: ask.collect(),
        judge: Box::new(|seen| {
            let (mut answered, mut last) = (0, String::new());
            for observation in seen {
                match observation {
                    Observation::Http(answer) if answer.status < 500 => answered += 1,
                    Observation::Http(answer) => last = format!("answers {}", answer.status),
                    Observation::Failed(failure) => last.clone_from(&failure.message),
                    other => return http(other).err().unwrap_or_else(|| Judgement::unknown("nothing was asked")),
                }
            }
            let seen = format!("{answered} of {} connections were answered", seen.len());
            match usize::from(CONNECTIONS) - answered {
                0 => Judgement::pass(seen),
                1 => Judgement::warn(format!("{seen}; {last}")),
                // What is gone altogether looks like a network that is down, here or there.
                _ if answered == 0 => Judgement::unknown(format!("{seen}; {last}")),
                _ => Judgement::fail(format!("{seen}; {last}")),
            }
        }),
        remedy: format!("take {address} out of the pool until it answers each time"),
        source: "JVA-2, JVA-12: two addresses",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// The header by which nginx says on its health page which machine it is on.
const MACHINE: &str = "x-machine";
/// Requests by which the spread is seen, and how far a share may be from an even one, in standard deviations.
const SPREAD_OVER: u16 = 400;
const DEVIATIONS: f64 = 4.0;

/// `origin.spread`: through the CDN every machine of the proxy gets its share.
fn spread(site: &Site, path: &str) -> Check {
    let machines = usize::try_from(site.proxies).unwrap_or(usize::MAX);
    let ask = BurstProbe {
        request: get(Scheme::Https, &site.host, &format!("{path}?golive={NONCE}-{NTH}")),
        method: Method::Get,
        count: SPREAD_OVER,
        enough_refusals: 0,
        after: Duration::ZERO,
        visitor: Visitor::Own("spread".to_owned()),
        counts: Some(MACHINE),
    };
    Check {
        id: "origin.spread",
        subject: site.host.to_string(),
        safety: Safety::S2,
        blocked_by: vec!["dns.host.target", "tls.chain", "gate.leftover", "origin.pool", "origin.ips.health"],
        disturbs: false,
        ask: vec![Probe::Burst(ask)],
        judge: Box::new(move |seen| {
            let counted = &answered!(burst(&seen[0])).counted;
            let all: u32 = counted.values().map(|count| u32::from(*count)).sum();
            let shares: Vec<String> = counted.iter().map(|(machine, count)| format!("{count} {machine}")).collect();
            let text = format!("of {all} answers {}", listed(&shares));
            if all == 0 {
                return Judgement::unknown(format!("no answer says by {MACHINE} which machine it is from"));
            }
            if all < u32::from(SPREAD_OVER) / 2 {
                return Judgement::unknown(format!("{text}: too few to tell"));
            }
            if counted.len() < machines {
                return Judgement::fail(format!(
                    "{text}: {} of {machines} machines get nothing",
                    machines - counted.len()
                ));
            }
            if counted.len() > machines {
                return Judgement::warn(format!(
                    "{text}: {machines} machines are planned, and each limit counts by machine"
                ));
            }
            // Of a binomial distribution.
            let share = 1.0 / machines as f64;
            let mean = f64::from(all) * share;
            let deviation = (f64::from(all) * share * (1.0 - share)).sqrt();
            match counted.values().all(|count| (f64::from(*count) - mean).abs() <= DEVIATIONS * deviation) {
                true => Judgement::pass(text),
                false => Judgement::warn(format!("{text}: not evenly spread")),
            }
        }),
        remedy:
            "look why the router or the pool sends nothing there: sticky sessions, a weight of 0, a container that is \
                 quarantined"
                .to_owned(),
        source: "JVA-2, JVA-12; Scalingo docs, platform/networking/public/routing",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `origin.host`: an unknown Host gets nothing, and a forwarded one is not reflected into a cached page.
fn host(site: &Site, origins: &[IpAddr]) -> Check {
    let mut ask: Vec<_> = origins
        .iter()
        .map(|address| get(Scheme::Https, &site.host, "/").pinned(*address).with_host_header(ALIEN).into())
        .collect();
    let reflected = get(Scheme::Https, &site.host, &format!("/golive-{NONCE}-host")).header("x-forwarded-host", ALIEN);
    ask.push(reflected.into());
    let addresses: Vec<String> = origins.iter().map(ToString::to_string).collect();
    Check {
        id: "origin.host",
        subject: site.host.to_string(),
        safety: Safety::S2,
        blocked_by: vec!["dns.host.target", "tls.chain"],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let Some((through_edge, direct)) = seen.split_last() else {
                return Judgement::unknown("nothing was asked");
            };
            for (observation, address) in direct.iter().zip(&addresses) {
                match observation {
                    Observation::Failed(failure)
                        if matches!(failure.kind, FailureKind::Refused | FailureKind::Closed) => {}
                    // The Host was not even sent.
                    Observation::Failed(failure) if failure.kind == FailureKind::Tls => {
                        return Judgement::unknown(failure.message.clone());
                    }
                    other => {
                        let answer = answered!(http(other));
                        let text = format!("{address} answers {} to Host {ALIEN}", answer.status);
                        match answer.status {
                            400..500 => {}
                            500.. => return Judgement::unknown(format!("{text}: ill, which is no refusal")),
                            _ => return Judgement::fail(text),
                        }
                    }
                }
            }
            let answer = answered!(http(through_edge));
            if answer.status >= 500 {
                return Judgement::unknown(format!("the site answers {}: a reflection would not show", answer.status));
            }
            let in_header = answer.headers.iter().find(|(_, value)| value.contains(ALIEN));
            if let Some((name, _)) = in_header {
                return Judgement::fail(format!("X-Forwarded-Host is reflected in `{name}`: a cache would keep it"));
            }
            if answer.body.text.contains(ALIEN) {
                return Judgement::fail("X-Forwarded-Host is reflected in the page: a cache would keep it");
            }
            if direct.is_empty() {
                return Judgement::pass("X-Forwarded-Host is not reflected; no origin address to ask directly");
            }
            Judgement::pass(format!("{} refuse an unknown Host; X-Forwarded-Host is not reflected", listed(&addresses)))
        }),
        remedy: "refuse unknown Host in the default server, and overwrite X-Forwarded-Host".to_owned(),
        source: "RFC 9110 7.4",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, failed, page, sample, verdict};
    use crate::probe::BurstAnswer;

    #[test]
    fn only_a_refusal_is_a_lock() {
        let (blueprint, site) = sample(&[]);
        let lock = check(&blueprint, &site, "origin.lock", "203.0.113.10");
        for (seen, wanted) in [
            (page(403, &[], ""), Verdict::Pass),
            (page(421, &[], ""), Verdict::Pass),
            (failed(FailureKind::Refused), Verdict::Pass),
            (page(429, &[], ""), Verdict::Warn),
            (page(200, &[], ""), Verdict::Fail),
            (page(302, &[], ""), Verdict::Fail),
            (page(404, &[], ""), Verdict::Fail),
            (page(502, &[], ""), Verdict::Unknown),
            (failed(FailureKind::TimedOut), Verdict::Unknown),
            (failed(FailureKind::Tls), Verdict::Unknown),
        ] {
            assert_eq!(verdict(&lock, std::slice::from_ref(&seen)), Some(wanted), "{seen:?}");
        }
    }

    #[test]
    fn each_machine_has_its_share() {
        let (blueprint, site) = sample(&[]);
        let spread = check(&blueprint, &site, "origin.spread", "covid19.reserve-civique.gouv.fr");
        for (shares, wanted) in [
            (&[100, 100, 100, 100][..], Verdict::Pass),
            // 4 standard deviations of 400 at a quarter each are 34.6.
            (&[66, 134, 100, 100], Verdict::Pass),
            (&[65, 135, 100, 100], Verdict::Warn),
            (&[134, 133, 133], Verdict::Fail),
            (&[80, 80, 80, 80, 80], Verdict::Warn),
            (&[40, 40, 40, 40], Verdict::Unknown),
            (&[], Verdict::Unknown),
        ] {
            let counted = shares.iter().enumerate().map(|(nth, share)| (format!("web-{nth}"), *share)).collect();
            let seen = Observation::Burst(BurstAnswer {
                at: jiff::Timestamp::UNIX_EPOCH,
                connected: String::new(),
                statuses: vec![],
                sending: Duration::ZERO,
                headers: BTreeMap::new(),
                counted,
            });
            assert_eq!(verdict(&spread, &[seen]), Some(wanted), "{shares:?}");
        }
    }

    #[test]
    fn an_address_that_answers_now_and_then_is_no_origin() {
        let (blueprint, site) = sample(&[]);
        let health = check(&blueprint, &site, "origin.ips.health", "203.0.113.10");
        for (lost, wanted) in
            [(0, Verdict::Pass), (1, Verdict::Warn), (2, Verdict::Fail), (9, Verdict::Fail), (10, Verdict::Unknown)]
        {
            for loss in [failed(FailureKind::Closed), failed(FailureKind::Refused), page(502, &[], "")] {
                let mut seen = vec![page(403, &[], ""); 10 - lost];
                seen.extend(vec![loss; lost]);
                assert_eq!(verdict(&health, &seen), Some(wanted), "{lost}");
            }
        }
    }

    #[test]
    fn an_unknown_host_is_refused_or_the_question_stays_open() {
        let (blueprint, site) = sample(&[]);
        let host = check(&blueprint, &site, "origin.host", site.host.as_str());
        let missing = || page(404, &[], "Not found");
        let refused = || page(421, &[], "");
        for (direct, through_edge, wanted) in [
            (refused(), missing(), Verdict::Pass),
            (failed(FailureKind::Closed), missing(), Verdict::Pass),
            (page(200, &[], "the site"), missing(), Verdict::Fail),
            (page(503, &[], ""), missing(), Verdict::Unknown),
            (failed(FailureKind::TimedOut), missing(), Verdict::Unknown),
            (failed(FailureKind::Tls), missing(), Verdict::Unknown),
            (refused(), page(404, &[("location", "https://golive-alien.invalid/")], ""), Verdict::Fail),
            (refused(), page(404, &[], "see golive-alien.invalid"), Verdict::Fail),
            (refused(), page(502, &[], ""), Verdict::Unknown),
        ] {
            let seen = [refused(), direct, through_edge];
            assert_eq!(verdict(&host, &seen), Some(wanted), "{seen:?}");
        }
    }
}
