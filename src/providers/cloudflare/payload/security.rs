//! The payloads that filter: lists, custom rules, limits, managed rules, response headers.

use ipnet::IpNet;
use serde::Deserialize;

use super::Read;
use crate::providers::cloudflare::COUNTED_SECONDS;
use crate::providers::cloudflare::firewall::{CustomAction, CustomRule, HeaderRule, LimitRule, ManagedRule, Skips};
use crate::providers::cloudflare::language::Lists;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListJson {
    name: String,
    kind: String,
    #[serde(rename = "description", default)]
    _description: Option<String>,
    items: Vec<ItemJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemJson {
    ip: String,
}

pub(super) fn lists(listed: Vec<ListJson>) -> Result<Lists, String> {
    let mut lists = Lists::new();
    for list in listed {
        let name = list.name;
        if list.kind != "ip" {
            return Err(format!("the list {name} is of the kind `{}`, golive knows lists of addresses", list.kind));
        }
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !plain || name.is_empty() || name.len() > 50 {
            return Err(format!("`{name}` is no name of a list: lower-case letters, digits and `_`, at most 50"));
        }
        let mut items: Vec<IpNet> = Vec::new();
        for ItemJson { ip } in list.items {
            let item = ip.parse().or_else(|_| ip.parse::<std::net::IpAddr>().map(IpNet::from));
            items.push(item.map_err(|_| format!("the list {name} holds `{ip}`, which is no address"))?);
        }
        if lists.insert(name.clone(), items).is_some() {
            return Err(format!("two lists are called {name}"));
        }
    }
    Ok(lists)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomJson {
    #[serde(default)]
    ruleset: Option<String>,
    #[serde(default)]
    phases: Vec<String>,
    #[serde(rename = "products", default)]
    _products: Vec<String>,
}

pub(super) fn custom(read: Read<CustomJson>) -> Result<CustomRule, String> {
    let action = match (read.action.as_str(), read.parameters) {
        ("block", None) => CustomAction::Block,
        ("managed_challenge" | "js_challenge" | "challenge", None) => CustomAction::Challenge,
        ("log", None) => CustomAction::Log,
        ("skip", Some(parameters)) => CustomAction::Skip(skips(&parameters)?),
        (action, _) => return Err(format!("`{action}` with these parameters is no action of this phase")),
    };
    Ok(CustomRule { name: read.name, condition: read.condition, action })
}

fn skips(parameters: &CustomJson) -> Result<Skips, String> {
    let mut skips = Skips { custom: false, limits: false, managed: false };
    match parameters.ruleset.as_deref() {
        Some("current") => skips.custom = true,
        None => {}
        Some(other) => return Err(format!("`{other}` is no ruleset that can be skipped")),
    }
    for phase in &parameters.phases {
        match phase.as_str() {
            "http_ratelimit" => skips.limits = true,
            "http_request_firewall_managed" => skips.managed = true,
            // The bot fight is not played.
            "http_request_sbfm" => {}
            other => return Err(format!("the phase `{other}` cannot be skipped")),
        }
    }
    Ok(skips)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManagedJson {
    id: String,
    #[serde(default)]
    overrides: Option<OverridesJson>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct OverridesJson {
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    enabled: Option<bool>,
}

pub(super) fn managed(read: Read<ManagedJson>) -> Result<ManagedRule, String> {
    let parameters = read.parameters.filter(|_| read.action == "execute").ok_or("a managed ruleset is executed")?;
    let overrides = parameters.overrides.unwrap_or_default();
    let only_logs = match overrides.action.as_deref() {
        None | Some("block") => false,
        Some("log") => true,
        Some(other) => return Err(format!("golive does not know how the override `{other}` acts")),
    };
    let known = ["efb7b8c949ac4650a09736fc376e9aee", "4814384a9e5d4991b9815dcfc25d2f1f"];
    if !known.contains(&parameters.id.as_str()) {
        return Err(format!("golive knows no managed ruleset `{}`", parameters.id));
    }
    let enabled = overrides.enabled.unwrap_or(true);
    Ok(ManagedRule { name: read.name, condition: read.condition, only_logs, enabled })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitJson {
    response: ResponseJson,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponseJson {
    status_code: u16,
    content_type: String,
    content: String,
}

/// The member `ratelimit` of a rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateJson {
    characteristics: Vec<String>,
    period: u32,
    requests_per_period: u32,
    mitigation_timeout: u32,
    #[serde(default)]
    requests_to_origin: bool,
}

pub(super) fn limit(read: Read<LimitJson>) -> Result<LimitRule, String> {
    let rate = read.rate.ok_or("no `ratelimit`")?;
    if read.action != "block" {
        return Err(format!("golive plays limits that block, not `{}`", read.action));
    }
    let mut characteristics = rate.characteristics;
    characteristics.sort();
    if characteristics != ["cf.colo.id", "ip.src"] {
        return Err("the characteristics are cf.colo.id and ip.src".to_owned());
    }
    if !COUNTED_SECONDS.contains(&rate.period) || rate.requests_per_period == 0 {
        return Err(format!("{} requests in {} s cannot be counted", rate.requests_per_period, rate.period));
    }
    if rate.requests_to_origin {
        return Err("golive plays limits that count every request, not those to the origin alone".to_owned());
    }
    if rate.mitigation_timeout == 0 {
        return Err("a limit that blocks does so for more than 0 s".to_owned());
    }
    let response = read.parameters.map(|parameters| parameters.response);
    if let Some(status) = response.as_ref().map(|response| response.status_code).filter(|s| !(400..500).contains(s)) {
        return Err(format!("a block answers 400 to 499, not {status}"));
    }
    Ok(LimitRule {
        name: read.name,
        condition: read.condition,
        requests: rate.requests_per_period,
        period: rate.period,
        blocks_for: rate.mitigation_timeout,
        status: response.as_ref().map_or(429, |response| response.status_code),
        body: response.map(|response| (response.content_type, response.content)),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeadersJson {
    headers: std::collections::BTreeMap<String, HeaderJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderJson {
    operation: String,
    #[serde(default)]
    value: Option<String>,
}

pub(super) fn headers(read: Read<HeadersJson>) -> Result<HeaderRule, String> {
    let parameters = read.parameters.filter(|_| read.action == "rewrite").ok_or("response headers are rewritten")?;
    let mut changes = Vec::new();
    for (name, header) in parameters.headers {
        let refused = |what: &str| format!("{what} of the header `{}` cannot be sent", name.escape_debug());
        let value = match (header.operation.as_str(), header.value) {
            ("set", Some(value)) => Some(value.parse().map_err(|_| refused("the value"))?),
            ("remove", None) => None,
            (operation, _) => return Err(format!("`{operation}` of {name} is neither set with a value nor remove")),
        };
        changes.push((name.to_ascii_lowercase().parse().map_err(|_| refused("the name"))?, value));
    }
    Ok(HeaderRule { name: read.name, condition: read.condition, changes })
}
