//! `[dns]`: zones, who runs each, the records a launch needs and their TTLs.

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;

use std::net::IpAddr;

use serde::Deserialize;

use crate::blueprint::value::{HostName, Seconds, Text};
use crate::blueprint::{Finding, Site};
use crate::concerns::{Check, Concern, Drills, Fragment, OneOrMore, Procedure};

/// `[dns]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// TTL of the records that the launch may have to change, from a day before until a day after. Seconds.
    #[serde(default = "five_minutes")]
    pub lowered_ttl_seconds: Seconds,
    /// TTL of the same records at other times. Seconds.
    #[serde(default = "one_hour")]
    pub steady_ttl_seconds: Seconds,
    pub zones: Vec<Zone>,
}

fn five_minutes() -> Seconds {
    Seconds::new(300)
}

fn one_hour() -> Seconds {
    Seconds::new(3600)
}

/// `[[dns.zones]]`: one zone and whoever answers for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    pub name: HostName,
    pub run_by: RunBy,
    /// With `run_by = "ticket"`: to whom the change request goes.
    #[serde(default)]
    pub ticket_to: Option<Text>,
    /// The authoritative servers, each with one address; checks ask every one of them.
    pub servers: Vec<NameServer>,
    /// SOA RNAME in host-name form (`hostmaster.example.org` for hostmaster@example.org).
    pub hostmaster: HostName,
    /// SOA serial of the generated zone file; 1 to 4,294,967,295.
    pub serial: u32,
    /// How long a resolver may remember that a name does not exist (RFC 2308, section 5). Seconds.
    #[serde(default = "five_minutes")]
    pub negative_ttl_seconds: Seconds,
    /// Certification authorities allowed to issue, as CAA `issue` values (RFC 8659). Empty: no CAA record.
    #[serde(default)]
    pub certificate_authorities: Vec<Text>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunBy {
    /// The zone is delegated to Cloudflare: Terraform writes its records.
    Cloudflare,
    /// Somebody else types the records in: golive writes the request.
    Ticket,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameServer {
    pub name: HostName,
    pub address: IpAddr,
}

impl Concern for Dns {
    fn key(&self) -> &'static str {
        "dns"
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
