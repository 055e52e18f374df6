//! Fragments composed into artifacts: one composer an output, all quoting, order, merging and clashes.
//!
//! Must not decide what a site needs.

mod cloudflare;
mod documents;
mod expression;
mod hcl;
mod letters;
mod nginx;
pub mod octodns;
mod scalingo;
mod sheets;
mod templates;
mod terraform;
pub mod zone;

pub use documents::{Moments, moments};
pub use nginx::{ClassValues, class_values, folder};

use crate::blueprint::{Blueprint, Site};
use crate::concerns::fragment::{
    AppVariable, CacheRule, CapacitySheet, CdnRecord, DatabaseAddon, Letter, MailProvider, MovedPath, PeopleSheet,
    PlatformApp, ProxyServer, RateLimit, RedirectRule, RedirectServer, ResponseClass, ZoneRecord, ZoneSetting,
};
use crate::concerns::{Concern, Fragment};

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
    pub rate_limits: Vec<Asked<RateLimit>>,
    pub app_variables: Vec<Asked<AppVariable>>,
    pub apps: Vec<Asked<PlatformApp>>,
    pub databases: Vec<Asked<DatabaseAddon>>,
    pub letters: Vec<Asked<Letter>>,
    pub capacity: Vec<Asked<CapacitySheet>>,
    pub people: Vec<Asked<PeopleSheet>>,
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
                    Fragment::RateLimit(what) => slots.rate_limits.push(Asked { by, what }),
                    Fragment::AppVariable(what) => slots.app_variables.push(Asked { by, what }),
                    Fragment::PlatformApp(what) => slots.apps.push(Asked { by, what }),
                    Fragment::DatabaseAddon(what) => slots.databases.push(Asked { by, what }),
                    Fragment::Letter(what) => slots.letters.push(Asked { by, what }),
                    Fragment::CapacitySheet(what) => slots.capacity.push(Asked { by, what }),
                    Fragment::PeopleSheet(what) => slots.people.push(Asked { by, what }),
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
    compose_of(&blueprint.concerns(), blueprint, site)
}

/// What the site's artifacts would be if these of its concerns alone asked for something. The zones stand as long as
/// `[dns]` is among them, whoever asks for their records.
///
/// # Errors
///
/// As [`compose`].
pub fn compose_of(concerns: &[&dyn Concern], blueprint: &Blueprint, site: &Site) -> Result<Vec<Artifact>, Vec<Clash>> {
    let slots = Slots::of(concerns, site);
    let (zones, mut clashes) = match concerns.iter().any(|concern| concern.key() == blueprint.dns.key()) {
        true => zone::plan(&blueprint.dns, &slots.records),
        false => Default::default(),
    };
    let wanted = cloudflare::Wanted {
        settings: &slots.zone_settings,
        cache_rules: &slots.cache_rules,
        redirect_rules: &slots.redirect_rules,
        cdn_records: &slots.cdn_records,
    };
    let (cloudflare, more) = cloudflare::plan(blueprint.cdn.as_ref(), &wanted, &zones);
    clashes.extend(more);
    let (proxy, more) = nginx::proxy(&slots.proxies, &slots.classes, &slots.moved_paths);
    clashes.extend(more);
    let (redirects, more) = nginx::redirects(&slots.redirect_servers);
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
    artifacts.extend(octodns);
    for plan in &zones {
        artifacts.push(Artifact { path: format!("dns/{}.zone", plan.zone.name), text: zone::file(plan) });
        if zone::is_by_ticket(plan) && !plan.records.is_empty() {
            artifacts.extend(documents::request(plan, blueprint, site));
        }
    }
    artifacts.extend(slots.mail_providers.iter().flat_map(|asked| documents::mail(&asked.what, blueprint, site)));
    artifacts.extend(slots.letters.iter().map(|asked| letters::letter(&asked.what, blueprint, site)));
    artifacts.extend(slots.capacity.iter().map(|asked| sheets::capacity(&asked.what, site)));
    artifacts.extend(slots.people.iter().map(|asked| sheets::people(&asked.what, blueprint, site)));
    artifacts.push(documents::procedures(concerns, blueprint, site));
    let readme = documents::readme(&slots, &zones, &artifacts, site);
    artifacts.push(readme);
    artifacts.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(artifacts)
}
