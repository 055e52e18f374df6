//! The whole verification of the sample on its local world, near and far, against its own critical path and beside the
//! tools that do a part of it. Must not be a test: it prints times and judges none.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use golive::blueprint::{Loaded, Site};
use golive::concerns::fragment::RunsOn;
use golive::concerns::{Check, Safety, Verdict};
use golive::emit::Artifact;
use golive::ops;
use golive::probe::{HttpProbe, Observation, Probe, Target};
use golive::providers::api::Access;
use golive::rehearsal::LocalWorld;
use golive::rehearsal::staging::Staging;
use golive::verify::{self, Outcome};
use golive::world::{Allowed, Options, Roots, Routes, World};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const TIMES: usize = 5;
const FAR: Duration = Duration::from_millis(50);
const DATAGRAM: usize = 4096;

/// Prints a line each for every comparison.
pub fn tell(loaded: &Loaded, artifacts: &[Artifact]) {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    runtime.block_on(async {
        let site = loaded.site.clone().on_the_eve_of(Timestamp::now());
        let runs_on = loaded.blueprint.proxy.as_ref().map_or(RunsOn::Server, |proxy| proxy.runs_on);
        let start = async || {
            let staging = Staging::new(site.clone(), runs_on, artifacts).expect("the sample was generated");
            LocalWorld::start(staging).await.expect("it starts")
        };
        for latency in [Duration::ZERO, FAR] {
            let mut times = Vec::new();
            let mut looked = 0;
            for _ in 0..TIMES {
                // A world for each: its limits would refuse the visitor who looks so often.
                let local = start().await;
                let (outcome, wall, least) = verification(loaded, &site, &local, latency, |_| true).await;
                local.stop().await;
                looked = outcome.results.len();
                times.push((wall, least));
            }
            times.sort();
            let (wall, Least { chain, alone }) = times[TIMES / 2];
            println!(
                "{looked} checks that look (S0, S1), {latency:.0?} away: {wall:.0?} (median of {TIMES}; the slowest chain \
                 of those that run together {chain:.0?}, and then one by one those that run alone {alone:.0?})"
            );
        }
        let local = start().await;
        beside_checkdmarc(loaded, &site, &local).await;
        beside_hurl(loaded, &site, &local).await;
        local.stop().await;
    });
}

/// What no engine can go below while each question of a check waits for the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Least {
    /// The longest chain of checks that wait for one another, of those that run together.
    chain: Duration,
    /// All that run alone, one after another: what ages a copy, and `redir.latency`, thirty new connections to each machine,
    /// which others would slow down. Far away that is most of the time.
    alone: Duration,
}

/// The checks that look and that `chosen` chooses, over relays that far away: what they said, how long it took, and how long
/// it had to.
async fn verification(
    loaded: &Loaded,
    site: &Site,
    local: &LocalWorld,
    latency: Duration,
    chosen: impl Fn(&str) -> bool,
) -> (Outcome, Duration, Least) {
    let mut relays = Relays { latency, tasks: JoinSet::new() };
    let mut routes = Routes::new();
    for (public, real) in local.routes() {
        let near = relays.to(real, public.port() == 53).await.expect("a relay");
        routes.insert(public, near);
    }
    let resolver = relays.to(local.resolver(), true).await.expect("a relay");
    let mut environment = local.environment().clone();
    for value in environment.values_mut() {
        let Some(port) = value.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.split('/').next()) else {
            continue;
        };
        let real: SocketAddr = format!("127.0.0.1:{port}").parse().expect("an address");
        let near = relays.to(real, false).await.expect("a relay");
        *value = value.replacen(&real.to_string(), &near.to_string(), 1);
    }
    let world = world(site, local, routes, resolver, Access::new(|name| environment.get(name).cloned()));
    let checks: Vec<(&'static str, Check)> = ops::verify::checks(&loaded.blueprint, site)
        .into_iter()
        .filter(|(_, check)| check.safety <= Safety::S1 && chosen(check.id))
        .collect();
    let parents: HashMap<&'static str, Vec<&'static str>> =
        checks.iter().map(|(_, check)| (check.id, check.blocked_by.clone())).collect();
    let runs_alone: HashSet<&'static str> =
        checks.iter().filter(|(_, check)| verify::runs_alone(check)).map(|(_, check)| check.id).collect();
    let started = Instant::now();
    let outcome = verify::run(checks, &world, &verify::Options::rehearsal(), |_| {}).await;
    let wall = started.elapsed();
    let bad: Vec<_> = outcome
        .results
        .iter()
        .filter(|result| matches!(result.verdict, Verdict::Fail | Verdict::Unknown))
        .map(|result| format!("{} {}", result.id, result.because))
        .collect();
    assert!(bad.is_empty(), "the healthy world is not green: {bad:?}");
    let together = parents.keys().filter(|id| !runs_alone.contains(*id));
    let chain = together.map(|id| chain(id, &parents, &outcome)).max().unwrap_or_default();
    let alone = outcome.results.iter().filter(|result| runs_alone.contains(result.id));
    let alone = Duration::from_millis(alone.map(|result| result.milliseconds).sum());
    (outcome, wall, Least { chain, alone })
}

fn world(site: &Site, local: &LocalWorld, routes: Routes, resolver: SocketAddr, access: Access) -> World {
    World::new(Options {
        routes,
        routed_only: true,
        resolvers: vec![resolver],
        roots: local.roots(),
        user_agent: ops::verify::user_agent(site),
        timeout: Duration::from_secs(10),
        burst_per_second: None,
        stage: Some(local.stage()),
        access,
        allowed: Allowed::of(site),
    })
    .expect("a world")
}

/// How long the longest chain of checks takes that ends with this one.
fn chain(id: &str, parents: &HashMap<&'static str, Vec<&'static str>>, outcome: &Outcome) -> Duration {
    let own = outcome.results.iter().filter(|result| result.id == id).map(|result| result.milliseconds).max();
    let before = parents.get(id).into_iter().flatten().map(|parent| chain(parent, parents, outcome)).max();
    Duration::from_millis(own.unwrap_or(0)) + before.unwrap_or_default()
}

/// Relays that hold back what they pass on.
struct Relays {
    /// Of a round trip.
    latency: Duration,
    tasks: JoinSet<()>,
}

impl Relays {
    /// A place that leads to this one; by datagrams too where names are asked for. Nothing is relayed that is not far.
    async fn to(&mut self, real: SocketAddr, datagrams: bool) -> io::Result<SocketAddr> {
        if self.latency.is_zero() {
            return Ok(real);
        }
        let (listener, socket) = loop {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            match UdpSocket::bind(listener.local_addr()?).await {
                Ok(socket) => break (listener, socket),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        };
        let (here, latency) = (listener.local_addr()?, self.latency);
        self.tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(async move { relay(stream, real, latency).await.unwrap_or_default() });
            }
        });
        if datagrams {
            self.tasks.spawn(async move { relay_datagrams(Arc::new(socket), real, latency).await.unwrap_or_default() });
        }
        Ok(here)
    }
}

async fn relay(near: TcpStream, real: SocketAddr, latency: Duration) -> io::Result<()> {
    // The handshake of TCP is one round trip.
    tokio::time::sleep(latency).await;
    let far = TcpStream::connect(real).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    tokio::join!(later(near_read, far_write, latency / 2), later(far_read, near_write, latency / 2));
    Ok(())
}

/// Passes bytes on, each so much later than it came.
async fn later(
    mut from: impl AsyncReadExt + Unpin + Send + 'static,
    mut to: impl AsyncWriteExt + Unpin,
    latency: Duration,
) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let reading = tokio::spawn(async move {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            if sender.send((Instant::now() + latency, buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    while let Some((when, bytes)) = receiver.recv().await {
        tokio::time::sleep_until(when.into()).await;
        if to.write_all(&bytes).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
    reading.abort();
}

async fn relay_datagrams(near: Arc<UdpSocket>, real: SocketAddr, latency: Duration) -> io::Result<()> {
    let mut buffer = vec![0; DATAGRAM];
    let mut questions = JoinSet::new();
    loop {
        let (length, from) = near.recv_from(&mut buffer).await?;
        let (question, near) = (buffer[..length].to_vec(), Arc::clone(&near));
        questions.spawn(async move {
            tokio::time::sleep(latency).await;
            let far = UdpSocket::bind("127.0.0.1:0").await?;
            far.send_to(&question, real).await?;
            let mut answer = vec![0; 65_536];
            let length = far.recv(&mut answer).await?;
            near.send_to(&answer[..length], from).await
        });
    }
}

fn tool(below: &str) -> Option<PathBuf> {
    let tool = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools")).join(below);
    if !tool.exists() {
        println!("beside it: NOT RUN, {} is not there (make bench installs it)", tool.display());
    }
    tool.exists().then_some(tool)
}

/// SPF and DMARC of the sample's domains, through the same resolver.
async fn beside_checkdmarc(loaded: &Loaded, site: &Site, local: &LocalWorld) {
    let (Some(python), Some(mail)) = (tool("py/bin/python"), &loaded.blueprint.mail) else { return };
    let same = |id: &str| id.starts_with("mail.spf.") || id.starts_with("mail.dmarc.r");
    let (outcome, wall, _) = verification(loaded, site, local, Duration::ZERO, same).await;
    let mut command = tokio::process::Command::new(python);
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/mail.py"))
        .arg(local.resolver().port().to_string());
    command.args(mail.domains.iter().map(|domain| domain.name.as_str())).stdout(Stdio::null());
    let started = Instant::now();
    let status = command.status().await.expect("it starts");
    assert!(status.success(), "checkdmarc fails");
    println!(
        "SPF and DMARC of {} domains: golive {wall:.0?} ({} checks), checkdmarc {:.0?} (its start included)",
        mail.domains.len(),
        outcome.results.len(),
        started.elapsed()
    );
}

/// The pages that the checks ask for first, each once and one after another.
async fn beside_hurl(loaded: &Loaded, site: &Site, local: &LocalWorld) {
    let Some(hurl) = tool("bin/hurl") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let routes = local.routes();
    let mut asked = HashSet::new();
    let mut pages: Vec<(HttpProbe, SocketAddr)> = Vec::new();
    for (_, check) in
        ops::verify::checks(&loaded.blueprint, site).iter().filter(|(_, check)| check.safety <= Safety::S1)
    {
        for probe in &check.ask {
            let Probe::Http(probe) = probe else { continue };
            // Hurl has no other Host, and no session of a test account.
            let is_plain = probe.headers.is_empty() && probe.host_header.is_none();
            if let (true, Some(real)) = (is_plain, place(probe, site, &routes))
                && asked.insert((probe.url(), real))
            {
                pages.push((probe.clone(), real));
            }
        }
    }
    let mut file = String::new();
    for (probe, real) in &pages {
        let (url, host, port) = (probe.url(), &probe.host, probe.scheme.port());
        let _ =
            write!(file, "GET {url}\n[Options]\nconnect-to: {host}:{port}:{}:{}\nHTTP *\n\n", real.ip(), real.port());
    }
    std::fs::write(folder.path().join("site.hurl"), file).expect("written");
    let root = folder.path().join("root.pem");
    let Roots::Only(roots) = local.roots() else { return };
    let der = roots.iter().map(|root| data_encoding::BASE64.encode(root));
    let pem: String =
        der.map(|der| format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n")).collect();
    std::fs::write(&root, pem).expect("written");
    let mut command = tokio::process::Command::new(hurl);
    command.arg("--cacert").arg(&root).arg("--no-output").arg(folder.path().join("site.hurl"));
    let started = Instant::now();
    let output = command.output().await.expect("it starts");
    let took = started.elapsed();
    assert!(output.status.success(), "Hurl fails: {}", String::from_utf8_lossy(&output.stderr));

    let world = world(site, local, routes, local.resolver(), local.access());
    let started = Instant::now();
    for (probe, _) in &pages {
        let seen = world.ask(&probe.clone().into()).await;
        assert!(matches!(seen, Observation::Http(_)), "{seen:?}");
    }
    println!(
        "{} pages, one after another: golive {:.0?}, Hurl {took:.0?} (its start included)",
        pages.len(),
        started.elapsed()
    );
}

/// Where the page is served.
fn place(probe: &HttpProbe, site: &Site, routes: &Routes) -> Option<SocketAddr> {
    let port = probe.scheme.port();
    let ranges = &site.cdn.as_ref()?.ranges;
    let address = match probe.to {
        Target::Pinned(address) => address,
        Target::Resolved => {
            match site.redirected.iter().find(|one| one.names.iter().any(|name| name.as_str() == probe.host)) {
                Some(redirected) => *redirected.addresses.first()?,
                None => routes.keys().map(SocketAddr::ip).find(|ip| ranges.iter().any(|range| range.contains(ip)))?,
            }
        }
    };
    routes.get(&SocketAddr::new(address, port)).copied()
}
