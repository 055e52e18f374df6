//! What the edge keeps and for how long: Cloudflare's documented rules as pure functions.
//!
//! Source of every rule unless said otherwise: Cloudflare docs, cache/concepts/cache-behavior, cache-control and
//! cache-responses, cache/how-to/cache-rules. Must not fetch nor keep.

use std::collections::HashMap;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, EXPIRES, SET_COOKIE};
use jiff::Timestamp;

use super::language::{Facts, extension};
use super::payload::{CacheRule, Settings};

/// How long the edge keeps an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeTtl {
    /// As the origin says, else a default by status.
    RespectOrigin,
    /// As the origin says, else not at all.
    BypassByDefault,
    /// This many seconds, whatever the origin says.
    Override(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrowserTtl {
    RespectOrigin,
    Override(u64),
}

/// What the rules and settings make of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub eligible: Eligible,
    pub edge_ttl: EdgeTtl,
    /// `None`: the zone's `browser_cache_ttl`.
    pub browser_ttl: Option<BrowserTtl>,
    pub ignore_query: bool,
    pub stale_while_updating: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eligible {
    No,
    /// By its extension, without any rule.
    ByDefault,
    ByRule,
}

/// Extensions cached without any rule (docs, cache/concepts/default-cache-behavior).
const EXTENSIONS: &str = "7z avi avif apk bin bmp bz2 class css csv doc docx dmg ejs eot eps exe flac gif gz ico iso jar \
    jpg jpeg js mid midi mkv mp3 mp4 ogg otf pdf pict pls png ppt pptx ps rar svg svgz swf tar tif tiff ttf webm \
    webp woff woff2 xls xlsx zip zst";

impl Policy {
    /// Every matching rule applies; for each setting the last one wins.
    pub fn of(rules: &[CacheRule], facts: &Facts<'_>) -> Self {
        let mut cache = None;
        let mut policy = Self {
            eligible: Eligible::No,
            edge_ttl: EdgeTtl::RespectOrigin,
            browser_ttl: None,
            ignore_query: false,
            stale_while_updating: true,
        };
        for rule in rules.iter().filter(|rule| rule.condition.holds(facts)) {
            cache = rule.cache.or(cache);
            policy.edge_ttl = rule.edge_ttl.unwrap_or(policy.edge_ttl);
            policy.browser_ttl = rule.browser_ttl.or(policy.browser_ttl);
            policy.ignore_query = rule.ignore_query.unwrap_or(policy.ignore_query);
            policy.stale_while_updating = rule.stale_while_updating.unwrap_or(policy.stale_while_updating);
        }
        let extension = extension(facts.path);
        let by_default = facts.path == "/robots.txt" || EXTENSIONS.split(' ').any(|known| known == extension);
        policy.eligible = match cache {
            _ if !matches!(facts.method, "GET" | "HEAD") => Eligible::No,
            Some(true) => Eligible::ByRule,
            Some(false) => Eligible::No,
            None if by_default => Eligible::ByDefault,
            None => Eligible::No,
        };
        policy
    }

    /// The name of the copy: the full URL, in which the order of a query counts.
    pub fn key(&self, facts: &Facts<'_>) -> String {
        match self.ignore_query {
            true => Facts { query: None, ..*facts }.full_uri(),
            false => facts.full_uri(),
        }
    }
}

/// Directives of `Cache-Control`, names in lower case.
#[derive(Debug, Default)]
pub struct Directives(HashMap<String, Option<String>>);

impl Directives {
    pub fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(CACHE_CONTROL).iter();
        let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        Self::of_text(&lines.join(","))
    }

    /// Of one value of the header.
    pub fn of_text(text: &str) -> Self {
        let mut directives = HashMap::new();
        for directive in text.split(',') {
            let (name, value) = match directive.split_once('=') {
                Some((name, value)) => (name, Some(value.trim().trim_matches('"').to_owned())),
                None => (directive, None),
            };
            let name = name.trim().to_ascii_lowercase();
            if !name.is_empty() {
                directives.entry(name).or_insert(value);
            }
        }
        Self(directives)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Seconds; a value that is no number counts as 0 (RFC 9111, section 4.2.1: treat as stale).
    pub fn seconds(&self, name: &str) -> Option<u64> {
        self.0.get(name).map(|value| value.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0))
    }
}

/// How a stored copy may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    pub fresh: Duration,
    pub stale_while_revalidate: Duration,
    pub stale_if_error: Duration,
    pub strip_cookies: bool,
}

/// Whether an answer of the origin is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Keep(Terms),
    /// Not kept, and shown as this.
    Pass(Status),
}

/// Values of `cf-cache-status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Hit,
    Miss,
    Expired,
    Stale,
    Updating,
    Revalidated,
    Bypass,
    Dynamic,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Hit => "HIT",
            Status::Miss => "MISS",
            Status::Expired => "EXPIRED",
            Status::Stale => "STALE",
            Status::Updating => "UPDATING",
            Status::Revalidated => "REVALIDATED",
            Status::Bypass => "BYPASS",
            Status::Dynamic => "DYNAMIC",
        }
    }
}

/// Judges an answer to a request that may be cached.
pub fn judge(
    policy: &Policy,
    settings: &Settings,
    authorized: bool,
    status: StatusCode,
    headers: &HeaderMap,
    now: Timestamp,
) -> Verdict {
    let said = Directives::of(headers);
    if let EdgeTtl::Override(seconds) = policy.edge_ttl {
        // Which statuses an override covers is not documented: errors of the server are left out here.
        if status.is_server_error() {
            return Verdict::Pass(Status::Miss);
        }
        return Verdict::Keep(Terms { strip_cookies: true, ..terms(policy, settings, &said, seconds) });
    }
    if said.has("no-store") || said.has("private") {
        return Verdict::Pass(Status::Bypass);
    }
    if headers.contains_key(SET_COOKIE) {
        let by_rule = policy.eligible == Eligible::ByRule;
        return Verdict::Pass(if by_rule { Status::Miss } else { Status::Bypass });
    }
    if authorized && !(said.has("public") || said.has("s-maxage") || said.has("must-revalidate")) {
        return Verdict::Pass(Status::Bypass);
    }
    if said.has("no-cache") {
        // Kept, and asked about each time.
        return Verdict::Keep(terms(policy, settings, &said, 0));
    }
    let explicit = said.seconds("s-maxage").or_else(|| said.seconds("max-age")).or_else(|| expires(headers, now));
    let by_default = match (policy.edge_ttl, status.as_u16()) {
        (EdgeTtl::RespectOrigin, 200 | 206 | 301) => Some(7200),
        (EdgeTtl::RespectOrigin, 302 | 303) => Some(1200),
        (EdgeTtl::RespectOrigin, 404 | 410) => Some(180),
        _ => None,
    };
    match explicit.or(by_default) {
        // An error is kept only where the origin gives it a life.
        Some(0) if status.is_server_error() => Verdict::Pass(Status::Miss),
        Some(seconds) => Verdict::Keep(terms(policy, settings, &said, seconds)),
        None if policy.edge_ttl == EdgeTtl::BypassByDefault => Verdict::Pass(Status::Bypass),
        None => Verdict::Pass(Status::Miss),
    }
}

fn terms(policy: &Policy, settings: &Settings, said: &Directives, fresh: u64) -> Terms {
    let banned = ["s-maxage", "must-revalidate", "proxy-revalidate", "no-cache"].into_iter().any(|name| said.has(name))
        || settings.always_online;
    let stale = |name: &str| Duration::from_secs(if banned { 0 } else { said.seconds(name).unwrap_or(0) });
    Terms {
        fresh: Duration::from_secs(fresh),
        stale_while_revalidate: match policy.stale_while_updating {
            true => stale("stale-while-revalidate"),
            false => Duration::ZERO,
        },
        stale_if_error: stale("stale-if-error"),
        strip_cookies: false,
    }
}

/// Seconds until `Expires`; a date that is none has passed (RFC 9111, section 5.3).
fn expires(headers: &HeaderMap, now: Timestamp) -> Option<u64> {
    let text = headers.get(EXPIRES)?.to_str().unwrap_or_default();
    let seconds = match jiff::fmt::rfc2822::parse(text) {
        Ok(date) => date.timestamp().as_second().saturating_sub(now.as_second()),
        Err(_) => 0,
    };
    Some(u64::try_from(seconds).unwrap_or(0))
}

/// `Cache-Control` as the visitor gets it, where it differs from the origin's.
pub fn browser_cache_control(policy: &Policy, settings: &Settings, headers: &HeaderMap) -> Option<String> {
    let said = Directives::of(headers);
    if ["no-store", "private", "no-cache"].into_iter().any(|name| said.has(name)) {
        return None;
    }
    let max_age = said.seconds("max-age");
    let wanted = match policy.browser_ttl {
        Some(BrowserTtl::RespectOrigin) => return None,
        Some(BrowserTtl::Override(seconds)) => seconds,
        // The zone's setting never shortens.
        None if max_age.unwrap_or(0) >= settings.browser_cache_ttl => return None,
        None => settings.browser_cache_ttl,
    };
    let text: Vec<String> = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .flat_map(|line| String::from_utf8_lossy(line.as_bytes()).split(',').map(str::to_owned).collect::<Vec<_>>())
        .map(|directive| directive.trim().to_owned())
        .filter(|directive| !directive.is_empty() && !directive.to_ascii_lowercase().starts_with("max-age"))
        .collect();
    let kept = if text.is_empty() { "public".to_owned() } else { text.join(", ") };
    Some(format!("{kept}, max-age={wanted}"))
}
