//! `[proxy]`: the nginx between CDN and app, which adds the cache headers that the app does not send (JVA-6).

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;

use serde::Deserialize;

use crate::blueprint::value::{Seconds, UrlPath};
use crate::blueprint::{Finding, Site};
use crate::concerns::fragment::{RunsOn, Upstream};
use crate::concerns::{Check, Concern, Drills, Fragment, OneOrMore, Procedure};

/// `[proxy]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    pub runs_on: RunsOn,
    /// The app, as `host:port`, reached over plain HTTP on a private network.
    #[serde(deserialize_with = "upstream")]
    pub upstream: Upstream,
    /// Answered by nginx itself.
    #[serde(default = "health")]
    pub health_path: UrlPath,
    #[serde(default = "three")]
    pub connect_timeout_seconds: Seconds,
    /// Below the platform router's own limit (Scalingo: 30 s to the first byte).
    #[serde(default = "twenty_five")]
    pub read_timeout_seconds: Seconds,
    /// Largest request body, 1 to 75 MiB.
    #[serde(default = "one")]
    pub body_limit_mib: u32,
}

fn health() -> UrlPath {
    "/__health".parse().expect("a constant path")
}

fn three() -> Seconds {
    Seconds::new(3)
}

fn twenty_five() -> Seconds {
    Seconds::new(25)
}

fn one() -> u32 {
    1
}

/// `host:port`, the host being a name or an IPv4 address.
fn upstream<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Upstream, D::Error> {
    use serde::de::Error;
    let text = String::deserialize(deserializer)?;
    let refuse = || D::Error::custom(format!("`{}` is not `host:port`", text.escape_debug()));
    let (host, port) = text.rsplit_once(':').ok_or_else(refuse)?;
    let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(refuse)?;
    let is_name = host.parse::<crate::blueprint::value::HostName>().is_ok();
    let is_address = host.parse::<std::net::Ipv4Addr>().is_ok();
    if !(is_name || is_address) {
        return Err(refuse());
    }
    Ok(Upstream { host: host.to_owned(), port })
}

impl Concern for Proxy {
    fn key(&self) -> &'static str {
        "proxy"
    }
    fn findings(&self, site: &Site) -> Vec<Finding> {
        findings::findings(self, site)
    }
    fn fragments(&self, site: &Site) -> Vec<Fragment> {
        fragments::fragments(self, site)
    }
    fn checks(&self, site: &Site) -> OneOrMore<Check> {
        checks::checks(self, site)
    }
    fn procedure(&self, site: &Site) -> Procedure {
        procedure::procedure(self, site)
    }
    fn drills(&self, site: &Site) -> Drills {
        drills::drills(self, site)
    }
}
