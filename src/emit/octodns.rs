//! octoDNS: the zones that you run through it, as its YAML (octoDNS 1.x, `provider/yaml.py`, `record/`).
//!
//! SOA and the zone's own NS records are left out: octoDNS then leaves the provider's alone. Texts are written as JSON
//! strings, which are YAML's double-quoted ones.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::zone::{ZonePlan, rooted, type_name};
use super::{Artifact, Clash};
use crate::concerns::dns::RunBy;
use crate::concerns::fragment::ZoneRecord;
use crate::probe::RecordData;

/// Secrets come from the environment; `directory` is that of the call.
const HEAD: &str = r#"---
# octoDNS for the zones that it runs. Written by golive from the blueprint. In this folder:
#   octodns-validate --config-file=config.yaml
#   octodns-sync --config-file=config.yaml          shows what would change
#   octodns-sync --config-file=config.yaml --doit   changes it
providers:
  golive:
    class: octodns.provider.yaml.YamlProvider
    directory: .
    enforce_order: false
    escaped_semicolons: false
  # Dynamic updates (RFC 2136), which BIND, Knot and PowerDNS take. For another provider put its class and its keys here.
  target:
    class: octodns_bind.Rfc2136Provider
    host: env/OCTODNS_HOST
    key_name: env/OCTODNS_KEY_NAME
    key_secret: env/OCTODNS_KEY_SECRET
processors:
  # The zone may hold more than golive knows of: what golive did not write is neither changed nor removed.
  ownership:
    class: octodns.processor.ownership.OwnershipProcessor
    txt_value: golive
zones:
"#;

/// The configuration and one file a zone; nothing where octoDNS runs no zone.
///
/// # Errors
///
/// Data that octoDNS has no way to write.
pub fn artifacts(plans: &[ZonePlan<'_>]) -> (Vec<Artifact>, Vec<Clash>) {
    let mut config = HEAD.to_owned();
    let mut artifacts = Vec::new();
    let mut clashes = Vec::new();
    for plan in plans.iter().filter(|plan| plan.zone.run_by == RunBy::Octodns) {
        let name = &plan.zone.name;
        config.push_str(&format!(
            "  {}:\n    sources: [golive]\n    processors: [ownership]\n    targets: [target]\n",
            json!(format!("{name}."))
        ));
        match zone(plan) {
            Ok(text) => artifacts.push(Artifact { path: format!("dns/octodns/{name}.yaml"), text }),
            Err(why) => clashes.push(Clash(format!("dns: {name}: {why}"))),
        }
    }
    if !artifacts.is_empty() {
        artifacts.push(Artifact { path: "dns/octodns/config.yaml".to_owned(), text: config });
    }
    (artifacts, clashes)
}

fn zone(plan: &ZonePlan<'_>) -> Result<String, String> {
    let mut sets: BTreeMap<(&str, &str), Vec<&ZoneRecord>> = BTreeMap::new();
    for record in &plan.records {
        sets.entry((relative(&record.name, plan), type_name(&record.data))).or_default().push(record);
    }
    // octoDNS takes an empty document for a broken one.
    let mut out = if sets.is_empty() { "--- {}\n".to_owned() } else { "---\n".to_owned() };
    let mut owner = None;
    for ((name, kind), records) in sets {
        if owner != Some(name) {
            out.push_str(&format!("{}:\n", json!(name)));
            owner = Some(name);
        }
        let ttl = records.first().map_or(0, |record| record.ttl.get());
        out.push_str(&format!("  - type: {kind}\n    ttl: {ttl}\n"));
        match records.as_slice() {
            [alias] if kind == "CNAME" => out.push_str(&format!("    value: {}\n", value(&alias.data)?)),
            _ => {
                out.push_str("    values:\n");
                for record in records {
                    out.push_str(&format!("      - {}\n", value(&record.data)?));
                }
            }
        }
    }
    Ok(out)
}

/// The owner below the zone's name; empty for the zone itself.
fn relative<'a>(name: &'a str, plan: &ZonePlan<'_>) -> &'a str {
    name.strip_suffix(plan.zone.name.as_str()).map_or(name, |owner| owner.trim_end_matches('.'))
}

fn value(data: &RecordData) -> Result<Value, String> {
    Ok(match data {
        RecordData::A(address) => json!(address.to_string()),
        RecordData::Aaaa(address) => json!(address.to_string()),
        RecordData::Cname(name) | RecordData::Ns(name) | RecordData::Ptr(name) => json!(rooted(name)),
        RecordData::Txt(text) => match why_not(text) {
            None => json!(text),
            Some(why) => return Err(format!("octoDNS would change the text {text:?}: {why}")),
        },
        RecordData::Mx { preference, exchange } => json!({ "preference": preference, "exchange": rooted(exchange) }),
        RecordData::Caa { critical, tag, value } => {
            json!({ "flags": u8::from(*critical) << 7, "tag": tag, "value": value })
        }
        RecordData::Srv { priority, weight, port, target } => {
            json!({ "priority": priority, "weight": weight, "port": port, "target": rooted(target) })
        }
        RecordData::Soa(_) | RecordData::Dnssec(_) | RecordData::Other(_) => {
            return Err("no record of this type can be asked for".to_owned());
        }
    })
}

/// What octoDNS 1.22 cannot carry in a TXT record (`record/chunked.py`): it refuses what is not ASCII, takes quotes at
/// the start and `" "` inside for its own, and its providers differ in what they make of a backslash.
pub fn why_not(text: &str) -> Option<&'static str> {
    if !text.is_ascii() {
        Some("it takes ASCII only")
    } else if text.starts_with('"') || text.contains("\" \"") {
        Some("it takes these quotes for its own")
    } else if text.contains('\\') {
        Some("a backslash is its escape")
    } else {
        None
    }
}
