//! `[cdn]`: the edge in front of the site: provider, plan, whose zone it is, settings, origins.

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::blueprint::value::{Address, HeaderName, HostName, Seconds, Text};
use crate::blueprint::{Finding, Site};
use crate::concerns::fragment::CertificateAuthority;
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};

/// The edge in front of the site.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cdn {
    /// Who runs the edge.
    pub provider: Provider,
    /// What is paid for; it decides which settings exist.
    pub plan: Plan,
    /// The zone as the CDN knows it; holds `site.host`.
    pub zone: HostName,
    /// How names of the zone come to the CDN.
    pub setup: Setup,
    /// Value of the TXT record that keeps the zone verified, for good; required with `setup = "partial"`.
    #[serde(default)]
    pub verification_key: Option<Text>,
    /// Where the CDN sends what it cannot answer itself; addresses that it can reach.
    #[schemars(length(min = 1), with = "Vec<Address>")]
    pub origins: Vec<IpAddr>,
    /// Pages from the Internet Archive when the origin cannot be reached; cancels stale serving.
    #[serde(default)]
    pub always_online: bool,
    /// Lowest TLS version offered to visitors.
    #[serde(default)]
    pub min_tls: MinTls,
    /// For how long browsers insist on https for `site.host` (Strict-Transport-Security); 0 withdraws it.
    pub hsts_max_age_seconds: Seconds,
    /// An edge certificate that is ordered, and there before the name moves; left out, Cloudflare orders one by itself
    /// when it likes. Advanced Certificate Manager, paid apart on every plan.
    #[serde(default)]
    pub certificate: Option<Certificate>,
    /// Watches the origins and leaves out those that are ill; left out, each visitor is sent to any of them. Paid apart
    /// on every plan.
    #[serde(default)]
    pub load_balancer: Option<Balancing>,
    /// Headers that the edge sets or removes on every answer of the site.
    #[serde(default)]
    pub response_headers: Vec<Header>,
}

/// An edge certificate for every name of the site and the zone's own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Who signs it; the zone's CAA records must let them.
    pub authority: CertificateAuthority,
    /// For how long it is valid.
    #[serde(default = "ninety")]
    #[schemars(title = "days", extend("enum" = [14, 30, 90, 365]))]
    pub validity_days: u32,
}

/// How the origins are watched: asked over https for the proxy's health, or for `/` where there is no proxy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Balancing {
    /// Time between two questions to an origin; two bad answers in a row take it out, two good ones back in.
    #[serde(default = "sixty")]
    #[schemars(title = "seconds", range(min = 10, max = 3600))]
    pub interval_seconds: u32,
    /// From where they are asked, by Cloudflare's names of regions such as WEU; none: as the plan has it.
    #[serde(default)]
    pub check_regions: Vec<Region>,
}

/// A region of Cloudflare's health checks (API reference, load_balancers/regions).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Region {
    /// Eastern North America.
    Enam,
    /// Western North America.
    Wnam,
    /// Western Europe.
    Weu,
    /// Eastern Europe.
    Eeu,
    /// Northern Africa.
    Naf,
    /// Southern Africa.
    Saf,
    /// Middle East.
    Me,
    /// Oceania.
    Oc,
    /// North-east Asia.
    Neas,
    /// South-east Asia.
    Seas,
    /// Southern Asia.
    Sas,
    /// Northern South America.
    Nsam,
    /// Southern South America.
    Ssam,
}

impl Region {
    fn as_str(self) -> &'static str {
        match self {
            Region::Enam => "ENAM",
            Region::Wnam => "WNAM",
            Region::Weu => "WEU",
            Region::Eeu => "EEU",
            Region::Naf => "NAF",
            Region::Saf => "SAF",
            Region::Me => "ME",
            Region::Oc => "OC",
            Region::Neas => "NEAS",
            Region::Seas => "SEAS",
            Region::Sas => "SAS",
            Region::Nsam => "NSAM",
            Region::Ssam => "SSAM",
        }
    }
}

/// A response header, whatever the app says of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Its name, in any case of letters.
    pub name: HeaderName,
    /// Its value on every answer, in ASCII; left out, the header is removed.
    #[serde(default)]
    pub set: Option<Text>,
}

fn ninety() -> u32 {
    90
}

fn sixty() -> u32 {
    60
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Cloudflare,
}

/// A Cloudflare plan, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    Free,
    Pro,
    Business,
    Enterprise,
}

/// Whether the CDN runs the DNS of the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Setup {
    /// Delegated: the registrar points at Cloudflare's name servers.
    Full,
    /// By CNAME: somebody else runs the zone and points names at the CDN.
    Partial,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
pub enum MinTls {
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

impl Concern for Cdn {
    fn key(&self) -> &'static str {
        "cdn"
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
    fn levers(&self, _: &Site) -> Vec<Lever> {
        Vec::new()
    }
}
