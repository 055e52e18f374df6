//! What makes Terraform's Cloudflare provider (v5) refuse, undo or redo for ever, and what its API refuses after a good
//! plan: each trap a test of its name, on the files that are generated. Traps of resources that golive does not write
//! are held by [`no_resource_that_is_a_trap_itself_is_written`].

mod common;

use std::collections::BTreeSet;

use common::{edited, parse, sample};
use golive::emit::{self, Artifact};
use serde_json::Value;

/// The sample, and a site of the largest plan with everything that the sample's plan lacks.
fn all() -> Vec<Vec<Artifact>> {
    let largest = edited(&[
        ("plan = \"business\"", "plan = \"enterprise\""),
        (
            "suspended = true\n",
            "suspended = false\nmethod = \"passthrough\"\nbypass = { paths = [\"/api/\"], partners = true }\n\
             events = [{ name = \"tv\", prequeue = 2020-03-22T20:00:00.5+01:00, start = 2020-03-22T20:20:00+01:00, \
             end = 2020-03-22T23:30:00+01:00, total_active_users = 400, new_users_per_minute = 300 }]\n",
        ),
        ("origins = [\"203.0.113.10\", \"203.0.113.11\"]", "origins = [\"203.0.113.11\", \"203.0.113.10\"]"),
    ]);
    [sample(), parse(&largest)]
        .iter()
        .map(|sample| emit::compose(&sample.blueprint, &sample.site).expect("no clash"))
        .collect()
}

/// The resources of one kind, as blocks of text.
fn resources(artifacts: &[Artifact], kind: &str) -> Vec<String> {
    let terraform = artifacts.iter().filter(|artifact| artifact.path.ends_with(".tf"));
    let text: Vec<&str> = terraform.map(|artifact| artifact.text.as_str()).collect();
    let text = format!("\n{}", text.join("\n"));
    let start = format!("\nresource \"{kind}\" ");
    text.split(&start).skip(1).map(|rest| rest.split("\n}\n").next().expect("a first part").to_owned()).collect()
}

fn payload(artifacts: &[Artifact], name: &str) -> Value {
    let path = format!("cloudflare/{name}.json");
    let artifact = artifacts.iter().find(|artifact| artifact.path == path).unwrap_or_else(|| panic!("no {path}"));
    serde_json::from_str(&artifact.text).expect("JSON")
}

/// Every ruleset.
fn rulesets(artifacts: &[Artifact]) -> Vec<Value> {
    let payloads = artifacts.iter().filter(|artifact| artifact.path.starts_with("cloudflare/"));
    let all: Vec<Value> = payloads.filter_map(|artifact| serde_json::from_str(&artifact.text).ok()).collect();
    all.into_iter().filter(|value| value.get("phase").is_some()).collect()
}

fn rules(ruleset: &Value) -> &[Value] {
    ruleset["rules"].as_array().expect("rules")
}

#[test]
fn trap_01_entry_points_that_are_there_are_taken_over() {
    for artifacts in all() {
        let terraform = artifacts.iter().find(|a| a.path == "terraform/cloudflare.tf").expect("a module");
        for ruleset in rulesets(&artifacts) {
            let phase = ruleset["phase"].as_str().expect("a phase");
            let import = format!(
                "for_each = {{ for phase, id in var.cloudflare_entrypoints : phase => id if phase == \"{phase}\" }}"
            );
            assert_eq!(terraform.text.matches(&import).count(), 1, "{phase}");
        }
        let blocks = resources(&artifacts, "cloudflare_ruleset");
        let phases: BTreeSet<&str> =
            blocks.iter().filter_map(|block| block.split("phase   = ").nth(1)?.lines().next()).collect();
        assert_eq!(phases.len(), blocks.len(), "one ruleset a phase: {phases:?}");
        assert!(terraform.text.contains("\"zones/${var.cloudflare_zone_id}/${each.value}\""));
    }
}

#[test]
fn trap_02_rulesets_are_called_default() {
    for artifacts in all() {
        let blocks = resources(&artifacts, "cloudflare_ruleset");
        assert!(blocks.len() >= 5, "{}", blocks.len());
        assert!(blocks.iter().all(|block| block.contains("  name    = \"default\"\n")));
        assert!(rulesets(&artifacts).iter().all(|ruleset| ruleset["name"] == "default" && ruleset["kind"] == "zone"));
    }
}

#[test]
fn trap_03_each_rule_has_a_ref_of_its_own() {
    for artifacts in all() {
        for ruleset in rulesets(&artifacts) {
            let refs: BTreeSet<&str> =
                rules(&ruleset).iter().map(|rule| rule["ref"].as_str().expect("a ref")).collect();
            assert_eq!(refs.len(), rules(&ruleset).len(), "{refs:?}");
        }
    }
}

#[test]
fn trap_04_nothing_empty_is_written() {
    fn look(value: &Value, at: &str) {
        match value {
            Value::Null => panic!("null at {at}"),
            Value::String(text) => assert!(!text.is_empty(), "an empty text at {at}"),
            Value::Array(items) => items.iter().for_each(|item| look(item, at)),
            Value::Object(members) => {
                assert!(!members.is_empty(), "an empty object at {at}");
                members.iter().for_each(|(key, value)| look(value, &format!("{at}.{key}")));
            }
            Value::Bool(_) | Value::Number(_) => {}
        }
    }
    for artifacts in all() {
        for ruleset in rulesets(&artifacts) {
            look(&ruleset, ruleset["phase"].as_str().unwrap_or_default());
        }
        for name in ["waiting_room", "load_balancer", "certificate_pack", "settings"] {
            look(&payload(&artifacts, name), name);
        }
    }
}

#[test]
fn trap_05_a_limit_says_for_how_long_it_keeps_out() {
    for artifacts in all() {
        let limits = payload(&artifacts, "http_ratelimit");
        assert!(!rules(&limits).is_empty());
        for rule in rules(&limits) {
            let rate = &rule["ratelimit"];
            assert!(rate["mitigation_timeout"].as_u64().is_some_and(|seconds| seconds > 0), "{rule}");
            assert!([10, 60, 120, 300, 600, 3600].contains(&rate["period"].as_u64().unwrap_or(0)), "{rule}");
            assert!(rate["characteristics"].as_array().is_some_and(|all| all.contains(&"cf.colo.id".into())), "{rule}");
        }
    }
}

#[test]
fn trap_06_parameters_belong_to_their_action() {
    for artifacts in all() {
        for ruleset in rulesets(&artifacts) {
            for rule in rules(&ruleset) {
                let keys: Vec<&str> =
                    rule["action_parameters"].as_object().into_iter().flatten().map(|(k, _)| k.as_str()).collect();
                let known: &[&str] = match rule["action"].as_str().expect("an action") {
                    "block" => &["response"],
                    "skip" => &["ruleset", "phases", "products"],
                    "execute" => &["id"],
                    "redirect" => &["from_value"],
                    "rewrite" => &["headers"],
                    "set_cache_settings" => &["cache", "edge_ttl", "browser_ttl", "serve_stale", "cache_key"],
                    "managed_challenge" | "log" => &[],
                    other => panic!("the action {other}"),
                };
                assert!(keys.iter().all(|key| known.contains(key)), "{rule}");
            }
        }
    }
}

#[test]
fn trap_07_records_are_named_whole_and_proxied_ones_have_ttl_1() {
    let full = edited(&[
        ("setup = \"partial\"\nverification_key = \"284344499-1084221259\"\n", "setup = \"full\"\n"),
        ("run_by = \"ticket\"\nticket_to = \"le service DNS du réseau de l'État\"\n", "run_by = \"cloudflare\"\n"),
        ("[cdn.load_balancer]\ninterval_seconds = 60\ncheck_regions = [\"WEU\"]\n", ""),
    ]);
    let sample = parse(&full);
    let artifacts = emit::compose(&sample.blueprint, &sample.site).expect("no clash");
    let records = payload(&artifacts, "dns_records");
    let records = records.as_array().expect("a list");
    assert!(records.len() > 5, "{}", records.len());
    for record in records {
        let name = record["name"].as_str().expect("a name");
        assert!(name.ends_with("reserve-civique.gouv.fr") && name.to_lowercase() == name, "{name}");
        let proxied = record["proxied"] == true;
        assert!(record["ttl"].as_u64().is_some_and(|ttl| if proxied { ttl == 1 } else { ttl >= 60 }), "{record}");
        assert!(record.get("settings").is_none(), "{record}");
    }
}

#[test]
fn trap_08_settings_are_one_resource_each_and_wrapped_as_the_api_has_them() {
    for artifacts in all() {
        let settings = resources(&artifacts, "cloudflare_zone_setting");
        assert_eq!(settings.len(), payload(&artifacts, "settings").as_array().expect("a list").len());
        assert!(settings.iter().all(|block| !block.contains("for_each")));
        let header = settings.iter().find(|block| block.contains("\"security_header\"")).expect("HSTS");
        assert!(header.contains("value = {\n    strict_transport_security = {\n"), "{header}");
    }
}

#[test]
fn trap_10_the_load_balancer_says_what_it_needs_and_no_more() {
    for artifacts in all() {
        let pool = payload(&artifacts, "load_balancer")["pool"].clone();
        let names: Vec<&str> =
            pool["origins"].as_array().expect("origins").iter().filter_map(|o| o["name"].as_str()).collect();
        assert!(names.is_sorted() && names.len() == 2, "{names:?}");
        let blocks = [
            resources(&artifacts, "cloudflare_load_balancer"),
            resources(&artifacts, "cloudflare_load_balancer_pool"),
            resources(&artifacts, "cloudflare_load_balancer_monitor"),
        ]
        .concat();
        assert_eq!(blocks.len(), 3);
        for drifts in
            ["session_affinity_attributes", "country_pools", "region_pools", "pop_pools", "port    = 0", "null"]
        {
            assert!(blocks.iter().all(|block| !block.contains(drifts)), "{drifts}");
        }
        // Off by default, and then neither filter nor cache.
        assert!(blocks[0].contains("proxied          = true"), "{}", blocks[0]);
    }
}

#[test]
fn trap_12_the_certificate_holds_the_apex_and_its_names_in_one_order() {
    for artifacts in all() {
        let pack = payload(&artifacts, "certificate_pack");
        let hosts: Vec<&str> = pack["hosts"].as_array().expect("hosts").iter().filter_map(Value::as_str).collect();
        assert!(hosts.contains(&"reserve-civique.gouv.fr") && hosts.is_sorted() && hosts.len() <= 50, "{hosts:?}");
    }
}

#[test]
fn trap_13_times_of_events_are_utc_without_a_fraction() {
    let artifacts = all().pop().expect("the largest");
    let room = payload(&artifacts, "waiting_room");
    let event = &room["events"][0];
    assert_eq!(event["prequeue_start_time"], "2020-03-22T19:00:00Z");
    assert_eq!(event["event_start_time"], "2020-03-22T19:20:00Z");
    let blocks = resources(&artifacts, "cloudflare_waiting_room_event");
    assert!(blocks.len() == 1 && blocks[0].contains("\"2020-03-22T22:30:00Z\""), "{blocks:?}");
    assert!(room["waiting_room"].get("additional_routes").is_none());
}

#[test]
fn trap_15_a_list_holds_its_items_itself() {
    for artifacts in all() {
        let lists = resources(&artifacts, "cloudflare_list");
        assert!(!lists.is_empty() && lists.iter().all(|block| block.contains("  items = [")), "{lists:?}");
        assert!(resources(&artifacts, "cloudflare_list_item").is_empty());
    }
}

/// Managed transforms (trap 14) are refused where one is on, a zone (16) is deleted when its name changes, the hosts of
/// an origin certificate (11) come back in another order, and nothing undoes the settings of trap 9.
#[test]
fn no_resource_that_is_a_trap_itself_is_written() {
    for artifacts in all() {
        for kind in [
            "cloudflare_managed_transforms",
            "cloudflare_zone",
            "cloudflare_origin_ca_certificate",
            "cloudflare_bot_management",
            "cloudflare_argo_smart_routing",
            "cloudflare_total_tls",
            "cloudflare_waiting_room_settings",
        ] {
            assert!(resources(&artifacts, kind).is_empty(), "{kind}");
        }
    }
}

/// Terraform takes letters, digits, `_` and `-`, a letter or `_` first; the setting `0rtt` starts with a digit.
#[test]
fn names_of_resources_are_identifiers() {
    for artifacts in all() {
        for kind in ["cloudflare_zone_setting", "cloudflare_ruleset", "cloudflare_list", "cloudflare_load_balancer"] {
            for block in resources(&artifacts, kind) {
                let name = block.split('"').nth(1).expect("a name");
                let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                assert!(plain && !name.starts_with(|c: char| c.is_ascii_digit()), "{kind} {name}");
            }
        }
    }
}

/// A switch thrown on the night by API is drift: the next apply must leave it.
#[test]
fn levers_are_left_as_they_are() {
    for artifacts in all() {
        let room = resources(&artifacts, "cloudflare_waiting_room").remove(0);
        assert!(
            room.contains("ignore_changes = [suspended, queue_all, total_active_users, new_users_per_minute]"),
            "{room}"
        );
        let custom = payload(&artifacts, "http_request_firewall_custom");
        let lever = rules(&custom).iter().position(|rule| rule["enabled"] == false).expect("a lever");
        let block = resources(&artifacts, "cloudflare_ruleset")
            .into_iter()
            .find(|block| block.contains("http_request_firewall_custom"))
            .expect("a ruleset");
        assert!(block.contains(&format!("ignore_changes = [rules[{lever}].enabled]")), "{block}");
    }
}
