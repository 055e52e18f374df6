//! `[dns]`: zones, who runs each, the records a launch needs and their TTLs.

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;
pub mod records;

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::blueprint::value::{Address, HostName, Label, Seconds, Text};
use crate::blueprint::{Finding, Site};
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};
use records::RecordSet;

/// The zones, who runs each, the records that the launch needs and their TTLs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// TTL of the records that the launch may have to change, from a day before it until a day after.
    #[serde(default = "five_minutes")]
    pub lowered_ttl_seconds: Seconds,
    /// TTL of the same records at other times; not below `lowered_ttl_seconds`.
    #[serde(default = "one_hour")]
    pub steady_ttl_seconds: Seconds,
    /// Public resolvers that many of the visitors use, of whom checks learn whether old answers are still told; give at
    /// least three, or none.
    #[serde(default)]
    pub resolvers: Vec<Resolver>,
    /// Each zone that holds a name of the blueprint.
    #[schemars(length(min = 1))]
    pub zones: Vec<Zone>,
}

fn five_minutes() -> Seconds {
    Seconds::new(300)
}

fn one_hour() -> Seconds {
    Seconds::new(3600)
}

/// One zone and whoever answers for it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// The apex of the zone.
    pub name: HostName,
    /// Who writes its records.
    pub run_by: RunBy,
    /// To whom the change request goes; required with `run_by = "ticket"`.
    #[serde(default)]
    pub ticket_to: Option<Text>,
    /// The authoritative servers; checks ask every one of them.
    #[schemars(length(min = 1))]
    pub servers: Vec<NameServer>,
    /// Servers of the zone above this one, which delegates it: checks compare what those say. Left out, that stays
    /// untested.
    #[serde(default)]
    pub parent_servers: Vec<NameServer>,
    /// Whether the zone is signed (DNSSEC) and the zone above vouches for its keys.
    #[serde(default)]
    pub signed: bool,
    /// Mailbox of the zone as its SOA record has it: `hostmaster.example.org` for `hostmaster@example.org`.
    pub hostmaster: HostName,
    /// SOA serial of the generated zone file; raise it with every change.
    #[schemars(range(min = 1, max = u32::MAX))]
    pub serial: u32,
    /// How long a resolver may remember that a name does not exist (RFC 2308, section 5).
    #[serde(default = "five_minutes")]
    pub negative_ttl_seconds: Seconds,
    /// Certification authorities that may issue, as CAA `issue` values (RFC 8659); `";"` for none. Left out: no CAA
    /// record, everyone may.
    #[serde(default)]
    pub certificate_authorities: Vec<Text>,
    /// Records that no other table of the blueprint asks for, one entry a name and type.
    #[serde(default)]
    pub records: Vec<RecordSet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunBy {
    /// The zone is delegated to Cloudflare: Terraform writes its records.
    Cloudflare,
    /// Somebody else types the records in: golive writes the request.
    Ticket,
    /// You run octoDNS, with any provider that it knows: golive writes its configuration.
    Octodns,
}

impl RunBy {
    /// As the blueprint writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            RunBy::Cloudflare => "cloudflare",
            RunBy::Ticket => "ticket",
            RunBy::Octodns => "octodns",
        }
    }
}

/// A public resolver.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolver {
    /// Whose it is, in a word.
    pub name: Label,
    /// Where checks ask it; one that the public can reach.
    #[schemars(with = "Address")]
    pub address: IpAddr,
}

/// One authoritative server, with one of its addresses.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NameServer {
    /// As in the NS records.
    pub name: HostName,
    /// Where checks ask it; one that the public can reach.
    #[schemars(with = "Address")]
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
    fn levers(&self, _: &Site) -> Vec<Lever> {
        Vec::new()
    }
}
