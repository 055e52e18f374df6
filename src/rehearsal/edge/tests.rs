//! Cloudflare's semantics, one small table each, against a scripted origin.

use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;

use http_body_util::BodyExt;
use serde_json::json;

use super::*;
use crate::rehearsal::ca::Authority;
use crate::rehearsal::staging::StagedCertificate;
use crate::rehearsal::tls;

const HOST: &str = "www.example.org";
const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));
const ORIGINS: [&str; 2] = ["203.0.113.10", "203.0.113.11"];

type Script = dyn Fn(&Request<Bytes>, usize) -> Option<Answer> + Send + Sync;

/// An edge before an origin that answers as scripted; the script is given the number of the request, from 1.
struct Scene {
    edge: Arc<Edge>,
    asked: Arc<Mutex<Vec<Request<()>>>>,
    origin: JoinSet<()>,
}

struct Told {
    settings: serde_json::Value,
    cache: serde_json::Value,
    redirects: serde_json::Value,
}

impl Default for Told {
    fn default() -> Self {
        let setting = |id: &str, value: serde_json::Value| json!({ "id": id, "value": value });
        Self {
            settings: json!([
                setting("ssl", json!("flexible")),
                setting("always_online", json!("off")),
                setting("browser_cache_ttl", json!(0)),
            ]),
            cache: json!([]),
            redirects: json!([]),
        }
    }
}

impl Told {
    fn caching(parameters: serde_json::Value) -> Self {
        Self { cache: json!([cache_rule("true", parameters)]), ..Self::default() }
    }

    /// Everything may be kept as the origin says.
    fn respecting() -> Self {
        Self::caching(json!({ "cache": true, "edge_ttl": { "mode": "bypass_by_default" } }))
    }

    fn set(mut self, id: &str, value: serde_json::Value) -> Self {
        if let Some(list) = self.settings.as_array_mut() {
            list.retain(|setting| setting["id"] != id);
            list.push(json!({ "id": id, "value": value }));
        }
        self
    }

    fn files(&self) -> std::collections::BTreeMap<String, String> {
        let phase = |phase: &str, rules: &serde_json::Value| {
            json!({ "name": "default", "kind": "zone", "phase": phase, "rules": rules }).to_string()
        };
        let records: Vec<_> = ORIGINS
            .iter()
            .map(|ip| json!({ "type": "A", "name": HOST, "content": ip, "proxied": true, "ttl": 1, "comment": "" }))
            .collect();
        [
            ("cloudflare/settings.json", self.settings.to_string()),
            ("cloudflare/http_request_cache_settings.json", phase("http_request_cache_settings", &self.cache)),
            ("cloudflare/http_request_dynamic_redirect.json", phase("http_request_dynamic_redirect", &self.redirects)),
            ("cloudflare/dns_records.json", json!(records).to_string()),
        ]
        .map(|(path, text)| (path.to_owned(), text))
        .into()
    }
}

fn cache_rule(expression: &str, parameters: serde_json::Value) -> serde_json::Value {
    json!({ "expression": expression, "action": "set_cache_settings", "action_parameters": parameters })
}

fn reply(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
    let mut answer = Answer::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    for (name, value) in headers {
        answer.headers_mut().append(*name, value.parse().expect("a header"));
    }
    answer
}

impl Scene {
    async fn new(
        told: Told,
        script: impl Fn(&Request<Bytes>, usize) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let authority = Authority::new().expect("an authority");
        let script: Arc<Script> = Arc::new(script);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (listener, address) = serve::listen().await.expect("a port");
        let mut origin = JoinSet::new();
        let (log, count) = (Arc::clone(&asked), Arc::new(AtomicUsize::new(0)));
        origin.spawn(serve::accept_forever(listener, move |stream, _: SocketAddr| {
            let (script, log, count) = (Arc::clone(&script), Arc::clone(&log), Arc::clone(&count));
            async move {
                serve::speak_http(stream, |request| {
                    let (script, log, count) = (Arc::clone(&script), Arc::clone(&log), Arc::clone(&count));
                    async move {
                        let (parts, body) = request.into_parts();
                        let request =
                            Request::from_parts(parts, body.collect().await.map_err(io::Error::other)?.to_bytes());
                        log.lock().expect("a log").push(request.clone().map(|_| ()));
                        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                        script(&request, number).ok_or_else(|| io::Error::other("no answer"))
                    }
                })
                .await;
            }
        }));
        let routes = ORIGINS.map(|ip| (SocketAddr::new(ip.parse().expect("an address"), 80), address)).into();
        let payloads = Payloads::read(&told.files()).expect("payloads");
        let edge = Edge::new(payloads, routes, authority.root(), Identities::default()).expect("an edge");
        Self { edge: Arc::new(edge), asked, origin }
    }

    async fn send(&self, method: &str, url: &str, headers: &[(&'static str, &str)]) -> Seen {
        let uri: hyper::Uri = url.parse().expect("a URL");
        let mut request = Request::builder().method(method).uri(uri.path_and_query().expect("a path").as_str());
        request = request.header("host", uri.host().expect("a host"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::new())).expect("a request");
        let edge = "104.16.0.10".parse().expect("an address");
        let answer =
            self.edge.answer(uri.scheme_str() == Some("https"), edge, CLIENT, request).await.expect("an answer");
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Seen { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Seen {
        self.send("GET", &format!("https://{HOST}{path}"), &[]).await
    }

    /// Values of `cf-cache-status` of so many GETs in a row.
    async fn statuses(&self, path: &str, count: usize) -> Vec<String> {
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(self.get(path).await.cache().to_owned());
        }
        statuses
    }

    fn age(&self, path: &str, seconds: u64) {
        self.edge.age_copy(&format!("https://{HOST}{path}"), Duration::from_secs(seconds));
    }

    fn asked(&self) -> usize {
        self.asked.lock().expect("a log").len()
    }
}

struct Seen {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("-", |value| value.to_str().expect("text"))
    }

    fn cache(&self) -> &str {
        self.header("cf-cache-status")
    }
}

#[tokio::test]
async fn what_is_kept_without_any_rule_goes_by_extension() {
    let scene = Scene::new(Told::default(), |_, _| Some(reply(200, &[], "x"))).await;
    for (path, second) in [
        ("/a.js", "HIT"),
        ("/deep/a.CSS", "HIT"),
        ("/robots.txt", "HIT"),
        ("/", "DYNAMIC"),
        ("/page.html", "DYNAMIC"),
        ("/api.json", "DYNAMIC"),
        ("/a.js/b", "DYNAMIC"),
    ] {
        let statuses = scene.statuses(path, 2).await;
        let first = if second == "HIT" { "MISS" } else { "DYNAMIC" };
        assert_eq!(statuses, [first, second], "{path}");
    }
}

#[tokio::test]
async fn rules_stack_and_the_last_match_wins_for_each_setting() {
    let told = Told {
        cache: json!([
            cache_rule("true", json!({ "cache": true, "edge_ttl": { "mode": "override_origin", "default": 60 } })),
            cache_rule(
                "starts_with(http.request.uri.path, \"/q\")",
                json!({
                    "cache_key": { "custom_key": { "query_string": { "exclude": { "all": true } } } }
                })
            ),
            cache_rule("starts_with(http.request.uri.path, \"/api/\")", json!({ "cache": false })),
        ]),
        ..Told::default()
    };
    let scene = Scene::new(told, |_, _| Some(reply(200, &[], "x"))).await;
    assert_eq!(scene.statuses("/", 2).await, ["MISS", "HIT"]);
    assert_eq!(scene.statuses("/api/x", 2).await, ["DYNAMIC", "DYNAMIC"]);
    assert_eq!(scene.get("/q?utm=1").await.cache(), "MISS");
    assert_eq!(scene.get("/q?utm=2").await.cache(), "HIT");
    assert_eq!(scene.get("/r?a=1&b=2").await.cache(), "MISS");
    assert_eq!(scene.get("/r?b=2&a=1").await.cache(), "MISS", "the order of a query counts");
    assert_eq!(scene.get("/r?a=1&b=2").await.cache(), "HIT");
}

/// Answer of the origin, then the statuses of two GETs.
#[tokio::test]
async fn what_the_origin_says_decides_under_bypass_by_default_and_respect_origin() {
    let respect = || Told::caching(json!({ "cache": true, "edge_ttl": { "mode": "respect_origin" } }));
    type Case = (u16, &'static [(&'static str, &'static str)], [&'static str; 2], [&'static str; 2]);
    let cases: [Case; 17] = [
        (200, &[], ["BYPASS", "BYPASS"], ["MISS", "HIT"]),
        (404, &[], ["BYPASS", "BYPASS"], ["MISS", "HIT"]),
        (307, &[("location", "/")], ["BYPASS", "BYPASS"], ["MISS", "MISS"]),
        (500, &[], ["BYPASS", "BYPASS"], ["MISS", "MISS"]),
        (500, &[("cache-control", "max-age=60")], ["MISS", "HIT"], ["MISS", "HIT"]),
        (500, &[("cache-control", "max-age=0")], ["MISS", "MISS"], ["MISS", "MISS"]),
        (200, &[("cache-control", "public, max-age=30")], ["MISS", "HIT"], ["MISS", "HIT"]),
        (200, &[("cache-control", "max-age=0, s-maxage=30")], ["MISS", "HIT"], ["MISS", "HIT"]),
        (200, &[("cache-control", "no-store")], ["BYPASS", "BYPASS"], ["BYPASS", "BYPASS"]),
        (200, &[("cache-control", "private, max-age=9")], ["BYPASS", "BYPASS"], ["BYPASS", "BYPASS"]),
        (200, &[("cache-control", "no-cache")], ["MISS", "EXPIRED"], ["MISS", "EXPIRED"]),
        (200, &[("cache-control", "max-age=0")], ["MISS", "EXPIRED"], ["MISS", "EXPIRED"]),
        (200, &[("cache-control", "max-age=soon")], ["MISS", "EXPIRED"], ["MISS", "EXPIRED"]),
        (200, &[("expires", "Thu, 01 Jan 2099 00:00:00 GMT")], ["MISS", "HIT"], ["MISS", "HIT"]),
        (200, &[("expires", "0")], ["MISS", "EXPIRED"], ["MISS", "EXPIRED"]),
        (200, &[("set-cookie", "a=b"), ("cache-control", "max-age=30")], ["MISS", "MISS"], ["MISS", "MISS"]),
        (200, &[("vary", "Cookie"), ("cache-control", "max-age=30")], ["MISS", "HIT"], ["MISS", "HIT"]),
    ];
    for (status, headers, bypassing, respecting) in cases {
        for (told, expected) in [(Told::respecting(), bypassing), (respect(), respecting)] {
            let scene = Scene::new(told, move |_, _| Some(reply(status, headers, "x"))).await;
            assert_eq!(scene.statuses("/", 2).await, expected, "{status} {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_cookie_on_what_is_kept_by_default_bypasses() {
    let scene = Scene::new(Told::default(), |_, _| Some(reply(200, &[("set-cookie", "a=b")], "x"))).await;
    assert_eq!(scene.statuses("/a.js", 2).await, ["BYPASS", "BYPASS"]);
    assert_eq!(scene.get("/a.js").await.header("set-cookie"), "a=b");
}

#[tokio::test]
async fn an_overriding_ttl_keeps_the_page_and_strips_the_cookie() {
    let told = Told::caching(json!({ "cache": true, "edge_ttl": { "mode": "override_origin", "default": 30 } }));
    let headers: &[_] = &[("set-cookie", "session=1"), ("cache-control", "private")];
    let scene = Scene::new(told, move |_, n| Some(reply(200, headers, &n.to_string()))).await;
    let (first, second) = (scene.get("/").await, scene.get("/").await);
    assert_eq!((first.cache(), second.cache()), ("MISS", "HIT"));
    assert_eq!((first.header("set-cookie"), second.header("set-cookie")), ("-", "-"));
    assert_eq!(second.body, first.body);
    scene.age("/", 31);
    assert_eq!(scene.get("/").await.cache(), "EXPIRED");
}

#[tokio::test]
async fn a_request_with_credentials_is_kept_only_when_the_origin_insists() {
    for (said, expected) in [
        ("max-age=30", ["BYPASS", "BYPASS"]),
        ("public, max-age=30", ["MISS", "HIT"]),
        ("s-maxage=30", ["MISS", "HIT"]),
        ("must-revalidate, max-age=30", ["MISS", "HIT"]),
    ] {
        let scene = Scene::new(Told::respecting(), move |_, _| Some(reply(200, &[("cache-control", said)], "x"))).await;
        for status in expected {
            let seen = scene.send("GET", &format!("https://{HOST}/"), &[("authorization", "Bearer x")]).await;
            assert_eq!(seen.cache(), status, "{said}");
        }
    }
}

#[tokio::test]
async fn other_methods_pass_and_a_head_fills_the_cache() {
    let scene = Scene::new(Told::respecting(), |_, _| Some(reply(200, &[("cache-control", "max-age=30")], "x"))).await;
    assert_eq!(scene.send("POST", &format!("https://{HOST}/"), &[]).await.cache(), "DYNAMIC");
    assert_eq!(scene.send("HEAD", &format!("https://{HOST}/"), &[]).await.cache(), "MISS");
    assert_eq!(scene.get("/").await.cache(), "HIT");
    let methods: Vec<String> =
        scene.asked.lock().expect("a log").iter().map(|request| request.method().to_string()).collect();
    assert_eq!(methods, ["POST", "GET"]);
}

#[tokio::test]
async fn age_shows_on_copies_alone_and_grows() {
    let scene = Scene::new(Told::respecting(), |_, _| Some(reply(200, &[("cache-control", "max-age=30")], "x"))).await;
    assert_eq!(scene.get("/").await.header("age"), "-");
    assert_eq!(scene.get("/").await.header("age"), "0");
    scene.age("/", 12);
    assert_eq!(scene.get("/").await.header("age"), "12");
}

#[tokio::test]
async fn an_old_copy_is_asked_about_with_its_validator() {
    let scene = Scene::new(Told::respecting(), |request, _| {
        let headers: &[_] = &[("cache-control", "max-age=30"), ("etag", "\"v1\"")];
        let known = request.headers().get("if-none-match").is_some_and(|tag| tag == "\"v1\"");
        Some(if known { reply(304, headers, "") } else { reply(200, headers, "whole") })
    })
    .await;
    scene.get("/").await;
    scene.age("/", 31);
    let seen = scene.get("/").await;
    assert_eq!((seen.status, seen.cache(), &seen.body[..]), (200, "REVALIDATED", &b"whole"[..]));
    assert_eq!(scene.get("/").await.cache(), "HIT", "the copy is fresh again");
    assert_eq!(scene.asked(), 2);
}

#[tokio::test]
async fn stale_while_revalidate_answers_at_once_and_refreshes_behind() {
    let said = "public, max-age=30, stale-while-revalidate=60";
    let scene =
        Scene::new(Told::respecting(), move |_, n| Some(reply(200, &[("cache-control", said)], &n.to_string()))).await;
    scene.get("/").await;
    scene.age("/", 31);
    let seen = scene.get("/").await;
    assert_eq!((seen.cache(), &seen.body[..]), ("UPDATING", &b"1"[..]));
    scene.edge.settle().await;
    let seen = scene.get("/").await;
    assert_eq!((seen.cache(), &seen.body[..]), ("HIT", &b"2"[..]));

    // Time that passes while a refresh is under way: it is over before the next request is looked at.
    scene.age("/", 31);
    assert_eq!(scene.get("/").await.cache(), "UPDATING");
    scene.age("/", 1);
    let seen = scene.get("/").await;
    assert_eq!((seen.cache(), &seen.body[..]), ("HIT", &b"3"[..]));

    scene.age("/", 91);
    assert_eq!(scene.get("/").await.cache(), "EXPIRED", "past the 60 s of grace the visitor waits");
}

#[tokio::test]
async fn one_refresh_at_a_time() {
    let said = "max-age=30, stale-while-revalidate=60";
    let scene = Scene::new(Told::respecting(), move |_, _| Some(reply(200, &[("cache-control", said)], "x"))).await;
    scene.get("/").await;
    scene.age("/", 31);
    let (a, b, c) = tokio::join!(scene.get("/"), scene.get("/"), scene.get("/"));
    assert_eq!([a.cache(), b.cache(), c.cache()], ["UPDATING"; 3]);
    scene.edge.settle().await;
    assert_eq!(scene.asked(), 2);
}

#[tokio::test]
async fn what_forbids_stale_copies() {
    let with = |extra: &'static str| {
        move |_: &Request<Bytes>, n: usize| {
            let said = format!("max-age=30, stale-while-revalidate=600, stale-if-error=600{extra}");
            Some(if n == 1 { reply(200, &[("cache-control", &said)], "x") } else { reply(503, &[], "down") })
        }
    };
    for extra in [", s-maxage=30", ", must-revalidate", ", proxy-revalidate"] {
        let scene = Scene::new(Told::respecting(), with(extra)).await;
        scene.get("/").await;
        scene.age("/", 31);
        assert_eq!(scene.get("/").await.status, 503, "{extra}");
    }
    let scene = Scene::new(Told::respecting().set("always_online", json!("on")), with("")).await;
    scene.get("/").await;
    scene.age("/", 31);
    assert_eq!(scene.get("/").await.status, 503, "Always Online cancels both, and does not act on a 503");

    let refusing = json!({ "cache": true, "edge_ttl": { "mode": "bypass_by_default" },
        "serve_stale": { "disable_stale_while_updating": true } });
    let scene = Scene::new(Told::caching(refusing), |_, _| {
        Some(reply(200, &[("cache-control", "max-age=30, stale-while-revalidate=600")], "x"))
    })
    .await;
    scene.get("/").await;
    scene.age("/", 31);
    assert_eq!(scene.get("/").await.cache(), "EXPIRED");
}

#[tokio::test]
async fn stale_if_error_covers_errors_and_silence_for_its_time() {
    for answers in [true, false] {
        let scene = Scene::new(Told::respecting(), move |_, n| match n {
            1 => Some(reply(200, &[("cache-control", "max-age=30, stale-if-error=600")], "good")),
            _ => answers.then(|| reply(503, &[("cache-control", "no-store")], "down")),
        })
        .await;
        scene.get("/").await;
        scene.age("/", 31);
        let seen = scene.get("/").await;
        assert_eq!((seen.status, seen.cache(), &seen.body[..]), (200, "STALE", &b"good"[..]));
        scene.age("/", 600);
        assert!(scene.get("/").await.status >= 500, "past its time the error shows");
    }
}

#[tokio::test]
async fn always_online_serves_what_it_has_when_nobody_listens() {
    let told = Told::respecting().set("always_online", json!("on"));
    let mut scene = Scene::new(told, |_, _| Some(reply(200, &[("cache-control", "max-age=30")], "good"))).await;
    scene.get("/").await;
    scene.age("/", 100_000);
    scene.origin.shutdown().await;
    assert_eq!(scene.get("/").await.cache(), "STALE");
    assert_eq!(scene.get("/other").await.status, 521);
}

#[tokio::test]
async fn the_browser_cache_ttl_of_the_zone_lengthens_and_never_shortens() {
    for (zone, rule, origin, expected) in [
        (0, json!(null), "public, max-age=30", "public, max-age=30"),
        (14_400, json!(null), "public, max-age=30", "public, max-age=14400"),
        (14_400, json!(null), "public, max-age=31536000", "public, max-age=31536000"),
        (14_400, json!(null), "no-store", "no-store"),
        (14_400, json!({ "mode": "respect_origin" }), "public, max-age=30", "public, max-age=30"),
        (0, json!({ "mode": "override_origin", "default": 5 }), "public, max-age=30", "public, max-age=5"),
    ] {
        let mut parameters = json!({ "cache": true, "edge_ttl": { "mode": "bypass_by_default" } });
        if !rule.is_null() {
            parameters["browser_ttl"] = rule;
        }
        let told = Told::caching(parameters).set("browser_cache_ttl", json!(zone));
        let scene = Scene::new(told, move |_, _| Some(reply(200, &[("cache-control", origin)], "x"))).await;
        assert_eq!(scene.get("/").await.header("cache-control"), expected);
    }
}

#[tokio::test]
async fn compression_follows_the_visitor() {
    let body = "volunteer ".repeat(500);
    let gz = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(body.as_bytes()).expect("bytes");
        Bytes::from(encoder.finish().expect("bytes"))
    };
    let plain = body.clone();
    let script = move |request: &Request<Bytes>, _: usize| {
        let path = request.uri().path();
        let kind = if path == "/image" { "image/png" } else { "text/html; charset=utf-8" };
        let cc = if path == "/fixed" { "max-age=30, no-transform" } else { "max-age=30" };
        let mut headers = vec![("content-type", kind), ("cache-control", cc), ("etag", "\"v1\"")];
        let coded = path == "/gzipped" || path == "/fixed";
        if coded {
            headers.push(("content-encoding", "gzip"));
        }
        let mut answer = reply(200, &headers, "");
        *answer.body_mut() = Full::new(if coded { gz.clone() } else { Bytes::from(plain.clone()) });
        Some(answer)
    };
    let scene = Scene::new(Told::respecting(), script).await;
    for (path, accept, coding) in [
        ("/plain", "br, gzip", "br"),
        ("/plain", "gzip", "gzip"),
        ("/plain", "identity", "-"),
        ("/plain", "br;q=0, gzip", "gzip"),
        ("/gzipped", "gzip", "gzip"),
        ("/gzipped", "br", "br"),
        ("/gzipped", "identity", "-"),
        ("/fixed", "identity", "gzip"),
        ("/image", "br, gzip", "-"),
    ] {
        let seen = scene.send("GET", &format!("https://{HOST}{path}"), &[("accept-encoding", accept)]).await;
        assert_eq!(seen.header("content-encoding"), coding, "{path} {accept}");
        assert_eq!(seen.header("content-length"), seen.body.len().to_string());
        let mut text = String::new();
        use std::io::Read;
        match coding {
            "br" => brotli::Decompressor::new(&seen.body[..], 4096).read_to_string(&mut text).expect("brotli"),
            "gzip" => flate2::read::GzDecoder::new(&seen.body[..]).read_to_string(&mut text).expect("gzip"),
            _ => (&seen.body[..]).read_to_string(&mut text).expect("text"),
        };
        assert_eq!(text, body, "{path} {accept}");
    }
    let recoded = scene.send("GET", &format!("https://{HOST}/plain"), &[("accept-encoding", "gzip")]).await;
    assert_eq!((recoded.header("etag"), recoded.header("vary")), ("W/\"v1\"", "accept-encoding"));
    let off = Scene::new(Told::respecting().set("brotli", json!("off")), |_, _| {
        Some(reply(200, &[("content-type", "text/plain")], &"a".repeat(100)))
    })
    .await;
    let seen = off.send("GET", &format!("https://{HOST}/"), &[("accept-encoding", "br, gzip")]).await;
    assert_eq!(seen.header("content-encoding"), "gzip");
}

#[tokio::test]
async fn redirects_to_https() {
    let rule = json!({
        "ref": "https", "action": "redirect",
        "expression": "not ssl and not starts_with(http.request.uri.path, \"/.well-known/acme-challenge/\")",
        "action_parameters": { "from_value": { "status_code": 308, "preserve_query_string": true,
            "target_url": { "expression": "concat(\"https://\", http.host, http.request.uri.path)" } } }
    });
    let told = Told { redirects: json!([rule]), ..Told::default() };
    let told =
        told.set("security_header", json!({ "strict_transport_security": { "enabled": true, "max_age": 31_536_000 } }));
    let scene = Scene::new(told, |_, _| Some(reply(200, &[("strict-transport-security", "max-age=1")], "x"))).await;
    let seen = scene.send("GET", &format!("http://{HOST}/a%20b?x=1&y=%26"), &[]).await;
    assert_eq!((seen.status, seen.header("location")), (308, "https://www.example.org/a%20b?x=1&y=%26"));
    assert_eq!((seen.header("strict-transport-security"), seen.cache()), ("-", "-"));
    assert_eq!(seen.header("server"), "cloudflare");
    let challenge = scene.send("GET", &format!("http://{HOST}/.well-known/acme-challenge/t"), &[]).await;
    assert_eq!(challenge.status, 200);
    let secure = scene.get("/").await;
    assert_eq!((secure.status, secure.header("strict-transport-security")), (200, "max-age=31536000"));

    let always = Scene::new(Told::default().set("always_use_https", json!("on")), |_, _| None).await;
    let seen = always.send("GET", &format!("http://{HOST}/.well-known/acme-challenge/t?a=b"), &[]).await;
    assert_eq!(
        (seen.status, seen.header("location")),
        (301, "https://www.example.org/.well-known/acme-challenge/t?a=b")
    );
}

#[tokio::test]
async fn names_that_are_not_the_zones() {
    let scene = Scene::new(Told::default(), |_, _| Some(reply(200, &[], "x"))).await;
    for (host, status) in
        [("other.invalid", 409), ("203.0.113.7", 403), ("WWW.EXAMPLE.ORG", 200), ("www.example.org:443", 200)]
    {
        let request =
            Request::builder().uri("/").header("host", host).body(Full::new(Bytes::new())).expect("a request");
        let edge = "104.16.0.10".parse().expect("an address");
        assert_eq!(scene.edge.answer(true, edge, CLIENT, request).await.expect("an answer").status(), status, "{host}");
    }
}

#[tokio::test]
async fn the_origin_learns_the_visitor_and_the_browser_does_not_choose_the_address() {
    let scene = Scene::new(Told::default(), |_, _| Some(reply(200, &[], "x"))).await;
    let forged = [("cf-connecting-ip", "1.2.3.4"), ("x-forwarded-for", "1.2.3.4"), ("accept-encoding", "br")];
    scene.send("GET", &format!("https://{HOST}/"), &forged).await;
    let log = scene.asked.lock().expect("a log");
    let header = |name: &str| log[0].headers().get(name).map_or("-", |value| value.to_str().expect("text"));
    assert_eq!(header("cf-connecting-ip"), "198.51.100.7");
    assert_eq!(header("x-forwarded-for"), "1.2.3.4, 198.51.100.7");
    assert_eq!(header("x-forwarded-proto"), "https");
    assert_eq!(header("accept-encoding"), "gzip");
    assert_eq!(header("host"), HOST);
    assert!(header("cf-ray").ends_with("-CDG"));
}

#[tokio::test]
async fn the_way_to_the_origin_fails_by_name() {
    // Certificate of the origin, mode of the zone, expected status.
    let good = || StagedCertificate::healthy(vec![HOST.to_owned()]);
    let wrong = || StagedCertificate::healthy(vec!["other.example.org".to_owned()]);
    let bare = StagedCertificate { with_intermediate: false, ..good() };
    let over = StagedCertificate { days_left: -2, ..good() };
    for (certificate, mode, status) in [
        (good(), "strict", 200),
        (wrong(), "strict", 526),
        (bare, "strict", 526),
        (over, "strict", 526),
        (wrong(), "full", 200),
        (good(), "flexible", 523),
    ] {
        let authority = Authority::new().expect("an authority");
        let acceptor = tls::acceptor(&authority.issue(&certificate).expect("a leaf")).expect("an acceptor");
        let (listener, address) = serve::listen().await.expect("a port");
        let mut origin = JoinSet::new();
        origin.spawn(serve::accept_forever(listener, move |stream, _| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                serve::speak_http(stream, |_| async { Ok(reply(200, &[], "x")) }).await;
            }
        }));
        let closed = {
            let (listener, address) = serve::listen().await.expect("a port");
            drop(listener);
            address
        };
        // The first address refuses: the second is tried.
        let routes = ORIGINS.map(|ip| ip.parse().expect("an address"));
        let routes = [(SocketAddr::new(routes[0], 443), closed), (SocketAddr::new(routes[1], 443), address)].into();
        let payloads = Payloads::read(&Told::default().set("ssl", json!(mode)).files()).expect("payloads");
        let edge = Edge::new(payloads, routes, authority.root(), Identities::default()).expect("an edge");
        let scene = Scene { edge: Arc::new(edge), asked: Arc::default(), origin };
        assert_eq!(scene.get("/").await.status, status, "{mode} {certificate:?}");
        assert_eq!(scene.get("/").await.status, status, "{mode} {certificate:?}, the other address first");
    }
}

#[tokio::test]
async fn an_origin_that_hangs_up_is_a_520() {
    let scene = Scene::new(Told::default(), |_, _| None).await;
    let seen = scene.get("/").await;
    assert_eq!(seen.status, 520);
    assert!(seen.header("cache-control").contains("no-store"));
}

#[test]
fn payloads_that_the_api_would_not_take_are_refused_with_their_file() {
    let rule = |expression: &str| {
        let mut files = Told::default().files();
        let rules = json!([cache_rule(expression, json!({ "cache": true }))]);
        let text = json!({ "name": "default", "kind": "zone", "phase": "http_request_cache_settings", "rules": rules });
        files.insert("cloudflare/http_request_cache_settings.json".to_owned(), text.to_string());
        files
    };
    let with = |path: &str, text: &str| {
        let mut files = Told::default().files();
        files.insert(path.to_owned(), text.to_owned());
        files
    };
    for (files, file, message) in [
        (rule("http.hosst eq \"a\""), "http_request_cache_settings", "`http.hosst`"),
        (with("cloudflare/settings.json", "[{\"id\":\"sssl\",\"value\":\"on\"}]"), "settings", "`sssl`"),
        (with("cloudflare/settings.json", "[{\"id\":\"ssl\",\"value\":\"on\"}]"), "settings", "no value"),
        (with("cloudflare/settings.json", "[{"), "settings", "EOF"),
        (with("cloudflare/http_config_settings.json", "{}"), "http_config_settings", "does not know"),
    ] {
        let refused = Payloads::read(&files).expect_err(message);
        assert!(refused.file.contains(file) && refused.message.contains(message), "{refused:?}");
    }
}

impl Told {
    /// Payloads beside those of every scene.
    fn files_with(&self, more: &[(&str, serde_json::Value)]) -> std::collections::BTreeMap<String, String> {
        let mut files = self.files();
        for (name, body) in more {
            files.insert(format!("cloudflare/{name}.json"), body.to_string());
        }
        files
    }
}

fn phase(phase: &str, rules: serde_json::Value) -> serde_json::Value {
    json!({ "name": "default", "kind": "zone", "phase": phase, "rules": rules })
}

/// The edge's own answer to a request of [`CLIENT`], or `None` where it goes on.
fn gated(payloads: &Payloads, path: &str, query: Option<&str>, holds_all: bool) -> Option<Answer> {
    let headers = HeaderMap::new();
    let facts =
        Facts { method: "GET", https: true, host: HOST, path, query, headers: &headers, client: CLIENT, country: "FR" };
    let door = match holds_all {
        true => Door { suspended: false, holds_all: true },
        false => Door {
            suspended: payloads.room.as_ref().is_none_or(|room| room.suspended),
            holds_all: payloads.room.as_ref().is_some_and(|room| room.holds_all),
        },
    };
    match gate::gate(payloads, &Counters::default(), door, &facts, "ray") {
        Gate::Shut(answer) => Some(answer),
        Gate::Open(_) => None,
    }
}

#[test]
fn custom_rules_act_in_order_and_those_let_through_pass_managed_rules_too() {
    let custom = json!([
        { "ref": "friends", "expression": "ip.src in $friends and starts_with(http.request.uri.path, \"/f\")",
          "action": "skip", "action_parameters": { "ruleset": "current", "phases": ["http_request_firewall_managed"] } },
        { "ref": "seen", "expression": "true", "action": "log" },
        { "ref": "off", "expression": "true", "action": "block", "enabled": false },
        { "ref": "bots", "expression": "http.request.uri.path eq \"/c\"", "action": "managed_challenge" },
        { "ref": "home", "expression": "ip.src.country in {\"FR\"} and http.request.uri.path in {\"/c\" \"/b\" \"/f\"}",
          "action": "block" },
    ]);
    let managed = json!([{ "ref": "m", "expression": "true", "action": "execute",
                           "action_parameters": { "id": "efb7b8c949ac4650a09736fc376e9aee" } }]);
    let lists = json!([{ "name": "friends", "kind": "ip", "items": [{ "ip": "198.51.100.0/24" }] }]);
    let files = Told::default().files_with(&[
        ("http_request_firewall_custom", phase("http_request_firewall_custom", custom)),
        ("http_request_firewall_managed", phase("http_request_firewall_managed", managed)),
        ("lists", lists),
    ]);
    let payloads = Payloads::read(&files).expect("payloads");
    let told = |path, query| {
        gated(&payloads, path, query, false)
            .map(|answer| (answer.status().as_u16(), answer.headers().contains_key("cf-mitigated")))
    };
    assert_eq!(told("/", None), None, "logged and let by");
    assert_eq!(told("/b", None), Some((403, false)));
    assert_eq!(told("/c", None), Some((403, true)), "the first that stops decides");
    assert_eq!(told("/f", Some("g=<script>")), None, "skipped: neither blocked nor known for an attack");
    for attack in ["g=%3Cscript%3E", "g=%27%20OR%201=1--", "g=..%2F../etc/passwd"] {
        assert_eq!(told("/", Some(attack)), Some((403, false)), "{attack}");
    }
}

#[test]
fn a_room_holds_all_or_lets_pass_with_its_cookie_and_covers_what_is_below_its_path() {
    let room = |suspended: bool| {
        json!({ "waiting_room": {
            "name": "r", "host": HOST, "path": "/Shop", "total_active_users": 200, "new_users_per_minute": 200,
            "session_duration": 5, "queueing_method": "fifo", "queueing_status_code": 202, "suspended": suspended,
            "cookie_attributes": { "samesite": "auto", "secure": "auto" },
        }, "rules": [{ "action": "bypass_waiting_room", "expression": "http.request.uri.path eq \"/Shop/hook\"" }] })
    };
    let payloads = |suspended| {
        Payloads::read(&Told::default().files_with(&[("waiting_room", room(suspended))])).expect("payloads")
    };
    let held = gated(&payloads(true), "/Shop/a", None, true).expect("a page");
    assert_eq!(held.status().as_u16(), 202);
    assert!(held.headers().contains_key("refresh") && held.headers().contains_key("set-cookie"));
    for passes in ["/Shopping", "/shop/a", "/", "/Shop/hook"] {
        assert!(gated(&payloads(true), passes, None, true).is_none(), "{passes}");
    }
    assert!(gated(&payloads(true), "/Shop", None, false).is_none(), "suspended");
    assert!(gated(&payloads(false), "/Shop", None, false).is_none(), "there is room");
}
