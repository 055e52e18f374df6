//! The whole checklist of the sample against servers that misbehave: it comes to an end, each row has a verdict, none
//! breaks, and nothing that such a server answers is a pass.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use golive::concerns::Verdict;
use golive::probe::{Probe, Target};
use golive::providers::api::Access;
use golive::verify::{self, CheckResult, run};
use golive::world::{Allowed, Options, Roots, Routes, World};
use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

use crate::common::{Sample, sample};
use crate::support::*;

/// Within the CDN's ranges.
const EDGE: &str = "104.16.0.10";

/// Far more than a run needs; one that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(240);

type Replies = Arc<dyn Fn(&Message) -> Vec<Message> + Send + Sync>;

/// A name server that gives each question these answers, over UDP and TCP.
async fn name_server(tasks: &mut JoinSet<()>, replies: Replies) -> SocketAddr {
    // A port free for TCP may be some client's for UDP: the next one will do.
    let (tcp, udp) = loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            break (tcp, udp);
        }
    };
    let address = tcp.local_addr().unwrap();
    let over_udp = replies.clone();
    tasks.spawn(async move {
        let mut buffer = vec![0; 4096];
        while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
            let Ok(query) = Message::from_vec(&buffer[..length]) else { continue };
            for reply in over_udp(&query) {
                // Who asked may have gone.
                let _ = udp.send_to(&reply.to_vec().unwrap(), from).await;
            }
        }
    });
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut stream, _)) = tcp.accept().await {
            let replies = replies.clone();
            connections.spawn(async move {
                let Ok(length) = stream.read_u16().await else { return };
                let mut buffer = vec![0; usize::from(length)];
                if stream.read_exact(&mut buffer).await.is_err() {
                    return;
                }
                let Ok(query) = Message::from_vec(&buffer) else { return };
                for reply in replies(&query) {
                    let reply = reply.to_vec().unwrap();
                    let framed = [&u16::try_from(reply.len()).unwrap().to_be_bytes()[..], &reply].concat();
                    let _ = stream.write_all(&framed).await;
                }
                // Until the other side has read enough.
                let _ = stream.read_u8().await;
            });
        }
    });
    address
}

fn reply(query: &Message) -> Message {
    let mut message = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    message.metadata.authoritative = true;
    message.metadata.response_code = ResponseCode::NoError;
    message.queries = query.queries.clone();
    message
}

fn asked(query: &Message) -> (Name, RecordType) {
    query.queries.first().map_or((Name::root(), RecordType::A), |one| (one.name().clone(), one.query_type()))
}

/// Every name has the edge's address, and nothing else.
fn at_the_edge(query: &Message) -> Vec<Message> {
    let mut message = reply(query);
    let (name, kind) = asked(query);
    if kind == RecordType::A {
        message.answers = vec![Record::from_rdata(name, 300, RData::A(A::new(104, 16, 0, 10)))];
    }
    vec![message]
}

/// Serves a script over TLS, with a certificate for these names.
async fn secure(tasks: &mut JoinSet<()>, names: Vec<String>, script: Script) -> (SocketAddr, Roots) {
    let (root, issuer) = authority();
    let mut leaf = rcgen::CertificateParams::new(names).unwrap();
    leaf.not_before = rcgen::date_time_ymd(2020, 1, 1);
    leaf.not_after = rcgen::date_time_ymd(2120, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let chain = vec![leaf.signed_by(&key, &issuer).unwrap().der().clone()];
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, script) = (acceptor.clone(), script.clone());
            connections.spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    read_head(&mut stream).await;
                    let _ = play(stream, script).await;
                }
            });
        }
    });
    (address, Roots::Only(vec![root.der().clone()]))
}

/// The sample's checklist where every web server plays `script`, and every name server gives `replies`.
async fn checklist(sample: &Sample, script: Script, trusted: bool, replies: Replies) -> Vec<CheckResult> {
    let mut tasks = JoinSet::new();
    let played = script.clone();
    let plain = Server::start(move |_| played.clone()).await;
    let allowed = Allowed::of(&sample.site);
    let names = if trusted { allowed.hosts.iter().cloned().collect() } else { vec!["evil.example".to_owned()] };
    let (tls, roots) = secure(&mut tasks, names, script).await;
    let dns = name_server(&mut tasks, replies).await;
    let mut routes = Routes::new();
    let edge: IpAddr = EDGE.parse().unwrap();
    for address in allowed.addresses.iter().chain(&allowed.resolvers).copied().chain([edge]) {
        routes.extend([
            ((address, 53).into(), dns),
            ((address, 80).into(), plain.address),
            ((address, 443).into(), tls),
        ]);
    }
    let world = World::new(Options {
        routes,
        routed_only: true,
        allowed,
        resolvers: vec![dns],
        roots,
        user_agent: "golive-test".to_owned(),
        timeout: Duration::from_millis(150),
        burst_per_second: None,
        stage: None,
        access: Access::default(),
    })
    .unwrap();
    let checks = golive::ops::verify::checks(&sample.blueprint, &sample.site);
    let count = checks.len();
    let begun = Instant::now();
    let options = verify::Options::rehearsal();
    let running = run(checks, &world, &options, |_| {});
    let outcome = tokio::time::timeout(PATIENCE, running).await.expect("an end");
    assert_eq!(outcome.results.len(), count);
    for row in &outcome.results {
        assert!(!row.because.contains("own fault"), "{} {}: {}", row.id, row.subject, row.because);
        assert!(!row.because.is_empty(), "{} {} says nothing", row.id, row.subject);
    }
    assert!(begun.elapsed() < PATIENCE);
    outcome.results
}

/// Rows that ask such questions first.
fn that_ask(sample: &Sample, asks: impl Fn(&Probe) -> bool) -> BTreeSet<(String, String)> {
    let checks = golive::ops::verify::checks(&sample.blueprint, &sample.site).into_iter();
    let rows = checks.filter(|(_, check)| check.ask.iter().any(&asks));
    rows.map(|(_, check)| (check.id.to_owned(), check.subject)).collect()
}

fn passed(results: &[CheckResult], among: &BTreeSet<(String, String)>) -> Vec<String> {
    let rows = results.iter().filter(|row| row.verdict == Verdict::Pass);
    let rows = rows.filter(|row| among.contains(&(row.id.to_owned(), row.subject.clone())));
    rows.map(|row| format!("{} {}: {}", row.id, row.subject, row.because)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn web_servers_that_misbehave_get_a_verdict_and_no_pass() {
    let sample = sample();
    let gets = that_ask(&sample, |probe| matches!(probe, Probe::Http(_)));
    assert!(gets.len() >= 40, "{}", gets.len());
    let head = |more: &str| format!("HTTP/1.1 200 OK\r\ncache-control: no-store\r\n{more}\r\n").into_bytes();
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 50 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    let scripts = [
        ("head byte by byte", Script::Drip(vec![], b"HTTP/1.1 200 OK\r\n".repeat(100), Duration::from_millis(40))),
        ("nothing", Script::Hang),
        ("10,000 headers", say(&format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(10_000)))),
        ("an endless header", Script::Endless(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'y'; 65_536])),
        ("no HTTP", say("SSH-2.0-OpenSSH\r\n")),
    ];
    for (what, script) in scripts {
        let results = checklist(&sample, script, true, Arc::new(at_the_edge)).await;
        assert_eq!(passed(&results, &gets), Vec::<String>::new(), "{what}");
    }
    // Of an answer whose head is good, rows that read the head alone may be content; these want more, or another head.
    const NEVER: [&str; 7] = [
        "cache.cc.assets",
        "cache.cc.html",
        "cache.hit-on-second",
        "redir.hops",
        "redir.ips",
        "redir.shape",
        "redir.target",
    ];
    for (what, script) in [
        (
            "body byte by byte",
            Script::Drip(head("content-length: 100\r\n"), vec![b'x'; 100], Duration::from_millis(40)),
        ),
        ("an endless body", Script::Endless(head(""), vec![b'x'; 65_536])),
        ("a body of another coding", ok(&["content-encoding: gzip"], b"\xff\xfe no gzip")),
        ("a bomb", ok(&["content-encoding: gzip"], &bomb)),
        (
            "no UTF-8",
            Script::Say(b"HTTP/1.1 200 OK\r\nset-cookie: \xff\xfe\r\ncontent-length: 2\r\n\r\n\xff\xfe".to_vec()),
        ),
        ("a circle", say("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n")),
    ] {
        let results = checklist(&sample, script, true, Arc::new(at_the_edge)).await;
        let never = gets.iter().filter(|(id, _)| NEVER.contains(&id.as_str())).cloned().collect();
        assert_eq!(passed(&results, &never), Vec::<String>::new(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_certificate_everywhere_lets_no_https_row_pass() {
    let sample = sample();
    let results = checklist(&sample, ok(&["cache-control: no-store"], b"hello"), false, Arc::new(at_the_edge)).await;
    let https = that_ask(&sample, |probe| match probe {
        Probe::Http(probe) => probe.scheme == golive::probe::Scheme::Https,
        _ => false,
    });
    assert!(https.len() >= 30, "{}", https.len());
    assert_eq!(passed(&results, &https), Vec::<String>::new());
    let chain = results.iter().find(|row| row.id == "tls.chain").expect("the row");
    assert_ne!(chain.verdict, Verdict::Pass, "{}", chain.because);
}

#[tokio::test(flavor = "multi_thread")]
async fn name_servers_that_lie_let_no_row_that_asks_them_pass() {
    let sample = sample();
    let first = |probe: &Probe| matches!(probe, Probe::Dns(_));
    let rows = that_ask(&sample, first);
    assert!(rows.len() >= 20, "{}", rows.len());
    let manners: [(&str, Replies); 3] = [
        (
            "another ID",
            Arc::new(|query: &Message| {
                let mut lie = at_the_edge(query);
                lie.iter_mut().for_each(|message| message.metadata.id = query.metadata.id.wrapping_add(1));
                lie
            }),
        ),
        (
            "another question",
            Arc::new(|query: &Message| {
                let mut lie = at_the_edge(query);
                let other = Name::from_ascii("evil.example.").unwrap();
                for message in &mut lie {
                    message.queries[0].set_name(other.clone());
                }
                lie
            }),
        ),
        (
            "cut, over TCP too",
            Arc::new(|query: &Message| {
                let mut cut = reply(query);
                cut.metadata.truncation = true;
                vec![cut]
            }),
        ),
    ];
    for (what, replies) in manners {
        let results = checklist(&sample, Script::Hang, true, replies).await;
        assert_eq!(passed(&results, &rows), Vec::<String>::new(), "{what}");
    }
}

/// A record is there, and its TTL; what it leads to is not.
#[tokio::test(flavor = "multi_thread")]
async fn aliases_in_a_circle_lead_no_row_to_a_pass() {
    let sample = sample();
    let circle = |query: &Message| {
        let mut circle = reply(query);
        let (name, _) = asked(query);
        let other = Name::from_ascii("circle.example.").unwrap();
        let ends = [(name.clone(), other.clone()), (other, name)];
        let alias = |n: usize| {
            let (from, to) = ends[n % 2].clone();
            Record::from_rdata(from, 300, RData::CNAME(CNAME(to)))
        };
        circle.answers = (0..40).map(alias).collect();
        vec![circle]
    };
    let results = checklist(&sample, ok(&[], b"hello"), true, Arc::new(circle)).await;
    let resolves = |probe: &Probe| match probe {
        Probe::Http(probe) => probe.to == Target::Resolved,
        Probe::Tls(probe) => probe.to == Target::Resolved,
        _ => false,
    };
    let mut rows = that_ask(&sample, resolves);
    let of_records = ["dns.apex.a", "dns.deleg.ns", "dns.host.target", "dns.soa.sync", "dns.wildcard"];
    rows.extend(
        results.iter().filter(|row| of_records.contains(&row.id)).map(|row| (row.id.into(), row.subject.clone())),
    );
    assert!(rows.len() >= 40, "{}", rows.len());
    assert_eq!(passed(&results, &rows), Vec::<String>::new());
}
