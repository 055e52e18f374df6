//! `[cache]`: classes of routes and how long each may be kept, by whom.

mod checks;
mod drills;
mod findings;
mod fragments;
mod procedure;
mod ratio;
mod read_cache;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::blueprint::value::{CookieName, Day, Label, Moment, PathPrefix, Seconds, UrlPath, VariableName, Word};
use crate::blueprint::{Finding, Site};
use crate::concerns::fragment::{Routes, is_fingerprinted_under, is_under};
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};

/// How long answers may be kept, by whom, route by route.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// In order: a request belongs to the first class that takes its path; the last class takes the rest.
    #[schemars(length(min = 1))]
    pub classes: Vec<Class>,
    /// The cookie by which the app knows a visitor; checks use it to look for one person's page at another's.
    #[serde(default)]
    pub session_cookie: Option<CookieName>,
    /// A cache inside the app, off until somebody switches it on in a crisis (DOC-4).
    #[serde(default)]
    pub read_cache: Option<ReadCache>,
}

/// The app's own cache of what everybody reads: the last answer again for some seconds, however many ask (DOC-4).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadCache {
    /// Apps of the platform that read the variable.
    #[schemars(length(min = 1))]
    pub apps: Vec<Label>,
    /// The environment variable that switches it.
    pub variable: VariableName,
    /// Its value while the cache answers.
    pub on: Word,
    /// Its value otherwise.
    pub off: Word,
    /// An answer that it keeps; in a class with `store = false`, or the CDN's copies would hide it.
    pub path: UrlPath,
    /// For how long an answer is kept.
    pub seconds: Seconds,
    /// Day on which it was last switched on for practice, and off; 30 days before the announcement at the earliest. Left
    /// out: never.
    #[serde(default)]
    pub drilled_on: Option<Day>,
}

impl ReadCache {
    /// The same, of a launch so many days later.
    #[must_use]
    pub fn later_by(mut self, days: i64) -> Self {
        self.drilled_on = self.drilled_on.map(|day| day.later_by(days));
        self
    }
}

/// Routes that are cached alike.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// What reports, nginx and the CDN call the class; each name once.
    pub name: Label,
    /// Which paths belong to the class. Left out in the last class, and only there: all others.
    #[serde(default)]
    pub paths: Vec<PathPrefix>,
    /// `false` for personal or changing answers: `no-store` at every layer.
    #[serde(default = "yes")]
    pub store: bool,
    /// File names carry a hash of the content, so a copy is good for ever.
    #[serde(default)]
    pub fingerprinted: bool,
    /// For how long browsers and CDN keep a copy (`max-age`); required unless `store = false`.
    #[serde(default)]
    pub max_age_seconds: Option<Seconds>,
    /// For how long the nginx of `[proxy]` keeps a copy of its own, so that many who miss the edge's ask the app once: 1 to
    /// 60. A copy of the edge may be so much older then. Left out: nginx keeps none.
    #[serde(default)]
    #[schemars(range(min = 1, max = findings::LONGEST_PROXY_COPY))]
    pub proxy_copy_seconds: Option<Seconds>,
    /// Another time at the edge, set by a cache rule there; each plan of the CDN has its least.
    #[serde(default)]
    pub edge_ttl_seconds: Option<Seconds>,
    /// Send `s-maxage` too; a CDN then refuses to serve stale.
    #[serde(default)]
    pub s_maxage_seconds: Option<Seconds>,
    /// For how long the old copy is served while a fresh one is fetched (RFC 5861, section 3).
    #[serde(default)]
    pub stale_while_revalidate_seconds: Option<Seconds>,
    /// For how long the old copy is served when the origin fails (RFC 5861, section 4).
    #[serde(default)]
    pub stale_if_error_seconds: Option<Seconds>,
    /// The answer does not depend on the query string: trackers share one copy.
    #[serde(default)]
    pub ignore_query: bool,
    /// The lifetimes of this class are for the launch alone, and have an end.
    #[serde(default)]
    pub temporary: Option<Temporary>,
    /// Real paths of the class for checks to ask; with `fingerprinted` the home page is read instead.
    #[serde(default)]
    pub samples: Vec<UrlPath>,
}

/// When lifetimes made for the launch end. Nothing switches by itself: the day stands in the procedures and in
/// `golive ttl`, and lint warns once it cannot hold.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Temporary {
    /// When somebody takes them back; after the announcement.
    pub until: Moment,
    /// What `max_age_seconds` is from then on.
    pub afterwards_seconds: Seconds,
}

impl Class {
    /// The paths of this class, as nginx compares them.
    fn routes(&self) -> Routes {
        match (self.paths.is_empty(), self.fingerprinted) {
            (true, _) => Routes::Others,
            (false, true) => Routes::FingerprintedUnder(self.paths.clone()),
            (false, false) => Routes::Under(self.paths.clone()),
        }
    }

    /// Whether [`Self::routes`] hold a decoded path.
    fn has(&self, decoded: &str) -> bool {
        match (self.paths.is_empty(), self.fingerprinted) {
            (true, _) => true,
            (false, true) => is_fingerprinted_under(&self.paths, decoded),
            (false, false) => is_under(&self.paths, decoded),
        }
    }
}

fn yes() -> bool {
    true
}

impl Concern for Cache {
    fn key(&self) -> &'static str {
        "cache"
    }
    fn findings(&self, site: &Site) -> Vec<Finding> {
        findings::findings(self, site)
    }
    fn fragments(&self, site: &Site) -> Vec<Fragment> {
        fragments::fragments(self, site)
    }
    fn checks(&self, site: &Site) -> OneOrMore<Check> {
        checks::checks(self, site)
    }
    fn procedure(&self, site: &Site) -> Procedure {
        procedure::procedure(self, site)
    }
    fn drills(&self, site: &Site) -> Drills {
        drills::drills(self, site)
    }
    fn levers(&self, _: &Site) -> Vec<Lever> {
        Vec::new()
    }
}
