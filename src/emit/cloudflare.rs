//! Cloudflare: one model of settings, rules and records, written both as API payloads and as Terraform, so that
//! the two cannot disagree. The model is the JSON that the API takes; Terraform's provider (v5) uses the same
//! names.

mod origin;
mod security;
mod terraform;

use serde_json::{Map, Value, json};

pub use origin::utc;
pub use security::blocks_for;
pub use terraform::terraform;

use super::zone::{ZonePlan, text, type_name};
use super::{Artifact, Asked, Clash, Slots, expression};
use crate::blueprint::Site;
use crate::blueprint::value::HostName;
use crate::concerns::cdn::Cdn;
use crate::concerns::dns::RunBy;
use crate::concerns::fragment::{CacheRule, CdnRecord, Expression, RedirectRule, SettingValue, Store, WaitingRoom};
use crate::language::Language;
use crate::probe::RecordData;

/// What Cloudflare accepts as a rule's condition, in characters. Unverified: no public page was found.
const LONGEST_EXPRESSION: usize = 4096;
/// TTL of a record that is not proxied, in seconds; 1 means "automatic" (API reference, dns_records).
const RECORD_TTL: std::ops::RangeInclusive<u32> = 60..=86_400;

/// All that Cloudflare is told.
#[derive(Debug, Default)]
pub struct CloudflarePlan {
    settings: Vec<Setting>,
    rulesets: Vec<Ruleset>,
    lists: Vec<Value>,
    room: Option<Room>,
    balancer: Option<Value>,
    certificate: Option<Value>,
    zones: Vec<ZoneRecords>,
}

impl CloudflarePlan {
    /// Whether something of it is kept in the account and not in a zone.
    fn needs_account(&self) -> bool {
        !self.lists.is_empty() || self.balancer.is_some()
    }
}

/// The waiting room as the API takes it, and whether its numbers are changed on the night.
#[derive(Debug)]
struct Room {
    body: Value,
    has_steps: bool,
}

#[derive(Debug)]
struct Setting {
    id: &'static str,
    value: Value,
    why: String,
}

/// The entry point of a phase: there is one a zone (facts: creating a second fails with 20217).
#[derive(Debug)]
struct Ruleset {
    phase: &'static str,
    resource: &'static str,
    rules: Vec<Value>,
}

/// Records that Cloudflare keeps for one of its zones.
#[derive(Debug)]
struct ZoneRecords {
    zone: HostName,
    /// Terraform variable that holds the zone's id.
    variable: String,
    payload_path: String,
    records: Vec<Value>,
}

/// Builds the model.
///
/// # Errors
///
/// Two values for one setting, two rules or lists of one name, a record both proxied and not, two waiting rooms, an
/// expression, a period or a TTL that Cloudflare refuses.
pub fn plan(cdn: Option<&Cdn>, site: &Site, slots: &Slots, zones: &[ZonePlan<'_>]) -> (CloudflarePlan, Vec<Clash>) {
    let mut clashes = Vec::new();
    let mut plan = CloudflarePlan::default();
    for Asked { by, what } in &slots.zone_settings {
        let value = setting_value(&what.value);
        match plan.settings.iter().find(|present| present.id == what.id) {
            Some(present) if present.value != value => {
                clashes.push(Clash(format!("{by}: setting {} is {} and {value}", what.id, present.value)));
            }
            Some(_) => {}
            None => plan.settings.push(Setting { id: what.id, value, why: what.why.clone() }),
        }
    }

    let mut cache_rules: Vec<&Asked<CacheRule>> = slots.cache_rules.iter().collect();
    cache_rules.sort_by(|a, b| (a.what.order, &a.what.name).cmp(&(b.what.order, &b.what.name)));
    let cache = Ruleset {
        phase: "http_request_cache_settings",
        resource: "cache",
        rules: cache_rules.iter().map(|asked| cache_rule(&asked.what)).collect(),
    };
    let redirects = Ruleset {
        phase: "http_request_dynamic_redirect",
        resource: "redirects",
        rules: slots.redirect_rules.iter().map(|asked| redirect_rule(&asked.what)).collect(),
    };
    let cdn_plan = cdn.map(|cdn| cdn.plan);
    let served = Expression::served(site);
    let custom = security::custom(&slots.custom_rules, cdn_plan);
    let managed = security::managed(&slots.managed_rules);
    let (limits, refused) = security::limits(&slots.rate_limits, &served, cdn_plan, &site.fingerprinted_paths);
    clashes.extend(refused);
    let (headers, refused) = security::headers(&slots.response_headers, &served);
    clashes.extend(refused);
    let all = [cache, redirects, custom, limits, managed, headers];
    plan.rulesets = all.into_iter().filter(|ruleset| !ruleset.rules.is_empty()).collect();
    for ruleset in &plan.rulesets {
        clashes.extend(rule_clashes(ruleset));
    }

    for Asked { by, what } in &slots.address_lists {
        if plan.lists.iter().any(|list| list["name"] == what.name.as_str()) {
            clashes.push(Clash(format!("{by}: two lists are called {}", what.name)));
        }
        plan.lists.push(security::list(what));
    }
    plan.room = sole("waiting room", &slots.waiting_rooms, &mut clashes)
        .map(|room: &WaitingRoom| Room { body: origin::room(room), has_steps: room.has_steps });
    for Asked { by, what } in &slots.load_balancers {
        clashes.extend(what.hosts.iter().filter_map(|host| rival(by, host, zones)));
    }
    plan.balancer = sole("load balancer", &slots.load_balancers, &mut clashes).map(origin::balancer);
    plan.certificate = sole("edge certificate", &slots.certificate_packs, &mut clashes).map(origin::certificate);

    let (records, record_clashes) = zone_records(cdn, &slots.cdn_records, zones);
    plan.zones = records;
    clashes.extend(record_clashes);
    (plan, clashes)
}

/// Of something that a zone has once: the first, and a clash for each other.
fn sole<'a, T>(what: &str, asked: &'a [Asked<T>], clashes: &mut Vec<Clash>) -> Option<&'a T> {
    let (first, others) = asked.split_first()?;
    clashes.extend(others.iter().map(|other| Clash(format!("{} and {} ask for a {what}", first.by, other.by))));
    Some(&first.what)
}

fn setting_value(value: &SettingValue) -> Value {
    match value {
        SettingValue::Text(text) => json!(text),
        SettingValue::Number(number) => json!(number),
        // Whole, as the API answers it: a missing member would differ at every plan.
        SettingValue::Hsts { max_age, include_subdomains } => json!({
            "strict_transport_security": {
                "enabled": true,
                "max_age": max_age.get(),
                "include_subdomains": include_subdomains,
                "preload": false,
                "nosniff": false,
            }
        }),
    }
}

fn cache_rule(rule: &CacheRule) -> Value {
    let parameters = match rule.store {
        Store::No => json!({ "cache": false }),
        Store::Yes { edge_ttl, ignore_query } => {
            // Everything that a weaker rule may have set is set again: matching rules stack, setting by setting.
            let mut parameters = json!({
                "cache": true,
                "edge_ttl": match edge_ttl {
                    Some(ttl) => json!({ "mode": "override_origin", "default": ttl.get() }),
                    None => json!({ "mode": "bypass_by_default" }),
                },
                "browser_ttl": { "mode": "respect_origin" },
                "serve_stale": { "disable_stale_while_updating": false },
            });
            if ignore_query {
                parameters["cache_key"] = json!({ "custom_key": { "query_string": { "exclude": { "all": true } } } });
            }
            parameters
        }
    };
    json!({
        "ref": rule.name,
        "description": rule.description,
        "expression": expression::write(&rule.expression),
        "action": "set_cache_settings",
        "action_parameters": parameters,
    })
}

fn redirect_rule(rule: &RedirectRule) -> Value {
    let scheme = if rule.to_https { "https://" } else { "http://" };
    let target = format!("concat({}, http.host, http.request.uri.path)", expression::quoted(scheme));
    json!({
        "ref": rule.name,
        "description": rule.description,
        "expression": expression::write(&rule.expression),
        "action": "redirect",
        "action_parameters": {
            "from_value": {
                "status_code": rule.status,
                "target_url": { "expression": target },
                "preserve_query_string": true,
            }
        },
    })
}

fn rule_clashes(ruleset: &Ruleset) -> Vec<Clash> {
    let mut clashes = Vec::new();
    let member = |rule: &Value, key: &str| rule[key].as_str().unwrap_or_default().to_owned();
    for (at, rule) in ruleset.rules.iter().enumerate() {
        let name = member(rule, "ref");
        if ruleset.rules[..at].iter().any(|earlier| member(earlier, "ref") == name) {
            clashes.push(Clash(format!("{}: two rules are called {name}", ruleset.phase)));
        }
        let length = member(rule, "expression").chars().count();
        if length > LONGEST_EXPRESSION {
            clashes.push(Clash(format!(
                "{}: the condition of rule {name} has {length} characters, more than {LONGEST_EXPRESSION}",
                ruleset.phase
            )));
        }
    }
    clashes
}

/// Records by zone: what the CDN needs in its own zone, and the public records of the zones it runs.
fn zone_records(
    cdn: Option<&Cdn>,
    cdn_records: &[Asked<CdnRecord>],
    zones: &[ZonePlan<'_>],
) -> (Vec<ZoneRecords>, Vec<Clash>) {
    let mut clashes = Vec::new();
    let mut all = Vec::new();
    if let Some(cdn) = cdn {
        let mut records: Vec<Value> = Vec::new();
        for Asked { by, what } in cdn_records {
            let mut record = record_value(what.name.as_str(), &what.data);
            record.insert("proxied".to_owned(), json!(what.proxied));
            // A proxied record has no TTL of its own; anything else but 1 differs at every plan.
            record.insert("ttl".to_owned(), json!(1));
            record.insert("comment".to_owned(), json!(what.comment));
            clashes.extend(rival(by, &what.name, zones));
            records.push(Value::Object(record));
        }
        all.push(ZoneRecords {
            zone: cdn.zone.clone(),
            variable: "cloudflare_zone_id".to_owned(),
            payload_path: "cloudflare/dns_records.json".to_owned(),
            records,
        });
    }
    for plan in zones.iter().filter(|plan| plan.zone.run_by == RunBy::Cloudflare) {
        let mut records = Vec::new();
        for record in &plan.records {
            if !RECORD_TTL.contains(&record.ttl.get()) {
                clashes.push(Clash(format!(
                    "{} {} has TTL {}: Cloudflare takes {} to {} seconds",
                    record.name,
                    type_name(&record.data),
                    record.ttl,
                    RECORD_TTL.start(),
                    RECORD_TTL.end()
                )));
            }
            let mut value = record_value(&record.name, &record.data);
            value.insert("proxied".to_owned(), json!(false));
            value.insert("ttl".to_owned(), json!(record.ttl.get()));
            value.insert("comment".to_owned(), json!(shortened(record.why.told_in(Language::En))));
            records.push(Value::Object(value));
        }
        match all.iter_mut().find(|present| present.zone == plan.zone.name) {
            Some(present) => present.records.extend(records),
            None => all.push(ZoneRecords {
                zone: plan.zone.name.clone(),
                variable: format!("cloudflare_zone_id_{}", plan.zone.name.as_str().replace('.', "_")),
                payload_path: format!("cloudflare/dns_records.{}.json", plan.zone.name),
                records,
            }),
        }
    }
    (all, clashes)
}

/// A public record that would lead visitors past the CDN.
fn rival(by: &str, name: &HostName, zones: &[ZonePlan<'_>]) -> Option<Clash> {
    let rival = zones
        .iter()
        .filter(|plan| plan.zone.run_by == RunBy::Cloudflare)
        .flat_map(|plan| &plan.records)
        .find(|rival| rival.name == name.as_str() && is_address(&rival.data))?;
    Some(Clash(format!(
        "{by} sends {name} through the CDN, another concern points it at {} ({})",
        text(&rival.data),
        rival.why.told_in(Language::En)
    )))
}

fn is_address(data: &RecordData) -> bool {
    matches!(data, RecordData::A(_) | RecordData::Aaaa(_) | RecordData::Cname(_))
}

fn record_value(name: &str, data: &RecordData) -> Map<String, Value> {
    let mut record = Map::new();
    record.insert("type".to_owned(), json!(type_name(data)));
    record.insert("name".to_owned(), json!(name));
    match data {
        RecordData::Caa { critical, tag, value } => {
            let data = json!({ "flags": u8::from(*critical) << 7, "tag": tag, "value": value });
            record.insert("data".to_owned(), data);
        }
        RecordData::Mx { preference, exchange } => {
            record.insert("content".to_owned(), json!(exchange));
            record.insert("priority".to_owned(), json!(preference));
        }
        RecordData::Cname(target) | RecordData::Ns(target) | RecordData::Ptr(target) => {
            record.insert("content".to_owned(), json!(target));
        }
        RecordData::Srv { priority, weight, port, target } => {
            let data = json!({ "priority": priority, "weight": weight, "port": port, "target": target });
            record.insert("data".to_owned(), data);
        }
        RecordData::A(_)
        | RecordData::Aaaa(_)
        | RecordData::Txt(_)
        | RecordData::Soa(_)
        | RecordData::Dnssec(_)
        | RecordData::Other(_) => {
            record.insert("content".to_owned(), json!(text(data)));
        }
    }
    record
}

/// Cloudflare keeps 100 characters of a comment on its smallest plan.
fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

/// The payloads, as the API takes them.
pub fn payloads(plan: &CloudflarePlan) -> Vec<Artifact> {
    let mut artifacts = Vec::new();
    if !plan.settings.is_empty() {
        let settings: Vec<Value> = plan.settings.iter().map(|s| json!({ "id": s.id, "value": s.value })).collect();
        artifacts.push(payload("cloudflare/settings.json".to_owned(), &json!(settings)));
    }
    for ruleset in &plan.rulesets {
        let body = json!({ "name": "default", "kind": "zone", "phase": ruleset.phase, "rules": ruleset.rules });
        artifacts.push(payload(format!("cloudflare/{}.json", ruleset.phase), &body));
    }
    if !plan.lists.is_empty() {
        artifacts.push(payload("cloudflare/lists.json".to_owned(), &json!(plan.lists)));
    }
    let bodies = [
        ("waiting_room", plan.room.as_ref().map(|room| &room.body)),
        ("load_balancer", plan.balancer.as_ref()),
        ("certificate_pack", plan.certificate.as_ref()),
    ];
    for (name, body) in bodies {
        artifacts.extend(body.map(|body| payload(format!("cloudflare/{name}.json"), body)));
    }
    for zone in &plan.zones {
        artifacts.push(payload(zone.payload_path.clone(), &json!(zone.records)));
    }
    artifacts
}

fn payload(path: String, value: &Value) -> Artifact {
    Artifact { path, text: format!("{value:#}\n") }
}

#[cfg(test)]
mod tests {
    use super::terraform::record_address;
    use super::*;
    use crate::blueprint::value::Seconds;
    use crate::blueprint::{Blueprint, Site};

    /// The sample site, edited.
    fn planned(edit: impl FnOnce(String) -> String, ask: impl FnOnce(&mut Slots)) -> (CloudflarePlan, Vec<String>) {
        let source = edit(include_str!("../../blueprints/jeveuxaider.toml").to_owned());
        let blueprint: Blueprint = toml::from_str(&source).expect("a blueprint");
        let site = Site::new(&blueprint, jiff::Timestamp::UNIX_EPOCH);
        let mut slots = Slots::of(&blueprint.concerns(), &site);
        ask(&mut slots);
        let (zones, clashes) = super::super::zone::plan(&blueprint.dns, &slots.records);
        assert_eq!(clashes, []);
        let (plan, clashes) = plan(blueprint.cdn.as_ref(), &site, &slots, &zones);
        (plan, clashes.into_iter().map(|clash| clash.0).collect())
    }

    fn full(source: String) -> String {
        source.replace("run_by = \"ticket\"", "run_by = \"cloudflare\"").replace("\"partial\"", "\"full\"")
    }

    #[test]
    fn a_zone_run_by_cloudflare_gets_its_public_records() {
        let (plan, clashes) = planned(full, |_| {});
        assert_eq!(clashes, [""; 0]);
        let zones: Vec<_> = plan.zones.iter().map(|zone| (zone.variable.as_str(), zone.records.len())).collect();
        // Eight CAA records, four free ones, 22 of mail; no origin: the load balancer has those. In the other zone four
        // addresses, two CAA records, and three of mail for a domain that sends none.
        assert_eq!(zones, [("cloudflare_zone_id", 34), ("cloudflare_zone_id_jeveuxaider_gouv_fr", 9)]);
        let record = &plan.zones[1].records[0];
        assert_eq!((&record["proxied"], &record["ttl"]), (&json!(false), &json!(300)));
        let addresses: std::collections::BTreeSet<_> =
            plan.zones.iter().flat_map(|zone| &zone.records).map(record_address).collect();
        assert_eq!(addresses.len(), 34 + 9, "two records share a Terraform address");
    }

    #[test]
    fn an_edge_ttl_overrides_and_is_written() {
        let edge =
            |source: String| source.replace("max_age_seconds = 30", "max_age_seconds = 30\nedge_ttl_seconds = 60");
        let (plan, _) = planned(edge, |_| {});
        let rule = &plan.rulesets[0].rules[0];
        assert_eq!(rule["action_parameters"]["edge_ttl"], json!({ "mode": "override_origin", "default": 60 }));
    }

    #[test]
    fn rivals_are_named() {
        let (_, clashes) = planned(
            |source| source,
            |slots| {
                let mut rival = slots.zone_settings[0].clone();
                rival.by = "waf";
                rival.what.value = SettingValue::Text("flexible".to_owned());
                slots.zone_settings.push(rival);
                let mut twin = slots.cache_rules[0].clone();
                twin.what.expression = Expression::PathStartsWith("/x".repeat(3000));
                slots.cache_rules.push(twin);
            },
        );
        assert_eq!(clashes.len(), 3, "{clashes:#?}");
        assert_eq!(clashes[0], "waf: setting ssl is \"strict\" and \"flexible\"");
        assert!(clashes.iter().any(|clash| clash.contains("two rules are called")), "{clashes:#?}");
        assert!(clashes.iter().any(|clash| clash.contains("more than 4096")), "{clashes:#?}");
    }

    #[test]
    fn what_cloudflare_cannot_hold_is_refused() {
        let (_, clashes) = planned(full, |slots| {
            for asked in &mut slots.records {
                asked.what.ttl = Seconds::new(30);
            }
        });
        assert!(clashes[0].contains("has TTL 30: Cloudflare takes 60 to 86400"), "{clashes:#?}");
        let (_, clashes) = planned(full, |slots| {
            let mut rival = slots.records[0].clone();
            rival.what.name = "covid19.reserve-civique.gouv.fr".to_owned();
            rival.what.zone = "reserve-civique.gouv.fr".parse().expect("a name");
            rival.what.data = RecordData::A([192, 0, 2, 1].into());
            slots.records.push(rival);
        });
        assert!(clashes[0].contains("another concern points it at 192.0.2.1"), "{clashes:#?}");
    }
}
