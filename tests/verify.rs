//! `golive verify` as a program: its plan, its consent, its formats, and a network that is cut.

mod common;

use std::collections::BTreeSet;
use std::process::{Command, Output};

use common::{conforms, repository};
use serde_json::Value;

fn verify(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
    command.current_dir(repository()).args(["verify", "blueprints/jeveuxaider.toml"]).args(arguments);
    command.env("NO_COLOR", "1").output().expect("the program starts")
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(arguments: &[&str]) -> Value {
    let output = verify(&[arguments, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(&output)))
}

/// A consent to this site, with texts replaced.
fn consent(edits: &[(&str, &str)]) -> tempfile::NamedTempFile {
    let now = jiff::Timestamp::now();
    let hour = jiff::SignedDuration::from_hours(1);
    let parties = ["site", "cdn", "host"].map(|party| {
        format!("[[granted_by]]\nparty = \"{party}\"\nname = \"A\"\nrole = \"lead\"\non = {}\n", now - hour)
    });
    let mut text = format!(
        "host = \"covid19.reserve-civique.gouv.fr\"\nscope = [\"rate.*\"]\nmax_safety = \"S3\"\nfrom = {}\nuntil = {}\n\
         most_per_second = 20\nstop_contact = \"war room\"\n{}",
        now - hour,
        now + hour,
        parties.concat()
    );
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    file
}

#[test]
fn a_plan_says_who_would_be_asked_and_asks_nobody() {
    let output = verify(&["--plan"]);
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for part in
        ["name server 192.0.2.53", "covid19.reserve-civique.gouv.fr", "needs the owner's consent", "would be run"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let plan = json(&["--plan", "--only", "dns.*"]);
    conforms(&plan, "plan");
    let checks = plan["checks"].as_array().expect("checks");
    assert!(!checks.is_empty() && checks.iter().all(|check| check["id"].as_str().expect("an id").starts_with("dns.")));
    let asked: u64 =
        plan["asked"].as_array().expect("asked").iter().filter_map(|whom| whom["questions"].as_u64()).sum();
    let put: usize = checks.iter().map(|check| check["questions"].as_array().map_or(0, Vec::len)).sum();
    assert!(0 < asked && asked <= put as u64, "each question once: {asked} of {put}");
    assert_eq!(verify(&["--plan", "--format", "html"]).status.code(), Some(2));
}

#[test]
fn a_consent_opens_what_it_names_and_no_more() {
    let runs = |arguments: &[&str]| {
        let plan = json(&[&["--plan"], arguments].concat());
        let checks = plan["checks"].as_array().expect("checks").iter();
        let open = checks.filter(|check| check["refused"].is_null() && check["safety"].as_str() > Some("S1"));
        open.map(|check| check["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(runs(&[]), Vec::<String>::new());
    let file = consent(&[]);
    let path = file.path().to_str().expect("a name");
    let open = runs(&["--consent", path]);
    assert!(open.contains(&"rate.trips".to_owned()) && open.iter().all(|id| id.starts_with("rate.")), "{open:?}");
    assert_eq!(runs(&["--consent", path, "--max-safety", "S1"]), Vec::<String>::new());

    // Its hash is in the result.
    let sha256 = json(&["--only", "rate.status", "--consent", path, "--resolver", "127.0.0.1:1"])["consent"].clone();
    assert_eq!(sha256.as_str().map(str::len), Some(64));
}

#[test]
fn a_consent_that_is_not_one_is_refused_with_its_lines() {
    let file = consent(&[("max_safety = \"S3\"", "max_safety = \"S4\""), ("stop_contact", "stop_contract")]);
    let output = verify(&["--consent", file.path().to_str().expect("a name")]);
    assert_eq!((output.status.code(), printed(&output).as_str()), (Some(2), ""));
    let said = said(&output);
    for part in ["max_safety = \"S4\"", "^^^^", "has no key `stop_contract`", "has no `stop_contact`", ":3:"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let output = verify(&["--consent", "absent.toml"]);
    assert_eq!(output.status.code(), Some(2));
}

/// Meta drill 104: with the network cut, what is asked of it is unknown, and nothing of that passes.
#[test]
fn with_the_network_cut_nothing_that_was_asked_passes() {
    let name = |check: &Value| format!("{} {}", check["id"], check["subject"]);
    let asks: BTreeSet<String> = json(&["--plan"])["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .filter(|check| !check["questions"].as_array().expect("questions").is_empty())
        .map(name)
        .collect();
    // Nobody answers there; the blueprint's own addresses are for documentation, and are never contacted.
    let result = json(&["--resolver", "127.0.0.1:1"]);
    conforms(&result, "verify");
    for check in result["checks"].as_array().expect("checks") {
        if asks.contains(&name(check)) {
            assert_eq!(check["verdict"], "unknown", "{check:#}");
        }
    }
}

#[test]
fn every_format_is_printed() {
    for (format, part) in [
        ("text", "untested: "),
        ("json", "\"summary\""),
        ("junit", "<testsuites"),
        ("markdown", "# untested: "),
        ("html", "<!doctype html>"),
    ] {
        let output = verify(&["--only", "dns.caa", "--resolver", "127.0.0.1:1", "--format", format]);
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        assert!(printed(&output).contains(part), "{format}: {}", printed(&output));
    }
}
