//! Configuration that `[cdn]` asks for.

use std::net::IpAddr;

use super::{Cdn, MinTls, Setup};
use crate::blueprint::Site;
use crate::blueprint::site::PublicHost;
use crate::blueprint::value::UrlPath;
use crate::concerns::Fragment;
use crate::concerns::fragment::{
    CdnRecord, CertificatePack, Expression, LoadBalancer, RedirectRule, ResponseHeader, SettingValue, ZoneRecord,
    ZoneSetting, for_good,
};
use crate::concerns::tls::ACME_PATH;
use crate::language::Said;
use crate::probe::RecordData;
use crate::providers::cloudflare;

pub fn fragments(cdn: &Cdn, site: &Site) -> Vec<Fragment> {
    let mut fragments = public_records(cdn, site);
    fragments.extend(origins(cdn, site));
    fragments.extend(cdn.certificate.as_ref().map(|certificate| {
        Fragment::CertificatePack(CertificatePack {
            authority: certificate.authority,
            validity_days: certificate.validity_days,
            hosts: std::iter::once(&cdn.zone).chain(site.hosts.iter().map(|host| &host.name)).cloned().collect(),
        })
    }));
    fragments.extend(cdn.response_headers.iter().map(|header| {
        Fragment::ResponseHeader(ResponseHeader { name: header.name.clone(), value: header.set.clone() })
    }));
    fragments.extend(settings(cdn).into_iter().map(Fragment::ZoneSetting));
    fragments.push(Fragment::RedirectRule(RedirectRule {
        name: "https_only".to_owned(),
        description: "Plain http goes to https, except where certification authorities look".to_owned(),
        // The phase sees every proxied host of the zone, and others than the site's are not ours to redirect.
        expression: Expression::All(vec![
            Expression::served(site),
            Expression::PlainHttp,
            Expression::Not(Box::new(Expression::PathStartsWith(ACME_PATH.to_owned()))),
        ]),
        to_https: true,
        status: 301,
    }));
    fragments
}

/// Where the edge sends what it cannot answer: a load balancer, which takes the place of the records of its name, or
/// these.
fn origins(cdn: &Cdn, site: &Site) -> Vec<Fragment> {
    if let Some(balancing) = &cdn.load_balancer {
        return vec![Fragment::LoadBalancer(LoadBalancer {
            hosts: site.hosts.iter().map(|host| host.name.clone()).collect(),
            origins: cdn.origins.clone(),
            health_path: site.health_path.clone().unwrap_or_else(UrlPath::root),
            interval_seconds: balancing.interval_seconds,
            check_regions: balancing.check_regions.iter().map(|region| region.as_str()).collect(),
        })];
    }
    let record = |host: &PublicHost, origin: &IpAddr| {
        Fragment::CdnRecord(CdnRecord {
            name: host.name.clone(),
            data: address_data(*origin),
            proxied: true,
            comment: "origin of the site".to_owned(),
        })
    };
    site.hosts.iter().flat_map(|host| cdn.origins.iter().map(move |origin| record(host, origin))).collect()
}

/// In a partial zone, what whoever runs the DNS must publish (Cloudflare docs, dns/zone-setups/partial-setup).
fn public_records(cdn: &Cdn, site: &Site) -> Vec<Fragment> {
    if cdn.setup != Setup::Partial {
        return Vec::new();
    }
    let mut fragments = Vec::new();
    for PublicHost { name, .. } in &site.hosts {
        let Some(zone) = site.zone_of(name) else { continue };
        fragments.push(Fragment::Record(ZoneRecord {
            zone: zone.name.clone(),
            name: name.to_string(),
            data: RecordData::Cname(cloudflare::partial_target(name)),
            ttl: site.lowered_ttl,
            why: Said::new(
                "sends the site's visitors through Cloudflare",
                "fait passer les visiteurs du site par Cloudflare",
            ),
            until: Said::new(
                format!("as long as Cloudflare serves the site; TTL {} after the launch", site.steady_ttl),
                format!("tant que Cloudflare sert le site ; TTL {} après le lancement", site.steady_ttl),
            ),
        }));
    }
    if let Some(key) = &cdn.verification_key {
        let zone = site.zone_of(&cdn.zone).map_or(&cdn.zone, |zone| &zone.name);
        fragments.push(Fragment::Record(ZoneRecord {
            zone: zone.clone(),
            name: cloudflare::verification_name(&cdn.zone),
            data: RecordData::Txt(key.as_str().to_owned()),
            ttl: site.steady_ttl,
            why: Said::new(
                "proves to Cloudflare that the zone's owner wants it; without it the site stops",
                "prouve à Cloudflare l'accord du titulaire de la zone ; sans lui, le site s'arrête",
            ),
            until: for_good(),
        }));
    }
    fragments
}

fn settings(cdn: &Cdn) -> Vec<ZoneSetting> {
    let setting = |id, value: &str, why: &str| ZoneSetting {
        id,
        value: SettingValue::Text(value.to_owned()),
        why: why.to_owned(),
    };
    let min_tls = match cdn.min_tls {
        MinTls::Tls12 => "1.2",
        MinTls::Tls13 => "1.3",
    };
    let always_online = if cdn.always_online { "on" } else { "off" };
    vec![
        setting("ssl", "strict", "The edge accepts only an origin whose certificate verifies."),
        setting(
            "always_use_https",
            "off",
            "It would catch the path of certification authorities too; the rule https_only spares it.",
        ),
        setting("min_tls_version", min_tls, "Older versions are forbidden (RFC 8996)."),
        setting("tls_1_3", "on", "One round trip less for each new visitor."),
        ZoneSetting {
            id: "browser_cache_ttl",
            value: SettingValue::Number(0),
            why: "0 obeys the origin; the default of 14400 overrides every shorter max-age.".to_owned(),
        },
        setting("brotli", "on", "Smaller pages on phones."),
        setting("0rtt", "off", "A request sent early can be sent again by somebody else: a sign-up twice."),
        setting("http3", "on", "Survives a change of network on phones."),
        setting("automatic_https_rewrites", "off", "Pages leave the edge as the app wrote them."),
        setting(
            "always_online",
            always_online,
            "While it is on, Cloudflare ignores stale-while-revalidate and stale-if-error.",
        ),
        ZoneSetting {
            id: "security_header",
            value: SettingValue::Hsts { max_age: cdn.hsts_max_age_seconds, include_subdomains: false },
            why: "Strict-Transport-Security (RFC 6797); other names of the zone are not ours to bind.".to_owned(),
        },
    ]
}

fn address_data(address: IpAddr) -> RecordData {
    match address {
        IpAddr::V4(address) => RecordData::A(address),
        IpAddr::V6(address) => RecordData::Aaaa(address),
    }
}
