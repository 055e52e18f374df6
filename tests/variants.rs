//! Sites of other shapes than the sample's: each table left out, other plans, several redirects, IPv6. Each lints and
//! generates; those that differ most are rehearsed.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::{edited, need, published};
use serde_json::Value;

const SAMPLE: &str = include_str!("../blueprints/jeveuxaider.toml");

/// A small site of another kind, of one unsigned zone that the CDN runs.
const PRIMARIES: &str = include_str!("static_routes/primaries.toml");

/// A second redirect: one name, one machine, to a site of somebody else.
const SECOND_REDIRECT: &str = r#"
[[redirects.servers]]
names = ["old.reserve-civique.gouv.fr"]
addresses = ["2001:db8:5::31"]
to = "www.example.org"
status = 301
hsts_max_age_seconds = 31536000
"#;

fn without(tables: &[&str]) -> String {
    let mut blueprint: toml::Table = SAMPLE.parse().expect("TOML");
    for table in tables {
        blueprint.remove(*table).unwrap_or_else(|| panic!("the sample has no [{table}]"));
    }
    // What leans on a table goes with it.
    for (table, leaning) in [
        ("cdn", &["waf", "waiting_room", "rate_limits"][..]),
        ("proxy", &["rate_limits", "degraded_mode"]),
        ("redirects", &["rate_limits"]),
    ] {
        if tables.contains(&table) {
            leaning.iter().for_each(|table| drop(blueprint.remove(*table)));
        }
    }
    let list_without = |table: Option<&mut toml::Value>, list: &str, key: &str, value: &str| {
        if let Some(list) = table.and_then(|table| table.get_mut(list)) {
            list.as_array_mut().expect("a list").retain(|entry| entry[key].as_str() != Some(value));
        }
    };
    if tables.contains(&"redirects") {
        list_without(blueprint.get_mut("audience"), "load_tests", "of", "redirects");
    }
    for (table, check) in [
        ("database", "db.index"),
        ("cdn", "cache.offload"),
        ("cache", "cache.offload"),
        ("mail", "mail.bounce"),
        ("mail", "mail.bulk"),
        ("mail", "mail.dmarc.align"),
        ("mail", "mail.verified"),
    ] {
        if tables.contains(&table) {
            list_without(blueprint.get_mut("people"), "attested", "check", check);
        }
    }
    // Its cookie, and the class that keeps nothing of it, are [cache]'s.
    if let (true, Some(apps)) = (tables.contains(&"cache"), blueprint.get_mut("apps")) {
        for app in apps["apps"].as_array_mut().expect("a list") {
            app.as_table_mut().expect("a table").remove("logged_in_path");
        }
    }
    if let (true, Some(mode)) = (tables.contains(&"apps"), blueprint.get_mut("degraded_mode")) {
        mode.as_table_mut().expect("a table").remove("apps");
    }
    // The nginx of [proxy] is an app of the platform, and any other without it.
    if let (true, Some(apps)) = (tables.contains(&"proxy"), blueprint.get_mut("apps")) {
        for app in
            apps["apps"].as_array_mut().expect("a list").iter_mut().map(|app| app.as_table_mut().expect("a table"))
        {
            if app.remove("front").is_some() {
                app.insert("health_path".into(), "/health".into());
            }
        }
    }
    toml::to_string(&blueprint).expect("TOML")
}

/// Zones, and nothing else.
fn dns_alone() -> String {
    without(&["cdn", "cache", "mail", "proxy", "redirects", "apps", "database", "audience", "third_parties", "people"])
}

/// The zone is delegated to the CDN, on one of its plans, without what the plan does not hold.
fn full(plan: &str) -> String {
    let source = edited(&[
        ("setup = \"partial\"\nverification_key = \"284344499-1084221259\"\n", "setup = \"full\"\n"),
        ("run_by = \"ticket\"\nticket_to = \"le service DNS du réseau de l'État\"\n", "run_by = \"cloudflare\"\n"),
        ("plan = \"business\"", plan),
    ]);
    let mut blueprint: toml::Table = source.parse().expect("TOML");
    if !plan.contains("business") {
        blueprint.remove("waiting_room");
        let limits = blueprint["rate_limits"]["limits"].as_array_mut().expect("a list");
        limits.retain(|limit| limit["at"].as_str() != Some("edge"));
    }
    if plan.contains("free") {
        blueprint["waf"].as_table_mut().expect("a table").insert("managed".into(), toml::Value::Array(vec![]));
    }
    toml::to_string(&blueprint).expect("TOML")
}

fn several_redirects_and_ipv6() -> String {
    edited(&[
        ("\"203.0.113.10\", \"203.0.113.11\"", "\"2001:db8:1::10\", \"203.0.113.11\""),
        ("\"198.51.100.21\", \"198.51.100.22\"", "\"2001:db8:2::21\", \"2001:db8:2::22\""),
        ("address = \"198.51.100.53\"", "address = \"2001:db8:3::53\""),
    ]) + SECOND_REDIRECT
}

/// A room with all that the largest plan has.
fn advanced_room() -> String {
    let table = r#"suspended = false
json = true
tested_active_users = 80000

[[waiting_room.events]]
name = "speech"
prequeue = 2020-03-22T20:15:00+01:00
start = 2020-03-22T20:25:00+01:00
end = 2020-03-22T23:40:00+01:00
total_active_users = 60000
new_users_per_minute = 36000

[waiting_room.bypass]
paths = ["/api/", "/oauth/", "/health"]
partners = true
"#;
    edited(&[("plan = \"business\"", "plan = \"enterprise\""), ("suspended = true\n", table)])
}

/// The app has a cache of its own, for a crisis.
fn read_cache() -> String {
    let table = r#"session_cookie = "laravel_session"
read_cache = { apps = ["jeveuxaider"], variable = "READ_CACHE", on = "1", off = "0", path = "/api/places", seconds = 30, drilled_on = 2020-03-20 }
"#;
    edited(&[("session_cookie = \"laravel_session\"\n", table)])
}

/// nginx keeps copies of pages and files.
fn copies_at_the_proxy() -> String {
    edited(&[
        ("max_age_seconds = 31536000\nignore", "max_age_seconds = 31536000\nproxy_copy_seconds = 60\nignore"),
        ("max_age_seconds = 30\nstale", "max_age_seconds = 30\nproxy_copy_seconds = 5\nstale"),
    ])
}

/// Pages of a back office beside everything else; `tests/static_routes.rs` rehearses such.
fn published_pages() -> String {
    format!("{SAMPLE}{}", published(&[("192.0.2.61", "cache.internal"), ("192.0.2.80", "back.internal")]))
}

/// Whoever asks for a certificate of the announced name's zone may have one.
fn no_caa() -> String {
    edited(&[("certificate_authorities = [\"letsencrypt.org\"]\n", "")])
}

/// Both zones signed, and vouched for above.
fn signed() -> String {
    SAMPLE.replace("hostmaster = ", "signed = true\nhostmaster = ")
}

/// A second and a third name; the second has an app of its own.
fn several_hosts() -> String {
    edited(&[(
        "# Both zones belong to a State service",
        "[[site.hosts]]\nname = \"missions.reserve-civique.gouv.fr\"\npages = [\"/\", \"/carte\"]\n\
         upstream = \"web.ap-77aa.pn-7c2d.private-network.internal:8080\"\n\n\
         [[site.hosts]]\nname = \"aide.reserve-civique.gouv.fr\"\n\n# Both zones belong to a State service",
    )])
}

struct Shape {
    folder: tempfile::TempDir,
    lint: Output,
    generate: Output,
}

impl Shape {
    /// The blueprint, linted and generated.
    fn of(source: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("site.toml"), source).expect("written");
        let lint = golive(folder.path(), &["lint", "site.toml", "--format", "json"]);
        let generate = golive(folder.path(), &["generate", "site.toml"]);
        Self { folder, lint, generate }
    }

    fn rehearse(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let arguments = [&["rehearse", "site.toml", "--format", "json"], arguments].concat();
        let output = golive(self.folder.path(), &arguments);
        let report = serde_json::from_slice(&output.stdout);
        (output.status.code(), report.unwrap_or_else(|error| panic!("{error}: {}", told(&output))))
    }
}

fn golive(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
    command.current_dir(folder).args(arguments).env_remove("RUST_BACKTRACE").output().expect("golive starts")
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Ids of the rows with another verdict than pass, each once.
fn not_green(report: &Value) -> Vec<String> {
    let rows = report["checks"].as_array().expect("checks").iter().filter(|row| row["verdict"] != "pass");
    let mut ids: Vec<String> = rows.map(|row| format!("{} {}", row["verdict"], row["id"]).replace('"', "")).collect();
    ids.dedup();
    ids
}

/// Checks that no drill reddens in this shape yet; `golive coverage` says so to its user too.
fn undrilled(shape: &str) -> &'static [&'static str] {
    match shape {
        // Without an app of the platform nobody tells what the variable is.
        "no apps, and so no database and no audience" | "people alone of the new ones" => &["deg.marker"],
        // The drills of certificates are the edge's and the redirects'.
        "no cdn" => &["tls.expiry", "tls.ocsp", "deg.time"],
        "no cdn, no proxy" => &["tls.expiry", "tls.ocsp"],
        // Cloudflare answers for the name itself.
        "full zone, business" | "full zone, pro" | "full zone, free" => &["dns.host.target"],
        _ => &[],
    }
}

#[test]
fn every_shape_lints_and_generates() {
    for (name, source, findings) in [
        ("dns alone", dns_alone(), 0),
        ("no apps, and so no database and no audience", without(&["apps", "database", "audience"]), 0),
        ("no third parties, no people", without(&["third_parties", "people"]), 0),
        ("people alone of the new ones", without(&["apps", "database", "audience", "third_parties"]), 0),
        ("no cdn", without(&["cdn"]), 0),
        ("no cdn, no proxy", without(&["cdn", "proxy"]), 1),
        ("no proxy", without(&["proxy"]), 1),
        ("no cache", without(&["cache"]), 1),
        ("no proxy, no cache", without(&["cache", "proxy"]), 2),
        ("no redirects", without(&["redirects"]), 0),
        ("no mail", without(&["mail"]), 0),
        ("no CAA", no_caa(), 0),
        ("full zone, business", full("plan = \"business\""), 0),
        ("full zone, pro", full("plan = \"pro\""), 0),
        ("full zone, free", full("plan = \"free\""), 0),
        ("proxy on a server", edited(&[("runs_on = \"scalingo\"", "runs_on = \"server\"")]), 0),
        ("several redirects, IPv6", several_redirects_and_ipv6(), 0),
        ("several hosts", several_hosts(), 0),
        ("copies at the proxy", copies_at_the_proxy(), 0),
        ("published pages", published_pages(), 0),
        ("signed zones", signed(), 0),
        ("an evening of results", PRIMARIES.to_owned(), 0),
    ] {
        let Shape { folder, lint, generate } = Shape::of(&source);
        assert_eq!(lint.status.code(), Some(0), "{name}: {}", told(&lint));
        let report: Value = serde_json::from_slice(&lint.stdout).expect("JSON");
        assert_eq!(report["findings"].as_array().map(Vec::len), Some(findings), "{name}: {}", told(&lint));
        assert_eq!(generate.status.code(), Some(0), "{name}: {}", told(&generate));
        let again = golive(folder.path(), &["generate", "site.toml", "--check"]);
        assert_eq!(again.status.code(), Some(0), "{name}: {}", told(&again));
        let coverage = golive(folder.path(), &["coverage", "site.toml", "--format", "json"]);
        let report: Value = serde_json::from_slice(&coverage.stdout).expect("JSON");
        let holes = report["holes"].as_array().expect("holes").iter();
        let holes: Vec<&str> = holes.map(|hole| hole["check"].as_str().unwrap_or_default()).collect();
        assert_eq!(holes, undrilled(name), "{name}: {}", told(&coverage));
    }
}

/// Green when healthy, and with a fault red where it must be and nowhere else: without an edge, without a proxy, in a
/// zone of the CDN's, and with addresses and redirects of other kinds.
#[test]
fn other_shapes_are_rehearsed_like_the_sample() {
    need("nginx");
    need("varnishd");
    for (name, source, drill, least) in [
        ("no cdn", without(&["cdn", "mail"]), "all", 11),
        ("dns alone", dns_alone(), "all", 12),
        ("the app right behind the cdn", without(&["cache", "proxy", "waf"]), "https-redirect-missing", 1),
        ("full zone, free", full("plan = \"free\""), "ttl-86400", 1),
        ("no CAA", no_caa(), "caa-closed signed-unannounced name-server-lapsed", 3),
        ("signed zones", signed(), "signer-stopped changed-unsigned parent-lists-retired resolver-keeps-old", 4),
        ("copies at the proxy", copies_at_the_proxy(), "proxy-keeps-nothing", 1),
        ("an evening of results", PRIMARIES.to_owned(), "signed-unannounced name-server-lapsed", 2),
        ("several redirects, IPv6", several_redirects_and_ipv6(), "redirect-drops-query", 1),
        ("a cache in the app", read_cache(), "read-cache-unwired", 1),
        (
            "an advanced waiting room",
            advanced_room(),
            "room-on-other-path room-suspended-with-event event-in-local-time room-answers-html room-catches-webhook",
            5,
        ),
        ("several hosts", several_hosts(), "404-kept", 1),
        (
            "several hosts, on a server",
            several_hosts().replace("runs_on = \"scalingo\"", "runs_on = \"server\""),
            "ttl-86400",
            1,
        ),
    ] {
        let shape = Shape::of(&source);
        let (code, report) = shape.rehearse(&[]);
        assert_eq!((code, not_green(&report)), (Some(0), vec![]), "{name}");
        let chosen: Vec<&str> = drill.split(' ').flat_map(|drill| ["--drill", drill]).collect();
        let (code, report) = shape.rehearse(&chosen);
        let drills = report["drills"].as_array().expect("drills");
        let odd: Vec<&Value> = drills
            .iter()
            .filter(|drill| drill["missed"] != Value::Array(vec![]) || drill["unexpected"] != Value::Array(vec![]))
            .collect();
        assert!(code == Some(0) && odd.is_empty(), "{name}: {odd:#?}");
        assert!(drills.len() >= least, "{name}: {} drills", drills.len());
    }
}

/// What lint warns of (`cache.needs-proxy`) is what a rehearsal shows: nobody sends the headers.
#[test]
fn a_cache_without_a_proxy_is_red_where_nobody_sends_its_headers() {
    need("nginx");
    let (code, report) = Shape::of(&without(&["proxy"])).rehearse(&[]);
    assert_eq!(code, Some(1));
    let ids = not_green(&report);
    for red in ["cache.cc.api", "cache.cc.assets", "cache.cc.html", "cache.hit-on-second"] {
        assert!(ids.contains(&format!("fail {red}")), "{red} is not red: {ids:?}");
    }
    assert!(ids.iter().all(|id| id.contains("cache.")), "{ids:?}");
}
