//! The CDN: the generated payloads, played with Cloudflare's documented semantics.
//!
//! Not played: bot fights, purge, health of origins, ranges (an answer that may be cached is fetched and sent whole), tiered
//! caches, request coalescing, normalisation of URLs, HTTP/2 and HTTP/3. Must not read the blueprint: what the
//! payloads do not say, the edge does not know.

mod encode;
mod gate;
mod origin;
pub mod store;

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body;
use hyper::header::{
    ACCEPT_ENCODING, AGE, AUTHORIZATION, CACHE_CONTROL, HOST, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, LOCATION, RANGE, SERVER, SET_COOKIE,
    STRICT_TRANSPORT_SECURITY,
};
use hyper::header::{CONTENT_TYPE, ETAG};
use hyper::{HeaderMap, Method, Request, StatusCode};
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use tokio::task::JoinSet;

use super::identity::{Identities, VISITOR_COUNTRY};
use super::serve::{self, Answer};
use crate::providers::cloudflare::caching::{self, Eligible, Policy, Status, Terms, Verdict};
use crate::providers::cloudflare::language::Facts;
use crate::providers::cloudflare::payload::{Payloads, Settings};
use crate::world::Routes;
pub use gate::Door;
use gate::{Counters, Gate};
use origin::{Origins, Trouble};
use store::{Answered, Copy, Store};

/// Data centre named in `cf-ray`.
const COLO: &str = "CDG";

pub struct Edge {
    payloads: Arc<Payloads>,
    /// Those whose filters are in force: somebody may have switched a rule since.
    gate: Mutex<Arc<Payloads>>,
    origins: Origins,
    store: Arc<Store>,
    counters: Counters,
    /// A drill lets the waiting room hold everybody.
    room_holds_all: AtomicBool,
    /// How the waiting room was told to stand.
    door: Mutex<Door>,
    rays: AtomicU64,
    refreshes: Mutex<JoinSet<()>>,
}

/// One request, with what the edge knows of its visitor.
struct Visit {
    https: bool,
    host: String,
    /// The edge address that took it: the origin sees it as the peer.
    edge: IpAddr,
    /// The visitor's address.
    client: IpAddr,
    request: Request<Bytes>,
}

impl Visit {
    fn facts(&self) -> Facts<'_> {
        Facts {
            method: self.request.method().as_str(),
            https: self.https,
            host: &self.host,
            path: self.request.uri().path(),
            query: self.request.uri().query(),
            headers: self.request.headers(),
            client: self.client,
            country: VISITOR_COUNTRY,
        }
    }
}

impl Edge {
    /// # Errors
    ///
    /// When the root is no certificate.
    pub fn new(
        payloads: Payloads,
        routes: Routes,
        root: CertificateDer<'static>,
        identities: Identities,
    ) -> Result<Self, rustls::Error> {
        let payloads = Arc::new(payloads);
        let room = payloads.room.as_ref();
        let door = Door {
            suspended: room.is_none_or(|room| room.suspended),
            holds_all: room.is_some_and(|room| room.holds_all),
        };
        Ok(Self {
            door: Mutex::new(door),
            gate: Mutex::new(Arc::clone(&payloads)),
            payloads,
            origins: Origins::new(routes, root, identities)?,
            store: Arc::default(),
            counters: Counters::default(),
            room_holds_all: AtomicBool::new(false),
            rays: AtomicU64::new(0x8f00_0000_0000_0000),
            refreshes: Mutex::default(),
        })
    }

    pub fn settings(&self) -> &Settings {
        &self.payloads.settings
    }

    /// Whether a proxied record of the zone has this name.
    pub fn serves(&self, host: &str) -> bool {
        self.payloads.hosts.contains_key(host)
    }

    /// Makes the copy that a GET of this URL would find older.
    pub fn age_copy(&self, url: &str, by: Duration) {
        if let Some(key) = self.key_of(url) {
            self.store.age(&key, by);
        }
    }

    /// Drops that copy.
    pub fn purge_copy(&self, url: &str) {
        if let Some(key) = self.key_of(url) {
            self.store.remove(&key);
        }
    }

    fn key_of(&self, url: &str) -> Option<String> {
        let uri: hyper::Uri = url.parse().ok()?;
        let headers = HeaderMap::new();
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let https = uri.scheme_str() == Some("https");
        let (path, query) = (uri.path(), uri.query());
        // No key depends on who asks.
        let client = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        let country = VISITOR_COUNTRY;
        let facts = Facts { method: "GET", https, host: &host, path, query, headers: &headers, client, country };
        Some(Policy::of(&self.payloads.cache, &facts).key(&facts))
    }

    /// Purges everything.
    pub fn purge(&self) {
        self.store.clear();
    }

    /// Filters, limits and challenges by these from now on.
    pub fn set_gate(&self, payloads: Payloads) {
        *self.gate.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(payloads);
    }

    /// What the CDN's API is told of the waiting room.
    pub fn set_door(&self, door: Door) {
        *self.door.lock().unwrap_or_else(PoisonError::into_inner) = door;
    }

    fn door(&self) -> Door {
        match self.room_holds_all.load(Ordering::SeqCst) {
            true => Door { suspended: false, holds_all: true },
            false => *self.door.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Closes the door of the waiting room, or lets it stand as the CDN was told.
    pub fn hold_all(&self, holds: bool) {
        self.room_holds_all.store(holds, Ordering::SeqCst);
    }

    /// Waits until no copy is being refreshed in the background.
    #[cfg(test)]
    pub async fn settle(&self) {
        self.store.settle().await;
    }

    /// Answers one request of `client` that reached the edge address `edge`.
    pub async fn answer<B>(
        self: &Arc<Self>,
        https: bool,
        edge: IpAddr,
        client: IpAddr,
        request: Request<B>,
    ) -> io::Result<Answer>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let body = serve::read(body, serve::BODY_LIMIT).await?;
        let ray = format!("{:016x}-{COLO}", self.rays.fetch_add(1, Ordering::Relaxed));
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).map(host_name);
        let mut answer = match host {
            None => serve::text(StatusCode::BAD_REQUEST, "no Host\n"),
            Some(host) => {
                let mut request = Request::from_parts(parts, body);
                // An absolute request target names the same resource (RFC 9112, section 3.2.2).
                if let Some(origin_form) = request.uri().path_and_query().cloned() {
                    *request.uri_mut() = origin_form.into();
                }
                self.visit(Visit { https, host, edge, client, request }, &ray).await
            }
        };
        let headers = answer.headers_mut();
        headers.insert(SERVER, HeaderValue::from_static("cloudflare"));
        if let Ok(ray) = ray.parse() {
            headers.insert("cf-ray", ray);
        }
        Ok(answer)
    }

    async fn visit(self: &Arc<Self>, visit: Visit, ray: &str) -> Answer {
        if visit.host.parse::<IpAddr>().is_ok() {
            return error_page(403, 1003, "Direct IP access not allowed");
        }
        if !self.serves(&visit.host) {
            return error_page(409, 1001, "DNS resolution error");
        }
        let settings = &self.payloads.settings;
        let mut answer = match self.payloads.redirect(&visit.facts()) {
            Some(redirected) => redirection(redirected.status, &redirected.location),
            None => self.pass(&visit, ray).await,
        };
        if visit.https {
            if let Some(hsts) = settings.hsts.as_ref().and_then(|hsts| hsts.parse().ok()) {
                answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts);
            }
            if settings.nosniff {
                let nosniff = HeaderValue::from_static("nosniff");
                answer.headers_mut().insert("x-content-type-options", nosniff);
            }
        }
        answer
    }

    /// Past filters, limits and the waiting room; then headers are set and removed.
    async fn pass(self: &Arc<Self>, visit: &Visit, ray: &str) -> Answer {
        let rules = Arc::clone(&self.gate.lock().unwrap_or_else(PoisonError::into_inner));
        let mut answer = match gate::gate(&rules, &self.counters, self.door(), &visit.facts(), ray) {
            Gate::Shut(answer) => answer,
            Gate::Open(cookie) => {
                let mut answer = self.serve(visit, ray).await;
                answer.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
                answer
            }
        };
        for rule in self.payloads.headers.iter().filter(|rule| rule.condition.holds(&visit.facts())) {
            for (name, value) in &rule.changes {
                answer.headers_mut().remove(name);
                answer.headers_mut().extend(value.iter().map(|value| (name.clone(), value.clone())));
            }
        }
        answer
    }

    async fn serve(self: &Arc<Self>, visit: &Visit, ray: &str) -> Answer {
        let facts = visit.facts();
        let policy = Policy::of(&self.payloads.cache, &facts);
        if policy.eligible == Eligible::No {
            return match self.fetch(visit, ray, None).await {
                Ok(answered) => self.respond(visit, &policy, &answered, Status::Dynamic, None, false),
                Err(trouble) => trouble_page(trouble),
            };
        }
        let key = policy.key(&facts);
        self.store.catch_up(&key).await;
        let copy = self.store.get(&key);
        let Some(copy) = copy else {
            return self.fill(visit, ray, &policy, &key, None).await;
        };
        let Some(overdue) = copy.overdue() else {
            return self.respond_copy(visit, &policy, &copy, Status::Hit);
        };
        if overdue <= copy.terms.stale_while_revalidate && !copy.terms.stale_while_revalidate.is_zero() {
            self.refresh(visit, &policy, &key, &copy);
            return self.respond_copy(visit, &policy, &copy, Status::Updating);
        }
        self.fill(visit, ray, &policy, &key, Some((copy, overdue))).await
    }

    /// Fetches while the visitor waits. `old` is the copy that is no longer fresh, and by how much.
    async fn fill(
        self: &Arc<Self>,
        visit: &Visit,
        ray: &str,
        policy: &Policy,
        key: &str,
        old: Option<(Copy, Duration)>,
    ) -> Answer {
        let fetched = self.fetch(visit, ray, Some(old.as_ref().map(|(copy, _)| copy))).await;
        let failed = fetched.as_ref().map_or(true, |answered| answered.status.is_server_error());
        if let Some((copy, overdue)) = &old {
            let kept_for_errors =
                failed && *overdue <= copy.terms.stale_if_error && !copy.terms.stale_if_error.is_zero();
            // Always Online knows no age; it acts only where the origin cannot be reached.
            let always_online = fetched.is_err() && self.payloads.settings.always_online;
            if kept_for_errors || always_online {
                return self.respond_copy(visit, policy, copy, Status::Stale);
            }
        }
        let answered = match fetched {
            Ok(answered) => answered,
            Err(trouble) => return trouble_page(trouble),
        };
        match self.keep(visit, policy, key, answered, old.as_ref().map(|(copy, _)| copy)) {
            Kept::Renewed(copy) => self.respond_copy(visit, policy, &copy, Status::Revalidated),
            Kept::New(copy) => {
                let status = if old.is_some() { Status::Expired } else { Status::Miss };
                self.respond(visit, policy, &copy.answered, status, None, copy.terms.strip_cookies)
            }
            Kept::Not(answered, status) => self.respond(visit, policy, &answered, status, None, false),
        }
    }

    /// Fetches behind the visitor's back, once at a time for each copy.
    fn refresh(self: &Arc<Self>, visit: &Visit, policy: &Policy, key: &str, copy: &Copy) {
        let Some(refreshing) = self.store.begin_refresh(key) else { return };
        let (edge, policy, key, copy) = (Arc::clone(self), policy.clone(), key.to_owned(), copy.clone());
        let visit = Visit { host: visit.host.clone(), request: visit.request.clone(), ..*visit };
        let ray = format!("{:016x}-{COLO}", self.rays.fetch_add(1, Ordering::Relaxed));
        let mut tasks = self.refreshes.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            if let Ok(answered) = edge.fetch(&visit, &ray, Some(Some(&copy))).await
                && !answered.status.is_server_error()
            {
                edge.keep(&visit, &policy, &key, answered, Some(&copy));
            }
            drop(refreshing);
        });
    }

    /// Stores an answer where the rules let it be stored.
    fn keep(&self, visit: &Visit, policy: &Policy, key: &str, answered: Answered, old: Option<&Copy>) -> Kept {
        let authorized = visit.request.headers().contains_key(AUTHORIZATION);
        let settings = &self.payloads.settings;
        let judge = |answered: &Answered| {
            caching::judge(policy, settings, authorized, answered.status, &answered.headers, Timestamp::now())
        };
        if let (StatusCode::NOT_MODIFIED, Some(old)) = (answered.status, old) {
            // The new headers take the place of the old ones (RFC 9111, section 3.2).
            let mut headers = old.answered.headers.clone();
            for name in answered.headers.keys() {
                headers.remove(name);
            }
            headers.extend(answered.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
            let renewed = Answered { status: old.answered.status, headers, body: old.answered.body.clone() };
            let terms = match judge(&renewed) {
                Verdict::Keep(terms) => terms,
                Verdict::Pass(_) => Terms::default(),
            };
            return Kept::Renewed(self.store.put(key, Arc::new(renewed), terms));
        }
        match judge(&answered) {
            Verdict::Keep(terms) => Kept::New(self.store.put(key, Arc::new(answered), terms)),
            Verdict::Pass(status) => {
                // An error does not drive out an old copy, an answer that must not be kept does.
                if !answered.status.is_server_error() {
                    self.store.remove(key);
                }
                Kept::Not(answered, status)
            }
        }
    }

    /// One request to the origin. `cached` is given for what may be stored, with the copy to ask about.
    async fn fetch(&self, visit: &Visit, ray: &str, cached: Option<Option<&Copy>>) -> Result<Answered, Trouble> {
        let addresses = self.payloads.hosts.get(&visit.host).map(Vec::as_slice).unwrap_or_default();
        let mut request = visit.request.clone();
        let headers = request.headers_mut();
        store::strip_connection_headers(headers);
        if let Some(old) = cached {
            for name in [RANGE, IF_RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
                headers.remove(name);
            }
            if let Some(old) = old {
                let validators = [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)];
                for (validator, condition) in validators {
                    if let Some(value) = old.answered.headers.get(&validator) {
                        headers.insert(condition, value.clone());
                    }
                }
            }
        }
        if let Ok(host) = visit.host.parse() {
            headers.insert(HOST, host);
        }
        store::append_forwarded(headers, visit.client);
        let own = [
            ("cf-connecting-ip", visit.client.to_string()),
            ("x-forwarded-proto", if visit.https { "https" } else { "http" }.to_owned()),
            ("cf-ray", ray.to_owned()),
            ("cdn-loop", "cloudflare; loops=1".to_owned()),
        ];
        for (name, value) in own {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        if cached.is_some() {
            *request.method_mut() = Method::GET;
        }
        let ssl = self.payloads.settings.ssl;
        let answer = self.origins.fetch(addresses, visit.edge, ssl, visit.https, &visit.host, &request).await?;
        let (mut parts, body) = answer.into_parts();
        store::strip_connection_headers(&mut parts.headers);
        Ok(Answered { status: parts.status, headers: parts.headers, body })
    }

    fn respond_copy(&self, visit: &Visit, policy: &Policy, copy: &Copy, status: Status) -> Answer {
        let age = (status != Status::Revalidated).then(|| copy.age());
        self.respond(visit, policy, &copy.answered, status, age, copy.terms.strip_cookies)
    }

    fn respond(
        &self,
        visit: &Visit,
        policy: &Policy,
        answered: &Answered,
        status: Status,
        age: Option<Duration>,
        strip_cookies: bool,
    ) -> Answer {
        let settings = &self.payloads.settings;
        let mut headers = answered.headers.clone();
        headers.remove(AGE);
        if let Some(age) = age {
            headers.insert(AGE, HeaderValue::from(age.as_secs()));
        }
        if strip_cookies {
            headers.remove(SET_COOKIE);
        }
        let kept = !matches!(status, Status::Dynamic | Status::Bypass);
        if kept && let Some(text) = caching::browser_cache_control(policy, settings, &headers) {
            headers.remove(CACHE_CONTROL);
            if let Ok(value) = text.parse() {
                headers.insert(CACHE_CONTROL, value);
            }
        }
        headers.insert("cf-cache-status", HeaderValue::from_static(status.as_str()));
        let body = match answered.status {
            StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT => Bytes::new(),
            // A part cannot be recoded.
            StatusCode::PARTIAL_CONTENT => answered.body.clone(),
            _ if *visit.request.method() == Method::HEAD && policy.eligible == Eligible::No => Bytes::new(),
            _ => encode::for_visitor(&mut headers, answered.body.clone(), visit.request.headers(), settings.brotli),
        };
        let mut answer = Answer::new(Full::new(body));
        *answer.status_mut() = answered.status;
        *answer.headers_mut() = headers;
        answer
    }
}

/// What became of an answer.
enum Kept {
    New(Copy),
    /// The origin said 304: the old body, with new headers.
    Renewed(Copy),
    Not(Answered, Status),
}

/// Lower case, no port, no final dot.
fn host_name(header: &str) -> String {
    let name = match header.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => header.split(':').next().unwrap_or_default(),
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn redirection(status: u16, target: &str) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::MOVED_PERMANENTLY);
    let mut answer = serve::text(status, "");
    match HeaderValue::try_from(target) {
        Ok(target) => {
            answer.headers_mut().insert(LOCATION, target);
            answer
        }
        Err(_) => error_page(500, 1000, "The redirect has no valid target"),
    }
}

fn trouble_page(trouble: Trouble) -> Answer {
    let status = trouble.status();
    error_page(status, status, "The origin does not answer as it should")
}

/// An error of the edge's own.
fn error_page(status: u16, code: u16, title: &str) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = serve::text(status, format!("<!doctype html><title>{title}</title><h1>Error {code}</h1>\n"));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store, no-cache, max-age=0"));
    answer
}

#[cfg(test)]
mod tests;
