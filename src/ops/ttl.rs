//! `golive ttl`: how long an answer lives at each layer, which directive wins there, and the oldest page that a visitor
//! can see; and how long old answers of the DNS live. Pure; read from what is generated (see [`super::predict`]).

use hyper::HeaderMap;
use jiff::Timestamp;
use serde::Serialize;

use super::predict::{self, Class, Error, Generated, nginx_uri};
use crate::blueprint::Loaded;
use crate::blueprint::value::{Upstream, UrlPath};
use crate::concerns::fragment::{ResponseClass, Routes, StaticRoute};
use crate::emit::{self, Moments};
use crate::language::Language;
use crate::probe::RecordData;
use crate::providers::cloudflare;
use crate::providers::cloudflare::caching::{
    BrowserTtl, Directives, EdgeTtl, Eligible, Policy, Status, Terms, Verdict,
};
use crate::providers::cloudflare::payload::Payloads;

/// The files that the rules and settings of the edge are in.
const CACHE_RULES: &str = "cloudflare/http_request_cache_settings.json";
const SETTINGS: &str = "cloudflare/settings.json";

#[derive(Debug, Serialize)]
pub struct Lifetimes {
    pub routes: Vec<RouteLifetime>,
    pub names: Vec<NameLifetime>,
    pub moments: Moments,
}

/// One class of routes, or the part of it that the edge treats alike.
#[derive(Debug, Serialize)]
pub struct RouteLifetime {
    /// `None`: nothing marks these answers.
    pub class: Option<String>,
    pub routes: String,
    /// The path that was followed through the layers.
    pub path: String,
    /// From the app outwards.
    pub layers: Vec<Layer>,
    pub oldest: Oldest,
    /// The lifetimes are for the launch alone.
    pub temporary: Option<Temporary>,
    pub shorten: Vec<String>,
}

/// When lifetimes made for the launch end, and what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Temporary {
    pub until: Timestamp,
    /// `max-age` from then on, in seconds.
    pub afterwards: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    pub layer: &'static str,
    /// Seconds; `None`: as the app says, which golive does not know.
    pub fresh: Option<u64>,
    pub stale_while_revalidate: Option<u64>,
    pub stale_if_error: Option<u64>,
    /// What decides, and why.
    pub because: String,
    /// The generated file that says it.
    pub source: Option<&'static str>,
}

/// How old what a visitor sees can be, in seconds since the app made it; `None`: golive cannot know. A page that is
/// left open, and the Back button, are not counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Oldest {
    pub normal: Option<u64>,
    pub while_refreshing: Option<u64>,
    pub app_down: Option<u64>,
    pub because: String,
}

#[derive(Debug, Serialize)]
pub struct NameLifetime {
    pub name: String,
    pub leads_to: String,
    /// TTL before it is lowered, and again when the launch is over. Seconds.
    pub steady: u32,
    /// TTL as generated, around the launch. Seconds.
    pub lowered: u32,
    /// How long a resolver may remember that the name does not exist. Seconds.
    pub negative: Option<u32>,
    pub because: String,
    pub source: String,
}

/// Every class of routes, or the route of one path; and every launched name.
///
/// # Errors
///
/// See [`Generated::of`].
pub fn ttl(loaded: &Loaded, path: Option<&UrlPath>) -> Result<Lifetimes, Error> {
    let generated = Generated::of(loaded)?;
    let routes = match path {
        Some(path) => vec![route(loaded, &generated, path.as_str(), path.to_string())],
        None => classes(loaded, &generated),
    };
    Ok(Lifetimes {
        routes,
        names: names(loaded, &generated),
        moments: emit::moments(&loaded.blueprint, &loaded.site, Language::En),
    })
}

fn classes(loaded: &Loaded, generated: &Generated) -> Vec<RouteLifetime> {
    let caches = generated.slots.static_caches.iter().filter(|_| generated.proxy().is_some());
    let published = caches.flat_map(|asked| &asked.what.routes).filter_map(|one| {
        let starts: Vec<String> = one.paths.iter().map(|start| format!("{start}...")).collect();
        let words = format!("published as static, {}: {}", one.name, starts.join(", "));
        Some(route(loaded, generated, one.paths.first()?.as_str(), words))
    });
    let mut all: Vec<RouteLifetime> = published.collect();
    if generated.classes.is_empty() || generated.proxy().is_none() {
        let words = if all.is_empty() { "every path" } else { "every other path" };
        all.push(route(loaded, generated, "/", words.to_owned()));
        return all;
    }
    for asked in &generated.slots.classes {
        for (path, words) in examples(&asked.what, generated) {
            let next = route(loaded, generated, &path, words);
            let alike = all.last_mut().filter(|last| last.class == next.class && last.layers == next.layers);
            match alike {
                Some(last) => last.routes = format!("{}, {}", last.routes, next.routes),
                None => all.push(next),
            }
        }
    }
    all
}

/// For each kind of path in the class one that belongs to it, and words for the kind.
fn examples(class: &ResponseClass, generated: &Generated) -> Vec<(String, String)> {
    match &class.routes {
        Routes::Others => {
            let is_left = |path: &&str| generated.class_of(path).is_some_and(|c| c.values.name == class.name.as_str());
            let path = ["/", "/golive/example"].into_iter().find(is_left).unwrap_or("/");
            vec![(path.to_owned(), "every path that no other class takes".to_owned())]
        }
        Routes::Under(starts) => starts.iter().map(|start| (start.to_string(), format!("{start}..."))).collect(),
        Routes::FingerprintedUnder(starts) => starts
            .iter()
            .map(|start| {
                let folder = start.as_str().trim_end_matches('/');
                let words = format!("{start}... with a content hash in the file name");
                (format!("{folder}/golive.0123456789abcdef.js"), words)
            })
            .collect(),
    }
}

fn route(loaded: &Loaded, generated: &Generated, path: &str, routes: String) -> RouteLifetime {
    let uri = nginx_uri(path);
    let published = uri.as_ref().and_then(|uri| generated.published(uri));
    let class = uri.as_ref().filter(|_| published.is_none()).and_then(|uri| generated.class_of(uri));
    let published_as = published.map(StaticRoute::marking);
    let marking = published_as.as_deref().or_else(|| class.map(marking));
    let mut layers = match published {
        Some(one) => {
            let pass_on = "passes on what Varnish says; keeps no copy itself".to_owned();
            let nginx = Layer { fresh: Some(0), ..layer("proxy", pass_on, Some(generated.proxy_file())) };
            vec![back_office(one), varnish(one), nginx]
        }
        None => vec![app(generated, class), proxy(generated, class)],
    };
    let headers = HeaderMap::new();
    let facts = predict::facts("GET", true, loaded.site.host.as_str(), path, None, &headers);
    let kept = generated.payloads.as_ref().map(|payloads| (payloads, predict::edge(payloads, &facts, marking)));
    let mut said = Directives::of_text(marking.unwrap_or_default());
    if let Some((payloads, kept)) = &kept {
        layers.push(edge(loaded, payloads, kept, marking, &facts));
        if kept.policy.eligible != Eligible::No
            && !matches!(kept.verdict, Verdict::Pass(Status::Bypass))
            && let Some(text) = &kept.browser
        {
            said = Directives::of_text(text);
        }
    }
    let browser = browser(generated, kept.as_ref().map(|(_, kept)| kept), marking.is_some(), &said);
    let always_online = generated.payloads.as_ref().is_some_and(|payloads| payloads.settings.always_online);
    let oldest = oldest(&layers, &browser, always_online);
    let shorten = shorten(&layers, &browser);
    layers.push(browser);
    let declared = loaded.blueprint.cache.iter().flat_map(|cache| &cache.classes);
    let temporary = declared
        .filter(|declared| class.is_some_and(|class| class.values.name == declared.name.as_str()))
        .find_map(|declared| declared.temporary.as_ref())
        .map(|temporary| Temporary {
            until: temporary.until.instant(),
            afterwards: temporary.afterwards_seconds.get(),
        });
    RouteLifetime {
        class: published.map(|one| one.name.to_string()).or_else(|| class.map(|class| class.values.name.clone())),
        routes,
        path: path.to_owned(),
        layers,
        oldest,
        temporary,
        shorten,
    }
}

/// `Cache-Control` of a good answer of the class.
pub(super) fn marking(class: &Class) -> &str {
    class.values.cache_control.as_deref().unwrap_or("no-store")
}

fn app(generated: &Generated, class: Option<&Class>) -> Layer {
    let because = match class {
        Some(_) => "unknown; the proxy replaces whatever it says, but for its `no-store`",
        None if generated.proxy().is_some() => "unknown; the proxy lets its headers through, since no class marks them",
        None => "unknown; no proxy of this blueprint replaces what it says",
    };
    layer("app", because.to_owned(), None)
}

fn layer(layer: &'static str, because: String, source: Option<&'static str>) -> Layer {
    Layer { layer, fresh: None, stale_while_revalidate: None, stale_if_error: None, because, source }
}

fn back_office(published: &StaticRoute) -> Layer {
    let Upstream { host, port } = &published.back_office;
    layer("office", format!("{host}:{port}; Varnish replaces whatever it says"), None)
}

fn varnish(published: &StaticRoute) -> Layer {
    let (fresh, grace) = (u64::from(published.fresh.get()), u64::from(published.grace.get()));
    Layer {
        fresh: Some(fresh),
        // One copy is fetched at a time, and everybody has the old one until it is there.
        stale_while_revalidate: Some(grace),
        stale_if_error: Some(grace),
        ..layer(
            "varnish",
            format!(
                "the route {} is kept for {fresh} s (beresp.ttl), an old page for {grace} s more (beresp.grace): served once \
                 while a new one is built, and on while none can be had; marked `{}`",
                published.name,
                published.marking()
            ),
            Some("varnish/"),
        )
    }
}

/// nginx marks; it keeps copies itself where the class says so.
fn proxy(generated: &Generated, class: Option<&Class>) -> Layer {
    let Some(class) = class else { return layer("proxy", "marks nothing".to_owned(), None) };
    let values = &class.values;
    let file = Some(generated.proxy_file());
    let Some(text) = &values.cache_control else {
        let because = format!("class {} is marked `no-store`; keeps no copy itself", values.name);
        return Layer { fresh: Some(0), ..layer("proxy", because, file) };
    };
    let cookies = if values.hides_cookies { ", cookies removed," } else { " that set no cookie," };
    let marked = format!(
        "class {} is marked `{text}` on answers {}{cookies} to GET and HEAD without Authorization; all else `no-store`",
        values.name,
        values.statuses.replace('|', ", "),
    );
    let Some(copies) = &values.copies else {
        return Layer { fresh: Some(0), ..layer("proxy", format!("{marked}; keeps no copy itself"), file) };
    };
    let (fresh, old) = (u64::from(copies.fresh), u64::from(copies.inactive.saturating_sub(copies.fresh)));
    let stale = copies.stale.unwrap_or_default();
    let kept = match stale {
        "" => String::new(),
        _ => format!(", an old one (proxy_cache_use_stale {stale}) until nobody has asked for {} s", copies.inactive),
    };
    Layer {
        fresh: Some(fresh),
        stale_while_revalidate: Some(if stale.contains("updating") { old } else { 0 }),
        // As long as somebody asks: nginx sets no end to it.
        stale_if_error: stale.is_empty().then_some(0),
        because: format!("{marked}; keeps a copy for {fresh} s (proxy_cache_valid){kept}"),
        source: file,
        layer: "proxy",
    }
}

fn edge(
    loaded: &Loaded,
    payloads: &Payloads,
    kept: &predict::Kept,
    marking: Option<&str>,
    facts: &cloudflare::language::Facts<'_>,
) -> Layer {
    let policy = &kept.policy;
    let rules: Vec<&str> =
        payloads.cache.iter().filter(|rule| rule.condition.holds(facts)).map(|rule| rule.name.as_str()).collect();
    let by = match rules.as_slice() {
        [] => "no cache rule matches".to_owned(),
        [one] => format!("rule {one}"),
        [earlier @ .., last] => format!("rule {last} (after {})", earlier.join(", ")),
    };
    let kept_nowhere = |because: String| Layer { fresh: Some(0), ..layer("cdn", because, Some(CACHE_RULES)) };
    match (policy.eligible, kept.verdict) {
        (Eligible::No, _) => kept_nowhere(format!("not eligible ({by})")),
        // Without a proxy nobody knows what the answer says.
        (_, _) if marking.is_none() && !matches!(policy.edge_ttl, EdgeTtl::Override(_)) => {
            layer("cdn", format!("eligible ({by}); kept as the app says"), Some(CACHE_RULES))
        }
        (_, Verdict::Pass(status)) => {
            kept_nowhere(format!("eligible ({by}), and not kept: the answer forbids it ({})", status.as_str()))
        }
        (_, Verdict::Keep(terms)) => {
            let (wins, source) = edge_wins(policy, marking, &by, loaded);
            Layer {
                fresh: Some(terms.fresh.as_secs()),
                stale_while_revalidate: Some(terms.stale_while_revalidate.as_secs()),
                stale_if_error: Some(terms.stale_if_error.as_secs()),
                because: format!("{wins}{}", stale(policy, payloads, marking, &terms)),
                source: Some(source),
                layer: "cdn",
            }
        }
    }
}

fn edge_wins(policy: &Policy, marking: Option<&str>, by: &str, loaded: &Loaded) -> (String, &'static str) {
    if let EdgeTtl::Override(seconds) = policy.edge_ttl {
        let floor = loaded.site.cdn.as_ref().map(|cdn| (cdn.plan.as_str(), cdn.plan.shortest_edge_ttl()));
        let floor = floor.map(|(plan, floor)| format!(" (the plan {plan} has {floor} s at least)")).unwrap_or_default();
        return (
            format!(
                "edge_ttl {seconds} of {by} wins over every header{floor}, the no-store of answers to credentials or with a cookie too"
            ),
            CACHE_RULES,
        );
    }
    let said = Directives::of_text(marking.unwrap_or_default());
    let directive = if said.has("s-maxage") { "s-maxage" } else { "max-age" };
    (format!("{directive} of the proxy's header wins: {by} sets no edge TTL of its own"), CACHE_RULES)
}

/// What serves old copies, or what cancels it.
fn stale(policy: &Policy, payloads: &Payloads, marking: Option<&str>, terms: &Terms) -> String {
    let said = Directives::of_text(marking.unwrap_or_default());
    let asked: Vec<&str> =
        ["stale-while-revalidate", "stale-if-error"].into_iter().filter(|name| said.has(name)).collect();
    if asked.is_empty() {
        return match payloads.settings.always_online {
            true => "; Always Online may show the Internet Archive's copy".to_owned(),
            false => "; no directive allows an old copy".to_owned(),
        };
    }
    let mut cancels: Vec<String> = ["s-maxage", "must-revalidate", "proxy-revalidate", "no-cache"]
        .into_iter()
        .filter(|name| said.has(name))
        .map(|name| format!("`{name}`"))
        .collect();
    if payloads.settings.always_online {
        cancels.push("Always Online".to_owned());
    }
    if !cancels.is_empty() {
        return format!("; {} of the header cancelled by {}", asked.join(" and "), cancels.join(" and "));
    }
    if !policy.stale_while_updating && terms.stale_while_revalidate.is_zero() {
        return "; serve_stale of the rule cancels stale-while-revalidate".to_owned();
    }
    format!("; {} of the header hold: no s-maxage, Always Online off", asked.join(" and "))
}

fn browser(generated: &Generated, kept: Option<&predict::Kept>, is_marked: bool, said: &Directives) -> Layer {
    let setting = generated.payloads.as_ref().map_or(0, |payloads| payloads.settings.browser_cache_ttl);
    let from_rule = kept.and_then(|kept| kept.policy.browser_ttl);
    let changed = kept.is_some_and(|kept| kept.browser.is_some() && kept.policy.eligible != Eligible::No);
    if !is_marked && !changed {
        return layer("browser", "as the app says".to_owned(), None);
    }
    let at_proxy = Some(generated.proxy_file());
    let (because, source) = match (changed, from_rule) {
        (true, Some(BrowserTtl::Override(seconds))) => {
            (format!("browser_ttl {seconds} of the cache rule replaces max-age"), Some(CACHE_RULES))
        }
        (true, _) => {
            (format!("browser_cache_ttl {setting} of the zone replaces every shorter max-age"), Some(SETTINGS))
        }
        (false, _) if said.has("no-store") => ("no-store of the proxy: no copy".to_owned(), at_proxy),
        (false, Some(BrowserTtl::RespectOrigin)) => {
            ("max-age of the proxy wins: the cache rule respects it (browser_ttl)".to_owned(), at_proxy)
        }
        (false, _) if generated.payloads.is_some() => {
            (format!("max-age of the proxy wins: browser_cache_ttl {setting} never shortens it"), at_proxy)
        }
        (false, _) => ("max-age of the proxy".to_owned(), at_proxy),
    };
    let seconds = |name: &str| if said.has("no-store") { 0 } else { said.seconds(name).unwrap_or(0) };
    Layer {
        layer: "browser",
        fresh: Some(seconds("max-age")),
        stale_while_revalidate: Some(seconds("stale-while-revalidate")),
        // No browser acts on it.
        stale_if_error: Some(0),
        because,
        source,
    }
}

/// Lives do not add up: the edge sends `Age` with its copies, and a browser counts it (RFC 9111, section 4.2.3). So each
/// layer is bounded from the moment the app answered, and the longest bound is the answer.
fn oldest(layers: &[Layer], browser: &Layer, always_online: bool) -> Oldest {
    let shared: Vec<&Layer> = layers.iter().filter(|layer| layer.layer == "cdn").collect();
    let bound = |of: &dyn Fn(&Layer) -> u64| -> Option<u64> {
        let all = shared.iter().copied().chain([browser]);
        all.map(|layer| layer.fresh.map(|fresh| fresh + of(layer))).try_fold(0, |most, one| Some(most.max(one?)))
    };
    let revalidate = |layer: &Layer| layer.stale_while_revalidate.unwrap_or(0);
    // nginx sends no Age, so that what it has kept a copy for comes on top.
    let keeps =
        |layer: &&Layer| matches!(layer.layer, "proxy" | "varnish") && layer.fresh.is_some_and(|fresh| fresh > 0);
    let copy = layers.iter().find(keeps);
    let on_top = copy.and_then(|layer| layer.fresh).unwrap_or(0);
    let by_varnish = copy.is_some_and(|layer| layer.layer == "varnish");
    let down_on_top = on_top + copy.filter(|_| by_varnish).and_then(|layer| layer.stale_if_error).unwrap_or(0);
    let old_on_top = on_top + copy.and_then(|layer| layer.stale_while_revalidate).unwrap_or(0);
    let normal = bound(&|_| 0).map(|seconds| seconds + on_top);
    let while_refreshing = bound(&revalidate).map(|seconds| seconds + old_on_top);
    let kept_at_edge = shared.iter().any(|layer| layer.fresh != Some(0));
    let endless = copy.is_some_and(|layer| layer.stale_if_error.is_none());
    let app_down = match always_online && kept_at_edge || endless {
        true => None,
        false => bound(&|layer| revalidate(layer).max(layer.stale_if_error.unwrap_or(0)))
            .map(|seconds| seconds + down_on_top),
    };
    let because = match (normal, kept_at_edge) {
        (Some(_), _) if endless => {
            "nginx's copy and what is kept of it add up, as it sends no Age; while the app is down nginx serves its old copy \
             as long as somebody asks"
        }
        (Some(_), _) if by_varnish => {
            "Varnish's page and what is kept of it add up, as it sends no Age; who asks after a long pause is the one that \
             sees a page as old as Varnish's grace allows"
        }
        (Some(0), _) => "nobody keeps it: each visit asks the app, and sees an error while it is down",
        (None, _) => "the app's own headers decide",
        _ if always_online && kept_at_edge => "Always Online shows what the Internet Archive last saw, of any age",
        (_, false) => "the longest life of one copy; without a copy a visitor sees an error while the app is down",
        (_, true) => {
            "the longest life counted from the app's answer, not a sum: the edge sends Age, and browsers count it"
        }
    };
    Oldest { normal, while_refreshing, app_down, because: because.to_owned() }
}

fn shorten(layers: &[Layer], browser: &Layer) -> Vec<String> {
    let mut ways = Vec::new();
    if layers.iter().any(|layer| layer.layer == "varnish") {
        ways.push(
            "publish it anew first (REFRESH, runbook/procedures.md), or what follows fetches the same page again"
                .to_owned(),
        );
    }
    if layers.iter().any(|layer| layer.layer == "cdn" && layer.fresh != Some(0)) {
        ways.push(
            "purge the URL at the CDN: its copies go at once, old ones too (a purge reaches no browser)".to_owned(),
        );
    }
    if layers.iter().any(|layer| layer.layer == "proxy" && layer.fresh.is_some_and(|fresh| fresh > 0)) {
        ways.push(
            "no purge reaches nginx: remove its copies_ folders and restart it, or wait, then purge the CDN".to_owned(),
        );
    }
    match browser.fresh {
        Some(0) => {}
        Some(seconds) => ways.push(format!(
            "browsers keep theirs for up to {seconds} s, whatever you purge: publish under another URL, or lower max-age \
             that long before"
        )),
        None => ways.push("browsers keep theirs as long as the app said".to_owned()),
    }
    ways
}

fn names(loaded: &Loaded, generated: &Generated) -> Vec<NameLifetime> {
    let site = &loaded.site;
    let mut launched: Vec<_> = site.hosts.iter().map(|host| &host.name).collect();
    launched.extend(site.redirected.iter().flat_map(|redirected| &redirected.names));
    launched
        .into_iter()
        .map(|name| {
            let zone = site.zone_of(name);
            let held = loaded.blueprint.dns.zones.iter().find(|held| zone.is_some_and(|zone| zone.name == held.name));
            // What a resolver keeps is the shorter of the SOA's own TTL and its last figure (RFC 2308, section 5).
            let negative = held
                .filter(|_| !zone.is_some_and(|zone| zone.is_run_by_cdn()))
                .map(|held| held.negative_ttl_seconds.get().min(site.steady_ttl.get()));
            let records: Vec<_> =
                generated.slots.records.iter().map(|asked| &asked.what).filter(|r| r.name == name.as_str()).collect();
            let leads = |data: &RecordData| match data {
                RecordData::A(address) => Some(address.to_string()),
                RecordData::Aaaa(address) => Some(address.to_string()),
                RecordData::Cname(target) => Some(target.clone()),
                _ => None,
            };
            let targets: Vec<String> = records.iter().filter_map(|record| leads(&record.data)).collect();
            let pointing = records.iter().find(|record| leads(&record.data).is_some());
            let source = |file: String| zone.map_or_else(String::new, |_| file);
            match pointing {
                Some(record) => NameLifetime {
                    name: name.to_string(),
                    leads_to: targets.join(", "),
                    steady: site.steady_ttl.get(),
                    lowered: record.ttl.get(),
                    negative,
                    because: match &record.data {
                        RecordData::Cname(_) => {
                            format!("what it leads to is the CDN's, with {} s of its own", cloudflare::PROXIED_TTL)
                        }
                        _ => "raised again after it".to_owned(),
                    },
                    source: source(format!("dns/{}.zone", record.zone)),
                },
                None if site.is_behind_cdn(name) => NameLifetime {
                    name: name.to_string(),
                    leads_to: "the CDN's edge".to_owned(),
                    steady: cloudflare::PROXIED_TTL,
                    lowered: cloudflare::PROXIED_TTL,
                    negative,
                    because: "a proxied record: Cloudflare sets its TTL, and nobody can lower it".to_owned(),
                    source: "cloudflare/dns_records.json".to_owned(),
                },
                None => NameLifetime {
                    name: name.to_string(),
                    leads_to: "not said in this blueprint".to_owned(),
                    steady: site.steady_ttl.get(),
                    lowered: site.lowered_ttl.get(),
                    negative,
                    because: "the TTLs of [dns]: no record of the name is generated".to_owned(),
                    source: String::new(),
                },
            }
        })
        .collect()
}
