//! Scalingo's API v1 and its database API, read: `GET`, and the two `POST`s by which its documents want tokens to be
//! got, one for the run and one a database (see [`crate::probe::ApiProbe`] for names in the place of ids). What levers
//! change is sent by [`super::write`].
//!
//! Source: developers.scalingo.com and the client library go-scalingo. Its tokens are good for all that their owner may
//! do: none is for reading alone. A limited collaborator may look at an app and at neither its variables nor its
//! databases (Scalingo docs, platform/user-management/teamwork/roles). Unverified, since no live account was asked: which
//! refusal that gives.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{self, Access, Credential};
use super::budget::Limit;
use super::kept::Kept;
use super::transport::{Reply, Transport, Verb};
use super::write::Sent;
use super::{Options, is_id, joined};
use crate::concerns::apps::Region;
use crate::probe::{ApiAnswer, ApiProvider, Method};
use crate::world::failure::{Unanswered, not_asked};

const AUTH: &str = "https://auth.scalingo.com";
/// Of the 60 requests a minute that an account has (developers.scalingo.com, rate limit), some are left to people.
const LIMIT: Limit = Limit { requests: 50, window: Duration::from_secs(60) };
/// Pages of one list that are read; longer lists are not judged.
const PAGES: usize = 50;

pub(super) struct Scalingo {
    auth: Url,
    api: Url,
    database: Url,
    token: SecretString,
    compared: BTreeMap<String, BTreeSet<String>>,
    transport: Transport,
    /// The token that the run's own is exchanged for; there is one.
    sessions: Kept<SecretString>,
    /// By `APP.ENGINE`; `None`: the app has no such database.
    databases: Kept<Option<Database>>,
}

#[derive(Debug, Clone)]
struct Database {
    id: String,
    token: SecretString,
}

#[derive(Debug, Deserialize)]
struct Exchanged {
    token: SecretString,
}

#[derive(Debug, Deserialize)]
struct Addons {
    addons: Vec<Addon>,
}

#[derive(Debug, Deserialize)]
struct Addon {
    id: String,
    addon_provider: Engine,
}

#[derive(Debug, Deserialize)]
struct Engine {
    id: String,
}

#[derive(Debug, Deserialize)]
struct AddonToken {
    addon: Exchanged,
}

/// What a refusal says.
#[derive(Debug, Deserialize)]
struct Problem {
    error: Option<String>,
    errors: Option<Value>,
}

/// The address of an API of that region.
///
/// # Errors
///
/// Says that the blueprint names no region.
pub(super) fn usual(region: Option<Region>, host: &str) -> Result<String, String> {
    let region = region.ok_or("the blueprint does not say in which region its apps are: [apps] is left out")?;
    Ok(format!("https://{host}.{}.scalingo.com", region.as_str()))
}

impl Scalingo {
    /// # Errors
    ///
    /// Says why nothing can be asked: no token, no region, an address that is none.
    pub(super) fn new(access: &Access, options: &Options) -> Result<Self, String> {
        let token = access.token(access::SCALINGO_TOKEN, "a token of one of the app's collaborators")?;
        let base = |name, usual: &str| access.base(name, usual, options.loopback_only);
        let auth = base(access::SCALINGO_AUTH_URL, AUTH)?;
        let api = base(access::SCALINGO_URL, &usual(options.region, "api")?)?;
        let database = base(access::SCALINGO_DATABASE_URL, &usual(options.region, "db-api")?)?;
        let needs_roots = [&auth, &api, &database].iter().any(|url| url.scheme() == "https");
        let transport = Transport::new(ApiProvider::Scalingo, options, LIMIT, needs_roots)?;
        transport.secrets.learn(token.expose_secret());
        transport.secrets.learn(&access::basic(token.expose_secret()));
        let compared = options.compared.clone();
        Ok(Self {
            auth,
            api,
            database,
            token,
            compared,
            transport,
            sessions: Kept::default(),
            databases: Kept::default(),
        })
    }

    /// `/apps/APP/...`, or `/databases/APP.ENGINE/...` of the database API.
    pub(super) async fn read(&self, path: &str) -> Result<ApiAnswer, Unanswered> {
        let parts: Vec<&str> = path.splitn(4, '/').collect();
        let (status, body) = match parts.as_slice() {
            ["", "apps", app, below] => {
                let (status, mut body) = self.app(app, below).await?;
                if *below == "variables" && status.is_success() {
                    self.drop_values(app, &mut body);
                }
                (status, body)
            }
            ["", "databases", name, below] => match self.database(name).await? {
                Some(Database { id, token }) => {
                    let url = joined(&self.database, &format!("/api/databases/{id}/{below}"))?;
                    self.whole(&url, &token).await?
                }
                None => (StatusCode::NOT_FOUND, Value::Null),
            },
            _ => return Err(not_asked(format!("golive does not know how to read {path} at Scalingo"))),
        };
        Ok(ApiAnswer { at: Timestamp::now(), status: status.as_u16(), body: self.transport.secrets.clean(body) })
    }

    async fn app(&self, app: &str, below: &str) -> Result<(StatusCode, Value), Unanswered> {
        let url = joined(&self.api, &format!("/v1/apps/{app}/{below}"))?;
        let session = self.session().await?;
        self.whole(&url, &session).await
    }

    /// Leaves names, and those values alone that a check compares: the others are the app's secrets.
    fn drop_values(&self, app: &str, body: &mut Value) {
        let none = BTreeSet::new();
        let compared = self.compared.get(app).unwrap_or(&none);
        let Some(variables) = body.get_mut("variables").and_then(Value::as_array_mut) else {
            *body = Value::Null;
            return;
        };
        for variable in variables.iter_mut() {
            let name = variable["name"].as_str().unwrap_or_default().to_owned();
            *variable = match compared.contains(&name) {
                true => json!({ "name": name, "value": variable["value"].take() }),
                false => json!({ "name": name }),
            };
        }
        *body = json!({ "variables": variables.split_off(0) });
    }

    /// The token of an hour.
    async fn session(&self) -> Result<SecretString, Unanswered> {
        let exchange = async {
            let url = joined(&self.auth, "/v1/tokens/exchange")?;
            let got: Exchanged = self.post(&url, Credential::Password(&self.token)).await?;
            self.transport.secrets.learn(got.token.expose_secret());
            Ok(got.token)
        };
        self.sessions.get("", exchange).await
    }

    /// The add-on of an app that is this engine, with the token that its database wants.
    async fn database(&self, name: &str) -> Result<Option<Database>, Unanswered> {
        let learn = async {
            let Some((app, engine)) = name.split_once('.') else {
                return Err(not_asked(format!("`{}` does not name an app's database", name.escape_debug())));
            };
            let (status, body) = self.app(app, "addons").await?;
            if status == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            let url = joined(&self.api, &format!("/v1/apps/{app}/addons"))?;
            let garbled = |what: &str| self.transport.garbled(&url, what);
            let Addons { addons } = serde_json::from_value(body).map_err(|_| garbled("add-ons in another form"))?;
            let mut found = addons.into_iter().filter(|addon| addon.addon_provider.id == engine);
            let Some(Addon { id, .. }) = found.next() else { return Ok(None) };
            if found.next().is_some() {
                let what = format!("several add-ons {engine} of {app}: golive cannot tell which one is meant");
                return Err(self.transport.declined(&url, &what));
            }
            if !is_id(&id) {
                return Err(garbled("an add-on's id is none"));
            }
            let session = self.session().await?;
            let url = joined(&self.api, &format!("/v1/apps/{app}/addons/{id}/token"))?;
            let got: AddonToken = self.post(&url, Credential::Bearer(&session)).await?;
            self.transport.secrets.learn(got.addon.token.expose_secret());
            Ok(Some(Database { id, token: got.addon.token }))
        };
        self.databases.get(name, learn).await
    }

    /// A token, by the one request that is no `GET`.
    async fn post<T: for<'de> Deserialize<'de>>(&self, url: &Url, credential: Credential<'_>) -> Result<T, Unanswered> {
        let reply = self.transport.ask(Verb::Post, url.clone(), credential).await?;
        if !reply.status.is_success() {
            return Err(self.refused(url, &reply));
        }
        // serde's own message would quote what it found.
        serde_json::from_value(reply.body).map_err(|_| self.transport.garbled(url, "no token where one was promised"))
    }

    /// One answer with the pages that follow, in one body; a 404 as it came.
    async fn whole(&self, url: &Url, token: &SecretString) -> Result<(StatusCode, Value), Unanswered> {
        let (status, mut body) = self.page(url, token).await?;
        let mut next = next_page(&body);
        for _ in 1..PAGES {
            let Some(page) = next else { return Ok((status, body)) };
            let mut url = url.clone();
            url.query_pairs_mut().append_pair("page", &page.to_string());
            let (_, mut more) = self.page(&url, token).await?;
            next = next_page(&more).filter(|following| *following > page);
            if !extend(&mut body, &mut more) {
                return Err(self.transport.garbled(&url, "a page in another form than the one before"));
            }
        }
        match next {
            None => Ok((status, body)),
            Some(_) => Err(self.transport.declined(url, &format!("more than {PAGES} pages"))),
        }
    }

    async fn page(&self, url: &Url, token: &SecretString) -> Result<(StatusCode, Value), Unanswered> {
        let reply = self.transport.ask(Verb::Get, url.clone(), Credential::Bearer(token)).await?;
        let is_theirs = reply.body.is_object() || reply.body.is_array();
        match reply.status {
            status if status.is_success() && is_theirs => Ok((status, reply.body)),
            status if status.is_success() => Err(self.transport.garbled(url, "neither an object nor a list")),
            // Any server says 404; Scalingo says of what.
            StatusCode::NOT_FOUND if reply.body.get("error").is_some() => Ok((reply.status, reply.body)),
            StatusCode::NOT_FOUND => {
                Err(self.transport.garbled(url, "404 in another form than Scalingo's: is the address right?"))
            }
            _ => Err(self.refused(url, &reply)),
        }
    }

    /// The value of a variable that checks compare; `None`: it is not set.
    pub(super) async fn variable(&self, app: &str, name: &str) -> Result<Option<String>, Unanswered> {
        let answer = self.read(&format!("/apps/{app}/variables")).await?;
        let Some(all) = answer.body["variables"].as_array() else {
            return Err(not_asked(format!("the account of {} sees no app {app}", access::SCALINGO_TOKEN)));
        };
        let one = all.iter().find(|variable| variable["name"] == name);
        Ok(one.and_then(|variable| variable["value"].as_str()).map(str::to_owned))
    }

    /// Whether each commit is deployed to the app.
    pub(super) async fn auto_deploys(&self, app: &str) -> Result<bool, Unanswered> {
        let answer = self.read(&format!("/apps/{app}/scm_repo_link")).await?;
        match answer.body["scm_repo_link"]["auto_deploy_enabled"].as_bool() {
            Some(is_on) => Ok(is_on),
            None => Err(not_asked(format!(
                "{app} is linked to no repository, or {} does not see it",
                access::SCALINGO_TOKEN
            ))),
        }
    }

    /// `running`, `restarting` and the like.
    pub(super) async fn status(&self, app: &str) -> Result<String, Unanswered> {
        let url = joined(&self.api, &format!("/v1/apps/{app}"))?;
        let (_, body) = self.whole(&url, &self.session().await?).await?;
        match body["app"]["status"].as_str() {
            Some(status) => Ok(self.transport.secrets.told(status)),
            None => Err(self.transport.garbled(&url, "an app without a status")),
        }
    }

    /// How an operation of an app stands, and what it says of its error.
    pub(super) async fn operation(&self, app: &str, id: &str) -> Result<(String, String), Unanswered> {
        let url = joined(&self.api, &format!("/v1/apps/{app}/operations/{id}"))?;
        let (_, body) = self.whole(&url, &self.session().await?).await?;
        let operation = &body["operation"];
        let error = self.transport.secrets.told(operation["error"].as_str().unwrap_or("no reason given"));
        match operation["status"].as_str() {
            Some(status) => Ok((status.to_owned(), error)),
            None => Err(self.transport.garbled(&url, "an operation without a status")),
        }
    }

    /// One write, of an app.
    pub(super) async fn write(&self, method: Method, path: &str, body: &str) -> Sent {
        let sent = async {
            let url = joined(&self.api, path)?;
            let session = self.session().await?;
            let reply = self.transport.ask(Verb::Send(method, body), url.clone(), Credential::Bearer(&session)).await?;
            let refusal = || super::write::told(&self.refused(&url, &reply));
            Ok::<_, Unanswered>(match reply.status {
                status if status.is_success() => {
                    let id = reply.location.as_deref().and_then(|location| location.rsplit('/').next());
                    Sent::Took(id.filter(|id| is_id(id)).map(str::to_owned))
                }
                StatusCode::CONFLICT => Sent::Busy(refusal()),
                status if status.is_server_error() => Sent::Unknown(refusal()),
                _ => Sent::Refused(refusal()),
            })
        };
        sent.await.unwrap_or_else(Sent::from)
    }

    fn refused(&self, url: &Url, reply: &Reply) -> Unanswered {
        let (status, body) = (reply.status, &reply.body);
        let told = match Problem::deserialize(body) {
            Ok(Problem { error: Some(error), .. }) => format!(": {error}"),
            Ok(Problem { errors: Some(errors), .. }) => format!(": {errors}"),
            _ if !reply.words.is_empty() => format!(": {}", reply.words),
            _ => String::new(),
        };
        let remedy = match status {
            StatusCode::UNAUTHORIZED => {
                format!(", {} is not valid: make a new one in the dashboard", access::SCALINGO_TOKEN)
            }
            StatusCode::FORBIDDEN => {
                let token = access::SCALINGO_TOKEN;
                format!(
                    ", the owner of {token} must be a collaborator of the app, for variables and databases no limited one"
                )
            }
            _ => String::new(),
        };
        self.transport.declined(url, &format!("{}{remedy}{told}", status.as_u16()))
    }
}

/// The number of the page after this one (developers.scalingo.com, pagination).
fn next_page(body: &Value) -> Option<u64> {
    body.get("meta")?.get("pagination")?.get("next_page")?.as_u64()
}

/// Adds the list of one page to that of another; `false` if they are not alike.
fn extend(all: &mut Value, more: &mut Value) -> bool {
    let Some(members) = all.as_object_mut() else { return false };
    let Some((key, items)) = members.iter_mut().find_map(|(key, value)| Some((key, value.as_array_mut()?))) else {
        return false;
    };
    let Some(further) = more.get_mut(key.as_str()).and_then(Value::as_array_mut) else { return false };
    items.append(further);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_added_to_the_list_that_they_go_on_with() {
        let mut all = json!({ "domains": [1, 2], "meta": { "pagination": { "current_page": 1, "next_page": 2 } } });
        assert_eq!(next_page(&all), Some(2));
        assert!(extend(&mut all, &mut json!({ "domains": [3], "meta": { "pagination": { "next_page": null } } })));
        assert_eq!(all["domains"], json!([1, 2, 3]));
        assert!(!extend(&mut all, &mut json!({ "others": [3] })));
        assert!(!extend(&mut json!([1]), &mut json!([2])));
        assert_eq!(next_page(&json!({ "meta": { "pagination": { "next_page": null } } })), None);
    }
}
