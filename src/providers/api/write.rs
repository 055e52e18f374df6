//! Carries out one action of a lever: reads first, sends once, and reads back before it sends again. What it must not do:
//! decide which action, or whether.
//!
//! | answer | what follows |
//! |-|-|
//! | already so | nothing is sent |
//! | 429 | asked again as the transport does it, after Retry-After where there is one |
//! | 409: another operation runs | sent again, with growing pauses, for a minute and a half |
//! | 5xx, silence, or an answer that is none | read back; sent again only if it is not so |
//! | 202 with an operation | polled to its end |
//! | any other refusal | told, with the permission that is missing |

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::access::{self, Access};
use super::{Apis, cloudflare, scalingo};
use crate::concerns::apps::Region;
use crate::concerns::lever::Action;
use crate::probe::{ApiProvider, Failure, FailureKind, Method, Observation};
use crate::world::failure::Unanswered;

/// Pauses while another operation of the app runs: 91 s together.
const BUSY_PAUSES: [u64; 7] = [1, 2, 4, 8, 16, 30, 30];
/// Pauses after what may have been carried out, and was not.
const FAILED_PAUSES: [u64; 2] = [1, 2];
/// How often an operation is looked at, and for how long: as long as Scalingo's own Terraform provider waits for one.
const OPERATION_EVERY: Duration = Duration::from_secs(2);
const OPERATION_LOOKS: u32 = 150;

/// One write. In the path a name in braces stands where the provider wants an id.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub provider: ApiProvider,
    pub method: Method,
    pub path: String,
    /// What changes.
    pub body: Value,
    pub kept: Kept,
}

/// What is sent as it was read, since the provider wants it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Nothing,
    /// These members.
    Members(&'static [&'static str]),
    /// All members: what is left out would vanish (docs, ruleset-engine/rulesets-api/update-rule). Those that the provider
    /// sets itself it does not take.
    AllBut(&'static [&'static str]),
}

/// What came of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was so before; nothing was sent.
    AlreadySo,
    Done,
}

/// An action that did not come to a good end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    pub because: String,
    /// It may have been carried out all the same: nobody can tell.
    pub maybe: bool,
}

/// What became of one request.
pub(super) enum Sent {
    /// With the operation that goes on, if one does.
    Took(Option<String>),
    /// Another operation runs.
    Busy(String),
    /// It was certainly not carried out, and will not be.
    Refused(String),
    /// It may have been carried out.
    Unknown(String),
}

/// Whether something is as an action wants it; `None`: it has no state that could be read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    pub so: Option<bool>,
    pub current: Value,
}

impl From<Unanswered> for Sent {
    fn from(unanswered: Unanswered) -> Self {
        let because = told(&unanswered);
        match *unanswered {
            Observation::Failed(Failure { kind: FailureKind::Declined, .. }) | Observation::NotAsked { .. } => {
                Sent::Refused(because)
            }
            _ => Sent::Unknown(because),
        }
    }
}

pub(super) fn told(observation: &Observation) -> String {
    match observation {
        Observation::Failed(Failure { message, .. }) => message.clone(),
        Observation::NotAsked { because } => because.clone(),
        _ => "an answer that nobody asked for".to_owned(),
    }
}

/// The request of an action.
pub fn request(action: &Action) -> Request {
    let scalingo = |method, path: String, body| Request {
        provider: ApiProvider::Scalingo,
        method,
        path: format!("/v1/apps/{path}"),
        body,
        kept: Kept::Nothing,
    };
    match action {
        Action::SetVariable { app, name, value } => scalingo(
            Method::Post,
            format!("{app}/variables"),
            json!({ "variable": { "name": name.to_string(), "value": value } }),
        ),
        Action::Restart { app } => scalingo(Method::Post, format!("{app}/restart"), json!({})),
        Action::Room { zone, room, members } => Request {
            provider: ApiProvider::Cloudflare,
            method: Method::Patch,
            path: format!("/zones/{{{zone}}}/waiting_rooms/{{{room}}}"),
            body: Value::from_iter(members.iter().map(|(key, value)| ((*key).to_owned(), value.clone()))),
            // Cloudflare's schema wants these four; an example of its documents does without.
            kept: Kept::Members(&["host", "name", "new_users_per_minute", "total_active_users"]),
        },
        Action::Rule { zone, phase, rule, members } => Request {
            provider: ApiProvider::Cloudflare,
            method: Method::Patch,
            path: format!("/zones/{{{zone}}}/rulesets/{{{phase}}}/rules/{{{rule}}}"),
            body: Value::from_iter(members.iter().map(|(key, value)| ((*key).to_owned(), value.clone()))),
            kept: Kept::AllBut(&["id", "version", "last_updated"]),
        },
        Action::AutoDeploy { app, on } => scalingo(
            Method::Patch,
            format!("{app}/scm_repo_link"),
            json!({ "scm_repo_link": { "auto_deploy_enabled": on } }),
        ),
    }
}

/// The request as a person reads it before it is sent: `METHOD URL`, then its body. Needs no token.
///
/// # Errors
///
/// Names the variable that holds no address, or says that no region is known.
pub fn shown(action: &Action, access: &Access, region: Option<Region>) -> Result<String, String> {
    let Request { provider, method, path, body, kept } = request(action);
    let base = match provider {
        ApiProvider::Cloudflare => access.base(access::CLOUDFLARE_URL, cloudflare::BASE, false)?,
        ApiProvider::Scalingo => access.base(access::SCALINGO_URL, &scalingo::usual(region, "api")?, false)?,
    };
    let mut all: Map<String, Value> = match kept {
        Kept::Nothing => Map::new(),
        Kept::Members(keys) => keys.iter().map(|key| ((*key).to_owned(), json!("(as it is)"))).collect(),
        Kept::AllBut(_) => Map::from_iter([("...".to_owned(), json!("(all else as it is)"))]),
    };
    all.extend(body.as_object().cloned().unwrap_or_default());
    Ok(format!("{} {}{path}\n{}", method.as_str(), base.as_str().trim_end_matches('/'), Value::Object(all)))
}

impl Apis {
    /// Whether things are as an action wants them; `None` where no state could tell.
    ///
    /// # Errors
    ///
    /// Why the provider does not tell.
    pub async fn is_so(&self, action: &Action) -> Result<Option<bool>, String> {
        self.standing(action).await.map(|standing| standing.so).map_err(|unanswered| told(&unanswered))
    }

    async fn standing(&self, action: &Action) -> Result<Standing, Unanswered> {
        match action {
            Action::SetVariable { app, name, value } => {
                let current = self.scalingo()?.variable(app.as_str(), name.as_str()).await?;
                Ok(Standing { so: Some(current.as_deref() == Some(value)), current: Value::Null })
            }
            Action::Restart { .. } => Ok(Standing { so: None, current: Value::Null }),
            Action::Room { zone, room, members } => {
                let current = self.cloudflare()?.room(zone.as_str(), room.as_str()).await?;
                let so = members.iter().all(|(key, value)| {
                    // A room that nobody has made hold all may leave the member out.
                    current[*key] == *value || (current[*key].is_null() && *value == false)
                });
                Ok(Standing { so: Some(so), current })
            }
            Action::Rule { zone, phase, rule, members } => {
                let (_, current) = self.cloudflare()?.rule(zone.as_str(), phase, rule).await?;
                // A rule that says nothing is enabled (docs, ruleset-engine/rulesets-api/add-rule).
                let is = |key: &str| current.get(key).cloned().unwrap_or_else(|| json!(key == "enabled"));
                Ok(Standing { so: Some(members.iter().all(|(key, value)| is(key) == *value)), current })
            }
            Action::AutoDeploy { app, on } => {
                let is_on = self.scalingo()?.auto_deploys(app.as_str()).await?;
                Ok(Standing { so: Some(is_on == *on), current: Value::Null })
            }
        }
    }

    /// Carries one action out, and returns when it is over.
    ///
    /// # Errors
    ///
    /// Why it is not done, and whether that is certain.
    pub async fn carry_out(&self, action: &Action) -> Result<Done, Undone> {
        let sure = |because: String| Undone { because, maybe: false };
        let standing = self.standing(action).await.map_err(|unanswered| sure(told(&unanswered)))?;
        if standing.so == Some(true) {
            return Ok(Done::AlreadySo);
        }
        let request = request(action);
        let (mut busy, mut failed) = (BUSY_PAUSES.iter(), FAILED_PAUSES.iter());
        loop {
            let (pause, because) = match self.send(&request, &standing.current).await {
                Sent::Took(None) => return Ok(Done::Done),
                Sent::Took(Some(operation)) => return self.seen_through(action, &operation).await,
                Sent::Refused(because) => return Err(sure(because)),
                Sent::Busy(because) => (busy.next(), Undone { because, maybe: false }),
                Sent::Unknown(because) => match self.came_about(action).await {
                    Ok(true) => return Ok(Done::Done),
                    Ok(false) => (failed.next(), Undone { because, maybe: false }),
                    Err(more) => {
                        return Err(Undone { because: format!("{because}; and read back: {more}"), maybe: true });
                    }
                },
            };
            let Some(pause) = pause else { return Err(because) };
            tokio::time::sleep(Duration::from_secs(*pause)).await;
        }
    }

    async fn send(&self, request: &Request, current: &Value) -> Sent {
        let mut body: Map<String, Value> = match request.kept {
            Kept::Nothing => Map::new(),
            Kept::Members(keys) => keys.iter().map(|key| ((*key).to_owned(), current[*key].clone())).collect(),
            Kept::AllBut(keys) => {
                let members = current.as_object().into_iter().flatten();
                let kept = members.filter(|(key, _)| !keys.contains(&key.as_str()));
                kept.map(|(key, value)| (key.clone(), value.clone())).collect()
            }
        };
        body.extend(request.body.as_object().cloned().unwrap_or_default());
        let body = Value::Object(body).to_string();
        match request.provider {
            ApiProvider::Cloudflare => match self.cloudflare() {
                Ok(client) => client.write(request.method, &request.path, &body).await,
                Err(unanswered) => unanswered.into(),
            },
            ApiProvider::Scalingo => match self.scalingo() {
                Ok(client) => client.write(request.method, &request.path, &body).await,
                Err(unanswered) => unanswered.into(),
            },
        }
    }

    /// Whether what was sent without an answer was carried out. Of a restart nothing is left to read when it is over: it
    /// is sent again then, since once more does no harm.
    async fn came_about(&self, action: &Action) -> Result<bool, String> {
        let Action::Restart { app } = action else {
            return self.is_so(action).await.map(|so| so == Some(true));
        };
        let client = self.scalingo().map_err(|unanswered| told(&unanswered))?;
        let mut was_restarting = false;
        for _ in 0..OPERATION_LOOKS {
            match client.status(app.as_str()).await.map_err(|unanswered| told(&unanswered))?.as_str() {
                "restarting" => was_restarting = true,
                "running" => return Ok(was_restarting),
                "booting" | "scaling" => {}
                other => return Err(format!("{app} is {other}")),
            }
            tokio::time::sleep(OPERATION_EVERY).await;
        }
        Err(format!("{app} goes on restarting"))
    }

    /// Looks at an operation until it is over.
    async fn seen_through(&self, action: &Action, operation: &str) -> Result<Done, Undone> {
        let maybe = |because: String| Undone { because, maybe: true };
        let Action::Restart { app } = action else { return Ok(Done::Done) };
        let client = self.scalingo().map_err(|unanswered| maybe(told(&unanswered)))?;
        for _ in 0..OPERATION_LOOKS {
            let (status, error) =
                client.operation(app.as_str(), operation).await.map_err(|unanswered| maybe(told(&unanswered)))?;
            match status.as_str() {
                "done" => return Ok(Done::Done),
                "error" => return Err(maybe(format!("the platform began, and gave up: {error}"))),
                _ => tokio::time::sleep(OPERATION_EVERY).await,
            }
        }
        Err(maybe(format!(
            "the platform is at it still, after {} s",
            OPERATION_EVERY.as_secs() * u64::from(OPERATION_LOOKS)
        )))
    }
}
