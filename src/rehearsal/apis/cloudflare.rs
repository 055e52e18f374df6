//! Cloudflare's API, reads alone, with zones and lists by name (see [`crate::probe::ApiProbe`]).

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Bodies by path, of the zone itself, which no file orders, and of its payloads. A payload that is no JSON answers nothing: the edge refuses it by name
/// when it starts.
pub fn bodies(zone: &str, itself: Value, files: &BTreeMap<String, String>) -> BTreeMap<String, Value> {
    let mut bodies = BTreeMap::new();
    let mut answer = |path: String, result: Value| {
        let result = json!({ "success": true, "errors": [], "messages": [], "result": result });
        bodies.insert(path, result);
    };
    answer(format!("/zones/{zone}"), itself);
    for (file, text) in files {
        let Ok(payload) = serde_json::from_str::<Value>(text) else { continue };
        let Some(name) = file.strip_prefix("cloudflare/").and_then(|name| name.strip_suffix(".json")) else { continue };
        match name {
            "settings" => {
                for setting in payload.as_array().into_iter().flatten() {
                    let id = setting["id"].as_str().unwrap_or_default();
                    answer(format!("/zones/{zone}/settings/{id}"), setting.clone());
                }
            }
            "lists" => {
                for list in payload.as_array().into_iter().flatten() {
                    let name = list["name"].as_str().unwrap_or_default();
                    answer(format!("/accounts/{zone}/rules/lists/{name}/items"), list["items"].clone());
                }
            }
            "waiting_room" => {
                let room = &payload["waiting_room"];
                let name = room["name"].as_str().unwrap_or_default();
                answer(format!("/zones/{zone}/waiting_rooms"), json!([room]));
                for part in ["rules", "events"] {
                    let held = payload.get(part).cloned().unwrap_or(json!([]));
                    answer(format!("/zones/{zone}/waiting_rooms/{name}/{part}"), held);
                }
            }
            "certificate_pack" => {
                let mut pack = payload.clone();
                pack["status"] = json!("active");
                answer(format!("/zones/{zone}/ssl/certificate_packs?status=all"), json!([pack]));
            }
            "load_balancer" => {
                let pool = &payload["pool"];
                let name = pool["name"].as_str().unwrap_or_default();
                answer(format!("/accounts/{zone}/load_balancers/pools/{name}"), pool.clone());
            }
            phase if payload["phase"] == phase => {
                answer(format!("/zones/{zone}/rulesets/phases/{phase}/entrypoint"), payload);
            }
            _ => {}
        }
    }
    bodies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_read_back_by_name() {
        let files = [
            ("cloudflare/settings.json", json!([{ "id": "ssl", "value": "strict" }])),
            ("cloudflare/http_ratelimit.json", json!({ "phase": "http_ratelimit", "rules": [] })),
            ("cloudflare/lists.json", json!([{ "name": "friends", "items": [{ "ip": "192.0.2.1" }] }])),
            ("cloudflare/dns_records.json", json!([])),
        ];
        let files = files.map(|(path, value)| (path.to_owned(), value.to_string())).into();
        let bodies = bodies("example.org", json!({ "type": "full" }), &files);
        let paths: Vec<&str> = bodies.keys().map(String::as_str).collect();
        let wanted = [
            "/accounts/example.org/rules/lists/friends/items",
            "/zones/example.org",
            "/zones/example.org/rulesets/phases/http_ratelimit/entrypoint",
            "/zones/example.org/settings/ssl",
        ];
        assert_eq!(paths, wanted);
        assert_eq!(bodies["/zones/example.org/settings/ssl"]["result"]["value"], "strict");
    }
}
