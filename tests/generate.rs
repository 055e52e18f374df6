//! `golive generate`: the committed folder to the byte, edits protected, nothing escaping its quotes.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use assert_cmd::cargo::cargo_bin_cmd;
use common::{Sample, artifacts, parse, repository, run, sample};
use golive::emit::Artifact;
use golive::ops::generate;
use serde_json::Value;

fn golive(arguments: &[&str], folder: &Path) -> assert_cmd::assert::Assert {
    let blueprint = repository().join("blueprints/jeveuxaider.toml");
    cargo_bin_cmd!("golive").arg("generate").arg(blueprint).args(arguments).arg("--out").arg(folder).assert()
}

fn output(assert: &assert_cmd::assert::Assert) -> (String, String) {
    let output = assert.get_output();
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_committed_folder_is_reproduced_to_the_byte() {
    let folder = repository().join("generated/jeveuxaider");
    let artifacts = artifacts(&sample());
    let differing: Vec<_> =
        generate::compare(&folder, &artifacts).expect("readable").into_iter().map(|d| d.unified()).collect();
    assert!(differing.is_empty(), "run `golive generate blueprints/jeveuxaider.toml`:\n{}", differing.join("\n"));

    let wanted: BTreeSet<String> = artifacts.into_iter().map(|artifact| artifact.path).collect();
    let mut present = BTreeSet::new();
    let mut folders = vec![folder.clone()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(below).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                present.insert(path.strip_prefix(&folder).expect("below").to_string_lossy().into_owned());
            }
        }
    }
    assert_eq!(present, wanted);
}

#[test]
fn no_file_names_the_secret_or_a_place() {
    for artifact in artifacts(&sample()) {
        assert!(!artifact.text.contains("api_token"), "{}", artifact.path);
        if artifact.path.starts_with("nginx/") {
            // The one place that a container is sure to have: the platform documents no resolver.
            let text = artifact.text.replace("File.read('/etc/resolv.conf')", "");
            for word in text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace)
            {
                let absolute = ["/etc/", "/var/", "/usr/", "/run/", "/tmp/", "/dev/"].iter().any(|p| word.contains(p));
                assert!(!absolute, "{}: {word}", artifact.path);
            }
        }
    }
}

#[test]
fn generate_then_check_then_protect_edits() {
    let temp = tempfile::tempdir().expect("a folder");
    let out = temp.path().join("out");
    golive(&["--check"], &out).code(1);
    assert!(!out.exists(), "--check writes nothing");
    let (stdout, _) = output(&golive(&[], &out).code(0));
    assert!(stdout.contains("jeveuxaider: "), "{stdout}");
    golive(&["--check"], &out).code(0).stdout("");

    let edited = out.join("jeveuxaider/nginx/proxy/nginx.conf");
    let before = fs::read_to_string(&edited).expect("generated");
    fs::write(&edited, before.replace("gzip on;", "gzip off;")).expect("written");
    fs::write(out.join("jeveuxaider/notes.txt"), "mine").expect("written");

    let (stdout, _) = output(&golive(&["--check"], &out).code(1));
    assert!(stdout.trim_end().ends_with("jeveuxaider/nginx/proxy/nginx.conf"), "{stdout}");
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    let (stdout, _) = output(&golive(&["--diff"], &out).code(1));
    assert!(stdout.contains("-        gzip off;\n+        gzip on;\n"), "{stdout}");

    let (_, stderr) = output(&golive(&[], &out).code(2));
    assert!(stderr.contains("nginx/proxy/nginx.conf") && stderr.contains("--force"), "{stderr}");
    assert!(fs::read_to_string(&edited).expect("there").contains("gzip off;"));

    let (_, stderr) = output(&golive(&["--force"], &out).code(0));
    assert!(stderr.contains("notes.txt"), "{stderr}");
    assert_eq!(fs::read_to_string(&edited).expect("there"), before);
    assert!(out.join("jeveuxaider/notes.txt").exists());
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    let temp = tempfile::tempdir().expect("a folder");
    let file = temp.path().join("file");
    fs::write(&file, "").expect("written");
    let (_, stderr) = output(&golive(&[], &file).code(2));
    assert!(stderr.contains(&file.display().to_string()), "{stderr}");
}

#[test]
fn terraform_accepts_the_format() {
    let temp = tempfile::tempdir().expect("a folder");
    generate::write(&temp.path().join("site"), &artifacts(&hostile("fr")), false).expect("written");
    run("terraform", &["fmt", "-check", "-diff", "-recursive"], &temp.path().join("site"));
    run("terraform", &["fmt", "-check", "-diff", "-recursive"], &repository().join("generated/jeveuxaider"));
}

#[test]
fn bind_accepts_the_zones() {
    let temp = tempfile::tempdir().expect("a folder");
    for (at, sample) in [sample(), hostile("fr")].iter().enumerate() {
        let folder = temp.path().join(at.to_string());
        generate::write(&folder, &artifacts(sample), false).expect("written");
        for zone in &sample.site.zones {
            let file = format!("dns/{}.zone", zone.name);
            let strict = ["-i", "local", "-k", "fail", "-n", "fail", "-m", "fail", "-M", "fail"];
            let arguments: Vec<&str> = strict.into_iter().chain([zone.name.as_str(), &file]).collect();
            run("named-checkzone", &arguments, &folder);
        }
    }
}

#[test]
fn terraform_and_the_payloads_say_the_same() {
    // Without a balancer the origins are records.
    let balancer = "[cdn.load_balancer]\ninterval_seconds = 60\ncheck_regions = [\"WEU\"]\n";
    let source = sample().source;
    assert!(source.contains(balancer));
    let artifacts = artifacts(&parse(&source.replace(balancer, "")));
    let body: hcl_edit::structure::Body = text(&artifacts, "terraform/cloudflare.tf").parse().expect("HCL");
    let mut settings = BTreeMap::new();
    let mut rulesets = BTreeMap::new();
    let mut records = BTreeSet::new();
    for block in body.get_blocks("resource") {
        let kind = block.labels[0].as_str().to_owned();
        let member =
            |key: &str| block.body.get_attribute(key).map(|attribute| json(&attribute.value)).unwrap_or(Value::Null);
        match kind.as_str() {
            "cloudflare_zone_setting" => {
                settings.insert(member("setting_id").to_string(), member("value").to_string());
            }
            "cloudflare_ruleset" => {
                assert_eq!(member("name"), "default");
                rulesets.insert(member("phase").as_str().expect("a phase").to_owned(), member("rules"));
            }
            "cloudflare_dns_record" => {
                records.insert(format!("{} {} {}", member("name"), member("content"), member("proxied")));
            }
            // Written once each, from the same model (tests/traps_cloudflare.rs).
            "cloudflare_list"
            | "cloudflare_load_balancer"
            | "cloudflare_load_balancer_pool"
            | "cloudflare_load_balancer_monitor"
            | "cloudflare_certificate_pack"
            | "cloudflare_waiting_room"
            | "cloudflare_waiting_room_event"
            | "cloudflare_waiting_room_rules" => {}
            other => panic!("{other}"),
        }
    }
    let payload = |path: &str| serde_json::from_str::<Value>(text(&artifacts, path)).expect("JSON");
    let items = |value: &Value| value.as_array().expect("an array").clone();
    let sent: BTreeMap<_, _> = items(&payload("cloudflare/settings.json"))
        .iter()
        .map(|setting| (setting["id"].to_string(), setting["value"].to_string()))
        .collect();
    assert_eq!(settings, sent);
    for (phase, rules) in rulesets {
        let sent = payload(&format!("cloudflare/{phase}.json"));
        assert_eq!((&sent["name"], &sent["kind"], &sent["phase"]), (&"default".into(), &"zone".into(), &phase.into()));
        assert_eq!(sent["rules"], rules);
        assert!(items(&rules).iter().all(|rule| rule["ref"].is_string()));
    }
    let sent: BTreeSet<_> = items(&payload("cloudflare/dns_records.json"))
        .iter()
        .map(|record| format!("{} {} {}", record["name"], record["content"], record["proxied"]))
        .collect();
    assert_eq!(records, sent);
    assert_eq!(records.len(), 2);
}

/// An HCL value as JSON; a reference is null.
fn json(value: &hcl_edit::expr::Expression) -> Value {
    use hcl_edit::expr::{Expression, ObjectKey};
    match value {
        Expression::Bool(value) => (*value.value()).into(),
        Expression::Number(number) => number.value().as_u64().map_or(Value::Null, Value::from),
        Expression::Array(items) => items.iter().map(json).collect(),
        Expression::Object(object) => object
            .iter()
            .map(|(key, value)| {
                let key = match key {
                    ObjectKey::Ident(name) => name.to_string(),
                    ObjectKey::Expression(other) => json(other).as_str().expect("a text key").to_owned(),
                };
                (key, json(value.expr()))
            })
            .collect(),
        Expression::String(_) | Expression::StringTemplate(_) => hcl_text(value).map_or(Value::Null, Value::from),
        _ => Value::Null,
    }
}

fn hcl_text(value: &hcl_edit::expr::Expression) -> Option<String> {
    use hcl_edit::{expr::Expression, template::Element};
    match value {
        Expression::String(text) => Some(text.to_string()),
        Expression::StringTemplate(template) => template
            .iter()
            .map(|element| match element {
                Element::Literal(text) => Some(text.to_string()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

fn text<'a>(artifacts: &'a [Artifact], path: &str) -> &'a str {
    artifacts.iter().find(|artifact| artifact.path == path).map(|a| a.text.as_str()).unwrap_or_else(|| panic!("{path}"))
}

/// Everything that ends a string or starts code in some output.
const HOSTILE: &str =
    r#"${x} $${y} %{z} "q" 'a' \ ; } | `c` <script>alert(1)</script> ]]> --> <%= 1 %> {{ t }} # é (ü)"#;

/// The sample with [`HOSTILE`] in every free text, its redirect zone run by Cloudflare, and documents in a language.
fn hostile(language: &str) -> Sample {
    let mut table: toml::Table = sample().source.parse().expect("TOML");
    let value = || toml::Value::String(HOSTILE.to_owned());
    let site = table["site"].as_table_mut().expect("a table");
    site.insert("title".into(), value());
    site.insert("contact".into(), value());
    site.insert("language".into(), language.into());
    table["cdn"].as_table_mut().expect("a table").insert("verification_key".into(), value());
    let zones = table["dns"]["zones"].as_array_mut().expect("an array");
    for zone in zones.iter_mut() {
        let zone = zone.as_table_mut().expect("a table");
        zone.insert("ticket_to".into(), value());
        zone.insert("certificate_authorities".into(), toml::Value::Array(vec![value()]));
    }
    let second = zones[1].as_table_mut().expect("a table");
    second.insert("run_by".into(), "cloudflare".into());
    second.remove("ticket_to");
    let app = table["apps"]["apps"][0].as_table_mut().expect("a table");
    let variable = toml::Table::from_iter([("name".to_owned(), "HOSTILE".into()), ("value".to_owned(), value())]);
    app["environment"].as_array_mut().expect("an array").push(variable.into());
    let parties = &mut table["third_parties"];
    for (list, keys) in [("vendors", ["unit", "contact"]), ("partners", ["role", "contact"])] {
        for key in keys {
            parties[list][0].as_table_mut().expect("a table").insert(key.into(), value());
        }
    }
    table["audience"].as_table_mut().expect("a table").insert("source".into(), value());
    table["mail"].as_table_mut().expect("a table").insert("provider".into(), value());
    table["waiting_room"]["steps"][0].as_table_mut().expect("a table").insert("when".into(), value());
    let people = table["people"].as_table_mut().expect("a table");
    people.insert("log".into(), value());
    for (table, key) in [("vote", "criteria"), ("freezes", "protects"), ("channels", "place"), ("levers", "page")] {
        let table = &mut people[table];
        let table = if table.is_array() { &mut table[0] } else { table };
        table.as_table_mut().expect("a table").insert(key.into(), value());
    }
    people["roles"][0].as_table_mut().expect("a table").insert("who".into(), value());
    people["media"]["slots"][0].as_table_mut().expect("a table").insert("what".into(), value());
    parse(&toml::to_string(&table).expect("TOML"))
}

#[test]
fn hostile_texts_come_back_unchanged_from_parsers() {
    let sample = hostile("en");
    let artifacts = artifacts(&sample);

    // HCL and JSON: the CAA value of the zone that Cloudflare runs.
    let body: hcl_edit::structure::Body = text(&artifacts, "terraform/cloudflare.tf").parse().expect("HCL");
    let caa: Vec<Value> = body
        .get_blocks("resource")
        .filter_map(|block| block.body.get_attribute("data"))
        .map(|attribute| json(&attribute.value)["value"].clone())
        .collect();
    assert_eq!(caa, [HOSTILE, HOSTILE]);
    let records: Value =
        serde_json::from_str(text(&artifacts, "cloudflare/dns_records.jeveuxaider.gouv.fr.json")).expect("JSON");
    let caa: Vec<&Value> =
        records.as_array().expect("an array").iter().filter_map(|r| r["data"].get("value")).collect();
    assert_eq!(caa, [HOSTILE, HOSTILE]);

    // Zone files: CAA and TXT.
    let mut seen = zone_texts(text(&artifacts, "dns/reserve-civique.gouv.fr.zone"));
    // The records of mail hold no free text, and those of the zone's own are the sample's.
    seen.retain(|text| !text.starts_with(b"v=") && !text.starts_with(b"brevo-code:"));
    assert_eq!(seen, vec![HOSTILE.as_bytes().to_vec(); 3]);

    // nginx holds no free text, so no Ruby beyond the variables (the port twice) and the resolver.
    let erb = text(&artifacts, "nginx/scalingo/servers.conf.erb");
    assert_eq!(erb.matches("<%").count(), 5);

    // The platform's environment.
    let body: hcl_edit::structure::Body = text(&artifacts, "terraform/scalingo.tf").parse().expect("HCL");
    let held: Vec<Value> = body
        .get_blocks("resource")
        .filter_map(|block| block.body.get_attribute("environment"))
        .map(|attribute| json(&attribute.value)["HOSTILE"].clone())
        .collect();
    assert_eq!(held, [HOSTILE.into(), Value::Null]);

    // Markdown: no HTML, and no cell that splits, in either language.
    for artifact in artifacts.iter().chain(&common::artifacts(&hostile("fr"))).filter(|file| file.path.ends_with(".md"))
    {
        let (path, text) = (&artifact.path, &artifact.text);
        let running: Vec<&str> = text.lines().filter(|line| !line.starts_with("    ")).collect();
        assert!(running.iter().all(|line| !line.contains('<') && !line.contains('>')), "{path}: {running:#?}");
        for row in running.iter().filter(|line| line.starts_with('|')) {
            let columns = row.replace("\\\\", "").replace("\\|", "").matches('|').count();
            assert!([3, 4, 5, 7].contains(&columns), "{path}: {columns} in {row}");
        }
    }
}

/// The words of documents for people, with where they stand; no code.
fn words(artifacts: &[Artifact]) -> Vec<(String, String)> {
    let mut words = Vec::new();
    for artifact in artifacts.iter().filter(|artifact| artifact.path.ends_with(".md")) {
        for line in artifact.text.lines().filter(|line| !line.starts_with("    ")) {
            // Blueprints' own texts have their marks escaped, templates have code between bare ones.
            let line = line.replace("\\`", "`");
            for prose in line.split('`').step_by(2) {
                let trimmed = prose.split([' ', '|']).map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
                let place = format!("{}: {line}", artifact.path);
                words.extend(trimmed.map(|word| (word.to_lowercase(), place.clone())));
            }
        }
    }
    words
}

/// Words that no sentence of the language does without, and that the other has not.
const ENGLISH: &str =
    "the of and with for from which who whom what when is are be not nobody please to by at in your our";
const FRENCH: &str = "le la les des du et avec pour qui que est sont ne pas personne merci vous nous sur par une";

#[test]
fn documents_are_in_the_blueprint_s_language_alone() {
    let french = artifacts(&sample());
    let request = text(&french, "dns/requests/jeveuxaider.gouv.fr.md");
    assert!(request.contains("Annonce au public : dimanche 22 mars 2020, 20 h 30 (UTC+01:00)"), "{request}");
    // Without `language`, as most blueprints are.
    let primaries = parse(include_str!("static_routes/primaries.toml"));
    let english = artifacts(&primaries);
    assert!(text(&english, "runbook/procedures.md").contains("Before the launch:"));
    for (written, own, other) in [(&french, FRENCH, ENGLISH), (&english, ENGLISH, FRENCH)] {
        let words = words(written);
        let found = |list: &str| -> Vec<&(String, String)> {
            words.iter().filter(|(word, _)| list.split(' ').any(|stop| stop == word)).collect()
        };
        assert!(found(own).len() > 100, "{}", found(own).len());
        assert!(found(other).is_empty(), "{:#?}", found(other));
    }
}

/// Every document of the sample exists in English too, for a blueprint that says nothing of languages.
#[test]
fn english_is_what_a_blueprint_without_a_language_gets() {
    let source = sample().source.replace("language = \"fr\"\n", "");
    let (english, french) = (artifacts(&parse(&source)), artifacts(&sample()));
    let paths = |files: &[Artifact]| files.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&english), paths(&french));
    for (en, fr) in english.iter().zip(&french) {
        // The manifest holds hashes, visitors wait in their language, and comments are for engineers.
        let is_read = [".md", ".html", ".ics"].iter().any(|end| en.path.ends_with(end));
        let shows_the_room = ["cloudflare/waiting_room.json", "terraform/cloudflare.tf"].contains(&en.path.as_str());
        let differs = is_read || shows_the_room || en.path == "MANIFEST.json";
        assert_eq!(en.text != fr.text, differs, "{}", en.path);
    }
    let request = text(&english, "dns/requests/jeveuxaider.gouv.fr.md");
    assert!(request.contains("announced to the public on Sunday 22 March 2020, 20:30 (UTC+01:00)"), "{request}");
    assert!(text(&english, "runbook/people.md").contains("| lead |"));
    assert!(text(&french, "runbook/people.md").contains("| direction |"));
}

/// The texts of CAA values and TXT strings of a zone file, as another implementation reads them.
fn zone_texts(zone: &str) -> Vec<Vec<u8>> {
    use domain::rdata::ZoneRecordData;
    use domain::zonefile::inplace::{Entry, Zonefile};
    let mut reader = Zonefile::load(&mut zone.as_bytes()).expect("a zone file");
    let mut seen = Vec::new();
    while let Some(entry) = reader.next_entry().expect("an entry") {
        let Entry::Record(record) = entry else { continue };
        match record.data() {
            ZoneRecordData::Txt(txt) => seen.push(txt.iter().flatten().copied().collect()),
            ZoneRecordData::Caa(caa) => seen.push(AsRef::<[u8]>::as_ref(caa.value()).to_vec()),
            _ => {}
        }
    }
    seen
}

/// The site's own name is also a redirected one: a CNAME and an A record.
fn clashing() -> String {
    sample().source.replace("\"www.jeveuxaider.gouv.fr\"", "\"covid19.reserve-civique.gouv.fr\"")
}

#[test]
fn a_blueprint_with_errors_writes_nothing() {
    let temp = tempfile::tempdir().expect("a folder");
    let blueprint = temp.path().join("clash.toml");
    fs::write(&blueprint, clashing()).expect("written");
    let out = temp.path().join("out");
    let assert = cargo_bin_cmd!("golive").arg("generate").arg(&blueprint).arg("--out").arg(&out).assert().code(2);
    let (_, stderr) = output(&assert);
    assert!(stderr.contains("error[redirects.shadows-site]"), "{stderr}");
    assert!(!out.exists());
}

/// Behind the findings there is a second net: composers refuse what no output can say.
#[test]
fn clashes_name_both_sides() {
    let sample = common::parse(&clashing());
    let clashes = golive::emit::compose(&sample.blueprint, &sample.site).expect_err("a clash");
    let told = clashes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(told.contains("cdn asks for covid19.reserve-civique.gouv.fr"), "{told}");
    assert!(told.contains("redirects for 198.51.100.21"), "{told}");
}
