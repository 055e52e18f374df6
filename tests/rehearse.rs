//! `golive rehearse` as a person runs it: the real binary, the real nginx, sockets on the loopback.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

mod common;

use common::{conforms, need};

const SAMPLE: &str = "blueprints/jeveuxaider.toml";

fn golive() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("RUST_BACKTRACE").env_remove("CLICOLOR_FORCE");
    command
}

fn run(args: &[&str]) -> Output {
    golive().args(args).output().expect("golive starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_healthy_world_is_green() {
    need("nginx");
    let output = run(&["rehearse", SAMPLE, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    conforms(&report, "verify");
    let not_green: Vec<&serde_json::Value> =
        report["checks"].as_array().expect("checks").iter().filter(|check| check["verdict"] != "pass").collect();
    assert!(not_green.is_empty(), "{not_green:#?}\n{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
    // A checklist that lost its checks would be green too.
    assert!(report["summary"]["pass"].as_u64().expect("a count") >= 150, "{}", report["summary"]);
}

#[test]
fn every_drill_is_caught_and_nothing_else_turns_red() {
    need("nginx");
    let output = run(&["rehearse", SAMPLE, "--drill", "all", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    conforms(&report, "verify");
    let drills = report["drills"].as_array().expect("drills");
    let odd: Vec<&serde_json::Value> = drills
        .iter()
        .filter(|drill| drill["missed"] != serde_json::json!([]) || drill["unexpected"] != serde_json::json!([]))
        .collect();
    assert!(odd.is_empty(), "{odd:#?}\n{}", text(&output.stderr));
    assert!(drills.len() >= 120, "only {} drills", drills.len());
    assert!(drills.iter().all(|drill| drill["red"] != serde_json::json!([])));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_caught_fault_is_shown_with_its_cure() {
    need("nginx");
    let output = run(&["rehearse", SAMPLE, "--drill", "redirect-drops-query"]);
    let seen = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{seen}");
    for part in ["fault: ", "redir.shape", "Location is", "seen ", "caught"] {
        assert!(seen.contains(part), "no `{part}` in:\n{seen}");
    }
}

/// A warning would be caught as well; where visitors are served past the CDN it is a failure.
#[test]
fn an_origin_that_serves_under_a_name_of_its_own_fails() {
    need("nginx");
    let output = run(&["rehearse", SAMPLE, "--drill", "origin-named-beside"]);
    let seen = text(&output.stdout);
    let words: Vec<&str> = seen.split_whitespace().collect();
    let words = words.join(" ");
    assert!(words.contains("fail dns.origin.leak") && words.contains("serves the site there"), "{seen}");
}

#[test]
fn an_unknown_drill_gets_a_suggestion() {
    let output = run(&["rehearse", SAMPLE, "--drill", "redirect-drop-query"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean `redirect-drops-query`?"), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty());
}

#[test]
fn files_that_were_not_generated_are_named() {
    let empty = tempfile::tempdir().expect("a folder");
    let output = run(&["rehearse", SAMPLE, "--generated", &empty.path().to_string_lossy()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("golive generate"), "{}", text(&output.stderr));
}

/// Generates the sample into a folder of its own and edits one file there.
fn generated_with(path: &str, edit: impl Fn(String) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(&["generate", SAMPLE, "--out", &folder.path().to_string_lossy()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let file = folder.path().join("jeveuxaider").join(path);
    let before = fs::read_to_string(&file).expect("generated");
    let after = edit(before.clone());
    assert_ne!(before, after);
    fs::write(&file, after).expect("writable");
    folder
}

#[test]
fn a_configuration_that_nginx_refuses_shows_nginx_own_words() {
    need("nginx");
    let folder = generated_with("nginx/scalingo/servers.conf.erb", |text| text + "\nno_such_directive on;\n");
    let output = run(&["rehearse", SAMPLE, "--generated", &folder.path().to_string_lossy()]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("unknown directive \"no_such_directive\""), "{said}");
}

#[test]
fn a_missing_nginx_is_named_with_its_cure() {
    let nowhere = tempfile::tempdir().expect("a folder");
    let output = golive().args(["rehearse", SAMPLE]).env("PATH", nowhere.path()).output().expect("golive starts");
    let said = text(&output.stderr);
    if Path::new("/usr/sbin/nginx").exists() || Path::new("/usr/local/sbin/nginx").exists() {
        // Found outside PATH, as for every user without sbin in it.
        assert_eq!(output.status.code(), Some(0), "{said}");
    } else {
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("install nginx"), "{said}");
    }
}

/// Process ids whose parent is `parent`.
fn children(parent: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let after_name = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default();
        if after_name.split(' ').nth(1).and_then(|ppid| ppid.parse::<u32>().ok()) == Some(parent) {
            found.push(pid);
        }
    }
    found
}

fn is_alive(pid: u32) -> bool {
    fs::read_to_string(PathBuf::from("/proc").join(pid.to_string()).join("stat"))
        .is_ok_and(|stat| !stat.contains(") Z "))
}

/// Interrupts a rehearsal in the middle; nothing that it started may be left.
fn interrupted_by(signal: &str) {
    need("nginx");
    let mut golive = golive()
        .args(["rehearse", SAMPLE, "--drill", "all"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("golive starts");
    // The world is up as soon as it has children of its own: nginx.
    let nginx = loop {
        let found = children(golive.id());
        if !found.is_empty() {
            break found;
        }
        assert!(golive.try_wait().expect("a child").is_none(), "ended before nginx came up");
        std::thread::yield_now();
    };
    let killed = Command::new("kill").args([signal, &golive.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    let status = golive.wait().expect("a child");
    assert_eq!(status.code(), Some(130));
    let left: Vec<u32> = nginx.into_iter().filter(|pid| is_alive(*pid)).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn ctrl_c_leaves_nothing_behind() {
    interrupted_by("-INT");
}

#[test]
fn a_termination_leaves_nothing_behind() {
    interrupted_by("-TERM");
}
