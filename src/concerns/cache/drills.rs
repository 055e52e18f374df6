//! Faults that `[cache]` must catch.

use serde_json::json;

use super::{Cache, Class, ratio, read_cache};
use crate::blueprint::Site;
use crate::concerns::attest::{self, Question};
use crate::concerns::drill::Inject;
use crate::concerns::{Drill, Drills, OneOrMore};

const CACHE_PHASE: &str = "http_request_cache_settings";

pub fn drills(cache: &Cache, site: &Site) -> Drills {
    if site.cdn.is_none() {
        return Drills::None { because: "without a CDN there is no shared cache to go wrong" };
    }
    if !site.has_proxy {
        return Drills::None { because: "without a proxy nobody sends the headers that could go wrong" };
    }
    let mut all = Vec::from_iter(attest::drill(
        site,
        Question::CacheOffload,
        None,
        "origin-hears-more",
        "the origin hears of more requests than the edge had misses: somebody comes past the cache",
        vec!["cache.offload"],
    ));
    all.extend(cache.read_cache.as_ref().map(read_cache::drill));
    if cache.classes.iter().any(can_be_asked) {
        all.push(Drill {
            number: Some(36),
            id: "purge-of-another-zone",
            fault: "the purge is sent with the token of another zone, which takes it and drops nothing here",
            reddens: vec!["cache.purge"],
            inject: Box::new(|staging| {
                staging.purges_elsewhere = true;
                Ok(())
            }),
        });
    }
    if let Some(default) = cache.classes.last().filter(|class| class.store && class.paths.is_empty()) {
        all.extend(of_pages(default, site));
    }
    all.extend(of_stale_serving(cache));
    if cache.classes.iter().any(|class| class.fingerprinted) {
        all.push(Drill {
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
    if cache.classes.iter().any(|class| !class.store && !class.paths.is_empty() && !class.samples.is_empty()) {
        let private: Vec<String> =
            cache.classes.iter().filter(|class| !class.store).map(|class| format!("\" {};", class.name)).collect();
        let leaks = site.session_cookie.as_ref().map(|_| "cache.leak.users");
        let apps = || site.platform.iter().flat_map(|platform| &platform.apps);
        let sessions = apps().any(|app| app.logged_in_path.is_some()).then_some("app.sessions");
        all.push(Drill {
            number: Some(32),
            id: "api-kept",
            fault: "the API is made cacheable, at the proxy and at the edge",
            reddens: ["cache.cc.api"].into_iter().chain(leaks).chain(sessions).collect(),
            inject: Box::new(move |staging| {
                staging.drop_cdn_rules(CACHE_PHASE, |rule| rule["action_parameters"]["cache"] == false)?;
                let is_private = |line: &str| private.iter().any(|end| line.ends_with(end));
                staging.edit_proxy_lines(|line| (!is_private(line)).then(|| line.to_owned()))
            }),
        });
    }
    if cache.classes.iter().any(|class| class.ignore_query && can_be_asked(class)) {
        all.push(Drill {
            number: Some(35),
            id: "trackers-in-key",
            fault: "campaign parameters are part of the cache key",
            reddens: match ratio::check(cache, site) {
                Some(_) => vec!["cache.query", "cache.ratio"],
                None => vec!["cache.query"],
            },
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
    if cache.classes.iter().any(|class| !class.ignore_query && can_be_asked(class)) {
        all.push(Drill {
            number: None,
            id: "query-out-of-key",
            fault: "somebody leaves the query out of every cache key: one search answers all others",
            reddens: vec!["cache.query"],
            inject: Box::new(|staging| {
                staging.edit_cdn_rules(CACHE_PHASE, |rules| {
                    let mut found = false;
                    for rule in rules.iter_mut().filter(|rule| rule["action_parameters"]["cache"] == true) {
                        rule["action_parameters"]["cache_key"] =
                            json!({ "custom_key": { "query_string": { "exclude": { "all": true } } } });
                        found = true;
                    }
                    if found { Ok(()) } else { Err("no rule keeps anything".to_owned()) }
                })
            }),
        });
    }
    let copied = cache.classes.iter().find(|class| class.proxy_copy_seconds.is_some() && can_be_asked(class));
    if let Some(class) = copied.filter(|_| site.has_proxy && site.cdn.is_some()) {
        let from = format!("proxy_cache copies_{};", class.name.identifier());
        all.push(Drill {
            number: None,
            id: "proxy-keeps-nothing",
            fault: "the proxy keeps no copies of its own",
            reddens: vec!["cache.proxy"],
            inject: Box::new(move |staging| staging.edit_proxy(&from, "proxy_cache off;")),
        });
    }
    let mut all = all.into_iter();
    match all.next() {
        Some(first) => Drills::Run(OneOrMore(first, all.collect())),
        None => Drills::None { because: "no class is kept that a check can ask" },
    }
}

/// Whether checks ask paths of this class, and keep asking them.
fn can_be_asked(class: &Class) -> bool {
    class.store && !class.fingerprinted && !class.samples.is_empty()
}

/// Faults of the class that takes the pages.
fn of_pages(default: &Class, site: &Site) -> Vec<Drill> {
    let mut all = vec![
        Drill {
            number: Some(34),
            id: "404-kept",
            fault: "a 404 may be kept for ten minutes",
            reddens: vec!["cache.err.404"],
            inject: mark(default, 404, "public, max-age=600"),
        },
        Drill {
            number: Some(33),
            id: "500-kept",
            fault: "an error of the app goes out with max-age",
            reddens: vec!["cache.err.5xx"],
            inject: mark(default, 500, "public, max-age=60"),
        },
    ];
    if !can_be_asked(default) {
        return all;
    }
    let marked = format!("\"~^{}:(?:", default.name);
    all.extend([
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
        Drill {
            number: None,
            id: "no-compression",
            fault: "no-transform forbids the edge to compress pages, and the proxy does not",
            reddens: vec!["cache.compress"],
            inject: Box::new({
                let marked = marked.clone();
                move |staging| {
                    staging.edit_proxy("gzip on;", "gzip off;")?;
                    staging.edit_proxy_lines(|line| {
                        Some(match line.contains(&marked) {
                            true => line.replace("\"public,", "\"public, no-transform,"),
                            false => line.to_owned(),
                        })
                    })
                }
            }),
        },
    ]);
    if site.session_cookie.is_some() {
        all.extend([
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
                number: Some(31),
                id: "vary-as-guard",
                fault: "the app trusts Vary: Cookie to keep personal pages apart",
                reddens: vec!["cache.leak.users", "cache.vary"],
                inject: Box::new(|staging| {
                    staging.app.personal_pages = true;
                    staging.app.vary_cookie_on_pages = true;
                    Ok(())
                }),
            },
            Drill {
                number: Some(30),
                id: "cookie-ignored",
                fault: "proxy and edge keep personal pages whatever cookie they set",
                // The health page of one machine is kept for all.
                reddens: match site.is_spread() {
                    true => vec!["cache.err.404", "cache.leak.users", "origin.spread"],
                    false => vec!["cache.err.404", "cache.leak.users"],
                },
                inject: Box::new(move |staging| {
                    staging.edit_proxy_lines(|line| {
                        Some(match line.contains(&marked) {
                            true => line.replace(":0:0:0$\"", ":[01]:0:0$\""),
                            false => line.to_owned(),
                        })
                    })?;
                    staging.app.personal_pages = true;
                    staging.app.session_cookie_on_pages = true;
                    staging.edit_cdn_rules(CACHE_PHASE, |rules| {
                        let rule = rules.iter_mut().find(|rule| rule["action_parameters"]["cache"] == true);
                        rule.ok_or("no rule keeps anything")?["action_parameters"]["edge_ttl"] =
                            json!({ "mode": "override_origin", "default": 30 });
                        Ok(())
                    })
                }),
            },
        ]);
    }
    all
}

/// What cancels the serving of old copies.
fn of_stale_serving(cache: &Cache) -> Vec<Drill> {
    let asked = || cache.classes.iter().filter(|class| can_be_asked(class));
    let on_error = asked().any(|class| class.stale_if_error_seconds.is_some()).then_some("cache.stale.error");
    let behind = asked().any(|class| class.stale_while_revalidate_seconds.is_some()).then_some("cache.stale.reval");
    let cancelled: Vec<&'static str> = on_error.into_iter().chain(behind).collect();
    if cancelled.is_empty() {
        return Vec::new();
    }
    vec![
        Drill {
            number: Some(26),
            id: "s-maxage-beside-stale",
            fault: "s-maxage stands beside the stale directives and cancels them",
            reddens: std::iter::once("cache.cc.html").chain(cancelled.iter().copied()).collect(),
            inject: Box::new(|staging| {
                staging.edit_proxy_lines(|line| Some(line.replacen(", stale-", ", s-maxage=30, stale-", 1)))
            }),
        },
        Drill {
            number: Some(27),
            id: "always-online",
            fault: "Always Online is on and cancels stale serving",
            reddens: std::iter::once("cache.cc.html").chain(cancelled).collect(),
            inject: Box::new(|staging| staging.set_cdn_setting("always_online", json!("on"))),
        },
    ]
}

/// Lets answers of a class with this status be kept.
fn mark(class: &Class, status: u16, header: &str) -> Inject {
    let marked = format!("default \"no-store\";\n    \"~^{}:{status}:\" \"{header}\";", class.name);
    Box::new(move |staging| staging.edit_proxy("default \"no-store\";", &marked))
}
