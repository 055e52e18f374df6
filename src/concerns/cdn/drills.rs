//! Faults that `[cdn]` must catch.

use std::net::IpAddr;

use serde_json::json;

use super::{Cdn, Setup};
use crate::blueprint::Site;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::probe::ApiProvider;
use crate::providers::cloudflare;

/// A name of the platform's.
const PLATFORM: &str = "site.platform.example";

pub fn drills(cdn: &Cdn, site: &Site) -> Drills {
    // Unless it redirects too, and so is known.
    let is_known = |origin: &IpAddr| site.redirected.iter().any(|redirect| redirect.addresses.contains(origin));
    let of_origin = cdn.origins.first().filter(|origin| !is_known(origin)).map(|origin| {
        let kind = if origin.is_ipv4() { "A" } else { "AAAA" };
        format!("{kind} {origin}")
    });
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
    rest.push(Drill {
        number: Some(20),
        id: "edge-outdated-tls",
        fault: "TLS 1.0 is left on at the edge for an old partner",
        reddens: vec!["tls.versions"],
        inject: Box::new(|staging| staging.set_cdn_setting("min_tls_version", json!("1.0"))),
    });
    rest.push(Drill {
        number: Some(75),
        id: "must-staple-unstapled",
        fault: "the edge's certificate was ordered with must-staple, and the edge staples nothing",
        reddens: vec!["tls.ocsp"],
        inject: Box::new(|staging| {
            staging.edge_certificate.must_staple = true;
            Ok(())
        }),
    });
    rest.push(Drill {
        number: None,
        id: "origin-not-verified",
        fault: "the edge was set to `full` while the origin's certificate was missing, and stayed so",
        reddens: vec!["tls.origin.strict"],
        inject: Box::new(|staging| staging.set_cdn_setting("ssl", json!("full"))),
    });
    if cdn.certificate.is_some() {
        rest.push(Drill {
            number: None,
            id: "edge-certificate-pending",
            fault: "the validation record of the ordered certificate was never published",
            reddens: vec!["tls.preissued"],
            inject: Box::new(|staging| {
                staging.edit_api(ApiProvider::Cloudflare, "/ssl/certificate_packs?status=all", |body| {
                    body["result"][0]["status"] = json!("pending_validation");
                    Ok(())
                })
            }),
        });
    }
    if cdn.load_balancer.is_some() {
        rest.push(Drill {
            number: None,
            id: "origin-switched-off",
            fault: "an origin was taken out of the pool for maintenance, and stayed out",
            reddens: vec!["origin.pool"],
            inject: Box::new(|staging| {
                staging.edit_cdn("cloudflare/load_balancer.json", |balancer| {
                    let origins = balancer["pool"]["origins"].as_array_mut();
                    let last = origins.and_then(|origins| origins.last_mut()).ok_or("the pool is empty")?;
                    last["weight"] = json!(0);
                    Ok(())
                })
            }),
        });
    }
    if cdn.response_headers.iter().any(|header| header.set.is_some()) {
        rest.push(Drill {
            number: None,
            id: "response-headers-missing",
            fault: "the ruleset of response headers was not applied",
            reddens: vec!["cdn.headers"],
            inject: Box::new(|staging| staging.drop_cdn_rules("http_response_headers_transform", |_| true)),
        });
    }
    if cdn.setup == Setup::Partial {
        rest.push(Drill {
            number: Some(3),
            id: "cname-to-platform",
            fault: "the name points to the platform and not to the CDN",
            reddens: match of_origin.is_some() {
                true => vec!["dns.host.target", "dns.origin.leak"],
                false => vec!["dns.host.target"],
            },
            inject: Box::new(move |staging| {
                let host = staging.site.host.to_string();
                if let Some(record) = &of_origin {
                    let zone = format!(
                        "{PLATFORM}. 3600 IN SOA ns.provider.example. dns.provider.example. 1 7200 900 1209600 300\n\
                         {PLATFORM}. 3600 IN NS ns.provider.example.\n{PLATFORM}. 3600 IN {record}\n"
                    );
                    staging.foreign_zones.insert(PLATFORM.to_owned(), zone);
                }
                staging.edit_records(&host, "CNAME", |ttl, _| vec![format!("{host}. {ttl} IN CNAME {PLATFORM}.")])
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
    if cdn.setup == Setup::Partial && cdn.verification_key.is_some() && site.zones.iter().any(|z| z.name == cdn.zone) {
        rest.push(Drill {
            number: Some(5),
            id: "verification-deleted",
            fault: "somebody tidies up the zone and deletes the record by which the CDN knows whose it is",
            reddens: vec!["dns.zone.mode"],
            inject: Box::new(|staging| {
                let zone = staging.site.cdn.as_ref().ok_or("no CDN")?.zone.clone();
                staging.edit_records(&cloudflare::verification_name(&zone), "TXT", |_, _| vec![])
            }),
        });
    }
    rest.push(Drill {
        number: None,
        id: "zone-pending",
        fault: "the CDN still waits for the owner of the zone to show that it is theirs",
        reddens: vec!["dns.zone.mode"],
        inject: Box::new(|staging| {
            let zone = staging.site.cdn.as_ref().ok_or("no CDN")?.zone.clone();
            staging.edit_api(ApiProvider::Cloudflare, &format!("/zones/{zone}"), |body| {
                body["result"]["status"] = json!("pending");
                Ok(())
            })
        }),
    });
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
