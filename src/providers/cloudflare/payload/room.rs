//! The payloads that stand before the origin: the waiting room, the load balancer, the ordered certificate.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

use crate::providers::cloudflare::firewall::Room;
use crate::providers::cloudflare::language::Condition;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoomJson {
    waiting_room: BodyJson,
    #[serde(default)]
    rules: Vec<BypassJson>,
    /// When it is the day, Cloudflare's clock decides; a rehearsal is played on the eve.
    #[serde(rename = "events", default)]
    _events: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyJson {
    name: String,
    host: String,
    path: String,
    total_active_users: u32,
    new_users_per_minute: u32,
    session_duration: u32,
    queueing_method: String,
    queueing_status_code: u16,
    suspended: bool,
    #[serde(default)]
    queue_all: bool,
    #[serde(default)]
    json_response_enabled: bool,
    /// English where nobody says so.
    #[serde(default = "english")]
    default_template_language: String,
    cookie_attributes: CookieJson,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CookieJson {
    samesite: String,
    secure: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BypassJson {
    action: String,
    #[serde(rename = "description", default)]
    _description: Option<String>,
    expression: String,
}

/// Those of the two that golive writes: Cloudflare has more.
const TEMPLATE_LANGUAGES: [&str; 2] = ["en-US", "fr-FR"];

fn english() -> String {
    TEMPLATE_LANGUAGES[0].to_owned()
}

pub(super) fn room(json: RoomJson) -> Result<Room, String> {
    let body = json.waiting_room;
    for (what, users) in
        [("total_active_users", body.total_active_users), ("new_users_per_minute", body.new_users_per_minute)]
    {
        if !(200..=2_147_483_647).contains(&users) {
            return Err(format!("{what} is {users}: 200 to 2147483647"));
        }
    }
    if body.new_users_per_minute > body.total_active_users {
        return Err("more new users a minute than users in all".to_owned());
    }
    if !(1..=30).contains(&body.session_duration) {
        return Err(format!("a session lasts 1 to 30 minutes, not {}", body.session_duration));
    }
    if ![200, 202, 429].contains(&body.queueing_status_code) {
        return Err(format!("{} is no status of a waiting page", body.queueing_status_code));
    }
    if !["fifo", "random", "passthrough", "reject"].contains(&body.queueing_method.as_str()) {
        return Err(format!("`{}` is no way to queue", body.queueing_method));
    }
    let one_of = |what: &str, value: &str, known: &[&str]| match known.contains(&value) {
        true => Ok(()),
        false => Err(format!("`{value}` is no value of {what}")),
    };
    one_of("samesite", &body.cookie_attributes.samesite, &["auto", "lax", "none", "strict"])?;
    one_of("secure", &body.cookie_attributes.secure, &["auto", "always", "never"])?;
    one_of("default_template_language", &body.default_template_language, &TEMPLATE_LANGUAGES)?;
    let mut bypass = Vec::new();
    for rule in json.rules {
        if rule.action != "bypass_waiting_room" {
            return Err(format!("`{}` is no action of a waiting room's rule", rule.action));
        }
        let condition = Condition::parse(&rule.expression);
        bypass.push(condition.map_err(|error| format!("the bypass is refused {error}"))?);
    }
    Ok(Room {
        name: body.name,
        host: body.host,
        path: body.path,
        status: body.queueing_status_code,
        suspended: body.suspended,
        holds_all: body.queue_all,
        answers_json: body.json_response_enabled,
        language: body.default_template_language,
        secure_cookie: body.cookie_attributes.secure != "never",
        bypass,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BalancerJson {
    #[serde(rename = "monitor")]
    _monitor: Value,
    pool: PoolJson,
    load_balancers: Vec<NamedJson>,
}

#[derive(Deserialize)]
struct PoolJson {
    origins: Vec<OriginJson>,
}

#[derive(Deserialize)]
struct OriginJson {
    address: IpAddr,
    enabled: bool,
    weight: f64,
}

#[derive(Deserialize)]
struct NamedJson {
    name: String,
    /// Cloudflare's default: neither filter nor cache.
    #[serde(default)]
    proxied: bool,
}

/// Each name, whether it is proxied, and where it leads. Health is not played: every origin that is switched on is well.
pub(super) fn balancer(json: BalancerJson) -> Vec<(String, bool, Vec<IpAddr>)> {
    let origins = json.pool.origins.into_iter().filter(|origin| origin.enabled && origin.weight > 0.0);
    let origins: Vec<IpAddr> = origins.map(|origin| origin.address).collect();
    json.load_balancers.into_iter().map(|one| (one.name, one.proxied, origins.clone())).collect()
}
