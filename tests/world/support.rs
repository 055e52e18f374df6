//! Servers on loopback that behave as badly as a test wants, and worlds that reach them under public addresses.
//! Each server ends with the value that stands for it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use golive::probe::{HttpProbe, Observation, Probe, Scheme, Target};
use golive::providers::api::Access;
use golive::world::{Allowed, Options, Roots, Routes, World};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub const HOST: &str = "shop.example.com";
/// A documentation address: reachable through routes alone.
pub const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10));

/// What a server does once it has read a request's head.
#[derive(Clone)]
pub enum Script {
    /// Sends these bytes and closes.
    Say(Vec<u8>),
    /// Sends the first, then each byte of the second after a pause.
    Drip(Vec<u8>, Vec<u8>, Duration),
    /// Sends the first, then the second for ever.
    Endless(Vec<u8>, Vec<u8>),
    /// Keeps the connection open and says nothing.
    Hang,
}

pub fn say(text: &str) -> Script {
    Script::Say(text.as_bytes().to_vec())
}

/// `200 OK` with these header lines and this body.
pub fn ok(headers: &[&str], body: &[u8]) -> Script {
    let mut bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", body.len()).into_bytes();
    for header in headers {
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    Script::Say(bytes)
}

pub async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Ends early when the client hangs up, which is what it is tested for.
pub async fn play(mut stream: impl AsyncRead + AsyncWrite + Unpin, script: Script) -> std::io::Result<()> {
    match script {
        Script::Say(bytes) => stream.write_all(&bytes).await?,
        Script::Drip(start, rest, pause) => {
            stream.write_all(&start).await?;
            for byte in rest {
                tokio::time::sleep(pause).await;
                stream.write_all(&[byte]).await?;
            }
        }
        Script::Endless(start, again) => {
            stream.write_all(&start).await?;
            loop {
                stream.write_all(&again).await?;
            }
        }
        Script::Hang => {
            stream.read_to_end(&mut Vec::new()).await?;
        }
    }
    stream.shutdown().await
}

pub struct Server {
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Answers request number `n` (from 0) with `script(n)`, one request a connection.
    pub async fn start(script: impl Fn(usize) -> Script + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            let mut count = 0;
            while let Ok((mut stream, _)) = listener.accept().await {
                let script = script(count);
                count += 1;
                let seen = seen.clone();
                connections.spawn(async move {
                    let head = read_head(&mut stream).await;
                    // Before the answer: a client that has its answer finds its request here.
                    seen.lock().unwrap().push(head);
                    let _ = play(stream, script).await;
                });
            }
        });
        Self { address, heads, _tasks: tasks }
    }

    /// Request heads in the order received.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// Options of a rehearsal in which [`PUBLIC`] is served by `server` on ports 80 and 443.
pub fn routed_to(server: SocketAddr) -> Options {
    Options {
        routes: Routes::from([((PUBLIC, 80).into(), server), ((PUBLIC, 443).into(), server)]),
        routed_only: true,
        allowed: Allowed {
            hosts: BTreeSet::from([HOST.to_owned()]),
            addresses: BTreeSet::from([PUBLIC]),
            ranges: Some(Vec::new()),
            ..Allowed::default()
        },
        resolvers: Vec::new(),
        roots: Roots::Only(vec![authority().0.der().clone()]),
        user_agent: "golive-test".to_owned(),
        timeout: Duration::from_secs(5),
        burst_per_second: None,
        stage: None,
        access: Access::default(),
    }
}

pub fn impatient(options: Options) -> World {
    World::new(Options { timeout: Duration::from_millis(400), ..options }).unwrap()
}

/// A root certificate and what signs with it.
pub fn authority() -> (rcgen::Certificate, rcgen::Issuer<'static, rcgen::KeyPair>) {
    let (params, key) = authority_params("golive test root");
    let certificate = params.self_signed(&key).unwrap();
    (certificate, rcgen::Issuer::new(params, key))
}

pub fn authority_params(name: &str) -> (rcgen::CertificateParams, rcgen::KeyPair) {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    (params, rcgen::KeyPair::generate().unwrap())
}

pub fn get(path: &str) -> HttpProbe {
    HttpProbe {
        scheme: Scheme::Http,
        host: HOST.to_owned(),
        host_header: None,
        path: path.to_owned(),
        to: Target::Pinned(PUBLIC),
        headers: Vec::new(),
        nth: 0,
    }
}

pub async fn ask_http(world: &World, probe: HttpProbe) -> Observation {
    world.ask(&Probe::Http(probe)).await
}
