//! Configuration that `[dns]` asks for. SOA and NS are no fragments: the zone composer derives them from the
//! zone itself, since nobody is asked to change them.

use super::Dns;
use crate::blueprint::Site;
use crate::concerns::Fragment;
use crate::concerns::fragment::{ZoneRecord, for_good};
use crate::language::Said;
use crate::probe::RecordData;

pub fn fragments(dns: &Dns, _site: &Site) -> Vec<Fragment> {
    let mut fragments = Vec::new();
    for zone in &dns.zones {
        // Without `issuewild`, `issue` decides for wildcards too (RFC 8659, section 4.3); Cloudflare's list asks
        // for both.
        for tag in ["issue", "issuewild"] {
            for authority in &zone.certificate_authorities {
                fragments.push(Fragment::Record(ZoneRecord {
                    zone: zone.name.clone(),
                    name: zone.name.to_string(),
                    data: RecordData::Caa {
                        critical: false,
                        tag: tag.to_owned(),
                        value: authority.as_str().to_owned(),
                    },
                    ttl: dns.steady_ttl_seconds,
                    why: Said::new(
                        "certification authority that may issue for this zone",
                        "autorité de certification habilitée à émettre pour cette zone",
                    ),
                    until: for_good(),
                }));
            }
        }
        for set in &zone.records {
            // Data that cannot be read is a finding.
            fragments.extend(set.values.iter().filter_map(|value| set.kind.data(value).ok()).map(|data| {
                Fragment::Record(ZoneRecord {
                    zone: zone.name.clone(),
                    name: set.name.to_string(),
                    data,
                    ttl: set.ttl_seconds.unwrap_or(dns.steady_ttl_seconds),
                    why: set.why.as_ref().map_or_else(
                        || Said::new("record of the zone", "enregistrement de la zone"),
                        |why| Said::as_written(why.as_str()),
                    ),
                    until: for_good(),
                })
            }));
        }
    }
    fragments
}
