//! `golive rehearse`: the checklist on the local world, healthy or with one fault.
//!
//! Must not print, and must not reach beyond the loopback: the world is built with `routed_only`.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::blueprint::{Blueprint, Loaded, Site};
use crate::concerns::fragment::RunsOn;
use crate::concerns::{Drill, Drills, Verdict};
use crate::emit::{self, Artifact};
use crate::ops;
use crate::rehearsal::LocalWorld;
use crate::rehearsal::staging::Staging;
use crate::verify::{self, CheckResult, Event, Outcome};
use crate::world::policy::REHEARSAL_TIMEOUT;
use crate::world::{Allowed, Options, World};

/// Worlds that drills keep up at the same time: one per core of the smallest machine.
const DRILLS_AT_ONCE: usize = 2;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Artifacts(String),
    #[error("the drill `{id}` cannot be staged: {cause}")]
    Inject { id: String, cause: String },
    #[error("the local world does not start: {0}")]
    Start(String),
}

/// The files of `generated/<site>/` as they stand on disk: what is rehearsed is what would be deployed.
///
/// # Errors
///
/// When a file that the blueprint asks for is absent or cannot be read.
pub fn artifacts_on_disk(loaded: &Loaded, folder: &Path) -> Result<Vec<Artifact>, Error> {
    let composed = emit::compose(&loaded.blueprint, &loaded.site)
        .map_err(|clashes| Error::Artifacts(clashes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
    composed
        .into_iter()
        .map(|artifact| {
            let path = folder.join(&artifact.path);
            match std::fs::read_to_string(&path) {
                Ok(text) => Ok(Artifact { text, ..artifact }),
                Err(error) => {
                    Err(Error::Artifacts(format!("{}: {error}; run `golive generate` first", path.display())))
                }
            }
        })
        .collect()
}

/// One run of the checklist on a local world.
#[derive(Debug)]
pub struct Rehearsed {
    pub outcome: Outcome,
    /// What the world had to say while it started: a zone that does not parse, and the like.
    pub notes: Vec<String>,
}

/// Runs the whole checklist on the healthy world.
///
/// # Errors
///
/// When the world cannot be staged or started.
pub async fn healthy(
    loaded: &Loaded,
    artifacts: &[Artifact],
    on_event: impl Fn(Event) + Send + Sync,
) -> Result<Rehearsed, Error> {
    run(loaded, stage(loaded, artifacts)?, on_event).await
}

/// What one drill came to.
#[derive(Debug, Clone)]
pub struct Drilled {
    pub number: Option<u16>,
    pub id: &'static str,
    pub fault: &'static str,
    pub expected: Vec<&'static str>,
    /// Ids that turned red (fail or warn).
    pub red: Vec<&'static str>,
    /// Expected, and stayed green.
    pub missed: Vec<&'static str>,
    /// Red, and not expected.
    pub unexpected: Vec<&'static str>,
    /// The red rows themselves, for people.
    pub rows: Vec<CheckResult>,
    /// Rows that a red parent made unknown.
    pub unknown: usize,
}

impl Drilled {
    pub fn is_caught(&self) -> bool {
        self.missed.is_empty() && self.unexpected.is_empty()
    }
}

/// Every drill of the blueprint's concerns, in checklist order, with the concern's key.
pub fn drills(loaded: &Loaded) -> Vec<(&'static str, Drill)> {
    let mut all = Vec::new();
    for concern in loaded.blueprint.concerns() {
        match concern.drills(&loaded.site) {
            Drills::Run(drills) => all.extend(drills.into_vec().into_iter().map(|drill| (concern.key(), drill))),
            Drills::None { because: _ } => {}
        }
    }
    all
}

/// Runs drills, two worlds at a time; the results are in the order of `drills`.
///
/// # Errors
///
/// The first world that cannot be staged or started. Worlds already up are stopped.
pub async fn drill(
    loaded: &Loaded,
    artifacts: &[Artifact],
    drills: &[(&'static str, Drill)],
    on_done: impl Fn(&Drilled) + Send + Sync,
) -> Result<Vec<Drilled>, Error> {
    let at_once = Semaphore::new(DRILLS_AT_ONCE);
    let runs = drills.iter().map(|(_, drill)| {
        let (at_once, on_done) = (&at_once, &on_done);
        async move {
            let _turn = at_once.acquire().await.map_err(|error| Error::Start(error.to_string()))?;
            let drilled = drill_one(loaded, artifacts, drill).await?;
            on_done(&drilled);
            Ok::<_, Error>(drilled)
        }
    });
    futures_util::future::try_join_all(runs).await
}

async fn drill_one(loaded: &Loaded, artifacts: &[Artifact], drill: &Drill) -> Result<Drilled, Error> {
    let mut staging = stage(loaded, artifacts)?;
    (drill.inject)(&mut staging).map_err(|cause| Error::Inject { id: drill.id.to_owned(), cause })?;
    let rehearsed = run(loaded, staging, |_| {}).await?;
    let rows: Vec<CheckResult> = rehearsed
        .outcome
        .results
        .iter()
        .filter(|result| matches!(result.verdict, Verdict::Fail | Verdict::Warn))
        .cloned()
        .collect();
    let red: BTreeSet<&'static str> = rows.iter().map(|row| row.id).collect();
    let expected: BTreeSet<&'static str> = drill.reddens.iter().copied().collect();
    Ok(Drilled {
        number: drill.number,
        id: drill.id,
        fault: drill.fault,
        expected: drill.reddens.clone(),
        missed: expected.difference(&red).copied().collect(),
        unexpected: red.difference(&expected).copied().collect(),
        red: red.into_iter().collect(),
        unknown: rehearsed.outcome.results.iter().filter(|result| result.verdict == Verdict::Unknown).count(),
        rows,
    })
}

/// The world to be, on the eve of the announcement.
fn stage(loaded: &Loaded, artifacts: &[Artifact]) -> Result<Staging, Error> {
    stage_at(loaded, artifacts, Timestamp::now())
}

/// As [`stage`], with the announcement a day after that moment.
fn stage_at(loaded: &Loaded, artifacts: &[Artifact], eve: Timestamp) -> Result<Staging, Error> {
    let site = loaded.site.clone().on_the_eve_of(eve);
    let runs_on = loaded.blueprint.proxy.as_ref().map_or(RunsOn::Server, |proxy| proxy.runs_on);
    Staging::new(site, runs_on, artifacts).map_err(Error::Artifacts)
}

async fn run(loaded: &Loaded, staging: Staging, on_event: impl Fn(Event) + Send + Sync) -> Result<Rehearsed, Error> {
    let stage = Stage::start(staging).await?;
    let outcome = stage.check(&loaded.blueprint, &[], on_event).await;
    let notes = stage.notes().to_vec();
    stage.stop().await;
    Ok(Rehearsed { outcome, notes })
}

/// A local world that is up, and may be asked again and again.
pub struct Stage {
    /// As a drill left it: what people forgot is a fault of the site's facts.
    site: Site,
    local: LocalWorld,
    world: World,
}

impl Stage {
    /// The healthy world, with the announcement a day after that moment.
    ///
    /// # Errors
    ///
    /// When the world cannot be staged or started.
    pub async fn healthy(loaded: &Loaded, artifacts: &[Artifact], eve: Timestamp) -> Result<Self, Error> {
        Self::start(stage_at(loaded, artifacts, eve)?).await
    }

    async fn start(staging: Staging) -> Result<Self, Error> {
        let site = staging.site.clone();
        let local = LocalWorld::start(staging).await.map_err(|error| Error::Start(error.to_string()))?;
        let world = World::new(Options {
            routes: local.routes(),
            routed_only: true,
            resolvers: vec![local.resolver()],
            roots: local.roots(),
            user_agent: ops::verify::user_agent(&site),
            timeout: REHEARSAL_TIMEOUT,
            burst_per_second: None,
            stage: Some(local.stage()),
            access: local.access(),
            allowed: Allowed::of(&site),
        })
        .map_err(|error| Error::Start(format!("{error:#}")))?;
        Ok(Self { site, local, world })
    }

    /// What the world had to say while it started.
    pub fn notes(&self) -> &[String] {
        self.local.notes()
    }

    /// Puts the selected checks to it; no pattern selects all.
    pub async fn check(
        &self,
        blueprint: &Blueprint,
        only: &[String],
        on_event: impl Fn(Event) + Send + Sync,
    ) -> Outcome {
        let mut checks = ops::verify::checks(blueprint, &self.site);
        checks.retain(|(_, check)| verify::is_selected(check.id, only));
        verify::run(checks, &self.world, &verify::Options::rehearsal(), on_event).await
    }

    /// Ends it, and waits until nothing of it is left.
    pub async fn stop(self) {
        self.local.stop().await;
    }
}
