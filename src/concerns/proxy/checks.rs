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
    OneOrMore(host(site, &origins), origins.iter().map(|address| lock(site, *address)).collect())
}

/// `origin.lock`: asked directly, past the CDN, the origin refuses.
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
            // A bad certificate says nothing about who may enter.
            Observation::Failed(failure) if failure.kind == FailureKind::Tls => {
                Judgement::unknown(failure.message.clone())
            }
            other => {
                let answer = answered!(http(other));
                match answer.status {
                    403 | 421 => Judgement::pass(format!("answers {} to a visitor past the CDN", answer.status)),
                    429 => Judgement::warn("answers 429: limited, but not closed"),
                    status => Judgement::fail(format!("serves a visitor past the CDN: {status}")),
                }
            }
        }),
        remedy: "let the proxy refuse whoever does not come from the CDN's ranges".to_owned(),
        source: "Cloudflare docs, fundamentals/security/protect-your-origin-server; Scalingo nginx buildpack",
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
                        if matches!(failure.kind, FailureKind::Refused | FailureKind::Garbage | FailureKind::Tls) => {}
                    other => {
                        let answer = answered!(http(other));
                        if answer.status < 400 {
                            return Judgement::fail(format!("{address} answers {} to Host {ALIEN}", answer.status));
                        }
                    }
                }
            }
            let answer = answered!(http(through_edge));
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
