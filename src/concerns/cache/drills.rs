//! Faults that `[cache]` must catch.

use serde_json::json;

use super::Cache;
use crate::blueprint::Site;
use crate::concerns::drill::Inject;
use crate::concerns::{Drill, Drills, OneOrMore};

const CACHE_PHASE: &str = "http_request_cache_settings";

pub fn drills(cache: &Cache, site: &Site) -> Drills {
    if site.cdn.is_none() {
        return Drills::None { because: "without a CDN there is no shared cache to go wrong" };
    }
    let serves_stale = site.cdn.as_ref().is_some_and(|cdn| cdn.serves_stale);
    let mut rest = vec![
        Drill {
            number: Some(29),
            id: "session-on-pages",
            fault: "the app starts a session on every page",
            reddens: vec!["cache.cc.html", "cache.hit-on-second", "cache.set-cookie"],
            inject: Box::new(|staging| {
                staging.app.session_cookie_on_pages = true;
                Ok(())
            }),
        },
        Drill {
            number: Some(34),
            id: "404-kept",
            fault: "a 404 may be kept for ten minutes",
            reddens: vec!["cache.err.404"],
            inject: mark(cache, 404, "public, max-age=600"),
        },
        Drill {
            number: Some(33),
            id: "500-kept",
            fault: "an error of the app goes out with max-age",
            reddens: vec!["cache.err.5xx"],
            inject: mark(cache, 500, "public, max-age=60"),
        },
    ];
    if cache.classes.iter().any(|class| class.fingerprinted) {
        rest.push(Drill {
            number: Some(25),
            id: "assets-unversioned",
            fault: "the build no longer puts a hash into asset names",
            reddens: vec!["cache.cc.assets"],
            inject: Box::new(|staging| {
                staging.app.plain_asset_names = true;
                Ok(())
            }),
        });
    }
    if serves_stale {
        rest.push(Drill {
            number: Some(26),
            id: "s-maxage-beside-stale",
            fault: "s-maxage stands beside the stale directives and cancels them",
            reddens: vec!["cache.cc.html", "cache.stale.error", "cache.stale.reval"],
            inject: Box::new(|staging| {
                staging.edit_proxy(", stale-while-revalidate=", ", s-maxage=30, stale-while-revalidate=")
            }),
        });
        rest.push(Drill {
            number: Some(27),
            id: "always-online",
            fault: "Always Online is on and cancels stale serving",
            reddens: vec!["cache.stale.error", "cache.stale.reval"],
            inject: Box::new(|staging| staging.set_cdn_setting("always_online", json!("on"))),
        });
    }
    if cache.classes.iter().any(|class| class.store && class.paths.is_empty()) {
        rest.push(Drill {
            number: Some(31),
            id: "vary-as-guard",
            fault: "the app trusts Vary: Cookie to keep personal pages apart",
            reddens: vec!["cache.leak.users", "cache.vary"],
            inject: Box::new(|staging| {
                staging.app.personal_pages = true;
                staging.app.vary_cookie_on_pages = true;
                Ok(())
            }),
        });
        rest.push(Drill {
            number: Some(30),
            id: "cookie-ignored",
            fault: "proxy and edge keep personal pages whatever cookie they set",
            reddens: vec!["cache.err.404", "cache.leak.users"],
            inject: Box::new(|staging| {
                staging.edit_proxy(":0:0:0$\" \"public", ":[01]:0:0$\" \"public")?;
                staging.app.personal_pages = true;
                staging.app.session_cookie_on_pages = true;
                staging.edit_cdn_rules(CACHE_PHASE, |rules| {
                    let rule = rules.iter_mut().find(|rule| rule["action_parameters"]["cache"] == true);
                    rule.ok_or("no rule keeps anything")?["action_parameters"]["edge_ttl"] =
                        json!({ "mode": "override_origin", "default": 30 });
                    Ok(())
                })
            }),
        });
    }
    if cache.classes.iter().any(|class| !class.store && !class.samples.is_empty()) {
        let private: Vec<String> = cache
            .classes
            .iter()
            .filter(|class| !class.store)
            .map(|class| format!("\" {};", class.name.identifier()))
            .collect();
        rest.push(Drill {
            number: Some(32),
            id: "api-kept",
            fault: "the API is made cacheable, at the proxy and at the edge",
            reddens: vec!["cache.cc.api", "cache.leak.users"],
            inject: Box::new(move |staging| {
                staging.drop_cdn_rules(CACHE_PHASE, |rule| rule["action_parameters"]["cache"] == false)?;
                staging.drop_proxy_lines(|line| private.iter().any(|end| line.ends_with(end)))
            }),
        });
    }
    if cache.classes.iter().any(|class| class.ignore_query && !class.fingerprinted) {
        rest.push(Drill {
            number: Some(35),
            id: "trackers-in-key",
            fault: "campaign parameters are part of the cache key",
            reddens: vec!["cache.query"],
            inject: Box::new(|staging| {
                staging.edit_cdn_rules(CACHE_PHASE, |rules| {
                    let mut found = false;
                    for rule in rules {
                        if let Some(parameters) = rule["action_parameters"].as_object_mut() {
                            found |= parameters.remove("cache_key").is_some();
                        }
                    }
                    if found { Ok(()) } else { Err("no rule has a key of its own".to_owned()) }
                })
            }),
        });
    }
    if let Some(ttl) = cache.classes.last().and_then(|class| class.max_age_seconds) {
        rest.push(Drill {
            number: None,
            id: "no-compression",
            fault: "no-transform forbids the edge to compress pages, and the proxy does not",
            reddens: vec!["cache.compress"],
            inject: Box::new(move |staging| {
                staging.edit_proxy("gzip on;", "gzip off;")?;
                let marking = format!("\"public, max-age={ttl}");
                staging.edit_proxy(&marking, &marking.replace("public,", "public, no-transform,"))
            }),
        });
    }
    Drills::Run(OneOrMore(
        Drill {
            number: Some(28),
            id: "pages-rule-missing",
            fault: "the rule that makes pages eligible was not applied",
            reddens: vec!["cache.hit-on-second"],
            inject: Box::new(|staging| {
                staging.drop_cdn_rules(CACHE_PHASE, |rule| {
                    let about_paths = rule["expression"].as_str().is_some_and(|text| text.contains("uri.path"));
                    rule["action_parameters"]["cache"] == true && !about_paths
                })
            }),
        },
        rest,
    ))
}

/// Lets answers of the default class with this status be kept.
fn mark(cache: &Cache, status: u16, header: &str) -> Inject {
    let class = cache.classes.last().map(|class| class.name.identifier()).unwrap_or_default();
    let marked = format!("default \"no-store\";\n    \"~^{class}:{status}:\" \"{header}\";");
    Box::new(move |staging| staging.edit_proxy("default \"no-store\";", &marked))
}
