//! What a person does about `[dns]`.

use super::{Dns, RunBy};
use crate::blueprint::Site;
use crate::concerns::Procedure;

pub fn procedure(dns: &Dns, site: &Site) -> Procedure {
    let mut before = Vec::new();
    for zone in &dns.zones {
        before.push(match (zone.run_by, &zone.ticket_to) {
            (RunBy::Ticket, Some(whom)) => {
                format!("Send dns/requests/{}.md to {whom}; expect hours, and ask for the ticket's number.", zone.name)
            }
            (RunBy::Ticket, None) => format!("Send dns/requests/{}.md to whoever runs the zone.", zone.name),
            (RunBy::Octodns, _) => format!(
                "Run octodns-sync on dns/octodns/config.yaml, read its plan for {}, and run it again with --doit.",
                zone.name
            ),
            (RunBy::Cloudflare, _) => format!("Apply terraform/ for the records of {}.", zone.name),
        });
    }
    for zone in &dns.zones {
        if zone.parent_servers.is_empty() {
            before.push(format!(
                "Compare the name servers that the registrar lists for {} with those of its zone file: golive was not \
                 told whom to ask.",
                zone.name
            ));
        }
        before.push(match zone.signed {
            true => format!(
                "Keep the DS of {} at the registrar until its new keys are published; never move its name servers under \
                 an old DS.",
                zone.name
            ),
            false => format!("See that the registrar holds no DS for {}: resolvers that check would answer nothing.", zone.name),
        });
    }
    before.push(format!(
        "A day before the announcement, see every launched name at a TTL of {} s or less.",
        dns.lowered_ttl_seconds
    ));
    Procedure {
        before,
        when_red: vec![
            "Compare what each name server answers (dig @SERVER NAME TYPE +norecurse) with the zone's file in dns/."
                .to_owned(),
            "Where a resolver keeps an old answer, tell visitors the time at which it is dead; some large ones forget a name on request."
                .to_owned(),
            "Answer the ticket with the very line that differs; a doubled zone name means that a final dot was lost."
                .to_owned(),
        ],
        undo: vec![format!(
            "Ask for the former records; the wrong ones live on for their TTL ({} s). A day after the launch, ask for {} s again on {}.",
            dns.lowered_ttl_seconds, dns.steady_ttl_seconds, site.host
        )],
    }
}
