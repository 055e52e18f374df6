//! `[third_parties]`: vendors whose limits the launch leans on (JVA-21, DOC-8), partners who must not take it for an
//! attack, nor be taken for one (DOC-6).

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::blueprint::site::Partner;
use crate::blueprint::value::{Count, Day, Label, Network, Text};
use crate::blueprint::{Finding, Site};
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};
use crate::language::Said;

/// Those outside who must keep up, and those who must be warned.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThirdParties {
    /// Services that the site calls at the peak: search, mail, SMS.
    #[serde(default)]
    pub vendors: Vec<Vendor>,
    /// Organisations that call the site or carry its visitors.
    #[serde(default)]
    pub partners: Vec<PartnerTable>,
}

/// A service that the site calls, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    /// Names the letter, `letters/NAME.md`; each once, partners included.
    pub name: Label,
    /// What it does for the site.
    pub service: Service,
    /// What is counted, in the plural.
    pub unit: Text,
    /// How many the site needs at the peak, in `per`.
    pub needed: Count,
    /// How many the vendor promises, in `per`; a good promise is half as much again as what is needed. Left out:
    /// nothing is promised.
    #[serde(default)]
    pub promised: Option<Count>,
    /// The span of time that both numbers are counted in.
    pub per: Per,
    /// Day of the written promise. Left out: nothing is written, and a promise on the phone is none.
    #[serde(default)]
    pub in_writing_on: Option<Day>,
    /// Whom to call on the night, at any hour.
    pub contact: Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    Mail,
    Sms,
    Search,
    Payment,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    Second,
    Minute,
    Hour,
    Day,
}

impl Per {
    pub fn as_str(self) -> &'static str {
        match self {
            Per::Second => "second",
            Per::Minute => "minute",
            Per::Hour => "hour",
            Per::Day => "day",
        }
    }

    /// What documents call it.
    pub fn said(self) -> Said {
        let french = match self {
            Per::Second => "seconde",
            Per::Minute => "minute",
            Per::Hour => "heure",
            Per::Day => "jour",
        };
        Said::new(self.as_str(), french)
    }

    pub fn seconds(self) -> u64 {
        match self {
            Per::Second => 1,
            Per::Minute => 60,
            Per::Hour => 3600,
            Per::Day => 86_400,
        }
    }
}

/// An organisation that calls the site, or stands between it and its visitors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartnerTable {
    /// Names the letter, `letters/NAME.md`, and the rules that let it through.
    pub name: Label,
    /// What it has to do with the site.
    pub role: Text,
    /// Where its requests come from. None: it only carries visitors.
    #[serde(default)]
    pub addresses: Vec<Network>,
    /// Whom to call, at any hour.
    pub contact: Text,
    /// Day on which it was told of the launch. Left out: not yet.
    #[serde(default)]
    pub warned_on: Option<Day>,
}

impl ThirdParties {
    /// Who is let through filters, limits and queues.
    pub fn facts(&self) -> Vec<Partner> {
        self.partners
            .iter()
            .map(|partner| Partner {
                name: partner.name.clone(),
                addresses: partner.addresses.iter().map(|range| range.get()).collect(),
            })
            .collect()
    }

    /// The same, of a launch so many days later.
    #[must_use]
    pub fn later_by(mut self, days: i64) -> Self {
        for day in self.vendors.iter_mut().filter_map(|vendor| vendor.in_writing_on.as_mut()) {
            *day = day.later_by(days);
        }
        for day in self.partners.iter_mut().filter_map(|partner| partner.warned_on.as_mut()) {
            *day = day.later_by(days);
        }
        self
    }
}

impl Concern for ThirdParties {
    fn key(&self) -> &'static str {
        "third_parties"
    }
    fn findings(&self, site: &Site) -> Vec<Finding> {
        findings::findings(self, site)
    }
    fn fragments(&self, _site: &Site) -> Vec<Fragment> {
        fragments::fragments(self)
    }
    fn checks(&self, site: &Site) -> OneOrMore<Check> {
        checks::checks(self, site)
    }
    fn procedure(&self, _site: &Site) -> Procedure {
        procedure::procedure(self)
    }
    fn drills(&self, site: &Site) -> Drills {
        drills::drills(self, site)
    }
    fn levers(&self, _: &Site) -> Vec<Lever> {
        Vec::new()
    }
}
