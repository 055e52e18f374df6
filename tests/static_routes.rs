//! `[static_routes]` under the real varnishd: what is generated compiles, does what it says, and is rehearsed with every
//! fault caught.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{Sample, artifacts, need, parse, users_of};
use golive::blueprint::Loaded;
use golive::concerns::fragment::RunsOn;
use golive::ops::trace::{Request, trace};
use golive::ops::ttl::ttl;
use golive::probe::{HttpProbe, Observation, Probe, Scheme, Target};
use golive::rehearsal::LocalWorld;
use golive::rehearsal::staging::Staging;
use golive::world::{Allowed, Options, World};
use serde_json::Value;
use tempfile::TempDir;

const PRIMARIES: &str = include_str!("static_routes/primaries.toml");
const SITE: &str = "https://resultats.example.org";

/// The blueprint with some of its text replaced.
fn with(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(PRIMARIES.to_owned(), |source, (from, to)| {
        assert!(source.contains(from), "the blueprint no longer holds {from:?}");
        source.replacen(from, to, 1)
    })
}

/// The nginx of the platform, and a Varnish elsewhere.
fn on_the_platform() -> String {
    with(&[
        ("runs_on = \"server\"", "runs_on = \"scalingo\""),
        ("[static_routes]\n", "[static_routes]\ncache = \"cache.internal:6081\"\n"),
    ])
}

/// Every character that a path may hold.
fn hostile() -> String {
    let path = "/a-b.c_d~e!f$g&h'i(j)k*l+m,n;o=p:q@r";
    with(&[
        ("\"/chiffres\"]\nback", &format!("\"{path}\", \"/(\"]\nback")),
        ("samples = [\"/chiffres\"]", &format!("samples = [\"{path}\"]")),
    ])
}

/// The generated files, with other back offices.
fn generated(source: &str, office: Option<SocketAddr>) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for artifact in artifacts(&parse(source)) {
        let Some(path) = artifact.path.strip_prefix("varnish/") else { continue };
        let mut text = artifact.text;
        if let (Some(office), "where/back_offices.vcl") = (office, path) {
            let port = format!(".port = \"{}\"", office.port());
            text = text.replace("198.51.100.80", "127.0.0.1").replace(".port = \"8080\"", &port);
        }
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().expect("below")).expect("made");
        fs::write(file, text).expect("written");
    }
    folder
}

#[test]
fn varnishd_compiles_what_is_generated() {
    for source in [PRIMARIES.to_owned(), on_the_platform(), hostile()] {
        let folder = generated(&source, None);
        let output = Command::new(need("varnishd"))
            // Run by root it would else be another user, whom the folder is closed to.
            .args(["-j", "none", "-C", "-f"])
            .arg(folder.path().join("primaries.vcl"))
            .env("TMPDIR", folder.path())
            .output()
            .expect("varnishd starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_generated_file_is_the_one_that_was_read() {
    let all = artifacts(&parse(PRIMARIES));
    let text = |path: &str| &all.iter().find(|artifact| artifact.path == path).expect(path).text;
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/static_routes/primaries.vcl");
    let golden = fs::read_to_string(golden).unwrap_or_default();
    assert!(*text("varnish/primaries.vcl") == golden, "another one:\n{}", text("varnish/primaries.vcl"));
    assert_eq!(
        text("varnish/where/back_offices.vcl")
            .lines()
            .filter(|line| line.contains("office_") || line.contains("host"))
            .collect::<Vec<_>>(),
        ["backend office_1 {", "    .host = \"198.51.100.80\";", "backend office_2 {", "    .host = \"127.0.0.1\";"],
    );
    // The name stands before the nginx that asks for it again, not before Varnish, which never would.
    assert!(text("varnish/relay/where/back-office-2.conf").contains("set $back_office \"office.internal:8080\";"));
    assert!(text("varnish/relay/nginx.conf").contains("proxy_pass http://$back_office;"));
    assert!(text("nginx/proxy/where/static.conf").contains("\nserver 127.0.0.1:6081;"));
    assert!(text("nginx/scalingo/servers.conf.erb").contains("server <%= ENV['STATIC_UPSTREAM'] %>;"));
    assert!(!all.iter().any(|artifact| artifact.path.starts_with("varnish/relay/where/back-office-1")));
}

/// A back office in this process: `answer` gets the path, and gives status and body.
fn office(answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head);
                let (status, body) = answer(head.split(' ').nth(1).unwrap_or_default());
                // A client that is gone hears nothing.
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} Made\r\nContent-Length: {}\r\nSet-Cookie: a=b\r\nVary: Cookie\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            });
        }
    });
    address
}

/// A running varnishd, ended on drop.
struct Varnish {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Drop for Varnish {
    fn drop(&mut self) {
        // Its child ends by itself when it is gone.
        let id = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process");
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("ended");
        self.process.wait().expect("a child");
    }
}

impl Varnish {
    fn before(office: SocketAddr) -> Self {
        let folder = generated(PRIMARIES, Some(office));
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let log = fs::File::create(folder.path().join("log")).expect("made");
        let process = Command::new(need("varnishd"))
            .args(["-F", "-T", "none", "-j", "none", "-s", "malloc,16m", "-a", &format!("127.0.0.1:{port}"), "-n"])
            .arg(folder.path().join("work"))
            .arg("-f")
            .arg(folder.path().join("primaries.vcl"))
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("varnishd starts");
        let mut varnish = Self { process, port, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(30);
        while varnish.try_ask("GET", "/none", &[]).is_none() {
            let said = || fs::read_to_string(varnish._folder.path().join("log")).unwrap_or_default();
            assert!(varnish.process.try_wait().expect("a child").is_none(), "{}", said());
            assert!(Instant::now() < deadline, "{}", said());
            thread::sleep(Duration::from_millis(20));
        }
        varnish
    }

    fn ask(&self, method: &str, path: &str, headers: &[&str]) -> (u16, String) {
        self.try_ask(method, path, headers).expect("an answer")
    }

    /// Status, and the answer as it came.
    fn try_ask(&self, method: &str, path: &str, headers: &[&str]) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: any.example\r\n{headers}Connection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer))
    }
}

const PUBLISHER: &str = "X-Real-IP: 192.0.2.40";

#[test]
fn many_cold_readers_cost_one_fetch_and_get_what_nobody_owns() {
    let fetches = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&fetches);
    // Slow enough that all of them wait for it.
    let varnish = Varnish::before(office(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(300));
        (200, "figures".to_owned())
    }));
    thread::scope(|scope| {
        for reader in 0..30 {
            let varnish = &varnish;
            scope.spawn(move || {
                let cookie = format!("Cookie: reader={reader}");
                let (status, answer) = varnish.ask("GET", &format!("/chiffres?{reader}"), &[&cookie]);
                assert_eq!(status, 200);
                let lower = answer.to_ascii_lowercase();
                assert!(
                    !lower.contains("set-cookie") && !lower.contains("vary:") && !lower.contains("\nage:"),
                    "{answer}"
                );
                assert!(
                    answer
                        .contains("Cache-Control: public, max-age=30, stale-while-revalidate=30, stale-if-error=86400")
                );
            });
        }
    });
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
}

/// What must not be kept is not fetched for one reader after the other: each of these fetches ends when another one has
/// begun.
#[test]
fn readers_of_what_is_not_kept_do_not_wait_for_each_other() {
    let meeting = Arc::new((Mutex::new(0_usize), Condvar::new()));
    let met = Arc::clone(&meeting);
    let varnish = Varnish::before(office(move |_| {
        let (begun, changed) = &*met;
        let mut count = begun.lock().expect("whole");
        *count += 1;
        changed.notify_all();
        // The first is alone, since nobody knows yet; of the others at least two meet.
        let alone = *count == 1;
        let (_count, waited) =
            changed.wait_timeout_while(count, Duration::from_secs(8), |count| !alone && *count < 3).expect("whole");
        (if waited.timed_out() { 500 } else { 403 }, "no".to_owned())
    }));
    assert_eq!(varnish.ask("GET", "/chiffres", &[]).0, 403);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let readers: Vec<_> = (0..4).map(|_| scope.spawn(|| varnish.ask("GET", "/chiffres", &[]).0)).collect();
        readers.into_iter().map(|reader| reader.join().expect("an answer")).collect()
    });
    assert_eq!(statuses, [403; 4]);
}

#[test]
fn a_refresh_that_fails_leaves_the_page_and_an_error_is_asked_for_once_a_second() {
    let ill = Arc::new(AtomicUsize::new(0));
    let (state, fetches) = (Arc::clone(&ill), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&fetches);
    let varnish = Varnish::before(office(move |path| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        match state.load(Ordering::SeqCst) {
            0 => (200, format!("{path} built {number}")),
            _ => (503, "down".to_owned()),
        }
    }));
    let (_, first) = varnish.ask("GET", "/chiffres", &[]);
    assert!(first.ends_with("/chiffres built 0"), "{first}");
    let (status, published) = varnish.ask("REFRESH", "/chiffres?x", &[PUBLISHER]);
    assert!(status == 200 && published.ends_with("built 1"), "{published}");

    ill.store(1, Ordering::SeqCst);
    assert_eq!(varnish.ask("REFRESH", "/chiffres", &[PUBLISHER]).0, 503);
    let (status, kept) = varnish.ask("GET", "/chiffres", &[]);
    assert!(status == 200 && kept.ends_with("built 1"), "{kept}");
    let (status, cold) = varnish.ask("GET", "/chiffres/cold", &[]);
    assert!(status == 503 && cold.contains("Cache-Control: no-store") && !cold.contains("down"), "{cold}");

    // Removed, it is gone for everybody, by whatever name they came.
    assert_eq!(varnish.ask("PURGE", "/chiffres", &[PUBLISHER]).0, 200);
    assert_eq!(varnish.ask("GET", "/chiffres", &[]).0, 503);
}

#[test]
fn strangers_and_what_is_not_published_cost_the_back_office_nothing() {
    let fetches = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&fetches);
    let varnish = Varnish::before(office(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        (200, "reached".to_owned())
    }));
    for (method, path, headers, status) in [
        ("REFRESH", "/chiffres", &[][..], 403),
        ("REFRESH", "/chiffres", &["X-Real-IP: 192.0.2.41"], 403),
        ("PURGE", "/chiffres", &["X-Real-IP: publisher.example"], 403),
        // Publishers are those of a route.
        ("REFRESH", "/participation/75", &["X-Real-IP: 2001:db8:40::1"], 403),
        ("POST", "/chiffres", &[], 405),
        ("BAN", "/chiffres", &[PUBLISHER], 405),
        ("GET", "/admin", &[], 404),
        ("GET", "/chiffres/../admin", &[], 404),
        ("GET", "/chiffres/..;/admin", &[], 404),
        ("GET", "/chiffres/%2e%2E/admin", &[], 404),
        ("GET", "/chiffres/%252e%252e/admin", &[], 404),
        ("GET", "/chiffres//admin", &[], 404),
        ("GET", "/chiffres\\admin", &[], 404),
    ] {
        let (seen, answer) = varnish.ask(method, path, headers);
        assert_eq!(seen, status, "{method} {path} {headers:?}: {answer}");
        assert!(answer.contains("Cache-Control: no-store") && !answer.contains("Cache-Status"), "{answer}");
    }
    assert_eq!(fetches.load(Ordering::SeqCst), 0);
    assert_eq!(varnish.ask("REFRESH", "/chiffres", &["X-Real-IP: 2001:db8:40::1"]).0, 200);
}

fn golive(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
    // `make` has brought varnishd into a folder of its own.
    let tools = need("varnishd").parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(tools).chain(std::env::split_paths(&path))).expect("a path");
    command.current_dir(folder).args(arguments).env("PATH", path).env_remove("RUST_BACKTRACE");
    command.stdin(Stdio::null()).output().expect("golive starts")
}

/// golive's rehearsal of the evening, its files generated below `folder`, its temporary ones in `temporary`.
fn rehearse(folder: &Path, temporary: &Path, tools: &Path) -> Command {
    fs::write(folder.join("site.toml"), PRIMARIES).expect("written");
    assert_eq!(golive(folder, &["generate", "site.toml"]).status.code(), Some(0));
    let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(tools.to_owned()).chain(std::env::split_paths(&path)));
    command.current_dir(folder).args(["rehearse", "site.toml"]).env("PATH", path.expect("a path"));
    command.env("TMPDIR", temporary).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Killed when so many processes are up, compilers among them, it leaves neither process nor file.
#[test]
fn a_kill_while_varnish_starts_or_runs_leaves_nothing() {
    need("nginx");
    let tools = need("varnishd").parent().expect("a folder").to_owned();
    let folder = tempfile::tempdir().expect("a folder");
    for wanted in 2..=7 {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut child = rehearse(folder.path(), temporary.path(), &tools).spawn().expect("golive starts");
        while users_of(temporary.path()).len() < wanted {
            assert!(child.try_wait().expect("a child").is_none(), "{wanted} processes were never up");
        }
        child.kill().expect("a kill");
        child.wait().expect("a child");
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let left = (fs::read_dir(temporary.path()).expect("a folder").count(), users_of(temporary.path()));
            if left == (0, vec![]) {
                break;
            }
            assert!(Instant::now() < deadline, "{wanted}: left behind: {left:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn a_varnish_that_does_not_start_says_why_and_what_to_do() {
    need("nginx");
    let (folder, tools) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let program = tools.path().join("varnishd");
    fs::write(&program, "#!/bin/sh\necho 'cc: not found' >&2\nexit 2\n").expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
    let temporary = tempfile::tempdir().expect("a folder");
    let output = rehearse(folder.path(), temporary.path(), tools.path()).output().expect("golive starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("Varnish does not start") && said.contains("cc: not found") && said.contains("apt install gcc")
    );
    assert_eq!(fs::read_dir(temporary.path()).expect("a folder").count(), 0);
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Linted, generated, and rehearsed: green when healthy, and with each of these drills red where it must be alone.
fn rehearsed(source: &str, drill: &str, at_least: usize) {
    need("nginx");
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("site.toml"), source).expect("written");
    let lint = golive(folder.path(), &["lint", "site.toml", "--format", "json"]);
    assert_eq!(report(&lint)["findings"], serde_json::json!([]));
    assert_eq!(golive(folder.path(), &["generate", "site.toml"]).status.code(), Some(0));

    let healthy = golive(folder.path(), &["rehearse", "site.toml", "--format", "json"]);
    let all = report(&healthy);
    let rows = all["checks"].as_array().expect("checks");
    let odd: Vec<&Value> = rows.iter().filter(|row| row["verdict"] != "pass").collect();
    assert!(odd.is_empty() && healthy.status.code() == Some(0), "{odd:#?}");
    let ours = rows.iter().filter(|row| row["concern"] == "static_routes").count();
    assert_eq!(ours, 12, "{rows:#?}");

    let drilled = report(&golive(folder.path(), &["rehearse", "site.toml", "--drill", drill, "--format", "json"]));
    let drills = drilled["drills"].as_array().expect("drills");
    let none = serde_json::json!([]);
    let odd: Vec<&Value> =
        drills.iter().filter(|drill| drill["missed"] != none || drill["unexpected"] != none).collect();
    assert!(odd.is_empty(), "{odd:#?}");
    assert!(drills.len() >= at_least, "{} drills", drills.len());
}

#[test]
fn an_evening_of_results_is_rehearsed_and_each_fault_caught() {
    rehearsed(PRIMARIES, "all", 29);
}

#[test]
fn on_the_platform_too() {
    rehearsed(&on_the_platform(), "static-publisher-moved", 1);
}

fn loaded(source: &str) -> Loaded {
    let Sample { blueprint, site, .. } = parse(source);
    Loaded { blueprint, site }
}

/// What `golive trace` predicts is what the world answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trace_predicts_what_varnish_answers() {
    need("nginx");
    need("varnishd");
    let loaded = loaded(PRIMARIES);
    let staging = Staging::new(loaded.site.clone(), RunsOn::Server, &artifacts(&parse(PRIMARIES))).expect("staged");
    let local = LocalWorld::start(staging).await.expect("started");
    let world = World::new(Options {
        routes: local.routes(),
        routed_only: true,
        allowed: Allowed::of(&loaded.site),
        resolvers: vec![local.resolver()],
        roots: local.roots(),
        user_agent: "golive-test".to_owned(),
        timeout: Duration::from_secs(10),
        burst_per_second: None,
        stage: Some(local.stage()),
        access: local.access(),
    })
    .expect("a world");
    let mut statuses = BTreeMap::new();
    for path in ["/chiffres?x=1", "/%63hiffres", "/chiffres/..;/admin", "/participation/75", "/participation", "/"] {
        let request = Request::parse("GET", &format!("{SITE}{path}"), &[]).expect("a request");
        let predicted = trace(&loaded, &request).expect("a trace").answer;
        let probe = HttpProbe {
            scheme: Scheme::Https,
            host: loaded.site.host.to_string(),
            host_header: None,
            path: path.to_owned(),
            to: Target::Resolved,
            headers: vec![],
            nth: 0,
        };
        let seen = match world.ask(&Probe::Http(probe)).await {
            Observation::Http(seen) => seen,
            other => panic!("{path}: {other:?}"),
        };
        let by_varnish = seen.header("cache-status").is_some();
        assert_eq!(by_varnish, predicted.by == "varnish" && predicted.status.is_none(), "{path}: {seen:?}");
        if let Some(status) = predicted.status {
            assert_eq!(seen.status, status, "{path}");
        }
        if seen.status == 200 {
            assert_eq!(seen.header("cache-control"), predicted.cache_control.as_deref(), "{path}");
        }
        statuses.insert(path, seen.status);
    }
    local.stop().await;
    assert_eq!(statuses.values().copied().collect::<Vec<_>>(), [200, 404, 404, 200, 404, 200]);
    let post = Request::parse("POST", &format!("{SITE}/chiffres"), &[]).expect("a request");
    assert_eq!(trace(&loaded, &post).expect("a trace").answer.status, Some(405));
}

#[test]
fn lives_of_published_pages_add_up() {
    let lives = ttl(&loaded(PRIMARIES), Some(&"/chiffres".parse().expect("a path"))).expect("lifetimes");
    let [figures] = lives.routes.as_slice() else { panic!("one route") };
    let layers: Vec<&str> = figures.layers.iter().map(|layer| layer.layer).collect();
    assert_eq!(layers, ["office", "varnish", "proxy", "cdn", "browser"]);
    let oldest = &figures.oldest;
    assert_eq!((oldest.normal, oldest.app_down), (Some(60), Some(30 + 86_400 + 30 + 86_400)));
    let all = ttl(&loaded(PRIMARIES), None).expect("lifetimes").routes;
    let classes: Vec<Option<&str>> = all.iter().map(|route| route.class.as_deref()).collect();
    assert_eq!(classes, [Some("figures"), Some("turnout"), Some("pages")]);
}
