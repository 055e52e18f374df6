//! Faults that `[dns]` must catch.

use super::Dns;
use super::records::RecordKind;
use crate::blueprint::Site;
use crate::blueprint::site::ZoneFacts;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::emit::zone;
use crate::rehearsal::staging::Staging;

pub fn drills(dns: &Dns, site: &Site) -> Drills {
    let mut all = Vec::new();
    if dns.zones.iter().any(|zone| zone.servers.len() > 1) {
        all.push(Drill {
            number: Some(1),
            id: "secondary-stale",
            fault: "a secondary keeps an old serial",
            reddens: vec!["dns.soa.sync"],
            inject: Box::new(old_serial),
        });
    }
    // In a full zone the CDN's TTL is nobody's to set; a redirected name may stand for the site's.
    let cdn_answers = site.is_behind_cdn(&site.host) && site.zone_of(&site.host).is_some_and(ZoneFacts::is_run_by_cdn);
    if !cdn_answers || !site.redirected.is_empty() {
        all.push(Drill {
            number: Some(9),
            id: "ttl-86400",
            fault: "the TTL of a launched name is a day at the switch",
            reddens: vec!["dns.ttl.lowered"],
            inject: Box::new(|staging| {
                let redirected = staging.site.redirected.iter().flat_map(|redirect| &redirect.names);
                let names: Vec<String> = staging
                    .site
                    .hosts
                    .iter()
                    .map(|host| &host.name)
                    .chain(redirected)
                    .map(ToString::to_string)
                    .collect();
                for name in &names {
                    for kind in ["CNAME", "A", "AAAA"] {
                        let high = |_: &str, data: &str| vec![format!("{name}. 86400 IN {kind} {data}")];
                        if staging.edit_records(name, kind, high).is_ok() {
                            return Ok(());
                        }
                    }
                }
                Err("no zone holds a launched name".to_owned())
            }),
        });
    }
    if dns.zones.iter().any(|zone| !zone.certificate_authorities.is_empty()) {
        all.push(Drill {
            number: Some(12),
            id: "caa-foreign",
            fault: "CAA allows one authority that nobody uses",
            reddens: vec!["dns.caa"],
            inject: Box::new(|staging| {
                let zones: Vec<String> = staging.site.zones.iter().map(|zone| zone.name.to_string()).collect();
                let mut edited = Err("no zone holds CAA records".to_owned());
                for zone in zones {
                    let foreign =
                        |ttl: &str, _: &str| vec![format!("{zone}. {ttl} IN CAA 0 issue \"other-ca.example\"")];
                    edited = staging.edit_records(&zone, "CAA", foreign).or(edited);
                }
                edited
            }),
        });
    }
    if dns.zones.iter().any(|zone| zone.certificate_authorities.is_empty()) {
        all.push(Drill {
            number: None,
            id: "caa-closed",
            fault: "somebody adds a CAA record that lets no authority issue, where there was none",
            reddens: vec!["dns.caa"],
            inject: Box::new(|staging| {
                let open: Vec<String> = staging
                    .site
                    .zones
                    .iter()
                    .filter(|zone| zone.certificate_authorities.is_empty())
                    .map(|zone| zone.name.to_string())
                    .collect();
                let mut edited = Err("every zone has CAA records".to_owned());
                for zone in open {
                    let closed = |ttl: &str, soa: &str| {
                        vec![format!("{zone}. {ttl} IN SOA {soa}"), format!("{zone}. {ttl} IN CAA 0 issue \";\"")]
                    };
                    edited = staging.edit_records(&zone, "SOA", closed).or(edited);
                }
                edited
            }),
        });
    }
    if let Some((zone, set, data)) = dns.zones.iter().find_map(|zone| {
        let set = zone.records.iter().find(|set| set.kind != RecordKind::Ns)?;
        Some((zone, set, set.kind.data(set.values.first()?).ok()?))
    }) {
        let (zone, name) = (zone.name.to_string(), set.name.to_string());
        let (kind, data) = (set.kind.record_type().as_str(), zone::text(&data));
        all.push(Drill {
            number: Some(16),
            id: "record-not-published",
            fault: "one of the zone's own records is passed over by whoever publishes them",
            reddens: vec!["dns.change.applied"],
            inject: Box::new(move |staging| {
                let line = |ttl: &str, kept: &str| vec![format!("{name}. {ttl} IN {kind} {kept}")];
                let kept = |ttl: &str, found: &str| if found == data { vec![] } else { line(ttl, found) };
                staging.edit_records(&name, kind, kept).map_err(|error| format!("{zone}: {error}"))
            }),
        });
    }
    if dns.zones.iter().any(|zone| zone.records.iter().all(|set| !set.name.to_string().starts_with("*."))) {
        all.push(Drill {
            number: Some(14),
            id: "wildcard-appears",
            fault: "a wildcard answers for every name below a zone",
            reddens: vec!["dns.wildcard"],
            inject: Box::new(wildcard),
        });
    }
    // Whether a name that is gone is also missed by the check of where it leads.
    let missed = match site.redirected.is_empty() {
        true => "dns.host.target",
        false => "dns.apex.a",
    };
    if !site.zones.is_empty() && (!site.redirected.is_empty() || site.cdn.is_some()) {
        all.push(Drill {
            number: Some(10),
            id: "name-absent-long-miss",
            fault: "a launched name is not there yet, and the zone lets a miss be remembered for a day",
            reddens: vec!["dns.negttl", missed],
            inject: Box::new(absent),
        });
    }
    let mut all = all.into_iter();
    match all.next() {
        Some(first) => Drills::Run(OneOrMore(first, all.collect())),
        None => {
            Drills::None { because: "one server, no CAA record, and the CDN's own TTL: nothing is left to go wrong" }
        }
    }
}

/// In a zone that declares none, at one of its servers.
fn wildcard(staging: &mut Staging) -> Result<(), String> {
    for server in &mut staging.name_servers {
        for (zone, text) in &mut server.zones {
            if !text.contains("\n*.") {
                text.push_str(&format!("*.{zone}. 300 IN A 203.0.113.99\n"));
                return Ok(());
            }
        }
    }
    Err("each zone has a wildcard".to_owned())
}

/// The last of the names that only redirect, or the site's own where there is none.
fn absent(staging: &mut Staging) -> Result<(), String> {
    let redirected = staging.site.redirected.iter().flat_map(|redirect| &redirect.names).last();
    let name = redirected.unwrap_or(&staging.site.host).to_string();
    let mut is_gone = false;
    for kind in ["CNAME", "A", "AAAA"] {
        is_gone |= staging.edit_records(&name, kind, |_, _| vec![]).is_ok();
    }
    // A CDN that runs the zone holds its records in files of its own.
    is_gone |= staging.remove_cdn_records(&name).is_ok();
    if !is_gone {
        return Err(format!("no zone holds {name}"));
    }
    for text in staging.name_servers.iter_mut().flat_map(|server| server.zones.values_mut()) {
        let soa = text.lines().find(|line| line.contains(" IN SOA ")).ok_or("no SOA")?.to_owned();
        let (rest, _) = soa.rsplit_once(' ').ok_or("no MINIMUM")?;
        *text = text.replace(&soa, &format!("{rest} 86400"));
    }
    Ok(())
}

/// On the last server of the first zone that has several.
fn old_serial(staging: &mut Staging) -> Result<(), String> {
    let zone = staging.site.zones.iter().find(|zone| zone.servers.len() > 1).ok_or("each zone has one server")?;
    let (name, address) = (zone.name.to_string(), zone.servers.last().map(|(_, address)| *address));
    let server = staging.name_servers.iter_mut().find(|server| Some(server.address) == address);
    let text = server.and_then(|server| server.zones.get_mut(&name)).ok_or("the server holds no zone")?;
    let line = text.lines().find(|line| line.contains(" IN SOA ")).ok_or("no SOA")?.to_owned();
    let serial = line.split(' ').nth(6).ok_or("no serial")?;
    let number: u32 = serial.parse().map_err(|_| format!("`{serial}` is no serial"))?;
    let older = line.replace(serial, &number.wrapping_sub(1).to_string());
    *text = text.replace(&line, &older);
    Ok(())
}
