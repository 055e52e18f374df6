//! The generated nginx files under the real nginx: accepted, and doing what the blueprint promises.

mod common;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Sample, need, parse, sample};
use golive::ops::generate;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use tempfile::TempDir;

const HOST: &str = "covid19.reserve-civique.gouv.fr";
/// As the platform's router sends it for a visitor behind the CDN, and for one who came past it.
const VIA_CDN: (&str, &str) = ("X-Forwarded-For", "198.51.100.7, 104.16.0.10");
const PAST_CDN: (&str, &str) = ("X-Forwarded-For", "104.16.0.10, 198.51.100.7");

/// A base like the buildpack's (its `config/nginx.conf.erb`), around the rendered `servers.conf`.
const BUILDPACK_BASE: &str = "
worker_processes 1;
pid nginx.pid;
events { worker_connections 1024; }
http {
    server_tokens off;
    sendfile on;
    keepalive_timeout 65;
    log_format specialLog '$http_x_forwarded_for - \"$request\" $status';
    error_log logs/error.log notice;
    access_log logs/access.log specialLog;
    client_max_body_size 100m;
    client_body_timeout 600s;
    upstream php { server unix:/tmp/php-fpm.sock max_fails=3 fail_timeout=3s; keepalive 16; }
    default_type application/octet-stream;
    set_real_ip_from 0.0.0.0/0;
    real_ip_header X-Forwarded-For;
    gzip on;
    gzip_http_version 1.0;
    gzip_comp_level 5;
    gzip_min_length 256;
    gzip_proxied any;
    gzip_vary on;
    gzip_types application/javascript application/json text/css text/plain;
    client_body_temp_path temp_client_body;
    proxy_temp_path temp_proxy;
    fastcgi_temp_path temp_fastcgi;
    uwsgi_temp_path temp_uwsgi;
    scgi_temp_path temp_scgi;
    include servers.conf;
}
";

/// The files of one generated folder, as a machine holds them, with the place replaced by loopback.
struct Machine {
    folder: TempDir,
    certificate: Vec<u8>,
}

impl Machine {
    fn of(artifacts_below: &str, names: &[&str], place: &[(&str, String)]) -> Self {
        Self::of_site(&sample(), artifacts_below, names, place)
    }

    fn of_site(sample: &Sample, artifacts_below: &str, names: &[&str], place: &[(&str, String)]) -> Self {
        let artifacts = generate::plan(&sample.blueprint, &sample.site, "").expect("no clash");
        let folder = tempfile::tempdir().expect("a folder");
        for artifact in &artifacts {
            if let Some(path) = artifact.path.strip_prefix(artifacts_below) {
                put(folder.path(), path, &artifact.text);
            }
        }
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = rcgen::generate_simple_self_signed(names).expect("a certificate");
        put(folder.path(), "tls/fullchain.pem", &key.cert.pem());
        put(folder.path(), "tls/privkey.pem", &key.signing_key.serialize_pem());
        for (path, text) in place {
            put(folder.path(), path, text);
        }
        Self { folder, certificate: key.cert.der().to_vec() }
    }

    fn redirect(port: u16, plain_port: u16) -> Self {
        Self::of(
            "nginx/redirect-jeveuxaider.gouv.fr/",
            &["jeveuxaider.gouv.fr", "www.jeveuxaider.gouv.fr"],
            &[
                ("where/machine.conf", "pid nginx.pid; error_log error.log;".to_owned()),
                ("where/listen.conf", format!("listen 127.0.0.1:{port} ssl;")),
                ("where/listen-plain.conf", format!("listen 127.0.0.1:{plain_port};")),
                ("acme/.well-known/acme-challenge/token", "proof".to_owned()),
            ],
        )
    }

    fn server(port: u16, plain_port: u16, app: u16) -> Self {
        let client = "set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For;";
        Self::of(
            "nginx/proxy/",
            &[HOST],
            &[
                ("where/machine.conf", "pid nginx.pid; error_log error.log;".to_owned()),
                ("where/listen.conf", format!("listen 127.0.0.1:{port} ssl; listen 127.0.0.1:{plain_port};")),
                ("where/upstream.conf", format!("server 127.0.0.1:{app};")),
                ("where/client.conf", client.to_owned()),
                ("acme/.well-known/acme-challenge/token", "proof".to_owned()),
            ],
        )
    }

    fn scalingo(port: u16, app: u16) -> Self {
        Self::scalingo_of(&sample(), port, app)
    }

    fn scalingo_of(sample: &Sample, port: u16, app: u16) -> Self {
        let base = [("nginx.conf", BUILDPACK_BASE.to_owned())];
        let machine = Self::of_site(sample, "nginx/scalingo/", &[HOST], &base);
        let erb = fs::read_to_string(machine.folder.path().join("servers.conf.erb")).expect("generated");
        let rendered = erb
            .replace("<%= ENV['PORT'] %>", &port.to_string())
            .replace("<%= ENV['APP_UPSTREAM'] %>", &format!("127.0.0.1:{app}"))
            .replace("<%= ENV['DEGRADED_MODE'] %>", "0")
            .replace("<%= File.read('/etc/resolv.conf')[/^nameserver\\s+([0-9.]+)/, 1] %>", "127.0.0.1");
        assert!(!rendered.contains("<%"));
        put(machine.folder.path(), "servers.conf", &rendered);
        put(machine.folder.path(), "logs/access.log", "");
        machine
    }

    /// What `nginx -t` says of it.
    fn test(&self) -> (bool, String) {
        let output = self.nginx(&["-t"]).output().expect("nginx starts");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn nginx(&self, arguments: &[&str]) -> Command {
        let mut prefix = self.folder.path().as_os_str().to_owned();
        prefix.push("/");
        let mut command = Command::new(need("nginx"));
        command.arg("-p").arg(prefix).args(["-c", "nginx.conf", "-e", "error.log"]).args(arguments);
        command
    }

    /// Starts it as one process, so that killing it leaves no worker behind.
    fn start(&self, port: u16) -> Running {
        let child = self
            .nginx(&["-g", "daemon off; master_process off;"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("nginx starts");
        let mut running = Running(child);
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if running.0.try_wait().expect("a child").is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default();
                panic!("nginx does not listen: {log}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        running
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
    fs::write(path, text).expect("written");
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr()).expect("a port").port()
}

/// An app without manners; it tells in its headers what it was sent.
async fn app(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let sent = |name: &str| request.headers().get(name).map_or("-".into(), |value| format!("{value:?}"));
    let path = request.uri().path();
    let mut answer = Response::builder()
        .header("content-type", if path.ends_with(".js") { "text/javascript" } else { "text/html" })
        .header("expires", "Thu, 01 Jan 1970 00:00:00 GMT")
        .header("pragma", "no-cache")
        .header("cache-control", if path == "/keep-out" { "private, no-store" } else { "private, max-age=600" });
    for name in ["host", "x-forwarded-for", "x-forwarded-host", "cf-connecting-ip", "accept-encoding", "x-original-url"]
    {
        answer = answer.header(format!("seen-{name}"), sent(name));
    }
    answer = answer.header("seen-target", request.uri().to_string());
    if path == "/session" || path.starts_with("/assets/") {
        answer = answer.header("set-cookie", "laravel_session=1").header("set-cookie", "b=2");
    }
    let status = match path {
        "/missing" => 404,
        "/broken" => 500,
        "/moved" => 301,
        _ => 200,
    };
    Ok(answer.status(status).body(Full::new(Bytes::from("x".repeat(5000)))).expect("a response"))
}

/// The app on a port of its own, for as long as the runtime lives.
async fn start_app() -> u16 {
    let socket = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = socket.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let io = hyper_util::rt::TokioIo::new(stream);
            let service = hyper::service::service_fn(app);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
        }
    });
    port
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, Vec<String>>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |values| {
            assert_eq!(values.len(), 1, "{name} is there more than once: {self:?}");
            &values[0]
        })
    }
}

/// One request over plain HTTP, byte for byte as given.
fn ask(port: u16, method: &str, target: &str, host: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("nginx listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all((request + "\r\n").as_bytes()).expect("sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer");
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.entry(name.to_ascii_lowercase()).or_default().push(value.to_owned());
    }
    Answer { status: status.expect("a status"), headers, body: body.to_owned() }
}

/// One request over TLS, on a connection to this port whatever the name.
async fn ask_tls(machine: &Machine, port: u16, host: &str, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_only([reqwest::Certificate::from_der(&machine.certificate).expect("a certificate")])
        .resolve(host, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .build()
        .expect("a client");
    let mut request = client.get(format!("https://{host}:{port}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    // Host without the port, as visitors send it.
    if !headers.iter().any(|(name, _)| *name == "Host") {
        request = request.header("Host", host);
    }
    request.send().await.expect("an answer")
}

fn value<'a>(response: &'a reqwest::Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[test]
fn nginx_accepts_every_folder_without_a_warning() {
    for machine in
        [Machine::scalingo(18080, 18081), Machine::server(18443, 18080, 18081), Machine::redirect(18443, 18080)]
    {
        let (good, said) = machine.test();
        assert!(good, "{said}");
        let warnings: Vec<&str> = said.lines().filter(|line| line.contains("[warn]")).collect();
        assert!(warnings.is_empty(), "{warnings:#?}");
    }
}

/// The sample blueprint without its table `key`, or with `value` in its place.
fn with(key: &str, value: Option<&str>) -> Sample {
    let mut table: toml::Table = sample().source.parse().expect("TOML");
    table.remove(key);
    if let Some(value) = value {
        let value: toml::Table = value.parse().expect("TOML");
        table.insert(key.to_owned(), toml::Value::Table(value));
    }
    parse(&toml::to_string(&table).expect("TOML"))
}

/// Characters that a start of paths may hold and that mean something to nginx or in a regular expression.
const ODD_START: &str = "/a$b;c'd(e)+*.~!&=,:@/";

#[test]
fn nginx_accepts_what_other_blueprints_ask() {
    let classes = format!("classes = [{{ name = \"odd\", paths = [\"{ODD_START}\"], max_age_seconds = 5 }}]");
    let long_name = format!("{0}.{0}.{0}.example.org", "a".repeat(60));
    let long = sample().source.replace("www.jeveuxaider.gouv.fr", &format!("{long_name}.jeveuxaider.gouv.fr"));
    for site in [with("cdn", None), with("cache", None), with("cache", Some(&classes)), parse(&long)] {
        let (good, said) = Machine::scalingo_of(&site, 18080, 18081).test();
        assert!(good && !said.contains("[warn]"), "{said}");
    }
    let place = [
        ("where/machine.conf", "pid nginx.pid; error_log error.log;".to_owned()),
        ("where/listen.conf", "listen 127.0.0.1:18443 ssl;".to_owned()),
        ("where/listen-plain.conf", "listen 127.0.0.1:18080;".to_owned()),
    ];
    let (good, said) = Machine::of_site(&parse(&long), "nginx/redirect-jeveuxaider.gouv.fr/", &[HOST], &place).test();
    assert!(good, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_start_of_a_path_is_taken_literally() {
    let classes = format!("classes = [{{ name = \"odd\", paths = [\"{ODD_START}\"], max_age_seconds = 5 }}]");
    let port = free_port();
    let machine = Machine::scalingo_of(&with("cache", Some(&classes)), port, start_app().await);
    let _nginx = machine.start(port);
    let mark = |target: &str| ask(port, "GET", target, HOST, &[VIA_CDN]).header("cache-control").to_owned();
    assert_eq!(mark(&format!("{ODD_START}x")), "public, max-age=5");
    // Where the blueprint names no class of all other paths, nothing is kept.
    assert_eq!(mark("/a"), "no-store");
    assert_eq!(mark(&ODD_START.replace("(e)+", "e")), "no-store");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_cdn_or_cache_nginx_says_nothing_of_its_own() {
    let port = free_port();
    let app = start_app().await;
    let machine = Machine::scalingo_of(&with("cache", None), port, app);
    let nginx = machine.start(port);
    let answer = ask(port, "GET", "/", HOST, &[VIA_CDN]);
    assert_eq!((answer.status, answer.header("cache-control")), (200, "private, max-age=600"));
    drop(nginx);

    let port = free_port();
    let machine = Machine::scalingo_of(&with("cdn", None), port, app);
    let _nginx = machine.start(port);
    let answer = ask(port, "GET", "/", HOST, &[PAST_CDN, ("CF-Connecting-IP", "192.0.2.66")]);
    assert_eq!((answer.status, answer.header("seen-x-forwarded-for")), (200, "\"198.51.100.7\""));
}

const PAGES: &str = "public, max-age=30, stale-while-revalidate=60, stale-if-error=86400";
const ASSETS: &str = "public, max-age=31536000, immutable";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_class_is_marked_as_the_blueprint_says() {
    let port = free_port();
    let machine = Machine::scalingo(port, start_app().await);
    let _nginx = machine.start(port);
    let cases = [
        ("GET", "/", None, 200, PAGES),
        ("GET", "/missions?utm_source=a", None, 200, PAGES),
        ("GET", "/moved", None, 301, PAGES),
        ("HEAD", "/", None, 200, PAGES),
        ("GET", "/missing", None, 404, "no-store"),
        ("GET", "/broken", None, 500, "no-store"),
        ("GET", "/session", None, 200, "no-store"),
        ("GET", "/keep-out", None, 200, "no-store"),
        ("POST", "/", None, 200, "no-store"),
        ("GET", "/", Some(("Authorization", "Bearer x")), 200, "no-store"),
        ("GET", "/api/user", None, 200, "no-store"),
        ("GET", "/%61pi/user", None, 200, "no-store"),
        ("GET", "//api/user", None, 200, "no-store"),
        ("GET", "/x/../oauth/token", None, 200, "no-store"),
        ("GET", "/assets/js/app-0123abcd.js", None, 200, ASSETS),
        ("GET", "/assets/app.0123456789abcdef.min.js", None, 200, ASSETS),
        // No hash, so the class of pages; and a cookie, so nobody's.
        ("GET", "/assets/app.js", None, 200, "no-store"),
        ("GET", "/assets/app-0123abcd.js%0a", None, 200, "no-store"),
        ("GET", "/__health", None, 200, "no-store"),
    ];
    for (method, target, header, status, cache_control) in cases {
        let headers: Vec<_> = [VIA_CDN].into_iter().chain(header).collect();
        let answer = ask(port, method, target, HOST, &headers);
        assert_eq!((answer.status, answer.header("cache-control")), (status, cache_control), "{method} {target}");
        assert_eq!((answer.header("expires"), answer.header("pragma")), ("", ""), "{method} {target}");
    }

    let asset = ask(port, "GET", "/assets/js/app-0123abcd.js", HOST, &[VIA_CDN]);
    assert!(!asset.headers.contains_key("set-cookie"), "{asset:?}");
    let page = ask(port, "GET", "/session", HOST, &[VIA_CDN]);
    assert_eq!(page.headers["set-cookie"].len(), 2, "both cookies reach the visitor");

    let plain = ask(port, "GET", "/", HOST, &[VIA_CDN]);
    assert_eq!((plain.header("content-encoding"), plain.body.len()), ("", 5000));
    let small = ask(port, "GET", "/", HOST, &[VIA_CDN, ("Accept-Encoding", "gzip")]);
    assert_eq!((small.header("content-encoding"), small.header("vary")), ("gzip", "Accept-Encoding"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_app_hears_who_asks_and_nothing_that_visitors_claim() {
    let port = free_port();
    let machine = Machine::scalingo(port, start_app().await);
    let _nginx = machine.start(port);
    let claims = [
        VIA_CDN,
        ("CF-Connecting-IP", "198.51.100.7"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Original-URL", "/admin"),
        ("Accept-Encoding", "br"),
    ];
    let answer = ask(port, "GET", "/a%20b?x=%26", HOST, &claims);
    assert_eq!(answer.header("seen-host"), format!("{HOST:?}"));
    assert_eq!(answer.header("seen-x-forwarded-for"), "\"198.51.100.7\"");
    assert_eq!(answer.header("seen-target"), "/a%20b?x=%26");
    for name in ["x-forwarded-host", "cf-connecting-ip", "accept-encoding", "x-original-url"] {
        assert_eq!(answer.header(&format!("seen-{name}")), "-", "{name}");
    }
    // Past the CDN the same header is a claim: seen where a path is open to all.
    let forged = [PAST_CDN, ("CF-Connecting-IP", "192.0.2.66")];
    let answer = ask(port, "GET", "/.well-known/change-password", HOST, &forged);
    assert_eq!(answer.header("seen-x-forwarded-for"), "\"198.51.100.7\"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_cdn_comes_in_and_only_for_the_name() {
    let port = free_port();
    let machine = Machine::scalingo(port, start_app().await);
    let _nginx = machine.start(port);
    let open = ["/.well-known/acme-challenge/token", "/__health", "/__health?x"];
    let closed =
        ["/", "/x?/.well-known/", "/.well-known/..%2fapi", "/x/..%2f.well-known/y", "/__health/x", "/__health%0a"];
    for (targets, status) in [(&open[..], 200), (&closed[..], 403)] {
        for target in targets {
            let answer = ask(port, "GET", target, HOST, &[PAST_CDN]);
            assert_eq!(answer.status, status, "{target}");
            let by_nginx = status == 403;
            assert!(!by_nginx || answer.header("cache-control") == "no-store", "{target}: {answer:?}");
        }
    }
    for host in ["random.invalid", "127.0.0.1", "evil.covid19.reserve-civique.gouv.fr"] {
        let answer = ask(port, "GET", "/", host, &[VIA_CDN]);
        assert_eq!((answer.status, answer.header("cache-control")), (421, "no-store"), "{host}");
    }
    assert_eq!(ask(port, "GET", "/__health", "random.invalid", &[VIA_CDN]).status, 421);
    let log = fs::read_to_string(machine.folder.path().join("logs/access.log")).expect("a log");
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(line["h"], HOST);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_app_gives_an_error_that_nobody_keeps() {
    let port = free_port();
    let machine = Machine::scalingo(port, free_port());
    let _nginx = machine.start(port);
    for target in ["/", "/assets/js/app-0123abcd.js"] {
        let answer = ask(port, "GET", target, HOST, &[VIA_CDN]);
        assert_eq!((answer.status, answer.header("cache-control")), (502, "no-store"), "{target}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plain_machine_does_the_same_over_tls() {
    let (port, plain_port) = (free_port(), free_port());
    let machine = Machine::server(port, plain_port, start_app().await);
    let _nginx = machine.start(port);
    let page = ask_tls(&machine, port, HOST, "/", &[VIA_CDN]).await;
    assert_eq!((page.status().as_u16(), value(&page, "cache-control")), (200, PAGES));
    assert_eq!(ask_tls(&machine, port, HOST, "/", &[PAST_CDN]).await.status(), 403);
    let alien = ask_tls(&machine, port, HOST, "/", &[VIA_CDN, ("Host", "random.invalid")]).await;
    assert_eq!(alien.status(), 421);

    let upgraded = ask(plain_port, "GET", "/a%20b?x=1", HOST, &[VIA_CDN]);
    assert_eq!((upgraded.status, upgraded.header("location")), (301, format!("https://{HOST}/a%20b?x=1").as_str()));
    let proof = ask(plain_port, "GET", "/.well-known/acme-challenge/token", HOST, &[PAST_CDN]);
    assert_eq!((proof.status, proof.body.as_str()), (200, "proof"));
    assert_eq!(ask(plain_port, "GET", "/", "random.invalid", &[VIA_CDN]).status, 421);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_keeps_every_byte_and_teaches_https_first() {
    let (port, plain_port) = (free_port(), free_port());
    let machine = Machine::redirect(port, plain_port);
    let _nginx = machine.start(port);
    let targets =
        ["/", "/a%20b/c?x=1&y=%26", "//evil.example/..", "/%0d%0aX:1", "/?u=https://evil.example", "/x;y'\"z"];
    for name in ["jeveuxaider.gouv.fr", "www.jeveuxaider.gouv.fr"] {
        for target in targets {
            let answer = ask(plain_port, "GET", target, name, &[]);
            assert_eq!((answer.status, answer.header("location")), (308, format!("https://{name}{target}").as_str()));
            assert_eq!(answer.header("strict-transport-security"), "", "only on https (RFC 6797, section 7.2)");
        }
        let answer = ask_tls(&machine, port, name, "/a%20b/c?x=1&y=%26", &[]).await;
        assert_eq!(answer.status(), 308);
        assert_eq!(value(&answer, "location"), format!("https://{HOST}/a%20b/c?x=1&y=%26"));
        assert_eq!(value(&answer, "strict-transport-security"), "max-age=31536000");
        assert_eq!(value(&answer, "cache-control"), "max-age=3600");
    }
    let proof = ask(plain_port, "GET", "/.well-known/acme-challenge/token", "jeveuxaider.gouv.fr", &[]);
    assert_eq!((proof.status, proof.body.as_str()), (200, "proof"));

    let alien = ask(plain_port, "GET", "/", "random.invalid", &[]);
    assert_eq!((alien.status, alien.header("cache-control")), (421, "no-store"));
    let alien = ask_tls(&machine, port, "jeveuxaider.gouv.fr", "/", &[("Host", "random.invalid")]).await;
    assert_eq!((alien.status().as_u16(), value(&alien, "location")), (421, ""));

    // An unknown name gets no certificate at all.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .resolve("random.invalid", SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .tls_certs_only([reqwest::Certificate::from_der(&machine.certificate).expect("a certificate")])
        .build()
        .expect("a client");
    let refused = client.get(format!("https://random.invalid:{port}/")).send().await;
    assert!(refused.is_err_and(|error| format!("{error:?}").contains("UnrecognisedName")));
}

/// How many of these requests are answered 429, one after the other.
fn refused(port: u16, count: usize, method: &str, path: &str, visitor: &str) -> usize {
    let headers = [VIA_CDN, ("CF-Connecting-IP", visitor)];
    (0..count).filter(|_| ask(port, method, path, HOST, &headers).status == 429).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_counts_each_visitor_and_nobody_else() {
    let port = free_port();
    let machine = Machine::scalingo(port, start_app().await);
    let _nginx = machine.start(port);
    // One and the burst of 5; the rate of 10 a minute lets none more in within some seconds.
    assert_eq!(refused(port, 8, "POST", "/api/users", "198.51.100.1"), 2);
    let answer = ask(port, "POST", "/api/users/x", HOST, &[VIA_CDN, ("CF-Connecting-IP", "198.51.100.1")]);
    let seen = (answer.status, answer.header("retry-after"), answer.header("cache-control"));
    assert_eq!(seen, (429, "10", "no-store"));
    // Another visitor; another method; one who is exempt; the next household's IPv6, and one more address of this one's.
    assert_eq!(refused(port, 6, "POST", "/api/users", "198.51.100.2"), 0);
    assert_eq!(refused(port, 8, "GET", "/api/users", "198.51.100.1"), 0);
    assert_eq!(refused(port, 9, "POST", "/api/users", "192.0.2.65"), 0);
    assert_eq!(refused(port, 7, "POST", "/api/users", "2001:db8:1:1::1"), 1);
    assert_eq!(refused(port, 1, "POST", "/api/users", "2001:db8:1:1:ffff::2"), 1);
    assert_eq!(refused(port, 6, "POST", "/api/users", "2001:db8:1:2::1"), 0);
    assert_eq!(refused(port, 7, "POST", "/api/users", "2001:db8::1"), 1);
    assert_eq!(refused(port, 1, "POST", "/api/users", "2001:db8::2:0:0:1"), 1);
    // Files are not counted, pages are.
    assert_eq!(refused(port, 40, "GET", "/assets/app-0123abcd.js", "198.51.100.3"), 0);
    assert!(refused(port, 60, "GET", "/", "198.51.100.3") > 0);
    // What a visitor claims changes nothing: the CDN's header counts, and past the CDN the connection.
    let forged = [VIA_CDN, ("CF-Connecting-IP", "198.51.100.1"), ("X-Real-IP", "192.0.2.65")];
    assert_eq!(ask(port, "POST", "/api/users", HOST, &forged).status, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_redirect_is_counted_before_it_is_sent() {
    let (port, plain_port) = (free_port(), free_port());
    let machine = Machine::redirect(port, plain_port);
    let _nginx = machine.start(port);
    let statuses: Vec<u16> =
        (0..160).map(|_| ask(plain_port, "GET", "/a?b", "jeveuxaider.gouv.fr", &[]).status).collect();
    let passed = statuses.iter().filter(|status| **status == 308).count();
    assert!(statuses.iter().all(|status| matches!(status, 308 | 429)) && (101..160).contains(&passed), "{passed}");
    assert_eq!(ask(plain_port, "GET", "/.well-known/acme-challenge/token", "jeveuxaider.gouv.fr", &[]).status, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_degraded_mode_cuts_and_says_so() {
    let port = free_port();
    let machine = Machine::scalingo(port, start_app().await);
    let path = machine.folder.path().join("servers.conf");
    let normal = fs::read_to_string(&path).expect("rendered");
    assert_eq!(normal.matches("default \"0\";").count(), 1, "the mode's own line");
    for (value, degraded) in [("0", false), ("1", true), ("", false), ("on", false)] {
        put(machine.folder.path(), "servers.conf", &normal.replace("default \"0\";", &format!("default \"{value}\";")));
        let _nginx = machine.start(port);
        let marker = if degraded { "on" } else { "" };
        for path in ["/login", "/login/x", "/missions/search?q=a", "/%6Cogin", "//login"] {
            let answer = ask(port, "GET", path, HOST, &[VIA_CDN]);
            assert_eq!(answer.status, if degraded { 503 } else { 200 }, "{path} with {value:?}");
            assert_eq!(answer.header("x-degraded-mode"), marker, "{path} with {value:?}");
            if degraded {
                assert_eq!((answer.header("retry-after"), answer.header("cache-control")), ("600", "no-store"));
            }
        }
        for path in ["/", "/api/users", "/__health", "/missions", "/assets/app-0123abcd.js"] {
            let answer = ask(port, "GET", path, HOST, &[VIA_CDN]);
            assert_eq!((answer.status, answer.header("x-degraded-mode")), (200, marker), "{path} with {value:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_anybodys_and_nobodys_own() {
    let classes = "session_cookie = 'laravel_session'\nclasses = [\
        { name = 'files', paths = ['/assets/'], fingerprinted = true, max_age_seconds = 9, proxy_copy_seconds = 60 }, \
        { name = 'api', paths = ['/api/'], store = false }, \
        { name = 'pages', max_age_seconds = 9, proxy_copy_seconds = 60, stale_if_error_seconds = 60 }]";
    let port = free_port();
    let machine = Machine::scalingo_of(&with("cache", Some(classes)), port, start_app().await);
    let (good, said) = machine.test();
    assert!(good && !said.contains("[warn]"), "{said}");
    let _nginx = machine.start(port);
    // Whose request the app saw: the first one's, where a copy answers the second.
    let asked_by = |path: &str, visitor: &'static str, header: Option<(&'static str, &'static str)>| {
        let headers: Vec<_> = [VIA_CDN, ("CF-Connecting-IP", visitor)].into_iter().chain(header).collect();
        ask(port, "GET", path, HOST, &headers).header("seen-x-forwarded-for").replace('"', "")
    };
    let (one, two) = ("198.51.100.1", "198.51.100.2");
    let known = Some(("Cookie", "a=b; laravel_session=x"));
    let credentials = Some(("Authorization", "Bearer x"));
    for (path, first, second, copied) in [
        ("/", None, None, true),
        ("/?a", None, Some(("Cookie", "campaign=1")), true),
        ("/?b", known, None, false),
        ("/?c", None, known, false),
        ("/?d", credentials, None, false),
        ("/?e", None, credentials, false),
        ("/session", None, None, false),
        ("/keep-out", None, None, false),
        ("/api/user", None, None, false),
        ("/missing", None, None, false),
        ("/broken", None, None, false),
        ("/assets/app-0123abcd.js", known, None, true),
        ("/assets/app-4567abcd.js", credentials, None, false),
    ] {
        assert_eq!(asked_by(path, one, first), one, "{path}");
        assert_eq!(asked_by(path, two, second), if copied { one } else { two }, "{path} {first:?} {second:?}");
    }
    let file = ask(port, "GET", "/assets/app-0123abcd.js", HOST, &[VIA_CDN]);
    assert!(!file.headers.contains_key("set-cookie"), "{file:?}");
}
