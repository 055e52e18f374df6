//! Machines that run nginx with generated files, and what stands between them and the public: the router of the
//! PaaS before a Scalingo app, and before a plain server a relay that tells nginx who the client is, since on
//! the loopback every client has the same address.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::header::{HOST, HeaderName, HeaderValue, LOCATION};
use hyper::{Request, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::ca::Issued;
use super::edge::store::{append_forwarded, strip_connection_headers};
use super::identity::Identities;
use super::nginx::{self, Nginx, Trouble, Watchdog, loopback, machine_conf};
use super::serve::{self, Answer};
use super::staging::{NodeRole, StagedNode};
use super::{erb, tls};

/// The platform's router gives an app so long (Scalingo docs, platform/networking/public/routing).
const ROUTER_TIMEOUT: Duration = Duration::from_secs(30);

/// A running machine. Dropped, its processes and sockets are gone.
pub struct Node {
    nginx: Running,
    /// Where its public port 443 is served, and 80 if anything listens there.
    pub https: SocketAddr,
    pub http: Option<SocketAddr>,
    tasks: JoinSet<()>,
}

/// What runs on a machine.
enum Running {
    /// The app itself: nothing of golive's.
    Nothing,
    Redirect(Nginx),
    Proxy(Containers),
}

/// What a node needs to know of the world.
#[derive(Clone)]
pub struct Surroundings {
    /// Names that were added to the proxy as an app of the platform.
    pub hosts: Vec<String>,
    /// Every app: the stub answers for all of them.
    pub app: SocketAddr,
    /// The Varnish of the pages that are published as static.
    pub varnish: Option<SocketAddr>,
    pub identities: Identities,
}

pub async fn start(
    node: &StagedNode,
    certificate: Arc<Issued>,
    around: &Surroundings,
    watchdog: &Watchdog,
) -> Result<Node, Trouble> {
    match node.role {
        NodeRole::Redirect => start_redirect(node, &certificate, watchdog).await,
        NodeRole::App => {
            let app = Targets::of(vec![vec![around.app]]);
            behind_router(node, &certificate, around, app, Running::Nothing).await
        }
        NodeRole::ScalingoProxy | NodeRole::ServerProxy => {
            let made = Containers::start(node, Arc::clone(&certificate), around, watchdog).await?;
            let targets = Arc::clone(&made.targets);
            match node.role {
                NodeRole::ScalingoProxy => {
                    behind_router(node, &certificate, around, targets, Running::Proxy(made)).await
                }
                _ => behind_relays(node, around, targets, made).await,
            }
        }
    }
}

impl Node {
    /// Gives the proxy's containers another value of an environment variable, as a platform does: new ones are started
    /// with it, requests go there, the old ones end. Machines without a proxy have no such variable.
    pub async fn set_variable(&mut self, name: &str, value: &str, watchdog: &Watchdog) -> Result<(), Trouble> {
        match &mut self.nginx {
            Running::Proxy(containers) => containers.set_variable(name, value, watchdog).await,
            Running::Nothing | Running::Redirect(_) => Ok(()),
        }
    }

    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        match self.nginx {
            Running::Nothing => {}
            Running::Redirect(nginx) => nginx.stop().await,
            Running::Proxy(containers) => {
                for nginx in containers.running {
                    nginx.stop().await;
                }
            }
        }
    }
}

/// Copies of one proxy, side by side.
struct Containers {
    staged: StagedNode,
    certificate: Arc<Issued>,
    around: Surroundings,
    running: Vec<Nginx>,
    targets: Arc<Targets>,
}

/// Where requests go, each container in turn. Of each its listening addresses.
struct Targets {
    containers: Mutex<Vec<Vec<SocketAddr>>>,
    turn: AtomicUsize,
}

impl Targets {
    fn of(containers: Vec<Vec<SocketAddr>>) -> Arc<Self> {
        Arc::new(Self { containers: Mutex::new(containers), turn: AtomicUsize::new(0) })
    }

    /// The nth address of the next container.
    fn next(&self, nth: usize) -> Option<SocketAddr> {
        let containers = self.containers.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % containers.len().max(1);
        containers.get(turn)?.get(nth).copied()
    }
}

impl Containers {
    async fn start(
        node: &StagedNode,
        certificate: Arc<Issued>,
        around: &Surroundings,
        watchdog: &Watchdog,
    ) -> Result<Self, Trouble> {
        let (staged, around) = (node.clone(), around.clone());
        let running = containers(&staged, &certificate, &around, watchdog).await?;
        let targets = Targets::of(listening(&staged, &running));
        Ok(Self { staged, certificate, around, running, targets })
    }

    async fn set_variable(&mut self, name: &str, value: &str, watchdog: &Watchdog) -> Result<(), Trouble> {
        if self.staged.misses_value.as_deref() == Some(value) {
            return Ok(());
        }
        self.staged.environment.insert(name.to_owned(), value.to_owned());
        let fresh = containers(&self.staged, &self.certificate, &self.around, watchdog).await?;
        let listens = listening(&self.staged, &fresh);
        *self.targets.containers.lock().unwrap_or_else(PoisonError::into_inner) = listens;
        for old in std::mem::replace(&mut self.running, fresh) {
            old.stop().await;
        }
        Ok(())
    }
}

/// Where those listen that get requests.
fn listening(node: &StagedNode, running: &[Nginx]) -> Vec<Vec<SocketAddr>> {
    let last = running.len().saturating_sub(usize::from(node.starves_one)).max(1);
    running.iter().take(last).map(|nginx| nginx.listens.clone()).collect()
}

async fn containers(
    node: &StagedNode,
    certificate: &Issued,
    around: &Surroundings,
    watchdog: &Watchdog,
) -> Result<Vec<Nginx>, Trouble> {
    let mut running = Vec::new();
    for nth in 0..node.containers.max(1) {
        // All run on this machine, which has one name.
        let mut named = node.clone();
        for file in named.files.values_mut() {
            *file = file.replace(" $hostname ", &format!(" \"{}-{nth}\" ", node.address));
        }
        running.push(match node.role {
            NodeRole::ScalingoProxy => scalingo(&named, around, watchdog).await?,
            _ => server(&named, certificate, around, watchdog).await?,
        });
    }
    Ok(running)
}

async fn start_redirect(node: &StagedNode, certificate: &Issued, watchdog: &Watchdog) -> Result<Node, Trouble> {
    let nginx = nginx::start(2, Some(certificate), watchdog, |listens| {
        let mut files = node.files.clone();
        place(&mut files, "where/machine.conf", machine_conf())?;
        place(&mut files, "where/listen.conf", format!("listen {} ssl;\n", port(listens, 0)?))?;
        place(&mut files, "where/listen-plain.conf", format!("listen {};\n", port(listens, 1)?))?;
        Ok(files)
    })
    .await?;
    let (https, http) = (first(&nginx.listens)?, nginx.listens.get(1).copied());
    let mut tasks = JoinSet::new();
    let https = match node.answers_after {
        Duration::ZERO => https,
        delay => slowed(https, delay, &mut tasks).await?,
    };
    Ok(Node { nginx: Running::Redirect(nginx), https, http, tasks })
}

/// Where each connection to a machine waits first.
async fn slowed(inner: SocketAddr, delay: Duration, tasks: &mut JoinSet<()>) -> io::Result<SocketAddr> {
    let (listener, address) = serve::listen().await?;
    tasks.spawn(serve::accept_forever(listener, move |mut stream, _| async move {
        tokio::time::sleep(delay).await;
        // Either end may go away at any time; that is how a relay ends.
        let Ok(mut onward) = TcpStream::connect(inner).await else { return };
        let _ = onward.set_nodelay(true);
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
    }));
    Ok(address)
}

/// The proxy on a plain machine.
async fn server(
    node: &StagedNode,
    certificate: &Issued,
    around: &Surroundings,
    watchdog: &Watchdog,
) -> Result<Nginx, Trouble> {
    let app = around.app;
    nginx::start(2, Some(certificate), watchdog, |listens| {
        let mut files = node.files.clone();
        let (https, http) = (port(listens, 0)?, port(listens, 1)?);
        let listen = format!("listen {https} ssl proxy_protocol;\nlisten {http} proxy_protocol;\n");
        let client = "set_real_ip_from 127.0.0.0/8;\nreal_ip_header proxy_protocol;\n".to_owned();
        place(&mut files, "where/machine.conf", machine_conf())?;
        place(&mut files, "where/listen.conf", listen)?;
        place(&mut files, "where/upstream.conf", format!("server {app};\n"))?;
        for (_, file) in files.iter_mut().filter(|(path, _)| path.starts_with("where/upstream-")) {
            *file = format!("server {app};\n");
        }
        place(&mut files, "where/client.conf", client)?;
        if let Some(varnish) = around.varnish {
            place(&mut files, "where/static.conf", format!("server {varnish};\n"))?;
        }
        for value in node.environment.values() {
            place(&mut files, "where/mode.conf", format!("default \"{value}\";\n"))?;
        }
        Ok(files)
    })
    .await
}

/// Before plain machines: a relay for each port, since on the loopback nginx cannot see who the client is.
async fn behind_relays(
    node: &StagedNode,
    around: &Surroundings,
    targets: Arc<Targets>,
    containers: Containers,
) -> Result<Node, Trouble> {
    let mut tasks = JoinSet::new();
    let mut outer = Vec::new();
    for nth in 0..2 {
        let (listener, address) = serve::listen().await?;
        outer.push(address);
        let (identities, targets) = (around.identities.clone(), Arc::clone(&targets));
        let flaps = Flaps::of(node);
        tasks.spawn(serve::accept_forever(listener, move |stream, peer| {
            let inner = if flaps.ends(&stream) { None } else { targets.next(nth) };
            let identities = identities.clone();
            // Either end may go away at any time; that is how a relay ends.
            async move {
                if let Some(inner) = inner {
                    relay(stream, peer, inner, &identities).await.unwrap_or_default();
                }
            }
        }));
    }
    let (https, http) = (first(&outer)?, outer.get(1).copied());
    Ok(Node { nginx: Running::Proxy(containers), https, http, tasks })
}

/// Passes bytes on, after a line of the PROXY protocol (version 1) with the client's public address.
async fn relay(mut from: TcpStream, peer: SocketAddr, to: SocketAddr, identities: &Identities) -> io::Result<()> {
    let mut onward = TcpStream::connect(to).await?;
    onward.set_nodelay(true)?;
    let client = identities.of(peer);
    let line = format!("PROXY TCP4 {client} {} {} {}\r\n", to.ip(), peer.port(), to.port());
    onward.write_all(line.as_bytes()).await?;
    tokio::io::copy_bidirectional(&mut from, &mut onward).await?;
    Ok(())
}

/// The app has an address here: nobody is asked.
const NO_RESOLVER: &str = "127.0.0.1";

/// The proxy in a container of the platform.
async fn scalingo(node: &StagedNode, around: &Surroundings, watchdog: &Watchdog) -> Result<Nginx, Trouble> {
    let app = around.app.to_string();
    let varnish = around.varnish.map(|varnish| varnish.to_string());
    let further: Vec<String> = (2..=around.hosts.len()).map(|number| format!("APP_UPSTREAM_{number}")).collect();
    nginx::start(1, None, watchdog, |listens| {
        let template = node.files.get("servers.conf.erb").ok_or("servers.conf.erb is not on this machine")?;
        let port = listens.first().map(|listen| listen.port().to_string()).unwrap_or_default();
        let mut variables = vec![("PORT", port.as_str()), ("APP_UPSTREAM", app.as_str()), (erb::RESOLVER, NO_RESOLVER)];
        variables.extend(further.iter().map(|name| (name.as_str(), app.as_str())));
        variables.extend(varnish.iter().map(|varnish| ("STATIC_UPSTREAM", varnish.as_str())));
        variables.extend(node.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let servers = erb::render(template, &variables).map_err(|error| format!("servers.conf.erb: {error}"))?;
        let base = BUILDPACK_BASE.replace("@machine@", &machine_conf());
        Ok(BTreeMap::from([("nginx.conf".to_owned(), base), ("servers.conf".to_owned(), servers)]))
    })
    .await
}

/// The platform's router before whatever listens.
async fn behind_router(
    node: &StagedNode,
    certificate: &Issued,
    around: &Surroundings,
    targets: Arc<Targets>,
    nginx: Running,
) -> Result<Node, Trouble> {
    let router = Arc::new(Router {
        hosts: around.hosts.clone(),
        passes_any_host: node.router_passes_any_host,
        targets,
        identities: around.identities.clone(),
        requests: AtomicU64::new(0),
    });
    let acceptor = tls::acceptor(certificate).map_err(|error| Trouble::Files(error.to_string()))?;
    let (tls_listener, https) = serve::listen().await?;
    let (plain_listener, http) = serve::listen().await?;
    let mut tasks = JoinSet::new();
    let secure = Arc::clone(&router);
    let flaps = Flaps::of(node);
    tasks.spawn(serve::accept_forever(tls_listener, move |stream, peer| {
        let (router, acceptor, ends) = (Arc::clone(&secure), acceptor.clone(), flaps.ends(&stream));
        async move {
            if !ends {
                router.speak_tls(stream, peer, acceptor).await;
            }
        }
    }));
    tasks.spawn(serve::accept_forever(plain_listener, |stream, _| async move {
        serve::speak_http(stream, |request| async move { Ok(force_https(&request)) }).await;
    }));
    Ok(Node { nginx, https, http: Some(http), tasks })
}

/// Two of three connections, where the machine flaps.
struct Flaps {
    does: bool,
    connections: AtomicU64,
}

impl Flaps {
    fn of(node: &StagedNode) -> Self {
        Self { does: node.flaps, connections: AtomicU64::new(0) }
    }

    /// Whether this connection ends now; then with a reset.
    fn ends(&self, stream: &TcpStream) -> bool {
        let ends = self.does && !self.connections.fetch_add(1, Ordering::Relaxed).is_multiple_of(3);
        if ends {
            // Without it the close would be polite.
            let _ = stream.set_zero_linger();
        }
        ends
    }
}

/// The router of the platform: ends TLS, knows the names that were added to the app, says who the client is.
struct Router {
    hosts: Vec<String>,
    passes_any_host: bool,
    targets: Arc<Targets>,
    identities: Identities,
    requests: AtomicU64,
}

impl Router {
    async fn speak_tls(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, acceptor: TlsAcceptor) {
        let Ok(stream) = acceptor.accept(stream).await else { return };
        serve::speak_http(stream, |request| self.pass(request, peer)).await;
    }

    async fn pass(&self, request: Request<hyper::body::Incoming>, peer: SocketAddr) -> io::Result<Answer> {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if !self.hosts.contains(&name) && !self.passes_any_host {
            return Ok(router_error(StatusCode::NOT_FOUND, "unknown application"));
        }
        let (mut parts, body) = request.into_parts();
        let body = serve::read(body, serve::BODY_LIMIT).await?;
        let client = self.identities.of(peer);
        strip_connection_headers(&mut parts.headers);
        // Appended here; whether the real router appends or replaces is not documented.
        append_forwarded(&mut parts.headers, client);
        let id = format!("{:032x}", self.requests.fetch_add(1, Ordering::Relaxed));
        let own = [
            ("x-real-ip", client.to_string()),
            ("x-forwarded-proto", "https".to_owned()),
            ("x-forwarded-port", "443".to_owned()),
            ("x-request-id", id),
        ];
        for (header, value) in own {
            if let Ok(value) = HeaderValue::try_from(value) {
                parts.headers.insert(HeaderName::from_static(header), value);
            }
        }
        if let Some(origin_form) = parts.uri.path_and_query().cloned() {
            parts.uri = origin_form.into();
        }
        let request = Request::from_parts(parts, Full::new(body));
        let exchange = async {
            let container = self.targets.next(0).ok_or_else(|| io::Error::other("no container"))?;
            let stream = TcpStream::connect(container).await?;
            stream.set_nodelay(true)?;
            serve::exchange(stream, request).await
        };
        Ok(match tokio::time::timeout(ROUTER_TIMEOUT, exchange).await {
            Err(_) => router_error(StatusCode::GATEWAY_TIMEOUT, "timeout"),
            Ok(Err(_)) => router_error(StatusCode::BAD_GATEWAY, "application error"),
            Ok(Ok(answer)) => {
                let mut answer = answer.map(Full::new);
                strip_connection_headers(answer.headers_mut());
                answer
            }
        })
    }
}

/// The platform's port 80: its own certificate renewal, and otherwise `force_https`.
fn force_https<B>(request: &Request<B>) -> Answer {
    if request.uri().path().starts_with("/.well-known/acme-challenge/") {
        return router_error(StatusCode::NOT_FOUND, "no such challenge");
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    let uri = request.uri().path_and_query().map_or("/", |uri| uri.as_str());
    let mut answer = serve::text(StatusCode::MOVED_PERMANENTLY, "");
    if let Ok(target) = HeaderValue::try_from(format!("https://{name}{uri}")) {
        answer.headers_mut().insert(LOCATION, target);
    }
    answer
}

fn router_error(status: StatusCode, error: &'static str) -> Answer {
    let mut answer = serve::text(status, format!("{error}\n"));
    answer.headers_mut().insert("x-scalingo-error", HeaderValue::from_static(error));
    answer
}

/// Replaces what the generated folder says of its surroundings.
///
/// # Errors
///
/// When the folder has no such file: the generated configuration would not read the replacement.
fn place(files: &mut BTreeMap<String, String>, path: &str, text: String) -> Result<(), String> {
    match files.get_mut(path) {
        Some(file) => {
            *file = text;
            Ok(())
        }
        None => Err(format!("{path} is not on this machine")),
    }
}

fn port(listens: &[SocketAddr], nth: usize) -> Result<String, String> {
    listens.get(nth).map(|listen| loopback(listen.port())).ok_or_else(|| "no free port".to_owned())
}

fn first(listens: &[SocketAddr]) -> Result<SocketAddr, Trouble> {
    listens.first().copied().ok_or_else(|| Trouble::Files("no free port".to_owned()))
}

/// The buildpack's own nginx.conf around `servers.conf`, as far as it bears upon it (Scalingo nginx-buildpack,
/// config/nginx.conf.erb), with the machine and the paths of a rehearsal.
const BUILDPACK_BASE: &str = "@machine@
events { worker_connections 1024; }
http {
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    types { text/html html; text/css css; text/javascript js; }
    default_type application/octet-stream;
    server_tokens off;
    keepalive_timeout 15s;
    client_max_body_size 100m;
    client_body_timeout 5s;
    gzip on;
    gzip_comp_level 6;
    gzip_min_length 512;
    gzip_types text/plain text/css application/json application/javascript text/xml;
    gzip_vary on;
    gzip_proxied any;
    root html;
    log_format specialLog '$remote_addr $request $status';
    access_log off;
    upstream php { server 127.0.0.1:9; }
    set_real_ip_from 0.0.0.0/0;
    real_ip_header X-Forwarded-For;
    include servers.conf;
}
";
