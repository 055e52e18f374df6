//! The generated nginx folders before other people's readers: a security analyser (gixy-ng), a parser (crossplane), and
//! the list of modules that the platform's buildpack leaves out.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Sample, edited, need, parse, published, sample};
use golive::ops::generate;
use serde_json::Value;
use tempfile::TempDir;

/// What the buildpack has around `servers.conf`, as far as a reader needs it.
const BASE: &str = "events {}\nhttp {\n    server_tokens off;\n    include servers.conf;\n}\n";

/// Findings of gixy-ng that are none, with the reason: the rule, and a text of the finding.
const NO_FAULTS: [(&str, &str, &str); 2] = [
    (
        "default_server_flag",
        "",
        "the server of unknown names stands first, which makes it the default; all servers include one list of listens",
    ),
    ("hsts_header", "server_name covid19.", "the CDN sends it, for every answer of its own too"),
];

/// Directives of modules that the buildpack's nginx is built without (Scalingo nginx-buildpack, configure options).
const ABSENT: [&str; 14] = [
    "http2",
    "http3",
    "quic_",
    "stub_status",
    "sub_filter",
    "gzip_static",
    "gunzip",
    "slice",
    "brotli",
    "stream",
    "more_set_headers",
    "image_filter",
    "geoip",
    "js_",
];

struct Folder {
    name: String,
    files: TempDir,
}

/// Every nginx folder of a site, with templates rendered as the platform does.
fn folders(sample: &Sample) -> Vec<Folder> {
    let artifacts = generate::plan(&sample.blueprint, &sample.site, "").expect("no clash");
    // Varnish's relay is an nginx too.
    let below = |path: &'_ str| {
        path.strip_prefix("nginx/")
            .or(path.strip_prefix("varnish/").filter(|path| path.starts_with("relay/")))
            .map(str::to_owned)
    };
    let paths = artifacts.iter().filter_map(|artifact| below(&artifact.path));
    let names: BTreeSet<String> = paths.filter_map(|path| Some(path.split('/').next()?.to_owned())).collect();
    let folder = |name: &str| {
        let files = tempfile::tempdir().expect("a folder");
        for artifact in &artifacts {
            let path = below(&artifact.path);
            let Some(path) = path.as_deref().and_then(|path| path.strip_prefix(&format!("{name}/"))) else { continue };
            let (path, text) = match path.strip_suffix(".erb") {
                Some(path) => (path, rendered(&artifact.text)),
                None => (path, artifact.text.clone()),
            };
            put(files.path(), path, &text);
        }
        if files.path().join("servers.conf").exists() {
            put(files.path(), "nginx.conf", BASE);
        }
        Folder { name: name.to_owned(), files }
    };
    names.iter().map(|name| folder(name)).collect()
}

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
    fs::write(path, text).expect("written");
}

/// With an address for each variable: no reader wants another kind of value in the same place.
fn rendered(template: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, tag)) = rest.split_once("<%=") {
        let (code, after) = tag.split_once("%>").expect("a closed tag");
        text.push_str(before);
        text.push_str(match code.trim() {
            "ENV['PORT']" => "8080",
            "ENV['DEGRADED_MODE']" => "0",
            "ENV['STATIC_UPSTREAM']" => "192.0.2.2:6081",
            code if code.starts_with("ENV['APP_UPSTREAM") => "192.0.2.1:8080",
            code if code.starts_with("File.read('/etc/resolv.conf')") => "192.0.2.53",
            other => panic!("nobody renders {other}"),
        });
        rest = after;
    }
    text + rest
}

fn shapes() -> Vec<(&'static str, Sample)> {
    let without = |key: &str| {
        let mut table: toml::Table = sample().source.parse().expect("TOML");
        table.remove(key);
        parse(&toml::to_string(&table).expect("TOML"))
    };
    vec![
        ("the sample", sample()),
        ("on a plain machine", parse(&edited(&[("runs_on = \"scalingo\"", "runs_on = \"server\"")]))),
        ("without limits", without("rate_limits")),
        ("without a degraded mode", without("degraded_mode")),
        ("without classes", without("cache")),
        // By a back office that has a name.
        ("with published pages", parse(&(sample().source + &published(&[("192.0.2.80", "office.internal")])))),
    ]
}

fn json(tool: &str, arguments: &[&str], folder: &Path) -> Value {
    let output = Command::new(need(tool)).args(arguments).current_dir(folder).output().expect("the tool starts");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{tool}: {error}\n{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn the_analyser_finds_nothing_that_is_a_fault() {
    let mut excused = BTreeSet::new();
    for (shape, sample) in shapes() {
        for Folder { name, files } in folders(&sample) {
            let found = json("gixy", &["-f", "json", "nginx.conf"], files.path());
            for finding in found.as_array().expect("a list") {
                let rule = finding["plugin"].as_str().expect("a rule");
                let where_to = finding["config"].as_str().unwrap_or_default();
                let excuse = NO_FAULTS.iter().find(|(known, text, _)| *known == rule && where_to.contains(text));
                assert!(excuse.is_some(), "{shape}, {name}: {finding:#}");
                excused.insert(rule.to_owned());
            }
        }
    }
    // An excuse that excuses nothing would hide the next finding.
    assert_eq!(excused.len(), NO_FAULTS.len(), "{excused:?}");
}

/// Every directive below. What stands in a table of values is none.
fn directives(block: &Value, found: &mut BTreeSet<String>) {
    for directive in block.as_array().into_iter().flatten() {
        let name = directive["directive"].as_str().unwrap_or_default();
        found.insert(name.to_owned());
        if !matches!(name, "map" | "geo" | "types") {
            directives(&directive["block"], found);
        }
    }
}

#[test]
fn the_parser_reads_what_nginx_reads_and_the_buildpack_has_it_all() {
    for (shape, sample) in shapes() {
        for Folder { name, files } in folders(&sample) {
            let parsed = json("crossplane", &["parse", "nginx.conf"], files.path());
            assert_eq!(parsed["status"], "ok", "{shape}, {name}: {:#}", parsed["errors"]);
            let mut found = BTreeSet::new();
            for config in parsed["config"].as_array().expect("the files") {
                directives(&config["parsed"], &mut found);
            }
            let all = ["server", "server_name", "return", "log_format"];
            for wanted in if name == "relay" { &["server", "proxy_pass"][..] } else { &all[..] } {
                assert!(found.contains(*wanted), "{shape}, {name}: no {wanted}");
            }
            if name == "scalingo" {
                let absent = found.iter().find(|directive| ABSENT.iter().any(|start| directive.starts_with(start)));
                assert_eq!(absent, None, "{shape}: the buildpack's nginx has no such directive");
            }
        }
    }
}
