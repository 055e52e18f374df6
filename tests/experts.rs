//! The offline experts: `golive ttl`, `golive trace` and `golive coverage`. What the trace predicts is put to the
//! rehearsed world, real nginx included.

use std::process::{Command, Output};
use std::time::Duration;

use golive::blueprint::Loaded;
use golive::concerns::fragment::RunsOn;
use golive::emit;
use golive::ops::trace::{Answer, Request, trace};
use golive::ops::ttl::{Layer, Lifetimes, ttl};
use golive::probe::{HttpAnswer, HttpProbe, Observation, Probe, Scheme, Target};
use golive::rehearsal::LocalWorld;
use golive::rehearsal::staging::Staging;
use golive::world::{Allowed, Options, World};

mod common;

use common::need;

const SAMPLE: &str = "blueprints/jeveuxaider.toml";
const TOML: &str = include_str!("../blueprints/jeveuxaider.toml");
const SITE: &str = "https://covid19.reserve-civique.gouv.fr";

/// The sample with some of its text replaced; each replacement must find its text.
fn loaded(edits: &[(&str, &str)]) -> Loaded {
    let mut toml = TOML.to_owned();
    for (from, to) in edits {
        assert!(toml.contains(from), "the sample no longer holds {from:?}");
        toml = toml.replacen(from, to, 1);
    }
    let common::Sample { blueprint, site, .. } = common::parse(&toml);
    Loaded { blueprint, site }
}

fn run(args: &[&str]) -> Output {
    let mut golive = Command::new(env!("CARGO_BIN_EXE_golive"));
    golive.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("RUST_BACKTRACE").env_remove("CLICOLOR_FORCE");
    golive.args(args).output().expect("golive starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(args: &[&str]) -> serde_json::Value {
    let output = run(&[args, &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn predicted(loaded: &Loaded, method: &str, url: &str, headers: &[&str]) -> Answer {
    let headers: Vec<String> = headers.iter().map(ToString::to_string).collect();
    let request = Request::parse(method, url, &headers).expect(url);
    trace(loaded, &request).unwrap_or_else(|error| panic!("{url}: {error}")).answer
}

/// A rehearsed world, and who asks it.
struct Stage {
    local: LocalWorld,
    world: World,
}

impl Stage {
    async fn of(loaded: &Loaded, runs_on: RunsOn) -> Self {
        let artifacts = emit::compose(&loaded.blueprint, &loaded.site).expect("no clash");
        let staging = Staging::new(loaded.site.clone(), runs_on, &artifacts).expect("staged");
        let local = LocalWorld::start(staging).await.expect("started");
        let world = World::new(Options {
            routes: local.routes(),
            routed_only: true,
            allowed: Allowed::of(&loaded.site),
            resolvers: vec![local.resolver()],
            roots: local.roots(),
            user_agent: "golive-test".to_owned(),
            timeout: Duration::from_secs(10),
            burst_per_second: None,
            stage: Some(local.stage()),
            access: local.access(),
        })
        .expect("a world");
        Self { local, world }
    }

    async fn get(&self, url: &str, headers: &[&str], nth: u8) -> HttpAnswer {
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (host, path) = rest.split_at(rest.find('/').expect("a path"));
        let headers = headers.iter().map(|header| header.split_once(": ").expect("a header"));
        let probe = HttpProbe {
            scheme: if scheme == "https" { Scheme::Https } else { Scheme::Http },
            host: host.to_owned(),
            host_header: None,
            path: path.to_owned(),
            to: Target::Resolved,
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            nth,
        };
        match self.world.ask(&Probe::Http(probe)).await {
            Observation::Http(answer) => answer,
            other => panic!("{url}: {other:?}"),
        }
    }
}

/// Asks each URL twice and compares with what was predicted. Returns how many answers of the app were good.
async fn agree(loaded: &Loaded, runs_on: RunsOn, more: &[(&str, &[&str])]) -> usize {
    let stage = Stage::of(loaded, runs_on).await;
    // With credentials nothing is kept, and where an edge TTL keeps it after all the query makes it another copy: the
    // corpus starts without one.
    let home = stage.get(&format!("{SITE}/?corpus"), &["authorization: Basic eA=="], 0).await;
    let html = &home.body.text;
    let asset = html.split('"').find(|part| part.starts_with("/assets/")).expect("an asset").to_owned();
    let (asset, query) = (format!("{SITE}{asset}"), format!("{SITE}/missions?utm_source=tv"));
    let mut corpus: Vec<(&str, &[&str])> = vec![
        ("https://covid19.reserve-civique.gouv.fr/missions", &["authorization: Basic eA=="]),
        (&query, &[]),
        ("https://covid19.reserve-civique.gouv.fr/", &["cookie: laravel_session=x"]),
        (&asset, &[]),
        ("https://covid19.reserve-civique.gouv.fr/assets/not-hashed.css", &[]),
        ("https://covid19.reserve-civique.gouv.fr/assets/gone.0123456789abcdef.css", &[]),
        ("https://covid19.reserve-civique.gouv.fr/api/user", &[]),
        ("https://covid19.reserve-civique.gouv.fr/api/missions?page=2", &["cookie: laravel_session=x"]),
        // nginx decodes and merges, the edge compares as sent.
        ("https://covid19.reserve-civique.gouv.fr/%61pi/user", &[]),
        ("https://covid19.reserve-civique.gouv.fr//api/user", &[]),
        ("https://covid19.reserve-civique.gouv.fr/nothing/here", &[]),
        ("http://covid19.reserve-civique.gouv.fr/", &[]),
        ("http://covid19.reserve-civique.gouv.fr/a%20b//c?x=1&y=%26", &[]),
        ("http://covid19.reserve-civique.gouv.fr/.well-known/acme-challenge/token", &[]),
        ("https://jeveuxaider.gouv.fr/", &[]),
        ("https://jeveuxaider.gouv.fr/a%20b/c?x=1&y=%26", &[]),
        ("https://www.jeveuxaider.gouv.fr/?q", &[]),
        ("http://jeveuxaider.gouv.fr/a%20b?x=1", &[]),
        ("http://www.jeveuxaider.gouv.fr/", &[]),
        ("http://jeveuxaider.gouv.fr/.well-known/acme-challenge/token", &[]),
    ];
    let health = loaded.blueprint.proxy.as_ref().map(|proxy| format!("{SITE}{}", proxy.health_path));
    corpus.extend(health.iter().map(|health| (health.as_str(), &[] as &[&str])));
    corpus.extend(more);

    let mut good_answers = 0;
    for (url, headers) in corpus {
        let predicted = predicted(loaded, "GET", url, headers);
        for nth in [0, 1] {
            let seen = stage.get(url, headers, nth).await;
            let context = format!(
                "{url} {headers:?}, visit {nth}\npredicted {predicted:?}\nseen {} {:?}",
                seen.status, seen.headers
            );
            if let Some(status) = predicted.status {
                assert_eq!(seen.status, status, "{context}");
            }
            assert_eq!(seen.header("location"), predicted.location.as_deref(), "{context}");
            let good = seen.status == 200;
            let by_app = predicted.by == "app";
            good_answers += usize::from(by_app && good);
            let wanted = match by_app && !good {
                true => predicted.cache_control_otherwise.as_ref(),
                false => predicted.cache_control.as_ref(),
            };
            if let Some(wanted) = wanted {
                assert_eq!(seen.header("cache-control"), Some(wanted.as_str()), "{context}");
            }
            if let (Some(statuses), true) = (predicted.cf_cache_status, good) {
                assert_eq!(seen.header("cf-cache-status"), Some(statuses[usize::from(nth)]), "{context}");
            }
            if predicted.by == "edge" || predicted.by == "redirect" {
                assert_eq!(seen.header("cf-cache-status"), None, "{context}");
            }
        }
    }
    stage.local.stop().await;
    good_answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trace_predicts_what_the_world_answers() {
    need("nginx");
    let good = agree(&loaded(&[]), RunsOn::Scalingo, &[]).await;
    assert!(good >= 12, "only {good} good answers of the app were compared");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trace_predicts_other_rules_on_another_machine() {
    need("nginx");
    let other = loaded(&[
        ("runs_on = \"scalingo\"", "runs_on = \"server\""),
        ("max_age_seconds = 30\n", "max_age_seconds = 30\nedge_ttl_seconds = 120\n"),
        ("afterwards_seconds = 600 }\nignore_query = true", "afterwards_seconds = 600 }"),
    ]);
    // With the query in the key, another query is another copy.
    let more: [(&str, &[&str]); 1] = [("https://covid19.reserve-civique.gouv.fr/missions?utm_source=radio", &[])];
    let good = agree(&other, RunsOn::Server, &more).await;
    assert!(good >= 14, "only {good} good answers of the app were compared");
}

#[test]
fn a_trace_names_the_rules_in_the_order_in_which_they_decide() {
    let url = format!("{SITE}/api/user");
    let document = json(&["trace", SAMPLE, "GET", &url]);
    let steps = document["steps"].as_array().expect("steps");
    let rules: Vec<String> =
        steps.iter().map(|step| format!("{} {}", step["at"], step["rule"]).replace('"', "")).collect();
    let place =
        |rule: &str| rules.iter().position(|known| known.starts_with(rule)).unwrap_or_else(|| panic!("{rules:#?}"));
    let order = ["dns covid19", "tls min_tls", "edge redirect rules", "edge cache rule pages", "edge cache rule api"];
    let order = order.into_iter().chain(["proxy $via_cdn", "proxy class api", "proxy $cache_control"]);
    let places: Vec<usize> = order.map(place).collect();
    assert!(places.is_sorted(), "{rules:#?}");
    assert_eq!(document["answer"]["cache_control"], "no-store");
    assert_eq!(document["answer"]["cf_cache_status"], serde_json::json!(["DYNAMIC", "DYNAMIC"]));
}

#[test]
fn a_trace_names_the_limits_that_count_and_the_mode_that_cuts() {
    let loaded = loaded(&[]);
    let rules = |method: &str, url: &str| -> Vec<String> {
        let request = Request::parse(method, url, &[]).expect("a request");
        let steps = trace(&loaded, &request).unwrap_or_else(|error| panic!("{url}: {error}")).steps;
        let rules = steps.into_iter().map(|step| step.rule);
        rules.filter(|rule| rule.starts_with("limit ") || rule == "$cut").collect()
    };
    let site = "https://covid19.reserve-civique.gouv.fr";
    for (method, path, wanted) in [
        ("GET", "/", &["limit pages"][..]),
        ("POST", "/api/users", &["limit pages", "limit sign-up"]),
        ("GET", "/api/users", &["limit pages"]),
        ("GET", "/assets/app.0123456789abcdef.js", &[]),
        ("GET", "/login", &["$cut", "limit pages"]),
        ("GET", "/__health", &[]),
    ] {
        assert_eq!(rules(method, &format!("{site}{path}")), wanted, "{method} {path}");
    }
    assert_eq!(rules("GET", "https://jeveuxaider.gouv.fr/"), ["limit announced"]);
}

#[test]
fn what_only_reads_is_kept_and_nothing_else() {
    let loaded = loaded(&[]);
    let page = format!("{SITE}/missions");
    assert_eq!(predicted(&loaded, "HEAD", &page, &[]).cf_cache_status, Some(["MISS", "HIT"]));
    let posted = predicted(&loaded, "POST", &page, &[]);
    assert_eq!((posted.cache_control.as_deref(), posted.cf_cache_status), (Some("no-store"), Some(["DYNAMIC"; 2])));
    let undecodable = predicted(&loaded, "GET", &format!("{SITE}/%zz"), &[]);
    assert_eq!((undecodable.by, undecodable.status), ("proxy", Some(400)));
}

#[test]
fn a_foreign_host_and_a_bad_call_are_refused() {
    let cases: [(&[&str], &str); 4] = [
        (&["GET", "https://other.example/"], "no record of this blueprint leads other.example anywhere"),
        (&["GET", "covid19.reserve-civique.gouv.fr"], "neither https:// nor http://"),
        (&["FETCH", "https://other.example/"], "invalid value 'FETCH'"),
        (&["GET", "https://other.example/", "-H", "Cookie"], "write 'name: value'"),
    ];
    for (args, message) in cases {
        let output = run(&[&["trace", SAMPLE], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
}

fn lifetimes(edits: &[(&str, &str)], path: Option<&str>) -> Lifetimes {
    let path = path.map(|path| path.parse().expect("a path"));
    ttl(&loaded(edits), path.as_ref()).expect("lifetimes")
}

/// Of the class of pages: its oldest ages (normally, while refreshing, with the app down), and its layers.
fn pages(edits: &[(&str, &str)]) -> ([Option<u64>; 3], Vec<Layer>) {
    let all = lifetimes(edits, None).routes;
    let pages = all.into_iter().find(|route| route.class.as_deref() == Some("pages")).expect("pages");
    ([pages.oldest.normal, pages.oldest.while_refreshing, pages.oldest.app_down], pages.layers)
}

fn layer<'a>(layers: &'a [Layer], name: &str) -> &'a Layer {
    layers.iter().find(|layer| layer.layer == name).expect(name)
}

#[test]
fn stale_serving_makes_a_page_older_and_each_canceller_is_named() {
    let (oldest, layers) = pages(&[]);
    assert_eq!(oldest, [Some(30), Some(90), Some(86_430)]);
    assert!(layer(&layers, "cdn").because.contains("Always Online off"));

    let (oldest, layers) = pages(&[("always_online = false", "always_online = true")]);
    // Browsers still act on stale-while-revalidate; the Archive's copies have any age.
    assert_eq!(oldest, [Some(30), Some(90), None]);
    let edge = layer(&layers, "cdn");
    assert_eq!((edge.stale_while_revalidate, edge.stale_if_error), (Some(0), Some(0)));
    assert!(edge.because.contains("cancelled by Always Online"), "{}", edge.because);

    let (oldest, layers) = pages(&[("max_age_seconds = 30\n", "max_age_seconds = 30\ns_maxage_seconds = 50\n")]);
    assert_eq!(oldest, [Some(50), Some(90), Some(90)]);
    let edge = layer(&layers, "cdn");
    assert_eq!(edge.fresh, Some(50));
    assert!(edge.because.starts_with("s-maxage") && edge.because.contains("cancelled by `s-maxage`"), "{edge:?}");
}

#[test]
fn an_edge_ttl_wins_at_the_edge_alone() {
    let (oldest, layers) = pages(&[("max_age_seconds = 30\n", "max_age_seconds = 30\nedge_ttl_seconds = 120\n")]);
    assert_eq!(oldest, [Some(120), Some(180), Some(86_520)]);
    assert_eq!((layer(&layers, "cdn").fresh, layer(&layers, "browser").fresh), (Some(120), Some(30)));
    assert!(layer(&layers, "cdn").because.contains("edge_ttl 120 of rule pages wins"));
}

#[test]
fn one_path_is_judged_by_what_it_is_and_not_by_where_it_lies() {
    let unhashed = lifetimes(&[], Some("/assets/logo.png")).routes;
    assert_eq!(unhashed.len(), 1);
    assert_eq!(unhashed[0].class.as_deref(), Some("pages"));
    assert!(layer(&unhashed[0].layers, "cdn").because.contains("rule assets"));
    let private = &lifetimes(&[], Some("/%61pi/user")).routes[0];
    assert_eq!((private.class.as_deref(), private.oldest.app_down), (Some("api"), Some(0)));
}

#[test]
fn names_have_their_ttls_and_an_edge_of_its_own_has_its_own() {
    let partial = lifetimes(&[], None).names;
    let names: Vec<_> =
        partial.iter().map(|name| (name.name.as_str(), name.steady, name.lowered, name.negative)).collect();
    assert_eq!(
        names,
        [
            ("covid19.reserve-civique.gouv.fr", 3600, 300, Some(300)),
            ("jeveuxaider.gouv.fr", 3600, 300, Some(300)),
            ("www.jeveuxaider.gouv.fr", 3600, 300, Some(300)),
        ]
    );
    let full = lifetimes(
        &[("setup = \"partial\"", "setup = \"full\""), ("run_by = \"ticket\"", "run_by = \"cloudflare\"")],
        None,
    );
    let host = &full.names[0];
    assert_eq!((host.steady, host.lowered, host.negative), (300, 300, None));
}

#[test]
fn without_a_proxy_nobody_claims_to_know() {
    let start = TOML.find("[proxy]").expect("a proxy");
    let end = TOML.find("[cache]").expect("a cache");
    let without = lifetimes(&[(&TOML[start..end], "")], None).routes;
    assert_eq!(without.len(), 1);
    assert_eq!(without[0].oldest.normal, None);
    let loaded = loaded(&[(&TOML[start..end], "")]);
    let answer = predicted(&loaded, "GET", &format!("{SITE}/"), &[]);
    assert_eq!((answer.by, answer.cache_control, answer.cf_cache_status), ("app", None, None));
}

#[test]
fn the_report_of_lifetimes_says_what_wins_and_what_to_do() {
    let output = run(&["ttl", SAMPLE]);
    assert_eq!(output.status.code(), Some(0));
    let seen = text(&output.stdout);
    for part in [
        "pages every path that no other class takes",
        "oldest   30 s normally",
        "purge the URL",
        "Saturday 21 March 2020",
    ] {
        assert!(seen.contains(part), "no `{part}` in:\n{seen}");
    }
    assert!(!seen.contains('\u{1b}'), "styles reached a pipe");
    let document = json(&["ttl", SAMPLE, "/missions"]);
    assert_eq!(document["routes"][0]["oldest"]["app_down"], 86_430);
    assert_eq!(document["blueprint"]["path"], SAMPLE);
}

#[test]
fn the_sample_has_no_hole() {
    let document = json(&["coverage", SAMPLE]);
    assert_eq!(document["holes"], serde_json::json!([]));
    let concerns = document["concerns"].as_array().expect("concerns");
    let files = |key: &str| {
        let concern = concerns.iter().find(|concern| concern["concern"] == key).expect(key);
        concern["artifacts"].as_array().expect("files").clone()
    };
    assert_eq!(concerns.len(), 15);
    assert!(files("dns").contains(&"dns/reserve-civique.gouv.fr.zone".into()));
    assert!(files("cache").contains(&"terraform/cloudflare.tf".into()));
    assert!(files("cache").contains(&"nginx/scalingo/servers.conf.erb".into()));
    assert!(!files("proxy").contains(&"terraform/cloudflare.tf".into()));
    let text = text(&run(&["coverage", SAMPLE]).stdout);
    assert!(text.contains("\nno hole: 15 concerns, "), "{text}");
}

#[test]
fn a_hole_is_listed_and_ends_with_1() {
    // Zones of one server each: no drill makes it disagree with another, and the check of it stays.
    let second = "  { name = \"ns2.dns.example.net\", address = \"198.51.100.53\" },\n";
    assert!(TOML.contains(second));
    let toml = TOML.replace(second, "");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("holed.toml");
    std::fs::write(&path, toml).expect("written");
    let output = run(&["coverage", &path.to_string_lossy()]);
    let seen = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{seen}{}", text(&output.stderr));
    assert!(seen.contains("hole     dns.soa.sync: no drill turns it red"), "{seen}");
    assert!(seen.contains("\n1 hole: 15 concerns, "), "{seen}");
}
