//! Every generated Terraform block against the schemas of the real providers, without the providers: blocks and
//! attributes known, required ones there, computed ones left alone, literals of the right type. What only a plan sees
//! (`tests/contract_terraform.rs`) is not seen here.
//!
//! The schemas in `tests/contract` are what the providers of `tests/contract/providers/main.tf` print with `terraform
//! providers schema -json`, less descriptions and, of Cloudflare's, resources that are not generated;
//! `tests/contract_terraform.rs` compares both with the real ones, where these can be had.

mod common;

use std::collections::BTreeMap;

use common::{artifacts, edited, parse, repository};
use golive::emit::Artifact;
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Block, Body};
use serde_json::{Map, Value};

/// Attributes that every resource or data block may have (Terraform docs, meta-arguments).
const META: [&str; 4] = ["count", "depends_on", "for_each", "provider"];
/// Members of `lifecycle`.
const LIFECYCLE: [&str; 4] = ["create_before_destroy", "ignore_changes", "prevent_destroy", "replace_triggered_by"];
/// Top-level blocks that no provider has a say in.
const OWN: [&str; 7] = ["import", "locals", "moved", "output", "removed", "terraform", "variable"];

struct Schemas(BTreeMap<&'static str, Value>);

impl Schemas {
    fn read() -> Self {
        let read = |name: &'static str| {
            let path = repository().join(format!("tests/contract/{name}.schema.json"));
            let text = std::fs::read_to_string(&path).expect("the schema is committed");
            let document: Value = serde_json::from_str(&text).expect("JSON");
            let providers = document["provider_schemas"].as_object().expect("providers");
            (name, providers.values().next().expect("one provider").clone())
        };
        Self(["cloudflare", "scalingo"].into_iter().map(read).collect())
    }

    /// The schema of `resource "kind"` and the like; the first word of the kind is the provider.
    fn block(&self, section: &str, kind: &str) -> Option<&Value> {
        let provider = self.0.get(kind.split('_').next()?)?;
        match section {
            "provider" => Some(&provider["provider"]["block"]),
            _ => provider[section].get(kind).map(|schema| &schema["block"]),
        }
    }

    /// What is wrong with a file, a line each.
    fn problems(&self, text: &str) -> Vec<String> {
        let mut problems = Vec::new();
        let body: Body = match text.parse() {
            Ok(body) => body,
            Err(error) => return vec![format!("no HCL: {error}")],
        };
        for block in body.blocks() {
            let section = match block.ident.as_str() {
                "resource" => "resource_schemas",
                "data" => "data_source_schemas",
                "provider" => "provider",
                own if OWN.contains(&own) => continue,
                other => {
                    problems.push(format!("no block is called {other}"));
                    continue;
                }
            };
            let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
            let at = labels.join(".");
            // What `terraform init` refuses before it asks any provider.
            let is_name = |name: &str| {
                name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
            };
            problems.extend(labels.iter().filter(|name| !is_name(name)).map(|name| format!("{at}: no name: {name}")));
            match labels.first().and_then(|kind| self.block(section, kind)) {
                Some(schema) => members(block, schema, &at, section != "provider", &mut problems),
                None => problems.push(format!("{at}: unknown to its provider")),
            }
        }
        problems
    }
}

fn members(block: &Block, schema: &Value, at: &str, is_object: bool, problems: &mut Vec<String>) {
    let none = Map::new();
    let known = schema["attributes"].as_object().unwrap_or(&none);
    let mut present = Vec::new();
    for attribute in block.body.attributes() {
        let key = attribute.key.as_str();
        present.push(key);
        match known.get(key) {
            Some(schema) => one(&attribute.value, schema, &format!("{at}.{key}"), problems),
            None if is_object && META.contains(&key) => {}
            None => problems.push(format!("{at}: no attribute {key}")),
        }
    }
    missing(known, &present, at, problems);
    let blocks = schema["block_types"].as_object().unwrap_or(&none);
    for inner in block.body.blocks() {
        match (inner.ident.as_str(), blocks.get(inner.ident.as_str())) {
            ("lifecycle", _) if is_object => {
                let strange = inner.body.attributes().filter(|a| !LIFECYCLE.contains(&a.key.as_str()));
                problems.extend(strange.map(|a| format!("{at}.lifecycle: no attribute {}", a.key.as_str())));
            }
            (name, Some(schema)) => members(inner, &schema["block"], &format!("{at}.{name}"), false, problems),
            (name, None) => problems.push(format!("{at}: no block {name}")),
        }
    }
    for (name, schema) in blocks {
        if schema["min_items"].as_u64().is_some_and(|least| least > 0) && block.body.get_blocks(name).next().is_none() {
            problems.push(format!("{at}: the block {name} is missing"));
        }
    }
}

fn missing(known: &Map<String, Value>, present: &[&str], at: &str, problems: &mut Vec<String>) {
    let required = known.iter().filter(|(_, schema)| schema["required"] == true);
    let absent = required.filter(|(key, _)| !present.contains(&key.as_str()));
    problems.extend(absent.map(|(key, _)| format!("{at}: {key} is missing")));
}

/// One attribute: whether it may be written, and its value.
fn one(value: &Expression, schema: &Value, at: &str, problems: &mut Vec<String>) {
    if schema["optional"] != true && schema["required"] != true {
        problems.push(format!("{at} is computed: nobody writes it"));
        return;
    }
    let Some(nested) = schema.get("nested_type") else {
        typed(value, &schema["type"], at, problems);
        return;
    };
    let attributes = nested["attributes"].as_object().expect("a nested type has attributes");
    match (nested["nesting_mode"].as_str(), value) {
        (_, Expression::Traversal(_) | Expression::Variable(_) | Expression::FuncCall(_)) => {}
        (Some("single"), Expression::Object(_)) => object(value, attributes, at, problems),
        (Some("list" | "set"), Expression::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                object(item, attributes, &format!("{at}[{index}]"), problems);
            }
        }
        (Some("map"), Expression::Object(items)) => {
            for (key, item) in items.iter() {
                object(item.expr(), attributes, &format!("{at}[{}]", key_text(key)), problems);
            }
        }
        (mode, _) => problems.push(format!("{at} is no {} of objects", mode.unwrap_or("value"))),
    }
}

fn object(value: &Expression, known: &Map<String, Value>, at: &str, problems: &mut Vec<String>) {
    let Expression::Object(members) = value else {
        problems.push(format!("{at} is no object"));
        return;
    };
    let mut present = Vec::new();
    for (key, value) in members.iter() {
        let key = key_text(key);
        match known.get(&key) {
            Some(schema) => one(value.expr(), schema, &format!("{at}.{key}"), problems),
            None => problems.push(format!("{at}: no member {key}")),
        }
        present.push(key);
    }
    missing(known, &present.iter().map(String::as_str).collect::<Vec<_>>(), at, problems);
}

fn key_text(key: &ObjectKey) -> String {
    match key {
        ObjectKey::Ident(name) => name.to_string(),
        ObjectKey::Expression(Expression::String(text)) => text.to_string(),
        ObjectKey::Expression(other) => format!("{other}"),
    }
}

/// A value against a type as `terraform providers schema` writes it: a word, or a list of a word and what is inside.
fn typed(value: &Expression, wanted: &Value, at: &str, problems: &mut Vec<String>) {
    let mut wrong = |found: &str| problems.push(format!("{at} is {found}, wanted {wanted}"));
    let (word, inner) = match wanted {
        Value::Array(parts) => (parts[0].as_str(), parts.get(1)),
        word => (word.as_str(), None),
    };
    match (value, word, inner) {
        // Known when it is applied, and of any type until then.
        (Expression::Traversal(_) | Expression::Variable(_) | Expression::FuncCall(_), ..) => {}
        (Expression::Null(_), ..) => wrong("null: what is not wanted is left out"),
        (_, Some("dynamic"), _) => {}
        (Expression::String(_) | Expression::StringTemplate(_), Some("string"), _)
        | (Expression::Bool(_), Some("bool"), _)
        | (Expression::Number(_), Some("number"), _) => {}
        (Expression::Array(items), Some("list" | "set"), Some(inner)) => {
            for (index, item) in items.iter().enumerate() {
                typed(item, inner, &format!("{at}[{index}]"), problems);
            }
        }
        (Expression::Object(items), Some("map"), Some(inner)) => {
            for (key, item) in items.iter() {
                typed(item.expr(), inner, &format!("{at}[{}]", key_text(key)), problems);
            }
        }
        (Expression::Object(items), Some("object"), Some(Value::Object(inner))) => {
            for (key, item) in items.iter() {
                let key = key_text(key);
                match inner.get(&key) {
                    Some(inner) => typed(item.expr(), inner, &format!("{at}.{key}"), problems),
                    None => problems.push(format!("{at}: no member {key}")),
                }
            }
        }
        (Expression::Parenthesis(inside), ..) => typed(inside.inner(), wanted, at, problems),
        _ => wrong("of another type"),
    }
}

/// The blueprints of `blueprints/`, and turns of the sample that give other blocks.
fn blueprints() -> Vec<String> {
    let ticket = "run_by = \"ticket\"\nticket_to = \"le service DNS du réseau de l'État\"\n";
    let full = ("setup = \"partial\"\nverification_key = \"284344499-1084221259\"\n", "setup = \"full\"\n");
    let record = "[[dns.zones.records]]\nname = \"_imaps._tcp.reserve-civique.gouv.fr\"\ntype = \"SRV\"\n\
                  values = [\"0 1 993 imap.example.net\"]\n\n[cdn]\n";
    let folder = std::fs::read_dir(repository().join("blueprints")).expect("a folder").flatten();
    let mut all: Vec<String> =
        folder.map(|entry| std::fs::read_to_string(entry.path()).expect("a blueprint is text")).collect();
    all.push(edited(&[full, (ticket, "run_by = \"cloudflare\"\n"), (ticket, "run_by = \"cloudflare\"\n")]));
    all.push(edited(&[
        full,
        (ticket, "run_by = \"cloudflare\"\n"),
        ("certificate_authorities = [\"letsencrypt.org\"]\n", ""),
        ("name = \"jeveuxaider.gouv.fr\"\nrun_by", "name = \"gouv.fr\"\nrun_by"),
        ("[cdn]\n", &record.replace("reserve-civique.gouv.fr", "gouv.fr")),
    ]));
    all
}

fn terraform(blueprint: &str) -> Vec<Artifact> {
    let files = artifacts(&parse(blueprint)).into_iter();
    files.filter(|artifact| artifact.path.ends_with(".tf")).collect()
}

#[test]
fn every_generated_block_is_one_of_its_provider() {
    let schemas = Schemas::read();
    for blueprint in blueprints() {
        for file in terraform(&blueprint) {
            assert_eq!(schemas.problems(&file.text), Vec::<String>::new(), "{}\n{}", file.path, file.text);
        }
    }
}

/// Each line of the generated Terraform put wrong in several ways; each way must be noticed somewhere.
#[test]
fn what_is_wrong_is_noticed() {
    let schemas = Schemas::read();
    let text: String = terraform(&edited(&[])).into_iter().map(|file| file.text).collect();
    assert_eq!(schemas.problems(&text), Vec::<String>::new());
    for (from, to, noticed) in [
        ("resource \"cloudflare_zone_setting\"", "resource \"cloudflare_zone_settings\"", "unknown to its provider"),
        ("resource \"cloudflare_ruleset\"", "ressource \"cloudflare_ruleset\"", "no block is called"),
        ("\"cloudflare_zone_setting\" \"", "\"cloudflare_zone_setting\" \"0", "no name"),
        ("  setting_id = ", "  setting = ", "no attribute setting"),
        ("  setting_id = ", "  # setting_id = ", "setting_id is missing"),
        ("  setting_id = \"", "  editable = true\n  setting_id = \"", "is computed"),
        ("  phase   = \"", "  phase   = null # \"", "null"),
        ("  rules = [\n", "  rules = \"x\"\n  no = [\n", "is no list of objects"),
        ("      action      = ", "      actoin      = ", "no member actoin"),
        ("        cache = true", "        cache = \"yes\"", "of another type"),
        ("  interval         = 60", "  interval         = \"60\"", "of another type"),
        ("  proxied          = true", "  proxied          = \"true\"", "of another type"),
    ] {
        assert!(text.contains(from), "the sample no longer holds {from:?}");
        let problems = schemas.problems(&text.replacen(from, to, 1));
        assert!(problems.iter().any(|problem| problem.contains(noticed)), "{from:?} to {to:?}: {problems:?}");
    }
}

#[test]
fn scalingos_blocks_are_checked_too() {
    let good = "resource \"scalingo_app\" \"back\" {\n  name = \"shop\"\n  environment = {\n    A = \"1\"\n  }\n  force_https = true\n  \
                lifecycle {\n    ignore_changes = [environment[\"A\"]]\n  }\n}\n";
    let schemas = Schemas::read();
    assert_eq!(schemas.problems(good), Vec::<String>::new());
    for (from, to, noticed) in [
        ("name = ", "nom = ", "name is missing"),
        ("A = \"1\"", "A = [1]", "of another type"),
        ("force_https = true", "force_https = \"on\"", "of another type"),
        ("force_https = true", "url = \"x\"", "is computed"),
        ("lifecycle {", "timeouts {", "no block timeouts"),
        ("ignore_changes", "ignored_changes", "no attribute ignored_changes"),
    ] {
        let problems = schemas.problems(&good.replacen(from, to, 1));
        assert!(problems.iter().any(|problem| problem.contains(noticed)), "{from:?} to {to:?}: {problems:?}");
    }
}
