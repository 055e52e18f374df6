//! Configuration that `[redirects]` asks for.

use std::net::IpAddr;

use super::Redirects;
use crate::blueprint::Site;
use crate::concerns::Fragment;
use crate::concerns::fragment::{MovedPath, RedirectServer, ZoneRecord};
use crate::language::Said;
use crate::probe::RecordData;

pub fn fragments(redirects: &Redirects, site: &Site) -> Vec<Fragment> {
    let mut fragments = Vec::new();
    for server in &redirects.servers {
        for name in &server.names {
            // A name outside every zone is a finding; no record can be asked for it.
            let Some(zone) = site.zone_of(name) else { continue };
            fragments.extend(server.addresses.iter().map(|address| {
                Fragment::Record(ZoneRecord {
                    zone: zone.name.clone(),
                    name: name.to_string(),
                    data: match address {
                        IpAddr::V4(address) => RecordData::A(*address),
                        IpAddr::V6(address) => RecordData::Aaaa(*address),
                    },
                    ttl: site.lowered_ttl,
                    why: Said::new(
                        format!("leads to the redirect to {}", server.to),
                        format!("mène à la redirection vers {}", server.to),
                    ),
                    until: Said::new(
                        format!("as long as the name is announced; TTL {} after the launch", site.steady_ttl),
                        format!("tant que le nom est annoncé ; TTL {} après le lancement", site.steady_ttl),
                    ),
                })
            }));
        }
        fragments.push(Fragment::RedirectServer(RedirectServer {
            names: server.names.clone(),
            addresses: server.addresses.clone(),
            to: server.to.clone(),
            status: server.status,
            hsts_max_age: server.hsts_max_age_seconds,
        }));
    }
    // A path that nothing can ask for is a finding.
    fragments.extend(redirects.paths.iter().filter_map(|moved| {
        let from = moved.from.decoded()?;
        Some(Fragment::MovedPath(MovedPath { host: site.host.clone(), from, to: moved.to.clone() }))
    }));
    fragments
}
