//! Levers: switches for a crisis, each with the way back, as plain data. A concern says which there are; whoever pulls one
//! is [`crate::ops::lever`], and the requests are those of [`crate::providers::api`]. Must not send anything.

use std::time::Duration;

use serde_json::Value;

use crate::blueprint::value::{HostName, Label, VariableName};
use crate::concerns::people::Role;
use crate::concerns::{Judgement, answer};
use crate::language::Said;
use crate::probe::{HttpAnswer, Observation, Probe};

/// A switch, and how one sees from outside that it was moved.
pub struct Lever {
    /// What people type: lower-case words with hyphens. Stable, as check ids are.
    pub name: String,
    /// Who may pull it, where `[[people.levers]]` names nobody.
    pub owner: Role,
    /// What it does to visitors.
    pub what: Said,
    /// What is seen when it is time for it.
    pub symptom: Said,
    /// In the order in which they are carried out.
    pub pull: Vec<Action>,
    /// Empty: nothing is left that could be taken back.
    pub release: Vec<Action>,
    pub effect: Effect,
}

/// What visitors notice.
pub struct Effect {
    /// The check that asks the same.
    pub check: &'static str,
    /// Within what time everybody meets it.
    pub within: Duration,
    /// Each position of the switch in a few words.
    pub pulled: String,
    pub released: String,
    /// The questions of one look. [`NONCE`](crate::probe::NONCE) stands for text that no earlier look has used. All of them
    /// must show the same position, since several machines take turns.
    pub look: Vec<Probe>,
    pub judge: Judge,
}

/// Reads one answer.
///
/// # Errors
///
/// Why the answer shows no position.
pub type Judge = Box<dyn Fn(&Observation) -> Result<Position, String> + Send + Sync>;

/// Where a switch stands, as one answer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    Pulled,
    Released,
}

/// The HTTP answer that a [`Judge`] reads.
///
/// # Errors
///
/// Why there is none.
pub fn http(seen: &Observation) -> Result<&HttpAnswer, String> {
    answer::http(seen).map_err(because)
}

/// The answer of the platform's API.
///
/// # Errors
///
/// As [`http`].
pub fn api(seen: &Observation) -> Result<&Value, String> {
    answer::api(seen).map_err(because)
}

/// The result of an answer of the CDN's API.
///
/// # Errors
///
/// As [`http`].
pub fn cloudflare(seen: &Observation) -> Result<&Value, String> {
    answer::cloudflare(seen).map_err(because)
}

fn because(judgement: Judgement) -> String {
    match judgement {
        Judgement::Say(_, because) => because,
        Judgement::Ask(_) => "there is no answer".to_owned(),
    }
}

/// What the crisis card says of a lever that golive pulls, before the way by hand.
pub fn commands(name: &str) -> [Said; 2] {
    ["pull", "release"].map(|verb| {
        let command = format!("`golive lever BLUEPRINT {verb} {name}`");
        Said::new(format!("{command}, or by hand:"), format!("{command}, ou à la main :"))
    })
}

/// One call to a provider.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Of an app of the platform. Nothing notices before a [`Action::Restart`].
    SetVariable { app: Label, name: VariableName, value: String },
    /// Of all containers of an app, one after another; over when the platform says so.
    Restart { app: Label },
    /// Members of a waiting room of the CDN; the others stay.
    Room { zone: HostName, room: Label, members: Vec<(&'static str, Value)> },
    /// Members of one rule of the CDN, by its `ref`; the others stay.
    Rule { zone: HostName, phase: &'static str, rule: &'static str, members: Vec<(&'static str, Value)> },
    /// Whether each commit is deployed to the app.
    AutoDeploy { app: Label, on: bool },
}

impl Action {
    /// For people, as a command.
    pub fn told(&self) -> String {
        match self {
            Action::SetVariable { app, name, value } => format!("set {name}={value} in {app}"),
            Action::Restart { app } => format!("restart {app}"),
            Action::Room { room, members, .. } => format!("set {} of the waiting room {room}", told(members)),
            Action::Rule { rule, members, .. } => format!("set {} of the rule {rule}", told(members)),
            Action::AutoDeploy { app, on } => {
                format!("turn automatic deploys of {app} {}", if *on { "on" } else { "off" })
            }
        }
    }
}

fn told(members: &[(&'static str, Value)]) -> String {
    members.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}
