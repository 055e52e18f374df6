//! The model as a Terraform module for the provider's version 5.
//!
//! What Cloudflare's provider would undo, redo for ever or refuse is avoided here, trap by trap
//! (`tests/traps_cloudflare.rs` names them).

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{CloudflarePlan, Room, ZoneRecords};
use crate::emit::hcl::{Block, Right, block, data, reference, resource};
use crate::emit::terraform::Part;

/// Provider version that the generated Terraform was checked against.
const PROVIDER_VERSION: &str = "5.24.0";
/// Cloudflare's part of the Terraform module; nothing where it has none.
pub fn terraform(plan: &CloudflarePlan) -> Option<Part> {
    (!plan.zones.is_empty()).then(|| Part {
        provider: "cloudflare",
        source: "cloudflare/cloudflare",
        version: PROVIDER_VERSION,
        token: "CLOUDFLARE_API_TOKEN",
        variables: variables(plan),
        blocks: resources(plan),
    })
}

fn variables(plan: &CloudflarePlan) -> Vec<Block> {
    let mut variables = Vec::new();
    if plan.needs_account() {
        variables.push(variable("cloudflare_account_id", "Account id at Cloudflare, which holds lists and pools"));
    }
    variables.extend(
        plan.zones.iter().map(|zone| variable(&zone.variable, &format!("Zone id of {} at Cloudflare", zone.zone))),
    );
    if !plan.rulesets.is_empty() {
        let mut entrypoints = variable(
            "cloudflare_entrypoints",
            "Ids of the rulesets that the zone has already, by phase (GET /zones/ZONE_ID/rulesets, kind zone): each is \
             taken over, and all its rules replaced, instead of being refused as a second one",
        );
        entrypoints.attributes[1].1 = Right::Reference("map(string)".to_owned());
        entrypoints.attributes.push(data("default", json!({})));
        variables.push(entrypoints);
    }
    variables
}

fn variable(name: &str, description: &str) -> Block {
    block("variable", vec![name.to_owned()], vec![data("description", json!(description)), reference("type", "string")])
}

fn zone_id() -> (String, Right) {
    reference("zone_id", "var.cloudflare_zone_id")
}

fn account_id() -> (String, Right) {
    reference("account_id", "var.cloudflare_account_id")
}

/// The members of an object, as attributes.
fn members(object: &Value) -> impl Iterator<Item = (String, Right)> {
    object.as_object().into_iter().flatten().map(|(key, value)| data(key, value.clone()))
}

impl Block {
    fn remarked(mut self, remark: &str) -> Self {
        self.remark = Some(remark.to_owned());
        self
    }

    /// What somebody switches on the night is not put back by the next apply.
    fn ignoring(mut self, changes: &[String]) -> Self {
        let changes = reference("ignore_changes", format!("[{}]", changes.join(", ")));
        self.blocks.push(block("lifecycle", vec![], vec![changes]));
        self
    }
}

fn resources(plan: &CloudflarePlan) -> Vec<Block> {
    let mut blocks = Vec::new();
    for setting in &plan.settings {
        let attributes = vec![zone_id(), data("setting_id", json!(setting.id)), data("value", setting.value.clone())];
        // `0rtt` is no name to Terraform: one starts with a letter.
        let name = match setting.id.starts_with(|first: char| first.is_ascii_digit()) {
            true => format!("setting_{}", setting.id),
            false => setting.id.to_owned(),
        };
        blocks.push(resource("cloudflare_zone_setting", &name, attributes).remarked(&setting.why));
    }
    blocks.extend(plan.lists.iter().map(list));
    for ruleset in &plan.rulesets {
        let attributes = vec![
            zone_id(),
            // Renaming it would drop every rule for a moment; the dashboard calls entry points so too.
            data("name", json!("default")),
            data("kind", json!("zone")),
            data("phase", json!(ruleset.phase)),
            data("rules", json!(ruleset.rules)),
        ];
        let mut block = resource("cloudflare_ruleset", ruleset.resource, attributes);
        let levers = ruleset.rules.iter().enumerate().filter(|(_, rule)| rule["enabled"] == json!(false));
        let levers: Vec<String> = levers.map(|(at, _)| format!("rules[{at}].enabled")).collect();
        if !levers.is_empty() {
            block = block.ignoring(&levers);
        }
        blocks.push(block);
        blocks.push(import(ruleset.phase, ruleset.resource));
    }
    blocks.extend(plan.room.iter().flat_map(room));
    blocks.extend(plan.balancer.iter().flat_map(balancer));
    if let Some(certificate) = &plan.certificate {
        let attributes = std::iter::once(zone_id()).chain(members(certificate)).collect();
        let remark = "Never changed in place: to rotate, add a second one, wait until it is active, remove this one.";
        blocks.push(resource("cloudflare_certificate_pack", "edge", attributes).remarked(remark));
    }
    for zone in &plan.zones {
        for record in &zone.records {
            blocks.push(dns_record(zone, record));
        }
    }
    blocks
}

fn list(list: &Value) -> Block {
    let attributes = std::iter::once(account_id()).chain(members(list)).collect();
    resource("cloudflare_list", list["name"].as_str().unwrap_or_default(), attributes)
}

/// A zone has one entry point a phase, and creating a second is refused (API error 20217).
fn import(phase: &str, resource: &str) -> Block {
    let of_phase = format!("{{ for phase, id in var.cloudflare_entrypoints : phase => id if phase == \"{phase}\" }}");
    Block {
        remark: None,
        kind: "import",
        labels: vec![],
        attributes: vec![
            reference("for_each", of_phase),
            reference("to", format!("cloudflare_ruleset.{resource}")),
            reference("id", "\"zones/${var.cloudflare_zone_id}/${each.value}\""),
        ],
        blocks: vec![],
    }
}

fn room(room: &Room) -> Vec<Block> {
    let attributes = std::iter::once(zone_id()).chain(members(&room.body["waiting_room"])).collect();
    let mut switched = vec!["suspended", "queue_all"];
    if room.has_steps {
        switched.extend(["total_active_users", "new_users_per_minute"]);
    }
    let switched: Vec<String> = switched.into_iter().map(str::to_owned).collect();
    let remark = "Opened, closed and narrowed by hand on the night; an apply leaves that as it is.";
    let mut blocks = vec![resource("cloudflare_waiting_room", "room", attributes).remarked(remark).ignoring(&switched)];
    let of_room = || vec![zone_id(), reference("waiting_room_id", "cloudflare_waiting_room.room.id")];
    if let Some(rules) = room.body.get("rules") {
        let mut attributes = of_room();
        attributes.push(data("rules", rules.clone()));
        blocks.push(resource("cloudflare_waiting_room_rules", "bypass", attributes));
    }
    for event in room.body["events"].as_array().into_iter().flatten() {
        let mut attributes = of_room();
        attributes.extend(members(event));
        let name = event["name"].as_str().unwrap_or_default().replace('-', "_");
        blocks.push(resource("cloudflare_waiting_room_event", name, attributes));
    }
    blocks
}

fn balancer(balancer: &Value) -> Vec<Block> {
    let monitor = std::iter::once(account_id()).chain(members(&balancer["monitor"])).collect();
    let mut pool: Vec<_> = std::iter::once(account_id()).chain(members(&balancer["pool"])).collect();
    pool.insert(2, reference("monitor", "cloudflare_load_balancer_monitor.origins.id"));
    let mut blocks = vec![
        resource("cloudflare_load_balancer_monitor", "origins", monitor),
        resource("cloudflare_load_balancer_pool", "origins", pool),
    ];
    for one in balancer["load_balancers"].as_array().into_iter().flatten() {
        let pools = "cloudflare_load_balancer_pool.origins.id";
        let mut attributes: Vec<_> = std::iter::once(zone_id()).chain(members(one)).collect();
        attributes.push(reference("default_pools", format!("[{pools}]")));
        // Takes the visitors even when nobody of it is well: better a slow site than none.
        attributes.push(reference("fallback_pool", pools));
        let name = one["name"].as_str().unwrap_or_default().replace(['.', '-'], "_");
        blocks.push(resource("cloudflare_load_balancer", format!("host_{name}"), attributes));
    }
    blocks
}

fn dns_record(zone: &ZoneRecords, record: &Value) -> Block {
    let zone_id = reference("zone_id", format!("var.{}", zone.variable));
    let attributes = std::iter::once(zone_id).chain(members(record)).collect();
    resource("cloudflare_dns_record", record_address(record), attributes)
}

/// A Terraform address that depends on the record alone, so that a new record moves no other.
pub(super) fn record_address(record: &Value) -> String {
    let member = |key: &str| record[key].as_str().unwrap_or_default();
    let digest = Sha256::digest(format!("{} {}{}", member("name"), member("content"), record["data"]));
    let digest = data_encoding::HEXLOWER.encode(&digest[..4]);
    let name = member("name").replace('.', "_").replace('*', "wildcard");
    format!("{}_{name}_{digest}", member("type").to_ascii_lowercase())
}
