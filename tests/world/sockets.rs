//! The world against servers that misbehave: every answer is an observation, in bounded time and memory.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use golive::probe::{
    DnsAnswer, DnsProbe, DnsServer, Dnssec, Failure, FailureKind, HttpAnswer, HttpProbe, Observation, Probe, Rcode,
    RecordData, RecordType, SamplesProbe, Scheme, Signatures, Staple, TEST_SESSION, Target, TlsAnswer, TlsOfferAnswer,
    TlsOfferProbe, TlsProbe, TlsVersion, Wait,
};
use golive::providers::api::Access;
use golive::world::{Allowed, Options, Roots, Routes, World};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

use crate::support::*;

const MIB: usize = 1024 * 1024;

fn http(observation: Observation) -> HttpAnswer {
    match observation {
        Observation::Http(answer) => answer,
        other => panic!("no HTTP answer: {other:?}"),
    }
}

fn failure(observation: Observation) -> Failure {
    match observation {
        Observation::Failed(failure) => failure,
        other => panic!("no failure: {other:?}"),
    }
}

fn refusal(observation: Observation) -> String {
    match observation {
        Observation::NotAsked { because } => because,
        other => panic!("was asked: {other:?}"),
    }
}

/// A port that is taken, so that no other test gets it, and where nobody listens.
struct ClosedPort {
    address: SocketAddr,
    _held: TcpSocket,
}

fn closed_port() -> ClosedPort {
    let held = TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    ClosedPort { address: held.local_addr().unwrap(), _held: held }
}

mod requests {
    use super::*;

    #[tokio::test]
    async fn are_sent_byte_for_byte_with_nothing_added() {
        let server = Server::start(|_| ok(&[], b"hello")).await;
        let world = World::new(routed_to(server.address)).unwrap();
        let paths = ["/a%20b/c?x=1&y=%26", "//evil.example", "/%2F", "/a/../b", "/.//./x?", "/\"{}|", "/?q='"];
        for path in paths {
            let answer = http(ask_http(&world, get(path)).await);
            assert_eq!((answer.status, answer.body.text.as_str()), (200, "hello"), "{path}");
            assert_eq!(answer.connected, "203.0.113.10:80");
        }
        for (head, path) in server.heads().iter().zip(paths) {
            let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
            assert_eq!(lines.remove(0), format!("GET {path} HTTP/1.1"));
            lines.sort_unstable();
            assert_eq!(lines, ["accept: */*", "host: shop.example.com", "user-agent: golive-test"], "{path}");
        }
    }

    #[tokio::test]
    async fn carry_the_given_headers_and_an_alien_host_in_place_of_ours() {
        let server = Server::start(|_| ok(&[], b"")).await;
        let world = World::new(routed_to(server.address)).unwrap();
        for path in ["/", "/a/../b"] {
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            let headers = vec![
                pair("accept-encoding", "br"),
                pair("cookie", "a=1"),
                pair("cookie", "b=2"),
                pair("user-agent", "other"),
            ];
            http(ask_http(&world, HttpProbe { host_header: Some("evil.example".into()), headers, ..get(path) }).await);
        }
        for head in server.heads() {
            for line in [
                "host: evil.example\r\n",
                "accept-encoding: br\r\n",
                "cookie: a=1\r\ncookie: b=2\r\n",
                "user-agent: other\r\n",
            ] {
                assert!(head.contains(line), "{head}");
            }
            assert_eq!(head.matches("host:").count() + head.matches("user-agent:").count(), 2, "{head}");
        }
    }

    #[tokio::test]
    async fn keep_no_cookie_follow_no_redirect_and_reuse_no_connection() {
        let server = Server::start(|_| {
            say("HTTP/1.1 301 Moved\r\nlocation: http://shop.example.com/there\r\nset-cookie: a=1\r\n\
                 Set-Cookie: b=2\r\ncontent-length: 0\r\n\r\n")
        })
        .await;
        let world = World::new(routed_to(server.address)).unwrap();
        for nth in 0..2 {
            let answer = http(ask_http(&world, HttpProbe { nth, ..get("/") }).await);
            assert_eq!(answer.status, 301);
            assert_eq!(answer.header("location"), Some("http://shop.example.com/there"));
            assert_eq!(answer.headers_named("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
        }
        // One request a connection: the server counts connections.
        let heads = server.heads();
        assert_eq!(heads.len(), 2);
        assert!(!heads.concat().contains("cookie"));
    }

    #[tokio::test]
    async fn that_cannot_be_sent_are_not_asked() {
        let server = Server::start(|_| ok(&[], b"")).await;
        let world = World::new(routed_to(server.address)).unwrap();
        for path in ["", "x", ":81/", "@evil.example/", "/a b", "/a\r\nx: y", "/a#b", "?x", "/\0"] {
            assert!(refusal(ask_http(&world, get(path)).await).contains("path"), "{path:?}");
        }
        let headers = vec![("x".to_owned(), "a\r\nb: c".to_owned())];
        assert!(refusal(ask_http(&world, HttpProbe { headers, ..get("/") }).await).contains("header"));
        assert!(server.heads().is_empty());
    }
}

mod answers {
    use super::*;

    async fn answer_of(script: Script) -> Observation {
        let server = Server::start(move |_| script.clone()).await;
        let world = impatient(routed_to(server.address));
        let start = Instant::now();
        let observation = ask_http(&world, get("/")).await;
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        observation
    }

    #[tokio::test]
    async fn that_come_byte_by_byte_are_cut_off_in_time() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n".to_vec();
        let drip = Script::Drip(head, vec![b'x'; 100], Duration::from_millis(50));
        let answer = http(answer_of(drip).await);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body.sha256, None);
        assert!(answer.body.problem.unwrap().as_str().contains("not complete in time"));
        assert!((1..100).contains(&answer.body.wire_length));

        let head = Script::Drip(Vec::new(), b"HTTP/1.1 200 OK\r\n".repeat(100), Duration::from_millis(50));
        assert_eq!(failure(answer_of(head).await).kind, FailureKind::TimedOut);
        assert_eq!(failure(answer_of(Script::Hang).await).kind, FailureKind::TimedOut);
    }

    /// A lost packet says nothing: who is silent once is asked again, and who is silent twice is not there.
    #[tokio::test]
    async fn that_do_not_come_are_asked_for_once_more() {
        let server = Server::start(|n| if n == 0 { Script::Hang } else { ok(&[], b"hello") }).await;
        let world = impatient(routed_to(server.address));
        assert_eq!(http(ask_http(&world, get("/")).await).body.text, "hello");
        assert_eq!(server.heads().len(), 2);
        let silent = Server::start(|_| Script::Hang).await;
        let world = impatient(routed_to(silent.address));
        assert_eq!(failure(ask_http(&world, get("/")).await).kind, FailureKind::TimedOut);
        assert_eq!(silent.heads().len(), 2, "twice, not for ever");
    }

    #[tokio::test]
    async fn without_end_are_cut_at_the_limit() {
        let endless = Script::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 65536]);
        let server = Server::start(move |_| endless.clone()).await;
        let world = World::new(routed_to(server.address)).unwrap();
        let body = http(ask_http(&world, get("/")).await).body;
        assert_eq!((body.wire_length, body.text.len(), body.sha256), (MIB, MIB, None));
        assert!(body.problem.unwrap().as_str().contains("longer than"));
    }

    #[tokio::test]
    async fn with_too_large_a_head_are_garbage() {
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(10_000));
        let long = Script::Endless(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'y'; 65536]);
        for script in [say(&many), long] {
            let server = Server::start(move |_| script.clone()).await;
            let world = World::new(routed_to(server.address)).unwrap();
            let failure = failure(ask_http(&world, get("/")).await);
            assert_eq!(failure.kind, FailureKind::Garbage, "{failure:?}");
            assert!(failure.message.contains("too large"), "{failure:?}");
        }
    }

    #[tokio::test]
    async fn that_are_no_http_are_garbage() {
        for garbage in [
            "SSH-2.0-OpenSSH\r\n",
            "HTTP/9 200\r\n\r\n",
            "HTTP/1.1 abc OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        ] {
            let failure = failure(answer_of(say(garbage)).await);
            assert_eq!(failure.kind, FailureKind::Garbage, "{garbage:?}: {failure:?}");
            assert!(failure.message.starts_with("http://shop.example.com at 203.0.113.10:80: "), "{failure:?}");
        }
        let failure = failure(answer_of(say("")).await);
        assert_eq!(failure.kind, FailureKind::Closed);
        assert!(failure.message.contains("closed without an answer"), "{failure:?}");
    }

    #[tokio::test]
    async fn that_break_off_say_so() {
        let cut = say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
        let body = http(answer_of(cut).await).body;
        assert_eq!((body.text.as_str(), body.sha256, body.wire_length), ("abc", None, 3));
        assert!(body.problem.unwrap().as_str().contains("broke after 3 bytes"));
    }

    #[tokio::test]
    async fn that_are_not_utf8_are_read_lossily() {
        let script = Script::Say(b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\ncontent-length: 2\r\n\r\n\xff!".to_vec());
        let answer = http(answer_of(script).await);
        assert_eq!(answer.header("x-name"), Some("caf\u{fffd}"));
        assert_eq!(answer.body.text, "\u{fffd}!");
        assert!(answer.body.sha256.is_some());
    }

    #[tokio::test]
    async fn that_are_bombs_do_not_fill_the_memory() {
        let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        bomb.write_all(&vec![b'0'; 100 * MIB]).unwrap();
        let bomb = bomb.finish().unwrap();
        let server = Server::start(move |_| ok(&["content-encoding: gzip"], &bomb)).await;
        let world = World::new(routed_to(server.address)).unwrap();
        let body = http(ask_http(&world, get("/")).await).body;
        assert_eq!((body.text.len(), body.sha256), (MIB, None));
        assert!(body.wire_length < MIB);
    }
}

mod connections {
    use super::*;

    #[tokio::test]
    async fn refused_are_told_from_silence() {
        let closed = closed_port();
        let world = impatient(routed_to(closed.address));
        let failure = failure(ask_http(&world, get("/")).await);
        assert_eq!(failure.kind, FailureKind::Refused);
        assert_eq!(failure.message, "http://shop.example.com at 203.0.113.10:80: connection refused");
        let raw = super::failure(ask_http(&world, get("/a/../b")).await);
        assert_eq!(raw, failure);
        let tls = TlsProbe { name: HOST.into(), to: Target::Pinned(PUBLIC), nth: 0 };
        assert_eq!(super::failure(world.ask(&Probe::Tls(tls)).await).kind, FailureKind::Refused);
    }

    #[tokio::test]
    async fn are_made_to_what_the_blueprint_names_and_nothing_else() {
        let server = Server::start(|_| ok(&[], b"")).await;
        let rehearsal = World::new(routed_to(server.address)).unwrap();
        let alien = HttpProbe { host: "evil.example".into(), ..get("/") };
        assert!(refusal(ask_http(&rehearsal, alien).await).contains("evil.example is not a name of the blueprint"));
        let tls = TlsProbe { name: "evil.example".into(), to: Target::Pinned(PUBLIC), nth: 0 };
        assert!(refusal(rehearsal.ask(&Probe::Tls(tls)).await).contains("not a name of the blueprint"));
        let elsewhere = HttpProbe { to: Target::Pinned("198.51.100.1".parse().unwrap()), ..get("/") };
        let failure = failure(ask_http(&rehearsal, elsewhere.clone()).await);
        assert_eq!(failure.kind, FailureKind::Unreachable);
        assert_eq!(failure.message, "198.51.100.1:80 is not part of the rehearsal");
        let resolver = DnsProbe {
            server: DnsServer::Resolver,
            name: HOST.into(),
            record_type: RecordType::A,
            signatures: Signatures::NotAsked,
            nth: 0,
        };
        assert_eq!(super::failure(rehearsal.ask(&Probe::Dns(resolver)).await).kind, FailureKind::Unreachable);

        let live = World::new(Options { routed_only: false, ..routed_to(server.address) }).unwrap();
        assert!(refusal(ask_http(&live, elsewhere).await).contains("198.51.100.1 is not an address of the blueprint"));
        let dns = DnsProbe {
            server: DnsServer::Authoritative("198.51.100.1".parse().unwrap()),
            name: HOST.into(),
            record_type: RecordType::A,
            signatures: Signatures::NotAsked,
            nth: 0,
        };
        assert!(refusal(live.ask(&Probe::Dns(dns)).await).contains("no name server of the blueprint"));
        assert!(server.heads().is_empty());
    }

    #[tokio::test]
    async fn carry_a_session_over_https_alone_and_only_where_there_is_one() {
        let server = Server::start(|_| ok(&[], b"")).await;
        let world = |session: &str| {
            let access = Access::new(|name| (name == "GOLIVE_TEST_SESSION").then(|| session.to_owned()));
            World::new(Options { access, ..routed_to(server.address) }).unwrap()
        };
        let probe = |scheme| HttpProbe {
            scheme,
            headers: vec![("cookie".to_owned(), format!("session={TEST_SESSION}"))],
            ..get("/account")
        };
        for (session, scheme, wanted) in [
            ("abc", Scheme::Http, "over https alone"),
            ("", Scheme::Https, "GOLIVE_TEST_SESSION is not set"),
            ("a; admin=1", Scheme::Https, "does not hold the value of a cookie"),
        ] {
            let said = refusal(ask_http(&world(session), probe(scheme)).await);
            assert!(said.contains(wanted) && !said.contains("admin"), "{said}");
        }
        assert!(server.heads().is_empty());
    }

    #[tokio::test]
    async fn to_private_addresses_need_a_route_even_when_the_blueprint_names_them() {
        let server = Server::start(|_| ok(&[], b"")).await;
        let mut options = routed_to(server.address);
        options.routed_only = false;
        for private in ["127.0.0.1", "10.0.0.1", "192.0.2.1"] {
            options.allowed.addresses.insert(private.parse().unwrap());
        }
        let world = World::new(options).unwrap();
        for private in ["127.0.0.1", "10.0.0.1", "192.0.2.1"] {
            let probe = HttpProbe { to: Target::Pinned(private.parse().unwrap()), ..get("/") };
            assert!(refusal(ask_http(&world, probe).await).contains("not contacted unless routed"), "{private}");
        }
        http(ask_http(&world, get("/")).await);
    }

    #[tokio::test]
    async fn of_a_live_run_wait_as_they_are_asked_to_and_try_once_more() {
        let busy = "HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
        let server = Server::start(move |n| if n == 0 { say(busy) } else { ok(&[], b"") }).await;
        let live = World::new(Options { routed_only: false, ..routed_to(server.address) }).unwrap();
        let start = Instant::now();
        assert_eq!(http(ask_http(&live, get("/")).await).status, 200);
        assert!(start.elapsed() >= Duration::from_secs(1));
        let server = Server::start(move |_| say(busy)).await;
        let live = World::new(Options { routed_only: false, ..routed_to(server.address) }).unwrap();
        assert_eq!(http(ask_http(&live, get("/")).await).status, 503);
        assert_eq!(server.heads().len(), 2, "once, not for ever");
        let rehearsal = World::new(routed_to(server.address)).unwrap();
        assert_eq!(http(ask_http(&rehearsal, get("/")).await).status, 503);
        assert_eq!(server.heads().len(), 3, "a rehearsal takes the answer as it is");
    }

    #[tokio::test]
    async fn waits_and_disturbances_are_for_rehearsals() {
        let live = World::new(Options { routed_only: false, ..routed_to("127.0.0.1:1".parse().unwrap()) }).unwrap();
        let wait = |seconds| Probe::Wait(Wait { duration: Duration::from_secs(seconds), copies_of: vec![] });
        assert!(refusal(live.ask(&wait(86_400)).await).contains("300 s"));
        assert!(matches!(live.ask(&wait(0)).await, Observation::Done));
        let disturb = Probe::Disturb(golive::probe::Disturbance::AppRefuses);
        assert!(refusal(live.ask(&disturb).await).contains("rehearsal"));
    }
}

mod handshakes {
    use super::*;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    struct Shown {
        root: CertificateDer<'static>,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        /// Of the intermediate, as a file has it.
        issuer_key: String,
    }

    /// A chain of root, intermediate and leaf; `edit` changes the leaf before it is signed.
    fn shown(edit: impl Fn(&mut rcgen::CertificateParams)) -> Shown {
        let (root, root_issuer) = authority();
        let (params, key) = authority_params("golive test intermediate");
        let intermediate = params.signed_by(&key, &root_issuer).unwrap();
        let issuer_key = key.serialize_pem();
        let issuer = rcgen::Issuer::new(params, key);
        let mut leaf = rcgen::CertificateParams::new(vec![HOST.to_owned()]).unwrap();
        leaf.distinguished_name = rcgen::DistinguishedName::new();
        leaf.not_before = rcgen::date_time_ymd(2020, 1, 1);
        leaf.not_after = rcgen::date_time_ymd(2120, 1, 1);
        edit(&mut leaf);
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let chain = vec![leaf.der().clone(), intermediate.der().clone()];
        Shown { root: root.der().clone(), chain, key: key.into(), issuer_key }
    }

    async fn serve(shown: Shown) -> (World, JoinSet<()>) {
        serve_stapling(shown, vec![]).await
    }

    async fn serve_stapling(shown: Shown, staple: Vec<u8>) -> (World, JoinSet<()>) {
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert_with_ocsp(shown.chain, shown.key, staple)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that does not like the certificate leaves.
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    read_head(&mut stream).await;
                    let _ = play(stream, ok(&[], b"secure")).await;
                }
            }
        });
        let world = World::new(Options { roots: Roots::Only(vec![shown.root]), ..routed_to(address) }).unwrap();
        (world, tasks)
    }

    async fn look(world: &World) -> TlsAnswer {
        let probe = TlsProbe { name: HOST.into(), to: Target::Pinned(PUBLIC), nth: 0 };
        match world.ask(&Probe::Tls(probe)).await {
            Observation::Tls(answer) => answer,
            other => panic!("no TLS answer: {other:?}"),
        }
    }

    async fn https(world: &World, path: &str) -> Observation {
        ask_http(world, HttpProbe { scheme: Scheme::Https, ..get(path) }).await
    }

    /// The probe sees the certificate, names the fault, and HTTPS fails for the same reason.
    async fn is_told(shown: Shown, fault: &str) -> TlsAnswer {
        let (world, _tasks) = serve(shown).await;
        let answer = look(&world).await;
        let error = answer.verify_error.clone().expect("a bad certificate");
        assert!(error.contains(fault), "{error}");
        for path in ["/", "/a/../b"] {
            let failure = failure(https(&world, path).await);
            assert_eq!(failure.kind, FailureKind::Tls, "{failure:?}");
            assert!(failure.message.contains(fault), "{failure:?}");
        }
        answer
    }

    #[tokio::test]
    async fn with_a_good_chain_verify() {
        let (world, _tasks) = serve(shown(|_| {})).await;
        let answer = look(&world).await;
        assert_eq!(answer.verify_error, None);
        assert_eq!((answer.chain_length, answer.protocol.as_str()), (2, "TLSv1.3"));
        assert_eq!(answer.connected, "203.0.113.10:443");
        let leaf = answer.leaf.unwrap();
        assert_eq!(leaf.subject_alternative_names, [HOST]);
        assert_eq!(leaf.issuer, "CN=golive test intermediate");
        assert_eq!((leaf.not_before, leaf.not_after), (1_577_836_800, 4_733_510_400));
        assert_eq!(leaf.sha256.len(), 64);
        assert_eq!((leaf.ocsp_url, leaf.must_staple, answer.staple), (None, false, None));
        for path in ["/", "/a/../b"] {
            assert_eq!(http(https(&world, path).await).body.text, "secure");
        }
    }

    #[tokio::test]
    async fn that_must_be_stapled_say_so_and_show_their_staple() {
        let must_staple = |params: &mut rcgen::CertificateParams| {
            let feature = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![48, 3, 2, 1, 5]);
            // caIssuers with one address, then OCSP with another (RFC 5280, section 4.2.2.1).
            let mut access =
                b"\x30\x38\x30\x1b\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x0fhttp://ca.test/".to_vec();
            access.extend(b"\x30\x19\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01\x86\x0dhttp://o.test");
            let access = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access);
            params.custom_extensions = vec![feature, access];
        };
        for (staple, wanted) in [(vec![], None), (b"no OCSP".to_vec(), Some(Staple::Garbled))] {
            let (world, _tasks) = serve_stapling(shown(must_staple), staple).await;
            let answer = look(&world).await;
            let leaf = answer.leaf.unwrap();
            assert_eq!((leaf.must_staple, leaf.ocsp_url.as_deref()), (true, Some("http://o.test")));
            assert_eq!(answer.staple, wanted);
        }
    }

    /// What openssl answers in the name of the intermediate, for a day from now on.
    fn ocsp_answer(shown: &Shown, status: char) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let openssl =
            |arguments: &str| crate::common::run("openssl", &arguments.split(' ').collect::<Vec<_>>(), folder.path());
        for (name, der) in ["leaf", "issuer"].iter().zip(&shown.chain) {
            let text = data_encoding::BASE64.encode(der);
            let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
            let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
            std::fs::write(folder.path().join(format!("{name}.pem")), pem).unwrap();
        }
        std::fs::write(folder.path().join("issuer.key"), &shown.issuer_key).unwrap();
        let serial = openssl("x509 -in leaf.pem -noout -serial");
        let serial = serial.trim().strip_prefix("serial=").unwrap();
        let revoked = if status == 'R' { "260101000000Z" } else { "" };
        let index = format!("{status}\t490101000000Z\t{revoked}\t{serial}\tunknown\t/CN=leaf\n");
        std::fs::write(folder.path().join("index"), index).unwrap();
        openssl("ocsp -issuer issuer.pem -cert leaf.pem -no_nonce -reqout request");
        openssl(
            "ocsp -index index -CA issuer.pem -rsigner issuer.pem -rkey issuer.key -reqin request -respout answer \
             -ndays 1 -resp_no_certs",
        );
        std::fs::read(folder.path().join("answer")).unwrap()
    }

    #[tokio::test]
    async fn that_are_stapled_are_believed_as_their_issuer_says() {
        let another = shown(|_| {});
        for (status, wanted) in [('V', Staple::Good), ('R', Staple::Revoked)] {
            let own = shown(|_| {});
            let answer = ocsp_answer(&own, status);
            let (world, _tasks) = serve_stapling(own, answer).await;
            assert_eq!(look(&world).await.staple, Some(wanted));
        }
        let (world, _tasks) = serve_stapling(shown(|_| {}), ocsp_answer(&another, 'V')).await;
        assert_eq!(look(&world).await.staple, Some(Staple::OfAnother));
        let mut alone = shown(|_| {});
        let answer = ocsp_answer(&alone, 'V');
        alone.chain.truncate(1);
        let (world, _tasks) = serve_stapling(alone, answer).await;
        assert_eq!(look(&world).await.staple, Some(Staple::Unproven));
    }

    #[tokio::test]
    async fn with_a_missing_intermediate_do_not() {
        let mut without = shown(|_| {});
        without.chain.truncate(1);
        let answer = is_told(without, "UnknownIssuer").await;
        assert_eq!(answer.chain_length, 1);
    }

    #[tokio::test]
    async fn with_an_unknown_root_do_not() {
        let (params, key) = authority_params("golive test stranger");
        let stranger = Shown { root: params.self_signed(&key).unwrap().der().clone(), ..shown(|_| {}) };
        is_told(stranger, "UnknownIssuer").await;
    }

    #[tokio::test]
    async fn with_another_name_do_not() {
        let alien = |params: &mut rcgen::CertificateParams| {
            params.subject_alt_names = vec![rcgen::SanType::DnsName("other.example".try_into().unwrap())];
        };
        let answer = is_told(shown(alien), "shop.example.com").await;
        assert_eq!(answer.leaf.unwrap().subject_alternative_names, ["other.example"]);
    }

    #[tokio::test]
    async fn with_an_expired_certificate_do_not() {
        let old = |params: &mut rcgen::CertificateParams| params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        let answer = is_told(shown(old), "expired").await;
        assert_eq!(answer.leaf.unwrap().not_after, 1_609_459_200);
    }

    #[tokio::test]
    async fn that_do_not_happen_are_failures() {
        let scripts = [
            (say("HTTP/1.1 400 Plain HTTP\r\n\r\n"), FailureKind::Tls),
            (say(""), FailureKind::Tls),
            // handshake_failure and unrecognized_name
            (Script::Say(vec![0x15, 3, 3, 0, 2, 2, 40]), FailureKind::Tls),
            (Script::Say(vec![0x15, 3, 3, 0, 2, 2, 112]), FailureKind::Tls),
            (Script::Hang, FailureKind::TimedOut),
        ];
        for (script, kind) in scripts {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let world = impatient(routed_to(listener.local_addr().unwrap()));
            let mut tasks = JoinSet::new();
            tasks.spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    // The client's first message must be read, or closing resets the connection.
                    let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 4096]).await;
                    let _ = play(stream, script.clone()).await;
                }
            });
            let probe = TlsProbe { name: HOST.into(), to: Target::Pinned(PUBLIC), nth: 0 };
            let failure = failure(world.ask(&Probe::Tls(probe)).await);
            assert_eq!(failure.kind, kind, "{failure:?}");
            let failure = super::failure(https(&world, "/").await);
            assert_eq!(failure.kind, kind, "{failure:?}");
        }
    }
}

mod offers {
    use super::*;

    /// What the first bytes of a server make of an offer.
    async fn offered(version: TlsVersion, script: Script) -> Observation {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let world = impatient(routed_to(listener.local_addr().unwrap()));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // The client's first message must be read, or closing resets the connection.
                let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 4096]).await;
                let _ = play(stream, script.clone()).await;
            }
        });
        let probe = TlsOfferProbe { name: HOST.into(), to: Target::Pinned(PUBLIC), version };
        world.ask(&Probe::TlsOffer(probe)).await
    }

    fn offer(observation: Observation) -> TlsOfferAnswer {
        match observation {
            Observation::TlsOffer(answer) => answer,
            other => panic!("no word on the offer: {other:?}"),
        }
    }

    /// The beginning of a ServerHello of this version, in records of so many bytes.
    fn hello(minor: u8, record: usize) -> Vec<u8> {
        let message = [2, 0, 0, 38, 3, minor, 7, 7, 7, 7];
        let records =
            message.chunks(record).map(|part| [&[22, 3, 1, 0, u8::try_from(part.len()).unwrap()][..], part].concat());
        records.flatten().collect()
    }

    const WARNING: [u8; 7] = [21, 3, 1, 0, 2, 1, 112];
    const TOO_OLD: [u8; 7] = [21, 3, 1, 0, 2, 2, 70];

    #[tokio::test]
    async fn are_taken_however_the_answer_is_cut() {
        let at_once = |minor, record| Script::Say(hello(minor, record));
        let dripping = Script::Drip(vec![], hello(1, 100), Duration::from_millis(2));
        let warned = Script::Say([WARNING.to_vec(), hello(1, 100)].concat());
        for (version, script) in [
            (TlsVersion::Tls10, at_once(1, 100)),
            (TlsVersion::Tls11, at_once(2, 100)),
            (TlsVersion::Tls10, at_once(1, 1)),
            (TlsVersion::Tls10, dripping),
            (TlsVersion::Tls10, warned),
        ] {
            let answer = offer(offered(version, script).await);
            assert!(answer.is_taken, "{answer:?}");
            assert_eq!(
                (answer.said, answer.connected.as_str()),
                (format!("it answers with {}", version.as_str()), "203.0.113.10:443")
            );
        }
    }

    #[tokio::test]
    async fn are_refused_by_an_alert_a_step_down_or_a_closed_connection() {
        let old = TlsVersion::Tls11;
        for (version, script, said) in [
            (old, Script::Say(TOO_OLD.to_vec()), "alert: protocol version"),
            (old, Script::Say([WARNING, TOO_OLD].concat()), "alert: protocol version"),
            (old, Script::Say(hello(1, 100)), "it answers with TLS 1.0"),
            (old, say(""), "it hung up"),
            (old, Script::Say(hello(2, 100)[..7].to_vec()), "it hung up"),
            (TlsVersion::Tls12, Script::Say(TOO_OLD.to_vec()), "received fatal alert"),
            (TlsVersion::Tls13, say(""), "it hung up"),
        ] {
            let answer = offer(offered(version, script).await);
            assert!(!answer.is_taken && answer.said.contains(said), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn that_meet_no_tls_are_failures_in_bounded_time() {
        let endless = Script::Endless(vec![], WARNING.to_vec());
        for (version, script, kind) in [
            (TlsVersion::Tls10, say("HTTP/1.1 400 Plain HTTP\r\n\r\n"), FailureKind::Garbage),
            (TlsVersion::Tls10, Script::Say(hello(3, 100)), FailureKind::Garbage),
            (TlsVersion::Tls10, Script::Say(vec![22, 3, 1, 0, 0, 22, 3, 1]), FailureKind::Garbage),
            (TlsVersion::Tls10, endless, FailureKind::Garbage),
            (TlsVersion::Tls10, Script::Hang, FailureKind::TimedOut),
            (TlsVersion::Tls12, say("HTTP/1.1 400 Plain HTTP\r\n\r\n"), FailureKind::Tls),
        ] {
            let failure = failure(offered(version, script).await);
            assert_eq!(failure.kind, kind, "{failure:?}");
        }
        let closed = closed_port();
        let world = World::new(routed_to(closed.address)).unwrap();
        let probe = |name: &str| {
            let version = TlsVersion::Tls10;
            Probe::TlsOffer(TlsOfferProbe { name: name.into(), to: Target::Pinned(PUBLIC), version })
        };
        assert_eq!(failure(world.ask(&probe(HOST)).await).kind, FailureKind::Refused);
        assert!(refusal(world.ask(&probe("evil.example")).await).contains("not a name of the blueprint"));
    }
}

mod names {
    use super::*;
    use hickory_resolver::proto::dnssec::rdata::{DNSSECRData, DS};
    use hickory_resolver::proto::dnssec::{Algorithm, DigestType};
    use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
    use hickory_resolver::proto::rr::rdata::{A, CAA, CNAME, MX, NS, SOA, TXT};
    use hickory_resolver::proto::rr::{Name, RData, Record};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UdpSocket;

    const SERVER: &str = "203.0.113.53";

    type Replies = Arc<dyn Fn(&Message, bool, usize) -> Vec<Vec<u8>> + Send + Sync>;

    struct NameServer {
        address: SocketAddr,
        asked: Arc<std::sync::atomic::AtomicUsize>,
        _tasks: JoinSet<()>,
    }

    impl NameServer {
        /// Answers question `n` (from 0), over TCP when told so, with any number of messages.
        async fn start(replies: impl Fn(&Message, bool, usize) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Self {
            let replies: Replies = Arc::new(replies);
            // A port free for TCP may be some client's for UDP: the next one will do.
            let (tcp, udp) = loop {
                let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
                if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                    break (tcp, udp);
                }
            };
            let address = tcp.local_addr().unwrap();
            let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let next = |asked: &std::sync::atomic::AtomicUsize| asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut tasks = JoinSet::new();
            let (over_udp, count) = (replies.clone(), asked.clone());
            tasks.spawn(async move {
                let mut buffer = vec![0; 4096];
                while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
                    let query = Message::from_vec(&buffer[..length]).unwrap();
                    for reply in over_udp(&query, false, next(&count)) {
                        udp.send_to(&reply, from).await.unwrap();
                    }
                }
            });
            let count = asked.clone();
            tasks.spawn(async move {
                while let Ok((mut stream, _)) = tcp.accept().await {
                    let length = stream.read_u16().await.unwrap();
                    let mut buffer = vec![0; usize::from(length)];
                    stream.read_exact(&mut buffer).await.unwrap();
                    let query = Message::from_vec(&buffer).unwrap();
                    for reply in replies(&query, true, next(&count)) {
                        stream.write_u16(u16::try_from(reply.len()).unwrap()).await.unwrap();
                        stream.write_all(&reply).await.unwrap();
                    }
                }
            });
            Self { address, asked, _tasks: tasks }
        }

        fn options(&self) -> Options {
            let server: std::net::IpAddr = SERVER.parse().unwrap();
            let mut options = routed_to(self.address);
            options.routes = Routes::from([((server, 53).into(), self.address)]);
            options.allowed.addresses = BTreeSet::from([server]);
            options.resolvers = vec![self.address];
            options
        }

        fn asked(&self) -> usize {
            self.asked.load(std::sync::atomic::Ordering::SeqCst)
        }
    }

    fn reply(query: &Message, code: ResponseCode, answers: Vec<Record>) -> Message {
        let mut message = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
        message.metadata.authoritative = true;
        message.metadata.response_code = code;
        message.queries = query.queries.clone();
        message.answers = answers;
        message
    }

    fn record(name: &str, data: RData) -> Record {
        Record::from_rdata(Name::from_ascii(name).unwrap(), 300, data)
    }

    fn a(name: &str, last: u8) -> Record {
        record(name, RData::A(A::new(203, 0, 113, last)))
    }

    fn bytes(message: &Message) -> Vec<Vec<u8>> {
        vec![message.to_vec().unwrap()]
    }

    fn question(server: DnsServer, record_type: RecordType) -> Probe {
        Probe::Dns(DnsProbe { server, name: HOST.into(), record_type, signatures: Signatures::NotAsked, nth: 0 })
    }

    async fn ask(world: &World) -> Observation {
        world.ask(&question(DnsServer::Authoritative(SERVER.parse().unwrap()), RecordType::A)).await
    }

    fn dns(observation: Observation) -> DnsAnswer {
        match observation {
            Observation::Dns(answer) => answer,
            other => panic!("no DNS answer: {other:?}"),
        }
    }

    #[tokio::test]
    async fn are_asked_without_recursion_and_answered_in_plain_form() {
        let server = NameServer::start(|query, tcp, _| {
            assert!(!tcp && !query.metadata.recursion_desired);
            let caa = CAA::new_issue(true, Some(Name::from_ascii("letsencrypt.org").unwrap()), vec![]);
            bytes(&reply(
                query,
                ResponseCode::NoError,
                vec![
                    record("SHOP.Example.com.", RData::CNAME(CNAME(Name::from_ascii("Shop.CDN.example.").unwrap()))),
                    a("shop.cdn.example.", 10),
                    record("shop.cdn.example.", RData::TXT(TXT::new(vec!["v=spf1 ".into(), "-all".into()]))),
                    record("shop.cdn.example.", RData::CAA(caa)),
                    record("shop.cdn.example.", RData::MX(MX::new(0, Name::root()))),
                ],
            ))
        })
        .await;
        let answer = dns(ask(&World::new(server.options()).unwrap()).await);
        assert_eq!((answer.rcode, answer.authoritative, answer.server.as_str()), (Rcode::NoError, true, SERVER));
        let found: Vec<_> = answer.answers.iter().map(|r| (r.name.as_str(), r.ttl, r.data.clone())).collect();
        let target = "shop.cdn.example";
        assert_eq!(
            found,
            [
                (HOST, 300, RecordData::Cname(target.into())),
                (target, 300, RecordData::A("203.0.113.10".parse().unwrap())),
                (target, 300, RecordData::Txt("v=spf1 -all".into())),
                (target, 300, RecordData::Caa { critical: true, tag: "issue".into(), value: "letsencrypt.org".into() }),
                (target, 300, RecordData::Mx { preference: 0, exchange: ".".into() }),
            ]
        );
        assert_eq!(server.asked(), 1);
    }

    #[tokio::test]
    async fn that_do_not_exist_are_answers() {
        for code in [ResponseCode::NXDomain, ResponseCode::NoError] {
            let server = NameServer::start(move |query, _, _| {
                let mut message = reply(query, code, vec![]);
                let (primary, hostmaster) =
                    (Name::from_ascii("NS1.example.").unwrap(), Name::from_ascii("h.example.").unwrap());
                let soa = SOA::new(primary, hostmaster, 7, -1, 2, 3, 60);
                message.authorities = vec![record("example.com.", RData::SOA(soa))];
                bytes(&message)
            })
            .await;
            let answer = dns(ask(&World::new(server.options()).unwrap()).await);
            let expected = if code == ResponseCode::NXDomain { Rcode::NxDomain } else { Rcode::NoError };
            assert_eq!(answer.rcode, expected);
            let soa = answer.authority_soa().unwrap();
            assert_eq!((soa.primary.as_str(), soa.serial, soa.refresh, soa.minimum), ("ns1.example", 7, u32::MAX, 60));
        }
    }

    #[tokio::test]
    async fn that_are_refused_without_repeating_the_question_are_answers() {
        let server = NameServer::start(|query, _, _| {
            let mut message = reply(query, ResponseCode::Refused, vec![]);
            message.queries.clear();
            bytes(&message)
        })
        .await;
        assert_eq!(dns(ask(&World::new(server.options()).unwrap()).await).rcode, Rcode::Refused);
    }

    #[tokio::test]
    async fn with_long_answers_are_asked_again_over_tcp() {
        let server = NameServer::start(|query, tcp, _| {
            let many = (0..200).map(|last| a("shop.example.com.", last)).collect();
            let mut message = reply(query, ResponseCode::NoError, if tcp { many } else { vec![] });
            message.metadata.truncation = !tcp;
            bytes(&message)
        })
        .await;
        assert_eq!(dns(ask(&World::new(server.options()).unwrap()).await).answers.len(), 200);
        assert_eq!(server.asked(), 2);
    }

    #[tokio::test]
    async fn with_forged_answers_wait_for_the_real_one() {
        let server = NameServer::start(|query, _, _| {
            let real = reply(query, ResponseCode::NoError, vec![a("shop.example.com.", 10)]);
            let forged = reply(query, ResponseCode::NoError, vec![a("shop.example.com.", 66)]);
            let mut other_id = forged.clone();
            other_id.metadata.id = query.metadata.id.wrapping_add(1);
            let mut other_question = forged.clone();
            other_question.queries[0].set_name(Name::from_ascii("evil.example.").unwrap());
            let mut echo = forged.clone();
            echo.metadata.message_type = MessageType::Query;
            [other_id, other_question, echo, real].iter().flat_map(bytes).collect()
        })
        .await;
        let answer = dns(ask(&World::new(server.options()).unwrap()).await);
        assert_eq!(answer.answers[0].data, RecordData::A("203.0.113.10".parse().unwrap()));
    }

    #[tokio::test]
    async fn asked_of_servers_that_talk_garbage_or_nothing_end_in_time() {
        let garbage = NameServer::start(|query, _, n| {
            let id = query.metadata.id.to_be_bytes();
            vec![match n {
                0 => b"hello".to_vec(),
                1 => [&id[..], &[0xff; 40]].concat(),
                _ => vec![0x80; 600],
            }]
        })
        .await;
        let failed = failure(ask(&impatient(garbage.options())).await);
        assert_eq!(failed.kind, FailureKind::Garbage, "{failed:?}");
        assert!(
            failed.message.starts_with("name server 203.0.113.53:53: 5 bytes that are no DNS message"),
            "{failed:?}"
        );
        assert_eq!(garbage.asked(), 3);

        let silent = NameServer::start(|_, _, _| vec![]).await;
        let start = Instant::now();
        assert_eq!(failure(ask(&impatient(silent.options())).await).kind, FailureKind::TimedOut);
        assert!(start.elapsed() < Duration::from_secs(3));
        assert_eq!(silent.asked(), 3, "UDP twice, then TCP");

        let tcp_only =
            NameServer::start(
                |query, tcp, _| {
                    if tcp { bytes(&reply(query, ResponseCode::NoError, vec![])) } else { vec![] }
                },
            )
            .await;
        assert_eq!(dns(ask(&impatient(tcp_only.options())).await).rcode, Rcode::NoError);
    }

    #[tokio::test]
    async fn asked_of_nobody_are_refused_at_once() {
        let closed = closed_port();
        let mut options = routed_to(closed.address);
        let server: std::net::IpAddr = SERVER.parse().unwrap();
        options.routes = Routes::from([((server, 53).into(), closed.address)]);
        options.allowed.addresses.insert(server);
        let start = Instant::now();
        assert_eq!(failure(ask(&World::new(options).unwrap()).await).kind, FailureKind::Refused);
        assert!(start.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test]
    async fn with_their_signatures_are_asked_with_the_bits_that_say_so() {
        let server = NameServer::start(|query, _, _| {
            let edns = query.edns.as_ref().unwrap();
            let mut message = reply(query, ResponseCode::NoError, vec![]);
            message.metadata.authentic_data = edns.flags().dnssec_ok && !query.metadata.checking_disabled;
            message.metadata.checking_disabled = query.metadata.checking_disabled;
            let digest = vec![0xab; 32];
            let ds = DS::new(7, Algorithm::ECDSAP256SHA256, DigestType::SHA256, digest);
            message.answers = vec![record("example.com.", RData::DNSSEC(DNSSECRData::DS(ds)))];
            bytes(&message)
        })
        .await;
        let mut options = server.options();
        options.allowed.resolvers = BTreeSet::from([SERVER.parse().unwrap()]);
        let world = World::new(options).unwrap();
        for (signatures, authenticated) in
            [(Signatures::NotAsked, false), (Signatures::Asked, true), (Signatures::Unchecked, false)]
        {
            let server = DnsServer::Named(SERVER.parse().unwrap());
            let probe = DnsProbe { server, name: HOST.into(), record_type: RecordType::Ds, signatures, nth: 0 };
            let answer = dns(world.ask(&Probe::Dns(probe)).await);
            assert_eq!(answer.authenticated, authenticated, "{signatures:?}");
            let wanted = Dnssec::Delegation { key_tag: 7, algorithm: 13, digest_type: 2, digest: "ab".repeat(32) };
            assert_eq!(answer.answers[0].data, RecordData::Dnssec(wanted));
        }
    }

    #[tokio::test]
    async fn at_a_named_resolver_are_asked_again_over_tcp_and_nowhere_else() {
        let server = NameServer::start(|query, tcp, _| {
            assert!(query.metadata.recursion_desired);
            let mut message = reply(query, ResponseCode::NoError, vec![a("shop.example.com.", 10)]);
            message.metadata.truncation = !tcp;
            let mut forged = message.clone();
            forged.metadata.id = query.metadata.id.wrapping_add(1);
            forged.metadata.truncation = false;
            [forged, message].iter().flat_map(bytes).collect()
        })
        .await;
        let mut options = server.options();
        let named = Probe::Dns(DnsProbe {
            server: DnsServer::Named(SERVER.parse().unwrap()),
            name: HOST.into(),
            record_type: RecordType::A,
            signatures: Signatures::NotAsked,
            nth: 0,
        });
        // A name server of the blueprint is no resolver of it.
        let because = refusal(World::new(server.options()).unwrap().ask(&named).await);
        assert!(because.contains("no resolver of the blueprint"), "{because}");
        options.allowed.resolvers = BTreeSet::from([SERVER.parse().unwrap()]);
        let answer = dns(World::new(options).unwrap().ask(&named).await);
        assert_eq!((answer.answers.len(), answer.server.as_str()), (1, SERVER));
        assert_eq!(server.asked(), 2, "UDP, then TCP");
    }

    #[tokio::test]
    async fn that_refer_to_others_come_with_servers_and_addresses() {
        let server = NameServer::start(|query, _, _| {
            let mut message = reply(query, ResponseCode::NoError, vec![]);
            message.metadata.authoritative = false;
            message.authorities =
                vec![record("example.com.", RData::NS(NS(Name::from_ascii("NS.example.com.").unwrap())))];
            message.additionals = vec![a("ns.example.com.", 53)];
            bytes(&message)
        })
        .await;
        let answer = dns(ask(&World::new(server.options()).unwrap()).await);
        assert!(!answer.authoritative && answer.answers.is_empty() && answer.authority_soa().is_none());
        assert_eq!(answer.authority[0].data, RecordData::Ns("ns.example.com".into()));
        assert_eq!(answer.additional[0].data, RecordData::A("203.0.113.53".parse().unwrap()));
    }

    #[tokio::test]
    async fn whose_aliases_run_in_a_circle_lead_nowhere() {
        let server = NameServer::start(|query, _, _| {
            let alias = |from: &str, to: &str| record(from, RData::CNAME(CNAME(Name::from_ascii(to).unwrap())));
            let circle = [("shop.example.com.", "b.example."), ("b.example.", "shop.example.com.")];
            let answers = (0..40).map(|n| alias(circle[n % 2].0, circle[n % 2].1)).collect();
            bytes(&reply(query, ResponseCode::NoError, answers))
        })
        .await;
        let world = World::new(server.options()).unwrap();
        let failure = failure(ask_http(&world, HttpProbe { to: Target::Resolved, ..get("/") }).await);
        assert_eq!(failure.kind, FailureKind::Unresolved, "{failure:?}");
        assert_eq!(dns(ask(&world).await).answers.len(), 40);
    }

    #[tokio::test]
    async fn that_are_aliases_of_the_blueprint_may_lead_anywhere_but_to_a_pin() {
        let web = Server::start(|_| ok(&[], b"theirs")).await;
        let server = NameServer::start(|query, _, _| {
            bytes(&reply(query, ResponseCode::NoError, vec![a("shop.example.com.", 99)]))
        })
        .await;
        let options = |is_alias: bool| {
            let mut options = Options { resolvers: vec![server.address], ..routed_to(web.address) };
            options.routes.insert("203.0.113.99:80".parse().unwrap(), web.address);
            if is_alias {
                options.allowed.hosts.clear();
                options.allowed.aliases = BTreeSet::from([HOST.to_owned()]);
            }
            options
        };
        let resolved = HttpProbe { to: Target::Resolved, ..get("/") };
        let because = refusal(ask_http(&World::new(options(false)).unwrap(), resolved.clone()).await);
        assert!(because.contains("neither the CDN's"), "{because}");
        let world = World::new(options(true)).unwrap();
        assert_eq!(http(ask_http(&world, resolved).await).body.text, "theirs");
        let because = refusal(ask_http(&world, get("/")).await);
        assert!(because.contains("asked as visitors ask"), "{because}");
    }

    #[tokio::test]
    async fn go_to_the_first_resolver_that_answers_with_recursion_desired() {
        let server = NameServer::start(|query, _, _| {
            assert!(query.metadata.recursion_desired);
            bytes(&reply(query, ResponseCode::ServFail, vec![]))
        })
        .await;
        let mut options = server.options();
        let closed = closed_port();
        options.resolvers = vec![closed.address, "9.9.9.9:53".parse().unwrap(), server.address];
        let world = World::new(options).unwrap();
        let answer = dns(world.ask(&question(DnsServer::Resolver, RecordType::Txt)).await);
        assert_eq!((answer.rcode, answer.server.as_str()), (Rcode::ServFail, "127.0.0.1"));
    }

    #[tokio::test]
    async fn are_not_held_against_the_site_when_the_resolver_is_the_fault() {
        let garbage = NameServer::start(|_, _, _| vec![vec![1, 2, 3]]).await;
        let refusing = NameServer::start(|query, _, _| bytes(&reply(query, ResponseCode::Refused, vec![]))).await;
        let closed = closed_port();
        for resolver in [garbage.address, refusing.address, closed.address] {
            let world = impatient(Options { resolvers: vec![resolver], ..garbage.options() });
            let failure = failure(ask_http(&world, HttpProbe { to: Target::Resolved, ..get("/") }).await);
            assert_eq!(failure.kind, FailureKind::Unreachable, "{failure:?}");
        }
    }

    #[tokio::test]
    async fn are_resolved_once_a_run_as_for_any_visitor() {
        let web = Server::start(|_| ok(&[], b"")).await;
        // Another order each time, as round-robin servers answer.
        let server = NameServer::start(|query, _, n| {
            let mut answers =
                vec![record("shop.example.com.", RData::CNAME(CNAME(Name::from_ascii("cdn.example.").unwrap())))];
            answers.extend([10, 11].map(|last| a("cdn.example.", last)));
            if n % 2 == 1 {
                answers.swap(1, 2);
            }
            bytes(&reply(query, ResponseCode::NoError, answers))
        })
        .await;
        let options = Options { resolvers: vec![server.address], ..routed_to(web.address) };
        let world = World::new(options).unwrap();
        for nth in 0..3 {
            let answer = http(ask_http(&world, HttpProbe { to: Target::Resolved, nth, ..get("/") }).await);
            assert_eq!(answer.connected, "203.0.113.10:80");
        }
        assert_eq!(server.asked(), 1);
    }

    #[tokio::test]
    async fn that_lead_away_from_the_blueprint_are_not_followed() {
        let server = NameServer::start(|query, _, _| {
            bytes(&reply(query, ResponseCode::NoError, vec![a("shop.example.com.", 99)]))
        })
        .await;
        let mut options = Options { routed_only: false, ..server.options() };
        let probe = HttpProbe { to: Target::Resolved, ..get("/") };
        let because = refusal(ask_http(&World::new(options).unwrap(), probe.clone()).await);
        assert!(because.contains("shop.example.com leads to 203.0.113.99, which is neither the CDN's"), "{because}");
        options = Options { routed_only: false, ..server.options() };
        options.allowed = Allowed { ranges: Some(vec!["203.0.113.0/24".parse().unwrap()]), ..options.allowed };
        let because = refusal(ask_http(&World::new(options).unwrap(), probe).await);
        assert!(because.contains("documentation"), "{because}");
    }

    #[tokio::test]
    async fn of_a_network_that_answers_for_everybody_are_no_evidence() {
        let portal = NameServer::start(|query, _, _| {
            let name = query.queries[0].name().clone();
            let here = Record::from_rdata(name, 60, RData::A(A::new(203, 0, 113, 10)));
            bytes(&reply(query, ResponseCode::NoError, vec![here]))
        })
        .await;
        let web = Server::start(|_| ok(&[], b"log in here")).await;
        let routes = Routes::from([
            ((PUBLIC, 80).into(), web.address),
            ((SERVER.parse::<std::net::IpAddr>().unwrap(), 53).into(), portal.address),
        ]);
        let options = || {
            let mut options = Options { routed_only: false, routes: routes.clone(), ..portal.options() };
            options.allowed = Allowed {
                addresses: BTreeSet::from([PUBLIC, SERVER.parse().unwrap()]),
                ranges: None,
                ..options.allowed
            };
            options
        };
        let world = World::new(options()).unwrap();
        for probe in [
            Probe::Http(HttpProbe { to: Target::Resolved, ..get("/") }),
            Probe::Http(get("/")),
            Probe::Samples(SamplesProbe { request: get("/"), count: 3 }),
            question(DnsServer::Resolver, RecordType::A),
            question(DnsServer::Authoritative(SERVER.parse().unwrap()), RecordType::A),
        ] {
            let because = refusal(world.ask(&probe).await);
            assert!(because.contains("the network here is captive"), "{because}");
        }
        assert_eq!((portal.asked(), web.heads().len()), (1, 0), "one question, and nothing more");
        let rehearsed = World::new(Options { routed_only: true, ..options() }).unwrap();
        http(ask_http(&rehearsed, get("/")).await);
    }

    /// Meta drill 106: our own clock, two days ahead of everybody's.
    #[tokio::test]
    async fn of_signed_zones_are_not_judged_by_a_clock_that_is_wrong() {
        let dated = |hours: i64, age: i64| {
            let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
            let date = then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            ok(&[&format!("date: {date}"), &format!("age: {age}")], b"")
        };
        let (hour, day) = (3600, 24);
        for (script, wrong) in [
            (dated(0, 0), None),
            (ok(&[], b""), None),
            (ok(&["date: yesterday"], b""), None),
            // A copy of two days ago, which says so.
            (dated(2 * day, 2 * 24 * hour), None),
            (dated(2 * day, 0), Some("48 hours ahead of that of shop.example.com")),
            (dated(-2 * day, 0), Some("hours behind that of shop.example.com")),
        ] {
            let web = Server::start(move |_| script.clone()).await;
            let server = NameServer::start(|query, _, _| {
                let name = query.queries[0].name().to_string();
                let known = name.starts_with("shop.").then(|| a("shop.example.com.", 10));
                let code = if known.is_some() { ResponseCode::NoError } else { ResponseCode::NXDomain };
                bytes(&reply(query, code, known.into_iter().collect()))
            })
            .await;
            let mut options = Options { routed_only: false, resolvers: vec![server.address], ..routed_to(web.address) };
            options.allowed.ranges = None;
            let world = World::new(options).unwrap();
            let signed = Probe::Dns(DnsProbe {
                server: DnsServer::Resolver,
                name: HOST.into(),
                record_type: RecordType::A,
                signatures: Signatures::Asked,
                nth: 0,
            });
            let shown = Probe::Tls(TlsProbe { name: HOST.into(), to: Target::Pinned(PUBLIC), nth: 0 });
            for judged_by_it in [signed, shown] {
                let seen = world.ask(&judged_by_it).await;
                match (wrong, &seen) {
                    (Some(words), Observation::NotAsked { because }) => assert!(because.contains(words), "{because}"),
                    (None, Observation::Dns(_) | Observation::Failed(_)) => {}
                    other => panic!("{other:?}"),
                }
            }
            // What no certificate is needed for is asked all the same.
            assert!(matches!(ask_http(&world, get("/")).await, Observation::Http(_)));
        }
    }

    #[tokio::test]
    async fn without_address_are_unresolved() {
        let server = NameServer::start(|query, _, _| bytes(&reply(query, ResponseCode::NXDomain, vec![]))).await;
        let world = World::new(server.options()).unwrap();
        let failure = failure(ask_http(&world, HttpProbe { to: Target::Resolved, ..get("/") }).await);
        assert_eq!(failure.kind, FailureKind::Unresolved);
        assert!(failure.message.contains("NXDOMAIN"), "{failure:?}");
        assert_eq!(server.asked(), 2, "A, then AAAA");
    }
}
