//! What a person does about `[cdn]`.

use super::{Cdn, Setup};
use crate::blueprint::Site;
use crate::concerns::Procedure;

pub fn procedure(cdn: &Cdn, site: &Site) -> Procedure {
    let mut before = vec![
        format!("Apply terraform/ to the zone {} while no visitor comes through it yet.", cdn.zone),
        format!("See the edge certificate of {} active before the name moves.", site.host),
    ];
    if cdn.certificate.is_some() && cdn.setup == Setup::Partial {
        before.push(format!(
            "Have the CNAME _acme-challenge.{} published with the target that the certificate order shows \
             (dcv_delegation_records): without it the certificate stays pending, and renewals fail.",
            site.host
        ));
    }
    if cdn.setup == Setup::Partial {
        before.push(format!(
            "Have the record cloudflare-verify.{} published, and kept for good: without it the CDN lets the zone go.",
            cdn.zone
        ));
    }
    before.push(match cdn.setup {
        Setup::Partial => format!("Then have {} pointed at the CDN by the zone's own people.", site.host),
        Setup::Full => format!("Then change the name servers of {} at the registrar.", cdn.zone),
    });
    Procedure {
        before,
        when_red: vec![
            "dns.host.target red: visitors reach the origin or nothing; nothing else about the edge can be judged."
                .to_owned(),
            "tls.chain red: do not announce; a browser shows a warning that nobody can click away under HSTS."
                .to_owned(),
        ],
        undo: vec![format!(
            "Point {} back at the platform; the origin must then be open to all (remove the proxy's lock first).",
            site.host
        )],
    }
}
