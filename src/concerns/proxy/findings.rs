//! Offline remarks on `[proxy]`.

use super::Proxy;
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::fragment::RunsOn;
use crate::concerns::rules;

/// What Scalingo's router takes: larger bodies are answered 413. MiB.
pub const LARGEST_BODY: u32 = 75;

/// Scalingo's router answers 504 when the first byte takes so long. Seconds.
const ROUTER_PATIENCE: u32 = 30;

pub fn findings(proxy: &Proxy, site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !(1..=LARGEST_BODY).contains(&proxy.body_limit_mib) {
        findings.push(Finding::error(
            &rules::PROXY_BODY_LIMIT,
            KeyPath::of(["proxy", "body_limit_mib"]),
            match proxy.body_limit_mib {
                0 => "0 means `no limit` to nginx".to_owned(),
                more => format!("{more} MiB is more than the router before nginx lets in"),
            },
            format!("take the largest upload that the site has, 1 to {LARGEST_BODY}"),
        ));
    }
    findings.extend(containers(site));
    let patience = proxy.read_timeout_seconds.get();
    if proxy.runs_on == RunsOn::Scalingo && patience >= ROUTER_PATIENCE {
        findings.push(Finding::error(
            &rules::PROXY_READ_TIMEOUT,
            KeyPath::of(["proxy", "read_timeout_seconds"]),
            format!("nginx would wait for {patience} s, but the router answers 504 after {ROUTER_PATIENCE} s"),
            format!("take less than {ROUTER_PATIENCE}"),
        ));
    }
    findings
}

/// Each nginx counts by itself, so a number that nobody runs makes every limit another one.
fn containers(site: &Site) -> Option<Finding> {
    let addresses = site.origin_addresses();
    (site.proxies < addresses).then(|| {
        Finding::error(
            &rules::PROXY_CONTAINERS,
            KeyPath::of(["apps", "apps"]),
            format!(
                "{} containers of nginx behind {addresses} addresses: one that restarts takes the site along",
                site.proxies
            ),
            format!("run {addresses} `web` containers of the front or more"),
        )
    })
}
