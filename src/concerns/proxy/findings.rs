//! Offline remarks on `[proxy]`.

use super::Proxy;
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::fragment::RunsOn;
use crate::concerns::rules;

/// What Scalingo's router takes: larger bodies are answered 413. MiB.
pub const LARGEST_BODY: u32 = 75;

/// Scalingo's router answers 504 when the first byte takes so long. Seconds.
const ROUTER_PATIENCE: u32 = 30;

/// More would be another kind of site.
pub const MOST_INSTANCES: u32 = 100;

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
    findings.extend(instances(proxy, site));
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

fn instances(proxy: &Proxy, site: &Site) -> Option<Finding> {
    let instances = proxy.instances?;
    let addresses = site.origin_addresses();
    let message = match proxy.runs_on {
        _ if !(1..=MOST_INSTANCES).contains(&instances) => {
            format!("{instances} is not a number of instances from 1 to {MOST_INSTANCES}")
        }
        RunsOn::Server if instances != addresses => {
            format!("{instances} machines cannot answer at {addresses} addresses: a plain machine has one of its own")
        }
        RunsOn::Scalingo if instances < addresses => {
            format!("{instances} containers behind {addresses} addresses: when one fails, so do several addresses")
        }
        RunsOn::Scalingo | RunsOn::Server => return None,
    };
    Some(Finding::error(
        &rules::PROXY_INSTANCES,
        KeyPath::of(["proxy", "instances"]),
        message,
        match proxy.runs_on {
            RunsOn::Scalingo => format!("run {addresses} or more"),
            RunsOn::Server => "leave it out: each address of `cdn.origins` is one".to_owned(),
        },
    ))
}
