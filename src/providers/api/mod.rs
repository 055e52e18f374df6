//! Clients that read what providers were told, and write what a lever changes. Must not change anything else there but the
//! copy of one URL, judge an answer, or decide whom to ask: [`crate::world`] owns them and says what may be read and
//! changed.
//!
//! | module | holds |
//! |-|-|
//! | [`access`] | tokens and addresses, as the environment gives them |
//! | `transport` | one request: retries, bounds, errors |
//! | `budget` | politeness towards one provider |
//! | `secrets` | what no answer may carry further |
//! | `kept` | what is learnt once: ids, tokens of an hour |
//! | `cloudflare`, `scalingo` | names to ids, envelopes, pages, errors of each |
//! | [`write`](mod@write) | the requests of levers, and how one is carried out |
//!
//! Never called against the live services by the authors: the requests are those of their documents and of their own
//! client libraries.

pub mod access;
mod budget;
mod cloudflare;
mod kept;
mod scalingo;
mod secrets;
mod transport;
pub mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;

pub use access::Access;

use crate::concerns::apps::Region;
use crate::probe::{ApiAnswer, ApiProbe, ApiProvider};
use crate::world::failure::{Unanswered, not_asked};
use cloudflare::Cloudflare;
use scalingo::Scalingo;

/// How one run reads.
#[derive(Debug, Clone)]
pub struct Options {
    /// Sent as User-Agent.
    pub user_agent: HeaderValue,
    /// For one request with its whole answer.
    pub timeout: Duration,
    /// A rehearsal: nothing but the loopback is contacted, at any pace.
    pub loopback_only: bool,
    /// The platform's region; `None`: the blueprint has no apps there.
    pub region: Option<Region>,
    /// Apps of the platform, each with the variables whose values a check compares; other values are dropped as soon
    /// as they are read.
    pub compared: BTreeMap<String, BTreeSet<String>>,
}

/// Both clients, or why there is none.
pub struct Apis {
    cloudflare: Result<Cloudflare, String>,
    scalingo: Result<Scalingo, String>,
}

impl Apis {
    /// Opens no socket yet.
    pub fn new(access: &Access, options: &Options) -> Self {
        Self { cloudflare: Cloudflare::new(access, options), scalingo: Scalingo::new(access, options) }
    }

    /// Reads one thing, following names to ids and lists to their end.
    ///
    /// # Errors
    ///
    /// No token or no permission, no answer, or none in the provider's form; each as the observation that says so.
    /// That something does not exist is an answer (404).
    pub async fn read(&self, probe: &ApiProbe) -> Result<ApiAnswer, Unanswered> {
        match probe.provider {
            ApiProvider::Cloudflare => self.cloudflare()?.read(&probe.path).await,
            ApiProvider::Scalingo => self.scalingo()?.read(&probe.path).await,
        }
    }

    fn cloudflare(&self) -> Result<&Cloudflare, Unanswered> {
        self.cloudflare.as_ref().map_err(not_asked)
    }

    fn scalingo(&self) -> Result<&Scalingo, Unanswered> {
        self.scalingo.as_ref().map_err(not_asked)
    }

    /// Lets Cloudflare drop its copies of one URL.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub async fn purge(&self, zone: &str, url: &str) -> Result<ApiAnswer, Unanswered> {
        self.cloudflare()?.purge(zone, url).await
    }
}

/// Whether text that a provider sent may stand in a path: an id must not lead elsewhere.
fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The address of a path below a base.
fn joined(base: &Url, path: &str) -> Result<Url, Unanswered> {
    let text = format!("{}{path}", base.as_str().trim_end_matches('/'));
    // A path that a URL would tidy could leave the base.
    let url = Url::parse(&text).ok().filter(|url| url.as_str() == text);
    url.ok_or_else(|| not_asked(format!("the path `{}` cannot be asked for", path.escape_debug())))
}
