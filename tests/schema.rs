//! What golive says of its own formats: the schema of a blueprint and its page are those of the types, and agree
//! with what `golive lint` accepts and refuses; what `lint`, `ttl`, `trace`, `coverage` and `capacity` print as JSON is
//! what their schemas promise.

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use golive::blueprint::load;
use golive::blueprint::schema::{as_json, for_editors};
use golive::blueprint::value::{
    Address, CookieName, DkimKey, HostName, Label, Mailbox, PathPrefix, Seconds, Text, Upstream, UrlPath,
};
use golive::ops::lint::judge;
use golive::report::findings;
use jsonschema::Validator;
use proptest::prelude::*;
use schemars::JsonSchema;
use serde_json::{Value, json};

mod common;

use common::{conforms, repository};

const SAMPLE: &str = include_str!("../blueprints/jeveuxaider.toml");
/// Holds every key.
const STAND_IN: &str = include_str!("../src/blueprint/stand_in.toml");

fn golive(args: &[&str]) -> String {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("golive")).env_clear().args(args).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn is_what_is_printed(file: &str, args: &[&str]) {
    let committed = fs::read_to_string(repository().join(file)).unwrap_or_default();
    assert!(committed == golive(args), "{file} is stale: cargo run -- {} > {file}", args.join(" "));
}

#[test]
fn the_committed_schema_is_that_of_the_types() {
    is_what_is_printed("schema/blueprint.schema.json", &["schema"]);
}

#[test]
fn the_committed_page_is_that_of_the_types() {
    is_what_is_printed("docs/blueprint.md", &["schema", "--format", "markdown"]);
}

/// Calls `look` on every schema below this one, with its path of keys.
fn each(schema: &Value, path: &str, look: &mut impl FnMut(&str, &Value)) {
    look(path, schema);
    if let Some(keys) = schema.get("properties").and_then(Value::as_object) {
        for (key, schema) in keys {
            each(schema, &format!("{path}.{key}"), look);
        }
    }
    if let Some(items) = schema.get("items") {
        each(items, &format!("{path}[]"), look);
    }
}

#[test]
fn every_key_has_its_meaning_and_an_example_that_fits() {
    let schema = for_editors();
    assert!(jsonschema::meta::is_valid(&schema));
    let mut keys = 0;
    each(&schema, "", &mut |path, schema| {
        assert!(schema["description"].as_str().is_some_and(|text| !text.is_empty()), "{path} says nothing");
        let is_table = |schema: &Value| schema.get("properties").is_some();
        if is_table(schema) {
            assert_eq!(schema["additionalProperties"], json!(false), "{path} takes any key");
        } else if !path.ends_with("[]") && !schema.get("items").is_some_and(is_table) {
            let validator = jsonschema::validator_for(schema).expect("a schema");
            let example = &schema["examples"][0];
            assert!(validator.is_valid(example), "{path}: {example} is no example");
            let default = schema.get("default");
            assert!(default.is_none_or(|value| validator.is_valid(value)), "{path}: {default:?} is no default");
            keys += 1;
        }
    });
    assert!(keys >= 40, "only {keys} keys");
}

/// Editors that keep to draft 7 drop what stands beside `$ref`; TOML has no null; Rust's formats are in no draft.
#[test]
fn the_schema_is_plain() {
    let text = for_editors().to_string();
    for word in ["\"$ref\"", "\"$defs\"", "null", "\"format\"", "[`"] {
        assert!(!text.contains(word), "{word} is in the schema");
    }
}

fn as_document(toml: &str) -> Option<Value> {
    Some(as_json(&toml::Value::Table(toml.parse().ok()?)))
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository().join(folder)).expect("a folder");
    entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect()
}

#[test]
fn editors_find_the_schema_of_each_sample_and_the_sample_conforms() {
    for path in files("blueprints") {
        let toml = fs::read_to_string(&path).expect("a sample");
        let named = toml.lines().next().and_then(|line| line.strip_prefix("#:schema ")).expect("the first line");
        let schema = path.parent().expect("a folder").join(named).canonicalize().expect("the named file");
        assert_eq!(schema, repository().join("schema/blueprint.schema.json").canonicalize().expect("the schema"));
        conforms(&as_document(&toml).expect("TOML"), "blueprint");
    }
}

#[test]
fn bad_samples_have_good_form_for_both_or_for_neither() {
    let validator = jsonschema::validator_for(&for_editors()).expect("a schema");
    let mut compared = 0;
    for path in files("tests/bad_blueprints") {
        let bytes = fs::read(&path).expect("a sample");
        // What is no TOML never comes before a schema.
        let Some(document) = std::str::from_utf8(&bytes).ok().and_then(as_document) else { continue };
        let form = load::read(String::new(), &bytes).findings;
        assert_eq!(validator.is_valid(&document), form.is_empty(), "{}: {form:#?}", path.display());
        compared += 1;
    }
    assert!(compared >= 2, "only {compared} samples");
}

#[test]
fn each_error_of_form_is_one_of_the_schema() {
    let validator = jsonschema::validator_for(&for_editors()).expect("a schema");
    let document = as_document(include_str!("bad_blueprints/form.toml")).expect("TOML");
    let mut places: Vec<String> =
        validator.iter_errors(&document).map(|error| error.instance_path().to_string()).collect();
    places.sort();
    places.dedup();
    let wanted = [
        "/cdn/hsts_max_age_seconds",
        "/cdn/origins/1",
        "/dns",
        "/dns/zones/0/run_by",
        "/dns/zones/0/serial",
        "/dns/zones/0/servers",
        "/site",
        "/site/host",
        "/site/name",
    ];
    assert_eq!(places, wanted);
}

/// A place in a document: keys, and indexes in decimal.
type Place = Vec<String>;

/// Every place below a value, with what stands there.
fn places<'a>(value: &'a toml::Value, at: &Place, found: &mut Vec<(Place, &'a toml::Value)>) {
    let mut visit = |segment: String, value: &'a toml::Value| {
        let place = [at.as_slice(), &[segment]].concat();
        found.push((place.clone(), value));
        places(value, &place, found);
    };
    match value {
        toml::Value::Table(table) => table.iter().for_each(|(key, value)| visit(key.clone(), value)),
        toml::Value::Array(items) => items.iter().enumerate().for_each(|(n, value)| visit(n.to_string(), value)),
        _ => {}
    }
}

/// The document with another value at one place; `None` takes away what is there.
fn with(document: &toml::Value, place: &[String], value: Option<toml::Value>) -> toml::Value {
    let mut document = document.clone();
    let (last, path) = place.split_last().expect("a place");
    let mut held = &mut document;
    for segment in path {
        held = match held {
            toml::Value::Array(items) => &mut items[segment.parse::<usize>().expect("an index")],
            other => &mut other[segment.as_str()],
        };
    }
    match (held, value) {
        (toml::Value::Table(table), Some(value)) => drop(table.insert(last.clone(), value)),
        (toml::Value::Table(table), None) => drop(table.remove(last)),
        (toml::Value::Array(items), Some(value)) => items[last.parse::<usize>().expect("an index")] = value,
        (toml::Value::Array(items), None) => drop(items.remove(last.parse().expect("an index"))),
        (other, _) => panic!("{other} holds no {last}"),
    }
    document
}

/// Values of every kind, at the edges of what some key takes.
fn odd_values() -> Vec<toml::Value> {
    let list = r#"v = [
        "", " ", "x", "X", "a.b", "a.b.", "a.1", "/", "/a b", "/a/..", "1.2.3.4", "01.2.3.4", "::1", "g::1",
        "1.2.3.4:80", "a.b:0", "a.b:080", "a.b:+80", "a.b:65536", "business", "1.2",
        -1, 0, 1, 75, 76, 301, 308, 65536, 2147483647, 2147483648, 4294967295, 4294967296, 1.5,
        true, 2030-01-15T20:00:00Z, 2030-01-15T20:00:00, 2030-01-15, 20:00:00,
        [], [[]], ["a.b"], ["/a/"], ["1.1.1.1"], {}, { x = 1 },
    ]"#;
    let toml::Value::Array(values) = list.parse::<toml::Table>().expect("TOML")["v"].clone() else {
        panic!("not a list")
    };
    values
}

/// One change at every place: what lint accepts the schema accepts, and what lint refuses for its form the schema
/// refuses. The stand-in has every key, and takes every odd value; of the sample, which lint accepts, keys are removed.
#[test]
fn lint_and_schema_agree_at_every_key() {
    let validator = jsonschema::validator_for(&for_editors()).expect("a schema");
    let (mut accepted, mut refused) = (0, 0);
    for (base, odd) in [(STAND_IN, odd_values()), (SAMPLE, vec![])] {
        let base = toml::Value::Table(base.parse().expect("TOML"));
        let mut all = Vec::new();
        places(&base, &Place::new(), &mut all);
        // One element stands for the others of its list.
        all.retain(|(place, _)| !place.iter().any(|key| key.parse().is_ok_and(|index: usize| index > 0)));
        let changes = all.iter().flat_map(|(place, held)| {
            let odd = odd.iter().map(|value| (place.clone(), Some(value.clone())));
            let stranger = [place.as_slice(), &["stranger".to_owned()]].concat();
            let stranger = held.is_table().then_some((stranger, Some(toml::Value::Integer(1))));
            odd.chain([(place.clone(), None)]).chain(stranger)
        });
        for (place, value) in changes {
            // JSON Schema cannot tell a quoted date-time from one without quotes, nor TOML's dates from texts.
            let changed = with(&base, &place, value.clone());
            let toml = toml::to_string(&changed).expect("TOML");
            let fits = validator.is_valid(&as_json(&changed));
            let is_date = value.as_ref().is_some_and(toml::Value::is_datetime);
            let what = || format!("{} = {value:?}", place.join("."));
            let read = load::read(String::new(), toml.as_bytes());
            if !read.findings.is_empty() {
                assert!(!fits || is_date, "only lint refuses {}: {:?}", what(), read.findings[0].message);
                refused += 1;
            } else if judge(read).loaded.is_some() {
                assert!(fits, "only the schema refuses {}", what());
                accepted += 1;
            }
        }
    }
    assert!(accepted >= 50 && refused >= 1000, "{accepted} accepted, {refused} refused");
}

fn validator_of<T: JsonSchema>() -> Validator {
    jsonschema::validator_for(&schemars::schema_for!(T).to_value()).expect("a schema")
}

/// Type and pattern take the same texts.
fn same<T: JsonSchema + TryFrom<String>>(strategy: impl Strategy<Value = String>) {
    let validator = validator_of::<T>();
    let config = ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() };
    let (mut good, mut bad) = (0, 0);
    let taken = std::cell::RefCell::new((&mut good, &mut bad));
    proptest!(config, |(text in strategy)| {
        let is_taken = T::try_from(text.clone()).is_ok();
        prop_assert_eq!(validator.is_valid(&json!(text)), is_taken);
        let mut taken = taken.borrow_mut();
        *(if is_taken { &mut *taken.0 } else { &mut *taken.1 }) += 1;
    });
    // Otherwise the strategy is not near the grammar.
    assert!(good > 200 && bad > 200, "{good} good, {bad} bad");
}

#[test]
fn host_names_have_one_form() {
    same::<HostName>(prop_oneof![
        "([a-z0-9-]{1,3}\\.){1,3}[a-z0-9-]{1,3}",
        "[a-z0-9]{60,65}\\.[a-z0-9]{60,65}",
        "([a-z]{60}\\.){3}[a-z]{68,72}",
        "([a-z]{60}\\.){3}[a-z]{60}\\.[a-z]{5,12}",
        "[a-b0-1.\\-A\n]{0,8}",
        ".{0,6}\\..{0,6}",
    ]);
}

#[test]
fn short_names_have_one_form() {
    same::<Label>(prop_oneof!["[a-z][a-z0-9-]{0,8}", "[a-z0-9]{38,42}", "[a-b0\\-A]{0,6}", ".{0,4}"]);
}

#[test]
fn texts_have_one_form() {
    same::<Text>(prop_oneof![
        ".{0,8}",
        "[ \u{85}\u{a0}\u{1680}\u{2028}\u{3000}\u{feff}\u{200b}\\t\n]{0,4}",
        "[ \u{3000}]{0,3}[a\u{7f}\u{9b}\u{0}]{0,2}[ \u{2029}]{0,3}",
        "[aé🚀]{498,502}",
    ]);
}

#[test]
fn paths_have_one_form() {
    same::<UrlPath>(prop_oneof![
        "/[a-z0-9/._~!$&'()*+,;=:@%-]{0,8}",
        "(/[a.]{0,3}){0,4}",
        "/(%[0-9a-gA-G]{1,2}|a){0,4}",
        "/[a-z]{997,1001}",
        "/?[ -~]{0,4}\n?",
        ".{0,4}",
    ]);
}

#[test]
fn starts_of_paths_have_one_form() {
    same::<PathPrefix>(prop_oneof![
        "/[a-z0-9/._~!$&'()*+,;=:@%-]{0,8}",
        "(/[a.]{0,3}){0,4}",
        "/[a-z]{997,1001}",
        "/?[ -~]{0,4}\n?",
        ".{0,4}",
    ]);
}

#[test]
fn cookie_names_have_one_form() {
    same::<CookieName>(prop_oneof!["[ -~]{0,4}", "[a-z_]{62,66}", "[a-z\n]{0,3}", ".{0,4}"]);
}

#[test]
fn mailboxes_have_one_form() {
    same::<Mailbox>(prop_oneof![
        "[A-Za-z0-9._+-]{1,4}@[a-z0-9-]{1,3}\\.[a-z0-9-]{1,3}",
        "[a-z]{62,66}@a\\.b",
        "a@([a-z]{60}\\.){3}[a-z]{60}\\.[a-z]{5,12}",
        "[a@.!,;\n]{0,6}@[a.@]{0,4}",
        ".{0,4}@.{0,4}",
    ]);
}

/// Below the length of the shortest RSA key, where a pattern knows all there is to know.
#[test]
fn ed25519_keys_have_one_form() {
    same::<DkimKey>(prop_oneof![
        "[A-Za-z0-9+/]{43}=",
        "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=",
        "MIG[A-Za-z0-9+/]{39}[AQ]==?",
        "[A-Za-z0-9+/]{40,47}={0,2}",
        "[A-Za-z0-9+/=\n -]{44}",
        ".{0,44}",
    ]);
}

/// DER: tag, length, content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let first = length.iter().position(|byte| *byte != 0).unwrap_or(length.len() - 1);
    let mut out = vec![tag];
    if content.len() > 0x7f {
        out.push(0x80 + u8::try_from(length.len() - first).expect("few bytes"));
    }
    out.extend(&length[first..]);
    out.extend(content);
    out
}

/// A SubjectPublicKeyInfo in base64, its modulus of so many bytes with the highest bit set.
fn rsa_key(modulus: &[u8]) -> String {
    let modulus = [&[0, modulus[0] | 0x80], &modulus[1..]].concat();
    let key = der(0x30, &[der(0x02, &modulus), der(0x02, &[1, 0, 1])].concat());
    let algorithm = der(0x30, b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00");
    let info = der(0x30, &[algorithm, der(0x03, &[vec![0], key].concat())].concat());
    data_encoding::BASE64.encode(&info)
}

/// The pattern may take what is no key, since it cannot read one; it may refuse none.
#[test]
fn no_rsa_key_is_refused() {
    let validator = validator_of::<DkimKey>();
    let config = ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(modulus in proptest::collection::vec(any::<u8>(), 128..600))| {
        let text = rsa_key(&modulus);
        prop_assert!(DkimKey::try_from(text.clone()).is_ok(), "{}", text);
        prop_assert!(validator.is_valid(&json!(text)), "{}", text);
    });
    assert!(DkimKey::try_from(rsa_key(&[0x80; 127])).is_err());
}

#[test]
fn hosts_with_ports_have_one_form() {
    same::<Upstream>(prop_oneof![
        "[a-z0-9-]{1,3}\\.[a-z0-9-]{1,3}:[0-9]{1,5}",
        "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}:[0-9]{2}",
        "([a-z]{60}\\.){3}[a-z]{60}\\.[a-z]{5,12}:80",
        "[a-b0-1.:+]{0,10}",
    ]);
}

#[test]
fn seconds_have_one_range() {
    let validator = validator_of::<Seconds>();
    for number in [i64::MIN, -1, 0, 1, 0x7fff_fffe, 0x7fff_ffff, 0x8000_0000, i64::MAX] {
        assert_eq!(validator.is_valid(&json!(number)), Seconds::try_from(number).is_ok(), "{number}");
    }
}

#[test]
fn no_address_is_refused_and_ipv4_has_one_form() {
    let validator = validator_of::<Address>();
    let is_taken = |text: &str| text.parse::<std::net::IpAddr>().is_ok();
    proptest!(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() },
        |(address in any::<std::net::IpAddr>(), text in "[0-9]{1,3}(\\.[0-9]{1,3}){2,4}", loose in "[0-9a-f.:]{0,24}")| {
        prop_assert!(validator.is_valid(&json!(address.to_string())));
        prop_assert_eq!(validator.is_valid(&json!(text)), is_taken(&text));
        prop_assert!(validator.is_valid(&json!(loose)) || !is_taken(&loose), "{}", loose);
    });
}

#[test]
fn lint_prints_what_its_schema_promises() {
    let document = |bytes: &[u8]| -> Value {
        serde_json::from_str(&findings::json(&judge(load::read("shop.toml".to_owned(), bytes)))).expect("JSON")
    };
    conforms(&document(SAMPLE.as_bytes()), "lint");
    conforms(&document(&vec![b'#'; load::MAX_BYTES + 1]), "lint");
    let mut seen = 0;
    for path in files("tests/bad_blueprints") {
        let document = document(&fs::read(path).expect("a sample"));
        seen += document["findings"].as_array().expect("a list").len();
        conforms(&document, "lint");
    }
    assert!(seen >= 10, "only {seen} findings");
}

/// What is printed, on the sample and on a site that publishes pages as static.
fn printed(command: &str) -> Vec<Value> {
    const SITES: [&str; 2] = ["blueprints/jeveuxaider.toml", "tests/static_routes/primaries.toml"];
    let print = |site: &str, more: &[&str]| {
        let args = [&[command, site], more, &["--format", "json"]].concat();
        let program = assert_cmd::cargo::cargo_bin!("golive");
        let output = Command::new(program).env_clear().args(args).output().expect("runs");
        // A hole, and a plan that is too small, are results too.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let [sample, primaries] = SITES;
    let traced = |site: &str, urls: &[&str]| urls.iter().map(|url| print(site, &["GET", url])).collect::<Vec<_>>();
    match command {
        "ttl" => vec![print(sample, &[]), print(primaries, &[]), print(sample, &["/assets/logo-0123456789abcdef.png"])],
        "capacity" => vec![print(sample, &[])],
        "trace" => [
            traced(
                sample,
                &[
                    "https://covid19.reserve-civique.gouv.fr/missions",
                    "https://covid19.reserve-civique.gouv.fr/api/user",
                    "https://covid19.reserve-civique.gouv.fr/?g=%3Cscript%3E",
                    "http://covid19.reserve-civique.gouv.fr/",
                    "https://jeveuxaider.gouv.fr/missions?from=tv",
                ],
            ),
            traced(
                primaries,
                &["https://resultats.example.org/chiffres", "https://resultats.example.org/participation/none"],
            ),
        ]
        .concat(),
        _ => SITES.map(|site| print(site, &[])).to_vec(),
    }
}

/// The document with one member less, for each member at any depth, and with one more, for each object.
fn spoiled(document: &Value) -> Vec<Value> {
    match document {
        Value::Object(members) => {
            let less = members.keys().map(|key| {
                let mut members = members.clone();
                members.remove(key);
                members
            });
            let mut more = members.clone();
            more.insert("stranger".to_owned(), Value::Null);
            let inside = members.iter().flat_map(|(key, value)| {
                spoiled(value).into_iter().map(|value| {
                    let mut members = members.clone();
                    members.insert(key.clone(), value);
                    members
                })
            });
            less.chain([more]).chain(inside).map(Value::Object).collect()
        }
        // The first element stands for all.
        Value::Array(items) => {
            let first = items.first().map(spoiled).unwrap_or_default().into_iter();
            first.map(|first| Value::Array([&[first], &items[1..]].concat())).collect()
        }
        _ => vec![],
    }
}

#[test]
fn the_offline_experts_print_what_their_schemas_promise() {
    for command in ["ttl", "trace", "coverage", "capacity"] {
        let schema = fs::read(repository().join(format!("schema/{command}.schema.json"))).expect("the schema");
        let schema = serde_json::from_slice(&schema).expect("JSON");
        assert!(jsonschema::meta::is_valid(&schema), "{command}");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        for document in printed(command) {
            conforms(&document, command);
            // Each member is promised, and nothing else is printed.
            let mut refused = 0;
            for spoiled in spoiled(&document) {
                assert!(!validator.is_valid(&spoiled), "{command}: {spoiled:#}");
                refused += 1;
            }
            assert!(refused >= 15, "{command}: only {refused}");
        }
    }
}
