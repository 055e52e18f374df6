//! Verification of a live site, or of a copy to which some addresses are routed.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroU32;

use anyhow::bail;
use jiff::Timestamp;

use crate::blueprint::{Blueprint, Site};
use crate::concerns::{Check, Concern, Safety};
use crate::consent::{self, Consent};
use crate::probe::{Probe, evidence};
use crate::providers::api::Access;
use crate::verify::{self, Event, Outcome};
use crate::world::policy::LIVE_TIMEOUT;
use crate::world::{self, Allowed, Roots, Routes, World};

/// Failures that mean that visitors are being harmed: somebody sees what is somebody else's.
const ALARMS: [&str; 1] = ["cache.leak.users"];

/// What the person asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Patterns of check ids; none: every check.
    pub only: Vec<String>,
    /// Recursive resolvers; none: the system's.
    pub resolvers: Vec<std::net::SocketAddr>,
    /// Public address and port to the one contacted instead.
    pub routes: Routes,
    pub roots: Roots,
    /// Tokens of providers' APIs; empty: what they alone could tell is unknown.
    pub access: Access,
    /// Leave to do more than look.
    pub consent: Option<Consent>,
    /// Nothing above this class, whatever the consent says.
    pub max_safety: Safety,
    /// Stop at the first failure.
    pub fail_fast: bool,
}

/// Why this check may not be run against the live site at this moment, as the end of a sentence.
///
/// # Errors
///
/// That reason.
fn permits(site: &Site, request: &Request, check: &Check, now: Timestamp) -> Result<(), String> {
    if check.safety <= Safety::S1 && check.safety <= request.max_safety {
        return Ok(());
    }
    if check.safety > request.max_safety {
        return Err(format!("above {}, the highest that was asked for", request.max_safety.as_str()));
    }
    let Some(consent) = &request.consent else {
        return Err("needs the owner's consent (--consent FILE)".to_owned());
    };
    let quiet = consent::quiet(site);
    if quiet.contains(&now) {
        return Err(format!("the site is left in peace until {}", quiet.end));
    }
    consent.permits(check, now)
}

/// One check of a plan.
#[derive(Debug, Clone)]
pub struct Planned {
    pub id: &'static str,
    pub concern: &'static str,
    pub subject: String,
    pub safety: Safety,
    /// Why it would not be run now.
    pub refused: Option<String>,
    /// What it asks at first, a line each. Some answers lead to further questions.
    pub questions: Vec<String>,
}

/// What a run would send, before it sends anything.
#[derive(Debug, Clone)]
pub struct Plan {
    pub checks: Vec<Planned>,
    /// Who would be asked, how many distinct questions, and the highest class of safety among them.
    pub asked: BTreeMap<String, (usize, Safety)>,
    /// Of the first questions, how many take a turn of the run's pace (HTTP and TLS).
    pub requests: usize,
}

/// Plans the selected checks; asks nothing.
///
/// # Errors
///
/// When no check is selected.
pub fn plan(blueprint: &Blueprint, site: &Site, request: &Request) -> anyhow::Result<Plan> {
    let now = Timestamp::now();
    let mut asked: BTreeMap<String, (usize, Safety)> = BTreeMap::new();
    let mut seen: HashSet<Probe> = HashSet::new();
    let (mut planned, mut requests) = (Vec::new(), 0);
    for (concern, check) in selected(blueprint, site, &request.only)? {
        let refused = match check.safety {
            Safety::S4 => Some("only a rehearsal can check it".to_owned()),
            _ => permits(site, request, &check, now).err(),
        };
        if refused.is_none() {
            for probe in &check.ask {
                let Some(whom) = evidence::whom(probe) else { continue };
                let (count, highest) = asked.entry(whom).or_insert((0, check.safety));
                if seen.insert(probe.clone()) {
                    *count += probe.requests().max(1);
                    requests += probe.requests();
                }
                *highest = (*highest).max(check.safety);
            }
        }
        planned.push(Planned {
            id: check.id,
            concern,
            subject: check.subject,
            safety: check.safety,
            refused,
            questions: check.ask.iter().map(evidence::question).collect(),
        });
    }
    Ok(Plan { checks: planned, asked, requests })
}

/// The checks whose ids were asked for.
fn selected(blueprint: &Blueprint, site: &Site, only: &[String]) -> anyhow::Result<Vec<(&'static str, Check)>> {
    let mut checks = checks(blueprint, site);
    checks.retain(|(_, check)| verify::is_selected(check.id, only));
    if checks.is_empty() {
        bail!("no check of this blueprint matches {}", only.join(", "));
    }
    Ok(checks)
}

/// Every check of the blueprint with its concern, in checklist order.
pub fn checks(blueprint: &Blueprint, site: &Site) -> Vec<(&'static str, Check)> {
    blueprint
        .concerns()
        .into_iter()
        .flat_map(|concern: &dyn Concern| {
            let key = concern.key();
            concern.checks(site).into_vec().into_iter().map(move |check| (key, check))
        })
        .collect()
}

/// Who asks, for the logs of whoever is asked: a launch check, and the blueprint's contact.
pub fn user_agent(site: &Site) -> String {
    format!("golive/{} (launch check; {})", env!("CARGO_PKG_VERSION"), site.contact)
}

/// Runs the selected checks: those that only look (S0, S1), and those that somebody agreed to.
///
/// # Errors
///
/// When no check is selected, or the world cannot be prepared (see [`World::new`]).
pub async fn verify(
    blueprint: &Blueprint,
    site: &Site,
    request: Request,
    on_event: impl Fn(Event) + Send + Sync,
) -> anyhow::Result<Outcome> {
    let checks = selected(blueprint, site, &request.only)?;
    let world = World::new(world::Options {
        routes: request.routes.clone(),
        routed_only: false,
        allowed: Allowed::of(site),
        resolvers: request.resolvers.clone(),
        roots: request.roots.clone(),
        user_agent: user_agent(site),
        timeout: LIVE_TIMEOUT,
        burst_per_second: request.consent.as_ref().and_then(|consent| NonZeroU32::new(consent.most_per_second)),
        stage: None,
        access: request.access.clone(),
    })?;
    let fail_fast = request.fail_fast;
    let site = site.clone();
    let options = verify::Options {
        permits: Box::new(move |check| permits(&site, &request, check, Timestamp::now())),
        is_rehearsal: false,
        alarms: &ALARMS,
        fail_fast,
    };
    Ok(verify::run(checks, &world, &options, on_event).await)
}
