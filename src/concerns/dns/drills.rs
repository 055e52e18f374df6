//! Faults that `[dns]` must catch.

use super::Dns;
use crate::blueprint::Site;
use crate::concerns::{Drill, Drills, OneOrMore};

pub fn drills(dns: &Dns, _site: &Site) -> Drills {
    let mut rest = vec![Drill {
        number: Some(9),
        id: "ttl-86400",
        fault: "the TTL of the site's name is a day at the switch",
        reddens: vec!["dns.ttl.lowered"],
        inject: Box::new(|staging| {
            let host = staging.site.host.to_string();
            for kind in ["CNAME", "A"] {
                let edited =
                    staging.edit_records(&host, kind, |_, data| vec![format!("{host}. 86400 IN {kind} {data}")]);
                if edited.is_ok() {
                    return edited;
                }
            }
            Err(format!("no zone holds {host}"))
        }),
    }];
    if dns.zones.iter().any(|zone| !zone.certificate_authorities.is_empty()) {
        rest.push(Drill {
            number: Some(12),
            id: "caa-foreign",
            fault: "CAA allows one authority that nobody uses",
            reddens: vec!["dns.caa"],
            inject: Box::new(|staging| {
                let zones: Vec<String> = staging.site.zones.iter().map(|zone| zone.name.to_string()).collect();
                for zone in zones {
                    staging.edit_records(&zone, "CAA", |ttl, _| {
                        vec![format!("{zone}. {ttl} IN CAA 0 issue \"other-ca.example\"")]
                    })?;
                }
                Ok(())
            }),
        });
    }
    Drills::Run(OneOrMore(
        Drill {
            number: Some(1),
            id: "secondary-stale",
            fault: "a secondary keeps an old serial",
            reddens: vec!["dns.soa.sync"],
            inject: Box::new(|staging| {
                let server = staging.name_servers.last_mut().ok_or("no name server")?;
                let zone = server.zones.values_mut().next().ok_or("the server holds no zone")?;
                let line = zone.lines().find(|line| line.contains(" IN SOA ")).ok_or("no SOA")?.to_owned();
                let serial = line.split(' ').nth(6).ok_or("no serial")?;
                let number: u32 = serial.parse().map_err(|_| format!("`{serial}` is no serial"))?;
                let older = line.replace(serial, &number.wrapping_sub(1).to_string());
                *zone = zone.replace(&line, &older);
                Ok(())
            }),
        },
        rest,
    ))
}
