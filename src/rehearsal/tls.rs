//! TLS as the rehearsal's own servers offer it: HTTP/1.1, one certificate.
//!
//! Of the versions that RFC 8996 forbids, which rustls does not speak, a server of the rehearsal says no more than that
//! it would go on: nobody who speaks nothing better is ever served here.

use std::sync::Arc;
use std::time::Duration;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::ca::Issued;
use crate::probe::TlsVersion;
use crate::world::tls_offer;

/// Presents its certificate whatever name is asked for, as the router of a platform does.
pub fn acceptor(certificate: &Issued) -> Result<TlsAcceptor, rustls::Error> {
    let key = certificate.certified_key()?;
    acceptor_with(Arc::new(Always(key)), rustls::ALL_VERSIONS)
}

/// Presents its certificate for the names that `serves` takes, and refuses the handshake for others.
pub fn acceptor_for(
    certificate: &Issued,
    versions: &[&'static SupportedProtocolVersion],
    serves: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> Result<TlsAcceptor, rustls::Error> {
    let key = certificate.certified_key()?;
    acceptor_with(Arc::new(Only { key, serves: Box::new(serves) }), versions)
}

fn acceptor_with(
    resolver: Arc<dyn ResolvesServerCert>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<TlsAcceptor, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// How often, and how long apart, a client's first bytes are looked for.
const LOOKS: (u32, Duration) = (500, Duration::from_millis(2));

/// The connection as it came, unless its client speaks nothing better than TLS 1.1. Such a client is told that its
/// version is taken, where it is allowed, and then that the talk is over; rustls refuses the others by itself.
pub async fn not_outdated(mut stream: TcpStream, allowed: &[TlsVersion]) -> Option<TcpStream> {
    let mut start = [0; tls_offer::START];
    for _ in 0..LOOKS.0 {
        match stream.peek(&mut start).await {
            Ok(tls_offer::START) | Ok(0) | Err(_) => break,
            Ok(_) => tokio::time::sleep(LOOKS.1).await,
        }
    }
    match tls_offer::outdated(&start) {
        Some(version) if allowed.contains(&version) => {
            // Gone in the middle, the client is gone: there is nobody to tell.
            let _ = stream.write_all(&tls_offer::server_hello(version)).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
            None
        }
        _ => Some(stream),
    }
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

struct Only {
    key: Arc<CertifiedKey>,
    serves: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

impl std::fmt::Debug for Only {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Only")
    }
}

impl ResolvesServerCert for Only {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        (self.serves)(&name).then(|| Arc::clone(&self.key))
    }
}
