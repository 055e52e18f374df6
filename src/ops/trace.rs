//! `golive trace`: what one request meets, in order, with the rule that decides. Pure; read from what is generated (see
//! [`super::predict`]), by the code that the rehearsal's edge runs.

use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{HeaderMap, Uri};
use regex::Regex;
use serde::Serialize;

use super::predict::{self, Class, Error, Generated, nginx_uri};
use super::ttl::marking;
use crate::blueprint::Loaded;
use crate::blueprint::value::HostName;
use crate::concerns::answer::listed;
use crate::concerns::fragment::{
    LimitedAt, ProxyServer, REFUSED_BY_STATIC, RateLimit, RedirectServer, RunsOn, StaticRoute, is_under,
};
use crate::emit;
use crate::plain::plain;
use crate::probe::RecordData;
use crate::providers::cloudflare::caching::{BrowserTtl, EdgeTtl, Eligible, Policy, Status, Verdict};
use crate::providers::cloudflare::firewall::{Skips, Stop};
use crate::providers::cloudflare::language::Facts;
use crate::providers::cloudflare::payload::{CacheRule, Payloads};

const RECORDS: &str = "cloudflare/dns_records.json";
const BALANCER: &str = "cloudflare/load_balancer.json";
const CUSTOM_RULES: &str = "cloudflare/http_request_firewall_custom.json";
const LIMITS: &str = "cloudflare/http_ratelimit.json";
const MANAGED: &str = "cloudflare/http_request_firewall_managed.json";
const ROOM: &str = "cloudflare/waiting_room.json";
const SETTINGS: &str = "cloudflare/settings.json";
const REDIRECT_RULES: &str = "cloudflare/http_request_dynamic_redirect.json";
const CACHE_RULES: &str = "cloudflare/http_request_cache_settings.json";
const VARNISH: &str = "varnish/";
/// Where certification authorities look (RFC 8555, section 8.3); the nginx templates name it too.
const ACME: &str = "/.well-known/acme-challenge/";
/// What redirect machines send with each redirect, in their template.
const REDIRECT_MARKING: &str = "max-age=3600";

/// Methods whose way is known: nginx answers others itself.
pub const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// One request, as it would be sent.
#[derive(Debug)]
pub struct Request {
    method: String,
    https: bool,
    host: HostName,
    /// As sent, not decoded.
    path: String,
    query: Option<String>,
    headers: HeaderMap,
}

impl Request {
    /// # Errors
    ///
    /// What of the call is no request that a visitor of the site could send.
    pub fn parse(method: &str, url: &str, headers: &[String]) -> Result<Self, String> {
        let bad = |why: &str| format!("`{}` cannot be traced: {why}", plain(url));
        let uri: Uri = url.parse().map_err(|error| bad(&format!("{error}; write https://host/path")))?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(bad("it starts with neither https:// nor http://")),
        };
        let authority = uri.authority().ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("it holds a user name, which browsers no longer send"));
        }
        if authority.port().is_some_and(|port| port.as_u16() != if https { 443 } else { 80 }) {
            return Err(bad("what is generated answers on ports 80 and 443 alone"));
        }
        let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let host = host.parse().map_err(|error: String| bad(&error))?;
        let path = if uri.path().is_empty() { "/" } else { uri.path() };
        let mut map = HeaderMap::new();
        for header in headers {
            let refused = |why: &str| format!("`{}` is no header: {why}", plain(header));
            let (name, value) = header.split_once(':').ok_or_else(|| refused("write 'name: value'"))?;
            let name: HeaderName = name.trim().parse().map_err(|_| refused("its name is no token"))?;
            let value = HeaderValue::from_str(value.trim()).map_err(|_| refused("its value cannot be sent"))?;
            if name == HOST {
                return Err(refused("the host is the URL's"));
            }
            map.append(name, value);
        }
        Ok(Self {
            method: method.to_owned(),
            https,
            host,
            path: path.to_owned(),
            query: uri.query().map(str::to_owned),
            headers: map,
        })
    }

    fn facts(&self) -> Facts<'_> {
        let query = self.query.as_deref();
        predict::facts(&self.method, self.https, self.host.as_str(), &self.path, query, &self.headers)
    }

    /// Path and query as sent.
    fn uri(&self) -> String {
        self.facts().uri()
    }
}

#[derive(Debug, Serialize)]
pub struct Trace {
    pub steps: Vec<Step>,
    pub answer: Answer,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// `dns`, `tls`, `edge`, `platform`, `proxy`, `redirect`, `varnish`, `office`, `app`, `browser`.
    pub at: &'static str,
    /// The record, setting, rule or class that decides.
    pub rule: String,
    pub what: String,
    /// The generated file that holds it.
    pub source: Option<String>,
}

/// What the visitor gets.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Who answers: `edge`, `platform`, `proxy`, `redirect`, `varnish` or `app`.
    pub by: &'static str,
    /// `None`: the app decides.
    pub status: Option<u16>,
    pub location: Option<String>,
    /// `None`: the app decides, or there is none.
    pub cache_control: Option<String>,
    /// `Cache-Control` of an answer of the app that is not good, or that sets a cookie the class does not remove.
    pub cache_control_otherwise: Option<String>,
    /// `cf-cache-status` on the first visit and on the next, while the copy is fresh. Of a good answer.
    pub cf_cache_status: Option<[&'static str; 2]>,
}

/// Why there is no trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error(transparent)]
    Generated(#[from] Error),
    #[error("no record of this blueprint leads {host} anywhere; those that lead somewhere: {known}")]
    Stranger { host: String, known: String },
}

/// Follows one request.
///
/// # Errors
///
/// A host that the blueprint does not launch, and what [`Generated::of`] refuses.
pub fn trace(loaded: &Loaded, request: &Request) -> Result<Trace, TraceError> {
    let generated = Generated::of(loaded)?;
    let site = &loaded.site;
    let redirects = generated.slots.redirect_servers.iter().map(|asked| &asked.what);
    let server = redirects.clone().find(|server| server.names.contains(&request.host));
    let mut way = Way { generated: &generated, request, steps: Vec::new() };
    let answer = match server {
        Some(server) => way.redirect_machine(server),
        None if site.hosts.iter().any(|host| host.name == request.host) => way.site(),
        None => {
            let known = redirects.flat_map(|server| &server.names);
            let known: Vec<String> =
                site.hosts.iter().map(|host| &host.name).chain(known).map(ToString::to_string).collect();
            return Err(TraceError::Stranger { host: request.host.to_string(), known: known.join(", ") });
        }
    };
    Ok(Trace { steps: way.steps, answer })
}

/// A request on its way.
struct Way<'a> {
    generated: &'a Generated,
    request: &'a Request,
    steps: Vec<Step>,
}

impl<'a> Way<'a> {
    fn step(&mut self, at: &'static str, rule: impl Into<String>, what: impl Into<String>, source: &str) {
        let source = (!source.is_empty()).then(|| source.to_owned());
        self.steps.push(Step { at, rule: rule.into(), what: what.into(), source });
    }

    /// The public records of the host.
    fn records(&mut self, leads_to: &str) {
        let host = self.request.host.as_str();
        let records = self.generated.slots.records.iter().map(|asked| &asked.what).filter(|r| r.name == host);
        let mut found: Vec<(String, String)> = Vec::new();
        for record in records {
            let data = match &record.data {
                RecordData::A(address) => format!("A {address}"),
                RecordData::Aaaa(address) => format!("AAAA {address}"),
                RecordData::Cname(target) => format!("CNAME {target}"),
                _ => continue,
            };
            found.push((format!("{host} {data}, TTL {}", record.ttl), format!("dns/{}.zone", record.zone)));
        }
        for (rule, source) in found {
            self.step("dns", rule, format!("leads to {leads_to}"), &source);
        }
    }

    fn site(&mut self) -> Answer {
        let generated = self.generated;
        let Some(payloads) = &generated.payloads else {
            self.records("the machines of the site");
            if self.steps.is_empty() {
                let what = "whoever runs the zone points it to the proxy, or to the app";
                self.step("dns", "no record of this blueprint", what, "");
            }
            return self.origin();
        };
        self.records("the CDN's edge");
        let host = self.request.host.as_str();
        let origins = payloads.hosts.get(host).into_iter().flatten();
        let origins: Vec<String> = origins.map(ToString::to_string).collect();
        let what = format!("behind the edge: {}", origins.join(", "));
        let held_by = if generated.slots.load_balancers.is_empty() { RECORDS } else { BALANCER };
        self.step("dns", format!("{host}, proxied at the CDN"), what, held_by);
        self.tls(payloads);

        let facts = self.request.facts();
        if let Some(redirected) = payloads.redirect(&facts) {
            let what = format!("{} to {}", redirected.status, redirected.location);
            let source = if redirected.by == "always_use_https" { SETTINGS } else { REDIRECT_RULES };
            self.step("edge", format!("redirect rule {}", redirected.by), what, source);
            return Answer {
                by: "edge",
                status: Some(redirected.status),
                location: Some(redirected.location),
                ..Answer::default()
            };
        }
        self.step("edge", "redirect rules", "none matches: on it goes", REDIRECT_RULES);

        if let Some(answer) = self.filters(payloads, &facts) {
            return answer;
        }
        let policy = self.cache_rules(payloads, &facts);
        let mut answer = self.origin();
        self.back_at_the_edge(payloads, &facts, &policy, &mut answer);
        answer
    }

    /// Custom rules, limits, managed rules and the waiting room; an answer where one of them stops the request.
    fn filters(&mut self, payloads: &Payloads, facts: &Facts<'_>) -> Option<Answer> {
        let by_edge = |status| Some(Answer { by: "edge", status: Some(status), ..Answer::default() });
        let filtered = payloads.filtered(facts);
        for name in &filtered.logged {
            self.step("edge", format!("WAF rule {name}"), "only told in the log", CUSTOM_RULES);
        }
        if let Some(stopped) = filtered.stopped {
            let what = match stopped.how {
                Stop::Block => "403: blocked",
                Stop::Challenge => "403: a challenge, which browsers pass and programs do not",
            };
            self.step("edge", format!("WAF rule {}", stopped.by), what, CUSTOM_RULES);
            return by_edge(403);
        }
        let skips = match filtered.let_through {
            Some((name, skips)) => {
                let what = "let through: past the other rules, the limits and the managed rules";
                self.step("edge", format!("WAF rule {name}"), what, CUSTOM_RULES);
                skips
            }
            None => Skips::default(),
        };
        if filtered.let_through.is_none() && filtered.logged.is_empty() && !payloads.custom.is_empty() {
            self.step("edge", "WAF rules", "none takes it: on it goes", CUSTOM_RULES);
        }
        for (_, limit) in payloads.limits_of(facts).filter(|_| !skips.limits) {
            let what = format!(
                "counted: above {} in {} s the client gets {} for {} s",
                limit.requests, limit.period, limit.status, limit.blocks_for
            );
            self.step("edge", format!("rate limit {}", limit.name), what, LIMITS);
        }
        match payloads.attack(facts).filter(|_| !skips.managed) {
            Some(attack) if attack.only_logged => {
                self.step(
                    "edge",
                    format!("rule {}", attack.by),
                    format!("{}: only told in the log", attack.found),
                    MANAGED,
                );
            }
            Some(attack) => {
                self.step("edge", format!("rule {}", attack.by), format!("403: {}", attack.found), MANAGED);
                return by_edge(403);
            }
            None => {}
        }
        let room = payloads.room_of(facts)?;
        let rule = format!("waiting room {}", room.name);
        if room.suspended {
            self.step("edge", rule, "suspended: everybody passes until somebody opens it", ROOM);
            return None;
        }
        if room.holds_all {
            self.step("edge", rule, format!("{}: it holds everybody", room.status), ROOM);
            return by_edge(room.status);
        }
        let what =
            format!("while it is full, {} and a page that asks again; else on it goes, with its cookie", room.status);
        self.step("edge", rule, what, ROOM);
        None
    }

    fn tls(&mut self, payloads: &Payloads) {
        let settings = &payloads.settings;
        if !self.request.https {
            self.step("tls", "plain http", "no certificate, and no Strict-Transport-Security (RFC 6797)", "");
            return;
        }
        let versions: Vec<&str> =
            settings.tls_versions().into_iter().map(|version| version.as_str().trim_start_matches("TLS ")).collect();
        let versions = format!("TLS {}", listed(&versions));
        self.step("tls", "min_tls_version, tls_1_3", format!("the edge speaks {versions}"), SETTINGS);
        let hsts = match &settings.hsts {
            Some(value) => format!("Strict-Transport-Security: {value} on every answer"),
            None => "no Strict-Transport-Security".to_owned(),
        };
        self.step("tls", "security_header", hsts, SETTINGS);
    }

    fn cache_rules(&mut self, payloads: &Payloads, facts: &Facts<'_>) -> Policy {
        for rule in payloads.cache.iter().filter(|rule| rule.condition.holds(facts)) {
            self.step("edge", format!("cache rule {}", rule.name), settings_of(rule), CACHE_RULES);
        }
        let policy = Policy::of(&payloads.cache, facts);
        let key = policy.key(facts);
        let (rule, what) = match policy.eligible {
            Eligible::No if !matches!(facts.method, "GET" | "HEAD") => {
                ("the method".to_owned(), format!("not looked up: {} is never cached", facts.method))
            }
            Eligible::No => ("cache rules together".to_owned(), "not looked up: these answers are not kept".to_owned()),
            Eligible::ByDefault => ("the file extension".to_owned(), format!("looked up as {key}")),
            Eligible::ByRule => ("cache rules together".to_owned(), format!("looked up as {key}")),
        };
        self.step("edge", rule, what, CACHE_RULES);
        policy
    }

    /// From the edge, or from the visitor where there is none, to the proxy and the app.
    fn origin(&mut self) -> Answer {
        let generated = self.generated;
        let Some(proxy) = generated.proxy() else {
            self.step("app", "no proxy in this blueprint", "the app answers, golive does not know what", "");
            return Answer { by: "app", ..Answer::default() };
        };
        let file = generated.proxy_file();
        if proxy.runs_on == RunsOn::Scalingo && !self.request.https {
            return self.platform();
        }
        if !proxy.cdn_ranges.is_empty() {
            let what = "let in: the edge's address is among the CDN's ranges (anybody else gets 403)";
            self.step("proxy", "$via_cdn", what, file);
        }
        let Some(uri) = nginx_uri(&self.request.path) else {
            self.step("proxy", "nginx", "400: the path cannot be decoded", "");
            return Answer { by: "proxy", status: Some(400), ..Answer::default() };
        };
        if let Some(answer) = self.own_answer(proxy, &uri, file) {
            return answer;
        }
        self.mode(&uri, file);
        self.limits(LimitedAt::Proxy, &uri, file);
        if let Some(route) = generated.published(&uri) {
            return self.published(route, &uri, file);
        }
        let class = generated.class_of(&uri);
        if let Some(class) = class {
            let by =
                class.values.regex.as_ref().map_or("no other class takes it".to_owned(), |r| format!("matches {r}"));
            self.step("proxy", format!("class {}", class.values.name), format!("{uri} {by}"), file);
        }
        let upstream = format!("{}:{}", proxy.upstream.host, proxy.upstream.port);
        self.step("app", upstream, "answers; golive does not know what", "");
        self.marked(class, file)
    }

    /// What the degraded mode would make of the request; what is generated is the normal one.
    fn mode(&mut self, uri: &str, file: &str) {
        let switches = self.generated.slots.mode_switches.iter().map(|asked| &asked.what);
        let Some(switch) = switches.into_iter().find(|switch| is_under(&switch.cut, uri)) else { return };
        let what = format!("goes on in the normal mode; with {}={} it is cut, 503", switch.variable, switch.on);
        self.step("proxy", "$cut", what, file);
    }

    /// A page that Varnish has of a back office.
    fn published(&mut self, route: &StaticRoute, uri: &str, file: &str) -> Answer {
        let vcl = VARNISH;
        self.step("proxy", format!("published as static, {}", route.name), format!("{uri} goes to Varnish"), file);
        let own = |status| Answer {
            by: "varnish",
            status: Some(status),
            cache_control: Some("no-store".to_owned()),
            ..Answer::default()
        };
        // As sent: Varnish decodes nothing.
        let path = self.request.path.clone();
        let is_refused = Regex::new(REFUSED_BY_STATIC).is_ok_and(|refused| refused.is_match(&path));
        if is_refused || !is_under(&route.paths, &path) {
            self.step("varnish", "vcl_recv", "404: the path as sent is none that is published", vcl);
            return own(404);
        }
        if !matches!(self.request.method.as_str(), "GET" | "HEAD") {
            self.step("varnish", "vcl_recv", "405: pages are read, and published by REFRESH alone", vcl);
            return own(405);
        }
        let what = format!(
            "one page for everybody, without query and cookies: fresh for {} s, an old one for {} s while none can be had",
            route.fresh, route.grace
        );
        self.step("varnish", format!("route {}", route.name), what, vcl);
        let office = format!("{}:{}", route.back_office.host, route.back_office.port);
        self.step("office", office, "asked by Varnish alone, once for each life of the page", "");
        let marking = route.marking();
        self.step("proxy", "$published_as", format!("`{marking}` on good pages, as Varnish says it"), file);
        Answer {
            by: "varnish",
            cache_control: Some(marking),
            cache_control_otherwise: Some("no-store".to_owned()),
            ..Answer::default()
        }
    }

    /// The limits of one nginx that count the request.
    fn limits(&mut self, at: LimitedAt, uri: &str, file: &str) {
        let method = &self.request.method;
        let counts = |limit: &&RateLimit| {
            limit.at == at
                && (limit.methods.is_empty() || limit.methods.contains(method))
                && match limit.paths.as_slice() {
                    [] => !self.generated.is_fingerprinted(uri),
                    some => is_under(some, uri),
                }
        };
        let limits = self.generated.slots.rate_limits.iter().map(|asked| &asked.what).filter(counts);
        let told: Vec<(String, String)> = limits
            .map(|limit| {
                let unit = if limit.per.get() == 60 { "minute" } else { "second" };
                let RateLimit { requests, burst, status, retry_after, .. } = limit;
                let what = format!(
                    "one visitor may ask {requests} times a {unit} and {burst} times more at once; beyond, {status} with \
                     Retry-After {retry_after}"
                );
                (format!("limit {}", limit.name), what)
            })
            .collect();
        let at = if at == LimitedAt::Redirects { "redirect" } else { "proxy" };
        for (rule, what) in told {
            self.step(at, rule, what, file);
        }
    }

    /// Port 80 of Scalingo's router, which no configuration of the app reaches.
    fn platform(&mut self) -> Answer {
        if self.request.path.starts_with(ACME) {
            self.step("platform", "its own certificates", "a challenge of the platform's, else 404", "");
            return Answer { by: "platform", ..Answer::default() };
        }
        let location = format!("https://{}{}", self.request.host, self.request.uri());
        self.step("platform", "force_https", format!("301 to {location}"), "");
        Answer { by: "platform", status: Some(301), location: Some(location), ..Answer::default() }
    }

    /// What the proxy answers without asking the app.
    fn own_answer(&mut self, proxy: &ProxyServer, uri: &str, file: &str) -> Option<Answer> {
        let own = |status: Option<u16>| Answer {
            by: "proxy",
            status,
            cache_control: Some("no-store".to_owned()),
            ..Answer::default()
        };
        let is_server = proxy.runs_on == RunsOn::Server;
        if is_server && !self.request.https && !uri.starts_with(ACME) {
            let location = format!("https://{}{}", self.request.host, self.request.uri());
            self.step("proxy", "$to_https", format!("301 to {location}"), file);
            return Some(Answer { status: Some(301), location: Some(location), ..self.redirected(uri, "301") });
        }
        if is_server && uri.starts_with(ACME) {
            self.limits(LimitedAt::Proxy, uri, file);
            self.step("proxy", "acme-challenge", "the file of that name in acme/, else 404", file);
            return Some(own(None));
        }
        let moved = self.generated.slots.moved_paths.iter().map(|asked| &asked.what);
        let mut moved = moved.filter(|moved| moved.host == self.request.host && moved.from.eq_ignore_ascii_case(uri));
        if let Some(moved) = moved.next() {
            let location = format!("https://{}{}", moved.host, moved.to);
            self.step("proxy", "$moved", format!("308 to {location}"), file);
            return Some(Answer { status: Some(308), location: Some(location), ..self.redirected(uri, "308") });
        }
        if uri == proxy.health_path.as_str() {
            self.step("proxy", "health_path", "200 `ok` of nginx's own, for the platform's probes", file);
            return Some(own(Some(200)));
        }
        None
    }

    /// How the proxy marks a redirect of its own: there is no answer of the app to judge by, the map takes its status
    /// alone.
    fn redirected(&self, uri: &str, status: &str) -> Answer {
        let class = self.generated.class_of(uri);
        let kept = class.filter(|class| class.values.statuses.split('|').any(|kept| kept == status));
        let marking = kept.filter(|_| self.is_impersonal()).map_or("no-store", marking);
        Answer { by: "proxy", cache_control: class.map(|_| marking.to_owned()), ..Answer::default() }
    }

    /// Whether the proxy takes the answer for anybody's: it only reads, without credentials.
    fn is_impersonal(&self) -> bool {
        let headers = &self.request.headers;
        matches!(self.request.method.as_str(), "GET" | "HEAD")
            && headers.get(hyper::header::AUTHORIZATION).is_none_or(|value| value.is_empty())
    }

    fn marked(&mut self, class: Option<&Class>, file: &str) -> Answer {
        let Some(class) = class else {
            self.step("proxy", "no class", "the app's own cache headers go out", file);
            return Answer { by: "app", ..Answer::default() };
        };
        let values = &class.values;
        let never = "no-store".to_owned();
        let otherwise = Some(never.clone());
        let good = match (&values.cache_control, self.is_impersonal()) {
            (Some(text), true) => {
                let cookies =
                    if values.hides_cookies { "Set-Cookie is removed" } else { "with Set-Cookie: `no-store`" };
                let what = format!(
                    "`{text}` on {}; {cookies}; any other status: `no-store`",
                    values.statuses.replace('|', ", ")
                );
                self.step("proxy", "$cache_control", what, file);
                text.clone()
            }
            (Some(_), false) => {
                let what = "`no-store`: Authorization, or a method that does not only read, may make it somebody's own";
                self.step("proxy", "$personal", what, file);
                never
            }
            (None, _) => {
                self.step("proxy", "$cache_control", "`no-store` whatever the app says", file);
                never
            }
        };
        Answer { by: "app", cache_control: Some(good), cache_control_otherwise: otherwise, ..Answer::default() }
    }

    fn back_at_the_edge(&mut self, payloads: &Payloads, facts: &Facts<'_>, policy: &Policy, answer: &mut Answer) {
        if policy.eligible == Eligible::No {
            answer.cf_cache_status = Some([Status::Dynamic.as_str(); 2]);
            self.step("edge", "not looked up", "passed on as it is: DYNAMIC", CACHE_RULES);
            return;
        }
        let is_known = answer.cache_control.is_some() || matches!(policy.edge_ttl, EdgeTtl::Override(_));
        // nginx's own 400 too comes with headers that golive does not predict.
        if !is_known
            || answer.status.is_some_and(|status| status != 200)
            || (answer.by, answer.status) == ("proxy", None)
        {
            self.step("edge", "bypass_by_default", "kept only if the answer's own headers say so", CACHE_RULES);
            return;
        }
        let kept = predict::edge(payloads, facts, answer.cache_control.as_deref());
        let (what, statuses) = match kept.verdict {
            Verdict::Pass(status) => {
                (format!("not kept: the answer forbids it ({})", status.as_str()), [status.as_str(); 2])
            }
            Verdict::Keep(terms) => {
                let seconds = [
                    ("fresh for", terms.fresh),
                    ("then old copies while one is fetched for", terms.stale_while_revalidate),
                    ("and while the app fails for", terms.stale_if_error),
                ];
                let told: Vec<String> = seconds
                    .iter()
                    .filter(|(_, time)| !time.is_zero())
                    .map(|(words, time)| format!("{words} {} s", time.as_secs()))
                    .collect();
                let next = if terms.fresh.is_zero() { Status::Expired } else { Status::Hit };
                let what = if told.is_empty() { "kept, and asked about each time".to_owned() } else { told.join(", ") };
                (format!("a good answer is kept: {what}"), [Status::Miss.as_str(), next.as_str()])
            }
        };
        self.step("edge", edge_rule(policy), what, CACHE_RULES);
        answer.cf_cache_status = Some(statuses);
        if let (Some(text), Verdict::Keep(_) | Verdict::Pass(Status::Miss)) = (kept.browser, kept.verdict) {
            let rule = match policy.browser_ttl {
                Some(_) => ("browser_ttl", CACHE_RULES),
                None => ("browser_cache_ttl", SETTINGS),
            };
            self.step("browser", rule.0, format!("gets `{text}`"), rule.1);
            answer.cache_control = Some(text);
        } else if let Some(text) = answer.cache_control.clone() {
            self.step("browser", "Cache-Control as the proxy marked it", format!("gets `{text}`"), "");
        }
    }

    fn redirect_machine(&mut self, server: &RedirectServer) -> Answer {
        let file = format!("nginx/{}/nginx.conf", emit::folder(server));
        self.records("a machine that only redirects");
        let host = self.request.host.as_str();
        let (request, https) = (self.request.uri(), self.request.https);
        let Some(uri) = nginx_uri(&self.request.path) else {
            self.step("redirect", "nginx", "400: the path cannot be decoded", "");
            return Answer { by: "redirect", status: Some(400), ..Answer::default() };
        };
        self.limits(LimitedAt::Redirects, &uri, &file);
        if !https && uri.starts_with(ACME) {
            self.step("redirect", "acme-challenge", "the file of that name in acme/, else 404", &file);
            let cache_control = Some("no-store".to_owned());
            return Answer { by: "redirect", cache_control, ..Answer::default() };
        }
        let location =
            if https { format!("https://{}{request}", server.to) } else { format!("https://{host}{request}") };
        if https {
            self.step("tls", host, "TLS 1.2 and 1.3, the machine's own certificate", &file);
            let value = format!("Strict-Transport-Security: max-age={}", server.hsts_max_age);
            self.step("redirect", "add_header", value, &file);
        } else {
            let what = "plain http: to its own https first, where browsers learn Strict-Transport-Security";
            self.step("redirect", format!("server {host}, port 80"), what, &file);
        }
        self.step("redirect", "return", format!("{} to {location}, `{REDIRECT_MARKING}`", server.status), &file);
        Answer {
            by: "redirect",
            status: Some(server.status),
            location: Some(location),
            cache_control: Some(REDIRECT_MARKING.to_owned()),
            ..Answer::default()
        }
    }
}

fn edge_rule(policy: &Policy) -> String {
    match policy.edge_ttl {
        EdgeTtl::Override(seconds) => format!("edge_ttl {seconds}"),
        EdgeTtl::RespectOrigin => "Cache-Control of the answer, else a default by status".to_owned(),
        EdgeTtl::BypassByDefault => "Cache-Control of the answer".to_owned(),
    }
}

/// What a cache rule sets, in words.
fn settings_of(rule: &CacheRule) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(rule.cache.map(|cache| if cache { "may be kept".to_owned() } else { "never kept".to_owned() }));
    words.extend(rule.edge_ttl.map(|ttl| match ttl {
        EdgeTtl::Override(seconds) => format!("{seconds} s at the edge"),
        EdgeTtl::RespectOrigin => "as the origin says, else by status".to_owned(),
        EdgeTtl::BypassByDefault => "as the origin says, else not".to_owned(),
    }));
    words.extend(rule.browser_ttl.map(|ttl| match ttl {
        BrowserTtl::Override(seconds) => format!("{seconds} s in browsers"),
        BrowserTtl::RespectOrigin => "browsers as the origin says".to_owned(),
    }));
    words.extend(rule.ignore_query.filter(|ignored| *ignored).map(|_| "the query is left out of the key".to_owned()));
    words.extend(rule.stale_while_updating.filter(|served| !*served).map(|_| "no old copy while updating".to_owned()));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_visitor_sends_is_refused() {
        let cases = [
            ("ftp://example.org/", "neither https"),
            ("/path", "neither https"),
            ("https://user:pw@example.org/", "user name"),
            ("https://example.org:8443/", "ports 80 and 443"),
            ("https://203.0.113.10/", "cannot be traced"),
            ("https://exa mple.org/", "cannot be traced"),
        ];
        for (url, why) in cases {
            let refused = Request::parse("GET", url, &[]).expect_err(url);
            assert!(refused.contains(why), "{url}: {refused}");
        }
        for header in ["Cookie", "a b: c", "Host: example.com", "x: \u{1}"] {
            Request::parse("GET", "https://example.org/", &[header.to_owned()]).expect_err(header);
        }
    }

    #[test]
    fn the_path_stays_as_sent() {
        let request = Request::parse("GET", "HTTPS://Example.ORG.:443/a%20b//c?x=1&y", &[]).expect("a request");
        assert_eq!((request.host.as_str(), request.uri().as_str()), ("example.org", "/a%20b//c?x=1&y"));
        assert_eq!(Request::parse("GET", "http://example.org", &[]).expect("a request").uri(), "/");
    }
}
