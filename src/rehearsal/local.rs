//! The local world as one value: started whole or not at all, gone when dropped.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use hyper::StatusCode;
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::apis;
use super::app::App;
use super::ca::Authority;
use super::dns::{self, HeldZone, Internet, ServerData, zone};
use super::edge::{Door, Edge};
use super::identity::{self, Identities};
use super::nginx::{Trouble, Watchdog};
use super::node::{self, Node, Surroundings};
use super::office::Office;
use super::serve;
use super::staging::{
    DnsManner, SITE_ADDRESS, StagedCertificate, StagedNameServer, StagedPolicy, StagedResolver, StagedVarnish,
    StagedVendor, Staging, VENDOR_ADDRESS,
};
use super::tls;
use super::varnish::{self, Varnish};
use crate::blueprint::Site;
use crate::blueprint::site::DegradedFacts;
use crate::blueprint::value::Label;
use crate::concerns::cdn::Setup;
use crate::probe::{Disturbance, TlsVersion, Visitor};
use crate::providers::api::{Access, access};
use crate::providers::cloudflare;
use crate::providers::cloudflare::payload::{self, Payloads};
use crate::world::{Roots, Routes, Stage};

/// Addresses of the rehearsed edge: within the ranges that Cloudflare publishes, and not routed outside.
pub const EDGE_ADDRESSES: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(104, 16, 0, 10)), IpAddr::V4(Ipv4Addr::new(104, 16, 0, 11))];

/// Where a policy is served (RFC 8461, section 3.3).
const POLICY_PATH: &str = "/.well-known/mta-sts.txt";

/// The zone in which the names of partial zones lead to the edge.
const CDN_ZONE: &str = "cdn.cloudflare.net";

/// Why the world did not start. What had started has been stopped again.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "nginx is not installed: the rehearsal runs the generated configuration in the real one \
         (Debian: `apt install nginx-light`; macOS: `brew install nginx`), found in PATH or /usr/sbin"
    )]
    NginxMissing,
    /// nginx's own words, paths below its folder.
    #[error("nginx on {address} does not start:\n{stderr}")]
    Nginx { address: IpAddr, stderr: String },
    #[error(
        "varnishd is not installed: the rehearsal runs the generated VCL in the real one (Debian: `make tools`, or \
         `apt install varnish`, which also starts one), found in PATH or /usr/sbin"
    )]
    VarnishMissing,
    /// Its own words, or those of the nginx that relays.
    #[error("Varnish does not start (it needs a C compiler; Debian: `apt install gcc libc6-dev`):\n{0}")]
    Varnish(String),
    /// The files of a machine are not those that it runs.
    #[error("the machine {address} cannot be built: {message}")]
    Node { address: IpAddr, message: String },
    /// A payload that the CDN would not take.
    #[error("the CDN refuses {file}: {message}")]
    Cdn { file: String, message: String },
    #[error("a certificate of the rehearsal cannot be made: {0}")]
    Certificate(String),
    #[error("{what}: {source}")]
    Io { what: &'static str, source: io::Error },
}

impl StartError {
    fn io(what: &'static str) -> impl Fn(io::Error) -> StartError {
        move |source| StartError::Io { what, source }
    }
}

/// A running rehearsal. Dropped, every socket and process of it is gone.
pub struct LocalWorld {
    routes: Routes,
    resolver: SocketAddr,
    root: CertificateDer<'static>,
    notes: Vec<String>,
    stage: Arc<LocalStage>,
    environment: BTreeMap<&'static str, String>,
    faults: apis::Faults,
    // Dropped in this order: the edge and the app stop asking and answering, then the machines go.
    tasks: JoinSet<()>,
    names: Vec<dns::Running>,
    machines: Arc<Machines>,
}

/// Every machine that runs nginx, the Varnish, and what ends them.
struct Machines {
    nodes: tokio::sync::Mutex<Vec<Node>>,
    /// Behind them, where pages are published as static.
    varnish: tokio::sync::Mutex<Option<Varnish>>,
    watchdog: Watchdog,
}

struct LocalStage {
    edge: Option<Arc<Edge>>,
    app: Arc<App>,
    office: Arc<Office>,
    varnish: Option<SocketAddr>,
    identities: Identities,
    degraded: Option<DegradedFacts>,
    /// Of the world, which may be gone before the last question is.
    machines: Weak<Machines>,
}

#[async_trait::async_trait]
impl Stage for LocalStage {
    async fn age_copy(&self, url: &str, by: Duration) {
        if let Some(edge) = &self.edge {
            edge.age_copy(url, by);
        }
        if let (Some(at), Ok(url)) = (self.varnish, url.parse::<hyper::Uri>()) {
            varnish::age_copy(at, url.path(), by).await;
        }
    }

    async fn disturb(&self, disturbance: Disturbance) -> Result<(), String> {
        self.app.disturb(disturbance);
        self.office.disturb(disturbance);
        match disturbance {
            Disturbance::ModeOn | Disturbance::ModeOff => self.switch(disturbance == Disturbance::ModeOn).await,
            Disturbance::RoomHoldsAll | Disturbance::AppHealthy => {
                if let Some(edge) = &self.edge {
                    edge.hold_all(disturbance == Disturbance::RoomHoldsAll);
                }
                Ok(())
            }
            Disturbance::EdgePurged => {
                self.edge.iter().for_each(|edge| edge.purge());
                Ok(())
            }
            Disturbance::AppRefuses
            | Disturbance::AppAnswers503
            | Disturbance::AppAnswers500
            | Disturbance::DatabaseAway
            | Disturbance::OfficeRefuses
            | Disturbance::OfficeAnswers503 => Ok(()),
        }
    }

    fn pretend(&self, client: SocketAddr, visitor: &Visitor) -> Box<dyn Send + Sync> {
        Box::new(self.identities.register(client, identity::address_of(visitor)))
    }
}

impl LocalStage {
    /// Gives every machine that runs the proxy the variable's other value.
    async fn switch(&self, on: bool) -> Result<(), String> {
        let degraded = self.degraded.as_ref().ok_or("this blueprint has no degraded mode")?;
        let machines = self.machines.upgrade().ok_or("the local world has stopped")?;
        let value = if on { &degraded.on } else { &degraded.off };
        for node in machines.nodes.lock().await.iter_mut() {
            let set = node.set_variable(degraded.variable.as_str(), value.as_str(), &machines.watchdog).await;
            set.map_err(|trouble| format!("the proxy does not start again: {trouble:?}"))?;
        }
        Ok(())
    }
}

/// What the providers' APIs move here.
struct LocalSwitches {
    edge: Option<Arc<Edge>>,
    /// The payloads as they are now.
    cdn_files: Mutex<BTreeMap<String, String>>,
    purges_elsewhere: bool,
    /// The app of the platform that the machines with nginx are.
    front: Option<Label>,
    /// The variable that those read.
    switch: Option<String>,
    machines: Weak<Machines>,
}

/// How long one machine of an app takes to come back: long enough that visitors meet old and new ones.
const ONE_RESTARTS: Duration = Duration::from_millis(500);

#[async_trait::async_trait]
impl apis::Switches for LocalSwitches {
    fn purge_copy(&self, url: &str) {
        if !self.purges_elsewhere {
            self.edge.iter().for_each(|edge| edge.purge_copy(url));
        }
    }

    fn set_door(&self, door: Door) {
        self.edge.iter().for_each(|edge| edge.set_door(door));
    }

    fn set_rules(&self, phase: &str, ruleset: &serde_json::Value) -> Result<(), String> {
        let Some(edge) = &self.edge else { return Err("there is no CDN here".to_owned()) };
        let mut files = self.cdn_files.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = files.clone();
        changed.insert(format!("cloudflare/{phase}.json"), ruleset.to_string());
        edge.set_gate(Payloads::read(&changed).map_err(|payload::Refused { message, .. }| message)?);
        *files = changed;
        Ok(())
    }

    async fn restart(&self, app: &str, variables: &BTreeMap<String, String>) -> Result<(), String> {
        tokio::time::sleep(ONE_RESTARTS).await;
        let is_front = self.front.as_ref().is_some_and(|front| front.as_str() == app);
        let Some((name, value)) =
            self.switch.as_ref().filter(|_| is_front).and_then(|name| variables.get_key_value(name))
        else {
            return Ok(());
        };
        let machines = self.machines.upgrade().ok_or("the local world has stopped")?;
        for node in machines.nodes.lock().await.iter_mut() {
            let set = node.set_variable(name, value, &machines.watchdog).await;
            set.map_err(|trouble| format!("a machine does not start again: {trouble:?}"))?;
            tokio::time::sleep(ONE_RESTARTS).await;
        }
        Ok(())
    }
}

impl LocalWorld {
    /// Starts everything, and returns when all of it answers.
    ///
    /// # Errors
    ///
    /// The first part that did not start, in its own words.
    pub async fn start(staging: Staging) -> Result<Self, StartError> {
        let mut notes = made_up(&staging.site, staging.varnish.is_some());
        let payloads = match &staging.site.cdn {
            Some(_) => Some(
                Payloads::read(&staging.cdn_files)
                    .map_err(|payload::Refused { file, message }| StartError::Cdn { file, message })?,
            ),
            None => None,
        };
        notes.extend(payloads.iter().flat_map(|payloads| payloads.notes.clone()));
        let certificate = |error: rcgen::Error| StartError::Certificate(error.to_string());
        let tls_error = |error: rustls::Error| StartError::Certificate(error.to_string());
        let authority = Authority::new().map_err(certificate)?;
        let identities = Identities::default();
        let mut tasks = JoinSet::new();
        let mut routes = Routes::new();

        let app = Arc::new(app(&staging));
        let (listener, app_address) = serve::listen().await.map_err(StartError::io("the app cannot listen"))?;
        tasks.spawn(serve::stub(Arc::clone(&app), listener));

        let watchdog = Watchdog::start().await.map_err(StartError::io("/bin/sh does not watch over nginx"))?;
        let public = staging.site.hosts.iter().map(|host| host.name.to_string());
        let hosts = public.chain(staging.site.platform_name().map(|name| name.to_string())).collect();
        let office = Arc::new(Office::default());
        let varnish = match &staging.varnish {
            None => None,
            Some(staged) => {
                let (listener, at) = serve::listen().await.map_err(StartError::io("the back office cannot listen"))?;
                tasks.spawn(serve::stub(Arc::clone(&office), listener));
                Some(start_varnish(staged, &staging.site, at, &watchdog).await?)
            }
        };
        let varnish_address = varnish.as_ref().map(|varnish| varnish.listens);
        let around = Surroundings { hosts, app: app_address, varnish: varnish_address, identities: identities.clone() };
        let (watchdog, nodes) = start_nodes(&staging, &authority, around, watchdog, &mut routes).await?;

        serve_policies(&staging.policies, &authority, &mut tasks, &mut routes).await?;
        let name_data = name_data(&staging, payloads.as_ref(), &mut notes);
        let machines = Arc::new(Machines { nodes: nodes.into(), varnish: varnish.into(), watchdog });

        let edge = match payloads {
            Some(payloads) => {
                let edge =
                    Edge::new(payloads, routes.clone(), authority.root(), identities.clone()).map_err(tls_error)?;
                let edge = Arc::new(edge);
                let issued = authority.issue(&staging.edge_certificate).map_err(certificate)?;
                serve_edge(&edge, &issued, &identities, &mut tasks, &mut routes).await?;
                Some(edge)
            }
            None => None,
        };

        if !staging.vendor.names.is_empty() {
            serve_vendor(&staging.vendor, &authority, &mut tasks, &mut routes).await?;
        }

        let dns_error = StartError::io("a name server cannot listen");
        let mut names = Vec::new();
        let own = name_servers(&staging);
        for (server, data) in own.iter().zip(&name_data).filter(|(server, _)| !server.address.is_unspecified()) {
            let running = dns::serve_zones(Arc::clone(data)).await.map_err(&dns_error)?;
            routes.insert(SocketAddr::new(server.address, 53), running.address);
            names.push(running);
        }
        for (position, resolver) in staging.resolvers.iter().enumerate() {
            let internet = internet_of(resolver, position, own.len(), &name_data, &mut notes);
            let running = dns::serve_resolver(internet).await.map_err(&dns_error)?;
            routes.insert(SocketAddr::new(resolver.address, 53), running.address);
            names.push(running);
        }
        let resolver = dns::serve_resolver(Internet { servers: name_data }).await.map_err(&dns_error)?;
        let resolver_address = resolver.address;
        names.push(resolver);

        let (listener, address) = serve::listen().await.map_err(StartError::io("the providers' APIs cannot listen"))?;
        let switches = LocalSwitches {
            edge: edge.clone(),
            cdn_files: Mutex::new(staging.cdn_files.clone()),
            purges_elsewhere: staging.purges_elsewhere,
            front: staging.site.front.clone(),
            switch: staging.site.degraded.as_ref().map(|degraded| degraded.variable.to_string()),
            machines: Arc::downgrade(&machines),
        };
        let faults = apis::Faults::default();
        let apis = apis::Server::new(staging.apis, Arc::new(switches), Arc::clone(&faults));
        let mut environment = apis.environment(address);
        environment.insert(access::TEST_SESSION, app.log_in());
        tasks.spawn(apis.serve(listener));

        Ok(Self {
            routes,
            environment,
            resolver: resolver_address,
            root: authority.root(),
            notes,
            stage: Arc::new(LocalStage {
                edge,
                app,
                office,
                varnish: varnish_address,
                identities,
                degraded: staging.site.degraded,
                machines: Arc::downgrade(&machines),
            }),
            faults,
            tasks,
            names,
            machines,
        })
    }

    /// Lets a provider's API misbehave from now on, as often as the fault says.
    pub fn misbehave(&self, fault: apis::ApiFault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Where the blueprint's public addresses are served.
    pub fn routes(&self) -> Routes {
        self.routes.clone()
    }

    /// A recursive resolver that knows the staged zones, and the CDN's, and no others.
    pub fn resolver(&self) -> SocketAddr {
        self.resolver
    }

    /// The authority that issued every certificate of this world.
    pub fn roots(&self) -> Roots {
        Roots::Only(vec![self.root.clone()])
    }

    pub fn stage(&self) -> Arc<dyn Stage> {
        Arc::clone(&self.stage) as Arc<dyn Stage>
    }

    /// The variables by which a run reads the providers' APIs of this world, with a token that is good nowhere else.
    pub fn environment(&self) -> &BTreeMap<&'static str, String> {
        &self.environment
    }

    /// The same for a run in this process.
    pub fn access(&self) -> Access {
        Access::new(|name| self.environment.get(name).cloned())
    }

    /// Ends every fault of the APIs.
    pub fn recover(&self) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What was accepted and is not played, or is broken on purpose: a line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Stops everything and waits until it is gone.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        for running in std::mem::take(&mut self.names) {
            running.stop().await;
        }
        for node in std::mem::take(&mut *self.machines.nodes.lock().await) {
            node.stop().await;
        }
        if let Some(varnish) = self.machines.varnish.lock().await.take() {
            varnish.stop().await;
        }
    }
}

async fn start_varnish(
    staged: &StagedVarnish,
    site: &Site,
    office: SocketAddr,
    watchdog: &Watchdog,
) -> Result<Varnish, StartError> {
    varnish::start(staged, site.host.as_str(), office, watchdog).await.map_err(|trouble| match trouble {
        Trouble::Missing => StartError::VarnishMissing,
        Trouble::Says(words) | Trouble::Files(words) => StartError::Varnish(words),
        Trouble::Io(source) => StartError::Io { what: "Varnish cannot be run", source },
    })
}

/// What this world adds to what the blueprint says.
fn made_up(site: &Site, publishes: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !site.has_proxy {
        notes.push(format!("no [proxy]: a stub app answers for {} itself, and sends no cache header", site.host));
    }
    if publishes && site.proxies > 1 {
        notes.push(format!("one Varnish and one back office stand for those of all {} proxies", site.proxies));
    }
    if site.cdn.is_none() {
        notes.push(format!("no [cdn], which would say where {} lives: here it leads to {SITE_ADDRESS}", site.host));
    }
    notes
}

fn app(staging: &Staging) -> App {
    App::new(staging.app.clone(), &staging.site)
}

/// All machines at once; the first failure in their order is reported, after all have come to an end.
async fn start_nodes(
    staging: &Staging,
    authority: &Authority,
    around: Surroundings,
    watchdog: Watchdog,
    routes: &mut Routes,
) -> Result<(Watchdog, Vec<Node>), StartError> {
    let watchdog = Arc::new(watchdog);
    let mut starting = JoinSet::new();
    for (position, staged) in staging.nodes.iter().enumerate() {
        let certificate =
            authority.issue(&staged.certificate).map_err(|error| StartError::Certificate(error.to_string()))?;
        let (staged, around, watchdog) = (staged.clone(), around.clone(), Arc::clone(&watchdog));
        starting.spawn(async move {
            let result = node::start(&staged, Arc::new(certificate), &around, &watchdog).await;
            (position, staged.address, result)
        });
    }
    let mut results = starting.join_all().await;
    results.sort_by_key(|(position, ..)| *position);
    let mut nodes = Vec::new();
    for (_, address, result) in results {
        let node = result.map_err(|trouble| match trouble {
            Trouble::Missing => StartError::NginxMissing,
            Trouble::Says(stderr) => StartError::Nginx { address, stderr },
            Trouble::Files(message) => StartError::Node { address, message },
            Trouble::Io(source) => StartError::Io { what: "nginx cannot be run", source },
        })?;
        routes.insert(SocketAddr::new(address, 443), node.https);
        if let Some(http) = node.http {
            routes.insert(SocketAddr::new(address, 80), http);
        }
        nodes.push(node);
    }
    let watchdog = Arc::into_inner(watchdog)
        .ok_or_else(|| StartError::Io { what: "the machines", source: io::Error::other("a start has not ended") })?;
    Ok((watchdog, nodes))
}

async fn serve_edge(
    edge: &Arc<Edge>,
    issued: &super::ca::Issued,
    identities: &Identities,
    tasks: &mut JoinSet<()>,
    routes: &mut Routes,
) -> Result<(), StartError> {
    let speaks = edge.settings().tls_versions();
    let modern: Vec<_> = [(TlsVersion::Tls13, &TLS13), (TlsVersion::Tls12, &TLS12)]
        .into_iter()
        .filter_map(|(version, of_rustls)| speaks.contains(&version).then_some(of_rustls))
        .collect();
    let known = Arc::clone(edge);
    let acceptor = tls::acceptor_for(issued, &modern, move |name| known.serves(name))
        .map_err(|error| StartError::Certificate(error.to_string()))?;
    for address in EDGE_ADDRESSES {
        let (secure, plain) = (listen_edge().await?, listen_edge().await?);
        routes.insert(SocketAddr::new(address, 443), secure.1);
        routes.insert(SocketAddr::new(address, 80), plain.1);
        let (edge_of_tls, acceptor, known) = (Arc::clone(edge), acceptor.clone(), identities.clone());
        tasks.spawn(serve::accept_forever(secure.0, move |stream, peer| {
            let (edge, acceptor, client) = (Arc::clone(&edge_of_tls), acceptor.clone(), known.of(peer));
            async move {
                let allowed = edge.settings().tls_versions();
                let Some(stream) = tls::not_outdated(stream, &allowed).await else { return };
                let Ok(stream) = acceptor.accept(stream).await else { return };
                serve::speak_http(stream, |request| edge.answer(true, address, client, request)).await;
            }
        }));
        let (edge_of_plain, known) = (Arc::clone(edge), identities.clone());
        tasks.spawn(serve::accept_forever(plain.0, move |stream, peer| {
            let (edge, client) = (Arc::clone(&edge_of_plain), known.of(peer));
            async move { serve::speak_http(stream, |request| edge.answer(false, address, client, request)).await }
        }));
    }
    Ok(())
}

/// A vendor's page for our names, or for names that are nobody's.
async fn serve_vendor(
    vendor: &StagedVendor,
    authority: &Authority,
    tasks: &mut JoinSet<()>,
    routes: &mut Routes,
) -> Result<(), StartError> {
    let refused = |error: &dyn std::fmt::Display| StartError::Certificate(error.to_string());
    let issued = authority.issue(&StagedCertificate::healthy(vendor.names.clone())).map_err(|error| refused(&error))?;
    let acceptor = tls::acceptor(&issued).map_err(|error| refused(&error))?;
    let (listener, address) = serve::listen().await.map_err(StartError::io("the vendor cannot listen"))?;
    routes.insert(SocketAddr::new(VENDOR_ADDRESS, 443), address);
    let knows_us = vendor.knows_us;
    tasks.spawn(serve::accept_forever(listener, move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let answer = || match knows_us {
                true => serve::text(StatusCode::OK, "a customer's page\n"),
                false => serve::text(StatusCode::NOT_FOUND, "No such app\n"),
            };
            serve::speak_http(stream, |_| std::future::ready(Ok(answer()))).await;
        }
    }));
    Ok(())
}

/// Whoever serves the policies of mail domains: one server an address, which has a certificate for all its names.
async fn serve_policies(
    policies: &[StagedPolicy],
    authority: &Authority,
    tasks: &mut JoinSet<()>,
    routes: &mut Routes,
) -> Result<(), StartError> {
    let mut by_address: BTreeMap<IpAddr, BTreeMap<String, String>> = BTreeMap::new();
    for policy in policies {
        by_address.entry(policy.address).or_default().insert(policy.host.clone(), policy.text.clone());
    }
    for (address, texts) in by_address {
        let certificate = StagedCertificate::healthy(texts.keys().cloned().collect());
        let issued = authority.issue(&certificate).map_err(|error| StartError::Certificate(error.to_string()))?;
        let acceptor = tls::acceptor(&issued).map_err(|error| StartError::Certificate(error.to_string()))?;
        let (listener, at) = serve::listen().await.map_err(StartError::io("a policy's server cannot listen"))?;
        routes.insert(SocketAddr::new(address, 443), at);
        let texts = Arc::new(texts);
        tasks.spawn(serve::accept_forever(listener, move |stream, _| {
            let (acceptor, texts) = (acceptor.clone(), Arc::clone(&texts));
            async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                serve::speak_http(stream, |request| {
                    let host = request.headers().get(hyper::header::HOST).and_then(|host| host.to_str().ok());
                    let text = host.and_then(|host| texts.get(host)).filter(|_| request.uri().path() == POLICY_PATH);
                    let answer = match text {
                        Some(text) => serve::text(hyper::StatusCode::OK, text.clone()),
                        None => serve::text(hyper::StatusCode::NOT_FOUND, "no such policy\n"),
                    };
                    async move { Ok(answer) }
                })
                .await;
            }
        }));
    }
    Ok(())
}

async fn listen_edge() -> Result<(TcpListener, SocketAddr), StartError> {
    serve::listen().await.map_err(StartError::io("the edge cannot listen"))
}

/// The name servers of the blueprint, then those of the zones above; one that is both holds the zones of both.
fn name_servers(staging: &Staging) -> Vec<StagedNameServer> {
    let mut all = staging.name_servers.clone();
    for parent in &staging.parent_servers {
        match all.iter_mut().find(|server| server.address == parent.address) {
            Some(server) => server.zones.extend(parent.zones.clone()),
            None => all.push(parent.clone()),
        }
    }
    all
}

/// The world as one of several resolvers sees it: each asks another server first, and some remember.
fn internet_of(
    resolver: &StagedResolver,
    position: usize,
    own: usize,
    name_data: &[Arc<ServerData>],
    notes: &mut Vec<String>,
) -> Internet {
    let mut servers = name_data.to_vec();
    if own > 0 {
        servers[..own].rotate_left(position % own);
    }
    let mut zones = Vec::new();
    for (name, text) in &resolver.old_zones {
        match zone::Zone::parse(name, text) {
            Ok(zone) => zones.push(HeldZone::Good(Box::new(zone))),
            Err(error) => notes.push(format!("{} remembers no zone {name}: {error}", resolver.address)),
        }
    }
    servers.insert(0, Arc::new(ServerData { zones, manner: DnsManner::Answers }));
    Internet { servers }
}

/// What each staged name server holds, in their order, then what others hold, and then the CDN's own servers.
fn name_data(staging: &Staging, payloads: Option<&Payloads>, notes: &mut Vec<String>) -> Vec<Arc<ServerData>> {
    let mut all: Vec<Arc<ServerData>> =
        name_servers(staging).iter().map(|server| Arc::new(held(server, staging, payloads, notes))).collect();
    let foreign = StagedNameServer {
        name: "a name server of somebody else's".to_owned(),
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        zones: staging.foreign_zones.clone(),
        manner: DnsManner::Answers,
    };
    all.push(Arc::new(held(&foreign, staging, None, notes)));
    let partial = staging.site.cdn.as_ref().is_some_and(|cdn| cdn.setup == Setup::Partial);
    if let (true, Some(payloads)) = (partial, payloads) {
        let names: Vec<String> = payloads.hosts.keys().map(|host| format!("{host}.{CDN_ZONE}")).collect();
        match zone::edge_zone(CDN_ZONE, &names, &EDGE_ADDRESSES, cloudflare::PROXIED_TTL) {
            Ok(zone) => {
                all.push(Arc::new(ServerData {
                    zones: vec![HeldZone::Good(Box::new(zone))],
                    manner: DnsManner::Answers,
                }));
            }
            Err(error) => notes.push(format!("{CDN_ZONE}: {error}")),
        }
    }
    all
}

fn held(
    server: &StagedNameServer,
    staging: &Staging,
    payloads: Option<&Payloads>,
    notes: &mut Vec<String>,
) -> ServerData {
    let full = staging.site.cdn.as_ref().filter(|cdn| cdn.setup == Setup::Full).map(|cdn| cdn.zone.as_str());
    let mut zones = Vec::new();
    for (name, text) in &server.zones {
        let read = zone::Zone::parse(name, text).and_then(|mut zone| {
            if let (true, Some(payloads)) = (full == Some(name.as_str()), payloads) {
                for host in payloads.hosts.keys() {
                    zone.replace_addresses(host, &EDGE_ADDRESSES, cloudflare::PROXIED_TTL)?;
                }
                for (host, addresses) in &payloads.unproxied {
                    zone.replace_addresses(host, addresses, cloudflare::PROXIED_TTL)?;
                }
            }
            if let Some(key) = staging.keys.get(name) {
                zone.sign(key)?;
            }
            Ok(zone)
        });
        match read {
            Ok(zone) => zones.push(HeldZone::Good(Box::new(zone))),
            Err(error) => {
                notes.push(format!("{} does not load the zone {name}: {error}", server.name));
                zones.extend(zone::absolute(name).map(|origin| HeldZone::Broken(origin.into())));
            }
        }
    }
    ServerData { zones, manner: server.manner }
}
