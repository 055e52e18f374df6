//! The network as verification sees it: the only sockets it opens. Live, or routed to a rehearsal, by the same
//! code. Must not judge an answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;

use crate::probe::{Disturbance, Observation, Probe};

/// From a public address and port of the blueprint to where it is served instead.
pub type Routes = BTreeMap<SocketAddr, SocketAddr>;

/// Whose certificates are believed.
#[derive(Debug, Clone)]
pub enum Roots {
    /// The system's.
    System,
    /// These alone.
    Only(Vec<CertificateDer<'static>>),
    /// The system's and these.
    SystemAnd(Vec<CertificateDer<'static>>),
}

/// What only a rehearsal can do.
pub trait Stage: Send + Sync {
    /// Makes the edge's cached copy of `url` older by `by`.
    fn age_copy(&self, url: &str, by: Duration);
    /// Makes the app fail, or heals it.
    fn disturb(&self, disturbance: Disturbance);
}

pub struct Options {
    pub routes: Routes,
    /// With `true` nothing but `routes` is reachable: a rehearsal never leaves the loopback.
    pub routed_only: bool,
    /// Recursive resolvers; empty: the system's.
    pub resolvers: Vec<SocketAddr>,
    pub roots: Roots,
    /// Sent as User-Agent.
    pub user_agent: String,
    /// For one connection, handshake or answer.
    pub timeout: Duration,
    pub stage: Option<Arc<dyn Stage>>,
}

pub struct World {}

impl World {
    pub fn new(_options: Options) -> anyhow::Result<Self> {
        todo!()
    }

    /// Puts one question. Never panics, bounded in time and memory whatever answers.
    pub async fn ask(&self, _probe: &Probe) -> Observation {
        todo!()
    }
}
