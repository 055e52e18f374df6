//! The generated Cloudflare payloads, read as the API would take them, for whoever plays or predicts what they do.
//! What golive does not know is refused by name: a setting that is accepted and ignored would rehearse nothing.

mod room;
mod security;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use serde::Deserialize;

use super::caching::{BrowserTtl, EdgeTtl};
use super::firewall::{CustomRule, HeaderRule, LimitRule, ManagedRule, Room};
use super::language::{Condition, Facts, Lists, TextExpression};
use crate::probe::TlsVersion;

/// Everything the CDN was told.
#[derive(Debug)]
pub struct Payloads {
    pub settings: Settings,
    pub redirects: Vec<RedirectRule>,
    pub cache: Vec<CacheRule>,
    pub custom: Vec<CustomRule>,
    pub limits: Vec<LimitRule>,
    pub managed: Vec<ManagedRule>,
    pub headers: Vec<HeaderRule>,
    pub room: Option<Room>,
    /// Proxied names and the addresses to which they lead.
    pub hosts: HashMap<String, Vec<IpAddr>>,
    /// Names in the CDN's zone that are DNS alone.
    pub unproxied: HashMap<String, Vec<IpAddr>>,
    /// What was accepted and is not played.
    pub notes: Vec<String>,
}

/// A payload that the API, or golive, does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub file: String,
    pub message: String,
}

/// Zone settings; the defaults are Cloudflare's for a new zone (API reference, zone settings; `ssl` is a guess,
/// since Cloudflare picks it by looking at the origin).
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub always_use_https: bool,
    pub ssl: Ssl,
    /// The lowest version that visitors may speak.
    pub min_tls: TlsVersion,
    pub tls13: bool,
    pub brotli: bool,
    pub always_online: bool,
    /// Seconds; 0 respects the origin.
    pub browser_cache_ttl: u64,
    /// Value of `Strict-Transport-Security`.
    pub hsts: Option<String>,
    pub nosniff: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ssl {
    /// Plain HTTP to the origin, and to visitors too when off.
    Off,
    Flexible,
    /// As the visitor's scheme, the certificate not looked at.
    Full,
    /// As the visitor's scheme, the certificate verified.
    Strict,
}

impl Settings {
    /// The versions of TLS that the edge speaks, lowest first.
    pub fn tls_versions(&self) -> Vec<TlsVersion> {
        let is_on = |version: &TlsVersion| match version {
            // As the lowest it is on, whatever its own switch says.
            TlsVersion::Tls13 => self.tls13 || self.min_tls == TlsVersion::Tls13,
            other => *other >= self.min_tls,
        };
        TlsVersion::ALL.into_iter().filter(is_on).collect()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            always_use_https: false,
            ssl: Ssl::Full,
            min_tls: TlsVersion::Tls10,
            tls13: true,
            brotli: true,
            always_online: true,
            browser_cache_ttl: 14_400,
            hsts: None,
            nosniff: false,
        }
    }
}

#[derive(Debug)]
pub struct RedirectRule {
    /// Its `ref`, else its number.
    pub name: String,
    pub condition: Condition,
    pub target: Target,
    pub status: u16,
    pub keep_query: bool,
}

#[derive(Debug)]
pub enum Target {
    Fixed(String),
    Made(TextExpression),
}

#[derive(Debug)]
pub struct CacheRule {
    /// Its `ref`, else its number.
    pub name: String,
    pub condition: Condition,
    pub cache: Option<bool>,
    pub edge_ttl: Option<EdgeTtl>,
    pub browser_ttl: Option<BrowserTtl>,
    pub ignore_query: Option<bool>,
    /// Whether an old copy may be served while a fresh one is fetched.
    pub stale_while_updating: Option<bool>,
}

/// Where the edge itself sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirected {
    /// The rule, or the setting.
    pub by: String,
    pub status: u16,
    pub location: String,
}

const SETTINGS: &str = "cloudflare/settings.json";
const REDIRECTS: &str = "cloudflare/http_request_dynamic_redirect.json";
const CACHE: &str = "cloudflare/http_request_cache_settings.json";
const RECORDS: &str = "cloudflare/dns_records.json";
const LISTS: &str = "cloudflare/lists.json";
const CUSTOM: &str = "cloudflare/http_request_firewall_custom.json";
const LIMITS: &str = "cloudflare/http_ratelimit.json";
const MANAGED: &str = "cloudflare/http_request_firewall_managed.json";
const HEADERS: &str = "cloudflare/http_response_headers_transform.json";
const ROOM: &str = "cloudflare/waiting_room.json";
const BALANCER: &str = "cloudflare/load_balancer.json";
/// The order of a certificate: which one is served, the rehearsal decides by its own authority.
const CERTIFICATE: &str = "cloudflare/certificate_pack.json";
const KNOWN: [&str; 11] =
    [SETTINGS, REDIRECTS, CACHE, LISTS, CUSTOM, LIMITS, MANAGED, HEADERS, ROOM, BALANCER, CERTIFICATE];

impl Payloads {
    /// # Errors
    ///
    /// The first payload that is not taken, with its file and reason.
    pub fn read(files: &BTreeMap<String, String>) -> Result<Self, Refused> {
        for file in files.keys() {
            // Records of a zone that Cloudflare answers for are in its zone file too, which is what is served.
            let public = file.starts_with("cloudflare/dns_records.") && file.ends_with(".json");
            if !public && !KNOWN.contains(&file.as_str()) {
                let message = "golive does not know how this payload acts".to_owned();
                return Err(Refused { file: file.clone(), message });
            }
        }
        let mut notes = Vec::new();
        let listed: Vec<SettingJson> = json(files, SETTINGS)?.unwrap_or_default();
        let settings = settings(&listed, &mut notes).map_err(refused(SETTINGS))?;
        let lists = json(files, LISTS)?.map(security::lists).transpose().map_err(refused(LISTS))?.unwrap_or_default();
        let room = json(files, ROOM)?.map(room::room).transpose().map_err(refused(ROOM))?;
        let mut payloads = Self {
            settings,
            redirects: phase(files, REDIRECTS, &lists, redirect)?,
            cache: phase(files, CACHE, &lists, cache)?,
            custom: phase(files, CUSTOM, &lists, security::custom)?,
            limits: phase(files, LIMITS, &lists, security::limit)?,
            managed: phase(files, MANAGED, &lists, security::managed)?,
            headers: phase(files, HEADERS, &lists, security::headers)?,
            room,
            hosts: HashMap::new(),
            unproxied: HashMap::new(),
            notes,
        };
        for record in json::<Vec<RecordJson>>(files, RECORDS)?.unwrap_or_default() {
            payloads.record(record);
        }
        if let Some(json) = json(files, BALANCER)? {
            // It takes the place of the records of its name (docs, load-balancing/load-balancers/dns-records).
            for (name, proxied, origins) in room::balancer(json) {
                let table = if proxied { &mut payloads.hosts } else { &mut payloads.unproxied };
                table.insert(name, origins);
            }
        }
        Ok(payloads)
    }

    /// `always_use_https` first, then the first redirect rule that holds.
    pub fn redirect(&self, facts: &Facts<'_>) -> Option<Redirected> {
        if self.settings.always_use_https && !facts.https {
            let location = format!("https://{}{}", facts.host, facts.uri());
            return Some(Redirected { by: "always_use_https".to_owned(), status: 301, location });
        }
        let rule = self.redirects.iter().find(|rule| rule.condition.holds(facts))?;
        let mut location = match &rule.target {
            Target::Fixed(target) => target.clone(),
            Target::Made(expression) => expression.evaluate(facts),
        };
        if let (true, Some(query)) = (rule.keep_query, facts.query) {
            location.push(if location.contains('?') { '&' } else { '?' });
            location.push_str(query);
        }
        Some(Redirected { by: rule.name.clone(), status: rule.status, location })
    }

    fn record(&mut self, record: RecordJson) {
        let name = record.name.trim_end_matches('.').to_ascii_lowercase();
        let content = record.content.as_deref().unwrap_or_default();
        let address = match (record.kind.as_str(), content.parse::<IpAddr>()) {
            ("A" | "AAAA", Ok(address)) => address,
            // DNS alone: its zone file says it too, and is served.
            _ if !record.proxied => return,
            _ => {
                self.notes.push(format!("CDN record {name} {} is not played", record.kind));
                return;
            }
        };
        let table = if record.proxied { &mut self.hosts } else { &mut self.unproxied };
        table.entry(name).or_default().push(address);
    }
}

fn refused(file: &str) -> impl Fn(String) -> Refused {
    let file = file.to_owned();
    move |message| Refused { file: file.clone(), message }
}

fn json<T: for<'de> Deserialize<'de>>(files: &BTreeMap<String, String>, file: &str) -> Result<Option<T>, Refused> {
    let Some(text) = files.get(file) else { return Ok(None) };
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Refused { file: file.to_owned(), message: error.to_string() })?;
    reader.end().map_err(|error| Refused { file: file.to_owned(), message: error.to_string() })?;
    Ok(Some(value))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingJson {
    id: String,
    value: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesetJson<P> {
    #[serde(rename = "name")]
    _name: String,
    kind: String,
    phase: String,
    rules: Vec<RuleJson<P>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleJson<P> {
    #[serde(rename = "ref", default)]
    reference: Option<String>,
    #[serde(rename = "description", default)]
    _description: Option<String>,
    expression: String,
    action: String,
    #[serde(default = "Option::default")]
    action_parameters: Option<P>,
    #[serde(default)]
    ratelimit: Option<security::RateJson>,
    #[serde(default = "yes")]
    enabled: bool,
}

/// A rule whose condition was understood.
struct Read<P> {
    name: String,
    condition: Condition,
    action: String,
    parameters: Option<P>,
    rate: Option<security::RateJson>,
}

impl<P> Read<P> {
    /// Its parameters, where the phase knows one action alone.
    fn only(self, action: &str) -> Result<(String, Condition, P), String> {
        match self.parameters {
            Some(parameters) if self.action == action && self.rate.is_none() => {
                Ok((self.name, self.condition, parameters))
            }
            _ => Err(format!("the action `{}` does not belong to this phase, or lacks parameters", self.action)),
        }
    }
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RedirectJson {
    from_value: FromValueJson,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FromValueJson {
    #[serde(default = "found")]
    status_code: u16,
    #[serde(default)]
    preserve_query_string: bool,
    target_url: TargetJson,
}

/// Cloudflare's default for a redirect rule.
fn found() -> u16 {
    301
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetJson {
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    expression: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CacheJson {
    #[serde(default)]
    cache: Option<bool>,
    #[serde(default)]
    edge_ttl: Option<TtlJson>,
    #[serde(default)]
    browser_ttl: Option<TtlJson>,
    #[serde(default)]
    cache_key: Option<KeyJson>,
    #[serde(default)]
    serve_stale: Option<StaleJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TtlJson {
    mode: String,
    #[serde(default)]
    default: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyJson {
    custom_key: CustomKeyJson,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomKeyJson {
    query_string: QueryJson,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueryJson {
    exclude: ExcludeJson,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExcludeJson {
    all: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StaleJson {
    disable_stale_while_updating: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordJson {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default)]
    content: Option<String>,
    /// In the place of `content` for CAA and the like.
    #[serde(rename = "data", default)]
    _data: Option<serde_json::Value>,
    #[serde(rename = "priority", default)]
    _priority: Option<u16>,
    #[serde(default)]
    proxied: bool,
    #[serde(rename = "ttl", default)]
    _ttl: Option<u32>,
    #[serde(rename = "comment", default)]
    _comment: Option<String>,
}

/// The rules of a phase that are switched on; none where the file is not there.
fn phase<P: for<'de> Deserialize<'de>, R>(
    files: &BTreeMap<String, String>,
    file: &str,
    lists: &Lists,
    read: fn(Read<P>) -> Result<R, String>,
) -> Result<Vec<R>, Refused> {
    let Some(ruleset) = json::<RulesetJson<P>>(files, file)? else { return Ok(Vec::new()) };
    let phase = file.trim_start_matches("cloudflare/").trim_end_matches(".json");
    rules(ruleset, phase, lists, read).map_err(refused(file))
}

fn rules<P, R>(
    ruleset: RulesetJson<P>,
    phase: &str,
    lists: &Lists,
    read: fn(Read<P>) -> Result<R, String>,
) -> Result<Vec<R>, String> {
    if ruleset.kind != "zone" || ruleset.phase != phase {
        return Err(format!("expected kind `zone` and phase `{phase}`"));
    }
    let mut seen: Vec<String> = Vec::new();
    let mut read_rules = Vec::new();
    for (number, rule) in ruleset.rules.into_iter().enumerate() {
        let name = rule.reference.clone().unwrap_or_else(|| format!("number {}", number + 1));
        if let Some(reference) = rule.reference {
            if seen.contains(&reference) {
                return Err(format!("two rules have the ref `{reference}`"));
            }
            seen.push(reference);
        }
        let condition = Condition::with_lists(&rule.expression, lists)
            .map_err(|error| format!("rule {name}: the expression is refused {error}"))?;
        let rule_read = Read {
            name: name.clone(),
            condition,
            action: rule.action,
            parameters: rule.action_parameters,
            rate: rule.ratelimit,
        };
        let rule_read = read(rule_read).map_err(|error| format!("rule {name}: {error}"))?;
        if rule.enabled {
            read_rules.push(rule_read);
        }
    }
    Ok(read_rules)
}

fn redirect(read: Read<RedirectJson>) -> Result<RedirectRule, String> {
    let (name, condition, parameters) = read.only("redirect")?;
    let from = parameters.from_value;
    if ![301, 302, 303, 307, 308].contains(&from.status_code) {
        return Err(format!("{} is not the status of a redirect", from.status_code));
    }
    let target = match (from.target_url.value, from.target_url.expression) {
        (Some(value), None) => Target::Fixed(value),
        (None, Some(expression)) => {
            Target::Made(TextExpression::parse(&expression).map_err(|error| format!("the target is refused {error}"))?)
        }
        _ => return Err("the target is either a value or an expression".to_owned()),
    };
    Ok(RedirectRule { name, condition, target, status: from.status_code, keep_query: from.preserve_query_string })
}

fn cache(read: Read<CacheJson>) -> Result<CacheRule, String> {
    let (name, condition, parameters) = read.only("set_cache_settings")?;
    let seconds = |ttl: &TtlJson| ttl.default.ok_or_else(|| format!("`{}` needs a `default` in seconds", ttl.mode));
    let edge_ttl = match &parameters.edge_ttl {
        None => None,
        Some(ttl) => Some(match ttl.mode.as_str() {
            "respect_origin" => EdgeTtl::RespectOrigin,
            "bypass_by_default" => EdgeTtl::BypassByDefault,
            "override_origin" => EdgeTtl::Override(seconds(ttl)?),
            other => return Err(format!("`{other}` is no mode of edge_ttl")),
        }),
    };
    let browser_ttl = match &parameters.browser_ttl {
        None => None,
        Some(ttl) => Some(match ttl.mode.as_str() {
            "respect_origin" => BrowserTtl::RespectOrigin,
            "bypass" => BrowserTtl::Override(0),
            "override_origin" => BrowserTtl::Override(seconds(ttl)?),
            other => return Err(format!("`{other}` is no mode of browser_ttl")),
        }),
    };
    Ok(CacheRule {
        name,
        condition,
        cache: parameters.cache,
        edge_ttl,
        browser_ttl,
        ignore_query: parameters.cache_key.map(|key| key.custom_key.query_string.exclude.all),
        stale_while_updating: parameters.serve_stale.map(|stale| !stale.disable_stale_while_updating),
    })
}

fn settings(listed: &[SettingJson], notes: &mut Vec<String>) -> Result<Settings, String> {
    let mut settings = Settings::default();
    for SettingJson { id, value } in listed {
        let bad = || format!("`{value}` is no value of the setting `{id}`");
        let switch = || match value.as_str() {
            Some("on") => Ok(true),
            Some("off") => Ok(false),
            _ => Err(bad()),
        };
        match id.as_str() {
            "always_use_https" => settings.always_use_https = switch()?,
            "brotli" => settings.brotli = switch()?,
            "always_online" => settings.always_online = switch()?,
            "browser_cache_ttl" => settings.browser_cache_ttl = value.as_u64().ok_or_else(bad)?,
            "tls_1_3" => {
                settings.tls13 = match value.as_str() {
                    Some("on" | "zrt") => true,
                    Some("off") => false,
                    _ => return Err(bad()),
                }
            }
            "min_tls_version" => {
                settings.min_tls = match value.as_str() {
                    Some("1.0") => TlsVersion::Tls10,
                    Some("1.1") => TlsVersion::Tls11,
                    Some("1.2") => TlsVersion::Tls12,
                    Some("1.3") => TlsVersion::Tls13,
                    _ => return Err(bad()),
                }
            }
            "ssl" => {
                settings.ssl = match value.as_str() {
                    Some("off") => Ssl::Off,
                    Some("flexible") => Ssl::Flexible,
                    Some("full") => Ssl::Full,
                    Some("strict") => Ssl::Strict,
                    _ => return Err(bad()),
                }
            }
            "security_header" => {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Header {
                    strict_transport_security: Hsts,
                }
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields, default)]
                #[derive(Default)]
                struct Hsts {
                    enabled: bool,
                    max_age: u64,
                    include_subdomains: bool,
                    preload: bool,
                    nosniff: bool,
                }
                let header: Header = serde_json::from_value(value.clone()).map_err(|error| format!("{id}: {error}"))?;
                let hsts = header.strict_transport_security;
                let subdomains = if hsts.include_subdomains { "; includeSubDomains" } else { "" };
                let preload = if hsts.preload { "; preload" } else { "" };
                settings.hsts = hsts.enabled.then(|| format!("max-age={}{subdomains}{preload}", hsts.max_age));
                settings.nosniff = hsts.enabled && hsts.nosniff;
            }
            "http3" | "automatic_https_rewrites" | "early_hints" | "0rtt" | "development_mode" => {
                if switch()? {
                    notes.push(format!("the setting `{id}` is on and not played"));
                }
            }
            "security_level" | "cache_level" => notes.push(format!("the setting `{id}` is not played")),
            _ => return Err(format!("golive does not know how this setting acts: `{id}`")),
        }
    }
    Ok(settings)
}
