//! Faults that `[rate_limits]` must catch.

use super::{Limit, RateLimits};
use crate::blueprint::Site;
use crate::concerns::fragment::LimitedAt;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::probe::ApiProvider;
use crate::rehearsal::staging::Staging;

pub fn drills(limits: &RateLimits, site: &Site) -> Drills {
    let mut all = Vec::new();
    if let Some(limit) = limits.limits.iter().find(|limit| limit.at == LimitedAt::Edge && site.cdn.is_some()) {
        let (name, period) = (limit.name.identifier(), if limit.per_seconds.get() == 10 { 60 } else { 10 });
        all.push(Drill {
            number: None,
            id: "edge-counts-other-window",
            fault: "the edge counts over 10 s where 60 s were meant, or the other way round",
            reddens: vec!["rate.edge.window"],
            inject: Box::new(move |staging| {
                staging.edit_cdn_rules("http_ratelimit", |rules| {
                    let rule = rules.iter_mut().find(|rule| rule["ref"] == name.as_str());
                    rule.ok_or("no such limit")?["ratelimit"]["period"] = serde_json::json!(period);
                    Ok(())
                })
            }),
        });
    }
    let mut at_proxy = limits.limits.iter().filter(|limit| limit.at == LimitedAt::Proxy && site.has_proxy);
    // The narrowest: the others' faults would meet the rest of the checklist.
    if let Some(first) = at_proxy.clone().find(|limit| !limit.paths.is_empty()).or_else(|| at_proxy.next()) {
        all.extend(of_one(first, site));
    }
    if all.iter().any(|drill| drill.reddens.contains(&"rate.key.client")) {
        all.push(Drill {
            number: None,
            id: "app-counts-proxy",
            fault: "the framework's own limiter counts the proxy as one visitor (JVA-8); its headers say so before it refuses",
            reddens: vec!["rate.key.client"],
            inject: Box::new(|staging| {
                staging.app.limiter_counts_proxy = true;
                Ok(())
            }),
        });
    }
    let mut at_proxy = limits.limits.iter().filter(|limit| limit.at == LimitedAt::Proxy && site.has_proxy);
    if let Some(fast) = at_proxy.clone().find(|limit| limit.per_seconds.get() == 1 && limit.refill().is_some()) {
        let (from, to) = (format!("rate={}r/s;", fast.requests), format!("rate={}r/m;", fast.requests * 6));
        let zone = zone(fast);
        all.push(Drill {
            number: None,
            id: "limit-refills-slowly",
            fault: "a limit refills ten times slower than declared",
            reddens: vec!["rate.recovers"],
            inject: Box::new(move |staging| {
                staging.edit_proxy(&format!("zone={zone}:20m {from}"), &format!("zone={zone}:20m {to}"))
            }),
        });
    }
    if !site.fingerprinted_paths.is_empty() && at_proxy.any(|limit| limit.paths.is_empty()) {
        all.push(Drill {
            number: Some(42),
            id: "files-counted",
            fault: "the limit counts a page's files too",
            reddens: vec!["rate.assets"],
            inject: Box::new(|staging| {
                staging
                    .edit_proxy_lines(|line| (!line.trim_end().ends_with("# Never counted.")).then(|| line.to_owned()))
            }),
        });
    }
    if !limits.exempt(site).is_empty() && limits.limits.iter().any(|limit| limit.at == LimitedAt::Proxy) {
        all.push(Drill {
            number: Some(45),
            id: "partner-counted",
            fault: "the partners' ranges are missing from the exemptions",
            reddens: vec!["rate.partner"],
            inject: Box::new(|staging| {
                staging.edit_proxy_lines(|line| (!line.ends_with("1; # Not counted.")).then(|| line.to_owned()))
            }),
        });
    }
    if limits.limits.iter().any(|limit| limit.at == LimitedAt::Redirects) && !site.redirected.is_empty() {
        all.push(Drill {
            number: Some(44),
            id: "redirect-by-return",
            fault: "the redirect is a `return` beside the limit, which is then never reached",
            reddens: vec!["rate.redirect.phase"],
            inject: Box::new(|staging| {
                let to = staging.site.redirected.first().map(|redirect| redirect.to.to_string());
                let to = to.ok_or("nothing is redirected")?;
                staging.edit_redirects(
                    "# Https: counted first, then redirected.\n        location / {",
                    &format!(
                        "location / {{ return 308 \"https://{to}$request_uri\"; }}\n        location /golive-unused {{"
                    ),
                )
            }),
        });
    }
    let mut all = all.into_iter();
    match all.next() {
        Some(first) => Drills::Run(OneOrMore(first, all.collect())),
        None => Drills::None { because: "nobody counts for any limit of this blueprint" },
    }
}

/// The memory in which nginx counts for a limit.
fn zone(limit: &Limit) -> String {
    format!("limit_{}", limit.name.identifier())
}

fn of_one(limit: &Limit, site: &Site) -> Vec<Drill> {
    let if_front: &[_] = if site.front.is_some() { &["app.count", "rate.instances"] } else { &[] };
    let if_spread: &[_] = if site.is_spread() { &["origin.spread"] } else { &[] };
    let zone = zone(limit);
    let counted = format!(" $visitor; # {}", limit.name.identifier());
    let counting = |key: &'static str| {
        let (from, to) = (counted.clone(), format!(" {key}; # counted otherwise"));
        move |staging: &mut Staging| staging.edit_proxy(&from, &to)
    };
    let burst = limit.burst.unwrap_or(0);
    let (from, to) = (format!("zone={zone} burst={burst} "), format!("zone={zone} burst={} ", burst * 10 + 100));
    vec![
        Drill {
            number: Some(38),
            id: "limit-answers-503",
            fault: "the limit answers 503, as nginx does when nobody tells it otherwise",
            reddens: vec!["rate.status"],
            inject: Box::new(|staging| staging.edit_proxy("limit_req_status 429;", "")),
        },
        Drill {
            number: Some(39),
            id: "burst-too-large",
            fault: "the burst is ten times what the blueprint says",
            reddens: vec!["rate.trips"],
            inject: Box::new(move |staging| staging.edit_proxy(&from, &to)),
        },
        Drill {
            number: Some(40),
            id: "limit-counts-the-proxy",
            fault: "the limit counts whoever stands before nginx instead of the visitor",
            reddens: vec!["rate.key.client"],
            inject: Box::new(counting("$realip_remote_addr")),
        },
        Drill {
            number: Some(41),
            id: "limit-believes-visitors",
            fault: "the limit counts the leftmost X-Forwarded-For, which visitors write themselves",
            reddens: vec!["rate.key.spoof"],
            inject: Box::new(counting("$http_x_forwarded_for")),
        },
        Drill {
            number: Some(43),
            id: "four-times-the-machines",
            fault: "the proxy runs four times as often as the blueprint says, and each one counts by itself",
            reddens: [&["rate.trips"][..], if_front, if_spread].concat(),
            inject: Box::new(|staging| {
                let mut found = false;
                for node in staging.nodes.iter_mut().filter(|node| node.role.is_proxy()) {
                    (node.containers, found) = (node.containers * 4, true);
                }
                let containers = staging.site.front.as_ref().map(|front| format!("/apps/{front}/containers"));
                let answers = staging.apis.get_mut(&ApiProvider::Scalingo);
                let answer = containers.and_then(|path| answers?.get_mut(&path));
                for one in answer.and_then(|answer| answer["containers"].as_array_mut()).into_iter().flatten() {
                    one["amount"] = (one["amount"].as_u64().unwrap_or(0) * 4).into();
                }
                if found { Ok(()) } else { Err("no machine runs the proxy".to_owned()) }
            }),
        },
    ]
}
