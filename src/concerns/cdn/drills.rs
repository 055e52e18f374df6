//! Faults that `[cdn]` must catch.

use serde_json::json;

use super::{Cdn, Setup};
use crate::blueprint::Site;
use crate::concerns::{Drill, Drills, OneOrMore};

pub fn drills(cdn: &Cdn, _site: &Site) -> Drills {
    let mut rest = vec![
        Drill {
            number: Some(19),
            id: "certificate-ends-early",
            fault: "the edge certificate ends before the week after the announcement is over",
            reddens: vec!["tls.expiry"],
            inject: Box::new(|staging| {
                staging.edge_certificate.days_left = 5;
                Ok(())
            }),
        },
        Drill {
            number: None,
            id: "edge-without-hsts",
            fault: "HSTS is off at the edge",
            reddens: vec!["tls.hsts"],
            inject: Box::new(|staging| {
                staging.set_cdn_setting("security_header", json!({ "strict_transport_security": { "enabled": false } }))
            }),
        },
        Drill {
            number: None,
            id: "https-redirect-missing",
            fault: "the rule that sends http to https was not applied",
            reddens: vec!["tls.upgrade"],
            inject: Box::new(|staging| staging.drop_cdn_rules("http_request_dynamic_redirect", |_| true)),
        },
        Drill {
            number: None,
            id: "always-use-https",
            fault: "somebody switches Always Use HTTPS on, which catches the certificate renewal of the origin",
            reddens: vec!["tls.acme.path"],
            inject: Box::new(|staging| staging.set_cdn_setting("always_use_https", json!("on"))),
        },
    ];
    if cdn.setup == Setup::Partial {
        rest.push(Drill {
            number: Some(3),
            id: "cname-to-platform",
            fault: "the name points to the platform and not to the CDN",
            reddens: vec!["dns.host.target"],
            inject: Box::new(|staging| {
                let host = staging.site.host.to_string();
                staging.edit_records(&host, "CNAME", |ttl, _| {
                    vec![format!("{host}. {ttl} IN CNAME site.platform.example.")]
                })
            }),
        });
        rest.push(Drill {
            number: Some(4),
            id: "lost-dot",
            fault: "a lost final dot doubles the zone's name in the alias",
            reddens: vec!["dns.host.target"],
            inject: Box::new(|staging| {
                let host = staging.site.host.to_string();
                staging.edit_records(&host, "CNAME", |ttl, data| {
                    vec![format!("{host}. {ttl} IN CNAME {}", data.trim_end_matches('.'))]
                })
            }),
        });
    }
    Drills::Run(OneOrMore(
        Drill {
            number: Some(18),
            id: "intermediate-missing",
            fault: "the edge sends its certificate without the intermediate",
            reddens: vec!["tls.chain"],
            inject: Box::new(|staging| {
                staging.edge_certificate.with_intermediate = false;
                Ok(())
            }),
        },
        rest,
    ))
}
