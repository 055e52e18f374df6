//! The local world, started whole: real nginx, real sockets, on files of the shape that the generator writes.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use golive::blueprint::{Blueprint, Site};
use golive::concerns::fragment::RunsOn;
use golive::emit::Artifact;
use golive::probe::Disturbance;
use golive::rehearsal::staging::{DnsManner, Staging};
use golive::rehearsal::{LocalWorld, StartError};
use golive::world::Roots;

const HOST: &str = "covid19.reserve-civique.gouv.fr";
const APEX: &str = "jeveuxaider.gouv.fr";

fn site() -> Site {
    let text = include_str!("../blueprints/jeveuxaider.toml");
    let blueprint: Blueprint = toml::from_str(text).expect("the sample blueprint");
    Site::new(&blueprint, "2030-01-01T00:00:00Z".parse().expect("a date"))
}

const PROXY: &str = r#"
geo $remote_addr $via_cdn { default 0; 104.16.0.0/13 1; }
map "$via_cdn $http_cf_connecting_ip" $client_ip { default $remote_addr; "~^1 (?<cip>[0-9A-Fa-f:.]{3,45})$" $cip; }
map $uri $class { default pages; "~^/assets/" assets; "~^/api/" api; }
map "$class:$status" $cc {
    default "no-store";
    "pages:200" "public, max-age=30, stale-while-revalidate=60, stale-if-error=86400";
    "assets:200" "public, max-age=31536000, immutable";
}
upstream app { UPSTREAM keepalive 8; }
server { DEFAULT TLS_REJECT return 421; }
server {
    LISTEN
    CERTIFICATE
    server_name covid19.reserve-civique.gouv.fr;
    gzip on; gzip_types text/css text/javascript; gzip_proxied any;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $client_ip;
    add_header Cache-Control $cc always;
    add_header X-Seen-Client $client_ip always;
    if ($via_cdn = 0) { return 403; }
    location / { proxy_pass http://app; }
}
"#;

const REDIRECT: &str = r#"
include where/machine.conf;
events { worker_connections 64; }
http {
    access_log off; absolute_redirect off;
    client_body_temp_path temp/body; proxy_temp_path temp/proxy; fastcgi_temp_path temp/fcgi;
    uwsgi_temp_path temp/uwsgi; scgi_temp_path temp/scgi;
    ssl_certificate tls/fullchain.pem; ssl_certificate_key tls/privkey.pem;
    server { include where/listen.conf; include where/listen-plain.conf; ssl_reject_handshake on; return 421; }
    server { include where/listen-plain.conf; server_name jeveuxaider.gouv.fr;
             return 308 https://jeveuxaider.gouv.fr$request_uri; }
    server { include where/listen.conf; server_name jeveuxaider.gouv.fr www.jeveuxaider.gouv.fr;
             return 308 https://covid19.reserve-civique.gouv.fr$request_uri; }
}
"#;

fn zone(records: &str) -> String {
    format!(
        "$TTL 3600\n@ IN SOA ns1.dns.example.net. hostmaster.dns.example.net. 7 3600 900 1209600 300\n\
         @ IN NS ns1.dns.example.net.\n@ IN NS ns2.dns.example.net.\n{records}"
    )
}

fn artifacts() -> Vec<Artifact> {
    let server = PROXY
        .replace("UPSTREAM", "include where/upstream.conf;")
        .replace("DEFAULT", "include where/listen.conf;")
        .replace("TLS_REJECT", "ssl_reject_handshake on;")
        .replace("LISTEN", "include where/listen.conf;")
        .replace("CERTIFICATE", "ssl_certificate tls/fullchain.pem; ssl_certificate_key tls/privkey.pem;");
    let server = format!(
        "include where/machine.conf;\nevents {{ }}\nhttp {{ access_log off;\nclient_body_temp_path temp_body; \
         proxy_temp_path temp_proxy; fastcgi_temp_path temp_f; uwsgi_temp_path temp_u; scgi_temp_path temp_s;\n\
         include where/client.conf;\n{server}}}\n"
    );
    let scalingo = PROXY
        .replace("UPSTREAM", "server <%= ENV['APP_UPSTREAM'] %>;")
        .replace("DEFAULT", "listen <%= ENV['PORT'] %> default_server;")
        .replace("TLS_REJECT", "")
        .replace("LISTEN", "listen <%= ENV['PORT'] %>;")
        .replace("CERTIFICATE", "");
    let phase = |phase: &str, rules: serde_json::Value| {
        serde_json::json!({ "name": "default", "kind": "zone", "phase": phase, "rules": rules }).to_string()
    };
    let cache = serde_json::json!([
        { "ref": "pages", "description": "", "expression": format!("http.host eq \"{HOST}\""), "action": "set_cache_settings",
          "action_parameters": { "cache": true, "edge_ttl": { "mode": "bypass_by_default" },
            "browser_ttl": { "mode": "respect_origin" } } },
        { "ref": "api", "description": "", "expression": "starts_with(http.request.uri.path, \"/api/\")",
          "action": "set_cache_settings", "action_parameters": { "cache": false } },
    ]);
    let redirect = serde_json::json!([{
        "ref": "https_only", "description": "", "expression": "not ssl", "action": "redirect",
        "action_parameters": { "from_value": { "status_code": 301, "preserve_query_string": true,
            "target_url": { "expression": "concat(\"https://\", http.host, http.request.uri.path)" } } }
    }]);
    let records: Vec<_> = ["203.0.113.10", "203.0.113.11"]
        .iter()
        .map(|ip| serde_json::json!({ "type": "A", "name": HOST, "content": ip, "proxied": true, "ttl": 1, "comment": "" }))
        .collect();
    let settings = serde_json::json!([
        { "id": "ssl", "value": "strict" },
        { "id": "always_online", "value": "off" },
        { "id": "browser_cache_ttl", "value": 0 },
        { "id": "min_tls_version", "value": "1.2" },
    ]);
    let folder = format!("nginx/redirect-{APEX}");
    [
        ("cloudflare/settings.json".to_owned(), settings.to_string()),
        ("cloudflare/http_request_cache_settings.json".to_owned(), phase("http_request_cache_settings", cache)),
        ("cloudflare/http_request_dynamic_redirect.json".to_owned(), phase("http_request_dynamic_redirect", redirect)),
        ("cloudflare/dns_records.json".to_owned(), serde_json::json!(records).to_string()),
        (
            "dns/reserve-civique.gouv.fr.zone".to_owned(),
            zone(&format!("covid19 300 IN CNAME {HOST}.cdn.cloudflare.net.\n*.wild 60 IN TXT \"a;b\" \"c\"\n")),
        ),
        (
            "dns/jeveuxaider.gouv.fr.zone".to_owned(),
            zone(
                "@ 300 IN A 198.51.100.21\n@ 300 IN A 198.51.100.22\nwww 300 IN A 198.51.100.21\n\
                  @ IN CAA 0 issue \"letsencrypt.org\"\n",
            ),
        ),
        ("nginx/scalingo/servers.conf.erb".to_owned(), scalingo),
        ("nginx/proxy/nginx.conf".to_owned(), server),
        ("nginx/proxy/where/machine.conf".to_owned(), String::new()),
        ("nginx/proxy/where/listen.conf".to_owned(), String::new()),
        ("nginx/proxy/where/upstream.conf".to_owned(), String::new()),
        ("nginx/proxy/where/mode.conf".to_owned(), String::new()),
        ("nginx/proxy/where/client.conf".to_owned(), String::new()),
        ("mail/info.reserve-civique.gouv.fr/mta-sts.txt".to_owned(), String::new()),
        (format!("{folder}/nginx.conf"), REDIRECT.to_owned()),
        (format!("{folder}/where/machine.conf"), String::new()),
        (format!("{folder}/where/listen.conf"), String::new()),
        (format!("{folder}/where/listen-plain.conf"), String::new()),
    ]
    .map(|(path, text)| Artifact { path, text })
    .into()
}

fn staging(runs_on: RunsOn) -> Staging {
    Staging::new(site(), runs_on, &artifacts()).expect("a staging")
}

/// Status, headers and body of one request, on threads of its own: the world runs on the runtime.
async fn ask(world: &LocalWorld, to: (&str, u16), host: &'static str, path: &'static str) -> (u16, String) {
    let public = SocketAddr::new(to.0.parse().expect("an address"), to.1);
    let address = *world.routes().get(&public).unwrap_or_else(|| panic!("{public} is not routed"));
    let Roots::Only(roots) = world.roots() else { panic!("only our own roots") };
    tokio::task::spawn_blocking(move || {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let mut text = Vec::new();
        if public.port() == 443 {
            let mut store = rustls::RootCertStore::empty();
            store.add_parsable_certificates(roots);
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_root_certificates(store)
                .with_no_client_auth();
            let name = host.try_into().expect("a name");
            let connection = rustls::ClientConnection::new(Arc::new(config), name).expect("a client");
            let mut stream = rustls::StreamOwned::new(connection, stream);
            stream.write_all(request.as_bytes()).expect("a request");
            // The peer may leave without a goodbye.
            let _ = stream.read_to_end(&mut text);
        } else {
            let mut stream = stream;
            stream.write_all(request.as_bytes()).expect("a request");
            stream.read_to_end(&mut text).expect("an answer");
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        let status = text.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, text.to_ascii_lowercase())
    })
    .await
    .expect("a client")
}

#[tokio::test]
async fn the_healthy_world_answers_everywhere_and_leaves_nothing_behind() {
    for runs_on in [RunsOn::Scalingo, RunsOn::Server] {
        let begun = Instant::now();
        let world = LocalWorld::start(staging(runs_on)).await.unwrap_or_else(|error| panic!("{error}"));
        eprintln!("{runs_on:?}: started in {:?}", begun.elapsed());
        assert_eq!(world.notes(), [] as [&str; 0]);

        let (status, text) = ask(&world, ("104.16.0.10", 443), HOST, "/").await;
        assert_eq!(status, 200, "{text}");
        assert!(text.contains("cf-cache-status: miss"), "{text}");
        assert!(text.contains("cache-control: public, max-age=30"), "{text}");
        assert!(text.contains("x-seen-client: 198.19."), "{text}");
        let (_, text) = ask(&world, ("104.16.0.11", 443), HOST, "/").await;
        assert!(text.contains("cf-cache-status: hit"), "both addresses are one cache: {text}");
        let (_, text) = ask(&world, ("104.16.0.11", 443), HOST, "/api/user").await;
        assert!(text.contains("cf-cache-status: dynamic") && text.contains("{\"user\":\"nobody\"}"), "{text}");
        let (status, text) = ask(&world, ("104.16.0.10", 80), HOST, "/p?x=1").await;
        assert_eq!(status, 301);
        assert!(text.contains(&format!("location: https://{HOST}/p?x=1")), "{text}");

        let (status, _) = ask(&world, ("203.0.113.10", 443), HOST, "/").await;
        assert_eq!(status, 403, "past the CDN the origin is locked");
        let (status, text) = ask(&world, ("198.51.100.22", 443), "www.jeveuxaider.gouv.fr", "/a%20b?x=1&y=%26").await;
        assert_eq!(status, 308);
        assert!(text.contains(&format!("location: https://{HOST}/a%20b?x=1&y=%26")), "{text}");
        let (status, text) = ask(&world, ("198.51.100.21", 80), APEX, "/").await;
        assert_eq!((status, text.contains("location: https://jeveuxaider.gouv.fr/\r\n")), (308, true), "{text}");

        let url = format!("https://{HOST}/");
        world.stage().disturb(Disturbance::AppAnswers503).await.expect("a stub app");
        world.stage().age_copy(&url, Duration::from_secs(200)).await;
        let (status, text) = ask(&world, ("104.16.0.10", 443), HOST, "/").await;
        assert_eq!((status, text.contains("cf-cache-status: stale")), (200, true), "{text}");
        world.stage().disturb(Disturbance::AppRefuses).await.expect("a stub app");
        let (status, _) = ask(&world, ("104.16.0.10", 443), HOST, "/missions").await;
        assert!(matches!(status, 502 | 504), "{status}");
        world.stage().disturb(Disturbance::AppHealthy).await.expect("a stub app");
        let (status, _) = ask(&world, ("104.16.0.10", 443), HOST, "/missions").await;
        assert_eq!(status, 200);
        let (status, _) = ask(&world, ("104.16.0.10", 443), HOST, "/nonce-404").await;
        assert_eq!(status, 404);

        let addresses: Vec<SocketAddr> = world.routes().into_values().collect();
        world.stop().await;
        for address in addresses {
            assert!(TcpStream::connect(address).is_err(), "{address} still answers");
        }
    }
}

#[tokio::test]
async fn dropped_it_is_gone_too() {
    let world = LocalWorld::start(staging(RunsOn::Scalingo)).await.unwrap_or_else(|error| panic!("{error}"));
    let addresses: Vec<SocketAddr> = world.routes().into_values().collect();
    drop(world);
    let deadline = Instant::now() + Duration::from_secs(5);
    while addresses.iter().any(|address| TcpStream::connect(address).is_ok()) {
        assert!(Instant::now() < deadline, "something still answers");
        tokio::task::yield_now().await;
    }
}

/// Ended by the test below, or by itself after a minute.
#[tokio::test]
#[ignore = "it is the victim of `killed_outright_it_leaves_no_nginx_behind`"]
async fn victim() {
    let world = LocalWorld::start(staging(RunsOn::Scalingo)).await.unwrap_or_else(|error| panic!("{error}"));
    println!("\nredirect machine: {}", world.routes()[&"198.51.100.21:443".parse().expect("an address")]);
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[test]
fn killed_outright_it_leaves_no_nginx_behind() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut victim = std::process::Command::new(std::env::current_exe().expect("this test"))
        .env("TMPDIR", temporary.path())
        .args(["--exact", "victim", "--ignored", "--nocapture"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a child");
    let lines = std::io::BufRead::lines(std::io::BufReader::new(victim.stdout.take().expect("its output")));
    let address: SocketAddr = lines
        .map_while(Result::ok)
        .find_map(|line| line.split_once("redirect machine: ")?.1.trim().parse().ok())
        .expect("an address");
    assert!(TcpStream::connect(address).is_ok());
    victim.kill().expect("a kill");
    victim.wait().expect("an end");
    let deadline = Instant::now() + Duration::from_secs(5);
    let left = || std::fs::read_dir(temporary.path()).expect("a folder").count();
    assert!(left() > 0, "its keys are below the temporary folder");
    while TcpStream::connect(address).is_ok() || left() > 0 {
        assert!(Instant::now() < deadline, "nginx or its folder outlived golive");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_configuration_that_nginx_refuses_is_shown_in_its_own_words() {
    let mut staged = staging(RunsOn::Server);
    staged.edit_redirects("absolute_redirect off;", "absolute_redirection off;").expect("an edit");
    match LocalWorld::start(staged).await.err() {
        Some(StartError::Nginx { address, stderr }) => {
            assert_eq!(address, "198.51.100.21".parse::<IpAddr>().expect("an address"));
            assert!(stderr.contains("unknown directive \"absolute_redirection\" in nginx.conf:5"), "{stderr}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn other_starts_that_fail_say_what_is_wrong() {
    let mut staged = staging(RunsOn::Scalingo);
    staged.edit_proxy("keepalive 8;", "keepalive <%= ENV['HOME'] %>;").expect("an edit");
    let error = LocalWorld::start(staged).await.err().expect("no start").to_string();
    assert!(error.contains("servers.conf.erb") && error.contains("HOME"), "{error}");

    let mut staged = staging(RunsOn::Server);
    staged.nodes[0].files.remove("where/listen.conf");
    let error = LocalWorld::start(staged).await.err().expect("no start").to_string();
    assert!(error.contains("where/listen.conf"), "{error}");

    let mut staged = staging(RunsOn::Server);
    staged.cdn_files.insert("cloudflare/settings.json".to_owned(), "[{\"id\":\"x\",\"value\":1}]".to_owned());
    let error = LocalWorld::start(staged).await.err().expect("no start").to_string();
    assert!(error.contains("cloudflare/settings.json") && error.contains("`x`"), "{error}");

    let missing: Vec<Artifact> = artifacts().into_iter().filter(|a| !a.path.starts_with("nginx/scalingo/")).collect();
    let error = Staging::new(site(), RunsOn::Scalingo, &missing).expect_err("no staging");
    assert!(error.contains("nginx/scalingo/"), "{error}");
}

/// A raw query, its answer's id checked; `None` after half a second of silence.
fn query(to: SocketAddr, name: &str, kind: u16, recursion: bool) -> Option<Vec<u8>> {
    let mut message = vec![0x12, 0x34, u8::from(recursion), 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).expect("a label"));
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend([0, 1]);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
    socket.send_to(&message, to).expect("a question");
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).ok()?;
    assert_eq!(buffer[..2], [0x12, 0x34]);
    Some(buffer[..length].to_vec())
}

struct Reply {
    code: u8,
    authoritative: bool,
    answers: u16,
    authority: u16,
}

async fn dns(to: SocketAddr, name: &'static str, kind: u16, recursion: bool) -> Option<Reply> {
    let bytes = tokio::task::spawn_blocking(move || query(to, name, kind, recursion)).await.expect("a query")?;
    let count = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    Some(Reply { code: bytes[3] & 15, authoritative: bytes[2] & 4 != 0, answers: count(6), authority: count(8) })
}

const A: u16 = 1;
const SOA: u16 = 6;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const CAA: u16 = 257;

#[tokio::test]
async fn name_servers_and_resolver_answer_as_real_ones() {
    let mut staged = staging(RunsOn::Server);
    staged.nodes.clear();
    let world = LocalWorld::start(staged).await.unwrap_or_else(|error| panic!("{error}"));
    let server = world.routes()[&"192.0.2.53:53".parse().expect("an address")];
    // Name, type, response code, AA, answers, authority.
    for (name, kind, code, authoritative, answers, authority) in [
        (APEX, A, 0, true, 2, 0),
        (APEX, SOA, 0, true, 1, 0),
        (APEX, CAA, 0, true, 1, 0),
        (APEX, AAAA, 0, true, 0, 1),
        ("nowhere.jeveuxaider.gouv.fr", A, 3, true, 0, 1),
        // The alias leads out of the zone: it is the answer, and not followed.
        (HOST, A, 0, true, 1, 0),
        ("any.wild.reserve-civique.gouv.fr", TXT, 0, true, 1, 0),
        ("wild.reserve-civique.gouv.fr", TXT, 0, true, 0, 1),
        ("example.org", A, 5, false, 0, 0),
    ] {
        let reply = dns(server, name, kind, false).await.expect("an answer");
        let seen = (reply.code, reply.authoritative, reply.answers, reply.authority);
        assert_eq!(seen, (code, authoritative, answers, authority), "{name} {kind}");
    }
    for (name, kind, code, answers, authority) in [
        (HOST, A, 0, 3, 0),
        (HOST, AAAA, 0, 1, 1),
        (APEX, A, 0, 2, 0),
        ("nowhere.jeveuxaider.gouv.fr", A, 3, 0, 1),
        ("example.org", A, 3, 0, 0),
    ] {
        let reply = dns(world.resolver(), name, kind, true).await.expect("an answer");
        let seen = (reply.code, reply.authoritative, reply.answers, reply.authority);
        assert_eq!(seen, (code, false, answers, authority), "{name} {kind} resolved");
    }
    world.stop().await;
}

#[tokio::test]
async fn name_servers_that_misbehave() {
    let mut staged = staging(RunsOn::Server);
    staged.nodes.clear();
    staged.name_servers[0].manner = DnsManner::Silent;
    staged.name_servers[1].manner = DnsManner::Garbage;
    let world = LocalWorld::start(staged).await.unwrap_or_else(|error| panic!("{error}"));
    let routes = world.routes();
    let silent = routes[&"192.0.2.53:53".parse().expect("an address")];
    let garbage = routes[&"198.51.100.53:53".parse().expect("an address")];
    assert!(dns(silent, APEX, A, false).await.is_none());
    let reply = dns(garbage, APEX, A, false).await.expect("some bytes");
    assert_eq!(reply.answers, u16::MAX);
    assert_eq!(dns(world.resolver(), APEX, A, true).await.expect("an answer").code, 2, "nobody of the zone answers");
    world.stop().await;

    let mut staged = staging(RunsOn::Server);
    staged.nodes.clear();
    for zone in staged.name_servers.iter_mut().filter_map(|server| server.zones.get_mut(APEX)) {
        assert!(zone.contains("@ 300 IN A 198.51.100.22"), "{zone}");
        *zone = zone.replace("@ 300 IN A 198.51.100.22", "@ 300 IN A 198.51.100.322");
    }
    let world = LocalWorld::start(staged).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(world.notes()[0].contains(APEX), "{:?}", world.notes());
    let server = world.routes()[&"192.0.2.53:53".parse().expect("an address")];
    assert_eq!(dns(server, APEX, A, false).await.expect("an answer").code, 2);
    assert_eq!(dns(server, HOST, A, false).await.expect("an answer").code, 0, "the other zone is unharmed");
}
