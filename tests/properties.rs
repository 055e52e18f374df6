//! Blueprints with hostile values in every place that takes text. What lint accepts is generated, and read by Terraform's
//! parser, JSON's, nginx and BIND with each value unchanged; what it refuses has a finding; nothing panics.
//!
//! The seed is fixed, so that a failure repeats. `PROPTEST_CASES=5000 cargo test --release --test properties` for more.

mod common;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::Command;

use common::{edited, need, published};
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};
use golive::blueprint::{Level, load};
use golive::emit::Artifact;
use golive::ops::generate;
use golive::ops::lint::judge;
use golive::providers::cloudflare::payload::Payloads;
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Body, Structure};
use hcl_edit::template::Element;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

/// What has meant something else to some tool.
const NASTY: [&str; 62] = [
    "\"",
    "'",
    "\\",
    "\\\"",
    "\" \"",
    "${x}",
    "$${x}",
    "$",
    "%{if}",
    "%%{",
    "%",
    "{",
    "}",
    "};",
    ";",
    "; ",
    "#",
    "//",
    "/*",
    "\n",
    "\r\n",
    "\t",
    "\u{0}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{9f}",
    "\u{2028}",
    "\u{feff}",
    "\u{202e}",
    "é",
    "日本",
    "🦀",
    "`id`",
    "$(id)",
    "<%= `id` %>",
    "<%",
    "%>",
    "<script>",
    "-->",
    "]]>",
    "|",
    "*",
    "~",
    "~^/",
    "^",
    "(",
    ")",
    "((",
    "[",
    "@",
    "$INCLUDE /etc/passwd",
    "{{ x }}",
    "{% x %}",
    "{# x #}",
    "default",
    "include",
    "$uri",
    "%0d%0a",
    "%22",
    "%24%7Bx%7D",
    "..",
    " ",
];

/// Texts of the sample that are looked for again in what is generated, each with a name and where it stands.
const READ_BACK: [(&str, &str); 8] = [
    ("authority", "\"sectigo.com\""),
    ("txt", "\"brevo-code:5f1c0a7be2d94c3f8a6b10d27e94c3f8\""),
    ("txt", "\"284344499-1084221259\""),
    ("health", "\"/__health\""),
    ("class", "\"/oauth/\", \"/health\"]\nstore"),
    ("from", "\"/from\""),
    ("to", "\"/to\""),
    ("published", "\"/figures\"]\nback_office"),
];

/// The sample, with what it leaves to defaults written out, and a page published as static; without a sample of that, which
/// would have to follow the path.
fn base() -> String {
    edited(&[
        ("[proxy]\n", "[proxy]\nhealth_path = \"/__health\"\n"),
        ("[redirects]\n", "[redirects]\npaths = [{ from = \"/from\", to = \"/to\" }]\n"),
    ]) + &published(&[("samples = [\"/figures\"]\n", "")])
}

/// The strings of a VCL file: they have no escapes, and end at the first quote.
fn vcl_strings(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2)).collect()
}

/// A text of the sample.
#[derive(Debug)]
struct Place {
    bytes: Range<usize>,
    is_path: bool,
    /// Its name in [`READ_BACK`].
    read_back: Option<&'static str>,
}

/// Every text of the sample, in the order of the file.
fn places(sample: &str) -> Vec<Place> {
    fn collect(value: &DeValue<'_>, span: Range<usize>, into: &mut Vec<(Range<usize>, bool)>) {
        match value {
            DeValue::String(text) => into.push((span, text.starts_with('/'))),
            DeValue::Array(items) => items.iter().for_each(|item| collect(item.get_ref(), item.span(), into)),
            DeValue::Table(members) => {
                members.iter().for_each(|(_, member)| collect(member.get_ref(), member.span(), into));
            }
            _ => {}
        }
    }
    let document = DeTable::parse(sample).expect("the sample is TOML");
    let mut found = Vec::new();
    for (_, member) in document.get_ref() {
        collect(member.get_ref(), member.span(), &mut found);
    }
    found.sort_by_key(|(bytes, _)| bytes.start);
    let named: Vec<(usize, &str)> = READ_BACK
        .iter()
        .map(|(name, stands)| {
            (sample.find(stands).unwrap_or_else(|| panic!("the sample no longer holds {stands:?}")), *name)
        })
        .collect();
    found
        .into_iter()
        .map(|(bytes, is_path)| {
            let read_back = named.iter().find(|(start, _)| *start == bytes.start).map(|(_, name)| *name);
            Place { bytes, is_path, read_back }
        })
        .collect()
}

#[derive(Debug, Clone)]
struct Edit {
    place: usize,
    text: String,
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(&NASTY[..]).prop_map(str::to_owned),
        3 => "[a-z0-9]{1,6}",
        1 => "[ -~]{1,4}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop_oneof![
        12 => prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat()),
        // A label of 300 bytes, a text longer than a string of DNS, one longer than any.
        1 => "[a-z]{300}",
        1 => prop::sample::select(vec!["x".repeat(5000), "é;\"\\".repeat(1000), "y".repeat(20_000)]),
    ]
}

fn edits(places: &[Place]) -> impl Strategy<Value = Vec<Edit>> + use<> {
    let read_back: Vec<usize> = (0..places.len()).filter(|at| places[*at].read_back.is_some()).collect();
    let place = prop_oneof![prop::sample::select(read_back), 0..places.len()];
    prop::collection::vec((place, hostile()).prop_map(|(place, text)| Edit { place, text }), 1..3)
}

/// What stands at each place in the end: of two edits of one place the last.
fn values(edits: &[Edit], places: &[Place]) -> BTreeMap<usize, String> {
    let value = |edit: &Edit| if places[edit.place].is_path { format!("/{}", edit.text) } else { edit.text.clone() };
    edits.iter().map(|edit| (edit.place, value(edit))).collect()
}

fn blueprint(values: &BTreeMap<usize, String>, places: &[Place]) -> String {
    let mut text = base();
    for (place, value) in values.iter().rev() {
        // JSON's strings are TOML's, but for this one character.
        let quoted = Value::from(value.as_str()).to_string().replace('\u{7f}', "\\u007f");
        text.replace_range(places[*place].bytes.clone(), &quoted);
    }
    text
}

/// Stands for `${...}` and `%{...}` in a text of an HCL document: no text holds it, since it is no character.
const INTERPOLATED: &str = "\u{fdd0}";

/// Every string of a JSON document, keys aside.
fn json_texts(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(into.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| json_texts(item, into)),
        Value::Object(members) => members.values().for_each(|member| json_texts(member, into)),
        _ => {}
    }
}

/// Every string of an HCL document, escapes read.
fn hcl_texts(body: &Body, into: &mut BTreeSet<String>) {
    for structure in body.iter() {
        match structure {
            Structure::Attribute(attribute) => expression_texts(&attribute.value, into),
            Structure::Block(block) => hcl_texts(&block.body, into),
        }
    }
}

fn expression_texts(value: &Expression, into: &mut BTreeSet<String>) {
    match value {
        Expression::String(text) => drop(into.insert(text.to_string())),
        // What golive interpolates itself has no place for a value of a blueprint; there is as much of it as in the sample.
        Expression::StringTemplate(template) => {
            let parts = template.iter().map(|element| match element {
                Element::Literal(text) => text.to_string(),
                _ => INTERPOLATED.to_owned(),
            });
            into.insert(parts.collect());
        }
        Expression::Array(items) => items.iter().for_each(|item| expression_texts(item, into)),
        Expression::Object(members) => {
            for (key, value) in members.iter() {
                if let ObjectKey::Expression(key) = key {
                    expression_texts(key, into);
                }
                expression_texts(value.expr(), into);
            }
        }
        _ => {}
    }
}

/// The words of an nginx file as nginx reads them (`ngx_conf_read_token`).
fn nginx_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(first) = characters.next() {
        match first {
            '#' => while characters.next_if(|c| *c != '\n').is_some() {},
            c if c.is_whitespace() || matches!(c, ';' | '{' | '}') => {}
            quote @ ('"' | '\'') => {
                let mut word = String::new();
                while let Some(c) = characters.next().filter(|c| *c != quote) {
                    match (c, characters.peek()) {
                        ('\\', Some(next @ ('"' | '\'' | '\\'))) => {
                            word.push(*next);
                            characters.next();
                        }
                        _ => word.push(c),
                    }
                }
                words.push(word);
            }
            c => {
                let mut word = String::from(c);
                while let Some(c) = characters.next_if(|c| !c.is_whitespace() && !matches!(c, ';' | '{')) {
                    word.push(c);
                }
                words.push(word);
            }
        }
    }
    words
}

/// TXT and CAA values of a zone file, by a parser that is not golive's.
fn zone_texts(text: &str) -> Vec<Vec<u8>> {
    let mut file = Zonefile::load(&mut text.as_bytes()).expect("a zone file");
    let mut texts = Vec::new();
    while let Some(entry) = file.next_entry().expect("an entry") {
        let Entry::Record(record) = entry else { panic!("$INCLUDE in a zone file") };
        match record.data() {
            ZoneRecordData::Txt(txt) => texts.push(txt.iter().flatten().copied().collect()),
            ZoneRecordData::Caa(caa) => texts.push(AsRef::<[u8]>::as_ref(caa.value()).to_vec()),
            _ => {}
        }
    }
    texts
}

fn text<'a>(artifacts: &'a [Artifact], path: &str) -> &'a str {
    let found = artifacts.iter().find(|artifact| artifact.path == path);
    found.map(|artifact| artifact.text.as_str()).unwrap_or_else(|| panic!("{path} was not generated"))
}

/// Whether a tool is content with its files.
fn content(command: &mut Command) -> Result<(), String> {
    let output = command.output().expect("the tool starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(said) }
}

/// The plain-server flavour of the proxy under `nginx -t`, on a socket of its own.
fn nginx_accepts(artifacts: &[Artifact], folder: &Path) -> Result<(), String> {
    let machine = folder.join("nginx");
    for artifact in artifacts {
        if let Some(path) = artifact.path.strip_prefix("nginx/proxy/") {
            let path = machine.join(path);
            fs::create_dir_all(path.parent().expect("below")).expect("made");
            fs::write(path, &artifact.text).expect("written");
        }
    }
    let put = |path: &str, text: String| fs::write(machine.join(path), text).expect("written");
    put("where/machine.conf", "pid nginx.pid; error_log error.log;".to_owned());
    put("where/listen.conf", format!("listen unix:{}/socket ssl;", folder.display()));
    for other in fs::read_dir(machine.join("where")).expect("a folder").flatten() {
        let name = other.file_name().to_string_lossy().into_owned();
        if name.starts_with("upstream") || name == "static.conf" {
            put(&format!("where/{name}"), "server 127.0.0.1:9;".to_owned());
        }
    }
    content(
        Command::new(need("nginx"))
            .arg("-t")
            .arg("-p")
            .arg(format!("{}/", machine.display()))
            .args(["-c", "nginx.conf"]),
    )
}

/// One certificate for all cases.
fn certificate(folder: &Path) {
    let key = rcgen::generate_simple_self_signed(vec!["example.org".to_owned()]).expect("a certificate");
    let tls = folder.join("nginx/tls");
    fs::create_dir_all(&tls).expect("made");
    fs::write(tls.join("fullchain.pem"), key.cert.pem()).expect("written");
    fs::write(tls.join("privkey.pem"), key.signing_key.serialize_pem()).expect("written");
}

/// Everything that must hold of a blueprint, accepted or not.
fn holds(
    edits: &[Edit],
    places: &[Place],
    folder: &Path,
    interpolations: &Cell<Option<usize>>,
) -> Result<bool, TestCaseError> {
    let values = values(edits, places);
    let source = blueprint(&values, places);
    let lint = judge(load::read("hostile.toml".to_owned(), source.as_bytes()));
    let refused = lint.remarks.iter().any(|remark| remark.finding.level == Level::Error);
    prop_assert_eq!(refused, lint.loaded.is_none());
    let Some(loaded) = lint.loaded else { return Ok(false) };
    let artifacts = generate::plan(&loaded.blueprint, &loaded.site, "")
        .map_err(|clashes| TestCaseError::fail(format!("lint accepts what cannot be generated: {clashes:?}")))?;

    let (mut in_json, mut in_hcl) = (BTreeSet::new(), BTreeSet::new());
    for artifact in &artifacts {
        if artifact.path.ends_with(".json") {
            let value: Value = serde_json::from_str(&artifact.text)
                .map_err(|error| TestCaseError::fail(format!("{}: {error}", artifact.path)))?;
            if artifact.path.starts_with("cloudflare/") {
                json_texts(&value, &mut in_json);
            }
        } else if artifact.path.ends_with(".tf") {
            let body: Body =
                artifact.text.parse().map_err(|error| TestCaseError::fail(format!("{}: {error}", artifact.path)))?;
            hcl_texts(&body, &mut in_hcl);
        }
    }
    let interpolated = in_hcl.iter().map(|text| text.matches(INTERPOLATED).count()).sum::<usize>();
    match interpolations.get() {
        // The sample, which comes first.
        None => interpolations.set(Some(interpolated)),
        Some(of_the_sample) => prop_assert_eq!(interpolated, of_the_sample, "a value escaped its quotes"),
    }
    let lost: Vec<&String> = in_json.difference(&in_hcl).collect();
    prop_assert!(lost.is_empty(), "the API is told what Terraform is not: {lost:?}");
    let payloads = artifacts.iter().filter(|a| a.path.starts_with("cloudflare/") && a.path.ends_with(".json"));
    let payloads = payloads.map(|artifact| (artifact.path.clone(), artifact.text.clone())).collect();
    prop_assert!(Payloads::read(&payloads).is_ok(), "the rehearsal's edge cannot read the payloads");

    let mut in_zones = Vec::new();
    for zone in &loaded.site.zones {
        in_zones.extend(zone_texts(text(&artifacts, &format!("dns/{}.zone", zone.name))));
    }
    let in_nginx = nginx_words(text(&artifacts, "nginx/proxy/nginx.conf"));
    for (place, value) in &values {
        let in_nginx = |wanted: String| match in_nginx.iter().any(|word| word.contains(&wanted)) {
            true => Ok(()),
            false => Err(TestCaseError::fail(format!("{wanted:?} is not in nginx"))),
        };
        match places[*place].read_back {
            Some("txt" | "authority") => {
                prop_assert!(in_zones.iter().any(|text| text == value.as_bytes()), "{value:?} is in no zone");
            }
            Some("from") => {
                let redirects = loaded.blueprint.redirects.as_ref();
                let decoded = redirects.and_then(|redirects| redirects.paths[0].from.decoded());
                in_nginx(format!("{}{}", loaded.site.host, decoded.unwrap_or_default()))?;
            }
            Some("to") => in_nginx(format!("https://{}{}", loaded.site.host, value.replace('$', "${dollar}")))?,
            Some("health") => in_nginx(value.clone())?,
            Some("published") => {
                let written = vcl_strings(text(&artifacts, &format!("varnish/{}.vcl", loaded.site.name)));
                let wanted = format!("^(?:{})", regex::escape(value));
                prop_assert!(written.contains(&wanted.as_str()), "{value:?} is not in {written:?}");
                in_nginx(regex::escape(value))?;
            }
            Some("class") => in_nginx(regex::escape(value))?,
            _ => {}
        }
    }

    if let Err(said) = nginx_accepts(&artifacts, folder) {
        return Err(TestCaseError::fail(format!("nginx: {said}")));
    }
    for zone in &loaded.site.zones {
        let path = folder.join("zone");
        fs::write(&path, text(&artifacts, &format!("dns/{}.zone", zone.name))).expect("written");
        // Owners with underscores are good in what golive writes; the rest is as strict as BIND can be.
        let strict = ["-i", "local", "-k", "ignore", "-n", "fail", "-m", "fail", "-M", "fail", zone.name.as_str()];
        if let Err(said) = content(Command::new(need("named-checkzone")).args(strict).arg(&path)) {
            return Err(TestCaseError::fail(format!("named-checkzone: {said}")));
        }
    }
    Ok(true)
}

#[test]
fn what_is_accepted_is_read_unchanged_and_what_is_refused_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    certificate(folder.path());
    let places = places(&base());
    let interpolations = Cell::new(None);
    assert!(holds(&[], &places, folder.path(), &interpolations).expect("the sample is good"), "the sample is refused");
    let accepted = Cell::new(0_u32);
    let refused = Cell::new(0_u32);
    let config = Config { rng_seed: RngSeed::Fixed(20_200_322), failure_persistence: None, ..Config::default() };
    let result = proptest::test_runner::TestRunner::new(config).run(&edits(&places), |edits| {
        let count = if holds(&edits, &places, folder.path(), &interpolations)? { &accepted } else { &refused };
        count.set(count.get() + 1);
        Ok(())
    });
    if let Err(failed) = result {
        panic!("{failed}");
    }
    let (accepted, refused) = (accepted.get(), refused.get());
    eprintln!("{accepted} accepted, {refused} refused");
    // Of each kind enough to mean something.
    assert!(
        accepted * 5 > accepted + refused && refused * 5 > accepted + refused,
        "{accepted} accepted, {refused} refused"
    );
}
