//! Offline remarks on `[cdn]`.

use std::collections::HashSet;

use super::{Cdn, Plan, Setup};
use crate::blueprint::value::{HostName, why_not_public};
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::fragment::CertificateAuthority;
use crate::concerns::rules;
use crate::providers::cloudflare;

/// Between two questions to an origin, whatever the plan (docs, load-balancing/reference/limitations).
const INTERVAL_SECONDS: std::ops::RangeInclusive<u32> = 10..=3600;

pub fn findings(cdn: &Cdn, site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(apexes(cdn, site));
    findings.extend(plan(cdn));
    findings.extend(zone(cdn, site));
    findings.extend(verification_key(cdn));
    findings.extend(always_online(cdn, site));
    findings.extend(origins(cdn));
    findings.extend(setup(cdn, site));
    findings.extend(authorities(cdn, site));
    findings.extend(certificate(cdn));
    findings.extend(load_balancer(cdn));
    findings.extend(headers(cdn));
    findings
}

/// Which lifetimes the authorities sign (Cloudflare docs, ssl/reference/certificate-validity-periods).
fn certificate(cdn: &Cdn) -> Option<Finding> {
    let certificate = cdn.certificate.as_ref()?;
    let days: &[u32] = match certificate.authority {
        CertificateAuthority::LetsEncrypt => &[90],
        CertificateAuthority::Google => &[14, 30, 90],
        CertificateAuthority::SslCom => &[14, 30, 90, 365],
    };
    (!days.contains(&certificate.validity_days)).then(|| {
        let known: Vec<String> = days.iter().map(ToString::to_string).collect();
        Finding::error(
            &rules::CDN_CERTIFICATE_DAYS,
            KeyPath::of(["cdn", "certificate", "validity_days"]),
            format!(
                "{} signs for {} days, not for {}",
                certificate.authority.as_str(),
                known.join(", "),
                certificate.validity_days
            ),
            "take 90",
        )
    })
}

fn load_balancer(cdn: &Cdn) -> Option<Finding> {
    let balancing = cdn.load_balancer.as_ref()?;
    (!INTERVAL_SECONDS.contains(&balancing.interval_seconds)).then(|| {
        Finding::error(
            &rules::CDN_MONITOR_INTERVAL,
            KeyPath::of(["cdn", "load_balancer", "interval_seconds"]),
            format!("origins cannot be asked every {} s", balancing.interval_seconds),
            format!("take {} to {}", INTERVAL_SECONDS.start(), INTERVAL_SECONDS.end()),
        )
    })
}

/// Headers that another key of the blueprint decides, or that Cloudflare lets nobody change (docs, rules/transform/
/// response-header-modification).
const TAKEN_HEADERS: [&str; 8] = [
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "location",
    "server",
    "set-cookie",
    "strict-transport-security",
];

fn headers(cdn: &Cdn) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = HashSet::new();
    for (index, header) in cdn.response_headers.iter().enumerate() {
        let place = at("response_headers").index(index);
        let name = header.name.as_str().to_ascii_lowercase();
        let mut refuse = |key: &str, message: String, remedy: &str| {
            findings.push(Finding::error(&rules::CDN_HEADER, place.clone().key(key), message, remedy));
        };
        if TAKEN_HEADERS.contains(&name.as_str()) || name.starts_with("cf-") {
            refuse("name", format!("`{}` is not to be changed here", header.name), "remove the entry");
        }
        if header.set.as_ref().is_some_and(|value| !value.as_str().bytes().all(|b| (0x20..0x7f).contains(&b))) {
            refuse("set", format!("the value of `{}` is not plain ASCII", header.name), "write it in ASCII");
        }
        if !seen.insert(name) {
            refuse("name", format!("`{}` is there twice", header.name), "keep one entry for each header");
        }
    }
    findings
}

fn at(key: &str) -> KeyPath {
    KeyPath::of(["cdn", key])
}

/// An apex is the name of a zone: one of the blueprint's, the CDN's, or any name that can be registered.
fn is_apex(host: &HostName, cdn: &Cdn, site: &Site) -> bool {
    *host == cdn.zone
        || site.zones.iter().any(|zone| zone.name == *host)
        || psl::domain_str(host.as_str()).is_none_or(|registrable| registrable == host.as_str())
}

fn apexes(cdn: &Cdn, site: &Site) -> Vec<Finding> {
    let names = site.hosts.iter().map(|host| &host.name).enumerate();
    let apexes = names.filter(|(_, name)| cdn.setup == Setup::Partial && is_apex(name, cdn, site));
    let finding = |(index, name): (usize, &HostName)| {
        Finding::error(
            &rules::CDN_APEX_NEEDS_ZONE,
            Site::place_of_host(index),
            format!("`{name}` is the apex of a zone that the CDN is not given: a CNAME is illegal there"),
            format!(
                "serve the site on a name below it, such as `{}`, and send the apex there with `[redirects]`; or \
                 delegate the zone and take `setup = \"full\"`",
                name.child("www")
            ),
        )
    };
    apexes.map(finding).collect()
}

fn plan(cdn: &Cdn) -> Option<Finding> {
    (cdn.setup == Setup::Partial && !cdn.plan.allows_partial_zone()).then(|| {
        Finding::error(
            &rules::CDN_PARTIAL_NEEDS_BUSINESS,
            at("plan"),
            format!("the plan \"{}\" has no partial setup", cdn.plan.as_str()),
            format!("take `plan = \"{}\"`, or delegate the zone and take `setup = \"full\"`", Plan::Business.as_str()),
        )
    })
}

fn zone(cdn: &Cdn, site: &Site) -> Option<Finding> {
    let outside = site.hosts.iter().map(|host| &host.name).find(|name| !name.is_within(&cdn.zone))?;
    let remedy = match site.zone_of(outside) {
        Some(zone) if *outside == site.host => format!("take `zone = \"{}\"`", zone.name),
        Some(_) => format!("give `{outside}` a name below `{}`: one zone a blueprint is served by the CDN", cdn.zone),
        None => "give the zone that holds the site's name".to_owned(),
    };
    let message = format!("the site's name `{outside}` is not in the CDN's zone `{}`", cdn.zone);
    Some(Finding::error(&rules::CDN_ZONE_OF_HOST, at("zone"), message, remedy))
}

fn verification_key(cdn: &Cdn) -> Option<Finding> {
    let rule = &rules::CDN_VERIFICATION_KEY;
    match (cdn.setup, &cdn.verification_key) {
        (Setup::Partial, None) => Some(Finding::error(
            rule,
            at("setup"),
            "a partial zone stays active by a TXT record, and its value is not given",
            "add `verification_key` with the value that the dashboard shows for the zone",
        )),
        (Setup::Full, Some(_)) => Some(Finding::warning(
            rule,
            at("verification_key"),
            "a full zone is verified by its delegation: this key is not used",
            "remove `verification_key`, or take `setup = \"partial\"`",
        )),
        (Setup::Partial, Some(_)) | (Setup::Full, None) => None,
    }
}

fn always_online(cdn: &Cdn, site: &Site) -> Option<Finding> {
    let serves_stale = site.cdn.as_ref().is_some_and(|facts| facts.serves_stale);
    (cdn.always_online && serves_stale).then(|| {
        Finding::warning(
            &rules::CDN_ALWAYS_ONLINE,
            at("always_online"),
            "Always Online cancels the stale serving that `[cache]` counts on",
            "take `always_online = false`: stale serving covers errors of the origin too",
        )
    })
}

fn origins(cdn: &Cdn) -> Vec<Finding> {
    if cdn.origins.is_empty() {
        return vec![Finding::error(
            &rules::CDN_NO_ORIGINS,
            at("origins"),
            "no origin: what the edge cannot answer has nowhere to go",
            "give the addresses of the servers that answer for the site",
        )];
    }
    let mut findings = Vec::new();
    for (index, address) in cdn.origins.iter().enumerate() {
        if let Some(why) = why_not_public(*address) {
            findings.push(Finding::error(
                &rules::CDN_ADDRESS,
                at("origins").index(index),
                format!("the CDN cannot reach {address}: {why}"),
                "give the address that the hosting shows to the Internet",
            ));
        }
    }
    findings
}

fn setup(cdn: &Cdn, site: &Site) -> Option<Finding> {
    let zone = site.zone_of(&site.host)?;
    let (written, wanted) = match (cdn.setup, zone.is_run_by_cdn()) {
        (Setup::Partial, true) => ("partial", "full"),
        (Setup::Full, false) => ("full", "partial"),
        (Setup::Partial, false) | (Setup::Full, true) => return None,
    };
    Some(Finding::error(
        &rules::CDN_SETUP_VS_ZONE,
        at("setup"),
        format!("the setup is \"{written}\", but the zone `{}` has `run_by = \"{}\"`", zone.name, zone.run_by.as_str()),
        format!("take `setup = \"{wanted}\"`, or say otherwise who runs the zone"),
    ))
}

/// In a full zone Cloudflare adds its own CAA records, so only a partial one is judged.
fn authorities(cdn: &Cdn, site: &Site) -> Option<Finding> {
    let (index, zone) = site
        .zones
        .iter()
        .enumerate()
        .find(|(_, zone)| site.zone_of(&site.host).is_some_and(|holder| holder.name == zone.name))?;
    if cdn.setup == Setup::Full || zone.certificate_authorities.is_empty() {
        return None;
    }
    let allowed: Vec<&str> = zone
        .certificate_authorities
        .iter()
        .filter_map(|value| value.as_str().split(';').next())
        .map(str::trim)
        .collect();
    let missing: Vec<&str> =
        cloudflare::CERTIFICATE_AUTHORITIES.into_iter().filter(|needed| !allowed.contains(needed)).collect();
    if missing.is_empty() {
        return None;
    }
    let rule = &rules::CDN_CAA_EXCLUDES_EDGE;
    let place = KeyPath::of(["dns", "zones"]).index(index).key("certificate_authorities");
    let remedy = format!("add {}", missing.join(", "));
    Some(if missing.len() == cloudflare::CERTIFICATE_AUTHORITIES.len() {
        let message = format!("no authority that the CDN takes certificates from may issue in `{}`", zone.name);
        Finding::error(rule, place, message, remedy)
    } else {
        let message = format!("the CDN may order from {} too, which may not issue here", missing.join(", "));
        Finding::warning(rule, place, message, remedy)
    })
}
