//! `[waiting_room]`: how many may be on the site at once, and where the others wait (DOC-5).

mod checks;
mod drills;
mod findings;
mod fragments;
mod levers;
mod procedure;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::blueprint::value::{Label, Moment, PathPrefix, Text, UrlPath};
use crate::blueprint::{Finding, Site};
use crate::concerns::fragment::{QueueingMethod, RoomLimits};
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};

/// How many may be on the site at once, and where the others wait; from the plan "business" on.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitingRoom {
    /// Its name at Cloudflare.
    pub name: Label,
    /// Where one waits: this path and those below it, its capitals counting. `/` is the whole site, programs included.
    #[serde(default = "UrlPath::root")]
    pub path: UrlPath,
    /// So many are let in at once; each stays a user for `session_minutes` after the last request.
    #[schemars(title = "users", range(min = 200, max = 2_147_483_647))]
    pub total_active_users: u32,
    /// So many are let in anew in a minute; at most `total_active_users`.
    #[schemars(title = "users a minute", range(min = 200, max = 2_147_483_647))]
    pub new_users_per_minute: u32,
    /// After so many minutes without a request somebody is no user any more.
    #[serde(default = "five")]
    #[schemars(title = "minutes", range(min = 1, max = 30))]
    pub session_minutes: u32,
    /// Whom the room lets in next; others than "fifo" on the plan "enterprise" with the advanced waiting room.
    #[serde(default = "first_come")]
    pub method: QueueingMethod,
    /// HTTP status of the waiting page. 202 and 429 tell programs that it is not the page they asked for.
    #[serde(default = "ok")]
    #[schemars(extend("enum" = [200, 202, 429]))]
    pub status: u16,
    /// Programs that ask for `application/json` are told in JSON that they wait, and for how long; plan "enterprise"
    /// with the advanced waiting room.
    #[serde(default)]
    pub json: bool,
    /// Off until somebody opens it on the night. A room with events is not suspended, or its events do nothing.
    pub suspended: bool,
    /// Users at once that the load campaign has shown to work; the room lets in three quarters of them at most.
    #[serde(default)]
    #[schemars(title = "users", range(max = u32::MAX))]
    pub tested_active_users: Option<u32>,
    /// Other limits, ready to be taken when the first ones prove wrong, in the order in which they are taken.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Moments for which visitors are gathered before; plan "enterprise" with the advanced waiting room.
    #[serde(default)]
    #[schemars(length(max = 5))]
    pub events: Vec<Event>,
    /// Who never waits; plan "enterprise" with the advanced waiting room.
    #[serde(default)]
    pub bypass: Option<Bypass>,
}

/// Limits to be taken by hand on the night.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What this step is called in the war room.
    pub name: Label,
    /// So many are let in at once.
    #[schemars(title = "users", range(min = 200, max = 2_147_483_647))]
    pub total_active_users: u32,
    /// So many are let in anew in a minute.
    #[schemars(title = "users a minute", range(min = 200, max = 2_147_483_647))]
    pub new_users_per_minute: u32,
    /// What is seen when it is time for it.
    pub when: Text,
}

/// A moment that visitors wait for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Its name at Cloudflare.
    pub name: Label,
    /// From when visitors are gathered, at least 5 minutes before the start, to be let in by lot when it comes.
    #[serde(default)]
    pub prequeue: Option<Moment>,
    /// When they are let in.
    pub start: Moment,
    /// When the room is as usual again.
    pub end: Moment,
    /// So many are let in at once while it lasts.
    #[schemars(title = "users", range(min = 200, max = 2_147_483_647))]
    pub total_active_users: u32,
    /// So many are let in anew in a minute while it lasts.
    #[schemars(title = "users a minute", range(min = 200, max = 2_147_483_647))]
    pub new_users_per_minute: u32,
}

/// Who never waits.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bypass {
    /// Starts of paths that programs call: webhooks, health, APIs without a browser.
    #[serde(default)]
    pub paths: Vec<PathPrefix>,
    /// Partners of `[third_parties]`.
    #[serde(default)]
    pub partners: bool,
}

fn five() -> u32 {
    5
}

fn first_come() -> QueueingMethod {
    QueueingMethod::Fifo
}

fn ok() -> u16 {
    200
}

impl WaitingRoom {
    fn limits(&self) -> RoomLimits {
        let Self { total_active_users, new_users_per_minute, .. } = *self;
        RoomLimits { total_active_users, new_users_per_minute }
    }
}

impl Step {
    fn limits(&self) -> RoomLimits {
        let Self { total_active_users, new_users_per_minute, .. } = *self;
        RoomLimits { total_active_users, new_users_per_minute }
    }
}

impl Event {
    fn limits(&self) -> RoomLimits {
        let Self { total_active_users, new_users_per_minute, .. } = *self;
        RoomLimits { total_active_users, new_users_per_minute }
    }
}

impl Concern for WaitingRoom {
    fn key(&self) -> &'static str {
        "waiting_room"
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
    fn levers(&self, site: &Site) -> Vec<Lever> {
        levers::levers(self, site)
    }
}
