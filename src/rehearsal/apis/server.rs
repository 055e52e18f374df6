//! The providers' APIs on the loopback, by their own paths: who asks must show a token, things have ids, lists have
//! pages. What is written is read afterwards, and changes the world through [`Switches`]; a variable alone changes
//! nothing, and while an app restarts no second restart of it is taken.
//!
//! Made up where the documents leave it open: the ids, the size of a page (small, so that every run turns some), the
//! words of a refusal.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use data_encoding::BASE64;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::made_up_id;
use crate::probe::ApiProvider;
use crate::providers::api::access;
use crate::rehearsal::edge::Door;
use crate::rehearsal::serve::{self, Answer};

/// Opens both APIs here, and nothing anywhere else.
const TOKEN: &str = "golive-rehearsal-opens-no-account";
/// What Scalingo's is exchanged for.
const SESSION: &str = "golive-rehearsal-token-of-an-hour";
/// Longest body taken, in bytes.
const LONGEST_BODY: usize = 65_536;
/// Items of one page.
const PAGE: usize = 3;

const CLOUDFLARE: &str = "/cloudflare/client/v4";
const SCALINGO_AUTH: &str = "/scalingo/auth";
const SCALINGO_API: &str = "/scalingo/api";
const SCALINGO_DATABASE: &str = "/scalingo/database";

type Bodies = BTreeMap<String, Value>;
type Told = (StatusCode, Value);

/// What the APIs move in the world around them.
#[async_trait::async_trait]
pub trait Switches: Send + Sync {
    /// Drops the copy of a URL.
    fn purge_copy(&self, url: &str);
    fn set_door(&self, door: Door);
    /// The rules of a phase of the CDN from now on; refused where the edge would not take them.
    fn set_rules(&self, phase: &str, ruleset: &Value) -> Result<(), String>;
    /// Starts every machine of an app anew, with these variables; over when the last one is up.
    async fn restart(&self, app: &str, variables: &BTreeMap<String, String>) -> Result<(), String>;
}

/// How an API misbehaves: the next requests of a method whose path ends like this are answered otherwise.
#[derive(Debug, Clone)]
pub struct ApiFault {
    pub method: Method,
    pub path_end: String,
    pub times: u32,
    pub answer: FaultyAnswer,
}

/// What is said in the place of the right answer.
#[derive(Debug, Clone)]
pub enum FaultyAnswer {
    /// This status, with this text as it is; nothing is carried out.
    Says(u16, &'static str),
    /// Nothing, and nothing is carried out.
    Silence,
    /// Nothing, and what was asked is carried out.
    SilenceThoughDone,
}

/// Faults that are still to come.
pub type Faults = Arc<Mutex<Vec<ApiFault>>>;

pub struct Server {
    /// What each provider answers, by the paths of [`crate::probe::ApiProbe`].
    bodies: Mutex<BTreeMap<ApiProvider, Bodies>>,
    switches: Arc<dyn Switches>,
    faults: Faults,
    /// Restarts that are under way; gone with the server.
    operations: Mutex<JoinSet<()>>,
}

impl Server {
    pub fn new(bodies: BTreeMap<ApiProvider, Bodies>, switches: Arc<dyn Switches>, faults: Faults) -> Self {
        Self { bodies: Mutex::new(bodies), switches, faults, operations: Mutex::default() }
    }

    fn bodies(&self) -> MutexGuard<'_, BTreeMap<ApiProvider, Bodies>> {
        // A panic elsewhere cannot leave a map of bodies half-written.
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a run must find in its environment to read these.
    pub fn environment(&self, address: SocketAddr) -> BTreeMap<&'static str, String> {
        let at = |path: &str| format!("http://{address}{path}");
        let mut environment = BTreeMap::new();
        if self.bodies().contains_key(&ApiProvider::Cloudflare) {
            environment.insert(access::CLOUDFLARE_TOKEN, TOKEN.to_owned());
            environment.insert(access::CLOUDFLARE_URL, at(CLOUDFLARE));
        }
        if self.bodies().contains_key(&ApiProvider::Scalingo) {
            environment.insert(access::SCALINGO_TOKEN, TOKEN.to_owned());
            environment.insert(access::SCALINGO_AUTH_URL, at(SCALINGO_AUTH));
            environment.insert(access::SCALINGO_URL, at(SCALINGO_API));
            environment.insert(access::SCALINGO_DATABASE_URL, at(SCALINGO_DATABASE));
        }
        environment
    }

    /// Until the future is dropped.
    pub async fn serve(self, listener: TcpListener) {
        let server = Arc::new(self);
        serve::accept_forever(listener, move |stream, _| {
            let server = server.clone();
            async move {
                serve::speak_http(stream, |request| async {
                    let (parts, body) = request.into_parts();
                    let body = serve::read(body, LONGEST_BODY).await?;
                    let request = Request::from_parts(parts, body);
                    match server.fault_of(&request) {
                        None => Ok(server.answer(&request)),
                        Some(FaultyAnswer::Says(status, text)) => {
                            Ok(serve::text(StatusCode::from_u16(status).unwrap_or_default(), text))
                        }
                        Some(FaultyAnswer::Silence) => std::future::pending().await,
                        Some(FaultyAnswer::SilenceThoughDone) => {
                            server.answer(&request);
                            std::future::pending().await
                        }
                    }
                })
                .await;
            }
        })
        .await;
    }

    fn fault_of(&self, request: &Request<Bytes>) -> Option<FaultyAnswer> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults.iter_mut().find(|fault| {
            fault.times > 0 && fault.method == request.method() && request.uri().path().ends_with(&fault.path_end)
        })?;
        fault.times -= 1;
        Some(fault.answer.clone())
    }

    fn answer(self: &Arc<Self>, request: &Request<Bytes>) -> Answer {
        let of = |provider| self.bodies().get(&provider).cloned().unwrap_or_default();
        let uri = request.uri();
        let asked = Asked {
            method: request.method(),
            query: uri.query().unwrap_or_default(),
            authorization: request
                .headers()
                .get(AUTHORIZATION)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default(),
        };
        let path = uri.path();
        let (status, body) = if let Some(path) = path.strip_prefix(CLOUDFLARE) {
            match path.strip_suffix("/purge_cache") {
                Some(zone) => self.purge(zone, &asked, request.body()),
                None if asked.is(&Method::PATCH, TOKEN) => self.change_zone(path, request.body()),
                None => cloudflare(&of(ApiProvider::Cloudflare), path, &asked),
            }
        } else if let Some(path) = path.strip_prefix(SCALINGO_AUTH) {
            exchange(path, &asked)
        } else if let Some(path) = path.strip_prefix(SCALINGO_API) {
            match path.strip_prefix("/v1/apps/").and_then(|path| path.split_once('/')) {
                Some((app, below @ ("variables" | "restart"))) if asked.is(&Method::POST, SESSION) => {
                    return self.change_app(app, below, request.body());
                }
                Some((app, "scm_repo_link")) if asked.is(&Method::PATCH, SESSION) => {
                    self.change_link(app, request.body())
                }
                _ => scalingo(&of(ApiProvider::Scalingo), path, &asked),
            }
        } else if let Some(path) = path.strip_prefix(SCALINGO_DATABASE) {
            database(&of(ApiProvider::Scalingo), path, &asked)
        } else {
            (StatusCode::NOT_FOUND, Value::Null)
        };
        in_json(status, &body)
    }

    /// Of an app: one variable, or a restart.
    fn change_app(self: &Arc<Self>, app: &str, what: &str, body: &[u8]) -> Answer {
        let told = |(status, body): Told| in_json(status, &body);
        let sent: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut all = self.bodies();
        let Some(bodies) = all.get_mut(&ApiProvider::Scalingo) else { return told(not_found("App")) };
        let held = |path: String, bodies: &Bodies| bodies.get(&path).cloned();
        let variables = held(format!("/apps/{app}/variables"), bodies);
        let (Some(mut variables), Some(status)) = (variables, held(format!("/apps/{app}"), bodies)) else {
            return told(not_found("App"));
        };
        if what == "variables" {
            let (name, value) = (&sent["variable"]["name"], &sent["variable"]["value"]);
            let (Some(list), true) = (variables["variables"].as_array_mut(), name.is_string() && value.is_string())
            else {
                let errors = json!({ "errors": { "name": ["can't be blank"] } });
                return told((StatusCode::UNPROCESSABLE_ENTITY, errors));
            };
            list.retain(|one| one["name"] != *name);
            list.push(json!({ "name": name, "value": value }));
            bodies.insert(format!("/apps/{app}/variables"), variables);
            return told((StatusCode::CREATED, json!({ "variable": sent["variable"] })));
        }
        if status["app"]["status"] != "running" {
            return told((StatusCode::CONFLICT, json!({ "error": "an operation of this app is running" })));
        }
        let nth = bodies.keys().filter(|path| path.starts_with(&format!("/apps/{app}/operations/"))).count();
        let id = made_up_id("operation", &format!("{app} {nth}"));
        stand(bodies, app, &id, "running", "restarting");
        let list = variables["variables"].as_array().into_iter().flatten();
        let pair = |one: &Value| Some((one["name"].as_str()?.to_owned(), one["value"].as_str()?.to_owned()));
        let variables: BTreeMap<String, String> = list.filter_map(pair).collect();
        let (server, of, operation) = (Arc::clone(self), app.to_owned(), id.clone());
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).spawn(async move {
            let ended = server.switches.restart(&of, &variables).await;
            let ended = if ended.is_ok() { "done" } else { "error" };
            if let Some(bodies) = server.bodies().get_mut(&ApiProvider::Scalingo) {
                stand(bodies, &of, &operation, ended, "running");
            }
        });
        let mut answer = in_json(StatusCode::ACCEPTED, &json!({}));
        if let Ok(at) = format!("http://rehearsal{SCALINGO_API}/v1/apps/{app}/operations/{id}").parse() {
            answer.headers_mut().insert(LOCATION, at);
        }
        answer
    }

    /// Whether commits are deployed to an app.
    fn change_link(&self, app: &str, body: &[u8]) -> Told {
        let sent: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut all = self.bodies();
        let bodies = all.get_mut(&ApiProvider::Scalingo);
        let link = bodies.and_then(|bodies| bodies.get_mut(&format!("/apps/{app}/scm_repo_link")));
        let Some(link) = link else { return not_found("SCM Repo Link") };
        let Some(on) = sent["scm_repo_link"]["auto_deploy_enabled"].as_bool() else {
            return (
                StatusCode::UNPROCESSABLE_ENTITY,
                json!({ "errors": { "auto_deploy_enabled": ["is no boolean"] } }),
            );
        };
        link["scm_repo_link"]["auto_deploy_enabled"] = json!(on);
        (StatusCode::OK, link.clone())
    }

    /// A rule, which must come whole: what is left out vanishes.
    fn change_rule(&self, zone_id: &str, ruleset_id: &str, rule_id: &str, body: &[u8]) -> Told {
        let sent: Value = serde_json::from_slice(body).unwrap_or_default();
        let is_whole = ["ref", "expression", "action"].iter().all(|key| sent[*key].is_string());
        let mut all = self.bodies();
        let rules = all.get_mut(&ApiProvider::Cloudflare).into_iter().flatten().find(|(path, _)| {
            let of = path.strip_prefix("/zones/").and_then(|path| path.split_once("/rulesets/phases/"));
            let of = of.and_then(|(zone, phase)| Some((zone, phase.strip_suffix("/entrypoint")?)));
            of.is_some_and(|(zone, phase)| {
                made_up_id("zone", zone) == zone_id && made_up_id("ruleset", phase) == ruleset_id
            })
        });
        let Some((_, held)) = rules else {
            return refusal(StatusCode::NOT_FOUND, 7003, "Could not route to this path: is an id wrong?");
        };
        let found = held["result"]["rules"].as_array_mut().into_iter().flatten();
        let mut found =
            found.filter(|rule| rule["ref"].as_str().is_some_and(|name| made_up_id("rule", name) == rule_id));
        let Some(rule) = found.next().filter(|_| is_whole) else {
            return refusal(StatusCode::BAD_REQUEST, 20_015, "the rule is not whole, or is not there");
        };
        let before = std::mem::replace(rule, sent);
        let phase = held["result"]["phase"].as_str().unwrap_or_default();
        match self.switches.set_rules(phase, &held["result"]) {
            Ok(()) => (StatusCode::OK, held.clone()),
            Err(why) => {
                let rules = held["result"]["rules"].as_array_mut().into_iter().flatten();
                rules.filter(|rule| rule["ref"] == before["ref"]).for_each(|rule| *rule = before.clone());
                refusal(StatusCode::BAD_REQUEST, 20_015, &why)
            }
        }
    }

    /// Of a zone: a waiting room, whose required members must be there, or a rule.
    fn change_zone(&self, path: &str, body: &[u8]) -> Told {
        let parts: Vec<&str> = path.split('/').collect();
        if let ["", "zones", zone, "rulesets", ruleset, "rules", rule] = parts.as_slice() {
            return self.change_rule(zone, ruleset, rule, body);
        }
        const REQUIRED: [&str; 4] = ["host", "name", "new_users_per_minute", "total_active_users"];
        let unknown = || refusal(StatusCode::NOT_FOUND, 7003, "Could not route to this path: is an id wrong?");
        let Some((zone_id, room_id)) = path.strip_prefix("/zones/").and_then(|path| path.split_once("/waiting_rooms/"))
        else {
            return unknown();
        };
        let mut all = self.bodies();
        let rooms = all.get_mut(&ApiProvider::Cloudflare).into_iter().flatten().find(|(path, _)| {
            let zone = path.strip_prefix("/zones/").and_then(|path| path.strip_suffix("/waiting_rooms"));
            zone.is_some_and(|zone| made_up_id("zone", zone) == zone_id)
        });
        let rooms = rooms.and_then(|(_, body)| body["result"].as_array_mut()).into_iter().flatten();
        let mut rooms =
            rooms.filter(|room| room["name"].as_str().is_some_and(|name| made_up_id("thing", name) == room_id));
        let Some(room) = rooms.next().and_then(Value::as_object_mut) else { return unknown() };
        let sent: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(members) = sent.as_object().filter(|sent| REQUIRED.iter().all(|key| sent.contains_key(*key))) else {
            return refusal(StatusCode::BAD_REQUEST, 1006, "a required member is missing");
        };
        room.extend(members.clone());
        let is = |key: &str| room.get(key) == Some(&Value::Bool(true));
        self.switches.set_door(Door { suspended: is("suspended"), holds_all: is("queue_all") });
        (StatusCode::OK, envelope(Value::Object(room.clone())))
    }

    fn purge(&self, zone: &str, asked: &Asked<'_>, body: &[u8]) -> Told {
        if !asked.is(&Method::POST, TOKEN) {
            return refusal(StatusCode::FORBIDDEN, 10_000, "Authentication error");
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match body["files"].as_array().map(Vec::as_slice) {
            Some([Value::String(url)]) => {
                self.switches.purge_copy(url);
                (StatusCode::OK, envelope(json!({ "id": zone.rsplit('/').next() })))
            }
            _ => refusal(StatusCode::BAD_REQUEST, 1012, "Request must contain one of \"files\""),
        }
    }
}

fn in_json(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// How an operation and its app stand.
fn stand(bodies: &mut Bodies, app: &str, operation: &str, status: &str, of_app: &str) {
    let told = json!({ "operation": { "id": operation, "type": "restart", "status": status } });
    bodies.insert(format!("/apps/{app}/operations/{operation}"), told);
    bodies.insert(format!("/apps/{app}"), json!({ "app": { "name": app, "status": of_app } }));
}

struct Asked<'a> {
    method: &'a Method,
    query: &'a str,
    authorization: &'a str,
}

impl Asked<'_> {
    fn is(&self, method: &Method, bearer: &str) -> bool {
        self.method == method && self.authorization.strip_prefix("Bearer ") == Some(bearer)
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key).map(|(_, v)| v)
    }
}

fn cloudflare(bodies: &Bodies, path: &str, asked: &Asked<'_>) -> Told {
    if !asked.is(&Method::GET, TOKEN) {
        return refusal(StatusCode::FORBIDDEN, 10_000, "Authentication error");
    }
    let mut zones: Vec<&str> = bodies.keys().filter_map(|path| path.split('/').nth(2)).collect();
    zones.dedup();
    if path == "/zones" {
        let found = zones.into_iter().filter(|zone| asked.value("name") == Some(zone));
        let zones: Vec<Value> = found
            .map(|zone| {
                let account = json!({ "id": made_up_id("account", zone), "name": "rehearsal" });
                json!({ "id": made_up_id("zone", zone), "name": zone, "account": account })
            })
            .collect();
        return (StatusCode::OK, paged(envelope(zones.into()), path, asked));
    }
    let unknown = || refusal(StatusCode::NOT_FOUND, 7003, "Could not route to this path: is an id wrong?");
    let parts: Vec<&str> = path.splitn(4, '/').collect();
    let (kind, id, below) = match parts.as_slice() {
        ["", kind, id, below] => (*kind, *id, format!("/{below}")),
        ["", kind, id] => (*kind, *id, String::new()),
        _ => return unknown(),
    };
    let word = if kind == "zones" { "zone" } else { "account" };
    let Some(zone) = zones.into_iter().find(|zone| made_up_id(word, zone) == id) else { return unknown() };
    let by_name = format!("/{kind}/{zone}{below}");
    let held = held(bodies, &by_name, asked).or_else(|| {
        // The path of a thing that has a name: its id stands where the name stands in ours.
        let candidates = bodies.keys().filter(|path| path.split('/').count() == by_name.split('/').count());
        let mut same = candidates.filter(|path| {
            path.split('/')
                .zip(by_name.split('/'))
                .all(|(ours, theirs)| ours == theirs || made_up_id("thing", ours) == theirs)
        });
        same.next().and_then(|path| bodies.get(path)).cloned()
    });
    match held.or_else(|| listed(bodies, &by_name)) {
        Some(body) => (StatusCode::OK, paged(with_ids(body), path, asked)),
        None => unknown(),
    }
}

/// What was staged under the path and its query, the page aside.
fn held(bodies: &Bodies, path: &str, asked: &Asked<'_>) -> Option<Value> {
    let is_page = |pair: &&str| pair.starts_with("page=") || pair.starts_with("cursor=");
    let query: Vec<&str> = asked.query.split('&').filter(|pair| !pair.is_empty() && !is_page(pair)).collect();
    let key = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) };
    bodies.get(&key).cloned()
}

/// The things below a path, where only they were staged and not their list.
fn listed(bodies: &Bodies, path: &str) -> Option<Value> {
    if !["/rules/lists", "/load_balancers/pools"].iter().any(|kind| path.ends_with(kind)) {
        return None;
    }
    let start = format!("{path}/");
    let names = bodies.keys().filter_map(|path| path.strip_prefix(&start)?.split('/').next());
    Some(envelope(names.map(|name| json!({ "name": name })).collect()))
}

fn envelope(result: Value) -> Value {
    json!({ "success": true, "errors": [], "messages": [], "result": result })
}

fn refusal(status: StatusCode, code: u32, message: &str) -> Told {
    let errors = json!([{ "code": code, "message": message }]);
    (status, json!({ "success": false, "errors": errors, "messages": [], "result": null }))
}

/// Whatever has a name has an id.
fn with_ids(mut body: Value) -> Value {
    for one in body["result"].as_array_mut().into_iter().flatten() {
        if let Some(id) = one["name"].as_str().map(|name| made_up_id("thing", name)) {
            one["id"] = json!(id);
        }
    }
    if let Some(phase) = body["result"]["phase"].as_str().map(str::to_owned) {
        body["result"]["id"] = json!(made_up_id("ruleset", &phase));
        for rule in body["result"]["rules"].as_array_mut().into_iter().flatten() {
            if let Some(id) = rule["ref"].as_str().map(|name| made_up_id("rule", name)) {
                rule["id"] = json!(id);
            }
        }
    }
    body
}

/// One page of a list: by cursor for the items of an account's list, by number elsewhere.
fn paged(mut body: Value, path: &str, asked: &Asked<'_>) -> Value {
    let Some(items) = body["result"].as_array_mut() else { return body };
    let total = items.len();
    let by_cursor = path.ends_with("/items");
    let number = |key| asked.value(key).and_then(|text| text.parse::<usize>().ok());
    let first = match by_cursor {
        true => number("cursor").unwrap_or(0),
        false => number("page").unwrap_or(1).saturating_sub(1).saturating_mul(PAGE),
    };
    let page: Vec<Value> = items.drain(..).skip(first).take(PAGE).collect();
    let count = page.len();
    let info = match by_cursor {
        true if first + count < total => json!({ "cursors": { "after": (first + count).to_string() } }),
        true => json!({}),
        false => json!({ "page": first / PAGE + 1, "per_page": PAGE, "count": count, "total_count": total }),
    };
    body["result"] = page.into();
    body["result_info"] = info;
    body
}

fn unauthorized() -> Told {
    (StatusCode::UNAUTHORIZED, json!({ "error": "You are not authorized to do this operation" }))
}

fn not_found(resource: &str) -> Told {
    (StatusCode::NOT_FOUND, json!({ "resource": resource, "error": "not found" }))
}

fn exchange(path: &str, asked: &Asked<'_>) -> Told {
    let wanted = format!("Basic {}", BASE64.encode(format!(":{TOKEN}").as_bytes()));
    match path {
        "/v1/tokens/exchange" if asked.method == Method::POST && asked.authorization == wanted => {
            (StatusCode::OK, json!({ "token": SESSION }))
        }
        "/v1/tokens/exchange" => unauthorized(),
        _ => not_found("Token"),
    }
}

fn scalingo(bodies: &Bodies, path: &str, asked: &Asked<'_>) -> Told {
    if asked.is(&Method::POST, SESSION)
        && let Some(id) = path.strip_suffix("/token").and_then(|path| path.rsplit('/').next())
        && let Some(name) = database_named(bodies, id)
    {
        return (StatusCode::OK, json!({ "addon": { "id": id, "token": database_token(&name) } }));
    }
    if !asked.is(&Method::GET, SESSION) {
        return unauthorized();
    }
    match path.strip_prefix("/v1").and_then(|path| bodies.get(path)) {
        Some(body) => (StatusCode::OK, body.clone()),
        None => not_found("App"),
    }
}

fn database(bodies: &Bodies, path: &str, asked: &Asked<'_>) -> Told {
    let found = path.strip_prefix("/api/databases/").and_then(|path| path.split_once('/'));
    let found = found.and_then(|(id, below)| Some((database_named(bodies, id)?, below)));
    match found {
        Some((name, _)) if !asked.is(&Method::GET, &database_token(&name)) => unauthorized(),
        Some((name, below)) => match bodies.get(&format!("/databases/{name}/{below}")) {
            Some(body) => (StatusCode::OK, body.clone()),
            None => not_found("Database"),
        },
        None => not_found("Database"),
    }
}

/// `APP.ENGINE` of an add-on's id.
fn database_named(bodies: &Bodies, id: &str) -> Option<String> {
    bodies.iter().find_map(|(path, body)| {
        let app = path.strip_prefix("/apps/")?.strip_suffix("/addons")?;
        let addon = body["addons"].as_array()?.iter().find(|addon| addon["id"] == id)?;
        Some(format!("{app}.{}", addon["addon_provider"]["id"].as_str()?))
    })
}

fn database_token(name: &str) -> String {
    made_up_id("token", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    #[async_trait::async_trait]
    impl Switches for Nothing {
        fn purge_copy(&self, _: &str) {}
        fn set_door(&self, _: Door) {}
        fn set_rules(&self, _: &str, _: &Value) -> Result<(), String> {
            Ok(())
        }
        async fn restart(&self, _: &str, _: &BTreeMap<String, String>) -> Result<(), String> {
            Ok(())
        }
    }

    fn ask(server: &Arc<Server>, method: Method, path: &str, authorization: &str) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(AUTHORIZATION, authorization)
            .body(Bytes::new())
            .unwrap();
        let answer = server.answer(&request);
        let status = answer.status().as_u16();
        use futures_util::FutureExt as _;
        use http_body_util::BodyExt as _;
        let body = answer.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn nothing_is_told_without_the_right_token() {
        let bodies = |path: &str, body: Value| Bodies::from([(path.to_owned(), body)]);
        let bodies = BTreeMap::from([
            (
                ApiProvider::Cloudflare,
                bodies("/zones/example.org/settings/ssl", envelope(json!({ "value": "strict" }))),
            ),
            (
                ApiProvider::Scalingo,
                bodies("/apps/shop/addons", json!({ "addons": [{ "id": "ad-1", "addon_provider": { "id": "pg" } }] })),
            ),
        ]);
        let server = Arc::new(Server::new(bodies, Arc::new(Nothing), Faults::default()));
        let wrong = [
            (Method::GET, "/cloudflare/client/v4/zones?name=example.org", 403),
            (Method::GET, "/scalingo/api/v1/apps/shop/addons", 401),
            (Method::POST, "/scalingo/auth/v1/tokens/exchange", 401),
            (Method::POST, "/scalingo/api/v1/apps/shop/addons/ad-1/token", 401),
            (Method::GET, "/scalingo/database/api/databases/ad-1/backups", 401),
        ];
        for (method, path, status) in wrong {
            for authorization in ["", "Bearer x", &format!("Basic {TOKEN}")] {
                assert_eq!(ask(&server, method.clone(), path, authorization).0, status, "{path}");
            }
        }
        let bearer = format!("Bearer {TOKEN}");
        let (status, zones) = ask(&server, Method::GET, "/cloudflare/client/v4/zones?name=example.org", &bearer);
        assert_eq!((status, zones["result"][0]["id"].as_str().map(str::len)), (200, Some(32)));
        let (_, none) = ask(&server, Method::GET, "/cloudflare/client/v4/zones?name=example.com", &bearer);
        assert_eq!(none["result"], json!([]));
        assert_eq!(ask(&server, Method::POST, "/cloudflare/client/v4/zones?name=example.org", &bearer).0, 403);
    }
}
