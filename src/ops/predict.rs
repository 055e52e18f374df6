//! What the generated files make of a request, told without running them: the fragments that nginx is written from,
//! and the payloads that Cloudflare would take, read by the code that plays them in a rehearsal.
//!
//! Shared by `golive ttl` and `golive trace`. Must not read the blueprint where a fragment or a payload says it: then
//! it would explain what was meant, and not what was generated.

use std::net::{IpAddr, Ipv4Addr};

use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use jiff::Timestamp;
use regex::Regex;

use crate::blueprint::Loaded;
use crate::concerns::fragment::{ProxyServer, Routes, RunsOn, StaticRoute, is_fingerprinted_under};
use crate::emit::{self, ClassValues, Slots};
use crate::providers::cloudflare::caching::{self, Policy, Verdict};
use crate::providers::cloudflare::language::Facts;
use crate::providers::cloudflare::payload::{self, Payloads};

/// Who asks, where a rule wants to know: an address of documentation (RFC 5737).
const VISITOR: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 200));
/// From where, where nothing says otherwise.
const VISITOR_COUNTRY: &str = "FR";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fragments that cannot all be obeyed.
    #[error("{0}")]
    Clash(String),
    #[error("{file}: {message}")]
    Payload { file: String, message: String },
    #[error("the pattern of the class {class}: {message}")]
    Pattern { class: String, message: String },
}

/// Everything generated, in a shape that can be asked.
#[derive(Debug)]
pub struct Generated {
    pub slots: Slots,
    /// In the order in which nginx compares them.
    pub classes: Vec<Class>,
    /// `None`: no CDN.
    pub payloads: Option<Payloads>,
}

/// One class of routes, as nginx is told.
#[derive(Debug)]
pub struct Class {
    pub values: ClassValues,
    /// `None`: every path that no other class takes.
    pattern: Option<Regex>,
}

impl Generated {
    /// # Errors
    ///
    /// Clashes of fragments, and payloads that golive itself does not understand.
    pub fn of(loaded: &Loaded) -> Result<Self, Error> {
        let (blueprint, site) = (&loaded.blueprint, &loaded.site);
        let slots = Slots::of(&blueprint.concerns(), site);
        let artifacts = emit::compose(blueprint, site)
            .map_err(|clashes| Error::Clash(clashes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
        let payloads = match &site.cdn {
            None => None,
            Some(_) => {
                let is_payload = |path: &str| path.starts_with("cloudflare/") && path.ends_with(".json");
                let files = artifacts.into_iter().filter(|artifact| is_payload(&artifact.path));
                let read = Payloads::read(&files.map(|artifact| (artifact.path, artifact.text)).collect());
                Some(read.map_err(|payload::Refused { file, message }| Error::Payload { file, message })?)
            }
        };
        let classes = slots
            .classes
            .iter()
            .map(|asked| {
                let values = emit::class_values(&asked.what);
                let pattern = values
                    .regex
                    .as_deref()
                    .map(Regex::new)
                    .transpose()
                    .map_err(|error| Error::Pattern { class: values.name.clone(), message: error.to_string() })?;
                Ok(Class { values, pattern })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { slots, classes, payloads })
    }

    pub fn proxy(&self) -> Option<&ProxyServer> {
        self.slots.proxies.first().map(|asked| &asked.what)
    }

    /// The file that the proxy in use is run from.
    pub fn proxy_file(&self) -> &'static str {
        match self.proxy().map(|proxy| proxy.runs_on) {
            Some(RunsOn::Scalingo) => "nginx/scalingo/servers.conf.erb",
            Some(RunsOn::Server) | None => "nginx/proxy/nginx.conf",
        }
    }

    /// The route that publishes a path as static, as nginx has it in `$uri`.
    pub fn published(&self, uri: &str) -> Option<&StaticRoute> {
        self.proxy()?;
        self.slots.static_caches.first().and_then(|asked| asked.what.route_of(uri))
    }

    /// Whether the path is one of files with a hash in their names, of any class.
    pub fn is_fingerprinted(&self, uri: &str) -> bool {
        let classes = self.slots.classes.iter().map(|asked| &asked.what.routes);
        classes.into_iter().any(|routes| match routes {
            Routes::FingerprintedUnder(starts) => is_fingerprinted_under(starts, uri),
            Routes::Under(_) | Routes::Others => false,
        })
    }

    /// The class of a path as nginx has it in `$uri` (see [`nginx_uri`]); `None` where nothing is marked.
    pub fn class_of(&self, uri: &str) -> Option<&Class> {
        self.proxy()?;
        let by_pattern = self.classes.iter().find(|class| class.pattern.as_ref().is_some_and(|p| p.is_match(uri)));
        by_pattern.or_else(|| self.classes.iter().find(|class| class.pattern.is_none()))
    }
}

/// What the edge makes of a good answer (200, no cookie) that carries this `Cache-Control`.
pub fn edge(payloads: &Payloads, facts: &Facts<'_>, cache_control: Option<&str>) -> Kept {
    let policy = Policy::of(&payloads.cache, facts);
    let mut headers = HeaderMap::new();
    if let Some(value) = cache_control.and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(CACHE_CONTROL, value);
    }
    let authorized = facts.headers.contains_key(hyper::header::AUTHORIZATION);
    // The time is for `Expires` alone, which the proxy removes.
    let now = Timestamp::UNIX_EPOCH;
    let verdict = caching::judge(&policy, &payloads.settings, authorized, StatusCode::OK, &headers, now);
    let browser = caching::browser_cache_control(&policy, &payloads.settings, &headers);
    Kept { policy, verdict, browser }
}

/// What becomes of an answer at the edge.
#[derive(Debug)]
pub struct Kept {
    pub policy: Policy,
    /// Of what may be cached; means nothing where the policy says that nothing may.
    pub verdict: Verdict,
    /// `Cache-Control` for the visitor where it differs from the origin's.
    pub browser: Option<String>,
}

/// The facts of a request that rules look at. Its visitor is told as Cloudflare tells it to origins: by the headers
/// `CF-Connecting-IP` and `CF-IPCountry`; without them somebody in France asks.
pub fn facts<'a>(
    method: &'a str,
    https: bool,
    host: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    headers: &'a HeaderMap,
) -> Facts<'a> {
    let told = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let client = told("cf-connecting-ip").and_then(|address| address.parse().ok()).unwrap_or(VISITOR);
    let country = told("cf-ipcountry").unwrap_or(VISITOR_COUNTRY);
    Facts { method, https, host, path, query, headers, client, country }
}

/// A path as nginx has it in `$uri`: decoded, slashes merged, dot segments resolved. `None`: nginx answers 400.
pub fn nginx_uri(path: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high * 16 + low).ok().filter(|byte| *byte != 0)?
            }
            byte => byte,
        });
    }
    let decoded = String::from_utf8_lossy(&decoded);
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split('/').skip(1).filter(|segment| !matches!(*segment, "" | ".")) {
        match segment {
            ".." => {
                segments.pop()?;
            }
            segment => segments.push(segment),
        }
    }
    let is_folder = ["/", "/.", "/.."].iter().any(|end| decoded.ends_with(end));
    let end = if is_folder && !segments.is_empty() { "/" } else { "" };
    Some(format!("/{}{end}", segments.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_what_nginx_compares() {
        let cases = [
            ("/", "/"),
            ("/a//b/./c/../d", "/a/b/d"),
            ("/%61pi/x", "/api/x"),
            ("/a/", "/a/"),
            ("/a/.", "/a/"),
            ("/a/b/..", "/a/"),
            ("/a%2Fb", "/a/b"),
            ("/a%20b", "/a b"),
        ];
        for (path, uri) in cases {
            assert_eq!(nginx_uri(path).as_deref(), Some(uri), "{path}");
        }
        for bad in ["/..", "/a/../..", "/%", "/%zz", "/%00"] {
            assert_eq!(nginx_uri(bad), None, "{bad}");
        }
    }
}
