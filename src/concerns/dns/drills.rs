//! Faults that `[dns]` must catch.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use jiff::{SignedDuration, Timestamp};

use super::Dns;
use super::records::RecordKind;
use crate::blueprint::Site;
use crate::blueprint::site::ZoneFacts;
use crate::blueprint::value::HostName;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::emit::zone;
use crate::probe::RecordData;
use crate::rehearsal::staging::{DnsManner, NodeRole, StagedKey, StagedNameServer, Staging};

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
            reddens: match site.resolvers.is_empty() {
                true => vec!["dns.ttl.lowered"],
                false => vec!["dns.ttl.lowered", "dns.prop"],
            },
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
            fault: "a wildcard answers for every name below a zone, with the address of an origin",
            reddens: match hidden(site) {
                Some(_) => vec!["dns.wildcard", "dns.origin.leak"],
                None => vec!["dns.wildcard"],
            },
            inject: Box::new(wildcard),
        });
    }
    if hidden(site).is_some() && site.zone_of(&site.host).is_some() {
        all.push(Drill {
            number: None,
            id: "origin-named-beside",
            fault: "a name of the origin's own, for tests, stands in the zone, and the origin serves the site there to everybody",
            reddens: vec!["dns.origin.leak"],
            inject: Box::new(named_beside),
        });
    }
    // Whether a name that is gone is also missed by the check of where it leads.
    let missed = match (site.redirected.is_empty(), &site.cdn) {
        (false, _) => Some("dns.apex.a"),
        (true, Some(_)) => Some("dns.host.target"),
        (true, None) => None,
    };
    if !site.zones.is_empty() {
        all.push(Drill {
            number: Some(10),
            id: "name-absent-long-miss",
            fault: "a launched name is not there yet, and the zone lets a miss be remembered for a day",
            reddens: ["dns.negttl"].into_iter().chain(missed).collect(),
            inject: Box::new(absent),
        });
    }
    all.extend(of_delegations(site));
    all.extend(of_copies(site));
    all.extend(of_aliases(site));
    all.push(of_name_servers());
    // Nobody raises what the CDN chooses.
    if !all_ttls_are_the_cdns(site) {
        all.push(Drill {
            number: Some(74),
            id: "ttl-stays-low",
            fault: "a week after the announcement the TTL is still the low one",
            reddens: vec!["dns.ttl.raised"],
            inject: Box::new(|staging| {
                let long_ago = Timestamp::now() - SignedDuration::from_hours(9 * 24);
                staging.site = staging.site.clone().on_the_eve_of(long_ago);
                Ok(())
            }),
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

/// What the zone above and the signer may leave wrong.
fn of_delegations(site: &Site) -> Vec<Drill> {
    let mut all = Vec::new();
    if site.zones.iter().any(|zone| !zone.parent_servers.is_empty()) {
        all.push(Drill {
            number: Some(2),
            id: "parent-lists-retired",
            fault: "the zone above still lists a name server that was retired",
            reddens: vec!["dns.deleg.ns"],
            inject: Box::new(|staging| {
                let zone = first_with_parent(staging).ok_or("no zone names the servers above it")?;
                edit_above(staging, &zone, |text| {
                    text.push_str(&format!("{zone}. 3600 IN NS ns-retired.example.\n"));
                })
            }),
        });
        let unsigned = site.zones.iter().filter(|zone| !zone.parent_servers.is_empty() && !zone.is_signed);
        if let Some((zone, reddens)) = unsigned.rev().find_map(|zone| Some((zone, lost_with(zone, site)?))) {
            let zone = zone.name.to_string();
            all.push(Drill {
                number: Some(13),
                id: "ds-left-behind",
                fault: "the name servers moved, and the zone above still vouches for the keys of the former ones",
                reddens,
                inject: Box::new(move |staging| {
                    let former = "31406 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A";
                    edit_above(staging, &zone, |text| {
                        text.push_str(&format!("{zone}. 3600 IN DS {former}\n"));
                    })
                }),
            });
        }
    }
    // Its set is the one that is changed and not signed again.
    let changed =
        site.redirected.iter().flat_map(|redirect| &redirect.names).next().and_then(|name| site.zone_of(name));
    if let Some(reddens) = changed.filter(|zone| zone.is_signed).and_then(|zone| lost_with(zone, site)) {
        all.push(Drill {
            number: None,
            id: "changed-unsigned",
            fault: "an address in a signed zone was changed by hand, and the signature is still that of the former one",
            reddens: reddens.into_iter().filter(|id| !matches!(*id, "dns.caa" | "mail.dmarc.record")).collect(),
            inject: Box::new(|staging| {
                let (zone, old) = before_the_change(staging)?;
                staging.keys.get_mut(&zone).ok_or("the zone is not signed")?.signed_text = Some(old);
                Ok(())
            }),
        });
    }
    if let Some(zone) = site.zones.iter().rfind(|zone| !zone.is_signed && zone.name.as_str().contains('.')) {
        let zone = zone.name.to_string();
        all.push(Drill {
            number: None,
            id: "signed-unannounced",
            fault: "whoever runs the zone has signed it and told nobody: the next move of the name servers will break it",
            reddens: vec!["dns.dnssec"],
            inject: Box::new(move |staging| {
                let key = StagedKey::new()?;
                vouch(staging, &zone, &key.delegation(&zone)?)?;
                staging.keys.insert(zone.clone(), key);
                Ok(())
            }),
        });
    }
    if site.zones.iter().any(|zone| zone.is_signed) {
        all.push(Drill {
            number: None,
            id: "signer-stopped",
            fault: "the signer stopped days ago, and the signatures end tomorrow",
            reddens: vec!["dns.dnssec"],
            inject: Box::new(|staging| {
                let key = staging.keys.values_mut().next().ok_or("no zone is signed")?;
                key.hours_left = 24;
                Ok(())
            }),
        });
    }
    all
}

/// What turns red when resolvers have no answer about a zone's names; `None` where too much would: without a CDN or
/// redirects nothing stands between the name and the rest.
fn lost_with(zone: &ZoneFacts, site: &Site) -> Option<Vec<&'static str>> {
    let holds = |name: &HostName| site.zone_of(name).is_some_and(|facts| facts.name == zone.name);
    let serves = site.hosts.iter().any(|host| holds(&host.name));
    let redirects = site.redirected.iter().flat_map(|redirect| &redirect.names).any(holds);
    if serves || !redirects {
        return None;
    }
    let mut lost = vec!["dns.dnssec", "dns.caa", "redir.hops"];
    lost.extend((!site.resolvers.is_empty()).then_some("dns.prop"));
    lost.extend(holds(&site.announced).then_some("redir.target"));
    let mails = site.mail.iter().flat_map(|mail| &mail.table.domains).any(|domain| holds(&domain.name));
    lost.extend(mails.then_some("mail.dmarc.record"));
    Some(lost)
}

fn first_with_parent(staging: &Staging) -> Option<String> {
    let mut named = staging.site.zones.iter().filter(|zone| !zone.parent_servers.is_empty());
    named.next_back().map(|zone| zone.name.to_string())
}

/// Edits the zone above at each of its servers.
fn edit_above(staging: &mut Staging, zone: &str, edit: impl Fn(&mut String)) -> Result<(), String> {
    let delegation = format!("\n{zone}. 3600 IN NS ");
    let mut texts = staging.parent_servers.iter_mut().flat_map(|server| server.zones.values_mut());
    let mut edited = Err(format!("nobody delegates {zone}"));
    for text in texts.by_ref().filter(|text| text.contains(&delegation)) {
        edit(text);
        edited = Ok(());
    }
    edited
}

/// Lets the zone above vouch for a key, whoever serves that one.
fn vouch(staging: &mut Staging, zone: &str, delegation: &str) -> Result<(), String> {
    let (_, above) = zone.split_once('.').ok_or_else(|| format!("nothing is above {zone}"))?;
    let line = format!("{zone}. 3600 IN DS {delegation}\n");
    if edit_above(staging, zone, |text| text.push_str(&line)).is_ok() {
        return Ok(());
    }
    let own = staging.site.zones.iter().filter(|other| other.name.as_str() != zone);
    let own = own.map(|other| other.name.to_string()).filter(|other| zone.ends_with(&format!(".{other}")));
    if let Some(own) = own.max_by_key(String::len) {
        for text in staging.name_servers.iter_mut().filter_map(|server| server.zones.get_mut(&own)) {
            text.push_str(&line);
        }
        return Ok(());
    }
    let servers =
        staging.site.zones.iter().filter(|other| other.name.as_str() == zone).flat_map(|other| &other.servers);
    let mut text = format!(
        "{above}. 3600 IN SOA ns.registry.example. dns.registry.example. 1 7200 900 1209600 300\n\
         {above}. 3600 IN NS ns.registry.example.\n"
    );
    for (name, _) in servers {
        text.push_str(&format!("{zone}. 3600 IN NS {name}.\n"));
    }
    text.push_str(&line);
    // The blueprint names no server above the zone: resolvers alone ask this one.
    staging.parent_servers.push(StagedNameServer {
        name: "ns.registry.example".to_owned(),
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        zones: BTreeMap::from([(above.to_owned(), text)]),
        manner: DnsManner::Answers,
    });
    Ok(())
}

/// What resolvers may still remember.
fn of_copies(site: &Site) -> Vec<Drill> {
    let mut all = Vec::new();
    if site.resolvers.is_empty() || site.redirected.is_empty() {
        return all;
    }
    all.push(Drill {
        number: None,
        id: "resolver-keeps-old",
        fault: "a large resolver still tells the address of before the change",
        reddens: vec!["dns.prop"],
        inject: Box::new(|staging| {
            let (zone, old) = before_the_change(staging)?;
            let resolver = staging.resolvers.first_mut().ok_or("no resolver")?;
            resolver.old_zones.insert(zone, old);
            Ok(())
        }),
    });
    let servers = site.zones.iter().map(|zone| zone.servers.len()).max().unwrap_or_default();
    if (2..=site.resolvers.len()).contains(&servers) {
        all.push(Drill {
            number: None,
            id: "secondary-of-before",
            fault: "the last name server missed the change, and some resolvers ask it",
            reddens: vec!["dns.soa.sync", "dns.apex.a", "dns.prop"],
            inject: Box::new(|staging| {
                let (zone, old) = before_the_change(staging)?;
                let mut serving = staging.name_servers.iter_mut().rev();
                let last = serving.find_map(|server| server.zones.get_mut(&zone)).ok_or("nobody serves the zone")?;
                *last = old.replacen(" 7200 900 1209600 ", " 7200 901 1209600 ", 1);
                Ok(())
            }),
        });
    }
    all
}

/// The zone of the first redirected name, with another address in the place of its own.
fn before_the_change(staging: &Staging) -> Result<(String, String), String> {
    let redirect = staging.site.redirected.first().ok_or("nothing is redirected")?;
    let name = redirect.names.first().ok_or("no name is redirected")?;
    let zone = staging.site.zone_of(name).ok_or("no zone holds the name")?.name.to_string();
    let text =
        staging.name_servers.iter().find_map(|server| server.zones.get(&zone)).ok_or("nobody serves the zone")?;
    let (v4, v6) = (format!("{name}. "), " IN AAAA ");
    let is_address = |line: &&str| line.starts_with(&v4) && (line.contains(" IN A ") || line.contains(v6));
    let mut old: String = text.lines().filter(|line| !is_address(line)).map(|line| format!("{line}\n")).collect();
    old.push_str(&format!("{name}. {} IN A 192.0.2.98\n", staging.site.lowered_ttl));
    Ok((zone, old))
}

/// Names that lead to somebody who has forgotten us.
fn of_aliases(site: &Site) -> Vec<Drill> {
    let elsewhere: Vec<String> = site
        .zones
        .iter()
        .flat_map(ZoneFacts::aliases)
        .filter(|(name, _)| name.parse::<HostName>().is_ok())
        .map(|(_, target)| target.to_owned())
        .collect();
    let Some(target) = elsewhere.first().cloned() else { return Vec::new() };
    let gone = move |staging: &mut Staging| match staging.foreign_zones.remove(&target) {
        Some(_) => Ok(()),
        None => Err(format!("{target} is one of our own")),
    };
    vec![
        Drill {
            number: Some(11),
            id: "app-deleted-alias-kept",
            fault: "the app at the vendor's was deleted, its name with it, and the alias was kept",
            reddens: vec!["dns.dangling"],
            inject: Box::new(gone),
        },
        Drill {
            number: None,
            id: "alias-unclaimed",
            fault: "the vendor's name is there and no customer of that name any more: anybody may claim it",
            reddens: vec!["dns.dangling"],
            inject: Box::new(|staging| {
                staging.vendor.knows_us = false;
                Ok(())
            }),
        },
    ]
}

/// A name server is reached by its name, and that name is somebody's too.
fn of_name_servers() -> Drill {
    Drill {
        number: None,
        id: "name-server-lapsed",
        fault: "the name of a name server was not renewed: who registers it next answers for the zone",
        reddens: vec!["dns.dangling"],
        inject: Box::new(|staging| {
            let zones = staging.site.zones.clone();
            for (name, _) in zones.iter().flat_map(|zone| zone.servers.iter().rev()) {
                let mut is_gone = staging.foreign_zones.remove(name.as_str()).is_some();
                for kind in ["A", "AAAA"] {
                    is_gone |= staging.edit_records(name.as_str(), kind, |_, _| vec![]).is_ok();
                }
                if is_gone {
                    return Ok(());
                }
            }
            Err("no name server has an address".to_owned())
        }),
    }
}

/// Whether the CDN answers for every launched name.
fn all_ttls_are_the_cdns(site: &Site) -> bool {
    site.redirected.is_empty()
        && site
            .hosts
            .iter()
            .all(|host| site.is_behind_cdn(&host.name) && site.zone_of(&host.name).is_none_or(ZoneFacts::is_run_by_cdn))
}

/// An origin that nobody should know of.
fn hidden(site: &Site) -> Option<IpAddr> {
    let public: Vec<IpAddr> = site.redirected.iter().flat_map(|redirect| redirect.addresses.clone()).collect();
    site.cdn.iter().flat_map(|cdn| &cdn.origins).find(|origin| !public.contains(origin)).copied()
}

/// In a zone that declares none, at one of its servers.
fn wildcard(staging: &mut Staging) -> Result<(), String> {
    let nobody = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 99));
    let address = hidden(&staging.site).unwrap_or(nobody);
    let kind = if address.is_ipv4() { "A" } else { "AAAA" };
    for server in &mut staging.name_servers {
        for (zone, text) in &mut server.zones {
            if !text.contains("\n*.") {
                text.push_str(&format!("*.{zone}. 300 IN {kind} {address}\n"));
                return Ok(());
            }
        }
    }
    Err("each zone has a wildcard".to_owned())
}

/// Somebody wrote the name into the blueprint too: of others nobody knows to ask. Whoever stands before the app has a server
/// for it, which forgets to ask who comes.
fn named_beside(staging: &mut Staging) -> Result<(), String> {
    let origin = hidden(&staging.site).ok_or("no origin is hidden")?;
    let zone = staging.site.zone_of(&staging.site.host).ok_or("no zone holds the host")?.name.clone();
    let name = format!("direct.{zone}");
    let (kind, data) = match origin {
        IpAddr::V4(v4) => ("A", RecordData::A(v4)),
        IpAddr::V6(v6) => ("AAAA", RecordData::Aaaa(v6)),
    };
    let facts = staging.site.zones.iter_mut().find(|facts| facts.name == zone).ok_or("no such zone")?;
    facts.records.push((name.clone(), data));
    staging.add_record_beside(zone.as_str(), &format!("{name}. 300 IN {kind} {origin}"))?;
    let mut listens = None;
    for node in staging.nodes.iter_mut().filter(|node| node.role != NodeRole::Redirect) {
        node.certificate.names.push(name.clone());
        // A platform gives each app a name of its own.
        node.router_passes_any_host = true;
        listens = match node.role {
            NodeRole::ScalingoProxy => Some("listen <%= ENV['PORT'] %>;"),
            NodeRole::ServerProxy => Some(
                "include where/listen.conf; ssl_certificate tls/fullchain.pem; ssl_certificate_key tls/privkey.pem;",
            ),
            NodeRole::Redirect | NodeRole::App => None,
        };
    }
    match listens {
        Some(listens) => {
            let server = format!(
                "return 421;\n}}\nserver {{\naccess_log off;\n{listens}\nserver_name {name};\nlocation / {{ proxy_pass http://app; }}"
            );
            staging.edit_proxy("return 421;", &server)
        }
        None => Ok(()),
    }
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
