//! The site: facts that several concerns need, resolved once from the blueprint.
//!
//! Must stay a pure function of the blueprint; the only exception is [`Site::on_the_eve_of`], which moves the
//! announcement so that a rehearsal is played on the day before it.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use super::value::{CookieName, HostName, Label, PathPrefix, Seconds, Text, Upstream, UrlPath, VariableName, Word};
use super::{Blueprint, KeyPath};
use crate::concerns::apps::{App, Apps};
use crate::concerns::audience::Audience;
use crate::concerns::cache::{Class, ReadCache};
use crate::concerns::cdn::{Plan, Setup};
use crate::concerns::database::Database;
use crate::concerns::degraded_mode::DegradedMode;
use crate::concerns::dns::RunBy;
use crate::concerns::dns::records::{RecordKind, RecordSet};
use crate::concerns::fragment::RunsOn;
use crate::concerns::mail::Mail;
use crate::concerns::people::{Attested, People};
use crate::concerns::third_parties::{Service, ThirdParties};
use crate::language::Language;
use crate::probe::RecordData;
use crate::providers::cloudflare;

#[derive(Debug, Clone)]
pub struct Site {
    pub name: Label,
    pub title: Text,
    /// The name that serves the pages, first of [`Self::hosts`].
    pub host: HostName,
    /// What the public is told to type.
    pub announced: HostName,
    /// Every public name behind the CDN and the proxy, `host` first.
    pub hosts: Vec<PublicHost>,
    pub contact: Text,
    /// Of the documents for people.
    pub language: Language,
    pub announcement: Timestamp,
    pub pages: Vec<UrlPath>,
    pub zones: Vec<ZoneFacts>,
    /// Public resolvers that many visitors use, by name.
    pub resolvers: Vec<(Label, IpAddr)>,
    /// TTL of the records that the launch may have to change, around the announcement.
    pub lowered_ttl: Seconds,
    /// TTL of records at other times.
    pub steady_ttl: Seconds,
    pub cdn: Option<CdnFacts>,
    /// Names that only redirect, with the addresses that answer for them.
    pub redirected: Vec<RedirectedNames>,
    /// `None`: the blueprint says nothing about mail.
    pub mail: Option<MailFacts>,
    /// Whether an nginx of golive's stands before the app.
    pub has_proxy: bool,
    /// Where it runs, if there is one.
    pub proxy_runs_on: Option<RunsOn>,
    /// Where it answers itself, for the probes of the platform.
    pub health_path: Option<UrlPath>,
    /// The app of the platform that it is, where it is one.
    pub front: Option<Label>,
    /// How many of them run side by side, each counting by itself; 0 where none does.
    pub proxies: u32,
    /// Starts of paths that nothing may store.
    pub private_paths: Vec<PathPrefix>,
    /// Starts of paths whose file names carry a content hash.
    pub fingerprinted_paths: Vec<PathPrefix>,
    /// Paths at which checks look for the headers of a class: samples, and pages of further names.
    pub classed_paths: Vec<UrlPath>,
    /// Paths that checks ask for, those of pages and those of classes, each once.
    pub sampled_paths: Vec<UrlPath>,
    /// The cookie by which the app knows a visitor.
    pub session_cookie: Option<CookieName>,
    /// The waiting room is not suspended: it sets a cookie on every answer.
    pub waiting_room_is_open: bool,
    /// Who is let through filters, limits and queues.
    pub partners: Vec<Partner>,
    /// Whether the CDN filters requests.
    pub has_waf: bool,
    /// Apps on the platform.
    pub apps: Vec<AppFacts>,
    /// The switch to a site with less to do; `None`: it has none.
    pub degraded: Option<DegradedFacts>,
    // What the arithmetic and the duties of people are judged on: whole tables, which a drill may edit.
    pub platform: Option<Apps>,
    pub read_cache: Option<ReadCache>,
    pub database: Option<Database>,
    pub audience: Option<Audience>,
    pub third_parties: Option<ThirdParties>,
    pub people: Option<People>,
    /// What was seen of that which no program sees, oldest first.
    pub attested: Vec<Attested>,
}

/// How the degraded mode is switched, and seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DegradedFacts {
    pub variable: VariableName,
    pub on: Word,
    pub off: Word,
    /// Apps of the platform that read the variable.
    pub apps: Vec<Label>,
    /// Roles that may decide it.
    pub decided_by: Vec<Label>,
}

/// Somebody whose requests must not be taken for an attack (DOC-6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    pub name: Label,
    pub addresses: Vec<IpNet>,
}

/// An app on the platform, by its name there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppFacts {
    pub name: Label,
}

/// A name that serves pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicHost {
    pub name: HostName,
    pub pages: Vec<UrlPath>,
    /// `None`: the proxy's own.
    pub upstream: Option<Upstream>,
}

#[derive(Debug, Clone)]
pub struct ZoneFacts {
    pub name: HostName,
    pub run_by: RunBy,
    pub servers: Vec<(HostName, IpAddr)>,
    /// Servers of the zone above, which delegates this one; empty: the blueprint does not name them.
    pub parent_servers: Vec<(HostName, IpAddr)>,
    /// How long a resolver remembers that a name is not there, in seconds (RFC 2308, section 5).
    pub negative_ttl: Seconds,
    /// Whether the zone is signed, and the zone above vouches for its keys.
    pub is_signed: bool,
    /// The zone's own records that lead somewhere, by name: addresses, aliases, exchanges, servers of zones below. Data
    /// that cannot be read is left out.
    pub records: Vec<(String, RecordData)>,
    /// CAA `issue` values; empty: whoever asks may be issued to.
    pub certificate_authorities: Vec<Text>,
}

impl ZoneFacts {
    /// Names to which the zone's own records give addresses; no wildcards.
    pub fn addressed(&self) -> impl Iterator<Item = String> {
        let of = |(name, data): &(String, RecordData)| {
            matches!(data, RecordData::A(_) | RecordData::Aaaa(_)).then(|| name.clone())
        };
        let mut names: Vec<String> = self.records.iter().filter_map(of).filter(|name| !name.starts_with('*')).collect();
        names.dedup();
        names.into_iter()
    }

    /// Names that the zone's own records make aliases, which vendors of ours may answer for, with their targets.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.records.iter().filter_map(|(name, data)| match data {
            RecordData::Cname(target) => Some((name.as_str(), target.as_str())),
            _ => None,
        })
    }

    /// Whether the CDN's own name servers answer for the zone.
    pub fn is_run_by_cdn(&self) -> bool {
        self.run_by == RunBy::Cloudflare
    }
}

#[derive(Debug, Clone)]
pub struct CdnFacts {
    pub zone: HostName,
    pub plan: Plan,
    pub setup: Setup,
    /// Published edge ranges.
    pub ranges: Vec<IpNet>,
    pub origins: Vec<IpAddr>,
    /// Whether some class of routes counts on old copies being served.
    pub serves_stale: bool,
}

#[derive(Debug, Clone)]
pub struct RedirectedNames {
    pub names: Vec<HostName>,
    pub addresses: Vec<IpAddr>,
    pub to: HostName,
}

/// What the site's mail leans on that others publish.
#[derive(Debug, Clone)]
pub struct MailFacts {
    pub leaned_on: Vec<Foreign>,
    /// Names that have an SPF policy.
    pub names: Vec<HostName>,
    /// The whole table, which a drill may edit.
    pub table: Mail,
}

/// A record that is not golive's to generate, and without which mail fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// The name has an SPF policy, which ours includes.
    SpfPolicy(HostName),
    /// The name holds a DKIM key, to which ours leads.
    DkimKey(HostName),
    /// The name has an address, and takes our mail.
    Exchange(HostName),
    /// The address has this name.
    Reverse(IpAddr, HostName),
    /// The second name takes the reports on the first (RFC 9990).
    TakesReportsOn(HostName, HostName),
}

impl Site {
    /// Resolves the facts. `announcement` has been checked to be an instant by [`super::load()`].
    pub fn new(blueprint: &Blueprint, announcement: Timestamp) -> Self {
        let table = &blueprint.site;
        let cdn =
            blueprint.cdn.as_ref().map(|cdn| CdnFacts {
                zone: cdn.zone.clone(),
                plan: cdn.plan,
                setup: cdn.setup,
                ranges: cloudflare::edge_ranges(),
                origins: cdn.origins.clone(),
                serves_stale: blueprint.cache.iter().flat_map(|cache| &cache.classes).any(|class| {
                    class.stale_while_revalidate_seconds.is_some() || class.stale_if_error_seconds.is_some()
                }),
            });
        let redirected = blueprint
            .redirects
            .iter()
            .flat_map(|redirects| &redirects.servers)
            .map(|server| RedirectedNames {
                names: server.names.clone(),
                addresses: server.addresses.clone(),
                to: server.to.clone(),
            })
            .collect();
        let origin_addresses = cdn.as_ref().map_or(1, |cdn| count(&cdn.origins));
        let classes: Vec<&Class> = blueprint.cache.iter().flat_map(|cache| &cache.classes).collect();
        let paths_of = |chosen: &dyn Fn(&Class) -> bool| -> Vec<PathPrefix> {
            classes.iter().filter(|class| chosen(class)).flat_map(|class| class.paths.clone()).collect()
        };
        let of_hosts = table.hosts.iter().flat_map(|host| &host.pages);
        let classed_paths: Vec<UrlPath> =
            of_hosts.chain(classes.iter().flat_map(|class| &class.samples)).cloned().collect();
        let mut sampled_paths = table.pages.clone();
        for path in &classed_paths {
            if !sampled_paths.contains(path) {
                sampled_paths.push(path.clone());
            }
        }
        let first = PublicHost { name: table.host.clone(), pages: table.pages.clone(), upstream: None };
        let further = table.hosts.iter().map(|host| PublicHost {
            name: host.name.clone(),
            pages: host.pages.clone(),
            upstream: host.upstream.clone(),
        });
        Self {
            name: table.name.clone(),
            title: table.title.clone(),
            announced: table.announced.clone().unwrap_or_else(|| table.host.clone()),
            host: table.host.clone(),
            hosts: std::iter::once(first).chain(further).collect(),
            contact: table.contact.clone(),
            language: table.language,
            announcement,
            pages: table.pages.clone(),
            zones: blueprint
                .dns
                .zones
                .iter()
                .map(|zone| ZoneFacts {
                    name: zone.name.clone(),
                    run_by: zone.run_by,
                    servers: zone.servers.iter().map(|s| (s.name.clone(), s.address)).collect(),
                    parent_servers: zone.parent_servers.iter().map(|s| (s.name.clone(), s.address)).collect(),
                    negative_ttl: zone.negative_ttl_seconds,
                    is_signed: zone.signed,
                    records: leading(&zone.records),
                    certificate_authorities: zone.certificate_authorities.clone(),
                })
                .collect(),
            resolvers: blueprint.dns.resolvers.iter().map(|one| (one.name.clone(), one.address)).collect(),
            lowered_ttl: blueprint.dns.lowered_ttl_seconds,
            steady_ttl: blueprint.dns.steady_ttl_seconds,
            cdn,
            redirected,
            mail: blueprint
                .mail
                .as_ref()
                .map(|mail| mail.facts(|name| blueprint.dns.zones.iter().any(|zone| name.is_within(&zone.name)))),
            has_proxy: blueprint.proxy.is_some(),
            proxy_runs_on: blueprint.proxy.as_ref().map(|proxy| proxy.runs_on),
            health_path: blueprint.proxy.as_ref().map(|proxy| proxy.health_path.clone()),
            front: front(blueprint).map(|app| app.name.clone()),
            proxies: proxies(blueprint, origin_addresses),
            private_paths: paths_of(&|class| !class.store),
            fingerprinted_paths: paths_of(&|class| class.fingerprinted),
            classed_paths,
            sampled_paths,
            session_cookie: blueprint.cache.as_ref().and_then(|cache| cache.session_cookie.clone()),
            waiting_room_is_open: blueprint.waiting_room.as_ref().is_some_and(|room| !room.suspended),
            has_waf: blueprint.waf.is_some(),
            partners: blueprint.third_parties.as_ref().map(ThirdParties::facts).unwrap_or_default(),
            apps: blueprint.apps.as_ref().map(Apps::facts).unwrap_or_default(),
            degraded: blueprint.degraded_mode.as_ref().map(DegradedMode::facts),
            platform: blueprint.apps.clone(),
            read_cache: blueprint.cache.as_ref().and_then(|cache| cache.read_cache.clone()),
            database: blueprint.database.clone(),
            audience: blueprint.audience.clone(),
            third_parties: blueprint.third_parties.clone(),
            people: blueprint.people.clone(),
            attested: blueprint.people.as_ref().map(|people| people.attested.clone()).unwrap_or_default(),
        }
    }

    /// At how many addresses the CDN finds the site; without one at a single one, as far as the blueprint says.
    pub fn origin_addresses(&self) -> u32 {
        self.cdn.as_ref().map_or(1, |cdn| count(&cdn.origins))
    }

    /// Whether several machines of the proxy answer behind one address, so that somebody else spreads the requests.
    pub fn is_spread(&self) -> bool {
        self.cdn.is_some() && self.health_path.is_some() && self.proxies > self.origin_addresses()
    }

    /// The same site, announced a day after `now`: a rehearsal is played on the eve.
    #[must_use]
    pub fn on_the_eve_of(mut self, now: Timestamp) -> Self {
        let announcement = now + SignedDuration::from_hours(24);
        let later = announcement.duration_since(self.announcement);
        // Days fall where they fell from the announcement's: what was fresh stays fresh.
        let days = later.as_hours() / 24;
        self.announcement = announcement;
        self.mail = self.mail.map(|mail| MailFacts { table: mail.table.later_by(days), ..mail });
        self.read_cache = self.read_cache.map(|cache| cache.later_by(days));
        self.database = self.database.map(|database| database.later_by(days));
        self.audience = self.audience.map(|audience| audience.later_by(days));
        self.third_parties = self.third_parties.map(|parties| parties.later_by(days));
        self.people = self.people.map(|people| people.later_by(later));
        for answer in &mut self.attested {
            answer.on = answer.on.later_by(days);
        }
        self
    }

    /// Where the blueprint names the host of that place in [`Self::hosts`].
    pub fn place_of_host(index: usize) -> KeyPath {
        match index.checked_sub(1) {
            None => KeyPath::of(["site", "host"]),
            Some(further) => KeyPath::of(["site", "hosts"]).index(further).key("name"),
        }
    }

    /// The longest that any of the zones has a resolver remember that a name is not there, in seconds.
    pub fn longest_negative_ttl(&self) -> u32 {
        self.zones.iter().map(|zone| zone.negative_ttl.get()).max().unwrap_or(0)
    }

    /// Whether somebody sends mail in the name of a domain of the blueprint.
    pub fn sends_mail(&self) -> bool {
        self.mail.as_ref().is_some_and(|mail| mail.table.sends())
    }

    /// What the vendor of mail promises, as messages and the seconds within which they are counted; no promise is 0. `None`: the blueprint names no such vendor.
    pub fn mail_quota(&self) -> Option<(u64, u64)> {
        let vendors = self.third_parties.iter().flat_map(|parties| &parties.vendors);
        let mut of_mail = vendors.filter(|vendor| vendor.service == Service::Mail);
        // The first: a second vendor is for another day, since each has its own records.
        of_mail.next().map(|vendor| (vendor.promised.map_or(0, |count| count.get().into()), vendor.per.seconds()))
    }

    /// The most specific zone of the blueprint that holds this name.
    pub fn zone_of(&self, name: &HostName) -> Option<&ZoneFacts> {
        self.zones.iter().filter(|zone| name.is_within(&zone.name)).max_by_key(|zone| zone.name.as_str().len())
    }

    /// The name that the platform gives the app that stands before the others, and that nobody can take from it
    /// (Scalingo docs, platform/app/domain). It leads past the CDN.
    pub fn platform_name(&self) -> Option<HostName> {
        let (front, platform) = (self.front.as_ref()?, self.platform.as_ref()?);
        format!("{front}.{}.scalingo.io", platform.region.as_str()).parse().ok()
    }

    /// Pages on which apps say how they are.
    pub fn health_paths(&self) -> impl Iterator<Item = &UrlPath> {
        self.platform.iter().flat_map(|platform| &platform.apps).filter_map(|app| app.health_path.as_ref())
    }

    /// Whether the proxy sends `no-store` with what is below this path.
    pub fn is_marked_private(&self, path: &str) -> bool {
        self.has_proxy && self.private_paths.iter().any(|start| path.starts_with(start.as_str()))
    }

    /// Whether the CDN stands before this name.
    pub fn is_behind_cdn(&self, name: &HostName) -> bool {
        self.cdn.is_some() && self.hosts.iter().any(|host| host.name == *name)
    }
}

fn leading(records: &[RecordSet]) -> Vec<(String, RecordData)> {
    let leads = |set: &&RecordSet| {
        use RecordKind::{A, Aaaa, Cname, Mx, Ns};
        matches!(set.kind, A | Aaaa | Cname | Mx | Ns)
    };
    let each = records
        .iter()
        .filter(leads)
        .flat_map(|set| set.values.iter().filter_map(|value| Some((set.name.to_string(), set.kind.data(value).ok()?))));
    each.collect()
}

/// The app that says it is the proxy, where that runs on the platform.
fn front(blueprint: &Blueprint) -> Option<&App> {
    let is_app = blueprint.proxy.as_ref().is_some_and(|proxy| proxy.runs_on == RunsOn::Scalingo);
    blueprint.apps.iter().filter(|_| is_app).flat_map(|apps| &apps.apps).find(|app| app.front)
}

/// How many nginx run before the app: on the platform the containers of the front, on plain machines one at each
/// address.
fn proxies(blueprint: &Blueprint, addresses: u32) -> u32 {
    if blueprint.proxy.is_none() {
        return 0;
    }
    let mut containers = front(blueprint).into_iter().flat_map(|app| &app.containers);
    containers.find(|container| container.kind.as_str() == "web").map_or(addresses, |web| web.count.get())
}

/// At least one: a list without addresses is a finding, and no reason to divide by nothing.
fn count(addresses: &[IpAddr]) -> u32 {
    u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1)
}
