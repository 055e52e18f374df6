//! Faults that `[proxy]` must catch.

use super::Proxy;
use crate::blueprint::Site;
use crate::concerns::{Drill, Drills, OneOrMore};

pub fn drills(_proxy: &Proxy, site: &Site) -> Drills {
    if site.cdn.is_none() {
        return Drills::None { because: "without a CDN the origin is meant to be open" };
    }
    let mut several = Vec::new();
    if site.origin_addresses() > 1 {
        several.push(Drill {
            number: None,
            id: "origin-flaps",
            fault: "one origin drops two of three connections; the CDN tries the next one, and nobody notices",
            reddens: vec!["origin.ips.health"],
            inject: Box::new(|staging| {
                let node = staging.nodes.iter_mut().rfind(|node| node.role.is_proxy());
                node.ok_or("no proxy")?.flaps = true;
                Ok(())
            }),
        });
    }
    if site.is_spread() {
        several.push(Drill {
            number: Some(55),
            id: "container-starves",
            fault: "one container of the proxy gets no request: it was put in quarantine, and nobody let it out",
            reddens: vec!["origin.spread"],
            inject: Box::new(|staging| {
                let node = staging.nodes.iter_mut().rfind(|node| node.role.is_proxy() && node.containers > 1);
                node.ok_or("each address has one container")?.starves_one = true;
                Ok(())
            }),
        });
    }
    Drills::Run(OneOrMore(
        Drill {
            number: Some(53),
            id: "origin-open",
            fault: "the proxy lets everybody in, not the CDN alone",
            reddens: vec!["origin.lock"],
            inject: Box::new(|staging| staging.edit_proxy("return 403;", "set $lock_forgotten 1;")),
        },
        [
            Drill {
                number: Some(54),
                id: "any-host-served",
                fault: "the default server sends unknown names to the app",
                // The platform's own name is one of those.
                reddens: match site.platform_name() {
                    Some(_) => vec!["origin.host", "origin.lock"],
                    None => vec!["origin.host"],
                },
                inject: Box::new(|staging| {
                    for node in &mut staging.nodes {
                        node.router_passes_any_host = true;
                    }
                    staging.edit_proxy("return 421;", "location / { proxy_pass http://app; }")
                }),
            },
            Drill {
                number: None,
                id: "forwarded-host-reflected",
                fault: "the app builds its links from X-Forwarded-Host, which the proxy lets through",
                reddens: vec!["origin.host"],
                inject: Box::new(|staging| {
                    staging.app.reflects_forwarded_host = true;
                    staging.edit_proxy("proxy_set_header X-Forwarded-Host \"\";", "")
                }),
            },
        ]
        .into_iter()
        .chain(several)
        .collect(),
    ))
}
