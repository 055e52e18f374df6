//! Fragments composed into artifacts: one composer an output, all quoting, order, merging and clashes.
//!
//! Must not decide what a site needs.

mod calendar;
mod cloudflare;
mod crisis_card;
mod documents;
mod expression;
mod hcl;
mod letters;
mod nginx;
pub mod octodns;
mod runbooks;
mod scalingo;
mod sheets;
pub(crate) mod templates;
mod terraform;
mod varnish;
pub mod zone;

pub use calendar::calendar;
pub use cloudflare::{blocks_for, utc as event_time};
pub use crisis_card::is_overfull;
pub use documents::{Moments, announcement_timezone, moments, transport_policy_path};
pub use expression::{address as address_text, write as condition_text};
pub use nginx::{ClassValues, class_values, folder};

use std::panic::resume_unwind;
use std::thread;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::blueprint::{Blueprint, Site};
use crate::concerns::fragment::{
    AddressList, AppVariable, CacheRule, CapacitySheet, CdnRecord, CertificatePack, CustomRule, DatabaseAddon, Letter,
    LeverCard, LoadBalancer, MailProvider, ManagedRules, ModeSwitch, MovedPath, PeopleSheet, PlatformApp, ProxyServer,
    RateLimit, RedirectRule, RedirectServer, ResponseClass, ResponseHeader, StaticCache, TransportPolicy, WaitingRoom,
    ZoneRecord, ZoneSetting,
};
use crate::concerns::{Concern, Fragment};
use crate::language::{Language, Said};

/// One generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Path below `generated/<site>/`, `/`-separated.
    pub path: String,
    pub text: String,
}

/// Two fragments that cannot both be obeyed, or a value that an output has no way to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Clash(pub String);

/// A fragment with the concern that asked for it, for the messages of clashes.
#[derive(Debug, Clone)]
pub struct Asked<T> {
    pub by: &'static str,
    pub what: T,
}

/// How a document tells texts and moments: in the site's language, at the announcement's offset from UTC.
#[derive(Debug, Clone)]
struct Clock {
    language: Language,
    timezone: TimeZone,
}

impl Clock {
    fn at(&self, instant: Timestamp) -> String {
        self.language.moment(instant, &self.timezone)
    }

    fn told(&self, said: &Said) -> String {
        said.told_in(self.language).to_owned()
    }
}

/// The fragments of concerns, by slot.
#[derive(Debug, Default)]
pub struct Slots {
    pub records: Vec<Asked<ZoneRecord>>,
    pub cdn_records: Vec<Asked<CdnRecord>>,
    pub zone_settings: Vec<Asked<ZoneSetting>>,
    pub cache_rules: Vec<Asked<CacheRule>>,
    pub redirect_rules: Vec<Asked<RedirectRule>>,
    pub proxies: Vec<Asked<ProxyServer>>,
    pub classes: Vec<Asked<ResponseClass>>,
    pub redirect_servers: Vec<Asked<RedirectServer>>,
    pub moved_paths: Vec<Asked<MovedPath>>,
    pub mail_providers: Vec<Asked<MailProvider>>,
    pub transport_policies: Vec<Asked<TransportPolicy>>,
    pub rate_limits: Vec<Asked<RateLimit>>,
    pub app_variables: Vec<Asked<AppVariable>>,
    pub mode_switches: Vec<Asked<ModeSwitch>>,
    pub custom_rules: Vec<Asked<CustomRule>>,
    pub managed_rules: Vec<Asked<ManagedRules>>,
    pub address_lists: Vec<Asked<AddressList>>,
    pub waiting_rooms: Vec<Asked<WaitingRoom>>,
    pub load_balancers: Vec<Asked<LoadBalancer>>,
    pub certificate_packs: Vec<Asked<CertificatePack>>,
    pub response_headers: Vec<Asked<ResponseHeader>>,
    pub apps: Vec<Asked<PlatformApp>>,
    pub databases: Vec<Asked<DatabaseAddon>>,
    pub letters: Vec<Asked<Letter>>,
    pub capacity: Vec<Asked<CapacitySheet>>,
    pub people: Vec<Asked<PeopleSheet>>,
    pub lever_cards: Vec<Asked<LeverCard>>,
    pub static_caches: Vec<Asked<StaticCache>>,
}

impl Slots {
    pub fn of(concerns: &[&dyn Concern], site: &Site) -> Self {
        let mut slots = Self::default();
        for concern in concerns {
            let by = concern.key();
            for fragment in concern.fragments(site) {
                // No `_`: a new kind must name its slot.
                match fragment {
                    Fragment::Record(what) => slots.records.push(Asked { by, what }),
                    Fragment::CdnRecord(what) => slots.cdn_records.push(Asked { by, what }),
                    Fragment::ZoneSetting(what) => slots.zone_settings.push(Asked { by, what }),
                    Fragment::CacheRule(what) => slots.cache_rules.push(Asked { by, what }),
                    Fragment::RedirectRule(what) => slots.redirect_rules.push(Asked { by, what }),
                    Fragment::ProxyServer(what) => slots.proxies.push(Asked { by, what }),
                    Fragment::ResponseClass(what) => slots.classes.push(Asked { by, what }),
                    Fragment::RedirectServer(what) => slots.redirect_servers.push(Asked { by, what }),
                    Fragment::MovedPath(what) => slots.moved_paths.push(Asked { by, what }),
                    Fragment::MailProvider(what) => slots.mail_providers.push(Asked { by, what }),
                    Fragment::TransportPolicy(what) => slots.transport_policies.push(Asked { by, what }),
                    Fragment::RateLimit(what) => slots.rate_limits.push(Asked { by, what }),
                    Fragment::AppVariable(what) => slots.app_variables.push(Asked { by, what }),
                    Fragment::ModeSwitch(what) => slots.mode_switches.push(Asked { by, what }),
                    Fragment::CustomRule(what) => slots.custom_rules.push(Asked { by, what }),
                    Fragment::ManagedRules(what) => slots.managed_rules.push(Asked { by, what }),
                    Fragment::AddressList(what) => slots.address_lists.push(Asked { by, what }),
                    Fragment::WaitingRoom(what) => slots.waiting_rooms.push(Asked { by, what }),
                    Fragment::LoadBalancer(what) => slots.load_balancers.push(Asked { by, what }),
                    Fragment::CertificatePack(what) => slots.certificate_packs.push(Asked { by, what }),
                    Fragment::ResponseHeader(what) => slots.response_headers.push(Asked { by, what }),
                    Fragment::PlatformApp(what) => slots.apps.push(Asked { by, what }),
                    Fragment::DatabaseAddon(what) => slots.databases.push(Asked { by, what }),
                    Fragment::Letter(what) => slots.letters.push(Asked { by, what }),
                    Fragment::CapacitySheet(what) => slots.capacity.push(Asked { by, what }),
                    Fragment::PeopleSheet(what) => slots.people.push(Asked { by, what }),
                    Fragment::LeverCard(what) => slots.lever_cards.push(Asked { by, what }),
                    Fragment::StaticCache(what) => slots.static_caches.push(Asked { by, what }),
                }
            }
        }
        slots
    }
}

/// Every artifact of the site, in path order. Pure: same blueprint, same bytes.
///
/// # Errors
///
/// All clashes at once, each naming the concerns and the values.
pub fn compose(blueprint: &Blueprint, site: &Site) -> Result<Vec<Artifact>, Vec<Clash>> {
    let mut artifacts = compose_of(&blueprint.concerns(), blueprint, site)?;
    artifacts.extend(runbooks::artifacts(blueprint, site));
    artifacts.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(artifacts)
}

/// What the site's artifacts would be if these of its concerns alone asked for something, without the runbooks, which are
/// about all of them. The zones stand as long as `[dns]` is among them, whoever asks for their records.
///
/// # Errors
///
/// As [`compose`].
pub fn compose_of(concerns: &[&dyn Concern], blueprint: &Blueprint, site: &Site) -> Result<Vec<Artifact>, Vec<Clash>> {
    let slots = Slots::of(concerns, site);
    // Side by side: these two grow with the blueprint, by thousands of records and of moved paths.
    let ((zones, zone_files, mut clashes), (proxy, more)) = thread::scope(|scope| {
        let proxy = scope.spawn(|| nginx::proxy(&slots));
        let zones = zones(concerns, &slots, blueprint, site);
        (zones, proxy.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    clashes.extend(more);
    let (cloudflare, more) = cloudflare::plan(blueprint.cdn.as_ref(), site, &slots, &zones);
    clashes.extend(more);
    let (redirects, more) = nginx::redirects(&slots.redirect_servers, &slots.rate_limits);
    clashes.extend(more);
    let (varnish, more) = varnish::artifacts(&slots.static_caches, site);
    clashes.extend(more);
    let (octodns, more) = octodns::artifacts(&zones);
    clashes.extend(more);
    let (scalingo, more) = scalingo::terraform(&slots);
    clashes.extend(more);
    let parts: Vec<terraform::Part> = cloudflare::terraform(&cloudflare).into_iter().chain(scalingo).collect();
    let (terraform, more) = terraform::module(&parts, blueprint.terraform.as_ref());
    clashes.extend(more);
    if !clashes.is_empty() {
        return Err(clashes);
    }

    let mut artifacts = terraform;
    artifacts.extend(cloudflare::payloads(&cloudflare));
    artifacts.extend(proxy);
    artifacts.extend(redirects);
    artifacts.extend(varnish);
    artifacts.extend(octodns);
    artifacts.extend(zone_files);
    artifacts.extend(slots.mail_providers.iter().flat_map(|asked| documents::mail(&asked.what, blueprint, site)));
    artifacts.extend(slots.transport_policies.iter().map(|asked| documents::transport_policy(&asked.what)));
    artifacts.extend(slots.letters.iter().map(|asked| letters::letter(&asked.what, blueprint, site)));
    artifacts.extend(slots.capacity.iter().map(|asked| sheets::capacity(&asked.what, site)));
    artifacts.extend(slots.people.iter().map(|asked| sheets::people(&asked.what, blueprint, site)));
    artifacts
        .extend(slots.people.iter().flat_map(|asked| crisis_card::artifacts(&asked.what, &slots, blueprint, site)));
    artifacts.push(documents::procedures(concerns, blueprint, site));
    let readme = documents::readme(&slots, &zones, &artifacts, site);
    artifacts.push(readme);
    artifacts.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(artifacts)
}

/// The zones, their files and requests, and what cannot be had together in them.
fn zones<'a>(
    concerns: &[&dyn Concern],
    slots: &Slots,
    blueprint: &'a Blueprint,
    site: &Site,
) -> (Vec<zone::ZonePlan<'a>>, Vec<Artifact>, Vec<Clash>) {
    if !concerns.iter().any(|concern| concern.key() == blueprint.dns.key()) {
        return Default::default();
    }
    let (zones, clashes) = zone::plan(&blueprint.dns, &slots.records);
    let mut files = Vec::new();
    for plan in &zones {
        files.push(Artifact { path: format!("dns/{}.zone", plan.zone.name), text: zone::file(plan) });
        if zone::is_by_ticket(plan) && !plan.records.is_empty() {
            files.extend(documents::request(plan, blueprint, site));
        }
    }
    (zones, files, clashes)
}
