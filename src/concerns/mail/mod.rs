//! `[mail]`: the domains that the site's mail comes from, the addresses that send it, and the domains that send
//! none (JVA-13).

mod checks;
mod dkim;
mod dmarc;
mod drills;
mod findings;
mod fragments;
mod lookup;
mod procedure;
mod spf;
mod tags;
mod transport;

pub use checks::WARM_DAYS;

use std::collections::BTreeSet;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::blueprint::site::{Foreign, MailFacts};
use crate::blueprint::value::{Address, Count, Day, DkimKey, HostName, Label, Mailbox, Seconds, Text};
use crate::blueprint::{Finding, Site};
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};

/// From so many messages a day to one receiver, the rules for bulk senders hold (Google: 5,000 or more; Microsoft: more
/// than 5,000).
const BULK: u32 = 5000;

/// Who sends the site's mail, in which names, and which names send none.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Who sends for the site, in the words of a letter to them.
    pub provider: Text,
    /// Messages expected on the day of the launch; from 5,000 on the rules for bulk senders hold.
    #[schemars(range(max = u32::MAX))]
    pub messages_per_day: u32,
    /// Messages in the busiest hour. Left out: half of those of the day.
    #[serde(default)]
    pub messages_per_hour: Option<Count>,
    /// Within how many hours the site sends what the provider does not take at once (JVA-19). Left out: it has no queue,
    /// and what the provider refuses is lost.
    #[serde(default)]
    pub deferred_hours: Option<Count>,
    /// Some of it is more than what its reader has just asked for: news, appeals. Large receivers then want
    /// `one_click_unsubscribe`.
    #[serde(default)]
    pub marketing: bool,
    /// Messages carry `List-Unsubscribe` and `List-Unsubscribe-Post` (RFC 8058).
    #[serde(default)]
    pub one_click_unsubscribe: bool,
    /// The domains that send, and those in whose name nobody may.
    #[schemars(length(min = 1))]
    pub domains: Vec<Domain>,
}

/// A domain behind the `@` of the site's mail, or one that nobody may put there.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// What stands behind the `@`; in a zone of `[dns]`.
    pub name: HostName,
    /// `false`: nobody sends or receives mail here. Null MX (RFC 7505) and an SPF policy that allows nobody.
    #[serde(default = "yes")]
    pub receives: bool,
    /// Mail servers of the domain, the preferred one first; required unless `receives = false`.
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
    /// Keys that sign the mail.
    #[serde(default)]
    pub dkim: Vec<Selector>,
    /// What receivers do with mail that only claims to be from here (RFC 9989).
    pub dmarc: Dmarc,
    /// The envelope's own domain, where the provider takes bounces. Left out: the domain itself.
    #[serde(default)]
    pub bounce: Option<Bounce>,
    /// The TXT record at the domain by which the provider knows whose it is: a mailbox that clicked a link is not enough
    /// (JVA-13).
    #[serde(default)]
    pub provider_proof: Option<Text>,
    /// How others are to bring mail here: over TLS and to these servers alone (RFC 8461).
    #[serde(default)]
    pub transport: Option<Transport>,
}

/// The MTA-STS policy of a domain that receives, served at `https://mta-sts.NAME/.well-known/mta-sts.txt`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transport {
    /// What senders do who cannot keep to it.
    pub mode: TransportMode,
    /// For how long senders remember the policy; at most 31557600, a year. Weeks are usual.
    pub max_age_seconds: Seconds,
    /// The address that serves the policy, over https with a certificate for `mta-sts.NAME`.
    #[schemars(with = "Address")]
    pub served_at: IpAddr,
    /// Mailboxes for reports on deliveries that failed or were not encrypted (TLS-RPT, RFC 8460).
    #[serde(default)]
    pub report_to: Vec<Mailbox>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TransportMode {
    /// Deliver nonetheless, and report.
    Testing,
    /// Do not deliver.
    Enforce,
}

impl TransportMode {
    fn as_str(self) -> &'static str {
        match self {
            TransportMode::Testing => "testing",
            TransportMode::Enforce => "enforce",
        }
    }
}

fn yes() -> bool {
    true
}

/// A dedicated address that sends.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    /// Where the mail comes from; one that the public can reach, each once.
    #[schemars(with = "Address")]
    pub address: IpAddr,
    /// Name in HELO, and the only one that the reverse zone gives the address; below the domain's name.
    pub helo: HostName,
    /// Day since which mail goes out from it, a little more each day. Receivers take weeks to trust a new address.
    #[serde(default)]
    pub warm_since: Option<Day>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Others {
    /// `-all`: whoever else sends is refused.
    #[default]
    Fail,
    /// `~all`: whoever else sends is suspect.
    Softfail,
}

/// A DKIM selector: the key itself, or the name at which the provider keeps it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// As signatures name it: the key is at `SELECTOR._domainkey` below the domain.
    pub selector: Label,
    /// The public key, to publish as a TXT record; either this or `key_at`.
    #[serde(default)]
    pub key: Option<DkimKey>,
    /// Where the provider publishes the key, to point to with a CNAME record; either this or `key`.
    #[serde(default)]
    pub key_at: Option<HostName>,
    /// Day on which the key was made; one that is older than a year is due for another.
    #[serde(default)]
    pub since: Option<Day>,
}

/// The DMARC policy (RFC 9989).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dmarc {
    /// What receivers do with mail that is neither signed nor sent as the domain says.
    pub policy: Policy,
    /// Mailboxes for the aggregate reports; their domain must agree in its DNS (RFC 9990), which is generated where a
    /// zone of the blueprint holds it.
    #[serde(default)]
    pub report_to: Vec<Mailbox>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Deliver it, and report.
    None,
    /// Treat it as suspect: most put it among the spam.
    Quarantine,
    /// Refuse it.
    Reject,
}

impl Policy {
    /// As a record has it (RFC 9989, section 4.8).
    fn read(text: &str) -> Option<Self> {
        [Self::None, Self::Quarantine, Self::Reject]
            .into_iter()
            .find(|policy| policy.as_str().eq_ignore_ascii_case(text))
    }

    fn as_str(self) -> &'static str {
        match self {
            Policy::None => "none",
            Policy::Quarantine => "quarantine",
            Policy::Reject => "reject",
        }
    }
}

/// The domain of the return path.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounce {
    /// What stands behind the `@` of the envelope; below the domain's name.
    pub name: HostName,
    /// The provider's mail server that takes the bounces.
    pub exchange: HostName,
}

impl Mail {
    /// `is_ours` says of a name whether a zone of the blueprint holds it.
    pub fn facts(&self, is_ours: impl Fn(&HostName) -> bool) -> MailFacts {
        let leaned_on = self.domains.iter().flat_map(|domain| {
            let includes = domain.spf_includes.iter().cloned().map(Foreign::SpfPolicy);
            let keys = domain.dkim.iter().filter_map(|selector| selector.key_at.clone()).map(Foreign::DkimKey);
            let bounce = domain.bounce.iter().map(|bounce| &bounce.exchange);
            let exchanges = domain.exchanges.iter().chain(bounce).cloned().map(Foreign::Exchange);
            let reverse = domain.senders.iter().map(|s| Foreign::Reverse(s.address, s.helo.clone()));
            let reports = domain.report_hosts().into_iter().filter(|host| !is_ours(host));
            let reports = reports.map(|host| Foreign::TakesReportsOn(domain.name.clone(), host));
            includes.chain(keys).chain(exchanges).chain(reverse).chain(reports).collect::<Vec<_>>()
        });
        let names = self.domains.iter().flat_map(Domain::spf_names).cloned().collect();
        MailFacts { leaned_on: leaned_on.collect(), names, table: self.clone() }
    }

    /// The same, of a launch so many days later.
    #[must_use]
    pub fn later_by(mut self, days: i64) -> Self {
        for domain in &mut self.domains {
            let keys = domain.dkim.iter_mut().filter_map(|selector| selector.since.as_mut());
            let senders = domain.senders.iter_mut().filter_map(|sender| sender.warm_since.as_mut());
            for day in keys.chain(senders) {
                *day = day.later_by(days);
            }
        }
        self
    }

    /// Whether somebody may send in the name of one of its domains.
    pub fn sends(&self) -> bool {
        self.domains.iter().any(Domain::sends)
    }

    /// Messages in the busiest hour.
    fn in_the_busiest_hour(&self) -> u64 {
        self.messages_per_hour.map_or_else(|| u64::from(self.messages_per_day.div_ceil(2)), |count| count.get().into())
    }

    /// Whether the rules for bulk senders hold. Receivers add up what comes from all names below one.
    pub fn is_bulk(&self) -> bool {
        self.messages_per_day >= BULK
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

    /// Where the MTA-STS policy is served, if there is one.
    pub fn policy_host(&self) -> Option<(String, IpAddr)> {
        self.transport.as_ref().map(|transport| (self.name.child("mta-sts"), transport.served_at))
    }

    /// Other names whose mailboxes take the reports on this one, each of which must agree by a record (RFC 9990): a
    /// receiver finds out that both belong together only where a record above both says so.
    fn report_hosts(&self) -> Vec<HostName> {
        let hosts: BTreeSet<HostName> = self.dmarc.report_to.iter().filter_map(|to| to.host().parse().ok()).collect();
        hosts.into_iter().filter(|host| *host != self.name).collect()
    }

    /// Where mail to each of its names goes: `None` is nowhere.
    fn exchanges_of_names(&self) -> Vec<(&HostName, Option<Vec<&HostName>>)> {
        let own = self.receives.then(|| self.exchanges.iter().collect());
        let bounce = self.bounce.iter().map(|bounce| (&bounce.name, Some(vec![&bounce.exchange])));
        [(&self.name, own)].into_iter().chain(bounce).collect()
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
    fn levers(&self, _: &Site) -> Vec<Lever> {
        Vec::new()
    }
}
