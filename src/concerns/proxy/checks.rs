//! What must be observable when `[proxy]` is live: the origin serves the CDN alone, under its own name alone.

use std::net::IpAddr;

use super::Proxy;
use crate::blueprint::Site;
use crate::concerns::answer::{answered, http, listed};
use crate::concerns::ask::{NONCE, get};
use crate::concerns::{Check, Judgement, OneOrMore, Safety};
use crate::probe::{FailureKind, Observation, Scheme};

const VALID_FOR_SECONDS: u32 = 3600;

/// A name that no blueprint can hold (RFC 2606).
const ALIEN: &str = "golive-alien.invalid";

pub fn checks(_proxy: &Proxy, site: &Site) -> OneOrMore<Check> {
    let origins: Vec<IpAddr> = site.cdn.as_ref().map(|cdn| cdn.origins.clone()).unwrap_or_default();
    let mut each: Vec<Check> = origins.iter().map(|address| lock(site, *address)).collect();
    // Of a single one the pages tell.
    if origins.len() > 1 {
        each.extend(origins.iter().map(|address| healthy(site, *address)));
    }
    OneOrMore(host(site, &origins), each)
}

/// `origin.lock`: asked directly, past the CDN, the origin refuses. The platform's own name for the app, which the
/// catalogue asks too, is not in the blueprint.
fn lock(site: &Site, address: IpAddr) -> Check {
    let ask = get(Scheme::Https, &site.host, "/").pinned(address);
    Check {
        id: "origin.lock",
        subject: address.to_string(),
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
    use super::*;
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, failed, page, sample, verdict};

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
