//! Every condition that golive writes for Cloudflare, read by Cloudflare's own engine (wirefilter, as the Python package
//! octorules-wirefilter ships it).

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use common::{artifacts, edited, need_python, parse, repository};
use serde_json::Value;

/// What the engine says of each expression: nothing of a good one.
fn judged(expressions: &[String]) -> Vec<String> {
    let mut child = Command::new(need_python())
        .arg(repository().join("tests/contract/expressions.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut input = child.stdin.take().expect("it is a pipe");
    let lines: String = expressions.iter().map(|text| format!("{}\n", Value::from(text.as_str()))).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it read all");
    assert!(output.status.success(), "expressions.py failed");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let said: Vec<String> = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(said.len(), expressions.len());
    said
}

/// Every expression below a value of a payload. What gives a value and no condition is compared with a text, since the
/// engine reads conditions.
fn collect(value: &Value, is_value: bool, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(text) if key.ends_with("expression") => {
                        into.push(if is_value { format!("{text} eq \"\"") } else { text.clone() });
                    }
                    // `"x"` where an object could be computed: `target_url`, `host_header` and the like.
                    _ => collect(member, is_value || key == "action_parameters", into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, is_value, into)),
        _ => {}
    }
}

/// As the sample, and where it says nothing or little.
fn blueprints() -> Vec<String> {
    let full = ("setup = \"partial\"\nverification_key = \"284344499-1084221259\"\n", "setup = \"full\"\n");
    let ticket = "run_by = \"ticket\"\nticket_to = \"le service DNS du réseau de l'État\"\n";
    let by_cloudflare = (ticket, "run_by = \"cloudflare\"\n");
    let paths = r#"paths = ["/api/", "/oauth/"]"#;
    vec![
        edited(&[]),
        edited(&[full, by_cloudflare]),
        edited(&[("ignore_query = true\nsamples", "edge_ttl_seconds = 30\nsamples")]),
        // Every character that a path may hold, at the start of one.
        edited(&[(paths, r#"paths = ["/api/", "/oauth/", "/-._~!$&'()*+,;=:@/"]"#)]),
        // As many paths as one class of the sample could hold.
        edited(&[(
            paths,
            &format!(
                "paths = [\"/api/\", \"/oauth/\", {}]",
                (0..40).map(|n| format!("\"/p{n}/\"")).collect::<Vec<_>>().join(", ")
            ),
        )]),
    ]
}

#[test]
fn cloudflares_engine_reads_every_expression() {
    let mut expressions = Vec::new();
    for blueprint in blueprints() {
        let before = expressions.len();
        for artifact in artifacts(&parse(&blueprint)) {
            if artifact.path.starts_with("cloudflare/") {
                collect(&serde_json::from_str(&artifact.text).expect("JSON"), false, &mut expressions);
            }
        }
        assert!(expressions.len() > before, "no expression:\n{blueprint}");
    }
    for (said, expression) in judged(&expressions).iter().zip(&expressions) {
        assert_eq!(said, "", "{expression}");
    }
}

#[test]
fn the_engine_refuses_what_is_wrong() {
    let wrong = [
        "http.host eq www.example.org",
        "http.host eq \"www.example.org",
        "http.hots eq \"a\"",
        "starts_with(http.request.uri.path, \"/a\"",
        "http.request.uri.path starts_with \"/a\"",
        "ip.src in {203.0.113.0/33}",
        "concat(\"https://\", http.host) eq",
    ];
    for (said, expression) in judged(&wrong.map(str::to_owned)).iter().zip(wrong) {
        assert_ne!(said, "", "{expression}");
    }
}
