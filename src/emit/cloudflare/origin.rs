//! What stands between the visitor and the origins, as Cloudflare takes it: the waiting room, the load balancer, the
//! ordered certificate.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::blueprint::value::HostName;
use crate::concerns::fragment::{CertificatePack, LoadBalancer, WaitingRoom, pool_name};
use crate::emit::expression;

/// `{ waiting_room, rules, events }`: three calls of the API. A member that would say nothing is left out: an empty
/// one differs at every plan of Terraform.
pub fn room(room: &WaitingRoom) -> Value {
    let mut body = json!({
        "name": room.name.as_str(),
        "host": room.host.as_str(),
        "path": room.path.as_str(),
        "total_active_users": room.limits.total_active_users,
        "new_users_per_minute": room.limits.new_users_per_minute,
        "session_duration": room.session_minutes,
        "queueing_method": room.method.as_str(),
        "queueing_status_code": room.status,
        "suspended": room.suspended,
        "default_template_language": room.language.tag(),
        "cookie_attributes": { "samesite": "auto", "secure": "auto" },
    });
    if room.json {
        body["json_response_enabled"] = json!(true);
    }
    let mut whole = json!({ "waiting_room": body });
    if let Some(bypass) = &room.bypass {
        whole["rules"] = json!([{
            "action": "bypass_waiting_room",
            "description": "Who never waits",
            "expression": expression::write(bypass),
        }]);
    }
    if !room.events.is_empty() {
        whole["events"] = room
            .events
            .iter()
            .map(|event| {
                let mut body = json!({ "name": event.name.as_str() });
                if let Some(prequeue) = event.prequeue {
                    body["prequeue_start_time"] = json!(utc(prequeue));
                }
                body["event_start_time"] = json!(utc(event.start));
                body["event_end_time"] = json!(utc(event.end));
                body["total_active_users"] = json!(event.limits.total_active_users);
                body["new_users_per_minute"] = json!(event.limits.new_users_per_minute);
                if event.prequeue.is_some() {
                    body["shuffle_at_event_start"] = json!(true);
                }
                body
            })
            .collect();
    }
    whole
}

/// In UTC and without a fraction, as Cloudflare answers it: any other form differs at every plan of Terraform.
pub fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `{ monitor, pool, load_balancers }`: calls of the API, each with the id that the one before it gave.
pub fn balancer(balancer: &LoadBalancer) -> Value {
    let first = balancer.hosts.first().map_or("", |host| host.as_str());
    // Sorted by name, or the origins differ at every plan of Terraform. No `header`: it would put one name in the place
    // of the Host that the visitor asked for.
    let origins = balancer.origins.iter().enumerate().map(|(at, address)| {
        let name = format!("origin-{:02}", at + 1);
        json!({ "name": name, "address": address.to_string(), "enabled": true, "weight": 1 })
    });
    let origins: Vec<Value> = origins.collect();
    let mut pool = json!({ "name": pool_name(first), "minimum_origins": 1 });
    if !balancer.check_regions.is_empty() {
        pool["check_regions"] = json!(balancer.check_regions);
    }
    pool["origins"] = json!(origins);
    // Not proxied, which is the default, it would be DNS alone: neither filter nor cache.
    let each = |host: &HostName| json!({ "name": host.as_str(), "proxied": true, "steering_policy": "off", "session_affinity": "none" });
    json!({
        "monitor": {
            "type": "https",
            "description": format!("health of the origins of {first}"),
            "path": balancer.health_path.as_str(),
            "port": 443,
            "expected_codes": "200",
            "header": { "Host": [first] },
            "interval": balancer.interval_seconds,
            "consecutive_down": 2,
            "consecutive_up": 2,
        },
        "pool": pool,
        "load_balancers": balancer.hosts.iter().map(each).collect::<Vec<_>>(),
    })
}

pub fn certificate(pack: &CertificatePack) -> Value {
    let mut hosts: Vec<&str> = pack.hosts.iter().map(|host| host.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    json!({
        "type": "advanced",
        "certificate_authority": pack.authority.as_str(),
        "validation_method": "txt",
        "validity_days": pack.validity_days,
        "hosts": hosts,
    })
}
