//! Verification of a live site, or of a copy to which some addresses are routed.

use std::time::Duration;

use anyhow::bail;

use crate::blueprint::{Blueprint, Site};
use crate::concerns::{Check, Concern, Safety};
use crate::providers::api::Access;
use crate::verify::{self, Event, Outcome};
use crate::world::{self, Allowed, Roots, Routes, World};

/// For one connection, handshake or answer of a live site.
const TIMEOUT: Duration = Duration::from_secs(10);

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

/// Runs the selected checks of class S0 and S1.
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
    let mut checks = checks(blueprint, site);
    checks.retain(|(_, check)| verify::is_selected(check.id, &request.only));
    if checks.is_empty() {
        bail!("no check of this blueprint matches {}", request.only.join(", "));
    }
    let world = World::new(world::Options {
        routes: request.routes,
        routed_only: false,
        allowed: Allowed::of(site),
        resolvers: request.resolvers,
        roots: request.roots,
        user_agent: user_agent(site),
        timeout: TIMEOUT,
        stage: None,
        access: request.access,
    })?;
    Ok(verify::run(checks, &world, &verify::Options { max_safety: Safety::S1 }, on_event).await)
}
