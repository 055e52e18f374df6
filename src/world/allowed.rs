//! What a run may contact: names and addresses of the blueprint, and the ranges of its CDN for names of ours that
//! lead there (facts of the check catalogue, section 3, rule 1). Must not look anything up.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::blueprint::site::ZoneFacts;
use crate::blueprint::value::HostName;
use crate::blueprint::{Site, value};
use crate::concerns::apps::Region;
use crate::concerns::lever::Action;
use crate::concerns::mail::Domain;
use crate::probe::{ApiProbe, ApiProvider};

#[derive(Debug, Clone, Default)]
pub struct Allowed {
    /// Names sent in SNI and Host, lower case: the site's, those that the blueprint redirects, what is announced, the tops
    /// of zones, names to which the zones' own records give addresses, and those of mail policies.
    pub hosts: BTreeSet<String>,
    /// Names that the zones' own records make aliases of others: they may lead anywhere, since the blueprint sends its
    /// visitors there. The platform's own name of the app before the others, too.
    pub aliases: BTreeSet<String>,
    /// Addresses that the blueprint names: name servers, origins, redirect machines.
    pub addresses: BTreeSet<IpAddr>,
    /// Resolvers that the blueprint names; asked about names, and nothing else.
    pub resolvers: BTreeSet<IpAddr>,
    /// Where names of the blueprint may also lead. `None`: the blueprint has no CDN and does not say where its host
    /// lives, so that any public address to which a name of ours leads is ours.
    pub ranges: Option<Vec<IpNet>>,
    /// Zones of which the CDN's API may be asked.
    pub zones: BTreeSet<String>,
    /// Where the platform's API is.
    pub region: Option<Region>,
    /// Apps of which the platform's API may be asked, each with the variables whose values a check compares.
    pub apps: BTreeMap<String, BTreeSet<String>>,
}

impl Allowed {
    pub fn of(site: &Site) -> Self {
        let redirected = site.redirected.iter().flat_map(|entry| &entry.names);
        let servers = site.zones.iter().flat_map(|zone| zone.servers.iter().chain(&zone.parent_servers));
        let origins = site.cdn.iter().flat_map(|cdn| cdn.origins.iter().copied());
        let machines = site.redirected.iter().flat_map(|entry| entry.addresses.iter().copied());
        // Where the policies of mail domains are served.
        let mail = site.mail.iter().flat_map(|mail| &mail.table.domains);
        let (policy_hosts, policy_addresses): (Vec<_>, Vec<_>) = mail.filter_map(Domain::policy_host).unzip();
        Self {
            hosts: redirected
                .chain(site.hosts.iter().map(|host| &host.name))
                .chain(site.zones.iter().map(|zone| &zone.name))
                .map(|name| name.as_str().to_owned())
                .chain(site.zones.iter().flat_map(ZoneFacts::addressed))
                .chain([site.announced.to_string()])
                .chain(policy_hosts)
                .collect(),
            aliases: site
                .zones
                .iter()
                .flat_map(ZoneFacts::aliases)
                .filter(|(name, _)| name.parse::<HostName>().is_ok())
                .map(|(name, _)| name.to_owned())
                // The platform says where its names lead.
                .chain(site.platform_name().map(|name| name.to_string()))
                .collect(),
            addresses: servers
                .map(|(_, address)| *address)
                .chain(origins)
                .chain(machines)
                .chain(policy_addresses)
                .collect(),
            resolvers: site.resolvers.iter().map(|(_, address)| *address).collect(),
            ranges: site.cdn.as_ref().map(|cdn| cdn.ranges.clone()),
            zones: site.cdn.iter().map(|cdn| cdn.zone.to_string()).collect(),
            region: site.platform.as_ref().map(|platform| platform.region),
            apps: apps(site),
        }
    }

    /// Whether a provider may be asked this: the path begins with a zone or an app of the blueprint.
    pub(super) fn has_read(&self, probe: &ApiProbe) -> bool {
        let mut parts = probe.path.split('/').skip(1);
        match (probe.provider, parts.next(), parts.next()) {
            (ApiProvider::Cloudflare, Some("zones" | "accounts"), Some(zone)) => self.zones.contains(zone),
            (ApiProvider::Scalingo, Some("apps"), Some(app)) => self.apps.contains_key(app),
            (ApiProvider::Scalingo, Some("databases"), Some(name)) => {
                name.split_once('.').is_some_and(|(app, _)| self.apps.contains_key(app))
            }
            _ => false,
        }
    }

    /// Whether a lever may change this: an app or a zone of the blueprint, and of variables those that are switches of it.
    pub(super) fn has_action(&self, action: &Action) -> bool {
        match action {
            Action::SetVariable { app, name, .. } => {
                self.apps.get(app.as_str()).is_some_and(|compared| compared.contains(name.as_str()))
            }
            Action::Restart { app } | Action::AutoDeploy { app, .. } => self.apps.contains_key(app.as_str()),
            Action::Room { zone, .. } | Action::Rule { zone, .. } => self.zones.contains(zone.as_str()),
        }
    }

    /// Whether this zone of the CDN is the blueprint's.
    pub(super) fn has_zone(&self, zone: &str) -> bool {
        self.zones.contains(zone)
    }

    pub(super) fn has_host(&self, host: &str) -> bool {
        self.hosts.contains(host) || self.is_alias(host)
    }

    pub(super) fn is_alias(&self, host: &str) -> bool {
        self.aliases.contains(host)
    }

    /// Whether a probe may be pinned to this address: the blueprint's, or the CDN's (names are checked apart).
    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address) || self.ranges.iter().flatten().any(|range| range.contains(&address))
    }

    pub(super) fn has_resolver(&self, address: IpAddr) -> bool {
        self.resolvers.contains(&address)
    }

    /// Whether a name of ours may lead to this address.
    pub(super) fn has_resolved(&self, address: IpAddr) -> bool {
        self.ranges.is_none() || self.has_address(address)
    }
}

/// Each app that the blueprint names, with the variables that checks compare: those that hold no secret, and the switches
/// of the degraded mode and of the app's own cache.
fn apps(site: &Site) -> BTreeMap<String, BTreeSet<String>> {
    let mut apps: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for app in site.platform.iter().flat_map(|platform| &platform.apps) {
        let plain = app.plain_variables().into_iter().map(|(name, _)| name);
        apps.entry(app.name.to_string()).or_default().extend(plain);
    }
    if let Some(degraded) = &site.degraded {
        for app in &degraded.apps {
            apps.entry(app.to_string()).or_default().insert(degraded.variable.to_string());
        }
    }
    if let Some(cache) = &site.read_cache {
        for app in &cache.apps {
            apps.entry(app.to_string()).or_default().insert(cache.variable.to_string());
        }
    }
    for app in site.front.iter().chain(site.database.iter().map(|database| &database.app)) {
        apps.entry(app.to_string()).or_default();
    }
    apps
}

/// Why a live run does not contact an address, if it is none of the public Internet's. A blueprint may name
/// documentation addresses, which lint lets pass; nobody of ours is ever behind one.
pub(super) fn why_not_contacted(address: IpAddr) -> Option<&'static str> {
    if value::is_documentation(address) {
        return Some("it is for documentation only (RFC 5737, RFC 3849, RFC 9637)");
    }
    value::why_not_public(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_addresses_are_not_contacted_and_the_public_internet_is() {
        for refused in
            ["192.0.2.53", "198.51.100.21", "203.0.113.10", "2001:db8::1", "3fff::1", "::ffff:192.0.2.1", "10.1.2.3"]
        {
            assert!(why_not_contacted(refused.parse().unwrap()).is_some(), "{refused}");
        }
        for public in ["1.1.1.1", "104.16.0.10", "2606:4700::1", "::ffff:1.1.1.1"] {
            assert_eq!(why_not_contacted(public.parse().unwrap()), None, "{public}");
        }
    }

    #[test]
    fn without_a_cdn_a_name_of_ours_may_lead_anywhere_but_pins_are_the_blueprints() {
        let allowed = Allowed::default();
        assert!(allowed.has_resolved("1.1.1.1".parse().unwrap()));
        assert!(!allowed.has_address("1.1.1.1".parse().unwrap()));
        let behind_cdn = Allowed { ranges: Some(vec!["104.16.0.0/13".parse().unwrap()]), ..allowed };
        assert!(behind_cdn.has_resolved("104.16.0.10".parse().unwrap()));
        assert!(!behind_cdn.has_resolved("1.1.1.1".parse().unwrap()));
    }
}
