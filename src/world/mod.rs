//! The network as verification sees it: the only sockets it opens. Live, or routed to a rehearsal, by the same
//! code. Must not judge an answer.
//!
//! | module | holds |
//! |-|-|
//! | [`allowed`] | what may be contacted at all |
//! | `dns` | one question to one server, over UDP and TCP |
//! | `http` | one GET on a connection of its own |
//! | `burst` | many requests as one visitor |
//! | `samples` | the same GET on many connections, timed |
//! | `body` | decoding of bodies, within limits |
//! | `tls` | one handshake, looked at and then verified |
//! | `tls_offer` | one version of TLS offered, forbidden ones included |
//! | `staple` | what a stapled OCSP answer says, and whether it may be believed |
//! | `captive` | whether the network here answers in other people's place |
//! | `clock` | whether the clock here can be believed |
//! | `policy` | timeouts, tries, pauses: one policy for all of these |
//! | `pace` | politeness towards a live site |
//! | `breaker` | the end of a live run from which the site suffers |
//! | `failure` | causes of errors, sorted |
//!
//! Providers' APIs are read, and for a lever changed, by the clients of [`crate::providers::api`], which the world owns: [`allowed`] says of what.

pub mod allowed;
mod body;
mod breaker;
mod burst;
mod captive;
mod clock;
mod dns;
pub(crate) mod failure;
mod http;
mod pace;
pub(crate) mod policy;
mod samples;
mod staple;
pub(crate) mod tls;
pub(crate) mod tls_offer;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use hickory_resolver::system_conf::read_system_conf;
use hyper::header::HeaderValue;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::CertificateDer;
use tokio::sync::OnceCell;

pub use allowed::Allowed;
pub(crate) use pace::asked_pause;
pub use pace::{PER_SECOND, REQUESTS_A_RUN};

use crate::concerns::lever::Action;
use crate::probe::{
    ApiProbe, Disturbance, DnsProbe, DnsServer, FailureKind, Observation, Probe, Purge, Rcode, RecordData, RecordType,
    Signatures, Target, Visitor, Wait,
};
use crate::providers::api::write::{Done, Undone};
use crate::providers::api::{self, Access, Apis};
use failure::{Unanswered, failed, not_asked};

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
#[async_trait::async_trait]
pub trait Stage: Send + Sync {
    /// Makes the cached copies of `url`, the edge's and Varnish's, older by `by`.
    async fn age_copy(&self, url: &str, by: Duration);
    /// Makes the app fail, or heals it, and returns when that holds; or says why it cannot.
    async fn disturb(&self, disturbance: Disturbance) -> Result<(), String>;
    /// Makes the client at this local address somebody, until what is returned is dropped.
    fn pretend(&self, client: SocketAddr, visitor: &Visitor) -> Box<dyn Send + Sync>;
}

pub struct Options {
    pub routes: Routes,
    /// With `true` nothing but `routes` is reachable: a rehearsal never leaves the loopback.
    pub routed_only: bool,
    /// What the blueprint names; nothing else is contacted, in a rehearsal neither.
    pub allowed: Allowed,
    /// Recursive resolvers; empty: the system's.
    pub resolvers: Vec<SocketAddr>,
    pub roots: Roots,
    /// Sent as User-Agent.
    pub user_agent: String,
    /// For one connection, handshake or answer.
    pub timeout: Duration,
    /// Requests a second of a burst against a live site; `None`: nobody agreed to one.
    pub burst_per_second: Option<NonZeroU32>,
    pub stage: Option<Arc<dyn Stage>>,
    /// Tokens and addresses of providers' APIs, and the session of a test account.
    pub access: Access,
}

pub struct World {
    routes: Routes,
    routed_only: bool,
    allowed: Allowed,
    resolvers: Vec<SocketAddr>,
    /// Verifies as [`Options::roots`] says; shared by HTTP probes and TLS probes, so that they cannot disagree.
    verifier: Arc<WebPkiServerVerifier>,
    /// For HTTP probes.
    tls: rustls::ClientConfig,
    user_agent: HeaderValue,
    timeout: Duration,
    stage: Option<Arc<dyn Stage>>,
    apis: Apis,
    access: Access,
    burst_per_second: Option<NonZeroU32>,
    /// `None` in a rehearsal.
    pace: Option<pace::Pace>,
    /// `None` in a rehearsal.
    breaker: Option<breaker::Breaker>,
    /// Where each name led the first time: repeated GETs of one run must reach one address, or a second GET could
    /// not find the copy that the first one left. Failures are not kept.
    resolved: Mutex<HashMap<String, Arc<OnceCell<IpAddr>>>>,
    /// The resolver that makes names up, if one does; asked once.
    captive: OnceCell<Option<String>>,
    /// Whose clock is far from ours, if one is; asked once.
    clock: OnceCell<Option<String>>,
    /// Text that no earlier run has used, for URLs that no cache may know yet.
    nonce: String,
}

/// Where a probe may connect.
struct Place {
    /// As the blueprint knows it.
    public: SocketAddr,
    /// After routing.
    real: SocketAddr,
}

impl World {
    /// Opens no socket yet.
    ///
    /// # Errors
    ///
    /// When there is no root certificate to believe, one of the given ones cannot be read, or the User-Agent
    /// cannot be sent.
    pub fn new(options: Options) -> anyhow::Result<Self> {
        let Options {
            routes,
            routed_only,
            allowed,
            mut resolvers,
            roots,
            user_agent,
            timeout,
            burst_per_second,
            stage,
            access,
        } = options;
        if resolvers.is_empty() && !routed_only {
            // A machine without resolvers can still ask authoritative servers; the others say so.
            let configured = read_system_conf().map(|(config, _)| config.name_servers).unwrap_or_default();
            resolvers = configured.iter().map(|server| SocketAddr::new(server.ip, 53)).collect();
        }
        let verifier = tls::verifier(roots)?;
        let tls = tls::verifying_config(verifier.clone())?;
        let user_agent = HeaderValue::from_bytes(user_agent.as_bytes())
            .with_context(|| format!("`{}` cannot be sent as User-Agent", user_agent.escape_debug()))?;
        let reading = api::Options {
            user_agent: user_agent.clone(),
            timeout,
            loopback_only: routed_only,
            region: allowed.region,
            compared: allowed.apps.clone(),
        };
        Ok(Self {
            apis: Apis::new(&access, &reading),
            access,
            routes,
            routed_only,
            allowed,
            resolvers,
            verifier,
            tls,
            user_agent,
            timeout,
            stage,
            burst_per_second,
            pace: (!routed_only).then(pace::Pace::default),
            breaker: (!routed_only).then(breaker::Breaker::default),
            resolved: Mutex::default(),
            captive: OnceCell::new(),
            clock: OnceCell::new(),
            nonce: format!("{:x}", jiff::Timestamp::now().as_nanosecond()),
        })
    }

    /// What stands for [`NONCE`](crate::probe::NONCE) in this run.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Ends this run: whatever is asked from now on is not. A rehearsal goes on.
    pub fn stop(&self, reason: String) {
        if let Some(breaker) = &self.breaker {
            breaker.trip(reason);
        }
    }

    /// Why this run was ended, by [`Self::stop`] or because the site suffers.
    pub fn stopped(&self) -> Option<String> {
        self.breaker.as_ref().and_then(breaker::Breaker::tripped)
    }

    /// Puts one question. Never panics, bounded in time and memory whatever answers.
    ///
    /// Time: as `policy` says, plus turns in the queue of a live run, and what it takes to resolve a name. A DNS question
    /// takes at most three timeouts a server, an HTTP or TLS one two (four when a live site asks to come back, which is 30 s
    /// at most), a request to a provider's API three and two pauses of 30 s; names, pages and tokens may take several
    /// requests.
    pub async fn ask(&self, probe: &Probe) -> Observation {
        if let Some(reason) = self.stopped() {
            return Observation::NotAsked { because: format!("stopped: {reason}") };
        }
        if let Err(captive) = self.refuse_if_captive(probe).await {
            return *captive;
        }
        if let Err(wrong) = self.refuse_if_clock_is_wrong(probe).await {
            return *wrong;
        }
        let answer = match probe {
            Probe::Dns(probe) => self.dns(probe).await,
            Probe::Http(probe) => self.http(probe).await,
            Probe::Burst(probe) => self.burst(probe).await,
            Probe::Tls(probe) => self.tls(probe).await,
            Probe::TlsOffer(probe) => self.tls_offer(probe).await,
            Probe::Samples(probe) => self.samples(probe).await,
            Probe::Wait(wait) => self.wait(wait).await,
            Probe::Disturb(disturbance) => match &self.stage {
                Some(stage) => stage.disturb(*disturbance).await.map(|()| Observation::Done).map_err(not_asked),
                None => Err(not_asked("only a rehearsal disturbs the site (class S4)")),
            },
            Probe::Api(probe) => self.api(probe).await,
            Probe::Purge(purge) => self.purge(purge).await,
        };
        answer.unwrap_or_else(|unanswered| *unanswered)
    }

    async fn api(&self, probe: &ApiProbe) -> Result<Observation, Unanswered> {
        if !self.allowed.has_read(probe) {
            return Err(not_asked(format!("{} is not part of the blueprint", probe.path)));
        }
        self.apis.read(probe).await.map(Observation::Api)
    }

    async fn purge(&self, purge: &Purge) -> Result<Observation, Unanswered> {
        let is_ours = self.allowed.has_zone(&purge.zone)
            && self.allowed.has_host(&purge.host)
            && purge.url.starts_with(&format!("https://{}/", purge.host));
        if !is_ours {
            return Err(not_asked(format!("{} is not part of the blueprint", purge.url)));
        }
        self.apis.purge(&purge.zone, &purge.url).await.map(Observation::Api)
    }

    /// A run that looks at a site ends when the site suffers; one that mends it must not.
    #[must_use]
    pub fn enduring(mut self) -> Self {
        self.breaker = None;
        self
    }

    /// Carries out one action of a lever, on apps and zones of the blueprint alone.
    ///
    /// # Errors
    ///
    /// Why it is not done, and whether that is certain.
    pub async fn act(&self, action: &Action) -> Result<Done, Undone> {
        match self.allowed.has_action(action) {
            true => self.apis.carry_out(action).await,
            false => Err(Undone { because: format!("{}: not part of the blueprint", action.told()), maybe: false }),
        }
    }

    /// Whether things are as an action wants them; `None` where no state could tell.
    ///
    /// # Errors
    ///
    /// Why the provider does not tell.
    pub async fn is_so(&self, action: &Action) -> Result<Option<bool>, String> {
        match self.allowed.has_action(action) {
            true => self.apis.is_so(action).await,
            false => Err(format!("{}: not part of the blueprint", action.told())),
        }
    }

    async fn wait(&self, wait: &Wait) -> Result<Observation, Unanswered> {
        match &self.stage {
            Some(stage) => {
                for url in &wait.copies_of {
                    stage.age_copy(url, wait.duration).await;
                }
            }
            None if wait.duration > policy::LONGEST_WAIT => {
                return Err(not_asked(format!(
                    "waiting {} s is longer than the {} s that a live run lets pass",
                    wait.duration.as_secs(),
                    policy::LONGEST_WAIT.as_secs()
                )));
            }
            None => tokio::time::sleep(wait.duration).await,
        }
        Ok(Observation::Done)
    }

    /// The address that `host` is contacted at, refused unless the blueprint names both.
    async fn place(&self, host: &str, to: Target, port: u16) -> Result<Place, Unanswered> {
        if !self.allowed.has_host(host) {
            return Err(not_asked(format!("{} is not a name of the blueprint", host.escape_debug())));
        }
        match to {
            Target::Pinned(_) if self.allowed.is_alias(host) => {
                Err(not_asked(format!("{host} is an alias of somebody else's, who is asked as visitors ask")))
            }
            Target::Pinned(address) => self.route(
                address,
                port,
                Allowed::has_address,
                &format!("{address} is not an address of the blueprint"),
            ),
            Target::Resolved => {
                let address = self.address_of(host).await?;
                let why = format!("{host} leads to {address}, which is neither the CDN's nor in the blueprint");
                let alias = self.allowed.is_alias(host);
                self.route(address, port, |allowed, address| alias || allowed.has_resolved(address), &why)
            }
        }
    }

    /// The real end of a public address and port.
    fn route(
        &self,
        address: IpAddr,
        port: u16,
        is_allowed: impl Fn(&Allowed, IpAddr) -> bool,
        refusal: &str,
    ) -> Result<Place, Unanswered> {
        let public = SocketAddr::new(address, port);
        let routed = self.routes.get(&public).copied();
        if self.routed_only && routed.is_none() {
            return Err(failed(FailureKind::Unreachable, format!("{public} is not part of the rehearsal")));
        }
        if !is_allowed(&self.allowed, address) {
            return Err(not_asked(refusal));
        }
        match routed {
            Some(real) => Ok(Place { public, real }),
            None => match allowed::why_not_contacted(address) {
                Some(why) => Err(not_asked(format!("{address}: {why}; not contacted unless routed elsewhere"))),
                None => Ok(Place { public, real: public }),
            },
        }
    }

    /// First address of a name, IPv4 before IPv6, as the run's resolvers tell.
    async fn address_of(&self, host: &str) -> Result<IpAddr, Unanswered> {
        let cell = {
            // A panic elsewhere cannot leave a map of cells half-written.
            let mut resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
            resolved.entry(host.to_owned()).or_default().clone()
        };
        cell.get_or_try_init(|| self.resolve(host)).await.copied()
    }

    async fn resolve(&self, host: &str) -> Result<IpAddr, Unanswered> {
        let mut rcode = None;
        for record_type in [RecordType::A, RecordType::Aaaa] {
            let probe = DnsProbe {
                server: DnsServer::Resolver,
                name: host.to_owned(),
                record_type,
                signatures: Signatures::NotAsked,
                nth: 0,
            };
            match self.dns(&probe).await? {
                Observation::Dns(answer) => {
                    let address = answer.answers.iter().find_map(|record| match record.data {
                        RecordData::A(address) => Some(IpAddr::V4(address)),
                        RecordData::Aaaa(address) => Some(IpAddr::V6(address)),
                        _ => None,
                    });
                    if let Some(address) = address {
                        return Ok(address);
                    }
                    rcode.get_or_insert(answer.rcode);
                }
                other => return Err(Box::new(other)),
            }
        }
        Err(match rcode {
            Some(Rcode::Refused) | None => {
                failed(FailureKind::Unreachable, format!("the resolver refuses to look {host} up for us"))
            }
            Some(rcode) => {
                failed(FailureKind::Unresolved, format!("{host} has no address (the resolver answers {rcode})"))
            }
        })
    }
}
