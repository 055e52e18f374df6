//! Runs checks against a world: each distinct probe once, a red parent blocking its children, checks that
//! disturb the site last and alone. Must not know a concern.

use jiff::Timestamp;

use crate::concerns::{Check, Safety, Verdict};
use crate::world::World;

pub struct Options {
    /// Checks above this class are not run; they are `unknown`, since nobody consented.
    pub max_safety: Safety,
}

/// What one check came to.
#[derive(Debug, Clone)]
pub struct CheckResult {
    pub id: &'static str,
    pub concern: &'static str,
    pub subject: String,
    pub verdict: Verdict,
    pub because: String,
    pub evidence: Vec<String>,
    pub remedy: String,
    pub source: &'static str,
    pub safety: Safety,
    pub expires: Timestamp,
    pub milliseconds: u64,
}

#[derive(Debug, Clone)]
pub struct Outcome {
    pub started: Timestamp,
    pub finished: Timestamp,
    pub results: Vec<CheckResult>,
    /// Ids that only a rehearsal can run (S4), left out of a live run and named.
    pub rehearsal_only: Vec<&'static str>,
}

/// Progress, for whoever shows it.
#[derive(Debug, Clone)]
pub enum Event {
    Started { total: usize },
    Finished(CheckResult),
}

pub async fn run(
    _checks: Vec<(&'static str, Check)>,
    _world: &World,
    _options: &Options,
    _on_event: impl Fn(Event) + Send + Sync,
) -> Outcome {
    todo!()
}
