//! Cloudflare's API v4, read with `GET`, with names in the place of ids (see [`crate::probe::ApiProbe`]); one `POST`
//! purges one URL, and [`super::write`] changes what levers change.
//!
//! Source: Cloudflare docs (fundamentals/api, each product's API page) and its generated Go client. Unverified, since
//! no live account was asked: which permission opens the rules of which phase, and the number of an error where a
//! permission is missing.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::access::{self, Access, Credential};
use super::budget::Limit;
use super::kept::Kept;
use super::transport::{Reply, Transport, Verb};
use super::write::Sent;
use super::{Options, is_id};
use crate::probe::{ApiAnswer, ApiProvider, Method};
use crate::world::failure::{Unanswered, not_asked};

pub(super) const BASE: &str = "https://api.cloudflare.com/client/v4";
/// Half of the 1,200 requests in five minutes that a user has with all tokens and the dashboard together
/// (fundamentals/api/reference/limits); beyond them everything is refused for five minutes, the team's own hands too.
const LIMIT: Limit = Limit { requests: 600, window: Duration::from_secs(300) };
/// Pages of one list that are read; longer lists are not judged.
const PAGES: usize = 50;

/// Things that have names and that the API wants by id: where the path goes on, and where they are listed.
const NAMED: [&str; 3] = ["waiting_rooms", "rules/lists", "load_balancers/pools"];

pub(super) struct Cloudflare {
    base: Url,
    token: SecretString,
    transport: Transport,
    zones: Kept<Vec<Zone>>,
    /// By the path of the list.
    lists: Kept<Vec<Named>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Zone {
    id: String,
    account: Account,
}

#[derive(Debug, Clone, Deserialize)]
struct Account {
    id: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Named {
    id: String,
    name: String,
}

/// What every answer is wrapped in.
#[derive(Debug, Deserialize)]
struct Envelope {
    success: bool,
    errors: Option<Vec<Problem>>,
    result: Option<Value>,
    result_info: Option<ResultInfo>,
}

#[derive(Debug, Deserialize)]
struct Problem {
    code: i64,
    message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResultInfo {
    page: Option<u64>,
    per_page: Option<u64>,
    total_count: Option<u64>,
    cursors: Option<Cursors>,
}

/// The items of a list are paged by these and not by numbers.
#[derive(Debug, Deserialize)]
struct Cursors {
    after: Option<String>,
}

impl Cloudflare {
    /// # Errors
    ///
    /// Says why nothing can be asked: no token, an address that is none.
    pub(super) fn new(access: &Access, options: &Options) -> Result<Self, String> {
        let token = access.token(access::CLOUDFLARE_TOKEN, "a read-only token")?;
        let base = access.base(access::CLOUDFLARE_URL, BASE, options.loopback_only)?;
        let transport = Transport::new(ApiProvider::Cloudflare, options, LIMIT, base.scheme() == "https")?;
        transport.secrets.learn(token.expose_secret());
        Ok(Self { base, token, transport, zones: Kept::default(), lists: Kept::default() })
    }

    /// `/zones/ZONE/...` or `/accounts/ZONE/...`, ZONE being a zone's name.
    pub(super) async fn read(&self, path: &str) -> Result<ApiAnswer, Unanswered> {
        let parts: Vec<&str> = path.splitn(4, '/').collect();
        let (kind, name, below) = match parts.as_slice() {
            ["", kind @ ("zones" | "accounts"), name, below] => (*kind, *name, *below),
            ["", "zones", name] => return self.zone_itself(name).await,
            _ => return Err(not_asked(format!("golive does not know how to read {path} at Cloudflare"))),
        };
        let zone = self.zone(name).await?;
        let owner = if kind == "zones" { &zone.id } else { &zone.account.id };
        let Some(below) = self.by_id(&format!("/{kind}/{owner}"), below).await? else {
            return Ok(ApiAnswer { at: Timestamp::now(), status: 404, body: Value::Null });
        };
        let (status, body) = self.whole(&format!("/{kind}/{owner}/{below}")).await?;
        Ok(ApiAnswer { at: Timestamp::now(), status: status.as_u16(), body: self.transport.secrets.clean(body) })
    }

    /// What the zone is; its owner, people and plan are dropped.
    async fn zone_itself(&self, name: &str) -> Result<ApiAnswer, Unanswered> {
        const KEPT: [&str; 6] = ["name", "type", "status", "paused", "name_servers", "vanity_name_servers"];
        let zone = self.zone(name).await?;
        let (status, mut body) = self.whole(&format!("/zones/{}", zone.id)).await?;
        if let Some(result) = body.get_mut("result").and_then(Value::as_object_mut) {
            result.retain(|key, _| KEPT.contains(&key.as_str()));
        }
        Ok(ApiAnswer { at: Timestamp::now(), status: status.as_u16(), body: self.transport.secrets.clean(body) })
    }

    /// Drops the copies of one URL, in every data centre (docs, cache/how-to/purge-cache/purge-by-single-file).
    pub(super) async fn purge(&self, zone: &str, purged: &str) -> Result<ApiAnswer, Unanswered> {
        let path = format!("/zones/{}/purge_cache", self.zone(zone).await?.id);
        let body = serde_json::json!({ "files": [purged] }).to_string();
        let (status, body, _) = self.asked(Verb::Send(Method::Post, &body), &path, &self.url(&path)?).await?;
        Ok(ApiAnswer { at: Timestamp::now(), status: status.as_u16(), body: self.transport.secrets.clean(body) })
    }

    /// The zone of this name. One name may be a zone in several accounts, and nobody but the token's owner knows which
    /// one is meant.
    async fn zone(&self, name: &str) -> Result<Zone, Unanswered> {
        let path = format!("/zones?name={name}");
        let zones = self.zones.get(name, self.list(&path)).await?;
        let url = self.url(&path)?;
        match zones.as_slice() {
            [zone] if is_id(&zone.id) && is_id(&zone.account.id) => Ok(zone.clone()),
            [_] => Err(self.transport.garbled(&url, "the zone's id is none")),
            [] => Err(self.transport.declined(
                &url,
                &format!("no zone {name}: make the token in the account that holds it, with the permission Zone Read"),
            )),
            some => Err(self.transport.declined(
                &url,
                &format!("{} zones {name}, each in another account: restrict the token to one account", some.len()),
            )),
        }
    }

    /// The path below an owner with the id in the place of the name, if it names a thing; `None`: there is no such thing.
    async fn by_id(&self, owner: &str, below: &str) -> Result<Option<String>, Unanswered> {
        let (found, rest) =
            match NAMED.iter().find_map(|kind| Some((*kind, below.strip_prefix(*kind)?.strip_prefix('/')?))) {
                Some(found) => found,
                None => return Ok(Some(below.to_owned())),
            };
        let (name, rest) =
            rest.split_once('/').map_or((rest, String::new()), |(name, rest)| (name, format!("/{rest}")));
        let path = format!("{owner}/{found}");
        let all = self.lists.get(&path, self.list(&path)).await?;
        match all.iter().find(|one| one.name == name) {
            None => Ok(None),
            Some(one) if is_id(&one.id) => Ok(Some(format!("{found}/{}{rest}", one.id))),
            Some(_) => Err(self.transport.garbled(&self.url(&path)?, "an id is none")),
        }
    }

    /// A whole list, as far as we interpret it.
    async fn list<T: for<'de> Deserialize<'de>>(&self, path: &str) -> Result<Vec<T>, Unanswered> {
        let (status, mut body) = self.whole(path).await?;
        let url = self.url(path)?;
        if status == StatusCode::NOT_FOUND {
            return Err(self.transport.declined(&url, "404 where it lists things"));
        }
        serde_json::from_value(body["result"].take())
            .map_err(|_| self.transport.garbled(&url, "a list in another form"))
    }

    /// One answer with the pages that follow, in one envelope; a 404 as it came.
    async fn whole(&self, path: &str) -> Result<(StatusCode, Value), Unanswered> {
        let url = self.url(path)?;
        let (status, mut body, mut envelope) = self.page(path, &url).await?;
        let mut next = next_page(&envelope, 1);
        for nth in 2..=PAGES {
            let Some((key, value)) = next else { return Ok((status, body)) };
            let mut url = url.clone();
            url.query_pairs_mut().append_pair(key, &value);
            let (more_status, _, more) = self.page(path, &url).await?;
            next = next_page(&more, nth);
            envelope = more;
            match (body["result"].as_array_mut(), envelope.result) {
                (Some(all), Some(Value::Array(items))) if more_status.is_success() => all.extend(items),
                _ => return Err(self.transport.garbled(&url, "a page in another form than the one before")),
            }
        }
        match next {
            None => Ok((status, body)),
            Some(_) => Err(self.transport.declined(&url, &format!("more than {PAGES} pages"))),
        }
    }

    /// A success, or a 404, in the provider's envelope.
    async fn page(&self, path: &str, url: &Url) -> Result<(StatusCode, Value, Envelope), Unanswered> {
        self.asked(Verb::Get, path, url).await
    }

    async fn asked(&self, verb: Verb<'_>, path: &str, url: &Url) -> Result<(StatusCode, Value, Envelope), Unanswered> {
        let reply = self.transport.ask(verb, url.clone(), Credential::Bearer(&self.token)).await?;
        self.sorted(verb, path, url, reply)
    }

    fn sorted(
        &self,
        verb: Verb<'_>,
        path: &str,
        url: &Url,
        reply: Reply,
    ) -> Result<(StatusCode, Value, Envelope), Unanswered> {
        let status = reply.status;
        let envelope = Envelope::deserialize(&reply.body).ok();
        let words = envelope.iter().flat_map(|envelope| envelope.errors.iter().flatten());
        let mut words: Vec<String> = words.map(|problem| format!("{} {}", problem.code, problem.message)).collect();
        words.extend(Some(reply.words).filter(|words| !words.is_empty()));
        let told = if words.is_empty() { String::new() } else { format!(": {}", words.join("; ")) };
        match (status, envelope) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                let remedy = format!("give {} the permission {}", access::CLOUDFLARE_TOKEN, permission(path, verb));
                Err(self.transport.declined(url, &format!("{}, {remedy}{told}", status.as_u16())))
            }
            (StatusCode::NOT_FOUND, Some(envelope)) => Ok((status, reply.body, envelope)),
            (StatusCode::NOT_FOUND, None) => {
                let what = format!("404 in another form than Cloudflare's: is {} right?", access::CLOUDFLARE_URL);
                Err(self.transport.garbled(url, &what))
            }
            (status, Some(envelope)) if status.is_success() && envelope.success => Ok((status, reply.body, envelope)),
            (status, None) if status.is_success() => {
                Err(self.transport.garbled(url, "not the envelope that Cloudflare documents"))
            }
            (status, _) => Err(self.transport.declined(url, &format!("{}{told}", status.as_u16()))),
        }
    }

    /// The room of this name, as it is.
    pub(super) async fn room(&self, zone: &str, name: &str) -> Result<Value, Unanswered> {
        let path = format!("/zones/{zone}/waiting_rooms");
        let answer = self.read(&path).await?;
        let rooms = answer.body["result"].as_array().map(Vec::as_slice).unwrap_or_default();
        match rooms.iter().find(|room| room["name"] == name) {
            Some(room) => Ok(room.clone()),
            None => Err(not_asked(format!("the zone {zone} has no waiting room {name}"))),
        }
    }

    /// The id of the rules of a phase, and the rule of this `ref` among them, as it is.
    pub(super) async fn rule(&self, zone: &str, phase: &str, rule: &str) -> Result<(String, Value), Unanswered> {
        let answer = self.read(&format!("/zones/{zone}/rulesets/phases/{phase}/entrypoint")).await?;
        let rules = answer.body["result"]["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found = rules.iter().find(|one| one["ref"] == rule);
        let ids = answer.body["result"]["id"]
            .as_str()
            .zip(found)
            .filter(|(id, found)| is_id(id) && found["id"].as_str().is_some_and(is_id));
        match ids {
            Some((id, found)) => Ok((id.to_owned(), found.clone())),
            None => Err(not_asked(format!("the zone {zone} has no rule {rule} in {phase}: apply terraform/ first"))),
        }
    }

    /// One write; in the path names stand in braces.
    pub(super) async fn write(&self, method: Method, path: &str, body: &str) -> Sent {
        let sent = async {
            let path = self.with_ids(path).await?;
            let url = self.url(&path)?;
            let verb = Verb::Send(method, body);
            let reply = self.transport.ask(verb, url.clone(), Credential::Bearer(&self.token)).await?;
            let status = reply.status;
            let sorted = self.sorted(verb, &path, &url, reply);
            Ok::<_, Unanswered>(match (status, sorted) {
                (StatusCode::NOT_FOUND, Ok(_)) => Sent::Refused(format!("{path}: 404, there is no such thing")),
                (_, Ok(_)) => Sent::Took(None),
                (StatusCode::CONFLICT, Err(refusal)) => Sent::Busy(super::write::told(&refusal)),
                (status, Err(refusal)) if status.is_server_error() => Sent::Unknown(super::write::told(&refusal)),
                (_, Err(refusal)) => refusal.into(),
            })
        };
        sent.await.unwrap_or_else(Sent::from)
    }

    /// `/zones/{ZONE}/KIND/{NAME}`, with the ids in the place of the names.
    async fn with_ids(&self, path: &str) -> Result<String, Unanswered> {
        let bare = path.replace(['{', '}'], "");
        let unknown = || not_asked(format!("{bare}: there is no such thing"));
        let mut parts = bare.splitn(4, '/').skip(2);
        let (Some(name), Some(below)) = (parts.next(), parts.next()) else { return Err(unknown()) };
        let owner = format!("/zones/{}", self.zone(name).await?.id);
        if let Some((phase, rule)) = below.strip_prefix("rulesets/").and_then(|below| below.split_once("/rules/")) {
            let (ruleset, rule) = self.rule(name, phase, rule).await?;
            return Ok(format!("{owner}/rulesets/{ruleset}/rules/{}", rule["id"].as_str().unwrap_or_default()));
        }
        let below = self.by_id(&owner, below).await?.ok_or_else(unknown)?;
        Ok(format!("{owner}/{below}"))
    }

    fn url(&self, path: &str) -> Result<Url, Unanswered> {
        super::joined(&self.base, path)
    }
}

/// What to add to the query for the page after the `nth`.
fn next_page(envelope: &Envelope, nth: usize) -> Option<(&'static str, String)> {
    let items = envelope.result.as_ref()?.as_array()?;
    let info = envelope.result_info.as_ref()?;
    if let Some(after) =
        info.cursors.as_ref().and_then(|cursors| cursors.after.as_ref()).filter(|after| !after.is_empty())
    {
        return Some(("cursor", after.clone()));
    }
    let seen = info.page?.saturating_mul(info.per_page?);
    let more = info.total_count? > seen && !items.is_empty();
    more.then(|| ("page", (nth + 1).to_string()))
}

/// What the token must be allowed to, by the names in Cloudflare's list of permissions (fundamentals/api/reference/
/// permissions). Of the phases checks read those of the firewall and its limits; their pairing is inferred from the
/// documents, which list permissions and phases apart.
fn permission(path: &str, verb: Verb<'_>) -> &'static str {
    if matches!(verb, Verb::Send(..)) {
        match path {
            path if path.contains("/waiting_rooms") => return "Waiting Rooms Write",
            path if path.contains("/rulesets/") => return "Zone WAF Write",
            _ => {}
        }
    }
    const BY_PART: [(&str, &str); 8] = [
        ("/purge_cache", "Cache Purge"),
        ("/settings/", "Zone Settings Read"),
        ("/waiting_rooms", "Waiting Rooms Read"),
        ("/ssl/", "SSL and Certificates Read"),
        ("/rules/lists", "Account Filter Lists Read"),
        ("/load_balancers", "Load Balancing: Monitors and Pools Read"),
        ("/rulesets/", "Zone WAF Read"),
        ("/zones?", "Zone Read"),
    ];
    BY_PART.iter().find(|(part, _)| path.contains(part)).map_or("to read this", |(_, permission)| permission)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn envelope(value: Value) -> Envelope {
        Envelope::deserialize(value).unwrap()
    }

    #[test]
    fn pages_are_followed_by_number_or_cursor_to_their_end() {
        let by_number = |page, items: Value| {
            let info = json!({ "page": page, "per_page": 2, "count": 2, "total_count": 3 });
            next_page(&envelope(json!({ "success": true, "result": items, "result_info": info })), page)
        };
        assert_eq!(by_number(1, json!([1, 2])), Some(("page", "2".to_owned())));
        assert_eq!(by_number(2, json!([3])), None);
        assert_eq!(by_number(1, json!([])), None, "an empty page is the last, whatever the sum says");
        let by_cursor = |after: Value| {
            let info = json!({ "cursors": { "after": after } });
            next_page(&envelope(json!({ "success": true, "result": [1], "result_info": info })), 1)
        };
        assert_eq!(by_cursor(json!("abc")), Some(("cursor", "abc".to_owned())));
        assert_eq!(by_cursor(json!(null)), None);
        assert_eq!(by_cursor(json!("")), None);
        assert_eq!(next_page(&envelope(json!({ "success": true, "errors": null, "result": {} })), 1), None);
    }

    #[test]
    fn each_path_has_its_permission() {
        for (path, wanted) in [
            ("/zones?name=example.org", "Zone Read"),
            ("/zones/1/settings/ssl", "Zone Settings Read"),
            ("/zones/1/rulesets/phases/http_ratelimit/entrypoint", "Zone WAF Read"),
            ("/accounts/1/rules/lists/2/items", "Account Filter Lists Read"),
        ] {
            assert_eq!(permission(path, Verb::Get), wanted, "{path}");
        }
    }
}
