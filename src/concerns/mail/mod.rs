//! `[mail]`: the domains that the site's mail comes from, the addresses that send it, and the domains that send
//! none (JVA-13).

mod checks;
mod drills;
mod findings;
mod fragments;
mod lookup;
mod procedure;
mod spf;

use std::net::IpAddr;

use serde::Deserialize;

use crate::blueprint::site::{Foreign, MailFacts};
use crate::blueprint::value::{DkimKey, HostName, Label, Mailbox, Text};
use crate::blueprint::{Finding, Site};
use crate::concerns::{Check, Concern, Drills, Fragment, OneOrMore, Procedure};

/// `[mail]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Who sends for the site, in the words of a letter to them.
    pub provider: Text,
    /// Messages expected on the day of the launch; above 5,000 the rules for bulk senders hold.
    pub messages_per_day: u32,
    pub domains: Vec<Domain>,
}

/// `[[mail.domains]]`: a domain that stands behind the `@` of the site's mail, or that is protected from it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    pub name: HostName,
    /// `false`: nobody sends or receives mail here. Null MX (RFC 7505) and an SPF policy that allows nobody.
    #[serde(default = "yes")]
    pub receives: bool,
    /// Mail servers of the domain, the preferred one first.
    #[serde(default)]
    pub exchanges: Vec<HostName>,
    /// Dedicated addresses, each with the name by which it introduces itself.
    #[serde(default)]
    pub senders: Vec<Sender>,
    /// Names whose SPF policies are included: the provider's.
    #[serde(default)]
    pub spf_includes: Vec<HostName>,
    /// What SPF says of everybody else.
    #[serde(default)]
    pub spf_others: Others,
    #[serde(default)]
    pub dkim: Vec<Selector>,
    pub dmarc: Dmarc,
    /// The envelope's own domain, where the provider takes bounces; absent: the domain itself.
    #[serde(default)]
    pub bounce: Option<Bounce>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    pub address: IpAddr,
    /// Name in HELO, and the only one that the reverse zone gives the address.
    pub helo: HostName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Others {
    /// `-all`: whoever else sends is refused.
    #[default]
    Fail,
    /// `~all`: whoever else sends is suspect.
    Softfail,
}

/// A DKIM selector: the key itself, or the name at which the provider keeps it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    pub selector: Label,
    #[serde(default)]
    pub key: Option<DkimKey>,
    #[serde(default)]
    pub key_at: Option<HostName>,
}

/// The DMARC policy (RFC 9989).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dmarc {
    pub policy: Policy,
    /// Mailboxes for the aggregate reports.
    #[serde(default)]
    pub report_to: Vec<Mailbox>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    None,
    Quarantine,
    Reject,
}

impl Policy {
    fn as_str(self) -> &'static str {
        match self {
            Policy::None => "none",
            Policy::Quarantine => "quarantine",
            Policy::Reject => "reject",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounce {
    pub name: HostName,
    pub exchange: HostName,
}

impl Mail {
    pub fn facts(&self) -> MailFacts {
        let leaned_on = self.domains.iter().flat_map(|domain| {
            let includes = domain.spf_includes.iter().cloned().map(Foreign::SpfPolicy);
            let keys = domain.dkim.iter().filter_map(|selector| selector.key_at.clone()).map(Foreign::DkimKey);
            let bounce = domain.bounce.iter().map(|bounce| &bounce.exchange);
            let exchanges = domain.exchanges.iter().chain(bounce).cloned().map(Foreign::Exchange);
            let reverse = domain.senders.iter().map(|s| Foreign::Reverse(s.address, s.helo.clone()));
            let reports = domain
                .dmarc
                .report_to
                .iter()
                .filter(|mailbox| !same_organisation(domain.name.as_str(), mailbox.host()))
                .filter_map(|mailbox| Some(Foreign::TakesReportsOn(domain.name.clone(), mailbox.host().parse().ok()?)));
            includes.chain(keys).chain(exchanges).chain(reverse).chain(reports).collect::<Vec<_>>()
        });
        MailFacts { leaned_on: leaned_on.collect() }
    }
}

impl Domain {
    /// Whether somebody may send in its name.
    fn sends(&self) -> bool {
        !self.senders.is_empty() || !self.spf_includes.is_empty()
    }

    /// The names that SPF is asked about: the domain, the envelope's, and those of HELO.
    fn spf_names(&self) -> impl Iterator<Item = &HostName> {
        let bounce = self.bounce.iter().map(|bounce| &bounce.name);
        [&self.name].into_iter().chain(bounce).chain(self.senders.iter().map(|sender| &sender.helo))
    }

    /// The domain of the envelope, which SPF is evaluated for.
    fn envelope(&self) -> &HostName {
        self.bounce.as_ref().map_or(&self.name, |bounce| &bounce.name)
    }

    /// Where mail to each of its names goes: `None` is nowhere.
    fn exchanges_of_names(&self) -> Vec<(&HostName, Option<Vec<&HostName>>)> {
        let own = self.receives.then(|| self.exchanges.iter().collect());
        let bounce = self.bounce.iter().map(|bounce| (&bounce.name, Some(vec![&bounce.exchange])));
        [(&self.name, own)].into_iter().chain(bounce).collect()
    }
}

/// Whether both names are under one registered domain. DMARC walks up the DNS instead (RFC 9989);
/// offline the list of public suffixes is the nearest answer.
fn same_organisation(one: &str, other: &str) -> bool {
    match (psl::domain_str(one), psl::domain_str(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

impl Concern for Mail {
    fn key(&self) -> &'static str {
        "mail"
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
