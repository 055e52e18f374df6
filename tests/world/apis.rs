//! Providers' APIs that behave as badly as they can: bounded time and memory, no pass out of a mess, and the token in
//! nothing that anybody sees.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use golive::concerns::apps::Region;
use golive::probe::{ApiProbe, ApiProvider, FailureKind, Observation, Probe, Purge};
use golive::providers::api::Access;
use golive::world::{Allowed, Options, World};
use serde_json::{Value, json};

use crate::support::{HOST, Script, Server, impatient, ok, routed_to, say};

const TOKEN: &str = "s3cret-s3cret-s3cret-token";
const ZONE: &str = "/zones/example.org/settings/ssl";

/// Where every address of both providers leads.
fn options(server: SocketAddr) -> Options {
    let access = Access::new(|name| match name {
        "CLOUDFLARE_API_TOKEN" | "SCALINGO_API_TOKEN" => Some(TOKEN.to_owned()),
        _ => Some(format!("http://{server}/base")),
    });
    let compared = BTreeSet::from(["MODE".to_owned()]);
    let allowed = Allowed {
        hosts: BTreeSet::from([HOST.to_owned()]),
        zones: BTreeSet::from(["example.org".to_owned()]),
        region: Some(Region::OscFr1),
        apps: BTreeMap::from([("shop".to_owned(), compared)]),
        ..Allowed::default()
    };
    Options { access, allowed, ..routed_to(server) }
}

fn probe(provider: ApiProvider, path: &str) -> Probe {
    Probe::Api(ApiProbe { provider, path: path.to_owned(), nth: 0 })
}

fn answer(status: &str, headers: &[&str], body: &[u8]) -> Script {
    let Script::Say(bytes) = ok(headers, body) else { unreachable!("`ok` says") };
    let text = bytes.strip_prefix(b"HTTP/1.1 200 OK").expect("what `ok` begins with");
    Script::Say([format!("HTTP/1.1 {status}").as_bytes(), text].concat())
}

fn told(status: &str, body: &Value) -> Script {
    answer(status, &[], body.to_string().as_bytes())
}

fn envelope(result: Value) -> Value {
    json!({ "success": true, "errors": [], "messages": [], "result": result })
}

/// As a provider refuses that quotes what it was sent.
fn refusal(code: u32, message: &str) -> Value {
    let errors = json!([{ "code": code, "message": format!("{message} (you sent {TOKEN})") }]);
    json!({ "success": false, "errors": errors, "messages": [], "result": null })
}

fn zones(ids: &[&str]) -> Script {
    let zones = ids.iter().map(|id| json!({ "id": id, "name": "example.org", "account": { "id": "a1" } }));
    told("200 OK", &envelope(zones.collect()))
}

/// What came of one question, with the heads of the requests that it took.
async fn asked(provider: ApiProvider, path: &str, scripts: Vec<Script>) -> (Observation, Vec<String>) {
    let server = Server::start(move |nth| scripts[nth.min(scripts.len() - 1)].clone()).await;
    let observation = impatient(options(server.address)).ask(&probe(provider, path)).await;
    let seen = format!("{observation:?}");
    assert!(!seen.contains("s3cret"), "{seen}");
    (observation, server.heads())
}

async fn cloudflare(script: Script) -> Observation {
    asked(ApiProvider::Cloudflare, ZONE, vec![zones(&["z1"]), script]).await.0
}

fn body(observation: Observation) -> (u16, Value) {
    match observation {
        Observation::Api(answer) => (answer.status, answer.body),
        other => panic!("{other:?}"),
    }
}

fn failure(observation: Observation) -> (FailureKind, String) {
    match observation {
        Observation::Failed(failure) => (failure.kind, failure.message),
        other => panic!("{other:?}"),
    }
}

mod of_cloudflare {
    use super::*;

    #[tokio::test]
    async fn names_become_ids_and_only_reads_are_sent() {
        let rooms = || told("200 OK", &envelope(json!([{ "id": "r1", "name": "launch" }])));
        let events = told("200 OK", &envelope(json!([{ "name": "tv" }])));
        let path = "/zones/example.org/waiting_rooms/launch/events";
        let (observation, heads) = asked(ApiProvider::Cloudflare, path, vec![zones(&["z1"]), rooms(), events]).await;
        assert_eq!(body(observation).1["result"][0]["name"], "tv");
        let lines: Vec<&str> = heads.iter().filter_map(|head| head.lines().next()).collect();
        assert_eq!(
            lines,
            [
                "GET /base/zones?name=example.org HTTP/1.1",
                "GET /base/zones/z1/waiting_rooms HTTP/1.1",
                "GET /base/zones/z1/waiting_rooms/r1/events HTTP/1.1"
            ]
        );
        assert!(heads.iter().all(|head| head.contains(&format!("authorization: Bearer {TOKEN}\r\n"))), "{heads:?}");
        let path = "/zones/example.org/waiting_rooms/other/events";
        let (observation, _) = asked(ApiProvider::Cloudflare, path, vec![zones(&["z1"]), rooms()]).await;
        assert_eq!(body(observation).0, 404, "a room that is not listed does not exist");
        let path = "/accounts/example.org/rules/lists/friends/items";
        let lists = told("200 OK", &envelope(json!([{ "id": "l1", "name": "friends" }])));
        let items = told("200 OK", &envelope(json!([{ "ip": "192.0.2.1" }])));
        let (_, heads) = asked(ApiProvider::Cloudflare, path, vec![zones(&["z1"]), lists, items]).await;
        assert!(heads[2].starts_with("GET /base/accounts/a1/rules/lists/l1/items "), "{heads:?}");
    }

    #[tokio::test]
    async fn one_url_is_purged_and_nothing_else_is_written() {
        let scripts = [zones(&["z1"]), told("200 OK", &envelope(json!({ "id": "z1" })))];
        let server = Server::start(move |nth| scripts[nth.min(1)].clone()).await;
        let purge = Purge { zone: "example.org".into(), host: HOST.into(), url: format!("https://{HOST}/a?b=1") };
        let answer = impatient(options(server.address)).ask(&Probe::Purge(purge)).await;
        assert_eq!(body(answer).0, 200);
        let heads = server.heads();
        assert_eq!(heads.len(), 2);
        assert!(heads[1].starts_with("POST /base/zones/z1/purge_cache HTTP/1.1\r\n"), "{}", heads[1]);
        let length = json!({ "files": [format!("https://{HOST}/a?b=1")] }).to_string().len();
        assert!(heads[1].contains(&format!("content-length: {length}\r\n")), "{}", heads[1]);
    }

    #[tokio::test]
    async fn pages_are_put_together_and_end_somewhere() {
        let page = |items: Value, info: Value| {
            told("200 OK", &json!({ "success": true, "errors": [], "result": items, "result_info": info }))
        };
        let numbered = |page: u8| json!({ "page": page, "per_page": 2, "count": 2, "total_count": 3 });
        let scripts = vec![zones(&["z1"]), page(json!([1, 2]), numbered(1)), page(json!([3]), numbered(2))];
        let (observation, heads) = asked(ApiProvider::Cloudflare, "/zones/example.org/waiting_rooms", scripts).await;
        assert_eq!(body(observation).1["result"], json!([1, 2, 3]));
        assert!(heads[2].starts_with("GET /base/zones/z1/waiting_rooms?page=2 "), "{heads:?}");
        let endless = page(json!([1]), json!({ "cursors": { "after": "next&page" } }));
        let scripts = vec![zones(&["z1"]), endless];
        let (observation, heads) = asked(ApiProvider::Cloudflare, "/zones/example.org/waiting_rooms", scripts).await;
        let (kind, message) = failure(observation);
        assert_eq!(kind, FailureKind::Declined);
        assert!(message.contains("more than 50 pages"), "{message}");
        assert_eq!(heads.len(), 51);
        assert!(heads[2].contains("?cursor=next%26page "), "{}", heads[2]);
    }

    #[tokio::test]
    async fn a_name_that_is_no_zone_or_two_is_not_guessed() {
        for (ids, words) in [(&[][..], "no zone example.org"), (&["z1", "z2"], "2 zones example.org")] {
            let (observation, heads) = asked(ApiProvider::Cloudflare, ZONE, vec![zones(ids)]).await;
            let (kind, message) = failure(observation);
            assert_eq!(kind, FailureKind::Declined);
            assert!(message.contains(words) && message.contains("token"), "{message}");
            assert_eq!(heads.len(), 1);
        }
        let (observation, heads) = asked(ApiProvider::Cloudflare, ZONE, vec![zones(&["../../user/tokens"])]).await;
        assert_eq!(failure(observation).0, FailureKind::Garbage);
        assert_eq!(heads.len(), 1, "an id leads nowhere else");
    }

    #[tokio::test]
    async fn refusals_tell_the_providers_words_and_the_permission() {
        for (status, number) in [("401 Unauthorized", "401"), ("403 Forbidden", "403")] {
            let (kind, message) = failure(cloudflare(told(status, &refusal(10_000, "Authentication error"))).await);
            assert_eq!(kind, FailureKind::Declined);
            for part in [number, "10000 Authentication error", "Zone Settings Read", "CLOUDFLARE_API_TOKEN", "(hidden)"]
            {
                assert!(message.contains(part), "{part}: {message}");
            }
        }
        let (kind, message) = failure(cloudflare(told("200 OK", &refusal(1234, "odd"))).await);
        assert_eq!(kind, FailureKind::Declined);
        assert!(message.contains("1234 odd"), "{message}");
        let (status, seen) = body(cloudflare(told("404 Not Found", &refusal(1, "none"))).await);
        assert_eq!((status, seen["success"].as_bool()), (404, Some(false)));
        let (kind, message) = failure(cloudflare(answer("404 Not Found", &[], b"<h1>nginx</h1>")).await);
        assert_eq!(kind, FailureKind::Garbage, "somebody else's 404 says nothing");
        assert!(message.contains("CLOUDFLARE_BASE_URL"), "{message}");
    }

    #[tokio::test]
    async fn a_token_that_is_refused_is_shown_once() {
        let scripts = [told("403 Forbidden", &refusal(9109, "Unauthorized"))];
        let server = Server::start(move |_| scripts[0].clone()).await;
        let world = World::new(options(server.address)).unwrap();
        let paths = [ZONE, "/zones/example.org/waiting_rooms", "/accounts/example.org/rules/lists/friends/items"];
        for path in paths {
            assert_eq!(failure(world.ask(&probe(ApiProvider::Cloudflare, path)).await).0, FailureKind::Declined);
        }
        assert_eq!(server.heads().len(), 1);
    }

    #[tokio::test]
    async fn answers_in_no_known_form_are_garbage() {
        let latin = b"{\"success\":true,\"errors\":[],\"result\":{\"value\":\"caf\xe9\"}}";
        let deep = [b"{\"success\":true,\"result\":".as_slice(), &b"[".repeat(100_000)].concat();
        let many: String = (0..10_000).map(|nth| format!("x-{nth}: y\r\n")).collect();
        for script in [
            answer("200 OK", &[], b"[]"),
            answer("200 OK", &[], b"{\"ok\":true}"),
            answer("200 OK", &[], b"<html>"),
            answer("200 OK", &[], b""),
            answer("200 OK", &[], latin),
            answer("200 OK", &[], &deep),
            say("no HTTP at all\r\n\r\n"),
            say(&format!("HTTP/1.1 200 OK\r\n{many}\r\n{{}}")),
        ] {
            let (kind, message) = failure(cloudflare(script).await);
            assert_eq!(kind, FailureKind::Garbage, "{message}");
            assert!(message.len() < 400, "{message}");
        }
    }

    #[tokio::test]
    async fn compression_that_nobody_asked_for_is_not_undone() {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![b' '; 50 * 1024 * 1024]).unwrap();
        let bomb = encoder.finish().unwrap();
        let (kind, message) = failure(cloudflare(answer("200 OK", &["content-encoding: gzip"], &bomb)).await);
        assert_eq!(kind, FailureKind::Garbage);
        assert!(message.contains("compressed"), "{message}");
    }

    #[tokio::test]
    async fn slow_and_endless_answers_end() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{".to_vec();
        let endless = b"HTTP/1.1 200 OK\r\n\r\n{\"success\":true,\"result\":\"".to_vec();
        for (script, wanted) in [
            (Script::Drip(head, vec![b' '; 99_999], Duration::from_millis(20)), FailureKind::TimedOut),
            (Script::Hang, FailureKind::TimedOut),
            (Script::Endless(endless, vec![b'a'; 65_536]), FailureKind::Garbage),
            (say("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"success\""), FailureKind::Unreachable),
        ] {
            let begun = Instant::now();
            let (kind, message) = failure(cloudflare(script).await);
            assert_eq!(kind, wanted, "{message}");
            assert!(begun.elapsed() < Duration::from_secs(10), "{message}");
        }
    }

    #[tokio::test]
    async fn what_may_be_repeated_is_repeated_and_not_for_ever() {
        let good = || told("200 OK", &envelope(json!({ "value": "strict" })));
        for first in [
            answer("429 Too Many Requests", &["retry-after: 0"], b"Retry later"),
            answer("503 Service Unavailable", &["retry-after: 0"], b""),
            answer("500 Internal Server Error", &[], b"oops"),
            answer("408 Request Timeout", &[], b""),
        ] {
            let scripts = vec![zones(&["z1"]), first, good()];
            let (observation, heads) = asked(ApiProvider::Cloudflare, ZONE, scripts).await;
            assert_eq!(body(observation).1["result"]["value"], "strict");
            assert_eq!(heads.len(), 3);
        }
        let scripts = vec![zones(&["z1"]), told("502 Bad Gateway", &refusal(502, "down"))];
        let (observation, heads) = asked(ApiProvider::Cloudflare, ZONE, scripts).await;
        let (kind, message) = failure(observation);
        assert_eq!((kind, heads.len()), (FailureKind::Declined, 4), "{message}");
        assert!(message.contains("502 down"), "{message}");
        for (status, header) in [("429 Too Many Requests", "retry-after: 3600"), ("400 Bad Request", "x: y")] {
            let (observation, heads) =
                asked(ApiProvider::Cloudflare, ZONE, vec![zones(&["z1"]), answer(status, &[header], b"")]).await;
            assert_eq!((failure(observation).0, heads.len()), (FailureKind::Declined, 2), "{status}");
        }
    }

    #[tokio::test]
    async fn a_redirect_does_not_carry_the_token_away() {
        let thief = Server::start(|_| say("HTTP/1.1 200 OK\r\n\r\n{}")).await;
        for status in ["301 Moved Permanently", "307 Temporary Redirect"] {
            let to = format!("location: http://{}/", thief.address);
            let (kind, message) = failure(cloudflare(answer(status, &[&to], b"")).await);
            assert_eq!(kind, FailureKind::Declined);
            assert!(message.contains("redirect"), "{message}");
        }
        assert!(thief.heads().is_empty());
    }
}

mod of_scalingo {
    use super::*;

    const SESSION: &str = "s3cret-session-of-an-hour";

    fn session() -> Script {
        told("200 OK", &json!({ "token": SESSION }))
    }

    async fn scalingo(path: &str, scripts: Vec<Script>) -> (Observation, Vec<String>) {
        asked(ApiProvider::Scalingo, path, [vec![session()], scripts].concat()).await
    }

    #[tokio::test]
    async fn the_token_is_exchanged_once_and_databases_have_their_own() {
        let addons = json!({ "addons": [
            { "id": "ad-0", "addon_provider": { "id": "redis" } },
            { "id": "ad-1", "addon_provider": { "id": "postgresql" } },
        ] });
        let of_database = json!({ "addon": { "id": "ad-1", "token": "s3cret-of-the-database" } });
        let nodes = json!([{ "role": "leader" }, { "role": "s3cret-of-the-database" }]);
        let scripts = vec![told("200 OK", &addons), told("200 OK", &of_database), told("200 OK", &nodes)];
        let (observation, heads) = scalingo("/databases/shop.postgresql/instances_status", scripts).await;
        assert_eq!(body(observation).1, json!([{ "role": "leader" }, { "role": "(hidden)" }]));
        let lines: Vec<&str> = heads.iter().filter_map(|head| head.lines().next()).collect();
        assert_eq!(
            lines,
            [
                "POST /base/v1/tokens/exchange HTTP/1.1",
                "GET /base/v1/apps/shop/addons HTTP/1.1",
                "POST /base/v1/apps/shop/addons/ad-1/token HTTP/1.1",
                "GET /base/api/databases/ad-1/instances_status HTTP/1.1"
            ]
        );
        let basic = data_encoding::BASE64.encode(format!(":{TOKEN}").as_bytes());
        let shown = [
            format!("Basic {basic}"),
            format!("Bearer {SESSION}"),
            format!("Bearer {SESSION}"),
            "Bearer s3cret-of-the-database".to_owned(),
        ];
        for (head, shown) in heads.iter().zip(shown) {
            assert!(head.contains(&format!("authorization: {shown}\r\n")), "{head}");
        }
        assert!(heads[0].contains("content-length: 0\r\n"), "{}", heads[0]);
        let (observation, _) = scalingo("/databases/shop.mysql/backups", vec![told("200 OK", &addons)]).await;
        assert_eq!(body(observation).0, 404, "the app has no such database");
    }

    #[tokio::test]
    async fn values_that_no_check_compares_are_dropped() {
        let variables = json!({ "variables": [
            { "id": "1", "name": "MODE", "value": "0" },
            { "id": "2", "name": "DATABASE_URL", "value": "postgres://s3cret" },
            "s3cret-odd",
        ], "meta": { "note": "s3cret-note" } });
        let (observation, _) = scalingo("/apps/shop/variables", vec![told("200 OK", &variables)]).await;
        let kept =
            json!({ "variables": [{ "name": "MODE", "value": "0" }, { "name": "DATABASE_URL" }, { "name": "" }] });
        assert_eq!(body(observation).1, kept);
        let odd = json!({ "env": { "DATABASE_URL": "s3cret" } });
        let (observation, _) = scalingo("/apps/shop/variables", vec![told("200 OK", &odd)]).await;
        assert_eq!(body(observation).1, Value::Null);
    }

    #[tokio::test]
    async fn people_and_secrets_are_dropped() {
        let link = json!({ "scm_repo_link": {
            "auto_deploy_enabled": false, "linker": { "email": "s3cret@example.org" }, "token": "s3cret-x",
        } });
        let (observation, _) = scalingo("/apps/shop/scm_repo_link", vec![told("200 OK", &link)]).await;
        assert_eq!(body(observation).1, json!({ "scm_repo_link": { "auto_deploy_enabled": false } }));
    }

    #[tokio::test]
    async fn pages_are_put_together() {
        let page = |item: u8, next: Value| {
            let meta = json!({ "pagination": { "current_page": item, "next_page": next } });
            told("200 OK", &json!({ "domains": [item], "meta": meta }))
        };
        let (observation, heads) = scalingo("/apps/shop/domains", vec![page(1, json!(2)), page(2, json!(null))]).await;
        assert_eq!(body(observation).1["domains"], json!([1, 2]));
        assert!(heads[2].starts_with("GET /base/v1/apps/shop/domains?page=2 "), "{heads:?}");
    }

    #[tokio::test]
    async fn refusals_say_what_to_do() {
        let echo = format!("no access with {TOKEN} and {SESSION}");
        for (status, words) in
            [("401 Unauthorized", "make a new one"), ("403 Forbidden", "must be a collaborator of the app")]
        {
            let (observation, _) = scalingo("/apps/shop/ps", vec![told(status, &json!({ "error": echo }))]).await;
            let (kind, message) = failure(observation);
            assert_eq!(kind, FailureKind::Declined);
            assert!(message.contains(words) && message.contains("no access with (hidden) and (hidden)"), "{message}");
        }
        let gone = json!({ "resource": "App", "error": "not found" });
        let (observation, _) = scalingo("/apps/shop/ps", vec![told("404 Not Found", &gone)]).await;
        assert_eq!(body(observation).0, 404);
        let (observation, _) = scalingo("/apps/shop/ps", vec![answer("404 Not Found", &[], b"nginx")]).await;
        assert_eq!(failure(observation).0, FailureKind::Garbage);
    }

    #[tokio::test]
    async fn a_token_that_is_no_longer_good_ends_at_the_exchange() {
        let basic = data_encoding::BASE64.encode(format!(":{TOKEN}").as_bytes());
        let gone = told("401 Unauthorized", &json!({ "error": format!("unknown token {basic}") }));
        let (observation, heads) = asked(ApiProvider::Scalingo, "/apps/shop/ps", vec![gone]).await;
        let (kind, message) = failure(observation);
        assert_eq!((kind, heads.len()), (FailureKind::Declined, 1));
        assert!(message.contains("SCALINGO_API_TOKEN") && !message.contains(&basic), "{message}");
        for odd in [json!({ "token": 7 }), json!([]), json!({ "jeton": "s3cret" })] {
            let (observation, _) = asked(ApiProvider::Scalingo, "/apps/shop/ps", vec![told("200 OK", &odd)]).await;
            assert_eq!(failure(observation).0, FailureKind::Garbage, "{odd}");
        }
        // Not carried out: once more. Perhaps carried out: not.
        let later = answer("429 Too Many Requests", &["retry-after: 0"], b"Retry later");
        let ps = told("200 OK", &json!({ "containers": [] }));
        let (observation, heads) = asked(ApiProvider::Scalingo, "/apps/shop/ps", vec![later, session(), ps]).await;
        assert_eq!((body(observation).0, heads.len()), (200, 3));
        let oops = answer("500 Internal Server Error", &[], b"");
        let (observation, heads) = asked(ApiProvider::Scalingo, "/apps/shop/ps", vec![oops]).await;
        assert_eq!((failure(observation).0, heads.len()), (FailureKind::Declined, 1));
    }
}

#[tokio::test]
async fn nothing_is_sent_where_nothing_may_be() {
    let server = Server::start(|_| zones(&["z1"])).await;
    let because = |observation| match observation {
        Observation::NotAsked { because } => because,
        other => panic!("{other:?}"),
    };
    let world = World::new(options(server.address)).unwrap();
    for (provider, path) in [
        (ApiProvider::Cloudflare, "/zones/example.com/settings/ssl"),
        (ApiProvider::Cloudflare, "/user/tokens/verify"),
        (ApiProvider::Cloudflare, "/accounts/example.com/rules/lists/x/items"),
        (ApiProvider::Scalingo, "/apps/other/variables"),
        (ApiProvider::Scalingo, "/databases/other.postgresql/backups"),
        (ApiProvider::Scalingo, "/account/ssh_keys"),
    ] {
        let because = because(world.ask(&probe(provider, path)).await);
        assert!(because.contains("not part of the blueprint"), "{because}");
    }
    for path in ["/zones/example.org/../../user", "/zones/example.org/a b"] {
        assert!(!because(world.ask(&probe(ApiProvider::Cloudflare, path)).await).is_empty(), "{path}");
    }
    for (zone, host, url) in [
        ("example.com", HOST, format!("https://{HOST}/")),
        ("example.org", "evil.example", "https://evil.example/".to_owned()),
        ("example.org", HOST, format!("https://{HOST}.evil.example/")),
        ("example.org", HOST, format!("http://{HOST}/")),
    ] {
        let purge = Purge { zone: zone.to_owned(), host: host.to_owned(), url };
        let because = because(world.ask(&Probe::Purge(purge)).await);
        assert!(because.contains("not part of the blueprint"), "{because}");
    }
    // A rehearsal leaves the loopback for no token.
    let access = Access::new(|name| name.ends_with("TOKEN").then(|| TOKEN.to_owned()));
    let world = World::new(Options { access, ..options(server.address) }).unwrap();
    for (provider, path) in [(ApiProvider::Cloudflare, ZONE), (ApiProvider::Scalingo, "/apps/shop/ps")] {
        let because = because(world.ask(&probe(provider, path)).await);
        assert!(because.contains("not part of the rehearsal"), "{because}");
    }
    let heads = server.heads();
    assert!(heads.iter().all(|head| head.starts_with("GET /base/zones?name=example.org ")), "{heads:?}");
}

#[tokio::test]
async fn nobody_there_is_a_failure_that_names_the_place() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (provider, path) in [(ApiProvider::Cloudflare, ZONE), (ApiProvider::Scalingo, "/apps/shop/ps")] {
        let (kind, message) = failure(impatient(options(closed)).ask(&probe(provider, path)).await);
        assert_eq!(kind, FailureKind::Refused);
        assert!(message.contains(&closed.to_string()) && message.contains("'s API"), "{message}");
    }
}
